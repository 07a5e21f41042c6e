//! The resource manager: everything that is checked before an operation, and the headers that
//! every answer carries (sentinel-api 5).

use super::SentinelWorld;
use super::changes::guid_of;
use super::clock::compact_time;
use super::desk::{Call, Desk, success};
use super::errors::{Answer, Refusal};
use super::limits::Headers;
use super::query::Query;
use super::route::{Part, Place, Right, Target};
use super::switches::{Role, Switches, WrongScope};
use super::tokens;
use crate::sandbox::wire::{Request, Response};
use crate::text::Stamp;

/// Registered api-versions (sentinel-api 0).
const VERSIONS: &[&str] = &[
    "2025-12-01",
    "2025-10-01-preview",
    "2025-09-01",
    "2025-07-01-preview",
    "2025-06-01",
    "2025-04-01-preview",
    "2025-03-01",
    "2025-01-01-preview",
    "2024-10-01-preview",
    "2024-09-01",
    "2024-04-01-preview",
    "2024-03-01",
    "2024-01-01-preview",
    "2023-11-01",
    "2023-02-01",
    "2022-11-01",
    "2022-08-01",
    "2021-10-01",
    "2021-04-01",
    "2020-01-01",
];

impl SentinelWorld {
    /// Answers a request to the resource manager.
    pub(super) fn manage(&mut self, request: &Request, now: Stamp) -> Response {
        let mut headers = Headers::new();
        let answer = self.admitted(request, now, &mut headers);
        let mut response = answer.unwrap_or_else(|refusal| refusal.response());
        response.headers.extend(headers.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self.sign(request, response, now)
    }

    fn admitted(&mut self, request: &Request, now: Stamp, headers: &mut Headers) -> Answer {
        self.tokens.check(request, &self.options.tenant, &self.switches, now)?;
        let query = Query::read(request)?;
        let version = self.version(&query)?;
        let Some(target) = Target::read(request) else {
            return Err(no_route(request));
        };
        if !target.subscription.eq_ignore_ascii_case(&self.options.subscription) {
            return Err(self.wrong_subscription(&target));
        }
        if let Place::Unknown(kind) = &target.place {
            return Err(unknown_type(kind, &version));
        }
        let Some((right, action)) = target.place.action(&request.method) else {
            let uri = format!("{}{}?{}", request.origin, request.path, request.query);
            return Err(Refusal::method(&uri, &version, &request.method));
        };
        let (method, subscription) = (request.method.as_str(), self.options.subscription.as_str());
        *headers = self.limits.take(&target.place, method, right, &self.switches, subscription, now)?;
        if !allowed(self.switches.role, right) {
            return Err(self.forbidden(&action, &request.path));
        }
        self.check_scope(&target, &action, &request.path)?;
        let onboarded = !Switches::lists(&self.switches.not_onboarded, &target.workspace);
        let missing = workspace_missing(&target);
        let call = Call { request, query, version };
        let mut desk = self.app_desk(&target.workspace, now).ok_or(missing)?;
        if !onboarded {
            return Err(not_onboarded(&target));
        }
        run(&mut desk, &call, &target.place)
    }

    fn version(&self, query: &Query) -> Result<String, Refusal> {
        let Some(version) = query.get("api-version").filter(|v| !v.is_empty()) else {
            let message = "The api-version query parameter (?api-version=) is required for all requests.";
            return Err(Refusal::gateway(400, "MissingApiVersionParameter", message));
        };
        let lower = version.to_ascii_lowercase();
        let supported = |v: &&&str| self.switches.preview_versions || !v.ends_with("-preview");
        let all: Vec<&str> = VERSIONS.iter().filter(supported).copied().collect();
        if all.contains(&lower.as_str()) {
            return Ok(lower);
        }
        let list = all.join(",");
        if !is_version(&lower) {
            let message =
                format!("The api-version '{version}' is invalid. The supported versions are '{list}'.");
            return Err(Refusal::gateway(400, "InvalidApiVersionParameter", message));
        }
        let message = format!(
            "No registered resource provider found for location '' and API version '{version}' for type \
             'incidents'. The supported api-versions are '{list}'."
        );
        Err(Refusal::gateway(400, "NoRegisteredProviderFound", message))
    }

    fn wrong_subscription(&self, target: &Target) -> Refusal {
        let id = &target.subscription;
        if uuid::Uuid::parse_str(id).is_err() {
            let message = format!("The provided subscription identifier '{id}' is malformed or invalid.");
            return Refusal::gateway(400, "InvalidSubscriptionId", message);
        }
        if self.switches.wrong_scope == WrongScope::Forbidden {
            return self
                .forbidden("Microsoft.SecurityInsights/incidents/read", &format!("/subscriptions/{id}"));
        }
        Refusal::gateway(404, "SubscriptionNotFound", format!("The subscription '{id}' could not be found."))
    }

    fn check_scope(&self, target: &Target, action: &str, path: &str) -> Result<(), Refusal> {
        let forbidden = self.switches.wrong_scope == WrongScope::Forbidden;
        if !target.group.eq_ignore_ascii_case(&self.options.resource_group) {
            if forbidden {
                return Err(self.forbidden(action, path));
            }
            let message = format!("Resource group '{}' could not be found.", target.group);
            return Err(Refusal::gateway(404, "ResourceGroupNotFound", message));
        }
        let known = self.options.workspaces.iter().any(|w| w.eq_ignore_ascii_case(&target.workspace));
        if !known && forbidden {
            return Err(self.forbidden(action, path));
        }
        if known { Ok(()) } else { Err(workspace_missing(target)) }
    }

    fn forbidden(&self, action: &str, scope: &str) -> Refusal {
        let client = &self.options.client_id;
        let object = tokens::principal(client);
        let message = format!(
            "The client '{client}' with object id '{object}' does not have authorization to perform action \
             '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please \
             refresh your credentials."
        );
        Refusal::gateway(403, "AuthorizationFailed", message)
    }

    /// Adds what every answer of the resource manager carries.
    fn sign(&mut self, request: &Request, response: Response, now: Stamp) -> Response {
        let id = guid_of(&mut self.wire_rng);
        let given =
            request.header("x-ms-correlation-request-id").filter(|c| uuid::Uuid::parse_str(c).is_ok());
        let correlation = given.map_or_else(|| guid_of(&mut self.wire_rng), str::to_owned);
        let response = response
            .with("cache-control", "no-cache")
            .with("pragma", "no-cache")
            .with("expires", "-1")
            .with("x-ms-request-id", id.clone())
            .with("x-ms-correlation-request-id", correlation)
            .with("x-ms-routing-request-id", format!("WESTEUROPE:{}:{id}", compact_time(now)))
            .with("strict-transport-security", "max-age=31536000; includeSubDomains")
            .with("x-content-type-options", "nosniff");
        let echo =
            request.header("x-ms-return-client-request-id").is_some_and(|v| v.eq_ignore_ascii_case("true"));
        match request.header("x-ms-client-request-id") {
            Some(id) if echo => response.with("x-ms-client-request-id", id),
            _ => response,
        }
    }
}

/// Runs an admitted operation.
fn run(desk: &mut Desk<'_>, call: &Call<'_>, place: &Place) -> Answer {
    let method = call.request.method.as_str();
    match (method, place) {
        ("GET", Place::Onboarding) => onboarding(desk),
        ("GET", Place::Incidents) => desk.list_incidents(call),
        ("GET", Place::Incident(id)) => desk.get_incident(call, id),
        ("PUT", Place::Incident(id)) => desk.put_incident(call, id),
        ("DELETE", Place::Incident(id)) => desk.delete_incident(id),
        ("POST", Place::Part(id, Part::Alerts)) => desk.alerts(call, id),
        ("POST", Place::Part(id, Part::Bookmarks)) => desk.bookmarks(call, id),
        ("POST", Place::Part(id, Part::Entities)) => desk.entities(id),
        ("POST", Place::Part(id, Part::RunPlaybook)) => desk.run_playbook(call, id),
        ("GET", Place::Part(id, Part::Comments)) => desk.list_comments(call, id),
        ("GET", Place::Item(id, Part::Comments, item)) => desk.get_comment(call, id, item),
        ("PUT", Place::Item(id, Part::Comments, item)) => desk.put_comment(call, id, item),
        ("DELETE", Place::Item(id, Part::Comments, item)) => desk.delete_comment(id, item),
        ("GET", Place::Part(id, Part::Relations)) => desk.list_relations(call, id),
        ("GET", Place::Item(id, Part::Relations, item)) => desk.get_relation(call, id, item),
        ("PUT", Place::Item(id, Part::Relations, item)) => desk.put_relation(call, id, item),
        ("DELETE", Place::Item(id, Part::Relations, item)) => desk.delete_relation(id, item),
        ("GET", Place::Part(id, Part::Tasks)) => desk.list_tasks(call, id),
        ("GET", Place::Item(id, Part::Tasks, item)) => desk.get_task(call, id, item),
        ("PUT", Place::Item(id, Part::Tasks, item)) => desk.put_task(call, id, item),
        ("DELETE", Place::Item(id, Part::Tasks, item)) => desk.delete_task(id, item),
        _ => Err(Refusal::method(&call.request.path, &call.version, method)),
    }
}

fn onboarding(desk: &Desk<'_>) -> Answer {
    let id = format!("{}/onboardingStates/default", desk.shop.base);
    success(
        200,
        &serde_json::json!({
            "id": id,
            "name": "default",
            "etag": format!("\"{}\"", desk.shop.id),
            "type": "Microsoft.SecurityInsights/onboardingStates",
            "properties": {"customerManagedKey": false},
        }),
    )
}

fn allowed(role: Role, right: Right) -> bool {
    match role {
        Role::Contributor => true,
        Role::Responder => right != Right::Delete,
        Role::Reader => right == Right::Read,
        Role::None => false,
    }
}

/// `YYYY-MM-DD` with or without `-preview`.
fn is_version(version: &str) -> bool {
    let date = version.strip_suffix("-preview").unwrap_or(version);
    date.len() == 10
        && date
            .bytes()
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() })
}

fn no_route(request: &Request) -> Refusal {
    let message = format!("No route was found for '{} {}'.", request.method, request.path);
    Refusal::gateway(404, "NotFound", message)
}

fn unknown_type(kind: &str, version: &str) -> Refusal {
    let message = format!(
        "The resource type '{kind}' could not be found in the namespace 'Microsoft.SecurityInsights' for api \
         version '{version}'. The supported api-versions are '{}'.",
        VERSIONS.join(",")
    );
    Refusal::gateway(404, "InvalidResourceType", message)
}

fn workspace_missing(target: &Target) -> Refusal {
    let message = format!(
        "The Resource 'Microsoft.OperationalInsights/workspaces/{}' under resource group '{}' was not found. \
         For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        target.workspace, target.group
    );
    Refusal::gateway(404, "ResourceNotFound", message)
}

/// Wording unverified; the code tells it from a missing incident.
fn not_onboarded(target: &Target) -> Refusal {
    let message = format!("Workspace '{}' is not onboarded to Microsoft Sentinel.", target.workspace);
    Refusal::new(404, "ResourceNotFound", message)
}
