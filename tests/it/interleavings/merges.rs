//! Incidents that Defender merges: both records are told, once, along chains too, and no redirect closes a
//! record.

use std::time::Duration;

use diptych::model::{Command, CommandId, CommandState, Severity, Shown, Verb};
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::{IncidentAct, IncidentFacts};
use diptych::sandbox::servicenow::DeskAct;
use diptych::sandbox::side::Side;

use super::guards::{key, link};
use crate::simulation::{Setting, Simulation, USER};

const MINUTE: Duration = Duration::from_secs(60);

fn quiet() -> (Simulation, Vec<IncidentFacts>) {
    let faults = "none".into();
    let mut sim =
        Simulation::new(Setting { seed: 33, incidents: 24, rate: 0.0, faults, ..Setting::default() });
    sim.run_for(MINUTE * 2);
    sim.assert_in_step(33);
    let linked = |i: &IncidentFacts| i.status != "Closed" && i.labels.iter().any(|l| l == "snow");
    let all = sim.worlds().incidents.into_iter().filter(linked).collect();
    (sim, all)
}

fn merge(sim: &Simulation, loser: &IncidentFacts, survivor: &IncidentFacts) {
    let act = IncidentAct::MergeInto { survivor_guid: survivor.guid.clone() };
    sim.act_in_sentinel(&loser.guid, &act, &CAST[0]);
}

/// What we said on the record of an incident with these words.
fn said(sim: &Simulation, incident: &IncidentFacts, words: &str) -> Vec<String> {
    let ours = sim.record_of(&incident.guid).journal.into_iter().filter(|j| j.created_by == USER);
    ours.map(|j| j.value).filter(|v| v.contains(words)).collect()
}

#[test]
fn both_records_of_a_merge_are_told_and_none_is_closed() {
    let (mut sim, all) = quiet();
    let [a, b] = &all[..2] else { panic!("two incidents") };
    sim.act_in_sentinel(&a.guid, &IncidentAct::Comment("said before".into()), &CAST[0]);
    merge(&sim, a, b);
    let state = sim.record_of(&a.guid).fields["state"].clone();
    sim.run_for(MINUTE * 3);
    let went = said(&sim, a, "merged this incident into");
    assert_eq!(went.len(), 1, "{went:?}");
    let there = sim.record_of(&b.guid).number;
    assert!(went[0].contains(&format!("incident {}, record {there}.", b.number)), "{}", went[0]);
    let came = said(&sim, b, "merged incident");
    assert_eq!(came.len(), 1, "{came:?}");
    assert!(came[0].contains(&format!("incident {}, record {}", a.number, sim.record_of(&a.guid).number)));
    assert_eq!(said(&sim, a, "said before").len(), 1, "what was said before still arrives");
    assert_eq!(sim.record_of(&a.guid).fields["state"], state, "a redirect is no close");
    sim.assert_idle(10);
}

#[test]
fn a_chain_of_merges_is_followed_to_its_end() {
    let (mut sim, all) = quiet();
    let [a, b, c] = &all[..3] else { panic!("three incidents") };
    merge(&sim, a, b);
    sim.run_for(MINUTE * 2);
    merge(&sim, b, c);
    // Whoever is killed in between tells it all the same.
    sim.run_for(Duration::from_secs(11));
    sim.kill();
    sim.run_for(MINUTE * 3);
    let went = said(&sim, a, "merged this incident into");
    assert_eq!(went.len(), 2, "{went:?}");
    assert!(
        went[0].contains(&format!("incident {},", b.number))
            && went[1].contains(&format!("incident {},", c.number))
    );
    assert_eq!(said(&sim, b, "merged this incident into").len(), 1);
    let came = said(&sim, c, "merged incident");
    assert_eq!(came.len(), 1, "{came:?}");
    let both = [format!("merged incident {},", b.number), format!("before: incident {},", a.number)];
    assert!(both.iter().all(|words| came[0].contains(words)), "{}", came[0]);
    sim.assert_idle(10);
}

#[test]
fn merges_at_the_same_time_end_in_the_same_words() {
    let (mut sim, all) = quiet();
    let [a, b, c] = &all[..3] else { panic!("three incidents") };
    sim.cut_off(Side::Sentinel, MINUTE);
    merge(&sim, a, b);
    merge(&sim, b, c);
    sim.run_for(MINUTE * 10);
    let went = said(&sim, a, "merged this incident into");
    assert!(went.last().is_some_and(|last| last.contains(&format!("incident {},", c.number))), "{went:?}");
    assert_eq!(said(&sim, c, &format!("merged incident {},", b.number)).len(), 1);
    sim.assert_idle(10);
}

