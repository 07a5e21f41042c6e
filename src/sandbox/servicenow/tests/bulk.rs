//! Batch, attachments, statistics, short URLs.

use super::*;

fn encoded(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

#[test]
fn a_batch_serves_in_order_and_echoes_ids_as_strings() {
    let mut desk = Desk::new();
    let id = desk.post("incident", json!({}));
    let json_type = json!([{"name": "Content-Type", "value": "application/json"}]);
    // As PySNC sends it: a number for the batch, decimal strings for the items.
    let order = json!({"batch_request_id": 1, "rest_requests": [
        {"id": "140", "method": "PATCH", "url": format!("/api/now/table/incident/{id}"), "headers": json_type, "body": encoded(&json!({"urgency": "1"}))},
        {"id": "141", "method": "GET", "url": "/api/now/table/incident?sysparm_query=urgency%3D1", "headers": []},
        {"id": "142", "method": "DELETE", "url": format!("/api/now/table/incident/{id}"), "headers": [{"name": "Content-Length", "value": "0"}]},
        {"id": "143", "method": "GET", "url": format!("/api/now/table/incident/{id}"), "exclude_response_headers": true},
    ]});
    let answer = json_of(&desk.call("POST", "/api/now/v1/batch", order.clone()));
    assert_eq!(answer["batch_request_id"], "1");
    let served = answer["serviced_requests"].as_array().unwrap();
    let statuses: Vec<i64> = served.iter().map(|s| s["status_code"].as_i64().unwrap()).collect();
    assert_eq!(statuses, [200, 200, 204, 404]);
    assert_eq!(served[0]["id"], "140");
    let headers = served[1]["headers"].as_array().unwrap();
    assert!(headers.contains(&json!({"name": "X-Total-Count", "value": "1"})));
    let body = STANDARD.decode(served[1]["body"].as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["result"][0]["sys_id"], json!(id));
    assert_eq!(served[3].get("headers"), None);
    desk.set("batch_serves", json!(1));
    let answer = json_of(&desk.call("POST", "/api/now/v1/batch", order));
    assert_eq!(answer["unserviced_requests"], json!(["141", "142", "143"]));
}

#[test]
fn files_go_up_and_come_down() {
    let mut desk = Desk::new();
    let id = desk.post("incident", json!({}));
    let url = format!("/api/now/v1/attachment/file?table_name=incident&table_sys_id={id}&file_name=a.txt");
    let mut upload = desk.request("POST", &url, b"hello");
    upload.headers[2].1 = "text/plain".into();
    let upload = desk.send(&upload);
    assert_eq!(upload.status, 201);
    let file = json_of(&upload)["result"].clone();
    let sys_id = file["sys_id"].as_str().unwrap().to_owned();
    assert_eq!(
        header(&upload, "location"),
        Some(format!("https://desk.test:8443/api/now/v1/attachment/{sys_id}/file").as_str())
    );
    assert_eq!((&file["size_bytes"], &file["content_type"]), (&json!("5"), &json!("text/plain")));
    let content = desk.call("GET", &format!("/api/now/attachment/{sys_id}/file"), Value::Null);
    assert_eq!(
        (content.body.as_slice(), header(&content, "content-type")),
        (&b"hello"[..], Some("text/plain"))
    );
    let boundary = "xyz";
    let form = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"table_name\"\r\n\r\nincident\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"table_sys_id\"\r\n\r\n{id}\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"uploadFile\"; filename=\"b.bin\"\r\nContent-Type: image/png\r\n\r\n\x01\r\n\x02\r\n--{boundary}--\r\n"
    );
    let mut upload = desk.request("POST", "/api/now/attachment/upload", form.as_bytes());
    upload.headers[2].1 = format!("multipart/form-data; boundary={boundary}");
    assert_eq!(json_of(&desk.send(&upload))["result"]["size_bytes"], "4");
    let list = format!(
        "/api/now/v1/attachment?sysparm_query=table_name=incident^table_sys_id={id}&sysparm_display_value=all"
    );
    let list = desk.call("GET", &list, Value::Null);
    assert_eq!(header(&list, "x-total-count"), Some("2"));
    assert_eq!(desk.call("DELETE", &format!("/api/now/attachment/{sys_id}"), Value::Null).status, 204);
    assert_eq!(desk.call("GET", &format!("/api/now/attachment/{sys_id}"), Value::Null).status, 404);
    let orphan = url.replace(&id, "missing");
    assert_eq!(desk.call("POST", &orphan, json!({})).status, 404);
}

#[test]
fn an_import_inserts_updates_ignores_skips_and_fails() {
    let mut desk = Desk::new();
    let import = |desk: &mut Desk, body: Value| {
        let response = desk.call("POST", "/api/now/import/imp_incident", body);
        assert_eq!(response.status, 201);
        json_of(&response)["result"][0].clone()
    };
    let first = import(&mut desk, json!({"correlation_id": "x", "short_description": "a"}));
    assert_eq!((&first["status"], &first["display_value"]), (&json!("inserted"), &json!("INC0010001")));
    let again = import(&mut desk, json!({"correlation_id": "X", "short_description": "b"}));
    assert_eq!((&again["status"], &again["sys_id"]), (&json!("updated"), &first["sys_id"]));
    let same = import(&mut desk, json!({"correlation_id": "X"}));
    assert_eq!(
        (&same["status"], &same["status_message"]),
        (&json!("ignored"), &json!("No field values changed"))
    );
    assert_eq!(import(&mut desk, json!({"short_description": "c"}))["status"], "skipped");
    let failed = import(&mut desk, json!({"correlation_id": "y", "state": "6"}));
    assert_eq!((&failed["status"], failed["error_message"].is_string()), (&json!("error"), true));
    assert_eq!(desk.call("POST", "/api/now/import/nothing", json!({})).status, 400);
}

#[test]
fn statistics_count_in_strings_and_short_urls_expand() {
    let mut desk = Desk::new();
    for urgency in ["1", "1", "2"] {
        desk.post("incident", json!({"urgency": urgency}));
    }
    let all =
        "/api/now/stats/incident?sysparm_count=true&sysparm_query=active%3Dtrue&sysparm_max_fields=priority";
    assert_eq!(desk.get(all), json!({"stats": {"count": "3", "max": {"priority": "4"}}}));
    let grouped = "/api/now/stats/incident?sysparm_count=true&sysparm_group_by=urgency";
    assert_eq!(
        desk.get(grouped)[0],
        json!({"stats": {"count": "2"}, "groupby_fields": [{"field": "urgency", "value": "1"}]})
    );
    let long = json!({"url": "incident_list.do?sysparm_query=urgency%3D1"});
    let short = json_of(&desk.call("POST", "/api/now/tinyurl", long));
    let tiny = short["result"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
    assert_eq!(desk.get(&format!("/api/now/table/incident?{tiny}")).as_array().unwrap().len(), 2);
}
