//! `incidents` and its verbs.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{Listing, span};
use crate::model::view::Step;
use crate::model::{Closure, Field};

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
        field: Field,
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
    /// Only these steps: in-step, pending, held, conflict, error, merged, watched, unlinked, gone
    #[arg(long, value_name = "STEP", value_delimiter = ',', value_parser = step)]
    pub step: Vec<Step>,
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

fn closure(text: &str) -> Result<Closure, String> {
    let known = Closure::ALL.map(Closure::word).join(", ");
    Closure::from_word(text).ok_or_else(|| format!("one of {known}"))
}

fn field(text: &str) -> Result<Field, String> {
    let known: Vec<&str> = Field::ALL.iter().map(Field::word).collect();
    let known = known.join(", ");
    Field::from_word(text)
        .ok_or_else(|| format!("one of {known}, or a custom field as `incidents show --json` names it"))
}

fn step(text: &str) -> Result<Step, String> {
    let word = text.replace('-', " ");
    let known = Step::ALL.map(|s| s.word().replace(' ', "-")).join(", ");
    Step::ALL.into_iter().find(|s| s.word() == word).ok_or_else(|| format!("one of {known}"))
}
