//! The number of a record as a label of its incident.

use std::time::Duration;

use diptych::model::CommandState;
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::{IncidentAct, IncidentFacts};
use diptych::sandbox::side::Side;

use crate::simulation::{Boundary, NUMBER_LABEL, Setting, Simulation};

const MINUTE: Duration = Duration::from_secs(60);

fn labelled() -> Simulation {
    let faults = "none".into();
    let number_label = NUMBER_LABEL;
    Simulation::new(Setting { seed: 21, incidents: 4, rate: 0.0, faults, number_label, ..Setting::default() })
}

fn wanted(sim: &Simulation) -> Vec<IncidentFacts> {
    let mut all = sim.worlds().incidents;
    all.retain(|i| i.labels.iter().any(|l| l == "snow"));
    all
}

/// Every linked incident has its own label, once, beside those that it had.
fn assert_labelled(sim: &Simulation) {
    for incident in wanted(sim) {
        let number = &sim.record_of(&incident.guid).fields["number"];
        let ours: Vec<&String> = incident.labels.iter().filter(|l| l.starts_with(NUMBER_LABEL)).collect();
        assert_eq!(ours, [&format!("{NUMBER_LABEL}{number}")], "{:?}", incident.labels);
    }
}

#[test]
fn each_incident_gets_one_and_closed_ones_do_too() {
    let mut sim = labelled();
    let closed = wanted(&sim).into_iter().find(|i| i.status != "Closed").unwrap();
    let act = IncidentAct::Close {
        classification: "Undetermined".into(),
        reason: None,
        comment: "before it had a record".into(),
    };
    sim.act_in_sentinel(&closed.guid, &act, &CAST[0]);
    sim.run_for(MINUTE * 2);
    assert_labelled(&sim);
    sim.assert_in_step(21);
    sim.assert_idle(5);
    sim.kill();
    let before = sim.writes(Side::Sentinel);
    sim.run_for(MINUTE * 2);
    assert_eq!(sim.writes(Side::Sentinel), before);
}

#[test]
fn a_person_who_removes_it_has_the_last_word() {
    let mut sim = labelled();
    sim.run_for(MINUTE * 2);
    let one = wanted(&sim).remove(0);
    let label = one.labels.iter().find(|l| l.starts_with(NUMBER_LABEL)).unwrap().clone();
    sim.act_in_sentinel(&one.guid, &IncidentAct::Unlabel(label.clone()), &CAST[0]);
    sim.run_for(MINUTE);
    sim.act_in_sentinel(&one.guid, &IncidentAct::Severity("Low".into()), &CAST[0]);
    sim.kill();
    sim.run_for(MINUTE * 2);
    let now = wanted(&sim).into_iter().find(|i| i.guid == one.guid).unwrap();
    assert!(!now.labels.contains(&label), "{:?}", now.labels);
    sim.assert_in_step(21);
    sim.assert_idle(5);
}

#[test]
fn a_kill_at_any_step_neither_loses_nor_repeats_it() {
    for effects in (0..70).step_by(3) {
        for applied in [false, true] {
            let mut sim = labelled();
            sim.kill_at(0, Boundary { effects, applied }, Duration::from_secs(5));
            sim.run_for(MINUTE * 5);
            assert_labelled(&sim);
            sim.assert_in_step(21);
            sim.assert_idle(3);
        }
    }
}

#[test]
fn a_label_without_an_answer_and_one_that_is_refused_hold_nothing_up() {
    for fault in ["commit-then-drop", "drop-before", "late-commit"] {
        let mut sim = labelled();
        sim.strike(&format!("only:sentinel.{fault}=1"));
        sim.run_for(MINUTE);
        sim.strike("none");
        sim.run_for(MINUTE * 20);
        assert_labelled(&sim);
        sim.assert_in_step(21);
    }
}

#[test]
fn what_was_removed_is_not_written_again_when_the_pair_is_tied_again() {
    for meanwhile in [false, true] {
        let mut sim = labelled();
        sim.run_for(MINUTE * 2);
        let one = wanted(&sim).remove(0);
        let label = one.labels.iter().find(|l| l.starts_with(NUMBER_LABEL)).unwrap().clone();
        let remove = |sim: &Simulation| {
            sim.act_in_sentinel(&one.guid, &IncidentAct::Unlabel(label.clone()), &CAST[0]);
        };
        if !meanwhile {
            remove(&sim);
            sim.run_for(MINUTE);
        }
        sim.unlink(&sim.links_of(&one.guid)[0]).unwrap();
        sim.run_for(MINUTE);
        if meanwhile {
            remove(&sim);
            sim.run_for(MINUTE);
        }
        let order = sim.tie(&one.guid, &sim.record_of(&one.guid).sys_id).unwrap();
        sim.run_for(MINUTE * 2);
        assert_eq!(sim.order(order).unwrap().state, CommandState::Done);
        let now = wanted(&sim).into_iter().find(|i| i.guid == one.guid).unwrap();
        assert!(!now.labels.contains(&label), "{:?}", now.labels);
        sim.assert_idle(3);
    }
}
