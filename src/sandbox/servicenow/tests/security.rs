//! `sn_si_incident`, its tasks and its choices.

use super::*;

fn plain() -> Desk {
    Desk::with("risk_score_rule", json!(false))
}

#[test]
fn three_is_closed_here_and_on_hold_there() {
    let mut desk = plain();
    let id = desk.post("sn_si_incident", json!({"state": "3", "close_code": "104", "close_notes": "n"}));
    let url = format!(
        "/api/now/table/sn_si_incident/{id}?sysparm_display_value=all&sysparm_fields=state,close_code,active,number"
    );
    let record = desk.get(&url);
    assert_eq!(record["state"], json!({"display_value": "Closed", "value": "3"}));
    assert_eq!(record["close_code"]["display_value"], "False positive");
    assert_eq!(record["active"]["value"], "false");
    assert_eq!(record["number"]["value"], "SIR0010001");
    let own = "name=sn_si_incident^element=state^inactive=false^language=en^ORDERBYsequence";
    assert_eq!(desk.column("sys_choice", own, "value"), ["10", "16", "18", "19", "20", "100", "3", "7"]);
    let inherited = "nameINsn_si_incident,task^element=impact";
    assert_eq!(desk.column("sys_choice", inherited, "name"), ["task"; 3]);
    assert_eq!(desk.column("sys_choice", "name=incident^element=close_code", "value").len(), 10);
}

#[test]
fn closing_misses_its_own_labels() {
    let mut desk = plain();
    let id = desk.post("sn_si_incident", json!({}));
    let refused = desk.patch("sn_si_incident", &id, json!({"state": "3"}));
    assert!(detail(&refused).ends_with("mandatory: Close code, Close notes"));
    desk.set("sir_close_policy", json!(false));
    assert_eq!(desk.patched("sn_si_incident", &id, json!({"state": "3"}))["state"], "3");
}

#[test]
fn a_stateful_process_walks_phase_by_phase() {
    let mut desk = plain();
    let id = desk.post("sn_si_incident", json!({}));
    desk.set("sir_process", json!("stateful_rejects"));
    let refused = desk.patch("sn_si_incident", &id, json!({"state": "100"}));
    assert_eq!(refused.status, 403);
    assert!(detail(&refused).contains("aborted by Business Rule"));
    desk.set("sir_process", json!("stateful_ignores"));
    assert_eq!(desk.patched("sn_si_incident", &id, json!({"state": "100"}))["state"], "10");
    for state in ["16", "18", "19", "20", "100"] {
        assert_eq!(desk.patched("sn_si_incident", &id, json!({"state": state}))["state"], state);
    }
    let close = json!({"state": "3", "close_code": "100", "close_notes": "n"});
    assert_eq!(desk.patched("sn_si_incident", &id, close)["state"], "3");
    assert_eq!(desk.patched("sn_si_incident", &id, json!({"state": "16"}))["state"], "3");
}

#[test]
fn the_calculator_echoes_after_field_changes() {
    let mut desk = Desk::new();
    let id = desk.post("sn_si_incident", json!({"priority": "1"}));
    let record = desk.get(&format!("/api/now/table/sn_si_incident/{id}"));
    assert_eq!((&record["sys_mod_count"], &record["sys_updated_by"]), (&json!("1"), &json!("system")));
    let facts = desk.world.record_facts("sn_si_incident", &id).unwrap();
    assert_eq!((facts.journal[0].created_by.as_str(), facts.journal.len()), ("system", 1));
    // A note alone changes no input of the calculator.
    assert_eq!(desk.patched("sn_si_incident", &id, json!({"work_notes": "x"}))["sys_mod_count"], "2");
    desk.set("risk_score_async", json!(true));
    assert_eq!(desk.patched("sn_si_incident", &id, json!({"severity": "1"}))["sys_mod_count"], "3");
    assert_eq!(desk.stored("sn_si_incident", &id, "sys_mod_count"), "4");
}

#[test]
fn assigning_and_tasks_move_the_phase() {
    let mut desk = plain();
    let id = desk.post("sn_si_incident", json!({}));
    assert_eq!(desk.patched("sn_si_incident", &id, json!({"assigned_to": BETH}))["state"], "16");
    let task = desk.post("sn_si_task", json!({"parent": id}));
    desk.patched("sn_si_task", &task, json!({"state": "18"}));
    assert_eq!(desk.stored("sn_si_incident", &id, "state"), "18");
    desk.patched("sn_si_incident", &id, json!({"state": "7"}));
    assert_eq!(desk.stored("sn_si_task", &task, "state"), "7");
}

#[test]
fn plugins_can_be_absent_and_observables_can_be_linked() {
    let mut desk = plain();
    let id = desk.post("sn_si_incident", json!({}));
    let kind = desk.column("sn_ti_observable_type", "name=URL", "sys_id").remove(0);
    let seen = desk.post("sn_ti_observable", json!({"value": "http://x.example", "type": kind}));
    assert_eq!(desk.stored("sn_ti_observable", &seen, "finding"), "unknown");
    desk.post("sn_ti_m2m_task_observable", json!({"task": id, "observable": seen}));
    desk.post("sn_si_m2m_task_affected_user", json!({"task": id, "user": BETH}));
    let walked = desk.column("sn_ti_m2m_task_observable", "observable.type.name=URL", "task.number");
    assert_eq!(walked, ["SIR0010001"]);
    desk.set("ti_plugin", json!(false));
    assert_eq!(desk.call("GET", "/api/now/table/sn_ti_observable", Value::Null).status, 400);
    desk.set("sir_plugin", json!(false));
    let absent = desk.call("GET", "/api/now/table/sn_si_incident", Value::Null);
    assert_eq!(json_of(&absent)["error"]["message"], "Invalid table sn_si_incident");
}

#[test]
fn whoever_may_write_observables_needs_no_role_of_security_incidents() {
    let mut desk = plain();
    desk.world.set_roles("svc.sentinel", &["itil", "sn_ti_observable.write"]);
    let seen = desk.post("sn_ti_observable", json!({"value": "203.0.113.9"}));
    assert_eq!(desk.column("sn_ti_observable", "value=203.0.113.9", "sys_id"), [seen]);
    desk.world.set_roles("svc.sentinel", &["itil"]);
    assert_eq!(desk.call("POST", "/api/now/table/sn_ti_observable", json!({"value": "x"})).status, 403);
}
