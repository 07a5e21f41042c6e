//! `mappings`, `audit`, `config` and `sandbox`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Listing, rate};
use crate::sandbox::Throttle;
use crate::sandbox::faults::Profile;
use crate::sandbox::latency::Latency;

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
    /// Why an incident's values become what they become, row by row
    Explain {
        /// INC…, SIR…, workspace/4711, a GUID or a link id
        address: String,
        /// By the tables of this TOML file instead of those in force
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// JSON
        #[arg(long)]
        json: bool,
    },
    /// What a file would change, or how the tables in force differ from the built-in ones
    Diff {
        /// TOML file
        file: Option<PathBuf>,
        /// JSON
        #[arg(long)]
        json: bool,
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
