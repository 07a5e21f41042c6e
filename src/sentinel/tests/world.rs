//! The client against the reference server, in one process and without a network: what the
//! client sends is what the documented service takes.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;

use super::super::{ArmClient, ArmGates, ArmRates, ArmSettings, EntraGrant, EntraSettings, IncidentSource};
use crate::http::scripted::FakeClock;
use crate::http::{
    Base, Clock, HttpRequest, HttpResponse, Secret as ClientSecret, TokenCache, Transport, TransportError,
};
use crate::model::call::{ListFrom, SentinelCall, SentinelReply};
use crate::model::{CallError, FaultKind, Incident, IncidentId, IncidentWrite, OwnerRef, WorkspaceKey};
use crate::sandbox::people::CAST;
use crate::sandbox::sentinel::{
    AlertDraft, IncidentAct, IncidentDraft, Secret, SentinelOptions, SentinelWorld,
};
use crate::sandbox::wire::{Request, World};
use crate::text::Stamp;

const ORIGIN: &str = "https://localhost:8443";
const SUBSCRIPTION: &str = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0";
const TENANT: &str = "7f1e7a52-0c1b-4c55-9a30-5e2d8f3b1000";

struct Wire {
    world: Mutex<SentinelWorld>,
    clock: Arc<FakeClock>,
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let now = self.clock.now();
        let request = Request {
            method: request.method.word().into(),
            origin: request.url.origin().ascii_serialization(),
            path: request.url.path().into(),
            query: request.url.query().unwrap_or_default().into(),
            headers: request.headers,
            body: request.body,
        };
        let r = self.world.lock().unwrap().handle(&request, now);
        let mut headers = r.headers;
        headers.push(("date".into(), now.http_date()));
        Ok(HttpResponse { status: r.status, headers, body: r.body })
    }
}

struct Rig {
    wire: Arc<Wire>,
    client: ArmClient,
}

fn rig(secret: &str, page_size: u32) -> Rig {
    let options = SentinelOptions {
        seed: 7,
        tenant: TENANT.into(),
        client_id: "6c1e7a52-0c1b-4c55-9a30-5e2d8f3b2000".into(),
        client_secrets: vec![Secret { value: "right-secret".into(), expires: None }],
        subscription: SUBSCRIPTION.into(),
        resource_group: "soc".into(),
        workspaces: vec!["law-prod".into()],
    };
    let clock = Arc::new(FakeClock::default());
    let base = Base::parse(ORIGIN, false).unwrap();
    let settings = EntraSettings {
        authority: base.clone(),
        audience: base.clone(),
        tenant: TENANT.into(),
        client_id: options.client_id.clone(),
        scope: "https://management.azure.com/.default".into(),
    };
    let wire = Arc::new(Wire { world: Mutex::new(SentinelWorld::new(options)), clock: clock.clone() });
    let grant =
        EntraGrant::new(settings, vec![ClientSecret::new(secret)], wire.clone(), clock.clone()).unwrap();
    let tokens = Arc::new(TokenCache::new(grant, clock.clone()));
    let mut settings =
        ArmSettings::new(base, WorkspaceKey::new("prod").unwrap(), SUBSCRIPTION, "soc", "law-prod");
    settings.page_size = page_size;
    let gates = Arc::new(ArmGates::new(&ArmRates::off()));
    let client = ArmClient::new(settings, wire.clone(), clock, gates, tokens).unwrap();
    Rig { wire, client }
}

impl Rig {
    fn raise(&self, n: usize) -> Vec<String> {
        let mut world = self.wire.world.lock().unwrap();
        let now = self.wire.clock.now();
        let draft = |i| IncidentDraft {
            title: format!("incident {i}"),
            severity: "Medium".into(),
            labels: vec!["snow".into()],
            alerts: vec![AlertDraft {
                display_name: "a".into(),
                severity: "High".into(),
                ..AlertDraft::default()
            }],
            ..IncidentDraft::default()
        };
        (0..n)
            .map(|i| world.raise("law-prod", draft(i), now.plus(std::time::Duration::from_secs(i as u64))))
            .collect()
    }

