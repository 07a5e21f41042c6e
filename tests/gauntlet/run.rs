//! One run: the script is played, then all is calm, then the evidence is gathered and judged.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use diptych::engine::machine::Recovery;
use diptych::model::aggregation::Aggregation;
use diptych::model::ledger::{Ask, AuditRow, LinkState, Told};
use diptych::model::settings::{ClosedPartner, CustomerComments, RelatedRows};
use diptych::model::{
    Command, CommandId, CommandState, Control, ControlVerb, Delivery, IncidentId, Life, Link, LinkId, Verb,
    WorkspaceKey,
};
use diptych::sandbox::analysts::{AnalystEntry, Deed};
use diptych::sandbox::faults::{FaultKind, Outage};
use diptych::sandbox::sentinel::IncidentChange;
use diptych::sandbox::servicenow::RecordChange;
use diptych::sandbox::side::Side;
use diptych::text::Stamp;
use serde_json::Value;

use crate::afterwards;
use crate::checker::{self, Violation};
use crate::order::{Given, Order};
use crate::script::{Event, Script, What};
use crate::simulation::related::Beside;
use crate::simulation::{Discord, Sent, Setting, Simulation, WORKSPACE, Worlds, check_in_step};
use crate::story;
use crate::trick::{Excuse, Played, Trick, unseen};

/// Writes that a side may get within a minute, where nobody plays with that.
pub const USUAL_RATE: usize = 300;
/// Passes without people and faults in which nothing may be written any more.
pub const QUIET: u32 = 10;
/// Longest time in which everything must be in step again, counted from the calm: the longest
/// pause after failures is a quarter of an hour. P13 allows an hour.
const LIMIT: Duration = Duration::from_secs(1500);
/// How far a deep pass reaches back (D15): what was hidden for longer only a full sweep finds.
const DEEP: Duration = Duration::from_secs(900);

/// Everything that a checker may know of a run.
pub struct Evidence {
    /// What people did, as they tell it.
    pub acts: Vec<AnalystEntry>,
    pub incident_changes: Vec<IncidentChange>,
    pub record_changes: Vec<RecordChange>,
    pub worlds: Worlds,
    /// What stands beside the records, where entities are to.
    pub beside: Option<Beside>,
    /// Every request of ours; none where the real binary was run.
    pub sent: Vec<Sent>,
    /// The audit; `None` for an algorithm that keeps none.
    pub audit: Option<Vec<AuditRow>>,
    /// Links as the store has them at the end; empty for an algorithm without a store.
    pub links: Vec<LinkState>,
    /// What the store's own checks found.
    pub damage: Vec<String>,
    pub excuses: BTreeSet<Excuse>,
    /// When a side could hardly be asked or not at all, or nothing of what it showed could be taken, or nobody
    /// was there to ask.
    pub outages: Vec<(Side, Range<Stamp>)>,
    /// Records that were hidden from our user, and when.
    pub hidden: Vec<(String, Range<Stamp>)>,
    /// When nothing new could be stored.
    pub disk_full: Vec<Range<Stamp>>,
    /// Servers' time in which nothing may be written any more; `None` if it never came.
    pub quiet: Option<Range<Stamp>>,
    pub poll: Duration,
    /// Longest from the last look at a record to the moment when a write that was made after it lands.
    pub lands: Duration,
    /// Rows of a page, of the side that has the shorter ones.
    pub page: u32,
    /// Everything is looked at this often.
    pub sweep: Duration,
    /// The local wall clock was wrong for a while, so that moments in the audit prove nothing.
    pub wrong_clock: bool,
    /// What our own clock was put ahead by at most, where no server tells the time: that passes for a pause.
    pub clock_pause: Duration,
    /// How old an incident has to be before it gets a record.
    pub create_after: Duration,
    /// When incidents share a record.
    pub aggregate: Aggregation,
    /// What becomes of records closed in ServiceNow whose incident is reopened.
    pub closed_partner: ClosedPartner,
    /// What becomes of what customers see.
    pub customer_comments: CustomerComments,
    /// What labels of ours begin with, empty for none; `None` for an algorithm that follows a rule of its own.
    pub number_label: Option<&'static str>,
    /// How many incidents may change in the same way within a while, and until when nobody was asked.
    pub mass_change: Option<(usize, Stamp)>,
    /// How many writes a side may get within a minute, and until when nobody was asked.
    pub write_rate: Option<(usize, Stamp)>,
    /// What people ordered about links.
    pub orders: Vec<Order>,
    pub kills: u32,
    pub struck: u64,
}

