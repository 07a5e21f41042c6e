//! Journal entries from the display text of a journal field, where the table cannot be read (D9).
//!
//! The text is newest first; each entry starts with `2026-01-31 23:00:05 - Ada Byron (Work notes)`
//! in the reader's zone, format and language, and names the author's display name. The
//! integration user must therefore use GMT and the default date format; anything else is an
//! error and not a guess.

use std::time::Duration;

use super::client::DeskClient;
use super::paging::field;
use super::query::{Atom, FieldName, Query};
use super::row::Row;
use super::table::{ListAsk, ignored};
use crate::model::call::Answer;
use crate::model::{CallError, FaultKind, JournalEntry, SysId, TableName};
use crate::text::{Stamp, clip};

/// Most records in one query: each shows its whole journal.
const MOST_RECORDS: usize = 20;
/// How far stamps of one instance may be apart. Time zones differ by a quarter of an hour at least.
const TOLERANCE: Duration = Duration::from_secs(600);

impl DeskClient {
    /// Entries of these records, oldest first, without keys of their own.
    pub(super) async fn journal_text(
        &self,
        table: &TableName,
        records: &[SysId],
        elements: &[String],
    ) -> Result<Answer<Vec<JournalEntry>>, CallError> {
        if records.is_empty() || elements.is_empty() {
            return Ok(Answer::default());
        }
        if records.len() > MOST_RECORDS {
            return Err(CallError::new(FaultKind::Guard, format!("{} records in one query", records.len())));
        }
        let mut fields = vec!["sys_id".to_owned(), "sys_created_on".to_owned()];
        for element in elements {
            fields.push(FieldName::new(element)?.as_str().to_owned());
        }
        let ids = records.iter().map(Atom::id).collect::<Result<Vec<_>, _>>()?;
        let key = field("sys_id")?;
        let query = Query::new().any(&key, &ids).order(&key);
        let limit = self.settings.page_limit;
        let ask = ListAsk { table: table.as_str(), query, fields: &fields, limit, offset: 0 };
        let page = self.list_all(ask).await?;
        let mut entries = Vec::new();
        let mut missing: Vec<&SysId> = records.iter().collect();
        for row in &page.rows {
            let record = row.sys_id()?;
            if !records.contains(&record) {
                return Err(ignored(format!("record {} was not asked for", clip(record.as_str(), 40))));
            }
            missing.retain(|m| **m != record);
            for element in elements {
                entries.extend(shown(row, &record, element, page.date)?);
            }
        }
        if let Some(record) = missing.first() {
            // Its journal is not empty because it cannot be seen.
            let why = format!("record {} of those whose journals are read cannot be found", record.as_str());
            return Err(CallError::new(FaultKind::NotFound, why));
        }
        Ok(Answer { value: entries, date: page.date, calls_left: None })
    }
}

/// Entries of one journal field of a record.
fn shown(
    row: &Row,
    record: &SysId,
    element: &str,
    date: Option<Stamp>,
) -> Result<Vec<JournalEntry>, CallError> {
    row.need(element)?;
    let created = row.need_stamp("sys_created_on")?;
    let text = row.display.get(element).map(String::as_str).unwrap_or_default();
    let entry = |(on, by, text): (Stamp, String, String)| {
        let early = on.plus(TOLERANCE) < created;
        let late = date.is_some_and(|date| on > date.plus(TOLERANCE));
        if early || late {
            return Err(other_zone(record, on));
        }
        Ok(JournalEntry {
            sys_id: SysId::default(),
            record: record.clone(),
            element: element.to_owned(),
            text: text.into(),
            created_on: on,
            created_by: by,
        })
    };
    let mut entries = split(text)
        .map_err(|line| unreadable(&line))?
        .into_iter()
        .map(entry)
        .collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(|e| e.created_on);
    Ok(entries)
}

const GMT: &str = "set the integration user's time zone to GMT and its date format to yyyy-MM-dd HH:mm:ss, or let it read \
     sys_journal_field (role audit_viewer)";

fn other_zone(record: &SysId, on: Stamp) -> CallError {
    let why = format!(
        "an entry of record {} is of {}, before the record was made or after now: our user seems to have another \
         time zone than GMT",
        record.as_str(),
        on.servicenow()
    );
    CallError::new(FaultKind::Config, why).hint(GMT)
}

fn unreadable(line: &str) -> CallError {
    CallError::new(FaultKind::Config, format!("a journal entry starts with {:?}", clip(line, 80))).hint(GMT)
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
        for other in ["31.01.2026 23:00:05", "2026-01-31 11:00:05 PM", "01/31/2026 11:00 PM"] {
            assert!(split(&format!("{other} - Ada (Work notes)\nx")).is_err(), "{other} is no guess");
        }
    }
}
