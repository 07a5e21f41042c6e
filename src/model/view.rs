//! What console, command line and reports read: published rows, made by the lease holder (D4,
//! D11).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CallError, Field, IncidentId, InstanceKey, LinkId, Pair, Side, SysId, TableName, WorkspaceKey};
use crate::text::{Stamp, UntrustedText};

/// Whether a link is in step, in one word. Worst last, which is also the sort order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Nothing to do.
    #[default]
    InStep,
    /// Looked at only.
    Watched,
    /// Merged into another incident.
    Merged,
    /// A person ended the link.
    Unlinked,
    /// One side is gone.
    Gone,
    /// Writes are planned or under way.
    Pending,
    /// A value has no row; the other fields flow on.
    Held,
    /// Both sides changed and a person must decide.
    Conflict,
    /// A write was refused or keeps failing, or the link is frozen.
    Error,
}

impl Step {
    /// Every step, calmest first.
    pub const ALL: [Self; 9] = [
        Self::InStep,
        Self::Watched,
        Self::Merged,
        Self::Unlinked,
        Self::Gone,
        Self::Pending,
        Self::Held,
        Self::Conflict,
        Self::Error,
    ];

    /// The words as they are shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::InStep => "in step",
            Self::Watched => "watched",
            Self::Merged => "merged",
            Self::Unlinked => "unlinked",
            Self::Gone => "gone",
            Self::Pending => "pending",
            Self::Held => "held",
            Self::Conflict => "conflict",
            Self::Error => "error",
        }
    }
}

/// One row of the Incidents list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkView {
    /// The link.
    pub id: LinkId,
    /// Workspace key.
    pub workspace: WorkspaceKey,
    /// Instance key.
    pub instance: InstanceKey,
    /// Table.
    pub table: TableName,
    /// Incident.
    pub incident: IncidentId,
    /// Incident number.
    pub incident_number: i64,
    /// Record number such as INC0010023; empty before it exists.
    pub record_number: String,
    /// Record key.
    pub sys_id: SysId,
    /// Title as Sentinel has it.
    pub title: UntrustedText,
    /// Severity: Sentinel's word, and what ServiceNow's value means in Sentinel's words (its
    /// raw value when no row maps it).
    pub severity: Pair<UntrustedText>,
    /// Status: Sentinel's word, ServiceNow's label (its raw value when the label is unknown).
    pub status: Pair<UntrustedText>,
    /// Owner as shown on each side; empty when unassigned.
    pub owner: Pair<UntrustedText>,
    /// Incident's creation.
    pub created: Stamp,
    /// Last change seen on either side.
    pub changed: Stamp,
    /// In step or not.
    pub step: Step,
    /// Why, in one safe line; empty when in step.
    pub why: String,
    /// False when it left the workspace's filter.
    pub in_filter: bool,
    /// Conversation entries by where they were written.
    pub entries: Pair<u32>,
    /// Portal links of either side.
    pub url: Pair<UntrustedText>,
    /// True when both sides are closed, or the link was ended: nobody works on it any more.
    pub closed: bool,
}

/// One field of one link, ready to be shown side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldView {
    /// The field.
    pub field: super::Field,
    /// Each side's value as people read it: the word or label, with the raw value behind it
    /// where they differ.
    pub shown: Pair<UntrustedText>,
    /// What both last agreed on, as people read it; `None` before the first agreement.
    pub base: Option<Pair<UntrustedText>>,
    /// In step, pending, held or conflict.
    pub step: Step,
    /// Which rule decided, and why it is held or in conflict, in one safe line.
    pub rule: String,
    /// When they last agreed.
    pub agreed: Option<Stamp>,
}

/// What a lane (one side of one workspace) is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneState {
    /// Not started.
    #[default]
    Starting,
    /// Waiting for its next pass.
    Idle,
    /// Reading.
    Reading,
    /// Writing.
    Writing,
    /// Waiting after a failure.
    BackingOff,
    /// Paused by a person.
    Paused,
    /// Needs a person: secret, role, config, a sleeping instance.
    Stopped,
}

impl LaneState {
    /// The words as they are shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Reading => "reading",
            Self::Writing => "writing",
            Self::BackingOff => "backing off",
            Self::Paused => "paused",
            Self::Stopped => "needs a person",
        }
    }
}