/// Every upset that is counted by name.
pub const UPSETS: [&str; 6] = ["outage", "cut off", "pause", "second engine", "disk full", "clock jump"];

/// Figures of a run.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub effects: u64,
    /// Those of the part that people and faults fill.
    pub effects_until_calm: u64,
    pub acts: u64,
    pub faults: BTreeMap<(Side, FaultKind), u64>,
    pub deeds: BTreeMap<Deed, u64>,
    pub tricks: BTreeMap<Trick, u64>,
    pub upsets: BTreeMap<&'static str, u64>,
    pub recoveries: BTreeMap<Recovery, u64>,
    pub kills: u64,
    pub incidents: u64,
    pub virtual_time: Duration,
}

/// What came of a run.
pub struct Outcome {
    pub violations: Vec<Violation>,
    pub figures: Figures,
    pub trace: Vec<String>,
}

/// Plays a script and judges what came of it. A panic anywhere is a violation.
pub fn run(script: &Script, keep_trace: bool) -> Outcome {
    let played = catch_unwind(AssertUnwindSafe(|| Run::new(script, keep_trace).play(script)));
    played.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_default();
        Outcome {
            violations: vec![Violation::new("panic", text)],
            figures: Figures::default(),
            trace: Vec::new(),
        }
    })
}

/// A simulation on which a script is played.
pub struct Run {
    pub sim: Simulation,
    figures: Figures,
    pub acts: Vec<AnalystEntry>,
    pub excuses: BTreeSet<Excuse>,
    outages: Vec<(Side, Range<Stamp>)>,
    hidden: Vec<(String, Range<Stamp>)>,
    disk_full: Vec<Range<Stamp>>,
    /// A record was hidden for longer than a deep pass reaches back.
    hidden_long: bool,
    /// When a person first let a mass change through.
    let_through: Option<Stamp>,
    /// What people ordered about links.
    given: Vec<Given>,
    /// Ends of tricks and full disks that are under way.
    ends: Vec<(Duration, End)>,
}

enum End {
    Switch(Side, &'static str, Value),
    Disk,
}

/// What a link says that waits because its incident got new records time and again.
const TOO_OFTEN: &str = "closed in ServiceNow and reopened in Sentinel time and again";

impl Run {
    pub fn new(script: &Script, keep_trace: bool) -> Self {
        Self {
            sim: Simulation::with_trace(script.setting.clone(), keep_trace),
            figures: Figures::default(),
            acts: Vec::new(),
            excuses: BTreeSet::new(),
            outages: Vec::new(),
            hidden: Vec::new(),
            disk_full: Vec::new(),
            hidden_long: false,
            let_through: None,
            given: Vec::new(),
            ends: Vec::new(),
        }
    }

