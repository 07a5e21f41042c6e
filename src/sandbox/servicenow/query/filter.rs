//! A parsed query compiled for one concrete table.
//!
//! Unknown columns drop their term, unless the instance returns no rows for them; a nonsense
//! value on a known column matches nothing (servicenow-api, 2.4).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::dates::Env;
use super::select::Denied;
use super::term::{Atom, Field, Operand, Place, Test};
use super::{Node, Op, Query, Term};
use crate::sandbox::servicenow::acl::Rights;
use crate::sandbox::servicenow::schema::{Kind, SYS_ID, TableSchema};
use crate::sandbox::servicenow::store::{Row, Store, Table};

/// The dynamic filter *Me*.
const DYNAMIC_ME: &str = "90d1921e5f510100a9ad2572f2b477fe";

/// Everything that compiling needs to know.
pub(in crate::sandbox::servicenow) struct Ground<'a, 's> {
    pub(in crate::sandbox::servicenow) store: &'s Store,
    pub(in crate::sandbox::servicenow) env: &'a Env,
    pub(in crate::sandbox::servicenow) rights: &'a Rights<'a>,
    /// An unknown column gives no rows.
    pub(in crate::sandbox::servicenow) strict: bool,
}

/// A query bound to one concrete table.
pub(super) struct Filter {
    groups: Vec<Vec<Vec<Atom>>>,
    nothing: bool,
}

impl Filter {
    /// Compiles for rows of `concrete` in a query on `base`.
    pub(super) fn compile(
        ground: &Ground<'_, '_>,
        base: &TableSchema,
        concrete: &TableSchema,
        query: &Query,
    ) -> Result<Self, Denied> {
        let mut filter = Self { groups: Vec::new(), nothing: false };
        for group in &query.groups {
            let mut brackets = Vec::new();
            for nodes in group {
                let mut bracket = Vec::new();
                for node in nodes {
                    match ground.atom(base, concrete, node)? {
                        Some(atom) => bracket.push(atom),
                        None => filter.nothing |= ground.strict,
                    }
                }
                if !bracket.is_empty() {
                    brackets.push(bracket);
                }
            }
            filter.groups.push(brackets);
        }
        Ok(filter)
    }

    /// True if the row satisfies the query.
    pub(super) fn holds(&self, store: &Store, schema: &TableSchema, row: &Row) -> bool {
        !self.nothing
            && self
                .groups
                .iter()
                .any(|brackets| brackets.iter().all(|b| b.iter().any(|a| a.holds(store, schema, row))))
    }

    /// Positions that an index offers as candidates, in order; none if all rows must be looked at.
    pub(super) fn candidates(&self, rows: &Table) -> Option<Vec<usize>> {
        let [brackets] = self.groups.as_slice() else { return None };
        let single = || brackets.iter().filter(|b| b.len() == 1).filter_map(|b| b.first());
        let mut keys = single().filter_map(Atom::keys);
        keys.find_map(|(column, keys)| rows.lookup(column, keys.into_iter()))
            .or_else(|| single().find_map(Atom::since).map(|from| rows.since(from)))
    }
}

impl Ground<'_, '_> {
    /// The compiled node, none if it must be dropped.
    fn atom(&self, base: &TableSchema, concrete: &TableSchema, node: &Node) -> Result<Option<Atom>, Denied> {
        Ok(match node {
            Node::Invalid => None,
            Node::Text(words) => {
                let words = words.split_whitespace().map(str::to_lowercase).collect();
                Some(self.on_id(concrete, Test::Words(words)))
            }
            Node::Join { field, table, key, query } => {
                let Some(field) = Field::find(self.store, base, concrete, field) else { return Ok(None) };
                let Some(values) = self.values(table, key, query)? else { return Ok(None) };
                let set = values.into_keys().collect();
                Some(Atom { field, test: Test::OneOf(set), fold: false })
            }
            Node::Related { table, key, op, count, query } => {
                let Some(values) = self.values(table, key, query)? else { return Ok(None) };
                self.related(concrete, &values, *op, *count)
            }
            Node::Term(term) => self.term(base, concrete, term)?,
        })
    }

