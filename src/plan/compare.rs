//! Should stand against stands: the table of what to do. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    Busy, Filter, Held, Present, Question, Respect, Route, Target,
    desire::{Desired, Place, desire, soon},
    flatten::series_spans,
    op::{Adoption, Doubt, DoubtKind, InTime, Op, Plan, Wanted, Why},
};
use crate::{
    ident::Stem,
    model::{CalendarName, OccurrenceKey, Shape, Uid, Window, block},
};

mod away;
mod respect;
mod rest;
mod sums;
mod takes;

pub use away::Away;
pub use rest::{Outside, outside};

use respect::{is_as_wanted, is_away, is_moved, is_to_be_as_written};
use rest::judge_rest;
use sums::Sums;

/// Compares what should stand in a target with what stands there.
///
/// What should stand is looked at one by one and not kept, so that a calendar may hold very many blocks.
pub fn compare(question: Question<'_>, name: &CalendarName, target: Target) -> Plan {
    let places = places(question, name, &target.held);
    let away = Away::of(question, name, &target.held);
    let mut desk = Desk {
        question,
        name,
        held: target.held,
        away,
        late: Vec::new(),
        replaced: Vec::new(),
        shown: gives_notice(question, name).then(BTreeSet::new),
        plan: Plan::default(),
        sums: Sums::new(target.copies),
    };
    let spares = remove_spares(name, target.extras, &desk.held, &mut desk.sums);
    desk.plan.ops.extend(spares);
    let place = |stem: &Stem| places.get(stem).copied().unwrap_or(Place::Empty);
    let too_many = desire(question, name, place, |stem, desired| {
        desk.meet(stem, desired);
    });
    desk.meet_late();
    let Desk {
        held,
        mut plan,
        mut sums,
        ..
    } = desk;
    judge_rest(question, name, &too_many, held, &mut plan, &mut sums);
    if is_fed_by_empty(question, name) {
        plan.fed_by_empty.insert(name.clone());
    }
    for (source, uids) in &too_many {
        plan.doubts.push(Doubt {
            calendar: source.clone(),
            kind: DoubtKind::TooMany,
            count: uids.len(),
        });
    }
    plan.too_many = too_many;
    sums.into_plan(name, &mut plan);
    plan
}

/// The rules that show calendars in this one.
fn feeding<'a>(
    question: Question<'a>,
    name: &'a CalendarName,
) -> impl Iterator<Item = &'a Route> + use<'a> {
    let routes = question.routes.iter();
    routes.filter(move |route| route.target == *name)
}

/// Whether a rule gives notice that shows a calendar in this one.
fn gives_notice(question: Question<'_>, name: &CalendarName) -> bool {
    feeding(question, name).any(|route| route.filter.notice.is_some())
}

/// What is at the place of each block, as far as it matters for whether one rule's block stands for another's.
fn places(
    question: Question<'_>,
    name: &CalendarName,
    held: &BTreeMap<Stem, Held>,
) -> BTreeMap<Stem, Place> {
    let matters = |filter: &Filter| filter.notice.is_some() || filter.asks.look_at_words();
    if !feeding(question, name).any(|route| matters(&route.filter)) {
        return BTreeMap::new();
    }
    let held = held.iter();
    held.map(|(stem, row)| (stem.clone(), Place::of(Some(row))))
        .collect()
}

/// Plans nothing in a target whose server renames what is written to it.
pub fn renamed(name: &CalendarName, target: &Target) -> Plan {
    let mut plan = Plan::default();
    let standing = target.held.values();
    let standing = standing.filter(|held| held.present.is_some()).count();
    plan.unchanged.insert(name.clone(), standing);
    plan.doubts.push(Doubt {
        calendar: name.clone(),
        kind: DoubtKind::Renamed,
        count: target.renamed,
    });
    plan
}

