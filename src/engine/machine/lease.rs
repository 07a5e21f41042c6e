//! The lease of a workspace: taken, kept alive beside everything else, given back (D34).

use std::time::Duration;

use crate::model::ledger::{Ask, Lease, StoreFault, Told};

use crate::mutant::{self, Mutant};
use crate::text::escape_line;

use super::Mode;
use super::board::{HeldLease, lock};
use super::ctx::{Halt, Ws};

/// Renews the lease for as long as the machine runs, so that neither a slow answer nor a long
/// list lets it run out.
pub(super) async fn keep(ws: Ws) {
    loop {
        ws.shared.sleep(ws.shared.settings.lease / 3).await;
        // What fails here is found out by whoever commits or sends next.
        let _ = ensure_lease(&ws).await;
    }
}

pub(super) async fn take_lease(ws: &Ws) -> Result<bool, StoreFault> {
    if ws.shared.mode == Mode::Plan {
        return Ok(true);
    }
    let life = ws.shared.settings.lease;
    let asked = ws.now();
    let idle = ws.memory(|m| m.watched.filter(|(_, since)| asked.mono.saturating_sub(*since) > life * 2));
    let ask = Ask::TakeLease {
        workspace: ws.key.clone(),
        holder: ws.shared.settings.holder.clone(),
        life_ms: life.as_millis() as i64,
        section_hash: ws.shared.hashes.get(&ws.key).cloned().unwrap_or_default(),
        idle: idle.map(|(lease, _)| lease),
    };
    let Told::Lease(Some(lease)) = ws.ask(ask).await? else {
        watch(ws).await?;
        return Ok(mutant::is_on(Mutant::LeaseIgnored));
    };
    note(ws, &lease, asked.mono);
    ws.memory(|m| {
        m.watched = None;
        m.epoch = lease.epoch;
        m.taken_at = asked.utc;
        m.taken_mono = asked.mono;
        m.looked_into.clear();
    });
    Ok(true)
}

/// Notes how the lease of somebody else stands: whoever holds it renews it, by a third of its life
/// at a time, and one that nobody renews is over even if a wrong wall clock put its end far off.
async fn watch(ws: &Ws) -> Result<(), StoreFault> {
    let Told::Lease(Some(lease)) = ws.ask(Ask::LeaseOf(ws.key.clone())).await? else { return Ok(()) };
    let (stands, now) = ((lease.epoch, lease.ends), ws.now().mono);
    let section = ws.shared.hashes.get(&ws.key).cloned().unwrap_or_default();
    let why = lease.refused_for(&section);
    ws.memory(|m| {
        m.refused = why.unwrap_or_else(|| format!("{} syncs this workspace", escape_line(&lease.holder)));
        if m.watched.is_none_or(|(before, _)| before != stands) {
            m.watched = Some((stands, now));
        }
    });
    Ok(())
}

/// Notes until when we may send: counted from before the question was asked, so that our clock
/// never outlives the database's.
fn note(ws: &Ws, lease: &Lease, asked: Duration) {
    let life = Duration::from_micros(lease.ends.0.saturating_sub(lease.read_at.0).max(0) as u64);
    let send_until = asked + life.saturating_sub(ws.shared.settings.lease_margin);
    lock(&ws.shared.board).leases.insert(ws.key.clone(), HeldLease { epoch: lease.epoch, send_until });
}

/// Renews the lease when a third of it is used up.
pub(super) async fn ensure_lease(ws: &Ws) -> Result<(), Halt> {
    if ws.shared.mode == Mode::Plan || mutant::is_on(Mutant::LeaseIgnored) {
        return Ok(());
    }
    let life = ws.shared.settings.lease;
    let held = lock(&ws.shared.board).leases.get(&ws.key).copied();
    let Some(held) = held else { return Err(Halt::Store(StoreFault::LeaseLost)) };
    let now = ws.now().mono;
    let margin = ws.shared.settings.lease_margin;
    if held.send_until.saturating_sub(now) + margin > life * 2 / 3 {
        return Ok(());
    }
    let ask =
        Ask::RenewLease { workspace: ws.key.clone(), epoch: held.epoch, life_ms: life.as_millis() as i64 };
    match ws.ask(ask).await? {
        Told::Lease(Some(lease)) => {
            note(ws, &lease, now);
            Ok(())
        }
        _ => Err(Halt::Store(StoreFault::LeaseLost)),
    }
}

/// Gives the lease back.
pub(super) async fn give_back(ws: &Ws) {
    let held = lock(&ws.shared.board).leases.remove(&ws.key);
    if let Some(held) = held {
        let ask = Ask::ReleaseLease { workspace: ws.key.clone(), epoch: held.epoch };
        // If this fails the lease ends by itself.
        let _ = ws.ask(ask).await;
    }
}
