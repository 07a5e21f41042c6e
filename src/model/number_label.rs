//! The label by which an incident shows the number of its record.

use arrayvec::ArrayString;

/// What the word of the field begins with. No column of a record has a `-` in its name, so that it is the
/// word of no other field.
const HEAD: &str = "number-label@";

/// Longest prefix, and longest number.
const LONGEST: usize = 40;

/// A prefix and the number of a record, as one label. Another number is another label, and so another field:
/// what was written for the former one tells nothing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumberLabel {
    word: ArrayString<96>,
}

fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/#+".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

/// True for what a label of ours may begin with: at most 40 letters, digits and `-_.:/#+`.
pub fn is_label_prefix(prefix: &str) -> bool {
    is_plain(prefix) && prefix.len() <= LONGEST
}

impl NumberLabel {
    /// The label of a number. `None` for what is none: a number is a server's text like any other, and a
    /// label is read by people and by rules.
    pub fn new(prefix: &str, number: &str) -> Option<Self> {
        let fits = is_label_prefix(prefix) && is_plain(number) && number.len() <= LONGEST;
        if fits { Self::from_word(&format!("{HEAD}{prefix}{number}")) } else { None }
    }

    /// The label of a field's word.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        let label = word.strip_prefix(HEAD)?;
        let fits = is_plain(label) && label.len() <= 2 * LONGEST;
        if fits { Some(Self { word: ArrayString::from(word).ok()? }) } else { None }
    }

    /// The word of the field that it is.
    pub(super) fn word(&self) -> &str {
        &self.word
    }

    /// The label itself.
    pub fn label(&self) -> &str {
        self.word.strip_prefix(HEAD).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Field;

    #[test]
    fn a_label_is_its_prefix_and_a_number_and_nothing_hostile() {
        let label = NumberLabel::new("snow:", "INC0010001").unwrap();
        assert_eq!(label.label(), "snow:INC0010001");
        let field = Field::NumberLabel(label);
        assert_eq!(Field::from_word(field.word()), Some(field));
        assert_eq!(Field::short(field.word()), "number-label");
        let long = "9".repeat(41);
        for number in ["", "INC 1", "INC1\u{202e}", "INC1\n", "<b>", "a,b", "İ1", long.as_str()] {
            assert_eq!(NumberLabel::new("snow:", number), None, "{number:?}");
        }
        assert!(NumberLabel::new(&"p".repeat(40), &"9".repeat(40)).is_some());
        for prefix in ["", "s now", "snow\u{7}", &"p".repeat(41)] {
            assert_eq!(NumberLabel::new(prefix, "INC1"), None, "{prefix:?}");
        }
    }

    #[test]
    fn no_other_word_is_taken_for_one() {
        for word in ["number-label@", "number-label@a b", "number_label@1a2b3c4d", "number-label"] {
            assert!(!matches!(Field::from_word(word), Some(Field::NumberLabel(_))), "{word}");
        }
    }
}
