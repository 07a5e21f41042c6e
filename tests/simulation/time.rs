//! Virtual time, shared by everybody: the servers' clock, and ours, which may be wrong.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use diptych::http::Clock;
use diptych::text::Stamp;

/// When every simulation begins.
const BEGIN: i64 = 1_790_000_000_000_000;

/// Virtual time.
#[derive(Default)]
pub struct Time {
    micros: AtomicI64,
    slept: AtomicI64,
    /// How far the local wall clock is ahead of the servers'.
    ahead: AtomicI64,
}

impl Time {
    /// The servers' clock.
    pub fn world(&self) -> Stamp {
        Stamp(BEGIN + self.micros.load(Ordering::SeqCst))
    }

    /// The local wall clock.
    pub fn local(&self) -> Stamp {
        Stamp(self.world().0 + self.ahead.load(Ordering::SeqCst))
    }

    pub fn since_start(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::SeqCst) as u64)
    }

    pub fn set(&self, since_start: Duration) {
        self.micros.store(since_start.as_micros() as i64, Ordering::SeqCst);
    }

    /// Puts the local wall clock so many seconds ahead of the servers'.
    pub fn put_ahead(&self, seconds: i64) {
        self.ahead.store(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// Takes how long the clients slept since the last time this was asked.
    pub fn take_slept(&self) -> Duration {
        Duration::from_micros(self.slept.swap(0, Ordering::SeqCst) as u64)
    }
}

#[async_trait]
impl Clock for Time {
    fn now(&self) -> Stamp {
        self.local()
    }
    fn monotonic(&self) -> Duration {
        self.since_start()
    }
    async fn sleep(&self, span: Duration) {
        self.slept.fetch_add(span.as_micros() as i64, Ordering::SeqCst);
    }
}
