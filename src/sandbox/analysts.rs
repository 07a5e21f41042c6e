//! Simulated analysts and detections: people at work on both sides, from a seed and a rate.
//!
//! Pure: the seed, the worlds as they are and the moments of the calls decide every act. Each
//! text that somebody writes carries a token that occurs nowhere else (`7F3A-000042`), so that a
//! checker can follow it to the other side.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::people::{CAST, Person};
use super::sentinel::SentinelWorld;
use super::servicenow::DeskWorld;
use super::side::Side;
use crate::text::{Stamp, escape_line};

mod desk;
pub(crate) mod phrases;
mod portal;

/// One act of somebody, for a log or a summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnalystEntry {
    /// When.
    pub at: Stamp,
    /// Display name of the person, or of the detection that raised an incident.
    pub who: String,
    /// On which side.
    pub side: Side,
    /// What was done, in a few words; holds text that somebody wrote, so escape it.
    pub what: String,
    /// `workspace/number` or the record's number.
    pub target: String,
    /// The token inside the text written, if text was written.
    pub token: Option<String>,
}

impl fmt::Display for AnalystEntry {
    /// One safe line: clock, side, target, who and what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{} {}: {}", self.target, self.who, self.what);
        write!(f, "{} {:<10} {}", self.at.clock(), self.side.name(), escape_line(&line))
    }
}

/// Kinds of act. Their weights can be set, for scripts that want only some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// A detection raises an incident.
    Raise,
    /// Sentinel: severity.
    Severity,
    /// Sentinel: New to Active and back.
    Status,
    /// Sentinel: owner set or cleared.
    Owner,
    /// Sentinel: comment.
    Comment,
    /// Sentinel: a person deletes a comment of a person.
    DeleteComment,
    /// Sentinel: title or description edited.
    Wording,
    /// Sentinel: label added.
    Label,
    /// Sentinel: one more alert.
    Alert,
    /// Sentinel: closed with a classification.
    Close,
    /// Sentinel: reopened.
    Reopen,
    /// Sentinel: merged into another incident.
    Merge,
    /// Sentinel: closed by the service itself.
    AutoClose,
    /// Sentinel: reopened by alert grouping.
    AutoReopen,
    /// ServiceNow: work note.
    WorkNote,
    /// ServiceNow: comment that the caller sees.
    CallerComment,
    /// ServiceNow: impact and urgency.
    Impact,
    /// ServiceNow: work begins or goes on.
    Progress,
    /// ServiceNow: On Hold.
    Hold,
    /// ServiceNow: assigned.
    Assign,
    /// ServiceNow: short description edited by hand.
    Rename,
    /// ServiceNow: resolved with a close code.
    Resolve,
    /// ServiceNow: reopened.
    ReopenRecord,
}

use Deed::*;

impl Deed {
    /// Every kind, always in the same order.
    pub fn all() -> impl Iterator<Item = Deed> {
        WEIGHTS.iter().map(|(deed, _)| *deed)
    }

    /// True for what people do in ServiceNow.
    pub fn is_at_desk(self) -> bool {
        matches!(
            self,
            WorkNote | CallerComment | Impact | Progress | Hold | Assign | Rename | Resolve | ReopenRecord
        )
    }

    /// How often it is chosen, beside the others.
    pub fn weight(self) -> u32 {
        WEIGHTS.iter().find(|(deed, _)| *deed == self).map_or(0, |(_, w)| *w)
    }
}

const WEIGHTS: &[(Deed, u32)] = &[
    (Raise, 14),
    (Severity, 9),
    (Status, 9),
    (Owner, 9),
    (Comment, 13),
    (DeleteComment, 1),
    (Wording, 3),
    (Label, 2),
    (Alert, 4),
    (Close, 5),
    (Reopen, 2),
    (Merge, 1),
    (AutoClose, 1),
    (AutoReopen, 1),
    (WorkNote, 15),
    (CallerComment, 2),
    (Impact, 8),
    (Progress, 9),
    (Hold, 4),
    (Assign, 8),
    (Rename, 2),
    (Resolve, 6),
    (ReopenRecord, 3),
];

