//! The lanes: what each side of a workspace is doing, how far behind it is, what hinders it.

use std::time::Duration;

use crate::model::ledger::Commit;
use crate::model::view::{EventView, LaneError, LaneState, LaneView, Level, WorkspaceView};
use crate::model::{CallError, FaultKind, LinkState, Retry, Side};
use crate::text::Stamp;

use super::board::{Door, lock};
use super::ctx::{Halt, Ws};
use super::recovery::Recovery;

/// Samples that a lag is the median of.
const LAG_SAMPLES: usize = 64;
/// Longest pause of a side after failures that pass by themselves.
const LONGEST: Duration = Duration::from_secs(300);
/// Pause of a side that only a person can cure: looked at again now and then, because the cure
/// does not tell us.
const UNTIL_CURED: Duration = Duration::from_secs(60);

impl Ws {
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
        let mut was_out = false;
        self.lane(side, |lane| was_out = lane.error.take().is_some());
        if was_out {
            self.recovered(Recovery::SideHealed);
        }
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
                retry_at: (!pause.is_zero()).then(|| now.utc.plus(pause)),
            });
        });
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
        let view = self.workspace_view();
        self.commit(Commit { lanes, workspace_view: Some(view), events, ..Commit::default() }).await?;
        Ok(())
    }

    /// Logs a lane's failure once when it begins and once when it ends.
    fn tell_lane(&self, lane: &LaneView, events: &mut Vec<EventView>) {
        let told = self.memory(|m| m.told.get(&lane.side).cloned());
        let now = lane.error.as_ref().map(|e| e.error.to_string());
        if told.as_deref().map(gist) == now.as_deref().map(gist) {
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
    pub fn workspace_view(&self) -> WorkspaceView {
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
            waiting_plan: self.memory(|m| m.waiting_plan),
            surges: self.waiting(),
            section_hash: self.shared.hashes.get(&self.key).cloned().unwrap_or_default(),
            at: self.now().utc,
        }
    }
}

/// A message without its numbers: the same failure names another moment or request each time.
fn gist(message: &str) -> String {
    message.chars().filter(|c| !c.is_ascii_digit()).collect()
}
