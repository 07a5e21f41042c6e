//! What the rows of custom fields say wrongly.

use super::super::custom::{names, render, unknown_names};
use super::super::rows::{FieldRow, RowRef, TableKind, cell};
use super::{Check, LintLevel, list};
use crate::model::{Custom, Incident, IncidentId, OwnerRef};
use crate::text::{Stamp, escape_line};

const NEVER: &str = "The row never fires.";

pub(super) fn check(check: &mut Check<'_>) {
    let rows = check.set.field.clone();
    for (index, row) in rows.iter().enumerate() {
        let at = RowRef { table: TableKind::Field, row: index };
        if let Some((code, message, consequence)) = wrong_column(check, row).or_else(|| wrong_source(row)) {
            check.row(at, LintLevel::Error, code, message, consequence);
            continue;
        }
        super::rows::scope_of(check, at, row.table.trim());
        let same = |r: &FieldRow| (r.table.trim(), r.column.trim()) == (row.table.trim(), row.column.trim());
        if let Some(first) = rows.iter().take(index).position(same) {
            let message = format!("row {} fills {} already", first + 1, cell(&row.column));
            check.row(at, LintLevel::Error, "filled-twice", message, NEVER.to_owned());
        }
        if row.once && row.overrides {
            let message = "a column that is filled once is never written again".to_owned();
            let consequence = "override changes nothing here.".to_owned();
            check.row(at, LintLevel::Warning, "once-override", message, consequence);
        }
    }
}

type Finding = (&'static str, String, String);

fn wrong_column(check: &Check<'_>, row: &FieldRow) -> Option<Finding> {
    let column = row.column.trim();
    let never = NEVER.to_owned();
    if column.is_empty() || row.source.trim().is_empty() {
        let which = if column.is_empty() { "column" } else { "source" };
        return Some(("empty-cell", format!("the {which} is empty"), never));
    }
    if Custom::new(column, "").is_none() {
        let message = format!("{} is not the name of a column", cell(column));
        return Some(("bad-column", message, never));
    }
    if column.starts_with("sys_") {
        return Some(("system-column", format!("{column} belongs to ServiceNow itself"), never));
    }
    // A row for every table still fills the column where it is free.
    let (table, own) = (row.table.trim(), &check.ctx.own_columns);
    let mut concerned = own.iter().filter(|(t, _)| table.is_empty() || t.as_str() == table).peekable();
    if concerned.peek().is_some() && concerned.all(|(_, columns)| columns.contains(column)) {
        let message = format!("{column} means something else already");
        return Some(("taken-column", message, format!("{NEVER} Two writers of one column would fight.")));
    }
    None
}

fn wrong_source(row: &FieldRow) -> Option<Finding> {
    let source = row.source.trim();
    let held =
        format!("The column {} is held for every incident; the other fields flow on.", row.column.trim());
    if !source.starts_with('/') {
        match unknown_names(source) {
            Err(why) => return Some(("bad-template", format!("the template cannot be read: {why}"), held)),
            Ok(unknown) if !unknown.is_empty() => {
                let unknown: Vec<String> = unknown.iter().map(|n| escape_line(n)).collect();
                let known = names().join(", ");
                let message = format!("no incident has {}; there are {known}", list(&unknown));
                return Some(("unknown-name", message, held));
            }
            Ok(_) => {}
        }
    }
    // A list may be empty on one incident and not on the next: only what fails on both is wrong for sure.
    match (render(source, &sample()), render(source, &Incident::default())) {
        (Err(why), Err(_)) => Some(("bad-template", format!("it fails on every incident: {why}"), held)),
        _ => None,
    }
}

/// An incident with something in every member.
fn sample() -> Incident {
    let word = |text: &str| vec![text.to_owned()];
    let name = "analyst".to_owned();
    Incident {
        id: IncidentId::new("00000000-0000-0000-0000-000000000001"),
        number: 1,
        title: "Title".into(),
        description: "Description".into(),
        severity: "High".into(),
        status: "New".into(),
        classification: "TruePositive".into(),
        reason: "SuspiciousActivity".into(),
        owner: OwnerRef { object_id: name.clone(), email: name.clone(), upn: name.clone(), name },
        labels: vec!["label".into()],
        tactics: word("InitialAccess"),
        techniques: word("T1078"),
        products: vec!["Product".into()],
        url: "https://portal.example/1".into(),
        provider_url: Some("https://portal.example/2".into()),
        provider: "Provider".into(),
        provider_id: "1".into(),
        alerts_count: 1,
        created: Stamp(1),
        first_activity: Some("2026-01-01T00:00:00Z".into()),
        last_activity: Some("2026-01-01T00:00:00Z".into()),
        ..Incident::default()
    }
}
