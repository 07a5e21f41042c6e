//! One transaction of one workspace: fenced first, then everything in the order that
//! [`Commit`] names, all or nothing.

use super::link_orders;
use super::links::{self, Fresh};
use super::pool::Tx;
use super::sql::{args, broken, last_of};
use super::{Store, audit, lease, observe, published};
use crate::model::WorkspaceKey;
use crate::model::ledger::{Capability, CommandUpdate, Commit, Committed, Cursor, StoreFault};

impl Store {
    /// Runs the transaction. Published rows get the epoch and one revision each, counted per
    /// workspace; the last one comes back (D11).
    pub(super) async fn commit(&self, c: Commit) -> Result<Committed, StoreFault> {
        check_workspaces(&c)?;
        self.write(move |tx| carry_out(tx, &c)).await
    }
}

fn carry_out(tx: &mut Tx, c: &Commit) -> Result<Committed, StoreFault> {
    let ws = &c.workspace;
    let rows = published::Rows::of(c);
    let revision = lease::fence(tx, ws, c.epoch, rows.count())?;

    let known = links::known(tx, c)?;
    links::change(tx, ws, &c.links, &known)?;
    let mut fresh = Fresh { links: links::add(tx, &c.new_links)?, ..Fresh::default() };
    observe::incidents(tx, ws, &c.incidents)?;
    observe::records(tx, &c.records)?;
    observe::correlate(tx, c, &fresh)?;
    observe::bases(tx, &c.bases, &fresh)?;
    fresh.entries = links::entries(tx, &c.entries, &fresh)?;
    fresh.intents = links::add_intents(tx, ws, &c.new_intents, &fresh)?;
    links::change_intents(tx, ws, &c.intents)?;
    change_commands(tx, ws, &c.commands)?;
    finish_controls(tx, ws, &c.controls_done)?;
    links::wake(tx, ws, &c.wake)?;
    link_orders::change(tx, ws, &c.link_orders)?;
    move_cursors(tx, &c.cursors)?;
    learn(tx, &c.capabilities)?;
    audit::append(tx, ws.as_str(), &fresh.audit(&c.audit)?)?;
    published::publish(tx, c, &rows, revision, &fresh)?;
    Ok(Committed { links: fresh.links, entries: fresh.entries, intents: fresh.intents, revision })
}

/// Nothing in a commit may speak for another workspace: only its own lease was proven.
fn check_workspaces(c: &Commit) -> Result<(), StoreFault> {
    let named = (c.new_links.iter().chain(&c.links).map(|l| &l.workspace))
        .chain(c.cursors.iter().map(|x| &x.workspace))
        .chain(c.views.iter().map(|v| &v.workspace))
        .chain(c.lanes.iter().map(|v| &v.workspace))
        .chain(c.workspace_view.iter().map(|v| &v.workspace))
        .chain(c.events.iter().map(|e| &e.workspace));
    match named.into_iter().find(|ws| **ws != c.workspace) {
        Some(other) => Err(foreign(&c.workspace, &format!("a row of {other}"))),
        None => Ok(()),
    }
}

/// The error for a transaction that reaches into another workspace.
pub(super) fn foreign(ws: &WorkspaceKey, what: &str) -> StoreFault {
    broken(format!("a transaction of {ws} names {what}, which is not its own"))
}

fn change_commands(tx: &mut Tx, ws: &WorkspaceKey, all: &[CommandUpdate]) -> Result<(), StoreFault> {
    let sql = "UPDATE command SET state = $3, result = $4 WHERE id = $1 AND workspace = $2";
    for c in all {
        if tx.run(sql, args![c.id, ws, c.state.word(), &c.result])? == 0 {
            return Err(foreign(ws, &format!("command {}", c.id)));
        }
    }
    Ok(())
}

fn finish_controls(tx: &mut Tx, ws: &WorkspaceKey, ids: &[i64]) -> Result<(), StoreFault> {
    for id in ids {
        let sql = "UPDATE control SET done = TRUE WHERE id = $1 AND workspace = $2";
        if tx.run(sql, args![*id, ws])? == 0 {
            return Err(foreign(ws, &format!("order {id}")));
        }
    }
    Ok(())
}

fn move_cursors(tx: &mut Tx, cursors: &[Cursor]) -> Result<(), StoreFault> {
    let rows = last_of(cursors, |c| &c.name)
        .into_iter()
        .map(|c| args![&c.workspace, &c.name, c.position, c.moved])
        .collect();
    let tail =
        "ON CONFLICT (workspace, name) DO UPDATE SET position = excluded.position, moved = excluded.moved";
    tx.insert("INSERT INTO cursor (workspace, name, position, moved)", rows, tail)
}

fn learn(tx: &mut Tx, facts: &[Capability]) -> Result<(), StoreFault> {
    let rows = last_of(facts, |f| (&f.owner, &f.name))
        .into_iter()
        .map(|f| args![&f.owner, &f.name, &f.value, f.at])
        .collect();
    let tail = "ON CONFLICT (owner, name) DO UPDATE SET value = excluded.value, at = excluded.at";
    tx.insert("INSERT INTO capability (owner, name, value, at)", rows, tail)
}
