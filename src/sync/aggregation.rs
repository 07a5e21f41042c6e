//! Several incidents in one record. What people do to the record goes to every one of them; what they do to
//! one incident goes to the record, and not to the others.
//!
//! | of a shared record | is |
//! |---|---|
//! | title, description, custom fields | those of the host, for which it was made |
//! | severity | the highest of its open incidents; what is set in ServiceNow goes to all of them |
//! | status | closed once all of its incidents are; a close in ServiceNow closes all of them |
//! | owner | whoever was named last, on either side |

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::mapping::CustomField;
use crate::model::aggregation::{Aggregation, Part};
use crate::model::link::Conflict;
use crate::model::settings::Policy;
use crate::model::{
    Base, Beside, CommentOrigin, Delivery, Entry, Field, Incident, IncidentId, LinkState, Member, Record,
    Role, Severity, Side, Status, SysId,
};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

use super::PlanContext;
use super::conversation::LINKED;
use super::cross::{Crossed, equivalent, to_servicenow};
use super::custom::custom_fields;
use super::decide::{Verdict, kept, rebase};
use super::evidence::is_listing;
use super::identity::comment_id;
use super::marker::{self, MarkerKeys};
use super::number_label::without_ours;
use super::plan::{Draft, FLAPPING};
use super::tie::wording;
use super::values::{is_closed, sentinel_value, servicenow_value};

/// Origin id of the comment that tells an incident which record it joined.
pub const JOINED: &str = "joined";
/// Origin id of the note that tells a record of a guest.
pub const GUEST: &str = "guest";
/// Why a record's severity is none of this incident's business.
const HIGHEST: &str = "the record shows the highest severity of its open incidents";
/// Why an entry goes nowhere.
pub(super) const SIBLING: &str = "a copy of what was said in another incident of this record";
/// The same of what was said before.
const BEFORE: &str = "there already, from before the incident joined the record";

/// What an incident is, criterion by criterion: two with a key in common belong together. A criterion of which
/// the incident has not every part gives none.
pub fn group_keys(incident: &Incident, aggregation: &Aggregation, label_prefix: &str) -> BTreeSet<String> {
    let incident = without_ours(incident, label_prefix);
    let key = |criterion: &Vec<Part>| {
        let mut parts = criterion.clone();
        if mutant::is_on(Mutant::GroupByFirst) {
            parts.truncate(1);
        }
        parts.sort_unstable();
        parts.dedup();
        let mut hash = Sha256::new();
        for part in parts {
            let values = values(&incident, part);
            if values.is_empty() {
                return None;
            }
            hash.update(part.word());
            for value in values {
                hash.update((value.len() as u64).to_be_bytes());
                hash.update(value);
            }
            hash.update([0xff]);
        }
        let digest = hash.finalize();
        Some(digest.iter().take(8).map(|b| format!("{b:02x}")).collect::<String>())
    };
    let mut keys: BTreeSet<String> =
        aggregation.by.iter().filter(|c| !c.is_empty()).filter_map(key).collect();
    if !aggregation.by.is_empty() {
        // One that is like no other may have joined a record all the same, in an earlier life of the store.
        keys.insert(format!("own-{}", incident.id.as_str()));
    }
    keys
}

/// What an incident has of a part, without its order, case and blanks; of a list, all of it.
fn values(incident: &Incident, part: Part) -> BTreeSet<String> {
    let texts = |of: &[crate::text::UntrustedText]| of.iter().map(|t| t.raw().to_owned()).collect::<Vec<_>>();
    let all = match part {
        Part::Title => vec![incident.title.raw().to_owned()],
        Part::Severity => vec![incident.severity.clone()],
        Part::Owner => vec![incident.owner.key()],
        Part::Labels => texts(&incident.labels),
        Part::Products => texts(&incident.products),
        Part::Tactics => incident.tactics.clone(),
        Part::Techniques => incident.techniques.clone(),
        Part::Rules => incident.rules.clone(),
    };
    let plain = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    all.into_iter().map(plain).filter(|t| !t.is_empty()).collect()
}

