//! `links`: which record belongs to which incident.

mod adopt;
mod find;
mod link;
mod order;
mod pair;
mod repair;

use serde::Serialize;

use super::actions::{self, Wish};
use super::args::{Common, DuplicatesArgs, LinksArgs, LinksVerb, Target};
use super::exit::{Exit, Failure};
use super::output::{self, Sheet, say};
use super::session::Session;
use super::shapes::time;
use super::who;
use crate::engine::shell;
use crate::model::settings::WorkspaceSettings;
use crate::model::{Record, Verb};
use crate::sync::duplicates::{Fate, Hands, Tie};
use crate::text::escape_line;
use find::{Desk, Found};
use repair::Outcome;

/// `links duplicates --json`: an array of these.
#[derive(Serialize)]
struct DuplicateRow {
    /// `workspace/4711`.
    address: String,
    workspace: String,
    /// GUID of the incident.
    incident: String,
    instance: String,
    table: String,
    records: Vec<CopyRow>,
}

/// One record of an incident.
#[derive(Serialize)]
struct CopyRow {
    /// Its number.
    record: String,
    sys_id: String,
    created: String,
    created_by: String,
    /// Null when it cannot be read.
    active: Option<bool>,
    /// True when nobody but our own user wrote on it, null when that cannot be told.
    ours_alone: Option<bool>,
    /// True for the record of a live link.
    linked: bool,
    /// `keep`, `close`, `closed`, `closed already` or `leave`.
    fate: &'static str,
    /// Why it is left.
    why: String,
}

/// Runs `links`.
pub async fn run(common: &Common, args: LinksArgs) -> Result<Exit, Failure> {
    match args.verb {
        LinksVerb::Duplicates(a) => duplicates(common, &a).await,
        LinksVerb::Adopt(a) => adopt::run(common, &a).await,
        LinksVerb::Link(a) => link::run(common, &a).await,
        LinksVerb::Unlink(Target { address, how }) => {
            let session = Session::commanding(common).await?;
            actions::give(&session, &address, Wish::Verb(Verb::Unlink), how).await
        }
        LinksVerb::Split(Target { address, how }) => {
            let session = Session::commanding(common).await?;
            actions::give(&session, &address, Wish::Verb(Verb::Split), how).await
        }
    }
}

async fn duplicates(common: &Common, args: &DuplicatesArgs) -> Result<Exit, Failure> {
    let session =
        if args.yes { Session::commanding(common).await? } else { Session::reading(common).await? };
    let config = &session.config;
    let settings = config.engine(&who::holder("links"), 0);
    let desks = shell::desks(&settings, &config.connections)?;
    let (mut rows, mut left) = (Vec::new(), Count::default());
    for workspace in chosen(&session, args.workspace.as_deref())? {
        let Some(desk) = desks.get(&settings.desk(&workspace.route)) else { continue };
        let desk = Desk::open(config, &session.store, workspace, desk.clone()).await?;
        for mut found in desk.duplicates().await? {
            if !found.is_open() && !args.all {
                continue;
            }
            let mut records = found.copies.iter().zip(&found.fates).map(copy_row).collect::<Vec<_>>();
            if args.yes {
                carry_out(&desk, &mut found, &mut records).await?;
            }
            left.add(&found);
            rows.push(DuplicateRow {
                address: found.address,
                workspace: workspace.key.as_str().to_owned(),
                incident: found.incident.as_str().to_owned(),
                instance: workspace.route.instance.as_str().to_owned(),
                table: workspace.route.table.as_str().to_owned(),
                records,
            });
        }
    }
    output::print(args.listing.format(), &sheet(&rows), &rows)?;
    say(&left.words(args));
    Ok(if left.incidents == 0 { Exit::Done } else { Exit::CheckFailed })
}

