//! A source series into "a plain event, or a rule with holes" (design, section 2.2). Pure.
//!
//! Whatever a series looks like, it becomes at most one rule with holes, and one plain stretch of time for each occurrence
//! that is different and still busy. What no target could express becomes plain stretches inside the window.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    civil::{Date, DateTime},
    tz::TimeZone,
};

use crate::{
    model::{
        Event, Extra, Length, Master, OccurrenceKey, Override, Recurs, Series, Span, Traits, When,
        Window, Zone,
    },
    recur::{Rule, STEPS_MAX, WALK_MAX},
};

mod alike;
mod fit;
mod lister;
mod named;

pub use fit::fit;

use alike::alike_for_all;
use lister::Lister;
use named::{Named, local_starts, named_starts};

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
    /// A rule with holes of which nothing touches the window, and which goes on behind it.
    pub resting: Option<Series>,
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
#[error(
    "a series makes more than {OCCURRENCES_MAX} occurrences inside the window, or takes more than {WALK_MAX} steps to walk"
)]
pub struct TooMany;

/// Flattens an event. Only what touches the window is wanted; a rule that touches it comes back whole.
pub fn flatten(event: &Event, window: &Window) -> Result<Flat, TooMany> {
    if let Some(flat) = plain(event, window) {
        return Ok(flat);
    }
    refuse_crowds(event, window)?;
    let settled = settled(event, &window.home);
    let event = settled.as_ref().unwrap_or(event);
    let aligned = aligned(event, window);
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
fn aligned(event: &Event, window: &Window) -> Option<Event> {
    let (master, _, rule) = as_series(event)?;
    let start = master.start.local();
    if rule.begins_at(start) {
        return None;
    }
    let (first, rule) = rule.aligned(start, ahead(rule, window))?;
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
    let crowds = rules.any(|rule| rule.crowds(start, from, to, OCCURRENCES_MAX));
    match crowds || walk(event, window) > WALK_MAX {
        true => Err(TooMany),
        false => Ok(()),
    }
}

/// How many steps it takes at the most to walk the rules of an event once.
pub fn walk(event: &Event, window: &Window) -> u64 {
    let Some((master, recurs)) = event
        .master
        .as_ref()
        .and_then(|master| Some((master, master.recurs.as_deref()?)))
    else {
        return 0;
    };
    let (start, from) = (master.start.local(), earliest(master.length, window));
    let rules = recurs.rules.iter().chain(&recurs.except);
    rules
        .map(|rule| rule.walk(start, from, ahead(rule, window)))
        .fold(0, u64::saturating_add)
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

/// How far behind the window anybody looks for the next occurrence of a rule: as far as one leap year may be from the next, in
/// steps of the rule.
fn ahead(rule: &Rule, window: &Window) -> DateTime {
    let years = jiff::Span::new().try_years(rule.stride().saturating_mul(8));
    let end = years.and_then(|years| window.end.checked_add(years.days(2)));
    end.unwrap_or(Date::MAX).at(0, 0, 0, 0)
}

fn listed(singles: Vec<Single>) -> Flat {
    Flat {
        singles,
        ..Flat::default()
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
    Ok(Flat {
        singles: singles
            .into_iter()
            .map(|(occurrence, span)| Single { occurrence, span })
            .collect(),
        ..shown(series, window)?
    })
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

/// Whether a changed occurrence takes the same time as it would have anyway, and says the same.
fn unchanged(change: &Override, master: &Master, home: &TimeZone) -> bool {
    let usual = match (&change.at, &master.start) {
        (When::Time(..), When::Time(_, zone)) => {
            let local = zone.local(change.at.instant(home), home);
            master.start.at(local).span(master.length, home)
        }
        (When::Day(_), When::Day(_)) => change.at.span(master.length, home),
        _ => return false,
    };
    let said = |traits: &Traits| (traits.words.clone(), traits.travel);
    change_span(change, home) == Some(usual) && said(&change.traits) == said(&master.traits)
}

/// Where the occurrences of a rule are.
enum Reach {
    /// One at least touches the window.
    Now,
    /// None touches it; there are some behind it.
    Later,
    Over,
}

/// A rule with holes, if it shows in the window or behind it.
fn shown(series: Series, window: &Window) -> Result<Flat, TooMany> {
    let (series, resting) = match reach(&series, window)? {
        Reach::Now => (Some(series), None),
        Reach::Later => (None, Some(series)),
        Reach::Over => (None, None),
    };
    Ok(Flat {
        series,
        resting,
        ..Flat::default()
    })
}

/// Where the occurrences of a rule with holes are.
fn reach(series: &Series, window: &Window) -> Result<Reach, TooMany> {
    let from = earliest(series.length, window);
    let start = series.start.local();
    let starts = series
        .rule
        .starts_near(start, from, ahead(&series.rule, window));
    for (steps, start) in starts.enumerate() {
        if steps >= STEPS_MAX {
            return Err(TooMany);
        }
        let span = series.start.at(start).span(series.length, &window.home);
        if series.holes.contains(&start) {
            continue;
        }
        if window.is_future(&span) {
            return Ok(Reach::Later);
        }
        if window.touches(&span) {
            return Ok(Reach::Now);
        }
    }
    Ok(Reach::Over)
}

/// All occurrences that a rule with holes shows inside the window, for comparison and for tests.
pub fn series_spans(series: &Series, window: &Window) -> Vec<Span> {
    series
        .rule
        .starts_near(
            series.start.local(),
            earliest(series.length, window),
            ahead(&series.rule, window),
        )
        .take(STEPS_MAX)
        .filter(|start| !series.holes.contains(start))
        .map(|start| series.start.at(start).span(series.length, &window.home))
        .take_while(|span| !window.is_future(span))
        .filter(|span| window.touches(span))
        .collect()
}
