//! One turn of a link as one transaction, and what watchers see of it: the link's row, the
//! lanes, the log.

use std::time::Duration;

use crate::model::ledger::{AuditDraft, Capability, CommandUpdate, Commit, IntentUpdate};
use crate::model::view::{EventView, LaneError, LaneState, LaneView, Level, LinkView, WorkspaceView};
use crate::model::{
    Base, CallError, CommentOrigin, Entry, FaultKind, Field, Incident, Intent, Link, LinkId, LinkState, Pair,
    Record, Retry, Side, SysId,
};
use crate::sync::link_step;
use crate::sync::plan::Decision;
use crate::sync::values::{is_closed, servicenow_value};
use crate::text::{Stamp, UntrustedText};

use super::board::{Door, lock};
use super::ctx::{Halt, Ws};

/// Samples that a lag is the median of.
const LAG_SAMPLES: usize = 64;
/// Longest pause of a side after failures that pass by themselves.
const LONGEST: Duration = Duration::from_secs(300);
/// Pause of a side that only a person can cure: looked at again now and then, because the cure
/// does not tell us.
const UNTIL_CURED: Duration = Duration::from_secs(60);

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
    }
}

impl Ws {
    /// Commits a turn and brings the state in hand to what the store now holds.
    pub async fn save(&self, state: &mut LinkState, turn: Turn) -> Result<(), Halt> {
        let now = self.now().utc;
        let mut next = state.clone();
        apply(&mut next, &turn, now);
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
        if let Some(incident) = turn.incident {
            commit.incidents.push((incident, now));
        }
        if let Some(record) = turn.record {
            commit.records.push((state.link.instance.clone(), record, now));
        }
        let new_entries: Vec<usize> =
            commit.entries.iter().enumerate().filter(|(_, e)| e.id.0 == 0).map(|(i, _)| i).collect();
        let entries = commit.entries.clone();
        let has_intent = !commit.new_intents.is_empty();
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
        Ok(())
    }

    /// The link as watchers see it.
    pub fn view(&self, state: &LinkState) -> LinkView {
        let (step, why) = link_step(state);
        let incident = state.incident.as_ref();
        let record = state.record.as_ref();
        let shape = &self.settings().route.shape;
        let raw = |f: Field| record.and_then(|r| servicenow_value(r, shape, f)).unwrap_or_default();
        let written =
            |side: Side| state.entries.iter().filter(|e| e.origin.side() == Some(side)).count() as u32;
        let closed_record = self
            .with_plan(|ctx| ctx.tables.is_closed_state(&ctx.workspace.route.table, &raw(Field::Status)))
            == Some(true);
        LinkView {
            id: state.link.id,
            workspace: self.key.clone(),
            instance: state.link.instance.clone(),
            table: state.link.table.clone(),
            incident: state.link.incident.clone(),
            incident_number: incident.map_or(0, |i| i.number),
            record_number: record.map(|r| r.number.clone()).unwrap_or_default(),
            sys_id: state.link.sys_id.clone(),
            title: incident.map(|i| i.title.clone()).unwrap_or_default(),
            severity: Pair::new(
                UntrustedText::new(incident.map(|i| i.severity.clone()).unwrap_or_default()),
                UntrustedText::new(self.readable(
                    state,
                    Field::Severity,
                    Side::ServiceNow,
                    &raw(Field::Severity),
                )),
            ),
            status: Pair::new(
                UntrustedText::new(incident.map(|i| i.status.clone()).unwrap_or_default()),
                UntrustedText::new(self.readable(
                    state,
                    Field::Status,
                    Side::ServiceNow,
                    &raw(Field::Status),
                )),
            ),
            owner: Pair::new(
                UntrustedText::new(incident.map(owner_name).unwrap_or_default()),
                UntrustedText::new(self.readable(state, Field::Owner, Side::ServiceNow, &raw(Field::Owner))),
            ),
            created: incident.map_or(state.link.created, |i| i.created),
            changed: incident.map_or(Stamp(0), |i| i.modified).max(record.map_or(Stamp(0), |r| r.updated_on)),
            step,
            why,
            in_filter: state.link.in_filter,
            entries: Pair::new(written(Side::Sentinel), written(Side::ServiceNow)),
            url: Pair::new(incident.map(|i| i.url.clone()).unwrap_or_default(), self.record_url(state)),
            closed: incident.is_some_and(is_closed) && closed_record,
        }
    }

