//! Everything that can happen to the console.

use super::key::Key;
use crate::mapping::TableSet;
use crate::model::ledger::{AuditRow, Lease};
use crate::model::view::{EventView, LaneView, Level, LinkView, WorkspaceView};
use crate::model::{Choice, Command, CommandId, InstanceKey, LinkId, LinkState, TableName, User};
use crate::text::Stamp;

/// Everything known about one link, for the Incident screen and the pane beside the list.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The link.
    pub id: LinkId,
    /// Its state; `None` when the store does not have it.
    pub state: Option<LinkState>,
    /// Its audit rows, newest first.
    pub audit: Vec<AuditRow>,
    /// Its commands, newest first.
    pub commands: Vec<Command>,
}

/// One version of the mapping tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableVersion {
    /// Its number.
    pub number: i64,
    /// The version it was made from; zero for the first.
    pub parent: i64,
    /// Who applied it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Stamp,
    /// The tables, or why they cannot be read.
    pub tables: Result<TableSet, String>,
}

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseKind {
    /// The left button went down.
    Press,
    /// The wheel turned up.
    WheelUp,
    /// The wheel turned down.
    WheelDown,
}

/// What the mouse did, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mouse {
    /// What.
    pub kind: MouseKind,
    /// Column.
    pub x: u16,
    /// Row.
    pub y: u16,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Msg {
    /// It is now this late.
    Clock(Stamp),
    /// The window has this size.
    Resize(u16, u16),
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The mouse did something.
    Mouse(Mouse),
    /// Links were published; `more` says that a further batch follows at once.
    Links {
        /// New and changed rows.
        rows: Vec<LinkView>,
        /// Whether more follow.
        more: bool,
    },
    /// All workspaces as published.
    Workspaces(Vec<WorkspaceView>),
    /// All lanes as published.
    Lanes(Vec<LaneView>),
    /// All leases.
    Leases(Vec<Lease>),
    /// New happenings, oldest first.
    Events(Vec<(i64, EventView)>),
    /// One link in full.
    Detail(Box<Detail>),
    /// Users of an instance.
    Users(InstanceKey, Vec<User>),
    /// Choices of a table of an instance.
    Choices(InstanceKey, TableName, Vec<Choice>),
    /// Versions of the mapping tables, newest first; the first is in force.
    Tables(Vec<TableVersion>),
    /// A command was stored, or not.
    CommandGiven {
        /// The ticket of its effect.
        ticket: u64,
        /// Its number, or why it could not be stored.
        result: Result<CommandId, String>,
    },
    /// A command that is being followed, as it is now.
    CommandNow(Box<Command>),
    /// A control order was stored, or not.
    ControlGiven(Result<(), String>),
    /// Tables were applied as this version; or the current version moved to that one meanwhile;
    /// or they could not be stored.
    TablesApplied(Result<Result<i64, i64>, String>),
    /// Something to tell.
    Say(Level, String),
    /// The store cannot be read, in words; `None` when it can again.
    Store(Option<String>),
}
