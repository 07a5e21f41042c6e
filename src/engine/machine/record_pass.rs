//! One pass over ServiceNow: records that moved are observed together with the journal entries
//! that moved them, and the links they belong to are handed on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::call::{DeskCall, DeskReply, RecordQuery};
use crate::model::ledger::{Ask, Commit, Cursor, Known, Told};
use crate::model::view::Level;
use crate::model::{
    Base, CallError, FaultKind, IncidentId, IntentKind, Life, Link, LinkId, LinkState, Record, Side, SysId,
};
use crate::mutant::{self, Mutant};
use crate::sync::cursor::{LONGEST_STOP, first_start, next_start, stopped_long};
use crate::sync::custom::bases_before_change;
use crate::sync::identity::{Correlation, read_correlation};
use crate::sync::sighting::Pass;
use crate::text::Stamp;

use super::ctx::{Halt, Ws};
use super::failure::Read;
use super::incident_pass::Since;
use super::recovery::Recovery;
use super::workspace::Reading;

/// Records whose journals are read in one call.
const JOURNAL_CHUNK: usize = 100;
/// Nodes of one instance stamp by clocks that differ by a little (servicenow-api 3.3).
const SKEW: Duration = Duration::from_secs(10);
/// How far before a record's update its journal entries are looked for: an entry and the update
/// it causes are one transaction, which lasts 298 s at most (sync-engine B.5).
const JOURNAL_BACK: Duration = Duration::from_secs(900);

/// Reads what changed in ServiceNow.
pub(super) async fn read_desk_side(ws: &Ws, dirty: &mut BTreeSet<LinkId>) -> Result<Reading, Halt> {
    if ws.is_resting(Side::ServiceNow) {
        return Ok(Reading::Skipped);
    }
    let (started, asked) = (ws.now(), ws.steady());
    let name = ws.desk_cursor();
    let Since { at: since, full: mut sweep, deep, first } = desk_since(ws, &name, started.mono);
    let mut read = ws.desk_pass(since, sweep).await;
    let (instance, date) = (ws.instance(), read.as_ref().ok().and_then(|pass| pass.date));
    if first && !sweep && stopped_long(since, instance.overlap + instance.deep.back, date) {
        ws.recovered(Recovery::FullSweep);
        sweep = true;
        read = ws.desk_pass(since, sweep).await;
    }
    let pass = match read {
        Ok(_) if ws.own_user().is_empty() => {
            // Our own notes would look like somebody's.
            let why = format!("instance {}: our own user name is not known yet", instance.key);
            return Ok(Reading::Failed(CallError::new(FaultKind::Unavailable, why)));
        }
        Ok(pass) => {
            ws.heal_lane(Side::ServiceNow);
            pass
        }
        Err(error) => return Ok(Reading::Failed(error)),
    };
    let whole = Pass { asked, date: pass.date };
    let newest = pass.records.iter().map(|r| r.updated_on).max();
    let old = ws.cursor(&name).unwrap_or(since);
    let position = next_start(pass.date, newest, ws.instance().overlap, old);
    if pass.date.is_none() {
        ws.recovered(Recovery::NoServerDate);
    }
    if mutant::is_on(Mutant::CursorBeforeRows) {
        ws.finish_pass(Side::ServiceNow, &name, position, (started, whole), (0, 0)).await?;
    }
    let mut rows = (pass.records.len() as u32, 0);
    let mut changed = unknown_records(ws, pass.records).await?;
    let mut listed: Option<BTreeSet<SysId>> =
        pass.swept.as_ref().map(|rows| rows.iter().map(|r| r.sys_id.clone()).collect());
    for ids in moved_without_stamp(ws, pass.swept, &changed).await? {
        match fetch(ws, ids).await {
            Ok(records) => changed.extend(records),
            Err(error) => return Ok(Reading::Failed(error)),
        }
    }
    for ids in uncorrelated(ws).await? {
        match fetch(ws, ids).await {
            Ok(records) => {
                if let Some(listed) = &mut listed {
                    listed.extend(records.iter().map(|r| r.sys_id.clone()));
                }
                changed.extend(unknown_records(ws, records).await?);
            }
            Err(error) => return Ok(Reading::Failed(error)),
        }
    }
    if let Some(listed) = listed {
        super::gone::look_at_unlisted(ws, &listed, dirty).await?;
    }
    if deep || sweep {
        for ids in super::gone::sought(ws, sweep).await? {
            match fetch(ws, ids).await {
                Ok(records) => changed.extend(records),
                Err(error) => return Ok(Reading::Failed(error)),
            }
        }
    }
    if deep || sweep {
        match super::unreadable::readable_again(ws, sweep).await? {
            Ok(records) => {
                let known: BTreeSet<SysId> = changed.iter().map(|r| r.sys_id.clone()).collect();
                changed.extend(records.into_iter().filter(|r| !known.contains(&r.sys_id)));
            }
            Err(error) => return Ok(Reading::Failed(error)),
        }
    }
    rows.1 = changed.len() as u32;
    for chunk in changed.chunks(JOURNAL_CHUNK) {
        super::lease::ensure_lease(ws).await?;
        if super::orders::hear(ws).await? {
            return Ok(Reading::Skipped);
        }
        if let Err(error) = observe_records(ws, chunk, since, asked, dirty).await? {
            return Ok(Reading::Failed(error));
        }
    }
    ws.summary(|s| s.records += rows.1);
    ws.finish_pass(Side::ServiceNow, &name, position, (started, whole), rows).await?;
    ws.memory(|m| {
        m.desk_read_at = started.mono;
        if sweep || first {
            m.last_sweep = Some(started.mono);
        }
        if deep {
            m.last_deep.insert(Side::ServiceNow, started.mono);
        }
    });
    Ok(Reading::Done)
}

