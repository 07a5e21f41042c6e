//! Which rows an incident's entities want beside its record (servicenow-api 5): an observable for what
//! can be looked up, an affected item for a host, an affected user for an account. Kinds that are none of
//! these stand in the note only.
//!
//! A value is written in one form alone, so that it is found again; one that cannot be asked for safely is
//! left out and counted. All of it comes from outside.

use std::collections::BTreeSet;
// Only parses: the same type as the network's, without any of it.
use core::net::IpAddr;

use crate::model::call::Entities;
use crate::model::{Entity, ObservableKind, Related, WantedRow};

/// Most rows beside one record: an incident has at most 150 alerts, but no bound for their entities.
pub const MOST_ROWS: usize = 100;
/// Characters of a web address; a query has to hold it.
const URL_MAX: usize = 1000;

/// What a reading of an incident's entities adds to what is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// What is known from now on.
    pub related: Related,
    /// Rows that were not known before.
    pub new: usize,
    /// Values that cannot be asked for safely.
    pub odd: usize,
    /// Rows beyond [`MOST_ROWS`].
    pub beyond: usize,
    /// Entities that Sentinel counts and does not list.
    pub unlisted: usize,
}

/// Takes the entities of an incident, as just read.
pub fn gather(related: &Related, found: &Entities) -> Gathered {
    let mut out = Gathered { related: related.clone(), ..Gathered::default() };
    out.unlisted = (found.total as usize).saturating_sub(found.entities.len());
    let mut seen: BTreeSet<String> = related.waiting.iter().map(WantedRow::short).collect();
    for entity in &found.entities {
        for wanted in wanted(entity) {
            let Some(row) = wanted else {
                out.odd += 1;
                continue;
            };
            let short = row.short();
            if related.known.contains(&short) || !seen.insert(short) {
                continue;
            }
            if out.related.known.len() + out.related.waiting.len() >= MOST_ROWS {
                out.beyond += 1;
                continue;
            }
            out.related.waiting.push(row);
            out.new += 1;
        }
    }
    out
}

impl Gathered {
    /// What the log says of it; nothing when there is nothing to say.
    pub fn said(&self) -> Option<String> {
        let mut parts = Vec::new();
        let mut say = |n: usize, what: &str| {
            if n > 0 {
                parts.push(format!("{n} {what}"));
            }
        };
        say(self.new, "wanted beside the record");
        if self.new > 0 || self.beyond > 0 {
            say(self.odd, "left out, because their values cannot be asked for safely");
            say(self.unlisted, "counted by Sentinel and not listed");
        }
        say(self.beyond, &format!("left out, because a record gets at most {MOST_ROWS}"));
        (!parts.is_empty()).then(|| format!("related rows of its entities: {}", parts.join("; ")))
    }
}

/// The rows that an entity wants; `None` for one whose value cannot be asked for safely. Properties are
/// those of sentinel-api 3.3.
pub fn wanted(entity: &Entity) -> Vec<Option<WantedRow>> {
    let text = |name: &str| {
        let value = entity.properties.get(name).and_then(|v| v.as_str()).map(str::trim);
        value.filter(|v| !v.is_empty())
    };
    let each = |names: &[&str], read: fn(&str) -> Option<WantedRow>| -> Vec<Option<WantedRow>> {
        names.iter().filter_map(|name| text(name)).map(read).collect()
    };
    match entity.kind.to_ascii_lowercase().as_str() {
        "ip" => each(&["address"], ip),
        "url" => each(&["url"], url),
        "dnsresolution" => each(&["domainName"], domain),
        "filehash" => {
            let algorithm = text("algorithm").unwrap_or_default();
            text("hashValue").map(|value| hash(algorithm, value)).into_iter().collect()
        }
        "mailbox" => each(&["mailboxPrimaryAddress"], email),
        "mailmessage" => [each(&["p1Sender", "p2Sender"], email), each(&["senderIP"], ip)].concat(),
        "submissionmail" => [each(&["sender"], email), each(&["senderIp"], ip)].concat(),
        "host" => text("hostName")
            .or_else(|| text("netBiosName"))
            .map(|name| host(name, text("dnsDomain").unwrap_or_default()))
            .unwrap_or_default(),
        "azureresource" => text("resourceId").map(resource).unwrap_or_default(),
        "account" => account(text("accountName").unwrap_or_default(), text("upnSuffix").unwrap_or_default()),
        _ => Vec::new(),
    }
}

