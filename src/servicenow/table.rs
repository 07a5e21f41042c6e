//! Requests to the Table API and what came back, before anybody knows what the rows mean.

use serde_json::Value;

use super::client::DeskClient;
use super::faults::{self, About};
use super::query::{NotSafe, Query};
use super::row::Row;
use crate::http::{Ask, HttpResponse, LIST_LIMIT, Method, OTHER_LIMIT, QueryString, Token, decode_json};
use crate::model::{CallError, FaultKind, SysId};
use crate::mutant::{self, Mutant};
use crate::text::{Stamp, escape_line};

/// Longest address that a front end accepts is 8192 bytes (measured); some room for its name.
const LONGEST_URL: usize = 8000;
/// Most rows that one call reads, or passes over because they are hidden, before it gives up.
const MOST_ROWS: u32 = 20_000;

/// A list request.
#[derive(Clone, Debug)]
pub(super) struct ListAsk<'a> {
    pub table: &'a str,
    pub query: Query,
    pub fields: &'a [String],
    pub limit: u32,
    pub offset: u32,
}

/// A page of rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed {
    pub rows: Vec<Row>,
    /// Rows that match, hidden ones included.
    pub total: u64,
    pub date: Option<Stamp>,
}

/// One row with the server's date.
pub(super) struct One {
    pub row: Row,
    pub date: Option<Stamp>,
}

/// A response with the token that it was asked with, to be kept out of messages.
struct Answered {
    response: HttpResponse,
    token: Token,
}

impl From<NotSafe> for CallError {
    fn from(e: NotSafe) -> Self {
        CallError::new(FaultKind::Guard, e.to_string())
    }
}

fn date(response: &HttpResponse) -> Option<Stamp> {
    response.header("date").and_then(Stamp::parse_http_date)
}

fn shape_of(fields: &[String]) -> QueryString {
    QueryString::new()
        .with("sysparm_fields", &fields.join(","))
        .with("sysparm_display_value", "all")
        .with("sysparm_exclude_reference_link", "true")
}

impl DeskClient {
    fn address(&self, path: &[&str], query: &QueryString) -> Result<url::Url, CallError> {
        let mut full = vec!["api", "now", "table"];
        full.extend(path);
        let url =
            self.sender.base().at(&full, query.as_str()).map_err(|e| faults::unsent_or_lost(&e, false))?;
        if url.as_str().len() > LONGEST_URL {
            let text = format!("the address would have {} bytes; ask for fewer things", url.as_str().len());
            return Err(CallError::new(FaultKind::Guard, text));
        }
        Ok(url)
    }

    /// One page of a table.
    pub(super) async fn list(&self, ask: &ListAsk<'_>) -> Result<Listed, CallError> {
        let query = shape_of(ask.fields)
            .with("sysparm_suppress_pagination_header", "true")
            .with("sysparm_limit", &ask.limit.to_string())
            .with("sysparm_offset", &ask.offset.to_string())
            .with("sysparm_query", &ask.query.to_string());
        let url = self.address(&[ask.table], &query)?;
        let answered = self.exchange(Method::Get, &url, None, LIST_LIMIT, About::default()).await?;
        let body = self.body(&answered, 200, About::default())?;
        let response = &answered.response;
        let rows = body.get("result").and_then(Value::as_array);
        let rows =
            rows.ok_or_else(|| CallError::new(FaultKind::Garbled, "the answer has no list `result`"))?;
        let total =
            response.header("x-total-count").and_then(|t| t.trim().parse().ok()).ok_or_else(|| {
                CallError::new(FaultKind::Garbled, "the answer does not count its rows (X-Total-Count)")
                    .hint("something between here and the instance removes headers")
            })?;
        if rows.len() > ask.limit as usize {
            return Err(ignored(format!("{} rows came where {} were asked for", rows.len(), ask.limit)));
        }
        Ok(Listed {
            rows: rows.iter().map(Row::read).collect::<Result<_, _>>()?,
            total,
            date: date(response),
        })
    }

    /// Pages of a list until one has a row that may be seen, or the list ends.
    pub(super) async fn list_visible(&self, mut ask: ListAsk<'_>) -> Result<(Listed, u32), CallError> {
        while ask.offset < MOST_ROWS {
            let page = self.list(&ask).await?;
            let reached = u64::from(ask.offset) + u64::from(ask.limit);
            let ends = mutant::is_on(Mutant::EmptyPageEnds);
            if !page.rows.is_empty() || page.total <= reached || ends {
                return Ok((page, ask.offset));
            }
            ask.offset = ask.offset.saturating_add(ask.limit);
        }
        Err(hidden(ask.table))
    }