/// The script of all simulated people.
#[derive(Clone, Debug)]
pub struct Analysts {
    rng: fastrand::Rng,
    seed: u64,
    rate: f64,
    serial: u64,
    due: Option<Stamp>,
    weights: Vec<(Deed, u32)>,
}

impl Analysts {
    /// People who together act `rate` times per second.
    pub fn new(seed: u64, rate: f64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed ^ 0xA11A_1757),
            seed,
            rate,
            serial: 0,
            due: None,
            weights: WEIGHTS.to_vec(),
        }
    }

    /// Acts per second.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Changes the rate from now on; 0 sends everybody home.
    pub fn set_rate(&mut self, rate: f64) {
        self.rate = if rate.is_finite() { rate.clamp(0.0, 1000.0) } else { 0.0 };
        self.due = None;
    }

    /// Changes how often one kind of act is chosen; 0 for never.
    pub fn set_weight(&mut self, deed: Deed, weight: u32) {
        for (d, w) in &mut self.weights {
            if *d == deed {
                *w = weight;
            }
        }
    }

    /// When the next act is due, drawn once and kept until [`Analysts::perform`]. Gaps vary as
    /// those of independent people do. `None` at rate 0.
    pub fn next(&mut self, now: Stamp) -> Option<Stamp> {
        if self.rate <= 0.0 {
            return None;
        }
        let due = match self.due {
            Some(due) => due,
            None => {
                let gap = -(1.0 - self.rng.f64()).ln() / self.rate;
                now.plus(Duration::from_secs_f64(gap.min(6.0 / self.rate)))
            }
        };
        self.due = Some(due);
        Some(due)
    }

    /// One act now, whether due or not. `None` when nothing could be done at all, which takes
    /// worlds without a workspace.
    pub fn perform(
        &mut self,
        sentinel: &mut SentinelWorld,
        desk: &mut DeskWorld,
        workspaces: &[String],
        now: Stamp,
    ) -> Option<AnalystEntry> {
        self.due = None;
        // What was drawn may not be possible, such as an act on a record where there is none yet.
        for _ in 0..6 {
            let deed = self.draw();
            let entry = if deed.is_at_desk() {
                self.at_desk(desk, deed, now)
            } else {
                self.at_portal(sentinel, workspaces, deed, now)
            };
            if entry.is_some() {
                return entry;
            }
        }
        self.at_portal(sentinel, workspaces, Raise, now)
    }

    /// One given deed now, by chances that `draw` alone decides: a script of numbered deeds can
    /// then lose some of them and keep the others as they were. `serial` numbers its text; no two
    /// deeds of a run may share it. `None` when it cannot be done.
    #[expect(clippy::too_many_arguments, reason = "a deed, its chances, and everything it acts on")]
    pub fn perform_one(
        &mut self,
        deed: Deed,
        draw: u64,
        serial: u64,
        sentinel: &mut SentinelWorld,
        desk: &mut DeskWorld,
        workspaces: &[String],
        now: Stamp,
    ) -> Option<AnalystEntry> {
        self.rng = fastrand::Rng::with_seed(draw);
        self.serial = serial;
        if deed.is_at_desk() {
            self.at_desk(desk, deed, now)
        } else {
            self.at_portal(sentinel, workspaces, deed, now)
        }
    }

    fn draw(&mut self) -> Deed {
        let total: u32 = self.weights.iter().map(|(_, w)| w).sum();
        let mut at = self.rng.u32(..total.max(1));
        for (deed, weight) in &self.weights {
            if at < *weight {
                return *deed;
            }
            at -= weight;
        }
        Raise
    }

    fn token(&mut self) -> String {
        self.serial += 1;
        format!("{:04X}-{:06}", self.seed & 0xFFFF, self.serial)
    }

    /// Somebody who still works here.
    fn person(&mut self) -> &'static Person {
        let staff: Vec<&'static Person> = CAST.iter().filter(|p| p.active).collect();
        staff[self.rng.usize(..staff.len())]
    }

    /// An index below `len` that favours the end, where the youngest are.
    fn recent(&mut self, len: usize) -> Option<usize> {
        let back = (self.rng.f64().powi(3) * len as f64) as usize;
        len.checked_sub(1 + back)
    }
}