/// Why an incident may not join the record of a link; `None` when it may.
pub fn refusal(guest: &Incident, host: &LinkState, ctx: &PlanContext<'_>) -> Option<&'static str> {
    let aggregation = &ctx.workspace.route.aggregate;
    let (Some(theirs), Some(record)) = (&host.incident, &host.record) else {
        return Some("it is not known yet");
    };
    let apart = guest.created.since(theirs.created).max(theirs.created.since(guest.created));
    if is_closed(guest) || guest.is_merged() {
        return Some("the incident is over");
    }
    if !aggregation.within.is_zero() && apart > aggregation.within {
        return Some("they are too far apart");
    }
    if host.members.len() + 1 >= aggregation.most {
        return Some("the record is full");
    }
    let status = servicenow_value(record, &ctx.workspace.route.shape, Field::Status);
    match status.map(|state| ctx.tables.is_closed_state(&ctx.workspace.route.table, &state)) {
        Some(Some(false)) => None,
        _ => Some("the record is not open"),
    }
}

/// What both sides agree on when an incident joins a record: each keeps what it shows, until it changes.
pub fn joined_bases(incident: &Incident, record: &Record, ctx: &PlanContext<'_>, at: Stamp) -> Vec<Base> {
    let shape = &ctx.workspace.route.shape;
    let own = [Field::Severity, Field::Status, Field::Owner, Field::Closure, Field::CloseNotes];
    let base = |field: Field| {
        let theirs = servicenow_value(record, shape, field)?;
        let rule = "as it was when the incident joined the record".to_owned();
        Some(Base { rule, ..Base::agreed(field, sentinel_value(incident, field), theirs, at) })
    };
    own.into_iter().filter_map(base).collect()
}

/// What both agree on beyond that when a guest takes the host's place: the record keeps its words.
pub fn host_bases(incident: &Incident, record: &Record, ctx: &PlanContext<'_>, at: Stamp) -> Vec<Base> {
    let mut bases = wording(incident, record, ctx, at);
    let base = |row: &CustomField| {
        let ours = ctx.custom_value(row, incident).ok()?;
        let theirs = servicenow_value(record, &ctx.workspace.route.shape, row.field)?;
        let detached = ours != theirs && !theirs.is_empty();
        Some(Base { detached, ..Base::agreed(row.field, ours, theirs, at) })
    };
    bases.extend(custom_fields(ctx).filter_map(base));
    bases
}

/// True for the guest that takes the host's place, because there is none any more.
pub fn takes_over(state: &LinkState) -> bool {
    state.link.role == Role::Attached
        && state.beside.iter().all(|b| !b.holds())
        && state.host() == state.link.id
}

fn closed_word(status: &str) -> bool {
    Status::from_word(status) == Some(Status::Closed)
}

fn record_is(draft: &Draft<'_>, closed: bool) -> bool {
    let state = draft.servicenow(Field::Status);
    let table = &draft.ctx.workspace.route.table;
    state.is_some_and(|s| draft.ctx.tables.is_closed_state(table, &s) == Some(closed))
}

/// The other incidents of the record that are open.
fn open_others<'a>(draft: &Draft<'a>) -> impl Iterator<Item = &'a Member> {
    draft.state.members.iter().filter(|m| !closed_word(&m.status))
}

/// The highest severity of the open incidents of a record; of all of them once none is open.
fn highest(draft: &Draft<'_>) -> String {
    let own = (!is_closed(draft.incident), draft.incident.severity.clone());
    let others = draft.state.members.iter().filter(|m| !follows(draft, m));
    let all: Vec<(bool, String)> =
        std::iter::once(own).chain(others.map(|m| (!closed_word(&m.status), m.severity.clone()))).collect();
    let any_open = all.iter().any(|(open, _)| *open);
    let rank = |word: &String| Severity::from_word(word);
    let counted = all.into_iter().filter(|(open, _)| *open || !any_open).map(|(_, severity)| severity);
    counted.max_by_key(rank).unwrap_or_default()
}

/// True for an incident that is still to get what the record shows.
fn follows(draft: &Draft<'_>, member: &Member) -> bool {
    let now = draft.servicenow(Field::Severity);
    member.severity_base.as_ref().is_some_and(|b| Some(&b.servicenow) != now.as_ref())
}

