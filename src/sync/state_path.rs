//! A state that a record does not take at once: the phases on the way to it, one write each.
//!
//! Some processes let a record go forward only, phase by phase, and refuse a write that skips one, or answer
//! well and keep the old state. So the state that is wanted is written first, whatever the process; when that
//! did not stick, the next phase is, and so on. What the walk itself comes to becomes ServiceNow's half of
//! the base, so that it is never taken for a change made there, while Sentinel's half stays: it has changed
//! until the walk is over.

use crate::model::intent::Target;
use crate::model::link::Seen;
use crate::model::settings::Policy;
use crate::model::state_walk::{Refused, StatePath, Walk};
use crate::model::{Base, Field, LinkState, Side};
use crate::text::{Stamp, escape_line, fit};

use super::cross::{Crossed, equivalent, to_servicenow};
use super::decide::{Verdict, rebase};
use super::plan::Draft;

/// What is to be written to get a record to a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// The state itself, with whatever else there is to write.
    Direct,
    /// The state itself, and of other fields only those that close: one of the others may be to blame.
    Alone,
    /// This state on the way, and nothing else.
    Step(String),
    /// Nothing: the last write did not stick.
    Stuck(Refused),
    /// Nothing: the state lies behind the present one, and was refused.
    Behind(Refused),
}

/// The next write toward `target` for a record in the state `present`, after what was tried before.
pub fn way(path: &StatePath, present: &str, target: &str, walk: Option<&Walk>) -> Way {
    let Some(walk) = walk.filter(|w| w.target == target && !path.is_empty()) else { return Way::Direct };
    let Some(refused) = &walk.refused else { return Way::Alone };
    let tried = |to: &str| refused.from == present && refused.to == to;
    let (Some(here), Some(there)) = (path.at(present), path.at(target)) else {
        return if tried(target) { Way::Stuck(refused.clone()) } else { Way::Alone };
    };
    if there <= here {
        return Way::Behind(refused.clone());
    }
    let Some(next) = path.get(here + 1) else { return Way::Alone };
    if tried(next) {
        return Way::Stuck(refused.clone());
    }
    // Nobody but a rule that sets it back makes it take so many.
    if walk.steps as usize >= 2 * path.len() {
        let why = "something keeps setting it back".to_owned();
        return Way::Stuck(Refused { from: present.to_owned(), to: next.to_owned(), why });
    }
    if next == target { Way::Alone } else { Way::Step(next.to_owned()) }
}

/// The status among what a write brings to ServiceNow.
fn status(targets: &[Target]) -> Option<&Target> {
    targets.iter().find(|t| t.field == Field::Status)
}

/// True for a write of a state on the way, which carries nothing over.
pub fn is_step(base: Option<&Base>, target: &Target) -> bool {
    let step = base.and_then(|b| b.walk.as_ref()).and_then(|w| w.step.as_deref());
    target.field == Field::Status && step == Some(target.servicenow.as_str())
}

/// The base after a write of the record that ServiceNow refused with the words `why`, if the states are ones
/// between which there is a way; `None` for any other write.
pub fn refused(path: &StatePath, base: Option<&Base>, targets: &[Target], why: &str) -> Option<Base> {
    let target = status(targets)?;
    let base = base.filter(|_| has_both(path, target))?;
    let other = |t: &Target| !matches!(t.field, Field::Status | Field::Closure | Field::CloseNotes);
    let blame = !targets.iter().any(other);
    Some(not_taken(base, target, blame.then(|| fit(&escape_line(why), 300))))
}

/// True where there is an order between the state that was written and the one before.
fn has_both(path: &StatePath, target: &Target) -> bool {
    path.at(&target.before).is_some() && path.at(&target.servicenow).is_some()
}

/// The base once a write of the state did not stick. `why` is `None` when something else may be to blame.
fn not_taken(base: &Base, target: &Target, why: Option<String>) -> Base {
    let mut walk = base.walk.as_deref().cloned().unwrap_or_default();
    let step = is_step(Some(base), target);
    if !step && walk.target != target.servicenow {
        walk = Walk { under_way: walk.under_way, target: target.servicenow.clone(), ..Walk::default() };
    }
    walk.step = None;
    walk.refused = why.map(|why| Refused { from: target.before.clone(), to: target.servicenow.clone(), why });
    Base { walk: Some(Box::new(walk)), ..base.clone() }
}

