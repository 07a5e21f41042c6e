//! An operator's pause, in the midst of a pass.

use std::time::Duration;

use diptych::model::ControlVerb;
use diptych::sandbox::side::Side;

use super::guards::order;
use crate::simulation::{Setting, Simulation};

const MINUTE: Duration = Duration::from_secs(60);

/// A first sync that takes its minutes.
fn slow() -> Simulation {
    let (faults, latency) = ("none".into(), "sentinel=1s,servicenow=4s");
    Simulation::new(Setting { seed: 33, incidents: 40, rate: 0.0, faults, latency, ..Setting::default() })
}

fn written(sim: &Simulation) -> u64 {
    sim.writes(Side::Sentinel) + sim.writes(Side::ServiceNow)
}

#[test]
fn a_pause_stops_a_pass_that_is_under_way_and_a_resume_goes_on() {
    let mut sim = slow();
    sim.run_for(MINUTE * 2);
    let before = written(&sim);
    assert!(before > 5, "the pass writes: {before}");
    order(&sim, ControlVerb::Pause);
    // What every link had on its way by then is finished.
    sim.run_for(Duration::from_secs(45));
    let paused = written(&sim);
    assert!(paused <= before + 24, "{before} then {paused}");
    let (reads, records) = (sim.requests(Side::ServiceNow), sim.worlds().records.len());
    sim.run_for(MINUTE * 10);
    assert_eq!((written(&sim), sim.requests(Side::ServiceNow)), (paused, reads), "nothing is asked either");
    assert!(records < sim.worlds().incidents.len(), "{records} records: it was under way");
    let told = sim.with_store(async |s| s.workspaces().await).unwrap().remove(0);
    assert!(told.paused);
    order(&sim, ControlVerb::Resume);
    sim.run_for(MINUTE * 20);
    sim.assert_in_step(33);
    sim.assert_idle(5);
}

#[test]
fn a_kill_beside_a_pause_neither_forgets_it_nor_what_was_read() {
    for effects in (0..60).step_by(20) {
        for applied in [false, true] {
            let mut sim = slow();
            sim.run_for(MINUTE);
            order(&sim, ControlVerb::Pause);
            sim.kill_at(0, crate::simulation::Boundary { effects, applied }, Duration::from_secs(20));
            sim.run_for(MINUTE * 2);
            let paused = written(&sim);
            sim.run_for(MINUTE * 5);
            assert_eq!(written(&sim), paused, "killed after {effects} effects, applied: {applied}");
            order(&sim, ControlVerb::Resume);
            sim.run_for(MINUTE * 20);
            sim.assert_in_step(33);
        }
    }
}
