//! One turn of a link: what one transaction changes about it, committed and taken over into
//! the state at hand.

use futures::future::BoxFuture;

use crate::model::ledger::{AuditDraft, Capability, CommandUpdate, Commit, IntentUpdate};
use crate::model::view::EventView;
use crate::model::{
    Base, CommentOrigin, Entry, Field, Incident, Intent, JournalEntry, Link, LinkId, LinkState, Pair, Record,
};
use crate::sync::custom::bases_before_change;
use crate::sync::sighting::{Pass, Sighting, sightings};
use crate::text::Stamp;

use super::ctx::{Halt, Ws};

/// What one transaction changes about one link.
#[derive(Default)]
pub(super) struct Turn {
    pub link: Option<Link>,
    pub incident: Option<Incident>,
    pub record: Option<Record>,
    pub bases: Vec<Base>,
    pub entries: Vec<Entry>,
    pub new_intent: Option<Intent>,
    pub intents: Vec<IntentUpdate>,
    pub commands: Vec<CommandUpdate>,
    pub capabilities: Vec<Capability>,
    pub audit: Vec<AuditDraft>,
    pub events: Vec<EventView>,
    /// When the incident or record of this turn was asked for, by the steady clock: what came
    /// later on its side it does not show. 0 when that was just now.
    pub asked: Stamp,
    /// Fields of the record that were written by us: what they showed before, and what they show now.
    pub settled: Vec<(Field, String, String)>,
    /// What was read of the record's journal with it.
    pub journal: Vec<JournalEntry>,
    /// Links that have something to look at again.
    pub wake: Vec<LinkId>,
    /// Entries of other links that come with it.
    pub said: Vec<Entry>,
    /// Links that are new with it.
    pub new_links: Vec<Link>,
    /// Other links of the record that change with it.
    pub others: Vec<Link>,
}

impl Turn {
    /// True when it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.link.is_none()
            && self.incident.is_none()
            && self.record.is_none()
            && self.bases.is_empty()
            && self.entries.is_empty()
            && self.new_intent.is_none()
            && self.intents.is_empty()
            && self.commands.is_empty()
            && self.capabilities.is_empty()
            && self.audit.is_empty()
            && self.events.is_empty()
            && self.wake.is_empty()
    }
}

impl Ws {
    /// The last complete pass over each side, as far as it would have shown this link. What could not
    /// be verified was passed over, however often it was listed.
    pub fn passes_of(&self, link: LinkId) -> Pair<Pass> {
        self.memory(|m| match m.unverified.contains(&link) {
            true => Pair { servicenow: Pass::default(), ..m.passes },
            false => m.passes,
        })
    }

    /// Bases whose marks a record changes that was just read. That it moved is kept even of a record
    /// of which nothing else is taken: it may have come back by the time it can be.
    pub fn record_moves(&self, state: &LinkState, record: &Record) -> Vec<Base> {
        let passes = self.passes_of(state.link.id);
        let sighting = Sighting { record: Some(record), passes, now: self.steady(), ..Sighting::default() };
        sightings(state, &self.settings().route.shape, &sighting)
    }

    /// Commits a turn and brings the state in hand to what the store now holds. Boxed, because nearly every
    /// procedure does so at many places: the stack of a thread has to hold them all.
    pub fn save<'a>(&'a self, state: &'a mut LinkState, turn: Turn) -> BoxFuture<'a, Result<(), Halt>> {
        Box::pin(self.commit_turn(state, turn))
    }

