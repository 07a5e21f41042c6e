//! Who may see and write what. Most refusals are silent: rows and columns are simply missing
//! (servicenow-api, 1.4).

use super::auth::Caller;
use super::schema::TableSchema;
use super::store::Row;
use super::switches::{ChoiceRights, Switches, Visibility, listed};

/// The rights of one caller.
pub(super) struct Rights<'a> {
    switches: &'a Switches,
    caller: &'a Caller,
}

impl<'a> Rights<'a> {
    /// The rights of `caller` on this instance.
    pub(super) fn new(switches: &'a Switches, caller: &'a Caller) -> Self {
        Self { switches, caller }
    }

    /// How the table as a whole answers.
    pub(super) fn table(&self, table: &str) -> Visibility {
        let caller = self.caller;
        if caller.admin {
            let sir = table.starts_with("sn_si_") && !self.switches.admin_reads_sir;
            return if sir && !caller.has_prefix("sn_si.") { Visibility::Empty } else { Visibility::Rows };
        }
        if listed(&self.switches.unreadable_tables, &caller.user_name, table) {
            return Visibility::Empty;
        }
        let worker = caller.has("itil") || caller.has_prefix("sn_si.") || caller.has("sn_incident_read");
        let rows = match table {
            "sys_db_object" | "sys_plugins" => return Visibility::Forbidden,
            "sys_journal_field" if !caller.has("audit_viewer") => return self.switches.journal_acl,
            "sys_audit" if !caller.has("audit_viewer") => return self.switches.audit_acl,
            "sys_dictionary" | "sys_properties" => false,
            "sys_choice" => true,
            "incident" | "problem" => caller.has("itil") || caller.has("sn_incident_read"),
            t if t.starts_with("sn_si_") => caller.has_prefix("sn_si."),
            t if t.starts_with("sn_ti_") => caller.has_prefix("sn_si.") || caller.has_prefix("sn_ti"),
            _ => worker,
        };
        if rows { Visibility::Rows } else { Visibility::Empty }
    }

    /// True if the caller sees that row, the table's own answer included.
    pub(super) fn row(&self, table: &str, sys_id: &str) -> bool {
        if self.table(table) != Visibility::Rows {
            return false;
        }
        let hidden = &self.switches.hidden_rows;
        let user = &self.caller.user_name;
        self.caller.admin || !(listed(hidden, user, sys_id) || listed(hidden, user, table))
    }

    /// True if the caller sees that record, its domain included.
    pub(super) fn record(&self, schema: &TableSchema, row: &Row) -> bool {
        self.row(schema.name, row.id()) && self.domain(schema, row)
    }

    /// True if the record's domain exists for the caller at all.
    pub(super) fn domain(&self, schema: &TableSchema, row: &Row) -> bool {
        let Some(domains) = self.switches.visible_domains.get(&self.caller.user_name) else { return true };
        let domain = row.get(schema, "sys_domain");
        matches!(domain, "" | "global") || self.caller.admin || domains.iter().any(|d| d == domain)
    }

    /// True if the column is missing from what the caller gets.
    pub(super) fn hidden(&self, table: &str, column: &str) -> bool {
        if self.caller.admin {
            return false;
        }
        let choices = table == "sys_choice"
            && self.switches.choice_acl == ChoiceRights::LabelOnly
            && !matches!(column, "label" | "sys_id");
        choices || self.on(&self.switches.hidden_fields, table, column)
    }

    /// True if the caller may not sort or compare by range on the column.
    pub(super) fn range_denied(&self, table: &str, column: &str) -> bool {
        self.on(&self.switches.range_denied_fields, table, column)
    }

    /// True if a write of the column is dropped without a word.
    pub(super) fn write_dropped(&self, table: &str, column: &str) -> bool {
        self.on(&self.switches.write_denied_fields, table, column)
    }

    /// True if the caller may insert into or update that table.
    pub(super) fn writes(&self, table: &str) -> bool {
        let caller = self.caller;
        if caller.admin {
            return true;
        }
        if listed(&self.switches.read_only_tables, &caller.user_name, table) {
            return false;
        }
        match table {
            "incident" | "problem" | "task" => caller.has("itil") || caller.has("sn_incident_write"),
            "task_ci" | "cmdb_ci" => caller.has("itil") || caller.has("sn_si.basic"),
            t if t.starts_with("sn_ti_") && caller.has("sn_ti_observable.write") => true,
            t if t.starts_with("sn_si_") || t.starts_with("sn_ti_") => {
                caller.has("sn_si.basic") || caller.has("sn_si.analyst")
            }
            _ => false,
        }
    }

    /// True if the caller may delete from that table.
    pub(super) fn deletes(&self, table: &str) -> bool {
        self.caller.admin || self.switches.writers_delete && self.writes(table)
    }

    fn on(&self, names: &super::switches::PerUser, table: &str, column: &str) -> bool {
        // Building the name costs more than the common case of an empty list is worth.
        !self.caller.admin
            && !names.is_empty()
            && listed(names, &self.caller.user_name, &format!("{table}.{column}"))
    }
}
