//! What the sync is doing, per workspace and side, and what happened lately.

pub(crate) mod view;

use crate::console::action::ActionId;
use crate::console::effect::{Effect, Effects};
use crate::console::model::{Model, Screen};
use crate::console::overlays::Overlay;
use crate::console::overlays::plan::{Act, Confirms, Plan};
use crate::console::theme::Role;
use crate::model::view::{Level, SurgeView};
use crate::model::{Control, ControlVerb};

/// The state of the screen.
#[derive(Default)]
pub(crate) struct State {
    /// The selected workspace.
    pub at: usize,
    /// Happenings scrolled up from the newest.
    pub back: usize,
}

/// Runs an action of this screen; false when it is none of its.
pub(crate) fn act(model: &mut Model, id: ActionId, fx: &mut Effects) -> bool {
    use crate::console::overlays::moved;
    let last = model.workspaces.len().saturating_sub(1);
    let oldest = model.events.len().saturating_sub(1);
    match id {
        ActionId::Up => model.sync.at = moved(model.sync.at, -1, last),
        ActionId::Down => model.sync.at = moved(model.sync.at, 1, last),
        ActionId::First => model.sync.at = 0,
        ActionId::Last => model.sync.at = last,
        ActionId::PageUp => model.sync.back = moved(model.sync.back, 10, oldest),
        ActionId::PageDown => model.sync.back = moved(model.sync.back, -10, oldest),
        ActionId::NextScreen => model.screen = Screen::Incidents,
        ActionId::Pause => ask(model, ControlVerb::Pause),
        ActionId::AcceptPlan => {
            let first = model.workspace().is_some_and(|w| w.waiting_plan.is_some());
            ask(model, if first { ControlVerb::AcceptPlan } else { ControlVerb::LetThrough });
        }
        ActionId::Resume => order(model, ControlVerb::Resume, fx),
        ActionId::SyncNow => order(model, ControlVerb::SyncNow, fx),
        _ => return false,
    }
    true
}

fn control(model: &Model, verb: ControlVerb) -> Option<Control> {
    let workspace = model.workspace()?.workspace.clone();
    Some(Control { id: 0, workspace, verb, who: model.setup.who.clone(), at: model.now })
}

fn order(model: &mut Model, verb: ControlVerb, fx: &mut Effects) {
    if model.setup.readonly {
        model.say(Level::Warning, "This console is read-only; nothing was ordered.");
        return;
    }
    if let Some(control) = control(model, verb) {
        fx.push(Effect::GiveControl(control));
    }
}

fn ask(model: &mut Model, verb: ControlVerb) {
    let Some(workspace) = model.workspace() else { return };
    let mut notes: Vec<String> = Vec::new();
    let (title, word, note) = match (verb, workspace.waiting_plan) {
        (ControlVerb::AcceptPlan, Some((create, change, conflicts))) => (
            "Accept the first plan",
            "Accept",
            format!(
                "{create} records are created, {change} incidents are changed, {conflicts} conflicts wait for a person."
            ),
        ),
        (ControlVerb::LetThrough, _) => {
            notes.extend(workspace.surges.iter().map(SurgeView::waits));
            let mass = workspace.surges.iter().any(|s| s.field.is_some());
            let fast = workspace.surges.iter().any(|s| s.field.is_none());
            let about_mass = "What was changed is carried over. If nobody meant it, undo it on the side it came from instead: then nothing of it waits any more.";
            let about_fast = "The writes that wait go out, and are counted anew after that. If nobody meant them, end what causes them first: until then they stay where they are.";
            let all = [(mass, about_mass), (fast, about_fast)];
            let note: Vec<&str> = all.into_iter().filter(|(is, _)| *is).map(|(_, text)| text).collect();
            ("Let through what waits", "Accept", note.join(" "))
        }
        _ => (
            "Pause",
            "Pause",
            "Nothing is read or sent until somebody resumes it. Changes on both sides are caught up then; nothing is lost.".into(),
        ),
    };
    let named = format!("{} ({})", workspace.workspace, crate::text::escape_line(&workspace.name));
    let place = vec![model.where_to(&named, &workspace.instance)];
    let Some(control) = control(model, verb) else { return };
    model.overlays.push(Overlay::Plan(Plan {
        title: title.into(),
        place,
        writes: Vec::new(),
        notes: notes.into_iter().map(|line| (Role::Warning, line)).chain([(Role::Text, note)]).collect(),
        word,
        act: Some(Act::Control(control)),
        confirms: Confirms::Once,
        on_confirm: false,
    }));
}
