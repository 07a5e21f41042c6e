//! Inserting, updating and deleting: cleaning of input, rules, stamps, history, journal rows.
//!
//! The API and the people in the browser come through here alike; what only concerns the API
//! (rights to a table, hidden rows) is decided before.

mod clean;

use std::time::Duration;

use super::DeskWorld;
use super::auth::{Caller, Proof};
use super::history::{Actor, RecordChange};
use super::rules::{self, Change, Ground};
use super::schema::{CREATED_BY, CREATED_ON, MOD_COUNT, SYS_ID, UPDATED_BY, UPDATED_ON};
use super::store::Row;
use super::switches::{ClientId, DuplicateShape};
use crate::text::Stamp;

/// Who writes, when, and in what manner.
pub(super) struct Writer<'a> {
    pub(super) caller: &'a Caller,
    pub(super) now: Stamp,
    /// Values are display values.
    pub(super) input_display: bool,
    /// The body may set the system columns.
    pub(super) suppress_auto_sys: bool,
}

impl<'a> Writer<'a> {
    /// A plain write at `now`.
    pub(super) fn plain(caller: &'a Caller, now: Stamp) -> Self {
        Self { caller, now, input_display: false, suppress_auto_sys: false }
    }

    fn actor(&self) -> Actor {
        match (self.caller.proof, self.caller.user_name.as_str()) {
            (Proof::Inside, "system") => Actor::System,
            (Proof::Inside, _) => Actor::Person,
            _ => Actor::Api,
        }
    }
}

/// Why a write did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The rights do not reach: `Insert`, `Update` or `Delete`.
    Rights(&'static str),
    /// No such record.
    Missing,
    /// A data policy misses those labels.
    Mandatory(Vec<String>),
    /// A business rule aborted.
    Rule { name: String, id: String },
    /// The `sys_id` exists; `status` is how that is said.
    Duplicate { status: u16, sys_id: String },
}

impl Refusal {
    /// One line for a person.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Rights(operation) => format!("{operation} is not allowed"),
            Self::Missing => "no such record".into(),
            Self::Mandatory(labels) => format!("mandatory: {}", labels.join(", ")),
            Self::Rule { name, .. } => format!("aborted by '{name}'"),
            Self::Duplicate { sys_id, .. } => format!("{sys_id} exists already"),
        }
    }
}

impl DeskWorld {
    /// Inserts a record and gives its `sys_id`.
    pub(super) fn insert(
        &mut self,
        table: &'static str,
        fields: &[(String, String)],
        writer: &Writer<'_>,
    ) -> Result<String, Refusal> {
        let sys_id = self.new_id(table, fields)?;
        let stamp = self.stamp(writer);
        let user = writer.caller.user_name.clone();
        let row = self.store.blank(table, sys_id.clone(), &[], &user, stamp);
        let cleaned = self.cleaned(table, None, fields, writer);
        let prefix = self.store.schema.table(table).map_or("", |t| t.prefix);
        let number = if prefix.is_empty() { String::new() } else { self.store.next_number(prefix) };
        let schema = self.store.schema.table(table).ok_or(Refusal::Missing)?;
        let mut change = Change {
            schema,
            before: None,
            row,
            sent: cleaned.sent,
            journals: &cleaned.journals,
            caller: writer.caller,
            stamp: stamp.servicenow(),
        };
        for (index, value) in cleaned.values {
            change.row.put(index, value);
        }
        change.default("number", &number);
        rules::before(&mut change, &Ground { switches: &self.switches, store: &self.store })?;
        let mut row = change.row;
        row.committed = writer.now;
        self.note_insert(table, &row, writer);
        self.store.add(table, row);
        self.append(table, &sys_id, &cleaned.journals, writer, stamp);
        self.after(table, &sys_id, None, writer.now);
        Ok(sys_id)
    }

