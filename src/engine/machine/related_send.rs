//! The creation of a related row: looked for first, written down, sent once, and looked for again when no
//! answer came. Under a key that we chose a second create is refused by the database itself (D7); where an
//! instance does not keep such keys, creates run one at a time and wait until an earlier one can no longer
//! land (D8).

use crate::model::call::DeskRow;
use crate::model::ledger::AuditDraft;
use crate::model::view::Level;
use crate::model::{
    CallError, FaultKind, Intent, IntentKind, IntentState, LinkState, RecordWrite, Side, SysId, TableName,
    WantedRow,
};
use crate::mutant::{self, Mutant};
use crate::sync::identity::derived_row_id;

use super::ctx::{Halt, Ws};
use super::facts::OwnKey;
use super::link_work::Next;
use super::recover::is_settled;
use super::recovery::Recovery;
use super::related_find::find_row;
use super::related_lists::{could_not, is_of_a_list};
use super::related_work::stands;
use super::turn::Turn;

/// A row that is to stand in a table.
pub(super) struct Wish {
    pub row: WantedRow,
    table: TableName,
    write: RecordWrite,
    ties: bool,
}

impl Wish {
    pub fn new(row: &WantedRow, table: TableName, fields: &[(&str, String)], ties: bool) -> Self {
        let values = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Self { row: row.clone(), table, write: RecordWrite { values }, ties }
    }

    /// The lock of whoever looks for it and makes it.
    pub fn lock_name(&self, ws: &Ws) -> String {
        let place = format!("row:{}:{}", ws.instance().key.as_str(), self.table.as_str());
        match own_key(ws, &self.table) {
            OwnKey::Honoured => format!("{place}:{}", self.row.short()),
            _ => place,
        }
    }
}

fn own_key(ws: &Ws, table: &TableName) -> OwnKey {
    ws.own_key(&ws.instance().key, table)
}

/// Finds a row; makes it when there is none, and gives what comes next then.
pub(super) async fn make(ws: &Ws, state: &mut LinkState, wish: &Wish) -> Result<Result<SysId, Next>, Halt> {
    let made = ws.memory(|m| m.rows.made.remove(&state.link.id));
    if let Some((table, write, id)) = made
        && (&table, &write) == (&wish.table, &wish.write)
    {
        return Ok(Ok(id));
    }
    let blind = mutant::is_on(Mutant::RelatedRowDoubled);
    if !blind {
        match find_row(ws, &wish.table, &wish.write).await {
            Ok(Some(id)) => return Ok(Ok(id)),
            Ok(None) => {}
            Err(error) => return could_not(ws, state, &wish.row, (None, error)).await.map(Err),
        }
    }
    let own = own_key(ws, &wish.table);
    if own != OwnKey::Honoured
        && !wish.ties
        && let Some(until) = may_land_until(ws, &wish.table)
    {
        ws.recovered(Recovery::RowsLater);
        ws.memory(|m| m.rows.put_off_until(state.link.id, until));
        return Ok(Err(Next::Settled));
    }
    let untested = own == OwnKey::Untested;
    let keyless = own == OwnKey::Ignored
        || blind
        || untested && ws.memory(|m| m.rows.goes_without_key(state.link.id, &wish.table));
    let sys_id = (!keyless).then(|| derived_row_id(&ws.instance().key, &wish.table, &wish.write));
    let kind = IntentKind::AddRow {
        row: wish.row.clone(),
        table: wish.table.clone(),
        sys_id,
        write: wish.write.clone(),
        ties: wish.ties,
    };
    let intent = ws.intent(state, kind, None);
    ws.save(state, Turn { new_intent: Some(intent), ..Turn::default() }).await?;
    super::send::send_open(ws, state).await.map(Err)
}

