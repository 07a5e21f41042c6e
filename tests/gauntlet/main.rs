//! The Gauntlet: the whole engine under everything that can befall it, seed by seed, judged by a
//! checker that knows nothing of the engine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking and says why"
)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod afterwards;
mod aim;
mod arguments;
mod checker;
mod kills;
#[cfg(feature = "mutants")]
mod mutants;
mod order;
mod plan_check;
mod run;
mod scoreboard;
mod script;
mod seeds;
mod shrink;
mod story;
mod sweep;
mod timeline;
mod trick;

#[path = "../simulation/mod.rs"]
mod simulation;

use std::process::ExitCode;

use arguments::{Arguments, Asked};
use seeds::Plan;

/// The fixed set of `cargo test`.
const SHORT_SEEDS: std::ops::Range<u64> = 0..24;
const SHORT_CASES: u64 = 4000;
const SHORT_STEP: u32 = 12;
/// A range of so many seeds has to hold everything that can happen, even if time cuts it short.
const ENOUGH: u64 = 3000;

fn main() -> ExitCode {
    let asked = match Arguments::read(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    let good = match asked.what {
        Asked::Help => {
            println!("{}", arguments::USAGE);
            true
        }
        Asked::List => {
            println!("gauntlet: test");
            true
        }
        Asked::Nothing => {
            println!("0 tests: the only one here is called gauntlet");
            true
        }
        Asked::Seeds => seeds_of(&asked),
        Asked::Scoreboard => scoreboard::show(asked.seeds.clone(), asked.jobs),
        Asked::Kills(n) => kills::tell(n, asked.seeds.start),
        Asked::Plan { cases } => plan_of(cases, asked.jobs),
        Asked::PlanCase(seed) => match plan_check::one(seed) {
            Ok(()) => true,
            Err(why) => {
                println!("{why}");
                false
            }
        },
        Asked::Sweep { step, pairs } => sweep_of(step, pairs, &asked),
        Asked::Mutants { only, budget } => mutants_of(only.as_deref(), budget, asked.jobs),
        Asked::Short => short(&asked),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What `cargo test` runs: a fixed set of everything, sized for a build without optimisation.
fn short(asked: &Arguments) -> bool {
    let seeds = Arguments { seeds: SHORT_SEEDS, ..asked.clone() };
    seeds_of(&seeds) & plan_of(SHORT_CASES, asked.jobs) & sweep_of(SHORT_STEP, 4, asked)
}

/// A range of seeds; true when nothing was broken.
fn seeds_of(asked: &Arguments) -> bool {
    let aim = match asked.aim.as_deref().map(str::parse).transpose() {
        Ok(aim) => aim,
        Err(why) => {
            eprintln!("{why}");
            return false;
        }
    };
    let plan = Plan {
        seeds: asked.seeds.clone(),
        jobs: asked.jobs,
        limit: asked.limit,
        most_failures: 200,
        trace: asked.trace,
        shrink: asked.shrink,
        aim,
    };
    let total = seeds::run_all(&plan);
    seeds::tell_failures(&total, &plan);
    for (property, n) in total.by_property() {
        println!("{property}: {n}");
    }
    let wanted = plan.seeds.end - plan.seeds.start;
    if total.seeds < wanted {
        println!("cut short: {} of {wanted} seeds", total.seeds);
    }
    // Few seeds cannot hold everything.
    let never = if wanted < ENOUGH { Vec::new() } else { total.never() };
    if !never.is_empty() {
        println!("never happened: {}", never.join(", "));
    }
    if wanted >= ENOUGH {
        total.counts().iter().for_each(|line| println!("{line}"));
    }
    println!("{}", total.line());
    total.failures.is_empty() && never.is_empty()
}

/// The planner alone; true when every promise was kept.
fn plan_of(cases: u64, jobs: usize) -> bool {
    let report = plan_check::run(cases, 1, jobs);
    for violation in &report.violations {
        println!("{violation}\n");
    }
    println!("{report}");
    report.violations.is_empty()
}

/// The crash sweep; true when every kill was survived.
fn sweep_of(step: u32, pairs: u32, asked: &Arguments) -> bool {
    let swept = sweep::run_all(step, pairs, asked.jobs);
    for (case, violations) in swept.failures.iter().take(10) {
        println!("{case:?}:");
        for v in violations.iter().take(5) {
            println!("  {v}");
        }
    }
    if let Some((case, _)) = swept.failures.first().filter(|_| asked.trace) {
        sweep::trace(case).iter().for_each(|line| println!("{line}"));
    }
    println!("{}", swept.line());
    swept.failures.is_empty()
}

#[cfg(feature = "mutants")]
fn mutants_of(only: Option<&str>, budget: u64, jobs: usize) -> bool {
    let only = match only.map(str::parse::<diptych::mutant::Mutant>).transpose() {
        Ok(only) => only,
        Err(why) => {
            let names: Vec<&str> = diptych::mutant::Mutant::ALL.iter().map(|m| m.name()).collect();
            eprintln!("{why}; there are {}", names.join(", "));
            return false;
        }
    };
    let hunts = mutants::hunt(only, budget, jobs);
    let caught = hunts.iter().filter(|h| h.caught.is_some()).count();
    println!("mutants: {caught} of {} caught", hunts.len());
    caught == hunts.len()
}

#[cfg(not(feature = "mutants"))]
fn mutants_of(_: Option<&str>, _: u64, _: usize) -> bool {
    eprintln!("build with --features mutants");
    false
}
