//! The frame of the Incident screen: both numbers, addresses, step, tabs.

use ratatui::layout::Rect;

use super::{Tab, conversation, fields, history};
use crate::console::canvas::{Canvas, inset, split_left, split_top, width_of};
use crate::console::glyphs::step_role;
use crate::console::layout::{Room, room};
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::model::view::LinkView;
use crate::text;

pub(crate) fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let area = inset(area, 1, 0);
    let Some(view) = model.incident.link.and_then(|id| model.links.get(id)) else {
        let style = canvas.style(Role::Muted);
        canvas.put(
            area.x,
            area.y,
            area.width,
            "This incident is not published any more. Esc goes back.",
            style,
        );
        return;
    };
    let tall = area.height >= 18;
    let (head, rest) = split_top(area, if tall { 4 } else { 2 });
    draw_head(model, view, canvas, head, tall);
    let (tabs, rest) = split_top(rest, 1);
    let huge = room(model.size.0, model.size.1) == Room::Huge && model.incident.tab == Tab::Fields;
    draw_tabs(model, canvas, tabs);
    let (_, rest) = split_top(rest, u16::from(tall));
    if model.detail_of(view.id).is_none() {
        let style = canvas.style(Role::Muted);
        canvas.put(rest.x, rest.y, rest.width, "Reading it from the store.", style);
        return;
    }
    match model.incident.tab {
        Tab::Fields if huge => {
            let (left, right) = split_left(rest, (u32::from(rest.width) * 64 / 100) as u16);
            fields::draw(model, canvas, Rect { width: left.width.saturating_sub(2), ..left });
            canvas.vline(right.x, right.y, right.height);
            let side = inset(Rect { x: right.x + 1, width: right.width.saturating_sub(1), ..right }, 1, 0);
            let (title, list) = split_top(side, 1);
            let style = canvas.style(Role::Heading);
            canvas.put(title.x, title.y, title.width, "CONVERSATION", style);
            conversation::draw(model, canvas, list, 0);
        }
        Tab::Fields => fields::draw(model, canvas, rest),
        Tab::Conversation => conversation::draw(model, canvas, rest, model.incident.back),
        Tab::History => history::draw(model, canvas, rest),
    }
}

fn draw_head(model: &Model, view: &LinkView, canvas: &mut Canvas<'_>, area: Rect, tall: bool) {
    let look = canvas.look;
    let record = if view.record_number.is_empty() {
        "no record yet".into()
    } else {
        text::escape_line(&view.record_number)
    };
    let step =
        [look.bit(step_role(view.step), format!("{} {}", look.glyphs.step(view.step), view.step.word()))];
    let numbers = [
        look.bit(Role::Sentinel, format!("{}/{}", view.workspace, view.incident_number)),
        look.bit(Role::Muted, format!(" {} ", look.glyphs.both())),
        look.bit(Role::Servicenow, format!("{}/{record}", view.instance)),
        look.bit(
            Role::Muted,
            format!("   {}{}", view.table, if view.in_filter { "" } else { "   left the filter" }),
        ),
    ];
    canvas.bits_right(area.x, area.y, area.width, &step);
    canvas.bits(area.x, area.y, area.width.saturating_sub(width_of(&step) + 1), &numbers);
    let brand = canvas.style(Role::Brand);
    canvas.put(area.x, area.y + 1, area.width, &text::fit(&view.title.line(), area.width as usize), brand);
    if !tall {
        return;
    }
    let half = area.width / 2;
    for (i, (role, url)) in [(Role::Sentinel, &view.url.sentinel), (Role::Servicenow, &view.url.servicenow)]
        .into_iter()
        .enumerate()
    {
        let x = area.x + half * i as u16;
        let shown = if url.is_empty() { "no address known".into() } else { url.line() };
        let bits = [
            look.bit(role, ["o ", "O "][i]),
            look.bit(Role::Muted, text::fit(&shown, half.saturating_sub(4) as usize)),
        ];
        canvas.bits(x, area.y + 2, half, &bits);
    }
    let (role, why) = command_line(model, view);
    let style = canvas.style(role);
    canvas.put(area.x, area.y + 3, area.width, &why, style);
}

/// A command under way, or why the link is not in step.
fn command_line(model: &Model, view: &LinkView) -> (Role, String) {
    if let Some(t) = model.tracked.iter().rev().find(|t| t.link == view.id) {
        return (Role::Pending, format!("{} {}: {}", model.look.glyphs.waiting(), t.state.word(), t.what));
    }
    (step_role(view.step), text::escape_line(&view.why))
}

fn draw_tabs(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let detail = model.incident.link.and_then(|id| model.detail_of(id));
    let mut x = area.x;
    for tab in Tab::ALL {
        let n = match (tab, detail) {
            (Tab::Conversation, Some(d)) => d.state.as_ref().map(|s| s.entries.len()),
            (Tab::History, Some(d)) => Some(d.audit.len()),
            _ => None,
        };
        let count = n.map(|n| format!(" {n}")).unwrap_or_default();
        let on = tab == model.incident.tab;
        let style = canvas.style(if on { Role::Button } else { Role::Muted });
        x = canvas.put(
            x,
            area.y,
            area.right().saturating_sub(x),
            &format!(" {}{count} ", tab.title()),
            style,
        );
        x = x.saturating_add(1);
    }
}
