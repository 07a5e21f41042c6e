//! A script: everything that will befall a run, drawn from its seed beforehand.
//!
//! Every event carries its own chances, so that a script which lost some of its events plays the
//! others as before: that is what makes a failing one short.

mod plots;

use std::time::Duration;

use diptych::model::settings::{
    AlertNotes, BornClosed, ClosedPartner, CustomerComments, FirstContact, RelatedRows, StoreApp,
};
use diptych::sandbox::analysts::Deed;
use diptych::sandbox::faults::FaultKind;
use diptych::sandbox::side::Side;
use fastrand::Rng;
use serde_json::json;

use crate::simulation::{Boundary, Setting};
use crate::trick::Trick;

/// One thing that befalls the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub at: Duration,
    pub what: What,
}

/// What befalls it.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Somebody acts.
    Act { deed: Deed, draw: u64, serial: u64 },
    /// A server or somebody in it does something unusual, for a while.
    Trick { trick: Trick, draw: u64, span: Duration },
    /// The next exchange that this fault fits has it, or the next write.
    Strike { side: Side, kind: FaultKind, write: bool },
    /// A side fails most of its exchanges.
    Outage { side: Side, span: Duration, share: f64 },
    /// Nothing reaches a side: no address, no connection, no TLS.
    CutOff { side: Side, span: Duration },
    /// The engine is killed at a boundary of its effects.
    Kill { boundary: Boundary, down: Duration },
    /// The engine hears nothing for a while, at once or from its next write's commit on.
    Pause { span: Duration, at_write: bool },
    /// A second engine starts on the same store, and is killed so many effects later.
    Second { effects: u32 },
    /// The store's disk is full for a while.
    DiskFull { span: Duration },
    /// The local wall clock is ahead of the servers' by so much from now on.
    ClockAhead { seconds: i64 },
    /// A person lets through what waits as a mass change.
    LetThrough,
    /// A person ends a link.
    Unlink { draw: u64 },
    /// A person ties an incident, whose link somebody ended, with its record again.
    Tie { draw: u64 },
}

/// A whole run, decided beforehand.
#[derive(Clone, Debug)]
pub struct Script {
    pub seed: u64,
    pub setting: Setting,
    /// Events in the order of their time.
    pub events: Vec<Event>,
    /// When faults and people stop.
    pub calm_at: Duration,
}

// Not played, because it takes a person to cure it or nobody can tell it from nothing: a record that
// is moved under another parent or given another class; values changed in a record without
// its stamp and count; a store restored from an older copy. A store that is lost is played by a test
// of its own.

/// Faults that no exchange of this engine can meet: it sends no batches. The last one never comes
/// and goes by itself; a trick plays it.
const ELSEWHERE: [FaultKind; 2] = [FaultKind::PartialBatch, FaultKind::DroppedField];

/// Every fault that can strike a side.
pub fn faults_of(side: Side) -> impl Iterator<Item = FaultKind> {
    FaultKind::all().filter(move |k| k.belongs_to(side) && !ELSEWHERE.contains(k))
}

/// Passes of the engine in the part of a run that people and faults fill.
const PASSES: u32 = 36;
/// The same in a run over days.
const MANY_PASSES: u32 = 150;

