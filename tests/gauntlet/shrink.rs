//! Makes a failing script short: removes events for as long as it still fails in the same
//! property (delta debugging).

use std::time::{Duration, Instant};

use crate::run::run;
use crate::script::{Event, Script};

/// Runs that shrinking one script may cost.
const MOST_RUNS: u32 = 400;
/// And the time: somebody waits for it.
const LONGEST: Duration = Duration::from_secs(180);

/// The shortest script found that still breaks `property`.
pub fn shrink(script: &Script, property: &str) -> Script {
    let mut best = script.clone();
    let mut runs = 0;
    let begun = Instant::now();
    let fails = |events: &[Event], runs: &mut u32| {
        *runs += 1;
        let candidate = Script { events: events.to_vec(), ..script.clone() };
        run(&candidate, false).violations.iter().any(|v| v.property == property)
    };
    let mut chunk = best.events.len().div_ceil(2);
    while chunk >= 1 && runs < MOST_RUNS && begun.elapsed() < LONGEST {
        let mut at = 0;
        let mut shorter = false;
        while at < best.events.len() && runs < MOST_RUNS && begun.elapsed() < LONGEST {
            let mut events = best.events.clone();
            events.drain(at..(at + chunk).min(events.len()));
            if fails(&events, &mut runs) {
                best.events = events;
                shorter = true;
            } else {
                at += chunk;
            }
        }
        if chunk == 1 && !shorter {
            break;
        }
        chunk = if chunk == 1 { 1 } else { chunk.div_ceil(2) };
    }
    best
}