#[test]
fn a_merge_that_a_look_shows_before_a_list_closes_no_record() {
    let (mut sim, all) = quiet();
    let [a, b] = &all[..2] else { panic!("two incidents") };
    let record = sim.record_of(&a.guid);
    // Our comment moves the incident to a version that is asked for before the next write.
    sim.act_in_servicenow(&record.sys_id, &DeskAct::WorkNote("said there".into()), CAST[0].user_name);
    sim.run_for(Duration::from_secs(15));
    merge(&sim, a, b);
    let held = DeskAct::Set(vec![("state".into(), "3".into()), ("hold_reason".into(), "1".into())]);
    sim.act_in_servicenow(&record.sys_id, &held, CAST[0].user_name);
    sim.strike("only:sentinel.stale-list=1");
    sim.run_for(MINUTE * 5);
    assert_eq!(sim.record_of(&a.guid).fields["state"], "3", "a redirect is no close");
    assert_eq!(said(&sim, a, "merged this incident into").len(), 1);
    sim.assert_idle(10);
}

#[test]
fn what_was_ordered_before_a_merge_keeps_nobody_waiting() {
    let (mut sim, all) = quiet();
    let [a, b] = &all[..2] else { panic!("two incidents") };
    sim.cut_off(Side::Sentinel, MINUTE * 6);
    sim.run_for(MINUTE * 2);
    let state = link(&sim, &a.guid);
    let (wanted, there) = match a.severity.as_str() {
        "High" => (Severity::Low, "3/2"),
        _ => (Severity::High, "1/1"),
    };
    let fields = sim.record_of(&a.guid).fields;
    let shown = |side, from: String, to: &str| Shown { side, what: "severity".into(), from, to: to.into() };
    let command = Command {
        id: CommandId(0),
        workspace: key(),
        link: state.link.id,
        verb: Verb::Severity { severity: wanted },
        shown: vec![
            shown(diptych::model::Side::Sentinel, a.severity.clone(), wanted.word()),
            shown(
                diptych::model::Side::ServiceNow,
                format!("{}/{}", fields["impact"], fields["urgency"]),
                there,
            ),
        ],
        who: "noor".into(),
        at: sim.world_time(),
        state: CommandState::Pending,
        result: String::new(),
    };
    let id = sim.with_store(async |s| s.give_command(command).await).unwrap();
    sim.run_for(MINUTE);
    merge(&sim, a, b);
    sim.run_for(MINUTE * 12);
    assert_eq!(said(&sim, a, "merged this incident into").len(), 1);
    assert!(link(&sim, &a.guid).open_intent().is_none());
    let command = sim.with_store(async |s| s.command(id).await).unwrap().unwrap();
    let ended = matches!(command.state, CommandState::Refused | CommandState::Stale);
    assert!(ended, "{command:?}");
    let now = sim.worlds().incidents.into_iter().find(|i| i.guid == a.guid).unwrap();
    assert_eq!(now.severity, a.severity);
    sim.assert_idle(5);
}

#[test]
fn a_merged_incident_whose_record_was_given_away_writes_nothing_to_it() {
    let (mut sim, all) = quiet();
    let [a, b] = &all[..2] else { panic!("two incidents") };
    let record = sim.record_of(&a.guid);
    let given = DeskAct::Set(vec![("correlation_id".into(), "given away".into())]);
    sim.act_in_servicenow(&record.sys_id, &given, CAST[0].user_name);
    merge(&sim, a, b);
    sim.act_in_sentinel(&a.guid, &IncidentAct::Comment("said after that".into()), &CAST[0]);
    let written = |sim: &Simulation| {
        let all = sim.worlds().records;
        let it = all.into_iter().find(|r| r.sys_id == record.sys_id).unwrap();
        it.journal.into_iter().filter(|j| j.created_by == USER).count()
    };
    let before = written(&sim);
    sim.run_for(MINUTE * 30);
    assert_eq!(written(&sim), before);
    sim.assert_idle(10);
}

#[test]
fn a_survivor_without_a_record_is_named_by_its_number() {
    let (mut sim, all) = quiet();
    let a = &all[0];
    let other = sim.worlds().incidents.into_iter().find(|i| i.status != "Closed" && i.labels.is_empty());
    let survivor = other.expect("an incident that the filter leaves out");
    merge(&sim, a, &survivor);
    sim.run_for(MINUTE * 3);
    let went = said(&sim, a, "merged this incident into");
    assert!(went.len() == 1 && went[0].contains(&format!("incident {}.", survivor.number)), "{went:?}");
    sim.assert_idle(10);

    // Once it has a record, that one says what came to it, and what becomes of it is said on both.
    sim.act_in_sentinel(&survivor.guid, &IncidentAct::Label("snow".into()), &CAST[0]);
    sim.run_for(MINUTE * 3);
    let came = said(&sim, &survivor, "merged incident");
    assert_eq!(came.len(), 1, "{came:?}");
    assert!(came[0].contains(&format!("incident {}, record {}", a.number, sim.record_of(&a.guid).number)));
    let last = &all[1];
    merge(&sim, &survivor, last);
    sim.run_for(MINUTE * 3);
    for incident in [a, &survivor] {
        let went = said(&sim, incident, "merged this incident into");
        assert!(went.last().is_some_and(|w| w.contains(&format!("incident {},", last.number))), "{went:?}");
    }
    let came = said(&sim, last, "merged incident");
    assert!(came.len() == 1 && came[0].contains(&format!("before: incident {},", a.number)), "{came:?}");
    sim.assert_idle(10);
}
