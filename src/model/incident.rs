//! A Sentinel incident as this program sees it: our own view, not a wire struct.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::IncidentId;
use crate::text::{Stamp, UntrustedText};

/// Who an incident is assigned to. All empty means unassigned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnerRef {
    /// Directory object id; sent only when it came from an observation (D28).
    pub object_id: String,
    /// E-mail address.
    pub email: String,
    /// User principal name.
    pub upn: String,
    /// Display name.
    pub name: String,
}

impl OwnerRef {
    /// True when nobody is named.
    pub fn is_unassigned(&self) -> bool {
        self.key().is_empty()
    }

    /// What identifies the owner for comparison: UPN, else e-mail, else object id, else the
    /// name, in lower case; empty when unassigned.
    pub fn key(&self) -> String {
        [&self.upn, &self.email, &self.object_id, &self.name]
            .into_iter()
            .find(|v| !v.trim().is_empty())
            .map(|v| v.trim().to_lowercase())
            .unwrap_or_default()
    }
}

/// One incident as last observed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Incident {
    /// Its name, the GUID.
    pub id: IncidentId,
    /// Opaque version, echoed byte for byte in a write.
    pub etag: String,
    /// Number within its workspace.
    pub number: i64,
    /// Title.
    pub title: UntrustedText,
    /// Description; absent on Defender incidents.
    pub description: UntrustedText,
    /// Severity as the wire wrote it.
    pub severity: String,
    /// Status as the wire wrote it.
    pub status: String,
    /// Classification, empty if none.
    pub classification: String,
    /// Reason, empty if none.
    pub reason: String,
    /// Comment of the closer, empty if none.
    pub classification_comment: UntrustedText,
    /// Owner.
    pub owner: OwnerRef,
    /// Label names, compared as a set, with case.
    pub labels: Vec<UntrustedText>,
    /// First activity in its alerts, raw text, echoed in a write.
    pub first_activity: Option<String>,
    /// Last activity in its alerts, raw text, echoed in a write.
    pub last_activity: Option<String>,
    /// Creation.
    pub created: Stamp,
    /// Last change, as a stamp and as the server wrote it (D12).
    pub modified: Stamp,
    /// Raw text of the last change.
    pub modified_raw: String,
    /// When Sentinel took a comment of ours that moved it to a version that we do not know. No answer has it,
    /// so it is gone once the incident is seen again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commented: Option<Stamp>,
    /// Comments that the server counts.
    pub comments_count: u32,
    /// Alerts that the server counts.
    pub alerts_count: u32,
    /// Portal link.
    pub url: UntrustedText,
    /// Defender portal link, if there is one.
    pub provider_url: Option<UntrustedText>,
    /// Provider name.
    pub provider: String,
    /// Provider's own id.
    pub provider_id: String,
    /// Number of the incident that this one was merged into (previews only).
    pub merged_into: Option<String>,
    /// Tactics.
    pub tactics: Vec<String>,
    /// Techniques.
    pub techniques: Vec<String>,
    /// Product names of the alerts.
    pub products: Vec<UntrustedText>,
    /// Ids of the analytics rules that its alerts come from.
    pub rules: Vec<String>,
}

impl Incident {
    /// True when it carries the label that Defender puts on a merged incident; its case varies.
    pub fn is_redirected(&self) -> bool {
        self.labels.iter().any(|l| l.raw().eq_ignore_ascii_case("redirected"))
    }

    /// True when Defender merged it into another one, by its label or by the number of the survivor.
    pub fn is_merged(&self) -> bool {
        self.is_redirected() || self.merged_into.is_some()
    }
}

/// Every writable member of an incident: a PUT replaces the whole (sentinel-api 2.4, D16).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IncidentWrite {
    /// Version that the write is built on.
    pub etag: String,
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// Severity.
    pub severity: String,
    /// Status.
    pub status: String,
    /// Classification, sent only with status Closed.
    pub classification: String,
    /// Reason, sent only with status Closed.
    pub reason: String,
    /// Comment, sent only with status Closed.
    pub classification_comment: String,
    /// Owner.
    pub owner: OwnerRef,
    /// Label names.
    pub labels: Vec<String>,
    /// First activity, echoed.
    pub first_activity: Option<String>,
    /// Last activity, echoed.
    pub last_activity: Option<String>,
}

impl From<&Incident> for IncidentWrite {
    fn from(i: &Incident) -> Self {
        Self {
            etag: i.etag.clone(),
            title: i.title.raw().to_owned(),
            description: i.description.raw().to_owned(),
            severity: i.severity.clone(),
            status: i.status.clone(),
            classification: i.classification.clone(),
            reason: i.reason.clone(),
            classification_comment: i.classification_comment.raw().to_owned(),
            owner: i.owner.clone(),
            labels: i.labels.iter().map(|l| l.raw().to_owned()).collect(),
            first_activity: i.first_activity.clone(),
            last_activity: i.last_activity.clone(),
        }
    }
}

/// One comment on an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Comment {
    /// Its id, chosen by whoever wrote it.
    pub id: String,
    /// Text, often HTML.
    pub message: UntrustedText,
    /// Author's name as shown.
    pub author: UntrustedText,
    /// Author's object id.
    pub author_id: String,
    /// Author's UPN or e-mail.
    pub author_upn: String,
    /// Creation.
    pub created: Stamp,
    /// Last change.
    pub modified: Stamp,
}

/// One alert of an incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alert {
    /// `systemAlertId`, the key: other members shift (sentinel-api 3.2).
    pub id: String,
    /// Display name.
    pub name: UntrustedText,
    /// Severity.
    pub severity: String,
    /// Every property as it came.
    pub properties: Map<String, Value>,
}

/// One entity of an incident; unknown kinds keep their raw properties.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entity {
    /// Its id.
    pub id: String,
    /// Kind such as `Account`.
    pub kind: String,
    /// Name as shown.
    pub name: UntrustedText,
    /// Every property as it came.
    pub properties: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_key_prefers_the_upn() {
        let mut o = OwnerRef { email: "A@x.example".into(), ..OwnerRef::default() };
        assert_eq!(o.key(), "a@x.example");
        o.upn = "b@x.example".into();
        assert_eq!(o.key(), "b@x.example");
        assert!(OwnerRef::default().is_unassigned());
    }
}
