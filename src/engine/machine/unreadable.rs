//! Fields that are held because our user may not read their columns: the version of a record tells nothing of
//! rights, so its columns are looked at again from time to time.

use crate::model::ledger::{Ask, Told};
use crate::model::{CallError, LinkId, LinkState, Record, Role};
use crate::sync::decide::unreadable;
use crate::sync::values::servicenow_value;

use super::ctx::{Halt, Ws};
use super::record_pass::fetch;

/// Links in one question.
const AT_A_TIME: usize = 200;

/// Records of which a column may be read by now that could not be when its field was held: of the newest
/// links with held fields, or of all. The inner error is ServiceNow's.
pub(super) async fn readable_again(ws: &Ws, all: bool) -> Result<Result<Vec<Record>, CallError>, Halt> {
    let Told::Numbers(mut held) = ws.ask(Ask::HeldLinks(ws.key.clone())).await? else {
        return Ok(Ok(Vec::new()));
    };
    held.reverse();
    held.truncate(if all { usize::MAX } else { AT_A_TIME });
    let mut found = Vec::new();
    for some in held.chunks(AT_A_TIME) {
        let states = hidden(ws, some).await?;
        let ids: Vec<_> = states.iter().map(|s| s.link.sys_id.clone()).filter(|id| id.is_plain()).collect();
        if ids.is_empty() {
            continue;
        }
        match fetch(ws, ids).await {
            Ok(records) => found.extend(records.into_iter().filter(|r| shows_more(ws, &states, r))),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(found))
}

/// Those of some links that hold a field because its column may not be read.
async fn hidden(ws: &Ws, links: &[LinkId]) -> Result<Vec<LinkState>, Halt> {
    let Told::Links(states) = ws.ask(Ask::ById(links.to_vec())).await? else { return Ok(Vec::new()) };
    let route = &ws.settings().route;
    let here = |s: &LinkState| s.link.instance == route.instance && s.link.table == route.table;
    let hides = |s: &LinkState| s.bases.iter().any(|b| b.held == unreadable(b.field));
    let waits =
        |s: &LinkState| s.link.role == Role::Primary && s.link.frozen.is_empty() && here(s) && hides(s);
    Ok(states.into_iter().filter(waits).collect())
}

/// True for a record that shows one of the columns that its link waits for.
fn shows_more(ws: &Ws, states: &[LinkState], record: &Record) -> bool {
    let shape = &ws.settings().route.shape;
    let state = states.iter().find(|s| s.link.sys_id == record.sys_id);
    state.is_some_and(|s| {
        let held = s.bases.iter().filter(|b| b.held == unreadable(b.field));
        held.into_iter().any(|b| servicenow_value(record, shape, b.field).is_some())
    })
}
