//! Unknown outcomes and stale observations: read what is really there, then plan anew.
//!
//! Rules (sync-engine B.8): an incident's PUT is guarded by its version, so reading it again is
//! enough; a comment's PUT is repeated under the same id; a record's PATCH sets absolute values,
//! so it is read until it shows them or its transaction can no longer land; a note is looked for
//! by its marker, and sent again only when it can no longer land.

use crate::model::intent::Target;
use crate::model::ledger::{AuditDraft, CommandUpdate};
use crate::model::{
    Base, CommandState, Delivery, Entry, EntryId, Field, Incident, Intent, IntentKind, IntentState,
    LinkState, Side,
};
use crate::mutant::{self, Mutant};
use crate::sync::shared_comment::is_shared;
use crate::sync::state_path::is_step;
use crate::sync::values::{sentinel_value, servicenow_value};
use crate::text::Stamp;

use super::confirm::{Proof, finish};
use super::ctx::{Halt, Ws};
use super::failure::{MOST_ATTEMPTS, link_failed};
use super::link_work::{Next, may_send};
use super::observation::{LOOK_BACK, get_incident, get_record, observed, take_record};
use super::recovery::Recovery;
use super::send::{back_to_waiting, send_open};
use super::turn::Turn;

/// Goes on with an intent that was found open.
pub(super) async fn settle(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    if ws.is_down(intent.kind.side()) {
        return Ok(Next::Later);
    }
    if intent.sent.is_some_and(|at| at < ws.memory(|m| m.taken_at)) {
        ws.recovered(Recovery::FoundOpen);
    }
    match (&intent.kind, intent.state) {
        // Given by a command and not sent yet.
        (_, IntentState::Planned) => {
            let now = ws.steady();
            let mut update = ws.update(&intent, IntentState::InFlight, String::new());
            update.attempts += 1;
            update.sent = Some(now);
            ws.save(state, Turn { intents: vec![update], ..Turn::default() }).await?;
            send_open(ws, state).await
        }
        (IntentKind::CreateRecord { .. }, _) => super::create::resolve(ws, state, intent).await,
        (IntentKind::PutIncident { .. }, _) => reread_incident(ws, state, intent).await,
        (IntentKind::PutComment { .. }, _) if !may_send(ws, &state.link) => {
            // It is not repeated, so only reading tells whether it arrived.
            if !is_settled(ws, &intent) {
                return Ok(Next::Later);
            }
            match super::entry_work::read_comments(ws, state).await? {
                Next::Again => {
                    give_up(ws, state, &intent, "not repeated: nothing is sent for this link").await?
                }
                next => return Ok(next),
            }
            Ok(Next::Again)
        }
        (IntentKind::PutComment { comment_id, .. }, _) => {
            if mutant::is_on(Mutant::RandomCommentId) {
                give_up(ws, state, &intent, "repeated under another id").await?;
                return Ok(Next::Again);
            }
            // A shared one is written again with more in it: nothing may land behind that.
            if is_shared(&state.link.incident, comment_id) && !is_settled(ws, &intent) {
                return Ok(Next::Later);
            }
            if intent.attempts >= MOST_ATTEMPTS {
                // So many without an answer that could be kept: perhaps one of them arrived. And none may
                // arrive later, for it may go into another comment now.
                if !is_settled(ws, &intent) {
                    return Ok(Next::Later);
                }
                return match super::entry_work::read_comments(ws, state).await? {
                    Next::Again => {
                        give_up(ws, state, &intent, "not there after several tries; sent anew").await?;
                        Ok(Next::Again)
                    }
                    next => Ok(next),
                };
            }
            ws.recovered(Recovery::CommentRepeated);
            let mut update = ws.update(&intent, IntentState::InFlight, String::new());
            update.attempts += 1;
            ws.save(state, Turn { intents: vec![update], ..Turn::default() }).await?;
            send_open(ws, state).await
        }
        (IntentKind::PatchRecord { .. }, _) => reread_record(ws, state, intent).await,
        (IntentKind::AddNote { .. }, _) => look_for_note(ws, state, intent).await,
        (IntentKind::AddRow { .. }, _) => super::related_send::resolve(ws, state, intent).await,
    }
}

/// True when a write of unknown outcome can no longer land (D8, D34): settle has gone by since
/// this holder of the lease first looked into it, which was after it was sent. By the monotonic
/// clock, because a wall clock that is put right would end the wait too soon.
pub(super) fn is_settled(ws: &Ws, intent: &Intent) -> bool {
    let now = ws.now().mono;
    let since = ws.memory(|m| *m.looked_into.entry(intent.id).or_insert(now));
    now.saturating_sub(since) >= ws.instance().settle || mutant::is_on(Mutant::NoSettle)
}

