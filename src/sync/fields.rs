//! The fields of a link as people see them side by side.

use crate::mapping::Directory;
use crate::model::view::{FieldView, Step};
use crate::model::{Base, Field, Incident, LinkState, Pair, Record, Side, SysId};
use crate::text::UntrustedText;

use super::PlanContext;
use super::plan::NOTHING;
use super::values::servicenow_value;

/// The fields of a link, in the order of the panels. Values are words and labels; where people
/// would miss it, the raw value stands behind in parentheses.
pub fn field_views(state: &LinkState, ctx: &PlanContext<'_>) -> Vec<FieldView> {
    let custom = super::custom::custom_fields(ctx).map(|row| row.field);
    Field::ALL
        .into_iter()
        .chain(custom)
        .map(|field| {
            let base = state.base(field);
            let s = state.incident.as_ref().map(|i| ctx.sentinel_value(i, field));
            let n =
                state.record.as_ref().and_then(|r| servicenow_value(r, &ctx.workspace.route.shape, field));
            FieldView {
                field,
                shown: Pair::new(
                    shown_sentinel(field, s.as_deref(), state.incident.as_ref(), ctx.directory),
                    shown_servicenow(field, n.as_deref(), state.record.as_ref(), ctx),
                ),
                base: base.filter(|b| b.sentinel != NOTHING).map(|b| {
                    Pair::new(
                        shown_sentinel(field, Some(&b.sentinel), state.incident.as_ref(), ctx.directory),
                        shown_servicenow(field, Some(&b.servicenow), None, ctx),
                    )
                }),
                step: field_step(base, s.as_deref(), n.as_deref()),
                // Nothing was closed, so no rule of closing has anything to say.
                rule: match (field, s.as_deref(), n.as_deref()) {
                    (Field::Closure | Field::CloseNotes, Some(""), Some("")) => String::new(),
                    _ => rule_line(base),
                },
                agreed: base.filter(|b| b.agreed.0 > 0).map(|b| b.agreed),
            }
        })
        .collect()
}

/// A raw value of one side as people read it, for plans and histories.
pub fn readable(ctx: &PlanContext<'_>, side: Side, field: Field, raw: &str) -> UntrustedText {
    match side {
        Side::Sentinel => shown_sentinel(field, Some(raw), None, ctx.directory),
        Side::ServiceNow => shown_servicenow(field, Some(raw), None, ctx),
    }
}

fn shown_sentinel(
    field: Field,
    raw: Option<&str>,
    incident: Option<&Incident>,
    directory: &Directory,
) -> UntrustedText {
    let raw = raw.unwrap_or_default();
    if field != Field::Owner || raw.is_empty() {
        return UntrustedText::new(raw);
    }
    let name = incident
        .filter(|i| i.owner.key() == raw && !i.owner.name.is_empty())
        .map(|i| i.owner.name.clone())
        .or_else(|| directory.by_email(raw).first().map(|u| u.name.raw().to_owned()));
    UntrustedText::new(match name {
        Some(name) => format!("{name} ({raw})"),
        None => raw.to_owned(),
    })
}

fn shown_servicenow(
    field: Field,
    raw: Option<&str>,
    record: Option<&Record>,
    ctx: &PlanContext<'_>,
) -> UntrustedText {
    let shape = &ctx.workspace.route.shape;
    let Some(raw) = raw.filter(|raw| *raw != NOTHING) else {
        return UntrustedText::new("(may not be read)");
    };
    if raw.is_empty() {
        return UntrustedText::default();
    }
    let display = |name: &str| record.and_then(|r| r.display.get(name)).map(|d| d.raw().to_owned());
    let with_raw = |label: String| if label == raw { label } else { format!("{label} ({raw})") };
    UntrustedText::new(match field {
        Field::Status => {
            let label = display(&shape.status)
                .or_else(|| ctx.tables.status_label(&ctx.workspace.route.table, raw).map(str::to_owned));
            with_raw(label.unwrap_or_else(|| raw.to_owned()))
        }
        Field::Severity => {
            let means = ctx.tables.severity_to_sentinel(&ctx.workspace.route.table, raw);
            let names = shape.severity.join("/");
            match means {
                Ok(t) => format!("{} ({names} {raw})", t.value),
                Err(_) => format!("{names} {raw}"),
            }
        }
        Field::Owner => {
            let user = ctx.directory.user(&SysId::new(raw));
            match user {
                Some(user) => format!("{} ({})", user.name.raw(), user.user_name),
                None => display(&shape.owner).unwrap_or_else(|| raw.to_owned()),
            }
        }
        _ => raw.to_owned(),
    })
}

