//! What is wrong with tables, and what exactly that leads to.

mod custom;
mod instance;
mod owner;
mod rows;
mod trip;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::pairs::{PairRow, pair_rows};
use super::rows::{RowRef, TableKind, TableSet, split_severity};
use super::tables::Tables;
use crate::model::{Choice, RecordShape, TableName, User};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LintLevel {
    /// Something will be held, refused or done wrongly.
    Error,
    /// Worth a look; nothing is lost by it.
    Warning,
}

impl LintLevel {
    /// The word as it is shown: `error`, `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One finding. Every text is safe to print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lint {
    /// The table.
    pub table: TableKind,
    /// Index of the row, from zero; `None` when it is about the whole table.
    pub row: Option<usize>,
    /// How bad.
    pub level: LintLevel,
    /// A stable short name, for example `missing-row`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What exactly that leads to.
    pub consequence: String,
}

/// What the tables are checked against. Whatever is empty is not known and not checked.
#[derive(Clone, Debug)]
pub struct LintContext {
    /// Record tables in use; when empty, those that the rows name.
    pub tables: Vec<TableName>,
    /// Live choices by record table and field.
    pub choices: BTreeMap<(TableName, String), Vec<Choice>>,
    /// Fields that express severity, in the order of the values in a row.
    pub severity_fields: Vec<String>,
    /// State field, `state`.
    pub status_field: String,
    /// Close code field, `close_code`.
    pub closure_field: String,
    /// Columns of each record table that mean something else already, so that no custom field may fill them.
    pub own_columns: BTreeMap<TableName, BTreeSet<String>>,
    /// Users of the instance.
    pub users: Vec<User>,
}

impl Default for LintContext {
    fn default() -> Self {
        Self {
            tables: Vec::new(),
            choices: BTreeMap::new(),
            severity_fields: vec!["impact".into(), "urgency".into()],
            status_field: "state".into(),
            closure_field: "close_code".into(),
            own_columns: BTreeMap::new(),
            users: Vec::new(),
        }
    }
}

impl LintContext {
    /// A context for one record table whose fields are called so; choices and users are not
    /// known yet.
    pub fn for_table(table: TableName, shape: &RecordShape) -> Self {
        Self {
            own_columns: BTreeMap::from([(table.clone(), shape.own_columns())]),
            tables: vec![table],
            severity_fields: shape.severity.clone(),
            status_field: shape.status.clone(),
            closure_field: shape.close_code.clone(),
            ..Self::default()
        }
    }
}

/// The three tables that pair a word with a value.
const PAIRED: [TableKind; 3] = [TableKind::Severity, TableKind::Status, TableKind::Closure];

/// Everything that is wrong with the tables, by table and row; findings about a whole table
/// come first.
pub fn lint(set: &TableSet, ctx: &LintContext) -> Vec<Lint> {
    let mut check = Check::new(set, ctx);
    rows::check(&mut check);
    trip::check(&mut check);
    instance::check(&mut check);
    owner::check(&mut check);
    custom::check(&mut check);
    check.finish()
}

/// What every check reads, and the findings so far.
struct Check<'a> {
    set: &'a TableSet,
    ctx: &'a LintContext,
    tables: Tables,
    /// Record tables that are checked.
    scope: Vec<TableName>,
    /// Rows of the three paired tables.
    pairs: BTreeMap<TableKind, Vec<PairRow>>,
    found: Vec<Lint>,
}

impl<'a> Check<'a> {
    fn new(set: &'a TableSet, ctx: &'a LintContext) -> Self {
        let pairs: BTreeMap<_, _> = PAIRED.into_iter().map(|k| (k, pair_rows(set, k))).collect();
        let scope = if ctx.tables.is_empty() {
            let named: BTreeSet<TableName> =
                pairs.values().flatten().filter_map(|p| TableName::new(&p.table).ok()).collect();
            named.into_iter().collect()
        } else {
            ctx.tables.clone()
        };
        // Tables without any name in them still have to map every word for some record table.
        let scope = if scope.is_empty() { TableName::new("incident").into_iter().collect() } else { scope };
        Self { set, ctx, tables: Tables::compile(set), scope, pairs, found: Vec::new() }
    }

    fn rows(&self, kind: TableKind) -> Vec<PairRow> {
        self.pairs.get(&kind).cloned().unwrap_or_default()
    }

    /// Fields of the record that a table is about.
    fn fields(&self, kind: TableKind) -> Vec<String> {
        match kind {
            TableKind::Severity => self.ctx.severity_fields.clone(),
            TableKind::Status => vec![self.ctx.status_field.clone()],
            TableKind::Closure => vec![self.ctx.closure_field.clone()],
            TableKind::Owner | TableKind::Field => Vec::new(),
        }
    }

    fn row(
        &mut self,
        row: RowRef,
        level: LintLevel,
        code: &'static str,
        message: String,
        consequence: String,
    ) {
        self.found.push(Lint { table: row.table, row: Some(row.row), level, code, message, consequence });
    }

    fn whole(
        &mut self,
        table: TableKind,
        level: LintLevel,
        code: &'static str,
        message: String,
        consequence: String,
    ) {
        self.found.push(Lint { table, row: None, level, code, message, consequence });
    }

    fn finish(self) -> Vec<Lint> {
        let mut found = self.found;
        found.sort_by(|a, b| {
            (a.table, a.row, a.level, a.code, &a.message).cmp(&(b.table, b.row, b.level, b.code, &b.message))
        });
        found.dedup();
        found
    }
}

/// The raw values in a compared form, one per field.
fn parts(kind: TableKind, value: &str) -> Vec<&str> {
    if kind == TableKind::Severity { split_severity(value) } else { vec![value] }
}

/// The first few of many, as one phrase: `1/2, 1/3 and 4 more`.
fn list(items: &[String]) -> String {
    const SHOWN: usize = 9;
    let head = items.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(SHOWN) {
        0 => head,
        more => format!("{head} and {more} more"),
    }
}
