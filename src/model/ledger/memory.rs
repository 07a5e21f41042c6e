//! What one pass leaves for the next: versions, cursors, facts.

use serde::{Deserialize, Serialize};

use crate::model::{LinkId, WorkspaceKey};
use crate::text::Stamp;

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
