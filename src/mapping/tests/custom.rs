//! What is wrong with rows of custom fields.

use super::*;
use crate::model::RecordShape;

fn found(rows: &[(&str, &str)]) -> Vec<String> {
    let row = |(column, source): &(&str, &str)| FieldRow {
        column: (*column).into(),
        source: (*source).into(),
        ..FieldRow::default()
    };
    let set = TableSet { field: rows.iter().map(row).collect(), ..TableSet::default_tables() };
    let shape = |name| (table(name), RecordShape::for_table(&table(name)).own_columns());
    let own_columns = ["incident", "sn_si_incident"].map(shape).into();
    let ctx = LintContext { own_columns, ..both_tables() };
    let lints = lint(&set, &ctx).into_iter().filter(|l| l.table == TableKind::Field);
    lints.map(|l| format!("{} {} {}", l.row.unwrap() + 1, l.code, l.message)).collect()
}

#[test]
fn rows_that_work_are_not_complained_about() {
    let rows = [
        ("u_tactics", "{{ tactics | join(', ') }}"),
        ("u_first_label", "{{ labels[0] }}"),
        ("u_mail", "/owner/email"),
        ("category", "security"),
        ("u_vip", "{% if 'vip' in labels %}true{% else %}false{% endif %}"),
        ("u_loop", "{% for t in techniques %}{{ loop.index }}:{{ t }};{% endfor %}"),
    ];
    assert_eq!(found(&rows), Vec::<String>::new());
}

#[test]
fn each_mistake_has_its_name() {
    let of = |column: &str, source: &str| found(&[(column, source)]).join("\n");
    assert!(of("", "x").starts_with("1 empty-cell the column"));
    assert!(of("u_x", " ").starts_with("1 empty-cell the source"));
    assert!(of("U X", "x").starts_with("1 bad-column"));
    assert!(of("sys_created_by", "x").starts_with("1 system-column"));
    for column in ["state", "work_notes", "comments", "correlation_id", "assigned_to"] {
        assert!(of(column, "x").starts_with("1 taken-column"), "{column}");
    }
    assert!(of("u_x", "{{ title").starts_with("1 bad-template"));
    assert!(of("u_x", "{{ titel }}").starts_with("1 unknown-name no incident has titel; there are number,"));
    assert!(of("u_x", "/titel").starts_with("1 bad-template"));
    assert!(of("u_x", "{{ title | shout }}").starts_with("1 bad-template"));
    assert!(of("u_x", "{{ owner.mail }}").starts_with("1 bad-template"));
    let twice = found(&[("u_x", "a"), ("u_y", "b"), ("u_x", "c")]);
    assert_eq!(twice, ["3 filled-twice row 1 fills u_x already"]);
}

#[test]
fn tables_that_know_no_fields_yet_are_read() {
    let old = TableSet { field: vec![FieldRow::default()], ..TableSet::default_tables() };
    let json = old.to_json().unwrap().replace(",\"field\":[{", ",\"gone\":[{");
    assert!(TableSet::from_json(&json).is_err(), "a misspelt table maps nothing, so it is an error");
    let without = TableSet::default_tables().to_json().unwrap().replace(",\"field\":[]", "");
    assert_eq!(TableSet::from_json(&without).unwrap(), TableSet::default_tables());
}

#[test]
fn the_rows_that_the_readme_shows_work() {
    let readme = include_str!("../../../README.md");
    let (_, from) = readme.split_once("```toml\nfield = [").expect("README shows rows");
    let (rows, _) = from.split_once("```").unwrap();
    let shown = TableSet::from_toml(&format!("field = [{rows}")).unwrap().field;
    assert!(shown.len() > 2);
    let set = TableSet { field: shown, ..TableSet::default_tables() };
    let found = lint(&set, &both_tables());
    assert!(found.iter().all(|l| l.table != TableKind::Field), "{found:#?}");
}
