//! A record that was closed in ServiceNow while its incident is reopened in Sentinel.

use super::*;
use crate::model::settings::ClosedPartner;

fn world(closed_partner: ClosedPartner) -> World {
    let mut world = World::new(TableSet::default_tables());
    world.ws.closed_partner = closed_partner;
    world
}

fn set_state(state: &mut LinkState, raw: &str) {
    state.record.as_mut().unwrap().values.insert("state".into(), raw.into());
}

fn set_status(state: &mut LinkState, word: &str) {
    let incident = state.incident.as_mut().unwrap();
    incident.status = word.into();
    let closure = Closure::ALL[1];
    incident.classification = closure.classification().into();
    incident.reason = closure.reason().unwrap_or_default().into();
}

/// A pair that both closed, after `closer`.
fn closed(world: &World, closer: Option<Side>) -> LinkState {
    let face = Face { severity: 1, status: 2, closure: 1, owner: 0, text: 0 };
    let (s, mut n) = (incident(&face), record(&face));
    for (column, value) in [("state", "6"), ("close_code", "Solution provided"), ("close_notes", "why 0")] {
        n.values.insert(column.into(), value.into());
    }
    let bases = agreed(&s, &n, &world.ctx());
    let mut state = link_state(bases, s, n);
    state.link.closer = closer;
    state
}

/// The same once its incident was reopened and that was planned.
fn apart(world: &World) -> LinkState {
    let mut state = closed(world, Some(Side::ServiceNow));
    set_status(&mut state, "Active");
    let made = go(&state, &world.ctx());
    apply(&state, &made, &world.ctx())
}

fn status_writes(made: &Plan) -> usize {
    made.to_incident.iter().chain(&made.to_record).filter(|t| t.field == Field::Status).count()
}

fn status(state: &LinkState) -> &Base {
    state.base(Field::Status).unwrap()
}

#[test]
fn by_default_the_record_is_opened_again() {
    for closer in [Some(Side::ServiceNow), Some(Side::Sentinel), None] {
        let world = world(ClosedPartner::default());
        let mut state = closed(&world, closer);
        set_status(&mut state, "Active");
        let made = go(&state, &world.ctx());
        assert_eq!(made.to_record.iter().map(|t| t.field).collect::<Vec<_>>(), [Field::Status]);
        assert!(made.notes.is_empty(), "{:?}", made.notes);
    }
}

#[test]
fn a_record_that_stays_closed_is_told_once_and_never_written_by_itself() {
    let world = world(ClosedPartner::Comment);
    let mut state = closed(&world, Some(Side::ServiceNow));
    set_status(&mut state, "Active");
    let made = go(&state, &world.ctx());
    assert!(made.to_record.is_empty() && made.to_incident.is_empty(), "{made:#?}");
    assert_eq!((made.notes.len(), made.closer), (1, Some(None)));
    assert!(made.notes[0].1.contains("was reopened"), "{:?}", made.notes);
    assert_eq!(go(&state, &world.ctx()).notes, made.notes, "the same note until it is committed");
    let shown = preview_of(&closed(&world, Some(Side::ServiceNow)), &world);
    assert_eq!(shown.last().map(|s| s.what.as_str()), Some("note"), "whoever reopens sees it before");

    let state = apply(&state, &made, &world.ctx());
    assert_eq!((status(&state).sentinel.as_str(), status(&state).servicenow.as_str()), ("Active", "6"));
    assert!(status(&state).detached && status(&state).rule.contains("stays closed"));
    assert!(crate::sync::link_step(&state).1.contains("stays closed"), "people see why");
    assert_eq!(go(&state, &world.ctx()), Plan::default());
    // Neither by a move between open states, nor of the record between closed ones.
    for (word, raw) in [("New", "6"), ("Active", "7"), ("New", "7")] {
        let mut moved = state.clone();
        set_status(&mut moved, word);
        set_state(&mut moved, raw);
        let made = go(&moved, &world.ctx());
        assert!(made.writes_nothing(), "{word} {raw}: {made:#?}");
        let moved = apply(&moved, &made, &world.ctx());
        assert!(status(&moved).detached && status(&moved).conflict.is_none(), "{word} {raw}");
        assert_eq!(go(&moved, &world.ctx()), Plan::default(), "{word} {raw}");
    }
}

