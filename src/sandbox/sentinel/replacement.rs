//! What a PUT of an incident asks for: read, checked, and laid over the version before.
//!
//! The PUT replaces: what it leaves out is cleared, unless a switch says otherwise for that group
//! of fields (sentinel-api 2.4).

use serde_json::{Map, Value};

use super::clock::Tick;
use super::closing;
use super::desk::required;
use super::errors::Refusal;
use super::incident::{Face, Label};
use super::owner::Owner;
use super::switches::{Leniency, Switches};

/// Longest description (sentinel-api 5.3).
pub(super) const DESCRIPTION_MAX: usize = 5_000;

/// Members that only the service sets.
const READ_ONLY: &[&str] = &[
    "additionalData",
    "createdTimeUtc",
    "incidentNumber",
    "incidentUrl",
    "lastModifiedTimeUtc",
    "providerName",
    "providerIncidentId",
    "relatedAnalyticRuleIds",
    "teamInformation",
];

/// An optional member of a body.
#[derive(Clone, Debug, PartialEq)]
enum Member<T> {
    Absent,
    Null,
    Given(T),
}

impl<T: Clone> Member<T> {
    /// The value after the PUT.
    fn over(&self, before: Option<&T>, clears: bool) -> Option<T> {
        match self {
            Self::Given(value) => Some(value.clone()),
            Self::Null => None,
            Self::Absent if clears => None,
            Self::Absent => before.cloned(),
        }
    }
}

/// A checked PUT body.
#[derive(Clone, Debug)]
pub(super) struct Replacement {
    title: String,
    severity: String,
    status: String,
    description: Member<String>,
    classification: Member<String>,
    reason: Member<String>,
    closing_comment: Member<String>,
    owner: Member<Owner>,
    labels: Member<Vec<String>>,
    first_activity: Member<Tick>,
    last_activity: Member<Tick>,
}

impl Replacement {
    /// Reads and checks the `properties` of a body.
    pub fn read(map: &Map<String, Value>, switches: &Switches) -> Result<Self, Refusal> {
        let title = required(map, "title", "'Title' must have a non-empty value")?;
        let severity = required(map, "severity", "severity must not be empty.")?;
        let status = required(map, "status", "status must not be empty.")?;
        closing::severity(severity)?;
        closing::status(status)?;
        let asked = Self {
            title: title.into(),
            severity: severity.into(),
            status: status.into(),
            description: text(map, "description")?,
            classification: text(map, "classification")?,
            reason: text(map, "classificationReason")?,
            closing_comment: text(map, "classificationComment")?,
            owner: match map.get("owner") {
                None => Member::Absent,
                Some(Value::Null) => Member::Null,
                Some(owner) => Member::Given(Owner::read(owner, switches)?),
            },
            labels: labels(map, switches)?,
            first_activity: time(map, "firstActivityTimeUtc")?,
            last_activity: time(map, "lastActivityTimeUtc")?,
        };
        asked.check_lengths(switches)?;
        if switches.read_only_members == Leniency::Reject
            && let Some(name) = READ_ONLY.iter().find(|n| map.contains_key(**n))
        {
            return Err(Refusal::bad(format!("The property '{name}' is read-only.")));
        }
        Ok(asked)
    }

    fn check_lengths(&self, switches: &Switches) -> Result<(), Refusal> {
        let too_long = |name: &str, value: &str, limit: Option<usize>| match limit {
            Some(limit) if switches.length(value) > limit => {
                Err(Refusal::bad(format!("The length of '{name}' must be {limit} characters or fewer.")))
            }
            _ => Ok(()),
        };
        too_long("Title", &self.title, switches.title_max)?;
        if let Member::Given(text) = &self.description {
            too_long("Description", text, Some(DESCRIPTION_MAX))?;
        }
        if let Member::Given(text) = &self.closing_comment {
            too_long("ClassificationComment", text, switches.classification_comment_max)?;
        }
        Ok(())
    }

