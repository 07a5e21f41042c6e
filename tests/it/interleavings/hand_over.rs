//! From Microsoft's store app to us: its records are watched, then taken over, and nothing is doubled.

use std::time::Duration;

use diptych::model::settings::{FirstContact, StoreApp};
use diptych::model::{ControlVerb, Role};
use diptych::sandbox::people::{CAST, Person};
use diptych::sandbox::sentinel::{IncidentAct, IncidentFacts};
use diptych::sandbox::servicenow::{DeskAct, RecordFacts};
use diptych::sandbox::side::Side;

use super::guards::{link, order};
use super::other_severity;
use crate::simulation::{Setting, Simulation, WORKSPACE, store_app};

/// What the app had no time for.
const MISSED: &str = "said after the last pass of the app";
const MINUTE: Duration = Duration::from_secs(60);

fn noor() -> &'static Person {
    &CAST[0]
}

fn ours(sim: &Simulation) -> Vec<IncidentFacts> {
    let all = sim.worlds().incidents.into_iter();
    all.filter(|i| i.status != "Closed" && i.labels.iter().any(|l| l == "snow")).collect()
}

/// The record that the app makes for an incident, under one of its three forms.
fn make(sim: &Simulation, incident: &IncidentFacts, form: usize) -> String {
    let now = sim.world_time();
    sim.stage.with_desk(|d| store_app::make(d, incident, form, now))
}

fn record(sim: &Simulation, sys_id: &str) -> RecordFacts {
    sim.worlds().records.into_iter().find(|r| r.sys_id == sys_id).unwrap()
}

fn notes(sim: &Simulation, sys_id: &str, words: &str) -> usize {
    record(sim, sys_id).journal.iter().filter(|j| j.value.contains(words)).count()
}

fn comments(sim: &Simulation, guid: &str, words: &str) -> usize {
    let all = sim.worlds().incidents;
    let incident = all.iter().find(|i| i.guid == guid).unwrap();
    incident.comments.iter().filter(|c| c.message.contains(words)).count()
}

fn talk(sim: &Simulation, guid: &str, sys_id: &str) {
    let now = sim.world_time();
    let pair = (guid, sys_id);
    sim.stage.with_sentinel(|s| sim.stage.with_desk(|d| store_app::talk(s, d, pair, MISSED, now)));
}

fn setting(store_app: StoreApp) -> Setting {
    let faults = "none".into();
    Setting { seed: 21, incidents: 8, rate: 0.0, faults, store_app, ..Setting::default() }
}

/// Each thing that was said is on both sides once, what the app wrote for itself nowhere else.
fn nothing_is_doubled(sim: &Simulation, guid: &str, sys_id: &str) {
    assert_eq!(notes(sim, sys_id, store_app::FROM_SENTINEL), 1);
    assert_eq!(comments(sim, guid, store_app::FROM_SERVICENOW), 1);
    assert_eq!(comments(sim, guid, store_app::ITS_OWN), 0);
    assert_eq!(comments(sim, guid, MISSED), 1);
}

#[test]
fn records_of_the_store_app_are_taken_up_in_all_three_forms() {
    let mut sim = Simulation::new(setting(StoreApp::Adopt));
    let known = ours(&sim);
    assert!(known.len() >= 4, "{}", known.len());
    let made: Vec<String> = known.iter().take(3).enumerate().map(|(n, i)| make(&sim, i, n)).collect();
    for (incident, sys_id) in known.iter().zip(&made) {
        talk(&sim, &incident.guid, sys_id);
    }
    sim.run_for(MINUTE * 5);
    for (incident, sys_id) in known.iter().zip(&made) {
        nothing_is_doubled(&sim, &incident.guid, sys_id);
        let title = record(&sim, sys_id).fields["short_description"].clone();
        assert!(title.contains("Incident number"), "its wording stays: {title}");
    }
    let carried = |guid: &str| {
        let all = sim.worlds().records;
        all.into_iter().filter(|r| r.fields["correlation_id"].contains(guid)).count()
    };
    for incident in &known {
        assert_eq!(carried(&incident.guid), 1, "one record for each incident, whoever made it");
    }
    let (first, sys_id) = (&known[0], &made[0]);
    sim.act_in_sentinel(&first.guid, &IncidentAct::Severity(other_severity(&first.severity)), noor());
    sim.act_in_servicenow(sys_id, &DeskAct::WorkNote("and on we go".into()), noor().user_name);
    sim.run_for(MINUTE * 2);
    let urgency = if other_severity(&first.severity) == "High" { "1" } else { "3" };
    assert_eq!(record(&sim, sys_id).fields["urgency"], urgency);
    assert_eq!(comments(&sim, &first.guid, "and on we go"), 1);
    sim.assert_idle(5);
}

