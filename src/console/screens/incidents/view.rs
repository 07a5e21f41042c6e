//! How the list is drawn.

use ratatui::layout::Rect;

use super::{FRESH_MAX, new_above, pane};
use crate::console::canvas::{Bit, Canvas, width_of};
use crate::console::filter::Filter;
use crate::console::glyphs::{severity_role, step_role};
use crate::console::health::minutes;
use crate::console::layout;
use crate::console::links::SortBy;
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::widgets::grid::{self, Column, Placed};
use crate::console::widgets::input;
use crate::model::Severity;
use crate::model::view::{LinkView, Step};
use crate::text;

/// The columns; a number in front of the list keeps one cell for the selection.
fn columns(model: &Model, width: u16) -> Vec<Placed<SortBy>> {
    let both = width >= 104;
    let workspaces = model.workspaces.len() > 1;
    let pairs = |one: u16, two: u16| if both { two } else { one };
    let mut all = vec![
        Column { id: SortBy::Step, title: "STEP", min: 10, ideal: 10, priority: 0 },
        Column { id: SortBy::Number, title: "NUMBER", min: 6, ideal: 8, priority: 5 },
        Column { id: SortBy::Record, title: "RECORD", min: 10, ideal: 11, priority: 2 },
        Column {
            id: SortBy::Severity,
            title: "SEVERITY",
            min: pairs(10, 19),
            ideal: pairs(10, 19),
            priority: 3,
        },
        Column { id: SortBy::Status, title: "STATUS", min: pairs(6, 18), ideal: pairs(8, 21), priority: 4 },
        Column { id: SortBy::Owner, title: "OWNER", min: 12, ideal: pairs(16, 24), priority: 7 },
        Column { id: SortBy::Age, title: "AGE", min: 5, ideal: 5, priority: 6 },
        Column { id: SortBy::Title, title: "TITLE", min: pairs(19, 32), ideal: u16::MAX, priority: 1 },
    ];
    if workspaces {
        all.insert(1, Column { id: SortBy::Workspace, title: "WS", min: 6, ideal: 10, priority: 8 });
    }
    grid::place(&all, width)
}

/// The column that lies under a column of cells of the title row.
pub(super) fn column_at(model: &Model, x: u16) -> Option<SortBy> {
    let width = layout::list(model.size.0, model.size.1).titles.width.saturating_sub(GUTTER);
    let x = x.saturating_sub(GUTTER);
    columns(model, width).into_iter().find(|c| x >= c.x && x < c.x.saturating_add(c.width)).map(|c| c.id)
}

/// Cells in front of a row: the bar of the selected one, the mark of a command under way.
const GUTTER: u16 = 2;

pub(crate) fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let parts = layout::list(area.width, area.height);
    draw_bar(model, canvas, parts.bar);
    let inner = |r: Rect| Rect { x: r.x + GUTTER.min(r.width), width: r.width.saturating_sub(GUTTER), ..r };
    let placed = columns(model, parts.rows.width.saturating_sub(GUTTER));
    let sort = model.links.sort();
    grid::draw_titles(canvas, inner(parts.titles), &placed, |c| (c == sort.by).then_some(sort.descending));
    for row in 0..parts.rows.height {
        let place = model.incidents.top.saturating_add(row as usize);
        let Some(view) = model.links.at(place) else { break };
        let line = Rect { y: parts.rows.y + row, height: 1, ..parts.rows };
        grid::draw_row(canvas, inner(line), &placed, |c, width| cell(model, &model.look, view, c, width));
        if model.tracked.iter().any(|t| t.link == view.id) {
            let style = canvas.style(Role::Pending);
            canvas.put(line.x + 1, line.y, 1, canvas.look.glyphs.waiting(), style);
        }
        if model.incidents.selected == Some(view.id) {
            let style = canvas.style(Role::Selected);
            canvas.restyle(line, style);
            canvas.put(line.x, line.y, 1, canvas.look.glyphs.bar(), style);
        }
    }
    if model.links.len() == 0 {
        draw_empty(model, canvas, parts.rows);
    }
    if parts.pane.height > 0 {
        if parts.divider.width > 1 {
            canvas.hline(parts.divider.x, parts.divider.y, parts.divider.width);
        } else {
            canvas.vline(parts.divider.x, parts.divider.y, parts.divider.height);
        }
        pane::draw(model, canvas, parts.pane);
    }
}

fn draw_empty(model: &Model, canvas: &mut Canvas<'_>, rows: Rect) {
    let text = if model.links.is_filtered() {
        "Nothing matches the filter. Esc drops it."
    } else if !model.incidents.loaded {
        "Reading the store."
    } else {
        "No incident is linked yet. The first pass brings them."
    };
    let style = canvas.style(Role::Muted);
    let y = rows.y.saturating_add(rows.height / 3);
    if rows.height > 0 {
        canvas.put(rows.x + GUTTER, y, rows.width.saturating_sub(GUTTER), text, style);
    }
}

