//! What arrives from the store: rows, details, events, and what became of orders.

use crate::console::command;
use crate::console::effect::{Effect, Effects};
use crate::console::model::{EVENTS_KEPT, Model};
use crate::console::msg::Msg;
use crate::console::screens;
use crate::mapping::Directory;
use crate::model::view::Level;
use crate::model::{Command, CommandState, InstanceKey, LinkId, User};
use crate::text::escape_line;

use super::actions::run;

/// Takes what arrived.
pub(super) fn take(model: &mut Model, msg: Msg, fx: &mut Effects) {
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
