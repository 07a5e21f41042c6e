//! The algorithm of the XSOAR packs for Sentinel and ServiceNow, published source.
//!
//! Where the text leaves something open, the reading that favours it is taken:
//!
//! - One case mirrors with both instances at once, and what comes in from one goes out to the
//!   other in the same minute.
//! - The fetch looks back an hour, as it can since May 2026, has the same filter, no limit, and
//!   knows every incident that it ever took in.
//! - The mapper knows the table of impact and urgency, and pushes the very values that it pulled
//!   as long as they mean the case's severity. It leaves the title of a record alone, so nothing
//!   that people call it there is lost. Nothing empty is mapped.
//! - Cases are kept across a kill, and each pull of a case counts from its last good one.
//! - A ticket that was refused is asked for again with each pass, as if somebody watched; one whose
//!   answer was lost is not, since that could make a second.
//! - Owners and outgoing comments are not offered, so their absence is not counted.

use diptych::http::Method;
use diptych::text::Stamp;
use serde_json::{Value, json};
use std::time::Duration;

use super::Model;
use super::calls::{Got, Lost, logged, text};
use super::wire::Wire;
use crate::simulation::Dialect;

const FILTER: &str = "properties/labels/any(i:i/labelName eq 'snow')";
const LOOK_BACK: Duration = Duration::from_secs(3600);
/// Records that one pass asks for at most, in no order.
const MIRROR_LIMIT: usize = 100;
/// What marks its own words.
const MARK: &str = "Mirrored from Cortex XSOAR";

/// How it writes things down.
pub fn dialect() -> Dialect {
    Dialect { prefix: String::new(), owners: false, notes: false, alerts: false, ..Dialect::ours("") }
}

/// An incident of XSOAR with both of its mirror images.
#[derive(Debug)]
struct Case {
    guid: String,
    /// Its ticket; empty when the playbook that makes it failed.
    ticket: String,
    /// The ticket was refused.
    refused: bool,
    description: String,
    title: String,
    severity: String,
    status: String,
    /// Raw values of the ticket, as last pulled or pushed.
    impact: String,
    urgency: String,
    state: String,
    /// Why and with which words it was closed.
    reason: &'static str,
    notes: String,
    sentinel_sync: Stamp,
    desk_sync: Stamp,
}

/// What it keeps: its cases and the start of the last run of each mirror.
#[derive(Debug)]
pub struct Xsoar {
    cases: Vec<Case>,
    last_number: i64,
    begun: Stamp,
    sentinel_run: Stamp,
    desk_run: Stamp,
}

impl Xsoar {
    pub fn new(now: Stamp) -> Self {
        let begun = now.minus(Duration::from_secs(30 * 86_400));
        Self { cases: Vec::new(), last_number: 0, begun, sentinel_run: now, desk_run: now }
    }

    fn fetch(&mut self, wire: &mut Wire<'_>) -> Got<()> {
        let filter = if self.last_number == 0 {
            format!("properties/createdTimeUtc ge {} and {FILTER}", self.begun.rfc3339())
        } else {
            let back = wire.clock().minus(LOOK_BACK).rfc3339();
            let number = self.last_number;
            format!(
                "(properties/incidentNumber gt {number} or properties/createdTimeUtc ge {back}) and {FILTER}"
            )
        };
        for case in self.cases.iter_mut().filter(|c| c.refused) {
            case.make_ticket(wire)?;
        }
        let Some(mut incidents) = logged(wire.list(&filter))? else { return Ok(()) };
        incidents.sort_by_key(|i| i["properties"]["incidentNumber"].as_i64());
        for incident in incidents {
            let guid = text(&incident, "name").to_lowercase();
            if self.cases.iter().all(|c| c.guid != guid) {
                self.open(wire, guid, &incident["properties"])?;
            }
            let number = incident["properties"]["incidentNumber"].as_i64().unwrap_or(0);
            self.last_number = self.last_number.max(number);
        }
        Ok(())
    }

    /// A new case; its playbook makes the ticket.
    fn open(&mut self, wire: &mut Wire<'_>, guid: String, p: &Value) -> Got<()> {
        let start = wire.clock();
        let case = Case {
            ticket: String::new(),
            refused: false,
            description: text(p, "description").into(),
            title: text(p, "title").into(),
            severity: text(p, "severity").into(),
            status: text(p, "status").into(),
            impact: String::new(),
            urgency: String::new(),
            state: String::new(),
            reason: reason(text(p, "classification")),
            notes: text(p, "classificationComment").into(),
            sentinel_sync: start,
            desk_sync: start,
            guid,
        };
        // The case is kept before its playbook runs.
        self.cases.push(case);
        match self.cases.last_mut() {
            Some(case) => case.make_ticket(wire),
            None => Ok(()),
        }
    }

