//! Rows as JSON: value shapes by kind and by `sysparm_display_value` (servicenow-api, 2.3).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::acl::Rights;
use super::auth::Caller;
use super::choices::Choices;
use super::journal;
use super::params::Show;
use super::query::term::Field;
use super::schema::{Kind, TableSchema};
use super::store::{Row, Store};
use super::zone::show_duration;

/// How one answer shows its rows.
pub(super) struct Renderer<'a> {
    pub(super) store: &'a Store,
    pub(super) choices: &'a Choices,
    pub(super) caller: &'a Caller,
    pub(super) rights: &'a Rights<'a>,
    /// Origin and API root with the request's own version, for links.
    pub(super) base: &'a str,
    pub(super) show: Show,
    pub(super) exclude_link: bool,
    pub(super) fields: Option<&'a [String]>,
}

/// The columns to show for rows of one concrete table.
type Plan = Vec<(String, Field)>;

impl Renderer<'_> {
    /// All rows as one array; `table` is the one that was asked for.
    pub(super) fn rows<'r>(
        &self,
        table: &str,
        rows: impl Iterator<Item = (&'r TableSchema, &'r Row)>,
    ) -> Value {
        let mut plans: BTreeMap<&'static str, Plan> = BTreeMap::new();
        let rows = rows.map(|(schema, row)| {
            let plan = plans.entry(schema.name).or_insert_with(|| self.plan(table, schema));
            Value::Object(self.row(schema, row, plan))
        });
        Value::Array(rows.collect())
    }

    /// One row.
    pub(super) fn one(&self, table: &str, schema: &TableSchema, row: &Row) -> Value {
        Value::Object(self.row(schema, row, &self.plan(table, schema)))
    }

    fn plan(&self, table: &str, concrete: &TableSchema) -> Plan {
        let Some(base) = self.store.schema.table(table) else { return Plan::new() };
        let find = |name: &str| Field::find(self.store, base, concrete, name);
        let seen = |field: &Field| !self.rights.hidden(field.table, &field.column);
        match self.fields {
            Some(names) => names
                .iter()
                .filter_map(|name| Some((name.clone(), find(name)?)))
                .filter(|(_, field)| seen(field))
                .collect(),
            None => base
                .columns
                .iter()
                .filter(|c| c.declared)
                .filter_map(|c| Some((c.name.clone(), find(&c.name)?)))
                .filter(|(_, field)| seen(field))
                .collect(),
        }
    }

    fn row(&self, schema: &TableSchema, row: &Row, plan: &Plan) -> Map<String, Value> {
        let mut out = Map::with_capacity(plan.len());
        for (name, field) in plan {
            let value = match field.owner(self.store, schema, row) {
                Some((owner, row, index)) => self.value(owner, row, index),
                None => self.shape(String::new(), String::new(), None),
            };
            out.insert(name.clone(), value);
        }
        out
    }

    fn value(&self, schema: &TableSchema, row: &Row, index: usize) -> Value {
        let column = &schema.columns[index];
        let raw = row.at(index).to_owned();
        if column.kind == Kind::Journal {
            // The text is dear to build, so only when it will be shown.
            let text = match self.show {
                Show::Values => String::new(),
                _ => journal::text(self.store, self.caller, row.id(), &column.name),
            };
            return self.shape(String::new(), text, None);
        }
        if raw.is_empty() {
            return self.shape(raw, String::new(), None);
        }
        let link = match column.kind {
            Kind::Reference(table) => Some(format!("{}/table/{table}/{raw}", self.base)),
            Kind::Domain => Some(format!("{}/table/sys_user_group/{raw}", self.base)),
            _ => None,
        };
        if column.kind == Kind::Password {
            return self.shape("********".into(), "********".into(), None);
        }
        let label = match self.show {
            Show::Values => String::new(),
            _ => self.label(schema, column.kind, &column.name, &raw),
        };
        self.shape(raw, label, link)
    }

    /// The display value of a stored one.
    pub(super) fn label(&self, schema: &TableSchema, kind: Kind, column: &str, raw: &str) -> String {
        match kind {
            Kind::Choice | Kind::IntChoice => {
                let label = self.choices.label(&self.store.schema, schema.name, column, raw);
                label.unwrap_or(raw).to_owned()
            }
            Kind::Reference(table) => self.store.display(table, raw),
            Kind::List(table) => {
                let shown = raw.split(',').map(|id| {
                    let name = self.store.display(table, id);
                    if name.is_empty() { id.to_owned() } else { name }
                });
                shown.collect::<Vec<_>>().join(", ")
            }
            Kind::DateTime => self.caller.clock.show(raw),
            Kind::Duration => show_duration(raw),
            Kind::Class => self.store.schema.table(raw).map_or(raw, |t| t.label).to_owned(),
            _ => raw.to_owned(),
        }
    }

    fn shape(&self, value: String, label: String, link: Option<String>) -> Value {
        let link = link.filter(|_| !self.exclude_link);
        match (self.show, link) {
            (Show::Values, None) => Value::String(value),
            (Show::Values, Some(link)) => json!({"link": link, "value": value}),
            (Show::Labels, None) => Value::String(label),
            (Show::Labels, Some(link)) => json!({"display_value": label, "link": link}),
            (Show::Both, None) => json!({"display_value": label, "value": value}),
            (Show::Both, Some(link)) => json!({"display_value": label, "link": link, "value": value}),
        }
    }
}
