//! What holds back more than a person would do: the same change for many incidents at once, and a
//! field that rules on both sides send to and fro.

use std::time::Duration;

use diptych::model::ledger::Ask;
use diptych::model::ledger::Told;
use diptych::model::settings::BornClosed;
use diptych::model::view::SurgeView;
use diptych::model::{
    Command, CommandId, CommandState, Control, ControlVerb, Field, LinkState, Verb, WorkspaceKey,
};
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::{IncidentAct, IncidentDraft};
use diptych::sandbox::servicenow::DeskAct;
use diptych::sandbox::side::Side;

use crate::simulation::{KEY, Setting, Simulation, WORKSPACE};

const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn key() -> WorkspaceKey {
    WorkspaceKey::new(KEY).unwrap()
}

/// A quiet pair of worlds in which three incidents may change in the same way before a person is asked.
fn careful() -> Simulation {
    let mut sim = Simulation::new(Setting {
        seed: 21,
        incidents: 12,
        rate: 0.0,
        faults: "none".into(),
        mass_change: 3,
        ..Setting::default()
    });
    sim.run_for(MINUTE * 2);
    sim.assert_in_step(21);
    sim
}

/// Open incidents of ours.
fn open(sim: &Simulation) -> Vec<String> {
    let all = sim.worlds().incidents.into_iter();
    all.filter(|i| i.status != "Closed" && i.labels.iter().any(|l| l == "snow")).map(|i| i.guid).collect()
}

fn rate(sim: &Simulation, guids: &[String], word: &str) {
    for guid in guids {
        sim.act_in_sentinel(guid, &IncidentAct::Severity(word.into()), &CAST[0]);
    }
}

pub(super) fn order(sim: &Simulation, verb: ControlVerb) {
    let control = Control { id: 0, workspace: key(), verb, who: "noor".into(), at: sim.world_time() };
    sim.with_store(async |s| s.give_control(control).await).unwrap();
}

pub(super) fn waiting(sim: &Simulation) -> Vec<SurgeView> {
    sim.with_store(async |s| s.workspaces().await).unwrap().remove(0).surges
}

fn impacts(sim: &Simulation, guids: &[String]) -> Vec<String> {
    guids.iter().map(|g| sim.record_of(g).fields["impact"].clone()).collect()
}

#[test]
fn a_mass_change_waits_for_a_person_and_nothing_else_does() {
    let mut sim = careful();
    let guids = open(&sim);
    assert!(guids.len() > 4, "{guids:?}");
    rate(&sim, &guids, "Informational");
    sim.run_for(MINUTE);
    rate(&sim, &guids, "High");
    let before = impacts(&sim, &guids);
    sim.act_in_sentinel(&guids[0], &IncidentAct::Comment("<p>who did this?</p>".into()), &CAST[1]);
    sim.run_for(MINUTE * 2);
    assert_eq!(impacts(&sim, &guids), before, "nothing of it is written");
    let notes = sim.record_of(&guids[0]).journal;
    assert!(notes.iter().any(|j| j.value.contains("who did this?")), "comments do not wait");
    let held = waiting(&sim);
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].field, held[0].side), (Some(Field::Severity), diptych::model::Side::ServiceNow));
    // Whoever starts the sync with `--accept-plan` every time has looked at nothing.
    order(&sim, ControlVerb::AcceptPlan);
    sim.run_for(MINUTE);
    assert_eq!(waiting(&sim), held);
    order(&sim, ControlVerb::LetThrough);
    sim.run_for(MINUTE * 2);
    assert_eq!(waiting(&sim), []);
    sim.assert_in_step(21);
    sim.assert_idle(5);
}

#[test]
fn a_restart_lets_no_mass_change_through() {
    let mut sim = careful();
    let guids = open(&sim);
    let before = impacts(&sim, &guids);
    rate(&sim, &guids, "High");
    sim.run_for(MINUTE);
    sim.kill();
    sim.run_for(MINUTE * 2);
    let held = waiting(&sim);
    assert_eq!(held.len(), 1);
    let changed = impacts(&sim, &guids).iter().zip(&before).filter(|(now, then)| now != then).count();
    assert_eq!(changed, 0);
}

/// What an earlier life read last is dated by the clock of then (seed 9835217).
#[test]
fn a_restart_with_a_clock_put_ahead_is_no_long_gap() {
    let mut sim = careful();
    let guids = open(&sim);
    let before = impacts(&sim, &guids);
    sim.put_clock_ahead(3600);
    rate(&sim, &guids, "High");
    sim.kill();
    sim.run_for(MINUTE * 2);
    assert_eq!(waiting(&sim).len(), 1);
    assert_eq!(impacts(&sim, &guids), before, "nothing of it is written");
}

#[test]
fn what_was_let_through_needs_no_second_word_after_a_restart() {
    let mut sim = careful();
    rate(&sim, &open(&sim), "High");
    sim.run_for(MINUTE);
    order(&sim, ControlVerb::LetThrough);
    sim.run_for(Duration::from_secs(10));
    sim.kill();
    sim.run_for(MINUTE * 3);
    assert_eq!(waiting(&sim), []);
    sim.assert_in_step(21);
}

#[test]
fn a_mass_change_that_is_undone_waits_no_longer() {
    let mut sim = careful();
    let guids = open(&sim);
    let severities: Vec<String> = guids
        .iter()
        .map(|g| sim.worlds().incidents.iter().find(|i| i.guid == *g).unwrap().severity.clone())
        .collect();
    let writes = sim.writes(Side::ServiceNow);
    rate(&sim, &guids, "High");
    sim.run_for(MINUTE);
    assert_eq!(waiting(&sim).len(), 1);
    for (guid, word) in guids.iter().zip(&severities) {
        rate(&sim, std::slice::from_ref(guid), word);
    }
    sim.run_for(MINUTE);
    assert_eq!(waiting(&sim), []);
    assert_eq!(sim.writes(Side::ServiceNow), writes);
    sim.assert_in_step(21);
}

