//! Editing cells and rows of the draft.

use std::collections::BTreeSet;

use super::check;
use crate::console::field_input::Input;
use crate::console::key::Key;
use crate::console::model::Model;
use crate::console::overlays::Overlay;
use crate::console::overlays::choosing::{Choosing, Item, Value};
use crate::mapping::{Flow, TableKind};
use crate::model::view::Level;
use crate::model::{Closure, Severity, Status};

/// The words that a cell takes, with a note each; empty when it takes any text. `closed` says
/// that nothing else makes sense in it.
fn vocabulary(model: &Model) -> (Vec<(String, String)>, bool) {
    let state = &model.mappings;
    let name = state.table.columns().get(state.column).copied().unwrap_or_default();
    let plain = |words: &[&str]| words.iter().map(|w| ((*w).to_owned(), String::new())).collect::<Vec<_>>();
    match (state.table, name) {
        (TableKind::Severity, "sentinel") => (plain(&Severity::ALL.map(Severity::word)), true),
        (TableKind::Status, "sentinel") => (plain(&Status::ALL.map(Status::word)), true),
        (TableKind::Closure, "sentinel") => (plain(&Closure::ALL.map(Closure::word)), true),
        (_, "flow") => {
            let words = [Flow::Both, Flow::ToServicenow, Flow::ToSentinel];
            (words.map(|f| (f.word().to_owned(), f.arrow().to_owned())).to_vec(), true)
        }
        (_, "source_is_sentinel") => (
            vec![
                ("true".into(), "used toward ServiceNow".into()),
                ("false".into(), "only toward Sentinel".into()),
            ],
            true,
        ),
        (_, "once") => (
            vec![
                ("true".into(), "filled when the record is made, never again".into()),
                ("false".into(), "follows the incident".into()),
            ],
            true,
        ),
        (_, "override") => (
            vec![
                ("true".into(), "Sentinel's next change goes over a hand edit".into()),
                ("false".into(), "a hand edit stays; the change becomes a work note".into()),
            ],
            true,
        ),
        (TableKind::Owner, "workspace") => {
            let mut words = vec![(String::new(), "every workspace".to_owned())];
            let keys = model.setup.settings.workspaces.iter().map(|w| (w.key.to_string(), w.name.clone()));
            words.extend(keys);
            (words, true)
        }
        (TableKind::Owner, "servicenow") => (users(model), false),
        (_, "table") => {
            let mut words: Vec<(String, String)> = Vec::new();
            if matches!(state.table, TableKind::Severity | TableKind::Field) {
                words.push((String::new(), "every table".into()));
            }
            let names: BTreeSet<String> =
                model.setup.settings.workspaces.iter().map(|w| w.route.table.to_string()).collect();
            words.extend(names.into_iter().map(|n| (n, String::new())));
            (words, false)
        }
        (TableKind::Status | TableKind::Closure, "servicenow") => (choices(model), false),
        _ => (Vec::new(), false),
    }
}

fn users(model: &Model) -> Vec<(String, String)> {
    let all: BTreeSet<(String, String)> = model
        .users
        .values()
        .flatten()
        .filter(|u| u.active)
        .map(|u| (u.user_name.clone(), u.name.line()))
        .collect();
    all.into_iter().collect()
}

/// The live choices for the value column of the selected row.
fn choices(model: &Model) -> Vec<(String, String)> {
    let state = &model.mappings;
    let table = state.draft.cell(state.at(), 0).unwrap_or_default();
    let ctx = super::context(model);
    let field = if state.table == TableKind::Status { &ctx.status_field } else { &ctx.closure_field };
    ctx.choices
        .iter()
        .filter(|((t, f), _)| t.as_str() == table && f == field)
        .flat_map(|(_, list)| list)
        .filter(|c| !c.inactive)
        .map(|c| (c.value.clone(), c.label.line()))
        .collect()
}

/// What is said behind a text that the vocabulary of the cell does not list.
fn unlisted(table: TableKind, column: &str) -> &'static str {
    match (table, column) {
        (TableKind::Owner, _) => "not an active user of the instance",
        (_, "table") => "no workspace uses it",
        _ => "not in the instance's list",
    }
}

