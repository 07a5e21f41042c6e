//! A transport that plays prepared answers and remembers what it was asked; and its clock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::{
    Base, Clock, FailKind, HttpRequest, HttpResponse, Sender, Sent, Token, Transport, TransportError,
};
use crate::text::Stamp;

/// A clock that moves only when it is told to, or slept on.
#[derive(Debug, Default)]
pub(crate) struct FakeClock(AtomicU64);

impl FakeClock {
    pub(crate) fn advance(&self, span: Duration) {
        self.0.fetch_add(span.as_micros() as u64, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Stamp {
        Stamp::parse_rfc3339("2026-11-21T12:00:00Z").unwrap().plus(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, span: Duration) {
        self.advance(span);
    }
}

impl HttpResponse {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A JSON answer with a date.
pub(crate) fn answer(status: u16, body: &str) -> HttpResponse {
    HttpResponse { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
        .with("Content-Type", "application/json; charset=utf-8")
        .with("Date", "Sat, 21 Nov 2026 12:00:00 GMT")
}

/// An HTML answer.
pub(crate) fn page(status: u16, title: &str) -> HttpResponse {
    let body = format!("<html><head><title>{title}</title></head><body>x</body></html>");
    HttpResponse { status, headers: Vec::new(), body: body.into_bytes() }.with("Content-Type", "text/html")
}

/// A broken exchange.
pub(crate) fn broken(sent: Sent, kind: FailKind) -> TransportError {
    TransportError { sent, kind, message: "scripted".into() }
}

type Turn = Result<HttpResponse, TransportError>;

#[derive(Default)]
struct Inner {
    turns: Mutex<VecDeque<Turn>>,
    seen: Mutex<Vec<HttpRequest>>,
}

#[async_trait]
impl Transport for Inner {
    async fn send(&self, request: HttpRequest) -> Turn {
        self.seen.lock().unwrap().push(request);
        self.turns.lock().unwrap().pop_front().expect("the script has no answer left")
    }
}

/// Prepared answers, first in first out.
#[derive(Clone, Default)]
pub(crate) struct Script {
    inner: Arc<Inner>,
    pub(crate) clock: Arc<FakeClock>,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn push(&self, response: HttpResponse) {
        self.inner.turns.lock().unwrap().push_back(Ok(response));
    }

    pub(crate) fn fail(&self, error: TransportError) {
        self.inner.turns.lock().unwrap().push_back(Err(error));
    }

    pub(crate) fn seen(&self) -> Vec<HttpRequest> {
        self.inner.seen.lock().unwrap().clone()
    }

    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        self.inner.clone()
    }

    pub(crate) fn sender(&self, base: &str) -> Sender {
        let base = Arc::new(Base::parse(base, false).unwrap());
        Sender::new(base, self.transport(), self.clock.clone(), Duration::from_secs(2))
    }
}

/// A bearer token for that base.
pub(crate) fn token(base: &str) -> Token {
    Token::new(Arc::new(Base::parse(base, false).unwrap()), "Bearer canary-token").unwrap()
}
