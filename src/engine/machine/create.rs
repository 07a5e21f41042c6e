//! The creation of a record: under a key that we chose, so that it cannot happen twice (D7).
//!
//! While an instance has not yet proven that it keeps our key (mode A), and for ever when it
//! does not (mode B), creates run one at a time, after a look for a record that is there already.

use std::time::Duration;

use crate::model::call::{DeskCall, DeskReply, RecordQuery, UserKey};
use crate::model::intent::Target;
use crate::model::ledger::Capability;
use crate::model::view::Level;
use crate::model::{
    Base, CallError, CommentOrigin, Delivery, FaultKind, Field, Incident, Intent, IntentKind, IntentState,
    Life, LinkState, Record, RecordWrite, Status,
};
use crate::mutant::{self, Mutant};
use crate::sync::conversation::{LINKED, note_text, own_entry};
use crate::sync::cross::{Crossed, to_servicenow};
use crate::sync::identity::{correlation_display, correlation_id, derived_sys_id};
use crate::sync::values::{is_closed, sentinel_value, servicenow_value, set_servicenow};
use crate::text::Stamp;

use super::ctx::{Halt, Ws};
use super::link_work::Next;
use super::recover::is_settled;
use super::recovery::Recovery;
use super::send::link_failed;
use super::turn::Turn;

/// Clocks of ours and theirs may differ by this much.
const SKEW: Duration = Duration::from_secs(600);

/// What is known about client-chosen keys on an (instance, table).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OwnKey {
    Untested,
    Honoured,
    Ignored,
}

fn own_key(ws: &Ws, state: &LinkState) -> OwnKey {
    let fact = (state.link.instance.as_str().to_owned(), fact_name(state));
    match ws.memory(|m| m.capabilities.get(&fact).map(|f| f.value.clone())).as_deref() {
        Some("honoured") => OwnKey::Honoured,
        Some("ignored") => OwnKey::Ignored,
        _ => OwnKey::Untested,
    }
}

fn fact_name(state: &LinkState) -> String {
    format!("client_sys_id:{}", state.link.table.as_str())
}

/// Creates the record of a link.
pub(super) async fn create(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    use crate::model::Side;
    if ws.is_down(Side::ServiceNow) {
        return Ok(Next::Later);
    }
    if is_elsewhere(ws, state) {
        return follow_route(ws, state).await;
    }
    let Some(incident) = state.incident.clone() else {
        return super::recover::refresh_incident(ws, state).await;
    };
    let name = format!("create:{}:{}", state.link.instance.as_str(), state.link.table.as_str());
    let one_at_a_time = own_key(ws, state) != OwnKey::Honoured;
    let _turn = if one_at_a_time { Some(ws.lock(name).await) } else { None };
    let look = !mutant::is_on(Mutant::ResendCreateBlind);
    if one_at_a_time && look && own_key(ws, state) != OwnKey::Honoured {
        match look_for_record(ws, state).await {
            Ok(Some(record)) => return adopt(ws, state, None, record).await,
            Ok(None) => {}
            Err(error) if error.is_side_wide() => return Ok(Next::Later),
            Err(error) => return link_failed(ws, state, &error, None).await,
        }
    }
    let (values, targets) = match first_values(ws, &incident) {
        Ok(found) => found,
        Err(keys) => return super::link_work::look_up(ws, keys).await,
    };
    let mut write = RecordWrite { values };
    add_identity(ws, state, &mut write);
    let entry = if state.entries.iter().any(|e| e.origin == CommentOrigin::Sync && e.origin_id == LINKED) {
        None
    } else {
        Some(own_entry(
            state,
            CommentOrigin::Sync,
            LINKED,
            "diptych",
            &first_note(&incident),
            ws.now().utc,
            &ws.shared.keys,
        ))
    };
    if let Some(mut entry) = entry {
        entry.to_servicenow = Delivery::Sending;
        ws.save(state, Turn { entries: vec![entry], ..Turn::default() }).await?;
    }
    let linked = state.entries.iter().find(|e| e.origin == CommentOrigin::Sync && e.origin_id == LINKED);
    let entry = linked.map(|e| e.id);
    if let Some(linked) = linked {
        write.values.insert(ws.settings().route.shape.notes.clone(), note_text(linked));
    }
    let kind = IntentKind::CreateRecord { write, targets, entry };
    let intent = ws.intent(state, kind, None);
    ws.save(state, Turn { new_intent: Some(intent), ..Turn::default() }).await?;
    super::send::send_open(ws, state).await
}

