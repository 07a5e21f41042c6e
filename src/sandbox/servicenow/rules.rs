//! Business rules and data policies: what the instance does to a write before it is stored, and
//! what it does after.

mod incident;
mod security;

use std::collections::BTreeSet;

use super::DeskWorld;
use super::auth::Caller;
use super::schema::TableSchema;
use super::store::{Row, Store};
use super::switches::Switches;
use super::write::Refusal;
use crate::text::Stamp;

/// A write in the making.
pub(super) struct Change<'a> {
    pub(super) schema: &'a TableSchema,
    /// The stored row, none on insert.
    pub(super) before: Option<&'a Row>,
    /// The row as it will be stored.
    pub(super) row: Row,
    /// Columns that the caller sent.
    pub(super) sent: BTreeSet<String>,
    /// Journal entries that go with it.
    pub(super) journals: &'a [(String, String)],
    pub(super) caller: &'a Caller,
    /// The write's own stamp in database form.
    pub(super) stamp: String,
}

impl Change<'_> {
    /// The value that will be stored.
    pub(super) fn get(&self, name: &str) -> &str {
        self.row.get(self.schema, name)
    }

    /// The value before, empty on insert.
    pub(super) fn was(&self, name: &str) -> &str {
        self.before.map_or("", |row| row.get(self.schema, name))
    }

    /// True if the value differs from the one before.
    pub(super) fn changed(&self, name: &str) -> bool {
        self.get(name) != self.was(name)
    }

    /// Sets a value, if the table has the column.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        if let Some(index) = self.schema.index(name) {
            self.row.put(index, value.into());
        }
    }

    /// Sets a value where there is none.
    pub(super) fn default(&mut self, name: &str, value: &str) {
        if self.get(name).is_empty() {
            self.set(name, value);
        }
    }

    /// The labels of those columns that are empty.
    fn missing(&self, names: &[&str]) -> Vec<String> {
        let empty = names.iter().filter(|n| self.get(n).is_empty());
        empty
            .filter_map(|n| self.schema.index(n))
            .map(|index| self.schema.columns[index].label.clone())
            .collect()
    }

    fn require(&self, names: &[&str]) -> Result<(), Refusal> {
        let missing = self.missing(names);
        if missing.is_empty() { Ok(()) } else { Err(Refusal::Mandatory(missing)) }
    }

    fn count_up(&mut self, name: &str) {
        let next = self.get(name).parse::<u64>().unwrap_or(0) + 1;
        self.set(name, next.to_string());
    }

    fn clear(&mut self, names: &[&str]) {
        for name in names {
            self.set(name, "");
        }
    }
}

/// What rules may look at.
pub(super) struct Ground<'a> {
    pub(super) switches: &'a Switches,
    pub(super) store: &'a Store,
}

/// Everything that happens to a write before it is stored.
pub(super) fn before(change: &mut Change<'_>, ground: &Ground<'_>) -> Result<(), Refusal> {
    let task = ground.store.schema.extends(change.schema.name, "task");
    if change.before.is_some() {
        rewrite(change, ground.switches);
    } else if task {
        task_defaults(change, ground.switches);
    } else {
        plain_defaults(change);
    }
    match change.schema.name {
        "incident" => incident::apply(change, ground)?,
        "sn_si_incident" => security::apply(change, ground)?,
        "sn_si_task" => activity(change, &["3", "4", "7"]),
        "problem" => {
            incident::priority(change);
            activity(change, &["107"]);
        }
        _ => {}
    }
    if task {
        assignment(change, ground);
    }
    mandatory_on_insert(change, ground.switches)?;
    abort(change, ground)
}

fn task_defaults(change: &mut Change<'_>, switches: &Switches) {
    let domain = switches.user_domains.get(&change.caller.user_name).map_or("global", String::as_str);
    change.default("sys_domain", domain);
    let path = if change.get("sys_domain") == "global" { "/" } else { "!!!/" };
    let (stamp, user) = (change.stamp.clone(), change.caller.sys_id.clone());
    let number = change.get("number").to_owned();
    let table = change.schema.name;
    for (name, value) in [
        ("active", "true"),
        ("escalation", "0"),
        ("approval", "not requested"),
        ("upon_reject", "cancel"),
        ("upon_approval", "proceed"),
        ("made_sla", "true"),
        ("knowledge", "false"),
        ("reassignment_count", "0"),
        ("impact", "3"),
        ("urgency", "3"),
        ("sys_class_name", table),
        ("sys_domain_path", path),
        ("opened_at", &stamp),
        ("opened_by", &user),
        ("task_effective_number", &number),
    ] {
        change.default(name, value);
    }
    match table {
        "incident" => incident::defaults(change),
        "sn_si_incident" => security::defaults(change),
        "sn_si_task" => change.default("state", "1"),
        "problem" => change.default("state", "101"),
        _ => change.default("state", "1"),
    }
    change.default("priority", "4");
}

