//! What would be written, before it is. Cancel has the focus; the key that confirms is not the
//! key that asked.

use ratatui::layout::Rect;

use super::Overlay;
use crate::console::action::{ActionId, action};
use crate::console::canvas::{Bit, Canvas, middle};
use crate::console::effect::{Effect, Effects};
use crate::console::model::{Model, Tracked};
use crate::console::theme::Role;
use crate::console::{command, screens};
use crate::model::view::Level;
use crate::model::{Command, CommandState, Control, Side, Verb};
use crate::text;

/// What happens when it is confirmed.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Command(Box<Command>),
    Control(Control),
    ApplyTables { body: String, reason: String, parent: i64 },
    DiscardTables,
    Quit,
}

/// How often it must be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirms {
    Once,
    /// It has warnings: once for the plan, once for them.
    Twice,
    /// The first of two was given.
    Again,
}

/// One line of what would be written.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    /// The side, `None` where it is none of them.
    pub side: Option<Side>,
    pub what: String,
    pub before: String,
    pub after: String,
}

/// The plan.
pub(crate) struct Plan {
    pub title: String,
    /// Where it happens: environment, workspace and instance, both numbers.
    pub place: Vec<String>,
    pub writes: Vec<Write>,
    /// Sentences below the writes.
    pub notes: Vec<(Role, String)>,
    /// The word on the button.
    pub word: &'static str,
    /// `None` when there is nothing to confirm.
    pub act: Option<Act>,
    pub confirms: Confirms,
    pub on_confirm: bool,
}

pub(super) fn switch(model: &mut Model) {
    if let Some(Overlay::Plan(p)) = model.overlays.last_mut() {
        p.on_confirm = !p.on_confirm && p.act.is_some();
    }
}

pub(super) fn press(model: &mut Model, fx: &mut Effects) {
    match model.overlays.last() {
        Some(Overlay::Plan(p)) if p.on_confirm => confirm(model, fx),
        _ => {
            model.overlays.pop();
        }
    }
}

/// Does what the plan says, or asks again about its warnings.
pub(super) fn confirm(model: &mut Model, fx: &mut Effects) {
    let Some(Overlay::Plan(plan)) = model.overlays.last_mut() else { return };
    if plan.act.is_none() {
        return;
    }
    if plan.confirms == Confirms::Twice {
        plan.confirms = Confirms::Again;
        return;
    }
    let Some(Overlay::Plan(plan)) = model.overlays.pop() else { return };
    let Some(act) = plan.act else { return };
    // Read-only holds here too: this is the only place where a write effect is made.
    if model.setup.readonly && !matches!(act, Act::Quit | Act::DiscardTables) {
        model.say(Level::Warning, "This console is read-only; nothing was written.");
        return;
    }
    match act {
        Act::Command(command) => give(model, *command, fx),
        Act::Control(control) => fx.push(Effect::GiveControl(control)),
        Act::ApplyTables { body, reason, parent } => {
            fx.push(Effect::ApplyTables { body, reason, parent });
        }
        Act::DiscardTables => screens::mappings::discard(model),
        Act::Quit => fx.push(Effect::Quit),
    }
}

fn give(model: &mut Model, mut command: Command, fx: &mut Effects) {
    command.at = model.now;
    if matches!(command.verb, Verb::Comment { .. } | Verb::Close { .. }) {
        model.drafts.remove(&command.link);
        model.overlays.retain(|o| !matches!(o, Overlay::Writing(_) | Overlay::Closing(_)));
    }
    model.next_ticket += 1;
    model.tracked.push(Tracked {
        ticket: model.next_ticket,
        id: None,
        link: command.link,
        what: command::in_words(model, &command),
        state: CommandState::Pending,
    });
    fx.push(Effect::GiveCommand { ticket: model.next_ticket, command: Box::new(command) });
}

pub(super) fn draw(plan: &Plan, canvas: &mut Canvas<'_>, area: Rect) {
    let width = area.width.saturating_sub(4).clamp(1, 92);
    let body = lines(plan, canvas, width.saturating_sub(4) as usize);
    let height = (body.len() + 4).min(u16::MAX as usize) as u16;
    let rect = middle(area, width.max(area.width.min(24)), height);
    canvas.clear(rect, Role::Overlay);
    let line = canvas.style(Role::OverlayLine);
    let title = [canvas.look.bit(Role::Brand, plan.title.clone())];
    let inside = canvas.frame(rect, &title, line);
    let rows = inside.height.saturating_sub(2) as usize;
    for (row, bits) in body.iter().take(rows).enumerate() {
        canvas.bits(inside.x, inside.y + row as u16, inside.width, bits);
    }
    if body.len() > rows && rows > 0 {
        let more = [canvas.look.bit(Role::Warning, format!(" {} more lines ", body.len() - rows))];
        canvas.bits_right(inside.x, inside.bottom().saturating_sub(2), inside.width, &more);
    }
    draw_buttons(plan, canvas, inside);
}

