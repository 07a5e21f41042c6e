//! Every behaviour that nobody could verify, or that a test wants to turn, with its default.
//!
//! A fact that the sources settle is code. A fact that they leave open is a switch here, and its
//! default is the most cautious reading.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::order;

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(super) enum $name { $($(#[$vdoc])* $variant),+ }
    )+};
}

choices! {
    /// How the collection is spelt in ids and types.
    Casing {
        /// `Incidents`, as the live service writes.
        Upper,
        /// `incidents`, as the documentation writes.
        Lower,
    }
    /// What a change of a sub-resource does to its incident.
    Bump { /// New etag and new time.
        Both, /// New etag only.
        Etag, /// New time only.
        Modified, /// Nothing.
        None }
    /// What the service principal may do.
    Role { /// Everything, deletes too.
        Contributor, /// Reads and writes.
        Responder, /// Reads.
        Reader, /// Nothing.
        None }
    /// Which limits hold.
    Throttle { /// None.
        Free, /// The gateway's token buckets.
        Arm, /// Those and the provider's five-minute floors.
        Floor }
    /// How tokens look.
    TokenShape { /// Three dotted parts.
        Jwt, /// Random text.
        Opaque }
    /// What a next link continues from.
    Paging { /// The last row's sort key.
        Keyset, /// A row count.
        Offset }
    /// What goes wrong between two pages.
    Drift { /// Nothing.
        None, /// The last row comes again.
        Repeat, /// One row is left out.
        Skip, /// Either, at random.
        Both }
    /// An owner whose object id the directory does not know.
    UnknownOwner { /// Stored as sent.
        Accept, /// 400.
        Reject, /// Stored as unassigned.
        Drop }
    /// An owner without object id.
    FreeOwner { /// Looked up by principal name or e-mail, else kept as text.
        Resolve, /// Kept as text.
        Keep, /// Stored as unassigned.
        Drop }
    /// Something the service may take or refuse.
    Leniency { /// Taken.
        Accept, /// Refused with 400, or 409 for etags.
        Reject }
    /// How a scope that is not ours is refused.
    WrongScope { /// 404 with the missing thing's code.
        NotFound, /// 403.
        Forbidden }
    /// How an optional member without value is written.
    Absent { /// Left out.
        Omit, /// null.
        Null }
    /// How `$` is written in a next link's keys.
    Dollar { /// `$top`.
        Literal, /// `%24top`.
        Escaped }
    /// How long a text is.
    LengthUnit { /// UTF-16 units, as .NET counts.
        Utf16, /// Code points.
        Chars }
    /// Which filter operators are understood.
    Dialect { /// All of them.
        Full, /// Only those that shipped clients send.
        Seen }
    /// The bucket of the POST operations that only read.
    PostCounts { /// Reads.
        Read, /// Writes.
        Write }
    /// The order of comments without `$orderby`.
    CommentOrder { /// Oldest first.
        Asc, /// Newest first.
        Desc }
    /// What `$top` above the maximum gives.
    TopOver { /// 400.
        Reject, /// The maximum.
        Clamp }
}

macro_rules! switches {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $default:expr),+ $(,)?) => {
        /// All switches with their values. Field order is the order of `World::switches`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Switches { $($(#[$doc])* pub $name: $kind),+ }

        impl Default for Switches {
            fn default() -> Self {
                Self { $($name: $default),+ }
            }
        }
    };
}