/// Records that no group key finds, such as adopted ones, in chunks to fetch (D14).
async fn uncorrelated(ws: &Ws) -> Result<Vec<Vec<SysId>>, Halt> {
    let route = &ws.settings().route;
    let ask = Ask::Uncorrelated(ws.key.clone(), route.instance.clone(), route.table.clone());
    let Told::Known(known) = ws.ask(ask).await? else { return Ok(Vec::new()) };
    let ids: Vec<SysId> = known.into_iter().map(|k| SysId::new(k.key)).filter(SysId::is_plain).collect();
    Ok(ids.chunks(200).map(<[SysId]>::to_vec).collect())
}

/// Where the read starts, and whether every key is swept: nightly, and after a stop of more
/// than an hour (D15).
fn desk_since(ws: &Ws, name: &str, mono: Duration) -> Since {
    let instance = ws.instance();
    let first = ws.memory(|m| m.last_sweep.is_none());
    let Some(cursor) = ws.cursor(name) else {
        let at = first_start(ws.now().utc, ws.settings().max_age);
        return Since { at, full: false, deep: false, first };
    };
    let stopped = ws.memory(|m| m.cursors.get(name).map(|c| c.moved)).unwrap_or_default();
    let full = match ws.memory(|m| m.last_sweep) {
        Some(at) => mono.saturating_sub(at) >= instance.sweep_every,
        None => ws.steady().since(stopped) > LONGEST_STOP,
    };
    let due = |at: &Duration| mono.saturating_sub(*at) >= instance.deep.every;
    let deep = ws.memory(|m| m.last_deep.get(&Side::ServiceNow).is_none_or(due)) && !mutant::reads_narrowly();
    if full {
        ws.recovered(Recovery::FullSweep);
    }
    if !deep {
        return Since { at: cursor, full, deep, first };
    }
    ws.recovered(Recovery::DeepPass);
    Since { at: cursor.minus(instance.deep.back), full, deep, first }
}

