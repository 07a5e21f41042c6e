//! Paging against a small table with hidden rows: whatever the page size and whoever may see
//! what, every visible row is read once and the list ends.

use std::sync::Arc;

use async_trait::async_trait;
use proptest::prelude::*;
use serde_json::Value;

use super::{DEV, Script, changed, id, list, moment, page_of, read, row};
use crate::http::scripted::{FakeClock, token};
use crate::http::{Base, FixedToken, HttpRequest, HttpResponse, Transport, TransportError};
use crate::model::call::{PageKey, RecordQuery};
use crate::model::{FaultKind, InstanceKey, SysId};
use crate::servicenow::{DeskClient, DeskSettings, RecordDesk};
use crate::text::Stamp;

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Rows as (second, key, hidden), answered as the platform does: count and limit first, access
/// rules after.
struct Table(Vec<(u32, u32, bool)>);

fn at(second: u32) -> String {
    moment("2026-11-21 10:00:00").plus(std::time::Duration::from_secs(second.into())).servicenow()
}

impl Table {
    /// True when one branch of the query has only terms that the row meets.
    fn meets(query: &str, updated: &str, sys_id: &str) -> bool {
        let conditions = query.split("^ORDERBY").next().unwrap();
        conditions.split("^NQ").any(|branch| {
            let mut grouped = false;
            let all = branch.split('^').all(|term| {
                if term == "correlation_displayINdiptych:prod,diptych:lab" {
                    grouped = true;
                    return true;
                }
                let tests: [(&str, bool); 4] = [
                    ("sys_updated_on>=", term.strip_prefix("sys_updated_on>=").is_some_and(|v| updated >= v)),
                    ("sys_updated_on>", term.strip_prefix("sys_updated_on>").is_some_and(|v| updated > v)),
                    ("sys_updated_on=", term.strip_prefix("sys_updated_on=").is_some_and(|v| updated == v)),
                    ("sys_id>", term.strip_prefix("sys_id>").is_some_and(|v| sys_id > v)),
                ];
                tests.iter().find(|(name, _)| term.starts_with(name)).expect("a known term").1
            });
            assert!(grouped, "each branch repeats the group: {query}");
            all
        })
    }
}

#[async_trait]
impl Transport for Table {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let get = |name: &str| {
            request
                .url
                .query_pairs()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.into_owned())
                .unwrap_or_default()
        };
        let query = get("sysparm_query");
        let (limit, offset): (usize, usize) =
            (get("sysparm_limit").parse().unwrap(), get("sysparm_offset").parse().unwrap());
        let mut rows = self.0.clone();
        rows.retain(|(second, n, _)| Self::meets(&query, &at(*second), id(*n).as_str()));
        if query.contains("ORDERBYsys_updated_on^ORDERBYsys_id") {
            rows.sort();
        } else {
            rows.sort_by_key(|r| r.1);
        }
        let shown: Vec<Value> = rows
            .iter()
            .skip(offset)
            .take(limit)
            .filter(|(_, _, hidden)| !hidden)
            .map(|(second, n, _)| row(*n, &at(*second)))
            .collect();
        Ok(list(&shown, rows.len()))
    }
}

fn desk(rows: &[(u32, u32, bool)], limit: u32) -> DeskClient {
    let base = Base::parse(DEV, false).unwrap();
    let settings =
        DeskSettings { page_limit: limit, ..DeskSettings::new(base, InstanceKey::new("dev").unwrap()) };
    let tokens = Arc::new(FixedToken::new(token(DEV)));
    DeskClient::new(settings, Arc::new(Table(rows.to_vec())), Arc::new(FakeClock::default()), tokens).unwrap()
}

fn groups() -> Vec<String> {
    vec!["diptych:prod".into(), "diptych:lab".into()]
}

