//! A user's time zone and formats: how display values show a moment and how they are read.
//!
//! Database values are UTC with whole seconds; display values follow the user
//! (servicenow-api, 2.3).

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::text::Stamp;

/// How one user sees time.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// The user's zone; UTC if the name is unknown.
    pub(super) zone: TimeZone,
    /// A `strptime` pattern for date and time.
    pattern: String,
}

impl Clock {
    /// Reads a zone name and the user's formats, as `sys_user` holds them (`dd/MM/yyyy`).
    pub(super) fn new(zone: &str, date_format: &str, time_format: &str) -> Self {
        let date = if date_format.is_empty() { "yyyy-MM-dd" } else { date_format };
        let time = if time_format.is_empty() { "HH:mm:ss" } else { time_format };
        // A user's own percent sign must not become a directive.
        let mut pattern = format!("{date} {time}").replace('%', "%%");
        for (java, posix) in [
            ("yyyy", "%Y"),
            ("MM", "%m"),
            ("dd", "%d"),
            ("HH", "%H"),
            ("hh", "%I"),
            ("mm", "%M"),
            ("ss", "%S"),
            (" a", " %p"),
        ] {
            pattern = pattern.replace(java, posix);
        }
        Self { zone: TimeZone::get(zone).unwrap_or(TimeZone::UTC), pattern }
    }

    /// The moment in the user's zone.
    pub(super) fn zoned(&self, stamp: Stamp) -> Zoned {
        Timestamp::from_microsecond(stamp.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.zone.clone())
    }

    /// A database date-time as the user sees it; other text is given back as it is.
    pub(super) fn show(&self, value: &str) -> String {
        match Stamp::parse_servicenow(value) {
            Some(stamp) => {
                let zoned = self.zoned(stamp);
                strtime::format(&self.pattern, &zoned).unwrap_or_else(|_| value.to_owned())
            }
            None => value.to_owned(),
        }
    }

    /// A date-time as the user writes it, in database form; none if it is none.
    pub(super) fn read(&self, text: &str) -> Option<String> {
        let civil = DateTime::strptime(&self.pattern, text.trim())
            .or_else(|_| DateTime::strptime("%Y-%m-%d %H:%M:%S", text.trim()))
            .ok()?;
        self.utc_of(civil)
    }

    /// A wall-clock time in the user's zone, in database form.
    pub(super) fn utc_of(&self, civil: DateTime) -> Option<String> {
        let zoned = civil.to_zoned(self.zone.clone()).ok()?;
        Some(Stamp(zoned.timestamp().as_microsecond()).servicenow())
    }
}

/// A duration's display value: `2 Minutes`, `1 Hour 5 Minutes`.
pub(super) fn show_duration(value: &str) -> String {
    let Some(stamp) = Stamp::parse_servicenow(value) else { return value.to_owned() };
    let seconds = (stamp.0 / 1_000_000).max(0);
    let parts = [
        (seconds / 86_400, "Day"),
        (seconds % 86_400 / 3600, "Hour"),
        (seconds % 3600 / 60, "Minute"),
        (seconds % 60, "Second"),
    ];
    // Seconds are only worth showing when there is nothing larger.
    let shown: Vec<String> = parts
        .iter()
        .filter(|(n, unit)| *n > 0 && (*unit != "Second" || seconds < 60))
        .map(|(n, unit)| format!("{n} {unit}{}", if *n == 1 { "" } else { "s" }))
        .collect();
    if shown.is_empty() { "0 Seconds".into() } else { shown.join(" ") }
}

/// Seconds as a duration value.
pub(super) fn duration_value(seconds: i64) -> String {
    Stamp(seconds.max(0).saturating_mul(1_000_000)).servicenow()
}
