//! Are both sides in step? Judged from the servers' own rows, with the default tables written
//! out here once more, so that a fault in the product's tables or planner cannot hide itself.

use std::collections::{BTreeMap, BTreeSet};

use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::IncidentFacts;
use diptych::sandbox::servicenow::{JournalFacts, RecordFacts};

use super::dialect::Dialect;
use super::store_app;

/// What both servers hold.
#[derive(Clone, Debug)]
pub struct Worlds {
    pub incidents: Vec<IncidentFacts>,
    pub records: Vec<RecordFacts>,
    /// Incidents that somebody deleted, or whose record: there is nothing to keep in step.
    pub deleted: BTreeSet<String>,
    /// Login of the sync in ServiceNow.
    pub integration_user: String,
    /// How the sync writes things down.
    pub dialect: Dialect,
}

impl Worlds {
    /// True for a record that another sync made, and that ours never wrote to.
    fn is_anothers(&self, record: &RecordFacts) -> bool {
        let ours = |user: &str| user == self.integration_user;
        !ours(field(record, "sys_created_by"))
            && !ours(field(record, "sys_updated_by"))
            && !record.journal.iter().any(|j| ours(&j.created_by))
    }
}

fn field<'a>(record: &'a RecordFacts, name: &str) -> &'a str {
    record.fields.get(name).map(String::as_str).unwrap_or_default()
}

/// What differs where Sentinel takes no more: words for which an incident has no room.
pub const FULL: &str = "no room";

/// How many comments an incident holds.
pub const MOST_COMMENTS: usize = 100;

/// True for an incident that has as many comments as Sentinel takes.
pub fn is_full(incident: &IncidentFacts) -> bool {
    incident.comments.len() >= MOST_COMMENTS
}

/// One thing in which both sides differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discord {
    /// The incident, in lower case.
    pub guid: String,
    /// What differs: `record`, a field, `conversation`, `alerts`, or [`FULL`].
    pub what: &'static str,
    /// In words.
    pub text: String,
    /// The other incidents of the record, where it is about what all of them show.
    pub others: Vec<String>,
}

impl std::fmt::Display for Discord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.text)
    }
}

/// Everything that is not in step.
pub fn check_in_step(worlds: &Worlds) -> Vec<Discord> {
    let mut problems = Vec::new();
    let mut by_guid: BTreeMap<String, Vec<&RecordFacts>> = BTreeMap::new();
    // A copy that a person made is none of the sync's, whatever it carries.
    let ours = |r: &&RecordFacts| worlds.dialect.makes(&worlds.integration_user, field(r, "sys_created_by"));
    for record in worlds.records.iter().filter(ours) {
        if let Some(guid) = worlds.dialect.incident_of(field(record, "correlation_id")) {
            by_guid.entry(guid.to_owned()).or_default().push(record);
        }
    }
    let shared = shared(worlds);
    let age = |r: &&RecordFacts| (field(r, "sys_created_on").to_owned(), r.number.len(), r.number.clone());
    by_guid.values_mut().for_each(|records| records.sort_by_key(age));
    for incident in &worlds.incidents {
        let records = by_guid.remove(&incident.guid.to_lowercase()).unwrap_or_default();
        if !is_alive(incident) || worlds.deleted.contains(&incident.guid.to_lowercase()) {
            continue;
        }
        let wanted = incident.labels.iter().any(|l| l == "snow");
        let who = format!("incident {} ({})", incident.number, incident.title.escape_debug());
        let mut differ = |what, text| {
            problems.push(Discord {
                guid: incident.guid.to_lowercase(),
                what,
                text: format!("{who}: {text}"),
                others: Vec::new(),
            });
        };
        let guest_of: Vec<&Shared<'_>> = shared.iter().filter(|s| s.has_guest(incident)).collect();
        match records.as_slice() {
            [] if guest_of.len() == 1 => {
                let record = guest_of[0].record;
                compare(incident, (record, record), worlds, &shared, &mut differ);
            }
            _ if !guest_of.is_empty() => {
                differ("record", format!("{} records", guest_of.len() + records.len()));
            }
            [] if wanted => differ("record", "no record".to_owned()),
            [] => {}
            [record] if !wanted && worlds.is_anothers(record) => {}
            [record] => compare(incident, (record, record), worlds, &shared, &mut differ),
            [.., last] if worlds.dialect.goes_on => {
                compare(incident, (last, &told_in_all(&records, worlds)), worlds, &shared, &mut differ);
            }
            many => differ("record", format!("{} records", many.len())),
        }
    }
    for guid in by_guid.keys().filter(|guid| !worlds.deleted.contains(*guid)) {
        let text = format!("a record for {guid}, which is no incident");
        problems.push(Discord { guid: guid.clone(), what: "record", text, others: Vec::new() });
    }
    problems.extend(shared.iter().flat_map(|s| s.differences(worlds)));
    problems
}

