//! Custom fields: columns of the record that are filled from the incident, each by a template or by a
//! pointer to one of its members.

use std::sync::LazyLock;

use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value, json};

use super::rows::{FieldRow, RowRef, TableKind, TableSet};
use crate::model::{Custom, Field, Incident, TableName};
use crate::text::escape_line;

/// Steps that one template may take: about a thousand turns of a loop.
const FUEL: u64 = 20_000;

/// Longest text that a template may give; no column of a default instance holds more.
const LONGEST: usize = 65_536;

/// One row of the field table, ready for use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomField {
    /// The field that it makes.
    pub field: Field,
    /// The column of the record.
    pub column: String,
    /// Filled when the record is made and never again.
    pub once: bool,
    /// Sentinel's next change goes over a hand edit.
    pub overrides: bool,
    /// The row.
    pub row: RowRef,
    /// Which row and what it says, one safe line.
    pub why: String,
    table: String,
    source: String,
}

/// The rows that can be used, in their order.
pub(super) fn compile(set: &TableSet) -> Vec<CustomField> {
    let row = |(index, row): (usize, &FieldRow)| {
        let at = RowRef { table: TableKind::Field, row: index };
        let (column, source) = (row.column.trim(), row.source.trim());
        if source.is_empty() || column.starts_with("sys_") {
            return None;
        }
        Some(CustomField {
            field: Field::Custom(Custom::new(column, source)?),
            column: column.to_owned(),
            once: row.once,
            overrides: row.overrides,
            row: at,
            why: format!("{at}, {}", set.describe(at)?),
            table: row.table.trim().to_owned(),
            source: source.to_owned(),
        })
    };
    set.field.iter().enumerate().filter_map(row).collect()
}

/// The rows of a record table: of those for one column the first wins, one for this table before one for
/// every table.
pub(super) fn of_table<'a>(
    all: &'a [CustomField],
    table: &'a TableName,
) -> impl Iterator<Item = &'a CustomField> {
    let rank = |f: &CustomField| match f.table.as_str() {
        t if t == table.as_str() => Some(0),
        "" => Some(1),
        _ => None,
    };
    let first = move |field: &&CustomField| {
        let same = all.iter().filter(|f| f.column == field.column);
        same.filter(|f| rank(f).is_some()).min_by_key(|f| (rank(f), f.row)).map(|f| f.row) == Some(field.row)
    };
    all.iter().filter(first)
}

impl CustomField {
    /// The text that the column gets of an incident.
    ///
    /// # Errors
    /// One safe line: the template is broken, names what no incident has, or does not come to an end.
    pub fn value(&self, incident: &Incident) -> Result<String, String> {
        render(&self.source, incident).map_err(|why| format!("{}: {why}", self.row))
    }
}

/// What a template or a pointer makes of an incident, without blanks at either end; the reason as one safe
/// line otherwise.
pub(super) fn render(source: &str, incident: &Incident) -> Result<String, String> {
    let members = members(incident);
    let text = match source.starts_with('/') {
        true => match Value::Object(members).pointer(source) {
            Some(found) => plain(found),
            None => return Err(format!("no incident has a member {}", escape_line(source))),
        },
        false => ENGINE.render_str(source, Serde(&members)).map_err(|e| told(&e))?,
    };
    let text = text.trim();
    if text.len() > LONGEST {
        return Err(format!("it gives {} bytes, and {LONGEST} is the limit", text.len()));
    }
    Ok(text.to_owned())
}

/// Names that a template may use: the members of [`members`].
pub(super) fn names() -> Vec<String> {
    members(&Incident::default()).into_iter().map(|(name, _)| name).collect()
}

/// Names that a template uses and no incident has; the reason as one safe line when it cannot be read.
pub(super) fn unknown_names(source: &str) -> Result<Vec<String>, String> {
    let known = names();
    let used = ENGINE.template_from_str(source).map_err(|e| told(&e))?.undeclared_variables(false);
    // Functions of the engine itself.
    let globals: Vec<String> = ENGINE.globals().map(|(name, _)| name.to_owned()).collect();
    let mut unknown: Vec<String> =
        used.into_iter().filter(|n| !known.contains(n) && !globals.contains(n)).collect();
    unknown.sort();
    Ok(unknown)
}

/// Reads no file, no clock and no network; a name that does not exist is an error, not an empty text.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    // Columns hold plain text, whatever a template is called.
    engine.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    // As ServiceNow writes them.
    engine.set_formatter(|out, state, value| match value.kind() {
        ValueKind::Bool => out.write_str(if value.is_true() { "true" } else { "false" }).map_err(Into::into),
        ValueKind::None => Ok(()),
        _ => minijinja::escape_formatter(out, state, value),
    });
    engine
});

fn told(error: &minijinja::Error) -> String {
    let detail = error.detail().map_or_else(String::new, |d| format!(": {d}"));
    escape_line(&format!("{}{detail}", error.kind()))
}