    /// Where a browser finds the record; empty before it exists.
    fn record_url(&self, state: &LinkState) -> UntrustedText {
        let root = self.instance().url.trim_end_matches('/');
        if root.is_empty() || state.record.is_none() {
            return UntrustedText::default();
        }
        let (table, id) = (state.link.table.as_str(), state.link.sys_id.as_str());
        UntrustedText::new(format!("{root}/nav_to.do?uri={table}.do%3Fsys_id%3D{id}"))
    }

    /// A raw value as people read it.
    pub fn readable(&self, _state: &LinkState, field: Field, side: Side, raw: &str) -> String {
        if side == Side::Sentinel || raw.is_empty() {
            return raw.to_owned();
        }
        self.with_plan(|ctx| {
            let table = &ctx.workspace.route.table;
            match field {
                Field::Severity => match ctx.tables.severity_to_sentinel(table, raw) {
                    Ok(found) => found.value.to_string(),
                    Err(_) => raw.to_owned(),
                },
                Field::Status => ctx.tables.status_label(table, raw).unwrap_or(raw).to_owned(),
                Field::Owner => ctx
                    .directory
                    .user(&SysId::new(raw))
                    .map_or_else(|| raw.to_owned(), |u| u.name.raw().to_owned()),
                _ => raw.to_owned(),
            }
        })
    }

    /// The link in words: `prod/4711 INC0010023`.
    pub fn subject(&self, state: &LinkState) -> String {
        let number = state.incident.as_ref().map_or(0, |i| i.number);
        let record = state.record.as_ref().map(|r| format!(" {}", r.number)).unwrap_or_default();
        crate::text::escape_line(&format!("{}/{number}{record}", self.key.as_str()))
    }

    /// A happening.
    pub fn event(&self, level: Level, link: Option<LinkId>, subject: String, text: String) -> EventView {
        EventView { at: self.now().utc, level, workspace: self.key.clone(), link, subject, text }
    }

    /// An audit row about a link.
    pub fn audit(
        &self,
        state: &LinkState,
        act: &str,
        (side, what): (Option<Side>, &str),
        (before, after): (&str, &str),
        why: &str,
    ) -> AuditDraft {
        AuditDraft {
            at: self.now().utc,
            who: "sync".into(),
            act: act.into(),
            link: Some(state.link.id),
            subject: self.subject(state),
            side: side.map(Side::word).unwrap_or_default().into(),
            what: what.into(),
            before: before.into(),
            after: after.into(),
            why: why.into(),
            intent: None,
        }
    }

    /// Puts a decision on record.
    pub fn note_decision(&self, state: &LinkState, turn: &mut Turn, decision: &Decision) {
        let level = if decision.needs_a_look { Level::Warning } else { Level::Info };
        let text = format!(
            "{}: {}",
            decision.field.label().to_lowercase(),
            crate::text::escape_line(&decision.text)
        );
        turn.events.push(self.event(level, Some(state.link.id), self.subject(state), text));
        turn.audit.push(self.audit(state, "decide", (None, decision.field.word()), ("", ""), &decision.text));
    }

    /// Notes how long a change took to arrive at a side.
    pub fn lag(&self, side: Side, state: &LinkState) {
        let changed = match side {
            Side::ServiceNow => state.incident.as_ref().map(|i| i.modified),
            Side::Sentinel => state.record.as_ref().map(|r| r.updated_on),
        };
        if let Some(changed) = changed {
            self.lag_of(side, changed);
        }
    }

