//! Time as the clients see it. [`SystemClock`] is the only place in the crate's clients that
//! asks the machine; everything else is told.

use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;

use crate::text::Stamp;

/// A clock that a test can hold in its hand.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Wall time, for logs and for dates that a server wrote.
    fn now(&self) -> Stamp;

    /// Time since some fixed moment; never goes back. Deadlines and rates use this one.
    fn monotonic(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, span: Duration);
}

/// The machine's clock; must be slept on inside a tokio runtime.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic zero is now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Stamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Stamp::default().plus(since)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}
