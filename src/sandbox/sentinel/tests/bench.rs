//! A small world with one workspace and a client that asks it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::people::{CAST, Person};
use crate::sandbox::sentinel::{
    AlertDraft, IncidentAct, IncidentDraft, Secret, SentinelOptions, SentinelWorld,
};
use crate::sandbox::wire::{Request, Response, World};
use crate::text::Stamp;

pub const TENANT: &str = "11111111-2222-4333-8444-555555555555";
pub const CLIENT: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
pub const BASE: &str = "/subscriptions/0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e/resourceGroups/rg-soc/providers/\
                        Microsoft.OperationalInsights/workspaces/soc/providers/Microsoft.SecurityInsights";
pub const VERSION: &str = "2025-09-01";

pub struct Bench {
    pub world: SentinelWorld,
    pub now: Stamp,
    pub token: String,
}

pub fn options() -> SentinelOptions {
    SentinelOptions {
        seed: 7,
        tenant: TENANT.into(),
        client_id: CLIENT.into(),
        client_secrets: vec![
            Secret { value: "old~secret".into(), expires: Stamp::parse_rfc3339("2026-01-01T00:00:00Z") },
            Secret { value: "s3cr+t &~".into(), expires: None },
        ],
        subscription: "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e".into(),
        resource_group: "rg-soc".into(),
        workspaces: vec!["soc".into(), "lab".into()],
    }
}

impl Bench {
    /// A world with a valid token in hand.
    pub fn new() -> Self {
        let mut bench = Self {
            world: SentinelWorld::new(options()),
            now: Stamp::parse_rfc3339("2026-11-21T13:40:19.123456Z").unwrap(),
            token: String::new(),
        };
        bench.login("s3cr+t &~");
        bench
    }

    pub fn login(&mut self, secret: &str) -> Response {
        let response = self.form(
            &format!("/{TENANT}/oauth2/v2.0/token"),
            &[
                ("grant_type", "client_credentials"),
                ("client_id", CLIENT),
                ("client_secret", secret),
                ("scope", "https://management.azure.com/.default"),
                ("client_info", "1"),
            ],
        );
        if response.status == 200 {
            self.token = body(&response)["access_token"].as_str().unwrap().to_owned();
        }
        response
    }

    pub fn form(&mut self, path: &str, pairs: &[(&str, &str)]) -> Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = Request {
            method: "POST".into(),
            origin: "https://localhost:8443".into(),
            path: path.into(),
            headers: vec![("content-type".into(), "application/x-www-form-urlencoded".into())],
            body: body.into_bytes(),
            ..Request::default()
        };
        self.world.handle(&request, self.now)
    }

    /// Any request with the token; `target` is path and query.
    pub fn send(&mut self, method: &str, target: &str, body: &Value) -> Response {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            method: method.into(),
            origin: "https://localhost:8443".into(),
            path: path.into(),
            query: query.into(),
            headers: vec![("authorization".into(), format!("Bearer {}", self.token))],
            body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
        };
        self.world.handle(&request, self.now)
    }

    /// A request below the workspace, with our api-version.
    pub fn call(&mut self, method: &str, path: &str, body: &Value) -> Response {
        self.send(method, &format!("{BASE}{path}?api-version={VERSION}"), body)
    }

    pub fn get(&mut self, path: &str) -> Value {
        let response = self.call("GET", path, &Value::Null);
        assert_eq!(response.status, 200, "{}", body(&response));
        body(&response)
    }

    pub fn incident(&mut self, guid: &str) -> Value {
        self.get(&format!("/incidents/{guid}"))
    }

    /// Titles of the incidents that a filter finds, or the error's message.
    pub fn find(&mut self, filter: &str) -> Result<Vec<String>, String> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("api-version", VERSION)
            .append_pair("$filter", filter)
            .append_pair("$orderby", "properties/incidentNumber asc")
            .finish();
        let response = self.send("GET", &format!("{BASE}/incidents?{query}"), &Value::Null);
        let answer = body(&response);
        if response.status != 200 {
            return Err(answer["error"]["message"].as_str().unwrap().to_owned());
        }
        Ok(titles(&answer))
    }

    pub fn tick(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    pub fn set(&mut self, name: &str, value: Value) {
        self.world.set_switch(name, &value).unwrap();
    }

    pub fn raise(&mut self, title: &str) -> String {
        self.raise_draft(draft(title))
    }

    pub fn raise_draft(&mut self, draft: IncidentDraft) -> String {
        self.world.raise("soc", draft, self.now)
    }

    pub fn act(&mut self, guid: &str, act: IncidentAct) -> Result<(), String> {
        self.world.act("soc", guid, &act, noor(), self.now)
    }
}

pub fn noor() -> &'static Person {
    &CAST[0]
}

pub fn draft(title: &str) -> IncidentDraft {
    IncidentDraft {
        title: title.into(),
        description: format!("About {title}"),
        severity: "Medium".into(),
        labels: vec!["snow".into()],
        alerts: vec![alert(title)],
        techniques: vec!["T1078".into()],
        ..IncidentDraft::default()
    }
}

pub fn alert(name: &str) -> AlertDraft {
    AlertDraft {
        display_name: name.into(),
        description: "An alert".into(),
        severity: "Medium".into(),
        product: "Azure Sentinel".into(),
        vendor: "Microsoft".into(),
        tactics: vec!["InitialAccess".into()],
        remediation: vec!["Reset the password".into()],
        custom_details: vec![("Country".into(), "NL".into())],
    }
}

/// The body of a PUT that changes nothing but what `change` does to its properties.
pub fn put_of(incident: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut body = json!({"etag": incident["etag"], "properties": incident["properties"]});
    change(&mut body["properties"]);
    body
}

pub fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

pub fn code(response: &Response) -> String {
    body(response)["error"]["code"].as_str().unwrap_or_default().to_owned()
}

pub fn message(response: &Response) -> String {
    body(response)["error"]["message"].as_str().unwrap_or_default().to_owned()
}

pub fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    response.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

pub fn titles(list: &Value) -> Vec<String> {
    let rows = list["value"].as_array().unwrap();
    rows.iter().map(|r| r["properties"]["title"].as_str().unwrap().to_owned()).collect()
}
