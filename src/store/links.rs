//! Writing links, conversation entries and intents, and what must hold for them.

use std::collections::BTreeMap;

use super::commit::foreign;
use super::load::{body_hash, within};
use super::pool::Tx;
use super::sql::{args, broken, json, last_of};
use crate::model::ledger::{AuditDraft, Commit, IntentUpdate, StoreFault};
use crate::model::{
    Entry, EntryId, IncidentId, Intent, IntentId, IntentKind, Life, Link, LinkId, Role, WorkspaceKey,
};

/// Numbers that this transaction gave out. A negative number `-n` in the transaction stands for
/// the n-th of its own new links, entries or intents, so that a link and its first intent can
/// be committed together.
#[derive(Default)]
pub(super) struct Fresh {
    pub(super) links: Vec<LinkId>,
    pub(super) entries: Vec<EntryId>,
    pub(super) intents: Vec<IntentId>,
}

/// `number` itself, or what the `-number`-th of `fresh` got.
fn resolve<T: Copy>(number: i64, made: impl Fn(i64) -> T, fresh: &[T], what: &str) -> Result<T, StoreFault> {
    if number >= 0 {
        return Ok(made(number));
    }
    let place = usize::try_from(number.unsigned_abs() - 1).unwrap_or(usize::MAX);
    fresh.get(place).copied().ok_or_else(|| broken(format!("the transaction has no new {what} {number}")))
}

impl Fresh {
    pub(super) fn link(&self, id: LinkId) -> Result<LinkId, StoreFault> {
        resolve(id.0, LinkId, &self.links, "link")
    }

    fn entry(&self, id: EntryId) -> Result<EntryId, StoreFault> {
        resolve(id.0, EntryId, &self.entries, "entry")
    }

    fn intent(&self, id: IntentId) -> Result<IntentId, StoreFault> {
        resolve(id.0, IntentId, &self.intents, "intent")
    }

    /// Audit rows with the numbers that are known now.
    pub(super) fn audit(&self, drafts: &[AuditDraft]) -> Result<Vec<AuditDraft>, StoreFault> {
        let settled = |d: &AuditDraft| {
            let link = d.link.map(|l| self.link(l)).transpose()?;
            let intent = d.intent.map(|i| self.intent(i)).transpose()?;
            Ok(AuditDraft { link, intent, ..d.clone() })
        };
        drafts.iter().map(settled).collect()
    }

    fn kind(&self, kind: &IntentKind) -> Result<IntentKind, StoreFault> {
        let mut kind = kind.clone();
        if let IntentKind::PutComment { entry, .. } | IntentKind::AddNote { entry, .. } = &mut kind {
            *entry = self.entry(*entry)?;
        }
        Ok(kind)
    }
}

/// What must not change about a stored link.
pub(super) struct KnownLink {
    incident: IncidentId,
    life: Life,
}

/// Looks up every stored link that the transaction names; each must be of its workspace.
pub(super) fn known(tx: &mut Tx, c: &Commit) -> Result<BTreeMap<LinkId, KnownLink>, StoreFault> {
    let mut ids: Vec<LinkId> = (c.links.iter().map(|l| l.id))
        .chain(c.bases.iter().map(|(l, _)| *l))
        .chain(c.entries.iter().map(|e| e.link))
        .chain(c.new_intents.iter().map(|i| i.link))
        .chain(c.views.iter().map(|v| v.id))
        .filter(|id| id.0 >= 0)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let mut found = BTreeMap::new();
    for row in within(tx, "SELECT id, workspace, incident, life FROM link WHERE id IN", &[], &ids)? {
        if row.workspace("workspace")? == c.workspace {
            let link = KnownLink {
                incident: IncidentId::new(&row.text("incident")?),
                life: row.word("life", Life::from_word)?,
            };
            found.insert(LinkId(row.int("id")?), link);
        }
    }
    match ids.iter().find(|id| !found.contains_key(id)) {
        Some(id) => Err(foreign(&c.workspace, &format!("link {id}"))),
        None => Ok(found),
    }
}

/// True when the link takes its record's one place for a primary.
fn claims(l: &Link) -> bool {
    l.role == Role::Primary && matches!(l.life, Life::Creating | Life::Live)
}

/// Related rows as they are stored: nothing for most links.
fn related(l: &Link) -> Result<String, StoreFault> {
    if l.related.is_empty() { Ok(String::new()) } else { json(&l.related) }
}

