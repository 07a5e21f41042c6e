//! The mapping tables, edited in place as a draft, checked at every key, applied as a new
//! version with a reason.

pub(crate) mod edit;
pub(crate) mod version;
pub(crate) mod view;

pub(crate) use edit::{accept_cell, discard, set_cell, stop_editing, type_key};
pub(crate) use version::{offer, take_versions};

use crate::console::action::ActionId;
use crate::console::effect::Effects;
use crate::console::field_input::Input;
use crate::console::model::{Model, Screen};
use crate::console::msg::TableVersion;
use crate::mapping::{self, Lint, LintContext, RowRef, TableKind, TableSet};

/// The state of the screen.
pub(crate) struct State {
    pub table: TableKind,
    pub row: usize,
    pub column: usize,
    pub top: usize,
    /// The text of the cell that is being typed.
    pub editing: Option<Input>,
    /// The draft; equal to the version in force when nothing was edited.
    pub draft: TableSet,
    /// The version in force.
    pub current: Option<TableVersion>,
    /// The version that the draft was made from.
    pub based_on: i64,
    /// Newest first.
    pub history: Vec<TableVersion>,
    pub lints: Vec<Lint>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            table: TableKind::Severity,
            row: 0,
            column: 0,
            top: 0,
            editing: None,
            draft: TableSet::default(),
            current: None,
            based_on: 0,
            history: Vec::new(),
            lints: Vec::new(),
        }
    }
}

impl State {
    /// Rows of the table that is shown.
    pub fn rows(&self) -> usize {
        self.draft.len(self.table)
    }

    /// The row that is selected.
    pub fn at(&self) -> RowRef {
        RowRef { table: self.table, row: self.row }
    }

    /// The tables in force.
    pub fn in_force(&self) -> Option<&TableSet> {
        self.current.as_ref().and_then(|v| v.tables.as_ref().ok())
    }

    /// True when the draft differs from what is in force.
    pub fn is_draft(&self) -> bool {
        self.current.is_some() && self.in_force().is_none_or(|t| *t != self.draft)
    }

    /// The version that the one in force was made from, with its tables.
    pub fn parent(&self) -> Option<&TableVersion> {
        let parent = self.current.as_ref()?.parent;
        self.history.iter().find(|v| v.number == parent && v.tables.is_ok())
    }
}

/// What the tables are checked against: tables in use, live choices, users.
pub(crate) fn context(model: &Model) -> LintContext {
    let mut ctx = LintContext::default();
    for (i, workspace) in model.setup.settings.workspaces.iter().enumerate() {
        let route = &workspace.route;
        if !ctx.tables.contains(&route.table) {
            ctx.tables.push(route.table.clone());
        }
        if i == 0 {
            ctx.severity_fields = route.shape.severity.clone();
            ctx.status_field = route.shape.status.clone();
            ctx.closure_field = route.shape.close_code.clone();
        }
        ctx.own_columns.entry(route.table.clone()).or_default().extend(route.shape.own_columns());
    }
    for ((_, table), choices) in &model.choices {
        for choice in choices {
            let key = (table.clone(), choice.element.clone());
            ctx.choices.entry(key).or_default().push(choice.clone());
        }
    }
    for users in model.users.values() {
        ctx.users.extend(users.iter().cloned());
    }
    ctx
}

/// Checks the draft anew, with the text that is being typed in its place.
pub(crate) fn check(model: &mut Model) {
    let ctx = context(model);
    let state = &mut model.mappings;
    state.lints = match &state.editing {
        Some(input) => {
            let mut typed = state.draft.clone();
            // A half-typed word that the cell does not take leaves the cell as it was.
            let _ = typed.set_cell(state.at(), state.column, input.text());
            mapping::lint(&typed, &ctx)
        }
        None => mapping::lint(&state.draft, &ctx),
    };
    state.lints.sort_by_key(|l| (l.table, l.row, l.level));
}

/// Runs an action of this screen; false when it is none of its.
pub(crate) fn act(model: &mut Model, id: ActionId, _fx: &mut Effects) -> bool {
    match id {
        ActionId::Up => step(model, -1),
        ActionId::Down => step(model, 1),
        ActionId::PageUp => step(model, -10),
        ActionId::PageDown => step(model, 10),
        ActionId::First => step(model, i32::MIN + 1),
        ActionId::Last => step(model, i32::MAX),
        ActionId::CellLeft => model.mappings.column = model.mappings.column.saturating_sub(1),
        ActionId::CellRight => {
            let last = model.mappings.table.columns().len().saturating_sub(1);
            model.mappings.column = (model.mappings.column + 1).min(last);
        }
        ActionId::NextTable => table(model, 1),
        ActionId::PreviousTable => table(model, TableKind::ALL.len() - 1),
        ActionId::EditCell => edit::open(model),
        ActionId::ToggleCell => edit::next_value(model),
        ActionId::AddRow => edit::add_row(model),
        ActionId::DeleteRow => edit::delete_row(model),
        ActionId::Discard => version::ask_discard(model),
        ActionId::Diff => version::show_diff(model),
        ActionId::ApplyTables => {
            version::ask_reason(model, crate::console::overlays::writing::Question::WhyApply)
        }
        ActionId::UndoTables => {
            version::ask_reason(model, crate::console::overlays::writing::Question::WhyUndo)
        }
        ActionId::History => version::show_history(model),
        _ => return false,
    }
    true
}

fn table(model: &mut Model, by: usize) {
    let at = TableKind::ALL.iter().position(|t| *t == model.mappings.table).unwrap_or(0);
    show_table(model, TableKind::ALL[(at + by) % TableKind::ALL.len()]);
}

fn show_table(model: &mut Model, table: TableKind) {
    let state = &mut model.mappings;
    (state.table, state.row, state.column, state.top) = (table, 0, 0, 0);
}

pub(super) fn step(model: &mut Model, by: i32) {
    let last = model.mappings.rows().saturating_sub(1);
    model.mappings.row = crate::console::overlays::moved(model.mappings.row, by, last);
    scroll(model);
}

pub(super) fn scroll(model: &mut Model) {
    let page = (view::rows_area(model).height as usize).max(1);
    let state = &mut model.mappings;
    let lowest = (state.row + 1).saturating_sub(page);
    state.top = state.top.clamp(lowest, state.row.max(lowest));
}

/// Selects the cell that was clicked.
pub(crate) fn click(model: &mut Model, x: u16, y: u16) {
    let area = view::rows_area(model);
    if !area.contains(ratatui::layout::Position { x, y }) {
        if let Some(table) = view::tab_at(model, x, y) {
            show_table(model, table);
        }
        return;
    }
    let row = model.mappings.top + usize::from(y - area.y);
    if row < model.mappings.rows() {
        model.mappings.row = row;
        if let Some(column) = view::column_at(model, x) {
            model.mappings.column = column;
        }
    }
}

/// Leaves the screen; the draft stays.
pub(crate) fn back(model: &mut Model) {
    model.screen = Screen::Incidents;
}
