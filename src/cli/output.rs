//! Everything that is printed: tables, plain lines, CSV and JSON.
//!
//! - **table**: aligned columns with a header; cut to the terminal's width when there is one.
//! - **plain**: one row per line, cells separated by tabs, no header: for `cut` and `awk`.
//! - **csv**: a header and quoted cells; a cell that a spreadsheet would run as a formula gets a
//!   `'` in front.
//! - **json**: the shapes of [`super::shapes`], one value, UTF-8.
//!
//! No form has colours. Foreign text is escaped in all of them, in JSON as `\uXXXX`, so that a
//! parser still reads what was written. A reader that goes away ends the command with success.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::text::{escape_line, fit, is_hostile, pad, width};

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns.
    #[default]
    Table,
    /// Tabs, no header.
    Plain,
    /// Comma-separated values.
    Csv,
    /// JSON.
    Json,
}

/// Rows under named columns; cells are raw and are escaped when printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// A sheet without rows.
    pub fn new(columns: &[&'static str]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row: one cell per column.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The sheet in a format other than JSON, `cells` wide at most.
    pub fn render(&self, format: Format, cells: Option<usize>) -> String {
        match format {
            Format::Table | Format::Json => self.table(cells),
            Format::Plain => self
                .rows
                .iter()
                .map(|r| r.iter().map(|c| escape_line(c)).collect::<Vec<_>>().join("\t") + "\n")
                .collect(),
            Format::Csv => self.csv(),
        }
    }

    fn table(&self, cells: Option<usize>) -> String {
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|r| r.iter().map(|c| escape_line(c)).collect()).collect();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|i| {
                rows.iter()
                    .filter_map(|r| r.get(i))
                    .map(|c| width(c))
                    .chain([width(self.columns[i])])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let header: Vec<String> = self.columns.iter().map(|c| c.to_uppercase()).collect();
        let mut out = String::new();
        for row in std::iter::once(&header).chain(&rows) {
            let parts: Vec<String> = row.iter().zip(&widths).map(|(c, w)| pad(c, *w)).collect();
            let line = parts.join("  ");
            let line = line.trim_end();
            out.push_str(&cells.map_or_else(|| line.to_owned(), |n| fit(line, n)));
            out.push('\n');
        }
        out
    }

    fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = self.columns.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        for row in std::iter::once(&header).chain(&self.rows) {
            // writing to memory does not fail
            drop(writer.write_record(row.iter().map(|c| csv_cell(c))));
        }
        String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
    }
}

/// A cell that no spreadsheet takes for a formula.
pub fn csv_cell(raw: &str) -> String {
    let safe = escape_line(raw);
    match raw.trim_start().chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') | Some('＝' | '＋' | '－' | '＠') => format!("'{safe}"),
        _ => safe,
    }
}

/// JSON in one or more lines, with every character that could act on a terminal as `\uXXXX`.
pub fn json_text<T: Serialize + ?Sized>(value: &T, pretty: bool) -> String {
    let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    let text = text.unwrap_or_else(|e| format!("{{\"error\":{:?}}}", e.to_string()));
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // the line breaks are the writer's own: within texts they are escaped already
        if c != '\n' && is_hostile(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Prints a sheet, or the value when JSON is wanted.
///
/// # Errors
/// When stdout cannot be written.
pub fn print<T: Serialize + ?Sized>(format: Format, sheet: &Sheet, value: &T) -> io::Result<()> {
    match format {
        Format::Json => print_json(value),
        format => print_text(&sheet.render(format, columns())),
    }
}

/// Prints a value as JSON.
///
/// # Errors
/// When stdout cannot be written.
pub fn print_json<T: Serialize + ?Sized>(value: &T) -> io::Result<()> {
    print_text(&(json_text(value, true) + "\n"))
}

/// Prints text that is safe already, as it is.
///
/// # Errors
/// When stdout cannot be written.
pub fn print_text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints one line that is safe already.
///
/// # Errors
/// When stdout cannot be written.
pub fn print_line(text: &str) -> io::Result<()> {
    print_text(&format!("{text}\n"))
}

/// Says one safe line on stderr. If even that fails there is nobody left to tell.
pub fn say(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Columns of the terminal on stdout, `None` when there is none.
fn columns() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    #[cfg(unix)]
    return rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|s| usize::from(s.ws_col))
        .filter(|n| *n > 20);
    #[cfg(not(unix))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let mut s = Sheet::new(&["number", "title"]);
        s.row(vec!["1".into(), "plain, with comma".into()]);
        s.row(vec!["22".into(), "=cmd\u{1b}[31m\u{202e}x".into()]);
        s
    }

    #[test]
    fn every_form_is_safe_and_aligned() {
        for format in [Format::Table, Format::Plain, Format::Csv] {
            let text = sheet().render(format, None);
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{format:?}: {text}");
            assert!(text.contains("plain, with comma"));
        }
        let table = sheet().render(Format::Table, Some(12));
        assert!(table.lines().all(|l| width(l) <= 12), "{table}");
        assert!(table.starts_with("NUMBER  TI"));
    }

    #[test]
    fn a_spreadsheet_runs_nothing() {
        let csv = sheet().render(Format::Csv, None);
        assert!(csv.contains("'=cmd"), "{csv}");
        assert!(csv.contains("\"plain, with comma\""));
        for raw in ["+1", "-1", "@x", " =1", "\t=1"] {
            assert!(csv_cell(raw).starts_with('\''), "{raw:?}");
        }
        assert_eq!(csv_cell("INC0010001"), "INC0010001");
    }

    #[test]
    fn json_escapes_and_still_reads_back() {
        let raw = "a\u{1b}[2J\u{9b}\u{202e}\u{e0041}é";
        let text = json_text(&raw, true);
        assert!(!text.chars().any(is_hostile), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), raw);
    }
}
