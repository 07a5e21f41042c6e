//! A security incident whose process goes forward only, phase by phase.

use super::*;
use crate::model::Walk;
use crate::model::state_walk::{Refused, StatePath};
use crate::sync::state_path::{Shown, Way, answered, is_step, refused, tried_again, way};

const KEPT: &str = "kept it";

fn path() -> StatePath {
    StatePath::usual(&TableName::new("sn_si_incident").unwrap())
}

fn walk(target: &str, refused: Option<(&str, &str)>) -> Walk {
    let refused = refused.map(|(from, to)| Refused { from: from.into(), to: to.into(), why: KEPT.into() });
    Walk { target: target.into(), refused, ..Walk::default() }
}

fn world() -> World {
    let mut world = World::new(TableSet::default_tables());
    world.ws.route.table = TableName::new("sn_si_incident").unwrap();
    world.ws.route.state_path = path();
    world
}

/// A pair that both show as new.
fn drafted(world: &World) -> LinkState {
    let (mut s, mut n) = (incident(&open_face()), record(&open_face()));
    s.status = "New".into();
    n.number = "SIR0010001".into();
    n.values.insert("state".into(), "10".into());
    let bases = agreed(&s, &n, &world.ctx());
    link_state(bases, s, n)
}

fn close(state: &mut LinkState) {
    let incident = state.incident.as_mut().unwrap();
    incident.status = "Closed".into();
    incident.classification = "TruePositive".into();
    incident.reason = "SuspiciousActivity".into();
    incident.classification_comment = "contained".into();
}

/// What a plan writes of the record: fields, and the state among them.
fn written(made: &Plan) -> (Vec<Field>, String) {
    let state = made.to_record.iter().find(|t| t.field == Field::Status);
    (
        made.to_record.iter().map(|t| t.field).collect(),
        state.map(|t| t.servicenow.clone()).unwrap_or_default(),
    )
}

const CLOSE: [Field; 3] = [Field::Closure, Field::CloseNotes, Field::Status];

/// Takes the bases of a plan, as its transaction does.
fn commit(state: &mut LinkState, made: &Plan) {
    for base in &made.bases {
        put(state, base.clone());
    }
}

fn put(state: &mut LinkState, base: Base) {
    state.bases.retain(|b| b.field != base.field);
    state.bases.push(base);
}

fn status(state: &LinkState) -> &Base {
    state.base(Field::Status).unwrap()
}

/// The process keeps the old state.
fn keeps(state: &mut LinkState, made: &Plan) {
    commit(state, made);
    let target = made.to_record.iter().find(|t| t.field == Field::Status).unwrap();
    let shown = Shown { now: &target.before, at: Stamp(200), by_another: false, agrees: false };
    let base = answered(&path(), state.base(Field::Status), target, shown).unwrap();
    put(state, base);
}

/// The process refuses the write.
fn refuses(state: &mut LinkState, made: &Plan) {
    commit(state, made);
    let base = refused(&path(), state.base(Field::Status), &made.to_record, "aborted").unwrap();
    put(state, base);
}

/// A step arrives, and the record shows `now`.
fn arrives(state: &mut LinkState, made: &Plan, now: &str, by_another: bool) {
    commit(state, made);
    let target = &made.to_record[0];
    state.record.as_mut().unwrap().values.insert("state".into(), now.into());
    let shown = Shown { now, at: Stamp(200), by_another, agrees: false };
    let base = answered(&path(), state.base(Field::Status), target, shown).unwrap();
    put(state, base);
}

#[test]
fn the_wanted_state_is_always_tried_first() {
    let path = path();
    assert_eq!(way(&path, "10", "3", None), Way::Direct);
    assert_eq!(way(&path, "16", "3", Some(&walk("100", Some(("10", "100"))))), Way::Direct, "another wish");
    assert_eq!(way(&path, "10", "3", Some(&walk("3", None))), Way::Alone, "something else may be to blame");
    let known = walk("3", Some(("10", "3")));
    assert_eq!(way(&StatePath::default(), "10", "3", Some(&known)), Way::Direct, "there is no path");
}

