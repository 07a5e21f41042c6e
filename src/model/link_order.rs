//! A person's order about an incident and a record that no link ties yet: a durable row that the syncing
//! process picks up.

use serde::{Deserialize, Serialize};

use super::{CommandState, Field, IncidentId, InstanceKey, SysId, TableName, WorkspaceKey};
use crate::text::Stamp;

/// What is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkVerb {
    /// Tie both: what is equal is agreed on, what differs is for a person to decide.
    Link,
    /// Take up the record that Microsoft's store app made for the incident.
    Adopt,
}

impl LinkVerb {
    /// The word as it is stored and typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Adopt => "adopt",
        }
    }

    /// The verb of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Link, Self::Adopt].into_iter().find(|v| v.word() == word)
    }
}

/// How a field of an incident stands to that of a record with which nothing was agreed on yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// Equal under the tables: agreed on from then on.
    Equal,
    /// They differ, and nothing tells which is newer (D20).
    Conflict,
    /// A value that no table maps, or that may not be read.
    Held,
    /// They differ, and each side keeps its own.
    Apart,
    /// An empty column of ServiceNow, which is filled.
    Filled,
}

impl Likeness {
    /// The word as it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Conflict => "conflict",
            Self::Held => "held",
            Self::Apart => "apart",
            Self::Filled => "filled",
        }
    }
}

/// One field of both sides, as it was shown before the order was confirmed (D33).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// The field.
    pub field: Field,
    /// Sentinel's raw value.
    pub sentinel: String,
    /// ServiceNow's raw value.
    pub servicenow: String,
    /// How they stand to each other.
    pub likeness: Likeness,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkOrder {
    /// Its number; zero before it is stored.
    pub id: i64,
    /// Workspace of the incident.
    pub workspace: WorkspaceKey,
    /// The incident.
    pub incident: IncidentId,
    /// Instance of the record.
    pub instance: InstanceKey,
    /// Table of the record.
    pub table: TableName,
    /// The record.
    pub sys_id: SysId,
    /// What is ordered.
    pub verb: LinkVerb,
    /// What both sides held when it was confirmed.
    pub shown: Vec<Compared>,
    /// Who orders it.
    pub who: String,
    /// When.
    pub at: Stamp,
    /// Where it is; it is never `taken`, because it is carried out in one transaction.
    pub state: CommandState,
    /// What came of it, safe to print.
    pub result: String,
}
