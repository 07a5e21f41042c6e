//! A table whose columns are data. Columns that do not fit are dropped whole, least wanted
//! first; what is left over goes to those that can use it. Only visible rows are ever asked for.

use ratatui::layout::Rect;

use crate::console::canvas::{Bit, Canvas};
use crate::console::theme::Role;

/// One column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column<C> {
    pub id: C,
    pub title: &'static str,
    /// Below this it is dropped.
    pub min: u16,
    /// More than this it does not need; `u16::MAX` takes whatever is left.
    pub ideal: u16,
    /// Dropped in descending order of this.
    pub priority: u8,
}

/// A column with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed<C> {
    pub id: C,
    pub title: &'static str,
    pub x: u16,
    pub width: u16,
}

/// Cells between columns: one where there is little room.
fn gap(width: u16) -> u16 {
    if width < 90 { 1 } else { 2 }
}

/// Gives each column that fits into `width` its place, in the order given.
pub(crate) fn place<C: Copy>(columns: &[Column<C>], width: u16) -> Vec<Placed<C>> {
    let gap = gap(width);
    let mut kept: Vec<&Column<C>> = columns.iter().collect();
    let need = |kept: &[&Column<C>]| -> u32 {
        kept.iter().map(|c| u32::from(c.min) + u32::from(gap)).sum::<u32>().saturating_sub(u32::from(gap))
    };
    while kept.len() > 1 && need(&kept) > u32::from(width) {
        let worst = kept.iter().enumerate().max_by_key(|(i, c)| (c.priority, *i)).map(|(i, _)| i);
        match worst {
            Some(i) => drop(kept.remove(i)),
            None => break,
        }
    }
    let mut widths: Vec<u16> = kept.iter().map(|c| c.min.min(width)).collect();
    let mut spare = u32::from(width).saturating_sub(need(&kept)) as u16;
    // First those with a known need, best first; then those that take whatever is left.
    let mut order: Vec<usize> = (0..kept.len()).collect();
    order.sort_by_key(|i| (kept[*i].ideal == u16::MAX, kept[*i].priority));
    for i in order {
        let more = kept[i].ideal.saturating_sub(widths[i]).min(spare);
        widths[i] = widths[i].saturating_add(more);
        spare -= more;
    }
    let mut x = 0u16;
    kept.iter()
        .zip(widths)
        .map(|(c, width)| {
            let placed = Placed { id: c.id, title: c.title, x, width };
            x = x.saturating_add(width).saturating_add(gap);
            placed
        })
        .collect()
}

/// Draws the titles; the sorted one carries its sign.
pub(crate) fn draw_titles<C: Copy>(
    canvas: &mut Canvas<'_>,
    area: Rect,
    placed: &[Placed<C>],
    sorted: impl Fn(C) -> Option<bool>,
) {
    if area.height == 0 {
        return;
    }
    for column in placed {
        let mut bits = vec![canvas.look.bit(Role::Heading, column.title)];
        if let Some(descending) = sorted(column.id) {
            bits.push(canvas.look.bit(Role::Brand, format!(" {}", canvas.look.glyphs.sorted(descending))));
        }
        let width = column.width.min(area.width.saturating_sub(column.x));
        canvas.bits(area.x.saturating_add(column.x), area.y, width, &bits);
    }
}

/// Draws one row; a selected one gets its style over everything.
pub(crate) fn draw_row<C: Copy>(
    canvas: &mut Canvas<'_>,
    row: Rect,
    placed: &[Placed<C>],
    cell: impl Fn(C, u16) -> Vec<Bit>,
) {
    for column in placed {
        let width = column.width.min(row.width.saturating_sub(column.x));
        if width > 0 {
            let bits = cell(column.id, width);
            canvas.bits(row.x.saturating_add(column.x), row.y, width, &bits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column<u8>] = &[
        Column { id: 0, title: "A", min: 8, ideal: 8, priority: 0 },
        Column { id: 1, title: "B", min: 10, ideal: 20, priority: 2 },
        Column { id: 2, title: "C", min: 10, ideal: u16::MAX, priority: 1 },
    ];

    #[test]
    fn columns_are_dropped_whole_and_never_overlap() {
        for width in 0..300u16 {
            let placed = place(COLUMNS, width);
            for pair in placed.windows(2) {
                assert!(pair[0].x + pair[0].width < pair[1].x);
            }
            if let Some(last) = placed.last() {
                assert!(last.x + last.width <= width, "{width}");
            }
        }
        assert_eq!(place(COLUMNS, 20).iter().map(|c| c.id).collect::<Vec<_>>(), [0, 2]);
        let wide = place(COLUMNS, 100);
        assert_eq!((wide[1].width, wide[2].width), (20, 68));
    }
}
