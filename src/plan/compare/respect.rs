//! What somebody did to a block, where its rule leaves that so. Pure.

use std::collections::BTreeSet;

use jiff::{SignedDuration, civil::DateTime, tz::TimeZone};

use crate::{
    model::{Print, Series, Shape, Span, Traces, When, Window, Zone},
    plan::{Held, LeftSo, Link, Present, Respect, Written, op::Wanted},
};

/// Changes what is wanted as somebody changed the block, where the rule leaves that so and its event is as it was. Says what is left so
/// from now on. `taken`: local starts of a series that somebody took away when they had blocks of their own.
pub(super) fn leave_so(
    wanted: &mut Wanted,
    held: Option<&Held>,
    taken: BTreeSet<DateTime>,
    respect: Respect,
    home: &TimeZone,
) -> Option<LeftSo> {
    let held = held?;
    let link = held.link.as_ref()?;
    let present = held.present.as_ref();
    // Only what somebody did is left so.
    let edited = present.filter(|is| !is.hands_off && is.traces.is_some() && !link.disowned);
    let is_as_ever = taken.is_empty() && (edited.is_none() || respect == Respect::default());
    if link.left_so.is_none() && is_as_ever {
        return None;
    }
    let of = wanted.shape.course(home);
    let mut left = match link.left_so.as_deref().filter(|left| left.of == of) {
        Some(known) => known.by(respect),
        None => LeftSo::nothing(of),
    };
    match &wanted.shape {
        Shape::Once(span) => {
            let is_as_written = link.times == Some(left.of_span(*span).times(home));
            let edited = edited.filter(|_| respect.moved && is_as_written);
            if let Some(to) = edited.and_then(|is| moved_to(*span, is, home)) {
                left.moved = Some(to).filter(|to| to != span);
            }
            wanted.shape = left.of_span(*span);
        }
        Shape::Series(whole) => {
            let is_same = link.course.is_none_or(|course| course == of);
            if let Some(is) = present.filter(|_| respect.deleted && is_same) {
                let usual = || Written::of(&wanted.shape, &wanted.face);
                let written = link.written.as_deref().cloned().unwrap_or_else(usual);
                let ends = whole.rule.last(whole.start.local());
                left = left.and_since(link, is, &written, ends);
                if respect.moved && is_moved(wanted, is, respect, home) {
                    left.starts.extend(moved_holes(whole, link, is, home));
                }
            }
            left.starts.extend(taken);
            wanted.shape = Shape::Series(left.of_series(whole));
        }
    }
    (left != LeftSo::nothing(of)).then_some(left)
}

/// What is taken out of a series that somebody moved, at the local starts at which it would be had they not.
fn moved_back(whole: &Series, is: &Present, home: &TimeZone) -> BTreeSet<DateTime> {
    let clock = |at| When::Time(home.to_datetime(at), Zone::Named(home.clone()));
    let first = whole.start_at(&clock(is.first), home);
    let by = first.duration_since(whole.start.local());
    let holes = is.traces.iter().flat_map(|traces| &traces.holes);
    holes.map(|at| at.saturating_sub(by)).collect()
}

/// What somebody took out of a series that they moved, since it was written.
fn moved_holes(whole: &Series, link: &Link, is: &Present, home: &TimeZone) -> Vec<DateTime> {
    let is_any = |at: &DateTime| {
        let mut starts = whole.rule.starts_near(whole.start.local(), *at, *at);
        !link.holes.contains(at) && starts.any(|start| start == *at)
    };
    let holes = moved_back(whole, is, home).into_iter();
    holes.filter(is_any).collect()
}

/// Whether a block is to be as it was written, but for what somebody took out of it where they moved it to.
pub(super) fn is_to_be_as_written(
    wanted: &Wanted,
    link: &Link,
    is: &Present,
    home: &TimeZone,
) -> bool {
    let Shape::Series(series) = &wanted.shape else {
        return false;
    };
    let put = Written::of(&wanted.shape, &wanted.face);
    let is_as_put = link.written.as_deref() == Some(&put);
    let out = moved_back(series, is, home);
    let mut more = series.holes.difference(&link.holes);
    is_as_put && link.holes.is_subset(&series.holes) && more.all(|at| out.contains(at))
}

/// What somebody did to a series that nothing asks for now, for when something does again.
pub(super) fn left_meanwhile(held: &Held) -> Option<LeftSo> {
    let (present, link) = (held.present.as_ref()?, held.link.as_ref()?);
    let (of, written) = (link.course?, link.written.as_deref()?);
    let known = link.left_so.as_deref().filter(|left| left.of == of);
    let known = known.cloned().unwrap_or_else(|| LeftSo::nothing(of));
    let left = known.and_since(link, present, written, None);
    (left != LeftSo::nothing(of)).then_some(left)
}

/// Where somebody moved a single block to, as long as it is and was: nothing if it is another one.
fn moved_to(span: Span, is: &Present, home: &TimeZone) -> Option<Span> {
    let to = match span {
        Span::Timed { .. } => Span::timed(is.first, is.first_end),
        Span::Days { first, end } => {
            let days = first.until(end).ok()?.get_days();
            Span::days(home.to_datetime(is.first).date(), days)
        }
    };
    let (from, end) = span.instants(home);
    let is_as_long = match span {
        Span::Timed { .. } => is.first_end.duration_since(is.first) == end.duration_since(from),
        Span::Days { .. } => to.instants(home) == (is.first, is.first_end),
    };
    (is_as_long && !is.repeats).then_some(to)
}

