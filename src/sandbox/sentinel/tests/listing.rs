//! Filters, orders, pages and what goes wrong with them.

use serde_json::{Value, json};

use super::bench::*;
use crate::sandbox::sentinel::IncidentAct;

fn several() -> Bench {
    let mut bench = Bench::new();
    for (title, severity, label) in [
        ("Alpha's login", "High", "snow"),
        ("Beta Login", "Low", "Snow"),
        ("Gamma", "Informational", "other"),
    ] {
        let mut draft = draft(title);
        draft.severity = severity.into();
        draft.labels = vec![label.into()];
        bench.raise_draft(draft);
        bench.tick(1);
    }
    let guid = bench.world.facts("soc")[1].guid.clone();
    bench.act(&guid, IncidentAct::Owner(Some(noor()))).unwrap();
    let close =
        IncidentAct::Close { classification: "Undetermined".into(), reason: None, comment: String::new() };
    let last = bench.world.facts("soc")[2].guid.clone();
    bench.act(&last, close).unwrap();
    bench
}

#[test]
fn filters_find_what_shipped_clients_ask_for() {
    let mut bench = several();
    let (a, b, c) = ("Alpha's login", "Beta Login", "Gamma");
    let cases: &[(&str, &[&str])] = &[
        ("properties/status eq 'New'", &[a, b]),
        ("(properties/severity eq 'High') or properties/severity eq 'Low'", &[a, b]),
        ("properties/createdTimeUtc ge 2026-11-21T13:40:20Z", &[b, c]),
        ("properties/createdTimeUtc gt 2026-11-21T13:40:20.9999999Z", &[c]),
        ("properties/createdTimeUtc le 2026-11-21T14:40:19.2+01:00", &[a]),
        ("properties/lastModifiedTimeUtc ge 2026-11-21T13:40:22.123Z", &[b, c]),
        ("properties/incidentNumber gt 1 and properties/incidentNumber lt 3", &[b]),
        ("contains(properties/title,'login')", &[a]),
        ("contains(toLower(properties/title), 'login')", &[a, b]),
        ("contains(tolower(properties/owner/assignedTo),'noor')", &[b]),
        ("properties/title eq 'Alpha''s login'", &[a]),
        ("startswith(properties/title,'B') or endswith(properties/title, 'mma')", &[b, c]),
        ("properties/labels/any(i:i/labelName eq 'snow')", &[a]),
        ("properties/labels/any(item: contains(toLower(item/labelName),'snow'))", &[a, b]),
        ("not (properties/severity ne 'High')", &[a]),
        ("properties/owner/email eq null", &[a, c]),
        ("properties/severity in ('Low', 'High')", &[a, b]),
        ("properties/additionalData/tactics/any(t: t eq 'InitialAccess')", &[a, b, c]),
        ("properties/classification eq 'Undetermined'", &[]),
        (
            "properties/status eq 'New' and (properties/severity eq 'Low' or not properties/incidentNumber eq 1)",
            &[b],
        ),
    ];
    for (filter, wanted) in cases {
        assert_eq!(
            bench.find(filter).as_deref(),
            Ok(&wanted.iter().map(|t| t.to_string()).collect::<Vec<_>>()[..]),
            "{filter}"
        );
    }
    bench.set("undetermined_bug", json!(false));
    assert_eq!(bench.find("properties/classification eq 'Undetermined'").unwrap(), [c]);
    bench.set("time_digits", json!(0));
    assert_eq!(bench.find("properties/createdTimeUtc eq 2026-11-21T13:40:19Z").unwrap(), [a]);
}

#[test]
fn a_bad_filter_is_refused_and_never_breaks_anything() {
    let mut bench = several();
    let deep = format!("{}properties/status eq 'New'{}", "(".repeat(3900), ")".repeat(3900));
    for filter in [
        "properties/nothing eq 'x'",
        "properties/status eq",
        "properties/status eq 'New",
        "properties/createdTimeUtc ge '2026-11-21T13:40:20Z'",
        "properties/createdTimeUtc ge 2026-11-21T13:40:20 00:00",
        "properties/incidentNumber gt 'x'",
        "properties/status eq 'New' properties/status eq 'New'",
        "properties/labels eq 'snow'",
        "properties/labels/any(i:j/labelName eq 'snow')",
        "contains(properties/title)",
        "€",
        &deep,
        &"not ".repeat(1500),
        &format!("{}properties/title", "tolower(".repeat(900)),
    ] {
        let answer = bench.find(filter);
        assert!(answer.is_err_and(|m| m.starts_with("Invalid filter")), "{filter}");
    }
    bench.set("filter_dialect", json!("seen"));
    assert!(bench.find("properties/status ne 'New'").is_err());
    assert!(bench.find("properties/status eq 'New' or properties/status eq 'Active'").is_ok());
}

