//! Whether what is on the screen can be trusted, in one word and one sentence.

use super::model::Model;
use super::theme::Role;
use crate::model::view::{LaneState, LaneView, WorkspaceView};
use crate::text::{self, Stamp};

/// The worst that is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    pub role: Role,
    /// One or two words.
    pub word: String,
}

fn health(role: Role, word: impl Into<String>) -> Health {
    Health { role, word: word.into() }
}

/// The health of everything, worst first.
pub(crate) fn overall(model: &Model) -> Health {
    if model.store_lost.is_some() {
        return health(Role::Error, "store lost");
    }
    if model.workspaces.is_empty() {
        return health(Role::Muted, "waiting for the first pass");
    }
    let mut worst = health(Role::Good, "live");
    let mut rank = 0;
    for workspace in &model.workspaces {
        let (r, h) = of_workspace(model, workspace);
        if r > rank {
            (rank, worst) = (r, h);
            if model.workspaces.len() > 1 {
                worst.word = format!("{} {}", workspace.workspace, worst.word);
            }
        }
    }
    worst
}

fn of_workspace(model: &Model, workspace: &WorkspaceView) -> (u8, Health) {
    let lanes = || model.lanes.iter().filter(|l| l.workspace == workspace.workspace);
    if let Some(lane) = lanes().find(|l| l.state == LaneState::Stopped) {
        return (6, health(Role::Error, format!("{} {}", lane.side, lane.state.word())));
    }
    if holder(model, workspace).is_none() {
        return (5, health(Role::Warning, "nobody syncs"));
    }
    if workspace.paused {
        return (4, health(Role::Warning, "paused"));
    }
    if let Some(lane) = lanes().find(|l| l.error.is_some() || l.state == LaneState::BackingOff) {
        return (3, health(Role::Warning, format!("{} retrying", lane.side)));
    }
    if let Some(since) = lanes().filter_map(|l| stale(model, l)).max() {
        return (2, health(Role::Warning, format!("stale {}", text::ago(since))));
    }
    if workspace.waiting_plan.is_some() {
        return (1, health(Role::Warning, "first plan waits"));
    }
    if !workspace.surges.is_empty() {
        let mass = workspace.surges.iter().any(|s| s.field.is_some());
        return (1, health(Role::Warning, if mass { "mass change waits" } else { "writes wait" }));
    }
    (0, health(Role::Good, "live"))
}

/// A pass with much to carry over may take this long; shorter than that, age says nothing.
const GRACE: i64 = 5_000_000;

/// How old a lane's last pass is, in microseconds, once that is more than twice its interval and
/// a little grace.
pub(crate) fn stale(model: &Model, lane: &LaneView) -> Option<i64> {
    let last = lane.last_pass?;
    let age = model.now.0.saturating_sub(last.0);
    let poll = i64::try_from(model.poll(&lane.workspace).as_micros()).unwrap_or(i64::MAX);
    (poll > 0 && age > poll.saturating_mul(2).max(GRACE)).then_some(age)
}

/// Who syncs a workspace now, `None` when its lease is over or free.
pub(crate) fn holder(model: &Model, workspace: &WorkspaceView) -> Option<String> {
    let lease = model.leases.iter().find(|l| l.workspace == workspace.workspace)?;
    (lease.ends > model.now && !lease.holder.is_empty()).then(|| lease.holder.clone())
}

/// An age in whole minutes, so that a list of them changes once a minute and all at once.
pub(crate) fn minutes(now: Stamp, then: Stamp) -> String {
    let minute = 60_000_000;
    let n = now.0.div_euclid(minute).saturating_sub(then.0.div_euclid(minute)).max(0);
    match n {
        0 => "now".into(),
        1..=59 => format!("{n}m"),
        60..=1439 => format!("{}h", n / 60),
        _ => format!("{}d", n / 1440),
    }
}