    /// The version after the PUT, or why it cannot be.
    pub fn over(&self, before: &Face, switches: &Switches) -> Result<Face, Refusal> {
        let mut face = before.clone();
        face.title.clone_from(&self.title);
        face.severity.clone_from(&self.severity);
        face.status.clone_from(&self.status);
        face.description =
            self.description.over(before.description.as_ref(), switches.put_clears_description);
        let owner = self.owner.over(Some(&before.owner), switches.put_clears_owner);
        face.owner = owner.unwrap_or_default();
        self.lay_labels(before, &mut face, switches);
        let clears = switches.put_clears_activity;
        face.first_activity = self.first_activity.over(before.first_activity.as_ref(), clears);
        face.last_activity = self.last_activity.over(before.last_activity.as_ref(), clears);
        let clears = switches.put_clears_classification;
        face.classification = self.classification.over(before.classification.as_ref(), clears);
        face.reason = self.reason.over(before.reason.as_ref(), clears);
        face.closing_comment = self.closing_comment.over(before.closing_comment.as_ref(), clears);
        if face.status == "Closed" {
            closing::check(face.classification.as_deref(), face.reason.as_deref())?;
        } else if switches.reopen_drops_closing {
            clear_closing(&mut face);
        } else if face.classification.is_some() {
            closing::check(face.classification.as_deref(), face.reason.as_deref())?;
        }
        Ok(face)
    }

    /// A label keeps its type as long as it keeps its name.
    fn lay_labels(&self, before: &Face, face: &mut Face, switches: &Switches) {
        let old: Vec<String> = before.labels.iter().map(|l| l.name.clone()).collect();
        let names = self.labels.over(Some(&old), switches.put_clears_labels).unwrap_or_default();
        let label = |name: String| {
            let automatic = before.labels.iter().any(|l| l.name == name && l.automatic);
            Label { name, automatic }
        };
        face.labels = names.into_iter().map(label).collect();
    }
}

/// Drops what only a closed incident has.
pub(super) fn clear_closing(face: &mut Face) {
    face.classification = None;
    face.reason = None;
    face.closing_comment = None;
}

fn wrong(name: &str, wanted: &str) -> Refusal {
    Refusal::bad(format!("Invalid value for property '{name}': {wanted} is required."))
}

fn text(map: &Map<String, Value>, name: &str) -> Result<Member<String>, Refusal> {
    match map.get(name) {
        None => Ok(Member::Absent),
        Some(Value::Null) => Ok(Member::Null),
        Some(Value::String(text)) if text.is_empty() => Ok(Member::Null),
        Some(Value::String(text)) => Ok(Member::Given(text.clone())),
        Some(_) => Err(wrong(name, "a string")),
    }
}

fn time(map: &Map<String, Value>, name: &str) -> Result<Member<Tick>, Refusal> {
    match text(map, name)? {
        Member::Absent => Ok(Member::Absent),
        Member::Null => Ok(Member::Null),
        Member::Given(raw) => Tick::parse(&raw).map(Member::Given).ok_or_else(|| wrong(name, "a date-time")),
    }
}

fn labels(map: &Map<String, Value>, switches: &Switches) -> Result<Member<Vec<String>>, Refusal> {
    let items = match map.get("labels") {
        None => return Ok(Member::Absent),
        Some(Value::Null) => return Ok(Member::Null),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(wrong("labels", "an array")),
    };
    let mut names: Vec<String> = Vec::new();
    for item in items {
        let Some(name) = item.get("labelName").and_then(Value::as_str).filter(|n| !n.is_empty()) else {
            return Err(Refusal::bad("'LabelName' must have a non-empty value"));
        };
        if !switches.labels_tidy {
            names.push(name.to_owned());
        } else if !names.iter().any(|n| n == name.trim()) {
            names.push(name.trim().to_owned());
        }
    }
    Ok(Member::Given(names))
}
