//! The tables against what an instance really offers: its choices, or the states of a stock
//! table where its choices are not known.

use std::collections::BTreeSet;

use super::super::pairs::PairRow;
use super::super::rows::{TableKind, cell};
use super::super::tables::value_noun;
use super::{Check, LintLevel, PAIRED, list, parts};
use crate::model::{Choice, Side, TableName};
use crate::text::escape_line;

/// States of the stock tables (servicenow-api 4 and 5).
const STOCK_STATES: [(&str, &[(&str, &str)]); 2] = [
    (
        "incident",
        &[
            ("1", "New"),
            ("2", "In Progress"),
            ("3", "On Hold"),
            ("6", "Resolved"),
            ("7", "Closed"),
            ("8", "Canceled"),
        ],
    ),
    (
        "sn_si_incident",
        &[
            ("10", "Draft"),
            ("16", "Analysis"),
            ("18", "Contain"),
            ("19", "Eradicate"),
            ("20", "Recover"),
            ("100", "Review"),
            ("3", "Closed"),
            ("7", "Cancelled"),
        ],
    ),
];

/// Words in a label that say that somebody waits.
const HOLD_WORDS: [&str; 7] = ["hold", "await", "pending", "waiting", "suspend", "paused", "deferred"];

/// Combinations of severity values that are looked at; more than that is no severity any more.
const COMBINATIONS: usize = 400;

/// One value that a field can take.
#[derive(Clone)]
struct Offer {
    value: String,
    label: String,
    inactive: bool,
    /// False for a stock value, which may be missing on this instance.
    live: bool,
}

pub(super) fn check(check: &mut Check<'_>) {
    for table in check.scope.clone() {
        for kind in PAIRED {
            ways_back(check, kind, &table);
            for row in check.rows(kind) {
                offered(check, &table, &row);
            }
            never_read(check, kind, &table);
        }
        holds(check, &table);
    }
}

fn live<'a>(check: &'a Check<'_>, table: &TableName, field: &str) -> &'a [Choice] {
    check.ctx.choices.get(&(table.clone(), field.to_owned())).map_or(&[], Vec::as_slice)
}

/// What a field offers: live choices, else the stock values of a stock table, else nothing.
fn offers(check: &Check<'_>, kind: TableKind, table: &TableName, field: &str) -> Vec<Offer> {
    let live = live(check, table, field);
    if !live.is_empty() {
        return live
            .iter()
            .map(|c| Offer {
                value: c.value.trim().to_owned(),
                label: c.label.raw().trim().to_owned(),
                inactive: c.inactive,
                live: true,
            })
            .collect();
    }
    let stock = |value: &str, label: &str| Offer {
        value: value.to_owned(),
        label: label.to_owned(),
        inactive: false,
        live: false,
    };
    let states = STOCK_STATES.iter().find(|(name, _)| *name == table.as_str());
    match (kind, states) {
        (TableKind::Status, Some((_, states))) => states.iter().map(|(v, l)| stock(v, l)).collect(),
        (TableKind::Severity, Some(_)) if matches!(field, "impact" | "urgency" | "severity") => {
            ["1", "2", "3"].iter().map(|v| stock(v, "")).collect()
        }
        _ => Vec::new(),
    }
}

fn shown(value: &str, label: &str) -> String {
    if label.is_empty() || label == value {
        cell(value)
    } else {
        format!("{} ({})", cell(value), escape_line(label))
    }
}

/// Values that somebody can set in ServiceNow and no row reads.
fn ways_back(check: &mut Check<'_>, kind: TableKind, table: &TableName) {
    let fields = check.fields(kind);
    let mut values = vec![(String::new(), String::new())];
    for (index, field) in fields.iter().enumerate() {
        let offers: Vec<Offer> =
            offers(check, kind, table, field).into_iter().filter(|o| !o.inactive).collect();
        values = values
            .iter()
            .flat_map(|(before, _)| {
                offers.iter().map(move |o| {
                    let joined = if index == 0 { o.value.clone() } else { format!("{before}/{}", o.value) };
                    (joined, o.label.clone())
                })
            })
            .take(COMBINATIONS)
            .collect();
    }
    let single = fields.len() == 1;
    let unread: Vec<String> = values
        .iter()
        .filter(|(v, _)| !v.is_empty())
        .filter(|(v, _)| check.tables.row_for(kind, table, Side::ServiceNow, v).is_none())
        .map(|(v, label)| shown(v, if single { label } else { "" }))
        .collect();
    if unread.is_empty() {
        return;
    }
    let noun = value_noun(kind);
    let (level, consequence) = match kind {
        TableKind::Closure => (
            LintLevel::Warning,
            "A record that is closed with one of them leaves the incident's classification to a person: \
             its closure is held.",
        ),
        _ => (LintLevel::Error, "When somebody sets one of them, it is held and does not reach Sentinel."),
    };
    let message = format!("no row reads {noun} {} of {table}", list(&unread));
    check.whole(kind, level, "missing-row", message, consequence.to_owned());
}

