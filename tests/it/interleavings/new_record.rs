//! Incidents that go on in a new record, because the old one was closed in ServiceNow.

use std::time::Duration;

use diptych::model::settings::{AlertNotes, ClosedPartner};
use diptych::model::{Life, LinkState};
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::servicenow::{DeskAct, RecordFacts};
use serde_json::json;

use super::guards::links;
use super::state_path::retry;
use crate::simulation::{Boundary, NUMBER_LABEL, Setting, Simulation};

const MINUTE: Duration = Duration::from_secs(60);
const TOLD: &str = "was reopened. This record stays closed; the incident goes on in a new record.";
const EARLIER: &str = "what was said before stands in";

/// Quiet worlds, and one pair on which people talked and that somebody closed in ServiceNow.
fn closed_there(switches: Vec<(&'static str, serde_json::Value)>) -> (Simulation, String) {
    let setting = Setting {
        seed: 21,
        incidents: 4,
        rate: 0.0,
        faults: "none".into(),
        closed_partner: ClosedPartner::New,
        alerts: AlertNotes::Note,
        number_label: NUMBER_LABEL,
        switches,
        ..Setting::default()
    };
    let mut sim = Simulation::new(setting);
    sim.run_for(MINUTE * 2);
    sim.assert_in_step(21);
    let guid = sim.worlds().incidents.into_iter().find(|i| i.status != "Closed").unwrap().guid;
    say(&sim, &guid, "said before AAAA-000001");
    let old = records(&sim, &guid).remove(0);
    note(&sim, &old, "noted before AAAA-000002");
    sim.run_for(MINUTE);
    close_there(&mut sim, &guid);
    (sim, guid)
}

/// The records of an incident, the oldest first.
fn records(sim: &Simulation, guid: &str) -> Vec<RecordFacts> {
    let id = sim.record_of(guid).fields["correlation_id"].clone();
    let mut all = sim.worlds().records;
    all.retain(|r| r.fields.get("correlation_id") == Some(&id));
    all.sort_by_key(|r| (r.fields["sys_created_on"].clone(), r.number.clone()));
    all
}

fn close_there(sim: &mut Simulation, guid: &str) {
    let fields = [("state", "6"), ("close_code", "Solution provided"), ("close_notes", "by hand")];
    set(sim, records(sim, guid).last().unwrap(), &fields);
    sim.run_for(MINUTE);
    let status = sim.worlds().incidents.into_iter().find(|i| i.guid == guid).unwrap().status;
    assert_eq!(status, "Closed");
}

fn set(sim: &Simulation, record: &RecordFacts, fields: &[(&str, &str)]) {
    let fields = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    sim.act_in_servicenow(&record.sys_id, &DeskAct::Set(fields), CAST[1].user_name);
}

fn note(sim: &Simulation, record: &RecordFacts, text: &str) {
    set(sim, record, &[("work_notes", text)]);
}

fn say(sim: &Simulation, guid: &str, text: &str) {
    sim.act_in_sentinel(guid, &IncidentAct::Comment(text.into()), &CAST[0]);
}

fn reopen(sim: &Simulation, guid: &str) {
    sim.act_in_sentinel(guid, &IncidentAct::Reopen, &CAST[0]);
}

fn told(record: &RecordFacts, words: &str) -> usize {
    record.journal.iter().filter(|j| j.value.contains(words)).count()
}

/// So many records, each but the last closed and told once; the last says where the earlier words stand.
fn goes_on_in(sim: &Simulation, guid: &str, many: usize, when: &str) {
    let all = records(sim, guid);
    assert_eq!(all.len(), many, "{when}");
    for two in all.windows(2) {
        let state = two[0].fields["state"].as_str();
        assert_eq!((state, told(&two[0], TOLD)), ("6", 1), "{when}");
        assert_eq!(told(&two[1], &format!("{EARLIER} {}", two[0].number)), 1, "{when}");
    }
    sim.assert_in_step(21);
    let links: Vec<LinkState> = links(sim, guid);
    let last = all.last().unwrap();
    for link in &links {
        let life = if link.link.sys_id.as_str() == last.sys_id { Life::Live } else { Life::Unlinked };
        assert_eq!((link.link.life, link.link.frozen.as_str()), (life, ""), "{when}");
    }
}

#[test]
fn the_old_record_stays_closed_and_the_incident_goes_on_in_a_new_one() {
    let (mut sim, guid) = closed_there(Vec::new());
    say(&sim, &guid, "said while closed AAAA-000003");
    sim.run_for(MINUTE);
    reopen(&sim, &guid);
    say(&sim, &guid, "said after AAAA-000004");
    sim.run_for(MINUTE * 2);
    goes_on_in(&sim, &guid, 2, "once");
    let all = records(&sim, &guid);
    let counts = |r: &RecordFacts| [1, 2, 3, 4].map(|n| told(r, &format!("AAAA-00000{n}")));
    assert_eq!((counts(&all[0]), counts(&all[1])), ([1, 1, 1, 0], [0, 0, 0, 1]));
    let incident = sim.worlds().incidents.into_iter().find(|i| i.guid == guid).unwrap();
    let label = format!("{NUMBER_LABEL}{}", all[1].number);
    assert!(incident.labels.contains(&label), "{:?}", incident.labels);
    // What people do with the old one is not carried any more.
    note(&sim, &all[0], "noted too late");
    set(&sim, &all[0], &[("state", "2")]);
    note(&sim, &all[1], "noted in time AAAA-000005");
    sim.run_for(MINUTE * 2);
    let incident = sim.worlds().incidents.into_iter().find(|i| i.guid == guid).unwrap();
    let said = |words: &str| incident.comments.iter().filter(|c| c.message.contains(words)).count();
    assert_eq!((said("too late"), said("AAAA-000005")), (0, 1));
    sim.assert_in_step(21);
    sim.assert_idle(5);
    sim.kill();
    sim.run_for(MINUTE * 2);
    sim.assert_in_step(21);
}

/// What is read for the link of an old record would be known of the incident, and never be told on the new one.
#[test]
fn trying_the_old_link_again_takes_no_change_from_the_new_one() {
    let (mut sim, guid) = closed_there(Vec::new());
    reopen(&sim, &guid);
    sim.run_for(MINUTE * 2);
    // What is known of it is old by the time of the order.
    sim.run_for(MINUTE * 90);
    sim.kill();
    say(&sim, &guid, "said meanwhile AAAA-000003");
    let ended = links(&sim, &guid).into_iter().find(|l| l.link.life == Life::Unlinked).unwrap();
    retry(&sim, &ended);
    sim.run_for(MINUTE * 2);
    assert_eq!(told(records(&sim, &guid).last().unwrap(), "AAAA-000003"), 1);
    goes_on_in(&sim, &guid, 2, "retried");
}

/// Where the instance refuses our keys a record is known by what it carries, and a person's copy carries that as well.
#[test]
fn a_copy_of_the_old_record_is_none_that_the_incident_goes_on_in() {
    let (mut sim, guid) = closed_there(vec![("client_sys_id", json!("refused"))]);
    let old = records(&sim, &guid).remove(0);
    let mark = ["correlation_id", "correlation_display"].map(|f| (f.to_owned(), old.fields[f].clone()));
    let now = sim.world_time();
    let made = sim.stage.with_desk(|d| d.create("incident", &mark, CAST[1].user_name, now));
    let copy = made.unwrap();
    sim.run_for(MINUTE);
    reopen(&sim, &guid);
    sim.run_for(MINUTE * 2);
    assert_eq!(records(&sim, &guid).len(), 3);
    let link = links(&sim, &guid).into_iter().find(|l| l.link.life == Life::Live).unwrap();
    assert!(![&old.sys_id, &copy].contains(&&link.link.sys_id.as_str().to_owned()), "a record of its own");
    assert_eq!(link.record.unwrap().created_by, old.fields["sys_created_by"]);
}

#[test]
fn each_close_and_reopening_makes_one_more_until_a_person_is_asked() {
    let (mut sim, guid) = closed_there(Vec::new());
    for many in 2..=4 {
        reopen(&sim, &guid);
        sim.run_for(MINUTE * 2);
        goes_on_in(&sim, &guid, many, "again");
        close_there(&mut sim, &guid);
    }
    reopen(&sim, &guid);
    sim.run_for(MINUTE * 3);
    assert_eq!(records(&sim, &guid).len(), 4);
    let link = links(&sim, &guid).into_iter().find(|l| l.link.life == Life::Live).unwrap();
    assert!(link.link.frozen.contains("time and again"), "{}", link.link.frozen);
    assert_eq!(told(records(&sim, &guid).last().unwrap(), TOLD), 0, "nothing is promised");
    retry(&sim, &link);
    sim.run_for(MINUTE * 3);
    goes_on_in(&sim, &guid, 5, "let through");
}

#[test]
fn a_kill_at_any_step_makes_one_new_record() {
    for effects in 0..36 {
        let (mut sim, guid) = closed_there(Vec::new());
        reopen(&sim, &guid);
        say(&sim, &guid, "said after AAAA-000004");
        sim.kill_at(0, Boundary { effects, applied: effects % 2 == 0 }, Duration::from_secs(5));
        sim.run_for(MINUTE * 4);
        goes_on_in(&sim, &guid, 2, &format!("killed after {effects} effects"));
        sim.assert_idle(3);
    }
}

#[test]
fn answers_that_are_lost_double_nothing_whatever_becomes_of_our_keys() {
    for keys in ["honoured", "refused", "ignored"] {
        for fault in ["commit-then-drop", "drop-before", "late-commit"] {
            let (mut sim, guid) = closed_there(vec![("client_sys_id", json!(keys))]);
            sim.strike(&format!("only:servicenow.{fault}=1"));
            reopen(&sim, &guid);
            sim.run_for(MINUTE);
            sim.strike("none");
            sim.run_for(MINUTE * 20);
            goes_on_in(&sim, &guid, 2, &format!("{keys} {fault}"));
        }
    }
}

#[test]
fn a_lost_store_takes_up_the_latest_and_says_nothing_again() {
    for keys in ["honoured", "refused"] {
        let (mut sim, guid) = closed_there(vec![("client_sys_id", json!(keys))]);
        reopen(&sim, &guid);
        sim.run_for(MINUTE * 2);
        goes_on_in(&sim, &guid, 2, keys);
        sim.lose_store();
        sim.run_for(MINUTE * 5);
        goes_on_in(&sim, &guid, 2, keys);
        close_there(&mut sim, &guid);
        reopen(&sim, &guid);
        sim.run_for(MINUTE * 3);
        goes_on_in(&sim, &guid, 3, keys);
    }
}
