//! Related rows: what of an incident's entities stands beside its record as rows of their own, which
//! the instance can search and count: observables, affected items, affected users.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What kind of observable a value is; each is a row of `sn_ti_observable_type` (servicenow-api 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObservableKind {
    /// An address of version 4.
    Ipv4,
    /// An address of version 6.
    Ipv6,
    /// A name in the domain name system.
    Domain,
    /// A web address.
    Url,
    /// A mail address.
    Email,
    /// A hash of 32 hex digits.
    Md5,
    /// A hash of 40 hex digits.
    Sha1,
    /// A hash of 64 hex digits.
    Sha256,
    /// A name of a host.
    Hostname,
    /// Anything else.
    Unknown,
}

impl ObservableKind {
    /// Every kind, always in the same order.
    pub const ALL: [Self; 10] = [
        Self::Ipv4,
        Self::Ipv6,
        Self::Domain,
        Self::Url,
        Self::Email,
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Hostname,
        Self::Unknown,
    ];

    /// The `name` of its type (servicenow-api 5); `Hostname` and `Unknown` depend on the instance
    /// (unverified).
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Ipv4 => "IP address (V4)",
            Self::Ipv6 => "IP address (V6)",
            Self::Domain => "Domain name",
            Self::Url => "URL",
            Self::Email => "Email address",
            Self::Md5 => "MD5 hash",
            Self::Sha1 => "SHA1 hash",
            Self::Sha256 => "SHA256 hash",
            Self::Hostname => "Hostname",
            Self::Unknown => "Unknown",
        }
    }
}

/// One row that is wanted beside a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "snake_case")]
pub enum WantedRow {
    /// An observable, found or created, tied to the record.
    Observable {
        /// Its kind.
        kind: ObservableKind,
        /// Its value, in the one form that we write.
        value: String,
    },
    /// A configuration item, found by these names and never created.
    Item {
        /// Its name.
        name: String,
        /// Its name with its domain; empty when that is not known.
        fqdn: String,
    },
    /// A user, found by mail address or login and never created.
    User {
        /// The principal name of the account.
        upn: String,
    },
}

/// The three lists that related rows stand in; each needs tables and rights of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowList {
    /// `sn_ti_observable` and `sn_ti_m2m_task_observable`.
    Observables,
    /// `task_ci`.
    Items,
    /// `sn_si_m2m_task_affected_user`.
    Users,
}

impl RowList {
    /// The word for people and in the names of facts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Observables => "observables",
            Self::Items => "affected items",
            Self::Users => "affected users",
        }
    }
}

impl WantedRow {
    /// The list that it stands in.
    pub fn list(&self) -> RowList {
        match self {
            Self::Observable { .. } => RowList::Observables,
            Self::Item { .. } => RowList::Items,
            Self::User { .. } => RowList::Users,
        }
    }

    /// A short name by which it is known again.
    pub fn short(&self) -> String {
        let text = match self {
            Self::Observable { kind, value } => format!("observable\n{}\n{value}", kind.type_name()),
            Self::Item { name, fqdn } => format!("item\n{name}\n{fqdn}"),
            Self::User { upn } => format!("user\n{upn}"),
        };
        Sha256::digest(text.as_bytes()).iter().take(8).map(|b| format!("{b:02x}")).collect()
    }

    /// What it is about, for people.
    pub fn shown(&self) -> &str {
        match self {
            Self::Observable { value, .. } => value,
            Self::Item { name, fqdn } => {
                if fqdn.is_empty() {
                    name
                } else {
                    fqdn
                }
            }
            Self::User { upn } => upn,
        }
    }
}

/// What a link knows of its record's related rows: each of them once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Related {
    /// Short names of rows that stand there, or were refused for good.
    pub known: BTreeSet<String>,
    /// Rows that are still to be found or made, in their order.
    pub waiting: Vec<WantedRow>,
    /// Rows that were added or found since it was last said.
    pub added: u32,
    /// Items and users since then of which none or several were found.
    pub unmatched: u32,
}

impl Related {
    /// True when nothing at all is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same once a row stands there.
    #[must_use]
    pub fn with(&self, row: &WantedRow) -> Self {
        let mut next = self.without(row);
        next.known.insert(row.short());
        next.added += 1;
        next
    }

    /// The same without a row that nobody waits for any more; the next reading may ask for it again.
    #[must_use]
    pub fn without(&self, row: &WantedRow) -> Self {
        let mut next = self.clone();
        next.waiting.retain(|w| w != row);
        next
    }
}
