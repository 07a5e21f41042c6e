//! The list of every link. The selection is a link, never a place: new data does not move it.

pub(crate) mod pane;
pub(crate) mod view;

use std::collections::BTreeSet;

use crate::console::action::ActionId;
use crate::console::effect::{Effect, Effects};
use crate::console::field_input::Input;
use crate::console::filter::Filter;
use crate::console::key::Key;
use crate::console::layout;
use crate::console::links::{Sort, SortBy};
use crate::console::model::{Model, Screen};
use crate::model::LinkId;
use crate::model::view::{Level, LinkView};

/// The state of the list.
#[derive(Default)]
pub(crate) struct State {
    pub selected: Option<LinkId>,
    /// The first visible place.
    pub top: usize,
    /// Links that came after the first load and were not seen yet.
    pub fresh: BTreeSet<LinkId>,
    /// True once the first load is complete.
    pub loaded: bool,
    /// True once a person touched a key: from then on nothing moves by itself.
    pub touched: bool,
    pub filter: Input,
    pub filtering: bool,
}

/// Fresh links that are counted at most.
pub(crate) const FRESH_MAX: usize = 300;

/// Rows that are visible.
pub(crate) fn page(model: &Model) -> usize {
    (layout::list(model.size.0, model.size.1).rows.height as usize).max(1)
}

/// Fresh links above the first visible row.
pub(crate) fn new_above(model: &Model) -> usize {
    let state = &model.incidents;
    state.fresh.iter().filter(|id| model.links.place(**id).is_some_and(|p| p < state.top)).count()
}

/// Takes published rows without moving the selection or what is around it.
pub(crate) fn take(model: &mut Model, rows: Vec<LinkView>, more: bool, fx: &mut Effects) {
    let before = model.incidents.selected.and_then(|id| model.links.place(id));
    let open = model.detail.as_ref().map(|d| d.id);
    let reload = open.filter(|id| rows.iter().any(|r| r.id == *id));
    let new = model.links.take(rows);
    if model.incidents.loaded {
        // Beyond some hundred the exact number says nothing, and it is counted at every frame.
        let room = FRESH_MAX.saturating_sub(model.incidents.fresh.len());
        model.incidents.fresh.extend(new.into_iter().take(room));
    }
    model.incidents.loaded |= !more;
    keep_place(model, before, fx);
    see_visible(model);
    if let Some(id) = reload {
        fx.push(Effect::LoadDetail(id));
    }
}

/// Keeps the selected link on its line of the screen after the list changed.
fn keep_place(model: &mut Model, before: Option<usize>, fx: &mut Effects) {
    let len = model.links.len();
    let line = before.map_or(0, |p| p.saturating_sub(model.incidents.top));
    if !model.incidents.touched {
        model.incidents.top = 0;
        select(model, 0, fx);
        return;
    }
    let place = model.incidents.selected.and_then(|id| model.links.place(id));
    match place {
        Some(place) => model.incidents.top = place.saturating_sub(line),
        // It was filtered out: its neighbour takes over.
        None => select(model, before.unwrap_or(0).min(len.saturating_sub(1)), fx),
    }
    scroll(model);
}

fn select(model: &mut Model, place: usize, fx: &mut Effects) {
    let id = model.links.at(place).map(|v| v.id);
    if id != model.incidents.selected {
        model.incidents.selected = id;
        if let Some(id) = id {
            fx.push(Effect::LoadDetail(id));
        }
    }
}

fn scroll(model: &mut Model) {
    let page = page(model);
    let len = model.links.len();
    let place = model.incidents.selected.and_then(|id| model.links.place(id)).unwrap_or(0);
    let margin = 2.min(page.saturating_sub(1) / 2);
    let lowest = (place + margin + 1).saturating_sub(page);
    let highest = place.saturating_sub(margin);
    let top = model.incidents.top.clamp(lowest.min(highest), highest);
    model.incidents.top = top.min(len.saturating_sub(page));
}

/// Forgets that visible links are fresh.
fn see_visible(model: &mut Model) {
    if model.incidents.fresh.is_empty() {
        return;
    }
    for place in model.incidents.top..model.incidents.top.saturating_add(page(model)) {
        if let Some(view) = model.links.at(place) {
            model.incidents.fresh.remove(&view.id);
        }
    }
}

/// Moves by some rows.
pub(crate) fn step(model: &mut Model, by: i32, fx: &mut Effects) {
    go(model, Move::By(by), fx);
}

enum Move {
    By(i32),
    To(usize),
}

fn go(model: &mut Model, how: Move, fx: &mut Effects) {
    let last = model.links.len().saturating_sub(1);
    let at = model.incidents.selected.and_then(|id| model.links.place(id)).unwrap_or(0);
    let to = match how {
        Move::By(by) => crate::console::overlays::moved(at, by, last),
        Move::To(place) => place.min(last),
    };
    select(model, to, fx);
    scroll(model);
    see_visible(model);
}

