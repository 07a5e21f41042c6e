//! What goes into a query and what comes out: values, rows, errors, and the parts of a text.
//!
//! Everything else speaks query texts with `$n` and the types [`Arg`], [`Row`] and
//! [`Tx`](super::pool::Tx), so that a second database needs no second set of queries (D35).

use std::sync::Arc;

use rusqlite::Statement;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

use crate::model::ledger::StoreFault;
use crate::model::{
    CommandId, EntryId, IncidentId, InstanceKey, IntentId, LinkId, SysId, TableName, WorkspaceKey,
};
use crate::text::{Stamp, UntrustedText, escape_line};

/// Longest `IN` list: few lengths make few different texts, which stay prepared.
pub(super) const CHUNK: usize = 96;

/// One bound value. Nulls keep their type, which PostgreSQL wants to know.
#[derive(Clone, Debug)]
pub(super) enum Arg {
    Int(i64),
    MaybeInt(Option<i64>),
    Text(String),
    MaybeText(Option<String>),
    Flag(bool),
}

macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::sql::Arg::from($value)),*] };
}
pub(super) use args;

macro_rules! arg_from {
    ($($kind:ty => |$v:ident| $made:expr;)*) => {
        $(impl From<$kind> for Arg { fn from($v: $kind) -> Self { $made } })*
    };
}

arg_from! {
    i64 => |v| Self::Int(v);
    u32 => |v| Self::Int(i64::from(v));
    bool => |v| Self::Flag(v);
    &str => |v| Self::Text(v.to_owned());
    String => |v| Self::Text(v);
    &String => |v| Self::Text(v.clone());
    &UntrustedText => |v| Self::Text(v.raw().to_owned());
    Option<i64> => |v| Self::MaybeInt(v);
    Option<String> => |v| Self::MaybeText(v);
    Stamp => |v| Self::Int(v.0);
    Option<Stamp> => |v| Self::MaybeInt(v.map(|s| s.0));
    LinkId => |v| Self::Int(v.0);
    Option<LinkId> => |v| Self::MaybeInt(v.map(|s| s.0));
    EntryId => |v| Self::Int(v.0);
    IntentId => |v| Self::Int(v.0);
    Option<IntentId> => |v| Self::MaybeInt(v.map(|s| s.0));
    CommandId => |v| Self::Int(v.0);
    Option<CommandId> => |v| Self::MaybeInt(v.map(|s| s.0));
    &WorkspaceKey => |v| Self::Text(v.as_str().to_owned());
    &InstanceKey => |v| Self::Text(v.as_str().to_owned());
    &TableName => |v| Self::Text(v.as_str().to_owned());
    &IncidentId => |v| Self::Text(v.as_str().to_owned());
    &SysId => |v| Self::Text(v.as_str().to_owned());
}

impl ToSql for Arg {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Int(v) | Self::MaybeInt(Some(v)) => ValueRef::Integer(*v),
            Self::Text(v) | Self::MaybeText(Some(v)) => ValueRef::Text(v.as_bytes()),
            Self::Flag(v) => ValueRef::Integer(i64::from(*v)),
            Self::MaybeInt(None) | Self::MaybeText(None) => ValueRef::Null,
        }))
    }
}

/// One value of an answer.
#[derive(Clone, Debug)]
enum Value {
    Null,
    Int(i64),
    Text(String),
    /// Of a type that no column of ours has.
    Other(&'static str),
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(v) => Self::Int(v),
            ValueRef::Text(v) => {
                str::from_utf8(v).map_or(Self::Other("text that is not UTF-8"), |t| Self::Text(t.into()))
            }
            ValueRef::Real(_) => Self::Other("a fraction"),
            ValueRef::Blob(_) => Self::Other("bytes"),
        }
    }
}

