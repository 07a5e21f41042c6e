//! The admin endpoint: switches, faults, analysts, acts and facts of both worlds over HTTP with a
//! bearer token.
//!
//! | call | does |
//! |---|---|
//! | `GET /switches` | every switch of both sides |
//! | `PUT /switches/{side}/{name}` | sets one; the body is its JSON value |
//! | `GET /faults`, `POST /faults {"profile": "heavy"}` | counters; another profile, and `latency`, `hang`, `transaction`, `late` |
//! | `GET /analysts`, `POST /analysts {"rate": 1.5}` | acts per second |
//! | `POST /act {…}` | one act on either side, see `act/portal.rs` and `act/record.rs` |
//! | `GET /facts/{workspace or table}` below `sentinel/` or `servicenow/` | the present, as it is |
//! | `GET /history?from=N` | every applied change, from the Nth on |
//! | `GET /traffic` | calls served |
//! | `POST /stop` | ends the sandbox |

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use super::options::parse_rate;
use super::side::Side;
use super::stage::Stage;
use super::wire::{Request, Response};
use crate::text::{Stamp, parse_span};

mod act;
mod facts;

/// Answers admin calls.
pub(crate) struct Admin {
    stage: Arc<Stage>,
    token: String,
    stop: watch::Sender<bool>,
}

/// What `POST /faults` may change; absent members stay as they are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultOrder {
    profile: Option<String>,
    latency: Option<String>,
    hang: Option<String>,
    transaction: Option<String>,
    late: Option<String>,
}

/// Why a call was refused: status and reason.
type Refusal = (u16, String);

fn bad(reason: impl ToString) -> Refusal {
    (400, reason.to_string())
}

impl Admin {
    /// An endpoint that only this token opens.
    pub fn new(stage: Arc<Stage>, token: String, stop: watch::Sender<bool>) -> Self {
        Self { stage, token, stop }
    }

    /// Answers one call.
    pub fn handle(&self, request: &Request, now: Stamp) -> Response {
        if !self.admits(request) {
            return reply(401, &json!({"error": "send Authorization: Bearer with the admin token"}))
                .with("www-authenticate", "Bearer");
        }
        match self.route(request, now) {
            Ok(value) => reply(200, &value),
            Err((status, reason)) => reply(status, &json!({"error": reason})),
        }
    }

    fn admits(&self, request: &Request) -> bool {
        let sent = request.header("authorization").and_then(|h| h.strip_prefix("Bearer "));
        sent.is_some_and(|sent| bool::from(sent.as_bytes().ct_eq(self.token.as_bytes())))
    }

    fn route(&self, request: &Request, now: Stamp) -> Result<Value, Refusal> {
        let decoded: Vec<String> = request.path.split('/').skip(1).map(decode).collect();
        let parts: Vec<&str> = decoded.iter().map(String::as_str).collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["switches"]) => Ok(self.switches()),
            ("PUT", ["switches", side, name]) => self.set_switch(side, name, &body(request)?),
            ("GET", ["faults"]) => Ok(self.stage.with_faults(|plan| plan.report())),
            ("POST", ["faults"]) => self.set_faults(body(request)?),
            ("GET", ["analysts"]) => Ok(json!({"rate": self.stage.rate()})),
            ("POST", ["analysts"]) => self.set_analysts(&body(request)?),
            ("POST", ["act"]) => act::carry_out(&self.stage, body(request)?, now).map_err(bad),
            ("GET", ["facts", "sentinel", workspace]) => facts::workspace(&self.stage, workspace),
            ("GET", ["facts", "servicenow", table]) => Ok(facts::table(&self.stage, table)),
            ("GET", ["history"]) => facts::history(&self.stage, request),
            ("GET", ["traffic"]) => Ok(json!(self.stage.traffic())),
            ("POST", ["stop"]) => {
                self.stop.send_replace(true);
                Ok(json!({"stopping": true}))
            }
            _ => Err((404, format!("there is no {} {}", request.method, request.path))),
        }
    }

    fn switches(&self) -> Value {
        let all = Side::BOTH.map(|side| (side.name(), self.stage.with_world(side, |w| w.switches())));
        Value::Object(all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    fn set_switch(&self, side: &str, name: &str, value: &Value) -> Result<Value, Refusal> {
        let side: Side = side.parse().map_err(bad)?;
        self.stage.with_world(side, |world| {
            world.set_switch(name, value).map_err(bad)?;
            Ok(world.switches())
        })
    }

    fn set_faults(&self, body: Value) -> Result<Value, Refusal> {
        let order: FaultOrder = serde_json::from_value(body).map_err(bad)?;
        let span = |text: Option<String>| text.as_deref().map(parse_span).transpose().map_err(bad);
        let profile = order.profile.as_deref().map(str::parse).transpose().map_err(bad)?;
        let latency = order.latency.as_deref().map(str::parse).transpose().map_err(bad)?;
        let (hang, late) = (span(order.hang)?, span(order.late)?);
        let transaction = span(order.transaction)?;
        self.stage.with_faults(|plan| {
            plan.set_profile(profile.unwrap_or_else(|| plan.profile()));
            plan.latency = latency.unwrap_or_else(|| plan.latency.clone());
            plan.hang = hang.unwrap_or(plan.hang);
            plan.transaction = transaction.unwrap_or(plan.transaction);
            plan.late = late.unwrap_or(plan.late);
            Ok(plan.report())
        })
    }

    fn set_analysts(&self, body: &Value) -> Result<Value, Refusal> {
        let rate = match &body["rate"] {
            Value::Number(n) => parse_rate(&n.to_string()),
            Value::String(text) => parse_rate(text),
            _ => Err("send a rate, for example 1.5 or \"30/m\"".to_owned()),
        };
        self.stage.set_rate(rate.map_err(bad)?);
        Ok(json!({"rate": self.stage.rate()}))
    }
}

fn decode(part: &str) -> String {
    // The form decoder reads percent escapes; a plus sign in a path is a plus sign.
    let part = part.replace('+', "%2B");
    url::form_urlencoded::parse(part.as_bytes()).next().map_or_else(String::new, |(k, _)| k.into_owned())
}

fn body(request: &Request) -> Result<Value, Refusal> {
    serde_json::from_slice(&request.body).map_err(|e| bad(format!("the body is no JSON: {e}")))
}

fn reply(status: u16, value: &Value) -> Response {
    Response::json(status, "application/json", value)
}
