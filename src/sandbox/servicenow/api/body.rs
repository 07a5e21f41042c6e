//! Request bodies of the JSON resources as flat fields.

use serde_json::Value;

use crate::sandbox::servicenow::answer::failure;
use crate::sandbox::wire::{Request, Response};

/// The fields of a JSON body in order; of several records only the first. Refuses other content
/// types with 415 and unreadable text with 400 (unverified wording).
pub(super) fn fields(request: &Request) -> Result<Vec<(String, String)>, Response> {
    let value = json(request)?;
    let first = match value {
        Value::Array(items) => items.into_iter().next().unwrap_or(Value::Null),
        Value::Object(mut map) => match map.get_mut("records").map(Value::take) {
            Some(Value::Array(items)) => items.into_iter().next().unwrap_or(Value::Null),
            Some(other) => {
                map.insert("records".into(), other);
                Value::Object(map)
            }
            None => Value::Object(map),
        },
        other => other,
    };
    match first {
        Value::Object(map) => {
            Ok(map.into_iter().filter_map(|(name, value)| Some((name, flat(value)?))).collect())
        }
        Value::Null => Ok(Vec::new()),
        _ => Err(unreadable("The payload is not a JSON object")),
    }
}

/// The JSON body; nothing at all reads as `null`.
pub(super) fn json(request: &Request) -> Result<Value, Response> {
    let text = String::from_utf8_lossy(&request.body);
    let text = text.trim();
    if text.is_empty() {
        return Ok(Value::Null);
    }
    if let Some(kind) = request.header("content-type") {
        let name = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        if !matches!(name.as_str(), "application/json" | "text/json" | "") {
            let detail = "Supported request media types: application/json";
            return Err(failure(415, "Unsupported media type", Some(detail)));
        }
    }
    // The platform's own samples write single quotes, and they are taken.
    let parsed = serde_json::from_str(text).or_else(|error| {
        if text.starts_with("{'") { serde_json::from_str(&text.replace('\'', "\"")) } else { Err(error) }
    });
    parsed.map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(detail: &str) -> Response {
    failure(400, "Exception while reading request", Some(detail))
}

/// Values are strings; numbers and truths become them, nested values are no part of the contract.
fn flat(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Null => Some(String::new()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}
