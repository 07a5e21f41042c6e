//! One compiled term: where its value lives and what it must be.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::sandbox::servicenow::schema::{Kind, TableSchema, UPDATED_ON};
use crate::sandbox::servicenow::store::{Row, Store};

/// Where a value lives, seen from one concrete table.
#[derive(Clone, Debug)]
pub(in crate::sandbox::servicenow) enum Place {
    /// A column of the row itself.
    Own(usize),
    /// Through references, by name: the last is the column of the record found.
    Walk(Vec<String>),
}

/// A column that a query, a sort or an answer names.
#[derive(Clone, Debug)]
pub(in crate::sandbox::servicenow) struct Field {
    pub(in crate::sandbox::servicenow) place: Place,
    pub(in crate::sandbox::servicenow) kind: Kind,
    /// The table that declares the column, for rights.
    pub(in crate::sandbox::servicenow) table: &'static str,
    /// The column's own name.
    pub(in crate::sandbox::servicenow) column: String,
}

impl Field {
    /// Finds `name` (dots walk through references) as `base` knows it, for rows of `concrete`.
    pub(in crate::sandbox::servicenow) fn find(
        store: &Store,
        base: &TableSchema,
        concrete: &TableSchema,
        name: &str,
    ) -> Option<Self> {
        let Some((first, _)) = name.split_once('.') else {
            let kind = base.kind(name)?;
            let place = Place::Own(concrete.index(name)?);
            return Some(Self { place, kind, table: concrete.name, column: name.to_owned() });
        };
        base.index(first)?;
        let path: Vec<String> = name.split('.').map(str::to_owned).collect();
        let (column, hops) = path.split_last()?;
        let mut at = base;
        for hop in hops {
            let Kind::Reference(target) = at.kind(hop)? else { return None };
            at = store.schema.table(target)?;
        }
        let (table, kind, column) = (at.name, at.kind(column)?, column.clone());
        Some(Self { place: Place::Walk(path), kind, table, column })
    }

    /// The value for a row, empty where a reference leads nowhere.
    pub(in crate::sandbox::servicenow) fn value<'a>(
        &self,
        store: &'a Store,
        schema: &'a TableSchema,
        row: &'a Row,
    ) -> &'a str {
        self.owner(store, schema, row).map_or("", |(owner, row, index)| {
            debug_assert!(index < owner.columns.len());
            row.at(index)
        })
    }

    /// The record and position that hold the value.
    pub(in crate::sandbox::servicenow) fn owner<'a>(
        &self,
        store: &'a Store,
        schema: &'a TableSchema,
        row: &'a Row,
    ) -> Option<(&'a TableSchema, &'a Row, usize)> {
        let path = match &self.place {
            Place::Own(index) => return Some((schema, row, *index)),
            Place::Walk(path) => path,
        };
        let (column, hops) = path.split_last()?;
        let (mut schema, mut row) = (schema, row);
        for hop in hops {
            let index = schema.index(hop)?;
            let Kind::Reference(target) = schema.columns[index].kind else { return None };
            (schema, row) = store.find(target, row.at(index))?;
        }
        Some((schema, row, schema.index(column)?))
    }
}

/// A value to compare with.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Number(i64),
    /// Folded already if the comparison is.
    Text(String),
}

/// What the value must be.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Always,
    Never,
    Equals(Operand),
    NotEquals(Operand),
    /// Equal to the value or to the display value, for implicit filters.
    ValueOrLabel(String),
    Numbers(BTreeSet<i64>),
    NotNumbers(BTreeSet<i64>),
    Texts(BTreeSet<String>),
    NotTexts(BTreeSet<String>),
    Contains(String),
    NotContains(String),
    StartsWith(String),
    EndsWith(String),
    Empty,
    NotEmpty,
    /// An ordering that the value must have to the operand; equal too if `true`.
    Order(Ordering, bool, Operand),
    Between(Operand, Operand),
    Outside(Operand, Operand),
    /// Against another column: any of these orderings.
    Against(Field, &'static [Ordering]),
    NotAgainst(Field),
    /// The `sys_id` or value is one of those (joins, related lists).
    OneOf(BTreeSet<String>),
    /// All words somewhere in the record's text.
    Words(Vec<String>),
}

/// A term bound to one concrete table.
#[derive(Clone, Debug)]
pub(in crate::sandbox::servicenow) struct Atom {
    pub(super) field: Field,
    pub(super) test: Test,
    pub(super) fold: bool,
}

