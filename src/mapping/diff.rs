//! What changed between two versions of the tables, row by row.

use serde::Serialize;

use super::rows::{RowRef, TableKind, TableSet, cell, scope};
use super::tables::Tables;
use crate::model::Side;

/// One changed row. Both texts are safe to print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowDiff {
    /// The table.
    pub table: TableKind,
    /// The row before, `None` when it is new.
    pub before: Option<String>,
    /// The row after, `None` when it is gone.
    pub after: Option<String>,
}

/// Every difference between two versions, by table: changed and removed rows in their former
/// order, then new ones, then what another order of the rows leads to. Empty exactly when both
/// are equal.
pub fn diff(before: &TableSet, after: &TableSet) -> Vec<RowDiff> {
    let mut out = Vec::new();
    for kind in TableKind::ALL {
        let pairs = matched(&keys(before, kind), &keys(after, kind));
        let mut taken = Vec::new();
        for (i, j) in pairs.iter().enumerate() {
            taken.extend(*j);
            out.extend(row_diff(before, after, kind, i, *j));
        }
        for j in (0..after.len(kind)).filter(|j| !taken.contains(j)) {
            let line = line(after, RowRef { table: kind, row: j });
            out.push(RowDiff { table: kind, before: None, after: Some(line) });
        }
        if taken.windows(2).any(|w| w.first() > w.last()) {
            out.extend(moved(before, after, kind, &pairs));
        }
    }
    out
}

/// What a row can be recognised by in the other version, the surest first: everything, what it
/// translates, its ServiceNow value, its Sentinel value. Each is unlike every key of another
/// kind.
type Keys = [String; 4];

fn keys(set: &TableSet, kind: TableKind) -> Vec<Keys> {
    (0..set.len(kind))
        .map(|row| {
            let cell = |name: &str| {
                let column = kind.columns().iter().position(|c| *c == name);
                column.and_then(|c| set.cell(RowRef { table: kind, row }, c)).unwrap_or_default()
            };
            let scope = if kind == TableKind::Owner { cell("workspace") } else { cell("table") };
            let reads = cell("flow") == "to-sentinel" || cell("source_is_sentinel") == "false";
            let by = |what: &str, text: String| format!("{what}\u{0}{scope}\u{0}{text}");
            let (sentinel, servicenow) = match kind {
                TableKind::Field => (cell("source"), cell("column")),
                _ => (cell("sentinel"), cell("servicenow")),
            };
            let input = if reads || matches!(kind, TableKind::Owner | TableKind::Field) {
                by("reads", servicenow.clone())
            } else {
                by("writes", sentinel.clone())
            };
            [set.row_toml(kind, row).join(", "), input, by("value", servicenow), by("word", sentinel)]
        })
        .collect()
}

/// For each row before, the row after that it became.
fn matched(before: &[Keys], after: &[Keys]) -> Vec<Option<usize>> {
    let mut pairs: Vec<Option<usize>> = vec![None; before.len()];
    let mut free: Vec<bool> = vec![true; after.len()];
    for sure in 0..4 {
        for (a, pair) in before.iter().zip(pairs.iter_mut()).filter(|(_, p)| p.is_none()) {
            let hit = after.iter().zip(&free).position(|(b, free)| *free && a.get(sure) == b.get(sure));
            if let Some(slot) = hit.and_then(|j| free.get_mut(j)) {
                *slot = false;
                *pair = hit;
            }
        }
    }
    pairs
}

fn line(set: &TableSet, row: RowRef) -> String {
    set.describe(row).unwrap_or_default()
}

fn row_diff(
    before: &TableSet,
    after: &TableSet,
    kind: TableKind,
    i: usize,
    j: Option<usize>,
) -> Option<RowDiff> {
    let old = line(before, RowRef { table: kind, row: i });
    let Some(j) = j else {
        return Some(RowDiff { table: kind, before: Some(old), after: None });
    };
    let (raw_old, raw_new) = (before.row_toml(kind, i).join(", "), after.row_toml(kind, j).join(", "));
    if raw_old == raw_new {
        return None;
    }
    let new = line(after, RowRef { table: kind, row: j });
    // A change that the readable line leaves out, such as a blank, is shown as it is written.
    let (old, new) = if old == new { (raw_old, raw_new) } else { (old, new) };
    Some(RowDiff { table: kind, before: Some(old), after: Some(new) })
}