/// Where journals are read from the text of each record, that names people as they are called, while a record
/// names its maker by the login (seed 9834587).
#[test]
fn nothing_is_doubled_where_the_table_of_journals_is_closed_to_us() {
    for mode in ["empty", "forbidden"] {
        let switches = vec![("journal_acl", serde_json::json!(mode))];
        let mut sim = Simulation::new(Setting { switches, ..setting(StoreApp::Adopt) });
        let known = ours(&sim);
        let made: Vec<String> = known.iter().take(3).enumerate().map(|(n, i)| make(&sim, i, n)).collect();
        for (incident, sys_id) in known.iter().zip(&made) {
            talk(&sim, &incident.guid, sys_id);
        }
        sim.run_for(MINUTE * 10);
        for (incident, sys_id) in known.iter().zip(&made) {
            assert_eq!(link(&sim, &incident.guid).link.role, Role::Primary, "{mode}");
            nothing_is_doubled(&sim, &incident.guid, sys_id);
        }
        sim.assert_idle(5);
    }
}

#[test]
fn while_it_is_watched_nothing_is_written_and_then_nothing_is_lost() {
    let mut sim = Simulation::new(setting(StoreApp::Watch));
    let known = ours(&sim);
    let made: Vec<String> = known.iter().take(2).enumerate().map(|(n, i)| make(&sim, i, n)).collect();
    sim.run_for(MINUTE * 5);
    for (incident, sys_id) in known.iter().zip(&made) {
        talk(&sim, &incident.guid, sys_id);
    }
    sim.run_for(MINUTE * 5);
    sim.kill();
    sim.run_for(MINUTE * 5);
    assert_eq!((sim.writes(Side::Sentinel), sim.writes(Side::ServiceNow)), (0, 0));
    assert_eq!(sim.worlds().records.len(), made.len());
    // The app is switched off, and it is our turn.
    sim.setting.store_app = StoreApp::Adopt;
    sim.kill();
    sim.run_for(MINUTE * 5);
    for (incident, sys_id) in known.iter().zip(&made) {
        nothing_is_doubled(&sim, &incident.guid, sys_id);
    }
    assert_eq!(sim.worlds().records.len(), known_with_closed(&sim), "and the others got theirs");
    sim.assert_idle(5);
}

#[test]
fn once_it_is_only_watched_nothing_is_written_to_records_of_ours_either() {
    let mut sim = Simulation::new(setting(StoreApp::Ignore));
    sim.run_for(MINUTE * 3);
    sim.assert_in_step(21);
    let written = |sim: &Simulation| sim.writes(Side::Sentinel) + sim.writes(Side::ServiceNow);
    let (incident, before) = (ours(&sim).remove(0), written(&sim));
    let sys_id = sim.record_of(&incident.guid).sys_id;
    sim.setting.store_app = StoreApp::Watch;
    sim.kill();
    sim.act_in_sentinel(&incident.guid, &IncidentAct::Severity(other_severity(&incident.severity)), noor());
    sim.act_in_sentinel(&incident.guid, &IncidentAct::Comment("<p>said meanwhile</p>".into()), noor());
    sim.act_in_servicenow(&sys_id, &DeskAct::WorkNote("noted meanwhile".into()), noor().user_name);
    sim.run_for(MINUTE * 10);
    sim.kill();
    sim.run_for(MINUTE * 5);
    assert_eq!(written(&sim), before, "nothing at all");
    assert_eq!(link(&sim, &incident.guid).link.role, Role::Primary, "it is ours");
    // What came meanwhile has waited.
    sim.setting.store_app = StoreApp::Ignore;
    sim.kill();
    sim.run_for(MINUTE * 3);
    assert_eq!(notes(&sim, &sys_id, "said meanwhile"), 1);
    assert_eq!(comments(&sim, &incident.guid, "noted meanwhile"), 1);
    sim.assert_in_step(21);
    sim.assert_idle(5);
}

