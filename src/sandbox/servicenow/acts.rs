//! What people do in the browser, and what tests do behind everybody's back.

use std::collections::BTreeMap;

use super::DeskWorld;
use super::auth::Caller;
use super::history::RecordChange;
use super::journal;
use super::schema::{CREATED_BY, CREATED_ON, SYS_ID, TableSchema};
use super::store::Row;
use super::write::Writer;
use crate::text::Stamp;

/// One thing a person does to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeskAct {
    /// Several fields in one update, as stored values.
    Set(Vec<(String, String)>),
    /// An internal note.
    WorkNote(String),
    /// A comment that the customer sees.
    Comment(String),
}

/// One journal entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalFacts {
    /// The entry's own `sys_id`.
    pub sys_id: String,
    /// `work_notes` or `comments`.
    pub element: String,
    /// The text as it was written.
    pub value: String,
    /// Stamp in database form (UTC).
    pub created_on: String,
    /// `user_name` of the author.
    pub created_by: String,
}

/// A record as the database holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFacts {
    /// Its `sys_id`.
    pub sys_id: String,
    /// Its number.
    pub number: String,
    /// All columns with their stored values, empty ones too.
    pub fields: BTreeMap<String, String>,
    /// Its journal entries, oldest first.
    pub journal: Vec<JournalFacts>,
}

impl DeskWorld {
    /// Does what a person does in the browser: business rules and data policies apply. Gives
    /// the instance's reason when it refuses.
    pub fn act(
        &mut self,
        table: &str,
        sys_id: &str,
        act: &DeskAct,
        user_name: &str,
        now: Stamp,
    ) -> Result<(), String> {
        let caller = self.person(user_name)?;
        let table = self.known(table)?;
        let fields = match act {
            DeskAct::Set(fields) => fields.clone(),
            DeskAct::WorkNote(text) => vec![("work_notes".to_owned(), text.clone())],
            DeskAct::Comment(text) => vec![("comments".to_owned(), text.clone())],
        };
        let done = self.update(table, sys_id, &fields, &Writer::plain(&caller, now));
        self.run_deferred(now);
        done.map_err(|refusal| refusal.text())
    }

    /// Creates a record as a person and gives its `sys_id`.
    pub fn create(
        &mut self,
        table: &str,
        fields: &[(String, String)],
        user_name: &str,
        now: Stamp,
    ) -> Result<String, String> {
        let caller = self.person(user_name)?;
        let table = self.known(table)?;
        let done = self.insert(table, fields, &Writer::plain(&caller, now));
        self.run_deferred(now);
        done.map_err(|refusal| refusal.text())
    }

    /// Changes stored values without rules, stamps, count or journal, as a script does with
    /// `setWorkflow(false)` and `autoSysFields(false)`. The history shows it.
    pub fn set_without_stamp(
        &mut self,
        table: &str,
        sys_id: &str,
        fields: &[(String, String)],
        now: Stamp,
    ) -> Result<(), String> {
        let table = self.known(table)?;
        let before = self.row(table, sys_id).cloned().ok_or("no such record")?;
        let schema = self.store.schema.table(table).ok_or("no such table")?;
        let mut row = before.clone();
        for (name, value) in fields {
            let index = schema.index(name).filter(|i| *i != SYS_ID);
            row.put(index.ok_or_else(|| format!("no column '{name}'"))?, value.clone());
        }
        row.committed = now;
        let system = Caller::system();
        self.note_update(table, &before, &row, &Writer::plain(&system, now));
        self.swap(table, row);
        Ok(())
    }

    /// Deletes a record as an administrator.
    pub fn delete(&mut self, table: &str, sys_id: &str, now: Stamp) -> Result<(), String> {
        let admin = self.person("admin")?;
        let table = self.known(table)?;
        self.erase(table, sys_id, &Writer::plain(&admin, now)).map_err(|refusal| refusal.text())
    }

    /// Merges one incident into another, as service desks do by hand: the loser points to the
    /// survivor and is closed as a duplicate.
    pub fn merge(&mut self, loser: &str, survivor: &str, user_name: &str, now: Stamp) -> Result<(), String> {
        let code = self.choices.of(&self.store.schema, "incident", "close_code").and_then(|list| {
            let duplicate = list.iter().find(|(value, _)| value == "Duplicate");
            duplicate.or(list.first()).map(|(value, _)| value.clone())
        });
        let number = self.row("incident", survivor).ok_or("no such survivor")?;
        let schema = self.store.schema.table("incident").ok_or("no such table")?;
        let note = format!("Merged into {}", number.get(schema, "number"));
        let fields = vec![
            ("parent_incident".to_owned(), survivor.to_owned()),
            ("state".to_owned(), "7".to_owned()),
            ("close_code".to_owned(), code.unwrap_or_default()),
            ("close_notes".to_owned(), note),
        ];
        self.act("incident", loser, &DeskAct::Set(fields), user_name, now)
    }

