//! Envelopes, error bodies, and the headers that every answer of the instance carries
//! (servicenow-api, 2.5 and 2.7).

use serde_json::{Value, json};

use super::query::select::Denied;
use super::store::Store;
use super::switches::Page;
use super::write::Refusal;
use crate::sandbox::wire::{Request, Response};

/// The content type of every JSON answer.
pub(super) const JSON: &str = "application/json;charset=UTF-8";

/// An error in the platform's envelope.
pub(super) fn failure(status: u16, message: &str, detail: Option<&str>) -> Response {
    let body = json!({"error": {"message": message, "detail": detail}, "status": "failure"});
    Response::json(status, JSON, &body)
}

/// A result in the platform's envelope.
pub(super) fn result(status: u16, value: Value) -> Response {
    Response::json(status, JSON, &json!({ "result": value }))
}

/// 400 for a table that is not there, the same for every credential.
pub(super) fn invalid_table(table: &str) -> Response {
    failure(400, &format!("Invalid table {table}"), None)
}

/// 404 for a record that is missing or hidden.
pub(super) fn no_record() -> Response {
    failure(404, "No Record found", Some("Record doesn't exist or ACL restricts the record retrieval"))
}

/// 400 for a path that nothing serves.
pub(super) fn no_resource() -> Response {
    failure(400, "Requested URI does not represent any resource", None)
}

/// 405.
pub(super) fn wrong_method() -> Response {
    failure(405, "Method not supported", None)
}

/// 403 for an operation that the rights refuse: `Insert`, `Update` or `Delete`.
pub(super) fn refused(operation: &str) -> Response {
    let detail = format!("ACL Exception {operation} Failed due to security constraints");
    failure(403, "Operation Failed", Some(&detail))
}

/// 403 for a column that may not be queried.
pub(super) fn query_denied(denied: &Denied) -> Response {
    let detail = format!("Field(s) present in the query do not have permission to be read: {}", denied.field);
    failure(403, "Insufficient rights to query records", Some(&detail))
}

/// 403 for a table that may not be queried at all.
pub(super) fn table_denied(table: &str) -> Response {
    if table == "sys_journal_field" {
        return failure(403, "Insufficient rights", Some("Insufficient rights to query records"));
    }
    failure(403, "Insufficient rights to query records", None)
}

/// The answer to a write that the instance refused.
pub(super) fn write_refused(refusal: &Refusal, table: &str) -> Response {
    match refusal {
        Refusal::Rights(operation) => refused(operation),
        Refusal::Missing => no_record(),
        Refusal::Mandatory(labels) => {
            let detail = format!(
                "Data Policy Exception: \n\tThe following fields are mandatory: {}",
                labels.join(", ")
            );
            failure(403, "Operation Failed", Some(&detail))
        }
        Refusal::Rule { name, id } => {
            let detail = format!(
                "Operation against file '{table}' was aborted by Business Rule '{name}^{id}'. Business Rule Stack:{name}"
            );
            failure(403, "Operation Failed", Some(&detail))
        }
        Refusal::Duplicate { status, sys_id } => {
            let detail = format!(
                "Unique Key violation detected by database (Duplicate entry '{sys_id}' for key 'PRIMARY')"
            );
            failure(*status, "Operation Failed", Some(&detail))
        }
    }
}

/// What the whole instance answers while it is away.
pub(super) fn page(page: Page) -> Option<Response> {
    let html = |status, title: &str, text: &str| Response {
        status,
        headers: vec![("content-type".into(), "text/html;charset=UTF-8".into())],
        body: format!("<html><head><title>{title}</title></head><body><p>{text}</p></body></html>")
            .into_bytes(),
    };
    match page {
        Page::None => None,
        Page::Hibernating => Some(html(
            200,
            "Instance Hibernating page",
            "Your instance is hibernating. Sign in to the developer site to wake it.",
        )),
        Page::HibernatingRedirect => Some(
            html(302, "Moved", "").with("location", "https://developer.servicenow.com/dev.do#!/home?wu=true"),
        ),
        Page::Login => Some(html(
            200,
            "Log in | ServiceNow",
            "<form action=\"login.do\" method=\"post\"><input name=\"user_name\"></form>",
        )),
        Page::LoginRedirect => Some(html(302, "Moved", "").with("location", "/login.do")),
        Page::Maintenance => Some(html(
            503,
            "Instance unavailable",
            "The instance is undergoing maintenance and will be back shortly.",
        )),
    }
}

/// 414, which comes from the load balancer and is no JSON.
pub(super) fn uri_too_long() -> Response {
    Response {
        status: 414,
        headers: vec![("content-type".into(), "text/html".into())],
        body: b"<html><head><title>414 Request-URI Too Large</title></head></html>".to_vec(),
    }
}

/// Adds the headers and cookies of a real instance.
pub(super) fn dress(mut response: Response, request: &Request, store: &mut Store) -> Response {
    let has = |r: &Response, name: &str| r.headers.iter().any(|(n, _)| n == name);
    let id = store.fresh_id();
    if !has(&response, "x-is-logged-in") {
        response = response.with("x-is-logged-in", "true");
    }
    if let Some(short) = id.get(..12) {
        response = response.with("x-transaction-id", short);
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("pragma", "no-store,no-cache"),
        ("cache-control", "no-cache,no-store,must-revalidate,max-age=-1"),
        ("expires", "0"),
        ("server", "ServiceNow"),
        ("server-timing", "sem_wait;dur=0, sesh_wait;dur=0"),
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ] {
        response = response.with(name, value);
    }
    let cookies = request.header("cookie").unwrap_or("");
    if !cookies.contains("JSESSIONID=") {
        let session = id.to_uppercase();
        response = response
            .with("set-cookie", format!("JSESSIONID={session}; Path=/; HttpOnly; Secure"))
            .with("set-cookie", "glide_user=; Max-Age=0; Path=/; HttpOnly; Secure")
            .with("set-cookie", "glide_user_session=; Max-Age=0; Path=/; HttpOnly; Secure");
    }
    if !cookies.contains("glide_user_route=") {
        let route = format!("glide_user_route=glide.{id}; Max-Age=2147483647; Path=/; HttpOnly; Secure");
        response = response.with("set-cookie", route);
    }
    response
}

/// A JSON envelope as XML, for the clients that ask for it.
pub(super) fn as_xml(body: &[u8]) -> Vec<u8> {
    let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    xml(&mut out, "response", &value);
    out.into_bytes()
}

fn xml(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| xml(out, name, item)),
        Value::Object(members) => {
            out.push_str(&format!("<{name}>"));
            members.iter().for_each(|(key, value)| xml(out, key, value));
            out.push_str(&format!("</{name}>"));
        }
        Value::Null => out.push_str(&format!("<{name}/>")),
        other => {
            let text = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            out.push_str(&format!("<{name}>{text}</{name}>"));
        }
    }
}
