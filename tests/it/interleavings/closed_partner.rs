//! Records that were closed in ServiceNow, and whose incidents are reopened in Sentinel afterwards.

use std::time::Duration;

use diptych::model::Field;
use diptych::model::settings::ClosedPartner;
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::servicenow::DeskAct;

use super::guards::link;
use crate::simulation::{Boundary, Setting, Simulation, check_in_step};

const MINUTE: Duration = Duration::from_secs(60);
const REOPENED: &str = "was reopened. This record was closed here";
const BY_HAND: &str = "closed by hand";

/// Quiet worlds, and one pair that somebody closed in ServiceNow.
fn closed_there(closed_partner: ClosedPartner) -> (Simulation, String) {
    let faults = "none".into();
    let setting = Setting { seed: 21, incidents: 4, rate: 0.0, faults, closed_partner, ..Setting::default() };
    let mut sim = Simulation::new(setting);
    sim.run_for(MINUTE * 2);
    sim.assert_in_step(21);
    let open = sim.worlds().incidents.into_iter().find(|i| i.status != "Closed").unwrap();
    set(&sim, &open.guid, &[("state", "6"), ("close_code", "Solution provided"), ("close_notes", BY_HAND)]);
    sim.run_for(MINUTE);
    assert_eq!(status(&sim, &open.guid), "Closed");
    (sim, open.guid)
}

fn set(sim: &Simulation, guid: &str, fields: &[(&str, &str)]) {
    let fields = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    sim.act_in_servicenow(&sim.record_of(guid).sys_id, &DeskAct::Set(fields), CAST[1].user_name);
}

fn reopen(sim: &Simulation, guid: &str) {
    sim.act_in_sentinel(guid, &IncidentAct::Reopen, &CAST[0]);
}

fn close(sim: &Simulation, guid: &str, words: &str) {
    let act = IncidentAct::Close {
        classification: "BenignPositive".into(),
        reason: Some("SuspiciousButExpected".into()),
        comment: words.into(),
    };
    sim.act_in_sentinel(guid, &act, &CAST[0]);
}

fn status(sim: &Simulation, guid: &str) -> String {
    sim.worlds().incidents.into_iter().find(|i| i.guid == guid).unwrap().status
}

fn state(sim: &Simulation, guid: &str) -> String {
    sim.record_of(guid).fields["state"].clone()
}

fn told(sim: &Simulation, guid: &str, words: &str) -> usize {
    sim.record_of(guid).journal.iter().filter(|j| j.value.contains(words)).count()
}

/// Only the status of this pair differs, and people are told why.
fn apart_alone(sim: &Simulation, guid: &str) {
    let differs: Vec<_> = check_in_step(&sim.worlds()).into_iter().map(|d| (d.guid, d.what)).collect();
    assert_eq!(differs, [(guid.to_lowercase(), "status")]);
    let link = link(sim, guid);
    assert!(diptych::sync::link_step(&link).1.contains("stays closed"), "{:?}", link.base(Field::Status));
}

#[test]
fn by_default_it_is_opened_again() {
    let (mut sim, guid) = closed_there(ClosedPartner::Reopen);
    reopen(&sim, &guid);
    sim.run_for(MINUTE * 2);
    assert_eq!((state(&sim, &guid).as_str(), told(&sim, &guid, REOPENED)), ("2", 0));
    sim.assert_in_step(21);
    sim.assert_idle(5);
}

#[test]
fn it_stays_closed_and_is_told_once_of_each_reopening() {
    let (mut sim, guid) = closed_there(ClosedPartner::Comment);
    for round in 1..=2 {
        reopen(&sim, &guid);
        sim.run_for(MINUTE * 2);
        apart_alone(&sim, &guid);
        let number = sim.worlds().incidents.iter().find(|i| i.guid == guid).unwrap().number;
        assert_eq!(told(&sim, &guid, &format!("incident {number} {REOPENED}")), round);
        sim.assert_idle(5);
        // A restart looks at everything once more.
        sim.kill();
        sim.run_for(MINUTE * 2);
        assert_eq!((state(&sim, &guid).as_str(), told(&sim, &guid, REOPENED)), ("6", round));
        close(&sim, &guid, &format!("done in round {round}"));
        sim.run_for(MINUTE * 2);
        assert_eq!(told(&sim, &guid, &format!("done in round {round}")), 1, "that it is closed again");
        assert_eq!(sim.record_of(&guid).fields["close_notes"], BY_HAND, "what somebody wrote stays");
        sim.assert_in_step(21);
    }
}

