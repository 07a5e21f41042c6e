//! Rows in memory: dense values, an index by `sys_id` and by the columns that are looked up most.
//!
//! Positions are insertion order. When a replica lags, rows keep their earlier versions, so that
//! a read can be answered as of a moment ago.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::schema::{
    CREATED_BY, CREATED_ON, Kind, MOD_COUNT, SYS_ID, Schema, TableSchema, UPDATED_BY, UPDATED_ON,
};
use crate::text::Stamp;

/// Columns with an index of their own, where a table has them.
const INDEXED: [&str; 4] = ["correlation_id", "element_id", "table_sys_id", "user_name"];

/// One record.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Values by column position; a missing tail is empty.
    pub(super) values: Vec<String>,
    /// When this version became visible.
    pub(super) committed: Stamp,
    /// Earlier versions with the moment each became visible, kept while a replica lags.
    pub(super) earlier: Vec<(Stamp, Vec<String>)>,
}

impl Row {
    /// The value at a column position.
    pub(super) fn at(&self, index: usize) -> &str {
        self.values.get(index).map_or("", String::as_str)
    }

    /// The record's `sys_id`.
    pub(super) fn id(&self) -> &str {
        self.at(SYS_ID)
    }

    /// The value of a column by name, empty if there is no such column.
    pub(super) fn get<'a>(&'a self, schema: &TableSchema, name: &str) -> &'a str {
        schema.index(name).map_or("", |i| self.at(i))
    }

    /// Sets the value at a position.
    pub(super) fn put(&mut self, index: usize, value: String) {
        if self.values.len() <= index {
            self.values.resize(index + 1, String::new());
        }
        self.values[index] = value;
    }

    /// The row as a replica shows it at `as_of`, none if it was not there yet.
    pub(super) fn as_of(&self, as_of: Stamp) -> Option<Self> {
        if self.committed <= as_of {
            return Some(Self { earlier: Vec::new(), ..self.clone() });
        }
        let (committed, values) = self.earlier.iter().rev().find(|(at, _)| *at <= as_of)?;
        Some(Self { values: values.clone(), committed: *committed, earlier: Vec::new() })
    }
}

/// The rows of one table.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// In order of insertion.
    pub(super) rows: Vec<Row>,
    by_id: HashMap<String, usize>,
    indexes: Vec<(usize, HashMap<String, Vec<usize>>)>,
    /// `sys_updated_on` with positions: pollers ask for the tail of it all day.
    by_updated: BTreeSet<(String, usize)>,
}

impl Table {
    fn new(schema: &TableSchema) -> Self {
        let indexes =
            INDEXED.iter().filter_map(|n| schema.index(n)).map(|column| (column, HashMap::new())).collect();
        Self { indexes, ..Self::default() }
    }

    /// A table of computed rows.
    pub(super) fn of(schema: &TableSchema, rows: Vec<Row>) -> Self {
        let mut table = Self::new(schema);
        rows.into_iter().for_each(|row| table.push(row));
        table
    }

    /// The position of a record.
    pub(super) fn position(&self, sys_id: &str) -> Option<usize> {
        if sys_id.bytes().any(|b| b.is_ascii_uppercase()) {
            return self.by_id.get(&sys_id.to_lowercase()).copied();
        }
        self.by_id.get(sys_id).copied()
    }

    /// The record with that `sys_id`.
    pub(super) fn row(&self, sys_id: &str) -> Option<&Row> {
        self.position(sys_id).and_then(|p| self.rows.get(p))
    }

    /// Positions of the rows whose indexed column holds one of the values in any case, in order;
    /// none if the column has no index.
    pub(super) fn lookup<'a>(
        &self,
        column: usize,
        values: impl Iterator<Item = &'a str>,
    ) -> Option<Vec<usize>> {
        let mut out: Vec<usize> = if column == SYS_ID {
            values.filter_map(|v| self.position(v)).collect()
        } else {
            let (_, index) = self.indexes.iter().find(|(c, _)| *c == column)?;
            values.filter_map(|v| index.get(&v.to_lowercase())).flatten().copied().collect()
        };
        out.sort_unstable();
        out.dedup();
        Some(out)
    }

    /// Positions of the rows updated at that second or later, in order.
    pub(super) fn since(&self, updated: &str) -> Vec<usize> {
        let from = (updated.to_owned(), 0);
        let mut out: Vec<usize> = self.by_updated.range(from..).map(|(_, position)| *position).collect();
        out.sort_unstable();
        out
    }

    fn push(&mut self, row: Row) {
        let position = self.rows.len();
        self.by_updated.insert((row.at(UPDATED_ON).to_owned(), position));
        self.by_id.insert(row.id().to_lowercase(), position);
        for (column, index) in &mut self.indexes {
            index.entry(row.at(*column).to_lowercase()).or_default().push(position);
        }
        self.rows.push(row);
    }

    fn replace(&mut self, position: usize, row: Row) {
        let Some(old) = self.rows.get_mut(position) else { return };
        for (column, index) in &mut self.indexes {
            if old.at(*column) != row.at(*column) {
                if let Some(list) = index.get_mut(&old.at(*column).to_lowercase()) {
                    list.retain(|p| *p != position);
                }
                index.entry(row.at(*column).to_lowercase()).or_default().push(position);
            }
        }
        if old.at(UPDATED_ON) != row.at(UPDATED_ON) {
            self.by_updated.remove(&(old.at(UPDATED_ON).to_owned(), position));
            self.by_updated.insert((row.at(UPDATED_ON).to_owned(), position));
        }
        *old = row;
    }

    fn remove(&mut self, sys_id: &str) -> Option<Row> {
        let row = self.rows.remove(self.position(sys_id)?);
        let rows = std::mem::take(&mut self.rows);
        self.by_id.clear();
        self.by_updated.clear();
        for (_, index) in &mut self.indexes {
            index.clear();
        }
        for kept in rows {
            self.push(kept);
        }
        Some(row)
    }
}

