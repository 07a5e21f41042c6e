//! Both worlds with everything that acts on them, behind one door for the servers, the admin
//! endpoint and the analysts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::broadcast;

use super::analysts::{AnalystEntry, Analysts};
use super::exchange::{Delivery, exchange};
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
