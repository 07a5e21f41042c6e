//! The form that closes an incident: a classification with the close code it becomes, and notes.

use ratatui::layout::Rect;

use super::Overlay;
use crate::console::canvas::{Bit, Canvas, middle};
use crate::console::field_input::Input;
use crate::console::key::{Code, Key};
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::widgets::input;
use crate::model::{Closure, LinkId};

/// The form.
pub(crate) struct Closing {
    pub link: LinkId,
    pub subject: String,
    pub at: usize,
    pub notes: Input,
    pub in_notes: bool,
    /// What each classification becomes in ServiceNow, or why nothing.
    pub codes: Vec<Result<String, String>>,
}

impl Closing {
    pub fn closure(&self) -> Closure {
        Closure::ALL.get(self.at).copied().unwrap_or(Closure::Undetermined)
    }

    pub fn step(&mut self, by: i32) {
        if self.in_notes {
            self.notes.key(Key::plain(if by < 0 { Code::Up } else { Code::Down }));
        } else {
            self.at = super::moved(self.at, by.clamp(-1, 1), Closure::ALL.len() - 1);
        }
    }
}

pub(super) fn next_part(model: &mut Model) {
    if let Some(Overlay::Closing(c)) = model.overlays.last_mut() {
        c.in_notes = !c.in_notes;
    }
}

pub(crate) fn words(closure: Closure) -> &'static str {
    match closure {
        Closure::TruePositive => "True positive: suspicious activity",
        Closure::BenignPositive => "Benign positive: suspicious but expected",
        Closure::FalsePositiveLogic => "False positive: incorrect alert logic",
        Closure::FalsePositiveData => "False positive: inaccurate data",
        Closure::Undetermined => "Undetermined",
    }
}

pub(super) fn draw(form: &Closing, canvas: &mut Canvas<'_>, area: Rect) {
    let rect = middle(area, 92, 17);
    canvas.clear(rect, Role::Overlay);
    let line = canvas.style(Role::OverlayLine);
    let title =
        [canvas.look.bit(Role::Brand, "Close"), canvas.look.bit(Role::Text, format!(" {}", form.subject))];
    let inside = canvas.frame(rect, &title, line);
    if inside.height < 3 {
        return;
    }
    let wide = inside.width >= 70;
    heading(canvas, inside, 0, "Classification", !form.in_notes);
    if wide {
        let code = [canvas.look.bit(Role::Heading, "close code in ServiceNow")];
        canvas.bits_right(inside.x, inside.y, inside.width, &code);
    }
    for (i, closure) in Closure::ALL.into_iter().enumerate() {
        let y = inside.y + 1 + i as u16;
        if y >= inside.bottom() {
            return;
        }
        let on = i == form.at;
        let row = [
            Bit { text: format!("{} ", canvas.look.glyphs.tick(on)), style: canvas.style(Role::Key) },
            canvas.look.bit(Role::Text, words(closure)),
        ];
        let end = canvas.bits(inside.x + 1, y, inside.width.saturating_sub(2), &row);
        if wide {
            let (role, code) = match form.codes.get(i) {
                Some(Ok(code)) => (Role::Servicenow, code.clone()),
                Some(Err(why)) => (Role::Warning, why.clone()),
                None => (Role::Muted, String::new()),
            };
            let room = inside.right().saturating_sub(end + 3);
            let code = [canvas.look.bit(role, crate::text::fit(&code, room as usize))];
            canvas.bits_right(end + 2, y, room, &code);
        }
        if on && !form.in_notes {
            let style = canvas.style(Role::Selected);
            canvas.restyle(Rect { y, height: 1, ..inside }, style);
        }
    }
    heading(canvas, inside, 7, "Notes", form.in_notes);
    let skip = 8.min(inside.height);
    let notes = Rect { y: inside.y + skip, height: inside.height - skip, ..inside };
    input::draw_lines(&form.notes, form.in_notes, "for the comment and the close notes", canvas, notes);
}

fn heading(canvas: &mut Canvas<'_>, inside: Rect, row: u16, text: &str, focus: bool) {
    if row < inside.height {
        let role = if focus { Role::Brand } else { Role::Heading };
        let style = canvas.style(role);
        canvas.put(inside.x, inside.y + row, inside.width, text, style);
    }
}
