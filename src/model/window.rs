//! The stretch of time in which blocks are kept in step: whole days around today.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::Span;

/// The days a run looks at, and the instants they cover in the configured zone.
///
/// The window moves by whole days, so that two runs on one day ask the same question.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The first day inside.
    pub first: Date,
    /// The first day after it.
    pub end: Date,
    /// The zone in which days begin, and floating times are read.
    pub home: TimeZone,
}

impl Window {
    /// The window of a run at `now`: so many days before today up to so many after it.
    pub fn around(now: Timestamp, home: &TimeZone, past_days: u32, future_days: u32) -> Self {
        let today = home.to_datetime(now).date();
        let back = i32::try_from(past_days).unwrap_or(i32::MAX);
        let ahead = i32::try_from(future_days).unwrap_or(i32::MAX);
        Self {
            first: today
                .checked_sub(back.min(36_600).days())
                .unwrap_or(Date::MIN),
            end: today
                .checked_add((ahead.min(36_600) + 1).days())
                .unwrap_or(Date::MAX),
            home: home.clone(),
        }
    }

    /// The window's first instant.
    pub fn from(&self) -> Timestamp {
        Span::days(self.first, 0).instants(&self.home).0
    }

    /// The first instant after the window.
    pub fn to(&self) -> Timestamp {
        Span::days(self.end, 0).instants(&self.home).0
    }

    /// Whether some of a span lies inside. An empty span lies nowhere.
    pub fn touches(&self, span: &Span) -> bool {
        !span.is_empty() && !self.is_before_or_after(span)
    }

    /// Whether a span is over before the window begins.
    pub fn is_past(&self, span: &Span) -> bool {
        match *span {
            Span::Timed { end, .. } => end <= self.from(),
            Span::Days { end, .. } => end <= self.first,
        }
    }

    /// Whether a span begins only after the window.
    pub fn is_future(&self, span: &Span) -> bool {
        match *span {
            Span::Timed { start, .. } => start >= self.to(),
            Span::Days { first, .. } => first >= self.end,
        }
    }

    fn is_before_or_after(&self, span: &Span) -> bool {
        self.is_past(span) || self.is_future(span)
    }
}