    /// Every page of a list that is short by nature.
    pub(super) async fn list_all(&self, mut ask: ListAsk<'_>) -> Result<Listed, CallError> {
        let mut all = Listed::default();
        loop {
            let page = self.list(&ask).await?;
            if page.total > u64::from(MOST_ROWS) {
                let table = escape_line(ask.table);
                return Err(ignored(format!(
                    "{} rows of {table} match, far more than there can be",
                    page.total
                )));
            }
            let ends = page.rows.len() < ask.limit as usize && mutant::is_on(Mutant::EmptyPageEnds);
            all.rows.extend(page.rows);
            all.total = page.total;
            all.date = all.date.or(page.date);
            ask.offset = ask.offset.saturating_add(ask.limit);
            if page.total <= u64::from(ask.offset) || ends {
                return Ok(all);
            }
        }
    }

    /// One record by key.
    pub(super) async fn read_one(
        &self,
        table: &str,
        sys_id: &SysId,
        fields: &[String],
    ) -> Result<One, CallError> {
        plain(sys_id)?;
        let about = About { one_record: true, ..About::default() };
        let url = self.address(&[table, sys_id.as_str()], &shape_of(fields))?;
        let answered = self.exchange(Method::Get, &url, None, OTHER_LIMIT, about).await?;
        self.one(&answered, 200, about)
    }

    /// Creates (without key) or changes (with key) a record.
    pub(super) async fn write_one(
        &self,
        table: &str,
        sys_id: Option<&SysId>,
        fields: &[String],
        body: &Value,
    ) -> Result<One, CallError> {
        let (method, status) = if sys_id.is_some() { (Method::Patch, 200) } else { (Method::Post, 201) };
        let about = About { writes: true, creates: sys_id.is_none(), one_record: sys_id.is_some() };
        let mut path = vec![table];
        if let Some(id) = sys_id {
            plain(id)?;
            path.push(id.as_str());
        }
        let query = shape_of(fields).with("sysparm_input_display_value", "false");
        let url = self.address(&path, &query)?;
        let answered = self.exchange(method, &url, Some(body), OTHER_LIMIT, about).await?;
        self.one(&answered, status, about)
    }

    fn one(&self, answered: &Answered, status: u16, about: About) -> Result<One, CallError> {
        let unknown = |e: CallError| if about.writes { e.unknown_outcome() } else { e };
        let body = self.body(answered, status, about)?;
        let result = body.get("result").filter(|r| r.is_object());
        let result = result.ok_or_else(|| {
            unknown(CallError::new(FaultKind::Garbled, "the answer has no record `result`"))
        })?;
        let row = Row::read(result).map_err(unknown)?;
        Ok(One { row, date: date(&answered.response) })
    }

    fn body(&self, answered: &Answered, status: u16, about: About) -> Result<Value, CallError> {
        let response = &answered.response;
        if response.status != status {
            let pause = self.sender.pause_asked(response);
            let mut e = faults::refused(response, pause, about, self.basic);
            e.message = answered.token.scrub(&e.message);
            return Err(e);
        }
        decode_json(response).map_err(|f| faults::garbled(&f, status, about.writes))
    }

    /// Sends, and once more with a fresh token after a 401.
    async fn exchange(
        &self,
        method: Method,
        url: &url::Url,
        body: Option<&Value>,
        limit: usize,
        about: About,
    ) -> Result<Answered, CallError> {
        let lost = |e| faults::unsent_or_lost(&e, about.writes);
        let ask = || {
            let mut ask = Ask::new(method, url.clone());
            ask.body = body.map(|b| ("application/json", b.to_string().into_bytes()));
            ask.limit = limit;
            ask.gates = self.gate.iter().collect();
            ask
        };
        let token = self.tokens.token().await?;
        let response = self.sender.send(ask(), Some(&token)).await.map_err(lost)?;
        if response.status != 401 {
            return Ok(Answered { response, token });
        }
        let Some(token) = self.tokens.renew(&token).await? else { return Ok(Answered { response, token }) };
        let response = self.sender.send(ask(), Some(&token)).await.map_err(lost)?;
        Ok(Answered { response, token })
    }
}

fn plain(id: &SysId) -> Result<(), CallError> {
    if id.is_plain() {
        return Ok(());
    }
    let text = format!("{:?} is not a sys_id of 32 hex digits", escape_line(id.as_str()));
    Err(CallError::new(FaultKind::Guard, text))
}

/// Rows came that the query did not ask for: the instance dropped a part of it.
pub(super) fn ignored(text: String) -> CallError {
    CallError::new(FaultKind::QueryIgnored, text).hint(
        "the instance ignored a part of the query: check the names of the fields and the user's read access to \
         them; nothing of this answer is used",
    )
}

/// Rows exist and none may be seen.
pub(super) fn hidden(table: &str) -> CallError {
    let table = escape_line(table);
    CallError::new(FaultKind::Forbidden, format!("rows of {table} match, but access rules hide all of them"))
        .code(CallError::HIDDEN_ROWS)
        .hint(format!("let the integration user read {table}, in its domain too"))
}
