//! A transport whose other end is a pair of worlds in the same process. It notes every request,
//! so that a checker can tell what was really sent where.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use diptych::http::{FailKind, HttpRequest, HttpResponse, Sent as Fate, Transport, TransportError};
use diptych::sandbox::exchange::Delivery;
use diptych::sandbox::side::{Side, is_write, operation};
use diptych::sandbox::stage::Stage;
use diptych::sandbox::wire::{Request, Response};
use diptych::text::Stamp;

use super::time::Time;

pub const SENTINEL: &str = "https://sentinel.simulation.example";
pub const DESK: &str = "https://desk.simulation.example";

/// A request that is committed later, although its client was told nothing.
pub struct Late {
    pub at: Duration,
    pub side: Side,
    pub request: Request,
}

/// One request as it left us.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Servers' time.
    pub at: Stamp,
    /// Where to; `None` for an origin that is neither server's.
    pub side: Option<Side>,
    /// As the sandbox names it: `list`, `put`, `update`, …
    pub operation: &'static str,
    pub writes: bool,
    /// It asks what changed on its side, or for a page of that.
    pub pass: bool,
    pub method: String,
    pub origin: String,
    pub path: String,
    /// Kept of writes only.
    pub body: Vec<u8>,
    /// It carried a credential.
    pub authorized: bool,
    /// Status of the answer, `None` when there was none.
    pub status: Option<u16>,
    /// It reached its server.
    pub arrived: bool,
    /// A fault struck.
    pub struck: bool,
    /// Which life of the engine sent it.
    pub life: u32,
    /// How long the answer asks to be left alone.
    pub asks: Option<Duration>,
}

/// Something that people do at a moment.
pub type Deeds = Box<dyn FnOnce(&Stage, Stamp) + Send>;

/// What people do in the very instant of our next pass over a side: so that one read shows a part
/// of what bears the same time stamp, and misses the rest.
pub struct Around {
    pub side: Side,
    /// What that read shows already.
    pub before: Deeds,
    /// What it does not.
    pub after: Deeds,
}

/// Carries requests to the worlds.
pub struct WorldTransport {
    pub stage: Arc<Stage>,
    pub time: Arc<Time>,
    pub late: Mutex<Vec<Late>>,
    pub sent: Mutex<Vec<Sent>>,
    pub around: Mutex<Vec<Around>>,
    /// Until when nothing reaches a side: no address, no connection, no TLS.
    pub unreachable: Mutex<BTreeMap<Side, Duration>>,
    /// How long the exchanges of the present effect took.
    pub took: AtomicI64,
    life: AtomicU32,
    dated: bool,
}

impl WorldTransport {
    pub fn new(stage: Arc<Stage>, time: Arc<Time>, dated: bool) -> Self {
        Self {
            dated,
            stage,
            time,
            late: Mutex::default(),
            sent: Mutex::default(),
            around: Mutex::default(),
            unreachable: Mutex::default(),
            took: AtomicI64::default(),
            life: AtomicU32::default(),
        }
    }

    pub fn take_time(&self) -> Duration {
        Duration::from_micros(self.took.swap(0, Ordering::SeqCst) as u64)
    }

    fn spend(&self, span: Duration) {
        self.took.fetch_add(span.as_micros() as i64, Ordering::SeqCst);
    }

    /// Lets happen what waits for a pass over that side; gives what is to happen after it.
    fn before_pass(&self, side: Side, now: Stamp) -> Vec<Deeds> {
        let mut waiting = self.around.lock().unwrap();
        let (due, rest) = std::mem::take(&mut *waiting).into_iter().partition(|a| a.side == side);
        *waiting = rest;
        let begin = |around: Around| {
            (around.before)(&self.stage, now);
            around.after
        };
        due.into_iter().map(begin).collect()
    }

    fn note(&self, side: Option<Side>, request: &Request, delivery: Option<&Delivery>, struck: bool) {
        let writes = side.is_some_and(|s| is_write(s, request));
        self.sent.lock().unwrap().push(Sent {
            at: self.time.world(),
            side,
            operation: side.map_or("other", |s| operation(s, request)),
            writes,
            pass: side.is_some_and(|s| is_pass(s, request)),
            method: request.method.clone(),
            origin: request.origin.clone(),
            path: request.path.clone(),
            body: if writes { request.body.clone() } else { Vec::new() },
            authorized: request.headers.iter().any(|(n, _)| n == "authorization"),
            status: delivery.and_then(Delivery::status),
            arrived: delivery.is_some(),
            struck,
            life: self.life.load(Ordering::SeqCst),
            asks: delivery.and_then(asked_pause),
        });
    }
}

