//! The store app's algorithm, published source (2021), with its default tables.
//!
//! Where the text leaves something open, the reading that favours it is taken:
//!
//! - It runs inside the instance: no network fault, access rule or business rule touches what it
//!   does there, and a rule that was put off survives a kill.
//! - Its first-contact notes on alerts and entities are left out, and with them two requests that
//!   could fail.
//! - The closure table is filled in with codes that the instance has; so is an owner table, which
//!   came only later.
//! - Tokens are kept, and fetched anew when one is refused.
//! - After a conflict it stops at the first attempt that succeeds.
//! - Comments of an incident just taken in are written once, oldest first.

use diptych::http::Method;
use diptych::sandbox::people::{CAST, Person};
use diptych::text::Stamp;
use serde_json::{Value, json};
use std::time::Duration;

use super::Model;
use super::calls::{Got, Lost, logged, text};
use super::wire::{Job, Wire};
use crate::simulation::Dialect;

const FILTER: &str = "(properties/labels/any(i:i/labelName eq 'snow'))";
/// What marks its own words.
const MARK: &str = "<div class=\"snow\">";

/// Resolution code of the instance and what it stands for in Sentinel.
const CLOSURES: [(&str, &str); 4] = [
    ("Solution provided", "TruePositive-SuspiciousActivity"),
    ("Resolved by request", "BenignPositive-SuspiciousButExpected"),
    ("User error", "FalsePositive-InaccurateData"),
    ("Known error", "FalsePositive-IncorrectAlertLogic"),
];
const OTHER_CODE: &str = "Resolved by caller";

/// How it writes things down.
pub fn dialect() -> Dialect {
    Dialect { prefix: String::new(), severities, status, ..Dialect::ours("") }
}

fn severities(impact: &str, _urgency: &str) -> &'static [&'static str] {
    match impact {
        "1" => &["High"],
        "2" => &["Medium"],
        _ => &["Low", "Informational"],
    }
}

/// State to status: 3 is Closed in the default table, although `incident` calls it On Hold.
fn status(state: &str) -> &'static str {
    match state {
        "1" => "New",
        "2" => "Active",
        _ => "Closed",
    }
}

fn severity(impact: &str) -> &'static str {
    match impact {
        "1" => "High",
        "2" => "Medium",
        _ => "Low",
    }
}

fn impact(severity: &str) -> &'static str {
    match severity {
        "High" => "1",
        "Medium" => "2",
        _ => "3",
    }
}

fn state(status: &str) -> &'static str {
    match status {
        "New" => "1",
        "Active" => "2",
        _ => "6",
    }
}

/// What it keeps: two watermarks, in its own table.
#[derive(Debug)]
pub struct StoreApp {
    new_since: Stamp,
    modified_since: Stamp,
}

impl StoreApp {
    pub fn new(now: Stamp) -> Self {
        let start = now.minus(Duration::from_secs(30 * 86_400));
        Self { new_since: start, modified_since: start }
    }

    fn take_new(&mut self, wire: &mut Wire<'_>, made: &mut Vec<String>) -> Got<()> {
        let filter = format!("(properties/createdTimeUtc gt {}) and {FILTER}", self.new_since.rfc3339());
        // A list that fails leaves the watermark, a single incident that fails does not.
        let Some(incidents) = logged(wire.list(&filter))? else { return Ok(()) };
        for incident in incidents {
            logged(take_in(wire, &incident, made))?;
        }
        self.new_since = wire.clock();
        Ok(())
    }

    fn take_modified(&mut self, wire: &mut Wire<'_>, made: &mut Vec<String>) -> Got<()> {
        let since = self.modified_since;
        let filter = format!("(properties/lastModifiedTimeUtc gt {}) and {FILTER}", since.rfc3339());
        let Some(incidents) = logged(wire.list(&filter))? else { return Ok(()) };
        for incident in incidents {
            if made.iter().any(|m| m == text(&incident, "name")) {
                continue;
            }
            match logged(find(wire, text(&incident, "name")))? {
                Some(Some(record)) => {
                    logged(update(wire, &record, &incident, since))?;
                }
                Some(None) => {
                    logged(take_in(wire, &incident, made))?;
                }
                None => {}
            }
        }
        // The clock when the work is done, not when the list was read.
        self.modified_since = wire.clock();
        Ok(())
    }
}

impl Model for StoreApp {
    fn pass(&mut self, wire: &mut Wire<'_>) -> Got<()> {
        let mut made = Vec::new();
        self.take_new(wire, &mut made)?;
        self.take_modified(wire, &mut made)
    }

