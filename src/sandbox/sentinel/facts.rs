//! The state of the world as a checker sees it, without going through the API.

use super::incident::Shown;
use crate::text::Stamp;

/// An incident as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentFacts {
    /// Its name.
    pub guid: String,
    /// Its number.
    pub number: i64,
    /// Title.
    pub title: String,
    /// Description as the API shows it; empty if it shows none.
    pub description: String,
    /// Severity.
    pub severity: String,
    /// Status.
    pub status: String,
    /// Classification, when closed.
    pub classification: Option<String>,
    /// Classification reason, when closed.
    pub reason: Option<String>,
    /// Classification comment, when closed.
    pub classification_comment: Option<String>,
    /// Principal name of the owner, or the next best text that names one.
    pub owner_upn: Option<String>,
    /// Label names in their order.
    pub labels: Vec<String>,
    /// Comments, oldest first.
    pub comments: Vec<CommentFacts>,
    /// Ids of its alerts, as they came.
    pub alerts: Vec<String>,
    /// Its entities: the kind of each and its properties.
    pub entities: Vec<(String, serde_json::Map<String, serde_json::Value>)>,
    /// Etag with its inner quotes.
    pub etag: String,
    /// When it was created.
    pub created: Stamp,
    /// Time of the last change, cut to the microsecond.
    pub modified: Stamp,
}

/// A comment as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentFacts {
    /// Its id.
    pub id: String,
    /// The message as stored, maybe HTML.
    pub message: String,
    /// Who wrote it.
    pub author_name: String,
    /// When.
    pub created: Stamp,
}

impl IncidentFacts {
    /// The facts of an incident's current version.
    pub(super) fn of(shown: &Shown<'_>) -> Self {
        let (face, incident) = (shown.face, shown.incident);
        let comment = |c: &super::comments::Comment| CommentFacts {
            id: c.id.clone(),
            message: c.message.clone(),
            author_name: c.author.name.clone(),
            created: c.created.stamp(),
        };
        Self {
            guid: incident.name.clone(),
            number: incident.number,
            title: face.title.clone(),
            description: shown.description().unwrap_or_default().to_owned(),
            severity: face.severity.clone(),
            status: face.status.clone(),
            classification: face.classification.clone(),
            reason: face.reason.clone(),
            classification_comment: face.closing_comment.clone(),
            owner_upn: face.owner.label().map(str::to_owned),
            labels: face.labels.iter().map(|l| l.name.clone()).collect(),
            comments: incident.comments.iter().map(comment).collect(),
            alerts: incident.links.iter().map(|link| link.alert.id.clone()).collect(),
            entities: incident.entities.iter().map(|e| (e.kind.clone(), e.properties.clone())).collect(),
            etag: face.etag.clone(),
            created: incident.created.stamp(),
            modified: face.modified.stamp(),
        }
    }
}
