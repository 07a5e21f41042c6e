//! The independent checker: decides P1 to P13 (sync-engine A.3) from what people say they did,
//! from the servers' own histories, and from what left our sockets. It shares no code with the
//! engine's reasoning, and has the tables written out once more. Of the engine it reads what it left
//! behind: the audit, which has to tell of every write and decision, and the links, which have to
//! give a reason for whatever is not in step.
//!
//! | file | properties |
//! |---|---|
//! | `records` | P1 no duplicate, P2 no orphan, P10 no wrong target, P11 no delete |
//! | `ended` | P10, P6 for links that a person ended and pairs that were tied again |
//! | `updates` | P3 no lost update, P5 no echo, P7 close protection |
//! | `partner` | P7 for closes in ServiceNow that outlive a reopening in Sentinel |
//! | `phases` | P5, P4 for states that a table takes only one after the other |
//! | `labels` | P3, P4, P10 for the label that shows a record's number |
//! | `customers` | P10 for what customers see: nothing of ours that nobody meant for them |
//! | `words` | P6 every comment exactly once, in order |
//! | `arrivals` | P4 for titles, descriptions and closing words |
//! | `rest` | P4 convergence, P5 quiescence, P13 liveness |
//! | `calls` | P8 bounded calls, credentials to their own origin |
//! | `related` | P1, P4, P10 and P12 for the rows beside the records |
//! | `surges` | P3 for many at once: no mass change that nobody let through |
//! | `rates` | P3 for writes of any kind: no runaway that nobody let through |
//! | `book` | P12 the audit tells of every write |
//!
//! P9, crash anywhere, is that the others hold in spite of the kills in a script.

mod arrivals;
mod book;
mod calls;
mod custom;
mod customers;
mod ended;
mod labels;
mod merges;
mod partner;
mod phases;
mod rates;
mod records;
mod related;
mod rest;
mod shared;
mod surges;
mod updates;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use diptych::model::ledger::{AuditRow, LinkState};
use diptych::model::link::Conflict;
use diptych::model::{CommentOrigin, Delivery, Entry, Life, LinkId, Role};
use diptych::sandbox::analysts::AnalystEntry;
use diptych::sandbox::sentinel::IncidentFacts;

use self::shared::Shared;
use crate::run::Evidence;
use crate::simulation::{Dialect, Discord, FULL, check_in_step, token};
use crate::timeline::{Field, Pair, pairs};
use crate::trick::Excuse;

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// `P1` to `P13`, or what else went wrong.
    pub property: &'static str,
    /// Where and how.
    pub text: String,
}

impl Violation {
    pub fn new(property: &'static str, text: impl Into<String>) -> Self {
        Self { property, text: text.into() }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.property, self.text)
    }
}

/// What every part of the checker looks at.
pub struct Case<'a> {
    pub e: &'a Evidence,
    pub pairs: BTreeMap<String, Pair>,
    /// Audit rows by incident.
    pub book: BTreeMap<String, Vec<&'a AuditRow>>,
    /// Links by incident.
    pub links: BTreeMap<String, &'a LinkState>,
    /// Records that several incidents shared, by their keys.
    pub shared: BTreeMap<String, Shared>,
}

impl<'a> Case<'a> {
    pub fn new(e: &'a Evidence) -> Self {
        let links: BTreeMap<String, &LinkState> =
            e.links.iter().map(|l| (l.link.incident.as_str().to_owned(), l)).collect();
        let guids: BTreeMap<LinkId, &str> =
            e.links.iter().map(|l| (l.link.id, l.link.incident.as_str())).collect();
        let mut book: BTreeMap<String, Vec<&AuditRow>> = BTreeMap::new();
        for row in e.audit.iter().flatten() {
            if let Some(guid) = row.draft.link.and_then(|id| guids.get(&id)) {
                book.entry((*guid).to_owned()).or_default().push(row);
            }
        }
        let pairs = pairs(e);
        let shared = shared::all(&pairs);
        for (key, shared) in &shared {
            let rows = e.audit.iter().flatten();
            let of_them = |r: &&AuditRow| {
                r.draft.link.and_then(|id| guids.get(&id)).is_some_and(|guid| shared.members.contains(*guid))
            };
            book.insert(key.clone(), rows.filter(of_them).collect());
        }
        Self { e, pairs, book, links, shared }
    }

    /// The incidents with which one shared a record at some time, if it did.
    pub fn shared_by(&self, pair: &Pair) -> Option<&Shared> {
        self.shared.values().find(|s| s.members.contains(&pair.guid))
    }

    /// True for a record of the store app whose incident never entered: it was merged by then, or had lost its
    /// label.
    pub fn is_the_apps(&self, pair: &Pair) -> bool {
        self.e.worlds.dialect.took_over_from.is_some() && !self.links.contains_key(&pair.guid)
    }

    /// Decisions about a field that were put on record.
    pub fn decisions(&self, guid: &str, field: Field) -> impl Iterator<Item = &&AuditRow> {
        let about = move |r: &&&AuditRow| r.draft.act == "decide" && r.draft.what == field.word();
        self.book.get(guid).into_iter().flatten().filter(about)
    }

