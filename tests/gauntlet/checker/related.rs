//! P1 and P4 for the rows beside the records: each entity that can be one stands there exactly once, tied
//! exactly once, and nothing else does. What an entity wants is written out here once more.

use std::collections::{BTreeMap, BTreeSet};

use diptych::model::{Life, Role};
use diptych::sandbox::sentinel::IncidentFacts;
use diptych::sandbox::servicenow::RecordFacts;
use serde_json::{Map, Value};

use super::{Case, Found};
use crate::simulation::USER;
use crate::simulation::related::Beside;

/// What is wanted: the name of a type and a value.
type Wanted = BTreeSet<(&'static str, String)>;

pub fn check(case: &Case<'_>, found: Found<'_>) {
    let Some(beside) = &case.e.beside else { return };
    if beside.keeps_keys {
        once(beside, found);
    }
    let fits = |n: usize| n == 1 || n > 1 && !beside.keeps_keys;
    let ours = observables(beside);
    let mut explained: BTreeSet<(&str, String)> = BTreeSet::new();
    for incident in &case.e.worlds.incidents {
        let guid = incident.guid.to_lowercase();
        let Some(pair) = case.pairs.get(&guid) else { continue };
        let (wanted, items, users) = wants(incident, beside);
        for (_, record) in &pair.records {
            explained.extend(wanted.iter().map(|(_, value)| (record.as_str(), value.clone())));
            explained.extend(items.iter().chain(&users).map(|id| (record.as_str(), id.clone())));
        }
        if !is_due(case, &guid) {
            continue;
        }
        let Some(link) = case.links.get(&guid) else { continue };
        let (record, number) = (link.link.sys_id.as_str(), incident.number);
        for (kind, value) in &wanted {
            let ties = beside.observable_ties.iter().filter(|t| t.fields["task"] == record);
            let to =
                ties.filter(|t| ours.get(t.fields["observable"].as_str()) == Some(&(kind, value.as_str())));
            let n = to.count();
            if !fits(n) {
                found("P4", format!("incident {number}: {kind} {value} is tied to its record {n} times"));
            }
        }
        for (ids, ties, column) in
            [(&items, &beside.item_ties, "ci_item"), (&users, &beside.user_ties, "user")]
        {
            for id in ids {
                let n = ties.iter().filter(|t| t.fields["task"] == record && t.fields[column] == *id).count();
                if !fits(n) {
                    found("P4", format!("incident {number}: {column} {id} stands beside it {n} times"));
                }
            }
        }
    }
    // Of an incident that was deleted nobody can say any more what it had.
    let there: BTreeSet<String> = case.e.worlds.incidents.iter().map(|i| i.guid.to_lowercase()).collect();
    let gone = case.pairs.values().filter(|p| p.deleted.is_some() || !there.contains(&p.guid));
    let gone: BTreeSet<&str> = gone.flat_map(|p| p.records.iter().map(|(_, id)| id.as_str())).collect();
    let judged = |t: &&RecordFacts| !gone.contains(t.fields["task"].as_str());
    for tie in beside.observable_ties.iter().filter(judged) {
        let value = ours.get(tie.fields["observable"].as_str()).map_or("", |(_, value)| value);
        if !explained.contains(&(tie.fields["task"].as_str(), value.to_owned())) {
            found(
                "P10",
                format!("{value:?} stands beside {}, whose incident has no such entity", tie.fields["task"]),
            );
        }
    }
    for (ties, column) in [(&beside.item_ties, "ci_item"), (&beside.user_ties, "user")] {
        for tie in ties.iter().filter(judged) {
            if !explained.contains(&(tie.fields["task"].as_str(), tie.fields[column].clone())) {
                found("P10", format!("{column} {} stands beside {}", tie.fields[column], tie.fields["task"]));
            }
        }
    }
    if beside.keeps_keys {
        // Elsewhere what a server makes twice of one request has a key that nobody was told.
        told(case, beside, found);
    }
}

/// Nothing stands there twice.
fn once(beside: &Beside, found: Found<'_>) {
    let mut count = |rows: &[RecordFacts], columns: [&str; 2], what: &str| {
        let mut seen: BTreeMap<[String; 2], u32> = BTreeMap::new();
        for row in rows.iter().filter(|r| r.fields["sys_created_by"] == USER) {
            *seen.entry(columns.map(|c| row.fields[c].to_lowercase())).or_default() += 1;
        }
        for (key, n) in seen.into_iter().filter(|(_, n)| *n > 1) {
            found("P1", format!("{what} {key:?} stands there {n} times"));
        }
    };
    count(&beside.observables, ["type", "value"], "observable");
    count(&beside.observable_ties, ["task", "observable"], "the tie of task and observable");
    count(&beside.item_ties, ["task", "ci_item"], "the tie of task and item");
    count(&beside.user_ties, ["task", "user"], "the tie of task and user");
}

/// Each row of ours is told of by the audit, by its key.
fn told(case: &Case<'_>, beside: &Beside, found: Found<'_>) {
    let Some(audit) = &case.e.audit else { return };
    for rows in [&beside.observables, &beside.observable_ties, &beside.item_ties, &beside.user_ties] {
        for row in rows.iter().filter(|r| r.fields["sys_created_by"] == USER) {
            let by_key = |a: &&diptych::model::ledger::AuditRow| {
                a.draft.what == "row" && a.draft.after.contains(&row.sys_id)
            };
            // What a link was at when its incident went away is told without its key.
            let lost = audit
                .iter()
                .any(|a| a.draft.what == "row" && a.draft.act == "unproven" && a.draft.after.is_empty());
            if !lost && !audit.iter().any(|a| by_key(&a)) {
                found("P12", format!("the row {} was made and is not in the audit", row.sys_id));
            }
        }
    }
}

/// Observables by key: the name of the type and the value.
fn observables(beside: &Beside) -> BTreeMap<&str, (&str, &str)> {
    let types: BTreeMap<&str, &str> =
        beside.types.iter().map(|t| (t.sys_id.as_str(), t.fields["name"].as_str())).collect();
    let row = |o: &'_ RecordFacts| types.get(o.fields["type"].as_str()).copied();
    let of = |o| row(o).unwrap_or("none");
    beside
        .observables
        .iter()
        .map(|o| (o.sys_id.as_str(), (of(o), o.fields["value"].as_str())))
        .map(|(id, (t, v))| (id, (leak(t), v)))
        .collect()
}

/// Names of types outlive what they were read from.
fn leak(name: &str) -> &'static str {
    KINDS.iter().copied().find(|k| *k == name).unwrap_or("none")
}

