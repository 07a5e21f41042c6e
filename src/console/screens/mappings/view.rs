//! How the tables are drawn: tabs, cells, findings.

use ratatui::layout::Rect;

use crate::console::canvas::{Bit, Canvas, inset, split_top, width_of};
use crate::console::health::minutes;
use crate::console::layout;
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::widgets::grid::{self, Column, Placed};
use crate::console::widgets::input;
use crate::mapping::{Lint, LintLevel, RowRef, TableKind};
use crate::text;

struct Parts {
    tabs: Rect,
    titles: Rect,
    rows: Rect,
    findings: Rect,
}

fn parts(body: Rect) -> Parts {
    let body = inset(body, 1, 0);
    let (tabs, rest) = split_top(body, if body.height >= 14 { 2 } else { 1 });
    let findings = match rest.height {
        0..=6 => 1,
        7..=15 => 3,
        16..=30 => 5,
        _ => 9,
    };
    let (grid, findings) = split_top(rest, rest.height.saturating_sub(findings));
    let (titles, rows) = split_top(grid, 1);
    Parts { tabs, titles, rows, findings }
}

/// Where the rows are.
pub(crate) fn rows_area(model: &Model) -> Rect {
    parts(layout::parts(model.size.0, model.size.1).body).rows
}

const MARK: u16 = 3;

fn title(name: &str) -> &'static str {
    match name {
        "table" => "TABLE",
        "sentinel" => "SENTINEL",
        "servicenow" => "SERVICENOW",
        "label" => "LABEL",
        "flow" => "FLOW",
        "source_is_sentinel" => "TOWARD SERVICENOW",
        "workspace" => "WORKSPACE",
        "source" => "FROM THE INCIDENT",
        "column" => "COLUMN",
        "once" => "ONCE",
        "override" => "OVERRIDE",
        _ => "",
    }
}

fn columns(table: TableKind, width: u16) -> Vec<Placed<usize>> {
    let all: Vec<Column<usize>> = table
        .columns()
        .iter()
        .enumerate()
        .map(|(id, name)| {
            let (min, ideal, priority) = match *name {
                "sentinel" if table == TableKind::Closure => (16, 38, 0),
                "sentinel" if table == TableKind::Owner => (16, 42, 1),
                "sentinel" => (13, 16, 0),
                "servicenow" if table == TableKind::Closure => (14, 30, 1),
                "servicenow" => (10, 14, 1),
                "label" => (14, 34, 4),
                "flow" => (13, 13, 2),
                "source_is_sentinel" => (7, 17, 2),
                "source" => (18, 60, 0),
                "column" => (12, 30, 1),
                "once" => (4, 8, 4),
                "override" => (8, 10, 4),
                _ => (14, 18, 3),
            };
            Column { id, title: title(name), min, ideal, priority }
        })
        .collect();
    grid::place(&all, width)
}

/// The column at a place of the screen.
pub(super) fn column_at(model: &Model, x: u16) -> Option<usize> {
    let area = rows_area(model);
    let x = x.saturating_sub(area.x + MARK);
    columns(model.mappings.table, area.width.saturating_sub(MARK))
        .into_iter()
        .find(|c| x >= c.x && x < c.x.saturating_add(c.width))
        .map(|c| c.id)
}

/// The table whose tab is at a place of the screen.
pub(super) fn tab_at(model: &Model, x: u16, y: u16) -> Option<TableKind> {
    let tabs = parts(layout::parts(model.size.0, model.size.1).body).tabs;
    let mut from = tabs.x;
    for table in TableKind::ALL {
        let to = from + tab_text(model, table).len() as u16;
        if y == tabs.y && x >= from && x < to {
            return Some(table);
        }
        from = to + 1;
    }
    None
}

