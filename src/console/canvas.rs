//! Drawing that cannot leave the buffer and cannot let a control character into a cell.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

use super::glyphs::Glyphs;
use super::theme::{Role, Theme};
use crate::text;

/// Text with one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bit {
    pub text: String,
    pub style: Style,
}

/// How things look: theme and signs.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub theme: Theme,
    pub glyphs: Glyphs,
}

impl Look {
    /// Text in the style of a role.
    pub fn bit(&self, role: Role, text: impl Into<String>) -> Bit {
        Bit { text: text.into(), style: self.theme.of(role) }
    }
}

/// A rectangle of text: `x`, `y` are where, the width is how far it may go.
pub(crate) struct Canvas<'a> {
    buf: &'a mut Buffer,
    pub look: &'a Look,
}

impl<'a> Canvas<'a> {
    pub fn new(buf: &'a mut Buffer, look: &'a Look) -> Self {
        Self { buf, look }
    }

    pub fn style(&self, role: Role) -> Style {
        self.look.theme.of(role)
    }

    /// Writes `text` at (`x`, `y`) in at most `cells` cells; gives the column behind it. Text
    /// that does not fit ends in an ellipsis. Hostile characters are escaped here once more, so
    /// that no caller can forget it.
    pub fn put(&mut self, x: u16, y: u16, cells: u16, text: &str, style: Style) -> u16 {
        let area = self.buf.area;
        if y < area.y || y >= area.bottom() || x < area.x || x >= area.right() || cells == 0 {
            return x;
        }
        let room = cells.min(area.right() - x);
        let safe;
        let text = if text.chars().any(text::is_hostile) {
            safe = text::escape_line(text);
            safe.as_str()
        } else {
            text
        };
        let fitted = text::fit(text, room as usize);
        let fitted = if self.look.glyphs.ascii && fitted.len() < text.len() && fitted.ends_with('…') {
            fitted.replace('…', "~")
        } else {
            fitted
        };
        self.cells(x, y, room, &fitted, style)
    }

    fn cells(&mut self, x: u16, y: u16, room: u16, text: &str, style: Style) -> u16 {
        let end = x.saturating_add(room);
        let mut at = x;
        for g in text.graphemes(true) {
            let w = (text::width(g).min(2)) as u16;
            if w == 0 || at.saturating_add(w) > end {
                continue;
            }
            if let Some(cell) = self.buf.cell_mut((at, y)) {
                cell.set_symbol(g).set_style(style);
            }
            if w == 2
                && let Some(cell) = self.buf.cell_mut((at + 1, y))
            {
                // The second half of a wide character holds nothing of its own.
                cell.set_symbol(" ").set_style(style);
            }
            at += w;
        }
        at
    }

    /// Writes several pieces behind each other; gives the column behind them.
    pub fn bits(&mut self, x: u16, y: u16, cells: u16, bits: &[Bit]) -> u16 {
        let end = x.saturating_add(cells);
        let mut at = x;
        for bit in bits {
            if at >= end {
                break;
            }
            at = self.put(at, y, end - at, &bit.text, bit.style);
        }
        at
    }

    /// Writes pieces so that they end at the right edge of `cells`.
    pub fn bits_right(&mut self, x: u16, y: u16, cells: u16, bits: &[Bit]) {
        let wide = width_of(bits).min(cells);
        self.bits(x.saturating_add(cells - wide), y, wide, bits);
    }

    /// Changes the style of a rectangle.
    pub fn restyle(&mut self, rect: Rect, style: Style) {
        let rect = rect.intersection(self.buf.area);
        if !rect.is_empty() {
            self.buf.set_style(rect, style);
        }
    }