impl Script {
    /// The script of a seed.
    pub fn of(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed ^ 0x6761_756e_746c_6574);
        let setting = setting(seed, rng);
        let days = setting.poll >= Duration::from_secs(900) && rng.u8(0..6) == 0;
        let calm_at = setting.poll * if days { MANY_PASSES } else { PASSES };
        let mut script = Self { seed, setting, events: Vec::new(), calm_at };
        script.add_acts(rng);
        script.add_tricks(rng);
        script.add_faults(rng);
        script.add_upsets(rng);
        script.draw_plots();
        script.events.sort_by_key(|e| e.at);
        script
    }

    /// By how much our own clock is put ahead at most, in a run that touches it at all.
    pub fn clock_ahead(&self) -> Option<Duration> {
        let jump = |e: &Event| match e.what {
            What::ClockAhead { seconds } => Some(Duration::from_secs(seconds.max(0).unsigned_abs())),
            _ => None,
        };
        self.events.iter().filter_map(jump).max()
    }

    /// Adds an event; whoever is done sorts them by time.
    pub fn add(&mut self, at: Duration, what: What) {
        self.events.push(Event { at, what });
    }

    /// A moment of the part that people and faults fill.
    pub fn moment(&self, rng: &mut Rng) -> Duration {
        Duration::from_micros(rng.u64(0..self.calm_at.as_micros() as u64))
    }

    /// A span of a few passes, now and then of many.
    fn span(&self, rng: &mut Rng) -> Duration {
        let long = if rng.u8(0..8) == 0 { 4.0 } else { 1.0 };
        self.setting.poll.mul_f64((0.2 + rng.f64() * 5.0) * long)
    }

    /// People work in bursts: several deeds within seconds, on both sides.
    fn add_acts(&mut self, rng: &mut Rng) {
        let deeds = people(rng);
        let many = rng.u64(30..160);
        let mut serial = 0;
        while serial < many {
            let begin = self.moment(rng);
            let pace = Duration::from_millis(*pick(rng, &[50, 700, 4000, 30_000]));
            for step in 0..rng.u32(1..9) {
                serial += 1;
                let at = begin + pace.mul_f64(f64::from(step) * (0.5 + rng.f64()));
                if at < self.calm_at {
                    let deed = weighted(rng, &deeds);
                    self.add(at, What::Act { deed, draw: rng.u64(..), serial });
                }
            }
        }
    }

    fn add_tricks(&mut self, rng: &mut Rng) {
        if rng.u8(0..3) == 0 {
            return;
        }
        // A single tug is no war, a mass change is one for a low limit only, a journal that is not hidden
        // for long is a failed read, what is deleted is little of a run, few runs have columns to type over
        // or labels of ours, and people close and reopen without any trick.
        let apart = [
            Trick::TugOfWar,
            Trick::MassChange,
            Trick::HideRecords,
            Trick::HideJournal,
            Trick::DeleteRecord,
            Trick::DeleteIncident,
            Trick::TypeOver,
            Trick::MendRow,
            Trick::CloseThere,
            Trick::CloseFurther,
            Trick::ReopenHere,
            Trick::CloseHere,
            Trick::UnlabelNumber,
            Trick::TellCustomer,
        ];
        let tricks = Trick::ALL.iter().copied().filter(|t| !apart.contains(t));
        let bag: Vec<Trick> = tricks.filter(|_| rng.u8(0..4) == 0).collect();
        for trick in bag {
            for _ in 0..rng.u32(1..4) {
                let (at, span) = (self.moment(rng), self.span(rng));
                self.add(at, What::Trick { trick, draw: rng.u64(..), span });
            }
        }
    }

    /// The same script without what no published algorithm was made for: columns that an admin fills, and
    /// records that another app made before.
    pub fn on_common_ground(mut self) -> Self {
        self.setting.table = "incident";
        self.setting.custom = false;
        self.setting.store_app = StoreApp::Ignore;
        self.setting.made_before = 0;
        self
    }

    fn add_faults(&mut self, rng: &mut Rng) {
        if rng.u8(0..10) == 0 {
            return;
        }
        // Swarm: a random part of all kinds, so that some run meets few kinds often.
        let keep = *pick(rng, &[1, 3, 6, 10]);
        let kinds: Vec<(Side, FaultKind)> = Side::BOTH
            .into_iter()
            .flat_map(|side| faults_of(side).map(move |kind| (side, kind)))
            .filter(|_| rng.u8(0..10) < keep)
            .collect();
        if kinds.is_empty() {
            return;
        }
        for _ in 0..*pick(rng, &[10, 40, 40, 100]) {
            let (side, kind) = *pick(rng, &kinds);
            let at = self.moment(rng);
            self.add(at, What::Strike { side, kind, write: rng.u8(0..3) == 0 });
        }
        for _ in 0..rng.u32(0..3) {
            let side = *pick(rng, &Side::BOTH);
            let (at, span) = (self.moment(rng), self.span(rng));
            self.add(at, What::Outage { side, span, share: 0.5 + rng.f64() / 2.0 });
        }
    }

    fn add_upsets(&mut self, rng: &mut Rng) {
        for _ in 0..*pick(rng, &[0, 2, 4, 8]) {
            let boundary = Boundary { effects: rng.u32(0..25), applied: rng.bool() };
            let down = Duration::from_millis(*pick(rng, &[200, 2_000, 20_000, 90_000]));
            let at = self.moment(rng);
            self.add(at, What::Kill { boundary, down });
        }
        if rng.u8(0..4) == 0 {
            let at = self.moment(rng);
            let span = self.setting.lease.mul_f64(0.3 + rng.f64() * 2.0);
            self.add(at, What::Pause { span, at_write: rng.bool() });
        }
        if rng.u8(0..4) == 0 {
            let at = self.moment(rng);
            self.add(at, What::Second { effects: rng.u32(10..400) });
            if rng.bool() {
                let span = self.setting.lease.mul_f64(1.0 + rng.f64() * 2.0);
                self.add(at + self.setting.poll / 3, What::Pause { span, at_write: false });
            }
        }
        if rng.u8(0..5) == 0 {
            let (at, span) = (self.moment(rng), self.span(rng));
            self.add(at, What::DiskFull { span });
        }
        if rng.u8(0..5) == 0 {
            let side = *pick(rng, &Side::BOTH);
            let (at, span) = (self.moment(rng), self.span(rng));
            self.add(at, What::CutOff { side, span });
        }
        if rng.u8(0..5) == 0 {
            for _ in 0..rng.u32(1..4) {
                let seconds = *pick(rng, &[-3600, -300, -5, 5, 300, 3600]);
                let at = self.moment(rng);
                self.add(at, What::ClockAhead { seconds });
            }
        }
    }
}

