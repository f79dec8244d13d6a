//! Why something shows in a target, or does not: what each rule makes of the occurrences of some days. Pure, and the same
//! decisions as the planner's, from the same functions.

use super::{
    Link, Question, Route, Sources, Target,
    compare::{covers, is_late, is_left_so, leave_out, route},
    desire::{Desired, Place, TooManyBySource, desire, is_unsure},
    filter,
    flatten::{list, series_spans},
    occurrences::ByOccurrence,
    reach,
};
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ident::Stem,
    model::{
        CalendarName, Event, Length, OccurrenceKey, Shape, Span, Standing, Traits, Uid, Window,
        block,
    },
};

/// One occurrence of an event, and what the rules make of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    /// Which event.
    pub uid: Uid,
    /// When it is.
    pub span: Span,
    /// Whether it is one of several.
    pub repeats: bool,
    /// Whether it keeps its owner busy.
    pub standing: Standing,
    /// What else it says.
    pub traits: Traits,
    /// What each rule makes of it, in the order of the configuration.
    pub seen: Vec<Verdict>,
}

/// What a rule makes of an occurrence.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Where the rule would show it.
    pub target: CalendarName,
    /// What becomes of it there.
    pub fate: Fate,
}

/// What becomes of an occurrence in a target.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It shows, at these times, each with whether its block stands there.
    Shows(Vec<(Span, bool)>),
    /// The rule leaves it out.
    LeftOut(filter::Why),
    /// The same meeting stands there itself, or shows there from another calendar.
    Elsewhere,
    /// It is outside of the window.
    Outside,
    /// Its series was too much to be worked out.
    TooMuch,
    /// It cannot be read now, and the rule asks for its words: what stands stays.
    Unread,
}

/// What calsync would write into a target, and whether it stands there.
#[derive(Debug)]
struct Board {
    wanted: Vec<Row>,
    refused: TooManyBySource,
}

/// A block, and whether it stands.
#[derive(Clone, Debug)]
struct Row {
    source: CalendarName,
    /// The events that it shows, if it shows more than one occurrence whole.
    merged: BTreeSet<Uid>,
    uid: Uid,
    spans: Vec<Span>,
    stands: bool,
    /// Why it will not stand, if so.
    never: Option<filter::Why>,
}

/// Explains the occurrences of a calendar's events that touch `days`. `targets`: what is known of those that its rules show it in.
pub fn explain(
    question: Question<'_>,
    source: &CalendarName,
    targets: &BTreeMap<CalendarName, Target>,
    days: &Window,
) -> Vec<Occurrence> {
    let routes = question.routes.iter();
    let routes: Vec<&Route> = routes.filter(|route| route.source == *source).collect();
    let around = reach(question.routes, days);
    let boards: BTreeMap<&CalendarName, Board> = routes
        .iter()
        .filter_map(|route| {
            let target = targets.get(&route.target)?;
            Some((
                &route.target,
                Board::of(question, &route.target, target, &around),
            ))
        })
        .collect();
    let mut found = Vec::new();
    for (uid, event) in events(question.sources, source) {
        let said = ByOccurrence::new(event, &days.home, |saying| {
            let (traits, start) = (saying.traits.clone(), saying.start.clone());
            Some((saying.standing, traits, start, saying.length))
        });
        for (key, span) in occurrences(event, days) {
            let Some((standing, traits, start, length)) = said.of(&key).clone() else {
                continue;
            };
            let span = match (length.is_zero(), span) {
                (true, Span::Timed { start, .. }) => Span::timed(start, start),
                (_, span) => span,
            };
            let fate = |route: &&Route| {
                let filter = route.filter.with_travel(traits.travel);
                let board = boards.get(&route.target)?;
                if question
                    .sources
                    .get(source)
                    .is_some_and(|source| is_unsure(&filter, source, uid))
                {
                    return Some(Fate::Unread);
                }
                let out = filter.leaves_out(standing, &traits, &start);
                let out = out.or_else(|| span.is_empty().then_some(filter::Why::NoTime));
                let out = out.or_else(|| filter.leaves_out_at(span, &days.home));
                let pieces = filter.blocks(span, &days.home);
                let is_outside = !pieces.iter().any(|piece| question.window.touches(piece));
                Some(match out {
                    Some(why) => Fate::LeftOut(why),
                    None => match board.fate(source, uid, &pieces) {
                        Fate::Elsewhere if is_outside => Fate::Outside,
                        fate => fate,
                    },
                })
            };
            let verdict = |route: &&Route| {
                let target = route.target.clone();
                fate(route).map(|fate| Verdict { target, fate })
            };
            found.push(Occurrence {
                uid: uid.clone(),
                span,
                repeats: !key.is_empty(),
                standing,
                seen: routes.iter().filter_map(verdict).collect(),
                traits,
            });
        }
    }
    found.sort_by_key(|occurrence| (occurrence.span.instants(&days.home), occurrence.uid.clone()));
    found
}

