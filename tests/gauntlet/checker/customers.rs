//! P10 for what customers see: nothing of ours is in the column `comments` but words of a person in Sentinel
//! that were meant for the customer by their first line, and those only where that is wanted.

use diptych::model::settings::CustomerComments;
use diptych::sandbox::servicenow::Actor;
use diptych::sandbox::side::Side;

use super::{Case, Found};
use crate::simulation::{CUSTOMER_WORD, token};
use crate::timeline::Who;

pub fn check(case: &Case<'_>, found: Found<'_>) {
    if case.e.audit.is_none() {
        // A published algorithm, which has rules of its own.
        return;
    }
    let wanted = case.e.customer_comments == CustomerComments::Both;
    let said = case.pairs.values().flat_map(|p| &p.words);
    let theirs = said.filter(|w| w.side == Side::Sentinel && w.who == Who::Other);
    let all: Vec<&str> = theirs.filter_map(|w| w.after.as_deref()).collect();
    let meant: Vec<&str> = all.iter().filter(|t| is_meant(t)).filter_map(|t| token(t)).collect();
    for change in case.e.record_changes.iter().filter(|c| c.actor == Actor::Api) {
        if change.user_name != case.e.worlds.integration_user {
            continue;
        }
        let carried = token(&change.after).filter(|t| meant.contains(t));
        match change.field.as_str() {
            "comments" if !wanted || carried.is_none() => {
                found("P10", format!("record {}: customers were shown {:?}", change.number, change.after))
            }
            "work_notes" if wanted && carried.is_some() => found(
                "P6",
                format!("record {}: {:?} was meant for the customer", change.number, change.after),
            ),
            _ => {}
        }
    }
}

fn is_meant(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.trim() == CUSTOMER_WORD)
}
