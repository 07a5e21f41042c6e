//! What is deleted, or hidden for so long that it passes for deleted: nothing is made in its stead, nothing
//! is deleted on the other side, and what is seen again lives on.

use std::collections::BTreeMap;
use std::time::Duration;

use diptych::engine::machine::Recovery;
use diptych::model::ledger::{Ask, Told};
use diptych::model::{Delivery, IncidentId, Life, LinkState, Role, WorkspaceKey};
use diptych::sandbox::faults::FaultKind;
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::{IncidentAct, IncidentFacts};
use diptych::sandbox::servicenow::DeskAct;
use diptych::sandbox::side::Side;
use diptych::sandbox::wire::World;
use serde_json::json;

use super::{new_incident, other_severity};
use crate::simulation::{KEY, Setting, Simulation, USER, WORKSPACE};

const MINUTE: Duration = Duration::from_secs(60);

fn quiet(incidents: usize) -> Simulation {
    let faults = "none".into();
    let mut sim = Simulation::new(Setting { seed: 21, incidents, rate: 0.0, faults, ..Setting::default() });
    sim.run_for(MINUTE * 2);
    sim.assert_in_step(21);
    sim
}

fn open(sim: &Simulation) -> Vec<IncidentFacts> {
    let all = sim.worlds().incidents.into_iter();
    all.filter(|i| i.status != "Closed" && i.labels.iter().any(|l| l == "snow")).collect()
}

fn link(sim: &Simulation, guid: &str) -> LinkState {
    let ask = Ask::ByIncident(WorkspaceKey::new(KEY).unwrap(), vec![IncidentId::new(guid)]);
    match sim.with_store(async |s| s.ask(ask).await).unwrap() {
        Told::Links(mut links) => links.remove(0),
        _ => unreachable!(),
    }
}

fn raise(sim: &Simulation, incident: &IncidentFacts) {
    let act = IncidentAct::Severity(other_severity(&incident.severity));
    sim.act_in_sentinel(&incident.guid, &act, &CAST[0]);
}

fn hide(sim: &Simulation, sys_ids: &[String]) {
    let value = json!({USER: sys_ids});
    sim.stage.with_desk(|d| d.set_switch("hidden_rows", &value)).unwrap();
}

#[test]
fn a_deleted_record_is_not_made_again_and_its_incident_stays() {
    let mut sim = quiet(8);
    let incident = open(&sim).remove(0);
    let sys_id = sim.record_of(&incident.guid).sys_id;
    let records = sim.worlds().records.len();
    let now = sim.world_time();
    sim.stage.with_desk(|d| d.delete("incident", &sys_id, now)).unwrap();
    raise(&sim, &incident);
    sim.run_for(MINUTE * 4);
    assert_eq!(link(&sim, &incident.guid).link.life, Life::Live, "one look is not enough");
    sim.run_for(MINUTE * 11);
    let gone = link(&sim, &incident.guid).link;
    assert_eq!(gone.life, Life::Gone);
    assert!(gone.frozen.contains("ServiceNow"), "{}", gone.frozen);
    assert_eq!(sim.worlds().records.len(), records - 1);
    assert!(open(&sim).iter().any(|i| i.guid == incident.guid));
    let (asked, written) = (sim.requests(Side::ServiceNow), sim.writes(Side::ServiceNow));
    sim.run_for(MINUTE * 10);
    assert_eq!(sim.writes(Side::ServiceNow), written);
    // A list every ten seconds; what is gone costs one call per deep pass.
    assert!(sim.requests(Side::ServiceNow) - asked < 80, "{}", sim.requests(Side::ServiceNow) - asked);
}

