//! Reading whole links: a few queries per chunk of links, never one per link.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Store;
use super::pool::Tx;
use super::sql::{Arg, CHUNK, Row, args, broken, from_json, padded, places};
use crate::model::ledger::{Known, StoreFault};
use crate::model::link::{Conflict, Seen};
use crate::model::{
    Base, CommandId, CommentOrigin, Delivery, Entry, EntryId, Evidence, Field, Group, IncidentId,
    InstanceKey, Intent, IntentId, IntentState, Life, Link, LinkId, LinkState, Related, Role, Side, SysId,
    TableName, Walk, WorkspaceKey,
};

/// Sorted by the caller: asked for an order, SQLite walks all links of the table for it (measured).
pub(super) const UNCORRELATED: &str = "SELECT l.id AS link, l.sys_id AS known, \
       COALESCE(CAST(r.mod_count AS TEXT), '') AS version, COALESCE(r.updated_on, 0) AS stamp \
     FROM link l LEFT JOIN record r ON r.instance = l.instance \
       AND r.table_name = l.table_name AND r.sys_id = l.sys_id \
     WHERE l.workspace = $1 AND l.instance = $2 AND l.table_name = $3 \
       AND l.life = 'live' AND NOT l.correlated";

/// For a sweep of all keys, once a night.
pub(super) const LIVE: &str = "SELECT id AS link, sys_id AS known, '' AS version, CAST(0 AS BIGINT) AS stamp \
     FROM link WHERE workspace = $1 AND instance = $2 AND table_name = $3 \
       AND life = 'live' AND role IN ('primary', 'watched') AND frozen = '' ORDER BY id";

/// Of an index that holds nothing where nothing is gone.
pub(super) const GONE: &str = "SELECT id AS link, sys_id AS known, '' AS version, CAST(0 AS BIGINT) AS stamp \
     FROM link WHERE workspace = $1 AND instance = $2 AND table_name = $3 \
       AND life = 'gone' AND frozen = $4 ORDER BY id DESC LIMIT $5";

/// Of an index that holds nothing where nothing was merged.
pub(super) const MERGED_AND_TOLD: &str = "SELECT l.id AS id FROM link l CROSS JOIN entry e \
     WHERE l.workspace = $1 AND l.role = 'merged' AND e.link = l.id AND e.origin = $2 AND e.origin_id = $3";

