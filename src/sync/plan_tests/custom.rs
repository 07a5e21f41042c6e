//! Custom fields: one way, filled, followed, held, and never taken from a person.

use super::*;
use crate::mapping::FieldRow;
use crate::sync::custom::{bases_before_change, custom_fields};
use crate::sync::plan::NOTHING;

fn world_with(rows: &[(&str, &str, bool, bool)]) -> World {
    let row = |(column, source, once, overrides): &(&str, &str, bool, bool)| FieldRow {
        column: (*column).into(),
        source: (*source).into(),
        once: *once,
        overrides: *overrides,
        ..FieldRow::default()
    };
    World::new(TableSet { field: rows.iter().map(row).collect(), ..TableSet::default_tables() })
}

fn set_column(state: &mut LinkState, column: &str, value: &str) {
    state.record.as_mut().unwrap().values.insert(column.into(), value.into());
}

fn label(state: &mut LinkState, label: &str) {
    state.incident.as_mut().unwrap().labels.push(label.into());
}

/// A link whose only custom field was agreed on: the record shows its labels.
fn filled(world: &World) -> LinkState {
    let mut state = in_step(world);
    set_column(&mut state, "u_labels", "");
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    apply(&state, &made, &world.ctx())
}

/// The next observation of the incident: one label more.
fn observe(state: &mut LinkState, world: &World, name: &str) {
    let new = bases_before_change(state, &world.ctx(), Stamp(150));
    state.bases.retain(|b| new.iter().all(|n| n.field != b.field));
    state.bases.extend(new);
    label(state, name);
}

fn base<'a>(bases: &'a [Base], column: &str) -> &'a Base {
    bases.iter().rev().find(|b| b.field.label() == column).unwrap()
}

fn written(made: &Plan) -> Vec<(&str, &str)> {
    made.to_record.iter().map(|t| (t.field.label(), t.servicenow.as_str())).collect()
}

#[test]
fn a_change_of_the_incident_follows_and_a_hand_edit_stays() {
    let world = world_with(&[("u_labels", "/labels", false, false)]);
    let mut state = filled(&world);
    label(&mut state, "vip");
    let made = go(&state, &world.ctx());
    assert_eq!(written(&made), [("u_labels", "vip")]);
    assert!(made.to_incident.is_empty());
    state = apply(&state, &made, &world.ctx());
    assert!(go(&state, &world.ctx()).writes_nothing());

    set_column(&mut state, "u_labels", "mine");
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    state = apply(&state, &made, &world.ctx());
    label(&mut state, "urgent");
    let made = go(&state, &world.ctx());
    assert!(made.to_record.is_empty() && made.to_incident.is_empty());
    assert!(made.notes[0].1.contains("vip, urgent"), "{made:#?}");
    state = apply(&state, &made, &world.ctx());
    assert!(go(&state, &world.ctx()).writes_nothing(), "one note each");
}

#[test]
fn a_row_that_overrides_goes_over_a_hand_edit_with_the_next_change_only() {
    let world = world_with(&[("u_labels", "/labels", false, true)]);
    let mut state = filled(&world);
    set_column(&mut state, "u_labels", "mine");
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    state = apply(&state, &made, &world.ctx());
    label(&mut state, "vip");
    assert_eq!(written(&go(&state, &world.ctx())), [("u_labels", "vip")]);
}

#[test]
fn once_is_once() {
    let world = world_with(&[("u_labels", "/labels", true, false)]);
    let mut state = filled(&world);
    label(&mut state, "vip");
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    // A record that was found has nothing of its own in the column.
    let field = custom_fields(&world.ctx()).next().unwrap().field;
    state.bases.retain(|b| b.field != field);
    state.bases.push(Base::agreed(field, NOTHING, "", Stamp(1)));
    assert_eq!(written(&go(&state, &world.ctx())), [("u_labels", "vip")]);
}