/// What becomes of a verdict on a field that a record shows for all of its incidents.
pub(super) fn of_all(draft: &Draft<'_>, field: Field, verdict: Verdict) -> Verdict {
    // What it shows may still be the severity of one that left (seed 9843991). Of a closed one, nothing is moved
    // because Sentinel forgets another.
    let alone = !draft.state.beside.is_empty() && !record_is(draft, true);
    if !(draft.state.is_shared() || alone) || field != Field::Severity {
        return verdict;
    }
    let toward_record = match &verdict {
        Verdict::Write { to: Side::ServiceNow, .. } => true,
        // Nothing moved here; but the highest one may be another by now.
        Verdict::InStep | Verdict::Rebase { .. } => is_lead(draft) && all_agree(draft),
        _ => false,
    };
    let owned = matches!(draft.ctx.workspace.policies.of(field), Policy::Servicenow | Policy::Off);
    let top = highest(draft);
    if matches!(&verdict, Verdict::Write { to: Side::Sentinel, .. }) && arrived_late(draft, &top) {
        return rebase(HIGHEST);
    }
    let Some(shown) = draft.servicenow(field).filter(|_| toward_record && !owned) else { return verdict };
    let same = matches!(&verdict, Verdict::Write { .. }) && top == draft.incident.severity;
    match equivalent(draft.ctx, field, &top, &shown, draft.incident) {
        _ if same => verdict,
        Ok(true) if matches!(verdict, Verdict::Write { .. }) => rebase(HIGHEST),
        Ok(true) | Err(_) => verdict,
        Ok(false) => match to_servicenow(draft.ctx, field, &top, draft.incident) {
            Crossed::Value { raw, .. } if raw == shown && matches!(verdict, Verdict::Write { .. }) => {
                rebase(HIGHEST)
            }
            Crossed::Value { raw, .. } if raw == shown => verdict,
            Crossed::Value { .. } if draft.flaps(field, Side::ServiceNow) => {
                Verdict::Conflict { why: FLAPPING.into() }
            }
            Crossed::Value { raw, rule } => {
                let tie = matches!(verdict, Verdict::Write { tie: true, .. });
                Verdict::Write { to: Side::ServiceNow, raw, rule: format!("{HIGHEST}; {rule}"), tie }
            }
            Crossed::Held(why) => Verdict::Held(why),
            Crossed::Lookup(keys) => Verdict::Lookup(keys),
        },
    }
}

/// True when the record shows what it was to show for all of its incidents, and seemed to have kept out: that write of
/// ours landed after its answer, and is nobody's change for the one it was written for (seed 9849970).
fn arrived_late(draft: &Draft<'_>, top: &str) -> bool {
    let conflict = draft.state.base(Field::Severity).and_then(|b| b.conflict.as_ref());
    let kept_out = conflict.is_some_and(|c| c.why == kept(Side::ServiceNow));
    let Some(shown) = draft.servicenow(Field::Severity).filter(|_| kept_out) else { return false };
    let wanted = to_servicenow(draft.ctx, Field::Severity, top, draft.incident);
    matches!(wanted, Crossed::Value { raw, .. } if raw == shown)
}

/// True for the link that acts for the record where no single incident does.
fn is_lead(draft: &Draft<'_>) -> bool {
    draft.state.lead() == draft.state.link.id
}

/// True while nothing moved on any side of the severity of the others.
fn all_agree(draft: &Draft<'_>) -> bool {
    let now = draft.servicenow(Field::Severity);
    draft.state.members.iter().filter(|m| !m.frozen).all(|m| {
        m.severity_base.as_ref().is_some_and(|b| {
            b.sentinel == m.severity
                && Some(&b.servicenow) == now.as_ref()
                && b.held.is_empty()
                && b.conflict.as_ref().is_none_or(|c| c.taken.is_some())
        })
    })
}

