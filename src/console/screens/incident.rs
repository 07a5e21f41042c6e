//! One incident: the two panels, the conversation of both sides, and what was done.

pub(crate) mod conversation;
pub(crate) mod fields;
pub(crate) mod history;
pub(crate) mod view;

use super::incidents;
use crate::console::action::ActionId;
use crate::console::effect::{Effect, Effects};
use crate::console::model::{Model, Screen};
use crate::model::LinkId;

/// A part of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tab {
    #[default]
    Fields,
    Conversation,
    History,
}

impl Tab {
    pub const ALL: [Self; 3] = [Self::Fields, Self::Conversation, Self::History];

    pub fn title(self) -> &'static str {
        match self {
            Self::Fields => "Fields",
            Self::Conversation => "Conversation",
            Self::History => "History",
        }
    }
}

/// The state of the screen.
#[derive(Default)]
pub(crate) struct State {
    pub link: Option<LinkId>,
    pub tab: Tab,
    pub field: usize,
    /// Lines scrolled up from the newest entry of the conversation.
    pub back: usize,
    /// The first visible row of the history.
    pub top: usize,
}

/// Opens a link.
pub(crate) fn open(model: &mut Model, id: LinkId, fx: &mut Effects) {
    let tab = model.incident.tab;
    model.incident = State { link: Some(id), tab, ..State::default() };
    model.screen = Screen::Incident;
    if model.detail_of(id).is_none() {
        fx.push(Effect::LoadDetail(id));
    }
}

/// Runs an action of this screen; false when it is none of its.
pub(crate) fn act(model: &mut Model, id: ActionId, fx: &mut Effects) -> bool {
    let page = i32::from(model.size.1 / 2).max(1);
    match id {
        ActionId::Up => scroll(model, -1),
        ActionId::Down => scroll(model, 1),
        ActionId::PageUp => scroll(model, -page),
        ActionId::PageDown => scroll(model, page),
        ActionId::First => scroll(model, i32::MIN + 1),
        ActionId::Last => scroll(model, i32::MAX),
        ActionId::NextTab => turn(model, 1),
        ActionId::PreviousTab => turn(model, Tab::ALL.len() - 1),
        ActionId::NextIncident => neighbour(model, 1, fx),
        ActionId::PreviousIncident => neighbour(model, -1, fx),
        _ => return false,
    }
    true
}

fn turn(model: &mut Model, by: usize) {
    let at = Tab::ALL.iter().position(|t| *t == model.incident.tab).unwrap_or(0);
    model.incident.tab = Tab::ALL[(at + by) % Tab::ALL.len()];
}

fn neighbour(model: &mut Model, by: i32, fx: &mut Effects) {
    let Some(id) = model.incident.link else { return };
    if let Some(next) = incidents::neighbour(model, id, by) {
        incidents::reveal(model, next, fx);
        open(model, next, fx);
    }
}

fn scroll(model: &mut Model, by: i32) {
    use crate::console::overlays::moved;
    match model.incident.tab {
        Tab::Fields => {
            let last = model.fields.len().saturating_sub(1);
            model.incident.field = moved(model.incident.field, by, last);
        }
        Tab::Conversation => {
            let lines = conversation::count_lines(model);
            model.incident.back = moved(model.incident.back, by.saturating_neg(), lines.saturating_sub(1));
        }
        Tab::History => {
            let rows = model.detail.as_ref().map_or(0, |d| d.audit.len() + d.commands.len());
            model.incident.top = moved(model.incident.top, by, rows.saturating_sub(1));
        }
    }
}
