//! The Aggregate API: counts, sums and their like, grouped or not (servicenow-api, 3.2). Like
//! the total count, it ignores rights to rows (unverified).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Call;
use crate::sandbox::servicenow::DeskWorld;
use crate::sandbox::servicenow::acl::Rights;
use crate::sandbox::servicenow::answer::{invalid_table, result, table_denied, wrong_method};
use crate::sandbox::servicenow::params::Show;
use crate::sandbox::servicenow::query::select::Hit;
use crate::sandbox::servicenow::query::term::Field;
use crate::sandbox::servicenow::switches::Visibility;
use crate::sandbox::wire::Response;

impl DeskWorld {
    /// `/stats/{table}`.
    pub(super) fn stats(&self, call: &Call<'_>, table: &str) -> Response {
        let Some(schema) = self.installed(table) else { return invalid_table(table) };
        if call.method != "GET" {
            return wrong_method();
        }
        let rights = Rights::new(&self.switches, &call.caller);
        if rights.table(table) == Visibility::Forbidden {
            return table_denied(table);
        }
        let made = self.made(table);
        let hits = match self.hits(call, table, &rights, made.as_ref()) {
            Ok(hits) => hits,
            Err(response) => return response,
        };
        let list = |name: &str| {
            let text = call.params.get(name).unwrap_or("");
            text.split(',').filter(|f| !f.is_empty()).map(str::to_owned).collect::<Vec<String>>()
        };
        let group_by: Vec<String> =
            list("sysparm_group_by").into_iter().filter(|f| schema.index(f).is_some()).collect();
        if group_by.is_empty() {
            return result(200, json!({"stats": self.figures(call, table, &hits)}));
        }
        let value = |hit: &Hit<'_>, name: &String| {
            Field::find(&self.store, schema, hit.schema, name)
                .map_or("", |field| field.value(&self.store, hit.schema, &hit.row))
                .to_owned()
        };
        let mut groups: BTreeMap<Vec<String>, Vec<Hit<'_>>> = BTreeMap::new();
        for hit in hits {
            groups.entry(group_by.iter().map(|f| value(&hit, f)).collect()).or_default().push(hit);
        }
        let renderer = self.renderer(call, &rights);
        let shown = |name: &String, value: &String| {
            let label = schema.kind(name).map(|kind| renderer.label(schema, kind, name, value));
            match call.params.show {
                Show::Values => json!({"field": name, "value": value}),
                Show::Labels => json!({"field": name, "value": label}),
                Show::Both => json!({"field": name, "value": value, "display_value": label}),
            }
        };
        let rows = groups.iter().map(|(key, hits)| {
            let fields: Vec<Value> = group_by.iter().zip(key).map(|(f, v)| shown(f, v)).collect();
            json!({"stats": self.figures(call, table, hits), "groupby_fields": fields})
        });
        result(200, Value::Array(rows.collect()))
    }

    fn figures(&self, call: &Call<'_>, table: &str, hits: &[Hit<'_>]) -> Value {
        let mut out = Map::new();
        if call.params.get("sysparm_count").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
            out.insert("count".into(), Value::String(hits.len().to_string()));
        }
        for kind in ["sum", "avg", "min", "max"] {
            let names = call.params.get(&format!("sysparm_{kind}_fields")).unwrap_or("");
            let mut figures = Map::new();
            for name in names.split(',').filter(|n| !n.is_empty()) {
                if let Some(figure) = self.figure(table, kind, name, hits) {
                    figures.insert(name.to_owned(), Value::String(figure));
                }
            }
            if !figures.is_empty() {
                out.insert(kind.into(), Value::Object(figures));
            }
        }
        Value::Object(out)
    }

    fn figure(&self, table: &str, kind: &str, name: &str, hits: &[Hit<'_>]) -> Option<String> {
        let base = self.store.schema.table(table)?;
        base.index(name)?;
        let values: Vec<&str> = hits
            .iter()
            .filter_map(|hit| {
                let field = Field::find(&self.store, base, hit.schema, name)?;
                Some(field.value(&self.store, hit.schema, &hit.row))
            })
            .filter(|v| !v.is_empty())
            .collect();
        let numbers: Vec<i128> = values.iter().filter_map(|v| v.parse().ok()).collect();
        let count = i128::try_from(numbers.len()).ok().filter(|n| *n > 0);
        Some(match (kind, count) {
            ("sum", _) => numbers.iter().sum::<i128>().to_string(),
            ("avg", Some(count)) => {
                let hundredths = numbers.iter().sum::<i128>() * 100 / count;
                format!("{}.{:02}", hundredths / 100, (hundredths % 100).abs())
            }
            ("min", Some(_)) => numbers.iter().min()?.to_string(),
            ("max", Some(_)) => numbers.iter().max()?.to_string(),
            ("min", None) => (*values.iter().min()?).to_owned(),
            ("max", None) => (*values.iter().max()?).to_owned(),
            _ => String::new(),
        })
    }
}