/// Where what should stand in a target meets what stands there.
struct Desk<'a> {
    question: Question<'a>,
    name: &'a CalendarName,
    /// What nothing has asked for yet.
    held: BTreeMap<Stem, Held>,
    /// What somebody took away.
    away: Away,
    /// What it is too late for, unless it shows already in some other block.
    late: Vec<(Stem, Wanted)>,
    /// What blocks showed that are to be written anew, as far as somebody asks for it.
    replaced: Vec<Showed>,
    /// The occurrences that blocks are for, and by which calendar's; of a series, no single one. Kept where a rule gives notice.
    shown: Option<BTreeSet<(Uid, Option<OccurrenceKey>, CalendarName)>>,
    plan: Plan,
    sums: Sums,
}

impl Desk<'_> {
    /// Decides about one block that should stand.
    fn meet(&mut self, stem: Stem, desired: Desired) {
        let row = self.held.remove(&stem);
        let stands = row.as_ref().is_some_and(|row| row.present.is_some());
        if row.as_ref().is_some_and(Held::is_held_back) {
            self.plan.may_stay.push((self.name.clone(), stem.clone()));
        }
        let Some(mut wanted) = desired.wanted(stands) else {
            return;
        };
        if let Some(row) = row.as_ref().filter(|_| stands) {
            self.sums.tally(row.link.as_ref()).standing += 1;
        }
        let showed = row.as_ref().and_then(Showed::of);
        let times = row.as_ref().and_then(|row| row.link.as_ref()?.times);
        let came_in_time = row.as_ref().is_some_and(Held::came_in_time);
        self.leave_so(&stem, &mut wanted, row.as_ref());
        let respect = route(self.question, self.name, &wanted.source).map(|route| route.respect);
        let respect = respect.unwrap_or_default();
        let home = &self.question.window.home;
        let verdict = judge_wanted(&wanted, row, respect, self.question.window);
        let verdict = match verdict {
            Verdict::Create(Why::New) if self.away.has(&wanted, home) => Verdict::Respect,
            verdict => verdict,
        };
        match verdict {
            Verdict::Create(Why::New)
                if !came_in_time && is_late(self.question, self.name, &wanted) =>
            {
                self.late.push((stem, wanted));
                return;
            }
            // Other words of it are no other time.
            Verdict::Replace(..)
                if notice(self.question, self.name, &wanted.source).is_some()
                    && times != Some(wanted.shape.times(home)) =>
            {
                self.replaced.extend(showed);
            }
            _ => {}
        }
        self.act(stem, wanted, verdict, stands);
    }

    /// Leaves what somebody did to a block so, and remembers it.
    fn leave_so(&mut self, stem: &Stem, wanted: &mut Wanted, row: Option<&Held>) {
        let (question, name) = (self.question, self.name);
        let left = self.away.leave_so(question, name, (stem, wanted), row);
        let link = row.and_then(|row| row.link.as_ref());
        if left.so.as_ref() != link.and_then(|link| link.left_so.as_deref()) {
            let block = (name.clone(), stem.clone(), left.so);
            self.plan.left_so.push(block);
        }
        for joined in left.joined {
            self.held.remove(&joined);
            let source = Some(wanted.source.clone());
            self.plan.forgets.push((name.clone(), joined, source));
        }
    }

    /// Decides about what is late, when all else is decided: where a block showed some of its time that goes or is written anew, it
    /// is news to nobody.
    fn meet_late(&mut self) {
        let late = std::mem::take(&mut self.late);
        if late.is_empty() {
            return;
        }
        let mut showed = std::mem::take(&mut self.replaced);
        // What begins in time stays, and is no reason to show what does not.
        let in_time = late.iter().flat_map(|(_, wanted)| &wanted.in_time);
        let in_time: BTreeSet<Stem> = in_time.map(|(stem, _)| stem.clone()).collect();
        let others = self
            .held
            .iter()
            .filter(|(stem, _)| !in_time.contains(*stem));
        showed.extend(others.filter_map(|(_, row)| Showed::of(row)));
        for (stem, mut wanted) in late {
            let home = &self.question.window.home;
            let in_time = std::mem::take(&mut wanted.in_time);
            let is_old = showed.iter().any(|showed| showed.some_of(&wanted, home));
            if is_old && !self.shows_elsewhere(&wanted) {
                self.act(stem, wanted, Verdict::Create(Why::New), false);
                continue;
            }
            for (stem, wanted) in in_time {
                self.meet(stem, Desired::Block(wanted));
            }
        }
    }

    /// Whether the same meeting shows by another calendar's rule, which was not too late.
    fn shows_elsewhere(&self, wanted: &Wanted) -> bool {
        let from = (wanted.uid.clone(), None, CalendarName::default());
        let shown = self
            .shown
            .iter()
            .flat_map(|shown| shown.range(from.clone()..));
        let of_meeting = shown.take_while(|(uid, ..)| *uid == wanted.uid);
        let mut others = of_meeting.filter(|(_, _, by)| *by != wanted.source);
        others.any(|(_, occurrence, _)| {
            occurrence
                .as_ref()
                .is_none_or(|at| *at == wanted.occurrence)
        })
    }

    /// Does what was decided about a block that should stand.
    fn act(&mut self, stem: Stem, wanted: Wanted, verdict: Verdict, stands: bool) {
        if let Some(shown) = &mut self.shown {
            let is_once = matches!(wanted.shape, Shape::Once(_));
            let occurrence = is_once.then(|| wanted.occurrence.clone());
            shown.insert((wanted.uid.clone(), occurrence, wanted.source.clone()));
        }
        let writes = matches!(verdict, Verdict::Create(_) | Verdict::Replace(..));
        self.note_in_time(&stem, &wanted, &verdict);
        let waits = writes && self.plan.ops.len() >= self.question.operations;
        self.sums.also(&wanted, &self.held, stands, waits);
        match verdict {
            Verdict::Leave | Verdict::Respect => self.sums.unchanged += 1,
            Verdict::HandsOff => self.sums.hands_off += 1,
            Verdict::Otherwise => self.sums.otherwise += 1,
            Verdict::Adopt(present) => {
                self.sums.unchanged += 1;
                self.plan.adoptions.push(Adoption {
                    target: self.name.clone(),
                    present,
                    wanted,
                });
            }
            _ if waits => {
                self.sums.postponed += 1;
                self.sums.event(&wanted.source, &wanted.uid).waits = true;
            }
            Verdict::Create(why) => {
                self.takes(&wanted, false);
                let come = self.comes_for(&wanted.shape);
                self.sums.event(&wanted.source, &wanted.uid).come += come;
                let op = Op::create(self.name, stem, wanted, why);
                self.plan.ops.push(op);
            }
            Verdict::Replace(present, why) => {
                self.takes(&wanted, true);
                let op = Op::replace(self.name, stem, wanted, present, why);
                self.plan.ops.push(op);
            }
        }
    }

    /// Notes that a new block is not too late: if this run does not come to writing it, the next one still has to.
    fn note_in_time(&mut self, stem: &Stem, wanted: &Wanted, verdict: &Verdict) {
        let is_new = matches!(verdict, Verdict::Create(Why::New));
        if is_new && notice(self.question, self.name, &wanted.source).is_some() {
            self.plan.in_time.push(InTime {
                target: self.name.clone(),
                stem: stem.clone(),
                source: wanted.source.clone(),
                uid: wanted.uid.clone(),
                occurrence: wanted.occurrence.clone(),
            });
        }
    }

    /// Remembers what a block shows that is written, for whatever goes. A new series counts as many blocks as it is.
    fn takes(&mut self, wanted: &Wanted, stood: bool) {
        let merges = filter(self.question, self.name, &wanted.source).is_some_and(|f| f.merge);
        let repeats = matches!(wanted.shape, Shape::Series(_));
        if !self.held.is_empty() && (stood && repeats || merges) {
            self.sums.takes.note(wanted, merges, self.question.window);
        }
    }

    /// In the place of how many single blocks a new one comes: a series, of as many as it shows.
    fn comes_for(&self, shape: &Shape) -> usize {
        match shape {
            Shape::Series(series) if !self.held.is_empty() => {
                series_spans(series, self.question.window).len().max(1)
            }
            _ => 1,
        }
    }
}