    fn on_id(&self, concrete: &TableSchema, test: Test) -> Atom {
        let field = Field {
            place: Place::Own(SYS_ID),
            kind: Kind::Text(32),
            table: concrete.name,
            column: "sys_id".into(),
        };
        Atom { field, test, fold: false }
    }

    /// How often each value of a column occurs among the rows of another table's query.
    fn values(&self, table: &str, key: &str, query: &str) -> Result<Option<BTreeMap<String, i64>>, Denied> {
        let Some((schema, rows)) = self.store.table(table) else { return Ok(None) };
        let Some(field) = Field::find(self.store, schema, schema, key) else { return Ok(None) };
        // The inner query names its columns with or without the table in front.
        let inner = Query::parse(&query.replace(&format!("{table}."), ""));
        // Joins inside joins would let a request choose our stack depth.
        let nested = |node: &Node| matches!(node, Node::Join { .. } | Node::Related { .. });
        if inner.groups.iter().flatten().flatten().any(nested) {
            return Ok(None);
        }
        let filter = Filter::compile(self, schema, schema, &inner)?;
        let mut out = BTreeMap::new();
        for row in rows.rows.iter().filter(|r| filter.holds(self.store, schema, r)) {
            *out.entry(field.value(self.store, schema, row).to_owned()).or_default() += 1;
        }
        Ok(Some(out))
    }

    fn related(
        &self,
        concrete: &TableSchema,
        values: &BTreeMap<String, i64>,
        op: Op,
        count: i64,
    ) -> Option<Atom> {
        let fits = |n: i64| match op {
            Op::Equals => n == count,
            Op::NotEquals => n != count,
            Op::Greater => n > count,
            Op::GreaterOrEqual => n >= count,
            Op::Less => n < count,
            Op::LessOrEqual => n <= count,
            _ => false,
        };
        let (_, rows) = self.store.table(concrete.name)?;
        let set = rows
            .rows
            .iter()
            .map(Row::id)
            .filter(|id| fits(values.get(*id).copied().unwrap_or(0)))
            .map(str::to_owned)
            .collect();
        Some(self.on_id(concrete, Test::OneOf(set)))
    }

    fn term(&self, base: &TableSchema, concrete: &TableSchema, term: &Term) -> Result<Option<Atom>, Denied> {
        let Some(field) = Field::find(self.store, base, concrete, &term.field) else { return Ok(None) };
        let denied = self.rights.hidden(field.table, &field.column)
            || !term.op.matches_only() && self.rights.range_denied(field.table, &field.column);
        if denied {
            return Err(Denied { field: term.field.clone() });
        }
        let test = match term.op {
            Op::Unsupported => return Ok(None),
            Op::SameAs | Op::NotSameAs => self.against(base, concrete, term),
            Op::GreaterField | Op::GreaterOrEqualField | Op::LessField | Op::LessOrEqualField => {
                self.against(base, concrete, term)
            }
            _ => Some(self.test(field.kind, term).unwrap_or(Test::Never)),
        };
        Ok(test.map(|test| Atom { fold: self.env.fold, field, test }))
    }

    fn against(&self, base: &TableSchema, concrete: &TableSchema, term: &Term) -> Option<Test> {
        let other = Field::find(self.store, base, concrete, term.value.trim())?;
        Some(match term.op {
            Op::NotSameAs => Test::NotAgainst(other),
            Op::GreaterField => Test::Against(other, &[Ordering::Greater]),
            Op::GreaterOrEqualField => Test::Against(other, &[Ordering::Greater, Ordering::Equal]),
            Op::LessField => Test::Against(other, &[Ordering::Less]),
            Op::LessOrEqualField => Test::Against(other, &[Ordering::Less, Ordering::Equal]),
            _ => Test::Against(other, &[Ordering::Equal]),
        })
    }