/// All tables with their rows.
pub(super) struct Store {
    /// The columns.
    pub(super) schema: Schema,
    tables: BTreeMap<&'static str, Table>,
    numbers: BTreeMap<&'static str, u64>,
    rng: fastrand::Rng,
}

impl Store {
    /// Empty tables; `seed` decides every `sys_id` to come.
    pub(super) fn new(seed: u64) -> Self {
        let schema = Schema::stock();
        let tables = schema.tables().map(|t| (t.name, Table::new(t))).collect();
        Self { schema, tables, numbers: BTreeMap::new(), rng: fastrand::Rng::with_seed(seed) }
    }

    /// The table of that name with its columns.
    pub(super) fn table(&self, name: &str) -> Option<(&TableSchema, &Table)> {
        Some((self.schema.table(name)?, self.tables.get(name)?))
    }

    /// The record in that table or in one that extends it.
    pub(super) fn find(&self, table: &str, sys_id: &str) -> Option<(&TableSchema, &Row)> {
        if let Some((schema, rows)) = self.table(table)
            && let Some(row) = rows.row(sys_id)
        {
            return Some((schema, row));
        }
        let children = self.schema.family(table);
        children.into_iter().filter(|t| *t != table).find_map(|t| {
            let (schema, rows) = self.table(t)?;
            rows.row(sys_id).map(|row| (schema, row))
        })
    }

    /// What a reference to that record shows, empty if it is not there.
    pub(super) fn display(&self, table: &str, sys_id: &str) -> String {
        let Some((schema, row)) = (!sys_id.is_empty()).then(|| self.find(table, sys_id)).flatten() else {
            return String::new();
        };
        match schema.columns.get(schema.display).map(|c| c.kind) {
            Some(Kind::Reference(target)) => self.display(target, row.at(schema.display)),
            _ => row.at(schema.display).to_owned(),
        }
    }

    /// The first record of `table` that a reference shows under `name`.
    pub(super) fn by_display(&self, table: &str, name: &str) -> Option<&Row> {
        self.schema.family(table).into_iter().find_map(|t| {
            let (schema, rows) = self.table(t)?;
            rows.rows.iter().find(|r| r.at(schema.display).eq_ignore_ascii_case(name))
        })
    }

    /// The user record of that `user_name`, compared without case.
    pub(super) fn user(&self, user_name: &str) -> Option<(&TableSchema, &Row)> {
        let (schema, users) = self.table("sys_user")?;
        let name = user_name.to_lowercase();
        let at = users.lookup(schema.index("user_name")?, std::iter::once(name.as_str()))?;
        users.rows.get(*at.first()?).map(|row| (schema, row))
    }

    /// A fresh `sys_id`.
    pub(super) fn fresh_id(&mut self) -> String {
        format!("{:016x}{:016x}", self.rng.u64(..), self.rng.u64(..))
    }

    /// A number in `0..=most`.
    pub(super) fn draw(&mut self, most: u64) -> u64 {
        self.rng.u64(0..=most)
    }

    /// The next number of a generator, for example `INC0010001`.
    pub(super) fn next_number(&mut self, prefix: &'static str) -> String {
        let next = self.numbers.entry(prefix).or_insert(10_000);
        *next += 1;
        format!("{prefix}{next:07}")
    }

    /// Adds a record; the caller made sure that its `sys_id` is new.
    pub(super) fn add(&mut self, table: &str, row: Row) {
        if let Some(rows) = self.tables.get_mut(table) {
            rows.push(row);
        }
    }

    /// Replaces a record by its next version, keeping the last one if `keep` says so.
    pub(super) fn swap(&mut self, table: &str, mut row: Row, keep: bool) {
        let Some(rows) = self.tables.get_mut(table) else { return };
        let Some(position) = rows.position(row.id()) else { return };
        if keep && let Some(old) = rows.rows.get_mut(position) {
            let mut earlier = std::mem::take(&mut old.earlier);
            earlier.push((old.committed, old.values.clone()));
            if earlier.len() > 32 {
                earlier.remove(0);
            }
            row.earlier = earlier;
        }
        rows.replace(position, row);
    }

    /// Removes a record.
    pub(super) fn remove(&mut self, table: &str, sys_id: &str) -> Option<Row> {
        self.tables.get_mut(table)?.remove(sys_id)
    }

    /// A row with its system columns, and the named values that the table knows.
    pub(super) fn blank(
        &self,
        table: &str,
        sys_id: String,
        fields: &[(&str, &str)],
        by: &str,
        stamp: Stamp,
    ) -> Row {
        let mut row = Row { values: Vec::new(), committed: stamp, earlier: Vec::new() };
        let text = stamp.servicenow();
        row.put(SYS_ID, sys_id);
        row.put(CREATED_ON, text.clone());
        row.put(CREATED_BY, by.to_owned());
        row.put(UPDATED_ON, text);
        row.put(UPDATED_BY, by.to_owned());
        row.put(MOD_COUNT, "0".into());
        if let Some(schema) = self.schema.table(table) {
            for (name, value) in fields {
                if let Some(index) = schema.index(name) {
                    row.put(index, (*value).to_owned());
                }
            }
        }
        row
    }
}
