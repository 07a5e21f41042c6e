//! P8 bounded calls, and every credential to its own origin.

use std::collections::BTreeMap;

use diptych::sandbox::side::Side;

use super::{Case, Found};
use crate::run::QUIET;

/// Times that one and the same write may be sent (sync-engine, invariant I8), each life of the
/// engine counted for itself.
const ATTEMPTS: u32 = 8;

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
    for ((path, _), times) in same.into_iter().filter(|(_, n)| *n > ATTEMPTS + e.kills) {
        found("P8", format!("the same write went to {path} {times} times"));
    }
    let Some(quiet) = e.quiet else { return };
    for side in Side::BOTH {
        let calls =
            e.sent.iter().filter(|s| s.at >= quiet && s.side == Some(side) && s.operation != "token").count()
                as u32;
        // One list a pass; sweeps, deep passes and users, choices and who we are, read hourly,
        // come on top, and each of them may need several pages.
        let rows = (e.worlds.incidents.len() + e.worlds.records.len()) as u32;
        let allowed = QUIET + 2 + (3 + rows) * (1 + QUIET);
        if calls > allowed {
            found("P8", format!("{calls} calls to {side} in {QUIET} quiet passes"));
        }
    }
}
