//! One page of a list: `$filter`, `$orderby`, `$top`, `$skipToken` in, rows and a next link out.
//!
//! The link follows sentinel-api 2.6: literal `$` keys, `%20` and never `+`, the whole query in
//! it and `$skipToken` last. A token continues behind a sort key, or behind a row count.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::clock::Tick;
use super::errors::Refusal;
use super::filter::{Cell, Expr, Field, Kind, Row};
use super::order::{self, Order};
use super::query::Query;
use super::switches::{Dollar, Drift, Paging, Switches, TopOver};
use crate::sandbox::wire::Request;
use crate::text::Stamp;

/// Rows without `$top`, and the most that `$top` may ask for (sentinel-api 2.5).
const DEFAULT_TOP: usize = 50;
const MOST: usize = 1000;

/// A list request that was understood.
pub(super) struct Listing {
    /// Which rows.
    pub filter: Option<Expr>,
    /// In which order.
    pub order: Vec<Order>,
    /// Where to go on.
    pub from: Option<Mark>,
    size: usize,
    top: Option<usize>,
    filter_text: Option<String>,
    order_text: Option<String>,
}

/// A position in an ordered list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mark {
    /// Sort values of the last row given.
    pub key: Vec<Cell<'static>>,
    /// Its tie-breaker.
    pub tie: i64,
    /// Rows given so far.
    pub count: usize,
}

impl Listing {
    /// Reads the query of a list of `fields`; `default_order` holds without `$orderby`.
    pub fn read(
        query: &Query,
        fields: &'static [Field],
        default_order: &str,
        switches: &Switches,
        now: Stamp,
    ) -> Result<Self, Refusal> {
        let filter_text = query.get("$filter").map(str::to_owned).filter(|f| !f.trim().is_empty());
        let order_text = query.get("$orderby").map(str::to_owned).filter(|o| !o.trim().is_empty());
        let filter = filter_text.as_deref().map(|f| Expr::parse(f, fields, switches)).transpose()?;
        let order = order::parse(order_text.as_deref().unwrap_or(default_order), fields)?;
        let top = read_top(query, switches)?;
        let size = top.unwrap_or(DEFAULT_TOP).min(switches.page_cap.unwrap_or(MOST));
        let mut listing = Self { filter, order, from: None, size, top, filter_text, order_text };
        if let Some(token) = query.get("$skipToken") {
            listing.from = Some(listing.open(token, switches, now).ok_or_else(|| {
                Refusal::bad("The skipToken is invalid or has expired. Restart the query without it.")
            })?);
        }
        Ok(listing)
    }

    /// Cuts one page from rows in any order.
    pub fn page<R: Row>(
        &self,
        rows: impl Iterator<Item = R>,
        switches: &Switches,
        drift: Drift,
    ) -> (Vec<R>, Option<Mark>) {
        let mut rows: Vec<R> = rows.filter(|r| self.filter.as_ref().is_none_or(|f| f.holds(r))).collect();
        rows.sort_by(|a, b| order::rows(&self.order, a, b));
        if let (Some(mark), Paging::Keyset) = (&self.from, switches.paging) {
            let start = rows.partition_point(|r| {
                order::row_to_key(&self.order, r, &mark.key, mark.tie) != Ordering::Greater
            });
            rows.drain(..start);
        }
        self.cut(rows.into_iter(), switches, drift)
    }

    /// Cuts one page from rows that are in order, filtered, and behind the mark's key if paging
    /// goes by key.
    pub fn cut<R: Row>(
        &self,
        ordered: impl Iterator<Item = R>,
        switches: &Switches,
        drift: Drift,
    ) -> (Vec<R>, Option<Mark>) {
        let given = self.from.as_ref().map_or(0, |m| m.count);
        let skip = if switches.paging == Paging::Offset { given } else { 0 };
        let mut ordered = ordered.skip(skip);
        let page: Vec<R> = ordered.by_ref().take(self.size).collect();
        let Some(extra) = ordered.next() else { return (page, None) };
        let mark = match drift {
            Drift::Skip => self.mark(&extra, given.saturating_add(page.len() + 1)),
            Drift::Repeat if page.len() > 1 => {
                page.iter().rev().nth(1).and_then(|row| self.mark(row, given.saturating_add(page.len() - 1)))
            }
            _ => page.last().and_then(|row| self.mark(row, given.saturating_add(page.len()))),
        };
        (page, mark)
    }