/// The blocks that stand in a target on some days though nothing asks for them, by the calendar that they came from: until the next
/// sync takes them away, or because they are outside of the window, or because the guard holds them back. Of those that repeat,
/// nothing says on which days they show. And whether each may be asked for, by an event that cannot be read now.
pub fn unasked(
    question: Question<'_>,
    name: &CalendarName,
    target: &Target,
    days: &Window,
) -> Vec<(Option<CalendarName>, Span, bool)> {
    let mut asked = BTreeSet::new();
    let place = |stem: &Stem| Place::of(target.held.get(stem));
    let refused = desire(question, name, place, |stem, desired| {
        let held = target.held.get(&stem);
        // What somebody moved stands where nothing asks for it.
        let is_moved = held.is_some_and(|held| {
            let wanted = desired.wanted(held.present.is_some());
            wanted.is_some_and(|wanted| is_left_so(question, name, &wanted, held))
        });
        if !is_moved {
            asked.insert(stem);
        }
    });
    let is_refused = |link: &Link| {
        let uids = refused.get(&link.source);
        uids.is_some_and(|uids| uids.contains(&link.uid))
    };
    let is_unread = |link: &Link| {
        let source = question.sources.get(&link.source);
        source.is_some_and(|source| source.troubled.contains(&link.uid))
    };
    let held = target.held.iter();
    let stands = held.filter_map(|(stem, held)| {
        let present = held.present.as_ref()?;
        let span = Span::Timed {
            start: present.first,
            end: present.first_end,
        };
        let is_left = !asked.contains(stem) && !present.repeats && days.touches(&span);
        let is_left = is_left && !held.link.as_ref().is_some_and(is_refused);
        is_left.then(|| {
            let source = held.link.as_ref().map(|link| link.source.clone());
            (source, span, held.link.as_ref().is_some_and(is_unread))
        })
    });
    stands.collect()
}

fn events<'a>(
    sources: &'a Sources,
    source: &CalendarName,
) -> impl Iterator<Item = (&'a Uid, &'a Event)> {
    sources
        .get(source)
        .into_iter()
        .flat_map(|source| &source.events)
}

/// All occurrences that touch some days, whether they keep anybody busy or not. Of too many, none. What takes no time is as if it
/// took a second.
fn occurrences(event: &Event, days: &Window) -> Vec<(OccurrenceKey, Span)> {
    let mut event = event.clone();
    let show = |standing: &mut Standing, length: &mut Length| {
        *standing = Standing::Busy;
        if length.is_zero() {
            *length = Length::Wall(1);
        }
    };
    if let Some(master) = &mut event.master {
        show(&mut master.standing, &mut master.length);
    }
    for change in &mut event.overrides {
        show(&mut change.standing, &mut change.length);
    }
    let all = list(&event, days).unwrap_or_default().into_iter();
    all.map(|single| (single.occurrence, single.span)).collect()
}

/// When a block shows on some days.
fn spans(shape: &Shape, days: &Window) -> Vec<Span> {
    match shape {
        Shape::Once(span) => vec![*span],
        Shape::Series(series) => series_spans(series, days),
    }
}

