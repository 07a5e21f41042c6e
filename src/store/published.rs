//! What watchers read: links, lanes, workspaces and happenings as the lease holder published
//! them, in the order of (workspace, epoch, revision) and never of insertion (D11).

use std::collections::BTreeMap;

use super::Store;
use super::links::Fresh;
use super::pool::Tx;
use super::sql::{Arg, Row, args, json, last_of};
use crate::model::ledger::{Commit, StoreFault};
use crate::model::view::{EventView, LaneView, LinkView, WorkspaceView};
use crate::model::{IncidentId, WorkspaceKey};

/// Some published links, and how far a watcher that took them has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewBatch {
    /// The links, per workspace in the order in which they were published.
    pub rows: Vec<LinkView>,
    /// Where to go on: the `after` of the next call.
    pub upto: BTreeMap<WorkspaceKey, (i64, i64)>,
    /// True when there may be more at once.
    pub more: bool,
}

/// The published rows of a transaction, each once.
pub(super) struct Rows<'a> {
    links: Vec<&'a LinkView>,
    lanes: Vec<&'a LaneView>,
    workspace: Option<&'a WorkspaceView>,
}

impl<'a> Rows<'a> {
    pub(super) fn of(c: &'a Commit) -> Self {
        Self {
            links: last_of(&c.views, |v| v.id),
            lanes: last_of(&c.lanes, |v| v.side),
            workspace: c.workspace_view.as_ref(),
        }
    }

    /// How many revisions they take.
    pub(super) fn count(&self) -> i64 {
        let rows = self.links.len() + self.lanes.len() + usize::from(self.workspace.is_some());
        i64::try_from(rows).unwrap_or(i64::MAX)
    }
}

/// Writes the published rows; `last` is the revision of the last of them.
pub(super) fn publish(
    tx: &mut Tx,
    c: &Commit,
    rows: &Rows<'_>,
    last: i64,
    fresh: &Fresh,
) -> Result<(), StoreFault> {
    let (ws, epoch) = (&c.workspace, c.epoch);
    let mut revision = last - rows.count();
    let mut links = Vec::with_capacity(rows.links.len());
    for v in &rows.links {
        revision += 1;
        links.push(link_args(v, fresh, epoch, revision)?);
    }
    tx.insert(
        "INSERT INTO published_link (link, workspace, epoch, revision, incident, incident_number, \
           record_number, body)",
        links,
        "ON CONFLICT (link) DO UPDATE SET workspace = excluded.workspace, epoch = excluded.epoch, \
           revision = excluded.revision, incident = excluded.incident, \
           incident_number = excluded.incident_number, record_number = excluded.record_number, \
           body = excluded.body",
    )?;
    let mut lanes = Vec::with_capacity(rows.lanes.len());
    for v in &rows.lanes {
        revision += 1;
        lanes.push(args![ws, v.side.word(), epoch, revision, json(v)?]);
    }
    tx.insert(
        "INSERT INTO published_lane (workspace, side, epoch, revision, body)",
        lanes,
        "ON CONFLICT (workspace, side) DO UPDATE SET epoch = excluded.epoch, \
           revision = excluded.revision, body = excluded.body",
    )?;
    let mut workspace = Vec::new();
    if let Some(v) = rows.workspace {
        workspace.push(args![ws, epoch, revision + 1, json(v)?]);
    }
    tx.insert(
        "INSERT INTO published_workspace (workspace, epoch, revision, body)",
        workspace,
        "ON CONFLICT (workspace) DO UPDATE SET epoch = excluded.epoch, \
           revision = excluded.revision, body = excluded.body",
    )?;
    add_events(tx, &c.events, fresh)
}

fn link_args(v: &LinkView, fresh: &Fresh, epoch: i64, revision: i64) -> Result<Vec<Arg>, StoreFault> {
    let id = fresh.link(v.id)?;
    let body = if id == v.id { json(v)? } else { json(&LinkView { id, ..v.clone() })? };
    Ok(args![id, &v.workspace, epoch, revision, &v.incident, v.incident_number, &v.record_number, body])
}

fn add_events(tx: &mut Tx, events: &[EventView], fresh: &Fresh) -> Result<(), StoreFault> {
    let mut rows = Vec::with_capacity(events.len());
    for e in events {
        let link = e.link.map(|l| fresh.link(l)).transpose()?;
        rows.push(args![&e.workspace, e.at, json(&EventView { link, ..e.clone() })?]);
    }
    tx.insert("INSERT INTO event (workspace, at, body)", rows, "")
}

