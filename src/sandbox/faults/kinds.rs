//! The kinds of fault: their names, and which calls each can strike.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use super::nature;
use crate::sandbox::side::Side;
use crate::sandbox::wire::Request;

/// One way in which an exchange goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// Nothing is applied and no answer comes until the client gives up.
    TimeoutBefore,
    /// The request is applied, but no answer comes until the client gives up.
    TimeoutAfter,
    /// The connection closes at once and nothing is applied.
    DropBefore,
    /// The request is applied and the connection closes without an answer.
    CommitThenDrop,
    /// The answer breaks off in the middle of its body.
    ResetBody,
    /// A complete answer whose JSON was cut off.
    TruncatedJson,
    /// The request reaches the world twice; the client sees one of both answers.
    Duplicate,
    /// The body comes a few bytes at a time.
    SlowBody,
    /// A correct answer, seconds late, so that later calls overtake it.
    LateAnswer,
    /// Status 200 with an HTML maintenance page.
    MaintenanceHtml,
    /// 429 with `Retry-After` in seconds.
    Throttled,
    /// 429 without any hint.
    ThrottledBare,
    /// 429 whose `Retry-After` lies in the past.
    ThrottledPast,
    /// 429 whose `Retry-After` is an HTTP date.
    ThrottledDate,
    /// 503.
    Unavailable,
    /// 500 after the request was applied.
    ErrorAfter,
    /// 504 from a gateway, nothing applied.
    GatewayTimeout,
    /// 401 although the credential is good.
    Unauthorized,
    /// 403 although the role is there.
    Forbidden,
    /// Sentinel: 409 on a write whose etag was right.
    Conflict,
    /// Sentinel: a `nextLink` that names another host.
    ForeignLink,
    /// Sentinel: 400 on following a link.
    ExpiredLink,
    /// Sentinel: the list shows the past for this call.
    StaleList,
    /// Sentinel: a page repeats rows of the one before.
    PageRepeat,
    /// Sentinel: a page skips rows.
    PageSkip,
    /// ServiceNow: 202 and nothing done, as a full session queue answers.
    AcceptedNothing,
    /// ServiceNow: transaction cancelled before it committed; 200 with broken JSON.
    CancelledBefore,
    /// ServiceNow: transaction cancelled after it committed; 200 with broken JSON.
    CancelledAfter,
    /// ServiceNow: 200 with the page of a sleeping instance.
    Hibernating,
    /// ServiceNow: 200 with the login page.
    LoginHtml,
    /// ServiceNow: 404 for a record that is there, as a flapping ACL answers.
    HiddenRecord,
}

use FaultKind::*;

/// Every kind with its name, in the order of the enum.
const KINDS: &[(FaultKind, &str)] = &[
    (TimeoutBefore, "timeout-before"),
    (TimeoutAfter, "timeout-after"),
    (DropBefore, "drop-before"),
    (CommitThenDrop, "commit-then-drop"),
    (ResetBody, "reset-body"),
    (TruncatedJson, "truncated-json"),
    (Duplicate, "duplicate"),
    (SlowBody, "slow-body"),
    (LateAnswer, "late-answer"),
    (MaintenanceHtml, "maintenance-html"),
    (Throttled, "throttled"),
    (ThrottledBare, "throttled-bare"),
    (ThrottledPast, "throttled-past"),
    (ThrottledDate, "throttled-date"),
    (Unavailable, "unavailable"),
    (ErrorAfter, "error-after"),
    (GatewayTimeout, "gateway-timeout"),
    (Unauthorized, "unauthorized"),
    (Forbidden, "forbidden"),
    (Conflict, "conflict"),
    (ForeignLink, "foreign-link"),
    (ExpiredLink, "expired-link"),
    (StaleList, "stale-list"),
    (PageRepeat, "page-repeat"),
    (PageSkip, "page-skip"),
    (AcceptedNothing, "accepted-nothing"),
    (CancelledBefore, "cancelled-before"),
    (CancelledAfter, "cancelled-after"),
    (Hibernating, "hibernating"),
    (LoginHtml, "login-html"),
    (HiddenRecord, "hidden-record"),
];

/// A fault that only the world can play: a switch that is on for one exchange.
pub(crate) struct WorldFault {
    /// The switch.
    pub switch: &'static str,
    /// Its value while the fault strikes.
    pub value: Value,
}

impl FaultKind {
    /// Every kind, always in the same order.
    pub fn all() -> impl Iterator<Item = FaultKind> {
        KINDS.iter().map(|(kind, _)| *kind)
    }

    /// True when the kind exists on that side at all.
    pub fn belongs_to(self, side: Side) -> bool {
        match self {
            Conflict | ForeignLink | ExpiredLink | StaleList | PageRepeat | PageSkip => {
                side == Side::Sentinel
            }
            AcceptedNothing | CancelledBefore | CancelledAfter | Hibernating | LoginHtml | HiddenRecord => {
                side == Side::ServiceNow
            }
            _ => true,
        }
    }

    /// True when the kind makes sense for this request.
    pub(crate) fn fits(self, side: Side, request: &Request) -> bool {
        if !self.belongs_to(side) {
            return false;
        }
        let nature = nature(side, request);
        match self {
            Unauthorized | Forbidden | AcceptedNothing | CancelledBefore | LoginHtml | Duplicate => {
                !nature.token
            }
            ErrorAfter | CancelledAfter | CommitThenDrop => nature.write,
            Conflict => matches!(nature.operation, "put"),
            ForeignLink | StaleList | PageRepeat | PageSkip => nature.operation == "list",
            ExpiredLink => nature.operation == "list" && request.query.to_lowercase().contains("skiptoken="),
            HiddenRecord => matches!(nature.operation, "get" | "update"),
            _ => true,
        }
    }

    /// True for what an outage looks like from outside.
    pub(crate) fn is_outage(self) -> bool {
        matches!(self, Unavailable | Throttled | ThrottledBare | TimeoutBefore | GatewayTimeout | DropBefore)
    }

    /// The switch that plays the kind, where only the world can.
    pub(crate) fn world_fault(self) -> Option<WorldFault> {
        let (switch, value) = match self {
            StaleList => ("list_lag_seconds", json!(60)),
            PageRepeat => ("page_fault", json!("repeat")),
            PageSkip => ("page_fault", json!("skip")),
            _ => return None,
        };
        Some(WorldFault { switch, value })
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KINDS.iter().find(|(kind, _)| kind == self).map_or("?", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        KINDS.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind).ok_or_else(|| {
            let names: Vec<&str> = KINDS.iter().map(|(_, name)| *name).collect();
            format!("{text:?} is no kind of fault; use one of {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_name_and_a_side() {
        for (i, kind) in FaultKind::all().enumerate() {
            assert_eq!(kind as usize, i, "the table follows the enum");
            assert_eq!(kind.to_string().parse::<FaultKind>(), Ok(kind));
            assert!(Side::BOTH.into_iter().any(|side| kind.belongs_to(side)));
        }
    }

    #[test]
    fn a_token_request_never_gets_a_fault_of_the_api() {
        let token = Request { method: "POST".into(), path: "/oauth_token.do".into(), ..Request::default() };
        for kind in [Unauthorized, Forbidden, Conflict, CommitThenDrop, HiddenRecord, Duplicate] {
            assert!(!kind.fits(Side::ServiceNow, &token), "{kind}");
        }
        assert!(Hibernating.fits(Side::ServiceNow, &token), "a sleeping instance answers there too");
    }
}
