//! More writes to one side within a minute than the workspace allows: they wait for a person.

use std::time::Duration;

use diptych::model::ControlVerb;
use diptych::model::view::SurgeView;
use diptych::sandbox::faults::FaultKind;
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::servicenow::DeskAct;
use diptych::sandbox::side::Side;

use super::guards::{order, waiting};
use super::new_incident;
use crate::simulation::{Boundary, Setting, Simulation};

const MINUTE: Duration = Duration::from_secs(60);
const LIMIT: usize = 4;

/// Quiet worlds in which a side may get four writes a minute.
fn slow() -> Simulation {
    let (faults, write_rate) = ("none".into(), LIMIT);
    let setting = Setting { seed: 21, incidents: 6, rate: 0.0, faults, write_rate, ..Setting::default() };
    let mut sim = Simulation::new(setting);
    sim.run_for(MINUTE * 2);
    sim.assert_in_step(21);
    assert_eq!(waiting(&sim), [], "what follows from new records waits for nobody");
    sim
}

fn linked(sim: &Simulation) -> Vec<String> {
    let all = sim.worlds().incidents.into_iter();
    all.filter(|i| i.labels.iter().any(|l| l == "snow")).map(|i| i.guid).collect()
}

/// Somebody says so many things about the incidents, one after the other.
fn talk(sim: &Simulation, from: usize, words: usize) {
    let guids = linked(sim);
    for n in from..from + words {
        let act = IncidentAct::Comment(format!("<p>word {n} of many</p>"));
        sim.act_in_sentinel(&guids[n % guids.len()], &act, &CAST[0]);
    }
}

/// Words that have arrived, and how often at most.
fn heard(sim: &Simulation, words: usize) -> (usize, usize) {
    let journals: Vec<String> =
        linked(sim).iter().flat_map(|g| sim.record_of(g).journal).map(|j| j.value).collect();
    let times = |n: usize| journals.iter().filter(|v| v.contains(&format!("word {n} of many"))).count();
    let all: Vec<usize> = (0..words).map(times).collect();
    (all.iter().filter(|n| **n > 0).count(), all.into_iter().max().unwrap_or_default())
}

fn fast() -> SurgeView {
    SurgeView { field: None, side: diptych::model::Side::ServiceNow, count: LIMIT as u32 }
}

#[test]
fn too_many_writes_wait_for_a_person_and_the_other_side_goes_on() {
    let mut sim = slow();
    talk(&sim, 0, 12);
    sim.run_for(MINUTE * 5);
    assert_eq!(heard(&sim, 12), (LIMIT, 1));
    assert_eq!(waiting(&sim), [fast()]);
    // Fields that wait for ServiceNow hold up no words from there.
    let first = linked(&sim).remove(0);
    let severity = sim.worlds().incidents.into_iter().find(|i| i.guid == first).unwrap().severity;
    sim.act_in_sentinel(&first, &IncidentAct::Severity(super::other_severity(&severity)), &CAST[0]);
    sim.run_for(MINUTE);
    let record = sim.record_of(&first).sys_id;
    let note = DeskAct::WorkNote("what is going on".into());
    sim.act_in_servicenow(&record, &note, CAST[1].user_name);
    sim.run_for(MINUTE);
    let said = |i: &&diptych::sandbox::sentinel::IncidentFacts| {
        i.comments.iter().any(|c| c.message.contains("what is going on"))
    };
    assert!(sim.worlds().incidents.iter().any(|i| said(&i)), "Sentinel gets what it is told");
    // Neither a restart nor time alone lets anything through.
    sim.kill();
    sim.run_for(MINUTE * 5);
    assert_eq!((heard(&sim, 12), waiting(&sim)), ((LIMIT, 1), vec![fast()]));
    order(&sim, ControlVerb::LetThrough);
    sim.run_for(MINUTE);
    assert_eq!((heard(&sim, 12), waiting(&sim)), ((12, 1), vec![]));
    sim.assert_in_step(21);
    sim.assert_idle(5);
    // And then it is counted again.
    talk(&sim, 12, 12);
    sim.run_for(MINUTE);
    assert_eq!((heard(&sim, 24), waiting(&sim)), ((12 + LIMIT, 1), vec![fast()]));
}