    fn play(mut self, script: &Script) -> Outcome {
        for event in &script.events {
            self.advance(event.at);
            self.befall(event);
        }
        self.advance(script.calm_at);
        self.figures.effects_until_calm = self.sim.effects();
        self.calm_worlds();
        self.sim.spare_process();
        self.press_retry(None);
        let mut late = Vec::new();
        let quiet = self.settle_down(&script.setting).map(|begun| {
            self.sim.run_for(script.setting.poll * QUIET);
            let end = self.sim.world_time();
            late = afterwards::work_on(&mut self, script.seed, script.setting.poll);
            begun..end
        });
        self.figures.acts = self.acts.len() as u64;
        let evidence = self.evidence(script, quiet);
        let mut violations = checker::check(&evidence);
        violations.extend(late);
        if self.sim.ran_away() {
            violations
                .push(Violation::new("P8", "it goes in circles: far more was done than there was to do"));
        }
        if !violations.is_empty() && self.sim.is_traced() {
            for line in story::tell(&checker::Case::new(&evidence), &violations) {
                self.sim.note(|| line);
            }
        }
        self.figures.incidents = evidence.worlds.incidents.len() as u64;
        self.figures.effects = self.sim.effects();
        self.figures.kills = u64::from(self.sim.kills());
        self.figures.virtual_time = self.sim.elapsed();
        self.sim.stage.with_faults(|f| self.figures.faults.extend(f.struck()));
        Outcome { violations, figures: self.figures, trace: self.sim.take_trace() }
    }

    /// Runs up to a moment and ends what ends before it.
    pub fn advance(&mut self, until: Duration) {
        loop {
            self.ends.sort_by_key(|(at, _)| *at);
            if self.ends.first().is_none_or(|(at, _)| *at > until) {
                break;
            }
            let (at, end) = self.ends.remove(0);
            self.sim.run_until(at);
            self.end(end);
        }
        self.sim.run_until(until);
    }

    fn end(&mut self, end: End) {
        match end {
            End::Switch(side, name, value) => {
                self.sim.stage.with_world(side, |w| w.set_switch(name, &value)).unwrap();
            }
            End::Disk => self.sim.fill_disk(false),
        }
    }

    /// Lets an event happen now.
    pub fn befall(&mut self, event: &Event) {
        let now = self.sim.world_time();
        self.sim.note(|| format!("{:?}", event.what));
        match &event.what {
            What::Act { deed, draw, serial } => {
                if let Some(entry) = self.sim.stage.play_one(*deed, *draw, *serial, now) {
                    *self.figures.deeds.entry(*deed).or_default() += 1;
                    self.acts.push(entry);
                }
            }
            What::Trick { trick, draw, span } => {
                // Two of a kind at once would put back what the other had set.
                let busy = |(_, name): (Side, &str)| {
                    self.ends.iter().any(|(_, e)| matches!(e, End::Switch(_, n, _) if *n == name))
                };
                if trick.switch().is_some_and(busy) {
                    return;
                }
                let Some(played) = trick.play(&self.sim, *draw) else { return };
                self.excuses.extend(trick.excuse());
                self.hidden_long |= trick.hides_records() && *span > DEEP;
                *self.figures.tricks.entry(*trick).or_default() += 1;
                if let Played::Switched(side, name, old) = played {
                    if trick.hides_records() {
                        let hidden = unseen(&self.sim).into_iter().map(|id| (id, now..now.plus(*span)));
                        self.hidden.extend(hidden);
                    }
                    if trick.hides_whose() {
                        self.outages.push((side, now..now.plus(*span)));
                    }
                    self.ends.push((event.at + *span, End::Switch(side, name, old)));
                }
            }
            What::Strike { side, kind, write: false } => {
                self.sim.stage.with_faults(|f| f.strike_next(*side, *kind));
            }
            What::Strike { side, kind, write: true } => {
                self.sim.stage.with_faults(|f| f.strike_next_write(*side, *kind));
            }
            What::Outage { side, span, share } => {
                self.upset("outage");
                self.outages.push((*side, now..now.plus(*span)));
                let outage = Outage { side: *side, from: now, until: now.plus(*span), share: *share };
                self.sim.stage.with_faults(|f| f.add_outage(outage));
            }
            What::CutOff { side, span } => {
                self.upset("cut off");
                self.outages.push((*side, now..now.plus(*span)));
                self.sim.cut_off(*side, *span);
            }
            What::Kill { boundary, down } => self.sim.kill_at(0, *boundary, *down),
            What::Pause { span, at_write: true } => self.sim.pause_at_write(0, *span),
            What::Pause { span, at_write: false } => self.sim.pause(0, *span),
            What::Second { effects } => {
                if self.sim.start_second(*effects) {
                    self.upset("second engine");
                }
            }
            What::DiskFull { span } => {
                if self.ends.iter().any(|(_, e)| matches!(e, End::Disk)) {
                    return;
                }
                self.upset("disk full");
                self.sim.fill_disk(true);
                // Nothing that is read can be kept, and nothing is sent that is not (seed 9806231).
                self.outages.extend(Side::BOTH.map(|side| (side, now..now.plus(*span))));
                self.disk_full.push(now..now.plus(*span));
                self.ends.push((event.at + *span, End::Disk));
            }
            What::LetThrough => self.let_through(),
            What::Unlink { draw } => self.given.extend(Given::end(&self.sim, &self.links(), *draw)),
            What::Tie { draw } => self.given.extend(Given::tie(&self.sim, &self.links(), *draw)),
            What::ClockAhead { seconds } => {
                self.upset("clock jump");
                self.sim.put_clock_ahead(*seconds);
            }
        }
    }

