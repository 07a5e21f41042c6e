//! How often one field went to and fro.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Side;
use crate::text::Stamp;

/// Writes to and fro that are let through before a field counts as flapping.
const LET_THROUGH: usize = 4;
/// Within how long they have to come.
const SPAN: Duration = Duration::from_secs(15 * 60);

/// A write of ours that was confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossing {
    /// The side that was written.
    pub to: Side,
    /// When.
    pub at: Stamp,
}

/// Our latest writes of one field, oldest first, each to the other side than the one before it.
///
/// Where a rule on each side keeps setting its own value, each of our writes calls forth the next,
/// without end. People who disagree do not write that often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Crossings(Vec<Crossing>);

impl Crossings {
    /// These and one more.
    #[must_use]
    pub fn and(&self, to: Side, at: Stamp) -> Self {
        let mut all = self.0.clone();
        all.retain(|c| at.since(c.at) <= SPAN);
        match all.last_mut() {
            Some(last) if last.to == to => last.at = at,
            _ => all.push(Crossing { to, at }),
        }
        let surplus = all.len().saturating_sub(LET_THROUGH);
        all.drain(..surplus);
        Self(all)
    }

    /// True when a write to that side would be one too many: the field went to and fro four times
    /// within a quarter of an hour, and this one would send it back once more.
    pub fn flap(&self, to: Side, now: Stamp) -> bool {
        self.0.len() == LET_THROUGH
            && self.0.first().is_some_and(|c| now.since(c.at) <= SPAN)
            && self.0.last().is_some_and(|c| c.to != to)
    }

    /// All that are kept.
    pub fn all(&self) -> &[Crossing] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(n: i64) -> Stamp {
        Stamp(n * 60_000_000)
    }

    fn to_and_fro(minutes: &[i64]) -> Crossings {
        let sides = [Side::Sentinel, Side::ServiceNow].into_iter().cycle();
        minutes.iter().zip(sides).fold(Crossings::default(), |all, (m, to)| all.and(to, minute(*m)))
    }

    #[test]
    fn the_fifth_write_to_and_fro_within_a_quarter_of_an_hour_is_one_too_many() {
        let four = to_and_fro(&[0, 1, 2, 3]);
        assert!(four.flap(Side::Sentinel, minute(15)));
        assert!(!four.flap(Side::Sentinel, minute(16)), "the first of them is long ago");
        assert!(!to_and_fro(&[0, 1, 2]).flap(Side::ServiceNow, minute(3)));
    }

    #[test]
    fn a_second_write_to_the_same_side_is_no_turn() {
        let four = to_and_fro(&[0, 1, 2, 3]);
        assert!(!four.flap(Side::ServiceNow, minute(4)));
        let again = four.and(Side::ServiceNow, minute(5));
        assert!(again.flap(Side::Sentinel, minute(6)));
        assert_eq!(again.all().len(), 4);
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let one = to_and_fro(&[0, 1, 2, 3]).and(Side::Sentinel, minute(60));
        assert_eq!(one.all(), [Crossing { to: Side::Sentinel, at: minute(60) }]);
    }
}
