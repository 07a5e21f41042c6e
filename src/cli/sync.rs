//! `sync`: one pass, a plan, and the Sync screen for pipes.

use std::collections::BTreeMap;

use super::args::{Common, SyncArgs, SyncTarget, SyncVerb};
use super::exit::{Exit, Failure};
use super::output::{self, Format, Sheet, say};
use super::session::{self, Session};
use super::shapes::WorkspaceRow;
use super::{background, incidents, who};
use crate::config::Config;
use crate::engine::shell;
use crate::model::ledger::Lease;
use crate::model::settings::FirstContact;
use crate::model::view::{Step, WorkspaceView};
use crate::model::{Control, ControlVerb, Field, WorkspaceKey};
use crate::telemetry::{self, Target};
use crate::text::escape_line;

/// Runs `sync`.
pub async fn run(common: &Common, args: SyncArgs) -> Result<Exit, Failure> {
    match args.verb {
        Some(SyncVerb::Status(t)) => return status(&Session::reading(common).await?, &t).await,
        Some(SyncVerb::Pause(t)) => return order(common, &t, ControlVerb::Pause).await,
        Some(SyncVerb::Resume(t)) => return order(common, &t, ControlVerb::Resume).await,
        Some(SyncVerb::Now(t)) => return order(common, &t, ControlVerb::SyncNow).await,
        Some(SyncVerb::LetThrough(t)) => return order(common, &t, ControlVerb::LetThrough).await,
        None => {}
    }
    if !args.once && !args.plan && !args.accept_plan {
        return Err(Failure::new(Exit::Usage, "sync needs --once, --plan, --accept-plan or a verb").hint(
            "diptych sync status · pause · resume · now · let-through; `diptych run` syncs until stopped",
        ));
    }
    let session = Session::writing(common).await?;
    if args.accept_plan {
        let accepted = accept_plans(&session).await?;
        if !args.once {
            output::print_line(&format!("{accepted} plans accepted"))?;
            return Ok(Exit::Done);
        }
    }
    let target = session.config.log.file.clone().map_or(Target::Stderr, Target::File);
    telemetry::start(&session.config.log, &target, common.verbose)
        .map_err(|e| Failure::new(Exit::Usage, e))?;
    session::say_warnings(&session.config);
    if args.plan { plan(&session, args.json).await } else { once(&session, args.json).await }
}

async fn once(session: &Session, json: bool) -> Result<Exit, Failure> {
    let options = background::options(&session.config, &session.store, "sync").await?;
    let report = shell::once(options).await?;
    let mut sheet = Sheet::new(&["workspace", "ok", "read", "written", "open", "note"]);
    for p in &report.passes {
        sheet.row(vec![
            p.workspace.as_str().to_owned(),
            if p.ok { "yes" } else { "no" }.to_owned(),
            p.read.to_string(),
            p.written.to_string(),
            p.open.to_string(),
            p.note.clone(),
        ]);
    }
    output::print(if json { Format::Json } else { Format::Table }, &sheet, &report.passes)?;
    Ok(match report.passes.iter().find_map(|p| p.cause) {
        Some(kind) => Exit::from(kind),
        None if report.ok => Exit::Done,
        None => Exit::Failed,
    })
}

async fn plan(session: &Session, json: bool) -> Result<Exit, Failure> {
    let options = background::options(&session.config, &session.store, "plan").await?;
    let writes = shell::plan(options).await?;
    let mut sheet = Sheet::new(&["workspace", "subject", "side", "what", "from", "to", "why"]);
    for w in &writes {
        sheet.row(vec![
            w.workspace.as_str().to_owned(),
            w.subject.clone(),
            w.shown.side.word().to_owned(),
            Field::short(&w.shown.what).to_owned(),
            w.shown.from.clone(),
            w.shown.to.clone(),
            w.why.clone(),
        ]);
    }
    output::print(if json { Format::Json } else { Format::Table }, &sheet, &writes)?;
    if !json {
        say(&format!("{} writes planned, none made", writes.len()));
    }
    Ok(Exit::Done)
}

/// Accepts the first-contact plan of every workspace whose section asks for one (D29), waiting
/// already or still to come; gives how many. A plan that was accepted before changes nothing.
pub async fn accept_plans(session: &Session) -> Result<usize, Failure> {
    let waiting: Vec<WorkspaceKey> = session
        .config
        .workspaces
        .iter()
        .filter(|w| w.enabled && w.first_contact == FirstContact::Plan)
        .map(|w| w.key.clone())
        .collect();
    for workspace in &waiting {
        control(session, workspace, ControlVerb::AcceptPlan).await?;
    }
    Ok(waiting.len())
}

async fn control(session: &Session, workspace: &WorkspaceKey, verb: ControlVerb) -> Result<(), Failure> {
    let control = Control { id: 0, workspace: workspace.clone(), verb, who: who::os_user(), at: who::now() };
    session.store.give_control(control).await?;
    Ok(())
}

/// The workspaces that a target means; one that the config does not know is an error.
fn targets(config: &Config, target: &SyncTarget) -> Result<Vec<WorkspaceKey>, Failure> {
    let all = config.workspaces.iter().map(|w| w.key.clone());
    let Some(name) = &target.workspace else { return Ok(all.collect()) };
    let hit: Vec<WorkspaceKey> = all.clone().filter(|k| k.as_str() == name).collect();
    if hit.is_empty() {
        let known: Vec<String> = all.map(|k| k.to_string()).collect();
        return Err(Failure::new(Exit::NotFound, format!("there is no workspace {}", escape_line(name)))
            .hint(format!("the config has: {}", known.join(", "))));
    }
    Ok(hit)
}

