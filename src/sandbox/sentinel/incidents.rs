//! Incidents over the wire: list, get, put, delete, and the POSTs that read their parts.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::clock::Tick;
use super::desk::{Call, Desk, lens, list, list_of, resource, success, text};
use super::entities;
use super::errors::{Answer, Refusal};
use super::filter::{Cell, Expr};
use super::incident::{FIELDS, Face, Incident, Lens, MODIFIED, Origin, Shown};
use super::page::{Listing, Mark};
use super::replacement::Replacement;
use super::switches::{Bump, Drift, Leniency, Paging, Switches};
use super::workspace::Workspace;
use crate::sandbox::wire::Response;
use crate::text::Stamp;

impl Desk<'_> {
    /// `GET /incidents`
    pub fn list_incidents(&mut self, call: &Call<'_>) -> Answer {
        let default = self.switches.default_order.clone();
        let listing = Listing::read(&call.query, FIELDS, &default, self.switches, self.now)?;
        let drift = self.drift();
        let lens = lens(self.switches, self.shop, self.tenant, &call.version);
        let (page, mark) = rows(&listing, self.shop, lens, drift, self.now);
        let next = mark.map(|m| listing.next_link(call.request, &call.version, &m, self.switches, self.now));
        list_of(page.iter().map(Shown::text), next)
    }

    /// `GET /incidents/{id}`, always fresh
    pub fn get_incident(&self, call: &Call<'_>, name: &str) -> Answer {
        let incident = self.incident(name)?;
        Ok(text(200, self.shown(incident, &call.version).text()))
    }

    /// `PUT /incidents/{id}`: full replacement under the etag in the body
    pub fn put_incident(&mut self, call: &Call<'_>, name: &str) -> Answer {
        let (etag, properties) = resource(call.request)?;
        let asked = Replacement::read(&properties, self.switches)?;
        let Some(number) = self.shop.number(name) else { return self.create_incident(call, name, &asked) };
        self.check_etag(number, name, etag.as_deref())?;
        let Some(before) = self.shop.incidents.get(&number).map(|i| i.face.clone()) else {
            return Err(self.missing("Incident", name));
        };
        let mut face = asked.over(&before, self.switches)?;
        if self.hides_description(number) {
            // Who cannot see it cannot clear it.
            face.description.clone_from(&before.description);
        }
        self.ledger.begin();
        if !self.change(number, Bump::Both, |incident| incident.face = face) {
            self.note(number, "rewritten", None, None, None);
        }
        self.get_incident(call, name)
    }

    fn hides_description(&self, number: i64) -> bool {
        let incident = self.shop.incidents.get(&number);
        incident.is_some_and(|i| i.face.description.is_some() && self.shown(i, "").description().is_none())
    }

    fn create_incident(&mut self, call: &Call<'_>, name: &str, asked: &Replacement) -> Answer {
        let mut face = asked.over(&Face::new("", "", "", self.now), self.switches)?;
        face.etag = self.ledger.quoted_etag(self.now);
        self.ledger.begin();
        let title = face.title.clone();
        let number = self.add(name.to_owned(), Origin::Api, face);
        self.note(number, "created", None, None, Some(title));
        let mut response = self.get_incident(call, name)?;
        response.status = 201;
        Ok(response)
    }

    /// Puts a new incident into the workspace and gives its number.
    pub fn add(&mut self, name: String, origin: Origin, face: Face) -> i64 {
        let number = self.shop.next_number();
        // Defender numbers incidents per tenant, so its number is never Sentinel's.
        let provider = if origin == Origin::Defender { 20_000 + 7 * number } else { number };
        self.shop.insert(Incident {
            number,
            name,
            created: Tick::at(self.now),
            origin,
            provider_id: provider.to_string(),
            rules: Vec::new(),
            face,
            past: Vec::new(),
            comments: Vec::new(),
            links: Vec::new(),
            bookmarks: Vec::new(),
            tasks: BTreeMap::new(),
            entities: Vec::new(),
            rendered: RefCell::default(),
        });
        number
    }

    fn check_etag(&mut self, number: i64, name: &str, sent: Option<&str>) -> Result<(), Refusal> {
        let storm = self.switches.conflict_storm > 0;
        self.switches.conflict_storm = self.switches.conflict_storm.saturating_sub(1);
        let current = self.shop.incidents.get(&number).map(|i| i.face.etag.as_str());
        let fits = match sent {
            Some(etag) => current == Some(etag),
            None => self.switches.missing_etag == Leniency::Accept,
        };
        if fits && !storm {
            return Ok(());
        }
        Err(self.conflict(&self.lens("").incident_id(name)))
    }

    /// Somebody else was faster (sentinel-api 2.4).
    pub fn conflict(&self, id: &str) -> Refusal {
        let code = if self.switches.conflict_status == 412 { "PreconditionFailed" } else { "Conflict" };
        let message = format!("Newer version of resource '{id}' exists. Data was not saved");
        Refusal::new(self.switches.conflict_status, code, message)
    }

    /// `DELETE /incidents/{id}`
    pub fn delete_incident(&mut self, name: &str) -> Answer {
        let Some(incident) = self.shop.get(name) else { return Ok(Response::new(204)) };
        if incident.origin == Origin::Defender {
            return Err(Refusal::bad(
                "Incidents that were created in Microsoft Defender XDR cannot be deleted.",
            ));
        }
        let number = incident.number;
        self.erase(number);
        Ok(Response::new(200))
    }

    /// Deletes an incident that is known to be there.
    pub fn erase(&mut self, number: i64) {
        let title = self.shop.incidents.get(&number).map(|i| i.face.title.clone());
        self.ledger.begin();
        self.note(number, "deleted", None, title, None);
        self.shop.remove(number, self.now);
    }

    /// `POST /incidents/{id}/alerts`
    pub fn alerts(&self, call: &Call<'_>, name: &str) -> Answer {
        let incident = self.incident(name)?;
        let lens = self.lens(&call.version);
        let status = if incident.face.status == "Closed" { "Resolved" } else { "New" };
        let wire = |alert: &super::alerts::Alert| {
            let shifted = lens.switches.alert_time_shifts;
            let generated = if shifted { incident.face.modified } else { alert.processed };
            alert.wire(lens.base, &self.shop.id, status, generated)
        };
        list(incident.links.iter().map(|link| wire(&link.alert)).collect(), None)
    }

    /// `POST /incidents/{id}/bookmarks`
    pub fn bookmarks(&self, call: &Call<'_>, name: &str) -> Answer {
        let incident = self.incident(name)?;
        let id = self.lens(&call.version).incident_id(&incident.name);
        let wire = |bookmark: &super::alerts::Bookmark| -> Value {
            let mut value = bookmark.wire(&self.shop.base);
            if let Some(properties) = value.get_mut("properties").and_then(Value::as_object_mut) {
                let info = json!({
                    "incidentId": id,
                    "severity": incident.face.severity,
                    "title": incident.face.title,
                    "relationName": bookmark.id,
                });
                properties.insert("incidentInfo".into(), info);
            }
            value
        };
        list(incident.bookmarks.iter().map(wire).collect(), None)
    }

    /// `POST /incidents/{id}/entities`
    pub fn entities(&self, name: &str) -> Answer {
        let incident = self.incident(name)?;
        success(200, &entities::answer(&incident.entities, &self.shop.base, self.switches.entity_cap))
    }

    /// `POST /incidents/{id}/runPlaybook`: accepted, with no trace
    pub fn run_playbook(&self, call: &Call<'_>, name: &str) -> Answer {
        self.incident(name)?;
        let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
        match body.get("logicAppsResourceId").and_then(Value::as_str) {
            Some(id) if !id.is_empty() => Ok(Response::new(204)),
            _ => Err(Refusal::bad("'LogicAppsResourceId' must have a non-empty value")),
        }
    }
}

