//! Comments, alerts, entities, bookmarks, relations and tasks.

use serde_json::{Map, Value, json};

use super::bench::*;
use crate::sandbox::sentinel::{Actor, EntityDraft, IncidentAct};

fn message_of(text: &str) -> Value {
    json!({"properties": {"message": text}})
}

#[test]
fn a_comment_is_written_once_whatever_its_id() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    let before = bench.incident(&guid);
    bench.tick(1);
    let path = format!("/incidents/{guid}/comments/any-id-42");
    let first = bench.call("PUT", &path, &message_of("<p>Hello</p>"));
    assert_eq!(first.status, 201);
    let comment = body(&first);
    assert!(!comment["etag"].as_str().unwrap().contains('"'), "no inner quotes here");
    assert_eq!(comment["properties"]["author"]["email"], Value::Null);
    let after = bench.incident(&guid);
    assert_ne!(after["etag"], before["etag"]);
    assert_ne!(after["properties"]["lastModifiedTimeUtc"], before["properties"]["lastModifiedTimeUtc"]);
    assert_eq!(after["properties"]["additionalData"]["commentsCount"], json!(1));

    bench.tick(1);
    assert_eq!(bench.call("PUT", &path, &message_of("<p>Hello</p>")).status, 200);
    assert_eq!(bench.get(&format!("/incidents/{guid}/comments"))["value"].as_array().unwrap().len(), 1);
    let mut stale = message_of("x");
    stale["etag"] = comment["etag"].clone();
    assert_eq!(bench.call("PUT", &path, &stale).status, 409);
    assert_eq!(bench.call("PUT", &path, &message_of("")).status, 400);
    bench.set("role", json!("contributor"));
    assert_eq!(bench.call("DELETE", &path, &Value::Null).status, 200);
    assert_eq!(bench.call("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(bench.call("GET", &path, &Value::Null).status, 404);
    let last = bench.world.history().last().unwrap();
    assert_eq!(
        (last.field.as_str(), last.item.as_deref(), last.after.as_deref()),
        ("comment", Some("any-id-42"), None)
    );
}

#[test]
fn comments_end_at_a_hundred_and_at_thirty_thousand() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    let long = bench.call("PUT", &format!("/incidents/{guid}/comments/c"), &message_of(&"x".repeat(30_001)));
    assert_eq!((long.status, code(&long).as_str()), (400, "BadRequest"));
    let emoji = "\u{1F6A8}".repeat(15_001);
    assert_eq!(bench.call("PUT", &format!("/incidents/{guid}/comments/c"), &message_of(&emoji)).status, 400);
    bench.act(&guid, IncidentAct::Comment("<div>by a person</div>".into())).unwrap();
    for i in 1..100 {
        bench.tick(1);
        let path = format!("/incidents/{guid}/comments/c{i:03}");
        assert_eq!(bench.call("PUT", &path, &message_of("x")).status, 201);
    }
    assert_eq!(bench.call("PUT", &format!("/incidents/{guid}/comments/c100"), &message_of("x")).status, 400);
    assert!(bench.act(&guid, IncidentAct::Comment("x".into())).is_err());
    let page = bench.get(&format!("/incidents/{guid}/comments"));
    assert_eq!(page["value"].as_array().unwrap().len(), 50);
    assert_eq!(page["value"][0]["properties"]["author"]["userPrincipalName"], json!(noor().upn));
    let link = page["nextLink"].as_str().unwrap().strip_prefix("https://localhost:8443").unwrap().to_owned();
    let rest = body(&bench.send("GET", &link, &Value::Null));
    assert_eq!(rest["value"].as_array().unwrap().len(), 50);
    let facts = &bench.world.facts("soc")[0];
    assert_eq!((facts.comments.len(), facts.comments[0].author_name.as_str()), (100, noor().name));
}

#[test]
fn what_a_comment_does_to_its_incident_can_be_switched() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    for (bump, new_etag, new_time) in
        [("both", true, true), ("etag", true, false), ("modified", false, true), ("none", false, false)]
    {
        bench.set("comment_bumps", json!(bump));
        bench.tick(1);
        let before = bench.incident(&guid);
        bench.call("PUT", &format!("/incidents/{guid}/comments/{bump}"), &message_of("x"));
        let after = bench.incident(&guid);
        assert_eq!(before["etag"] != after["etag"], new_etag, "{bump}");
        let time = |i: &Value| i["properties"]["lastModifiedTimeUtc"].clone();
        assert_eq!(time(&before) != time(&after), new_time, "{bump}");
    }
}