/// True for a write of which an earlier attempt may have landed, although the last one surely did
/// not: it stays open until it was looked for. That it can land no longer does not tell that it did not.
pub(super) fn may_have_landed(intent: &Intent) -> bool {
    intent.attempts > 1
}

/// Closes an intent in favour of a fresh plan.
pub(super) async fn give_up(ws: &Ws, state: &mut LinkState, intent: &Intent, why: &str) -> Result<(), Halt> {
    let mut turn =
        Turn { intents: vec![ws.update(intent, IntentState::Replanned, why.into())], ..Turn::default() };
    turn.entries.extend(back_to_waiting(state, &intent.kind));
    ws.save(state, turn).await
}

/// After a refused version: takes the write as applied if the incident shows it, whoever's answer
/// that refusal was. `None` when it does not; while it cannot be read, nobody knows.
pub(super) async fn prove_put(ws: &Ws, state: &mut LinkState, intent: &Intent) -> Result<Option<Next>, Halt> {
    let IntentKind::PutIncident { targets, .. } = &intent.kind else { return Ok(None) };
    let incident = match get_incident(ws, state).await {
        Ok(incident) => incident,
        Err(error) => {
            let update = ws.update(intent, IntentState::Unknown, error.to_string());
            ws.save(state, Turn { intents: vec![update], ..Turn::default() }).await?;
            return Ok(Some(Next::Later));
        }
    };
    if !landed(targets, Side::Sentinel, |f| Some(sentinel_value(&incident, f))) {
        let moved = targets.iter().filter(|t| sentinel_value(&incident, t.field) != t.before);
        let audit: Vec<AuditDraft> = moved.map(|t| unproven(ws, state, intent, t)).collect();
        if !audit.is_empty() {
            ws.save(state, Turn { audit, ..Turn::default() }).await?;
        }
        return Ok(None);
    }
    super::confirm::incident_put(ws, state, intent.clone(), incident, Proof::Reading).await.map(Some)
}

/// True when a write is seen to have been applied. All of its fields have to show it: one alone may
/// be what somebody else wrote to the same end, as with a close.
fn landed(targets: &[Target], side: Side, value: impl Fn(Field) -> Option<String>) -> bool {
    targets.iter().all(|t| value(t.field).as_deref() == Some(t.after(side)))
}

