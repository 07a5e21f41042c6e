//! One pass over Sentinel: what changed is observed and committed page by page, and the links
//! it concerns are handed on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::call::{Answer, IncidentPage, ListFrom, SentinelCall, SentinelReply};
use crate::model::ledger::{Ask, Commit, Told};
use crate::model::settings::StoreApp;
use crate::model::{
    CallError, FaultKind, Incident, IncidentId, Life, Link, LinkId, LinkState, Role, Side, SysId,
};
use crate::mutant::{self, Mutant};
use crate::sync::admission::{Admission, admit, matches_filter};
use crate::sync::aggregation::group_keys;
use crate::sync::cursor::{LONGEST_STOP, first_start, next_start, stopped_long, wait_for};
use crate::sync::custom::bases_before_change;
use crate::sync::identity::derived_sys_id;
use crate::sync::sighting::{Pass, Sighting, listed, sightings};
use crate::text::Stamp;

use super::ctx::{Halt, Ws};
use super::failure::Read;
use super::recovery::Recovery;
use super::workspace::Reading;

/// Name of Sentinel's cursor.
pub(super) const SENTINEL: &str = "sentinel";
/// Deep passes reach this far back on Sentinel's side.
const SENTINEL_DEEP: Duration = Duration::from_secs(900);

/// Reads what changed in Sentinel. The outer error ends the workspace's turn, the inner one is
/// this side's alone.
pub(super) async fn read_sentinel_side(ws: &Ws, dirty: &mut BTreeSet<LinkId>) -> Result<Reading, Halt> {
    if ws.is_resting(Side::Sentinel) {
        return Ok(Reading::Skipped);
    }
    let (started, asked) = (ws.now(), ws.steady());
    let Since { at: since, mut full, deep, first } = sentinel_since(ws, started.mono);
    let mut first_date = None;
    let mut newest = None;
    let mut rows = (0u32, 0u32);
    let mut young = None;
    let mut from = ListFrom::Modified(since);
    loop {
        let (page, date) = match list(ws, from).await {
            Ok(page) => page,
            Err(error) => return Ok(Reading::Failed(error)),
        };
        let stopped = || stopped_long(since, ws.settings().reach() + SENTINEL_DEEP, date);
        if first && !full && first_date.is_none() && stopped() {
            ws.recovered(Recovery::FullSweep);
            full = true;
            first_date = date;
            from = ListFrom::Modified(first_start(ws.now().utc, ws.settings().max_age));
            continue;
        }
        first_date = first_date.or(date);
        newest = page.incidents.iter().map(|i| i.modified).max().max(newest);
        if mutant::is_on(Mutant::CursorBeforeRows) {
            let early = next_start(first_date, newest, ws.settings().reach(), since);
            ws.finish_pass(
                Side::Sentinel,
                SENTINEL,
                early,
                (started, Pass { asked, date: first_date }),
                rows,
            )
            .await?;
        }
        super::lease::ensure_lease(ws).await?;
        rows.0 += page.incidents.len() as u32;
        rows.1 += observe_incidents(ws, page.incidents, (date, asked), dirty, &mut young).await?;
        match page.next {
            Some(_) if super::orders::hear(ws).await? => return Ok(Reading::Skipped),
            Some(next) => from = ListFrom::Next(next),
            None => break,
        }
    }
    ws.summary(|s| s.incidents += rows.1);
    if full && let Told::Numbers(unsure) = ws.ask(Ask::UnsureLinks(ws.key.clone())).await? {
        ws.memory(|m| m.reread.extend(unsure));
    }
    // Those of an earlier pass, too, which may have broken off.
    dirty.extend(ws.memory(|m| m.reread.clone()));
    if first_date.is_none() {
        ws.recovered(Recovery::NoServerDate);
    }
    let old = ws.cursor(SENTINEL).unwrap_or(since);
    let position = next_start(first_date, newest, ws.settings().reach(), old);
    let position = wait_for(position, young, ws.settings().overlap);
    ws.finish_pass(Side::Sentinel, SENTINEL, position, (started, Pass { asked, date: first_date }), rows)
        .await?;
    ws.memory(|m| {
        if full || first {
            m.last_full = Some(started.mono);
        }
        if deep {
            m.last_deep.insert(Side::Sentinel, started.mono);
        }
    });
    Ok(Reading::Done)
}