/// One row of an answer, read by column name.
#[derive(Clone, Debug)]
pub(super) struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    /// Runs a statement whose parameters are bound, to its end.
    pub(super) fn all(statement: &mut Statement<'_>) -> rusqlite::Result<Vec<Self>> {
        let columns: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
        let mut answer = statement.raw_query();
        let mut rows = Vec::new();
        while let Some(row) = answer.next()? {
            let values =
                (0..columns.len()).map(|c| row.get_ref(c).map(Value::from)).collect::<Result<_, _>>()?;
            rows.push(Self { columns: Arc::clone(&columns), values });
        }
        Ok(rows)
    }

    fn value(&self, column: &str) -> Result<&Value, StoreFault> {
        let place = self.columns.iter().position(|c| c == column);
        place
            .and_then(|p| self.values.get(p))
            .ok_or_else(|| broken(format!("no column {column} in an answer")))
    }

    pub(super) fn int(&self, column: &str) -> Result<i64, StoreFault> {
        self.maybe_int(column)?.ok_or_else(|| unfit(column, "a number", &Value::Null))
    }

    pub(super) fn maybe_int(&self, column: &str) -> Result<Option<i64>, StoreFault> {
        match self.value(column)? {
            Value::Int(v) => Ok(Some(*v)),
            Value::Null => Ok(None),
            other => Err(unfit(column, "a number", other)),
        }
    }

    /// A text without a copy of it.
    fn peek(&self, column: &str) -> Result<Option<&str>, StoreFault> {
        match self.value(column)? {
            Value::Text(v) => Ok(Some(v)),
            Value::Null => Ok(None),
            other => Err(unfit(column, "a text", other)),
        }
    }

    pub(super) fn text(&self, column: &str) -> Result<String, StoreFault> {
        self.maybe_text(column)?.ok_or_else(|| unfit(column, "a text", &Value::Null))
    }

    pub(super) fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreFault> {
        Ok(self.peek(column)?.map(str::to_owned))
    }

    pub(super) fn flag(&self, column: &str) -> Result<bool, StoreFault> {
        self.int(column).map(|v| v != 0)
    }

    pub(super) fn stamp(&self, column: &str) -> Result<Stamp, StoreFault> {
        self.int(column).map(Stamp)
    }

    pub(super) fn maybe_stamp(&self, column: &str) -> Result<Option<Stamp>, StoreFault> {
        Ok(self.maybe_int(column)?.map(Stamp))
    }

    /// A count that a person could not have made negative or huge by honest means.
    pub(super) fn count(&self, column: &str) -> Result<u32, StoreFault> {
        u32::try_from(self.int(column)?).map_err(|_| broken(format!("the column {column} is out of range")))
    }

    pub(super) fn workspace(&self, column: &str) -> Result<WorkspaceKey, StoreFault> {
        WorkspaceKey::new(&self.text(column)?).map_err(broken)
    }

    pub(super) fn instance(&self, column: &str) -> Result<InstanceKey, StoreFault> {
        InstanceKey::new(&self.text(column)?).map_err(broken)
    }

    pub(super) fn table(&self, column: &str) -> Result<TableName, StoreFault> {
        TableName::new(&self.text(column)?).map_err(broken)
    }

    /// A word out of a closed list.
    pub(super) fn word<T>(&self, column: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, StoreFault> {
        let text = self.peek(column)?.unwrap_or_default();
        read(text).ok_or_else(|| broken(format!("unknown {column} {text:?}; a newer version wrote it?")))
    }

    /// A JSON column.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, StoreFault> {
        from_json(column, self.peek(column)?.unwrap_or_default())
    }
}

/// Writes a value as JSON.
pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreFault> {
    serde_json::to_string(value).map_err(|e| broken(format!("cannot write JSON: {e}")))
}

/// Reads a value from JSON.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreFault> {
    serde_json::from_str(text)
        .map_err(|e| broken(format!("unreadable {what}: {e}; a newer version wrote it?")))
}

/// A fault of the last kind, made safe to print.
pub(super) fn broken(message: impl AsRef<str>) -> StoreFault {
    StoreFault::Broken(escape_line(message.as_ref()))
}

/// A column that holds something else than the program wrote.
fn unfit(column: &str, wanted: &str, found: &Value) -> StoreFault {
    let found = match found {
        Value::Null => "nothing",
        Value::Int(_) => "a number",
        Value::Text(_) => "a text",
        Value::Other(kind) => kind,
    };
    broken(format!("the column {column} holds {found} where {wanted} belongs"))
}

/// Sorts a driver's error into the kinds that the engine acts upon.
pub(super) fn fault(error: rusqlite::Error) -> StoreFault {
    const FULL_SHM: i32 = 4874;
    let text = escape_line(&error.to_string());
    let code = error.sqlite_error().map(|e| e.extended_code).unwrap_or_default();
    // Extended result codes carry the primary one in their low byte.
    match code & 0xff {
        _ if code == FULL_SHM => StoreFault::Full(text),
        13 => StoreFault::Full(text),
        5 | 6 => StoreFault::Busy(text),
        11 | 26 => StoreFault::Broken(format!("{text}; the file is damaged: restore a backup")),
        _ => StoreFault::Broken(text),
    }
}

/// `?1` for `$1`: SQLite takes the latter for a name and numbers names as they come.
pub(super) fn numbered(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut parts = sql.split('$');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push(if part.starts_with(|c: char| c.is_ascii_digit()) { '?' } else { '$' });
        out.push_str(part);
    }
    out
}

/// How many rows the next statement takes: `most`, then powers of two, so that few different
/// texts are prepared.
pub(super) fn batch(left: usize, most: usize) -> usize {
    if left >= most { most } else { 1 << left.ilog2() }
}

/// `$3,$4,$5` for `first` 3 and `count` 3.
pub(super) fn places(first: usize, count: usize) -> String {
    (first..first + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(",")
}

/// The arguments of an `IN` list, the last one repeated up to one of a few lengths, so that few
/// different texts are prepared. `items` must not be longer than [`CHUNK`].
pub(super) fn padded<T: Clone + Into<Arg>>(items: &[T]) -> Vec<Arg> {
    let length = [1, 2, 4, 8, 16, 32, 64].into_iter().find(|n| *n >= items.len()).unwrap_or(CHUNK);
    let mut args: Vec<Arg> = items.iter().cloned().map(Into::into).collect();
    if let Some(last) = args.last().cloned() {
        args.resize(length.max(args.len()), last);
    }
    args
}

/// The last item of every key, in the order of the items that stay.
pub(super) fn last_of<'a, T, K: Ord>(items: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<&'a T> {
    let mut seen = std::collections::BTreeSet::new();
    let mut kept: Vec<&T> = items.iter().rev().filter(|i| seen.insert(key(i))).collect();
    kept.reverse();
    kept
}
