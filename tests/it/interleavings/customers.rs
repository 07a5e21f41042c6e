//! What the customer of a record sees: read where that is asked for, written only where it is confirmed.

use std::time::Duration;

use diptych::model::settings::CustomerComments;
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::servicenow::DeskAct;

use crate::simulation::{Boundary, Setting, Simulation, USER};

const MINUTE: Duration = Duration::from_secs(60);
const FOR_THEM: &str = "[customer]\nwe are on it FEED-000001";
const ABOUT_THEM: &str = "not for the customer FEED-000002\n[customer]\nwho must not know";
const BY_THEM: &str = "is it done? FEED-000003";

fn worlds(customer_comments: CustomerComments) -> (Simulation, String) {
    let faults = "none".into();
    let setting =
        Setting { seed: 21, incidents: 4, rate: 0.0, faults, customer_comments, ..Setting::default() };
    let mut sim = Simulation::new(setting);
    sim.run_for(MINUTE * 2);
    sim.assert_in_step(21);
    let linked = |i: &diptych::sandbox::sentinel::IncidentFacts| i.labels.iter().any(|l| l == "snow");
    let guid = sim.worlds().incidents.into_iter().find(linked).unwrap().guid;
    (sim, guid)
}

fn talk(sim: &Simulation, guid: &str) {
    for text in [FOR_THEM, ABOUT_THEM] {
        sim.act_in_sentinel(guid, &IncidentAct::Comment(text.into()), &CAST[0]);
    }
    let record = sim.record_of(guid).sys_id;
    sim.act_in_servicenow(&record, &DeskAct::Comment(BY_THEM.into()), CAST[1].user_name);
}

/// How often words are in a column of ours of the record.
fn ours(sim: &Simulation, guid: &str, column: &str, words: &str) -> usize {
    let journal = sim.record_of(guid).journal;
    journal.iter().filter(|j| j.created_by == USER && j.element == column && j.value.contains(words)).count()
}

fn told_in_sentinel(sim: &Simulation, guid: &str) -> Vec<String> {
    let incident = sim.worlds().incidents.into_iter().find(|i| i.guid == guid).unwrap();
    incident.comments.into_iter().map(|c| c.message).filter(|m| m.contains("FEED-000003")).collect()
}

/// Copies of what was meant for the customer in (comments, work notes), and of what was not.
fn copies(sim: &Simulation, guid: &str) -> [usize; 4] {
    let of = |column: &str, words: &str| ours(sim, guid, column, words);
    [
        of("comments", "FEED-000001"),
        of("work_notes", "FEED-000001"),
        of("comments", "FEED-000002"),
        of("work_notes", "FEED-000002"),
    ]
}

#[test]
fn by_default_customers_are_left_alone() {
    let (mut sim, guid) = worlds(CustomerComments::Off);
    talk(&sim, &guid);
    sim.run_for(MINUTE * 2);
    assert_eq!(copies(&sim, &guid), [0, 1, 0, 1]);
    assert!(told_in_sentinel(&sim, &guid).is_empty());
    sim.assert_idle(5);
}

#[test]
fn what_they_say_is_told_and_nothing_is_said_to_them() {
    let (mut sim, guid) = worlds(CustomerComments::Read);
    talk(&sim, &guid);
    sim.run_for(MINUTE * 2);
    assert_eq!(copies(&sim, &guid), [0, 1, 0, 1]);
    let told = told_in_sentinel(&sim, &guid);
    assert!(told.len() == 1 && told[0].contains("(customer comment)"), "{told:?}");
    sim.assert_in_step(21);
    sim.assert_idle(5);
}

#[test]
fn only_what_was_meant_for_them_is_shown_to_them_without_the_word() {
    let (mut sim, guid) = worlds(CustomerComments::Both);
    talk(&sim, &guid);
    sim.run_for(MINUTE * 2);
    assert_eq!(copies(&sim, &guid), [1, 0, 0, 1]);
    assert_eq!(ours(&sim, &guid, "comments", "[customer]"), 0);
    assert_eq!(told_in_sentinel(&sim, &guid).len(), 1);
    sim.assert_in_step(21);
    sim.assert_idle(5);
}

#[test]
fn a_kill_at_any_step_neither_leaks_nor_doubles() {
    for effects in (0..24).step_by(2) {
        for applied in [false, true] {
            let (mut sim, guid) = worlds(CustomerComments::Both);
            talk(&sim, &guid);
            sim.kill_at(0, Boundary { effects, applied }, Duration::from_secs(5));
            sim.run_for(MINUTE * 4);
            assert_eq!(copies(&sim, &guid), [1, 0, 0, 1], "killed after {effects}, applied: {applied}");
            assert_eq!(told_in_sentinel(&sim, &guid).len(), 1);
            sim.assert_in_step(21);
        }
    }
}

#[test]
fn without_an_answer_it_is_looked_for_where_it_went() {
    for fault in ["commit-then-drop", "drop-before", "late-commit"] {
        let (mut sim, guid) = worlds(CustomerComments::Both);
        sim.strike(&format!("only:servicenow.{fault}=1"));
        talk(&sim, &guid);
        sim.run_for(MINUTE);
        sim.strike("none");
        sim.run_for(MINUTE * 20);
        assert_eq!(copies(&sim, &guid), [1, 0, 0, 1], "{fault}");
        sim.assert_in_step(21);
    }
}