/// A member as text: lists as their items, joined by commas; nothing for what is absent.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// What a template sees of an incident. All members are always there, empty when Sentinel does not say
/// them; what moves with each write of our own, such as the time of the last change, is left out, because
/// it would cause the next one.
pub fn members(incident: &Incident) -> Map<String, Value> {
    let texts = |of: &[crate::text::UntrustedText]| of.iter().map(|t| json!(t.raw())).collect::<Vec<_>>();
    let owner = &incident.owner;
    let all = [
        ("number", json!(incident.number)),
        ("id", json!(incident.id.as_str())),
        ("title", json!(incident.title.raw())),
        ("description", json!(incident.description.raw())),
        ("severity", json!(incident.severity)),
        ("status", json!(incident.status)),
        ("classification", json!(incident.classification)),
        ("reason", json!(incident.reason)),
        (
            "owner",
            json!({"name": owner.name, "email": owner.email, "upn": owner.upn, "object_id": owner.object_id}),
        ),
        ("labels", json!(texts(&incident.labels))),
        ("tactics", json!(incident.tactics)),
        ("techniques", json!(incident.techniques)),
        ("products", json!(texts(&incident.products))),
        ("url", json!(incident.url.raw())),
        ("defender_url", json!(incident.provider_url.as_ref().map_or("", |u| u.raw()))),
        ("provider", json!(incident.provider)),
        ("provider_id", json!(incident.provider_id)),
        ("alerts", json!(incident.alerts_count)),
        ("created", json!(incident.created.rfc3339())),
        ("first_activity", json!(incident.first_activity.as_deref().unwrap_or_default())),
        ("last_activity", json!(incident.last_activity.as_deref().unwrap_or_default())),
    ];
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident() -> Incident {
        Incident {
            number: 4711,
            severity: "High".into(),
            labels: ["snow", "vip"].map(Into::into).to_vec(),
            tactics: vec!["InitialAccess".into(), "Execution".into()],
            ..Incident::default()
        }
    }

    #[test]
    fn templates_and_pointers_read_the_incident() {
        let of = |source: &str| render(source, &incident());
        assert_eq!(of("{{ tactics | join(', ') }}").unwrap(), "InitialAccess, Execution");
        assert_eq!(of("/tactics").unwrap(), "InitialAccess, Execution");
        assert_eq!(of("/tactics/1").unwrap(), "Execution");
        assert_eq!(of("/owner/email").unwrap(), "");
        assert_eq!(of(" {{ number }}/{{ severity | lower }} ").unwrap(), "4711/high");
        assert_eq!(of("{% if 'vip' in labels %}1{% else %}3{% endif %}").unwrap(), "1");
        assert_eq!(of("{{ 'vip' in labels }} {{ number == 1 }}{{ none }}").unwrap(), "true false");
        assert_eq!(
            of("<b>{{ labels[0] }}</b>").unwrap(),
            "<b>snow</b>",
            "no escaping: columns are plain text"
        );
    }

    #[test]
    fn a_value_is_taken_apart_at_a_delimiter() {
        let incident = Incident { title: "EMEA - Phishing - Ref 7".into(), ..incident() };
        let of = |source: &str| render(source, &incident).unwrap();
        assert_eq!(of("{{ (title | split(' - '))[1] }}"), "Phishing");
        assert_eq!(of("{{ title | split(' - ') | first }}"), "EMEA");
    }

    #[test]
    fn what_is_wrong_is_said_and_never_empty() {
        let of = |source: &str| render(source, &incident()).unwrap_err();
        assert!(of("{{ tactic }}").contains("undefined"), "{}", of("{{ tactic }}"));
        assert!(of("{{ owner.mail }}").contains("undefined"));
        assert!(of("{{ title ").contains("syntax"), "{}", of("{{ title "));
        assert!(of("{{ title | shout }}").contains("filter"));
        assert!(of("/titel").contains("/titel"));
        assert!(
            of("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}")
                .contains("fuel")
        );
        assert_eq!(unknown_names("{{ tactic }} {{ labels }} {{ range(2) }}").unwrap(), ["tactic"]);
        assert!(unknown_names("{% for %}").is_err());
    }

    #[test]
    fn a_row_for_this_table_comes_first_then_the_first_row() {
        let row = |table: &str, source: &str| FieldRow {
            table: table.into(),
            column: "u_x".into(),
            source: source.into(),
            ..FieldRow::default()
        };
        let set = TableSet {
            field: vec![row("", "a"), row("sn_si_incident", "b"), row("sn_si_incident", "c"), row("", "d")],
            ..TableSet::default()
        };
        let all = compile(&set);
        let of = |table: &str| {
            let table = TableName::new(table).unwrap();
            of_table(&all, &table).map(|f| f.source.clone()).collect::<Vec<_>>()
        };
        assert_eq!(of("incident"), ["a"]);
        assert_eq!(of("sn_si_incident"), ["b"]);
    }

    #[test]
    fn rows_that_no_record_could_take_are_passed_over() {
        let row =
            |column: &str| FieldRow { column: column.into(), source: "x".into(), ..FieldRow::default() };
        let field = ["", "sys_id", "U Odd", "u_fine"].map(row).to_vec();
        let all = compile(&TableSet { field, ..TableSet::default() });
        assert_eq!(all.iter().map(|f| f.column.as_str()).collect::<Vec<_>>(), ["u_fine"]);
    }
}
