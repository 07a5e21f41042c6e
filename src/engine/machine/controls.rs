//! What operators order for a whole workspace: to pause and go on, to start a pass, to let through what waits,
//! to accept a plan.

use crate::model::ledger::{AuditDraft, Capability, Commit};
use crate::model::settings::StoreApp;
use crate::model::view::Level;
use crate::model::{Control, ControlVerb};

use super::ctx::{Halt, Ws};
use super::workspace::{ACCEPTED, TO_WATCH};

/// Carries out what operators ordered. True when a pass should start at once.
pub(super) async fn carry_out(ws: &Ws, controls: &[Control]) -> Result<bool, Halt> {
    if controls.is_empty() {
        return Ok(false);
    }
    let mut commit = Commit::default();
    let mut at_once = false;
    for order in controls {
        let fact = |name: &str, value: &str| Capability {
            owner: ws.key.as_str().to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
            at: order.at,
        };
        let text = match order.verb {
            ControlVerb::Pause => {
                ws.memory(|m| m.paused = true);
                commit.capabilities.push(fact("paused", "yes"));
                at_once = true;
                "paused"
            }
            ControlVerb::Resume => {
                ws.memory(|m| m.paused = false);
                commit.capabilities.push(fact("paused", "no"));
                at_once = true;
                "resumed"
            }
            ControlVerb::SyncNow => {
                at_once = true;
                "a pass was asked for"
            }
            ControlVerb::LetThrough => {
                let (many, fast) = ws.memory(|m| {
                    let rates = [m.rates.sentinel.let_through(), m.rates.servicenow.let_through()];
                    (m.surges.let_through(), rates.contains(&true))
                });
                commit.capabilities.push(super::surge::fact(ws));
                commit.capabilities.push(super::write_rate::fact(ws));
                at_once = true;
                match (many, fast) {
                    (true, false) => "a mass change was let through",
                    (true, true) => "a mass change and many writes at once were let through",
                    (false, true) => "many writes at once were let through",
                    (false, false) => "nothing waited to be let through",
                }
            }
            ControlVerb::AcceptPlan => {
                // Whoever let us watch is asked again before anything is written.
                let watches = ws.settings().store_app == StoreApp::Watch;
                let accepted = fact(ACCEPTED, if watches { TO_WATCH } else { "accepted" });
                ws.memory(|m| {
                    m.waiting_plan = None;
                    m.capabilities.insert((accepted.owner.clone(), accepted.name.clone()), accepted.clone())
                });
                commit.capabilities.push(accepted);
                at_once = true;
                "the first-contact plan was accepted"
            }
        };
        let who = crate::text::escape_line(&order.who);
        commit.events.push(ws.event(Level::Info, None, ws.key.to_string(), format!("{text} by {who}")));
        commit.audit.push(AuditDraft {
            at: ws.now().utc,
            who,
            act: order.verb.word().into(),
            subject: ws.key.to_string(),
            why: "ordered".into(),
            ..Default::default()
        });
        commit.controls_done.push(order.id);
    }
    if at_once {
        // Somebody wants it now: pauses after failures are over.
        ws.memory(|m| m.down_until.clear());
    }
    ws.commit(commit).await?;
    Ok(at_once)
}
