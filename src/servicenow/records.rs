//! Records of a route's table: reading by query, creating, changing.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::client::DeskClient;
use super::paging::{self, field};
use super::query::{Atom, FieldName, NotSafe, Query};
use super::row::Row;
use super::table::{ListAsk, Listed, One, hidden, ignored};
use crate::model::call::{Answer, PageKey, RecordPage, RecordQuery};
use crate::model::{CallError, FaultKind, Record, RecordShape, RecordWrite, SysId, TableName};
use crate::mutant::{self, Mutant};
use crate::text::{Stamp, UntrustedText, clip};

/// Most keys in one query: 200 of them keep the address under 8192 bytes (measured).
const MOST_IDS: usize = 200;

/// Fields of a read, each once, in the shape's order.
fn fields_of(shape: &RecordShape) -> Vec<String> {
    let mut seen = BTreeSet::new();
    shape.fields().into_iter().filter(|f| !f.is_empty() && seen.insert(f.clone())).collect()
}

/// Fields of a key sweep.
fn key_fields(shape: &RecordShape) -> Vec<String> {
    ["sys_id", "number", "sys_mod_count", "sys_updated_on", &shape.correlation_id, &shape.correlation_display]
        .map(str::to_owned)
        .to_vec()
}

/// A record out of a row. Key, version and stamp must be readable.
pub(super) fn record(table: &TableName, row: Row) -> Result<Record, CallError> {
    let sys_id = row.sys_id()?;
    let count = row.need("sys_mod_count")?;
    let mod_count = count.trim().replace([',', '.'], "").parse().map_err(|_| {
        CallError::new(FaultKind::Garbled, format!("sys_mod_count is {:?}, not a number", clip(count, 40)))
    })?;
    let updated_on = row.need_stamp("sys_updated_on")?;
    let display = row
        .display
        .iter()
        .filter(|(name, shown)| {
            !name.starts_with("sys_") && !shown.is_empty() && row.values.get(*name) != Some(*shown)
        })
        .map(|(name, shown)| (name.clone(), UntrustedText::new(shown.clone())))
        .collect();
    Ok(Record {
        table: table.clone(),
        sys_id,
        number: row.text("number"),
        mod_count,
        updated_on,
        updated_by: row.text("sys_updated_by"),
        created_on: Stamp::parse_servicenow(&row.text("sys_created_on")).unwrap_or_default(),
        created_by: row.text("sys_created_by"),
        display,
        values: row.values,
    })
}

/// What a row is to the query that brought it.
enum Match {
    /// What was asked for.
    Yes,
    /// Equal for the database, which compares without case, but not ours.
    Alike,
}

/// Compares a returned value with those that were asked for. The database ignores case and
/// trailing blanks, so such a row is no sign of a dropped term; it is not ours either.
fn one_of(row: &Row, name: &str, wanted: &[String], what: &str) -> Result<Match, CallError> {
    let value = row.need(name)?;
    if wanted.iter().any(|w| w == value) || mutant::is_on(Mutant::TrustRowZero) {
        return Ok(Match::Yes);
    }
    if wanted.iter().any(|w| w.eq_ignore_ascii_case(value.trim_end())) {
        return Ok(Match::Alike);
    }
    let (id, value) = (clip(&row.text("sys_id"), 40), clip(value, 60));
    Err(ignored(format!("row {id} has {name} {value:?}, which is not {what} of the query")))
}

fn atoms(texts: &[String]) -> Result<Vec<Atom>, CallError> {
    if texts.is_empty() {
        return Err(CallError::new(FaultKind::Guard, "a query without a group would read the whole table"));
    }
    Ok(texts.iter().map(|t| Atom::correlation(t)).collect::<Result<_, NotSafe>>()?)
}

impl DeskClient {
    /// One page of records by query.
    pub(super) async fn records(
        &self,
        table: &TableName,
        shape: &RecordShape,
        query: &RecordQuery,
    ) -> Result<Answer<RecordPage>, CallError> {
        match query {
            RecordQuery::Changed { groups, since, after } => {
                self.changed(table, shape, groups, *since, after.as_ref()).await
            }
            RecordQuery::Ids(ids) => self.by_ids(table, shape, ids).await,
            RecordQuery::Correlation(keys) => self.by_correlation(table, shape, keys).await,
            RecordQuery::Keys { groups, after } => self.keys(table, shape, groups, after.as_ref()).await,
        }
    }