/// Until when a row may still appear that somebody of us sent without a key that keeps it single: in this
/// life, or in one before.
fn may_land_until(ws: &Ws, table: &TableName) -> Option<std::time::Duration> {
    let (now, settle) = (ws.now().mono, ws.instance().settle);
    let sent = ws.unsure_rows(table).filter(|until| *until > now);
    let (first, taken) = ws.memory(|m| (m.epoch <= 1, m.taken_mono));
    let before = settle.saturating_sub(now.saturating_sub(taken));
    let before = Some(now + before).filter(|until| !first && *until > now);
    sent.max(before)
}

/// A row was made: by its own answer.
pub(super) async fn added(
    ws: &Ws,
    state: &mut LinkState,
    intent: Intent,
    answer: DeskRow,
) -> Result<Next, Halt> {
    let IntentKind::AddRow { row, table, sys_id, write, ties } = &intent.kind else {
        return Ok(Next::Again);
    };
    let mut turn = Turn::default();
    if own_key(ws, table) == OwnKey::Untested {
        match sys_id {
            Some(chosen) => {
                let honoured = *chosen == answer.sys_id;
                turn.capabilities.push(ws.learn_own_key(&ws.instance().key, table, honoured));
            }
            None => ws.memory(|m| *m.rows.taken_without_key.entry(table.clone()).or_default() += 1),
        }
    }
    let lost = write
        .values
        .iter()
        .find(|(name, value)| answer.values.get(*name).is_none_or(|kept| !kept.eq_ignore_ascii_case(value)));
    if let Some((name, _)) = lost {
        // Not again and again: whatever the reason is, the next one would look the same.
        let text = format!(
            "a row of {} for {} was made and does not show its {name}: there is no such column, or it may not \
             be written or read; rows for affected users have their columns under affected_users",
            table.as_str(),
            row.shown()
        );
        turn.events.push(ws.event(Level::Warning, Some(state.link.id), ws.subject(state), text));
        let mut link = state.link.clone();
        link.related = link.related.without(row);
        link.related.known.insert(row.short());
        turn.link = Some(link);
        return confirm(ws, state, &intent, (answer.sys_id, "made"), (turn, false)).await;
    }
    if !ties {
        let made = (table.clone(), write.clone(), answer.sys_id.clone());
        ws.memory(|m| m.rows.made.insert(state.link.id, made));
    }
    confirm(ws, state, &intent, (answer.sys_id, "made"), (turn, true)).await
}

/// Confirms a create, with its row in the audit.
async fn confirm(
    ws: &Ws,
    state: &mut LinkState,
    intent: &Intent,
    (made, why): (SysId, &str),
    (mut turn, counts): (Turn, bool),
) -> Result<Next, Halt> {
    let IntentKind::AddRow { row, table, ties, .. } = &intent.kind else { return Ok(Next::Again) };
    let what = format!("{} {made}: {}", table.as_str(), row.shown());
    let mut audit = ws.audit(state, "add_row", (Some(Side::ServiceNow), "row"), ("", &what), why);
    audit.intent = Some(intent.id);
    turn.audit.push(audit);
    turn.intents.push(ws.update(intent, IntentState::Confirmed, why.into()));
    if *ties && counts {
        turn = stands(ws, state, row, turn);
    }
    ws.save(state, turn).await?;
    ws.summary(|s| s.writes += 1);
    Ok(Next::Again)
}

