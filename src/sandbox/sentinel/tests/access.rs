//! Tokens, the gateway's checks, roles and rate limits.

use serde_json::{Value, json};

use super::bench::*;
use crate::sandbox::sentinel::SentinelWorld;
use crate::sandbox::wire::{Request, World};

#[test]
fn both_token_endpoints_answer_in_their_own_types() {
    let mut bench = Bench::new();
    let v2 = body(&bench.login("s3cr+t &~"));
    assert_eq!((&v2["expires_in"], &v2["token_type"]), (&json!(3599), &json!("Bearer")));
    let v1 = bench.form(
        &format!("/{TENANT}/oauth2/token"),
        &[
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT),
            ("client_secret", "s3cr+t &~"),
            ("resource", "https://management.azure.com/"),
        ],
    );
    let v1 = body(&v1);
    assert_eq!(v1["expires_in"], json!("3599"));
    let unix = bench.now.0 / 1_000_000;
    assert_eq!(v1["expires_on"], json!((unix + 3599).to_string()));
    let discovery =
        bench.send("GET", &format!("/{TENANT}/v2.0/.well-known/openid-configuration"), &Value::Null);
    let endpoint = body(&discovery)["token_endpoint"].clone();
    assert_eq!(endpoint, json!(format!("https://localhost:8443/{TENANT}/oauth2/v2.0/token")));
    let instance =
        "/common/discovery/instance?api-version=1.1&authorization_endpoint=https://localhost:8443/t/x";
    assert!(body(&bench.send("GET", instance, &Value::Null))["metadata"].is_array());
}

#[test]
fn http_basic_carries_the_secret_too() {
    let mut bench = Bench::new();
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT}:s3cr%2Bt%20%26~"));
    let request = Request {
        method: "POST".into(),
        origin: "https://localhost:8443".into(),
        path: format!("/{TENANT}/oauth2/v2.0/token"),
        headers: vec![("authorization".into(), format!("Basic {basic}"))],
        body: b"grant_type=client_credentials&scope=https%3A%2F%2Flocalhost%3A8443%2F.default".to_vec(),
        ..Request::default()
    };
    assert_eq!(bench.world.handle(&request, bench.now).status, 200);
}

#[test]
fn every_token_refusal_has_its_number() {
    let mut bench = Bench::new();
    let good = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", "s3cr+t &~"),
        ("scope", "https://management.azure.com/.default"),
    ];
    let cases: &[(&str, &str, u16, &str, u32)] = &[
        ("client_secret", "wrong", 401, "invalid_client", 7_000_215),
        ("client_secret", "old~secret", 401, "invalid_client", 7_000_222),
        ("client_secret", "", 401, "invalid_client", 7_000_218),
        ("client_id", "ffffffff-bbbb-4ccc-8ddd-eeeeeeeeeeee", 400, "unauthorized_client", 700_016),
        ("scope", "https://management.azure.com/user", 400, "invalid_scope", 70_011),
        ("scope", "https://nowhere.example/.default", 400, "invalid_resource", 500_011),
        ("scope", "", 400, "invalid_request", 900_144),
    ];
    for (field, value, status, error, number) in cases {
        let form = good.map(|(k, v)| if k == *field { (k, *value) } else { (k, v) });
        let response = bench.form(&format!("/{TENANT}/oauth2/v2.0/token"), &form);
        let answer = body(&response);
        assert_eq!((response.status, answer["error"].as_str()), (*status, Some(*error)));
        assert_eq!(answer["error_codes"], json!([number]));
        assert!(answer["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{number}: ")));
    }
    let elsewhere = bench.form("/99999999-2222-4333-8444-555555555555/oauth2/v2.0/token", &good);
    assert_eq!(body(&elsewhere)["error_codes"], json!([90_002]));
    for number in [700_024_u32, 700_211, 90_055] {
        bench.set("token_error", json!(number));
        assert_eq!(body(&bench.login("s3cr+t &~"))["error_codes"], json!([number]));
    }
    assert!(bench.world.set_switch("token_error", &json!(1)).is_err());
}

