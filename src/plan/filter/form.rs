//! What a rule makes of the times that it shows: more before and after them, on a grid. Pure.

use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};

use crate::model::{Span, Window};

/// How blocks differ from the occurrences that they show. By default, they do not. Whole days stay as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    /// How much earlier a block begins.
    pub before: SignedDuration,
    /// How much later it ends.
    pub after: SignedDuration,
    /// Whether it begins as much earlier as the event says that it takes to get there, if that is more.
    pub travel: bool,
    /// The grid that its ends go out to.
    pub round: Option<Grid>,
}

/// No event takes longer to get to.
const TRAVEL_MAX: SignedDuration = SignedDuration::from_hours(24);

/// A grid on a clock, the same in each hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// So many minutes lie between its lines. They divide an hour.
    pub minutes: i8,
    /// Whose clock it is.
    pub zone: TimeZone,
}

/// A stretch of real time.
type Stretch = (Timestamp, Timestamp);

impl Form {
    /// Whether blocks are as long as what they show.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Each of these in this form, ascending; what overlaps or touches then is one.
    pub(super) fn widen(&self, stretches: impl Iterator<Item = Stretch>) -> Vec<Stretch> {
        let mut wide: Vec<Stretch> = Vec::new();
        for (start, end) in stretches {
            let (start, end) = self.wide(start, end);
            match wide.last_mut() {
                // Later pieces begin later, and so they do when they are wider.
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => wide.push((start, end)),
            }
        }
        wide
    }

    fn wide(&self, start: Timestamp, end: Timestamp) -> Stretch {
        let start = start.checked_sub(self.before).unwrap_or(start);
        let end = end.checked_add(self.after).unwrap_or(end);
        match &self.round {
            None => (start, end),
            Some(grid) => (grid.back(start), grid.forward(end)),
        }
    }

    /// The days in which something may be that has a block in these.
    pub(super) fn reach(&self, window: &Window) -> Window {
        if self.is_plain() {
            return window.clone();
        }
        // A day for the grid and changes of the clock, and one for what is begun.
        let travel = if self.travel {
            TRAVEL_MAX
        } else {
            SignedDuration::ZERO
        };
        let days = self.before.max(self.after).max(travel).as_hours() / 24 + 2;
        let days = i32::try_from(days).unwrap_or(i32::MAX).min(36_600).days();
        Window {
            first: window.first.saturating_sub(days),
            end: window.end.saturating_add(days),
            home: window.home.clone(),
        }
    }
}

impl Grid {
    /// The last instant up to this one at which the clock is on the grid.
    fn back(&self, at: Timestamp) -> Timestamp {
        let past = self.past(at);
        let found = at.checked_sub(past.seconds()).unwrap_or(at);
        match self.past(found) {
            0 => found,
            _ => self.walk(at, -1),
        }
    }

    /// The first instant from this one on at which the clock is on the grid.
    fn forward(&self, at: Timestamp) -> Timestamp {
        let left = match self.past(at) {
            0 => return at,
            past => i64::from(self.minutes) * 60 - past,
        };
        let found = at.checked_add(left.seconds()).unwrap_or(at);
        match self.past(found) {
            0 => found,
            _ => self.walk(at, 1),
        }
    }

    /// How many seconds the clock is past a line of the grid.
    fn past(&self, at: Timestamp) -> i64 {
        let time = self.zone.to_datetime(at).time();
        i64::from(time.minute() % self.minutes) * 60 + i64::from(time.second())
    }

    /// The same minute by minute, where the clock is changed on the way. It comes to a line within hours; else all stays as it is.
    fn walk(&self, at: Timestamp, step: i64) -> Timestamp {
        const MINUTES: i64 = 240;
        let second = i64::from(self.zone.to_datetime(at).time().second());
        let first = match (second, step) {
            (0, _) => 0,
            (_, 1) => 60 - second,
            _ => -second,
        };
        let nth = |n: i64| at.checked_add((first + n * step * 60).seconds()).ok();
        let mut lines = (0..MINUTES).filter_map(nth);
        lines.find(|at| self.past(*at) == 0).unwrap_or(at)
    }
}

/// A span as a stretch, if it takes any real time of its own.
pub(super) fn stretch(span: &Span) -> Option<Stretch> {
    match *span {
        Span::Timed { start, end } if start < end => Some((start, end)),
        _ => None,
    }
}
