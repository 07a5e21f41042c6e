//! Dialogs above a screen. The last one has the keys.

pub(crate) mod choosing;
pub(crate) mod closing;
pub(crate) mod help;
pub(crate) mod plan;
pub(crate) mod reading;
pub(crate) mod writing;

use ratatui::layout::Rect;

use super::action::{ActionId, Scope};
use super::canvas::Canvas;
use super::effect::Effects;
use super::field_input::Input;
use super::key::{Code, Key};
use super::model::Model;

/// A dialog.
pub(crate) enum Overlay {
    Help(help::Help),
    Choosing(choosing::Choosing),
    Plan(plan::Plan),
    Writing(writing::Writing),
    Closing(closing::Closing),
    Asking(writing::Asking),
    Reading(reading::Reading),
}

impl Overlay {
    /// Where its keys are heard.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Help(_) => Scope::Helping,
            Self::Choosing(_) => Scope::Choosing,
            Self::Plan(_) => Scope::Plan,
            Self::Writing(_) => Scope::Writing,
            Self::Closing(_) => Scope::Closing,
            Self::Asking(_) => Scope::Asking,
            Self::Reading(_) => Scope::Reading,
        }
    }

    /// The text that has the focus.
    fn input(&mut self) -> Option<&mut Input> {
        match self {
            Self::Help(h) => Some(&mut h.filter),
            Self::Choosing(c) => Some(&mut c.filter),
            Self::Writing(w) => Some(&mut w.input),
            Self::Asking(a) => Some(&mut a.input),
            Self::Closing(c) => c.in_notes.then_some(&mut c.notes),
            Self::Plan(_) | Self::Reading(_) => None,
        }
    }
}

/// Gives a key to the text of the topmost dialog; false when it did not want it.
pub(crate) fn type_key(model: &mut Model, key: Key) -> bool {
    let Some(overlay) = model.overlays.last_mut() else { return false };
    if let Overlay::Closing(c) = overlay
        && !c.in_notes
        && key == Key::plain(Code::Enter)
    {
        c.in_notes = true;
        return true;
    }
    let Some(input) = overlay.input() else { return false };
    let taken = input.key(key);
    typed(model, taken);
    taken
}

/// Gives pasted text to the topmost dialog; false when nothing there takes text.
pub(crate) fn paste(model: &mut Model, text: &str) -> bool {
    let Some(input) = model.overlays.last_mut().and_then(Overlay::input) else { return false };
    input.insert(text);
    typed(model, true);
    true
}

fn typed(model: &mut Model, changed: bool) {
    if !changed {
        return;
    }
    match model.overlays.last_mut() {
        Some(Overlay::Choosing(c)) => c.typed(),
        Some(Overlay::Help(h)) => h.top = 0,
        _ => {}
    }
}

/// Runs an action of the topmost dialog; false when it is none of a dialog's.
pub(crate) fn act(model: &mut Model, id: ActionId, fx: &mut Effects) -> bool {
    match id {
        ActionId::Cancel => cancel(model),
        ActionId::DialogUp => step(model, -1, fx),
        ActionId::DialogDown => step(model, 1, fx),
        ActionId::DialogPageUp => step(model, -10, fx),
        ActionId::DialogPageDown => step(model, 10, fx),
        ActionId::Choose => choosing::choose(model, fx),
        ActionId::Apply => plan::confirm(model, fx),
        ActionId::PressButton => plan::press(model, fx),
        ActionId::SwitchButton => plan::switch(model),
        ActionId::Done => writing::done(model, fx),
        ActionId::NextPart => closing::next_part(model),
        ActionId::Accept => writing::accept(model, fx),
        _ => return false,
    }
    true
}

fn cancel(model: &mut Model) {
    match model.overlays.pop() {
        Some(Overlay::Writing(w)) => writing::keep_draft(model, w),
        Some(_) => {}
        None => super::screens::mappings::stop_editing(model),
    }
}

fn step(model: &mut Model, by: i32, fx: &mut Effects) {
    let height = model.size.1;
    match model.overlays.last_mut() {
        Some(Overlay::Choosing(c)) => c.step(by),
        Some(Overlay::Closing(c)) => c.step(by),
        Some(Overlay::Help(h)) => h.top = moved(h.top, by, usize::MAX),
        Some(Overlay::Reading(r)) => {
            let most = r.lines.len().saturating_sub(usize::from(height / 2));
            r.top = moved(r.top, by, most);
        }
        Some(_) => {}
        None => super::screens::incidents::step(model, by, fx),
    }
}

/// A place moved by some lines, from zero to `most`.
pub(crate) fn moved(at: usize, by: i32, most: usize) -> usize {
    let step = by.unsigned_abs() as usize;
    if by < 0 { at.saturating_sub(step) } else { at.saturating_add(step).min(most) }
}

/// Draws the dialogs, the topmost last.
pub(crate) fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    for overlay in &model.overlays {
        match overlay {
            Overlay::Help(h) => help::draw(model, h, canvas, area),
            Overlay::Choosing(c) => choosing::draw(c, canvas, area),
            Overlay::Plan(p) => plan::draw(p, canvas, area),
            Overlay::Writing(w) => writing::draw(w, canvas, area),
            Overlay::Asking(a) => writing::draw_asking(a, canvas, area),
            Overlay::Closing(c) => closing::draw(c, canvas, area),
            Overlay::Reading(r) => reading::draw(r, canvas, area),
        }
    }
}
