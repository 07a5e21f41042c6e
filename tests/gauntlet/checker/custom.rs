//! What a person types into a custom field stays (D23). That the others show what their rows say is part
//! of being in step.

use std::collections::BTreeMap;

use diptych::sandbox::servicenow::RecordChange;

use super::{Case, Found};
use crate::simulation::USER;
use crate::simulation::custom::{BY_HAND, FOLLOWS, ONCE, is_typed};

pub fn check(case: &Case<'_>, found: Found<'_>) {
    for record in case.e.worlds.records.iter().filter(|r| is_typed(r)) {
        let shown = record.fields.get(FOLLOWS).map(String::as_str).unwrap_or_default();
        let Some(guid) = case.e.worlds.dialect.incident_of(&record.fields["correlation_id"]) else {
            continue;
        };
        // Typed within the round trip of a write of ours: reported, with its evidence (D26).
        let reported = case.book.get(guid).into_iter().flatten().any(|row| {
            matches!(row.draft.act.as_str(), "overlap" | "unproven") && row.draft.what.starts_with(FOLLOWS)
        });
        if !shown.starts_with(BY_HAND) && !reported {
            found("P2", format!("{}: what was typed into {FOLLOWS} is gone: {shown:?}", record.number));
        }
    }
    let ours = |c: &&RecordChange| c.field == ONCE && c.user_name == USER;
    let mut filled: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for change in case.e.record_changes.iter().filter(ours) {
        filled.entry(&change.number).or_default().push(&change.after);
    }
    for (number, texts) in filled.iter().filter(|(_, texts)| texts.len() > 1) {
        found("P2", format!("{number}: {ONCE} was filled more than once: {texts:?}"));
    }
}