    /// Updates a record of exactly that table.
    pub(super) fn update(
        &mut self,
        table: &'static str,
        sys_id: &str,
        fields: &[(String, String)],
        writer: &Writer<'_>,
    ) -> Result<(), Refusal> {
        let before = self.row(table, sys_id).ok_or(Refusal::Missing)?.clone();
        let cleaned = self.cleaned(table, Some(&before), fields, writer);
        let stamp = self.stamp(writer);
        let schema = self.store.schema.table(table).ok_or(Refusal::Missing)?;
        let mut change = Change {
            schema,
            before: Some(&before),
            row: before.clone(),
            sent: cleaned.sent,
            journals: &cleaned.journals,
            caller: writer.caller,
            stamp: stamp.servicenow(),
        };
        for (index, value) in cleaned.values {
            change.row.put(index, value);
        }
        rules::before(&mut change, &Ground { switches: &self.switches, store: &self.store })?;
        let mut row = change.row;
        let nothing = row.values == before.values && cleaned.journals.is_empty();
        if nothing && !self.switches.no_op_update_moves_stamp {
            return Ok(());
        }
        let sets_stamps = writer.suppress_auto_sys;
        let count: u64 = before.at(MOD_COUNT).parse().unwrap_or(0);
        row.put(MOD_COUNT, count.saturating_add(1).saturating_add(self.switches.extra_mod_count).to_string());
        if !(sets_stamps && row.at(UPDATED_ON) != before.at(UPDATED_ON)) {
            row.put(UPDATED_ON, stamp.servicenow());
        }
        if !(sets_stamps && row.at(UPDATED_BY) != before.at(UPDATED_BY)) {
            row.put(UPDATED_BY, writer.caller.user_name.clone());
        }
        row.committed = writer.now;
        self.note_update(table, &before, &row, writer);
        self.swap(table, row);
        self.append(table, sys_id, &cleaned.journals, writer, stamp);
        self.after(table, sys_id, Some(&before), writer.now);
        Ok(())
    }

    /// Deletes a record of exactly that table with its journal rows.
    pub(super) fn erase(
        &mut self,
        table: &'static str,
        sys_id: &str,
        writer: &Writer<'_>,
    ) -> Result<(), Refusal> {
        let row = self.store.remove(table, sys_id).ok_or(Refusal::Missing)?;
        let entries: Vec<String> = super::journal::entries(&self.store, sys_id)
            .iter()
            .map(|(_, entry)| entry.id().to_owned())
            .collect();
        for entry in entries {
            self.store.remove("sys_journal_field", &entry);
        }
        self.files.remove(sys_id);
        self.note(table, &row, writer, "", "exists", "deleted");
        if table == "sys_choice" {
            self.reread_choices();
        }
        Ok(())
    }

    /// A write by the instance itself: no rules, but count and stamp move and a note may follow.
    pub(super) fn system_update(
        &mut self,
        table: &'static str,
        sys_id: &str,
        fields: &[(&str, String)],
        note: Option<&str>,
        now: Stamp,
    ) {
        let system = Caller::system();
        let writer = Writer::plain(&system, now);
        let (Some(before), Some(schema)) = (self.row(table, sys_id).cloned(), self.store.schema.table(table))
        else {
            return;
        };
        let mut row = before.clone();
        for (name, value) in fields {
            if let Some(index) = schema.index(name) {
                row.put(index, value.clone());
            }
        }
        let count: u64 = before.at(MOD_COUNT).parse().unwrap_or(0);
        row.put(MOD_COUNT, (count + 1).to_string());
        row.put(UPDATED_ON, now.servicenow());
        row.put(UPDATED_BY, "system".into());
        row.committed = now;
        self.note_update(table, &before, &row, &writer);
        self.swap(table, row);
        if let Some(note) = note {
            self.append(table, sys_id, &[("work_notes".into(), note.into())], &writer, now);
        }
    }

    /// Replaces a stored row by its next version.
    pub(super) fn swap(&mut self, table: &str, row: Row) {
        let keep = self.switches.replica_lag_seconds > 0;
        self.store.swap(table, row, keep);
        if table == "sys_choice" {
            self.reread_choices();
        }
    }

    /// The stored row of exactly that table.
    pub(super) fn row(&self, table: &str, sys_id: &str) -> Option<&Row> {
        self.store.table(table)?.1.row(sys_id)
    }

    fn new_id(&mut self, table: &str, fields: &[(String, String)]) -> Result<String, Refusal> {
        let sent = fields.iter().find(|(n, v)| n == "sys_id" && !v.is_empty()).map(|(_, v)| v.clone());
        match (sent, self.switches.client_sys_id) {
            (Some(_), ClientId::Refused) => Err(Refusal::Rights("Insert")),
            (Some(sys_id), ClientId::Honoured) if self.taken(table, &sys_id) => {
                let status = match self.switches.duplicate_sys_id {
                    DuplicateShape::Forbidden => 403,
                    DuplicateShape::BadRequest => 400,
                    DuplicateShape::Conflict => 409,
                    DuplicateShape::ServerError => 500,
                };
                Err(Refusal::Duplicate { status, sys_id })
            }
            (Some(sys_id), ClientId::Honoured) => Ok(sys_id),
            _ => Ok(self.store.fresh_id()),
        }
    }

