//! An incident and a record that exist already are to be tied: whether they may be, and what both hold.
//!
//! Nothing was ever agreed on between the two, so that what is equal becomes the base and what differs is
//! for a person to decide; no stamp decides anything (D20). Tying them writes nothing on either side.

use crate::mapping::{CustomField, Directory};
use crate::model::call::UserKey;
use crate::model::link::Conflict;
use crate::model::{
    Base, Compared, Delivery, Entry, Field, Incident, IncidentId, Life, Likeness, LinkState, LinkVerb,
    Record, Role, Side,
};
use crate::text::{Stamp, escape_line};

use super::PlanContext;
use super::custom::custom_fields;
use super::hand_over::{is_store_apps, makers, said_before, unnamed};
use super::identity::{Correlation, read_correlation};
use super::plan::{NOTHING, plan};
use super::values::{sentinel_value, servicenow_value};

/// Why a field is in conflict on which nothing was agreed.
const FIRST_CONTACT: &str = "first contact: the sides differ and nothing tells which is newer";
/// Why an entry is not carried over.
const BEFORE: &str = "there already, from before the link was made";

/// An incident and a record, with everything that speaks for or against tying them.
pub struct Pairing<'a> {
    /// What is ordered.
    pub verb: LinkVerb,
    /// The incident.
    pub incident: &'a Incident,
    /// The record.
    pub record: &'a Record,
    /// Links of the incident, ended ones too.
    pub of_incident: &'a [LinkState],
    /// Links about the record, of any workspace, ended ones too.
    pub of_record: &'a [LinkState],
}

/// Why the two may not be tied, in one safe line with what to do; `None` when they may.
pub fn refusal(pair: &Pairing<'_>, ctx: &PlanContext<'_>) -> Option<String> {
    let workspace = ctx.workspace;
    let incident = format!("incident {}/{}", workspace.key, pair.incident.number);
    let record = format!("record {}", escape_line(&pair.record.number));
    if pair.incident.is_merged() {
        return Some(format!("{incident} was merged into another one by Defender: link that one"));
    }
    if let Some(state) = pair.of_incident.iter().find(|s| s.link.life != Life::Unlinked) {
        return Some(bound(&incident, state, pair));
    }
    if let Some(state) = pair.of_record.iter().find(|s| s.link.life != Life::Unlinked) {
        let of = name_of(state);
        return Some(format!(
            "{record} belongs to {of} already, by link {}; `diptych links unlink {}` ends that one",
            state.link.id, state.link.id
        ));
    }
    let ended = |s: &&LinkState| s.link.sys_id == pair.record.sys_id;
    if pair.verb == LinkVerb::Adopt
        && let Some(state) = pair.of_incident.iter().find(ended)
    {
        return Some(format!(
            "a person ended link {} between {incident} and {record}; `diptych links link` ties them again",
            state.link.id
        ));
    }
    correlated(pair, ctx).map(|why| format!("{record} {why}"))
}

/// Why an incident that has a link gets no other one.
fn bound(incident: &str, state: &LinkState, pair: &Pairing<'_>) -> String {
    let link = &state.link;
    let number = state.record.as_ref().map(|r| escape_line(&r.number)).unwrap_or_default();
    if link.sys_id == pair.record.sys_id {
        let how = match link.role {
            Role::Watched => "watched",
            _ => link.life.word(),
        };
        return format!("{incident} and {number} are tied already, by link {} ({how})", link.id);
    }
    let to = match link.life {
        Life::Creating => "for which its record is being made".to_owned(),
        _ if number.is_empty() => format!("to the record {}", link.sys_id),
        _ => format!("to {number}"),
    };
    format!("{incident} has link {} {to} already; `diptych links unlink {}` ends it first", link.id, link.id)
}

fn name_of(state: &LinkState) -> String {
    let key = &state.link.workspace;
    match &state.incident {
        Some(incident) => format!("incident {key}/{}", incident.number),
        None => format!("incident {} of workspace {key}", state.link.incident.as_str()),
    }
}

