//! Why a value translates as it does: which row fired, which came too late, what comes back.

use serde::Serialize;

use super::custom::CustomField;
use super::directory::Directory;
use super::owner::{OwnerToSentinel, OwnerToServicenow};
use super::pairs::{is_known, pair_rows, sentinel_form, servicenow_form};
use super::rows::{RowRef, TableKind, cell};
use super::tables::{Tables, Unmapped, value_noun};
use crate::model::call::UserKey;
use crate::model::{Incident, OwnerRef, Side, SysId, TableName, User, WorkspaceKey};
use crate::text::escape_line;

/// The story of one translation. Every text is safe to print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The value that was asked about.
    pub input: String,
    /// What it becomes; `None` when it is held.
    pub output: Option<String>,
    /// The row that fired.
    pub row: Option<RowRef>,
    /// Why, in order: the rule, rows that came too late, what comes back.
    pub steps: Vec<String>,
}

/// Explains the translation of a value that comes `from` one side, for severity, status and
/// closure; owners have their own functions.
pub fn explain(tables: &Tables, kind: TableKind, table: &TableName, from: Side, value: &str) -> Explanation {
    let input = match from {
        Side::Sentinel => format!("Sentinel's {kind} {} toward {table}", cell(value)),
        Side::ServiceNow => format!("{} {} of {table} toward Sentinel", value_noun(kind), cell(value)),
    };
    let found = translated(tables, kind, table, from, value);
    let mut steps = Vec::new();
    let row = tables.row_for(kind, table, from, value);
    match &found {
        Ok((_, why)) => steps.push(why.clone()),
        Err(unmapped) => held(&mut steps, unmapped),
    }
    others(tables, kind, table, from, value, row, &mut steps);
    if let Ok((output, _)) = &found {
        steps.push(back(tables, kind, table, from, value, output));
    }
    Explanation { input, output: found.ok().map(|(output, _)| escape_line(&output)), row, steps }
}

/// The raw output and why, or why not.
fn translated(
    tables: &Tables,
    kind: TableKind,
    table: &TableName,
    from: Side,
    value: &str,
) -> Result<(String, String), Unmapped> {
    match (from, kind) {
        (Side::Sentinel, TableKind::Severity) => {
            tables.severity_to_servicenow(table, value).map(|t| (t.value, t.why))
        }
        (Side::Sentinel, TableKind::Status) => {
            tables.status_to_servicenow(table, value).map(|t| (t.value, t.why))
        }
        (Side::Sentinel, TableKind::Closure) => {
            tables.closure_to_servicenow(table, value).map(|t| (t.value, t.why))
        }
        (Side::ServiceNow, TableKind::Severity) => {
            tables.severity_to_sentinel(table, value).map(|t| (t.value.to_string(), t.why))
        }
        (Side::ServiceNow, TableKind::Status) => {
            tables.status_to_sentinel(table, value).map(|t| (t.value.to_string(), t.why))
        }
        (Side::ServiceNow, TableKind::Closure) => {
            tables.closure_to_sentinel(table, value).map(|t| (t.value.to_string(), t.why))
        }
        (_, TableKind::Owner) => Err(Unmapped {
            what: "an owner is a person, not a word".to_owned(),
            hint: "ask with the workspace and the directory of users".to_owned(),
        }),
        (_, TableKind::Field) => Err(Unmapped {
            what: "a custom field is made of the whole incident, not of a word".to_owned(),
            hint: "ask with the incident".to_owned(),
        }),
    }
}

fn held(steps: &mut Vec<String>, unmapped: &Unmapped) {
    steps.push(unmapped.what.clone());
    steps.push("The value is held; the other fields flow on.".to_owned());
    steps.push(unmapped.hint.clone());
}

/// Rows that name the same value and did not fire, each with why.
fn others(
    tables: &Tables,
    kind: TableKind,
    table: &TableName,
    from: Side,
    value: &str,
    fired: Option<RowRef>,
    steps: &mut Vec<String>,
) {
    let form = match from {
        Side::Sentinel => sentinel_form(kind, value),
        Side::ServiceNow => servicenow_form(kind, value),
    };
    for row in pair_rows(tables.rows(), kind) {
        let names = match from {
            Side::Sentinel => row.sentinel == form,
            Side::ServiceNow => row.servicenow == form,
        };
        if !names || form.is_empty() || Some(row.row) == fired {
            continue;
        }
        let used = match from {
            Side::Sentinel => row.flow.to_servicenow(),
            Side::ServiceNow => row.flow.to_sentinel(),
        };
        let why = if !row.is_whole() {
            "its other cell is empty"
        } else if !row.table.is_empty() && row.table != table.as_str() {
            "it is for another table"
        } else if !used && kind == TableKind::Closure {
            "it is not marked as Sentinel's source"
        } else if !used {
            "it is for the other direction"
        } else if from == Side::ServiceNow && !is_known(kind, &row.sentinel) {
            "Sentinel does not know its word"
        } else if row.table.is_empty() {
            "a row before it, or one for this table, comes first"
        } else {
            "a row before it comes first"
        };
        steps.push(format!(
            "{}, {} did not fire: {why}",
            row.row,
            tables.rows().describe(row.row).unwrap_or_default()
        ));
    }
}