    fn upset(&mut self, name: &'static str) {
        *self.figures.upsets.entry(name).or_default() += 1;
    }

    /// No more faults, tricks and people.
    pub fn calm_worlds(&mut self) {
        for (_, end) in std::mem::take(&mut self.ends) {
            self.end(end);
        }
        self.sim.calm();
    }

    /// What was refused too often waits for a person, who now says that the cause is gone. Only links of
    /// `these`, if any are named.
    fn press_retry(&mut self, these: Option<&BTreeSet<LinkId>>) {
        let held = |l: &LinkState| {
            l.entries.iter().any(|e| e.to_sentinel == Delivery::Held || e.to_servicenow == Delivery::Held)
        };
        let at = self.sim.world_time();
        let stuck = |l: &LinkState| l.bases.iter().any(|b| b.held.contains("does not go from"));
        let words = ["refused", "unanswered", TOO_OFTEN];
        let given_up = |l: &LinkState| words.iter().any(|w| l.link.frozen.starts_with(w));
        let meant = |l: &LinkState| these.is_none_or(|these| these.contains(&l.link.id));
        for link in self.links().into_iter().filter(|l| meant(l) && (given_up(l) || held(l) || stuck(l))) {
            let command = Command {
                id: CommandId(0),
                workspace: key(),
                link: link.link.id,
                verb: Verb::Retry,
                shown: Vec::new(),
                who: "somebody".into(),
                at,
                state: CommandState::Pending,
                result: String::new(),
            };
            self.sim.with_store(async |s| s.give_command(command).await).unwrap();
        }
    }

    /// A person lets through what waits as a mass change.
    pub fn let_through(&mut self) {
        let at = self.sim.world_time();
        self.let_through.get_or_insert(at);
        let control =
            Control { id: 0, workspace: key(), verb: ControlVerb::LetThrough, who: "somebody".into(), at };
        // A full disk takes no order; there will be another.
        let _ = self.sim.with_store(async |s| s.give_control(control).await);
    }

