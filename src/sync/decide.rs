//! The three-way decision for one field: what both sides show against what they last agreed on
//! (sync-engine B.3, D19 to D25).

use crate::model::settings::{Policy, TIE_WINNER};
use crate::model::{Base, Field, Incident, Pair, Severity, Side, Status};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

use super::PlanContext;
use super::cross::{Crossed, equivalent, to_sentinel, to_servicenow};
use super::plan::NOTHING;

/// One field of one link, as it stands.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The field.
    pub field: Field,
    /// Sentinel's raw value.
    pub sentinel: &'a str,
    /// ServiceNow's raw value, `None` when it may not be read.
    pub servicenow: Option<&'a str>,
    /// What both last agreed on.
    pub base: Option<&'a Base>,
    /// Sides that are closed as they were, but by another close: somebody opened and closed them
    /// again since, which the value alone does not show.
    pub closed_again: Pair<bool>,
    /// The incident, for the whole owner.
    pub incident: &'a Incident,
}

/// What is to be done about one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    InStep,
    /// The pair as it stands becomes the base; nobody is written.
    Rebase {
        /// Why.
        rule: String,
        /// ServiceNow's value stays a person's own from now on (D23).
        detached: bool,
    },
    /// One side gets a value.
    Write {
        /// The side that is written.
        to: Side,
        /// Its raw value.
        raw: String,
        /// Which rule decided.
        rule: String,
        /// Set when both sides had changed within one interval and the policy's side won.
        tie: bool,
    },
    /// Sentinel's new value goes into a note, because a person's value in ServiceNow stays.
    Note {
        /// Why.
        rule: String,
    },
    /// Both sides changed and a person must decide.
    Conflict {
        /// How it came.
        why: String,
    },
    /// A person must decide still; nothing moved since.
    Frozen,
    /// No row maps a value.
    Held(String),
    /// Users to look up first.
    Lookup(Vec<crate::model::call::UserKey>),
}

pub(super) fn rebase(rule: impl Into<String>) -> Verdict {
    Verdict::Rebase { rule: rule.into(), detached: false }
}

/// Decides one field. Total: every combination of changed, equal, mapped and policy ends in a
/// verdict. A side changed if it differs from its own base, never by comparing stamps.
pub fn decide(case: &Case<'_>, ctx: &PlanContext<'_>, intervals: Intervals) -> Verdict {
    let policy = ctx.workspace.policies.of(case.field);
    if policy == Policy::Off {
        return Verdict::InStep;
    }
    let Some(servicenow) = case.servicenow else {
        return Verdict::Held(unreadable(case.field));
    };
    if let Some(conflict) = case.base.and_then(|b| b.conflict.as_ref()).filter(|c| c.taken.is_none())
        && conflict.sentinel == case.sentinel
        && conflict.servicenow == servicenow
    {
        return match case.base.filter(|_| mutant::is_on(Mutant::ConflictOverwritten)) {
            Some(base) => sentinel_changed(case, servicenow, base, policy, ctx),
            None => Verdict::Frozen,
        };
    }
    // A first contact that is still open agreed on nothing, whoever moved since (D20).
    let Some(base) = case.base.filter(|b| b.sentinel != NOTHING || b.servicenow != NOTHING) else {
        return without_base(case, servicenow, ctx);
    };
    let changed = if mutant::is_on(Mutant::TwoWayDiff) {
        (true, false)
    } else {
        match (case.sentinel != base.sentinel, servicenow != base.servicenow) {
            (true, false) => (true, case.closed_again.servicenow),
            (false, true) => (case.closed_again.sentinel, true),
            same => same,
        }
    };
    if changed == (false, false) && !mutant::is_on(Mutant::OneWayEquivalence) {
        return Verdict::InStep;
    }
    match equivalent(ctx, case.field, case.sentinel, servicenow, case.incident) {
        Ok(true) => return rebase("equal under the tables"),
        Ok(false) => {}
        Err(keys) => return Verdict::Lookup(keys),
    }
    // The other side's last change is in the base already, but this one may have come before it. Of a text that
    // was edited by hand, Sentinel's change may have been one that its column could not show (seed 9803318).
    let by_hand = policy == Policy::Sentinel && keeps_hand_edits(case.field) && changed == (false, true);
    let changed =
        if policy == Policy::Latest || by_hand { intervals.with_crossing(changed) } else { changed };
    let verdict = match changed {
        (true, false) => sentinel_changed(case, servicenow, base, policy, ctx),
        (false, true) => servicenow_changed(case, servicenow, policy, ctx),
        _ => both_changed(case, servicenow, policy, ctx, intervals),
    };
    if case.field == Field::Status && reopens(case, servicenow, base, ctx, &verdict) {
        return stays_closed(case, servicenow, changed, policy, ctx, &verdict);
    }
    verdict
}

