//! Which occurrences a rule shows, how much of each, and in which form: by what they are, and by when. Pure.

use std::{borrow::Cow, collections::BTreeSet};

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, DateTime, Time, Weekday},
    tz::{AmbiguousOffset, TimeZone},
};

use crate::model::{Event, Shown, Span, Standing, Traits, When, Window, Zone};

pub mod asks;
mod form;
mod said;

pub use asks::{Asks, Fails, Wants};
pub use form::{Form, Grid};
pub use said::Setting;

/// What a rule shows of the events of its sources. By default, all that keeps somebody busy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// What becomes of events of whole days.
    pub all_day: AllDay,
    /// What else an event must be.
    pub asks: Asks,
    /// How long an occurrence lasts at least.
    pub shortest: Option<SignedDuration>,
    /// How long an occurrence lasts at the most.
    pub longest: Option<SignedDuration>,
    /// At which times.
    pub times: Option<Times>,
    /// How its blocks differ from that.
    pub form: Form,
    /// Whether blocks that overlap or touch become one.
    pub merge: bool,
    /// How long before it begins a single block is made at the latest.
    pub notice: Option<SignedDuration>,
}

/// Why a rule leaves something out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It was cancelled.
    Cancelled,
    /// It is of whole days.
    WholeDay,
    /// It is not what the rule asks for.
    Fails(Fails),
    /// It takes no time.
    NoTime,
    /// It is too short.
    Short,
    /// It is too long.
    Long,
    /// It is at another time.
    Times,
    /// It is too late for a block.
    Notice,
    /// Somebody took its block away or moved it, and that is left so.
    LeftSo,
}

/// What becomes of events of whole days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllDay {
    /// They are not shown.
    Skip,
    /// Those are shown that keep their owner busy.
    #[default]
    Busy,
    /// The same, though of other events free ones are shown too.
    OnlyBusy,
    /// Those are shown too that do not, but were neither cancelled nor declined.
    All,
}

/// Some hours of some days of the week, every week.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    /// The days; of hours that go past midnight, the days on which they begin.
    pub days: BTreeSet<Day>,
    /// From when to when; past midnight if the end is not after the beginning. Whole days if missing.
    pub hours: Option<(Time, Time)>,
    /// What becomes of an occurrence that is partly at other times.
    pub edge: Edge,
    /// Whose days and hours these are.
    pub zone: TimeZone,
}

/// A day of the week, in the order of a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i8);

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        Self(day.to_monday_zero_offset())
    }
}

/// What becomes of an occurrence that is partly at other times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edge {
    /// It is shown whole.
    #[default]
    Touch,
    /// It is not shown.
    Inside,
    /// That part of it is shown that lies inside.
    Clip,
}

