//! Sentinel's closed vocabularies. Its enums may grow (`modelAsString`), so an unknown word is
//! carried as text and never dropped (sentinel-api 2.2).

use std::fmt;

use serde::{Deserialize, Serialize};

/// `severity` of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// For the record only.
    Informational,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
}

impl Severity {
    /// Every severity, highest first.
    pub const ALL: [Self; 4] = [Self::High, Self::Medium, Self::Low, Self::Informational];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }

    /// The severity of that word, without regard to case.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// `status` of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// Nobody works on it yet.
    New,
    /// Somebody works on it.
    Active,
    /// Done; needs a classification.
    Closed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::New, Self::Active, Self::Closed];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Active => "Active",
            Self::Closed => "Closed",
        }
    }

    /// The status of that word, without regard to case.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A classification with its reason: one of the five pairs that Sentinel accepts
/// (sentinel-api 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Closure {
    /// `TruePositive` with `SuspiciousActivity`.
    #[serde(rename = "TruePositive-SuspiciousActivity")]
    TruePositive,
    /// `BenignPositive` with `SuspiciousButExpected`.
    #[serde(rename = "BenignPositive-SuspiciousButExpected")]
    BenignPositive,
    /// `FalsePositive` with `IncorrectAlertLogic`.
    #[serde(rename = "FalsePositive-IncorrectAlertLogic")]
    FalsePositiveLogic,
    /// `FalsePositive` with `InaccurateData`.
    #[serde(rename = "FalsePositive-InaccurateData")]
    FalsePositiveData,
    /// `Undetermined`, which has no reason.
    #[serde(rename = "Undetermined")]
    Undetermined,
}

impl Closure {
    /// Every closure.
    pub const ALL: [Self; 5] = [
        Self::TruePositive,
        Self::BenignPositive,
        Self::FalsePositiveLogic,
        Self::FalsePositiveData,
        Self::Undetermined,
    ];

    /// `classification` on the wire.
    pub fn classification(self) -> &'static str {
        match self {
            Self::TruePositive => "TruePositive",
            Self::BenignPositive => "BenignPositive",
            Self::FalsePositiveLogic | Self::FalsePositiveData => "FalsePositive",
            Self::Undetermined => "Undetermined",
        }
    }

    /// `classificationReason` on the wire; none for Undetermined.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::TruePositive => Some("SuspiciousActivity"),
            Self::BenignPositive => Some("SuspiciousButExpected"),
            Self::FalsePositiveLogic => Some("IncorrectAlertLogic"),
            Self::FalsePositiveData => Some("InaccurateData"),
            Self::Undetermined => None,
        }
    }

    /// Both joined by `-`, as tables write it: `FalsePositive-InaccurateData`.
    pub fn word(self) -> &'static str {
        match self {
            Self::TruePositive => "TruePositive-SuspiciousActivity",
            Self::BenignPositive => "BenignPositive-SuspiciousButExpected",
            Self::FalsePositiveLogic => "FalsePositive-IncorrectAlertLogic",
            Self::FalsePositiveData => "FalsePositive-InaccurateData",
            Self::Undetermined => "Undetermined",
        }
    }

    /// The closure of a joined word, without regard to case.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.word().eq_ignore_ascii_case(word))
    }

    /// The closure of the two words on the wire. An absent reason is accepted where only one
    /// reason is legal.
    pub fn from_pair(classification: &str, reason: Option<&str>) -> Option<Self> {
        match reason.filter(|r| !r.is_empty()) {
            Some(reason) => Self::ALL.into_iter().find(|c| {
                c.classification().eq_ignore_ascii_case(classification)
                    && (c.reason().is_none_or(|r| r.eq_ignore_ascii_case(reason)))
            }),
            None => Self::ALL.into_iter().find(|c| {
                c.classification().eq_ignore_ascii_case(classification)
                    && !matches!(c, Self::FalsePositiveLogic | Self::FalsePositiveData)
            }),
        }
    }
}

impl fmt::Display for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for c in Closure::ALL {
            assert_eq!(Closure::from_word(c.word()), Some(c));
            assert_eq!(Closure::from_pair(c.classification(), c.reason()), Some(c));
        }
        assert_eq!(Closure::from_pair("FalsePositive", None), None);
        for s in Severity::ALL {
            assert_eq!(Severity::from_word(&s.word().to_lowercase()), Some(s));
        }
    }
}
