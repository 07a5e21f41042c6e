//! What happened to each field of each linked pair, in order, by whom: made from the servers'
//! own histories alone.

use std::collections::{BTreeMap, BTreeSet};

use diptych::model::settings::ClosedPartner;
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel;
use diptych::sandbox::servicenow;
use diptych::sandbox::side::Side;
use diptych::text::Stamp;

use crate::run::Evidence;

/// Whose step it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The sync.
    Sync,
    /// A person, or a service that acts like one.
    Other,
}

/// A field as people know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Severity,
    Status,
    Owner,
    Title,
    Description,
    /// Classification and reason, or close code.
    Closure,
    CloseNotes,
    Labels,
    Correlation,
}

impl Field {
    /// The word by which the audit calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Status => "status",
            Self::Owner => "owner",
            Self::Title => "title",
            Self::Description => "description",
            Self::Closure => "closure",
            Self::CloseNotes => "close_notes",
            Self::Labels => "labels",
            Self::Correlation => "correlation",
        }
    }
}

/// One change of one field of one side.
#[derive(Clone, Debug)]
pub struct Step {
    pub at: Stamp,
    pub side: Side,
    pub who: Who,
    pub field: Field,
    /// Key of the record; empty in Sentinel.
    pub record: String,
    pub before: String,
    pub after: String,
}

/// An entry of a conversation, or its copy.
#[derive(Clone, Debug)]
pub struct Word {
    pub at: Stamp,
    pub side: Side,
    pub who: Who,
    /// Key of the record; empty in Sentinel.
    pub record: String,
    /// Id of the comment; empty in ServiceNow, whose entries never change.
    pub id: String,
    /// Text before, for an edit or a deletion.
    pub before: Option<String>,
    /// Text after; `None` for a deletion.
    pub after: Option<String>,
}

/// Everything about one incident and the record that the sync made for it.
#[derive(Clone, Debug, Default)]
pub struct Pair {
    pub guid: String,
    pub number: i64,
    /// Records in whose place the incident got a new one, and since when.
    pub succeeded: BTreeMap<String, Stamp>,
    /// Every number that it had: one that was deleted and written again by us gets another.
    pub numbers: BTreeSet<i64>,
    /// Records that the sync inserted for it, in order, and those of others that it joined since then.
    pub records: Vec<(Stamp, String)>,
    /// Those of them that it joined.
    pub joined: BTreeSet<String>,
    pub steps: Vec<Step>,
    pub words: Vec<Word>,
    /// When Defender merged it, and into which incident.
    pub merged: Option<(Stamp, String)>,
    /// When a rule of the instance moved its record's state on, because we had assigned it to somebody.
    pub ruled: Vec<Stamp>,
    /// When somebody first deleted one of the two.
    pub deleted: Option<Stamp>,
    /// What became of earlier records once they were told that the incident goes on in a new one.
    pub rested: Vec<Step>,
}

/// What a record is told whose incident goes on in a new one.
pub const GOES_ON: &str = "was reopened. This record stays closed; the incident goes on in a new record.";

impl Pair {
    /// Records that the sync inserted for it.
    pub fn own_records(&self) -> impl Iterator<Item = &(Stamp, String)> {
        self.records.iter().filter(|(_, id)| !self.joined.contains(id))
    }

    /// True when a person wrote another correlation id into its record.
    pub fn is_given_away(&self) -> bool {
        self.given_away().is_some()
    }

    /// When that was done first.
    pub fn given_away(&self) -> Option<Stamp> {
        self.steps_of(Field::Correlation, Side::ServiceNow).find(|s| s.who == Who::Other).map(|s| s.at)
    }

    /// Since when a record rests, because the incident goes on in a new one: since it was told so, or, where it
    /// took no note, since the new one is there (seed 14).
    pub fn rests_since(&self, record: &str) -> Option<Stamp> {
        let told = |w: &&Word| {
            w.record == record
                && w.who == Who::Sync
                && w.after.as_deref().is_some_and(|t| t.contains(GOES_ON))
        };
        let told = self.words.iter().filter(told).map(|w| w.at).max();
        told.or_else(|| self.succeeded.get(record).copied())
    }

    /// What people do with a record whose incident goes on in a new one is nobody's but theirs.
    fn leave_the_earlier(&mut self) {
        self.records.sort();
        let next = |two: &[(Stamp, String)]| (two[0].1.clone(), two[1].0);
        self.succeeded = self.records.windows(2).map(next).collect();
        let rest: BTreeMap<String, Stamp> =
            self.succeeded.keys().filter_map(|id| Some((id.clone(), self.rests_since(id)?))).collect();
        let rests = |record: &str, at: Stamp| rest.get(record).is_some_and(|since| at > *since);
        let (rested, steps) =
            std::mem::take(&mut self.steps).into_iter().partition(|s: &Step| rests(&s.record, s.at));
        (self.rested, self.steps) = (rested, steps);
        self.words.retain(|w| w.who == Who::Sync || !rests(&w.record, w.at));
    }

