//! Journal fields and `sys_journal_field`.

use super::*;

#[test]
fn entries_append_and_show_in_the_readers_zone() {
    let mut desk = Desk::new();
    let id = desk.post("incident", json!({"work_notes": "first"}));
    desk.pass(60);
    desk.as_user("beth.anglin");
    let record = desk.patched("incident", &id, json!({"work_notes": "second", "comments": "hello"}));
    assert_eq!((&record["work_notes"], &record["sys_mod_count"]), (&json!(""), &json!("1")));
    let same = desk.patched("incident", &id, json!({"work_notes": ""}));
    assert_eq!(same["sys_mod_count"], "1");
    let url =
        format!("/api/now/table/incident/{id}?sysparm_fields=work_notes,comments,comments_and_work_notes");
    let both = desk.get(&format!("{url}&sysparm_display_value=all"));
    assert_eq!(both["work_notes"]["value"], "");
    assert_eq!(
        both["work_notes"]["display_value"],
        "2026-03-01 02:01:00 - Beth Anglin (Work notes)\nsecond\n\n2026-03-01 02:00:00 - Sentinel Integration (Work notes)\nfirst\n\n"
    );
    assert_eq!(
        desk.get(&format!("{url}&sysparm_display_value=true"))["comments"],
        "2026-03-01 02:01:00 - Beth Anglin (Additional comments)\nhello\n\n"
    );
    assert_eq!(desk.get(&url)["work_notes"], "");
    let query = format!("element_id={id}^elementINwork_notes,comments^ORDERBYsys_created_on^ORDERBYsys_id");
    assert_eq!(desk.column("sys_journal_field", &query, "sys_created_on").len(), 3);
    assert_eq!(desk.column("sys_journal_field", &query, "sys_created_by")[0], "svc.sentinel");
    let since =
        format!("nameINincident^sys_created_on>=2026-03-01 10:01:00^element=comments^element_idIN{id},x");
    assert_eq!(desk.column("sys_journal_field", &since, "value"), ["hello"]);
}

#[test]
fn the_table_shows_rows_nothing_or_403() {
    let mut desk = Desk::new();
    let id = desk.post("incident", json!({"work_notes": "n"}));
    let url = format!("/api/now/table/sys_journal_field?sysparm_query=element_id={id}");
    assert_eq!(desk.get(&url).as_array().unwrap().len(), 1);
    desk.set("journal_acl", json!("empty"));
    let empty = desk.call("GET", &url, Value::Null);
    assert_eq!((json_of(&empty)["result"].clone(), header(&empty, "x-total-count")), (json!([]), Some("1")));
    desk.set("journal_acl", json!("forbidden"));
    let refused = desk.call("GET", &url, Value::Null);
    assert_eq!((refused.status, detail(&refused).as_str()), (403, "Insufficient rights to query records"));
    desk.world.set_roles("svc.sentinel", &["itil", "audit_viewer"]);
    assert_eq!(desk.get(&url).as_array().unwrap().len(), 1);
    let audit = format!("documentkey={id}^fieldname=urgency");
    desk.patched("incident", &id, json!({"urgency": "1"}));
    assert_eq!(desk.column("sys_audit", &audit, "newvalue"), ["3", "1"]);
}