/// One page of incidents, by the index where it serves.
fn rows<'s>(
    listing: &Listing,
    shop: &'s Workspace,
    lens: Lens<'s>,
    drift: Drift,
    now: Stamp,
) -> (Vec<Shown<'s>>, Option<Mark>) {
    let switches = lens.switches;
    if switches.list_lag_s > 0 {
        let alive = shop.incidents.values();
        let dead = shop.graveyard.iter().filter(|(at, _)| still_listed(*at, now, switches)).map(|(_, i)| i);
        let late = alive
            .chain(dead)
            .filter_map(|incident| incident.seen(now, switches).map(|face| Shown { incident, face, lens }));
        return listing.page(late, switches, drift);
    }
    let shown = |incident: &'s Incident| Shown { incident, face: &incident.face, lens };
    match listing.order.as_slice() {
        [by] if by.path == MODIFIED => {
            let (low, high) = span(listing, by.descending, switches);
            let ordered = shop.by_modified(low, high);
            let wanted = |row: &Shown<'s>| listing.filter.as_ref().is_none_or(|f| f.holds(row));
            if by.descending {
                listing.cut(ordered.rev().map(shown).filter(wanted), switches, drift)
            } else {
                listing.cut(ordered.map(shown).filter(wanted), switches, drift)
            }
        }
        _ => listing.page(shop.incidents.values().map(shown), switches, drift),
    }
}

