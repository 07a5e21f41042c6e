//! Each kind of finding, made by the smallest mistake that causes it.

use super::*;
use crate::model::{SysId, User};

/// The defaults with one change, checked for both stock tables; findings the defaults have by
/// themselves are left out.
fn after(change: impl FnOnce(&mut TableSet, &mut LintContext)) -> Vec<Lint> {
    let (mut set, mut ctx) = (TableSet::default_tables(), both_tables());
    change(&mut set, &mut ctx);
    lint(&set, &ctx)
        .into_iter()
        .filter(|l| {
            !(l.code == "round-trip" && l.message.contains("FalsePositive-InaccurateData becomes 104"))
        })
        .collect()
}

fn status(table: &str, sentinel: &str, servicenow: &str, flow: Flow) -> StatusRow {
    StatusRow {
        table: table.into(),
        sentinel: sentinel.into(),
        servicenow: servicenow.into(),
        flow,
        ..Default::default()
    }
}

#[test]
fn a_missing_row_either_way() {
    let found = after(|set, _| drop(set.severity.remove(3)));
    assert_eq!(codes(&found), ["severity - error missing-row"; 4], "{found:#?}");
    assert_eq!(found[0].message, "Informational has no row toward incident");
    assert_eq!(found[2].message, "no row reads severity value 3/3 of incident");
    let found = after(|_, ctx| choices(ctx, "incident", "state", "1=New|9=Awaiting Approval|!11=Gone"));
    let back = found.iter().find(|l| l.code == "missing-row").unwrap();
    assert_eq!(back.message, "no row reads state 9 (Awaiting Approval) of incident");
    assert_eq!(back.level, LintLevel::Error);
}

#[test]
fn the_mark_of_a_closure() {
    let found = after(|set, _| set.closure[0].source_is_sentinel = false);
    assert_eq!(codes(&found), ["closure - error not-marked"]);
    assert!(found[0].consequence.contains("its closure is held"));
    let found = after(|set, _| set.closure[5].source_is_sentinel = true);
    assert_eq!(codes(&found), ["closure 6 error marked-twice"]);
    assert!(found[0].consequence.starts_with("Row 1 wins: TruePositive-SuspiciousActivity becomes Solution"));
    let found = after(|set, _| set.closure.retain(|r| r.sentinel != "Undetermined" || r.table != "incident"));
    assert_eq!(codes(&found), ["closure - error missing-row"]);
}

#[test]
fn rows_in_each_others_way() {
    let found = after(|set, _| set.status.push(status("incident", "active", "3", Flow::ToSentinel)));
    assert_eq!(codes(&found), ["status 17 warning duplicate-row"]);
    let found = after(|set, _| set.status.push(status("incident", "New", "3", Flow::ToSentinel)));
    assert_eq!(codes(&found), ["status 17 warning contradicting-rows", "status 17 warning unreachable-row"]);
    assert_eq!(found[0].consequence, "Row 4 wins: 3 becomes Active, never New.");
    // A row of both ways that loses one of them still works the other way.
    let found = after(|set, _| set.status.push(status("incident", "Active", "11", Flow::Both)));
    assert_eq!(codes(&found), ["status 17 warning contradicting-rows"]);
    assert_eq!(found[0].consequence, "Row 2 wins: Active becomes 2, never 11.");
}

#[test]
fn what_does_not_come_back() {
    let found = after(|set, _| set.status[0].flow = Flow::ToServicenow);
    assert_eq!(codes(&found), ["status - error missing-row", "status 1 error no-way-back"]);
    let found = after(|set, _| {
        set.status[2].servicenow = "3".into();
        set.status[2].flow = Flow::ToServicenow;
        set.status[4].servicenow = "6".into();
    });
    let trip = found.iter().find(|l| l.code == "round-trip").unwrap();
    assert_eq!(trip.level, LintLevel::Error);
    assert_eq!(trip.message, "Closed becomes 3 in incident, and 3 reads back as Active");
}

