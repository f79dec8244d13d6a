//! A stretch of time: between two instants, or whole days.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A stretch of time, as one occurrence takes it. Never ends before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Span {
    /// From an instant up to, not including, another.
    #[serde(rename = "t")]
    Timed {
        /// The first instant.
        start: Timestamp,
        /// The first instant after it.
        end: Timestamp,
    },
    /// Whole days, whatever the zone of whoever looks.
    #[serde(rename = "d")]
    Days {
        /// The first day.
        first: Date,
        /// The first day after it.
        end: Date,
    },
}

impl Span {
    /// A timed span; an end before the start counts as zero length.
    pub fn timed(start: Timestamp, end: Timestamp) -> Self {
        Self::Timed {
            start,
            end: end.max(start),
        }
    }

    /// So many whole days from `first`; less than none counts as none.
    pub fn days(first: Date, days: i32) -> Self {
        let end = first.checked_add(days.max(0).days()).unwrap_or(Date::MAX);
        Self::Days { first, end }
    }

    /// Whether another one of the same kind lies in it.
    pub fn contains(&self, other: Self) -> bool {
        match (*self, other) {
            (
                Self::Timed { start, end },
                Self::Timed {
                    start: from,
                    end: to,
                },
            ) => start <= from && to <= end,
            (
                Self::Days { first, end },
                Self::Days {
                    first: from,
                    end: to,
                },
            ) => first <= from && to <= end,
            _ => false,
        }
    }

    /// Whether it takes no time at all: such a thing blocks nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Timed { start, end } => start == end,
            Self::Days { first, end } => first == end,
        }
    }

    /// The instants it covers for somebody in `home`.
    pub fn instants(&self, home: &TimeZone) -> (Timestamp, Timestamp) {
        match *self {
            Self::Timed { start, end } => (start, end),
            Self::Days { first, end } => (midnight(first, home), midnight(end, home)),
        }
    }
}

fn midnight(date: Date, home: &TimeZone) -> Timestamp {
    super::Zone::Floating.instant(date.at(0, 0, 0, 0), home)
}
