//! Requests and responses as bytes and headers, the only thing a world sees of the network.

use serde_json::Value;

use crate::text::Stamp;

/// One HTTP request, decoded no further than its head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Upper-case method.
    pub method: String,
    /// Scheme and authority that the client connected to, for example `https://localhost:8443`;
    /// absolute links in responses start with it.
    pub origin: String,
    /// Percent-encoded path, without the query.
    pub path: String,
    /// Percent-encoded query without its `?`, empty if there is none.
    pub query: String,
    /// Header names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Decoded query pairs in order, duplicates kept. `+` stays a plus sign unless the client
    /// meant a space, which form decoding assumes.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    /// Decoded pairs of an `application/x-www-form-urlencoded` body.
    pub fn form_pairs(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// One HTTP response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers in the order sent; the shell adds `Content-Length` and `Date`.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// An empty response.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// A JSON response with the given content type.
    pub fn json(status: u16, content_type: &str, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            body: body.to_string().into_bytes(),
        }
    }

    /// The same response with one header more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }
}

/// A reference server without a network.
pub trait World: Send {
    /// Answers one request as the real service would at `now`. Never panics, whatever arrives.
    fn handle(&mut self, request: &Request, now: Stamp) -> Response;

    /// Every behaviour that can be switched, with its value, as one JSON object.
    fn switches(&self) -> Value;

    /// Sets one switch. Gives the reason when the name or the value is not one.
    fn set_switch(&mut self, name: &str, value: &Value) -> Result<(), String>;
}
