//! How far a read has come, from server time only (D15).

use std::time::Duration;

use crate::mutant::{self, Mutant};
use crate::text::Stamp;

/// Where the next read starts. After a complete pass that is the server's `Date` of its first
/// answer minus the overlap; never the local clock, and never backward past what was reached
/// unless the server's own clock says so.
pub fn next_start(
    first_date: Option<Stamp>,
    newest_row: Option<Stamp>,
    overlap: Duration,
    old: Stamp,
) -> Stamp {
    if mutant::is_on(Mutant::CursorExclusive) {
        return newest_row.unwrap_or(old).max(old);
    }
    let overlap = if mutant::is_on(Mutant::NoOverlap) { Duration::ZERO } else { overlap };
    let reached = match (first_date, newest_row) {
        (Some(date), _) => date,
        // A server without a Date header: the newest row is the only server time there is.
        (None, Some(newest)) => newest,
        (None, None) => return old,
    };
    reached.minus(overlap)
}

/// The same, as far as rows allow that are to be looked at again: the oldest change among them is listed
/// once more. Where a server does not say its time, their age is told by our clock, and it may be behind
/// the stamps by which reads move on.
pub fn wait_for(position: Stamp, oldest: Option<Stamp>, overlap: Duration) -> Stamp {
    oldest.map_or(position, |oldest| position.min(oldest.minus(overlap)))
}

/// Longest stop after which reading on from the cursor is enough (D15).
pub const LONGEST_STOP: Duration = Duration::from_secs(3600);

/// True when a read that goes on from `position` comes so long after the one before it that everything
/// is to be looked at anew: by the server's own clock, because ours may have been put right since.
pub fn stopped_long(position: Stamp, overlap: Duration, date: Option<Stamp>) -> bool {
    date.is_some_and(|date| date.since(position) > overlap + LONGEST_STOP)
}

/// Where a workspace that was never read starts: as far back as its maximum age reaches.
pub fn first_start(now: Stamp, max_age: Duration) -> Stamp {
    now.minus(max_age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_stop_shows_by_the_servers_clock() {
        let w = Duration::from_secs(120);
        let at = |seconds: i64| Some(Stamp(seconds * 1_000_000));
        assert!(!stopped_long(Stamp(0), w, at(3720)));
        assert!(stopped_long(Stamp(0), w, at(3721)));
        assert!(!stopped_long(Stamp(0), w, None));
    }

    #[test]
    fn it_waits_for_rows_that_are_too_young() {
        let w = Duration::from_micros(2);
        assert_eq!(wait_for(Stamp(50), None, w), Stamp(50));
        assert_eq!(wait_for(Stamp(50), Some(Stamp(60)), w), Stamp(50));
        assert_eq!(wait_for(Stamp(50), Some(Stamp(40)), w), Stamp(38));
    }

    #[test]
    fn only_server_time_moves_it() {
        let w = Duration::from_secs(120);
        let date = Stamp(1_000_000_000);
        assert_eq!(next_start(Some(date), Some(Stamp(5)), w, Stamp(7)), date.minus(w));
        assert_eq!(next_start(None, None, w, Stamp(7)), Stamp(7));
    }
}