#[test]
fn assertions_are_judged_by_their_claims_and_machines_need_no_secret() {
    use base64::Engine as _;
    let mut bench = Bench::new();
    let url = format!("https://localhost:8443/{TENANT}/oauth2/v2.0/token");
    let now = bench.now.0 / 1_000_000;
    let claims =
        |aud: &str, iss: &str, exp: i64| json!({"aud": aud, "iss": iss, "sub": iss, "exp": exp as f64 + 0.5});
    let ask = |bench: &mut Bench, claims: Value| {
        let part = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims.to_string());
        let jwt = format!("e30.{part}.sig");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT),
            ("client_assertion", jwt.as_str()),
            ("scope", "https://management.azure.com/.default"),
        ];
        body(&bench.form(&format!("/{TENANT}/oauth2/v2.0/token"), &form))["error_codes"][0].clone()
    };
    assert_eq!(ask(&mut bench, claims(&url, CLIENT, now + 60)), json!(700_027));
    assert_eq!(ask(&mut bench, claims(&url, CLIENT, now - 60)), json!(700_024));
    assert_eq!(ask(&mut bench, claims(&url, "other", now + 60)), json!(700_021));
    assert_eq!(ask(&mut bench, claims("https://else", CLIENT, now + 60)), json!(700_023));
    assert_eq!(ask(&mut bench, claims("api://AzureADTokenExchange", "k8s", now + 60)), json!(700_211));
    bench.set("assertions", json!("accept"));
    assert_eq!(ask(&mut bench, claims(&url, CLIENT, now + 60)), Value::Null);

    let imds = Request {
        method: "GET".into(),
        origin: "https://localhost:8443".into(),
        path: "/metadata/identity/oauth2/token".into(),
        query: "api-version=2018-02-01&resource=https://management.azure.com".into(),
        headers: vec![("metadata".into(), "true".into())],
        ..Request::default()
    };
    assert_eq!(body(&bench.world.handle(&imds, bench.now))["expires_in"], json!("3599"));
}

#[test]
fn a_bearer_token_is_checked_as_the_gateway_does() {
    let mut bench = Bench::new();
    let path = format!("{BASE}/incidents?api-version={VERSION}");
    let good = bench.token.clone();
    for (token, code_wanted) in
        [("", "AuthenticationFailedInvalidHeader"), ("e30.e30.x", "InvalidAuthenticationToken")]
    {
        bench.token = token.into();
        let response = bench.send("GET", &path, &Value::Null);
        assert_eq!((response.status, code(&response).as_str()), (401, code_wanted));
        assert!(header(&response, "www-authenticate").unwrap().contains("authorization_uri="));
    }
    let bare = Request { method: "GET".into(), path: path.clone(), ..Request::default() };
    let response = bench.world.handle(&bare, bench.now);
    assert_eq!(message(&response), "Authentication failed. The 'Authorization' header is missing.");

    bench.token = good;
    bench.set("subscription_tenant", json!("99999999-0000-4000-8000-000000000000"));
    assert_eq!(code(&bench.send("GET", &path, &Value::Null)), "InvalidAuthenticationTokenTenant");
    bench.set("subscription_tenant", Value::Null);
    bench.tick(3599);
    let response = bench.send("GET", &path, &Value::Null);
    assert_eq!(code(&response), "ExpiredAuthenticationToken");
    assert!(message(&response).contains("'11/21/2026 2:40:18 PM' is earlier"), "{}", message(&response));

    bench.login("s3cr+t &~");
    assert_eq!(bench.send("GET", &path, &Value::Null).status, 200);
    bench.world.revoke_tokens();
    assert_eq!(code(&bench.send("GET", &path, &Value::Null)), "InvalidAuthenticationToken");

    let graph = bench.form(
        &format!("/{TENANT}/oauth2/v2.0/token"),
        &[
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT),
            ("client_secret", "s3cr+t &~"),
            ("scope", "https://graph.microsoft.com/.default"),
        ],
    );
    bench.token = body(&graph)["access_token"].as_str().unwrap().to_owned();
    assert_eq!(code(&bench.send("GET", &path, &Value::Null)), "InvalidAuthenticationTokenAudience");
}

