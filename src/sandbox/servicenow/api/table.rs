//! The Table API (servicenow-api, 2).

use std::time::Duration;

use super::{Call, body};
use crate::sandbox::servicenow::DeskWorld;
use crate::sandbox::servicenow::acl::Rights;
use crate::sandbox::servicenow::answer::{
    invalid_table, no_record, query_denied, refused, result, table_denied, write_refused, wrong_method,
};
use crate::sandbox::servicenow::query::Query;
use crate::sandbox::servicenow::query::filter::Ground;
use crate::sandbox::servicenow::query::select::{Hit, select};
use crate::sandbox::servicenow::render::Renderer;
use crate::sandbox::servicenow::store::Table;
use crate::sandbox::servicenow::switches::{CancelWrites, ReplicaReads, Visibility};
use crate::sandbox::servicenow::traffic::cancelled;
use crate::sandbox::servicenow::write::{Refusal, Writer};
use crate::sandbox::wire::Response;
use crate::text::Stamp;

/// What a list found.
pub(super) struct Found {
    pub(super) total: usize,
    pub(super) rows: serde_json::Value,
    pub(super) shown: usize,
}

impl DeskWorld {
    /// `/table/{table}`.
    pub(super) fn table(&mut self, call: &Call<'_>, table: &str) -> Response {
        let Some(table) = self.installed(table).map(|t| t.name) else { return invalid_table(table) };
        match call.method.as_str() {
            "GET" => self.list(call, table),
            "HEAD" => Response { body: Vec::new(), ..self.list(call, table) },
            "POST" => self.write(call, table, None),
            _ => wrong_method(),
        }
    }

    /// `/table/{table}/{sys_id}`.
    pub(super) fn record(&mut self, call: &Call<'_>, table: &str, sys_id: &str) -> Response {
        let Some(table) = self.installed(table).map(|t| t.name) else { return invalid_table(table) };
        match call.method.as_str() {
            "GET" => self.read(call, table, sys_id),
            "HEAD" => Response { body: Vec::new(), ..self.read(call, table, sys_id) },
            "PATCH" | "PUT" => self.write(call, table, Some(sys_id)),
            "DELETE" => self.delete_record(call, table, sys_id),
            _ => wrong_method(),
        }
    }

    fn list(&mut self, call: &Call<'_>, table: &'static str) -> Response {
        let found = match self.find_rows(call, table) {
            Ok(found) => found,
            Err(response) => return response,
        };
        if found.total == 0 && call.version.as_deref() == Some("v1") {
            return no_record();
        }
        let mut response = result(200, found.rows);
        if self.traffic.cancels_list(&self.switches, found.shown) {
            return cancelled(&self.switches, &response.body);
        }
        if !call.params.no_count {
            response = response.with("x-total-count", found.total.to_string());
        }
        match link(call, table, found.total) {
            Some(link) => response.with("link", link),
            None => response,
        }
    }

    /// Runs a list query: the count ignores rights, the page is cut before they apply.
    pub(super) fn find_rows(&self, call: &Call<'_>, table: &'static str) -> Result<Found, Response> {
        let rights = Rights::new(&self.switches, &call.caller);
        if rights.table(table) == Visibility::Forbidden {
            return Err(table_denied(table));
        }
        let made = self.made(table);
        let hits = self.hits(call, table, &rights, made.as_ref())?;
        let renderer = self.renderer(call, &rights);
        let page = hits.iter().skip(call.params.offset).take(call.params.limit);
        let seen: Vec<_> = page
            .filter(|hit| rights.row(table, hit.row.id()) && rights.row(hit.schema.name, hit.row.id()))
            .map(|hit| (hit.schema, hit.row.as_ref()))
            .collect();
        let shown = seen.len();
        Ok(Found { total: hits.len(), rows: renderer.rows(table, seen.into_iter()), shown })
    }

