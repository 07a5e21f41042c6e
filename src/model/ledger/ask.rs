//! What the machine asks of the store, and what it is told.

use serde::{Deserialize, Serialize};

use super::{Capability, Commit, Committed, Cursor, Known, Lease, LinkState};
use crate::model::{
    Choice, Command, Control, IncidentId, InstanceKey, LinkId, LinkOrder, SysId, TableName, User,
    WorkspaceKey,
};
use crate::text::Stamp;

/// What the machine asks of the store besides transactions.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Links of incidents of a workspace.
    ByIncident(WorkspaceKey, Vec<IncidentId>),
    /// Links of incidents of a workspace, by the incidents' numbers.
    ByNumber(WorkspaceKey, Vec<i64>),
    /// Links of merged incidents of a workspace whose records were told something of ours under that key.
    MergedAndTold(WorkspaceKey, String),
    /// Links of records of a workspace.
    ByRecord(WorkspaceKey, InstanceKey, TableName, Vec<SysId>),
    /// Numbers of links of a workspace whose records others may join that are the same by one of these keys,
    /// the newest first.
    Joinable(WorkspaceKey, InstanceKey, TableName, std::collections::BTreeSet<String>),
    /// Links by number.
    ById(Vec<LinkId>),
    /// Known etags of incidents of a workspace.
    KnownIncidents(WorkspaceKey, Vec<IncidentId>),
    /// Known versions of records of a workspace.
    KnownRecords(WorkspaceKey, InstanceKey, TableName, Vec<SysId>),
    /// Every live link of a workspace whose record no correlation query finds: adopted and
    /// hand-made ones (D14). Answered by [`Told::Known`], with an empty version where the record
    /// was not observed yet.
    Uncorrelated(WorkspaceKey, InstanceKey, TableName),
    /// Numbers of links that have something to do at this moment: an open intent, a waiting
    /// entry, a record to create, a plan that is not carried out, a failure whose pause is over.
    Due(WorkspaceKey, Stamp),
    /// Numbers of links that rest at this moment after a failure, due or not.
    Resting(WorkspaceKey, Stamp),
    /// Numbers of links with a held value, for a new mapping version.
    HeldLinks(WorkspaceKey),
    /// Links whose comments are to be read again, because a comment of ours may hide an edit.
    UnsureLinks(WorkspaceKey),
    /// Keys, without versions, of the records of a table whose links are live and may be worked on.
    LiveRecords(WorkspaceKey, InstanceKey, TableName),
    /// Keys, without versions, of the records of a table whose links are gone for that reason: at most so
    /// many, the newest first.
    GoneRecords(WorkspaceKey, InstanceKey, TableName, String, u32),
    /// Links that are watched, for settings by which they would not be.
    WatchedLinks(WorkspaceKey),
    /// At most so many links whose alerts are to be read, the newest first.
    UnreadAlerts(WorkspaceKey, u32),
    /// At most so many links with related rows still to be found or made, the newest first.
    WaitingRows(WorkspaceKey, u32),
    /// Commands that are not settled (pending or taken), orders, and orders about links of a workspace,
    /// oldest first.
    Orders(WorkspaceKey),
    /// Links about a record, of any workspace, ended ones too.
    AboutRecord(InstanceKey, TableName, SysId),
    /// Cursors of a workspace, and the facts learnt about it and its instances.
    Memory(WorkspaceKey),
    /// The mapping version in force: its number and its tables as JSON.
    Mapping,
    /// Users of an instance as last read.
    Users(InstanceKey),
    /// Keeps users of an instance, replacing those of the same `sys_id`.
    SaveUsers(InstanceKey, Vec<User>),
    /// Keeps the choices of a table of an instance, replacing all of that table.
    SaveChoices(InstanceKey, TableName, Vec<Choice>),
    /// Takes the lease if it is free, ended or ours. `None` comes back when somebody else has it.
    TakeLease {
        /// The workspace.
        workspace: WorkspaceKey,
        /// Who we are.
        holder: String,
        /// For how long.
        life_ms: i64,
        /// Hash of our config section.
        section_hash: String,
        /// Epoch and end of a lease that we saw unrenewed for longer than it lasts, by our
        /// monotonic clock: its holder is gone, whatever the wall clock makes of its end.
        idle: Option<(i64, Stamp)>,
    },
    /// The lease as it stands, whoever has it.
    LeaseOf(WorkspaceKey),
    /// Prolongs our lease.
    RenewLease {
        /// The workspace.
        workspace: WorkspaceKey,
        /// Our epoch.
        epoch: i64,
        /// For how long.
        life_ms: i64,
    },
    /// Gives our lease back.
    ReleaseLease {
        /// The workspace.
        workspace: WorkspaceKey,
        /// Our epoch.
        epoch: i64,
    },
    /// One transaction.
    Commit(Box<Commit>),
}

/// What the store answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Links.
    Links(Vec<LinkState>),
    /// Numbers of links.
    Numbers(Vec<LinkId>),
    /// Known versions.
    Known(Vec<Known>),
    /// Commands, orders, and orders about links.
    Orders(Vec<Command>, Vec<Control>, Vec<LinkOrder>),
    /// Cursors and facts.
    Memory(Vec<Cursor>, Vec<Capability>),
    /// Mapping version and tables as JSON; `None` when nothing was stored yet.
    Mapping(Option<(i64, String)>),
    /// Users.
    Users(Vec<User>),
    /// A lease, or `None` when somebody else holds it.
    Lease(Option<Lease>),
    /// What a transaction gave back.
    Committed(Committed),
    /// Done, nothing to say.
    Done,
}

/// Why the store could not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreFault {
    /// Our lease is not ours any more; the transaction was rolled back.
    LeaseLost,
    /// The disk is full; nothing was written, the same can be tried again.
    Full(String),
    /// Busy for too long; nothing was written, the same can be tried again.
    Busy(String),
    /// Anything else, safe to print.
    Broken(String),
}

impl std::fmt::Display for StoreFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LeaseLost => f.write_str("the lease was taken by another process"),
            Self::Full(m) => write!(f, "the store's disk is full: {m}"),
            Self::Busy(m) => write!(f, "the store is busy: {m}"),
            Self::Broken(m) => write!(f, "the store failed: {m}"),
        }
    }
}

impl std::error::Error for StoreFault {}
