//! What somebody took away stays away, whether it shows in the block of its series or in one of its own. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{civil::DateTime, tz::TimeZone};

use super::{
    feeding,
    respect::{is_away, leave_so},
    route,
};
use crate::{
    ident::Stem,
    model::{CalendarName, Print, Shape, Uid, Window},
    plan::{Held, LeftSo, Question, flatten::series_spans, op::Wanted},
};

/// What somebody took away of the events that show in a target. Asked block by block, a series before what stands beside it.
#[derive(Debug, Default)]
pub struct Away {
    /// Blocks that somebody took away, by their events and the calendars that these are in: when each was.
    blocks: BTreeMap<Uid, BTreeMap<(CalendarName, Print), Stem>>,
    /// The series asked about last.
    last: Option<Last>,
}

/// A series, and what somebody took away of it.
#[derive(Debug)]
struct Last {
    of: (CalendarName, Uid),
    is_away: bool,
    left: Option<LeftSo>,
}

/// What is left so of a block.
#[derive(Debug, Default)]
pub struct Left {
    /// What is to be remembered with it.
    pub so: Option<LeftSo>,
    /// Blocks of which that is remembered with it from now on.
    pub joined: Vec<Stem>,
}

impl Away {
    /// What a target remembers.
    pub fn of(question: Question<'_>, name: &CalendarName, held: &BTreeMap<Stem, Held>) -> Self {
        let mut away = Self::default();
        if !feeding(question, name).any(|route| route.respect.deleted) {
            return away;
        }
        for (stem, row) in held {
            let Some(link) = row.link.as_ref().filter(|_| row.present.is_none()) else {
                continue;
            };
            let was = link.course.filter(|_| !link.disowned);
            if let Some(was) = was {
                let of_event = away.blocks.entry(link.uid.clone()).or_default();
                of_event.insert((link.source.clone(), was), stem.clone());
            }
        }
        away
    }

    /// Changes what is wanted as somebody changed it, where the rule leaves that so.
    pub fn leave_so(
        &mut self,
        question: Question<'_>,
        name: &CalendarName,
        (stem, wanted): (&Stem, &mut Wanted),
        row: Option<&Held>,
    ) -> Left {
        let respect = route(question, name, &wanted.source).map(|route| route.respect);
        let respect = respect.unwrap_or_default();
        let home = &question.window.home;
        let joined = self.joined(question.window, stem, wanted).into_iter();
        let (taken, joined): (BTreeSet<DateTime>, Vec<Stem>) = joined.unzip();
        let remembers = row.is_some_and(|row| row.link.is_some());
        if let Shape::Series(series) = &mut wanted.shape
            && !remembers
        {
            series.holes.extend(&taken);
        }
        let so = leave_so(wanted, row, taken, respect, home);
        if matches!(wanted.shape, Shape::Series(_)) {
            self.last = Some(Last {
                of: (wanted.source.clone(), wanted.uid.clone()),
                is_away: row.is_some_and(|row| is_away(wanted, row, respect, question.window)),
                left: so.clone(),
            });
        }
        Left {
            so,
            joined: joined.into_iter().filter(|_| remembers).collect(),
        }
    }

    /// Of a series that is wanted, what had a block of its own that somebody took away: its local start, and that block.
    fn joined(&self, window: &Window, stem: &Stem, wanted: &Wanted) -> Vec<(DateTime, Stem)> {
        let blocks = self.blocks.get(&wanted.uid);
        let (Shape::Series(series), Some(blocks)) = (&wanted.shape, blocks) else {
            return Vec::new();
        };
        let home = &window.home;
        let spans = series_spans(series, window).into_iter();
        let joined = spans.filter_map(|span| {
            let course = Shape::Once(span).course(home);
            let was = blocks.get(&(wanted.source.clone(), course))?;
            Some((series.start_of(span, home)?, was.clone()))
        });
        // What still has a block of its own there, the series does not take in.
        let joined = joined.filter(|(at, was)| was != stem && !wanted.apart.contains(at));
        joined.collect()
    }

    /// Whether somebody took away what a new block is wanted for, as long as that was in the block of its series, or in that of the same
    /// meeting in another calendar.
    pub fn has(&self, wanted: &Wanted, home: &TimeZone) -> bool {
        self.has_of_series(wanted) || self.has_of_twin(wanted, home)
    }

    fn has_of_twin(&self, wanted: &Wanted, home: &TimeZone) -> bool {
        let blocks = self.blocks.get(&wanted.uid);
        blocks.is_some_and(|blocks| {
            let course = wanted.shape.course(home);
            let mut others = blocks.keys().filter(|(source, _)| *source != wanted.source);
            others.any(|(_, was)| *was == course)
        })
    }

    fn has_of_series(&self, wanted: &Wanted) -> bool {
        let (Shape::Once(_), Some(last)) = (&wanted.shape, &self.last) else {
            return false;
        };
        let (source, uid) = &last.of;
        let is_out = |at: &DateTime| {
            let left = last.left.as_ref();
            let is_left_out = left.is_some_and(|left| {
                left.starts.contains(at) || left.after.is_some_and(|after| after < *at)
            });
            last.is_away || is_left_out
        };
        *source == wanted.source && *uid == wanted.uid && wanted.apart.iter().any(is_out)
    }
}