const KINDS: [&str; 10] = [
    "IP address (V4)",
    "IP address (V6)",
    "Domain name",
    "URL",
    "Email address",
    "MD5 hash",
    "SHA1 hash",
    "SHA256 hash",
    "Hostname",
    "Unknown",
];

/// True for an incident of which everything has to stand beside its record by the end.
fn is_due(case: &Case<'_>, guid: &str) -> bool {
    let Some(link) = case.links.get(guid).map(|l| &l.link) else { return false };
    let settled = case.e.quiet.is_some() && link.frozen.is_empty() && link.life == Life::Live;
    // Entities that came with a merge are read when the number of alerts moves, and it may not.
    let merged = case.pairs.values().any(|p| {
        p.merged.as_ref().is_some_and(|(_, into)| p.guid == guid || into.eq_ignore_ascii_case(guid))
    });
    // What an incident has when it is tied again is no news: all of it is looked at once more comes.
    let no_news = !super::ended::spans(case, guid).is_empty()
        && link.related.known.is_empty()
        && link.related.waiting.is_empty();
    let settled = settled && !no_news;
    settled && link.role == Role::Primary && !merged && !link.evidence.unread && link.evidence.alerts > 0
}

/// Observables, items and users that an incident's entities want.
fn wants(incident: &IncidentFacts, beside: &Beside) -> (Wanted, BTreeSet<String>, BTreeSet<String>) {
    let (mut observables, mut items, mut users) = (Wanted::new(), BTreeSet::new(), BTreeSet::new());
    for (kind, p) in &incident.entities {
        let text = |name: &str| word(p, name);
        let lower = |name: &str| word(p, name).map(|t| t.to_lowercase());
        let mut see = |kind, value: Option<String>| {
            // What a server might evaluate, or take for more than a value, is in the note only.
            let plain = |v: &String| {
                let name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
                let marks = |c: char| name(c) || ":/?#@&+;=%'~".contains(c);
                let fits = if kind == "Hostname" { v.chars().all(name) } else { v.chars().all(marks) };
                !v.is_empty() && fits && !v.contains("javascript") && (kind != "URL" || v.contains("://"))
            };
            observables.extend(value.filter(plain).map(|v| (kind, v)));
        };
        match kind.as_str() {
            "Ip" => {
                let six = text("address").is_some_and(|a| a.contains(':'));
                see(if six { "IP address (V6)" } else { "IP address (V4)" }, lower("address"));
            }
            "Url" => see("URL", text("url")),
            "DnsResolution" => see("Domain name", lower("domainName")),
            "FileHash" => {
                let kind = match text("hashValue").map_or(0, |h| h.len()) {
                    32 => "MD5 hash",
                    40 => "SHA1 hash",
                    64 => "SHA256 hash",
                    _ => "Unknown",
                };
                see(kind, lower("hashValue"));
            }
            "Mailbox" => see("Email address", lower("mailboxPrimaryAddress")),
            "MailMessage" => {
                see("Email address", lower("p1Sender"));
                see("Email address", lower("p2Sender"));
                see("IP address (V4)", text("senderIP"));
            }
            "SubmissionMail" => {
                see("Email address", lower("sender"));
                see("IP address (V4)", text("senderIp"));
            }
            "Host" => {
                let name = lower("hostName").unwrap_or_default();
                let whole = lower("dnsDomain").map(|d| format!("{name}.{d}"));
                see("Hostname", Some(whole.clone().unwrap_or_else(|| name.clone())));
                items.extend(item(beside, &name, whole.as_deref()));
            }
            "AzureResource" => {
                let id = text("resourceId").unwrap_or_default();
                if id.contains("/providers/") {
                    let name = id.rsplit('/').next().unwrap_or_default().to_lowercase();
                    items.extend(item(beside, &name, None));
                }
            }
            "Account" => {
                if let (Some(name), Some(suffix)) = (lower("accountName"), lower("upnSuffix")) {
                    users.extend(user(beside, &format!("{name}@{suffix}")));
                }
            }
            _ => {}
        }
    }
    (observables, items, users)
}

