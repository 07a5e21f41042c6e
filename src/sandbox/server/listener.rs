//! A loopback listener: HTTP/1.1 with keep-alive, over TLS or plain.
//!
//! Everything a world needs of a request is collected first; its answer leaves in one write with
//! TCP_NODELAY, because a split write behind Nagle's algorithm costs 40 ms a call (measured).

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::payload::Payload;
use crate::sandbox::exchange::Delivery;
use crate::sandbox::wire::{Request, Response};
use crate::text::Stamp;

/// Largest request body that is read: above ServiceNow's documented 10 MB, so that the world
/// itself can refuse what is too large there.
const BODY_CAP: usize = 26 * 1024 * 1024;

/// Time for a TLS handshake, and for open connections to end when the sandbox stops.
const PATIENCE: Duration = Duration::from_secs(5);

/// What answers the requests of a listener.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Carries one request to its world. Quick: delays are part of the delivery.
    fn deliver(&self, request: &Request) -> Delivery;

    /// Commits a request whose delivery said [`Delivery::ApplyLater`].
    fn commit(&self, request: &Request);

    /// The world's clock.
    fn now(&self) -> Stamp;

    /// Waits for one of the server's own worker threads if it has a limited number; the permit
    /// is held until the answer has left. `None` when the queue is full.
    fn worker(&self) -> impl Future<Output = Option<Worker>> + Send;
}

/// A worker thread of the server and a place in its queue, given back when dropped.
#[derive(Default)]
pub(crate) struct Worker {
    _permits: Vec<OwnedSemaphorePermit>,
}

impl Worker {
    /// A worker that comes with permits; without any there are as many as anybody wants.
    pub fn holding(permits: Vec<OwnedSemaphorePermit>) -> Self {
        Self { _permits: permits }
    }
}

/// An open port and the address clients use for it.
pub(crate) struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    origin: Arc<str>,
}

impl Listener {
    /// Opens an ephemeral port of 127.0.0.1.
    pub async fn bind(tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let socket = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let origin = format!("{scheme}://{}", socket.local_addr()?);
        Ok(Self { socket, tls, origin: origin.into() })
    }

    /// Scheme and authority, for example `https://127.0.0.1:41021`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Serves until `stop` turns true, then lets open exchanges end for a few seconds.
    pub async fn serve<H: Handler>(self, handler: Arc<H>, mut stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, _)) => {
                        let context = Context { origin: self.origin.clone(), handler: handler.clone() };
                        connections.spawn(connection(stream, self.tls.clone(), context, stop.clone()));
                    }
                    // Out of file descriptors, most likely; the next accept may succeed.
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                },
                Some(_) = connections.join_next() => {}
                () = stopped(&mut stop) => break,
            }
        }
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            connections.abort_all();
        }
    }
}

struct Context<H> {
    origin: Arc<str>,
    handler: Arc<H>,
}

async fn connection<H: Handler>(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    context: Context<H>,
    stop: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => speak(stream, context, stop).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
                speak(stream, context, stop).await;
            }
        }
    }
}

async fn speak<S, H>(stream: S, context: Context<H>, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let context = Arc::new(context);
    let service = service_fn(move |request| {
        let context = context.clone();
        async move { answer(&context, request).await }
    });
    // Without vectored writes hyper copies head and body into one buffer: one write, one record.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(600))
        .writev(false)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn answer<H: Handler>(
    context: &Context<H>,
    request: hyper::Request<Incoming>,
) -> io::Result<hyper::Response<Payload>> {
    let handler = &context.handler;
    let request = match collect(&context.origin, request).await? {
        Ok(request) => request,
        Err(refusal) => return respond(handler.now(), refusal, Payload::Whole),
    };
    let Some(_worker) = handler.worker().await else {
        let body = serde_json::json!({"error": {"message": "Too many requests", "detail": null},
            "status": "failure"});
        let busy = Response::json(429, "application/json;charset=UTF-8", &body);
        return respond(handler.now(), busy, Payload::Whole);
    };
    let now = handler.now();
    match handler.deliver(&request) {
        Delivery::Answer { response, delay } => {
            wait(delay).await;
            respond(now.plus(delay), response, Payload::Whole)
        }
        Delivery::DropConnection { after } => {
            wait(after).await;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Delivery::ApplyLater { after } => {
            let handler = handler.clone();
            // Goes on although the connection, and with it this exchange, ends.
            tokio::spawn(async move {
                wait(after).await;
                handler.commit(&request);
            });
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Delivery::Truncate { response, bytes, delay } => {
            wait(delay).await;
            let length = response.body.len().max(bytes + 1);
            let response = response.with("content-length", length.to_string());
            respond(now.plus(delay), response, |mut body| {
                body.truncate(bytes);
                Payload::cut(body)
            })
        }
        Delivery::Slow { response, chunk, pause, delay } => {
            wait(delay).await;
            respond(now.plus(delay), response, |body| Payload::drip(body, chunk, pause))
        }
    }
}

/// Returns when the sandbox stops, or is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The guard inside must not live across an await, so it ends here.
    let _ = stop.wait_for(|stopping| *stopping).await;
}

async fn wait(delay: Duration) {
    if delay > Duration::ZERO {
        tokio::time::sleep(delay).await;
    }
}

/// Reads the whole request, or gives the answer that refuses it.
async fn collect(origin: &str, request: hyper::Request<Incoming>) -> io::Result<Result<Request, Response>> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_CAP).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(e) if e.is::<http_body_util::LengthLimitError>() => return Ok(Err(Response::new(413))),
        Err(e) => return Err(io::Error::other(e)),
    };
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    Ok(Ok(Request {
        method: head.method.as_str().to_ascii_uppercase(),
        origin: origin.to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
    }))
}

/// Turns a world's answer into hyper's. `Date` comes from the world's clock.
fn respond(
    now: Stamp,
    response: Response,
    payload: impl FnOnce(Bytes) -> Payload,
) -> io::Result<hyper::Response<Payload>> {
    let mut builder = hyper::Response::builder().status(response.status).header("date", now.http_date());
    for (name, value) in &response.headers {
        builder = builder.header(name.as_str(), value.as_bytes());
    }
    builder.body(payload(response.body.into())).map_err(io::Error::other)
}
