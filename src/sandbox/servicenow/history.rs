//! The record of every applied change, which a checker can hold against what clients believe.

use crate::text::Stamp;

/// Where a change came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A request over the network.
    Api,
    /// A person in the browser.
    Person,
    /// The instance's own rules and jobs.
    System,
}

/// One applied change of one field of a task record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordChange {
    /// When it became visible.
    pub at: Stamp,
    /// Table of the record.
    pub table: String,
    /// The record.
    pub sys_id: String,
    /// Its number.
    pub number: String,
    /// Who did it, as a `user_name`.
    pub user_name: String,
    /// In which way.
    pub actor: Actor,
    /// The column; empty for the insertion or the deletion of the record itself, which
    /// `after` then names (`inserted`, `deleted`).
    pub field: String,
    /// Value before; empty for journal columns.
    pub before: String,
    /// Value after; the text of the entry for journal columns.
    pub after: String,
    /// `sys_mod_count` with this change applied.
    pub mod_count: u64,
}
