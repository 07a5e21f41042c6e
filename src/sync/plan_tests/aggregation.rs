//! A record that several incidents share: what each link plans of it, knowing the others.

use std::collections::BTreeSet;

use super::*;
use crate::model::aggregation::Member;
use crate::model::link::{Conflict, Seen};
use crate::sync::decide::kept;

/// A pair in step at Medium, of which the other incidents of its record are these.
fn shared(world: &World, role: Role, others: &[(&str, &str)]) -> LinkState {
    let mut state = in_step(world);
    state.link.role = role;
    state.link.group.keys.insert("k".into());
    let shape = &world.ws.route.shape;
    let now = |field| servicenow_value(state.record.as_ref().unwrap(), shape, field).unwrap();
    let (severity, status) = (now(Field::Severity), now(Field::Status));
    let member = |(n, (word, open)): (usize, &(&str, &str))| Member {
        link: LinkId(n as i64 + 2),
        role: if n == 0 && role == Role::Attached { Role::Primary } else { Role::Attached },
        frozen: false,
        incident: IncidentId::new("other"),
        number: n as i64,
        severity: (*word).to_owned(),
        status: (*open).to_owned(),
        closed_alone: *open == "Closed",
        severity_base: Some(Base::agreed(Field::Severity, *word, severity.as_str(), Stamp(1))),
        status_base: Some(Base::agreed(Field::Status, *open, status.as_str(), Stamp(1))),
    };
    state.members = others.iter().enumerate().map(member).collect();
    state
}

fn world() -> World {
    World::new(TableSet::default_tables())
}

fn plan_of(state: &LinkState, world: &World) -> Plan {
    plan(state, &world.ctx(), Stamp(1000))
}

fn to_record(made: &Plan, field: Field) -> Option<&str> {
    made.to_record.iter().find(|t| t.field == field).map(|t| t.servicenow.as_str())
}

fn shut(state: &mut LinkState) {
    let incident = state.incident.as_mut().unwrap();
    incident.status = "Closed".into();
    incident.classification = Closure::ALL[1].classification().into();
    incident.reason = Closure::ALL[1].reason().unwrap_or_default().into();
}

#[test]
fn the_record_shows_the_highest_severity_of_its_open_incidents() {
    let world = world();
    let raised = plan_of(&shared(&world, Role::Primary, &[("High", "Active")]), &world);
    assert_eq!(to_record(&raised, Field::Severity), Some("1/1"), "the host raises it for a guest");
    let guest = plan_of(&shared(&world, Role::Attached, &[("High", "Active")]), &world);
    assert_eq!(to_record(&guest, Field::Severity), None, "and the guest leaves it to the host");
    let over = plan_of(&shared(&world, Role::Primary, &[("High", "Closed")]), &world);
    assert_eq!(to_record(&over, Field::Severity), None, "a closed one does not count");
    let mut lower = shared(&world, Role::Attached, &[("Medium", "Active")]);
    lower.incident.as_mut().unwrap().severity = "Low".into();
    assert_eq!(to_record(&plan_of(&lower, &world), Field::Severity), None, "another one is higher");
}

#[test]
fn what_a_record_shows_of_one_that_left_it_comes_down_again() {
    let world = world();
    let left = |closed: bool| {
        let mut state = shared(&world, Role::Primary, &[]);
        state.incident.as_mut().unwrap().severity = "Low".into();
        state.bases.iter_mut().find(|b| b.field == Field::Severity).unwrap().sentinel = "Low".into();
        if closed {
            shut(&mut state);
            state.record.as_mut().unwrap().values.insert("state".into(), "7".into());
        }
        state
    };
    let by_itself = left(false);
    assert_eq!(to_record(&plan_of(&by_itself, &world), Field::Severity), None, "nobody else was ever there");
    let other = Beside {
        link: LinkId(2),
        incident: IncidentId::new("other"),
        role: Role::Attached,
        life: Life::Gone,
        frozen: true,
        sent: None,
        planned: false,
        markers: BTreeSet::new(),
    };
    let deserted = LinkState { beside: vec![other.clone()], ..by_itself };
    assert_eq!(to_record(&plan_of(&deserted, &world), Field::Severity), Some("3/2"));
    let over = LinkState { beside: vec![other], ..left(true) };
    assert_eq!(
        to_record(&plan_of(&over, &world), Field::Severity),
        None,
        "and stays as it is once all is over"
    );
}

