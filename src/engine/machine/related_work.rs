//! Related rows: what of an incident's entities stands beside its record, one row at a time, each found
//! before it is made (servicenow-api 5).
//!
//! They come last, like the reading of alerts that they follow, and only so many in a pass: fields and
//! notes wait for none of them. A list that is closed to us rests by itself, and the others go on.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::call::Entities;
use crate::model::ledger::{Ask, Told};
use crate::model::settings::RelatedRows;
use crate::model::view::Level;
use crate::model::{Link, LinkId, LinkState, Related, RowList, Side, TableName, WantedRow};
use crate::sync::related::gather;

use super::ctx::{Halt, Ws};
use super::freshness::{Looks, look_if_stale};
use super::link_work::Next;
use super::related_find::{Found, find_item, find_user, observable_type, tables};
use super::related_lists::{could_not, is_known_missing, learn};
use super::related_send::{Wish, make};
use super::turn::Turn;
use super::{Mode, board};

/// Steps that a pass takes for all links together; each is a few calls.
const STEPS: usize = 100;
/// Links of which a pass takes up the rows.
const LINKS: usize = 50;
/// True where entities become rows.
pub(super) fn is_on(ws: &Ws) -> bool {
    ws.settings().route.related_rows == RelatedRows::On
}

/// Takes the links with rows to find or make into a pass.
pub(super) async fn choose_rows(ws: &Ws, dirty: &mut BTreeSet<LinkId>) -> Result<(), Halt> {
    if !is_on(ws) || ws.is_down(Side::ServiceNow) || ws.rate_waits(Side::ServiceNow) {
        return Ok(());
    }
    let now = ws.now().mono;
    // Nothing comes after the only pass.
    let steps = if ws.shared.mode == Mode::Once { usize::MAX } else { STEPS };
    let (closed, later) = ws.memory(|m| {
        m.rows.left = steps;
        let lists = [RowList::Observables, RowList::Items, RowList::Users];
        (lists.iter().all(|l| m.rows.is_resting(*l, now)), m.rows.later.len())
    });
    if closed {
        return Ok(());
    }
    let asked = (LINKS + later) as u32;
    let Told::Numbers(waiting) = ws.ask(Ask::WaitingRows(ws.key.clone(), asked)).await? else {
        return Ok(());
    };
    ws.memory(|m| {
        // Of a link without waiting rows nothing is kept.
        m.rows.later.retain(|id, _| waiting.contains(id));
        dirty.extend(waiting.iter().filter(|id| !m.rows.waits(**id, now)).take(LINKS));
    });
    Ok(())
}

/// Takes the entities of an incident, as just read, and says what becomes of them.
pub(super) fn gather_rows(ws: &Ws, state: &LinkState, link: &mut Link, found: &Entities, turn: &mut Turn) {
    if !is_on(ws) {
        return;
    }
    let gathered = gather(&link.related, found);
    if let Some(text) = gathered.said() {
        turn.events.push(ws.event(Level::Info, Some(link.id), ws.subject(state), text));
    }
    link.related = gathered.related;
}

