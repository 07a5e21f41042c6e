//! The choices of a workspace that are one word each in the config.

use serde::{Deserialize, Serialize};

/// What happens at the first contact of a workspace (D29).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirstContact {
    /// Show what would be written and wait.
    #[default]
    Plan,
    /// Go.
    Go,
}

/// What happens to an incident that is already closed when it is first seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BornClosed {
    /// No record is made.
    #[default]
    Skip,
    /// A record is made and closed.
    Create,
}

/// What becomes of an incident for which Microsoft's store app made a record already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreApp {
    /// That record is none of ours: the incident gets one of its own.
    #[default]
    Ignore,
    /// It is watched, and nothing at all is written: the store app still does its work.
    Watch,
    /// It is taken up, and no other one is made: the store app was switched off.
    Adopt,
}

/// What becomes of a record that was closed in ServiceNow when its incident is reopened in Sentinel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClosedPartner {
    /// It is opened again.
    #[default]
    Reopen,
    /// It stays closed, and a note tells of the reopening.
    Comment,
    /// It stays closed, and the incident goes on in a new record.
    New,
}

/// What becomes of the entries that the customer of a record sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CustomerComments {
    /// They are not read, and none is written.
    #[default]
    Off,
    /// They are told in Sentinel, and none is written.
    Read,
    /// And comments of Sentinel go there that say so in their first line, once the guard is off.
    Both,
}

/// Whether it was confirmed that customers see what is written for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeakGuard {
    /// Nothing is written where customers see it.
    #[default]
    On,
    /// Somebody confirmed it.
    Confirmed,
}

/// What becomes of an incident's alerts and entities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertNotes {
    /// They are not read.
    Off,
    /// Notes list them, each once.
    #[default]
    Note,
}

/// Whether an incident's entities become rows beside its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RelatedRows {
    /// They stand in the note only.
    #[default]
    Off,
    /// Observables, affected items and affected users.
    On,
}