async fn reread_incident(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    // Asked before the incident is read: what the answer does not show then cannot come later.
    let (settled, asked) = (is_settled(ws, &intent), ws.steady());
    let incident = match get_incident(ws, state).await {
        Ok(incident) => incident,
        Err(error) if error.is_side_wide() => return Ok(Next::Later),
        Err(error) => return link_failed(ws, state, &error, None).await,
    };
    let IntentKind::PutIncident { write, targets } = &intent.kind else { return Ok(Next::Again) };
    let moved = incident.etag != write.etag;
    if landed(targets, Side::Sentinel, |f| Some(sentinel_value(&incident, f))) {
        ws.recovered(Recovery::PutProven);
        return super::confirm::incident_put(ws, state, intent, incident, Proof::Reading).await;
    }
    let again = may_send(ws, &state.link);
    if again && !moved && !settled && intent.attempts < MOST_ATTEMPTS {
        // It may still land, under a version that still fits. Sent again it lands for certain,
        // or the other one did.
        ws.recovered(Recovery::PutResent);
        let mut update = ws.update(&intent, IntentState::InFlight, String::new());
        update.attempts += 1;
        ws.memory(|m| m.looked_into.remove(&intent.id));
        ws.save(state, Turn { intents: vec![update], ..Turn::default() }).await?;
        return send_open(ws, state).await;
    }
    ws.recovered(Recovery::PutReplanned);
    let value = |f| Some(sentinel_value(&incident, f));
    let room = Room { ours: true, set_back: !touched_elsewhere(state, targets, &incident) };
    let around = moved.then(|| moved_around(ws, state, &intent, (targets, room), value));
    let mut turn = observed(ws, state, incident, asked);
    if let Some(around) = around {
        around.into_turn(state, &mut turn);
        turn.audit = targets.iter().map(|t| unproven(ws, state, &intent, t)).collect();
    }
    turn.intents.push(ws.update(&intent, IntentState::Replanned, "not applied; planned anew".into()));
    if let Some(command) = intent.command {
        ws.put_back(state, command);
        turn.commands.push(CommandUpdate {
            id: command,
            state: CommandState::Pending,
            result: "the write did not arrive; it is looked at again".into(),
        });
        super::board::lock(&ws.shared.board).wake(&ws.key);
    }
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

/// Audit rows of comments that turn out to have arrived: no answer ever proved it, and they are not
/// sent again.
pub(super) fn arrived(ws: &Ws, state: &LinkState, seen: &[Entry]) -> Vec<AuditDraft> {
    let ours = seen.iter().filter(|e| e.to_sentinel == Delivery::Delivered);
    let row = |e: &Entry| {
        let text = crate::text::fit(&e.text.line(), 60);
        ws.audit(state, "put_comment", (Some(Side::Sentinel), "comment"), ("", &text), "found by its id")
    };
    ours.map(row).collect()
}

/// What the versions since a write of unknown outcome leave room for.
#[derive(Clone, Copy)]
struct Room {
    /// Ours may be among them.
    ours: bool,
    /// Somebody may have set back what ours wrote, or what they had changed themselves.
    set_back: bool,
}

/// What a write of unknown outcome is seen to have done, once the side was changed since.
struct Around {
    side: Side,
    bases: Vec<Base>,
    /// Fields that show what was written, what they showed before, and what they show now.
    agreed: Vec<(Field, String, String)>,
    closer: Option<Option<Side>>,
}

impl Around {
    fn into_turn(self, state: &LinkState, turn: &mut Turn) {
        if self.side == Side::ServiceNow {
            turn.settled.extend(self.agreed);
        }
        turn.bases.extend(self.bases);
        if let Some(closer) = self.closer {
            turn.link.get_or_insert_with(|| state.link.clone()).closer = closer;
        }
    }
}

/// The fields of a write of unknown outcome, once the side was changed since. Those that show what it wrote
/// are agreed. Any other may have shown it for a while, until somebody set it to what it is now, though that
/// be what it was before, where there is room for that: so it counts as moved until now, and where the
/// versions leave room for ours, too, as no later than what we carried over.
fn moved_around(
    ws: &Ws,
    state: &LinkState,
    intent: &Intent,
    (targets, room): (&[Target], Room),
    value: impl Fn(Field) -> Option<String>,
) -> Around {
    let side = intent.kind.side();
    let mut bases = super::confirm::agreed_by_half(ws, state, intent, (targets, room.ours), &value);
    let before = |b: &Base| targets.iter().find(|t| t.field == b.field).map(|t| t.before.clone());
    let agreed = bases.iter().filter_map(|b| Some((b.field, before(b)?, b.servicenow.clone()))).collect();
    let step = targets.iter().any(|t| is_step(state.base(Field::Status), t));
    let closer = (!step && bases.iter().any(|b| b.field == Field::Status))
        .then(|| super::confirm::closer_after(state, intent, targets, |t| Some(t.after(side).to_owned())));
    let still = |t: &Target| !room.set_back && value(t.field).as_deref() == Some(t.before.as_str());
    let others: Vec<Base> = targets
        .iter()
        .filter(|t| bases.iter().all(|b| b.field != t.field) && !still(t))
        .filter_map(|t| state.base(t.field).cloned())
        .map(|mut base| {
            base.unsettle(side, ws.steady(), room.ours);
            base
        })
        .collect();
    bases.extend(others);
    Around { side, bases, agreed, closer: closer.flatten() }
}

/// True when an incident shows that somebody changed another part of it than a write of ours was for: that is
/// why its version moved, and what looks as it did before was hardly written and set back meanwhile.
fn touched_elsewhere(state: &LinkState, targets: &[Target], now: &Incident) -> bool {
    const ALL: [Field; 7] = [
        Field::Title,
        Field::Description,
        Field::Severity,
        Field::Status,
        Field::Owner,
        Field::Closure,
        Field::CloseNotes,
    ];
    let Some(known) = &state.incident else { return false };
    let written = |f: Field| targets.iter().any(|t| t.field == f);
    // A move of the status takes the closing fields along.
    let closing = |f: Field| matches!(f, Field::Closure | Field::CloseNotes) && written(Field::Status);
    let mut elsewhere = ALL.into_iter().filter(|f| !written(*f) && !closing(*f));
    let labels = !targets.iter().any(|t| matches!(t.field, Field::NumberLabel(_)));
    elsewhere.any(|f| sentinel_value(known, f) != sentinel_value(now, f))
        || labels && known.labels != now.labels
        || (known.comments_count, known.alerts_count) != (now.comments_count, now.alerts_count)
}

/// Audit row of a field of a write of which nobody can say whether it was applied: what it wrote is not
/// there, but somebody else has written since.
pub(super) fn unproven(ws: &Ws, state: &LinkState, intent: &Intent, target: &Target) -> AuditDraft {
    let side = intent.kind.side();
    let why = "no answer came, and it was changed since: it may have been applied";
    let change = (target.before.as_str(), target.after(side));
    let mut row = ws.audit(state, "unproven", (Some(side), target.field.word()), change, why);
    row.intent = Some(intent.id);
    row
}

async fn reread_record(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    let (settled, asked) = (is_settled(ws, &intent), ws.steady());
    let record = match get_record(ws, state).await {
        Ok(record) => record,
        Err(error) if error.is_side_wide() => return Ok(Next::Later),
        Err(error) => return link_failed(ws, state, &error, None).await,
    };
    let IntentKind::PatchRecord { targets, mod_count, .. } = &intent.kind else { return Ok(Next::Again) };
    let shape = &ws.settings().route.shape;
    // A version after ours with our name on it is ours. Another one may show the same by chance, and
    // what was sent could still land upon what comes next.
    let ours = ws.is_own_user(&record.updated_by) && record.mod_count > *mod_count;
    // The very next version in our name is this write, whatever rules of the instance made of it.
    let alone = ours && record.mod_count == mod_count + 1;
    let shows = || landed(targets, Side::ServiceNow, |f| servicenow_value(&record, shape, f));
    if alone || (ours || settled) && shows() {
        ws.recovered(Recovery::PatchProven);
        let proof = if ours { Proof::Answer } else { Proof::Reading };
        return super::confirm::record_patched(ws, state, intent, record, proof).await;
    }
    if !settled {
        ws.recovered(Recovery::PatchWaits);
        // It may still land, and would land on what a person wrote meanwhile.
        return Ok(Next::Later);
    }
    ws.recovered(Recovery::PatchReplanned);
    let update = ws.update(&intent, IntentState::Replanned, "not applied; planned anew".into());
    let mut turn = Turn { intents: vec![update], asked, ..Turn::default() };
    if record.mod_count > *mod_count {
        let value = |f| servicenow_value(&record, shape, f);
        // A single version more, which is not in our name, has no room for ours, nor for a way and back.
        let more = record.mod_count > mod_count + 1;
        let room = Room { ours: more, set_back: more };
        moved_around(ws, state, &intent, (targets, room), value).into_turn(state, &mut turn);
        turn.audit = targets.iter().map(|t| unproven(ws, state, &intent, t)).collect();
    }
    take_record(ws, state, record, turn).await
}

async fn look_for_note(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    let IntentKind::AddNote { entry, customer, .. } = intent.kind else { return Ok(Next::Again) };
    // Asked before the journal is read: what the journal does not show then cannot come later.
    let settled = is_settled(ws, &intent);
    // By the server's own stamps: it was appended after the version that we knew.
    let since = state.record.as_ref().map_or(Stamp(0), |r| r.updated_on).minus(LOOK_BACK);
    let columns = ws.journal_columns(customer);
    let rows = match ws.read_columns(vec![state.link.sys_id.clone()], columns, since).await {
        Ok(rows) => rows,
        Err(error) if error.is_side_wide() => return Ok(Next::Later),
        Err(error) => return link_failed(ws, state, &error, None).await,
    };
    let mut entries = ws.absorb_notes(state, &rows);
    // What others said is taken up once it is seen whose record this is now (I6).
    entries.retain(|e| e.id != EntryId(0));
    let arrived = entries.iter().any(|e| e.id == entry && e.to_servicenow == Delivery::Delivered)
        || state.entries.iter().any(|e| e.id == entry && e.to_servicenow == Delivery::Delivered);
    let mut turn = Turn { entries, ..Turn::default() };
    if arrived {
        ws.recovered(Recovery::NoteFound);
        // It moved the record to a version that nobody was told: a write that starts from the one before would take
        // it for its own (seed 9847539).
        ws.memory(|m| m.unverified.extend(super::siblings::others(state).into_iter().chain([state.link.id])));
        finish(ws, state, &intent, &mut turn);
        turn.audit.push(ws.audit(
            state,
            "add_note",
            (Some(Side::ServiceNow), "note"),
            ("", ""),
            "found by its marker",
        ));
        if let Some(row) = turn.audit.last_mut() {
            row.intent = Some(intent.id);
        }
    } else if settled {
        // The journal of a record that is gone shows nothing either.
        match get_record(ws, state).await {
            Ok(_) => {}
            Err(error) if error.is_side_wide() => return Ok(Next::Later),
            Err(error) => return link_failed(ws, state, &error, None).await,
        }
        ws.recovered(Recovery::NoteResent);
        turn.intents.push(ws.update(&intent, IntentState::Replanned, "did not arrive; sent again".into()));
        turn.entries.extend(back_to_waiting(state, &intent.kind));
    } else {
        ws.recovered(Recovery::NoteWaits);
        if !turn.is_empty() {
            ws.save(state, turn).await?;
        }
        return Ok(Next::Later);
    }
    ws.save(state, turn).await?;
    Ok(Next::Again)
}