fn preview_of(state: &LinkState, world: &World) -> Vec<Shown> {
    preview(state, &world.ctx(), &Verb::Reopen).unwrap()
}

#[test]
fn what_we_closed_ourselves_is_opened_again_unless_somebody_closed_it_further() {
    let world = world(ClosedPartner::Comment);
    let ours = closed(&world, Some(Side::Sentinel));
    let mut reopened = ours.clone();
    set_status(&mut reopened, "Active");
    assert_eq!(status_writes(&go(&reopened, &world.ctx())), 1);

    // A job closes what was resolved: from then on the close is ServiceNow's own.
    let mut state = ours.clone();
    set_state(&mut state, "7");
    let made = go(&state, &world.ctx());
    let mut state = apply(&state, &made, &world.ctx());
    assert!(status(&state).detached);
    set_status(&mut state, "Active");
    let made = go(&state, &world.ctx());
    assert_eq!((status_writes(&made), made.notes.len()), (0, 1), "{made:#?}");
}

#[test]
fn what_somebody_closed_while_our_close_was_to_come_is_their_close() {
    let world = world(ClosedPartner::Comment);
    let mut state = closed(&world, Some(Side::Sentinel));
    // Ours was refused, so both last agreed on an open record.
    let base = state.bases.iter_mut().find(|b| b.field == Field::Status).unwrap();
    base.servicenow = "1".into();
    let made = go(&state, &world.ctx());
    let mut state = apply(&state, &made, &world.ctx());
    assert!(status(&state).detached && status(&state).servicenow == "6");
    set_status(&mut state, "Active");
    let made = go(&state, &world.ctx());
    assert_eq!((status_writes(&made), made.notes.len()), (0, 1), "{made:#?}");
}

#[test]
fn a_touch_of_a_closed_pair_reopens_nothing_and_tells_nothing() {
    let world = world(ClosedPartner::Comment);
    for (side, column) in [(Side::ServiceNow, "close_notes"), (Side::Sentinel, "title")] {
        let mut state = closed(&world, Some(Side::ServiceNow));
        match side {
            Side::ServiceNow => {
                state.record.as_mut().unwrap().values.insert(column.into(), "a late touch".into());
            }
            Side::Sentinel => state.incident.as_mut().unwrap().title = "another".into(),
        }
        let made = go(&state, &world.ctx());
        assert_eq!((status_writes(&made), made.notes.len()), (0, 0), "{made:#?}");
    }
}

#[test]
fn a_later_close_overwrites_nothing_and_is_told_and_so_is_the_next_reopening() {
    let world = world(ClosedPartner::Comment);
    let mut state = apart(&world);
    let first = go(&closed_and_reopened(&world), &world.ctx()).notes[0].0.clone();
    set_status(&mut state, "Closed");
    state.incident.as_mut().unwrap().classification_comment = "closed for good".into();
    let made = plan(&state, &world.ctx(), Stamp(150));
    assert!(made.to_record.is_empty() && made.to_incident.is_empty(), "{made:#?}");
    assert_eq!(made.notes.len(), 1);
    assert!(made.notes[0].1.contains("closed for good"), "{:?}", made.notes);
    let mut state = apply(&state, &made, &world.ctx());
    assert!(!status(&state).detached);
    assert!(go(&state, &world.ctx()).writes_nothing());
    set_status(&mut state, "Active");
    let made = plan(&state, &world.ctx(), Stamp(160));
    assert_eq!((status_writes(&made), made.notes.len()), (0, 1), "{made:#?}");
    assert_ne!(made.notes[0].0, first, "another reopening, another note");
}

