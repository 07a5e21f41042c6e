//! The command line as a tree of types.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::output::Format;
use crate::model::Closure;
use crate::sandbox::Throttle;
use crate::sandbox::faults::Profile;
use crate::sandbox::latency::Latency;

/// Keeps Microsoft Sentinel incidents and ServiceNow records in step, side by side in one
/// terminal. Without a command it opens the console.
#[derive(Debug, Parser)]
#[command(name = "diptych", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// What the console takes when no command is named.
    #[command(flatten)]
    pub console: ConsoleArgs,
    /// The command.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What every command takes.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// Config file
    #[arg(long, global = true, value_name = "FILE", env = "DIPTYCH_CONFIG")]
    pub config: Option<PathBuf>,
    /// Log more; twice for every call
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// The command.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Play: both sandbox servers, the sync and the console, with living data
    Demo(DemoArgs),
    /// The console (this is what `diptych` alone opens)
    Console(ConsoleArgs),
    /// Sync without a console, until stopped
    Run(RunArgs),
    /// One pass, a plan, or the state of the sync
    Sync(SyncArgs),
    /// List, show and change incidents
    Incidents(IncidentsArgs),
    /// Check, export, apply and undo the mapping tables
    Mappings(MappingsArgs),
    /// Verify and export the audit
    Audit(AuditArgs),
    /// Check and show the config
    Config(ConfigArgs),
    /// Serve both reference servers on loopback
    Sandbox(SandboxArgs),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one per command into DIR
    Man {
        /// Folder for the pages
        dir: Option<PathBuf>,
    },
}

/// `console`
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct ConsoleArgs {
    /// Look only: no action, no sync
    #[arg(long)]
    pub readonly: bool,
    /// Theme
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Only ASCII on the screen
    #[arg(long)]
    pub ascii: bool,
}

/// `demo`
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Without the console: one line per change and a summary
    #[arg(long)]
    pub headless: bool,
    /// End after this long, for example 20s
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    pub span: Option<Duration>,
    /// Incidents in the beginning
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub incidents: usize,
    /// Decides the initial world and the analysts' script
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// What the simulated analysts do per second, for example 1/s or 30/m
    #[arg(long, value_name = "RATE", default_value = "1/s", value_parser = rate)]
    pub rate: f64,
    /// Write pictures of the console into DIR at the end
    #[arg(long, value_name = "DIR")]
    pub pictures: Option<PathBuf>,
    /// Headless: one JSON object per line
    #[arg(long, requires = "headless")]
    pub json: bool,
    /// How the console looks.
    #[command(flatten)]
    pub console: ConsoleArgs,
}

/// `run`
#[derive(Clone, Debug, Default, Args)]
pub struct RunArgs {
    /// Accept the first-contact plans that wait
    #[arg(long)]
    pub accept_plan: bool,
}

/// `sync`
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[group(id = "mode", multiple = false)]
pub struct SyncArgs {
    /// One pass over every workspace, then end
    #[arg(long, group = "what")]
    pub once: bool,
    /// Print what a pass would write, and write nothing
    #[arg(long, group = "what")]
    pub plan: bool,
    /// Accept the first-contact plans that wait; alone, or with --once
    #[arg(long, conflicts_with = "plan")]
    pub accept_plan: bool,
    /// JSON
    #[arg(long)]
    pub json: bool,
    /// The verb
    #[command(subcommand)]
    pub verb: Option<SyncVerb>,
}

/// `sync …`
#[derive(Clone, Debug, Subcommand)]
pub enum SyncVerb {
    /// Who syncs what, how far it is, what hinders it
    Status(SyncTarget),
    /// Send and read nothing until resumed
    Pause(SyncTarget),
    /// Go on
    Resume(SyncTarget),
    /// Start a pass at once
    Now(SyncTarget),
}

/// Which workspace.
#[derive(Clone, Debug, Args)]
pub struct SyncTarget {
    /// Workspace key; every workspace without one
    pub workspace: Option<String>,
    /// JSON
    #[arg(long)]
    pub json: bool,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, Default, Args)]
#[group(multiple = false)]
pub struct Listing {
    /// JSON
    #[arg(long)]
    pub json: bool,
    /// Comma-separated values
    #[arg(long)]
    pub csv: bool,
    /// Cells separated by tabs, no header
    #[arg(long)]
    pub plain: bool,
}

impl Listing {
    /// The format.
    pub fn format(self) -> Format {
        match self {
            Self { json: true, .. } => Format::Json,
            Self { csv: true, .. } => Format::Csv,
            Self { plain: true, .. } => Format::Plain,
            _ => Format::Table,
        }
    }
}

/// `incidents`
#[derive(Clone, Debug, Args)]
pub struct IncidentsArgs {
    /// The verb
    #[command(subcommand)]
    pub verb: IncidentsVerb,
}