impl Store {
    /// One link with everything known about it.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn link_state(&self, id: LinkId) -> Result<Option<LinkState>, StoreFault> {
        Ok(self.by_id(&[id]).await?.into_iter().next())
    }

    pub(super) async fn by_id(&self, ids: &[LinkId]) -> Result<Vec<LinkState>, StoreFault> {
        let ids = ids.to_vec();
        self.read(|tx| states(tx, ids)).await
    }

    pub(super) async fn by_incident(
        &self,
        ws: &WorkspaceKey,
        ids: &[IncidentId],
    ) -> Result<Vec<LinkState>, StoreFault> {
        let head = "SELECT id FROM link WHERE workspace = $1 AND incident IN";
        self.states_of(head, args![ws], ids.iter().map(Arg::from).collect()).await
    }

    pub(super) async fn by_number(
        &self,
        ws: &WorkspaceKey,
        numbers: &[i64],
    ) -> Result<Vec<LinkState>, StoreFault> {
        let head = "SELECT l.id FROM incident i CROSS JOIN link l WHERE l.workspace = i.workspace \
                      AND l.incident = i.id AND i.workspace = $1 AND i.number IN";
        self.states_of(head, args![ws], numbers.iter().copied().map(Arg::from).collect()).await
    }

    pub(super) async fn merged_and_told(
        &self,
        ws: &WorkspaceKey,
        key: &str,
    ) -> Result<Vec<LinkState>, StoreFault> {
        let args = args![ws, CommentOrigin::Sync.word(), key];
        self.read(|tx| {
            let rows = tx.rows(MERGED_AND_TOLD, args)?;
            let links = rows.iter().map(|r| r.int("id").map(LinkId)).collect::<Result<_, _>>()?;
            states(tx, links)
        })
        .await
    }

    pub(super) async fn by_record(
        &self,
        ws: &WorkspaceKey,
        instance: &InstanceKey,
        table: &TableName,
        ids: &[SysId],
    ) -> Result<Vec<LinkState>, StoreFault> {
        let head =
            "SELECT id FROM link WHERE workspace = $1 AND instance = $2 AND table_name = $3 AND sys_id IN";
        self.states_of(head, args![ws, instance, table], ids.iter().map(Arg::from).collect()).await
    }

    /// Whole links whose numbers `head (…)` gives for the keys.
    async fn states_of(
        &self,
        head: &'static str,
        first: Vec<Arg>,
        keys: Vec<Arg>,
    ) -> Result<Vec<LinkState>, StoreFault> {
        self.read(move |tx| {
            let links = within(tx, head, &first, &keys)?;
            states(tx, links.iter().map(|r| r.int("id").map(LinkId)).collect::<Result<_, _>>()?)
        })
        .await
    }

    pub(super) async fn known_incidents(
        &self,
        ws: &WorkspaceKey,
        ids: &[IncidentId],
    ) -> Result<Vec<Known>, StoreFault> {
        let head = "SELECT l.id AS link, i.id AS known, i.etag AS version, i.modified AS stamp FROM incident i \
                    JOIN link l ON l.workspace = i.workspace AND l.incident = i.id \
                    WHERE i.workspace = $1 AND i.id IN";
        self.known(head, args![ws], ids.iter().map(Arg::from).collect()).await
    }

    pub(super) async fn known_records(
        &self,
        ws: &WorkspaceKey,
        instance: &InstanceKey,
        table: &TableName,
        ids: &[SysId],
    ) -> Result<Vec<Known>, StoreFault> {
        let head = "SELECT l.id AS link, r.sys_id AS known, CAST(r.mod_count AS TEXT) AS version, \
                      r.updated_on AS stamp FROM record r \
                    JOIN link l ON l.instance = r.instance AND l.table_name = r.table_name \
                      AND l.sys_id = r.sys_id \
                    WHERE l.workspace = $1 AND r.instance = $2 AND r.table_name = $3 AND r.sys_id IN";
        self.known(head, args![ws, instance, table], ids.iter().map(Arg::from).collect()).await
    }

    async fn known(
        &self,
        head: &'static str,
        first: Vec<Arg>,
        keys: Vec<Arg>,
    ) -> Result<Vec<Known>, StoreFault> {
        let rows = self.read(move |tx| within(tx, head, &first, &keys)).await?;
        let mut known: Vec<Known> = rows.iter().map(known_row).collect::<Result<_, _>>()?;
        known.sort_by(|a, b| (&a.key, a.link).cmp(&(&b.key, b.link)));
        known.dedup();
        Ok(known)
    }

    pub(super) async fn live_records(
        &self,
        ws: &WorkspaceKey,
        instance: &InstanceKey,
        table: &TableName,
    ) -> Result<Vec<Known>, StoreFault> {
        self.rows(LIVE, args![ws, instance, table]).await?.iter().map(known_row).collect()
    }

    pub(super) async fn gone_records(
        &self,
        ws: &WorkspaceKey,
        instance: &InstanceKey,
        table: &TableName,
        why: &str,
        most: u32,
    ) -> Result<Vec<Known>, StoreFault> {
        self.rows(GONE, args![ws, instance, table, why, most]).await?.iter().map(known_row).collect()
    }

    pub(super) async fn uncorrelated(
        &self,
        ws: &WorkspaceKey,
        instance: &InstanceKey,
        table: &TableName,
    ) -> Result<Vec<Known>, StoreFault> {
        let rows = self.rows(UNCORRELATED, args![ws, instance, table]).await?;
        let mut known: Vec<Known> = rows.iter().map(known_row).collect::<Result<_, _>>()?;
        known.sort_by(|a, b| (&a.key, a.link).cmp(&(&b.key, b.link)));
        Ok(known)
    }
}

fn known_row(row: &Row) -> Result<Known, StoreFault> {
    Ok(Known {
        link: LinkId(row.int("link")?),
        key: row.text("known")?,
        version: row.text("version")?,
        stamp: row.stamp("stamp")?,
    })
}

