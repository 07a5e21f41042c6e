//! Chosen interleavings of the whole engine in one process; the Gauntlet draws the others.

mod aggregation;
mod closed_partner;
mod cost;
mod customers;
mod domain;
mod domain_users;
mod evidence;
mod gone;
mod guards;
mod hand_over;
mod journals;
mod links;
mod merges;
mod new_record;
mod number_label;
mod pause;
mod regressions;
mod related;
mod state_path;
mod unreadable;
mod write_rate;

use std::time::Duration;

use diptych::sandbox::sentinel::{IncidentAct, IncidentDraft};
use diptych::sandbox::servicenow::DeskAct;
use diptych::sandbox::side::Side;

use crate::simulation::{Setting, Simulation, WORKSPACE};

/// Minutes of work with people on both sides, then quiet, then everything must be in step.
fn a_day_at_the_desk(seed: u64, faults: &str) {
    let mut sim =
        Simulation::new(Setting { seed, incidents: 25, faults: faults.into(), ..Setting::default() });
    sim.run_for(Duration::from_secs(240));
    sim.calm();
    sim.run_for(Duration::from_secs(240));
    sim.assert_in_step(seed);
    sim.assert_idle(10);
}

/// The seeds of a test: a few by default, any range with `DIPTYCH_SEEDS=100..200`.
fn seeds(default: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let asked = std::env::var("DIPTYCH_SEEDS").ok();
    let range = asked.as_deref().and_then(|text| {
        let (from, to) = text.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    range.unwrap_or(default)
}

#[test]
fn both_sides_end_in_step_without_faults() {
    a_day_at_the_desk(1, "none");
}

#[test]
fn both_sides_end_in_step_after_faults() {
    for seed in seeds(2..6) {
        a_day_at_the_desk(seed, "default");
    }
}

#[test]
fn a_killed_engine_carries_on_where_it_was() {
    for seed in seeds(10..14) {
        let mut sim = Simulation::new(Setting { seed, ..Setting::default() });
        for _ in 0..8 {
            sim.run_for(Duration::from_secs(13));
            sim.kill();
        }
        sim.calm();
        sim.run_for(Duration::from_secs(300));
        sim.assert_in_step(seed);
        sim.assert_idle(10);
    }
}

/// An incident that the filter lets in; gives its id.
pub(crate) fn new_incident(sim: &Simulation, title: &str, severity: &str) -> String {
    let draft = IncidentDraft {
        title: title.into(),
        severity: severity.into(),
        labels: vec!["snow".into()],
        ..IncidentDraft::default()
    };
    let now = sim.world_time();
    sim.stage.with_sentinel(|s| s.raise(WORKSPACE, draft, now))
}

/// A quiet pair of worlds, first sync done.
pub(crate) fn quiet(incidents: usize) -> Simulation {
    let mut sim = Simulation::new(Setting {
        seed: 21,
        incidents,
        rate: 0.0,
        faults: "none".into(),
        ..Setting::default()
    });
    sim.run_for(Duration::from_secs(90));
    sim.assert_in_step(21);
    sim
}

#[test]
fn an_idle_pass_costs_two_calls() {
    let mut sim = quiet(8);
    let before = (sim.requests(Side::Sentinel), sim.requests(Side::ServiceNow));
    sim.run_for(Duration::from_secs(100));
    let spent = (sim.requests(Side::Sentinel) - before.0, sim.requests(Side::ServiceNow) - before.1);
    assert!(spent.0 >= 9 && spent.0 <= 10, "{spent:?}");
    assert_eq!(spent.0, spent.1, "one list each: {spent:?}");
}

#[test]
fn an_edit_costs_one_write_on_the_other_side_and_no_echo() {
    let mut sim = quiet(4);
    let first = sim.worlds().incidents[0].clone();
    let noor = &diptych::sandbox::people::CAST[0];

    let writes = (sim.writes(Side::Sentinel), sim.writes(Side::ServiceNow));
    sim.act_in_sentinel(&first.guid, &IncidentAct::Severity(other_severity(&first.severity)), noor);
    sim.run_for(Duration::from_secs(60));
    assert_eq!((sim.writes(Side::Sentinel), sim.writes(Side::ServiceNow)), (writes.0, writes.1 + 1));

    sim.act_in_sentinel(&first.guid, &IncidentAct::Comment("<p>look at this</p>".into()), noor);
    sim.run_for(Duration::from_secs(60));
    assert_eq!((sim.writes(Side::Sentinel), sim.writes(Side::ServiceNow)), (writes.0, writes.1 + 2));

    let record = sim.record_of(&first.guid);
    let urgency = if record.fields["urgency"] == "1" { "3" } else { "1" };
    let set = DeskAct::Set(vec![("impact".into(), urgency.into()), ("urgency".into(), urgency.into())]);
    sim.act_in_servicenow(&record.sys_id, &set, noor.user_name);
    sim.run_for(Duration::from_secs(60));
    assert_eq!((sim.writes(Side::Sentinel), sim.writes(Side::ServiceNow)), (writes.0 + 1, writes.1 + 2));

    sim.act_in_servicenow(&record.sys_id, &DeskAct::WorkNote("a note".into()), noor.user_name);
    sim.run_for(Duration::from_secs(60));
    assert_eq!((sim.writes(Side::Sentinel), sim.writes(Side::ServiceNow)), (writes.0 + 2, writes.1 + 2));
    sim.assert_in_step(21);
}

fn other_severity(now: &str) -> String {
    if now == "High" { "Low" } else { "High" }.to_owned()
}