/// Takes a create that brought no row.
pub(super) async fn refused(
    ws: &Ws,
    state: &mut LinkState,
    intent: Intent,
    error: CallError,
) -> Result<Next, Halt> {
    let IntentKind::AddRow { row, table, sys_id, .. } = intent.kind.clone() else { return Ok(Next::Again) };
    if error.maybe_applied || error.kind == FaultKind::Duplicate {
        // The wait until it can no longer land begins anew.
        ws.memory(|m| m.looked_into.remove(&intent.id));
        if error.kind == FaultKind::Duplicate {
            ws.memory(|m| m.rows.duplicates.insert(intent.id));
        } else if own_key(ws, &table) != OwnKey::Honoured {
            ws.note_unsure_row(&table);
        }
        let update = ws.update(&intent, IntentState::Unknown, error.to_string());
        ws.save(state, Turn { intents: vec![update], ..Turn::default() }).await?;
        return Ok(if ws.is_down(Side::ServiceNow) { Next::Later } else { Next::Again });
    }
    let lease = error.kind == FaultKind::Guard && error.code.as_deref() == Some(super::board::LEASE_ENDS);
    if lease || error.is_side_wide() && !is_of_a_list(&error) {
        return super::failure::failed(ws, state, intent, error).await;
    }
    let of_key = matches!(error.kind, FaultKind::Forbidden | FaultKind::Rejected) && sys_id.is_some();
    if of_key
        && own_key(ws, &table) == OwnKey::Untested
        && ws.memory(|m| m.rows.keyless_trials.insert((state.link.id, table.clone())))
    {
        // The refusal may be about no more than the key that we chose: once more without it.
        ws.recovered(Recovery::KeyRefused);
        let update = ws.update(&intent, IntentState::Replanned, error.to_string());
        ws.save(state, Turn { intents: vec![update], ..Turn::default() }).await?;
        return Ok(Next::Again);
    }
    // Refused without our key as well: it is not to blame.
    ws.memory(|m| m.rows.taken_without_key.remove(&table));
    could_not(ws, state, &row, (Some(&intent), error)).await
}

/// Finds out whether a create of unknown outcome made its row.
pub(super) async fn resolve(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    let IntentKind::AddRow { row, table, sys_id, write, .. } = intent.kind.clone() else {
        return Ok(Next::Again);
    };
    // Asked before it is looked for: what that does not show then cannot come later.
    let settled = is_settled(ws, &intent);
    let single = sys_id.is_some() && own_key(ws, &table) == OwnKey::Honoured;
    let found = find_row(ws, &table, &write).await;
    let error = match found {
        Ok(Some(id)) => {
            ws.recovered(Recovery::RowFound);
            ws.memory(|m| m.rows.duplicates.remove(&intent.id));
            return confirm(ws, state, &intent, (id, "found by what it says"), (Turn::default(), true)).await;
        }
        Ok(None) => None,
        Err(error) if error.is_side_wide() && !is_of_a_list(&error) => return Ok(Next::Later),
        Err(error) => Some(error),
    };
    if ws.memory(|m| m.rows.duplicates.remove(&intent.id)) {
        if error.is_some() {
            // Nobody could look: it may be ours that stands there.
            let why = "it was refused as a duplicate, and nobody could look: it may be what was made before";
            let audit = may_stand(ws, state, &intent, why).into_iter().collect();
            ws.save(state, Turn { audit, ..Turn::default() }).await?;
        }
        let text = "a row with the key that we derive from it exists and does not say the same, or is hidden";
        let error = error.unwrap_or_else(|| CallError::new(FaultKind::Duplicate, text));
        return could_not(ws, state, &row, (Some(&intent), error)).await;
    }
    if !single && !settled {
        return Ok(Next::Later);
    }
    ws.recovered(Recovery::RowAgain);
    let now = ws.now().mono;
    ws.memory(|m| m.rows.put_off(state.link.id, now));
    let update = ws.update(&intent, IntentState::Replanned, "not there; looked for and made anew".into());
    // It may still land, or not be shown yet, and be found then instead of made (seed 9702682).
    let why = "no answer came and no row was found: it may have been made all the same";
    let audit = may_stand(ws, state, &intent, why).into_iter().collect();
    ws.save(state, Turn { intents: vec![update], audit, ..Turn::default() }).await?;
    Ok(Next::Again)
}

/// Names the key of a row that may have been made, although nobody has seen it.
fn may_stand(ws: &Ws, state: &LinkState, intent: &Intent, why: &str) -> Option<AuditDraft> {
    let IntentKind::AddRow { row, table, sys_id: Some(key), .. } = &intent.kind else { return None };
    let what = format!("{} {key}: {}", table.as_str(), row.shown());
    let mut audit = ws.audit(state, "unproven", (Some(Side::ServiceNow), "row"), ("", &what), why);
    audit.intent = Some(intent.id);
    Some(audit)
}
