//! Ties an incident and a record that exist already, because a person ordered it: one transaction, and
//! nothing that stands on either side is written over.

use std::collections::BTreeSet;

use crate::model::call::{SentinelCall, SentinelReply};
use crate::model::ledger::{Ask, AuditDraft, Commit, LinkOrderUpdate, Told};
use crate::model::settings::StoreApp;
use crate::model::view::Level;
use crate::model::{
    Base, CallError, CommandState, Comment, Compared, Entry, EntryId, FaultKind, Likeness, Link, LinkId,
    LinkOrder, LinkState, LinkVerb, Role, Side,
};
use crate::sync::admission::matches_filter;
use crate::sync::conversation::absorb_comments;
use crate::sync::number_label;
use crate::sync::tie::{Pairing, compared, first_bases, refusal, said_until_now};
use crate::text::{Stamp, escape_line};

use super::ctx::{Halt, Ws};
use super::link_work::{Next, look_up};
use super::observation::{get_incident, get_record};

/// In a transaction: the first of its own new links.
const NEW: LinkId = LinkId(-1);
/// Orders that are carried out before everything else has its turn.
const AT_A_TIME: usize = 20;
/// Times that users are looked up for one order.
const LOOKUPS: u32 = 4;

/// What becomes of an order.
enum End {
    /// It waits.
    Later,
    /// It ended so, for this reason.
    Ended(CommandState, String),
    /// Both are tied.
    Tied(Box<Commit>),
}

/// Carries out what was ordered about links, as far as both sides can be asked at this moment. True when there
/// is more of it than everything else should wait for.
pub(super) async fn carry_out(ws: &Ws, dirty: &mut BTreeSet<LinkId>) -> Result<bool, Halt> {
    if ws.memory(|m| m.link_orders.is_empty()) || ws.is_down(Side::Sentinel) || ws.is_down(Side::ServiceNow) {
        return Ok(false);
    }
    // What is compared here has to go by the tables that people were shown it by.
    super::workspace::refresh_mapping(ws).await?;
    let mut orders = ws.memory(|m| std::mem::take(&mut m.link_orders)).into_iter();
    let mut more = true;
    for _ in 0..AT_A_TIME {
        let down = ws.is_down(Side::Sentinel) || ws.is_down(Side::ServiceNow);
        if down || ws.is_stopping() || super::orders::hear(ws).await? {
            more = false;
            break;
        }
        let Some(order) = orders.next() else { break };
        let (state, result, commit) = match Box::pin(tie(ws, &order)).await? {
            End::Later => {
                ws.memory(|m| m.link_orders.push(order));
                more = false;
                break;
            }
            End::Ended(state, why) => {
                let (word, who) = (order.verb.word(), escape_line(&order.who));
                let text = format!("{word} by {who}: {why}");
                let event = ws.event(Level::Warning, None, ws.key.to_string(), text);
                (state, why, Commit { events: vec![event], ..Commit::default() })
            }
            End::Tied(commit) => {
                let said = commit.events.first().map(|e| e.text.clone()).unwrap_or_default();
                (CommandState::Done, said, *commit)
            }
        };
        super::lease::ensure_lease(ws).await?;
        let update = LinkOrderUpdate { id: order.id, state, result };
        dirty.extend(ws.commit(Commit { link_orders: vec![update], ..commit }).await?.links);
    }
    ws.memory(|m| m.link_orders.extend(orders));
    Ok(more && ws.memory(|m| !m.link_orders.is_empty()))
}

