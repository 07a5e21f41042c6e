//! Security incidents whose process refuses to skip a phase, or keeps the old one without a word.

use std::time::Duration;

use diptych::model::{Command, CommandId, CommandState, Field, LinkState, Shown, Side as ModelSide, Verb};
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::servicenow::DeskAct;
use diptych::sandbox::side::Side;
use diptych::sandbox::wire::World;
use serde_json::{Value, json};

use super::guards::{key, link};
use super::new_incident;
use crate::simulation::{Boundary, Setting, Simulation, USER};

const MINUTE: Duration = Duration::from_secs(60);
const PROCESSES: [&str; 2] = ["stateful_rejects", "stateful_ignores"];
const PHASES: [&str; 7] = ["10", "16", "18", "19", "20", "100", "3"];
/// Effects from a close in Sentinel until it has walked through all phases, and some more.
const KILLS: u32 = 60;
const WORDS: &str = "contained and cleaned";

/// Quiet worlds of that process, and an incident that is in its first phase on both sides.
fn drafted(process: &str) -> (Simulation, String) {
    let switches = vec![("sir_process", json!(process))];
    let faults = "none".into();
    let table = "sn_si_incident";
    let setting =
        Setting { seed: 21, incidents: 0, rate: 0.0, faults, table, switches, ..Setting::default() };
    let mut sim = Simulation::new(setting);
    let guid = new_incident(&sim, "Beacon to a known address", "Medium");
    sim.run_for(MINUTE);
    assert_eq!(state(&sim, &guid), "10");
    (sim, guid)
}

fn turn(sim: &Simulation, switch: &str, value: &Value) {
    sim.stage.with_desk(|d| d.set_switch(switch, value)).unwrap();
}

fn close(sim: &Simulation, guid: &str) {
    close_with(sim, guid, WORDS);
}

fn close_with(sim: &Simulation, guid: &str, words: &str) {
    let act = IncidentAct::Close {
        classification: "TruePositive".into(),
        reason: Some("SuspiciousActivity".into()),
        comment: words.into(),
    };
    sim.act_in_sentinel(guid, &act, &CAST[0]);
}

fn status(sim: &Simulation, guid: &str) -> String {
    sim.worlds().incidents.into_iter().find(|i| i.guid == guid).unwrap().status
}

fn state(sim: &Simulation, guid: &str) -> String {
    sim.record_of(guid).fields["state"].clone()
}

fn set_state(sim: &Simulation, guid: &str, raw: &str) {
    let fields = vec![("state".to_owned(), raw.to_owned())];
    sim.act_in_servicenow(&sim.record_of(guid).sys_id, &DeskAct::Set(fields), CAST[1].user_name);
}

/// The states that a record went through, each with who took it there.
fn moves(sim: &Simulation, guid: &str) -> Vec<(String, String)> {
    let sys_id = sim.record_of(guid).sys_id;
    sim.stage.with_desk(|d| {
        let moves = d.history().iter().filter(|c| c.sys_id == sys_id && c.field == "state");
        moves.map(|c| (c.after.clone(), c.user_name.clone())).collect()
    })
}

/// How often the status of an incident was moved in Sentinel, by anybody.
fn status_moves(sim: &Simulation, guid: &str) -> usize {
    sim.stage.with_sentinel(|s| {
        let of = |c: &&diptych::sandbox::sentinel::IncidentChange| c.guid.eq_ignore_ascii_case(guid);
        s.history().iter().filter(of).filter(|c| c.field == "status").count()
    })
}

/// Closed on both sides with Sentinel's words, phase by phase, and never moved back in Sentinel.
fn closed_in_order(sim: &Simulation, guid: &str, what: &str) {
    let record = sim.record_of(guid);
    assert_eq!((state(sim, guid).as_str(), status(sim, guid).as_str()), ("3", "Closed"), "{what}");
    assert_eq!(record.fields["close_notes"], WORDS, "{what}");
    assert_eq!(record.fields["close_code"], "101", "{what}");
    assert_eq!(status_moves(sim, guid), 1, "{what}: the close is all that happened to the status");
    let states: Vec<String> = moves(sim, guid).into_iter().map(|(s, _)| s).collect();
    assert_eq!(states[states.len().saturating_sub(6)..], PHASES[1..], "{what}");
    let state = link(sim, guid);
    let base = state.base(Field::Status).unwrap();
    assert_eq!((base.sentinel.as_str(), base.servicenow.as_str()), ("Closed", "3"), "{what}");
    let open = base.conflict.as_ref().is_some_and(|c| c.taken.is_none());
    assert!(base.walk.is_none() && base.held.is_empty() && !open, "{what}: {base:?}");
    assert!(state.link.error.is_empty() && state.open_intent().is_none(), "{what}");
}

