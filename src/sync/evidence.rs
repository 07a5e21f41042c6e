//! What a record is told of its incident's alerts and entities: a readable note that lists only
//! what no earlier note did.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::model::call::Entities;
use crate::model::{Alert, CommentOrigin, Entity, Evidence, Incident, IncidentId, LinkState, Role};
use crate::mutant::{self, Mutant};
use crate::text::{Stamp, clip};

use super::aggregation::SIBLING;
use super::conversation::KNOWN_AGAIN;
use super::marker::MarkerKeys;

/// First line of every note about alerts and entities.
const HEAD: &str = "Seen in Microsoft Sentinel";
/// Notes about one incident whose markers are known again after the store was lost; more than its 150
/// alerts can need.
const MOST_LISTINGS: usize = 160;
/// Characters of one note that lines may fill; what is left out is counted in it. A note holds
/// 29,000 at most, and its head and marker take some.
const ROOM: usize = 24_000;
/// Characters of one line: command lines and addresses have no end.
const LINE: usize = 300;
/// What stands before an alert's id, at the end of its line.
const ID: &str = ", id ";
/// Characters of an id; that of an alert is a GUID.
const ID_MAX: usize = 64;

/// Properties that name an entity whose service gave it no friendly name, the most telling first
/// (sentinel-api 3.3).
const NAMES: [&str; 19] = [
    "accountName",
    "hostName",
    "address",
    "fileName",
    "hashValue",
    "url",
    "resourceId",
    "appName",
    "domainName",
    "commandLine",
    "key",
    "valueName",
    "distinguishedName",
    "malwareName",
    "deviceName",
    "mailboxPrimaryAddress",
    "subject",
    "macAddress",
    "displayName",
];

/// What follows that in a shared record, of an incident that is not its host.
const OF_INCIDENT: &str = "\nof incident ";

/// A note about alerts and entities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// What makes it unique: its number among the notes of its kind.
    pub key: String,
    /// The note.
    pub text: String,
}

/// True when an observation of the incident says that its alerts are to be read: their number is
/// not the one that was last read. A number alone decides, because each read costs two calls of
/// which the service grants 100 in five minutes (sentinel-api 5.2).
pub fn alerts_moved(evidence: &Evidence, now: &Incident) -> bool {
    let known = evidence.alerts > 0 && mutant::is_on(Mutant::EvidenceForgotten);
    now.alerts_count != evidence.alerts && !known
}

/// What the alerts and entities of an incident, as just read, add to what its record was told: the
/// memory of it from now on, and the note, if there is anything new.
pub fn list(state: &LinkState, alerts: &[Alert], found: &Entities) -> (Evidence, Option<Listing>) {
    let counted = state.incident.as_ref().map_or(0, |i| i.alerts_count);
    // What is counted and does not come may come later.
    let unread = (alerts.len() as u32) < counted;
    let mut evidence = Evidence { alerts: counted, unread, ..state.link.evidence.clone() };
    // What had been listed is lost with a store, but not the notes: their lines say it, too.
    let lines: BTreeSet<&str> = earlier(state).chain(of_the_host(state)).flat_map(str::lines).collect();
    let ids: BTreeSet<&str> = lines.iter().filter_map(|l| Some(l.rsplit_once(ID)?.1)).collect();
    let mut is_new = |key: String, told: bool| {
        let new = evidence.listed.insert(key) && !told;
        new || mutant::is_on(Mutant::EvidenceReposted)
    };
    let mut alert_lines = Vec::new();
    for alert in alerts {
        let id = clip(&alert.id, ID_MAX);
        if is_new(short(&["alert", &alert.id]), ids.contains(id.as_str())) {
            alert_lines.push(alert_line(alert, &id));
        }
    }
    let mut entity_lines = Vec::new();
    // Alerts are listed among the entities as well.
    for entity in found.entities.iter().filter(|e| !e.kind.eq_ignore_ascii_case("SecurityAlert")) {
        let line = entity_line(entity);
        if is_new(short(&["entity", &line]), lines.contains(format!("- {line}").as_str())) {
            entity_lines.push(line);
        }
    }
    if alert_lines.is_empty() && entity_lines.is_empty() {
        return (evidence, None);
    }
    let mut text = note(&alert_lines, &entity_lines, (alerts.len(), counted), found);
    if let Some(incident) = state.incident.as_ref().filter(|_| state.link.role == Role::Attached) {
        // A shared record is told whose they are.
        text = text.replacen(HEAD, &format!("{HEAD}{OF_INCIDENT}{}", incident.number), 1);
    }
    let number = 1 + earlier(state).count();
    (evidence, Some(Listing { key: listing_key(number), text }))
}

