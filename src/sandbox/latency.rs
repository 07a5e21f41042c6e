//! How long each server takes over a call, per side and per operation.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use super::side::{Side, operation, operations, servicenow_operation};
use super::wire::Request;
use crate::text::parse_span;

/// Injected delays. An operation's own delay replaces its side's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    base: BTreeMap<Side, Duration>,
    operations: BTreeMap<(Side, String), Duration>,
}

impl Latency {
    /// The delay of one call. A ServiceNow batch runs its items one after the other on the
    /// server, so it takes what they take beyond the side's own delay (documented: "not intended
    /// for parallel processing").
    pub fn of(&self, side: Side, request: &Request) -> Duration {
        if self.base.is_empty() && self.operations.is_empty() {
            return Duration::ZERO;
        }
        let op = operation(side, request);
        let mut total = self.named(side, op);
        if side == Side::ServiceNow && op == "batch" && !self.operations.is_empty() {
            let base = self.named(side, "");
            for (method, url) in batch_items(&request.body) {
                total += self.named(side, servicenow_operation(&method, &url)).saturating_sub(base);
            }
        }
        total
    }

    fn named(&self, side: Side, op: &str) -> Duration {
        let own = self.operations.get(&(side, op.to_owned()));
        own.or_else(|| self.base.get(&side)).copied().unwrap_or_default()
    }
}

fn batch_items(body: &[u8]) -> Vec<(String, String)> {
    let Ok(batch) = serde_json::from_slice::<serde_json::Value>(body) else { return Vec::new() };
    let items = batch["rest_requests"].as_array().cloned().unwrap_or_default();
    items
        .iter()
        .map(|item| {
            let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
            (text("method"), text("url"))
        })
        .collect()
}

impl FromStr for Latency {
    type Err = String;

    /// Reads `sentinel=80ms,sentinel.list=600ms,servicenow=120ms,servicenow.insert=200ms`.
    /// Empty text means no delay anywhere. Gives the reason when a part is none.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut latency = Latency::default();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let Some((target, span)) = part.split_once('=') else {
                return Err(format!("{part:?} has no delay; write for example sentinel=80ms"));
            };
            let span = parse_span(span)?;
            match target.split_once('.') {
                None => {
                    latency.base.insert(target.parse()?, span);
                }
                Some((side, op)) => {
                    let side: Side = side.parse()?;
                    if !operations(side).contains(&op) {
                        let known = operations(side).join(", ");
                        return Err(format!("{op:?} is no operation of {side}; use one of {known}"));
                    }
                    latency.operations.insert((side, op.to_owned()), span);
                }
            }
        }
        Ok(latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "sentinel=80ms,sentinel.list=600ms,servicenow=120ms,servicenow.insert=200ms";

    fn request(method: &str, path: &str, body: &str) -> Request {
        Request {
            method: method.into(),
            path: path.into(),
            body: body.as_bytes().to_vec(),
            ..Request::default()
        }
    }

    #[test]
    fn an_operation_replaces_its_side() {
        let latency: Latency = TEXT.parse().unwrap();
        let insert = request("POST", "/api/now/table/incident", "");
        let read = request("GET", "/api/now/table/incident", "");
        assert_eq!(latency.of(Side::ServiceNow, &insert), Duration::from_millis(200));
        assert_eq!(latency.of(Side::ServiceNow, &read), Duration::from_millis(120));
        assert_eq!(latency.of(Side::Sentinel, &request("GET", "/x", "")), Duration::from_millis(80));
        assert_eq!(Latency::default().of(Side::Sentinel, &read), Duration::ZERO);
    }

    #[test]
    fn a_batch_takes_what_its_items_take() {
        let latency: Latency = TEXT.parse().unwrap();
        let body = r#"{"rest_requests":[{"method":"POST","url":"/api/now/table/incident"},
            {"method":"POST","url":"/api/now/table/incident?a=b"},{"method":"GET","url":"/api/now/table/x"}]}"#;
        let batch = request("POST", "/api/now/v1/batch", body);
        assert_eq!(latency.of(Side::ServiceNow, &batch), Duration::from_millis(120 + 80 + 80));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!("sentinel".parse::<Latency>().unwrap_err().contains("80ms"));
        assert!("jira=1s".parse::<Latency>().unwrap_err().contains("servicenow"));
        assert!("sentinel.insert=1s".parse::<Latency>().unwrap_err().contains("list"));
        assert!("sentinel=80".parse::<Latency>().unwrap_err().contains("unit"));
        assert_eq!("".parse::<Latency>().unwrap(), Latency::default());
    }
}
