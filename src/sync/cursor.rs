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
    let overlap = if mutant::reads_narrowly() { Duration::ZERO } else { overlap };
    let reached = match (first_date, newest_row) {
        (Some(date), _) => date,
        // A server without a Date header: the newest row is the only server time there is.
        (None, Some(newest)) => newest,
        (None, None) => return old,
    };
    reached.minus(overlap)
}

/// Where a workspace that was never read starts: as far back as its maximum age reaches.
pub fn first_start(now: Stamp, max_age: Duration) -> Stamp {
    now.minus(max_age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_server_time_moves_it() {
        let w = Duration::from_secs(120);
        let date = Stamp(1_000_000_000);
        assert_eq!(next_start(Some(date), Some(Stamp(5)), w, Stamp(7)), date.minus(w));
        assert_eq!(next_start(None, None, w, Stamp(7)), Stamp(7));
    }
}