impl Filter {
    /// Whether this rule shows all that keeps somebody busy, whenever it is.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// An event as this rule sees it: what it shows keeps busy, whatever else the event says.
    pub fn seen<'a>(&self, event: &'a Event) -> Cow<'a, Event> {
        if self.all_day == AllDay::Busy && self.asks == Asks::default() {
            return Cow::Borrowed(event);
        }
        let mut event = event.clone();
        if let Some(master) = &mut event.master {
            master.standing = self.standing(master.standing, &master.traits, &master.start);
        }
        for change in &mut event.overrides {
            change.standing = self.standing(change.standing, &change.traits, &change.start);
        }
        Cow::Owned(event)
    }

    /// What an event is to this rule.
    fn standing(&self, standing: Standing, traits: &Traits, start: &When) -> Standing {
        match (standing, self.leaves_out(standing, traits, start)) {
            (_, None) => Standing::Busy,
            (Standing::Busy, Some(_)) => Standing::Note,
            (other, Some(_)) => other,
        }
    }

    /// Why this rule leaves an event out whenever it is, if it does. What was cancelled does not take place, whatever a rule
    /// asks for.
    pub fn leaves_out(&self, standing: Standing, traits: &Traits, start: &When) -> Option<Why> {
        let is_day = matches!(start, When::Day(_));
        let mut traits = Cow::Borrowed(traits);
        let asks_for_free = self.asks.shown.contains(&Shown::Free);
        let is_free = traits.shown == Shown::Free && !asks_for_free;
        if let Some(any) = self.asks.shown.first()
            && is_day
            && self.all_day == AllDay::All
            && is_free
        {
            traits.to_mut().shown = *any;
        }
        if standing == Standing::Cancelled {
            return Some(Why::Cancelled);
        }
        let is_only_busy = self.all_day == AllDay::OnlyBusy && traits.shown == Shown::Free;
        if is_day && (self.all_day == AllDay::Skip || is_only_busy) {
            return Some(Why::WholeDay);
        }
        self.asks.fails(&traits).map(Why::Fails)
    }

    /// Why this rule leaves out an occurrence at a time, if it does.
    pub fn leaves_out_at(&self, span: Span, home: &TimeZone) -> Option<Why> {
        let (start, end) = span.instants(home);
        let lasts = match span {
            Span::Timed { .. } => end.duration_since(start),
            // Whatever the clock does on these days.
            Span::Days { first, end } => SignedDuration::from_hours(
                24 * i64::from(first.until(end).map_or(0, |days| days.get_days())),
            ),
        };
        if self.shortest.is_some_and(|shortest| lasts < shortest) {
            return Some(Why::Short);
        }
        if self.longest.is_some_and(|longest| lasts > longest) {
            return Some(Why::Long);
        }
        let is_out = |times: &Times| times.pieces(span).is_empty();
        self.times
            .as_ref()
            .is_some_and(is_out)
            .then_some(Why::Times)
    }

    /// What is shown of an occurrence: nothing, all of it, or the parts of it that lie inside.
    pub fn pieces(&self, span: Span, home: &TimeZone) -> Vec<Span> {
        match (self.leaves_out_at(span, home), &self.times) {
            (Some(_), _) => Vec::new(),
            (None, None) => vec![span],
            (None, Some(times)) => times.pieces(span),
        }
    }

    /// The blocks that an occurrence makes: what is shown of it, in this rule's form. Where a rule shows parts, nothing outside of
    /// its times is shown, whatever the form.
    pub fn blocks(&self, span: Span, home: &TimeZone) -> Vec<Span> {
        let pieces = self.pieces(span, home);
        if self.form.is_plain() || form::stretch(&span).is_none() {
            return pieces;
        }
        let wide = self.form.widen(pieces.iter().filter_map(form::stretch));
        let wide = wide.into_iter();
        match &self.times {
            Some(times) if times.edge == Edge::Clip => wide
                .flat_map(|(start, end)| times.timed(start, end))
                .collect(),
            _ => wide.map(|(start, end)| Span::timed(start, end)).collect(),
        }
    }

    /// The same for what takes so many minutes to get to.
    pub fn with_travel(&self, minutes: u32) -> Cow<'_, Self> {
        let travel = SignedDuration::from_mins(minutes.into());
        if !self.form.travel || travel <= self.form.before {
            return Cow::Borrowed(self);
        }
        let mut filter = self.clone();
        filter.form.before = travel;
        Cow::Owned(filter)
    }

    /// The days in which an occurrence may be that has a block in these.
    pub fn reach(&self, window: &Window) -> Window {
        self.form.reach(window)
    }
}

/// The first moment at which a clock shows this time, or a later one in the night in which it skips that.
fn first_at(local: DateTime, zone: &TimeZone) -> Timestamp {
    let usual = || Zone::Named(zone.clone()).instant(local, zone);
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Gap { after, .. } => {
            let before_it = after.to_timestamp(local);
            let skip = before_it.ok().and_then(|at| zone.following(at).next());
            skip.map_or_else(usual, |skip| skip.timestamp())
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => usual(),
    }
}

/// What is longer than so many days is not cut into the hours of each.
const CUT_MAX: i64 = 3_660;

