//! What holds for every set of tables, however wrong.

use proptest::prelude::*;

use super::*;
use crate::model::Side;

const PAIRED: [TableKind; 3] = [TableKind::Severity, TableKind::Status, TableKind::Closure];

fn any_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

fn scope() -> impl Strategy<Value = String> {
    any_of(&["", "incident", "sn_si_incident"])
}

fn flow() -> impl Strategy<Value = Flow> {
    prop::sample::select(&[Flow::Both, Flow::ToServicenow, Flow::ToSentinel][..])
}

fn tables() -> impl Strategy<Value = TableSet> {
    let words = any_of(&["High", "low", "Informational", "Critical", ""]);
    let values = any_of(&["1/1", "1/2", " 3 / 3", "2", "/", ""]);
    let severity = (scope(), words, values, flow())
        .prop_map(|(table, sentinel, servicenow, flow)| SeverityRow { table, sentinel, servicenow, flow });
    let states =
        (scope(), any_of(&["New", "Active", "closed", "Odd"]), any_of(&["1", "2", "3", "6"]), flow())
            .prop_map(|(table, sentinel, servicenow, flow)| StatusRow {
                table,
                sentinel,
                servicenow,
                label: "On Hold".into(),
                flow,
            });
    let words = any_of(&["Undetermined", "Undetermined-null", "TruePositive-SuspiciousActivity", "Bad"]);
    let closure = (scope(), words, any_of(&["a", "b", "c"]), any::<bool>()).prop_map(
        |(table, sentinel, servicenow, source_is_sentinel)| ClosureRow {
            table,
            sentinel,
            servicenow,
            label: String::new(),
            source_is_sentinel,
        },
    );
    let names = any_of(&["a", "b", "ü\u{202e}", ""]);
    let owner = (names, any_of(&["a@x", "b@x", "c", ""]), any_of(&["", "prod", "Bad Key"]))
        .prop_map(|(servicenow, sentinel, workspace)| OwnerRow { servicenow, sentinel, workspace });
    let field =
        (any_of(&["", "incident"]), any_of(&["u_a", "u_b", ""]), any_of(&["/title", "x"]), any::<bool>())
            .prop_map(|(table, column, source, once)| FieldRow {
                table,
                column,
                source,
                once,
                overrides: !once,
            });
    (
        prop::collection::vec(severity, 0..7),
        prop::collection::vec(states, 0..7),
        prop::collection::vec(closure, 0..7),
        prop::collection::vec(owner, 0..5),
        prop::collection::vec(field, 0..4),
    )
        .prop_map(|(severity, status, closure, owner, field)| TableSet {
            severity,
            status,
            closure,
            owner,
            field,
        })
}

/// Every row that fires for some value of some table, by asking for everything.
fn firing(set: &TableSet) -> std::collections::BTreeSet<RowRef> {
    let compiled = Tables::compile(set);
    let mut fired = std::collections::BTreeSet::new();
    for kind in PAIRED {
        for row in 0..set.len(kind) {
            let at = RowRef { table: kind, row };
            let inputs = [(Side::Sentinel, 1), (Side::ServiceNow, 2)];
            for name in ["incident", "sn_si_incident", "u_other"] {
                for (side, column) in inputs {
                    let value = set.cell(at, column).unwrap();
                    fired.extend(compiled.row_for(kind, &table(name), side, &value));
                }
            }
        }
    }
    fired
}

proptest! {
    #[test]
    fn files_read_back(set in tables(), label in "\\PC{0,12}|[\\x00-\\x1f\"\\\\]{0,4}") {
        let mut set = set;
        set.status.push(StatusRow { label, ..StatusRow::default() });
        prop_assert_eq!(&TableSet::from_toml(&set.to_toml()).unwrap(), &set);
        prop_assert_eq!(&TableSet::from_json(&set.to_json().unwrap()).unwrap(), &set);
        prop_assert!(!set.to_toml().chars().any(|c| c != '\n' && crate::text::is_hostile(c)));
    }

    #[test]
    fn a_row_never_fires_exactly_when_the_linter_says_so(set in tables()) {
        let fired = firing(&set);
        let dead = ["duplicate-row", "unreachable-row", "empty-cell"];
        let found = lint(&set, &both_tables());
        prop_assert_eq!(&found, &lint(&set, &both_tables()));
        prop_assert!(found.is_sorted_by_key(|l| (l.table, l.row)));
        for kind in PAIRED {
            for row in 0..set.len(kind) {
                let at = RowRef { table: kind, row };
                let said: Vec<&str> = found
                    .iter()
                    .filter(|l| l.table == kind && l.row == Some(row))
                    .map(|l| l.code)
                    .collect();
                // An unknown word is passed over toward Sentinel, which is said as such.
                if !said.contains(&"unknown-word") {
                    let alive = !said.iter().any(|c| dead.contains(c));
                    prop_assert_eq!(fired.contains(&at), alive, "{} {:?}", at, said);
                }
            }
        }
    }

    #[test]
    fn a_translation_is_the_same_under_the_maps(set in tables()) {
        let compiled = Tables::compile(&set);
        for name in ["incident", "u_other"].map(table) {
            for word in ["High", "low", "Informational", "Critical", "Medium"] {
                if let Ok(found) = compiled.severity_to_servicenow(&name, word) {
                    prop_assert!(compiled.same_severity(&name, word, &found.value));
                    prop_assert_eq!(compiled.severity_to_servicenow(&name, word), Ok(found));
                }
            }
            for raw in ["1", "2", "3", "6"] {
                if let Ok(found) = compiled.status_to_sentinel(&name, raw) {
                    prop_assert!(compiled.same_status(&name, found.value.word(), raw));
                    prop_assert_eq!(
                        compiled.is_closed_state(&name, raw),
                        Some(found.value == crate::model::Status::Closed)
                    );
                }
            }
            for raw in ["a", "b", "c"] {
                if let Ok(found) = compiled.closure_to_sentinel(&name, raw) {
                    prop_assert!(compiled.same_closure(&name, found.value.word(), raw));
                }
            }
        }
    }

    #[test]
    fn a_diff_is_empty_exactly_when_nothing_changed(a in tables(), b in tables()) {
        prop_assert_eq!(diff(&a, &a), Vec::<RowDiff>::new());
        prop_assert_eq!(diff(&a, &b).is_empty(), a == b);
        for kind in TableKind::ALL {
            let mut moved = a.clone();
            moved.swap_rows(kind, 0, 1);
            prop_assert_eq!(diff(&a, &moved).is_empty(), a == moved);
            let mut less = a.clone();
            if less.remove_row(RowRef { table: kind, row: 0 }) {
                prop_assert_eq!(diff(&a, &less).iter().filter(|d| d.after.is_none()).count(), 1);
            }
        }
    }
}
