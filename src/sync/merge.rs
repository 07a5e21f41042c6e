//! What is said when Defender merges one incident into another (sentinel-api 2.7): on the record of the one
//! that was merged, where things go on, and on the record of the survivor, what came to it. An entry's key
//! names the other incident, so each is said once, and what a record was told is known from its entries.

use crate::model::{CommentOrigin, LinkState};

/// Key of what a record was told of its incident's survivor, whose number follows.
const INTO: &str = "merged-into:";
/// Key of what the survivor's record was told of an incident that was merged, whose number follows.
const FROM: &str = "merged-from:";

/// An incident as notes name it: its number, and its record's if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Number of the incident.
    pub number: i64,
    /// Number of its record, empty if there is none.
    pub record: String,
}

impl Named {
    /// The incident of a link.
    pub fn of(state: &LinkState) -> Option<Self> {
        let number = state.incident.as_ref()?.number;
        let record = state.record.as_ref().map(|r| crate::text::escape_line(&r.number)).unwrap_or_default();
        Some(Self { number, record })
    }

    fn words(&self) -> String {
        match self.record.is_empty() {
            true => format!("incident {}", self.number),
            false => format!("incident {}, record {}", self.number, self.record),
        }
    }
}

/// True once a record was told that its incident was merged.
pub fn is_told(state: &LinkState) -> bool {
    keys(state, INTO).next().is_some()
}

/// Number of the survivor that a record was told of last.
pub fn survivor(state: &LinkState) -> Option<i64> {
    keys(state, INTO).last().and_then(|n| n.parse().ok())
}

/// Numbers of all incidents that a record was told its own one went into, one after the other.
pub fn went_to(state: &LinkState) -> Vec<i64> {
    keys(state, INTO).filter_map(|n| n.parse().ok()).collect()
}

/// True once a record was told that the incident of that number came to its own.
pub fn is_told_of(state: &LinkState, number: i64) -> bool {
    keys(state, FROM).any(|n| n.parse() == Ok(number))
}

/// Key of what records were told whose incidents went into the one of that number.
pub fn into_key(number: i64) -> String {
    format!("{INTO}{number}")
}

/// What follows a prefix in the keys of our own words, in the order in which they were said.
fn keys<'a>(state: &'a LinkState, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let mut said: Vec<_> = state.entries.iter().filter(|e| e.origin == CommentOrigin::Sync).collect();
    said.sort_by_key(|e| e.id);
    said.into_iter().filter_map(move |e| e.origin_id.strip_prefix(prefix))
}

/// Key and text for the record of a merged incident; `None` if nobody says what it was merged into.
pub fn went_into(survivor: Option<&Named>) -> (String, String) {
    let rest = "What follows is there, and this record is kept in step no longer. It was not closed: whether \
                it still has a use is yours to say.";
    match survivor {
        Some(to) => (
            into_key(to.number),
            format!("Microsoft Defender merged this incident into {}. {rest}", to.words()),
        ),
        None => (
            format!("{INTO}?"),
            format!(
                "Microsoft Defender merged this incident into another one, and does not say which. {rest}"
            ),
        ),
    }
}

/// Key and text for the record of the survivor; `before` came to the merged one earlier.
pub fn came_to(merged: &Named, before: &[Named]) -> (String, String) {
    let mut text = format!("Microsoft Defender merged {} into this incident.", merged.words());
    if !before.is_empty() {
        let all: Vec<String> = before.iter().map(Named::words).collect();
        text.push_str(&format!(" Merged into that one before: {}.", all.join("; ")));
    }
    (format!("{FROM}{}", merged.number), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(number: i64, record: &str) -> Named {
        Named { number, record: record.into() }
    }

    #[test]
    fn a_note_names_the_other_incident_and_its_record() {
        let (key, text) = went_into(Some(&named(12, "INC0010002")));
        assert_eq!(key, "merged-into:12");
        assert!(text.contains("into incident 12, record INC0010002."), "{text}");
        let (key, text) = went_into(None);
        assert_eq!(key, "merged-into:?");
        assert!(text.contains("does not say which"), "{text}");
        let (key, text) = came_to(&named(11, ""), &[named(9, "INC0010001")]);
        assert_eq!(key, "merged-from:11");
        assert!(
            text.contains("merged incident 11 into")
                && text.contains("before: incident 9, record INC0010001.")
        );
    }
}
