//! From a refusal of the resource manager to a [`CallError`]: which kind, when again, what to do.

use std::time::Duration;

use serde_json::Value;

use crate::http::{HttpError, HttpResponse, JsonFault, Sent, decode_json};
use crate::model::{CallError, FaultKind};
use crate::text::clip;

/// What a call was about, as far as the reading of its refusal depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct About {
    /// True for a write, whose outcome may be unknown.
    pub writes: bool,
    /// True when the call names one incident, which may be gone.
    pub one_incident: bool,
}

fn lost(e: CallError, writes: bool) -> CallError {
    if writes { e.unknown_outcome() } else { e }
}

/// What to do when nothing answers at an address.
const UNREACHABLE: &str = "check the address in the config, name resolution, firewall and proxy";

/// An exchange without a response.
pub(super) fn unsent_or_lost(error: &HttpError, writes: bool) -> CallError {
    let text = error.to_string();
    match error {
        HttpError::Guard(_) => CallError::new(FaultKind::Guard, text),
        HttpError::Closed(wait) => {
            CallError::new(FaultKind::Throttled, text).after(*wait).code("retry-after")
        }
        HttpError::Gated(wait) => CallError::new(FaultKind::Throttled, text).after(*wait).code("local-gate"),
        HttpError::Transport(e) => {
            let unknown = writes && e.sent == Sent::Maybe;
            let e = match e.kind {
                crate::http::FailKind::TooLarge => CallError::new(FaultKind::Guard, text),
                crate::http::FailKind::Tls => CallError::new(FaultKind::Config, text)
                    .hint("check the CA file, the host name and any TLS inspection on the way"),
                crate::http::FailKind::Unsendable => CallError::new(FaultKind::Guard, text),
                crate::http::FailKind::Connect => {
                    CallError::new(FaultKind::Unavailable, text).hint(UNREACHABLE)
                }
                crate::http::FailKind::Broken => CallError::new(FaultKind::Garbled, text),
                _ => CallError::new(FaultKind::Unavailable, text),
            };
            lost(e, unknown)
        }
    }
}

/// A success status whose body is not what it should be.
pub(super) fn garbled(fault: &JsonFault, status: u16, writes: bool) -> CallError {
    lost(CallError::new(FaultKind::Garbled, fault.to_string()).status(status), writes)
}

/// A status that needs no body to be understood: throttled, broken, redirected, unexpected.
pub(super) fn by_status(response: &HttpResponse, pause: Option<Duration>, writes: bool) -> CallError {
    let status = response.status;
    let said = body_start(response);
    let text = if said.is_empty() { format!("status {status}") } else { format!("status {status}: {said}") };
    let mut e = match status {
        429 => CallError::new(FaultKind::Throttled, text),
        408 | 500.. => lost(CallError::new(FaultKind::Unavailable, text), writes),
        300..=399 => lost(
            CallError::new(FaultKind::Garbled, format!("a redirect ({status}) that is not followed")),
            writes,
        ),
        100..=299 => lost(CallError::new(FaultKind::Garbled, format!("unexpected {text}")), writes),
        _ => CallError::new(FaultKind::Garbled, text),
    };
    if let (Some(wait), 429 | 500..) = (pause, status) {
        e = e.after(wait);
    }
    e.status(status)
}

fn body_start(response: &HttpResponse) -> String {
    match decode_json(response) {
        Ok(body) => {
            let e = body.get("error").unwrap_or(&body);
            let code = e.get("code").and_then(Value::as_str).unwrap_or_default();
            let message = e.get("message").and_then(Value::as_str).unwrap_or_default();
            clip(&format!("{code} {message}"), 300)
        }
        Err(JsonFault::Page(title)) => format!("a web page, {title}"),
        Err(_) => {
            let head = response.body.get(..response.body.len().min(200)).unwrap_or_default();
            clip(&String::from_utf8_lossy(head), 200)
        }
    }
}

