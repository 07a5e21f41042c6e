//! Noticing that the store changed: own writes at once, those of other processes within 200 ms.

use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch::Receiver;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Store;
use super::pool::Door;

const POLL: Duration = Duration::from_millis(200);

/// Waits for changes of the store; made by [`Store::watch`].
pub struct Watcher {
    door: Door,
    /// A connection of its own: `data_version` compares with what the same connection saw last.
    conn: Option<Connection>,
    seen: Option<i64>,
    wrote: Receiver<u64>,
    /// Kept between calls, so that a caller that gives up waiting again and again still polls.
    tick: Interval,
}

impl Store {
    /// A watcher that counts changes from now on.
    pub async fn watch(&self) -> Watcher {
        self.watch_every(POLL).await
    }

    /// The same with another pause between two looks at the writes of other processes.
    pub(super) async fn watch_every(&self, poll: Duration) -> Watcher {
        let mut tick = interval(poll);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watcher = Watcher {
            door: self.inner.watching.clone(),
            conn: None,
            seen: None,
            wrote: self.inner.wrote.subscribe(),
            tick,
        };
        watcher.seen = watcher.version();
        watcher
    }
}

impl Watcher {
    /// Returns when something was written since the last return, however often. It may be
    /// dropped at any moment and called again without missing a change.
    pub async fn changed(&mut self) {
        loop {
            // A store that is closed in this process may still be written by another.
            let own = match self.wrote.has_changed() {
                Ok(true) => true,
                Ok(false) => tokio::select! {
                    own = self.wrote.changed() => own.is_ok(),
                    _ = self.tick.tick() => false,
                },
                Err(_) => {
                    self.tick.tick().await;
                    false
                }
            };
            if own {
                // Until the version is read too, a dropped call must find the change again.
                self.wrote.mark_changed();
            }
            let version = self.version();
            let moved = version.is_some() && version != self.seen;
            if version.is_some() {
                self.seen = version;
            }
            if own {
                self.wrote.mark_unchanged();
            }
            if own || moved {
                return;
            }
        }
    }

    /// `data_version` of the file; `None` while it cannot be read. Done here and now: it looks at
    /// shared memory and at no disk.
    fn version(&mut self) -> Option<i64> {
        if self.conn.is_none() {
            self.conn = self.door.open().ok();
            // A new connection counts anew: the old number says nothing.
            self.seen = self.seen.map(|_| i64::MIN);
        }
        let version = self.conn.as_ref()?.query_row("PRAGMA data_version", [], |row| row.get(0)).ok();
        if version.is_none() {
            self.conn = None;
        }
        version
    }
}
