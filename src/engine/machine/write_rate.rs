//! The write-rate breaker: more writes to one side within a minute than the workspace allows wait for a
//! person. Nothing of them is dropped: what is to be written is decided anew with every pass, as it is while
//! a server is down. Records are created all the same, and what was sent before is looked into.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Side;
use crate::model::ledger::{AuditDraft, Capability, Commit};
use crate::model::view::{Level, SurgeView};
use crate::mutant::{self, Mutant};
use crate::sync::write_rate::{Answer, Flow, after_pause};

use super::ctx::{Halt, Ws};
use super::recovery::Recovery;

/// Name of the fact that writes wait.
const FACT: &str = "write_rate";
/// Writes that a new record grants on either side: its notes, its alerts, its close, its label.
const FOR_A_RECORD: usize = 10;
const SIDES: [Side; 2] = [Side::Sentinel, Side::ServiceNow];

/// What has to outlive the process.
#[derive(Default, Serialize, Deserialize)]
struct Standing {
    held: Vec<Side>,
    open: Vec<Side>,
}

/// The fact that the writes to a side wait, or were let through, as it is stored.
pub(super) fn fact(ws: &Ws) -> Capability {
    let sides =
        |flow: Flow| ws.memory(|m| SIDES.into_iter().filter(|s| m.rates.of(*s).flow == flow).collect());
    let standing = Standing { held: sides(Flow::Held), open: sides(Flow::Open) };
    ws.new_fact(ws.key.as_str(), FACT, serde_json::to_string(&standing).unwrap_or_default())
}

/// Loads what waited in an earlier life, once the workspace's facts are known.
pub(super) fn remember(ws: &Ws) {
    let stored = ws.fact(ws.key.as_str(), FACT).unwrap_or_default();
    let standing: Standing = serde_json::from_str(&stored).unwrap_or_default();
    ws.memory(|m| {
        for (sides, flow) in [(standing.held, Flow::Held), (standing.open, Flow::Open)] {
            for side in sides {
                m.rates.of_mut(side).flow = flow;
            }
        }
    });
}

/// A pass begins to write: where nothing was read for longer, as much more may have come together.
pub(super) fn begin(ws: &Ws, gap: Duration) {
    let more = after_pause(gap, ws.settings().write_rate);
    ws.memory(|m| SIDES.map(|side| m.rates.of_mut(side).grant_at_least(more)));
}

/// A pass is over. Only one that could write to both sides has left nothing of what was granted or let
/// through.
pub(super) async fn end(ws: &Ws) -> Result<(), Halt> {
    // What a person let through in the course of it is for the next one: links that waited were passed by then.
    let heard = ws.memory(|m| m.heard.at_once);
    if heard || SIDES.into_iter().any(|side| ws.is_down(side)) {
        return Ok(());
    }
    if ws.memory(|m| SIDES.map(|side| m.rates.of_mut(side).rest())).contains(&true) {
        ws.commit(Commit { capabilities: vec![fact(ws)], ..Commit::default() }).await?;
    }
    Ok(())
}

impl Ws {
    /// True while the writes to a side wait for a person.
    pub fn rate_waits(&self, side: Side) -> bool {
        self.settings().write_rate > 0 && self.memory(|m| m.rates.of(side).flow == Flow::Held)
    }

    /// What waits for a person, as people see it.
    pub fn waiting(&self) -> Vec<SurgeView> {
        let mut all = self.memory(|m| m.surges.views());
        all.extend(SIDES.into_iter().filter(|side| self.rate_waits(*side)).map(|side| self.rate_view(side)));
        all
    }

    /// What waits because a side got too many writes, as people see it.
    pub fn rate_view(&self, side: Side) -> SurgeView {
        let count = u32::try_from(self.settings().write_rate).unwrap_or(u32::MAX);
        SurgeView { field: None, side, count }
    }

    /// A record was made: what follows from that is none of what is counted.
    pub fn grant_writes_for_a_record(&self) {
        self.memory(|m| SIDES.map(|side| m.rates.of_mut(side).grant(FOR_A_RECORD)));
    }

    /// Counts a write that is about to be committed. False when it has to wait.
    pub async fn may_write(&self, side: Side) -> Result<bool, Halt> {
        let (now, most) = (self.now().mono, self.settings().write_rate);
        if mutant::is_on(Mutant::WriteRateIgnored) {
            return Ok(true);
        }
        match self.memory(|m| m.rates.of_mut(side).ask(now, most)) {
            Answer::Go => Ok(true),
            Answer::Waits => Ok(false),
            Answer::Trips => tell(self, side, most).await.map(|()| false),
        }
    }
}

/// Puts on record that the writes to a side wait from now on.
async fn tell(ws: &Ws, side: Side, most: usize) -> Result<(), Halt> {
    ws.recovered(Recovery::WriteRate);
    let subject = ws.key.to_string();
    let why = format!("more than {most} writes would go to {side} within a minute");
    let text = format!(
        "{why}: all that is to be written there waits until somebody lets it through (sync let-through); nothing \
         is dropped, reading and new records go on"
    );
    let audit = AuditDraft {
        at: ws.now().utc,
        who: "sync".into(),
        act: "hold".into(),
        subject: subject.clone(),
        side: side.word().into(),
        what: "writes".into(),
        why,
        ..AuditDraft::default()
    };
    let waiting = ws.waiting();
    ws.summary(|s| s.waiting = waiting);
    ws.commit(Commit {
        capabilities: vec![fact(ws)],
        events: vec![ws.event(Level::Error, None, subject, text)],
        audit: vec![audit],
        workspace_view: Some(ws.workspace_view()),
        ..Commit::default()
    })
    .await?;
    Ok(())
}
