//! Alerts and entities reach the record once each, and cost nothing when nothing is new.

use std::time::Duration;

use diptych::engine::machine::Recovery;
use diptych::model::settings::AlertNotes;
use diptych::sandbox::sentinel::{AlertDraft, IncidentAct, IncidentFacts};
use diptych::sandbox::side::Side;

use crate::simulation::{Setting, Simulation, USER};

fn begun(incidents: usize, span: Duration) -> Simulation {
    let mut sim = Simulation::new(Setting {
        seed: 21,
        incidents,
        rate: 0.0,
        faults: "none".into(),
        alerts: AlertNotes::Note,
        ..Setting::default()
    });
    sim.run_for(span);
    sim
}

fn admitted(sim: &Simulation) -> Vec<IncidentFacts> {
    sim.worlds().incidents.into_iter().filter(|i| i.labels.iter().any(|l| l == "snow")).collect()
}

/// An incident that was raised by an alert, with that alert.
fn first(sim: &Simulation) -> (IncidentFacts, String) {
    let with = admitted(sim).into_iter().find(|i| !i.alerts.is_empty()).unwrap();
    let alert = with.alerts[0].clone();
    (with, alert)
}

fn alert(name: &str) -> IncidentAct {
    IncidentAct::AddAlert(AlertDraft {
        display_name: name.into(),
        severity: "High".into(),
        ..AlertDraft::default()
    })
}

fn notes_about(sim: &Simulation, guid: &str, words: &str) -> usize {
    let journal = sim.record_of(guid).journal;
    journal.iter().filter(|j| j.created_by == USER && j.value.contains(words)).count()
}

#[test]
fn an_alert_that_comes_later_is_told_once_and_nothing_else_again() {
    let mut sim = begun(4, Duration::from_secs(120));
    sim.assert_in_step(21);
    let (first, known) = first(&sim);
    assert_eq!(notes_about(&sim, &first.guid, &known), 1);
    let writes = sim.writes(Side::ServiceNow);
    let noor = &diptych::sandbox::people::CAST[0];
    sim.act_in_sentinel(&first.guid, &alert("A second look"), noor);
    sim.run_for(Duration::from_secs(60));
    assert_eq!(notes_about(&sim, &first.guid, "A second look"), 1);
    assert_eq!(notes_about(&sim, &first.guid, &known), 1);
    assert_eq!(sim.writes(Side::ServiceNow) - writes, 1);
    sim.assert_in_step(21);
    sim.assert_idle(5);
}

#[test]
fn a_lost_store_tells_no_alert_twice() {
    let mut sim = begun(4, Duration::from_secs(120));
    sim.assert_in_step(21);
    let (first, known) = first(&sim);
    sim.lose_store();
    sim.run_for(Duration::from_secs(400));
    assert_eq!(notes_about(&sim, &first.guid, &known), 1);
    sim.assert_in_step(21);
    sim.assert_idle(5);
}

#[test]
fn a_wave_of_incidents_is_told_of_by_eighty_in_five_minutes_while_fields_do_not_wait() {
    let mut sim = begun(110, Duration::from_secs(120));
    assert_eq!(sim.worlds().records.len(), admitted(&sim).len(), "every record is there by now");
    let told = admitted(&sim).into_iter().filter(|i| !i.alerts.is_empty());
    let told = told.filter(|i| i.alerts.iter().all(|a| notes_about(&sim, &i.guid, a) == 1)).count();
    assert_eq!(told, 80);
    assert!(sim.recoveries().get(&Recovery::AlertsLater).is_some_and(|n| *n > 0));
    sim.run_for(Duration::from_secs(900));
    sim.assert_in_step(21);
}
