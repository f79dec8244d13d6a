//! A source series into "a plain event, or a rule with holes" (design, section 2.2). Pure.
//!
//! Whatever a series looks like, it becomes at most one rule with holes, and one plain stretch of time for each occurrence
//! that is different and still busy. What no target could express becomes plain stretches inside the window.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use crate::{
    model::{
        Event, Extra, Length, Master, OccurrenceKey, Override, Recurs, Series, Span, When, Window,
        Zone,
    },
    recur::{Rule, STEPS_MAX},
};

/// How many plain blocks one series may need inside the window before it is refused as too much.
pub const OCCURRENCES_MAX: usize = 10_000;
/// Above this many plain blocks, a rule that readers might read differently is still the better answer.
const LISTED_MAX: usize = 1_000;

/// The busy time of an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flat {
    /// A rule with holes, if part of it is one.
    pub series: Option<Series>,
    /// Single stretches of time inside the window, in order of their keys.
    pub singles: Vec<Single>,
}

/// One stretch of busy time, and the occurrence it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Single {
    /// Which occurrence.
    pub occurrence: OccurrenceKey,
    /// When it is now.
    pub span: Span,
}

/// A series makes more occurrences than calsync is willing to handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a series makes more than {OCCURRENCES_MAX} occurrences inside the window")]
pub struct TooMany;

/// Flattens an event. Only what touches the window is wanted; a rule that touches it comes back whole.
pub fn flatten(event: &Event, window: &Window) -> Result<Flat, TooMany> {
    if let Some(flat) = plain(event, window) {
        return Ok(flat);
    }
    refuse_crowds(event, window)?;
    let settled = settled(event, &window.home);
    let event = settled.as_ref().unwrap_or(event);
    let aligned = aligned(event);
    let event = aligned.as_ref().unwrap_or(event);
    let Some((master, recurs, rule)) = as_series(event) else {
        return Ok(listed(Lister::new(event, window).list()?));
    };
    let begins = rule.begins_at(master.start.local());
    if !(rule.is_plain() && begins) {
        match Lister::new(event, window).list() {
            Ok(singles) if singles.len() <= LISTED_MAX || !begins => return Ok(listed(singles)),
            Err(TooMany) if !begins => return Err(TooMany),
            _ => {}
        }
    }
    with_rule(event, master, recurs, rule, window)
}

/// A series whose DTSTART does not fit its rule, as one that begins where its rule does, with DTSTART as an extra date.
/// RFC 5545 3.8.5.3 leaves it open what readers make of the former; of the latter they make the same.
fn aligned(event: &Event) -> Option<Event> {
    let (master, _, rule) = as_series(event)?;
    let start = master.start.local();
    if rule.begins_at(start) {
        return None;
    }
    let (first, rule) = rule.aligned(start)?;
    let mut event = event.clone();
    let master = event.master.as_mut()?;
    let recurs = master.recurs.as_deref_mut()?;
    recurs.rules = vec![rule];
    recurs.extras.push(Extra {
        start: master.start.clone(),
        length: None,
    });
    master.start = master.start.at(first);
    Some(event)
}

/// All busy occurrences of an event that touch the window, each on its own.
pub fn list(event: &Event, window: &Window) -> Result<Vec<Single>, TooMany> {
    refuse_crowds(event, window)?;
    let settled = settled(event, &window.home);
    Lister::new(settled.as_ref().unwrap_or(event), window).list()
}

/// Refuses at once what would be refused after a long walk.
fn refuse_crowds(event: &Event, window: &Window) -> Result<(), TooMany> {
    let Some(master) = event.master.as_ref().filter(|m| m.standing.is_busy()) else {
        return Ok(());
    };
    let start = master.start.local();
    let (from, to) = (window.first.at(0, 0, 0, 0), window.end.at(0, 0, 0, 0));
    let mut rules = master.recurs.iter().flat_map(|recurs| &recurs.rules);
    match rules.any(|rule| rule.crowds(start, from, to, OCCURRENCES_MAX)) {
        true => Err(TooMany),
        false => Ok(()),
    }
}

