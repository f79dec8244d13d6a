//! One event, occurrence by occurrence. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::{OCCURRENCES_MAX, Single, TooMany, change_span, earliest, named::home_local};
use crate::{
    model::{Event, Length, Master, OccurrenceKey, Override, Span, When, Window, Zone},
    recur::{Rule, STEPS_MAX},
};

/// Lists the occurrences of one event.
pub(super) struct Lister<'a> {
    event: &'a Event,
    window: &'a Window,
    home: &'a TimeZone,
    /// The instants and days that `EXDATE` takes out.
    out_at: BTreeSet<Timestamp>,
    out_on: BTreeSet<Date>,
    /// The occurrences that an override speaks of.
    changed_at: BTreeSet<Timestamp>,
    changed_on: BTreeSet<Date>,
    /// `RANGE=THISANDFUTURE`, by the instant from which on it holds.
    forks: BTreeMap<Timestamp, &'a Override>,
    found: BTreeMap<OccurrenceKey, Span>,
}

impl<'a> Lister<'a> {
    pub(super) fn new(event: &'a Event, window: &'a Window) -> Self {
        let home = &window.home;
        let mut lister = Self {
            event,
            window,
            home,
            out_at: BTreeSet::new(),
            out_on: BTreeSet::new(),
            changed_at: BTreeSet::new(),
            changed_on: BTreeSet::new(),
            forks: BTreeMap::new(),
            found: BTreeMap::new(),
        };
        let holes = event.master.iter().filter_map(|m| m.recurs.as_deref());
        for hole in holes.flat_map(|recurs| &recurs.holes) {
            mark(&mut lister.out_at, &mut lister.out_on, hole, home);
        }
        for change in &event.overrides {
            if change.and_after {
                lister.forks.insert(change.at.instant(home), change);
            } else {
                mark(
                    &mut lister.changed_at,
                    &mut lister.changed_on,
                    &change.at,
                    home,
                );
            }
        }
        lister
    }

    pub(super) fn list(mut self) -> Result<Vec<Single>, TooMany> {
        // What is changed from one occurrence on is changed there, also where the rule has no such occurrence.
        let forks: Vec<_> = self.forks.values().copied().collect();
        for fork in forks {
            let orphan = self.event.master.is_none();
            if orphan || !(self.is_out(&fork.at) || self.is_changed(&fork.at)) {
                self.put(fork.at.key(self.home), change_span(fork, self.home))?;
            }
        }
        if let Some(master) = &self.event.master {
            self.list_master(master)?;
        }
        for change in self.event.overrides.iter().filter(|o| !o.and_after) {
            let orphan = self.event.master.is_none();
            if orphan || !self.is_out(&change.at) {
                self.put(change.at.key(self.home), change_span(change, self.home))?;
            }
        }
        let found = self.found.into_iter();
        Ok(found
            .map(|(occurrence, span)| Single { occurrence, span })
            .collect())
    }

    fn list_master(&mut self, master: &Master) -> Result<(), TooMany> {
        let Some(recurs) = master.recurs.as_deref() else {
            return self.once(master);
        };
        if self.forks.is_empty() && !master.standing.is_busy() {
            return Ok(());
        }
        let except: BTreeSet<DateTime> = recurs
            .except
            .iter()
            .flat_map(|rule| self.inside(rule, master))
            .collect();
        if !except.contains(&master.start.local()) {
            self.occurrence(master, &master.start, master.length)?;
        }
        for rule in &recurs.rules {
            let mut steps = 0;
            for local in self.inside(rule, master) {
                steps += 1;
                if steps > STEPS_MAX {
                    return Err(TooMany);
                }
                if !except.contains(&local) {
                    self.occurrence(master, &master.start.at(local), master.length)?;
                }
            }
        }
        for extra in &recurs.extras {
            let length = extra.length.unwrap_or(master.length);
            self.occurrence(master, &extra.start, length)?;
        }
        Ok(())
    }

    /// An event that does not repeat: the event itself, not an occurrence of it.
    fn once(&mut self, master: &Master) -> Result<(), TooMany> {
        let start = &master.start;
        let at = start.instant(self.home);
        if self.forks.range(..=at).next().is_some() {
            return self.occurrence(master, start, master.length);
        }
        if self.is_out(start) || self.is_changed(start) || !master.standing.is_busy() {
            return Ok(());
        }
        self.put(
            OccurrenceKey::default(),
            Some(start.span(master.length, self.home)),
        )
    }

