//! `kill -9` of the real program, again and again, while people work on both sides and faults
//! strike: real sockets and TLS, a real store on disk, a real process. What comes of it is judged
//! by the same checker as the simulation, as far as the servers' histories, the store and the audit
//! tell; what depends on a list of every request (P8, credentials to their own origin) is the
//! simulation's. There every instant of death can be chosen; here nothing
//! is simulated that could hide one.

mod evidence;
mod life;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use diptych::sandbox::faults::Profile;
use diptych::sandbox::side::Side;
use diptych::text::Stamp;
use fastrand::Rng;

use crate::checker::{self, Violation};
use crate::run::QUIET;
use evidence::{acts, evidence, in_flight, is_done, now, panics, write_history};
use life::{Bench, Life, POLL};

/// Incidents that are there when the program begins.
const INCIDENTS: usize = 16;
/// Acts of people per second.
const RATE: f64 = 4.0;
/// Milliseconds between a start and the kill.
const LIFE: std::ops::Range<u64> = 200..2500;
/// Microseconds from the arrival of a write, of which three in four kills wait for the next, to the
/// kill: a little more than the servers take to answer.
const AFTER_WRITE: u64 = 80_000;
/// Longest time in which all must be in step again once all is calm: a sweep a minute makes good
/// what a faulty page skipped over.
const LIMIT: Duration = Duration::from_secs(180);

/// What came of a run.
pub struct Report {
    pub kills: u32,
    /// Writes that a kill left between their commitment and what became of them.
    pub caught: usize,
    pub acts: usize,
    pub incidents: usize,
    pub faults: u64,
    pub lives: u32,
    /// From each kill to the first request of the next life, in order; a life that was killed
    /// before it could say anything has none.
    pub silences: Vec<Duration>,
    pub calmed: Duration,
    pub took: Duration,
    pub violations: Vec<Violation>,
    /// Where config, store and what each life said are, when they were kept for a look.
    pub kept: Option<String>,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = |d: Option<&Duration>| d.map_or("-".into(), |d| format!("{:.2} s", d.as_secs_f64()));
        let sound = self.violations.iter().all(|v| v.property != "store");
        write!(
            f,
            "{} kills ({} writes under way), {} acts, {} incidents, {} faults, {} lives; kill to first request p50 {} \
             max {} (of {}); in step {:.1} s after the calm; {} violations, integrity {}; {:.0} s",
            self.kills,
            self.caught,
            self.acts,
            self.incidents,
            self.faults,
            self.lives,
            seconds(self.silences.get(self.silences.len() / 2)),
            seconds(self.silences.last()),
            self.silences.len(),
            self.calmed.as_secs_f64(),
            self.violations.len(),
            if sound { "ok" } else { "broken" },
            self.took.as_secs_f64()
        )
    }
}

/// Runs it and prints what came of it; true when nothing was broken.
pub fn tell(kills: u32, seed: u64) -> bool {
    match run(kills, seed) {
        Ok(report) => {
            for violation in &report.violations {
                println!("kills, seed {seed}: {violation}");
            }
            if let Some(folder) = &report.kept {
                println!("kept: {folder}");
            }
            println!("{report}");
            report.violations.is_empty()
        }
        Err(why) => {
            println!("kills, seed {seed}: {why}");
            false
        }
    }
}

/// Kills the program so often; the seed decides the people, the faults and the moments.
///
/// # Errors
/// When the program or the sandbox did not do what the run needs: to start, to stay until it is
/// killed, to end when it is asked to.
pub fn run(kills: u32, seed: u64) -> Result<Report, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|e| e.to_string())?.block_on(play(kills, seed))
}

