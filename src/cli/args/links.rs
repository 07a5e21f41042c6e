//! `links` and its verbs.

use clap::{Args, Subcommand};

use super::{How, Listing, Target};

/// `links`
#[derive(Clone, Debug, Args)]
pub struct LinksArgs {
    /// The verb
    #[command(subcommand)]
    pub verb: LinksVerb,
}

/// `links …`
#[derive(Clone, Debug, Subcommand)]
pub enum LinksVerb {
    /// Find incidents with more than one record; nothing is ever deleted
    Duplicates(DuplicatesArgs),
    /// List the records that Microsoft's store app made; --yes has the sync take them up
    Adopt(AdoptArgs),
    /// Tie an incident and a record that exist already; nothing that stands on either side is written over
    Link(LinkArgs),
    /// End a link: nothing crosses any more, nothing is deleted, and no new record is made
    Unlink(Target),
    /// Take an incident out of a record that it shares with others: it gets one of its own
    Split(Target),
}

/// `links adopt`
#[derive(Clone, Debug, Default, Args)]
pub struct AdoptArgs {
    /// Only this workspace
    #[arg(long, value_name = "KEY")]
    pub workspace: Option<String>,
    /// How.
    #[command(flatten)]
    pub how: How,
}

/// `links link`
#[derive(Clone, Debug, Args)]
pub struct LinkArgs {
    /// The incident: workspace/4711, workspace/GUID, a GUID, or a link that was ended by its id
    pub incident: String,
    /// The record: its number or its sys_id
    pub record: String,
    /// How.
    #[command(flatten)]
    pub how: How,
}

/// `links duplicates`
#[derive(Clone, Debug, Default, Args)]
pub struct DuplicatesArgs {
    /// Workspace key; every enabled workspace without one
    pub workspace: Option<String>,
    /// Also those of which every record but one is closed
    #[arg(long)]
    pub all: bool,
    /// Say what would be closed: records that only we ever wrote and that no link is about
    #[arg(long)]
    pub repair: bool,
    /// With --repair: close them
    #[arg(long, short, requires = "repair")]
    pub yes: bool,
    /// How it is printed.
    #[command(flatten)]
    pub listing: Listing,
}
