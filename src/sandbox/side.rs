//! Which of the two servers something belongs to, and what a request asks of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::wire::Request;

/// One of the two reference servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Entra and Microsoft Sentinel.
    Sentinel,
    /// ServiceNow.
    ServiceNow,
}

impl Side {
    /// Both, Sentinel first.
    pub const BOTH: [Side; 2] = [Side::Sentinel, Side::ServiceNow];

    /// `sentinel` or `servicenow`, as flags and JSON write it.
    pub fn name(self) -> &'static str {
        match self {
            Side::Sentinel => "sentinel",
            Side::ServiceNow => "servicenow",
        }
    }

    pub(crate) fn index(self) -> usize {
        match self {
            Side::Sentinel => 0,
            Side::ServiceNow => 1,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Side {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Side::BOTH
            .into_iter()
            .find(|side| side.name() == text)
            .ok_or_else(|| format!("{text:?} is no side; use sentinel or servicenow"))
    }
}

/// Operations of the Sentinel server that a latency can name.
pub const SENTINEL_OPERATIONS: &[&str] = &[
    "token",
    "discovery",
    "list",
    "get",
    "put",
    "delete",
    "comments",
    "comment",
    "alerts",
    "entities",
    "relations",
    "tasks",
    "other",
];

/// Operations of the ServiceNow server that a latency can name.
pub const SERVICENOW_OPERATIONS: &[&str] =
    &["token", "query", "get", "insert", "update", "delete", "batch", "attachment", "stats", "other"];

/// The names that `operation` can give for a side.
pub fn operations(side: Side) -> &'static [&'static str] {
    match side {
        Side::Sentinel => SENTINEL_OPERATIONS,
        Side::ServiceNow => SERVICENOW_OPERATIONS,
    }
}

/// What a request asks for, by its method and path alone; always one of [`operations`].
pub fn operation(side: Side, request: &Request) -> &'static str {
    match side {
        Side::Sentinel => sentinel_operation(&request.method, &request.path),
        Side::ServiceNow => servicenow_operation(&request.method, &request.path),
    }
}

fn sentinel_operation(method: &str, path: &str) -> &'static str {
    let path = path.to_ascii_lowercase();
    if path.contains("/.well-known/") {
        return "discovery";
    }
    if path.contains("/oauth2/") {
        return "token";
    }
    let Some((_, rest)) = path.split_once("/providers/microsoft.securityinsights/incidents") else {
        return "other";
    };
    let parts: Vec<&str> = rest.split('/').filter(|p| !p.is_empty()).collect();
    match (method, parts.as_slice()) {
        ("GET", []) => "list",
        ("GET", [_]) => "get",
        ("PUT", [_]) => "put",
        ("DELETE", [_]) => "delete",
        ("GET", [_, "comments"]) => "comments",
        (_, [_, "comments", ..]) => "comment",
        (_, [_, "alerts", ..]) => "alerts",
        (_, [_, "entities", ..]) => "entities",
        (_, [_, "relations", ..]) => "relations",
        (_, [_, "tasks", ..]) => "tasks",
        _ => "other",
    }
}

/// The operation of a ServiceNow call; batch items carry the same two facts.
pub(crate) fn servicenow_operation(method: &str, path: &str) -> &'static str {
    let path = path.split('?').next().unwrap_or_default();
    if path == "/oauth_token.do" {
        return "token";
    }
    let Some(rest) = path.strip_prefix("/api/now/") else { return "other" };
    let rest = rest.strip_prefix("v1/").or_else(|| rest.strip_prefix("v2/")).unwrap_or(rest);
    let parts: Vec<&str> = rest.split('/').filter(|p| !p.is_empty()).collect();
    match (method, parts.as_slice()) {
        ("GET" | "HEAD", ["table", _]) => "query",
        ("GET" | "HEAD", ["table", _, _]) => "get",
        ("POST", ["table", _]) => "insert",
        ("PUT" | "PATCH", ["table", _, _]) => "update",
        ("DELETE", ["table", _, _]) => "delete",
        (_, ["batch"]) => "batch",
        (_, ["attachment", ..]) => "attachment",
        (_, ["stats", ..]) => "stats",
        _ => "other",
    }
}

/// True when the call can change something in the world.
pub fn is_write(side: Side, request: &Request) -> bool {
    match operation(side, request) {
        "token" | "discovery" | "alerts" | "entities" | "stats" => false,
        "batch" => true,
        _ => !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(side: Side, method: &str, path: &str) -> &'static str {
        let request = Request { method: method.into(), path: path.into(), ..Request::default() };
        let op = operation(side, &request);
        assert!(operations(side).contains(&op), "{op}");
        op
    }

    #[test]
    fn operations_follow_method_and_path() {
        let base = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/w/\
                    providers/Microsoft.SecurityInsights/Incidents";
        assert_eq!(ask(Side::Sentinel, "GET", base), "list");
        assert_eq!(ask(Side::Sentinel, "PUT", &format!("{base}/1")), "put");
        assert_eq!(ask(Side::Sentinel, "GET", &format!("{base}/1/comments")), "comments");
        assert_eq!(ask(Side::Sentinel, "PUT", &format!("{base}/1/comments/2")), "comment");
        assert_eq!(ask(Side::Sentinel, "POST", "/t/oauth2/v2.0/token"), "token");
        assert_eq!(ask(Side::ServiceNow, "POST", "/api/now/v2/table/incident"), "insert");
        assert_eq!(ask(Side::ServiceNow, "GET", "/api/now/table/incident"), "query");
        assert_eq!(ask(Side::ServiceNow, "PATCH", "/api/now/table/incident/1"), "update");
        assert_eq!(ask(Side::ServiceNow, "POST", "/api/now/v1/batch"), "batch");
        assert_eq!(ask(Side::ServiceNow, "GET", "/login.do"), "other");
    }
}