/// The workspaces that are asked about.
fn chosen<'a>(session: &'a Session, name: Option<&str>) -> Result<Vec<&'a WorkspaceSettings>, Failure> {
    let enabled = session.config.workspaces.iter().filter(|w| w.enabled);
    let Some(name) = name else { return Ok(enabled.collect()) };
    let hit: Vec<_> = enabled.clone().filter(|w| w.key.as_str() == name).collect();
    if hit.is_empty() {
        let known: Vec<String> = enabled.map(|w| w.key.to_string()).collect();
        let text = format!("the config has no enabled workspace {}", escape_line(name));
        return Err(Failure::new(Exit::NotFound, text).hint(format!("there are: {}", known.join(", "))));
    }
    Ok(hit)
}

/// Closes what may be closed, and says of each what came of it.
async fn carry_out(desk: &Desk<'_>, found: &mut Found, rows: &mut [CopyRow]) -> Result<(), Failure> {
    for (i, row) in rows.iter_mut().enumerate() {
        let Fate::Close(write) = &found.fates[i] else { continue };
        let (fate, word, why) = match repair::close(desk, found, i, write).await? {
            Outcome::Closed => (Fate::Settled, "closed", String::new()),
            Outcome::Left(why) => (Fate::Leave(why.clone()), "leave", why),
        };
        found.fates[i] = fate;
        row.fate = word;
        row.why = why;
    }
    Ok(())
}

fn copy_row((copy, fate): (&crate::sync::duplicates::Copy, &Fate)) -> CopyRow {
    let (fate, why) = match fate {
        Fate::Keep => ("keep", String::new()),
        Fate::Settled => ("closed already", String::new()),
        Fate::Close(_) => ("close", String::new()),
        Fate::Leave(why) => ("leave", why.clone()),
    };
    let record = &copy.record;
    CopyRow {
        record: record.number.clone(),
        sys_id: record.sys_id.as_str().to_owned(),
        created: time(record.created_on),
        created_by: record.created_by.clone(),
        active: record.value("active").map(|v| v == "true"),
        ours_alone: match &copy.hands {
            Hands::OursAlone => Some(true),
            Hands::Others(_) => Some(false),
            Hands::Unknown(_) => None,
        },
        linked: copy.tie == Tie::Linked,
        fate,
        why,
    }
}

fn sheet(rows: &[DuplicateRow]) -> Sheet {
    let mut sheet = Sheet::new(&[
        "address",
        "record",
        "sys_id",
        "created",
        "created by",
        "active",
        "only ours",
        "linked",
        "repair",
        "why",
    ]);
    let word = |told: Option<bool>| match told {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    for row in rows {
        for r in &row.records {
            sheet.row(vec![
                row.address.clone(),
                r.record.clone(),
                r.sys_id.clone(),
                r.created.clone(),
                r.created_by.clone(),
                word(r.active).to_owned(),
                word(r.ours_alone).to_owned(),
                word(Some(r.linked)).to_owned(),
                r.fate.to_owned(),
                r.why.clone(),
            ]);
        }
    }
    sheet
}

/// What is left to do.
#[derive(Default)]
struct Count {
    incidents: usize,
    to_close: usize,
    for_a_person: usize,
}

impl Count {
    fn add(&mut self, found: &Found) {
        self.incidents += usize::from(found.is_open());
        self.to_close += found.fates.iter().filter(|f| matches!(f, Fate::Close(_))).count();
        self.for_a_person += found.fates.iter().filter(|f| matches!(f, Fate::Leave(_))).count();
    }

    fn words(&self, args: &DuplicatesArgs) -> String {
        if self.incidents == 0 {
            return "no incident has more than one open record".into();
        }
        let mut text = format!("{} incidents have more than one record", self.incidents);
        if self.to_close > 0 {
            let how = if args.repair { "--yes closes" } else { "--repair --yes would close" };
            text.push_str(&format!("; {how} {} of those records", self.to_close));
        }
        if self.for_a_person > 0 {
            text.push_str(&format!("; {} are left for a person", self.for_a_person));
        }
        text
    }
}

impl Found {
    /// The record that stays.
    fn kept(&self) -> Option<&Record> {
        let at = self.fates.iter().position(|f| *f == Fate::Keep)?;
        self.copies.get(at).map(|c| &c.record)
    }
}
