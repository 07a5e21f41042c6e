//! Origins, and the base that a credential is bound to.
//!
//! A URL that a server gave (a next link, a `Location`) is parsed once, by the same parser that
//! the transport uses, and refused unless scheme, host and port equal the base's and its path is
//! under the base's. Anything a second parser could read differently is refused as well.

use std::fmt;

use url::{Host, Url};

use super::HttpError;
use crate::mutant::{self, Mutant};
use crate::text::escape_line;

/// Scheme, host and port, normalised: lower case, punycode, default port made explicit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    fn of(url: &Url) -> Option<Self> {
        Some(Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = matches!((self.scheme.as_str(), self.port), ("https", 443) | ("http", 80));
        write!(f, "{}://{}", self.scheme, escape_line(&self.host))?;
        if default { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The root of an API: an origin and a path. A credential works below it and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    url: Url,
    origin: Origin,
}

impl Base {
    /// Takes the root of an API as written in the config, `https://host[:port][/path]`. Plain
    /// `http` only with `loopback_http` and only to this machine. Gives the reason otherwise.
    pub fn parse(text: &str, loopback_http: bool) -> Result<Self, String> {
        let shown = escape_line(text);
        let mut url = strict(text).map_err(|why| format!("{shown}: {why}"))?;
        if url.query().is_some() {
            return Err(format!("{shown}: a base has no query"));
        }
        if url.scheme() == "http" && !(loopback_http && is_loopback(&url)) {
            return Err(format!("{shown}: only https is allowed"));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        let origin = Origin::of(&url).ok_or_else(|| format!("{shown}: no host"))?;
        Ok(Self { url, origin })
    }

    /// Its origin.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its URL, ending with a slash.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// A URL below the base: each segment percent-encoded as one segment, then a query that is
    /// encoded already (empty for none). Refuses segments that would change the path.
    pub fn at(&self, segments: &[&str], query: &str) -> Result<Url, HttpError> {
        let mut url = self.url.clone();
        {
            let Ok(mut path) = url.path_segments_mut() else {
                return Err(HttpError::Guard("the base cannot carry a path".into()));
            };
            path.pop_if_empty();
            for segment in segments {
                if segment.is_empty() || matches!(*segment, "." | "..") || segment.contains(['/', '\\', '%'])
                {
                    let shown = escape_line(segment);
                    return Err(HttpError::Guard(format!("{shown:?} cannot be part of an address")));
                }
                path.push(segment);
            }
        }
        if !query.is_empty() {
            url.set_query(Some(query));
        }
        self.covers(&url)?;
        Ok(url)
    }

    /// A link that a server gave, if it may be followed with the credential; kept as it is.
    pub fn link(&self, text: &str) -> Result<Url, HttpError> {
        let url = strict(text).map_err(|why| HttpError::Guard(format!("the server's link {why}")))?;
        self.covers(&url)?;
        Ok(url)
    }

    /// Refuses a URL that is not at this origin and under this path.
    pub fn covers(&self, url: &Url) -> Result<(), HttpError> {
        if mutant::is_on(Mutant::FollowForeignLink) {
            return Ok(());
        }
        let there = Origin::of(url).ok_or_else(|| HttpError::Guard("the address has no host".into()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HttpError::Guard(format!("the address carries user information for {there}")));
        }
        if there != self.origin {
            return Err(HttpError::Guard(format!(
                "{there} is not {}, so the credential stays here",
                self.origin
            )));
        }
        let path = url.path().to_ascii_lowercase();
        if ["%2f", "%5c", "%2e", "%00"].iter().any(|trick| path.contains(trick)) {
            return Err(HttpError::Guard("the path holds an encoded slash, backslash, dot or NUL".into()));
        }
        if path.contains("//") {
            return Err(HttpError::Guard("the path holds an empty segment".into()));
        }
        if !url.path().starts_with(self.url.path()) {
            return Err(HttpError::Guard(format!("the path is outside {}{}", self.origin, self.url.path())));
        }
        Ok(())
    }
}

/// Parses an absolute http(s) URL and refuses what parsers disagree about. Queries may hold raw
/// braces, brackets and backslashes: documented skip tokens do.
fn strict(text: &str) -> Result<Url, String> {
    if text.chars().any(|c| c.is_control()) || text.trim() != text {
        return Err("holds control characters or outer spaces".into());
    }
    let head = text.split('?').next().unwrap_or_default();
    if text.contains('#') {
        return Err("has a fragment".into());
    }
    let lower = head.to_ascii_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    let Some(rest) = rest else { return Err("is not an absolute http(s) address".into()) };
    let authority = rest.split('/').next().unwrap_or_default();
    if head.contains('\\') || head.contains(' ') {
        return Err("holds a backslash or a space before its query".into());
    }
    if authority.is_empty() || authority.contains(['@', '%']) || !authority.is_ascii() {
        return Err("has an unclear host".into());
    }
    Url::parse(text).map_err(|e| format!("is not a URL: {e}"))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
