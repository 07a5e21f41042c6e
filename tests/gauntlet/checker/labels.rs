//! The label that shows the number of an incident's record: where it is wanted each linked incident gets its
//! own, once, and who removes it has the last word (P3, P4); where it is not, no label is written at all.

use std::collections::BTreeSet;

use diptych::model::{Life, LinkState, Role};
use diptych::sandbox::side::Side;

use super::{Case, Found};
use crate::timeline::{Field, Pair, Who};

pub fn check(case: &Case<'_>, found: Found<'_>) {
    let Some(prefix) = case.e.number_label else { return };
    for pair in case.pairs.values() {
        let due = due(case, pair, prefix);
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut written: Vec<&str> = Vec::new();
        for step in pair.steps_of(Field::Labels, Side::Sentinel) {
            let before: BTreeSet<&str> = step.before.split(',').collect();
            seen.extend(&before);
            let new = step.after.split(',').filter(|l| !l.is_empty() && !before.contains(l));
            for label in new.filter(|_| step.who == Who::Sync) {
                let who = format!("incident {}: the label {label:?}", pair.number);
                if !due.contains(label) {
                    found("P10", format!("{who} was written, and it has no such record"));
                }
                if seen.contains(label) && rows(case, pair, label, "unproven") == 0 {
                    found("P3", format!("{who} was removed by somebody and written again at {}", step.at));
                }
                written.push(label);
            }
            seen.extend(step.after.split(','));
        }
        for label in &due {
            let writes = written.iter().filter(|l| *l == label).count();
            let told = rows(case, pair, label, "put_incident") + rows(case, pair, label, "unproven");
            if writes > told {
                found(
                    "P12",
                    format!("incident {}: {label} was written and is not in the audit", pair.number),
                );
            }
        }
        missing(case, pair, prefix, &seen, found);
    }
}

/// Labels that the records of an incident give it.
fn due(case: &Case<'_>, pair: &Pair, prefix: &str) -> BTreeSet<String> {
    if prefix.is_empty() {
        return BTreeSet::new();
    }
    let inserted = |id: &str| pair.records.iter().any(|(_, r)| r == id);
    let changes = case.e.record_changes.iter().filter(|c| inserted(&c.sys_id)).map(|c| c.number.clone());
    let linked = case.links.get(&pair.guid).and_then(|l| l.record.as_ref()).map(|r| r.number.clone());
    changes.chain(linked).map(|number| format!("{prefix}{number}")).collect()
}

fn word(label: &str) -> String {
    format!("number-label@{label}")
}

/// Audit rows of that kind about a label.
fn rows(case: &Case<'_>, pair: &Pair, label: &str, act: &str) -> usize {
    let all = case.book.get(&pair.guid).into_iter().flatten();
    all.filter(|r| r.draft.act == act && r.draft.what == word(label)).count()
}

/// Once all is calm each linked incident has had its label, unless Sentinel did not take it.
fn missing(case: &Case<'_>, pair: &Pair, prefix: &str, seen: &BTreeSet<&str>, found: Found<'_>) {
    let Some(link) = case.links.get(&pair.guid).filter(|_| case.e.quiet.is_some()) else { return };
    let there = case.e.worlds.incidents.iter().find(|i| i.guid.eq_ignore_ascii_case(&pair.guid));
    let (Some(incident), Some(record)) = (there, &link.record) else { return };
    let flows = link.link.role == Role::Primary && link.link.life == Life::Live;
    let at_rest = !flows || !link.link.frozen.is_empty() || pair.merged.is_some() || pair.deleted.is_some();
    let label = format!("{prefix}{}", record.number);
    let had = incident.labels.contains(&label) || seen.contains(label.as_str());
    if !prefix.is_empty() && !at_rest && !had && !refused(link, &label) {
        found("P4", format!("incident {} was never given the label {label}", pair.number));
    }
}

fn refused(link: &LinkState, label: &str) -> bool {
    let says = |why: &str| why.contains("refused, and not tried again") || why.contains("made another value");
    link.bases.iter().any(|b| b.field.word() == word(label) && says(&b.rule))
}
