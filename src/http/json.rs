//! Strict JSON: the content type must say so, all of the body must parse, and it must not be
//! nested beyond reason.

use serde_json::Value;

use super::HttpResponse;
use crate::text::clip;

/// Deepest nesting that is read.
const DEPTH: usize = 64;

/// Why a body is not the JSON it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// A developer instance is hibernating.
    #[error("the instance hibernates")]
    Hibernating,
    /// A web page: login, maintenance, a proxy. Its title, or how it starts.
    #[error("a web page answered instead of the API: {0}")]
    Page(String),
    /// A content type that is not JSON, with how the body starts.
    #[error("the content type is {0}, not JSON: {1}")]
    NotJson(String, String),
    /// The server cancelled the transaction, in the middle of its answer or beside it.
    #[error("the server cancelled the transaction: {0}")]
    Cancelled(String),
    /// A result with an error object beside it.
    #[error("a result came with an error beside it: {0}")]
    ErrorBeside(String),
    /// Nested deeper than 64 levels.
    #[error("the answer is nested too deeply")]
    TooDeep,
    /// Not JSON, or not all of it.
    #[error("the answer is not whole: {0}")]
    Broken(String),
}

/// Decodes a response's body, whatever its status.
pub fn decode_json(response: &HttpResponse) -> Result<Value, JsonFault> {
    let kind = response.header("content-type").unwrap_or("");
    let essence = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if essence != "application/json" && !essence.ends_with("+json") {
        return Err(not_json(&essence, &response.body));
    }
    if depth(&response.body) > DEPTH {
        return Err(JsonFault::TooDeep);
    }
    let value: Value = serde_json::from_slice(&response.body).map_err(|e| broken(&e, &response.body))?;
    let error = value.get("error").filter(|e| !e.is_null());
    if let (Some(_), Some(error)) = (value.get("result"), error) {
        let text = ["message", "detail"]
            .iter()
            .filter_map(|k| error.get(k)?.as_str())
            .collect::<Vec<_>>()
            .join(": ");
        let text = excerpt(&text);
        return Err(if text.contains(CANCELLED) {
            JsonFault::Cancelled(text)
        } else {
            JsonFault::ErrorBeside(text)
        });
    }
    Ok(value)
}

const CANCELLED: &str = "Transaction cancelled";

/// ServiceNow appends its error to the part of the result that it had written, which leaves text
/// that does not parse; its tail tells.
fn broken(error: &serde_json::Error, body: &[u8]) -> JsonFault {
    let tail = String::from_utf8_lossy(body.get(body.len().saturating_sub(2048)..).unwrap_or_default());
    match tail.find(CANCELLED) {
        Some(at) => {
            let text = tail.get(at..).unwrap_or_default();
            JsonFault::Cancelled(excerpt(text.split('"').next().unwrap_or_default()))
        }
        None => JsonFault::Broken(excerpt(&error.to_string())),
    }
}

fn not_json(essence: &str, body: &[u8]) -> JsonFault {
    let head = String::from_utf8_lossy(body.get(..body.len().min(16 << 10)).unwrap_or_default());
    let lower = head.to_ascii_lowercase();
    let is_page = essence.contains("html") || lower.trim_start().starts_with("<!doctype html");
    if !is_page {
        return JsonFault::NotJson(
            excerpt(if essence.is_empty() { "missing" } else { essence }),
            excerpt(&head),
        );
    }
    let title = lower.find("<title").and_then(|start| {
        let open = start + lower.get(start..)?.find('>')? + 1;
        let end = open + lower.get(open..)?.find("</title")?;
        head.get(open..end).map(str::trim)
    });
    if lower.contains("instance hibernating") {
        return JsonFault::Hibernating;
    }
    JsonFault::Page(excerpt(title.unwrap_or(&head)))
}

/// So much of a body as a message about it shows.
fn excerpt(text: &str) -> String {
    clip(text, 120)
}

/// Deepest nesting of brackets outside strings.
fn depth(body: &[u8]) -> usize {
    let (mut now, mut most, mut in_text, mut escaped) = (0usize, 0usize, false, false);
    for byte in body {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(kind: &str, body: &str) -> HttpResponse {
        HttpResponse {
            status: 200,
            headers: vec![("Content-Type".into(), kind.into())],
            body: body.as_bytes().to_vec(),
        }
    }

    fn fault(kind: &str, body: &str) -> JsonFault {
        decode_json(&response(kind, body)).unwrap_err()
    }

    #[test]
    fn only_whole_json_under_its_own_name_counts() {
        let json = "application/json;charset=UTF-8";
        assert!(decode_json(&response(json, "{\"result\":[],\"error\":null}")).is_ok());
        assert!(matches!(fault("text/plain", "{}"), JsonFault::NotJson(..)));
        assert!(matches!(fault(json, ""), JsonFault::Broken(_)));
        assert!(matches!(fault(json, "{\"a\":1}{\"b\":2}"), JsonFault::Broken(_)));
        assert!(matches!(fault(json, "{\"a\":"), JsonFault::Broken(_)));
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        assert_eq!(fault(json, &deep), JsonFault::TooDeep);
        let flat = format!("{{\"a\":\"{}\\\"{}\"}}", "[".repeat(99), "{".repeat(99));
        assert!(decode_json(&response(json, &flat)).is_ok(), "brackets in text do not nest");
    }

    #[test]
    fn pages_and_cancelled_transactions_are_told_apart() {
        let page = "<html><head><title>Instance Hibernating page</title></head></html>";
        assert_eq!(fault("text/html", page), JsonFault::Hibernating);
        let login = "<!DOCTYPE html><HTML><TITLE> Log in </TITLE>";
        assert_eq!(fault("text/html; charset=utf-8", login), JsonFault::Page("Log in".into()));
        let said = "Transaction cancelled: maximum execution time exceeded";
        let cut = format!("{{\"result\":[{{\"a\":\"1\"}},{{\"error\":{{\"message\":\"{said}\",\"x\":1}}}}");
        assert_eq!(fault("application/json", &cut), JsonFault::Cancelled(said.into()));
        let beside = format!("{{\"result\":[],\"error\":{{\"message\":\"{said}\"}}}}");
        assert_eq!(fault("application/json", &beside), JsonFault::Cancelled(said.into()));
        let other = "{\"result\":[],\"error\":{\"message\":\"boom\",\"detail\":\"x\"}}";
        assert_eq!(fault("application/json", other), JsonFault::ErrorBeside("boom: x".into()));
    }
}
