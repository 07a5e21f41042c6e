//! A record becomes the link's own: created just now, or found. What both sides agree on from then
//! on follows from what its create sent.

use std::time::Duration;

use crate::mapping::CustomField;
use crate::model::intent::Target;
use crate::model::ledger::{Ask, AuditDraft, Told};
use crate::model::view::Level;
use crate::model::{
    Base, Delivery, Entry, Field, Intent, IntentKind, IntentState, Life, Link, LinkState, Record, Role, Side,
};
use crate::mutant::{self, Mutant};
use crate::sync::custom::custom_fields;
use crate::sync::identity::correlation_id;
use crate::sync::plan::NOTHING;
use crate::sync::values::{sentinel_value, servicenow_value};
use crate::text::Stamp;

use super::confirm::Proof;
use super::create::own_key;
use super::ctx::{Halt, Ws};
use super::facts::OwnKey;
use super::failure::link_failed;
use super::link_work::Next;
use super::recovery::Recovery;
use super::turn::Turn;

/// Rules of the instance that run after an insert are done by then.
const RULE_TIME: Duration = Duration::from_secs(5);

/// Leaves a record that was found to whoever it belongs to, and the link to a person.
async fn leave(
    ws: &Ws,
    state: &mut LinkState,
    intent: Option<&Intent>,
    record: &Record,
    why: String,
) -> Result<Next, Halt> {
    let mut turn = Turn::default();
    if let Some(intent) = intent {
        let what = (Some(Side::ServiceNow), "record");
        let mut row = ws.audit(state, "unproven", what, ("", record.sys_id.as_str()), &why);
        row.intent = Some(intent.id);
        turn.audit.push(row);
        // Open it would be looked into on every pass.
        turn.intents.push(ws.update(intent, IntentState::Parked, why.clone()));
    }
    super::link_work::freeze_with(ws, state, turn, why).await
}

/// True when the record is the one of another link: somebody wrote this incident's id into it.
async fn is_claimed(ws: &Ws, state: &LinkState, record: &Record) -> Result<bool, Halt> {
    let link = &state.link;
    let ids = vec![record.sys_id.clone()];
    let ask = Ask::ByRecord(ws.key.clone(), link.instance.clone(), link.table.clone(), ids);
    let Told::Links(all) = ws.ask(ask).await? else { return Ok(false) };
    let claims = |l: &Link| l.id != link.id && l.role == Role::Primary && l.life <= Life::Live;
    Ok(all.iter().any(|s| claims(&s.link)))
}