fn held(sim: &Simulation, guid: &str) -> String {
    link(sim, guid).base(Field::Status).unwrap().held.clone()
}

pub(super) fn retry(sim: &Simulation, link: &LinkState) {
    let command = Command {
        id: CommandId(0),
        workspace: key(),
        link: link.link.id,
        verb: Verb::Retry,
        shown: Vec::<Shown>::new(),
        who: "noor".into(),
        at: sim.world_time(),
        state: CommandState::Pending,
        result: String::new(),
    };
    sim.with_store(async |s| s.give_command(command).await).unwrap();
}

#[test]
fn a_close_goes_through_every_phase_and_nothing_of_it_comes_back() {
    for process in PROCESSES {
        let (mut sim, guid) = drafted(process);
        close(&sim, &guid);
        let before = sim.effects();
        while state(&sim, &guid) != "3" {
            sim.run_for(Duration::from_secs(1));
            assert!(
                sim.effects() - before < u64::from(KILLS),
                "{process}: kills would miss the end of the walk"
            );
        }
        sim.run_for(MINUTE * 2);
        closed_in_order(&sim, &guid, process);
        assert!(moves(&sim, &guid)[1..].iter().all(|(_, who)| who == USER), "{process}");
        let state = link(&sim, &guid);
        assert_eq!(
            state.base(Field::Status).unwrap().conflict,
            None,
            "{process}: nobody else had a hand in it"
        );
        sim.assert_idle(5);
    }
}

#[test]
fn an_open_process_is_written_at_once() {
    let (mut sim, guid) = drafted("open");
    close(&sim, &guid);
    sim.run_for(MINUTE * 2);
    let last = moves(&sim, &guid).pop().map(|(state, _)| state);
    assert_eq!((last.as_deref(), state(&sim, &guid).as_str()), (Some("3"), "3"));
    assert!(moves(&sim, &guid).iter().all(|(state, _)| state != "18"), "{:?}", moves(&sim, &guid));
}

#[test]
fn a_kill_at_any_step_resumes_the_walk_where_it_was() {
    for (n, process) in PROCESSES.into_iter().enumerate() {
        for effects in (n as u32..KILLS).step_by(2) {
            for applied in [false, true] {
                let (mut sim, guid) = drafted(process);
                close(&sim, &guid);
                sim.kill_at(0, Boundary { effects, applied }, Duration::from_secs(5));
                sim.run_for(MINUTE * 3);
                let what = format!("{process}, killed after {effects} effects, applied: {applied}");
                closed_in_order(&sim, &guid, &what);
                sim.assert_idle(3);
            }
        }
    }
}

#[test]
fn a_step_without_an_answer_is_taken_once() {
    for process in PROCESSES {
        for fault in ["commit-then-drop", "drop-before", "late-commit"] {
            let (mut sim, guid) = drafted(process);
            sim.strike(&format!("only:servicenow.{fault}=0.5"));
            close(&sim, &guid);
            sim.run_for(MINUTE * 5);
            sim.strike("none");
            sim.run_for(MINUTE * 20);
            closed_in_order(&sim, &guid, &format!("{process}, {fault}"));
        }
    }
}

#[test]
fn a_person_who_moves_the_record_under_way_is_not_undone() {
    let mut moved = 0;
    for process in PROCESSES {
        for effects in (4..KILLS).step_by(2) {
            let (mut sim, guid) = drafted(process);
            close(&sim, &guid);
            sim.kill_at(0, Boundary { effects, applied: true }, MINUTE);
            sim.run_for(Duration::from_secs(40));
            let what = format!("{process}, killed after {effects} effects");
            // The record is somewhere on its way while nothing of ours runs: Beth goes on by herself.
            let at = PHASES.iter().position(|p| *p == state(&sim, &guid)).unwrap();
            let next = PHASES.get(at + 1).filter(|next| **next != "3");
            if let Some(next) = next {
                set_state(&sim, &guid, next);
                moved += 1;
            }
            sim.run_for(MINUTE * 3);
            closed_in_order(&sim, &guid, &what);
            if let Some(next) = next {
                let theirs = moves(&sim, &guid).into_iter().filter(|(_, who)| who == CAST[1].user_name);
                assert_eq!(
                    theirs.map(|(s, _)| s).collect::<Vec<_>>(),
                    [*next],
                    "{what}: once, and not again by us"
                );
            }
            sim.assert_idle(3);
        }
    }
    assert!(moved > 20, "{moved}");
}