fn listing_key(number: usize) -> String {
    format!("alerts@{number}")
}

/// True for the marker of a note about alerts, whichever of them it is.
pub fn is_listing(marker: &str, incident: &IncidentId, keys: &MarkerKeys) -> bool {
    let mut numbers = 1..=MOST_LISTINGS;
    numbers.any(|n| keys.verifies(marker, incident, CommentOrigin::Sync.word(), &listing_key(n)))
}

/// Notes about alerts so far: those that we know of having written, and those that were known again
/// in the journal after the store was lost.
fn earlier(state: &LinkState) -> impl Iterator<Item = &str> {
    let ours = state.entries.iter().filter(|e| match e.origin {
        CommentOrigin::Sync => e.origin_id.starts_with("alerts@"),
        CommentOrigin::ServiceNow => e.reason == KNOWN_AGAIN && e.text.raw().starts_with(HEAD),
        _ => false,
    });
    ours.map(|e| e.text.raw())
}

/// What the record was told by the one whose place its host has taken: a merge may have brought the same alerts along
/// (seed 9850269).
fn of_the_host(state: &LinkState) -> impl Iterator<Item = &str> {
    let hosts = state.entries.iter().filter(|e| state.link.role == Role::Primary && e.reason == SIBLING);
    let texts = hosts.map(|e| e.text.raw());
    texts.filter(|text| text.strip_prefix(HEAD).is_some_and(|rest| !rest.starts_with(OF_INCIDENT)))
}

fn note(alerts: &[String], entities: &[String], (came, counted): (usize, u32), found: &Entities) -> String {
    let mut room = ROOM;
    let mut text = format!("{HEAD}\n");
    for (name, lines) in [("Alerts", alerts), ("Entities", entities)] {
        if lines.is_empty() {
            continue;
        }
        text.push_str(&format!("{name}, {} new:\n", lines.len()));
        let mut left = lines.len();
        for line in lines {
            let length = line.chars().count() + 3;
            if length > room {
                break;
            }
            room -= length;
            left -= 1;
            text.push_str(&format!("- {line}\n"));
        }
        if left > 0 {
            text.push_str(&format!("- and {left} more, which this note has no room for\n"));
        }
    }
    if (came as u32) < counted {
        text.push_str(&format!("Sentinel counts {counted} alerts and lists {came} of them.\n"));
    }
    if (found.entities.len() as u32) < found.total {
        let listed = found.entities.len();
        text.push_str(&format!("Sentinel counts {} entities and lists {listed} of them.\n", found.total));
    }
    text.trim_end().to_owned()
}

/// An alert in one line, with the id by which Sentinel finds it.
fn alert_line(alert: &Alert, id: &str) -> String {
    let word = |name: &str| alert.properties.get(name).and_then(|v| v.as_str()).unwrap_or_default();
    let mut line = format!("{}: {}", or(&alert.severity, "Unrated"), or(alert.name.raw(), "without a name"));
    if !word("productName").is_empty() {
        line.push_str(&format!(", {}", word("productName")));
    }
    if !word("compromisedEntity").is_empty() {
        line.push_str(&format!(", on {}", word("compromisedEntity")));
    }
    if let Some(at) = Stamp::parse_rfc3339(word("startTimeUtc")) {
        line.push_str(&format!(", {} UTC", at.servicenow()));
    }
    format!("{}{ID}{id}", clip(&line, LINE))
}

/// An entity in one line, whatever its kind: the service adds kinds, and they pass through.
fn entity_line(entity: &Entity) -> String {
    let text = |name: &str| match entity.properties.get(name)? {
        serde_json::Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    let suffix = text("upnSuffix").map(|suffix| format!("@{suffix}")).unwrap_or_default();
    let own = NAMES.iter().find_map(|name| text(name)).map(|name| name + &suffix);
    let shown = Some(entity.name.raw().to_owned()).filter(|n| !n.is_empty()).or(own);
    let shown = shown.unwrap_or_else(|| entity.id.clone());
    clip(&format!("{}: {shown}", or(&entity.kind, "Entity")), LINE)
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

/// A short name for what was listed.
fn short(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\n").as_bytes());
    digest.iter().take(8).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
