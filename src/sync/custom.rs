//! Custom fields: one way, from the incident to a column of the record (design, section 2).

use crate::mapping::CustomField;
use crate::model::{Base, Field, Life, LinkState, Role, Side};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

use super::PlanContext;
use super::decide::{Verdict, rebase};
use super::plan::{Draft, NOTHING};

/// The custom fields of a route. A column that the route uses for something else is not among them: two
/// writers of one column would fight.
pub fn custom_fields<'a>(ctx: &PlanContext<'a>) -> impl Iterator<Item = &'a CustomField> {
    let route = &ctx.workspace.route;
    ctx.tables.custom(&route.table).filter(|f| !route.shape.owns(&f.column))
}

/// The custom field of a route that is this field; `None` when its row is gone or says something else by
/// now.
pub fn custom_field<'a>(ctx: &PlanContext<'a>, field: Field) -> Option<&'a CustomField> {
    custom_fields(ctx).find(|f| f.field == field)
}

/// Decides one custom field. What Sentinel's side shows is what the row makes of the incident; it changed
/// if that differs from its base, as with every other field.
pub(super) fn verdict(draft: &Draft<'_>, row: &CustomField) -> Verdict {
    let base = draft.state.base(row.field);
    let open = base.and_then(|b| b.conflict.as_ref()).filter(|c| c.taken.is_none());
    let sentinel = match draft.ctx.custom_value(row, draft.incident) {
        Ok(value) => value,
        Err(_) if open.is_some() => return Verdict::Frozen,
        Err(why) => return Verdict::Held(why),
    };
    let servicenow = draft.servicenow(row.field);
    let shows_it = servicenow.as_ref() == Some(&sentinel);
    if let Some(conflict) = open.filter(|_| !shows_it) {
        let moved =
            conflict.sentinel != sentinel || conflict.servicenow != servicenow.as_deref().unwrap_or_default();
        return if moved { Verdict::Conflict { why: conflict.why.clone() } } else { Verdict::Frozen };
    }
    match base.filter(|b| b.sentinel != NOTHING || b.servicenow != NOTHING) {
        Some(base) => with_base(row, base, sentinel, servicenow),
        None => without_base(draft.state, row, sentinel, servicenow),
    }
}

fn with_base(row: &CustomField, base: &Base, sentinel: String, servicenow: Option<String>) -> Verdict {
    let changed = sentinel != base.sentinel;
    let edited = match &servicenow {
        None => false,
        // Seen for the first time: what it says tells whose it is.
        Some(now) if base.servicenow == NOTHING => !now.is_empty() && *now != base.sentinel,
        Some(now) => *now != base.servicenow,
    };
    if !changed && !edited {
        return match &servicenow {
            None if !base.held.is_empty() => Verdict::Held(base.held.clone()),
            Some(_) if base.servicenow == NOTHING => {
                Verdict::Rebase { rule: base.rule.clone(), detached: base.detached }
            }
            _ => Verdict::InStep,
        };
    }
    if servicenow.as_ref() == Some(&sentinel) {
        return rebase(SHOWS_IT);
    }
    // One that was found empty, or whose row failed at first, is filled still.
    let never_filled = base.sentinel == NOTHING && servicenow.as_ref().is_none_or(String::is_empty);
    if row.once && !never_filled {
        return rebase("filled once, when the record was made");
    }
    if !changed {
        let rule = if row.overrides {
            "edited by hand in ServiceNow: it stays until Sentinel's next change"
        } else {
            "edited by hand in ServiceNow: it stays"
        };
        return Verdict::Rebase { rule: rule.into(), detached: true };
    }
    if (edited || base.detached) && !row.overrides && !mutant::is_on(Mutant::HandEditOverwritten) {
        return note();
    }
    if mutant::is_on(Mutant::CustomForgotten) {
        return rebase("");
    }
    write(row, sentinel, "changed in Sentinel")
}

/// A field on which nothing was agreed: its row is newer than the link, or it was held so far. A row that is
/// new writes nothing by itself, what was held does (D24).
fn without_base(
    state: &LinkState,
    row: &CustomField,
    sentinel: String,
    servicenow: Option<String>,
) -> Verdict {
    if servicenow.as_ref() == Some(&sentinel) {
        return rebase(SHOWS_IT);
    }
    let somebodys = is_somebodys(state, row, servicenow.as_deref());
    if of_column(state, row).any(|b| !b.held.is_empty()) {
        return match somebodys {
            true if row.once => rebase("filled already"),
            true if !row.overrides => note(),
            _ => write(row, sentinel, "it was held"),
        };
    }
    if waits(state, row) && !somebodys && !row.once {
        return write(row, sentinel, "changed while its row was changed");
    }
    Verdict::Rebase { rule: NEWER.into(), detached: somebodys }
}