/// Settles the status of an incident that is closed while its record stays open for others. False where the
/// ordinary verdict holds.
pub(super) fn stays_open(draft: &mut Draft<'_>) -> bool {
    let alone = draft.state.link.group.closed_alone;
    let Some(base) = draft.state.base(Field::Status).cloned() else { return false };
    // Where nothing of it goes to the record anyway, the ordinary verdict says so.
    if matches!(draft.ctx.workspace.policies.of(Field::Status), Policy::Servicenow | Policy::Off) {
        return false;
    }
    // One that a side has moved away from since is decided by what it shows now (seed 9843359).
    let (ours, theirs) = (draft.sentinel(Field::Status), draft.servicenow(Field::Status));
    let stands = |c: &Conflict| c.sentinel == ours && Some(&c.servicenow) == theirs.as_ref();
    let undecided = base.conflict.as_ref().is_some_and(|c| c.taken.is_none() && stands(c));
    if !record_is(draft, false) || undecided || !(draft.state.is_shared() || alone) {
        clear(draft, alone);
        return false;
    }
    // Once it was closed for all, only an explicit reopen opens it: of every one of them. Whoever is closed again, be it
    // in a tie, is so by itself: the record is open for the others (seed 9857220).
    let was_closed = draft.ctx.tables.is_closed_state(&draft.ctx.workspace.route.table, &base.servicenow);
    let to_record = |v: Verdict| matches!(v, Verdict::Write { to: Side::ServiceNow, .. });
    let closes = was_closed == Some(false) || to_record(draft.verdict(Field::Status));
    let open = open_others(draft).count();
    if is_closed(draft.incident) && closes && open > 0 {
        let rule = match open {
            1 => "closed; its record stays open for 1 more incident".to_owned(),
            n => format!("closed; its record stays open for {n} more incidents"),
        };
        if base.sentinel != draft.sentinel(Field::Status)
            || Some(&base.servicenow) != draft.servicenow(Field::Status).as_ref()
        {
            draft.rebase(Field::Status, &rule, false);
        } else {
            draft.clear_stale_marks(Field::Status);
        }
        draft.plan.closed_alone = (!alone).then_some(true);
        super::closing::settle_closing(draft);
        return true;
    }
    if alone && !is_closed(draft.incident) {
        draft.rebase(Field::Status, "reopened; its record was open still", false);
        draft.plan.closed_alone = Some(false);
        super::closing::settle_closing(draft);
        return true;
    }
    false
}

fn clear(draft: &mut Draft<'_>, alone: bool) {
    if alone && record_is(draft, true) {
        draft.plan.closed_alone = Some(false);
    }
}

/// What becomes of the status of a record once the last of its incidents is closed, or left it: whoever had
/// closed alone closes it.
pub(super) fn last_closed(draft: &Draft<'_>, verdict: Verdict) -> Verdict {
    let alone = draft.state.link.group.closed_alone;
    if !alone || !is_closed(draft.incident) || !record_is(draft, false) || open_others(draft).next().is_some()
    {
        return verdict;
    }
    let undecided = matches!(verdict, Verdict::Frozen | Verdict::Held(_) | Verdict::Lookup(_));
    let owned = matches!(draft.ctx.workspace.policies.of(Field::Status), Policy::Servicenow | Policy::Off);
    if undecided || owned {
        return verdict;
    }
    // The one that was closed last has its own words for it.
    let decides = |m: &&Member| {
        !m.frozen && m.status_base.as_ref().is_some_and(|b| b.sentinel != m.status) && !m.closed_alone
    };
    if draft.state.members.iter().any(|m| decides(&m)) {
        return Verdict::InStep;
    }
    match to_servicenow(draft.ctx, Field::Status, Status::Closed.word(), draft.incident) {
        Crossed::Value { raw, rule } => {
            let rule = format!("the last of its incidents is closed; {rule}");
            Verdict::Write { to: Side::ServiceNow, raw, rule, tie: false }
        }
        Crossed::Held(why) => Verdict::Held(why),
        Crossed::Lookup(keys) => Verdict::Lookup(keys),
    }
}

/// True for a field of another incident whose base a write of ours settles. A change of the record that it has not
/// taken yet stays one for it; and a close concerns everybody who is not closed.
pub fn settles(sibling: &LinkState, base: &Base, before: &str, closes: bool) -> bool {
    let closing = matches!(base.field, Field::Status | Field::Closure | Field::CloseNotes);
    let closed = |s: &LinkState| {
        s.incident.as_ref().is_some_and(is_closed)
            && s.base(Field::Status).is_some_and(|b| closed_word(&b.sentinel))
    };
    base.servicenow == before && (!closes || !closing || closed(sibling))
}

