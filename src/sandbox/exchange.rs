//! One exchange between a client and a world: the request as it arrives, the fault that may
//! strike, and what of the answer reaches the client.
//!
//! Pure, so that a simulator runs the very exchanges that the sockets carry.

use std::time::Duration;

use serde_json::Value;

use super::faults::{FaultKind, FaultPlan, fault_response};
use super::side::Side;
use super::wire::{Request, Response, World};
use crate::text::Stamp;

/// What happens to the answer on its way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The answer arrives whole after a delay.
    Answer {
        /// The answer.
        response: Response,
        /// Time between request and answer.
        delay: Duration,
    },
    /// No byte of an answer: the connection closes, at once or after a while.
    DropConnection {
        /// How long the connection stays open first.
        after: Duration,
    },
    /// No answer; whoever runs the exchange hands the request to the world itself when the time
    /// has come, see [`apply_late`].
    ApplyLater {
        /// Time between request and commit. The connection closes before that.
        after: Duration,
    },
    /// Head and the first bytes of the body arrive, then the connection breaks. The head promises
    /// the whole body.
    Truncate {
        /// The whole answer.
        response: Response,
        /// Bytes of its body that arrive.
        bytes: usize,
        /// Time between request and answer.
        delay: Duration,
    },
    /// The body drips.
    Slow {
        /// The whole answer.
        response: Response,
        /// Bytes per drop.
        chunk: usize,
        /// Time between drops.
        pause: Duration,
        /// Time between request and the head of the answer.
        delay: Duration,
    },
}

impl Delivery {
    /// The status that the client sees, if it sees one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Delivery::Answer { response, .. }
            | Delivery::Truncate { response, .. }
            | Delivery::Slow { response, .. } => Some(response.status),
            Delivery::DropConnection { .. } | Delivery::ApplyLater { .. } => None,
        }
    }
}

/// Carries one request of `side` to its world at `now` and decides what comes back. The draw, and
/// every random choice within a fault, come from the plan.
pub fn exchange(
    world: &mut dyn World,
    side: Side,
    request: &Request,
    now: Stamp,
    plan: &mut FaultPlan,
) -> Delivery {
    let delay = plan.latency.of(side, request);
    let Some(kind) = plan.draw(side, request, now) else {
        return Delivery::Answer { response: world.handle(request, now), delay };
    };
    let delivery = strike(world, kind, side, request, now, plan, delay);
    if delivery.is_some() {
        plan.count(side, kind);
    }
    delivery.unwrap_or_else(|| Delivery::Answer { response: world.handle(request, now), delay })
}

/// Commits a request whose delivery was [`Delivery::ApplyLater`]; nobody sees the answer.
pub fn apply_late(world: &mut dyn World, request: &Request, now: Stamp) {
    world.handle(request, now);
}

/// Plays one fault; `None` when it cannot be played on this exchange and nothing was applied.
fn strike(
    world: &mut dyn World,
    kind: FaultKind,
    side: Side,
    request: &Request,
    now: Stamp,
    plan: &mut FaultPlan,
    delay: Duration,
) -> Option<Delivery> {
    let switches = kind.world_switches();
    if !switches.is_empty() {
        let response = with_switches(world, &switches, request, now)?;
        return Some(Delivery::Answer { response, delay });
    }
    if matches!(kind, FaultKind::ErrorAfter | FaultKind::CancelledAfter) {
        world.handle(request, now);
    }
    if let Some(response) = fault_response(kind, side, request, now) {
        return Some(Delivery::Answer { response, delay });
    }
    let delivery = match kind {
        FaultKind::TimeoutBefore => Delivery::DropConnection { after: plan.hang },
        FaultKind::DropBefore => Delivery::DropConnection { after: Duration::ZERO },
        FaultKind::TimeoutAfter => {
            world.handle(request, now);
            Delivery::DropConnection { after: plan.hang }
        }
        FaultKind::CommitThenDrop => {
            world.handle(request, now);
            Delivery::DropConnection { after: delay }
        }
        FaultKind::LateCommit => {
            let limit = plan.transaction.as_millis() as usize;
            Delivery::ApplyLater { after: Duration::from_millis(plan.below(limit) as u64) }
        }
        FaultKind::Duplicate => {
            let first = world.handle(request, now);
            let second = world.handle(request, now);
            Delivery::Answer { response: if plan.below(2) == 0 { first } else { second }, delay }
        }
        FaultKind::LateAnswer => {
            let late = Duration::from_millis(plan.below(plan.late.as_millis() as usize) as u64);
            Delivery::Answer { response: world.handle(request, now), delay: delay + late }
        }
        FaultKind::SlowBody => slow(world.handle(request, now), delay, plan.late),
        FaultKind::ResetBody => {
            let response = world.handle(request, now);
            let bytes = plan.below(response.body.len());
            Delivery::Truncate { response, bytes, delay }
        }
        FaultKind::TruncatedJson => {
            let mut response = world.handle(request, now);
            let keep = plan.below(response.body.len());
            response.body.truncate(keep);
            Delivery::Answer { response, delay }
        }
        _ => return None,
    };
    Some(delivery)
}

