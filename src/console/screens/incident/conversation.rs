//! One timeline of both sides: who wrote what where, and how far it has come to the other side.

use ratatui::layout::Rect;

use crate::console::canvas::{Bit, Canvas, width_of};
use crate::console::health::minutes;
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::model::view::LinkView;
use crate::model::{CommentOrigin, Delivery, Entry, Side};
use crate::text;

fn origin(entry: &Entry) -> (Role, &'static str) {
    match entry.origin {
        CommentOrigin::Sentinel => (Role::Sentinel, "Sentinel"),
        CommentOrigin::ServiceNow => (Role::Servicenow, "ServiceNow"),
        CommentOrigin::Console => (Role::Brand, "here"),
        CommentOrigin::Sync => (Role::Muted, "sync"),
    }
}

fn delivery(model: &Model, entry: &Entry) -> Vec<Bit> {
    let look = &model.look;
    let mut bits = Vec::new();
    for side in [Side::Sentinel, Side::ServiceNow] {
        let state = entry.delivery(side);
        let role = match state {
            Delivery::None => continue,
            Delivery::Delivered => Role::Good,
            Delivery::Waiting | Delivery::Sending => Role::Pending,
            Delivery::Held => Role::Warning,
        };
        bits.push(look.bit(role, format!("{} {side} {}  ", look.glyphs.arrow(), state.word())));
    }
    bits
}

fn entries(model: &Model) -> &[Entry] {
    let id = model.target().map(|v| v.id);
    let state = id.and_then(|id| model.detail_of(id)).and_then(|d| d.state.as_ref());
    state.map_or(&[], |s| s.entries.as_slice())
}

fn lines_of(model: &Model, entry: &Entry, width: usize) -> Vec<Vec<Bit>> {
    let look = &model.look;
    let (role, place) = origin(entry);
    let mut head = vec![
        look.bit(role, format!("{} ", look.glyphs.bar())),
        look.bit(Role::Key, text::fit(&entry.author.line(), 28)),
        look.bit(role, format!("  {place}")),
        look.bit(Role::Muted, format!("  {}  ", entry.at.short())),
    ];
    let bar = || look.bit(role, format!("{} ", look.glyphs.bar()));
    let delivery = delivery(model, entry);
    let mut out = Vec::new();
    if usize::from(width_of(&head).saturating_add(width_of(&delivery))) <= width.saturating_add(2) {
        head.extend(delivery);
        out.push(head);
    } else {
        out.push(head);
        out.push(std::iter::once(bar()).chain(delivery).collect());
    }
    for line in entry.text.lines().iter().flat_map(|l| text::wrap(l, width.saturating_sub(2).max(1))) {
        out.push(vec![bar(), look.bit(Role::Text, line)]);
    }
    if !entry.reason.is_empty() {
        out.push(vec![bar(), look.bit(Role::Warning, text::escape_line(&entry.reason))]);
    }
    out.push(Vec::new());
    out
}

/// Lines of the whole timeline at the width of the Incident screen.
pub(super) fn count_lines(model: &Model) -> usize {
    let width = usize::from(model.size.0.saturating_sub(2));
    entries(model).iter().map(|e| lines_of(model, e, width).len()).sum()
}

/// Draws the end of the timeline, `back` lines up from it; `usize::MAX` draws the newest entries
/// first, from the top.
pub(crate) fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect, back: usize) {
    if area.height == 0 || area.width < 4 {
        return;
    }
    let list = entries(model);
    if list.is_empty() {
        let style = canvas.style(Role::Muted);
        canvas.put(area.x, area.y, area.width, "Nothing was written yet. C adds a comment.", style);
        return;
    }
    let room = area.height as usize;
    let lines =
        if back == usize::MAX { newest_first(model, list, area) } else { oldest_first(model, list, area) };
    let top = if back == usize::MAX { 0 } else { lines.len().saturating_sub(room).saturating_sub(back) };
    for (row, line) in lines.iter().skip(top).take(room).enumerate() {
        canvas.bits(area.x, area.y + row as u16, area.width, line);
    }
    if top > 0 {
        let more = [canvas.look.bit(Role::Muted, format!(" {top} lines above "))];
        canvas.bits_right(area.x, area.y, area.width, &more);
    }
}

fn newest_first(model: &Model, list: &[Entry], area: Rect) -> Vec<Vec<Bit>> {
    let mut lines = Vec::new();
    for entry in list.iter().rev() {
        lines.extend(lines_of(model, entry, area.width as usize));
        if lines.len() > area.height as usize {
            break;
        }
    }
    lines
}

fn oldest_first(model: &Model, list: &[Entry], area: Rect) -> Vec<Vec<Bit>> {
    let mut lines: Vec<_> = list.iter().flat_map(|e| lines_of(model, e, area.width as usize)).collect();
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

/// The newest entry in one line.
pub(crate) fn latest(model: &Model, view: &LinkView, width: u16) -> Vec<Bit> {
    let look = &model.look;
    let Some(entry) = entries(model).last() else {
        let n = view.entries.sentinel.saturating_add(view.entries.servicenow);
        return vec![look.bit(Role::Muted, format!("{n} entries in the conversation"))];
    };
    let (role, place) = origin(entry);
    vec![
        look.bit(role, format!("{} {place} ", look.glyphs.bar())),
        look.bit(
            Role::Muted,
            format!("{} {}  ", text::fit(&entry.author.line(), 20), minutes(model.now, entry.at)),
        ),
        look.bit(Role::Text, text::fit(&entry.text.line(), width as usize)),
    ]
}
