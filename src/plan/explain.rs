//! Why something shows in a target, or does not: what each rule makes of the occurrences of some days. Pure, and the same
//! decisions as the planner's, from the same functions.

use std::collections::BTreeMap;

use super::{
    Question, Route, Source, Target, desire::is_unsure, filter, flatten::list,
    occurrences::ByOccurrence, reach,
};
use crate::model::{
    CalendarName, Event, Length, OccurrenceKey, Span, Standing, Traits, Uid, When, Window,
};

mod board;

pub use board::{Piece, Shown, Stands, blocks};

use board::Board;

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
    /// What stands there of its event on these days, though nothing asks for it.
    pub left: Vec<Shown>,
}

/// What becomes of an occurrence in a target.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It shows, in these blocks.
    Shows(Vec<Piece>),
    /// No rule shows it there.
    NoRule,
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
    /// The rule asks for words that nobody looked for yet.
    Unasked,
}

/// Explains the occurrences of a calendar's events that touch `days`. `targets`: what is known of those that its rules show it in.
pub fn explain(
    question: Question<'_>,
    source: &CalendarName,
    targets: &BTreeMap<CalendarName, Target>,
    days: &Window,
) -> Vec<Occurrence> {
    let Some(known) = question.sources.get(source) else {
        return Vec::new();
    };
    let routes = question.routes.iter();
    let around = board::around(&reach(question.routes, days));
    let boards = targets.iter();
    let boards = boards.map(|(name, target)| (name, Board::of(question, name, target, &around)));
    let explainer = Explainer {
        question,
        source,
        known,
        routes: routes.filter(|route| route.source == *source).collect(),
        boards: boards.collect(),
        days,
    };
    let events = known.events.iter();
    let mut found: Vec<Occurrence> = events
        .flat_map(|(uid, event)| explainer.event(uid, event))
        .collect();
    found.sort_by_key(|occurrence| (occurrence.span.instants(&days.home), occurrence.uid.clone()));
    found
}

/// What is known of a calendar and of where it shows.
struct Explainer<'a> {
    question: Question<'a>,
    source: &'a CalendarName,
    known: &'a Source,
    /// The rules that show it.
    routes: Vec<&'a Route>,
    /// What stands in each target, and what is to.
    boards: BTreeMap<&'a CalendarName, Board>,
    days: &'a Window,
}

impl Explainer<'_> {
    /// The occurrences of one event.
    fn event(&self, uid: &Uid, event: &Event) -> Vec<Occurrence> {
        let home = &self.days.home;
        let said = ByOccurrence::new(event, home, |saying| {
            let (traits, start) = (saying.traits.clone(), saying.start.clone());
            Some((saying.standing, traits, start, saying.length))
        });
        let mut found = Vec::new();
        for (key, span) in occurrences(event, self.days) {
            let Some((standing, traits, start, length)) = said.of(&key).clone() else {
                continue;
            };
            let mut occurrence = Occurrence {
                uid: uid.clone(),
                span: match (length.is_zero(), span) {
                    (true, Span::Timed { start, .. }) => Span::timed(start, start),
                    (_, span) => span,
                },
                repeats: !key.is_empty(),
                standing,
                traits,
                seen: Vec::new(),
            };
            occurrence.seen = self.verdicts(&occurrence, &start);
            found.push(occurrence);
        }
        found
    }

    /// What each rule makes of an occurrence, and what else stands of its event.
    fn verdicts(&self, occurrence: &Occurrence, start: &When) -> Vec<Verdict> {
        let left = |board: &Board| board.left_of(self.source, &occurrence.uid, self.days);
        let ruled = self.routes.iter().filter_map(|route| {
            let board = self.boards.get(&route.target)?;
            Some(Verdict {
                target: route.target.clone(),
                fate: self.fate(route, board, occurrence, start),
                left: left(board),
            })
        });
        let is_ruled = |name: &CalendarName| self.routes.iter().any(|r| r.target == *name);
        let others = self.boards.iter().filter(|(name, _)| !is_ruled(name));
        let others = others.map(|(name, board)| Verdict {
            target: (*name).clone(),
            fate: Fate::NoRule,
            left: left(board),
        });
        let others = others.filter(|verdict| !verdict.left.is_empty());
        ruled.chain(others).collect()
    }

    /// What a rule makes of an occurrence.
    fn fate(&self, route: &Route, board: &Board, occurrence: &Occurrence, start: &When) -> Fate {
        let (home, span) = (&self.days.home, occurrence.span);
        let filter = route.filter.with_travel(occurrence.traits.travel);
        if is_unsure(&filter, self.known, &occurrence.uid) {
            return match self.known.otherwise {
                true => Fate::Unasked,
                false => Fate::Unread,
            };
        }
        let out = filter.leaves_out(occurrence.standing, &occurrence.traits, start);
        let out = out.or_else(|| span.is_empty().then_some(filter::Why::NoTime));
        if let Some(why) = out.or_else(|| filter.leaves_out_at(span, home)) {
            return Fate::LeftOut(why);
        }
        let pieces = filter.blocks(span, home);
        let is_inside = |piece: &Span| self.question.window.touches(piece);
        match board.fate(self.source, &occurrence.uid, &pieces) {
            Fate::Elsewhere if !pieces.iter().any(is_inside) => Fate::Outside,
            fate => fate,
        }
    }
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