fn word(properties: &Map<String, Value>, name: &str) -> Option<String> {
    properties.get(name)?.as_str().map(str::to_owned)
}

fn single(mut rows: impl Iterator<Item = String>) -> Option<String> {
    let first = rows.next()?;
    rows.next().is_none().then_some(first)
}

fn item(beside: &Beside, name: &str, whole: Option<&str>) -> Option<String> {
    let is = |r: &RecordFacts, column: &str, value: &str| r.fields[column].eq_ignore_ascii_case(value);
    if let Some(whole) = whole {
        let mut whole =
            beside.items.iter().filter(|r| is(r, "fqdn", whole)).map(|r| r.sys_id.clone()).peekable();
        if whole.peek().is_some() {
            return single(whole);
        }
    }
    let by_name = beside.items.iter().filter(|r| is(r, "name", name));
    single(by_name.filter(|r| whole.is_none() || is(r, "fqdn", "")).map(|r| r.sys_id.clone()))
}

fn user(beside: &Beside, upn: &str) -> Option<String> {
    let is = |r: &&RecordFacts| {
        r.fields["active"] == "true"
            && ["email", "user_name"].iter().any(|c| r.fields[*c].eq_ignore_ascii_case(upn))
    };
    single(beside.users.iter().filter(is).map(|r| r.sys_id.clone()))
}