    /// The same for all incidents of its record: what was decided for one of them, the record shows to the others
    /// (seed 9843844).
    pub fn decisions_of_all(&self, guid: &str, field: Field) -> usize {
        let together = self.shared.values().filter(|s| s.members.contains(guid)).flat_map(|s| &s.members);
        let all: BTreeSet<&str> = together.map(String::as_str).chain([guid]).collect();
        all.into_iter().map(|guid| self.decisions(guid, field).count()).sum()
    }
}

/// Every violation, by its property.
pub fn check(e: &Evidence) -> Vec<Violation> {
    let case = Case::new(e);
    let mut found = BTreeSet::new();
    for part in [
        records::check,
        arrivals::check,
        shared::check,
        related::check,
        custom::check,
        customers::check,
        ended::check,
        labels::check,
        merges::check,
        updates::check,
        partner::check,
        phases::check,
        words::check,
        calls::check,
        book::check,
        surges::check,
        rates::check,
        rest::check,
    ] {
        part(&case, &mut |property, text| {
            found.insert(Violation::new(property, text));
        });
    }
    found.extend(untold(e).map(|a| Violation::new("act", format!("no server remembers: {a}"))));
    found.extend(e.damage.iter().map(|d| Violation::new("store", d.clone())));
    found.into_iter().collect()
}

/// Words that people say they wrote and that no server remembers: then its history is no evidence.
fn untold(e: &Evidence) -> impl Iterator<Item = &AnalystEntry> {
    let incidents = e.incident_changes.iter().filter_map(|c| c.after.as_deref());
    let told: Vec<&str> = incidents.chain(e.record_changes.iter().map(|c| c.after.as_str())).collect();
    // What stands in an incident from its birth is no change of it.
    let later = e.acts.iter().filter(|a| !a.what.starts_with("raised"));
    later.filter(move |a| a.token.as_deref().is_some_and(|t| !told.iter().any(|text| text.contains(t))))
}

/// What a link keeps of words that are not on the other side, each with its reason.
fn held<'a>(link: &'a LinkState, said: &'a str) -> impl Iterator<Item = &'a Entry> {
    let sides = |e: &Entry| [e.to_sentinel, e.to_servicenow].contains(&Delivery::Held);
    link.entries.iter().filter(move |e| sides(e) && !e.reason.is_empty() && e.text.raw().contains(said))
}

/// True for words that a link keeps because their incident has no room for another comment.
fn has_no_room(link: &LinkState, said: &str) -> bool {
    held(link, said).any(|e| e.to_sentinel == Delivery::Held && e.reason.contains("100 comments"))
}

/// A conflict between a record that was found and its incident.
fn is_first_contact(conflict: &Conflict) -> bool {
    conflict.taken.is_none() && conflict.why.starts_with("first contact")
}

/// A conflict that is said to come of rules on both sides.
fn is_flapping(conflict: &Conflict) -> bool {
    conflict.taken.is_none() && conflict.why.contains("to and fro")
}

/// True for what a pair that was tied again does not tell anew. `ended` and `words` look into when it was said.
fn was_said_before(d: &Discord, link: &LinkState) -> bool {
    let before = |said: &str| {
        let reason = "there already, from before the link was made";
        // An edit of what had crossed already is no entry of its own where the whole of it came before.
        let edited = |e: &Entry| e.at < link.link.created && e.origin == CommentOrigin::Sentinel;
        link.entries.iter().any(|e| (e.reason == reason || edited(e)) && e.text.raw().contains(said))
    };
    let said = ["comment", "note"].iter().find_map(|what| d.text.rsplit_once(&format!(": {what} ")));
    match d.what {
        "alerts" => d.text.ends_with("in the journal 0 times"),
        "conversation" | FULL => said.and_then(|(_, rest)| token(rest)).is_some_and(before),
        _ => false,
    }
}

/// True for a link that shares the record of another, and that knows nothing of the deletion of its incident, or knew of
/// it when the record was closed already (seed 9856197): what the record shows is what was agreed on for it.
fn is_unheard_of(d: &Discord, dialect: &Dialect, link: &LinkState, other: &LinkState) -> bool {
    let agreed = |l: &LinkState| {
        let base = l.bases.iter().find(|b| b.field.word() == d.what);
        base.map(|b| b.servicenow.clone())
    };
    let there = d.others.iter().chain([&d.guid]).any(|guid| guid == other.link.incident.as_str());
    let state = link.record.as_ref().and_then(|r| r.value("state")).unwrap_or_default();
    let over = other.link.life == Life::Gone && d.what == "severity" && (dialect.status)(state) == "Closed";
    let counts = over || other.link.life == Life::Live && other.link.frozen.is_empty();
    counts
        && !there
        && other.link.sys_id == link.link.sys_id
        && other.link.role.syncs()
        && agreed(other) == agreed(link)
}

