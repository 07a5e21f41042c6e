//! The tables as a grid of text cells, for editing in place.

use super::rows::{
    ClosureRow, FieldRow, Flow, OwnerRow, RowRef, SeverityRow, StatusRow, TableKind, TableSet, cell,
};

impl TableKind {
    /// The names of the columns, as they are written in files.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Severity => &["table", "sentinel", "servicenow", "flow"],
            Self::Status => &["table", "sentinel", "servicenow", "label", "flow"],
            Self::Closure => &["table", "sentinel", "servicenow", "label", "source_is_sentinel"],
            Self::Owner => &["servicenow", "sentinel", "workspace"],
            Self::Field => &["table", "source", "column", "once", "override"],
        }
    }
}

impl TableSet {
    /// The text of a cell as stored, raw; `None` when there is no such row or column. A flow
    /// reads as its word, a mark as `true` or `false`.
    pub fn cell(&self, row: RowRef, column: usize) -> Option<String> {
        let index = row.row;
        let cells: Vec<String> = match row.table {
            TableKind::Severity => {
                let r = self.severity.get(index)?;
                vec![r.table.clone(), r.sentinel.clone(), r.servicenow.clone(), r.flow.word().to_owned()]
            }
            TableKind::Status => {
                let r = self.status.get(index)?;
                let flow = r.flow.word().to_owned();
                vec![r.table.clone(), r.sentinel.clone(), r.servicenow.clone(), r.label.clone(), flow]
            }
            TableKind::Closure => {
                let r = self.closure.get(index)?;
                let mark = r.source_is_sentinel.to_string();
                vec![r.table.clone(), r.sentinel.clone(), r.servicenow.clone(), r.label.clone(), mark]
            }
            TableKind::Owner => {
                let r = self.owner.get(index)?;
                vec![r.servicenow.clone(), r.sentinel.clone(), r.workspace.clone()]
            }
            TableKind::Field => {
                let r = self.field.get(index)?;
                let marks = [r.once, r.overrides].map(|m| m.to_string());
                [&r.table, &r.source, &r.column].into_iter().cloned().chain(marks).collect()
            }
        };
        cells.into_iter().nth(column)
    }

    /// Sets the text of a cell, trimmed. Gives the reason when there is no such cell, or when a
    /// flow or mark is not one of its words; what else is wrong is the linter's business.
    pub fn set_cell(&mut self, row: RowRef, column: usize, text: &str) -> Result<(), String> {
        let missing = format!("there is no {row} or no such column in it");
        let text = text.trim();
        let target = match row.table {
            TableKind::Severity => self.severity.get_mut(row.row).and_then(|r| match column {
                0 => Some(Slot::Text(&mut r.table)),
                1 => Some(Slot::Text(&mut r.sentinel)),
                2 => Some(Slot::Text(&mut r.servicenow)),
                3 => Some(Slot::Flow(&mut r.flow)),
                _ => None,
            }),
            TableKind::Status => self.status.get_mut(row.row).and_then(|r| match column {
                0 => Some(Slot::Text(&mut r.table)),
                1 => Some(Slot::Text(&mut r.sentinel)),
                2 => Some(Slot::Text(&mut r.servicenow)),
                3 => Some(Slot::Text(&mut r.label)),
                4 => Some(Slot::Flow(&mut r.flow)),
                _ => None,
            }),
            TableKind::Closure => self.closure.get_mut(row.row).and_then(|r| match column {
                0 => Some(Slot::Text(&mut r.table)),
                1 => Some(Slot::Text(&mut r.sentinel)),
                2 => Some(Slot::Text(&mut r.servicenow)),
                3 => Some(Slot::Text(&mut r.label)),
                4 => Some(Slot::Mark(&mut r.source_is_sentinel)),
                _ => None,
            }),
            TableKind::Owner => self.owner.get_mut(row.row).and_then(|r| match column {
                0 => Some(Slot::Text(&mut r.servicenow)),
                1 => Some(Slot::Text(&mut r.sentinel)),
                2 => Some(Slot::Text(&mut r.workspace)),
                _ => None,
            }),
            TableKind::Field => self.field.get_mut(row.row).and_then(|r| match column {
                0 => Some(Slot::Text(&mut r.table)),
                1 => Some(Slot::Text(&mut r.source)),
                2 => Some(Slot::Text(&mut r.column)),
                3 => Some(Slot::Mark(&mut r.once)),
                4 => Some(Slot::Mark(&mut r.overrides)),
                _ => None,
            }),
        };
        target.ok_or(missing)?.set(text)
    }