/// True when a write would reopen a side although the other one was not closed before: it only
/// moved from open to open, and reopening is an explicit change (design, section 2).
fn reopens(case: &Case<'_>, servicenow: &str, base: &Base, ctx: &PlanContext<'_>, verdict: &Verdict) -> bool {
    let closed_word = |word: &str| Status::from_word(word) == Some(Status::Closed);
    let closed_state = |raw: &str| ctx.tables.is_closed_state(&ctx.workspace.route.table, raw);
    match verdict {
        Verdict::Write { to: Side::Sentinel, raw, .. } => {
            closed_word(case.sentinel) && !closed_word(raw) && closed_state(&base.servicenow) == Some(false)
        }
        // A base of nothing is a person's explicit wish.
        Verdict::Write { to: Side::ServiceNow, raw, .. } => {
            closed_state(servicenow) == Some(true)
                && closed_state(raw) == Some(false)
                && !closed_word(&base.sentinel)
                && base.sentinel != NOTHING
        }
        _ => false,
    }
}

/// What becomes of a status whose write would reopen by the way: the owner's move stays on its
/// side; without an owner a close wins over a move between open states.
fn stays_closed(
    case: &Case<'_>,
    servicenow: &str,
    changed: (bool, bool),
    policy: Policy,
    ctx: &PlanContext<'_>,
    verdict: &Verdict,
) -> Verdict {
    let Verdict::Write { to: closed, .. } = verdict else { return verdict.clone() };
    if matches!(policy, Policy::Sentinel | Policy::Servicenow) {
        return rebase(format!("{closed} is closed, and only an explicit reopen opens it again"));
    }
    if changed != (true, true) {
        return Verdict::Conflict {
            why: format!("{closed} is closed while the other side moved without reopening"),
        };
    }
    let why = "both changed; a close wins over a move between open states";
    match closed {
        Side::Sentinel => {
            let crossed = to_servicenow(ctx, case.field, case.sentinel, case.incident);
            write(Side::ServiceNow, crossed, servicenow, why, true)
        }
        Side::ServiceNow => {
            write(Side::Sentinel, to_sentinel(ctx, case.field, servicenow), case.sentinel, why, true)
        }
    }
}

/// Why a field is held that is absent from the record, which is not the same as empty.
pub fn unreadable(field: Field) -> String {
    format!("the {} field of the record may not be read by our ServiceNow user", field.label().to_lowercase())
}

fn without_base(case: &Case<'_>, servicenow: &str, ctx: &PlanContext<'_>) -> Verdict {
    match equivalent(ctx, case.field, case.sentinel, servicenow, case.incident) {
        Ok(true) => rebase("first contact: equal under the tables"),
        Ok(false) => Verdict::Conflict {
            why: "first contact: the sides differ and nothing tells which is newer".into(),
        },
        Err(keys) => Verdict::Lookup(keys),
    }
}

fn write(to: Side, crossed: Crossed, current: &str, why: &str, tie: bool) -> Verdict {
    match crossed {
        Crossed::Value { raw, .. } if raw == current => rebase(why),
        Crossed::Value { raw, rule } => Verdict::Write { to, raw, rule: format!("{why}; {rule}"), tie },
        Crossed::Held(why) => Verdict::Held(why),
        Crossed::Lookup(keys) => Verdict::Lookup(keys),
    }
}

/// Title and description belong to Sentinel by default and are free text, so a person's own
/// words in ServiceNow are worth keeping (D23).
fn keeps_hand_edits(field: Field) -> bool {
    matches!(field, Field::Title | Field::Description)
}

fn sentinel_changed(
    case: &Case<'_>,
    servicenow: &str,
    base: &Base,
    policy: Policy,
    ctx: &PlanContext<'_>,
) -> Verdict {
    if policy == Policy::Servicenow {
        return rebase("ServiceNow owns this field; the change in Sentinel stays there");
    }
    if base.detached && keeps_hand_edits(case.field) {
        return Verdict::Note {
            rule: "edited by hand in ServiceNow, so Sentinel's change becomes a note".into(),
        };
    }
    let crossed = to_servicenow(ctx, case.field, case.sentinel, case.incident);
    write(Side::ServiceNow, crossed, servicenow, "changed in Sentinel", false)
}

fn servicenow_changed(case: &Case<'_>, servicenow: &str, policy: Policy, ctx: &PlanContext<'_>) -> Verdict {
    if policy == Policy::Sentinel {
        return Verdict::Rebase {
            rule: "Sentinel owns this field; the change in ServiceNow stays there".into(),
            detached: true,
        };
    }
    write(
        Side::Sentinel,
        to_sentinel(ctx, case.field, servicenow),
        case.sentinel,
        "changed in ServiceNow",
        false,
    )
}