#[test]
fn the_walk_goes_forward_from_where_the_record_is() {
    let path = path();
    let known = walk("3", Some(("10", "3")));
    for (present, next) in [("10", "16"), ("16", "18"), ("18", "19"), ("19", "20"), ("20", "100")] {
        assert_eq!(way(&path, present, "3", Some(&known)), Way::Step(next.into()));
    }
    assert_eq!(way(&path, "100", "3", Some(&known)), Way::Alone, "the last step is the wanted state");
    let stuck = walk("3", Some(("18", "19")));
    assert!(matches!(way(&path, "18", "3", Some(&stuck)), Way::Stuck(_)));
    assert_eq!(way(&path, "19", "3", Some(&stuck)), Way::Step("20".into()), "somebody moved it on");
    let last = walk("3", Some(("100", "3")));
    assert!(matches!(way(&path, "100", "3", Some(&last)), Way::Stuck(_)));
    let back = walk("16", Some(("3", "16")));
    assert!(matches!(way(&path, "3", "16", Some(&back)), Way::Behind(_)));
    let far = Walk { steps: 14, ..walk("3", Some(("10", "3"))) };
    assert!(matches!(way(&path, "10", "3", Some(&far)), Way::Stuck(_)), "it is set back each time");
}

#[test]
fn a_close_walks_phase_by_phase_and_closes_with_the_last_step() {
    for how in [keeps as fn(&mut LinkState, &Plan), refuses] {
        let world = world();
        let mut state = drafted(&world);
        close(&mut state);
        let made = go(&state, &world.ctx());
        assert_eq!(written(&made), (CLOSE.to_vec(), "3".into()));
        assert_eq!(made.closer, Some(Some(Side::Sentinel)));
        how(&mut state, &made);
        for step in ["16", "18", "19", "20", "100"] {
            let made = go(&state, &world.ctx());
            assert_eq!(written(&made), (vec![Field::Status], step.into()));
            assert_eq!(made.closer, None, "nothing is closed yet");
            assert_eq!(made.to_record[0].sentinel, "New", "it carries nothing over");
            let rule = &made.to_record[0].rule;
            assert!(rule.contains("on the way to Closed"), "{rule}");
            arrives(&mut state, &made, step, false);
            let base = status(&state);
            assert_eq!((base.sentinel.as_str(), base.servicenow.as_str()), ("New", step));
            assert!(
                go(&state, &world.ctx()).to_incident.is_empty(),
                "{step} is no change made in ServiceNow"
            );
        }
        let made = go(&state, &world.ctx());
        assert_eq!(written(&made), (CLOSE.to_vec(), "3".into()));
        commit(&mut state, &made);
        assert!(!is_step(state.base(Field::Status), &made.to_record[2]));
        state = apply(&state, &made, &world.ctx());
        assert_eq!(status(&state).walk, None);
        assert!(go(&state, &world.ctx()).writes_nothing());
    }
}

#[test]
fn a_step_that_does_not_stick_holds_the_status_alone_until_somebody_moves_it_or_retries() {
    let world = world();
    let mut state = drafted(&world);
    close(&mut state);
    let made = go(&state, &world.ctx());
    keeps(&mut state, &made);
    let made = go(&state, &world.ctx());
    refuses(&mut state, &made);
    state.incident.as_mut().unwrap().severity = "High".into();
    let made = go(&state, &world.ctx());
    assert_eq!(written(&made), (vec![Field::Severity], String::new()), "everything else flows on");
    commit(&mut state, &made);
    let held = status(&state).held.clone();
    for word in ["SIR0010001", "Draft (10)", "Analysis (16)", "Closed (3)", "aborted", "retry"] {
        assert!(held.contains(word), "{word}: {held}");
    }
    state = apply(&state, &made, &world.ctx());
    assert!(go(&state, &world.ctx()).bases.is_empty(), "it is said once");

    let mut retried = state.clone();
    let anew = tried_again(&retried);
    assert_eq!(anew.len(), 1);
    put(&mut retried, anew[0].clone());
    assert_eq!(written(&go(&retried, &world.ctx())), (CLOSE.to_vec(), "3".into()), "the wanted state first");

    state.record.as_mut().unwrap().values.insert("state".into(), "16".into());
    let made = go(&state, &world.ctx());
    assert_eq!(written(&made), (vec![Field::Status], "18".into()), "it goes on from there");
    commit(&mut state, &made);
    assert_eq!(status(&state).held, "");
}

