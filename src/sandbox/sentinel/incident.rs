//! An incident: the face that lists show, what hangs on it, and its wire shape (sentinel-api 2.2).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::alerts::{Alert, Bookmark};
use super::clock::Tick;
use super::comments::Comment;
use super::entities::Entity;
use super::filter::{Cell, Element, Field, Kind, Row};
use super::owner::Owner;
use super::switches::{Absent, Casing, Switches};
use super::tasks::Task;
use crate::text::Stamp;

/// The path whose index serves the usual poll.
pub(super) const MODIFIED: &str = "properties/lastModifiedTimeUtc";

/// What incidents can be filtered and sorted by.
pub(super) const FIELDS: &[Field] = &[
    Field { path: "name", kind: Kind::Text },
    Field { path: "properties/title", kind: Kind::Text },
    Field { path: "properties/description", kind: Kind::Text },
    Field { path: "properties/severity", kind: Kind::Text },
    Field { path: "properties/status", kind: Kind::Text },
    Field { path: "properties/classification", kind: Kind::Text },
    Field { path: "properties/classificationReason", kind: Kind::Text },
    Field { path: "properties/classificationComment", kind: Kind::Text },
    Field { path: "properties/owner/objectId", kind: Kind::Text },
    Field { path: "properties/owner/email", kind: Kind::Text },
    Field { path: "properties/owner/assignedTo", kind: Kind::Text },
    Field { path: "properties/owner/userPrincipalName", kind: Kind::Text },
    Field { path: "properties/labels", kind: Kind::Labels },
    Field { path: "properties/firstActivityTimeUtc", kind: Kind::Time },
    Field { path: "properties/lastActivityTimeUtc", kind: Kind::Time },
    Field { path: "properties/createdTimeUtc", kind: Kind::Time },
    Field { path: MODIFIED, kind: Kind::Time },
    Field { path: "properties/incidentNumber", kind: Kind::Int },
    Field { path: "properties/providerName", kind: Kind::Text },
    Field { path: "properties/providerIncidentId", kind: Kind::Text },
    Field { path: "properties/additionalData/alertProductNames", kind: Kind::Words },
    Field { path: "properties/additionalData/tactics", kind: Kind::Words },
];

/// A label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// `labelName`.
    pub name: String,
    /// True for `AutoAssigned`, false for `User`.
    pub automatic: bool,
}

impl Label {
    fn kind(&self) -> &'static str {
        if self.automatic { "AutoAssigned" } else { "User" }
    }
}

/// Where an incident comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A Sentinel rule.
    Native,
    /// Defender XDR.
    Defender,
    /// A PUT of an API caller.
    Api,
}

/// Everything about an incident that a list row shows, in one version.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Face {
    /// When this version began.
    pub since: Stamp,
    /// With its inner quotes.
    pub etag: String,
    /// `lastModifiedTimeUtc`.
    pub modified: Tick,
    /// `title`.
    pub title: String,
    /// As stored; XDR incidents do not show it.
    pub description: Option<String>,
    /// `severity`.
    pub severity: String,
    /// `status`.
    pub status: String,
    /// `classification`.
    pub classification: Option<String>,
    /// `classificationReason`.
    pub reason: Option<String>,
    /// `classificationComment`.
    pub closing_comment: Option<String>,
    /// `owner`.
    pub owner: Owner,
    /// `labels` in the order sent.
    pub labels: Vec<Label>,
    /// `firstActivityTimeUtc`.
    pub first_activity: Option<Tick>,
    /// `lastActivityTimeUtc`.
    pub last_activity: Option<Tick>,
    /// `alertsCount`.
    pub alerts: usize,
    /// `bookmarksCount`.
    pub bookmarks: usize,
    /// `commentsCount`.
    pub comments: usize,
    /// `alertProductNames`.
    pub products: Vec<String>,
    /// `tactics`.
    pub tactics: Vec<String>,
    /// `techniques`.
    pub techniques: Vec<String>,
    /// Number and address of the incident that this one was folded into.
    pub merged_into: Option<(i64, String)>,
}

impl Face {
    /// A new incident's face.
    pub fn new(title: &str, severity: &str, status: &str, now: Stamp) -> Self {
        Self {
            since: now,
            etag: String::new(),
            modified: Tick::at(now),
            title: title.into(),
            description: None,
            severity: severity.into(),
            status: status.into(),
            classification: None,
            reason: None,
            closing_comment: None,
            owner: Owner::default(),
            labels: Vec::new(),
            first_activity: None,
            last_activity: None,
            alerts: 0,
            bookmarks: 0,
            comments: 0,
            products: Vec::new(),
            tactics: Vec::new(),
            techniques: Vec::new(),
            merged_into: None,
        }
    }
}

/// An alert's place in an incident.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// `relationName`.
    pub name: String,
    /// Etag of the relation, without inner quotes.
    pub etag: String,
    /// The alert.
    pub alert: Arc<Alert>,
}