#[test]
fn another_template_writes_nothing_until_the_incident_changes() {
    let world = world_with(&[("u_labels", "/labels", false, false)]);
    let mut state = filled(&world);
    label(&mut state, "vip");
    state = apply(&state, &go(&state, &world.ctx()), &world.ctx());
    let world = world_with(&[("u_labels", "{{ labels | join(' ') | upper }}", false, false)]);
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "a change of the tables is none of the incident (D24): {made:#?}");
    // What was seen before the row was changed waits still.
    let mut waiting = state.clone();
    waiting.link.pending = true;
    label(&mut waiting, "seen before");
    assert_eq!(written(&go(&waiting, &world.ctx())), [("u_labels", "VIP SEEN BEFORE")]);
    // Nothing plans a link that rests: the incident's change is the first that it sees of the row.
    observe(&mut state, &world, "urgent");
    assert_eq!(written(&go(&state, &world.ctx())), [("u_labels", "VIP URGENT")]);
}

#[test]
fn a_hand_edit_outlives_the_template_that_it_went_over() {
    let world = world_with(&[("u_labels", "/labels", false, false)]);
    let mut state = filled(&world);
    set_column(&mut state, "u_labels", "mine");
    state = apply(&state, &go(&state, &world.ctx()), &world.ctx());
    for source in ["{{ labels | join(' ') }}", "{{ labels | join('+') }}"] {
        let world = world_with(&[("u_labels", source, false, false)]);
        observe(&mut state, &world, source);
        let made = go(&state, &world.ctx());
        assert!(made.to_record.is_empty(), "{made:#?}");
        assert_eq!(made.notes.len(), 1, "the change is told");
        state = apply(&state, &made, &world.ctx());
    }
    // So do words of old in a column that a row is new for.
    let world = world_with(&[("u_old", "/labels", false, false)]);
    set_column(&mut state, "u_old", "for years");
    observe(&mut state, &world, "new");
    let made = go(&state, &world.ctx());
    assert!(made.to_record.is_empty() && made.notes.len() == 1, "{made:#?}");
}

#[test]
fn a_row_that_comes_back_is_new_again() {
    let (one, other) =
        (("u_labels", "/labels", false, false), ("u_labels", "{{ labels | join(' ') }}", false, false));
    let world = world_with(&[one]);
    let mut state = filled(&world);
    for (turn, rows) in [other, one, other, one].into_iter().enumerate() {
        let world = world_with(&[rows]);
        assert!(go(&state, &world.ctx()).writes_nothing(), "a change of the tables is none of the incident");
        let seen = format!("seen {turn}");
        observe(&mut state, &world, &seen);
        let made = go(&state, &world.ctx());
        assert!(made.to_record[0].servicenow.ends_with(&seen) && made.notes.is_empty(), "{made:#?}");
        state = apply(&state, &made, &world.ctx());
        state = apply(&state, &go(&state, &world.ctx()), &world.ctx());
    }
}

#[test]
fn what_could_not_be_sent_is_news_still() {
    let world = world_with(&[("u_labels", "{{ labels[0] | upper }}", false, false)]);
    let mut state = in_step(&world);
    set_column(&mut state, "u_labels", "");
    state = apply(&state, &go(&state, &world.ctx()), &world.ctx());
    assert!(base(&state.bases, "u_labels").held.contains("field row 1"));
    observe(&mut state, &world, "vip");
    let made = go(&state, &world.ctx());
    assert_eq!(written(&made), [("u_labels", "VIP")]);
    // The bases are kept, the write never came.
    for base in made.bases {
        state.bases.retain(|b| b.field != base.field);
        state.bases.push(base);
    }
    assert_eq!(written(&go(&state, &world.ctx())), [("u_labels", "VIP")]);
}

#[test]
fn a_conflict_stays_until_a_person_decides_and_then_stays_decided() {
    let world = world_with(&[("u_labels", "/labels", false, false)]);
    let mut state = filled(&world);
    let field = base(&state.bases, "u_labels").field;
    let why = "first contact".to_owned();
    let conflict =
        link::Conflict { sentinel: "a".into(), servicenow: "x".into(), since: Stamp(1), why, taken: None };
    state.bases.retain(|b| b.field != field);
    state.bases.push(Base { conflict: Some(conflict), ..Base::agreed(field, NOTHING, NOTHING, Stamp(0)) });
    set_column(&mut state, "u_labels", "y");
    observe(&mut state, &world, "vip");
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    let open = base(&made.bases, "u_labels").conflict.clone().unwrap();
    assert_eq!((open.sentinel.as_str(), open.servicenow.as_str()), ("vip", "y"));
    state = apply(&state, &made, &world.ctx());
    let take = |take| preview(&state, &world.ctx(), &Verb::Resolve { field, take }).unwrap();
    assert_eq!(take(Side::Sentinel).len(), 1);
    assert_eq!(take(Side::ServiceNow), []);
    let kept = Verb::Resolve { field, take: Side::ServiceNow };
    let Ok(super::super::act::Opening::Base(kept)) = super::super::act::open(&state, &world.ctx(), &kept)
    else {
        panic!("a base");
    };
    state.bases.retain(|b| b.field != field);
    state.bases.push(*kept);
    assert_eq!(go(&state, &world.ctx()), Plan::default());
    observe(&mut state, &world, "urgent");
    let made = go(&state, &world.ctx());
    assert!(made.to_record.is_empty() && made.notes.len() == 1, "{made:#?}");
}

