//! Which occurrences of a series an EXDATE or a RECURRENCE-ID means. Pure.

use std::collections::BTreeSet;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use crate::{
    model::{Event, Master, Recurs, When},
    recur::{Rule, STEPS_MAX},
};

/// Starts that are spoken of, by EXDATE or RECURRENCE-ID: what [`same_start`] says of each of them, without going through all.
pub(super) struct Named<'a> {
    master: &'a Master,
    home: &'a TimeZone,
    instants: BTreeSet<Timestamp>,
    /// Those that name a whole day.
    days: BTreeSet<Date>,
    /// The days of all.
    dates: BTreeSet<Date>,
}

impl<'a> Named<'a> {
    pub(super) fn new<'w>(
        names: impl Iterator<Item = &'w When>,
        master: &'a Master,
        home: &'a TimeZone,
    ) -> Self {
        let mut named = Self {
            master,
            home,
            instants: BTreeSet::new(),
            days: BTreeSet::new(),
            dates: BTreeSet::new(),
        };
        for name in names {
            let date = home_local(name, master, home).date();
            named.dates.insert(date);
            match name {
                When::Time(..) => named.instants.insert(name.instant(home)),
                When::Day(_) => named.days.insert(date),
            };
        }
        named
    }

    pub(super) fn has(&self, start: &When) -> bool {
        let date = home_local(start, self.master, self.home).date();
        match start {
            When::Time(..) => {
                self.instants.contains(&start.instant(self.home)) || self.days.contains(&date)
            }
            When::Day(_) => self.dates.contains(&date),
        }
    }
}

/// Whether a hole, or a RECURRENCE-ID, means this start.
pub(super) fn same_start(named: &When, start: &When, master: &Master, home: &TimeZone) -> bool {
    match (named, start) {
        (When::Time(..), When::Time(..)) => named.instant(home) == start.instant(home),
        // Which day a time is on, the clock of the series says, in whatever zone the time is written.
        _ => home_local(named, master, home).date() == home_local(start, master, home).date(),
    }
}

/// The starts of the rule that overrides, extras and holes may speak of: those on the days they name, and a day around.
pub(super) fn named_starts(
    event: &Event,
    recurs: &Recurs,
    master: &Master,
    rule: &Rule,
    home: &TimeZone,
) -> BTreeSet<DateTime> {
    let extras = recurs.extras.iter().map(|extra| &extra.start);
    let overrides = event.overrides.iter().map(|change| &change.at);
    let named = recurs.holes.iter().chain(extras).chain(overrides);
    let days: BTreeSet<Date> = named
        .map(|when| home_local(when, master, home).date())
        .collect();
    let Some(last) = days.last() else {
        return BTreeSet::new();
    };
    let end = last.saturating_add(2.days()).at(0, 0, 0, 0);
    rule.starts_to(master.start.local(), end)
        .take(STEPS_MAX)
        .take_while(|start| *start < end)
        .filter(|start| near(&days, start.date()))
        .collect()
}

/// Whether a date is one of the days, or a day beside one: a gap may carry a start over midnight.
fn near(days: &BTreeSet<Date>, date: Date) -> bool {
    let from = date.saturating_sub(1.days());
    let to = date.saturating_add(1.days());
    days.range(from..=to).next().is_some()
}

/// A date or time as the series' own clock shows it.
pub(super) fn home_local(when: &When, master: &Master, home: &TimeZone) -> DateTime {
    match (&master.start, when) {
        (When::Time(_, zone), When::Time(..)) => zone.local(when.instant(home), home),
        _ => when.local(),
    }
}

/// The starts of the rule that a hole or a RECURRENCE-ID means: by instant, or by day.
pub(super) fn local_starts(
    when: &When,
    master: &Master,
    starts: &BTreeSet<DateTime>,
    home: &TimeZone,
) -> BTreeSet<DateTime> {
    let around = home_local(when, master, home).date();
    let from = around.saturating_sub(1.days()).at(0, 0, 0, 0);
    let to = around.saturating_add(2.days()).at(0, 0, 0, 0);
    let near = starts.range(from..to);
    near.filter(|start| same_start(when, &master.start.at(**start), master, home))
        .copied()
        .collect()
}
