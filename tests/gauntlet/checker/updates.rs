//! P3 no silent lost update (as D26 words it), P5 no echo, P7 close protection.

use std::collections::BTreeMap;
use std::time::Duration;

use diptych::model::ledger::AuditRow;
use diptych::sandbox::side::Side;
use diptych::text::Stamp;

use super::phases::{goes_on, is_on_the_way};
use super::{Case, Found};
use crate::simulation::Sent;
use crate::timeline::{Field, Pair, Step, Who};
use crate::trick::Excuse;

/// Decisions are put on record with the write that they lead to; clocks differ by the way.
pub const NEARBY: Duration = Duration::from_secs(5);

pub fn check(case: &Case<'_>, found: Found<'_>) {
    for pair in case.pairs.values() {
        let owners = case.e.worlds.dialect.owners.then_some(Field::Owner);
        for field in [Field::Severity, Field::Status].into_iter().chain(owners) {
            for side in sides(case, pair) {
                lost(case, pair, field, side, found);
                echoes(case, pair, field, side, found);
            }
            if case.shared_by(pair).is_none() {
                to_and_fro(case, pair, field, TO_AND_FRO, found);
            }
        }
        owned(case, pair, found);
        for field in [Field::Closure, Field::CloseNotes] {
            for side in sides(case, pair) {
                closing(case, pair, field, side, found);
            }
        }
    }
    // What several incidents make of one record is judged as one.
    for shared in case.shared.values() {
        let pair = &shared.union;
        for field in [Field::Severity, Field::Status, Field::Owner] {
            lost(case, pair, field, Side::ServiceNow, found);
            echoes(case, pair, field, Side::ServiceNow, found);
            to_and_fro(case, pair, field, TO_AND_FRO * shared.members.len(), found);
        }
        owned_in_record(case, pair, found);
        for field in [Field::Closure, Field::CloseNotes] {
            closing(case, pair, field, Side::ServiceNow, found);
        }
    }
}

/// The sides of a pair that are judged by itself.
fn sides(case: &Case<'_>, pair: &Pair) -> impl Iterator<Item = Side> {
    let shared = case.shared_by(pair).is_some();
    Side::BOTH.into_iter().filter(move |side| *side == Side::Sentinel || !shared)
}

/// What may become of a record that several incidents share although nobody acted on that very field.
fn acts_of_all(case: &Case<'_>, pair: &Pair, field: Field, side: Side) -> Vec<Stamp> {
    let shared = case.shared.get(&pair.guid).filter(|_| side == Side::ServiceNow);
    shared.map(|s| s.acts(field).collect()).unwrap_or_default()
}

fn other(side: Side) -> Side {
    if side == Side::Sentinel { Side::ServiceNow } else { Side::Sentinel }
}

/// What somebody wrote is replaced by the sync only for a later act of somebody, or by a decision
/// that was put on record.
fn lost(case: &Case<'_>, pair: &Pair, field: Field, side: Side, found: Found<'_>) {
    // Whoever keeps no audit can put no decision on record: acts on both sides within two passes
    // count as a conflict that was decided.
    let blur = if case.e.audit.is_some() { Duration::ZERO } else { case.e.poll * 2 };
    let steps: Vec<&Step> = pair.steps_of(field, side).collect();
    for two in steps.windows(2) {
        let [theirs, ours] = two else { continue };
        if theirs.who == Who::Sync || ours.who != Who::Sync || theirs.record != ours.record {
            continue;
        }
        if unseen(case, pair, theirs) {
            continue;
        }
        // What somebody deleted is another one when it is made again, be it under the same key (seed 9841534).
        let between = |gone: Stamp| gone >= theirs.at && gone <= ours.at;
        if side == Side::ServiceNow && super::records::deleted(case, &ours.record).is_some_and(between) {
            continue;
        }
        let later = pair
            .steps_of(field, other(side))
            .any(|s| s.who == Who::Other && s.at.plus(blur) >= theirs.at && s.at <= ours.at);
        let later =
            later || acts_of_all(case, pair, field, side).iter().any(|at| *at >= theirs.at && *at <= ours.at);
        let ruled = side == Side::Sentinel && field == Field::Status;
        let later = later || ruled && pair.ruled.iter().any(|at| *at >= theirs.at && *at <= ours.at);
        let anytime = case.e.wrong_clock;
        let decided = case
            .decisions(&pair.guid, field)
            .any(|r| anytime || r.draft.at.plus(NEARBY) >= theirs.at && r.draft.at <= ours.at.plus(NEARBY));
        let excused = unproven(case, pair, ours)
            || replaced_unproven(case, pair, &steps, theirs, ours)
            || super::records::asked_at_create(case, pair, theirs)
            || goes_on(case, pair, theirs, ours);
        if !later && !decided && !excused && !crossed(case, pair, theirs, ours) {
            found(
                "P3",
                format!(
                    "incident {}: {} in {side}: somebody's {:?} of {} was replaced by {:?} at {}",
                    pair.number,
                    field.word(),
                    theirs.after,
                    theirs.at,
                    ours.after,
                    ours.at
                ),
            );
        }
    }
}

