//! The one place that knows which database is behind the store: pools, transactions, values.
//!
//! Everything else speaks query texts with `$n` and the types [`Arg`], [`Row`] and [`Tx`], so a
//! second database is a second variant here and a second set of migrations (D35).

use std::time::Duration;

use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr, Sqlite, Transaction};

use crate::model::ledger::StoreFault;
use crate::model::{
    CommandId, EntryId, IncidentId, InstanceKey, IntentId, LinkId, SysId, TableName, WorkspaceKey,
};
use crate::text::{Stamp, UntrustedText, escape_line};

/// Longest `IN` list. SQLite looks named parameters up one by one, so more than 100 cost more
/// than a second statement (measured).
pub(super) const CHUNK: usize = 96;

/// Parameters in one multi-row insert, where the measured optimum lies.
const INSERT_PARAMS: usize = 150;

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

/// One row of an answer, read by column name.
pub(super) enum Row {
    Sqlite(SqliteRow),
}

impl Row {
    pub(super) fn int(&self, column: &str) -> Result<i64, StoreFault> {
        match self {
            Self::Sqlite(r) => r.try_get(column).map_err(fault),
        }
    }

    pub(super) fn maybe_int(&self, column: &str) -> Result<Option<i64>, StoreFault> {
        match self {
            Self::Sqlite(r) => r.try_get(column).map_err(fault),
        }
    }

    pub(super) fn text(&self, column: &str) -> Result<String, StoreFault> {
        match self {
            Self::Sqlite(r) => r.try_get(column).map_err(fault),
        }
    }

    pub(super) fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreFault> {
        match self {
            Self::Sqlite(r) => r.try_get(column).map_err(fault),
        }
    }

    pub(super) fn flag(&self, column: &str) -> Result<bool, StoreFault> {
        match self {
            Self::Sqlite(r) => r.try_get(column).map_err(fault),
        }
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
        let text = self.text(column)?;
        read(&text).ok_or_else(|| broken(format!("unknown {column} {text:?}; a newer version wrote it?")))
    }

    /// A JSON column.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, StoreFault> {
        from_json(column, &self.text(column)?)
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

/// Sorts a driver's error into the kinds that the engine acts upon.
pub(super) fn fault(error: sqlx::Error) -> StoreFault {
    const FULL_SHM: i64 = 4874;
    let text = escape_line(&error.to_string());
    if matches!(error, sqlx::Error::PoolTimedOut) {
        return StoreFault::Busy("no connection became free in time".into());
    }
    let code: i64 =
        error.as_database_error().and_then(|e| e.code().and_then(|c| c.parse().ok())).unwrap_or_default();
    // Extended result codes carry the primary one in their low byte.
    match code & 0xff {
        _ if code == FULL_SHM => StoreFault::Full(text),
        13 => StoreFault::Full(text),
        5 | 6 => StoreFault::Busy(text),
        11 | 26 => StoreFault::Broken(format!("{text}; the file is damaged: restore a backup")),
        _ => StoreFault::Broken(text),
    }
}

type Query = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

fn query(sql: impl SqlSafeStr, args: Vec<Arg>) -> Query {
    args.into_iter().fold(sqlx::query(sql), |q, arg| match arg {
        Arg::Int(v) => q.bind(v),
        Arg::MaybeInt(v) => q.bind(v),
        Arg::Text(v) => q.bind(v),
        Arg::MaybeText(v) => q.bind(v),
        Arg::Flag(v) => q.bind(v),
    })
}

/// One transaction; dropped without [`Tx::commit`] it is rolled back.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
}