    /// All rows of a list query, whoever may see them.
    pub(super) fn hits<'a>(
        &'a self,
        call: &'a Call<'_>,
        table: &str,
        rights: &'a Rights<'a>,
        made: Option<&'a Table>,
    ) -> Result<Vec<Hit<'a>>, Response> {
        let env = self.env(&call.caller, call.now);
        let ground = Ground {
            store: &self.store,
            env: &env,
            rights,
            strict: self.switches.invalid_query_returns_no_rows,
        };
        let query = match &call.params.query {
            Some(text) => Query::parse(text),
            None => {
                // A leaked parameter of another call is no filter, however strict the instance.
                let schema = self.store.schema.table(table);
                let known = |name: &str| {
                    let first = name.split('.').next().unwrap_or(name);
                    schema.is_some_and(|s| s.index(first).is_some())
                };
                let fields = call.params.implicit.iter().filter(|(name, _)| known(name)).cloned();
                Query::implicit(&fields.collect::<Vec<_>>())
            }
        };
        let lagging = match self.switches.replica_reads {
            ReplicaReads::Category => call.params.category,
            ReplicaReads::Lists | ReplicaReads::All => true,
        };
        let as_of = self.lagged(call.now).filter(|_| lagging && made.is_none());
        let mut hits = select(&ground, table, &query, as_of, made).map_err(|denied| query_denied(&denied))?;
        let no_domain = call.params.get("sysparm_query_no_domain") == Some("true")
            && call.caller.has("query_no_domain_table_api");
        if !no_domain && !self.switches.visible_domains.is_empty() {
            hits.retain(|hit| rights.domain(hit.schema, &hit.row));
        }
        Ok(hits)
    }

    fn lagged(&self, now: Stamp) -> Option<Stamp> {
        let lag = self.switches.replica_lag_seconds;
        (lag > 0).then(|| now.minus(Duration::from_secs(lag)))
    }

    pub(super) fn renderer<'a>(&'a self, call: &'a Call<'_>, rights: &'a Rights<'a>) -> Renderer<'a> {
        Renderer {
            store: &self.store,
            choices: &self.choices,
            caller: &call.caller,
            rights,
            base: &call.base,
            show: call.params.show,
            exclude_link: call.params.exclude_link,
            fields: call.params.fields.as_deref(),
        }
    }

    fn read(&self, call: &Call<'_>, table: &'static str, sys_id: &str) -> Response {
        let rights = Rights::new(&self.switches, &call.caller);
        if rights.table(table) == Visibility::Forbidden {
            return table_denied(table);
        }
        let made = self.made(table);
        let found = match &made {
            Some(rows) => self.store.schema.table(table).zip(rows.row(sys_id)),
            None => self.store.find(table, sys_id),
        };
        let Some((schema, row)) = found else { return no_record() };
        if self.installed(schema.name).is_none() || !rights.record(schema, row) {
            return no_record();
        }
        let as_of = self.lagged(call.now).filter(|_| self.switches.replica_reads == ReplicaReads::All);
        let row = match as_of {
            Some(as_of) => row.as_of(as_of),
            None => Some(row.clone()),
        };
        let Some(row) = row else { return no_record() };
        result(200, self.renderer(call, &rights).one(table, schema, &row))
    }

    /// POST without a `sys_id`, PATCH and PUT with one.
    fn write(&mut self, call: &Call<'_>, table: &'static str, sys_id: Option<&str>) -> Response {
        let fields = match body::fields(call.request) {
            Ok(fields) => fields,
            Err(response) => return response,
        };
        let table = match self.may_write(call, table, sys_id) {
            Ok(table) => table,
            Err(refusal) => return write_refused(&refusal, table),
        };
        if self.switches.cancel_writes == CancelWrites::BeforeCommit {
            return cancelled(&self.switches, b"{\"result\":{\"sys_id\":\"\"");
        }
        let writer = Writer {
            caller: &call.caller,
            now: call.now,
            input_display: call.params.input_display,
            suppress_auto_sys: call.params.suppress_auto_sys,
        };
        let done = match sys_id {
            Some(sys_id) => self.update(table, sys_id, &fields, &writer).map(|()| sys_id.to_owned()),
            None => self.insert(table, &fields, &writer),
        };
        let written = match done {
            Ok(written) => written,
            Err(refusal) => return write_refused(&refusal, table),
        };
        let rights = Rights::new(&self.switches, &call.caller);
        let Some((schema, row)) = self.store.find(table, &written) else { return no_record() };
        let record = self.renderer(call, &rights).one(table, schema, row);
        let response = result(if sys_id.is_some() { 200 } else { 201 }, record);
        if self.switches.cancel_writes == CancelWrites::AfterCommit {
            return cancelled(&self.switches, &response.body);
        }
        if sys_id.is_none() {
            return response.with("location", format!("{}/table/{table}/{written}", call.base));
        }
        let silent = call.request.header("x-no-response-body").is_some_and(|v| v.trim() == "true");
        if silent { Response::new(204) } else { response }
    }

    /// The concrete table to write to, or why the caller may not.
    fn may_write(
        &self,
        call: &Call<'_>,
        table: &'static str,
        sys_id: Option<&str>,
    ) -> Result<&'static str, Refusal> {
        let rights = Rights::new(&self.switches, &call.caller);
        let Some(sys_id) = sys_id else {
            return if rights.writes(table) { Ok(table) } else { Err(Refusal::Rights("Insert")) };
        };
        let (schema, row) = self.store.find(table, sys_id).ok_or(Refusal::Missing)?;
        if !rights.record(schema, row) {
            return Err(Refusal::Missing);
        }
        if rights.writes(schema.name) { Ok(schema.name) } else { Err(Refusal::Rights("Update")) }
    }

    fn delete_record(&mut self, call: &Call<'_>, table: &'static str, sys_id: &str) -> Response {
        let rights = Rights::new(&self.switches, &call.caller);
        let Some((schema, row)) = self.store.find(table, sys_id) else { return no_record() };
        let table = schema.name;
        if !rights.record(schema, row) {
            return no_record();
        }
        if !rights.deletes(table) {
            return refused("Delete");
        }
        match self.erase(table, sys_id, &Writer::plain(&call.caller, call.now)) {
            Ok(()) => Response::new(204),
            Err(refusal) => write_refused(&refusal, table),
        }
    }
}

/// The `Link` header with its odd `prev`: a negative offset on page one; none if everything
/// fits one page.
fn link(call: &Call<'_>, table: &str, total: usize) -> Option<String> {
    let (limit, offset) = (call.params.limit, call.params.offset);
    if call.params.suppress_pagination || limit == 0 || total <= limit && offset == 0 {
        return None;
    }
    let mut others = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in call.params.pairs.iter().filter(|(n, _)| n != "sysparm_offset") {
        others.append_pair(name, value);
    }
    let others = others.finish();
    let part = |offset: i128, rel: &str| {
        let glue = if others.is_empty() { "" } else { "&" };
        format!("<{}/table/{table}?{others}{glue}sysparm_offset={offset}>;rel=\"{rel}\"", call.base)
    };
    let wide = |n: usize| i128::try_from(n).unwrap_or(i128::MAX);
    let mut parts = vec![part(0, "first"), part(wide(offset) - wide(limit), "prev")];
    if offset.saturating_add(limit) < total {
        parts.push(part(wide(offset + limit), "next"));
    }
    if !call.params.no_count {
        parts.push(part(wide(total.saturating_sub(1) / limit * limit), "last"));
    }
    Some(parts.join(","))
}
