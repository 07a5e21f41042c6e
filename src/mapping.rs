//! Tables that translate one system's words into the other's, and what is wrong with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{SysId, User, WorkspaceKey};

/// Which way a row translates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// Both ways.
    #[default]
    Both,
    /// Sentinel to ServiceNow only.
    ToServicenow,
    /// ServiceNow to Sentinel only.
    ToSentinel,
}

/// One row of the severity table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeverityRow {
    /// Record table the row is for; empty for every table.
    pub table: String,
    /// Sentinel's severity.
    pub sentinel: String,
    /// Raw values of the route's severity fields, joined by `/`: `2/2` for impact and urgency.
    pub servicenow: String,
    /// Which way.
    pub flow: Flow,
}

/// One row of the status table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatusRow {
    /// Record table the row is for.
    pub table: String,
    /// Sentinel's status.
    pub sentinel: String,
    /// Raw value of the state field.
    pub servicenow: String,
    /// Label, for people.
    pub label: String,
    /// Which way.
    pub flow: Flow,
}

/// One row of the closure table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClosureRow {
    /// Record table the row is for.
    pub table: String,
    /// Classification and reason joined by `-`, or `Undetermined`.
    pub sentinel: String,
    /// Raw value of the close code field.
    pub servicenow: String,
    /// Label, for people.
    pub label: String,
    /// True for the one row per Sentinel closure that is used toward ServiceNow.
    pub source_is_sentinel: bool,
}

/// One row of the owner table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OwnerRow {
    /// ServiceNow user name.
    pub servicenow: String,
    /// User principal name.
    pub sentinel: String,
    /// Workspace key the row is for; empty for every workspace.
    pub workspace: String,
}

/// The four tables as people edit them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableSet {
    /// Severity.
    pub severity: Vec<SeverityRow>,
    /// Status.
    pub status: Vec<StatusRow>,
    /// Closure.
    pub closure: Vec<ClosureRow>,
    /// Owner.
    pub owner: Vec<OwnerRow>,
}

/// The four tables, compiled for look-up.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    _rows: TableSet,
}

/// Users known of one instance, with look-ups that were tried.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    _users: BTreeMap<SysId, User>,
    _workspace: Option<WorkspaceKey>,
}