impl Tx {
    /// Runs a statement and gives the number of rows it touched.
    pub(super) async fn run(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<u64, StoreFault> {
        match self {
            Self::Sqlite(tx) => {
                query(sql, args).execute(&mut **tx).await.map(|r| r.rows_affected()).map_err(fault)
            }
        }
    }

    /// Every row of an answer.
    pub(super) async fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        args: Vec<Arg>,
    ) -> Result<Vec<Row>, StoreFault> {
        match self {
            Self::Sqlite(tx) => {
                let rows = query(sql, args).fetch_all(&mut **tx).await.map_err(fault)?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
        }
    }

    /// The first row of an answer, if there is one. The statement runs to its end.
    pub(super) async fn row(
        &mut self,
        sql: impl SqlSafeStr,
        args: Vec<Arg>,
    ) -> Result<Option<Row>, StoreFault> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Inserts many rows, several per statement. `tail` follows the values, such as an
    /// `ON CONFLICT` clause. The caller sees to it that no key comes twice, which PostgreSQL
    /// refuses within one statement.
    pub(super) async fn insert(
        &mut self,
        head: &str,
        rows: Vec<Vec<Arg>>,
        tail: &str,
    ) -> Result<(), StoreFault> {
        let Some(columns) = rows.first().map(Vec::len) else { return Ok(()) };
        let most = (INSERT_PARAMS / columns.max(1)).clamp(1, 50);
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let take = batch(rows.len(), most);
            let args = rows.by_ref().take(take).flatten().collect();
            let sql = format!("{head} VALUES {} {tail}", tuples(take, columns));
            self.run(AssertSqlSafe(sql), args).await?;
        }
        Ok(())
    }

    /// Makes it last.
    pub(super) async fn commit(self) -> Result<(), StoreFault> {
        match self {
            Self::Sqlite(tx) => tx.commit().await.map_err(fault),
        }
    }
}

/// How many rows the next statement takes: `most`, then powers of two, so that few different
/// texts are prepared.
fn batch(left: usize, most: usize) -> usize {
    if left >= most { most } else { 1 << left.ilog2() }
}

/// `($1,$2),($3,$4)`.
fn tuples(rows: usize, columns: usize) -> String {
    let row = |r: usize| format!("({})", places(r * columns + 1, columns));
    (0..rows).map(row).collect::<Vec<_>>().join(",")
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

/// The pools. SQLite: one writing connection, so that writers queue here and not in busy loops,
/// and a few that cannot write.
pub(super) enum Db {
    Sqlite { writer: Option<SqlitePool>, reader: SqlitePool },
}

impl Db {
    /// Begins a writing transaction, which holds the write lock from its start: a deferred one
    /// that reads first can fail with a stale snapshot, and no time-out helps then.
    pub(super) async fn write(&self) -> Result<Tx, StoreFault> {
        match self {
            Self::Sqlite { writer: Some(w), .. } => {
                let begun = match w.begin_with("BEGIN IMMEDIATE").await {
                    // SQLite ends a transaction by itself when the disk is full, and the driver
                    // goes on believing in it: only a fresh connection begins another one.
                    Err(sqlx::Error::InvalidSavePointStatement) => {
                        drop(w.acquire().await.map_err(fault)?.detach());
                        w.begin_with("BEGIN IMMEDIATE").await
                    }
                    other => other,
                };
                begun.map(Tx::Sqlite).map_err(fault)
            }
            Self::Sqlite { writer: None, .. } => Err(broken("it was opened for reading only")),
        }
    }

    /// Begins a reading transaction: everything in it sees one state.
    pub(super) async fn read(&self) -> Result<Tx, StoreFault> {
        match self {
            Self::Sqlite { reader, .. } => reader.begin().await.map(Tx::Sqlite).map_err(fault),
        }
    }

    /// Rows of one reading statement.
    pub(super) async fn rows(&self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Vec<Row>, StoreFault> {
        match self {
            Self::Sqlite { reader, .. } => {
                let rows = query(sql, args).fetch_all(reader).await.map_err(fault)?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
        }
    }

    /// Closes every connection, which folds the write-ahead log into the file.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { writer, reader } => {
                reader.close().await;
                if let Some(w) = writer {
                    w.close().await;
                }
            }
        }
    }
}

/// A pool whose connections stay: no maintenance task runs behind it, so a simulation that
/// awaits one call at a time stays in charge.
pub(super) async fn pool(options: SqliteConnectOptions, size: u32) -> Result<SqlitePool, StoreFault> {
    SqlitePoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options)
        .await
        .map_err(fault)
}
