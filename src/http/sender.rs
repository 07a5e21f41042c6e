//! The only way to a [`Transport`]: bound to one base, gated, capped, logged without secrets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

use super::{
    Base, Clock, Door, FailKind, Gate, HttpError, HttpRequest, HttpResponse, Method, Sent, Token, Transport,
    TransportError, retry_after,
};
use crate::mutant::{self, Mutant};
use crate::text::{Stamp, escape_line};

/// Decoded bytes that a list may have.
pub const LIST_LIMIT: usize = 64 << 20;
/// Decoded bytes that any other answer may have.
pub const OTHER_LIMIT: usize = 8 << 20;

/// One request before it is guarded.
pub struct Ask<'a> {
    /// Method.
    pub method: Method,
    /// Address.
    pub url: Url,
    /// Extra headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Body with its content type.
    pub body: Option<(&'static str, Vec<u8>)>,
    /// Decoded bytes that the answer may have.
    pub limit: usize,
    /// Rate gates that the request passes.
    pub gates: Vec<&'a Gate>,
}

impl Ask<'_> {
    /// A request without body, gates or extra headers.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: Vec::new(), body: None, limit: OTHER_LIMIT, gates: Vec::new() }
    }
}

/// Sends requests to one base and nowhere else.
pub struct Sender {
    base: Arc<Base>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    door: Arc<Door>,
    patience: Duration,
    kept_cookie: Option<&'static str>,
    cookie: Mutex<Option<String>>,
}

impl Sender {
    /// A sender for that base. `patience` is the longest that a call waits at its gates; a
    /// longer wait is given back as [`HttpError::Gated`] without sending.
    pub fn new(
        base: Arc<Base>,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        patience: Duration,
    ) -> Self {
        Self {
            base,
            transport,
            clock,
            door: Arc::new(Door::default()),
            patience,
            kept_cookie: None,
            cookie: Mutex::new(None),
        }
    }

    /// The same with a door that it shares with others of the same principal.
    #[must_use]
    pub fn sharing(mut self, door: Arc<Door>) -> Self {
        self.door = door;
        self
    }

    /// The same, keeping the one cookie of that name and dropping all others (D17).
    #[must_use]
    pub fn keeping_cookie(mut self, name: &'static str) -> Self {
        self.kept_cookie = Some(name);
        self
    }

    /// Its base.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// Its clock.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Sends one request. The token's header is attached only if both this sender's base and
    /// the token's own cover the address; a redirect comes back as the response that it is.
    pub async fn send(&self, ask: Ask<'_>, token: Option<&Token>) -> Result<HttpResponse, HttpError> {
        self.base.covers(&ask.url)?;
        let gates = ask.gates.clone();
        let mut request = self.assemble(ask);
        if let Some(token) = token {
            token.attach(&mut request)?;
        }
        self.pass(&gates).await?;
        let place = format!("{} {}", request.method.word(), escape_line(&request.place()));
        let (limit, start) = (request.limit, self.clock.monotonic());
        let result = match self.transport.send(request).await {
            Ok(response) if response.body.len() > limit => Err(TransportError {
                sent: Sent::Maybe,
                kind: FailKind::TooLarge,
                message: format!("over {limit} bytes"),
            }),
            other => other,
        };
        self.log(&place, &result, self.clock.monotonic().saturating_sub(start));
        match result {
            Ok(response) => {
                self.heed(&response);
                Ok(response)
            }
            Err(mut error) => {
                self.forget_cookie();
                error.message = format!("{}: {}", self.base.origin(), error.message);
                Err(error.into())
            }
        }
    }

    fn assemble(&self, ask: Ask<'_>) -> HttpRequest {
        let mut headers: Vec<(String, String)> = vec![("accept".into(), "application/json".into())];
        headers.extend(ask.headers.into_iter().map(|(n, v)| (n.to_owned(), v)));
        let mut body = Vec::new();
        if let Some((kind, bytes)) = ask.body {
            headers.push(("content-type".into(), kind.into()));
            body = bytes;
        }
        let cookie = self.cookie.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let (Some(name), Some(value)) = (self.kept_cookie, cookie) {
            headers.push(("cookie".into(), format!("{name}={value}")));
        }
        HttpRequest { method: ask.method, url: ask.url, headers, body, limit: ask.limit }
    }

