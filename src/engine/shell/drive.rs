//! The loop that feeds the machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::{Clients, EngineError, EngineOptions, leases};
use crate::engine::machine::{Effect, EffectId, Event, Machine, Mode, Now, Reply, Request, Summary};
use crate::http::Clock;
use crate::model::ledger::{Ask, StoreFault, Told};
use crate::model::view::Level;
use crate::model::{CallError, FaultKind, WorkspaceKey};
use crate::store::Store;

/// Replies that may wait for the machine; more makes their tasks wait.
const REPLIES: usize = 256;
/// Shortest pause between two looks at the store for orders.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long effects under way are waited for after everything else has ended.
const LINGER: Duration = Duration::from_secs(10);
/// How often the heads of the audit chains are written outside the store (D10).
const HEADS_EVERY: Duration = Duration::from_secs(30);
/// Events that the store keeps.
const EVENTS_KEPT: u32 = 10_000;

/// Runs the machine until it has finished, or until `stop`.
pub(super) async fn drive(
    options: &EngineOptions,
    clients: &Clients,
    mode: Mode,
    mut stop: watch::Receiver<bool>,
) -> Result<BTreeMap<WorkspaceKey, Summary>, EngineError> {
    let mut others = leases::Others::default();
    if mode != Mode::Plan {
        leases::free_dead(options).await;
        others.tell(options, clients.clock.monotonic()).await;
    }
    let clock = clients.clock.clone();
    let mut machine = Machine::new(
        options.settings.clone(),
        options.markers(),
        options.section_hashes.clone(),
        mode,
        now(clock.as_ref()),
    );
    let (replies, mut inbox) = mpsc::channel(REPLIES);
    let carrier = Carrier {
        sources: clients.sources.clone(),
        desks: clients.desks.clone(),
        store: options.store.clone(),
        replies,
    };
    let effects = machine.start(now(clock.as_ref()));
    carrier.carry_out(effects);
    let mut watcher = options.store.watch().await;
    let mut looked = tokio::time::Instant::now();
    let mut heads = tokio::time::interval(HEADS_EVERY);
    heads.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stopping = false;
    let mut look = true;
    while !machine.is_finished() {
        let event = tokio::select! {
            biased;
            reply = inbox.recv() => match reply {
                Some((id, reply)) => Event::Done(id, reply),
                None => break,
            },
            () = asked_to_stop(&mut stop), if !stopping => {
                stopping = true;
                Event::Stop
            }
            () = watcher.changed(), if mode == Mode::Run && !stopping && !look => {
                look = true;
                continue;
            }
            () = tokio::time::sleep_until(looked + LOOK_EVERY), if look => {
                look = false;
                looked = tokio::time::Instant::now();
                if !has_orders(options).await {
                    continue;
                }
                Event::Wake
            }
            _ = heads.tick(), if mode == Mode::Run => {
                keep_heads(&options.store).await;
                clients.share_limits(leases::live_holders(&options.store).await);
                others.tell(options, clients.clock.monotonic()).await;
                continue;
            }
        };
        let effects = machine.step(event, now(clock.as_ref()));
        carrier.carry_out(effects);
    }
    // Sends under way were committed before they were sent; whoever syncs next resolves them.
    drop(carrier);
    let _ = tokio::time::timeout(LINGER, async { while inbox.recv().await.is_some() {} }).await;
    if mode != Mode::Plan {
        keep_heads(&options.store).await;
    }
    Ok(machine.summaries())
}

fn now(clock: &dyn Clock) -> Now {
    Now { utc: clock.now(), mono: clock.monotonic() }
}

async fn asked_to_stop(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|s| *s).await.is_err() {
        // Nobody can ask any more.
        std::future::pending::<()>().await;
    }
}

async fn has_orders(options: &EngineOptions) -> bool {
    for workspace in options.settings.workspaces.iter().filter(|w| w.enabled) {
        if let Ok(Told::Orders(commands, controls, links)) =
            options.store.ask(Ask::Orders(workspace.key.clone())).await
            && (!controls.is_empty()
                || !links.is_empty()
                || commands.iter().any(|c| c.state == crate::model::CommandState::Pending))
        {
            return true;
        }
    }
    false
}

async fn keep_heads(store: &Store) {
    match store.write_heads(&store.heads_path()).await {
        Ok(heads) => {
            for (chain, (seq, hash)) in heads {
                tracing::info!(chain = %crate::text::escape_line(&chain), seq, hash, "audit head");
            }
        }
        Err(fault) => tracing::error!(%fault, "the audit heads could not be written"),
    }
    if let Err(fault) = store.prune_events(EVENTS_KEPT).await {
        tracing::warn!(%fault, "old events could not be removed");
    }
}

/// Carries out effects.
struct Carrier {
    sources: super::Sources,
    desks: super::Desks,
    store: Store,
    replies: mpsc::Sender<(EffectId, Reply)>,
}

impl Carrier {
    fn carry_out(&self, effects: Vec<Effect>) {
        for effect in effects {
            let replies = self.replies.clone();
            match effect.what {
                Request::Timer(pause) => {
                    // A pause that nobody waits for any more must not keep the end waiting, so it
                    // holds the way back only weakly.
                    let replies = replies.downgrade();
                    tokio::spawn(async move {
                        tokio::time::sleep(pause).await;
                        if let Some(replies) = replies.upgrade() {
                            let _ = replies.send((effect.id, Reply::Timer)).await;
                        }
                    });
                }
                Request::Store(ask) => {
                    let store = self.store.clone();
                    log(&ask);
                    tokio::spawn(async move {
                        let told = store.ask(ask).await;
                        if let Err(fault) = &told
                            && *fault != StoreFault::LeaseLost
                        {
                            tracing::error!(%fault, "store");
                        }
                        let _ = replies.send((effect.id, Reply::Store(told))).await;
                    });
                }
                Request::Sentinel(workspace, call) => {
                    let source = self.sources.get(&workspace).cloned();
                    tokio::spawn(async move {
                        let outcome = match source {
                            Some(source) => source.call(call).await,
                            None => Err(unknown(&format!("workspace {workspace}"))),
                        };
                        let _ = replies.send((effect.id, Reply::Sentinel(outcome))).await;
                    });
                }
                Request::Desk(key, call) => {
                    let desk: Option<Arc<dyn crate::servicenow::RecordDesk>> = self.desks.get(&key).cloned();
                    tokio::spawn(async move {
                        let outcome = match desk {
                            Some(desk) => desk.call(call).await,
                            None => Err(unknown(&key.to_string())),
                        };
                        let _ = replies.send((effect.id, Reply::Desk(outcome))).await;
                    });
                }
            }
        }
    }
}

fn unknown(who: &str) -> CallError {
    CallError::new(FaultKind::Config, format!("{who} has no connection"))
}

/// Happenings go to the log as well as to the store.
fn log(ask: &Ask) {
    let Ask::Commit(commit) = ask else { return };
    for event in &commit.events {
        let (subject, text) = (&event.subject, &event.text);
        match event.level {
            Level::Change | Level::Info => tracing::info!(subject, "{text}"),
            Level::Warning => tracing::warn!(subject, "{text}"),
            Level::Error => tracing::error!(subject, "{text}"),
        }
    }
}