fn still_listed(deleted: Stamp, now: Stamp, switches: &Switches) -> bool {
    now.since(deleted).as_secs() < switches.list_lag_s
}

/// The part of the index that the filter and the next link leave, both ends included. A second is
/// added at each end because shown times may be cut to seconds; the filter itself decides.
fn span(listing: &Listing, descending: bool, switches: &Switches) -> ((Tick, i64), (Tick, i64)) {
    const SECOND: i64 = 10_000_000;
    let (low, high) = listing.filter.as_ref().map_or((None, None), |f: &Expr| f.span(MODIFIED));
    let mut low = (Tick(low.map_or(i64::MIN, |t| t.0.saturating_sub(SECOND))), i64::MIN);
    let mut high = (Tick(high.map_or(i64::MAX, |t| t.0.saturating_add(SECOND))), i64::MAX);
    if switches.paging == Paging::Keyset
        && let Some(mark) = &listing.from
        && let Some(Cell::Time(tick)) = mark.key.first()
    {
        if descending {
            high = high.min((*tick, mark.tie.saturating_sub(1)));
        } else {
            low = low.max((*tick, mark.tie.saturating_add(1)));
        }
    }
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::sentinel::query::Query;
    use crate::sandbox::wire::Request;

    fn listing(query: &str) -> Listing {
        let request = Request { query: query.into(), ..Request::default() };
        let query = Query::read(&request).unwrap();
        Listing::read(&query, FIELDS, "name", &Switches::default(), Stamp(0)).unwrap()
    }

    #[test]
    fn the_usual_poll_reads_only_its_span_of_the_index() {
        let second = Tick(10_000_000);
        let bounds = "$filter=(properties/status eq 'New') and properties/lastModifiedTimeUtc ge \
                      2026-11-21T13:40:21Z and properties/lastModifiedTimeUtc lt 2026-11-21T13:40:25Z\
                      &$orderby=properties/lastModifiedTimeUtc";
        let mut poll = listing(bounds);
        let from = Tick::parse("2026-11-21T13:40:21Z").unwrap();
        let to = Tick::parse("2026-11-21T13:40:25Z").unwrap();
        let (low, high) = span(&poll, false, &Switches::default());
        assert_eq!((low.0.0, high.0.0), (from.0 - second.0, to.0 + second.0));

        let mark = Mark { key: vec![Cell::Time(Tick(from.0 + 5))], tie: 9, count: 50 };
        poll.from = Some(mark);
        assert_eq!(span(&poll, false, &Switches::default()).0, (Tick(from.0 + 5), 10));
        assert_eq!(span(&poll, true, &Switches::default()).1, (Tick(from.0 + 5), 8));
        let either = listing(
            "$filter=properties/incidentNumber eq 1 or properties/lastModifiedTimeUtc ge 2026-11-21T13:40:21Z",
        );
        assert_eq!(span(&either, false, &Switches::default()).0.0, Tick(i64::MIN), "an 'or' bounds nothing");
    }
}