/// An incident with all that belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Incident {
    /// `incidentNumber`.
    pub number: i64,
    /// The GUID, or whatever an API caller chose, in its own case.
    pub name: String,
    /// `createdTimeUtc`.
    pub created: Tick,
    /// Where it comes from.
    pub origin: Origin,
    /// `providerIncidentId`.
    pub provider_id: String,
    /// `relatedAnalyticRuleIds`.
    pub rules: Vec<String>,
    /// The current version.
    pub face: Face,
    /// Earlier faces with the moment each ended, as far back as a list can lag.
    pub past: Vec<(Stamp, Face)>,
    /// Oldest first.
    pub comments: Vec<Comment>,
    /// Its alerts.
    pub links: Vec<Link>,
    /// Its bookmarks.
    pub bookmarks: Vec<Bookmark>,
    /// By id in lower case.
    pub tasks: BTreeMap<String, Task>,
    /// Its entities.
    pub entities: Vec<Entity>,
    /// The face as bytes, since polls with an overlap read the same version again and again.
    pub rendered: RefCell<Option<(Style, String)>>,
}

impl Incident {
    /// The face that a list shows at `now` if changes appear late, none before the first one
    /// does.
    pub fn seen(&self, now: Stamp, switches: &Switches) -> Option<&Face> {
        let faces = std::iter::once(&self.face).chain(self.past.iter().rev().map(|(_, face)| face));
        faces.into_iter().find(|face| face.since.plus(lag(face, switches)) <= now)
    }
}

/// How late one version appears in lists.
fn lag(face: &Face, switches: &Switches) -> Duration {
    let whole = switches.list_lag_s.saturating_mul(1_000_000);
    if !switches.list_lag_spread {
        return Duration::from_micros(whole);
    }
    let share = face.etag.bytes().fold(7_u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b))) % 1001;
    Duration::from_micros(whole / 1000 * share)
}

/// What shapes an incident on the wire besides itself.
#[derive(Clone, Copy)]
pub(super) struct Lens<'a> {
    /// All switches.
    pub switches: &'a Switches,
    /// Resource id of the provider in the workspace, without trailing slash.
    pub base: &'a str,
    /// The workspace was moved to the Defender portal.
    pub onboarded: bool,
    /// The api-version shows techniques.
    pub preview: bool,
    /// The api-version shows merges.
    pub merges: bool,
    /// Tenant id.
    pub tenant: &'a str,
}

impl Lens<'_> {
    /// `Incidents` or `incidents`.
    pub fn collection(&self) -> &'static str {
        if self.switches.casing == Casing::Upper { "Incidents" } else { "incidents" }
    }

    /// Resource id of an incident.
    pub fn incident_id(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.base, self.collection())
    }

    /// A time as the wire has it.
    pub fn time(&self, tick: Tick) -> String {
        tick.text(self.switches.time_digits)
    }
}

/// What of a lens shapes an incident's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    shows: [bool; 4],
    casing: Casing,
    absent: Absent,
    digits: u8,
}

impl Lens<'_> {
    fn style(&self) -> Style {
        let s = self.switches;
        Style {
            shows: [self.onboarded, self.preview, self.merges, s.defender_hides_description],
            casing: s.casing,
            absent: s.absent,
            digits: s.time_digits,
        }
    }
}

/// One version of an incident seen through a lens: a list row.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    /// The incident.
    pub incident: &'a Incident,
    /// The version shown.
    pub face: &'a Face,
    /// How.
    pub lens: Lens<'a>,
}

impl<'a> Shown<'a> {
    /// Whether Defender provides it.
    pub fn is_xdr(&self) -> bool {
        self.incident.origin == Origin::Defender || self.lens.onboarded
    }