#[test]
fn another_field_may_have_been_to_blame() {
    let world = world();
    let mut state = drafted(&world);
    close(&mut state);
    state.incident.as_mut().unwrap().severity = "High".into();
    let made = go(&state, &world.ctx());
    assert_eq!(made.to_record.len(), 4);
    refuses(&mut state, &made);
    let made = go(&state, &world.ctx());
    assert_eq!(written(&made), (CLOSE.to_vec(), "3".into()), "alone, before any step is taken");
    refuses(&mut state, &made);
    assert_eq!(written(&go(&state, &world.ctx())), (vec![Field::Status], "16".into()));
}

#[test]
fn a_state_that_lies_behind_is_held_and_the_rest_flows_on() {
    let world = world();
    let mut state = drafted(&world);
    for (column, value) in [("state", "3"), ("close_code", "101"), ("close_notes", "contained")] {
        state.record.as_mut().unwrap().values.insert(column.into(), value.into());
    }
    close(&mut state);
    let (s, n) = (state.incident.clone().unwrap(), state.record.clone().unwrap());
    state.bases = agreed(&s, &n, &world.ctx());
    let incident = state.incident.as_mut().unwrap();
    (incident.status, incident.severity) = ("Active".into(), "High".into());
    let made = go(&state, &world.ctx());
    assert_eq!(written(&made), (vec![Field::Severity, Field::Status], "16".into()));
    refuses(&mut state, &made);
    let made = go(&state, &world.ctx());
    assert_eq!(written(&made), (vec![Field::Status], "16".into()));
    refuses(&mut state, &made);
    let made = go(&state, &world.ctx());
    assert_eq!(written(&made), (vec![Field::Severity], String::new()));
    commit(&mut state, &made);
    let held = &status(&state).held;
    assert!(
        held.contains("SIR0010001") && held.contains("forward only") && held.contains("Analysis (16)"),
        "{held}"
    );
    // Closed again in Sentinel, both are where they were.
    close(&mut state);
    let made = go(&state, &world.ctx());
    commit(&mut state, &made);
    assert_eq!((status(&state).held.as_str(), &status(&state).walk), ("", &None));
}

#[test]
fn whoever_takes_the_close_back_under_way_is_heard() {
    let world = world();
    let mut state = drafted(&world);
    close(&mut state);
    let made = go(&state, &world.ctx());
    keeps(&mut state, &made);
    let made = go(&state, &world.ctx());
    arrives(&mut state, &made, "16", false);

    let mut active = state.clone();
    active.incident.as_mut().unwrap().status = "Active".into();
    let made = go(&active, &world.ctx());
    assert!(made.writes_nothing(), "Analysis says it: {made:#?}");
    commit(&mut active, &made);
    assert_eq!(status(&active).walk, None);

    // What Sentinel showed before lies behind now: it is tried, and held.
    state.incident.as_mut().unwrap().status = "New".into();
    let made = go(&state, &world.ctx());
    assert_eq!(written(&made), (vec![Field::Status], "10".into()));
    keeps(&mut state, &made);
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    commit(&mut state, &made);
    assert!(status(&state).held.contains("forward only"), "{:?}", status(&state));
}

