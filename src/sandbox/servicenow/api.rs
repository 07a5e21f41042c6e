//! The REST API: from a request to the handler of its resource.
//!
//! Order of refusals: the instance is away, the URL or body is too large, the queue is full,
//! nobody is signed in, the API is closed to the user, the hourly rule, the headers.

mod attachment;
mod batch;
mod body;
mod import;
mod multipart;
mod stats;
mod table;

use super::DeskWorld;
use super::answer::{self, as_xml, failure, no_resource, result};
use super::auth::{Caller, Proof, unauthenticated};
use super::params::Params;
use super::query::dates::Env;
use super::schema::TableSchema;
use crate::sandbox::wire::{Request, Response};
use crate::text::Stamp;

const LONGEST_URL: usize = 8192;
const LARGEST_BODY: usize = 10 * 1024 * 1024;

/// One signed-in request.
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    /// The method after `X-HTTP-Method-Override`.
    pub(super) method: String,
    /// `v1`, `v2` or nothing.
    pub(super) version: Option<String>,
    /// Origin and API root as the request wrote it, for links.
    pub(super) base: String,
    pub(super) caller: Caller,
    pub(super) now: Stamp,
    pub(super) params: Params,
}

impl DeskWorld {
    /// Answers one request, without the headers that every answer carries.
    pub(super) fn answer(&mut self, request: &Request, now: Stamp) -> Response {
        if let Some(page) = answer::page(self.switches.page) {
            return page;
        }
        if request.path.len() + request.query.len() >= LONGEST_URL {
            return answer::uri_too_long();
        }
        if request.path == "/oauth_token.do" {
            return self.logins.grant(&mut self.store, &self.switches, request, now);
        }
        if !request.path.starts_with("/api/") {
            return no_resource();
        }
        if let Some(struck) = self.traffic.strike(&self.switches) {
            return struck;
        }
        let caller = match self.logins.authenticate(&self.store, &self.switches, request, now) {
            Ok(_) if self.traffic.flaky(&self.switches) => return unauthenticated(&self.switches),
            Ok(caller) => caller,
            Err(response) => return response,
        };
        if let Some(closed) = self.closed(&caller) {
            return closed;
        }
        let quota = self.traffic.count(&self.switches, &caller.user_name, now);
        if let Some(quota) = quota.as_ref().filter(|q| q.exceeded()) {
            return quota.refusal(now);
        }
        let response = if request.body.len() > LARGEST_BODY {
            failure(413, "Request body too large", Some("The request body exceeds 10 MB"))
        } else {
            self.negotiate(request, caller, now)
        };
        match quota {
            Some(quota) => quota.mark(response),
            None => response,
        }
    }

    fn closed(&self, caller: &Caller) -> Option<Response> {
        if self.switches.api_closed_users.contains(&caller.user_name) {
            return Some(failure(403, "User Not Authorized", Some("Failed API level ACL Validation")));
        }
        if self.switches.scope_missing && matches!(caller.proof, Proof::Bearer | Proof::Key) {
            return Some(failure(403, "User Not Authorized", Some("Missing required api access scope")));
        }
        None
    }

    /// Minds `Accept`, then serves.
    fn negotiate(&mut self, request: &Request, caller: Caller, now: Stamp) -> Response {
        let file = request.path.ends_with("/file") && request.method == "GET";
        match accepted(request) {
            _ if file => self.serve(request, caller, now),
            Accepted::Json => self.serve(request, caller, now),
            Accepted::Xml => {
                let mut response = self.serve(request, caller, now);
                if !response.body.is_empty() {
                    response.body = as_xml(&response.body);
                    for (name, value) in &mut response.headers {
                        if name == "content-type" {
                            *value = "application/xml;charset=UTF-8".into();
                        }
                    }
                }
                response
            }
            Accepted::Nothing => {
                let detail = "Supported response types: application/json, application/xml";
                failure(406, "Requested response type is not supported", Some(detail))
            }
        }
    }