    /// Empties a rectangle and gives it the style of a role.
    pub fn clear(&mut self, rect: Rect, role: Role) {
        let rect = rect.intersection(self.buf.area);
        let base = self.look.theme.base();
        let style = base.patch(self.style(role));
        for y in rect.top()..rect.bottom() {
            for x in rect.left()..rect.right() {
                if let Some(cell) = self.buf.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
        // A wide character cut by the left edge would smear into the overlay.
        if rect.x > 0 {
            for y in rect.top()..rect.bottom() {
                if let Some(cell) = self.buf.cell_mut((rect.x - 1, y))
                    && text::width(cell.symbol()) > 1
                {
                    cell.set_symbol(" ");
                }
            }
        }
    }

    /// A horizontal line.
    pub fn hline(&mut self, x: u16, y: u16, cells: u16) {
        let line = self.look.glyphs.h().repeat(cells as usize);
        let style = self.style(Role::Line);
        self.put(x, y, cells, &line, style);
    }

    /// A vertical line.
    pub fn vline(&mut self, x: u16, y: u16, cells: u16) {
        let style = self.style(Role::Line);
        for i in 0..cells {
            self.put(x, y.saturating_add(i), 1, self.look.glyphs.v(), style);
        }
    }

    /// A border with a title; gives the inside with one column of air.
    pub fn frame(&mut self, rect: Rect, title: &[Bit], line: Style) -> Rect {
        let rect = rect.intersection(self.buf.area);
        if rect.width < 4 || rect.height < 2 {
            return Rect { width: 0, height: 0, ..rect };
        }
        let [tl, tr, bl, br] = self.look.glyphs.corners();
        let (h, v) = (self.look.glyphs.h(), self.look.glyphs.v());
        let (right, bottom) = (rect.right() - 1, rect.bottom() - 1);
        let across = h.repeat(rect.width.saturating_sub(2) as usize);
        self.put(rect.x, rect.y, 1, tl, line);
        self.put(rect.x + 1, rect.y, rect.width - 2, &across, line);
        self.put(right, rect.y, 1, tr, line);
        self.put(rect.x, bottom, 1, bl, line);
        self.put(rect.x + 1, bottom, rect.width - 2, &across, line);
        self.put(right, bottom, 1, br, line);
        for y in rect.y + 1..bottom {
            self.put(rect.x, y, 1, v, line);
            self.put(right, y, 1, v, line);
        }
        if !title.is_empty() && rect.width > 6 {
            let end = self.put(rect.x + 2, rect.y, 1, " ", line);
            let end = self.bits(end, rect.y, rect.width.saturating_sub(5), title);
            self.put(end, rect.y, rect.right().saturating_sub(end + 1), " ", line);
        }
        inset(rect, 2, 1)
    }
}

/// Cells that pieces take together.
pub(crate) fn width_of(bits: &[Bit]) -> u16 {
    bits.iter().map(|b| text::width(&b.text)).sum::<usize>().min(u16::MAX as usize) as u16
}

/// A rectangle without `dx` columns and `dy` rows on each side.
pub(crate) fn inset(rect: Rect, dx: u16, dy: u16) -> Rect {
    Rect {
        x: rect.x.saturating_add(dx.min(rect.width)),
        y: rect.y.saturating_add(dy.min(rect.height)),
        width: rect.width.saturating_sub(dx.saturating_mul(2)),
        height: rect.height.saturating_sub(dy.saturating_mul(2)),
    }
}

/// A rectangle of that size in the middle of another, clamped to it.
pub(crate) fn middle(outer: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(outer.width);
    let height = height.min(outer.height);
    Rect {
        x: outer.x.saturating_add((outer.width - width) / 2),
        y: outer.y.saturating_add((outer.height - height) / 2),
        width,
        height,
    }
}

/// The upper `rows` of a rectangle and the rest.
pub(crate) fn split_top(rect: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(rect.height);
    let top = Rect { height: rows, ..rect };
    (top, Rect { y: rect.y.saturating_add(rows), height: rect.height - rows, ..rect })
}

/// The left `columns` of a rectangle and the rest.
pub(crate) fn split_left(rect: Rect, columns: u16) -> (Rect, Rect) {
    let columns = columns.min(rect.width);
    let left = Rect { width: columns, ..rect };
    (left, Rect { x: rect.x.saturating_add(columns), width: rect.width - columns, ..rect })
}
