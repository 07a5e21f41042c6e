//! The meeting point: links, bases, intents, cursors, commands, leases, mapping versions, audit.
//!
//! Console, daemon and command line meet only here. Whoever holds a workspace's lease changes it
//! through [`Store::ask`] with one fenced transaction at a time; everybody else reads published
//! rows and leaves commands. One file of SQLite today; every query text is written so that a
//! second database is a second set of migrations and one more variant in `sql` (D35).

mod audit;
mod commit;
mod desk;
mod due;
mod heads;
mod lease;
mod link_orders;
mod links;
mod load;
mod mapping;
mod members;
mod observe;
mod orders;
mod place;
mod pool;
mod published;
mod schema;
mod sql;
mod watch;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;

pub use audit::ChainVerdict;
pub use heads::{Heads, read_heads};
pub use mapping::MappingVersion;
pub use published::ViewBatch;
pub use watch::Watcher;

use crate::model::ledger::{Ask, StoreFault, Told};
use crate::text::Stamp;
use pool::{Db, Door, Tx};
use sql::{Arg, Row, args, broken};

/// Whether a store may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reads and writes; makes the file and brings its schema up to date.
    ReadWrite,
    /// Reads only; the file must exist and have the schema of this version.
    ReadOnly,
}

/// An open store. A clone shares the connections.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    path: PathBuf,
    /// How a watcher opens a connection of its own.
    watching: Door,
    /// True where the caller's own thread does the work: a simulation awaits one call at a time,
    /// and no other task is kept waiting.
    inline: bool,
    /// Counts this process's own writes.
    wrote: Sender<u64>,
}

/// How often and after which pause a busy file is tried again while opening: a second in all.
const OPEN_TRIES: u32 = 50;
const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// Connections that a store keeps for reading.
const READERS: usize = 4;

