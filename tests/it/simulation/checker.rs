//! Are both sides in step? Judged from the servers' own rows, with the default tables written
//! out here once more, so that a fault in the product's tables or planner cannot hide itself.

use std::collections::BTreeMap;

use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::IncidentFacts;
use diptych::sandbox::servicenow::RecordFacts;

/// What both servers hold.
pub struct Worlds {
    pub incidents: Vec<IncidentFacts>,
    pub records: Vec<RecordFacts>,
    /// Login of the sync in ServiceNow.
    pub integration_user: String,
    /// Key of the workspace, as correlation ids carry it.
    pub key: String,
}

fn field<'a>(record: &'a RecordFacts, name: &str) -> &'a str {
    record.fields.get(name).map(String::as_str).unwrap_or_default()
}

/// Everything that is not in step, in words.
pub fn check_in_step(worlds: &Worlds) -> Vec<String> {
    let mut problems = Vec::new();
    let mut by_guid: BTreeMap<String, Vec<&RecordFacts>> = BTreeMap::new();
    for record in &worlds.records {
        let prefix = format!("diptych:{}:", worlds.key);
        if let Some(guid) = field(record, "correlation_id").strip_prefix(&prefix) {
            by_guid.entry(guid.to_owned()).or_default().push(record);
        }
    }
    for incident in &worlds.incidents {
        let records = by_guid.remove(&incident.guid.to_lowercase()).unwrap_or_default();
        let wanted = incident.labels.iter().any(|l| l == "snow");
        let who = format!("incident {} ({})", incident.number, incident.title.escape_debug());
        match records.as_slice() {
            [] if wanted => problems.push(format!("{who}: no record")),
            [] => {}
            [record] => compare(incident, record, worlds, &who, &mut problems),
            many => problems.push(format!("{who}: {} records", many.len())),
        }
    }
    for guid in by_guid.keys() {
        problems.push(format!("a record for {guid}, which is no incident"));
    }
    problems
}

fn compare(i: &IncidentFacts, r: &RecordFacts, w: &Worlds, who: &str, problems: &mut Vec<String>) {
    let who = format!("{who} {}", r.number);
    let mut differ =
        |what: &str, s: String, n: String| problems.push(format!("{who}: {what}: {s:?} and {n:?}"));
    let severity = match (field(r, "impact"), field(r, "urgency")) {
        ("1", "1" | "2") | ("2", "1") => "High",
        ("1", "3") | ("2", "2") | ("3", "1") => "Medium",
        ("2", "3") | ("3", "2") => "Low",
        _ => "Informational",
    };
    if i.severity != severity {
        differ("severity", i.severity.clone(), format!("{}/{}", field(r, "impact"), field(r, "urgency")));
    }
    let status = match field(r, "state") {
        "1" => "New",
        "6" | "7" | "8" => "Closed",
        _ => "Active",
    };
    if i.status != status {
        differ("status", i.status.clone(), field(r, "state").into());
    }
    let owner = CAST.iter().find(|p| p.sys_id == field(r, "assigned_to")).map(|p| p.upn.to_lowercase());
    let upn = i.owner_upn.clone().map(|u| u.to_lowercase());
    let gone =
        |u: &Option<String>| u.as_deref().is_some_and(|u| CAST.iter().any(|p| !p.active && p.upn == u));
    if owner != upn && !gone(&upn) && !gone(&owner) {
        differ("owner", format!("{upn:?}"), format!("{owner:?}"));
    }
    conversation(i, r, w, &who, problems);
}

/// Every text of a person on either side is on the other exactly once.
fn conversation(i: &IncidentFacts, r: &RecordFacts, w: &Worlds, who: &str, problems: &mut Vec<String>) {
    // Whoever is nobody of the cast is the application.
    let own_comment = |author: &str| CAST.iter().all(|p| p.name != author);
    for comment in i.comments.iter().filter(|c| !own_comment(&c.author_name)) {
        let Some(token) = token(&comment.message) else { continue };
        let copies = r
            .journal
            .iter()
            .filter(|j| {
                j.element == "work_notes" && j.created_by == w.integration_user && j.value.contains(&token)
            })
            .count();
        if copies != 1 {
            problems.push(format!("{who}: comment {token} is in the journal {copies} times"));
        }
    }
    for entry in r.journal.iter().filter(|j| j.element == "work_notes" && j.created_by != w.integration_user)
    {
        let Some(token) = token(&entry.value) else { continue };
        let copies =
            i.comments.iter().filter(|c| own_comment(&c.author_name) && c.message.contains(&token)).count();
        if copies != 1 {
            problems.push(format!("{who}: note {token} is among the comments {copies} times"));
        }
    }
}

/// The unique token that each text of an analyst carries, such as `7F3A-000042`.
fn token(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    bytes.windows(11).find_map(|w| {
        let fits =
            w[..4].iter().all(u8::is_ascii_hexdigit) && w[4] == b'-' && w[5..].iter().all(u8::is_ascii_digit);
        fits.then(|| String::from_utf8_lossy(w).into_owned())
    })
}