/// What a block shows that stands.
struct Showed {
    uid: Uid,
    first: Timestamp,
    first_end: Timestamp,
    last: Option<Timestamp>,
    repeats: bool,
}

impl Showed {
    fn of(row: &Held) -> Option<Self> {
        let (present, link) = (row.present.as_ref()?, row.link.as_ref()?);
        Some(Self {
            uid: link.uid.clone(),
            first: present.first,
            first_end: present.first_end,
            last: present.last,
            repeats: present.repeats,
        })
    }

    /// Whether it is some of what a block is to show. Of a series, it may be any occurrence, also of one that has another name now.
    fn some_of(&self, wanted: &Wanted, home: &TimeZone) -> bool {
        let (from, to) = wanted.shape.first_occurrence(home);
        let overlaps = self.first < to && self.last.is_none_or(|last| from < last);
        let is_of = self.uid == wanted.uid || wanted.also.iter().any(|also| also.uid == self.uid);
        overlaps && (!self.repeats || is_of || self.at_such_a_time(from, home))
    }

    /// Whether this time of day is within that of the first occurrence.
    fn at_such_a_time(&self, at: Timestamp, home: &TimeZone) -> bool {
        let clock = |at| home.to_datetime(at).time();
        let (first, end, at) = (clock(self.first), clock(self.first_end), clock(at));
        match first < end {
            true => first <= at && at < end,
            // Over midnight, or whole days.
            false => first <= at || at < end,
        }
    }
}

