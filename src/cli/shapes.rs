//! What `--json` prints. These shapes are a promise: members are added, never renamed or removed.
//!
//! Times are RFC 3339 in UTC with six digits, or null. Spans are in seconds. A thing that each
//! side has is `{"sentinel": …, "servicenow": …}`. Lists are arrays, also when empty.

use serde::Serialize;

use crate::model::view::{EventView, FieldView, LaneView, LinkView, Step, SurgeView, WorkspaceView};
use crate::model::{CommandState, Entry, Pair, Shown};
use crate::text::Stamp;

/// A time.
pub fn time(stamp: Stamp) -> String {
    stamp.rfc3339()
}

/// `incidents list`: an array of these. Also the `link` of `incidents show`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinkRow {
    /// Link id.
    pub link: i64,
    /// `workspace/4711`.
    pub address: String,
    /// Workspace key.
    pub workspace: String,
    /// Incident number.
    pub incident_number: i64,
    /// Incident GUID.
    pub incident: String,
    /// Instance key.
    pub instance: String,
    /// Table.
    pub table: String,
    /// Record number; empty before it exists.
    pub record: String,
    /// Record key.
    pub sys_id: String,
    /// Title.
    pub title: String,
    /// Severity on either side.
    pub severity: Pair<String>,
    /// Status on either side.
    pub status: Pair<String>,
    /// Owner on either side; empty when unassigned.
    pub owner: Pair<String>,
    /// `in step`, `pending`, `held`, `conflict`, `error`, `merged`, `watched`, `gone`.
    pub step: &'static str,
    /// Why; empty when in step.
    pub why: String,
    /// True when both sides are closed.
    pub closed: bool,
    /// False when it left the workspace's filter.
    pub in_filter: bool,
    /// Creation of the incident.
    pub created: String,
    /// Last change seen on either side.
    pub changed: String,
    /// Entries of the conversation by where they were written.
    pub entries: Pair<u32>,
    /// Deep links.
    pub url: Pair<String>,
}

fn raw(pair: &Pair<crate::text::UntrustedText>) -> Pair<String> {
    Pair::new(pair.sentinel.raw().to_owned(), pair.servicenow.raw().to_owned())
}

impl From<&LinkView> for LinkRow {
    fn from(v: &LinkView) -> Self {
        Self {
            link: v.id.0,
            address: format!("{}/{}", v.workspace.as_str(), v.incident_number),
            workspace: v.workspace.as_str().to_owned(),
            incident_number: v.incident_number,
            incident: v.incident.as_str().to_owned(),
            instance: v.instance.as_str().to_owned(),
            table: v.table.as_str().to_owned(),
            record: v.record_number.clone(),
            sys_id: v.sys_id.as_str().to_owned(),
            title: v.title.raw().to_owned(),
            severity: raw(&v.severity),
            status: raw(&v.status),
            owner: raw(&v.owner),
            step: v.step.word(),
            why: v.why.clone(),
            closed: v.closed,
            in_filter: v.in_filter,
            created: time(v.created),
            changed: time(v.changed),
            entries: v.entries,
            url: raw(&v.url),
        }
    }
}

/// `incidents show`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detail {
    /// The link.
    pub link: LinkRow,
    /// Its fields, in the order of the panels.
    pub fields: Vec<FieldRow>,
    /// The conversation, oldest first.
    pub conversation: Vec<EntryRow>,
    /// Commands given for it, newest first.
    pub commands: Vec<CommandRow>,
}

/// One field of a link.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldRow {
    /// `severity`, `close_notes`, …; a custom field by its column and a mark: `u_tactics@1a2b3c4d`.
    pub field: String,
    /// Value on either side, as people read it.
    pub shown: Pair<String>,
    /// What both last agreed on.
    pub base: Option<Pair<String>>,
    /// As the link's.
    pub step: &'static str,
    /// Which rule decided, and why.
    pub rule: String,
    /// When they last agreed.
    pub agreed: Option<String>,
}