    /// The description, which XDR incidents lack.
    pub fn description(&self) -> Option<&'a str> {
        let hidden = self.is_xdr()
            && self.incident.origin != Origin::Api
            && self.lens.switches.defender_hides_description;
        if hidden { None } else { self.face.description.as_deref() }
    }

    fn provider(&self) -> &'static str {
        if self.is_xdr() { "Microsoft XDR" } else { "Azure Sentinel" }
    }

    /// The whole resource as JSON text, remembered for the current version.
    pub fn text(&self) -> String {
        if !std::ptr::eq(self.face, &self.incident.face) {
            return self.wire().to_string();
        }
        let style = self.lens.style();
        let mut rendered = self.incident.rendered.borrow_mut();
        match rendered.as_ref() {
            Some((known, text)) if *known == style => text.clone(),
            _ => rendered.insert((style, self.wire().to_string())).1.clone(),
        }
    }

    /// The whole resource.
    fn wire(&self) -> Value {
        json!({
            "id": self.lens.incident_id(&self.incident.name),
            "name": self.incident.name,
            "etag": self.face.etag,
            "type": format!("Microsoft.SecurityInsights/{}", self.lens.collection()),
            "properties": self.properties(),
        })
    }

    fn properties(&self) -> Value {
        let (face, incident, lens) = (self.face, self.incident, &self.lens);
        let mut map = Map::new();
        map.insert("title".into(), json!(face.title));
        let mut optional = |name: &str, value: Option<Value>| match (value, lens.switches.absent) {
            (Some(value), _) => _ = map.insert(name.into(), value),
            (None, Absent::Null) => _ = map.insert(name.into(), Value::Null),
            (None, Absent::Omit) => {}
        };
        optional("description", self.description().map(|d| json!(d)));
        optional("severity", Some(json!(face.severity)));
        optional("status", Some(json!(face.status)));
        optional("classification", face.classification.as_ref().map(|c| json!(c)));
        optional("classificationReason", face.reason.as_ref().map(|r| json!(r)));
        optional("classificationComment", face.closing_comment.as_ref().map(|c| json!(c)));
        optional("owner", Some(face.owner.wire()));
        let labels = face.labels.iter().map(|l| json!({"labelName": l.name, "labelType": l.kind()}));
        optional("labels", Some(labels.collect()));
        optional("firstActivityTimeUtc", face.first_activity.map(|t| json!(lens.time(t))));
        optional("lastActivityTimeUtc", face.last_activity.map(|t| json!(lens.time(t))));
        optional("lastModifiedTimeUtc", Some(json!(lens.time(face.modified))));
        optional("createdTimeUtc", Some(json!(lens.time(incident.created))));
        optional("incidentNumber", Some(json!(incident.number)));
        optional("additionalData", Some(self.additional()));
        optional("relatedAnalyticRuleIds", Some(json!(incident.rules)));
        optional("incidentUrl", Some(json!(self.url())));
        optional("providerName", Some(json!(self.provider())));
        optional("providerIncidentId", Some(json!(incident.provider_id)));
        Value::Object(map)
    }

    /// Address in the portal.
    pub fn url(&self) -> String {
        let id = self.lens.incident_id(&self.incident.name);
        format!("https://portal.azure.com/#asset/Microsoft_Azure_Security_Insights/Incident{id}")
    }

    fn additional(&self) -> Value {
        let face = self.face;
        let mut data = json!({
            "alertsCount": face.alerts,
            "bookmarksCount": face.bookmarks,
            "commentsCount": face.comments,
            "alertProductNames": face.products,
            "tactics": face.tactics,
        });
        if let Some(map) = data.as_object_mut() {
            if self.lens.preview {
                map.insert("techniques".into(), json!(face.techniques));
            }
            if self.is_xdr() && self.incident.origin != Origin::Api {
                let (id, tenant) = (&self.incident.provider_id, self.lens.tenant);
                let url = format!("https://security.microsoft.com/incidents/{id}?tid={tenant}");
                map.insert("providerIncidentUrl".into(), json!(url));
            }
            if let (true, Some((number, url))) = (self.lens.merges, &face.merged_into) {
                map.insert("mergedIncidentNumber".into(), json!(number.to_string()));
                map.insert("mergedIncidentUrl".into(), json!(url));
            }
        }
        data
    }
}

impl Row for Shown<'_> {
    fn cell(&self, path: &str) -> Cell<'_> {
        match self.sort_cell(path) {
            Cell::Time(t) => Cell::Time(t.cut(self.lens.switches.time_digits)),
            other => other,
        }
    }

    fn sort_cell(&self, path: &str) -> Cell<'_> {
        let (face, incident) = (self.face, self.incident);
        match path {
            MODIFIED => Cell::Time(face.modified),
            "properties/createdTimeUtc" => Cell::Time(incident.created),
            "properties/firstActivityTimeUtc" => Cell::time(face.first_activity),
            "properties/lastActivityTimeUtc" => Cell::time(face.last_activity),
            "properties/incidentNumber" => Cell::Int(incident.number),
            "properties/title" => Cell::text(Some(&face.title)),
            "properties/description" => Cell::text(self.description()),
            "properties/severity" => Cell::text(Some(&face.severity)),
            "properties/status" => Cell::text(Some(&face.status)),
            "properties/classification" => Cell::text(face.classification.as_deref()),
            "properties/classificationReason" => Cell::text(face.reason.as_deref()),
            "properties/classificationComment" => Cell::text(face.closing_comment.as_deref()),
            "properties/owner/objectId" => Cell::text(face.owner.object_id.as_deref()),
            "properties/owner/email" => Cell::text(face.owner.email.as_deref()),
            "properties/owner/assignedTo" => Cell::text(face.owner.assigned_to.as_deref()),
            "properties/owner/userPrincipalName" => Cell::text(face.owner.upn.as_deref()),
            "properties/providerName" => Cell::text(Some(self.provider())),
            "properties/providerIncidentId" => Cell::text(Some(&incident.provider_id)),
            "name" => Cell::text(Some(&incident.name)),
            _ => Cell::Null,
        }
    }

    fn elements(&self, path: &str) -> Vec<Element<'_>> {
        match path {
            "properties/labels" => {
                let labels = self.face.labels.iter();
                labels.map(|l| Element::Label { name: &l.name, kind: l.kind() }).collect()
            }
            "properties/additionalData/tactics" => {
                self.face.tactics.iter().map(|t| Element::Word(t)).collect()
            }
            "properties/additionalData/alertProductNames" => {
                self.face.products.iter().map(|p| Element::Word(p)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn tie(&self) -> i64 {
        self.incident.number
    }
}
