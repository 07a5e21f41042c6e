//! `incident`: priority, mirrored state, closing, reopening, holding (servicenow-api, 4).

use super::{Change, Ground, close_stamps};
use crate::sandbox::servicenow::switches::ClosedWrites;
use crate::sandbox::servicenow::write::Refusal;
use crate::sandbox::servicenow::zone::duration_value;
use crate::text::Stamp;

/// Defaults of `POST {}`.
pub(super) fn defaults(change: &mut Change<'_>) {
    for (name, value) in [
        ("category", "inquiry"),
        ("severity", "3"),
        ("notify", "1"),
        ("reopen_count", "0"),
        ("child_incidents", "0"),
    ] {
        change.default(name, value);
    }
    if !change.sent.contains("incident_state") {
        change.default("state", "1");
    }
}

/// The rules, in the order in which the platform's own ones run.
pub(super) fn apply(change: &mut Change<'_>, ground: &Ground<'_>) -> Result<(), Refusal> {
    let switches = ground.switches;
    mirror(change);
    if final_state(change.was("state")) && change.changed("state") && !change.caller.admin {
        match switches.closed_state_writes {
            ClosedWrites::Allowed => {}
            ClosedWrites::Unchanged => {
                let state = change.was("state").to_owned();
                change.set("state", state.clone());
                change.set("incident_state", state);
            }
            ClosedWrites::Denied => return Err(Refusal::Rights("Update")),
        }
    }
    if switches.caller_comment_resumes {
        resume(change);
    }
    priority(change);
    hold(change, switches.leaving_hold_clears_reason);
    life(change, switches.reopen_clears_close_fields);
    let state = change.get("state");
    if switches.incident_close_policy && matches!(state, "6" | "7") {
        change.require(&["close_code", "close_notes"])?;
    }
    if switches.hold_reason_mandatory && change.get("state") == "3" {
        change.require(&["hold_reason"])?;
    }
    Ok(())
}

/// Impact and urgency decide; what was written to `priority` is lost.
pub(super) fn priority(change: &mut Change<'_>) {
    let (Ok(impact), Ok(urgency)) = (change.get("impact").parse::<u8>(), change.get("urgency").parse::<u8>())
    else {
        return;
    };
    if (1..=3).contains(&impact) && (1..=3).contains(&urgency) {
        change.set("priority", (impact + urgency - 1).to_string());
    }
}

fn final_state(state: &str) -> bool {
    matches!(state, "7" | "8")
}

/// `incident_state` follows `state`; the other way only if it alone was written.
fn mirror(change: &mut Change<'_>) {
    let alone = change.sent.contains("incident_state") && !change.sent.contains("state");
    if alone && change.changed("incident_state") {
        let state = change.get("incident_state").to_owned();
        change.set("state", state);
    }
    let state = change.get("state").to_owned();
    change.set("incident_state", state);
}

/// The caller's answer ends Awaiting Caller.
fn resume(change: &mut Change<'_>) {
    let caller = change.get("caller_id");
    let waiting = change.was("state") == "3" && change.was("hold_reason") == "1";
    let answered = change.journals.iter().any(|(element, _)| element == "comments");
    if waiting && answered && !caller.is_empty() && caller == change.caller.sys_id {
        change.set("state", "2");
        change.set("incident_state", "2");
    }
}

fn hold(change: &mut Change<'_>, clears: bool) {
    if clears && change.was("state") == "3" && change.get("state") != "3" {
        change.set("hold_reason", "");
    }
}

fn life(change: &mut Change<'_>, reopen_clears: bool) {
    let (old, new) = (change.was("state").to_owned(), change.get("state").to_owned());
    change.set("active", if final_state(&new) { "false" } else { "true" });
    if old == new {
        return;
    }
    let ended = |state: &str| matches!(state, "6" | "7" | "8");
    if matches!(new.as_str(), "6" | "7") && !matches!(old.as_str(), "6" | "7") {
        resolve(change);
    }
    if final_state(&new) {
        close_stamps(change);
    }
    if ended(&old) && !ended(&new) {
        let (stamp, user) = (change.stamp.clone(), change.caller.sys_id.clone());
        change.count_up("reopen_count");
        change.set("reopened_time", stamp);
        change.set("reopened_by", user);
        change.clear(&["closed_at", "closed_by"]);
        if reopen_clears {
            change.clear(&[
                "close_code",
                "close_notes",
                "resolved_at",
                "resolved_by",
                "calendar_duration",
                "business_duration",
                "calendar_stc",
                "business_stc",
            ]);
        }
    }
}

fn resolve(change: &mut Change<'_>) {
    let (stamp, user) = (change.stamp.clone(), change.caller.sys_id.clone());
    change.set("resolved_at", stamp.clone());
    change.set("resolved_by", user);
    let opened = Stamp::parse_servicenow(change.get("opened_at"));
    if let (Some(opened), Some(resolved)) = (opened, Stamp::parse_servicenow(&stamp)) {
        let seconds = resolved.since(opened).as_secs();
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        for name in ["calendar_duration", "business_duration"] {
            change.set(name, duration_value(seconds));
        }
        for name in ["calendar_stc", "business_stc"] {
            change.set(name, seconds.to_string());
        }
    }
}
