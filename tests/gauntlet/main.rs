//! The Gauntlet: searches for what breaks the sync, outside libtest. Every case has a seed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a check fails aloud and says why"
)]

mod plan_check;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = args.iter().position(|a| a == name)?;
        args.get(at + 1)?.replace('_', "").parse::<u64>().ok()
    };
    if let Some(seed) = number("--plan-case") {
        return match plan_check::one(seed) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        };
    }
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let report = plan_check::run(number("--plan").unwrap_or(20_000), number("--seed").unwrap_or(1), jobs);
    for violation in &report.violations {
        eprintln!("{violation}\n");
    }
    println!("{report}");
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
