//! Which blocks should stand in a target: every source's busy time, less what the target shows by itself. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan as _, civil::DateTime, tz::TimeZone};

use super::{
    Filter, Held, Question, Route, Source,
    compare::is_late,
    flatten::{Flat, Single, TooMany, fit, flatten, list, walk},
    occurrences::ByOccurrence,
    op::{Also, Wanted},
    wording::{Said, Show, Shows, face_of, said as said_of},
};
use crate::{
    ident::{Stem, Subject},
    model::{Appears, CalendarName, Event, OccurrenceKey, Shape, Span, Uid, Window},
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

/// What is at the place of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing, and nothing is remembered of it.
    Empty,
    /// It is remembered, and is not there.
    Remembered,
    /// It stands.
    Taken,
}

impl Place {
    /// Where a row is of what a target holds.
    pub fn of(row: Option<&Held>) -> Self {
        match row {
            None => Self::Empty,
            Some(row) if row.present.is_none() => Self::Remembered,
            Some(_) => Self::Taken,
        }
    }
}

/// Works out what should stand in a target, block by block. `place`: what is there now.
pub fn desire(
    question: Question<'_>,
    target: &CalendarName,
    place: impl Fn(&Stem) -> Place,
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
    let mut showings = vec![Showing::of_itself(target, &open)];
    for route in routes {
        let Some(source) = question.sources.get(&route.source) else {
            continue;
        };
        let pass = Pass {
            question,
            route,
            source,
            showings: &showings,
            place: &place,
        };
        let mut showing = Showing::by(route);
        let refused = pass.ask(|stem, desired| {
            if let Desired::Block(wanted) = &desired
                && is_late(question, target, wanted)
                && place(&stem) == Place::Empty
            {
                showing.miss(wanted);
            }
            want(stem, desired);
        });
        if !refused.is_empty() {
            too_many.insert(route.source.clone(), refused);
        }
        showings.push(showing);
    }
    too_many
}

/// What a target shows already, before a rule is asked.
struct Showing<'a> {
    /// The calendar whose events show.
    name: &'a CalendarName,
    filter: &'a Filter,
    /// The rule that shows them; none of the target itself.
    route: Option<&'a Route>,
    /// What it is too late for: no block stands for it.
    missing: BTreeSet<(Uid, OccurrenceKey)>,
}

impl<'a> Showing<'a> {
    /// A target's own events.
    fn of_itself(name: &'a CalendarName, open: &'a Filter) -> Self {
        Self {
            name,
            filter: open,
            route: None,
            missing: BTreeSet::new(),
        }
    }

    /// What a rule shows.
    fn by(route: &'a Route) -> Self {
        Self {
            name: &route.source,
            filter: &route.filter,
            route: Some(route),
            missing: BTreeSet::new(),
        }
    }

    /// Notes that no block stands for what this one would show.
    fn miss(&mut self, wanted: &Wanted) {
        let occurrences = |wanted: &Wanted| {
            let own = (wanted.uid.clone(), wanted.occurrence.clone());
            let also = wanted.also.iter();
            let also = also.map(|also| (also.uid.clone(), also.occurrence.clone()));
            also.chain([own]).collect::<Vec<_>>()
        };
        let in_time = wanted.in_time.iter();
        let in_time: BTreeSet<_> = in_time
            .flat_map(|(_, wanted)| occurrences(wanted))
            .collect();
        let all = occurrences(wanted).into_iter();
        self.missing.extend(all.filter(|of| !in_time.contains(of)));
    }

    /// Whether it is no more than free there.
    fn is_free(&self) -> bool {
        self.route.is_some_and(is_free)
    }
}

/// One rule, asked for all that it shows.
struct Pass<'a, P> {
    question: Question<'a>,
    route: &'a Route,
    source: &'a Source,
    showings: &'a [Showing<'a>],
    place: &'a P,
}

