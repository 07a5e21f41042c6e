//! Basic and the OAuth grants: what is sent where, and what their refusals say.

use std::sync::Arc;
use std::time::Duration;

use super::{DEV, id, shape, table};
use crate::http::scripted::{Script, answer, page};
use crate::http::{Base, Clock, Secret};
use crate::model::call::DeskCall;
use crate::model::{FaultKind, InstanceKey};
use crate::servicenow::{DeskClient, DeskLogin, DeskSettings, RecordDesk, desk_tokens};

fn desk(script: &Script, login: DeskLogin) -> DeskClient {
    let base = Base::parse(DEV, false).unwrap();
    let clock: Arc<dyn Clock> = script.clock.clone();
    let settings = DeskSettings {
        basic: login.is_basic(),
        ..DeskSettings::new(base.clone(), InstanceKey::new("dev").unwrap())
    };
    let tokens = desk_tokens(&base, login, script.transport(), clock.clone()).unwrap();
    DeskClient::new(settings, script.transport(), clock, tokens).unwrap()
}

fn get() -> DeskCall {
    DeskCall::Get { table: table(), shape: shape(), sys_id: id(7) }
}

fn gone() -> crate::http::HttpResponse {
    answer(404, "{\"error\":{\"message\":\"No Record found\",\"detail\":\"x\"},\"status\":\"failure\"}")
}

fn denied() -> crate::http::HttpResponse {
    answer(
        401,
        "{\"error\":{\"message\":\"User Not Authenticated\",\"detail\":\"x\"},\"status\":\"failure\"}",
    )
}

fn token(text: &str, seconds: u32) -> crate::http::HttpResponse {
    let body = format!(
        "{{\"access_token\":\"{text}\",\"refresh_token\":\"next-{text}\",\"token_type\":\"Bearer\",\"expires_in\":{seconds}}}"
    );
    answer(200, &body)
}

fn form(script: &Script, at: usize) -> String {
    String::from_utf8(script.seen()[at].body.clone()).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

#[tokio::test]
async fn basic_is_sent_and_never_repeated() {
    let script = Script::new();
    script.push(denied());
    let desk = desk(&script, DeskLogin::Basic { user: "sync".into(), password: secret("pa:ss word") });
    let e = desk.call(get()).await.unwrap_err();
    assert_eq!((e.kind, script.seen().len()), (FaultKind::SignIn, 1));
    assert_eq!(script.seen()[0].header("authorization"), Some("Basic c3luYzpwYTpzcyB3b3Jk"));
    assert!(!e.message.contains("c3luYzpwYTpzcyB3b3Jk"));
    let base = Base::parse(DEV, false).unwrap();
    let odd = DeskLogin::Basic { user: "a:b".into(), password: secret("x") };
    assert!(desk_tokens(&base, odd, script.transport(), script.clock.clone()).is_err());
}

#[tokio::test]
async fn a_client_credential_becomes_a_token_that_a_401_renews_once() {
    let script = Script::new();
    for response in [token("t0", 1799), gone(), denied(), token("t1", 1799), gone()] {
        script.push(response);
    }
    let desk = desk(&script, DeskLogin::ClientCredentials { id: "cid".into(), secret: secret("c&s") });
    for _ in 0..2 {
        assert_eq!(desk.call(get()).await.unwrap_err().kind, FaultKind::NotFound);
    }
    let seen = script.seen();
    assert_eq!(seen[0].url.as_str(), "https://dev1.service-now.com/oauth_token.do");
    assert_eq!(form(&script, 0), "grant_type=client_credentials&client_id=cid&client_secret=c%26s");
    let auth: Vec<Option<&str>> = seen.iter().map(|r| r.header("authorization")).collect();
    assert_eq!(auth, [None, Some("Bearer t0"), Some("Bearer t0"), None, Some("Bearer t1")]);
}

#[tokio::test]
async fn password_and_refresh_grants_send_their_forms() {
    let script = Script::new();
    script.push(token("t0", 1799));
    script.push(gone());
    let login = DeskLogin::Password {
        id: "i".into(),
        secret: secret("s3cr"),
        user: "u".into(),
        password: secret("p w"),
    };
    assert_eq!(desk(&script, login).call(get()).await.unwrap_err().kind, FaultKind::NotFound);
    assert_eq!(
        form(&script, 0),
        "grant_type=password&client_id=i&client_secret=s3cr&username=u&password=p+w"
    );

    let script = Script::new();
    for response in [token("t0", 1799), gone(), token("t1", 1799), gone()] {
        script.push(response);
    }
    let login = DeskLogin::Refresh { id: "i".into(), secret: secret("s3cr"), refresh: secret("first") };
    let desk = desk(&script, login);
    for _ in 0..2 {
        assert_eq!(desk.call(get()).await.unwrap_err().kind, FaultKind::NotFound);
        script.clock.advance(Duration::from_secs(1600));
    }
    assert!(form(&script, 0).ends_with("&refresh_token=first"));
    assert!(form(&script, 2).ends_with("&refresh_token=next-t0"), "the newest refresh token is used");
}

#[tokio::test]
async fn a_refused_login_says_what_to_check_and_no_secret() {
    let body = "{\"error_description\":\"access_denied for top-secret\",\"error\":\"server_error\"}";
    let login = || DeskLogin::ClientCredentials { id: "cid".into(), secret: secret("top-secret") };
    for (response, kind, hint) in [
        (answer(401, body), FaultKind::SignIn, "client.credential"),
        (page(200, "Instance Hibernating page"), FaultKind::Asleep, "wake"),
        (page(503, "x"), FaultKind::Unavailable, ""),
        (page(200, "Log in"), FaultKind::Garbled, "browser"),
        (answer(200, "{\"expires_in\":5}"), FaultKind::Garbled, ""),
    ] {
        let script = Script::new();
        script.push(response);
        let e = desk(&script, login()).call(get()).await.unwrap_err();
        assert_eq!((e.kind, e.maybe_applied), (kind, false), "{e}");
        assert!(e.message.starts_with("instance dev: ") && e.hint.contains(hint), "{e}");
        assert!(!e.message.contains("top-secret"), "{e}");
    }
}
