//! Custom fields of a run: two columns that the tables fill, and one in which a person leaves word that
//! the first was typed over.

use diptych::mapping::{FieldRow, TableSet};
use diptych::sandbox::sentinel::IncidentFacts;
use diptych::sandbox::servicenow::RecordFacts;

use super::setting::NUMBER_LABEL;

/// Follows the incident.
pub const FOLLOWS: &str = "u_soc";
/// Filled once.
pub const ONCE: &str = "u_first";
/// Says that a person typed over [`FOLLOWS`].
pub const TYPED: &str = "u_typed";
/// How everything begins that a person types.
pub const BY_HAND: &str = "typed by hand";

/// The columns as the sandbox's switch declares them.
pub fn columns() -> serde_json::Value {
    [FOLLOWS, ONCE, TYPED].map(|column| format!("incident.{column}")).to_vec().into()
}

/// Templates of [`FOLLOWS`], which an admin may change while the sync runs.
const TEMPLATES: [&str; 2] =
    ["{{ severity }} {{ labels | join('+') }}", "{{ labels | join('+') }}, {{ severity | upper }}"];

/// The preset tables with rows for both columns, by one of two templates.
pub fn tables(second: bool) -> TableSet {
    let row = |column: &str, source: &str, once| FieldRow {
        column: column.into(),
        source: source.into(),
        once,
        ..FieldRow::default()
    };
    let follows = row(FOLLOWS, TEMPLATES[usize::from(second)], false);
    TableSet { field: vec![follows, row(ONCE, "/title", true)], ..TableSet::default_tables() }
}

/// True for a record whose column a person typed over.
pub fn is_typed(record: &RecordFacts) -> bool {
    record.fields.get(TYPED).is_some_and(|t| t == "true")
}

/// What a record's columns show and should not, of an incident.
pub fn differences(i: &IncidentFacts, r: &RecordFacts) -> Vec<(&'static str, String)> {
    let Some(shown) = r.fields.get(FOLLOWS).filter(|_| !is_typed(r)) else { return Vec::new() };
    let mut out = Vec::new();
    // A new template counts from the incident's next change on, and then it is that one's turn.
    // What only tells a record its own number is not shown to it.
    let labels: Vec<&str> =
        i.labels.iter().map(String::as_str).filter(|l| !l.starts_with(NUMBER_LABEL)).collect();
    let labels = labels.join("+");
    let wanted = [format!("{} {labels}", i.severity), format!("{labels}, {}", i.severity.to_uppercase())];
    if wanted.iter().all(|w| w.trim() != shown) {
        out.push((FOLLOWS, format!("{}: {FOLLOWS} shows {shown:?} and not {wanted:?}", r.number)));
    }
    if r.fields.get(ONCE).is_none_or(String::is_empty) {
        out.push((ONCE, format!("{}: {ONCE} was never filled", r.number)));
    }
    out
}
