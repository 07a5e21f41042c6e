//! Failures pass, or are said; nothing is left behind.

use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::side::Side;
use serde_json::json;

use super::{MINUTE, comments, first_open, incident, noor, notes, raise, set, turn, write_note};
use crate::interleavings::quiet;
use crate::simulation::{Setting, Simulation, USER};

#[test]
fn more_changes_than_a_page_all_arrive() {
    let setting = Setting {
        seed: 21,
        incidents: 25,
        rate: 0.0,
        faults: "none".into(),
        page: (4, 4),
        ..Setting::default()
    };
    let mut sim = Simulation::new(setting);
    sim.run_for(MINUTE * 5);
    sim.assert_in_step(21);
    let ours: Vec<_> =
        sim.worlds().incidents.into_iter().filter(|i| i.labels.iter().any(|l| l == "snow")).collect();
    assert!(ours.len() > 12, "more than three pages");
    for i in &ours {
        sim.act_in_sentinel(&i.guid, &IncidentAct::Comment(format!("to {}", i.number)), noor());
        write_note(&sim, &i.guid, &format!("back to {}", i.number));
    }
    sim.run_for(MINUTE * 3);
    for i in &ours {
        assert_eq!(notes(&sim, &i.guid, &format!("to {}", i.number)).len(), 1);
        assert_eq!(comments(&sim, &i.guid, &format!("back to {}", i.number)).len(), 1);
    }
}

#[test]
fn a_record_that_is_hidden_is_not_taken_for_deleted() {
    let mut sim = quiet(3);
    let guid = first_open(&sim).guid;
    let record = sim.record_of(&guid);
    turn(&sim, "hidden_rows", &json!({USER: [record.sys_id]}));
    sim.act_in_sentinel(&guid, &IncidentAct::Comment("said meanwhile".into()), noor());
    sim.run_for(MINUTE * 30);
    assert_eq!(sim.worlds().records.iter().filter(|r| r.fields["correlation_id"].contains(&guid)).count(), 1);
    assert_ne!(incident(&sim, &guid).status, "Closed");
    turn(&sim, "hidden_rows", &json!({}));
    sim.run_for(MINUTE * 30);
    assert_eq!(notes(&sim, &guid, "said meanwhile").len(), 1);
    sim.assert_in_step(21);
}

#[test]
fn a_passing_refusal_heals_by_itself() {
    for kind in ["forbidden", "unauthorized"] {
        let mut sim = quiet(2);
        let guid = first_open(&sim).guid;
        sim.strike(&format!("only:{kind}=1"));
        write_note(&sim, &guid, "while we are shut out");
        sim.run_for(MINUTE * 4);
        sim.strike("none");
        sim.run_for(MINUTE * 20);
        assert_eq!(comments(&sim, &guid, "while we are shut out").len(), 1, "{kind}");
        sim.assert_in_step(21);
    }
}

#[test]
fn a_record_that_refuses_for_good_is_given_up_and_said() {
    let mut sim = quiet(2);
    let guid = first_open(&sim).guid;
    let rule = json!([{"table": "incident", "field": "urgency", "rule": "Nobody touches this"}]);
    turn(&sim, "aborts", &rule);
    let before = sim.writes(Side::ServiceNow);
    let severity = if incident(&sim, &guid).severity == "High" { "Low" } else { "High" };
    sim.act_in_sentinel(&guid, &IncidentAct::Severity(severity.into()), noor());
    sim.run_for(MINUTE * 60 * 6);
    let tries = sim.writes(Side::ServiceNow) - before;
    assert!((2..=10).contains(&tries), "{tries} tries");
    let events = sim.with_store(async |s| s.events(0, 10_000).await).unwrap();
    let said = events.iter().filter(|(_, e)| e.text.contains("Nobody touches this")).count();
    assert!((1..=10).contains(&said), "said {said} times");
}

#[test]
fn an_item_that_fails_is_not_passed_over() {
    let mut sim = quiet(3);
    let guid = first_open(&sim).guid;
    let rule = json!([{"table": "incident", "field": "assigned_to", "rule": "Not now"}]);
    turn(&sim, "aborts", &rule);
    sim.act_in_sentinel(&guid, &IncidentAct::Owner(Some(noor())), noor());
    sim.run_for(MINUTE * 2);
    // The cursor moves on with the others.
    let new = raise(&sim, "another one");
    sim.run_for(MINUTE);
    assert_eq!(sim.record_of(&new).fields["short_description"], "another one");
    assert_ne!(sim.record_of(&guid).fields["assigned_to"], noor().sys_id);
    turn(&sim, "aborts", &json!([]));
    sim.run_for(MINUTE * 20);
    assert_eq!(sim.record_of(&guid).fields["assigned_to"], noor().sys_id);
    sim.assert_in_step(21);
}

#[test]
fn no_record_is_made_without_its_fields() {
    let mut sim = quiet(1);
    let mut guids = Vec::new();
    for (n, kind) in ["timeout-before", "timeout-after", "truncated-json", "reset-body"].iter().enumerate() {
        sim.strike(&format!("only:servicenow.{kind}=0.5"));
        guids.push(raise(&sim, &format!("whole or not at all {n}")));
        sim.run_for(MINUTE * 2);
    }
    sim.strike("none");
    sim.run_for(MINUTE * 20);
    for (n, guid) in guids.iter().enumerate() {
        let record = sim.record_of(guid);
        assert_eq!(record.fields["short_description"], format!("whole or not at all {n}"));
    }
    let empty = sim.worlds().records.into_iter().filter(|r| r.fields["short_description"].is_empty());
    assert_eq!(empty.count(), 0);
    sim.assert_in_step(21);
}

#[test]
fn an_expired_secret_is_said_and_nothing_is_lost() {
    let mut sim = quiet(2);
    let guid = first_open(&sim).guid;
    sim.stage.with_sentinel(diptych::sandbox::sentinel::SentinelWorld::revoke_tokens);
    sim.strike("only:sentinel.unauthorized=1");
    write_note(&sim, &guid, "in the night");
    set(&sim, &guid, &[("assigned_to", noor().sys_id)]);
    sim.run_for(MINUTE * 60 * 8);
    let events = sim.with_store(async |s| s.events(0, 10_000).await).unwrap();
    let said: Vec<&str> = events.iter().map(|(_, e)| e.text.as_str()).filter(|t| t.contains("401")).collect();
    // Once by the side, and by the link that had something to write.
    assert!((1..=5).contains(&said.len()), "said {} times: {:#?}", said.len(), &said[..6.min(said.len())]);
    sim.strike("none");
    sim.run_for(MINUTE * 30);
    assert_eq!(comments(&sim, &guid, "in the night").len(), 1);
    sim.assert_in_step(21);
}