#[test]
fn a_record_that_is_deleted_while_its_unanswered_create_rests_is_not_made_again() {
    let (faults, switches) = ("none".into(), vec![("client_sys_id", json!("ignored"))]);
    let setting = Setting { seed: 21, incidents: 0, rate: 0.0, faults, switches, ..Setting::default() };
    let mut sim = Simulation::new(setting);
    // After so many tries without an answer it rests for most of a minute; the last one made the record.
    sim.stage.with_faults(|f| {
        for _ in 0..5 {
            f.strike_next_write(Side::ServiceNow, FaultKind::CancelledBefore);
        }
        f.strike_next_write(Side::ServiceNow, FaultKind::CancelledAfter);
    });
    let guid = new_incident(&sim, "Beacon to a known address", "Medium");
    while sim.worlds().records.is_empty() {
        sim.run_for(Duration::from_millis(100));
    }
    let sys_id = sim.record_of(&guid).sys_id;
    let urgent = ["impact", "urgency"].map(|f| (f.to_owned(), "1".to_owned()));
    sim.act_in_servicenow(&sys_id, &DeskAct::Set(urgent.to_vec()), CAST[0].user_name);
    sim.run_for(Duration::from_secs(25));
    let incident = sim.worlds().incidents.into_iter().find(|i| i.guid == guid).unwrap();
    assert_eq!(incident.severity, "High", "a list has shown the record");
    assert_eq!(link(&sim, &guid).link.sys_id.as_str(), sys_id);
    let now = sim.world_time();
    sim.stage.with_desk(|d| d.delete("incident", &sys_id, now)).unwrap();
    sim.run_for(MINUTE * 20);
    assert!(sim.worlds().records.is_empty(), "what a person deleted is not made again");
}

