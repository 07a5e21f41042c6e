//! Rate gates: a bucket per documented limit, and a door that a server's `Retry-After` shuts.
//!
//! The bucket is the generic cell rate algorithm in one number, on the caller's clock, so that a
//! test's clock rules it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A limit: `burst` calls at once, refilled evenly by `count` in each `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Calls at once.
    pub burst: u32,
    /// Calls gained in each period.
    pub count: u32,
    /// Period.
    pub per: Duration,
}

/// One limit and how much of it is used.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    burst: u32,
    refill: Duration,
    share: u32,
    /// When the bucket would be full again ("theoretical arrival time").
    full_at: Duration,
}

impl Bucket {
    fn interval(&self) -> Duration {
        self.refill * self.share
    }

    fn capacity(&self) -> u32 {
        (self.burst / self.share).max(1)
    }

    fn wait(&self, now: Duration) -> Duration {
        self.full_at.saturating_sub(self.interval() * (self.capacity() - 1)).saturating_sub(now)
    }
}

impl Gate {
    /// A gate for that rate, full at first; a burst or count of zero counts as one.
    pub fn new(rate: Rate) -> Self {
        let refill = rate.per / rate.count.max(1);
        let bucket = Bucket { burst: rate.burst.max(1), refill, share: 1, full_at: Duration::ZERO };
        Self { state: Mutex::new(bucket) }
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long from `now` until one more call fits.
    pub fn wait(&self, now: Duration) -> Duration {
        self.bucket().wait(now)
    }

    /// Books one call; it may go after the time that this gives.
    pub fn take(&self, now: Duration) -> Duration {
        let mut bucket = self.bucket();
        let wait = bucket.wait(now);
        bucket.full_at = bucket.full_at.max(now) + bucket.interval();
        wait
    }

    /// Divides the limit by the number of live lease holders (D36).
    pub fn set_share(&self, holders: u32) {
        self.bucket().share = holders.max(1);
    }

    /// Follows the server's own count of calls left: never believes in more than that.
    pub fn observe_left(&self, left: u32, now: Duration) {
        let mut bucket = self.bucket();
        let free = (left / bucket.share).min(bucket.capacity());
        let used = bucket.capacity() - free;
        bucket.full_at = bucket.full_at.max(now + bucket.interval() * used);
    }
}

/// Shut while a server's `Retry-After` runs; shared by everything that uses one principal.
#[derive(Debug, Default)]
pub struct Door {
    opens: Mutex<Duration>,
}

impl Door {
    /// Shuts it until `wait` after `now`; never opens it earlier than it was.
    pub fn shut(&self, now: Duration, wait: Duration) {
        let mut opens = self.opens.lock().unwrap_or_else(PoisonError::into_inner);
        *opens = (*opens).max(now + wait);
    }

    /// How long it stays shut, `None` when it is open.
    pub fn shut_for(&self, now: Duration) -> Option<Duration> {
        let opens = *self.opens.lock().unwrap_or_else(PoisonError::into_inner);
        (opens > now).then(|| opens - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_and_then_the_refill_rules() {
        let gate = Gate::new(Rate { burst: 3, count: 75, per: 300 * S });
        for _ in 0..3 {
            assert_eq!(gate.take(10 * S), Duration::ZERO);
        }
        assert_eq!(gate.wait(10 * S), 4 * S);
        assert_eq!(gate.take(14 * S), Duration::ZERO);
        assert_eq!(gate.wait(14 * S), 4 * S);
        assert_eq!(gate.wait(500 * S), Duration::ZERO);
    }

    #[test]
    fn shares_and_remaining_headers_narrow_it() {
        let gate = Gate::new(Rate { burst: 250, count: 25, per: S });
        gate.set_share(5);
        let passed = (0..250).filter(|_| gate.take(S).is_zero()).count();
        assert_eq!(passed, 50);
        let gate = Gate::new(Rate { burst: 250, count: 25, per: S });
        gate.observe_left(2, S);
        assert!(gate.take(S).is_zero() && gate.take(S).is_zero());
        assert_eq!(gate.wait(S), Duration::from_millis(40));
        gate.observe_left(200, S);
        assert!(!gate.wait(S).is_zero(), "a larger count never widens it");
    }

    #[test]
    fn a_door_never_opens_early() {
        let door = Door::default();
        door.shut(S, 30 * S);
        door.shut(2 * S, S);
        assert_eq!(door.shut_for(11 * S), Some(20 * S));
        assert_eq!(door.shut_for(31 * S), None);
    }
}
