//! A point in time: UTC, whole microseconds, rounded down (D12).

use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(pub i64);

impl Stamp {
    /// Reads RFC 3339 with any number of fractional digits and any offset, as Sentinel writes
    /// it (sentinel-api, 2.2: live digit counts vary).
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(Self::from_jiff)
    }

    /// Reads ServiceNow's `YYYY-MM-DD HH:MM:SS`, always UTC in a `value` (servicenow-api, 2.3).
    pub fn parse_servicenow(text: &str) -> Option<Self> {
        let civil = civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text.trim()).ok()?;
        let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
        Some(Self::from_jiff(zoned.timestamp()))
    }

    /// Reads an HTTP date such as `Sat, 21 Nov 2026 13:40:19 GMT`.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        jiff::fmt::rfc2822::parse(text.trim()).ok().map(|z| Self::from_jiff(z.timestamp()))
    }

    fn from_jiff(t: Timestamp) -> Self {
        Self((t.as_nanosecond().div_euclid(1000)) as i64)
    }

    fn jiff(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// `2026-11-21T13:40:19.123456Z`, always six digits, so that text order is time order.
    pub fn rfc3339(self) -> String {
        self.jiff().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
    }

    /// `2026-11-21 13:40:19`, as ServiceNow's encoded queries take it.
    pub fn servicenow(self) -> String {
        self.jiff().strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `Sat, 21 Nov 2026 13:40:19 GMT`.
    pub fn http_date(self) -> String {
        self.jiff().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// `11-21 13:40`, for a narrow column.
    pub fn short(self) -> String {
        self.jiff().strftime("%m-%d %H:%M").to_string()
    }

    /// `13:40:19`, for a log line of today.
    pub fn clock(self) -> String {
        self.jiff().strftime("%H:%M:%S").to_string()
    }

    /// This moment plus `span`, saturating.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.as_micros().min(i64::MAX as u128) as i64))
    }

    /// This moment minus `span`, saturating.
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span.as_micros().min(i64::MAX as u128) as i64))
    }

    /// Time from `earlier` to this moment, zero if that is negative.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0).max(0) as u64)
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.jiff().strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_shape_the_services_write() {
        let t = Stamp::parse_rfc3339("2026-11-21T13:40:19.1234567Z").unwrap();
        assert_eq!(t.rfc3339(), "2026-11-21T13:40:19.123456Z");
        assert_eq!(
            Stamp::parse_rfc3339("2026-11-21T14:40:19+01:00"),
            Stamp::parse_rfc3339("2026-11-21T13:40:19Z")
        );
        assert_eq!(
            Stamp::parse_servicenow("2026-11-21 13:40:19").unwrap().servicenow(),
            "2026-11-21 13:40:19"
        );
        assert_eq!(
            Stamp::parse_http_date("Sat, 21 Nov 2026 13:40:19 GMT").unwrap().http_date(),
            "Sat, 21 Nov 2026 13:40:19 GMT"
        );
        assert!(Stamp::parse_servicenow("tomorrow").is_none());
    }
}