/// What an answer shows of a status that was written to ServiceNow.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The state.
    pub now: &'a str,
    /// When the write was sent.
    pub at: Stamp,
    /// True if somebody else saved the record last.
    pub by_another: bool,
    /// True if that state means what Sentinel shows.
    pub agrees: bool,
}

/// The base after an answer to a write of the status, if nothing was agreed by it: it set a state on the way,
/// or the state did not stick. `None` for any other answer.
pub fn answered(path: &StatePath, base: Option<&Base>, target: &Target, shown: Shown<'_>) -> Option<Base> {
    let base = base.filter(|_| target.field == Field::Status && has_both(path, target))?;
    let (step, took) = (is_step(Some(base), target), shown.now == target.servicenow);
    if shown.now == target.before {
        let why = "ServiceNow answered well but kept the state, as its process or an access rule may have it"
            .to_owned();
        return Some(not_taken(base, target, Some(why)));
    }
    if !step {
        // Somewhere on the way, by somebody else or by a rule: it goes on from there.
        let on_the_way = !took && !shown.agrees && path.at(shown.now).is_some();
        let base = on_the_way.then(|| not_taken(base, target, Some("another state came of it".into())))?;
        // What a rule made of our own write is no change that anybody made there.
        return Some(if shown.by_another { base } else { stands_at(base, target, shown) });
    }
    let left = left(base);
    let theirs = !took && (shown.by_another || path.at(shown.now).is_none());
    Some(if theirs { left } else { stands_at(left, target, shown) })
}

/// The base after a step whose end is not our doing: what somebody did there shows as a change beside it.
pub fn left(base: &Base) -> Base {
    let mut walk = base.walk.as_deref().cloned().unwrap_or_default();
    walk.step = None;
    walk.steps += 1;
    Base { walk: Some(Box::new(walk)), ..base.clone() }
}

/// The base whose half of ServiceNow is what came of a write of ours.
fn stands_at(base: Base, target: &Target, shown: Shown<'_>) -> Base {
    let mut walk = base.walk.as_deref().cloned().unwrap_or_default();
    walk.under_way = true;
    // What differs since shortly before is our own step, unless it had moved before that.
    let old = base.servicenow_seen;
    let seen = match base.servicenow == target.before {
        true => Seen { same: old.same.max(shown.at), differs: None, last: old.last },
        false => old.settled(shown.at),
    };
    Base {
        servicenow: shown.now.to_owned(),
        servicenow_seen: seen,
        rule: target.rule.clone(),
        walk: Some(Box::new(walk)),
        ..base
    }
}

/// Bases that make a walk begin anew where it is: the state that is wanted is tried first again. What is under
/// way is waited for.
pub fn tried_again(state: &LinkState) -> Vec<Base> {
    let rests = state.open_intent().is_none();
    let anew = |base: &Base| {
        let walk = base.walk.as_ref().filter(|_| rests)?;
        let walk = walk.under_way.then(|| Box::new(Walk { under_way: true, ..Walk::default() }));
        Some(Base { walk, held: String::new(), ..base.clone() })
    };
    state.bases.iter().filter_map(anew).collect()
}