/// True when the route was changed after the link was made; its record does not exist yet.
fn is_elsewhere(ws: &Ws, state: &LinkState) -> bool {
    let route = &ws.settings().route;
    (&state.link.instance, &state.link.table) != (&route.instance, &route.table)
}

/// Brings a link without a record to where the route leads now.
async fn follow_route(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    let route = &ws.settings().route;
    let mut link = state.link.clone();
    link.instance = route.instance.clone();
    link.table = route.table.clone();
    link.sys_id = derived_sys_id(&ws.key, &link.incident, &link.instance, &link.table, link.ordinal);
    ws.save(state, Turn { link: Some(link), ..Turn::default() }).await?;
    Ok(Next::Again)
}

fn first_note(incident: &Incident) -> String {
    let mut text =
        format!("Linked to Microsoft Sentinel incident {}.\n{}", incident.number, incident.url.line());
    if let Some(url) = &incident.provider_url {
        text.push_str(&format!("\nDefender portal: {}", url.line()));
    }
    text
}

type FirstValues = (std::collections::BTreeMap<String, String>, Vec<Target>);

/// The fields that a new record starts with. A value that no row maps is left out and held
/// later; an incident that is closed already starts open, and its close follows as a change.
fn first_values(ws: &Ws, incident: &Incident) -> Result<FirstValues, Vec<UserKey>> {
    let mut values = ws.settings().route.on_create.clone();
    let mut targets = Vec::new();
    let shape = &ws.settings().route.shape;
    for field in [Field::Title, Field::Description, Field::Severity, Field::Status, Field::Owner] {
        let mut sentinel = sentinel_value(incident, field);
        if field == Field::Status && is_closed(incident) {
            sentinel = Status::New.word().to_owned();
        }
        match ws.with_plan(|ctx| to_servicenow(ctx, field, &sentinel, incident)) {
            Crossed::Value { raw, rule } => {
                if !raw.is_empty() {
                    set_servicenow(&mut values, shape, field, &raw);
                }
                targets.push(Target { field, before: String::new(), sentinel, servicenow: raw, rule });
            }
            Crossed::Held(_) => {}
            Crossed::Lookup(keys) => return Err(keys),
        }
    }
    for field in [Field::Closure, Field::CloseNotes] {
        targets.push(Target {
            field,
            before: String::new(),
            sentinel: String::new(),
            servicenow: String::new(),
            rule: "open on both sides".into(),
        });
    }
    Ok((values, targets))
}

fn add_identity(ws: &Ws, state: &LinkState, write: &mut RecordWrite) {
    let route = &ws.settings().route;
    let id = correlation_id(&ws.key, &state.link.incident);
    write.values.insert(route.shape.correlation_id.clone(), id);
    write.values.insert(route.shape.correlation_display.clone(), correlation_display(&ws.key));
    if !route.caller.is_empty() {
        write.values.insert(route.shape.caller.clone(), route.caller.clone());
    }
}

