//! What the search over random cases found, each as a case of its own.

use super::*;

fn with_policy(set: TableSet, field: Field, policy: Policy) -> World {
    let mut world = World::new(set);
    world.ws.policies.set(field, policy);
    world
}

fn set_record(state: &mut LinkState, field: &str, value: &str) {
    state.record.as_mut().unwrap().values.insert(field.into(), value.into());
}

fn hide(state: &mut LinkState, field: &str) {
    state.record.as_mut().unwrap().values.remove(field);
}

fn set_status(state: &mut LinkState, status: &str) {
    let incident = state.incident.as_mut().unwrap();
    incident.status = status.into();
    if status == "Closed" {
        incident.classification = "TruePositive".into();
        incident.reason = "SuspiciousActivity".into();
    }
}

fn base_of(made: &Plan, field: Field) -> Base {
    made.bases.iter().find(|b| b.field == field).cloned().unwrap()
}

fn writes(made: &Plan, field: Field) -> bool {
    made.to_incident.iter().chain(&made.to_record).any(|t| t.field == field)
}

#[test]
fn a_severity_row_for_another_number_of_fields_is_held() {
    let mut set = TableSet::default_tables();
    set.severity[0].servicenow = "1".into();
    let world = World::new(set);
    let mut state = in_step(&world);
    state.incident.as_mut().unwrap().severity = "High".into();
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    assert!(base_of(&made, Field::Severity).held.contains("severity row 1"));
}

#[test]
fn an_empty_title_is_not_sent_to_sentinel() {
    let world = with_policy(TableSet::default_tables(), Field::Title, Policy::Latest);
    let mut state = in_step(&world);
    set_record(&mut state, "short_description", " ");
    set_record(&mut state, "description", "mended");
    let made = go(&state, &world.ctx());
    assert!(!writes(&made, Field::Title));
    assert!(!base_of(&made, Field::Title).held.is_empty());
}

#[test]
fn a_word_of_sentinel_in_another_case_is_the_same_word() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    set_status(&mut state, "Closed");
    state.incident.as_mut().unwrap().status = "closed".into();
    set_record(&mut state, "state", "7");
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
}

#[test]
fn a_field_that_does_not_flow_asks_nobody_anything() {
    let world = with_policy(TableSet::default_tables(), Field::Severity, Policy::Off);
    let mut state = in_step(&world);
    state.bases.retain(|b| b.field != Field::Severity);
    state.incident.as_mut().unwrap().severity = "High".into();
    assert_eq!(go(&state, &world.ctx()), Plan::default());
    hide(&mut state, "impact");
    assert_eq!(go(&state, &world.ctx()), Plan::default());
}

#[test]
fn an_open_first_contact_is_not_decided_by_who_moved_later() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    state.bases.clear();
    state.incident.as_mut().unwrap().severity = "High".into();
    let made = go(&state, &world.ctx());
    state = apply(&state, &made, &world.ctx());
    set_record(&mut state, "impact", "3");
    set_record(&mut state, "urgency", "3");
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    assert_eq!(base_of(&made, Field::Severity).conflict.unwrap().servicenow, "3/3");
}

#[test]
fn the_ratchet_lowers_no_severity_that_it_cannot_rank() {
    let world = with_policy(TableSet::default_tables(), Field::Severity, Policy::Ratchet);
    let mut state = in_step(&world);
    state.incident.as_mut().unwrap().severity = "Critical".into();
    set_record(&mut state, "impact", "3");
    set_record(&mut state, "urgency", "3");
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    assert!(base_of(&made, Field::Severity).held.contains("Critical"));
}

