//! Incidents between the wire and the model. Reading is tolerant (null, missing and empty are
//! one, unknown members are ignored), except for what the sync cannot do without.

use serde_json::{Map, Value, json};

use crate::model::call::IncidentPage;
use crate::model::{Incident, IncidentId, IncidentWrite, OwnerRef};
use crate::mutant::{self, Mutant};
use crate::text::{Stamp, UntrustedText, clip};

/// A text member; null, missing and other types are empty.
pub(super) fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A text or number member as text, `None` when empty.
fn text_or_number(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(s) if !s.is_empty() => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

/// A moment; zero when it is missing or unreadable.
pub(super) fn stamp(value: &Value, key: &str) -> Stamp {
    value.get(key).and_then(Value::as_str).and_then(Stamp::parse_rfc3339).unwrap_or_default()
}

fn list(value: &Value, key: &str) -> Vec<String> {
    let items = value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn count(value: &Value, key: &str) -> u32 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0).min(u64::from(u32::MAX)) as u32
}

/// A list page. Gives the reason when it is not one.
pub(super) fn page(body: &Value) -> Result<IncidentPage, String> {
    let rows = body.get("value").and_then(Value::as_array).ok_or("the list has no member `value`")?;
    let ends = rows.is_empty() && mutant::is_on(Mutant::EmptyPageEnds);
    Ok(IncidentPage {
        incidents: rows.iter().map(incident).collect::<Result<_, _>>()?,
        next: next_link(body).filter(|_| !ends),
    })
}

/// The link of the next page, `None` at the end.
pub(super) fn next_link(body: &Value) -> Option<String> {
    body.get("nextLink").and_then(Value::as_str).filter(|l| !l.is_empty()).map(str::to_owned)
}

/// One incident. Gives the reason when name or modification time are missing: without them it
/// can be neither found again nor ordered.
pub(super) fn incident(row: &Value) -> Result<Incident, String> {
    let name = text(row, "name");
    if name.is_empty() {
        return Err("an incident came without its name".into());
    }
    let empty = Value::Null;
    let p = row.get("properties").unwrap_or(&empty);
    let more = p.get("additionalData").unwrap_or(&empty);
    let modified_raw = text(p, "lastModifiedTimeUtc");
    let modified = Stamp::parse_rfc3339(&modified_raw)
        .ok_or_else(|| format!("incident {} came without a modification time", clip(&name, 60)))?;
    let labels = p.get("labels").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(Incident {
        id: IncidentId::new(&name),
        etag: text(row, "etag"),
        number: p.get("incidentNumber").and_then(Value::as_i64).unwrap_or(0),
        title: text(p, "title").into(),
        description: text(p, "description").into(),
        severity: text(p, "severity"),
        status: text(p, "status"),
        classification: text(p, "classification"),
        reason: text(p, "classificationReason"),
        classification_comment: text(p, "classificationComment").into(),
        owner: owner(p.get("owner").unwrap_or(&empty)),
        labels: labels
            .iter()
            .map(|l| text(l, "labelName"))
            .filter(|l| !l.is_empty())
            .map(UntrustedText::new)
            .collect(),
        first_activity: text_or_number(p, "firstActivityTimeUtc"),
        last_activity: text_or_number(p, "lastActivityTimeUtc"),
        created: stamp(p, "createdTimeUtc"),
        modified,
        modified_raw,
        commented: None,
        comments_count: count(more, "commentsCount"),
        alerts_count: count(more, "alertsCount"),
        url: text(p, "incidentUrl").into(),
        provider_url: text_or_number(more, "providerIncidentUrl").map(UntrustedText::new),
        provider: text(p, "providerName"),
        provider_id: text_or_number(p, "providerIncidentId").unwrap_or_default(),
        merged_into: text_or_number(more, "mergedIncidentNumber"),
        tactics: list(more, "tactics"),
        techniques: list(more, "techniques"),
        products: list(more, "alertProductNames").into_iter().map(UntrustedText::new).collect(),
        // An id names the rule behind its last slash; the rest is the workspace.
        rules: list(p, "relatedAnalyticRuleIds")
            .into_iter()
            .filter_map(|id| id.rsplit('/').next().map(str::to_ascii_lowercase))
            .collect(),
    })
}

fn owner(value: &Value) -> OwnerRef {
    OwnerRef {
        object_id: text(value, "objectId"),
        email: text(value, "email"),
        upn: text(value, "userPrincipalName"),
        name: text(value, "assignedTo"),
    }
}

/// The body of a PUT: every writable member, because a PUT replaces the whole; never one that is
/// read-only.
pub(super) fn put_body(write: &IncidentWrite) -> Value {
    let mut p = Map::new();
    p.insert("title".into(), json!(write.title));
    p.insert("description".into(), json!(write.description));
    p.insert("severity".into(), json!(write.severity));
    p.insert("status".into(), json!(write.status));
    p.insert("owner".into(), owner_body(&write.owner));
    let labels: Vec<Value> = write.labels.iter().map(|l| json!({ "labelName": l })).collect();
    if !mutant::is_on(Mutant::PutWithoutLabels) {
        p.insert("labels".into(), labels.into());
    }
    if write.status == "Closed" {
        let closing = [
            ("classification", &write.classification),
            ("classificationReason", &write.reason),
            ("classificationComment", &write.classification_comment),
        ];
        for (key, value) in closing {
            if !value.is_empty() {
                p.insert(key.into(), json!(value));
            }
        }
    }
    let times =
        [("firstActivityTimeUtc", &write.first_activity), ("lastActivityTimeUtc", &write.last_activity)];
    for (key, value) in times {
        if let Some(value) = value {
            p.insert(key.into(), json!(value));
        }
    }
    json!({ "etag": write.etag, "properties": p })
}

/// Nobody is all null. Somebody is named by what is known; an object id only if one was ever
/// observed (D28).
fn owner_body(owner: &OwnerRef) -> Value {
    let or_null = |v: &String| if v.is_empty() { Value::Null } else { json!(v) };
    let mut map = Map::new();
    if !owner.object_id.is_empty() || owner.is_unassigned() {
        map.insert("objectId".into(), or_null(&owner.object_id));
    }
    map.insert("email".into(), or_null(&owner.email));
    map.insert("assignedTo".into(), or_null(&owner.name));
    map.insert("userPrincipalName".into(), or_null(&owner.upn));
    Value::Object(map)
}
