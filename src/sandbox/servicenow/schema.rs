//! Tables and columns: what exists, what kind it is, who inherits from whom.
//!
//! A row stores its values densely in column order; column positions never move while a world
//! lives, so a compiled query can address them directly.

mod columns;

use std::collections::{BTreeMap, HashMap};

use super::switches::Switches;

/// Position of `sys_id` in every table; the other standing positions follow it.
pub(super) const SYS_ID: usize = 0;
pub(super) const CREATED_ON: usize = 1;
pub(super) const CREATED_BY: usize = 2;
pub(super) const UPDATED_ON: usize = 3;
pub(super) const UPDATED_BY: usize = 4;
pub(super) const MOD_COUNT: usize = 5;

/// What a column holds, which decides comparing, showing and cleaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text with its longest length in characters; longer input is cut.
    Text(usize),
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Text restricted to a choice list.
    Choice,
    /// A number restricted to a choice list.
    IntChoice,
    /// The `sys_id` of a row of that table or of one that extends it.
    Reference(&'static str),
    /// Comma-separated `sys_id`s or addresses.
    List(&'static str),
    /// UTC, whole seconds.
    DateTime,
    /// Seconds written as an offset from 1970.
    Duration,
    /// Append-only entries in `sys_journal_field`.
    Journal,
    /// A table name shown as its label.
    Class,
    /// The domain, a reference shown as `global`.
    Domain,
    /// Never shown.
    Password,
}

impl Kind {
    /// True where queries compare numbers.
    pub(super) fn is_integer(self) -> bool {
        matches!(self, Self::Integer | Self::IntChoice)
    }

    /// True where values come from a choice list.
    pub(super) fn is_choice(self) -> bool {
        matches!(self, Self::Choice | Self::IntChoice)
    }

    /// The `internal_type` that `sys_dictionary` shows.
    pub(super) fn internal_type(self) -> &'static str {
        match self {
            Self::Text(_) | Self::Choice => "string",
            Self::Integer | Self::IntChoice => "integer",
            Self::Boolean => "boolean",
            Self::Reference(_) => "reference",
            Self::List(_) => "glide_list",
            Self::DateTime => "glide_date_time",
            Self::Duration => "glide_duration",
            Self::Journal => "journal_input",
            Self::Class => "sys_class_name",
            Self::Domain => "domain_id",
            Self::Password => "password",
        }
    }
}

/// One column as the tables below declare it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnSpec {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: Kind,
}

/// One table as the tables below declare it.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableSpec {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) parent: Option<&'static str>,
    /// The column whose value a reference shows.
    pub(super) display: &'static str,
    /// Prefix of the number generator, empty for none.
    pub(super) prefix: &'static str,
    pub(super) columns: &'static [ColumnSpec],
}

/// One column of a living table.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) kind: Kind,
    /// False for a custom column that was declared once and is not any more.
    pub(super) declared: bool,
}

/// One living table.
#[derive(Clone, Debug)]
pub(super) struct TableSchema {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) parent: Option<&'static str>,
    pub(super) prefix: &'static str,
    pub(super) display: usize,
    pub(super) columns: Vec<Column>,
    by_name: HashMap<String, usize>,
}

impl TableSchema {
    /// The position of a column, none if it does not exist now.
    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied().filter(|i| self.columns[*i].declared)
    }

    /// The kind of a column, if it exists.
    pub(super) fn kind(&self, name: &str) -> Option<Kind> {
        self.index(name).map(|i| self.columns[i].kind)
    }

    fn push(&mut self, name: &str, label: &str, kind: Kind) {
        match self.by_name.get(name) {
            Some(at) => {
                let column = &mut self.columns[*at];
                column.kind = kind;
                column.label = label.to_owned();
                column.declared = true;
            }
            None => {
                self.by_name.insert(name.to_owned(), self.columns.len());
                self.columns.push(Column { name: name.into(), label: label.into(), kind, declared: true });
            }
        }
    }
}