/// The verdict about a status whose base is no agreement but a place on the way: Sentinel may show again what
/// it did before.
pub(super) fn unfinished(draft: &Draft<'_>, verdict: Verdict) -> Verdict {
    let base = draft.state.base(Field::Status);
    let under_way = base.and_then(|b| b.walk.as_ref()).is_some_and(|w| w.under_way);
    if verdict != Verdict::InStep || !under_way {
        return verdict;
    }
    match draft.ctx.workspace.policies.of(Field::Status) {
        // Nothing goes on that is not to flow any more, and a place on the way is no agreement.
        Policy::Off => return Verdict::Frozen,
        Policy::Servicenow => return rebase("the record is where the status comes from"),
        _ => {}
    }
    let sentinel = draft.sentinel(Field::Status);
    let Some(servicenow) = draft.servicenow(Field::Status) else { return verdict };
    if equivalent(draft.ctx, Field::Status, &sentinel, &servicenow, draft.incident) == Ok(true) {
        return rebase("equal under the tables");
    }
    match to_servicenow(draft.ctx, Field::Status, &sentinel, draft.incident) {
        Crossed::Value { raw, rule } => {
            let rule = format!("changed back in Sentinel; {rule}");
            Verdict::Write { to: Side::ServiceNow, raw, rule, tie: false }
        }
        Crossed::Held(why) => Verdict::Held(why),
        Crossed::Lookup(keys) => Verdict::Lookup(keys),
    }
}

/// The way to a state for the record at hand.
pub(super) fn way_to(draft: &Draft<'_>, target: &str) -> Way {
    let present = draft.servicenow(Field::Status).unwrap_or_default();
    let walk = draft.state.base(Field::Status).and_then(|b| b.walk.as_deref());
    way(&draft.ctx.workspace.route.state_path, &present, target, walk)
}

/// Why a status is held, if there is no way.
pub(super) fn no_way(draft: &Draft<'_>, way: &Way, target: &str) -> Option<String> {
    let number = escape_line(&draft.record.number);
    let name = |raw: &str| {
        let label = draft.ctx.tables.status_label(&draft.ctx.workspace.route.table, raw);
        label.map_or_else(
            || escape_line(raw),
            |label| format!("{} ({})", escape_line(label), escape_line(raw)),
        )
    };
    match way {
        Way::Stuck(r) => {
            let on_its_way =
                if r.to == target { String::new() } else { format!(", on the way to {}", name(target)) };
            Some(format!(
                "record {number} does not go from {} to {}{on_its_way}: {}; move it on in ServiceNow, or have \
                 the cause cured and run retry",
                name(&r.from),
                name(&r.to),
                r.why
            ))
        }
        Way::Behind(r) => Some(format!(
            "record {number} is not taken back from {} to {}, for its process goes forward only: {}; change the \
             state in ServiceNow or the status in Sentinel, or have the process opened and run retry",
            name(&draft.servicenow(Field::Status).unwrap_or_default()),
            name(target),
            r.why
        )),
        Way::Direct | Way::Alone | Way::Step(_) => None,
    }
}

/// Plans a state on the way, and nothing else for the record.
pub(super) fn plan_step(draft: &mut Draft<'_>, step: &str, target: &str) {
    let Some(base) = draft.planned_base(Field::Status) else { return };
    let walk = base.walk.as_deref().cloned().unwrap_or_default();
    let walk = Some(Box::new(Walk { step: Some(step.to_owned()), ..walk }));
    let name = |raw: &str| {
        let label = draft.ctx.tables.status_label(&draft.ctx.workspace.route.table, raw);
        escape_line(label.unwrap_or(raw))
    };
    draft.plan.to_record = vec![Target {
        field: Field::Status,
        before: draft.servicenow(Field::Status).unwrap_or_default(),
        sentinel: base.sentinel.clone(),
        servicenow: step.to_owned(),
        rule: format!("a step on the way to {}, which the record did not take at once", name(target)),
    }];
    draft.put_base(Base { walk, ..base });
}

/// Plans the state that is wanted; what is known of the way to another one is over.
pub(super) fn plan_target(draft: &mut Draft<'_>, way: &Way, target: &str) {
    if *way == Way::Alone {
        let closing = |f: Field| matches!(f, Field::Status | Field::Closure | Field::CloseNotes);
        draft.plan.to_record.retain(|t| closing(t.field));
    }
    let Some(base) = draft.planned_base(Field::Status) else { return };
    let Some(walk) = base.walk.as_deref() else { return };
    let under_way = walk.under_way;
    let walk = match walk.target == target {
        true => Some(Walk { step: None, ..walk.clone() }),
        false => under_way.then(|| Walk { target: target.to_owned(), under_way, ..Walk::default() }),
    };
    draft.put_base(Base { walk: walk.map(Box::new), ..base });
}
