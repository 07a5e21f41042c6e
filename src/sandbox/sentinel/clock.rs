//! Time as Sentinel stores it: ticks of 100 ns, written with up to seven fractional digits.
//!
//! Our own clock has microseconds. The seventh digit is derived from the microsecond, so that it
//! is usually not zero, never decreases and is the same on every run.

use std::time::Duration;

use jiff::Timestamp;

use crate::text::Stamp;

/// Ticks of 100 ns since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tick(pub i64);

impl Tick {
    /// The tick inside the microsecond `now`.
    pub fn at(now: Stamp) -> Self {
        let digit = now.0.wrapping_mul(2_654_435_761).rem_euclid(1 << 32) >> 20;
        Self(now.0.saturating_mul(10).saturating_add(digit % 10))
    }

    /// The microsecond this tick lies in.
    pub fn stamp(self) -> Stamp {
        Stamp(self.0.div_euclid(10))
    }

    /// Reads RFC 3339 with any offset and any number of fractional digits; digits beyond the
    /// tick are cut off.
    pub fn parse(text: &str) -> Option<Self> {
        let trimmed = cut_fraction(text);
        let t = trimmed.parse::<Timestamp>().ok()?;
        i64::try_from(t.as_nanosecond().div_euclid(100)).ok().map(Self)
    }

    /// `2026-11-21T13:40:19.1234567Z` with that many digits (0 to 7), cut and not rounded.
    pub fn text(self, digits: u8) -> String {
        let head = jiff_of(self.stamp()).strftime("%Y-%m-%dT%H:%M:%S").to_string();
        if digits == 0 {
            return format!("{head}Z");
        }
        let fraction = format!("{:07}", self.0.rem_euclid(10_000_000));
        let keep = usize::from(digits.min(7));
        format!("{head}.{}Z", fraction.get(..keep).unwrap_or(&fraction))
    }

    /// The same moment without what `digits` cannot show.
    pub fn cut(self, digits: u8) -> Self {
        let unit = 10_i64.pow(u32::from(7 - digits.min(7)));
        Self(self.0.div_euclid(unit) * unit)
    }

    /// This moment minus `span`.
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_nanos() / 100).unwrap_or(i64::MAX)))
    }
}

/// Drops fractional digits that no parser of nanoseconds takes.
fn cut_fraction(text: &str) -> String {
    let Some((head, rest)) = text.split_once('.') else { return text.to_owned() };
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let zone = rest.get(digits.len()..).unwrap_or_default();
    format!("{head}.{}{zone}", digits.get(..9).unwrap_or(&digits))
}

fn jiff_of(stamp: Stamp) -> Timestamp {
    Timestamp::from_microsecond(stamp.0).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `3/19/2023 8:55:46 AM`, as the resource manager words expiry (sentinel-api 5.1).
pub(super) fn us_time(stamp: Stamp) -> String {
    jiff_of(stamp).strftime("%-m/%-d/%Y %-I:%M:%S %p").to_string()
}

/// `2026-01-01 00:00:00Z`, as Entra stamps its errors (sentinel-api 1.3).
pub(super) fn entra_time(stamp: Stamp) -> String {
    jiff_of(stamp).strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `20261121T134019Z`, as in a routing request id.
pub(super) fn compact_time(stamp: Stamp) -> String {
    jiff_of(stamp).strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_has_seven_digits_and_keeps_every_shape_a_client_sends() {
        let tick = Tick::parse("2026-11-21T13:40:19.1234567Z").unwrap();
        assert_eq!(tick.text(7), "2026-11-21T13:40:19.1234567Z");
        assert_eq!(tick.text(3), "2026-11-21T13:40:19.123Z");
        assert_eq!(tick.text(0), "2026-11-21T13:40:19Z");
        assert_eq!(tick.cut(0), Tick::parse("2026-11-21T13:40:19Z").unwrap());
        assert_eq!(tick, Tick::parse("2026-11-21T14:40:19.123456789012+01:00").unwrap());
        assert!(Tick::parse("2026-11-21").is_none());
        let now = tick.stamp();
        assert_eq!(Tick::at(now).stamp(), now);
        assert_eq!(us_time(now), "11/21/2026 1:40:19 PM");
    }
}
