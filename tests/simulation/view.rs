//! What both servers hold, what was sent to them, and acts of people on them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use diptych::engine::machine::Recovery;
use diptych::sandbox::people::Person;
use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::servicenow::{DeskAct, RecordFacts};
use diptych::sandbox::side::Side;
use diptych::store::Store;
use diptych::text::Stamp;

use super::in_step::{Worlds, check_in_step, joining};
use super::scheduler::Simulation;
use super::setting::{KEY, WORKSPACE};
use super::wire::{Around, Sent};

impl Simulation {
    /// From now on these faults.
    pub fn strike(&self, profile: &str) {
        self.stage.with_faults(|f| f.set_profile(profile.parse().unwrap()));
    }

    /// No more faults, no more people.
    pub fn calm(&mut self) {
        self.stage.set_rate(0.0);
        self.stage.with_faults(|f| {
            f.set_profile("none".parse().unwrap());
            f.forget_orders();
        });
        self.transport.around.lock().unwrap().clear();
        self.transport.unreachable.lock().unwrap().clear();
    }

    pub fn worlds(&self) -> Worlds {
        Worlds {
            incidents: self.stage.with_sentinel(|s| s.facts(WORKSPACE)),
            records: self.stage.with_desk(|d| d.records(self.setting.table)),
            deleted: self.deleted(),
            integration_user: self.setting.user().into(),
            dialect: self.dialect.clone(),
        }
    }

    /// Incidents that somebody deleted, or whose record.
    pub fn deleted(&self) -> BTreeSet<String> {
        let mut deleted: BTreeSet<String> = self.stage.with_sentinel(|s| {
            s.history().iter().filter(|c| c.field == "deleted").map(|c| c.guid.to_lowercase()).collect()
        });
        let numbers: BTreeMap<i64, String> = self.stage.with_sentinel(|s| {
            let there = s.facts(WORKSPACE).into_iter().map(|i| (i.number, i.guid.to_lowercase()));
            s.history().iter().map(|c| (c.number, c.guid.to_lowercase())).chain(there).collect()
        });
        self.stage.with_desk(|d| {
            let mut known: BTreeMap<&str, &str> = BTreeMap::new();
            let mut guests: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
            for c in d.history() {
                if c.field == "correlation_id"
                    && let Some(guid) = self.dialect.incident_of(&c.after)
                {
                    known.insert(&c.sys_id, guid);
                }
                if c.user_name == self.setting.user()
                    && let Some(guid) = joining(&c.after).and_then(|number| numbers.get(&number))
                {
                    guests.entry(&c.sys_id).or_default().push(guid);
                }
                if c.field.is_empty() && c.after == "deleted" {
                    deleted.extend(known.get(c.sys_id.as_str()).map(|guid| (*guid).to_owned()));
                    deleted.extend(guests.get(c.sys_id.as_str()).into_iter().flatten().map(|g| (*g).clone()));
                }
            }
        });
        deleted
    }

    /// Servers' time.
    pub fn world_time(&self) -> Stamp {
        self.time.world()
    }

    pub fn assert_in_step(&self, seed: u64) {
        let problems = check_in_step(&self.worlds());
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "seed {seed}:\n{}", lines.join("\n"));
    }

    /// So many passes without a single write.
    pub fn assert_idle(&mut self, passes: u32) {
        let writes = |s: &Self| s.writes(Side::Sentinel) + s.writes(Side::ServiceNow);
        let before = writes(self);
        self.run_for(Duration::from_secs(11) * passes);
        assert_eq!(writes(self) - before, 0, "writes in idle passes");
    }

    /// Writes so far on a side.
    pub fn writes(&self, side: Side) -> u64 {
        self.stage.traffic().get(&side).map_or(0, |t| t.writes)
    }

    /// Requests so far on a side.
    pub fn requests(&self, side: Side) -> u64 {
        self.stage.traffic().get(&side).map_or(0, |t| t.requests)
    }

    /// Somebody does something in Sentinel now.
    pub fn act_in_sentinel(&self, guid: &str, act: &IncidentAct, who: &Person) {
        let now = self.time.world();
        self.stage.with_sentinel(|s| s.act(WORKSPACE, guid, act, who, now)).unwrap();
    }

    /// Somebody does something in ServiceNow now.
    pub fn act_in_servicenow(&self, sys_id: &str, act: &DeskAct, who: &str) {
        let now = self.time.world();
        self.stage.with_desk(|d| d.act(self.setting.table, sys_id, act, who, now)).unwrap();
    }

    /// Lets people do something around our next pass over a side.
    pub fn act_around(&self, acts: Around) {
        self.transport.around.lock().unwrap().push(acts);
    }

    /// The record of an incident.
    pub fn record_of(&self, guid: &str) -> RecordFacts {
        let id = format!("diptych:{KEY}:{}", guid.to_lowercase());
        let records = self.worlds().records;
        records.into_iter().find(|r| r.fields.get("correlation_id") == Some(&id)).unwrap()
    }

    /// True once a pass over each side was asked for, and then another: what the first one showed was
    /// worked on by then.
    pub fn passed_since(&self, since: Stamp) -> bool {
        let sent = self.transport.sent.lock().unwrap();
        let apart = self.setting.poll / 2;
        Side::BOTH.into_iter().all(|side| {
            let sound = |s: &&Sent| s.side == Some(side) && s.pass && s.status == Some(200);
            let mut passes = sent.iter().rev().filter(sound).map(|s| s.at).take_while(|at| *at >= since);
            let Some(last) = passes.next() else { return false };
            passes.any(|at| at.plus(apart) <= last)
        })
    }

    /// Takes every request that was sent since this was last asked.
    pub fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.transport.sent.lock().unwrap())
    }

    /// Does something with the store.
    pub fn with_store<T>(&self, work: impl AsyncFnOnce(&Store) -> T) -> T {
        self.runtime.block_on(work(&self.store))
    }

    /// True when somebody reads the event log.
    pub fn is_traced(&self) -> bool {
        self.trace.is_on()
    }

    /// Adds a line to the event log, if it is kept.
    pub fn note(&mut self, text: impl FnOnce() -> String) {
        let (at, life) = (self.elapsed(), self.lives());
        self.trace.line(at, life, text);
    }

    pub(super) fn remember_recoveries(&mut self, process: &super::process::Process) {
        for (way, n) in process.machine.recoveries() {
            *self.recoveries.entry(way).or_default() += n;
        }
    }

    /// How often each way of getting over something was taken, in all lives of all processes.
    pub fn recoveries(&self) -> BTreeMap<Recovery, u64> {
        let mut all = self.recoveries.clone();
        for (way, n) in self.processes.iter().flatten().flat_map(|p| p.machine.recoveries()) {
            *all.entry(way).or_default() += n;
        }
        all
    }
}
