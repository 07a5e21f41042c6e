//! P6 for what nobody said: that Defender merged an incident into another one is told once on both records,
//! along chains of merges, too; and a redirect closes no record of ours.

use diptych::model::settings::ClosedPartner;
use diptych::model::{Delivery, Entry, LinkState};
use diptych::sandbox::servicenow::RecordFacts;
use diptych::sandbox::side::Side;
use diptych::text::Stamp;

use super::{Case, Found};
use crate::timeline::{Field, Pair, Step, Who};
use crate::trick::Excuse;

const INTO: &str = "Microsoft Defender merged this incident into ";
const FROM: &str = "Microsoft Defender merged incident ";

pub fn check(case: &Case<'_>, found: Found<'_>) {
    if case.e.audit.is_none() {
        // A published algorithm, which has no such words.
        return;
    }
    for pair in case.pairs.values() {
        let Some((at, _)) = &pair.merged else { continue };
        // Others may close a record that they share with it.
        if case.shared_by(pair).is_none() {
            not_closed(case, pair, *at, found);
        }
        let before = current(case, pair).is_some_and(|(made, _)| made < at);
        let Some(record) = told(case, pair).filter(|_| before) else { continue };
        let chain = chain(case, pair);
        let notes = ours(case, record, INTO);
        let says = |note: &str| number(note, "into incident ");
        let Some(last) = notes.last() else {
            found("P6", format!("incident {} was merged, and its record does not say so", pair.number));
            continue;
        };
        let several = case.shared_by(pair).is_some();
        if !several
            && notes
                .iter()
                .enumerate()
                .any(|(n, note)| notes[..n].iter().any(|other| says(other) == says(note)))
        {
            found("P6", format!("incident {}: its record says twice where it was merged", pair.number));
        }
        // A chain can be followed over incidents that have records.
        let all = chain.iter().rev().skip(1).all(|p| told(case, p).is_some());
        let any_order = case.e.excuses.contains(&Excuse::OrderToDesk);
        let good = match chain.last().filter(|_| all) {
            Some(end) if any_order || several => notes.iter().any(|note| is_of(says(note), end)),
            Some(end) => is_of(says(last), end),
            None if several => notes.iter().any(|note| chain.iter().any(|p| is_of(says(note), p))),
            None => chain.iter().any(|p| is_of(says(last), p)),
        };
        if !good {
            found("P6", format!("incident {}: the last word on its merge is {last:?}", pair.number));
        }
        survivors(case, pair, &chain, *at, found);
    }
}

/// Somebody has to have closed the incident before it was merged, for us to close its record later.
fn not_closed(case: &Case<'_>, pair: &Pair, at: Stamp, found: Found<'_>) {
    let closed_before =
        pair.steps_of(Field::Status, Side::Sentinel).any(|s| s.at < at && s.after == "Closed");
    let is_closed = |state: &str| (case.e.worlds.dialect.status)(state) == "Closed";
    let by_us = |s: &&Step| s.who == Who::Sync && s.at > at && is_closed(&s.after);
    if !closed_before && pair.steps_of(Field::Status, Side::ServiceNow).any(|s| by_us(&s)) {
        found("P7", format!("incident {} was merged, and its record was closed for it", pair.number));
    }
}