/// Where a read starts.
pub(super) struct Since {
    pub at: Stamp,
    /// Everything is listed anew.
    pub full: bool,
    /// It reaches further back than the cursor.
    pub deep: bool,
    /// It is the first complete one of this life.
    pub first: bool,
}

fn sentinel_since(ws: &Ws, mono: Duration) -> Since {
    let settings = ws.settings();
    let everything = first_start(ws.now().utc, settings.max_age);
    let first = ws.memory(|m| m.last_full.is_none());
    let Some(cursor) = ws.cursor(SENTINEL) else {
        return Since { at: everything, full: false, deep: false, first };
    };
    // Rows that move while a list is paged can slip between its pages; now and then everything
    // is listed anew, and whatever is known costs nothing more.
    let full_every = ws.instance().sweep_every;
    let fresh =
        ws.steady().since(ws.memory(|m| m.cursors.get(SENTINEL).map(|c| c.moved)).unwrap_or_default());
    let full = ws.memory(|m| match m.last_full {
        Some(at) => mono.saturating_sub(at) >= full_every,
        None => fresh > LONGEST_STOP,
    });
    if full {
        ws.recovered(Recovery::FullSweep);
        return Since { at: everything, full, deep: false, first };
    }
    let every = Duration::from_secs(300);
    let due = |at: &Duration| mono.saturating_sub(*at) >= every;
    let deep = ws.memory(|m| m.last_deep.get(&Side::Sentinel).is_none_or(due)) && !mutant::reads_narrowly();
    if !deep {
        return Since { at: cursor, full, deep, first };
    }
    ws.recovered(Recovery::DeepPass);
    Since { at: cursor.minus(SENTINEL_DEEP), full, deep, first }
}

pub(super) async fn list(ws: &Ws, from: ListFrom) -> Result<(IncidentPage, Option<Stamp>), CallError> {
    let Answer { value, date, .. } = ws.read_sentinel(SentinelCall::List(from)).await?;
    match value {
        SentinelReply::Page(page) => Ok((page, date)),
        _ => Err(CallError::new(
            FaultKind::Garbled,
            format!("workspace {}: an answer of another kind", ws.key),
        )),
    }
}

/// Drops incidents whose version is known, and those that came twice in one page.
pub(super) async fn unknown_incidents(ws: &Ws, incidents: Vec<Incident>) -> Result<Vec<Incident>, Halt> {
    let mut by_id: BTreeMap<IncidentId, Incident> = BTreeMap::new();
    for incident in incidents {
        by_id.insert(incident.id.clone(), incident);
    }
    let ids: Vec<IncidentId> = by_id.keys().cloned().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    if let Told::Known(known) = ws.ask(Ask::KnownIncidents(ws.key.clone(), ids)).await? {
        for row in known {
            let id = IncidentId::new(&row.key);
            // A list may lag behind what a GET or a PUT showed us already.
            let Some(listed) = by_id.get(&id) else { continue };
            let known = listed.etag == row.version;
            let stale = !known && listed.modified < row.stamp && !mutant::is_on(Mutant::StaleListWins);
            if stale {
                ws.recovered(Recovery::StaleRowDropped);
            }
            if known || stale {
                by_id.remove(&id);
            }
        }
    }
    Ok(by_id.into_values().collect())
}

