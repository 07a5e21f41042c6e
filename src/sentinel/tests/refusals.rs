//! Each class of refusal, and what a write's outcome is known to be after it.

use std::time::Duration;

use serde_json::json;

use super::{ID, ask, client, row};
use crate::http::scripted::{Script, answer, broken, page};
use crate::http::{FailKind, HttpResponse, Sent};
use crate::model::call::{ListFrom, SentinelCall};
use crate::model::{CallError, FaultKind, IncidentId, Retry};
use crate::text::Stamp;

fn get() -> SentinelCall {
    SentinelCall::Get(IncidentId::new(ID))
}

fn put() -> SentinelCall {
    SentinelCall::Put(IncidentId::new(ID), Box::default())
}

fn list() -> SentinelCall {
    SentinelCall::List(ListFrom::Modified(Stamp::default()))
}

fn arm(status: u16, code: &str, message: &str) -> HttpResponse {
    answer(status, &json!({"error": {"code": code, "message": message}}).to_string())
}

async fn refusal(response: HttpResponse, call: SentinelCall) -> CallError {
    let script = Script::new();
    script.push(response);
    ask(&client(&script), call).await.unwrap_err()
}

#[tokio::test]
async fn every_documented_code_has_its_kind() {
    use FaultKind::*;
    let cases = [
        (400, "BadRequest", "'Title' must have a non-empty value", put(), Rejected),
        (400, "InvalidApiVersionParameter", "x", get(), Config),
        (400, "MissingApiVersionParameter", "x", list(), Config),
        (
            400,
            "BadRequest",
            "bad token",
            SentinelCall::List(ListFrom::Next("https://management.azure.com/x".into())),
            Rejected,
        ),
        (401, "InvalidAuthenticationTokenTenant", "wrong issuer", get(), SignIn),
        (401, "InvalidAuthenticationTokenAudience", "x", get(), SignIn),
        (403, "AuthorizationFailed", "x", get(), Forbidden),
        (404, "NotFound", "incident is gone", get(), NotFound),
        (404, "NotFound", "x", put(), NotFound),
        (404, "NotFound", "x", list(), Config),
        (404, "ResourceGroupNotFound", "Resource group 'x' could not be found.", get(), Config),
        (404, "SubscriptionNotFound", "x", get(), Config),
        (
            404,
            "ResourceNotFound",
            "The Resource 'Microsoft.OperationalInsights/workspaces/w' was not found.",
            get(),
            Config,
        ),
        (404, "ResourceNotFound", "Resource '…/workspaces/w/…/Incidents/73' does not exist", get(), NotFound),
        (405, "UnsupportedApiVersion", "x", put(), Config),
        (409, "Conflict", "Newer version of resource 'x' exists. Data was not saved", put(), Conflict),
        (409, "MissingSubscriptionRegistration", "x", get(), Config),
        (412, "PreconditionFailed", "x", put(), Conflict),
        (413, "RequestEntityTooLarge", "x", put(), Rejected),
        (429, "TooManyRequests", "x", put(), Throttled),
        (500, "InternalServerError", "x", get(), Unavailable),
        (503, "ServiceUnavailable", "x", get(), Unavailable),
    ];
    for (status, code, message, call, kind) in cases {
        let e = refusal(arm(status, code, message), call).await;
        assert_eq!((e.kind, e.status), (kind, Some(status)), "{status} {code} {message}");
        assert!(e.message.starts_with("workspace prod: ") && !e.maybe_applied, "{}", e.message);
    }
    let e = refusal(arm(400, "BadRequest", "'Title' must \u{1b}[2J"), put()).await;
    assert!(e.message.contains(ID) && e.message.contains("'Title' must \u{241b}[2J"), "{}", e.message);
}

#[tokio::test]
async fn a_missing_role_names_action_and_scope() {
    let text = "The client 'c' with object id 'o' does not have authorization to perform action \
        'Microsoft.SecurityInsights/incidents/write' over scope '/subscriptions/s/x' or the scope is invalid.";
    let e = refusal(arm(403, "AuthorizationFailed", text), put()).await;
    assert!(
        e.message
            .contains("Microsoft.SecurityInsights/incidents/write is not allowed over /subscriptions/s/x")
    );
    assert!(e.hint.contains("Responder") && e.hint.contains("minutes"), "{}", e.hint);
    assert_eq!((e.retry, e.code.as_deref()), (Retry::WhenCured, Some("AuthorizationFailed")));
}