/// Looks for a record that carries our correlation id already. The client has checked every row.
async fn look_for_record(ws: &Ws, state: &LinkState) -> Result<Option<Record>, CallError> {
    let call = DeskCall::Records {
        table: state.link.table.clone(),
        shape: ws.settings().route.shape.clone(),
        query: RecordQuery::Correlation(correlation_id(&ws.key, &state.link.incident)),
    };
    match ws.read_record_desk(call).await?.value {
        // The oldest is the one to keep; more than one is a matter for a person, later.
        DeskReply::Page(page) => Ok(page
            .records
            .into_iter()
            .min_by(|a, b| (a.created_on, &a.sys_id).cmp(&(b.created_on, &b.sys_id)))),
        _ => Ok(None),
    }
}

/// The call that creates the record, under our key unless the instance is known to ignore it.
pub(super) fn create_call(ws: &Ws, state: &LinkState, write: RecordWrite) -> DeskCall {
    let keyless = own_key(ws, state) == OwnKey::Ignored
        || ws.memory(|m| m.keyless_trial == Some(state.link.id))
        || mutant::is_on(Mutant::ResendCreateBlind);
    DeskCall::Create {
        table: state.link.table.clone(),
        shape: ws.settings().route.shape.clone(),
        sys_id: (!keyless).then(|| state.link.sys_id.clone()),
        write,
    }
}

/// An instance that refuses a create may refuse no more than the key that we chose (D7). As long
/// as that is untested the create is tried once more without it; creates run one at a time then,
/// and each looks for its record first. `None` when the key is not to blame.
pub(super) async fn try_without_key(
    ws: &Ws,
    state: &mut LinkState,
    intent: &Intent,
    error: &CallError,
) -> Result<Option<Next>, Halt> {
    let refused = matches!(error.kind, FaultKind::Forbidden | FaultKind::Rejected) && !error.maybe_applied;
    let tried = ws.memory(|m| m.keyless_trial.take()) == Some(state.link.id);
    if !refused || tried || own_key(ws, state) != OwnKey::Untested {
        return Ok(None);
    }
    ws.recovered(Recovery::KeyRefused);
    ws.memory(|m| m.keyless_trial = Some(state.link.id));
    super::send::release(ws, state, intent, error).await?;
    Ok(Some(Next::Again))
}

/// Finds out whether a create of unknown outcome happened.
pub(super) async fn resolve(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    if mutant::is_on(Mutant::ResendCreateBlind) {
        return resend(ws, state, intent).await;
    }
    let own = own_key(ws, state);
    if own != OwnKey::Ignored {
        let call = DeskCall::Get {
            table: state.link.table.clone(),
            shape: ws.settings().route.shape.clone(),
            sys_id: state.link.sys_id.clone(),
        };
        match ws.read_record_desk(call).await {
            Ok(answer) => {
                if let DeskReply::Record(record) = answer.value {
                    ws.recovered(Recovery::CreateFoundByKey);
                    return adopt(ws, state, Some(intent), *record).await;
                }
                return Ok(Next::Later);
            }
            Err(error) if error.kind == FaultKind::NotFound => {}
            Err(error) if error.is_side_wide() => return Ok(Next::Later),
            Err(error) => return link_failed(ws, state, &error, None).await,
        }
    }
    let settled = is_settled(ws, &intent);
    // One that is not created again may still land.
    if own == OwnKey::Honoured && super::link_work::may_send(&state.link) {
        return resend(ws, state, intent).await;
    }
    match look_for_record(ws, state).await {
        Ok(Some(record)) => {
            ws.recovered(Recovery::CreateFoundByCorrelation);
            adopt(ws, state, Some(intent), record).await
        }
        Ok(None) if settled => resend(ws, state, intent).await,
        Ok(None) => {
            ws.recovered(Recovery::CreateWaits);
            Ok(Next::Later)
        }
        Err(error) if error.is_side_wide() => Ok(Next::Later),
        Err(error) => link_failed(ws, state, &error, None).await,
    }
}