#[test]
fn a_mended_row_leaves_nothing_held_behind() {
    let world = world_with(&[("u_labels", "{{ labels[7] | upper }}", false, false)]);
    let mut state = in_step(&world);
    set_column(&mut state, "u_labels", "");
    state = apply(&state, &go(&state, &world.ctx()), &world.ctx());
    let world = world_with(&[("u_labels", "x", false, false)]);
    let made = go(&state, &world.ctx());
    assert_eq!(written(&made), [("u_labels", "x")]);
    state = apply(&state, &made, &world.ctx());
    state = apply(&state, &go(&state, &world.ctx()), &world.ctx());
    assert!(state.bases.iter().all(|b| b.held.is_empty()), "{:#?}", state.bases);
    // Nor does it go over what a person types, whatever becomes of the row.
    set_column(&mut state, "u_labels", "mine");
    state = apply(&state, &go(&state, &world.ctx()), &world.ctx());
    let world = world_with(&[("u_labels", "y", false, false)]);
    assert!(go(&state, &world.ctx()).writes_nothing());
    let world = world_with(&[]);
    assert!(go(&state, &world.ctx()).writes_nothing());
}

#[test]
fn what_fails_is_held_and_flows_once_the_row_is_mended() {
    let world = world_with(&[("u_labels", "{{ labels[7] | upper }}", false, false)]);
    let mut state = in_step(&world);
    set_column(&mut state, "u_labels", "");
    state.incident.as_mut().unwrap().severity = "High".into();
    let made = go(&state, &world.ctx());
    let held = made.bases.iter().find(|b| b.field.label() == "u_labels").unwrap();
    assert!(held.held.contains("field row 1"), "{held:?}");
    assert_eq!(written(&made), [("Severity", "1/1")], "the other fields flow on");
    state = apply(&state, &made, &world.ctx());
    label(&mut state, "vip");
    let world = world_with(&[("u_labels", "/labels", false, false)]);
    assert_eq!(written(&go(&state, &world.ctx())), [("u_labels", "vip")]);
}

#[test]
fn a_column_is_read_before_it_is_written_and_one_that_is_not_there_stays_held() {
    let world = world_with(&[("u_labels", "/labels", false, false)]);
    let mut state = in_step(&world);
    observe(&mut state, &world, "vip");
    assert_eq!(written(&go(&state, &world.ctx())), [("u_labels", "vip")]);
    // It is read right before it is written: empty, or with words of somebody's.
    set_column(&mut state, "u_labels", "");
    assert_eq!(written(&go(&state, &world.ctx())), [("u_labels", "vip")]);
    set_column(&mut state, "u_labels", "of old");
    let made = go(&state, &world.ctx());
    assert!(made.to_record.is_empty() && made.notes.len() == 1, "{made:#?}");
    // A record that was made without it.
    let mut state = in_step(&world);
    let field = custom_fields(&world.ctx()).next().unwrap().field;
    let why = "the table has none".to_owned();
    state.bases.push(Base { held: why.clone(), ..Base::agreed(field, "", "", Stamp(1)) });
    assert_eq!(go(&state, &world.ctx()), Plan::default(), "it stays held");
    assert_eq!(base(&state.bases, "u_labels").held, why);
}

#[test]
fn a_column_of_the_route_is_nobody_elses() {
    let rows = ["state", "work_notes", "correlation_id", "u_fine"].map(|c| (c, "x", false, true));
    let world = world_with(&rows);
    let columns: Vec<_> = custom_fields(&world.ctx()).map(|f| f.column.clone()).collect();
    assert_eq!(columns, ["u_fine"]);
}