impl From<&FieldView> for FieldRow {
    fn from(v: &FieldView) -> Self {
        Self {
            field: v.field.word().to_owned(),
            shown: raw(&v.shown),
            base: v.base.as_ref().map(raw),
            step: v.step.word(),
            rule: v.rule.clone(),
            agreed: v.agreed.map(time),
        }
    }
}

/// One entry of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EntryRow {
    /// When it was written.
    pub at: String,
    /// `sentinel`, `servicenow`, `console` or `sync`.
    pub origin: &'static str,
    /// Author.
    pub author: String,
    /// Plain text.
    pub text: String,
    /// `none`, `waiting`, `sending`, `delivered` or `held`, toward either side.
    pub delivery: Pair<&'static str>,
    /// Why it is held.
    pub reason: String,
}

impl From<&Entry> for EntryRow {
    fn from(e: &Entry) -> Self {
        Self {
            at: time(e.at),
            origin: e.origin.word(),
            author: e.author.raw().to_owned(),
            text: e.text.raw().to_owned(),
            delivery: Pair::new(e.to_sentinel.word(), e.to_servicenow.word()),
            reason: e.reason.clone(),
        }
    }
}

/// A command: what `incidents set, comment, close, reopen, retry, resolve` print.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CommandRow {
    /// Its number.
    pub command: i64,
    /// `workspace/4711`.
    pub address: String,
    /// `severity`, `close`, …
    pub verb: &'static str,
    /// The plan that was shown.
    pub plan: Vec<Shown>,
    /// `pending`, `taken`, `done`, `stale` or `refused`.
    pub state: &'static str,
    /// What came of it.
    pub result: String,
    /// Who gave it.
    pub who: String,
}

impl CommandRow {
    /// A command as it stands.
    pub fn of(c: &crate::model::Command, address: &str) -> Self {
        Self {
            command: c.id.0,
            address: address.to_owned(),
            verb: c.verb.word(),
            plan: c.shown.clone(),
            state: c.state.word(),
            result: c.result.clone(),
            who: c.who.clone(),
        }
    }
}

/// `links link`, and the orders of `links adopt`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinkOrderRow {
    /// Its number.
    pub order: i64,
    /// `link` or `adopt`.
    pub verb: &'static str,
    /// `workspace/4711`.
    pub address: String,
    /// GUID of the incident.
    pub incident: String,
    /// Instance key.
    pub instance: String,
    /// Table.
    pub table: String,
    /// Number of the record.
    pub record: String,
    /// Key of the record.
    pub sys_id: String,
    /// What both sides held when it was shown: `equal`, `conflict`, `held` or `apart`.
    pub fields: Vec<crate::model::Compared>,
    /// `pending`, `done`, `stale` or `refused`.
    pub state: &'static str,
    /// What came of it.
    pub result: String,
    /// Who gave it.
    pub who: String,
}

impl LinkOrderRow {
    /// An order as it stands.
    pub fn of(o: &crate::model::LinkOrder, address: &str, record: &str) -> Self {
        Self {
            order: o.id,
            verb: o.verb.word(),
            address: address.to_owned(),
            incident: o.incident.as_str().to_owned(),
            instance: o.instance.as_str().to_owned(),
            table: o.table.as_str().to_owned(),
            record: record.to_owned(),
            sys_id: o.sys_id.as_str().to_owned(),
            fields: o.shown.clone(),
            state: o.state.word(),
            result: o.result.clone(),
            who: o.who.clone(),
        }
    }
}

/// True for a state in which a command stays.
pub fn is_final(state: CommandState) -> bool {
    matches!(state, CommandState::Done | CommandState::Stale | CommandState::Refused)
}

