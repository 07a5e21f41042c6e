//! What the customer of a record may see: entries of the column `comments`, as against work notes.
//!
//! Nothing of ours goes there but what a person in Sentinel marked for it with an agreed first line, and only
//! where the workspace's section asks for that and confirms it a second time. All else is a work note.

use crate::model::record::CUSTOMERS;
use crate::model::{CommentOrigin, Entry, JournalEntry};
use crate::text::UntrustedText;

/// The journal column that customers see.
pub const COLUMN: &str = CUSTOMERS;

/// What an entry begins with in Sentinel that a record's customer can see, too.
const MARK: &str = "(customer comment) ";

/// What an entry tells the customer: the words behind the agreed first line. `None` for a work note. `word`
/// is that line; `None` where nothing may go to customers.
pub fn words<'a>(entry: &'a Entry, word: Option<&str>) -> Option<&'a str> {
    if entry.origin != CommentOrigin::Sentinel {
        return None;
    }
    let (first, rest) = entry.text.raw().split_once('\n')?;
    let rest = rest.trim();
    (Some(first.trim()) == word && !rest.is_empty()).then_some(rest)
}

/// The text of a row of a journal, as it is told in Sentinel.
pub(super) fn told(row: &JournalEntry, notes_element: &str) -> UntrustedText {
    match row.element != notes_element {
        true => UntrustedText::new(format!("{MARK}{}", row.text.raw())),
        false => row.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Delivery, EntryId, LinkId};
    use crate::text::Stamp;

    fn entry(origin: CommentOrigin, text: &str) -> Entry {
        Entry {
            id: EntryId(1),
            link: LinkId(1),
            origin,
            origin_id: "c1".into(),
            author: UntrustedText::new("Noor"),
            at: Stamp(0),
            text: UntrustedText::new(text),
            sentinel_id: "c1".into(),
            to_sentinel: Delivery::None,
            marker: "M".into(),
            journal_id: String::new(),
            to_servicenow: Delivery::Waiting,
            reason: String::new(),
        }
    }

    #[test]
    fn only_an_agreed_first_line_of_a_comment_in_sentinel_opens_the_way() {
        let of =
            |text: &str| words(&entry(CommentOrigin::Sentinel, text), Some("[customer]")).map(str::to_owned);
        assert_eq!(of("[customer]\nWe are on it.\nMore soon."), Some("We are on it.\nMore soon.".into()));
        assert_eq!(of(" [customer] \n\nWe are on it."), Some("We are on it.".into()));
        for text in [
            "We are on it. [customer]",
            "hello\n[customer]\nWe are on it.",
            "[customer] We are on it.",
            "[customer]",
            "[customer]\n  \n",
            "(edited) [customer]\nWe are on it.",
            "[Customer]\nWe are on it.",
            "",
        ] {
            assert_eq!(of(text), None, "{text:?}");
        }
    }

    #[test]
    fn nothing_else_of_ours_and_nothing_unconfirmed_goes_to_customers() {
        let said = "[customer]\nWe are on it.";
        for origin in [CommentOrigin::Sync, CommentOrigin::Console, CommentOrigin::ServiceNow] {
            assert_eq!(words(&entry(origin, said), Some("[customer]")), None);
        }
        assert_eq!(words(&entry(CommentOrigin::Sentinel, said), None), None);
        assert_eq!(words(&entry(CommentOrigin::Sentinel, "\nWe are on it."), Some("[customer]")), None);
    }
}