fn tab_text(model: &Model, table: TableKind) -> String {
    let errors =
        model.mappings.lints.iter().filter(|l| l.table == table && l.level == LintLevel::Error).count();
    let mark = if errors > 0 { format!(" !{errors}") } else { String::new() };
    format!(" {} {}{mark} ", table.label(), model.mappings.draft.len(table))
}

pub(crate) fn draw(model: &Model, canvas: &mut Canvas<'_>, body: Rect) {
    let parts = parts(body);
    draw_tabs(model, canvas, parts.tabs);
    if model.mappings.current.is_none() {
        let style = canvas.style(Role::Muted);
        canvas.put(
            parts.titles.x,
            parts.titles.y,
            parts.titles.width,
            "No mapping version was read yet.",
            style,
        );
        return;
    }
    let inner = |r: Rect| Rect { x: r.x + MARK.min(r.width), width: r.width.saturating_sub(MARK), ..r };
    let placed = columns(model.mappings.table, parts.rows.width.saturating_sub(MARK));
    grid::draw_titles(canvas, inner(parts.titles), &placed, |_| None);
    for line in 0..parts.rows.height {
        let row = model.mappings.top + line as usize;
        if row >= model.mappings.rows() {
            break;
        }
        let area = Rect { y: parts.rows.y + line, height: 1, ..parts.rows };
        draw_row(model, canvas, area, inner(area), &placed, row);
    }
    draw_findings(model, canvas, parts.findings);
}

fn lints_of(model: &Model, row: usize) -> impl Iterator<Item = &Lint> {
    model.mappings.lints.iter().filter(move |l| l.table == model.mappings.table && l.row == Some(row))
}

fn draw_row(
    model: &Model,
    canvas: &mut Canvas<'_>,
    line: Rect,
    inner: Rect,
    placed: &[Placed<usize>],
    row: usize,
) {
    let state = &model.mappings;
    let at = RowRef { table: state.table, row };
    let selected = row == state.row;
    let changed = |column: usize| match state.in_force() {
        Some(t) => t.cell(at, column) != state.draft.cell(at, column),
        None => false,
    };
    grid::draw_row(canvas, inner, placed, |column, width| {
        let raw = state.draft.cell(at, column).unwrap_or_default();
        vec![cell(model, column, &raw, changed(column), width)]
    });
    if selected {
        let style = canvas.style(Role::Selected);
        canvas.restyle(line, style);
        canvas.put(line.x, line.y, 1, canvas.look.glyphs.bar(), style);
        if let Some(column) = placed.iter().find(|c| c.id == state.column) {
            let area = Rect { x: inner.x + column.x, width: column.width.min(inner.width), ..line };
            draw_focus(model, canvas, area);
        }
    }
    let worst = lints_of(model, row).map(|l| l.level).min();
    if let Some(level) = worst {
        let role = level_role(level);
        let style = canvas.style(role);
        canvas.put(line.x + 1, line.y, 1, if level == LintLevel::Error { "!" } else { "?" }, style);
    }
}

fn draw_focus(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    match &model.mappings.editing {
        Some(text) => input::draw_line(text, "", canvas, area),
        None => {
            let style = canvas.style(Role::Button);
            canvas.restyle(area, style);
        }
    }
}

fn cell(model: &Model, column: usize, raw: &str, changed: bool, width: u16) -> Bit {
    let look = &model.look;
    let name = model.mappings.table.columns().get(column).copied().unwrap_or_default();
    let shown = match (name, raw) {
        ("table", "") => "every table".into(),
        ("workspace", "") => "every workspace".into(),
        ("flow", "both") => format!("{} both ways", look.glyphs.both()),
        ("flow", "to-servicenow") => format!("{} ServiceNow", look.glyphs.arrow()),
        ("flow", "to-sentinel") => format!("{} Sentinel", if look.glyphs.ascii { "<-" } else { "←" }),
        ("source_is_sentinel", mark) => {
            let on = mark == "true";
            format!("{} {}", look.glyphs.tick(on), if on { "used" } else { "no" })
        }
        ("once" | "override", mark) => look.glyphs.tick(mark == "true").to_owned(),
        _ => text::escape_line(raw),
    };
    let role = match (changed, name) {
        (true, _) => Role::Changed,
        (_, "sentinel" | "source") => Role::Sentinel,
        (_, "servicenow" | "column") => Role::Servicenow,
        (_, "table" | "workspace") if raw.is_empty() => Role::Muted,
        (_, "source_is_sentinel") if raw != "true" => Role::Muted,
        _ => Role::Text,
    };
    look.bit(role, text::fit(&shown, width as usize))
}