/// What its correlation id says against tying a record to this incident.
fn correlated(pair: &Pairing<'_>, ctx: &PlanContext<'_>) -> Option<String> {
    let workspace = ctx.workspace;
    let (field, id) = (&workspace.route.shape.correlation_id, &pair.incident.id);
    let Some(text) = pair.record.value(field) else {
        return Some(format!("cannot be told to be nobody's: our user may not read its {field}"));
    };
    let cure = format!("empty its {field} in ServiceNow first if that is over");
    let another =
        |other: &IncidentId| format!("carries the id of another incident, {}; {cure}", other.as_str());
    // One whose link to it a person ended is free: whatever lives was looked at before.
    let freed = |other: &IncidentId| pair.of_record.iter().any(|s| s.link.incident == *other);
    match read_correlation(text) {
        Correlation::Ours(key, _) if key != workspace.key.as_str() => {
            Some(format!("belongs to an incident of workspace {}; {cure}", escape_line(&key)))
        }
        Correlation::Ours(_, other) if other != *id && !freed(&other) => Some(another(&other)),
        Correlation::StoreApp(_, other) if other != *id => Some(another(&other)),
        Correlation::StoreApp(Some(name), _) if !is_store_apps(text, &workspace.name, id) => Some(format!(
            "was made by the store app for an incident of workspace {}; {cure}",
            escape_line(&name)
        )),
        Correlation::StoreApp(..) => None,
        Correlation::Ours(..) | Correlation::Foreign if pair.verb == LinkVerb::Adopt => {
            Some("carries no id of the store app for this incident any more".into())
        }
        Correlation::Ours(..) | Correlation::Foreign => None,
    }
}

/// What both sides agree on when they are tied, field by field. Nothing of it asks for a write.
///
/// # Errors
/// Users to look up before it can be told.
pub fn first_bases(
    state: &LinkState,
    ctx: &PlanContext<'_>,
    verb: LinkVerb,
    at: Stamp,
) -> Result<Vec<Base>, Vec<UserKey>> {
    let (Some(incident), Some(record)) = (&state.incident, &state.record) else { return Ok(Vec::new()) };
    let shape = &ctx.workspace.route.shape;
    let bare = LinkState { bases: Vec::new(), ..state.clone() };
    let planned = plan(&bare, ctx, at);
    let mut lookups = planned.lookups;
    if verb == LinkVerb::Adopt {
        // Whose notes are the app's, which does not depend on what both hold.
        lookups.extend(unnamed(state, ctx.directory));
    }
    if !lookups.is_empty() {
        return Err(lookups);
    }
    let mut bases = planned.bases;
    for target in planned.to_incident.iter().chain(&planned.to_record) {
        let Some(theirs) = servicenow_value(record, shape, target.field) else { continue };
        bases.retain(|b| b.field != target.field);
        bases.push(in_conflict(target.field, sentinel_value(incident, target.field), theirs, at));
    }
    bases.retain(|b| Field::ALL.contains(&b.field));
    if verb == LinkVerb::Adopt {
        let worded = wording(incident, record, ctx, at);
        bases.retain(|b| worded.iter().all(|w| w.field != b.field));
        bases.extend(worded);
    }
    let customs = custom_bases(incident, record, ctx, at);
    bases.extend(customs.into_iter().map(|base| match verb {
        LinkVerb::Link => left_to_a_person(base, incident, ctx, at),
        LinkVerb::Adopt => base,
    }));
    Ok(bases)
}

fn in_conflict(field: Field, sentinel: String, servicenow: String, at: Stamp) -> Base {
    let conflict = Conflict { sentinel, servicenow, since: at, why: FIRST_CONTACT.into(), taken: None };
    Base { conflict: Some(conflict), ..Base::agreed(field, NOTHING, NOTHING, Stamp(0)) }
}

