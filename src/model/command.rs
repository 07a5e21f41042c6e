//! An analyst's wish and an operator's order: durable rows that the syncing process picks up.

use serde::{Deserialize, Serialize};

use super::{Closure, CommandId, Field, LinkId, Severity, Side, Status, SysId, WorkspaceKey};
use crate::text::Stamp;

/// What an analyst wants done to one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Verb {
    /// Sets the severity on both sides.
    Severity {
        /// The severity.
        severity: Severity,
    },
    /// Sets New or Active on both sides; closing has its own verb.
    Status {
        /// The status.
        status: Status,
    },
    /// Assigns on both sides, or unassigns with an empty id.
    Owner {
        /// ServiceNow user; empty to unassign.
        user: SysId,
    },
    /// Adds an entry to the conversation of both sides.
    Comment {
        /// Text as typed.
        text: String,
    },
    /// Closes both sides.
    Close {
        /// Classification and reason.
        closure: Closure,
        /// Comment and close notes.
        notes: String,
    },
    /// Opens both sides again.
    Reopen,
    /// Decides a conflict by taking one side's value.
    Resolve {
        /// The field.
        field: Field,
        /// Whose value is taken.
        take: Side,
    },
    /// Forgets failures and parked intents of the link and plans anew.
    Retry,
    /// Ends the link: nothing crosses any more, and nothing is deleted on either side.
    Unlink,
    /// Takes the incident out of a record that it shares; it gets one of its own.
    Split,
}

impl Verb {
    /// The word as it is typed on the command line and shown in the audit.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Severity { .. } => "severity",
            Self::Status { .. } => "status",
            Self::Owner { .. } => "owner",
            Self::Comment { .. } => "comment",
            Self::Close { .. } => "close",
            Self::Reopen => "reopen",
            Self::Resolve { .. } => "resolve",
            Self::Retry => "retry",
            Self::Unlink => "unlink",
            Self::Split => "split",
        }
    }
}

/// One change that was shown before it was confirmed (D33).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The side written.
    pub side: Side,
    /// What is written: a field's word, or `note`.
    pub what: String,
    /// Raw value before.
    pub from: String,
    /// Raw value after.
    pub to: String,
}

/// Where a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// Waiting for the syncing process.
    Pending,
    /// Taken up; its writes are under way.
    Taken,
    /// All its writes are confirmed.
    Done,
    /// What it showed is no longer so; nothing was written.
    Stale,
    /// Refused, with the reason.
    Refused,
}

impl CommandState {
    /// The word as it is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Taken => "taken",
            Self::Done => "done",
            Self::Stale => "stale",
            Self::Refused => "refused",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Taken, Self::Done, Self::Stale, Self::Refused]
            .into_iter()
            .find(|s| s.word() == word)
    }
}

/// An analyst's wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Its number; zero before it is stored.
    pub id: CommandId,
    /// The workspace of its link.
    pub workspace: WorkspaceKey,
    /// The link.
    pub link: LinkId,
    /// What is wanted.
    pub verb: Verb,
    /// The changes that were shown.
    pub shown: Vec<Shown>,
    /// Who wants it: the OS user on SQLite (D33).
    pub who: String,
    /// When it was given.
    pub at: Stamp,
    /// Where it is.
    pub state: CommandState,
    /// What came of it, safe to print.
    pub result: String,
}

/// What an operator orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlVerb {
    /// Send and read nothing until resumed.
    Pause,
    /// Go on.
    Resume,
    /// Start a pass at once.
    SyncNow,
    /// Accept the first-contact plan (D29).
    AcceptPlan,
    /// Let through what waits as a mass change, or as too many writes.
    LetThrough,
}

impl ControlVerb {
    /// The word as it is stored and typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::SyncNow => "sync-now",
            Self::AcceptPlan => "accept-plan",
            Self::LetThrough => "let-through",
        }
    }

    /// The verb of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pause, Self::Resume, Self::SyncNow, Self::AcceptPlan, Self::LetThrough]
            .into_iter()
            .find(|v| v.word() == word)
    }
}

/// An operator's order for one workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Its number; zero before it is stored.
    pub id: i64,
    /// The workspace.
    pub workspace: WorkspaceKey,
    /// What is ordered.
    pub verb: ControlVerb,
    /// Who ordered it.
    pub who: String,
    /// When.
    pub at: Stamp,
}
