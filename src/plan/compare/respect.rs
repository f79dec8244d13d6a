//! What somebody did to a block, where its rule leaves that so. Pure.

use std::collections::BTreeSet;

use jiff::{SignedDuration, tz::TimeZone};

use crate::{
    model::{Series, Shape, Traces},
    plan::{Held, LeftOut, Link, Present, Respect, op::Wanted},
};

/// Takes out of what is wanted what somebody took out of the block, where the rule leaves that so and its event is as it was. Says
/// what there is to remember of that from now on, if anything else than before.
pub fn leave_out(
    wanted: &mut Wanted,
    held: Option<&Held>,
    respect: Respect,
    home: &TimeZone,
) -> Option<Option<LeftOut>> {
    let held = held?;
    let link = held.link.as_ref()?;
    let present = held.present.as_ref().filter(|present| !present.hands_off);
    let edited = present.and_then(|present| present.traces.as_deref());
    let Shape::Series(whole) = &wanted.shape else {
        return link.left_out.is_some().then_some(None);
    };
    if link.left_out.is_none() && !(respect.deleted && edited.is_some()) {
        return None;
    }
    let of = wanted.shape.course(home);
    let before = link.left_out.as_deref();
    let known = before.filter(|left| respect.deleted && left.of == of);
    let nothing = || LeftOut {
        starts: BTreeSet::new(),
        after: None,
        of,
    };
    let mut left = known.cloned().unwrap_or_else(nothing);
    // Whoever did nothing but take some out, or put some back, says what is to be out, beside what was written so.
    let plain = Traces::of(&wanted.shape, &wanted.face, &[]);
    let is_as_written = || link.course == Some(Shape::Series(left.of_series(whole)).course(home));
    let edited = edited.filter(|_| respect.deleted);
    if let Some(edited) = edited.filter(|is| is_less(is, &plain, is_as_written)) {
        left.after = edited.ends.filter(|_| edited.but_holes != plain.but_holes);
        left.starts.extend(edited.holes.difference(&link.holes));
        left.starts
            .retain(|at| edited.holes.contains(at) && !whole.holes.contains(at));
    }
    wanted.shape = Shape::Series(left.of_series(whole));
    let is_any = !left.starts.is_empty() || left.after.is_some();
    let now = is_any.then_some(left);
    (now.as_ref() != before).then_some(now)
}

/// Whether somebody did no more to a series than to take some of it out, or to end it early. `is_as_written`: whether its event is
/// at the times for which the block was written.
fn is_less(is: &Traces, should: &Traces, is_as_written: impl Fn() -> bool) -> bool {
    let is_earlier = || match (is.ends, should.ends) {
        (Some(ends), Some(last)) => ends < last,
        (ends, _) => ends.is_some(),
    };
    let is_ended = || is.but_end == should.but_end && is_earlier() && is_as_written();
    is.but_holes == should.but_holes || is_ended()
}

impl LeftOut {
    /// What is left of a series.
    fn of_series(&self, whole: &Series) -> Series {
        let mut series = whole.clone();
        series.holes.extend(&self.starts);
        if let Some(after) = self.after {
            series.rule = series.rule.ending(after);
            series.holes.retain(|at| *at <= after);
        }
        series
    }
}

/// Whether a block says what is wanted and shows at these times, though it is not put so.
pub(super) fn is_as_wanted(wanted: &Wanted, present: &Present) -> bool {
    let is = present.traces.as_deref();
    is.is_some_and(|is| {
        let should = Traces::of(&wanted.shape, &wanted.face, &[]);
        is.but_holes == should.but_holes && is.holes == should.holes
    })
}

/// Whether somebody did no more to a block than to move it: all of it, by a week at the most.
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
    is_other && as_many && (!present.repeats || keeps_its_end(wanted, present, home))
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
pub(super) fn is_as_before(link: &Link, wanted: &Wanted, home: &TimeZone) -> bool {
    match link.course {
        Some(course) => course == wanted.shape.course(home),
        None => link.times == Some(wanted.shape.times(home)),
    }
}
