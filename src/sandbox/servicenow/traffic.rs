//! Counting requests: the hourly rule, the semaphore queue, and the failures that strike every
//! n-th request (servicenow-api, 7).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::answer::{JSON, failure};
use super::switches::Switches;
use crate::sandbox::wire::Response;
use crate::text::Stamp;

/// `sys_id` of the one inbound rule.
const RULE: &str = "8a1f0b5297bb4110d21cfa7b31e7c0de";

/// What was asked so far.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    requests: u64,
    lists: u64,
    /// Per user: start of the window and requests in it.
    windows: BTreeMap<String, (Stamp, u64)>,
}

/// Where a user stands in the hourly window.
pub(super) struct Quota {
    limit: u64,
    used: u64,
    reset: Stamp,
}

impl Quota {
    /// True if this request is one too many.
    pub(super) fn exceeded(&self) -> bool {
        self.used > self.limit
    }

    /// Adds the headers that requests under a rule carry.
    pub(super) fn mark(&self, response: Response) -> Response {
        response
            .with("x-ratelimit-limit", self.limit.to_string())
            .with("x-ratelimit-reset", (self.reset.0 / 1_000_000).to_string())
            .with("x-ratelimit-rule", RULE)
    }

    /// The 429 of the rule.
    pub(super) fn refusal(&self, now: Stamp) -> Response {
        let detail = format!("Rate limit of {} requests per hour for Table API exceeded", self.limit);
        let wait = self.reset.since(now).as_secs() + 1;
        self.mark(failure(429, "Rate limit exceeded", Some(&detail))).with("retry-after", wait.to_string())
    }
}

impl Traffic {
    /// Counts one request and gives the failure that strikes it, if one does.
    pub(super) fn strike(&mut self, switches: &Switches) -> Option<Response> {
        self.requests += 1;
        if every(self.requests, switches.dropped_202_every) {
            return Some(Response::new(202));
        }
        if every(self.requests, switches.semaphore_429_every) {
            let detail = "Request queue of semaphore API_INT is full";
            return Some(failure(429, "Too many requests", Some(detail)));
        }
        None
    }

    /// True if this request gets a 401 in spite of good credentials.
    pub(super) fn flaky(&self, switches: &Switches) -> bool {
        every(self.requests, switches.flaky_401_every)
    }

    /// Counts one request of that user against the hourly rule, if there is one.
    pub(super) fn count(&mut self, switches: &Switches, user: &str, now: Stamp) -> Option<Quota> {
        let limit = switches.rate_limit_per_hour;
        if limit == 0 {
            return None;
        }
        let hour = Duration::from_secs(3600);
        let start = match switches.rate_window_on_the_hour {
            true => Stamp(now.0 - now.0.rem_euclid(3_600_000_000)),
            false => now,
        };
        let window = self.windows.entry(user.to_owned()).or_insert((start, 0));
        if window.0.plus(hour) <= now {
            *window = (start, 0);
        }
        window.1 += 1;
        Some(Quota { limit, used: window.1, reset: window.0.plus(hour) })
    }

    /// True if this list of so many rows runs into the transaction quota.
    pub(super) fn cancels_list(&mut self, switches: &Switches, rows: usize) -> bool {
        self.lists += 1;
        let most = usize::try_from(switches.cancelled_list_rows).unwrap_or(usize::MAX);
        every(self.lists, switches.cancelled_list_every) || most > 0 && rows > most
    }
}

fn every(count: u64, n: u64) -> bool {
    n > 0 && count.is_multiple_of(n)
}

/// What a cancelled transaction leaves: the first half of the answer, then an error object.
pub(super) fn cancelled(switches: &Switches, body: &[u8]) -> Response {
    let error = json!({
        "message": "Transaction cancelled: maximum execution time exceeded",
        "detail": "Transaction cancelled: maximum execution time exceeded Check logs for error trace or enable glide.rest.debug property to verify REST request processing",
    });
    if switches.cancelled_is_500 {
        return Response::json(500, JSON, &json!({"error": error, "status": "failure"}));
    }
    let text = String::from_utf8_lossy(body);
    let mut half = text.len() / 2;
    while !text.is_char_boundary(half) {
        half -= 1;
    }
    let cut = text.get(..half).unwrap_or("");
    Response {
        status: 200,
        headers: vec![("content-type".into(), JSON.into())],
        body: format!("{cut},\"error\":{error},\"status\":\"failure\"}}").into_bytes(),
    }
}