    /// Steps of a field on a side.
    pub fn steps_of(&self, field: Field, side: Side) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |s| s.field == field && s.side == side)
    }
}

/// Every pair by its incident, in lower case.
pub fn pairs(e: &Evidence) -> BTreeMap<String, Pair> {
    let mut pairs: BTreeMap<String, Pair> = BTreeMap::new();
    add_incidents(e, &mut pairs);
    add_records(e, &mut pairs);
    add_guests(e, &mut pairs);
    for pair in pairs.values_mut() {
        pair.steps.sort_by_key(|s| s.at);
        pair.words.sort_by_key(|w| w.at);
        if e.closed_partner == ClosedPartner::New {
            pair.leave_the_earlier();
        }
    }
    pairs
}

fn add_incidents(e: &Evidence, pairs: &mut BTreeMap<String, Pair>) {
    // Classification and reason are one closure.
    let mut closures: BTreeMap<String, (String, String)> = BTreeMap::new();
    for c in &e.incident_changes {
        let guid = c.guid.to_lowercase();
        let pair = pairs.entry(guid.clone()).or_default();
        pair.guid.clone_from(&guid);
        pair.number = c.number;
        pair.numbers.insert(c.number);
        let who = if matches!(c.actor, sentinel::Actor::App(_)) { Who::Sync } else { Who::Other };
        let (mut before, mut after) =
            (c.before.clone().unwrap_or_default(), c.after.clone().unwrap_or_default());
        let field = match c.field.as_str() {
            "severity" => Field::Severity,
            "status" => Field::Status,
            "owner" => Field::Owner,
            "title" => Field::Title,
            "description" => Field::Description,
            "labels" => Field::Labels,
            "classificationComment" => Field::CloseNotes,
            "classification" | "classificationReason" => {
                let closure = closures.entry(guid).or_default();
                let joined = |c: &(String, String)| {
                    if c.1.is_empty() { c.0.clone() } else { format!("{}-{}", c.0, c.1) }
                };
                before = joined(closure);
                let part = if c.field == "classification" { &mut closure.0 } else { &mut closure.1 };
                *part = after;
                after = joined(closure);
                Field::Closure
            }
            "deleted" => {
                pair.deleted = pair.deleted.or(Some(c.at));
                continue;
            }
            "merged" => {
                pair.merged = Some((c.at, c.item.clone().unwrap_or_default().to_lowercase()));
                continue;
            }
            "comment" => {
                pair.words.push(Word {
                    at: c.at,
                    side: Side::Sentinel,
                    who,
                    record: String::new(),
                    id: c.item.clone().unwrap_or_default(),
                    before: c.before.clone(),
                    after: c.after.clone(),
                });
                continue;
            }
            _ => continue,
        };
        // Both halves of a closure come in one write: they are one step.
        if field == Field::Closure
            && let Some(last) = pair.steps.last_mut()
            && (last.field, last.at, last.who, last.side) == (field, c.at, who, Side::Sentinel)
        {
            last.after = after;
            continue;
        }
        pair.steps.push(Step {
            at: c.at,
            side: Side::Sentinel,
            who,
            field,
            record: String::new(),
            before,
            after,
        });
    }
}

/// State of a record while its history is read.
#[derive(Default)]
struct Open {
    guid: String,
    /// A person made it, as a copy.
    copied: bool,
    impact: String,
    urgency: String,
}