/// True when something that was observed before a row was changed waits still: only the former row could
/// tell whether the incident moved.
fn waits(state: &LinkState, row: &CustomField) -> bool {
    let before = |b: &Base| b.field != row.field && !b.detached && !is_blank(b);
    let unplanned = state.link.pending || !state.link.frozen.is_empty();
    unplanned && of_column(state, row).any(before)
}

const SHOWS_IT: &str = "it shows what its row says";
const NEWER: &str = "its row is newer than this: Sentinel's next change crosses";

fn note() -> Verdict {
    Verdict::Note { rule: "edited by hand in ServiceNow, so Sentinel's change becomes a note".into() }
}

fn write(row: &CustomField, raw: String, why: &str) -> Verdict {
    Verdict::Write { to: Side::ServiceNow, raw, rule: format!("{why}; {}", row.why), tie: false }
}

/// Bases of the rows, of today and before, that fill the column of this one.
fn of_column<'a>(state: &'a LinkState, row: &'a CustomField) -> impl Iterator<Item = &'a Base> {
    state.bases.iter().filter(|b| matches!(b.field, Field::Custom(c) if c.column() == row.column))
}

/// True when a column shows words that no row is known to have put there.
fn is_somebodys(state: &LinkState, row: &CustomField, shown: Option<&str>) -> bool {
    let ours = |b: &Base| !b.detached && Some(b.servicenow.as_str()) == shown;
    shown.is_some_and(|v| !v.is_empty()) && !of_column(state, row).any(ours)
}

/// Bases of the rows that are newer than a link, from what both sides show: taken before another observation
/// replaces the one at hand, so that what it brings is Sentinel's next change, or a hand edit.
pub fn bases_before_change(state: &LinkState, ctx: &PlanContext<'_>, now: Stamp) -> Vec<Base> {
    let (Some(incident), Some(record)) = (&state.incident, &state.record) else { return Vec::new() };
    if state.link.life != Life::Live || state.link.role != Role::Primary {
        return Vec::new();
    }
    let known = |row: &CustomField, b: &Base| !b.held.is_empty() || b.field == row.field && !is_blank(b);
    let new = |row: &&CustomField| !of_column(state, row).any(|b| known(row, b)) && !waits(state, row);
    let base = |row: &CustomField| {
        let shown = record.value(&row.column);
        let sentinel = ctx.custom_value(row, incident).unwrap_or_else(|_| NOTHING.to_owned());
        let detached = shown != Some(sentinel.as_str()) && is_somebodys(state, row, shown);
        let agreed = Base::agreed(row.field, sentinel, shown.unwrap_or(NOTHING), now);
        Base { detached, rule: NEWER.into(), ..agreed }
    };
    custom_fields(ctx).filter(new).map(base).collect()
}

/// True for a base that tells nothing.
fn is_blank(base: &Base) -> bool {
    base.sentinel == NOTHING && base.servicenow == NOTHING && base.held.is_empty() && base.conflict.is_none()
}

/// Forgets what was agreed, held or in conflict by a row that is gone or says something else by now: should
/// it come back, that would tell nothing about what happened meanwhile.
pub(super) fn forget_old_rows(draft: &mut Draft<'_>) {
    let mut done = Vec::new();
    for base in draft.state.bases.iter().filter(|b| !is_blank(b)) {
        let Field::Custom(custom) = base.field else { continue };
        let row = custom_fields(draft.ctx).find(|f| f.column == custom.column());
        let known =
            |field| draft.state.base(field).or_else(|| draft.plan.bases.iter().find(|b| b.field == field));
        let settled = match row {
            Some(row) if row.field == base.field => false,
            Some(row) => known(row.field).is_some_and(|b| b.held.is_empty() && !is_blank(b)),
            None => true,
        };
        if settled {
            done.push(Base::agreed(base.field, NOTHING, NOTHING, Stamp(0)));
        }
    }
    draft.plan.bases.extend(done);
}