/// What another order of the same rows leads to.
fn moved(before: &TableSet, after: &TableSet, kind: TableKind, pairs: &[Option<usize>]) -> Vec<RowDiff> {
    let (old, new) = (Tables::compile(before), Tables::compile(after));
    let (was, is) = (old.winners(kind), new.winners(kind));
    let mut out = Vec::new();
    for ((from, table, value), i) in &was {
        let Some(j) = is.get(&(*from, table.clone(), value.clone())) else { continue };
        // A row that still wins is no news, nor one that is gone or new: that was said.
        let kept = pairs.get(*i).copied().flatten();
        if kept.is_none_or(|k| k == *j) || !pairs.contains(&Some(*j)) {
            continue;
        }
        let say = |set: &TableSet, row: usize| {
            let column = if *from == Side::Sentinel { 2 } else { 1 };
            let result = set.cell(RowRef { table: kind, row }, column).unwrap_or_default();
            let place = scope(table, "every table");
            format!("{place}: {} becomes {} (row {})", cell(value), cell(&result), row + 1)
        };
        out.push(RowDiff { table: kind, before: Some(say(before, *i)), after: Some(say(after, *j)) });
    }
    if out.is_empty() {
        let order = |text: &str| Some(text.to_owned());
        out.push(RowDiff {
            table: kind,
            before: order("rows in their former order"),
            after: order("the same rows in another order"),
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::{Flow, SeverityRow};

    fn row(sentinel: &str, servicenow: &str, flow: Flow) -> SeverityRow {
        SeverityRow { sentinel: sentinel.into(), servicenow: servicenow.into(), flow, ..Default::default() }
    }

    fn set(severity: &[SeverityRow]) -> TableSet {
        TableSet { severity: severity.to_vec(), ..TableSet::default() }
    }

    fn texts(a: &TableSet, b: &TableSet) -> Vec<(String, String)> {
        diff(a, b).into_iter().map(|d| (d.before.unwrap_or_default(), d.after.unwrap_or_default())).collect()
    }

    #[test]
    fn rows_are_followed_by_what_they_translate() {
        let a = set(&[
            row("High", "1/1", Flow::Both),
            row("Low", "3/2", Flow::Both),
            row("Low", "3/3", Flow::ToSentinel),
        ]);
        let b = set(&[
            row("High", "1/2", Flow::Both),
            row("Informational", "3/3", Flow::ToSentinel),
            row("Medium", "2/2", Flow::Both),
        ]);
        let expected = [
            ("every table: High ↔ 1/1", "every table: High ↔ 1/2"),
            ("every table: Low ↔ 3/2", ""),
            ("every table: Low ← 3/3", "every table: Informational ← 3/3"),
            ("", "every table: Medium ↔ 2/2"),
        ];
        assert_eq!(texts(&a, &b), expected.map(|(x, y)| (x.to_owned(), y.to_owned())));
        assert_eq!(diff(&a, &a), []);
    }

    #[test]
    fn an_order_that_matters_says_what_it_does() {
        let a = set(&[row("Low", "3", Flow::Both), row("Informational", "3", Flow::Both)]);
        let b = set(&[row("Informational", "3", Flow::Both), row("Low", "3", Flow::Both)]);
        let becomes = |to: &str| format!("every table: 3 becomes {to} (row 1)");
        assert_eq!(texts(&a, &b), [(becomes("Low"), becomes("Informational"))]);
        let c = set(&[row("Low", "3", Flow::Both), row("High", "1", Flow::Both)]);
        let d = set(&[row("High", "1", Flow::Both), row("Low", "3", Flow::Both)]);
        assert_eq!(texts(&c, &d).len(), 1);
        assert!(texts(&c, &d)[0].1.contains("another order"));
    }

    #[test]
    fn a_blank_and_a_flow_are_changes_too() {
        let a = set(&[row("High", "1", Flow::Both)]);
        let blank = texts(&a, &set(&[row("High", "1 ", Flow::Both)]));
        assert_eq!(blank.len(), 1);
        assert!(blank[0].1.contains("\"1 \""), "{blank:?}");
        let flow = texts(&a, &set(&[row("High", "1", Flow::ToSentinel)]));
        assert_eq!(flow, [("every table: High ↔ 1".to_owned(), "every table: High ← 1".to_owned())]);
    }
}
