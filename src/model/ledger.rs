//! What the store keeps for one link, and what one transaction changes.
//!
//! The engine's machine speaks to the store only in these types, so that it stays pure and the
//! store stays a store.

use serde::{Deserialize, Serialize};

use super::view::{EventView, LaneView, LinkView, WorkspaceView};
use super::{
    Base, Command, CommandId, CommandState, Control, Entry, EntryId, Incident, InstanceKey, Intent, IntentId,
    IntentState, Link, LinkId, LinkOrder, Record, SysId, TableName, WorkspaceKey,
};
use crate::text::{Stamp, escape_line};

/// Everything known about one link: both observations, the bases, the conversation and the
/// intents that are not settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkState {
    /// The link.
    pub link: Link,
    /// The incident as last observed.
    pub incident: Option<Incident>,
    /// When it was observed.
    pub incident_seen: Stamp,
    /// The record as last observed.
    pub record: Option<Record>,
    /// When it was observed.
    pub record_seen: Stamp,
    /// One base per field that has one.
    pub bases: Vec<Base>,
    /// The conversation, oldest first.
    pub entries: Vec<Entry>,
    /// Open and parked intents, oldest first.
    pub intents: Vec<Intent>,
}

impl LinkState {
    /// A link of which neither side was observed yet.
    pub fn new(link: Link) -> Self {
        Self {
            link,
            incident: None,
            incident_seen: Stamp(0),
            record: None,
            record_seen: Stamp(0),
            bases: Vec::new(),
            entries: Vec::new(),
            intents: Vec::new(),
        }
    }

    /// The base of a field.
    pub fn base(&self, field: super::Field) -> Option<&Base> {
        self.bases.iter().find(|b| b.field == field)
    }

    /// The latest moment of the steady clock that is noted in it.
    pub fn last_noted(&self) -> Stamp {
        let marks = self.bases.iter().flat_map(|b| [b.sentinel_seen, b.servicenow_seen]);
        let noted = marks.map(|s| s.same.max(s.last).max(s.differs.unwrap_or_default())).max();
        noted.unwrap_or_default().max(self.incident_seen).max(self.record_seen)
    }

    /// The first open intent, which blocks every other write of the link.
    pub fn open_intent(&self) -> Option<&Intent> {
        self.intents.iter().find(|i| i.state.is_open())
    }
}

/// Version of a row that was observed, to drop unchanged rows before they cost anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The link.
    pub link: LinkId,
    /// Incident GUID or record `sys_id`.
    pub key: String,
    /// etag, or `sys_mod_count` as text.
    pub version: String,
    /// The server's stamp of that version.
    pub stamp: Stamp,
}

/// How far a read has come. `name` is `sentinel` or `servicenow:<instance>:<table>`, with
/// `:deep` and `:sweep` behind it for the wider passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The workspace.
    pub workspace: WorkspaceKey,
    /// Which read.
    pub name: String,
    /// Server time up to which everything was read.
    pub position: Stamp,
    /// When it was last moved, local time, for people.
    pub moved: Stamp,
}

/// Who may sync a workspace (D34).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The workspace.
    pub workspace: WorkspaceKey,
    /// Who holds it.
    pub holder: String,
    /// Counts up with each new holder; fences late writers.
    pub epoch: i64,
    /// When it ends, by the database's clock.
    pub ends: Stamp,
    /// The database's clock when this was read.
    pub read_at: Stamp,
    /// Hash of the workspace's config section that the holder runs on (D31).
    pub section_hash: String,
}

impl Lease {
    /// True while somebody has it.
    pub fn is_in_force(&self) -> bool {
        self.ends > self.read_at
    }

    /// Why nobody takes it on a config section of that hash, and the cure (D31), one safe line. `None` where
    /// nothing is in the way but a holder who lives.
    pub fn refused_for(&self, section: &str) -> Option<String> {
        let given_back = self.ends.0 == 0;
        if self.is_in_force() || given_back || self.section_hash == section {
            return None;
        }
        Some(format!(
            "its section of this config differs from the one that {} last synced it on, which ended without \
             giving its lease back: this config does not sync it. Bring the two files together, or start once \
             with `diptych run --take-over`, and this section holds from then on",
            escape_line(&self.holder)
        ))
    }
}

/// A fact learnt about an instance or workspace, kept across restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// Instance or workspace key.
    pub owner: String,
    /// What it is about, for example `client_sys_id:incident`.
    pub name: String,
    /// The fact, for example `honoured`.
    pub value: String,
    /// When it was learnt.
    pub at: Stamp,
}

/// One write or decision for the audit chain; the store numbers and hashes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditDraft {
    /// When.
    pub at: Stamp,
    /// Who: `sync`, or a person with the command's name.
    pub who: String,
    /// What was done, one word: `create`, `patch`, `put`, `comment`, `note`, `decide`,
    /// `mapping`, `pause`, …
    pub act: String,
    /// The link, if it is about one.
    pub link: Option<LinkId>,
    /// In words, safe to print: `prod/4711 INC0010023`.
    pub subject: String,
    /// The side written: `sentinel`, `servicenow`, or empty.
    pub side: String,
    /// What: a field's word, `note`, a table.
    pub what: String,
    /// Value before.
    pub before: String,
    /// Value after.
    pub after: String,
    /// Why, and which rule.
    pub why: String,
    /// The intent it belongs to.
    pub intent: Option<IntentId>,
}

/// One row of the audit chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// The chain: a workspace key, or `store`.
    pub chain: String,
    /// Its number in the chain, from 1 without gaps.
    pub seq: i64,
    /// What was done.
    pub draft: AuditDraft,
    /// Hash of the row before it, hex; 64 zeros for the first.
    pub prev: String,
    /// Hash of `prev` and this row, hex.
    pub hash: String,
}

