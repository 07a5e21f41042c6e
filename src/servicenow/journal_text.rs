//! Journal entries from the display text of a journal field, where the table cannot be read (D9).
//!
//! The text is newest first; each entry starts with `2026-01-31 23:00:05 - Ada Byron (Work notes)`
//! in the reader's zone, format and language, and names the author's display name. The
//! integration user must therefore use GMT and the default date format; anything else is an
//! error and not a guess.

use super::client::DeskClient;
use super::query::FieldName;
use crate::model::call::Answer;
use crate::model::{CallError, FaultKind, JournalEntry, SysId, TableName};
use crate::text::{Stamp, clip};

impl DeskClient {
    /// Entries of one record, oldest first, without keys of their own.
    pub(super) async fn journal_text(
        &self,
        table: &TableName,
        sys_id: &SysId,
        elements: &[String],
    ) -> Result<Answer<Vec<JournalEntry>>, CallError> {
        let mut fields = vec!["sys_id".to_owned()];
        for element in elements {
            fields.push(FieldName::new(element)?.as_str().to_owned());
        }
        let one = self.read_one(table.as_str(), sys_id, &fields).await?;
        let mut entries = Vec::new();
        for element in elements {
            one.row.need(element)?;
            let text = one.row.display.get(element).map(String::as_str).unwrap_or_default();
            entries.extend(split(text).map_err(|line| unreadable(&line))?.into_iter().map(
                |(on, by, text)| JournalEntry {
                    sys_id: SysId::default(),
                    record: sys_id.clone(),
                    element: element.clone(),
                    text: text.into(),
                    created_on: on,
                    created_by: by,
                },
            ));
        }
        entries.sort_by_key(|e: &JournalEntry| e.created_on);
        Ok(Answer { value: entries, date: one.date, calls_left: None })
    }
}

fn unreadable(line: &str) -> CallError {
    CallError::new(FaultKind::Config, format!("a journal entry starts with {:?}", clip(line, 80)))
        .hint("set the integration user's time zone to GMT and its date format to yyyy-MM-dd HH:mm:ss")
}

/// Stamp, author and text of each entry, oldest first; the line that is no heading where one
/// must be.
fn split(text: &str) -> Result<Vec<(Stamp, String, String)>, String> {
    let mut entries: Vec<(Stamp, String, Vec<&str>)> = Vec::new();
    let mut blank = true;
    for line in text.trim_start_matches(['\n', '\r']).split('\n').map(|l| l.trim_end_matches('\r')) {
        // An entry's own text may hold such a line; only one behind a blank line can be a
        // heading. What is left is ambiguous on the wire.
        match (heading(line).filter(|_| blank), entries.last_mut()) {
            (Some((on, by)), _) => entries.push((on, by, Vec::new())),
            (None, Some((_, _, lines))) => lines.push(line),
            (None, None) if line.trim().is_empty() => {}
            (None, None) => return Err(line.to_owned()),
        }
        blank = line.trim().is_empty();
    }
    let join = |(on, by, lines): (Stamp, String, Vec<&str>)| (on, by, lines.join("\n").trim_end().to_owned());
    Ok(entries.into_iter().rev().map(join).collect())
}

fn heading(line: &str) -> Option<(Stamp, String)> {
    let (stamp, rest) = (line.get(..19)?, line.get(19..)?);
    let on = Stamp::parse_servicenow(stamp)?;
    let (by, label) = rest.strip_prefix(" - ")?.strip_suffix(')')?.rsplit_once(" (")?;
    (!by.is_empty() && !label.is_empty()).then(|| (on, by.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_oldest_first_with_their_lines() {
        let text = "2026-01-31 23:00:05 - Ada (SOC) Byron (Work notes)\nsecond\n\nwith 2 lines\n\n\
                    2026-01-31 22:00:00 - System (Arbeitsnotizen)\nfirst\n2026-01-01 00:00:00 - X (Work notes)\n\n";
        let got = split(text).unwrap();
        assert_eq!(got.len(), 2);
        assert_eq!(got[0].1, "System");
        assert_eq!(got[0].2, "first\n2026-01-01 00:00:00 - X (Work notes)");
        assert_eq!((got[1].1.as_str(), got[1].2.as_str()), ("Ada (SOC) Byron", "second\n\nwith 2 lines"));
        assert_eq!(got[1].0.servicenow(), "2026-01-31 23:00:05");
        assert!(split("").unwrap().is_empty());
        assert!(split("31.01.2026 23:00:05 - Ada (Work notes)\nx").is_err());
    }
}