/// Takes the record as the link's own: created just now, or found.
pub(super) async fn adopt(
    ws: &Ws,
    state: &mut LinkState,
    intent: Option<Intent>,
    record: Record,
    (asked, proof): (Stamp, Proof),
) -> Result<Next, Halt> {
    let shape = &ws.settings().route.shape;
    let ours = correlation_id(&ws.key, &state.link.incident);
    let as_made = record.mod_count == 0 && ws.is_own_user(&record.updated_by);
    let by_key = !super::ownership::is_other_id(state, &record);
    // The answer to our own create needs no proof that it is ours, nor does what nobody has touched
    // since our user made it under the key that only this incident leads to (D7).
    let created = proof == Proof::Answer || as_made && by_key && intent.is_some();
    let own = created && record.value(&shape.correlation_id).is_none();
    if let Some(error) = super::ownership::unverifiable(ws, state, &record).filter(|_| !own) {
        return link_failed(ws, state, &error, None).await;
    }
    let is_ours = own || record.value(&shape.correlation_id) == Some(ours.as_str());
    if !is_ours && !mutant::is_on(Mutant::TrustRowZero) {
        ws.recovered(Recovery::WrongRecordFrozen);
        let why = format!(
            "record {} under our key carries another {}: nothing is written to it",
            crate::text::escape_line(&record.number),
            shape.correlation_id
        );
        return leave(ws, state, intent.as_ref(), &record, why).await;
    }
    if !by_key && is_claimed(ws, state, &record).await? {
        let why = format!(
            "record {} is the one of another incident, too: nothing is written to it",
            crate::text::escape_line(&record.number)
        );
        return leave(ws, state, intent.as_ref(), &record, why).await;
    }
    let mut turn = Turn { asked, ..Turn::default() };
    let mut link = state.link.clone();
    learn_own_key(ws, state, &record, intent.as_ref(), &mut turn);
    if !by_key {
        link.ordinal = super::go_on::ordinal_of(ws, &link, &record);
        link.sys_id = record.sys_id.clone();
    }
    link.life = Life::Live;
    link.failures = 0;
    link.error.clear();
    link.not_before = Stamp(0);
    let fresh = match &intent {
        // One from an earlier life of the store, which its create found: what is agreed is what it
        // holds just as we would send it.
        Some(Intent { kind: IntentKind::CreateRecord { targets, entry, after, .. }, .. })
            if record.created_on < *after =>
        {
            // The record has a first note already.
            let given_up = state.entries.iter().find(|e| Some(e.id) == *entry);
            turn.entries.extend(given_up.map(|e| Entry { to_servicenow: Delivery::None, ..e.clone() }));
            turn.bases = if record.mod_count == 0 {
                untouched(ws, state, targets, &record, asked)
            } else {
                agreed_anyway(ws, targets, &record, asked)
            };
            false
        }
        Some(Intent { kind: IntentKind::CreateRecord { targets, entry, .. }, created, .. }) => {
            turn.bases = bases_of_create(ws, state, targets, &record, (*created, proof));
            turn.audit.extend(unclear(ws, state, &turn.bases, targets, &record));
            if let Some(entry) = entry.and_then(|id| state.entries.iter().find(|e| e.id == id)) {
                turn.entries.push(Entry { to_servicenow: Delivery::Delivered, ..entry.clone() });
            }
            true
        }
        // Nobody has touched what our own user created: whatever differs, Sentinel changed since.
        None if as_made => {
            turn.bases = bases_of_create(ws, state, &[], &record, (asked, proof));
            false
        }
        _ => false,
    };
    if !fresh {
        let found = custom_of_found(ws, state, &record, asked);
        turn.bases.extend(found.into_iter().filter(|b| state.base(b.field).is_none()));
        let mut known = std::collections::BTreeSet::new();
        turn.bases.retain(|b| known.insert(b.field));
    }
    if let Some(intent) = &intent {
        turn.intents.push(ws.update(intent, IntentState::Confirmed, "confirmed".into()));
        ws.summary(|s| s.writes += 1);
    }
    let number = crate::text::escape_line(&record.number);
    let (act, text) = if fresh {
        ("create_record", format!("created {number} in ServiceNow"))
    } else {
        ws.recovered(Recovery::Adopted);
        ("adopt", format!("took up {number}, which carries our correlation id already"))
    };
    let mut row = ws.audit(state, act, (Some(Side::ServiceNow), "record"), ("", &number), &text);
    row.intent = intent.as_ref().map(|i| i.id);
    turn.audit.push(row);
    if fresh && let Some((audit, event)) = super::domain::misplaced(ws, state, &record) {
        turn.audit.push(audit);
        turn.events.push(event);
    }
    turn.link = Some(link);
    let moved = record.mod_count > 0;
    turn.events.push(ws.event(Level::Change, Some(state.link.id), ws.subject(state), text));
    let next = if moved || !fresh {
        adopt_with_journal(ws, state, record, turn).await?
    } else {
        turn.record = Some(record);
        ws.save(state, turn).await?;
        Next::Again
    };
    // Not before it is there: nothing follows from a create that was refused, and what was granted for it let
    // through writes to other records (seed 9838659).
    if intent.is_some() && state.link.life == Life::Live {
        ws.grant_writes_for_a_record();
    }
    Ok(next)
}

