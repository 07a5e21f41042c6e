//! What a body may set, and in which form it is stored (servicenow-api, 2.1, 2.7 and 3.6).

use std::collections::BTreeSet;

use super::Writer;
use crate::sandbox::servicenow::DeskWorld;
use crate::sandbox::servicenow::acl::Rights;
use crate::sandbox::servicenow::auth::Proof;
use crate::sandbox::servicenow::schema::{
    CREATED_BY, CREATED_ON, Column, Kind, MOD_COUNT, TableSchema, UPDATED_BY, UPDATED_ON,
};
use crate::sandbox::servicenow::store::Row;
use crate::sandbox::servicenow::switches::listed;
use crate::text::Stamp;

/// Input ready to be stored.
#[derive(Default)]
pub(super) struct Cleaned {
    /// Column positions and values.
    pub(super) values: Vec<(usize, String)>,
    /// Journal columns and texts.
    pub(super) journals: Vec<(String, String)>,
    /// Names of the columns that were really sent.
    pub(super) sent: BTreeSet<String>,
}

impl DeskWorld {
    /// Drops what must not be written and normalises the rest.
    pub(super) fn cleaned(
        &self,
        table: &str,
        before: Option<&Row>,
        fields: &[(String, String)],
        writer: &Writer<'_>,
    ) -> Cleaned {
        let mut out = Cleaned::default();
        let Some(schema) = self.store.schema.table(table) else { return out };
        let rights = Rights::new(&self.switches, writer.caller);
        for (name, value) in fields {
            let Some(index) = schema.index(name) else { continue };
            let column = &schema.columns[index];
            if writer.caller.proof != Proof::Inside && rights.write_dropped(table, name) {
                continue;
            }
            if column.kind == Kind::Journal {
                if !value.is_empty() && name != "comments_and_work_notes" && name != "approval_history" {
                    out.journals.push((name.clone(), value.clone()));
                }
                continue;
            }
            if index <= MOD_COUNT && !settable(index, writer) || name == "sys_tags" {
                continue;
            }
            if ignores_empty(schema, before, column, value) {
                continue;
            }
            if let Some(value) = self.stored(schema, column, value, writer) {
                out.values.push((index, value));
                out.sent.insert(name.clone());
            }
        }
        out
    }

    /// The stored form of a value; none if the write is ignored.
    fn stored(
        &self,
        schema: &TableSchema,
        column: &Column,
        value: &str,
        writer: &Writer<'_>,
    ) -> Option<String> {
        Some(match column.kind {
            Kind::Text(most) => value.chars().take(most).collect(),
            Kind::Integer if value.is_empty() => String::new(),
            Kind::Integer => value.trim().parse::<i64>().ok()?.to_string(),
            Kind::Boolean => {
                let truth = matches!(value.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on");
                truth.to_string()
            }
            Kind::Choice | Kind::IntChoice => self.choice(schema, column, value, writer.input_display),
            Kind::Reference(table) if writer.input_display => {
                self.store.by_display(table, value).map_or_else(String::new, |row| row.id().to_owned())
            }
            Kind::Reference(_) => value.trim().to_owned(),
            Kind::List(_) => value.to_owned(),
            Kind::DateTime if writer.input_display => writer.caller.clock.read(value).unwrap_or_default(),
            Kind::DateTime | Kind::Duration => moment(value),
            Kind::Domain if listed(&self.switches.domain_writers, &writer.caller.user_name, schema.name) => {
                value.trim().to_owned()
            }
            // Class and domain are not a caller's to choose; passwords are ignored here.
            Kind::Class | Kind::Domain | Kind::Password | Kind::Journal => return None,
        })
    }

    /// An unknown choice is blanked without a word, unless the instance takes anything.
    fn choice(&self, schema: &TableSchema, column: &Column, value: &str, display: bool) -> String {
        let Some(list) = self.choices.of(&self.store.schema, schema.name, &column.name) else {
            return value.to_owned();
        };
        if display && let Some((stored, _)) = list.iter().find(|(_, label)| label == value) {
            return stored.clone();
        }
        if self.switches.allow_non_existing_value || list.iter().any(|(stored, _)| stored == value) {
            return value.to_owned();
        }
        String::new()
    }
}

fn settable(index: usize, writer: &Writer<'_>) -> bool {
    writer.suppress_auto_sys && matches!(index, CREATED_ON | CREATED_BY | UPDATED_ON | UPDATED_BY)
}

/// Choice columns, and closing notes while they are mandatory, ignore an empty value.
fn ignores_empty(schema: &TableSchema, before: Option<&Row>, column: &Column, value: &str) -> bool {
    if !value.is_empty() {
        return false;
    }
    let closed = || {
        let state = before.map_or("", |row| row.get(schema, "state"));
        matches!((schema.name, state), ("incident", "6" | "7") | ("sn_si_incident", "3"))
    };
    column.kind.is_choice() || column.name == "close_notes" && closed()
}

/// A literal date-time or date in database form, empty if it is neither.
fn moment(value: &str) -> String {
    let full = if value.trim().len() == 10 { format!("{} 00:00:00", value.trim()) } else { value.to_owned() };
    Stamp::parse_servicenow(&full).map(Stamp::servicenow).unwrap_or_default()
}
