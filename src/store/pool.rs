//! The connections, and the transactions on them. The only place that speaks to the driver.
//!
//! One writing connection, so that writers queue here and not in busy loops, and a few that
//! cannot write (D35). Everything here blocks; [`Store`](super::Store) sees to it that no task of
//! the runtime waits for a disk. A second database is a second kind of connection in this file and
//! a second set of migrations.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Statement};

use super::sql::{Arg, Row, batch, broken, fault, numbered, places};
use crate::model::ledger::StoreFault;

/// Parameters in one multi-row insert: longer texts are not faster (measured).
const INSERT_PARAMS: usize = 150;

/// How long a caller waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long SQLite waits for the lock of another process.
const BUSY: Duration = Duration::from_secs(5);

/// Different texts that a connection keeps prepared.
const PREPARED: usize = 256;

/// How a connection is opened.
#[derive(Clone)]
pub(super) struct Door {
    path: PathBuf,
    /// `synchronous` of a connection that writes; `None` for one that cannot.
    writes: Option<&'static str>,
}

impl Door {
    /// For a connection that writes; `lasting` waits for the disk with every commit.
    pub(super) fn writing(path: &Path, lasting: bool) -> Self {
        Self { path: path.to_owned(), writes: Some(if lasting { "FULL" } else { "OFF" }) }
    }

    /// For a connection that cannot write.
    pub(super) fn reading(path: &Path) -> Self {
        Self { path: path.to_owned(), writes: None }
    }

    /// Opens one.
    pub(super) fn open(&self) -> Result<Connection, StoreFault> {
        let way = if self.writes.is_some() {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        } else {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        };
        // Not as a URI: the path is a name and nothing else. A connection has one user at a time.
        let flags = way | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&self.path, flags).map_err(fault)?;
        conn.busy_timeout(BUSY).map_err(fault)?;
        conn.set_prepared_statement_cache_capacity(PREPARED);
        // A plan depends on no value: otherwise a statement may be prepared anew each time one is bound to it.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(fault)?;
        // A first sync grows the log; without a limit the file keeps that size for good.
        let mut settings = String::from("PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864;");
        if let Some(synchronous) = self.writes {
            settings += &format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};");
        }
        conn.execute_batch(&settings).map_err(fault)?;
        Ok(conn)
    }
}

/// Up to a number of connections, opened when they are needed and kept.
struct Pool {
    door: Door,
    shelf: Mutex<Shelf>,
    came_back: Condvar,
}

#[derive(Default)]
struct Shelf {
    idle: Vec<Connection>,
    /// How many more may be opened.
    unopened: usize,
    closed: bool,
}

impl Pool {
    fn new(door: Door, size: usize) -> Result<Arc<Self>, StoreFault> {
        let first = door.open()?;
        let shelf = Shelf { idle: vec![first], unopened: size.saturating_sub(1), closed: false };
        Ok(Arc::new(Self { door, shelf: Mutex::new(shelf), came_back: Condvar::new() }))
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Nothing panics while it holds the shelf half done.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>) -> Result<Lent, StoreFault> {
        let wanting = |s: &mut Shelf| !s.closed && s.idle.is_empty() && s.unopened == 0;
        let (mut shelf, waited) = self
            .came_back
            .wait_timeout_while(self.shelf(), PATIENCE, wanting)
            .unwrap_or_else(PoisonError::into_inner);
        if shelf.closed {
            return Err(broken("it is closed"));
        }
        if let Some(conn) = shelf.idle.pop() {
            return Ok(Lent { conn: Some(conn), home: Arc::clone(self) });
        }
        if waited.timed_out() {
            return Err(StoreFault::Busy("no connection became free in time".into()));
        }
        shelf.unopened -= 1;
        drop(shelf);
        // The place is given back with the loan, opened or not.
        let mut lent = Lent { conn: None, home: Arc::clone(self) };
        lent.conn = Some(self.door.open()?);
        Ok(lent)
    }

    fn close(&self) {
        let mut shelf = self.shelf();
        shelf.closed = true;
        shelf.idle.clear();
        self.came_back.notify_all();
    }
}

/// A connection on loan; it goes back when this is dropped.
struct Lent {
    conn: Option<Connection>,
    home: Arc<Pool>,
}

impl Lent {
    fn conn(&self) -> Result<&Connection, StoreFault> {
        self.conn.as_ref().ok_or_else(|| broken("it is closed"))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut shelf = self.home.shelf();
        match self.conn.take() {
            Some(conn) if !shelf.closed => shelf.idle.push(conn),
            Some(_) => {}
            None => shelf.unopened += 1,
        }
        drop(shelf);
        self.home.came_back.notify_one();
    }
}

/// One transaction; dropped without [`Tx::commit`] it is rolled back.
pub(super) struct Tx {
    lent: Lent,
}

impl Tx {
    fn begin(lent: Lent, how: &str) -> Result<Self, StoreFault> {
        lent.conn()?.execute_batch(how).map_err(fault)?;
        Ok(Self { lent })
    }