/// Filter on the left; how many there are on the right.
fn draw_bar(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let look = &model.look;
    let mut right = Vec::new();
    if let Some(name) = Filter::unknown_field(model.incidents.filter.text()) {
        let name = text::fit(&text::escape_line(name), 12);
        right.push(look.bit(Role::Warning, format!("{name}: is no field  ")));
    }
    let above = new_above(model);
    if above > 0 {
        right.push(
            look.bit(
                Role::Pending,
                format!("{above}{} new above  ", if above >= FRESH_MAX { "+" } else { "" }),
            ),
        );
    }
    let count = if model.links.is_filtered() {
        format!("{} of {} ", model.links.len(), model.links.total())
    } else {
        let n = model.links.total();
        format!("{n} incident{} ", if n == 1 { "" } else { "s" })
    };
    right.push(look.bit(Role::Muted, count));
    canvas.bits_right(area.x, area.y, area.width, &right);
    let room = area.width.saturating_sub(width_of(&right) + 3);
    if model.incidents.filtering {
        let style = canvas.style(Role::Key);
        canvas.put(area.x + 1, area.y, 1, "/", style);
        let field = Rect { x: area.x + 2, width: room.min(60), ..area };
        input::draw_line(
            &model.incidents.filter,
            "words  !not  sev:high  step:conflict  owner:none",
            canvas,
            field,
        );
    } else if model.links.is_filtered() {
        let bits = [
            look.bit(Role::Muted, " filter "),
            look.bit(Role::Changed, text::escape_line(model.incidents.filter.text())),
        ];
        canvas.bits(area.x + 1, area.y, room, &bits);
    } else {
        let sort = model.links.sort();
        let text = if sort == Default::default() {
            "newest change first".to_owned()
        } else {
            format!("by {}{}", sort.by.word(), if sort.descending { ", downwards" } else { "" })
        };
        let bits = [look.bit(Role::Muted, format!(" {text}"))];
        canvas.bits(area.x + 1, area.y, room, &bits);
    }
}

fn cell(
    model: &Model,
    look: &crate::console::canvas::Look,
    view: &LinkView,
    column: SortBy,
    width: u16,
) -> Vec<Bit> {
    let both = |one: u16| width > one;
    match column {
        SortBy::Step => vec![
            look.bit(step_role(view.step), format!("{} {}", look.glyphs.step(view.step), view.step.word())),
        ],
        SortBy::Workspace => vec![look.bit(Role::Muted, view.workspace.to_string())],
        SortBy::Number => vec![look.bit(Role::Sentinel, format!("{}", view.incident_number))],
        SortBy::Record if view.record_number.is_empty() => vec![look.bit(Role::Muted, "no record")],
        SortBy::Record => vec![look.bit(Role::Servicenow, text::escape_line(&view.record_number))],
        SortBy::Severity => severity(look, view, both(11)),
        SortBy::Status => pair(
            look,
            view,
            &view.status.sentinel.line(),
            &view.status.servicenow.line(),
            width,
            both(8),
            None,
        ),
        SortBy::Owner => {
            let differ =
                view.owner.sentinel.raw().to_lowercase() != view.owner.servicenow.raw().to_lowercase();
            let (s, n) = (view.owner.sentinel.line(), view.owner.servicenow.line());
            let two = both(16) && differ;
            pair(look, view, &s, &n, width, two, Some(differ))
        }
        SortBy::Age => vec![look.bit(Role::Muted, minutes(model.now, view.changed))],
        SortBy::Title => {
            let role = if view.closed { Role::Muted } else { Role::Text };
            vec![look.bit(role, text::fit(&view.title.line(), width as usize))]
        }
    }
}

/// A short word for a severity, so that the column stays narrow.
pub(crate) fn severity_word(raw: &str) -> String {
    match Severity::from_word(raw) {
        Some(Severity::Informational) => "Info".into(),
        Some(s) => s.word().into(),
        None if raw.is_empty() => "none".into(),
        None => text::escape_line(raw),
    }
}

/// At most four letters, so that two fit into one column.
fn short_word(raw: &str) -> String {
    match Severity::from_word(raw) {
        Some(Severity::Medium) => "Med".into(),
        _ => text::fit(&severity_word(raw), 5),
    }
}

fn severity(look: &crate::console::canvas::Look, view: &LinkView, wide: bool) -> Vec<Bit> {
    let (s, n) = (view.severity.sentinel.raw(), view.severity.servicenow.raw());
    let known = Severity::from_word(s);
    let role = severity_role(known);
    let differ = !s.eq_ignore_ascii_case(n) && !view.record_number.is_empty() && view.step != Step::InStep;
    let mut bits = vec![look.bit(role, format!("{} ", look.glyphs.severity(known)))];
    if wide {
        bits.push(look.bit(role, text::pad(&severity_word(s), 6)));
        bits.push(look.bit(Role::Line, format!(" {} ", look.glyphs.v())));
        let right = if differ { Role::Changed } else { Role::Muted };
        let word = if view.record_number.is_empty() { "".into() } else { severity_word(n) };
        bits.push(look.bit(right, word));
    } else if differ {
        // Short words of each: there is no room for the meter.
        bits = vec![
            look.bit(role, short_word(s)),
            look.bit(Role::Line, look.glyphs.v()),
            look.bit(Role::Changed, short_word(n)),
        ];
    } else {
        bits.push(look.bit(role, severity_word(s)));
    }
    bits
}

/// Two values side by side, or the first alone where there is no room.
fn pair(
    look: &crate::console::canvas::Look,
    view: &LinkView,
    sentinel: &str,
    servicenow: &str,
    width: u16,
    two: bool,
    differ: Option<bool>,
) -> Vec<Bit> {
    let word = |t: &str| if t.is_empty() { "-".to_owned() } else { t.to_owned() };
    let text_role = |t: &str| if view.closed || t.is_empty() { Role::Muted } else { Role::Text };
    if !two || view.record_number.is_empty() {
        return vec![look.bit(text_role(sentinel), text::fit(&word(sentinel), width as usize))];
    }
    let half = (width.saturating_sub(3) / 2) as usize;
    let left = if differ.is_none() { half.min(7) } else { half };
    let right = (width as usize).saturating_sub(left + 3);
    let marked = differ == Some(true) && view.step != Step::InStep;
    vec![
        look.bit(text_role(sentinel), text::pad(&word(sentinel), left)),
        look.bit(Role::Line, format!(" {} ", look.glyphs.v())),
        look.bit(if marked { Role::Changed } else { Role::Muted }, text::fit(&word(servicenow), right)),
    ]
}
