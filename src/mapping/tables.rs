//! The compiled tables: total translations, each with the row that fired.

use std::collections::BTreeMap;
use std::fmt;

use super::custom::{self, CustomField};
use super::pairs::{is_known, pair_rows, sentinel_form, servicenow_form};
use super::rows::{RowRef, TableKind, TableSet, cell};
use crate::model::{Closure, Severity, Side, Status, TableName};
use crate::text::escape_line;

/// A value that a row gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translated<T> {
    /// The value.
    pub value: T,
    /// The row that fired.
    pub row: RowRef,
    /// Which row and what it says, one safe line.
    pub why: String,
}

/// A value that no row maps: it is held and shown, the other fields flow on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmapped {
    /// What has no translation, one safe line: `state 4 of incident`.
    pub what: String,
    /// What to do about it, one safe line.
    pub hint: String,
}

impl fmt::Display for Unmapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.hint)
    }
}

impl std::error::Error for Unmapped {}

/// A translation or the reason why there is none.
pub type Translation<T> = Result<Translated<T>, Unmapped>;

/// Look-ups of one table: (record table or empty, compared form) to the index of the row.
#[derive(Clone, Debug, Default)]
struct Lanes {
    /// Each row with what it says: every crossing names its row, so it is worded once.
    lines: Vec<String>,
    to_servicenow: BTreeMap<(String, String), usize>,
    to_sentinel: BTreeMap<(String, String), usize>,
}

impl Lanes {
    fn compile(set: &TableSet, kind: TableKind) -> Self {
        let line = |row| Some(format!("{row}, {}", set.describe(row)?));
        let lines = (0..).map_while(|row| line(RowRef { table: kind, row })).collect();
        let mut lanes = Self { lines, ..Self::default() };
        for pair in pair_rows(set, kind) {
            if !pair.is_whole() {
                continue;
            }
            let index = pair.row.row;
            if pair.flow.to_servicenow() {
                lanes.to_servicenow.entry((pair.table.clone(), pair.sentinel.clone())).or_insert(index);
            }
            // A word that Sentinel does not know must not be sent to it.
            if pair.flow.to_sentinel() && is_known(kind, &pair.sentinel) {
                lanes.to_sentinel.entry((pair.table, pair.servicenow)).or_insert(index);
            }
        }
        lanes
    }

    fn find(&self, from: Side, table: &str, form: String) -> Option<usize> {
        let lane = match from {
            Side::Sentinel => &self.to_servicenow,
            Side::ServiceNow => &self.to_sentinel,
        };
        let mut key = (table.to_owned(), form);
        if let Some(index) = lane.get(&key) {
            return Some(*index);
        }
        key.0.clear();
        lane.get(&key).copied()
    }
}

/// The tables, compiled for look-up. Compiling never fails: what is wrong with a table is
/// the linter's business, and a row that cannot be used is passed over.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    rows: TableSet,
    severity: Lanes,
    status: Lanes,
    closure: Lanes,
    custom: Vec<CustomField>,
}

impl Tables {
    /// Compiles tables. A row for one record table comes before a row for every table; among
    /// those, the first wins.
    pub fn compile(set: &TableSet) -> Self {
        Self {
            severity: Lanes::compile(set, TableKind::Severity),
            status: Lanes::compile(set, TableKind::Status),
            closure: Lanes::compile(set, TableKind::Closure),
            custom: custom::compile(set),
            rows: set.clone(),
        }
    }

    /// The rows that were compiled.
    pub fn rows(&self) -> &TableSet {
        &self.rows
    }

    /// The custom fields of a record table: one per column.
    pub fn custom<'a>(&'a self, table: &'a TableName) -> impl Iterator<Item = &'a CustomField> {
        custom::of_table(&self.custom, table)
    }

    /// Raw values of the severity fields, joined by `/`, for Sentinel's severity. A faulty row
    /// may give another number of values than the route has fields, so count them before writing.
    pub fn severity_to_servicenow(&self, table: &TableName, sentinel: &str) -> Translation<String> {
        self.raw_value(TableKind::Severity, table, sentinel)
    }

    /// Sentinel's severity for raw values of the severity fields, joined by `/`.
    pub fn severity_to_sentinel(&self, table: &TableName, raw: &str) -> Translation<Severity> {
        self.word(TableKind::Severity, table, raw, |set, i| {
            set.severity.get(i).and_then(|r| Severity::from_word(r.sentinel.trim()))
        })
    }

