//! The crash sweep: one golden scenario, killed at every boundary of its effects, before the
//! effect and after it was applied; then at sampled pairs of boundaries.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diptych::model::settings::AlertNotes;
use diptych::sandbox::analysts::Deed;
use fastrand::Rng;

use crate::checker::Violation;
use crate::run::run;
use crate::script::{Event, Script, What};
use crate::seeds::stay_on_one_core;
use crate::simulation::{Boundary, Setting};

/// What came of a sweep.
pub struct Swept {
    /// Effects of the golden scenario.
    pub boundaries: u32,
    pub singles: u32,
    pub doubles: u32,
    pub failures: Vec<(Vec<Boundary>, Vec<Violation>)>,
    pub elapsed: Duration,
}

impl Swept {
    /// The line of figures.
    pub fn line(&self) -> String {
        format!(
            "crash sweep: {} boundaries, {} single and {} double kills in {:.1} s, {} failed",
            self.boundaries,
            self.singles,
            self.doubles,
            self.elapsed.as_secs_f64(),
            self.failures.len()
        )
    }
}

/// Every kind of write once, and what comes back of it.
fn golden() -> Script {
    let deeds = [
        Deed::Raise,
        Deed::Comment,
        Deed::WorkNote,
        Deed::Severity,
        Deed::Impact,
        Deed::Owner,
        Deed::Assign,
        Deed::Progress,
        Deed::Wording,
        Deed::Comment,
        Deed::WorkNote,
        Deed::Hold,
        Deed::Resolve,
        Deed::ReopenRecord,
        Deed::Close,
    ];
    let setting = Setting {
        seed: 4,
        incidents: 2,
        rate: 0.0,
        faults: "none".into(),
        poll: Duration::from_secs(5),
        alerts: AlertNotes::Note,
        ..Setting::default()
    };
    let mut events = Vec::new();
    for (i, deed) in deeds.into_iter().enumerate() {
        // One of these chances suits the deed; the others cannot be done and do nothing.
        for chance in 0..3 {
            let at = Duration::from_millis(4000 + 2500 * i as u64 + 150 * chance);
            let serial = i as u64 * 3 + chance;
            events.push(Event { at, what: What::Act { deed, draw: serial * 7919, serial } });
        }
    }
    Script { seed: 4, setting, events, calm_at: Duration::from_secs(60) }
}

/// The event log of one case.
pub fn trace(case: &[Boundary]) -> Vec<String> {
    run(&killed_at(&golden(), case), true).trace
}

fn killed_at(script: &Script, boundaries: &[Boundary]) -> Script {
    let mut script = script.clone();
    let kill = |b: &Boundary| What::Kill { boundary: *b, down: Duration::from_secs(1) };
    let kills = boundaries.iter().map(|b| Event { at: Duration::ZERO, what: kill(b) });
    script.events.splice(0..0, kills);
    script
}

/// Sweeps all single boundaries, or every `step`-th, and so many sampled pairs.
pub fn run_all(step: u32, doubles: u32, jobs: usize) -> Swept {
    let begun = Instant::now();
    let golden = golden();
    let whole = run(&golden, false);
    // The first effect is carried out before the kills are set, so that none of them can strike it.
    let boundaries = (whole.figures.effects_until_calm as u32).saturating_sub(1);
    let mut cases: Vec<Vec<Boundary>> = vec![Vec::new()];
    for effects in (0..boundaries).step_by(step as usize) {
        cases.extend([false, true].map(|applied| vec![Boundary { effects, applied }]));
    }
    let singles = cases.len() as u32 - 1;
    let mut rng = Rng::with_seed(4);
    for _ in 0..doubles {
        let mut any = |most: u32| Boundary { effects: rng.u32(0..most.max(1)), applied: rng.bool() };
        cases.push(vec![any(boundaries), any(60)]);
    }
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for job in 0..jobs {
            let (next, cases, golden, failures) = (&next, &cases, &golden, &failures);
            scope.spawn(move || {
                stay_on_one_core(job);
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = run(&killed_at(golden, case), false);
                    let mut violations = outcome.violations;
                    if !case.is_empty() && outcome.figures.kills == 0 {
                        violations.push(Violation::new("kill", "its boundary never came"));
                    }
                    if !violations.is_empty() {
                        failures.lock().unwrap().push((case.clone(), violations));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort_by_key(|(case, _)| case.iter().map(|b| (b.effects, b.applied)).collect::<Vec<_>>());
    Swept { boundaries, singles, doubles, failures, elapsed: begun.elapsed() }
}
