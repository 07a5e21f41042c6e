//! The client against the reference server, in one process and without a network: what the
//! client sends is what the documented platform takes.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{id, page_of, record_of, shape, table};
use crate::http::scripted::FakeClock;
use crate::http::{Base, Clock, HttpRequest, HttpResponse, Secret, Transport, TransportError};
use crate::model::call::{
    DeskCall, DeskReply, DeskRow, PageKey, RecordPage, RecordQuery, RowQuery, UserKey, UserQuery,
};
use crate::model::{CallError, FaultKind, InstanceKey, RecordWrite, SysId, TableName};
use crate::sandbox::people::CAST;
use crate::sandbox::servicenow::{DeskAct, DeskOptions, DeskWorld};
use crate::sandbox::wire::{Request, World};
use crate::servicenow::{DeskClient, DeskLogin, DeskSettings, RecordDesk, desk_tokens};
use crate::text::Stamp;

const ORIGIN: &str = "https://localhost:8444";

struct Wire {
    world: Mutex<DeskWorld>,
    clock: Arc<FakeClock>,
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let now = self.clock.now();
        let request = Request {
            method: request.method.word().into(),
            origin: request.url.origin().ascii_serialization(),
            path: request.url.path().into(),
            query: request.url.query().unwrap_or_default().into(),
            headers: request.headers,
            body: request.body,
        };
        let r = self.world.lock().unwrap().handle(&request, now);
        let mut headers = r.headers;
        headers.push(("date".into(), now.http_date()));
        Ok(HttpResponse { status: r.status, headers, body: r.body })
    }
}

struct Rig {
    wire: Arc<Wire>,
    desk: DeskClient,
}

fn rig(login: DeskLogin, page_limit: u32) -> Rig {
    let options = DeskOptions {
        seed: 7,
        user: "diptych.sync".into(),
        password: "pa:ss word".into(),
        client_id: "cid".into(),
        client_secret: "c-secret".into(),
        api_key: String::new(),
    };
    let clock = Arc::new(FakeClock::default());
    let wire = Arc::new(Wire { world: Mutex::new(DeskWorld::new(options)), clock: clock.clone() });
    let base = Base::parse(ORIGIN, false).unwrap();
    let settings = DeskSettings {
        page_limit,
        basic: login.is_basic(),
        ..DeskSettings::new(base.clone(), InstanceKey::new("dev").unwrap())
    };
    let tokens = desk_tokens(&base, login, wire.clone(), clock.clone()).unwrap();
    let desk = DeskClient::new(settings, wire.clone(), clock, tokens).unwrap();
    Rig { wire, desk }
}

fn basic() -> DeskLogin {
    DeskLogin::Basic { user: "diptych.sync".into(), password: Secret::new("pa:ss word") }
}

fn fields(pairs: &[(&str, &str)]) -> RecordWrite {
    RecordWrite { values: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect() }
}

impl Rig {
    fn set(&self, name: &str, value: Value) {
        self.wire.world.lock().unwrap().set_switch(name, &value).unwrap();
    }

    fn pass(&self, seconds: u64) {
        self.wire.clock.advance(std::time::Duration::from_secs(seconds));
    }

    async fn create(&self, n: u32) -> Result<SysId, CallError> {
        let group = "diptych:prod";
        let write = fields(&[
            ("short_description", "Odd sign-in"),
            ("correlation_id", &format!("{group}:{n}")),
            ("correlation_display", group),
        ]);
        let call = DeskCall::Create { table: table(), shape: shape(), sys_id: Some(id(n)), write };
        self.desk.call(call).await.map(|a| record_of(a).sys_id)
    }

    async fn patch(&self, n: u32, pairs: &[(&str, &str)]) -> Result<crate::model::Record, CallError> {
        let write = fields(pairs);
        let call = DeskCall::Patch { table: table(), shape: shape(), sys_id: id(n), write };
        self.desk.call(call).await.map(record_of)
    }

    async fn query(&self, query: RecordQuery) -> Result<RecordPage, CallError> {
        self.desk.call(DeskCall::Records { table: table(), shape: shape(), query }).await.map(page_of)
    }