fn listed(l: &Link) -> String {
    l.evidence.listed.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn group_keys(l: &Link) -> String {
    l.group.keys.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn group_host(l: &Link) -> String {
    l.group.host.as_ref().map(|host| host.as_str().to_owned()).unwrap_or_default()
}

/// Marks links as ones that have something to look at again.
pub(super) fn wake(tx: &mut Tx, ws: &WorkspaceKey, links: &[LinkId]) -> Result<(), StoreFault> {
    let sql =
        "UPDATE link SET pending = TRUE WHERE id = $1 AND workspace = $2 AND life IN ('creating', 'live')";
    for id in links {
        tx.run(sql, args![*id, ws])?;
    }
    Ok(())
}

/// Writes changed links, those that give a record up before those that claim one.
pub(super) fn change(
    tx: &mut Tx,
    ws: &WorkspaceKey,
    links: &[Link],
    known: &BTreeMap<LinkId, KnownLink>,
) -> Result<(), StoreFault> {
    let sql = "UPDATE link SET instance = $3, table_name = $4, sys_id = $5, ordinal = $6, role = $7, \
                 life = $8, in_filter = $9, closer = $10, frozen = $11, error = $12, not_before = $13, \
                 failures = $14, unread = $15, pending = $16, comments_seen = $17, comments_unsure = $18, \
                 alerts_read = $19, alerts_unread = $20, listed = $21, related = $22, related_waiting = $23, \
                 group_keys = $24, group_host = $25, closed_alone = $26 \
               WHERE id = $1 AND workspace = $2";
    let mut links = last_of(links, |l| l.id);
    links.sort_by_key(|l| claims(l));
    for l in links {
        let was = known.get(&l.id).ok_or_else(|| foreign(ws, &format!("link {}", l.id)))?;
        if was.incident != l.incident {
            return Err(broken(format!("link {} is tied to another incident", l.id)));
        }
        // What was taken for gone and is seen again lives on.
        let revived = (was.life, l.life) == (Life::Gone, Life::Live);
        if l.life < was.life && !revived {
            let (was, is) = (was.life.word(), l.life.word());
            return Err(broken(format!("link {} would go back from {was} to {is} (I11)", l.id)));
        }
        let closer = l.closer.map(|s| s.word().to_owned());
        let args = args![
            l.id,
            ws,
            &l.instance,
            &l.table,
            &l.sys_id,
            l.ordinal,
            l.role.word(),
            l.life.word(),
            l.in_filter,
            closer,
            &l.frozen,
            &l.error,
            l.not_before,
            l.failures,
            l.unread,
            l.pending,
            l.comments_seen,
            l.comments_unsure,
            l.evidence.alerts,
            l.evidence.unread,
            listed(l),
            related(l)?,
            !l.related.waiting.is_empty(),
            group_keys(l),
            group_host(l),
            l.group.closed_alone,
        ];
        tx.run(sql, args)?;
    }
    Ok(())
}

/// Writes new links and gives their numbers.
pub(super) fn add(tx: &mut Tx, links: &[Link]) -> Result<Vec<LinkId>, StoreFault> {
    let sql = "INSERT INTO link (workspace, incident, instance, table_name, sys_id, ordinal, role, life, \
                 in_filter, correlated, closer, created, frozen, error, not_before, failures, unread, \
                 pending, comments_seen, comments_unsure, alerts_read, alerts_unread, listed, related, \
                 related_waiting, group_keys, group_host, closed_alone) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, FALSE, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
                 $19, $20, $21, $22, $23, $24, $25, $26, $27) \
               RETURNING id";
    let mut numbers = Vec::with_capacity(links.len());
    for l in links {
        let closer = l.closer.map(|s| s.word().to_owned());
        let args = args![
            &l.workspace,
            &l.incident,
            &l.instance,
            &l.table,
            &l.sys_id,
            l.ordinal,
            l.role.word(),
            l.life.word(),
            l.in_filter,
            closer,
            l.created,
            &l.frozen,
            &l.error,
            l.not_before,
            l.failures,
            l.unread,
            l.pending,
            l.comments_seen,
            l.comments_unsure,
            l.evidence.alerts,
            l.evidence.unread,
            listed(l),
            related(l)?,
            !l.related.waiting.is_empty(),
            group_keys(l),
            group_host(l),
            l.group.closed_alone,
        ];
        let row = tx.row(sql, args)?.ok_or_else(|| broken("a link got no number"))?;
        numbers.push(LinkId(row.int("id")?));
    }
    Ok(numbers)
}

/// Writes new and changed entries and gives the number of each. A new one that is there already
/// changes nothing.
pub(super) fn entries(tx: &mut Tx, all: &[Entry], fresh: &Fresh) -> Result<Vec<EntryId>, StoreFault> {
    let mut numbers = Vec::with_capacity(all.len());
    for e in all {
        let link = fresh.link(e.link)?;
        let id = if e.id.0 == 0 { add_entry(tx, e, link)? } else { change_entry(tx, e, link)? };
        numbers.push(id);
    }
    Ok(numbers)
}

fn add_entry(tx: &mut Tx, e: &Entry, link: LinkId) -> Result<EntryId, StoreFault> {
    let sql = "INSERT INTO entry (link, origin, origin_id, author, at, body, sentinel_id, to_sentinel, \
                 marker, journal_id, to_servicenow, reason) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
               ON CONFLICT (link, origin, origin_id) DO NOTHING RETURNING id";
    let args = args![
        link,
        e.origin.word(),
        &e.origin_id,
        &e.author,
        e.at,
        &e.text,
        &e.sentinel_id,
        e.to_sentinel.word(),
        &e.marker,
        &e.journal_id,
        e.to_servicenow.word(),
        &e.reason,
    ];
    let row = match tx.row(sql, args)? {
        Some(row) => Some(row),
        None => {
            let sql = "SELECT id FROM entry WHERE link = $1 AND origin = $2 AND origin_id = $3";
            tx.row(sql, args![link, e.origin.word(), &e.origin_id])?
        }
    };
    row.ok_or_else(|| broken("an entry got no number"))?.int("id").map(EntryId)
}

fn change_entry(tx: &mut Tx, e: &Entry, link: LinkId) -> Result<EntryId, StoreFault> {
    let sql = "UPDATE entry SET origin = $3, origin_id = $4, author = $5, at = $6, body = $7, \
                 sentinel_id = $8, to_sentinel = $9, marker = $10, journal_id = $11, to_servicenow = $12, \
                 reason = $13 WHERE id = $1 AND link = $2";
    let args = args![
        e.id,
        link,
        e.origin.word(),
        &e.origin_id,
        &e.author,
        e.at,
        &e.text,
        &e.sentinel_id,
        e.to_sentinel.word(),
        &e.marker,
        &e.journal_id,
        e.to_servicenow.word(),
        &e.reason,
    ];
    match tx.run(sql, args)? {
        0 => Err(broken(format!("link {link} has no entry {}", e.id))),
        _ => Ok(e.id),
    }
}

/// Writes new intents and gives their numbers. One that names a number already must be the one
/// that is stored: the body of an intent never changes (I5).
pub(super) fn add_intents(
    tx: &mut Tx,
    ws: &WorkspaceKey,
    all: &[Intent],
    fresh: &Fresh,
) -> Result<Vec<IntentId>, StoreFault> {
    let mut numbers = Vec::with_capacity(all.len());
    for i in all {
        let link = fresh.link(i.link)?;
        let kind = fresh.kind(&i.kind)?;
        let body = json(&kind)?;
        let hash = body_hash(&body);
        numbers.push(match i.id.0 {
            0 => add_intent(tx, ws, i, link, (&body, &hash))?,
            _ => same_intent(tx, ws, i.id, &hash)?,
        });
    }
    Ok(numbers)
}

fn add_intent(
    tx: &mut Tx,
    ws: &WorkspaceKey,
    i: &Intent,
    link: LinkId,
    (body, hash): (&str, &str),
) -> Result<IntentId, StoreFault> {
    let sql = "INSERT INTO intent (workspace, link, kind, body, body_hash, state, attempts, created, sent, \
                 command, outcome) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id";
    let args = args![
        ws,
        link,
        i.kind.word(),
        body,
        hash,
        i.state.word(),
        i.attempts,
        i.created,
        i.sent,
        i.command,
        &i.outcome,
    ];
    let row = tx.row(sql, args)?.ok_or_else(|| broken("an intent got no number"))?;
    row.int("id").map(IntentId)
}

fn same_intent(tx: &mut Tx, ws: &WorkspaceKey, id: IntentId, hash: &str) -> Result<IntentId, StoreFault> {
    let sql = "SELECT body_hash FROM intent WHERE id = $1 AND workspace = $2";
    match tx.row(sql, args![id, ws])? {
        None => Err(foreign(ws, &format!("intent {id}"))),
        Some(row) if row.text("body_hash")? == hash => Ok(id),
        Some(_) => Err(broken(format!("intent {id} is committed with another body (I5)"))),
    }
}

/// Writes changed intents. A settled one stays as it is.
pub(super) fn change_intents(tx: &mut Tx, ws: &WorkspaceKey, all: &[IntentUpdate]) -> Result<(), StoreFault> {
    let sql = "UPDATE intent SET state = $3, attempts = $4, sent = $5, outcome = $6 \
               WHERE id = $1 AND workspace = $2 \
                 AND (state NOT IN ('confirmed', 'rejected', 'replanned') OR state = $3)";
    for i in all {
        let args = args![i.id, ws, i.state.word(), i.attempts, i.sent, &i.outcome];
        if tx.run(sql, args)? == 0 {
            return Err(broken(format!("intent {} of {ws} is settled or unknown", i.id)));
        }
    }
    Ok(())
}