pub(super) async fn unknown_records(ws: &Ws, records: Vec<Record>) -> Result<Vec<Record>, Halt> {
    let mut by_id: BTreeMap<SysId, Record> = BTreeMap::new();
    for record in records {
        by_id.insert(record.sys_id.clone(), record);
    }
    for row in known_records(ws, by_id.keys().cloned().collect()).await? {
        let id = SysId::new(row.key);
        let version: i64 = row.version.parse().unwrap_or(-1);
        // A replica may lag behind what a GET or a PATCH showed us already.
        let Some(listed) = by_id.get(&id) else { continue };
        let stale = listed.mod_count < version
            && listed.updated_on <= row.stamp.plus(SKEW)
            && !mutant::is_on(Mutant::StaleListWins);
        if stale {
            ws.recovered(Recovery::StaleRowDropped);
        }
        if stale || listed.mod_count == version {
            by_id.remove(&id);
        }
    }
    Ok(by_id.into_values().collect())
}

async fn known_records(ws: &Ws, ids: Vec<SysId>) -> Result<Vec<Known>, Halt> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let route = &ws.settings().route;
    let ask = Ask::KnownRecords(ws.key.clone(), route.instance.clone(), route.table.clone(), ids);
    match ws.ask(ask).await? {
        Told::Known(known) => Ok(known),
        _ => Ok(Vec::new()),
    }
}

/// Records whose version moved although their stamp did not, in chunks to fetch.
async fn moved_without_stamp(
    ws: &Ws,
    swept: Option<Vec<Record>>,
    already: &[Record],
) -> Result<Vec<Vec<SysId>>, Halt> {
    let Some(swept) = swept else { return Ok(Vec::new()) };
    let have: BTreeSet<&SysId> = already.iter().map(|r| &r.sys_id).collect();
    let ids = swept.iter().map(|r| r.sys_id.clone()).collect();
    let known = known_records(ws, ids).await?;
    let known: BTreeMap<String, String> = known.into_iter().map(|k| (k.key, k.version)).collect();
    let moved: Vec<SysId> = swept
        .iter()
        .filter(|r| !have.contains(&r.sys_id))
        .filter(|r| known.get(r.sys_id.as_str()).is_some_and(|v| *v != r.mod_count.to_string()))
        .map(|r| r.sys_id.clone())
        .collect();
    Ok(moved.chunks(200).map(<[SysId]>::to_vec).collect())
}

/// Records by their keys.
pub(super) async fn fetch(ws: &Ws, ids: Vec<SysId>) -> Result<Vec<Record>, CallError> {
    let route = &ws.settings().route;
    let call =
        DeskCall::Records { table: route.table.clone(), shape: ws.shape(), query: RecordQuery::Ids(ids) };
    match ws.read_record_desk(call).await?.value {
        DeskReply::Page(page) => Ok(page.records),
        _ => Ok(Vec::new()),
    }
}