fn carries_other_id(dialect: &Dialect, link: &LinkState) -> bool {
    let carried = link.record.as_ref().and_then(|r| r.value("correlation_id")).unwrap_or_default();
    dialect.incident_of(carried) != Some(link.link.incident.as_str())
}

/// What a part of the checker calls for each violation.
type Found<'a> = &'a mut dyn FnMut(&'static str, String);

/// Discords that count against the algorithm of a run.
pub fn counted(e: &Evidence) -> Vec<Discord> {
    let discords = check_in_step(&e.worlds);
    if e.audit.is_some() {
        return excused(discords, &e.worlds.dialect, &e.excuses, &e.links);
    }
    // Without links nobody can tell which pair a trick hit: it excuses all of them.
    let merged = |guid: &str| {
        let labels = |i: &&IncidentFacts| i.labels.iter().any(|l| l.eq_ignore_ascii_case("redirected"));
        e.worlds.incidents.iter().filter(labels).any(|i| i.guid.eq_ignore_ascii_case(guid))
    };
    let excused = |d: &Discord| {
        let field = matches!(d.what, "severity" | "status" | "owner");
        merged(&d.guid)
            || d.what == FULL
            || d.what == "record" && e.excuses.contains(&Excuse::Correlation)
            || field && e.excuses.contains(&Excuse::DeniedFields)
            || d.what == "severity" && e.excuses.contains(&Excuse::Severity)
    };
    discords.into_iter().filter(|d| !excused(d)).collect()
}

/// Discords that nobody could have avoided are taken out: a rule of the instance that makes another
/// value of ours or refuses it, a record that a person gave away, words that an incident has no room
/// for and that are held for it.
pub fn excused(
    discords: Vec<Discord>,
    dialect: &Dialect,
    excuses: &BTreeSet<Excuse>,
    links: &[LinkState],
) -> Vec<Discord> {
    let excusable = |d: &Discord, guid: &str| {
        // The newest: what a person ended may have been tied again.
        let mut all = links.iter().filter(|l| l.link.incident.as_str() == guid).rev();
        let Some(link) = all.next() else { return false };
        // A record that is gone need not have been told of all of its guests; `rest` looks into whether it is. One of
        // them may have taken its host's place by then (seed 9863702).
        let joined = link.link.group.host.as_ref().is_some_and(|host| *host != link.link.incident);
        if link.link.life == Life::Gone && (link.link.role == Role::Attached || joined) {
            return true;
        }
        // One that was deleted counts until the sync can know: no list tells (seed 9846607).
        if matches!(d.what, "severity" | "status") && links.iter().any(|l| is_unheard_of(d, dialect, link, l))
        {
            return true;
        }
        let tied_again = all.any(|l| l.link.life == Life::Unlinked);
        if link.link.life == Life::Unlinked || tied_again && was_said_before(d, link) {
            return true;
        }
        // A record that was tied by hand although it carries another's id is no longer found by that.
        if tied_again && d.text.ends_with(": no record") && carries_other_id(dialect, link) {
            return excuses.contains(&Excuse::Correlation);
        }
        // A copy of the store app's record that somebody made is found by its key like any other (seed 9847037).
        let is_there = |l: &LinkState| l.record.is_some() && !carries_other_id(dialect, l);
        if dialect.took_over_from.is_some() && d.text.ends_with(": no record") && is_there(link) {
            return excuses.contains(&Excuse::Correlation);
        }
        if d.what == FULL {
            // A title may carry a token as well.
            let said = d.text.rsplit(": note ").next().and_then(token);
            return said.is_some_and(|said| has_no_room(link, said));
        }
        // The link says whose record it is now, and is left alone.
        let given_away = link.link.frozen.contains("correlation");
        let base = link.bases.iter().find(|b| b.field.word().split('@').next() == Some(d.what));
        let remade = base.is_some_and(|b| b.rule.contains("made another value"));
        let kept = base.is_some_and(phases::is_kept);
        let refused = base.is_some_and(|b| b.conflict.as_ref().is_some_and(|c| c.taken.is_none()));
        // Decided by a person, if it may be one at all: `rest` looks into either.
        let first_contact = base.and_then(|b| b.conflict.as_ref()).is_some_and(is_first_contact);
        let flapping = base.and_then(|b| b.conflict.as_ref()).is_some_and(is_flapping);
        // One that says so is looked into by `partner`.
        let apart =
            d.what == "status" && (partner::differs_by_agreement(link) || phases::is_past(dialect, link));
        first_contact
            || flapping
            || apart
            || given_away && excuses.contains(&Excuse::Correlation)
            || (remade || refused || kept) && excuses.contains(&Excuse::DeniedFields)
            || (remade || refused) && d.what == "severity" && excuses.contains(&Excuse::Severity)
    };
    // What a record shows for all of its incidents waits for a person if it does for one of them.
    let any = |d: &Discord| d.others.iter().chain([&d.guid]).any(|guid| excusable(d, guid));
    discords.into_iter().filter(|d| !any(d)).collect()
}
