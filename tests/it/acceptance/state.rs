//! Closed is closed, and opened again only by somebody.

use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::servicenow::DeskAct;
use serde_json::json;

use super::{MINUTE, close, first_open, incident, noor, raise, set, turn, write_note};
use crate::interleavings::quiet;

#[test]
fn an_incident_that_was_born_closed_is_closed_on_both_sides() {
    let mut sim = quiet(1);
    let guid = raise(&sim, "closed at birth");
    close(&sim, &guid, "by a rule");
    sim.run_for(MINUTE * 2);
    let record = sim.record_of(&guid);
    assert_eq!((record.fields["state"].as_str(), record.fields["close_notes"].as_str()), ("6", "by a rule"));
    assert_eq!(incident(&sim, &guid).status, "Closed");
}

#[test]
fn closed_reopened_and_closed_again_ends_closed_with_the_last_words() {
    let mut sim = quiet(2);
    let guid = first_open(&sim).guid;
    close(&sim, &guid, "first words");
    sim.run_for(MINUTE);
    sim.act_in_sentinel(&guid, &IncidentAct::Reopen, noor());
    sim.run_for(MINUTE);
    assert_eq!(sim.record_of(&guid).fields["state"], "2");
    close(&sim, &guid, "last words");
    sim.run_for(MINUTE);
    let record = sim.record_of(&guid);
    assert_eq!((record.fields["state"].as_str(), record.fields["close_notes"].as_str()), ("6", "last words"));
    sim.assert_in_step(21);
    sim.assert_idle(5);
}

#[test]
fn early_close_notes_stay_when_the_incident_is_closed() {
    let mut sim = quiet(2);
    let guid = first_open(&sim).guid;
    set(&sim, &guid, &[("close_notes", "known already: a test")]);
    sim.run_for(MINUTE);
    close(&sim, &guid, "said in Sentinel");
    sim.run_for(MINUTE * 2);
    assert_eq!(sim.record_of(&guid).fields["close_notes"], "known already: a test");
}

#[test]
fn a_late_touch_of_a_closed_record_reopens_nothing() {
    let mut sim = quiet(2);
    let guid = first_open(&sim).guid;
    let done = [("state", "6"), ("close_code", "Solution provided"), ("close_notes", "done")];
    set(&sim, &guid, &done);
    sim.run_for(MINUTE);
    assert_eq!(incident(&sim, &guid).status, "Closed");
    set(&sim, &guid, &[("short_description", "a better title")]);
    write_note(&sim, &guid, "filed under last week");
    sim.run_for(MINUTE * 2);
    let after = incident(&sim, &guid);
    assert_eq!((after.status.as_str(), after.classification_comment.as_deref()), ("Closed", Some("done")));
    assert_eq!(sim.record_of(&guid).fields["state"], "6");
}

#[test]
fn a_reopening_that_becomes_visible_late_arrives() {
    let mut sim = quiet(2);
    let guid = first_open(&sim).guid;
    let done = [("state", "6"), ("close_code", "Solution provided"), ("close_notes", "done")];
    set(&sim, &guid, &done);
    sim.run_for(MINUTE);
    assert_eq!(incident(&sim, &guid).status, "Closed");
    // In a list only once its stamp is older than what a read reaches back for by itself.
    turn(&sim, "late_visibility_seconds", &json!(600));
    let sys_id = sim.record_of(&guid).sys_id;
    let (now, stamp) = loop {
        let reopen =
            DeskAct::Set(vec![("state".into(), "2".into()), ("short_description".into(), "again".into())]);
        sim.act_in_servicenow(&sys_id, &reopen, noor().user_name);
        let stamp = sim.record_of(&guid).fields["sys_updated_on"].clone();
        let stamp = diptych::text::Stamp::parse_servicenow(&stamp).unwrap();
        if sim.world_time().since(stamp) > MINUTE * 4 {
            break (sim.world_time(), stamp);
        }
        set(&sim, &guid, &done);
    };
    turn(&sim, "late_visibility_seconds", &json!(0));
    assert!(stamp < now.minus(MINUTE * 4), "behind the cursor");
    sim.run_for(MINUTE * 18);
    assert_eq!(incident(&sim, &guid).status, "Active");
    sim.assert_in_step(21);
}
