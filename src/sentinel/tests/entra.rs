//! Tokens from Entra: the form, the answers, the advice.

use std::time::Duration;

use serde_json::json;

use super::super::{EntraGrant, EntraSettings};
use super::ARM;
use crate::http::scripted::{Script, answer, broken, page};
use crate::http::{Base, FailKind, FreshToken, HttpResponse, Secret, Sent, TokenGrant};
use crate::model::{CallError, FaultKind, Retry};

fn grant(script: &Script, secrets: &[&str]) -> EntraGrant {
    let settings = EntraSettings {
        authority: Base::parse("https://login.microsoftonline.com", false).unwrap(),
        audience: Base::parse(ARM, false).unwrap(),
        tenant: "contoso.example".into(),
        client_id: "app-1".into(),
        scope: "https://management.azure.com/.default".into(),
    };
    let secrets = secrets.iter().map(|s| Secret::new(*s)).collect();
    EntraGrant::new(settings, secrets, script.transport(), script.clock.clone()).unwrap()
}

fn refused(status: u16, word: &str, code: u32, text: &str) -> HttpResponse {
    let body = json!({"error": word, "error_codes": [code], "trace_id": "tr-1", "correlation_id": "co-1",
        "error_description": format!("AADSTS{code}: {text} Trace ID: tr-1 Correlation ID: co-1 Timestamp: x")});
    answer(status, &body.to_string())
}

fn fine(expires: &str) -> HttpResponse {
    answer(200, &format!("{{\"token_type\":\"Bearer\",\"expires_in\":{expires},\"access_token\":\"tok\"}}"))
}

fn err(result: Result<FreshToken, CallError>) -> CallError {
    result.err().unwrap()
}

#[tokio::test]
async fn the_form_goes_to_the_tenants_endpoint_and_numbers_may_be_texts() {
    let script = Script::new();
    script.push(fine("3599"));
    script.push(fine("\"3600\""));
    let grant = grant(&script, &["s&cret=1+"]);
    let lives: Vec<u64> = [grant.fetch().await, grant.fetch().await]
        .into_iter()
        .map(|t| t.ok().unwrap().lives.as_secs())
        .collect();
    assert_eq!(lives, [3599, 3600]);
    let seen = &script.seen()[0];
    assert_eq!(seen.url.as_str(), "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token");
    assert!(seen.header("authorization").is_none());
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&seen.body).into_owned().collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        form,
        [
            pair("grant_type", "client_credentials"),
            pair("client_id", "app-1"),
            pair("client_secret", "s&cret=1+"),
            pair("scope", "https://management.azure.com/.default"),
        ]
    );
    assert!(!format!("{seen:?}").contains("cret"));
}

#[tokio::test]
async fn each_code_says_what_to_do() {
    use FaultKind::*;
    for (status, word, code, kind, advice) in [
        (401, "invalid_client", 7000215, SignIn, "id was pasted"),
        (401, "invalid_client", 7000222, SignIn, "expired"),
        (400, "unauthorized_client", 700016, Config, "cloud"),
        (400, "invalid_request", 90002, Config, "tenant"),
        (400, "invalid_scope", 70011, Config, "/.default"),
        (401, "invalid_client", 700024, Config, "clock"),
        (401, "invalid_client", 999, SignIn, "secret"),
        (400, "temporarily_unavailable", 90055, Unavailable, ""),
    ] {
        let script = Script::new();
        script.push(refused(status, word, code, "The echoed s3cretvalue is bad."));
        let e = err(grant(&script, &["s3cretvalue"]).fetch().await);
        assert_eq!((e.kind, e.code.clone()), (kind, Some(format!("AADSTS{code}"))), "{code}");
        assert!(e.hint.contains(advice), "{code}: {}", e.hint);
        for part in ["app app-1", "tenant contoso.example", "trace tr-1", "correlation co-1", "***"] {
            assert!(e.message.contains(part), "{part}: {}", e.message);
        }
        assert!(!e.message.contains("s3cretvalue"));
    }
}

#[tokio::test]
async fn the_second_secret_is_tried_and_remembered() {
    let script = Script::new();
    script.push(refused(401, "invalid_client", 7000222, "expired"));
    script.push(fine("3599"));
    script.push(fine("3599"));
    let two = grant(&script, &["old-secret", "new-secret"]);
    assert!(two.fetch().await.is_ok() && two.fetch().await.is_ok());
    let used: Vec<bool> =
        script.seen().iter().map(|r| String::from_utf8_lossy(&r.body).contains("new-secret")).collect();
    assert_eq!(used, [false, true, true]);

    let script = Script::new();
    script.push(refused(400, "unauthorized_client", 700016, "no app"));
    assert_eq!(err(grant(&script, &["a-secret", "b-secret"]).fetch().await).kind, FaultKind::Config);
    assert_eq!(script.seen().len(), 1, "another secret cannot cure a wrong client id");
}

#[tokio::test]
async fn outages_and_strange_answers_are_no_wrong_secret() {
    for (response, kind) in [
        (page(503, "Service Unavailable"), FaultKind::Unavailable),
        (page(200, "Sign in"), FaultKind::Garbled),
        (answer(302, "").with("location", "https://evil.example/"), FaultKind::Garbled),
        (answer(200, "{\"access_token\":\"\",\"expires_in\":1}"), FaultKind::Garbled),
        (answer(200, "{\"access_token\":\"a\\nb\",\"expires_in\":1}"), FaultKind::Guard),
        (answer(200, "{\"access_token\":\"a\"}"), FaultKind::Garbled),
    ] {
        let script = Script::new();
        script.push(response);
        let e = err(grant(&script, &["s3cretvalue"]).fetch().await);
        assert_eq!((e.kind, e.maybe_applied), (kind, false), "{}", e.message);
    }
    let script = Script::new();
    script.push(answer(429, "{}").with("retry-after", "5"));
    let e = err(grant(&script, &["s3cretvalue"]).fetch().await);
    assert_eq!((e.kind, e.retry), (FaultKind::Throttled, Retry::After(Duration::from_secs(5))));
    let script = Script::new();
    script.fail(broken(Sent::Maybe, FailKind::Timeout));
    assert!(!err(grant(&script, &["s3cretvalue"]).fetch().await).maybe_applied);
}