/// True for an incident that Defender did not fold into another one: that is a link's end, not a part of it.
fn is_alive(i: &IncidentFacts) -> bool {
    !i.labels.iter().any(|l| l == "redirected")
}

/// The number of an incident that a note of ours says was added to a record.
pub fn joining(note: &str) -> Option<i64> {
    number(note, "Microsoft Sentinel incident ", " was added to this record")
}

/// The same of one that left it.
fn leaving(note: &str) -> Option<i64> {
    number(note, "Microsoft Sentinel incident ", " was split off by ")
}

fn number(note: &str, before: &str, after: &str) -> Option<i64> {
    note.strip_prefix(before)?.split_once(after)?.0.parse().ok()
}

/// A record and its incidents, by what it says itself.
struct Shared<'a> {
    record: &'a RecordFacts,
    /// The one whose id it carries, while that can be kept in step.
    host: Option<&'a IncidentFacts>,
    /// The others, each with the key of the note that tells the record of it.
    guests: Vec<(&'a IncidentFacts, &'a str)>,
}

/// Records that several incidents share, or shared.
fn shared(worlds: &Worlds) -> Vec<Shared<'_>> {
    let lives = |i: &&IncidentFacts| is_alive(i) && !worlds.deleted.contains(&i.guid.to_lowercase());
    let all = worlds
        .records
        .iter()
        .filter(|r| worlds.dialect.makes(&worlds.integration_user, field(r, "sys_created_by")));
    let mut found = Vec::new();
    for record in all {
        let notes: Vec<&JournalFacts> =
            record.journal.iter().filter(|j| j.created_by == worlds.integration_user).collect();
        let left: BTreeSet<i64> = notes.iter().filter_map(|j| leaving(&j.value)).collect();
        let mut told: BTreeMap<i64, &str> = BTreeMap::new();
        for note in &notes {
            if let Some(number) = joining(&note.value) {
                told.entry(number).or_insert(&note.sys_id);
            }
        }
        if told.is_empty() {
            continue;
        }
        let named = worlds.dialect.incident_of(field(record, "correlation_id"));
        let host = worlds.incidents.iter().find(|i| named == Some(i.guid.to_lowercase().as_str()));
        let guests = worlds.incidents.iter().filter(lives).filter(|i| !left.contains(&i.number));
        let guests = guests.filter_map(|i| Some((i, *told.get(&i.number)?))).collect();
        found.push(Shared { record, host: host.filter(lives), guests });
    }
    found
}