    /// Raw value of the state field for Sentinel's status.
    pub fn status_to_servicenow(&self, table: &TableName, sentinel: &str) -> Translation<String> {
        self.raw_value(TableKind::Status, table, sentinel)
    }

    /// Sentinel's status for a raw value of the state field.
    pub fn status_to_sentinel(&self, table: &TableName, raw: &str) -> Translation<Status> {
        self.word(TableKind::Status, table, raw, |set, i| {
            set.status.get(i).and_then(|r| Status::from_word(r.sentinel.trim()))
        })
    }

    /// Raw close code for Sentinel's closure, written as classification and reason joined by
    /// `-`; only rows that are marked as Sentinel's source are used.
    pub fn closure_to_servicenow(&self, table: &TableName, closure: &str) -> Translation<String> {
        self.raw_value(TableKind::Closure, table, closure)
    }

    /// Sentinel's closure for a raw close code.
    pub fn closure_to_sentinel(&self, table: &TableName, close_code: &str) -> Translation<Closure> {
        self.word(TableKind::Closure, table, close_code, |set, i| {
            set.closure.get(i).and_then(|r| super::pairs::closure_of(&r.sentinel))
        })
    }

    /// Whether a raw state means Closed in Sentinel; `None` when no row maps it.
    pub fn is_closed_state(&self, table: &TableName, raw: &str) -> Option<bool> {
        let index = self.find(TableKind::Status, Side::ServiceNow, table, raw)?;
        let row = self.rows.status.get(index)?;
        Some(Status::from_word(row.sentinel.trim()) == Some(Status::Closed))
    }

    /// The label that the tables give a raw state, as written there; may hold hostile text.
    pub fn status_label(&self, table: &TableName, raw: &str) -> Option<&str> {
        self.label(TableKind::Status, table, raw)
    }

    /// The label that the tables give a raw close code, as written there; may hold hostile text.
    pub fn closure_label(&self, table: &TableName, close_code: &str) -> Option<&str> {
        self.label(TableKind::Closure, table, close_code)
    }

    /// True when either direction of the severity table says that both values are the same.
    pub fn same_severity(&self, table: &TableName, sentinel: &str, servicenow: &str) -> bool {
        self.same(TableKind::Severity, table, sentinel, servicenow)
    }

    /// True when either direction of the status table says that both values are the same.
    pub fn same_status(&self, table: &TableName, sentinel: &str, servicenow: &str) -> bool {
        self.same(TableKind::Status, table, sentinel, servicenow)
    }

    /// True when either direction of the closure table says that both values are the same, or
    /// when both are empty.
    pub fn same_closure(&self, table: &TableName, sentinel: &str, servicenow: &str) -> bool {
        self.same(TableKind::Closure, table, sentinel, servicenow)
    }

    /// The row that translates a value coming from one side, if any does.
    pub fn row_for(&self, kind: TableKind, table: &TableName, from: Side, value: &str) -> Option<RowRef> {
        self.find(kind, from, table, value).map(|row| RowRef { table: kind, row })
    }

    /// Every value that a table translates, by the side it comes from, the record table and its
    /// compared form, with the index of the row that wins.
    pub(super) fn winners(&self, kind: TableKind) -> BTreeMap<(Side, String, String), usize> {
        let Some(lanes) = self.lanes(kind) else { return BTreeMap::new() };
        [(Side::Sentinel, &lanes.to_servicenow), (Side::ServiceNow, &lanes.to_sentinel)]
            .into_iter()
            .flat_map(|(side, lane)| {
                lane.iter().map(move |((t, v), row)| ((side, t.clone(), v.clone()), *row))
            })
            .collect()
    }

    fn lanes(&self, kind: TableKind) -> Option<&Lanes> {
        match kind {
            TableKind::Severity => Some(&self.severity),
            TableKind::Status => Some(&self.status),
            TableKind::Closure => Some(&self.closure),
            TableKind::Owner | TableKind::Field => None,
        }
    }

