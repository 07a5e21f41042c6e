//! Alerts and entities: which incidents' are read in a pass, and what their records are told of them.
//!
//! The service grants 100 reads of each in five minutes (sentinel-api 5.2), so they come last: after
//! everything else about a link is done, the newest links first, never more than are granted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::model::Side;
use crate::model::call::{Entities, SentinelCall, SentinelReply};
use crate::model::ledger::{Ask, Told};
use crate::model::settings::AlertNotes;
use crate::model::view::Level;
use crate::model::{Alert, CallError, CommentOrigin, Evidence, FaultKind, Incident, Link, LinkId, LinkState};
use crate::sync::conversation::{comments_moved, own_entry};
use crate::sync::evidence::{alerts_moved, list};

use super::ctx::{Halt, Ws};
use super::link_work::Next;
use super::recovery::Recovery;
use super::turn::Turn;

/// What the service counts its limit in, and we ours.
const WINDOW: Duration = Duration::from_secs(300);
/// First pause after alerts that could not be read, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));

/// What a workspace's procedure keeps about reading alerts.
#[derive(Default)]
pub(super) struct Reads {
    /// When the last ones were chosen, oldest first.
    chosen: VecDeque<Duration>,
    /// Links whose alerts are read once everything else is done.
    due: BTreeSet<LinkId>,
    /// Links whose alerts could not be read: not before when, and the pause after the next failure.
    later: BTreeMap<LinkId, (Duration, Duration)>,
}

impl Reads {
    /// How many of `most` may be chosen now.
    fn left(&mut self, most: usize, now: Duration) -> usize {
        while self.chosen.front().is_some_and(|at| now.saturating_sub(*at) >= WINDOW) {
            self.chosen.pop_front();
        }
        most.saturating_sub(self.chosen.len())
    }

    /// Takes as many of these links as may be read now; true when some are left.
    fn choose(&mut self, links: Vec<LinkId>, most: usize, now: Duration) -> bool {
        let left = self.left(most, now);
        // What was merged or frozen since is not read any more.
        self.due.retain(|id| links.contains(id));
        let waits = |id: &LinkId| self.later.get(id).is_some_and(|(until, _)| *until > now);
        let ready: Vec<LinkId> = links.into_iter().filter(|id| !waits(id)).collect();
        for id in ready.iter().take(left).filter(|id| !self.due.contains(id)).copied().collect::<Vec<_>>() {
            self.due.insert(id);
            self.chosen.push_back(now);
        }
        ready.len() > left
    }

    /// Puts a link off after a failure; true when it is its first.
    fn put_off(&mut self, id: LinkId, now: Duration) -> bool {
        let pause = self.later.get(&id).map_or(PAUSE.0, |(_, pause)| *pause);
        self.later.insert(id, (now + pause, (pause * 4).min(PAUSE.1))).is_none()
    }
}

/// Chooses the links whose alerts are read in this pass.
pub(super) async fn choose_alerts(ws: &Ws, dirty: &mut BTreeSet<LinkId>) -> Result<(), Halt> {
    if ws.settings().alerts == AlertNotes::Off
        || ws.is_resting(Side::Sentinel)
        || ws.is_down(Side::ServiceNow)
    {
        return Ok(());
    }
    let (now, most) = (ws.now().mono, ws.settings().alert_reads);
    // More than may be read, so that those that wait after a failure take nobody's place.
    let asked = ws.memory(|m| most + 1 + m.alert_reads.later.len()) as u32;
    let Told::Numbers(unread) = ws.ask(Ask::UnreadAlerts(ws.key.clone(), asked)).await? else {
        return Ok(());
    };
    let (later, due) = ws.memory(|m| (m.alert_reads.choose(unread, most, now), m.alert_reads.due.clone()));
    if later {
        ws.recovered(Recovery::AlertsLater);
        ws.summary(|s| s.alerts_later = true);
    }
    dirty.extend(due);
    Ok(())
}

/// Reads the alerts of a link about which nothing else is left to do, if it was chosen, and has its
/// record told what is new.
pub(super) async fn list_alerts(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    let id = state.link.id;
    let chosen = ws.memory(|m| m.alert_reads.due.remove(&id));
    if !chosen || !state.link.evidence.unread || ws.is_resting(Side::Sentinel) {
        return Ok(Next::Settled);
    }
    let (alerts, entities) = match read(ws, state).await {
        Ok(found) => found,
        Err(error) => {
            let first = ws.memory(|m| m.alert_reads.put_off(id, ws.now().mono));
            ws.recovered(Recovery::AlertsLater);
            if error.kind == FaultKind::NotFound {
                ws.memory(|m| m.unsure.insert(id));
            }
            if first && !error.is_side_wide() {
                let text =
                    format!("its alerts are not in the record yet: {error}; they are read again later");
                let event = ws.event(Level::Warning, Some(id), ws.subject(state), text);
                ws.save(state, Turn { events: vec![event], ..Turn::default() }).await?;
            }
            return Ok(Next::Settled);
        }
    };
    let (evidence, listing) = list(state, &alerts, &entities);
    if evidence.unread {
        ws.recovered(Recovery::AlertsLater);
        ws.memory(|m| m.alert_reads.put_off(id, ws.now().mono));
    } else {
        ws.memory(|m| m.alert_reads.later.remove(&id));
    }
    let mut link = Link { evidence, ..state.link.clone() };
    let mut turn = Turn::default();
    super::related_work::gather_rows(ws, state, &mut link, &entities, &mut turn);
    turn.link = Some(link);
    if let Some(listing) = &listing {
        let (origin, at) = (CommentOrigin::Sync, ws.now().utc);
        turn.entries.push(own_entry(
            state,
            origin,
            &listing.key,
            "diptych",
            &listing.text,
            at,
            &ws.shared.keys,
        ));
    }
    ws.save(state, turn).await?;
    Ok(if listing.is_some() { Next::Again } else { Next::Settled })
}

async fn read(ws: &Ws, state: &LinkState) -> Result<(Vec<Alert>, Entities), CallError> {
    let garbled = || CallError::new(FaultKind::Garbled, "Sentinel gave an answer of another kind");
    let incident = &state.link.incident;
    let SentinelReply::Alerts(alerts) = ws.read_sentinel(SentinelCall::Alerts(incident.clone())).await?.value
    else {
        return Err(garbled());
    };
    match ws.read_sentinel(SentinelCall::Entities(incident.clone())).await?.value {
        SentinelReply::Entities(entities) => Ok((alerts, entities)),
        _ => Err(garbled()),
    }
}

impl Ws {
    /// Marks what an observation of an incident says is to be read of it: comments, alerts.
    pub fn notice_parts(&self, link: &mut Link, state: &LinkState, now: &Incident) {
        link.unread = link.unread || comments_moved(state, now);
        link.evidence.unread |= self.asks_for_alerts(&state.link.evidence, now);
    }

    /// The same where nobody but us moved the version: by their numbers alone.
    pub fn notice_counts(&self, link: &mut Link, now: &Incident) {
        link.unread = link.unread || now.comments_count != link.comments_seen;
        link.evidence.unread |= self.asks_for_alerts(&link.evidence, now);
    }

    /// True when the alerts of an incident are to be read, after what its record was told.
    pub fn asks_for_alerts(&self, told: &Evidence, now: &Incident) -> bool {
        self.settings().alerts == AlertNotes::Note && alerts_moved(told, now)
    }
}