#[test]
fn what_is_changed_while_it_is_closed_flows_on_and_opens_nothing() {
    let (mut sim, guid) = closed_there(ClosedPartner::Comment);
    // A late touch of a closed pair is no reopening.
    set(&sim, &guid, &[("close_notes", "closed by hand, on second thought")]);
    sim.act_in_sentinel(&guid, &IncidentAct::Title("another title".into()), &CAST[0]);
    sim.run_for(MINUTE * 2);
    assert_eq!((state(&sim, &guid).as_str(), told(&sim, &guid, REOPENED)), ("6", 0));
    reopen(&sim, &guid);
    sim.run_for(MINUTE * 2);
    sim.act_in_sentinel(&guid, &IncidentAct::Status("New".into()), &CAST[0]);
    sim.act_in_sentinel(&guid, &IncidentAct::Comment("and on we go".into()), &CAST[0]);
    sim.run_for(MINUTE);
    // A job closes what was resolved: that closes no incident.
    set(&sim, &guid, &[("state", "7")]);
    sim.run_for(MINUTE * 2);
    assert_eq!((status(&sim, &guid).as_str(), state(&sim, &guid).as_str()), ("New", "7"));
    assert_eq!((told(&sim, &guid, "and on we go"), told(&sim, &guid, REOPENED)), (1, 1));
    apart_alone(&sim, &guid);
    sim.assert_idle(5);
}

#[test]
fn once_somebody_opens_it_both_are_in_step_again() {
    let (mut sim, guid) = closed_there(ClosedPartner::Comment);
    reopen(&sim, &guid);
    sim.run_for(MINUTE * 2);
    set(&sim, &guid, &[("state", "2")]);
    sim.run_for(MINUTE);
    sim.assert_in_step(21);
    set(&sim, &guid, &[("state", "6"), ("close_code", "Solution provided"), ("close_notes", "again")]);
    sim.run_for(MINUTE);
    assert_eq!(status(&sim, &guid), "Closed");
    sim.assert_in_step(21);
    assert_eq!(told(&sim, &guid, REOPENED), 1);
}

#[test]
fn what_we_closed_after_sentinel_we_open_again() {
    let (mut sim, _) = closed_there(ClosedPartner::Comment);
    let open = sim.worlds().incidents.into_iter().find(|i| i.status != "Closed").unwrap();
    close(&sim, &open.guid, "done here");
    sim.run_for(MINUTE);
    assert_eq!(state(&sim, &open.guid), "6");
    reopen(&sim, &open.guid);
    sim.run_for(MINUTE * 2);
    assert_eq!((state(&sim, &open.guid).as_str(), told(&sim, &open.guid, REOPENED)), ("2", 0));
    sim.assert_in_step(21);
}

#[test]
fn a_kill_at_any_step_neither_loses_nor_doubles_what_it_is_told() {
    for effects in 0..24 {
        for applied in [false, true] {
            let (mut sim, guid) = closed_there(ClosedPartner::Comment);
            reopen(&sim, &guid);
            sim.kill_at(0, Boundary { effects, applied }, Duration::from_secs(5));
            sim.run_for(MINUTE * 4);
            let all = (state(&sim, &guid), told(&sim, &guid, REOPENED));
            assert_eq!(all, ("6".to_owned(), 1), "killed after {effects} effects, applied: {applied}");
            apart_alone(&sim, &guid);
            sim.assert_idle(3);
        }
    }
}

#[test]
fn a_note_without_an_answer_is_told_once() {
    for fault in ["commit-then-drop", "drop-before", "late-commit"] {
        let (mut sim, guid) = closed_there(ClosedPartner::Comment);
        sim.strike(&format!("only:servicenow.{fault}=1"));
        reopen(&sim, &guid);
        sim.run_for(MINUTE);
        sim.strike("none");
        sim.run_for(MINUTE * 20);
        assert_eq!((state(&sim, &guid).as_str(), told(&sim, &guid, REOPENED)), ("6", 1), "{fault}");
        apart_alone(&sim, &guid);
    }
}