/// All tables.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    tables: BTreeMap<&'static str, TableSchema>,
}

impl Schema {
    /// The stock tables without custom columns.
    pub(super) fn stock() -> Self {
        let mut tables = BTreeMap::new();
        for spec in columns::TABLES {
            let mut table = TableSchema {
                name: spec.name,
                label: spec.label,
                parent: spec.parent,
                prefix: spec.prefix,
                display: 0,
                columns: Vec::new(),
                by_name: HashMap::new(),
            };
            let inherited = lineage(spec.name);
            for column in columns::COMMON.iter().chain(inherited.iter().rev().flat_map(|t| t.columns.iter()))
            {
                table.push(column.name, column.label, column.kind);
            }
            table.display = table.index(spec.display).unwrap_or(SYS_ID);
            tables.insert(spec.name, table);
        }
        Self { tables }
    }

    /// The table of that name, whether or not its plugin is on.
    pub(super) fn table(&self, name: &str) -> Option<&TableSchema> {
        self.tables.get(name)
    }

    /// All tables by name.
    pub(super) fn tables(&self) -> impl Iterator<Item = &TableSchema> {
        self.tables.values()
    }

    /// The table itself and every table that extends it, by name.
    pub(super) fn family(&self, name: &str) -> Vec<&'static str> {
        self.tables.keys().copied().filter(|t| self.extends(t, name)).collect()
    }

    /// True if `table` is `ancestor` or extends it.
    pub(super) fn extends(&self, table: &str, ancestor: &str) -> bool {
        let mut at = Some(table);
        while let Some(name) = at {
            if name == ancestor {
                return true;
            }
            at = self.tables.get(name).and_then(|t| t.parent);
        }
        false
    }

    /// Declares the custom columns of the switches, and no others. A declaration reads
    /// `table.u_name` or `table.u_name:kind` with kind `string`, `integer`, `boolean`,
    /// `datetime`, `journal` or the name of a table it refers to.
    pub(super) fn declare_custom(&mut self, switches: &Switches) -> Result<(), String> {
        let mut wanted = Vec::new();
        for text in &switches.custom_fields {
            wanted.push(self.custom(text)?);
        }
        for table in self.tables.values_mut() {
            for column in table.columns.iter_mut().filter(|c| c.name.starts_with("u_")) {
                column.declared = false;
            }
        }
        for (table, name, kind) in wanted {
            for child in self.family(&table) {
                if let Some(schema) = self.tables.get_mut(child) {
                    schema.push(&name, name.trim_start_matches("u_"), kind);
                }
            }
        }
        Ok(())
    }

    fn custom(&self, text: &str) -> Result<(String, String, Kind), String> {
        let (place, kind) = text.split_once(':').unwrap_or((text, "string"));
        let (table, name) =
            place.split_once('.').ok_or_else(|| format!("'{text}' does not read table.u_name"))?;
        if !self.tables.contains_key(table) || !name.starts_with("u_") {
            return Err(format!("'{text}' does not name a known table and a u_ column"));
        }
        let kind = match kind {
            "string" => Kind::Text(4000),
            "integer" => Kind::Integer,
            "boolean" => Kind::Boolean,
            "datetime" => Kind::DateTime,
            "journal" => Kind::Journal,
            other => Kind::Reference(
                self.tables.get(other).ok_or_else(|| format!("'{other}' is no kind of column"))?.name,
            ),
        };
        Ok((table.to_owned(), name.to_owned(), kind))
    }
}

/// The table's own specification and its ancestors', nearest first.
fn lineage(name: &'static str) -> Vec<&'static TableSpec> {
    let mut out = Vec::new();
    let mut at = Some(name);
    while let Some(spec) = at.and_then(|n| columns::TABLES.iter().find(|t| t.name == n)) {
        out.push(spec);
        at = spec.parent;
    }
    out
}