/// A classification and a reason that Sentinel accepts together (2.3).
pub(crate) fn classifications(rng: &mut fastrand::Rng) -> (String, Option<String>) {
    let pairs = [
        ("TruePositive", Some("SuspiciousActivity")),
        ("TruePositive", Some("SuspiciousActivity")),
        ("BenignPositive", Some("SuspiciousButExpected")),
        ("FalsePositive", Some("IncorrectAlertLogic")),
        ("FalsePositive", Some("InaccurateData")),
        ("Undetermined", None),
    ];
    let (classification, reason) = pairs[rng.usize(..pairs.len())];
    (classification.to_owned(), reason.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::sandbox::sentinel::SentinelOptions;
    use crate::sandbox::servicenow::DeskOptions;

    fn worlds() -> (SentinelWorld, DeskWorld) {
        let text = |t: &str| t.to_owned();
        let sentinel = SentinelWorld::new(SentinelOptions {
            seed: 1,
            tenant: text("t"),
            client_id: text("c"),
            client_secrets: Vec::new(),
            subscription: text("s"),
            resource_group: text("g"),
            workspaces: vec![text("soc")],
        });
        let desk = DeskWorld::new(DeskOptions {
            seed: 1,
            user: text("u"),
            password: text("p"),
            client_id: text("c"),
            client_secret: text("s"),
            api_key: text("k"),
        });
        (sentinel, desk)
    }

    /// A script of `acts` acts; every incident gets a record after a while, as a sync would do.
    fn script(seed: u64, acts: usize) -> Vec<AnalystEntry> {
        let (mut sentinel, mut desk) = worlds();
        let mut analysts = Analysts::new(seed, 1.0);
        let mut now = Stamp::parse_rfc3339("2026-11-21T08:00:00Z").unwrap();
        let mut linked = BTreeSet::new();
        let mut entries = Vec::new();
        for _ in 0..acts {
            now = analysts.next(now).unwrap();
            entries.extend(analysts.perform(&mut sentinel, &mut desk, &["soc".into()], now));
            for fact in sentinel.facts("soc") {
                if linked.insert(fact.guid.clone()) {
                    let fields = [("correlation_id", fact.guid.as_str()), ("short_description", &fact.title)];
                    let fields: Vec<_> = fields.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
                    desk.create("incident", &fields, "noor.haddad", now).unwrap();
                }
            }
        }
        entries
    }

    #[test]
    fn the_same_seed_and_calls_give_the_same_script() {
        assert_eq!(script(4, 150), script(4, 150));
        assert_ne!(script(4, 150), script(5, 150));
    }

    #[test]
    fn every_call_acts_on_both_sides_and_tokens_are_unique() {
        let entries = script(9, 400);
        assert_eq!(entries.len(), 400);
        for side in Side::BOTH {
            assert!(entries.iter().filter(|e| e.side == side).count() > 80, "{side}");
        }
        let tokens: Vec<&String> = entries.iter().filter_map(|e| e.token.as_ref()).collect();
        assert!(tokens.len() > 60);
        assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), tokens.len());
    }

    #[test]
    fn the_pace_follows_the_rate_and_stops_at_zero() {
        let mut analysts = Analysts::new(1, 2.0);
        let (mut sentinel, mut desk) = worlds();
        let mut now = Stamp(0);
        for _ in 0..400 {
            let due = analysts.next(now).unwrap();
            assert_eq!(analysts.next(now), Some(due), "kept until done");
            now = due;
            analysts.perform(&mut sentinel, &mut desk, &["soc".into()], now);
        }
        let seconds = now.0 as f64 / 1e6;
        assert!((150.0..250.0).contains(&seconds), "400 acts at 2/s took {seconds} s");
        analysts.set_rate(0.0);
        assert_eq!(analysts.next(now), None);
    }
}
