//! What people, detections and Defender do.

use serde_json::{Value, json};

use super::bench::*;
use crate::sandbox::people::CAST;
use crate::sandbox::sentinel::{Actor, IncidentAct};

fn preview(bench: &mut Bench, guid: &str) -> Value {
    let path = format!("{BASE}/incidents/{guid}?api-version=2025-10-01-preview");
    body(&bench.send("GET", &path, &Value::Null))
}

#[test]
fn people_do_what_the_portal_lets_them() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    let close = |class: &str, reason: Option<&str>| IncidentAct::Close {
        classification: class.into(),
        reason: reason.map(str::to_owned),
        comment: "done".into(),
    };
    for act in [
        IncidentAct::Title("Renamed".into()),
        IncidentAct::Description("Better".into()),
        IncidentAct::Severity("High".into()),
        IncidentAct::Label("vip".into()),
        IncidentAct::Owner(Some(&CAST[3])),
        close("FalsePositive", Some("InaccurateData")),
    ] {
        let etag = bench.incident(&guid)["etag"].clone();
        bench.act(&guid, act).unwrap();
        assert_ne!(bench.incident(&guid)["etag"], etag);
    }
    let facts = bench.world.facts("soc").remove(0);
    assert_eq!(
        (facts.title.as_str(), facts.severity.as_str(), facts.status.as_str()),
        ("Renamed", "High", "Closed")
    );
    assert_eq!(facts.owner_upn.as_deref(), Some(CAST[3].upn));
    assert_eq!((facts.labels.len(), facts.reason.as_deref()), (2, Some("InaccurateData")));
    assert_eq!(bench.incident(&guid)["etag"], json!(facts.etag));
    bench.act(&guid, IncidentAct::Reopen).unwrap();
    assert_eq!(bench.world.facts("soc")[0].classification, None);
    for act in [
        IncidentAct::Severity("Huge".into()),
        IncidentAct::Status("Closed".into()),
        IncidentAct::Title(" ".into()),
        IncidentAct::Owner(Some(&CAST[6])),
        IncidentAct::Reopen,
        IncidentAct::DeleteComment("none".into()),
        close("TruePositive", None),
    ] {
        assert!(bench.act(&guid, act.clone()).is_err(), "{act:?}");
    }
    assert!(bench.act("none", IncidentAct::Reopen).is_err());
    bench.act(&guid, IncidentAct::Comment("first".into())).unwrap();
    let id = bench.world.facts("soc")[0].comments[0].id.clone();
    bench.act(&guid, IncidentAct::EditComment { id, message: "second".into() }).unwrap();
    bench.act(&guid, IncidentAct::Unlabel("vip".into())).unwrap();
    let facts = bench.world.facts("soc").remove(0);
    assert_eq!((facts.comments[0].message.as_str(), facts.labels.len()), ("second", 1));
    bench.act(&guid, IncidentAct::Delete).unwrap();
    assert_eq!(bench.call("GET", &format!("/incidents/{guid}"), &Value::Null).status, 404);
}

#[test]
fn a_merge_redirects_one_incident_into_the_other() {
    let mut bench = Bench::new();
    let (loser, survivor) = (bench.raise("Loser"), bench.raise("Survivor"));
    bench.tick(1);
    let before = bench.incident(&survivor);
    bench.act(&loser, IncidentAct::MergeInto { survivor_guid: survivor.clone() }).unwrap();
    let gone = bench.incident(&loser);
    let p = &gone["properties"];
    assert_eq!((&p["status"], &p["additionalData"]["alertsCount"]), (&json!("Closed"), &json!(0)));
    assert!(p["labels"].as_array().unwrap().iter().any(|l| l["labelName"] == "redirected"));
    assert!(p["additionalData"].get("mergedIncidentNumber").is_none(), "only the preview shows it");
    assert_eq!(
        preview(&mut bench, &loser)["properties"]["additionalData"]["mergedIncidentNumber"],
        json!("2")
    );
    let kept = bench.incident(&survivor);
    assert_eq!(kept["properties"]["additionalData"]["alertsCount"], json!(2));
    assert_ne!(kept["etag"], before["etag"]);
    assert!(bench.act(&survivor, IncidentAct::MergeInto { survivor_guid: loser }).is_err());
    let merged = bench.world.history().iter().find(|c| c.field == "merged").unwrap();
    assert_eq!(merged.actor, Actor::Service("Microsoft Defender XDR"));
}

#[test]
fn the_service_closes_and_reopens_by_itself() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    bench.act(&guid, IncidentAct::AutoClose).unwrap();
    assert_eq!(bench.world.facts("soc")[0].classification.as_deref(), Some("Undetermined"));
    bench.act(&guid, IncidentAct::AutoReopen(alert("Again"))).unwrap();
    let facts = bench.world.facts("soc").remove(0);
    assert_eq!((facts.status.as_str(), facts.classification, facts.alerts.len()), ("Active", None, 2));
    bench.set("defender", json!(["soc"]));
    bench.act(&guid, IncidentAct::AutoClose).unwrap();
    assert!(bench.act(&guid, IncidentAct::AutoReopen(alert("Again"))).is_err());
}

#[test]
fn a_workspace_in_the_defender_portal_shows_xdr_incidents() {
    let mut bench = Bench::new();
    let guid = bench.raise("One");
    assert!(preview(&mut bench, &guid)["properties"]["additionalData"]["techniques"] == json!(["T1078"]));
    bench.set("defender", json!(["SOC"]));
    let p = bench.incident(&guid)["properties"].clone();
    assert_eq!((p["providerName"].as_str(), p.get("description")), (Some("Microsoft XDR"), None));
    let url = p["additionalData"]["providerIncidentUrl"].as_str().unwrap();
    assert_eq!(url, format!("https://security.microsoft.com/incidents/1?tid={TENANT}"));
    assert_eq!(bench.world.facts("soc")[0].description, "");
    let now = bench.incident(&guid);
    let sent = put_of(&now, |p| p["severity"] = json!("Low"));
    assert_eq!(bench.call("PUT", &format!("/incidents/{guid}"), &sent).status, 200);
    assert!(bench.world.history().iter().all(|c| c.field != "description"), "unseen is not cleared");
    let mut xdr = draft("From Defender");
    xdr.defender = true;
    bench.world.raise("lab", xdr, bench.now);
    assert_eq!(bench.world.facts("lab")[0].number, 1);
    assert_eq!(bench.world.raise("nowhere", draft("x"), bench.now), "");
}
