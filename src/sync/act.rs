//! What an analyst's command would write now: shown before it is confirmed, and made again from
//! fresh state before it is carried out (D33).
//!
//! A command changes the Sentinel side; ServiceNow follows by the ordinary plan, in the same
//! breath. So one wish moves both sides, and there is one way of translating, not two.

use crate::model::call::UserKey;
use crate::model::intent::Target;
use crate::model::link::Seen;
use crate::model::settings::{Policy, StoreApp};
use crate::model::{
    Base, Closure, Crossings, Field, Incident, IncidentWrite, Life, LinkState, Pair, Role, Severity, Shown,
    Side, Status, SysId, Verb,
};
use crate::text::Stamp;

use super::PlanContext;
use super::cross::{Crossed, owner_to_sentinel};
use super::plan::{NOTHING, plan};
use super::values::{is_closed, sentinel_value, servicenow_value};
use super::write::incident_write;

/// What is said to change when a link itself does.
pub const LINK: &str = "link";

/// What a command does first.
#[derive(Clone, Debug, PartialEq)]
pub enum Opening {
    /// Writes these fields of the incident; the record follows.
    Incident {
        /// The whole incident to put.
        write: Box<IncidentWrite>,
        /// Its changed fields.
        targets: Vec<Target>,
    },
    /// Adds an entry to both conversations.
    Entry {
        /// Text as typed.
        text: String,
    },
    /// Sets a base so that the ordinary plan takes one side's value.
    Base(Box<Base>),
    /// Forgets failures and plans anew.
    Retry,
    /// Ends the link.
    Unlink,
    /// Ends the link, and gives the incident a new one.
    Split,
}

/// Which writes a command would make now, or why it is refused, in one safe line.
pub fn preview(state: &LinkState, ctx: &PlanContext<'_>, verb: &Verb) -> Result<Vec<Shown>, String> {
    let opening = open(state, ctx, verb)?;
    Ok(shown(state, ctx, &opening))
}

/// The first step of a command on this state, or why it is refused.
pub fn open(state: &LinkState, ctx: &PlanContext<'_>, verb: &Verb) -> Result<Opening, String> {
    if state.link.life == Life::Unlinked {
        return Err("a person ended this link; nothing is done by it any more".into());
    }
    if *verb == Verb::Unlink {
        return Ok(Opening::Unlink);
    }
    if *verb == Verb::Split {
        return split(state, ctx);
    }
    let Some(incident) = &state.incident else {
        return Err("the incident was not read yet; wait for the next pass".into());
    };
    // What was to be said on the record of a merged incident may be tried again.
    let told = state.link.role == Role::Merged && *verb == Verb::Retry;
    if !state.link.role.syncs() && !told {
        return Err(format!("this link is {}: it is looked at, not written", state.link.role.word()));
    }
    if ctx.workspace.store_app == StoreApp::Watch && *verb != Verb::Retry {
        return Err(
            "store_app is \"watch\" for this workspace: nothing is written until it says otherwise".into()
        );
    }
    match verb {
        Verb::Severity { severity } => {
            set(state, ctx, incident, vec![(Field::Severity, severity_word(*severity))])
        }
        Verb::Status { status: Status::Closed } => Err("to close, name a classification: use close".into()),
        Verb::Status { .. } if is_closed(incident) => Err("the incident is closed: use reopen".into()),
        Verb::Status { status } => set(state, ctx, incident, vec![(Field::Status, status.word().into())]),
        Verb::Owner { user } => set_owner(state, ctx, incident, user),
        Verb::Comment { text } if text.trim().is_empty() => Err("the comment is empty".into()),
        Verb::Comment { text } => Ok(Opening::Entry { text: text.clone() }),
        Verb::Close { .. } if is_closed(incident) => Err("the incident is closed already".into()),
        Verb::Close { closure, notes } => close(state, ctx, incident, *closure, notes),
        Verb::Reopen if !is_closed(incident) => Err("the incident is not closed".into()),
        Verb::Reopen => set(state, ctx, incident, vec![(Field::Status, Status::Active.word().into())]),
        Verb::Resolve { field, take } => resolve(state, ctx, incident, *field, *take),
        Verb::Retry | Verb::Unlink | Verb::Split => Ok(Opening::Retry),
    }
}

