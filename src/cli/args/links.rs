//! `links` and its verbs.

use clap::{Args, Subcommand};

use super::Listing;

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