    /// Puts an empty row before the one at this index, or at the end; gives where it went.
    pub fn insert_row(&mut self, kind: TableKind, index: usize) -> RowRef {
        let row = index.min(self.len(kind));
        match kind {
            TableKind::Severity => self.severity.insert(row, SeverityRow::default()),
            TableKind::Status => self.status.insert(row, StatusRow::default()),
            TableKind::Closure => self.closure.insert(row, ClosureRow::default()),
            TableKind::Owner => self.owner.insert(row, OwnerRow::default()),
            TableKind::Field => self.field.insert(row, FieldRow::default()),
        }
        RowRef { table: kind, row }
    }

    /// Takes a row out; false when there is no such row.
    pub fn remove_row(&mut self, row: RowRef) -> bool {
        if row.row >= self.len(row.table) {
            return false;
        }
        match row.table {
            TableKind::Severity => drop(self.severity.remove(row.row)),
            TableKind::Status => drop(self.status.remove(row.row)),
            TableKind::Closure => drop(self.closure.remove(row.row)),
            TableKind::Owner => drop(self.owner.remove(row.row)),
            TableKind::Field => drop(self.field.remove(row.row)),
        }
        true
    }

    /// Swaps two rows of a table, because the first that fits wins; false when one is missing.
    pub fn swap_rows(&mut self, kind: TableKind, a: usize, b: usize) -> bool {
        if a.max(b) >= self.len(kind) {
            return false;
        }
        match kind {
            TableKind::Severity => self.severity.swap(a, b),
            TableKind::Status => self.status.swap(a, b),
            TableKind::Closure => self.closure.swap(a, b),
            TableKind::Owner => self.owner.swap(a, b),
            TableKind::Field => self.field.swap(a, b),
        }
        true
    }
}

/// A cell that can be set.
enum Slot<'a> {
    Text(&'a mut String),
    Flow(&'a mut Flow),
    Mark(&'a mut bool),
}

impl Slot<'_> {
    fn set(self, text: &str) -> Result<(), String> {
        match self {
            Self::Text(slot) => text.clone_into(slot),
            Self::Flow(slot) => {
                *slot = Flow::from_word(text).ok_or_else(|| {
                    format!("a flow is both, to-servicenow or to-sentinel, not {}", cell(text))
                })?;
            }
            Self::Mark(slot) => {
                *slot = match text {
                    "true" | "yes" | "x" => true,
                    "false" | "no" | "" => false,
                    other => return Err(format!("a mark is true or false, not {}", cell(other))),
                };
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_reads_back_what_was_set() {
        let mut set = TableSet::default();
        for kind in TableKind::ALL {
            let row = set.insert_row(kind, 7);
            assert_eq!(row.row, 0);
            for (column, name) in kind.columns().iter().enumerate() {
                let text = match *name {
                    "flow" => "to-sentinel",
                    "source_is_sentinel" | "once" | "override" => "true",
                    other => other,
                };
                set.set_cell(row, column, &format!(" {text} ")).unwrap();
                assert_eq!(set.cell(row, column).as_deref(), Some(text));
            }
            assert!(set.set_cell(row, kind.columns().len(), "x").is_err());
            assert_eq!(set.cell(RowRef { row: 1, ..row }, 0), None);
        }
        let flow = RowRef { table: TableKind::Severity, row: 0 };
        assert!(set.set_cell(flow, 3, "sideways").unwrap_err().contains("sideways"));
        assert!(set.remove_row(flow) && !set.remove_row(flow));
        assert!(!set.swap_rows(TableKind::Status, 0, 1));
    }
}