    /// Notes how long something written at a moment took to arrive at a side.
    pub fn lag_of(&self, side: Side, written: Stamp) {
        // What was written before anybody synced was not late because of us.
        if written < self.memory(|m| m.taken_at) {
            return;
        }
        let lag = (self.now().utc.0 - written.0).max(0);
        let median = self.memory(|m| {
            let samples = m.lags.of_mut(side);
            if samples.len() == LAG_SAMPLES {
                samples.remove(0);
            }
            samples.push(lag);
            let mut sorted = samples.clone();
            sorted.sort_unstable();
            sorted.get(sorted.len() / 2).copied()
        });
        self.lane(side, |lane| lane.lag = median);
    }

    fn lane(&self, side: Side, change: impl FnOnce(&mut LaneView)) {
        if let Some(lane) = lock(&self.shared.board).lanes.get_mut(&(self.key.clone(), side)) {
            change(lane);
        }
    }

    /// Says what a lane is doing.
    pub fn set_state(&self, side: Side, state: LaneState) {
        self.lane(side, |lane| lane.state = state);
    }

    /// Notes a complete pass.
    pub fn note_pass(&self, side: Side, cursor: Stamp, started: super::Now, rows: (u32, u32)) {
        let took = self.now().mono.saturating_sub(started.mono).as_micros() as i64;
        self.lane(side, |lane| {
            lane.cursor = Some(cursor);
            lane.last_pass = Some(started.utc);
            lane.took = took;
            lane.rows = rows;
            lane.error = None;
        });
    }

    /// Notes when the next pass is due, on both lanes.
    pub fn plan_next_pass(&self, pause: Duration) {
        let at = self.now().utc.plus(pause);
        self.memory(|m| m.next_pause = pause);
        for side in [Side::Sentinel, Side::ServiceNow] {
            self.lane(side, |lane| lane.next_pass = Some(at));
        }
    }

    /// The pause until the next pass.
    pub fn next_pause(&self) -> Duration {
        self.memory(|m| m.next_pause)
    }

    /// Takes note of how a call went: a failure that concerns the whole side rests it.
    pub fn note_outcome(&self, side: Side, outcome: Result<Option<i64>, &CallError>) {
        match outcome {
            Ok(left) => {
                self.lane(side, |lane| lane.calls_left = left.or(lane.calls_left));
                self.heal_lane(side);
            }
            Err(error) if error.is_side_wide() => self.fail_lane(side, error),
            Err(_) => {}
        }
    }

    /// A side works again.
    pub fn heal_lane(&self, side: Side) {
        self.memory(|m| m.down_until.remove(&side));
        self.lane(side, |lane| lane.error = None);
    }

    /// Rests a side after a failure and says so on its lane.
    pub fn fail_lane(&self, side: Side, error: &CallError) {
        let failures = lock(&self.shared.board)
            .lanes
            .get(&(self.key.clone(), side))
            .and_then(|l| l.error.as_ref().map(|e| e.failures))
            .unwrap_or(0)
            + 1;
        let pause = match error.retry {
            Retry::After(wait) => wait,
            Retry::WhenCured => UNTIL_CURED.min(self.shared.backoff(failures, UNTIL_CURED)),
            Retry::Backoff | Retry::Never => self.shared.backoff(failures, LONGEST),
        };
        let now = self.now();
        // One lost call is no outage: its own link waits, the others go on. Two in a row are.
        let passing = matches!(error.kind, FaultKind::Unavailable | FaultKind::Garbled);
        let pause = if failures == 1 && passing { Duration::ZERO } else { pause };
        self.memory(|m| m.down_until.insert(side, now.mono + pause));
        let stopped = matches!(
            error.kind,
            FaultKind::SignIn | FaultKind::Config | FaultKind::Asleep | FaultKind::Forbidden
        );
        self.lane(side, |lane| {
            let since = lane.error.as_ref().map_or(now.utc, |e| e.since);
            lane.state = if stopped { LaneState::Stopped } else { LaneState::BackingOff };
            lane.error = Some(LaneError {
                error: error.clone(),
                since,
                failures,
                retry_at: Some(now.utc.plus(pause)),
            });
        });
    }

