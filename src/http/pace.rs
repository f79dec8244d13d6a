//! How fast an account may be asked: so many requests a minute, and a few at once after a rest. Pure.

use std::{cell::Cell, time::Duration};

use jiff::Timestamp;

/// How fast an account may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// So many requests a minute in the long run.
    pub per_minute: u32,
    /// So many at once, after a rest.
    pub burst: u32,
}

impl Default for Pace {
    /// Well under the 600 requests a minute that a person has at Google.
    fn default() -> Self {
        Self {
            per_minute: 480,
            burst: 60,
        }
    }
}

/// Gives every request its turn. Instead of a number of tokens it keeps the time at which the bucket would be full again.
#[derive(Debug)]
pub(super) struct Bucket {
    each: Duration,
    spare: Duration,
    full_at: Cell<Timestamp>,
    asked_at: Cell<Timestamp>,
}

impl Bucket {
    pub(super) fn new(pace: Pace) -> Self {
        let each = Duration::from_mins(1) / pace.per_minute.max(1);
        Self {
            each,
            spare: each * pace.burst.saturating_sub(1),
            full_at: Cell::new(Timestamp::MIN),
            asked_at: Cell::new(Timestamp::MIN),
        }
    }

    /// Takes a turn, and says how long to wait for it.
    pub(super) fn take(&self, now: Timestamp) -> Duration {
        let set_back = self.asked_at.replace(now) > now;
        // A clock that was set back must not make anybody wait for the time that it takes again.
        let full_at = if set_back {
            now
        } else {
            self.full_at.get().max(now)
        };
        let next = full_at.saturating_add(self.each).unwrap_or(Timestamp::MAX);
        self.full_at.set(next);
        let ahead = Duration::try_from(full_at.duration_since(now)).unwrap_or_default();
        ahead.saturating_sub(self.spare)
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    #[test]
    fn a_few_at_once_then_one_at_a_time() {
        let bucket = Bucket::new(Pace {
            per_minute: 60,
            burst: 3,
        });
        let now = Timestamp::UNIX_EPOCH;
        let waits: Vec<u64> = (0..6).map(|_| bucket.take(now).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 3]);
        let later = now + 1.hour();
        let waits: Vec<u64> = (0..4).map(|_| bucket.take(later).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 1]);
    }

    #[test]
    fn a_clock_set_back_costs_no_waiting() {
        let bucket = Bucket::new(Pace::default());
        bucket.take(Timestamp::UNIX_EPOCH + 5.hours());
        assert_eq!(bucket.take(Timestamp::UNIX_EPOCH), Duration::ZERO);
    }

    #[test]
    fn no_minute_has_more_than_the_pace_and_a_burst() {
        let pace = Pace::default();
        let bucket = Bucket::new(pace);
        let mut now = Timestamp::UNIX_EPOCH;
        let mut sent = 0;
        while now < Timestamp::UNIX_EPOCH + 1.minute() {
            now += bucket.take(now);
            sent += 1;
        }
        assert!(sent <= pace.per_minute + pace.burst + 1, "{sent}");
        assert!(sent < 600);
    }
}
