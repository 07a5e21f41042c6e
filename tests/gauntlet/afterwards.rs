//! A working day after the storm: both servers are well, people work on, and all of it has to be
//! across within a few passes.
//!
//! During a storm nothing can be late, because something may always have been in the way; and after
//! it the full sweep makes good whatever a pass had skipped. So this is where a pass has to prove
//! that it skips nothing by itself: people write in the very instant of a read, on every linked
//! pair, among records that the sync cannot see.

use std::time::Duration;

use diptych::sandbox::people::CAST;
use diptych::sandbox::side::Side;
use diptych::text::Stamp;

use crate::checker::Violation;
use crate::run::{Run, USUAL_RATE};
use crate::simulation::{Around, Deeds, is_full};
use crate::trick::{Trick, write_comment, write_note};

/// Passes in which what people did has to be across.
const PASSES: u32 = 3;
/// Time for the calls themselves, beside the passes.
const CALLS: Duration = Duration::from_secs(60);

/// Lets people work; what is not across in time is a violation.
pub fn work_on(run: &mut Run, seed: u64, poll: Duration) -> Vec<Violation> {
    Trick::UnseenCopies.play(&run.sim, seed);
    let worlds = run.sim.worlds();
    let known = |id: &str| worlds.dialect.incident_of(id).is_some();
    let table = run.sim.setting.table;
    let records = worlds.records.iter().filter(|r| known(&r.fields["correlation_id"])).enumerate();
    let notes = records.map(|(i, r)| {
        write_note((table, r.sys_id.clone()), CAST[0].user_name, format!("after the storm FEEB-9{i:05}"))
    });
    run.sim.act_around(around(Side::ServiceNow, notes.collect()));
    // What is full takes no more comments, from nobody.
    let open = worlds.incidents.iter().filter(|i| i.status != "Closed" && !is_full(i)).enumerate();
    let comments = open
        .map(|(i, incident)| {
            write_comment(incident.guid.clone(), &CAST[1], format!("after the storm FEEC-9{i:05}"))
        })
        .collect();
    run.sim.act_around(around(Side::Sentinel, comments));
    // Who may write only 75 comments in five minutes is not late, nor who waits for slow servers.
    let slow = run.sim.setting.throttle || !run.sim.setting.latency.is_empty();
    // Of each record there are some five calls, two at a time, of seven seconds each on the slowest (seed 9826876).
    let many = Duration::from_secs(18) * u32::try_from(worlds.records.len()).unwrap_or(u32::MAX);
    let calls = if slow { many.max(CALLS * 20) } else { CALLS };
    let parts = [poll; PASSES as usize].into_iter().chain([calls / 4; 4]);
    for part in parts {
        run.sim.run_for(part);
        if run.sim.setting.write_rate < USUAL_RATE {
            // So many at once wait for a person, more than once.
            run.let_through();
        }
    }
    let late = |text| Violation::new("P13", format!("{PASSES} passes after people worked on: {text}"));
    run.discords().into_iter().map(|d| late(d.text)).collect()
}

/// One of them just before the read, the others just after.
fn around(side: Side, deeds: Vec<Deeds>) -> Around {
    let mut deeds = deeds.into_iter();
    let first = deeds.next();
    let all = move |deeds: Box<dyn Iterator<Item = Deeds> + Send>| -> Deeds {
        Box::new(move |stage, now: Stamp| deeds.for_each(|deed| deed(stage, now)))
    };
    Around { side, before: all(Box::new(first.into_iter())), after: all(Box::new(deeds)) }
}
