//! Text fields as they are drawn, with a cursor of their own: the terminal's stays hidden.

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::console::canvas::Canvas;
use crate::console::field_input::Input;
use crate::console::theme::Role;
use crate::text;

/// One line with the focus; scrolls sideways so that the cursor stays in sight.
pub(crate) fn draw_line(input: &Input, hint: &str, canvas: &mut Canvas<'_>, area: Rect) {
    if area.width < 2 || area.height == 0 {
        return;
    }
    let style = canvas.style(Role::Input);
    canvas.put(area.x, area.y, area.width, &" ".repeat(area.width as usize), style);
    if input.text().is_empty() {
        let muted = style.patch(canvas.style(Role::Muted));
        canvas.put(area.x + 1, area.y, area.width - 1, hint, muted);
        cursor(canvas, area.x, area.y);
        return;
    }
    // The text in one row of unlimited length; the part around the cursor is shown.
    let (rows, row, column) = input.layout(usize::from(u16::MAX));
    let line = rows.get(row).cloned().unwrap_or_default();
    let room = area.width as usize;
    let skip = (column + 1).saturating_sub(room);
    let mut shown = String::new();
    let mut at = 0;
    for g in unicode_segmentation::UnicodeSegmentation::graphemes(line.as_str(), true) {
        let w = text::width(g);
        if at >= skip && at + w <= skip + room {
            shown.push_str(g);
        }
        at += w;
    }
    canvas.put(area.x, area.y, area.width, &shown, style);
    cursor(canvas, area.x.saturating_add((column - skip.min(column)) as u16), area.y);
}

/// Several lines; scrolls so that the cursor stays in sight.
pub(crate) fn draw_lines(input: &Input, focus: bool, hint: &str, canvas: &mut Canvas<'_>, area: Rect) {
    if area.width < 2 || area.height == 0 {
        return;
    }
    let style = canvas.style(if focus { Role::Input } else { Role::Text });
    if focus {
        for y in 0..area.height {
            canvas.put(area.x, area.y + y, area.width, &" ".repeat(area.width as usize), style);
        }
    }
    if input.text().is_empty() {
        let muted = style.patch(canvas.style(Role::Muted));
        canvas.put(area.x + u16::from(focus), area.y, area.width - 1, hint, muted);
    }
    let (rows, row, column) = input.layout(area.width as usize);
    let top = (row + 1).saturating_sub(area.height as usize);
    for (y, line) in rows.iter().skip(top).take(area.height as usize).enumerate() {
        canvas.put(area.x, area.y + y as u16, area.width, line, style);
    }
    if focus {
        cursor(canvas, area.x.saturating_add(column as u16), area.y.saturating_add((row - top) as u16));
    }
}

fn cursor(canvas: &mut Canvas<'_>, x: u16, y: u16) {
    let style = canvas.style(Role::Input).add_modifier(Modifier::REVERSED);
    canvas.restyle(Rect { x, y, width: 1, height: 1 }, style);
}
