//! The loop that feeds the machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::{Clients, EngineError, EngineOptions};
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
    if mode != Mode::Plan {
        free_dead_leases(options).await;
        tell_other_holders(options).await;
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
                clients.share_limits(live_holders(&options.store).await);
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
        if let Ok(Told::Orders(commands, controls)) =
            options.store.ask(Ask::Orders(workspace.key.clone())).await
            && (!controls.is_empty()
                || commands.iter().any(|c| c.state == crate::model::CommandState::Pending))
        {
            return true;
        }
    }
    false
}

/// How many processes hold a lease at this moment.
async fn live_holders(store: &Store) -> u32 {
    let leases = store.leases().await.unwrap_or_default();
    let live = leases.iter().filter(|l| l.ends > l.read_at).map(|l| &l.holder);
    live.collect::<std::collections::BTreeSet<_>>().len() as u32
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

/// Ends leases whose holder was a process of this host that no longer lives, so that a restart
/// after a crash need not wait. What it may have sent is still waited for (settle).
async fn free_dead_leases(options: &EngineOptions) {
    let Ok(leases) = options.store.leases().await else { return };
    let home = home_of(&options.settings.holder);
    for lease in leases.into_iter().filter(|l| l.ends.0 != 0 && home.is_some() && home_of(&l.holder) == home)
    {
        let Some(pid) = pid_of(&lease.holder) else { continue };
        if pid != std::process::id() as i32 && !is_alive(pid) {
            tracing::info!(workspace = %lease.workspace, holder = %lease.holder, "its holder is gone; the lease is freed");
            let ask = Ask::ReleaseLease { workspace: lease.workspace, epoch: lease.epoch };
            let _ = options.store.ask(ask).await;
        }
    }
}

/// Says whose lease stands in our way.
async fn tell_other_holders(options: &EngineOptions) {
    let Ok(leases) = options.store.leases().await else { return };
    for lease in leases.iter().filter(|l| l.ends.0 != 0 && l.holder != options.settings.holder) {
        let Some(ours) = options.section_hashes.get(&lease.workspace) else { continue };
        let (workspace, holder) = (&lease.workspace, crate::text::escape_line(&lease.holder));
        if lease.ends > lease.read_at {
            tracing::warn!(%workspace, holder, "another process syncs it; this one waits for its lease");
        } else if lease.section_hash != *ours {
            tracing::warn!(
                %workspace, holder,
                "it was last synced on another config section, by a process that never gave its lease back; \
                 it is not taken: bring the two files together, or start with --take-over"
            );
        }
    }
}

/// Ends leases that ran out without being given back, so that this config section is taken from
/// now on. One that is in force is left alone.
///
/// # Errors
/// The store's.
pub async fn take_over(store: &Store) -> Result<u32, StoreFault> {
    let mut freed = 0;
    for lease in store.leases().await?.into_iter().filter(|l| l.ends.0 != 0 && l.ends <= l.read_at) {
        store.ask(Ask::ReleaseLease { workspace: lease.workspace, epoch: lease.epoch }).await?;
        freed += 1;
    }
    Ok(freed)
}

/// Host, boot and process namespace of `mode user@host pid N #home-number`: where N means
/// something.
fn home_of(holder: &str) -> Option<(&str, &str)> {
    let (_, rest) = holder.rsplit_once('@')?;
    let (host, rest) = rest.split_once(" pid ")?;
    let (_, tail) = rest.split_once(" #")?;
    Some((host, tail.split_once('-')?.0))
}

fn pid_of(holder: &str) -> Option<i32> {
    holder.rsplit_once(" pid ")?.1.split_once(' ')?.0.parse().ok()
}

#[cfg(unix)]
fn is_alive(pid: i32) -> bool {
    // One that ended but was not waited for by its parent can still be signalled.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    if stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')) {
        return false;
    }
    let Some(pid) = rustix::process::Pid::from_raw(pid) else { return true };
    // A process of another user cannot be signalled, but it is there.
    !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn is_alive(_pid: i32) -> bool {
    true
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
                Request::Desk(instance, call) => {
                    let desk: Option<Arc<dyn crate::servicenow::RecordDesk>> =
                        self.desks.get(&instance).cloned();
                    tokio::spawn(async move {
                        let outcome = match desk {
                            Some(desk) => desk.call(call).await,
                            None => Err(unknown(&format!("instance {instance}"))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_tells_its_host_and_process() {
        let holder = "run alice@soc-1 pid 4711 #3f9c20aa-51d0";
        assert_eq!((home_of(holder), pid_of(holder)), (Some(("soc-1", "3f9c20aa")), Some(4711)));
        assert_eq!(home_of("somebody"), None);
        assert!(is_alive(std::process::id() as i32));
    }
}