/// Drips the body in a few drops that together take `whole`, whatever its size.
fn slow(response: Response, delay: Duration, whole: Duration) -> Delivery {
    const DROPS: u32 = 20;
    let chunk = response.body.len().div_ceil(DROPS as usize).max(1);
    Delivery::Slow { response, chunk, pause: whole / DROPS, delay }
}

/// Handles one request with some switches set and puts them back. `None`, with nothing applied,
/// when the world has no such switch.
fn with_switches(
    world: &mut dyn World,
    switches: &[(&'static str, Value)],
    request: &Request,
    now: Stamp,
) -> Option<Response> {
    let before = world.switches();
    let mut response = None;
    if switches.iter().all(|(name, value)| world.set_switch(name, value).is_ok()) {
        response = Some(world.handle(request, now));
    }
    for (name, _) in switches {
        if let Some(value) = before.get(*name) {
            // It held that value a moment ago.
            let _ = world.set_switch(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sandbox::faults::Profile;
    use crate::sandbox::latency::Latency;

    /// Counts what reaches it and shows its only switch in the answer.
    #[derive(Default)]
    struct Probe {
        handled: usize,
        lag: i64,
    }

    impl World for Probe {
        fn handle(&mut self, _: &Request, _: Stamp) -> Response {
            self.handled += 1;
            Response::json(
                200,
                "application/json",
                &json!({"value": [], "call": self.handled, "lag": self.lag}),
            )
        }
        fn switches(&self) -> Value {
            json!({"list_lag_s": self.lag})
        }
        fn set_switch(&mut self, name: &str, value: &Value) -> Result<(), String> {
            self.lag = value.as_i64().filter(|_| name == "list_lag_s").ok_or("no")?;
            Ok(())
        }
    }

    fn run(kind: FaultKind, method: &str, path: &str) -> (Delivery, usize, FaultPlan) {
        let mut world = Probe::default();
        let side = if kind.belongs_to(Side::Sentinel) { Side::Sentinel } else { Side::ServiceNow };
        let request = Request { method: method.into(), path: path.into(), ..Request::default() };
        let profile = Profile::Only { kind, side: None, rate: 1.0 };
        let latency: Latency = "sentinel=80ms,servicenow=80ms".parse().unwrap();
        let mut plan = FaultPlan::new(profile, latency, 3);
        let delivery = exchange(&mut world, side, &request, Stamp(0), &mut plan);
        assert_eq!(world.lag, 0, "a switch is put back");
        (delivery, world.handled, plan)
    }

    const LIST: &str = "/x/providers/Microsoft.SecurityInsights/incidents";
    const PUT: &str = "/x/providers/Microsoft.SecurityInsights/incidents/1";
    const RECORD: &str = "/api/now/table/incident/1";

    #[test]
    fn a_fault_applies_the_request_as_often_as_its_name_says() {
        for (kind, method, path, times) in [
            (FaultKind::TimeoutBefore, "PUT", PUT, 0),
            (FaultKind::TimeoutAfter, "PUT", PUT, 1),
            (FaultKind::CommitThenDrop, "PUT", PUT, 1),
            (FaultKind::Duplicate, "PUT", PUT, 2),
            (FaultKind::Conflict, "PUT", PUT, 0),
            (FaultKind::ErrorAfter, "PUT", PUT, 1),
            (FaultKind::AcceptedNothing, "PATCH", RECORD, 0),
            (FaultKind::CancelledBefore, "PATCH", RECORD, 0),
            (FaultKind::LateCommit, "PATCH", RECORD, 0),
            (FaultKind::CancelledAfter, "PATCH", RECORD, 1),
            (FaultKind::StaleList, "GET", LIST, 1),
        ] {
            let (_, handled, plan) = run(kind, method, path);
            assert_eq!(handled, times, "{kind}");
            assert_eq!(plan.struck().values().sum::<u64>(), 1, "{kind} is counted");
        }
    }

    #[test]
    fn latency_holds_for_answers_with_and_without_faults() {
        let (delivery, _, _) = run(FaultKind::Unavailable, "PUT", PUT);
        assert!(matches!(delivery, Delivery::Answer { delay, .. } if delay == Duration::from_millis(80)));
        let (delivery, _, plan) = run(FaultKind::Conflict, "GET", LIST);
        assert!(matches!(delivery, Delivery::Answer { delay, .. } if delay == Duration::from_millis(80)));
        assert!(plan.struck().is_empty());
    }

    #[test]
    fn bodies_break_off_drip_or_point_elsewhere() {
        let Delivery::Truncate { response, bytes, .. } = run(FaultKind::ResetBody, "GET", LIST).0 else {
            panic!("not cut")
        };
        assert!(bytes < response.body.len());
        assert!(matches!(run(FaultKind::SlowBody, "GET", LIST).0, Delivery::Slow { .. }));
        let (_, handled, plan) = run(FaultKind::ForeignLink, "GET", LIST);
        assert_eq!(handled, 1, "a world without that switch answers as ever");
        assert!(plan.struck().is_empty(), "and nothing is counted");
        let Delivery::Answer { response, .. } = run(FaultKind::StaleList, "GET", LIST).0 else {
            panic!("no answer")
        };
        assert!(String::from_utf8(response.body).unwrap().contains("\"lag\":60"));
    }
}