/// Any answer that is not the success that the call needs.
pub(super) fn refused(response: &HttpResponse, pause: Option<Duration>, about: About) -> CallError {
    let status = response.status;
    if !(400..500).contains(&status) || matches!(status, 408 | 429) {
        return by_status(response, pause, about.writes);
    }
    let body = decode_json(response).unwrap_or_default();
    let error = body.get("error").cloned().unwrap_or_default();
    let code = error.get("code").and_then(Value::as_str).unwrap_or_default();
    let said = error.get("message").and_then(Value::as_str).unwrap_or_default();
    if code.is_empty() && !matches!(status, 401 | 409 | 412) {
        // A proxy or gateway speaks here, not the service: nothing may be concluded from it,
        // least of all that an incident is gone.
        return by_status(response, pause, about.writes);
    }
    let text = format!("{status} {}: {}", clip(code, 80), clip(said, 400));
    let e = match status {
        400 => bad_request(code, text),
        401 => sign_in(code, text),
        403 => forbidden(code, said, text),
        404 => missing(code, said, text, about),
        405 => CallError::new(FaultKind::Config, text).hint("check the api-version in the config"),
        409 if code == "MissingSubscriptionRegistration" => CallError::new(FaultKind::Config, text)
            .hint("register the provider Microsoft.SecurityInsights in the subscription"),
        409 | 412 => CallError::new(FaultKind::Conflict, text),
        _ => CallError::new(FaultKind::Rejected, text),
    };
    let e = e.status(status);
    if code.is_empty() { e } else { e.code(clip(code, 80)) }
}

fn bad_request(code: &str, text: String) -> CallError {
    match code {
        "MissingApiVersionParameter" | "InvalidApiVersionParameter" | "NoRegisteredProviderFound" => {
            CallError::new(FaultKind::Config, text).hint("check the api-version in the config")
        }
        "InvalidSubscriptionId" => {
            CallError::new(FaultKind::Config, text).hint("check the subscription in the config")
        }
        _ => CallError::new(FaultKind::Rejected, text),
    }
}

fn sign_in(code: &str, text: String) -> CallError {
    let hint = match code {
        "ExpiredAuthenticationToken" => "a fresh token counts as expired: check this machine's clock",
        "InvalidAuthenticationTokenTenant" => {
            "the token is of another tenant than the subscription: check the tenant in the config"
        }
        "InvalidAuthenticationTokenAudience" => {
            "the token is for another API: check cloud and scope in the config"
        }
        _ => "a fresh token was refused: check tenant, cloud and scope in the config",
    };
    CallError::new(FaultKind::SignIn, text).hint(hint)
}

fn forbidden(code: &str, said: &str, text: String) -> CallError {
    let quoted = |after: &str| said.split_once(after)?.1.split('\'').nth(1).map(|s| clip(s, 300));
    let (action, scope) = (quoted("perform action"), quoted("over scope"));
    match (action, scope) {
        (Some(action), Some(scope)) => {
            let role = if action.ends_with("/read") {
                "Microsoft Sentinel Reader (Responder to write back)"
            } else {
                "Microsoft Sentinel Responder"
            };
            CallError::new(
                FaultKind::Forbidden,
                format!("403 {}: {action} is not allowed over {scope}", clip(code, 80)),
            )
            .hint(format!("give the app the role {role} there; a new role takes minutes to work"))
        }
        _ => CallError::new(FaultKind::Forbidden, text)
            .hint("check the app's role on the workspace; a new role takes minutes to work"),
    }
}

/// A 404 means the incident only if nothing above it is named as missing.
fn missing(code: &str, said: &str, text: String, about: About) -> CallError {
    let above = matches!(
        code,
        "ResourceGroupNotFound"
            | "SubscriptionNotFound"
            | "InvalidSubscriptionId"
            | "NoRegisteredProviderFound"
            | "InvalidResourceType"
            | "ParentResourceNotFound"
            | "InvalidResourceNamespace"
    );
    let lower = said.to_ascii_lowercase();
    let workspace = lower.contains("operationalinsights/workspaces") && !lower.contains("/incidents/");
    if above || workspace || !about.one_incident {
        return CallError::new(FaultKind::Config, text)
            .hint("check subscription, resource group, workspace name and api-version in the config");
    }
    CallError::new(FaultKind::NotFound, text)
}
