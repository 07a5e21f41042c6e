//! The command line as a tree of types.

mod incidents;
mod links;
mod operations;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};

pub use incidents::{How, IncidentsArgs, IncidentsVerb, ListArgs, Settable, Take, Target};
pub use links::{AdoptArgs, DuplicatesArgs, LinkArgs, LinksArgs, LinksVerb};
pub use operations::{AuditArgs, AuditVerb, ConfigArgs, ConfigVerb, MappingsArgs, MappingsVerb, SandboxArgs};

use super::output::Format;

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
    /// Adopt, tie and end links; find incidents with more than one record, and close what is too many
    Links(LinksArgs),
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
    /// Take workspaces over whose last process ran on another config section and never gave its
    /// lease back
    #[arg(long)]
    pub take_over: bool,
}

/// `sync`
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SyncArgs {
    /// One pass over every workspace, then end; refused for one that is paused
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
    /// Let through what waits as a mass change, or as too many writes
    LetThrough(SyncTarget),
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

/// A span of time, such as `20s`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    crate::text::parse_span(text)
}

/// A rate, such as `1/s`.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    crate::sandbox::options::parse_rate(text)
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
            "diptych links duplicates prod --repair --yes --json",
            "diptych links duplicates --all --plain",
            "diptych links adopt --workspace prod --yes --wait=30s",
            "diptych links link prod/4711 INC0010001 --yes --json",
            "diptych links unlink prod/4711 --wait",
            "diptych links split prod/4711 --yes",
            "diptych mappings export --version 3 tables.toml",
            "diptych audit verify --heads h.json",
            "diptych config show --plain",
            "diptych sandbox --json --latency sentinel=80ms,servicenow.insert=200ms --throttle arm --faults light --analysts 1/s --dir d",
            "diptych completions bash",
        ] {
            Cli::try_parse_from(line.split(' ')).unwrap_or_else(|e| panic!("{line}: {e}"));
        }
        for line in [
            "diptych sync --once --plan",
            "diptych incidents list --json --csv",
            "diptych demo --json",
            "diptych links duplicates --yes",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