    fn mark<R: Row>(&self, row: &R, count: usize) -> Option<Mark> {
        let key = self.order.iter().map(|o| owned(row.sort_cell(o.path))).collect();
        Some(Mark { key, tie: row.tie(), count })
    }

    /// Numbers that tie a token to its query.
    fn fingerprint(&self) -> u32 {
        let text = format!("{:?}\n{:?}", self.filter_text, self.order_text);
        text.bytes().fold(0x811c_9dc5_u32, |hash, b| (hash ^ u32::from(b)).wrapping_mul(0x0100_0193))
    }

    fn seal(&self, mark: &Mark, now: Stamp) -> String {
        let key: Vec<Value> = mark
            .key
            .iter()
            .map(|cell| match cell {
                Cell::Null => Value::Null,
                Cell::Text(t) => json!(t),
                Cell::Int(i) => json!(i),
                Cell::Time(t) => json!(t.0),
            })
            .collect();
        let token = json!([self.fingerprint(), now.0, mark.count, mark.tie, key]);
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn open(&self, token: &str, switches: &Switches, now: Stamp) -> Option<Mark> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (print, issued, count, tie, key): (u32, i64, usize, i64, Vec<Value>) =
            serde_json::from_slice(&bytes).ok()?;
        let alive = switches
            .skip_token_life_s
            .is_none_or(|life| now.since(Stamp(issued)) < Duration::from_secs(life));
        if print != self.fingerprint() || !alive || key.len() != self.order.len() {
            return None;
        }
        let read = |(order, value): (&Order, Value)| match (order.kind, value) {
            (_, Value::Null) => Some(Cell::Null),
            (Kind::Text, Value::String(t)) => Some(Cell::Text(Cow::Owned(t))),
            (Kind::Int, v) => v.as_i64().map(Cell::Int),
            (Kind::Time, v) => v.as_i64().map(|t| Cell::Time(Tick(t))),
            _ => None,
        };
        let key = self.order.iter().zip(key).map(read).collect::<Option<Vec<_>>>()?;
        Some(Mark { key, tie, count })
    }

    /// The absolute link to what follows `mark`.
    pub fn next_link(
        &self,
        request: &Request,
        version: &str,
        mark: &Mark,
        switches: &Switches,
        now: Stamp,
    ) -> String {
        let dollar = if switches.next_link_dollar == Dollar::Literal { "$" } else { "%24" };
        let mut link = format!("{}{}?api-version={version}", origin(request, switches), request.path);
        let mut add = |key: &str, value: &str| {
            let value =
                if switches.next_link_spaces { encode(value).replace("%20", " ") } else { encode(value) };
            link.push_str(&format!("&{dollar}{key}={value}"));
        };
        if let Some(filter) = &self.filter_text {
            add("filter", filter);
        }
        if let Some(order) = &self.order_text {
            add("orderby", order);
        }
        if let Some(top) = self.top {
            add("top", &top.to_string());
        }
        add("skipToken", &self.seal(mark, now));
        link
    }
}

fn read_top(query: &Query, switches: &Switches) -> Result<Option<usize>, Refusal> {
    let Some(raw) = query.get("$top") else { return Ok(None) };
    let refuse =
        || Refusal::bad(format!("Invalid value '{raw}' for '$top': it must be between 1 and {MOST}."));
    match raw.trim().parse::<usize>() {
        Ok(0) | Err(_) => Err(refuse()),
        Ok(top) if top > MOST && switches.top_over_max == TopOver::Reject => Err(refuse()),
        Ok(top) => Ok(Some(top.min(MOST))),
    }
}

fn origin(request: &Request, switches: &Switches) -> String {
    let origin = switches.next_link_origin.as_ref().unwrap_or(&request.origin);
    let has_port = origin.rsplit(':').next().is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
    if !switches.next_link_port || has_port {
        return origin.clone();
    }
    let port = if origin.starts_with("http://") { 80 } else { 443 };
    format!("{origin}:{port}")
}

/// Percent-encodes all but unreserved characters.
fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 16);
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn owned(cell: Cell<'_>) -> Cell<'static> {
    match cell {
        Cell::Null => Cell::Null,
        Cell::Text(t) => Cell::Text(Cow::Owned(t.into_owned())),
        Cell::Int(i) => Cell::Int(i),
        Cell::Time(t) => Cell::Time(t),
    }
}
