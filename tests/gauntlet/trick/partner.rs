//! One of a pair is closed or reopened after the other.

use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::{IncidentAct, IncidentFacts};
use diptych::sandbox::servicenow::{DeskAct, RecordFacts};
use fastrand::Rng;

use super::{Trick, act};
use crate::script::pick;
use crate::simulation::{Simulation, USER, WORKSPACE};

/// Plays one of these tricks on some pair that it fits.
pub fn play(trick: Trick, sim: &Simulation, rng: &mut Rng) -> Option<()> {
    let closed = |r: &RecordFacts| matches!(r.fields["state"].as_str(), "6" | "7" | "8");
    let fits = |(i, r): &(IncidentFacts, RecordFacts)| match trick {
        Trick::CloseThere => !closed(r),
        Trick::CloseFurther => r.fields["state"] == "6",
        Trick::ReopenHere => i.status == "Closed" && closed(r),
        _ => i.status != "Closed" && closed(r),
    };
    let mut pairs = pairs(sim);
    pairs.retain(fits);
    let (incident, record) = (!pairs.is_empty()).then(|| pairs.swap_remove(rng.usize(..pairs.len())))?;
    match trick {
        Trick::CloseThere => close_there(sim, rng, &record),
        // As the scheduled job of an instance does.
        Trick::CloseFurther => set(sim, &record, &[("state", "7")]),
        Trick::ReopenHere => in_sentinel(sim, &incident, &IncidentAct::Reopen)?,
        _ => {
            let comment = format!("done all the same, {:04x}", rng.u16(..));
            let (classification, reason) = ("Undetermined".to_owned(), None);
            in_sentinel(sim, &incident, &IncidentAct::Close { classification, reason, comment })?;
        }
    }
    Some(())
}

/// Incidents with the records that the sync made for them, that are neither merged nor deleted.
fn pairs(sim: &Simulation) -> Vec<(IncidentFacts, RecordFacts)> {
    let worlds = sim.worlds();
    let merged = |i: &IncidentFacts| i.labels.iter().any(|l| l.eq_ignore_ascii_case("redirected"));
    let ours = worlds.records.iter().filter(|r| r.fields["sys_created_by"] == USER);
    let incident_of = |r: &RecordFacts| {
        let guid = worlds.dialect.incident_of(&r.fields["correlation_id"])?;
        let found = worlds.incidents.iter().find(|i| i.guid.eq_ignore_ascii_case(guid));
        found.filter(|i| !merged(i)).cloned()
    };
    ours.filter_map(|r| Some((incident_of(r)?, r.clone()))).collect()
}

fn close_there(sim: &Simulation, rng: &mut Rng, record: &RecordFacts) {
    let codes = sim.stage.with_desk(|d| d.choice_list("incident", "close_code"));
    let (code, _) = pick(rng, &codes);
    let notes = format!("closed in ServiceNow, {:04x}", rng.u16(..));
    set(sim, record, &[("state", "6"), ("close_code", code), ("close_notes", &notes)]);
}

fn set(sim: &Simulation, record: &RecordFacts, fields: &[(&str, &str)]) {
    let fields = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    act(sim, record, &DeskAct::Set(fields), CAST[1].user_name);
}

fn in_sentinel(sim: &Simulation, incident: &IncidentFacts, what: &IncidentAct) -> Option<()> {
    let now = sim.world_time();
    sim.stage.with_sentinel(|s| s.act(WORKSPACE, &incident.guid, what, &CAST[0], now)).ok().map(|_| ())
}
