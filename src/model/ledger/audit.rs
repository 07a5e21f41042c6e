//! Rows of the audit chain.

use serde::{Deserialize, Serialize};

use crate::model::{IntentId, LinkId};
use crate::text::Stamp;

/// One write or decision for the audit chain; the store numbers and hashes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditDraft {
    /// When.
    pub at: Stamp,
    /// Who: `sync`, or a person with the command's name.
    pub who: String,
    /// What was done, one word: `create`, `patch`, `put`, `comment`, `note`, `decide`,
    /// `mapping`, `pause`, …
    pub act: String,
    /// The link, if it is about one.
    pub link: Option<LinkId>,
    /// In words, safe to print: `prod/4711 INC0010023`.
    pub subject: String,
    /// The side written: `sentinel`, `servicenow`, or empty.
    pub side: String,
    /// What: a field's word, `note`, a table.
    pub what: String,
    /// Value before.
    pub before: String,
    /// Value after.
    pub after: String,
    /// Why, and which rule.
    pub why: String,
    /// The intent it belongs to.
    pub intent: Option<IntentId>,
}

/// One row of the audit chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// The chain: a workspace key, or `store`.
    pub chain: String,
    /// Its number in the chain, from 1 without gaps.
    pub seq: i64,
    /// What was done.
    pub draft: AuditDraft,
    /// Hash of the row before it, hex; 64 zeros for the first.
    pub prev: String,
    /// Hash of `prev` and this row, hex.
    pub hash: String,
}