async fn play(kills: u32, seed: u64) -> Result<Report, String> {
    let begun = Instant::now();
    let mut rng = Rng::with_seed(seed ^ 0x6b69_6c6c);
    let mut bench = Bench::new(seed, INCIDENTS).await?;
    let mut told = bench.sandbox.entries();
    let stage = bench.sandbox.stage().clone();
    stage.with_faults(|f| f.set_profile(Profile::Default));
    stage.set_rate(RATE);

    let (mut silences, mut said, mut caught) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut life = bench.start(None).await?;
    for _ in 0..kills {
        let (span, aimed) = (Duration::from_millis(rng.u64(LIFE)), rng.u8(0..4) > 0);
        // Read beside a life that has just begun: nothing waits, and it has sent nothing yet.
        let (left, lived) = tokio::join!(in_flight(&bench), bench.let_live(&mut life, span, aimed));
        caught.extend(left);
        lived.map_err(|why| format!("life {}: {why}", bench.lives))?;
        if aimed {
            // Somewhere between the request, its answer and what is noted of it.
            tokio::time::sleep(Duration::from_micros(rng.u64(0..AFTER_WRITE))).await;
        }
        let dead = life.kill()?;
        silences.extend(life.silence());
        said.push(life.errors());
        life = bench.start(Some(dead)).await?;
    }

    stage.set_rate(0.0);
    stage.with_faults(|f| {
        f.set_profile(Profile::None);
        f.forget_orders();
    });
    let since = Instant::now();
    let mut violations = Vec::new();
    let (left, quiet) = tokio::join!(in_flight(&bench), settle_down(&bench, &mut life));
    caught.extend(left);
    let quiet = quiet?;
    let calmed = since.elapsed();
    if quiet.is_some() {
        let (_, before) = bench.traffic();
        pass(&bench, &mut life, QUIET).await?;
        let writes = bench.traffic().1 - before;
        if writes > 0 {
            violations.push(Violation::new("P5", format!("{writes} writes within {QUIET} quiet passes")));
        }
    }
    silences.extend(life.silence());
    let code = life.stop(Duration::from_secs(20)).await?;
    said.push(life.errors());
    if code != Some(0) {
        violations.push(Violation::new("stop", format!("asked to end it gave {code:?}")));
    }

    if caught.is_empty() {
        violations.push(Violation::new("kills", "none of them struck a write under way"));
    }
    let evidence = evidence(&bench, kills, acts(&mut told), quiet).await?;
    violations.extend(checker::check(&evidence));
    violations.extend(panics(&said));
    silences.sort();
    let mut report = Report {
        kills,
        caught: caught.len(),
        acts: evidence.acts.len(),
        incidents: evidence.worlds.incidents.len(),
        faults: evidence.struck,
        lives: bench.lives,
        silences,
        calmed,
        took: begun.elapsed(),
        violations,
        kept: None,
    };
    let Bench { sandbox, folder, .. } = bench;
    sandbox.stop().await;
    if !report.violations.is_empty() {
        write_history(&evidence, folder.path()).map_err(|e| e.to_string())?;
        report.kept = Some(folder.keep().display().to_string());
    }
    Ok(report)
}

/// Waits for so many passes: each reads the list of incidents once.
async fn pass(bench: &Bench, life: &mut Life, passes: u32) -> Result<bool, String> {
    let lists = |b: &Bench| b.sandbox.traffic().get(&Side::Sentinel).map_or(0, |t| t.requests);
    let first = lists(bench);
    bench.until(life, POLL * passes * 10, |b| lists(b) >= first + u64::from(passes)).await
}

/// Waits until both sides are in step and nothing is left to do; gives the moment, or `None` when
/// that did not come in time.
async fn settle_down(bench: &Bench, life: &mut Life) -> Result<Option<Stamp>, String> {
    let begun = Instant::now();
    // The last life may have been started a moment ago, and the store with it.
    let there = bench.until(life, Duration::from_secs(30), |b| b.store().exists()).await?;
    if !there {
        return Err("there is no store".into());
    }
    while begun.elapsed() < LIMIT {
        // To be in step says nothing of what is still on its way.
        let (_, writes) = bench.traffic();
        let passed = pass(bench, life, 5).await?;
        if passed && bench.traffic().1 == writes && is_done(bench).await? {
            return Ok(Some(now()));
        }
    }
    Ok(None)
}
