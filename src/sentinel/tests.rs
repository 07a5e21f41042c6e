//! The Sentinel client against prepared answers: what it sends, what it makes of what comes back.

mod entra;
mod refusals;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::*;
use crate::http::scripted::{Script, answer, token};
use crate::http::{Base, FixedToken, Token, TokenSource};
use crate::model::call::{Answer, ListFrom, SentinelCall, SentinelReply};
use crate::model::{CallError, FaultKind, Incident, IncidentId, IncidentWrite, OwnerRef, WorkspaceKey};
use crate::text::Stamp;

const ARM: &str = "https://management.azure.com";
const ID: &str = "73e01a99-5cd7-4139-a149-9f2736ff2ab5";

fn client_with(script: &Script, rates: ArmRates, tokens: Arc<dyn TokenSource<CallError>>) -> ArmClient {
    let settings = ArmSettings::new(
        Base::parse(ARM, false).unwrap(),
        WorkspaceKey::new("prod").unwrap(),
        "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0",
        "soc(eu)",
        "law-prod",
    );
    let gates = Arc::new(ArmGates::new(&rates));
    ArmClient::new(settings, script.transport(), script.clock.clone(), gates, tokens).unwrap()
}

fn client(script: &Script) -> ArmClient {
    client_with(script, ArmRates::default(), Arc::new(FixedToken::new(token(ARM))))
}

fn row(id: &str) -> Value {
    json!({
        "id": format!("/subscriptions/x/Incidents/{id}"), "name": id.to_uppercase(),
        "etag": "\"0300bf09-0000-0000-0000-5c37296e0000\"",
        "properties": {
            "title": "Odd sign-in \u{1b}[31m", "severity": "Medium", "status": "New", "description": null,
            "owner": {"objectId": null, "email": null, "assignedTo": null, "userPrincipalName": null},
            "labels": [{"labelName": "snow", "labelType": "User"}],
            "createdTimeUtc": "2026-11-21T10:00:00Z", "lastModifiedTimeUtc": "2026-11-21T11:00:00.1234567Z",
            "firstActivityTimeUtc": "2026-11-20T09:00:00.5Z", "incidentNumber": 4711,
            "incidentUrl": "https://portal.azure.com/#x", "providerName": "Microsoft XDR",
            "providerIncidentId": 77, "unknownMember": [1],
            "additionalData": {"alertsCount": 2, "commentsCount": 3, "tactics": ["Execution"],
                "techniques": ["T1059"], "alertProductNames": ["Azure Sentinel"], "mergedIncidentNumber": "12",
                "providerIncidentUrl": "https://security.microsoft.com/incidents/77"}
        }
    })
}

async fn ask(client: &ArmClient, call: SentinelCall) -> Result<Answer<SentinelReply>, CallError> {
    client.call(call).await
}

