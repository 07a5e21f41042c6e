//! Orders about links: kept in the store, waited for, printed.

use std::time::Duration;

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, say};
use crate::cli::shapes::{LinkOrderRow, is_final};
use crate::cli::who;
use crate::model::{
    CommandState, Compared, Incident, Likeness, LinkOrder, LinkVerb, Record, Side, WorkspaceKey,
};
use crate::store::Store;
use crate::sync;
use crate::text::escape_line;

use super::pair::Both;

/// An order for this pair, as it was shown.
pub fn of(
    both: &Both<'_>,
    verb: LinkVerb,
    incident: &Incident,
    record: &Record,
    shown: Vec<Compared>,
) -> LinkOrder {
    let route = &both.settings.route;
    LinkOrder {
        id: 0,
        workspace: both.settings.key.clone(),
        incident: incident.id.clone(),
        instance: route.instance.clone(),
        table: route.table.clone(),
        sys_id: record.sys_id.clone(),
        verb,
        shown,
        who: who::os_user(),
        at: who::now(),
        state: CommandState::Pending,
        result: String::new(),
    }
}

/// How both sides stand to each other, in one line for each field.
pub fn lines(both: &Both<'_>, shown: &[Compared]) -> Vec<String> {
    let context = both.context();
    let line = |c: &Compared| {
        let read = |side: Side, raw: &str| match raw {
            "" => "(empty)".to_owned(),
            raw => escape_line(sync::readable(&context, side, c.field, raw).raw()),
        };
        let (ours, theirs) = (read(Side::Sentinel, &c.sentinel), read(Side::ServiceNow, &c.servicenow));
        let sign = if c.likeness == Likeness::Equal { "=" } else { "≠" };
        format!("  {:<8}  {}: {ours} {sign} {theirs}", c.likeness.word(), c.field.label().to_lowercase())
    };
    shown.iter().map(line).collect()
}

/// True while no process syncs that workspace.
pub async fn nobody_syncs(store: &Store, workspace: &WorkspaceKey) -> Result<bool, Failure> {
    let leases = store.leases().await?;
    Ok(!leases.iter().any(|l| l.workspace == *workspace && l.ends > l.read_at))
}

/// The order once it is carried out, or as it stands when the time is over.
pub async fn wait(store: &Store, id: i64, span: Duration) -> Result<LinkOrder, Failure> {
    let mut watcher = store.watch().await;
    let deadline = tokio::time::Instant::now() + span;
    loop {
        let Some(order) = store.link_order(id).await? else {
            return Err(Failure::new(Exit::Failed, format!("order {id} is not in the store any more")));
        };
        if is_final(order.state) || tokio::time::timeout_at(deadline, watcher.changed()).await.is_err() {
            return Ok(order);
        }
    }
}

/// How an order ends that was waited for, or not.
pub fn exit_of(order: &LinkOrder, waited: bool) -> Exit {
    match order.state {
        CommandState::Done => Exit::Done,
        CommandState::Stale | CommandState::Refused => Exit::Stale,
        CommandState::Pending | CommandState::Taken if waited => Exit::StillWaiting,
        CommandState::Pending | CommandState::Taken => Exit::Done,
    }
}

/// Prints what became of orders.
pub fn print(orders: &[(LinkOrder, String, String)], json: bool) -> Result<(), Failure> {
    for (order, address, record) in orders.iter().filter(|_| !json) {
        let result = match order.result.as_str() {
            "" => String::new(),
            text => format!(": {}", escape_line(text)),
        };
        output::print_line(&format!(
            "order {} ({} {address} {}) is {}{result}",
            order.id,
            order.verb.word(),
            escape_line(record),
            order.state.word()
        ))?;
    }
    if json {
        let rows: Vec<LinkOrderRow> = orders.iter().map(|(o, a, r)| LinkOrderRow::of(o, a, r)).collect();
        output::print_json(&rows)?;
    }
    Ok(())
}

/// Says that an order waits in the store for somebody to sync its workspace.
pub fn say_nobody(workspace: &WorkspaceKey) {
    say(&format!("nobody syncs {workspace} at present; the order waits in the store"));
}