fn connect(path: &Path, mode: Mode, lasting: bool) -> Result<Db, StoreFault> {
    let writing = (mode == Mode::ReadWrite).then(|| Door::writing(path, lasting));
    let db = Db::open(writing, Door::reading(path), READERS)?;
    schema::settle(&db)?;
    Ok(db)
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in the file `path`. With [`Mode::ReadWrite`] a missing folder (0700) and
    /// file (0600) are made and the schema is brought up to date.
    ///
    /// # Errors
    /// `Broken` with a cure for a symlink, a file that others may read, a folder in which others
    /// may write, a database of another program, or a store made by a newer version; `Full` and
    /// `Busy` as for every call.
    pub async fn open(path: &Path, mode: Mode) -> Result<Self, StoreFault> {
        let path = path.to_owned();
        let (path, db) = hop(move || {
            let path = place::prepare(&path, mode)?;
            let mut tries = OPEN_TRIES;
            loop {
                // Several processes that start on one new file step on each other while it turns to
                // its write-ahead log, and SQLite waits for no time-out there.
                match connect(&path, mode, true) {
                    Err(StoreFault::Busy(_)) if tries > 0 => {
                        tries -= 1;
                        std::thread::sleep(OPEN_PAUSE);
                    }
                    other => return Ok((path, other?)),
                }
            }
        })
        .await?;
        Ok(Self::over(path, db, false))
    }

    /// Opens it for a simulation: no write waits for the disk, and leases are timed by a clock
    /// that starts at zero and moves only by [`Store::set_simulated_clock`] (D2).
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_for_simulation(path: &Path) -> Result<Self, StoreFault> {
        let path = place::prepare(path, Mode::ReadWrite)?;
        let db = connect(&path, Mode::ReadWrite, false)?;
        schema::simulate_clock(&db)?;
        Ok(Self::over(path, db, true))
    }

    fn over(path: PathBuf, db: Db, inline: bool) -> Self {
        let watching = Door::reading(&path);
        Self { inner: Arc::new(Inner { db, path, watching, inline, wrote: Sender::new(0) }) }
    }

    /// Does work on the connections where it may block.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Db) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        if self.inner.inline {
            return work(&self.inner.db);
        }
        let inner = Arc::clone(&self.inner);
        hop(move || work(&inner.db)).await
    }

    /// Rows of one reading statement.
    async fn rows(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>, StoreFault> {
        self.call(move |db| db.rows(sql, &args)).await
    }

    /// One reading transaction: everything in it sees one state.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        self.call(|db| {
            let mut tx = db.read()?;
            let found = work(&mut tx)?;
            tx.commit()?;
            Ok(found)
        })
        .await
    }

    /// One writing transaction, of which watchers are told; nothing of it stays when it fails.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let inner = Arc::clone(&self.inner);
        self.call(move |db| {
            let mut tx = db.write()?;
            let made = work(&mut tx)?;
            tx.commit()?;
            inner.wrote.send_modify(|n| *n = n.wrapping_add(1));
            Ok(made)
        })
        .await
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Sets the clock by which leases are timed, in a store that was opened for a simulation.
    ///
    /// # Errors
    /// `Broken` in any other store.
    pub async fn set_simulated_clock(&self, to: Stamp) -> Result<(), StoreFault> {
        self.call(move |db| schema::turn_clock(db, to)).await
    }

    /// Lets the file grow by at most so many pages from now on, or without limit again: SQLite then
    /// answers as on a full disk. For simulations.
    ///
    /// # Errors
    /// `Broken` in a store that was opened for reading only.
    pub async fn limit_growth(&self, pages: Option<u32>) -> Result<(), StoreFault> {
        self.call(move |db| {
            let count = db.set("PRAGMA page_count")?;
            let now = count.first().map_or(Ok(0), |r| r.int("page_count"))?;
            let most = pages.map_or(4_294_967_294, |more| now + i64::from(more));
            db.set(&format!("PRAGMA max_page_count = {most}")).map(drop)
        })
        .await
    }

    /// Closes every connection of every clone. A store that is dropped without it loses nothing.
    pub async fn close(&self) {
        let closed = self.call(|db| {
            db.close();
            Ok(())
        });
        // It has no way to fail.
        let (Ok(()) | Err(_)) = closed.await;
    }

    /// Checks the file from end to end: pages, indices and references.
    ///
    /// # Errors
    /// `Broken` with the first finding.
    pub async fn integrity(&self) -> Result<(), StoreFault> {
        let found = self.rows("PRAGMA integrity_check(1)", args![]).await?;
        let found = found.first().map_or_else(|| Ok(String::new()), |r| r.text("integrity_check"))?;
        if found != "ok" {
            return Err(broken(format!("damaged: {found}; cure: restore a backup")));
        }
        match self.rows("PRAGMA foreign_key_check", args![]).await?.len() {
            0 => Ok(()),
            n => Err(broken(format!("damaged: {n} rows belong to no link; cure: restore a backup"))),
        }
    }

    /// Writes a copy of the store as it is at this moment into a new file (0600).
    ///
    /// # Errors
    /// `Broken` when `to` exists already or cannot be made.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreFault> {
        place::make_file(to).map_err(|e| broken(format!("{} cannot be made: {e}", to.display())))?;
        let name = to.to_str().ok_or_else(|| broken(format!("{} is not UTF-8", to.display())))?;
        if let Err(e) = self.rows("VACUUM INTO $1", args![name]).await {
            // Half a copy would look like one.
            let _ = std::fs::remove_file(to);
            return Err(e);
        }
        Ok(())
    }

    /// Does what the engine's machine asks and gives the matching answer: `Links` for `ByIncident`,
    /// `ByNumber`, `MergedAndTold`, `ByRecord` and `ById`; `Known` for `KnownIncidents`, `KnownRecords`,
    /// `Uncorrelated`, `LiveRecords` and `GoneRecords`; `Numbers` for `Due` and the other lists of links; otherwise the answer of the same name.
    ///
    /// # Errors
    /// See [`StoreFault`]; nothing was changed then.
    pub async fn ask(&self, ask: Ask) -> Result<Told, StoreFault> {
        match ask {
            Ask::ByIncident(ws, ids) => self.by_incident(&ws, &ids).await.map(Told::Links),
            Ask::ByRecord(ws, i, t, ids) => self.by_record(&ws, &i, &t, &ids).await.map(Told::Links),
            Ask::ByNumber(ws, numbers) => self.by_number(&ws, &numbers).await.map(Told::Links),
            Ask::MergedAndTold(ws, key) => self.merged_and_told(&ws, &key).await.map(Told::Links),
            Ask::Joinable(ws, i, t, keys) => self.joinable(&ws, &i, &t, &keys).await.map(Told::Numbers),
            Ask::ById(ids) => self.by_id(&ids).await.map(Told::Links),
            Ask::KnownIncidents(ws, ids) => self.known_incidents(&ws, &ids).await.map(Told::Known),
            Ask::KnownRecords(ws, i, t, ids) => self.known_records(&ws, &i, &t, &ids).await.map(Told::Known),
            Ask::Uncorrelated(ws, i, t) => self.uncorrelated(&ws, &i, &t).await.map(Told::Known),
            Ask::LiveRecords(ws, i, t) => self.live_records(&ws, &i, &t).await.map(Told::Known),
            Ask::GoneRecords(ws, i, t, why, most) => {
                self.gone_records(&ws, &i, &t, &why, most).await.map(Told::Known)
            }
            Ask::Due(ws, now) => self.due(&ws, now).await.map(Told::Numbers),
            Ask::Resting(ws, now) => self.resting(&ws, now).await.map(Told::Numbers),
            Ask::HeldLinks(ws) => self.held_links(&ws).await.map(Told::Numbers),
            Ask::WatchedLinks(ws) => self.watched_links(&ws).await.map(Told::Numbers),
            Ask::UnsureLinks(ws) => self.unsure_links(&ws).await.map(Told::Numbers),
            Ask::UnreadAlerts(ws, most) => self.unread_alerts(&ws, most).await.map(Told::Numbers),
            Ask::WaitingRows(ws, most) => self.waiting_rows(&ws, most).await.map(Told::Numbers),
            Ask::Orders(ws) => self.orders(&ws).await.map(|(c, o, l)| Told::Orders(c, o, l)),
            Ask::AboutRecord(i, t, id) => self.about_record(&i, &t, &id).await.map(Told::Links),
            Ask::Memory(ws) => self.memory(&ws).await.map(|(c, f)| Told::Memory(c, f)),
            Ask::Mapping => {
                self.mapping_current().await.map(|m| Told::Mapping(m.map(|m| (m.number, m.body))))
            }
            Ask::Users(instance) => self.users(&instance).await.map(Told::Users),
            Ask::SaveUsers(instance, users) => self.save_users(&instance, &users).await.map(|()| Told::Done),
            Ask::SaveChoices(i, t, list) => self.save_choices(&i, &t, &list).await.map(|()| Told::Done),
            Ask::TakeLease { workspace, holder, life_ms, section_hash, idle } => {
                self.take_lease(&workspace, &holder, life_ms, &section_hash, idle).await.map(Told::Lease)
            }
            Ask::LeaseOf(ws) => self.lease_of(&ws).await.map(Told::Lease),
            Ask::RenewLease { workspace, epoch, life_ms } => {
                self.renew_lease(&workspace, epoch, life_ms).await.map(Told::Lease)
            }
            Ask::ReleaseLease { workspace, epoch } => {
                self.release_lease(&workspace, epoch).await.map(|()| Told::Done)
            }
            Ask::Commit(commit) => self.commit(*commit).await.map(Told::Committed),
        }
    }
}

/// Runs work that blocks on a thread that is made for it. A caller that gives up waiting changes
/// nothing about the work: what has begun ends.
async fn hop<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreFault> + Send + 'static,
) -> Result<T, StoreFault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(broken(format!("its work broke off: {e}"))),
    }
}