/// An event of which each occurrence is named once, and as its series names it. What is said in several places, or in several
/// zones, may name one twice; then the one that counts for more is meant.
fn settled(event: &Event, home: &TimeZone) -> Option<Event> {
    if event.overrides.is_empty() {
        return None;
    }
    let series = event.master.as_ref().map(|master| &master.start);
    let mut changes: BTreeMap<(OccurrenceKey, bool), Override> = BTreeMap::new();
    for change in &event.overrides {
        let mut change = change.clone();
        if let Some(series) = series {
            change.at = change.at.within(series, home);
        }
        let key = (change.at.key(home), change.and_after);
        match changes.get(&key) {
            Some(other) if !change.outranks(other) => {}
            _ => {
                changes.insert(key, change);
            }
        }
    }
    Some(Event {
        master: event.master.clone(),
        overrides: changes.into_values().collect(),
    })
}

/// The local time from which on an occurrence of this length may touch the window, on whatever clock.
fn earliest(length: Length, window: &Window) -> DateTime {
    let days = match length {
        Length::Days(days) => i64::from(days),
        Length::Wall(seconds) => seconds / 86_400,
        Length::Elapsed { days, seconds } => i64::from(days) + seconds / 86_400,
    };
    let days = jiff::Span::new().try_days(days.saturating_add(3));
    let first = days.and_then(|days| window.first.checked_sub(days));
    first.unwrap_or(Date::MIN).at(0, 0, 0, 0)
}

fn listed(singles: Vec<Single>) -> Flat {
    Flat {
        series: None,
        singles,
    }
}

/// The most common case by far: one event, once.
fn plain(event: &Event, window: &Window) -> Option<Flat> {
    let master = event.master.as_ref()?;
    if master.recurs.is_some() || !event.overrides.is_empty() {
        return None;
    }
    let span = master.start.span(master.length, &window.home);
    let wanted = master.standing.is_busy() && window.touches(&span);
    let singles = wanted.then(|| Single {
        occurrence: OccurrenceKey::default(),
        span,
    });
    Some(listed(singles.into_iter().collect()))
}

/// The parts of a series that one rule with holes could stand for: exactly one rule, in a zone that has a name.
fn as_series(event: &Event) -> Option<(&Master, &Recurs, &Rule)> {
    let master = event.master.as_ref()?;
    let recurs = master.recurs.as_deref()?;
    let ([rule], []) = (&recurs.rules[..], &recurs.except[..]) else {
        return None;
    };
    let in_table = matches!(master.start, When::Time(_, Zone::Table(_)));
    let forked = event.overrides.iter().any(|o| o.and_after);
    (master.standing.is_busy() && !in_table && !forked).then_some((master, recurs, rule))
}

fn with_rule(
    event: &Event,
    master: &Master,
    recurs: &Recurs,
    rule: &Rule,
    window: &Window,
) -> Result<Flat, TooMany> {
    let home = &window.home;
    let starts = named_starts(event, recurs, master, rule, home);
    let meant = |when| local_starts(when, master, &starts, home);
    let mut holes: BTreeSet<DateTime> = recurs.holes.iter().flat_map(meant).collect();
    let taken_out = holes.clone();
    let mut singles = BTreeMap::new();
    let out = Named::new(recurs.holes.iter(), master, home);
    let changed = Named::new(event.overrides.iter().map(|o| &o.at), master, home);
    for change in &event.overrides {
        let at = meant(&change.at);
        if out.has(&change.at) || (at.len() == 1 && unchanged(change, master, home)) {
            continue;
        }
        holes.extend(at);
        let key = change.at.key(home);
        keep(&mut singles, key, change_span(change, home), window);
    }
    for extra in &recurs.extras {
        if out.has(&extra.start) || changed.has(&extra.start) {
            continue;
        }
        let span = |length| extra.start.span(length, home);
        let (usual, own) = (
            span(master.length),
            span(extra.length.unwrap_or(master.length)),
        );
        let at = meant(&extra.start);
        let is_longer = usual.instants(home).1 < own.instants(home).1;
        if at.is_empty() || is_longer {
            holes.extend(at);
            keep(&mut singles, extra.start.key(home), Some(own), window);
        }
    }
    holes.extend(taken_out);
    let series = Series {
        start: match &master.start {
            When::Time(local, Zone::Floating) => When::Time(*local, Zone::Named(home.clone())),
            start => start.clone(),
        },
        length: master.length,
        rule: rule.clone(),
        holes,
    };
    let series = alike_for_all(series, window, &mut singles);
    let touches = series_touches(&series, window)?;
    Ok(Flat {
        series: touches.then_some(series),
        singles: singles
            .into_iter()
            .map(|(occurrence, span)| Single { occurrence, span })
            .collect(),
    })
}

