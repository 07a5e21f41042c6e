//! The ServiceNow client against prepared answers: what it sends, what it makes of what comes
//! back.

mod login;
mod lookups;
mod pages;
mod refusals;
mod world;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::http::scripted::{Script, answer, token};
use crate::http::{Base, FixedToken, HttpResponse};
use crate::model::call::{Answer, DeskCall, DeskReply, RecordPage, RecordQuery};
use crate::model::{CallError, FaultKind, InstanceKey, Record, RecordShape, RecordWrite, SysId, TableName};
use crate::text::Stamp;

const DEV: &str = "https://dev1.service-now.com";

fn client_of(script: &Script, settings: impl FnOnce(&mut DeskSettings)) -> DeskClient {
    let mut s = DeskSettings::new(Base::parse(DEV, false).unwrap(), InstanceKey::new("dev").unwrap());
    s.basic = true;
    settings(&mut s);
    let tokens = Arc::new(FixedToken::new(token(DEV)));
    DeskClient::new(s, script.transport(), script.clock.clone(), tokens).unwrap()
}

fn client(script: &Script) -> DeskClient {
    client_of(script, |_| ())
}

fn table() -> TableName {
    TableName::new("incident").unwrap()
}

fn shape() -> RecordShape {
    RecordShape::for_table(&table())
}

/// A plain sys_id out of a number.
fn id(n: u32) -> SysId {
    SysId::new(format!("{n:032x}"))
}

fn moment(text: &str) -> Stamp {
    Stamp::parse_servicenow(text).unwrap()
}

fn pair(value: &str, shown: &str) -> Value {
    json!({"value": value, "display_value": shown})
}

fn cell(value: &str) -> Value {
    pair(value, value)
}

fn row(n: u32, updated: &str) -> Value {
    json!({"sys_id": cell(id(n).as_str()), "number": cell("INC0010001"), "sys_mod_count": pair("1234", "1,234"),
        "sys_updated_on": pair(updated, "never"), "sys_updated_by": cell("ada"), "sys_created_on": cell(updated),
        "short_description": cell("t"), "state": pair("2", "In Progress"), "assigned_to": pair("", ""),
        "correlation_id": cell("diptych:prod:g"), "correlation_display": cell("diptych:prod")})
}

fn list(rows: &[Value], total: usize) -> HttpResponse {
    answer(200, &json!({ "result": rows }).to_string()).with("X-Total-Count", &total.to_string())
}

fn read(query: RecordQuery) -> DeskCall {
    DeskCall::Records { table: table(), shape: shape(), query }
}

fn changed() -> DeskCall {
    read(RecordQuery::Changed {
        groups: vec!["diptych:prod".into(), "diptych:lab".into()],
        since: moment("2026-11-21 10:00:00").plus(std::time::Duration::from_micros(7)),
        after: None,
    })
}

fn page_of(answer: Answer<DeskReply>) -> RecordPage {
    match answer.value {
        DeskReply::Page(page) => page,
        other => panic!("{other:?}"),
    }
}

fn record_of(answer: Answer<DeskReply>) -> Record {
    match answer.value {
        DeskReply::Record(record) => *record,
        other => panic!("{other:?}"),
    }
}

async fn refusal(response: HttpResponse, call: DeskCall) -> CallError {
    let script = Script::new();
    script.push(response);
    client(&script).call(call).await.unwrap_err()
}

/// The decoded query parameters of a request.
fn params(script: &Script, at: usize) -> Vec<(String, String)> {
    script.seen()[at].url.query_pairs().into_owned().collect()
}

fn param(script: &Script, at: usize, name: &str) -> String {
    params(script, at).into_iter().find(|(n, _)| n == name).map(|(_, v)| v).unwrap_or_default()
}