fn setting(seed: u64, rng: &mut Rng) -> Setting {
    let seconds = |s: u64| Duration::from_secs(s);
    let poll = seconds(*pick(rng, &[5, 10, 10, 20, 60, 300, 900]));
    let (transaction, settle) = *pick(rng, &[(1, 2), (1, 20), (60, 90)]);
    let mut switches = Vec::new();
    if rng.u8(0..4) == 0 {
        switches.push(("client_sys_id", json!(pick(rng, &["ignored", "refused"]))));
    }
    if rng.u8(0..3) == 0 {
        let shapes = ["bad_request", "conflict", "server_error"];
        switches.push(("duplicate_sys_id", json!(pick(rng, &shapes))));
    }
    if rng.u8(0..5) == 0 {
        switches.push(("clock_skew_seconds", json!(2)));
    }
    if rng.u8(0..5) == 0 {
        switches.push(("invalid_query_returns_no_rows", json!(true)));
    }
    let latency = latency(&mut Rng::with_seed(seed ^ 0x736c_6f77));
    // A pass of fifteen slow pages would last longer than any of what is played.
    let small = rng.u8(0..3) == 0 && latency.is_empty();
    Setting {
        seed,
        incidents: rng.usize(0..10),
        rate: 0.0,
        faults: "none".into(),
        poll,
        transaction: seconds(transaction),
        settle: seconds(settle),
        hang: seconds(*pick(rng, &[3, 40])),
        late: seconds(*pick(rng, &[1, 6, 30])),
        lease: seconds(15).max(poll),
        page: if small { (rng.u32(2..8), rng.u32(2..8)) } else { (1000, 1000) },
        dated: rng.u8(0..12) != 0,
        sweep: if rng.bool() { seconds(86_400) } else { poll * 9 },
        switches,
        throttle: rng.u8(0..8) == 0,
        born_closed: BornClosed::Create,
        first_contact: FirstContact::Go,
        store_app: StoreApp::Ignore,
        closed_partner: ClosedPartner::Reopen,
        table: "incident",
        customer_comments: CustomerComments::Off,
        number_label: "",
        made_before: 0,
        create_after: create_after(&mut Rng::with_seed(seed ^ 0x0079_6f75_6e67), poll),
        mass_change: 50,
        write_rate: 300,
        custom: false,
        related_rows: RelatedRows::Off,
        aggregate: Default::default(),
        domain: "",
        domain_user: "",
        // Drawn apart: what else befalls a seed stays as it was before there were these.
        alerts: *pick(&mut Rng::with_seed(seed ^ 0x616c_6572_7473), &[AlertNotes::Note, AlertNotes::Off]),
        crowded: crowded(&mut Rng::with_seed(seed ^ 0x6372_6f77_6465_6421)),
        latency,
    }
}

/// Now and then an incident is nearly as full of comments as it can be, or quite.
fn crowded(rng: &mut Rng) -> usize {
    if rng.u8(0..24) == 0 { *pick(rng, &[90, 97, 99, 100]) } else { 0 }
}

/// Some let incidents ripen before they get a record.
fn create_after(rng: &mut Rng, poll: Duration) -> Duration {
    if rng.u8(0..12) == 0 { poll.mul_f64(1.0 + rng.f64() * 6.0) } else { Duration::ZERO }
}

/// Most servers answer at once; a busy one takes seconds over each call, and longer over writes.
fn latency(rng: &mut Rng) -> &'static str {
    let slow = [
        "servicenow=1s,servicenow.insert=5s,servicenow.update=3s",
        "servicenow=7s",
        "sentinel=2s,sentinel.list=6s",
        "sentinel=1s,sentinel.put=9s,servicenow=2s",
    ];
    if rng.u8(0..10) == 0 { slow[rng.usize(0..slow.len())] } else { "" }
}

/// Which deeds there are in this run, each with its weight: a random part of all.
fn people(rng: &mut Rng) -> Vec<(Deed, u32)> {
    let some = rng.bool();
    let mut deeds: Vec<(Deed, u32)> =
        Deed::all().filter(|_| !some || rng.bool()).map(|d| (d, d.weight())).collect();
    // Rare deeds are what a run is for.
    for (_, weight) in &mut deeds {
        if rng.u8(0..6) == 0 {
            *weight *= 6;
        }
    }
    deeds.push((Deed::Raise, 6));
    deeds
}

fn weighted(rng: &mut Rng, deeds: &[(Deed, u32)]) -> Deed {
    let total: u32 = deeds.iter().map(|(_, w)| w).sum();
    let mut at = rng.u32(..total.max(1));
    for (deed, weight) in deeds {
        if at < *weight {
            return *deed;
        }
        at -= weight;
    }
    Deed::Raise
}

/// One of several.
pub fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}
