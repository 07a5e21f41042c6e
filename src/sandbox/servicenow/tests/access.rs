//! What rights hide, and what they refuse.

use super::*;

#[test]
fn hidden_rows_shorten_pages_but_not_totals() {
    let mut desk = Desk::new();
    let ids: Vec<String> = (0..3).map(|_| desk.post("incident", json!({}))).collect();
    desk.set("hidden_rows", json!({"svc.sentinel": [ids[0]]}));
    let page = desk.call("GET", "/api/now/table/incident?sysparm_limit=1", Value::Null);
    assert_eq!((json_of(&page)["result"].clone(), header(&page, "x-total-count")), (json!([]), Some("3")));
    let url = format!("/api/now/table/incident/{}", ids[0]);
    for method in ["GET", "PATCH", "DELETE"] {
        assert_eq!(desk.call(method, &url, json!({"urgency": "1"})).status, 404, "{method}");
    }
    desk.as_user("ksato");
    assert_eq!(desk.call("GET", &url, Value::Null).status, 200);
    desk.set("unreadable_tables", json!({"*": ["incident"]}));
    assert_eq!(desk.get("/api/now/table/incident"), json!([]));
}

#[test]
fn other_domains_are_neither_shown_nor_counted() {
    let mut desk = Desk::with("user_domains", json!({"ksato": "tokyo"}));
    desk.post("incident", json!({}));
    desk.as_user("ksato");
    let id = desk.post("incident", json!({}));
    assert_eq!(desk.stored("incident", &id, "sys_domain"), "tokyo");
    desk.set("visible_domains", json!({"svc.sentinel": ["oslo"]}));
    desk.user = "svc.sentinel:s3cret".into();
    let list = desk.call("GET", "/api/now/table/incident", Value::Null);
    assert_eq!(header(&list, "x-total-count"), Some("1"));
    assert_eq!(desk.patch("incident", &id, json!({"urgency": "1"})).status, 404);
    desk.world.set_roles("svc.sentinel", &["itil", "query_no_domain_table_api"]);
    let all = desk.get("/api/now/table/incident?sysparm_query_no_domain=true&sysparm_fields=number");
    assert_eq!(all.as_array().unwrap().len(), 2);
}

#[test]
fn a_domain_is_kept_from_those_who_may_set_it_and_dropped_from_others() {
    let mut desk = Desk::new();
    let sent = json!({"sys_domain": "oslo"});
    let id = desk.post("incident", sent.clone());
    desk.patch("incident", &id, sent.clone());
    assert_eq!(desk.stored("incident", &id, "sys_domain"), "global");
    desk.set("domain_writers", json!({"svc.sentinel": ["incident"]}));
    assert_eq!(desk.patch("incident", &id, sent.clone()).status, 200);
    assert_eq!(desk.stored("incident", &id, "sys_domain"), "oslo");
    let made = desk.post("incident", sent.clone());
    let place = ["sys_domain", "sys_domain_path"].map(|column| desk.stored("incident", &made, column));
    assert_eq!(place, ["oslo", "!!!/"]);
    desk.as_user("ksato");
    let theirs = desk.post("incident", sent);
    assert_eq!(desk.stored("incident", &theirs, "sys_domain"), "global");
}

#[test]
fn hidden_columns_are_missing_and_may_not_be_queried() {
    let mut desk =
        Desk::with("hidden_fields", json!({"svc.sentinel": ["incident.close_notes", "sys_user.email"]}));
    let id = desk.post("incident", json!({"caller_id": NOOR}));
    let record = desk.get(&format!("/api/now/table/incident/{id}"));
    assert_eq!(record.get("close_notes"), None);
    let walked = desk.get(&format!("/api/now/table/incident/{id}?sysparm_fields=number,caller_id.email"));
    assert_eq!(walked.as_object().unwrap().len(), 1);
    for query in ["close_notesISEMPTY", "ORDERBYclose_notes", "caller_id.emailLIKEx"] {
        let refused =
            desk.call("GET", &format!("/api/now/table/incident?sysparm_query={query}"), Value::Null);
        assert_eq!(refused.status, 403, "{query}");
        assert_eq!(json_of(&refused)["error"]["message"], "Insufficient rights to query records");
    }
    desk.set("range_denied_fields", json!({"*": ["incident.sys_updated_on"]}));
    assert_eq!(desk.column("incident", "sys_updated_on=2026-03-01 10:00:00", "number").len(), 1);
    let ranged = "/api/now/table/incident?sysparm_query=sys_updated_on%3E=2026-01-01";
    assert_eq!(desk.call("GET", ranged, Value::Null).status, 403);
}

#[test]
fn denied_writes_are_silent_per_column_and_loud_per_table() {
    let mut desk = Desk::with("write_denied_fields", json!({"svc.sentinel": ["incident.urgency"]}));
    let id = desk.post("incident", json!({}));
    let record = desk.patched("incident", &id, json!({"urgency": "1", "impact": "1"}));
    assert_eq!((&record["urgency"], &record["impact"]), (&json!("3"), &json!("1")));
    desk.set("read_only_tables", json!({"svc.sentinel": ["incident"]}));
    for (method, url, verb) in [
        ("POST", "/api/now/table/incident".to_owned(), "Insert"),
        ("PATCH", format!("/api/now/table/incident/{id}"), "Update"),
        ("DELETE", format!("/api/now/table/incident/{id}"), "Delete"),
    ] {
        let refused = desk.call(method, &url, json!({"impact": "2"}));
        let text = format!("ACL Exception {verb} Failed due to security constraints");
        assert_eq!((refused.status, detail(&refused)), (403, text));
    }
}

#[test]
fn platform_tables_are_empty_or_forbidden_for_plain_users() {
    let mut desk = Desk::new();
    let dictionary = "/api/now/table/sys_dictionary?sysparm_query=name=incident";
    assert_eq!(desk.get(dictionary), json!([]));
    assert_eq!(desk.get("/api/now/table/sys_properties"), json!([]));
    assert_eq!(desk.call("GET", "/api/now/table/sys_db_object", Value::Null).status, 403);
    let me = "/api/now/table/sys_user?sysparm_query=sys_id=javascript:gs.getUserID()&sysparm_fields=user_name,time_zone";
    assert_eq!(desk.get(me), json!([{"user_name": "svc.sentinel", "time_zone": "UTC"}]));
    desk.set("choice_acl", json!("label_only"));
    let rows = desk.get("/api/now/table/sys_choice?sysparm_limit=1&sysparm_fields=label,value");
    assert_eq!(rows[0].as_object().unwrap().len(), 1);
    let filtered = desk.call("GET", "/api/now/table/sys_choice?sysparm_query=name=incident", Value::Null);
    assert_eq!(filtered.status, 403);
    desk.as_user("admin");
    assert!(desk.get(dictionary).as_array().unwrap().len() > 50);
    desk.world.set_roles("ksato", &[]);
    desk.as_user("ksato");
    desk.set("unreadable_tables", json!({}));
    assert_eq!(desk.get("/api/now/table/incident"), json!([]));
    assert_eq!(desk.call("POST", "/api/now/table/incident", json!({})).status, 403);
}
