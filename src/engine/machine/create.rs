//! The creation of a record: under a key that we chose, so that it cannot happen twice (D7).
//!
//! While an instance has not yet proven that it keeps our key (mode A), and for ever when it
//! does not (mode B), creates run one at a time, after a look for a record that is there already.

use crate::mapping::CustomField;
use crate::model::call::{DeskCall, DeskReply, RecordQuery, UserKey};
use crate::model::intent::Target;
use crate::model::ledger::AuditDraft;
use crate::model::settings::{ClosedPartner, StoreApp};
use crate::model::{
    CallError, CommentOrigin, Delivery, FaultKind, Field, Incident, Intent, IntentKind, IntentState,
    LinkState, Record, RecordWrite, Side, Status, SysId,
};
use crate::mutant::{self, Mutant};
use crate::sync::closed_partner::went_on;
use crate::sync::conversation::{LINKED, own_entry};
use crate::sync::cross::{Crossed, to_servicenow};
use crate::sync::custom::custom_fields;
use crate::sync::identity::{correlation_display, correlation_id, derived_sys_id};
use crate::sync::markup::note_text;
use crate::sync::values::{is_closed, sentinel_value, set_servicenow};
use crate::text::{Stamp, escape_line};

use super::adopt::adopt;
use super::confirm::Proof;
use super::ctx::{Halt, Ws};
use super::facts::OwnKey;
use super::failure::{MOST_ATTEMPTS, link_failed};
use super::go_on::{is_earlier, other_links};
use super::link_work::Next;
use super::recover::is_settled;
use super::recovery::Recovery;
use super::turn::Turn;

/// What is said of a create that had no answer, and whose record nobody has seen.
const UNPROVEN: &str = "no answer came and no record was found: it may have been created all the same";

pub(super) fn own_key(ws: &Ws, state: &LinkState) -> OwnKey {
    ws.own_key(&state.link.instance, &state.link.table)
}

