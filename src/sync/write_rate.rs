//! How many writes one side may get within a minute: more than that looks like a mistake that goes on and on,
//! of a table, of a rule or of ours. What follows from a new record, and what came together while nobody
//! could read, is granted beforehand and does not count.

use std::collections::VecDeque;
use std::time::Duration;

/// Writes are counted over this long.
pub const WHILE: Duration = Duration::from_secs(60);

/// Whether writes are counted, wait for a person, or were let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// They are counted.
    #[default]
    Counted,
    /// They wait for a person.
    Held,
    /// A person let them through, until nothing of them is left.
    Open,
}

/// What is said of one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It may be sent, and was counted.
    Go,
    /// It waits.
    Waits,
    /// It is one too many: from now on it and all that follow wait.
    Trips,
}

/// The writes to one side.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    /// When each of the latest was sent, oldest first.
    recent: VecDeque<Duration>,
    /// Writes that do not count.
    granted: usize,
    /// Whether they are counted at all.
    pub flow: Flow,
}

impl Rate {
    /// Asks for one write, of at most `most` within a minute; 0 is any number.
    pub fn ask(&mut self, now: Duration, most: usize) -> Answer {
        if most == 0 || self.flow == Flow::Open {
            return Answer::Go;
        }
        if self.flow == Flow::Held {
            return Answer::Waits;
        }
        if self.granted > 0 {
            self.granted -= 1;
            return Answer::Go;
        }
        while self.recent.front().is_some_and(|at| now.saturating_sub(*at) > WHILE) {
            self.recent.pop_front();
        }
        if self.recent.len() >= most {
            self.flow = Flow::Held;
            return Answer::Trips;
        }
        self.recent.push_back(now);
        Answer::Go
    }

    /// Grants so many writes beyond what is counted, until the next rest.
    pub fn grant(&mut self, writes: usize) {
        self.granted = self.granted.saturating_add(writes);
    }

    /// Grants so many writes at least.
    pub fn grant_at_least(&mut self, writes: usize) {
        self.granted = self.granted.max(writes);
    }

    /// All that was to be written is: what was granted and not used is over, and so is what a person let
    /// through. True when the latter was.
    pub fn rest(&mut self) -> bool {
        self.granted = 0;
        let was_open = self.flow == Flow::Open;
        if was_open {
            self.recent.clear();
            self.flow = Flow::Counted;
        }
        was_open
    }

    /// A person lets through what waits. True when anything did.
    pub fn let_through(&mut self) -> bool {
        let held = self.flow == Flow::Held;
        if held {
            self.flow = Flow::Open;
        }
        held
    }
}

/// Writes that a pause grants after which everything is read at once: as many as would have come meanwhile.
pub fn after_pause(pause: Duration, most: usize) -> usize {
    most.saturating_mul((pause.as_secs() / WHILE.as_secs()) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    fn spend(rate: &mut Rate, now: u64, writes: usize) -> Vec<Answer> {
        (0..writes).map(|_| rate.ask(at(now), 3)).collect()
    }

    #[test]
    fn one_too_many_within_a_minute_holds_it_and_all_that_follow() {
        let mut rate = Rate::default();
        assert_eq!(spend(&mut rate, 0, 2), [Answer::Go; 2]);
        assert_eq!(spend(&mut rate, 30, 1), [Answer::Go]);
        assert_eq!(spend(&mut rate, 61, 2), [Answer::Go; 2], "two of them are older than a minute");
        assert_eq!(spend(&mut rate, 80, 2), [Answer::Trips, Answer::Waits]);
        assert_eq!(spend(&mut rate, 8000, 1), [Answer::Waits], "time alone lets nothing through");
        assert_eq!(rate.ask(at(8000), 0), Answer::Go, "nobody asks for a limit any more");
    }

    #[test]
    fn what_a_person_let_through_is_not_counted_until_all_of_it_is_done() {
        let mut rate = Rate::default();
        assert!(!rate.let_through(), "nothing waits");
        spend(&mut rate, 0, 4);
        assert!(rate.let_through() && !rate.let_through());
        assert_eq!(spend(&mut rate, 1, 9), [Answer::Go; 9]);
        assert!(rate.rest() && !rate.rest());
        assert_eq!(spend(&mut rate, 2, 4)[2..], [Answer::Go, Answer::Trips]);
    }

    #[test]
    fn what_is_granted_goes_first_and_is_over_with_the_next_rest() {
        let mut rate = Rate::default();
        rate.grant_at_least(after_pause(at(90), 3));
        rate.grant_at_least(after_pause(at(150), 3));
        assert_eq!(spend(&mut rate, 0, 9), [Answer::Go; 9]);
        assert_eq!(spend(&mut rate, 1, 1), [Answer::Trips]);
        let mut rate = Rate::default();
        rate.grant(10);
        assert!(!rate.rest());
        assert_eq!(spend(&mut rate, 0, 4)[3], Answer::Trips);
    }
}
