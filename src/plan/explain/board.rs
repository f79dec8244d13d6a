//! What calsync would write into a target, and what stands there. Pure.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};

use super::Fate;
use crate::{
    ident::Stem,
    model::{CalendarName, Event, Shape, Span, Uid, Window, Zone, block},
    plan::{
        Held, Link, Present, Question, Target,
        compare::{Away, Outside, covers, is_late, is_left_so, outside, route},
        desire::{Desired, Place, TooManyBySource, desire},
        filter,
        flatten::{list, series_spans},
        op::Wanted,
    },
};

/// When a block shows an occurrence, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// When.
    pub span: Span,
    /// Whether the block stands there.
    pub stands: bool,
    /// Whether somebody moved it there, and that is left so.
    pub moved: bool,
}

/// A block in a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The calendar that it came from, if that is remembered.
    pub source: Option<CalendarName>,
    /// The event, if that is remembered.
    pub uid: Option<Uid>,
    /// When it is.
    pub span: Span,
    /// Whether it stands, and if nothing asks for it, why.
    pub stands: Stands,
}

/// Whether a block stands, and if nothing asks for it, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It does.
    Right,
    /// It will, by the next sync.
    NotYet,
    /// Somebody took it away, and that is left so.
    TakenAway,
    /// It does, and its event cannot be read now.
    Unread,
    /// It does, and its rule asks for words that nobody looked for yet.
    Unasked,
    /// It does, because it is outside of the window.
    Outside,
    /// It does, because the guard refused to take it away.
    HeldBack,
    /// It does, because somebody made it their own.
    Theirs,
    /// It does, and nobody keeps it in step: the calendar is only a source now.
    Stranded,
    /// It does, until the next sync.
    Leaving,
}

/// What calsync would write into a target, and what stands there.
#[derive(Debug)]
pub(super) struct Board {
    wanted: Vec<Row>,
    refused: TooManyBySource,
    /// What stands though nothing asks for it.
    left: Vec<Shown>,
}

/// A block that is wanted, and whether it stands.
#[derive(Clone, Debug)]
struct Row {
    source: CalendarName,
    /// The events that it shows, if it shows more than one occurrence whole.
    merged: BTreeSet<Uid>,
    uid: Uid,
    /// When it was asked for, and when it shows that: nothing of what somebody took out.
    times: Vec<(Span, Option<Span>)>,
    stands: bool,
    /// Why it will not stand, if so.
    never: Option<filter::Why>,
}

/// The blocks in a target on some days: those that are wanted, and those that nothing asks for. Of such that repeat, as
/// far as is known when they are.
pub fn blocks(
    question: Question<'_>,
    name: &CalendarName,
    target: &Target,
    days: &Window,
) -> Vec<Shown> {
    let board = Board::of(question, name, target, &around(days));
    let wanted = board.wanted.iter().flat_map(Row::blocks);
    let mut all: Vec<Shown> = wanted.chain(board.left.iter().cloned()).collect();
    all.retain(|shown| days.touches(&shown.span));
    all.sort_by_key(|shown| (shown.span.instants(&days.home), shown.source.clone()));
    all
}

/// Some days and those around them on which a series may have been that somebody moved.
pub(super) fn around(days: &Window) -> Window {
    const DAYS: i32 = 8;
    Window {
        first: days.first.saturating_sub(DAYS.days()),
        end: days.end.saturating_add(DAYS.days()),
        ..days.clone()
    }
}

impl Board {
    pub(super) fn of(
        question: Question<'_>,
        name: &CalendarName,
        target: &Target,
        days: &Window,
    ) -> Self {
        let mut wanted = Vec::new();
        let mut asked = BTreeSet::new();
        let mut away = Away::of(question, name, &target.held);
        let place = |stem: &Stem| Place::of(target.held.get(stem));
        let refused = desire(question, name, place, |stem: Stem, desired: Desired| {
            let held = target.held.get(&stem);
            let stands = held.is_some_and(|held| held.present.is_some());
            if let Some(mut block) = desired.wanted(stands) {
                let in_time = std::mem::take(&mut block.in_time);
                let is_whole = stands || !is_late(question, name, &block);
                for (stem, block) in in_time.into_iter().filter(|_| !is_whole) {
                    let held = target.held.get(&stem);
                    wanted.push(Row::of(
                        question,
                        name,
                        &mut away,
                        held,
                        (&stem, block),
                        days,
                    ));
                    asked.insert(stem);
                }
                let piece = (&stem, block);
                wanted.push(Row::of(question, name, &mut away, held, piece, days));
                asked.insert(stem);
            }
        });
        let is_refused = |link: &Link| {
            let uids = refused.get(&link.source);
            uids.is_some_and(|uids| uids.contains(&link.uid))
        };
        let held = target
            .held
            .iter()
            .filter(|(stem, _)| !asked.contains(*stem));
        let held = held.filter(|(_, held)| !held.link.as_ref().is_some_and(is_refused));
        let left = held.flat_map(|(stem, held)| {
            let series = target.series.get(stem);
            let mut left = left(question, name, held, series, days);
            if !target.fresh {
                for left in &mut left {
                    left.stands = Stands::Stranded;
                }
            }
            left
        });
        Self {
            left: left.collect(),
            wanted,
            refused,
        }
    }

