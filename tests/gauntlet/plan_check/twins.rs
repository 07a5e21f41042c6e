//! What the plans of two like cases must have in common.

use diptych::model::{Field, LinkState};
use diptych::sync::{Plan, PlanContext, plan};
use fastrand::Rng;

use super::promises::{CLOSING, Found, keep};
use super::verdicts::Moment;

/// Plans the same and nearly the same again.
pub fn check(m: &Moment<'_>, made: &Plan, seed: u64, found: &mut Found) {
    let mut other = m.state.clone();
    Rng::with_seed(!seed).shuffle(&mut other.bases);
    keep(found, again(m, m.state) == *made, "planning is a function", || "the same input".into());
    keep(found, again(m, &other) == *made, "the order of bases does not matter", || "shuffled".into());
    if seed.is_multiple_of(2) {
        other.incident = None;
    } else {
        other.record = None;
    }
    keep(found, again(m, &other) == Plan::default(), "half a link plans nothing", || "one side".into());
    held_alone(m, made, found);
}

fn again(m: &Moment<'_>, state: &LinkState) -> Plan {
    let world = m.case.world;
    let ctx = PlanContext { workspace: &m.case.settings, tables: &world.tables, directory: &world.directory };
    plan(state, &ctx, m.case.now)
}

/// A held value touches no other field: they come to what they come to with it in step.
fn held_alone(m: &Moment<'_>, made: &Plan, found: &mut Found) {
    let held = |f: &Field| made.bases.iter().any(|b| b.field == *f && !b.held.is_empty());
    let Some(field) = [Field::Title, Field::Severity, Field::Owner, Field::Status, Field::Description]
        .into_iter()
        .find(|f| held(f) && m.right(*f).is_some())
    else {
        return;
    };
    let mut state = m.state.clone();
    state.bases.retain(|b| b.field != field);
    let pair = (m.left(field), m.right(field).unwrap_or_default());
    state.bases.push(diptych::model::Base::agreed(field, pair.0, pair.1, m.case.now));
    let calm = again(m, &state);
    let other = |f: Field| f != field && (field != Field::Status || !CLOSING.contains(&f));
    let view = |plan: &Plan| {
        let key = |key: &str| Field::from_word(key.split('@').next().unwrap_or_default());
        (
            plan.to_incident.iter().filter(|t| other(t.field)).cloned().collect::<Vec<_>>(),
            plan.to_record.iter().filter(|t| other(t.field)).cloned().collect::<Vec<_>>(),
            plan.bases.iter().filter(|b| other(b.field)).cloned().collect::<Vec<_>>(),
            plan.notes.iter().filter(|n| key(&n.0).is_none_or(other)).cloned().collect::<Vec<_>>(),
        )
    };
    let same = view(made) == view(&calm);
    keep(found, same, "a held value leaves the other fields alone", || field.word().into());
}