    fn job(&mut self, wire: &mut Wire<'_>, job: &Job) -> Got<()> {
        let fields = &job.record.fields;
        let guid = fields["correlation_id"].as_str();
        if guid.is_empty() {
            return Ok(());
        }
        if job.note { say(wire, guid, job) } else { push(wire, guid, job) }
    }
}

fn find(wire: &mut Wire<'_>, guid: &str) -> Got<Option<Value>> {
    let target = format!(
        "incident?sysparm_query=correlation_id%3D{guid}%5EORDERBYsys_created_on&sysparm_limit=1\
         &sysparm_exclude_reference_link=true"
    );
    let got = wire.desk(Method::Get, &target, &Value::Null)?;
    Ok(got["result"].get(0).cloned())
}

/// Inserts a record unless there is one.
fn take_in(wire: &mut Wire<'_>, incident: &Value, made: &mut Vec<String>) -> Got<()> {
    let guid = text(incident, "name").to_lowercase();
    if find(wire, &guid)?.is_some() {
        return Ok(());
    }
    let p = &incident["properties"];
    let mut fields = json!({
        "short_description": format!("{} - Incident number: {}", text(p, "title"), p["incidentNumber"]),
        "description": text(p, "description"),
        "impact": impact(text(p, "severity")),
        "state": state(text(p, "status")),
        "assigned_to": owner(p).map_or("", |o| o.sys_id),
        "correlation_id": guid,
    });
    if text(p, "status") == "Closed" {
        let notes = format!("Incident was already closed in Sentinel. {}", text(p, "classificationComment"));
        fields["close_code"] = json!(code(p));
        fields["close_notes"] = json!(notes);
    }
    let record = wire.desk(Method::Post, "incident", &fields)?["result"].clone();
    made.push(text(incident, "name").to_owned());
    if let Some(comments) = logged(comments(wire, &guid, None))? {
        for comment in comments.iter().rev() {
            note(wire, text(&record, "sys_id"), comment)?;
        }
    }
    let number = text(&record, "number").to_owned();
    if let Some(seen) = logged(wire.sentinel(Method::Get, &format!("/{guid}"), &Value::Null))? {
        let mut labels = labels(&seen);
        labels.push(json!({"labelName": number, "labelType": "User"}));
        logged(wire.replace(&seen, &[("labels", json!(labels))]))?;
    }
    comment(wire, &guid, &format!("ServiceNow incident link: {number}"))
}

/// Writes every difference from Sentinel, whoever made it.
fn update(wire: &mut Wire<'_>, record: &Value, incident: &Value, since: Stamp) -> Got<()> {
    let id = text(record, "sys_id");
    if let Some(comments) = logged(comments(wire, text(incident, "name"), Some(since)))? {
        for comment in &comments {
            note(wire, id, comment)?;
        }
    }
    let p = &incident["properties"];
    let mut fields = json!({});
    if status(text(record, "state")) != text(p, "status") {
        fields["state"] = json!(state(text(p, "status")));
        if text(p, "status") == "Closed" {
            fields["close_code"] = json!(code(p));
            fields["close_notes"] =
                json!(format!("Closed in Sentinel. {}", text(p, "classificationComment")));
        }
    }
    if severity(text(record, "impact")) != text(p, "severity") {
        fields["impact"] = json!(impact(text(p, "severity")));
    }
    // An owner who was taken away is not.
    if let Some(owner) = owner(p).filter(|o| o.sys_id != text(record, "assigned_to")) {
        fields["assigned_to"] = json!(owner.sys_id);
    }
    if fields != json!({}) {
        wire.desk(Method::Patch, &format!("incident/{id}"), &fields)?;
    }
    Ok(())
}

/// Comments that are not its own, newest first.
fn comments(wire: &mut Wire<'_>, guid: &str, since: Option<Stamp>) -> Got<Vec<Value>> {
    let got = wire.sentinel(Method::Get, &format!("/{guid}/comments"), &Value::Null)?;
    let mut comments = got["value"].as_array().cloned().unwrap_or_default();
    let created = |c: &Value| Stamp::parse_rfc3339(text(&c["properties"], "createdTimeUtc"));
    comments.retain(|c| !text(&c["properties"], "message").contains(MARK));
    comments.retain(|c| since.is_none() || created(c) > since);
    comments.sort_by_key(|c| std::cmp::Reverse(created(c)));
    Ok(comments)
}

