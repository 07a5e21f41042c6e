//! Closes a record that is too many. Each is looked at once more right before: only what nobody else wrote
//! and no link is about is written to, so that this never meets the sync.

use super::find::{Desk, Found};
use crate::cli::exit::Failure;
use crate::cli::who;
use crate::model::call::{DeskCall, DeskReply};
use crate::model::ledger::AuditDraft;
use crate::model::{Record, RecordWrite};
use crate::sync::duplicates::{Hands, hands_of};
use crate::text::escape_line;

/// What came of an attempt to close a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is closed.
    Closed,
    /// It is not, and why.
    Left(String),
}

/// Closes record number `i` of an incident with that write.
pub async fn close(
    desk: &Desk<'_>,
    found: &Found,
    i: usize,
    write: &RecordWrite,
) -> Result<Outcome, Failure> {
    let seen = &found.copies[i].record;
    let route = &desk.settings.route;
    if let Some(why) = moved(desk, seen).await? {
        return Ok(Outcome::Left(why));
    }
    let state = write.values.get(&route.shape.status).cloned().unwrap_or_default();
    let row = |act: &str, why: String| AuditDraft {
        at: who::now(),
        who: who::os_user(),
        act: act.into(),
        link: None,
        subject: escape_line(&format!("{} {}", found.address, seen.number)),
        side: "servicenow".into(),
        what: "record".into(),
        before: seen.value(&route.shape.status).unwrap_or_default().to_owned(),
        after: state.clone(),
        why,
        intent: None,
    };
    // Nothing is sent before it is written down.
    let keep = found.kept().map_or("", |r| r.number.as_str());
    let why = format!("a duplicate of {}: only we ever wrote on {}", escape_line(keep), seen.sys_id);
    desk.store.append_store_audit(row("close_duplicate", why)).await?;
    let call = DeskCall::Patch {
        table: route.table.clone(),
        shape: desk.shape(),
        sys_id: seen.sys_id.clone(),
        write: write.clone(),
    };
    let outcome = match desk.call(call).await {
        Ok(DeskReply::Record(record)) => kept(&record, write),
        Ok(_) => Outcome::Left("ServiceNow gave an answer of another kind; run the command again".into()),
        Err(e) if e.maybe_applied => {
            Outcome::Left(format!("it may be closed or not: {}; run the command again", e.message))
        }
        Err(e) => Outcome::Left(format!("ServiceNow refused the close: {}", e.message)),
    };
    let (act, why) = match &outcome {
        Outcome::Closed => ("closed_duplicate", "ServiceNow shows it closed".to_owned()),
        Outcome::Left(why) => ("unproven", escape_line(why)),
    };
    desk.store.append_store_audit(row(act, why)).await?;
    Ok(outcome)
}

/// Why a record must not be closed any more: it moved, was linked, or somebody wrote on it since.
async fn moved(desk: &Desk<'_>, seen: &Record) -> Result<Option<String>, Failure> {
    let call = DeskCall::Get {
        table: desk.settings.route.table.clone(),
        shape: desk.shape(),
        sys_id: seen.sys_id.clone(),
    };
    let now = match desk.call(call).await {
        Ok(DeskReply::Record(record)) => record,
        Ok(_) => return Ok(Some("ServiceNow gave an answer of another kind".into())),
        Err(e) => return Ok(Some(format!("it cannot be read any more: {}", e.message))),
    };
    let hands = match desk.authors(std::slice::from_ref(&seen.sys_id)).await.into_values().next() {
        Some(hands) => hands,
        None => hands_of(&now, desk.own_user()),
    };
    match hands {
        Hands::OursAlone if now.mod_count == seen.mod_count => {}
        Hands::Unknown(why) => return Ok(Some(format!("who wrote on it cannot be told: {why}"))),
        Hands::OursAlone | Hands::Others(_) => {
            return Ok(Some("somebody changed it since it was looked at; run the command again".into()));
        }
    }
    let ties = desk.ties(std::slice::from_ref(&seen.sys_id)).await?;
    Ok((!ties.is_empty()).then(|| "it was linked since it was looked at".into()))
}

/// Whether the instance kept what closes the record.
fn kept(record: &Record, write: &RecordWrite) -> Outcome {
    // A journal is never shown back.
    let lost = write.values.iter().find(|(name, value)| record.value(name).is_some_and(|now| now != *value));
    match lost {
        None => Outcome::Closed,
        Some((name, value)) => Outcome::Left(format!(
            "ServiceNow made {:?} of {name} {value:?}; close it by hand",
            record.value(name).unwrap_or_default()
        )),
    }
}
