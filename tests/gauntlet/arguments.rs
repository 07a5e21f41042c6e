//! What was asked for on the command line.

use std::ops::Range;
use std::time::Duration;

/// What to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments {
    pub seeds: Range<u64>,
    pub jobs: usize,
    pub limit: Option<Duration>,
    pub trace: bool,
    pub shrink: bool,
    /// The mistake that seeds are sharpened for, without making it.
    pub aim: Option<String>,
    pub what: Asked,
}

/// One kind of run.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// What `cargo test` runs: a fixed set of everything, quickly.
    Short,
    /// A range of seeds.
    Seeds,
    /// The seeds once more, for the published algorithms as well.
    Scoreboard,
    /// So many kills of the real program.
    Kills(u32),
    /// The planner alone, through so many cases.
    Plan { cases: u64 },
    /// One case of the planner, by its seed.
    PlanCase(u64),
    /// The crash sweep with every so-manieth boundary and so many pairs.
    Sweep { step: u32, pairs: u32 },
    /// The seeded mistakes, all or one, with a budget of seeds for each.
    Mutants { only: Option<String>, budget: u64 },
    /// Only say what tests there are.
    List,
    /// A test name was asked for that is none of ours.
    Nothing,
    /// How to use it.
    Help,
}

pub const USAGE: &str = "\
cargo test --release --test gauntlet -- [what] [options]

  (nothing)         a fixed short set of everything
  --seeds A..B      every seed of the range
  --scoreboard A..B violations per 1,000 incidents, beside models of published algorithms
  --kills N         kill the real program N times; --seeds S before it for other moments
  --plan CASES      the planner alone, through so many random cases
  --plan-case SEED  one of them
  --sweep PAIRS     a kill at every boundary of a golden scenario, and at so many pairs
  --mutants SEEDS   every seeded mistake through at most so many seeds (feature `mutants`)
  --mutant NAME     one of them

  --aim NAME        seeds as they are sharpened for a mistake, without the mistake
  --jobs N          threads, by default one for each core
  --limit SECONDS   begin no seed after that
  --trace           print the event log of the shortened script
  --no-shrink       do not shorten the first failing seed

With DIPTYCH_TRACE=1 in the environment the event log goes to standard error as it happens.
";

impl Arguments {
    /// Reads them; gives the reason when that cannot be.
    pub fn read(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let mut read = Self {
            seeds: 0..0,
            jobs,
            limit: None,
            trace: false,
            shrink: true,
            aim: None,
            what: Asked::Short,
        };
        let mut args = args.peekable();
        while let Some(arg) = args.next() {
            let (name, inline) = match arg.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (arg, None),
            };
            let mut value = || inline.clone().or_else(|| args.next()).ok_or(format!("{name} needs a value"));
            match name.as_str() {
                "--seeds" => {
                    read.seeds = range(&value()?)?;
                    read.what = Asked::Seeds;
                }
                "--scoreboard" => {
                    read.seeds = range(&value()?)?;
                    read.what = Asked::Scoreboard;
                }
                "--kills" => read.what = Asked::Kills(number(&value()?)? as u32),
                "--plan" => read.what = Asked::Plan { cases: number(&value()?)? },
                "--plan-case" => read.what = Asked::PlanCase(number(&value()?)?),
                "--sweep" => read.what = Asked::Sweep { step: 1, pairs: number(&value()?)? as u32 },
                "--mutants" => {
                    let budget = number(&value()?)?;
                    read.what = match read.what {
                        Asked::Mutants { only, .. } => Asked::Mutants { only, budget },
                        _ => Asked::Mutants { only: None, budget },
                    };
                }
                "--mutant" => {
                    let only = Some(value()?);
                    read.what = match read.what {
                        Asked::Mutants { budget, .. } => Asked::Mutants { only, budget },
                        _ => Asked::Mutants { only, budget: 600 },
                    };
                }
                "--aim" => read.aim = Some(value()?),
                "--jobs" | "--test-threads" => read.jobs = number(&value()?)?.max(1) as usize,
                "--limit" => read.limit = Some(Duration::from_secs(number(&value()?)?)),
                "--trace" => read.trace = true,
                "--no-shrink" => read.shrink = false,
                "--list" => read.what = Asked::List,
                "--help" | "-h" => read.what = Asked::Help,
                // What the usual harness is told by `cargo test`, and means nothing here.
                "--nocapture" | "--no-capture" | "--quiet" | "-q" | "--exact" | "--include-ignored"
                | "--show-output" => {}
                "--format" | "--color" | "--skip" | "-Z" => {
                    value()?;
                }
                "--ignored" => read.what = Asked::Nothing,
                other if other.starts_with('-') => return Err(format!("{other} is no option\n{USAGE}")),
                // A filter of test names: ours is called gauntlet.
                filter if read.what == Asked::Short => {
                    if !"gauntlet".contains(filter) {
                        read.what = Asked::Nothing;
                    }
                }
                other => return Err(format!("{other:?} is too much\n{USAGE}")),
            }
        }
        Ok(read)
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.replace('_', "").parse().map_err(|_| format!("{text:?} is no number"))
}

fn range(text: &str) -> Result<Range<u64>, String> {
    match text.split_once("..") {
        Some((from, to)) => {
            let range = number(from)?..number(to)?;
            if range.is_empty() { Err(format!("{text} holds no seed")) } else { Ok(range) }
        }
        None => number(text).map(|n| n..n + 1),
    }
}
