//! The config as the program uses it: every value checked, none missing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::connections::{Connections, TransportSettings};
use super::parts::Resolver;
use super::problem::{ConfigError, Problem};
use super::raw::{Raw, RawConsole, RawLog, RawNotes, RawTransport};
use super::secret::Secret;
use super::show::Entry;
use super::tree::Path;
use super::{hash, parts};
use crate::model::WorkspaceKey;
use crate::model::settings::{EngineSettings, InstanceSettings, WorkspaceSettings};

/// Life of a lease, and the margin before its end in which nothing is sent (D34).
const LEASE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(8));

/// A key that marks our notes (D9).
#[derive(Clone, Debug)]
pub struct MarkerKey {
    /// Its name, which stands in the marker.
    pub name: String,
    /// The key itself.
    pub secret: Secret,
}

/// `[console]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleSettings {
    /// Name of the theme; `terminal` uses the terminal's own colours.
    pub theme: String,
    /// Only ASCII on the screen.
    pub ascii: bool,
    /// Mouse on.
    pub mouse: bool,
    /// The console syncs by itself unless another process does (D34).
    pub sync_in_console: bool,
    /// The console writes nothing and never syncs.
    pub readonly: bool,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What needs a person.
    Error,
    /// What needs a look.
    Warn,
    /// What is worth knowing.
    Info,
    /// Each call.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The word as it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// How much.
    pub level: LogLevel,
    /// Where to; without one `run` writes to stderr and the console beside its store.
    pub file: Option<PathBuf>,
    /// One JSON object per line.
    pub json: bool,
}

/// A config without a fault.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// The store's file.
    pub store: PathBuf,
    /// Workspaces, in the order of the file.
    pub workspaces: Vec<WorkspaceSettings>,
    /// Instances.
    pub instances: Vec<InstanceSettings>,
    /// How to reach them.
    pub connections: Connections,
    /// Marker keys: the first signs, all verify.
    pub marker_keys: Vec<MarkerKey>,
    /// Fingerprint of each workspace's section.
    pub section_hashes: BTreeMap<WorkspaceKey, String>,
    /// Console.
    pub console: ConsoleSettings,
    /// Log.
    pub log: LogSettings,
    /// What somebody should look at.
    pub warnings: Vec<Problem>,
    /// Every key with its value and where it came from.
    pub listing: Vec<Entry>,
}

impl Config {
    /// What the engine runs on; `holder` is shown beside the lease, `seed` is for the jitter of
    /// pauses.
    pub fn engine(&self, holder: &str, seed: u64) -> EngineSettings {
        EngineSettings {
            workspaces: self.workspaces.clone(),
            instances: self.instances.clone(),
            lease: LEASE.0,
            lease_margin: LEASE.1,
            holder: holder.to_owned(),
            seed,
        }
    }

    /// Whether there is enough in it to sync.
    ///
    /// # Errors
    /// Names what is missing: a workspace, or a marker key.
    pub fn check_can_sync(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        if !self.workspaces.iter().any(|w| w.enabled) {
            problems.push(
                Problem::error("workspace", "no workspace is enabled, so there is nothing to sync")
                    .hint("add a [[workspace]] as in config.example.toml"),
            );
        }
        if self.marker_keys.is_empty() {
            problems.push(
                Problem::error("notes.keys", "there is no key to mark notes with").hint(
                    "make a file of 32 random bytes in hex, mode 0600, and name it under [[notes.keys]]",
                ),
            );
        }
        if problems.is_empty() { Ok(()) } else { Err(ConfigError { file: self.file.clone(), problems }) }
    }
}