    /// Runs until both sides are in step and nothing is left to do; gives the moment, or `None`
    /// when that did not come in time.
    fn settle_down(&mut self, setting: &Setting) -> Option<Stamp> {
        let (begun, calm) = (self.sim.elapsed(), self.sim.world_time());
        // What was under way when the last rule was lifted may be refused only now.
        let sent = self.links().into_iter().filter(|l| l.open_intent().is_some());
        let mut under_way: BTreeSet<LinkId> = sent.map(|l| l.link.id).collect();
        // A pass that a page skipped over is made good by the next full sweep.
        let swept = begun + setting.sweep.min(Duration::from_secs(7200)) + setting.poll * 3;
        let mut limit = LIMIT.max(setting.poll * 12) + swept - begun;
        // Where every call takes seconds and creates go one by one, so does what is left (seed 1817). P13 allows
        // an hour where both servers are well, and none of the pairs is stuck: their queue moves.
        if !setting.latency.is_empty() {
            let left = Duration::from_secs(60) * self.sim.worlds().incidents.len() as u32;
            limit += left.min(Duration::from_secs(7200));
        }
        // A restart looks at everything, too; but it must not be what heals a run. So only where a page
        // may have skipped something, a record was hidden for longer than a deep pass reaches back, or an
        // edit may hide behind a comment of ours (D27).
        let rest = Duration::from_secs(3700);
        let hides_edit = |run: &Self| run.links().iter().any(|l| l.link.comments_unsure);
        let hides = setting.page.1 < 1000 || self.hidden_long || hides_edit(self);
        let mut may_rest = setting.sweep > Duration::from_secs(7200) && !hides;
        if setting.sweep > Duration::from_secs(7200) && hides {
            self.rest_for(rest);
        } else if setting.sweep <= Duration::from_secs(7200) {
            self.sim.run_until(swept);
        }
        while self.sim.elapsed() < begun + limit && !self.sim.ran_away() {
            self.sim.run_for(setting.poll * 3);
            if setting.mass_change < 50 || setting.write_rate < USUAL_RATE {
                self.let_through();
            }
            if setting.closed_partner == ClosedPartner::New {
                // A person is asked about a further record only once it is due, which may be now (seed 2928).
                let often = self.links().into_iter().filter(|l| l.link.frozen.starts_with(TOO_OFTEN));
                self.press_retry(Some(&often.map(|l| l.link.id).collect()));
            }
            if self.sim.passed_since(calm) && self.is_done() {
                return Some(self.sim.world_time());
            }
            if self.sim.elapsed() > begun + limit / 4 && !under_way.is_empty() {
                self.press_retry(Some(&under_way));
                under_way.clear();
            }
            // Comments of ours that were written only now may hide an edit, too.
            if may_rest && self.sim.elapsed() > begun + limit / 2 && hides_edit(self) {
                may_rest = false;
                self.rest_for(rest);
                limit += rest;
            }
        }
        None
    }

    /// Nothing of ours runs for so long, and nobody hears what is said.
    fn rest_for(&mut self, span: Duration) {
        let now = self.sim.world_time();
        self.outages.extend(Side::BOTH.map(|side| (side, now..now.plus(span))));
        self.sim.rest_for(span);
    }

    fn is_done(&self) -> bool {
        let later = Stamp(i64::MAX / 2);
        let due = self.sim.with_store(async |s| s.ask(Ask::Due(key(), later)).await);
        let links = self.links();
        // A frozen link waits for a person, and does nothing until then but carry last words.
        let rests = |l: &Link| !l.frozen.is_empty() && (l.life != Life::Gone || !l.pending);
        let frozen = |id: &LinkId| links.iter().any(|l| l.link.id == *id && rests(&l.link));
        let idle = matches!(due, Ok(Told::Numbers(n)) if n.iter().all(frozen));
        // Alerts are read last, and rows beside a record looked for then (seed 9844459).
        let reads = self.sim.worlds().dialect.alerts;
        let waits = |l: &LinkState| {
            let works = l.link.role.syncs() && l.link.life == Life::Live && l.link.frozen.is_empty();
            works && (!l.link.related.waiting.is_empty() || reads && l.link.evidence.unread)
        };
        idle && !links.iter().any(waits) && self.discords().is_empty()
    }

    /// What is not in step and has no excuse.
    pub fn discords(&self) -> Vec<Discord> {
        let worlds = self.sim.worlds();
        checker::excused(check_in_step(&worlds), &worlds.dialect, &self.excuses, &self.links())
    }