    fn mirror_sentinel(&mut self, wire: &mut Wire<'_>) -> Got<()> {
        let start = wire.clock();
        let filter = format!("properties/lastModifiedTimeUtc ge {}", self.sentinel_run.rfc3339());
        // A list that fails leaves the clock, a single incident that fails does not.
        let Some(modified) = logged(wire.list(&filter))? else { return Ok(()) };
        for incident in modified {
            let guid = text(&incident, "name").to_lowercase();
            let Some(case) = self.cases.iter_mut().find(|c| c.guid == guid && !c.ticket.is_empty()) else {
                continue;
            };
            logged(case.pull_incident(wire))?;
        }
        self.sentinel_run = start;
        Ok(())
    }

    fn mirror_desk(&mut self, wire: &mut Wire<'_>) -> Got<()> {
        let start = wire.clock();
        // Strictly later, in whole seconds, and not only its own records.
        let since = self.desk_run.servicenow().replace(' ', "%20");
        let target = format!(
            "incident?sysparm_query=sys_updated_on%3E{since}&sysparm_fields=sys_id&sysparm_limit={MIRROR_LIMIT}"
        );
        let Some(found) = logged(wire.desk(Method::Get, &target, &Value::Null))? else { return Ok(()) };
        for row in found["result"].as_array().cloned().unwrap_or_default() {
            let Some(case) = self.cases.iter_mut().find(|c| c.ticket == text(&row, "sys_id")) else {
                continue;
            };
            logged(case.pull_ticket(wire))?;
        }
        self.desk_run = start;
        Ok(())
    }
}

impl Model for Xsoar {
    fn pass(&mut self, wire: &mut Wire<'_>) -> Got<()> {
        self.fetch(wire)?;
        self.mirror_sentinel(wire)?;
        self.mirror_desk(wire)
    }
}

impl Case {
    fn make_ticket(&mut self, wire: &mut Wire<'_>) -> Got<()> {
        let mut fields = self.ticket_fields(true);
        fields["short_description"] = json!(self.title);
        fields["description"] = json!(self.description);
        fields["correlation_id"] = json!(self.guid);
        self.refused = false;
        match wire.desk(Method::Post, "incident", &fields) {
            Ok(made) => text(&made["result"], "sys_id").clone_into(&mut self.ticket),
            Err(Lost::Killed) => return Err(Lost::Killed),
            Err(lost) => self.refused = matches!(lost, Lost::Status(_)),
        }
        if self.ticket.is_empty() {
            return Ok(());
        }
        let said = logged(comments(wire, &self.guid, Stamp(0)))?;
        self.write_notes(wire, &said.unwrap_or_default())
    }

    /// Everything that is mapped to the ticket.
    fn ticket_fields(&mut self, first: bool) -> Value {
        if severity(&self.impact, &self.urgency) != self.severity || first {
            let (impact, urgency) = match self.severity.as_str() {
                "High" => ("1", "1"),
                "Medium" => ("2", "2"),
                "Low" => ("2", "3"),
                _ => ("3", "3"),
            };
            (self.impact, self.urgency) = (impact.into(), urgency.into());
        }
        let mut closes = false;
        if status(&self.state) != self.status || first {
            closes = self.status == "Closed";
            self.state = match self.status.as_str() {
                "New" => "1".into(),
                "Active" => "2".into(),
                _ => "6".into(),
            };
        }
        let mut fields = json!({"impact": self.impact, "urgency": self.urgency, "state": self.state});
        if closes {
            fields["close_code"] = json!(match self.reason {
                "Resolved" => "Solution provided",
                "False Positive" => "User error",
                _ => "Resolved by caller",
            });
            fields["close_notes"] = json!(format!("Closed on Microsoft Sentinel. {}", self.notes));
        }
        fields
    }

    fn pull_incident(&mut self, wire: &mut Wire<'_>) -> Got<()> {
        let start = wire.clock();
        let seen = wire.sentinel(Method::Get, &format!("/{}", self.guid), &Value::Null)?;
        let said = comments(wire, &self.guid, self.sentinel_sync)?;
        let p = &seen["properties"];
        text(p, "title").clone_into(&mut self.title);
        let delta = text(p, "severity") != self.severity || text(p, "status") != self.status;
        if text(p, "status") == "Closed" && self.status != "Closed" {
            self.reason = reason(text(p, "classification"));
            text(p, "classificationComment").clone_into(&mut self.notes);
        }
        text(p, "severity").clone_into(&mut self.severity);
        text(p, "status").clone_into(&mut self.status);
        self.sentinel_sync = start;
        if delta {
            let fields = self.ticket_fields(false);
            logged(wire.desk(Method::Patch, &format!("incident/{}", self.ticket), &fields))?;
        }
        self.write_notes(wire, &said)
    }

