//! `sn_si_incident` and its response tasks: phases, closing, the calculator's echo
//! (servicenow-api, 5).

use super::{Change, Ground, aborted, close_stamps};
use crate::sandbox::servicenow::DeskWorld;
use crate::sandbox::servicenow::store::Row;
use crate::sandbox::servicenow::switches::Process;
use crate::sandbox::servicenow::write::Refusal;
use crate::text::Stamp;

/// The phases in order: Draft, Analysis, Contain, Eradicate, Recover, Review, Closed.
const PHASES: [&str; 7] = ["10", "16", "18", "19", "20", "100", "3"];

/// The rule that aborts a skipped phase.
const PROCESS_RULE: &str = "Validate Security Incident state transition";

/// Defaults of `POST {}`.
pub(super) fn defaults(change: &mut Change<'_>) {
    for (name, value) in [
        ("state", "10"),
        ("severity", "3"),
        ("business_criticality", "3"),
        ("risk_score", "0"),
        ("risk_score_override", "false"),
        ("reopen_count", "0"),
    ] {
        change.default(name, value);
    }
}

/// Assigning, the state model, closing.
pub(super) fn apply(change: &mut Change<'_>, ground: &Ground<'_>) -> Result<(), Refusal> {
    let switches = ground.switches;
    let moved = change.before.is_some() && change.changed("state");
    if moved && !allowed(switches.sir_process, change.was("state"), change.get("state")) {
        if switches.sir_process == Process::StatefulRejects {
            return Err(aborted(PROCESS_RULE));
        }
        let state = change.was("state").to_owned();
        change.set("state", state);
    }
    let assigned = change.changed("assigned_to") && !change.get("assigned_to").is_empty();
    if assigned && change.get("state") == "10" && !change.sent.contains("state") {
        change.set("state", "16");
    }
    let closed = |state: &str| matches!(state, "3" | "7");
    let (old, new) = (change.was("state").to_owned(), change.get("state").to_owned());
    change.set("active", if closed(&new) { "false" } else { "true" });
    if closed(&new) && old != new {
        close_stamps(change);
    }
    if closed(&old) && !closed(&new) {
        change.count_up("reopen_count");
        change.clear(&["closed_at", "closed_by"]);
        if switches.reopen_clears_close_fields {
            change.clear(&["close_code", "close_notes"]);
        }
    }
    if switches.sir_close_policy && new == "3" {
        change.require(&["close_code", "close_notes"])?;
    }
    Ok(())
}

/// One phase forward, or cancelled from anywhere that is not closed.
fn allowed(process: Process, old: &str, new: &str) -> bool {
    if process == Process::Open {
        return true;
    }
    let at = |state: &str| PHASES.iter().position(|p| *p == state);
    match (at(old), at(new)) {
        (Some(old), Some(new)) => new == old + 1,
        (Some(_), None) => new == "7" && old != "3",
        _ => false,
    }
}

impl DeskWorld {
    pub(super) fn after_security_incident(&mut self, sys_id: &str, before: Option<&Row>, now: Stamp) {
        let Some((schema, row)) = self.store.find("sn_si_incident", sys_id) else { return };
        let fields_moved = before.is_none_or(|old| {
            let own = |(at, _): &(usize, _)| *at > crate::sandbox::servicenow::schema::MOD_COUNT;
            schema.columns.iter().enumerate().filter(own).any(|(at, _)| old.at(at) != row.at(at))
        });
        let ended = matches!(row.get(schema, "state"), "3" | "7")
            && before.is_some_and(|old| old.get(schema, "state") != row.get(schema, "state"));
        if fields_moved && self.switches.risk_score_rule {
            if self.switches.risk_score_async {
                self.deferred.push(sys_id.to_owned());
            } else {
                self.calculate_risk(sys_id, now);
            }
        }
        if ended {
            self.cancel_response_tasks(sys_id, now);
        }
    }

    /// Runs the calculators that were put off until the response was built.
    pub(in crate::sandbox::servicenow) fn run_deferred(&mut self, now: Stamp) {
        for sys_id in std::mem::take(&mut self.deferred) {
            self.calculate_risk(&sys_id, now);
        }
    }

    fn calculate_risk(&mut self, sys_id: &str, now: Stamp) {
        let Some((schema, row)) = self.store.find("sn_si_incident", sys_id) else { return };
        let number = |name| row.get(schema, name).parse::<i64>().unwrap_or(3).clamp(0, 9);
        let weight = number("priority") * 12 + number("severity") * 6 + number("business_criticality") * 4;
        let score = (110 - weight).clamp(0, 100).to_string();
        let fixed = row.get(schema, "risk_score_override") == "true";
        let note = format!("Risk score calculated: {score}");
        let fields = if fixed { Vec::new() } else { vec![("risk_score", score)] };
        self.system_update("sn_si_incident", sys_id, &fields, Some(&note), now);
    }

    fn cancel_response_tasks(&mut self, parent: &str, now: Stamp) {
        let open: Vec<String> = self.store.table("sn_si_task").map_or_else(Vec::new, |(schema, tasks)| {
            let mine = |r: &&Row| r.get(schema, "parent") == parent && r.get(schema, "active") == "true";
            tasks.rows.iter().filter(mine).map(|r| r.id().to_owned()).collect()
        });
        for task in open {
            let fields = [("state", "7".to_owned()), ("active", "false".to_owned())];
            self.system_update("sn_si_task", &task, &fields, None, now);
        }
    }

    /// A started response task takes its incident to Contain.
    pub(super) fn after_response_task(&mut self, sys_id: &str, before: Option<&Row>, now: Stamp) {
        let Some((schema, row)) = self.store.find("sn_si_task", sys_id) else { return };
        let started =
            row.get(schema, "state") == "18" && before.is_none_or(|old| old.get(schema, "state") != "18");
        let parent = row.get(schema, "parent").to_owned();
        let early = self
            .store
            .find("sn_si_incident", &parent)
            .is_some_and(|(schema, row)| matches!(row.get(schema, "state"), "10" | "16"));
        if started && early && self.switches.sir_rollup_task_state {
            self.system_update("sn_si_incident", &parent, &[("state", "18".into())], None, now);
        }
    }
}
