//! Rate limits: the gateway's token buckets and the provider's five-minute floors, both scaled by
//! a factor (sentinel-api 5.2).

use std::collections::BTreeMap;
use std::time::Duration;

use super::errors::Refusal;
use super::route::{Place, Right};
use super::switches::{PostCounts, Switches, Throttle};
use crate::text::Stamp;

/// The provider counts in windows of this length.
const WINDOW: Duration = Duration::from_secs(300);
/// The bucket of all principals of a subscription is that many times one principal's.
const GLOBAL: f64 = 15.0;
/// Asking again too early lengthens the wait by this much, up to the longest.
const PENALTY: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What was used of every limit.
#[derive(Default)]
pub(super) struct Limits {
    buckets: BTreeMap<Right, Bucket>,
    windows: BTreeMap<&'static str, Window>,
}

#[derive(Default)]
struct Bucket {
    /// Tokens used and not yet refilled.
    used: f64,
    at: Stamp,
    gate: Gate,
}

#[derive(Default)]
struct Window {
    from: Stamp,
    count: f64,
    gate: Gate,
}

/// Until when everyone is refused.
#[derive(Default)]
struct Gate(Stamp);

impl Gate {
    /// Refuses who comes before the time that was given, and gives a later one.
    fn pass(&mut self, now: Stamp) -> Result<(), Duration> {
        if now >= self.0 {
            return Ok(());
        }
        self.0 = self.0.plus(PENALTY).min(now.plus(LONGEST_WAIT));
        Err(self.0.since(now))
    }

    fn close(&mut self, now: Stamp, wait: Duration) -> Duration {
        self.0 = now.plus(wait);
        wait
    }
}

/// Headers of an answer.
pub(super) type Headers = Vec<(&'static str, String)>;

impl Limits {
    /// Counts one request. Gives the headers that tell what is left, or the 429.
    pub fn take(
        &mut self,
        place: &Place,
        method: &str,
        right: Right,
        switches: &Switches,
        subscription: &str,
        now: Stamp,
    ) -> Result<Headers, Refusal> {
        let counted = match (method, switches.post_counts_as) {
            ("POST", PostCounts::Write) => Right::Write,
            _ => right,
        };
        let factor = switches.throttle_factor;
        let (full, per_second) = match counted {
            Right::Read => (250.0 * factor, 25.0 * factor),
            Right::Write | Right::Delete => (200.0 * factor, 10.0 * factor),
        };
        let (word, bucket) = (word(counted), self.buckets.entry(counted).or_default());
        bucket.refill(per_second, now);
        if switches.throttle == Throttle::Free {
            return Ok(remaining(word, full - 1.0, full));
        }
        bucket.take(full, per_second, now).map_err(|wait| gateway(word, subscription, wait))?;
        let mut headers = remaining(word, full - bucket.used, full);
        if let (Throttle::Floor, Some((endpoint, floor))) = (switches.throttle, place.floor(right)) {
            let window = self.windows.entry(endpoint).or_default();
            let left = window.take((floor * factor).max(1.0), now).map_err(provider)?;
            headers.push(("x-ms-ratelimit-remaining-subscription-resource-requests", whole(left)));
        }
        Ok(headers)
    }
}

impl Bucket {
    fn refill(&mut self, per_second: f64, now: Stamp) {
        self.used = (self.used - per_second * now.since(self.at).as_secs_f64()).max(0.0);
        self.at = self.at.max(now);
    }

    fn take(&mut self, full: f64, per_second: f64, now: Stamp) -> Result<(), Duration> {
        self.gate.pass(now)?;
        if self.used + 1.0 > full.max(1.0) {
            let missing = self.used + 1.0 - full.max(1.0);
            return Err(self.gate.close(now, whole_seconds(missing / per_second)));
        }
        self.used += 1.0;
        Ok(())
    }
}

impl Window {
    fn take(&mut self, floor: f64, now: Stamp) -> Result<f64, Duration> {
        self.gate.pass(now)?;
        if now.since(self.from) >= WINDOW {
            (self.from, self.count) = (now, 0.0);
        }
        if self.count + 1.0 > floor {
            let wait = self.from.plus(WINDOW).since(now);
            return Err(self.gate.close(now, whole_seconds(wait.as_secs_f64())));
        }
        self.count += 1.0;
        Ok(floor - self.count)
    }
}

/// Retry-After counts whole seconds, at least one.
fn whole_seconds(seconds: f64) -> Duration {
    Duration::from_secs(seconds.ceil().clamp(1.0, LONGEST_WAIT.as_secs_f64()) as u64)
}

fn seconds(wait: Duration) -> u64 {
    wait.as_micros().div_ceil(1_000_000).max(1) as u64
}

fn whole(left: f64) -> String {
    (left.max(0.0) as u64).to_string()
}

fn word(right: Right) -> &'static str {
    match right {
        Right::Read => "reads",
        Right::Write => "writes",
        Right::Delete => "deletes",
    }
}

fn remaining(word: &str, left: f64, full: f64) -> Headers {
    let (own, global) = match word {
        "reads" => (
            "x-ms-ratelimit-remaining-subscription-reads",
            "x-ms-ratelimit-remaining-subscription-global-reads",
        ),
        "writes" => (
            "x-ms-ratelimit-remaining-subscription-writes",
            "x-ms-ratelimit-remaining-subscription-global-writes",
        ),
        _ => (
            "x-ms-ratelimit-remaining-subscription-deletes",
            "x-ms-ratelimit-remaining-subscription-global-deletes",
        ),
    };
    vec![(own, whole(left)), (global, whole(full * GLOBAL - (full - left)))]
}

fn gateway(word: &str, subscription: &str, wait: Duration) -> Refusal {
    let wait = seconds(wait);
    let message = format!(
        "Number of '{word}' requests for subscription '{subscription}' exceeded. Please try again after \
         '{wait}' seconds after additional tokens are available. Refer to https://aka.ms/arm-throttling for \
         additional information."
    );
    Refusal::gateway(429, "SubscriptionRequestsThrottled", message).with("retry-after", wait.to_string())
}

fn provider(wait: Duration) -> Refusal {
    let wait = seconds(wait);
    let message = format!("Too many requests. Please try again after '{wait}' seconds.");
    Refusal::new(429, "TooManyRequests", message).with("retry-after", wait.to_string())
}