/// Bases of title and description: the store app words them in its own way, which stays as what somebody
/// wrote by hand does (D23).
pub fn wording(incident: &Incident, record: &Record, ctx: &PlanContext<'_>, at: Stamp) -> Vec<Base> {
    let base = |field: Field| {
        let theirs = servicenow_value(record, &ctx.workspace.route.shape, field)?;
        let ours = sentinel_value(incident, field);
        let detached = ours != theirs;
        Some(Base { detached, ..Base::agreed(field, ours, theirs, at) })
    };
    [Field::Title, Field::Description].into_iter().filter_map(base).collect()
}

/// Bases of the custom fields of a record that was found: an empty column gets its text, and where the
/// two differ nothing tells which is newer, so that a person decides (D20).
pub fn custom_bases(incident: &Incident, record: &Record, ctx: &PlanContext<'_>, at: Stamp) -> Vec<Base> {
    let shape = &ctx.workspace.route.shape;
    let base = |row: &CustomField| {
        let (ours, theirs) =
            (ctx.custom_value(row, incident).ok()?, servicenow_value(record, shape, row.field)?);
        if theirs.is_empty() || ours == theirs || row.overrides {
            let sentinel = if ours == theirs { &ours } else { NOTHING };
            return Some(Base::agreed(row.field, sentinel, theirs.as_str(), at));
        }
        if row.once {
            return Some(Base::agreed(row.field, ours, theirs, at));
        }
        Some(in_conflict(row.field, ours, theirs, at))
    };
    custom_fields(ctx).filter_map(base).collect()
}

/// A column that a person filled is not written over because somebody tied its record by hand, not even where
/// its row says that Sentinel's next change may (D20). An empty one is filled.
fn left_to_a_person(base: Base, incident: &Incident, ctx: &PlanContext<'_>, at: Stamp) -> Base {
    let filled = base.sentinel == NOTHING && !base.servicenow.is_empty();
    match filled {
        true => in_conflict(base.field, ctx.sentinel_value(incident, base.field), base.servicenow, at),
        false => base,
    }
}

/// How both sides stand to each other, as people are shown it.
pub fn compared(state: &LinkState, ctx: &PlanContext<'_>, bases: &[Base]) -> Vec<Compared> {
    let (Some(incident), Some(record)) = (&state.incident, &state.record) else { return Vec::new() };
    let line = |base: &Base| Compared {
        field: base.field,
        sentinel: ctx.sentinel_value(incident, base.field),
        servicenow: servicenow_value(record, &ctx.workspace.route.shape, base.field).unwrap_or_default(),
        likeness: match base {
            b if b.conflict.is_some() => Likeness::Conflict,
            b if !b.held.is_empty() => Likeness::Held,
            b if b.sentinel == NOTHING && b.servicenow.is_empty() => Likeness::Filled,
            b if b.detached || b.sentinel == NOTHING => Likeness::Apart,
            _ => Likeness::Equal,
        },
    };
    let mut lines: Vec<Compared> = bases.iter().map(line).collect();
    lines.sort_by(|a, b| (a.field, a.field.word()).cmp(&(b.field, b.field.word())));
    lines
}

/// The conversation of two sides that are tied now: what was said before stays where it was said. Of a record
/// of the store app what the app has missed is still carried over.
pub fn said_until_now(state: &LinkState, verb: LinkVerb, directory: &Directory) -> Vec<Entry> {
    if verb == LinkVerb::Adopt {
        let silent = said_before(state, &makers(state, directory));
        let said = |e: &Entry| silent.iter().find(|s| s.id == e.id).cloned();
        return state.entries.iter().map(|e| said(e).unwrap_or_else(|| e.clone())).collect();
    }
    let quiet = |entry: &Entry| {
        let mut entry = entry.clone();
        for side in [Side::Sentinel, Side::ServiceNow] {
            if !matches!(entry.delivery(side), Delivery::None | Delivery::Delivered) {
                entry.set_delivery(side, Delivery::None);
                entry.reason = BEFORE.into();
            }
        }
        entry
    };
    state.entries.iter().map(quiet).collect()
}