/// Runs an action of this screen; false when it is none of its.
pub(crate) fn act(model: &mut Model, id: ActionId, fx: &mut Effects) -> bool {
    let page = page(model) as i32;
    match id {
        ActionId::Up => go(model, Move::By(-1), fx),
        ActionId::Down => go(model, Move::By(1), fx),
        ActionId::PageUp => go(model, Move::By(-page), fx),
        ActionId::PageDown => go(model, Move::By(page), fx),
        ActionId::First => go(model, Move::To(0), fx),
        ActionId::Last => go(model, Move::To(usize::MAX), fx),
        ActionId::Open => {
            if let Some(id) = model.incidents.selected {
                super::incident::open(model, id, fx);
            }
        }
        ActionId::Filter => model.incidents.filtering = true,
        ActionId::KeepFilter => model.incidents.filtering = false,
        ActionId::DropFilter => {
            model.incidents.filtering = false;
            set_filter(model, "", fx);
        }
        ActionId::SortNext => {
            let by = model.links.sort().by;
            let next = SortBy::ALL.iter().position(|s| *s == by).map_or(0, |i| (i + 1) % SortBy::ALL.len());
            sort_by(model, SortBy::ALL[next], fx);
        }
        ActionId::SortReverse => {
            let sort = model.links.sort();
            set_sort(model, Sort { descending: !sort.descending, ..sort }, fx);
        }
        ActionId::NextScreen => model.screen = Screen::Mappings,
        _ => return false,
    }
    true
}

/// Sorts by a column; by the same one again turns the order around.
pub(crate) fn sort_by(model: &mut Model, by: SortBy, fx: &mut Effects) {
    let now = model.links.sort();
    let descending = if now.by == by { !now.descending } else { by.starts_descending() };
    set_sort(model, Sort { by, descending }, fx);
}

fn set_sort(model: &mut Model, sort: Sort, fx: &mut Effects) {
    model.links.set_sort(sort);
    after_order(model, fx);
    let way = if sort.descending { "downwards" } else { "upwards" };
    model.say(Level::Info, format!("Sorted by {}, {way}.", sort.by.word()));
}

/// Goes one level out: first the filter, then nothing.
pub(crate) fn back(model: &mut Model, fx: &mut Effects) {
    set_filter(model, "", fx);
}

fn set_filter(model: &mut Model, text: &str, fx: &mut Effects) {
    model.incidents.filter = Input::line(text);
    filter_changed(model, fx);
}

/// Gives a key to the filter; false when it did not want it.
pub(crate) fn type_key(model: &mut Model, key: Key, fx: &mut Effects) -> bool {
    let taken = model.incidents.filter.key(key);
    if taken {
        filter_changed(model, fx);
    }
    taken
}

/// Pastes into the filter.
pub(crate) fn paste(model: &mut Model, text: &str, fx: &mut Effects) {
    model.incidents.filter.insert(text);
    filter_changed(model, fx);
}

fn filter_changed(model: &mut Model, fx: &mut Effects) {
    let before = model.incidents.selected.and_then(|id| model.links.place(id));
    let filter = Filter::parse(model.incidents.filter.text());
    model.links.set_filter(filter);
    model.incidents.touched = true;
    if model.incidents.selected.and_then(|id| model.links.place(id)).is_none() {
        select(model, before.unwrap_or(0).min(model.links.len().saturating_sub(1)), fx);
    }
    scroll(model);
    see_visible(model);
}

fn after_order(model: &mut Model, fx: &mut Effects) {
    if model.incidents.selected.is_none() {
        select(model, 0, fx);
    }
    scroll(model);
    see_visible(model);
}

/// Selects what was clicked.
pub(crate) fn click(model: &mut Model, x: u16, y: u16, fx: &mut Effects) {
    let parts = layout::list(model.size.0, model.size.1);
    let at = ratatui::layout::Position { x, y };
    if parts.rows.contains(at) {
        let place = model.incidents.top + usize::from(y - parts.rows.y);
        if place < model.links.len() {
            go(model, Move::To(place), fx);
        }
    } else if parts.titles.contains(at) {
        let column = view::column_at(model, x.saturating_sub(parts.titles.x));
        if let Some(by) = column {
            sort_by(model, by, fx);
        }
    }
}

/// The link above or below the given one in the list.
pub(crate) fn neighbour(model: &Model, id: LinkId, by: i32) -> Option<LinkId> {
    let place = model.links.place(id)?;
    let to = crate::console::overlays::moved(place, by, model.links.len().saturating_sub(1));
    model.links.at(to).map(|v| v.id).filter(|n| *n != id)
}

/// Selects a link and brings it into sight.
pub(crate) fn reveal(model: &mut Model, id: LinkId, fx: &mut Effects) {
    if let Some(place) = model.links.place(id) {
        go(model, Move::To(place), fx);
    }
}
