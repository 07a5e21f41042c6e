//! P10 and P6 for links that a person ended: nothing crosses any more and nothing new is made, what was said
//! meanwhile stays where it was said, and each order is carried out and told of by the audit.

use std::ops::Range;
use std::time::Duration;

use diptych::model::CommandState;
use diptych::text::Stamp;

use super::{Case, Found};
use crate::simulation::token;
use crate::timeline::{Pair, Who};

/// Between the order's own transaction and what was handed to a socket before it.
const AT_ONCE: Duration = Duration::from_secs(2);

pub fn check(case: &Case<'_>, found: Found<'_>) {
    for pair in case.pairs.values() {
        for span in spans(case, &pair.guid) {
            nothing_crosses(case, pair, &span, found);
            stays_where_it_was_said(case, pair, &span, found);
        }
    }
    orders(case, found);
}

/// From when until when an incident had no link any more, because a person ended it.
pub fn spans(case: &Case<'_>, guid: &str) -> Vec<Range<Stamp>> {
    let mut spans: Vec<Range<Stamp>> = Vec::new();
    for row in case.book.get(guid).into_iter().flatten() {
        match row.draft.act.as_str() {
            "unlink" => spans.push(row.draft.at..Stamp(i64::MAX)),
            "link" => {
                if let Some(last) = spans.last_mut() {
                    last.end = row.draft.at;
                }
            }
            _ => {}
        }
    }
    spans
}

fn nothing_crosses(case: &Case<'_>, pair: &Pair, span: &Range<Stamp>, found: Found<'_>) {
    let who = format!("incident {}, whose link was ended by hand at {},", pair.number, span.start);
    let apart = span.start.plus(AT_ONCE)..span.end;
    let about = |path: &str| {
        path.to_lowercase().contains(&pair.guid) || pair.records.iter().any(|(_, id)| path.ends_with(id))
    };
    for sent in case.e.sent.iter().filter(|s| s.writes && apart.contains(&s.at) && about(&s.path)) {
        found("P10", format!("{who} was written to: {} {} at {}", sent.method, sent.path, sent.at));
    }
    for (born, id) in pair.records.iter().filter(|(born, _)| apart.contains(born)) {
        found("P1", format!("{who} got another record, {id}, at {born}"));
    }
}

/// What is said while nothing ties the two is no news once somebody ties them again. It is read for that
/// within `lands` of the order's transaction, and what is said meanwhile may cross.
fn stays_where_it_was_said(case: &Case<'_>, pair: &Pair, span: &Range<Stamp>, found: Found<'_>) {
    let until = span.end.minus(case.e.lands);
    let said = pair.words.iter().filter(|w| w.who == Who::Other && w.at > span.start && w.at < until);
    for word in said {
        let Some(said) = word.after.as_deref().and_then(token) else { continue };
        let carries = |text: &Option<String>| {
            let copy = |part: &str| token(part) == Some(said);
            text.as_deref().is_some_and(|t| t.split("<hr>").any(copy))
        };
        let ours = pair.words.iter().filter(|w| w.who == Who::Sync && w.side != word.side);
        if ours.filter(|w| w.at >= span.end).any(|w| carries(&w.after)) {
            let text = format!(
                "incident {}: {said} was said in {} at {}, while its link was ended, and crossed later",
                pair.number, word.side, word.at
            );
            found("P6", text);
        }
    }
}

/// Each order comes to its end, and what was carried out is on record, once.
fn orders(case: &Case<'_>, found: Found<'_>) {
    for order in &case.e.orders {
        let what = if order.tie { "tie" } else { "end the link of" };
        if matches!(order.state, CommandState::Pending | CommandState::Taken) {
            let text = format!("the order of {} to {what} incident {} waits still", order.at, order.guid);
            found("P13", format!("{text}: {}", order.result));
        }
    }
    for guid in case.links.keys() {
        for (act, tie) in [("unlink", false), ("link", true)] {
            let rows = case.book.get(guid).into_iter().flatten().filter(|r| r.draft.act == act).count();
            let done =
                |o: &&crate::order::Order| o.guid == *guid && o.tie == tie && o.state == CommandState::Done;
            let done = case.e.orders.iter().filter(done).count();
            if rows != done {
                found("P12", format!("{done} orders ({act}) about incident {guid}, {rows} in the audit"));
            }
        }
    }
}
