//! A pass that writes nothing: what would happen, for `sync --plan` and for a first contact
//! that waits for a person (D29).

use crate::mapping::Directory;
use crate::model::call::ListFrom;
use crate::model::ledger::{Ask, Told};
use crate::model::settings::StoreApp;
use crate::model::view::{LaneState, Level};
use crate::model::{IncidentId, Life, LinkId, LinkState, Role, Shown, Side};
use crate::sync::admission::{Admission, admit};
use crate::sync::cursor::first_start;
use crate::sync::plan::plan;
use crate::text::UntrustedText;

use super::Mode;
use super::ctx::{Halt, Ws};
use super::incident_pass::{SENTINEL, list, unknown_incidents};
use super::record_pass::unknown_records;

/// One thing that a pass would do.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedWrite {
    /// Incident.
    pub incident: IncidentId,
    /// Its number.
    pub number: i64,
    /// Record number, empty when the record would be created.
    pub record: String,
    /// Title.
    pub title: UntrustedText,
    /// True when a record would be created.
    pub creates: bool,
    /// Fields that would be written.
    pub writes: Vec<Shown>,
    /// What a person would have to decide, or what is held.
    pub open: Vec<String>,
}

/// Reads both sides and works out what would be written. Nothing is written anywhere, except
/// that a waiting first contact is published with its counts.
pub(super) async fn dry_pass(ws: &Ws) -> Result<bool, Halt> {
    super::workspace::refresh_mapping(ws).await?;
    let now = ws.now().utc;
    let desk_since = ws.cursor(&ws.desk_cursor()).unwrap_or_else(|| first_start(now, ws.settings().max_age));
    let records = match ws.desk_pass(desk_since, false).await {
        Ok(pass) => unknown_records(ws, pass.records).await?,
        Err(error) => return failed(ws, Side::ServiceNow, &error).await,
    };
    let since = ws.cursor(SENTINEL).unwrap_or_else(|| first_start(now, ws.settings().max_age));
    let mut incidents = Vec::new();
    let mut from = ListFrom::Modified(since);
    loop {
        let page = match list(ws, from).await {
            Ok((page, _)) => page,
            Err(error) => return failed(ws, Side::Sentinel, &error).await,
        };
        incidents.extend(unknown_incidents(ws, page.incidents).await?);
        match page.next {
            Some(next) => from = ListFrom::Next(next),
            None => break,
        }
    }
    let mut planned = Vec::new();
    let ids = incidents.iter().map(|i| i.id.clone()).collect();
    let mut states = match ws.ask(Ask::ByIncident(ws.key.clone(), ids)).await? {
        Told::Links(links) => links,
        _ => Vec::new(),
    };
    for incident in incidents {
        // An ended link gives way to one that was made since.
        let of_it = states.iter_mut().filter(|s| s.link.incident == incident.id);
        match of_it.min_by_key(|s| s.link.life) {
            Some(state) => state.incident = Some(incident),
            None if ws.settings().store_app == StoreApp::Watch => {}
            None if admit(&incident, ws.settings(), now) == Admission::Enter => planned.push(PlannedWrite {
                incident: incident.id.clone(),
                number: incident.number,
                record: String::new(),
                title: incident.title.clone(),
                creates: true,
                writes: Vec::new(),
                open: Vec::new(),
            }),
            None => {}
        }
    }
    let sys_ids = records.iter().map(|r| r.sys_id.clone()).collect();
    let route = &ws.settings().route;
    let ask = Ask::ByRecord(ws.key.clone(), route.instance.clone(), route.table.clone(), sys_ids);
    if let Told::Links(more) = ws.ask(ask).await? {
        for state in more {
            if !states.iter().any(|s| s.link.id == state.link.id) {
                states.push(state);
            }
        }
    }
    for record in records {
        if let Some(state) =
            states.iter_mut().filter(|s| s.link.sys_id == record.sys_id).min_by_key(|s| s.link.life)
        {
            state.record = Some(record);
        }
    }
    for id in watched(ws).await? {
        if !states.iter().any(|s| s.link.id == id) {
            states.extend(ws.load(id).await?);
        }
    }
    planned.extend(states.iter().filter_map(|s| planned_for(ws, s)));
    planned.sort_by_key(|p| p.number);
    report(ws, planned).await?;
    Ok(true)
}