fn level_role(level: LintLevel) -> Role {
    match level {
        LintLevel::Error => Role::Error,
        LintLevel::Warning => Role::Warning,
    }
}

fn draw_tabs(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let state = &model.mappings;
    let mut x = area.x;
    for table in TableKind::ALL {
        let style = canvas.style(if table == state.table { Role::Button } else { Role::Muted });
        x = canvas.put(x, area.y, area.right().saturating_sub(x), &tab_text(model, table), style);
        x = x.saturating_add(1);
    }
    let Some(version) = &state.current else { return };
    let look = canvas.look;
    let mut right = Vec::new();
    if state.is_draft() {
        right.push(look.bit(Role::Badge, " DRAFT "));
        right.push(look.bit(Role::Muted, format!("  from version {}", state.based_on)));
    } else {
        let who = text::fit(&text::escape_line(&version.author), 18);
        right.push(look.bit(Role::Text, format!("version {}", version.number)));
        right.push(look.bit(Role::Muted, format!("  {who}  {}", minutes(model.now, version.at))));
    }
    let room = area.right().saturating_sub(x + 1);
    if width_of(&right) > room {
        // The badge or the number alone says the most.
        right.truncate(1);
    }
    if width_of(&right) <= room {
        canvas.bits_right(x + 1, area.y, room, &right);
    }
}

/// The findings of the selected row first, then the others of this table, then a sum.
fn draw_findings(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let look = canvas.look;
    let state = &model.mappings;
    let (head, list) = if area.height > 2 { split_top(area, 1) } else { (Rect { height: 0, ..area }, area) };
    if head.height > 0 {
        canvas.hline(head.x, head.y, head.width);
        let n = |level| state.lints.iter().filter(|l| l.level == level).count();
        let sum = format!(" {} errors, {} warnings ", n(LintLevel::Error), n(LintLevel::Warning));
        let sum = [look.bit(Role::Muted, sum)];
        canvas.bits_right(head.x, head.y, head.width.saturating_sub(2), &sum);
    }
    let mut findings: Vec<&Lint> = lints_of(model, state.row).collect();
    findings.extend(state.lints.iter().filter(|l| l.table == state.table && l.row != Some(state.row)));
    if findings.is_empty() {
        let bits = [look.bit(
            Role::Good,
            format!("{} nothing is wrong with this table", look.glyphs.step(Default::default())),
        )];
        canvas.bits(list.x, list.y, list.width, &bits);
        return;
    }
    let mut y = list.y;
    for lint in findings {
        let place = match lint.row {
            Some(row) => format!("row {}: ", row + 1),
            None => String::new(),
        };
        let said = format!("{place}{}. {}", lint.message, lint.consequence);
        let sign = if lint.level == LintLevel::Error { "! " } else { "? " };
        for (i, part) in text::wrap(&text::escape_line(&said), list.width.saturating_sub(2) as usize)
            .into_iter()
            .enumerate()
        {
            if y >= list.bottom() {
                return;
            }
            let role = if lint.row == Some(state.row) { Role::Text } else { Role::Muted };
            let bits =
                [look.bit(level_role(lint.level), if i == 0 { sign } else { "  " }), look.bit(role, part)];
            canvas.bits(list.x, y, list.width, &bits);
            y += 1;
        }
    }
}
