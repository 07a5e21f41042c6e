//! Bytes out, bytes in: the seam below which the network, or a test, lives (D2).

use std::fmt;

use async_trait::async_trait;
use url::Url;

/// An HTTP method that the clients use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Create, or a read that the service spells as an action.
    Post,
    /// Replace.
    Put,
    /// Change in part.
    Patch,
}

impl Method {
    /// The upper-case word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

/// One request. `Debug` shows neither header values, query nor body.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Method.
    pub method: Method,
    /// Where to, parsed once so that what was checked is what is sent.
    pub url: Url,
    /// Header names in lower case with their values, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The whole body, empty for none.
    pub body: Vec<u8>,
    /// Decoded bytes that the answer may have.
    pub limit: usize,
}

impl HttpRequest {
    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Origin and path for a log: no query, no user information, no fragment.
    pub fn place(&self) -> String {
        format!("{}{}", self.url.origin().ascii_serialization(), self.url.path())
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(n, _)| n.as_str()).collect();
        write!(f, "{} {} {names:?} {} bytes", self.method.word(), self.place(), self.body.len())
    }
}

/// One response with its body already decompressed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Headers as they came; names in any case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The first header of that name, without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Every header of that name, without case.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// True for 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Whether the server can have seen the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Certainly not: no connection, no TLS, or refused before.
    NotSent,
    /// Perhaps; a write may have been applied.
    Maybe,
}

/// What broke below HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailKind {
    /// No such host, refused, unreachable.
    Connect,
    /// The certificate or the handshake was refused.
    Tls,
    /// Nothing, or not everything, came in time.
    Timeout,
    /// The connection broke on the way.
    Reset,
    /// The answer is over its cap, or a compression bomb.
    TooLarge,
    /// The answer's compression or framing is broken.
    Broken,
    /// The request itself could not be built.
    Unsendable,
}

impl FailKind {
    /// The word for messages and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connect => "no connection",
            Self::Tls => "TLS refused",
            Self::Timeout => "timed out",
            Self::Reset => "connection broke",
            Self::TooLarge => "answer too large",
            Self::Broken => "broken answer",
            Self::Unsendable => "request not sendable",
        }
    }
}

/// A request without a response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", kind.word())]
pub struct TransportError {
    /// Whether the server can have seen it.
    pub sent: Sent,
    /// What broke.
    pub kind: FailKind,
    /// The cause in words, without URL, header or body.
    pub message: String,
}

/// Moves one request to the server and one response back: no redirects, no repetition, no
/// cookies, no credentials of its own.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Carries out one exchange.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;
}