impl Shared<'_> {
    fn has_guest(&self, incident: &IncidentFacts) -> bool {
        self.guests.iter().any(|(i, _)| i.guid == incident.guid)
    }

    /// What the record shows for all of its incidents: the highest severity of those that are open, and closed
    /// once all of them are.
    fn differences(&self, worlds: &Worlds) -> Vec<Discord> {
        let all: Vec<&IncidentFacts> =
            self.host.into_iter().chain(self.guests.iter().map(|(i, _)| *i)).collect();
        let Some(first) = all.first() else { return Vec::new() };
        let numbers: Vec<String> =
            all.iter().map(|i| format!("{} ({} {})", i.number, i.severity, i.status)).collect();
        let others = || all.iter().skip(1).map(|i| i.guid.to_lowercase()).collect();
        let (impact, urgency) = (field(self.record, "impact"), field(self.record, "urgency"));
        let state = field(self.record, "state");
        let mut found = Vec::new();
        let mut differ = |what, shown: String| {
            let text =
                format!("{}: {what}: {shown} for incidents {}", self.record.number, numbers.join(", "));
            found.push(Discord { guid: first.guid.to_lowercase(), what, text, others: others() });
        };
        let is_open = |i: &&&IncidentFacts| i.status != "Closed";
        let rank = |i: &&&IncidentFacts| {
            ["Informational", "Low", "Medium", "High"].iter().position(|s| *s == i.severity)
        };
        let shown = (worlds.dialect.severities)(impact, urgency);
        let right = match all.iter().filter(is_open).max_by_key(rank) {
            Some(top) => shown.contains(&top.severity.as_str()),
            // What the last one left is as good as what another one had.
            None => all.iter().any(|i| shown.contains(&i.severity.as_str())),
        };
        if !right {
            differ("severity", format!("{impact}/{urgency}"));
        }
        let status = (worlds.dialect.status)(state);
        if (status == "Closed") != all.iter().all(|i| i.status == "Closed") {
            differ("status", state.to_owned());
        }
        found
    }
}

/// The last of several records, with what the sync wrote into those before it: nothing is told there again.
fn told_in_all(records: &[&RecordFacts], w: &Worlds) -> RecordFacts {
    let mut all = records[records.len() - 1].clone();
    let earlier = records[..records.len() - 1].iter().flat_map(|r| &r.journal);
    all.journal.extend(earlier.filter(|j| j.created_by == w.integration_user).cloned());
    all
}