#[test]
fn paths_have_no_case_and_scopes_must_be_ours() {
    let mut bench = Bench::new();
    let get = |bench: &mut Bench, path: String| bench.send("GET", &path, &Value::Null);
    let upper = format!("{}/INCIDENTS?API-VERSION={VERSION}", BASE.to_uppercase());
    assert_eq!(get(&mut bench, upper).status, 200);
    assert_eq!(code(&get(&mut bench, format!("{BASE}/incidents"))), "MissingApiVersionParameter");
    assert_eq!(
        code(&get(&mut bench, format!("{BASE}/incidents?api-version=1"))),
        "InvalidApiVersionParameter"
    );
    let future = format!("{BASE}/incidents?api-version=2099-01-01");
    assert_eq!(code(&get(&mut bench, future)), "NoRegisteredProviderFound");
    for (ours, theirs, wanted) in [
        ("0a0a0a0a", "0b0b0b0b", "SubscriptionNotFound"),
        ("rg-soc", "rg-other", "ResourceGroupNotFound"),
        ("workspaces/soc", "workspaces/gone", "ResourceNotFound"),
    ] {
        let path = format!("{}/incidents?api-version={VERSION}", BASE.replace(ours, theirs));
        let response = get(&mut bench, path.clone());
        assert_eq!((response.status, code(&response).as_str()), (404, wanted));
        assert_eq!(header(&response, "x-ms-failure-cause"), Some("gateway"));
        bench.set("wrong_scope", json!("forbidden"));
        assert_eq!(code(&get(&mut bench, path)), "AuthorizationFailed");
        bench.set("wrong_scope", json!("not_found"));
    }
    assert_eq!(bench.call("GET", "/onboardingStates/default", &Value::Null).status, 200);
    bench.set("not_onboarded", json!(["SOC"]));
    assert_eq!(bench.call("GET", "/onboardingStates/default", &Value::Null).status, 404);
    bench.set("not_onboarded", json!([]));
    let nowhere = bench.call("PUT", "/incidents", &json!({}));
    assert_eq!((nowhere.status, code(&nowhere).as_str()), (405, "UnsupportedApiVersion"));
    assert!(body(&nowhere)["error"].as_object().unwrap().contains_key("innerError"));
    assert_eq!(code(&bench.call("GET", "/watchlists", &Value::Null)), "InvalidResourceType");
}

#[test]
fn a_role_allows_what_it_names() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    let comment = format!("/incidents/{guid}/comments/c1");
    let message_body = json!({"properties": {"message": "x"}});
    for (role, read, write, delete) in [
        ("none", 403, 403, 403),
        ("reader", 200, 403, 403),
        ("responder", 200, 201, 403),
        ("contributor", 200, 200, 200),
    ] {
        bench.set("role", json!(role));
        assert_eq!(bench.call("GET", "/incidents", &Value::Null).status, read);
        assert_eq!(bench.call("POST", &format!("/incidents/{guid}/alerts"), &Value::Null).status, read);
        let put = bench.call("PUT", &comment, &message_body);
        assert_eq!(put.status, write);
        if write == 403 {
            assert!(
                message(&put).contains("'Microsoft.SecurityInsights/incidents/comments/write' over scope")
            );
        }
        assert_eq!(bench.call("DELETE", &format!("/incidents/{guid}"), &Value::Null).status, delete);
    }
}

#[test]
fn the_gateways_bucket_empties_and_refills() {
    let mut bench = Bench::new();
    bench.set("throttle", json!("arm"));
    let read = |bench: &mut Bench| bench.call("GET", "/incidents", &Value::Null);
    for left in (0..250).rev() {
        let response = read(&mut bench);
        let header = header(&response, "x-ms-ratelimit-remaining-subscription-reads").map(str::to_owned);
        assert_eq!((response.status, header), (200, Some(left.to_string())));
    }
    let refused = read(&mut bench);
    assert_eq!((refused.status, code(&refused).as_str()), (429, "SubscriptionRequestsThrottled"));
    assert_eq!(header(&refused, "retry-after"), Some("1"));
    let sooner = read(&mut bench);
    assert_eq!(header(&sooner, "retry-after"), Some("2"), "asking early makes it longer");
    bench.tick(2);
    assert_eq!(read(&mut bench).status, 200);
    assert!(bench.world.history().is_empty());
}

#[test]
fn the_providers_floor_counts_an_endpoint_per_five_minutes() {
    let mut bench = Bench::new();
    let (one, two) = (bench.raise("One"), bench.raise("Two"));
    bench.set("throttle", json!("floor"));
    bench.set("throttle_factor", json!(0.1));
    let entities = |bench: &mut Bench, guid: &str| {
        bench.call("POST", &format!("/incidents/{guid}/entities"), &Value::Null)
    };
    for _ in 0..5 {
        assert_eq!(entities(&mut bench, &one).status, 200);
        assert_eq!(entities(&mut bench, &two).status, 200);
    }
    bench.tick(60);
    let refused = entities(&mut bench, &one);
    assert_eq!((refused.status, header(&refused, "retry-after")), (429, Some("240")));
    assert_eq!(bench.call("POST", &format!("/incidents/{one}/alerts"), &Value::Null).status, 200);
    bench.tick(240);
    assert_eq!(entities(&mut bench, &two).status, 200);
}

