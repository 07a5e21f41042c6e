//! A write that was committed before it is sent.

use serde::{Deserialize, Serialize};

use super::{
    CommandId, EntryId, Field, IncidentWrite, IntentId, LinkId, RecordWrite, Side, SysId, TableName,
    WantedRow,
};
use crate::text::Stamp;

/// What an intent writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IntentKind {
    /// Creates the link's record with the `sys_id` that the link names.
    CreateRecord {
        /// Everything the new record gets.
        write: RecordWrite,
        /// Which of our fields these are, with the pair that becomes the base of each.
        targets: Vec<Target>,
        /// Conversation entry that travels in the same write, if one does.
        entry: Option<EntryId>,
        /// A moment that the server's clock had surely passed when it was committed: a record
        /// that is older comes from somebody, or from a life, before.
        #[serde(default)]
        after: Stamp,
        /// True when the instance chooses the key: two such creates are two records.
        #[serde(default)]
        keyless: bool,
    },
    /// Changes fields of the record.
    PatchRecord {
        /// Fields to set.
        write: RecordWrite,
        /// Which of our fields these are, each with the pair that becomes its base when the
        /// write is confirmed.
        targets: Vec<Target>,
        /// `sys_mod_count` the write is built on.
        mod_count: i64,
    },
    /// Replaces the incident.
    PutIncident {
        /// Every writable member.
        write: Box<IncidentWrite>,
        /// Which of our fields these are.
        targets: Vec<Target>,
    },
    /// Writes a conversation entry as a Sentinel comment.
    PutComment {
        /// The entry.
        entry: EntryId,
        /// Id of the comment.
        comment_id: String,
        /// HTML-safe message.
        message: String,
    },
    /// Appends a conversation entry to the record's journal.
    AddNote {
        /// The entry.
        entry: EntryId,
        /// Marker that the text ends with.
        marker: String,
        /// Text with its marker.
        text: String,
        /// True when the record's customer is to see it.
        #[serde(default)]
        customer: bool,
    },
    /// Creates a row in a table beside the record's: an observable, or what ties one to the record.
    AddRow {
        /// What it is for.
        row: WantedRow,
        /// Table of the row.
        table: TableName,
        /// Key of our choice; `None` when the instance chooses it: two such creates are two rows.
        sys_id: Option<SysId>,
        /// Everything the row gets, by which it is found again.
        write: RecordWrite,
        /// True for the row that ties what was wanted to the record.
        ties: bool,
    },
}

impl IntentKind {
    /// The word as it is stored.
    pub fn word(&self) -> &'static str {
        match self {
            Self::CreateRecord { .. } => "create_record",
            Self::PatchRecord { .. } => "patch_record",
            Self::PutIncident { .. } => "put_incident",
            Self::PutComment { .. } => "put_comment",
            Self::AddNote { .. } => "add_note",
            Self::AddRow { .. } => "add_row",
        }
    }

    /// The side it writes to.
    pub fn side(&self) -> Side {
        match self {
            Self::PutIncident { .. } | Self::PutComment { .. } => Side::Sentinel,
            Self::CreateRecord { .. }
            | Self::PatchRecord { .. }
            | Self::AddNote { .. }
            | Self::AddRow { .. } => Side::ServiceNow,
        }
    }
}

/// One field that an intent brings to a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The field.
    pub field: Field,
    /// Value before, on the side that is written.
    pub before: String,
    /// Sentinel's raw value once it is confirmed.
    pub sentinel: String,
    /// ServiceNow's raw value once it is confirmed.
    pub servicenow: String,
    /// Which rule decided, for people.
    pub rule: String,
}

impl Target {
    /// The value that the written side gets.
    pub fn after(&self, side: Side) -> &str {
        match side {
            Side::Sentinel => &self.sentinel,
            Side::ServiceNow => &self.servicenow,
        }
    }
}

/// Where an intent is. It moves forward only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentState {
    /// Committed, not sent.
    Planned,
    /// Sent, or about to be: from here on it may have been applied.
    InFlight,
    /// Sent, and nobody knows whether it was applied.
    Unknown,
    /// Applied, proven.
    Confirmed,
    /// Refused by the server, proven not applied.
    Rejected,
    /// Given up in favour of a fresh plan.
    Replanned,
    /// Given up until a person looks.
    Parked,
}

impl IntentState {
    /// The word as it is stored.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::InFlight => "in_flight",
            Self::Unknown => "unknown",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Replanned => "replanned",
            Self::Parked => "parked",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Planned,
            Self::InFlight,
            Self::Unknown,
            Self::Confirmed,
            Self::Rejected,
            Self::Replanned,
            Self::Parked,
        ]
        .into_iter()
        .find(|s| s.word() == word)
    }

    /// True while it still blocks its link.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::InFlight | Self::Unknown)
    }
}

/// One committed write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Its number; zero before it is stored.
    pub id: IntentId,
    /// The link it is for.
    pub link: LinkId,
    /// What it writes.
    pub kind: IntentKind,
    /// Where it is.
    pub state: IntentState,
    /// Times it was sent.
    pub attempts: u32,
    /// When it was committed.
    pub created: Stamp,
    /// When it was last sent.
    pub sent: Option<Stamp>,
    /// The command that asked for it, if one did.
    pub command: Option<CommandId>,
    /// What the last attempt ended with, safe to print.
    pub outcome: String,
}
