//! What each message does to the model. Pure: whatever must happen outside is an effect.

mod actions;
mod arrivals;

use super::action::{ActionId, Scope, lookup};
use super::effect::Effects;
use super::key::Key;
use super::layout;
use super::model::{Dirty, Model, Screen};
use super::msg::{Mouse, MouseKind, Msg};
use super::{chrome, overlays, screens};
use crate::model::ledger::Lease;
use crate::model::view::Level;

pub(crate) use actions::run;

/// Takes one message.
pub fn update(model: &mut Model, msg: Msg, fx: &mut Effects) {
    match msg {
        Msg::Clock(now) => model.tick(now),
        Msg::Resize(width, height) => {
            model.size = (width, height);
            model.touch(Dirty::Key);
        }
        Msg::Key(key) => {
            model.touch(Dirty::Key);
            model.incidents.touched = true;
            press(model, key, fx);
        }
        Msg::Paste(text) => {
            model.touch(Dirty::Key);
            paste(model, &text, fx);
        }
        Msg::Mouse(mouse) => {
            model.touch(Dirty::Key);
            model.incidents.touched = true;
            click(model, mouse, fx);
        }
        Msg::Say(level, text) => {
            model.say(level, text);
            model.touch(Dirty::Data);
        }
        // A lease is prolonged all the time; only another holder is news.
        Msg::Leases(list) => {
            let who = |l: &[Lease]| l.iter().map(|l| (l.holder.clone(), l.epoch)).collect::<Vec<_>>();
            let over = model.leases.iter().any(|l| l.ends <= model.now);
            if over || who(&model.leases) != who(&list) {
                model.touch(Dirty::Data);
            }
            model.leases = list;
        }
        data => {
            model.touch(Dirty::Data);
            arrivals::take(model, data, fx);
        }
    }
}

fn press(model: &mut Model, key: Key, fx: &mut Effects) {
    if let Some(action) = lookup(model, key) {
        run(model, action.id, fx);
        return;
    }
    if overlays::type_key(model, key) || !model.overlays.is_empty() {
        return;
    }
    match model.scopes().first() {
        Some(Scope::Filtering) => {
            screens::incidents::type_key(model, key, fx);
        }
        Some(Scope::Cell) => {
            screens::mappings::type_key(model, key);
        }
        _ => {}
    }
}

fn paste(model: &mut Model, text: &str, fx: &mut Effects) {
    if overlays::paste(model, text) {
        return;
    }
    match (model.overlays.is_empty(), model.scopes().first()) {
        (true, Some(Scope::Filtering)) => screens::incidents::paste(model, text, fx),
        (true, Some(Scope::Cell)) => {
            if let Some(input) = model.mappings.editing.as_mut() {
                input.insert(text);
            }
            screens::mappings::check(model);
        }
        _ => model.say(Level::Info, "Paste ignored: no text field has the focus."),
    }
}

fn click(model: &mut Model, mouse: Mouse, fx: &mut Effects) {
    let by = match mouse.kind {
        MouseKind::WheelUp => Some((ActionId::Up, ActionId::DialogUp)),
        MouseKind::WheelDown => Some((ActionId::Down, ActionId::DialogDown)),
        MouseKind::Press => None,
    };
    if let Some((on_screen, in_dialog)) = by {
        let id = if model.overlays.is_empty() { on_screen } else { in_dialog };
        run(model, id, fx);
        return;
    }
    if !model.overlays.is_empty() {
        return;
    }
    if mouse.y == 0 {
        let hit = chrome::tabs().into_iter().find(|(_, from, to)| mouse.x >= *from && mouse.x < *to);
        if let Some((screen, _, _)) = hit {
            model.screen = screen;
        }
        return;
    }
    if layout::room(model.size.0, model.size.1) == layout::Room::Line {
        return;
    }
    match model.screen {
        Screen::Incidents => screens::incidents::click(model, mouse.x, mouse.y, fx),
        Screen::Mappings => screens::mappings::click(model, mouse.x, mouse.y),
        Screen::Incident | Screen::Sync => {}
    }
}
