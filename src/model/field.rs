//! The fields that are kept in step, each with a value on either side.

use std::fmt;

use arrayvec::ArrayString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::NumberLabel;

/// A field of a link. Its order is the order of the rows in the two panels. It is written as its
/// word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// A column of the record that a row of the field table fills.
    Custom(Custom),
    /// A label of the incident that shows the record's number.
    NumberLabel(NumberLabel),
}

/// Longest word of a custom field: a column's name has 80 characters at most (servicenow-api 4).
const LONGEST: usize = 96;

/// Between the column and what tells its rows apart, in the word of a custom field. No other word
/// has it.
const AT: char = '@';

/// Which column of the record a row of the field table fills, and by which text. A row with another
/// text is another field: what both sides agreed on by the former one tells nothing about it, so that a
/// change of the table is never taken for a change of the incident (D24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Custom {
    word: ArrayString<LONGEST>,
}

fn is_column(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !name.is_empty() && name.len() <= 80 && name.chars().all(plain)
}

impl Custom {
    /// The field of a column that is filled by a row of that text; `None` for what is no name of a
    /// column: small letters, digits and `_`, at most 80.
    pub fn new(column: &str, text: &str) -> Option<Self> {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(text.as_bytes());
        let mark: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
        Self::from_word(&format!("{column}{AT}{mark}"))
    }

    fn from_word(word: &str) -> Option<Self> {
        let (column, mark) = word.split_once(AT)?;
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if !is_column(column) || mark.len() != 8 || !mark.chars().all(hex) {
            return None;
        }
        Some(Self { word: ArrayString::from(word).ok()? })
    }

    /// The column that it fills.
    pub fn column(&self) -> &str {
        Field::short(&self.word)
    }
}

impl Field {
    /// Every field that each link has, in the order of the panels.
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
    pub fn word(&self) -> &str {
        match self {
            Self::Title => "title",
            Self::Severity => "severity",
            Self::Status => "status",
            Self::Owner => "owner",
            Self::Closure => "closure",
            Self::CloseNotes => "close_notes",
            Self::Description => "description",
            Self::Custom(custom) => &custom.word,
            Self::NumberLabel(label) => label.word(),
        }
    }

    /// The field of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        let other = || {
            let custom = Custom::from_word(word).map(Self::Custom);
            custom.or_else(|| NumberLabel::from_word(word).map(Self::NumberLabel))
        };
        Self::ALL.into_iter().find(|f| f.word() == word).or_else(other)
    }

    /// True for a field that goes one way: nothing asks which side moved first.
    pub fn is_one_way(&self) -> bool {
        matches!(self, Self::Custom(_) | Self::NumberLabel(_))
    }

    /// A word of a field, or another word of a history, without what tells the rows of a custom field
    /// apart.
    pub fn short(word: &str) -> &str {
        word.split(AT).next().unwrap_or_default()
    }

    /// The word as a person reads it: `Close notes`; a custom field goes by its column.
    pub fn label(&self) -> &str {
        match self {
            Self::Title => "Title",
            Self::Severity => "Severity",
            Self::Status => "Status",
            Self::Owner => "Owner",
            Self::Closure => "Closure",
            Self::CloseNotes => "Close notes",
            Self::Description => "Description",
            Self::Custom(custom) => custom.column(),
            Self::NumberLabel(_) => "Number label",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let word = String::deserialize(from)?;
        Self::from_word(&word).ok_or_else(|| serde::de::Error::custom("no field has that name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_custom_field_is_its_column_and_its_text() {
        let of = |column: &str, text: &str| Custom::new(column, text).map(Field::Custom);
        let field = of("u_tactics", "{{ tactics }}").unwrap();
        assert_eq!(field.label(), "u_tactics");
        assert_eq!(Field::from_word(field.word()), Some(field));
        assert_ne!(of("u_tactics", "{{ title }}"), Some(field), "another text is another field");
        let json = serde_json::to_string(&field).unwrap();
        assert_eq!(serde_json::from_str::<Field>(&json).unwrap(), field);
        for wrong in ["", "U_Tactics", "u tactics", "u@tactics", &"u".repeat(81)] {
            assert_eq!(of(wrong, ""), None, "{wrong}");
        }
        assert!(of(&"u".repeat(80), "").is_some());
    }

    #[test]
    fn every_field_reads_back_from_its_word() {
        for field in Field::ALL {
            assert_eq!(Field::from_word(field.word()), Some(field));
        }
        assert_eq!(Field::from_word("@"), None);
        assert_eq!(Field::from_word("u_tactics"), None);
        for hostile in ["u_x@", "u_x@12345678@", "\u{1b}]0;x@1a2b3c4d", "u_x@1A2B3C4D", "u_x@1a2b3c4"] {
            assert_eq!(Field::from_word(hostile), None, "{hostile:?}");
        }
    }
}
