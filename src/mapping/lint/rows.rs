//! What one row, or two rows of one table, say wrongly.

use super::super::pairs::{PairRow, is_known};
use super::super::rows::{RowRef, TableKind, cell, split_severity};
use super::{Check, LintLevel, PAIRED};
use crate::model::{Side, TableName};
use crate::text::escape_line;

/// Tables whose rows are part of the defaults: unused ones are no mistake.
const STOCK_TABLES: [&str; 2] = ["incident", "sn_si_incident"];

pub(super) fn check(check: &mut Check<'_>) {
    for kind in PAIRED {
        let rows = check.rows(kind);
        for (index, row) in rows.iter().enumerate() {
            scope(check, row);
            if !row.is_whole() {
                empty(check, row);
                continue;
            }
            word(check, row);
            arity(check, row);
            shadow(check, row, rows.get(..index).unwrap_or_default());
        }
    }
}

fn scope(check: &mut Check<'_>, row: &PairRow) {
    scope_of(check, row.row, &row.table);
    if row.table.is_empty() && row.row.table == TableKind::Status && check.scope.len() > 1 {
        let names: Vec<String> = check.scope.iter().map(ToString::to_string).collect();
        check.row(
            row.row,
            LintLevel::Warning,
            "shared-state",
            format!("state {} is mapped for every table at once", cell(&row.servicenow)),
            format!(
                "It means the same in {}, although the same number is another state there: 3 is On Hold \
                 in incident and Closed in sn_si_incident.",
                names.join(" and ")
            ),
        );
    }
}

/// Says what is wrong with the record table that a row is for; empty is every table.
pub(super) fn scope_of(check: &mut Check<'_>, row: RowRef, table: &str) {
    if table.is_empty() {
        return;
    }
    if TableName::new(table).is_err() {
        check.row(
            row,
            LintLevel::Error,
            "bad-table",
            format!("{} is not the name of a table", escape_line(table)),
            "The row never fires.".to_owned(),
        );
    } else if !check.scope.iter().any(|t| t.as_str() == table) && !STOCK_TABLES.contains(&table) {
        check.row(
            row,
            LintLevel::Warning,
            "unused-table",
            format!("no route uses the table {}", escape_line(table)),
            "The row never fires.".to_owned(),
        );
    }
}

fn empty(check: &mut Check<'_>, row: &PairRow) {
    let side = if row.sentinel.is_empty() { Side::Sentinel } else { Side::ServiceNow };
    check.row(
        row.row,
        LintLevel::Error,
        "empty-cell",
        format!("the {side} value is empty"),
        "The row never fires.".to_owned(),
    );
}

fn word(check: &mut Check<'_>, row: &PairRow) {
    let kind = row.row.table;
    if is_known(kind, &row.sentinel) {
        return;
    }
    let value = cell(&row.servicenow);
    let consequence = if row.flow.to_sentinel() {
        format!("Toward Sentinel the row is passed over: {value} is held unless another row maps it.")
    } else {
        "The row never fires as long as Sentinel does not write that word.".to_owned()
    };
    check.row(
        row.row,
        LintLevel::Error,
        "unknown-word",
        format!("{} is not a {kind} of Sentinel", cell(&row.sentinel)),
        consequence,
    );
}

fn arity(check: &mut Check<'_>, row: &PairRow) {
    let fields = check.ctx.severity_fields.clone();
    if row.row.table != TableKind::Severity || fields.is_empty() {
        return;
    }
    let values = split_severity(&row.servicenow);
    let value = cell(&row.servicenow);
    if values.len() != fields.len() {
        let names = escape_line(&fields.join(" and "));
        let consequence = if row.flow.to_servicenow() {
            format!("{} cannot be written to ServiceNow and is held.", cell(&row.sentinel))
        } else {
            "No record ever has that many values: the row never fires.".to_owned()
        };
        check.row(
            row.row,
            LintLevel::Error,
            "wrong-arity",
            format!("{value} counts {}, but severity is kept in {}: {names}", values.len(), fields.len()),
            consequence,
        );
    } else if let Some((field, _)) = fields.iter().zip(&values).find(|(_, v)| v.is_empty()) {
        check.row(
            row.row,
            LintLevel::Error,
            "empty-value",
            format!("{value} holds no value for {}", escape_line(field)),
            format!("{} would be emptied in ServiceNow.", escape_line(field)),
        );
    }
}

/// The values of a row as seen coming from a side: what goes in, what comes out; `None` when
/// the row is not used from there.
fn ends(row: &PairRow, from: Side) -> Option<(&str, &str)> {
    match from {
        Side::Sentinel => row.flow.to_servicenow().then_some((&*row.sentinel, &*row.servicenow)),
        Side::ServiceNow => (row.flow.to_sentinel() && is_known(row.row.table, &row.sentinel))
            .then_some((&*row.servicenow, &*row.sentinel)),
    }
}

fn shadow(check: &mut Check<'_>, row: &PairRow, earlier: &[PairRow]) {
    let used: Vec<Side> =
        [Side::Sentinel, Side::ServiceNow].into_iter().filter(|s| ends(row, *s).is_some()).collect();
    let mut taken = Vec::new();
    for side in used.iter().copied() {
        let Some((input, output)) = ends(row, side) else { continue };
        let first = earlier.iter().filter(|e| e.is_whole() && e.table == row.table).find_map(|e| {
            let (i, o) = ends(e, side)?;
            (i == input).then_some((e, o))
        });
        if let Some((by, other)) = first {
            taken.push((side, by, input, output, other));
        }
    }
    let dead = !used.is_empty() && taken.len() == used.len();
    if dead && taken.iter().all(|(_, _, _, output, other)| output == other) {
        if let Some((_, by, ..)) = taken.first() {
            let message = format!("it says the same as row {}", by.row.row + 1);
            let consequence = "It never fires; nothing changes when it is taken out.".to_owned();
            check.row(row.row, LintLevel::Warning, "duplicate-row", message, consequence);
        }
        return;
    }
    for (side, by, input, output, other) in &taken {
        if output != other {
            contradiction(check, row, *side, by, (input, output, other), dead);
        }
    }
    if dead {
        let rows: std::collections::BTreeSet<usize> = taken.iter().map(|t| t.1.row.row + 1).collect();
        let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
        check.row(
            row.row,
            LintLevel::Warning,
            "unreachable-row",
            format!("everything it maps is mapped before it, by row {}", rows.join(" and ")),
            "It never fires.".to_owned(),
        );
    }
}

fn contradiction(
    check: &mut Check<'_>,
    row: &PairRow,
    side: Side,
    by: &PairRow,
    (input, output, other): (&str, &str, &str),
    dead: bool,
) {
    let closure = row.row.table == TableKind::Closure;
    if closure && side == Side::ServiceNow && !dead {
        // The mark needs the row, and a closure row cannot be kept from reading: what reads back
        // is said by the round trip.
        return;
    }
    let (input, output, other) = (cell(input), cell(output), cell(other));
    let first = by.row.row + 1;
    let consequence = format!("Row {first} wins: {input} becomes {other}, never {output}.");
    if closure && side == Side::Sentinel {
        let message =
            format!("{input} is marked a second time: row {first} marks {other}, this row {output}");
        check.row(row.row, LintLevel::Error, "marked-twice", message, consequence);
    } else {
        let message = format!("it makes {input} {output}, but row {first} makes it {other}");
        check.row(row.row, LintLevel::Warning, "contradicting-rows", message, consequence);
    }
}
