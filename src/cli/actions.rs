//! Changing an incident: the plan first, then a durable command, then what came of it.

use std::io::Read;
use std::time::Duration;

use super::args::{How, Settable, Take};
use super::exit::{Exit, Failure};
use super::output::{self, say};
use super::session::Session;
use super::shapes::{CommandRow, is_final};
use super::{address, lookup, prompt, who};
use crate::model::view::LinkView;
use crate::model::{
    Command, CommandId, CommandState, Field, InstanceKey, Severity, Shown, Side, Status, SysId, User, Verb,
};
use crate::store::Store;
use crate::sync;
use crate::text::escape_line;

const LONGEST_COMMENT: u64 = 1024 * 1024;

/// What is asked of one incident.
pub enum Wish {
    /// The verb is complete.
    Verb(Verb),
    /// A value to be understood first.
    Set(Settable, String),
}

impl From<Take> for Side {
    fn from(take: Take) -> Self {
        match take {
            Take::Sentinel => Self::Sentinel,
            Take::Servicenow => Self::ServiceNow,
        }
    }
}

/// Shows the plan of a wish, asks, and gives the command.
pub async fn give(session: &Session, at: &str, wish: Wish, how: How) -> Result<Exit, Failure> {
    let store = &session.store;
    let link = address::one(store, at).await?;
    let verb = match wish {
        Wish::Verb(verb) => verb,
        Wish::Set(what, value) => understood(store, &link.instance, what, &value).await?,
    };
    let (shown, words) = plan(session, &link, &verb).await?;
    let mut command = Command {
        id: CommandId(0),
        workspace: link.workspace.clone(),
        link: link.id,
        verb,
        shown,
        who: who::os_user(),
        at: who::now(),
        state: CommandState::Pending,
        result: String::new(),
    };
    let name = format!("{}/{}", link.workspace, link.incident_number);
    show(&link, &command, &words, how)?;
    prompt::confirm("Do this?", how.yes)?;
    // between the question and the answer the world may have moved; the syncing process compares
    // what was shown with what is and gives the command back as stale (D33)
    command.at = who::now();
    command.id = store.give_command(command.clone()).await?;
    let nobody = nobody_syncs(store, &link).await?;
    match how.wait {
        None => {
            if nobody && !how.json {
                say(&format!("nobody syncs {} at present; the command waits in the store", link.workspace));
            }
            finish(&command, &name, how, Exit::Done)
        }
        Some(span) => wait(store, command.id, span, &name, how).await,
    }
}

/// What would be written, and each value before and after in people's words.
async fn plan(
    session: &Session,
    link: &LinkView,
    verb: &Verb,
) -> Result<(Vec<Shown>, Vec<(String, String)>), Failure> {
    let workspace = lookup::workspace(&session.config, link)?;
    let insight = lookup::Insight::read(&session.store, &link.instance).await?;
    let state = session.store.link_state(link.id).await?.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("link {} is not in the store any more", link.id))
    })?;
    let context = insight.context(workspace);
    let shown = sync::preview(&state, &context, verb)
        .map_err(|reason| Failure::new(Exit::Stale, format!("refused: {reason}")))?;
    let words = shown
        .iter()
        .map(|s| match Field::from_word(&s.what) {
            Some(field) => {
                let read = |raw: &str| quoted(sync::readable(&context, s.side, field, raw).raw());
                (read(&s.from), read(&s.to))
            }
            None => (quoted(&s.from), quoted(&s.to)),
        })
        .collect();
    Ok((shown, words))
}

async fn understood(
    store: &Store,
    instance: &InstanceKey,
    what: Settable,
    value: &str,
) -> Result<Verb, Failure> {
    let wrong =
        |known: String| Failure::new(Exit::Usage, format!("{} is not one of {known}", escape_line(value)));
    match what {
        Settable::Severity => Severity::from_word(value)
            .map(|severity| Verb::Severity { severity })
            .ok_or_else(|| wrong(Severity::ALL.map(Severity::word).join(", "))),
        Settable::Status => match Status::from_word(value) {
            Some(Status::Closed) => Err(Failure::new(Exit::Usage, "closing needs a classification")
                .hint("diptych incidents close ADDR --as CLOSURE --notes TEXT")),
            Some(status) => Ok(Verb::Status { status }),
            None => Err(wrong("New, Active".into())),
        },
        Settable::Owner if value == "-" => Ok(Verb::Owner { user: SysId::default() }),
        Settable::Owner => {
            let users = store.users(instance).await?;
            owner(&users, value).map(|u| Verb::Owner { user: u.sys_id.clone() })
        }
    }
}