/// What is to be committed to tie both sides of an order, or why they are not.
async fn tie(ws: &Ws, order: &LinkOrder) -> Result<End, Halt> {
    let route = &ws.settings().route;
    let refused = |why: String| Ok(End::Ended(CommandState::Refused, why));
    if super::workspace::waits_for_acceptance(ws) {
        return refused("the first-contact plan of the workspace waits: accept it first".into());
    }
    if (&order.instance, &order.table) != (&route.instance, &route.table) {
        return refused(format!(
            "the record is in {} of instance {}, but the route of workspace {} leads to {} of {}",
            order.table.as_str(),
            order.instance,
            ws.key,
            route.table.as_str(),
            route.instance
        ));
    }
    let record = (order.instance.clone(), order.table.clone(), order.sys_id.clone());
    let mut state = LinkState::new(Link::new(ws.key.clone(), order.incident.clone(), record, ws.now().utc));
    state.link.id = NEW;
    let asked = ws.steady();
    match read(ws, &mut state, asked).await {
        Ok(()) => {}
        Err(error) if error.is_side_wide() => return Ok(End::Later),
        Err(error) => return refused(error.to_string()),
    }
    let Told::Links(of_incident) =
        ws.ask(Ask::ByIncident(ws.key.clone(), vec![order.incident.clone()])).await?
    else {
        return Ok(End::Later);
    };
    let claims = Ask::AboutRecord(order.instance.clone(), order.table.clone(), order.sys_id.clone());
    let Told::Links(of_record) = ws.ask(claims).await? else { return Ok(End::Later) };
    let (Some(incident), Some(record)) = (&state.incident, &state.record) else { return Ok(End::Later) };
    let pair =
        Pairing { verb: order.verb, incident, record, of_incident: &of_incident, of_record: &of_record };
    if let Some(why) = ws.with_plan(|ctx| refusal(&pair, ctx)) {
        return refused(why);
    }
    let Some(mut bases) = agreed(ws, &state, order.verb).await? else { return Ok(End::Later) };
    let now = ws.with_plan(|ctx| compared(&state, ctx, &bases));
    if let Some(moved) = moved(&order.shown, &now) {
        let why = format!("{moved} moved since it was shown; look again and repeat it if it is still wanted");
        return Ok(End::Ended(CommandState::Stale, why));
    }
    // Of the same record that was tied before, it is known what it was told, and that its number was shown.
    if let Some(before) = of_incident.iter().rev().find(|s| s.link.sys_id == order.sys_id) {
        state.link.evidence.listed.clone_from(&before.link.evidence.listed);
        bases.extend(number_label::written(&before.bases));
    }
    state.link.ordinal = of_incident.iter().map(|s| s.link.ordinal + 1).max().unwrap_or(0);
    Ok(End::Tied(Box::new(tied(ws, order, state, bases, asked))))
}

/// The fields that are not as they were shown; `None` when all are.
fn moved(shown: &[Compared], now: &[Compared]) -> Option<String> {
    let lost = shown.iter().filter(|c| !now.contains(c));
    let new = now.iter().filter(|c| !shown.contains(c));
    let mut fields: Vec<String> = lost.chain(new).map(|c| c.field.label().to_lowercase()).collect();
    fields.sort();
    fields.dedup();
    (!fields.is_empty()).then(|| escape_line(&fields.join(", ")))
}

/// Reads both sides as they are now, with everything that was said on them.
async fn read(ws: &Ws, state: &mut LinkState, asked: Stamp) -> Result<(), CallError> {
    let of = |error: CallError, what: &str| match error.kind {
        FaultKind::NotFound => CallError { message: format!("{what} is not there any more"), ..error },
        _ => error,
    };
    let incident = get_incident(ws, state).await.map_err(|e| of(e, "the incident"))?;
    let record = get_record(ws, state).await.map_err(|e| of(e, "the record"))?;
    let comments = comments(ws, state).await?;
    let journal = ws.read_journal(vec![state.link.sys_id.clone()], Stamp(0)).await?;
    state.link.in_filter = matches_filter(&incident, &ws.settings().filter);
    state.link.comments_seen = comments.len() as u32;
    (state.incident, state.incident_seen) = (Some(incident), asked);
    (state.record, state.record_seen) = (Some(record), asked);
    let said = absorb_comments(state, &comments, &ws.shared.keys);
    take_up(state, said);
    let noted = ws.absorb_notes(state, &journal);
    take_up(state, noted);
    Ok(())
}