/// Opens the cell: its vocabulary, or a text.
pub(super) fn open(model: &mut Model) {
    let (words, closed) = vocabulary(model);
    let now = model.mappings.draft.cell(model.mappings.at(), model.mappings.column).unwrap_or_default();
    if words.is_empty() || (!closed && !words.iter().any(|(w, _)| *w == now)) {
        model.mappings.editing = Some(Input::line(&now));
        return;
    }
    let at = words.iter().position(|(w, _)| *w == now).unwrap_or(0);
    let items = words
        .into_iter()
        .map(|(word, note)| {
            let label = if word.is_empty() { "(empty)".into() } else { crate::text::escape_line(&word) };
            Item::new(label, note, Value::Cell(word))
        })
        .collect();
    let column = model.mappings.table.columns().get(model.mappings.column).copied().unwrap_or_default();
    let mut list = Choosing::new(format!("{}: {column}", model.mappings.at()), None, items);
    list.at = at;
    list.open = (!closed).then(|| unlisted(model.mappings.table, column));
    model.overlays.push(Overlay::Choosing(list));
}

/// Takes the next word of a closed vocabulary, or opens the cell.
pub(super) fn next_value(model: &mut Model) {
    let (words, closed) = vocabulary(model);
    if !closed || words.is_empty() {
        open(model);
        return;
    }
    let now = model.mappings.draft.cell(model.mappings.at(), model.mappings.column).unwrap_or_default();
    let next = words.iter().position(|(w, _)| *w == now).map_or(0, |i| (i + 1) % words.len());
    set_cell(model, &words[next].0.clone());
}

/// Puts a text into the selected cell. A status or closure value takes its label along where the
/// instance's own choices know it; the label that they have for the value before goes with it.
pub(crate) fn set_cell(model: &mut Model, text: &str) {
    let (at, column) = (model.mappings.at(), model.mappings.column);
    let label = match (model.mappings.table, column) {
        (TableKind::Status | TableKind::Closure, 2) => {
            let known = choices(model);
            let label = |value: &str| known.iter().find(|(v, _)| v == value).map(|(_, label)| label.clone());
            let cell = |c| model.mappings.draft.cell(at, c).unwrap_or_default();
            label(text).or_else(|| label(&cell(2)).filter(|l| *l == cell(3)).map(|_| String::new()))
        }
        _ => None,
    };
    if let Err(why) = model.mappings.draft.set_cell(at, column, text) {
        model.say(Level::Warning, why);
        return;
    }
    if let Some(label) = label {
        // The column exists in both tables; a failure would only leave the label as it was.
        let _ = model.mappings.draft.set_cell(at, 3, &label);
    }
    model.mappings.editing = None;
    check(model);
}

/// Takes the text that was typed.
pub(crate) fn accept_cell(model: &mut Model) {
    if let Some(input) = model.mappings.editing.clone() {
        set_cell(model, input.text());
    }
}

/// Drops the text that was typed.
pub(crate) fn stop_editing(model: &mut Model) {
    model.mappings.editing = None;
    check(model);
}

/// Gives a key to the cell; false when it did not want it.
pub(crate) fn type_key(model: &mut Model, key: Key) -> bool {
    let Some(input) = model.mappings.editing.as_mut() else { return false };
    let taken = input.key(key);
    if taken {
        check(model);
    }
    taken
}

pub(super) fn add_row(model: &mut Model) {
    let state = &mut model.mappings;
    let from = state.at();
    let index = if state.rows() == 0 { 0 } else { state.row + 1 };
    let copied: Vec<String> =
        (0..state.table.columns().len()).filter_map(|c| state.draft.cell(from, c)).collect();
    let to = state.draft.insert_row(state.table, index);
    for (column, text) in copied.iter().enumerate() {
        // A second row of the same closure is never the marked one.
        let text = if text == "true" { "false" } else { text };
        let _ = state.draft.set_cell(to, column, text);
    }
    state.row = to.row;
    super::scroll(model);
    check(model);
}

pub(super) fn delete_row(model: &mut Model) {
    let at = model.mappings.at();
    if model.mappings.draft.remove_row(at) {
        model.mappings.row = at.row.min(model.mappings.rows().saturating_sub(1));
        super::scroll(model);
        check(model);
    }
}

/// Goes back to the tables in force.
pub(crate) fn discard(model: &mut Model) {
    let state = &mut model.mappings;
    if let Some(tables) = state.in_force().cloned() {
        state.draft = tables;
        state.based_on = state.current.as_ref().map_or(0, |v| v.number);
    }
    model.mappings.row = model.mappings.row.min(model.mappings.rows().saturating_sub(1));
    check(model);
}
