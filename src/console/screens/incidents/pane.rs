//! The selected incident beside or below the list: both sides at a glance.

use ratatui::layout::Rect;

use crate::console::canvas::{Canvas, inset};
use crate::console::command::subject;
use crate::console::glyphs::step_role;
use crate::console::model::Model;
use crate::console::screens::incident;
use crate::console::theme::Role;
use crate::model::view::LinkView;
use crate::text;

pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let area = inset(area, 1, 0);
    let Some(view) = model.target() else {
        let style = canvas.style(Role::Muted);
        canvas.put(area.x, area.y, area.width, "Nothing is selected.", style);
        return;
    };
    if area.height <= 8 {
        draw_low(model, view, canvas, area);
    } else {
        draw_tall(model, view, canvas, area);
    }
}

fn head(view: &LinkView, canvas: &mut Canvas<'_>, area: Rect, lines: u16) -> u16 {
    let look = canvas.look;
    let bits = [
        look.bit(Role::Heading, subject(view)),
        look.bit(Role::Text, "   "),
        look.bit(step_role(view.step), format!("{} {}", look.glyphs.step(view.step), view.step.word())),
    ];
    canvas.bits(area.x, area.y, area.width, &bits);
    let brand = canvas.style(Role::Brand);
    let mut y = area.y + 1;
    for line in text::wrap(&view.title.line(), area.width as usize).into_iter().take(lines as usize) {
        canvas.put(area.x, y, area.width, &line, brand);
        y += 1;
    }
    if !view.why.is_empty() {
        let style = canvas.style(step_role(view.step));
        for line in
            text::wrap(&text::escape_line(&view.why), area.width as usize).into_iter().take(lines as usize)
        {
            if y < area.bottom() {
                canvas.put(area.x, y, area.width, &line, style);
                y += 1;
            }
        }
    }
    y
}

/// Below the list there are few rows: the values in two lines, one per side.
fn draw_low(model: &Model, view: &LinkView, canvas: &mut Canvas<'_>, area: Rect) {
    let y = head(view, canvas, area, 1);
    let look = canvas.look;
    let value = |t: String| if t.is_empty() { "-".to_owned() } else { t };
    for (i, (name, role, url, parts)) in [
        (
            "Sentinel",
            Role::Sentinel,
            &view.url.sentinel,
            [&view.severity.sentinel, &view.status.sentinel, &view.owner.sentinel],
        ),
        (
            "ServiceNow",
            Role::Servicenow,
            &view.url.servicenow,
            [&view.severity.servicenow, &view.status.servicenow, &view.owner.servicenow],
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let y = y.saturating_add(i as u16);
        if y >= area.bottom() {
            return;
        }
        let [severity, status, owner] = parts.map(|p| value(p.line()));
        let bits = [
            look.bit(role, text::pad(name, 12)),
            look.bit(Role::Text, text::pad(&severity, 14)),
            look.bit(Role::Text, text::pad(&status, 14)),
            look.bit(Role::Text, text::pad(&owner, 20)),
            look.bit(Role::Muted, url.line()),
        ];
        canvas.bits(area.x, y, area.width, &bits);
    }
    let last = y.saturating_add(2);
    if last < area.bottom() {
        let latest = incident::conversation::latest(model, view, area.width);
        canvas.bits(area.x, last, area.width, &latest);
    }
}

fn draw_tall(model: &Model, view: &LinkView, canvas: &mut Canvas<'_>, area: Rect) {
    let y = head(view, canvas, area, 2).saturating_add(1);
    let rest = Rect { y, height: area.bottom().saturating_sub(y), ..area };
    if rest.height < 3 {
        return;
    }
    let used = incident::fields::draw_small(model, canvas, rest);
    let below = Rect {
        y: rest.y.saturating_add(used).saturating_add(1),
        height: rest.height.saturating_sub(used.saturating_add(1)),
        ..rest
    };
    if below.height > 2 {
        let style = canvas.style(Role::Heading);
        canvas.put(below.x, below.y, below.width, "CONVERSATION", style);
        let list = Rect { y: below.y + 1, height: below.height - 1, ..below };
        incident::conversation::draw(model, canvas, list, usize::MAX);
    }
}
