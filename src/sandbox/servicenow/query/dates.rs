//! Values of a query that mean a moment: literals, `javascript:gs.…` calls, relative spans.

use jiff::civil::{Date, DateTime, Time, date};
use jiff::{Span, ToSpan, Zoned};

use crate::sandbox::servicenow::zone::Clock;
use crate::text::Stamp;

/// What a value may depend on besides its own text.
#[derive(Clone, Debug)]
pub(in crate::sandbox::servicenow) struct Env {
    pub(in crate::sandbox::servicenow) now: Stamp,
    pub(in crate::sandbox::servicenow) clock: Clock,
    pub(in crate::sandbox::servicenow) user_id: String,
    pub(in crate::sandbox::servicenow) user_name: String,
    /// Literals are in the user's zone.
    pub(in crate::sandbox::servicenow) literals_local: bool,
    /// Text compares without case.
    pub(in crate::sandbox::servicenow) fold: bool,
}

impl Env {
    /// A value with a `javascript:` call evaluated; other text as it is.
    pub(super) fn evaluate(&self, value: &str) -> Option<String> {
        match value.strip_prefix("javascript:") {
            Some(call) => self.call(call.trim().trim_end_matches(';')),
            None => Some(value.to_owned()),
        }
    }

    /// A date-time value in database form; a date alone is its first second.
    pub(super) fn moment(&self, value: &str) -> Option<String> {
        if value.starts_with("javascript:") {
            return self.evaluate(value).filter(|v| Stamp::parse_servicenow(v).is_some());
        }
        let text = value.trim();
        let civil = DateTime::strptime("%Y-%m-%d %H:%M:%S", text)
            .or_else(|_| Date::strptime("%Y-%m-%d", text).map(|d| d.to_datetime(Time::midnight())))
            .ok()?;
        if self.literals_local {
            return self.clock.utc_of(civil);
        }
        Some(civil.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// The bounds of `ON`: `Today@javascript:…@javascript:…`, or one plain date.
    pub(super) fn day_bounds(&self, value: &str) -> Option<(String, String)> {
        let parts: Vec<&str> = value.split('@').collect();
        match parts.as_slice() {
            [_, from, to] => Some((self.moment(from)?, self.moment(to)?)),
            [day] => {
                let day = Date::strptime("%Y-%m-%d", day.trim()).ok()?;
                let from = self.clock.utc_of(day.to_datetime(Time::midnight()))?;
                Some((from, self.clock.utc_of(day.at(23, 59, 59, 0))?))
            }
            _ => None,
        }
    }

    /// The moment of `@hour@ago@3` or `@day@ahead@2`.
    pub(super) fn relative(&self, value: &str) -> Option<String> {
        let parts: Vec<&str> = value.trim_start_matches('@').split('@').collect();
        let [unit, direction, count] = parts.as_slice() else { return None };
        let count: i32 = count.trim().parse().ok()?;
        let count = if *direction == "ago" { count.checked_neg()? } else { count };
        let span = match *unit {
            "minute" => Span::new().try_minutes(count),
            "hour" => Span::new().try_hours(count),
            "day" | "dayofweek" => Span::new().try_days(count),
            "week" => Span::new().try_weeks(count),
            "month" => Span::new().try_months(count),
            "quarter" => Span::new().try_months(count.checked_mul(3)?),
            "year" => Span::new().try_years(count),
            _ => return None,
        };
        database(&self.local_now().checked_add(span.ok()?).ok()?)
    }

    fn local_now(&self) -> Zoned {
        self.clock.zoned(self.now)
    }

    fn call(&self, call: &str) -> Option<String> {
        let (name, rest) = call.split_once('(').unwrap_or((call, ""));
        let name = name.trim().trim_start_matches("gs.");
        let inside = rest.rsplit_once(')').map_or(rest, |(inside, _)| inside);
        let args: Vec<&str> =
            inside.split(',').map(|a| a.trim().trim_matches(['\'', '"'])).filter(|a| !a.is_empty()).collect();
        let number = args.first().and_then(|a| a.parse::<i32>().ok());
        match name {
            "getUserID" => Some(self.user_id.clone()),
            "getUserName" => Some(self.user_name.clone()),
            "now" | "nowDateTime" => database(&self.local_now()),
            // Read as GMT: the documented way around a user's zone (unverified).
            "dateGenerate" => {
                let text = format!("{} {}", args.first()?, args.get(1)?);
                Stamp::parse_servicenow(&text).map(Stamp::servicenow)
            }
            _ => self.ago(name, number).or_else(|| self.calendar(name)),
        }
    }

    /// `daysAgo`, `hoursAgoStart`, `minutesAgoEnd` and their like.
    fn ago(&self, name: &str, number: Option<i32>) -> Option<String> {
        let (unit, edge) = name.split_once("Ago")?;
        let number = number?.checked_neg()?;
        let now = self.local_now();
        let (span, seconds) = match unit {
            "minutes" => (Span::new().try_minutes(number), 60),
            "hours" => (Span::new().try_hours(number), 3600),
            "days" => (Span::new().try_days(number), 86_400),
            "months" => (Span::new().try_months(number), 0),
            "years" => (Span::new().try_years(number), 0),
            _ => return None,
        };
        let then = now.checked_add(span.ok()?).ok()?;
        let at = then.datetime();
        let start = match seconds {
            60 => at.date().at(at.hour(), at.minute(), 0, 0),
            3600 => at.date().at(at.hour(), 0, 0, 0),
            _ => at.date().at(0, 0, 0, 0),
        };
        match edge {
            "" => database(&then),
            "Start" => self.clock.utc_of(start),
            "End" => {
                let length = if seconds == 0 { 86_400 } else { seconds };
                self.clock.utc_of(start.checked_add((length - 1).seconds()).ok()?)
            }
            _ => None,
        }
    }

    /// `beginningOfToday`, `endOfLastMonth` and their like.
    fn calendar(&self, name: &str) -> Option<String> {
        let (end, period) = match name.strip_prefix("beginningOf") {
            Some(period) => (false, period),
            None => (true, name.strip_prefix("endOf")?),
        };
        let today = self.local_now().date();
        let month = date(today.year(), today.month(), 1);
        let monday = today.checked_sub(i32::from(today.weekday().to_monday_zero_offset()).days()).ok()?;
        let year = date(today.year(), 1, 1);
        let (first, length) = match period {
            "Today" => (today, 1.day()),
            "Yesterday" => (today.yesterday().ok()?, 1.day()),
            "Tomorrow" => (today.tomorrow().ok()?, 1.day()),
            "ThisWeek" => (monday, 7.days()),
            "LastWeek" => (monday.checked_sub(7.days()).ok()?, 7.days()),
            "NextWeek" => (monday.checked_add(7.days()).ok()?, 7.days()),
            "ThisMonth" => (month, 1.month()),
            "LastMonth" => (month.checked_sub(1.month()).ok()?, 1.month()),
            "NextMonth" => (month.checked_add(1.month()).ok()?, 1.month()),
            "ThisYear" => (year, 1.year()),
            "LastYear" => (year.checked_sub(1.year()).ok()?, 1.year()),
            _ => return None,
        };
        if end {
            let last = first.checked_add(length).ok()?.yesterday().ok()?;
            return self.clock.utc_of(last.at(23, 59, 59, 0));
        }
        self.clock.utc_of(first.at(0, 0, 0, 0))
    }
}

fn database(moment: &Zoned) -> Option<String> {
    Some(Stamp(moment.timestamp().as_microsecond()).servicenow())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(zone: &str) -> Env {
        Env {
            now: Stamp::parse_servicenow("2026-03-15 01:30:45").unwrap(),
            clock: Clock::new(zone, "", ""),
            user_id: "me".into(),
            user_name: "me.too".into(),
            literals_local: false,
            fold: true,
        }
    }

    #[test]
    fn calls_follow_the_users_zone_and_answer_in_utc() {
        let utc = env("UTC");
        let coast = env("America/Los_Angeles");
        let ask = |e: &Env, call: &str| e.evaluate(&format!("javascript:{call}")).unwrap_or_default();
        assert_eq!(ask(&utc, "gs.getUserID()"), "me");
        assert_eq!(ask(&utc, "gs.beginningOfToday()"), "2026-03-15 00:00:00");
        assert_eq!(ask(&coast, "gs.beginningOfToday()"), "2026-03-14 07:00:00");
        assert_eq!(ask(&utc, "gs.daysAgoStart(2)"), "2026-03-13 00:00:00");
        assert_eq!(ask(&utc, "gs.daysAgoEnd(2)"), "2026-03-13 23:59:59");
        assert_eq!(ask(&utc, "gs.hoursAgoStart(1)"), "2026-03-15 00:00:00");
        assert_eq!(ask(&utc, "gs.minutesAgoStart(15)"), "2026-03-15 01:15:00");
        assert_eq!(ask(&utc, "gs.beginningOfLastMonth()"), "2026-02-01 00:00:00");
        assert_eq!(ask(&utc, "gs.endOfLastMonth()"), "2026-02-28 23:59:59");
        assert_eq!(ask(&coast, "gs.dateGenerate('2026-01-02','03:04:05')"), "2026-01-02 03:04:05");
        assert_eq!(utc.relative("@hour@ago@3").unwrap(), "2026-03-14 22:30:45");
        assert_eq!(utc.evaluate("javascript:alert(1)"), None);
    }

    #[test]
    fn literals_are_utc_unless_switched() {
        let mut coast = env("America/Los_Angeles");
        assert_eq!(coast.moment("2026-03-01 00:00:00").unwrap(), "2026-03-01 00:00:00");
        coast.literals_local = true;
        assert_eq!(coast.moment("2026-03-01 00:00:00").unwrap(), "2026-03-01 08:00:00");
        assert_eq!(coast.moment("soon"), None);
    }
}
