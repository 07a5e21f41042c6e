//! Writing what was observed and what both sides agreed on.

use super::links::Fresh;
use super::pool::Tx;
use super::sql::{Arg, CHUNK, args, json, last_of, padded, places};
use crate::model::ledger::{Commit, StoreFault};
use crate::model::{Base, Incident, InstanceKey, LinkId, Record, SysId, TableName, WorkspaceKey};
use crate::text::Stamp;

/// What [`Commit::records`] holds.
type Seen = (InstanceKey, Record, Stamp);

/// Keeps the latest observation of each incident.
pub(super) fn incidents(tx: &mut Tx, ws: &WorkspaceKey, all: &[(Incident, Stamp)]) -> Result<(), StoreFault> {
    let mut rows = Vec::with_capacity(all.len());
    for (i, seen) in last_of(all, |(i, _)| &i.id) {
        rows.push(args![ws, &i.id, i.number, &i.etag, i.modified, *seen, json(i)?]);
    }
    tx.insert(
        "INSERT INTO incident (workspace, id, number, etag, modified, seen, body)",
        rows,
        "ON CONFLICT (workspace, id) DO UPDATE SET number = excluded.number, etag = excluded.etag, \
         modified = excluded.modified, seen = excluded.seen, body = excluded.body",
    )
}

/// Keeps the latest observation of each record.
pub(super) fn records(tx: &mut Tx, all: &[Seen]) -> Result<(), StoreFault> {
    let mut rows = Vec::with_capacity(all.len());
    for (instance, r, seen) in last_of(all, |(i, r, _)| (i, &r.table, &r.sys_id)) {
        rows.push(args![
            instance,
            &r.table,
            &r.sys_id,
            &r.number,
            r.mod_count,
            r.updated_on,
            group_key(r),
            *seen,
            json(r)?,
        ]);
    }
    tx.insert(
        "INSERT INTO record (instance, table_name, sys_id, number, mod_count, updated_on, group_key, seen, body)",
        rows,
        "ON CONFLICT (instance, table_name, sys_id) DO UPDATE SET number = excluded.number, \
         mod_count = excluded.mod_count, updated_on = excluded.updated_on, \
         group_key = excluded.group_key, seen = excluded.seen, body = excluded.body",
    )
}

/// The value by which a workspace's poll finds the record: `diptych:<workspace>` (D6), in
/// `correlation_display` or, where that is renamed, in any field. Empty when there is none.
fn group_key(record: &Record) -> &str {
    let ours = |v: &&str| v.strip_prefix("diptych:").is_some_and(|ws| WorkspaceKey::new(ws).is_ok());
    match record.value("correlation_display") {
        Some(value) => Some(value).filter(ours).unwrap_or_default(),
        None => record.values.values().map(String::as_str).find(ours).unwrap_or_default(),
    }
}

/// Marks on the links whether their workspace's poll finds their record, for the links and
/// records of this transaction. Kept on the link because every pass asks for the few exceptions.
pub(super) fn correlate(tx: &mut Tx, c: &Commit, fresh: &Fresh) -> Result<(), StoreFault> {
    let mut by_table: std::collections::BTreeMap<(&InstanceKey, &TableName), Vec<&SysId>> =
        Default::default();
    for (instance, r, _) in &c.records {
        by_table.entry((instance, &r.table)).or_default().push(&r.sys_id);
    }
    for ((instance, table), ids) in by_table {
        let head = "instance = $1 AND table_name = $2 AND sys_id IN";
        mark(tx, head, args![instance, table], &ids)?;
    }
    let links: Vec<LinkId> = c.links.iter().map(|l| l.id).chain(fresh.links.iter().copied()).collect();
    mark(tx, "id IN", args![], &links)
}

fn mark<T: Clone + Into<Arg>>(
    tx: &mut Tx,
    head: &str,
    first: Vec<Arg>,
    keys: &[T],
) -> Result<(), StoreFault> {
    const FOUND: &str = "EXISTS (SELECT 1 FROM record r WHERE r.instance = link.instance \
        AND r.table_name = link.table_name AND r.sys_id = link.sys_id \
        AND r.group_key = 'diptych:' || link.workspace)";
    for chunk in keys.chunks(CHUNK) {
        let list = padded(chunk);
        let places = places(first.len() + 1, list.len());
        let sql = format!(
            "UPDATE link SET correlated = NOT correlated WHERE {head} ({places}) AND correlated <> {FOUND}"
        );
        let all = first.iter().cloned().chain(list).collect();
        tx.run(&sql, all)?;
    }
    Ok(())
}

/// Writes changed bases.
pub(super) fn bases(tx: &mut Tx, all: &[(LinkId, Base)], fresh: &Fresh) -> Result<(), StoreFault> {
    let mut rows = Vec::with_capacity(all.len());
    for (link, b) in last_of(all, |(l, b)| (*l, b.field)) {
        rows.push(args![
            fresh.link(*link)?,
            b.field.word(),
            &b.sentinel,
            &b.servicenow,
            b.agreed,
            b.sentinel_seen.same,
            b.sentinel_seen.differs,
            b.sentinel_seen.last,
            b.servicenow_seen.same,
            b.servicenow_seen.differs,
            b.servicenow_seen.last,
            b.detached,
            b.conflict.as_ref().map(json).transpose()?,
            &b.held,
            &b.rule,
            json(&b.crossings)?,
            b.walk.as_ref().map(json).transpose()?,
        ]);
    }
    tx.insert(
        "INSERT INTO base (link, field, sentinel, servicenow, agreed, sentinel_same, sentinel_differs, \
           sentinel_last, servicenow_same, servicenow_differs, servicenow_last, detached, conflict, held, rule, \
           crossings, walk)",
        rows,
        "ON CONFLICT (link, field) DO UPDATE SET sentinel = excluded.sentinel, \
           servicenow = excluded.servicenow, agreed = excluded.agreed, \
           sentinel_same = excluded.sentinel_same, sentinel_differs = excluded.sentinel_differs, \
           sentinel_last = excluded.sentinel_last, servicenow_same = excluded.servicenow_same, \
           servicenow_differs = excluded.servicenow_differs, servicenow_last = excluded.servicenow_last, \
           detached = excluded.detached, conflict = excluded.conflict, held = excluded.held, \
           rule = excluded.rule, crossings = excluded.crossings, \
           walk = excluded.walk",
    )
}