/// Puts a rule into a form that all readers read alike, and what they would not into single stretches: an occurrence in a
/// daylight-saving gap, which some drop and some move, and one whose DURATION passes a change of the clock, which some
/// count on the wall.
fn alike_for_all(
    mut series: Series,
    window: &Window,
    singles: &mut BTreeMap<OccurrenceKey, Span>,
) -> Series {
    let wall = match series.length {
        Length::Elapsed { days, seconds } => Length::Wall(i64::from(days) * 86_400 + seconds),
        length => length,
    };
    begin_regularly(&mut series, wall, window, singles);
    let When::Time(first, Zone::Named(zone)) = series.start.clone() else {
        return series;
    };
    let any_time = !series.rule.keeps_time_of_day();
    if any_time || wall != series.length || may_be_in_gap(&zone, first, window) {
        let end = window.end.saturating_add(2.days()).at(0, 0, 0, 0);
        let from = earliest(series.length, window);
        let starts = series.rule.starts_near(first, from).take(STEPS_MAX);
        for start in starts.take_while(|start| *start < end) {
            let at = series.start.at(start);
            let span = at.span(series.length, &window.home);
            let odd = is_in_gap(&zone, start) || span != at.span(wall, &window.home);
            if odd && window.touches(&span) && series.holes.insert(start) {
                singles.insert(at.key(&window.home), span);
            }
        }
    }
    series.length = wall;
    series
}

/// Lets a series that begins, or whose first occurrence ends, where the clock skips begin at its next start instead, with
/// single stretches for what was before. A target that keeps the first begin and end as instants would have every other
/// occurrence late by as much as that one is moved.
fn begin_regularly(
    series: &mut Series,
    wall: Length,
    window: &Window,
    singles: &mut BTreeMap<OccurrenceKey, Span>,
) {
    const SKIPPED_MAX: usize = 60;
    let (When::Time(first, Zone::Named(zone)), Length::Wall(seconds)) = (&series.start, wall)
    else {
        return;
    };
    let is_odd = |start: &DateTime| {
        let end = start.saturating_add(seconds.seconds());
        is_in_gap(zone, *start) || is_in_gap(zone, end)
    };
    let starts = series.rule.starts(*first).take(SKIPPED_MAX);
    let skipped: Vec<DateTime> = starts.take_while(is_odd).collect();
    if skipped.is_empty() {
        return;
    }
    let Some((next, rule)) = series.rule.later(*first, skipped.len()) else {
        return;
    };
    for start in skipped {
        let at = series.start.at(start);
        let span = at.span(series.length, &window.home);
        if !series.holes.contains(&start) && window.touches(&span) {
            singles.insert(at.key(&window.home), span);
        }
    }
    series.start = series.start.at(next);
    series.rule = rule;
    series.holes = series.holes.split_off(&next);
}

fn is_in_gap(zone: &TimeZone, local: DateTime) -> bool {
    let offset = zone.to_ambiguous_timestamp(local).offset();
    matches!(offset, jiff::tz::AmbiguousOffset::Gap { .. })
}

/// Whether some change of the clock inside the window skips the time of day at which a series starts.
fn may_be_in_gap(zone: &TimeZone, first: DateTime, window: &Window) -> bool {
    let (from, to) = (window.from(), window.to());
    zone.following(from)
        .take_while(|change| change.timestamp() < to)
        .any(|change| {
            let before = change.timestamp().saturating_sub(1.seconds());
            before.is_ok_and(|before| {
                let date = zone.to_datetime(before).date();
                let next = date.saturating_add(1.days());
                [date, next]
                    .iter()
                    .any(|date| is_in_gap(zone, date.to_datetime(first.time())))
            })
        })
}