impl Times {
    fn pieces(&self, span: Span) -> Vec<Span> {
        let days = match span {
            Span::Timed { start, end } => end.duration_since(start).as_hours() / 24,
            Span::Days { first, end } => i64::from(first.until(end).map_or(0, |s| s.get_days())),
        };
        if days > CUT_MAX {
            return match self.edge {
                Edge::Inside => Vec::new(),
                Edge::Touch | Edge::Clip => vec![span],
            };
        }
        let inside = match span {
            Span::Timed { start, end } => self.timed(start, end),
            Span::Days { first, end } => self.whole_days(first, end),
        };
        match (self.edge, &inside[..]) {
            (_, []) => inside,
            (Edge::Touch, _) => vec![span],
            (Edge::Inside, [only]) if *only == span => inside,
            (Edge::Inside, _) => Vec::new(),
            (Edge::Clip, _) => inside,
        }
    }

    /// The parts of a stretch of time that lie inside, those that touch in one.
    fn timed(&self, start: Timestamp, end: Timestamp) -> Vec<Span> {
        let mut parts: Vec<(Timestamp, Timestamp)> = Vec::new();
        // Hours that began the day before may last into the first day.
        let mut date = self.zone.to_datetime(start).date().saturating_sub(1.days());
        let last = self.zone.to_datetime(end).date();
        while date <= last {
            if self.days.contains(&date.weekday().into()) {
                let (opens, closes) = self.open_on(date);
                let (from, to) = (opens.max(start), closes.min(end));
                match parts.last_mut() {
                    Some(part) if from <= part.1 => part.1 = part.1.max(to),
                    _ if from < to => parts.push((from, to)),
                    _ => {}
                }
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        let parts = parts.into_iter();
        parts.map(|(from, to)| Span::timed(from, to)).collect()
    }

    /// From when to when it is one of these times, on a day that is one of these days.
    fn open_on(&self, date: Date) -> (Timestamp, Timestamp) {
        let at = |date: Date, time: Time| first_at(date.to_datetime(time), &self.zone);
        let next = date.saturating_add(1.days());
        match self.hours {
            None => (at(date, Time::midnight()), at(next, Time::midnight())),
            Some((from, to)) if from < to => (at(date, from), at(date, to)),
            Some((from, to)) => (at(date, from), at(next, to)),
        }
    }

    /// The days of these that are on these days of the week. Hours say nothing of whole days.
    fn whole_days(&self, first: Date, end: Date) -> Vec<Span> {
        let mut parts: Vec<(Date, Date)> = Vec::new();
        let days = first.series(1.days()).take_while(|date| *date < end);
        for date in days.filter(|date| self.days.contains(&date.weekday().into())) {
            let next = date.saturating_add(1.days());
            match parts.last_mut() {
                Some(part) if part.1 == date => part.1 = next,
                _ => parts.push((date, next)),
            }
        }
        let parts = parts.into_iter();
        parts
            .map(|(first, end)| Span::Days { first, end })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_that_begin_or_end_while_the_clock_skips_do_so_when_it_does() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let local = |text: &str| text.parse::<DateTime>().unwrap();
        let at = |text: &str| local(text).to_zoned(zone.clone()).unwrap().timestamp();
        let rows = [
            // On that day the clock goes from 2 to 3.
            ("02:30", "09:00", "2027-03-28T03:00", "2027-03-28T09:00"),
            ("01:00", "02:30", "2027-03-28T01:00", "2027-03-28T03:00"),
            ("02:30", "09:00", "2027-03-29T02:30", "2027-03-29T09:00"),
            ("02:30", "09:00", "2026-10-25T02:30", "2026-10-25T09:00"),
        ];
        for (from, to, start, end) in rows {
            let times = Times {
                days: [Weekday::Sunday, Weekday::Monday].map(Day::from).into(),
                hours: Some((from.parse().unwrap(), to.parse().unwrap())),
                zone: zone.clone(),
                edge: Edge::Clip,
            };
            let date = local(start).date();
            assert_eq!(times.open_on(date), (at(start), at(end)), "{from} {start}");
        }
    }
}