/// The bases of a link that lives on beside others: what they made of the record meanwhile is nobody's change for
/// it, while what was done to its incident still goes there. Where one of the two is closed and the other one is
/// not, a person decides, unless it is the incident alone.
pub fn rejoined_bases(state: &LinkState, ctx: &PlanContext<'_>, at: Stamp) -> Vec<Base> {
    let (Some(incident), Some(record)) = (&state.incident, &state.record) else { return Vec::new() };
    if !state.is_shared() {
        return Vec::new();
    }
    let table = &ctx.workspace.route.table;
    let base = |new: Base| {
        let Some(known) = state.base(new.field) else { return new };
        let mut base = settled(known, &new.servicenow, at);
        let over = ctx.tables.is_closed_state(table, &new.servicenow) == Some(true);
        if new.field == Field::Status && over && !is_closed(incident) {
            base.conflict = Some(Conflict {
                sentinel: new.sentinel,
                servicenow: new.servicenow,
                since: at,
                why: "the record was closed while this incident was not kept in step".into(),
                taken: None,
            });
        }
        base
    };
    joined_bases(incident, record, ctx, at).into_iter().map(base).collect()
}

/// The base of a field of another incident once a write of ours through this one stands in their record: it is
/// nobody's change for them.
pub fn settled(base: &Base, servicenow: &str, at: Stamp) -> Base {
    let mut settled = Base { servicenow: servicenow.to_owned(), ..base.clone() };
    settled.servicenow_seen = base.servicenow_seen.settled(at);
    settled.walk = None;
    settled
}

/// Entries that are copies of what was said in another incident of the record: they are theirs.
pub fn siblings_words(state: &LinkState, entries: &[Entry], keys: &MarkerKeys) -> Vec<Entry> {
    let own = |other: &Beside, mark: &str| {
        let says = |id: &str| keys.verifies(mark, &other.incident, CommentOrigin::Sync.word(), id);
        other.markers.contains(mark) || says(LINKED) || says(GUEST) || is_listing(mark, &other.incident, keys)
    };
    let theirs = |entry: &&Entry| {
        entry.origin == CommentOrigin::ServiceNow
            && entry.to_sentinel == Delivery::Held
            && !entry.marker.is_empty()
            && state.beside.iter().any(|b| own(b, &entry.marker))
    };
    let silent = |e: &Entry| Entry { to_sentinel: Delivery::None, reason: SIBLING.into(), ..e.clone() };
    entries.iter().filter(theirs).map(silent).collect()
}

/// The same entries, those that were said until then as ones that stay where they are.
pub fn said_before(entries: Vec<Entry>, until: Stamp) -> Vec<Entry> {
    let quiet = |mut entry: Entry| {
        let waits = matches!(entry.to_sentinel, Delivery::Waiting | Delivery::Held);
        if entry.origin == CommentOrigin::ServiceNow && waits && entry.at <= until && entry.marker.is_empty()
        {
            entry.to_sentinel = Delivery::None;
            entry.reason = BEFORE.into();
        }
        entry
    };
    entries.into_iter().map(quiet).collect()
}

/// What the comment says that tells an incident which record it joined. Should the store be lost, it is by this
/// that the record is found again: it ends with the record's key and our mark for the two.
pub fn joined_text(incident: &IncidentId, record: &Record, host: i64, keys: &MarkerKeys) -> String {
    format!(
        "Added to ServiceNow {}, which was opened for incident {host}: what is done to that record concerns this \
         incident, too.\nRecord {} {}",
        crate::text::escape_line(&record.number),
        record.sys_id.as_str(),
        marker::tail(&keys.make(incident, JOINED, record.sys_id.as_str()))
    )
}

/// True for the id of the comment that tells an incident which record it joined.
pub fn is_joined(incident: &IncidentId, comment: &str) -> bool {
    comment == comment_id(incident, CommentOrigin::Sync.word(), JOINED)
}

/// The record that an incident joined, by that comment.
pub fn joined_record(incident: &IncidentId, text: &str, keys: &MarkerKeys) -> Option<SysId> {
    let mark = marker::find(text)?;
    let before = text.trim_end().strip_suffix(&marker::tail(mark))?;
    let id = SysId::new(before.split_whitespace().next_back()?);
    (id.is_plain() && keys.verifies(mark, incident, JOINED, id.as_str())).then_some(id)
}

#[cfg(test)]
#[path = "aggregation_tests.rs"]
mod tests;
