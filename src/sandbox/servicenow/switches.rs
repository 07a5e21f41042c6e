//! Every behaviour of the instance that a test or an operator may turn.
//!
//! What the documentation leaves open is a switch with the likeliest default. The struct is the
//! single list of names: `switches()` prints it, `set_switch` reads it back with one member
//! replaced, so an unknown name or a wrong type is refused by its own field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What happens to a `sys_id` in the body of a POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClientId {
    /// Kept verbatim (measured by client test suites).
    Honoured,
    /// A fresh one is given instead.
    Ignored,
    /// The insert fails with 403.
    Refused,
}

/// Shape of the answer to an insert whose `sys_id` exists (unverified).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DuplicateShape {
    /// 403 `Operation Failed` with the text of a unique key violation.
    Forbidden,
    /// 400 with the same text.
    BadRequest,
    /// 409 with the same text.
    Conflict,
    /// 500 with the same text.
    ServerError,
}

/// Which close codes `incident` offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CloseCodes {
    /// Installations since Utah.
    New,
    /// Older ones.
    Old,
}

/// How strictly `sn_si_incident` moves through its phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Process {
    /// Any move.
    Open,
    /// A skipped phase is aborted with 403.
    StatefulRejects,
    /// A skipped phase leaves the state as it was, with 200.
    StatefulIgnores,
}

/// How a table answers someone whose rights are thin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Visibility {
    /// All rows.
    Rows,
    /// 200 and no rows.
    Empty,
    /// 403.
    Forbidden,
}

/// How `sys_choice` answers someone who is no administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChoiceRights {
    /// All columns, as with `personalize_choices`.
    Rows,
    /// Only `label`, and no filtering by `name` or `element` (measured for a plain user).
    LabelOnly,
}

/// What becomes of a write to the state of a closed or cancelled incident (unverified).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClosedWrites {
    /// It goes through.
    Allowed,
    /// 200 and the state stays, as a field rule does.
    Unchanged,
    /// 403 `ACL Exception Update`.
    Denied,
}

/// A page that the whole instance answers with instead of its API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Page {
    /// No page.
    None,
    /// 200 with the hibernation page.
    Hibernating,
    /// 302 to the developer site.
    HibernatingRedirect,
    /// 200 with a login form.
    Login,
    /// 302 to the login form.
    LoginRedirect,
    /// 503 with a maintenance page.
    Maintenance,
}

/// When a cancelled write was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CancelWrites {
    /// Never.
    Off,
    /// Before it was committed: nothing happened.
    BeforeCommit,
    /// After it was committed: it happened, the answer says otherwise.
    AfterCommit,
}

/// Which reads may come from a lagging replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReplicaReads {
    /// Lists that carry `sysparm_query_category` (documented).
    Category,
    /// All lists.
    Lists,
    /// All reads, those by key too.
    All,
}

/// Body of the 401 for a dead bearer token (unverified).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BearerBody {
    /// The ordinary envelope.
    Envelope,
    /// `{"error":"invalid_token",…}`.
    InvalidToken,
}

/// A business rule that writes another value than the one sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rewrite {
    /// Table.
    pub(super) table: String,
    /// Column.
    pub(super) field: String,
    /// Only when this value arrives; any value if absent.
    #[serde(default)]
    pub(super) from: Option<String>,
    /// What is stored.
    pub(super) to: String,
}

/// A business rule that aborts an update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Abort {
    /// Table.
    pub(super) table: String,
    /// Column whose change aborts; for a journal column, an entry.
    pub(super) field: String,
    /// Only when it becomes this value; any change if absent.
    #[serde(default)]
    pub(super) value: Option<String>,
    /// The rule's name.
    pub(super) rule: String,
}

/// A staging table and what becomes of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportMap {
    /// Staging table.
    pub(super) staging: String,
    /// Target table.
    pub(super) table: String,
    /// Name of the transform map.
    pub(super) map: String,
    /// Column of the target by which rows are found again; empty for always inserting.
    #[serde(default)]
    pub(super) coalesce: String,
}

impl ImportMap {
    fn stock() -> Vec<Self> {
        let map = |staging: &str, table: &str, map: &str, coalesce: &str| Self {
            staging: staging.into(),
            table: table.into(),
            map: map.into(),
            coalesce: coalesce.into(),
        };
        vec![
            map("sn_si_incident_import", "sn_si_incident", "Security Incident Transform", "correlation_id"),
            map("imp_incident", "incident", "Incident", "correlation_id"),
        ]
    }
}