fn field_step(base: Option<&Base>, sentinel: Option<&str>, servicenow: Option<&str>) -> Step {
    let Some(base) = base else { return Step::InStep };
    if base.conflict.as_ref().is_some_and(|c| c.taken.is_none()) {
        return Step::Conflict;
    }
    if !base.held.is_empty() {
        return Step::Held;
    }
    // A column that a newer row fills was not read when both agreed.
    let unread = matches!(base.field, Field::Custom(_)) && base.servicenow == NOTHING;
    let moved = sentinel.is_some_and(|v| v != base.sentinel)
        || servicenow.is_some_and(|v| !unread && v != base.servicenow);
    let compared = !matches!(base.field, Field::Closure | Field::CloseNotes);
    if moved && compared { Step::Pending } else { Step::InStep }
}

fn rule_line(base: Option<&Base>) -> String {
    let Some(base) = base else { return String::new() };
    let line = if let Some(conflict) = &base.conflict {
        match conflict.taken {
            Some(side) => format!("{}; {side}'s value was taken", conflict.why),
            None => conflict.why.clone(),
        }
    } else if !base.held.is_empty() {
        format!("held: {}", base.held)
    } else {
        base.rule.clone()
    };
    crate::text::escape_line(&line)
}

/// The step of a whole link, with the reason in one safe line.
pub fn link_step(state: &LinkState) -> (Step, String) {
    use crate::model::{Delivery, IntentState, Life, Role};
    let link = &state.link;
    match (link.role, link.life) {
        (_, Life::Gone) => return (Step::Gone, crate::text::escape_line(&link.frozen)),
        (_, Life::Unlinked) => return (Step::Unlinked, "a person ended the link".into()),
        (Role::Merged, life) => {
            let into = super::merge::survivor(state).map(|n| format!("incident {n}"));
            let why = format!("merged into {}", into.as_deref().unwrap_or("another incident"));
            if !link.frozen.is_empty() {
                let frozen = crate::text::escape_line(&link.frozen);
                return (Step::Error, format!("{why}; its record is told nothing: {frozen}"));
            }
            let held = state.entries.iter().find(|e| e.to_servicenow == Delivery::Held);
            return match held.filter(|_| life == Life::Live) {
                Some(e) => (
                    Step::Held,
                    format!("{why}; its record was not told: {}", crate::text::escape_line(&e.reason)),
                ),
                None => (Step::Merged, why),
            };
        }
        (Role::Watched, _) => return (Step::Watched, "watched only".into()),
        _ => {}
    }
    if !link.frozen.is_empty() {
        return (Step::Error, crate::text::escape_line(&link.frozen));
    }
    if !link.error.is_empty() {
        return (Step::Error, crate::text::escape_line(&link.error));
    }
    if let Some(parked) = state.intents.iter().find(|i| i.state == IntentState::Parked) {
        return (Step::Error, crate::text::escape_line(&parked.outcome));
    }
    if let Some((base, conflict)) =
        state.bases.iter().find_map(|b| b.conflict.as_ref().filter(|c| c.taken.is_none()).map(|c| (b, c)))
    {
        return (
            Step::Conflict,
            format!("{}: {}", base.field.label(), crate::text::escape_line(&conflict.why)),
        );
    }
    if let Some(base) = state.bases.iter().find(|b| !b.held.is_empty()) {
        return (Step::Held, format!("{}: {}", base.field.label(), crate::text::escape_line(&base.held)));
    }
    if let Some(entry) =
        state.entries.iter().find(|e| e.to_sentinel == Delivery::Held || e.to_servicenow == Delivery::Held)
    {
        return (Step::Held, format!("a note is held: {}", crate::text::escape_line(&entry.reason)));
    }
    let waiting = state.entries.iter().any(|e| {
        matches!(e.to_sentinel, Delivery::Waiting | Delivery::Sending)
            || matches!(e.to_servicenow, Delivery::Waiting | Delivery::Sending)
    });
    if link.life == Life::Creating {
        return (Step::Pending, "its record is being created".into());
    }
    if state.open_intent().is_some() || waiting || link.unread {
        return (Step::Pending, "writes are under way".into());
    }
    if link.pending {
        return (Step::Pending, "a change waits to be carried over".into());
    }
    if link.group.closed_alone
        && let Some(base) = state.base(Field::Status)
    {
        return (Step::InStep, format!("{}: {}", base.field.label(), base.rule));
    }
    // Both sides differ here, and that is as it should be.
    let apart = state.bases.iter().find(|b| super::closed_partner::is_apart(b));
    (Step::InStep, apart.map_or_else(String::new, |b| format!("{}: {}", b.field.label(), b.rule)))
}
