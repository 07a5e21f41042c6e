//! The diptych: Sentinel on the left, ServiceNow on the right, between them whether they agree
//! and what they last agreed on.

use ratatui::layout::Rect;

use crate::console::canvas::{Bit, Canvas, split_top};
use crate::console::glyphs::{severity_role, step_role};
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::model::view::{FieldView, Step};
use crate::model::{Field, Severity, Side};
use crate::text;

/// The columns of the two panels.
struct Hinge {
    label: u16,
    panel: u16,
    middle: u16,
}

fn hinge(width: u16) -> Hinge {
    let label = if width >= 56 { 13 } else { 0 };
    let middle = match width {
        0..=55 => 3,
        56..=99 => 12,
        100..=139 => 18,
        _ => 24,
    };
    Hinge { label, middle, panel: width.saturating_sub(label + middle) / 2 }
}

/// One field as lines.
struct Row {
    left: Vec<String>,
    right: Vec<String>,
    middle: Vec<Bit>,
    height: u16,
}

fn lines(field: &FieldView, side: Side, width: u16, most: usize) -> Vec<String> {
    let value = field.shown.of(side);
    if value.is_empty() {
        return vec!["-".into()];
    }
    let width = width.max(1) as usize;
    let mut out: Vec<String> = value.lines().iter().flat_map(|l| text::wrap(l, width)).collect();
    if out.len() > most {
        out.truncate(most.max(1));
        if let Some(last) = out.last_mut() {
            *last = text::fit(&format!("{last}…"), width);
            if !last.ends_with('…') {
                *last = format!("{}…", text::fit(last, width.saturating_sub(1)));
            }
        }
    }
    out
}

fn most_lines(field: Field, open: bool, tall: bool) -> usize {
    match (field, open) {
        (Field::Description, _) if tall => 12,
        (Field::CloseNotes, _) if tall => 6,
        (Field::Description | Field::CloseNotes, true) => 10,
        (Field::Description, false) => 3,
        (_, true) => 4,
        (_, false) => 2,
    }
}

fn row(model: &Model, field: &FieldView, h: &Hinge, open: bool, tall: bool) -> Row {
    let inner = h.panel.saturating_sub(4);
    let most = most_lines(field.field, open, tall);
    let left = lines(field, Side::Sentinel, inner, most);
    let right = lines(field, Side::ServiceNow, inner, most);
    let look = &model.look;
    let sign = look.glyphs.step(field.step);
    let mut middle = Vec::new();
    if h.middle >= 12 {
        middle.push(look.bit(step_role(field.step), format!("{sign} {}", field.step.word())));
        middle.extend(base(model, field, h.middle));
    } else {
        middle.push(look.bit(step_role(field.step), sign));
    }
    let height = left.len().max(right.len()).max(middle.len()).max(1) as u16;
    Row { left, right, middle, height }
}

/// What both last agreed on, where a side has moved away from it.
fn base(model: &Model, field: &FieldView, width: u16) -> Vec<Bit> {
    let look = &model.look;
    if field.step == Step::InStep {
        return Vec::new();
    }
    let Some(base) = &field.base else { return vec![look.bit(Role::Muted, "never agreed")] };
    let (s, n) = (base.sentinel.line(), base.servicenow.line());
    // `Low` and `Low (3/3)` say the same; one of them is enough.
    let value = if n.starts_with(&s) { s } else { format!("{s} {} {n}", look.glyphs.v()) };
    let value = if value.trim().is_empty() { "(empty)".into() } else { value };
    let room = width.saturating_sub(2) as usize;
    vec![look.bit(Role::Before, text::fit(&format!("was {value}"), room))]
}

fn value_role(field: &FieldView, side: Side) -> Role {
    let value = field.shown.of(side);
    if value.is_empty() {
        return Role::Muted;
    }
    let moved = field.base.as_ref().is_none_or(|b| b.of(side) != value);
    if field.step != Step::InStep && moved {
        return Role::Changed;
    }
    if field.field == Field::Severity {
        let word = value.line();
        let word = word.split([' ', '(']).next().unwrap_or_default();
        if let Some(s) = Severity::from_word(word) {
            return severity_role(Some(s));
        }
    }
    Role::Text
}

