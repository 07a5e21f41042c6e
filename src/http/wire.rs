//! The real transport: reqwest over rustls, stripped of everything that acts on its own.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use super::inflate::gunzip;
use super::{FailKind, HttpRequest, HttpResponse, Method, Sent, Transport, TransportError};

/// Which certificate authorities are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Roots {
    /// Those of the operating system.
    #[default]
    System,
    /// Those of the operating system and of this PEM file.
    SystemAnd(PathBuf),
    /// Only those of this PEM file.
    Only(PathBuf),
}

/// How to reach servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireOptions {
    /// Trusted authorities.
    pub roots: Roots,
    /// Proxy for everything; environment variables are never read.
    pub proxy: Option<String>,
    /// Longest time to connect, TLS included.
    pub connect_timeout: Duration,
    /// Longest time for one exchange; above the 60 s after which ServiceNow cancels a
    /// transaction (documented), so that its answer is still heard.
    pub total_timeout: Duration,
    /// `User-Agent`.
    pub user_agent: String,
}

impl Default for WireOptions {
    fn default() -> Self {
        Self {
            roots: Roots::System,
            proxy: None,
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(90),
            user_agent: concat!("diptych/", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

/// Sends requests over the network; share one per process.
pub struct WireTransport {
    client: reqwest::Client,
}

impl WireTransport {
    /// Builds it: no redirects, no cookies, no automatic repetition (each attempt must pass the
    /// gates and the lease's deadline), no referer, no environment proxy. Gives the reason when
    /// a file or a proxy address is wrong.
    pub fn new(options: &WireOptions) -> Result<Self, String> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_gzip()
            .no_proxy()
            .connect_timeout(options.connect_timeout)
            .timeout(options.total_timeout)
            .user_agent(options.user_agent.as_str());
        if let Some(proxy) = &options.proxy {
            let proxy = reqwest::Proxy::all(proxy.as_str())
                .map_err(|e| format!("the proxy address cannot be used: {}", causes(&e.without_url())))?;
            builder = builder.proxy(proxy);
        }
        builder = match &options.roots {
            Roots::System => builder,
            Roots::SystemAnd(file) => builder.tls_certs_merge(certificates(file)?),
            Roots::Only(file) => builder.tls_certs_only(certificates(file)?),
        };
        let client = builder.build().map_err(|e| format!("no HTTP client: {}", causes(&e)))?;
        Ok(Self { client })
    }
}

fn certificates(file: &PathBuf) -> Result<Vec<reqwest::Certificate>, String> {
    let pem =
        std::fs::read(file).map_err(|e| format!("the CA file {} cannot be read: {e}", file.display()))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem)
        .map_err(|e| format!("the CA file {} is not PEM: {}", file.display(), causes(&e)))?;
    if found.is_empty() {
        return Err(format!("the CA file {} holds no certificate", file.display()));
    }
    Ok(found)
}

#[async_trait]
impl Transport for WireTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
        };
        let mut out = self.client.request(method, request.url).header("accept-encoding", "gzip");
        for (name, value) in &request.headers {
            let mut value = reqwest::header::HeaderValue::from_str(value)
                .map_err(|_| fail(Sent::NotSent, FailKind::Unsendable, format!("header {name}")))?;
            value.set_sensitive(matches!(name.as_str(), "authorization" | "cookie"));
            out = out.header(name, value);
        }
        if request.method != Method::Get {
            out = out.body(request.body);
        }
        let response = out.send().await.map_err(|e| classify(e, false))?;
        receive(response, request.limit).await
    }
}

async fn receive(mut response: reqwest::Response, limit: usize) -> Result<HttpResponse, TransportError> {
    let status = response.status().as_u16();
    let headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .map(|(n, v)| (n.as_str().to_owned(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
        .collect();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| classify(e, true))? {
        if body.len() + chunk.len() > limit {
            return Err(fail(Sent::Maybe, FailKind::TooLarge, format!("over {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    let coding = headers.iter().find(|(n, _)| n == "content-encoding").map(|(_, v)| v.to_ascii_lowercase());
    let body = match coding.as_deref().map(str::trim) {
        None | Some("" | "identity") => body,
        Some("gzip" | "x-gzip") if body.is_empty() => body,
        Some("gzip" | "x-gzip") => {
            gunzip(&body, limit).map_err(|(kind, why)| fail(Sent::Maybe, kind, why))?
        }
        Some(other) => {
            let other = crate::text::escape_line(other);
            return Err(fail(Sent::Maybe, FailKind::Broken, format!("unasked content encoding {other}")));
        }
    };
    Ok(HttpResponse { status, headers, body })
}

fn fail(sent: Sent, kind: FailKind, message: String) -> TransportError {
    TransportError { sent, kind, message }
}

/// Sorts reqwest's error; only a failure to connect proves that nothing was sent.
fn classify(error: reqwest::Error, answering: bool) -> TransportError {
    let error = error.without_url();
    let sent =
        if !answering && (error.is_connect() || error.is_builder()) { Sent::NotSent } else { Sent::Maybe };
    let kind = if is_tls(&error) {
        FailKind::Tls
    } else if error.is_timeout() {
        FailKind::Timeout
    } else if error.is_connect() {
        FailKind::Connect
    } else if error.is_builder() {
        FailKind::Unsendable
    } else if error.is_decode() {
        FailKind::Broken
    } else {
        FailKind::Reset
    };
    fail(sent, kind, causes(&error))
}

fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(e) = next {
        if e.is::<rustls::Error>() {
            return true;
        }
        // An io::Error hides the error that it wraps from `source`.
        if let Some(inner) = e.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref)
            && is_tls(inner)
        {
            return true;
        }
        next = e.source();
    }
    false
}

/// The innermost causes, which name the host's answer and not our address.
fn causes(error: &dyn Error) -> String {
    let mut words = vec![error.to_string()];
    let mut next = error.source();
    while let Some(e) = next {
        let text = e.to_string();
        if words.last() != Some(&text) {
            words.push(text);
        }
        next = e.source();
    }
    crate::text::escape_line(&words.join(": "))
}

#[cfg(test)]
mod tests;
