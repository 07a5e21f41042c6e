//! The number of the record as a label of its incident.

use super::*;
use crate::mapping::FieldRow;
use crate::sync::number_label::{given_up, is_alone, leave_out, tried_again};

fn world() -> World {
    let mut world = World::new(TableSet::default_tables());
    world.ws.number_label = "snow:".into();
    world
}

/// A pair in step, whose incident has these labels.
fn pair(world: &World, number: &str, labels: &[&str]) -> LinkState {
    let face = Face { severity: 1, status: 1, closure: 1, owner: 0, text: 0 };
    let (mut s, mut n) = (incident(&face), record(&face));
    n.values.insert("state".into(), "2".into());
    n.number = number.into();
    s.labels = labels.iter().map(|l| (*l).into()).collect();
    let bases = agreed(&s, &n, &world.ctx());
    link_state(bases, s, n)
}

fn labels(state: &LinkState) -> Vec<&str> {
    state.incident.as_ref().unwrap().labels.iter().map(|l| l.raw()).collect()
}

#[test]
fn it_is_written_once_beside_what_is_there_and_never_again() {
    let world = world();
    let state = pair(&world, "INC0010001", &["snow", "vip"]);
    let made = go(&state, &world.ctx());
    assert!(is_alone(&made.to_incident) && made.to_record.is_empty(), "{made:#?}");
    let mut state = apply(&state, &made, &world.ctx());
    assert_eq!(labels(&state), ["snow", "vip", "snow:INC0010001"]);
    assert!(go(&state, &world.ctx()).writes_nothing());
    // Somebody removes it.
    state.incident.as_mut().unwrap().labels.pop();
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing() && made.bases.is_empty(), "{made:#?}");
    // Another record is another number.
    state.record.as_mut().unwrap().number = "INC0010002".into();
    let made = go(&state, &world.ctx());
    assert_eq!(made.to_incident[0].sentinel, "snow:INC0010002");
}

#[test]
fn one_that_is_there_already_writes_nothing_and_counts_as_written() {
    let world = world();
    let mut state = pair(&world, "INC0010001", &["Snow:inc0010001"]);
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing() && made.bases.len() == 1, "{made:#?}");
    state.bases.extend(made.bases);
    state.incident.as_mut().unwrap().labels.clear();
    assert!(go(&state, &world.ctx()).writes_nothing());
}

#[test]
fn without_the_setting_or_a_sound_number_there_is_none() {
    let off = World::new(TableSet::default_tables());
    assert!(go(&pair(&off, "INC0010001", &[]), &off.ctx()).writes_nothing());
    let world = world();
    for number in ["", "INC 1", "INC1\u{1b}[2J"] {
        assert!(go(&pair(&world, number, &[]), &world.ctx()).writes_nothing(), "{number:?}");
    }
}

#[test]
fn it_travels_with_what_the_incident_gets_anyway() {
    let world = world();
    let mut state = pair(&world, "INC0010001", &[]);
    for column in ["impact", "urgency"] {
        state.record.as_mut().unwrap().values.insert(column.into(), "1".into());
    }
    let mut made = go(&state, &world.ctx());
    assert_eq!(made.to_incident.len(), 2);
    assert!(!is_alone(&made.to_incident));
    leave_out(&mut made.to_incident);
    assert_eq!(made.to_incident[0].field, Field::Severity);
}

#[test]
fn what_sentinel_refused_is_given_up_until_somebody_says_retry() {
    let world = world();
    let mut state = pair(&world, "INC0010001", &[]);
    let made = go(&state, &world.ctx());
    state.bases.extend(given_up(&made.to_incident, Stamp(5)));
    assert!(go(&state, &world.ctx()).writes_nothing());
    for base in tried_again(&state.bases) {
        state.bases.retain(|b| b.field != base.field);
        state.bases.push(base);
    }
    assert_eq!(go(&state, &world.ctx()).to_incident.len(), 1);
}

#[test]
fn a_column_that_shows_labels_is_not_told_the_records_own_number() {
    let row = FieldRow { column: "u_labels".into(), source: "/labels".into(), ..FieldRow::default() };
    let mut world = World::new(TableSet { field: vec![row], ..TableSet::default_tables() });
    world.ws.number_label = "snow:".into();
    let mut state = pair(&world, "INC0010001", &["vip"]);
    state.record.as_mut().unwrap().values.insert("u_labels".into(), "vip".into());
    for _ in 0..2 {
        let made = go(&state, &world.ctx());
        assert!(made.to_record.is_empty(), "{made:#?}");
        state = apply(&state, &made, &world.ctx());
    }
    assert_eq!(labels(&state), ["vip", "snow:INC0010001"]);
}
