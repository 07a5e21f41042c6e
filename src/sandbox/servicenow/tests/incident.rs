//! What `incident` does to writes.

use super::*;

fn resolved(desk: &mut Desk) -> String {
    let id = desk.post("incident", json!({}));
    let close = json!({"state": "6", "close_code": "Solution provided", "close_notes": "done"});
    desk.patched("incident", &id, close);
    id
}

#[test]
fn an_empty_post_gets_the_documented_defaults() {
    let mut desk = Desk::new();
    let first = desk.post("incident", Value::Null);
    let record = desk.get(&format!("/api/now/table/incident/{first}?sysparm_exclude_reference_link=true"));
    for (name, value) in [
        ("state", "1"),
        ("incident_state", "1"),
        ("impact", "3"),
        ("urgency", "3"),
        ("priority", "5"),
        ("severity", "3"),
        ("category", "inquiry"),
        ("notify", "1"),
        ("escalation", "0"),
        ("active", "true"),
        ("made_sla", "true"),
        ("knowledge", "false"),
        ("approval", "not requested"),
        ("upon_reject", "cancel"),
        ("upon_approval", "proceed"),
        ("reassignment_count", "0"),
        ("reopen_count", "0"),
        ("child_incidents", "0"),
        ("sys_mod_count", "0"),
        ("number", "INC0010001"),
        ("task_effective_number", "INC0010001"),
        ("sys_class_name", "incident"),
        ("sys_created_by", "svc.sentinel"),
        ("sys_domain", "global"),
        ("sys_domain_path", "/"),
        ("work_notes", ""),
    ] {
        assert_eq!(record[name], value, "{name}");
    }
    let second = desk.post("incident", json!({}));
    assert_eq!(desk.stored("incident", &second, "number"), "INC0010002");
}

#[test]
fn priority_is_calculated_and_state_is_mirrored() {
    let mut desk = Desk::new();
    let id = desk.post("incident", json!({"impact": "1", "urgency": "2", "priority": "5"}));
    assert_eq!(desk.stored("incident", &id, "priority"), "2");
    let record = desk.patched("incident", &id, json!({"urgency": "3", "state": "2"}));
    assert_eq!((&record["priority"], &record["incident_state"]), (&json!("3"), &json!("2")));
}

#[test]
fn count_and_stamp_move_with_real_changes_only() {
    let mut desk = Desk::new();
    let id = desk.post("incident", json!({"urgency": "2"}));
    desk.pass(10);
    let same = desk.patched("incident", &id, json!({"urgency": "2", "nonsense": "x"}));
    assert_eq!(
        (&same["sys_mod_count"], &same["sys_updated_on"]),
        (&json!("0"), &json!("2026-03-01 10:00:00"))
    );
    desk.as_user("ksato");
    let moved = desk.patched("incident", &id, json!({"urgency": "1"}));
    assert_eq!((&moved["sys_mod_count"], &moved["sys_updated_by"]), (&json!("1"), &json!("ksato")));
    assert_eq!(moved["sys_updated_on"], "2026-03-01 10:00:10");
    let noted = desk.patched("incident", &id, json!({"work_notes": "n"}));
    assert_eq!(noted["sys_mod_count"], "2");
    desk.set("no_op_update_moves_stamp", json!(true));
    assert_eq!(desk.patched("incident", &id, json!({}))["sys_mod_count"], "3");
    desk.set("extra_mod_count", json!(1));
    assert_eq!(desk.patched("incident", &id, json!({"urgency": "3"}))["sys_mod_count"], "5");
}

#[test]
fn closing_needs_code_and_notes_by_their_labels() {
    let mut desk = Desk::new();
    let id = desk.post("incident", json!({}));
    let refused = desk.patch("incident", &id, json!({"state": "6"}));
    assert_eq!(refused.status, 403);
    assert_eq!(json_of(&refused)["error"]["message"], "Operation Failed");
    assert_eq!(
        detail(&refused),
        "Data Policy Exception: \n\tThe following fields are mandatory: Resolution code, Close notes"
    );
    // An unknown code is blanked first, so the policy misses exactly it.
    let old = json!({"state": "6", "close_code": "Solved (Permanently)", "close_notes": "n"});
    let refused = desk.patch("incident", &id, old.clone());
    assert!(detail(&refused).ends_with("mandatory: Resolution code"));
    assert_eq!(desk.stored("incident", &id, "state"), "1");
    desk.set("close_code_preset", json!("old"));
    desk.pass(3600);
    let record = desk.patched("incident", &id, old);
    assert_eq!((&record["state"], &record["active"]), (&json!("6"), &json!("true")));
    assert_eq!(record["resolved_at"], "2026-03-01 11:00:00");
    assert_eq!(record["calendar_duration"], "1970-01-01 01:00:00");
    // Mandatory and choice fields ignore an empty value.
    let same = desk.patched("incident", &id, json!({"close_notes": "", "close_code": "", "impact": ""}));
    assert_eq!((&same["close_notes"], &same["close_code"]), (&json!("n"), &json!("Solved (Permanently)")));
    assert_eq!(same["sys_mod_count"], record["sys_mod_count"]);
    let closed = desk.patched("incident", &id, json!({"state": "7"}));
    assert_eq!((&closed["active"], &closed["closed_at"]), (&json!("false"), &json!("2026-03-01 11:00:00")));
}