/// What the result would translate back to.
fn back(
    tables: &Tables,
    kind: TableKind,
    table: &TableName,
    from: Side,
    value: &str,
    output: &str,
) -> String {
    let form = |text: &str| match from {
        Side::Sentinel => sentinel_form(kind, text),
        Side::ServiceNow => servicenow_form(kind, text),
    };
    let shown = cell(output);
    match translated(tables, kind, table, from.other(), output) {
        Ok((again, _)) if form(&again) == form(value) => {
            format!("Back, {shown} becomes {} again.", cell(&again))
        }
        Ok((again, why)) => format!(
            "Back, {shown} becomes {} ({why}); both count as the same, so nothing is written by itself.",
            cell(&again)
        ),
        Err(_) => format!("Back, {shown} has no row."),
    }
}

/// Explains what a row of the field table makes of an incident; `shown` is what the record's column shows,
/// `None` where it was not read.
pub fn explain_custom(row: &CustomField, incident: &Incident, shown: Option<&str>) -> Explanation {
    let input = format!("Column {}", row.column);
    let mut steps = vec![row.why.clone()];
    let output = match row.value(incident) {
        Ok(value) => {
            steps.push(match shown {
                None => "The record's column was not read yet, or may not be read.".to_owned(),
                Some(shown) if shown == value => "The record shows that.".to_owned(),
                Some(shown) => format!("The record shows {}.", cell(shown)),
            });
            Some(cell(&value))
        }
        Err(why) => {
            steps.push(why);
            steps.push("The column is held; the other fields flow on.".to_owned());
            None
        }
    };
    Explanation { input, output, row: Some(row.row), steps }
}

fn keys(steps: &mut Vec<String>, keys: &[UserKey]) {
    for key in keys {
        steps.push(format!("Not looked up yet: {}", super::owner::key_words(key)));
    }
}

fn user_words(user: Option<&User>, sys_id: &SysId) -> String {
    match user {
        Some(user) => format!("{} ({})", cell(&user.user_name), user.name.line()),
        None => sys_id.to_string(),
    }
}

/// Explains who a Sentinel owner is in ServiceNow.
pub fn explain_owner_to_servicenow(
    tables: &Tables,
    workspace: &WorkspaceKey,
    owner: &OwnerRef,
    dir: &Directory,
) -> Explanation {
    let input = format!("Sentinel's owner {} in {workspace}", cell(&owner.key()));
    let mut steps = tables.owner_story(workspace, owner, dir);
    let mut row = None;
    let output = match tables.owner_to_servicenow(workspace, owner, dir) {
        OwnerToServicenow::Unassigned => {
            steps.push("Nobody owns it: the record is unassigned.".to_owned());
            Some("unassigned".to_owned())
        }
        OwnerToServicenow::User(sys_id, rule) => {
            row = rule.row();
            steps.push(format!("Rule: {}", rule.describe()));
            Some(user_words(dir.user(&sys_id), &sys_id))
        }
        OwnerToServicenow::Lookup(wanted) => {
            keys(&mut steps, &wanted);
            None
        }
        OwnerToServicenow::Unmapped(unmapped) => {
            held(&mut steps, &unmapped);
            None
        }
    };
    Explanation { input, output, row, steps }
}

/// Explains who a ServiceNow user is in Sentinel.
pub fn explain_owner_to_sentinel(
    tables: &Tables,
    workspace: &WorkspaceKey,
    sys_id: &SysId,
    dir: &Directory,
) -> Explanation {
    let input = format!("ServiceNow's user {} in {workspace}", user_words(dir.user(sys_id), sys_id));
    let mut steps = Vec::new();
    let mut row = None;
    let output = match tables.owner_to_sentinel(workspace, sys_id, dir) {
        OwnerToSentinel::Unassigned => {
            steps.push("Nobody is assigned: the incident is unassigned.".to_owned());
            Some("unassigned".to_owned())
        }
        OwnerToSentinel::Owner(owner, rule) => {
            row = rule.row();
            steps.push(format!("Rule: {}", rule.describe()));
            steps.push(match owner.object_id.is_empty() {
                true => "Never seen as an owner in Sentinel: sent without object id.".to_owned(),
                false => "Seen as an owner in Sentinel before: sent with its object id.".to_owned(),
            });
            Some(cell(&owner.upn))
        }
        OwnerToSentinel::Lookup(wanted) => {
            keys(&mut steps, &wanted);
            None
        }
        OwnerToSentinel::Unmapped(unmapped) => {
            held(&mut steps, &unmapped);
            None
        }
    };
    Explanation { input, output, row, steps }
}
