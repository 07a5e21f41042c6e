//! How long a server asks to be left alone.

use std::time::Duration;

use crate::text::Stamp;

/// Longest pause that is believed: one day. A longer one would silence a side for good.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Reads a `Retry-After` value: seconds (fractions are rounded up) or an HTTP date relative to
/// `now`; a date in the past is zero. `None` when it is neither.
pub fn retry_after(value: &str, now: Stamp) -> Option<Duration> {
    let value = value.trim();
    if let Some(date) = Stamp::parse_http_date(value) {
        return Some(date.since(now).min(LONGEST));
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
        assert_eq!(retry_after("17", now), Some(s(17)));
        assert_eq!(retry_after(" 0.2 ", now), Some(s(1)));
        assert_eq!(retry_after("-5", now), Some(s(0)));
        assert_eq!(retry_after("Sat, 21 Nov 2026 13:40:49 GMT", now), Some(s(30)));
        assert_eq!(retry_after("Sat, 21 Nov 2026 13:00:00 GMT", now), Some(s(0)));
        assert_eq!(retry_after("99999999999999999999", now), Some(LONGEST));
        for bad in ["", "soon", "NaN", "inf"] {
            assert_eq!(retry_after(bad, now), None, "{bad}");
        }
    }
}
