//! P6: what somebody says on one side arrives on the other exactly once, in order, and never
//! comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use diptych::model::ledger::LinkState;
use diptych::model::{Delivery, Entry};
use diptych::sandbox::sentinel::IncidentFacts;
use diptych::sandbox::side::Side;
use diptych::text::Stamp;

use super::calls::ATTEMPTS;
use super::{Case, Found, has_no_room, held};
use crate::run::USUAL_RATE;
use crate::simulation::{MOST_COMMENTS, Sent, is_full, token};
use crate::timeline::{Pair, Who, Word};
use crate::trick::Excuse;

/// Entries closer together than this have no order that everybody could see: stamps of
/// ServiceNow count whole seconds, by the clocks of nodes that differ by two.
const BLUR: Duration = Duration::from_secs(5);

/// Something somebody said.
struct Said<'a> {
    at: Stamp,
    token: &'a str,
    id: &'a str,
    /// Key of the record; empty in Sentinel.
    record: &'a str,
    /// It took the place of earlier words, and with them their place in the order.
    edit: bool,
    /// It was edited or deleted later, so that its words may never have been seen.
    gone: Option<Stamp>,
}

pub fn check(case: &Case<'_>, found: Found<'_>) {
    let mut homes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for pair in case.pairs.values() {
        for word in pair.words.iter().filter(|w| w.who == Who::Other) {
            if let Some(token) = word.after.as_deref().and_then(token) {
                homes.entry(token).or_default().insert(&pair.guid);
            }
        }
    }
    for pair in case.pairs.values().filter(|p| !p.records.is_empty() && !case.is_the_apps(p)) {
        for side in Side::BOTH {
            if side == Side::ServiceNow && !case.e.worlds.dialect.notes {
                continue;
            }
            one_way(case, pair, side, found);
        }
        twice_in_one(pair, found);
        for word in pair.words.iter().filter(|w| w.who == Who::Sync) {
            let Some(said) = word.after.as_deref().and_then(token) else { continue };
            // A record is told what is said in any of its incidents, and none of those what is said in another.
            let members = case.shared_by(pair).filter(|_| word.side == Side::ServiceNow).map(|s| &s.members);
            let at_home = |home: &&str| **home == *pair.guid || members.is_some_and(|m| m.contains(*home));
            if let Some(home) = homes.get(said).filter(|h| !h.iter().any(at_home)) {
                found("P10", format!("{said}, said about {home:?}, was written to incident {}", pair.number));
            }
        }
    }
}

/// Where several share a comment of Sentinel, each of them is in it once, and stays.
fn twice_in_one(pair: &Pair, found: Found<'_>) {
    let mut said: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for word in pair.words.iter().filter(|w| w.who == Who::Sync && w.side == Side::Sentinel) {
        let Some(after) = word.after.as_deref() else { continue };
        let now: Vec<&str> = after.split("<hr>").filter_map(token).collect();
        let before = said.entry(&word.id).or_default();
        let gone = before.iter().find(|t| !now.contains(t));
        let twice = now.iter().enumerate().find(|(n, t)| now[..*n].contains(t)).map(|(_, t)| t);
        if let Some(token) = gone.or(twice) {
            let text = format!("incident {}: a comment of ours says {token} twice or no longer", pair.number);
            found("P6", text);
        }
        *before = now;
    }
}

/// What a reader of the record needs between its look and what it puts on record of it.
const JOINING: Duration = Duration::from_secs(5);

/// Words that are older than this when something ends their way have been heard.
const HEARD: Duration = Duration::from_secs(3600);

/// True for a run in which words may have waited for any time, because there were too many at once.
fn waited_for_a_person(case: &Case<'_>) -> bool {
    case.e.write_rate.is_some_and(|(limit, _)| limit < USUAL_RATE)
}

/// True for a pair whose link rested until a person had a look: what was edited meanwhile was not read before.
fn waited_for_retry(case: &Case<'_>, pair: &Pair) -> bool {
    let mut rows = case.book.get(&pair.guid).into_iter().flatten();
    rows.any(|r| matches!(r.draft.act.as_str(), "freeze" | "retry"))
        || case.links.get(&pair.guid).is_some_and(|l| !l.link.frozen.is_empty())
}

/// For how long nobody could hear what was said on a side: in outages, while no record could be told to be
/// ours, while the one of the pair was hidden from us (seed 9839143), and while one call after the other was struck
/// so that no pass came through.
fn deaf(case: &Case<'_>, pair: &Pair, side: Side, span: Range<Stamp>) -> Duration {
    let mut all = unheard_on(case, side, &span);
    all.extend(hidden(case, pair).filter(|_| side == Side::ServiceNow));
    covered(all, &span)
}