#[test]
fn a_write_for_all_of_them_that_lands_after_its_answer_is_nobodys_change() {
    let world = world();
    let mut state = shared(&world, Role::Primary, &[("High", "Active")]);
    state.record.as_mut().unwrap().values.extend(["impact", "urgency"].map(|f| (f.into(), "1".into())));
    state.members[0].severity_base.as_mut().unwrap().servicenow = "1/1".into();
    let written =
        |state: &LinkState| plan_of(state, &world).to_incident.iter().any(|t| t.field == Field::Severity);
    assert!(written(&state), "somebody's is told");
    let base = state.bases.iter_mut().find(|b| b.field == Field::Severity).unwrap();
    base.conflict = Some(Conflict {
        sentinel: base.sentinel.clone(),
        servicenow: base.servicenow.clone(),
        since: Stamp(1),
        why: kept(Side::ServiceNow),
        taken: None,
    });
    assert!(!written(&state));
}

#[test]
fn a_severity_that_others_are_still_to_get_is_not_written_back() {
    let world = world();
    let mut state = shared(&world, Role::Primary, &[("High", "Active")]);
    state.members[0].severity_base.as_mut().unwrap().servicenow = "1/1".into();
    assert!(plan_of(&state, &world).writes_nothing());
}

#[test]
fn a_close_waits_for_the_last_one_and_a_guest_keeps_its_words_to_itself() {
    let world = world();
    let mut first = shared(&world, Role::Primary, &[("Medium", "Active")]);
    shut(&mut first);
    let made = plan_of(&first, &world);
    assert!(made.to_record.is_empty());
    assert_eq!(made.closed_alone, Some(true));
    let mut last = shared(&world, Role::Attached, &[("Medium", "Closed")]);
    shut(&mut last);
    last.incident.as_mut().unwrap().title = "another".into();
    let made = plan_of(&last, &world);
    assert_eq!(to_record(&made, Field::Status), Some("6"));
    assert_eq!(to_record(&made, Field::Title), None);
}

#[test]
fn a_conflict_that_another_incident_moved_the_record_away_from_closes_nothing_for_the_open_ones() {
    let world = world();
    let mut state = shared(&world, Role::Primary, &[("Medium", "Active")]);
    shut(&mut state);
    let shown =
        servicenow_value(state.record.as_ref().unwrap(), &world.ws.route.shape, Field::Status).unwrap();
    let base = state.bases.iter_mut().find(|b| b.field == Field::Status).unwrap();
    base.sentinel = "New".into();
    base.conflict = Some(Conflict {
        sentinel: "Closed".into(),
        servicenow: shown,
        since: Stamp(1),
        why: "both changed".into(),
        taken: None,
    });
    assert!(plan_of(&state, &world).writes_nothing(), "a person decides");
    state.record.as_mut().unwrap().values.insert("state".into(), "3".into());
    let made = plan_of(&state, &world);
    assert_eq!(to_record(&made, Field::Status), None, "its record stays open for the other one");
    assert_eq!(made.closed_alone, Some(true));
}

