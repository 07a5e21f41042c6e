//! `mappings explain`: how the tables read one incident and its record, row by row.

use serde::Serialize;

use super::args::Common;
use super::exit::{Exit, Failure};
use super::session::Session;
use super::{address, lookup, output};
use crate::mapping::{
    Directory, Explanation, TableKind, TableSet, Tables, explain, explain_custom, explain_owner_to_sentinel,
    explain_owner_to_servicenow,
};
use crate::model::settings::WorkspaceSettings;
use crate::model::{Field, LinkState, Side, SysId};
use crate::sync::PlanContext;
use crate::sync::custom::custom_fields;
use crate::sync::values::{sentinel_value, servicenow_value};

/// `mappings explain --json`: an array of these.
#[derive(Serialize)]
struct Explained {
    /// `severity`, `status`, `closure`, `owner`, or the column of a custom field.
    field: String,
    /// The side whose value is translated.
    from: &'static str,
    #[serde(flatten)]
    story: Explanation,
}

/// Fields that a table translates.
const FIELDS: [(Field, TableKind); 4] = [
    (Field::Severity, TableKind::Severity),
    (Field::Status, TableKind::Status),
    (Field::Closure, TableKind::Closure),
    (Field::Owner, TableKind::Owner),
];

/// Explains every value of a link in both directions, by the tables in force or by `tables`.
///
/// # Errors
/// The address means no link, or more than one; the store or the config cannot be read.
pub async fn run(common: &Common, at: &str, tables: Option<TableSet>, json: bool) -> Result<Exit, Failure> {
    let session = Session::reading(common).await?;
    let link = address::one(&session.store, at).await?;
    let workspace = lookup::workspace(&session.config, &link)?;
    let tables = match tables {
        Some(tables) => tables,
        None => lookup::in_force(&session.store).await?.1,
    };
    let directory = lookup::directory(&session.store, &link.instance).await?;
    let state = session.store.link_state(link.id).await?.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("link {} is not in the store any more", link.id))
    })?;
    let told = explained(&state, workspace, &Tables::compile(&tables), &directory);
    if json {
        output::print_json(&told)?;
    } else {
        output::print_text(&page(&told))?;
    }
    Ok(Exit::Done)
}

/// The stories of all values that there are.
fn explained(
    state: &LinkState,
    workspace: &WorkspaceSettings,
    tables: &Tables,
    directory: &Directory,
) -> Vec<Explained> {
    let (table, shape) = (&workspace.route.table, &workspace.route.shape);
    let mut told = Vec::new();
    for (field, kind) in FIELDS {
        let mut tell = |from: Side, story| {
            told.push(Explained { field: field.word().to_owned(), from: from.word(), story })
        };
        if let Some(incident) = &state.incident {
            let value = sentinel_value(incident, field);
            match kind {
                TableKind::Owner => {
                    let owner = &incident.owner;
                    tell(
                        Side::Sentinel,
                        explain_owner_to_servicenow(tables, &workspace.key, owner, directory),
                    );
                }
                // What is open has no closure.
                TableKind::Closure if value.is_empty() => {}
                kind => tell(Side::Sentinel, explain(tables, kind, table, Side::Sentinel, &value)),
            }
        }
        let record = state.record.as_ref();
        if let Some(value) = record.and_then(|record| servicenow_value(record, shape, field)) {
            match kind {
                TableKind::Owner => {
                    let user = SysId::new(value);
                    tell(
                        Side::ServiceNow,
                        explain_owner_to_sentinel(tables, &workspace.key, &user, directory),
                    );
                }
                TableKind::Closure if value.is_empty() => {}
                kind => tell(Side::ServiceNow, explain(tables, kind, table, Side::ServiceNow, &value)),
            }
        }
    }
    if let Some(incident) = &state.incident {
        for row in custom_fields(&PlanContext { workspace, tables, directory }) {
            let shown = state.record.as_ref().and_then(|record| record.value(&row.column));
            told.push(Explained {
                field: row.column.clone(),
                from: Side::Sentinel.word(),
                story: explain_custom(row, incident, shown),
            });
        }
    }
    told
}

/// The stories as text; every part of them is safe already.
fn page(told: &[Explained]) -> String {
    let mut out = String::new();
    for Explained { story, .. } in told {
        let becomes = story.output.as_deref().map_or("held".to_owned(), |output| format!("becomes {output}"));
        out.push_str(&format!("{}: {becomes}\n", story.input));
        for step in &story.steps {
            out.push_str(&format!("    {step}\n"));
        }
    }
    out
}
