//! What is real: the sandbox behind its sockets, the config on disk, and the program as a process.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use diptych::sandbox::{Sandbox, SandboxOptions};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Pause between two passes of the program.
pub const POLL: Duration = Duration::from_millis(300);
/// How long an unknown write may still land, as the program is told (D8). The servers' own limit
/// is a second.
pub const SETTLE: Duration = Duration::from_secs(2);
/// What the servers take for an answer after they applied what was asked: without it hardly any
/// kill would fall between the two.
const LATENCY: &str = "sentinel=40ms,servicenow=60ms";
/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(2);
/// In this time after a kill the servers read what the dead process had sent, and no new one is
/// up: what they count later is the next life's.
const LAST_WORDS: Duration = Duration::from_millis(10);

/// Both servers and a folder of our own, in which everything is kept that the program writes.
pub struct Bench {
    pub sandbox: Sandbox,
    pub folder: TempDir,
    pub lives: u32,
}

impl Bench {
    /// Starts the servers and writes the config that leads to them.
    pub async fn new(seed: u64, incidents: usize) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let sandbox = Sandbox::start(SandboxOptions {
            seed,
            incidents,
            latency: LATENCY.parse()?,
            dir: Some(folder.path().join("sandbox")),
            ..SandboxOptions::default()
        })
        .await
        .map_err(|e| e.to_string())?;
        sandbox.stage().with_faults(|f| {
            f.hang = Duration::from_millis(300);
            f.late = Duration::from_millis(800);
            f.transaction = SETTLE / 2;
        });
        let bench = Self { sandbox, folder, lives: 0 };
        bench.write_config().map_err(|why| format!("no config could be written: {why}"))?;
        Ok(bench)
    }

    /// The sandbox's own config with shorter pauses; every incident gets its record, as the
    /// checker asks for.
    fn write_config(&self) -> Result<(), String> {
        let folder = self.folder.path();
        let description = serde_json::to_value(self.sandbox.description()).map_err(|e| e.to_string())?;
        let (text, secrets) = diptych::config::sandbox_config(&description, folder)?;
        for (name, secret) in secrets {
            write_private(&folder.join(name), &secret)?;
        }
        let mut config: toml::Table = text.parse().map_err(|e: toml::de::Error| e.to_string())?;
        let workspace = [("poll", format!("{}ms", POLL.as_millis())), ("born_closed", "create".into())];
        let instance = [("settle", format!("{}s", SETTLE.as_secs())), ("sweep_every", "1m".into())];
        for (section, values) in [("workspace", workspace), ("instance", instance)] {
            let table = config.get_mut(section).and_then(|s| s.as_array_mut()).and_then(|s| s.first_mut());
            let table = table.and_then(toml::Value::as_table_mut).ok_or(format!("no [[{section}]]"))?;
            table.extend(values.map(|(key, value)| (key.to_owned(), value.into())));
        }
        write_private(&self.config(), &config.to_string())
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("diptych.toml")
    }

    /// The program's store.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// Requests and writes that both servers have received.
    pub fn traffic(&self) -> (u64, u64) {
        let traffic = self.sandbox.traffic();
        (traffic.values().map(|t| t.requests).sum(), traffic.values().map(|t| t.writes).sum())
    }

    /// Starts the program. `dead` is when the life before was killed.
    pub async fn start(&mut self, dead: Option<Instant>) -> Result<Life, String> {
        let log = self.folder.path().join(format!("life-{:03}.log", self.lives));
        let errors = File::create(&log).map_err(|e| e.to_string())?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_diptych"));
        command.arg("run").arg("--config").arg(self.config());
        // Nothing of the user who runs the test reaches the program, and the other way round.
        command.env_clear().env("HOME", self.folder.path()).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        let child = command.spawn().map_err(|e| format!("the program does not start: {e}"))?;
        self.lives += 1;
        tokio::time::sleep(LAST_WORDS).await;
        Ok(Life { child, log, dead, heard: self.traffic().0, spoke: None })
    }

    /// Lets it live for so long, and then, if `aimed`, until it has just sent a write.
    pub async fn let_live(&self, life: &mut Life, span: Duration, aimed: bool) -> Result<(), String> {
        self.until(life, span, |_| false).await?;
        if aimed {
            let (_, writes) = self.traffic();
            self.until(life, Duration::from_secs(1), |bench| bench.traffic().1 > writes).await?;
        }
        Ok(())
    }

    /// Looks until it is so or the time is over; says which. An end of the program that nobody
    /// asked for is a failure.
    pub async fn until(
        &self,
        life: &mut Life,
        limit: Duration,
        mut is_so: impl FnMut(&Self) -> bool,
    ) -> Result<bool, String> {
        let begun = Instant::now();
        loop {
            if life.spoke.is_none() && self.traffic().0 > life.heard {
                life.spoke = Some(Instant::now());
            }
            if let Some(status) = life.ended()? {
                return Err(format!("it ended by itself, {status}:\n{}", life.errors()));
            }
            if is_so(self) {
                return Ok(true);
            }
            if begun.elapsed() >= limit {
                return Ok(false);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// A file that only its owner can read.
fn write_private(path: &Path, text: &str) -> Result<(), String> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut f| f.write_all(text.as_bytes())).map_err(|e| format!("{}: {e}", path.display()))
}

/// One life of the program.
pub struct Life {
    child: Child,
    log: PathBuf,
    dead: Option<Instant>,
    /// Requests that the servers had received before its first one.
    heard: u64,
    spoke: Option<Instant>,
}

impl Life {
    fn ended(&mut self) -> Result<Option<ExitStatus>, String> {
        self.child.try_wait().map_err(|e| e.to_string())
    }

    /// From the end of the life before to the first request of this one.
    pub fn silence(&self) -> Option<Duration> {
        Some(self.spoke?.duration_since(self.dead?))
    }

    /// What it said on standard error.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// `kill -9`; gives the moment. It is gone when this returns.
    pub fn kill(&mut self) -> Result<Instant, String> {
        let at = Instant::now();
        self.child.kill().map_err(|e| e.to_string())?;
        let status = self.child.wait().map_err(|e| e.to_string())?;
        match status.signal() {
            Some(_) => Ok(at),
            None => Err(format!("it ended before it was killed, {status}:\n{}", self.errors())),
        }
    }

    /// Asks it to end as a service manager does, and waits for so long; gives its exit code.
    pub async fn stop(&mut self, limit: Duration) -> Result<Option<i32>, String> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).map_err(|e| e.to_string())?;
        let asked = Instant::now();
        loop {
            match self.ended()? {
                Some(status) => return Ok(status.code()),
                None if asked.elapsed() > limit => return Err(format!("it did not end within {limit:?}")),
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

impl Drop for Life {
    /// However a run ends, it leaves no process behind.
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
