//! The requests of a model: to Sentinel, to ServiceNow, and what comes of them.

use std::time::Duration;

use diptych::http::{HttpRequest, Method};
use diptych::sandbox::wire::{Request, World};
use serde_json::{Value, json};
use url::Url;

use super::Trait;
use super::wire::Wire;
use crate::simulation::{DESK, SENTINEL, SUBSCRIPTION, TENANT, USER, WORKSPACE};

/// Time that every exchange over the network takes at least.
const WAY: Duration = Duration::from_millis(50);
/// Pages that a model reads of one list at most.
const PAGES: usize = 40;

/// Why there is no answer to work with.
#[derive(Clone, Debug, PartialEq)]
pub enum Lost {
    /// The line broke, or what came was no JSON.
    Line,
    /// The server refused.
    Status(u16),
    /// The process that asked is dead.
    Killed,
}

/// What a call gives.
pub type Got<T> = Result<T, Lost>;

/// A failure that an algorithm only logs: no value. Death is no such failure.
pub fn logged<T>(got: Got<T>) -> Got<Option<T>> {
    match got {
        Ok(value) => Ok(Some(value)),
        Err(Lost::Killed) => Err(Lost::Killed),
        Err(_) => Ok(None),
    }
}

impl Wire<'_> {
    fn exchange(&mut self, method: Method, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Got<Value> {
        let last = self.count_down()?;
        let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let url = Url::parse(url).map_err(|_| Lost::Line)?;
        let request = HttpRequest { method, url, headers, body: body.to_vec(), limit: usize::MAX };
        let (answer, took) = self.run.sim.carry_foreign(request);
        self.play_until(self.now() + took + WAY);
        if let Some(down) = last {
            return Err(self.die(down));
        }
        let answer = answer.map_err(|_| Lost::Line)?;
        read(answer.status, &answer.body)
    }

    /// A call to Sentinel below the workspace, with a token that is fetched anew when it is old or
    /// was refused.
    pub fn sentinel(&mut self, method: Method, target: &str, body: &Value) -> Got<Value> {
        let sign = if target.contains('?') { '&' } else { '?' };
        let url = format!("{}{target}{sign}api-version=2025-09-01", incidents());
        self.authorized(method, &url, body)
    }

    fn authorized(&mut self, method: Method, url: &str, body: &Value) -> Got<Value> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        for again in [false, true] {
            let bearer = format!("Bearer {}", self.token()?);
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
            match self.exchange(method, url, &headers, &body) {
                Err(Lost::Status(401)) if !again => self.token = None,
                other => return other,
            }
        }
        Err(Lost::Status(401))
    }

    fn token(&mut self) -> Got<String> {
        if let Some((token, until)) = &self.token
            && *until > self.now()
        {
            return Ok(token.clone());
        }
        let form = format!(
            "grant_type=client_credentials&client_id=app&client_secret=secret&scope={}",
            url::form_urlencoded::byte_serialize(format!("{SENTINEL}/.default").as_bytes())
                .collect::<String>()
        );
        let url = format!("{SENTINEL}/{TENANT}/oauth2/v2.0/token");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let got = self.exchange(Method::Post, &url, &headers, form.as_bytes())?;
        let token = got["access_token"].as_str().ok_or(Lost::Line)?.to_owned();
        self.token = Some((token.clone(), self.now() + Duration::from_secs(1800)));
        Ok(token)
    }

    /// Every incident that a filter lets through, all pages.
    pub fn list(&mut self, filter: &str) -> Got<Vec<Value>> {
        let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let mut url = format!("{}?api-version=2025-09-01&$filter={filter}", incidents());
        let mut all = Vec::new();
        for _ in 0..PAGES {
            let page = self.authorized(Method::Get, &url, &Value::Null)?;
            all.extend(page["value"].as_array().ok_or(Lost::Line)?.iter().cloned());
            let Some(next) = page["nextLink"].as_str().and_then(|n| Url::parse(n).ok()) else { break };
            // Only the page mark is taken from the link, so it cannot lead elsewhere.
            url = format!("{SENTINEL}{}?{}", next.path(), next.query().unwrap_or_default());
        }
        Ok(all)
    }

    /// A call to ServiceNow: over the network, or straight to the tables for an application that
    /// runs inside the instance, where no network can fail.
    pub fn desk(&mut self, method: Method, target: &str, body: &Value) -> Got<Value> {
        let credential = base64(&format!("{USER}:password"));
        let headers = [("authorization", credential.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let url = format!("{DESK}/api/now/table/{target}");
        if !self.has(Trait::Inside) {
            return self.exchange(method, &url, &headers, &body);
        }
        let last = self.count_down()?;
        let url = Url::parse(&url).map_err(|_| Lost::Line)?;
        let request = Request {
            method: method.word().to_owned(),
            origin: DESK.into(),
            path: url.path().to_owned(),
            query: url.query().unwrap_or_default().to_owned(),
            headers: headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            body,
        };
        let now = self.clock();
        let answer = self.run.sim.stage.with_desk(|d| d.handle(&request, now));
        if let Some(down) = last {
            return Err(self.die(down));
        }
        read(answer.status, &answer.body)
    }

    /// Replaces an incident: everything as it was seen, but for some properties.
    pub fn replace(&mut self, seen: &Value, changes: &[(&str, Value)]) -> Got<Value> {
        const WRITABLE: [&str; 10] = [
            "title",
            "description",
            "severity",
            "status",
            "labels",
            "owner",
            "classification",
            "classificationReason",
            "classificationComment",
            "firstActivityTimeUtc",
        ];
        let mut properties = json!({});
        for name in WRITABLE.into_iter().chain(["lastActivityTimeUtc"]) {
            if let Some(value) = seen["properties"].get(name) {
                properties[name] = value.clone();
            }
        }
        for (name, value) in changes {
            properties[*name] = value.clone();
        }
        let target = format!("/{}", text(seen, "name"));
        self.sentinel(Method::Put, &target, &json!({"etag": seen["etag"], "properties": properties}))
    }
}

fn incidents() -> String {
    format!(
        "{SENTINEL}/subscriptions/{SUBSCRIPTION}/resourceGroups/soc/providers/Microsoft.OperationalInsights\
         /workspaces/{WORKSPACE}/providers/Microsoft.SecurityInsights/incidents"
    )
}

fn base64(pair: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

fn read(status: u16, body: &[u8]) -> Got<Value> {
    if status >= 400 {
        return Err(Lost::Status(status));
    }
    serde_json::from_slice(body).map_err(|_| Lost::Line)
}

/// A text member, empty when it is none.
pub fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}
