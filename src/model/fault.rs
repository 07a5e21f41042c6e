//! Why a call failed, in words that decide what happens next.
//!
//! Rules for messages: say what happened and to whom (incident, record, workspace, instance);
//! the hint says what to do about it; both are safe to print and never hold a secret.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Sign-in refused: wrong or expired secret, locked user, no token.
    SignIn,
    /// Signed in, but the role or an access rule forbids it.
    Forbidden,
    /// The config names something that does not exist: host, workspace, table, api-version.
    Config,
    /// The one incident or record is not there, or may not be seen.
    NotFound,
    /// A newer version exists; read, merge, try again.
    Conflict,
    /// A record with that key exists already.
    Duplicate,
    /// The server refused this one write: validation, data policy, business rule.
    Rejected,
    /// Too many calls.
    Throttled,
    /// Not reachable, timed out, 5xx.
    Unavailable,
    /// A developer instance sleeps, or a maintenance or login page answered.
    Asleep,
    /// An answer that cannot be what it claims: HTML with status 200, broken JSON, 202.
    Garbled,
    /// The server did not honour the query: rows that do not match it.
    QueryIgnored,
    /// A guard of our own refused: foreign origin, size or depth over the cap.
    Guard,
}

impl FaultKind {
    /// The word as it is stored and shown: `sign-in`.
    pub fn word(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Forbidden => "forbidden",
            Self::Config => "config",
            Self::NotFound => "not found",
            Self::Conflict => "newer version",
            Self::Duplicate => "duplicate",
            Self::Rejected => "rejected",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Asleep => "asleep",
            Self::Garbled => "garbled",
            Self::QueryIgnored => "query ignored",
            Self::Guard => "guard",
        }
    }
}

/// When, if ever, the same call makes sense again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// With growing pauses.
    Backoff,
    /// Not before this long from now: the server said so.
    After(Duration),
    /// Slowly, because only a person can cure it: secret, role, config, a sleeping instance.
    WhenCured,
    /// Never as it is: the call itself is wrong.
    Never,
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallError {
    /// What kind.
    pub kind: FaultKind,
    /// When to try again.
    pub retry: Retry,
    /// True when a write may have been applied although no answer says so.
    pub maybe_applied: bool,
    /// HTTP status, if there was one.
    pub status: Option<u16>,
    /// The server's own code, such as `AuthorizationFailed` or `AADSTS7000215`.
    pub code: Option<String>,
    /// What happened, safe to print.
    pub message: String,
    /// What to do about it; empty if nothing.
    pub hint: String,
}

impl CallError {
    /// A failure of that kind with the usual retry class; nothing was applied.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        let retry = match kind {
            FaultKind::SignIn | FaultKind::Forbidden | FaultKind::Config | FaultKind::Asleep => {
                Retry::WhenCured
            }
            FaultKind::NotFound | FaultKind::Duplicate | FaultKind::Rejected | FaultKind::Guard => {
                Retry::Never
            }
            FaultKind::Conflict
            | FaultKind::Throttled
            | FaultKind::Unavailable
            | FaultKind::Garbled
            | FaultKind::QueryIgnored => Retry::Backoff,
        };
        Self {
            kind,
            retry,
            maybe_applied: false,
            status: None,
            code: None,
            message: message.into(),
            hint: String::new(),
        }
    }

    /// Code of a refusal because the instance has no such table: a plugin is missing.
    pub const NO_TABLE: &str = "no-table";

    /// Code of an answer that counts rows and shows none of them.
    pub const HIDDEN_ROWS: &str = "hidden-rows";

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same with the HTTP status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same with the server's own code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The same, not before `wait` from now.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry = Retry::After(wait);
        self
    }

    /// The same, for a write whose outcome nobody knows.
    #[must_use]
    pub fn unknown_outcome(mut self) -> Self {
        self.maybe_applied = true;
        self
    }

    /// True when the whole side is out, and not just this one incident or record.
    pub fn is_side_wide(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::SignIn
                | FaultKind::Config
                | FaultKind::Throttled
                | FaultKind::Unavailable
                | FaultKind::Asleep
                | FaultKind::Garbled
                | FaultKind::QueryIgnored
        )
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.word(), crate::text::escape_line(&self.message))?;
        if !self.hint.is_empty() {
            write!(f, " ({})", crate::text::escape_line(&self.hint))?;
        }
        Ok(())
    }
}

impl std::error::Error for CallError {}
