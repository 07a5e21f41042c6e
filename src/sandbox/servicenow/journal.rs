//! Journal fields: entries in `sys_journal_field`, and the text that a record shows for them
//! (servicenow-api, 3.6).

use super::auth::Caller;
use super::schema::{CREATED_BY, CREATED_ON, TableSchema};
use super::store::{Row, Store};

/// The entries of one record, oldest first.
pub(super) fn entries<'a>(store: &'a Store, record: &str) -> Vec<(&'a TableSchema, &'a Row)> {
    let Some((schema, table)) = store.table("sys_journal_field") else { return Vec::new() };
    let key = record.to_lowercase();
    let positions = schema
        .index("element_id")
        .and_then(|column| table.lookup(column, std::iter::once(key.as_str())))
        .unwrap_or_default();
    positions.iter().filter_map(|p| table.rows.get(*p)).map(|row| (schema, row)).collect()
}

/// What a journal column shows to `caller`: newest first, in the caller's zone, with the
/// author's display name.
pub(super) fn text(store: &Store, caller: &Caller, record: &str, column: &str) -> String {
    let both = column == "comments_and_work_notes";
    let mut shown: Vec<(&TableSchema, &Row)> = entries(store, record)
        .into_iter()
        .filter(|(schema, row)| {
            let element = row.get(schema, "element");
            element == column || both && matches!(element, "comments" | "work_notes")
        })
        .collect();
    // Stable, so that entries of one second keep the later one in front.
    shown.reverse();
    shown.sort_by(|(_, a), (_, b)| b.at(CREATED_ON).cmp(a.at(CREATED_ON)));
    let mut out = String::new();
    for (schema, row) in shown {
        let author = row.at(CREATED_BY);
        let name = store.user(author).map_or(author, |(users, user)| user.get(users, "name"));
        let name = if author == "system" { "System" } else { name };
        let label = match row.get(schema, "element") {
            "work_notes" => "Work notes",
            "comments" => "Additional comments",
            other => other,
        };
        let when = caller.clock.show(row.at(CREATED_ON));
        out.push_str(&format!("{when} - {name} ({label})\n{}\n\n", row.get(schema, "value")));
    }
    out
}