impl<P: Fn(&Stem) -> Place> Pass<'_, P> {
    /// Asks for each block. Says of which events there are too many.
    fn ask(&self, mut want: impl FnMut(Stem, Desired)) -> BTreeSet<Uid> {
        let (question, route) = (self.question, self.route);
        let filter = &*route.filter;
        // What lies beside the window may have a block inside.
        let reach = filter.reach(question.window);
        let mut refused = BTreeSet::new();
        let mut to_merge: Vec<(Uid, Single)> = Vec::new();
        let mut said: BTreeMap<Uid, Said> = BTreeMap::new();
        let mut walked = 0;
        for (uid, event) in &self.source.events {
            if is_unsure(filter, self.source, uid) {
                continue;
            }
            let seen = route.wording.dress(filter.seen(event));
            let flat = within(&mut walked, walk(&seen, &reach))
                .and_then(|()| self.flat(uid, &seen, question.window));
            match flat {
                Ok(flat) if filter.merge => {
                    let before = self.before(uid, &seen);
                    let singles = flat.singles.into_iter().chain(before);
                    to_merge.extend(singles.map(|single| (uid.clone(), single)));
                    if route.wording.show != Show::Busy {
                        let home = &question.window.home;
                        said.insert(uid.clone(), said_of(&seen, &route.wording, home));
                    }
                }
                Ok(flat) => each_block(question, route, (uid, &seen), flat, &mut want),
                Err(TooMany) => {
                    refused.insert(uid.clone());
                }
            }
        }
        each_merged(question, route, to_merge, &said, &mut want);
        refused
    }

    /// What is to show of an event in some days, in the form of the rule.
    fn flat(&self, uid: &Uid, seen: &Event, days: &Window) -> Result<Flat, TooMany> {
        let filter = &*self.route.filter;
        let reach = filter.reach(days);
        let flat = flat(seen, filter, &reach)?;
        let flat = self.without_twins(flat, uid, seen, &reach)?;
        let travel = match filter.form.travel {
            true => ByOccurrence::new(seen, &days.home, |saying| saying.traits.travel),
            false => ByOccurrence::default(),
        };
        fit(flat, filter, |key| *travel.of(key), days)
    }

    /// What is over before the window begins, and may be in one block with what is not.
    fn before(&self, uid: &Uid, seen: &Event) -> Vec<Single> {
        let window = self.question.window;
        let days = Window {
            end: window.first,
            ..before_merged(window)
        };
        // Of too many to be told, none: what is over is no reason to leave out what is not.
        let flat = self.flat(uid, seen, &days).unwrap_or_default();
        let over = flat.singles.into_iter();
        over.filter(|single| window.is_past(&single.span)).collect()
    }

    /// Takes out the occurrences that show already, busy and at the same time.
    fn without_twins(
        &self,
        flat: Flat,
        uid: &Uid,
        event: &Event,
        window: &Window,
    ) -> Result<Flat, TooMany> {
        // A series that rests shows nothing in the window that could stand elsewhere too.
        if flat.series.is_none() && flat.singles.is_empty() {
            return Ok(flat);
        }
        let mut covered: BTreeSet<(OccurrenceKey, Span)> = BTreeSet::new();
        let (mut any, mut endless) = (false, false);
        for showing in self.showings {
            if showing.is_free() && !is_free(self.route) {
                continue;
            }
            let Some(source) = self.question.sources.get(showing.name) else {
                continue;
            };
            let Some(twin) = source.events.get(uid) else {
                continue;
            };
            let twin = &*showing.filter.seen(twin);
            let mut found = list(twin, window)?;
            let none = found.is_empty();
            found.retain(|s| self.shows_as_much(showing.filter, s.span));
            found.retain(|s| self.is_shown(showing, source, uid, &s.occurrence));
            if found.is_empty() && !none {
                continue;
            }
            let mut rules = twin.master.iter().filter_map(|m| m.recurs.as_deref());
            endless |= rules.any(|recurs| !recurs.rules.is_empty());
            any = true;
            covered.extend(found.into_iter().map(|s| (s.occurrence, s.span)));
        }
        match any {
            true => without(&covered, endless, flat, event, window),
            false => Ok(flat),
        }
    }

    /// Whether another rule shows all that this one would of an occurrence, beside what each does to the ends of its blocks.
    fn shows_as_much(&self, other: &Filter, span: Span) -> bool {
        let home = &self.question.window.home;
        let (theirs, mine) = (
            other.pieces(span, home),
            self.route.filter.pieces(span, home),
        );
        let is_theirs = |piece: &Span| theirs.iter().any(|other| other.contains(*piece));
        mine.iter().all(is_theirs)
    }

    /// Whether an occurrence that a rule is to show does: it was not too late for that, and of one that cannot be read now the block
    /// stands.
    fn is_shown(
        &self,
        showing: &Showing<'_>,
        source: &Source,
        uid: &Uid,
        occurrence: &OccurrenceKey,
    ) -> bool {
        let stands = |route: &Route| {
            let keys = [occurrence, &OccurrenceKey::default()];
            let mut stems = keys
                .map(|key| stem(self.question, route, uid, key))
                .into_iter();
            stems.any(|stem| (self.place)(&stem) == Place::Taken)
        };
        let mut unsure = showing.route.iter();
        let unsure = unsure.find(|route| is_unsure(&route.filter, source, uid));
        !showing.missing.contains(&(uid.clone(), occurrence.clone()))
            && unsure.is_none_or(|route| stands(route))
    }
}

/// Whether nobody knows what a rule makes of an event. What cannot be read now was last looked at for what another rule asked: of
/// its words nothing is known.
pub fn is_unsure(filter: &Filter, source: &Source, uid: &Uid) -> bool {
    filter.asks.look_at_words() && (source.otherwise || source.troubled.contains(uid))
}