#[test]
fn unknown_choices_are_blanked_unless_allowed() {
    let mut desk = Desk::new();
    let id = desk.post("incident", json!({"category": "made up"}));
    assert_eq!(desk.stored("incident", &id, "category"), "inquiry");
    assert_eq!(desk.patched("incident", &id, json!({"category": "made up"}))["category"], "");
    desk.set("allow_non_existing_value", json!(true));
    assert_eq!(desk.patched("incident", &id, json!({"category": "made up"}))["category"], "made up");
}

#[test]
fn reopening_and_final_states_follow_their_switches() {
    let mut desk = Desk::new();
    let id = resolved(&mut desk);
    let open = desk.patched("incident", &id, json!({"state": "2"}));
    assert_eq!(
        (&open["reopen_count"], &open["close_code"], &open["close_notes"]),
        (&json!("1"), &json!(""), &json!(""))
    );
    desk.set("reopen_clears_close_fields", json!(false));
    let id = resolved(&mut desk);
    assert_eq!(desk.patched("incident", &id, json!({"state": "2"}))["close_code"], "Solution provided");
    let id = resolved(&mut desk);
    desk.patched("incident", &id, json!({"state": "7"}));
    assert_eq!(desk.patched("incident", &id, json!({"state": "2"}))["state"], "7");
    desk.set("closed_state_writes", json!("denied"));
    assert_eq!(
        detail(&desk.patch("incident", &id, json!({"state": "2"}))),
        "ACL Exception Update Failed due to security constraints"
    );
    desk.as_user("admin");
    assert_eq!(desk.patched("incident", &id, json!({"state": "2"}))["active"], "true");
}

#[test]
fn on_hold_knows_its_reason() {
    let mut desk = Desk::new();
    let id = desk.post("incident", json!({"caller_id": NOOR}));
    let held = desk.patched("incident", &id, json!({"state": "3", "hold_reason": "1"}));
    assert_eq!(held["hold_reason"], "1");
    let comment = super::super::DeskAct::Comment("here you are".into());
    desk.world.act("incident", &id, &comment, "noor.haddad", desk.now).unwrap();
    assert_eq!(desk.stored("incident", &id, "state"), "2");
    assert_eq!(desk.stored("incident", &id, "hold_reason"), "");
    desk.set("hold_reason_mandatory", json!(true));
    assert!(detail(&desk.patch("incident", &id, json!({"state": "3"}))).ends_with("On hold reason"));
}

#[test]
fn a_callers_sys_id_is_honoured_ignored_or_refused() {
    let mut desk = Desk::new();
    let mine = json!({"sys_id": "00000000000000000000000000000abc"});
    assert_eq!(desk.post("incident", mine.clone()), "00000000000000000000000000000abc");
    for (shape, status) in
        [("forbidden", 403), ("bad_request", 400), ("conflict", 409), ("server_error", 500)]
    {
        desk.set("duplicate_sys_id", json!(shape));
        let again = desk.call("POST", "/api/now/table/incident", mine.clone());
        assert_eq!(again.status, status);
        assert!(detail(&again).starts_with("Unique Key violation"));
    }
    assert_eq!(desk.world.records("incident").len(), 1);
    desk.set("client_sys_id", json!("ignored"));
    assert_ne!(desk.post("incident", mine.clone()), "00000000000000000000000000000abc");
    desk.set("client_sys_id", json!("refused"));
    assert_eq!(desk.call("POST", "/api/now/table/incident", mine).status, 403);
}