fn incident(reply: SentinelReply) -> Incident {
    match reply {
        SentinelReply::Incident(i) => *i,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_incident_is_asked_for_by_its_number() {
    let script = Script::new();
    script.push(answer(200, &json!({"value": [row(ID)]}).to_string()));
    let got = ask(&client(&script), SentinelCall::List(ListFrom::Number(4711))).await.unwrap();
    assert!(matches!(got.value, SentinelReply::Page(p) if p.incidents[0].number == 4711));
    let url = &script.seen()[0].url;
    let filter = url.query_pairs().find(|(name, _)| name == "$filter").unwrap().1.into_owned();
    assert_eq!(filter, "properties/incidentNumber eq 4711");
}

#[tokio::test]
async fn a_list_asks_by_modification_and_follows_the_link_as_it_is() {
    let script = Script::new();
    let link = format!("{ARM}:443/subscriptions/d0cf/x?api-version=2025-09-01&$top=2&$skipToken=a%2Bb{{[");
    let first = json!({"value": [row(ID)], "nextLink": link});
    script.push(
        answer(200, &first.to_string())
            .with("x-ms-ratelimit-remaining-subscription-reads", "249")
            .with("x-ms-ratelimit-remaining-subscription-resource-requests", "Group/Policy;107"),
    );
    script.push(answer(200, "{\"value\":[]}"));
    let client = client(&script);
    let since = Stamp::parse_rfc3339("2026-11-21T10:55:00.5Z").unwrap();
    let got = ask(&client, SentinelCall::List(ListFrom::Modified(since))).await.unwrap();
    assert_eq!(got.calls_left, Some(107));
    assert_eq!(got.date, Stamp::parse_rfc3339("2026-11-21T12:00:00Z"));
    let SentinelReply::Page(page) = got.value else { panic!("a page") };
    let i = &page.incidents[0];
    assert_eq!((i.id.as_str(), i.number, i.comments_count, i.alerts_count), (ID, 4711, 3, 2));
    assert_eq!(i.modified_raw, "2026-11-21T11:00:00.1234567Z");
    assert_eq!(i.etag, "\"0300bf09-0000-0000-0000-5c37296e0000\"");
    assert_eq!((i.provider_id.as_str(), i.merged_into.as_deref()), ("77", Some("12")));
    assert!(i.owner.is_unassigned() && i.description.is_empty());

    let next = page.next.unwrap();
    let got = ask(&client, SentinelCall::List(ListFrom::Next(next))).await.unwrap();
    assert!(matches!(got.value, SentinelReply::Page(p) if p.next.is_none()));
    let seen = script.seen();
    assert_eq!(
        seen[0].url.path(),
        "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/soc(eu)/providers/\
         Microsoft.OperationalInsights/workspaces/law-prod/providers/Microsoft.SecurityInsights/incidents"
    );
    assert_eq!(
        seen[0].url.query().unwrap(),
        "api-version=2025-09-01&$filter=properties/lastModifiedTimeUtc%20ge%202026-11-21T10:55:00.500000Z\
         &$orderby=properties/lastModifiedTimeUtc%20asc&$top=1000"
    );
    assert_eq!(seen[1].url.query().unwrap(), "api-version=2025-09-01&$top=2&$skipToken=a%2Bb{[");
    assert!(seen.iter().all(|r| r.header("authorization") == Some("Bearer canary-token")));
    assert_ne!(seen[0].header("x-ms-client-request-id"), seen[1].header("x-ms-client-request-id"));
}

#[tokio::test]
async fn a_next_link_to_elsewhere_never_sees_the_token() {
    let script = Script::new();
    let client = client(&script);
    for link in
        ["https://evil.example/x", "http://management.azure.com/x", "https://management.azure.com@e.example/"]
    {
        for call in [
            SentinelCall::List(ListFrom::Next(link.into())),
            SentinelCall::Comments(IncidentId::new(ID), Some(link.into())),
        ] {
            let e = ask(&client, call).await.unwrap_err();
            assert_eq!(e.kind, FaultKind::Guard);
            assert!(e.message.starts_with("workspace prod: "), "{}", e.message);
        }
    }
    assert!(script.seen().is_empty());
}

#[tokio::test]
async fn a_put_sends_every_writable_member_and_no_other() {
    let script = Script::new();
    script.push(answer(200, &row(ID).to_string()));
    script.push(answer(201, &row(ID).to_string()));
    let client = client(&script);
    let open = IncidentWrite {
        classification: "TruePositive".into(),
        reason: "SuspiciousActivity".into(),
        ..IncidentWrite::from(&incident_of(row(ID)))
    };
    let closed = IncidentWrite {
        status: "Closed".into(),
        classification: "Undetermined".into(),
        classification_comment: "done".into(),
        owner: OwnerRef {
            upn: "ada@contoso.example".into(),
            email: "ada@contoso.example".into(),
            ..OwnerRef::default()
        },
        ..IncidentWrite::from(&incident_of(row(ID)))
    };
    for write in [open, closed] {
        let got = ask(&client, SentinelCall::Put(IncidentId::new(ID), Box::new(write))).await.unwrap();
        assert_eq!(incident(got.value).number, 4711);
    }
    let bodies: Vec<Value> = script.seen().iter().map(|r| serde_json::from_slice(&r.body).unwrap()).collect();
    assert_eq!(
        bodies[0],
        json!({"etag": "\"0300bf09-0000-0000-0000-5c37296e0000\"", "properties": {
            "title": "Odd sign-in \u{1b}[31m", "description": "", "severity": "Medium", "status": "New",
            "owner": {"objectId": null, "email": null, "assignedTo": null, "userPrincipalName": null},
            "labels": [{"labelName": "snow"}], "firstActivityTimeUtc": "2026-11-20T09:00:00.5Z"}})
    );
    let p = &bodies[1]["properties"];
    assert_eq!(p["classification"], "Undetermined");
    assert_eq!(p["classificationComment"], "done");
    assert!(p.get("classificationReason").is_none());
    assert_eq!(
        p["owner"],
        json!({"email": "ada@contoso.example", "assignedTo": null, "userPrincipalName": "ada@contoso.example"})
    );
}

fn incident_of(row: Value) -> Incident {
    super::incidents::incident(&row).unwrap()
}

#[tokio::test]
async fn comments_alerts_and_entities_are_read_and_comments_written() {
    let script = Script::new();
    let comment = |id: &str, at: &str| {
        json!({"name": id, "properties": {"message": "<p>x</p>", "createdTimeUtc": at,
            "author": {"name": "Ada", "objectId": "o", "email": "ada@x.example", "userPrincipalName": null}}})
    };
    let two = [comment("B", "2026-11-21T11:00:00Z"), comment("a", "2026-11-21T10:00:00Z")];
    script.push(answer(200, &json!({ "value": two }).to_string()));
    script.push(answer(201, &comment("c-1", "2026-11-21T11:00:00Z").to_string()));
    script.push(answer(
        200,
        &json!({"value": [{"name": "n", "properties": {"systemAlertId": "s-1",
        "alertDisplayName": "Bad", "severity": "High"}}]})
        .to_string(),
    ));
    script.push(answer(
        200,
        &json!({"entities": [{"name": "e", "kind": "Martian", "properties": {"friendlyName": "x"}}],
        "metaData": [{"entityKind": "Account", "count": 30}]})
        .to_string(),
    ));
    let client = client(&script);
    let id = IncidentId::new(ID);
    let got = ask(&client, SentinelCall::Comments(id.clone(), None)).await.unwrap().value;
    let SentinelReply::Comments(page) = got else { panic!("comments") };
    assert_eq!(page.comments.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["a", "B"]);
    assert_eq!(page.comments[0].author_upn, "ada@x.example");
    let call =
        SentinelCall::PutComment { incident: id.clone(), id: "c-1".into(), message: "a &lt; b".into() };
    assert!(matches!(ask(&client, call).await.unwrap().value, SentinelReply::Comment(c) if c.id == "c-1"));
    let alerts = ask(&client, SentinelCall::Alerts(id.clone())).await.unwrap().value;
    assert!(matches!(&alerts, SentinelReply::Alerts(a) if a[0].id == "s-1" && a[0].severity == "High"));
    let entities = ask(&client, SentinelCall::Entities(id)).await.unwrap().value;
    assert!(
        matches!(&entities, SentinelReply::Entities(e) if e.total == 30 && e.entities[0].kind == "Martian")
    );
    let seen = script.seen();
    let sent: Vec<String> = seen
        .iter()
        .map(|r| format!("{} {}", r.method.word(), r.url.path().rsplit("incidents/").next().unwrap()))
        .collect();
    assert_eq!(
        sent,
        [
            format!("GET {ID}/comments"),
            format!("PUT {ID}/comments/c-1"),
            format!("POST {ID}/alerts"),
            format!("POST {ID}/entities")
        ]
    );
    assert_eq!(seen[1].body, b"{\"properties\":{\"message\":\"a &lt; b\"}}");
    assert!(seen[2].body.is_empty());
}

/// Hands out tokens t0, t1, … and counts.
struct Counting(AtomicU64);

impl Counting {
    fn next(&self) -> Token {
        let n = self.0.fetch_add(1, Ordering::SeqCst);
        Token::new(Arc::new(Base::parse(ARM, false).unwrap()), &format!("Bearer t{n}")).unwrap()
    }
}

#[async_trait]
impl TokenSource<CallError> for Counting {
    async fn token(&self) -> Result<Token, CallError> {
        Ok(self.next())
    }

    async fn renew(&self, _: &Token) -> Result<Option<Token>, CallError> {
        Ok(Some(self.next()))
    }
}

#[tokio::test]
async fn a_401_is_answered_with_one_fresh_token_and_one_repetition() {
    let expired =
        json!({"error": {"code": "ExpiredAuthenticationToken", "message": "The access token expiry …"}});
    let script = Script::new();
    script.push(answer(401, &expired.to_string()));
    script.push(answer(200, &row(ID).to_string()));
    script.push(answer(401, &expired.to_string()));
    script.push(answer(401, &expired.to_string()));
    let client = client_with(&script, ArmRates::default(), Arc::new(Counting(AtomicU64::new(0))));
    assert!(ask(&client, SentinelCall::Get(IncidentId::new(ID))).await.is_ok());
    let e = ask(&client, SentinelCall::Get(IncidentId::new(ID))).await.unwrap_err();
    assert_eq!((e.kind, e.code.as_deref()), (FaultKind::SignIn, Some("ExpiredAuthenticationToken")));
    assert!(e.hint.contains("clock"));
    let tokens: Vec<String> =
        script.seen().iter().map(|r| r.header("authorization").unwrap().into()).collect();
    assert_eq!(tokens, ["Bearer t0", "Bearer t1", "Bearer t2", "Bearer t3"]);
}

#[tokio::test]
async fn the_providers_own_limit_is_kept_per_endpoint() {
    let script = Script::new();
    for _ in 0..4 {
        script.push(answer(200, "{\"value\":[]}"));
    }
    let limit = crate::http::Rate { burst: 2, count: 75, per: std::time::Duration::from_secs(300) };
    let rates = ArmRates { parts: Some(limit), ..ArmRates::default() };
    let client = client_with(&script, rates, Arc::new(FixedToken::new(token(ARM))));
    let id = IncidentId::new(ID);
    for _ in 0..2 {
        ask(&client, SentinelCall::Comments(id.clone(), None)).await.unwrap();
    }
    let e = ask(&client, SentinelCall::Comments(id.clone(), None)).await.unwrap_err();
    assert_eq!((e.kind, e.code.as_deref()), (FaultKind::Throttled, Some("local-gate")));
    assert_eq!(e.retry, crate::model::Retry::After(std::time::Duration::from_secs(4)));
    assert!(ask(&client, SentinelCall::Alerts(id)).await.is_ok(), "another endpoint has its own");
    assert_eq!(script.seen().len(), 3);
}

#[test]
fn settings_that_cannot_be_right_are_refused() {
    let good = ArmSettings::new(
        Base::parse(ARM, false).unwrap(),
        WorkspaceKey::new("prod").unwrap(),
        "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0",
        "rg",
        "law",
    );
    assert!(good.check().is_ok());
    for bad in [
        ArmSettings { subscription: "x/../y".into(), ..good.clone() },
        ArmSettings { resource_group: "a/b".into(), ..good.clone() },
        ArmSettings { workspace: "a?b".into(), ..good.clone() },
        ArmSettings { api_version: "2025&x=1".into(), ..good.clone() },
        ArmSettings { page_size: 1001, ..good.clone() },
    ] {
        assert!(bad.check().is_err(), "{bad:?}");
    }
}
