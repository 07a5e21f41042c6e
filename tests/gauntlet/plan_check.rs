//! The planner alone, on very many random cases: three trees that once agreed, moved apart in
//! every way, under tables from faultless to careless and under every policy.
//!
//! | file | question it answers |
//! |---|---|
//! | `worlds` | which tables, which users? |
//! | `cases` | what do both sides show, and what did they agree on? |
//! | `oracle` | what does a value become on the other side, by the rows alone? |
//! | `verdicts` | what must become of a field, by the decisions alone? |
//! | `promises` | what must every plan keep to? |
//! | `twins` | what must two plans have in common? |
//! | `rounds` | does carrying plans out come to an end? |

mod cases;
mod oracle;
mod promises;
mod rounds;
mod twins;
mod verdicts;
mod worlds;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use diptych::sync::{Plan, PlanContext, plan};
use fastrand::Rng;

use cases::Case;
use promises::{Broken, Found};
use verdicts::Moment;
use worlds::{WORLDS, World};

/// Violations that a report keeps in full, of all promises and of one.
const SHOWN: usize = 20;
const SHOWN_OF_ONE: u64 = 2;

/// What came of a run.
#[derive(Debug, Default)]
pub struct Report {
    pub cases: u64,
    /// Plans that wrote something and were carried out.
    pub applied_plans: u64,
    pub writes_to_sentinel: u64,
    pub writes_to_servicenow: u64,
    pub conflicts: u64,
    pub held: u64,
    pub notes: u64,
    pub lookups: u64,
    /// The first ones, each with the seed of its case.
    pub violations: Vec<String>,
    /// How often each promise was broken.
    pub broken: BTreeMap<&'static str, u64>,
    pub elapsed: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "plan: {} cases in {:.1} s, {} plans carried out, {} fields written to Sentinel, {} to \
             ServiceNow, {} notes, {} conflicts, {} held, {} look-ups, {} violations",
            self.cases,
            self.elapsed.as_secs_f64(),
            self.applied_plans,
            self.writes_to_sentinel,
            self.writes_to_servicenow,
            self.notes,
            self.conflicts,
            self.held,
            self.lookups,
            self.broken.values().sum::<u64>(),
        )?;
        self.broken.iter().try_for_each(|(promise, times)| write!(f, "; {promise}: {times}"))
    }
}

impl Report {
    fn count(&mut self, plan: &Plan) {
        self.cases += 1;
        self.applied_plans += u64::from(!plan.writes_nothing());
        self.writes_to_sentinel += plan.to_incident.len() as u64;
        self.writes_to_servicenow += plan.to_record.len() as u64;
        self.notes += plan.notes.len() as u64;
        self.lookups += plan.lookups.len() as u64;
        let open = |b: &&diptych::model::Base| b.conflict.as_ref().is_some_and(|c| c.taken.is_none());
        self.conflicts += plan.bases.iter().filter(open).count() as u64;
        self.held += plan.bases.iter().filter(|b| !b.held.is_empty()).count() as u64;
    }

    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.applied_plans += other.applied_plans;
        self.writes_to_sentinel += other.writes_to_sentinel;
        self.writes_to_servicenow += other.writes_to_servicenow;
        self.notes += other.notes;
        self.lookups += other.lookups;
        self.conflicts += other.conflicts;
        self.held += other.held;
        self.violations.extend(other.violations);
        self.violations.truncate(SHOWN);
        for (promise, times) in other.broken {
            *self.broken.entry(promise).or_default() += times;
        }
    }
}

/// Runs that many cases, on that many threads. The same seed gives the same cases.
pub fn run(cases: u64, seed: u64, jobs: usize) -> Report {
    let started = Instant::now();
    let pool: Vec<World> = (0..WORLDS).map(World::draw).collect();
    let jobs = jobs.max(1) as u64;
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let lane = |from: u64| {
            let pool = &pool;
            move || {
                let mut part = Report::default();
                for number in (from..cases).step_by(jobs as usize) {
                    case(case_seed(seed, number), pool, &mut part);
                }
                part
            }
        };
        let lanes: Vec<_> = (0..jobs).map(|from| scope.spawn(lane(from))).collect();
        for lane in lanes {
            report.add(lane.join().unwrap_or_default());
        }
    });
    report.elapsed = started.elapsed();
    report
}

/// Runs a single case and says in full what it is and what it breaks.
pub fn one(seed: u64) -> Result<(), String> {
    let pool: Vec<World> = (0..WORLDS).map(World::draw).collect();
    let drawn = Case::draw(seed, &pool);
    println!("{}\nrows {:#?}", show(seed, &drawn), drawn.world.set);
    if let Ok(made) = catch_unwind(AssertUnwindSafe(|| planned(&drawn))) {
        println!("plan {made:#?}");
    }
    let mut report = Report::default();
    case(seed, &pool, &mut report);
    if report.violations.is_empty() { Ok(()) } else { Err(report.violations.join("\n\n")) }
}

/// Spreads neighbouring numbers over all seeds.
fn case_seed(seed: u64, number: u64) -> u64 {
    Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number)).u64(..)
}

fn planned(case: &Case<'_>) -> Plan {
    let world = case.world;
    let ctx = PlanContext { workspace: &case.settings, tables: &world.tables, directory: &world.directory };
    plan(&case.state, &ctx, case.now)
}

fn case(seed: u64, pool: &[World], report: &mut Report) {
    let drawn = Case::draw(seed, pool);
    let mut found = Found::new();
    let checked = catch_unwind(AssertUnwindSafe(|| {
        let made = planned(&drawn);
        let moment = Moment { case: &drawn, state: &drawn.state, people: &drawn.world.people };
        promises::check(&moment, &made, &mut found);
        twins::check(&moment, &made, seed, &mut found);
        report.count(&made);
        rounds::converge(&drawn, made, &mut found);
    }));
    if checked.is_err() {
        found.push(Broken { promise: "planning never panics", what: "it panicked".into() });
    }
    for broken in found {
        let times = report.broken.entry(broken.promise).or_default();
        *times += 1;
        if *times <= SHOWN_OF_ONE && report.violations.len() < SHOWN {
            report.violations.push(format!("{}: {}\n{}", broken.promise, broken.what, show(seed, &drawn)));
        }
    }
}

/// A case with its three trees.
fn show(seed: u64, case: &Case<'_>) -> String {
    use diptych::model::Field;
    let m = Moment { case, state: &case.state, people: &case.world.people };
    let mut text = format!(
        "--plan-case {seed}: table {}, closer {:?}, seen {} and {}",
        case.settings.route.table,
        case.state.link.closer,
        case.state.incident_seen.0,
        case.state.record_seen.0
    );
    for field in Field::ALL {
        let base = m.base(field).map_or("no base".to_owned(), |b| {
            let mut marks = String::new();
            if b.detached {
                marks.push_str(" detached");
            }
            if !b.held.is_empty() {
                marks.push_str(" held");
            }
            if let Some(c) = &b.conflict {
                marks.push_str(&format!(" conflict {:?}|{:?} taken {:?}", c.sentinel, c.servicenow, c.taken));
            }
            format!("{:?}|{:?}{marks}", b.sentinel, b.servicenow)
        });
        let right = m.right(field).map_or("(not readable)".to_owned(), |n| format!("{n:?}"));
        let policy = case.policy(field).word();
        text.push_str(&format!("\n  {} ({policy}): {base} -> {:?}|{right}", field.word(), m.left(field)));
    }
    text
}