/// The record is not there: the create is planned anew. Under our own key that is safe at any
/// time; a refusal as duplicate while nothing can be read means that it is hidden from us.
async fn resend(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    ws.recovered(Recovery::CreateResent);
    let mut link = state.link.clone();
    link.failures += 1;
    if mutant::is_on(Mutant::FreshSysId) {
        link.ordinal += 1;
        link.sys_id = derived_sys_id(&ws.key, &link.incident, &link.instance, &link.table, link.ordinal);
    }
    if link.failures > 3 {
        link.not_before = ws.now().utc.plus(ws.shared.backoff(link.failures, Duration::from_secs(300)));
        link.error = "the record cannot be created and cannot be read: it may exist and be hidden by an access rule or a domain".into();
    }
    let update = ws.update(&intent, IntentState::Replanned, "not there; created anew".into());
    let later = link.not_before > ws.now().utc;
    let mut turn = Turn { intents: vec![update], ..Turn::default() };
    let why = "no answer came and no record was found: it may have been created all the same";
    let what = (Some(crate::model::Side::ServiceNow), "record");
    turn.audit.push(ws.audit(state, "unproven", what, ("", link.sys_id.as_str()), why));
    turn.link = Some(link);
    ws.save(state, turn).await?;
    Ok(if later { Next::Later } else { Next::Again })
}