    fn set(&self, name: &str, value: serde_json::Value) {
        self.wire.world.lock().unwrap().set_switch(name, &value).unwrap();
    }

    async fn call(&self, call: SentinelCall) -> Result<SentinelReply, CallError> {
        self.client.call(call).await.map(|a| a.value)
    }

    async fn get(&self, guid: &str) -> Incident {
        match self.call(SentinelCall::Get(IncidentId::new(guid))).await.unwrap() {
            SentinelReply::Incident(i) => *i,
            other => panic!("{other:?}"),
        }
    }

    async fn list(&self) -> Result<Vec<IncidentId>, CallError> {
        let mut from = ListFrom::Modified(Stamp::default());
        let mut all = Vec::new();
        loop {
            let SentinelReply::Page(page) = self.call(SentinelCall::List(from)).await? else {
                panic!("a page")
            };
            all.extend(page.incidents.into_iter().map(|i| i.id));
            match page.next {
                Some(link) => from = ListFrom::Next(link),
                None => return Ok(all),
            }
        }
    }
}

#[tokio::test]
async fn every_incident_is_listed_whatever_the_page_and_the_links_port() {
    let rig = rig("right-secret", 3);
    let raised: Vec<IncidentId> = rig.raise(10).iter().map(|g| IncidentId::new(g)).collect();
    rig.set("next_link_port", json!(true));
    assert_eq!(rig.list().await.unwrap(), raised);
    rig.set("next_link_origin", json!("https://evil.example"));
    assert_eq!(rig.list().await.unwrap_err().kind, FaultKind::Guard);
}

#[tokio::test]
async fn a_read_merged_write_changes_what_it_says_and_keeps_the_rest() {
    let rig = rig("right-secret", 100);
    let guid = rig.raise(1).remove(0);
    let id = IncidentId::new(&guid);
    let before = rig.get(&guid).await;
    assert_eq!((before.alerts_count, before.comments_count), (1, 0));
    let ada = &CAST[0];
    let mut write = IncidentWrite::from(&before);
    write.status = "Closed".into();
    write.classification = "FalsePositive".into();
    write.reason = "InaccurateData".into();
    write.owner = OwnerRef { upn: ada.upn.into(), email: ada.email.into(), ..OwnerRef::default() };
    write.labels.push("INC0010001".into());
    let put = |w: &IncidentWrite| SentinelCall::Put(id.clone(), Box::new(w.clone()));
    assert!(rig.call(put(&write)).await.is_ok());
    let after = rig.get(&guid).await;
    assert_eq!((after.status.as_str(), after.reason.as_str()), ("Closed", "InaccurateData"));
    assert_eq!(
        (after.title.clone(), after.severity.clone()),
        (before.title.clone(), before.severity.clone())
    );
    assert_eq!(after.owner.upn, ada.upn);
    assert_eq!(after.labels.len(), 2);
    assert_eq!(after.first_activity, before.first_activity);
    assert!(after.etag != before.etag && after.modified >= before.modified);

    let stale = rig.call(put(&write)).await.unwrap_err();
    assert_eq!((stale.kind, stale.maybe_applied), (FaultKind::Conflict, false));
    let mut open = IncidentWrite::from(&after);
    open.status = "Active".into();
    open.owner = OwnerRef::default();
    assert!(rig.call(put(&open)).await.is_ok());
    let reopened = rig.get(&guid).await;
    assert!(reopened.owner.is_unassigned() && reopened.classification.is_empty());
    let mut bad = IncidentWrite::from(&reopened);
    bad.status = "Closed".into();
    bad.classification = "BenignPositive".into();
    let e = rig.call(put(&bad)).await.unwrap_err();
    assert_eq!(e.kind, FaultKind::Rejected);
    assert!(e.message.contains("classificationReason"), "{e}");
}