/// Draws the two panels and, below them, the rule of the selected field.
pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let rule_rows = if area.height >= 14 { 3 } else { u16::from(area.height >= 8) };
    let (panels, rule) = split_top(area, area.height.saturating_sub(rule_rows));
    let used = draw_panels(model, canvas, panels);
    if rule.height > 0 {
        let y = panels.y.saturating_add(used);
        draw_rule(model, canvas, Rect { y, height: area.bottom().saturating_sub(y), ..rule });
    }
}

fn draw_panels(model: &Model, canvas: &mut Canvas<'_>, area: Rect) -> u16 {
    if area.height < 3 || model.fields.is_empty() {
        let style = canvas.style(Role::Muted);
        let text = if model.fields.is_empty() { "No field was compared yet." } else { "" };
        canvas.put(area.x, area.y, area.width, text, style);
        return 1;
    }
    let h = hinge(area.width);
    let at = model.incident.field.min(model.fields.len() - 1);
    let room = area.height - 2;
    let build = |tall| -> Vec<Row> {
        model.fields.iter().enumerate().map(|(i, f)| row(model, f, &h, i == at, tall)).collect()
    };
    // Long texts are shown further where they fit without pushing anything out.
    let mut rows = build(true);
    if rows.iter().map(|r| r.height).sum::<u16>() > room {
        rows = build(false);
    }
    let total: u16 = rows.iter().map(|r| r.height).sum();
    let gap = u16::from(total.saturating_add(rows.len() as u16) <= room);
    let top = first_visible(&rows, at, room, gap);
    let shown: u16 = rows.iter().skip(top).map(|r| r.height + gap).sum::<u16>().saturating_sub(gap).min(room);
    let (left_x, right_x) = (area.x + h.label, area.x + h.label + h.panel + h.middle);
    let box_height = shown + 2;
    for (side, role, x) in
        [(Side::Sentinel, Role::Sentinel, left_x), (Side::ServiceNow, Role::Servicenow, right_x)]
    {
        let line = canvas.style(role);
        let title = [canvas.look.bit(role, side.to_string())];
        canvas.frame(Rect { x, y: area.y, width: h.panel, height: box_height }, &title, line);
    }
    if h.middle >= 12 {
        let middle = [canvas.look.bit(Role::Heading, "AGREED")];
        canvas.bits(left_x + h.panel + 1, area.y, h.middle.saturating_sub(2), &middle);
    }
    let mut y = area.y + 1;
    let end = area.y + 1 + shown;
    for (i, row) in rows.iter().enumerate().skip(top) {
        if y >= end {
            break;
        }
        let height = row.height.min(end - y);
        draw_row(model, canvas, i, row, &h, Rect { y, height, ..area }, i == at);
        y += height + gap;
    }
    let below = rows.len().saturating_sub(top + visible_rows(&rows, top, room, gap));
    if below > 0 && h.middle >= 12 {
        let more = [canvas.look.bit(Role::Muted, format!("{below} more"))];
        canvas.bits(left_x + h.panel + 1, area.y + box_height - 1, h.middle.saturating_sub(2), &more);
    }
    box_height
}

/// Fields from `top` on that are at least begun.
fn visible_rows(rows: &[Row], top: usize, room: u16, gap: u16) -> usize {
    let mut used = 0;
    rows.iter()
        .skip(top)
        .take_while(|r| {
            let seen = used < room;
            used += r.height + gap;
            seen
        })
        .count()
}

fn first_visible(rows: &[Row], at: usize, room: u16, gap: u16) -> usize {
    let mut used = 0;
    for i in (0..=at).rev() {
        used += rows[i].height + gap;
        if used > room {
            return (i + 1).min(at);
        }
    }
    0
}