fn add_records(e: &Evidence, pairs: &mut BTreeMap<String, Pair>) {
    let mut open: BTreeMap<String, Open> = BTreeMap::new();
    let inserted: BTreeMap<(&str, Stamp), ()> = e
        .record_changes
        .iter()
        .filter(|c| c.field.is_empty() && c.after == "inserted")
        .map(|c| ((c.sys_id.as_str(), c.at), ()))
        .collect();
    for c in e.record_changes.iter().filter(|c| c.table == e.worlds.dialect.table) {
        let made = e.worlds.dialect.makes(&e.worlds.integration_user, &c.user_name);
        // A record belongs to the incident whose correlation its maker gave it at birth; a copy of the store app's
        // that somebody made, if it is the one that was taken over (seed 9847037).
        let copied = e.worlds.dialect.took_over_from.is_some()
            && e.links.iter().any(|l| l.link.sys_id.as_str() == c.sys_id && l.link.ordinal == 0);
        if c.field == "correlation_id"
            && (made || copied)
            && inserted.contains_key(&(c.sys_id.as_str(), c.at))
            && let Some(guid) = e.worlds.dialect.incident_of(&c.after)
            && !open.contains_key(&c.sys_id)
        {
            let pair = pairs.entry(guid.to_owned()).or_default();
            guid.clone_into(&mut pair.guid);
            pair.records.push((c.at, c.sys_id.clone()));
            open.insert(c.sys_id.clone(), Open { guid: guid.to_owned(), copied: !made, ..Open::default() });
        }
    }
    let assigned: BTreeSet<(&str, u64)> = e
        .record_changes
        .iter()
        .filter(|c| c.field == "assigned_to" && !c.after.is_empty())
        .map(|c| (c.sys_id.as_str(), c.mod_count))
        .collect();
    for c in e.record_changes.iter().filter(|c| c.table == e.worlds.dialect.table) {
        let Some(state) = open.get_mut(&c.sys_id) else { continue };
        let Some(pair) = pairs.get_mut(&state.guid) else { continue };
        if c.field.is_empty() && c.after == "deleted" {
            pair.deleted = Some(pair.deleted.map_or(c.at, |before| before.min(c.at)));
        }
        let ours = c.actor == servicenow::Actor::Api && c.user_name == e.worlds.integration_user;
        let who = if ours { Who::Sync } else { Who::Other };
        // Who is assigned a security incident in its first phase takes it to the second.
        let by_rule = c.field == "state" && (c.before.as_str(), c.after.as_str()) == ("10", "16");
        if by_rule && ours && assigned.contains(&(c.sys_id.as_str(), c.mod_count)) {
            pair.ruled.push(c.at);
            continue;
        }
        let made = ours || e.worlds.dialect.took_over_from == Some(c.user_name.as_str());
        let birth =
            (made || state.copied) && inserted.contains_key(&(c.sys_id.as_str(), c.at)) && c.mod_count == 0;
        let (mut before, mut after) = (c.before.clone(), c.after.clone());
        let field = match c.field.as_str() {
            "impact" | "urgency" => {
                before = format!("{}/{}", state.impact, state.urgency);
                let part = if c.field == "impact" { &mut state.impact } else { &mut state.urgency };
                part.clone_from(&c.after);
                after = format!("{}/{}", state.impact, state.urgency);
                Field::Severity
            }
            "state" => Field::Status,
            "assigned_to" => Field::Owner,
            "short_description" => Field::Title,
            "description" => Field::Description,
            "close_code" => Field::Closure,
            "close_notes" => Field::CloseNotes,
            "correlation_id" => Field::Correlation,
            "comments" if !ours && !e.worlds.dialect.customers => continue,
            "work_notes" | "comments" => {
                pair.words.push(Word {
                    at: c.at,
                    side: Side::ServiceNow,
                    who,
                    record: c.sys_id.clone(),
                    id: String::new(),
                    before: None,
                    after: Some(c.after.clone()),
                });
                continue;
            }
            _ => continue,
        };
        if birth {
            continue;
        }
        if field == Field::Severity
            && let Some(last) = pair.steps.last_mut()
            && (last.field, last.at, last.who, last.side) == (field, c.at, who, Side::ServiceNow)
        {
            last.after = after;
            continue;
        }
        let record = c.sys_id.clone();
        pair.steps.push(Step { at: c.at, side: Side::ServiceNow, who, field, record, before, after });
    }
}

/// Gives every incident that joined the record of another one what was done to that record. Who joined which,
/// and when, the audit tells; whether the record says so, too, `in_step` looks into.
fn add_guests(e: &Evidence, pairs: &mut BTreeMap<String, Pair>) {
    let keys: BTreeMap<&str, &str> =
        e.record_changes.iter().map(|c| (c.number.as_str(), c.sys_id.as_str())).collect();
    for draft in e.audit.iter().flatten().map(|r| &r.draft).filter(|d| d.act == "join") {
        let link = e.links.iter().find(|l| Some(l.link.id) == draft.link);
        let (Some(link), Some(sys_id)) = (link, keys.get(draft.after.as_str())) else { continue };
        let has = |p: &&Pair| p.own_records().any(|(_, id)| id == sys_id);
        let Some(host) = pairs.values().find(has) else { continue };
        let steps: Vec<Step> = host.steps.iter().filter(|s| s.record == *sys_id).cloned().collect();
        let words: Vec<Word> = host.words.iter().filter(|w| w.record == *sys_id).cloned().collect();
        let deleted = |c: &&servicenow::RecordChange| c.sys_id == *sys_id && c.field.is_empty();
        let deleted = e.record_changes.iter().filter(deleted).find(|c| c.after == "deleted").map(|c| c.at);
        let ruled = host.ruled.clone();
        let Some(guest) = pairs.get_mut(link.link.incident.as_str()) else { continue };
        if guest.records.iter().any(|(_, id)| id == sys_id) {
            continue;
        }
        guest.records.push((draft.at, (*sys_id).to_owned()));
        guest.joined.insert((*sys_id).to_owned());
        guest.steps.extend(steps);
        guest.words.extend(words);
        guest.ruled.extend(ruled);
        guest.deleted = [guest.deleted, deleted].into_iter().flatten().min();
    }
}

/// True for the name of somebody who works here.
pub fn is_person(name: &str) -> bool {
    CAST.iter().any(|p| p.name == name)
}
