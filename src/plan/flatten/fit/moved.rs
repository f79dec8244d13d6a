//! A rule that makes the blocks of another one's occurrences, as far as a rule can: begun earlier or later on its own clock, and
//! longer or shorter. Pure.

use std::{cmp::Reverse, collections::BTreeMap};

use jiff::{SignedDuration, civil::DateTime, tz::TimeZone};

use super::{
    super::alike::{is_in_gap, regular},
    Made,
};
use crate::{
    model::{Length, Series, Span, When, Zone},
    plan::filter::{Edge, Filter},
};

/// A rule that was moved on its clock.
pub(super) struct Moved {
    pub(super) series: Series,
    /// By how much it was moved.
    by: SignedDuration,
    /// Whether it is another rule than before: then what readers do not all read alike is no part of it.
    anew: bool,
}

impl Moved {
    /// The rule that makes most of these blocks, if there is one: as most occurrences differ from their blocks, so does it.
    pub(super) fn of(series: &Series, filter: &Filter, made: &[Made]) -> Option<Self> {
        let same = || Self {
            series: series.clone(),
            by: SignedDuration::ZERO,
            anew: false,
        };
        let is_cut = filter
            .times
            .as_ref()
            .is_some_and(|times| times.edge == Edge::Clip);
        let is_whole = filter.form.is_plain() && !is_cut;
        let (When::Time(first, Zone::Named(zone)), false) = (&series.start, is_whole) else {
            return Some(same());
        };
        let (by, lasts) = most_common(zone, made)?;
        let length = Length::Wall(lasts.as_secs());
        if by.is_zero() && length == series.length {
            return Some(same());
        }
        let start = first.checked_add(by).ok()?;
        // A rule may name days, and none that names times of the day.
        let is_alike = by.is_zero() || series.rule.keeps_time_of_day();
        if start.date() != first.date() || !is_alike || !lasts.is_positive() {
            return None;
        }
        let mut rule = series.rule.clone();
        if let Some(until) = rule.until() {
            rule.set_until(until.checked_add(by).ok()?);
        }
        let holes = series.holes.iter().map(|hole| hole.saturating_add(by));
        let series = Series {
            start: series.start.at(start),
            length,
            rule,
            holes: holes.collect(),
        };
        Some(Self {
            series: regular(&series, length).map_or(series, |(_, later)| later),
            by,
            anew: true,
        })
    }

    /// Whether it shows an occurrence as the rule of the configuration does.
    pub(super) fn shows(&self, made: &Made, home: &TimeZone) -> bool {
        match (self.span(made.start, home), &made.blocks[..]) {
            (Some(span), [block]) => span == *block,
            _ => false,
        }
    }

    /// When it shows the occurrence that had this start, if it can.
    fn span(&self, start: DateTime, home: &TimeZone) -> Option<Span> {
        let start = start.checked_add(self.by).ok()?;
        let is_before = start < self.series.start.local();
        let is_skipped = match &self.series.start {
            When::Time(_, Zone::Named(zone)) if self.anew => is_in_gap(zone, start),
            _ => false,
        };
        let at = self.series.start.at(start);
        (!is_before && !is_skipped).then(|| at.span(self.series.length, home))
    }

    /// Makes a hole where the occurrence that had this start would be.
    pub(super) fn leave_out(&mut self, start: DateTime) {
        let start = start.saturating_add(self.by);
        if start >= self.series.start.local() {
            self.series.holes.insert(start);
        }
    }
}

/// By how much most blocks begin later than their occurrences on a clock, and how long they last on it.
fn most_common(zone: &TimeZone, made: &[Made]) -> Option<(SignedDuration, SignedDuration)> {
    let mut counts: BTreeMap<(SignedDuration, SignedDuration), usize> = BTreeMap::new();
    for made in made {
        if let [Span::Timed { start, end }] = made.blocks[..] {
            let (start, end) = (zone.to_datetime(start), zone.to_datetime(end));
            let by = start.duration_since(made.start);
            *counts.entry((by, end.duration_since(start))).or_default() += 1;
        }
    }
    let counts = counts.into_iter();
    let most = counts.max_by_key(|(how, count)| (*count, Reverse(*how)));
    most.map(|(how, _)| how)
}