/// Commits records together with the journal entries that moved them, so that no entry is
/// forgotten between two transactions.
async fn observe_records(
    ws: &Ws,
    records: &[Record],
    since: Stamp,
    asked: Stamp,
    dirty: &mut BTreeSet<LinkId>,
) -> Result<Result<(), CallError>, Halt> {
    let route = &ws.settings().route;
    let ids: Vec<SysId> = records.iter().map(|r| r.sys_id.clone()).collect();
    let ask = Ask::ByRecord(ws.key.clone(), route.instance.clone(), route.table.clone(), ids.clone());
    let Told::Links(mut states) = ws.ask(ask).await? else { return Ok(Ok(())) };
    wake_unanswered(ws, records, &states, dirty).await?;
    states.retain(|s| s.link.life != Life::Unlinked);
    let oldest = states.iter().map(|s| s.record.as_ref().map_or(Stamp(0), |r| r.updated_on)).min();
    let from = oldest.unwrap_or(since).min(since).minus(JOURNAL_BACK);
    let record_of = |s: &LinkState| records.iter().find(|r| r.sys_id == s.link.sys_id);
    let wrong_of = |s: &LinkState| super::ownership::wrong_record(ws, s, record_of(s)?);
    let wrong: BTreeMap<LinkId, String> =
        states.iter().filter_map(|s| Some((s.link.id, wrong_of(s)?))).collect();
    // Nothing of a record is taken that may belong to another incident now.
    let ours = states.iter().filter(|s| !wrong.contains_key(&s.link.id));
    let linked: Vec<SysId> = ours.map(|s| s.link.sys_id.clone()).collect();
    let journal = if linked.is_empty() {
        Vec::new()
    } else {
        match ws.read_journal(linked, from).await {
            Ok(journal) => journal,
            Err(_) if mutant::is_on(Mutant::JournalSkipped) => Vec::new(),
            Err(error) => {
                ws.recovered(Recovery::VersionNotTaken);
                // Their versions are not taken, so that the journals are read again. But what moved was
                // seen to move, even if it has gone back by then.
                let bases = seen_to_move(ws, &states, records);
                if !bases.is_empty() {
                    ws.commit(Commit { bases, ..Commit::default() }).await?;
                }
                return Ok(Err(error));
            }
        }
    };
    let mut commit = Commit::default();
    super::gone::revive_found(ws, &mut states, records, &mut commit);
    for state in &states {
        let Some(record) = record_of(state) else { continue };
        // A record that is still being created is confirmed by its create, not by a list.
        if state.link.life == Life::Creating {
            dirty.insert(state.link.id);
            continue;
        }
        if let Some(wrong) = wrong.get(&state.link.id) {
            // It may say more than that by now.
            if state.link.frozen.contains(wrong.as_str()) {
                continue;
            }
            let text = format!("frozen: {wrong}; nothing is sent for it until somebody runs retry");
            commit.events.push(ws.event(Level::Error, Some(state.link.id), ws.subject(state), text));
            commit.audit.push(ws.audit_freeze(state, wrong));
            let link = Link { frozen: wrong.clone(), error: String::new(), ..state.link.clone() };
            commit.links.push(link);
            dirty.insert(state.link.id);
            continue;
        }
        if let Some(error) = super::ownership::unverifiable(ws, state, record) {
            ws.memory(|m| m.unverified.insert(state.link.id));
            commit.bases.extend(ws.record_moves(state, record).into_iter().map(|b| (state.link.id, b)));
            commit.links.push(Link { pending: true, error: error.to_string(), ..state.link.clone() });
            dirty.insert(state.link.id);
            continue;
        }
        commit.entries.extend(ws.absorb_notes(state, &journal));
        commit.bases.extend(ws.record_moves(state, record).into_iter().map(|b| (state.link.id, b)));
        let new = ws.with_plan(|ctx| bases_before_change(state, ctx, ws.steady()));
        commit.bases.extend(new.into_iter().map(|b| (state.link.id, b)));
        if let Some((audit, event)) = super::domain::moved(ws, state, record) {
            commit.audit.push(audit);
            commit.events.push(event);
        }
        let mut record = record.clone();
        super::domain::keep_domain(state.record.as_ref(), &mut record);
        commit.records.push((route.instance.clone(), record, asked));
        let mut link = Link { pending: true, ..state.link.clone() };
        ws.read_well(&mut link, Read::Record);
        commit.links.push(link);
        dirty.insert(state.link.id);
    }
    if !commit.records.is_empty() || !commit.links.is_empty() {
        ws.commit(commit).await?;
    }
    Ok(Ok(()))
}