#[test]
fn cells_that_cannot_be_used() {
    let found = after(|set, _| {
        set.severity.push(SeverityRow {
            sentinel: "Critical".into(),
            servicenow: "0/0".into(),
            ..Default::default()
        });
        set.severity.push(SeverityRow { sentinel: "High".into(), ..Default::default() });
        set.severity[4].servicenow = "1".into();
        set.severity[0].servicenow = "1/".into();
    });
    let codes = codes(&found);
    for expected in [
        "severity 10 error unknown-word",
        "severity 11 error empty-cell",
        "severity 5 error wrong-arity",
        "severity 1 error empty-value",
    ] {
        assert!(codes.contains(&expected.to_owned()), "{expected}: {codes:?}");
    }
    let found = after(|set, _| set.status.push(status("In cident", "New", "1", Flow::Both)));
    assert_eq!(found[0].code, "bad-table");
    let found = after(|set, _| set.status.push(status("incidnet", "New", "1", Flow::Both)));
    assert_eq!(found[0].code, "unused-table");
}

#[test]
fn what_the_instance_says() {
    let found = after(|_, ctx| {
        choices(
            ctx,
            "sn_si_incident",
            "close_code",
            "101=Threat mitigated|7=False positive|!100=Investigation completed|-100=Not resolved",
        );
        choices(ctx, "incident", "state", "1=New|2=In Progress|3=On Hold|6=Awaiting user|7=Closed");
    });
    let messages: Vec<&str> = found.iter().map(|l| l.message.as_str()).collect();
    assert!(
        messages
            .contains(&"104 is no choice of sn_si_incident.close_code; False positive has the value 7 there"),
        "{messages:#?}"
    );
    assert!(
        messages
            .contains(&"100 (Investigation completed) of sn_si_incident.close_code is not offered any more")
    );
    assert!(
        messages.contains(&"state 6 of incident is Awaiting user on this instance, and it reads as Closed")
    );
    assert!(messages.contains(
        &"this instance has no state 4 (Awaiting User Info), 5 (Awaiting Evidence), 8 (Canceled) in incident"
    ));
}

#[test]
fn owners() {
    let owner = |servicenow: &str, sentinel: &str, workspace: &str| OwnerRow {
        servicenow: servicenow.into(),
        sentinel: sentinel.into(),
        workspace: workspace.into(),
    };
    let user = |name: &str, active| User {
        sys_id: SysId::new(name),
        user_name: name.into(),
        active,
        ..User::default()
    };
    let found = after(|set, ctx| {
        set.owner = vec![
            owner("ksato", "k@corp.example", ""),
            owner("KSato", "K@corp.example", ""),
            owner("ksato", "other@corp.example", ""),
            owner("ksato", "k@corp.example", "prod"),
            owner("gone", "gone@corp.example", "Not A Key"),
            owner("nobody", "no upn", ""),
            owner("", "x@corp.example", ""),
            owner("ksato", "nobody@corp.example", ""),
            owner("x", "k@corp.example", ""),
        ];
        ctx.users = vec![user("ksato", true), user("gone", false)];
    });
    assert_eq!(
        codes(&found),
        [
            "owner 2 warning duplicate-row",
            "owner 3 warning duplicate-user",
            "owner 5 error bad-workspace",
            "owner 5 error inactive-user",
            "owner 6 error not-a-upn",
            "owner 6 warning unknown-user",
            "owner 7 error empty-cell",
            "owner 8 warning duplicate-user",
            "owner 9 warning duplicate-upn",
            "owner 9 warning unknown-user",
        ],
        "{found:#?}"
    );
    assert_eq!(
        found[1].consequence,
        "Toward Sentinel ksato becomes k@corp.example, never other@corp.example."
    );
}

#[test]
fn findings_are_safe_to_print() {
    let evil = "\u{1b}]0;x\u{7}\u{202e}";
    let found = after(|set, ctx| {
        set.severity.push(SeverityRow {
            table: evil.into(),
            sentinel: evil.into(),
            servicenow: evil.into(),
            flow: Flow::Both,
        });
        set.status.push(StatusRow {
            table: "incident".into(),
            sentinel: "Closed".into(),
            servicenow: evil.into(),
            label: format!("hold {evil}"),
            flow: Flow::ToSentinel,
        });
        set.owner.push(OwnerRow { servicenow: evil.into(), sentinel: evil.into(), workspace: evil.into() });
        choices(ctx, "incident", "state", &format!("{evil}=hold {evil}"));
        ctx.severity_fields.push(evil.into());
    });
    assert!(found.len() > 6);
    for lint in found {
        let text = format!("{}{}", lint.message, lint.consequence);
        assert!(!text.chars().any(crate::text::is_hostile), "{text:?}");
    }
}
