//! Who decides a field when both sides changed it.

use serde::{Deserialize, Serialize};

use crate::model::{Field, Side};

/// Who decides a field when both sides changed (D25).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Sentinel owns the field.
    Sentinel,
    /// ServiceNow owns the field.
    Servicenow,
    /// The later change wins; overlapping intervals are a tie that Sentinel wins (D21).
    Latest,
    /// Severity only: the higher wins.
    Ratchet,
    /// The first closer that is not us owns it until an explicit reopen (D22).
    FirstCloser,
    /// A person decides each conflict.
    Manual,
    /// The field does not flow.
    Off,
}

impl Policy {
    /// The word as it is written in the config.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sentinel => "sentinel",
            Self::Servicenow => "servicenow",
            Self::Latest => "latest",
            Self::Ratchet => "ratchet",
            Self::FirstCloser => "first-closer",
            Self::Manual => "manual",
            Self::Off => "off",
        }
    }

    /// The default of a field (design, section 2).
    pub fn default_of(field: Field) -> Self {
        match field {
            Field::Title | Field::Description | Field::Custom(_) => Self::Sentinel,
            Field::Severity | Field::Status | Field::Owner => Self::Latest,
            Field::NumberLabel(_) => Self::Servicenow,
            Field::Closure | Field::CloseNotes => Self::FirstCloser,
        }
    }

    /// True when the policy can be chosen for the field.
    pub fn fits(self, field: Field) -> bool {
        match self {
            Self::Ratchet => field == Field::Severity,
            Self::FirstCloser => matches!(field, Field::Closure | Field::CloseNotes),
            Self::Off => field != Field::Status,
            _ => !matches!(field, Field::Closure | Field::CloseNotes),
        }
    }
}

/// One policy per field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies(std::collections::BTreeMap<Field, Policy>);

impl Default for Policies {
    fn default() -> Self {
        Self(Field::ALL.into_iter().map(|f| (f, Policy::default_of(f))).collect())
    }
}

impl Policies {
    /// The policy of a field.
    pub fn of(&self, field: Field) -> Policy {
        self.0.get(&field).copied().unwrap_or(Policy::default_of(field))
    }

    /// Sets the policy of a field.
    pub fn set(&mut self, field: Field, policy: Policy) {
        self.0.insert(field, policy);
    }
}

/// The side that wins a tie under [`Policy::Latest`] (D21).
pub const TIE_WINNER: Side = Side::Sentinel;
