//! Both worlds with everything that acts on them, behind one door for the servers, the admin
//! endpoint and the analysts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::broadcast;

use super::analysts::{AnalystEntry, Analysts};
use super::exchange::{Delivery, apply_late, exchange};
use super::faults::FaultPlan;
use super::sentinel::SentinelWorld;
use super::servicenow::DeskWorld;
use super::side::{Side, is_write};
use super::wire::{Request, World};
use crate::text::Stamp;

/// Analyst entries that a slow subscriber may lag behind before it loses the oldest.
const ENTRIES: usize = 4096;

/// What one server has answered so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Requests received, whatever came of them.
    pub requests: u64,
    /// Requests that could change something.
    pub writes: u64,
    /// Answers with a status of 400 or more.
    pub errors: u64,
    /// Faults that struck.
    pub faults: u64,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    writes: AtomicU64,
    errors: AtomicU64,
}

/// Both worlds and what plays on them. Locks are taken in the order of the fields, never the
/// other way round.
pub struct Stage {
    sentinel: Mutex<SentinelWorld>,
    desk: Mutex<DeskWorld>,
    faults: Mutex<FaultPlan>,
    analysts: Mutex<Analysts>,
    counters: [Counters; 2],
    entries: broadcast::Sender<AnalystEntry>,
    /// Names of the Sentinel workspaces.
    pub workspaces: Vec<String>,
}

