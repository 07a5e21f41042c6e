//! The desk: one workspace, one actor and one moment. Requests and acts both work at it, so that
//! every change goes through the same marks and the same history.

use serde_json::{Map, Value};

use super::changes::{Actor, Author, IncidentChange, Ledger};
use super::errors::{Answer, JSON, Refusal};
use super::incident::{Face, Incident, Lens, Shown};
use super::query::Query;
use super::switches::{Bump, Drift, Switches};
use super::workspace::{Marks, Workspace};
use crate::sandbox::wire::{Request, Response};
use crate::text::Stamp;

/// One request that passed the gateway.
pub(super) struct Call<'a> {
    /// The request.
    pub request: &'a Request,
    /// Its query.
    pub query: Query,
    /// Its api-version.
    pub version: String,
}

/// Where changes are made.
pub(super) struct Desk<'a> {
    /// All switches.
    pub switches: &'a mut Switches,
    /// Identifiers and history.
    pub ledger: &'a mut Ledger,
    /// The workspace.
    pub shop: &'a mut Workspace,
    /// Tenant id.
    pub tenant: &'a str,
    /// Who acts, for the history.
    pub actor: Actor,
    /// Who acts, for comments and tasks.
    pub author: Author,
    /// When.
    pub now: Stamp,
}

impl Desk<'_> {
    /// How this workspace's incidents look under an api-version.
    pub fn lens(&self, version: &str) -> Lens<'_> {
        lens(self.switches, self.shop, self.tenant, version)
    }

    /// An incident's current version.
    pub fn shown<'s>(&'s self, incident: &'s Incident, version: &str) -> Shown<'s> {
        Shown { incident, face: &incident.face, lens: self.lens(version) }
    }

    /// The number of an incident, or the refusal that it does not exist.
    pub fn find(&self, name: &str) -> Result<i64, Refusal> {
        self.shop.number(name).ok_or_else(|| self.missing("Incident", name))
    }

    /// An incident, or the refusal that it does not exist.
    pub fn incident(&self, name: &str) -> Result<&Incident, Refusal> {
        self.shop.get(name).ok_or_else(|| self.missing("Incident", name))
    }

    /// `404` for something of the workspace.
    pub fn missing(&self, what: &str, name: &str) -> Refusal {
        let code = &self.switches.missing_incident_code;
        Refusal::new(404, code, format!("{what} '{name}' does not exist."))
    }

    /// The marks that a kind of change sets.
    pub fn marks(&mut self, bump: Bump) -> Marks {
        let etag = matches!(bump, Bump::Both | Bump::Etag).then(|| self.ledger.quoted_etag(self.now));
        Marks { etag, modified: matches!(bump, Bump::Both | Bump::Modified) }
    }

    /// Changes an incident and records every field that differs. Gives whether any did.
    pub fn change(&mut self, number: i64, bump: Bump, change: impl FnOnce(&mut Incident)) -> bool {
        let marks = self.marks(bump);
        let Some(before) = self.shop.incidents.get(&number).map(|i| i.face.clone()) else { return false };
        self.shop.edit(number, marks, self.now, change);
        let Some(incident) = self.shop.incidents.get(&number) else { return false };
        let differences = differences(&before, &incident.face);
        let any = !differences.is_empty();
        for (field, before, after) in differences {
            self.note(number, field, None, before, after);
        }
        any
    }

    /// Adds one line to the history.
    pub fn note(
        &mut self,
        number: i64,
        field: &str,
        item: Option<String>,
        before: Option<String>,
        after: Option<String>,
    ) {
        let Some(incident) = self.shop.incidents.get(&number) else { return };
        let change = IncidentChange {
            at: self.now,
            write: self.ledger.write(),
            workspace: self.shop.name.clone(),
            guid: incident.name.clone(),
            number,
            actor: self.actor.clone(),
            field: field.into(),
            item,
            before,
            after,
        };
        self.ledger.changes.push(change);
    }

    /// What goes wrong with this page.
    pub fn drift(&mut self) -> Drift {
        match self.switches.page_drift {
            Drift::Both if self.ledger.rng.bool() => Drift::Repeat,
            Drift::Both => Drift::Skip,
            drift => drift,
        }
    }
}