    /// Moves a record to another task table under the same `sys_id`; columns that the new table
    /// lacks are lost, choices are kept as they are.
    pub fn change_class(&mut self, from: &str, sys_id: &str, to: &str, now: Stamp) -> Result<(), String> {
        let (from, to) = (self.known(from)?, self.known(to)?);
        let row = self.store.remove(from, sys_id).ok_or("no such record")?;
        let old = self.store.schema.table(from).ok_or("no such table")?;
        let new = self.store.schema.table(to).ok_or("no such table")?;
        let mut moved = Row { values: Vec::new(), committed: now, earlier: Vec::new() };
        for (index, column) in new.columns.iter().enumerate() {
            moved.put(index, row.get(old, &column.name).to_owned());
        }
        if let Some(index) = new.index("sys_class_name") {
            moved.put(index, to.to_owned());
        }
        let system = Caller::system();
        self.note(to, &moved, &Writer::plain(&system, now), "sys_class_name", from, to);
        self.store.add(to, moved);
        Ok(())
    }

    /// The records of a table, oldest first, as the database holds them.
    pub fn records(&self, table: &str) -> Vec<RecordFacts> {
        let Some((schema, rows)) = self.store.table(table) else { return Vec::new() };
        rows.rows.iter().map(|row| self.facts(schema, row)).collect()
    }

    /// The `sys_id`s of a table's records, oldest first; much cheaper than
    /// [`records`](Self::records).
    pub fn sys_ids(&self, table: &str) -> Vec<String> {
        let rows = self.store.table(table).map_or(&[][..], |(_, t)| t.rows.as_slice());
        rows.iter().map(|row| row.id().to_owned()).collect()
    }

    /// One record as the database holds it.
    pub fn record_facts(&self, table: &str, sys_id: &str) -> Option<RecordFacts> {
        let (schema, row) = self.store.find(table, sys_id)?;
        Some(self.facts(schema, row))
    }

    /// Every applied change of a task record since the beginning, in order.
    pub fn history(&self) -> &[RecordChange] {
        &self.history
    }

    /// Ends all access tokens, and the refresh tokens too if `refresh` says so.
    pub fn revoke_tokens(&mut self, refresh: bool) {
        self.logins.revoke(refresh);
    }

    /// Adds a user for one more integration, who signs in with that password and has the roles of the first.
    pub fn add_integration(&mut self, user_name: &str, password: &str) {
        super::seed::integration(&mut self.store, user_name);
        self.logins.add_integration(user_name, password);
    }

    /// Gives a user exactly those roles, for example `["itil"]` or none.
    pub fn set_roles(&mut self, user_name: &str, roles: &[&str]) {
        self.logins.set_roles(user_name, roles);
    }

    fn facts(&self, schema: &TableSchema, row: &Row) -> RecordFacts {
        let fields = schema.columns.iter().enumerate().filter(|(_, c)| c.declared);
        let journal =
            journal::entries(&self.store, row.id()).into_iter().map(|(entries, entry)| JournalFacts {
                sys_id: entry.id().to_owned(),
                element: entry.get(entries, "element").to_owned(),
                value: entry.get(entries, "value").to_owned(),
                created_on: entry.at(CREATED_ON).to_owned(),
                created_by: entry.at(CREATED_BY).to_owned(),
            });
        RecordFacts {
            sys_id: row.id().to_owned(),
            number: row.get(schema, "number").to_owned(),
            fields: fields.map(|(i, c)| (c.name.clone(), row.at(i).to_owned())).collect(),
            journal: journal.collect(),
        }
    }

    fn person(&self, user_name: &str) -> Result<Caller, String> {
        self.logins.person(&self.store, user_name).ok_or_else(|| format!("no user '{user_name}'"))
    }

    fn known(&self, table: &str) -> Result<&'static str, String> {
        self.installed(table).map(|t| t.name).ok_or_else(|| format!("no table '{table}'"))
    }
}
