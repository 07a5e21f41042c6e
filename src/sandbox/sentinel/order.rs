//! `$orderby`: one or more fields, each ascending or descending (sentinel-api 2.5).

use std::cmp::Ordering;

use super::errors::Refusal;
use super::filter::{Cell, Field, Kind, Row};

/// One sort field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// The field's path.
    pub path: &'static str,
    /// Greatest first.
    pub descending: bool,
    /// What the field holds.
    pub kind: Kind,
}

/// Reads an `$orderby`.
pub(super) fn parse(source: &str, fields: &'static [Field]) -> Result<Vec<Order>, Refusal> {
    source.split(',').map(|part| one(part, fields)).collect()
}

fn one(part: &str, fields: &'static [Field]) -> Result<Order, Refusal> {
    let mut words = part.split_whitespace();
    let path = words.next().unwrap_or_default();
    let descending = match words.next() {
        None => false,
        Some(w) if w.eq_ignore_ascii_case("asc") => false,
        Some(w) if w.eq_ignore_ascii_case("desc") => true,
        Some(w) => return Err(Refusal::bad(format!("Invalid orderby clause: '{w}' is not asc or desc."))),
    };
    let field = fields.iter().find(|f| f.path == path && !matches!(f.kind, Kind::Labels | Kind::Words));
    match field {
        Some(field) if words.next().is_none() => Ok(Order { path: field.path, descending, kind: field.kind }),
        _ => Err(Refusal::bad(format!("Invalid orderby clause: '{}' cannot be sorted by.", part.trim()))),
    }
}

/// The order of two rows; ties go by [`Row::tie`] in the direction of the last field.
pub(super) fn rows<R: Row>(order: &[Order], left: &R, right: &R) -> Ordering {
    for by in order {
        let rank = left.sort_cell(by.path).rank(&right.sort_cell(by.path));
        if rank != Ordering::Equal {
            return directed(rank, by.descending);
        }
    }
    directed(left.tie().cmp(&right.tie()), last_descends(order))
}

/// The order of a row and a remembered position.
pub(super) fn row_to_key<R: Row>(order: &[Order], row: &R, key: &[Cell<'_>], tie: i64) -> Ordering {
    for (by, cell) in order.iter().zip(key) {
        let rank = row.sort_cell(by.path).rank(cell);
        if rank != Ordering::Equal {
            return directed(rank, by.descending);
        }
    }
    directed(row.tie().cmp(&tie), last_descends(order))
}

/// Whether the last field descends, and with it the tie-breaker.
pub(super) fn last_descends(order: &[Order]) -> bool {
    order.last().is_some_and(|o| o.descending)
}

fn directed(rank: Ordering, descending: bool) -> Ordering {
    if descending { rank.reverse() } else { rank }
}
