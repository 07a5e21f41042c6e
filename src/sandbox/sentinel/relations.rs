//! Relations: which alerts and bookmarks an incident holds (sentinel-api 3.5).

use std::sync::Arc;

use serde_json::{Value, json};

use super::alerts::{Alert, MOST_ALERTS};
use super::clock::Tick;
use super::desk::{Call, Desk, list, required, resource, success};
use super::errors::{Answer, Refusal};
use super::filter::{Cell, Element, Field, Kind, Row};
use super::incident::{Incident, Lens, Link};
use super::page::Listing;
use super::switches::{Leniency, Switches};
use crate::sandbox::wire::Response;

const FIELDS: &[Field] = &[
    Field { path: "name", kind: Kind::Text },
    Field { path: "properties/relatedResourceKind", kind: Kind::Text },
    Field { path: "properties/relatedResourceName", kind: Kind::Text },
    Field { path: "properties/relatedResourceType", kind: Kind::Text },
];

/// One relation as the wire shows it.
struct Relation<'a> {
    name: &'a str,
    etag: &'a str,
    target: &'a str,
    bookmark: bool,
    tie: i64,
}

impl Relation<'_> {
    fn kind(&self) -> &'static str {
        if self.bookmark { "Bookmark" } else { "SecurityAlert" }
    }

    fn collection(&self) -> &'static str {
        if self.bookmark { "bookmarks" } else { "entities" }
    }

    fn wire(&self, incident: &str, lens: &Lens<'_>) -> Value {
        json!({
            "id": format!("{}/relations/{}", lens.incident_id(incident), self.name),
            "name": self.name,
            "etag": self.etag,
            "type": format!("Microsoft.SecurityInsights/{}/relations", lens.collection()),
            "properties": {
                "relatedResourceId": format!("{}/{}/{}", lens.base, self.collection(), self.target),
                "relatedResourceName": self.target,
                "relatedResourceType": format!("Microsoft.SecurityInsights/{}", self.collection()),
                "relatedResourceKind": self.kind(),
            },
        })
    }
}

impl Row for Relation<'_> {
    fn cell(&self, path: &str) -> Cell<'_> {
        match path {
            "name" => Cell::text(Some(self.name)),
            "properties/relatedResourceKind" => Cell::text(Some(self.kind())),
            "properties/relatedResourceName" => Cell::text(Some(self.target)),
            "properties/relatedResourceType" => Cell::text(Some(self.collection())),
            _ => Cell::Null,
        }
    }

    fn elements(&self, _: &str) -> Vec<Element<'_>> {
        Vec::new()
    }

    fn tie(&self) -> i64 {
        self.tie
    }
}

fn relations(incident: &Incident) -> Vec<Relation<'_>> {
    let alerts =
        incident.links.iter().map(|l| (l.name.as_str(), l.etag.as_str(), l.alert.id.as_str(), false));
    let bookmarks = incident.bookmarks.iter().map(|b| (b.id.as_str(), b.etag.as_str(), b.id.as_str(), true));
    let all = alerts.chain(bookmarks).zip(0..);
    all.map(|((name, etag, target, bookmark), tie)| Relation { name, etag, target, bookmark, tie }).collect()
}