#[tokio::test]
async fn a_comment_is_written_once_however_often_it_is_sent() {
    let rig = rig("right-secret", 100);
    let guid = rig.raise(1).remove(0);
    let incident = IncidentId::new(&guid);
    let id = "5a1e7a52-0c1b-4c55-9a30-5e2d8f3b3000";
    for _ in 0..3 {
        let call =
            SentinelCall::PutComment { incident: incident.clone(), id: id.into(), message: "hi".into() };
        assert!(matches!(rig.call(call).await.unwrap(), SentinelReply::Comment(c) if c.id == id));
    }
    let SentinelReply::Comments(page) =
        rig.call(SentinelCall::Comments(incident.clone(), None)).await.unwrap()
    else {
        panic!("comments")
    };
    assert_eq!(page.comments.len(), 1);
    assert_eq!(page.comments[0].message.raw(), "hi");
    let alerts = rig.call(SentinelCall::Alerts(incident.clone())).await.unwrap();
    assert!(matches!(alerts, SentinelReply::Alerts(a) if a.len() == 1 && a[0].severity == "High"));
    assert!(matches!(rig.call(SentinelCall::Entities(incident)).await.unwrap(), SentinelReply::Entities(_)));
}

#[tokio::test]
async fn a_merged_incident_tells_its_survivor_under_the_version_that_knows() {
    let rig = rig("right-secret", 100);
    let guids = rig.raise(2);
    let now = rig.wire.clock.now();
    let act = IncidentAct::MergeInto { survivor_guid: guids[1].clone() };
    rig.wire.world.lock().unwrap().act("law-prod", &guids[0], &act, &CAST[0], now).unwrap();
    let loser = rig.get(&guids[0]).await;
    assert!(loser.is_merged() && loser.merged_into.is_none(), "the stable version says no more");
    let survivor = rig.get(&guids[1]).await;
    let asked = rig.call(SentinelCall::GetMerged(IncidentId::new(&guids[0]))).await.unwrap();
    let SentinelReply::Incident(told) = asked else { panic!("an incident") };
    assert_eq!(told.merged_into, Some(survivor.number.to_string()));
}

#[tokio::test]
async fn sign_in_and_permission_failures_are_named() {
    let wrong = rig("wrong-secret", 100);
    let e = wrong.list().await.unwrap_err();
    assert_eq!((e.kind, e.code.as_deref()), (FaultKind::SignIn, Some("AADSTS7000215")), "{e}");
    assert!(!e.to_string().contains("wrong-secret"));

    let rig = rig("right-secret", 100);
    let guid = rig.raise(1).remove(0);
    assert_eq!(rig.list().await.unwrap().len(), 1);
    rig.wire.world.lock().unwrap().revoke_tokens();
    assert_eq!(rig.list().await.unwrap().len(), 1, "a revoked token is replaced unseen");
    rig.wire.clock.advance(std::time::Duration::from_secs(4000));
    assert_eq!(rig.list().await.unwrap().len(), 1, "and so is an old one");
    rig.set("role", json!("reader"));
    let write = IncidentWrite::from(&rig.get(&guid).await);
    let e = rig.call(SentinelCall::Put(IncidentId::new(&guid), Box::new(write))).await.unwrap_err();
    assert_eq!(e.kind, FaultKind::Forbidden);
    assert!(e.message.contains("Microsoft.SecurityInsights/incidents/write"), "{e}");
    let gone = IncidentId::new("00000000-0000-0000-0000-000000000001");
    assert_eq!(rig.call(SentinelCall::Get(gone)).await.unwrap_err().kind, FaultKind::NotFound);
    let now = rig.wire.clock.now();
    rig.wire.world.lock().unwrap().act("law-prod", &guid, &IncidentAct::Delete, &CAST[0], now).unwrap();
    assert_eq!(
        rig.call(SentinelCall::Get(IncidentId::new(&guid))).await.unwrap_err().kind,
        FaultKind::NotFound
    );
}
