//! From a refusal of the platform to a [`CallError`]: which kind, when again, what to do.

use std::time::Duration;

use serde_json::Value;

use crate::http::{FailKind, HttpError, HttpResponse, JsonFault, Sent, decode_json};
use crate::model::{CallError, FaultKind};
use crate::mutant::{self, Mutant};
use crate::text::{Stamp, clip};

/// What a call was about, as far as the reading of its refusal depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    /// True for a write, whose outcome may be unknown.
    pub writes: bool,
    /// True for a create, which alone can be a duplicate.
    pub creates: bool,
    /// True when the call names one record, which may be gone.
    pub one_record: bool,
}

const WAKE: &str = "wake the instance at developer.servicenow.com";
const OVERLOAD: &str = "the instance is overloaded or the page too large: ask for fewer rows at a time";

fn lost(e: CallError, writes: bool) -> CallError {
    if writes { e.unknown_outcome() } else { e }
}

/// What to do when nothing answers at an address.
const UNREACHABLE: &str = "check the address in the config, name resolution, firewall and proxy";

/// An exchange without a response.
pub(super) fn unsent_or_lost(error: &HttpError, writes: bool) -> CallError {
    let text = error.to_string();
    match error {
        HttpError::Guard(_) => CallError::new(FaultKind::Guard, text),
        HttpError::Closed(wait) => {
            CallError::new(FaultKind::Throttled, text).after(*wait).code("retry-after")
        }
        HttpError::Gated(wait) => CallError::new(FaultKind::Throttled, text).after(*wait).code("local-gate"),
        HttpError::Transport(e) => {
            let out = match e.kind {
                FailKind::TooLarge => {
                    CallError::new(FaultKind::Guard, text).hint("ask for fewer rows at a time")
                }
                FailKind::Unsendable => CallError::new(FaultKind::Guard, text),
                FailKind::Tls => CallError::new(FaultKind::Config, text)
                    .hint("check the CA file, the host name and any TLS inspection on the way"),
                FailKind::Broken => CallError::new(FaultKind::Garbled, text),
                FailKind::Connect => CallError::new(FaultKind::Unavailable, text).hint(UNREACHABLE),
                FailKind::Timeout | FailKind::Reset => CallError::new(FaultKind::Unavailable, text),
            };
            lost(out, writes && e.sent == Sent::Maybe)
        }
    }
}

/// A success status whose body is not what it should be.
pub(super) fn garbled(fault: &JsonFault, status: u16, writes: bool) -> CallError {
    let e = match fault {
        JsonFault::Hibernating => CallError::new(FaultKind::Asleep, fault.to_string()).hint(WAKE),
        JsonFault::Page(_) => CallError::new(FaultKind::Garbled, fault.to_string())
            .hint("a sign-in, maintenance or proxy page: open the instance in a browser"),
        JsonFault::Cancelled(_) => {
            CallError::new(FaultKind::Garbled, fault.to_string()).code("transaction-cancelled").hint(OVERLOAD)
        }
        _ => CallError::new(FaultKind::Garbled, fault.to_string()),
    };
    lost(e.status(status), writes)
}

/// Any answer that is not the success that the call needs.
pub(super) fn refused(
    response: &HttpResponse,
    pause: Option<Duration>,
    about: About,
    basic: bool,
) -> CallError {
    let status = response.status;
    let decoded = decode_json(response);
    if let Err(JsonFault::Hibernating) = decoded {
        return garbled(&JsonFault::Hibernating, status, about.writes);
    }
    let said = Said::read(response, &decoded);
    let text = format!("{status} {}", said.text);
    let e = match status {
        100..=299 => {
            lost(CallError::new(FaultKind::Garbled, format!("unexpected status {text}")), about.writes)
        }
        300..=399 => redirect(response, about),
        401 => sign_in(response, text, basic),
        429 => throttled(response, pause, text),
        400 | 403 | 409 | 422 | 500.. if about.creates && said.is_duplicate() => {
            CallError::new(FaultKind::Duplicate, text)
        }
        408 | 500.. => unavailable(&said, pause, text, about),
        414 => CallError::new(FaultKind::Guard, text).hint("the address was too long: ask for fewer things"),
        // Below here only the platform's own envelope is believed.
        _ if !said.enveloped => CallError::new(FaultKind::Garbled, text)
            .hint("a proxy or sign-in page answered: open the instance in a browser"),
        400 => bad_request(&said, text),
        403 => forbidden(&said, text),
        404 if about.one_record && !said.has("does not represent any resource") => {
            CallError::new(FaultKind::NotFound, text)
        }
        404 => {
            CallError::new(FaultKind::Config, text).hint("check the table name and the instance's address")
        }
        _ => CallError::new(FaultKind::Rejected, text),
    };
    e.status(status)
}

/// What the platform wrote, message and detail.
struct Said {
    text: String,
    lower: String,
    enveloped: bool,
}

