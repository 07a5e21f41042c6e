//! What a model sends goes through here: the script plays on while its requests are under way,
//! and the same faults strike them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use diptych::sandbox::servicenow::{Actor, RecordFacts};
use diptych::text::Stamp;

use super::Trait;
use super::calls::{Got, Lost};
use crate::run::Run;
use crate::script::{Script, What};
use crate::simulation::{Boundary, Dialect};
use crate::trick::Trick;

/// How long the instance takes until it runs what a rule put off: its workers look once a second.
const RULE: Duration = Duration::from_secs(1);

/// A change of a record by a person, as a business rule of the instance takes it up.
#[derive(Clone, Debug)]
pub struct Job {
    /// A work note was added; otherwise state, impact or assignee changed.
    pub note: bool,
    /// The record when the rule ran.
    pub record: RecordFacts,
}

/// A script, its worlds, and the way to them.
pub struct Wire<'a> {
    pub run: Run,
    script: &'a Script,
    traits: &'a [Trait],
    next: usize,
    /// The token, and until when it is used.
    pub(super) token: Option<(String, Duration)>,
    /// One after the other: the next one counts from the restart after the one before.
    kills_to_come: VecDeque<(Boundary, Duration)>,
    down: Option<Duration>,
    pub kills: u32,
    rng: fastrand::Rng,
    /// Changes of records that were looked at.
    seen: usize,
    rules: BTreeMap<(Duration, usize), (bool, String)>,
    pub jobs: VecDeque<Job>,
}

impl<'a> Wire<'a> {
    pub fn new(script: &'a Script, dialect: Dialect, traits: &'a [Trait]) -> Self {
        let mut run = Run::new(script, false);
        run.sim.retire();
        run.sim.dialect = dialect;
        let rng = fastrand::Rng::with_seed(script.seed);
        let (rules, jobs) = (BTreeMap::new(), VecDeque::new());
        Self {
            run,
            script,
            traits,
            next: 0,
            token: None,
            kills_to_come: VecDeque::new(),
            down: None,
            kills: 0,
            rng,
            seen: 0,
            rules,
            jobs,
        }
    }

    pub fn now(&self) -> Duration {
        self.run.sim.elapsed()
    }

    /// The servers' clock, which is the model's too.
    pub fn clock(&self) -> Stamp {
        self.run.sim.world_time()
    }

    pub fn has(&self, own: Trait) -> bool {
        self.traits.contains(&own)
    }

    /// A random GUID.
    pub fn guid(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid().to_string()
    }

    /// Plays everything that is due up to a moment.
    pub fn play_until(&mut self, until: Duration) {
        while self.step(until) {}
    }

    /// Plays the next thing that is due up to a moment; false when nothing was left but to wait.
    pub fn step(&mut self, until: Duration) -> bool {
        let event = self.script.events.get(self.next).map(|e| e.at).filter(|at| *at <= until);
        let rule = self.rules.keys().next().map(|(at, _)| *at).filter(|at| *at <= until);
        let Some(at) = event.into_iter().chain(rule).min() else {
            self.run.advance(until);
            return false;
        };
        self.run.advance(at.max(self.now()));
        if event == Some(at) {
            self.befall();
            self.take_up_rules();
        } else if let Some((_, (note, id))) = self.rules.pop_first()
            && let Some(record) = self.run.sim.stage.with_desk(|d| d.record_facts("incident", &id))
        {
            self.jobs.push_back(Job { note, record });
        }
        true
    }

    fn befall(&mut self) {
        let event = &self.script.events[self.next];
        self.next += 1;
        match &event.what {
            What::Kill { boundary, down } => self.kills_to_come.push_back((*boundary, *down)),
            // These belong to an engine with a store, a lease and a clock of its own.
            What::Second { .. } | What::DiskFull { .. } | What::Pause { .. } | What::ClockAhead { .. } => {}
            // No access rule and no business rule binds an application of the instance itself.
            What::Trick { trick, .. } if self.has(Trait::Inside) && binds(*trick) => {}
            // Neither algorithm carries edits of comments over.
            What::Trick { trick: Trick::EditComment, .. } => {}
            _ => self.run.befall(event),
        }
    }

    /// Puts off what the rules of the instance do about changes by people.
    pub fn take_up_rules(&mut self) {
        let at = self.now() + RULE;
        let (seen, inside) = (self.seen, self.has(Trait::Inside));
        let (len, fresh) = self.run.sim.stage.with_desk(|d| {
            let fresh: Vec<_> =
                d.history()[seen..].iter().filter(|c| c.actor == Actor::Person).cloned().collect();
            (d.history().len(), fresh)
        });
        self.seen = len;
        for change in fresh.into_iter().filter(|c| inside && c.table == "incident") {
            let note = match change.field.as_str() {
                "state" | "impact" | "assigned_to" => false,
                "work_notes" => true,
                _ => continue,
            };
            // One update of several fields runs the rule once.
            let same = |(n, id): &(bool, String)| !note && !n && *id == change.sys_id;
            if !self.rules.iter().any(|((when, _), rule)| *when == at && same(rule)) {
                self.rules.insert((at, self.rules.len() + self.seen), (note, change.sys_id));
            }
        }
    }

    /// Starts the model anew if it died, when its time has come.
    pub fn revive(&mut self) -> bool {
        let Some(down) = self.down.take() else { return false };
        self.play_until(self.now() + down);
        true
    }

    /// No more faults, tricks, kills and people.
    pub fn calm(&mut self) {
        self.play_until(self.script.calm_at);
        self.run.calm_worlds();
        self.kills_to_come.clear();
    }

    pub(super) fn die(&mut self, down: Duration) -> Lost {
        self.kills_to_come.pop_front();
        self.kills += 1;
        self.down = Some(down);
        Lost::Killed
    }

    /// Counts a request; tells whether it is the one at which the model dies: before it is carried
    /// out, or after.
    pub(super) fn count_down(&mut self) -> Got<Option<Duration>> {
        if self.down.is_some() {
            return Err(Lost::Killed);
        }
        let Some((boundary, down)) = self.kills_to_come.front_mut() else { return Ok(None) };
        let down = *down;
        if boundary.effects > 0 {
            boundary.effects -= 1;
            return Ok(None);
        }
        if boundary.applied { Ok(Some(down)) } else { Err(self.die(down)) }
    }
}

/// Tricks of access rules and business rules.
fn binds(trick: Trick) -> bool {
    use Trick::{
        AbortAssignment, DenyFields, ExtraSave, HideCorrelation, HideGroup, HideRecord, RewriteUrgency,
    };
    matches!(
        trick,
        AbortAssignment | DenyFields | ExtraSave | HideCorrelation | HideGroup | HideRecord | RewriteUrgency
    )
}
