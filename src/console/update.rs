//! What each message does to the model. Pure: whatever must happen outside is an effect.

use super::action::{ActionId, Scope, lookup};
use super::effect::{Effect, Effects};
use super::field_input::Input;
use super::key::Key;
use super::layout;
use super::model::{Dirty, EVENTS_KEPT, Model, Screen, Wanted};
use super::msg::{Mouse, MouseKind, Msg};
use super::overlays::plan::{Act, Confirms, Plan};
use super::overlays::{self, Overlay, choosing, help};
use super::theme::Role;
use super::{chrome, command, screens};
use crate::mapping::Directory;
use crate::model::ledger::Lease;
use crate::model::view::Level;
use crate::model::{Command, CommandState, InstanceKey, LinkId, User};
use crate::text::escape_line;

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
            take_data(model, data, fx);
        }
    }
}

fn take_data(model: &mut Model, msg: Msg, fx: &mut Effects) {
    match msg {
        Msg::Links { rows, more } => screens::incidents::take(model, rows, more, fx),
        Msg::Workspaces(list) => {
            model.workspaces = list;
            model.workspaces.sort_by(|a, b| a.workspace.cmp(&b.workspace));
        }
        Msg::Lanes(list) => model.lanes = list,
        Msg::Events(list) => take_events(model, list),
        Msg::Detail(detail) => {
            let id = detail.id;
            model.detail = Some(*detail);
            command::refresh_fields(model);
            resume_wanted(model, id, fx);
        }
        Msg::Users(instance, users) => take_users(model, instance, users),
        Msg::Choices(instance, table, choices) => {
            model.choices.insert((instance, table), choices);
            screens::mappings::check(model);
        }
        Msg::Tables(versions) => screens::mappings::take_versions(model, versions),
        Msg::CommandGiven { ticket, result } => command_given(model, ticket, result, fx),
        Msg::CommandNow(command) => command_now(model, &command, fx),
        Msg::ControlGiven(Ok(())) => {
            model.say(Level::Info, "Ordered; the syncing process takes it up at once.")
        }
        Msg::ControlGiven(Err(why)) => model.say(Level::Error, format!("The order was not stored: {why}")),
        Msg::TablesApplied(result) => screens::mappings::version::applied(model, result),
        Msg::Store(lost) => {
            if let (Some(why), None) = (&lost, &model.store_lost) {
                let text = format!(
                    "The store cannot be read: {why} What is shown stays as it was; it is tried again."
                );
                model.say(Level::Error, text);
            }
            if lost.is_none() && model.store_lost.is_some() {
                model.say(Level::Info, "The store can be read again.");
            }
            model.store_lost = lost;
        }
        _ => {}
    }
}

fn take_events(model: &mut Model, list: Vec<(i64, crate::model::view::EventView)>) {
    let back = model.sync.back;
    for (id, event) in list {
        if model.events.back().is_none_or(|(last, _)| *last < id) {
            model.events.push_back((id, event));
            // Reading further up is not disturbed by what comes in below.
            if back > 0 {
                model.sync.back += 1;
            }
        }
    }
    while model.events.len() > EVENTS_KEPT {
        model.events.pop_front();
    }
    model.sync.back = model.sync.back.min(model.events.len().saturating_sub(1));
}

fn take_users(model: &mut Model, instance: InstanceKey, users: Vec<User>) {
    let mut directory = Directory::new();
    for user in &users {
        directory.insert(user.clone());
    }
    model.directories.insert(instance.clone(), directory);
    model.users.insert(instance, users);
    screens::mappings::check(model);
    command::refresh_fields(model);
}

fn command_given(
    model: &mut Model,
    ticket: u64,
    result: Result<crate::model::CommandId, String>,
    fx: &mut Effects,
) {
    let Some(at) = model.tracked.iter().position(|t| t.ticket == ticket) else { return };
    match result {
        Ok(id) => {
            model.tracked[at].id = Some(id);
            let text = format!("Command {id}: {}. It waits for the sync.", model.tracked[at].what);
            model.say(Level::Info, text);
            fx.push(Effect::Follow(id));
        }
        Err(why) => {
            let gone = model.tracked.remove(at);
            model.say(Level::Error, format!("{} was not stored, nothing is written: {why}", gone.what));
        }
    }
}

fn command_now(model: &mut Model, command: &Command, fx: &mut Effects) {
    let Some(at) = model.tracked.iter().position(|t| t.id == Some(command.id)) else { return };
    model.tracked[at].state = command.state;
    let result = escape_line(&command.result);
    let what = model.tracked[at].what.clone();
    match command.state {
        CommandState::Pending | CommandState::Taken => return,
        CommandState::Done => model.say(Level::Change, format!("Done: {what}. {result}")),
        CommandState::Stale => model.say(
            Level::Warning,
            format!("Stale, nothing was written: {what}. {result} Look at it again and repeat it if it still holds."),
        ),
        CommandState::Refused => model.say(Level::Error, format!("Refused: {what}. {result}")),
    }
    let link = model.tracked.remove(at).link;
    if model.detail_of(link).is_some() {
        fx.push(Effect::LoadDetail(link));
    }
}

/// Goes on with what had to wait for the link to be read.
fn resume_wanted(model: &mut Model, id: LinkId, fx: &mut Effects) {
    if let Some(wanted) = model.wanted.filter(|w| w.link == id) {
        model.wanted = None;
        if model.target().is_some_and(|v| v.id == id) && model.overlays.is_empty() {
            run(model, wanted.action, fx);
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

/// Runs an action, or says why it cannot run now.
pub(crate) fn run(model: &mut Model, id: ActionId, fx: &mut Effects) {
    let action = super::action::action(id);
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
