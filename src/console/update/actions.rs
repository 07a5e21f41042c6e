//! What an action does: to a link, to the session, or to the screen that is shown.

use crate::console::action::{self, ActionId, Scope};
use crate::console::command;
use crate::console::effect::{Effect, Effects};
use crate::console::field_input::Input;
use crate::console::model::{Model, Screen, Wanted};
use crate::console::overlays::plan::{Act, Confirms, Plan};
use crate::console::overlays::{self, Overlay, choosing, help};
use crate::console::screens;
use crate::console::theme::Role;
use crate::model::view::Level;
use crate::text::escape_line;

/// Runs an action, or says why it cannot run now.
pub(crate) fn run(model: &mut Model, id: ActionId, fx: &mut Effects) {
    let action = action::action(id);
    if let Err(why) = (action.enabled)(model) {
        // Esc at the outermost level is a habit, not a question.
        if id == ActionId::Back {
            model.toasts.dismiss();
        } else {
            model.say(Level::Info, format!("{}: {why}", action.title));
        }
        return;
    }
    if action.scopes.contains(&Scope::Link) && link_action(model, id, fx) {
        return;
    }
    if overlays::act(model, id, fx) || session(model, id, fx) {
        return;
    }
    match model.screen {
        Screen::Incidents => screens::incidents::act(model, id, fx),
        Screen::Incident => screens::incident::act(model, id, fx),
        Screen::Mappings => screens::mappings::act(model, id, fx),
        Screen::Sync => screens::sync::act(model, id, fx),
    };
}

fn session(model: &mut Model, id: ActionId, fx: &mut Effects) -> bool {
    match id {
        ActionId::ShowIncidents => model.screen = Screen::Incidents,
        ActionId::ShowMappings => model.screen = Screen::Mappings,
        ActionId::ShowSync => model.screen = Screen::Sync,
        ActionId::Help => {
            let here = model.scopes();
            let help = help::Help { filter: Input::line(""), top: 0, here, screen: model.screen };
            model.overlays.push(Overlay::Help(help));
        }
        ActionId::Palette => {
            let list = choosing::palette(model);
            model.overlays.push(Overlay::Choosing(list));
        }
        ActionId::Back => back(model, fx),
        ActionId::Quit => quit(model, fx),
        ActionId::QuitNow => fx.push(Effect::Quit),
        ActionId::Redraw => fx.push(Effect::Redraw),
        ActionId::Suspend => fx.push(Effect::Suspend),
        ActionId::Mouse => {
            model.mouse = !model.mouse;
            fx.push(Effect::Mouse(model.mouse));
        }
        _ => return false,
    }
    true
}

/// One level out: a message that stays, then the screen.
fn back(model: &mut Model, fx: &mut Effects) {
    if model.toasts.dismiss() {
        return;
    }
    match model.screen {
        Screen::Incident => model.screen = Screen::Incidents,
        Screen::Incidents => screens::incidents::back(model, fx),
        Screen::Mappings => screens::mappings::back(model),
        Screen::Sync => model.screen = Screen::Incidents,
    }
}

fn quit(model: &mut Model, fx: &mut Effects) {
    let mut notes = Vec::new();
    for t in &model.tracked {
        notes.push((Role::Pending, format!("{}: {}", t.state.word(), t.what)));
    }
    if !notes.is_empty() {
        notes.push((Role::Muted, "Commands are stored; whoever syncs next carries them out.".into()));
    }
    if model.mappings.is_draft() {
        notes.push((
            Role::Warning,
            "The draft of the mapping tables was not applied and will be lost.".into(),
        ));
    }
    if notes.is_empty() {
        fx.push(Effect::Quit);
        return;
    }
    model.overlays.push(Overlay::Plan(Plan {
        title: "Quit".into(),
        place: Vec::new(),
        writes: Vec::new(),
        notes,
        word: "Quit",
        act: Some(Act::Quit),
        confirms: Confirms::Once,
        on_confirm: false,
    }));
}

/// Runs an action about one link; false when it is none.
fn link_action(model: &mut Model, id: ActionId, fx: &mut Effects) -> bool {
    let Some(view) = model.target() else { return false };
    let link = view.id;
    match id {
        ActionId::Severity
        | ActionId::Status
        | ActionId::Owner
        | ActionId::Comment
        | ActionId::Close
        | ActionId::Reopen
        | ActionId::Resolve
        | ActionId::Retry => {
            if model.detail_of(link).is_some() {
                command::start(model, link, id);
            } else {
                model.wanted = Some(Wanted { link, action: id });
                fx.push(Effect::LoadDetail(link));
            }
        }
        ActionId::Menu => {
            let menu = choosing::menu(model);
            model.overlays.push(Overlay::Choosing(menu));
        }
        ActionId::CopyNumber => {
            let text = if view.record_number.is_empty() {
                format!("{}/{}", view.workspace, view.incident_number)
            } else {
                escape_line(&view.record_number)
            };
            copy(model, text, fx);
        }
        ActionId::CopyRow => {
            let parts = [
                command::subject(view),
                view.severity.sentinel.line(),
                view.status.sentinel.line(),
                view.owner.sentinel.line(),
                view.title.line(),
            ];
            copy(model, parts.join("\t"), fx);
        }
        ActionId::OpenIncident => open_url(model, view.url.sentinel.raw().to_owned(), fx),
        ActionId::OpenRecord => open_url(model, view.url.servicenow.raw().to_owned(), fx),
        _ => return false,
    }
    true
}

fn copy(model: &mut Model, text: String, fx: &mut Effects) {
    let shown = crate::text::fit(&text.replace('\t', "  "), 40);
    model.say(Level::Info, format!("Sent to the terminal's clipboard: {shown}"));
    fx.push(Effect::Copy(text));
}

fn open_url(model: &mut Model, url: String, fx: &mut Effects) {
    // Only an address that cannot be anything else than a web page is handed to the system.
    let web = url.starts_with("https://") || url.starts_with("http://");
    if !web || url.chars().any(|c| c.is_whitespace() || crate::text::is_hostile(c)) {
        model.say(Level::Warning, format!("Not opened, this is no web address: {}", escape_line(&url)));
        return;
    }
    model.say(Level::Info, url.clone());
    fx.push(Effect::OpenUrl(url));
}