#[test]
fn a_tie_with_whoever_opened_the_record_again_closes_it_for_nobody_else() {
    let world = world();
    for (others, closed) in [("Active", None), ("Closed", Some("6"))] {
        let mut state = shared(&world, Role::Primary, &[("Medium", others)]);
        shut(&mut state);
        let base = state.bases.iter_mut().find(|b| b.field == Field::Status).unwrap();
        (base.sentinel, base.servicenow) = ("Closed".into(), "6".into());
        let at = |seconds: i64| Stamp(seconds * 1_000_000);
        // Which of the two came later nobody knows: somebody closed the one anew, and somebody opened the other.
        base.servicenow_seen = Seen { same: at(50), differs: Some(at(150)), last: Stamp(0) };
        let words = |b: &&mut Base| b.field == Field::Closure;
        state.bases.iter_mut().find(words).unwrap().sentinel_seen.last = at(100);
        state.record.as_mut().unwrap().values.insert("state".into(), "2".into());
        let made = plan_of(&state, &world);
        assert_eq!(to_record(&made, Field::Status), closed, "{others}");
        assert!(made.to_incident.iter().all(|t| t.field != Field::Status), "{others}");
    }
}

#[test]
fn who_closed_alone_closes_the_record_once_the_last_open_one_left_it() {
    let world = world();
    let mut state = shared(&world, Role::Primary, &[("Medium", "Closed")]);
    shut(&mut state);
    state.link.group.closed_alone = true;
    state.bases.iter_mut().filter(|b| b.field == Field::Status).for_each(|b| b.sentinel = "Closed".into());
    assert_eq!(to_record(&plan_of(&state, &world), Field::Status), Some("6"));
    // Unless another one has closed since, and has its own words for it.
    state.members[0].closed_alone = false;
    state.members[0].status_base.as_mut().unwrap().sentinel = "Active".into();
    assert!(plan_of(&state, &world).to_record.is_empty());
}

#[test]
fn a_move_between_open_states_reopens_nobody_and_a_close_of_the_record_closes_all() {
    let world = world();
    let mut state = shared(&world, Role::Attached, &[("Medium", "Active")]);
    shut(&mut state);
    state.link.group.closed_alone = true;
    state.bases.iter_mut().filter(|b| b.field == Field::Status).for_each(|b| b.sentinel = "Closed".into());
    state.record.as_mut().unwrap().values.insert("state".into(), "3".into());
    assert!(plan_of(&state, &world).writes_nothing());
    let mut open = shared(&world, Role::Attached, &[("Medium", "Active")]);
    for (column, value) in [("state", "6"), ("close_code", "Solution provided"), ("close_notes", "why")] {
        open.record.as_mut().unwrap().values.insert(column.into(), value.into());
    }
    let made = plan_of(&open, &world);
    assert!(made.to_incident.iter().any(|t| t.field == Field::Status && t.sentinel == "Closed"));
}

#[test]
fn what_others_made_of_the_record_is_no_change_for_an_incident_that_comes_back() {
    let world = world();
    let mut state = shared(&world, Role::Attached, &[("High", "Active")]);
    state.incident.as_mut().unwrap().severity = "Low".into();
    let shape = &world.ws.route.shape;
    let record = state.record.as_mut().unwrap();
    for name in &shape.severity {
        record.values.insert(name.clone(), "1".into());
    }
    let bases = crate::sync::aggregation::rejoined_bases(&state, &world.ctx(), Stamp(900));
    let severity = bases.iter().find(|b| b.field == Field::Severity).unwrap();
    assert_eq!((severity.sentinel.as_str(), severity.servicenow.as_str()), ("Medium", "1/1"));
    state.record.as_mut().unwrap().values.insert(shape.status.clone(), "7".into());
    let bases = crate::sync::aggregation::rejoined_bases(&state, &world.ctx(), Stamp(900));
    let status = bases.iter().find(|b| b.field == Field::Status).unwrap();
    assert!(status.conflict.as_ref().is_some_and(|c| c.taken.is_none()), "a person decides");
    state.members.clear();
    assert!(crate::sync::aggregation::rejoined_bases(&state, &world.ctx(), Stamp(900)).is_empty());
}

#[test]
fn who_waits_for_a_person_leads_no_others() {
    let world = world();
    let mut state = shared(&world, Role::Primary, &[("High", "Active")]);
    assert_eq!(state.lead(), state.link.id);
    state.link.frozen = "why".into();
    assert_eq!(state.lead(), state.members[0].link);
    state.members[0].frozen = true;
    assert_eq!(state.lead(), state.link.id);
}
