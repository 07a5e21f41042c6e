//! The fields that are kept in step, each with a value on either side.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A field of a link. Its order is the order of the rows in the two panels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// `title` and `short_description`.
    Title,
    /// `severity` and, by default, `impact` + `urgency`.
    Severity,
    /// `status` and `state`.
    Status,
    /// `owner` and `assigned_to`.
    Owner,
    /// `classification` + `classificationReason` and `close_code`.
    Closure,
    /// `classificationComment` and `close_notes`.
    CloseNotes,
    /// `description` on both sides.
    Description,
}

impl Field {
    /// Every field, in the order of the panels.
    pub const ALL: [Self; 7] = [
        Self::Title,
        Self::Severity,
        Self::Status,
        Self::Owner,
        Self::Closure,
        Self::CloseNotes,
        Self::Description,
    ];

    /// The word as it is stored and typed: `close_notes`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Severity => "severity",
            Self::Status => "status",
            Self::Owner => "owner",
            Self::Closure => "closure",
            Self::CloseNotes => "close_notes",
            Self::Description => "description",
        }
    }

    /// The field of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.word() == word)
    }

    /// The word as a person reads it: `Close notes`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Title => "Title",
            Self::Severity => "Severity",
            Self::Status => "Status",
            Self::Owner => "Owner",
            Self::Closure => "Closure",
            Self::CloseNotes => "Close notes",
            Self::Description => "Description",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