    fn find(&self, kind: TableKind, from: Side, table: &TableName, value: &str) -> Option<usize> {
        let form = match from {
            Side::Sentinel => sentinel_form(kind, value),
            Side::ServiceNow => servicenow_form(kind, value),
        };
        if form.is_empty() {
            return None;
        }
        self.lanes(kind)?.find(from, table.as_str(), form)
    }

    /// Both cells of a row, Sentinel's first.
    fn cells(&self, row: RowRef) -> Option<(&str, &str)> {
        match row.table {
            TableKind::Severity => self.rows.severity.get(row.row).map(|r| (&*r.sentinel, &*r.servicenow)),
            TableKind::Status => self.rows.status.get(row.row).map(|r| (&*r.sentinel, &*r.servicenow)),
            TableKind::Closure => self.rows.closure.get(row.row).map(|r| (&*r.sentinel, &*r.servicenow)),
            TableKind::Owner | TableKind::Field => None,
        }
    }

    fn why(&self, row: RowRef) -> String {
        self.lanes(row.table).and_then(|l| l.lines.get(row.row)).cloned().unwrap_or_default()
    }

    fn raw_value(&self, kind: TableKind, table: &TableName, sentinel: &str) -> Translation<String> {
        self.find(kind, Side::Sentinel, table, sentinel)
            .map(|row| RowRef { table: kind, row })
            .and_then(|row| Some((row, self.cells(row)?.1)))
            .map(|(row, raw)| Translated { value: servicenow_form(kind, raw), row, why: self.why(row) })
            .ok_or_else(|| unmapped(kind, Side::Sentinel, table, sentinel))
    }

    fn word<T>(
        &self,
        kind: TableKind,
        table: &TableName,
        raw: &str,
        value: impl Fn(&TableSet, usize) -> Option<T>,
    ) -> Translation<T> {
        self.find(kind, Side::ServiceNow, table, raw)
            .and_then(|i| Some((RowRef { table: kind, row: i }, value(&self.rows, i)?)))
            .map(|(row, value)| Translated { value, row, why: self.why(row) })
            .ok_or_else(|| unmapped(kind, Side::ServiceNow, table, raw))
    }

    fn label(&self, kind: TableKind, table: &TableName, raw: &str) -> Option<&str> {
        let index = self.find(kind, Side::ServiceNow, table, raw)?;
        let label = match kind {
            TableKind::Status => &self.rows.status.get(index)?.label,
            TableKind::Closure => &self.rows.closure.get(index)?.label,
            TableKind::Severity | TableKind::Owner | TableKind::Field => return None,
        };
        Some(label.as_str()).filter(|l| !l.trim().is_empty())
    }

    fn same(&self, kind: TableKind, table: &TableName, sentinel: &str, servicenow: &str) -> bool {
        let word = sentinel_form(kind, sentinel);
        let raw = servicenow_form(kind, servicenow);
        if word.is_empty() || raw.is_empty() {
            return word.is_empty() && raw.is_empty();
        }
        let cells = |from, value: &str| {
            let row = self.find(kind, from, table, value)?;
            self.cells(RowRef { table: kind, row })
        };
        cells(Side::Sentinel, sentinel).is_some_and(|(_, n)| servicenow_form(kind, n) == raw)
            || cells(Side::ServiceNow, servicenow).is_some_and(|(s, _)| sentinel_form(kind, s) == word)
    }
}

/// What a raw ServiceNow value of a table is called.
pub(super) fn value_noun(kind: TableKind) -> &'static str {
    match kind {
        TableKind::Severity => "severity value",
        TableKind::Status => "state",
        TableKind::Closure => "close code",
        TableKind::Owner => "user",
        TableKind::Field => "column",
    }
}

fn unmapped(kind: TableKind, from: Side, table: &TableName, value: &str) -> Unmapped {
    let shown = cell(value);
    let what = match from {
        Side::Sentinel => format!("Sentinel's {kind} {shown} has no row toward {table}"),
        Side::ServiceNow => format!("{} {shown} of {table} has no row toward Sentinel", value_noun(kind)),
    };
    let hint = match (from, kind) {
        _ if value.trim().is_empty() => "there is no value to translate".to_owned(),
        (Side::Sentinel, TableKind::Closure) => {
            format!("mark one closure row for {shown} as Sentinel's source")
        }
        _ => format!("add a row for {} to the {kind} table", escape_line(value.trim())),
    };
    Unmapped { what, hint }
}
