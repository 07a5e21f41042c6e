//! The store app's own defaults, written as our tables: what the linter must say about them.

use super::*;

/// Its severity, state and closure tables; one state table for whatever the record table is.
pub(super) fn store_app() -> TableSet {
    let mut set = TableSet::default();
    for (sentinel, servicenow) in [("High", "1"), ("Medium", "2"), ("Low", "3")] {
        set.severity.push(SeverityRow {
            sentinel: sentinel.into(),
            servicenow: servicenow.into(),
            ..Default::default()
        });
    }
    set.severity.push(SeverityRow {
        sentinel: "Informational".into(),
        servicenow: "3".into(),
        flow: Flow::ToServicenow,
        ..Default::default()
    });
    let states = [
        ("New", "1", Flow::Both),
        ("Active", "2", Flow::Both),
        ("Closed", "6", Flow::Both),
        ("Closed", "3", Flow::ToSentinel),
        ("Closed", "7", Flow::ToSentinel),
        ("Closed", "8", Flow::ToSentinel),
        ("New", "10", Flow::ToSentinel),
        ("Active", "16", Flow::ToSentinel),
        ("Active", "18", Flow::ToSentinel),
        ("Active", "19", Flow::ToSentinel),
        ("Active", "20", Flow::ToSentinel),
        ("Active", "100", Flow::ToSentinel),
    ];
    for (sentinel, servicenow, flow) in states {
        set.status.push(StatusRow {
            sentinel: sentinel.into(),
            servicenow: servicenow.into(),
            flow,
            ..Default::default()
        });
    }
    let codes = [
        ("TruePositive-SuspiciousActivity", 200),
        ("BenignPositive-SuspiciousButExpected", 201),
        ("FalsePositive-InaccurateData", 202),
        ("FalsePositive-IncorrectAlertLogic", 203),
        ("Undetermined", 204),
        ("Undetermined", 205),
        ("Undetermined", 206),
        ("Undetermined", 207),
        ("Undetermined", 208),
    ];
    for (sentinel, code) in codes {
        set.closure.push(ClosureRow {
            sentinel: sentinel.into(),
            servicenow: code.to_string(),
            label: format!("Closure code - {code}"),
            source_is_sentinel: code <= 204,
            ..Default::default()
        });
    }
    set
}

fn one_table(name: &str) -> LintContext {
    LintContext {
        tables: vec![table(name)],
        severity_fields: vec!["impact".into()],
        ..LintContext::default()
    }
}

#[test]
fn informational_becomes_low_and_on_hold_closes() {
    let found = lint(&store_app(), &one_table("incident"));
    assert_eq!(codes(&found), ["severity 4 warning round-trip", "status 4 error hold-closes"]);
    assert_eq!(found[0].message, "Informational becomes 3, and 3 reads back as Low");
    assert_eq!(
        found[0].consequence,
        "While nobody changes it, Informational stays Informational. Once somebody in ServiceNow sets \
         another severity value and then 3 again, Informational has become Low."
    );
    assert_eq!(found[1].message, "state 3 of incident is On Hold, and it reads as Closed");
    assert_eq!(
        found[1].consequence,
        "Whoever puts a record of incident into On Hold closes the Sentinel incident."
    );
}

#[test]
fn one_state_table_for_two_models_is_named() {
    let mut ctx = one_table("incident");
    ctx.tables.push(table("sn_si_incident"));
    choices(&mut ctx, "sn_si_incident", "state", "10=Draft|16=Analysis|18=Contain|3=Closed|7=Cancelled");
    choices(&mut ctx, "sn_si_incident", "close_code", "100=Investigation completed|!204=Old");
    let found = lint(&store_app(), &ctx);
    let shared = found.iter().filter(|l| l.code == "shared-state").count();
    assert_eq!(shared, 12);
    // What it would write into the security table is no state there.
    let unknown: Vec<&str> =
        found.iter().filter(|l| l.code == "unknown-value").map(|l| l.message.as_str()).collect();
    assert!(unknown.contains(&"1 is no choice of sn_si_incident.state"), "{unknown:?}");
    assert!(unknown.contains(&"6 is no choice of sn_si_incident.state"));
    assert!(unknown.contains(&"200 is no choice of sn_si_incident.close_code"));
    let codes = codes(&found);
    assert!(codes.contains(&"closure 5 warning inactive-choice".to_owned()), "{codes:?}");
    assert!(codes.contains(&"closure - warning missing-row".to_owned()), "{codes:?}");
}

#[test]
fn a_lossy_pair_is_the_same_under_either_map() {
    let tables = Tables::compile(&store_app());
    let incident = table("incident");
    assert!(tables.same_severity(&incident, "Low", "3"));
    assert!(tables.same_severity(&incident, "Informational", "3"));
    assert!(!tables.same_severity(&incident, "Medium", "3"));
    // Cancelled is written by no row, but reads as Closed.
    assert!(tables.same_status(&incident, "Closed", "8"));
    assert!(tables.same_closure(&incident, "Undetermined", "207"));
}

#[test]
fn undetermined_finds_its_row_however_it_is_written() {
    let tables = Tables::compile(&store_app());
    for word in ["Undetermined", "Undetermined-null", "undetermined-", "Undetermined-undefined"] {
        let code = tables.closure_to_servicenow(&table("incident"), word).unwrap();
        assert_eq!((code.value.as_str(), code.row.row), ("204", 4), "{word}");
    }
}
