//! The Batch API: several requests in one, in order, each on its own (servicenow-api, 3.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Call, body};
use crate::sandbox::servicenow::DeskWorld;
use crate::sandbox::servicenow::answer::{JSON, failure, wrong_method};
use crate::sandbox::wire::{Request, Response};

impl DeskWorld {
    /// Serves the items one by one; ids come back as strings.
    pub(super) fn batch(&mut self, call: &Call<'_>) -> Response {
        if call.method != "POST" {
            return wrong_method();
        }
        let order = match body::json(call.request) {
            Ok(order) => order,
            Err(response) => return response,
        };
        let Some(items) = order.get("rest_requests").and_then(Value::as_array) else {
            return failure(400, "Invalid batch request", Some("rest_requests is missing"));
        };
        let most = match usize::try_from(self.switches.batch_serves) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(most) => most,
        };
        let mut served = Vec::new();
        let mut unserved = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let id = text(item.get("id"));
            if at >= most {
                unserved.push(id);
                continue;
            }
            let response = self.item(call, item);
            served.push(outcome(&id, item, &response));
        }
        let body = json!({
            "batch_request_id": text(order.get("batch_request_id")),
            "serviced_requests": served,
            "unserviced_requests": unserved,
        });
        Response::json(200, JSON, &body)
    }

    fn item(&mut self, call: &Call<'_>, item: &Value) -> Response {
        if self.switches.rate_counts_batch_items {
            let quota = self.traffic.count(&self.switches, &call.caller.user_name, call.now);
            if let Some(quota) = quota.filter(super::super::traffic::Quota::exceeded) {
                return quota.refusal(call.now);
            }
        }
        let url = text(item.get("url"));
        let (path, query) = url.split_once('?').unwrap_or((url.as_str(), ""));
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if path.trim_end_matches('/').ends_with("/batch") {
            return failure(400, "Invalid batch request", Some("A batch may not contain a batch"));
        }
        let sent = item.get("body").and_then(Value::as_str).unwrap_or("");
        let Ok(body) = STANDARD.decode(sent) else {
            return failure(400, "Invalid batch request", Some("body is not base64"));
        };
        let headers = item.get("headers").and_then(Value::as_array).map_or_else(Vec::new, |headers| {
            headers.iter().map(|h| (text(h.get("name")).to_ascii_lowercase(), text(h.get("value")))).collect()
        });
        let request = Request {
            method: text(item.get("method")).to_ascii_uppercase(),
            origin: call.request.origin.clone(),
            path,
            query: query.to_owned(),
            headers,
            body,
        };
        self.negotiate(&request, call.caller.clone(), call.now)
    }
}

fn outcome(id: &str, item: &Value, response: &Response) -> Value {
    let mut out = json!({
        "id": id,
        "body": STANDARD.encode(&response.body),
        "status_code": response.status,
        "status_text": reason(response.status),
    });
    if item.get("exclude_response_headers") != Some(&Value::Bool(true)) {
        let headers: Vec<Value> =
            response.headers.iter().map(|(n, v)| json!({"name": canonical(n), "value": v})).collect();
        out["headers"] = Value::Array(headers);
    }
    out["execution_time"] = json!(1);
    out
}

/// Strings as they are, numbers as digits.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// `x-total-count` as `X-Total-Count`: within JSON, case counts.
fn canonical(name: &str) -> String {
    let word = |w: &str| {
        let mut chars = w.chars();
        chars.next().map_or_else(String::new, |c| c.to_ascii_uppercase().to_string() + chars.as_str())
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        409 => "Conflict",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        _ => "",
    }
}