/// `sync status`: an array of these.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkspaceRow {
    /// Key.
    pub workspace: String,
    /// Name in Azure.
    pub name: String,
    /// Instance key.
    pub instance: String,
    /// Table.
    pub table: String,
    /// Paused by a person.
    pub paused: bool,
    /// Who syncs it; empty when nobody does.
    pub holder: String,
    /// Why this config does not sync it although nobody else does; empty when nothing is in the way.
    pub refused: String,
    /// Mapping version in use.
    pub mapping_version: i64,
    /// First-contact plan that waits: records to create, incidents to change, conflicts.
    pub waiting_plan: Option<(u32, u32, u32)>,
    /// Changes of too many incidents at once that wait for a person.
    pub mass_changes: Vec<SurgeView>,
    /// Links by step.
    pub links: std::collections::BTreeMap<&'static str, u64>,
    /// Both lanes.
    pub lanes: Vec<LaneRow>,
}

impl WorkspaceRow {
    /// A workspace with its lanes, the count of its links, whether its lease is in force, and otherwise why
    /// this config does not take it.
    pub fn of(
        w: &WorkspaceView,
        lanes: &[LaneView],
        links: &[(Step, u64)],
        (held, refused): (bool, String),
    ) -> Self {
        Self {
            workspace: w.workspace.as_str().to_owned(),
            name: w.name.clone(),
            instance: w.instance.as_str().to_owned(),
            table: w.table.as_str().to_owned(),
            paused: w.paused,
            holder: if held { w.holder.clone() } else { String::new() },
            refused,
            mapping_version: w.mapping_version,
            waiting_plan: w.waiting_plan,
            mass_changes: w.surges.clone(),
            links: links.iter().map(|(s, n)| (s.word(), *n)).collect(),
            lanes: lanes.iter().filter(|l| l.workspace == w.workspace).map(LaneRow::from).collect(),
        }
    }
}

/// One side of a workspace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LaneRow {
    /// `sentinel` or `servicenow`.
    pub side: &'static str,
    /// `idle`, `reading`, `writing`, `backing off`, `paused`, `stopped`, `starting`.
    pub state: &'static str,
    /// Server time up to which everything was read.
    pub cursor: Option<String>,
    /// Last pass that ended well.
    pub last_pass: Option<String>,
    /// Next pass.
    pub next_pass: Option<String>,
    /// Median time from a change on the other side to its arrival here, seconds.
    pub lag: Option<f64>,
    /// Writes that wait.
    pub queue: u32,
    /// Calls under way.
    pub in_flight: u32,
    /// Reads since the start.
    pub reads: u64,
    /// Writes since the start.
    pub writes: u64,
    /// Calls the server says are left.
    pub calls_left: Option<i64>,
    /// Current failure.
    pub error: Option<String>,
    /// Next try after it.
    pub retry_at: Option<String>,
}

impl From<&LaneView> for LaneRow {
    fn from(l: &LaneView) -> Self {
        Self {
            side: l.side.word(),
            state: l.state.word(),
            cursor: l.cursor.map(time),
            last_pass: l.last_pass.map(time),
            next_pass: l.next_pass.map(time),
            lag: l.lag.map(|micros| micros as f64 / 1e6),
            queue: l.queue,
            in_flight: l.in_flight,
            reads: l.reads,
            writes: l.writes,
            calls_left: l.calls_left,
            error: l.error.as_ref().map(|e| e.error.to_string()),
            retry_at: l.error.as_ref().and_then(|e| e.retry_at).map(time),
        }
    }
}

/// One happening; `demo --headless --json` prints one per line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventRow {
    /// When.
    pub at: String,
    /// `change`, `info`, `warning` or `error`.
    pub level: crate::model::view::Level,
    /// Workspace key.
    pub workspace: String,
    /// What it is about.
    pub subject: String,
    /// What happened.
    pub text: String,
}

impl From<&EventView> for EventRow {
    fn from(e: &EventView) -> Self {
        Self {
            at: time(e.at),
            level: e.level,
            workspace: e.workspace.as_str().to_owned(),
            subject: e.subject.clone(),
            text: e.text.clone(),
        }
    }
}
