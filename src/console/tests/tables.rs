//! The mapping tables: values that the instance does not list, warnings, versions of one's own.

use super::sample::{self, keys, typed};
use crate::console::overlays::Overlay;
use crate::console::overlays::plan::Confirms;
use crate::console::{Effect, Effects, Model, Msg, TableVersion, render, update};
use crate::mapping::{TableKind, TableSet};
use crate::model::{Choice, TableName};

fn send(model: &mut Model, msg: Msg) {
    update(model, msg, &mut Effects::default());
}

fn text(model: &Model) -> String {
    crate::console::picture::lines(&render(model, 80, 24)).join("\n")
}

/// At the ServiceNow cell of a new status row, with the choices of the instance known.
fn new_state() -> Model {
    let mut model = sample::model("terminal");
    let table = TableName::new("incident").unwrap();
    let choice = |value: &str, label: &str| Choice {
        element: "state".into(),
        value: value.into(),
        label: label.into(),
        ..Choice::default()
    };
    let choices = vec![choice("1", "New"), choice("2", "In Progress"), choice("3", "On Hold")];
    send(&mut model, Msg::Choices(sample::contoso(), table, choices));
    keys(&mut model, "2 Tab a l l");
    assert_eq!((model.mappings.table, model.mappings.column), (TableKind::Status, 2));
    model
}

#[test]
fn a_value_that_the_instance_does_not_list_can_be_typed() {
    let mut model = new_state();
    keys(&mut model, "e");
    typed(&mut model, "42");
    assert!(text(&model).contains("use \"42\""), "{}", text(&model));
    assert!(text(&model).contains("not in the instance's list"), "{}", text(&model));
    keys(&mut model, "Enter");
    let cell = |m: &Model, c| m.mappings.draft.cell(m.mappings.at(), c).unwrap();
    assert_eq!((cell(&model, 2).as_str(), cell(&model, 3).as_str()), ("42", ""), "no label of another value");
    // What is listed comes before what is typed, and a listed value is not offered twice.
    for (script, offers) in [("hold", true), ("3", false)] {
        let mut model = new_state();
        keys(&mut model, "e");
        typed(&mut model, script);
        assert_eq!(text(&model).contains("use \""), offers, "{script}");
        keys(&mut model, "Enter");
        assert_eq!((cell(&model, 2).as_str(), cell(&model, 3).as_str()), ("3", "On Hold"));
    }
}

#[test]
fn the_words_of_sentinel_stay_the_only_ones() {
    let mut model = new_state();
    keys(&mut model, "h e");
    typed(&mut model, "nonsense");
    assert!(text(&model).contains("nothing matches"));
    let before = model.mappings.draft.clone();
    keys(&mut model, "Enter");
    assert!(model.mappings.draft == before);
}

/// At the plan of a draft; with a warning in it.
fn applying() -> Model {
    let mut model = sample::model("terminal");
    keys(&mut model, "2 l l e");
    typed(&mut model, "9/9");
    keys(&mut model, "Enter");
    model.mappings.lints.clear();
    keys(&mut model, "W");
    typed(&mut model, "because");
    keys(&mut model, "Enter");
    let Some(Overlay::Plan(plan)) = model.overlays.last_mut() else { panic!("no plan") };
    plan.confirms = Confirms::Twice;
    model
}

fn version(number: i64, author: &str, tables: TableSet) -> Msg {
    Msg::Tables(vec![TableVersion {
        number,
        parent: number - 1,
        author: author.into(),
        reason: "r".into(),
        at: sample::now(),
        tables: Ok(tables),
    }])
}

#[test]
fn warnings_are_said_to_stand_before_they_are_applied() {
    let mut model = applying();
    assert!(text(&model).contains("Apply  y (twice)") && !text(&model).contains("warnings stand"));
    assert!(keys(&mut model, "y").is_empty());
    assert!(text(&model).contains("The warnings stand. y once more: apply"), "{}", text(&model));
    assert!(text(&model).contains("Apply  y again"), "{}", text(&model));
    assert!(matches!(&keys(&mut model, "y")[..], [Effect::ApplyTables { .. }]));
}

#[test]
fn a_version_of_ones_own_is_no_warning_in_either_order() {
    for told_first in [true, false] {
        let mut model = applying();
        keys(&mut model, "y y");
        let mine = model.mappings.draft.clone();
        let mut msgs = vec![Msg::TablesApplied(Ok(Ok(4))), version(4, "noor", mine)];
        if !told_first {
            msgs.reverse();
        }
        msgs.into_iter().for_each(|m| send(&mut model, m));
        assert!(!model.mappings.is_draft() && model.mappings.based_on == 4);
        let said: Vec<_> = model.toasts.last(9).iter().filter(|t| t.until.is_none()).collect();
        assert!(said.iter().all(|t| !t.text.contains("meanwhile")), "{said:?}");
        // Somebody else's is.
        keys(&mut model, "d");
        send(&mut model, version(5, "beth", TableSet::default_tables()));
        assert!(model.toasts.last(1)[0].text.contains("beth applied mapping version 5"));
    }
}
