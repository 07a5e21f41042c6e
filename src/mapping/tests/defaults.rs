//! The tables that every store begins with, and their form as a file.

use super::*;
use crate::model::{Closure, Severity, Side, Status};

fn stock_choices() -> LintContext {
    let mut ctx = both_tables();
    for name in ["incident", "sn_si_incident"] {
        for field in ["impact", "urgency"] {
            choices(&mut ctx, name, field, "1=1 - High|2=2 - Medium|3=3 - Low");
        }
    }
    choices(&mut ctx, "incident", "state", "1=New|2=In Progress|3=On Hold|6=Resolved|7=Closed|8=Canceled");
    choices(
        &mut ctx,
        "sn_si_incident",
        "state",
        "10=Draft|16=Analysis|18=Contain|19=Eradicate|20=Recover|100=Review|3=Closed|7=Cancelled",
    );
    choices(
        &mut ctx,
        "incident",
        "close_code",
        "Duplicate|Known error|No resolution provided|Resolved by caller|Resolved by change|Resolved by \
         problem|Resolved by request|Solution provided|Workaround provided|User error",
    );
    choices(
        &mut ctx,
        "sn_si_incident",
        "close_code",
        "100=Investigation completed|101=Threat mitigated|102=Patched vulnerability|103=Invalid \
         vulnerability|-100=Not resolved|104=False positive",
    );
    ctx
}

#[test]
fn they_lint_clean_but_for_what_cannot_be_helped() {
    let set = TableSet::default_tables();
    let found = lint(&set, &both_tables());
    assert_eq!(codes(&found), ["closure 22 warning round-trip"], "{found:#?}");
    assert_eq!(
        found[0].message,
        "FalsePositive-InaccurateData becomes 104 in sn_si_incident, and 104 reads back as \
         FalsePositive-IncorrectAlertLogic"
    );
    // On a stock instance only rows that read what it does not have come on top.
    let found = lint(&set, &stock_choices());
    assert_eq!(
        codes(&found),
        [
            "status - warning never-read",
            "closure - warning never-read",
            "closure - warning never-read",
            "closure 22 warning round-trip"
        ],
        "{found:#?}"
    );
}

#[test]
fn severities_and_states_survive_the_round_trip() {
    let tables = Tables::compile(&TableSet::default_tables());
    for name in ["incident", "sn_si_incident", "u_case"] {
        let name = table(name);
        for severity in Severity::ALL {
            let raw = tables.severity_to_servicenow(&name, severity.word()).unwrap().value;
            assert_eq!(tables.severity_to_sentinel(&name, &raw).unwrap().value, severity);
        }
        for impact in 1..=3 {
            for urgency in 1..=3 {
                assert!(tables.severity_to_sentinel(&name, &format!("{impact}/{urgency}")).is_ok());
            }
        }
    }
    for name in ["incident", "sn_si_incident"] {
        let name = table(name);
        for status in Status::ALL {
            let raw = tables.status_to_servicenow(&name, status.word()).unwrap().value;
            assert_eq!(tables.status_to_sentinel(&name, &raw).unwrap().value, status);
        }
        for closure in Closure::ALL {
            let code = tables.closure_to_servicenow(&name, closure.word()).unwrap().value;
            let back = tables.closure_to_sentinel(&name, &code).unwrap().value;
            assert_eq!(back.classification(), closure.classification());
            assert!(tables.same_closure(&name, closure.word(), &code));
        }
    }
}

#[test]
fn the_same_number_is_another_state_in_another_table() {
    let tables = Tables::compile(&TableSet::default_tables());
    let (incident, security) = (table("incident"), table("sn_si_incident"));
    assert_eq!(tables.is_closed_state(&incident, "3"), Some(false));
    assert_eq!(tables.is_closed_state(&security, "3"), Some(true));
    assert_eq!(tables.status_label(&incident, "3"), Some("On Hold"));
    assert_eq!(tables.status_label(&security, "3"), Some("Closed"));
    assert_eq!(tables.is_closed_state(&incident, "16"), None);
    assert_eq!(tables.is_closed_state(&table("u_case"), "3"), None);
    for (name, closed) in [(&incident, ["6", "7", "8"].as_slice()), (&security, &["3", "7"])] {
        for raw in closed {
            assert_eq!(tables.is_closed_state(name, raw), Some(true), "{name} {raw}");
        }
    }
}

