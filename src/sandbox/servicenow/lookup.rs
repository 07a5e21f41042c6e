//! Small look-ups for simulated people, who should not copy a whole table for each act.

use super::DeskWorld;
use super::schema::SYS_ID;

impl DeskWorld {
    /// `sys_id`s of a table's records that carry a `correlation_id`, oldest first.
    pub fn linked(&self, table: &str) -> Vec<String> {
        let Some((schema, rows)) = self.store.table(table) else { return Vec::new() };
        let Some(correlation) = schema.index("correlation_id") else { return Vec::new() };
        let linked = rows.rows.iter().filter(|row| !row.at(correlation).is_empty());
        linked.map(|row| row.at(SYS_ID).to_owned()).collect()
    }

    /// Stored value and label of each choice of a column, in sequence; empty if it has no list.
    pub fn choice_list(&self, table: &str, element: &str) -> Vec<(String, String)> {
        self.choices.of(&self.store.schema, table, element).cloned().unwrap_or_default()
    }
}
