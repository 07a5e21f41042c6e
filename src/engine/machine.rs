//! The machine: everything the engine decides, without a network, a disk, a clock or chance.
//!
//! [`Machine::step`] takes one event and gives the effects that follow. An effect is one HTTP
//! exchange, one store call or one timer; its reply is an event. Which effect completes next is
//! for the caller to say, so a test can order, delay, fail or forget any of them (D1).
//!
//! Inside, each procedure (a workspace's loop, one link's work) is a future that awaits its
//! effects; the machine polls exactly those whose reply came, in a fixed order. Same events,
//! same effects.

mod adopt;
mod board;
mod commands;
mod confirm;
mod controls;
mod create;
mod ctx;
mod desk_pass;
mod domain;
mod dry_run;
mod entry_work;
mod evidence_work;
mod facts;
mod failure;
mod freshness;
mod go_on;
mod gone;
mod hand_over;
mod incident_pass;
mod joining;
mod journals;
mod lanes;
mod lease;
mod link_orders;
mod link_work;
mod memory;
mod merges;
#[cfg(feature = "mutants")]
mod mutated;
mod observation;
mod orders;
mod ownership;
mod passes;
mod record_pass;
mod recover;
mod recovery;
mod related_find;
mod related_lists;
mod related_send;
mod related_work;
mod send;
mod siblings;
mod split;
mod state_walk;
mod surge;
mod tasks;
mod turn;
mod unlink;
mod unreadable;
mod views;
mod workspace;
mod write_rate;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::model::call::{DeskCall, DeskOutcome, SentinelCall, SentinelOutcome};
use crate::model::ledger::{Ask, StoreFault, Told};
use crate::model::settings::EngineSettings;
use crate::model::view::SurgeView;
use crate::model::{DeskKey, WorkspaceKey};
use crate::sync::marker::MarkerKeys;
use crate::text::Stamp;

use board::Board;
use tasks::Tasks;

pub use dry_run::PlannedWrite;
pub use recovery::Recovery;

/// The present moment, as the caller's clocks say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Wall clock, for people and for audit rows; decides nothing.
    pub utc: Stamp,
    /// Time since some fixed point, never going back; deadlines count by it.
    pub mono: Duration,
}

/// Number of an effect, which its reply carries back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EffectId(pub u64);

/// One thing to carry out.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Its number.
    pub id: EffectId,
    /// What.
    pub what: Request,
}

/// What an effect is.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "few exist at a time, and each is moved once")]
pub enum Request {
    /// One exchange with a workspace.
    Sentinel(WorkspaceKey, SentinelCall),
    /// One exchange with an instance, as one of its users.
    Desk(DeskKey, DeskCall),
    /// One store call.
    Store(Ask),
    /// A pause.
    Timer(Duration),
}

/// What came of an effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Of an exchange with a workspace.
    Sentinel(SentinelOutcome),
    /// Of an exchange with an instance.
    Desk(DeskOutcome),
    /// Of a store call.
    Store(Result<Told, StoreFault>),
    /// A pause is over.
    Timer,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An effect was carried out.
    Done(EffectId, Reply),
    /// Something was put into the store for the engine: look at commands and orders.
    Wake,
    /// Finish what is under way, give the leases back, end.
    Stop,
}

/// How long the machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Until it is stopped.
    Run,
    /// One pass of every workspace, with everything that follows from it.
    Once,
    /// One pass that writes nothing, neither to the services nor to the store.
    Plan,
}

/// What a finished `Once` or `Plan` has to say about one workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Incidents that were new or changed.
    pub incidents: u32,
    /// Records that were new or changed.
    pub records: u32,
    /// Writes that were confirmed.
    pub writes: u32,
    /// Links that still have something to do.
    pub unfinished: u32,
    /// Mass changes that wait for a person.
    pub waiting: Vec<SurgeView>,
    /// Alerts of some incidents were left to a later pass, because the service grants few reads.
    pub alerts_later: bool,
    /// Why the pass did not end well; empty if it did.
    pub failures: Vec<crate::model::CallError>,
    /// Why it could not be synced at all: lease, store; empty if it could.
    pub refused: String,
    /// What would be written (`Plan`, or a first contact that waits).
    pub planned: Vec<PlannedWrite>,
}

/// The engine's decisions.
pub struct Machine {
    board: Arc<Mutex<Board>>,
    tasks: Tasks,
}

impl Machine {
    /// Takes what the config settles, the keys of our markers, the hash of each workspace's
    /// config section (D31), and how long to run.
    pub fn new(
        settings: EngineSettings,
        keys: MarkerKeys,
        hashes: BTreeMap<WorkspaceKey, String>,
        mode: Mode,
        now: Now,
    ) -> Self {
        let board = Arc::new(Mutex::new(Board::new(settings.clone(), now)));
        let mut tasks = Tasks::default();
        let shared = ctx::Shared::new(settings, keys, hashes, mode, board.clone());
        for (desk, table) in shared.desks() {
            tasks.spawn(desk_pass::serve(shared.clone(), desk, table));
        }
        for workspace in shared.settings.workspaces.iter().filter(|w| w.enabled) {
            let ws = shared.workspace(&workspace.key);
            if mode != Mode::Plan {
                tasks.spawn(lease::keep(ws.clone()));
            }
            tasks.spawn(workspace::run(ws));
        }
        Self { board, tasks }
    }

    /// The effects that a machine begins with.
    pub fn start(&mut self, now: Now) -> Vec<Effect> {
        board::lock(&self.board).set_now(now);
        self.advance()
    }

    /// Takes one event and gives the effects that follow from it.
    pub fn step(&mut self, event: Event, now: Now) -> Vec<Effect> {
        {
            let mut board = board::lock(&self.board);
            board.set_now(now);
            match event {
                Event::Done(id, reply) => board.deliver(id, reply),
                Event::Wake => board.wake_all(),
                Event::Stop => board.stop(),
            }
        }
        self.advance()
    }

    fn advance(&mut self) -> Vec<Effect> {
        self.tasks.run();
        board::lock(&self.board).take_effects()
    }

    /// True when every workspace's procedure has ended.
    pub fn is_finished(&self) -> bool {
        board::lock(&self.board).is_finished()
    }

    /// How often each way of getting over something was taken.
    pub fn recoveries(&self) -> BTreeMap<Recovery, u64> {
        board::lock(&self.board).recoveries.clone()
    }

    /// What each workspace has to say, after the end of `Once` or `Plan`.
    pub fn summaries(&self) -> BTreeMap<WorkspaceKey, Summary> {
        board::lock(&self.board).summaries.clone()
    }
}