async fn order(common: &Common, target: &SyncTarget, verb: ControlVerb) -> Result<Exit, Failure> {
    let session = Session::commanding(common).await?;
    let keys = targets(&session.config, target)?;
    for key in &keys {
        control(&session, key, verb).await?;
    }
    let held = holders(&session).await?;
    let rows: Vec<serde_json::Value> = keys
        .iter()
        .map(|k| serde_json::json!({"workspace": k, "order": verb.word(), "holder": held.get(k)}))
        .collect();
    if target.json {
        output::print_json(&rows)?;
        return Ok(Exit::Done);
    }
    for key in &keys {
        let by = held.get(key).map_or("the next process that syncs it".to_owned(), |h| escape_line(h));
        output::print_line(&format!("{key}: {} ordered, to be carried out by {by}", verb.word()))?;
    }
    Ok(Exit::Done)
}

async fn holders(session: &Session) -> Result<BTreeMap<WorkspaceKey, String>, Failure> {
    let leases = session.store.leases().await?;
    Ok(leases.into_iter().filter(|l| l.is_in_force()).map(|l| (l.workspace, l.holder)).collect())
}

async fn status(session: &Session, target: &SyncTarget) -> Result<Exit, Failure> {
    let keys = targets(&session.config, target)?;
    let lanes = session.store.lanes().await?;
    let leases = session.store.leases().await?;
    let standing = |key: &WorkspaceKey| {
        let lease = leases.iter().find(|l| l.workspace == *key);
        let section = session.config.section_hashes.get(key).map_or("", String::as_str);
        let refused = lease.and_then(|l| l.refused_for(section)).unwrap_or_default();
        (lease.is_some_and(Lease::is_in_force), refused)
    };
    let links = incidents::all(&session.store).await?;
    let views: Vec<WorkspaceView> =
        session.store.workspaces().await?.into_iter().filter(|w| keys.contains(&w.workspace)).collect();
    let rows: Vec<WorkspaceRow> = views
        .iter()
        .map(|w| {
            let count =
                |s: Step| links.iter().filter(|l| l.workspace == w.workspace && l.step == s).count() as u64;
            let steps: Vec<(Step, u64)> = Step::ALL.into_iter().map(|s| (s, count(s))).collect();
            WorkspaceRow::of(w, &lanes, &steps, standing(&w.workspace))
        })
        .collect();
    if target.json {
        output::print_json(&rows)?;
        return Ok(Exit::Done);
    }
    for (row, missing) in rows
        .iter()
        .map(|r| (Some(r), ""))
        .chain(keys.iter().filter(|k| !views.iter().any(|v| v.workspace == **k)).map(|k| (None, k.as_str())))
    {
        match row {
            Some(row) => output::print_text(&workspace_text(row))?,
            None => output::print_line(&format!(
                "{missing}: nothing published yet; it was never synced by a process that stays"
            ))?,
        }
    }
    Ok(Exit::Done)
}

fn workspace_text(w: &WorkspaceRow) -> String {
    let holder = match (w.paused, w.holder.is_empty()) {
        (true, _) => "paused".to_owned(),
        (false, true) => "nobody syncs it".to_owned(),
        (false, false) => format!("synced by {}", escape_line(&w.holder)),
    };
    let links: Vec<String> =
        w.links.iter().filter(|(_, n)| **n > 0).map(|(s, n)| format!("{n} {s}")).collect();
    let mut out = format!(
        "{} ({} → {} {}) · {holder} · mapping version {} · {}\n",
        escape_line(&w.workspace),
        escape_line(&w.name),
        escape_line(&w.instance),
        escape_line(&w.table),
        w.mapping_version,
        if links.is_empty() { "no links".to_owned() } else { links.join(", ") }
    );
    if !w.refused.is_empty() {
        out.push_str(&format!("  {}\n", w.refused));
    }
    if let Some((create, change, conflict)) = w.waiting_plan {
        out.push_str(&format!(
            "  a first-contact plan waits: {create} records to create, {change} incidents to change, {conflict} conflicts; accept it with `diptych sync --accept-plan`\n"
        ));
    }
    for s in &w.mass_changes {
        let undo = if s.field.is_some() { ", or undo it where it came from" } else { "" };
        out.push_str(&format!(
            "  {}; let it through with `diptych sync let-through {}`{undo}\n",
            s.waits(),
            escape_line(&w.workspace)
        ));
    }
    let mut sheet =
        Sheet::new(&["side", "state", "cursor", "last pass", "next pass", "lag", "queue", "error"]);
    for l in &w.lanes {
        let text = |t: &Option<String>| t.clone().unwrap_or_else(|| "-".into());
        sheet.row(vec![
            l.side.to_owned(),
            l.state.to_owned(),
            text(&l.cursor),
            text(&l.last_pass),
            text(&l.next_pass),
            l.lag.map_or("-".into(), |s| format!("{s:.1}s")),
            l.queue.to_string(),
            text(&l.error),
        ]);
    }
    for line in sheet.render(Format::Table, None).lines() {
        out.push_str(&format!("  {line}\n"));
    }
    out
}
