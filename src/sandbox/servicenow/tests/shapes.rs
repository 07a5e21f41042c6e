//! Value shapes, headers, paging, methods and error bodies of the Table API.

use super::*;

#[test]
fn values_follow_the_table_of_shapes() {
    let mut desk = Desk::new();
    let id = desk.post(
        "incident",
        json!({"short_description": "x", "state": "2", "assigned_to": BETH, "caller_id": NOOR}),
    );
    let url = format!(
        "/api/now/v2/table/incident/{id}?sysparm_fields=state,assigned_to,cmdb_ci,opened_at,active,caller_id.email,sys_domain,nonsense"
    );
    let link = format!("https://desk.test:8443/api/now/v2/table/sys_user/{BETH}");
    let values = desk.get(&url);
    assert_eq!(
        values,
        json!({"state": "2", "assigned_to": {"link": link, "value": BETH}, "cmdb_ci": "",
            "opened_at": "2026-03-01 10:00:00", "active": "true",
            "caller_id.email": "noor.haddad@contoso.example",
            "sys_domain": {"link": "https://desk.test:8443/api/now/v2/table/sys_user_group/global", "value": "global"}})
    );
    let labels = desk.get(&format!("{url}&sysparm_display_value=True"));
    assert_eq!(labels["state"], "In Progress");
    assert_eq!(labels["assigned_to"], json!({"display_value": "Beth Anglin", "link": link}));
    let both = desk.get(&format!("{url}&sysparm_display_value=all&sysparm_exclude_reference_link=true"));
    assert_eq!(both["state"], json!({"display_value": "In Progress", "value": "2"}));
    assert_eq!(both["assigned_to"], json!({"display_value": "Beth Anglin", "value": BETH}));
    assert_eq!(both["cmdb_ci"], json!({"display_value": "", "value": ""}));
    let plain = desk.get(&format!("{url}&sysparm_exclude_reference_link=true&sysparm_display_value=False"));
    assert_eq!(plain["assigned_to"], BETH);
    desk.set("instance_origin", json!("https://dev1.service-now.com"));
    let moved = desk.get(&format!("/api/now/v1/table/incident/{id}"));
    let link = format!("https://dev1.service-now.com/api/now/v1/table/sys_user/{BETH}");
    assert_eq!(moved["assigned_to"]["link"], link);
}

#[test]
fn display_dates_follow_the_user_and_values_stay_utc() {
    let mut desk = Desk::new();
    let id = desk.post("incident", json!({}));
    desk.as_user("beth.anglin");
    let url = format!("/api/now/table/incident/{id}?sysparm_display_value=all&sysparm_fields=opened_at");
    let both = json!({"display_value": "2026-03-01 02:00:00", "value": "2026-03-01 10:00:00"});
    assert_eq!(desk.get(&url)["opened_at"], both);
    let format = [("date_format".to_owned(), "dd/MM/yyyy".to_owned())];
    desk.world.set_without_stamp("sys_user", BETH, &format, desk.now).unwrap();
    assert_eq!(desk.get(&url)["opened_at"]["display_value"], "01/03/2026 02:00:00");
    // Input in display form is read in the same zone and format.
    let patch = format!("/api/now/table/incident/{id}?sysparm_input_display_value=true");
    let sent =
        json!({"due_date": "02/03/2026 00:00:00", "state": "In Progress", "assigned_to": "Noor Haddad"});
    assert_eq!(desk.call("PATCH", &patch, sent).status, 200);
    assert_eq!(desk.stored("incident", &id, "due_date"), "2026-03-02 08:00:00");
    assert_eq!(desk.stored("incident", &id, "state"), "2");
    assert_eq!(desk.stored("incident", &id, "assigned_to"), NOOR);
}

