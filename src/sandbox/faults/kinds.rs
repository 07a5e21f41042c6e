//! The kinds of fault: their names, and which calls each can strike.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use super::Nature;
use crate::sandbox::side::Side;

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
    /// Sentinel: a `nextLink` with raw spaces in it.
    SpacedLink,
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
    /// ServiceNow: a write that others see only 20 s after its stamp.
    LateVisible,
    /// ServiceNow: no answer, and the write commits only after the client gave up, at most a
    /// transaction's limit later.
    LateCommit,
    /// ServiceNow: a write whose stamp comes from a node with another clock.
    SkewedStamp,
    /// ServiceNow: rules save the record twice more after the write.
    ExtraSave,
    /// ServiceNow: only one item of a batch is served.
    PartialBatch,
    /// ServiceNow: 200, but a field rule kept impact, urgency, state and assignee as they were.
    /// Never part of a mixed profile, since a rule like this does not come and go.
    DroppedField,
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
    (SpacedLink, "spaced-link"),
    (AcceptedNothing, "accepted-nothing"),
    (CancelledBefore, "cancelled-before"),
    (CancelledAfter, "cancelled-after"),
    (Hibernating, "hibernating"),
    (LoginHtml, "login-html"),
    (HiddenRecord, "hidden-record"),
    (LateVisible, "late-visible"),
    (LateCommit, "late-commit"),
    (SkewedStamp, "skewed-stamp"),
    (ExtraSave, "extra-save"),
    (PartialBatch, "partial-batch"),
    (DroppedField, "dropped-field"),
];

impl FaultKind {
    /// Every kind, always in the same order.
    pub fn all() -> impl Iterator<Item = FaultKind> {
        KINDS.iter().map(|(kind, _)| *kind)
    }

    /// True when the kind exists on that side at all.
    pub fn belongs_to(self, side: Side) -> bool {
        match self {
            Conflict | ForeignLink | ExpiredLink | StaleList | PageRepeat | PageSkip | SpacedLink => {
                side == Side::Sentinel
            }
            AcceptedNothing | CancelledBefore | CancelledAfter | Hibernating | LoginHtml | HiddenRecord
            | LateVisible | LateCommit | SkewedStamp | ExtraSave | PartialBatch | DroppedField => {
                side == Side::ServiceNow
            }
            _ => true,
        }
    }

    /// True when the kind makes sense for this request.
    pub(crate) fn fits(self, side: Side, nature: &Nature) -> bool {
        if !self.belongs_to(side) {
            return false;
        }
        match self {
            Unauthorized | Forbidden | AcceptedNothing | CancelledBefore | LoginHtml | Duplicate => {
                !nature.token
            }
            ErrorAfter | CancelledAfter | CommitThenDrop | LateCommit => nature.write,
            Conflict => matches!(nature.operation, "put"),
            ForeignLink | StaleList | PageRepeat | PageSkip | SpacedLink => nature.operation == "list",
            LateVisible | SkewedStamp => matches!(nature.operation, "insert" | "update"),
            ExtraSave | DroppedField => nature.operation == "update",
            PartialBatch => nature.operation == "batch",
            ExpiredLink => nature.operation == "list" && nature.follows,
            HiddenRecord => matches!(nature.operation, "get" | "update"),
            _ => true,
        }
    }

    /// True for what an outage looks like from outside.
    pub(crate) fn is_outage(self) -> bool {
        matches!(self, Unavailable | Throttled | ThrottledBare | TimeoutBefore | GatewayTimeout | DropBefore)
    }

    /// True for what strikes in mixed profiles.
    pub(crate) fn comes_and_goes(self) -> bool {
        self != DroppedField
    }

    /// Switches that play the kind while they are on for one exchange, where only the world can.
    pub(crate) fn world_switches(self) -> Vec<(&'static str, Value)> {
        match self {
            StaleList => vec![("list_lag_s", json!(60))],
            PageRepeat => vec![("page_drift", json!("repeat"))],
            PageSkip => vec![("page_drift", json!("skip"))],
            ExpiredLink => vec![("skip_token_life_s", json!(0))],
            SpacedLink => vec![("next_link_spaces", json!(true))],
            ForeignLink => {
                vec![("next_link_origin", json!("https://management.azure.com.attacker.example"))]
            }
            LateVisible => vec![("late_visibility_rest_seconds", json!(20))],
            SkewedStamp => vec![("clock_skew_seconds", json!(2))],
            ExtraSave => vec![("extra_mod_count", json!(2))],
            PartialBatch => vec![("batch_serves", json!(1))],
            DroppedField => {
                let fields = ["impact", "urgency", "state", "assigned_to"];
                let names: Vec<String> = ["incident", "sn_si_incident"]
                    .iter()
                    .flat_map(|table| fields.iter().map(move |field| format!("{table}.{field}")))
                    .collect();
                vec![("write_denied_fields", json!({"*": names}))]
            }
            _ => Vec::new(),
        }
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
        let token = Nature { token: true, write: false, follows: false, operation: "token" };
        for kind in [Unauthorized, Forbidden, Conflict, CommitThenDrop, HiddenRecord, Duplicate] {
            assert!(!kind.fits(Side::ServiceNow, &token), "{kind}");
        }
        assert!(Hibernating.fits(Side::ServiceNow, &token), "a sleeping instance answers there too");
    }

    /// A renamed switch would make a fault silently do nothing.
    #[test]
    fn the_real_worlds_know_every_switch_that_a_fault_turns() {
        use crate::sandbox::sentinel::{SentinelOptions, SentinelWorld};
        use crate::sandbox::servicenow::{DeskOptions, DeskWorld};
        use crate::sandbox::wire::World;

        let mut sentinel = SentinelWorld::new(SentinelOptions {
            seed: 1,
            tenant: String::new(),
            client_id: String::new(),
            client_secrets: Vec::new(),
            subscription: String::new(),
            resource_group: String::new(),
            workspaces: Vec::new(),
        });
        let mut desk = DeskWorld::new(DeskOptions::default());
        for kind in FaultKind::all() {
            for (name, value) in kind.world_switches() {
                let worlds: [&mut dyn World; 2] = [&mut sentinel, &mut desk];
                for (side, world) in Side::BOTH.into_iter().zip(worlds) {
                    if kind.belongs_to(side) {
                        assert_eq!(world.set_switch(name, &value), Ok(()), "{kind}");
                    }
                }
            }
        }
    }
}