fn list(bench: &mut Bench, query: &str) -> Value {
    let response = bench.send("GET", &format!("{BASE}/incidents?api-version={VERSION}{query}"), &Value::Null);
    let answer = body(&response);
    if response.status == 200 { answer } else { json!({"refused": response.status, "value": []}) }
}

/// Follows next links verbatim and gives all titles and the links.
fn walk(bench: &mut Bench, query: &str) -> (Vec<String>, Vec<String>) {
    let (mut all, mut links) = (Vec::new(), Vec::new());
    let mut page = list(bench, query);
    loop {
        all.extend(titles(&page));
        let Some(link) = page["nextLink"].as_str().map(str::to_owned) else { return (all, links) };
        let target = link.strip_prefix("https://localhost:8443").unwrap().to_owned();
        links.push(link);
        page = body(&bench.send("GET", &target, &Value::Null));
    }
}

fn many(count: usize) -> Bench {
    let mut bench = Bench::new();
    for i in 0..count {
        bench.raise(&format!("T{i:02}"));
        bench.tick(1);
    }
    bench
}

const POLL: &str = "&$filter=properties/lastModifiedTimeUtc%20ge%202026-11-21T13:40:21Z%20and%20\
                    properties/labels/any(i:i/labelName%20eq%20%27snow%27)\
                    &$orderby=properties/lastModifiedTimeUtc%20asc&$top=3";

#[test]
fn next_links_are_complete_literal_and_end() {
    let mut bench = many(10);
    let wanted: Vec<String> = (2..10).map(|i| format!("T{i:02}")).collect();
    let (all, links) = walk(&mut bench, POLL);
    assert_eq!((all, links.len()), (wanted.clone(), 2));
    let link = &links[0];
    assert!(
        link.starts_with(&format!("https://localhost:8443{BASE}/incidents?api-version={VERSION}&$filter="))
    );
    assert!(link.contains("&$top=3&$skipToken=") && link.contains("%20ge%20") && !link.contains('+'));
    let token = link.rsplit_once("$skipToken=").unwrap().1;
    assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~-".contains(&b)));

    // A client may add its own parameters once more, identically.
    let target = link.strip_prefix("https://localhost:8443").unwrap();
    assert_eq!(bench.send("GET", &format!("{target}&%24top=3"), &Value::Null).status, 200);
    assert_eq!(bench.send("GET", &format!("{target}&$top=4"), &Value::Null).status, 400);
    let other_filter = target.replace("13:40:21", "13:40:22").replace("13%3A40%3A21", "13%3A40%3A22");
    assert_eq!(bench.send("GET", &other_filter, &Value::Null).status, 400);

    for switch in [("paging", json!("offset")), ("page_cap", json!(2)), ("time_digits", json!(0))] {
        bench.set(switch.0, switch.1);
        assert_eq!(walk(&mut bench, POLL).0, wanted);
    }
}

#[test]
fn every_order_pages_without_loss_in_both_directions() {
    let mut bench = many(7);
    let up: Vec<String> = (0..7).map(|i| format!("T{i:02}")).collect();
    let down: Vec<String> = up.iter().rev().cloned().collect();
    for (field, ascending, descending) in [
        ("lastModifiedTimeUtc", &up, &down),
        ("incidentNumber", &up, &down),
        ("severity", &up, &down),
        ("severity desc,properties/title", &up, &down),
        ("owner/assignedTo", &up, &down),
    ] {
        let query = |direction: &str| {
            format!("&$top=2&$orderby=properties/{field}%20{direction}").replace(" ", "%20")
        };
        assert_eq!(&walk(&mut bench, &query("asc")).0, ascending, "{field}");
        assert_eq!(&walk(&mut bench, &query("desc")).0, descending, "{field}");
    }
    assert_eq!(titles(&list(&mut bench, "")), down, "newest first unless asked");
}

