//! Many seeds on a few threads, and the figures of all of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diptych::engine::machine::Recovery;
use diptych::mutant::Mutant;
use diptych::sandbox::analysts::Deed;
use diptych::sandbox::side::Side;

use crate::aim;
use crate::checker::Violation;
use crate::run::{Figures, UPSETS, run};
use crate::script::{Script, faults_of};
use crate::shrink::shrink;
use crate::trick::Trick;

/// How to run a range.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seeds: Range<u64>,
    pub jobs: usize,
    /// No seed is begun after this.
    pub limit: Option<Duration>,
    /// Failing seeds after which no more are begun.
    pub most_failures: usize,
    /// Print the event log of the shortened script.
    pub trace: bool,
    /// Shorten failing scripts.
    pub shrink: bool,
    /// The mistake that the scripts are sharpened for.
    pub aim: Option<Mutant>,
}

impl Plan {
    /// The script of a seed.
    pub fn script(&self, seed: u64) -> Script {
        self.aim.map_or_else(|| Script::of(seed), |mutant| aim::script_for(mutant, seed))
    }
}

/// What came of a range.
#[derive(Default)]
pub struct Total {
    pub seeds: u64,
    pub figures: Figures,
    pub failures: BTreeMap<u64, Vec<Violation>>,
    pub elapsed: Duration,
    /// Seeds that ran twice with byte-identical event logs.
    pub repeated: u64,
}

/// Ways that these scripts do not lead to: they need a lost store, and tests of its own do that
/// (`a_lost_store_doubles_no_note_and_no_record`, `interleavings::aggregation`).
const ELSEWHERE: [Recovery; 3] = [Recovery::Adopted, Recovery::OrphanKnown, Recovery::JoinedAgain];

/// Every so many seeds one runs twice, and both event logs have to be the same.
const REPEAT_EVERY: u64 = 100;

