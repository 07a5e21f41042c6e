//! What happened to the pairs that a violation names, in one list: who changed what on which side, what was
//! said, and what the audit tells of it.

use diptych::sandbox::side::Side;
use diptych::text::{Stamp, fit};

use crate::checker::{Case, Violation};
use crate::timeline::{Pair, Who};

/// Characters of a value that are shown.
const SHOWN: usize = 70;

/// The story of every pair that one of the violations names by its incident or its record.
pub fn tell(case: &Case<'_>, violations: &[Violation]) -> Vec<String> {
    let mut told = Vec::new();
    for pair in case.pairs.values() {
        let incident = format!("incident {}", pair.number);
        let keys: Vec<&str> = pair.records.iter().map(|(_, key)| key.as_str()).collect();
        let numbers = case.e.worlds.records.iter().filter(|r| keys.contains(&r.sys_id.as_str()));
        let mut names: Vec<String> = numbers.map(|r| r.number.clone()).collect();
        names.push(incident.clone());
        let named = |v: &Violation| names.iter().any(|name| is_named(&v.text, name));
        if violations.iter().any(named) {
            told.push(format!("{incident} {} {names:?}", pair.guid));
            told.extend(story(case, pair));
        }
    }
    told
}

/// True where a name stands that no further digit follows.
fn is_named(text: &str, name: &str) -> bool {
    let ends = |(at, _): (usize, &str)| !text[at + name.len()..].starts_with(|c: char| c.is_ascii_digit());
    text.match_indices(name).any(ends)
}

fn story(case: &Case<'_>, pair: &Pair) -> Vec<String> {
    let mut lines: Vec<(Stamp, String)> = Vec::new();
    let by = |who: Who| if who == Who::Sync { "sync" } else { "somebody" };
    for (at, key) in &pair.records {
        lines.push((*at, format!("record {key} made")));
    }
    for s in &pair.steps {
        let (before, after) = (fit(&s.before, SHOWN), fit(&s.after, SHOWN));
        lines.push((s.at, format!("{:?} {} {:?}: {before:?} → {after:?}", s.side, by(s.who), s.field)));
    }
    for w in &pair.words {
        let text =
            |t: &Option<String>| fit(&t.as_deref().unwrap_or("(nothing)").replace('\n', "⏎"), SHOWN * 2);
        let said =
            format!("{:?} {} says {:?} (was {:?})", w.side, by(w.who), text(&w.after), text(&w.before));
        lines.push((w.at, said));
    }
    lines.extend(pair.merged.iter().map(|(at, into)| (*at, format!("merged into {into}"))));
    lines.extend(pair.deleted.iter().map(|at| (*at, "one of the two deleted".to_owned())));
    for row in case.book.get(&pair.guid).into_iter().flatten() {
        let d = &row.draft;
        let (before, after) = (fit(&d.before, SHOWN), fit(&d.after, SHOWN));
        let text = format!("audit: {} {} {} {before:?} → {after:?}: {}", d.act, d.side, d.what, d.why);
        lines.push((d.at, text));
    }
    for (side, span) in &case.e.outages {
        let side: &Side = side;
        lines.push((span.start, format!("{side:?} is not heard until {}", span.end)));
    }
    lines.sort_by_key(|a| a.0);
    let mut told: Vec<String> = lines.into_iter().map(|(at, text)| format!("  {at} {text}")).collect();
    if let Some(state) = case.links.get(&pair.guid) {
        told.push(format!("  link {:?}", state.link));
        told.extend(state.bases.iter().map(|b| format!("  base {b:?}")));
        told.extend(state.entries.iter().map(|e| format!("  entry {e:?}")));
        told.extend(state.intents.iter().map(|i| format!("  intent {i:?}")));
    }
    told
}