/// Starts that are spoken of, by EXDATE or RECURRENCE-ID: what [`same_start`] says of each of them, without going through all.
struct Named<'a> {
    master: &'a Master,
    home: &'a TimeZone,
    instants: BTreeSet<Timestamp>,
    /// Those that name a whole day.
    days: BTreeSet<Date>,
    /// The days of all.
    dates: BTreeSet<Date>,
}

impl<'a> Named<'a> {
    fn new<'w>(
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

    fn has(&self, start: &When) -> bool {
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
fn same_start(named: &When, start: &When, master: &Master, home: &TimeZone) -> bool {
    match (named, start) {
        (When::Time(..), When::Time(..)) => named.instant(home) == start.instant(home),
        // Which day a time is on, the clock of the series says, in whatever zone the time is written.
        _ => home_local(named, master, home).date() == home_local(start, master, home).date(),
    }
}

fn keep(
    singles: &mut BTreeMap<OccurrenceKey, Span>,
    key: OccurrenceKey,
    span: Option<Span>,
    window: &Window,
) {
    if let Some(span) = span.filter(|span| window.touches(span)) {
        singles.insert(key, span);
    }
}

/// When a changed occurrence is busy, if it is.
fn change_span(change: &Override, home: &TimeZone) -> Option<Span> {
    change
        .standing
        .is_busy()
        .then(|| change.start.span(change.length, home))
}

/// Whether a changed occurrence takes the same time as it would have anyway.
fn unchanged(change: &Override, master: &Master, home: &TimeZone) -> bool {
    let usual = match (&change.at, &master.start) {
        (When::Time(..), When::Time(_, zone)) => {
            let local = zone.local(change.at.instant(home), home);
            master.start.at(local).span(master.length, home)
        }
        (When::Day(_), When::Day(_)) => change.at.span(master.length, home),
        _ => return false,
    };
    change_span(change, home) == Some(usual)
}

/// The starts of the rule that overrides, extras and holes may speak of: those on the days they name, and a day around.
fn named_starts(
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
    rule.starts(master.start.local())
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
fn home_local(when: &When, master: &Master, home: &TimeZone) -> DateTime {
    match (&master.start, when) {
        (When::Time(_, zone), When::Time(..)) => zone.local(when.instant(home), home),
        _ => when.local(),
    }
}

/// The starts of the rule that a hole or a RECURRENCE-ID means: by instant, or by day.
fn local_starts(
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

/// Whether some occurrence of a rule with holes touches the window.
fn series_touches(series: &Series, window: &Window) -> Result<bool, TooMany> {
    let from = earliest(series.length, window);
    let starts = series.rule.starts_near(series.start.local(), from);
    for (steps, start) in starts.enumerate() {
        if steps >= STEPS_MAX {
            return Err(TooMany);
        }
        let span = series.start.at(start).span(series.length, &window.home);
        if window.is_future(&span) {
            return Ok(false);
        }
        if window.touches(&span) && !series.holes.contains(&start) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// All occurrences that a rule with holes shows inside the window, for comparison and for tests.
pub fn series_spans(series: &Series, window: &Window) -> Vec<Span> {
    series
        .rule
        .starts_near(series.start.local(), earliest(series.length, window))
        .take(STEPS_MAX)
        .filter(|start| !series.holes.contains(start))
        .map(|start| series.start.at(start).span(series.length, &window.home))
        .take_while(|span| !window.is_future(span))
        .filter(|span| window.touches(span))
        .collect()
}

/// Lists the occurrences of one event.
struct Lister<'a> {
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
    fn new(event: &'a Event, window: &'a Window) -> Self {
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

    fn list(mut self) -> Result<Vec<Single>, TooMany> {
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
        self.occurrence(master, &master.start, master.length)?;
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
        rule.starts_near(master.start.local(), from)
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
