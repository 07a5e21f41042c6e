//! The documented limits of the resource manager and of the Sentinel provider behind it, shared
//! by every workspace of one subscription and service principal.

use std::sync::Arc;
use std::time::Duration;

use crate::http::{Clock, Door, Gate, HttpResponse, Rate};

/// Limits; `None` switches a gate off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArmRates {
    /// Resource manager, reads: 250 at once, 25 per second.
    pub reads: Option<Rate>,
    /// Resource manager, everything else: 200 at once, 10 per second. That a POST which only
    /// reads counts here is unverified.
    pub writes: Option<Rate>,
    /// Provider, for each of comments, alerts and entities: 100 reads in 5 minutes. A documented
    /// minimum, the real figure may be higher.
    pub parts: Option<Rate>,
    /// Provider, for each of incidents and comments: 75 writes in 5 minutes, a minimum as well.
    pub puts: Option<Rate>,
    /// Longest that a call waits at its gates before it is given back as throttled.
    pub patience: Duration,
}

impl Default for ArmRates {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        let five_minutes = Duration::from_secs(300);
        Self {
            reads: Some(Rate { burst: 250, count: 25, per: second }),
            writes: Some(Rate { burst: 200, count: 10, per: second }),
            parts: Some(Rate { burst: 100, count: 100, per: five_minutes }),
            puts: Some(Rate { burst: 75, count: 75, per: five_minutes }),
            patience: Duration::from_secs(2),
        }
    }
}

impl ArmRates {
    /// No gate at all; a server's own refusals are still heeded.
    pub fn off() -> Self {
        Self { reads: None, writes: None, parts: None, puts: None, ..Self::default() }
    }
}

fn gate(rate: Option<Rate>) -> Option<Gate> {
    rate.map(Gate::new)
}

/// What a request is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Incidents,
    PutIncident,
    Comments,
    PutComment,
    Alerts,
    Entities,
}

/// The gates of one subscription and principal, and the door that `Retry-After` shuts.
#[derive(Debug)]
pub struct ArmGates {
    pub(super) door: Arc<Door>,
    pub(super) patience: Duration,
    reads: Option<Gate>,
    writes: Option<Gate>,
    comments: Option<Gate>,
    alerts: Option<Gate>,
    entities: Option<Gate>,
    put_incidents: Option<Gate>,
    put_comments: Option<Gate>,
}

impl ArmGates {
    /// Open gates with these limits.
    pub fn new(rates: &ArmRates) -> Self {
        Self {
            door: Arc::new(Door::default()),
            patience: rates.patience,
            reads: gate(rates.reads),
            writes: gate(rates.writes),
            comments: gate(rates.parts),
            alerts: gate(rates.parts),
            entities: gate(rates.parts),
            put_incidents: gate(rates.puts),
            put_comments: gate(rates.puts),
        }
    }

    /// Divides every limit by the number of live lease holders (D36).
    pub fn set_share(&self, holders: u32) {
        let all = [
            &self.reads,
            &self.writes,
            &self.comments,
            &self.alerts,
            &self.entities,
            &self.put_incidents,
            &self.put_comments,
        ];
        for gate in all.into_iter().flatten() {
            gate.set_share(holders);
        }
    }

    /// The gates on the way to an endpoint.
    pub(super) fn on_the_way(&self, endpoint: Endpoint) -> Vec<&Gate> {
        let (general, own) = match endpoint {
            Endpoint::Incidents => (&self.reads, &None),
            Endpoint::Comments => (&self.reads, &self.comments),
            Endpoint::Alerts => (&self.writes, &self.alerts),
            Endpoint::Entities => (&self.writes, &self.entities),
            Endpoint::PutIncident => (&self.writes, &self.put_incidents),
            Endpoint::PutComment => (&self.writes, &self.put_comments),
        };
        general.iter().chain(own.iter()).collect()
    }

    /// Narrows the general gates to what the server says is left, and gives the smallest of its
    /// counts.
    pub(super) fn observe(&self, response: &HttpResponse, clock: &dyn Clock) -> Option<i64> {
        const PREFIX: &str = "x-ms-ratelimit-remaining-";
        let mut least: Option<i64> = None;
        for (name, value) in &response.headers {
            let name = name.to_ascii_lowercase();
            let Some(what) = name.strip_prefix(PREFIX) else { continue };
            // Provider counts may be lists such as `Group/Policy;107`; the number comes last.
            let Some(left) = value.rsplit(';').next().and_then(|n| n.trim().parse::<i64>().ok()) else {
                continue;
            };
            least = Some(least.map_or(left, |l| l.min(left)));
            let gate = match what {
                "subscription-reads" | "subscription-global-reads" => &self.reads,
                "subscription-writes" | "subscription-global-writes" => &self.writes,
                _ => &None,
            };
            if let Some(gate) = gate {
                gate.observe_left(left.clamp(0, i64::from(u32::MAX)) as u32, clock.monotonic());
            }
        }
        least
    }
}
