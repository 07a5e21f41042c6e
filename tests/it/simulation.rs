//! The whole engine in one process: real machine, real clients, real store, both sandbox worlds,
//! one seeded scheduler, virtual time. No socket, no sleep.

mod checker;
mod link_of_worlds;
mod scheduler;

use std::time::Duration;

pub use checker::{Worlds, check_in_step};
use scheduler::{Setting, Simulation};

/// Minutes of work with people on both sides, then quiet, then everything must be in step.
fn a_day_at_the_desk(seed: u64, faults: &str) {
    let mut sim = Simulation::new(Setting { seed, incidents: 25, rate: 0.4, faults: faults.into() });
    sim.run_for(Duration::from_secs(240));
    sim.calm();
    sim.run_for(Duration::from_secs(240));
    sim.assert_in_step(seed);
    sim.assert_idle(10);
}

/// The seeds of a test: a few by default, any range with `DIPTYCH_SEEDS=100..200`.
fn seeds(default: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let asked = std::env::var("DIPTYCH_SEEDS").ok();
    let range = asked.as_deref().and_then(|text| {
        let (from, to) = text.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    range.unwrap_or(default)
}

#[test]
fn both_sides_end_in_step_without_faults() {
    a_day_at_the_desk(1, "none");
}

#[test]
fn both_sides_end_in_step_after_faults() {
    for seed in seeds(2..6) {
        a_day_at_the_desk(seed, "default");
    }
}

#[test]
fn a_killed_engine_carries_on_where_it_was() {
    for seed in seeds(10..14) {
        let mut sim = Simulation::new(Setting { seed, incidents: 12, rate: 0.4, faults: "default".into() });
        for _ in 0..8 {
            sim.run_for(Duration::from_secs(13));
            sim.kill();
        }
        sim.calm();
        sim.run_for(Duration::from_secs(300));
        sim.assert_in_step(seed);
        sim.assert_idle(10);
    }
}
