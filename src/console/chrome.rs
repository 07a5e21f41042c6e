//! What every screen has: header, footer, toasts.

use ratatui::layout::Rect;

use super::action;
use super::canvas::{Bit, Canvas, width_of};
use super::glyphs::{level_role, step_role};
use super::health;
use super::model::{Model, Screen};
use super::theme::Role;
use crate::model::view::{Level, Step};
use crate::text;

const TABS: [(Screen, &str); 3] =
    [(Screen::Incidents, "1 Incidents"), (Screen::Mappings, "2 Mappings"), (Screen::Sync, "3 Sync")];

const NAME: &str = " diptych ";

/// The columns of the tabs in the header: screen, from, to.
pub(crate) fn tabs() -> Vec<(Screen, u16, u16)> {
    let mut x = NAME.len() as u16 + 1;
    TABS.iter()
        .map(|(screen, title)| {
            let end = x + title.len() as u16 + 2;
            let tab = (*screen, x, end);
            x = end;
            tab
        })
        .collect()
}

/// Draws the header.
pub(crate) fn header(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let first = Rect { height: 1, ..area };
    let brand = canvas.style(Role::Brand);
    canvas.put(first.x, first.y, first.width, NAME, brand);
    let here = if model.screen == Screen::Incident { Screen::Incidents } else { model.screen };
    let mut left = NAME.len() as u16;
    for ((screen, from, to), (_, title)) in tabs().into_iter().zip(TABS) {
        // A tab that would be cut is left out; its number works anyway.
        if to > first.width {
            break;
        }
        let style = canvas.style(if screen == here { Role::Button } else { Role::Muted });
        canvas.put(first.x + from, first.y, to - from, &format!(" {title} "), style);
        left = to;
    }
    let right = identity(model, canvas);
    let room = first.width.saturating_sub(left + 1);
    let wide = width_of(&right);
    if wide <= room {
        canvas.bits_right(first.x + left + 1, first.y, room, &right);
    } else {
        // The badges and the clock survive; the name of the environment is cut.
        canvas.bits(first.x + left + 1, first.y, room, &right);
    }
    if area.height > 1 {
        status_line(model, canvas, Rect { y: area.y + 1, height: 1, ..area });
    }
}

/// Badges, environment, clock.
fn identity(model: &Model, canvas: &Canvas<'_>) -> Vec<Bit> {
    let look = canvas.look;
    let mut bits = Vec::new();
    for (on, word) in
        [(model.setup.readonly, " READ-ONLY "), (model.setup.mouse && !model.mouse, " MOUSE FREE ")]
    {
        if on {
            bits.push(look.bit(Role::Badge, word));
            bits.push(look.bit(Role::Text, " "));
        }
    }
    bits.push(look.bit(Role::Text, text::fit(&text::escape_line(&model.setup.environment), 24)));
    let where_to = match model.workspaces.as_slice() {
        [] => String::new(),
        [one] => format!("  {} {} {}", one.workspace, look.glyphs.both(), one.instance),
        many => format!("  {} workspaces", many.len()),
    };
    bits.push(look.bit(Role::Muted, where_to));
    let clock = model.now.clock();
    bits.push(look.bit(Role::Muted, format!("  {} UTC ", clock.get(..5).unwrap_or_default())));
    bits
}

/// Counts by step on the left, connection on the right.
fn status_line(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let right = connection(model, canvas);
    let wide = width_of(&right).min(area.width);
    canvas.bits_right(area.x, area.y, area.width, &right);
    let room = area.width.saturating_sub(wide + 2);
    let counts = counts(model, canvas, room);
    canvas.bits(area.x, area.y, room, &counts);
}

/// The steps that have links, worst first when there is no room for all.
pub(crate) fn counts(model: &Model, canvas: &Canvas<'_>, room: u16) -> Vec<Bit> {
    let look = canvas.look;
    let mut steps: Vec<Step> = Step::ALL.into_iter().filter(|s| model.links.count(*s) > 0).collect();
    if model.links.total() == 0 {
        return vec![look.bit(Role::Muted, " no incidents yet")];
    }
    let build = |steps: &[Step]| -> Vec<Bit> {
        let mut bits = vec![look.bit(Role::Text, " ")];
        for step in steps {
            let role = step_role(*step);
            bits.push(look.bit(role, format!("{} {}", look.glyphs.step(*step), model.links.count(*step))));
            bits.push(look.bit(Role::Muted, format!(" {}   ", step.word())));
        }
        bits
    };
    let mut bits = build(&steps);
    while width_of(&bits) > room.saturating_add(3) && steps.len() > 1 {
        // What needs nobody goes first, and of that what is least often asked for.
        let calm = [Step::Unlinked, Step::Watched, Step::Merged, Step::Gone, Step::InStep];
        let out = calm.iter().find_map(|c| steps.iter().position(|s| s == c)).unwrap_or(0);
        steps.remove(out);
        bits = build(&steps);
    }
    bits
}

