//! One workspace through Azure Resource Manager.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::faults::{self, About};
use super::gates::{ArmGates, Endpoint};
use super::source::IncidentSource;
use super::{incidents, parts};
use crate::http::{
    Ask, Base, Clock, HttpResponse, LIST_LIMIT, Method, OTHER_LIMIT, QueryString, Sender, Token, TokenSource,
    Transport, decode_json,
};
use crate::model::call::{Answer, ListFrom, SentinelCall, SentinelOutcome, SentinelReply};
use crate::model::{CallError, FaultKind, IncidentId, WorkspaceKey};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

/// Newest documented stable api-version at the time of writing (D18).
const API_VERSION: &str = "2025-09-01";
/// A preview that names the survivor of a merge, as the models of the newer SDKs show it; which services
/// answer under it is unverified (sentinel-api 1), so it is configurable.
const MERGE_API_VERSION: &str = "2025-10-01-preview";
/// Most incidents that a list page may have (documented).
const MOST: u32 = 1000;

/// Where a workspace is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmSettings {
    /// Root of the resource manager.
    pub base: Base,
    /// Key of the workspace, for messages.
    pub key: WorkspaceKey,
    /// Subscription, a GUID.
    pub subscription: String,
    /// Resource group.
    pub resource_group: String,
    /// Name of the workspace.
    pub workspace: String,
    /// api-version.
    pub api_version: String,
    /// `api-version` under which a merged incident tells its survivor (D18).
    pub merge_api_version: String,
    /// Incidents per list page, 1 to 1000.
    pub page_size: u32,
}

impl ArmSettings {
    /// Settings with default api-version and page size.
    pub fn new(
        base: Base,
        key: WorkspaceKey,
        subscription: &str,
        resource_group: &str,
        workspace: &str,
    ) -> Self {
        Self {
            base,
            key,
            subscription: subscription.to_owned(),
            resource_group: resource_group.to_owned(),
            workspace: workspace.to_owned(),
            api_version: API_VERSION.to_owned(),
            merge_api_version: MERGE_API_VERSION.to_owned(),
            page_size: MOST,
        }
    }

    /// Gives the reason when a name cannot be one (documented forms).
    pub fn check(&self) -> Result<(), String> {
        let name = |text: &str, more: &str| {
            (1..=90).contains(&text.chars().count())
                && text.chars().all(|c| c.is_alphanumeric() || more.contains(c))
        };
        if Uuid::parse_str(&self.subscription).is_err() {
            return Err("the subscription must be a GUID".into());
        }
        if !name(&self.resource_group, "-_.()") || self.resource_group.ends_with('.') {
            return Err("the resource group has 1 to 90 letters, digits and -_.()".into());
        }
        if !name(&self.workspace, "-") || !self.workspace.is_ascii() {
            return Err("the workspace name has 1 to 90 letters, digits and -".into());
        }
        let version = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if [&self.api_version, &self.merge_api_version]
            .iter()
            .any(|v| v.is_empty() || !v.chars().all(version))
        {
            return Err("an api-version looks like 2025-09-01".into());
        }
        if !(1..=MOST).contains(&self.page_size) {
            return Err(format!("a page has 1 to {MOST} incidents"));
        }
        Ok(())
    }
}

/// Client of one workspace.
pub struct ArmClient {
    settings: ArmSettings,
    sender: Sender,
    gates: Arc<ArmGates>,
    tokens: Arc<dyn TokenSource<CallError>>,
    sent: AtomicU64,
}

/// One request, ready to be sent once or, after a 401, twice.
struct Plan {
    method: Method,
    url: Url,
    body: Option<Value>,
    limit: usize,
    endpoint: Endpoint,
    about: About,
}

impl ArmClient {
    /// A client. Workspaces of one subscription and principal share `gates` and `tokens`. Gives
    /// the reason when a setting cannot be right.
    pub fn new(
        settings: ArmSettings,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        gates: Arc<ArmGates>,
        tokens: Arc<dyn TokenSource<CallError>>,
    ) -> Result<Self, String> {
        settings.check()?;
        let base = Arc::new(settings.base.clone());
        let sender = Sender::new(base, transport, clock, gates.patience).sharing(gates.door.clone());
        Ok(Self { settings, sender, gates, tokens, sent: AtomicU64::new(0) })
    }