fn read_all(rows: &[(u32, u32, bool)], limit: u32) -> Vec<SysId> {
    let desk = desk(rows, limit);
    let (mut got, mut after): (Vec<SysId>, Option<PageKey>) = (Vec::new(), None);
    for _ in 0..200 {
        let since = moment("2026-11-21 10:00:03");
        let call = read(RecordQuery::Changed { groups: groups(), since, after: after.clone() });
        let page = page_of(block_on(desk.call(call)).unwrap());
        got.extend(page.records.into_iter().map(|r| r.sys_id));
        after = page.next;
        if after.is_none() {
            return got;
        }
    }
    panic!("the list did not end");
}

fn sweep(rows: &[(u32, u32, bool)], limit: u32) -> Vec<SysId> {
    let desk = desk(rows, limit);
    let (mut got, mut after): (Vec<SysId>, Option<SysId>) = (Vec::new(), None);
    for _ in 0..200 {
        let call = read(RecordQuery::Keys { groups: groups(), after: after.clone() });
        let page = page_of(block_on(desk.call(call)).unwrap());
        got.extend(page.records.into_iter().map(|r| r.sys_id));
        match page.next {
            Some(key) => after = Some(key.sys_id),
            None => return got,
        }
    }
    panic!("the list did not end");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_visible_row_is_read_once(
        seconds in prop::collection::vec((0u32..12, any::<bool>()), 0..40), limit in 1u32..7,
    ) {
        let rows: Vec<(u32, u32, bool)> =
            seconds.iter().enumerate().map(|(n, (s, hidden))| (*s, n as u32 + 1, *hidden)).collect();
        let mut expected = rows.clone();
        expected.retain(|(s, _, hidden)| *s >= 3 && !hidden);
        expected.sort();
        let keys: Vec<SysId> = expected.iter().map(|(_, n, _)| id(*n)).collect();
        prop_assert_eq!(read_all(&rows, limit), keys);
        let all: Vec<SysId> = rows.iter().filter(|r| !r.2).map(|r| id(r.1)).collect();
        prop_assert_eq!(sweep(&rows, limit.max(2)), all);
    }
}

#[test]
fn a_page_without_a_visible_row_moves_the_offset_on() {
    let script = Script::new();
    script.push(list(&[], 2500));
    let desk = super::client(&script);
    let page = page_of(block_on(desk.call(changed())).unwrap());
    let next = page.next.unwrap();
    assert_eq!((next.sys_id.is_empty(), next.offset), (true, 1000));
    script.push(list(&[row(1, "2026-11-21 10:00:09")], 2500));
    let again = RecordQuery::Changed { groups: groups(), since: Stamp::default(), after: Some(next) };
    let page = page_of(block_on(desk.call(read(again))).unwrap());
    assert_eq!(super::param(&script, 1, "sysparm_offset"), "1000");
    assert!(
        super::param(&script, 1, "sysparm_query").contains("^sys_updated_on>=2026-11-21 10:00:00^ORDERBY")
    );
    let key = PageKey { updated_on: moment("2026-11-21 10:00:09"), sys_id: id(1), offset: 0 };
    assert_eq!(page.next, Some(key));
}

#[test]
fn a_row_before_the_key_is_a_dropped_term() {
    let script = Script::new();
    script.push(list(&[row(4, "2026-11-21 10:00:09")], 1));
    let after = Some(PageKey { updated_on: moment("2026-11-21 10:00:09"), sys_id: id(4), offset: 0 });
    let call = read(RecordQuery::Changed { groups: groups(), since: Stamp::default(), after });
    let e = block_on(super::client(&script).call(call)).unwrap_err();
    assert_eq!(e.kind, FaultKind::QueryIgnored);
    let sent = super::param(&script, 0, "sysparm_query");
    let g = "correlation_displayINdiptych:prod,diptych:lab";
    let t = "2026-11-21 10:00:09";
    let k = id(4);
    assert_eq!(
        sent,
        format!(
            "{g}^sys_updated_on>{t}^NQ{g}^sys_updated_on={t}^sys_id>{k}^ORDERBYsys_updated_on^ORDERBYsys_id"
        )
    );
}