#[test]
fn a_person_who_cancels_the_record_under_way_has_closed_it() {
    let mut cancelled = 0;
    for process in PROCESSES {
        for effects in (10..KILLS).step_by(5) {
            let (mut sim, guid) = drafted(process);
            close(&sim, &guid);
            sim.kill_at(0, Boundary { effects, applied: true }, MINUTE);
            sim.run_for(Duration::from_secs(40));
            if ["3", "10"].contains(&state(&sim, &guid).as_str()) {
                continue;
            }
            cancelled += 1;
            set_state(&sim, &guid, "7");
            sim.run_for(MINUTE * 3);
            assert_eq!(
                (state(&sim, &guid).as_str(), status(&sim, &guid).as_str()),
                ("7", "Closed"),
                "{process}"
            );
            assert_eq!((status_moves(&sim, &guid), held(&sim, &guid).as_str()), (1, ""), "{process}");
            sim.assert_idle(3);
        }
    }
    assert!(cancelled > 4, "{cancelled}");
}

/// A rule of the customer's that lets no record come to Eradicate.
fn no_eradicate() -> Value {
    json!([{"table": "sn_si_incident", "field": "state", "value": "19", "rule": "Ask the forensics team"}])
}

#[test]
fn a_step_that_is_refused_holds_the_status_alone_and_retry_goes_on() {
    for process in PROCESSES {
        let (mut sim, guid) = drafted(process);
        turn(&sim, "aborts", &no_eradicate());
        close(&sim, &guid);
        sim.run_for(MINUTE * 3);
        assert_eq!(
            (state(&sim, &guid).as_str(), status(&sim, &guid).as_str()),
            ("18", "Closed"),
            "{process}"
        );
        let why = held(&sim, &guid);
        let number = sim.record_of(&guid).number;
        for word in [number.as_str(), "Contain (18)", "Eradicate (19)", "Closed (3)", "forensics", "retry"] {
            assert!(why.contains(word), "{process}: {word}: {why}");
        }
        assert_eq!(diptych::sync::link_step(&link(&sim, &guid)).0, diptych::model::view::Step::Held);
        sim.assert_idle(5);
        // Everything else flows on, both ways.
        sim.act_in_sentinel(&guid, &IncidentAct::Title("what we learned".into()), &CAST[0]);
        let record = sim.record_of(&guid).sys_id;
        sim.act_in_servicenow(&record, &DeskAct::WorkNote("who asks forensics?".into()), CAST[1].user_name);
        sim.run_for(MINUTE);
        assert_eq!(sim.record_of(&guid).fields["short_description"], "what we learned");
        let incident = sim.worlds().incidents.into_iter().find(|i| i.guid == guid).unwrap();
        assert!(incident.comments.iter().any(|c| c.message.contains("who asks forensics?")));
        // A restart tries nothing by itself, and is not needed for a retry.
        sim.kill();
        sim.run_for(MINUTE * 2);
        assert_eq!(state(&sim, &guid), "18", "{process}");
        turn(&sim, "aborts", &json!([]));
        retry(&sim, &link(&sim, &guid));
        sim.run_for(MINUTE * 2);
        closed_in_order(&sim, &guid, process);
        sim.assert_idle(5);
    }
}

#[test]
fn whoever_moves_a_held_record_on_needs_no_retry() {
    let (mut sim, guid) = drafted(PROCESSES[0]);
    turn(&sim, "aborts", &no_eradicate());
    close(&sim, &guid);
    sim.run_for(MINUTE * 2);
    assert_eq!(state(&sim, &guid), "18");
    turn(&sim, "aborts", &json!([]));
    set_state(&sim, &guid, "19");
    sim.run_for(MINUTE * 2);
    closed_in_order(&sim, &guid, "moved on by hand");
}

