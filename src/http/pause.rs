//! How long a server asks to be left alone.

use std::time::Duration;

use crate::text::Stamp;

/// Longest pause that is believed: one day. A longer one would silence a side for good.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Longest pause that follows from a date and our own clock, which may be wrong.
const LONGEST_BY_OUR_CLOCK: Duration = Duration::from_secs(300);

/// Reads a `Retry-After` value: seconds (fractions are rounded up) or an HTTP date, relative to the
/// server's own `date` where its answer has one and to our clock `now` otherwise; a date in the
/// past is zero. `None` when it is neither.
pub fn retry_after(value: &str, date: Option<Stamp>, now: Stamp) -> Option<Duration> {
    let value = value.trim();
    if let Some(until) = Stamp::parse_http_date(value) {
        return Some(match date {
            Some(date) => until.since(date).min(LONGEST),
            None => until.since(now).min(LONGEST_BY_OUR_CLOCK),
        });
    }
    let seconds: f64 = value.parse().ok()?;
    if !seconds.is_finite() || value.starts_with('-') && seconds < 0.0 {
        return (seconds < 0.0).then_some(Duration::ZERO);
    }
    Some(Duration::from_secs(seconds.ceil().clamp(0.0, LONGEST.as_secs_f64()) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_seconds_dates_and_nonsense() {
        let now = Stamp::parse_rfc3339("2026-11-21T13:40:19Z").unwrap();
        let s = Duration::from_secs;
        assert_eq!(retry_after("17", None, now), Some(s(17)));
        assert_eq!(retry_after(" 0.2 ", None, now), Some(s(1)));
        assert_eq!(retry_after("-5", None, now), Some(s(0)));
        assert_eq!(retry_after("Sat, 21 Nov 2026 13:40:49 GMT", None, now), Some(s(30)));
        assert_eq!(retry_after("Sat, 21 Nov 2026 13:00:00 GMT", None, now), Some(s(0)));
        assert_eq!(retry_after("99999999999999999999", None, now), Some(LONGEST));
        let later = "Sat, 21 Nov 2026 14:40:19 GMT";
        assert_eq!(retry_after(later, Some(now), Stamp(0)), Some(s(3600)), "by the server's clock");
        assert_eq!(retry_after(later, None, now), Some(LONGEST_BY_OUR_CLOCK), "ours may be wrong");
        for bad in ["", "soon", "NaN", "inf"] {
            assert_eq!(retry_after(bad, None, now), None, "{bad}");
        }
    }
}
