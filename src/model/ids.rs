//! Names and numbers that identify things, each its own type so that none is taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text as it is written on the wire and in the store.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&crate::text::escape_line(&self.0))
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

text_id! {
    /// The short, immutable key of a workspace in the config (D6).
    WorkspaceKey
}
text_id! {
    /// The short, immutable key of a ServiceNow instance in the config (D6).
    InstanceKey
}
text_id! {
    /// A ServiceNow table name such as `incident` or `sn_si_incident`.
    TableName
}
text_id! {
    /// A Sentinel incident's name: its GUID, lower case.
    IncidentId
}
text_id! {
    /// A ServiceNow `sys_id`: usually 32 lower-case hex digits.
    SysId
}
number_id! {
    /// A link's number in the store.
    LinkId
}
number_id! {
    /// An intent's number in the store; its order is the order of commitment.
    IntentId
}
number_id! {
    /// A command's number in the store.
    CommandId
}
number_id! {
    /// A conversation entry's number in the store.
    EntryId
}

/// A ServiceNow instance as one of its users sees it: its own user, or the one that signs in for a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeskKey {
    /// The instance.
    pub instance: InstanceKey,
    /// The domain whose user it is; empty for the instance's own.
    pub domain: String,
}

impl std::fmt::Display for DeskKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.domain.as_str() {
            "" => write!(f, "instance {}", self.instance),
            domain => write!(f, "instance {}, domain {}", self.instance, crate::text::escape_line(domain)),
        }
    }
}

fn key(text: &str) -> Result<String, String> {
    let ok = (1..=16).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if ok {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "the key {:?} must have 1 to 16 characters out of a-z, 0-9 and -",
            crate::text::escape_line(text)
        ))
    }
}

impl WorkspaceKey {
    /// Takes 1 to 16 characters out of a-z, 0-9 and `-`; gives the reason otherwise.
    pub fn new(text: &str) -> Result<Self, String> {
        key(text).map(Self)
    }
}

impl InstanceKey {
    /// Takes 1 to 16 characters out of a-z, 0-9 and `-`; gives the reason otherwise.
    pub fn new(text: &str) -> Result<Self, String> {
        key(text).map(Self)
    }
}

impl TableName {
    /// Takes a table name of a-z, 0-9 and `_`, 1 to 80 characters; gives the reason otherwise.
    pub fn new(text: &str) -> Result<Self, String> {
        let ok = (1..=80).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("{:?} is not a table name", crate::text::escape_line(text)))
        }
    }
}

impl IncidentId {
    /// Takes an incident's name as a server or a person wrote it; kept in lower case because
    /// servers vary the case (sentinel-api 0).
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_ascii_lowercase())
    }
}

impl SysId {
    /// Takes a `sys_id` as a server wrote it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// True for 32 lower-case hex digits, the only form that may enter an encoded query.
    pub fn is_plain(&self) -> bool {
        self.0.len() == 32 && self.0.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    }

    /// True when there is no id, as in an empty reference.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_and_plain() {
        assert!(WorkspaceKey::new("prod-1").is_ok());
        for bad in ["", "Prod", "a b", "seventeen-letters"] {
            assert!(WorkspaceKey::new(bad).is_err(), "{bad}");
        }
        assert!(TableName::new("sn_si_incident").is_ok());
        assert!(TableName::new("incident^active=true").is_err());
    }

    #[test]
    fn incident_ids_compare_without_case() {
        assert_eq!(IncidentId::new("ABC-1"), IncidentId::new("abc-1"));
    }
}