#[test]
fn a_persons_move_under_way_is_theirs() {
    let world = world();
    let mut state = drafted(&world);
    close(&mut state);
    let made = go(&state, &world.ctx());
    keeps(&mut state, &made);
    let made = go(&state, &world.ctx());
    // Right after our step to Analysis somebody went on to Eradicate.
    arrives(&mut state, &made, "19", true);
    assert_eq!(status(&state).servicenow, "10", "what they did is a change");
    let made = go(&state, &world.ctx());
    assert_eq!(
        written(&made),
        (vec![Field::Status], "20".into()),
        "a close wins over it, and goes on from there"
    );
    assert!(made.to_incident.is_empty());
    arrives(&mut state, &made, "20", false);
    // And somebody who cancels the record has closed it.
    state.record.as_mut().unwrap().values.insert("state".into(), "7".into());
    let made = go(&state, &world.ctx());
    assert!(made.to_record.iter().all(|t| t.field != Field::Status), "{made:#?}");
    commit(&mut state, &made);
    assert_eq!(status(&state).walk, None);
}

#[test]
fn what_a_rule_makes_of_our_own_write_is_nobodys_change() {
    let target = crate::model::intent::Target {
        field: Field::Status,
        before: "10".into(),
        sentinel: "Active".into(),
        servicenow: "18".into(),
        rule: String::new(),
    };
    let base = Base::agreed(Field::Status, "New", "10", Stamp(1));
    let shown = |by_another| Shown { now: "16", at: Stamp(9), by_another, agrees: false };
    let by_rule = answered(&path(), Some(&base), &target, shown(false)).unwrap();
    assert_eq!(
        (by_rule.sentinel.as_str(), by_rule.servicenow.as_str()),
        ("New", "16"),
        "it is where we came to"
    );
    assert!(by_rule.walk.is_some_and(|w| w.under_way));
    let by_somebody = answered(&path(), Some(&base), &target, shown(true)).unwrap();
    assert_eq!(by_somebody.servicenow, "10", "a person's move stays one");
}

#[test]
fn a_walk_stops_where_the_status_is_switched_off() {
    let mut world = world();
    let mut state = drafted(&world);
    close(&mut state);
    let made = go(&state, &world.ctx());
    keeps(&mut state, &made);
    let made = go(&state, &world.ctx());
    arrives(&mut state, &made, "16", false);
    let made = go(&state, &world.ctx());
    assert_eq!(written(&made), (vec![Field::Status], "18".into()), "it would go on");
    world.ws.policies.set(Field::Status, Policy::Off);
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    commit(&mut state, &made);
    assert_eq!(status(&state).servicenow, "16", "and that it is on its way is not forgotten");
    assert!(status(&state).walk.as_ref().is_some_and(|w| w.under_way));
}

#[test]
fn a_close_that_cannot_be_translated_walks_nowhere() {
    let world = world();
    let mut state = drafted(&world);
    close(&mut state);
    let made = go(&state, &world.ctx());
    keeps(&mut state, &made);
    state.incident.as_mut().unwrap().classification = "Unheard".into();
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    commit(&mut state, &made);
    assert!(status(&state).held.contains("cannot be closed"), "{:?}", status(&state));
}

#[test]
fn without_a_path_nothing_is_walked() {
    let target = |before: &str, to: &str| crate::model::intent::Target {
        field: Field::Status,
        before: before.into(),
        sentinel: "Closed".into(),
        servicenow: to.into(),
        rule: String::new(),
    };
    let base = Base::agreed(Field::Status, "New", "10", Stamp(1));
    assert_eq!(refused(&StatePath::default(), Some(&base), &[target("10", "3")], "no"), None);
    assert_eq!(refused(&path(), Some(&base), &[target("10", "7")], "no"), None, "Cancelled is on no way");
    let shown = Shown { now: "10", at: Stamp(2), by_another: false, agrees: false };
    assert_eq!(answered(&StatePath::default(), Some(&base), &target("10", "3"), shown), None);
    // What the instance makes of it, and means the same, is agreed as ever.
    let same = Shown { now: "18", at: Stamp(2), by_another: false, agrees: true };
    assert_eq!(answered(&path(), Some(&base), &target("10", "16"), same), None);
}