/// Runs a range of seeds.
pub fn run_all(plan: &Plan) -> Total {
    let begun = Instant::now();
    let next = AtomicU64::new(plan.seeds.start);
    let enough = AtomicBool::new(false);
    let total = Mutex::new(Total::default());
    std::thread::scope(|scope| {
        for job in 0..plan.jobs {
            let (next, enough, total) = (&next, &enough, &total);
            scope.spawn(move || {
                stay_on_one_core(job);
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let late = plan.limit.is_some_and(|l| begun.elapsed() >= l);
                    if seed >= plan.seeds.end || late || enough.load(Ordering::Relaxed) {
                        break;
                    }
                    let (outcome, same) = one(seed, &plan.script(seed));
                    let mut total = total.lock().unwrap();
                    total.add(seed, outcome.0, outcome.1, same);
                    if total.failures.len() >= plan.most_failures {
                        enough.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut total = total.into_inner().unwrap();
    total.elapsed = begun.elapsed();
    total
}

type Judged = (Vec<Violation>, Figures);

/// One seed; every hundredth twice.
fn one(seed: u64, script: &Script) -> (Judged, Option<bool>) {
    if !seed.is_multiple_of(REPEAT_EVERY) {
        let outcome = run(script, false);
        return ((outcome.violations, outcome.figures), None);
    }
    let (first, second) = (run(script, true), run(script, true));
    let same = first.trace == second.trace;
    let mut violations = first.violations;
    if !same {
        let at = first.trace.iter().zip(&second.trace).position(|(a, b)| a != b);
        violations.push(Violation::new("replay", format!("two runs differ from line {at:?} on")));
    }
    ((violations, first.figures), Some(same))
}

/// The threads of a run hand work to and fro: on one core that costs a third of what it does
/// across two (measured).
pub fn stay_on_one_core(job: usize) {
    #[cfg(target_os = "linux")]
    {
        let mut set = rustix::thread::CpuSet::new();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        set.set(job % cores);
        // Where it is not allowed the run is slower, no more.
        let _ = rustix::thread::sched_setaffinity(None, &set);
    }
}

impl Total {
    fn add(&mut self, seed: u64, violations: Vec<Violation>, figures: Figures, same: Option<bool>) {
        self.seeds += 1;
        self.repeated += u64::from(same == Some(true));
        let all = &mut self.figures;
        all.effects += figures.effects;
        all.acts += figures.acts;
        all.kills += figures.kills;
        all.incidents += figures.incidents;
        all.virtual_time += figures.virtual_time;
        add(&mut all.faults, figures.faults);
        add(&mut all.deeds, figures.deeds);
        add(&mut all.tricks, figures.tricks);
        add(&mut all.upsets, figures.upsets);
        add(&mut all.recoveries, figures.recoveries);
        if !violations.is_empty() {
            self.failures.insert(seed, violations);
        }
    }

    /// Violations by property.
    pub fn by_property(&self) -> BTreeMap<&'static str, u64> {
        let mut n = BTreeMap::new();
        for v in self.failures.values().flatten() {
            *n.entry(v.property).or_default() += 1;
        }
        n
    }

    /// The line of figures.
    pub fn line(&self) -> String {
        let f = &self.figures;
        let seconds = self.elapsed.as_secs_f64().max(0.001);
        let violations: u64 = self.by_property().values().sum();
        format!(
            "{} seeds in {seconds:.1} s ({:.1} per second), {} events, {} acts, {} faults of {} kinds, {} kills, \
             {:.1} virtual days, {} seeds ran twice alike, {violations} violations in {} seeds",
            self.seeds,
            self.seeds as f64 / seconds,
            f.effects + f.acts,
            f.acts,
            f.faults.values().sum::<u64>(),
            f.faults.len(),
            f.kills,
            f.virtual_time.as_secs_f64() / 86_400.0,
            self.repeated,
            self.failures.len(),
        )
    }

    /// How often each fault, deed, trick, upset and way of recovery came, a line for each group.
    pub fn counts(&self) -> Vec<String> {
        let f = &self.figures;
        let line = |name: &str, all: Vec<(String, u64)>| {
            let all: Vec<String> = all.into_iter().map(|(what, n)| format!("{what} {n}")).collect();
            format!("{name}: {}", all.join(", "))
        };
        let faults = |on: Side| {
            f.faults
                .iter()
                .filter(move |((s, _), _)| *s == on)
                .map(|((_, k), n)| (k.to_string(), *n))
                .collect()
        };
        vec![
            line("faults in sentinel", faults(Side::Sentinel)),
            line("faults in servicenow", faults(Side::ServiceNow)),
            line("deeds", f.deeds.iter().map(|(d, n)| (format!("{d:?}"), *n)).collect()),
            line("tricks", f.tricks.iter().map(|(t, n)| (format!("{t:?}"), *n)).collect()),
            line("upsets", f.upsets.iter().map(|(u, n)| ((*u).to_owned(), *n)).collect()),
            line("recoveries", f.recoveries.iter().map(|(r, n)| (r.name().to_owned(), *n)).collect()),
        ]
    }

    /// What never happened although the scripts can hold it: faults, deeds, tricks, upsets,
    /// recovery branches.
    pub fn never(&self) -> Vec<String> {
        let mut never = Vec::new();
        for side in Side::BOTH {
            for kind in faults_of(side).filter(|k| !self.figures.faults.contains_key(&(side, *k))) {
                never.push(format!("fault {side} {kind}"));
            }
        }
        for deed in Deed::all().filter(|d| !self.figures.deeds.contains_key(d)) {
            never.push(format!("deed {deed:?}"));
        }
        for trick in Trick::ALL.iter().filter(|t| !self.figures.tricks.contains_key(t)) {
            never.push(format!("trick {trick:?}"));
        }
        for upset in UPSETS.iter().filter(|u| !self.figures.upsets.contains_key(*u)) {
            never.push(format!("upset {upset}"));
        }
        let struck = |w: &&Recovery| self.figures.recoveries.contains_key(w) || ELSEWHERE.contains(w);
        for way in Recovery::ALL.iter().filter(|w| !struck(w)) {
            never.push(format!("recovery {}", way.name()));
        }
        never
    }
}

fn add<K: Ord>(all: &mut BTreeMap<K, u64>, some: BTreeMap<K, u64>) {
    for (key, n) in some {
        *all.entry(key).or_default() += n;
    }
}

/// Tells what failed, the first seed with the shortest list of events that still fails.
pub fn tell_failures(total: &Total, plan: &Plan) {
    for (seed, violations) in &total.failures {
        println!("seed {seed}:");
        for v in violations.iter().take(12) {
            println!("  {v}");
        }
    }
    let first = total.failures.first_key_value();
    let Some((seed, violations)) = first.filter(|_| plan.shrink || plan.trace) else { return };
    println!("again: cargo test --release --test gauntlet -- --seeds {seed} --trace");
    let script = plan.script(*seed);
    // Two runs that differ cannot be told by one.
    let told = violations.iter().find(|v| v.property != "replay");
    let short = match told.filter(|_| plan.shrink) {
        Some(v) => shrink(&script, v.property),
        None => script.clone(),
    };
    println!(
        "seed {seed} shortened from {} to {} events, still {}:",
        script.events.len(),
        short.events.len(),
        told.map_or("replay", |v| v.property)
    );
    println!("  {:?}", short.setting);
    for event in &short.events {
        println!("  {:>12.6} {:?}", event.at.as_secs_f64(), event.what);
    }
    println!("  calm at {:?}", short.calm_at);
    let told = run(&short, plan.trace);
    for line in told.trace {
        println!("{line}");
    }
    for v in told.violations {
        println!("  {v}");
    }
}