/// Bases of a record that was created: the pairs its create sent, against what it holds.
fn bases_of_create(
    ws: &Ws,
    state: &LinkState,
    targets: &[Target],
    record: &Record,
    (at, proof): (Stamp, Proof),
) -> Vec<Base> {
    let shape = &ws.settings().route.shape;
    // When the create was proven late, a person may have changed the record since: then what we
    // sent is what was agreed, and theirs is a change. Rules of the instance itself are not. But they
    // follow a person's save, too, and their name hides it: without our answer only the sole save since
    // is surely a rule's (seed 9806607).
    let hides_none = proof == Proof::Answer || record.mod_count == 1;
    let in_time = record.updated_on.since(record.created_on) < RULE_TIME;
    let by_a_rule = record.updated_by == "system" && in_time && hides_none;
    let touched = record.mod_count > 0 && !by_a_rule;
    let custom = custom_sent(ws, targets);
    let base = |field: Field| {
        let now = servicenow_value(record, shape, field).unwrap_or_default();
        let Some(target) = targets.iter().find(|t| t.field == field) else {
            if matches!(field, Field::Custom(_)) {
                // Not sent, because its row failed, or nobody knows: then Sentinel's value is news.
                return Base::agreed(field, NOTHING, now, at);
            }
            // Not sent, because nothing maps it or there was nothing: nothing was agreed unless
            // both are empty.
            return Base::agreed(field, if now.is_empty() { "" } else { NOTHING }, now, at);
        };
        if matches!(field, Field::Custom(c) if record.value(c.column()).is_none()) {
            let why = format!(
                "ServiceNow does not show the column {}: the table has none, or our user may not read it",
                field.label()
            );
            return Base { held: why, ..Base::agreed(field, target.sentinel.clone(), "", at) };
        }
        let (kept, rule) = if touched || now == target.servicenow {
            (target.servicenow.clone(), target.rule.clone())
        } else {
            (now, format!("{}; ServiceNow made another value of it", target.rule))
        };
        Base { rule, ..Base::agreed(field, target.sentinel.clone(), kept, at) }
    };
    let marked = |mut base: Base| {
        if matches!(base.field, Field::Custom(_)) {
            return base;
        }
        let moved = servicenow_value(record, shape, base.field).is_some_and(|v| v != base.servicenow);
        if moved {
            base.servicenow_seen = base.servicenow_seen.shows_another(at, ws.steady());
        }
        let shown = state.incident.as_ref().map(|i| sentinel_value(i, base.field));
        if shown.is_some_and(|v| v != base.sentinel) {
            base.sentinel_seen = base.sentinel_seen.shows_another(at, ws.steady());
        }
        base
    };
    Field::ALL.into_iter().chain(custom).map(base).map(marked).collect()
}

/// The custom fields of a record that was created: those that its create sent, though a row may say something
/// else by now, and the rows whose columns it did not send.
fn custom_sent(ws: &Ws, targets: &[Target]) -> Vec<Field> {
    let sent = || targets.iter().map(|t| t.field).filter(|f| matches!(f, Field::Custom(_)));
    let fills = |f: Field, row: &CustomField| matches!(f, Field::Custom(c) if c.column() == row.column);
    let unsent = |row: &&CustomField| !sent().any(|f| fills(f, row));
    ws.with_plan(|ctx| sent().chain(custom_fields(ctx).filter(unsent).map(|f| f.field)).collect())
}

/// Audit rows of the fields of which nobody can say whether a rule made them while the record was
/// created, or a person since: they count as a person's.
fn unclear(
    ws: &Ws,
    state: &LinkState,
    bases: &[Base],
    targets: &[Target],
    record: &Record,
) -> Vec<AuditDraft> {
    let shape = &ws.settings().route.shape;
    let why = "the answer to the create was lost, and the record was changed since: this counts as a person's change";
    let row = |base: &Base| {
        let now = servicenow_value(record, shape, base.field).filter(|v| *v != base.servicenow)?;
        targets.iter().find(|t| t.field == base.field)?;
        let side = Some(Side::ServiceNow);
        Some(ws.audit(state, "unproven", (side, base.field.word()), (&base.servicenow, &now), why))
    };
    bases.iter().filter_map(row).collect()
}

