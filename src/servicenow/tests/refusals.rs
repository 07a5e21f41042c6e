//! Each class of refusal, and what a write's outcome is known to be after it.

use std::time::Duration;

use serde_json::json;

use super::{changed, client, client_of, id, refusal, shape, table};
use crate::http::scripted::{Script, answer, broken, page};
use crate::http::{FailKind, HttpResponse, Rate, Sent};
use crate::model::call::DeskCall;
use crate::model::{FaultKind, RecordWrite, Retry};
use crate::servicenow::RecordDesk;

fn get() -> DeskCall {
    DeskCall::Get { table: table(), shape: shape(), sys_id: id(7) }
}

fn create() -> DeskCall {
    DeskCall::Create { table: table(), shape: shape(), sys_id: Some(id(7)), write: RecordWrite::default() }
}

fn patch() -> DeskCall {
    DeskCall::Patch { table: table(), shape: shape(), sys_id: id(7), write: RecordWrite::default() }
}

fn failure(status: u16, message: &str, detail: &str) -> HttpResponse {
    answer(status, &json!({"error": {"message": message, "detail": detail}, "status": "failure"}).to_string())
}

#[tokio::test]
async fn every_documented_refusal_has_its_kind() {
    use FaultKind::*;
    let gone = "Record doesn't exist or ACL restricts the record retrieval";
    let policy =
        "Data Policy Exception: \n\tThe following fields are mandatory: Resolution code, Close notes";
    let rule = "Operation against file 'incident' was aborted by Business Rule 'x^1'. Business Rule Stack:x";
    let unique = "Unique Key violation detected by database (Duplicate entry '7' for key 'PRIMARY')";
    for (status, message, detail, call, kind) in [
        (400, "Invalid table foo", "", changed(), Config),
        (400, "Invalid table foo", "", create(), Config),
        (400, "Requested URI does not represent any resource", "", get(), Config),
        (404, "Requested URI does not represent any resource", "", get(), Config),
        (400, "Exception while reading request", "x", patch(), Rejected),
        (401, "User Not Authenticated", "Required to provide Auth information", get(), SignIn),
        (403, "User Not Authorized", "Failed API level ACL Validation", get(), Forbidden),
        (403, "Insufficient rights to query records", "Field(s) present in the query", changed(), Forbidden),
        (
            403,
            "Operation Failed",
            "ACL Exception Update Failed due to security constraints",
            patch(),
            Forbidden,
        ),
        (403, "Operation Failed", policy, patch(), Rejected),
        (403, "Operation Failed", rule, patch(), Rejected),
        (403, "Operation Failed", unique, create(), Duplicate),
        (400, "Operation Failed", unique, create(), Duplicate),
        (409, "Operation Failed", unique, create(), Duplicate),
        (500, "Operation Failed", unique, create(), Duplicate),
        (404, "No Record found", gone, get(), NotFound),
        (404, "No Record found", gone, patch(), NotFound),
        (404, "No Record found", gone, changed(), Config),
        (405, "Method not supported", "", patch(), Rejected),
        (414, "URI too long", "", changed(), Guard),
    ] {
        let e = refusal(failure(status, message, detail), call).await;
        assert_eq!(
            (e.kind, e.status, e.maybe_applied),
            (kind, Some(status), false),
            "{status} {message} {detail}"
        );
        assert!(e.message.starts_with("instance dev: ") && e.message.contains(message), "{e}");
    }
    assert_eq!(refusal(page(414, "x"), changed()).await.kind, Guard);
    let e = refusal(failure(400, "you sent Bearer canary-token", ""), patch()).await;
    assert!(!e.message.contains("canary"), "{e}");
    let e = refusal(failure(403, "Operation Failed", policy), patch()).await;
    assert!(e.message.ends_with("mandatory: Resolution code, Close notes"), "{e}");
    let e = refusal(failure(403, "Operation Failed", unique), patch()).await;
    assert_eq!(e.kind, Forbidden, "only a create can be a duplicate");
}

#[tokio::test]
async fn sign_in_advice_names_the_gates() {
    let body = failure(401, "User Not Authenticated", "Required to provide Auth information");
    let e = refusal(body.clone(), get()).await;
    assert!(e.hint.contains("snc_basic_auth_api_access"), "{}", e.hint);
    let e = refusal(body.with("X-MFA_TOKEN", "invalid"), get()).await;
    assert!(e.hint.contains("second factor") && e.retry == Retry::WhenCured, "{}", e.hint);
}

