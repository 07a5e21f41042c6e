//! The scoreboard: the same scripts for this engine and for models of two published algorithms,
//! judged by the same checker, as violations per 1,000 incidents.
//!
//! A model does what the published text says and nothing worse; where the text leaves something
//! open it gets the benefit. It passes once a minute, as published, but never more often than the
//! engine does, so that nobody has more chances per edit than anybody else.
//!
//! | file | noun |
//! |---|---|
//! | `wire` | the way of a model to both worlds while the script plays on |
//! | `calls` | the requests that take it |
//! | `store_app`, `xsoar` | the models |
//! | `play` | one run of a model |
//! | `fitness` | each model does right by one act at a time, or nothing is compared |
//! | `board` | the table |

mod board;
mod calls;
mod fitness;
mod play;
mod store_app;
mod wire;
mod xsoar;

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

pub use board::Board;
use calls::Got;
use diptych::text::Stamp;
use wire::{Job, Wire};

use crate::checker::Violation;
use crate::script::Script;
use crate::simulation::Dialect;

/// An algorithm that syncs by passes.
pub trait Model {
    /// One pass.
    fn pass(&mut self, wire: &mut Wire<'_>) -> Got<()>;

    /// Something that a business rule put off.
    fn job(&mut self, _wire: &mut Wire<'_>, _job: &Job) -> Got<()> {
        Ok(())
    }
}

/// How an algorithm is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trait {
    /// It runs inside the ServiceNow instance, by its rules.
    Inside,
}

/// Who competes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rival {
    Engine,
    StoreApp,
    Xsoar,
}

impl Rival {
    pub const ALL: [Self; 3] = [Self::Engine, Self::StoreApp, Self::Xsoar];

    fn model(self, now: Stamp) -> Option<Box<dyn Model>> {
        match self {
            Self::Engine => None,
            Self::StoreApp => Some(Box::new(store_app::StoreApp::new(now))),
            Self::Xsoar => Some(Box::new(xsoar::Xsoar::new(now))),
        }
    }

    fn dialect(self) -> Dialect {
        match self {
            Self::StoreApp => store_app::dialect(),
            Self::Engine | Self::Xsoar => xsoar::dialect(),
        }
    }

    fn traits(self) -> &'static [Trait] {
        match self {
            Self::StoreApp => &[Trait::Inside],
            Self::Engine | Self::Xsoar => &[],
        }
    }
}

/// Violations and incidents of one rival in one script.
pub struct Score {
    pub incidents: u64,
    pub violations: Vec<Violation>,
}

fn score(rival: Rival, script: &Script) -> Score {
    let mut score = if rival == Rival::Engine {
        let outcome = crate::run::run(script, false);
        Score { incidents: outcome.figures.incidents, violations: outcome.violations }
    } else {
        play::play(rival, script)
    };
    // A record that a person copied, correlation and all, is no duplicate that a sync made: where
    // P1 finds none, it is not held against anybody that there are two.
    let made: Vec<String> = score.violations.iter().filter(|v| v.property == "P1").map(incident).collect();
    let copied = |v: &Violation| v.property == "P4" && v.text.ends_with(" records");
    score.violations.retain(|v| !copied(v) || made.contains(&incident(v)));
    score
}

/// `incident 7` of a text that begins with it.
fn incident(v: &Violation) -> String {
    v.text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// Runs every rival through the scripts of a range.
pub fn run(seeds: Range<u64>, jobs: usize) -> Board {
    let next = AtomicU64::new(seeds.start);
    let board = Mutex::new(Board::new(seeds.end.saturating_sub(seeds.start)));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let script = Script::of(seed).on_common_ground();
                    for rival in Rival::ALL {
                        let score = score(rival, &script);
                        board.lock().unwrap().add(rival, seed, score);
                    }
                }
            });
        }
    });
    board.into_inner().unwrap()
}

/// Prints the board; false when a model does not even do what its text says, or our engine breaks
/// anything.
pub fn show(seeds: Range<u64>, jobs: usize) -> bool {
    let unfit = fitness::check();
    for line in &unfit {
        println!("unfit model: {line}");
    }
    if !unfit.is_empty() {
        return false;
    }
    let board = run(seeds, jobs);
    println!("{board}");
    board.is_clean(Rival::Engine)
}