#[tokio::test]
async fn a_read_asks_for_exact_fields_and_keeps_hidden_ones_absent() {
    let script = Script::new();
    let mut one = row(1, "2026-11-21 10:00:00");
    one.as_object_mut().unwrap().remove("short_description");
    let elsewhere = "<https://evil.example/api/now/table/incident>;rel=\"next\"";
    script.push(list(&[one], 1).with("Link", elsewhere));
    let got = client(&script).call(changed()).await.unwrap();
    assert_eq!(got.date, Stamp::parse_rfc3339("2026-11-21T12:00:00Z"));
    let page = page_of(got);
    let r = &page.records[0];
    assert_eq!((r.sys_id.clone(), r.mod_count, r.updated_by.as_str()), (id(1), 1234, "ada"));
    assert_eq!(r.updated_on, moment("2026-11-21 10:00:00"));
    assert_eq!((r.value("short_description"), r.value("assigned_to")), (None, Some("")));
    assert_eq!(r.display.keys().collect::<Vec<_>>(), ["state"]);
    assert_eq!(page.next, None);
    assert_eq!(script.seen().len(), 1, "a Link is not followed");
    let seen = &script.seen()[0];
    assert_eq!((seen.method.word(), seen.url.path()), ("GET", "/api/now/table/incident"));
    let fields = param(&script, 0, "sysparm_fields");
    assert!(fields.starts_with("sys_id,number,sys_mod_count,sys_updated_on,sys_updated_by,sys_created_on"));
    for (name, value) in [
        ("sysparm_display_value", "all"),
        ("sysparm_exclude_reference_link", "true"),
        ("sysparm_limit", "1000"),
        ("sysparm_offset", "0"),
        (
            "sysparm_query",
            "correlation_displayINdiptych:prod,diptych:lab^sys_updated_on>=2026-11-21 10:00:00\
             ^ORDERBYsys_updated_on^ORDERBYsys_id",
        ),
    ] {
        assert_eq!(param(&script, 0, name), value);
    }
}

#[tokio::test]
async fn a_create_wants_201_and_gives_the_record_back() {
    let script = Script::new();
    let made = json!({"result": row(7, "2026-11-21 10:00:00")});
    script.push(
        answer(201, &made.to_string()).with("Location", "https://evil.example/api/now/table/incident/7"),
    );
    script.push(answer(200, &made.to_string()));
    script.push(answer(201, "{\"result\":{\"number\":\"INC1\"}}"));
    let desk = client(&script);
    let values = [("short_description", "a ^NQ [code]"), ("work_notes", "note"), ("u_extra", "1")];
    let write = RecordWrite { values: values.map(|(k, v)| (k.to_owned(), v.to_owned())).into() };
    let call =
        || DeskCall::Create { table: table(), shape: shape(), sys_id: Some(id(7)), write: write.clone() };
    assert_eq!(record_of(desk.call(call()).await.unwrap()).sys_id, id(7));
    let seen = &script.seen()[0];
    assert_eq!((seen.method.word(), seen.header("content-type")), ("POST", Some("application/json")));
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    let sent = json!({"short_description": "a ^NQ [code]", "u_extra": "1", "work_notes": "note", "sys_id": id(7).as_str()});
    assert_eq!(body, sent);
    assert_eq!(param(&script, 0, "sysparm_input_display_value"), "false");
    let fields = param(&script, 0, "sysparm_fields");
    assert!(fields.ends_with(",u_extra") && !fields.contains("work_notes"), "{fields}");
    for _ in 0..2 {
        let e = desk.call(call()).await.unwrap_err();
        assert!(e.maybe_applied, "{e}");
    }
    assert_eq!(script.seen().len(), 3, "a Location is not followed");
}

#[tokio::test]
async fn a_patch_goes_to_its_record_and_sends_only_the_write() {
    let script = Script::new();
    script.push(answer(200, &json!({"result": row(7, "2026-11-21 10:00:00")}).to_string()));
    script.push(answer(200, &json!({"result": row(8, "2026-11-21 10:00:00")}).to_string()));
    let desk = client(&script);
    let write = RecordWrite { values: [("state".to_owned(), "6".to_owned())].into() };
    let call = || DeskCall::Patch { table: table(), shape: shape(), sys_id: id(7), write: write.clone() };
    assert_eq!(record_of(desk.call(call()).await.unwrap()).value("state"), Some("2"));
    let seen = &script.seen()[0];
    assert_eq!(seen.method.word(), "PATCH");
    assert_eq!(seen.url.path(), format!("/api/now/table/incident/{}", id(7)));
    assert_eq!(seen.body, b"{\"state\":\"6\"}");
    let e = desk.call(call()).await.unwrap_err();
    assert_eq!((e.kind, e.maybe_applied), (FaultKind::QueryIgnored, true), "another record answered");
    let bad = RecordWrite { values: [("state^x".to_owned(), "6".to_owned())].into() };
    let call = DeskCall::Patch { table: table(), shape: shape(), sys_id: id(7), write: bad };
    assert_eq!(desk.call(call).await.unwrap_err().kind, FaultKind::Guard);
}