    async fn changed(
        &self,
        table: &TableName,
        shape: &RecordShape,
        groups: &[String],
        since: Stamp,
        after: Option<&PageKey>,
    ) -> Result<Answer<RecordPage>, CallError> {
        let query = paging::changed(shape, &atoms(groups)?, since, after)?;
        let limit = self.settings.page_limit;
        let fields = fields_of(shape);
        let offset = after.map_or(0, |k| k.offset);
        let page =
            self.list(&ListAsk { table: table.as_str(), query, fields: &fields, limit, offset }).await?;
        let ends = page.rows.len() < limit as usize && mutant::is_on(Mutant::EmptyPageEnds);
        let mut out = RecordPage::default();
        let mut last = None;
        for row in page.rows {
            let kind = one_of(&row, &shape.correlation_display, groups, "a group")?;
            let record = record(table, row)?;
            in_order(&record, since, after)?;
            last = Some((record.updated_on, record.sys_id.clone()));
            if let Match::Yes = kind {
                out.records.push(record);
            }
        }
        out.next = paging::next(since, after, limit, page.total, last).filter(|_| !ends);
        Ok(Answer { value: out, date: page.date, calls_left: None })
    }

    async fn by_ids(
        &self,
        table: &TableName,
        shape: &RecordShape,
        ids: &[SysId],
    ) -> Result<Answer<RecordPage>, CallError> {
        if ids.is_empty() {
            return Ok(Answer::default());
        }
        if ids.len() > MOST_IDS {
            return Err(CallError::new(FaultKind::Guard, format!("{} ids in one query", ids.len())));
        }
        let keys = ids.iter().map(Atom::id).collect::<Result<Vec<_>, _>>()?;
        let key = field("sys_id")?;
        let ask = ListAsk {
            table: table.as_str(),
            query: Query::new().any(&key, &keys).order(&key),
            fields: &fields_of(shape),
            limit: MOST_IDS as u32,
            offset: 0,
        };
        let page = self.list(&ask).await?;
        let mut out = RecordPage::default();
        for row in page.rows {
            let id = row.sys_id()?;
            if !ids.contains(&id) && !mutant::is_on(Mutant::TrustRowZero) {
                return Err(ignored(format!("row {} was not asked for", clip(id.as_str(), 40))));
            }
            out.records.push(record(table, row)?);
        }
        Ok(Answer { value: out, date: page.date, calls_left: None })
    }

    async fn by_correlation(
        &self,
        table: &TableName,
        shape: &RecordShape,
        keys: &[String],
    ) -> Result<Answer<RecordPage>, CallError> {
        let column = field(&shape.correlation_id)?;
        let query = match atoms(keys)?.as_slice() {
            [key] => Query::new().is(&column, key),
            several => Query::new().any(&column, several),
        };
        let query = query.order(&field("sys_created_on")?).order(&field("sys_id")?);
        let fields = fields_of(shape);
        let limit = self.settings.page_limit;
        let page = self
            .list_all(ListAsk { table: table.as_str(), query, fields: &fields, limit, offset: 0 })
            .await?;
        let Listed { rows, total, date } = page;
        let seen = rows.len() as u64;
        let mut out = RecordPage::default();
        for row in rows {
            // Ids of several forms are somebody else's: whoever asks for them looks at each, in any case.
            let kind = one_of(&row, &shape.correlation_id, keys, "the correlation id")?;
            if matches!(kind, Match::Yes) || keys.len() > 1 {
                out.records.push(record(table, row)?);
            }
        }
        if total > seen {
            // Whoever looks before a create must not take a hidden record for no record.
            return Err(hidden(table.as_str()));
        }
        Ok(Answer { value: out, date, calls_left: None })
    }