impl Atom {
    /// True if the row satisfies the term.
    pub(super) fn holds(&self, store: &Store, schema: &TableSchema, row: &Row) -> bool {
        let value = self.field.value(store, schema, row);
        match &self.test {
            Test::Always => true,
            Test::Never => false,
            Test::Equals(x) => self.compare(value, x) == Some(Ordering::Equal),
            // A null differs from everything, as the platform's own SQL has it.
            Test::NotEquals(x) => self.compare(value, x) != Some(Ordering::Equal),
            Test::ValueOrLabel(x) => {
                *self.folded(value) == **x || *self.folded(&self.shown(store, value)) == **x
            }
            Test::Numbers(set) => value.parse().is_ok_and(|n: i64| set.contains(&n)),
            Test::NotNumbers(set) => !value.parse().is_ok_and(|n: i64| set.contains(&n)),
            Test::Texts(set) => set.contains(&*self.folded(value)),
            Test::NotTexts(set) => !set.contains(&*self.folded(value)),
            Test::Contains(x) => self.folded(&self.shown(store, value)).contains(x),
            Test::NotContains(x) => !self.folded(&self.shown(store, value)).contains(x),
            Test::StartsWith(x) => self.folded(&self.shown(store, value)).starts_with(x),
            Test::EndsWith(x) => self.folded(&self.shown(store, value)).ends_with(x),
            Test::Empty => value.is_empty(),
            Test::NotEmpty => !value.is_empty(),
            Test::Order(wanted, or_equal, x) => match self.compare(value, x) {
                Some(Ordering::Equal) => *or_equal,
                other => other == Some(*wanted),
            },
            Test::Between(low, high) => self.inside(value, low, high),
            Test::Outside(low, high) => !value.is_empty() && !self.inside(value, low, high),
            Test::Against(other, orders) => {
                let other = other.value(store, schema, row);
                self.order(value, other).is_some_and(|o| orders.contains(&o))
            }
            Test::NotAgainst(other) => self.folded(value) != self.folded(other.value(store, schema, row)),
            Test::OneOf(set) => set.contains(value),
            Test::Words(words) => self.has_words(schema, row, words),
        }
    }

    /// Values that an index can look up, lower case, if the term is such a look-up.
    pub(super) fn keys(&self) -> Option<(usize, Vec<&str>)> {
        let Place::Own(index) = self.field.place else { return None };
        match &self.test {
            Test::Equals(Operand::Text(x)) => Some((index, vec![x.as_str()])),
            Test::Texts(set) => Some((index, set.iter().map(String::as_str).collect())),
            _ => None,
        }
    }

    /// The earliest `sys_updated_on` that can satisfy the term, if it sets a lower bound.
    pub(super) fn since(&self) -> Option<&str> {
        match (&self.field.place, &self.test) {
            (Place::Own(UPDATED_ON), Test::Order(Ordering::Greater, _, Operand::Text(from))) => Some(from),
            _ => None,
        }
    }

    fn folded<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.fold || text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.to_lowercase())
    }

    /// What text operators look at: a reference is searched by what it shows.
    fn shown<'a>(&self, store: &Store, value: &'a str) -> Cow<'a, str> {
        match self.field.kind {
            Kind::Reference(table) => Cow::Owned(store.display(table, value)),
            _ => Cow::Borrowed(value),
        }
    }

    fn compare(&self, value: &str, operand: &Operand) -> Option<Ordering> {
        match operand {
            Operand::Number(n) => value.parse::<i64>().ok().map(|v| v.cmp(n)),
            Operand::Text(text) if value.is_empty() && !text.is_empty() => None,
            Operand::Text(text) => Some((*self.folded(value)).cmp(text)),
        }
    }

    fn inside(&self, value: &str, low: &Operand, high: &Operand) -> bool {
        self.compare(value, low).is_some_and(Ordering::is_ge)
            && self.compare(value, high).is_some_and(Ordering::is_le)
    }

    fn order(&self, left: &str, right: &str) -> Option<Ordering> {
        if self.field.kind.is_integer() {
            return Some(left.parse::<i64>().ok()?.cmp(&right.parse().ok()?));
        }
        Some(self.folded(left).cmp(&self.folded(right)))
    }

    fn has_words(&self, schema: &TableSchema, row: &Row, words: &[String]) -> bool {
        words.iter().all(|word| {
            schema
                .columns
                .iter()
                .enumerate()
                .any(|(i, c)| matches!(c.kind, Kind::Text(_)) && row.at(i).to_lowercase().contains(word))
        })
    }
}