    /// Finds the resource of a path and lets it answer. Items of a batch start here.
    pub(super) fn serve(&mut self, request: &Request, caller: Caller, now: Stamp) -> Response {
        let segments: Vec<String> = request.path.split('/').filter(|s| !s.is_empty()).map(decoded).collect();
        let mut rest = segments.iter().map(String::as_str);
        if (rest.next(), rest.next()) != (Some("api"), Some("now")) {
            return no_resource();
        }
        let mut rest: Vec<&str> = rest.collect();
        let version = rest.first().filter(|v| matches!(**v, "v1" | "v2")).map(|v| (*v).to_owned());
        if version.is_some() {
            rest.remove(0);
        }
        let origin = match self.switches.instance_origin.as_str() {
            "" => request.origin.as_str(),
            configured => configured.trim_end_matches('/'),
        };
        let base = match &version {
            Some(version) => format!("{origin}/api/now/{version}"),
            None => format!("{origin}/api/now"),
        };
        let method = match request.header("x-http-method-override") {
            Some(other) if request.method == "POST" => other.to_ascii_uppercase(),
            _ => request.method.clone(),
        };
        let default_limit = if rest.first() == Some(&"attachment") { 1000 } else { 10_000 };
        let params = Params::read(self.pairs(request), default_limit);
        let call = Call { request, method, version, base, caller, now, params };
        let response = match rest.as_slice() {
            ["table", table] => self.table(&call, table),
            ["table", table, sys_id] => self.record(&call, table, sys_id),
            ["stats", table] => self.stats(&call, table),
            ["attachment", place @ ..] => self.attachment(&call, place),
            ["import", staging] => self.import(&call, staging),
            ["import", staging, row] => self.imported(&call, staging, row),
            ["batch"] => self.batch(&call),
            ["tinyurl"] => self.tinyurl(&call),
            _ => no_resource(),
        };
        self.run_deferred(now);
        response
    }

    /// The query pairs, with those that a `sysparm_tiny` stands for.
    fn pairs(&self, request: &Request) -> Vec<(String, String)> {
        let mut pairs = request.query_pairs();
        let tiny = pairs.iter().find(|(n, _)| n == "sysparm_tiny").map(|(_, v)| v.clone());
        if let Some(query) = tiny.and_then(|id| self.tiny.get(&id)) {
            pairs.retain(|(name, _)| name != "sysparm_tiny");
            pairs.extend(url::form_urlencoded::parse(query.as_bytes()).into_owned());
        }
        pairs
    }

    /// Shortens a URL: its query is kept under an id.
    fn tinyurl(&mut self, call: &Call<'_>) -> Response {
        if call.method != "POST" {
            return answer::wrong_method();
        }
        let fields = match body::fields(call.request) {
            Ok(fields) => fields,
            Err(response) => return response,
        };
        let Some((_, target)) = fields.into_iter().find(|(name, _)| name == "url") else {
            return failure(400, "Missing url", None);
        };
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        let id = self.store.fresh_id();
        self.tiny.insert(id.clone(), query.to_owned());
        result(201, serde_json::Value::String(format!("{path}?sysparm_tiny={id}")))
    }

    /// The table of that name if its plugin is on.
    pub(super) fn installed(&self, table: &str) -> Option<&TableSchema> {
        let absent = table.starts_with("sn_si_") && !self.switches.sir_plugin
            || table.starts_with("sn_ti_") && !self.switches.ti_plugin;
        if absent { None } else { self.store.schema.table(table) }
    }

    /// What values in a query of this call may depend on.
    pub(super) fn env(&self, caller: &Caller, now: Stamp) -> Env {
        Env {
            now,
            clock: caller.clock.clone(),
            user_id: caller.sys_id.clone(),
            user_name: caller.user_name.clone(),
            literals_local: self.switches.query_dates_in_user_zone,
            fold: !self.switches.case_sensitive_compare,
        }
    }
}

enum Accepted {
    Json,
    Xml,
    Nothing,
}

/// JSON unless only something else is accepted; a missing header accepts anything.
fn accepted(request: &Request) -> Accepted {
    let Some(header) = request.header("accept").filter(|h| !h.trim().is_empty()) else {
        return Accepted::Json;
    };
    let types = header.split(',').map(|t| t.split(';').next().unwrap_or("").trim().to_ascii_lowercase());
    let mut xml = false;
    for name in types {
        match name.as_str() {
            "*/*" | "application/*" | "application/json" | "text/json" => return Accepted::Json,
            "application/xml" | "text/xml" => xml = true,
            _ => {}
        }
    }
    if xml { Accepted::Xml } else { Accepted::Nothing }
}

fn decoded(segment: &str) -> String {
    let escaped = format!("s={}", segment.replace('+', "%2B"));
    url::form_urlencoded::parse(escaped.as_bytes()).next().map(|(_, v)| v.into_owned()).unwrap_or_default()
}
