//! Limits, pages, cancelled transactions, late and lagging reads.

use super::*;

const LIST: &str = "/api/now/table/incident";

#[test]
fn pages_replace_every_answer() {
    let mut desk = Desk::new();
    for (page, status, text) in [
        ("hibernating", 200, "Instance Hibernating page"),
        ("hibernating_redirect", 302, ""),
        ("login", 200, "login.do"),
        ("login_redirect", 302, ""),
        ("maintenance", 503, "maintenance"),
    ] {
        desk.set("page", json!(page));
        for path in [LIST, "/oauth_token.do"] {
            let response = desk.call("GET", path, Value::Null);
            assert_eq!(response.status, status, "{page}");
            assert!(header(&response, "content-type").unwrap().starts_with("text/html"));
            assert!(String::from_utf8_lossy(&response.body).contains(text));
        }
    }
}

#[test]
fn the_hourly_rule_marks_and_then_refuses() {
    let mut desk = Desk::with("rate_limit_per_hour", json!(2));
    desk.pass(1800);
    let first = desk.call("GET", LIST, Value::Null);
    assert_eq!((first.status, header(&first, "x-ratelimit-limit")), (200, Some("2")));
    desk.call("GET", LIST, Value::Null);
    let refused = desk.call("GET", LIST, Value::Null);
    assert_eq!((refused.status, header(&refused, "retry-after")), (429, Some("1801")));
    assert_eq!(detail(&refused), "Rate limit of 2 requests per hour for Table API exceeded");
    for name in ["x-ratelimit-limit", "x-ratelimit-reset", "x-ratelimit-rule"] {
        assert!(header(&refused, name).is_some());
    }
    desk.pass(1800);
    assert_eq!(desk.call("GET", LIST, Value::Null).status, 200);
}

#[test]
fn other_strikes_come_every_nth_time() {
    let mut desk = Desk::new();
    for (switch, status) in
        [("semaphore_429_every", 429), ("dropped_202_every", 202), ("flaky_401_every", 401)]
    {
        desk.set(switch, json!(1));
        let struck = desk.call("POST", LIST, json!({}));
        assert_eq!((struck.status, header(&struck, "x-ratelimit-limit")), (status, None));
        desk.set(switch, json!(0));
    }
    assert!(desk.world.records("incident").is_empty());
}

#[test]
fn cancelled_transactions_break_the_json_or_answer_500() {
    let mut desk = Desk::new();
    for _ in 0..3 {
        desk.post("incident", json!({}));
    }
    desk.set("cancelled_list_rows", json!(2));
    let cut = desk.call("GET", LIST, Value::Null);
    assert_eq!(cut.status, 200);
    assert!(serde_json::from_slice::<Value>(&cut.body).is_err());
    assert!(
        String::from_utf8_lossy(&cut.body).contains("Transaction cancelled: maximum execution time exceeded")
    );
    assert_eq!(desk.get(&format!("{LIST}?sysparm_limit=2")).as_array().unwrap().len(), 2);
    desk.set("cancelled_is_500", json!(true));
    assert_eq!(desk.call("GET", LIST, Value::Null).status, 500);
    for (when, rows) in [("before_commit", 3), ("after_commit", 4)] {
        desk.set("cancel_writes", json!(when));
        assert_eq!(desk.call("POST", LIST, json!({})).status, 500);
        assert_eq!(desk.world.records("incident").len(), rows);
    }
}