/// A value that is written, but that the instance does not offer (any more).
fn offered(check: &mut Check<'_>, table: &TableName, row: &PairRow) {
    let kind = row.row.table;
    if !row.is_whole() || check.tables.row_for(kind, table, Side::Sentinel, &row.sentinel) != Some(row.row) {
        return;
    }
    let fields = check.fields(kind);
    let values = parts(kind, &row.servicenow);
    if fields.len() != values.len() {
        return;
    }
    for (field, value) in fields.iter().zip(values) {
        let choices = live(check, table, field);
        if choices.is_empty() || value.is_empty() {
            continue;
        }
        let name = escape_line(field);
        // A list may name a value once per language.
        let same = || choices.iter().filter(|c| c.value.trim() == value);
        match same().find(|c| !c.inactive).or_else(|| same().next()) {
            None => {
                let message =
                    format!("{} is no choice of {table}.{name}{}", cell(value), right_code(row, choices));
                let consequence = format!(
                    "ServiceNow refuses it, or keeps a value in {name} that nobody there can pick or read."
                );
                check.row(row.row, LintLevel::Error, "unknown-value", message, consequence);
            }
            Some(choice) if choice.inactive => {
                let message = format!(
                    "{} of {table}.{name} is not offered any more",
                    shown(value, choice.label.raw().trim())
                );
                let consequence = format!(
                    "{} sets a value that people there cannot choose themselves.",
                    cell(&row.sentinel)
                );
                check.row(row.row, LintLevel::Warning, "inactive-choice", message, consequence);
            }
            Some(_) => {}
        }
    }
}

/// The value that has the label which the row means, where the instance has one.
fn right_code(row: &PairRow, choices: &[Choice]) -> String {
    let means = |c: &&Choice| {
        let label = c.label.raw().trim().to_lowercase();
        !c.inactive && (label == row.label.to_lowercase() || label == row.servicenow.to_lowercase())
    };
    choices
        .iter()
        .find(means)
        .map(|c| format!("; {} has the value {} there", cell(c.label.raw()), cell(&c.value)))
        .unwrap_or_default()
}

/// Rows that only read a value which this instance does not have: harmless, so one finding for
/// all of them.
fn never_read(check: &mut Check<'_>, kind: TableKind, table: &TableName) {
    let fields = check.fields(kind);
    let mut unknown = Vec::new();
    for row in check.rows(kind) {
        let values = parts(kind, &row.servicenow);
        if row.table != table.as_str() || row.flow.to_servicenow() || values.len() != fields.len() {
            continue;
        }
        let foreign = fields.iter().zip(values).any(|(field, value)| {
            let choices = live(check, table, field);
            !choices.is_empty() && !choices.iter().any(|c| c.value.trim() == value)
        });
        if foreign && row.is_whole() {
            unknown.push(shown(&row.servicenow, &row.label));
        }
    }
    if !unknown.is_empty() {
        let noun = value_noun(kind);
        let message = format!("this instance has no {noun} {} in {table}", list(&unknown));
        let consequence = "The rows that read them never fire here; they do no harm.".to_owned();
        check.whole(kind, LintLevel::Warning, "never-read", message, consequence);
    }
}

/// States in which somebody waits, but which close the incident.
fn holds(check: &mut Check<'_>, table: &TableName) {
    let field = check.ctx.status_field.clone();
    let offers = offers(check, TableKind::Status, table, &field);
    let mut said = BTreeSet::new();
    for row in check.rows(TableKind::Status) {
        let fires = check.tables.row_for(TableKind::Status, table, Side::ServiceNow, &row.servicenow);
        if fires != Some(row.row) || row.sentinel != "Closed" || !said.insert(row.servicenow.clone()) {
            continue;
        }
        let offer = offers.iter().find(|o| o.value == row.servicenow);
        let label = offer.map_or(row.label.as_str(), |o| o.label.as_str());
        let lower = label.to_lowercase();
        if !HOLD_WORDS.iter().any(|w| lower.contains(w)) {
            continue;
        }
        // Only the instance, or the stock list, knows what a state is; a label in a row is a hint.
        let level = if offer.is_some() { LintLevel::Error } else { LintLevel::Warning };
        let source = if offer.is_some_and(|o| o.live) { " on this instance" } else { "" };
        check.row(
            row.row,
            level,
            "hold-closes",
            format!(
                "state {} of {table} is {}{source}, and it reads as Closed",
                cell(&row.servicenow),
                cell(label)
            ),
            format!("Whoever puts a record of {table} into {} closes the Sentinel incident.", cell(label)),
        );
    }
}
