//! P1 for records of several incidents: only incidents that are the same by all fields of a criterion share one,
//! no more than are allowed, and none of a workspace that wants no such records. And what several of them make
//! of one record, judged as one.

use std::collections::{BTreeMap, BTreeSet};

use diptych::model::aggregation::Part;
use diptych::sandbox::side::Side;
use diptych::text::Stamp;

use super::{Case, Found};
use crate::timeline::{Field, Pair, Step, Who};

/// A record that several incidents shared.
pub struct Shared {
    /// All that ever did.
    pub members: BTreeSet<String>,
    /// What was done to the record, and to any of them.
    pub union: Pair,
    /// When what it shows for all of them could become another: one came, or left.
    pub moved: Vec<Stamp>,
}

/// Every one by its record.
pub fn all(pairs: &BTreeMap<String, Pair>) -> BTreeMap<String, Shared> {
    let keys: BTreeSet<&String> = pairs.values().flat_map(|p| &p.joined).collect();
    let of = |key: &String| {
        let has = |p: &&Pair| p.records.iter().any(|(_, id)| id == key);
        let members: Vec<&Pair> = pairs.values().filter(has).collect();
        let host = members.iter().find(|p| !p.joined.contains(key))?;
        let mut union = Pair { guid: key.clone(), number: host.number, ..Pair::default() };
        union.records = host.records.iter().filter(|(_, id)| id == key).cloned().collect();
        union.ruled.clone_from(&host.ruled);
        let of_record = host.steps.iter().filter(|s| s.record == *key);
        let of_incidents = members.iter().flat_map(|p| &p.steps).filter(|s| s.side == Side::Sentinel);
        union.steps = of_record.chain(of_incidents).cloned().collect();
        union.steps.sort_by_key(|s| s.at);
        let of_record = host.words.iter().filter(|w| w.record == *key);
        let of_incidents = members.iter().flat_map(|p| &p.words).filter(|w| w.side == Side::Sentinel);
        union.words = of_record.chain(of_incidents).cloned().collect();
        union.words.sort_by_key(|w| w.at);
        let came = members.iter().flat_map(|p| &p.records).filter(|(_, id)| id == key).map(|(at, _)| *at);
        let left = members.iter().flat_map(|p| [p.deleted, p.merged.as_ref().map(|(at, _)| *at)]).flatten();
        let moved = came.chain(left).collect();
        Some((
            key.clone(),
            Shared { members: members.iter().map(|p| p.guid.clone()).collect(), union, moved },
        ))
    };
    keys.into_iter().filter_map(of).collect()
}

impl Shared {
    /// When somebody did what may make the record show another value of a field.
    pub fn acts(&self, field: Field) -> impl Iterator<Item = Stamp> {
        // Whether an incident is open decides whether its severity counts.
        let counts = move |s: &&Step| {
            s.side == Side::Sentinel
                && (s.who == Who::Other && s.field == field
                    || field == Field::Severity && s.field == Field::Status)
        };
        let moved = self.moved.iter().copied().filter(move |_| field != Field::Owner);
        self.union.steps.iter().filter(counts).map(|s| s.at).chain(moved)
    }
}

pub fn check(case: &Case<'_>, found: Found<'_>) {
    let wanted = &case.e.aggregate;
    for (key, shared) in &case.shared {
        let all: Vec<&Pair> = shared.members.iter().filter_map(|guid| case.pairs.get(guid)).collect();
        if wanted.by.is_empty() {
            found("P1", format!("record {key} was made for {} incidents, which nobody asked for", all.len()));
            continue;
        }
        let most = all.iter().map(|p| present(&all, key, came(p, key))).max().unwrap_or_default();
        if most > wanted.most {
            found("P1", format!("record {key} has {most} incidents, of {} at most", wanted.most));
        }
        let Some(host) = all.iter().find(|p| !p.joined.contains(key)) else { continue };
        for guest in all.iter().filter(|p| p.joined.contains(key)) {
            let same = |part: &Part| match (had(case, host, *part), had(case, guest, *part)) {
                (Some(ours), Some(theirs)) => ours.intersection(&theirs).count() > 0,
                _ => true,
            };
            if !wanted.by.iter().any(|criterion| criterion.iter().all(same)) {
                let text = format!(
                    "incident {} is in the record of {}, and they are not the same",
                    guest.number, host.number
                );
                found("P1", text);
            }
        }
    }
}

/// When the record became an incident's.
fn came(pair: &Pair, key: &str) -> Stamp {
    pair.records.iter().find(|(_, id)| id == key).map_or(Stamp(0), |(at, _)| *at)
}

/// How many incidents a record has at a moment: one that was merged away or deleted leaves its place to another
/// (seed 39).
fn present(all: &[&Pair], key: &str, at: Stamp) -> usize {
    let gone = |p: &Pair| {
        let merged = p.merged.as_ref().map(|(at, _)| *at);
        p.deleted.into_iter().chain(merged).any(|left| left < at)
    };
    all.iter().filter(|p| came(p, key) <= at && !gone(p)).count()
}

/// What an incident ever had of a part: it counts what it was when it was first seen. Of one that was deleted since,
/// no more is known than what changed (seed 587): `None` where nothing did.
fn had(case: &Case<'_>, pair: &Pair, part: Part) -> Option<BTreeSet<String>> {
    let field = match part {
        Part::Title => Field::Title,
        Part::Severity => Field::Severity,
        Part::Labels => Field::Labels,
        other => panic!("the checker does not know {}", other.word()),
    };
    let mut all: BTreeSet<String> = BTreeSet::new();
    for step in pair.steps_of(field, Side::Sentinel) {
        all.extend([step.before.clone(), step.after.clone()]);
    }
    let is_it = |i: &&diptych::sandbox::sentinel::IncidentFacts| i.guid.eq_ignore_ascii_case(&pair.guid);
    all.extend(case.e.worlds.incidents.iter().find(is_it).map(|i| match part {
        Part::Title => i.title.clone(),
        Part::Severity => i.severity.clone(),
        _ => i.labels.join(","),
    }));
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let list = |text: String| {
        let parts: BTreeSet<String> = match part {
            // That one comes with a merge, after which nobody joins (seed 587).
            Part::Labels => {
                let own = |t: &String| !t.is_empty() && t != "redirected";
                text.split(',').map(plain).filter(own).collect()
            }
            _ => BTreeSet::from([plain(&text)]),
        };
        parts.into_iter().collect::<Vec<_>>().join(",")
    };
    let all: BTreeSet<String> = all.into_iter().map(list).filter(|t| !t.is_empty()).collect();
    (!all.is_empty() || pair.deleted.is_none()).then_some(all)
}