/// How a workspace's incidents look under an api-version.
pub(super) fn lens<'a>(
    switches: &'a Switches,
    shop: &'a Workspace,
    tenant: &'a str,
    version: &str,
) -> Lens<'a> {
    Lens {
        switches,
        base: &shop.base,
        onboarded: Switches::lists(&switches.defender, &shop.name),
        preview: version.ends_with("-preview"),
        merges: version == "2025-10-01-preview",
        tenant,
    }
}

/// The fields in which two versions differ, as the history has them.
fn differences(old: &Face, new: &Face) -> Vec<(&'static str, Option<String>, Option<String>)> {
    let labels = |f: &Face| {
        let names: Vec<&str> = f.labels.iter().map(|l| l.name.as_str()).collect();
        Some(names.join(",")).filter(|l| !l.is_empty())
    };
    let owner = |f: &Face| f.owner.label().map(str::to_owned);
    let fields = [
        ("title", Some(old.title.clone()), Some(new.title.clone())),
        ("description", old.description.clone(), new.description.clone()),
        ("severity", Some(old.severity.clone()), Some(new.severity.clone())),
        ("status", Some(old.status.clone()), Some(new.status.clone())),
        ("classification", old.classification.clone(), new.classification.clone()),
        ("classificationReason", old.reason.clone(), new.reason.clone()),
        ("classificationComment", old.closing_comment.clone(), new.closing_comment.clone()),
        ("owner", owner(old), owner(new)),
        ("labels", labels(old), labels(new)),
        (
            "firstActivityTimeUtc",
            old.first_activity.map(|t| t.text(7)),
            new.first_activity.map(|t| t.text(7)),
        ),
        ("lastActivityTimeUtc", old.last_activity.map(|t| t.text(7)), new.last_activity.map(|t| t.text(7))),
    ];
    fields.into_iter().filter(|(_, before, after)| before != after).collect()
}

/// `200` or another success with a JSON body.
pub(super) fn success(status: u16, body: &Value) -> Answer {
    Ok(Response::json(status, JSON, body))
}

/// A success whose body is JSON text already.
pub(super) fn text(status: u16, body: String) -> Response {
    let response = Response { body: body.into_bytes(), ..Response::new(status) };
    response.with("content-type", JSON)
}

/// `{"value":[…],"nextLink"?}`
pub(super) fn list(rows: Vec<Value>, next: Option<String>) -> Answer {
    list_of(rows.iter().map(Value::to_string), next)
}

/// The same from rows that are JSON text already.
pub(super) fn list_of(rows: impl Iterator<Item = String>, next: Option<String>) -> Answer {
    let mut body = String::from("{\"value\":[");
    for (at, row) in rows.enumerate() {
        if at > 0 {
            body.push(',');
        }
        body.push_str(&row);
    }
    body.push(']');
    if let Some(link) = next {
        body.push_str(",\"nextLink\":");
        body.push_str(&Value::String(link).to_string());
    }
    body.push('}');
    Ok(text(200, body))
}

/// The `etag` and the `properties` of a PUT's body.
pub(super) fn resource(request: &Request) -> Result<(Option<String>, Map<String, Value>), Refusal> {
    let body: Value = serde_json::from_slice(&request.body).map_err(|e| {
        Refusal::new(
            400,
            "InvalidRequestContent",
            format!("The request content was invalid and could not be deserialized: '{e}'."),
        )
    })?;
    let etag = body.get("etag").and_then(Value::as_str).filter(|e| !e.is_empty()).map(str::to_owned);
    match body.get("properties") {
        Some(Value::Object(properties)) => Ok((etag, properties.clone())),
        _ => Err(Refusal::bad("The request body must have 'properties'.")),
    }
}

/// A string member that must be there and must not be blank.
pub(super) fn required<'m>(map: &'m Map<String, Value>, name: &str, blank: &str) -> Result<&'m str, Refusal> {
    match map.get(name) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text),
        None | Some(Value::Null | Value::String(_)) => Err(Refusal::bad(blank)),
        Some(_) => Err(Refusal::bad(format!("Invalid value for property '{name}': a string is required."))),
    }
}