/// `incidents …`. ADDR is INC0010023, SIR0000042, workspace/4711, an incident's GUID, or a link
/// id.
#[derive(Clone, Debug, Subcommand)]
pub enum IncidentsVerb {
    /// List incidents
    List(ListArgs),
    /// Show both sides of one
    Show {
        /// INC…, SIR…, workspace/4711, a GUID or a link id
        address: String,
        /// JSON
        #[arg(long)]
        json: bool,
    },
    /// Set severity, status or owner on both sides
    Set {
        /// INC…, SIR…, workspace/4711, a GUID or a link id
        address: String,
        /// What
        field: Settable,
        /// High, Medium, Low, Informational · New, Active · user name, e-mail or sys_id; - for nobody
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// How.
        #[command(flatten)]
        how: How,
    },
    /// Comment on both sides
    Comment {
        /// INC…, SIR…, workspace/4711, a GUID or a link id
        address: String,
        /// The text; - reads it from stdin
        #[arg(allow_hyphen_values = true)]
        text: String,
        /// How.
        #[command(flatten)]
        how: How,
    },
    /// Close both sides
    Close {
        /// INC…, SIR…, workspace/4711, a GUID or a link id
        address: String,
        /// Classification
        #[arg(long = "as", value_name = "CLOSURE", value_parser = closure)]
        closure: Closure,
        /// Comment and close notes
        #[arg(long, value_name = "TEXT")]
        notes: String,
        /// How.
        #[command(flatten)]
        how: How,
    },
    /// Open both sides again
    Reopen(Target),
    /// Forget failures and plan anew
    Retry(Target),
    /// Decide a conflict by taking one side's value
    Resolve {
        /// INC…, SIR…, workspace/4711, a GUID or a link id
        address: String,
        /// title, severity, status, owner, closure, close_notes or description
        #[arg(value_parser = field)]
        field: crate::model::Field,
        /// Whose value
        #[arg(long, value_name = "SIDE")]
        take: Take,
        /// How.
        #[command(flatten)]
        how: How,
    },
}

/// One incident.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// INC…, SIR…, workspace/4711, a GUID or a link id
    pub address: String,
    /// How.
    #[command(flatten)]
    pub how: How,
}

/// How a change is made.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct How {
    /// Do not ask; needed without a terminal
    #[arg(long, short)]
    pub yes: bool,
    /// Wait until it is carried out, at most SPAN
    #[arg(long, value_name = "SPAN", value_parser = span, num_args = 0..=1, default_missing_value = "60s", require_equals = true)]
    pub wait: Option<Duration>,
    /// JSON
    #[arg(long)]
    pub json: bool,
}

/// What `set` sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Settable {
    /// Severity
    Severity,
    /// Status
    Status,
    /// Owner
    Owner,
}

/// A side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Take {
    /// Sentinel's value
    Sentinel,
    /// ServiceNow's value
    Servicenow,
}

/// `incidents list`
#[derive(Clone, Debug, Default, Args)]
pub struct ListArgs {
    /// Only this workspace
    #[arg(long, value_name = "KEY")]
    pub workspace: Option<String>,
    /// Only these steps: in-step, pending, held, conflict, error, merged, watched, gone
    #[arg(long, value_name = "STEP", value_delimiter = ',', value_parser = step)]
    pub step: Vec<crate::model::view::Step>,
    /// Only these severities (in Sentinel)
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub severity: Vec<String>,
    /// Only these statuses (in Sentinel)
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub status: Vec<String>,
    /// Only owners whose name holds this text, on either side; - for unassigned
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub owner: Option<String>,
    /// Only titles that hold this text
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Closed ones too
    #[arg(long)]
    pub all: bool,
    /// At most N
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// How it is printed.
    #[command(flatten)]
    pub listing: Listing,
}

/// `mappings`
#[derive(Clone, Debug, Args)]
pub struct MappingsArgs {
    /// The verb
    #[command(subcommand)]
    pub verb: MappingsVerb,
}

