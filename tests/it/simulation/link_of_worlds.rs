//! A transport whose other end is a pair of worlds in the same process.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use diptych::http::{Clock, FailKind, HttpRequest, HttpResponse, Sent, Transport, TransportError};
use diptych::sandbox::exchange::Delivery;
use diptych::sandbox::side::Side;
use diptych::sandbox::stage::Stage;
use diptych::sandbox::wire::{Request, Response};
use diptych::text::Stamp;

pub const SENTINEL: &str = "https://sentinel.simulation.example";
pub const DESK: &str = "https://desk.simulation.example";

/// Virtual time, shared by everybody.
#[derive(Default)]
pub struct Time {
    micros: AtomicI64,
    slept: AtomicI64,
}

/// When every simulation begins.
const BEGIN: i64 = 1_790_000_000_000_000;

impl Time {
    pub fn now(&self) -> Stamp {
        Stamp(BEGIN + self.micros.load(Ordering::SeqCst))
    }

    pub fn since_start(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::SeqCst) as u64)
    }

    pub fn set(&self, since_start: Duration) {
        self.micros.store(since_start.as_micros() as i64, Ordering::SeqCst);
    }

    /// Takes how long the clients slept since the last time this was asked.
    pub fn take_slept(&self) -> Duration {
        Duration::from_micros(self.slept.swap(0, Ordering::SeqCst) as u64)
    }
}

#[async_trait]
impl Clock for Time {
    fn now(&self) -> Stamp {
        Time::now(self)
    }
    fn monotonic(&self) -> Duration {
        self.since_start()
    }
    async fn sleep(&self, span: Duration) {
        self.slept.fetch_add(span.as_micros() as i64, Ordering::SeqCst);
    }
}

/// A request that is committed later, although its client was told nothing.
pub struct Late {
    pub at: Duration,
    pub side: Side,
    pub request: Request,
}

/// Carries requests to the worlds.
pub struct WorldTransport {
    pub stage: Arc<Stage>,
    pub time: Arc<Time>,
    pub late: Mutex<Vec<Late>>,
    /// How long the exchanges of the present effect took.
    pub took: AtomicI64,
}

impl WorldTransport {
    pub fn take_time(&self) -> Duration {
        Duration::from_micros(self.took.swap(0, Ordering::SeqCst) as u64)
    }

    fn spend(&self, span: Duration) {
        self.took.fetch_add(span.as_micros() as i64, Ordering::SeqCst);
    }
}

fn lost(kind: FailKind) -> TransportError {
    TransportError { sent: Sent::Maybe, kind, message: "in the simulation".into() }
}

fn answer(response: Response, now: Stamp) -> HttpResponse {
    let mut headers = response.headers;
    headers.push(("date".into(), now.http_date()));
    HttpResponse { status: response.status, headers, body: response.body }
}

#[async_trait]
impl Transport for WorldTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let url = &request.url;
        let origin = url.origin().ascii_serialization();
        let side = if origin == SENTINEL { Side::Sentinel } else { Side::ServiceNow };
        let carried = Request {
            method: request.method.word().to_owned(),
            origin,
            path: url.path().to_owned(),
            query: url.query().unwrap_or_default().to_owned(),
            headers: request.headers.iter().map(|(n, v)| (n.to_lowercase(), v.clone())).collect(),
            body: request.body.clone(),
        };
        let now = self.time.now();
        match self.stage.deliver(side, &carried, now) {
            Delivery::Answer { response, delay } => {
                self.spend(delay);
                Ok(answer(response, now))
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
            Delivery::Truncate { response, delay, .. } => {
                self.spend(delay);
                drop(response);
                Err(lost(FailKind::Broken))
            }
            Delivery::Slow { response, chunk, pause, delay } => {
                let drops = response.body.len().div_ceil(chunk.max(1)) as u32;
                self.spend(delay + pause * drops);
                if pause * drops > Duration::from_secs(90) {
                    return Err(lost(FailKind::Timeout));
                }
                Ok(answer(response, now))
            }
        }
    }
}
