//! Comments, alerts and entities of an incident, from the wire.

use serde_json::{Map, Value};

use super::incidents::{next_link, stamp, text};
use crate::model::call::{CommentPage, Entities};
use crate::model::{Alert, Comment, Entity};

/// A page of comments, oldest first within the page.
pub(super) fn comments(body: &Value) -> Result<CommentPage, String> {
    let rows = body.get("value").and_then(Value::as_array).ok_or("the list has no member `value`")?;
    let mut comments = rows.iter().map(comment).collect::<Result<Vec<_>, _>>()?;
    comments.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(CommentPage { comments, next: next_link(body) })
}

/// One comment; its id is kept as it is, because whoever wrote it chose it.
pub(super) fn comment(row: &Value) -> Result<Comment, String> {
    let id = text(row, "name");
    if id.is_empty() {
        return Err("a comment came without its id".into());
    }
    let empty = Value::Null;
    let p = row.get("properties").unwrap_or(&empty);
    let author = p.get("author").unwrap_or(&empty);
    let upn = text(author, "userPrincipalName");
    Ok(Comment {
        id,
        message: text(p, "message").into(),
        author: text(author, "name").into(),
        author_id: text(author, "objectId"),
        author_upn: if upn.is_empty() { text(author, "email") } else { upn },
        created: stamp(p, "createdTimeUtc"),
        modified: stamp(p, "lastModifiedTimeUtc"),
    })
}

fn properties(row: &Value) -> Map<String, Value> {
    row.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Alerts, by `systemAlertId` (documented: other members shift).
pub(super) fn alerts(body: &Value) -> Result<Vec<Alert>, String> {
    let rows = body.get("value").and_then(Value::as_array).ok_or("the alerts have no member `value`")?;
    Ok(rows
        .iter()
        .map(|row| {
            let properties = properties(row);
            let p = Value::Object(properties);
            let id = Some(text(&p, "systemAlertId"))
                .filter(|i| !i.is_empty())
                .unwrap_or_else(|| text(row, "name"));
            Alert {
                id,
                name: text(&p, "alertDisplayName").into(),
                severity: text(&p, "severity"),
                properties: match p {
                    Value::Object(map) => map,
                    _ => Map::new(),
                },
            }
        })
        .collect())
}

/// Entities with the service's own total, which may be more than it lists (unverified cap).
pub(super) fn entities(body: &Value) -> Result<Entities, String> {
    let rows = body.get("entities").and_then(Value::as_array).ok_or("the answer has no member `entities`")?;
    let entities: Vec<Entity> = rows
        .iter()
        .map(|row| {
            let properties = properties(row);
            let name = properties.get("friendlyName").and_then(Value::as_str).unwrap_or_default().to_owned();
            Entity { id: text(row, "name"), kind: text(row, "kind"), name: name.into(), properties }
        })
        .collect();
    let counts = body.get("metaData").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let total: u64 = counts.iter().filter_map(|c| c.get("count")?.as_u64()).sum();
    let total = total.max(entities.len() as u64).min(u64::from(u32::MAX)) as u32;
    Ok(Entities { entities, total })
}