/// Whether a new block would begin sooner than its rule gives notice of: a single one, series are for the time to come.
pub fn is_late(question: Question<'_>, name: &CalendarName, wanted: &Wanted) -> bool {
    let Shape::Once(span) = &wanted.shape else {
        return false;
    };
    let filter = filter(question, name, &wanted.source);
    let soon = filter.and_then(|filter| soon(question, filter));
    soon.is_some_and(|soon| span.instants(&question.window.home).0 < soon)
}

/// What notice the rule gives that shows a calendar in this one, if it does.
fn notice(
    question: Question<'_>,
    name: &CalendarName,
    source: &CalendarName,
) -> Option<SignedDuration> {
    filter(question, name, source)?.notice
}

/// What the rule asks for that shows a calendar in this one, if one does.
fn filter<'a>(
    question: Question<'a>,
    name: &CalendarName,
    source: &CalendarName,
) -> Option<&'a Filter> {
    route(question, name, source).map(|route| &*route.filter)
}

/// The rule that shows a calendar in this one, if one does.
pub fn route<'a>(
    question: Question<'a>,
    name: &CalendarName,
    source: &CalendarName,
) -> Option<&'a Route> {
    let mut routes = question.routes.iter();
    routes.find(|route| route.source == *source && route.target == *name)
}

/// Whether a calendar that shows in a target has no event at all.
fn is_fed_by_empty(question: Question<'_>, name: &CalendarName) -> bool {
    let is_empty =
        |source: &CalendarName| question.sources.get(source).is_some_and(|s| s.total == 0);
    let mut feeding = feeding(question, name);
    feeding.any(|route| is_empty(&route.source))
}

/// Plans the removal of all blocks in a target that may be touched.
pub fn remove_all(name: &CalendarName, target: Target) -> Plan {
    let mut plan = Plan::default();
    let mut sums = Sums::new(target.copies);
    let spares = remove_spares(name, target.extras, &target.held, &mut sums);
    plan.ops.extend(spares);
    for (stem, held) in target.held {
        match held.present {
            None => plan.forgets.push((name.clone(), stem, None)),
            Some(present) if present.hands_off => sums.hands_off += 1,
            Some(present) => {
                let source = held.link.map(|link| link.source);
                plan.ops
                    .push(Op::remove(name, stem, present, Why::Reset, source));
            }
        }
    }
    sums.into_plan(name, &mut plan);
    plan
}

/// The removal of blocks that stand beside another one for the same thing: older generations, and copies that somebody
/// made. Whatever carries the id of a block is a block, and one is enough.
fn remove_spares(
    name: &CalendarName,
    extras: Vec<Present>,
    held: &BTreeMap<Stem, Held>,
    sums: &mut Sums,
) -> Vec<Op> {
    let mut ops = Vec::new();
    for extra in extras {
        let stem = extra.id.stem();
        let link = held.get(&stem).and_then(|held| held.link.as_ref());
        if extra.hands_off {
            sums.hands_off += 1;
        } else {
            let source = link.map(|link| link.source.clone());
            ops.push(Op::remove(name, stem, extra, Why::Spare, source));
        }
    }
    ops
}