#[test]
fn paging_headers_have_the_odd_prev_and_an_honest_total() {
    let mut desk = Desk::new();
    for _ in 0..5 {
        desk.post("incident", json!({}));
    }
    let base = "https://desk.test:8443/api/now/table/incident?sysparm_limit=2";
    let first = desk.call("GET", "/api/now/table/incident?sysparm_limit=2", Value::Null);
    assert_eq!(header(&first, "x-total-count"), Some("5"));
    let link = [
        format!("<{base}&sysparm_offset=0>;rel=\"first\""),
        format!("<{base}&sysparm_offset=-2>;rel=\"prev\""),
        format!("<{base}&sysparm_offset=2>;rel=\"next\""),
        format!("<{base}&sysparm_offset=4>;rel=\"last\""),
    ];
    assert_eq!(header(&first, "link"), Some(link.join(",").as_str()));
    let last = desk.call("GET", "/api/now/table/incident?sysparm_limit=2&sysparm_offset=4", Value::Null);
    assert!(!header(&last, "link").unwrap().contains("next"));
    let all = desk.call("GET", "/api/now/table/incident?sysparm_limit=5", Value::Null);
    assert_eq!(header(&all, "link"), None);
    let quiet = "/api/now/table/incident?sysparm_limit=2&sysparm_suppress_pagination_header=true";
    let quiet = desk.call("GET", quiet, Value::Null);
    assert_eq!((header(&quiet, "link"), header(&quiet, "x-total-count")), (None, Some("5")));
    let uncounted = desk.call("GET", "/api/now/table/incident?sysparm_no_count=true", Value::Null);
    assert_eq!(header(&uncounted, "x-total-count"), None);
}