/// Creates the record of a link.
pub(super) async fn create(ws: &Ws, state: &mut LinkState) -> Result<Next, Halt> {
    if ws.is_down(Side::ServiceNow) {
        return Ok(Next::Later);
    }
    if is_elsewhere(ws, state) {
        return follow_route(ws, state).await;
    }
    let Some(incident) = state.incident.clone() else {
        return super::observation::refresh_incident(ws, state).await;
    };
    super::merges::tell_new(ws, state).await?;
    let others = other_links(ws, state).await?;
    if ws.settings().store_app == StoreApp::Adopt
        && others.is_empty()
        && let Some(next) = super::hand_over::find(ws, state).await?
    {
        return Ok(next);
    }
    if let Some(next) = Box::pin(super::joining::join(ws, state, &others)).await? {
        return Ok(next);
    }
    let name = lock_name(state);
    let one_at_a_time = own_key(ws, state) != OwnKey::Honoured;
    let _turn = if one_at_a_time { Some(ws.lock(name).await) } else { None };
    let look = !mutant::is_on(Mutant::ResendCreateBlind);
    let asked = ws.steady();
    if one_at_a_time && look && own_key(ws, state) != OwnKey::Honoured {
        match look_for_record(ws, state, &others).await {
            Ok(Some(record)) => return adopt(ws, state, None, record, (asked, Proof::Reading)).await,
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
            &first_note(&incident, &others),
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
    // The server's own clock had passed this by now, whatever ours says.
    let after = ws.cursor(&ws.desk_cursor()).unwrap_or_default();
    let keyless =
        own_key(ws, state) == OwnKey::Ignored || ws.memory(|m| m.keyless_trials.contains(&state.link.id));
    let kind = IntentKind::CreateRecord { write, targets, entry, after, keyless };
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

fn first_note(incident: &Incident, earlier: &[LinkState]) -> String {
    let mut text =
        format!("Linked to Microsoft Sentinel incident {}.\n{}", incident.number, incident.url.line());
    if let Some(url) = &incident.provider_url {
        text.push_str(&format!("\nDefender portal: {}", url.line()));
    }
    if let Some(record) = earlier.last().filter(|s| went_on(s)).and_then(|s| s.record.as_ref()) {
        let number = escape_line(&record.number);
        text.push_str(&format!("\nThe incident was reopened; what was said before stands in {number}."));
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
    let custom = ws.with_plan(|ctx| {
        let made = |row: &CustomField| (row.clone(), ctx.custom_value(row, incident));
        custom_fields(ctx).map(made).collect::<Vec<_>>()
    });
    for (row, value) in custom {
        // What fails is held by the first plan.
        let Ok(value) = value else { continue };
        if !value.is_empty() {
            values.insert(row.column, value.clone());
        }
        targets.push(Target {
            field: row.field,
            before: String::new(),
            sentinel: value.clone(),
            servicenow: value,
            rule: row.why,
        });
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

/// Looks for a record that carries our correlation id already, and is none of an earlier link of the incident.
pub(super) async fn look_for_record(
    ws: &Ws,
    state: &LinkState,
    others: &[LinkState],
) -> Result<Option<Record>, CallError> {
    let mut found = correlated(ws, state).await?;
    found.retain(|r| !is_earlier(others, r));
    // What a person copied from the record that rests is none that the incident goes on in (seed 2895).
    if others.iter().any(went_on) {
        found.retain(|r| !made_by_others(ws, r));
    }
    // One of ours before a copy that a person made, and then the oldest is the one to keep; more than one is a
    // matter for a person, later.
    found.sort_by_key(|r| (made_by_others(ws, r), r.age_order()));
    if makes_new_ones(ws) {
        // The older ones rest since the latest was made.
        let ours = found.iter().take_while(|r| !made_by_others(ws, r)).count();
        found.drain(..ours.saturating_sub(1));
    }
    Ok(found.into_iter().next())
}

/// Records that carry our correlation id. The client has checked every row.
pub(super) async fn correlated(ws: &Ws, state: &LinkState) -> Result<Vec<Record>, CallError> {
    let call = DeskCall::Records {
        table: state.link.table.clone(),
        shape: ws.shape(),
        query: RecordQuery::Correlation(vec![correlation_id(&ws.key, &state.link.incident)]),
    };
    match ws.read_record_desk(call).await?.value {
        DeskReply::Page(page) => Ok(page.records),
        _ => Ok(Vec::new()),
    }
}

/// True where an incident may have had several records, one after the other.
pub(super) fn makes_new_ones(ws: &Ws) -> bool {
    ws.settings().closed_partner == ClosedPartner::New
}

/// True for a record that another user created than the one we sign in with.
pub(super) fn made_by_others(ws: &Ws, record: &Record) -> bool {
    !record.created_by.is_empty() && !ws.is_own_user(&record.created_by)
}

/// The call that creates the record, under our key unless the instance is known to ignore it, or is tried
/// without.
pub(super) fn create_call(ws: &Ws, state: &LinkState, write: RecordWrite, keyless: bool) -> DeskCall {
    let keyless =
        keyless || own_key(ws, state) == OwnKey::Ignored || mutant::is_on(Mutant::ResendCreateBlind);
    DeskCall::Create {
        table: state.link.table.clone(),
        shape: ws.shape(),
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
    let tried = ws.memory(|m| m.keyless_trials.remove(&state.link.id));
    if !refused || tried || own_key(ws, state) != OwnKey::Untested {
        return Ok(None);
    }
    ws.recovered(Recovery::KeyRefused);
    ws.memory(|m| m.keyless_trials.insert(state.link.id));
    super::failure::release(ws, state, intent, error).await?;
    Ok(Some(Next::Again))
}

/// Finds out whether a create of unknown outcome happened.
pub(super) async fn resolve(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    if mutant::is_on(Mutant::ResendCreateBlind) {
        return resend(ws, state, intent).await;
    }
    let (own, asked) = (own_key(ws, state), ws.steady());
    if own != OwnKey::Ignored {
        let call = DeskCall::Get {
            table: state.link.table.clone(),
            shape: ws.shape(),
            sys_id: state.link.sys_id.clone(),
        };
        match ws.read_record_desk(call).await {
            Ok(answer) => {
                let DeskReply::Record(record) = answer.value else { return Ok(Next::Later) };
                ws.recovered(Recovery::CreateFoundByKey);
                return take_by_key(ws, state, intent, *record, asked).await;
            }
            Err(error) if error.kind == FaultKind::NotFound => {}
            Err(error) if error.is_side_wide() => return Ok(Next::Later),
            Err(error) => return link_failed(ws, state, &error, None).await,
        }
    }
    let settled = is_settled(ws, &intent);
    // One that is not created again may still land; and one that was sent without our key, as a trial or
    // while the instance ignored it, would make a second record beside the one under it.
    let keyless = matches!(intent.kind, IntentKind::CreateRecord { keyless: true, .. });
    if own == OwnKey::Honoured && !keyless && super::link_work::may_send(ws, &state.link) {
        return resend(ws, state, intent).await;
    }
    // A trial without our key is another create: to the letter, this one would be refused for its key again
    // and again, until the link waits for a person (seed 9834202).
    let is_tried = own == OwnKey::Untested && ws.memory(|m| m.keyless_trials.contains(&state.link.id));
    let is_another = if keyless { own == OwnKey::Honoured } else { is_tried };
    // What somebody else created is not what this create may have made, whatever it carries.
    let others = other_links(ws, state).await?;
    let found = look_for_record(ws, state, &others).await.map(|r| r.filter(|r| !made_by_others(ws, r)));
    match found {
        Ok(Some(record)) => {
            ws.recovered(Recovery::CreateFoundByCorrelation);
            adopt(ws, state, Some(intent), record, (asked, Proof::Reading)).await
        }
        // Nothing is made for a link that waits for a person, or whose incident was merged meanwhile.
        Ok(None) if settled && !super::link_work::may_send(ws, &state.link) => {
            let audit = vec![may_exist(ws, state, &state.link.sys_id)];
            let intents = vec![ws.update(&intent, IntentState::Replanned, UNPROVEN.into())];
            ws.save(state, Turn { intents, audit, ..Turn::default() }).await?;
            Ok(Next::Again)
        }
        Ok(None) if settled && is_another => begin_anew(ws, state, &intent).await,
        Ok(None) if settled => resend(ws, state, intent).await,
        Ok(None) => {
            ws.recovered(Recovery::CreateWaits);
            Ok(Next::Later)
        }
        Err(error) if error.is_side_wide() => Ok(Next::Later),
        Err(error) => link_failed(ws, state, &error, None).await,
    }
}

/// A record was found under our key. After a lost store it may be an early one of several, of which the latest is
/// the incident's; and one of an earlier link stays what it is.
async fn take_by_key(
    ws: &Ws,
    state: &mut LinkState,
    intent: Intent,
    record: Record,
    asked: Stamp,
) -> Result<Next, Halt> {
    let others = other_links(ws, state).await?;
    if is_earlier(&others, &record) {
        let mut link = state.link.clone();
        link.ordinal += 1;
        link.sys_id = derived_sys_id(&ws.key, &link.incident, &link.instance, &link.table, link.ordinal);
        let intents = vec![ws.update(&intent, IntentState::Replanned, "made under another key".into())];
        ws.save(state, Turn { link: Some(link), intents, ..Turn::default() }).await?;
        return Ok(Next::Again);
    }
    let mut record = record;
    if makes_new_ones(ws) {
        match look_for_record(ws, state, &others).await {
            Ok(Some(r)) if !made_by_others(ws, &r) && r.age_order() > record.age_order() => record = r,
            Ok(_) => {}
            Err(error) if error.is_side_wide() => return Ok(Next::Later),
            Err(error) => return link_failed(ws, state, &error, None).await,
        }
    }
    adopt(ws, state, Some(intent), record, (asked, Proof::Reading)).await
}

/// The audit row of a create that had no answer, and whose record nobody has seen.
fn may_exist(ws: &Ws, state: &LinkState, sys_id: &SysId) -> AuditDraft {
    ws.audit(state, "unproven", (Some(Side::ServiceNow), "record"), ("", sys_id.as_str()), UNPROVEN)
}

/// The record is not there: the same create is sent again, to the letter, so that whichever attempt
/// lands holds what its bases say (I5). Under our own key that is safe at any time; a refusal as
/// duplicate while nothing can be read means that it is hidden from us.
async fn resend(ws: &Ws, state: &mut LinkState, intent: Intent) -> Result<Next, Halt> {
    ws.recovered(Recovery::CreateResent);
    let mut link = state.link.clone();
    if mutant::is_on(Mutant::FreshSysId) {
        link.ordinal += 1;
        link.sys_id = derived_sys_id(&ws.key, &link.incident, &link.instance, &link.table, link.ordinal);
    }
    let hidden = "the record cannot be created and cannot be read: it may exist and be hidden by an access rule or a domain";
    if intent.attempts >= MOST_ATTEMPTS {
        // None of so many can appear any more once they had their time: then it begins anew.
        if !is_settled(ws, &intent) {
            return Ok(Next::Later);
        }
        return begin_anew(ws, state, &intent).await;
    }
    if link.failures > 3 {
        link.error = hidden.into();
    }
    let mut update = ws.update(&intent, IntentState::InFlight, String::new());
    update.attempts += 1;
    let audit = vec![may_exist(ws, state, &link.sys_id)];
    ws.save(state, Turn { intents: vec![update], audit, link: Some(link), ..Turn::default() }).await?;
    let name = lock_name(state);
    let _turn = if own_key(ws, state) == OwnKey::Honoured { None } else { Some(ws.lock(name).await) };
    super::send::send_open(ws, state).await
}

/// Gives up a create that surely made nothing, in favour of a new one.
async fn begin_anew(ws: &Ws, state: &mut LinkState, intent: &Intent) -> Result<Next, Halt> {
    let update = ws.update(intent, IntentState::Replanned, "not there; created anew".into());
    ws.save(state, Turn { intents: vec![update], ..Turn::default() }).await?;
    Ok(Next::Again)
}

/// Name of the lock under which creates run one at a time.
fn lock_name(state: &LinkState) -> String {
    format!("create:{}:{}", state.link.instance.as_str(), state.link.table.as_str())
}
