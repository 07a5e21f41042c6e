//! PUT and DELETE of incidents.

use serde_json::{Value, json};

use super::bench::*;
use crate::sandbox::people::CAST;
use crate::sandbox::sentinel::{Actor, IncidentAct};
use crate::sandbox::wire::Response;

fn put(bench: &mut Bench, guid: &str, body: &Value) -> Response {
    bench.call("PUT", &format!("/incidents/{guid}"), body)
}

fn minimal(incident: &Value, status: &str) -> Value {
    json!({"etag": incident["etag"], "properties": {"title": "T", "severity": "High", "status": status}})
}

#[test]
fn an_incident_has_the_documented_shape() {
    let mut bench = Bench::new();
    let guid = bench.raise("Shape");
    let incident = bench.incident(&guid.to_uppercase());
    assert_eq!(incident["id"], json!(format!("{BASE}/Incidents/{guid}")));
    assert_eq!(incident["type"], json!("Microsoft.SecurityInsights/Incidents"));
    let etag = incident["etag"].as_str().unwrap();
    assert!(etag.starts_with('"') && etag.ends_with("0000\""), "inner quotes belong to it");
    let p = &incident["properties"];
    assert!(p["lastModifiedTimeUtc"].as_str().unwrap().starts_with("2026-11-21T13:40:19.123456"));
    assert_eq!(p["lastModifiedTimeUtc"].as_str().unwrap().len(), 28);
    assert_eq!(
        p["owner"],
        json!({"objectId": null, "email": null, "assignedTo": null, "userPrincipalName": null})
    );
    assert_eq!(p["labels"], json!([{"labelName": "snow", "labelType": "AutoAssigned"}]));
    assert_eq!((&p["incidentNumber"], &p["providerIncidentId"]), (&json!(1), &json!("1")));
    assert_eq!(p["providerName"], json!("Azure Sentinel"));
    assert_eq!(p["additionalData"]["alertsCount"], json!(1));
    assert_eq!(p["additionalData"]["tactics"], json!(["InitialAccess"]));
    assert!(p["additionalData"].get("techniques").is_none() && p.get("classification").is_none());
    assert!(p["relatedAnalyticRuleIds"][0].as_str().unwrap().contains("/alertRules/"));

    bench.set("casing", json!("lower"));
    bench.set("time_digits", json!(0));
    bench.set("absent", json!("null"));
    let incident = bench.incident(&guid);
    assert_eq!(incident["type"], json!("Microsoft.SecurityInsights/incidents"));
    assert_eq!(incident["properties"]["createdTimeUtc"], json!("2026-11-21T13:40:19Z"));
    assert_eq!(incident["properties"].get("classification"), Some(&Value::Null));
    let gone = bench.call("GET", "/incidents/none", &Value::Null);
    assert_eq!((gone.status, code(&gone).as_str()), (404, "NotFound"));
}

#[test]
fn a_stale_or_missing_etag_is_a_conflict() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    let before = bench.incident(&guid);
    bench.tick(1);
    let first = put(&mut bench, &guid, &put_of(&before, |p| p["severity"] = json!("High")));
    assert_eq!(first.status, 200);
    assert_ne!(body(&first)["etag"], before["etag"]);
    assert_eq!(body(&first), bench.incident(&guid));
    let stale = put(&mut bench, &guid, &put_of(&before, |_| {}));
    assert_eq!((stale.status, code(&stale).as_str()), (409, "Conflict"));
    let text = format!("Newer version of resource '{BASE}/Incidents/{guid}' exists. Data was not saved");
    assert_eq!(message(&stale), text);
    let now = bench.incident(&guid);
    let mut without = put_of(&now, |_| {});
    without.as_object_mut().unwrap().remove("etag");
    assert_eq!(put(&mut bench, &guid, &without).status, 409);
    let mut unquoted = put_of(&now, |_| {});
    unquoted["etag"] = json!(now["etag"].as_str().unwrap().trim_matches('"'));
    assert_eq!(put(&mut bench, &guid, &unquoted).status, 409);

    bench.set("conflict_storm", json!(2));
    let fresh = put_of(&now, |_| {});
    assert_eq!([409, 409, 200], [0; 3].map(|_| put(&mut bench, &guid, &fresh).status));
    bench.set("missing_etag", json!("accept"));
    assert_eq!(put(&mut bench, &guid, &without).status, 200);
}