#[test]
fn text_is_cut_and_system_columns_are_kept() {
    let mut desk = Desk::new();
    let body = json!({"correlation_id": "x".repeat(120), "sys_created_on": "2020-01-01 00:00:00", "sys_mod_count": "9"});
    let id = desk.post("incident", body);
    assert_eq!(desk.stored("incident", &id, "correlation_id").len(), 100);
    assert_eq!(desk.stored("incident", &id, "sys_created_on"), "2026-03-01 10:00:00");
    assert_eq!(desk.stored("incident", &id, "sys_mod_count"), "0");
    let url = format!("/api/now/table/incident/{id}?sysparm_suppress_auto_sys_field=true");
    desk.call("PATCH", &url, json!({"sys_updated_on": "2020-01-01 00:00:00", "urgency": "1"}));
    assert_eq!(desk.stored("incident", &id, "sys_updated_on"), "2020-01-01 00:00:00");
}

#[test]
fn the_customers_rules_rewrite_abort_and_clear() {
    let mut desk = Desk::new();
    let id = desk.post(
        "incident",
        json!({"assigned_to": BETH, "assignment_group": "287ebd7da9fe198100f92cc8d1d2154f"}),
    );
    desk.set(
        "rewrites",
        json!([{"table": "incident", "field": "short_description", "from": "a", "to": "A!"}]),
    );
    assert_eq!(desk.patched("incident", &id, json!({"short_description": "a"}))["short_description"], "A!");
    desk.set("aborts", json!([{"table": "incident", "field": "urgency", "value": "1", "rule": "No panic"}]));
    let aborted = desk.patch("incident", &id, json!({"urgency": "1"}));
    assert_eq!(aborted.status, 403);
    let text = detail(&aborted);
    assert!(
        text.starts_with("Operation against file 'incident' was aborted by Business Rule 'No panic^"),
        "{text}"
    );
    assert!(text.ends_with("'. Business Rule Stack:No panic"));
    desk.set("group_change_clears_assignee", json!(true));
    let moved =
        desk.patched("incident", &id, json!({"assignment_group": "287ebd7da9fe198100f92cc8d1d21550"}));
    assert_eq!((&moved["assigned_to"], &moved["reassignment_count"]), (&json!(""), &json!("1")));
    desk.set("mandatory_on_insert", json!(["incident.caller_id"]));
    let refused = desk.call("POST", "/api/now/table/incident", json!({}));
    assert!(detail(&refused).ends_with("mandatory: Caller"));
}

#[test]
fn people_merge_reclass_and_scripts_leave_no_stamp() {
    let mut desk = Desk::new();
    let (loser, survivor) = (desk.post("incident", json!({})), desk.post("incident", json!({})));
    desk.pass(5);
    desk.world.merge(&loser, &survivor, "noor.haddad", desk.now).unwrap();
    assert_eq!(desk.stored("incident", &loser, "close_code"), "Duplicate");
    assert_eq!(desk.stored("incident", &loser, "parent_incident"), survivor);
    let silent = [("urgency".to_owned(), "1".to_owned())];
    desk.world.set_without_stamp("incident", &survivor, &silent, desk.now).unwrap();
    assert_eq!(desk.stored("incident", &survivor, "sys_mod_count"), "0");
    assert_eq!(desk.world.history().last().unwrap().field, "urgency");
    desk.world.change_class("incident", &survivor, "sn_si_incident", desk.now).unwrap();
    assert_eq!(desk.call("GET", &format!("/api/now/table/incident/{survivor}"), Value::Null).status, 404);
    assert_eq!(desk.get(&format!("/api/now/table/task/{survivor}"))["sys_class_name"], "sn_si_incident");
    desk.world.delete("incident", &loser, desk.now).unwrap();
    assert!(desk.world.records("incident").is_empty());
}

#[test]
fn a_person_meets_the_same_policy_and_the_history_tells_who() {
    let mut desk = Desk::new();
    let id = desk
        .world
        .create("incident", &[("short_description".into(), "t".into())], "noor.haddad", desk.now)
        .unwrap();
    let close = super::super::DeskAct::Set(vec![("state".into(), "6".into())]);
    let error = desk.world.act("incident", &id, &close, "beth.anglin", desk.now).unwrap_err();
    assert_eq!(error, "mandatory: Resolution code, Close notes");
    assert!(desk.world.act("incident", &id, &close, "nobody", desk.now).is_err());
    desk.patched("incident", &id, json!({"urgency": "1"}));
    let line = desk.world.history().iter().find(|c| c.field == "urgency" && c.after == "1").unwrap();
    assert_eq!((line.user_name.as_str(), line.before.as_str()), ("svc.sentinel", "3"));
    assert_eq!((line.actor, line.mod_count), (super::super::Actor::Api, 1));
}