/// Checks what the types cannot. Values that are wrong are noted and stand in as empty ones; the
/// caller then throws the config away.
pub fn resolve(
    raw: Raw,
    file: &FilePath,
    broken: &BTreeSet<Path>,
    found: &mut Vec<(Path, Problem)>,
) -> Config {
    let mut r = Resolver::new(file, broken, found);
    version(&mut r, raw.version);
    let store = store(&mut r, raw.store.and_then(|s| s.path));
    let credentials = parts::credentials(&mut r, raw.credential);
    let instances = parts::instances(&mut r, raw.instance);
    let workspaces = parts::workspaces(&mut r, raw.workspace, &credentials, &instances);
    parts::unused_domains(&mut r, &instances, &workspaces.iter().map(|(w, _)| w).collect::<Vec<_>>());
    let marker_keys = notes(&mut r, raw.notes.unwrap_or_default());
    let console = console(&mut r, raw.console.unwrap_or_default());
    let log = log(&mut r, raw.log.unwrap_or_default());
    let transport = transport(&mut r, raw.transport.unwrap_or_default());
    let section_hashes = workspaces
        .iter()
        .map(|(w, to)| {
            let instance = instances.iter().find(|(i, _)| i.key == w.route.instance).map(|(i, to)| (i, to));
            (w.key.clone(), hash::section(w, to, instance))
        })
        .collect();
    let (workspaces, workspace_connections) = workspaces.into_iter().unzip();
    let (instances, instance_connections) = instances.into_iter().unzip();
    Config {
        file: file.to_path_buf(),
        store,
        workspaces,
        instances,
        connections: Connections {
            workspaces: workspace_connections,
            instances: instance_connections,
            transport,
        },
        marker_keys,
        section_hashes,
        console,
        log,
        warnings: Vec::new(),
        listing: Vec::new(),
    }
}

fn version(r: &mut Resolver<'_>, version: Option<i64>) {
    let at = Path::default().key("version");
    match version {
        Some(1) => {}
        None => r.missing(&at, "write version = 1 as the first line"),
        Some(n) => r.error(
            &at,
            format!("{n} is not a version this program knows"),
            "this program reads version 1; a newer file needs a newer program",
        ),
    }
}

fn store(r: &mut Resolver<'_>, path: Option<PathBuf>) -> PathBuf {
    if let Some(path) = r.path(path) {
        return path;
    }
    match directories::ProjectDirs::from("", "", "diptych") {
        Some(dirs) => dirs.data_local_dir().join("store.db"),
        None => {
            let at = Path::default().key("store").key("path");
            r.error(&at, "this user has no home folder for the store", "set store.path");
            PathBuf::new()
        }
    }
}

fn notes(r: &mut Resolver<'_>, raw: RawNotes) -> Vec<MarkerKey> {
    let list = Path::default().key("notes").key("keys");
    let mut out: Vec<MarkerKey> = Vec::new();
    for (i, key) in raw.keys.into_iter().enumerate() {
        let at = list.index(i);
        let name = r.need(&at.key("name"), key.name);
        let plain = (1..=16).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !name.is_empty() && !plain {
            r.error(&at.key("name"), "must have 1 to 16 characters out of a-z, 0-9 and -", "");
        }
        if !name.is_empty() && out.iter().any(|k| k.name == name) {
            r.error(&at.key("name"), "stands twice", "each key needs a name of its own");
        }
        let secret = r.need_secret(&at.key("secret"), key.secret);
        out.push(MarkerKey { name, secret });
    }
    if out.is_empty() && !r.is_broken(&list) {
        r.warning(
            &list,
            "there is no marker key, so nothing can sync",
            "see [[notes.keys]] in config.example.toml",
        );
    }
    out
}

fn console(r: &mut Resolver<'_>, raw: RawConsole) -> ConsoleSettings {
    let theme = raw.theme.unwrap_or_default();
    if theme.is_empty() || !theme.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        r.error(&Path::default().key("console").key("theme"), "is not a theme's name", "");
    }
    ConsoleSettings {
        theme,
        ascii: raw.ascii.unwrap_or(false),
        mouse: raw.mouse.unwrap_or(true),
        sync_in_console: raw.sync_in_console.unwrap_or(true),
        readonly: raw.readonly.unwrap_or(false),
    }
}

fn log(r: &mut Resolver<'_>, raw: RawLog) -> LogSettings {
    LogSettings {
        level: raw.level.unwrap_or(LogLevel::Info),
        file: r.path(raw.file),
        json: raw.json.unwrap_or(false),
    }
}

fn transport(r: &mut Resolver<'_>, raw: RawTransport) -> TransportSettings {
    let at = Path::default().key("transport");
    let ca_file = r.existing(&at.key("ca_file"), raw.ca_file);
    let proxy = raw.proxy.filter(|p| !p.is_empty()).and_then(|text| match url::Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https" | "socks5") && url.has_host() => Some(url),
        // never quoted: it may hold a password
        _ => {
            r.error(&at.key("proxy"), "is not the address of a proxy", "write http://host:port");
            None
        }
    });
    TransportSettings {
        ca_file,
        connect_timeout: r.span(&at.key("connect_timeout"), raw.connect_timeout, (100, 120_000)),
        timeout: r.span(&at.key("timeout"), raw.timeout, (100, 600_000)),
        proxy,
    }
}
