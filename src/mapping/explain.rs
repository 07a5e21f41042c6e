//! Why a value translates as it does: which row fired, which came too late, what comes back.

use serde::Serialize;

use super::directory::Directory;
use super::rows::{RowRef, TableKind};
use super::tables::Tables;
use crate::model::{OwnerRef, Side, SysId, TableName, WorkspaceKey};

/// The story of one translation. Every text is safe to print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The value that was asked about.
    pub input: String,
    /// What it becomes; `None` when it is held.
    pub output: Option<String>,
    /// The row that fired.
    pub row: Option<RowRef>,
    /// Why, in order: the rule, rows that came too late, what comes back.
    pub steps: Vec<String>,
}

/// Explains the translation of a value that comes `from` one side, for severity, status and
/// closure; owners have their own functions.
pub fn explain(tables: &Tables, kind: TableKind, table: &TableName, from: Side, value: &str) -> Explanation {
    let _ = (tables, kind, table, from, value);
    Explanation { input: String::new(), output: None, row: None, steps: Vec::new() }
}

/// Explains who a Sentinel owner is in ServiceNow.
pub fn explain_owner_to_servicenow(
    tables: &Tables,
    workspace: &WorkspaceKey,
    owner: &OwnerRef,
    dir: &Directory,
) -> Explanation {
    let _ = (tables, workspace, owner, dir);
    Explanation { input: String::new(), output: None, row: None, steps: Vec::new() }
}

/// Explains who a ServiceNow user is in Sentinel.
pub fn explain_owner_to_sentinel(
    tables: &Tables,
    workspace: &WorkspaceKey,
    sys_id: &SysId,
    dir: &Directory,
) -> Explanation {
    let _ = (tables, workspace, sys_id, dir);
    Explanation { input: String::new(), output: None, row: None, steps: Vec::new() }
}
