//! What each event costs in calls, beside the two lists of every pass (sync-engine D.3, P8).

use std::time::Duration;

use diptych::model::aggregation::{Aggregation, Part};
use diptych::model::settings::{AlertNotes, ClosedPartner};
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::{AlertDraft, IncidentAct, IncidentDraft};
use diptych::sandbox::servicenow::DeskAct;

use crate::simulation::{NUMBER_LABEL, Setting, Simulation, WORKSPACE};

/// The calls that follow an event within four passes, but for the lists of the passes themselves.
fn cost(sim: &mut Simulation, event: impl FnOnce(&Simulation)) -> Vec<String> {
    sim.take_sent();
    event(sim);
    sim.run_for(sim.setting.poll * 4);
    let calls = sim.take_sent().into_iter().filter(|s| !s.pass && s.operation != "token");
    calls.filter_map(|s| Some(format!("{} {}", s.side?, s.operation))).collect()
}

#[test]
fn each_event_costs_its_calls_and_no_echo() {
    let (noor, faults, alerts) = (&CAST[0], "none".into(), AlertNotes::Note);
    let mut sim =
        Simulation::new(Setting { seed: 21, incidents: 6, rate: 0.0, faults, alerts, ..Setting::default() });
    sim.run_for(Duration::from_secs(180));
    sim.assert_in_step(21);
    let first = sim.worlds().incidents.into_iter().find(|i| i.status == "New").unwrap();
    let (guid, sys_id) = (first.guid.clone(), sim.record_of(&first.guid).sys_id);
    let in_sentinel = |act: IncidentAct| {
        let guid = guid.clone();
        move |sim: &Simulation| sim.act_in_sentinel(&guid, &act, noor)
    };
    let in_servicenow = |act: DeskAct| {
        let sys_id = sys_id.clone();
        move |sim: &Simulation| sim.act_in_servicenow(&sys_id, &act, noor.user_name)
    };
    let rated = |level: &str| {
        DeskAct::Set(["impact", "urgency"].map(|column| (column.to_owned(), level.to_owned())).to_vec())
    };
    let (word, one, other) = if first.severity == "High" { ("Low", "1", "3") } else { ("High", "3", "1") };
    // ServiceNow has no compare-and-swap: what was read more than two seconds ago is read again.
    let spent = cost(&mut sim, in_sentinel(IncidentAct::Severity(word.into())));
    assert_eq!(spent, ["servicenow get", "servicenow update"], "a field changed in Sentinel");
    // An appended note overwrites nothing.
    let spent = cost(&mut sim, in_sentinel(IncidentAct::Comment("words".into())));
    assert_eq!(spent, ["sentinel comments", "servicenow update"], "a comment");
    // Whatever moves a record may have been a note.
    let spent = cost(&mut sim, in_servicenow(rated(one)));
    assert_eq!(spent, ["servicenow query", "sentinel put"], "a field changed in ServiceNow");
    let spent = cost(&mut sim, in_servicenow(DeskAct::WorkNote("words".into())));
    assert_eq!(spent, ["servicenow query", "sentinel comment"], "a work note");
    // Sentinel makes a deleted incident anew when it is written, so one is looked at that was not seen for
    // an hour.
    sim.run_for(Duration::from_secs(3700));
    let spent = cost(&mut sim, in_servicenow(rated(other)));
    assert_eq!(spent, ["servicenow query", "sentinel get", "sentinel put"], "the same after an hour");
    sim.assert_in_step(21);
}

fn raised(title: &'static str) -> impl FnOnce(&Simulation) {
    move |sim| {
        let draft = IncidentDraft {
            title: title.into(),
            severity: "Low".into(),
            labels: vec!["snow".into()],
            ..IncidentDraft::default()
        };
        let now = sim.world_time();
        sim.stage.with_sentinel(|s| s.raise(WORKSPACE, draft, now));
    }
}

fn busy(by: &[&[Part]], closed_partner: ClosedPartner) -> Simulation {
    let by = by.iter().map(|c| c.to_vec()).collect();
    let mut sim = Simulation::new(Setting {
        seed: 22,
        incidents: 6,
        rate: 0.0,
        faults: "none".into(),
        alerts: AlertNotes::Note,
        number_label: NUMBER_LABEL,
        aggregate: Aggregation { by, ..Aggregation::default() },
        closed_partner,
        ..Setting::default()
    });
    sim.run_for(Duration::from_secs(180));
    sim.assert_in_step(22);
    sim
}

#[test]
fn a_pass_in_which_nothing_happened_costs_one_call_to_each_side() {
    for (by, closed_partner) in
        [(&[&[Part::Title][..]][..], ClosedPartner::Comment), (&[][..], ClosedPartner::New)]
    {
        let mut sim = busy(by, closed_partner);
        sim.run_for(Duration::from_secs(600));
        sim.take_sent();
        sim.run_for(sim.setting.poll * 10);
        let sent = sim.take_sent();
        assert_eq!(sent.iter().filter(|s| s.operation != "token").count(), 20, "{sent:?}");
    }
}

#[test]
fn new_incidents_shared_records_and_new_ones_cost_their_calls() {
    let mut sim = busy(&[&[Part::Title]], ClosedPartner::Reopen);
    let spent = cost(&mut sim, raised("Port scan"));
    assert_eq!(spent, ["servicenow insert", "sentinel put"], "a new incident, with its number label");
    let spent = cost(&mut sim, raised("Port scan"));
    assert_eq!(
        spent,
        [
            "servicenow get",
            "servicenow query",
            "servicenow update",
            "sentinel comment",
            "sentinel get",
            "sentinel put"
        ],
        "one that joins the record of another"
    );
    let mut sim = busy(&[], ClosedPartner::New);
    let first = sim.worlds().incidents.into_iter().find(|i| i.status == "New").unwrap().guid;
    let alert =
        AlertDraft { display_name: "Beaconing".into(), severity: "Low".into(), ..AlertDraft::default() };
    let spent = cost(&mut sim, |sim| sim.act_in_sentinel(&first, &IncidentAct::AddAlert(alert), &CAST[0]));
    assert_eq!(
        spent,
        ["sentinel comments", "sentinel alerts", "sentinel entities", "servicenow get", "servicenow update"],
        "an alert"
    );
    let fields = [("state", "6"), ("close_code", "Solution provided"), ("close_notes", "by hand")];
    let close = DeskAct::Set(fields.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec());
    let sys_id = sim.record_of(&first).sys_id;
    let spent = cost(&mut sim, |sim| sim.act_in_servicenow(&sys_id, &close, CAST[1].user_name));
    assert_eq!(spent, ["servicenow query", "sentinel put"], "a close in ServiceNow");
    let spent = cost(&mut sim, |sim| sim.act_in_sentinel(&first, &IncidentAct::Reopen, &CAST[0]));
    assert_eq!(
        spent,
        [
            "sentinel comments",
            "servicenow update",
            "servicenow insert",
            "sentinel put",
            "sentinel alerts",
            "sentinel entities",
            "servicenow update"
        ],
        "a reopening that goes on in a new record"
    );
}