    /// The rule's starts up to the end of the window, and those after it that a change to all that follow moves into it.
    fn inside(&self, rule: &Rule, master: &Master) -> impl Iterator<Item = DateTime> + use<> {
        let earlier = self.forks.values().map(|fork| {
            let from = fork.start.local().date().until(fork.at.local().date());
            from.map_or(0, |shift| shift.get_days())
        });
        // The clock of the series is at most a day away from the one at home, and so is each side of a change.
        let days = earlier
            .max()
            .map_or(2, |days| days.max(0).saturating_add(4));
        let end = self.window.end.saturating_add(days.days());
        let end = end.at(0, 0, 0, 0);
        // Where a change to all that follow moves things to, and how long it makes them, only a walk tells.
        let from = match self.forks.is_empty() {
            true => earliest(master.length, self.window),
            false => DateTime::MIN,
        };
        rule.starts_near(master.start.local(), from, end)
            .take(STEPS_MAX + 1)
            .take_while(move |start| *start < end)
    }

    /// An occurrence as the series makes it, unless something else is said of it.
    fn occurrence(&mut self, master: &Master, start: &When, length: Length) -> Result<(), TooMany> {
        if self.is_out(start) || self.is_changed(start) {
            return Ok(());
        }
        let fork = self.forks.range(..=start.instant(self.home)).next_back();
        let (at, length, standing) = match fork {
            Some((_, fork)) => (moved(start, fork, self.home), fork.length, fork.standing),
            None => (start.clone(), length, master.standing),
        };
        let span = at.span(length, self.home);
        if standing.is_busy() && self.window.touches(&span) {
            self.put(start.key(self.home), Some(span))?;
        }
        Ok(())
    }

    fn put(&mut self, key: OccurrenceKey, span: Option<Span>) -> Result<(), TooMany> {
        if let Some(span) = span.filter(|span| self.window.touches(span)) {
            let shown = self.found.entry(key).or_insert(span);
            // Said twice, and once for longer: then it is busy for longer.
            if shown.instants(self.home).1 < span.instants(self.home).1 {
                *shown = span;
            }
            if self.found.len() > OCCURRENCES_MAX {
                return Err(TooMany);
            }
        }
        Ok(())
    }

    fn is_out(&self, start: &When) -> bool {
        self.is_marked(&self.out_at, &self.out_on, start)
    }

    fn is_changed(&self, start: &When) -> bool {
        self.is_marked(&self.changed_at, &self.changed_on, start)
    }

    fn is_marked(&self, at: &BTreeSet<Timestamp>, on: &BTreeSet<Date>, start: &When) -> bool {
        match start {
            // What names a whole day was made a day long before.
            When::Day(date) => on.contains(date),
            When::Time(local, _) => {
                // Which day a time is on, the clock of the series says, in whatever zone the time is written.
                let master = self.event.master.as_ref();
                let local = master.map_or(*local, |master| home_local(start, master, self.home));
                on.contains(&local.date()) || at.contains(&start.instant(self.home))
            }
        }
    }
}

/// Remembers a hole or a RECURRENCE-ID, by instant or by day.
fn mark(at: &mut BTreeSet<Timestamp>, on: &mut BTreeSet<Date>, when: &When, home: &TimeZone) {
    match when {
        When::Day(date) => {
            on.insert(*date);
        }
        When::Time(..) => {
            at.insert(when.instant(home));
        }
    }
}

/// Where an occurrence is after a change to it and all that follow: as far away as the changed one was moved.
fn moved(start: &When, fork: &Override, home: &TimeZone) -> When {
    match (&fork.start, start) {
        (When::Time(to, zone), _) => {
            let from = on_clock(&fork.at, zone, home);
            let here = on_clock(start, zone, home);
            let local = from.until(*to).and_then(|shift| here.checked_add(shift));
            When::Time(local.unwrap_or(here), zone.clone())
        }
        (When::Day(to), _) => {
            let from = fork.at.local().date();
            let date = start.local().date();
            let moved = from.until(*to).and_then(|shift| date.checked_add(shift));
            When::Day(moved.unwrap_or(date))
        }
    }
}

/// What a clock in this zone shows. In the zone that it is written in, a time stays as written: one in a daylight-saving gap
/// is put right only after it was moved.
fn on_clock(when: &When, zone: &Zone, home: &TimeZone) -> DateTime {
    match when {
        When::Time(local, own) if own == zone || is_same_zone(own, zone, home) => *local,
        _ => zone.local(when.instant(home), home),
    }
}

fn is_same_zone(one: &Zone, other: &Zone, home: &TimeZone) -> bool {
    let (one, other) = (one.named(home), other.named(home));
    one.is_some() && one == other
}