fn connection(model: &Model, canvas: &Canvas<'_>) -> Vec<Bit> {
    let look = canvas.look;
    let state = health::overall(model);
    let mut bits = vec![look.bit(state.role, state.word)];
    let mut holders: Vec<String> = model.workspaces.iter().filter_map(|w| health::holder(model, w)).collect();
    holders.sort();
    holders.dedup();
    let who = match holders.as_slice() {
        _ if model.size.0 < 100 => String::new(),
        [] => String::new(),
        [one] if *one == model.setup.settings.holder => "  synced here".into(),
        [one] => format!("  synced by {}", text::fit(&text::escape_line(one), 22)),
        many => format!("  synced by {} processes", many.len()),
    };
    bits.push(look.bit(Role::Muted, format!("{who} ")));
    bits
}

/// Draws the footer: what can be done here, most useful first; `?` and `:` always stay.
pub(crate) fn footer(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let hints = action::hints(model);
    let bits = |canvas: &Canvas<'_>, key: &str, word: &str| {
        [canvas.look.bit(Role::Key, format!(" {key}")), canvas.look.bit(Role::Muted, format!(" {word} "))]
    };
    let (fixed, free): (Vec<_>, Vec<_>) =
        hints.into_iter().partition(|(_, w)| matches!(*w, "help" | "actions"));
    let mut right = Vec::new();
    for (key, word) in &fixed {
        right.extend(bits(canvas, &key.to_string(), word));
    }
    let reserved = width_of(&right).min(area.width);
    canvas.bits_right(area.x, area.y, area.width, &right);
    let mut x = area.x;
    let end = area.right().saturating_sub(reserved);
    for (key, word) in free {
        let pieces = bits(canvas, &key.to_string(), word);
        if x.saturating_add(width_of(&pieces)) > end {
            break;
        }
        x = canvas.bits(x, area.y, end - x, &pieces);
    }
}

/// Windows of fewer lines have one line for messages, so that they hide little of what they are
/// about.
const LOW: u16 = 30;

/// Draws the newest messages above the footer.
pub(crate) fn toasts(model: &Model, canvas: &mut Canvas<'_>, body: Rect) {
    let low = model.size.1 < LOW;
    let shown = model.toasts.last(if low { 1 } else { 3 });
    let hidden = model.toasts.len() - shown.len();
    let width = body.width.saturating_sub(2).min(if low { u16::MAX } else { 76 });
    if width < 12 {
        return;
    }
    let mut bottom = body.bottom();
    for (i, toast) in shown.iter().enumerate().rev() {
        let mut said = text::escape_line(&toast.text);
        let mut tail = String::new();
        if toast.times > 1 {
            tail.push_str(&format!("  ×{}", toast.times));
        }
        if toast.until.is_none() {
            tail.push_str("  (Esc)");
        }
        if i == 0 && hidden > 0 {
            tail.push_str(&format!("  and {hidden} more"));
        }
        let room = width as usize - 6;
        if low {
            said = text::fit(&said, room.saturating_sub(text::width(&tail)));
        }
        said.push_str(&tail);
        let most = if low { 1 } else { 4 };
        let lines: Vec<String> = text::wrap(&said, room).into_iter().take(most).collect();
        let widest = lines.iter().map(|l| text::width(l)).max().unwrap_or(0) as u16;
        let height = lines.len() as u16;
        if bottom < body.y + height {
            break;
        }
        let rect = Rect {
            x: body.right().saturating_sub(widest + 6),
            y: bottom - height,
            width: (widest + 5).min(body.width),
            height,
        };
        draw_toast(canvas, rect, toast.level, &lines);
        bottom = rect.y.saturating_sub(u16::from(rect.y > body.y + 1 && i > 0));
    }
}

fn draw_toast(canvas: &mut Canvas<'_>, rect: Rect, level: Level, lines: &[String]) {
    canvas.clear(rect, Role::Overlay);
    let role = level_role(level);
    for (row, line) in lines.iter().enumerate() {
        let y = rect.y + row as u16;
        let bar = canvas.style(role);
        canvas.put(rect.x, y, 1, canvas.look.glyphs.bar(), bar);
        if row == 0 {
            canvas.put(rect.x + 2, y, 1, canvas.look.glyphs.level(level), bar);
        }
        let style = canvas.style(Role::Overlay);
        canvas.put(rect.x + 4, y, rect.width.saturating_sub(4), line, style);
    }
}

/// Everything on one line, for a window too small for anything else.
pub(crate) fn one_line(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let look = canvas.look;
    let state = health::overall(model);
    let mut bits = vec![look.bit(state.role, state.word), look.bit(Role::Muted, "  ")];
    let mut steps: Vec<Step> = Step::ALL.into_iter().filter(|s| model.links.count(*s) > 0).collect();
    steps.reverse();
    for step in steps {
        let n = model.links.count(step);
        bits.push(look.bit(step_role(step), format!("{}{n} ", look.glyphs.step(step))));
    }
    canvas.bits(area.x, area.y, area.width, &bits);
    if area.height > 1
        && let Some(toast) = model.toasts.last(1).first()
    {
        let said = [look.bit(level_role(toast.level), text::escape_line(&toast.text))];
        canvas.bits(area.x, area.y + 1, area.width, &said);
    }
    if area.height > 2 {
        let hint = [look.bit(Role::Muted, "q quit")];
        canvas.bits(area.x, area.bottom() - 1, area.width, &hint);
    }
}
