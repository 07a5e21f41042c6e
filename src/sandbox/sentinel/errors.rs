//! Refusals in the resource manager's envelope (sentinel-api 5.1).

use serde_json::{Value, json};

use crate::sandbox::wire::Response;

/// The content type of every body of this API.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// What an operation gives: a response, or a reason not to do it.
pub(super) type Answer = Result<Response, Refusal>;

/// A refused request, before it becomes bytes.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// `error.code`.
    pub code: String,
    /// `error.message`.
    pub message: String,
    /// Headers that belong to this refusal.
    pub headers: Vec<(&'static str, String)>,
    /// True when the provider behind the gateway adds `innerError`.
    pub inner: bool,
}

impl Refusal {
    /// A refusal by the provider.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), headers: Vec::new(), inner: false }
    }

    /// `400 BadRequest`: the request can never succeed as it is.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// A refusal by the gateway, which marks itself in a header.
    pub fn gateway(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self::new(status, code, message).with("x-ms-failure-cause", "gateway")
    }

    /// The method is not one of this path (sentinel-api 2.4).
    pub fn method(uri: &str, version: &str, method: &str) -> Self {
        let message = format!(
            "The HTTP resource that matches the request URI '{uri}' with API version '{version}' does \
             not support HTTP method '{method}'."
        );
        Self { inner: true, ..Self::new(405, "UnsupportedApiVersion", message) }
    }

    /// The same refusal with one header more.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The bytes.
    pub fn response(&self) -> Response {
        let mut error = json!({"code": self.code, "message": self.message});
        if self.inner
            && let Some(map) = error.as_object_mut()
        {
            map.insert("innerError".into(), Value::Null);
        }
        let mut response = Response::json(self.status, JSON, &json!({"error": error}));
        for (name, value) in &self.headers {
            response = response.with(name, value.clone());
        }
        response
    }
}
