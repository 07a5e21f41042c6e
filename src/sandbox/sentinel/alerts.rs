//! Security alerts and hunting bookmarks with their full wire shape (sentinel-api 3.2, 3.4).

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::changes::{Author, Ledger, guid_from};
use super::clock::Tick;
use super::draft::AlertDraft;
use crate::text::Stamp;

/// Alerts that one incident can hold (sentinel-api 5.3).
pub(super) const MOST_ALERTS: usize = 150;
/// Bookmarks that one incident can hold.
pub(super) const MOST_BOOKMARKS: usize = 20;

/// A stored alert. It exists once per workspace, whichever incidents hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alert {
    /// `systemAlertId`.
    pub id: String,
    /// What was asked for.
    pub draft: AlertDraft,
    /// `startTimeUtc`.
    pub start: Tick,
    /// `endTimeUtc`.
    pub end: Tick,
    /// `processingEndTime`.
    pub processed: Tick,
    /// True if Defender made it: it cannot be moved by the API.
    pub defender: bool,
}

impl Alert {
    /// An alert whose activity lies in the quarter hour before `now`.
    pub fn new(draft: AlertDraft, defender: bool, ledger: &mut Ledger, now: Stamp) -> Self {
        let end = Tick::at(now).minus(Duration::from_micros(ledger.rng.u64(1_000_000..60_000_000)));
        let start = end.minus(Duration::from_micros(ledger.rng.u64(60_000_000..900_000_000)));
        Self { id: ledger.guid(), draft, start, end, processed: Tick::at(now), defender }
    }

    /// Id of the rule that made it, the same for all alerts of that name.
    pub fn rule(&self) -> String {
        guid_from(&format!("rule/{}", self.draft.display_name))
    }

    fn additional(&self) -> Value {
        let details: Map<String, Value> =
            self.draft.custom_details.iter().map(|(k, v)| (k.clone(), json!([v]))).collect();
        let mut data = json!({
            "ProcessedBySentinel": "True",
            "Alert generation status": "Full alert created",
            "Analytic Rule Ids": json!([self.rule()]).to_string(),
            "Analytic Rule Name": self.draft.display_name,
            "Search Query Results Overall Count": "1",
            "Event Grouping": "AlertPerResult",
        });
        if let (false, Some(map)) = (details.is_empty(), data.as_object_mut()) {
            map.insert("Custom Details".into(), json!(Value::Object(details).to_string()));
        }
        data
    }

    /// The wire shape; `generated` is `timeGenerated`.
    pub fn wire(&self, base: &str, workspace_id: &str, status: &str, generated: Tick) -> Value {
        let draft = &self.draft;
        let properties = json!({
            "systemAlertId": self.id,
            "tactics": draft.tactics,
            "alertDisplayName": draft.display_name,
            "description": draft.description,
            "confidenceLevel": "Unknown",
            "confidenceScoreStatus": "NotApplicable",
            "severity": draft.severity,
            "vendorName": draft.vendor,
            "productName": draft.product,
            "productComponentName": if self.defender { "Microsoft Defender" } else { "Scheduled Alerts" },
            "alertType": format!("{workspace_id}_{}", self.rule()),
            "processingEndTime": self.processed.text(7),
            "status": status,
            "endTimeUtc": self.end.text(7),
            "startTimeUtc": self.start.text(7),
            "timeGenerated": generated.text(7),
            "providerAlertId": guid_from(&format!("provider/{}", self.id)),
            "alertLink": format!("https://security.microsoft.com/alerts/sn{}", self.id),
            "compromisedEntity": "",
            "remediationSteps": draft.remediation,
            "resourceIdentifiers": [{"type": "LogAnalytics", "workspaceId": workspace_id}],
            "intent": draft.tactics.first().map_or("Unknown", String::as_str),
            "additionalData": self.additional(),
            "friendlyName": draft.display_name,
        });
        json!({
            "id": format!("{base}/Entities/{}", self.id),
            "name": self.id,
            "type": "Microsoft.SecurityInsights/Entities",
            "kind": "SecurityAlert",
            "properties": properties,
        })
    }
}

/// A stored bookmark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bookmark {
    /// Its id.
    pub id: String,
    /// Etag of its relation, without inner quotes.
    pub etag: String,
    /// `displayName`.
    pub name: String,
    /// `notes`.
    pub notes: String,
    /// `query`.
    pub query: String,
    /// When.
    pub created: Tick,
    /// By whom.
    pub author: Author,
}

impl Bookmark {
    /// The wire shape.
    pub fn wire(&self, base: &str) -> Value {
        let author = &self.author;
        let by = json!({"objectId": author.object_id, "email": author.email, "name": author.name});
        let properties = json!({
            "created": self.created.text(7),
            "createdBy": by.clone(),
            "updated": self.created.text(7),
            "updatedBy": by,
            "displayName": self.name,
            "eventTime": self.created.text(7),
            "labels": [],
            "notes": self.notes,
            "query": self.query,
            "queryResult": "{}",
            "additionalData": {},
            "friendlyName": self.name,
        });
        json!({
            "id": format!("{base}/Entities/{}", self.id),
            "name": self.id,
            "type": "Microsoft.SecurityInsights/Entities",
            "kind": "Bookmark",
            "properties": properties,
        })
    }
}
