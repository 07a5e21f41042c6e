//! P8 bounded calls, and every credential to its own origin.

use std::collections::BTreeMap;
use std::time::Duration;

use diptych::model::Life;
use diptych::sandbox::side::Side;
use diptych::text::Stamp;

use super::{Case, Found};
use crate::run::QUIET;
use crate::simulation::Sent;

/// Times that one and the same write may be sent (sync-engine, invariant I8), each life of the
/// engine counted for itself.
pub const ATTEMPTS: u32 = 8;

/// Longest that an answer is under way when no fault delays it.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// Whoever was asked to leave a server alone for a while does so, each life for itself: a sign-in
/// and the service behind it count by themselves.
fn impatient(case: &Case<'_>, found: Found<'_>) {
    let mut pauses: BTreeMap<(u32, Side, bool), (Stamp, Stamp)> = BTreeMap::new();
    for sent in &case.e.sent {
        let Some(side) = sent.side else { continue };
        let (from, until) = pauses.entry((sent.life, side, sent.operation == "token")).or_default();
        if *from < sent.at && sent.at < *until {
            found("P8", format!("a request to {side} at {}, which asked for no more until {until}", sent.at));
        }
        if let Some(asked) = sent.asks {
            // What was on its way already could not know.
            *from = sent.at.plus(ON_ITS_WAY);
            *until = (*until).max(sent.at.plus(asked));
        }
    }
}

/// Users and choices of the sandbox's instance, and room for more.
const DIRECTORY: u32 = 80;

pub fn check(case: &Case<'_>, found: Found<'_>) {
    let e = case.e;
    for sent in e.sent.iter().filter(|s| s.side.is_none()) {
        let with = if sent.authorized { "with a credential" } else { "without a credential" };
        found("I12", format!("a request went to {} {with}", sent.origin));
    }
    let mut same: BTreeMap<(&str, &[u8]), u32> = BTreeMap::new();
    for sent in e.sent.iter().filter(|s| s.writes) {
        *same.entry((&sent.path, &sent.body)).or_default() += 1;
    }
    // Once more as often, when somebody asked for it in the end.
    for ((path, _), times) in same.into_iter().filter(|(_, n)| *n > 2 * ATTEMPTS + e.kills) {
        found("P8", format!("the same write went to {path} {times} times"));
    }
    impatient(case, found);
    let Some(quiet) = &e.quiet else { return };
    for side in Side::BOTH {
        let in_quiet = |s: &&Sent| quiet.contains(&s.at) && s.side == Some(side) && s.operation != "token";
        let calls = e.sent.iter().filter(in_quiet).count() as u32;
        // One list a pass, of as many pages as it needs at most; a full sweep lists everything once
        // more and may look at each; users, choices and who we are are read hourly.
        let rows = (e.worlds.incidents.len() + e.worlds.records.len()) as u32;
        let (pages, span) = (1 + rows / e.page, e.poll * QUIET);
        let sweeps = 1 + span.as_secs() as u32 / e.sweep.as_secs().max(1) as u32;
        let hours = 2 + span.as_secs() as u32 / 3600;
        // What is gone is looked for with each deep pass, every five minutes.
        let gone = side == Side::ServiceNow && case.links.values().any(|l| l.link.life == Life::Gone);
        let sought = if gone { 2 + span.as_secs() as u32 / 300 } else { 0 };
        // Records that carry no group of ours are listed by their keys (D14).
        let apart = e.worlds.dialect.took_over_from.is_some() && side == Side::ServiceNow;
        let lists = if apart { 2 } else { 1 };
        let allowed =
            (QUIET + 2) * pages * lists + sweeps * (pages + rows) + hours * (3 + DIRECTORY / e.page) + sought;
        if calls > allowed {
            found("P8", format!("{calls} calls to {side} in {QUIET} quiet passes"));
        }
    }
}