fn both_changed(
    case: &Case<'_>,
    servicenow: &str,
    policy: Policy,
    ctx: &PlanContext<'_>,
    intervals: Intervals,
) -> Verdict {
    let toward = |to: Side, why: &str, tie: bool| match to {
        Side::ServiceNow => {
            let crossed = to_servicenow(ctx, case.field, case.sentinel, case.incident);
            write(to, crossed, servicenow, why, tie)
        }
        Side::Sentinel => write(to, to_sentinel(ctx, case.field, servicenow), case.sentinel, why, tie),
    };
    match policy {
        Policy::Sentinel if keeps_hand_edits(case.field) => {
            Verdict::Note { rule: "edited by hand in ServiceNow, so Sentinel's change becomes a note".into() }
        }
        Policy::Sentinel => toward(Side::ServiceNow, "both changed; Sentinel owns this field", true),
        Policy::Servicenow => toward(Side::Sentinel, "both changed; ServiceNow owns this field", true),
        Policy::Ratchet => ratchet(case, servicenow, ctx, &toward),
        Policy::Latest => match intervals.later() {
            Some(Side::Sentinel) => toward(Side::ServiceNow, "both changed; Sentinel changed later", false),
            Some(Side::ServiceNow) => toward(Side::Sentinel, "both changed; ServiceNow changed later", false),
            None if closed_by_hand(case, servicenow, ctx) => {
                let why =
                    "both changed at about the same time; a close wins, because its words would be lost";
                toward(Side::Sentinel, why, true)
            }
            None => {
                toward(TIE_WINNER.other(), "both changed at about the same time; Sentinel wins a tie", true)
            }
        },
        Policy::Manual | Policy::FirstCloser | Policy::Off => {
            Verdict::Conflict { why: "both sides changed".into() }
        }
    }
}

/// True when somebody closed the record, or closed it again, while the incident is open: opening it
/// would take the closing words away (D22).
fn closed_by_hand(case: &Case<'_>, servicenow: &str, ctx: &PlanContext<'_>) -> bool {
    let closed = |raw: &str| ctx.tables.is_closed_state(&ctx.workspace.route.table, raw) == Some(true);
    case.field == Field::Status
        && Status::from_word(case.sentinel) != Some(Status::Closed)
        && closed(servicenow)
        && (case.closed_again.servicenow || case.base.is_some_and(|b| !closed(&b.servicenow)))
}

fn ratchet(
    case: &Case<'_>,
    servicenow: &str,
    ctx: &PlanContext<'_>,
    toward: &dyn Fn(Side, &str, bool) -> Verdict,
) -> Verdict {
    let theirs = match to_sentinel(ctx, case.field, servicenow) {
        Crossed::Value { raw, .. } => Severity::from_word(&raw),
        Crossed::Held(why) => return Verdict::Held(why),
        Crossed::Lookup(keys) => return Verdict::Lookup(keys),
    };
    let Some(ours) = Severity::from_word(case.sentinel) else {
        let word = crate::text::escape_line(case.sentinel);
        return Verdict::Held(format!(
            "Sentinel's severity {word:?} has no rank, so neither is the higher one"
        ));
    };
    if Some(ours) >= theirs {
        toward(Side::ServiceNow, "both changed; the higher severity wins", true)
    } else {
        toward(Side::Sentinel, "both changed; the higher severity wins", true)
    }
}

/// Why a field waits for a person after a write that a side answered well and did not carry out.
pub fn kept(side: Side) -> String {
    format!("{side} answered well but kept its value: an access rule or a business rule is in the way")
}

/// When each side left its base, or last moved while it was at it: after the first stamp, not after
/// the second (D21).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Intervals {
    /// Sentinel's.
    pub sentinel: (Stamp, Stamp),
    /// ServiceNow's.
    pub servicenow: (Stamp, Stamp),
}

impl Intervals {
    /// Which sides count as changed: a side whose last change went into the base counts once more
    /// when the other one, which moved alone since, may have moved before that.
    fn with_crossing(&self, changed: (bool, bool)) -> (bool, bool) {
        match changed {
            (true, false) if self.servicenow.1 > self.sentinel.0 => (true, true),
            (false, true) if self.sentinel.1 > self.servicenow.0 => (true, true),
            same => same,
        }
    }

    /// The side that surely changed later, `None` when the intervals overlap.
    pub fn later(&self) -> Option<Side> {
        if self.servicenow.1 <= self.sentinel.0 {
            Some(Side::Sentinel)
        } else if self.sentinel.1 <= self.servicenow.0 {
            Some(Side::ServiceNow)
        } else {
            None
        }
    }
}