/// Takes the record as the link's own: created just now, or found.
pub(super) async fn adopt(
    ws: &Ws,
    state: &mut LinkState,
    intent: Option<Intent>,
    record: Record,
) -> Result<Next, Halt> {
    let shape = &ws.settings().route.shape;
    let ours = correlation_id(&ws.key, &state.link.incident);
    let Some(carried) = record.value(&shape.correlation_id) else {
        let why = format!(
            "instance {}: {} of record {} cannot be read, so it cannot be told whether it is ours",
            state.link.instance,
            shape.correlation_id,
            crate::text::escape_line(&record.number)
        );
        let error = CallError::new(FaultKind::Rejected, why).hint("let our user read that column");
        return link_failed(ws, state, &error, None).await;
    };
    let is_ours = carried == ours;
    if !is_ours && !mutant::is_on(Mutant::TrustRowZero) {
        ws.recovered(Recovery::WrongRecordFrozen);
        let why = format!(
            "record {} under our key carries another {}: nothing is written to it",
            crate::text::escape_line(&record.number),
            shape.correlation_id
        );
        let mut turn = Turn::default();
        if let Some(intent) = &intent {
            let what = (Some(crate::model::Side::ServiceNow), "record");
            let mut row = ws.audit(state, "unproven", what, ("", record.sys_id.as_str()), &why);
            row.intent = Some(intent.id);
            turn.audit.push(row);
        }
        return super::link_work::freeze_with(ws, state, turn, why).await;
    }
    let at = ws.now().utc;
    let mut turn = Turn::default();
    let mut link = state.link.clone();
    learn_own_key(ws, state, &record, intent.is_some(), &mut turn);
    if super::confirm::is_other_id(state, &record) {
        link.sys_id = record.sys_id.clone();
    }
    link.life = Life::Live;
    link.failures = 0;
    link.error.clear();
    link.not_before = Stamp(0);
    let fresh = match &intent {
        // One that is older than the create that found it comes from an earlier attempt, or from an
        // earlier life of the store: what is agreed is what it holds just as we would send it.
        Some(intent) if record.created_on < intent.created.minus(SKEW) => {
            turn.entries.extend(given_up_note(state, intent));
            if let IntentKind::CreateRecord { targets, .. } = &intent.kind {
                turn.bases = if record.mod_count == 0 {
                    untouched(ws, targets, &record, at)
                } else {
                    agreed_anyway(ws, targets, &record, at)
                };
            }
            false
        }
        Some(Intent { kind: IntentKind::CreateRecord { targets, entry, .. }, created, .. }) => {
            // Somebody may have changed it between its create and now.
            let agreed = if record.mod_count > 0 { *created } else { at };
            turn.bases = super::confirm::bases_of_create(ws, targets, &record, agreed);
            if let Some(entry) = entry.and_then(|id| state.entries.iter().find(|e| e.id == id)) {
                let mut entry = entry.clone();
                entry.to_servicenow = Delivery::Delivered;
                turn.entries.push(entry);
            }
            true
        }
        // Nobody has touched what our own user created: whatever differs, Sentinel changed since.
        None if record.mod_count == 0 && record.updated_by == ws.own_user() => {
            turn.bases = super::confirm::bases_of_create(ws, &[], &record, at);
            false
        }
        _ => false,
    };
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
    let mut row =
        ws.audit(state, act, (Some(crate::model::Side::ServiceNow), "record"), ("", &number), &text);
    row.intent = intent.as_ref().map(|i| i.id);
    turn.audit.push(row);
    turn.link = Some(link);
    let moved = record.mod_count > 0;
    turn.events.push(ws.event(Level::Change, Some(state.link.id), ws.subject(state), text));
    if moved || !fresh {
        return adopt_with_journal(ws, state, record, turn).await;
    }
    turn.record = Some(record);
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

/// Bases of a record that was found and that nobody has touched: it may come from an earlier
/// attempt, so what it holds differently Sentinel has changed since.
fn untouched(ws: &Ws, targets: &[Target], record: &Record, at: Stamp) -> Vec<Base> {
    let same = agreed_anyway(ws, targets, record, at);
    let mut bases = super::confirm::bases_of_create(ws, &[], record, at);
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

/// The first note of a create that made no record after all: the record has one of its own.
fn given_up_note(state: &LinkState, intent: &Intent) -> Option<crate::model::Entry> {
    let IntentKind::CreateRecord { entry, .. } = &intent.kind else { return None };
    let mut entry = state.entries.iter().find(|e| Some(e.id) == *entry)?.clone();
    entry.to_servicenow = Delivery::None;
    Some(entry)
}

/// A record that somebody touched already: its whole journal is taken up with it.
async fn adopt_with_journal(
    ws: &Ws,
    state: &mut LinkState,
    record: Record,
    mut turn: Turn,
) -> Result<Next, Halt> {
    let mut seen = state.clone();
    if let Some(link) = &turn.link {
        seen.link = link.clone();
    }
    match ws.read_journal(vec![record.sys_id.clone()], Stamp(0)).await {
        Ok(rows) => {
            let known: Vec<_> = turn.entries.iter().map(|e| e.id).collect();
            let more = ws.absorb_notes(&seen, &rows);
            turn.entries.extend(more.into_iter().filter(|e| e.id.0 == 0 || !known.contains(&e.id)));
            turn.record = Some(record);
            ws.save(state, turn).await?;
            Ok(Next::Again)
        }
        // Nothing of the record is taken without its journal; the intent stays open and is
        // resolved again.
        Err(error) if error.is_side_wide() => Ok(Next::Later),
        Err(error) => link_failed(ws, state, &error, None).await,
    }
}

/// Keeps whether the instance uses the key that we chose.
fn learn_own_key(ws: &Ws, state: &LinkState, record: &Record, sent: bool, turn: &mut Turn) {
    let known = own_key(ws, state);
    if !sent || known != OwnKey::Untested {
        return;
    }
    let honoured = record.sys_id == state.link.sys_id;
    let fact = Capability {
        owner: state.link.instance.as_str().to_owned(),
        name: fact_name(state),
        value: if honoured { "honoured" } else { "ignored" }.into(),
        at: ws.now().utc,
    };
    ws.memory(|m| m.capabilities.insert((fact.owner.clone(), fact.name.clone()), fact.clone()));
    turn.capabilities.push(fact);
    if !honoured {
        let text = format!(
            "instance {} does not keep the sys_id we choose; from now on records are created one at a time",
            state.link.instance
        );
        turn.events.push(ws.event(Level::Warning, Some(state.link.id), ws.subject(state), text));
    }
}