#[test]
fn alerts_entities_and_bookmarks_have_their_wire_shape() {
    let mut bench = Bench::new();
    let mut draft = draft("One");
    let entity = |kind: &str, properties: Value| EntityDraft {
        kind: kind.into(),
        properties: properties.as_object().cloned().unwrap_or_else(Map::new),
    };
    draft.entities = vec![
        entity("Account", json!({"accountName": "noor", "isDomainJoined": true})),
        entity("Ip", json!({"address": "192.0.2.7", "location": {"countryCode": "NL"}})),
        entity("Account", json!({"accountName": "beth"})),
        entity("FileHash", json!({"algorithm": "MD5", "hashValue": "abc"})),
        entity("Teapot", json!({"spout": [1, 2]})),
    ];
    let guid = bench.raise_draft(draft.clone());
    let answer = body(&bench.call("POST", &format!("/incidents/{guid}/entities"), &Value::Null));
    let wanted = [("Account", 2), ("Ip", 1), ("FileHash", 1), ("Teapot", 1)];
    assert_eq!(answer["metaData"], json!(wanted.map(|(k, c)| json!({"entityKind": k, "count": c}))));
    let all = answer["entities"].as_array().unwrap();
    assert_eq!(all[0]["properties"]["friendlyName"], json!("noor"));
    assert_eq!(all[0]["properties"]["isDomainJoined"], json!(true));
    assert_eq!(all[3]["properties"]["friendlyName"], json!("abc(MD5)"));
    assert_eq!((&all[4]["kind"], &all[4]["properties"]["spout"]), (&json!("Teapot"), &json!([1, 2])));
    bench.set("entity_cap", json!(2));
    let cut = body(&bench.call("POST", &format!("/incidents/{guid}/entities"), &Value::Null));
    assert_eq!((cut["entities"].as_array().unwrap().len(), &cut["metaData"][0]["count"]), (2, &json!(2)));
    bench.raise_draft(draft);

    bench.tick(5);
    let alerts =
        |bench: &mut Bench| body(&bench.call("POST", &format!("/incidents/{guid}/alerts"), &Value::Null));
    let one = alerts(&mut bench)["value"][0].clone();
    assert_eq!(
        (&one["kind"], &one["type"]),
        (&json!("SecurityAlert"), &json!("Microsoft.SecurityInsights/Entities"))
    );
    let details: Value =
        serde_json::from_str(one["properties"]["additionalData"]["Custom Details"].as_str().unwrap())
            .unwrap();
    assert_eq!(details, json!({"Country": ["NL"]}));
    assert_eq!(one["properties"]["systemAlertId"], one["name"]);
    bench.act(&guid, IncidentAct::AddAlert(alert("Second"))).unwrap();
    let two = alerts(&mut bench);
    assert_eq!(two["value"].as_array().unwrap().len(), 2);
    assert_ne!(
        two["value"][0]["properties"]["timeGenerated"], one["properties"]["timeGenerated"],
        "it shifts"
    );
    assert_eq!(two["value"][0]["name"], one["name"]);
    assert_eq!(bench.world.history().last().unwrap().actor, Actor::Service("Microsoft Sentinel"));

    let mark = IncidentAct::AddBookmark { name: "Odd".into(), notes: "n".into(), query: "T | take 1".into() };
    bench.act(&guid, mark).unwrap();
    let bookmarks = body(&bench.call("POST", &format!("/incidents/{guid}/bookmarks"), &Value::Null));
    let bookmark = &bookmarks["value"][0];
    assert_eq!(
        (&bookmark["kind"], &bookmark["properties"]["displayName"]),
        (&json!("Bookmark"), &json!("Odd"))
    );
    assert_eq!(bookmark["properties"]["incidentInfo"]["title"], json!("One"));
}