    /// What stands of an event on some days though nothing asks for it.
    pub(super) fn left_of(&self, source: &CalendarName, uid: &Uid, days: &Window) -> Vec<Shown> {
        let left = self.left.iter();
        let of_event = left.filter(|shown| {
            shown.source.as_ref() == Some(source) && shown.uid.as_ref() == Some(uid)
        });
        of_event
            .filter(|shown| days.touches(&shown.span))
            .cloned()
            .collect()
    }

    /// What becomes of what a rule shows of an event.
    pub(super) fn fate(&self, source: &CalendarName, uid: &Uid, pieces: &[Span]) -> Fate {
        let of_source = || self.wanted.iter().filter(|row| row.source == *source);
        let found = pieces
            .iter()
            .filter_map(|piece| of_source().find_map(|row| row.shows(uid, *piece)));
        let found: Vec<Result<Piece, filter::Why>> = found.collect();
        let mut shown: Vec<Piece> = found.iter().filter_map(|found| found.ok()).collect();
        shown.dedup();
        let refused = self.refused.get(source);
        match (found.first(), shown.is_empty()) {
            (None, _) if refused.is_some_and(|uids| uids.contains(uid)) => Fate::TooMuch,
            (None, _) if self.is_taken_away(uid, pieces) => Fate::LeftOut(filter::Why::LeftSo),
            (None, _) => Fate::Elsewhere,
            (Some(Err(why)), true) => Fate::LeftOut(*why),
            _ => Fate::Shows(shown),
        }
    }

    /// Whether somebody took away what another calendar shows of the same meeting.
    fn is_taken_away(&self, uid: &Uid, pieces: &[Span]) -> bool {
        let shown = |piece: &Span| self.wanted.iter().find_map(|row| row.shows(uid, *piece));
        let mut shown = pieces.iter().filter_map(shown);
        shown.any(|shown| shown == Err(filter::Why::LeftSo))
    }
}

impl Row {
    fn of(
        question: Question<'_>,
        name: &CalendarName,
        away: &mut Away,
        held: Option<&Held>,
        (stem, mut block): (&Stem, Wanted),
        days: &Window,
    ) -> Self {
        let present = held.and_then(|held| held.present.as_ref());
        let asked = spans(&block.shape, days);
        away.leave_so(question, name, (stem, &mut block), held);
        // One that stands for what was wanted before is put right by the next sync.
        let print = block::print(&block.shape, &block.face, &[]);
        let echo = held.and_then(|held| held.link.as_ref()?.echo);
        let stands = present.is_some_and(|present| match present.hands_off {
            true => covers(&block, present, &days.home),
            false => present.print == print || echo == Some(present.print),
        });
        let mut times: Vec<(Span, Option<Span>)> = match &block.shape {
            Shape::Once(span) => asked.iter().map(|asked| (*asked, Some(*span))).collect(),
            Shape::Series(_) => {
                let shown = spans(&block.shape, days);
                let shown = |asked: &Span| Some(*asked).filter(|asked| shown.contains(asked));
                asked.iter().map(|asked| (*asked, shown(asked))).collect()
            }
        };
        let is_new = held.is_none_or(|held| held.link.is_none());
        let is_late = !stands && is_new && is_late(question, name, &block);
        let is_left = held.is_some_and(|held| is_left_so(question, name, &block, held))
            || is_new && away.has(&block, &days.home);
        // A series that somebody moved as a whole is as far away as its first occurrence.
        let first = block.shape.first_occurrence(&days.home).0;
        let moved = present.filter(|is| is_left && is.repeats && is.first != first);
        // At Google, what somebody took out is told beside the block itself, which is as it was.
        let is_short = times.iter().any(|(_, shown)| shown.is_none());
        let but_for_holes = is_left && is_short && present.is_some() && moved.is_none();
        if let Some(is) = moved {
            let by = by(is.first, first, &days.home);
            let shown = times.iter_mut().filter_map(|(_, shown)| shown.as_mut());
            shown.for_each(|span| *span = later(*span, by, &days.home));
        }
        let is_moved = moved.is_some();
        Self {
            merged: block.also.iter().map(|also| also.uid.clone()).collect(),
            source: block.source,
            uid: block.uid,
            times,
            stands: stands || but_for_holes || is_moved,
            never: match (is_late, is_left && !but_for_holes && !is_moved) {
                (true, _) => Some(filter::Why::Notice),
                (false, true) => Some(filter::Why::LeftSo),
                (false, false) => None,
            },
        }
    }

