//! Each entry once, in its order.

use diptych::sandbox::sentinel::IncidentAct;

use super::{MINUTE, comments, first_open, incident, noor, notes, raise, write_note};
use crate::interleavings::quiet;

#[test]
fn two_notes_within_one_second_are_two() {
    let mut sim = quiet(2);
    let guid = sim.worlds().incidents[0].guid.clone();
    write_note(&sim, &guid, "the same words");
    write_note(&sim, &guid, "the same words");
    write_note(&sim, &guid, "and others");
    sim.run_for(MINUTE);
    assert_eq!(comments(&sim, &guid, "the same words").len(), 2);
    assert_eq!(comments(&sim, &guid, "and others").len(), 1);
}

#[test]
fn what_was_said_before_the_link_is_carried_too() {
    let mut sim = quiet(1);
    let guid = raise(&sim, "talked about at once");
    sim.act_in_sentinel(&guid, &IncidentAct::Comment("before there was a record".into()), noor());
    sim.run_for(MINUTE);
    assert_eq!(notes(&sim, &guid, "before there was a record").len(), 1);
}

#[test]
fn notes_keep_their_order_through_an_outage() {
    let mut sim = quiet(2);
    let guid = first_open(&sim).guid;
    sim.strike("only:sentinel.unavailable=1");
    for n in 0..5 {
        write_note(&sim, &guid, &format!("step {n} of five"));
        sim.run_for(MINUTE);
    }
    sim.strike("none");
    sim.run_for(MINUTE * 10);
    let said: Vec<String> = incident(&sim, &guid).comments.into_iter().map(|c| c.message).collect();
    let places: Vec<usize> =
        (0..5).map(|n| said.iter().position(|m| m.contains(&format!("step {n} of five"))).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn a_note_among_two_hundred_incidents_waits_for_one_pass() {
    let mut sim = quiet(200);
    let guid = first_open(&sim).guid;
    write_note(&sim, &guid, "seen among many");
    sim.run_for(std::time::Duration::from_secs(15));
    assert_eq!(comments(&sim, &guid, "seen among many").len(), 1);
}
