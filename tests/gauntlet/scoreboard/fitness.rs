//! Without faults and with one act at a time, each model carries the act over, or comparing it
//! would be unfair.

use std::time::Duration;

use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::servicenow::DeskAct;

use super::Rival;
use super::play::Play;
use crate::script::Script;
use crate::simulation::{Setting, WORKSPACE};

/// One act, and whether it is still there afterwards.
enum Try {
    Portal(IncidentAct),
    Desk(DeskAct),
}

/// What is wrong with the models.
pub fn check() -> Vec<String> {
    let mut wrong = Vec::new();
    for rival in Rival::ALL.into_iter().skip(1) {
        for (name, act) in acts(rival) {
            wrong.extend(attempt(rival, &act).into_iter().map(|why| format!("{rival:?}, {name}: {why}")));
        }
    }
    wrong
}

fn acts(rival: Rival) -> Vec<(&'static str, Try)> {
    let desk = |fields: &[(&str, &str)]| {
        Try::Desk(DeskAct::Set(fields.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()))
    };
    let close = IncidentAct::Close {
        classification: "TruePositive".into(),
        reason: Some("SuspiciousActivity".into()),
        comment: "done".into(),
    };
    let resolve = [("state", "6"), ("close_code", "Solution provided"), ("close_notes", "done")];
    let mut acts = vec![
        ("no act", Try::Portal(IncidentAct::Label("quiet".into()))),
        ("severity in Sentinel", Try::Portal(IncidentAct::Severity("High".into()))),
        ("status in Sentinel", Try::Portal(IncidentAct::Status("Active".into()))),
        ("comment in Sentinel", Try::Portal(IncidentAct::Comment("see ABCD-000001".into()))),
        ("closing in Sentinel", Try::Portal(close)),
        ("impact in ServiceNow", desk(&[("impact", "2"), ("urgency", "2")])),
        ("state in ServiceNow", desk(&[("state", "2")])),
        ("resolving in ServiceNow", desk(&resolve)),
    ];
    if rival.dialect().owners {
        acts.push(("owner in Sentinel", Try::Portal(IncidentAct::Owner(Some(&CAST[3])))));
        acts.push(("assignee in ServiceNow", desk(&[("assigned_to", CAST[3].sys_id)])));
    }
    if rival.dialect().notes {
        acts.push(("note in ServiceNow", Try::Desk(DeskAct::WorkNote("see ABCD-000002".into()))));
    }
    acts
}

fn attempt(rival: Rival, act: &Try) -> Vec<String> {
    let setting = Setting { incidents: 3, rate: 0.0, faults: "none".into(), ..Setting::default() };
    let script = Script { seed: 1, setting, events: Vec::new(), calm_at: Duration::ZERO };
    let mut play = Play::new(rival, &script);
    let incident = play.wire.run.sim.worlds().incidents.remove(0);
    let label = IncidentAct::Label("snow".into());
    for act in [&label, &IncidentAct::Reopen, &IncidentAct::Status("New".into()), &IncidentAct::Owner(None)] {
        // Some of these are so already.
        let now = play.wire.clock();
        let _ =
            play.wire.run.sim.stage.with_sentinel(|s| s.act(WORKSPACE, &incident.guid, act, &CAST[0], now));
    }
    // Half-way between two passes.
    play.work_until(Duration::from_secs(330));
    let sim = &play.wire.run.sim;
    let guid = incident.guid.to_lowercase();
    let Some(record) = sim.worlds().records.into_iter().find(|r| r.fields["correlation_id"] == guid) else {
        return vec!["no record".into()];
    };
    let before = seen(&play, &guid);
    match act {
        Try::Portal(act) => sim.act_in_sentinel(&incident.guid, act, &CAST[1]),
        Try::Desk(act) => sim.act_in_servicenow(&record.sys_id, act, CAST[1].user_name),
    }
    let wanted = seen(&play, &guid);
    play.wire.take_up_rules();
    play.work_until(Duration::from_secs(600));
    let mut wrong = play.discords();
    let after = seen(&play, &guid);
    // What the act changed is still as it was left, and the other side follows.
    for ((b, w), a) in before.iter().zip(&wanted).zip(&after) {
        if b != w && w != a {
            wrong.push(format!("{w:?} became {a:?}"));
        }
    }
    wrong
}

/// The values that an act can change, on both sides.
fn seen(play: &Play<'_>, guid: &str) -> Vec<String> {
    let worlds = play.wire.run.sim.worlds();
    let incident = worlds.incidents.iter().find(|i| i.guid.eq_ignore_ascii_case(guid));
    let record = worlds.records.iter().find(|r| r.fields["correlation_id"] == guid);
    let mut all = Vec::new();
    if let Some(i) = incident {
        all.extend([i.severity.clone(), i.status.clone(), i.owner_upn.clone().unwrap_or_default()]);
    }
    if let Some(r) = record {
        all.extend(["impact", "state", "assigned_to"].map(|f| r.fields[f].clone()));
    }
    all
}
