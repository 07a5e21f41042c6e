//! What each Sentinel word becomes in each record table, and whether it comes back as it went.

use super::super::pairs::{PairRow, known_words};
use super::super::rows::{TableKind, cell};
use super::super::tables::value_noun;
use super::{Check, LintLevel, PAIRED};
use crate::model::{Side, TableName};

pub(super) fn check(check: &mut Check<'_>) {
    for kind in PAIRED {
        let rows = check.rows(kind);
        for table in check.scope.clone() {
            for word in known_words(kind) {
                let row = check.tables.row_for(kind, &table, Side::Sentinel, word);
                match row.and_then(|r| rows.get(r.row)) {
                    None => missing(check, kind, &table, word, &rows),
                    Some(out) => back(check, &table, word, out, &rows),
                }
            }
        }
    }
}

fn missing(check: &mut Check<'_>, kind: TableKind, table: &TableName, word: &str, rows: &[PairRow]) {
    let unmarked = kind == TableKind::Closure
        && rows
            .iter()
            .any(|r| r.is_whole() && r.sentinel == word && (r.table.is_empty() || r.table == table.as_str()));
    let (code, message) = if unmarked {
        ("not-marked", format!("no row of {word} for {table} is marked as Sentinel's source"))
    } else {
        ("missing-row", format!("{word} has no row toward {table}"))
    };
    let consequence = match kind {
        TableKind::Closure => format!(
            "An incident closed as {word} has no close code in {table}: its closure is held, and the record \
             stays open where one is required."
        ),
        _ => format!("A {kind} of {word} in Sentinel is held and does not reach {table}."),
    };
    check.whole(kind, LintLevel::Error, code, message, consequence);
}

fn back(check: &mut Check<'_>, table: &TableName, word: &str, out: &PairRow, rows: &[PairRow]) {
    let kind = out.row.table;
    let noun = value_noun(kind);
    let value = cell(&out.servicenow);
    let read = check.tables.row_for(kind, table, Side::ServiceNow, &out.servicenow);
    let Some(read) = read.and_then(|r| rows.get(r.row)) else {
        check.row(
            out.row,
            LintLevel::Error,
            "no-way-back",
            format!("{word} becomes {value}, and {noun} {value} of {table} has no row back"),
            format!(
                "When somebody sets {noun} {value} in ServiceNow, it is held and does not reach Sentinel."
            ),
        );
        return;
    };
    if read.sentinel == word {
        return;
    }
    let place =
        if out.table.is_empty() && read.table.is_empty() { String::new() } else { format!(" in {table}") };
    let other = cell(&read.sentinel);
    let level = if kind == TableKind::Status { LintLevel::Error } else { LintLevel::Warning };
    check.row(
        out.row,
        level,
        "round-trip",
        format!("{word} becomes {value}{place}, and {value} reads back as {other}"),
        format!(
            "While nobody changes it, {word} stays {word}. Once somebody in ServiceNow sets another {noun} \
             and then {value} again, {word} has become {other}."
        ),
    );
}
