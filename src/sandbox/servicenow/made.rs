//! Tables that are computed when asked for: `sys_audit` from the history, `sys_dictionary` from
//! the columns.

use super::DeskWorld;
use super::history::RecordChange;
use super::schema::Kind;
use super::store::{Row, Table};
use crate::text::Stamp;

impl DeskWorld {
    /// The rows of a computed table, none for a stored one.
    pub(super) fn made(&self, table: &str) -> Option<Table> {
        let rows = match table {
            "sys_audit" => self.audit(),
            "sys_dictionary" => self.dictionary(),
            _ => return None,
        };
        let schema = self.store.schema.table(table)?;
        Some(Table::of(schema, rows))
    }

    fn audit(&self) -> Vec<Row> {
        let line = |(at, change): (usize, &RecordChange)| {
            let count = change.mod_count.to_string();
            let fields = [
                ("tablename", change.table.as_str()),
                ("documentkey", &change.sys_id),
                ("fieldname", &change.field),
                ("oldvalue", &change.before),
                ("newvalue", &change.after),
                ("user", &change.user_name),
                ("record_checkpoint", &count),
            ];
            let id = format!("a0d17{at:027x}");
            self.store.blank("sys_audit", id, &fields, &change.user_name, change.at)
        };
        self.history.iter().enumerate().filter(|(_, c)| !c.field.is_empty()).map(line).collect()
    }

    fn dictionary(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for table in self.store.schema.tables().filter(|t| self.installed(t.name).is_some()) {
            for column in table.columns.iter().filter(|c| c.declared) {
                let length = match column.kind {
                    Kind::Text(most) => most.to_string(),
                    _ => "40".to_owned(),
                };
                let target = match column.kind {
                    Kind::Reference(target) | Kind::List(target) => target,
                    _ => "",
                };
                let fields = [
                    ("name", table.name),
                    ("element", column.name.as_str()),
                    ("column_label", &column.label),
                    ("internal_type", column.kind.internal_type()),
                    ("max_length", &length),
                    ("reference", target),
                    ("mandatory", "false"),
                    ("read_only", "false"),
                    ("active", "true"),
                ];
                let id = format!("d1c7{:028x}", rows.len());
                rows.push(self.store.blank("sys_dictionary", id, &fields, "system", Stamp(0)));
            }
        }
        rows
    }
}
