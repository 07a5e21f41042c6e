//! What people ordered: heard between passes and in the course of one.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::ledger::{Ask, Told};
use crate::model::{CommandState, LinkId};

use super::Mode;
use super::ctx::{Halt, Ws};

/// Longest that a pass goes on before it hears again what operators order.
const HEAR_EVERY: Duration = Duration::from_secs(1);

/// What was ordered in the course of a pass, for its end.
#[derive(Default)]
pub(super) struct Heard {
    /// When it was last listened for.
    at: Duration,
    /// A pass should start at once.
    pub at_once: bool,
    /// Commands wait.
    pub commands: bool,
}

impl Heard {
    /// What is to be done about it now.
    pub fn take(&mut self) -> Self {
        std::mem::replace(self, Self { at: self.at, ..Self::default() })
    }
}

/// Hears what operators order in the course of a pass, which may take an hour: a pause has to stop it.
/// Commands wait for its end. True when it is to stop.
pub(super) async fn hear(ws: &Ws) -> Result<bool, Halt> {
    let now = ws.now().mono;
    let woken = super::board::lock(&ws.shared.board).take_wake(&ws.key);
    let due = ws.memory(|m| {
        let due = woken || now.saturating_sub(m.heard.at) >= HEAR_EVERY;
        m.heard.at = if due { now } else { m.heard.at };
        due
    });
    if due && ws.shared.mode != Mode::Plan {
        // Many links listen, and each order is carried out once.
        let _turn = ws.lock(format!("orders:{}", ws.key)).await;
        if let Told::Orders(commands, controls, links) = ws.ask(Ask::Orders(ws.key.clone())).await? {
            let pending = !links.is_empty() || commands.iter().any(|c| c.state == CommandState::Pending);
            let at_once = super::controls::carry_out(ws, &controls).await?;
            ws.memory(|m| {
                m.heard.commands |= pending;
                m.heard.at_once |= at_once;
            });
        }
    }
    Ok(ws.is_paused())
}

/// Carries out what was ordered. True when a pass should start at once.
pub(super) async fn obey(ws: &Ws) -> Result<bool, Halt> {
    if ws.shared.mode == Mode::Plan {
        return Ok(false);
    }
    let Told::Orders(commands, controls, links) = ws.ask(Ask::Orders(ws.key.clone())).await? else {
        return Ok(false);
    };
    let now = ws.now().mono;
    ws.memory(|m| m.heard.at = now);
    let at_once = super::controls::carry_out(ws, &controls).await?;
    if ws.is_paused() {
        return Ok(at_once);
    }
    ws.memory(|m| m.link_orders = links);
    let mut dirty: BTreeSet<LinkId> = BTreeSet::new();
    let more = Box::pin(super::link_orders::carry_out(ws, &mut dirty)).await?;
    for command in &commands {
        match command.state {
            CommandState::Taken => {
                let known = ws.memory(|m| {
                    let taken = m.taken.entry(command.link).or_default();
                    let known = taken.contains(&command.id);
                    if !known {
                        taken.push(command.id);
                    }
                    known
                });
                if !known {
                    dirty.insert(command.link);
                }
            }
            CommandState::Pending if Box::pin(super::commands::take(ws, command)).await? => {
                dirty.insert(command.link);
            }
            _ => {}
        }
    }
    if !dirty.is_empty() {
        super::workspace::refresh_mapping(ws).await?;
        super::workspace::work(ws, dirty).await?;
        ws.publish_lanes().await?;
    }
    let heard = ws.memory(|m| m.heard.take());
    Ok(at_once || heard.at_once || more)
}

impl Ws {
    /// True while an operator has it paused.
    pub fn is_paused(&self) -> bool {
        self.memory(|m| m.paused)
    }
}
