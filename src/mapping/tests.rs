//! Tests that need more than one part of the tables.

mod custom;
mod defaults;
mod findings;
mod laws;
mod people;
mod store_app;

use super::*;
use crate::model::{Choice, TableName};

fn table(name: &str) -> TableName {
    TableName::new(name).unwrap()
}

fn both_tables() -> LintContext {
    LintContext { tables: vec![table("incident"), table("sn_si_incident")], ..LintContext::default() }
}

/// Choices as `value=label`, separated by bars; a `!` in front makes one inactive.
fn choices(ctx: &mut LintContext, name: &str, field: &str, spec: &str) {
    let list = spec
        .split('|')
        .map(|one| {
            let (value, label) = one.trim_start_matches('!').split_once('=').unwrap_or((one, one));
            Choice {
                element: field.to_owned(),
                value: value.to_owned(),
                label: label.into(),
                inactive: one.starts_with('!'),
            }
        })
        .collect();
    ctx.choices.insert((table(name), field.to_owned()), list);
}

/// Findings as `table row code`, rows counted from one, `-` for a whole table.
fn codes(found: &[Lint]) -> Vec<String> {
    found
        .iter()
        .map(|l| {
            let row = l.row.map_or("-".to_owned(), |r| (r + 1).to_string());
            format!("{} {row} {} {}", l.table, l.level.word(), l.code)
        })
        .collect()
}