fn draw_row(model: &Model, canvas: &mut Canvas<'_>, i: usize, row: &Row, h: &Hinge, area: Rect, open: bool) {
    let Some(field) = model.fields.get(i) else { return };
    let left_x = area.x + h.label + 2;
    let middle_x = area.x + h.label + h.panel + 1;
    let right_x = area.x + h.label + h.panel + h.middle + 2;
    let inner = h.panel.saturating_sub(4);
    let label_role = if open { Role::Brand } else { Role::Muted };
    if h.label > 0 {
        if open {
            let style = canvas.style(Role::Key);
            canvas.put(area.x, area.y, 1, canvas.look.glyphs.bar(), style);
        }
        let style = canvas.style(label_role);
        canvas.put(area.x + 1, area.y, h.label.saturating_sub(1), field.field.label(), style);
    }
    for (side, x, lines) in [(Side::Sentinel, left_x, &row.left), (Side::ServiceNow, right_x, &row.right)] {
        let style = canvas.style(value_role(field, side));
        for (n, line) in lines.iter().take(area.height as usize).enumerate() {
            canvas.put(x, area.y + n as u16, inner, line, style);
        }
        if open {
            let style = canvas.style(Role::Selected);
            let rect = Rect { x: x.saturating_sub(1), y: area.y, width: inner + 2, height: area.height };
            canvas.restyle(rect, style);
        }
    }
    for (n, bit) in row.middle.iter().take(area.height as usize).enumerate() {
        canvas.bits(middle_x, area.y + n as u16, h.middle.saturating_sub(1), std::slice::from_ref(bit));
    }
}

/// Which rule decided the selected field, and when both last agreed on it.
fn draw_rule(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(field) = model.fields.get(model.incident.field.min(model.fields.len().saturating_sub(1))) else {
        return;
    };
    let look = canvas.look;
    let agreed = match field.agreed {
        Some(at) => format!("agreed {} UTC", at.short()),
        None => "never agreed".into(),
    };
    let rule =
        if field.rule.is_empty() { "no rule had to decide".into() } else { text::escape_line(&field.rule) };
    let label = format!("{}: ", field.field.label());
    let mut y = area.y;
    let room = area.width as usize;
    for (n, line) in text::wrap(&format!("{label}{rule}"), room).into_iter().enumerate() {
        if y >= area.bottom() {
            return;
        }
        let bits = match (n, line.strip_prefix(label.as_str())) {
            (0, Some(rest)) => vec![look.bit(Role::Heading, label.clone()), look.bit(Role::Text, rest)],
            _ => vec![look.bit(Role::Text, line)],
        };
        canvas.bits(area.x, y, area.width, &bits);
        y += 1;
    }
    if y < area.bottom() {
        let bits = [look.bit(Role::Muted, agreed)];
        canvas.bits(area.x, y, area.width, &bits);
    }
}

/// The fields in the pane beside the list; gives the rows it used.
pub(crate) fn draw_small(model: &Model, canvas: &mut Canvas<'_>, area: Rect) -> u16 {
    let fields: Vec<&FieldView> = if model.target().is_some_and(|v| model.detail_of(v.id).is_some()) {
        model.fields.iter().filter(|f| f.field != Field::Title).collect()
    } else {
        Vec::new()
    };
    let label = 12.min(area.width);
    let column = area.width.saturating_sub(label + 2) / 2;
    let heads = [(Role::Sentinel, "Sentinel"), (Role::Servicenow, "ServiceNow")];
    for (i, (role, name)) in heads.into_iter().enumerate() {
        let style = canvas.style(role);
        canvas.put(area.x + label + 2 + column * i as u16, area.y, column, name, style);
    }
    for (i, field) in fields.iter().enumerate() {
        let y = area.y + 1 + i as u16;
        if y >= area.bottom() {
            return area.height;
        }
        let look = canvas.look;
        let head = [look.bit(Role::Muted, field.field.label())];
        canvas.bits(area.x, y, label, &head);
        let sign = [look.bit(step_role(field.step), look.glyphs.step(field.step))];
        canvas.bits(area.x + label, y, 1, &sign);
        for (n, side) in [Side::Sentinel, Side::ServiceNow].into_iter().enumerate() {
            let value = field.shown.of(side).line();
            let value = if value.is_empty() { "-".into() } else { value };
            let style = canvas.style(value_role(field, side));
            let fitted = text::fit(&value, column.saturating_sub(1) as usize);
            canvas.put(area.x + label + 2 + column * n as u16, y, column.saturating_sub(1), &fitted, style);
        }
    }
    fields.len() as u16 + 1
}