/// Names per user name; `*` stands for every user who is no administrator.
pub(super) type PerUser = BTreeMap<String, Vec<String>>;

macro_rules! switches {
    ($($(#[$doc:meta])* $name:ident : $kind:ty = $default:expr,)*) => {
        /// All switches.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Switches { $($(#[$doc])* pub(super) $name: $kind,)* }
        impl Default for Switches {
            fn default() -> Self { Self { $($name: $default,)* } }
        }
    };
}

switches! {
    // --- signing in
    /// Interactive users may not use Basic.
    basic_gate: bool = false,
    /// Failed logins after which a user is locked; 0 for never.
    lockout_after: u32 = 0,
    /// Text of the 401 message; recent builds say `User is not authenticated`.
    unauthenticated_message: String = "User Not Authenticated".into(),
    /// `WWW-Authenticate` beside a 401 (unverified text).
    www_authenticate: String = r#"BASIC realm="Service-now""#.into(),
    /// The client credentials grant is enabled (a system property, off on a stock instance).
    client_credentials_grant: bool = true,
    /// That grant gives a refresh token too (unverified).
    client_credentials_refresh_token: bool = false,
    /// Life of an access token in seconds.
    token_seconds: u64 = 1800,
    /// Life of a refresh token in seconds.
    refresh_seconds: u64 = 8_640_000,
    /// Body of the 401 for a dead bearer token.
    expired_bearer_body: BearerBody = BearerBody::Envelope,
    /// Users whom the REST API rule keeps out with 403.
    api_closed_users: Vec<String> = Vec::new(),
    /// Bearer and key requests lack the API's scope: 403.
    scope_missing: bool = false,
    /// Users who must present a second factor: 401 with `X-MFA_TOKEN`.
    mfa_users: Vec<String> = Vec::new(),
    /// Every n-th request gets a 401 in spite of good credentials; 0 for none.
    flaky_401_every: u64 = 0,
    // --- the instance
    /// Origin in links; empty for the one that the request came in on.
    instance_origin: String = String::new(),
    /// A query with an unknown column gives no rows instead of dropping the term.
    invalid_query_returns_no_rows: bool = false,
    /// Text compares case by case (unverified: it usually does not).
    case_sensitive_compare: bool = false,
    /// A literal date in a query is in the user's zone instead of UTC (unverified).
    query_dates_in_user_zone: bool = false,
    /// What becomes of a caller's `sys_id`.
    client_sys_id: ClientId = ClientId::Honoured,
    /// How an existing `sys_id` is refused.
    duplicate_sys_id: DuplicateShape = DuplicateShape::Forbidden,
    /// Which close codes exist on `incident`.
    close_code_preset: CloseCodes = CloseCodes::New,
    /// An unknown choice value is stored instead of blanked.
    allow_non_existing_value: bool = false,
    /// Further columns, each `table.u_name` or `table.u_name:kind`.
    custom_fields: Vec<String> = Vec::new(),
    /// Columns that must not be empty after an insert, each `table.column`.
    mandatory_on_insert: Vec<String> = Vec::new(),
    /// Security Incident Response is installed.
    sir_plugin: bool = true,
    /// Threat Intelligence is installed.
    ti_plugin: bool = true,
    /// A write that changes nothing moves count and stamp all the same (unverified).
    no_op_update_moves_stamp: bool = false,
    // --- incident
    /// State 6 or 7 needs close code and close notes.
    incident_close_policy: bool = true,
    /// State 3 needs a hold reason over REST too (it does not on a stock instance).
    hold_reason_mandatory: bool = false,
    /// Leaving On Hold clears the hold reason (unverified).
    leaving_hold_clears_reason: bool = true,
    /// Reopening clears the closing fields (unverified).
    reopen_clears_close_fields: bool = true,
    /// What a state change on a closed or cancelled incident meets.
    closed_state_writes: ClosedWrites = ClosedWrites::Unchanged,
    /// A caller's comment takes an incident out of Awaiting Caller.
    caller_comment_resumes: bool = true,
    // --- sn_si_incident
    /// The state model.
    sir_process: Process = Process::Open,
    /// Closing needs close code and close notes (unverified labels).
    sir_close_policy: bool = true,
    /// A started response task moves its incident to Contain.
    sir_rollup_task_state: bool = true,
    /// After insert or update a calculator writes a note as `system` and bumps the count.
    risk_score_rule: bool = true,
    /// The calculator runs after the response was built.
    risk_score_async: bool = false,
    /// `admin` reads security incidents (unverified, differs per instance).
    admin_reads_sir: bool = true,
    // --- business rules of the customer
    /// Rules that store another value.
    rewrites: Vec<Rewrite> = Vec::new(),
    /// Rules that abort.
    aborts: Vec<Abort> = Vec::new(),
    /// Rules that save once more: added to the count with each update.
    extra_mod_count: u64 = 0,
    /// A changed group clears an assignee who is not in it.
    group_change_clears_assignee: bool = false,
    // --- who may see and write what
    /// Rows a user does not see: `sys_id`s or table names.
    hidden_rows: PerUser = PerUser::new(),
    /// Tables that a user reads as empty.
    unreadable_tables: PerUser = PerUser::new(),
    /// Columns that are missing from a user's answers, each `table.column`.
    hidden_fields: PerUser = PerUser::new(),
    /// Columns that a user may not sort or compare by range, each `table.column`.
    range_denied_fields: PerUser = PerUser::new(),
    /// Columns that a user's writes leave unchanged without a word, each `table.column`.
    write_denied_fields: PerUser = PerUser::new(),
    /// Tables that a user may not write: 403.
    read_only_tables: PerUser = PerUser::new(),
    /// Rows in tables that a user may write may also be deleted; a stock instance wants `admin`.
    writers_delete: bool = true,
    /// `sys_journal_field` for users without `audit_viewer`.
    journal_acl: Visibility = Visibility::Rows,
    /// `sys_audit` for users without `audit_viewer`.
    audit_acl: Visibility = Visibility::Empty,
    /// `sys_choice` for users without `personalize_choices`.
    choice_acl: ChoiceRights = ChoiceRights::Rows,
    /// The domain that a user's records get; `global` for the others.
    user_domains: BTreeMap<String, String> = BTreeMap::new(),
    /// Tables of which a user may put records into another domain; what others send is dropped without a
    /// word (unverified).
    domain_writers: PerUser = PerUser::new(),
    /// The domains that a user sees besides `global`; all for users who are not listed. What is
    /// outside is neither shown nor counted.
    visible_domains: PerUser = PerUser::new(),
    // --- imports
    /// Staging tables with the table, the map and the coalesce column of each.
    imports: Vec<ImportMap> = ImportMap::stock(),
    // --- time
    /// People's writes become visible up to so many seconds after their stamp.
    late_visibility_seconds: u64 = 0,
    /// The same for writes through the API.
    late_visibility_rest_seconds: u64 = 0,
    /// Stamps are off by up to so many seconds either way, as between nodes.
    clock_skew_seconds: u64 = 0,
    /// How far the replica lags, in seconds; 0 for none.
    replica_lag_seconds: u64 = 0,
    /// Which reads use it.
    replica_reads: ReplicaReads = ReplicaReads::Category,
    // --- limits and failures
    /// A page instead of any answer.
    page: Page = Page::None,
    /// Requests per user and hour; 0 for no rule, and no rate headers either.
    rate_limit_per_hour: u64 = 0,
    /// The window starts on the clock hour instead of at the first request (unverified).
    rate_window_on_the_hour: bool = true,
    /// Items of a batch count one by one (unverified).
    rate_counts_batch_items: bool = true,
    /// Every n-th request finds the semaphore queue full: 429 without headers; 0 for none.
    semaphore_429_every: u64 = 0,
    /// Every n-th request is answered 202 and dropped; 0 for none.
    dropped_202_every: u64 = 0,
    /// Every n-th list is cut off by the transaction quota; 0 for none.
    cancelled_list_every: u64 = 0,
    /// Lists of more rows than this are always cut off; 0 for none.
    cancelled_list_rows: u64 = 0,
    /// A cut-off answer has status 500 instead of 200.
    cancelled_is_500: bool = false,
    /// Writes are cancelled.
    cancel_writes: CancelWrites = CancelWrites::Off,
    /// So many items of a batch are served, the others come back unserviced; 0 for all.
    batch_serves: u64 = 0,
}

impl Switches {
    /// All switches as one JSON object.
    pub(super) fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// The switches with one replaced, or why that cannot be.
    pub(super) fn replaced(&self, name: &str, value: &Value) -> Result<Self, String> {
        let mut all = self.to_value();
        let place = all.get_mut(name).ok_or_else(|| format!("no switch is called '{name}'"))?;
        *place = value.clone();
        serde_json::from_value(all).map_err(|e| format!("switch '{name}': {e}"))
    }
}

/// True if `names` lists `item` for `user` or for everyone.
pub(super) fn listed(names: &PerUser, user: &str, item: &str) -> bool {
    [user, "*"].iter().any(|u| names.get(*u).is_some_and(|items| items.iter().any(|i| i == item)))
}
