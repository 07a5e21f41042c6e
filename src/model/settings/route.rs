//! Where a workspace's records live.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RelatedRows;
use crate::model::aggregation::Aggregation;
use crate::model::{InstanceKey, RecordShape, StatePath, TableName};

/// Where a workspace's records live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The instance.
    pub instance: InstanceKey,
    /// The table.
    pub table: TableName,
    /// What its fields are called.
    pub shape: RecordShape,
    /// Raw values that every created record gets, such as `assignment_group`, `company` and
    /// `sys_domain`.
    pub on_create: BTreeMap<String, String>,
    /// `sys_id` or user name of the caller; empty for none.
    pub caller: String,
    /// Entities beside the records.
    pub related_rows: RelatedRows,
    /// Where affected users stand.
    pub affected_users: UserRows,
    /// States that a record goes through one by one where it does not take the wanted one at once; empty
    /// where there is no such way.
    pub state_path: StatePath,
    /// When incidents share a record.
    pub aggregate: Aggregation,
}

impl Route {
    /// The domain of its records; empty when the route names none.
    pub fn domain(&self) -> &str {
        self.on_create.get(DOMAIN_COLUMN).map_or("", String::as_str)
    }
}

/// The column that says which domain a record is in.
pub const DOMAIN_COLUMN: &str = "sys_domain";

/// Where affected users stand. Both columns are unverified (servicenow-api 5), hence settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRows {
    /// The table.
    pub table: TableName,
    /// Its column for the record.
    pub task: String,
    /// Its column for the user.
    pub user: String,
}

impl Default for UserRows {
    fn default() -> Self {
        Self {
            table: TableName::new("sn_si_m2m_task_affected_user").unwrap_or_default(),
            task: "task".into(),
            user: "user".into(),
        }
    }
}
