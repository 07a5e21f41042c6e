//! Rows beside the records: observables, what ties them to a record, affected items and users.
//! Tables and columns are those of servicenow-api 5.

use serde_json::Value;

use super::client::DeskClient;
use super::paging::field;
use super::query::{Atom, FieldName, NotSafe, Query};
use super::records::body_of;
use super::row::Row;
use super::table::{ListAsk, One, hidden, ignored};
use crate::model::call::{Answer, DeskRow, RowQuery};
use crate::model::{CallError, RecordWrite, SysId, TableName};
use crate::text::clip;

/// Equal for the database, which compares without case and trailing blanks.
fn alike(row: &Row, name: &str, wanted: &str) -> Result<bool, CallError> {
    Ok(row.need(name)?.trim_end().eq_ignore_ascii_case(wanted))
}

/// True for a row that the query asked for. An instance that drops a part of a query gives others.
fn fits(row: &Row, query: &RowQuery) -> Result<bool, CallError> {
    match query {
        RowQuery::All(terms) => {
            for (name, value) in terms {
                if !alike(row, name, value)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        RowQuery::Any(terms) => {
            for (name, value) in terms {
                if alike(row, name, value)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        RowQuery::Named(name, values) => {
            let value = row.need(name)?.trim_end();
            Ok(values.iter().any(|v| v.eq_ignore_ascii_case(value)))
        }
    }
}

/// The query as text. One without a term would read the whole table, and is refused.
fn encoded(query: &RowQuery) -> Result<Query, NotSafe> {
    let mut out = Query::new();
    match query {
        RowQuery::All(terms) | RowQuery::Any(terms) if terms.is_empty() => return Err(NotSafe::nothing()),
        RowQuery::All(terms) => {
            for (name, value) in terms {
                out = out.is(&FieldName::new(name)?, &Atom::row_value(value)?);
            }
        }
        RowQuery::Any(terms) => {
            for (n, (name, value)) in terms.iter().enumerate() {
                if n > 0 {
                    out = out.or_else();
                }
                out = out.is(&FieldName::new(name)?, &Atom::row_value(value)?);
            }
        }
        RowQuery::Named(name, values) => {
            let atoms = values.iter().map(|v| Atom::known_name(v)).collect::<Result<Vec<_>, _>>()?;
            out = out.any(&FieldName::new(name)?, &atoms);
        }
    }
    Ok(out.order(&field("sys_created_on")?).order(&field("sys_id")?))
}

fn desk_row(row: Row) -> Result<DeskRow, CallError> {
    Ok(DeskRow { sys_id: row.sys_id()?, values: row.values })
}

impl DeskClient {
    /// Rows of a table, all of them: a list like this is short by nature.
    pub(super) async fn rows(
        &self,
        table: &TableName,
        fields: &[String],
        query: &RowQuery,
    ) -> Result<Answer<Vec<DeskRow>>, CallError> {
        let mut names = vec!["sys_id".to_owned()];
        names.extend(fields.iter().cloned());
        let ask = ListAsk {
            table: table.as_str(),
            query: encoded(query)?,
            fields: &names,
            limit: self.settings.page_limit,
            offset: 0,
        };
        let page = self.list_all(ask).await?;
        let seen = page.rows.len() as u64;
        let mut rows = Vec::new();
        for row in page.rows {
            if !fits(&row, query)? {
                let id = clip(&row.text("sys_id"), 40);
                return Err(ignored(format!("row {id} of {} was not asked for", table.as_str())));
            }
            rows.push(desk_row(row)?);
        }
        if page.total > seen {
            // Whoever looks before a create must not take a hidden row for no row.
            return Err(hidden(table.as_str()));
        }
        Ok(Answer { value: rows, date: page.date, calls_left: None })
    }

    /// Creates a row. What the instance kept of it is for the caller to compare.
    pub(super) async fn add_row(
        &self,
        table: &TableName,
        sys_id: Option<&SysId>,
        write: &RecordWrite,
    ) -> Result<Answer<DeskRow>, CallError> {
        let mut body = body_of(write)?;
        if let Some(id) = sys_id {
            body.insert("sys_id".into(), id.as_str().into());
        }
        let mut fields = vec!["sys_id".to_owned()];
        fields.extend(write.values.keys().cloned());
        let One { row, date } = self.write_one(table.as_str(), None, &fields, &Value::Object(body)).await?;
        let value = desk_row(row).map_err(CallError::unknown_outcome)?;
        Ok(Answer { value, date, calls_left: None })
    }
}
