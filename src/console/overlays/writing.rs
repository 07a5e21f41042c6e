//! Texts: a comment of several lines, and a question with an answer of one line.

use ratatui::layout::Rect;

use super::Overlay;
use crate::console::canvas::{Canvas, middle, split_top};
use crate::console::effect::Effects;
use crate::console::field_input::Input;
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::widgets::input;
use crate::console::{command, screens};
use crate::model::view::Level;
use crate::model::{LinkId, Verb};

/// A comment that is being written.
pub(crate) struct Writing {
    pub link: LinkId,
    pub subject: String,
    pub input: Input,
}

/// What an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Why the draft is applied.
    WhyApply,
    /// Why the version before comes back.
    WhyUndo,
}

/// A question.
pub(crate) struct Asking {
    pub question: Question,
    pub title: String,
    pub input: Input,
}

/// Keeps what was written for the next time; Esc never loses text.
pub(super) fn keep_draft(model: &mut Model, writing: Writing) {
    if writing.input.text().trim().is_empty() {
        model.drafts.remove(&writing.link);
    } else {
        model.drafts.insert(writing.link, writing.input.text().to_owned());
        model.say(Level::Info, "The text is kept; C opens it again.");
    }
}

/// Goes on to the plan of a comment or a close.
pub(super) fn done(model: &mut Model, _fx: &mut Effects) {
    let (link, verb) = match model.overlays.last() {
        Some(Overlay::Writing(w)) => (w.link, Verb::Comment { text: w.input.text().trim_end().to_owned() }),
        Some(Overlay::Closing(c)) => {
            (c.link, Verb::Close { closure: c.closure(), notes: c.notes.text().trim().to_owned() })
        }
        _ => return,
    };
    if matches!(&verb, Verb::Comment { text } if text.trim().is_empty()) {
        model.say(Level::Info, "There is no text yet.");
        return;
    }
    // The text stays below its plan, so that Cancel comes back to it.
    command::offer(model, link, verb);
}

/// Takes the answer of a question or the text of a cell.
pub(super) fn accept(model: &mut Model, _fx: &mut Effects) {
    let Some(Overlay::Asking(asking)) = model.overlays.last() else {
        screens::mappings::accept_cell(model);
        return;
    };
    let reason = asking.input.text().trim().to_owned();
    let question = asking.question;
    if reason.is_empty() {
        model.say(Level::Info, "Write a reason; it stays in the history.");
        return;
    }
    model.overlays.pop();
    screens::mappings::offer(model, question, &reason);
}

pub(super) fn draw(writing: &Writing, canvas: &mut Canvas<'_>, area: Rect) {
    let rect = middle(area, 84, 14);
    canvas.clear(rect, Role::Overlay);
    let line = canvas.style(Role::OverlayLine);
    let title = [
        canvas.look.bit(Role::Brand, "Comment"),
        canvas.look.bit(Role::Text, format!(" {}", writing.subject)),
    ];
    let inside = canvas.frame(rect, &title, line);
    let (top, rest) = split_top(inside, if inside.height > 5 { 2 } else { 0 });
    if top.height > 0 {
        let style = canvas.style(Role::Muted);
        canvas.put(
            top.x,
            top.y,
            top.width,
            "Goes to both sides, once each, as a comment and a work note.",
            style,
        );
    }
    input::draw_lines(&writing.input, true, "", canvas, rest);
}

pub(super) fn draw_asking(asking: &Asking, canvas: &mut Canvas<'_>, area: Rect) {
    let rect = middle(area, 72, 5);
    canvas.clear(rect, Role::Overlay);
    let line = canvas.style(Role::OverlayLine);
    let title = [canvas.look.bit(Role::Brand, asking.title.clone())];
    let inside = canvas.frame(rect, &title, line);
    let row = u16::from(inside.height > 1);
    let field = Rect { y: inside.y + row, height: inside.height.saturating_sub(row).min(1), ..inside };
    input::draw_line(&asking.input, "a short reason", canvas, field);
}