    /// True if the id exists in the table or, for tasks, anywhere in their common table.
    fn taken(&self, table: &str, sys_id: &str) -> bool {
        let root = if self.is_task(table) { "task" } else { table };
        self.store.find(root, sys_id).is_some()
    }

    /// The stamp that a write gets: off by the node's skew, and older than the moment it
    /// becomes visible if transactions are slow.
    fn stamp(&mut self, writer: &Writer<'_>) -> Stamp {
        let late = match writer.actor() {
            Actor::Api => self.switches.late_visibility_rest_seconds,
            Actor::Person | Actor::System => self.switches.late_visibility_seconds,
        };
        let skew = self.switches.clock_skew_seconds;
        let mut stamp = writer.now;
        if skew > 0 {
            let offset = self.store.draw(skew.saturating_mul(2));
            stamp = stamp.plus(Duration::from_secs(offset)).minus(Duration::from_secs(skew));
        }
        if late > 0 {
            stamp = stamp.minus(Duration::from_secs(self.store.draw(late)));
        }
        stamp
    }

    /// Writes journal rows.
    fn append(
        &mut self,
        table: &str,
        sys_id: &str,
        journals: &[(String, String)],
        writer: &Writer<'_>,
        stamp: Stamp,
    ) {
        for (element, text) in journals {
            let id = self.store.fresh_id();
            let fields =
                [("name", table), ("element_id", sys_id), ("element", element.as_str()), ("value", text)];
            let entry = self.store.blank("sys_journal_field", id, &fields, &writer.caller.user_name, stamp);
            self.store.add("sys_journal_field", Row { committed: writer.now, ..entry });
            if let Some(row) = self.row(table, sys_id).cloned() {
                self.note(table, &row, writer, element, "", text);
            }
        }
    }

    fn note_insert(&mut self, table: &str, row: &Row, writer: &Writer<'_>) {
        if !self.is_task(table) {
            return;
        }
        self.note(table, row, writer, "", "", "inserted");
        let columns = self.store.schema.table(table).map_or(&[][..], |t| t.columns.as_slice());
        let values: Vec<(String, String)> = columns
            .iter()
            .enumerate()
            .filter(|(at, _)| !is_system(*at) && !row.at(*at).is_empty())
            .map(|(at, column)| (column.name.clone(), row.at(at).to_owned()))
            .collect();
        for (field, value) in values {
            self.note(table, row, writer, &field, "", &value);
        }
    }

    pub(super) fn note_update(&mut self, table: &str, before: &Row, after: &Row, writer: &Writer<'_>) {
        let columns = self.store.schema.table(table).map_or(&[][..], |t| t.columns.as_slice());
        let changed: Vec<(String, String, String)> = columns
            .iter()
            .enumerate()
            .filter(|(at, _)| !is_system(*at) && before.at(*at) != after.at(*at))
            .map(|(at, column)| (column.name.clone(), before.at(at).to_owned(), after.at(at).to_owned()))
            .collect();
        for (field, old, new) in changed {
            self.note(table, after, writer, &field, &old, &new);
        }
    }

    /// Adds one line to the history of task records.
    pub(super) fn note(
        &mut self,
        table: &str,
        row: &Row,
        writer: &Writer<'_>,
        field: &str,
        before: &str,
        after: &str,
    ) {
        if !self.is_task(table) {
            return;
        }
        let number = self.store.schema.table(table).map_or("", |schema| row.get(schema, "number"));
        self.history.push(RecordChange {
            at: writer.now,
            table: table.to_owned(),
            sys_id: row.id().to_owned(),
            number: number.to_owned(),
            user_name: writer.caller.user_name.clone(),
            actor: writer.actor(),
            field: field.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
            mod_count: row.at(MOD_COUNT).parse().unwrap_or(0),
        });
    }

    fn is_task(&self, table: &str) -> bool {
        self.store.schema.extends(table, "task")
    }
}

/// True for the columns that the instance keeps itself.
fn is_system(index: usize) -> bool {
    matches!(index, SYS_ID | CREATED_ON | CREATED_BY | UPDATED_ON | UPDATED_BY | MOD_COUNT)
}
