//! When something starts and how long it lasts, as a calendar writes it: local time and zone, or a date.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

use super::{OccurrenceKey, Span, Zone, zone::latest};

/// A start: a whole day, or a local time in a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum When {
    /// A whole day (RFC 5545 `VALUE=DATE`).
    #[serde(rename = "d")]
    Day(Date),
    /// A local time, and the zone to read it in.
    #[serde(rename = "t")]
    Time(DateTime, Zone),
}

/// How long something lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Length {
    /// So many whole days.
    #[serde(rename = "d")]
    Days(i32),
    /// So many seconds on the wall clock: what DTSTART and DTEND in one zone mean for every occurrence.
    #[serde(rename = "w")]
    Wall(i64),
    /// Days that keep the time of day, then seconds that really pass: what DURATION means (RFC 5545 3.3.6).
    #[serde(rename = "e")]
    Elapsed {
        /// Nominal days.
        #[serde(rename = "d")]
        days: i32,
        /// Exact seconds.
        #[serde(rename = "s")]
        seconds: i64,
    },
}

impl Length {
    /// Whether it is no time at all.
    pub fn is_zero(self) -> bool {
        matches!(
            self,
            Self::Days(0)
                | Self::Wall(0)
                | Self::Elapsed {
                    days: 0,
                    seconds: 0
                }
        )
    }
}

impl When {
    /// The local clock reading; midnight for a day.
    pub fn local(&self) -> DateTime {
        match self {
            Self::Day(date) => date.at(0, 0, 0, 0),
            Self::Time(local, _) => *local,
        }
    }

    /// The same kind of start at another local reading.
    #[must_use]
    pub fn at(&self, local: DateTime) -> Self {
        match self {
            Self::Day(_) => Self::Day(local.date()),
            Self::Time(_, zone) => Self::Time(local, zone.clone()),
        }
    }

    /// What names an occurrence of a series that starts at `series`, in a form that fits it: a time that names one of whole
    /// days means the day that begins then at home, else the day it is written on.
    #[must_use]
    pub fn within(self, series: &Self, home: &TimeZone) -> Self {
        let (Self::Day(_), Self::Time(local, _)) = (series, &self) else {
            return self;
        };
        let at_home = home.to_datetime(self.instant(home));
        let begins = at_home.time() == Time::midnight();
        Self::Day(if begins { at_home } else { *local }.date())
    }

    /// The instant of the start; for a day, its midnight in `home`.
    pub fn instant(&self, home: &TimeZone) -> Timestamp {
        match self {
            Self::Day(date) => Zone::Floating.instant(date.at(0, 0, 0, 0), home),
            Self::Time(local, zone) => zone.instant(*local, home),
        }
    }

    /// The key under which an occurrence with this original start is known.
    pub fn key(&self, home: &TimeZone) -> OccurrenceKey {
        match self {
            Self::Day(date) => date.strftime("%Y%m%d").to_string().into(),
            Self::Time(..) => self
                .instant(home)
                .strftime("%Y%m%dT%H%M%SZ")
                .to_string()
                .into(),
        }
    }

    /// The stretch of time that something with this start and `length` takes. Never ends before it starts.
    pub fn span(&self, length: Length, home: &TimeZone) -> Span {
        match (self, length) {
            (Self::Day(first), Length::Days(days)) => Span::days(*first, days),
            (Self::Day(first), Length::Wall(seconds) | Length::Elapsed { days: 0, seconds }) => {
                Span::days(*first, i32::try_from(seconds / 86_400).unwrap_or(1))
            }
            (Self::Day(first), Length::Elapsed { days, .. }) => Span::days(*first, days),
            (Self::Time(local, zone), length) => {
                let start = zone.instant(*local, home);
                // A start that was moved out of a gap takes its length along.
                let local = zone.local(start, home);
                let end = match length {
                    Length::Days(days) => zone.instant(later(local, days, 0), home),
                    Length::Wall(seconds) => zone.instant(later(local, 0, seconds), home),
                    Length::Elapsed { days, seconds } => zone
                        .instant(later(local, days, 0), home)
                        .checked_add(seconds.seconds())
                        .unwrap_or_else(|_| latest()),
                };
                Span::timed(start, end)
            }
        }
    }
}

/// A local reading so many days and seconds later, or the end of time.
fn later(local: DateTime, days: i32, seconds: i64) -> DateTime {
    local
        .checked_add(days.days())
        .and_then(|local| local.checked_add(seconds.seconds()))
        .unwrap_or(DateTime::MAX)
}