    fn write_notes(&self, wire: &mut Wire<'_>, comments: &[Value]) -> Got<()> {
        for comment in comments {
            let p = &comment["properties"];
            let words = format!("({}): {}\n\n{MARK}", text(&p["author"], "name"), text(p, "message"));
            let target = format!("incident/{}", self.ticket);
            logged(wire.desk(Method::Patch, &target, &json!({"work_notes": words})))?;
        }
        Ok(())
    }

    fn pull_ticket(&mut self, wire: &mut Wire<'_>) -> Got<()> {
        let start = wire.clock();
        let target = format!("incident/{}?sysparm_exclude_reference_link=true", self.ticket);
        let got = wire.desk(Method::Get, &target, &Value::Null)?;
        let ticket = &got["result"];
        // A ticket that did not change since is not looked at.
        let updated = Stamp::parse_servicenow(text(ticket, "sys_updated_on"));
        if updated.is_none_or(|u| u.plus(Duration::from_secs(1)) < self.desk_sync) {
            return Ok(());
        }
        self.desk_sync = start;
        for (mine, name) in
            [(&mut self.impact, "impact"), (&mut self.urgency, "urgency"), (&mut self.state, "state")]
        {
            text(ticket, name).clone_into(mine);
        }
        let severity = severity(&self.impact, &self.urgency);
        // Any ticket that says when it was resolved asks to close, whatever touched it.
        let ended = ["resolved_at", "closed_at"].iter().any(|n| !text(ticket, n).is_empty());
        let status = if ended { "Closed" } else { status(&self.state) };
        let delta = severity != self.severity || status != self.status;
        if status == "Closed" && self.status != "Closed" {
            self.reason = if matches!(self.state.as_str(), "6" | "7") { "Resolved" } else { "Other" };
            text(ticket, "close_notes").clone_into(&mut self.notes);
        }
        severity.clone_into(&mut self.severity);
        status.clone_into(&mut self.status);
        if delta { self.push(wire) } else { Ok(()) }
    }

    /// The etag, owner and labels are fresh, the rest is the case's own.
    fn push(&self, wire: &mut Wire<'_>) -> Got<()> {
        let target = format!("/{}", self.guid);
        let Some(fresh) = logged(wire.sentinel(Method::Get, &target, &Value::Null))? else { return Ok(()) };
        let closing = match (self.status.as_str(), self.reason) {
            ("Closed", "Resolved") => [json!("TruePositive"), json!("SuspiciousActivity"), json!(self.notes)],
            ("Closed", "False Positive") => {
                [json!("FalsePositive"), json!("InaccurateData"), json!(self.notes)]
            }
            ("Closed", _) => [json!("Undetermined"), Value::Null, json!(self.notes)],
            _ => [Value::Null, Value::Null, Value::Null],
        };
        let [classification, why, words] = closing;
        let changes = [
            ("title", json!(self.title)),
            ("severity", json!(self.severity)),
            ("status", json!(self.status)),
            ("classification", classification),
            ("classificationReason", why),
            ("classificationComment", words),
        ];
        logged(wire.replace(&fresh, &changes)).map(drop)
    }
}

/// Comments of others since a moment, oldest first.
fn comments(wire: &mut Wire<'_>, guid: &str, since: Stamp) -> Got<Vec<Value>> {
    let got = wire.sentinel(Method::Get, &format!("/{guid}/comments"), &Value::Null)?;
    let created = |c: &Value| Stamp::parse_rfc3339(text(&c["properties"], "createdTimeUtc"));
    let mut comments = got["value"].as_array().cloned().unwrap_or_default();
    comments.retain(|c| created(c).is_some_and(|at| at >= since));
    comments.sort_by_key(created);
    Ok(comments)
}

fn severity(impact: &str, urgency: &str) -> &'static str {
    (dialect().severities)(impact, urgency).first().copied().unwrap_or("Informational")
}

fn status(state: &str) -> &'static str {
    (dialect().status)(state)
}

fn reason(classification: &str) -> &'static str {
    match classification {
        "TruePositive" | "BenignPositive" => "Resolved",
        "FalsePositive" => "False Positive",
        _ => "Other",
    }
}
