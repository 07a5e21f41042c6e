//! Journal entries from `sys_journal_field`, the table behind work notes and comments.

use super::client::DeskClient;
use super::paging::field;
use super::query::{Atom, Query};
use super::row::Row;
use super::table::{ListAsk, hidden, ignored};
use crate::model::call::Answer;
use crate::model::{CallError, FaultKind, JournalEntry, SysId};
use crate::text::{Stamp, clip};

const TABLE: &str = "sys_journal_field";
/// Most records in one query.
const MOST_RECORDS: usize = 100;

impl DeskClient {
    /// Entries of these records since a moment, oldest first. Where the table's rows are hidden
    /// it answers `Forbidden` instead of an empty list, so that nobody takes that for silence.
    pub(super) async fn journal(
        &self,
        records: &[SysId],
        elements: &[String],
        since: Stamp,
    ) -> Result<Answer<Vec<JournalEntry>>, CallError> {
        if records.is_empty() || elements.is_empty() {
            return Ok(Answer::default());
        }
        if records.len() > MOST_RECORDS {
            return Err(CallError::new(FaultKind::Guard, format!("{} records in one query", records.len())));
        }
        let ids = records.iter().map(Atom::id).collect::<Result<Vec<_>, _>>()?;
        let names = elements.iter().map(|e| Atom::word(e)).collect::<Result<Vec<_>, _>>()?;
        let created = field("sys_created_on")?;
        let query = Query::new()
            .any(&field("element_id")?, &ids)
            .any(&field("element")?, &names)
            .at_least(&created, &Atom::stamp(since))
            .order(&created)
            .order(&field("sys_id")?);
        let fields = ["sys_id", "element_id", "element", "value", "sys_created_on", "sys_created_by"]
            .map(str::to_owned);
        let limit = self.settings.page_limit;
        let page = self.list_all(ListAsk { table: TABLE, query, fields: &fields, limit, offset: 0 }).await?;
        if page.rows.is_empty() && page.total > 0 {
            return Err(hidden(TABLE));
        }
        let entries = page.rows.iter().map(|row| entry(row, records, elements, since));
        Ok(Answer { value: entries.collect::<Result<_, _>>()?, date: page.date, calls_left: None })
    }
}

fn entry(row: &Row, records: &[SysId], elements: &[String], since: Stamp) -> Result<JournalEntry, CallError> {
    let sys_id = row.sys_id()?;
    let record = SysId::new(row.need("element_id")?);
    let element = row.need("element")?.to_owned();
    let created_on = row.need_stamp("sys_created_on")?;
    let early = created_on.0.div_euclid(1_000_000) < since.0.div_euclid(1_000_000);
    if !records.contains(&record) || !elements.contains(&element) || early {
        let (id, of) = (clip(sys_id.as_str(), 40), clip(record.as_str(), 40));
        return Err(ignored(format!("journal row {id} of record {of} was not asked for")));
    }
    Ok(JournalEntry {
        sys_id,
        record,
        element,
        text: row.need("value")?.into(),
        created_on,
        created_by: row.need("sys_created_by")?.to_owned(),
    })
}
