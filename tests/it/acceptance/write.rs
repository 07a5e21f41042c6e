//! A write changes what it is about, once, whatever comes back.

use diptych::sandbox::sentinel::IncidentAct;

use super::{MINUTE, comments, first_open, incident, noor, notes, raise, set, write_note};
use crate::interleavings::quiet;

#[test]
fn a_change_of_one_field_leaves_owner_and_labels() {
    let mut sim = quiet(2);
    let guid = first_open(&sim).guid;
    sim.act_in_sentinel(&guid, &IncidentAct::Owner(Some(noor())), noor());
    sim.act_in_sentinel(&guid, &IncidentAct::Label("vip".into()), noor());
    sim.run_for(MINUTE);
    let before = incident(&sim, &guid);
    let urgency = if before.severity == "High" { "3" } else { "1" };
    set(&sim, &guid, &[("impact", urgency), ("urgency", urgency)]);
    sim.run_for(MINUTE);
    let after = incident(&sim, &guid);
    assert_ne!(after.severity, before.severity);
    assert_eq!(after.owner_upn.as_deref(), Some(noor().upn));
    assert_eq!((&after.labels, &after.title), (&before.labels, &before.title));
    assert_eq!(after.description, before.description);
}

#[test]
fn a_storm_of_refused_versions_ends_in_step() {
    let mut sim = quiet(3);
    let guid = first_open(&sim).guid;
    sim.strike("only:sentinel.conflict=1");
    let urgency = if incident(&sim, &guid).severity == "High" { "3" } else { "1" };
    set(&sim, &guid, &[("impact", urgency), ("urgency", urgency)]);
    sim.run_for(MINUTE * 3);
    sim.act_in_sentinel(&guid, &IncidentAct::Label("meanwhile".into()), noor());
    sim.run_for(MINUTE);
    sim.strike("none");
    sim.run_for(MINUTE * 15);
    assert!(incident(&sim, &guid).labels.iter().any(|l| l == "meanwhile"), "nothing was written over");
    sim.assert_in_step(21);
}

#[test]
fn being_throttled_costs_time_and_nothing_else() {
    for kind in ["throttled", "throttled-bare", "throttled-date", "throttled-past"] {
        let mut sim = quiet(2);
        let guid = first_open(&sim).guid;
        sim.strike(&format!("only:{kind}=0.7"));
        write_note(&sim, &guid, "while we are asked to wait");
        sim.act_in_sentinel(&guid, &IncidentAct::Comment("and so is the other side".into()), noor());
        sim.run_for(MINUTE * 3);
        sim.strike("none");
        sim.run_for(MINUTE * 15);
        assert_eq!(comments(&sim, &guid, "while we are asked").len(), 1, "{kind}");
        assert_eq!(notes(&sim, &guid, "so is the other side").len(), 1, "{kind}");
    }
}

#[test]
fn an_error_after_the_write_doubles_nothing() {
    let mut sim = quiet(1);
    sim.strike("only:error-after=1");
    let guid = raise(&sim, "made in spite of an error");
    sim.run_for(MINUTE * 3);
    sim.strike("none");
    sim.run_for(MINUTE * 10);
    let made = sim.worlds().records;
    let id = format!("diptych:prod:{guid}");
    assert_eq!(made.iter().filter(|r| r.fields["correlation_id"] == id).count(), 1);
    sim.assert_in_step(21);
    sim.assert_idle(5);
}

#[test]
fn the_page_of_a_sleeping_instance_is_no_answer() {
    let mut sim = quiet(2);
    let guid = first_open(&sim).guid;
    sim.strike("only:servicenow.hibernating=1");
    sim.act_in_sentinel(&guid, &IncidentAct::Comment("while it sleeps".into()), noor());
    let new = raise(&sim, "raised while it sleeps");
    sim.run_for(MINUTE * 5);
    sim.strike("none");
    sim.run_for(MINUTE * 15);
    assert_eq!(notes(&sim, &guid, "while it sleeps").len(), 1);
    assert_eq!(sim.record_of(&new).fields["short_description"], "raised while it sleeps");
    sim.assert_in_step(21);
}

#[test]
fn a_comment_whose_answer_is_lost_is_there_once() {
    let mut sim = quiet(2);
    let guid = first_open(&sim).guid;
    sim.strike("only:commit-then-drop=1");
    write_note(&sim, &guid, "is this there twice");
    sim.act_in_sentinel(&guid, &IncidentAct::Comment("or is that".into()), noor());
    sim.run_for(MINUTE);
    sim.strike("none");
    sim.run_for(MINUTE * 15);
    assert_eq!(comments(&sim, &guid, "is this there twice").len(), 1);
    assert_eq!(notes(&sim, &guid, "or is that").len(), 1);
    sim.assert_idle(5);
}
