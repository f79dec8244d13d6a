//! What readers of a rule with holes do not all read alike, taken out of it. Pure.

use std::collections::BTreeMap;

use jiff::{ToSpan, civil::DateTime, tz::TimeZone};

use super::earliest;
use crate::{
    model::{Length, OccurrenceKey, Series, Span, When, Window, Zone},
    recur::STEPS_MAX,
};

/// Puts a rule into a form that all readers read alike, and what they would not into single stretches: an occurrence in a
/// daylight-saving gap, which some drop and some move, and one whose DURATION passes a change of the clock, which some
/// count on the wall.
pub(super) fn alike_for_all(
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
        let starts = series.rule.starts_near(first, from, end).take(STEPS_MAX);
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

/// Lets a series that begins where the clock skips begin at its next start instead, with single stretches for what was before.
fn begin_regularly(
    series: &mut Series,
    wall: Length,
    window: &Window,
    singles: &mut BTreeMap<OccurrenceKey, Span>,
) {
    let Some((skipped, later)) = regular(series, wall) else {
        return;
    };
    for start in skipped {
        let at = series.start.at(start);
        let span = at.span(series.length, &window.home);
        if !series.holes.contains(&start) && window.touches(&span) {
            singles.insert(at.key(&window.home), span);
        }
    }
    *series = later;
}

/// A series that begins, or whose first occurrence ends, where the clock skips, or in which the clock is changed, from its next start
/// on, and the starts before that. A target that keeps the first begin and end as instants would have every other occurrence late by
/// as much as that one is moved; and who takes the first one's exact length for that of all (RFC 5545 3.8.5.3), too long or too short.
pub(super) fn regular(series: &Series, wall: Length) -> Option<(Vec<DateTime>, Series)> {
    const SKIPPED_MAX: usize = 60;
    const WEEK: i64 = 7 * 86_400;
    let (When::Time(first, Zone::Named(zone)), Length::Wall(seconds)) = (&series.start, wall)
    else {
        return None;
    };
    let offset = |local: DateTime| zone.to_ambiguous_timestamp(local).offset();
    let is_odd = |start: &DateTime| {
        let end = start.saturating_add(seconds.seconds());
        let is_changed = seconds < WEEK && offset(*start) != offset(end);
        is_changed || is_in_gap(zone, *start) || is_in_gap(zone, end)
    };
    let starts = series.rule.starts(*first).take(SKIPPED_MAX);
    let skipped: Vec<DateTime> = starts.take_while(is_odd).collect();
    if skipped.is_empty() {
        return None;
    }
    let (next, rule) = series.rule.later(*first, skipped.len())?;
    let later = Series {
        start: series.start.at(next),
        length: series.length,
        rule,
        holes: series.holes.clone().split_off(&next),
    };
    Some((skipped, later))
}

pub(super) fn is_in_gap(zone: &TimeZone, local: DateTime) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recur::Rule;

    #[test]
    fn a_series_begins_with_an_occurrence_that_lasts_as_long_as_all() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let nights = |first: &str, hours: i64| {
            let start = When::Time(first.parse().unwrap(), Zone::Named(zone.clone()));
            let length = Length::Wall(hours * 3600);
            let (rule, _) = Rule::parse("FREQ=WEEKLY").unwrap();
            let series = Series {
                start,
                length,
                rule,
                holes: [].into(),
            };
            let later = regular(&series, length).map(|(skipped, later)| {
                assert_eq!(skipped, [series.start.local()]);
                later.start.local().to_string()
            });
            later.unwrap_or_default()
        };
        // The clock goes forward in the first night of the first, and back in that of the second.
        assert_eq!(nights("2027-03-27T22:00:00", 8), "2027-04-03T22:00:00");
        assert_eq!(nights("2027-10-30T22:00:00", 8), "2027-11-06T22:00:00");
        assert_eq!(nights("2027-03-27T22:00:00", 3), "");
        assert_eq!(nights("2027-03-20T22:00:00", 8), "");
        assert_eq!(nights("2027-03-20T22:00:00", 24 * 9), "");
    }
}
