//! `links link`: ties an incident and a record that exist already. What both hold is shown first; the syncing
//! process ties them if they hold it still.

use super::chosen;
use super::order;
use super::pair::{incident_at, open};
use crate::cli::args::{Common, LinkArgs};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, say};
use crate::cli::prompt;
use crate::cli::session::Session;
use crate::model::{Likeness, LinkVerb};
use crate::text::escape_line;

/// Runs `links link`.
pub async fn run(common: &Common, args: &LinkArgs) -> Result<Exit, Failure> {
    let (session, how) = (Session::commanding(common).await?, args.how);
    let mut all = open(&session, chosen(&session, None)?).await?;
    let (at, incident) = incident_at(&session, &all, &args.incident).await?;
    let both = &mut all[at];
    let record = both.record(&args.record).await?;
    let shown = both
        .compare(LinkVerb::Link, &incident, &record)
        .await?
        .map_err(|why| Failure::new(Exit::Stale, format!("refused: {why}")))?;
    let address = both.address(&incident);
    let head = format!("link · {address} ↔ {} · {}", escape_line(&record.number), incident.title);
    let conflicts = shown.iter().filter(|c| c.likeness == Likeness::Conflict).count();
    let tail = match conflicts {
        0 => "  nothing that stands on either side is written over; from then on both are kept in step"
            .to_owned(),
        1 => "  nothing that stands on either side is written over; one field is left for a person to decide"
            .to_owned(),
        n => format!(
            "  nothing that stands on either side is written over; {n} fields are left for a person to decide"
        ),
    };
    for line in std::iter::once(head).chain(order::lines(both, &shown)).chain([tail]) {
        // With --json, stdout is for the answer.
        if how.json { say(&line) } else { output::print_line(&line)? }
    }
    prompt::confirm("Tie them?", how.yes)?;
    let mut given = order::of(both, LinkVerb::Link, &incident, &record, shown);
    given.id = session.store.give_link_order(given.clone()).await?;
    match how.wait {
        Some(span) => given = order::wait(&session.store, given.id, span).await?,
        None if !how.json && order::nobody_syncs(&session.store, &given.workspace).await? => {
            order::say_nobody(&given.workspace);
        }
        None => {}
    }
    let exit = order::exit_of(&given, how.wait.is_some());
    order::print(&[(given, address, record.number)], how.json)?;
    Ok(exit)
}