switches! {
    // Tokens and access.
    /// `expires_in`, seconds.
    token_life_s: u64 = 3599,
    /// Tokens really end this much earlier than they say (a skewed clock).
    token_early_s: u64 = 0,
    /// How tokens look.
    token_shape: TokenShape = TokenShape::Jwt,
    /// Tokens of another epoch are invalid: raise it to revoke all.
    token_epoch: u64 = 0,
    /// AADSTS number that every token request is answered with.
    token_error: Option<u32> = None,
    /// What a client assertion is worth. Signatures are not checked, claims are.
    assertions: Leniency = Leniency::Reject,
    /// Tenant that the subscription belongs to, if not ours.
    subscription_tenant: Option<String> = None,
    /// What the service principal may do.
    role: Role = Role::Responder,
    /// How a foreign scope is refused.
    wrong_scope: WrongScope = WrongScope::NotFound,
    /// Workspaces without Sentinel.
    not_onboarded: Vec<String> = Vec::new(),
    /// Workspaces that were moved to the Defender portal.
    defender: Vec<String> = Vec::new(),
    /// XDR incidents have no description.
    defender_hides_description: bool = true,
    /// Preview api-versions are registered.
    preview_versions: bool = true,

    // Limits.
    /// Which limits hold.
    throttle: Throttle = Throttle::Free,
    /// Multiplies every limit.
    throttle_factor: f64 = 1.0,
    /// The bucket of reading POSTs.
    post_counts_as: PostCounts = PostCounts::Read,
    /// How long a text is.
    length_unit: LengthUnit = LengthUnit::Utf16,
    /// Longest title, if any.
    title_max: Option<usize> = None,
    /// Longest classification comment, if any.
    classification_comment_max: Option<usize> = None,
    /// Most entities in one answer, if any.
    entity_cap: Option<usize> = None,

    // Shape.
    /// How the collection is spelt.
    casing: Casing = Casing::Upper,
    /// Fractional digits of an incident's and a comment's times, 0 to 7.
    time_digits: u8 = 7,
    /// How an optional member without value is written.
    absent: Absent = Absent::Omit,
    /// An alert's `timeGenerated` follows its incident's changes.
    alert_time_shifts: bool = true,
    /// `error.code` of a missing incident.
    missing_incident_code: String = "NotFound".into(),

    // Writing.
    /// A PUT without description clears it.
    put_clears_description: bool = true,
    /// A PUT without owner unassigns.
    put_clears_owner: bool = true,
    /// A PUT without labels clears them.
    put_clears_labels: bool = true,
    /// A PUT of a closed incident without closing members clears them.
    put_clears_classification: bool = true,
    /// A PUT without activity times clears them.
    put_clears_activity: bool = true,
    /// Closing members vanish when the status is not Closed.
    reopen_drops_closing: bool = true,
    /// A PUT of an existing incident without etag.
    missing_etag: Leniency = Leniency::Reject,
    /// Status of a stale etag, 409 or 412.
    conflict_status: u16 = 409,
    /// That many PUTs of incidents are answered with a conflict, whatever they carry.
    conflict_storm: u32 = 0,
    /// Read-only members in a PUT.
    read_only_members: Leniency = Leniency::Accept,
    /// An owner whose object id is unknown.
    unknown_owner: UnknownOwner = UnknownOwner::Accept,
    /// An owner without object id.
    owner_free_text: FreeOwner = FreeOwner::Resolve,
    /// Labels are trimmed and repeated ones dropped.
    labels_tidy: bool = false,
    /// Names of relations beyond the documented pattern.
    relation_names: Leniency = Leniency::Accept,
    /// What a new comment does to its incident.
    comment_bumps: Bump = Bump::Both,
    /// What an edited comment does to its incident.
    comment_edit_bumps: Bump = Bump::Both,
    /// What a deleted comment does to its incident.
    comment_delete_bumps: Bump = Bump::Both,
    /// What an alert or bookmark that arrives does to its incident.
    alert_bumps: Bump = Bump::Both,
    /// What a relation written by the API does to its incident.
    relation_bumps: Bump = Bump::Both,
    /// What a task does to its incident.
    task_bumps: Bump = Bump::None,

    // Listing.
    /// Order of incidents without `$orderby`.
    default_order: String = "properties/createdTimeUtc desc".into(),
    /// Order of comments without `$orderby`.
    comment_order: CommentOrder = CommentOrder::Asc,
    /// `classification eq 'Undetermined'` finds nothing (a known bug).
    undetermined_bug: bool = true,
    /// Which filter operators are understood.
    filter_dialect: Dialect = Dialect::Full,
    /// `$top` above the maximum.
    top_over_max: TopOver = TopOver::Reject,
    /// Pages are never longer, whatever `$top` says.
    page_cap: Option<usize> = None,
    /// What a next link continues from.
    paging: Paging = Paging::Keyset,
    /// What goes wrong between two pages.
    page_drift: Drift = Drift::None,
    /// Age in seconds at which a next link is refused with 400; 0 refuses each.
    skip_token_life_s: Option<u64> = None,
    /// The list shows changes late, by up to that many seconds (0 to 60).
    list_lag_s: u64 = 0,
    /// Each version is late by its own share of the lag, not all by the whole.
    list_lag_spread: bool = true,
    /// Next links name the port even if it is the scheme's own.
    next_link_port: bool = false,
    /// Origin that next links point at instead of ours.
    next_link_origin: Option<String> = None,
    /// Next links hold raw spaces.
    next_link_spaces: bool = false,
    /// How `$` is written in a next link's keys.
    next_link_dollar: Dollar = Dollar::Literal,
}

impl Switches {
    /// All names and values as one object.
    pub fn show(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Sets one switch, or says why not.
    pub fn set(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let mut all = self.show();
        let Some(slot) = all.get_mut(name) else {
            return Err(format!("no switch is called '{name}'"));
        };
        *slot = value.clone();
        let next: Self = serde_json::from_value(all).map_err(|e| format!("'{name}': {e}"))?;
        next.check()?;
        *self = next;
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        if self.time_digits > 7 {
            return Err("'time_digits' goes from 0 to 7".into());
        }
        if self.list_lag_s > 60 {
            return Err("'list_lag_s' goes from 0 to 60".into());
        }
        if !(self.throttle_factor.is_finite() && self.throttle_factor > 0.0) {
            return Err("'throttle_factor' is a number above 0".into());
        }
        if self.page_cap == Some(0) {
            return Err("'page_cap' is at least 1, or null".into());
        }
        if self.conflict_status != 409 && self.conflict_status != 412 {
            return Err("'conflict_status' is 409 or 412".into());
        }
        if let Some(code) = self.token_error
            && !super::entra::knows(code)
        {
            return Err(format!("'token_error': AADSTS{code} is not one this server can answer"));
        }
        order::parse(&self.default_order, super::incident::FIELDS)
            .map_err(|e| format!("'default_order': {}", e.message))?;
        Ok(())
    }

    /// Whether a workspace is listed in `names`.
    pub fn lists(names: &[String], workspace: &str) -> bool {
        names.iter().any(|n| n.eq_ignore_ascii_case(workspace))
    }

    /// The length of a text in the unit that limits are counted in.
    pub fn length(&self, text: &str) -> usize {
        match self.length_unit {
            LengthUnit::Utf16 => text.encode_utf16().count(),
            LengthUnit::Chars => text.chars().count(),
        }
    }
}
