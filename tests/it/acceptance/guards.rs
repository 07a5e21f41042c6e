//! What runs away is held back.

use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::side::Side;
use serde_json::json;

use super::{MINUTE, close, first_open, incident, noor, notes, turn};
use crate::interleavings::quiet;
use crate::simulation::{Setting, Simulation, USER};

#[test]
fn a_table_that_shows_no_rows_deletes_and_closes_nothing() {
    let mut sim = quiet(6);
    let before = sim.worlds();
    let writes = (sim.writes(Side::Sentinel), sim.writes(Side::ServiceNow));
    turn(&sim, "unreadable_tables", &json!({USER: ["incident"]}));
    sim.run_for(MINUTE * 30);
    sim.kill();
    sim.run_for(MINUTE * 30);
    let after = sim.worlds();
    assert_eq!(after.records, before.records);
    assert_eq!(after.incidents, before.incidents);
    assert_eq!((sim.writes(Side::Sentinel), sim.writes(Side::ServiceNow)), writes);
    turn(&sim, "unreadable_tables", &json!({}));
    sim.run_for(MINUTE * 10);
    sim.assert_in_step(21);
}

#[test]
fn records_of_another_domain_are_not_taken_for_deleted() {
    let mut sim = quiet(4);
    let before = sim.worlds();
    let writes = (sim.writes(Side::Sentinel), sim.writes(Side::ServiceNow));
    // What is outside a user's domains is neither shown nor counted: the list is really empty.
    let move_to = |sim: &Simulation, domain: &str| {
        let now = sim.world_time();
        for record in &before.records {
            let field = [("sys_domain".to_owned(), domain.to_owned())];
            let moved = sim.stage.with_desk(|d| d.set_without_stamp("incident", &record.sys_id, &field, now));
            moved.unwrap();
        }
    };
    turn(&sim, "visible_domains", &json!({USER: ["TOP/soc"]}));
    move_to(&sim, "TOP/other");
    sim.run_for(MINUTE * 30);
    sim.kill();
    sim.run_for(MINUTE * 30);
    let after = sim.worlds();
    assert_eq!(after.records.len(), before.records.len(), "nothing was made anew");
    assert_eq!(after.incidents, before.incidents);
    assert_eq!((sim.writes(Side::Sentinel), sim.writes(Side::ServiceNow)), writes);
    let guid = first_open(&sim).guid;
    sim.act_in_sentinel(&guid, &IncidentAct::Comment("said meanwhile".into()), noor());
    sim.run_for(MINUTE * 5);
    move_to(&sim, "TOP/soc");
    sim.run_for(MINUTE * 30);
    assert_eq!(notes(&sim, &guid, "said meanwhile").len(), 1);
    sim.assert_in_step(21);
}

/// Ten incidents, of which three may change in the same way at once.
fn careful() -> Simulation {
    let setting = Setting {
        seed: 21,
        incidents: 10,
        rate: 0.0,
        faults: "none".into(),
        mass_change: 3,
        ..Setting::default()
    };
    let mut sim = Simulation::new(setting);
    sim.run_for(MINUTE * 3);
    sim
}

#[test]
fn closing_everything_at_once_waits_for_a_person() {
    let mut sim = careful();
    let open: Vec<String> = sim
        .worlds()
        .incidents
        .into_iter()
        .filter(|i| i.status != "Closed" && i.labels.iter().any(|l| l == "snow"))
        .map(|i| i.guid)
        .collect();
    assert!(open.len() > 3, "{} open", open.len());
    let states = |sim: &Simulation| -> Vec<String> {
        open.iter().map(|g| sim.record_of(g).fields["state"].clone()).collect()
    };
    let before = states(&sim);
    for guid in &open {
        close(&sim, guid, "all at once");
    }
    sim.run_for(MINUTE * 5);
    assert_eq!(states(&sim), before, "not one record was closed");
}

#[test]
fn taking_every_owner_away_at_once_waits_for_a_person() {
    let mut sim = careful();
    let open: Vec<String> =
        sim.worlds().incidents.into_iter().filter(|i| i.status != "Closed").map(|i| i.guid).collect();
    for guid in &open {
        sim.act_in_sentinel(guid, &IncidentAct::Owner(Some(noor())), noor());
        sim.run_for(MINUTE * 3);
    }
    sim.assert_in_step(21);
    let owned = |sim: &Simulation| {
        let theirs = |g: &&String| {
            sim.worlds().incidents.iter().any(|i| i.guid == **g && i.labels.iter().any(|l| l == "snow"))
        };
        open.iter().filter(theirs).filter(|g| sim.record_of(g).fields["assigned_to"] == noor().sys_id).count()
    };
    let before = owned(&sim);
    assert!(before > 3, "{before} owned");
    for guid in &open {
        sim.act_in_sentinel(guid, &IncidentAct::Owner(None), noor());
    }
    sim.run_for(MINUTE * 5);
    assert_eq!(owned(&sim), before, "not one of them was taken away over there");
    assert_eq!(incident(&sim, &first_open(&sim).guid).owner_upn, None);
}
