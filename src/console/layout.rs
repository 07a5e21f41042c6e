//! Where things are, from the size alone. Both the view and the update (for the mouse and for
//! the number of visible rows) ask here, so that drawing never decides what a key means.

use ratatui::layout::Rect;

use super::canvas::{split_left, split_top};

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Room {
    /// One line that stays live.
    Line,
    /// A list; the detail takes the whole screen.
    Narrow,
    /// A list with the detail below.
    Plain,
    /// A list with the detail beside it.
    Wide,
    /// Three panes.
    Huge,
}

/// The room that a window of that size has.
pub(crate) fn room(width: u16, height: u16) -> Room {
    match (width, height) {
        (w, h) if w < 40 || h < 10 => Room::Line,
        (w, _) if w < 80 => Room::Narrow,
        (w, _) if w < 110 => Room::Plain,
        (w, _) if w < 160 => Room::Wide,
        _ => Room::Huge,
    }
}

/// The parts that every screen has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub header: Rect,
    /// The line below the header; empty when there is no room for it.
    pub rule: Rect,
    pub body: Rect,
    pub footer: Rect,
}

/// The parts of a window.
pub(crate) fn parts(width: u16, height: u16) -> Parts {
    let all = Rect { x: 0, y: 0, width, height };
    let (header, rest) = split_top(all, if height >= 16 { 2 } else { 1 });
    let (rule, rest) = split_top(rest, u16::from(height >= 16));
    let (body, footer) = split_top(rest, rest.height.saturating_sub(1));
    Parts { header, rule, body, footer }
}

/// The list and the pane beside or below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListParts {
    /// The line with filter and counts.
    pub bar: Rect,
    /// The column titles.
    pub titles: Rect,
    /// The rows.
    pub rows: Rect,
    /// The line between list and pane; empty when there is no pane.
    pub divider: Rect,
    /// The pane; empty when there is no room for it.
    pub pane: Rect,
}

/// The parts of the Incidents screen.
pub(crate) fn list(width: u16, height: u16) -> ListParts {
    let body = parts(width, height).body;
    let (list, divider, pane) = match room(width, height) {
        Room::Line | Room::Narrow => (body, none(body), none(body)),
        Room::Plain => {
            let pane_rows = if body.height >= 18 { 7 } else { 0 };
            let (list, rest) = split_top(body, body.height - pane_rows);
            let (divider, pane) = split_top(rest, 1);
            (list, divider, pane)
        }
        room => {
            let share = if room == Room::Huge { 68 } else { 62 };
            let (list, rest) = split_left(body, (u32::from(width) * share / 100) as u16);
            let (divider, pane) = split_left(rest, 1);
            (list, divider, pane)
        }
    };
    let (bar, list) = split_top(list, u16::from(height >= 16));
    let (titles, rows) = split_top(list, 1);
    ListParts { bar, titles, rows, divider, pane }
}

fn none(at: Rect) -> Rect {
    Rect { width: 0, height: 0, ..at }
}