    fn url(&self, tail: &[&str], query: QueryString) -> Result<Url, CallError> {
        let s = &self.settings;
        let mut path = vec!["subscriptions", &s.subscription, "resourceGroups", &s.resource_group];
        path.extend(["providers", "Microsoft.OperationalInsights", "workspaces", &s.workspace]);
        path.extend(["providers", "Microsoft.SecurityInsights", "incidents"]);
        path.extend(tail);
        s.base.at(&path, query.as_str()).map_err(|e| faults::unsent_or_lost(&e, false))
    }

    fn link(&self, link: &str) -> Result<Url, CallError> {
        self.sender.base().link(link).map_err(|e| {
            faults::unsent_or_lost(&e, false)
                .hint("the server's next link leads elsewhere; the credential was not sent there")
        })
    }

    fn version(&self) -> QueryString {
        QueryString::new().with("api-version", &self.settings.api_version)
    }

    fn list_query(&self, since: Stamp) -> QueryString {
        let from = if mutant::is_on(Mutant::CursorExclusive) { "gt" } else { "ge" };
        self.version()
            .with("$filter", &format!("properties/lastModifiedTimeUtc {from} {}", since.rfc3339()))
            .with("$orderby", "properties/lastModifiedTimeUtc asc")
            .with("$top", &self.settings.page_size.to_string())
    }

    fn plan(&self, call: &SentinelCall) -> Result<Plan, CallError> {
        let read = |url, endpoint, limit, one_incident| {
            let method = match endpoint {
                Endpoint::Alerts | Endpoint::Entities => Method::Post,
                _ => Method::Get,
            };
            Plan { method, url, body: None, limit, endpoint, about: About { writes: false, one_incident } }
        };
        let write = |url, endpoint, body| Plan {
            method: Method::Put,
            url,
            body: Some(body),
            limit: OTHER_LIMIT,
            endpoint,
            about: About { writes: true, one_incident: true },
        };
        Ok(match call {
            SentinelCall::List(ListFrom::Modified(since)) => {
                let url = self.url(&[], self.list_query(*since))?;
                read(url, Endpoint::Incidents, LIST_LIMIT, false)
            }
            SentinelCall::List(ListFrom::Number(number)) => {
                let query = self.version().with("$filter", &format!("properties/incidentNumber eq {number}"));
                read(self.url(&[], query)?, Endpoint::Incidents, OTHER_LIMIT, false)
            }
            SentinelCall::List(ListFrom::Next(link)) => {
                read(self.link(link)?, Endpoint::Incidents, LIST_LIMIT, false)
            }
            SentinelCall::Get(id) => {
                read(self.url(&[id.as_str()], self.version())?, Endpoint::Incidents, OTHER_LIMIT, true)
            }
            SentinelCall::GetMerged(id) => {
                let version = QueryString::new().with("api-version", &self.settings.merge_api_version);
                read(self.url(&[id.as_str()], version)?, Endpoint::Incidents, OTHER_LIMIT, true)
            }
            SentinelCall::Put(id, w) => {
                let url = self.url(&[id.as_str()], self.version())?;
                write(url, Endpoint::PutIncident, incidents::put_body(w))
            }
            SentinelCall::Comments(id, None) => {
                let url = self.url(&[id.as_str(), "comments"], self.version().with("$top", "100"))?;
                read(url, Endpoint::Comments, OTHER_LIMIT, true)
            }
            SentinelCall::Comments(_, Some(link)) => {
                read(self.link(link)?, Endpoint::Comments, OTHER_LIMIT, true)
            }
            SentinelCall::PutComment { incident, id, message } => {
                let url = self.url(&[incident.as_str(), "comments", id], self.version())?;
                let body = serde_json::json!({ "properties": { "message": message } });
                write(url, Endpoint::PutComment, body)
            }
            SentinelCall::Alerts(id) => {
                let url = self.url(&[id.as_str(), "alerts"], self.version())?;
                read(url, Endpoint::Alerts, OTHER_LIMIT, true)
            }
            SentinelCall::Entities(id) => {
                let url = self.url(&[id.as_str(), "entities"], self.version())?;
                read(url, Endpoint::Entities, OTHER_LIMIT, true)
            }
        })
    }