fn note(wire: &mut Wire<'_>, id: &str, comment: &Value) -> Got<()> {
    let p = &comment["properties"];
    let (created, author) = (text(p, "createdTimeUtc"), text(&p["author"], "name"));
    let words = format!(
        "[code]{MARK}CreatedTimeUtc: {created}, Author: {author}, Message: {}</div>[/code]",
        text(p, "message")
    );
    logged(wire.desk(Method::Patch, &format!("incident/{id}"), &json!({"work_notes": words}))).map(drop)
}

fn comment(wire: &mut Wire<'_>, guid: &str, words: &str) -> Got<()> {
    let target = format!("/{guid}/comments/{}", wire.guid());
    let message = format!("{MARK}{words}</div>");
    logged(wire.sentinel(Method::Put, &target, &json!({"properties": {"message": message}}))).map(drop)
}

/// The rule for notes: the journal's newest entry when it runs, unless it looks like its own.
fn say(wire: &mut Wire<'_>, guid: &str, job: &Job) -> Got<()> {
    let newest = job.record.journal.iter().rfind(|j| j.element == "work_notes");
    match newest.filter(|j| !j.value.to_lowercase().contains(MARK)) {
        Some(entry) => comment(wire, guid, &format!("{} ({})", entry.value, entry.created_by)),
        None => Ok(()),
    }
}

/// The rule for fields: all three are compared and each difference is written to Sentinel.
fn push(wire: &mut Wire<'_>, guid: &str, job: &Job) -> Got<()> {
    let target = format!("/{guid}");
    let Some(seen) = logged(wire.sentinel(Method::Get, &target, &Value::Null))? else { return Ok(()) };
    let wanted = differences(&seen["properties"], job);
    if wanted.is_empty() {
        return Ok(());
    }
    for _ in 0..5 {
        // Only the etag is fresh: what is written was decided before.
        let Some(fresh) = logged(wire.sentinel(Method::Get, &target, &Value::Null))? else { return Ok(()) };
        let mut changes = vec![("labels", json!(labels(&fresh)))];
        changes.extend(wanted.iter().cloned());
        let closed =
            changes.iter().find(|(n, _)| *n == "status").map_or(&fresh["properties"]["status"], |(_, v)| v)
                == &json!("Closed");
        if !closed {
            for name in ["classification", "classificationReason", "classificationComment"] {
                changes.push((name, Value::Null));
            }
        }
        match wire.replace(&fresh, &changes) {
            Err(Lost::Status(409)) => wire.play_until(wire.now() + Duration::from_secs(1)),
            other => return logged(other).map(drop),
        }
    }
    Ok(())
}

fn differences(p: &Value, job: &Job) -> Vec<(&'static str, Value)> {
    let field = |name: &str| job.record.fields.get(name).map_or("", String::as_str);
    let mut wanted = Vec::new();
    if severity(field("impact")) != text(p, "severity") {
        wanted.push(("severity", json!(severity(field("impact")))));
    }
    let status = status(field("state"));
    if status != text(p, "status") {
        wanted.push(("status", json!(status)));
        if status == "Closed" {
            let code = field("close_code");
            let known = CLOSURES.iter().find(|(c, _)| *c == code).and_then(|(_, s)| s.split_once('-'));
            let words =
                format!("Incident resolved in ServiceNow. Closure code: {code} - {}", field("close_notes"));
            wanted.push(("classification", json!(known.map_or("Undetermined", |k| k.0))));
            wanted.push(("classificationReason", json!(known.map(|k| k.1))));
            wanted.push(("classificationComment", json!(words)));
        }
    }
    let person = CAST.iter().find(|c| c.sys_id == field("assigned_to"));
    if person.map(|c| c.upn) != owner(p).map(|c| c.upn) {
        let upn = person.map(|c| c.upn);
        let none = Value::Null;
        wanted.push((
            "owner",
            json!({"userPrincipalName": upn, "objectId": none, "email": none, "assignedTo": none}),
        ));
    }
    wanted
}

/// Every label, whatever its type was.
fn labels(seen: &Value) -> Vec<Value> {
    let all = seen["properties"]["labels"].as_array().cloned().unwrap_or_default();
    all.iter().map(|l| json!({"labelName": l["labelName"], "labelType": "User"})).collect()
}

fn owner(p: &Value) -> Option<&'static Person> {
    let upn = text(&p["owner"], "userPrincipalName");
    CAST.iter().find(|c| c.upn.eq_ignore_ascii_case(upn))
}

fn code(p: &Value) -> &'static str {
    let both = format!("{}-{}", text(p, "classification"), text(p, "classificationReason"));
    CLOSURES.iter().find(|(_, s)| *s == both).map_or(OTHER_CODE, |(c, _)| c)
}