/// True when it is on record that nobody knows of this write whether it was applied.
fn unproven(case: &Case<'_>, pair: &Pair, ours: &Step) -> bool {
    on_record(case, pair, "unproven", ours)
}

/// True when what somebody replaced was the same value, written by us, of which it is on record that nobody
/// knows whether it was applied: so it is written once more.
fn replaced_unproven(case: &Case<'_>, pair: &Pair, steps: &[&Step], theirs: &Step, ours: &Step) -> bool {
    let before = steps.iter().take_while(|s| !std::ptr::eq(**s, theirs)).last();
    before.is_some_and(|s| s.who == Who::Sync && s.after == ours.after && unproven(case, pair, s))
}

/// True for a write to a record that crossed somebody else's on its way, and was put on record as
/// such: without a compare-and-swap nobody can do more (D26).
pub fn crossed(case: &Case<'_>, pair: &Pair, theirs: &Step, ours: &Step) -> bool {
    let on_its_way = theirs.at.plus(case.e.lands) >= ours.at;
    ours.side == Side::ServiceNow
        && (on_its_way || kept_from_us(case, theirs, ours))
        && on_record(case, pair, "overlap", ours)
}

/// True when a list that should have shown it was faulty, and the record was not looked at by itself.
fn kept_from_us(case: &Case<'_>, theirs: &Step, ours: &Step) -> bool {
    let between =
        |s: &&Sent| s.side == Some(Side::ServiceNow) && !s.writes && s.at >= theirs.at && s.at <= ours.at;
    let mut reads = case.e.sent.iter().filter(between);
    let shown = |s: &Sent| s.status == Some(200) && s.path.ends_with(&theirs.record);
    reads.clone().any(|s| s.struck && s.operation == "query") && !reads.any(shown)
}

/// Longest that it may take to find out what became of a write: nobody may be there to ask.
const FOUND_OUT: Duration = Duration::from_secs(7200);

/// True when an audit row of that kind is about this very write: its side, its field, its time.
pub fn on_record(case: &Case<'_>, pair: &Pair, act: &str, write: &Step) -> bool {
    // What the instance clears when a record is opened again, the write of the state did.
    let field = |what: &str| {
        what == write.field.word()
            || write.after.is_empty()
                && matches!(write.field, Field::Closure | Field::CloseNotes)
                && what == Field::Status.word()
    };
    let late = FOUND_OUT.max(case.e.poll * 12);
    let rewritten = write.field == Field::Severity && case.e.excuses.contains(&Excuse::Severity)
        || case.e.excuses.contains(&Excuse::DeniedFields);
    // A record whose create was never answered is first seen after somebody changed it: what a rule made
    // of our value may pass for that person's, and goes to the other side.
    let about = |r: &&AuditRow| {
        let row = &r.draft;
        let here = row.side.eq_ignore_ascii_case(write.side.name());
        let elsewhere = !here && row.why.contains("the create was lost");
        let before = if elsewhere { late } else { NEARBY };
        let in_time = row.at.plus(before) >= write.at && row.at <= write.at.plus(late);
        // Of another value it says nothing about this one; what a rule made of ours may look otherwise.
        let same = elsewhere || write.after.is_empty() || row.after == write.after || rewritten;
        row.act == act && field(&row.what) && (here || elsewhere) && same && (case.e.wrong_clock || in_time)
    };
    case.book.get(&pair.guid).is_some_and(|rows| rows.iter().any(about))
}