/// Takes one step toward the first row of a link that waits, once nothing else is left to do about it.
pub(super) async fn add_rows(ws: &Ws, state: &mut LinkState, looks: &mut Looks) -> Result<Next, Halt> {
    // They count for no rate, but while one holds the writes to a side they are such, too.
    let waits = ws.is_down(Side::ServiceNow) || ws.rate_waits(Side::ServiceNow);
    if !is_on(ws) || state.link.related.waiting.is_empty() || waits {
        return Ok(Next::Settled);
    }
    let (id, now) = (state.link.id, ws.now().mono);
    if ws.memory(|m| m.rows.left == 0 || m.rows.waits(id, now)) {
        return Ok(Next::Settled);
    }
    let waiting = &state.link.related.waiting;
    let Some(row) = ws.memory(|m| waiting.iter().find(|r| !m.rows.is_resting(r.list(), now)).cloned()) else {
        ws.memory(|m| m.rows.put_off(id, now));
        return Ok(Next::Settled);
    };
    // Whose record it is may have changed while others were waited for (I6).
    if let Some(next) = look_if_stale(ws, state, looks).await? {
        return Ok(next);
    }
    ws.memory(|m| m.rows.left = m.rows.left.saturating_sub(1));
    let tables = tables();
    let task = state.link.sys_id.as_str().to_owned();
    match &row {
        WantedRow::Observable { kind, value } => {
            let kind = match observable_type(ws, *kind).await {
                Ok(kind) => kind,
                Err(error) => return could_not(ws, state, &row, (None, error)).await,
            };
            let fields = [("type", kind.as_str().to_owned()), ("value", value.clone())];
            let wish = Wish::new(&row, tables.observables, &fields, false);
            // Two links may want the same one at the same moment, on one instance.
            let _turn = ws.lock(wish.lock_name(ws)).await;
            let observable = match make(ws, state, &wish).await? {
                Ok(observable) => observable,
                Err(next) => return Ok(next),
            };
            let fields = [("task", task.clone()), ("observable", observable.as_str().to_owned())];
            tie(ws, state, &Wish::new(&row, tables.observable_ties, &fields, true)).await
        }
        WantedRow::Item { name, fqdn } => match find_item(ws, name, fqdn).await {
            Ok(Found::One(item)) => {
                let fields = [("task", task.clone()), ("ci_item", item.as_str().to_owned())];
                tie(ws, state, &Wish::new(&row, tables.items, &fields, true)).await
            }
            Ok(Found::NoneOrSeveral) => unmatched(ws, state, &row).await,
            Err(error) => could_not(ws, state, &row, (None, error)).await,
        },
        WantedRow::User { upn } => match find_user(ws, upn).await {
            Ok(Found::One(user)) => {
                let columns = ws.settings().route.affected_users.clone();
                let fields = [
                    (columns.task.as_str(), task.clone()),
                    (columns.user.as_str(), user.as_str().to_owned()),
                ];
                tie(ws, state, &Wish::new(&row, columns.table, &fields, true)).await
            }
            Ok(Found::NoneOrSeveral) => unmatched(ws, state, &row).await,
            Err(error) => could_not(ws, state, &row, (None, error)).await,
        },
    }
}

/// Sees to it that what ties a row to the record stands there.
async fn tie(ws: &Ws, state: &mut LinkState, wish: &Wish) -> Result<Next, Halt> {
    if let Err(next) = make(ws, state, wish).await? {
        return Ok(next);
    }
    let turn = stands(ws, state, &wish.row, Turn::default());
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

/// What a turn changes once a row stands beside the record.
pub(super) fn stands(ws: &Ws, state: &LinkState, row: &WantedRow, mut turn: Turn) -> Turn {
    let (id, list) = (state.link.id, row.list());
    ws.memory(|m| m.rows.went_well(id, row));
    if is_known_missing(ws, list) {
        let text = format!("{} of the instance can be written now", list.word());
        turn.events.push(ws.event(Level::Info, Some(id), ws.subject(state), text));
        turn.capabilities.push(learn(ws, list, false));
    }
    put(ws, state, state.link.related.with(row), turn)
}

/// Puts what is known of related rows into a turn, and says so once none is left to wait for.
pub(super) fn put(ws: &Ws, state: &LinkState, mut related: Related, mut turn: Turn) -> Turn {
    if related.waiting.is_empty() && (related.added, related.unmatched) != (0, 0) {
        let mut text = format!("{} rows of its entities stand beside the record", related.added);
        if related.unmatched > 0 {
            text.push_str(&format!(
                "; of {} hosts, resources and accounts the instance knows none or several",
                related.unmatched
            ));
        }
        (related.added, related.unmatched) = (0, 0);
        turn.events.push(ws.event(Level::Info, Some(state.link.id), ws.subject(state), text));
    }
    turn.link = Some(Link { related, ..state.link.clone() });
    turn
}

/// An item or a user of which none or several were found: none is made, and the next reading asks again.
async fn unmatched(ws: &Ws, state: &mut LinkState, row: &WantedRow) -> Result<Next, Halt> {
    let mut related = state.link.related.without(row);
    related.unmatched += 1;
    let turn = put(ws, state, related, Turn::default());
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

impl Ws {
    /// Until when a create without our key may still land on a table that all links share.
    pub(super) fn unsure_rows(&self, table: &TableName) -> Option<Duration> {
        let key = (self.instance().key.clone(), table.clone());
        board::lock(&self.shared.board).unsure_rows.get(&key).copied()
    }

    /// Notes that such a create brought no answer.
    pub(super) fn note_unsure_row(&self, table: &TableName) {
        let until = self.now().mono + self.instance().settle;
        let key = (self.instance().key.clone(), table.clone());
        board::lock(&self.shared.board).unsure_rows.insert(key, until);
    }
}