/// When a record of a pair was hidden from us.
fn hidden<'a>(case: &'a Case<'_>, pair: &'a Pair) -> impl Iterator<Item = Range<Stamp>> + 'a {
    let is_its = |id: &str| pair.records.iter().any(|(_, own)| own == id);
    case.e.hidden.iter().filter(move |(id, _)| is_its(id)).map(|(_, span)| span.clone())
}

/// For how long nothing that was said on a side could be written on the other: no record could be told to be
/// ours, or all writes to that side waited for a person (seed 9803505).
fn unwritten(case: &Case<'_>, pair: &Pair, from: Side, span: Range<Stamp>) -> Duration {
    let mut all = unheard_on(case, Side::ServiceNow, &span);
    all.extend(held_back(case, other(from)));
    all.extend(hidden(case, pair));
    covered(all, &span)
}

fn other(side: Side) -> Side {
    if side == Side::Sentinel { Side::ServiceNow } else { Side::Sentinel }
}

fn unheard_on(case: &Case<'_>, side: Side, span: &Range<Stamp>) -> Vec<Range<Stamp>> {
    let outages = case.e.outages.iter().filter(|(s, _)| *s == side).map(|(_, o)| o.clone());
    outages.chain(without_a_pass(case, side, span)).collect()
}

/// How much of a span others cover together.
fn covered(mut all: Vec<Range<Stamp>>, span: &Range<Stamp>) -> Duration {
    all.sort_by_key(|o| o.start);
    let mut heard = span.start;
    let mut sum = Duration::ZERO;
    for o in all {
        let (start, end) = (o.start.max(heard), o.end.min(span.end));
        sum += end.since(start);
        heard = heard.max(end);
    }
    sum
}

/// While writes to a side waited for a person, because there were too many at once: from when that was put on
/// record until somebody let them through.
fn held_back(case: &Case<'_>, side: Side) -> Vec<Range<Stamp>> {
    if !waited_for_a_person(case) {
        return Vec::new();
    }
    let (mut found, mut since) = (Vec::new(), None);
    for draft in case.e.audit.iter().flatten().map(|r| &r.draft) {
        match draft.act.as_str() {
            "hold" if draft.what == "writes" && draft.side == side.name() => {
                since = since.or(Some(draft.at));
            }
            "let-through" => found.extend(since.take().map(|since| since..draft.at)),
            _ => {}
        }
    }
    found.extend(since.map(|since| since..Stamp(i64::MAX)));
    found
}

/// From one pass that came through to the next, where calls in between were struck.
fn without_a_pass(case: &Case<'_>, side: Side, span: &Range<Stamp>) -> Vec<Range<Stamp>> {
    let mut found = Vec::new();
    let (mut since, mut struck) = (span.start, false);
    for sent in case.e.sent.iter().filter(|s| s.side == Some(side) && span.contains(&s.at)) {
        if sent.pass && !sent.struck && sent.status == Some(200) {
            if struck {
                found.push(since..sent.at);
            }
            (since, struck) = (sent.at, false);
        } else {
            // A list that is closed to us says nothing either.
            struck |= sent.struck || sent.pass && matches!(sent.status, Some(401 | 403));
        }
    }
    if struck {
        found.push(since..span.end);
    }
    found
}

