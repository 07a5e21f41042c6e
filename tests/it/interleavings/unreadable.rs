//! Records and columns that our user may not read for a while.

use std::time::Duration;

use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::side::Side;
use serde_json::json;

use super::guards::link;
use super::{other_severity, quiet};
use crate::simulation::Simulation;

const MINUTE: Duration = Duration::from_secs(60);

fn hide(sim: &Simulation, columns: &[&str]) {
    let switch = json!({"*": columns});
    sim.stage.with_world(Side::ServiceNow, |w| w.set_switch("hidden_fields", &switch)).unwrap();
}

fn held(sim: &Simulation, guid: &str) -> usize {
    link(sim, guid).bases.iter().filter(|b| b.held.contains("may not be read")).count()
}

#[test]
fn a_field_whose_column_may_be_read_again_is_looked_at_again_by_itself() {
    let mut sim = quiet(4);
    let open = sim.worlds().incidents.into_iter().find(|i| i.status != "Closed").unwrap();
    let record = sim.record_of(&open.guid);
    hide(&sim, &["incident.urgency"]);
    let note = diptych::sandbox::servicenow::DeskAct::WorkNote("read me".into());
    sim.act_in_servicenow(&record.sys_id, &note, CAST[0].user_name);
    sim.run_for(MINUTE);
    let severity = other_severity(&open.severity);
    sim.act_in_sentinel(&open.guid, &IncidentAct::Severity(severity.clone()), &CAST[0]);
    sim.run_for(MINUTE * 8);
    assert_eq!(held(&sim, &open.guid), 1);
    hide(&sim, &[]);
    sim.run_for(MINUTE * 8);
    assert_eq!(held(&sim, &open.guid), 0, "nobody had to run retry");
    let urgency = if severity == "High" { "1" } else { "3" };
    assert_eq!(sim.record_of(&open.guid).fields["urgency"], urgency);
    sim.assert_in_step(21);
    sim.assert_idle(5);
}

#[test]
fn what_could_not_be_read_counts_no_more_once_it_can_be() {
    let mut sim = quiet(4);
    let open = sim.worlds().incidents.into_iter().find(|i| i.status != "Closed").unwrap();
    let record = sim.record_of(&open.guid).sys_id;
    let turn = |sim: &Simulation, switch: &str, value: serde_json::Value| {
        sim.stage.with_world(Side::ServiceNow, |w| w.set_switch(switch, &value)).unwrap();
    };
    turn(&sim, "hidden_rows", json!({"*": [record]}));
    sim.act_in_sentinel(&open.guid, &IncidentAct::Severity(other_severity(&open.severity)), &CAST[0]);
    sim.run_for(MINUTE * 4);
    let before = link(&sim, &open.guid).link;
    assert!(before.failures >= 3, "{before:?}");
    // It is there again, and refuses what is written, for a reason of its own.
    let rule = json!([{"table": "incident", "field": "urgency", "rule": "Not now"}]);
    turn(&sim, "aborts", rule);
    turn(&sim, "hidden_rows", json!({}));
    let mut after = before.clone();
    for _ in 0..60 {
        sim.run_for(Duration::from_secs(5));
        after = link(&sim, &open.guid).link;
        if after.error.contains("Not now") {
            break;
        }
    }
    assert!(after.error.contains("Not now"), "{after:?}");
    assert_eq!(after.failures, 1, "it was refused once: {after:?}");
    turn(&sim, "aborts", json!([]));
    sim.run_for(MINUTE * 2);
    sim.assert_in_step(21);
}
