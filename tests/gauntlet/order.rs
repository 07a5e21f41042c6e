//! What people order about links: to end one, to tie a pair again.

use diptych::model::ledger::LinkState;
use diptych::model::{CommandId, CommandState, Life, Role};
use diptych::text::Stamp;
use fastrand::Rng;

use crate::simulation::Simulation;

/// An order as it was given.
pub struct Given {
    guid: String,
    at: Stamp,
    number: Number,
}

enum Number {
    End(CommandId),
    Tie(i64),
}

/// An order and what came of it.
#[derive(Clone, Debug)]
pub struct Order {
    /// The incident, in lower case.
    pub guid: String,
    /// When it was given.
    pub at: Stamp,
    /// It ties a pair; otherwise it ends a link.
    pub tie: bool,
    /// Where it stands.
    pub state: CommandState,
    /// What the sync said to it.
    pub result: String,
}

impl Given {
    /// A person ends some link.
    pub fn end(sim: &Simulation, links: &[LinkState], draw: u64) -> Option<Self> {
        let ties =
            |l: &&LinkState| (l.link.life, l.link.role) == (Life::Live, Role::Primary) && l.record.is_some();
        let all: Vec<&LinkState> = links.iter().filter(ties).collect();
        let state = *some(&all, draw)?;
        let number = Number::End(sim.unlink(state)?);
        Some(Self::of(sim, state, number))
    }

    /// A person ties an incident again that has no link any more.
    pub fn tie(sim: &Simulation, links: &[LinkState], draw: u64) -> Option<Self> {
        let alone = |l: &&LinkState| {
            let mut others = links.iter().filter(|o| o.link.incident == l.link.incident);
            others.all(|o| o.link.life == Life::Unlinked)
        };
        let all: Vec<&LinkState> = links.iter().filter(alone).collect();
        let state = *some(&all, draw)?;
        let (guid, sys_id) = (state.link.incident.as_str(), state.link.sys_id.as_str());
        let number = Number::Tie(sim.tie(guid, sys_id)?);
        Some(Self::of(sim, state, number))
    }

    fn of(sim: &Simulation, state: &LinkState, number: Number) -> Self {
        Self { guid: state.link.incident.as_str().to_owned(), at: sim.world_time(), number }
    }

    /// What came of it.
    pub fn outcome(&self, sim: &Simulation) -> Order {
        let found = match self.number {
            Number::End(id) => sim.command(id).map(|c| (c.state, c.result)),
            Number::Tie(id) => sim.order(id).map(|o| (o.state, o.result)),
        };
        let (state, result) = found.unwrap_or((CommandState::Pending, String::new()));
        let tie = matches!(self.number, Number::Tie(_));
        Order { guid: self.guid.clone(), at: self.at, tie, state, result }
    }
}

fn some<T>(all: &[T], draw: u64) -> Option<&T> {
    (!all.is_empty()).then(|| &all[Rng::with_seed(draw).usize(..all.len())])
}
