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
/// How far before its record an entry's stamp can lie, by the clocks of several nodes.
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
        let mut fields = ["sys_id", "sys_created_on", "sys_updated_on"].map(str::to_owned).to_vec();
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
                entries.extend(shown(row, &record, element)?);
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
fn shown(row: &Row, record: &SysId, element: &str) -> Result<Vec<JournalEntry>, CallError> {
    row.need(element)?;
    // Both, because a zone may keep summer time.
    for stamp in ["sys_created_on", "sys_updated_on"] {
        let (raw, shown) = (row.need(stamp)?, row.display.get(stamp).map(String::as_str).unwrap_or_default());
        if raw != shown {
            return Err(other_zone(stamp, raw, shown));
        }
    }
    let oldest = row.need_stamp("sys_created_on")?.minus(TOLERANCE);
    let text = row.display.get(element).map(String::as_str).unwrap_or_default();
    let entry = |(on, by, text): (Stamp, String, String)| JournalEntry {
        sys_id: SysId::default(),
        record: record.clone(),
        element: element.to_owned(),
        text: text.into(),
        created_on: on,
        created_by: by,
    };
    let mut entries: Vec<JournalEntry> =
        split(text, oldest).map_err(|line| unreadable(&line))?.into_iter().map(entry).collect();
    entries.sort_by_key(|e| e.created_on);
    Ok(entries)
}

const GMT: &str = "set the integration user's time zone to GMT and its date format to yyyy-MM-dd HH:mm:ss, or let it read \
     sys_journal_field (role audit_viewer)";

fn other_zone(stamp: &str, raw: &str, shown: &str) -> CallError {
    let why = format!(
        "{stamp} is {:?} and is shown to our user as {:?}: stamps of journal entries could not be read",
        clip(raw, 40),
        clip(shown, 40)
    );
    CallError::new(FaultKind::Config, why).hint(GMT)
}

fn unreadable(line: &str) -> CallError {
    CallError::new(FaultKind::Config, format!("a journal entry starts with {:?}", clip(line, 80))).hint(GMT)
}

/// Stamp, author and text of each entry, oldest first; the line that is no heading where one
/// must be. `oldest` is before every entry.
fn split(text: &str, oldest: Stamp) -> Result<Vec<(Stamp, String, String)>, String> {
    let lines: Vec<&str> = text.split('\n').map(|l| l.trim_end_matches('\r')).collect();
    let Some(first) = lines.iter().position(|l| !l.trim().is_empty()) else { return Ok(Vec::new()) };
    let mut candidates: Vec<(usize, Stamp, String)> = Vec::new();
    for (n, line) in lines.iter().enumerate().skip(first) {
        // An entry's own text may hold such a line; only one behind a blank line can be a heading.
        let blank = n == first || lines[n - 1].trim().is_empty();
        match heading(line).filter(|_| blank) {
            Some((on, by)) if n == first || on >= oldest => candidates.push((n, on, by)),
            None if n == first => return Err((*line).to_owned()),
            _ => {}
        }
    }
    let real = newest_first(&candidates.iter().map(|c| c.1).collect::<Vec<_>>());
    let ends = real.iter().skip(1).map(|i| candidates[*i].0).chain([lines.len()]);
    let entry = |(i, end): (&usize, usize)| {
        let (begin, on, by) = &candidates[*i];
        (*on, by.clone(), lines[begin + 1..end].join("\n").trim_end().to_owned())
    };
    let mut entries: Vec<_> = real.iter().zip(ends).map(entry).collect();
    entries.reverse();
    Ok(entries)
}

/// Which of these stamps are headings: entries are shown newest first, so the longest series of them
/// that never goes up, from the first on. What somebody quotes of other entries stands out of it,
/// unless it fits in; that is ambiguous on the wire.
fn newest_first(stamps: &[Stamp]) -> Vec<usize> {
    let mut longest = vec![(0_usize, None); stamps.len()];
    for i in (0..stamps.len()).rev() {
        let next = (i + 1..stamps.len()).filter(|j| stamps[*j] <= stamps[i]);
        let next = next.max_by_key(|j| (longest[*j].0, stamps[*j], std::cmp::Reverse(*j)));
        longest[i] = (next.map_or(0, |j| longest[j].0) + 1, next);
    }
    std::iter::successors((!stamps.is_empty()).then_some(0), |i| longest[*i].1).collect()
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
        let got = split(text, Stamp(0)).unwrap();
        assert_eq!(got.len(), 2);
        assert_eq!(got[0].1, "System");
        assert_eq!(got[0].2, "first\n2026-01-01 00:00:00 - X (Work notes)");
        assert_eq!((got[1].1.as_str(), got[1].2.as_str()), ("Ada (SOC) Byron", "second\n\nwith 2 lines"));
        assert_eq!(got[1].0.servicenow(), "2026-01-31 23:00:05");
        assert!(split("", Stamp(0)).unwrap().is_empty());
        for other in ["31.01.2026 23:00:05", "2026-01-31 11:00:05 PM", "01/31/2026 11:00 PM"] {
            assert!(
                split(&format!("{other} - Ada (Work notes)\nx"), Stamp(0)).is_err(),
                "{other} is no guess"
            );
        }
    }

    #[test]
    fn a_quoted_heading_is_a_part_of_its_entry() {
        let head = |day: u32, by: &str| format!("2026-01-{day:02} 10:00:00 - {by} (Work notes)\n");
        let oldest = Stamp::parse_servicenow("2026-01-05 00:00:00").unwrap();
        for quoted in [3, 7, 20] {
            // From another ticket, from this one, and from none there is yet.
            let said = format!("see\n\n{}that", head(quoted, "Bo"));
            let text = format!(
                "{}{said}\n\n{}b\n\n{}a\n\n{}0\n\n",
                head(10, "Ada"),
                head(9, "Bo"),
                head(8, "Cy"),
                head(6, "Di")
            );
            let got = split(&text, oldest).unwrap();
            let authors: Vec<&str> = got.iter().map(|e| e.1.as_str()).collect();
            assert_eq!(authors, ["Di", "Cy", "Bo", "Ada"], "a quote of day {quoted}");
            assert_eq!(got[3].2, said);
        }
    }
}