#[test]
fn top_has_a_default_and_a_maximum() {
    let mut bench = many(60);
    let page = list(&mut bench, "");
    assert_eq!((titles(&page).len(), page["nextLink"].is_string()), (50, true));
    assert_eq!(titles(&list(&mut bench, "&$top=1000")).len(), 60);
    for top in ["1001", "0", "-1", "x"] {
        assert_eq!(list(&mut bench, &format!("&$top={top}"))["refused"], json!(400));
    }
}

#[test]
fn a_change_during_paging_moves_a_row_behind() {
    let mut bench = many(6);
    let by = "&$orderby=properties/lastModifiedTimeUtc%20asc&$top=2";
    let first = list(&mut bench, by);
    let guid = bench.world.facts("soc")[0].guid.clone();
    bench.act(&guid, IncidentAct::Severity("Low".into())).unwrap();
    let target =
        first["nextLink"].as_str().unwrap().strip_prefix("https://localhost:8443").unwrap().to_owned();
    let second = body(&bench.send("GET", &target, &Value::Null));
    assert_eq!(titles(&second), ["T02", "T03"], "a key does not lose a row");
    bench.set("paging", json!("offset"));
    let second = body(&bench.send("GET", &target, &Value::Null));
    assert_eq!(titles(&second), ["T03", "T04"], "a count does");
}

#[test]
fn pages_repeat_skip_and_expire_when_told_to() {
    let mut bench = many(6);
    let by = "&$orderby=properties/lastModifiedTimeUtc%20asc&$top=3";
    bench.set("page_drift", json!("repeat"));
    assert_eq!(walk(&mut bench, by).0, ["T00", "T01", "T02", "T02", "T03", "T04", "T04", "T05"]);
    bench.set("page_drift", json!("skip"));
    assert_eq!(walk(&mut bench, by).0, ["T00", "T01", "T02", "T04", "T05"]);
    bench.set("page_drift", json!("none"));
    bench.set("skip_token_life_s", json!(30));
    let link = list(&mut bench, by)["nextLink"].as_str().unwrap().to_owned();
    let target = link.strip_prefix("https://localhost:8443").unwrap().to_owned();
    assert_eq!(bench.send("GET", &target, &Value::Null).status, 200);
    bench.tick(30);
    assert_eq!(bench.send("GET", &target, &Value::Null).status, 400);
    bench.set("next_link_origin", json!("https://evil.example"));
    bench.set("next_link_port", json!(true));
    let link = list(&mut bench, by)["nextLink"].as_str().unwrap().to_owned();
    assert!(link.starts_with("https://evil.example:443/subscriptions/"));
    bench.set("next_link_dollar", json!("escaped"));
    assert!(list(&mut bench, by)["nextLink"].as_str().unwrap().contains("&%24skipToken="));
}

#[test]
fn a_late_list_shows_an_old_version_while_get_is_fresh() {
    let mut bench = Bench::new();
    let guid = bench.raise("Old");
    bench.tick(100);
    bench.set("list_lag_s", json!(60));
    bench.set("list_lag_spread", json!(false));
    bench.act(&guid, IncidentAct::Title("New".into())).unwrap();
    let unseen = bench.raise("Unseen");
    bench.tick(59);
    let page = list(&mut bench, "");
    assert_eq!(titles(&page), ["Old"]);
    assert_eq!(bench.incident(&guid)["properties"]["title"], json!("New"));
    assert_ne!(page["value"][0]["etag"], bench.incident(&guid)["etag"]);
    bench.tick(1);
    assert_eq!(titles(&list(&mut bench, "")), ["Unseen", "New"]);
    bench.set("role", json!("contributor"));
    assert_eq!(bench.call("DELETE", &format!("/incidents/{unseen}"), &Value::Null).status, 200);
    assert_eq!(titles(&list(&mut bench, "")), ["Unseen", "New"]);
    bench.tick(60);
    assert_eq!(titles(&list(&mut bench, "")), ["New"]);
}