/// One side of one workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaneView {
    /// Workspace.
    pub workspace: WorkspaceKey,
    /// Side.
    pub side: Side,
    /// What it is doing.
    pub state: LaneState,
    /// Server time up to which everything was read.
    pub cursor: Option<Stamp>,
    /// Last pass that ended well: when it started.
    pub last_pass: Option<Stamp>,
    /// How long it took, in microseconds.
    pub took: i64,
    /// Rows it read, and how many of them were new to us.
    pub rows: (u32, u32),
    /// Next pass.
    pub next_pass: Option<Stamp>,
    /// Median of the last changes from a change on the other side to its arrival here,
    /// microseconds.
    pub lag: Option<i64>,
    /// Intents waiting for this side.
    pub queue: u32,
    /// Calls under way.
    pub in_flight: u32,
    /// Reads sent since the start.
    pub reads: u64,
    /// Writes sent since the start.
    pub writes: u64,
    /// Calls the server says are left, if it says so.
    pub calls_left: Option<i64>,
    /// Current failure, since when, and when the next try is due.
    pub error: Option<LaneError>,
}

impl LaneView {
    /// A lane that has not started.
    pub fn starting(workspace: WorkspaceKey, side: Side) -> Self {
        Self {
            workspace,
            side,
            state: LaneState::Starting,
            cursor: None,
            last_pass: None,
            took: 0,
            rows: (0, 0),
            next_pass: None,
            lag: None,
            queue: 0,
            in_flight: 0,
            reads: 0,
            writes: 0,
            calls_left: None,
            error: None,
        }
    }
}

/// A lane's current failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneError {
    /// What.
    pub error: CallError,
    /// Since when.
    pub since: Stamp,
    /// Failures in a row.
    pub failures: u32,
    /// Next try.
    pub retry_at: Option<Stamp>,
}

/// One workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceView {
    /// Key.
    pub workspace: WorkspaceKey,
    /// Name in Azure.
    pub name: String,
    /// Instance key.
    pub instance: InstanceKey,
    /// Table.
    pub table: TableName,
    /// Poll interval, microseconds.
    pub poll: i64,
    /// Paused by a person.
    pub paused: bool,
    /// Who syncs it.
    pub holder: String,
    /// Epoch of the lease.
    pub epoch: i64,
    /// Mapping version in use.
    pub mapping_version: i64,
    /// First-contact plan that waits for acceptance: records to create, incidents to change,
    /// conflicts.
    pub waiting_plan: Option<(u32, u32, u32)>,
    /// Changes of too many incidents at once that wait for a person.
    #[serde(default)]
    pub surges: Vec<SurgeView>,
    /// Hash of the config section it runs on.
    pub section_hash: String,
    /// When this was published.
    pub at: Stamp,
}

/// What would be too much at once: one field in too many incidents, or writes of any kind to one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurgeView {
    /// Severity, status or owner; `None` for writes of any kind.
    pub field: Option<Field>,
    /// The side that would be written.
    pub side: Side,
    /// Incidents that wait, or writes that may go to the side within a minute.
    pub count: u32,
}

impl SurgeView {
    /// What waits, for people: `mass change waits: 120 × severity in ServiceNow`, or `writes to ServiceNow
    /// wait: more than 300 a minute`.
    pub fn waits(&self) -> String {
        match self.field {
            Some(_) => format!("mass change waits: {self}"),
            None => format!("writes to {} wait: more than {} a minute", self.side, self.count),
        }
    }
}

impl fmt::Display for SurgeView {
    /// `120 × severity in ServiceNow`, `more than 120 writes a minute to ServiceNow`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "{} × {} in {}", self.count, field.label().to_lowercase(), self.side),
            None => write!(f, "more than {} writes a minute to {}", self.count, self.side),
        }
    }
}

/// How much a happening matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A change crossed.
    Change,
    /// Worth knowing.
    Info,
    /// Needs a look.
    Warning,
    /// Needs a person.
    Error,
}

/// One happening.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// When.
    pub at: Stamp,
    /// Level.
    pub level: Level,
    /// Workspace.
    pub workspace: WorkspaceKey,
    /// Link, if it is about one.
    pub link: Option<LinkId>,
    /// In words, safe to print: `prod/4711 INC0010023`, a lane, a workspace.
    pub subject: String,
    /// What happened, one safe line.
    pub text: String,
}