    /// The failure that rests a side.
    pub fn lane_error(&self, side: Side) -> CallError {
        lock(&self.shared.board)
            .lanes
            .get(&(self.key.clone(), side))
            .and_then(|l| l.error.as_ref().map(|e| e.error.clone()))
            .unwrap_or_else(|| {
                CallError::new(FaultKind::Unavailable, format!("{side} rests after a failure"))
            })
    }

    /// Publishes both lanes and the workspace.
    pub async fn publish_lanes(&self) -> Result<(), Halt> {
        let mut lanes = Vec::new();
        {
            let board = lock(&self.shared.board);
            for side in [Side::Sentinel, Side::ServiceNow] {
                let Some(mut lane) = board.lanes.get(&(self.key.clone(), side)).cloned() else { continue };
                let door = match side {
                    Side::Sentinel => Door::Sentinel(self.key.clone()),
                    Side::ServiceNow => Door::Desk(self.settings().route.instance.clone()),
                };
                (lane.queue, lane.in_flight) = board.load(&door);
                lanes.push(lane);
            }
        }
        let mut events = Vec::new();
        for lane in &lanes {
            self.tell_lane(lane, &mut events);
        }
        let view = self.workspace_view(None);
        self.commit(Commit { lanes, workspace_view: Some(view), events, ..Commit::default() }).await?;
        Ok(())
    }

    /// Logs a lane's failure once when it begins and once when it ends.
    fn tell_lane(&self, lane: &LaneView, events: &mut Vec<EventView>) {
        let told = self.memory(|m| m.told.get(&lane.side).cloned());
        let now = lane.error.as_ref().map(|e| e.error.to_string());
        if told == now {
            return;
        }
        let subject = format!("{} {}", self.key, lane.side);
        match (&now, &lane.error) {
            (Some(text), Some(error)) => {
                let retry = error.retry_at.map_or(String::new(), |at| format!("; next try {}", at.clock()));
                events.push(self.event(Level::Error, None, subject, format!("{text}{retry}")));
            }
            _ => events.push(self.event(Level::Info, None, subject, "works again".into())),
        }
        self.memory(|m| match now {
            Some(text) => m.told.insert(lane.side, text),
            None => m.told.remove(&lane.side),
        });
    }

    /// The workspace as watchers see it.
    pub fn workspace_view(&self, waiting_plan: Option<(u32, u32, u32)>) -> WorkspaceView {
        let settings = self.settings();
        WorkspaceView {
            workspace: self.key.clone(),
            name: settings.name.clone(),
            instance: settings.route.instance.clone(),
            table: settings.route.table.clone(),
            poll: settings.poll.as_micros() as i64,
            paused: self.memory(|m| m.paused),
            holder: self.shared.settings.holder.clone(),
            epoch: self.memory(|m| m.epoch),
            mapping_version: self.memory(|m| m.mapping_version),
            waiting_plan,
            section_hash: self.shared.hashes.get(&self.key).cloned().unwrap_or_default(),
            at: self.now().utc,
        }
    }
}

fn owner_name(incident: &Incident) -> String {
    let owner = &incident.owner;
    [&owner.name, &owner.upn, &owner.email, &owner.object_id]
        .into_iter()
        .find(|v| !v.is_empty())
        .cloned()
        .unwrap_or_default()
}

/// Brings a state in hand to what a turn makes of it.
fn apply(state: &mut LinkState, turn: &Turn, now: Stamp) {
    if let Some(link) = &turn.link {
        state.link = link.clone();
    }
    if let Some(incident) = &turn.incident {
        state.incident = Some(incident.clone());
        state.incident_seen = now;
    }
    if let Some(record) = &turn.record {
        state.record = Some(record.clone());
        state.record_seen = now;
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
