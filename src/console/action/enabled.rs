//! Whether an action can run now, and if not why, in a sentence for people.

use crate::console::model::{Model, Screen};
use crate::mapping::LintLevel;
use crate::model::view::{LinkView, Step, WorkspaceView};

type Answer = Result<(), String>;

pub(super) fn always(_: &Model) -> Answer {
    Ok(())
}

fn writable(model: &Model) -> Answer {
    if model.setup.readonly { Err("This console is read-only.".into()) } else { Ok(()) }
}

pub(super) fn back(model: &Model) -> Answer {
    let here = match model.screen {
        Screen::Incident => true,
        Screen::Incidents => model.links.is_filtered(),
        Screen::Mappings | Screen::Sync => true,
    };
    if here { Ok(()) } else { Err("This is the outermost level; q quits.".into()) }
}

fn the_target(model: &Model) -> Result<&LinkView, String> {
    model.target().ok_or_else(|| "Select an incident first.".into())
}

pub(super) fn target(model: &Model) -> Answer {
    the_target(model).map(|_| ())
}

fn live(model: &Model) -> Result<&LinkView, String> {
    writable(model)?;
    let view = the_target(model)?;
    match view.step {
        Step::Merged => return Err("It was merged into another incident; work on that one.".into()),
        Step::Watched => return Err("It is only watched, never written.".into()),
        Step::Unlinked => {
            return Err("A person ended this link; tie both again with `diptych links link`.".into());
        }
        Step::Gone => return Err("One side is gone; nothing is written to the other.".into()),
        _ => {}
    }
    if view.record_number.is_empty() {
        return Err("Its record does not exist yet.".into());
    }
    Ok(view)
}

pub(super) fn live_link(model: &Model) -> Answer {
    live(model).map(|_| ())
}

pub(super) fn open_link(model: &Model) -> Answer {
    match live(model)?.closed {
        true => Err("It is closed; reopen it first.".into()),
        false => Ok(()),
    }
}

pub(super) fn closable(model: &Model) -> Answer {
    match live(model)?.closed {
        true => Err("It is closed on both sides already.".into()),
        false => Ok(()),
    }
}

pub(super) fn reopenable(model: &Model) -> Answer {
    let view = live(model)?;
    let half = view.status.sentinel.raw().eq_ignore_ascii_case("closed");
    if view.closed || half { Ok(()) } else { Err("It is not closed.".into()) }
}

pub(super) fn resolvable(model: &Model) -> Answer {
    match live(model)?.step {
        Step::Conflict => Ok(()),
        _ => Err("No field of it is in conflict.".into()),
    }
}

pub(super) fn retryable(model: &Model) -> Answer {
    writable(model)?;
    let view = the_target(model)?;
    match view.step {
        Step::Unlinked => Err("A person ended this link; nothing is done by it any more.".into()),
        Step::Error | Step::Held | Step::Pending | Step::Conflict | Step::Gone => Ok(()),
        _ => Err("Nothing of it waits or failed.".into()),
    }
}

pub(super) fn has_incident_url(model: &Model) -> Answer {
    match the_target(model)?.url.sentinel.is_empty() {
        true => Err("The incident has no portal address.".into()),
        false => Ok(()),
    }
}

pub(super) fn has_record_url(model: &Model) -> Answer {
    match the_target(model)?.url.servicenow.is_empty() {
        true => Err("The record has no address yet.".into()),
        false => Ok(()),
    }
}

pub(super) fn tables(model: &Model) -> Answer {
    writable(model)?;
    match model.mappings.current {
        Some(_) => Ok(()),
        None => Err("No mapping version was read yet.".into()),
    }
}

pub(super) fn cell(model: &Model) -> Answer {
    tables(model)?;
    match model.mappings.rows() {
        0 => Err("The table has no rows; a adds one.".into()),
        _ => Ok(()),
    }
}

pub(super) fn draft(model: &Model) -> Answer {
    match model.mappings.is_draft() {
        true => Ok(()),
        false => Err("The tables are as they were applied; there is no draft.".into()),
    }
}

pub(super) fn applicable(model: &Model) -> Answer {
    tables(model)?;
    draft(model)?;
    let errors = model.mappings.lints.iter().filter(|l| l.level == LintLevel::Error).count();
    match errors {
        0 => Ok(()),
        1 => Err("One error stands in the way; it is marked in its row.".into()),
        n => Err(format!("{n} errors stand in the way; they are marked in their rows.")),
    }
}

pub(super) fn undoable(model: &Model) -> Answer {
    tables(model)?;
    if model.mappings.is_draft() {
        return Err("There is a draft; apply or discard it first.".into());
    }
    match model.mappings.parent() {
        Some(_) => Ok(()),
        None => Err("This is the first version.".into()),
    }
}

fn workspace(model: &Model) -> Result<&WorkspaceView, String> {
    writable(model)?;
    model.workspace().ok_or_else(|| "No workspace is published yet.".into())
}

pub(super) fn pausable(model: &Model) -> Answer {
    match workspace(model)?.paused {
        true => Err("It is paused already.".into()),
        false => Ok(()),
    }
}

pub(super) fn resumable(model: &Model) -> Answer {
    match workspace(model)?.paused {
        true => Ok(()),
        false => Err("It is not paused.".into()),
    }
}

pub(super) fn syncable(model: &Model) -> Answer {
    match workspace(model)?.paused {
        true => Err("It is paused; resume it first.".into()),
        false => Ok(()),
    }
}

pub(super) fn plan_waiting(model: &Model) -> Answer {
    let workspace = workspace(model)?;
    match workspace.waiting_plan.is_some() || !workspace.surges.is_empty() {
        true => Ok(()),
        false => Err("No first plan, mass change or write waits for a person.".into()),
    }
}

pub(super) fn confirmable(model: &Model) -> Answer {
    match model.overlays.last() {
        Some(crate::console::overlays::Overlay::Plan(plan)) if plan.act.is_some() => Ok(()),
        _ => Err("There is nothing to confirm.".into()),
    }
}