    fn ask(&self, plan: &Plan) -> Ask<'_> {
        let mut ask = Ask::new(plan.method, plan.url.clone());
        ask.headers.push(("x-ms-client-request-id", self.request_id().to_string()));
        ask.body = plan.body.as_ref().map(|b| ("application/json", b.to_string().into_bytes()));
        ask.limit = plan.limit;
        ask.gates = self.gates.on_the_way(plan.endpoint);
        ask
    }

    /// An id for the service's logs, out of time and count rather than chance, so that a
    /// simulated run sends the same bytes every time.
    fn request_id(&self) -> Uuid {
        let n = self.sent.fetch_add(1, Ordering::Relaxed);
        let text = format!("{} {} {n}", self.settings.key.as_str(), self.sender.clock().now().0);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes())
    }

    async fn exchange(&self, plan: &Plan) -> Result<(HttpResponse, Token), CallError> {
        let lost = |e| faults::unsent_or_lost(&e, plan.about.writes);
        let token = self.tokens.token().await?;
        let response = self.sender.send(self.ask(plan), Some(&token)).await.map_err(lost)?;
        if response.status != 401 {
            return Ok((response, token));
        }
        let Some(fresh) = self.tokens.renew(&token).await? else { return Ok((response, token)) };
        let response = self.sender.send(self.ask(plan), Some(&fresh)).await.map_err(lost)?;
        Ok((response, fresh))
    }

    async fn carry_out(&self, call: &SentinelCall) -> SentinelOutcome {
        let plan = self.plan(call)?;
        let (response, token) = self.exchange(&plan).await?;
        let calls_left = self.gates.observe(&response, self.sender.clock());
        let fits = response.status == 200 || (plan.about.writes && response.status == 201);
        if !fits {
            let mut e = faults::refused(&response, self.sender.pause_asked(&response), plan.about);
            e.message = token.scrub(&e.message);
            if matches!(call, SentinelCall::GetMerged(_)) && e.kind == FaultKind::Config {
                // That this version is not served says nothing about the workspace.
                e.kind = FaultKind::Rejected;
            }
            return Err(page_link_hint(call, e));
        }
        let status = response.status;
        let body = decode_json(&response).map_err(|f| faults::garbled(&f, status, plan.about.writes))?;
        let value = decode(call, &body).map_err(|why| {
            let e = CallError::new(FaultKind::Garbled, why).status(status);
            if plan.about.writes { e.unknown_outcome() } else { e }
        })?;
        let date = response.header("date").and_then(Stamp::parse_http_date);
        Ok(Answer { value, date, calls_left })
    }
}

/// A page link that the service no longer takes is no fault of the workspace: start again.
fn page_link_hint(call: &SentinelCall, e: CallError) -> CallError {
    let followed = matches!(call, SentinelCall::List(ListFrom::Next(_)) | SentinelCall::Comments(_, Some(_)));
    if followed && e.kind == FaultKind::Rejected {
        return e.code("page-link").hint("the page link is no longer good: start the list again");
    }
    e
}

fn decode(call: &SentinelCall, body: &Value) -> Result<SentinelReply, String> {
    let same = |id: &IncidentId| {
        let got = incidents::incident(body)?;
        if got.id != *id {
            return Err("another incident answered than the one that was asked for".to_owned());
        }
        Ok(SentinelReply::Incident(Box::new(got)))
    };
    match call {
        SentinelCall::List(_) => incidents::page(body).map(SentinelReply::Page),
        SentinelCall::Get(id) | SentinelCall::GetMerged(id) | SentinelCall::Put(id, _) => same(id),
        SentinelCall::Comments(..) => parts::comments(body).map(SentinelReply::Comments),
        SentinelCall::PutComment { id, .. } => {
            let got = parts::comment(body)?;
            if !got.id.eq_ignore_ascii_case(id) {
                return Err("another comment answered than the one that was written".to_owned());
            }
            Ok(SentinelReply::Comment(got))
        }
        SentinelCall::Alerts(_) => parts::alerts(body).map(SentinelReply::Alerts),
        SentinelCall::Entities(_) => parts::entities(body).map(SentinelReply::Entities),
    }
}

fn subject(call: &SentinelCall) -> String {
    match call {
        SentinelCall::List(_) => "listing incidents".into(),
        SentinelCall::Get(id) => format!("reading incident {id}"),
        SentinelCall::GetMerged(id) => format!("reading what incident {id} was merged into"),
        SentinelCall::Put(id, _) => format!("writing incident {id}"),
        SentinelCall::Comments(id, _) => format!("reading comments of incident {id}"),
        SentinelCall::PutComment { incident, .. } => format!("commenting on incident {incident}"),
        SentinelCall::Alerts(id) => format!("reading alerts of incident {id}"),
        SentinelCall::Entities(id) => format!("reading entities of incident {id}"),
    }
}

#[async_trait]
impl IncidentSource for ArmClient {
    async fn call(&self, call: SentinelCall) -> SentinelOutcome {
        self.carry_out(&call).await.map_err(|mut e| {
            e.message = format!("workspace {}: {}: {}", self.settings.key, subject(&call), e.message);
            e
        })
    }
}