impl Desk<'_> {
    /// `GET /incidents/{id}/relations`
    pub fn list_relations(&mut self, call: &Call<'_>, name: &str) -> Answer {
        let listing = Listing::read(&call.query, FIELDS, "name asc", self.switches, self.now)?;
        let drift = self.drift();
        let incident = self.incident(name)?;
        let lens = self.lens(&call.version);
        let (page, mark) = listing.page(relations(incident).into_iter(), self.switches, drift);
        let next = mark.map(|m| listing.next_link(call.request, &call.version, &m, self.switches, self.now));
        list(page.iter().map(|row| row.wire(&incident.name, &lens)).collect(), next)
    }

    /// `GET /incidents/{id}/relations/{relation}`
    pub fn get_relation(&self, call: &Call<'_>, name: &str, relation: &str) -> Answer {
        let incident = self.incident(name)?;
        let all = relations(incident);
        let hit = all.iter().find(|r| r.name.eq_ignore_ascii_case(relation));
        let hit = hit.ok_or_else(|| self.missing("Relation", relation))?;
        success(200, &hit.wire(&incident.name, &self.lens(&call.version)))
    }

    /// `PUT /incidents/{id}/relations/{relation}`: adds an alert that exists in the workspace
    pub fn put_relation(&mut self, call: &Call<'_>, name: &str, relation: &str) -> Answer {
        let number = self.find(name)?;
        if self.switches.relation_names == Leniency::Reject && !documented(relation) {
            return Err(Refusal::bad(format!("'{relation}' is not a valid relation name.")));
        }
        let (_, properties) = resource(call.request)?;
        let target =
            required(&properties, "relatedResourceId", "'RelatedResourceId' must have a non-empty value")?;
        let alert = self.target(target)?;
        let incident = self.incident(name)?;
        if let Some(known) = relations(incident).iter().find(|r| r.name.eq_ignore_ascii_case(relation)) {
            if known.bookmark {
                return Err(Refusal::bad(format!(
                    "Another relation type with the name '{relation}' already exists."
                )));
            }
            if known.target == alert.id {
                return self.get_relation(call, name, relation);
            }
            let message = format!("Relation '{relation}' already exists for a different alert.");
            return Err(Refusal::new(409, "Conflict", message));
        }
        if incident.links.iter().any(|l| l.alert.id == alert.id) {
            return Err(Refusal::bad(format!("Alert '{}' already exists in this incident.", alert.id)));
        }
        self.movable(&alert)?;
        if incident.links.len() >= MOST_ALERTS {
            return Err(Refusal::bad(format!("An incident can have up to {MOST_ALERTS} alerts.")));
        }
        self.ledger.begin();
        let bump = self.switches.relation_bumps;
        self.link_alert(number, relation.to_owned(), alert, bump);
        let mut response = self.get_relation(call, name, relation)?;
        response.status = 201;
        Ok(response)
    }

    /// The alert that a resource id names.
    fn target(&self, id: &str) -> Result<Arc<Alert>, Refusal> {
        let lower = id.to_lowercase();
        let Some(rest) = lower.strip_prefix(&self.shop.base.to_lowercase()) else {
            return Err(Refusal::bad("The related resource must be in the same workspace as the incident."));
        };
        let Some(alert) = rest.strip_prefix("/entities/") else {
            return Err(Refusal::bad(format!("Relations to '{id}' are not supported.")));
        };
        let missing = || Refusal::new(404, "NotFound", format!("Resource '{alert}' does not exist"));
        self.shop.alerts.get(alert).cloned().ok_or_else(missing)
    }

    fn movable(&self, alert: &Alert) -> Result<(), Refusal> {
        if alert.defender || Switches::lists(&self.switches.defender, &self.shop.name) {
            return Err(Refusal::bad(
                "Microsoft Defender alerts cannot be added to or removed from incidents.",
            ));
        }
        Ok(())
    }

    /// Puts an alert into an incident: count, products, tactics and last activity follow.
    pub fn link_alert(
        &mut self,
        number: i64,
        relation: String,
        alert: Arc<Alert>,
        bump: super::switches::Bump,
    ) {
        let etag = self.ledger.etag(self.now);
        let rule = format!("{}/alertRules/{}", self.shop.base, alert.rule());
        let (id, title) = (alert.id.clone(), alert.draft.display_name.clone());
        self.shop.alerts.insert(id.clone(), Arc::clone(&alert));
        self.change(number, bump, |incident| {
            if !alert.defender && !incident.rules.contains(&rule) {
                incident.rules.push(rule);
            }
            let face = &mut incident.face;
            unite(&mut face.tactics, &alert.draft.tactics);
            unite(&mut face.products, std::slice::from_ref(&alert.draft.product));
            face.first_activity = Some(face.first_activity.map_or(alert.start, |t: Tick| t.min(alert.start)));
            face.last_activity = Some(face.last_activity.map_or(alert.end, |t: Tick| t.max(alert.end)));
            incident.links.push(Link { name: relation, etag, alert });
            face.alerts = incident.links.len();
        });
        self.note(number, "alert", Some(id), None, Some(title));
    }

    /// `DELETE /incidents/{id}/relations/{relation}`
    pub fn delete_relation(&mut self, name: &str, relation: &str) -> Answer {
        let number = self.find(name)?;
        let incident = self.incident(name)?;
        let Some(link) = incident.links.iter().find(|l| l.name.eq_ignore_ascii_case(relation)).cloned()
        else {
            return Ok(Response::new(204));
        };
        self.movable(&link.alert)?;
        self.ledger.begin();
        self.change(number, self.switches.relation_bumps, |incident| {
            incident.links.retain(|l| l.name != link.name);
            incident.face.alerts = incident.links.len();
        });
        let title = link.alert.draft.display_name.clone();
        self.note(number, "alert", Some(link.alert.id.clone()), Some(title), None);
        Ok(Response::new(200))
    }
}

/// Adds what is not there yet; blank words are nothing.
pub(super) fn unite(all: &mut Vec<String>, more: &[String]) {
    for word in more.iter().filter(|w| !w.is_empty()) {
        if !all.contains(word) {
            all.push(word.clone());
        }
    }
}

/// `^[a-zA-Z0-9-]{3,63}$`
fn documented(name: &str) -> bool {
    (3..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
