//! One field's value carried over to the other side: the tables' answer, in one shape for every
//! field.

use crate::mapping::{OwnerToSentinel, OwnerToServicenow, Translation};
use crate::model::call::UserKey;
use crate::model::{Field, Incident, OwnerRef, SysId};
use crate::mutant::{self, Mutant};

use super::PlanContext;
use super::values::cut;

/// What a value becomes on the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crossed {
    /// This raw value, by this rule.
    Value {
        /// Raw value.
        raw: String,
        /// Which row or rule gave it.
        rule: String,
    },
    /// No row maps it: held and shown, the other fields flow on.
    Held(String),
    /// Users to look up first.
    Lookup(Vec<UserKey>),
}

impl Crossed {
    pub(super) fn plain(raw: impl Into<String>, rule: &str) -> Self {
        Self::Value { raw: raw.into(), rule: rule.into() }
    }
}

/// Carries a table's answer over, its word spelled by `spell`.
fn carried<T>(translation: Translation<T>, spell: impl Fn(T) -> String) -> Crossed {
    match translation {
        Ok(found) => Crossed::Value { raw: spell(found.value), rule: found.why },
        Err(unmapped) => Crossed::Held(unmapped.to_string()),
    }
}

/// What Sentinel's value becomes in ServiceNow. `incident` gives the whole owner.
pub fn to_servicenow(ctx: &PlanContext<'_>, field: Field, raw: &str, incident: &Incident) -> Crossed {
    let table = &ctx.workspace.route.table;
    let shape = &ctx.workspace.route.shape;
    match field {
        Field::Title => Crossed::plain(cut(raw, shape.title_max), "title as it is"),
        Field::Description => Crossed::plain(cut(raw, shape.description_max), "description as it is"),
        Field::CloseNotes => Crossed::plain(cut(raw, 4000), "closing comment as it is"),
        Field::Severity => match ctx.tables.severity_to_servicenow(table, raw) {
            // A row for another number of fields would set some of them and leave the rest.
            Ok(found) if found.value.split('/').count() != shape.severity.len() => Crossed::Held(format!(
                "{} has another number of values than the {} severity fields of {table}; mend that row",
                found.row,
                shape.severity.len()
            )),
            found => carried(found, |v| v),
        },
        Field::Status => carried(ctx.tables.status_to_servicenow(table, raw), |v| v),
        Field::Closure => carried(ctx.tables.closure_to_servicenow(table, raw), |v| v),
        Field::Owner => {
            match ctx.tables.owner_to_servicenow(&ctx.workspace.key, &incident.owner, ctx.directory) {
                OwnerToServicenow::Unassigned => Crossed::plain("", "unassigned"),
                OwnerToServicenow::User(sys_id, rule) => {
                    Crossed::Value { raw: sys_id.as_str().to_owned(), rule: rule.describe().to_string() }
                }
                OwnerToServicenow::Lookup(keys) => Crossed::Lookup(keys),
                OwnerToServicenow::Unmapped(why) => Crossed::Held(why.to_string()),
            }
        }
        Field::Custom(_) => {
            match super::custom::custom_field(ctx, field).map(|row| (row, ctx.custom_value(row, incident))) {
                Some((row, Ok(raw))) => Crossed::Value { raw, rule: row.why.clone() },
                Some((_, Err(why))) => Crossed::Held(why),
                None => Crossed::Held(format!("no row fills {field} any more")),
            }
        }
        Field::NumberLabel(_) => Crossed::Held("a number label goes to Sentinel only".into()),
    }
}

/// What ServiceNow's value becomes in Sentinel. For the owner it is the owner's key.
pub fn to_sentinel(ctx: &PlanContext<'_>, field: Field, raw: &str) -> Crossed {
    let table = &ctx.workspace.route.table;
    match field {
        // Sentinel refuses the whole write, with every other field in it.
        Field::Title if raw.trim().is_empty() => Crossed::Held("Sentinel takes no empty title".into()),
        Field::Title => Crossed::plain(raw, "title as it is"),
        Field::Description => Crossed::plain(cut(raw, 5000), "description as it is"),
        Field::CloseNotes => Crossed::plain(raw, "close notes as they are"),
        Field::Severity => carried(ctx.tables.severity_to_sentinel(table, raw), |v| v.word().to_owned()),
        Field::Status => carried(ctx.tables.status_to_sentinel(table, raw), |v| v.word().to_owned()),
        // A cancelled record has no close code at all; Sentinel cannot close without a word.
        Field::Closure if raw.is_empty() => Crossed::plain("Undetermined", "closed without a close code"),
        Field::Closure => carried(ctx.tables.closure_to_sentinel(table, raw), |v| v.word().to_owned()),
        Field::Owner => match owner_to_sentinel(ctx, raw) {
            Ok((owner, rule)) => Crossed::Value { raw: owner.key(), rule },
            Err(crossed) => crossed,
        },
        Field::Custom(_) => Crossed::Held("a custom field goes to ServiceNow only".into()),
        Field::NumberLabel(_) => Crossed::plain(raw, "the record's number as it is"),
    }
}

/// The owner that a ServiceNow user becomes in Sentinel, with the rule; the reason otherwise.
pub fn owner_to_sentinel(ctx: &PlanContext<'_>, raw: &str) -> Result<(OwnerRef, String), Crossed> {
    match ctx.tables.owner_to_sentinel(&ctx.workspace.key, &SysId::new(raw), ctx.directory) {
        OwnerToSentinel::Unassigned => Ok((OwnerRef::default(), "unassigned".into())),
        OwnerToSentinel::Owner(owner, rule) => Ok((owner, rule.describe().to_string())),
        OwnerToSentinel::Lookup(keys) => Err(Crossed::Lookup(keys)),
        OwnerToSentinel::Unmapped(why) => Err(Crossed::Held(why.to_string())),
    }
}

/// Whether the two raw values mean the same under either map (D19); the users to look up when
/// that cannot be told yet.
pub fn equivalent(
    ctx: &PlanContext<'_>,
    field: Field,
    sentinel: &str,
    servicenow: &str,
    incident: &Incident,
) -> Result<bool, Vec<UserKey>> {
    // Sentinel's own words have no case: `closed` is no change from `Closed`.
    let worded = matches!(field, Field::Severity | Field::Status | Field::Closure);
    let is_sentinels = |raw: &str| raw == sentinel || (worded && raw.eq_ignore_ascii_case(sentinel));
    let there = to_servicenow(ctx, field, sentinel, incident);
    if matches!(&there, Crossed::Value { raw, .. } if raw == servicenow) {
        return Ok(true);
    }
    let back = to_sentinel(ctx, field, servicenow);
    if matches!(&back, Crossed::Value { raw, .. } if is_sentinels(raw))
        && !mutant::is_on(Mutant::OneWayEquivalence)
    {
        return Ok(true);
    }
    let keys: Vec<UserKey> = [there, back]
        .into_iter()
        .filter_map(|c| match c {
            Crossed::Lookup(keys) => Some(keys),
            Crossed::Value { .. } | Crossed::Held(_) => None,
        })
        .flatten()
        .collect();
    if keys.is_empty() { Ok(false) } else { Err(keys) }
}
