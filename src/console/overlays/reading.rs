//! Something to read: a difference, a history.

use ratatui::layout::Rect;

use crate::console::canvas::{Canvas, middle};
use crate::console::theme::Role;
use crate::text;

/// Lines with roles.
pub(crate) struct Reading {
    pub title: String,
    pub lines: Vec<Vec<(Role, String)>>,
    pub top: usize,
}

pub(super) fn draw(reading: &Reading, canvas: &mut Canvas<'_>, area: Rect) {
    let widest = reading
        .lines
        .iter()
        .map(|l| l.iter().map(|(_, t)| text::width(t)).sum::<usize>())
        .max()
        .unwrap_or(0)
        .clamp(40, 110);
    let rect = middle(area, widest as u16 + 4, (reading.lines.len().clamp(1, 200) + 2) as u16);
    let rect = middle(area, rect.width, rect.height.min(area.height.saturating_sub(2)));
    canvas.clear(rect, Role::Overlay);
    let line = canvas.style(Role::OverlayLine);
    let title = [canvas.look.bit(Role::Brand, reading.title.clone())];
    let inside = canvas.frame(rect, &title, line);
    let top = reading.top.min(reading.lines.len().saturating_sub(inside.height as usize));
    for (row, line) in reading.lines.iter().skip(top).take(inside.height as usize).enumerate() {
        let bits: Vec<_> = line.iter().map(|(role, t)| canvas.look.bit(*role, t.clone())).collect();
        canvas.bits(inside.x, inside.y + row as u16, inside.width, &bits);
    }
}