/// A panic inside a world must not take the other requests with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    /// Puts worlds, plan and analysts together.
    pub fn new(
        sentinel: SentinelWorld,
        desk: DeskWorld,
        faults: FaultPlan,
        analysts: Analysts,
        workspaces: Vec<String>,
    ) -> Self {
        Self {
            sentinel: Mutex::new(sentinel),
            desk: Mutex::new(desk),
            faults: Mutex::new(faults),
            analysts: Mutex::new(analysts),
            counters: Default::default(),
            entries: broadcast::Sender::new(ENTRIES),
            workspaces,
        }
    }

    /// Carries one request to the world of its side, faults included.
    pub fn deliver(&self, side: Side, request: &Request, now: Stamp) -> Delivery {
        let counters = &self.counters[side.index()];
        counters.requests.fetch_add(1, Ordering::Relaxed);
        if is_write(side, request) {
            counters.writes.fetch_add(1, Ordering::Relaxed);
        }
        let delivery = match side {
            Side::Sentinel => {
                let mut world = lock(&self.sentinel);
                exchange(&mut *world, side, request, now, &mut lock(&self.faults))
            }
            Side::ServiceNow => {
                let mut world = lock(&self.desk);
                exchange(&mut *world, side, request, now, &mut lock(&self.faults))
            }
        };
        if delivery.status().is_some_and(|s| s >= 400) {
            counters.errors.fetch_add(1, Ordering::Relaxed);
        }
        delivery
    }

    /// Counts a request that found the server's queue full.
    pub(crate) fn count_refused(&self, side: Side) {
        let counters = &self.counters[side.index()];
        counters.requests.fetch_add(1, Ordering::Relaxed);
        counters.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Commits a request whose delivery said [`Delivery::ApplyLater`].
    pub fn commit(&self, side: Side, request: &Request, now: Stamp) {
        self.with_world(side, |world| apply_late(world, request, now));
    }

    /// Works on the Sentinel world directly.
    pub fn with_sentinel<T>(&self, work: impl FnOnce(&mut SentinelWorld) -> T) -> T {
        work(&mut lock(&self.sentinel))
    }

    /// Works on the ServiceNow world directly.
    pub fn with_desk<T>(&self, work: impl FnOnce(&mut DeskWorld) -> T) -> T {
        work(&mut lock(&self.desk))
    }

    /// Works on the fault plan directly.
    pub fn with_faults<T>(&self, work: impl FnOnce(&mut FaultPlan) -> T) -> T {
        work(&mut lock(&self.faults))
    }

    /// Works on the analysts directly, for example to change how often they do what.
    pub fn with_analysts<T>(&self, work: impl FnOnce(&mut Analysts) -> T) -> T {
        work(&mut lock(&self.analysts))
    }

    /// Works on either world through what both have in common.
    pub fn with_world<T>(&self, side: Side, work: impl FnOnce(&mut dyn World) -> T) -> T {
        match side {
            Side::Sentinel => work(&mut *lock(&self.sentinel)),
            Side::ServiceNow => work(&mut *lock(&self.desk)),
        }
    }

    /// Sets the analysts' acts per second.
    pub fn set_rate(&self, rate: f64) {
        lock(&self.analysts).set_rate(rate);
    }

    /// The analysts' acts per second.
    pub fn rate(&self) -> f64 {
        lock(&self.analysts).rate()
    }

    /// When the analysts act next; `None` while their rate is 0.
    pub fn next_act(&self, now: Stamp) -> Option<Stamp> {
        lock(&self.analysts).next(now)
    }

    /// Lets one analyst act now, logs it and tells subscribers.
    pub fn play(&self, now: Stamp) -> Option<AnalystEntry> {
        let mut sentinel = lock(&self.sentinel);
        let mut desk = lock(&self.desk);
        let entry = lock(&self.analysts).perform(&mut sentinel, &mut desk, &self.workspaces, now)?;
        // Nobody listening is fine.
        let _ = self.entries.send(entry.clone());
        Some(entry)
    }

    /// Lets somebody do one given deed now, see [`Analysts::perform_one`].
    pub fn play_one(
        &self,
        deed: super::analysts::Deed,
        draw: u64,
        serial: u64,
        now: Stamp,
    ) -> Option<AnalystEntry> {
        let mut sentinel = lock(&self.sentinel);
        let mut desk = lock(&self.desk);
        let mut analysts = lock(&self.analysts);
        analysts.perform_one(deed, draw, serial, &mut sentinel, &mut desk, &self.workspaces, now)
    }

    /// Tells subscribers of an act that came from elsewhere, such as the admin endpoint.
    pub fn announce(&self, entry: AnalystEntry) {
        let _ = self.entries.send(entry);
    }

    /// Acts as they happen from now on.
    pub fn entries(&self) -> broadcast::Receiver<AnalystEntry> {
        self.entries.subscribe()
    }

    /// What each server has answered so far.
    pub fn traffic(&self) -> BTreeMap<Side, Traffic> {
        Side::BOTH
            .into_iter()
            .map(|side| {
                let c = &self.counters[side.index()];
                let traffic = Traffic {
                    requests: c.requests.load(Ordering::Relaxed),
                    writes: c.writes.load(Ordering::Relaxed),
                    errors: c.errors.load(Ordering::Relaxed),
                    faults: lock(&self.faults).struck_on(side),
                };
                (side, traffic)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::sandbox::faults::{FaultKind, Profile};
    use crate::sandbox::latency::Latency;
    use crate::sandbox::seed_data;
    use crate::sandbox::sentinel::{Secret, SentinelOptions};
    use crate::sandbox::servicenow::DeskOptions;

    fn stage() -> (Stage, Stamp) {
        let text = |t: &str| t.to_owned();
        let now = Stamp::parse_rfc3339("2026-11-21T08:00:00Z").unwrap();
        let mut sentinel = SentinelWorld::new(SentinelOptions {
            seed: 1,
            tenant: text("tenant"),
            client_id: text("client"),
            client_secrets: vec![Secret { value: text("secret"), expires: None }],
            subscription: text("sub"),
            resource_group: text("rg"),
            workspaces: vec![text("soc")],
        });
        seed_data::populate(&mut sentinel, &[text("soc")], 60, 1, now).unwrap();
        let desk = DeskWorld::new(DeskOptions {
            seed: 1,
            user: text("u"),
            password: text("p"),
            ..DeskOptions::default()
        });
        let plan = FaultPlan::new(Profile::None, Latency::default(), 1);
        (Stage::new(sentinel, desk, plan, Analysts::new(1, 1.0), vec![text("soc")]), now)
    }

    fn request(method: &str, target: &str, authorization: &str, kind: &str, body: &str) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Request {
            method: method.into(),
            origin: "https://127.0.0.1:1".into(),
            path: path.into(),
            query: query.into(),
            headers: vec![
                header("authorization", authorization),
                header("content-type", kind),
                header("accept", "application/json"),
            ],
            body: body.as_bytes().to_vec(),
        }
    }

    fn answer(stage: &Stage, side: Side, request: &Request, now: Stamp) -> (u16, Value) {
        match stage.deliver(side, request, now) {
            Delivery::Answer { response, .. } => {
                (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
            }
            other => panic!("{other:?}"),
        }
    }

    /// One request of every kind of operation, with good credentials.
    fn calls(stage: &Stage, now: Stamp) -> Vec<(Side, Request)> {
        const JSON: &str = "application/json";
        const FORM: &str = "application/x-www-form-urlencoded";
        let form = "grant_type=client_credentials&client_id=client&client_secret=secret\
                    &scope=https%3A%2F%2Fmanagement.azure.com%2F.default";
        let token = request("POST", "/tenant/oauth2/v2.0/token", "", FORM, form);
        let bearer = answer(stage, Side::Sentinel, &token, now).1;
        let bearer = format!("Bearer {}", bearer["access_token"].as_str().unwrap());
        let base = "/subscriptions/sub/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces\
                    /soc/providers/Microsoft.SecurityInsights/incidents";
        let get = |target: &str| request("GET", &format!("{base}{target}"), &bearer, JSON, "");
        let (status, list) = answer(stage, Side::Sentinel, &get("?api-version=2025-09-01&$top=5"), now);
        assert_eq!(status, 200, "{list}");
        let next = list["nextLink"].as_str().unwrap().split_once(":1").unwrap().1.to_owned();
        let name = list["value"][0]["name"].as_str().unwrap().to_owned();
        let body = list["value"][0].to_string();
        let put = format!("{base}/{name}?api-version=2025-09-01");
        let comment = format!("{base}/{name}/comments/c1?api-version=2025-09-01");
        let basic = "Basic dTpw";
        let insert = request("POST", "/api/now/table/incident", basic, JSON, "{\"correlation_id\":\"x\"}");
        let (status, record) = answer(stage, Side::ServiceNow, &insert, now);
        assert_eq!(status, 201, "{record}");
        let record = format!("/api/now/table/incident/{}", record["result"]["sys_id"].as_str().unwrap());
        let batch = json!({"batch_request_id": "1", "rest_requests": [
            {"id": "1", "method": "GET", "url": record, "headers": []},
            {"id": "2", "method": "GET", "url": record, "headers": []}]});
        let desk = |method: &str, target: &str, body: &str| request(method, target, basic, JSON, body);
        vec![
            (Side::Sentinel, token),
            (Side::Sentinel, get("?api-version=2025-09-01&$top=5")),
            (Side::Sentinel, request("GET", &next, &bearer, JSON, "")),
            (Side::Sentinel, request("PUT", &put, &bearer, JSON, &body)),
            (Side::Sentinel, request("PUT", &comment, &bearer, JSON, "{\"properties\":{\"message\":\"m\"}}")),
            (Side::ServiceNow, insert),
            (Side::ServiceNow, desk("GET", "/api/now/table/incident?sysparm_limit=3", "")),
            (Side::ServiceNow, desk("GET", &record, "")),
            (Side::ServiceNow, desk("PATCH", &record, "{\"urgency\":\"2\"}")),
            (Side::ServiceNow, desk("POST", "/api/now/v1/batch", &batch.to_string())),
        ]
    }

    /// Every kind of fault strikes the real worlds, nothing panics, and afterwards all is well.
    #[test]
    fn a_heavy_run_meets_every_kind_and_leaves_both_worlds_sound() {
        let (stage, mut now) = stage();
        let calls = calls(&stage, now);
        let before: Vec<Value> = Side::BOTH.map(|s| stage.with_world(s, |w| w.switches())).to_vec();
        stage.with_faults(|plan| plan.set_profile(Profile::Heavy));
        for i in 0..4000 {
            let (side, request) = &calls[i % calls.len()];
            now = now.plus(Duration::from_millis(50));
            stage.deliver(*side, request, now);
        }
        stage.with_faults(|plan| {
            for kind in FaultKind::all().filter(|kind| kind.comes_and_goes()) {
                for side in Side::BOTH.into_iter().filter(|side| kind.belongs_to(*side)) {
                    assert!(plan.struck().contains_key(&(side, kind)), "{kind} never struck {side}");
                }
            }
            plan.set_profile(Profile::None);
        });
        let after: Vec<Value> = Side::BOTH.map(|s| stage.with_world(s, |w| w.switches())).to_vec();
        assert_eq!(before, after, "every switch is back where it was");
        assert_eq!(answer(&stage, Side::Sentinel, &calls[1].1, now).0, 200);
        assert_eq!(answer(&stage, Side::ServiceNow, &calls[7].1, now).0, 200);
        assert!(stage.traffic()[&Side::Sentinel].faults > 400);
    }
}