/// The one active user that a value means: by sys_id, user name, e-mail or full name.
fn owner<'a>(users: &'a [User], value: &str) -> Result<&'a User, Failure> {
    let same = |text: &str| !text.is_empty() && text.trim().eq_ignore_ascii_case(value.trim());
    let hits: Vec<&User> = users
        .iter()
        .filter(|u| u.active)
        .filter(|u| same(u.sys_id.as_str()) || same(&u.user_name) || same(&u.email) || same(u.name.raw()))
        .collect();
    match hits.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::new(Exit::NotFound, format!("no active user is called {}", escape_line(value)))
            .hint("write a ServiceNow user name, e-mail or sys_id of somebody the sync has read")),
        many => {
            let names: Vec<String> = many.iter().map(|u| escape_line(&u.user_name)).collect();
            Err(Failure::new(
                Exit::NotFound,
                format!("{} means several users: {}", escape_line(value), names.join(", ")),
            ))
        }
    }
}

/// The text of a comment; `-` reads it from stdin.
pub fn comment(text: String) -> Result<Verb, Failure> {
    let text = if text == "-" {
        let mut read = String::new();
        std::io::stdin()
            .lock()
            .take(LONGEST_COMMENT)
            .read_to_string(&mut read)
            .map_err(|e| Failure::new(Exit::Usage, format!("stdin cannot be read as text: {e}")))?;
        read
    } else {
        text
    };
    let text = text.trim_end().to_owned();
    if text.is_empty() {
        return Err(Failure::new(Exit::Usage, "an empty comment says nothing"));
    }
    Ok(Verb::Comment { text })
}

fn show(link: &LinkView, command: &Command, words: &[(String, String)], how: How) -> Result<(), Failure> {
    let mut lines = vec![format!(
        "{} · {}/{} {} · {}",
        command.verb.word(),
        link.workspace,
        link.incident_number,
        escape_line(&link.record_number),
        link.title
    )];
    for (s, (from, to)) in command.shown.iter().zip(words) {
        lines.push(format!(
            "  {:<10}  {}: {from} → {to}",
            s.side.to_string(),
            escape_line(Field::short(&s.what))
        ));
    }
    if command.verb == Verb::Unlink {
        lines.push("  nothing is deleted; nothing crosses any more, and no new record is made".into());
    }
    if command.verb == Verb::Split {
        lines.push("  it gets a record of its own; what was said stays where it was said".into());
    }
    // with --json, stdout is for the answer
    for line in lines {
        if how.json { say(&line) } else { output::print_line(&line)? }
    }
    Ok(())
}

fn quoted(raw: &str) -> String {
    if raw.is_empty() { "(empty)".into() } else { escape_line(raw) }
}

async fn nobody_syncs(store: &Store, link: &LinkView) -> Result<bool, Failure> {
    let leases = store.leases().await?;
    Ok(!leases.iter().any(|l| l.workspace == link.workspace && l.ends > l.read_at))
}

async fn wait(store: &Store, id: CommandId, span: Duration, name: &str, how: How) -> Result<Exit, Failure> {
    let mut watcher = store.watch().await;
    let deadline = tokio::time::Instant::now() + span;
    loop {
        let Some(command) = store.command(id).await? else {
            return Err(Failure::new(Exit::Failed, format!("command {id} is not in the store any more")));
        };
        if is_final(command.state) {
            let exit = if command.state == CommandState::Done { Exit::Done } else { Exit::Stale };
            return finish(&command, name, how, exit);
        }
        if tokio::time::timeout_at(deadline, watcher.changed()).await.is_err() {
            return finish(&command, name, how, Exit::StillWaiting);
        }
    }
}

fn finish(command: &Command, name: &str, how: How, exit: Exit) -> Result<Exit, Failure> {
    if how.json {
        output::print_json(&CommandRow::of(command, name))?;
    } else {
        let result = if command.result.is_empty() {
            String::new()
        } else {
            format!(": {}", escape_line(&command.result))
        };
        output::print_line(&format!("command {} is {}{result}", command.id, command.state.word()))?;
    }
    Ok(exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str, name: &str, email: &str, active: bool) -> User {
        User {
            sys_id: SysId::new(id),
            user_name: name.into(),
            name: name.into(),
            email: email.into(),
            active,
        }
    }

    #[test]
    fn an_owner_is_exactly_one_active_user() {
        let users = [
            user("a1", "ann", "ann@x.example", true),
            user("b1", "bob", "ann@x.example", true),
            user("c1", "cid", "", false),
        ];
        assert_eq!(owner(&users, "ANN").unwrap().sys_id, SysId::new("a1"));
        assert_eq!(owner(&users, "b1").unwrap().user_name, "bob");
        assert!(owner(&users, "ann@x.example").unwrap_err().message.contains("several"));
        assert_eq!(owner(&users, "cid").unwrap_err().exit, Exit::NotFound);
        assert!(owner(&users, "").is_err());
    }
}