impl Said {
    fn read(response: &HttpResponse, decoded: &Result<Value, JsonFault>) -> Self {
        let (text, enveloped) = match decoded {
            Ok(body) => {
                let error = body.get("error").filter(|e| e.is_object());
                let part = |key: &str| {
                    error
                        .and_then(|e| e.get(key))
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .trim()
                        .to_owned()
                };
                let both = [part("message"), part("detail")];
                let both: Vec<&str> = both.iter().map(String::as_str).filter(|t| !t.is_empty()).collect();
                // Labels of mandatory fields come behind a literal line break and tab.
                let text = both.join(": ").split_whitespace().collect::<Vec<_>>().join(" ");
                (text, error.is_some())
            }
            Err(JsonFault::Page(title)) => (format!("a web page, {title}"), false),
            Err(_) => {
                let head = response.body.get(..response.body.len().min(200)).unwrap_or_default();
                (String::from_utf8_lossy(head).into_owned(), false)
            }
        };
        let text = clip(&text, 500);
        Self { lower: text.to_ascii_lowercase(), text, enveloped }
    }

    fn has(&self, words: &str) -> bool {
        self.lower.contains(words)
    }

    /// The text of a second insert with the same key is not documented; databases say these.
    fn is_duplicate(&self) -> bool {
        ["duplicate entry", "duplicate key", "unique key violation", "unique constraint", "already exists"]
            .iter()
            .any(|words| self.has(words))
    }
}

fn redirect(response: &HttpResponse, about: About) -> CallError {
    let to = response.header("location").unwrap_or_default();
    let host = url::Url::parse(to).ok().and_then(|u| u.host_str().map(str::to_owned)).unwrap_or_default();
    let e = if host == "developer.servicenow.com" {
        CallError::new(FaultKind::Asleep, "the instance hibernates").hint(WAKE)
    } else {
        let text = format!("a redirect to {}, which is not followed", clip(&host, 80));
        CallError::new(FaultKind::Garbled, text)
            .hint("single sign-on or a moved instance: check its address and the integration user's login")
    };
    lost(e, about.writes)
}

fn sign_in(response: &HttpResponse, text: String, basic: bool) -> CallError {
    let e = CallError::new(FaultKind::SignIn, text);
    if response.header("x-mfa_token").is_some() {
        return e.code("mfa").hint("the user must sign in with a second factor: exempt the integration user");
    }
    e.hint(if basic {
        "check user and password, that the user is active and not locked out; newer releases refuse Basic \
         unless the user has web service access only or the role snc_basic_auth_api_access"
    } else {
        "a fresh token was refused: check that the OAuth application's user is active and not locked out"
    })
}

fn throttled(response: &HttpResponse, pause: Option<Duration>, text: String) -> CallError {
    let e = CallError::new(FaultKind::Throttled, text);
    let rule = response.header("x-ratelimit-rule").or_else(|| response.header("x-ratelimit-limit"));
    let reset = response.header("x-ratelimit-reset").and_then(|v| v.trim().parse::<i64>().ok());
    let date = response.header("date").and_then(Stamp::parse_http_date);
    let until_reset = match (reset, date) {
        (Some(reset), Some(date)) => Some(Stamp(reset.saturating_mul(1_000_000)).since(date)),
        _ => None,
    };
    let e = match pause.or(until_reset).filter(|_| !mutant::is_on(Mutant::RetryAfterIgnored)) {
        Some(wait) => e.after(wait.min(Duration::from_secs(86_400))),
        None => e,
    };
    match rule {
        Some(_) => {
            e.code("rate-rule").hint("an hourly rate rule of the instance: poll less or have it raised")
        }
        None => e.code("queue-full").hint("too many calls at once: lower the calls in flight"),
    }
}

fn unavailable(said: &Said, pause: Option<Duration>, text: String, about: About) -> CallError {
    let mut e = CallError::new(FaultKind::Unavailable, text);
    if said.has("transaction cancelled") {
        e = e.code("transaction-cancelled").hint(OVERLOAD);
    }
    if let Some(wait) = pause {
        e = e.after(wait);
    }
    lost(e, about.writes)
}

fn bad_request(said: &Said, text: String) -> CallError {
    let no_table = said.has("invalid table") || (said.has("table ") && said.has("does not exist"));
    if no_table {
        return CallError::new(FaultKind::Config, text)
            .code(CallError::NO_TABLE)
            .hint("check the table name in the config, or install the plugin that brings it");
    }
    if said.has("does not represent any resource") {
        return CallError::new(FaultKind::Config, text).hint("check the instance's address in the config");
    }
    CallError::new(FaultKind::Rejected, text)
}

fn forbidden(said: &Said, text: String) -> CallError {
    if said.has("data policy exception") {
        return CallError::new(FaultKind::Rejected, text).code("data-policy").hint(
            "fill the named fields, or give them a value in the mapping; labels are named, not fields",
        );
    }
    if said.has("aborted by business rule") {
        return CallError::new(FaultKind::Rejected, text)
            .code("business-rule")
            .hint("a rule of the instance refuses this write: ask its owner");
    }
    let e = CallError::new(FaultKind::Forbidden, text);
    if said.has("insufficient rights") {
        return e.hint("the integration user may not ask for a field of the query: give it read access");
    }
    if said.has("api level acl") || said.has("api access scope") || said.has("unscoped api") {
        return e.hint("a REST access policy closes the API for this user or token");
    }
    e.hint("check the integration user's roles on the table")
}
