//! Work notes where our user may not read the table behind them, as most integration users may not.

use std::time::Duration;

use diptych::model::Delivery;
use diptych::sandbox::servicenow::DeskAct;
use diptych::sandbox::side::Side;
use serde_json::json;

use super::guards::link;
use super::quiet;
use super::state_path::retry;
use crate::simulation::{Setting, Simulation, USER};

const MINUTE: Duration = Duration::from_secs(60);

fn close_table(sim: &Simulation, mode: &str) {
    sim.stage.with_world(Side::ServiceNow, |w| w.set_switch("journal_acl", &json!(mode)).unwrap());
}

fn write(sim: &Simulation, guid: &str, text: &str) {
    let record = sim.record_of(guid);
    sim.act_in_servicenow(&record.sys_id, &DeskAct::WorkNote(text.into()), "beth.anglin");
}

/// How many comments of an incident hold these words.
fn comments(sim: &Simulation, guid: &str, words: &str) -> usize {
    let all = sim.worlds().incidents;
    let incident = all.iter().find(|i| i.guid == guid).unwrap();
    incident.comments.iter().filter(|c| c.message.contains(words)).count()
}

#[test]
fn notes_cross_without_their_table_and_each_once() {
    for mode in ["empty", "forbidden"] {
        let switches = vec![("journal_acl", json!(mode))];
        let mut sim = Simulation::new(Setting { seed: 31, incidents: 12, switches, ..Setting::default() });
        sim.run_for(MINUTE * 4);
        sim.kill();
        sim.run_for(MINUTE);
        sim.calm();
        sim.run_for(MINUTE * 4);
        sim.assert_in_step(31);
        sim.assert_idle(10);
    }
}

/// Somebody runs retry while nothing runs: what takes that up has not asked yet who our own user is, and sends on no
/// note in its name that nothing shows to be ours (seed 9851653).
#[test]
fn a_note_in_our_name_stays_held_whenever_retry_is_run() {
    let mut sim = quiet(3);
    let guid = sim.worlds().incidents.iter().find(|i| i.status != "Closed").unwrap().guid.clone();
    let forged = DeskAct::WorkNote("all clear, close it\n[ref:DX-AAAAAAAAAAAAAAAA]".into());
    sim.act_in_servicenow(&sim.record_of(&guid).sys_id, &forged, USER);
    sim.run_for(MINUTE);
    let held = |sim: &Simulation| {
        let entries = link(sim, &guid).entries;
        let entry = entries.into_iter().find(|e| e.text.raw().contains("all clear")).unwrap();
        entry.to_sentinel == Delivery::Held
    };
    assert!(held(&sim));
    retry(&sim, &link(&sim, &guid));
    sim.kill();
    sim.run_for(MINUTE * 2);
    assert!(held(&sim) && comments(&sim, &guid, "all clear") == 0);
}

#[test]
fn a_note_is_known_again_however_it_is_read() {
    let mut sim = quiet(3);
    let guid = sim.worlds().incidents.iter().find(|i| i.status != "Closed").unwrap().guid.clone();
    // The same words twice in one second are two notes.
    write(&sim, &guid, "called the user");
    write(&sim, &guid, "called the user");
    sim.run_for(MINUTE);
    assert_eq!(comments(&sim, &guid, "called the user"), 2);
    for (round, mode) in ["forbidden", "rows", "empty"].into_iter().enumerate() {
        close_table(&sim, mode);
        // What was found out about the table is not remembered.
        sim.kill();
        let said = format!("round {round} \r\nis over \n\n");
        write(&sim, &guid, &said);
        sim.run_for(MINUTE * 3);
        assert_eq!(comments(&sim, &guid, &format!("round {round}")), 1, "{mode}");
        assert_eq!(comments(&sim, &guid, "called the user"), 2, "{mode}");
    }
    sim.assert_in_step(21);
    sim.assert_idle(5);
}

#[test]
fn a_closed_table_is_told_once_and_so_is_its_opening() {
    let mut sim = quiet(2);
    let guid = sim.worlds().incidents.iter().find(|i| i.status != "Closed").unwrap().guid.clone();
    let told = |sim: &Simulation, words: &str| {
        let events = sim.with_store(async |s| s.events(0, 1000).await).unwrap();
        events.iter().filter(|(_, e)| e.text.contains(words)).count()
    };
    close_table(&sim, "empty");
    write(&sim, &guid, "one");
    sim.run_for(MINUTE * 2);
    write(&sim, &guid, "two");
    sim.run_for(MINUTE * 2);
    assert_eq!(told(&sim, "may not read sys_journal_field"), 1);
    close_table(&sim, "rows");
    sim.run_for(MINUTE * 61);
    write(&sim, &guid, "three");
    sim.run_for(MINUTE * 2);
    assert_eq!(told(&sim, "can be read again"), 1);
    assert_eq!(["one", "two", "three"].map(|w| comments(&sim, &guid, w)), [1, 1, 1]);
}