#[tokio::test]
async fn rows_that_the_query_did_not_ask_for_stop_everything() {
    use FaultKind::*;
    let with = |field: &str, value: Option<Value>| {
        let mut r = row(1, "2026-11-21 10:00:00");
        match value {
            Some(v) => r[field] = v,
            None => drop(r.as_object_mut().unwrap().remove(field)),
        }
        list(&[row(2, "2026-11-21 10:00:00"), r], 2)
    };
    for (response, kind, word) in [
        (with("correlation_display", Some(cell("somebody else"))), QueryIgnored, "correlation_display"),
        (with("correlation_display", Some(cell(""))), QueryIgnored, "correlation_display"),
        (with("correlation_display", None), Forbidden, "correlation_display"),
        (with("sys_updated_on", None), Forbidden, "sys_updated_on"),
        (with("sys_mod_count", None), Forbidden, "sys_mod_count"),
        (with("sys_id", None), Forbidden, "sys_id"),
        (with("sys_updated_on", Some(cell("2026-11-21 09:59:59"))), QueryIgnored, "before"),
        (with("sys_updated_on", Some(cell("21.11.2026"))), Garbled, "sys_updated_on"),
    ] {
        let e = refusal(response, changed()).await;
        assert_eq!(e.kind, kind, "{e}");
        assert!(e.message.contains(word) && e.message.starts_with("instance dev: "), "{e}");
    }
    let script = Script::new();
    script.push(with("correlation_display", Some(cell("DIPTYCH:prod "))));
    let page = page_of(client(&script).call(changed()).await.unwrap());
    assert_eq!(page.records.len(), 1, "equal for the database, but not ours");
    let call = read(RecordQuery::Ids(vec![id(1), id(3)]));
    assert_eq!(refusal(list(&[row(2, "2026-11-21 10:00:00")], 1), call.clone()).await.kind, QueryIgnored);
    assert_eq!(refusal(answer(200, "{\"result\":[]}"), call).await.kind, Garbled, "without a count");
    let other = read(RecordQuery::Correlation(vec!["diptych:prod:h".into()]));
    assert_eq!(refusal(list(&[row(1, "2026-11-21 10:00:00")], 1), other.clone()).await.kind, QueryIgnored);
    assert_eq!(refusal(list(&[], 1), other).await.kind, Forbidden, "a hidden record is not no record");
}

#[tokio::test]
async fn two_hundred_ids_fit_one_address_and_more_are_refused() {
    let script = Script::new();
    script.push(list(&[row(1, "2026-11-21 10:00:00")], 1));
    let desk = client(&script);
    let ids = |n| read(RecordQuery::Ids((1..=n).map(id).collect()));
    assert_eq!(page_of(desk.call(ids(200)).await.unwrap()).records.len(), 1);
    assert!(script.seen()[0].url.as_str().len() < 8192);
    assert_eq!(desk.call(ids(201)).await.unwrap_err().kind, FaultKind::Guard);
    let odd = read(RecordQuery::Ids(vec![SysId::new("x^NQactive=true")]));
    assert_eq!(desk.call(odd).await.unwrap_err().kind, FaultKind::Guard);
    let none = RecordQuery::Changed { groups: vec![], since: Stamp::default(), after: None };
    assert_eq!(desk.call(read(none)).await.unwrap_err().kind, FaultKind::Guard);
    let empty = page_of(desk.call(read(RecordQuery::Ids(vec![]))).await.unwrap());
    assert!(empty.records.is_empty() && script.seen().len() == 1);
}

#[tokio::test]
async fn one_record_is_read_by_its_key() {
    let script = Script::new();
    script.push(answer(200, &json!({"result": row(7, "2026-11-21 10:00:00")}).to_string()));
    script.push(answer(200, &json!({"result": row(8, "2026-11-21 10:00:00")}).to_string()));
    let desk = client(&script);
    let get = |sys_id| DeskCall::Get { table: table(), shape: shape(), sys_id };
    assert_eq!(record_of(desk.call(get(id(7))).await.unwrap()).sys_id, id(7));
    assert_eq!(desk.call(get(id(7))).await.unwrap_err().kind, FaultKind::QueryIgnored);
    assert_eq!(desk.call(get(SysId::new("../x"))).await.unwrap_err().kind, FaultKind::Guard);
    assert_eq!(script.seen().len(), 2);
}
