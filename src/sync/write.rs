//! The bodies of a plan's writes: columns for a PATCH of a record, a whole incident for a PUT.

use std::collections::BTreeMap;

use crate::model::intent::Target;
use crate::model::{Field, Incident, IncidentWrite, OwnerRef, Record};

use super::PlanContext;
use super::cross::owner_to_sentinel;
use super::values::{servicenow_value, set_servicenow};

/// The columns that a plan's fields become in one PATCH.
pub fn record_values(targets: &[Target], ctx: &PlanContext<'_>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for target in targets {
        set_servicenow(&mut values, &ctx.workspace.route.shape, target.field, &target.servicenow);
    }
    values
}

/// The whole incident with a plan's fields changed: a PUT replaces everything, so everything
/// else goes back as it was observed (D16).
pub fn incident_write(
    incident: &Incident,
    record: Option<&Record>,
    targets: &[Target],
    ctx: &PlanContext<'_>,
) -> IncidentWrite {
    let mut write = IncidentWrite::from(incident);
    for target in targets {
        match target.field {
            Field::Title => write.title = target.sentinel.clone(),
            Field::Description => write.description = target.sentinel.clone(),
            Field::Severity => write.severity = target.sentinel.clone(),
            Field::Status => write.status = target.sentinel.clone(),
            Field::CloseNotes => write.classification_comment = target.sentinel.clone(),
            Field::Closure => {
                let mut parts = target.sentinel.splitn(2, '-');
                write.classification = parts.next().unwrap_or_default().to_owned();
                write.reason = parts.next().unwrap_or_default().to_owned();
            }
            Field::Owner => write.owner = owner_of(incident, record, target, ctx),
            // Beside those that are there.
            Field::NumberLabel(label) if !super::number_label::has(incident, &label) => {
                write.labels.push(target.sentinel.clone());
            }
            // Goes the other way only.
            Field::Custom(_) | Field::NumberLabel(_) => {}
        }
    }
    if !write.status.eq_ignore_ascii_case("Closed") {
        write.classification.clear();
        write.reason.clear();
        write.classification_comment.clear();
    }
    write
}

fn owner_of(
    incident: &Incident,
    record: Option<&Record>,
    target: &Target,
    ctx: &PlanContext<'_>,
) -> OwnerRef {
    if target.sentinel.is_empty() {
        return OwnerRef::default();
    }
    if incident.owner.key() == target.sentinel {
        return incident.owner.clone();
    }
    // The user behind the target: what the record holds, unless a person named somebody else.
    let raw = if target.servicenow.is_empty() {
        record.and_then(|r| servicenow_value(r, &ctx.workspace.route.shape, Field::Owner)).unwrap_or_default()
    } else {
        target.servicenow.clone()
    };
    owner_to_sentinel(ctx, &raw)
        .map(|(owner, _)| owner)
        .unwrap_or_else(|_| OwnerRef { upn: target.sentinel.clone(), ..OwnerRef::default() })
}
