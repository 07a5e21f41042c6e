//! The rows of the tables as people edit them, and how a row reads in one line.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::escape_line;

/// One of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableKind {
    /// Severity.
    Severity,
    /// Status.
    Status,
    /// Closure.
    Closure,
    /// Owner.
    Owner,
    /// Custom fields.
    Field,
}

impl TableKind {
    /// Every table, in the order they are shown and written.
    pub const ALL: [Self; 5] = [Self::Severity, Self::Status, Self::Closure, Self::Owner, Self::Field];

    /// The word as it is written in files and typed: `severity`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Status => "status",
            Self::Closure => "closure",
            Self::Owner => "owner",
            Self::Field => "field",
        }
    }

    /// The table of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }

    /// The word as a person reads it: `Severity`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Severity => "Severity",
            Self::Status => "Status",
            Self::Closure => "Closure",
            Self::Owner => "Owner",
            Self::Field => "Fields",
        }
    }
}

impl fmt::Display for TableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One row of one table. It reads as `severity row 3`, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowRef {
    /// The table.
    pub table: TableKind,
    /// Index of the row in the table, from zero.
    pub row: usize,
}

impl fmt::Display for RowRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} row {}", self.table, self.row + 1)
    }
}

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

impl Flow {
    /// The word as it is written in files: `both`, `to-servicenow`, `to-sentinel`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::ToServicenow => "to-servicenow",
            Self::ToSentinel => "to-sentinel",
        }
    }

    /// The flow of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Both, Self::ToServicenow, Self::ToSentinel].into_iter().find(|f| f.word() == word)
    }

    /// True when a row of this flow is used toward ServiceNow.
    pub fn to_servicenow(self) -> bool {
        self != Self::ToSentinel
    }

    /// True when a row of this flow is used toward Sentinel.
    pub fn to_sentinel(self) -> bool {
        self != Self::ToServicenow
    }

    /// The arrow between a Sentinel value on the left and a ServiceNow value on the right.
    pub fn arrow(self) -> &'static str {
        match self {
            Self::Both => "↔",
            Self::ToServicenow => "→",
            Self::ToSentinel => "←",
        }
    }
}

/// One row of the severity table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeverityRow {
    /// Record table the row is for; empty for every table. A row for one table comes before a
    /// row for every table.
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
    /// Record table the row is for; empty for every table, which the linter warns about.
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

/// One row of the closure table. Every row is used toward Sentinel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClosureRow {
    /// Record table the row is for; empty for every table.
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

/// One row of the field table: a column of the record that is filled from the incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FieldRow {
    /// Record table the row is for; empty for every table.
    pub table: String,
    /// Name of the column.
    pub column: String,
    /// A template, or a pointer such as `/owner/email` to a member of the incident.
    pub source: String,
    /// True for a column that is filled when the record is made and never again.
    pub once: bool,
    /// True when Sentinel's next change goes over a hand edit; otherwise that stays and the change
    /// becomes a work note.
    #[serde(rename = "override")]
    pub overrides: bool,
}

/// The tables as people edit them. Among rows of one scope the first that fits wins.
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
    /// Custom fields.
    pub field: Vec<FieldRow>,
}

impl TableSet {
    /// Rows that a table has.
    pub fn len(&self, kind: TableKind) -> usize {
        match kind {
            TableKind::Severity => self.severity.len(),
            TableKind::Status => self.status.len(),
            TableKind::Closure => self.closure.len(),
            TableKind::Owner => self.owner.len(),
            TableKind::Field => self.field.len(),
        }
    }

    /// True when no table has a row.
    pub fn is_empty(&self) -> bool {
        TableKind::ALL.into_iter().all(|k| self.len(k) == 0)
    }

    /// A row in one safe line, for example `incident: Closed ↔ 6 (Resolved)`; `None` when there
    /// is no such row.
    pub fn describe(&self, row: RowRef) -> Option<String> {
        match row.table {
            TableKind::Severity => self.severity.get(row.row).map(SeverityRow::line),
            TableKind::Status => self.status.get(row.row).map(StatusRow::line),
            TableKind::Closure => self.closure.get(row.row).map(ClosureRow::line),
            TableKind::Owner => self.owner.get(row.row).map(OwnerRow::line),
            TableKind::Field => self.field.get(row.row).map(FieldRow::line),
        }
    }
}