/// Entries are told apart by their numbers, which they get from the store later on: until then by others.
fn take_up(state: &mut LinkState, entries: Vec<Entry>) {
    for mut entry in entries {
        match state.entries.iter_mut().find(|e| e.id == entry.id) {
            Some(known) => *known = entry,
            None => {
                entry.id = EntryId(state.entries.len() as i64 + 1);
                state.entries.push(entry);
            }
        }
    }
}

async fn comments(ws: &Ws, state: &LinkState) -> Result<Vec<Comment>, CallError> {
    let (mut comments, mut next) = (Vec::new(), None);
    loop {
        let call = SentinelCall::Comments(state.link.incident.clone(), next.take());
        let SentinelReply::Comments(page) = ws.read_sentinel(call).await?.value else { break };
        comments.extend(page.comments);
        match page.next {
            Some(link) => next = Some(link),
            None => break,
        }
    }
    comments.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(comments)
}

/// What both sides agree on; `None` when who owns them cannot be looked up at this moment.
async fn agreed(ws: &Ws, state: &LinkState, verb: LinkVerb) -> Result<Option<Vec<Base>>, Halt> {
    for _ in 0..LOOKUPS {
        match ws.with_plan(|ctx| first_bases(state, ctx, verb, ws.steady())) {
            Ok(bases) => return Ok(Some(bases)),
            Err(keys) => {
                if look_up(ws, keys).await? == Next::Later {
                    return Ok(None);
                }
            }
        }
    }
    Ok(None)
}

/// The transaction that ties both sides.
fn tied(ws: &Ws, order: &LinkOrder, state: LinkState, bases: Vec<Base>, asked: Stamp) -> Commit {
    let number = state.record.as_ref().map(|r| escape_line(&r.number)).unwrap_or_default();
    let who = escape_line(&order.who);
    let shown = |l: Likeness| order.shown.iter().filter(|c| c.likeness == l).count();
    let watched = order.verb == LinkVerb::Adopt && ws.settings().store_app == StoreApp::Watch;
    let what = match (order.verb, watched) {
        (LinkVerb::Link, _) => "linked",
        (LinkVerb::Adopt, false) => "taken over from the store app",
        (LinkVerb::Adopt, true) => "found as the store app's, and watched",
    };
    let text = format!(
        "{number} {what} by {who}: {} fields are equal, {} are to be decided, {} are held; nothing that stands on either side is written over",
        shown(Likeness::Equal),
        shown(Likeness::Conflict),
        shown(Likeness::Held)
    );
    let entries: Vec<Entry> = match watched {
        true => state.entries.clone(),
        false => said_until_now(&state, order.verb, &ws.directory()),
    };
    let mut link = Link {
        id: LinkId(0),
        life: crate::model::Life::Live,
        role: if watched { Role::Watched } else { Role::Primary },
        pending: true,
        ..state.link.clone()
    };
    if let Some(incident) = &state.incident {
        match order.verb {
            // What it has at this moment is no news; the record is told once more comes.
            LinkVerb::Link => link.evidence.alerts = incident.alerts_count,
            LinkVerb::Adopt => link.evidence.unread = ws.asks_for_alerts(&link.evidence, incident),
        }
    }
    let audit = AuditDraft {
        who,
        ..ws.audit(&state, order.verb.word(), (None, "link"), ("", &number), "ordered by a person")
    };
    let event = ws.event(Level::Change, None, ws.subject(&state), text);
    Commit {
        new_links: vec![link],
        incidents: state.incident.into_iter().map(|i| (i, asked)).collect(),
        records: state.record.into_iter().map(|r| (order.instance.clone(), r, asked)).collect(),
        bases: if watched { Vec::new() } else { bases.into_iter().map(|b| (NEW, b)).collect() },
        entries: entries.into_iter().map(|e| Entry { id: EntryId(0), ..e }).collect(),
        audit: vec![audit],
        events: vec![event],
        ..Commit::default()
    }
}
