//! One run of a model: the script is played, then all is calm, then the evidence is judged.

use std::ops::Range;
use std::time::Duration;

use diptych::text::Stamp;

use super::calls::Got;
use super::wire::Wire;
use super::{Model, Rival, Score};
use crate::checker;
use crate::run::{Evidence, QUIET};
use crate::script::Script;

/// How often both published algorithms run.
const EACH: Duration = Duration::from_secs(60);
/// How long a model may take to bring both sides in step once all is calm, a dozen passes on top.
const LIMIT: Duration = Duration::from_secs(3600);

/// A model at work on a script.
pub struct Play<'a> {
    pub wire: Wire<'a>,
    model: Box<dyn Model>,
    pause: Duration,
    due: Duration,
}

impl<'a> Play<'a> {
    pub fn new(rival: Rival, script: &'a Script) -> Self {
        let wire = Wire::new(script, rival.dialect(), rival.traits());
        let model = rival.model(wire.clock()).expect("the engine is no model");
        Self { wire, model, pause: script.setting.poll.max(EACH), due: Duration::ZERO }
    }

    /// Lets the model work until a moment.
    pub fn work_until(&mut self, until: Duration) {
        while self.due <= until {
            self.idle_until(self.due);
            let passed = self.model.pass(&mut self.wire);
            self.rise(passed);
            self.due = self.wire.now().max(self.due + self.pause);
        }
        self.idle_until(until);
    }

    /// Between passes only what rules put off is done.
    fn idle_until(&mut self, until: Duration) {
        loop {
            while let Some(job) = self.wire.jobs.pop_front() {
                let done = self.model.job(&mut self.wire, &job);
                self.rise(done);
            }
            if !self.wire.step(until.max(self.wire.now())) {
                break;
            }
        }
    }

    /// Failures are the model's own affair; after a death it goes on from what it kept.
    fn rise(&mut self, _done: Got<()>) {
        self.wire.revive();
    }

    /// So many passes more.
    fn work_passes(&mut self, passes: u32) {
        self.work_until(self.wire.now() + self.pause * passes);
    }

    fn evidence(&mut self, quiet: Option<Range<Stamp>>) -> Evidence {
        let run = &mut self.wire.run;
        Evidence {
            acts: std::mem::take(&mut run.acts),
            incident_changes: run.sim.stage.with_sentinel(|s| s.history().to_vec()),
            record_changes: run.sim.stage.with_desk(|d| d.history().to_vec()),
            beside: None,
            worlds: run.sim.worlds(),
            sent: run.sim.take_sent(),
            audit: None,
            links: Vec::new(),
            damage: Vec::new(),
            excuses: run.excuses.clone(),
            outages: Vec::new(),
            hidden: Vec::new(),
            disk_full: Vec::new(),
            quiet,
            poll: self.pause,
            lands: crate::run::lands(&run.sim.setting),
            page: 1000,
            sweep: self.pause,
            wrong_clock: false,
            clock_pause: Duration::ZERO,
            mass_change: None,
            write_rate: None,
            create_after: Duration::ZERO,
            aggregate: Default::default(),
            closed_partner: diptych::model::settings::ClosedPartner::Reopen,
            customer_comments: Default::default(),
            number_label: None,
            orders: Vec::new(),
            kills: self.wire.kills,
            struck: 0,
        }
    }

    /// What both sides do not agree on.
    pub fn discords(&mut self) -> Vec<String> {
        let evidence = self.evidence(None);
        checker::counted(&evidence).into_iter().map(|d| d.text).collect()
    }
}

/// Plays a script against a model and judges what came of it.
pub fn play(rival: Rival, script: &Script) -> Score {
    let mut play = Play::new(rival, script);
    play.work_until(script.calm_at);
    play.wire.calm();
    let limit = play.wire.now() + LIMIT + play.pause * 12;
    let mut quiet = None;
    while quiet.is_none() && play.wire.now() < limit {
        play.work_passes(3);
        // Acts of people belong to the evidence at the end.
        let acts = std::mem::take(&mut play.wire.run.acts);
        quiet = play.discords().is_empty().then(|| play.wire.clock());
        play.wire.run.acts = acts;
    }
    play.work_passes(QUIET);
    let quiet = quiet.map(|begun| begun..play.wire.clock());
    let evidence = play.evidence(quiet);
    Score { incidents: evidence.worlds.incidents.len() as u64, violations: checker::check(&evidence) }
}