/// A scope as a person reads it: the record table or workspace, or `every table`.
pub(super) fn scope(name: &str, every: &str) -> String {
    if name.trim().is_empty() { every.to_owned() } else { escape_line(name.trim()) }
}

/// A cell as a person reads it; an empty one is called so.
pub(super) fn cell(text: &str) -> String {
    if text.trim().is_empty() { "(empty)".to_owned() } else { escape_line(text.trim()) }
}

fn labelled(text: &str, label: &str) -> String {
    let label = label.trim();
    if label.is_empty() || label == text.trim() {
        cell(text)
    } else {
        format!("{} ({})", cell(text), escape_line(label))
    }
}

impl SeverityRow {
    fn line(&self) -> String {
        let table = scope(&self.table, "every table");
        format!("{table}: {} {} {}", cell(&self.sentinel), self.flow.arrow(), cell(&self.servicenow))
    }
}

impl StatusRow {
    fn line(&self) -> String {
        let table = scope(&self.table, "every table");
        let state = labelled(&self.servicenow, &self.label);
        format!("{table}: {} {} {state}", cell(&self.sentinel), self.flow.arrow())
    }
}

impl ClosureRow {
    /// The flow that the mark amounts to.
    pub fn flow(&self) -> Flow {
        if self.source_is_sentinel { Flow::Both } else { Flow::ToSentinel }
    }

    fn line(&self) -> String {
        let table = scope(&self.table, "every table");
        let code = labelled(&self.servicenow, &self.label);
        format!("{table}: {} {} {code}", cell(&self.sentinel), self.flow().arrow())
    }
}

impl OwnerRow {
    fn line(&self) -> String {
        let workspace = scope(&self.workspace, "every workspace");
        format!("{workspace}: {} ↔ {}", cell(&self.sentinel), cell(&self.servicenow))
    }
}

impl FieldRow {
    fn line(&self) -> String {
        let table = scope(&self.table, "every table");
        let marks = [(self.once, ", once"), (self.overrides, ", over hand edits")];
        let marks: String = marks.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect();
        format!("{table}: {} → {}{marks}", cell(&self.source), cell(&self.column))
    }
}

/// Raw values of the severity fields as one table value: `2/2`.
pub fn join_severity<S: AsRef<str>>(values: &[S]) -> String {
    values.iter().map(|v| v.as_ref().trim()).collect::<Vec<_>>().join("/")
}

/// The raw values of the severity fields in one table value, in the order of the fields.
pub fn split_severity(joined: &str) -> Vec<&str> {
    joined.split('/').map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_in_one_safe_line() {
        let set = TableSet {
            status: vec![StatusRow {
                table: "incident".into(),
                sentinel: "Closed".into(),
                servicenow: "6".into(),
                label: "Res\u{1b}[31molved".into(),
                flow: Flow::ToSentinel,
            }],
            owner: vec![OwnerRow { servicenow: "ksato".into(), ..OwnerRow::default() }],
            ..TableSet::default()
        };
        let status = RowRef { table: TableKind::Status, row: 0 };
        let line = set.describe(status).unwrap();
        assert!(line.starts_with("incident: Closed ← 6 (Res"), "{line}");
        assert!(!line.contains('\u{1b}'));
        assert_eq!(status.to_string(), "status row 1");
        let owner = set.describe(RowRef { table: TableKind::Owner, row: 0 }).unwrap();
        assert_eq!(owner, "every workspace: (empty) ↔ ksato");
        assert_eq!(set.describe(RowRef { table: TableKind::Owner, row: 1 }), None);
    }

    #[test]
    fn severity_values_join_and_split() {
        assert_eq!(join_severity(&["1", " 2"]), "1/2");
        assert_eq!(split_severity("1 / 2"), ["1", "2"]);
    }
}