/// True when somebody changed a value and changed it back before the sync had a sound look at it:
/// nobody that reads states can tell that from nothing at all.
pub fn unseen(case: &Case<'_>, pair: &Pair, last: &Step) -> bool {
    let back = |s: &&Step| s.who == Who::Other && s.at <= last.at && s.before == last.after;
    let itself = match last.side {
        Side::Sentinel => pair.guid.as_str(),
        Side::ServiceNow => last.record.as_str(),
    };
    let meanwhile = |from: Stamp, until: Stamp| {
        let reads = case.e.sent.iter().filter(|s| s.side == Some(last.side) && !s.writes);
        reads.filter(move |s| s.at > from && s.at < until)
    };
    let sound = |s: &&Sent| s.pass || s.path.ends_with(itself);
    let disturbed = |s: &Sent| s.struck || s.status != Some(200);
    let looked = |from: Stamp| {
        // Pages of one pass are one look.
        let mut lives: BTreeMap<u32, (usize, Stamp)> = BTreeMap::new();
        for read in meanwhile(from, last.at).filter(sound) {
            let (looks, at) = lives.entry(read.life).or_default();
            if *looks == 0 || read.at >= at.plus(case.e.poll / 2) {
                (*looks, *at) = (*looks + 1, read.at);
            }
        }
        // The last one of each life may not have been kept any more.
        let kept: usize = lives.values().map(|(looks, _)| looks - 1).sum();
        !meanwhile(from, last.at).any(disturbed) && kept >= LOOKS
    };
    // What the sync carried over after a look at it, it had seen; without one it was an earlier value.
    let carried = |from: Stamp| {
        pair.steps_of(last.field, other(last.side)).any(|s| {
            s.who == Who::Sync
                && s.at > from
                && s.at < last.at
                && meanwhile(from, s.at).filter(sound).any(|read| !disturbed(read))
        })
    };
    pair.steps_of(last.field, last.side).filter(back).any(|s| !looked(s.at) && !carried(s.at))
}

/// Looks without a fault in between after which a value must have been seen, besides the last one of
/// each life: one of them may belong to a pass that broke off.
const LOOKS: usize = 2;

/// Each act of somebody causes at most one write of the field on the other side, and none on its
/// own; what is written beyond that is an echo.
fn echoes(case: &Case<'_>, pair: &Pair, field: Field, side: Side, found: Found<'_>) {
    let by = |who: Who, side: Side| pair.steps_of(field, side).filter(move |s| s.who == who);
    // Phases on the way to a state belong to the write that leads to it.
    let writes = by(Who::Sync, side).filter(|s| !is_on_the_way(case, pair, s)).count();
    let ruled = if field == Field::Status && side == Side::Sentinel { pair.ruled.len() } else { 0 };
    let acts = by(Who::Other, other(side)).count() + ruled;
    let acts = acts.max(acts_of_all(case, pair, field, side).len());
    let decided = case.decisions_of_all(&pair.guid, field);
    // A rule of the instance may make another value of ours, and a record is born open.
    let born = usize::from(field == Field::Status && side == Side::ServiceNow);
    // What nobody can tell whether it was applied is written once more.
    let rows = case.book.get(&pair.guid).map(Vec::as_slice).unwrap_or_default();
    // And what a rule made of it in a record that nobody has seen before may pass for a person's.
    let again = rows.iter().filter(|r| r.draft.act == "unproven" && r.draft.what == field.word()).count();
    if writes > acts + decided + born + again {
        found(
            "P5",
            format!(
                "incident {}: {} was written {writes} times in {side} for {acts} acts on the other side and {decided} decisions",
                pair.number,
                field.word()
            ),
        );
    }
}

/// Writes to and fro that nobody lets pass within a quarter of an hour. One or two more than four are
/// written where it is not known that an earlier one was applied.
const TO_AND_FRO: usize = 7;
const QUARTER: Duration = Duration::from_secs(15 * 60);

/// Where rules on both sides keep setting their own values, we do not go on carrying them for ever.
fn to_and_fro(case: &Case<'_>, pair: &Pair, field: Field, most: usize, found: Found<'_>) {
    let turns = turns(pair, field);
    // A write may land late, and a clock may be turned.
    let sure = QUARTER.saturating_sub(case.e.lands + NEARBY);
    let fast = |some: &&[Stamp]| some[some.len() - 1].since(some[0]) <= sure;
    if !case.e.wrong_clock && case.e.audit.is_some() && turns.windows(most).any(|w| fast(&w)) {
        let text = format!("incident {}: {} was sent to and fro without end", pair.number, field.word());
        found("P5", text);
    }
}

/// When the sync wrote a field, each time to the other side than before.
fn turns(pair: &Pair, field: Field) -> Vec<Stamp> {
    let mut writes: Vec<&Step> =
        pair.steps.iter().filter(|s| s.field == field && s.who == Who::Sync).collect();
    writes.sort_by_key(|s| s.at);
    writes.dedup_by_key(|s| s.side);
    writes.iter().map(|s| s.at).collect()
}

