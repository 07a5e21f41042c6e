//! A linked record that moves to another domain is a warning, once for each move; the sync goes on as long as
//! its user sees the record. Where the column is not there, nothing is said.

use std::time::Duration;

use diptych::model::view::{EventView, Level};
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::{IncidentAct, IncidentFacts};
use diptych::sandbox::servicenow::DeskAct;
use diptych::sandbox::wire::World;
use serde_json::{Value, json};

use super::other_severity;
use crate::simulation::{KEY, Setting, Simulation, USER};

const MINUTE: Duration = Duration::from_secs(60);

/// A first sync on an instance with these switches, with that domain in the route.
fn begun(domain: &'static str, switches: Vec<(&'static str, Value)>) -> Simulation {
    let faults = "none".into();
    let mut sim = Simulation::new(Setting {
        seed: 21,
        incidents: 4,
        rate: 0.0,
        faults,
        domain,
        switches,
        ..Setting::default()
    });
    sim.run_for(MINUTE * 2);
    sim.assert_in_step(21);
    sim
}

/// An instance on which people move records between domains.
fn movable() -> Vec<(&'static str, Value)> {
    vec![("domain_writers", json!({"*": ["incident"]}))]
}

fn open(sim: &Simulation) -> IncidentFacts {
    let mut all = sim.worlds().incidents.into_iter();
    all.find(|i| i.status != "Closed" && i.labels.iter().any(|l| l == "snow")).unwrap()
}

fn move_to(sim: &Simulation, guid: &str, domain: &str) {
    let set = DeskAct::Set(vec![("sys_domain".into(), domain.into())]);
    sim.act_in_servicenow(&sim.record_of(guid).sys_id, &set, CAST[0].user_name);
    assert_eq!(sim.record_of(guid).fields["sys_domain"], domain);
}

/// What was said of domains: each warning with its audit row's before and after.
fn said(sim: &Simulation) -> Vec<(EventView, (String, String))> {
    let events = sim.with_store(async |s| s.events(0, 10_000).await).unwrap().into_iter().map(|(_, e)| e);
    let warnings: Vec<EventView> =
        events.filter(|e| e.level == Level::Warning && e.text.contains("domain")).collect();
    let rows = sim.with_store(async |s| s.audit_rows(KEY, 0, 10_000).await).unwrap();
    let rows: Vec<_> = rows.into_iter().map(|r| r.draft).filter(|d| d.act == "domain").collect();
    assert_eq!(warnings.len(), rows.len(), "each is on record: {warnings:?} {rows:?}");
    warnings.into_iter().zip(rows).map(|(e, d)| (e, (d.before, d.after))).collect()
}

fn pair(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

/// Both directions still flow.
fn assert_flows(sim: &mut Simulation, guid: &str) {
    let incident = sim.worlds().incidents.into_iter().find(|i| i.guid == guid).unwrap();
    let act = IncidentAct::Severity(other_severity(&incident.severity));
    sim.act_in_sentinel(guid, &act, &CAST[0]);
    sim.run_for(MINUTE);
    let note = DeskAct::WorkNote("seen from the other domain".into());
    sim.act_in_servicenow(&sim.record_of(guid).sys_id, &note, CAST[0].user_name);
    sim.run_for(MINUTE);
    sim.assert_in_step(21);
}

#[test]
fn a_move_is_said_once_and_the_sync_goes_on() {
    let mut sim = begun("", movable());
    let guid = open(&sim).guid;
    assert!(said(&sim).is_empty(), "being created is no move");
    move_to(&sim, &guid, "TOP/soc");
    sim.run_for(MINUTE);
    let first = said(&sim);
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(first[0].1, pair("global", "TOP/soc"));
    let number = sim.record_of(&guid).number;
    let event = &first[0].0;
    assert!(event.link.is_some() && event.subject.contains(&number), "{event:?}");
    assert!(event.text.contains("global") && event.text.contains("TOP/soc"), "{event:?}");

    sim.kill();
    assert_flows(&mut sim, &guid);
    assert_eq!(said(&sim).len(), 1, "not again, whatever else changes");
    move_to(&sim, &guid, "global");
    sim.run_for(MINUTE);
    assert_eq!(said(&sim)[1].1, pair("TOP/soc", "global"), "each move is one of its own");
    assert_eq!(said(&sim).len(), 2);
}

#[test]
fn a_move_that_the_answer_to_our_own_write_shows_is_said_once_too() {
    let mut sim = begun("", movable());
    let incident = open(&sim);
    // Both at once: which of the two is seen first is the same to whoever reads it.
    move_to(&sim, &incident.guid, "TOP/soc");
    let act = IncidentAct::Severity(other_severity(&incident.severity));
    sim.act_in_sentinel(&incident.guid, &act, &CAST[0]);
    sim.run_for(MINUTE * 2);
    assert_eq!(said(&sim).into_iter().map(|s| s.1).collect::<Vec<_>>(), [pair("global", "TOP/soc")]);
    sim.assert_in_step(21);
}

#[test]
fn a_column_that_may_not_be_read_says_nothing_and_a_move_meanwhile_is_said_later() {
    let hidden = json!({USER: ["incident.sys_domain"]});
    let mut switches = movable();
    switches.push(("hidden_fields", hidden.clone()));
    let mut sim = begun("", switches);
    let guid = open(&sim).guid;
    move_to(&sim, &guid, "TOP/soc");
    assert_flows(&mut sim, &guid);
    assert!(said(&sim).is_empty(), "{:?}", said(&sim));

    let show =
        |sim: &Simulation, to: &Value| sim.stage.with_desk(|d| d.set_switch("hidden_fields", to)).unwrap();
    show(&sim, &json!({}));
    assert_flows(&mut sim, &guid);
    assert!(said(&sim).is_empty(), "the first domain that is seen is no move");
    show(&sim, &hidden);
    move_to(&sim, &guid, "TOP/other");
    assert_flows(&mut sim, &guid);
    assert!(said(&sim).is_empty());
    show(&sim, &json!({}));
    assert_flows(&mut sim, &guid);
    assert_eq!(said(&sim).into_iter().map(|s| s.1).collect::<Vec<_>>(), [pair("TOP/soc", "TOP/other")]);
}

#[test]
fn new_records_get_the_domain_of_the_route_or_it_is_said_that_they_do_not() {
    let sim = begun("TOP/soc", movable());
    let guid = open(&sim).guid;
    assert_eq!(sim.record_of(&guid).fields["sys_domain"], "TOP/soc");
    assert!(said(&sim).is_empty(), "{:?}", said(&sim));

    let sim = begun("TOP/soc", Vec::new());
    assert_eq!(sim.record_of(&guid).fields["sys_domain"], "global", "our user may not set it");
    let made = said(&sim);
    let correlated =
        |r: &diptych::sandbox::servicenow::RecordFacts| r.fields["correlation_id"].starts_with("diptych:");
    assert_eq!(made.len(), sim.worlds().records.iter().filter(|r| correlated(r)).count());
    for (event, row) in made {
        assert_eq!(row, pair("TOP/soc", "global"));
        assert!(event.text.contains("may not set"), "{event:?}");
    }
}