/// True for a read of what changed on a side.
fn is_pass(side: Side, request: &Request) -> bool {
    match (side, operation(side, request)) {
        (Side::Sentinel, "list") => true,
        (Side::ServiceNow, "query") => {
            let tables = ["/incident", "/sn_si_incident"];
            tables.iter().any(|t| request.path.ends_with(t)) && request.query.contains("sys_updated_on")
        }
        _ => false,
    }
}

/// The seconds of a `Retry-After`.
fn asked_pause(delivery: &Delivery) -> Option<Duration> {
    let Delivery::Answer { response, .. } = delivery else { return None };
    let value = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
    value.and_then(|(_, v)| v.trim().parse().ok()).map(Duration::from_secs)
}

/// The same transport in the hands of one life of the engine.
pub struct OfLife {
    pub transport: Arc<WorldTransport>,
    pub life: u32,
}

#[async_trait]
impl Transport for OfLife {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.transport.life.store(self.life, Ordering::SeqCst);
        self.transport.send(request).await
    }
}

fn lost(kind: FailKind) -> TransportError {
    TransportError { sent: Fate::Maybe, kind, message: "in the simulation".into() }
}

pub(super) fn answer(response: Response, now: Option<Stamp>) -> HttpResponse {
    let mut headers = response.headers;
    headers.extend(now.map(|now| ("date".into(), now.http_date())));
    HttpResponse { status: response.status, headers, body: response.body }
}

#[async_trait]
impl Transport for WorldTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let url = &request.url;
        let origin = url.origin().ascii_serialization();
        let side = match origin.as_str() {
            SENTINEL => Some(Side::Sentinel),
            DESK => Some(Side::ServiceNow),
            _ => None,
        };
        let carried = Request {
            method: request.method.word().to_owned(),
            origin,
            path: url.path().to_owned(),
            query: url.query().unwrap_or_default().to_owned(),
            headers: request.headers.iter().map(|(n, v)| (n.to_lowercase(), v.clone())).collect(),
            body: request.body.clone(),
        };
        let Some(side) = side else {
            self.note(None, &carried, None, false);
            return Err(TransportError {
                sent: Fate::Maybe,
                kind: FailKind::Connect,
                message: "nobody answers there".into(),
            });
        };
        if self.unreachable.lock().unwrap().get(&side).is_some_and(|until| self.time.since_start() < *until) {
            self.note(Some(side), &carried, None, true);
            let message = "nothing reaches it".into();
            return Err(TransportError { sent: Fate::NotSent, kind: FailKind::Connect, message });
        }
        let now = self.time.world();
        let date = self.dated.then_some(now);
        let faults = || self.stage.with_faults(|f| f.struck_on(side));
        let before = faults();
        let after = is_pass(side, &carried).then(|| self.before_pass(side, now));
        let delivery = self.stage.deliver(side, &carried, now);
        for deeds in after.into_iter().flatten() {
            deeds(&self.stage, now);
        }
        self.note(Some(side), &carried, Some(&delivery), faults() > before);
        match delivery {
            Delivery::Answer { response, delay } => {
                self.spend(delay);
                Ok(answer(response, date))
            }
            Delivery::DropConnection { after } => {
                self.spend(after);
                Err(lost(if after.is_zero() { FailKind::Reset } else { FailKind::Timeout }))
            }
            Delivery::ApplyLater { after } => {
                let at = self.time.since_start() + after;
                self.late.lock().unwrap().push(Late { at, side, request: carried });
                Err(lost(FailKind::Reset))
            }
            Delivery::Truncate { delay, .. } => {
                self.spend(delay);
                Err(lost(FailKind::Broken))
            }
            Delivery::Slow { response, chunk, pause, delay } => {
                let drops = response.body.len().div_ceil(chunk.max(1)) as u32;
                self.spend(delay + pause * drops);
                if pause * drops > Duration::from_secs(90) {
                    return Err(lost(FailKind::Timeout));
                }
                Ok(answer(response, date))
            }
        }
    }
}
