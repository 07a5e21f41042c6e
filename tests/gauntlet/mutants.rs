//! Tests the tester: each seeded mistake of the engine has to be caught within its budget of
//! seeds.

use std::time::{Duration, Instant};

use diptych::mutant::{Mutant, switch_on};

use crate::seeds::{Plan, run_all};

/// Mutants that must be caught; fewer fail the run.
pub const FEWEST: usize = 25;

/// What became of one mutant.
pub struct Hunt {
    pub mutant: Mutant,
    /// Seeds until it was caught, and the property that told; `None` when it got away.
    pub caught: Option<(u64, &'static str)>,
    pub elapsed: Duration,
}

/// Hunts one mutant or all of them, each through at most `budget` seeds.
pub fn hunt(only: Option<Mutant>, budget: u64, jobs: usize) -> Vec<Hunt> {
    let mut hunts = Vec::new();
    for mutant in Mutant::ALL.iter().copied().filter(|m| only.is_none_or(|o| o == *m)) {
        let begun = Instant::now();
        switch_on(Some(mutant));
        let plan = Plan {
            seeds: 0..budget,
            jobs,
            limit: None,
            most_failures: 1,
            trace: false,
            skip_known: true,
            shrink: false,
        };
        let total = run_all(&plan);
        switch_on(None);
        let caught = total.failures.values().next().map(|v| (total.seeds, v[0].property));
        let hunt = Hunt { mutant, caught, elapsed: begun.elapsed() };
        println!("{}", hunt.line());
        hunts.push(hunt);
    }
    hunts
}

impl Hunt {
    fn line(&self) -> String {
        let name = self.mutant.name();
        let seconds = self.elapsed.as_secs_f64();
        match self.caught {
            Some((seeds, property)) => {
                format!("{name:<24} caught after {seeds:>4} seeds by {property} ({seconds:.1} s)")
            }
            None => format!("{name:<24} GOT AWAY: {} ({seconds:.1} s)", self.mutant.what()),
        }
    }
}
