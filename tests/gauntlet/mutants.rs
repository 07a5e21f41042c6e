//! Tests the tester: each seeded mistake of the engine has to be caught, by the planner's check or
//! within its budget of seeds.

use std::time::{Duration, Instant};

use diptych::mutant::{Mutant, switch_on};

use crate::plan_check;
use crate::run::run;
use crate::seeds::{Plan, run_all};

/// Cases of the planner alone, which come first: they are cheap.
const CASES: u64 = 8000;

/// What became of one mutant.
pub struct Hunt {
    pub mutant: Mutant,
    /// By what it was caught; `None` when it got away.
    pub caught: Option<String>,
    pub elapsed: Duration,
}

/// Hunts one mutant or all of them, each through at most `budget` seeds.
pub fn hunt(only: Option<Mutant>, budget: u64, jobs: usize) -> Vec<Hunt> {
    let mut hunts = Vec::new();
    for mutant in Mutant::ALL.iter().copied().filter(|m| only.is_none_or(|o| o == *m)) {
        let begun = Instant::now();
        switch_on(Some(mutant));
        let caught = by_planner(jobs).or_else(|| by_seeds(mutant, budget, jobs));
        switch_on(None);
        let hunt = Hunt { mutant, caught, elapsed: begun.elapsed() };
        println!("{}", hunt.line());
        hunts.push(hunt);
    }
    hunts
}

fn by_planner(jobs: usize) -> Option<String> {
    let report = plan_check::run(CASES, 1, jobs);
    (!report.violations.is_empty()).then(|| "by the planner's check".to_owned())
}

fn by_seeds(aim: Mutant, budget: u64, jobs: usize) -> Option<String> {
    let plan = Plan {
        seeds: 0..budget,
        jobs,
        limit: None,
        most_failures: 1,
        trace: false,
        shrink: false,
        aim: Some(aim),
    };
    let total = run_all(&plan);
    let (seed, violations) = total.failures.first_key_value()?;
    // A seed that breaks something without the mistake proves nothing about it.
    switch_on(None);
    if let Some(broken) = run(&plan.script(*seed), false).violations.first() {
        println!("seed {seed} as sharpened for {} breaks without the mistake, too: {broken}", aim.name());
        return None;
    }
    Some(format!("after {} seeds by {}", total.seeds, violations[0].property))
}

impl Hunt {
    fn line(&self) -> String {
        let name = self.mutant.name();
        let seconds = self.elapsed.as_secs_f64();
        match &self.caught {
            Some(how) => format!("{name:<24} caught {how} ({seconds:.1} s)"),
            None => format!("{name:<24} GOT AWAY: {} ({seconds:.1} s)", self.mutant.what()),
        }
    }
}