#[test]
fn relations_add_and_remove_alerts_with_the_documented_refusals() {
    let mut bench = Bench::new();
    let (one, two) = (bench.raise("One"), bench.raise("Two"));
    let list =
        |bench: &mut Bench, guid: &str| bench.get(&format!("/incidents/{guid}/relations"))["value"].clone();
    let theirs = list(&mut bench, &two)[0].clone();
    assert_eq!(theirs["properties"]["relatedResourceKind"], json!("SecurityAlert"));
    let target = theirs["properties"]["relatedResourceId"].clone();
    let relate = |bench: &mut Bench, name: &str, target: Value| {
        let sent = json!({"properties": {"relatedResourceId": target}});
        bench.call("PUT", &format!("/incidents/{one}/relations/{name}"), &sent)
    };
    let name = format!("{one}_{}", theirs["properties"]["relatedResourceName"].as_str().unwrap());
    assert_eq!(relate(&mut bench, &name, target.clone()).status, 201, "longer than the documented pattern");
    assert_eq!(relate(&mut bench, &name, target.clone()).status, 200);
    assert_eq!(bench.incident(&one)["properties"]["additionalData"]["alertsCount"], json!(2));
    assert_eq!(relate(&mut bench, "other-name", target.clone()).status, 400, "already in this incident");
    let own = list(&mut bench, &one)[0]["name"].as_str().unwrap().to_owned();
    let other =
        if own == name { list(&mut bench, &one)[1]["name"].as_str().unwrap().to_owned() } else { own };
    assert_eq!(relate(&mut bench, &other, target.clone()).status, 409, "a different alert");
    let nowhere = relate(&mut bench, "new", json!(format!("{BASE}/entities/none")));
    assert_eq!((nowhere.status, message(&nowhere).as_str()), (404, "Resource 'none' does not exist"));
    let foreign = json!(target.as_str().unwrap().replace("workspaces/soc", "workspaces/lab"));
    assert_eq!(relate(&mut bench, "new", foreign).status, 400);
    let found = bench.send(
        "GET",
        &format!("{BASE}/incidents/{one}/relations?api-version={VERSION}&$filter=search.in(properties/relatedResourceKind,'SecurityAlert,Bookmark',',')"),
        &Value::Null,
    );
    assert_eq!(body(&found)["value"].as_array().unwrap().len(), 2);
    bench.set("defender", json!(["soc"]));
    bench.set("role", json!("contributor"));
    let path = format!("/incidents/{one}/relations/{name}");
    assert_eq!(bench.call("DELETE", &path, &Value::Null).status, 400, "Defender keeps its alerts");
    bench.set("defender", json!([]));
    assert_eq!(bench.call("DELETE", &path, &Value::Null).status, 200);
    assert_eq!(bench.call("DELETE", &path, &Value::Null).status, 204);
}

#[test]
fn tasks_have_two_states_and_a_limit() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    let before = bench.incident(&guid);
    let task = |status: &str| json!({"properties": {"title": "Call", "description": "d", "status": status}});
    let path = |i: usize| format!("/incidents/{guid}/tasks/t{i}");
    for i in 0..40 {
        assert_eq!(bench.call("PUT", &path(i), &task("New")).status, 201);
    }
    assert_eq!(bench.call("PUT", &path(40), &task("New")).status, 400);
    let done = bench.call("PUT", &path(0), &task("Completed"));
    assert_eq!(done.status, 200);
    assert!(body(&done)["etag"].as_str().unwrap().starts_with('"'));
    assert_eq!(bench.call("PUT", &path(0), &task("Half")).status, 400);
    assert_eq!(bench.incident(&guid)["etag"], before["etag"], "tasks leave the incident alone by default");
    let all = bench.get(&format!("/incidents/{guid}/tasks"));
    assert_eq!(all["value"].as_array().unwrap().len(), 40);
    bench.set("role", json!("contributor"));
    assert_eq!(bench.call("DELETE", &path(0), &Value::Null).status, 200);
    assert_eq!(bench.call("GET", &path(0), &Value::Null).status, 404);
    let play = json!({"logicAppsResourceId": "/subscriptions/x"});
    assert_eq!(bench.call("POST", &format!("/incidents/{guid}/runPlaybook"), &play).status, 204);
}