#[test]
fn what_no_row_maps_is_held_with_words() {
    let tables = Tables::compile(&TableSet::default_tables());
    let held = tables.status_to_sentinel(&table("incident"), "9\u{1b}").unwrap_err();
    assert!(
        held.what.starts_with("state 9") && held.what.ends_with("of incident has no row toward Sentinel")
    );
    assert!(!held.to_string().contains('\u{1b}'));
    assert!(tables.severity_to_sentinel(&table("incident"), "/").is_err());
    assert!(tables.closure_to_servicenow(&table("incident"), "FalsePositive").is_err());
    assert!(tables.same_closure(&table("incident"), "", ""));
    assert!(!tables.same_closure(&table("incident"), "Undetermined", ""));
}

#[test]
fn a_state_is_matched_whole() {
    let mut set = TableSet::default_tables();
    let like = set.status.iter().find(|r| r.servicenow == "1").unwrap().clone();
    set.status.push(crate::mapping::StatusRow {
        servicenow: "-16".into(),
        sentinel: "Active".into(),
        ..like
    });
    let tables = Tables::compile(&set);
    let read = |raw: &str| tables.status_to_sentinel(&table("incident"), raw).ok().map(|t| t.value.word());
    assert_eq!(read("1"), Some("New"));
    assert_eq!(read("-16"), Some("Active"), "a state of one's own that ends like another");
    assert_eq!([read("16"), read("-1"), read("11"), read("")], [None, None, None, None]);
}

#[test]
fn a_row_for_one_table_comes_before_one_for_every_table() {
    let mut set = TableSet::default_tables();
    set.severity.push(SeverityRow {
        table: "incident".into(),
        sentinel: "High".into(),
        servicenow: "1/2".into(),
        flow: Flow::Both,
    });
    let tables = Tables::compile(&set);
    let own = tables.severity_to_servicenow(&table("incident"), "high").unwrap();
    assert_eq!((own.value.as_str(), own.row.row), ("1/2", 9));
    assert_eq!(own.why, "severity row 10, incident: High ↔ 1/2");
    assert_eq!(tables.severity_to_servicenow(&table("u_case"), "high").unwrap().value, "1/1");
    assert_eq!(codes(&lint(&set, &both_tables())), ["closure 22 warning round-trip"]);
}

#[test]
fn a_file_that_is_wrong_says_where() {
    let fault = TableSet::from_toml("severity = [\n  { sentinl = \"High\" },\n]\n").unwrap_err();
    assert_eq!(fault.line, Some(2), "{fault}");
    assert!(fault.message.contains("sentinl"), "{fault}");
    let fault = TableSet::from_toml("\nstatus = [\n").unwrap_err();
    assert!(fault.to_string().starts_with("line "), "{fault}");
    assert!(TableSet::from_toml("[[severities]]\n").unwrap_err().message.contains("severities"));
    assert!(TableSet::from_toml("severity = [{ flow = \"sideways\" }]").is_err());
    assert!(TableSet::from_json("{\"severity\":[{\"x\":1}]}").is_err());
}

#[test]
fn an_explanation_tells_the_whole_story() {
    let set = store_app::store_app();
    let tables = Tables::compile(&set);
    let incident = table("incident");
    let story = explain(&tables, TableKind::Severity, &incident, Side::Sentinel, "informational");
    assert_eq!(story.output.as_deref(), Some("3"));
    assert_eq!(story.row.unwrap().to_string(), "severity row 4");
    assert_eq!(
        story.steps,
        [
            "severity row 4, every table: Informational → 3",
            "Back, 3 becomes Low (severity row 3, every table: Low ↔ 3); both count as the same, so nothing \
             is written by itself.",
        ]
    );
    let story = explain(&tables, TableKind::Severity, &incident, Side::ServiceNow, "3");
    assert_eq!(story.output.as_deref(), Some("Low"));
    assert!(story.steps[1].ends_with("did not fire: it is for the other direction"), "{:?}", story.steps);
    let story = explain(&tables, TableKind::Status, &incident, Side::ServiceNow, "9");
    assert_eq!((story.output, story.row), (None, None));
    assert!(story.steps.contains(&"The value is held; the other fields flow on.".to_owned()));
}