fn plain_defaults(change: &mut Change<'_>) {
    match change.schema.name {
        "sn_ti_observable" => {
            change.default("finding", "unknown");
            change.default("sighting_count", "0");
            change.default("incident_count", "0");
            change.default("is_composition", "false");
        }
        "sys_user" => {
            change.default("active", "true");
            change.default("locked_out", "false");
            change.default("web_service_access_only", "false");
        }
        "sys_user_group" => change.default("active", "true"),
        "sys_choice" => {
            change.default("language", "en");
            change.default("inactive", "false");
        }
        _ => {}
    }
}

fn rewrite(change: &mut Change<'_>, switches: &Switches) {
    for rule in switches.rewrites.iter().filter(|r| r.table == change.schema.name) {
        let hit = change.sent.contains(&rule.field)
            && rule.from.as_deref().is_none_or(|from| change.get(&rule.field) == from);
        if hit {
            change.set(&rule.field, rule.to.clone());
        }
    }
}

fn abort(change: &Change<'_>, ground: &Ground<'_>) -> Result<(), Refusal> {
    let hit = ground.switches.aborts.iter().find(|rule| {
        rule.table == change.schema.name
            && (change.changed(&rule.field) || change.journals.iter().any(|(name, _)| *name == rule.field))
            && rule.value.as_deref().is_none_or(|v| change.get(&rule.field) == v)
    });
    hit.map_or(Ok(()), |rule| Err(aborted(&rule.rule)))
}

/// The refusal by a rule of that name; its id is made up but always the same.
fn aborted(name: &str) -> Refusal {
    let sum = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Refusal::Rule { name: name.to_owned(), id: format!("{sum:016x}{sum:016x}") }
}

fn mandatory_on_insert(change: &Change<'_>, switches: &Switches) -> Result<(), Refusal> {
    if change.before.is_some() {
        return Ok(());
    }
    let names: Vec<&str> = switches
        .mandatory_on_insert
        .iter()
        .filter_map(|place| place.split_once('.'))
        .filter(|(table, _)| *table == change.schema.name)
        .map(|(_, name)| name)
        .collect();
    change.require(&names)
}

fn assignment(change: &mut Change<'_>, ground: &Ground<'_>) {
    if change.before.is_none() || !change.changed("assignment_group") {
        return;
    }
    change.count_up("reassignment_count");
    if ground.switches.group_change_clears_assignee && !change.changed("assigned_to") {
        let (user, group) = (change.get("assigned_to").to_owned(), change.get("assignment_group").to_owned());
        if !user.is_empty() && !member(ground.store, &user, &group) {
            change.set("assigned_to", "");
        }
    }
}

fn member(store: &Store, user: &str, group: &str) -> bool {
    store.table("sys_user_grmember").is_some_and(|(schema, table)| {
        table.rows.iter().any(|r| r.get(schema, "user") == user && r.get(schema, "group") == group)
    })
}

/// `active` and the closing stamps for a plain task with those closing states.
fn activity(change: &mut Change<'_>, closing: &[&str]) {
    let closed = closing.contains(&change.get("state"));
    change.set("active", if closed { "false" } else { "true" });
    if closed && change.changed("state") {
        close_stamps(change);
    }
}

fn close_stamps(change: &mut Change<'_>) {
    let (stamp, user) = (change.stamp.clone(), change.caller.sys_id.clone());
    change.set("closed_at", stamp);
    change.set("closed_by", user);
}

impl DeskWorld {
    /// Everything that happens after a write was stored.
    pub(super) fn after(&mut self, table: &'static str, sys_id: &str, before: Option<&Row>, now: Stamp) {
        match table {
            "sn_si_incident" => self.after_security_incident(sys_id, before, now),
            "sn_si_task" => self.after_response_task(sys_id, before, now),
            "sys_choice" => self.reread_choices(),
            _ => {}
        }
    }
}