    async fn changed(&self, since: Stamp) -> Result<Vec<SysId>, CallError> {
        let (mut all, mut after): (Vec<SysId>, Option<PageKey>) = (Vec::new(), None);
        loop {
            let groups = vec!["diptych:prod".into()];
            let page = self.query(RecordQuery::Changed { groups, since, after }).await?;
            all.extend(page.records.into_iter().map(|r| r.sys_id));
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }
}

#[tokio::test]
async fn creates_are_unique_by_the_key_of_our_choice() {
    let rig = rig(basic(), 1000);
    assert_eq!(rig.create(1).await.unwrap(), id(1));
    for shape in ["forbidden", "bad_request", "conflict", "server_error"] {
        rig.set("duplicate_sys_id", json!(shape));
        let e = rig.create(1).await.unwrap_err();
        assert_eq!((e.kind, e.maybe_applied), (FaultKind::Duplicate, false), "{shape}: {e}");
    }
    let page = rig.query(RecordQuery::Correlation(vec!["diptych:prod:1".into()])).await.unwrap();
    assert_eq!(page.records.len(), 1);
    assert_eq!(page.records[0].value("short_description"), Some("Odd sign-in"));
    rig.set("client_sys_id", json!("ignored"));
    assert_ne!(rig.create(2).await.unwrap(), id(2), "what the server chose is told");
}

#[tokio::test]
async fn changes_are_read_page_by_page_past_hidden_rows() {
    let rig = rig(basic(), 2);
    let start = rig.wire.clock.now();
    for n in 1..=9 {
        rig.create(n).await.unwrap();
        rig.pass(u64::from(n % 3 == 0));
    }
    let all: Vec<SysId> = (1..=9).map(id).collect();
    assert_eq!(rig.changed(start).await.unwrap(), all);
    let hidden: Vec<String> = (1..=5).map(|n| id(n).as_str().to_owned()).collect();
    rig.set("hidden_rows", json!({ "diptych.sync": hidden }));
    assert_eq!(rig.changed(start).await.unwrap(), all[5..]);
    let keys =
        rig.query(RecordQuery::Keys { groups: vec!["diptych:prod".into()], after: None }).await.unwrap();
    assert_eq!(keys.records.iter().map(|r| r.sys_id.clone()).collect::<Vec<_>>(), [id(6)]);
    let got = rig.query(RecordQuery::Ids((1..=9).map(id).collect())).await.unwrap();
    assert_eq!(got.records.len(), 4);
    let e = rig.query(RecordQuery::Correlation(vec!["diptych:prod:1".into()])).await.unwrap_err();
    assert_eq!(e.kind, FaultKind::Forbidden, "a hidden record is not no record");
}

#[tokio::test]
async fn a_field_that_the_instance_does_not_know_is_noticed() {
    let rig = rig(basic(), 100);
    rig.create(1).await.unwrap();
    let admin = CAST[0].user_name;
    let stranger = [("short_description".to_owned(), "not ours".to_owned())];
    let now = rig.wire.clock.now();
    rig.wire.world.lock().unwrap().create("incident", &stranger, admin, now).unwrap();
    let mut odd = shape();
    odd.correlation_display = "u_missing".into();
    let groups = vec!["diptych:prod".into()];
    let query = RecordQuery::Changed { groups, since: Stamp::default(), after: None };
    let call = DeskCall::Records { table: table(), shape: odd, query };
    let e = rig.desk.call(call).await.unwrap_err();
    assert!(matches!(e.kind, FaultKind::QueryIgnored | FaultKind::Forbidden), "{e}");
}

#[tokio::test]
async fn writes_and_refusals_are_what_the_platform_says() {
    let rig = rig(basic(), 100);
    rig.create(1).await.unwrap();
    let r = rig.patch(1, &[("state", "2"), ("impact", "1"), ("urgency", "1")]).await.unwrap();
    assert_eq!((r.value("state"), r.value("impact"), r.mod_count), (Some("2"), Some("1"), 1));
    let e = rig.patch(1, &[("state", "6")]).await.unwrap_err();
    assert_eq!((e.kind, e.code.as_deref()), (FaultKind::Rejected, Some("data-policy")));
    assert!(e.message.contains("Resolution code"), "{e}");
    let closing = [("state", "6"), ("close_code", "Solution provided"), ("close_notes", "done")];
    assert_eq!(rig.patch(1, &closing).await.unwrap().value("close_code"), Some("Solution provided"));
    assert_eq!(rig.patch(9, &[("state", "2")]).await.unwrap_err().kind, FaultKind::NotFound);
    for (page, kind) in [
        ("hibernating", FaultKind::Asleep),
        ("hibernating_redirect", FaultKind::Asleep),
        ("login", FaultKind::Garbled),
        ("login_redirect", FaultKind::Garbled),
        ("maintenance", FaultKind::Unavailable),
    ] {
        rig.set("page", json!(page));
        let e = rig.patch(1, &[("state", "2")]).await.unwrap_err();
        assert_eq!((e.kind, e.maybe_applied), (kind, true), "{page}: {e}");
    }
    rig.set("page", json!("none"));
    rig.set("semaphore_429_every", json!(1));
    assert_eq!(rig.patch(1, &[("state", "2")]).await.unwrap_err().kind, FaultKind::Throttled);
    rig.set("semaphore_429_every", json!(0));
    rig.set("dropped_202_every", json!(1));
    let e = rig.patch(1, &[("state", "2")]).await.unwrap_err();
    assert_eq!((e.kind, e.maybe_applied), (FaultKind::Garbled, true));
}

#[tokio::test]
async fn journals_are_read_from_the_table_or_from_the_text() {
    let rig = rig(basic(), 100);
    rig.create(1).await.unwrap();
    rig.patch(1, &[("work_notes", "ours\n\nin two parts")]).await.unwrap();
    rig.pass(5);
    let note = DeskAct::WorkNote("theirs".into());
    let now = rig.wire.clock.now();
    rig.wire.world.lock().unwrap().act("incident", id(1).as_str(), &note, CAST[1].user_name, now).unwrap();
    let elements = vec!["work_notes".to_owned()];
    let journal =
        || DeskCall::Journal { records: vec![id(1)], elements: elements.clone(), since: Stamp::default() };
    let texts = |reply: DeskReply| match reply {
        DeskReply::Journal(j) => {
            j.into_iter().map(|e| (e.text.raw().to_owned(), e.created_by)).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let got = texts(rig.desk.call(journal()).await.unwrap().value);
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(got, [pair("ours\n\nin two parts", "diptych.sync"), pair("theirs", CAST[1].user_name)]);
    for mode in ["empty", "forbidden"] {
        rig.set("journal_acl", json!(mode));
        assert_eq!(rig.desk.call(journal()).await.unwrap_err().kind, FaultKind::Forbidden, "{mode}");
    }
    let call = DeskCall::JournalText { table: table(), records: vec![id(1)], elements: elements.clone() };
    let got = texts(rig.desk.call(call).await.unwrap().value);
    assert_eq!(got.iter().map(|(t, _)| t.as_str()).collect::<Vec<_>>(), ["ours\n\nin two parts", "theirs"]);
    assert_eq!(got[1].1, CAST[1].name);
}

#[tokio::test]
async fn users_choices_and_ourselves_are_found() {
    let login = DeskLogin::ClientCredentials { id: "cid".into(), secret: Secret::new("c-secret") };
    let rig = rig(login, 3);
    let DeskReply::Users(me) = rig.desk.call(DeskCall::Me).await.unwrap().value else { panic!("users") };
    assert_eq!((me.len(), me[0].user_name.as_str()), (1, "diptych.sync"));
    let keys = vec![UserKey::Email(CAST[1].email.into()), UserKey::UserName(CAST[3].user_name.into())];
    let DeskReply::Users(got) = rig.desk.call(DeskCall::Users(UserQuery::Keys(keys))).await.unwrap().value
    else {
        panic!("users")
    };
    assert_eq!(got.len(), 2);
    let mut after = None;
    let mut active = Vec::new();
    loop {
        let reply = rig.desk.call(DeskCall::Users(UserQuery::Active(after.clone()))).await.unwrap().value;
        let DeskReply::Users(page) = reply else { panic!("users") };
        let Some(last) = page.last() else { break };
        after = Some(last.sys_id.clone());
        active.extend(page.into_iter().map(|u| u.user_name));
    }
    for person in CAST {
        assert_eq!(active.iter().any(|u| u == person.user_name), person.active, "{}", person.name);
    }
    let call = DeskCall::Choices { table: table(), elements: vec!["state".into(), "close_code".into()] };
    let DeskReply::Choices(choices) = rig.desk.call(call).await.unwrap().value else { panic!("choices") };
    assert!(choices.iter().any(|c| c.element == "state" && c.value == "6" && c.label.raw() == "Resolved"));
    assert!(choices.iter().any(|c| c.element == "close_code" && c.value == "Solution provided"));
}

#[tokio::test]
async fn logins_work_and_fail_by_name() {
    let password = || DeskLogin::Password {
        id: "cid".into(),
        secret: Secret::new("c-secret"),
        user: "diptych.sync".into(),
        password: Secret::new("pa:ss word"),
    };
    let good = rig(password(), 100);
    good.create(1).await.unwrap();
    good.pass(1790);
    assert!(good.patch(1, &[("state", "2")]).await.is_ok(), "a token near its end is replaced");
    let wrong = rig(DeskLogin::Basic { user: "diptych.sync".into(), password: Secret::new("no-no") }, 100);
    let e = wrong.create(1).await.unwrap_err();
    assert_eq!((e.kind, e.status), (FaultKind::SignIn, Some(401)));
    good.set("basic_gate", json!(true));
    let login = DeskLogin::ClientCredentials { id: "cid".into(), secret: Secret::new("bad-secret") };
    let e = rig(login, 100).create(1).await.unwrap_err();
    assert_eq!(e.kind, FaultKind::SignIn);
    assert!(!e.to_string().contains("bad-secret"));
}

impl Rig {
    async fn rows(&self, table: &str, query: RowQuery) -> Result<Vec<DeskRow>, CallError> {
        let (table, fields) = (TableName::new(table).unwrap(), vec!["value".to_owned(), "name".to_owned()]);
        match self.desk.call(DeskCall::Rows { table, fields, query }).await?.value {
            DeskReply::Rows(rows) => Ok(rows),
            other => panic!("{other:?}"),
        }
    }

    async fn add_row(&self, sys_id: Option<SysId>, value: &str) -> Result<DeskRow, CallError> {
        let (table, write) = (TableName::new("sn_ti_observable").unwrap(), fields(&[("value", value)]));
        match self.desk.call(DeskCall::AddRow { table, sys_id, write }).await?.value {
            DeskReply::Rows(mut rows) => Ok(rows.remove(0)),
            other => panic!("{other:?}"),
        }
    }
}

fn all(name: &str, value: &str) -> RowQuery {
    RowQuery::All(vec![(name.into(), value.into())])
}

#[tokio::test]
async fn rows_beside_the_records_are_found_by_what_they_say() {
    let rig = rig(basic(), 1000);
    let url = "https://evil.example/a?b=c&d=%5E~1";
    assert_eq!(rig.rows("sn_ti_observable", all("value", url)).await.unwrap(), []);
    let made = rig.add_row(Some(id(7)), url).await.unwrap();
    assert_eq!((made.sys_id.clone(), made.values["value"].as_str()), (id(7), url));
    let found = rig.rows("sn_ti_observable", all("value", url)).await.unwrap();
    assert_eq!(found.iter().map(|r| r.sys_id.clone()).collect::<Vec<_>>(), [id(7)]);
    assert_eq!(rig.add_row(Some(id(7)), url).await.unwrap_err().kind, FaultKind::Duplicate);
    let names = RowQuery::Named("name".into(), vec!["IP address (V4)", "URL", "No such type"]);
    assert_eq!(rig.rows("sn_ti_observable_type", names).await.unwrap().len(), 2);
    let either = RowQuery::Any(vec![("name".into(), "laptop-017".into()), ("name".into(), "dc01".into())]);
    assert_eq!(rig.rows("cmdb_ci", either).await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_stands_in_the_way_of_rows_is_told_apart() {
    let rig = rig(basic(), 1000);
    for odd in ["a^b", "a,b", "javascript:gs.getUserID()", "", "a b"] {
        assert_eq!(rig.rows("sn_ti_observable", all("value", odd)).await.unwrap_err().kind, FaultKind::Guard);
    }
    let nothing = RowQuery::All(Vec::new());
    assert_eq!(rig.rows("sn_ti_observable", nothing).await.unwrap_err().kind, FaultKind::Guard);
    rig.add_row(Some(id(7)), "203.0.113.7").await.unwrap();
    let unknown = rig.rows("sn_ti_observable", all("no_such_column", "x")).await.unwrap_err();
    assert!(matches!(unknown.kind, FaultKind::Forbidden | FaultKind::QueryIgnored), "{unknown}");
    rig.set("hidden_rows", json!({"*": [id(7).as_str()]}));
    let hidden = rig.rows("sn_ti_observable", all("value", "203.0.113.7")).await.unwrap_err();
    assert_eq!(hidden.code.as_deref(), Some(CallError::HIDDEN_ROWS));
    rig.set("read_only_tables", json!({"*": ["sn_ti_observable"]}));
    assert_eq!(rig.add_row(None, "203.0.113.8").await.unwrap_err().kind, FaultKind::Forbidden);
    rig.set("ti_plugin", json!(false));
    let missing = rig.rows("sn_ti_observable", all("value", "203.0.113.7")).await.unwrap_err();
    assert_eq!(missing.code.as_deref(), Some(CallError::NO_TABLE));
}
