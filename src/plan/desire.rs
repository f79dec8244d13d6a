//! Which blocks should stand in a target: every source's busy time, less what the target shows by itself. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Filter, Question, Route,
    flatten::{Flat, Single, TooMany, fit, flatten, list, walk},
    occurrences::ByOccurrence,
    op::Wanted,
    wording::{Said, Show, Shows, face_of, said as said_of},
};
use crate::{
    ident::{Stem, Subject},
    model::{Appears, CalendarName, Event, OccurrenceKey, Shape, Span, Uid, When, Window},
    recur::WALK_MAX,
};

mod merge;

use merge::{Merged, merged};

/// How many steps all rules of a calendar together may cost.
const WALKED_MAX: u64 = 10 * WALK_MAX;

/// Events that need too many blocks, by source: nothing of theirs is added or removed.
pub type TooManyBySource = BTreeMap<CalendarName, BTreeSet<Uid>>;

/// What an event asks for at one place.
#[derive(Debug)]
pub enum Desired {
    /// This block.
    Block(Wanted),
    /// This one, of which nothing touches the window, and which goes on behind it: if it stands, it stays.
    Resting(Wanted),
}

impl Desired {
    /// The block that is wanted, as its place stands or does not.
    pub(super) fn wanted(self, stands: bool) -> Option<Wanted> {
        match self {
            Self::Block(wanted) => Some(wanted),
            Self::Resting(wanted) => stands.then_some(wanted),
        }
    }
}

/// Works out what should stand in a target, block by block.
pub fn desire(
    question: Question<'_>,
    target: &CalendarName,
    mut want: impl FnMut(Stem, Desired),
) -> TooManyBySource {
    let mut too_many = TooManyBySource::new();
    let routes = question
        .routes
        .iter()
        .filter(|route| route.target == *target);
    // The same meeting in several calendars is shown once: where it really stands not at all, elsewhere for the first of them
    // that shows it.
    let open = Filter::default();
    let mut shown: Vec<(&CalendarName, &Filter)> = vec![(target, &open)];
    let mut free: Vec<(&CalendarName, &Filter)> = Vec::new();
    for route in routes {
        let Some(source) = question.sources.get(&route.source) else {
            continue;
        };
        // What lies beside the window may have a block inside.
        let reach = route.filter.reach(question.window);
        let mut to_merge: Vec<(Uid, Single)> = Vec::new();
        let mut said: BTreeMap<Uid, Said> = BTreeMap::new();
        let mut walked = 0;
        for (uid, event) in &source.events {
            // What cannot be read now was last looked at for what another rule asked: of its words nothing is known.
            if route.filter.asks.look_at_words() && source.troubled.contains(uid) {
                continue;
            }
            // One that may be too late for its own block, or is no more than free there, does not stand for this one.
            let is_sooner = |(_, filter): &&(&CalendarName, &Filter)| {
                filter.notice.is_none() || filter.notice <= route.filter.notice
            };
            let also = free.iter().filter(|_| is_free(route));
            let twins = shown.iter().chain(also).filter(is_sooner);
            let twins = twins.filter_map(|(name, filter)| {
                let event = question.sources.get(*name)?.events.get(uid)?;
                Some((event, *filter))
            });
            let seen = route.wording.dress(route.filter.seen(event));
            let flat = within(&mut walked, walk(&seen, &reach))
                .and_then(|()| flat(&seen, &route.filter, &reach))
                .and_then(|flat| without_twins(flat, &seen, twins.collect(), &reach))
                .and_then(|flat| {
                    let travel = match route.filter.form.travel {
                        true => {
                            ByOccurrence::new(&seen, &question.window.home, |s| s.traits.travel)
                        }
                        false => ByOccurrence::default(),
                    };
                    let travel = |key: &OccurrenceKey| *travel.of(key);
                    fit(flat, &route.filter, travel, question.window)
                });
            match flat {
                Ok(flat) if route.filter.merge => {
                    let singles = flat.singles.into_iter();
                    to_merge.extend(singles.map(|single| (uid.clone(), single)));
                    if route.wording.show != Show::Busy {
                        said.insert(
                            uid.clone(),
                            said_of(&seen, &route.wording, &question.window.home),
                        );
                    }
                }
                Ok(flat) => each_block(question, route, (uid, &seen), flat, &mut want),
                Err(TooMany) => {
                    let refused = too_many.entry(route.source.clone()).or_default();
                    refused.insert(uid.clone());
                }
            }
        }
        each_merged(question, route, to_merge, &said, &mut want);
        let shown = match is_free(route) {
            true => &mut free,
            false => &mut shown,
        };
        shown.push((&route.source, &route.filter));
    }
    too_many
}

/// Whether what a rule shows keeps nobody from being booked.
fn is_free(route: &Route) -> bool {
    route.wording.face.appears == Appears::Free
}

/// Refuses what costs more steps than are left. What costs none is never refused on account of others.
fn within(walked: &mut u64, steps: u64) -> Result<(), TooMany> {
    if steps > 0 && *walked + steps.min(WALK_MAX) > WALKED_MAX {
        return Err(TooMany);
    }
    *walked += steps.min(WALK_MAX);
    Ok(())
}