#[test]
fn a_state_that_lies_behind_is_held_and_all_else_flows() {
    for process in PROCESSES {
        let (mut sim, guid) = drafted(process);
        close(&sim, &guid);
        sim.run_for(MINUTE * 2);
        closed_in_order(&sim, &guid, process);
        sim.act_in_sentinel(&guid, &IncidentAct::Reopen, &CAST[0]);
        sim.run_for(MINUTE * 2);
        assert_eq!((state(&sim, &guid).as_str(), status(&sim, &guid).as_str()), ("3", "Active"), "{process}");
        let why = held(&sim, &guid);
        assert!(why.contains("forward only") && why.contains("Analysis (16)"), "{process}: {why}");
        sim.act_in_sentinel(&guid, &IncidentAct::Comment("it is back".into()), &CAST[0]);
        sim.run_for(MINUTE);
        let told = sim.record_of(&guid).journal.iter().filter(|j| j.value.contains("it is back")).count();
        assert_eq!(told, 1, "{process}");
        sim.assert_idle(5);
        close(&sim, &guid);
        sim.run_for(MINUTE * 2);
        assert_eq!((held(&sim, &guid).as_str(), status(&sim, &guid).as_str()), ("", "Closed"), "{process}");
        assert_eq!(diptych::sync::link_step(&link(&sim, &guid)).0, diptych::model::view::Step::InStep);
    }
}

#[test]
fn a_close_made_in_servicenow_closes_the_incident_as_ever() {
    let (mut sim, guid) = drafted(PROCESSES[0]);
    for phase in &PHASES[1..6] {
        set_state(&sim, &guid, phase);
    }
    let fields = [("state", "3"), ("close_code", "104"), ("close_notes", "nothing there")];
    let fields = fields.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
    sim.act_in_servicenow(&sim.record_of(&guid).sys_id, &DeskAct::Set(fields), CAST[1].user_name);
    sim.run_for(MINUTE * 2);
    assert_eq!(status(&sim, &guid), "Closed");
    let closer = link(&sim, &guid).link.closer;
    assert_eq!(closer, Some(ModelSide::ServiceNow));
}

#[test]
fn a_step_that_somebody_else_took_is_theirs_and_on_record() {
    let mut met = 0;
    for effects in 4..KILLS {
        let (mut sim, guid) = drafted(PROCESSES[0]);
        // A rule that saves behind everybody would leave room for a version of ours.
        turn(&sim, "risk_score_rule", &json!(false));
        close(&sim, &guid);
        // A step is planned and never leaves, and somebody takes that very step.
        sim.kill_at(0, Boundary { effects, applied: false }, MINUTE);
        sim.run_for(Duration::from_secs(40));
        let now = link(&sim, &guid);
        let walk = now.base(Field::Status).and_then(|b| b.walk.as_deref());
        let step = walk.and_then(|w| w.step.clone()).filter(|_| now.open_intent().is_some());
        let Some(step) = step.filter(|s| state(&sim, &guid) != *s) else { continue };
        met += 1;
        set_state(&sim, &guid, &step);
        sim.run_for(MINUTE * 3);
        closed_in_order(&sim, &guid, &format!("effect {effects}"));
        let base = link(&sim, &guid).base(Field::Status).unwrap().clone();
        assert!(base.conflict.is_some_and(|c| c.taken.is_some()), "effect {effects}: a close won over it");
    }
    assert!(met > 0);
}

#[test]
fn closing_words_of_ours_are_known_again_though_the_state_did_not_come_with_them() {
    for (process, by_hand) in PROCESSES.into_iter().flat_map(|p| [(p, false), (p, true)]) {
        let (mut sim, guid) = drafted(process);
        let writes = sim.writes(Side::ServiceNow);
        sim.strike("only:servicenow.commit-then-drop=1");
        close_with(&sim, &guid, "too early");
        while sim.writes(Side::ServiceNow) == writes {
            sim.run_for(Duration::from_millis(10));
        }
        sim.strike("none");
        let came = sim.record_of(&guid).fields["close_notes"] == "too early";
        assert_eq!(
            came,
            process == "stateful_ignores",
            "{process}: one of them takes the words without the state"
        );
        if by_hand {
            let fields = vec![("close_notes".to_owned(), "by hand".to_owned())];
            sim.act_in_servicenow(&sim.record_of(&guid).sys_id, &DeskAct::Set(fields), CAST[1].user_name);
        }
        // Opened and closed with other words before anybody knows what became of that write.
        sim.act_in_sentinel(&guid, &IncidentAct::Reopen, &CAST[0]);
        close(&sim, &guid);
        sim.run_for(MINUTE * 5);
        let record = sim.record_of(&guid);
        let expected = if by_hand { "by hand" } else { WORDS };
        let shown = (record.fields["state"].as_str(), record.fields["close_notes"].as_str());
        assert_eq!(shown, ("3", expected), "{process}");
        let told = record.journal.iter().any(|j| j.value.contains("stay as they are"));
        assert_eq!(told, by_hand, "{process}");
        sim.assert_idle(3);
    }
}
