//! A domain with a user of its own: that one alone reads and writes the records of its routes, sees what lies
//! in its domain, and is known for ours, as is the user that wrote there before.

use std::time::Duration;

use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::servicenow::DeskAct;
use diptych::sandbox::wire::World;
use serde_json::json;

use super::other_severity;
use crate::simulation::{Setting, Simulation, USER};

const MINUTE: Duration = Duration::from_secs(60);
const DOMAIN: &str = "TOP/soc";
const SOC: &str = "diptych.soc";

/// An instance whose domain has a user that sees nothing else, and whose other user does not see the domain.
fn separated(domain_user: &'static str) -> Setting {
    Setting {
        seed: 31,
        incidents: 6,
        rate: 0.0,
        faults: "none".into(),
        domain: DOMAIN,
        domain_user,
        switches: vec![
            ("user_domains", json!({SOC: DOMAIN})),
            ("visible_domains", json!({SOC: [DOMAIN], USER: ["TOP/other"]})),
        ],
        ..Setting::default()
    }
}

fn open(sim: &Simulation) -> String {
    let mut all = sim.worlds().incidents.into_iter();
    all.find(|i| i.status != "Closed" && i.labels.iter().any(|l| l == "snow")).unwrap().guid
}

#[test]
fn the_user_of_a_domain_alone_reads_and_writes_its_records() {
    let mut sim = Simulation::new(separated(SOC));
    sim.run_for(MINUTE * 2);
    sim.assert_in_step(31);
    let guid = open(&sim);
    let record = sim.record_of(&guid);
    assert_eq!(record.fields["sys_domain"], DOMAIN, "new records are in the domain of who makes them");
    assert_eq!(record.fields["sys_created_by"], SOC);

    let severity = sim.worlds().incidents.into_iter().find(|i| i.guid == guid).unwrap().severity;
    sim.act_in_sentinel(&guid, &IncidentAct::Severity(other_severity(&severity)), &CAST[0]);
    sim.act_in_sentinel(&guid, &IncidentAct::Comment("look at the mailbox".into()), &CAST[0]);
    let note = DeskAct::WorkNote("done in the domain".into());
    sim.act_in_servicenow(&record.sys_id, &note, CAST[0].user_name);
    sim.run_for(MINUTE);
    sim.kill();
    sim.run_for(MINUTE);
    sim.assert_in_step(31);
    sim.assert_idle(5);
    let wrote = sim.stage.with_desk(|d| d.history().iter().any(|c| c.user_name == USER));
    assert!(!wrote, "the instance's own user has nothing to do here");
}

#[test]
fn what_its_user_does_not_see_is_neither_taken_for_deleted_nor_made_anew() {
    let mut sim = Simulation::new(Setting { sweep: MINUTE, ..separated(SOC) });
    sim.run_for(MINUTE * 2);
    let (before, guid) = (sim.worlds(), open(&sim));
    let show = |sim: &Simulation, domains: &[&str]| {
        let seen = json!({SOC: domains});
        sim.stage.with_desk(|d| d.set_switch("visible_domains", &seen)).unwrap();
    };
    show(&sim, &["TOP/other"]);
    sim.act_in_sentinel(&guid, &IncidentAct::Comment("said meanwhile".into()), &CAST[0]);
    sim.run_for(MINUTE * 20);
    assert_eq!(sim.worlds().records.len(), before.records.len(), "no second record");
    show(&sim, &[DOMAIN]);
    sim.run_for(MINUTE * 20);
    sim.assert_in_step(31);
}

#[test]
fn notes_of_the_user_before_are_known_for_ours_even_after_a_lost_store() {
    // Both see everything, as where the domain gets its user only later.
    let switches = vec![("domain_writers", json!({"*": ["incident"]}))];
    let mut sim = Simulation::new(Setting { switches, ..separated("") });
    sim.run_for(MINUTE * 2);
    let guid = open(&sim);
    sim.act_in_sentinel(&guid, &IncidentAct::Comment("from the first days".into()), &CAST[0]);
    sim.run_for(MINUTE);
    sim.assert_in_step(31);
    let comments =
        |sim: &Simulation| sim.worlds().incidents.iter().map(|i| i.comments.len()).collect::<Vec<_>>();
    let before = comments(&sim);

    sim.stage.with_desk(|d| d.add_integration(SOC, "password"));
    sim.setting.domain_user = SOC;
    sim.lose_store();
    sim.run_for(MINUTE * 5);
    assert_eq!(comments(&sim), before, "none of them comes back as somebody's");
    let record = sim.record_of(&guid);
    let told = record.journal.iter().filter(|j| j.value.contains("from the first days")).count();
    assert_eq!(told, 1);
}
