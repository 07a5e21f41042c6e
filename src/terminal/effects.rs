//! Carries out what the console asks for. Whatever waits runs in a task of its own and comes
//! back as a message.

use std::process::Stdio;

use tokio::sync::mpsc;

use super::caps;
use super::face::Face;
use super::feed::Want;
use crate::console::{Effect, Msg};
use crate::model::view::Level;
use crate::store::Store;
use crate::text::Stamp;

/// What the loop has to do itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    Quit,
    Suspend,
}

/// Where effects go.
#[derive(Clone)]
pub(super) struct Out {
    pub store: Store,
    pub who: String,
    pub wants: mpsc::Sender<Want>,
    pub replies: mpsc::Sender<Vec<Msg>>,
}

/// Carries out one effect.
pub(super) fn carry_out(effect: Effect, face: &mut impl Face, out: &Out, now: Stamp) -> Then {
    match effect {
        Effect::Quit => return Then::Quit,
        Effect::Suspend => return Then::Suspend,
        Effect::Redraw => face.forget(),
        Effect::Mouse(on) => {
            if let Err(e) = face.mouse(on) {
                tracing::warn!(error = %e, "the mouse could not be switched");
            }
        }
        Effect::Copy(text) => {
            if let Err(why) = face.copy(&text) {
                reply(out, Msg::Say(Level::Warning, format!("Not copied. {why}")));
            }
        }
        Effect::OpenUrl(url) => open_url(&url, out),
        Effect::LoadDetail(id) => want(out, Want::Detail(id)),
        Effect::Follow(id) => want(out, Want::Follow(id)),
        stored => {
            let out = out.clone();
            tokio::spawn(async move {
                let msg = store(stored, &out, now).await;
                if let Some(msg) = msg {
                    // Nobody listens any more: the console was left, the row is in the store.
                    let _ = out.replies.send(vec![msg]).await;
                }
            });
        }
    }
    Then::Nothing
}

/// Effects that write to the store, with their answer.
pub(super) async fn store(effect: Effect, out: &Out, now: Stamp) -> Option<Msg> {
    match effect {
        Effect::GiveCommand { ticket, command } => {
            let result = out.store.give_command(*command).await.map_err(|e| e.to_string());
            Some(Msg::CommandGiven { ticket, result })
        }
        Effect::GiveControl(control) => {
            let result = out.store.give_control(control).await;
            Some(Msg::ControlGiven(result.map(|_| ()).map_err(|e| e.to_string())))
        }
        Effect::ApplyTables { body, reason, parent } => {
            let result = out.store.apply_mapping(&body, &out.who, &reason, parent, now).await;
            Some(Msg::TablesApplied(result.map_err(|e| e.to_string())))
        }
        _ => None,
    }
}

fn want(out: &Out, want: Want) {
    // Full means that fifty wishes wait already; the next one comes with the next key.
    if out.wants.try_send(want).is_err() {
        tracing::debug!(?want, "the feed is busy");
    }
}

fn reply(out: &Out, msg: Msg) {
    let replies = out.replies.clone();
    tokio::spawn(async move { replies.send(vec![msg]).await });
}

/// Starts the system's browser without a hold on our terminal. Over SSH it would open where
/// nobody sits; the address is shown anyway.
fn open_url(url: &str, out: &Out) {
    if caps::over_ssh() {
        reply(
            out,
            Msg::Say(Level::Info, "Not opened, this is a remote session; the address is above.".into()),
        );
        return;
    }
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = tokio::process::Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(e) = started {
        reply(out, Msg::Say(Level::Warning, format!("Not opened, {program} cannot be started: {e}")));
    }
}