#[tokio::test]
async fn a_write_without_a_clear_answer_has_an_unknown_outcome() {
    let unclear = [
        (page(200, "Maintenance"), FaultKind::Garbled),
        (answer(202, "{}"), FaultKind::Garbled),
        (answer(204, ""), FaultKind::Garbled),
        (answer(200, "{\"name\":"), FaultKind::Garbled),
        (answer(200, "{}"), FaultKind::Garbled),
        (answer(200, &row("00000000-0000-0000-0000-000000000001").to_string()), FaultKind::Garbled),
        (answer(307, "").with("location", "https://evil.example/"), FaultKind::Garbled),
        (arm(500, "InternalServerError", "x"), FaultKind::Unavailable),
        (page(502, "Bad Gateway"), FaultKind::Unavailable),
        (page(504, "Gateway Timeout"), FaultKind::Unavailable),
        (answer(408, "{}"), FaultKind::Unavailable),
    ];
    for (response, kind) in unclear {
        let name = format!("{response:?}");
        let e = refusal(response.clone(), put()).await;
        assert_eq!((e.kind, e.maybe_applied), (kind, true), "{name}");
        assert!(!refusal(response, list()).await.maybe_applied, "{name}");
    }
    for (sent, kind, unknown) in [
        (Sent::Maybe, FailKind::Timeout, true),
        (Sent::Maybe, FailKind::Reset, true),
        (Sent::Maybe, FailKind::TooLarge, true),
        (Sent::NotSent, FailKind::Connect, false),
        (Sent::NotSent, FailKind::Tls, false),
    ] {
        let script = Script::new();
        script.fail(broken(sent, kind));
        let e = ask(&client(&script), put()).await.unwrap_err();
        assert_eq!(e.maybe_applied, unknown, "{kind:?}");
    }
}

#[tokio::test]
async fn a_404_of_a_gateway_says_nothing_about_an_incident() {
    let e = refusal(page(404, "Not Found"), get()).await;
    assert_eq!(e.kind, FaultKind::Garbled);
    assert_eq!(refusal(answer(404, "{}"), get()).await.kind, FaultKind::Garbled);
    assert_eq!(refusal(page(403, "Blocked"), put()).await.kind, FaultKind::Garbled);
    assert_eq!(refusal(answer(401, ""), get()).await.kind, FaultKind::SignIn);
}

#[tokio::test]
async fn a_retry_after_is_kept_to_by_every_call_of_the_principal() {
    let script = Script::new();
    script.push(arm(429, "TooManyRequests", "x").with("Retry-After", "17"));
    let client = client(&script);
    let e = ask(&client, put()).await.unwrap_err();
    assert_eq!((e.kind, e.retry), (FaultKind::Throttled, Retry::After(Duration::from_secs(17))));
    script.clock.advance(Duration::from_secs(10));
    let e = ask(&client, list()).await.unwrap_err();
    assert_eq!((e.kind, e.retry), (FaultKind::Throttled, Retry::After(Duration::from_secs(7))));
    assert!(!e.maybe_applied);
    assert_eq!(script.seen().len(), 1);
    script.clock.advance(Duration::from_secs(7));
    script.push(answer(200, "{\"value\":[]}"));
    assert!(ask(&client, list()).await.is_ok());
}

#[tokio::test]
async fn an_echoed_token_does_not_reach_the_message() {
    let e = refusal(arm(400, "BadRequest", "you sent Bearer canary-token"), put()).await;
    assert!(!e.message.contains("canary"), "{}", e.message);
}

#[tokio::test]
async fn ids_that_would_change_the_address_are_not_sent() {
    let script = Script::new();
    for id in ["", "..", "a/b", "a%2fb"] {
        let call = SentinelCall::Put(IncidentId::new(id), Box::default());
        assert_eq!(ask(&client(&script), call).await.unwrap_err().kind, FaultKind::Guard, "{id:?}");
    }
    assert!(script.seen().is_empty());
}