    /// What it shows, block by block.
    fn blocks(&self) -> impl Iterator<Item = Shown> + '_ {
        let shown = self.times.iter().filter_map(|(asked, shown)| {
            let stands = match (shown, self.never) {
                (None, _) | (_, Some(filter::Why::LeftSo)) => Stands::TakenAway,
                (_, Some(_)) => return None,
                (Some(_), None) if self.stands => Stands::Right,
                (Some(_), None) => Stands::NotYet,
            };
            Some((shown.unwrap_or(*asked), stands))
        });
        shown.map(|(span, stands)| Shown {
            source: Some(self.source.clone()),
            uid: Some(self.uid.clone()),
            span,
            stands,
        })
    }

    /// How it shows this piece of an event, or why it does not, if it is a block for it.
    fn shows(&self, uid: &Uid, piece: Span) -> Option<Result<Piece, filter::Why>> {
        let is_of = self.uid == *uid || self.merged.contains(uid);
        let holds = |asked: Span| match self.merged.is_empty() {
            true => asked == piece,
            false => asked.contains(piece),
        };
        let mut times = self.times.iter().filter(|_| is_of);
        let (asked, shown) = times.find(|(asked, _)| holds(*asked))?;
        Some(match (shown, self.never) {
            (_, Some(why)) => Err(why),
            (None, None) => Err(filter::Why::LeftSo),
            (Some(span), None) => Ok(Piece {
                span: *span,
                stands: self.stands,
                moved: span != asked,
            }),
        })
    }
}

/// By how much a clock at home shows one moment later than another.
fn by(is: Timestamp, should: Timestamp, home: &TimeZone) -> SignedDuration {
    let clock = |at| home.to_datetime(at);
    clock(is).duration_since(clock(should))
}

/// A span so much later on a clock at home.
fn later(span: Span, by: SignedDuration, home: &TimeZone) -> Span {
    match span {
        Span::Timed { start, end } => {
            let local = home.to_datetime(start).saturating_add(by);
            let from = Zone::Named(home.clone()).instant(local, home);
            let to = from.checked_add(end.duration_since(start));
            Span::timed(from, to.unwrap_or(from))
        }
        Span::Days { first, end } => Span::Days {
            first: first.saturating_add(by),
            end: end.saturating_add(by),
        },
    }
}

/// When a block shows on some days.
fn spans(shape: &Shape, days: &Window) -> Vec<Span> {
    match shape {
        Shape::Once(span) => vec![*span],
        Shape::Series(series) => series_spans(series, days),
    }
}

/// What a block shows on some days that stands though nothing asks for it, and why.
fn left(
    question: Question<'_>,
    name: &CalendarName,
    held: &Held,
    series: Option<&Event>,
    days: &Window,
) -> Vec<Shown> {
    let Some(present) = &held.present else {
        return Vec::new();
    };
    let link = held.link.as_ref();
    let stands = why_left(question, name, present, link);
    let spans = match present.repeats {
        true => series.map_or_else(Vec::new, |series| {
            let all = list(series, days).unwrap_or_default().into_iter();
            all.map(|single| single.span).collect()
        }),
        false => vec![Span::timed(present.first, present.first_end)],
    };
    let shown = spans.into_iter().map(|span| Shown {
        source: link.map(|link| link.source.clone()),
        uid: link.map(|link| link.uid.clone()),
        span,
        stands,
    });
    shown.collect()
}

/// Why a block stands though nothing asks for it.
fn why_left(
    question: Question<'_>,
    name: &CalendarName,
    present: &Present,
    link: Option<&Link>,
) -> Stands {
    let source = link.and_then(|link| Some((link, question.sources.get(&link.source)?)));
    let is_unread = source.is_some_and(|(link, source)| source.troubled.contains(&link.uid));
    let is_unasked = source.is_some_and(|(link, source)| {
        let route = route(question, name, &link.source);
        source.otherwise && route.is_some_and(|route| route.filter.asks.look_at_words())
    });
    if present.hands_off {
        Stands::Theirs
    } else if outside(question, name, present, link) == Some(Outside::Stays) {
        Stands::Outside
    } else if is_unread {
        Stands::Unread
    } else if is_unasked {
        Stands::Unasked
    } else if link.is_some_and(|link| link.held_back) {
        Stands::HeldBack
    } else {
        Stands::Leaving
    }
}