#[tokio::test]
async fn both_kinds_of_429_are_told_apart() {
    let rule = failure(429, "Rate limit exceeded", "Rate limit of 100 requests per hour")
        .with("X-RateLimit-Rule", "abc")
        .with("Retry-After", "1800");
    let e = refusal(rule, get()).await;
    assert_eq!((e.kind, e.retry), (FaultKind::Throttled, Retry::After(Duration::from_secs(1800))));
    assert_eq!(e.code.as_deref(), Some("rate-rule"));
    let reset = failure(429, "Rate limit exceeded", "")
        .with("X-RateLimit-Rule", "abc")
        .with("X-RateLimit-Reset", "1795262460");
    assert_eq!(refusal(reset, get()).await.retry, Retry::After(Duration::from_secs(60)));
    let e = refusal(page(429, "busy"), patch()).await;
    assert_eq!(
        (e.kind, e.retry, e.code.as_deref()),
        (FaultKind::Throttled, Retry::Backoff, Some("queue-full"))
    );
    assert!(!e.maybe_applied);
}

#[tokio::test]
async fn a_sleeping_instance_and_a_login_page_are_told_apart() {
    use FaultKind::*;
    for (response, kind) in [
        (page(200, "Instance Hibernating page"), Asleep),
        (answer(302, "").with("Location", "https://developer.servicenow.com/dev.do#!/home"), Asleep),
        (page(503, "Instance Hibernating page"), Asleep),
        (page(200, "Log in | ServiceNow"), Garbled),
        (answer(302, "").with("Location", "https://sso.example/login?token=x"), Garbled),
        (page(404, "Not Found"), Garbled),
        (page(403, "Blocked"), Garbled),
        (answer(202, "{}"), Garbled),
        (page(503, "Maintenance"), Unavailable),
    ] {
        let name = format!("{:?} {}", response.headers, response.status);
        let e = refusal(response.clone(), get()).await;
        assert_eq!(e.kind, kind, "{name}");
        assert_eq!(e.hint.contains("developer.servicenow.com"), kind == Asleep, "{name}: {}", e.hint);
        let unknown = !(400..500).contains(&response.status);
        assert_eq!(refusal(response, patch()).await.maybe_applied, unknown, "{name}");
    }
}

#[tokio::test]
async fn a_cancelled_transaction_is_no_short_list() {
    let said = "Transaction cancelled: maximum execution time exceeded";
    let beside = format!("{{\"result\":[],\"error\":{{\"message\":\"{said}\"}},\"status\":\"failure\"}}");
    let cut = format!("{{\"result\":[{{\"sys_id\":\"1\"}},{{\"error\":{{\"message\":\"{said}\"}}}}");
    for body in [beside, cut] {
        let e = refusal(answer(200, &body).with("X-Total-Count", "0"), changed()).await;
        assert_eq!((e.kind, e.code.as_deref()), (FaultKind::Garbled, Some("transaction-cancelled")));
        assert!(refusal(answer(200, &body), patch()).await.maybe_applied);
    }
    let e = refusal(failure(500, said, ""), create()).await;
    assert_eq!((e.kind, e.maybe_applied), (FaultKind::Unavailable, true));
}

#[tokio::test]
async fn a_broken_exchange_leaves_a_write_unknown_unless_it_was_never_sent() {
    for (sent, kind, fault, unknown) in [
        (Sent::Maybe, FailKind::Timeout, FaultKind::Unavailable, true),
        (Sent::Maybe, FailKind::Reset, FaultKind::Unavailable, true),
        (Sent::Maybe, FailKind::Broken, FaultKind::Garbled, true),
        (Sent::NotSent, FailKind::Connect, FaultKind::Unavailable, false),
        (Sent::NotSent, FailKind::Tls, FaultKind::Config, false),
    ] {
        for (call, writes) in [(create(), true), (patch(), true), (get(), false)] {
            let script = Script::new();
            script.fail(broken(sent, kind));
            let e = client(&script).call(call).await.unwrap_err();
            assert_eq!((e.kind, e.maybe_applied), (fault, unknown && writes), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn our_own_rate_limit_is_kept() {
    let script = Script::new();
    script.push(failure(404, "No Record found", ""));
    let rate = Rate { burst: 1, count: 60, per: Duration::from_secs(3600) };
    let desk = client_of(&script, |s| s.rate = Some(rate));
    assert_eq!(desk.call(get()).await.unwrap_err().kind, FaultKind::NotFound);
    let e = desk.call(patch()).await.unwrap_err();
    assert_eq!((e.code.as_deref(), e.maybe_applied), (Some("local-gate"), false));
    assert_eq!(e.retry, Retry::After(Duration::from_secs(60)));
}