/// Commits the observation of a page. Gives how many incidents were new to us, and in `young` the oldest
/// change among those that are too young for a record.
async fn observe_incidents(
    ws: &Ws,
    incidents: Vec<Incident>,
    (date, asked): (Option<Stamp>, Stamp),
    dirty: &mut BTreeSet<LinkId>,
    young: &mut Option<Stamp>,
) -> Result<u32, Halt> {
    let changed = unknown_incidents(ws, incidents).await?;
    if changed.is_empty() {
        return Ok(0);
    }
    let now = ws.now().utc;
    let ids = changed.iter().map(|i| i.id.clone()).collect();
    let Told::Links(links) = ws.ask(Ask::ByIncident(ws.key.clone(), ids)).await? else { return Ok(0) };
    let mut states: BTreeMap<IncidentId, Vec<LinkState>> = BTreeMap::new();
    for state in links {
        states.entry(state.link.incident.clone()).or_default().push(state);
    }
    let mut commit = Commit::default();
    let mut count = 0;
    let mut seated = BTreeSet::new();
    for incident in changed {
        match states.remove(&incident.id) {
            Some(known) => {
                for mut state in known {
                    note_incident(ws, &mut commit, &mut state, &incident, (&mut *dirty, &mut seated));
                }
            }
            None => {
                // Its age is told by the server's clock, which stamped it.
                let admission = admit(&incident, ws.settings(), date.unwrap_or(now));
                if admission == Admission::TooYoung {
                    ws.recovered(Recovery::TooYoung);
                    *young = Some(young.map_or(incident.modified, |y| y.min(incident.modified)));
                }
                if admission != Admission::Enter {
                    continue;
                }
                commit.new_links.push(new_link(ws, &incident, now));
            }
        }
        count += 1;
        commit.incidents.push((incident, listed(asked)));
    }
    if count > 0 {
        super::joining::seat_new(ws, &mut commit.new_links).await?;
        let done = ws.commit(commit).await?;
        dirty.extend(done.links);
    }
    Ok(count)
}

fn note_incident(
    ws: &Ws,
    commit: &mut Commit,
    state: &mut LinkState,
    incident: &Incident,
    (dirty, seated): (&mut BTreeSet<LinkId>, &mut BTreeSet<SysId>),
) {
    if state.link.life == Life::Unlinked {
        // It is known, so that nothing is made for it; and nothing of it crosses.
        return;
    }
    let mut link = state.link.clone();
    if let Some((alive, event, bases)) = super::gone::revived(ws, state, Side::Sentinel) {
        link = alive;
        commit.bases.extend(bases.into_iter().map(|b| (link.id, b)));
        super::siblings::seat_once(&mut link, seated);
        commit.events.push(event);
    }
    link.in_filter = matches_filter(incident, &ws.settings().filter);
    ws.notice_parts(&mut link, state, incident);
    ws.read_well(&mut link, Read::Incident);
    link.pending = true;
    if incident.is_merged() {
        commit.events.extend(super::merges::becomes_merged(ws, state, &mut link));
    }
    if let Some((audit, event)) = super::ownership::freeze_anew(ws, state, &mut link, incident) {
        commit.audit.push(audit);
        commit.events.push(event);
    }
    if super::siblings::concerned(state, &link, Some(incident)) {
        let others = super::siblings::others(state);
        dirty.extend(others.iter().copied());
        commit.wake.extend(others);
    }
    if link != state.link {
        commit.links.push(link);
    }
    let sighting = Sighting {
        incident: Some(incident),
        passes: ws.memory(|m| m.passes),
        now: ws.steady(),
        ..Sighting::default()
    };
    let moved = sightings(state, &ws.settings().route.shape, &sighting);
    let new = ws.with_plan(|ctx| bases_before_change(state, ctx, ws.steady()));
    commit.bases.extend(moved.into_iter().chain(new).map(|b| (state.link.id, b)));
    dirty.insert(state.link.id);
}

fn new_link(ws: &Ws, incident: &Incident, now: Stamp) -> Link {
    let route = &ws.settings().route;
    let sys_id = derived_sys_id(&ws.key, &incident.id, &route.instance, &route.table, 0);
    let record = (route.instance.clone(), route.table.clone(), sys_id);
    let mut link = Link::new(ws.key.clone(), incident.id.clone(), record, now);
    if ws.settings().store_app == StoreApp::Watch {
        link.role = Role::Watched;
    }
    let aggregate = &route.aggregate;
    link.group.keys = group_keys(incident, aggregate, &ws.settings().number_label);
    link.pending = true;
    link.unread = incident.comments_count > 0;
    link.evidence.unread = ws.asks_for_alerts(&link.evidence, incident);
    link
}