fn closed_and_reopened(world: &World) -> LinkState {
    let mut state = closed(world, Some(Side::ServiceNow));
    set_status(&mut state, "Active");
    state
}

#[test]
fn once_somebody_opens_the_record_both_are_in_step_again() {
    let world = world(ClosedPartner::Comment);
    let mut state = apart(&world);
    set_state(&mut state, "2");
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    let mut state = apply(&state, &made, &world.ctx());
    assert!(!status(&state).detached);
    set_state(&mut state, "6");
    let made = go(&state, &world.ctx());
    assert_eq!(made.to_incident.iter().filter(|t| t.field == Field::Status).count(), 1, "{made:#?}");
}

#[test]
fn what_a_person_takes_from_sentinel_is_done_as_they_wish() {
    let world = world(ClosedPartner::Comment);
    let mut state = closed_and_reopened(&world);
    let at = state.bases.iter().position(|b| b.field == Field::Status).unwrap();
    state.bases[at].sentinel = super::super::plan::NOTHING.into();
    let made = go(&state, &world.ctx());
    assert_eq!((status_writes(&made), made.notes.len()), (1, 0), "{made:#?}");
}

#[test]
fn where_the_incident_goes_on_in_a_new_record_nothing_more_is_written_to_the_old_one() {
    use crate::sync::closed_partner::{awaits_new_record, goes_on, went_on};
    let world = world(ClosedPartner::New);
    let mut state = closed_and_reopened(&world);
    state.incident.as_mut().unwrap().title = "another title".into();
    let made = go(&state, &world.ctx());
    assert!(made.goes_on && made.to_record.is_empty(), "{made:#?}");
    assert_eq!(made.notes.len(), 1, "{:?}", made.notes);
    assert!(made.notes[0].1.contains("This record stays closed; the incident goes on in a new record."));
    assert!(awaits_new_record(&state, &made) && !goes_on(&state, &world.ctx()));
    let shown = preview_of(&closed(&world, Some(Side::ServiceNow)), &world);
    assert!(shown.iter().any(|s| s.what == "record" && s.to.contains("a new record")), "{shown:?}");

    let state = apply(&state, &made, &world.ctx());
    assert!(goes_on(&state, &world.ctx()) && !went_on(&state));
    let next = go(&state, &world.ctx());
    assert!(next.writes_nothing() && !next.goes_on, "decided once: {next:#?}");
    let mut ended = state.clone();
    ended.link.life = crate::model::Life::Unlinked;
    assert!(went_on(&ended));
    // Whoever moves either of them meanwhile has the last word.
    for (word, raw) in [("Active", "2"), ("Closed", "6")] {
        let mut moved = state.clone();
        set_status(&mut moved, word);
        set_state(&mut moved, raw);
        assert!(!goes_on(&moved, &world.ctx()), "{word} {raw}");
        let made = go(&moved, &world.ctx());
        let moved = apply(&moved, &made, &world.ctx());
        assert!(
            !goes_on(&moved, &world.ctx()) && !awaits_new_record(&moved, &Plan::default()),
            "{word} {raw}"
        );
    }
}

#[test]
fn too_many_new_records_at_once_are_held_back_like_reopenings() {
    use crate::sync::surge::{hold_back, surges};
    let world = world(ClosedPartner::New);
    let mut made = go(&closed_and_reopened(&world), &world.ctx());
    let all = surges(&made);
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(hold_back(&mut made, &all));
    assert!(!made.goes_on && made.notes.is_empty() && made.closer.is_none(), "{made:#?}");
    assert!(made.bases.iter().all(|b| b.field != Field::Status));
}

#[test]
fn what_we_closed_ourselves_gets_no_new_record() {
    let world = world(ClosedPartner::New);
    let mut state = closed(&world, Some(Side::Sentinel));
    set_status(&mut state, "Active");
    let made = go(&state, &world.ctx());
    assert_eq!((status_writes(&made), made.goes_on), (1, false), "{made:#?}");
}