/// A window and the days before it in which a block may begin that shows several occurrences and reaches into it. One that goes on
/// for longer is cut there.
pub fn before_merged(window: &Window) -> Window {
    const DAYS: i32 = 92;
    Window {
        first: window.first.saturating_sub(DAYS.days()),
        ..window.clone()
    }
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
    let apart = apart(&flat, &question.window.home);
    let mut ask = |occurrence: OccurrenceKey, shape: Shape, desired: fn(Wanted) -> Desired| {
        let apart = match &shape {
            Shape::Series(_) => apart.values().map(|(at, _)| *at).collect(),
            Shape::Once(span) => {
                let own = apart.get(span).filter(|(_, is_hole)| *is_hole);
                own.map(|(at, _)| *at).into_iter().collect()
            }
        };
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
            in_time: Vec::new(),
            apart,
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

/// The single stretches that are at the very time of an occurrence of the series beside them: with the local start of that occurrence,
/// and whether the series leaves it to them.
fn apart(flat: &Flat, home: &TimeZone) -> BTreeMap<Span, (DateTime, bool)> {
    let Some(series) = flat.series.as_ref().or(flat.resting.as_ref()) else {
        return BTreeMap::new();
    };
    let spans = flat.singles.iter().map(|single| single.span);
    let at_its_time = spans.filter_map(|span| {
        let at = series.start_of(span, home)?;
        let should = series.start.at(at).span(series.length, home);
        (span == should).then(|| (span, (at, series.holes.contains(&at))))
    });
    at_its_time.collect()
}

fn each_merged(
    question: Question<'_>,
    route: &Route,
    blocks: Vec<(Uid, Single)>,
    said: &BTreeMap<Uid, Said>,
    want: &mut impl FnMut(Stem, Desired),
) {
    let home = &question.window.home;
    let soon = soon(question, &route.filter);
    let of_window = |blocks| {
        let merged = merged(blocks).into_iter();
        merged.filter(|m: &Merged| question.window.touches(&m.span))
    };
    for block in of_window(blocks) {
        let begins = |span: Span| span.instants(home).0;
        let in_time = match soon.filter(|soon| begins(block.span) < *soon) {
            Some(soon) => {
                let parts = block.also.iter();
                let parts = parts.filter(|(_, part)| soon <= begins(part.span));
                let in_time = of_window(parts.cloned().collect());
                let in_time = in_time.map(|m| one_merged(question, route, m, said));
                in_time.collect()
            }
            None => Vec::new(),
        };
        let (stem, wanted) = one_merged(question, route, block, said);
        want(stem, Desired::Block(Wanted { in_time, ..wanted }));
    }
}

/// A block of one or more occurrences, as it should be.
fn one_merged(
    question: Question<'_>,
    route: &Route,
    Merged { span, first, also }: Merged,
    said: &BTreeMap<Uid, Said>,
) -> (Stem, Wanted) {
    let all = std::iter::once(&first).chain(&also);
    let all = all.filter_map(|(uid, part)| Some((said.get(uid)?, &part.occurrence)));
    let shows = Shows::of(&route.wording, all.clone(), true);
    let face = face_of(&route.wording, all);
    let (uid, Single { occurrence, .. }) = first;
    let also = also.into_iter();
    let also = also.map(|(uid, Single { occurrence, .. })| Also {
        stem: stem(question, route, &uid, &occurrence),
        uid,
        occurrence,
    });
    let wanted = Wanted {
        shape: Shape::Once(span),
        face,
        shows,
        source: route.source.clone(),
        also: also.collect(),
        apart: BTreeSet::new(),
        in_time: Vec::new(),
        uid,
        occurrence,
    };
    let stem = stem(question, route, &wanted.uid, &wanted.occurrence);
    (stem, wanted)
}

/// What begins sooner than this is too late for a new block by a rule.
pub fn soon(question: Question<'_>, filter: &Filter) -> Option<Timestamp> {
    let notice = filter.notice?;
    Some(question.now.checked_add(notice).unwrap_or(Timestamp::MAX))
}

/// Takes out what is covered. `endless`: what covers it goes on behind these days.
fn without(
    covered: &BTreeSet<(OccurrenceKey, Span)>,
    endless: bool,
    flat: Flat,
    event: &Event,
    window: &Window,
) -> Result<Flat, TooMany> {
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
        let hole = series.start_of(single.span, &window.home);
        series.holes.extend(hole);
    }
    let singles = flat.singles.into_iter().filter(|s| !is_covered(s));
    Ok(Flat {
        singles: singles.collect(),
        series: Some(series),
        ..Flat::default()
    })
}