fn observable(kind: ObservableKind, value: String) -> Option<WantedRow> {
    is_safe(&value).then_some(WantedRow::Observable { kind, value })
}

/// The words that a server would evaluate instead of looking for them (servicenow-api 2.4).
fn is_safe(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    !lower.is_empty() && lower != "null" && !lower.contains("javascript")
}

fn ip(text: &str) -> Option<WantedRow> {
    // A zone names an interface of some host, and means nothing elsewhere.
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    let (kind, value) = match text.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(address) => (ObservableKind::Ipv4, address.to_string()),
        IpAddr::V6(address) => (ObservableKind::Ipv6, address.to_string()),
    };
    observable(kind, value)
}

/// A web address with its scheme and host in lower case: what comes behind them counts as it is.
fn url(text: &str) -> Option<WantedRow> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@&+;=%'".contains(c);
    let (scheme, rest) = text.split_once("://")?;
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, rest) = rest.split_at(host);
    if text.len() > URL_MAX || host.is_empty() || !text.chars().all(plain) {
        return None;
    }
    let value = format!("{}://{}{rest}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    observable(ObservableKind::Url, value)
}

/// A name of labels in lower case, without the dot of the root.
fn name_of(text: &str) -> Option<String> {
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    (name.len() <= 253 && name.split('.').all(label) && is_safe(&name)).then_some(name)
}

fn domain(text: &str) -> Option<WantedRow> {
    observable(ObservableKind::Domain, name_of(text)?)
}

fn hash(algorithm: &str, text: &str) -> Option<WantedRow> {
    let value = text.to_ascii_lowercase();
    if !value.bytes().all(|b| b.is_ascii_hexdigit()) || !(16..=128).contains(&value.len()) {
        return None;
    }
    let by_length = match value.len() {
        32 => ObservableKind::Md5,
        40 => ObservableKind::Sha1,
        64 => ObservableKind::Sha256,
        _ => ObservableKind::Unknown,
    };
    let kind = match algorithm.to_ascii_uppercase().as_str() {
        "" | "UNKNOWN" | "MD5" | "SHA1" | "SHA256" => by_length,
        // That of a signed file's contents: no look-up by the file's own hash finds it.
        _ => ObservableKind::Unknown,
    };
    observable(kind, value)
}

fn email(text: &str) -> Option<WantedRow> {
    observable(ObservableKind::Email, address(text, "._+-'")?)
}

/// A mail address or principal name of the plain kind, in lower case.
fn address(text: &str, also: &str) -> Option<String> {
    let (local, domain) = text.split_once('@')?;
    let domain = name_of(domain)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
    let fits = !local.is_empty() && local.len() <= 113 && domain.len() <= 120 && local.chars().all(plain);
    let whole = format!("{}@{domain}", local.to_ascii_lowercase());
    (fits && is_safe(&whole)).then_some(whole)
}

fn host(name: &str, suffix: &str) -> Vec<Option<WantedRow>> {
    let Some(name) = name_of(name) else { return vec![None] };
    let fqdn = match (name.contains('.'), name_of(suffix)) {
        (true, _) => name.clone(),
        (false, Some(suffix)) => format!("{name}.{suffix}"),
        (false, None) => String::new(),
    };
    let short = name.split('.').next().unwrap_or(&name).to_owned();
    let value = if fqdn.is_empty() { name } else { fqdn.clone() };
    vec![
        observable(ObservableKind::Hostname, value),
        Some(WantedRow::Item { name: short, fqdn }).filter(is_askable),
    ]
}

fn is_askable(row: &WantedRow) -> bool {
    is_safe(row.shown())
}

/// A resource by the last part of its id; a group or a subscription is no item.
fn resource(id: &str) -> Vec<Option<WantedRow>> {
    if !id.to_ascii_lowercase().contains("/providers/") {
        return Vec::new();
    }
    let last = id.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    vec![name_of(last).map(|name| WantedRow::Item { name, fqdn: String::new() })]
}

/// An account that names its tenant; a bare name may be anybody's.
fn account(name: &str, suffix: &str) -> Vec<Option<WantedRow>> {
    let upn = match (name.contains('@'), name.is_empty() || suffix.is_empty()) {
        (true, _) => name.to_owned(),
        (false, false) => format!("{name}@{suffix}"),
        (false, true) => return Vec::new(),
    };
    // Guests have `#EXT#` in theirs.
    vec![address(&upn, "._+-'#").map(|upn| WantedRow::User { upn })]
}

#[cfg(test)]
#[path = "related_tests.rs"]
mod tests;