    /// Waits at the gates, or refuses: at a shut door always, at a gate beyond our patience.
    async fn pass(&self, gates: &[&Gate]) -> Result<(), HttpError> {
        let now = self.clock.monotonic();
        if let Some(wait) = self.door.shut_for(now) {
            return Err(HttpError::Closed(wait));
        }
        let wait = gates.iter().map(|g| g.wait(now)).max().unwrap_or_default();
        if wait > self.patience {
            return Err(HttpError::Gated(wait));
        }
        let wait = gates.iter().map(|g| g.take(now)).max().unwrap_or_default();
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
            if let Some(wait) = self.door.shut_for(self.clock.monotonic()) {
                return Err(HttpError::Closed(wait));
            }
        }
        Ok(())
    }

    /// Learns from an answer: how long to stay away, and which node serves us.
    fn heed(&self, response: &HttpResponse) {
        if matches!(response.status, 429 | 503)
            && let Some(wait) = self.pause_asked(response)
        {
            self.door.shut(self.clock.monotonic(), wait);
        }
        if response.status == 401 {
            self.forget_cookie();
            return;
        }
        let Some(name) = self.kept_cookie else { return };
        for line in response.headers_named("set-cookie") {
            let Some((n, rest)) = line.split_once('=') else { continue };
            if n.trim() != name {
                continue;
            }
            let value = rest.split(';').next().unwrap_or_default().trim();
            let plain = (1..=200).contains(&value.len())
                && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
            *self.cookie.lock().unwrap_or_else(PoisonError::into_inner) = plain.then(|| value.to_owned());
        }
    }

    /// The pause that a response asks for, by the server's own clock where it gave one.
    pub fn pause_asked(&self, response: &HttpResponse) -> Option<Duration> {
        let date = response.header("date").and_then(Stamp::parse_http_date);
        let kept = !mutant::is_on(Mutant::RetryAfterIgnored);
        response.header("retry-after").filter(|_| kept).and_then(|v| retry_after(v, date, self.clock.now()))
    }

    fn forget_cookie(&self) {
        *self.cookie.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn log(&self, place: &str, result: &Result<HttpResponse, TransportError>, took: Duration) {
        let ms = took.as_millis() as u64;
        match result {
            Ok(r) => {
                let id = ["x-ms-request-id", "x-ms-correlation-request-id", "x-transaction-id"]
                    .iter()
                    .find_map(|n| r.header(n))
                    .map(|v| escape_line(v).chars().take(80).collect::<String>())
                    .unwrap_or_default();
                tracing::debug!(place, status = r.status, bytes = r.body.len(), ms, id, "answered");
            }
            Err(e) => {
                tracing::debug!(place, kind = e.kind.word(), cause = %escape_line(&e.message), ms, "failed")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Rate;
    use crate::http::scripted::{Script, answer};

    const S: Duration = Duration::from_secs(1);

    fn get(sender: &Sender) -> Ask<'static> {
        Ask::new(Method::Get, sender.base().at(&["a"], "").unwrap())
    }

    #[tokio::test]
    async fn nothing_is_sent_before_a_pause_is_over() {
        let script = Script::new();
        script.push(answer(429, "").with("retry-after", "30"));
        script.push(answer(200, "{}"));
        let sender = script.sender("https://api.example");
        assert_eq!(sender.send(get(&sender), None).await.unwrap().status, 429);
        script.clock.advance(29 * S);
        assert_eq!(sender.send(get(&sender), None).await, Err(HttpError::Closed(S)));
        assert_eq!(script.seen().len(), 1);
        script.clock.advance(S);
        assert_eq!(sender.send(get(&sender), None).await.unwrap().status, 200);
    }

    #[tokio::test]
    async fn a_short_wait_at_a_gate_is_slept_and_a_long_one_given_back() {
        let script = Script::new();
        script.push(answer(200, "{}"));
        script.push(answer(200, "{}"));
        let sender = script.sender("https://api.example");
        let gate = Gate::new(Rate { burst: 1, count: 1, per: S });
        let slow = Gate::new(Rate { burst: 1, count: 1, per: 60 * S });
        for _ in 0..2 {
            let ask = Ask { gates: vec![&gate], ..get(&sender) };
            sender.send(ask, None).await.unwrap();
        }
        assert_eq!(script.clock.monotonic(), S, "the second waited its second");
        slow.take(S);
        let ask = Ask { gates: vec![&slow], ..get(&sender) };
        assert_eq!(sender.send(ask, None).await, Err(HttpError::Gated(60 * S)));
        assert_eq!(script.seen().len(), 2);
    }

    #[tokio::test]
    async fn only_the_route_cookie_is_kept_and_a_401_drops_it() {
        let script = Script::new();
        let set = "glide_user_route=glide.0123abcd; Path=/; Max-Age=2147483647; HttpOnly";
        script.push(answer(200, "{}").with("set-cookie", "JSESSIONID=abc; Path=/").with("set-cookie", set));
        script.push(answer(401, "{}"));
        script.push(answer(200, "{}"));
        let sender = script.sender("https://api.example").keeping_cookie("glide_user_route");
        for _ in 0..3 {
            sender.send(get(&sender), None).await.unwrap();
        }
        let cookies: Vec<Option<String>> =
            script.seen().iter().map(|r| r.header("cookie").map(String::from)).collect();
        assert_eq!(cookies, [None, Some("glide_user_route=glide.0123abcd".into()), None]);
    }

    #[tokio::test]
    async fn an_answer_over_its_cap_is_refused() {
        let script = Script::new();
        script.push(answer(200, &"x".repeat(11)));
        let sender = script.sender("https://api.example");
        let ask = Ask { limit: 10, ..get(&sender) };
        let error = sender.send(ask, None).await.unwrap_err();
        assert!(error.maybe_sent() && error.to_string().starts_with("answer too large"));
    }

    /// Collects what is logged.
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_log_line_names_the_place_and_no_secret() {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let script = Script::new();
        script.push(answer(200, "canary-answer").with("x-ms-request-id", "id-7\u{1b}[2J"));
        script.fail(crate::http::scripted::broken(Sent::Maybe, FailKind::Reset));
        let sender = script.sender("https://api.example");
        let token = crate::http::scripted::token("https://api.example");
        for _ in 0..2 {
            let mut ask = Ask::new(Method::Post, sender.base().at(&["a"], "q=canary-query").unwrap());
            ask.body = Some(("text/plain", b"canary-body".to_vec()));
            let _ = sender.send(ask, Some(&token)).await;
        }
        let log = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        for part in ["POST https://api.example/a", "status=200", "bytes=13", "id-7", "connection broke"] {
            assert!(log.contains(part), "{part}: {log}");
        }
        assert!(!log.contains("canary") && !log.contains('\u{1b}'), "{log}");
    }
}