/// Rows of `head (…)`, which ends in `IN`, for any number of keys.
pub(super) fn within<T: Clone + Into<Arg>>(
    tx: &mut Tx,
    head: &str,
    first: &[Arg],
    keys: &[T],
) -> Result<Vec<Row>, StoreFault> {
    within_then(tx, head, first, keys, "")
}

/// The same with a `tail` behind the list.
pub(super) fn within_then<T: Clone + Into<Arg>>(
    tx: &mut Tx,
    head: &str,
    first: &[Arg],
    keys: &[T],
    tail: &str,
) -> Result<Vec<Row>, StoreFault> {
    let mut rows = Vec::new();
    for chunk in keys.chunks(CHUNK) {
        let list = padded(chunk);
        let sql = format!("{head} ({}) {tail}", places(first.len() + 1, list.len()));
        let all = first.iter().cloned().chain(list).collect();
        rows.extend(tx.rows(&sql, all)?);
    }
    Ok(rows)
}

/// Whole links by number, in the order of their numbers; unknown numbers are left out.
fn states(tx: &mut Tx, mut ids: Vec<LinkId>) -> Result<Vec<LinkState>, StoreFault> {
    ids.sort_unstable();
    ids.dedup();
    let mut all: BTreeMap<LinkId, LinkState> = BTreeMap::new();
    let head = "SELECT l.*, i.body AS incident_body, i.seen AS incident_seen, \
                  r.body AS record_body, r.seen AS record_seen \
                FROM link l LEFT JOIN incident i ON i.workspace = l.workspace AND i.id = l.incident \
                LEFT JOIN record r ON r.instance = l.instance AND r.table_name = l.table_name \
                  AND r.sys_id = l.sys_id WHERE l.id IN";
    for row in within(tx, head, &[], &ids)? {
        let state = bare(&row)?;
        all.insert(state.link.id, state);
    }
    for row in within(tx, "SELECT * FROM base WHERE link IN", &[], &ids)? {
        if let Some(state) = all.get_mut(&LinkId(row.int("link")?)) {
            state.bases.push(base(&row)?);
        }
    }
    for row in within_then(tx, "SELECT * FROM entry WHERE link IN", &[], &ids, "ORDER BY at, id")? {
        let entry = entry(&row)?;
        if let Some(state) = all.get_mut(&entry.link) {
            state.entries.push(entry);
        }
    }
    let head =
        "SELECT * FROM intent WHERE state IN ('planned', 'in_flight', 'unknown', 'parked') AND link IN";
    for row in within_then(tx, head, &[], &ids, "ORDER BY id")? {
        let intent = intent(&row)?;
        if let Some(state) = all.get_mut(&intent.link) {
            state.intents.push(intent);
        }
    }
    let mut found: Vec<LinkState> = all.into_values().collect();
    super::members::add(tx, &mut found)?;
    found.iter_mut().for_each(|s| s.bases.sort_by_key(|b| b.field));
    Ok(found)
}

fn bare(row: &Row) -> Result<LinkState, StoreFault> {
    let body = |column: &str| row.maybe_text(column);
    Ok(LinkState {
        incident: body("incident_body")?.map(|t| from_json("incident", &t)).transpose()?,
        incident_seen: row.maybe_stamp("incident_seen")?.unwrap_or_default(),
        record: body("record_body")?.map(|t| from_json("record", &t)).transpose()?,
        record_seen: row.maybe_stamp("record_seen")?.unwrap_or_default(),
        ..LinkState::new(link(row)?)
    })
}

/// A side by its stored word.
fn side(word: &str) -> Option<Side> {
    [Side::Sentinel, Side::ServiceNow].into_iter().find(|s| s.word() == word)
}