/// A change of an intent that is stored already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentUpdate {
    /// The intent.
    pub id: IntentId,
    /// Its new state.
    pub state: IntentState,
    /// Times it was sent.
    pub attempts: u32,
    /// When it was last sent.
    pub sent: Option<Stamp>,
    /// What the last attempt ended with.
    pub outcome: String,
}

/// A change of a command that is stored already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandUpdate {
    /// The command.
    pub id: CommandId,
    /// Its new state.
    pub state: CommandState,
    /// What came of it.
    pub result: String,
}

/// A change of an order about a link that is stored already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkOrderUpdate {
    /// The order.
    pub id: i64,
    /// Its new state.
    pub state: CommandState,
    /// What came of it.
    pub result: String,
}

/// One transaction of one workspace, fenced by its lease epoch. Order inside it: lease row,
/// links, observations, bases, entries, intents, commands, cursors, audit, published rows.
///
/// A negative number `-n` of a link, entry or intent stands for the n-th new one of this same
/// transaction (the n-th of `new_links`, `entries`, `new_intents`), so that a link and its first
/// intent can be committed together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// The workspace.
    pub workspace: WorkspaceKey,
    /// Epoch of our lease.
    pub epoch: i64,
    /// New links; their numbers come back in this order.
    pub new_links: Vec<Link>,
    /// Changed links.
    pub links: Vec<Link>,
    /// Observed incidents, each with when.
    pub incidents: Vec<(Incident, Stamp)>,
    /// Observed records with their instance, each with when.
    pub records: Vec<(InstanceKey, Record, Stamp)>,
    /// Changed bases.
    pub bases: Vec<(LinkId, Base)>,
    /// New (number zero) and changed entries; the numbers of the new come back in this order.
    /// A new one whose (link, origin, origin_id) exists already changes nothing and gives the
    /// existing number.
    pub entries: Vec<Entry>,
    /// New intents; their numbers come back in this order.
    pub new_intents: Vec<Intent>,
    /// Changed intents.
    pub intents: Vec<IntentUpdate>,
    /// Changed commands.
    pub commands: Vec<CommandUpdate>,
    /// Orders that were carried out.
    pub controls_done: Vec<i64>,
    /// Changed orders about links.
    pub link_orders: Vec<LinkOrderUpdate>,
    /// Moved cursors.
    pub cursors: Vec<Cursor>,
    /// Facts learnt.
    pub capabilities: Vec<Capability>,
    /// Audit rows to append to the workspace's chain.
    pub audit: Vec<AuditDraft>,
    /// Links as watchers see them; published with this epoch and the next revision.
    pub views: Vec<LinkView>,
    /// Lanes as watchers see them.
    pub lanes: Vec<LaneView>,
    /// The workspace as watchers see it.
    pub workspace_view: Option<WorkspaceView>,
    /// Happenings for the log.
    pub events: Vec<EventView>,
}

/// What a transaction gave back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// Numbers of the new links.
    pub links: Vec<LinkId>,
    /// Numbers of the entries, in the order given, existing ones included.
    pub entries: Vec<EntryId>,
    /// Numbers of the new intents.
    pub intents: Vec<IntentId>,
    /// Revision that the last of its published rows got, each having one of its own; unchanged if
    /// it had none.
    pub revision: i64,
}

/// What the machine asks of the store besides transactions.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Links of incidents of a workspace.
    ByIncident(WorkspaceKey, Vec<super::IncidentId>),
    /// Links of incidents of a workspace, by the incidents' numbers.
    ByNumber(WorkspaceKey, Vec<i64>),
    /// Links of merged incidents of a workspace whose records were told something of ours under that key.
    MergedAndTold(WorkspaceKey, String),
    /// Links of records of a workspace.
    ByRecord(WorkspaceKey, InstanceKey, TableName, Vec<SysId>),
    /// Links by number.
    ById(Vec<LinkId>),
    /// Known etags of incidents of a workspace.
    KnownIncidents(WorkspaceKey, Vec<super::IncidentId>),
    /// Known versions of records of a workspace.
    KnownRecords(WorkspaceKey, InstanceKey, TableName, Vec<SysId>),
    /// Every live link of a workspace whose record no correlation query finds: adopted and
    /// hand-made ones (D14). Answered by [`Told::Known`], with an empty version where the record
    /// was not observed yet.
    Uncorrelated(WorkspaceKey, InstanceKey, TableName),
    /// Numbers of links that have something to do at this moment: an open intent, a waiting
    /// entry, a record to create, a plan that is not carried out, a failure whose pause is over.
    Due(WorkspaceKey, Stamp),
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
    SaveUsers(InstanceKey, Vec<super::User>),
    /// Keeps the choices of a table of an instance, replacing all of that table.
    SaveChoices(InstanceKey, TableName, Vec<super::Choice>),
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
    Users(Vec<super::User>),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lease_that_lapsed_under_another_section_is_refused() {
        let lease = Lease {
            workspace: WorkspaceKey::new("prod").unwrap_or_default(),
            holder: "run alice@soc-1".into(),
            epoch: 3,
            ends: Stamp(10),
            read_at: Stamp(20),
            section_hash: "theirs".into(),
        };
        let why = lease.refused_for("ours").unwrap_or_default();
        assert!(why.contains("run alice@soc-1") && why.contains("--take-over"), "{why}");
        assert_eq!(lease.refused_for("theirs"), None, "it is simply taken");
        let given_back = Lease { ends: Stamp(0), ..lease.clone() };
        assert_eq!(given_back.refused_for("ours"), None);
        let lives = Lease { read_at: Stamp(5), ..lease };
        assert_eq!((lives.refused_for("ours"), lives.is_in_force()), (None, true));
    }
}
