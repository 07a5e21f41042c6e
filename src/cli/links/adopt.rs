//! `links adopt`: the records that Microsoft's store app made, which incident each belongs to, and what
//! taking it up would do.

use serde::Serialize;

use super::chosen;
use super::find::failed;
use super::order;
use super::pair::{Both, open};
use crate::cli::args::{AdoptArgs, Common};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format, Sheet, say};
use crate::cli::session::Session;
use crate::cli::who;
use crate::model::call::ListFrom;
use crate::model::settings::StoreApp;
use crate::model::{Compared, Incident, Likeness, LinkOrder, LinkVerb, Record};
use crate::sync::cursor::first_start;
use crate::sync::hand_over::{is_store_apps, store_app_ids};

/// Incidents in one query: each has up to three correlation ids, and an address has its limit.
const INCIDENTS: usize = 20;

/// `links adopt --json`: an array of these.
#[derive(Serialize)]
struct AdoptRow {
    /// `workspace/4711`.
    address: String,
    /// GUID of the incident.
    incident: String,
    /// Number of the record.
    record: String,
    sys_id: String,
    /// The id that the app wrote.
    correlation: String,
    /// `primary`, `watched` or `leave`.
    becomes: &'static str,
    /// Why it is left.
    why: String,
    /// What both sides hold; empty where it is left.
    fields: Vec<Compared>,
    /// Number of the order; null without --yes, and where it is left.
    order: Option<i64>,
    /// `pending`, `done`, `stale` or `refused`; empty where nothing was ordered.
    state: &'static str,
    /// What came of the order.
    result: String,
}

/// Runs `links adopt`.
pub async fn run(common: &Common, args: &AdoptArgs) -> Result<Exit, Failure> {
    let (session, how) = (Session::commanding(common).await?, args.how);
    let (mut rows, mut given): (Vec<AdoptRow>, Vec<(usize, LinkOrder)>) = (Vec::new(), Vec::new());
    for mut both in open(&session, chosen(&session, args.workspace.as_deref())?).await? {
        for (incident, records) in found(&both).await? {
            let oldest = records.first().map(|r| r.number.clone()).unwrap_or_default();
            for (n, record) in records.iter().enumerate() {
                let told = match n {
                    0 => both.compare(LinkVerb::Adopt, &incident, record).await?,
                    _ => Err(format!("{oldest} is the older one of the same incident")),
                };
                if let Ok(shown) = &told {
                    let order = order::of(&both, LinkVerb::Adopt, &incident, record, shown.clone());
                    given.push((rows.len(), order));
                }
                rows.push(row(&both, &incident, record, told));
            }
        }
    }
    let mut exit = Exit::Done;
    if how.yes {
        for (at, order) in &mut given {
            order.id = session.store.give_link_order(order.clone()).await?;
            rows[*at].order = Some(order.id);
        }
        for (at, order) in &mut given {
            if let Some(span) = how.wait {
                *order = order::wait(&session.store, order.id, span).await?;
            }
            rows[*at].state = order.state.word();
            rows[*at].result.clone_from(&order.result);
            exit = exit.max(order::exit_of(order, how.wait.is_some()));
        }
    }
    output::print(if how.json { Format::Json } else { Format::Table }, &sheet(&rows), &rows)?;
    if !how.json {
        let left = rows.len() - given.len();
        let ordered = if how.yes { "are ordered to be taken up" } else { "would be taken up with --yes" };
        say(&format!("{} records {ordered}, {left} are left", given.len()));
        for (_, order) in given.iter().take(usize::from(how.yes && how.wait.is_none())) {
            if order::nobody_syncs(&session.store, &order.workspace).await? {
                order::say_nobody(&order.workspace);
            }
        }
    }
    Ok(exit)
}

/// Incidents with the records that the app made for them, oldest first.
async fn found(both: &Both<'_>) -> Result<Vec<(Incident, Vec<Record>)>, Failure> {
    let settings = both.settings;
    let since = first_start(who::now(), settings.max_age);
    let mut incidents = both.incidents(ListFrom::Modified(since)).await?;
    incidents.sort_by_key(|i| i.number);
    incidents.dedup_by(|a, b| a.id == b.id);
    let mut all = Vec::new();
    for chunk in incidents.chunks(INCIDENTS) {
        let ids = chunk.iter().flat_map(|i| store_app_ids(&settings.name, &i.id)).collect();
        let records = both.correlated(ids).await.map_err(failed)?;
        for incident in chunk {
            let field = &settings.route.shape.correlation_id;
            let of_it =
                |r: &&Record| r.value(field).is_some_and(|c| is_store_apps(c, &settings.name, &incident.id));
            let mut theirs: Vec<Record> = records.iter().filter(of_it).cloned().collect();
            theirs.sort_by_key(Record::age_order);
            if !theirs.is_empty() {
                all.push((incident.clone(), theirs));
            }
        }
    }
    Ok(all)
}

fn row(
    both: &Both<'_>,
    incident: &Incident,
    record: &Record,
    told: Result<Vec<Compared>, String>,
) -> AdoptRow {
    let becomes = match (&told, both.settings.store_app) {
        (Err(_), _) => "leave",
        (Ok(_), StoreApp::Watch) => "watched",
        (Ok(_), StoreApp::Adopt | StoreApp::Ignore) => "primary",
    };
    let (fields, why) = match told {
        Ok(fields) => (fields, String::new()),
        Err(why) => (Vec::new(), why),
    };
    let correlation = record.value(&both.settings.route.shape.correlation_id).unwrap_or_default();
    AdoptRow {
        address: both.address(incident),
        incident: incident.id.as_str().to_owned(),
        record: record.number.clone(),
        sys_id: record.sys_id.as_str().to_owned(),
        correlation: correlation.to_owned(),
        becomes,
        why,
        fields,
        order: None,
        state: "",
        result: String::new(),
    }
}

fn sheet(rows: &[AdoptRow]) -> Sheet {
    let mut sheet = Sheet::new(&["address", "record", "becomes", "to decide", "order", "state", "why"]);
    for r in rows {
        let conflicts = r.fields.iter().filter(|c| c.likeness == Likeness::Conflict);
        let conflicts: Vec<String> = conflicts.map(|c| c.field.label().to_lowercase()).collect();
        sheet.row(vec![
            r.address.clone(),
            r.record.clone(),
            r.becomes.to_owned(),
            conflicts.join(", "),
            r.order.map(|n| n.to_string()).unwrap_or_default(),
            r.state.to_owned(),
            if r.why.is_empty() { r.result.clone() } else { r.why.clone() },
        ]);
    }
    sheet
}
