//! One shape for the rows of severity, status and closure, so that look-up, linter, diff and
//! explanation treat the three tables alike.

use super::rows::{Flow, RowRef, TableKind, TableSet, join_severity, split_severity};
use crate::model::{Closure, Severity, Status};

/// A row that pairs one Sentinel word with one raw ServiceNow value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PairRow {
    /// Where it stands.
    pub row: RowRef,
    /// Record table, empty for every table.
    pub table: String,
    /// Sentinel's word in the form that is compared.
    pub sentinel: String,
    /// ServiceNow's raw value in the form that is compared.
    pub servicenow: String,
    /// Label for people, may be empty.
    pub label: String,
    /// Which way.
    pub flow: Flow,
}

impl PairRow {
    /// True when both cells hold something; a row with an empty cell never fires.
    pub fn is_whole(&self) -> bool {
        !self.sentinel.is_empty() && !self.servicenow.is_empty()
    }
}

/// The rows of a table as pairs, in their order; none for owners and custom fields.
pub(super) fn pair_rows(set: &TableSet, kind: TableKind) -> Vec<PairRow> {
    let row = |index, table: &str, sentinel: &str, servicenow: &str, label: &str, flow| PairRow {
        row: RowRef { table: kind, row: index },
        table: table.trim().to_owned(),
        sentinel: sentinel_form(kind, sentinel),
        servicenow: servicenow_form(kind, servicenow),
        label: label.trim().to_owned(),
        flow,
    };
    match kind {
        TableKind::Severity => set
            .severity
            .iter()
            .enumerate()
            .map(|(i, r)| row(i, &r.table, &r.sentinel, &r.servicenow, "", r.flow))
            .collect(),
        TableKind::Status => set
            .status
            .iter()
            .enumerate()
            .map(|(i, r)| row(i, &r.table, &r.sentinel, &r.servicenow, &r.label, r.flow))
            .collect(),
        TableKind::Closure => set
            .closure
            .iter()
            .enumerate()
            .map(|(i, r)| row(i, &r.table, &r.sentinel, &r.servicenow, &r.label, r.flow()))
            .collect(),
        TableKind::Owner | TableKind::Field => Vec::new(),
    }
}

/// The closure that a word means. A reason behind `Undetermined` is dropped, because there is
/// none: the word `Undetermined-null` of the store app means plain `Undetermined`.
pub(super) fn closure_of(word: &str) -> Option<Closure> {
    let word = word.trim();
    Closure::from_word(word).or_else(|| {
        let (classification, reason) = word.split_once('-').unwrap_or((word, ""));
        Closure::from_pair(classification, Some(reason))
    })
}

/// A Sentinel word in the form that is compared: its known spelling, or lower case when Sentinel
/// does not know it (its vocabularies may grow).
pub(super) fn sentinel_form(kind: TableKind, word: &str) -> String {
    let word = word.trim();
    let known = match kind {
        TableKind::Severity => Severity::from_word(word).map(Severity::word),
        TableKind::Status => Status::from_word(word).map(Status::word),
        TableKind::Closure => closure_of(word).map(Closure::word),
        TableKind::Owner | TableKind::Field => None,
    };
    known.map_or_else(|| word.to_lowercase(), str::to_owned)
}

/// True when Sentinel knows the word.
pub(super) fn is_known(kind: TableKind, word: &str) -> bool {
    match kind {
        TableKind::Severity => Severity::from_word(word.trim()).is_some(),
        TableKind::Status => Status::from_word(word.trim()).is_some(),
        TableKind::Closure => closure_of(word).is_some(),
        TableKind::Owner | TableKind::Field => true,
    }
}

/// Every word of Sentinel's for a table, in the order they are shown.
pub(super) fn known_words(kind: TableKind) -> Vec<&'static str> {
    match kind {
        TableKind::Severity => Severity::ALL.iter().map(|s| s.word()).collect(),
        TableKind::Status => Status::ALL.iter().map(|s| s.word()).collect(),
        TableKind::Closure => Closure::ALL.iter().map(|c| c.word()).collect(),
        TableKind::Owner | TableKind::Field => Vec::new(),
    }
}

/// A raw ServiceNow value in the form that is compared: trimmed, with its case; a severity value
/// of empty fields only is empty.
pub(super) fn servicenow_form(kind: TableKind, raw: &str) -> String {
    if kind != TableKind::Severity {
        return raw.trim().to_owned();
    }
    let parts = split_severity(raw);
    if parts.iter().all(|p| p.is_empty()) { String::new() } else { join_severity(&parts) }
}