    async fn commit_turn(&self, state: &mut LinkState, turn: Turn) -> Result<(), Halt> {
        let now = self.steady();
        let mut turn = turn;
        let asked = if turn.asked == Stamp(0) { now } else { turn.asked };
        if turn.incident.as_ref().is_some_and(|i| i.is_merged()) {
            super::merges::notice(self, state, &mut turn);
        }
        super::ownership::notice_anew(self, state, &mut turn);
        if turn.incident.is_some() || turn.record.is_some() {
            // What was observed is pending until a plan has nothing left to do about it.
            turn.link.get_or_insert_with(|| state.link.clone()).pending = true;
        }
        let sighting = Sighting {
            incident: turn.incident.as_ref(),
            record: turn.record.as_ref(),
            passes: self.passes_of(state.link.id),
            now,
        };
        for base in sightings(state, &self.settings().route.shape, &sighting) {
            if turn.bases.iter().all(|b| b.field != base.field) {
                turn.bases.push(base);
            }
        }
        if turn.incident.is_some() || turn.record.is_some() {
            for base in self.with_plan(|ctx| bases_before_change(state, ctx, now)) {
                if turn.bases.iter().all(|b| b.field != base.field) {
                    turn.bases.push(base);
                }
            }
        }
        if let Some(record) = &mut turn.record {
            if let Some((audit, event)) = super::domain::moved(self, state, record) {
                turn.audit.push(audit);
                turn.events.push(event);
            }
            super::domain::keep_domain(state.record.as_ref(), record);
        }
        let news = super::siblings::news(self, state, &turn, asked).await?;
        let mut next = state.clone();
        apply(&mut next, &turn, asked);
        let mut commit = Commit {
            links: turn.link.into_iter().collect(),
            bases: turn.bases.into_iter().map(|b| (state.link.id, b)).collect(),
            entries: turn.entries,
            new_intents: turn.new_intent.into_iter().collect(),
            intents: turn.intents,
            commands: turn.commands,
            capabilities: turn.capabilities,
            audit: turn.audit,
            views: vec![self.view(&next)],
            events: turn.events,
            ..Commit::default()
        };
        commit.new_links = turn.new_links;
        commit.links.extend(turn.others);
        if let Some(incident) = turn.incident {
            commit.incidents.push((incident, asked));
        }
        if let Some(record) = turn.record {
            commit.records.push((state.link.instance.clone(), record, asked));
        }
        let new_entries: Vec<usize> =
            commit.entries.iter().enumerate().filter(|(_, e)| e.id.0 == 0).map(|(i, _)| i).collect();
        let entries = commit.entries.clone();
        let has_intent = !commit.new_intents.is_empty();
        // Those of others come last: only the own ones get their numbers here.
        commit.bases.extend(news.bases);
        commit.entries.extend(news.entries);
        commit.entries.extend(turn.said);
        commit.wake = news.wake;
        self.stir(&commit);
        let done = self.commit(commit).await?;
        for index in new_entries {
            let Some(id) = done.entries.get(index) else { continue };
            let new = &entries[index];
            if let Some(entry) = next
                .entries
                .iter_mut()
                .find(|e| e.id.0 == 0 && e.origin == new.origin && e.origin_id == new.origin_id)
            {
                entry.id = *id;
            }
        }
        if has_intent && let (Some(id), Some(intent)) = (done.intents.first(), next.intents.last_mut()) {
            intent.id = *id;
        }
        *state = next;
        if state.link.failures == 0 {
            self.forget_read_failures(state.link.id);
        }
        Ok(())
    }
}

/// Brings a state in hand to what a turn makes of it.
fn apply(state: &mut LinkState, turn: &Turn, asked: Stamp) {
    if let Some(link) = &turn.link {
        state.link = link.clone();
    }
    if let Some(incident) = &turn.incident {
        state.incident = Some(incident.clone());
        state.incident_seen = asked;
    }
    if let Some(record) = &turn.record {
        state.record = Some(record.clone());
        state.record_seen = asked;
    }
    for base in &turn.bases {
        state.bases.retain(|b| b.field != base.field);
        state.bases.push(base.clone());
    }
    for entry in &turn.entries {
        let same = |e: &Entry| {
            (entry.id.0 != 0 && e.id == entry.id)
                || (e.origin == entry.origin && e.origin_id == entry.origin_id)
        };
        match state.entries.iter_mut().find(|e| same(e)) {
            // A new one that is known already changes nothing, here as in the store.
            Some(_) if entry.id.0 == 0 => {}
            Some(found) => *found = entry.clone(),
            None => state.entries.push(entry.clone()),
        }
    }
    for update in &turn.intents {
        if let Some(intent) = state.intents.iter_mut().find(|i| i.id == update.id) {
            intent.state = update.state;
            intent.attempts = update.attempts;
            intent.sent = update.sent;
            intent.outcome.clone_from(&update.outcome);
        }
    }
    let kept = |i: &Intent| i.state.is_open() || i.state == crate::model::IntentState::Parked;
    state.intents.retain(kept);
    state.intents.extend(turn.new_intent.clone());
    let order = |e: &Entry| (e.at, e.id, e.origin == CommentOrigin::Console);
    state.entries.sort_by_key(order);
}
