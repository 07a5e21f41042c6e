//! Short messages at the lower edge. Each has an id, so that an old timer cannot take a new
//! message away; equal ones are counted; warnings and errors stay until they are dismissed.

use std::time::Duration;

use crate::model::view::Level;
use crate::text::Stamp;

/// How long a message stays that needs nothing.
const SHOWN_FOR: Duration = Duration::from_secs(4);

/// Messages that are kept at most.
const KEPT: usize = 20;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toast {
    pub id: u64,
    pub level: Level,
    pub text: String,
    pub times: u32,
    pub until: Option<Stamp>,
}

/// The queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct Toasts {
    queue: Vec<Toast>,
    next: u64,
}

impl Toasts {
    /// Adds a message, or counts it when the same one is shown already.
    pub fn say(&mut self, now: Stamp, level: Level, text: impl Into<String>) {
        let text = text.into();
        let until = (level <= Level::Info).then(|| now.plus(SHOWN_FOR));
        if let Some(same) = self.queue.iter_mut().find(|t| t.text == text && t.level == level) {
            same.times = same.times.saturating_add(1);
            same.until = until;
            return;
        }
        self.next += 1;
        self.queue.push(Toast { id: self.next, level, text, times: 1, until });
        if self.queue.len() > KEPT {
            let victim = self.queue.iter().position(|t| t.until.is_some()).unwrap_or(0);
            self.queue.remove(victim);
        }
    }

    /// Takes away what is over; true when something was.
    pub fn expire(&mut self, now: Stamp) -> bool {
        let before = self.queue.len();
        self.queue.retain(|t| t.until.is_none_or(|u| u > now));
        before != self.queue.len()
    }

    /// Takes away the newest message that stays by itself; true when there was one.
    pub fn dismiss(&mut self) -> bool {
        match self.queue.iter().rposition(|t| t.until.is_none()) {
            Some(i) => {
                self.queue.remove(i);
                true
            }
            None => false,
        }
    }

    /// When the next one is over.
    pub fn deadline(&self) -> Option<Stamp> {
        self.queue.iter().filter_map(|t| t.until).min()
    }

    /// The newest `n`, oldest first.
    pub fn last(&self, n: usize) -> &[Toast] {
        &self.queue[self.queue.len().saturating_sub(n)..]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ones_are_counted_and_errors_stay() {
        let mut t = Toasts::default();
        let at = |s: i64| Stamp(s * 1_000_000);
        t.say(at(0), Level::Info, "copied");
        t.say(at(3), Level::Info, "copied");
        t.say(at(3), Level::Error, "refused");
        assert_eq!((t.last(3)[0].times, t.len()), (2, 2));
        assert!(!t.expire(at(5)), "the second one prolonged the first");
        assert!(t.expire(at(7)));
        assert_eq!(t.last(3)[0].text, "refused");
        assert!(t.deadline().is_none());
        assert!(t.dismiss() && !t.dismiss());
    }
}
