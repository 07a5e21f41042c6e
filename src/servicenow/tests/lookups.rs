//! Journals, users, choices.

use serde_json::{Value, json};

use super::{cell, client, id, list, moment, pair, param, refusal, table};
use crate::http::scripted::Script;
use crate::model::call::{DeskCall, DeskReply, UserKey, UserQuery};
use crate::model::{Choice, FaultKind, JournalEntry, User};
use crate::servicenow::RecordDesk;

fn note(n: u32, record: u32, at: &str) -> Value {
    json!({"sys_id": cell(id(n).as_str()), "element_id": cell(id(record).as_str()), "element": cell("work_notes"),
        "value": cell("text"), "sys_created_on": cell(at), "sys_created_by": cell("ada")})
}

fn journal() -> DeskCall {
    DeskCall::Journal {
        records: vec![id(1), id(2)],
        elements: vec!["work_notes".into(), "comments".into()],
        since: moment("2026-11-21 10:00:00"),
    }
}

async fn entries(script: &Script, call: DeskCall) -> Vec<JournalEntry> {
    match client(script).call(call).await.unwrap().value {
        DeskReply::Journal(entries) => entries,
        other => panic!("{other:?}"),
    }
}

async fn users(script: &Script, call: DeskCall) -> Vec<User> {
    match client(script).call(call).await.unwrap().value {
        DeskReply::Users(users) => users,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_journal_is_read_for_many_records_at_once() {
    let script = Script::new();
    script.push(list(&[note(5, 1, "2026-11-21 10:00:00"), note(6, 2, "2026-11-21 10:00:00")], 2));
    let got = entries(&script, journal()).await;
    assert_eq!((got[0].record.clone(), got[1].record.clone()), (id(1), id(2)));
    assert_eq!((got[0].created_by.as_str(), got[0].text.raw()), ("ada", "text"));
    assert_eq!(script.seen()[0].url.path(), "/api/now/table/sys_journal_field");
    assert_eq!(
        param(&script, 0, "sysparm_query"),
        format!(
            "element_idIN{},{}^elementINwork_notes,comments^sys_created_on>=2026-11-21 10:00:00\
             ^ORDERBYsys_created_on^ORDERBYsys_id",
            id(1),
            id(2)
        )
    );
    assert_eq!(
        refusal(list(&[note(5, 3, "2026-11-21 10:00:00")], 1), journal()).await.kind,
        FaultKind::QueryIgnored
    );
    assert_eq!(
        refusal(list(&[note(5, 1, "2026-11-21 09:00:00")], 1), journal()).await.kind,
        FaultKind::QueryIgnored
    );
    assert_eq!(refusal(list(&[], 9), journal()).await.kind, FaultKind::Forbidden, "hidden is not silent");
    let mut thin = note(5, 1, "2026-11-21 10:00:00");
    thin.as_object_mut().unwrap().remove("value");
    assert_eq!(refusal(list(&[thin], 1), journal()).await.kind, FaultKind::Forbidden);
}

#[tokio::test]
async fn a_journal_comes_from_display_text_where_it_must() {
    let script = Script::new();
    let text =
        "2026-11-21 10:05:00 - Ada Byron (Work notes)\nnew\n\n2026-11-21 10:00:00 - Bo (Work notes)\nold\n\n";
    let shown = |n: u32, text: &str| {
        let stamp = cell("2026-11-21 10:00:00");
        json!({"sys_id": cell(id(n).as_str()), "sys_created_on": stamp, "sys_updated_on": stamp,
            "work_notes": pair("", text)})
    };
    script.push(list(&[shown(1, text), shown(2, "")], 2));
    let call = || DeskCall::JournalText {
        table: table(),
        records: vec![id(1), id(2)],
        elements: vec!["work_notes".into()],
    };
    let got = entries(&script, call()).await;
    assert_eq!(got.iter().map(|e| e.text.raw()).collect::<Vec<_>>(), ["old", "new"]);
    assert_eq!((got[1].created_by.as_str(), got[1].sys_id.is_empty()), ("Ada Byron", true));
    assert_eq!(
        (&got[1].record, param(&script, 0, "sysparm_fields").as_str()),
        (&id(1), "sys_id,sys_created_on,sys_updated_on,work_notes")
    );
    let e =
        refusal(list(&[shown(1, "21.11.2026 10:05 - Ada (Work notes)\nx"), shown(2, "")], 2), call()).await;
    assert!(e.kind == FaultKind::Config && e.hint.contains("GMT"));
    let mut summer = shown(1, text);
    summer["sys_updated_on"] = pair("2026-11-21 10:00:00", "2026-11-21 12:00:00");
    let e = refusal(list(&[summer, shown(2, "")], 2), call()).await;
    assert!(e.kind == FaultKind::Config && e.message.contains("12:00:00") && e.hint.contains("GMT"), "{e}");
    let e = refusal(list(&[shown(1, text)], 1), call()).await;
    assert!(
        e.kind == FaultKind::NotFound && e.message.contains(id(2).as_str()),
        "what is not there is not silent"
    );
    let mut thin = shown(1, text);
    thin.as_object_mut().unwrap().remove("work_notes");
    assert_eq!(refusal(list(&[thin, shown(2, "")], 2), call()).await.kind, FaultKind::Forbidden);
    assert_eq!(refusal(list(&[shown(9, text)], 1), call()).await.kind, FaultKind::QueryIgnored);
}

fn person(n: u32, name: &str, email: Option<&str>) -> Value {
    let mut v = json!({"sys_id": cell(id(n).as_str()), "user_name": cell(name), "name": cell("N"),
        "active": pair("true", "true")});
    if let Some(email) = email {
        v["email"] = cell(email);
    }
    v
}

#[tokio::test]
async fn users_are_looked_up_by_safe_keys_only() {
    let script = Script::new();
    let rows = [
        person(1, "ada", Some("")),
        person(2, "bo", Some("Bo@X.example")),
        person(3, "CY", Some("c@x.example")),
    ];
    script.push(list(&rows, 3));
    let keys = vec![
        UserKey::SysId(id(1)),
        UserKey::Email("bo@x.example".into()),
        UserKey::Email("x^NQactive=true".into()),
        UserKey::UserName("javascript:gs.getUserID()".into()),
        UserKey::UserName("cy".into()),
    ];
    let got = users(&script, DeskCall::Users(UserQuery::Keys(keys.clone()))).await;
    assert_eq!(got.iter().map(|u| u.user_name.as_str()).collect::<Vec<_>>(), ["ada", "bo", "CY"]);
    assert!(got[0].active);
    assert_eq!(
        param(&script, 0, "sysparm_query"),
        format!("sys_idIN{}^NQemailINbo@x.example^NQuser_nameINcy^ORDERBYsys_id", id(1))
    );
    let call = || DeskCall::Users(UserQuery::Keys(keys.clone()));
    assert_eq!(
        refusal(list(&[person(9, "eve", Some("e@x.example"))], 1), call()).await.kind,
        FaultKind::QueryIgnored
    );
    assert_eq!(refusal(list(&[person(9, "eve", None)], 1), call()).await.kind, FaultKind::Forbidden);
    let script = Script::new();
    let hostile = DeskCall::Users(UserQuery::Keys(vec![UserKey::Email("x^y@z".into())]));
    assert!(users(&script, hostile).await.is_empty() && script.seen().is_empty());
}

#[tokio::test]
async fn active_users_page_by_key_past_hidden_pages() {
    let script = Script::new();
    script.push(list(&[], 1500));
    script.push(list(&[person(9, "ada", None)], 1500));
    let got = users(&script, DeskCall::Users(UserQuery::Active(Some(id(3))))).await;
    assert_eq!(got.len(), 1);
    assert_eq!(param(&script, 1, "sysparm_query"), format!("active=true^sys_id>{}^ORDERBYsys_id", id(3)));
    assert_eq!(param(&script, 1, "sysparm_offset"), "1000");
    let call = DeskCall::Users(UserQuery::Active(Some(id(3))));
    assert_eq!(refusal(list(&[person(2, "ada", None)], 1), call).await.kind, FaultKind::QueryIgnored);
}

#[tokio::test]
async fn who_we_are_is_one_user() {
    let script = Script::new();
    script.push(list(&[person(4, "sync", Some(""))], 1));
    let got = users(&script, DeskCall::Me).await;
    assert_eq!((got[0].sys_id.clone(), got[0].user_name.as_str()), (id(4), "sync"));
    assert_eq!(param(&script, 0, "sysparm_query"), "sys_id=javascript:gs.getUserID()");
    let two = list(&[person(4, "a", None), person(5, "b", None)], 40);
    assert_eq!(refusal(two, DeskCall::Me).await.kind, FaultKind::QueryIgnored);
    assert_eq!(refusal(list(&[], 1), DeskCall::Me).await.kind, FaultKind::Forbidden);
}

#[tokio::test]
async fn a_tables_own_choices_replace_those_of_task() {
    let choice = |n: u32, name: &str, element: &str, value: &str, sequence: &str, inactive: &str| {
        json!({"sys_id": cell(id(n).as_str()), "name": cell(name), "element": cell(element), "value": cell(value),
            "label": cell("L"), "inactive": cell(inactive), "sequence": cell(sequence)})
    };
    let rows = [
        choice(1, "task", "state", "9", "1", "false"),
        choice(2, "incident", "state", "2", "20", "false"),
        choice(3, "incident", "state", "1", "10", "true"),
        choice(4, "task", "impact", "3", "2", "false"),
        choice(5, "task", "impact", "1", "1", "false"),
    ];
    let script = Script::new();
    script.push(list(&rows, 5));
    let call = || DeskCall::Choices { table: table(), elements: vec!["impact".into(), "state".into()] };
    let DeskReply::Choices(got) = client(&script).call(call()).await.unwrap().value else {
        panic!("choices")
    };
    let short = |c: &Choice| format!("{} {} {}", c.element, c.value, c.inactive);
    assert_eq!(
        got.iter().map(short).collect::<Vec<_>>(),
        ["impact 1 false", "impact 3 false", "state 1 true", "state 2 false"]
    );
    assert_eq!(
        param(&script, 0, "sysparm_query"),
        "nameINincident,task^elementINimpact,state^language=en^ORDERBYsys_id"
    );
    let mut thin = choice(1, "task", "state", "9", "1", "false");
    thin.as_object_mut().unwrap().remove("name");
    assert_eq!(refusal(list(&[thin], 1), call()).await.kind, FaultKind::Forbidden);
    assert_eq!(refusal(list(&[], 80), call()).await.kind, FaultKind::Forbidden);
    let odd = DeskCall::Choices { table: table(), elements: vec!["state^x".into()] };
    assert_eq!(client(&Script::new()).call(odd).await.unwrap_err().kind, FaultKind::Guard);
}