fn link(row: &Row) -> Result<Link, StoreFault> {
    let closer = row.maybe_text("closer")?;
    Ok(Link {
        id: LinkId(row.int("id")?),
        workspace: row.workspace("workspace")?,
        incident: IncidentId::new(&row.text("incident")?),
        instance: row.instance("instance")?,
        table: row.table("table_name")?,
        sys_id: SysId::new(row.text("sys_id")?),
        ordinal: row.count("ordinal")?,
        role: row.word("role", Role::from_word)?,
        life: row.word("life", Life::from_word)?,
        in_filter: row.flag("in_filter")?,
        closer: closer.map(|w| side(&w).ok_or_else(|| broken(format!("unknown side {w:?}")))).transpose()?,
        created: row.stamp("created")?,
        frozen: row.text("frozen")?,
        error: row.text("error")?,
        not_before: row.stamp("not_before")?,
        failures: row.count("failures")?,
        comments_seen: row.count("comments_seen")?,
        comments_unsure: row.flag("comments_unsure")?,
        unread: row.flag("unread")?,
        pending: row.flag("pending")?,
        evidence: Evidence {
            alerts: row.count("alerts_read")?,
            unread: row.flag("alerts_unread")?,
            listed: row.text("listed")?.split_whitespace().map(str::to_owned).collect(),
        },
        group: Group {
            keys: row.text("group_keys")?.split_whitespace().map(str::to_owned).collect(),
            host: Some(row.text("group_host")?).filter(|t| !t.is_empty()).map(|t| IncidentId::new(&t)),
            closed_alone: row.flag("closed_alone")?,
        },
        related: match row.text("related")?.as_str() {
            "" => Related::default(),
            text => from_json("related", text)?,
        },
    })
}

pub(super) fn base(row: &Row) -> Result<Base, StoreFault> {
    let conflict = row.maybe_text("conflict")?;
    let walk = row.maybe_text("walk")?;
    let seen = |same: &str, differs: &str, last: &str| -> Result<Seen, StoreFault> {
        Ok(Seen { same: row.stamp(same)?, differs: row.maybe_stamp(differs)?, last: row.stamp(last)? })
    };
    Ok(Base {
        field: row.word("field", Field::from_word)?,
        sentinel: row.text("sentinel")?,
        servicenow: row.text("servicenow")?,
        agreed: row.stamp("agreed")?,
        sentinel_seen: seen("sentinel_same", "sentinel_differs", "sentinel_last")?,
        servicenow_seen: seen("servicenow_same", "servicenow_differs", "servicenow_last")?,
        detached: row.flag("detached")?,
        conflict: conflict.map(|t| from_json::<Conflict>("conflict", &t)).transpose()?,
        crossings: from_json("crossings", &row.text("crossings")?)?,
        walk: walk.map(|t| from_json::<Box<Walk>>("walk", &t)).transpose()?,
        held: row.text("held")?,
        rule: row.text("rule")?,
    })
}

fn entry(row: &Row) -> Result<Entry, StoreFault> {
    Ok(Entry {
        id: EntryId(row.int("id")?),
        link: LinkId(row.int("link")?),
        origin: row.word("origin", CommentOrigin::from_word)?,
        origin_id: row.text("origin_id")?,
        author: row.text("author")?.into(),
        at: row.stamp("at")?,
        text: row.text("body")?.into(),
        sentinel_id: row.text("sentinel_id")?,
        to_sentinel: row.word("to_sentinel", Delivery::from_word)?,
        marker: row.text("marker")?,
        journal_id: row.text("journal_id")?,
        to_servicenow: row.word("to_servicenow", Delivery::from_word)?,
        reason: row.text("reason")?,
    })
}

/// The hash under which an intent's body is kept.
pub(super) fn body_hash(body: &str) -> String {
    super::audit::hex(&Sha256::digest(body.as_bytes()))
}

/// An intent whose body is still the one that was committed (I5).
fn intent(row: &Row) -> Result<Intent, StoreFault> {
    let id = IntentId(row.int("id")?);
    let body = row.text("body")?;
    if body_hash(&body) != row.text("body_hash")? {
        return Err(broken(format!("the body of intent {id} was changed after it was committed")));
    }
    Ok(Intent {
        id,
        link: LinkId(row.int("link")?),
        kind: from_json("intent", &body)?,
        state: row.word("state", IntentState::from_word)?,
        attempts: row.count("attempts")?,
        created: row.stamp("created")?,
        sent: row.maybe_stamp("sent")?,
        command: row.maybe_int("command")?.map(CommandId),
        outcome: row.text("outcome")?,
    })
}
