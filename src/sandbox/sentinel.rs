//! The Sentinel half: Entra token endpoints and the SecurityInsights API.
#![allow(missing_docs)]

use serde_json::{Value, json};

use super::people::Person;
use super::wire::{Request, Response, World};
use crate::text::Stamp;

#[derive(Clone, Debug)]
pub struct Secret {
    pub value: String,
    pub expires: Option<Stamp>,
}
#[derive(Clone, Debug)]
pub struct SentinelOptions {
    pub seed: u64,
    pub tenant: String,
    pub client_id: String,
    pub client_secrets: Vec<Secret>,
    pub subscription: String,
    pub resource_group: String,
    pub workspaces: Vec<String>,
}
#[derive(Clone, Debug)]
pub struct EntityDraft {
    pub kind: String,
    pub properties: serde_json::Map<String, Value>,
}
#[derive(Clone, Debug)]
pub struct AlertDraft {
    pub display_name: String,
    pub description: String,
    pub severity: String,
    pub product: String,
    pub vendor: String,
    pub tactics: Vec<String>,
    pub remediation: Vec<String>,
    pub custom_details: Vec<(String, String)>,
}
#[derive(Clone, Debug)]
pub struct IncidentDraft {
    pub title: String,
    pub description: String,
    pub severity: String,
    pub labels: Vec<String>,
    pub alerts: Vec<AlertDraft>,
    pub entities: Vec<EntityDraft>,
    pub tactics: Vec<String>,
    pub techniques: Vec<String>,
    pub product: String,
    pub owner: Option<&'static Person>,
    pub defender: bool,
}
#[derive(Clone, Debug)]
pub enum IncidentAct {
    Title(String),
    Description(String),
    Severity(String),
    Status(String),
    Owner(Option<&'static Person>),
    Label(String),
    Comment(String),
    DeleteComment(String),
    Close { classification: String, reason: Option<String>, comment: String },
    Reopen,
    AddAlert(AlertDraft),
    MergeInto { survivor_guid: String },
}
#[derive(Clone, Debug)]
pub struct CommentFacts {
    pub id: String,
    pub message: String,
    pub author_name: String,
    pub created: Stamp,
}
#[derive(Clone, Debug)]
pub struct IncidentFacts {
    pub guid: String,
    pub number: i64,
    pub title: String,
    pub description: String,
    pub severity: String,
    pub status: String,
    pub classification: Option<String>,
    pub reason: Option<String>,
    pub classification_comment: Option<String>,
    pub owner_upn: Option<String>,
    pub labels: Vec<String>,
    pub comments: Vec<CommentFacts>,
    pub alerts: usize,
    pub etag: String,
    pub modified: Stamp,
}
#[derive(Clone, Debug)]
pub struct IncidentChange {}
pub struct SentinelWorld {
    facts: Vec<IncidentFacts>,
}
impl SentinelWorld {
    pub fn new(_options: SentinelOptions) -> Self {
        Self { facts: vec![] }
    }
    pub fn raise(&mut self, _workspace: &str, draft: IncidentDraft, now: Stamp) -> String {
        let number = self.facts.len() as i64 + 1;
        self.facts.push(IncidentFacts {
            guid: format!("00000000-0000-4000-8000-{number:012}"),
            number,
            title: draft.title,
            description: draft.description,
            severity: draft.severity,
            status: "New".into(),
            classification: None,
            reason: None,
            classification_comment: None,
            owner_upn: None,
            labels: draft.labels,
            comments: vec![],
            alerts: draft.alerts.len(),
            etag: String::new(),
            modified: now,
        });
        format!("00000000-0000-4000-8000-{number:012}")
    }
    pub fn act(
        &mut self,
        _workspace: &str,
        guid: &str,
        act: &IncidentAct,
        _actor: &Person,
        now: Stamp,
    ) -> Result<(), String> {
        let f = self.facts.iter_mut().find(|f| f.guid == guid).ok_or("no such incident")?;
        f.modified = now;
        if let IncidentAct::Status(s) = act {
            f.status = s.clone();
        }
        Ok(())
    }
    pub fn facts(&self, _workspace: &str) -> Vec<IncidentFacts> {
        self.facts.clone()
    }
    pub fn guids(&self, _workspace: &str) -> Vec<String> {
        self.facts.iter().map(|f| f.guid.clone()).collect()
    }
    pub fn fact(&self, _workspace: &str, guid: &str) -> Option<IncidentFacts> {
        self.facts.iter().find(|f| f.guid == guid).cloned()
    }
    pub fn history(&self) -> &[IncidentChange] {
        &[]
    }
}
impl World for SentinelWorld {
    fn handle(&mut self, _request: &Request, _now: Stamp) -> Response {
        Response::json(200, "application/json; charset=utf-8", &json!({"value": []}))
    }
    fn switches(&self) -> Value {
        json!({})
    }
    fn set_switch(&mut self, name: &str, _value: &Value) -> Result<(), String> {
        Err(format!("no switch {name}"))
    }
}
