//! The Import Set API: a flat row through a transform map, found again by its coalesce column
//! (servicenow-api, 3.3). HTTP success with `status` `error` inside is normal.

use serde_json::json;

use super::{Call, body};
use crate::sandbox::servicenow::DeskWorld;
use crate::sandbox::servicenow::acl::Rights;
use crate::sandbox::servicenow::answer::{invalid_table, no_record, refused, result, wrong_method};
use crate::sandbox::servicenow::schema::MOD_COUNT;
use crate::sandbox::servicenow::switches::ImportMap;
use crate::sandbox::servicenow::write::Writer;
use crate::sandbox::wire::Response;

/// What became of one row.
struct Outcome {
    status: &'static str,
    /// `status_message` or `error_message`.
    message: Option<(&'static str, String)>,
    sys_id: String,
}

impl DeskWorld {
    /// `POST /import/{staging}`.
    pub(super) fn import(&mut self, call: &Call<'_>, staging: &str) -> Response {
        let map = self.switches.imports.iter().find(|m| m.staging == staging).cloned();
        let Some(map) = map else { return invalid_table(staging) };
        let Some(table) = self.installed(&map.table).map(|t| t.name) else { return invalid_table(staging) };
        if call.method != "POST" {
            return wrong_method();
        }
        if !Rights::new(&self.switches, &call.caller).writes(table) {
            return refused("Insert");
        }
        let fields = match body::fields(call.request) {
            Ok(fields) => fields,
            Err(response) => return response,
        };
        // Empty source fields do not overwrite; the literal NULL clears.
        let fields: Vec<(String, String)> = fields
            .into_iter()
            .filter(|(name, value)| !value.is_empty() && name != "sys_id")
            .map(|(name, value)| (name, if value == "NULL" { String::new() } else { value }))
            .collect();
        let outcome = self.transform(call, table, &map, &fields);
        let mut item = json!({"transform_map": map.map, "table": table});
        if !outcome.sys_id.is_empty() {
            let name = if table == "sys_user" { "name" } else { "number" };
            item["display_name"] = json!(name);
            item["display_value"] = json!(self.store.display(table, &outcome.sys_id));
            item["record_link"] = json!(format!("{}/table/{table}/{}", call.base, outcome.sys_id));
        }
        item["status"] = json!(outcome.status);
        if let Some((name, text)) = outcome.message {
            item[name] = json!(text);
        }
        item["sys_id"] = json!(outcome.sys_id);
        let set = self.store.next_number("ISET");
        let row = self.store.fresh_id();
        let answer = json!({"import_set": set, "staging_table": staging, "result": [item]});
        self.imported.insert(row.clone(), answer.clone());
        Response::json(201, crate::sandbox::servicenow::answer::JSON, &answer)
            .with("location", format!("{}/import/{staging}/{row}", call.base))
    }

    /// `GET /import/{staging}/{row}`.
    pub(super) fn imported(&self, call: &Call<'_>, staging: &str, row: &str) -> Response {
        let known = self.imported.get(row).filter(|a| a["staging_table"] == staging);
        match (call.method.as_str(), known) {
            ("GET", Some(answer)) => result(200, answer["result"].clone()),
            ("GET", None) => no_record(),
            _ => wrong_method(),
        }
    }

    fn transform(
        &mut self,
        call: &Call<'_>,
        table: &'static str,
        map: &ImportMap,
        fields: &[(String, String)],
    ) -> Outcome {
        let writer = Writer::plain(&call.caller, call.now);
        let key = fields.iter().find(|(name, _)| *name == map.coalesce).map(|(_, value)| value.clone());
        let target = match (map.coalesce.as_str(), &key) {
            ("", _) => None,
            (_, None) => {
                let text = "Coalesce value is missing".to_owned();
                let message = Some(("status_message", text));
                return Outcome { status: "skipped", message, sys_id: String::new() };
            }
            (column, Some(key)) => self.coalesced(table, column, key),
        };
        let failed = |text: String| Outcome {
            status: "error",
            message: Some(("error_message", text)),
            sys_id: String::new(),
        };
        let Some(sys_id) = target else {
            return match self.insert(table, fields, &writer) {
                Ok(sys_id) => Outcome { status: "inserted", message: None, sys_id },
                Err(refusal) => failed(refusal.text()),
            };
        };
        let count = |world: &Self| world.row(table, &sys_id).map(|row| row.at(MOD_COUNT).to_owned());
        let before = count(self);
        if let Err(refusal) = self.update(table, &sys_id, fields, &writer) {
            return failed(refusal.text());
        }
        if count(self) == before {
            let message = Some(("status_message", "No field values changed".to_owned()));
            return Outcome { status: "ignored", message, sys_id };
        }
        Outcome { status: "updated", message: None, sys_id }
    }

    fn coalesced(&self, table: &str, column: &str, key: &str) -> Option<String> {
        let (schema, rows) = self.store.table(table)?;
        let index = schema.index(column)?;
        let folded = key.to_lowercase();
        let at = match rows.lookup(index, std::iter::once(key)) {
            Some(at) => at.first().copied(),
            None => rows.rows.iter().position(|row| row.at(index).to_lowercase() == folded),
        };
        rows.rows.get(at?).map(|row| row.id().to_owned())
    }
}