impl Board {
    fn of(question: Question<'_>, name: &CalendarName, target: &Target, days: &Window) -> Self {
        let mut wanted = Vec::new();
        let place = |stem: &Stem| Place::of(target.held.get(stem));
        let refused = desire(question, name, place, |stem: Stem, desired: Desired| {
            let held = target.held.get(&stem);
            let present = held.and_then(|held| held.present.as_ref());
            let Some(mut block) = desired.wanted(present.is_some()) else {
                return;
            };
            let asked = spans(&block.shape, days);
            let respect = route(question, name, &block.source).map(|route| route.respect);
            let respect = respect.unwrap_or_default();
            leave_out(&mut block, held, respect, &days.home);
            // One that stands for what was wanted before is put right by the next sync.
            let print = block::print(&block.shape, &block.face, &[]);
            let echo = held.and_then(|held| held.link.as_ref()?.echo);
            let stands = present.is_some_and(|present| match present.hands_off {
                true => covers(&block, present, &days.home),
                false => present.print == print || echo == Some(present.print),
            });
            let spans = spans(&block.shape, days);
            let taken_out: Vec<Span> = asked.into_iter().filter(|at| !spans.contains(at)).collect();
            let is_new = held.is_none_or(|held| held.link.is_none());
            let is_late = !stands && is_new && is_late(question, name, &block);
            let is_left = held.is_some_and(|held| is_left_so(question, name, &block, held));
            // At Google, what somebody took out is told beside the block itself, which is as it was.
            let but_for_holes = is_left && !taken_out.is_empty();
            let never = match (is_late, is_left && !but_for_holes) {
                (true, _) => Some(filter::Why::Notice),
                (false, true) => Some(filter::Why::LeftSo),
                (false, false) => None,
            };
            let also = block.also.iter().map(|also| &also.uid);
            let row = Row {
                merged: also.cloned().collect(),
                source: block.source,
                uid: block.uid,
                spans,
                stands: stands || but_for_holes,
                never,
            };
            wanted.push(Row {
                spans: taken_out,
                never: Some(filter::Why::LeftSo),
                ..row.clone()
            });
            wanted.push(row);
        });
        Self { wanted, refused }
    }

    /// What becomes of what a rule shows of an event.
    fn fate(&self, source: &CalendarName, uid: &Uid, pieces: &[Span]) -> Fate {
        let shows = |piece: &Span| {
            let of_source = self.wanted.iter().filter(|row| row.source == *source);
            let mut rows = of_source.filter_map(|row| Some((row.shows(uid, *piece)?, row)));
            rows.next()
        };
        let found: Vec<(Span, &Row)> = pieces.iter().filter_map(shows).collect();
        let in_time = found.iter().filter(|(_, row)| row.never.is_none());
        let mut shown: Vec<(Span, bool)> = in_time.map(|(span, row)| (*span, row.stands)).collect();
        shown.dedup();
        let refused = self.refused.get(source);
        match (found.is_empty(), shown.is_empty()) {
            (true, _) if refused.is_some_and(|uids| uids.contains(uid)) => Fate::TooMuch,
            (true, _) => Fate::Elsewhere,
            (false, true) => {
                let never = found.iter().find_map(|(_, row)| row.never);
                Fate::LeftOut(never.unwrap_or(filter::Why::Notice))
            }
            (false, false) => Fate::Shows(shown),
        }
    }
}

impl Row {
    /// The span in which it shows this one of an event, if it does.
    fn shows(&self, uid: &Uid, piece: Span) -> Option<Span> {
        let mut spans = self.spans.iter().copied();
        if self.merged.is_empty() {
            return spans.find(|span| self.uid == *uid && *span == piece);
        }
        let is_of = self.uid == *uid || self.merged.contains(uid);
        spans.find(|span| {
            is_of
                && match (*span, piece) {
                    (
                        Span::Timed { start, end },
                        Span::Timed {
                            start: from,
                            end: to,
                        },
                    ) => start <= from && to <= end,
                    (
                        Span::Days { first, end },
                        Span::Days {
                            first: from,
                            end: to,
                        },
                    ) => first <= from && to <= end,
                    _ => false,
                }
        })
    }
}