/// `talk` is the record with all that was said on the incident's behalf.
fn compare(
    i: &IncidentFacts,
    (r, talk): (&RecordFacts, &RecordFacts),
    w: &Worlds,
    shared: &[Shared<'_>],
    add: &mut dyn FnMut(&'static str, String),
) {
    let shared = shared.iter().find(|s| s.record.sys_id == r.sys_id);
    let joined = shared.and_then(|s| s.guests.iter().find(|(g, _)| g.guid == i.guid)).map(|(_, note)| *note);
    if shared.is_none() {
        fields(i, r, w, add);
    }
    if joined.is_none() {
        for (what, text) in super::custom::differences(i, r) {
            add(what, text);
        }
    }
    conversation(i, talk, w, joined, add);
    for words in [store_app::FROM_SENTINEL, store_app::FROM_SERVICENOW, store_app::ITS_OWN] {
        let comments = i.comments.iter().filter(|c| c.message.contains(words)).count();
        let notes = r.journal.iter().filter(|j| j.value.contains(words)).count();
        // What the app wrote for itself is nothing to say in Sentinel.
        let most = usize::from(words != store_app::ITS_OWN);
        if comments > most || notes > 1 {
            add("conversation", format!("{}: {words:?} is there {comments} and {notes} times", r.number));
        }
    }
    let ours = |j: &&JournalFacts| j.element == "work_notes" && j.created_by == w.integration_user;
    // Two incidents of one record may have seen the same, and a merge takes alerts from one to the other (seed 200).
    // Who took the host's place is told of as the host was (seed 494).
    let of =
        |j: &JournalFacts| j.value.lines().find_map(|l| l.strip_prefix("of incident ").map(str::to_owned));
    let own = Some(i.number.to_string());
    let about = |j: &&JournalFacts| match joined {
        Some(_) => of(j) == own,
        None => of(j).is_none(),
    };
    // Every alert is told of exactly once, by its id.
    for alert in i.alerts.iter().filter(|_| w.dialect.alerts) {
        let all = r.journal.iter().filter(ours).filter(|j| j.value.contains(alert.as_str()));
        let told = all.clone().filter(about).count();
        let as_host = all.filter(|j| of(j).is_none()).count();
        if told > 1 || as_host > 1 || told + as_host == 0 {
            add("alerts", format!("{}: alert {alert} is in the journal {told} times", r.number));
        }
    }
    let notes = r.journal.iter().filter(ours).filter(|j| j.value.contains("Seen in Microsoft Sentinel"));
    let mut lines: Vec<&str> =
        notes.filter(about).flat_map(|j| j.value.lines()).filter(|l| l.starts_with("- ")).collect();
    lines.sort_unstable();
    if let Some(two) = lines.windows(2).find(|two| two[0] == two[1]) {
        add("alerts", format!("{}: a record is told twice of {}", r.number, two[0]));
    }
}

/// The fields of a pair of its own.
fn fields(i: &IncidentFacts, r: &RecordFacts, w: &Worlds, add: &mut dyn FnMut(&'static str, String)) {
    let mut differ = |what: &'static str, s: String, n: String| {
        add(what, format!("{}: {what}: {s:?} and {n:?}", r.number));
    };
    let severities = (w.dialect.severities)(field(r, "impact"), field(r, "urgency"));
    if !severities.contains(&i.severity.as_str()) {
        differ("severity", i.severity.clone(), format!("{}/{}", field(r, "impact"), field(r, "urgency")));
    }
    if i.status != (w.dialect.status)(field(r, "state")) {
        differ("status", i.status.clone(), field(r, "state").into());
    }
    let owner = CAST.iter().find(|p| p.sys_id == field(r, "assigned_to")).map(|p| p.upn.to_lowercase());
    let upn = i.owner_upn.clone().map(|u| u.to_lowercase());
    let gone =
        |u: &Option<String>| u.as_deref().is_some_and(|u| CAST.iter().any(|p| !p.active && p.upn == u));
    if w.dialect.owners && owner != upn && !gone(&upn) && !gone(&owner) {
        differ("owner", format!("{upn:?}"), format!("{owner:?}"));
    }
}

/// Every text of a person on either side is on the other exactly once; for a guest of a
/// record, what was said there since then.
fn conversation(
    i: &IncidentFacts,
    r: &RecordFacts,
    w: &Worlds,
    joined: Option<&str>,
    add: &mut dyn FnMut(&'static str, String),
) {
    let who = &r.number;
    // Whoever is nobody of the cast is the application.
    let own_comment = |author: &str| CAST.iter().all(|p| p.name != author);
    for comment in i.comments.iter().filter(|c| !own_comment(&c.author_name)) {
        let Some(token) = token(&comment.message) else { continue };
        let copies = r
            .journal
            .iter()
            .filter(|j| is_talk(&j.element) && j.created_by == w.integration_user && j.value.contains(token))
            .count();
        if copies != 1 {
            add("conversation", format!("{who}: comment {token} is in the journal {copies} times"));
        }
    }
    let carried = |element: &str| element == "work_notes" || element == "comments" && w.dialect.customers;
    let theirs = |j: &JournalFacts| carried(&j.element) && j.created_by != w.integration_user;
    // By their order: the server's clock may have been put back in between (seed 9848321).
    let told = joined.and_then(|note| r.journal.iter().position(|j| j.sys_id == note));
    for (place, entry) in r.journal.iter().enumerate().filter(|(_, j)| w.dialect.notes && theirs(j)) {
        let Some(token) = token(&entry.value) else { continue };
        let copies =
            i.comments.iter().filter(|c| own_comment(&c.author_name) && c.message.contains(token)).count();
        // What stood there before the incident joined the record is no news for it.
        let before = told.is_some_and(|told| place <= told);
        if copies != 1 && !(before && copies == 0) {
            let what = if copies == 0 && is_full(i) { FULL } else { "conversation" };
            add(what, format!("{who}: note {token} is among the comments {copies} times"));
        }
    }
}

fn is_talk(element: &str) -> bool {
    matches!(element, "work_notes" | "comments")
}

/// The unique token that a text of an analyst carries, such as `7F3A-000042`; part of a longer
/// word, as in a GUID, it is none.
pub fn token(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let inside = |at: Option<&u8>| at.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'-');
    let at = bytes.windows(11).enumerate().position(|(at, w)| {
        w[..4].iter().all(u8::is_ascii_hexdigit)
            && w[4] == b'-'
            && w[5..].iter().all(u8::is_ascii_digit)
            && !inside(at.checked_sub(1).and_then(|b| bytes.get(b)))
            && !inside(bytes.get(at + 11))
    })?;
    text.get(at..at + 11)
}