/// An incident leaves a record that it shares.
fn split(state: &LinkState, ctx: &PlanContext<'_>) -> Result<Opening, String> {
    if state.link.life != Life::Live || !state.link.role.syncs() || !state.is_shared() {
        return Err("it shares its record with no other incident: there is nothing to split off".into());
    }
    if state.link.group.host.is_none() {
        return Err(
            "the record was made for this incident and names it: split the others off, or unlink it".into()
        );
    }
    if ctx.workspace.store_app != StoreApp::Ignore {
        return Err("store_app looks for a record of each incident: it would find this one again".into());
    }
    Ok(Opening::Split)
}

fn severity_word(severity: Severity) -> String {
    severity.word().to_owned()
}

fn set(
    state: &LinkState,
    ctx: &PlanContext<'_>,
    incident: &Incident,
    values: Vec<(Field, String)>,
) -> Result<Opening, String> {
    let targets: Vec<Target> = values
        .into_iter()
        .filter(|(field, value)| sentinel_value(incident, *field) != *value)
        .map(|(field, value)| Target {
            field,
            before: sentinel_value(incident, field),
            sentinel: value,
            servicenow: String::new(),
            rule: "set by a person".into(),
        })
        .collect();
    if targets.is_empty() {
        return Err("nothing would change: it is so already".into());
    }
    let write = incident_write(incident, state.record.as_ref(), &targets, ctx);
    Ok(Opening::Incident { write: Box::new(write), targets })
}

fn set_owner(
    state: &LinkState,
    ctx: &PlanContext<'_>,
    incident: &Incident,
    user: &SysId,
) -> Result<Opening, String> {
    let owner = match owner_to_sentinel(ctx, user.as_str()) {
        Ok((owner, _)) => owner,
        Err(Crossed::Held(why)) => return Err(why),
        Err(_) => return Err("that user is not known yet; wait for the next pass".into()),
    };
    if owner.key() == incident.owner.key() {
        return Err("nothing would change: it is so already".into());
    }
    let target = Target {
        field: Field::Owner,
        before: incident.owner.key(),
        sentinel: owner.key(),
        servicenow: user.as_str().to_owned(),
        rule: "set by a person".into(),
    };
    let mut write = incident_write(incident, state.record.as_ref(), std::slice::from_ref(&target), ctx);
    write.owner = owner;
    Ok(Opening::Incident { write: Box::new(write), targets: vec![target] })
}

fn close(
    state: &LinkState,
    ctx: &PlanContext<'_>,
    incident: &Incident,
    closure: Closure,
    notes: &str,
) -> Result<Opening, String> {
    let table = &ctx.workspace.route.table;
    if ctx.workspace.policies.of(Field::Status) != Policy::Sentinel {
        ctx.tables.closure_to_servicenow(table, closure.word()).map_err(|e| e.to_string())?;
    }
    let values = vec![
        (Field::Status, Status::Closed.word().to_owned()),
        (Field::Closure, closure.word().to_owned()),
        (Field::CloseNotes, notes.trim().to_owned()),
    ];
    set(state, ctx, incident, values)
}

