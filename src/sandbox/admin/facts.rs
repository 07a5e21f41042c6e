//! The worlds' present and past as JSON, for checkers that must not trust any client.

use serde_json::{Value, json};

use super::{Refusal, bad};
use crate::sandbox::sentinel::{self, IncidentChange};
use crate::sandbox::servicenow::{self, RecordChange};
use crate::sandbox::stage::Stage;
use crate::sandbox::wire::Request;

/// Changes of each side that one history call gives at most.
const PAGE: usize = 5000;

/// Every incident of a workspace, in the order of their numbers.
pub(super) fn workspace(stage: &Stage, workspace: &str) -> Result<Value, Refusal> {
    if !stage.workspaces.iter().any(|w| w == workspace) {
        return Err((404, format!("{workspace:?} is no workspace here")));
    }
    let facts = stage.with_sentinel(|world| world.facts(workspace));
    let incidents: Vec<Value> = facts
        .into_iter()
        .map(|f| {
            let comments: Vec<Value> = f
                .comments
                .iter()
                .map(|c| {
                    json!({"id": c.id, "message": c.message, "author": c.author_name,
                        "created": c.created.rfc3339()})
                })
                .collect();
            json!({"guid": f.guid, "number": f.number, "title": f.title, "description": f.description,
                "severity": f.severity, "status": f.status, "classification": f.classification,
                "reason": f.reason, "classification_comment": f.classification_comment,
                "owner_upn": f.owner_upn, "labels": f.labels, "comments": comments, "alerts": f.alerts,
                "etag": f.etag, "modified": f.modified.rfc3339()})
        })
        .collect();
    Ok(json!({"incidents": incidents}))
}

/// Every record of a table with its journal.
pub(super) fn table(stage: &Stage, table: &str) -> Value {
    let records: Vec<Value> = stage
        .with_desk(|world| world.records(table))
        .into_iter()
        .map(|r| {
            let journal: Vec<Value> = r
                .journal
                .iter()
                .map(|j| {
                    json!({"sys_id": j.sys_id, "element": j.element, "value": j.value,
                        "created_on": j.created_on, "created_by": j.created_by})
                })
                .collect();
            json!({"sys_id": r.sys_id, "number": r.number, "fields": r.fields, "journal": journal})
        })
        .collect();
    json!({"records": records})
}

/// Applied changes of both sides from the `from`th on, in pages; `next` says where to go on.
pub(super) fn history(stage: &Stage, request: &Request) -> Result<Value, Refusal> {
    let mut from = 0usize;
    for (key, value) in request.query_pairs() {
        match key.as_str() {
            "from" => from = value.parse().map_err(|_| bad(format!("{value:?} is no number")))?,
            other => return Err(bad(format!("{other:?} is no parameter; use from"))),
        }
    }
    let sentinel: Vec<Value> =
        stage.with_sentinel(|w| w.history().iter().skip(from).take(PAGE).map(incident_change).collect());
    let desk: Vec<Value> =
        stage.with_desk(|w| w.history().iter().skip(from).take(PAGE).map(record_change).collect());
    let more = sentinel.len().max(desk.len()) == PAGE;
    Ok(json!({"from": from, "next": more.then_some(from + PAGE), "sentinel": sentinel, "servicenow": desk}))
}

fn incident_change(change: &IncidentChange) -> Value {
    let (how, who) = match &change.actor {
        sentinel::Actor::App(id) => ("app", id.as_str()),
        sentinel::Actor::Person(upn) => ("person", upn.as_str()),
        sentinel::Actor::Service(name) => ("service", *name),
    };
    json!({"at": change.at.rfc3339(), "write": change.write, "workspace": change.workspace,
        "guid": change.guid, "number": change.number, "actor": how, "who": who, "field": change.field,
        "item": change.item, "before": change.before, "after": change.after})
}

fn record_change(change: &RecordChange) -> Value {
    let how = match change.actor {
        servicenow::Actor::Api => "app",
        servicenow::Actor::Person => "person",
        servicenow::Actor::System => "service",
    };
    json!({"at": change.at.rfc3339(), "table": change.table, "sys_id": change.sys_id,
        "number": change.number, "actor": how, "who": change.user_name, "field": change.field,
        "before": change.before, "after": change.after, "mod_count": change.mod_count})
}
