//! Tasks: list, get, put, delete (sentinel-api 3.6).

use serde_json::{Map, Value, json};

use super::changes::Author;
use super::clock::Tick;
use super::desk::{Call, Desk, list, required, resource, success};
use super::errors::{Answer, Refusal};
use super::filter::{Cell, Element, Field, Kind, Row};
use super::incident::Lens;
use super::page::Listing;
use crate::sandbox::wire::Response;

/// Tasks that one incident can hold (sentinel-api 5.3).
const MOST: usize = 40;

const FIELDS: &[Field] = &[
    Field { path: "properties/title", kind: Kind::Text },
    Field { path: "properties/status", kind: Kind::Text },
    Field { path: "properties/createdTimeUtc", kind: Kind::Time },
    Field { path: "properties/lastModifiedTimeUtc", kind: Kind::Time },
];

/// A stored task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    id: String,
    /// Etag with its inner quotes.
    etag: String,
    title: String,
    description: Option<String>,
    status: String,
    created: Tick,
    modified: Tick,
    created_by: Author,
    modified_by: Author,
}

impl Task {
    fn wire(&self, incident: &str, lens: &Lens<'_>) -> Value {
        let mut properties = json!({
            "title": self.title,
            "status": self.status,
            "createdTimeUtc": lens.time(self.created),
            "lastModifiedTimeUtc": lens.time(self.modified),
            "createdBy": self.created_by.wire(),
            "lastModifiedBy": self.modified_by.wire(),
        });
        if let (Some(text), Some(map)) = (&self.description, properties.as_object_mut()) {
            map.insert("description".into(), json!(text));
        }
        json!({
            "id": format!("{}/Tasks/{}", lens.incident_id(incident), self.id),
            "name": self.id,
            "etag": self.etag,
            "type": format!("Microsoft.SecurityInsights/{}/Tasks", lens.collection()),
            "properties": properties,
        })
    }
}

struct TaskRow<'a>(&'a Task, i64);

impl Row for TaskRow<'_> {
    fn cell(&self, path: &str) -> Cell<'_> {
        match path {
            "properties/title" => Cell::text(Some(&self.0.title)),
            "properties/status" => Cell::text(Some(&self.0.status)),
            "properties/createdTimeUtc" => Cell::Time(self.0.created),
            "properties/lastModifiedTimeUtc" => Cell::Time(self.0.modified),
            _ => Cell::Null,
        }
    }

    fn elements(&self, _: &str) -> Vec<Element<'_>> {
        Vec::new()
    }

    fn tie(&self) -> i64 {
        self.1
    }
}

impl Desk<'_> {
    /// `GET /incidents/{id}/tasks`
    pub fn list_tasks(&mut self, call: &Call<'_>, name: &str) -> Answer {
        let default = "properties/createdTimeUtc asc";
        let listing = Listing::read(&call.query, FIELDS, default, self.switches, self.now)?;
        let drift = self.drift();
        let incident = self.incident(name)?;
        let lens = self.lens(&call.version);
        let rows = incident.tasks.values().zip(0..).map(|(t, i)| TaskRow(t, i));
        let (page, mark) = listing.page(rows, self.switches, drift);
        let next = mark.map(|m| listing.next_link(call.request, &call.version, &m, self.switches, self.now));
        list(page.iter().map(|row| row.0.wire(&incident.name, &lens)).collect(), next)
    }

    /// `GET /incidents/{id}/tasks/{task}`
    pub fn get_task(&self, call: &Call<'_>, name: &str, id: &str) -> Answer {
        let incident = self.incident(name)?;
        let task = incident.tasks.get(&id.to_lowercase()).ok_or_else(|| self.missing("IncidentTask", id))?;
        success(200, &task.wire(&incident.name, &self.lens(&call.version)))
    }

    /// `PUT /incidents/{id}/tasks/{task}`
    pub fn put_task(&mut self, call: &Call<'_>, name: &str, id: &str) -> Answer {
        let number = self.find(name)?;
        let (etag, properties) = resource(call.request)?;
        let known = self.incident(name)?.tasks.get(&id.to_lowercase()).cloned();
        if known.is_none() && self.incident(name)?.tasks.len() >= MOST {
            return Err(Refusal::bad(format!("An incident can have up to {MOST} tasks.")));
        }
        if let Some(known) = &known
            && etag.is_some_and(|e| e != known.etag)
        {
            let incident = self.lens(&call.version).incident_id(name);
            return Err(self.conflict(&format!("{incident}/Tasks/{id}")));
        }
        let task = self.task(id, &properties, known.as_ref())?;
        self.ledger.begin();
        let (before, after) = (known.as_ref().map(|t| t.title.clone()), task.title.clone());
        self.change(number, self.switches.task_bumps, |incident| {
            incident.tasks.insert(id.to_lowercase(), task);
        });
        self.note(number, "task", Some(id.to_owned()), before, Some(after));
        let mut response = self.get_task(call, name, id)?;
        response.status = if known.is_some() { 200 } else { 201 };
        Ok(response)
    }

    fn task(&mut self, id: &str, map: &Map<String, Value>, known: Option<&Task>) -> Result<Task, Refusal> {
        let title = required(map, "title", "'Title' must have a non-empty value")?;
        let status = required(map, "status", "'Status' must have a non-empty value")?;
        if !["New", "Completed"].contains(&status) {
            return Err(Refusal::bad(format!("Invalid value '{status}' for property 'status'.")));
        }
        let now = Tick::at(self.now);
        Ok(Task {
            id: known.map_or_else(|| id.to_owned(), |t| t.id.clone()),
            etag: self.ledger.quoted_etag(self.now),
            title: title.into(),
            description: map.get("description").and_then(Value::as_str).map(str::to_owned),
            status: status.into(),
            created: known.map_or(now, |t| t.created),
            modified: now,
            created_by: known.map_or_else(|| self.author.clone(), |t| t.created_by.clone()),
            modified_by: self.author.clone(),
        })
    }

    /// `DELETE /incidents/{id}/tasks/{task}`
    pub fn delete_task(&mut self, name: &str, id: &str) -> Answer {
        let number = self.find(name)?;
        let key = id.to_lowercase();
        let Some(task) = self.incident(name)?.tasks.get(&key).cloned() else { return Ok(Response::new(204)) };
        self.ledger.begin();
        self.change(number, self.switches.task_bumps, |incident| _ = incident.tasks.remove(&key));
        self.note(number, "task", Some(task.id), Some(task.title), None);
        Ok(Response::new(200))
    }
}
