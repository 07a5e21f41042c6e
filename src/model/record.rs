//! A ServiceNow record as this program sees it, and what its fields are called.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{SysId, TableName};
use crate::text::{Stamp, UntrustedText};

/// One record as last observed. A field that the user may not read is absent from `values`,
/// which is not the same as empty (servicenow-api 1.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Table it was read from.
    pub table: TableName,
    /// Its key.
    pub sys_id: SysId,
    /// `number`; not unique in the database.
    pub number: String,
    /// `sys_mod_count`, plus one per change.
    pub mod_count: i64,
    /// `sys_updated_on` as a stamp, one-second resolution.
    pub updated_on: Stamp,
    /// `sys_updated_by`, a user name.
    pub updated_by: String,
    /// `sys_created_on`.
    pub created_on: Stamp,
    /// `sys_created_by`, a user name; empty when it may not be read.
    pub created_by: String,
    /// Raw values of every field that was asked for and may be read.
    pub values: BTreeMap<String, String>,
    /// Display values of choice and reference fields, for people only.
    pub display: BTreeMap<String, UntrustedText>,
}

impl Record {
    /// The raw value of a field, `None` when it may not be read.
    pub fn value(&self, field: &str) -> Option<&str> {
        self.values.get(field).map(String::as_str)
    }

    /// Orders records by age, the oldest first. Stamps have seconds; within one, numbers are counted up,
    /// unlike keys (seed 9711423).
    pub fn age_order(&self) -> impl Ord + use<> {
        (self.created_on, self.number.len(), self.number.clone(), self.sys_id.clone())
    }
}

/// Fields to set in one write, in a fixed order, and at most one journal text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordWrite {
    /// Field name to raw value.
    pub values: BTreeMap<String, String>,
}

/// What the fields of a table are called: the names of a route, all configurable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordShape {
    /// Title, `short_description`.
    pub title: String,
    /// Characters that the title field holds, 160 on a default table.
    pub title_max: usize,
    /// Description, `description`.
    pub description: String,
    /// Characters that the description field holds, 4000 on a default table.
    pub description_max: usize,
    /// Fields that express severity, `impact` and `urgency`.
    pub severity: Vec<String>,
    /// Status, `state`.
    pub status: String,
    /// Close code, `close_code`.
    pub close_code: String,
    /// Close notes, `close_notes`.
    pub close_notes: String,
    /// Owner, `assigned_to`.
    pub owner: String,
    /// Journal that notes go into, `work_notes`.
    pub notes: String,
    /// Unique key, `correlation_id`.
    pub correlation_id: String,
    /// Group key, `correlation_display`.
    pub correlation_display: String,
    /// Caller, `caller_id` (`caller` on `sn_si_incident`).
    pub caller: String,
    /// Columns that custom fields fill, which the tables name and not the config.
    #[serde(default)]
    pub custom: Vec<String>,
}

/// The journal column that customers see.
pub const CUSTOMERS: &str = "comments";

/// Columns that people talk in, whatever a route calls its notes.
pub const JOURNALS: [&str; 3] = ["work_notes", CUSTOMERS, "comments_and_work_notes"];

impl RecordShape {
    /// The names of a default instance for that table (servicenow-api 4 and 5).
    pub fn for_table(table: &TableName) -> Self {
        let security = table.as_str() == "sn_si_incident";
        Self {
            title: "short_description".into(),
            title_max: 160,
            description: "description".into(),
            description_max: 4000,
            severity: vec!["impact".into(), "urgency".into()],
            status: "state".into(),
            close_code: "close_code".into(),
            close_notes: "close_notes".into(),
            owner: "assigned_to".into(),
            notes: "work_notes".into(),
            correlation_id: "correlation_id".into(),
            correlation_display: "correlation_display".into(),
            caller: if security { "caller" } else { "caller_id" }.into(),
            custom: Vec::new(),
        }
    }

    /// True for a column that means something else already, so that no custom field may fill it.
    pub fn owns(&self, column: &str) -> bool {
        let names = [
            &self.title,
            &self.description,
            &self.status,
            &self.close_code,
            &self.close_notes,
            &self.owner,
            &self.notes,
            &self.correlation_id,
            &self.correlation_display,
            &self.caller,
        ];
        // What every read asks for, and the two journals.
        let fixed = ["number", "assignment_group"];
        names.into_iter().chain(&self.severity).any(|name| name == column)
            || fixed.contains(&column)
            || JOURNALS.contains(&column)
            || column.starts_with("sys_")
    }

    /// Every column that means something else already.
    pub fn own_columns(&self) -> BTreeSet<String> {
        let read = Self { custom: Vec::new(), ..self.clone() }.fields();
        let journals = ["comments", "work_notes"].map(String::from);
        read.into_iter().chain(journals).chain([self.notes.clone(), self.caller.clone()]).collect()
    }

    /// Every field that a read asks for.
    pub fn fields(&self) -> Vec<String> {
        let mut names: Vec<String> = [
            "sys_id",
            "number",
            "sys_mod_count",
            "sys_updated_on",
            "sys_updated_by",
            "sys_created_on",
            "sys_created_by",
            "sys_domain",
        ]
        .map(String::from)
        .to_vec();
        let own = [
            &self.title,
            &self.description,
            &self.status,
            &self.close_code,
            &self.close_notes,
            &self.owner,
            &self.correlation_id,
            &self.correlation_display,
        ];
        names.extend(own.into_iter().cloned());
        names.extend(self.severity.iter().cloned());
        names.push("assignment_group".into());
        names.extend(self.custom.iter().cloned());
        names.dedup();
        names
    }
}

/// One journal entry of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JournalEntry {
    /// Its own key; empty when read from display text (D9).
    pub sys_id: SysId,
    /// The record it belongs to.
    pub record: SysId,
    /// `work_notes` or `comments`.
    pub element: String,
    /// Text.
    pub text: UntrustedText,
    /// When.
    pub created_on: Stamp,
    /// Author's user name.
    pub created_by: String,
}

/// One choice of a choice field, read from the instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Field.
    pub element: String,
    /// Stored value.
    pub value: String,
    /// Label as shown.
    pub label: UntrustedText,
    /// True when it is no longer offered.
    pub inactive: bool,
}

/// One user of the instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// Key.
    pub sys_id: SysId,
    /// Login name.
    pub user_name: String,
    /// Display name.
    pub name: UntrustedText,
    /// E-mail; may be hidden by access rules.
    pub email: String,
    /// False for somebody who left.
    pub active: bool,
}