#[test]
fn methods_answer_as_documented() {
    let mut desk = Desk::new();
    let response = desk.call("POST", "/api/now/v1/table/incident", json!({"sys_id": "mine, not hex"}));
    assert_eq!(response.status, 201);
    assert_eq!(json_of(&response)["result"]["sys_id"], "mine, not hex");
    let id = desk.post("incident", json!({"short_description": "a"}));
    let location = desk.call("POST", "/api/now/v1/table/incident", json!({}));
    assert!(
        header(&location, "location")
            .unwrap()
            .starts_with("https://desk.test:8443/api/now/v1/table/incident/")
    );
    let url = format!("/api/now/table/incident/{id}");
    assert_eq!(json_of(&desk.call("PUT", &url, json!({"urgency": "1"})))["result"]["short_description"], "a");
    let mut silent = desk.request("PATCH", &url, br#"{"urgency":"2"}"#);
    silent.headers.push(("x-no-response-body".into(), "true".into()));
    let silent = desk.send(&silent);
    assert_eq!((silent.status, silent.body.len()), (204, 0));
    let mut tunnel = desk.request("POST", &url, br#"{"urgency":"1"}"#);
    tunnel.headers.push(("x-http-method-override".into(), "PATCH".into()));
    assert_eq!(desk.send(&tunnel).status, 200);
    assert_eq!(desk.stored("incident", &id, "urgency"), "1");
    assert!(desk.call("HEAD", &url, Value::Null).body.is_empty());
    let gone = desk.call("DELETE", &url, Value::Null);
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    let missing = desk.call("GET", &url, Value::Null);
    assert_eq!(missing.status, 404);
    assert_eq!(json_of(&missing)["error"]["message"], "No Record found");
    assert_eq!(detail(&missing), "Record doesn't exist or ACL restricts the record retrieval");
    assert_eq!(desk.call("PATCH", "/api/now/table/incident", json!({})).status, 405);
}

#[test]
fn an_empty_list_is_404_in_v1_only() {
    let mut desk = Desk::new();
    for (path, status) in [("/api/now/v1", 404), ("/api/now/v2", 200), ("/api/now", 200)] {
        assert_eq!(desk.call("GET", &format!("{path}/table/incident"), Value::Null).status, status);
    }
}

#[test]
fn malformed_requests_are_told_apart() {
    let mut desk = Desk::new();
    let unknown = desk.call("GET", "/api/now/table/foo", Value::Null);
    let body = json!({"error": {"message": "Invalid table foo", "detail": null}, "status": "failure"});
    assert_eq!((unknown.status, json_of(&unknown)), (400, body));
    assert_eq!(desk.call("GET", "/api/now/nothing", Value::Null).status, 400);
    let broken = desk.request("POST", "/api/now/table/incident", b"{\"a\":");
    let broken = desk.send(&broken);
    assert_eq!(json_of(&broken)["error"]["message"], "Exception while reading request");
    let single = desk.request("POST", "/api/now/table/incident", b"{'short_description':'q'}");
    assert_eq!(desk.send(&single).status, 201);
    let several = desk.call("POST", "/api/now/table/incident", json!([{"urgency": "1"}, {"urgency": "2"}]));
    assert_eq!(json_of(&several)["result"]["urgency"], "1");
    let mut form = desk.request("POST", "/api/now/table/incident", b"a=b");
    form.headers[2].1 = "application/x-www-form-urlencoded".into();
    assert_eq!(desk.send(&form).status, 415);
    let mut accept = desk.request("GET", "/api/now/table/incident", b"");
    accept.headers[1].1 = "application/pdf".into();
    assert_eq!(desk.send(&accept).status, 406);
    accept.headers[1].1 = "application/xml".into();
    assert!(String::from_utf8_lossy(&desk.send(&accept).body).contains("<response>"));
    accept.headers.remove(1);
    assert_eq!(header(&desk.send(&accept), "content-type"), Some("application/json;charset=UTF-8"));
    let long = format!("/api/now/table/incident?sysparm_query=sys_idIN{}", "a".repeat(8192));
    assert_eq!(desk.call("GET", &long, Value::Null).status, 414);
    let fat = desk.request("POST", "/api/now/table/incident", &vec![b' '; 10 * 1024 * 1024 + 1]);
    assert_eq!(desk.send(&fat).status, 413);
}

#[test]
fn every_answer_carries_the_headers_of_an_instance() {
    let mut desk = Desk::new();
    let response = desk.call("GET", "/api/now/table/incident", Value::Null);
    assert_eq!(header(&response, "x-is-logged-in"), Some("true"));
    assert_eq!(header(&response, "x-transaction-id").unwrap().len(), 12);
    assert_eq!(header(&response, "server"), Some("ServiceNow"));
    let cookies: Vec<&str> =
        response.headers.iter().filter(|(n, _)| n == "set-cookie").map(|(_, v)| v.as_str()).collect();
    assert!(cookies.iter().any(|c| c.starts_with("JSESSIONID=")));
    assert!(cookies.iter().any(|c| c.starts_with("glide_user_route=glide.")));
    let mut again = desk.request("GET", "/api/now/table/incident", b"");
    again.headers.push(("cookie".into(), "glide_user_route=glide.x; JSESSIONID=Y".into()));
    assert_eq!(header(&desk.send(&again), "set-cookie"), None);
}

#[test]
fn empty_parameters_mean_not_given_and_leaked_ones_do_no_harm() {
    let mut desk = Desk::new();
    desk.post("incident", json!({"urgency": "1"}));
    desk.post("incident", json!({"urgency": "2"}));
    // As pysnow sends it.
    let all = "/api/now/table/incident?sysparm_query=&sysparm_limit=10000&sysparm_offset=0&sysparm_display_value=False&sysparm_suppress_pagination_header=False&sysparm_exclude_reference_link=False&sysparm_view=&sysparm_fields=";
    assert_eq!(desk.get(all).as_array().unwrap().len(), 2);
    let leaked =
        "/api/now/table/incident?sysparm_query=urgency%3D1&table_name=incident&file_name=x&urgency=2";
    assert_eq!(desk.get(leaked).as_array().unwrap().len(), 1);
    // Without a query, names of columns filter, by value or by label.
    assert_eq!(desk.get("/api/now/table/incident?urgency=2&active=true").as_array().unwrap().len(), 1);
    let caller = desk.get("/api/now/table/incident?opened_by=Sentinel%20Integration");
    assert_eq!(caller.as_array().unwrap().len(), 2);
}
