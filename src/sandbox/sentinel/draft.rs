//! What a scenario asks of the world: incidents to raise and what people and services do to them.

use serde_json::{Map, Value};

use crate::sandbox::people::Person;
use crate::text::Stamp;

/// One of the app's client secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// The secret itself.
    pub value: String,
    /// From when on it is refused as expired.
    pub expires: Option<Stamp>,
}

/// What a world is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentinelOptions {
    /// Seed of every identifier and of random faults.
    pub seed: u64,
    /// Tenant id.
    pub tenant: String,
    /// The connector's application id.
    pub client_id: String,
    /// Its secrets; any that has not expired works.
    pub client_secrets: Vec<Secret>,
    /// Subscription id.
    pub subscription: String,
    /// Resource group of all workspaces.
    pub resource_group: String,
    /// Workspace names.
    pub workspaces: Vec<String>,
}

/// An incident as detections raise it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentDraft {
    /// Title.
    pub title: String,
    /// Description; empty for none; cut at the service's limit.
    pub description: String,
    /// `High`, `Medium`, `Low` or `Informational`.
    pub severity: String,
    /// Labels, which count as set by automation.
    pub labels: Vec<String>,
    /// Alerts, at most 150; more are cut off.
    pub alerts: Vec<AlertDraft>,
    /// Entities of any kind, known or not.
    pub entities: Vec<EntityDraft>,
    /// Tactics besides those of the alerts.
    pub tactics: Vec<String>,
    /// Techniques such as `T1078`.
    pub techniques: Vec<String>,
    /// Product name besides those of the alerts; empty for none.
    pub product: String,
    /// Owner from the start.
    pub owner: Option<&'static Person>,
    /// True if it comes from Defender.
    pub defender: bool,
}

/// An alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertDraft {
    /// `alertDisplayName`.
    pub display_name: String,
    /// Description.
    pub description: String,
    /// `High`, `Medium`, `Low` or `Informational`.
    pub severity: String,
    /// `productName`.
    pub product: String,
    /// `vendorName`.
    pub vendor: String,
    /// Tactics; the incident's are the union of its alerts'.
    pub tactics: Vec<String>,
    /// `remediationSteps`.
    pub remediation: Vec<String>,
    /// Custom details, name and value.
    pub custom_details: Vec<(String, String)>,
}

/// An entity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntityDraft {
    /// Kind, as `Account`; unknown kinds pass through.
    pub kind: String,
    /// Its properties as the wire has them.
    pub properties: Map<String, Value>,
}

/// What happens to an incident outside the API.
#[derive(Clone, Debug, PartialEq)]
pub enum IncidentAct {
    /// A new title.
    Title(String),
    /// A new description.
    Description(String),
    /// A new severity.
    Severity(String),
    /// `New` or `Active`; from Closed it is a reopening. Closing is [`IncidentAct::Close`].
    Status(String),
    /// A new owner or none.
    Owner(Option<&'static Person>),
    /// One label more.
    Label(String),
    /// One label less.
    Unlabel(String),
    /// A comment, HTML as the portal writes it.
    Comment(String),
    /// A new text for a comment.
    EditComment {
        /// Its id.
        id: String,
        /// The new message.
        message: String,
    },
    /// Deletes the comment of that id.
    DeleteComment(String),
    /// Closes by the documented pairs.
    Close {
        /// `Undetermined`, `TruePositive`, `BenignPositive` or `FalsePositive`.
        classification: String,
        /// The reason, unless Undetermined.
        reason: Option<String>,
        /// Closing comment, may be empty.
        comment: String,
    },
    /// Back to Active.
    Reopen,
    /// The detection adds an alert.
    AddAlert(AlertDraft),
    /// A hunter adds a bookmark.
    AddBookmark {
        /// Display name.
        name: String,
        /// Notes.
        notes: String,
        /// Query it was found with.
        query: String,
    },
    /// Defender folds this incident into another: it is closed with the label `redirected` and
    /// its alerts move.
    MergeInto {
        /// The survivor.
        survivor_guid: String,
    },
    /// The service closes it by itself, as Undetermined.
    AutoClose,
    /// Alert grouping adds an alert to a closed incident and opens it again.
    AutoReopen(AlertDraft),
    /// Deletes the incident; pollers see no more than a 404. Not possible with Defender's.
    Delete,
}