fn draw_buttons(plan: &Plan, canvas: &mut Canvas<'_>, inside: Rect) {
    if inside.height == 0 {
        return;
    }
    let y = inside.bottom() - 1;
    let button = |canvas: &Canvas<'_>, word: String, on: bool| {
        let role = if on { Role::Button } else { Role::Muted };
        Bit { text: word, style: canvas.style(role) }
    };
    let Some(_) = plan.act else {
        let close = [button(canvas, "  Close  Esc  ".into(), true)];
        canvas.bits_right(inside.x, y, inside.width, &close);
        return;
    };
    let key = action(ActionId::Apply).keys.first().map(ToString::to_string).unwrap_or_default();
    let again = match plan.confirms {
        Confirms::Once => "",
        Confirms::Twice => " (twice)",
        Confirms::Again => " again",
    };
    let buttons = [
        button(canvas, "  Cancel  Esc  ".into(), !plan.on_confirm),
        canvas.look.bit(Role::Text, "  "),
        button(canvas, format!("  {}  {key}{again}  ", plan.word), plan.on_confirm),
    ];
    canvas.bits_right(inside.x, y, inside.width, &buttons);
    if plan.confirms == Confirms::Again {
        // Above the buttons there is an empty line, also where the plan is longer than its frame.
        let said = format!("The warnings stand. {key} once more: {} all the same.", plan.word.to_lowercase());
        let style = canvas.style(Role::Warning);
        let above = Rect { y: y.saturating_sub(1).max(inside.y), height: 1, ..inside };
        canvas.clear(above, Role::Overlay);
        canvas.put(above.x, above.y, above.width, &said, style);
    }
}

fn lines(plan: &Plan, canvas: &Canvas<'_>, width: usize) -> Vec<Vec<Bit>> {
    let look = canvas.look;
    let mut out: Vec<Vec<Bit>> = Vec::new();
    for place in &plan.place {
        out.extend(text::wrap(place, width).into_iter().map(|l| vec![look.bit(Role::Muted, l)]));
    }
    out.push(Vec::new());
    let longest = |f: fn(&Write) -> &str| plan.writes.iter().map(|w| text::width(f(w))).max().unwrap_or(0);
    let sided = plan.writes.iter().any(|w| w.side.is_some());
    let side_cells = if sided { 12 } else { 0 };
    let what = longest(|w| w.what.as_str()).clamp(5, 24) + 2;
    let before =
        longest(|w| w.before.as_str()).clamp(6, width.saturating_sub(side_cells + what + 3).max(12) / 2);
    for write in &plan.writes {
        let side = match write.side {
            Some(Side::Sentinel) => look.bit(Role::Sentinel, text::pad("Sentinel", side_cells)),
            Some(Side::ServiceNow) => look.bit(Role::Servicenow, text::pad("ServiceNow", side_cells)),
            None => look.bit(Role::Muted, " ".repeat(side_cells)),
        };
        let room = width.saturating_sub(side_cells + what + before + 4).max(8);
        let mut after = text::wrap(&text::escape_line(&write.after), room).into_iter().take(8);
        let before_text = if write.before.is_empty() { "(empty)" } else { &write.before };
        let first = after.next().filter(|a| !a.is_empty()).unwrap_or_else(|| "(empty)".into());
        out.push(vec![
            side,
            look.bit(Role::Text, text::pad(&write.what, what)),
            look.bit(Role::Before, text::pad(&text::escape_line(before_text), before)),
            look.bit(Role::Muted, format!(" {} ", look.glyphs.arrow())),
            look.bit(Role::Changed, first),
        ]);
        let indent = " ".repeat(side_cells + what + before + 3);
        out.extend(after.map(|l| vec![look.bit(Role::Changed, format!("{indent}{l}"))]));
    }
    if !plan.writes.is_empty() && !plan.notes.is_empty() {
        out.push(Vec::new());
    }
    for (role, note) in &plan.notes {
        out.extend(text::wrap(note, width).into_iter().map(|l| vec![look.bit(*role, l)]));
    }
    out.push(Vec::new());
    out
}