#[test]
fn a_close_is_not_undone_by_a_move_between_open_states() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    set_status(&mut state, "New");
    set_record(&mut state, "state", "6");
    set_record(&mut state, "close_code", "User error");
    let made = go(&state, &world.ctx());
    assert!(made.to_record.is_empty(), "{made:#?}");
    assert!(made.to_incident.iter().any(|t| t.field == Field::Status && t.sentinel == "Closed"));
    assert!(base_of(&made, Field::Status).conflict.is_some(), "on record");

    let mut state = in_step(&world);
    set_status(&mut state, "Closed");
    set_record(&mut state, "state", "3");
    let made = go(&state, &world.ctx());
    assert!(made.to_incident.is_empty(), "{made:#?}");
    assert!(made.to_record.iter().any(|t| t.field == Field::Status && t.servicenow == "6"));
}

#[test]
fn the_owner_of_the_status_reopens_nobody_by_the_way() {
    let world = with_policy(TableSet::default_tables(), Field::Status, Policy::Sentinel);
    let mut state = in_step(&world);
    set_record(&mut state, "state", "6");
    let made = go(&state, &world.ctx());
    state = apply(&state, &made, &world.ctx());
    set_status(&mut state, "New");
    assert!(go(&state, &world.ctx()).writes_nothing());
    let made = go(&state, &world.ctx());
    state = apply(&state, &made, &world.ctx());
    set_status(&mut state, "Closed");
    let made = go(&state, &world.ctx());
    state = apply(&state, &made, &world.ctx());
    set_status(&mut state, "Active");
    let made = go(&state, &world.ctx());
    assert!(made.to_record.iter().any(|t| t.field == Field::Status && t.servicenow == "2"), "{made:#?}");
}

#[test]
fn a_close_that_waits_says_so_once() {
    let mut set = TableSet::default_tables();
    set.closure.retain(|r| r.sentinel != "TruePositive-SuspiciousActivity");
    let world = with_policy(set, Field::Status, Policy::Sentinel);
    let mut state = in_step(&world);
    set_status(&mut state, "Closed");
    set_record(&mut state, "state", "3");
    let made = go(&state, &world.ctx());
    assert!(!base_of(&made, Field::Status).held.is_empty());
    state = apply(&state, &made, &world.ctx());
    let made = go(&state, &world.ctx());
    assert_eq!(made.decisions, [], "nothing new was decided");
}

#[test]
fn closing_fields_that_may_not_be_read_are_neither_empty_nor_ours() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    set_status(&mut state, "Closed");
    hide(&mut state, "close_notes");
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "a person's notes may stand there: {made:#?}");
    assert!(!base_of(&made, Field::CloseNotes).held.is_empty());

    let mut state = in_step(&world);
    set_record(&mut state, "state", "6");
    set_record(&mut state, "close_code", "User error");
    set_record(&mut state, "close_notes", "was the scanner");
    let made = go(&state, &world.ctx());
    state = apply(&state, &made, &world.ctx());
    hide(&mut state, "close_code");
    hide(&mut state, "close_notes");
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "not emptied, only hidden: {made:#?}");
    assert_eq!(base_of(&made, Field::CloseNotes).servicenow, "was the scanner");
}

#[test]
fn closing_fields_that_are_off_do_not_travel_with_a_close() {
    let mut world = World::new(TableSet::default_tables());
    world.ws.policies.set(Field::Closure, Policy::Off);
    world.ws.policies.set(Field::CloseNotes, Policy::Off);
    let mut state = in_step(&world);
    set_status(&mut state, "Closed");
    let made = go(&state, &world.ctx());
    assert_eq!(made.to_record.iter().map(|t| t.field).collect::<Vec<_>>(), [Field::Status]);

    let mut state = in_step(&world);
    set_record(&mut state, "state", "6");
    set_record(&mut state, "close_code", "User error");
    set_record(&mut state, "close_notes", "was the scanner");
    let made = go(&state, &world.ctx());
    let fields: Vec<Field> = made.to_incident.iter().map(|t| t.field).collect();
    assert_eq!(fields, [Field::Closure, Field::Status], "Sentinel needs a classification to close");
}