#[test]
fn a_few_of_the_same_wait_for_nobody() {
    let mut sim = careful();
    let guids = open(&sim);
    rate(&sim, &guids[..3], "High");
    sim.run_for(MINUTE);
    sim.assert_in_step(21);
    sim.assert_idle(5);
}

/// Rules that each set their own severity whenever the other one did, `turns` times in all.
fn fight(sim: &mut Simulation, guid: &str, turns: usize) {
    for turn in 0..turns {
        if turn % 2 == 0 {
            rate(sim, &[guid.to_owned()], "High");
        } else {
            let three = ["impact", "urgency"].map(|f| (f.to_owned(), "3".to_owned()));
            let record = sim.record_of(guid).sys_id;
            sim.act_in_servicenow(&record, &DeskAct::Set(three.to_vec()), CAST[1].user_name);
        }
        sim.run_for(Duration::from_secs(40));
    }
}

pub(super) fn link(sim: &Simulation, guid: &str) -> LinkState {
    links(sim, guid).remove(0)
}

/// Every link that an incident has or had.
pub(super) fn links(sim: &Simulation, guid: &str) -> Vec<LinkState> {
    let id = diptych::model::IncidentId::new(guid);
    match sim.with_store(async |s| s.ask(Ask::ByIncident(key(), vec![id])).await) {
        Ok(Told::Links(links)) => links,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rules_on_both_sides_do_not_send_a_field_to_and_fro_without_end() {
    let mut sim = super::quiet(4);
    let guid = open(&sim).remove(0);
    rate(&sim, std::slice::from_ref(&guid), "Low");
    sim.run_for(MINUTE * 20);
    let writes = |sim: &Simulation| sim.writes(Side::Sentinel) + sim.writes(Side::ServiceNow);
    let before = writes(&sim);
    fight(&mut sim, &guid, 12);
    assert_eq!(writes(&sim) - before, 4, "four are let through");
    let state = link(&sim, &guid);
    let conflict = state.base(Field::Severity).unwrap().conflict.clone().unwrap();
    assert!(conflict.why.contains("to and fro"), "{conflict:?}");
    assert!(conflict.taken.is_none());

    // Everything else goes on.
    sim.act_in_sentinel(&guid, &IncidentAct::Comment("<p>look at that</p>".into()), &CAST[1]);
    sim.run_for(MINUTE);
    assert!(sim.record_of(&guid).journal.iter().any(|j| j.value.contains("look at that")));

    // And a person has the last word.
    let command = Command {
        id: CommandId(0),
        workspace: key(),
        link: state.link.id,
        verb: Verb::Resolve { field: Field::Severity, take: diptych::model::Side::Sentinel },
        shown: vec![diptych::model::Shown {
            side: diptych::model::Side::ServiceNow,
            what: "severity".into(),
            from: "3/3".into(),
            to: "1/1".into(),
        }],
        who: "noor".into(),
        at: sim.world_time(),
        state: CommandState::Pending,
        result: String::new(),
    };
    sim.with_store(async |s| s.give_command(command).await).unwrap();
    sim.run_for(MINUTE);
    sim.assert_in_step(21);
}

#[test]
fn people_who_disagree_slowly_are_followed() {
    let mut sim = super::quiet(4);
    let guid = open(&sim).remove(0);
    for _ in 0..4 {
        fight(&mut sim, &guid, 2);
        sim.run_for(MINUTE * 16);
    }
    sim.assert_in_step(21);
}

#[test]
fn what_automation_closes_at_once_gets_no_record_and_the_rest_gets_it_later() {
    let mut sim = Simulation::new(Setting {
        seed: 21,
        incidents: 0,
        rate: 0.0,
        faults: "none".into(),
        born_closed: BornClosed::Skip,
        create_after: MINUTE * 10,
        ..Setting::default()
    });
    sim.run_for(MINUTE);
    let raise = |sim: &Simulation| {
        let now = sim.world_time();
        let draft = IncidentDraft {
            title: "Port scan".into(),
            severity: "Low".into(),
            labels: vec!["snow".into()],
            ..IncidentDraft::default()
        };
        sim.stage.with_sentinel(|s| s.raise(WORKSPACE, draft, now))
    };
    let (closed, reopened, open) = (raise(&sim), raise(&sim), raise(&sim));
    let close = IncidentAct::Close {
        classification: "BenignPositive".into(),
        reason: Some("SuspiciousButExpected".into()),
        comment: "playbook".into(),
    };
    for guid in [&closed, &reopened] {
        sim.act_in_sentinel(guid, &close, &CAST[0]);
    }
    let linked = |sim: &Simulation, guid: &str| {
        sim.worlds()
            .records
            .iter()
            .any(|r| sim.dialect.incident_of(&r.fields["correlation_id"]) == Some(guid))
    };
    sim.run_for(MINUTE * 9);
    assert!([&closed, &reopened, &open].iter().all(|g| !linked(&sim, g)), "they are too young");
    sim.run_for(MINUTE * 2);
    assert!(linked(&sim, &open) && !linked(&sim, &closed) && !linked(&sim, &reopened));
    sim.run_for(MINUTE * 60);
    sim.act_in_sentinel(&reopened, &IncidentAct::Status("Active".into()), &CAST[0]);
    sim.run_for(MINUTE);
    assert!(linked(&sim, &reopened) && !linked(&sim, &closed));
}