    async fn keys(
        &self,
        table: &TableName,
        shape: &RecordShape,
        groups: &[String],
        after: Option<&SysId>,
    ) -> Result<Answer<RecordPage>, CallError> {
        let key = field("sys_id")?;
        let mut query = Query::new().any(&field(&shape.correlation_display)?, &atoms(groups)?);
        if let Some(after) = after {
            query = query.above(&key, &Atom::id(after)?);
        }
        let fields = key_fields(shape);
        let limit = self.settings.page_limit;
        let ask =
            ListAsk { table: table.as_str(), query: query.order(&key), fields: &fields, limit, offset: 0 };
        let (page, offset) = self.list_visible(ask).await?;
        let mut out = RecordPage::default();
        let mut last = None;
        for row in page.rows {
            let kind = one_of(&row, &shape.correlation_display, groups, "a group")?;
            let record = record(table, row)?;
            if after.is_some_and(|a| record.sys_id.is_plain() && record.sys_id <= *a) {
                return Err(ignored(format!("row {} was read before", record.sys_id)));
            }
            last = Some((record.updated_on, record.sys_id.clone()));
            if let Match::Yes = kind {
                out.records.push(record);
            }
        }
        let more = page.total > u64::from(offset) + u64::from(limit);
        out.next =
            last.filter(|_| more).map(|(updated_on, sys_id)| PageKey { updated_on, sys_id, offset: 0 });
        Ok(Answer { value: out, date: page.date, calls_left: None })
    }

    /// One record by key.
    pub(super) async fn get(
        &self,
        table: &TableName,
        shape: &RecordShape,
        sys_id: &SysId,
    ) -> Result<Answer<Record>, CallError> {
        let One { row, date } = self.read_one(table.as_str(), sys_id, &fields_of(shape)).await?;
        let record = record(table, row)?;
        if record.sys_id != *sys_id {
            return Err(ignored(format!("record {} answered instead", record.sys_id)));
        }
        Ok(Answer { value: record, date, calls_left: None })
    }

    /// Creates a record, under a key of our choice if one is given. What the server kept of the
    /// fields is in the answer; whether that is what was sent is for the caller to compare.
    pub(super) async fn create(
        &self,
        table: &TableName,
        shape: &RecordShape,
        sys_id: Option<&SysId>,
        write: &RecordWrite,
    ) -> Result<Answer<Record>, CallError> {
        let mut body = body_of(write)?;
        if let Some(id) = sys_id {
            body.insert("sys_id".into(), id.as_str().into());
        }
        let fields = written_fields(shape, write);
        let One { row, date } = self.write_one(table.as_str(), None, &fields, &Value::Object(body)).await?;
        let value = record(table, row).map_err(CallError::unknown_outcome)?;
        Ok(Answer { value, date, calls_left: None })
    }

    /// Changes fields of a record.
    pub(super) async fn patch(
        &self,
        table: &TableName,
        shape: &RecordShape,
        sys_id: &SysId,
        write: &RecordWrite,
    ) -> Result<Answer<Record>, CallError> {
        let body = Value::Object(body_of(write)?);
        let fields = written_fields(shape, write);
        let One { row, date } = self.write_one(table.as_str(), Some(sys_id), &fields, &body).await?;
        let value = record(table, row).map_err(CallError::unknown_outcome)?;
        if value.sys_id != *sys_id {
            return Err(ignored(format!("record {} answered instead", value.sys_id)).unknown_outcome());
        }
        Ok(Answer { value, date, calls_left: None })
    }
}

fn in_order(record: &Record, since: Stamp, after: Option<&PageKey>) -> Result<(), CallError> {
    let from = after.map_or(since, |k| k.updated_on);
    // The query knows whole seconds only.
    let early = record.updated_on.0.div_euclid(1_000_000) < from.0.div_euclid(1_000_000);
    let again = after.is_some_and(|k| {
        k.sys_id.is_plain()
            && record.sys_id.is_plain()
            && record.updated_on == k.updated_on
            && record.sys_id <= k.sys_id
    });
    if (early || again) && !mutant::is_on(Mutant::TrustRowZero) {
        return Err(ignored(format!(
            "row {} was updated at {}, before the page",
            record.sys_id, record.updated_on
        )));
    }
    Ok(())
}

pub(super) fn body_of(write: &RecordWrite) -> Result<Map<String, Value>, CallError> {
    let mut body = Map::new();
    for (name, value) in &write.values {
        body.insert(FieldName::new(name)?.as_str().to_owned(), value.as_str().into());
    }
    Ok(body)
}

/// The shape's fields and those that were written, so that every value can be compared; never a
/// journal, whose whole text would come back.
fn written_fields(shape: &RecordShape, write: &RecordWrite) -> Vec<String> {
    let mut fields = fields_of(shape);
    for name in write.values.keys() {
        let journal = *name == shape.notes || matches!(name.as_str(), "work_notes" | "comments");
        if !journal && !fields.contains(name) {
            fields.push(name.clone());
        }
    }
    fields
}