#[test]
fn a_put_replaces_and_clears_what_it_omits() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    bench.act(&guid, IncidentAct::Owner(Some(noor()))).unwrap();
    let before = bench.incident(&guid);
    // As SDK 1.0.0 sends it: nulls dropped, empty owner and labels.
    let mut sent = minimal(&before, "Active");
    sent["properties"]["owner"] = json!({});
    sent["properties"]["labels"] = json!([]);
    let after = body(&put(&mut bench, &guid, &sent));
    let p = &after["properties"];
    assert_eq!((p.get("description"), &p["labels"]), (None, &json!([])));
    assert!(p["owner"]["objectId"].is_null() && p.get("firstActivityTimeUtc").is_none());
    assert_eq!(p["additionalData"], before["properties"]["additionalData"], "never read-only ones");
    assert_eq!(p["createdTimeUtc"], before["properties"]["createdTimeUtc"]);

    let guid = bench.raise("Two");
    bench.act(&guid, IncidentAct::Owner(Some(noor()))).unwrap();
    for name in ["description", "owner", "labels", "activity", "classification"] {
        bench.set(&format!("put_clears_{name}"), json!(false));
    }
    let before = bench.incident(&guid);
    let after = body(&put(&mut bench, &guid, &minimal(&before, "Active")));
    for name in ["description", "owner", "labels", "firstActivityTimeUtc"] {
        assert_eq!(after["properties"][name], before["properties"][name]);
    }
}

#[test]
fn what_a_put_must_hold_is_said_in_the_documented_words() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    let now = bench.incident(&guid);
    let refused = |bench: &mut Bench, change: &dyn Fn(&mut Value)| {
        let response = put(bench, &guid, &put_of(&now, change));
        assert_eq!((response.status, code(&response).as_str()), (400, "BadRequest"));
        message(&response)
    };
    assert_eq!(refused(&mut bench, &|p| p["title"] = json!("")), "'Title' must have a non-empty value");
    assert_eq!(refused(&mut bench, &|p| p["status"] = Value::Null), "status must not be empty.");
    refused(&mut bench, &|p| p["severity"] = json!("Huge"));
    refused(&mut bench, &|p| p["description"] = json!("é".repeat(5001)));
    refused(&mut bench, &|p| p["labels"] = json!([{"labelName": ""}]));
    refused(&mut bench, &|p| p["firstActivityTimeUtc"] = json!("yesterday"));
    refused(&mut bench, &|p| p["owner"] = json!({"objectId": "not a guid"}));
    let close = |class: Value, reason: Value| {
        move |p: &mut Value| {
            (p["status"], p["classification"], p["classificationReason"]) =
                (json!("Closed"), class.clone(), reason.clone());
        }
    };
    refused(&mut bench, &close(Value::Null, Value::Null));
    let text = refused(&mut bench, &close(json!("BenignPositive"), Value::Null));
    assert_eq!(text, "classification 'BenignPositive' must have classificationReason.");
    refused(&mut bench, &close(json!("TruePositive"), json!("InaccurateData")));
    refused(&mut bench, &close(json!("Undetermined"), json!("InaccurateData")));
    refused(&mut bench, &close(json!("Sorcery"), Value::Null));
    let bad = bench.send("PUT", &format!("{BASE}/incidents/{guid}?api-version={VERSION}"), &json!(3));
    assert_eq!(bad.status, 400);
    assert_eq!(bench.incident(&guid), now, "nothing of it was applied");
}

#[test]
fn closing_and_reopening_follow_the_pairs() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    for (class, reason) in [
        ("TruePositive", json!("SuspiciousActivity")),
        ("BenignPositive", json!("SuspiciousButExpected")),
        ("FalsePositive", json!("IncorrectAlertLogic")),
        ("FalsePositive", json!("InaccurateData")),
        ("Undetermined", Value::Null),
    ] {
        let now = bench.incident(&guid);
        let closed = put_of(&now, |p| {
            p["status"] = json!("Closed");
            p["classification"] = json!(class);
            p["classificationReason"] = reason.clone();
            p["classificationComment"] = json!("why");
        });
        let closed = body(&put(&mut bench, &guid, &closed));
        assert_eq!(closed["properties"]["classification"], json!(class));
        let open = body(&put(&mut bench, &guid, &put_of(&closed, |p| p["status"] = json!("New"))));
        assert!(open["properties"].get("classificationComment").is_none(), "reopening drops them");
    }
}