    /// Runs a statement and gives the number of rows it touched.
    pub(super) fn run(&mut self, sql: &str, args: Vec<Arg>) -> Result<u64, StoreFault> {
        let touched = with(self.open()?, sql, &args, |s| s.raw_execute())?;
        Ok(u64::try_from(touched).unwrap_or(u64::MAX))
    }

    /// Every row of an answer.
    pub(super) fn rows(&mut self, sql: &str, args: Vec<Arg>) -> Result<Vec<Row>, StoreFault> {
        with(self.open()?, sql, &args, Row::all)
    }

    /// The first row of an answer, if there is one. The statement runs to its end.
    pub(super) fn row(&mut self, sql: &str, args: Vec<Arg>) -> Result<Option<Row>, StoreFault> {
        Ok(self.rows(sql, args)?.into_iter().next())
    }

    /// Inserts many rows, several per statement. `tail` follows the values, such as an
    /// `ON CONFLICT` clause. The caller sees to it that no key comes twice, which PostgreSQL
    /// refuses within one statement.
    pub(super) fn insert(&mut self, head: &str, rows: Vec<Vec<Arg>>, tail: &str) -> Result<(), StoreFault> {
        let Some(columns) = rows.first().map(Vec::len) else { return Ok(()) };
        let most = (INSERT_PARAMS / columns.max(1)).clamp(1, 50);
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let take = batch(rows.len(), most);
            let args = rows.by_ref().take(take).flatten().collect();
            let tuples: Vec<String> =
                (0..take).map(|r| format!("({})", places(r * columns + 1, columns))).collect();
            self.run(&format!("{head} VALUES {} {tail}", tuples.join(",")), args)?;
        }
        Ok(())
    }

    /// Runs many statements at once, such as those of a migration.
    pub(super) fn script(&mut self, sql: &str) -> Result<(), StoreFault> {
        self.open()?.execute_batch(sql).map_err(fault)
    }

    /// Makes it last.
    pub(super) fn commit(self) -> Result<(), StoreFault> {
        self.open()?.execute_batch("COMMIT").map_err(fault)
    }

    /// The connection, as long as the transaction runs: SQLite ends one by itself when the disk is
    /// full, and what came after it would stand alone.
    fn open(&self) -> Result<&Connection, StoreFault> {
        let conn = self.lent.conn()?;
        if conn.is_autocommit() { Err(broken("its transaction has ended")) } else { Ok(conn) }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Ok(conn) = self.open() {
            let _ = conn.execute_batch("ROLLBACK");
        }
    }
}

/// Prepares `sql`, binds the arguments and runs it.
fn with<T>(
    conn: &Connection,
    sql: &str,
    args: &[Arg],
    run: impl FnOnce(&mut Statement<'_>) -> rusqlite::Result<T>,
) -> Result<T, StoreFault> {
    let mut statement = conn.prepare_cached(&numbered(sql)).map_err(fault)?;
    for (place, arg) in (1..).zip(args) {
        statement.raw_bind_parameter(place, arg).map_err(fault)?;
    }
    run(&mut statement).map_err(fault)
}

/// The connections of an open store.
pub(super) struct Db {
    writer: Option<Arc<Pool>>,
    reader: Arc<Pool>,
}

impl Db {
    /// Opens one connection of each kind; up to `readers` for reading.
    pub(super) fn open(writing: Option<Door>, reading: Door, readers: usize) -> Result<Self, StoreFault> {
        let writer = writing.map(|door| Pool::new(door, 1)).transpose()?;
        Ok(Self { writer, reader: Pool::new(reading, readers)? })
    }

    /// Begins a writing transaction, which holds the write lock from its start: a deferred one
    /// that reads first can fail with a stale snapshot, and no time-out helps then.
    pub(super) fn write(&self) -> Result<Tx, StoreFault> {
        Tx::begin(self.writer()?.take()?, "BEGIN IMMEDIATE")
    }

    /// Begins a reading transaction: everything in it sees one state.
    pub(super) fn read(&self) -> Result<Tx, StoreFault> {
        Tx::begin(self.reader.take()?, "BEGIN")
    }

    /// Rows of one reading statement.
    pub(super) fn rows(&self, sql: &str, args: &[Arg]) -> Result<Vec<Row>, StoreFault> {
        with(self.reader.take()?.conn()?, sql, args, Row::all)
    }

    /// Rows of one statement of the writing connection, outside of a transaction: for settings.
    pub(super) fn set(&self, sql: &str) -> Result<Vec<Row>, StoreFault> {
        with(self.writer()?.take()?.conn()?, sql, &[], Row::all)
    }

    /// True when it was opened for writing.
    pub(super) fn is_writable(&self) -> bool {
        self.writer.is_some()
    }

    fn writer(&self) -> Result<&Arc<Pool>, StoreFault> {
        self.writer.as_ref().ok_or_else(|| broken("it was opened for reading only"))
    }

    /// Closes every connection that is not on loan, and those when they come back. The last one
    /// folds the write-ahead log into the file.
    pub(super) fn close(&self) {
        self.reader.close();
        if let Some(writer) = &self.writer {
            writer.close();
        }
    }
}
