//! What one transaction changes.

use serde::{Deserialize, Serialize};

use super::{AuditDraft, Capability, Cursor};
use crate::model::view::{EventView, LaneView, LinkView, WorkspaceView};
use crate::model::{
    Base, CommandId, CommandState, Entry, EntryId, Incident, InstanceKey, Intent, IntentId, IntentState,
    Link, LinkId, Record, WorkspaceKey,
};
use crate::text::Stamp;

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
    /// Links that have something to look at again, because a record that they share moved.
    pub wake: Vec<LinkId>,
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
