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

/// All switches with their values. Field order is the order of `World::switches`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switches {
    // Tokens and access.
    /// `expires_in`, seconds.
    pub token_life_s: u64,
    /// Tokens really end this much earlier than they say (a skewed clock).
    pub token_early_s: u64,
    /// How tokens look.
    pub token_shape: TokenShape,
    /// Tokens of another epoch are invalid: raise it to revoke all.
    pub token_epoch: u64,
    /// AADSTS number that every token request is answered with.
    pub token_error: Option<u32>,
    /// Tenant that the subscription belongs to, if not ours.
    pub subscription_tenant: Option<String>,
    /// What the service principal may do.
    pub role: Role,
    /// How a foreign scope is refused.
    pub wrong_scope: WrongScope,
    /// Workspaces without Sentinel.
    pub not_onboarded: Vec<String>,
    /// Workspaces that were moved to the Defender portal.
    pub defender: Vec<String>,
    /// XDR incidents have no description.
    pub defender_hides_description: bool,
    /// Preview api-versions are registered.
    pub preview_versions: bool,

    // Limits.
    /// Which limits hold.
    pub throttle: Throttle,
    /// Multiplies every limit.
    pub throttle_factor: f64,
    /// The bucket of reading POSTs.
    pub post_counts_as: PostCounts,
    /// How long a text is.
    pub length_unit: LengthUnit,
    /// Longest title, if any.
    pub title_max: Option<usize>,
    /// Longest classification comment, if any.
    pub classification_comment_max: Option<usize>,
    /// Most entities in one answer, if any.
    pub entity_cap: Option<usize>,

    // Shape.
    /// How the collection is spelt.
    pub casing: Casing,
    /// Fractional digits of an incident's and a comment's times, 0 to 7.
    pub time_digits: u8,
    /// How an optional member without value is written.
    pub absent: Absent,
    /// An alert's `timeGenerated` follows its incident's changes.
    pub alert_time_shifts: bool,
    /// `error.code` of a missing incident.
    pub missing_incident_code: String,

    // Writing.
    /// A PUT without description clears it.
    pub put_clears_description: bool,
    /// A PUT without owner unassigns.
    pub put_clears_owner: bool,
    /// A PUT without labels clears them.
    pub put_clears_labels: bool,
    /// A PUT of a closed incident without closing members clears them.
    pub put_clears_classification: bool,
    /// A PUT without activity times clears them.
    pub put_clears_activity: bool,
    /// Closing members vanish when the status is not Closed.
    pub reopen_drops_closing: bool,
    /// A PUT of an existing incident without etag.
    pub missing_etag: Leniency,
    /// Status of a stale etag, 409 or 412.
    pub conflict_status: u16,
    /// That many PUTs of incidents are answered with a conflict, whatever they carry.
    pub conflict_storm: u32,
    /// Read-only members in a PUT.
    pub read_only_members: Leniency,
    /// An owner whose object id is unknown.
    pub unknown_owner: UnknownOwner,
    /// An owner without object id.
    pub owner_free_text: FreeOwner,
    /// Labels are trimmed and repeated ones dropped.
    pub labels_tidy: bool,
    /// Names of relations beyond the documented pattern.
    pub relation_names: Leniency,
    /// What a new comment does to its incident.
    pub comment_bumps: Bump,
    /// What an edited comment does to its incident.
    pub comment_edit_bumps: Bump,
    /// What a deleted comment does to its incident.
    pub comment_delete_bumps: Bump,
    /// What an alert or bookmark that arrives does to its incident.
    pub alert_bumps: Bump,
    /// What a relation written by the API does to its incident.
    pub relation_bumps: Bump,
    /// What a task does to its incident.
    pub task_bumps: Bump,

    // Listing.
    /// Order of incidents without `$orderby`.
    pub default_order: String,
    /// Order of comments without `$orderby`.
    pub comment_order: CommentOrder,
    /// `classification eq 'Undetermined'` finds nothing (a known bug).
    pub undetermined_bug: bool,
    /// Which filter operators are understood.
    pub filter_dialect: Dialect,
    /// `$top` above the maximum.
    pub top_over_max: TopOver,
    /// Pages are never longer, whatever `$top` says.
    pub page_cap: Option<usize>,
    /// What a next link continues from.
    pub paging: Paging,
    /// What goes wrong between two pages.
    pub page_drift: Drift,
    /// Age in seconds at which a next link is refused with 400; 0 refuses each.
    pub skip_token_life_s: Option<u64>,
    /// The list shows changes late, by up to that many seconds (0 to 60).
    pub list_lag_s: u64,
    /// Each version is late by its own share of the lag, not all by the whole.
    pub list_lag_spread: bool,
    /// Next links name the port even if it is the scheme's own.
    pub next_link_port: bool,
    /// Origin that next links point at instead of ours.
    pub next_link_origin: Option<String>,
    /// Next links hold raw spaces.
    pub next_link_spaces: bool,
    /// How `$` is written in a next link's keys.
    pub next_link_dollar: Dollar,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            token_life_s: 3599,
            token_early_s: 0,
            token_shape: TokenShape::Jwt,
            token_epoch: 0,
            token_error: None,
            subscription_tenant: None,
            role: Role::Responder,
            wrong_scope: WrongScope::NotFound,
            not_onboarded: Vec::new(),
            defender: Vec::new(),
            defender_hides_description: true,
            preview_versions: true,
            throttle: Throttle::Free,
            throttle_factor: 1.0,
            post_counts_as: PostCounts::Read,
            length_unit: LengthUnit::Utf16,
            title_max: None,
            classification_comment_max: None,
            entity_cap: None,
            casing: Casing::Upper,
            time_digits: 7,
            absent: Absent::Omit,
            alert_time_shifts: true,
            missing_incident_code: "NotFound".into(),
            put_clears_description: true,
            put_clears_owner: true,
            put_clears_labels: true,
            put_clears_classification: true,
            put_clears_activity: true,
            reopen_drops_closing: true,
            missing_etag: Leniency::Reject,
            conflict_status: 409,
            conflict_storm: 0,
            read_only_members: Leniency::Accept,
            unknown_owner: UnknownOwner::Accept,
            owner_free_text: FreeOwner::Resolve,
            labels_tidy: false,
            relation_names: Leniency::Accept,
            comment_bumps: Bump::Both,
            comment_edit_bumps: Bump::Both,
            comment_delete_bumps: Bump::Both,
            alert_bumps: Bump::Both,
            relation_bumps: Bump::Both,
            task_bumps: Bump::None,
            default_order: "properties/createdTimeUtc desc".into(),
            comment_order: CommentOrder::Asc,
            undetermined_bug: true,
            filter_dialect: Dialect::Full,
            top_over_max: TopOver::Reject,
            page_cap: None,
            paging: Paging::Keyset,
            page_drift: Drift::None,
            skip_token_life_s: None,
            list_lag_s: 0,
            list_lag_spread: true,
            next_link_port: false,
            next_link_origin: None,
            next_link_spaces: false,
            next_link_dollar: Dollar::Literal,
        }
    }
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