/// One of the records along the chain says that the incident came to it.
fn survivors(case: &Case<'_>, pair: &Pair, chain: &[&Pair], at: Stamp, found: Found<'_>) {
    // One that got its record only afterwards was named by its number.
    let older = |p: &&&Pair| current(case, p).is_some_and(|(made, _)| made < &at);
    let Some(first) = chain.first().filter(older).and_then(|p| told(case, p)) else { return };
    let words = |record: &RecordFacts| -> Vec<String> { ours(case, record, FROM) };
    let names = |note: &String| note.split("ncident ").skip(1).any(|rest| is_of(digits(rest), pair));
    let records: Vec<&RecordFacts> = chain.iter().filter_map(|p| told(case, p)).collect();
    // On the way to the end of a chain it is said once, be that record somebody else's by now, or its link one
    // that waits for a person and keeps the words.
    let there = |p: &&Pair| p.records.iter().filter_map(|(_, id)| record(case, id)).collect::<Vec<_>>();
    let kept = |p: &&Pair| {
        let is_key = |id: &str| id.strip_prefix("merged-from:").is_some_and(|n| is_of(digits(n), pair));
        let waits = |e: &Entry| matches!(e.to_servicenow, Delivery::Waiting | Delivery::Held);
        let resting = case.links.get(&p.guid).filter(|l| !l.link.frozen.is_empty());
        resting.is_some_and(|l| l.entries.iter().any(|e| is_key(&e.origin_id) && waits(e)))
    };
    // What was said on a record that somebody deleted since stands in its history alone (seed 9806402).
    let was_said = |p: &&Pair| {
        let ours = p.words.iter().filter(|w| w.side == Side::ServiceNow && w.who == Who::Sync);
        let mut notes = ours.filter_map(|w| w.after.as_ref()).filter(|text| text.starts_with(FROM));
        there(p).is_empty() && notes.any(names)
    };
    let stands = |p: &&Pair| there(p).into_iter().any(|r| words(r).iter().any(names));
    let is_said = |p: &&Pair| stands(p) || was_said(p) || kept(p);
    if !chain.iter().any(is_said) {
        found("P6", format!("record {} does not say that incident {} came to it", first.number, pair.number));
    }
    for record in records {
        let own = words(record).into_iter().filter(|n| is_of(number(n, "merged incident "), pair));
        if own.count() > 1 {
            found("P6", format!("record {} says twice that incident {} came", record.number, pair.number));
        }
    }
}

/// Where an incident went, one merge after the other.
fn chain<'a>(case: &'a Case<'_>, pair: &Pair) -> Vec<&'a Pair> {
    let mut way: Vec<&Pair> = Vec::new();
    let mut next = pair.merged.as_ref().map(|(_, into)| into);
    while let Some(there) = next.and_then(|guid| case.pairs.get(guid)) {
        way.push(there);
        next = there.merged.as_ref().map(|(_, into)| into);
    }
    way
}

/// The record of an incident on which something can be said: it is there, and ours.
fn told<'a>(case: &'a Case<'_>, pair: &Pair) -> Option<&'a RecordFacts> {
    let (_, sys_id) = current(case, pair)?;
    let rests = case.links.get(&pair.guid).is_none_or(|l| !l.link.frozen.is_empty());
    // A closed one was told that the incident goes on in another, which was not there yet (seed 9843973).
    let is_this = |l: &&&LinkState| l.link.sys_id.as_str() == sys_id;
    let went_on =
        case.e.closed_partner == ClosedPartner::New && case.links.get(&pair.guid).filter(is_this).is_none();
    let ended = !super::ended::spans(case, &pair.guid).is_empty();
    if rests || went_on || ended || pair.deleted.is_some() || pair.is_given_away() {
        return None;
    }
    record(case, sys_id)
}

/// The record of an incident: the latest where it goes on in new ones (seed 930).
fn current<'a>(case: &Case<'_>, pair: &'a Pair) -> Option<&'a (Stamp, String)> {
    match case.e.closed_partner {
        ClosedPartner::New => pair.records.last(),
        _ => pair.records.first(),
    }
}

fn record<'a>(case: &'a Case<'_>, sys_id: &str) -> Option<&'a RecordFacts> {
    case.e.worlds.records.iter().find(|r| r.sys_id == sys_id)
}

/// Our own notes that begin with these words.
fn ours(case: &Case<'_>, record: &RecordFacts, begin: &str) -> Vec<String> {
    let notes = record.journal.iter().filter(|j| j.created_by == case.e.worlds.integration_user);
    notes.filter(|j| j.value.starts_with(begin)).map(|j| j.value.clone()).collect()
}

/// True for a number under which the incident was known at some time.
fn is_of(number: Option<i64>, pair: &Pair) -> bool {
    number.is_some_and(|n| pair.numbers.contains(&n))
}

/// The number behind these words.
fn number(text: &str, before: &str) -> Option<i64> {
    digits(text.split(before).nth(1)?)
}

fn digits(text: &str) -> Option<i64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}