/// Bases of a record that was found and that nobody has touched: it may come from an earlier
/// attempt, so what it holds differently Sentinel has changed since.
fn untouched(ws: &Ws, state: &LinkState, targets: &[Target], record: &Record, at: Stamp) -> Vec<Base> {
    let same = agreed_anyway(ws, targets, record, at);
    let mut bases = bases_of_create(ws, state, &[], record, (at, Proof::Reading));
    bases.retain(|b| same.iter().all(|s| s.field != b.field));
    bases.extend(same);
    bases
}

/// Bases of the fields in which a record that was found holds what its create would have sent.
fn agreed_anyway(ws: &Ws, targets: &[Target], record: &Record, at: Stamp) -> Vec<Base> {
    let shape = &ws.settings().route.shape;
    let same =
        |t: &&Target| servicenow_value(record, shape, t.field).as_deref() == Some(t.servicenow.as_str());
    let base =
        |t: &Target| Base { rule: t.rule.clone(), ..Base::agreed(t.field, &t.sentinel, &t.servicenow, at) };
    targets.iter().filter(same).map(base).collect()
}

/// Bases of the custom fields of a record that was found: an empty column gets its text, and where the
/// two differ nothing tells which is newer, so that a person decides (D20).
pub(super) fn custom_of_found(ws: &Ws, state: &LinkState, record: &Record, at: Stamp) -> Vec<Base> {
    let Some(incident) = &state.incident else { return Vec::new() };
    ws.with_plan(|ctx| crate::sync::tie::custom_bases(incident, record, ctx, at))
}

/// A record that somebody touched already: its whole journal is taken up with it.
pub(super) async fn adopt_with_journal(
    ws: &Ws,
    state: &mut LinkState,
    record: Record,
    mut turn: Turn,
) -> Result<Next, Halt> {
    let mut seen = state.clone();
    if let Some(link) = &turn.link {
        seen.link = link.clone();
    }
    let earlier = match super::go_on::earlier_records(ws, state, &record).await? {
        Ok(earlier) => earlier,
        Err(error) if error.is_side_wide() => return Ok(Next::Later),
        Err(error) => return link_failed(ws, state, &error, None).await,
    };
    let ids = earlier.iter().chain([&record.sys_id]).cloned().collect();
    match ws.read_journal(ids, Stamp(0)).await {
        Ok(rows) => {
            let known: Vec<_> = turn.entries.iter().map(|e| e.id).collect();
            let mut more = Vec::new();
            for id in earlier {
                let mut before = seen.clone();
                before.link.sys_id = id;
                more.extend(ws.absorb_notes(&before, &rows));
            }
            more.extend(ws.absorb_notes(&seen, &rows));
            turn.entries.extend(more.into_iter().filter(|e| e.id.0 == 0 || !known.contains(&e.id)));
            turn.record = Some(record);
            turn.journal = rows;
            ws.save(state, turn).await?;
            Ok(Next::Again)
        }
        // Nothing of the record is taken without its journal; the intent stays open and is
        // resolved again.
        Err(error) if error.is_side_wide() => Ok(Next::Later),
        Err(error) => link_failed(ws, state, &error, None).await,
    }
}

/// Keeps whether the instance uses the key that we chose, once a create has shown it.
fn learn_own_key(ws: &Ws, state: &LinkState, record: &Record, intent: Option<&Intent>, turn: &mut Turn) {
    let Some(IntentKind::CreateRecord { keyless, .. }) = intent.map(|i| &i.kind) else { return };
    if own_key(ws, state) != OwnKey::Untested {
        return;
    }
    // One refusal may have had another cause, so that the trial after it shows nothing of the key.
    if *keyless && !ws.memory(|m| std::mem::replace(&mut m.taken_without_key, true)) {
        return;
    }
    let honoured = record.sys_id == state.link.sys_id;
    turn.capabilities.push(ws.learn_own_key(&state.link.instance, &state.link.table, honoured));
    if !honoured {
        let does = if *keyless { "refuses" } else { "does not keep" };
        let text = format!(
            "instance {} {does} the sys_id we choose; from now on records are created one at a time",
            state.link.instance
        );
        turn.events.push(ws.event(Level::Warning, Some(state.link.id), ws.subject(state), text));
    }
}
