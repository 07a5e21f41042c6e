//! Basic, OAuth, API keys.

use super::*;

const LIST: &str = "/api/now/table/incident?sysparm_limit=1";

fn token(desk: &mut Desk, form: &str, basic: Option<&str>) -> Response {
    let mut headers =
        vec![("content-type".to_owned(), "application/x-www-form-urlencoded;charset=UTF-8".to_owned())];
    if let Some(pair) = basic {
        headers.push(("authorization".into(), format!("Basic {}", STANDARD.encode(pair))));
    }
    let request = Request {
        method: "POST".into(),
        path: "/oauth_token.do".into(),
        headers,
        body: form.as_bytes().to_vec(),
        ..Request::default()
    };
    desk.send(&request)
}

fn bearer(desk: &mut Desk, access: &str) -> Response {
    let mut request = desk.request("GET", LIST, b"");
    request.headers[0].1 = format!("Bearer {access}");
    desk.send(&request)
}

#[test]
fn wrong_or_missing_credentials_get_the_documented_401() {
    let mut desk = Desk::new();
    for user in ["svc.sentinel:no", "nobody:x", "gone.person:gone.person-pw"] {
        desk.user = user.into();
        let response = desk.call("GET", LIST, Value::Null);
        assert_eq!(response.status, 401);
        assert_eq!(json_of(&response)["error"]["message"], "User Not Authenticated");
        assert_eq!(detail(&response), "Required to provide Auth information");
        assert!(header(&response, "www-authenticate").unwrap().starts_with("BASIC"));
    }
    let anonymous = Request { headers: Vec::new(), ..desk.request("GET", LIST, b"") };
    assert_eq!(desk.send(&anonymous).status, 401);
    desk.as_user("ksato");
    assert_eq!(desk.call("GET", LIST, Value::Null).status, 200);
}

#[test]
fn the_gate_lets_machines_pass_only() {
    let mut desk = Desk::with("basic_gate", json!(true));
    assert_eq!(desk.call("GET", LIST, Value::Null).status, 200);
    for user in ["noor.haddad", "admin"] {
        desk.as_user(user);
        assert_eq!(desk.call("GET", LIST, Value::Null).status, 401);
    }
}

#[test]
fn a_password_token_is_given_again_until_it_ends_and_then_refreshed() {
    let mut desk = Desk::new();
    let form =
        "grant_type=password&client_id=cid&client_secret=csecret&username=svc.sentinel&password=s3cret";
    let first = json_of(&token(&mut desk, form, None));
    for member in ["access_token", "refresh_token", "scope", "token_type"] {
        assert!(first[member].is_string(), "{member}");
    }
    assert_eq!(first["expires_in"], json!(1799));
    desk.pass(100);
    let again = json_of(&token(&mut desk, form, None));
    assert_eq!((&again["access_token"], &again["expires_in"]), (&first["access_token"], &json!(1699)));
    let access = first["access_token"].as_str().unwrap();
    assert_eq!(bearer(&mut desk, access).status, 200);
    desk.pass(1800);
    assert_eq!(bearer(&mut desk, access).status, 401);
    // One client sends only a header for the id and secret, another adds a junk field.
    let refresh = first["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={refresh}&params=junk");
    let next = json_of(&token(&mut desk, &form, Some("cid:csecret")));
    assert_ne!(next["access_token"], first["access_token"]);
    assert_eq!(bearer(&mut desk, next["access_token"].as_str().unwrap()).status, 200);
    desk.set("expired_bearer_body", json!("invalid_token"));
    assert_eq!(json_of(&bearer(&mut desk, "made-up"))["error"], "invalid_token");
}

#[test]
fn client_credentials_are_a_switch_and_failures_read_the_same() {
    let mut desk = Desk::new();
    let form = "grant_type=client_credentials&client_id=cid&client_secret=csecret";
    let granted = json_of(&token(&mut desk, form, None));
    assert_eq!(bearer(&mut desk, granted["access_token"].as_str().unwrap()).status, 200);
    assert_eq!(granted.get("refresh_token"), None);
    desk.set("client_credentials_grant", json!(false));
    let refused = token(&mut desk, form, None);
    assert_eq!(refused.status, 401);
    assert_eq!(json_of(&refused), json!({"error_description": "access_denied", "error": "server_error"}));
    let wrong = "grant_type=client_credentials&client_id=cid&client_secret=x";
    assert_eq!(json_of(&token(&mut desk, wrong, None)), json_of(&refused));
}

#[test]
fn an_api_key_works_as_header_and_as_parameter() {
    let mut desk = Desk::new();
    let mut request = desk.request("GET", LIST, b"");
    request.headers[0] = ("x-sn-apikey".into(), "key-1".into());
    assert_eq!(desk.send(&request).status, 200);
    request.headers.remove(0);
    assert_eq!(desk.send(&request).status, 401);
    request.query.push_str("&x-sn-apikey=key-1");
    assert_eq!(desk.send(&request).status, 200);
}

#[test]
fn closed_apis_scopes_and_second_factors_say_so() {
    let mut desk = Desk::with("api_closed_users", json!(["svc.sentinel"]));
    let closed = desk.call("GET", LIST, Value::Null);
    assert_eq!((closed.status, detail(&closed).as_str()), (403, "Failed API level ACL Validation"));
    desk.set("api_closed_users", json!([]));
    desk.set("mfa_users", json!(["svc.sentinel"]));
    let factor = desk.call("GET", LIST, Value::Null);
    assert_eq!((factor.status, header(&factor, "x-mfa_token")), (401, Some("invalid")));
    let mut locking = Desk::with("lockout_after", json!(2));
    for password in ["a", "b", "s3cret"] {
        locking.user = format!("svc.sentinel:{password}");
        assert_eq!(locking.call("GET", LIST, Value::Null).status, 401);
    }
}