fn resolve(
    state: &LinkState,
    ctx: &PlanContext<'_>,
    incident: &Incident,
    field: Field,
    take: Side,
) -> Result<Opening, String> {
    let old = state
        .base(field)
        .filter(|b| b.conflict.as_ref().is_some_and(|c| c.taken.is_none()))
        .ok_or_else(|| format!("{} is not in conflict", field.label()))?;
    let record = state.record.as_ref().ok_or("the record was not read yet; wait for the next pass")?;
    let now = Pair::new(
        ctx.sentinel_value(incident, field),
        servicenow_value(record, &ctx.workspace.route.shape, field).unwrap_or_default(),
    );
    let mut base = old.clone();
    base.conflict = None;
    base.detached = false;
    base.crossings = Crossings::default();
    base.walk = None;
    // It goes one way: what a person takes from ServiceNow stays there.
    if matches!(field, Field::Custom(_)) && take == Side::ServiceNow {
        (base.sentinel, base.servicenow, base.detached) = (now.sentinel, now.servicenow, true);
        base.rule = "a person took ServiceNow's value".into();
        return Ok(Opening::Base(Box::new(base)));
    }
    // The side that is not taken counts as unchanged, whatever was seen of it before; the taken one as changed.
    match take {
        Side::Sentinel => {
            base.servicenow = now.servicenow;
            base.servicenow_seen = Seen::at(state.record_seen);
            base.sentinel = NOTHING.into();
        }
        Side::ServiceNow => {
            base.sentinel = now.sentinel;
            base.sentinel_seen = Seen::at(state.incident_seen);
            base.servicenow = NOTHING.into();
        }
    }
    base.rule = format!("a person took {take}'s value");
    Ok(Opening::Base(Box::new(base)))
}

/// Users to look up before it can be told what follows from an opening.
pub fn lookups(state: &LinkState, ctx: &PlanContext<'_>, opening: &Opening) -> Vec<UserKey> {
    plan(&after(state, opening), ctx, known_at(state)).lookups
}

/// When a link was last seen.
fn known_at(state: &LinkState) -> Stamp {
    state.incident_seen.max(state.record_seen)
}

/// The link as it will be once an opening was carried out.
fn after(state: &LinkState, opening: &Opening) -> LinkState {
    let mut after = state.clone();
    match opening {
        Opening::Incident { write, targets } => {
            if let Some(incident) = &mut after.incident {
                carry_out(incident, write);
            }
            let wished = |field: Field| targets.iter().any(|t| t.field == field);
            for base in after.bases.iter_mut().filter(|b| wished(b.field)) {
                base.crossings = Crossings::default();
            }
        }
        Opening::Base(base) => {
            after.bases.retain(|b| b.field != base.field);
            after.bases.push(base.as_ref().clone());
        }
        Opening::Entry { .. } | Opening::Retry | Opening::Unlink | Opening::Split => {}
    }
    after
}

/// The writes that follow from an opening, on both sides.
pub fn shown(state: &LinkState, ctx: &PlanContext<'_>, opening: &Opening) -> Vec<Shown> {
    let line = |side: Side, t: &Target| Shown {
        side,
        what: t.field.word().into(),
        from: t.before.clone(),
        to: t.after(side).to_owned(),
    };
    let mut out = Vec::new();
    match opening {
        Opening::Entry { text } => {
            for side in [Side::Sentinel, Side::ServiceNow] {
                out.push(Shown { side, what: "note".into(), from: String::new(), to: text.clone() });
            }
            return out;
        }
        Opening::Unlink | Opening::Split => {
            let to = if *opening == Opening::Split { "a record of its own" } else { "unlinked" };
            let number = state.record.as_ref().map(|r| r.number.clone()).unwrap_or_default();
            out.push(Shown { side: Side::ServiceNow, what: LINK.into(), from: number, to: to.into() });
            return out;
        }
        Opening::Incident { targets, .. } => out.extend(targets.iter().map(|t| line(Side::Sentinel, t))),
        Opening::Base(_) | Opening::Retry => {}
    }
    let next = plan(&after(state, opening), ctx, known_at(state));
    out.extend(next.to_incident.iter().map(|t| line(Side::Sentinel, t)));
    out.extend(next.to_record.iter().map(|t| line(Side::ServiceNow, t)));
    out.extend(super::closed_partner::shown(&next));
    out
}

/// The incident as it will be once a write was applied.
pub fn carry_out(incident: &mut Incident, write: &IncidentWrite) {
    incident.title = write.title.as_str().into();
    incident.description = write.description.as_str().into();
    incident.severity.clone_from(&write.severity);
    incident.status.clone_from(&write.status);
    incident.classification.clone_from(&write.classification);
    incident.reason.clone_from(&write.reason);
    incident.classification_comment = write.classification_comment.as_str().into();
    incident.owner = write.owner.clone();
    incident.labels = write.labels.iter().map(|l| l.as_str().into()).collect();
}
