//! What the servers, the store and the dead processes leave behind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use diptych::model::ledger::{Ask, LinkState, Told};
use diptych::model::{IncidentId, IntentId, IntentState, WorkspaceKey};
use diptych::sandbox::analysts::AnalystEntry;
use diptych::sandbox::side::Side;
use diptych::store::{Mode, Store};
use diptych::text::Stamp;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use super::life::{Bench, POLL};
use crate::checker::{self, Violation};
use crate::run::Evidence;
use crate::simulation::{Dialect, Worlds, check_in_step};

/// Key of the workspace in the sandbox's own config.
const KEY: &str = "sandbox";

/// True when both sides are in step and the store knows of nothing left to do.
pub async fn is_done(bench: &Bench) -> Result<bool, String> {
    let store = Store::open(&bench.store(), Mode::ReadOnly).await.map_err(|e| e.to_string())?;
    let due = store.ask(Ask::Due(key(), Stamp(i64::MAX / 2))).await;
    let links = links(bench, &store).await;
    store.close().await;
    let idle = matches!(due, Ok(Told::Numbers(n)) if n.is_empty());
    let worlds = worlds(bench);
    let discords = check_in_step(&worlds);
    Ok(idle && checker::excused(discords, &worlds.dialect, &BTreeSet::new(), &links?).is_empty())
}

/// Writes that the life before had committed to, and of which it never learned what became.
pub async fn in_flight(bench: &Bench) -> BTreeSet<IntentId> {
    if bench.lives < 2 {
        return BTreeSet::new();
    }
    // A first life may have been killed before there was a store.
    let Ok(store) = Store::open(&bench.store(), Mode::ReadOnly).await else { return BTreeSet::new() };
    let links = links(bench, &store).await.unwrap_or_default();
    store.close().await;
    let intents = links.into_iter().flat_map(|l| l.intents);
    intents.filter(|i| i.state == IntentState::InFlight).map(|i| i.id).collect()
}

fn key() -> WorkspaceKey {
    WorkspaceKey::new(KEY).unwrap()
}

/// Now, as the sandbox counts it.
pub fn now() -> Stamp {
    Stamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64))
}

fn workspace(bench: &Bench) -> &str {
    &bench.sandbox.description().sentinel.workspaces[0]
}

fn worlds(bench: &Bench) -> Worlds {
    let stage = bench.sandbox.stage();
    Worlds {
        deleted: std::collections::BTreeSet::new(),
        incidents: stage.with_sentinel(|s| s.facts(workspace(bench))),
        records: stage.with_desk(|d| d.records("incident")),
        integration_user: bench.sandbox.description().servicenow.user.clone(),
        dialect: Dialect { alerts: true, ..Dialect::ours(KEY) },
    }
}

async fn links(bench: &Bench, store: &Store) -> Result<Vec<LinkState>, String> {
    let guids = bench.sandbox.stage().with_sentinel(|s| s.guids(workspace(bench)));
    let guids = guids.iter().map(|g| IncidentId::new(g)).collect();
    match store.ask(Ask::ByIncident(key(), guids)).await {
        Ok(Told::Links(links)) => Ok(links),
        other => Err(format!("the store does not tell its links: {other:?}")),
    }
}

/// What people say they did.
pub fn acts(told: &mut Receiver<AnalystEntry>) -> Vec<AnalystEntry> {
    let mut acts = Vec::new();
    loop {
        match told.try_recv() {
            Ok(entry) => acts.push(entry),
            // What overflowed is missing in the figures only.
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return acts,
        }
    }
}

pub async fn evidence(
    bench: &Bench,
    kills: u32,
    acts: Vec<AnalystEntry>,
    quiet: Option<Stamp>,
) -> Result<Evidence, String> {
    let store = Store::open(&bench.store(), Mode::ReadOnly).await.map_err(|e| e.to_string())?;
    let mut damage = Vec::new();
    if let Err(fault) = store.integrity().await {
        damage.push(fault.to_string());
    }
    // The heads that the program left beside the store when it was stopped.
    let heads = diptych::store::read_heads(&store.heads_path()).map_err(|e| e.to_string())?;
    match store.verify_audit(&heads).await {
        Ok(chains) => damage.extend(chains.into_iter().filter_map(|c| c.broken).map(|b| b.1)),
        Err(fault) => damage.push(fault.to_string()),
    }
    let audit = store.audit_rows(KEY, 0, 1_000_000).await.map_err(|e| e.to_string())?;
    let links = links(bench, &store).await?;
    store.close().await;
    let stage = bench.sandbox.stage();
    Ok(Evidence {
        acts,
        incident_changes: stage.with_sentinel(|s| s.history().to_vec()),
        record_changes: stage.with_desk(|d| d.history().to_vec()),
        beside: None,
        worlds: worlds(bench),
        // Requests of a process of its own are nobody's to list; its servers tell what they did.
        sent: Vec::new(),
        audit: Some(audit),
        links,
        damage,
        excuses: BTreeSet::new(),
        outages: Vec::new(),
        hidden: Vec::new(),
        disk_full: Vec::new(),
        quiet: quiet.map(|begun| begun..Stamp(i64::MAX)),
        page: 1000,
        sweep: POLL,
        poll: POLL,
        lands: super::life::SETTLE * 2,
        wrong_clock: false,
        clock_pause: Duration::ZERO,
        mass_change: None,
        write_rate: None,
        create_after: std::time::Duration::ZERO,
        aggregate: Default::default(),
        closed_partner: diptych::model::settings::ClosedPartner::Reopen,
        customer_comments: Default::default(),
        number_label: Some(""),
        orders: Vec::new(),
        kills,
        struck: Side::BOTH.map(|s| stage.with_faults(|f| f.struck_on(s))).iter().sum(),
    })
}

/// Both servers' histories as text beside the store, for whoever looks into a violation.
pub fn write_history(e: &Evidence, folder: &Path) -> std::io::Result<()> {
    let mut lines: Vec<(Stamp, String)> = Vec::new();
    lines.extend(e.incident_changes.iter().map(|c| (c.at, format!("{c:?}"))));
    lines.extend(e.record_changes.iter().map(|c| (c.at, format!("{c:?}"))));
    lines.sort();
    let text: Vec<String> = lines.into_iter().map(|(at, line)| format!("{at} {line}\n")).collect();
    std::fs::write(folder.join("history.txt"), text.concat())
}

/// Panics that lives told of on standard error.
pub fn panics(said: &[String]) -> Vec<Violation> {
    let mut found = BTreeMap::new();
    for (life, text) in said.iter().enumerate() {
        let about = |l: &&str| l.contains("internal fault") || l.contains("panicked");
        for line in text.lines().filter(about) {
            found.entry(line.to_owned()).or_insert(life);
        }
    }
    found.into_iter().map(|(line, life)| Violation::new("panic", format!("life {life}: {line}"))).collect()
}