#[test]
fn a_close_waits_for_the_decision_about_its_closing_fields() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    set_status(&mut state, "Closed");
    let shown = sentinel_value(state.incident.as_ref().unwrap(), Field::Closure);
    let base = state.bases.iter_mut().find(|b| b.field == Field::Closure).unwrap();
    base.conflict = Some(crate::model::link::Conflict {
        sentinel: shown,
        servicenow: String::new(),
        since: Stamp(50),
        why: "ServiceNow kept its value".into(),
        taken: None,
    });
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    assert!(base_of(&made, Field::Status).held.contains("closure"));
}

#[test]
fn a_close_code_that_says_the_same_is_not_replaced_by_another() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    set_record(&mut state, "close_code", "Workaround provided");
    let base = state.bases.iter_mut().find(|b| b.field == Field::Closure).unwrap();
    base.servicenow = "Workaround provided".into();
    set_status(&mut state, "Closed");
    let made = go(&state, &world.ctx());
    assert!(made.to_record.iter().any(|t| t.field == Field::Status));
    assert!(!writes(&made, Field::Closure), "{made:#?}");
}

#[test]
fn a_record_opened_while_its_incident_was_closed_anew_is_a_tie() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    set_status(&mut state, "Closed");
    set_record(&mut state, "state", "6");
    set_record(&mut state, "close_code", "Solution provided");
    let made = go(&state, &world.ctx());
    state = apply(&state, &made, &world.ctx());
    let at = |seconds: i64| Stamp(seconds * 1_000_000);
    for base in &mut state.bases {
        match base.field {
            // Closed anew with other words, which each side kept; then the record turns out to be open.
            Field::Closure => base.sentinel_seen.last = at(100),
            Field::Status => {
                base.servicenow_seen =
                    crate::model::link::Seen { same: at(50), differs: Some(at(150)), last: at(0) }
            }
            _ => {}
        }
    }
    set_record(&mut state, "state", "2");
    let made = go(&state, &world.ctx());
    assert!(made.to_incident.is_empty(), "{made:#?}");
    assert!(made.to_record.iter().any(|t| t.field == Field::Status && t.servicenow == "6"), "{made:#?}");
    assert!(base_of(&made, Field::Status).conflict.is_some());
}

#[test]
fn a_title_edited_before_sentinels_change_that_it_was_too_short_for_is_told_of_it() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    let (long, shown) = ("x".repeat(200), format!("{}…", "x".repeat(159)));
    let base_in = |state: &mut LinkState, with: &dyn Fn(&mut Base)| {
        with(state.bases.iter_mut().find(|b| b.field == Field::Title).unwrap());
    };
    // Only what the record cannot show is changed: both agree still, and nobody is written.
    state.incident.as_mut().unwrap().title = long.as_str().into();
    set_record(&mut state, "short_description", &shown);
    state.record_seen = Stamp(10);
    base_in(&mut state, &|b| {
        (b.sentinel, b.servicenow) = (format!("{long}, before"), shown.clone());
        b.sentinel_seen = b.sentinel_seen.shows_another(Stamp(20), Stamp(40));
    });
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    state = apply(&state, &made, &world.ctx());
    // Then the record turns out to be edited: later than that, or perhaps before it.
    set_record(&mut state, "short_description", "ours");
    let mut later = state.clone();
    base_in(&mut later, &|b| b.servicenow_seen = b.servicenow_seen.shows_another(Stamp(50), Stamp(60)));
    assert!(go(&later, &world.ctx()).writes_nothing());
    base_in(&mut state, &|b| b.servicenow_seen = b.servicenow_seen.shows_another(Stamp(10), Stamp(60)));
    let made = go(&state, &world.ctx());
    assert!(made.to_record.is_empty() && made.notes.len() == 1, "{made:#?}");
    assert!(made.notes[0].1.ends_with(&long));
    state = apply(&state, &made, &world.ctx());
    assert!(go(&state, &world.ctx()).writes_nothing(), "said once");
}
