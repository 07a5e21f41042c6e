//! Journal entries that were read from a record's text, where the table behind them may not be read:
//! they get keys of their own, and entries that were read the other way are known again (D9).

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::model::{CommentOrigin, Entry, JournalEntry, LinkState, SysId};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

/// What our keys of such entries begin with; a key of the table is 32 hex digits.
const PREFIX: &str = "text:";

/// Our own user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Login, as the table names authors.
    pub login: String,
    /// Display name, as texts name them.
    pub name: String,
}

/// Rows of whole journals, in the order in which they were shown, under keys of our own: SHA-256 over
/// (record, second, author, words, ordinal among equals). Our own user is named by its login.
pub fn keyed(rows: Vec<JournalEntry>, own: &Own) -> Vec<JournalEntry> {
    let mut equals: BTreeMap<String, u32> = BTreeMap::new();
    let key = |mut row: JournalEntry| {
        let said = format!(
            "v1|{}|{}|{}|{}|{}",
            row.record.as_str(),
            row.element,
            row.created_on.servicenow(),
            row.created_by,
            words(row.text.raw())
        );
        let ordinal = equals.entry(said.clone()).or_default();
        let digest = Sha256::digest(format!("{said}|{ordinal}").as_bytes());
        *ordinal += 1;
        let hex: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
        row.sys_id = SysId::new(format!("{PREFIX}{hex}"));
        if row.created_by == own.name {
            row.created_by.clone_from(&own.login);
        } else if row.created_by == "System" {
            row.created_by = "system".to_owned();
        }
        row
    };
    rows.into_iter().map(key).collect()
}

/// What is left of words that went through a record's text: line ends are alike, and blanks at the end
/// are gone.
fn words(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').map(|l| l.trim_end_matches('\r')).collect();
    lines.join("\n").trim_end().to_owned()
}

/// True for an entry that was first read from a record's text, which names its author as people do.
pub fn is_of_text(entry: &Entry) -> bool {
    entry.origin == CommentOrigin::ServiceNow && entry.origin_id.starts_with(PREFIX)
}

/// True for a row of a text that says all of this and nothing else. Texts name people as they are called
/// now: our own notes have to be known again after our user was given another name.
pub fn is_verbatim(row: &JournalEntry, said: &str) -> bool {
    row.sys_id.as_str().starts_with(PREFIX) && words(row.text.raw()) == words(said)
}

/// The entry that is this row, read in another way before: the same words in the same second, under a
/// key that none of these rows has. `text` is what Sentinel is told of it; `taken` are entries that another row is already.
pub fn read_otherwise<'a>(
    state: &'a LinkState,
    row: &JournalEntry,
    text: &str,
    (rows, taken): (&[JournalEntry], &[Entry]),
) -> Option<&'a Entry> {
    if mutant::is_on(Mutant::TextKeysOnly) {
        return None;
    }
    let is_shown = |key: &str| rows.iter().any(|r| r.sys_id.as_str() == key);
    let said: (Stamp, String) = (row.created_on, words(text));
    let by_text = |key: &str| key.starts_with(PREFIX);
    state.entries.iter().find(|e| {
        e.origin == CommentOrigin::ServiceNow
            && e.at == said.0
            && (by_text(&e.origin_id) || by_text(row.sys_id.as_str()))
            && !is_shown(&e.origin_id)
            && !is_shown(&e.journal_id)
            && taken.iter().all(|t| (t.origin, &t.origin_id) != (e.origin, &e.origin_id))
            && words(e.text.raw()) == said.1
    })
}