/// Links that would be taken over from the store app.
async fn watched(ws: &Ws) -> Result<Vec<LinkId>, Halt> {
    if ws.settings().store_app != StoreApp::Adopt {
        return Ok(Vec::new());
    }
    match ws.ask(Ask::WatchedLinks(ws.key.clone())).await? {
        Told::Numbers(links) => Ok(links),
        _ => Ok(Vec::new()),
    }
}

fn planned_for(ws: &Ws, state: &LinkState) -> Option<PlannedWrite> {
    if state.link.life == Life::Unlinked {
        return None;
    }
    let taken_over = state.link.role == Role::Watched && ws.settings().store_app == StoreApp::Adopt;
    if taken_over {
        let incident = state.incident.as_ref()?;
        let (from, to) = ("the store app's".to_owned(), "taken over".to_owned());
        return Some(PlannedWrite {
            incident: incident.id.clone(),
            number: incident.number,
            record: state.record.as_ref().map(|r| r.number.clone()).unwrap_or_default(),
            title: incident.title.clone(),
            creates: false,
            writes: vec![Shown { side: Side::ServiceNow, what: "link".into(), from, to }],
            open: Vec::new(),
        });
    }
    if !state.link.role.syncs() || ws.settings().store_app == StoreApp::Watch {
        return None;
    }
    // Nobody is looked up in a dry run; whoever is not known is shown as such.
    let mut directory: Directory = ws.directory().as_ref().clone();
    directory.mark_complete();
    let tables = ws.memory(|m| m.tables.clone());
    let ctx = crate::sync::PlanContext { workspace: ws.settings(), tables: &tables, directory: &directory };
    let made = plan(state, &ctx, ws.now().utc);
    let line = |side: Side, t: &crate::model::intent::Target| Shown {
        side,
        what: t.field.word().into(),
        from: t.before.clone(),
        to: t.after(side).to_owned(),
    };
    let mut writes: Vec<Shown> = made.to_incident.iter().map(|t| line(Side::Sentinel, t)).collect();
    writes.extend(made.to_record.iter().map(|t| line(Side::ServiceNow, t)));
    writes.extend(crate::sync::closed_partner::shown(&made));
    let open: Vec<String> = made
        .decisions
        .iter()
        .filter(|d| d.needs_a_look)
        .map(|d| format!("{}: {}", d.field.label(), crate::text::escape_line(&d.text)))
        .collect();
    if writes.is_empty() && open.is_empty() {
        return None;
    }
    let incident = state.incident.as_ref()?;
    Some(PlannedWrite {
        incident: incident.id.clone(),
        number: incident.number,
        record: state.record.as_ref().map(|r| r.number.clone()).unwrap_or_default(),
        title: incident.title.clone(),
        creates: false,
        writes,
        open,
    })
}

async fn report(ws: &Ws, planned: Vec<PlannedWrite>) -> Result<(), Halt> {
    let creates = planned.iter().filter(|p| p.creates).count() as u32;
    let changes = planned.iter().filter(|p| !p.writes.is_empty()).count() as u32;
    let open = planned.iter().filter(|p| !p.open.is_empty()).count() as u32;
    ws.summary(|s| s.planned = planned);
    if ws.shared.mode == Mode::Plan {
        return Ok(());
    }
    ws.summary(|s| {
        s.refused = format!(
            "first contact waits for acceptance: {creates} records to create, {changes} links to write, {open} to decide"
        );
    });
    for side in [Side::Sentinel, Side::ServiceNow] {
        ws.set_state(side, LaneState::Idle);
        ws.heal_lane(side);
    }
    let created = match ws.settings().store_app {
        StoreApp::Adopt => "created, or taken up from the store app",
        StoreApp::Ignore | StoreApp::Watch => "created",
    };
    let known = ws.memory(|m| m.waiting_plan.replace((creates, changes, open)));
    let mut commit =
        crate::model::ledger::Commit { workspace_view: Some(ws.workspace_view()), ..Default::default() };
    if known != Some((creates, changes, open)) {
        let text = format!(
            "first contact: {creates} records would be {created}, {changes} links written or taken over, {open} need a decision; nothing is written until the plan is accepted"
        );
        commit.events.push(ws.event(Level::Warning, None, ws.key.to_string(), text));
    }
    ws.commit(commit).await?;
    Ok(())
}

async fn failed(ws: &Ws, side: Side, error: &crate::model::CallError) -> Result<bool, Halt> {
    ws.lane_failed(side, error);
    if ws.shared.mode != Mode::Plan {
        ws.publish_lanes().await?;
    }
    Ok(false)
}