enum Verdict {
    Leave,
    /// What somebody did to it is left so.
    Respect,
    Adopt(Present),
    HandsOff,
    /// It is not what is wanted, and writing it again would change nothing.
    Otherwise,
    Create(Why),
    Replace(Present, Why),
}

/// What to do about a block that should stand.
fn judge_wanted(wanted: &Wanted, held: Option<Held>, respect: Respect, window: &Window) -> Verdict {
    let home = &window.home;
    let held = held.unwrap_or_default();
    if is_away(wanted, &held, respect, window) {
        return Verdict::Respect;
    }
    let Held { present, link } = held;
    // Only what somebody did is left so.
    let respect = match link.as_ref().is_some_and(|link| link.disowned) {
        true => Respect::default(),
        false => respect,
    };
    let Some(present) = present else {
        return match link {
            Some(link) if link.only_came_in_time() => Verdict::Create(Why::New),
            Some(_) => Verdict::Create(Why::Vanished),
            None => Verdict::Create(Why::New),
        };
    };
    let print = block::print(&wanted.shape, &wanted.face, &[]);
    let is_known = link.is_some();
    let may_be_moved = respect.moved
        && link.as_ref().is_some_and(|link| {
            link.print == print || is_to_be_as_written(wanted, link, &present, home)
        });
    let linked = link.filter(|link| link.print == print);
    if present.hands_off {
        // What somebody made their own stays. Where it does not show the time that is wanted, a block has to stand beside it.
        let is_seen = present.busy != Busy::Unread;
        return match (covers(wanted, &present, home), linked) {
            (true, Some(_)) => Verdict::HandsOff,
            (true, None) if is_seen => Verdict::HandsOff,
            (true, None) if !is_known => Verdict::HandsOff,
            (_, Some(_)) => Verdict::Create(Why::Vanished),
            (_, None) => Verdict::Create(Why::Changed),
        };
    }
    let shown = Some(present.print);
    let echoes = linked.as_ref().is_some_and(|link| link.echo == shown);
    let is_futile = linked.as_ref().is_some_and(|link| link.otherwise == shown);
    match (present.print == print || echoes, linked) {
        (true, Some(_)) => Verdict::Leave,
        (true, None) => Verdict::Adopt(present),
        // What is wanted is without what somebody took out, and a target may tell of that beside the block itself.
        (false, _) if is_as_wanted(wanted, &present) => Verdict::Respect,
        (false, _) if may_be_moved && is_moved(wanted, &present, respect, home) => Verdict::Respect,
        (false, Some(_)) if is_futile => Verdict::Otherwise,
        (false, Some(_)) => Verdict::Replace(present, Why::Edited),
        (false, None) => Verdict::Replace(present, Why::Changed),
    }
}

/// Whether a block does not show what is wanted because what somebody did to it is left so.
pub fn is_left_so(
    question: Question<'_>,
    name: &CalendarName,
    wanted: &Wanted,
    held: &Held,
) -> bool {
    let respect = route(question, name, &wanted.source).map(|route| route.respect);
    let verdict = judge_wanted(
        wanted,
        Some(held.clone()),
        respect.unwrap_or_default(),
        question.window,
    );
    matches!(verdict, Verdict::Respect)
}

/// Whether somebody's own shows all of the busy time that is wanted.
pub fn covers(wanted: &Wanted, present: &Present, home: &TimeZone) -> bool {
    let (first, end) = wanted.shape.first_occurrence(home);
    let is_inside = present.first <= first && end <= present.first_end;
    match (&present.busy, &wanted.shape) {
        (Busy::Partly, _) => false,
        (Busy::At(times), Shape::Series(_)) => **times == wanted.shape.times(home),
        (Busy::Unread, Shape::Series(_)) => is_inside && present.repeats,
        (Busy::Unread | Busy::At(_), Shape::Once(_)) => is_inside,
    }
}