impl LeftSo {
    fn nothing(of: Print) -> Self {
        Self {
            starts: BTreeSet::new(),
            after: None,
            moved: None,
            of,
        }
    }

    /// The same with what somebody did to a series since it was written, if that was no more than to take some out or put some back, or
    /// to end it somewhere else. `ends`: the local start of the event's last occurrence.
    fn and_since(
        mut self,
        link: &Link,
        is: &Present,
        written: &Written,
        ends: Option<DateTime>,
    ) -> Self {
        if is.hands_off || link.disowned {
            return self;
        }
        let as_written = (&link.holes, written.ends);
        let (holes, end) = match is.traces.as_deref() {
            None if is.print == link.print => as_written,
            Some(traces) if traces.but_end == written.but_end => (&traces.holes, traces.ends),
            _ => return self,
        };
        self.starts.extend(holes.difference(&link.holes));
        self.starts.retain(|at| holes.contains(at));
        self.after = match end {
            // As calsync wrote it: it ended no later than what was left so, or somebody wants all of it again.
            _ if end == written.ends => self
                .after
                .filter(|after| end.is_some_and(|end| end <= *after)),
            Some(end) if ends.is_none_or(|ends| end < ends) => Some(end),
            _ => None,
        };
        self
    }

    /// What of it a rule leaves so.
    fn by(&self, respect: Respect) -> Self {
        let mut left = Self::nothing(self.of);
        if respect.deleted {
            (left.starts, left.after) = (self.starts.clone(), self.after);
        }
        left.moved = self.moved.filter(|_| respect.moved);
        left
    }

    /// Where a single block is then.
    fn of_span(&self, span: Span) -> Shape {
        Shape::Once(self.moved.unwrap_or(span))
    }

    /// What is left of a series.
    fn of_series(&self, whole: &Series) -> Series {
        let mut series = whole.clone();
        series.holes.extend(&self.starts);
        let ends = whole.rule.last(whole.start.local());
        let after = self.after.filter(|at| ends.is_none_or(|ends| *at < ends));
        if let Some(after) = after {
            series.rule = series.rule.ending(after);
            series.holes.retain(|at| *at <= after);
        }
        series
    }
}

/// Whether somebody took a block away, and that is left so.
pub(super) fn is_away(wanted: &Wanted, held: &Held, respect: Respect, window: &Window) -> bool {
    let link = held.link.as_ref().filter(|_| held.present.is_none());
    link.is_some_and(|link| {
        let is_somebodys = !link.disowned && !link.only_came_in_time();
        let is_same = is_somebodys && is_as_before(link, &wanted.shape, &window.home);
        respect.deleted && is_same && !shows_more(link, &wanted.shape, window)
    })
}

/// Whether a series is to show occurrences that were left out when it was written: nobody took these away.
fn shows_more(link: &Link, wanted: &Shape, window: &Window) -> bool {
    let Shape::Series(series) = wanted else {
        return false;
    };
    let mut more = link.holes.difference(&series.holes);
    more.any(|at| {
        let span = series.start.at(*at).span(series.length, &window.home);
        window.touches(&span)
    })
}

/// Whether a block says what is wanted and shows at these times, though it is not put so.
pub(super) fn is_as_wanted(wanted: &Wanted, present: &Present) -> bool {
    let is = present.traces.as_deref();
    is.is_some_and(|is| {
        let should = Traces::of(&wanted.shape, &wanted.face, &[]);
        is.but_holes == should.but_holes && is.holes == should.holes
    })
}

/// Whether somebody did no more to a series than to move it: all of it, by a week at the most.
pub(super) fn is_moved(
    wanted: &Wanted,
    present: &Present,
    respect: Respect,
    home: &TimeZone,
) -> bool {
    let Some(is) = present.traces.as_deref() else {
        return false;
    };
    let should = Traces::of(&wanted.shape, &wanted.face, &[]);
    let as_many = respect.deleted || is.holes.len() == should.holes.len();
    let is_other = is.but_start == should.but_start && is.but_holes != should.but_holes;
    present.repeats && is_other && as_many && keeps_its_end(wanted, present, home)
}

/// Whether a series that begins at another time ends with the same occurrence.
fn keeps_its_end(wanted: &Wanted, present: &Present, home: &TimeZone) -> bool {
    let day = SignedDuration::from_hours(23);
    let moved = present
        .first
        .duration_since(wanted.shape.first_occurrence(home).0);
    let ends = match (present.last, wanted.shape.last_end(home)) {
        (None, None) => SignedDuration::ZERO,
        (Some(is), Some(should)) => is.duration_since(should),
        _ => return false,
    };
    let (least, most) = (
        moved.min(SignedDuration::ZERO),
        moved.max(SignedDuration::ZERO),
    );
    moved.abs() <= SignedDuration::from_hours(7 * 24) && least - day <= ends && ends <= most + day
}

/// Whether an event still takes the time that its block was written for, whatever the block is to say now.
fn is_as_before(link: &Link, wanted: &Shape, home: &TimeZone) -> bool {
    match link.course {
        Some(course) => course == wanted.course(home),
        None => link.times == Some(wanted.times(home)),
    }
}