#[test]
fn an_owner_is_resolved_by_object_id_or_name() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    let own = |bench: &mut Bench, owner: Value| {
        let now = bench.incident(&guid);
        let response = put(bench, &guid, &put_of(&now, |p| p["owner"] = owner));
        body(&response)["properties"]["owner"].clone()
    };
    let kenji = &CAST[3];
    let resolved = own(&mut bench, json!({"objectId": kenji.object_id}));
    assert_eq!(resolved["assignedTo"], json!(kenji.name));
    assert_eq!((&resolved["userPrincipalName"], &resolved["ownerType"]), (&json!(kenji.upn), &json!("User")));
    let null_id =
        json!({"objectId": null, "userPrincipalName": CAST[1].upn, "email": null, "assignedTo": null});
    assert_eq!(own(&mut bench, null_id)["objectId"], json!(CAST[1].object_id));
    assert_eq!(own(&mut bench, json!({"assignedTo": "Somebody"}))["assignedTo"], json!("Somebody"));
    let stranger = json!({"objectId": "99999999-0000-4000-8000-000000000000"});
    assert_eq!(own(&mut bench, stranger.clone())["ownerType"], json!("Unknown"));
    bench.set("unknown_owner", json!("drop"));
    assert!(own(&mut bench, stranger)["objectId"].is_null());
    bench.set("owner_free_text", json!("drop"));
    assert!(own(&mut bench, json!({"email": kenji.email}))["email"].is_null());
}

#[test]
fn create_answers_201_and_delete_200_then_204() {
    let mut bench = Bench::new();
    let guid = "5f1e7a52-0c1b-4c55-9a30-5e2d8f3b2001";
    let sent = json!({"properties": {"title": "By hand", "severity": "Low", "status": "New",
        "labels": [{"labelName": "snow"}, {"labelName": "snow"}]}});
    let created = put(&mut bench, guid, &sent);
    assert_eq!(created.status, 201);
    let p = body(&created)["properties"].clone();
    assert_eq!((&p["additionalData"]["alertsCount"], p["labels"].as_array().unwrap().len()), (&json!(0), 2));
    bench.set("role", json!("contributor"));
    let path = format!("/incidents/{guid}");
    let deleted = bench.call("DELETE", &path, &Value::Null);
    assert_eq!((deleted.status, deleted.body.len()), (200, 0));
    assert_eq!(bench.call("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(bench.call("GET", &path, &Value::Null).status, 404);
    let mut xdr = draft("From Defender");
    xdr.defender = true;
    let xdr = bench.raise_draft(xdr);
    assert_eq!(bench.call("DELETE", &format!("/incidents/{xdr}"), &Value::Null).status, 400);
}

#[test]
fn history_names_each_applied_change_once() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    let start = bench.world.history().len();
    bench.tick(1);
    bench.act(&guid, IncidentAct::Severity("High".into())).unwrap();
    let now = bench.incident(&guid);
    let both = put_of(&now, |p| {
        p["status"] = json!("Active");
        p["owner"] = json!({"objectId": CAST[1].object_id});
    });
    let after = body(&put(&mut bench, &guid, &both));
    put(&mut bench, &guid, &put_of(&after, |_| {}));
    put(&mut bench, &guid, &put_of(&after, |_| {}));
    let changes = &bench.world.history()[start..];
    let seen: Vec<_> =
        changes.iter().map(|c| (c.field.as_str(), c.before.as_deref(), c.after.as_deref())).collect();
    assert_eq!(
        seen,
        [
            ("severity", Some("Medium"), Some("High")),
            ("status", Some("New"), Some("Active")),
            ("owner", None, Some(CAST[1].upn)),
            ("rewritten", None, None),
        ]
    );
    assert_eq!(changes[0].actor, Actor::Person(noor().upn.into()));
    assert_eq!(changes[1].actor, Actor::App(CLIENT.into()));
    assert_eq!((changes[1].write, changes[3].write), (changes[2].write, changes[2].write + 1));
    assert_eq!(changes[1].at, bench.now);
}
