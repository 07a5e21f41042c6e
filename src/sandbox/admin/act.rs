//! Single acts that a test or a trainer asks for: `POST /act` with a JSON object whose member
//! `act` names it.

use serde_json::{Value, json};

use crate::sandbox::analysts::AnalystEntry;
use crate::sandbox::people::{CAST, Person};
use crate::sandbox::side::Side;
use crate::sandbox::stage::Stage;
use crate::text::Stamp;

mod portal;
mod record;

use portal::PortalAct;
use record::DeskAct;

/// Does the act that the body asks for, tells subscribers, and gives what was made or changed.
pub(super) fn carry_out(stage: &Stage, body: Value, now: Stamp) -> Result<Value, String> {
    let name = body["act"].as_str().unwrap_or_default();
    match name {
        "any" => match stage.play(now) {
            Some(entry) => serde_json::to_value(entry).map_err(|e| e.to_string()),
            None => Err("there is nothing to act on".into()),
        },
        "revoke_tokens" => {
            stage.with_sentinel(|world| world.revoke_tokens());
            stage.with_desk(|world| world.revoke_tokens(false));
            Ok(json!({"revoked": true}))
        }
        _ if record::NAMES.contains(&name) => {
            let act: DeskAct = serde_json::from_value(body).map_err(|e| e.to_string())?;
            act.carry_out(stage, now)
        }
        _ => {
            let act: PortalAct = serde_json::from_value(body)
                .map_err(|e| format!("{e}; or on a record one of {}", record::NAMES.join(", ")))?;
            act.carry_out(stage, now)
        }
    }
}

/// Whoever has that `user_name`; the first of the cast when nobody is named.
fn person(by: Option<&str>) -> Result<&'static Person, String> {
    match by {
        None => CAST.first().ok_or_else(|| "nobody works here".into()),
        Some(name) => CAST.iter().find(|p| p.user_name == name).ok_or_else(|| {
            let names: Vec<&str> = CAST.iter().map(|p| p.user_name).collect();
            format!("nobody is called {name:?}; use one of {}", names.join(", "))
        }),
    }
}

fn announce(stage: &Stage, at: Stamp, who: &str, side: Side, what: String, target: String) {
    stage.announce(AnalystEntry { at, who: who.to_owned(), side, what, target, token: None });
}
