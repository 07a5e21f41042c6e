//! What runs away is held back.

use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::side::Side;
use serde_json::json;

use super::{MINUTE, first_open, incident, noor, turn};
use crate::interleavings::quiet;
use crate::simulation::{Setting, Simulation, USER};

#[test]
fn an_empty_list_deletes_and_closes_nothing() {
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
fn taking_every_owner_away_at_once_waits_for_a_person() {
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