#[test]
fn stamps_may_be_late_or_skewed_and_replicas_lag() {
    let mut desk = Desk::with("late_visibility_seconds", json!(60));
    let mut late = 0;
    for n in 0..20 {
        let fields = [("short_description".to_owned(), n.to_string())];
        let id = desk.world.create("incident", &fields, "noor.haddad", desk.now).unwrap();
        let stamp = Stamp::parse_servicenow(&desk.stored("incident", &id, "sys_updated_on")).unwrap();
        assert!(stamp <= desk.now && desk.now.since(stamp).as_secs() <= 60);
        late += usize::from(stamp < desk.now);
    }
    assert!(late > 10);
    let id = desk.post("incident", json!({}));
    assert_eq!(desk.stored("incident", &id, "sys_updated_on"), desk.now.servicenow());
    let mut desk = Desk::with("replica_lag_seconds", json!(30));
    let id = desk.post("incident", json!({"urgency": "1"}));
    let lagging = format!("{LIST}?sysparm_query_category=list&sysparm_fields=urgency");
    assert_eq!(desk.get(&lagging), json!([]));
    desk.pass(31);
    desk.patched("incident", &id, json!({"urgency": "2"}));
    assert_eq!(desk.get(&lagging), json!([{"urgency": "1"}]));
    assert_eq!(desk.column("incident", "", "urgency"), ["2"]);
    desk.pass(31);
    assert_eq!(desk.get(&lagging), json!([{"urgency": "2"}]));
    desk.set("replica_reads", json!("all"));
    let mut skewed = Desk::with("clock_skew_seconds", json!(2));
    let id = skewed.post("incident", json!({}));
    let stamp = Stamp::parse_servicenow(&skewed.stored("incident", &id, "sys_updated_on")).unwrap();
    assert!((stamp.0 - skewed.now.0).abs() <= 2_000_000);
}

#[test]
fn nothing_that_arrives_makes_it_panic() {
    let mut desk = Desk::new();
    let id = desk.post("incident", json!({}));
    let queries = [
        "^NQ^OR^EQ",
        "RLQUERY^",
        "JOIN!",
        "stateBETWEEN1",
        "sys_created_onON@@@",
        "sys_created_onRELATIVEGT@day@ago@99999999999",
        "a.b.c=1",
        "opened_by.manager.manager.name=x",
        "sys_created_on>javascript:gs.daysAgo(99999999)",
        "é=ü^^",
        "number=",
        "sys_created_onRELATIVEGT@day@ago@-2147483648",
    ];
    for query in queries {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        for path in [LIST.to_owned(), "/api/now/stats/incident".into(), format!("{LIST}/{id}")] {
            let response = desk.call(
                "GET",
                &format!(
                    "{path}?sysparm_query={query}&sysparm_limit=-1&sysparm_offset=x&sysparm_group_by=%FF"
                ),
                Value::Null,
            );
            assert_eq!(response.status, 200, "{query}");
        }
    }
    let huge = format!("{LIST}?sysparm_limit={}&sysparm_offset=1", usize::MAX);
    assert_eq!(desk.call("GET", &huge, Value::Null).status, 200);
    let nested = "JOINincident.sys_id=incident.sys_id!".repeat(20_000);
    let item = json!({"id": "1", "method": "GET", "url": format!("{LIST}?sysparm_query={nested}")});
    let batch = json!({"batch_request_id": "1", "rest_requests": [item]});
    assert_eq!(desk.call("POST", "/api/now/batch", batch).status, 200);
    let odd_format = [("date_format".to_owned(), "%Q %".to_owned())];
    desk.world.set_without_stamp("sys_user", NOOR, &odd_format, desk.now).unwrap();
    desk.as_user("noor.haddad");
    desk.get(&format!("{LIST}?sysparm_display_value=all"));
    for path in
        ["", "/", "/api", "/api/now", "/api/now/table", "/api/now/attachment/a/b/c", "/api/now/v1", "/%FF/%"]
    {
        desk.call("GET", path, Value::Null);
    }
    for body in ["null", "3", "[[]]", "{\"a\":{\"b\":1}}", "\u{0}", "{'"] {
        desk.send(&desk.request("POST", LIST, body.as_bytes()));
    }
    let mut odd = desk.request("GET", LIST, b"");
    odd.headers[0].1 = "Basic !!!".into();
    assert_eq!(desk.send(&odd).status, 401);
}