#[test]
fn a_deleted_incident_is_not_made_again_and_its_record_stays() {
    let mut sim = quiet(8);
    let incident = open(&sim).remove(0);
    let sys_id = sim.record_of(&incident.guid).sys_id;
    sim.run_for(MINUTE * 70);
    let now = sim.world_time();
    sim.stage
        .with_sentinel(|s| s.act(WORKSPACE, &incident.guid, &IncidentAct::Delete, &CAST[0], now))
        .unwrap();
    let fields = [("impact", "1"), ("urgency", "1")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    let low = [("impact", "3"), ("urgency", "3")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    let other = if incident.severity == "High" { low } else { fields };
    sim.act_in_servicenow(&sys_id, &DeskAct::Set(other.to_vec()), CAST[0].user_name);
    sim.run_for(MINUTE * 15);
    assert!(sim.worlds().incidents.iter().all(|i| i.guid != incident.guid), "it was made anew");
    assert!(sim.worlds().records.iter().any(|r| r.sys_id == sys_id), "its record stays");
    let gone = link(&sim, &incident.guid).link;
    assert_eq!(gone.life, Life::Gone);
    assert!(gone.frozen.contains("Sentinel"), "{}", gone.frozen);
}

#[test]
fn a_record_that_was_only_hidden_lives_on() {
    let mut sim = quiet(8);
    let incident = open(&sim).remove(0);
    let sys_id = sim.record_of(&incident.guid).sys_id;
    hide(&sim, std::slice::from_ref(&sys_id));
    raise(&sim, &incident);
    sim.run_for(MINUTE * 15);
    assert_eq!(link(&sim, &incident.guid).link.life, Life::Gone);
    sim.act_in_servicenow(&sys_id, &DeskAct::WorkNote("said meanwhile".into()), CAST[1].user_name);
    // A restart forgets nothing of it.
    sim.kill();
    sim.run_for(MINUTE);
    hide(&sim, &[]);
    sim.run_for(MINUTE * 7);
    assert_eq!(link(&sim, &incident.guid).link.life, Life::Live);
    sim.assert_in_step(21);
    let all = sim.worlds().incidents;
    let said = all.iter().find(|i| i.guid == incident.guid).unwrap();
    assert!(said.comments.iter().any(|c| c.message.contains("said meanwhile")));
    sim.assert_idle(5);
}

#[test]
fn words_on_a_merged_incident_wait_for_a_record_that_is_only_hidden() {
    let mut sim = quiet(8);
    let [incident, survivor]: [IncidentFacts; 2] =
        open(&sim).into_iter().take(2).collect::<Vec<_>>().try_into().unwrap();
    let merge = IncidentAct::MergeInto { survivor_guid: survivor.guid };
    sim.act_in_sentinel(&incident.guid, &merge, &CAST[0]);
    sim.run_for(MINUTE * 2);
    let sys_id = sim.record_of(&incident.guid).sys_id;
    hide(&sim, &[sys_id]);
    sim.act_in_sentinel(&incident.guid, &IncidentAct::Comment("said first".into()), &CAST[0]);
    sim.run_for(MINUTE * 15);
    assert_eq!(link(&sim, &incident.guid).link.life, Life::Gone);
    hide(&sim, &[]);
    sim.run_for(MINUTE * 7);
    sim.act_in_sentinel(&incident.guid, &IncidentAct::Comment("said then".into()), &CAST[0]);
    sim.run_for(MINUTE * 2);
    let journal = sim.record_of(&incident.guid).journal;
    let when = |words: &str| {
        let said: Vec<_> = journal.iter().filter(|j| j.value.contains(words)).collect();
        assert_eq!(said.len(), 1, "{words}");
        said[0].created_on.clone()
    };
    assert!(when("said first") < when("said then"));
}

#[test]
fn many_that_are_missing_at_once_are_taken_for_hidden() {
    let mut sim = quiet(30);
    let incidents = open(&sim);
    assert!(incidents.len() > 6, "{}", incidents.len());
    let sys_ids: Vec<String> = incidents.iter().map(|i| sim.record_of(&i.guid).sys_id).collect();
    hide(&sim, &sys_ids);
    for incident in &incidents {
        raise(&sim, incident);
    }
    sim.run_for(MINUTE * 40);
    let lives =
        |sim: &Simulation| incidents.iter().filter(|i| link(sim, &i.guid).link.life == Life::Live).count();
    assert_eq!(lives(&sim), incidents.len());
    assert_eq!(sim.recoveries().get(&Recovery::MassVanish), Some(&1), "said once");
    hide(&sim, &[]);
    sim.run_for(MINUTE * 20);
    sim.assert_in_step(21);
}

#[test]
fn links_that_rest_are_left_alone_until_their_rest_is_over() {
    let mut sim = quiet(30);
    let incidents = open(&sim);
    assert!(incidents.len() > 6, "{}", incidents.len());
    let sys_ids: Vec<String> = incidents.iter().map(|i| sim.record_of(&i.guid).sys_id).collect();
    hide(&sim, &sys_ids);
    for incident in &incidents {
        raise(&sim, incident);
    }
    // By now each of them was looked for in vain a few times, and rests for minutes.
    sim.run_for(MINUTE * 20);
    assert!(incidents.iter().all(|i| !link(&sim, &i.guid).link.error.is_empty()), "each has failed");
    let before = sim.commits();
    sim.run_for(MINUTE * 10);
    // Sixty passes cost three each, and a look or two at each record a few more.
    let commits = sim.commits() - before;
    assert!(commits < 60 * 5 + 3 * incidents.len() as u64, "{commits}");
    // What is changed meanwhile is seen all the same.
    let shown = |sim: &Simulation, guid: &str| {
        let batch = sim.with_store(async |s| s.link_views(&BTreeMap::new(), 1000).await).unwrap();
        let view = batch.rows.into_iter().find(|v| v.incident.as_str() == guid).unwrap();
        view.severity.sentinel.raw().to_owned()
    };
    let guid = &incidents[0].guid;
    let severity = other_severity(&shown(&sim, guid));
    sim.act_in_sentinel(guid, &IncidentAct::Severity(severity.clone()), &CAST[0]);
    sim.run_for(Duration::from_secs(25));
    assert_eq!(shown(&sim, guid), severity);
    hide(&sim, &[]);
    sim.run_for(MINUTE * 20);
    sim.assert_in_step(21);
}

#[test]
fn what_was_said_on_a_record_before_it_was_deleted_still_reaches_its_incident() {
    let mut sim = quiet(8);
    let incident = open(&sim).remove(0);
    let sys_id = sim.record_of(&incident.guid).sys_id;
    sim.cut_off(Side::Sentinel, MINUTE * 20);
    sim.act_in_servicenow(&sys_id, &DeskAct::WorkNote("the last words".into()), CAST[1].user_name);
    sim.run_for(MINUTE * 2);
    let now = sim.world_time();
    sim.stage.with_desk(|d| d.delete("incident", &sys_id, now)).unwrap();
    // Only what is to be written is looked at, and found missing, before the words go.
    raise(&sim, &incident);
    // A restart forgets nothing of it.
    sim.kill();
    sim.run_for(MINUTE * 50);
    assert_eq!(link(&sim, &incident.guid).link.life, Life::Gone);
    let all = sim.worlds().incidents;
    let there = all.iter().find(|i| i.guid == incident.guid).unwrap();
    let said = there.comments.iter().filter(|c| c.message.contains("the last words")).count();
    assert_eq!(said, 1);
    assert!(!link(&sim, &incident.guid).link.pending, "nothing is left to do");
    sim.assert_idle(5);
}

#[test]
fn last_words_without_an_answer_are_looked_for_although_their_incident_is_merged() {
    let mut sim = quiet(8);
    let [incident, survivor]: [IncidentFacts; 2] =
        open(&sim).into_iter().take(2).collect::<Vec<_>>().try_into().unwrap();
    let sys_id = sim.record_of(&incident.guid).sys_id;
    sim.cut_off(Side::Sentinel, MINUTE * 20);
    for words in ["the last words", "and one more"] {
        sim.act_in_servicenow(&sys_id, &DeskAct::WorkNote(words.into()), CAST[1].user_name);
        sim.run_for(MINUTE * 4);
    }
    let now = sim.world_time();
    sim.stage.with_desk(|d| d.delete("incident", &sys_id, now)).unwrap();
    // Only what is to be written is looked at, and found missing, before the words go.
    raise(&sim, &incident);
    sim.stage.with_faults(|f| f.strike_next_write(Side::Sentinel, FaultKind::CommitThenDrop));
    let said = |sim: &Simulation, words: &str| {
        let all = sim.worlds().incidents;
        let there = all.iter().find(|i| i.guid == incident.guid).unwrap();
        there.comments.iter().filter(|c| c.message.contains(words)).count()
    };
    while said(&sim, "the last words") == 0 {
        sim.run_for(Duration::from_millis(100));
    }
    // A list shows the merge before it is found out whether they arrived.
    sim.act_in_sentinel(&incident.guid, &IncidentAct::Comment("said there".into()), &CAST[0]);
    let merge = IncidentAct::MergeInto { survivor_guid: survivor.guid };
    sim.act_in_sentinel(&incident.guid, &merge, &CAST[0]);
    sim.run_for(MINUTE * 5);
    let state = link(&sim, &incident.guid);
    assert_eq!((state.link.role, state.link.life), (Role::Merged, Life::Gone));
    assert!(state.open_intent().is_none(), "{:?}", state.intents);
    let entry = |words: &str| state.entries.iter().find(|e| e.text.raw().contains(words)).unwrap();
    assert_eq!(entry("the last words").to_sentinel, Delivery::Delivered);
    assert_eq!(entry("and one more").to_sentinel, Delivery::Held, "nothing more is sent there");
    assert_eq!(entry("said there").to_servicenow, Delivery::Waiting, "the record may be there again");
    assert_eq!((said(&sim, "the last words"), said(&sim, "and one more")), (1, 0));
    let rows = sim.with_store(async |s| s.audit_rows(KEY, 0, 10_000).await).unwrap();
    let found = rows.iter().filter(|r| r.draft.act == "put_comment" && r.draft.why == "found by its id");
    assert_eq!(found.count(), 1);
    assert!(!state.link.pending, "nothing is left to do");
    sim.assert_idle(5);
}

#[test]
fn what_was_said_about_an_incident_before_it_was_deleted_still_reaches_its_record() {
    let mut sim = quiet(8);
    let incident = open(&sim).remove(0);
    let sys_id = sim.record_of(&incident.guid).sys_id;
    sim.cut_off(Side::ServiceNow, MINUTE * 20);
    sim.act_in_sentinel(&incident.guid, &IncidentAct::Comment("the last words".into()), &CAST[0]);
    sim.run_for(MINUTE * 2);
    let now = sim.world_time();
    sim.stage
        .with_sentinel(|s| s.act(WORKSPACE, &incident.guid, &IncidentAct::Delete, &CAST[0], now))
        .unwrap();
    sim.run_for(MINUTE * 50);
    let all = sim.worlds().records;
    let record = all.iter().find(|r| r.sys_id == sys_id).unwrap();
    let said = record.journal.iter().filter(|j| j.value.contains("the last words")).count();
    assert_eq!(said, 1);
}
