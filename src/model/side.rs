//! The two sides of a link.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Sentinel or ServiceNow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The left panel.
    Sentinel,
    /// The right panel.
    ServiceNow,
}

impl Side {
    /// The other side.
    pub fn other(self) -> Self {
        match self {
            Self::Sentinel => Self::ServiceNow,
            Self::ServiceNow => Self::Sentinel,
        }
    }

    /// The word as it is stored: `sentinel` or `servicenow`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sentinel => "sentinel",
            Self::ServiceNow => "servicenow",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sentinel => "Sentinel",
            Self::ServiceNow => "ServiceNow",
        })
    }
}

/// One thing for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair<T> {
    /// Sentinel's.
    pub sentinel: T,
    /// ServiceNow's.
    pub servicenow: T,
}

impl<T> Pair<T> {
    /// A pair of both.
    pub fn new(sentinel: T, servicenow: T) -> Self {
        Self { sentinel, servicenow }
    }

    /// The one of `side`.
    pub fn of(&self, side: Side) -> &T {
        match side {
            Side::Sentinel => &self.sentinel,
            Side::ServiceNow => &self.servicenow,
        }
    }

    /// The one of `side`, to change.
    pub fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Sentinel => &mut self.sentinel,
            Side::ServiceNow => &mut self.servicenow,
        }
    }
}