/// True when a field of a pair did go to and fro, as a freeze says of it. One of the four writes may be
/// in no history, because somebody had just written the same.
pub fn flapped(pair: &Pair, field: Field) -> bool {
    let ours = |s: &&Step| s.field == field && s.who == Who::Sync;
    let writes: Vec<&Step> = pair.steps.iter().filter(ours).collect();
    writes
        .windows(3)
        .any(|w| w.iter().any(|s| s.side != w[0].side) && w[2].at.since(w[0].at) <= QUARTER + FOUND_OUT)
}

/// Sentinel owns title and description; a hand edit in ServiceNow stays (D23). Labels are nobody's
/// to take away.
fn owned(case: &Case<'_>, pair: &Pair, found: Found<'_>) {
    for field in [Field::Title, Field::Description] {
        if pair.steps_of(field, Side::Sentinel).any(|s| s.who == Who::Sync) {
            found("P3", format!("incident {}: its {} was written", pair.number, field.word()));
        }
    }
    if case.shared_by(pair).is_none() {
        owned_in_record(case, pair, found);
    }
    for step in pair.steps_of(Field::Labels, Side::Sentinel).filter(|s| s.who == Who::Sync) {
        let kept: Vec<&str> = step.after.split(',').collect();
        if step.before.split(',').any(|l| !l.is_empty() && !kept.contains(&l)) {
            found(
                "P3",
                format!("incident {}: labels {:?} became {:?}", pair.number, step.before, step.after),
            );
        }
    }
}

/// What somebody typed over in a record stays.
fn owned_in_record(case: &Case<'_>, pair: &Pair, found: Found<'_>) {
    for field in [Field::Title, Field::Description] {
        let steps: Vec<&Step> = pair.steps_of(field, Side::ServiceNow).collect();
        let by_hand = steps.windows(2).any(|t| {
            t[0].who == Who::Other
                && t[1].who == Who::Sync
                && t[0].record == t[1].record
                && !unproven(case, pair, t[1])
                && !crossed(case, pair, t[0], t[1])
        });
        if by_hand {
            found("P3", format!("incident {}: a {} edited by hand was replaced", pair.number, field.word()));
        }
    }
}

/// Closing words of a person are never replaced, unless somebody reopened in between.
fn closing(case: &Case<'_>, pair: &Pair, field: Field, side: Side, found: Found<'_>) {
    let is_closed = |side, value: &str| case.e.worlds.dialect.is_closed(side, value);
    let steps: Vec<&Step> = pair.steps_of(field, side).collect();
    for two in steps.windows(2) {
        let [theirs, ours] = two else { continue };
        let same = theirs.record == ours.record;
        if theirs.who == Who::Sync || ours.who != Who::Sync || theirs.after.is_empty() || !same {
            continue;
        }
        // The instance clears them when a record is opened again: no words replaced them.
        if case.e.audit.is_none() && ours.after.is_empty() {
            continue;
        }
        // An instance clears them when it opens a record again. Somebody may have asked for that
        // shortly before these words were written.
        let cleared = side == Side::ServiceNow && ours.after.is_empty();
        let early = if cleared { case.e.poll * 2 + Duration::from_secs(300) } else { Duration::ZERO };
        // And what is said on a side that is not heard nobody knows before it is over (seed 9857585).
        let heard = |s: &Step| {
            let outages =
                case.e.outages.iter().filter(|(side, span)| *side == s.side && span.contains(&s.at));
            outages.map(|(_, span)| span.end).fold(s.at, Stamp::max)
        };
        let reopened = pair.steps.iter().any(|s| {
            let known = if cleared { heard(s) } else { s.at };
            s.field == Field::Status
                && s.who == Who::Other
                && known.plus(early) >= theirs.at
                && s.at <= ours.at
                && is_closed(s.side, &s.before)
                && !is_closed(s.side, &s.after)
        });
        // The request to open it, sent before them, may have landed after them (seed 9702353).
        let opened = pair.steps_of(Field::Status, side).find(|s| {
            s.who == Who::Sync && s.at == ours.at && s.record == ours.record && is_closed(side, &s.before)
        });
        let on_its_way = theirs.at.plus(case.e.lands) >= ours.at;
        let late = cleared && on_its_way && opened.is_some_and(|s| unproven(case, pair, s));
        if !reopened && !late && !crossed(case, pair, theirs, ours) && !unseen(case, pair, theirs) {
            found(
                "P7",
                format!(
                    "incident {}: {} {:?} written by hand in {side} was replaced by {:?}",
                    pair.number,
                    field.word(),
                    theirs.after,
                    ours.after
                ),
            );
        }
    }
}