#[test]
fn the_store_app_that_is_switched_on_again_serves_its_records_alone() {
    let mut sim = Simulation::new(setting(StoreApp::Adopt));
    let incident = ours(&sim).remove(0);
    let sys_id = make(&sim, &incident, 1);
    sim.run_for(MINUTE * 5);
    assert_eq!(link(&sim, &incident.guid).link.role, Role::Primary);
    sim.setting.store_app = StoreApp::Watch;
    sim.kill();
    let before = sim.writes(Side::Sentinel) + sim.writes(Side::ServiceNow);
    talk(&sim, &incident.guid, &sys_id);
    sim.run_for(MINUTE * 5);
    assert_eq!(sim.writes(Side::Sentinel) + sim.writes(Side::ServiceNow), before);
    assert_eq!(link(&sim, &incident.guid).link.role, Role::Watched);
    sim.setting.store_app = StoreApp::Adopt;
    sim.kill();
    sim.run_for(MINUTE * 5);
    nothing_is_doubled(&sim, &incident.guid, &sys_id);
    sim.assert_idle(5);
}

#[test]
fn whoever_let_us_watch_is_asked_again_before_anything_is_written() {
    let first_contact = FirstContact::Plan;
    let mut sim = Simulation::new(Setting { first_contact, ..setting(StoreApp::Watch) });
    let incident = ours(&sim).remove(0);
    let made = make(&sim, &incident, 0);
    let written = |sim: &Simulation| sim.writes(Side::Sentinel) + sim.writes(Side::ServiceNow);
    sim.run_for(MINUTE * 2);
    order(&sim, ControlVerb::AcceptPlan);
    sim.run_for(MINUTE * 2);
    assert_eq!(link(&sim, &incident.guid).link.role, Role::Watched);
    sim.setting.store_app = StoreApp::Adopt;
    sim.kill();
    sim.run_for(MINUTE * 5);
    assert_eq!(written(&sim), 0, "that was not accepted yet");
    order(&sim, ControlVerb::AcceptPlan);
    sim.run_for(MINUTE * 5);
    assert!(written(&sim) > 0);
    assert_eq!(sim.worlds().records.len(), known_with_closed(&sim));
    // It is asked once.
    sim.kill();
    sim.act_in_servicenow(&made, &DeskAct::WorkNote("and on we go".into()), noor().user_name);
    sim.run_for(MINUTE * 2);
    sim.assert_idle(5);
}

#[test]
fn what_was_deleted_while_it_was_watched_is_neither_taken_over_nor_looked_for_in_every_pass() {
    let mut sim = Simulation::new(setting(StoreApp::Watch));
    let incident = ours(&sim).remove(0);
    let sys_id = make(&sim, &incident, 0);
    talk(&sim, &incident.guid, &sys_id);
    sim.run_for(MINUTE * 5);
    let now = sim.world_time();
    let delete = IncidentAct::Delete;
    sim.stage.with_sentinel(|s| s.act(WORKSPACE, &incident.guid, &delete, noor(), now)).unwrap();
    sim.setting.store_app = StoreApp::Adopt;
    sim.kill();
    sim.run_for(MINUTE * 25);
    let before = sim.requests(Side::Sentinel);
    sim.run_for(MINUTE * 10);
    let passes = 60;
    assert!(
        sim.requests(Side::Sentinel) - before <= passes + 10,
        "{}",
        sim.requests(Side::Sentinel) - before
    );
    assert_eq!(sim.worlds().records.iter().filter(|r| r.sys_id == sys_id).count(), 1);
    assert!(sim.worlds().incidents.iter().all(|i| i.guid != incident.guid));
}

fn known_with_closed(sim: &Simulation) -> usize {
    sim.worlds().incidents.iter().filter(|i| i.labels.iter().any(|l| l == "snow")).count()
}

#[test]
fn looking_for_its_records_does_not_keep_refused_creates_going() {
    let switches = vec![("client_sys_id", serde_json::json!("refused"))];
    let mut sim = Simulation::new(Setting { switches, ..setting(StoreApp::Adopt) });
    let known = known_with_closed(&sim);
    sim.run_for(MINUTE * 5);
    assert_eq!(sim.worlds().records.len(), known);
    // Each is refused with our key once at most; closes and notes follow.
    assert!(sim.writes(Side::ServiceNow) <= 4 * known as u64, "{}", sim.writes(Side::ServiceNow));
}