#[test]
fn every_answer_is_signed_and_a_seed_repeats_it_byte_by_byte() {
    let run = || {
        let mut bench = Bench::new();
        let guid = bench.raise("One");
        let path = format!("/incidents/{guid}/comments/c1");
        let put = bench.call("PUT", &path, &json!({"properties": {"message": "x"}}));
        (bench.incident(&guid), put, bench.call("GET", "/incidents", &Value::Null))
    };
    let (incident, put, list) = run();
    assert_eq!((incident, put.clone(), list), run());
    for name in ["x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id"] {
        assert!(header(&put, name).is_some());
    }
    assert_eq!(header(&put, "content-type"), Some("application/json; charset=utf-8"));
}

#[test]
fn a_switch_takes_only_its_own_values() {
    let mut world = SentinelWorld::new(options());
    assert!(world.set_switch("casing", &json!("lower")).is_ok());
    assert_eq!(world.switches()["casing"], json!("lower"));
    for (name, value) in [
        ("casing", json!("mixed")),
        ("nothing", json!(1)),
        ("list_lag_s", json!(61)),
        ("throttle_factor", json!(0)),
        ("default_order", json!("properties/nothing")),
    ] {
        assert!(world.set_switch(name, &value).is_err(), "{name}");
    }
}

#[test]
fn nothing_that_arrives_breaks_it() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    for _ in 0..4 {
        bench.raise("More");
    }
    let by = "$orderby=properties/lastModifiedTimeUtc&$top=2";
    let page = bench.send("GET", &format!("{BASE}/incidents?api-version={VERSION}&{by}"), &Value::Null);
    let link = body(&page)["nextLink"].as_str().unwrap().to_owned();
    let token = URL_SAFE_NO_PAD.decode(link.rsplit_once('=').unwrap().1).unwrap();
    let token = String::from_utf8(token).unwrap();
    let extremes =
        ["-9223372036854775808", "9223372036854775807", "18446744073709551615", "null", "[]", "1e99"];
    let mut rng = fastrand::Rng::with_seed(11);
    for round in 0..1500 {
        let forged: Vec<String> =
            token
                .split(',')
                .map(|part| {
                    if rng.u8(..4) == 0 { extremes[rng.usize(..extremes.len())].into() } else { part.into() }
                })
                .collect();
        let forged = URL_SAFE_NO_PAD.encode(forged.join(","));
        let query = format!("api-version={VERSION}&{by}&$skipToken={forged}");
        let filter = format!(
            "api-version={VERSION}&$filter=properties/title eq 'x' and not (properties/labels/any(i:i/labelName eq 'é'))"
        );
        let mut text = if round % 2 == 0 { query } else { filter }.into_bytes();
        let mut body = br#"{"etag":"x","properties":{"title":"t","status":"New","severity":"Low","owner":{},"labels":[]}}"#.to_vec();
        for bytes in [&mut text, &mut body] {
            for _ in 0..if round % 2 == 0 { 0 } else { rng.usize(..3) } {
                let at = rng.usize(..bytes.len());
                bytes[at] = rng.u8(..);
            }
        }
        let method = if round % 2 == 0 { "GET" } else { ["GET", "PUT", "POST", "DELETE"][rng.usize(..4)] };
        let part = ["", "/comments/c", "/relations/r", "/tasks/t", "/entities"][rng.usize(..5)];
        let path = if method == "GET" {
            format!("{BASE}/incidents")
        } else {
            format!("{BASE}/incidents/{guid}{part}")
        };
        bench.set("paging", json!(if rng.bool() { "offset" } else { "keyset" }));
        bench.set("page_drift", json!(if rng.bool() { "both" } else { "none" }));
        let request = Request {
            method: method.into(),
            path,
            query: String::from_utf8_lossy(&text).into_owned(),
            headers: vec![("authorization".into(), format!("Bearer {}", bench.token))],
            body,
            ..Request::default()
        };
        let response = bench.world.handle(&request, bench.now);
        assert!((200..500).contains(&response.status), "{}", response.status);
    }
}