/// `mappings …`
#[derive(Clone, Debug, Subcommand)]
pub enum MappingsVerb {
    /// Lint a file, or the tables in force
    Check {
        /// TOML file
        file: Option<PathBuf>,
        /// JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the tables as TOML, to FILE or stdout
    Export {
        /// An older version
        #[arg(long, value_name = "N")]
        version: Option<i64>,
        /// TOML file
        file: Option<PathBuf>,
    },
    /// Versions, newest first
    History {
        /// How it is printed.
        #[command(flatten)]
        listing: Listing,
    },
    /// Make a file the version in force, after showing the differences
    Apply {
        /// TOML file
        file: PathBuf,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Do not ask; needed without a terminal
        #[arg(long, short)]
        yes: bool,
    },
    /// Go back to the version before, as a new version
    Undo {
        /// Do not ask; needed without a terminal
        #[arg(long, short)]
        yes: bool,
    },
}

/// `audit`
#[derive(Clone, Debug, Args)]
pub struct AuditArgs {
    /// The verb
    #[command(subcommand)]
    pub verb: AuditVerb,
}

/// `audit …`
#[derive(Clone, Debug, Subcommand)]
pub enum AuditVerb {
    /// Verify every chain
    Verify {
        /// File of heads kept outside the store; the one beside the store without it
        #[arg(long, value_name = "FILE")]
        heads: Option<PathBuf>,
        /// JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the audit
    Export {
        /// Only this chain: a workspace key, or store
        #[arg(long, value_name = "CHAIN")]
        chain: Option<String>,
        /// How it is printed.
        #[command(flatten)]
        listing: Listing,
    },
}

/// `config`
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// The verb
    #[command(subcommand)]
    pub verb: ConfigVerb,
}

/// `config …`
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigVerb {
    /// Every problem of the file, and whether the secrets can be read
    Check {
        /// JSON
        #[arg(long)]
        json: bool,
    },
    /// Every key with its value and where it came from
    Show {
        /// How it is printed.
        #[command(flatten)]
        listing: Listing,
    },
}

/// `sandbox`
#[derive(Clone, Debug, Args)]
pub struct SandboxArgs {
    /// Decides the initial world and the analysts' script
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Incidents in the beginning
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub incidents: usize,
    /// Workspaces
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub workspaces: usize,
    /// What the simulated analysts do per second, for example 1/s or 30/m
    #[arg(long, value_name = "RATE", default_value = "0", value_parser = rate)]
    pub analysts: f64,
    /// Delays: sentinel=80ms,sentinel.list=600ms,servicenow=120ms,servicenow.insert=200ms
    #[arg(long, value_name = "SPANS", default_value = "")]
    pub latency: Latency,
    /// How strictly calls are limited: free, arm or floor
    #[arg(long, value_name = "HOW", default_value = "free")]
    pub throttle: Throttle,
    /// Which faults strike: none, light, default, heavy, storm, or one kind
    #[arg(long, value_name = "PROFILE", default_value = "none")]
    pub faults: Profile,
    /// Plain HTTP instead of HTTPS with its own CA
    #[arg(long)]
    pub plain: bool,
    /// Receives ca.pem and diptych.toml
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Describe it in one line of JSON
    #[arg(long)]
    pub json: bool,
}

fn span(text: &str) -> Result<Duration, String> {
    crate::text::parse_span(text)
}

fn rate(text: &str) -> Result<f64, String> {
    crate::sandbox::options::parse_rate(text)
}

fn closure(text: &str) -> Result<Closure, String> {
    let known = Closure::ALL.map(Closure::word).join(", ");
    Closure::from_word(text).ok_or_else(|| format!("one of {known}"))
}

fn field(text: &str) -> Result<crate::model::Field, String> {
    let known = crate::model::Field::ALL.map(crate::model::Field::word).join(", ");
    crate::model::Field::from_word(text).ok_or_else(|| format!("one of {known}"))
}

fn step(text: &str) -> Result<crate::model::view::Step, String> {
    let word = text.replace('-', " ");
    let known = crate::model::view::Step::ALL.map(|s| s.word().replace(' ', "-")).join(", ");
    crate::model::view::Step::ALL
        .into_iter()
        .find(|s| s.word() == word)
        .ok_or_else(|| format!("one of {known}"))
}

/// The command tree with the exit codes under its help.
pub fn command() -> clap::Command {
    Cli::command().after_help(super::exit::help())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn the_documented_lines_parse() {
        for line in [
            "diptych",
            "diptych --readonly --theme mono",
            "diptych demo --headless --for 20s --rate 30/m --json",
            "diptych run --config x.toml -vv",
            "diptych sync --once --config x.toml",
            "diptych sync --plan --json",
            "diptych sync --once --accept-plan",
            "diptych sync status prod --json",
            "diptych incidents list --step held,conflict --severity High --csv",
            "diptych incidents set INC0010001 severity High --yes --wait=5s",
            "diptych incidents set 7 owner - --yes --wait",
            "diptych incidents comment prod/4711 - --json",
            "diptych incidents close INC1 --as TruePositive-SuspiciousActivity --notes done",
            "diptych incidents resolve INC1 close_notes --take servicenow",
            "diptych mappings export --version 3 tables.toml",
            "diptych audit verify --heads h.json",
            "diptych config show --plain",
            "diptych sandbox --json --latency sentinel=80ms,servicenow.insert=200ms --throttle arm --faults light --analysts 1/s --dir d",
            "diptych completions bash",
        ] {
            Cli::try_parse_from(line.split(' ')).unwrap_or_else(|e| panic!("{line}: {e}"));
        }
        for line in
            ["diptych sync --once --plan", "diptych incidents list --json --csv", "diptych demo --json"]
        {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