/// The busy time of an event, in occurrences if they are to be merged.
fn flat(event: &Event, filter: &Filter, window: &Window) -> Result<Flat, TooMany> {
    match filter.merge {
        false => flatten(event, window),
        true => Ok(Flat {
            singles: list(event, window)?,
            ..Flat::default()
        }),
    }
}

fn stem(question: Question<'_>, route: &Route, uid: &Uid, occurrence: &OccurrenceKey) -> Stem {
    question.mint.stem(Subject {
        source: &route.source,
        uid,
        occurrence,
        target: &route.target,
    })
}

fn each_block(
    question: Question<'_>,
    route: &Route,
    (uid, event): (&Uid, &Event),
    flat: Flat,
    want: &mut impl FnMut(Stem, Desired),
) {
    let said = match route.wording.show {
        Show::Busy => Said::default(),
        _ => said_of(event, &route.wording, &question.window.home),
    };
    let mut ask = |occurrence: OccurrenceKey, shape: Shape, desired: fn(Wanted) -> Desired| {
        let stem = stem(question, route, uid, &occurrence);
        let wanted = Wanted {
            shape,
            face: face_of(&route.wording, [(&said, &occurrence)].into_iter()),
            shows: Shows::of(
                &route.wording,
                [(&said, &occurrence)].into_iter(),
                event.is_private(),
            ),
            source: route.source.clone(),
            uid: uid.clone(),
            occurrence,
            also: Vec::new(),
        };
        want(stem, desired(wanted));
    };
    if let Some(series) = flat.resting {
        ask(
            OccurrenceKey::default(),
            Shape::Series(series),
            Desired::Resting,
        );
    }
    if let Some(series) = flat.series {
        ask(
            OccurrenceKey::default(),
            Shape::Series(series),
            Desired::Block,
        );
    }
    for single in flat.singles {
        ask(single.occurrence, Shape::Once(single.span), Desired::Block);
    }
}

fn each_merged(
    question: Question<'_>,
    route: &Route,
    blocks: Vec<(Uid, Single)>,
    said: &BTreeMap<Uid, Said>,
    want: &mut impl FnMut(Stem, Desired),
) {
    for Merged { span, first, also } in merged(blocks) {
        let all = std::iter::once(&first).chain(&also);
        let all = all.filter_map(|(uid, occurrence)| Some((said.get(uid)?, occurrence)));
        let shows = Shows::of(&route.wording, all.clone(), true);
        let face = face_of(&route.wording, all);
        let (uid, occurrence) = first;
        let also = also.into_iter().map(|(uid, occurrence)| {
            let stem = stem(question, route, &uid, &occurrence);
            (uid, stem)
        });
        let wanted = Wanted {
            shape: Shape::Once(span),
            face,
            shows,
            source: route.source.clone(),
            also: also.collect(),
            uid,
            occurrence,
        };
        let stem = stem(question, route, &wanted.uid, &wanted.occurrence);
        want(stem, Desired::Block(wanted));
    }
}

/// Takes out the occurrences that stand, busy and at the same time, in a calendar that shows them already.
fn without_twins(
    flat: Flat,
    event: &Event,
    twins: Vec<(&Event, &Filter)>,
    window: &Window,
) -> Result<Flat, TooMany> {
    if twins.is_empty() {
        return Ok(flat);
    }
    // A series that rests shows nothing in the window that could stand elsewhere too.
    if flat.series.is_none() && flat.singles.is_empty() {
        return Ok(flat);
    }
    let mut covered: BTreeSet<(OccurrenceKey, Span)> = BTreeSet::new();
    let mut endless = false;
    for (twin, filter) in twins {
        let twin = &*filter.seen(twin);
        let rules = twin.master.iter().filter_map(|m| m.recurs.as_deref());
        endless |= rules.into_iter().any(|recurs| !recurs.rules.is_empty());
        let found = list(twin, window)?.into_iter();
        let found = found.filter(|s| filter.pieces(s.span, &window.home) == [s.span]);
        covered.extend(found.map(|s| (s.occurrence, s.span)));
    }
    let is_covered = |single: &Single| covered.contains(&(single.occurrence.clone(), single.span));
    let Some(mut series) = flat.series else {
        let singles = flat.singles.into_iter().filter(|s| !is_covered(s));
        return Ok(Flat {
            singles: singles.collect(),
            ..flat
        });
    };
    let mine = list(event, window)?;
    let open: Vec<Single> = mine.iter().filter(|s| !is_covered(s)).cloned().collect();
    if endless || open.is_empty() {
        return Ok(Flat {
            singles: open,
            ..Flat::default()
        });
    }
    // What stands alone beside the rule is no start of it, and needs no hole.
    let alone: BTreeSet<&OccurrenceKey> = flat.singles.iter().map(|s| &s.occurrence).collect();
    let of_rule = mine.iter().filter(|s| !alone.contains(&s.occurrence));
    for single in of_rule.filter(|s| is_covered(s)) {
        if let (Span::Timed { start, .. }, When::Time(_, zone)) = (single.span, &series.start) {
            series.holes.insert(zone.local(start, &window.home));
        } else if let Span::Days { first, .. } = single.span {
            series.holes.insert(first.at(0, 0, 0, 0));
        }
    }
    let singles = flat.singles.into_iter().filter(|s| !is_covered(s));
    Ok(Flat {
        singles: singles.collect(),
        series: Some(series),
        ..Flat::default()
    })
}