#[test]
fn what_came_together_while_a_side_was_away_waits_for_nobody() {
    let mut sim = slow();
    sim.cut_off(Side::ServiceNow, MINUTE * 6);
    for part in 0..5 {
        talk(&sim, part * 4, 4);
        sim.run_for(MINUTE);
    }
    sim.run_for(MINUTE * 20);
    assert_eq!((heard(&sim, 20), waiting(&sim)), ((20, 1), vec![]));
    sim.assert_in_step(21);
}

#[test]
fn a_record_that_could_not_be_made_lets_through_nothing_else() {
    let mut sim = slow();
    let (talked, records) = (linked(&sim).remove(0), sim.worlds().records.len());
    // The create comes first, because words are read before they are written.
    sim.stage.with_faults(|f| f.strike_next_write(Side::ServiceNow, FaultKind::Forbidden));
    new_incident(&sim, "Beacon to a known address", "Medium");
    for n in 0..12 {
        let act = IncidentAct::Comment(format!("<p>word {n} of many</p>"));
        sim.act_in_sentinel(&talked, &act, &CAST[0]);
    }
    while sim.stage.with_faults(|f| f.struck_on(Side::ServiceNow)) == 0 {
        sim.run_for(Duration::from_millis(10));
    }
    sim.run_for(Duration::from_secs(2));
    assert_eq!(sim.worlds().records.len(), records, "the create is what was refused");
    sim.run_for(MINUTE * 5);
    assert_eq!(sim.worlds().records.len(), records + 1, "records are made all the same");
    assert_eq!((heard(&sim, 12), waiting(&sim)), ((LIMIT, 1), vec![fast()]));
    order(&sim, ControlVerb::LetThrough);
    sim.run_for(MINUTE);
    assert_eq!((heard(&sim, 12), waiting(&sim)), ((12, 1), vec![]));
    sim.assert_in_step(21);
}

#[test]
fn a_clock_that_is_put_ahead_between_two_lives_is_no_pause() {
    let mut sim = slow();
    // By its own clock the next life comes an hour later; by those of the servers it is half a minute.
    sim.put_clock_ahead(3600);
    sim.kill();
    talk(&sim, 0, 30);
    sim.run_for(MINUTE * 5);
    assert_eq!((heard(&sim, 30), waiting(&sim)), ((LIMIT, 1), vec![fast()]));
    order(&sim, ControlVerb::LetThrough);
    sim.run_for(MINUTE * 2);
    assert_eq!((heard(&sim, 30), waiting(&sim)), ((30, 1), vec![]));
    sim.assert_in_step(21);
}

#[test]
fn a_process_that_gets_its_lease_back_counts_anew_and_waits_for_what_still_waits() {
    for let_through in [false, true] {
        let mut sim = slow();
        // It hears nothing for ten minutes. Another one takes the lease meanwhile, works, and dies.
        if let_through {
            talk(&sim, 0, 12);
            sim.run_for(MINUTE * 2);
            assert_eq!(waiting(&sim), [fast()]);
        }
        sim.pause(0, MINUTE * 10);
        assert!(sim.start_second(400));
        if let_through {
            order(&sim, ControlVerb::LetThrough);
        }
        while sim.has_second() {
            sim.run_for(Duration::from_secs(1));
        }
        assert_eq!((heard(&sim, 12).0 == 12, waiting(&sim)), (let_through, vec![]));
        talk(&sim, 12, 30);
        sim.run_for(MINUTE * 10);
        assert_eq!(waiting(&sim), [fast()], "thirty at once are too many, whoever reads them");
        order(&sim, ControlVerb::LetThrough);
        sim.run_for(MINUTE * 2);
        assert_eq!(heard(&sim, 42), (if let_through { 42 } else { 30 }, 1));
        sim.assert_in_step(21);
    }
}

#[test]
fn a_kill_at_any_step_loses_and_doubles_nothing_of_it() {
    for effects in (0..36).step_by(4) {
        for applied in [false, true] {
            let mut sim = slow();
            talk(&sim, 0, 9);
            sim.kill_at(0, Boundary { effects, applied }, Duration::from_secs(5));
            sim.run_for(MINUTE * 3);
            order(&sim, ControlVerb::LetThrough);
            sim.kill_at(0, Boundary { effects, applied }, Duration::from_secs(5));
            for _ in 0..3 {
                sim.run_for(MINUTE * 3);
                order(&sim, ControlVerb::LetThrough);
            }
            sim.run_for(MINUTE * 3);
            assert_eq!(heard(&sim, 9), (9, 1), "killed after {effects} effects, applied: {applied}");
            sim.assert_in_step(21);
        }
    }
}
