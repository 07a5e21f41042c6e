//! Running a query: candidates from an index or a scan, then the order that it asks for.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::Query;
use super::filter::{Filter, Ground};
use super::term::Field;
use crate::sandbox::servicenow::schema::{Kind, TableSchema};
use crate::sandbox::servicenow::store::{Row, Table};
use crate::text::Stamp;

/// A column that the caller may not query by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox::servicenow) struct Denied {
    pub(in crate::sandbox::servicenow) field: String,
}

/// One hit: the row with the columns of its own table.
pub(in crate::sandbox::servicenow) struct Hit<'a> {
    pub(in crate::sandbox::servicenow) schema: &'a TableSchema,
    pub(in crate::sandbox::servicenow) row: Cow<'a, Row>,
}

/// All rows of `table` and its children that satisfy `query`, in its order, whoever asks.
/// `made` replaces the stored rows of a table that is computed; `as_of` reads a replica.
pub(in crate::sandbox::servicenow) fn select<'a>(
    ground: &Ground<'_, 'a>,
    table: &str,
    query: &Query,
    as_of: Option<Stamp>,
    made: Option<&'a Table>,
) -> Result<Vec<Hit<'a>>, Denied> {
    let mut hits = Vec::new();
    let Some(base) = ground.store.schema.table(table) else { return Ok(hits) };
    for child in ground.store.schema.family(table) {
        let Some((schema, stored)) = ground.store.table(child) else { continue };
        let rows = made.unwrap_or(stored);
        let filter = Filter::compile(ground, base, schema, query)?;
        let holds = |row: &Row| filter.holds(ground.store, schema, row);
        if let Some(as_of) = as_of {
            let seen = rows.rows.iter().filter_map(|r| r.as_of(as_of)).filter(|r| holds(r));
            hits.extend(seen.map(|row| Hit { schema, row: Cow::Owned(row) }));
            continue;
        }
        let candidates = filter.candidates(rows);
        let mut take = |row: &'a Row| {
            if holds(row) {
                hits.push(Hit { schema, row: Cow::Borrowed(row) });
            }
        };
        match candidates {
            Some(positions) => positions.iter().filter_map(|p| rows.rows.get(*p)).for_each(&mut take),
            None => rows.rows.iter().for_each(&mut take),
        }
    }
    sort(ground, base, query, hits)
}

/// What one column of one row sorts by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(String),
}

fn sort<'a>(
    ground: &Ground<'_, 'a>,
    base: &TableSchema,
    query: &Query,
    hits: Vec<Hit<'a>>,
) -> Result<Vec<Hit<'a>>, Denied> {
    let mut order = Vec::new();
    for (name, descending) in &query.order {
        let Some(field) = Field::find(ground.store, base, base, name) else { continue };
        if ground.rights.hidden(field.table, &field.column)
            || ground.rights.range_denied(field.table, &field.column)
        {
            return Err(Denied { field: name.clone() });
        }
        order.push((name.as_str(), *descending));
    }
    if order.is_empty() || hits.len() < 2 {
        return Ok(hits);
    }
    let mut keyed: Vec<(Vec<Key>, Hit<'a>)> = hits
        .into_iter()
        .map(|hit| (order.iter().map(|(name, _)| key(ground, base, &hit, name)).collect(), hit))
        .collect();
    keyed.sort_by(|(a, _), (b, _)| {
        let pairs = a.iter().zip(b).zip(&order);
        pairs.fold(Ordering::Equal, |so_far, ((x, y), (_, descending))| {
            so_far.then_with(|| if *descending { y.cmp(x) } else { x.cmp(y) })
        })
    });
    Ok(keyed.into_iter().map(|(_, hit)| hit).collect())
}

fn key(ground: &Ground<'_, '_>, base: &TableSchema, hit: &Hit<'_>, name: &str) -> Key {
    let Some(field) = Field::find(ground.store, base, hit.schema, name) else {
        return Key::Text(String::new());
    };
    let value = field.value(ground.store, hit.schema, &hit.row);
    match field.kind {
        Kind::Integer | Kind::IntChoice => Key::Number(value.parse().unwrap_or(i64::MIN)),
        Kind::Reference(table) => Key::Text(ground.store.display(table, value).to_lowercase()),
        _ => Key::Text(value.to_lowercase()),
    }
}