    /// The test of a value; none where the value makes no sense for the column.
    fn test(&self, kind: Kind, term: &Term) -> Option<Test> {
        let value = term.value.as_str();
        let empty = value.is_empty() || value == "NULL";
        Some(match term.op {
            Op::Anything => Test::Always,
            Op::IsEmpty => Test::Empty,
            Op::IsNotEmpty => Test::NotEmpty,
            Op::Equals | Op::SameAs if empty => Test::Empty,
            Op::NotEquals if empty => Test::NotEmpty,
            Op::Equals => Test::Equals(self.operand(kind, value)?),
            Op::NotEquals => Test::NotEquals(self.operand(kind, value)?),
            Op::ValueOrLabel => Test::ValueOrLabel(self.folded(value)),
            Op::Greater => Test::Order(Ordering::Greater, false, self.operand(kind, value)?),
            Op::GreaterOrEqual => Test::Order(Ordering::Greater, true, self.operand(kind, value)?),
            Op::Less => Test::Order(Ordering::Less, false, self.operand(kind, value)?),
            Op::LessOrEqual => Test::Order(Ordering::Less, true, self.operand(kind, value)?),
            Op::In | Op::NotIn => self.set(kind, value, term.op == Op::In),
            Op::Contains => Test::Contains(self.folded(&self.env.evaluate(value)?)),
            Op::NotContains => Test::NotContains(self.folded(&self.env.evaluate(value)?)),
            Op::StartsWith => Test::StartsWith(self.folded(&self.env.evaluate(value)?)),
            Op::EndsWith => Test::EndsWith(self.folded(&self.env.evaluate(value)?)),
            Op::Between => {
                let (low, high) = value.split_once('@')?;
                Test::Between(self.operand(kind, low)?, self.operand(kind, high)?)
            }
            Op::On | Op::NotOn => {
                let (low, high) = self.env.day_bounds(value)?;
                let (low, high) = (Operand::Text(low), Operand::Text(high));
                if term.op == Op::On { Test::Between(low, high) } else { Test::Outside(low, high) }
            }
            Op::RelativeGreater => self.relative(value, Ordering::Greater, false)?,
            Op::RelativeGreaterOrEqual => self.relative(value, Ordering::Greater, true)?,
            Op::RelativeLess => self.relative(value, Ordering::Less, false)?,
            Op::RelativeLessOrEqual => self.relative(value, Ordering::Less, true)?,
            Op::RelativeEqual => {
                let day = self.env.relative(value)?;
                let (low, high) = self.env.day_bounds(day.get(..10)?)?;
                Test::Between(Operand::Text(low), Operand::Text(high))
            }
            Op::Dynamic if value == DYNAMIC_ME => Test::Equals(Operand::Text(self.folded(&self.env.user_id))),
            Op::InstanceOf => {
                Test::OneOf(self.store.schema.family(value).into_iter().map(str::to_owned).collect())
            }
            _ => return None,
        })
    }

    fn relative(&self, value: &str, order: Ordering, or_equal: bool) -> Option<Test> {
        Some(Test::Order(order, or_equal, Operand::Text(self.env.relative(value)?)))
    }

    fn operand(&self, kind: Kind, value: &str) -> Option<Operand> {
        if kind == Kind::DateTime {
            return self.env.moment(value).map(Operand::Text);
        }
        let value = self.env.evaluate(value)?;
        match kind {
            Kind::Integer | Kind::IntChoice => value.trim().parse().ok().map(Operand::Number),
            Kind::Boolean => Some(Operand::Text(match value.to_ascii_lowercase().as_str() {
                "1" | "true" => "true".into(),
                "0" | "false" => "false".into(),
                _ => return None,
            })),
            _ => Some(Operand::Text(self.folded(&value))),
        }
    }

    fn set(&self, kind: Kind, value: &str, inside: bool) -> Test {
        let parts = value.split(',').map(str::trim).filter(|p| !p.is_empty());
        if kind.is_integer() {
            let set: BTreeSet<i64> = parts.filter_map(|p| p.parse().ok()).collect();
            return if inside { Test::Numbers(set) } else { Test::NotNumbers(set) };
        }
        let set: BTreeSet<String> =
            parts.filter_map(|p| self.env.evaluate(p)).map(|p| self.folded(&p)).collect();
        if inside { Test::Texts(set) } else { Test::NotTexts(set) }
    }

    fn folded(&self, text: &str) -> String {
        if self.env.fold { text.to_lowercase() } else { text.to_owned() }
    }
}
