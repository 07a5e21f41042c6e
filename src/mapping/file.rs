//! The tables as a file that people keep under version control, and as the text the store keeps.

use std::fmt;

use super::rows::{TableKind, TableSet};
use crate::text::{escape_line, is_hostile};

/// The tables that every new store begins with.
const DEFAULTS: &str = include_str!("../../assets/mapping/default.toml");

/// Why a text is not a set of tables; safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFault {
    /// Line of the text, from one, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for TableFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for TableFault {}

impl TableSet {
    /// Reads tables from TOML. A table or column that does not exist is an error, because a
    /// misspelt one would silently map nothing.
    pub fn from_toml(text: &str) -> Result<Self, TableFault> {
        toml::from_str(text).map_err(|e| TableFault {
            line: e.span().map(|span| {
                let before = text.as_bytes().get(..span.start).unwrap_or_default();
                before.iter().filter(|b| **b == b'\n').count() + 1
            }),
            message: escape_line(e.message().trim()),
        })
    }

    /// Reads tables from the JSON that [`TableSet::to_json`] gives.
    pub fn from_json(text: &str) -> Result<Self, TableFault> {
        serde_json::from_str(text).map_err(|e| TableFault {
            line: Some(e.line()).filter(|l| *l > 0),
            message: escape_line(&e.to_string()),
        })
    }

    /// The tables as one line of JSON, the form that the store keeps.
    pub fn to_json(&self) -> Result<String, TableFault> {
        serde_json::to_string(self)
            .map_err(|e| TableFault { line: None, message: escape_line(&e.to_string()) })
    }

    /// The tables as TOML with a comment above each, one row per line in the order of the rows,
    /// so that two versions compare line by line. Reading it gives the same tables.
    pub fn to_toml(&self) -> String {
        let mut out = String::from(FILE_HEAD);
        for kind in TableKind::ALL {
            out.push('\n');
            out.push_str(table_head(kind));
            out.push_str(kind.word());
            out.push_str(" = [\n");
            for row in 0..self.len(kind) {
                out.push_str("  { ");
                out.push_str(&self.row_toml(kind, row).join(", "));
                out.push_str(" },\n");
            }
            out.push_str("]\n");
        }
        out
    }

    /// The tables that every new store begins with: for `incident` and `sn_si_incident`.
    pub fn default_tables() -> Self {
        // A test reads the built-in file, so that this cannot be empty unnoticed.
        Self::from_toml(DEFAULTS).unwrap_or_default()
    }

    /// The cells of a row as they are written: `column = value`, those at their default left out.
    pub(super) fn row_toml(&self, kind: TableKind, row: usize) -> Vec<String> {
        let columns = kind.columns();
        let at = super::rows::RowRef { table: kind, row };
        let cells = (0..columns.len()).map(|c| self.cell(at, c).unwrap_or_default());
        columns
            .iter()
            .zip(cells)
            .filter_map(|(name, text)| match *name {
                "source_is_sentinel" | "once" | "override" => {
                    (text == "true").then(|| format!("{name} = true"))
                }
                "flow" => (text != "both").then(|| format!("{name} = {}", quoted(&text))),
                "table" | "workspace" | "label" if text.is_empty() => None,
                _ => Some(format!("{name} = {}", quoted(&text))),
            })
            .collect()
    }
}

/// A TOML basic string; hostile characters are written as escapes, so that a file can be shown.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if is_hostile(c) => out.push_str(&format!("\\U{:08X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

const FILE_HEAD: &str = "\
# Tables that translate Sentinel's words into ServiceNow's and back. Among rows of one scope the
# first that fits wins; a row for one record table comes before a row for every table.
# flow = \"both\" (the default), \"to-servicenow\" or \"to-sentinel\".
";

fn table_head(kind: TableKind) -> &'static str {
    match kind {
        TableKind::Severity => {
            "\
# Severity. servicenow: the raw values of the route's severity fields, joined by / in their order,
# by default impact and urgency.
"
        }
        TableKind::Status => {
            "\
# Status. servicenow: the raw value of the state field. The same number means different things in
# different record tables: 3 is On Hold in incident and Closed in sn_si_incident.
"
        }
        TableKind::Closure => {
            "\
# Closure. servicenow: the raw close code. Every row is used toward Sentinel; toward ServiceNow
# the one row per closure and record table with source_is_sentinel = true.
"
        }
        TableKind::Owner => {
            "\
# Owner. servicenow: user name; sentinel: UPN; workspace: key of one workspace, or left out for
# every one. Whoever has the same e-mail on both sides needs no row.
"
        }
        TableKind::Field => {
            "\
# Fields. column: any other column of the record, filled from the incident. source: a template such
# as \"{{ tactics | join(', ') }}\", or a pointer such as \"/owner/email\". once = true: filled when the
# record is made, never again. A hand edit stays, and Sentinel's next change becomes a work note;
# with override = true it goes over the hand edit. Members of an incident: number, id, title,
# description, severity, status, classification, reason, owner (name, email, upn, object_id), labels,
# tactics, techniques, products, url, defender_url, provider, provider_id, alerts, created,
# first_activity, last_activity.
"
        }
    }
}