    fn links(&self) -> Vec<LinkState> {
        let there = self.sim.stage.with_sentinel(|s| s.guids(WORKSPACE));
        let guids: BTreeSet<IncidentId> =
            there.iter().chain(&self.sim.deleted()).map(|g| IncidentId::new(g)).collect();
        let guids = guids.into_iter().collect();
        match self.sim.with_store(async |s| s.ask(Ask::ByIncident(key(), guids)).await) {
            Ok(Told::Links(links)) => links,
            _ => Vec::new(),
        }
    }

    fn evidence(&mut self, script: &Script, quiet: Option<Range<Stamp>>) -> Evidence {
        let (audit, damage) = self.sim.with_store(async |store| {
            let mut damage = Vec::new();
            if let Err(fault) = store.integrity().await {
                damage.push(fault.to_string());
            }
            let rows = store.audit_rows(crate::simulation::KEY, 0, 1_000_000).await;
            match store.verify_audit(&BTreeMap::new()).await {
                Ok(chains) => damage.extend(chains.into_iter().filter_map(|c| c.broken).map(|b| b.1)),
                Err(fault) => damage.push(fault.to_string()),
            }
            (rows.unwrap_or_default(), damage)
        });
        self.figures.upsets.extend(Some(("pause", u64::from(self.sim.pauses()))).filter(|(_, n)| *n > 0));
        let orders: Vec<Order> = self.given.iter().map(|g| g.outcome(&self.sim)).collect();
        for (name, tie) in [("link ended by hand", false), ("pair tied again", true)] {
            let done = orders.iter().filter(|o| o.tie == tie && o.state == CommandState::Done).count() as u64;
            self.figures.upsets.extend(Some((name, done)).filter(|(_, n)| *n > 0));
        }
        self.figures.recoveries = self.sim.recoveries();
        let struck = Side::BOTH.map(|s| self.sim.stage.with_faults(|f| f.struck_on(s))).iter().sum();
        Evidence {
            acts: std::mem::take(&mut self.acts),
            incident_changes: self.sim.stage.with_sentinel(|s| s.history().to_vec()),
            record_changes: self.sim.stage.with_desk(|d| d.history().to_vec()),
            worlds: self.sim.worlds(),
            beside: (script.setting.related_rows == RelatedRows::On).then(|| self.sim.beside()),
            sent: self.sim.take_sent(),
            audit: Some(audit),
            links: self.links(),
            damage,
            excuses: self.excuses.clone(),
            outages: self.outages.clone(),
            hidden: self.hidden.clone(),
            disk_full: self.disk_full.clone(),
            quiet,
            poll: script.setting.poll,
            lands: lands(&script.setting),
            page: script.setting.page.0.min(script.setting.page.1),
            sweep: script.setting.sweep,
            wrong_clock: script.clock_ahead().is_some(),
            clock_pause: script.clock_ahead().filter(|_| !script.setting.dated).unwrap_or_default(),
            create_after: script.setting.create_after,
            aggregate: script.setting.aggregate.clone(),
            closed_partner: script.setting.closed_partner,
            customer_comments: script.setting.customer_comments,
            number_label: Some(script.setting.number_label),
            write_rate: Some((script.setting.write_rate, self.let_through.unwrap_or(Stamp(i64::MAX)))),
            mass_change: Some((script.setting.mass_change, self.let_through.unwrap_or(Stamp(i64::MAX)))),
            orders,
            kills: self.sim.kills(),
            struck,
        }
    }
}

/// A look is fresh for two seconds; a write lands within the transaction limit, or as late as that
/// fault has it, and settle is longer than both; the way there may hang.
pub fn lands(setting: &Setting) -> Duration {
    setting.settle + setting.late + setting.transaction + setting.hang + Duration::from_secs(2)
}

fn key() -> WorkspaceKey {
    WorkspaceKey::new(crate::simulation::KEY).unwrap()
}