/// A link whose create had no answer rests longer and longer. A list that shows a record which it may have made
/// ends the rest: nobody would see for as long what people do with it, and by the time that it is looked for it
/// may be hidden from us or deleted, and would be made once more (seed 9828086). Each record does so once,
/// since the link may have other troubles.
async fn wake_unanswered(
    ws: &Ws,
    records: &[Record],
    states: &[LinkState],
    dirty: &mut BTreeSet<LinkId>,
) -> Result<(), Halt> {
    let field = &ws.settings().route.shape.correlation_id;
    let named = |r: &Record| match read_correlation(r.value(field)?) {
        Correlation::Ours(key, id) if key == ws.key.as_str() => Some((id, r.sys_id.clone())),
        _ => None,
    };
    let linked: BTreeSet<&SysId> = states.iter().map(|s| &s.link.sys_id).collect();
    let strange = |r: &&Record| {
        let shown = || ws.memory(|m| m.shown.contains(&r.sys_id));
        !linked.contains(&r.sys_id) && !super::create::made_by_others(ws, r) && !shown()
    };
    let made: Vec<(IncidentId, SysId)> = records.iter().filter(strange).filter_map(named).collect();
    if made.is_empty() {
        return Ok(());
    }
    let ids = made.iter().map(|(id, _)| id.clone()).collect();
    let Told::Links(found) = ws.ask(Ask::ByIncident(ws.key.clone(), ids)).await? else { return Ok(()) };
    let now = ws.steady();
    let rests = |s: &&LinkState| {
        let creates = |kind: &IntentKind| matches!(kind, IntentKind::CreateRecord { .. });
        let open = s.open_intent().is_some_and(|i| creates(&i.kind));
        open && s.link.life == Life::Creating && s.link.not_before > now
    };
    let links: Vec<Link> =
        found.iter().filter(rests).map(|s| Link { not_before: Stamp(0), ..s.link.clone() }).collect();
    if links.is_empty() {
        return Ok(());
    }
    let woken: BTreeSet<IncidentId> = links.iter().map(|l| l.incident.clone()).collect();
    dirty.extend(links.iter().map(|l| l.id));
    ws.commit(Commit { links, ..Commit::default() }).await?;
    let ended = made.into_iter().filter(|(id, _)| woken.contains(id)).map(|(_, sys_id)| sys_id);
    ws.memory(|m| m.shown.extend(ended));
    Ok(())
}

/// What records of ours show of moves, of those that are surely ours.
fn seen_to_move(ws: &Ws, states: &[LinkState], records: &[Record]) -> Vec<(LinkId, Base)> {
    let moves = |state: &LinkState| {
        let record = records.iter().find(|r| r.sys_id == state.link.sys_id)?;
        let ours = state.link.life == Life::Live
            && super::ownership::wrong_record(ws, state, record).is_none()
            && super::ownership::unverifiable(ws, state, record).is_none();
        ours.then(|| (state.link.id, ws.record_moves(state, record)))
    };
    let moved = states.iter().filter_map(moves);
    moved.flat_map(|(id, bases)| bases.into_iter().map(move |b| (id, b))).collect()
}

impl Ws {
    /// Where a read has come.
    pub fn cursor(&self, name: &str) -> Option<Stamp> {
        self.memory(|m| m.cursors.get(name).map(|c| c.position))
    }

    /// Name of the cursor of the route's table.
    pub fn desk_cursor(&self) -> String {
        let route = &self.settings().route;
        format!("servicenow:{}:{}", route.instance.as_str(), route.table.as_str())
    }

    /// Moves a cursor after a complete pass, and notes the pass.
    pub async fn finish_pass(
        &self,
        side: Side,
        name: &str,
        position: Stamp,
        (started, pass): (super::Now, Pass),
        rows: (u32, u32),
    ) -> Result<(), Halt> {
        let position = match side {
            _ if !mutant::is_on(Mutant::LocalClockCursor) => position,
            Side::Sentinel => self.now().utc.minus(self.settings().overlap),
            Side::ServiceNow => self.now().utc.minus(self.instance().overlap),
        };
        let cursor =
            Cursor { workspace: self.key.clone(), name: name.to_owned(), position, moved: self.steady() };
        self.memory(|m| {
            m.cursors.insert(name.to_owned(), cursor.clone());
            *m.passes.of_mut(side) = pass;
        });
        self.note_pass(side, position, started, rows);
        let events = self.journal_news();
        self.commit(Commit { cursors: vec![cursor], events, ..Commit::default() }).await?;
        Ok(())
    }
}
