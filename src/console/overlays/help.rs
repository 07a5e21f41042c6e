//! The help page: every key that works here, then everything else; typing filters it.

use ratatui::layout::Rect;

use crate::console::action::{ACTIONS, SCOPES, Scope};
use crate::console::canvas::{Bit, Canvas, inset};
use crate::console::field_input::Input;
use crate::console::model::{Model, Screen};
use crate::console::theme::Role;
use crate::console::widgets::input;
use crate::text;

/// The page.
pub(crate) struct Help {
    pub filter: Input,
    pub top: usize,
    /// The scopes of the place it was opened from; they come first.
    pub here: Vec<Scope>,
    pub screen: Screen,
}

const WORDS: &str = include_str!("../../../assets/help/words.txt");

/// What is said about the screen that help was opened from.
fn topic(screen: Screen) -> &'static str {
    match screen {
        Screen::Incidents => include_str!("../../../assets/help/incidents.txt"),
        Screen::Incident => include_str!("../../../assets/help/incident.txt"),
        Screen::Mappings => include_str!("../../../assets/help/mappings.txt"),
        Screen::Sync => include_str!("../../../assets/help/sync.txt"),
    }
}

/// The lines of the page at that width.
fn lines(model: &Model, help: &Help, canvas: &Canvas<'_>, width: usize) -> Vec<Vec<Bit>> {
    let look = canvas.look;
    let wanted = help.filter.text().trim().to_lowercase();
    let passes = |t: &str| wanted.is_empty() || t.to_lowercase().contains(&wanted);
    let mut out: Vec<Vec<Bit>> = Vec::new();
    if wanted.is_empty() {
        for line in topic(help.screen).lines().flat_map(|l| text::wrap(l, width)) {
            out.push(vec![look.bit(Role::Text, line)]);
        }
        out.push(Vec::new());
    }
    let mut scopes: Vec<Scope> = help.here.clone();
    scopes.extend(SCOPES.into_iter().filter(|s| !help.here.contains(s)));
    for scope in scopes {
        let rows: Vec<_> = ACTIONS
            .iter()
            .filter(|a| a.scopes.first() == Some(&scope))
            .filter(|a| passes(a.title) || passes(a.help) || passes(a.name))
            .collect();
        if rows.is_empty() {
            continue;
        }
        out.push(vec![look.bit(Role::Heading, scope.title())]);
        for a in rows {
            let keys: Vec<String> = a.keys.iter().map(ToString::to_string).collect();
            let why = if help.here.contains(&scope) { (a.enabled)(model).err() } else { None };
            let mut wrapped = text::wrap(a.help, width.saturating_sub(20)).into_iter();
            let first = wrapped.next().unwrap_or_default();
            out.push(vec![
                look.bit(Role::Key, format!("  {}", text::pad(&keys.join(" "), 17))),
                look.bit(if why.is_some() { Role::Muted } else { Role::Text }, first),
            ]);
            for more in wrapped {
                out.push(vec![look.bit(Role::Text, format!("{:19}{more}", ""))]);
            }
            if let Some(why) = why {
                out.push(vec![look.bit(Role::Warning, format!("{:19}not now: {why}", ""))]);
            }
        }
        out.push(Vec::new());
    }
    if wanted.is_empty() {
        out.push(vec![look.bit(Role::Heading, "Words")]);
        for line in WORDS.lines() {
            out.push(vec![look.bit(Role::Text, format!("  {line}"))]);
        }
    }
    out
}

pub(super) fn draw(model: &Model, help: &Help, canvas: &mut Canvas<'_>, area: Rect) {
    let wide = area.width.min(104);
    let rect = crate::console::canvas::middle(area, wide, inset(area, 0, 1).height.max(3));
    canvas.clear(rect, Role::Overlay);
    let line = canvas.style(Role::OverlayLine);
    let title = [canvas.look.bit(Role::Brand, "Help")];
    let inside = canvas.frame(rect, &title, line);
    if inside.height < 3 {
        return;
    }
    let field = Rect { height: 1, ..inside };
    input::draw_line(&help.filter, "type to find a key or a word", canvas, field);
    let body = Rect { y: inside.y + 2, height: inside.height - 2, ..inside };
    let lines = lines(model, help, canvas, body.width as usize);
    let top = help.top.min(lines.len().saturating_sub(body.height as usize));
    for (row, line) in lines.iter().skip(top).take(body.height as usize).enumerate() {
        canvas.bits(body.x, body.y + row as u16, body.width, line);
    }
    let below = lines.len().saturating_sub(top + body.height as usize);
    if below > 0 {
        let more = [canvas.look.bit(Role::Muted, format!(" {below} more below "))];
        canvas.bits_right(rect.x, rect.bottom().saturating_sub(1), rect.width.saturating_sub(2), &more);
    }
}