fn one_way(case: &Case<'_>, pair: &Pair, from: Side, found: Found<'_>) {
    let said = said_on(pair, from);
    let apart = super::ended::spans(case, &pair.guid);
    let mut arrived: Vec<(&Said<'_>, Stamp)> = Vec::new();
    for s in &said {
        let copies = copies(pair, from, s.token);
        let there: Vec<&Word> = copies.iter().filter(|w| w.side != from).copied().collect();
        // What was edited away, taken from us, merged or deleted soon after it was said may not have been heard.
        let ended = apart.iter().map(|a| a.start).find(|at| *at >= s.at);
        // What is said on a record that rests from then on may have come too late.
        let rested = pair.rests_since(s.record).filter(|at| *at >= s.at);
        let ended = ended.or(rested);
        let ends = [s.gone, pair.given_away(), pair.deleted, pair.merged.as_ref().map(|(at, _)| *at), ended];
        // Nothing is read for a link that has no record yet (seed 1077).
        let born = pair.records.iter().map(|(at, _)| *at).min();
        // What stood in a record before the incident joined it is no news for it.
        let before = from == Side::ServiceNow && !pair.joined.is_empty();
        let before = before && born.is_some_and(|born| s.at < born.plus(JOINING));
        let since = born.map_or(s.at, |born| s.at.max(born));
        let unheard = |end: Stamp| since.plus(HEARD + deaf(case, pair, from, since..end)) >= end;
        // Nothing is sent to a record that cannot be asked whose it is, nor while a person has to let it through;
        // once one of the two is deleted it is too late for that (seed 9806012).
        let untold = |end: Stamp| since.plus(HEARD + unwritten(case, pair, from, since..end)) >= end;
        // What waits for the other side when a person ends the link is sent no more (seed 52 under the aim of it).
        let unsent = |end: Stamp| {
            let waited = deaf(case, pair, from, since..end) + deaf(case, pair, other(from), since..end);
            since.plus(HEARD + waited) >= end
        };
        let frozen = apart.iter().any(|a| a.contains(&s.at))
            || pair.deleted.is_some() && waited_for_a_person(case)
            || s.gone.is_some() && waited_for_retry(case, pair)
            || from == Side::ServiceNow && was_struck_out(case, pair, s)
            || ends.into_iter().flatten().any(unheard)
            || ended.is_some_and(unsent)
            || [pair.given_away(), pair.deleted].into_iter().flatten().any(untold);
        match there.len() {
            0 | 1 if before => {}
            1 if s.edit => {}
            1 => arrived.push((s, there[0].at)),
            0 if frozen || is_kept(case, pair, from, s.token) || waits_for_a_person(case, pair, s.token) => {}
            n => found(
                "P6",
                format!(
                    "incident {}: {} said in {from} is on the other side {n} times",
                    pair.number, s.token
                ),
            ),
        }
        // A person's note may quote one of ours: what a copy begins with is what it is a copy of.
        let is_copy = |text: &str| text.split("<hr>").any(|part| token(part) == Some(s.token));
        if copies.iter().any(|w| w.side == from && w.after.as_deref().is_some_and(is_copy)) {
            found("P6", format!("incident {}: {} said in {from} came back there", pair.number, s.token));
        }
    }
    let excuse = match from {
        Side::Sentinel => Excuse::OrderToDesk,
        Side::ServiceNow => Excuse::OrderFromDesk,
    };
    if case.e.excuses.contains(&excuse) {
        return;
    }
    arrived.sort_by_key(|(s, _)| s.at);
    for two in arrived.windows(2) {
        let [(first, first_there), (second, second_there)] = two else { continue };
        if first.at.plus(BLUR) < second.at && first_there > second_there {
            found(
                "P6",
                format!(
                    "incident {}: {} was said before {} in {from} and arrived after it",
                    pair.number, first.token, second.token
                ),
            );
        }
    }
}

/// True for words that rested with a person when one of the two was deleted or given away, and that the link
/// keeps still: the last writes of the pair were struck one and all, one of them as often as a write may be sent
/// (P8), and nothing was tried after that (seeds 9801893, 9802738). Fewer will do where these words are among them
/// and Sentinel hardly answered from when they were said until the record was given away (seed 9828595).
fn was_struck_out(case: &Case<'_>, pair: &Pair, said: &Said<'_>) -> bool {
    let ends = [pair.given_away(), pair.deleted];
    let (Some(link), Some(end)) = (case.links.get(&pair.guid), ends.into_iter().flatten().min()) else {
        return false;
    };
    let is_kept = link.entries.iter().any(|e| waits_for_sentinel(e) && e.text.raw().contains(said.token));
    let about = |s: &&Sent| {
        let path = s.path.to_lowercase();
        s.writes
            && s.at < end
            && (path.contains(&pair.guid) || pair.records.iter().any(|(_, id)| path.contains(id.as_str())))
    };
    let mut tries: BTreeMap<&str, u32> = BTreeMap::new();
    let mut was_tried = false;
    for s in case.e.sent.iter().rev().filter(about).take_while(|s| s.struck) {
        *tries.entry(&s.path).or_default() += 1;
        was_tried |= String::from_utf8_lossy(&s.body).contains(said.token);
    }
    let outages = case.e.outages.iter().filter(|(side, _)| *side == Side::Sentinel);
    let out = covered(outages.map(|(_, o)| o.clone()).collect(), &(said.at..end));
    let unreached = was_tried && pair.given_away() == Some(end) && said.at.plus(HEARD + out) >= end;
    is_kept && (unreached || tries.values().any(|n| *n >= ATTEMPTS))
}

/// True for words that a link keeps, because one of the two was deleted and a person is asked: the incident
/// came back, or a rule of the instance had refused the words before. What it had refused rests with a person
/// where the record was given away, too (seed 9805288).
fn waits_for_a_person(case: &Case<'_>, pair: &Pair, token: &str) -> bool {
    let refused = case.e.excuses.contains(&Excuse::OrderToDesk);
    let asked = |l: &&&LinkState| l.link.frozen.contains("came back as") || refused;
    let Some(link) = case.links.get(&pair.guid).filter(asked) else { return false };
    let waits = |d: Delivery| matches!(d, Delivery::Waiting | Delivery::Held);
    let kept = |e: &Entry| waits(e.to_sentinel) || waits(e.to_servicenow);
    let taken = |at: Stamp| link.link.frozen.contains("correlation") && was_refused(case, token, at);
    let ended = pair.deleted.is_some() || pair.given_away().is_some_and(taken);
    ended && link.entries.iter().any(|e| kept(e) && e.text.raw().contains(token))
}

/// True when the instance itself refused these very words before a moment: no fault made the answer up.
fn was_refused(case: &Case<'_>, token: &str, before: Stamp) -> bool {
    let refused = |s: &&Sent| s.writes && !s.struck && s.status == Some(403) && s.at < before;
    let says = |s: &Sent| String::from_utf8_lossy(&s.body).contains(token);
    case.e.sent.iter().filter(refused).any(says)
}

/// True when words could not be sent any more, because the incident was merged meanwhile or has no room
/// for them: the link keeps them and says why.
fn is_kept(case: &Case<'_>, pair: &Pair, from: Side, token: &str) -> bool {
    let Some(link) = case.links.get(&pair.guid) else { return false };
    if pair.merged.is_some() && held(link, token).next().is_some() {
        return true;
    }
    let is_it = |i: &&IncidentFacts| i.guid.eq_ignore_ascii_case(&pair.guid);
    let full = || case.e.worlds.incidents.iter().find(is_it).is_some_and(is_full);
    // Once it is deleted, a retry that a person ordered stays without an answer.
    let was_full = || pair.deleted.is_some() && comments(pair) >= MOST_COMMENTS;
    let waits = || link.entries.iter().any(|e| waits_for_sentinel(e) && e.text.raw().contains(token));
    from == Side::ServiceNow && (full() && has_no_room(link, token) || was_full() && waits())
}

/// How many comments an incident ever had.
fn comments(pair: &Pair) -> usize {
    pair.words.iter().filter(|w| w.side == Side::Sentinel && w.before.is_none()).count()
}

fn waits_for_sentinel(entry: &Entry) -> bool {
    matches!(entry.to_sentinel, Delivery::Waiting | Delivery::Held)
}

/// What people said on a side, with what became of it there.
fn said_on(pair: &Pair, side: Side) -> Vec<Said<'_>> {
    let mut said: Vec<Said<'_>> = Vec::new();
    for word in pair.words.iter().filter(|w| w.side == side && w.who == Who::Other) {
        if word.before.is_some() {
            for old in said.iter_mut().filter(|s| s.id == word.id && s.gone.is_none()) {
                old.gone = Some(word.at);
            }
        }
        if let Some(token) = word.after.as_deref().and_then(token) {
            let edit = word.before.is_some();
            said.push(Said { at: word.at, token, id: &word.id, record: &word.record, edit, gone: None });
        }
    }
    said
}

/// Words of the sync that carry a token: on the other side each entry for itself, on Sentinel
/// each comment once however often it was written.
fn copies<'a>(pair: &'a Pair, from: Side, token: &str) -> Vec<&'a Word> {
    let mut found: Vec<&Word> = Vec::new();
    let carries = |w: &&Word| w.who == Who::Sync && w.after.as_deref().is_some_and(|t| t.contains(token));
    for word in pair.words.iter().filter(carries) {
        let again =
            word.side == Side::Sentinel && found.iter().any(|f| f.side == word.side && f.id == word.id);
        // What is quoted in a title or a closing comment is not what was said.
        let quoted = word.side == Side::ServiceNow
            && from == Side::Sentinel
            && word.after.as_deref().is_some_and(|t| t.contains("changed in Microsoft Sentinel"));
        if !again && !quoted {
            found.push(word);
        }
    }
    found
}