/// A page of one workspace, straight from the index.
pub(super) const PAGE_SQL: &str = "SELECT epoch, revision, body FROM published_link \
    WHERE workspace = $1 AND (epoch, revision) > ($2, $3) ORDER BY epoch, revision LIMIT $4";

fn views(
    tx: &mut Tx,
    after: BTreeMap<WorkspaceKey, (i64, i64)>,
    limit: u32,
) -> Result<ViewBatch, StoreFault> {
    let mut batch = ViewBatch { upto: after, ..ViewBatch::default() };
    let mut left = limit;
    for row in tx.rows("SELECT workspace FROM lease ORDER BY workspace", args![])? {
        let ws = row.workspace("workspace")?;
        if left == 0 {
            batch.more = true;
            break;
        }
        let (epoch, revision) = batch.upto.get(&ws).copied().unwrap_or((i64::MIN, i64::MIN));
        let page = tx.rows(PAGE_SQL, args![&ws, epoch, revision, left])?;
        for row in &page {
            batch.rows.push(row.json("body")?);
        }
        if let Some(row) = page.last() {
            batch.upto.insert(ws, (row.int("epoch")?, row.int("revision")?));
        }
        left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
    }
    batch.more |= left == 0 && limit > 0;
    Ok(batch)
}

impl Store {
    /// At most `limit` links that were published after `after`; a workspace that `after` does not
    /// name is read from its beginning.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn link_views(
        &self,
        after: &BTreeMap<WorkspaceKey, (i64, i64)>,
        limit: u32,
    ) -> Result<ViewBatch, StoreFault> {
        let after = after.clone();
        self.read(move |tx| views(tx, after, limit)).await
    }

    /// Every lane, by workspace, Sentinel first.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn lanes(&self) -> Result<Vec<LaneView>, StoreFault> {
        let sql = "SELECT body FROM published_lane ORDER BY workspace, side";
        self.rows(sql, args![]).await?.iter().map(|r| r.json("body")).collect()
    }

    /// Every workspace that was published.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn workspaces(&self) -> Result<Vec<WorkspaceView>, StoreFault> {
        let sql = "SELECT body FROM published_workspace ORDER BY workspace";
        self.rows(sql, args![]).await?.iter().map(|r| r.json("body")).collect()
    }

    /// At most `limit` happenings behind number `after_id`, oldest first; with -1 the newest
    /// `limit`, oldest first too.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn events(&self, after_id: i64, limit: u32) -> Result<Vec<(i64, EventView)>, StoreFault> {
        let event = |r: &Row| Ok((r.int("id")?, r.json("body")?));
        if after_id < 0 {
            let sql = "SELECT id, body FROM event ORDER BY id DESC LIMIT $1";
            return self.rows(sql, args![limit]).await?.iter().rev().map(event).collect();
        }
        let sql = "SELECT id, body FROM event WHERE id > $1 ORDER BY id LIMIT $2";
        self.rows(sql, args![after_id, limit]).await?.iter().map(event).collect()
    }

    /// Removes all but the newest `keep` happenings and gives how many went.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn prune_events(&self, keep: u32) -> Result<u64, StoreFault> {
        let sql = "DELETE FROM event WHERE id <= (SELECT id FROM event ORDER BY id DESC LIMIT 1 OFFSET $1)";
        self.write(move |tx| tx.run(sql, args![keep])).await
    }

    /// Published links by address (D38): a record number such as INC0010023, `workspace/4711`, an
    /// incident's GUID, or a link's number. Several hits mean that the address is ambiguous.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn find(&self, address: &str) -> Result<Vec<LinkView>, StoreFault> {
        let address = address.trim();
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit()).then(|| t.parse::<i64>().ok()).flatten();
        let (sql, args) = if let Some((ws, number)) = address.split_once('/') {
            let Some(number) = digits(number) else { return Ok(Vec::new()) };
            (
                "SELECT body FROM published_link WHERE workspace = $1 AND incident_number = $2 ORDER BY link",
                args![ws, number],
            )
        } else if let Some(id) = digits(address) {
            ("SELECT body FROM published_link WHERE link = $1", args![id])
        } else {
            let sql =
                "SELECT body FROM published_link WHERE incident = $1 OR record_number = $2 ORDER BY link";
            (sql, args![&IncidentId::new(address), address.to_uppercase()])
        };
        self.rows(sql, args).await?.iter().map(|r| r.json("body")).collect()
    }
}
