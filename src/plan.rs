//! What to do, from what is known. One pure entry, [`plan_target`]: no clock, no file, no server, no log line.
//!
//! What it promises, each a test by this name: *Settles*, *Same*, *Only ours*, *No echo*, *Exact*, *Quiet*, *Blind is safe*,
//! *Bounded* (design, section 3).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{Timestamp, civil::DateTime};

use crate::{
    ident::{BlockId, Mint, Stem},
    model::{CalendarName, Event, Face, Href, Print, Shape, Span, Traces, Uid, Window},
};

pub mod compare;
pub mod desire;
pub mod explain;
pub mod filter;
pub mod flatten;
pub mod guard;
pub mod occurrences;
pub mod op;
pub mod wording;

pub use filter::Filter;
pub use guard::{Approved, Limits, Refusal, guard};
pub use op::{Action, Op, Plan, Why};
pub use wording::{Shows, Wording};

/// Which source shows in which target, and in which words.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The calendar whose busy time is shown.
    pub source: CalendarName,
    /// The calendar it is shown in.
    pub target: CalendarName,
    /// What of it is shown.
    pub filter: Arc<Filter>,
    /// What the blocks say.
    pub wording: Arc<Wording>,
    /// What somebody does to the blocks that is left so.
    pub respect: Respect,
}

/// What somebody does to a block that is left so until its event changes. By default nothing: it comes back as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Respect {
    /// To take it away, or occurrences out of it.
    pub deleted: bool,
    /// To move it to another time.
    pub moved: bool,
}

/// How well a calendar is known in this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// It was read in this run, without error.
    pub fresh: bool,
    /// It has been read whole at some time, and kept up since.
    pub whole: bool,
    /// Something in it could not be read: of what is not remembered, it may hide anything.
    pub gaps: bool,
    /// Something in it looks damaged, and was so when it was first read: of what is not remembered, it may have lost anything.
    pub signs: bool,
    /// Events in it could not be read that have no UID, so that they may be any event.
    pub nameless: bool,
}

/// What a source calendar holds.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// How well it is known.
    pub sight: Sight,
    /// Its own events that may touch the window: never a block, neither ours nor another installation's.
    pub events: BTreeMap<Uid, Event>,
    /// Events that could not be read. Of those that once could, what they said then is among the events.
    pub troubled: BTreeSet<Uid>,
    /// Private events, at any time, of which blocks show words.
    pub private: BTreeSet<Uid>,
    /// It was last read for other rules: of the words that these ask for, nothing is known. Nobody but who explains looks at it so.
    pub otherwise: bool,
    /// How many events it holds at any time.
    pub total: usize,
    /// How many it held when the guard last let pass what became of it; nothing if that is not remembered.
    pub stood: usize,
}

impl Source {
    /// Whether anything in it cannot be read.
    pub fn is_unread(&self) -> bool {
        self.sight.gaps || self.sight.signs || !self.troubled.is_empty()
    }
}

/// Everything known about all calendars but the blocks in them.
pub type Sources = BTreeMap<CalendarName, Source>;

/// A block that stands in a target, or of which it is remembered that it stood there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Held {
    /// The block as last seen, if it is there.
    pub present: Option<Present>,
    /// What calsync wrote and why, if it remembers.
    pub link: Option<Link>,
}

impl Held {
    /// Whether a run planned it in time and nothing was written.
    fn came_in_time(&self) -> bool {
        self.link.as_ref().is_some_and(Link::only_came_in_time)
    }

    /// Whether the guard refused to take it away.
    fn is_held_back(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.held_back)
    }
}

/// A block as last seen in its target.
#[derive(Clone, Debug, PartialEq)]
pub struct Present {
    /// Its id, with the generation.
    pub id: BlockId,
    /// Where it lies, if it lies in several places.
    pub href: Option<Href>,
    /// What it shows.
    pub print: Print,
    /// It has attendees or an organiser now: somebody made a meeting of it, so it is not touched any more.
    pub hands_off: bool,
    /// When it is busy, if it is not touched any more.
    pub busy: Busy,
    /// What tells one kind of edit from another, if somebody edited it.
    pub traces: Option<Box<Traces>>,
    /// What it says in words, if nobody remembers what it stands for.
    pub words: Option<Print>,
    /// When its (first) occurrence begins.
    pub first: Timestamp,
    /// When that is over.
    pub first_end: Timestamp,
    /// Whether it repeats.
    pub repeats: bool,
    /// When all of it is over; missing if never.
    pub last: Option<Timestamp>,
}

/// When a block is busy that became somebody's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Busy {
    /// Nobody could read it this time: as before.
    #[default]
    Unread,
    /// Not all of the time: some of it is free, declined, or elsewhere.
    Partly,
    /// At these times, occurrence by occurrence.
    At(Box<Print>),
}

/// Which event a block was written for, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The calendar the event is in, by the name it has now.
    pub source: CalendarName,
    /// The event.
    pub uid: Uid,
    /// What was written.
    pub print: Print,
    /// What the target shows of that, if it keeps it in other words.
    pub echo: Option<Print>,
    /// When that was, occurrence by occurrence; not known of what an old state remembers.
    pub times: Option<Print>,
    /// When that was by its rule, whatever was left out; not known of what an old state remembers.
    pub course: Option<Print>,
    /// Whether words of the event are in that.
    pub shows: Shows,
    /// What the target makes of it each time it is written, though that is not what is wanted.
    pub otherwise: Option<Print>,
    /// The guard refused to take it away, since too much would have gone at once.
    pub held_back: bool,
    /// The local starts of the occurrences that were written as taken out.
    pub holes: BTreeSet<DateTime>,
    /// How else it was written, if it repeats; not known of what an old state remembers.
    pub written: Option<Box<Written>>,
    /// What somebody did to it, and the rule leaves so.
    pub left_so: Option<Box<LeftSo>>,
    /// What became of it may be calsync's own doing, or a mishap.
    pub disowned: bool,
}

/// How a series was written: what tells later that somebody did no more than to take some of it out, or to end it early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What it shows but for what is taken out and for where its rule ends.
    pub but_end: Print,
    /// The local start that its rule does not go beyond; none without end.
    pub ends: Option<DateTime>,
}

impl Written {
    /// How a block of this shape and face is written.
    pub fn of(shape: &Shape, face: &Face) -> Self {
        let Traces { but_end, ends, .. } = Traces::of(shape, face, &[]);
        Self { but_end, ends }
    }
}

/// What somebody did to a block, and its rule leaves so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftSo {
    /// Of one that repeats, the local starts of what they took out.
    pub starts: BTreeSet<DateTime>,
    /// All whose local start is later than this one as well.
    pub after: Option<DateTime>,
    /// Of one that does not, where they moved it to.
    pub moved: Option<Span>,
    /// When the event was then by its rule: at other times, it is to show as it is.
    pub of: Print,
}

impl Link {
    /// Whether nothing was ever written: a run that had time enough meant to.
    fn only_came_in_time(&self) -> bool {
        self.print == Print::default() && self.times.is_none()
    }
}

/// What a target calendar holds.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Whether it was read in this run. If not, nothing is written to it.
    pub fresh: bool,
    /// Our blocks in it, by what they stand for.
    pub held: BTreeMap<Stem, Held>,
    /// Further blocks for something that one of these stands for already: older generations, and copies.
    pub extras: Vec<Present>,
    /// How many of our blocks the server keeps under another UID than they were written with. While it holds any, nothing is
    /// written to it: whatever was written would not be known again.
    pub renamed: usize,
    /// How many blocks of other calendars somebody copied here. They are not touched.
    pub copies: usize,
    /// When those are that repeat, each as an event. Nobody but who explains needs to know.
    pub series: BTreeMap<Stem, Event>,
}

impl Target {
    /// How many of the blocks became somebody's own. They are not touched.
    pub fn taken(&self) -> usize {
        let held = self.held.values().filter_map(|held| held.present.as_ref());
        let blocks = held.chain(&self.extras);
        blocks.filter(|present| present.hands_off).count()
    }
}

/// What all plans of one run share.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Which source shows where.
    pub routes: &'a [Route],
    /// All calendars that can be read.
    pub sources: &'a Sources,
    /// The days to look at.
    pub window: &'a Window,
    /// When it is asked.
    pub now: Timestamp,
    /// Makes block ids.
    pub mint: &'a Mint,
    /// How many operations a plan for one target holds at the most, removals not counted.
    pub operations: usize,
    /// What becomes of blocks that are over before the window begins.
    pub past: Past,
}

/// What becomes of blocks that are over before the window begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Past {
    /// They stay as they are: they told the truth when they were written.
    #[default]
    Keep,
    /// They go.
    Delete,
}

/// The days in which something may be that has a block in these, by any of the rules.
pub fn reach(routes: &[Route], window: &Window) -> Window {
    let mut reach = window.clone();
    for route in routes {
        let Window { first, end, .. } = match route.filter.merge {
            true => route.filter.reach(&desire::before_merged(window)),
            false => route.filter.reach(window),
        };
        reach.first = reach.first.min(first);
        reach.end = reach.end.max(end);
    }
    reach
}

/// Plans everything that has to be done in one target so that it shows what the routes want.
pub fn plan_target(question: Question<'_>, name: &CalendarName, target: Target) -> Plan {
    if !target.fresh {
        return Plan::default();
    }
    if target.renamed > 0 {
        return compare::renamed(name, &target);
    }
    compare::compare(question, name, target)
}

/// Plans the removal of every block in a target: what `reset` wants.
pub fn plan_reset(name: &CalendarName, target: Target) -> Plan {
    if target.fresh {
        compare::remove_all(name, target)
    } else {
        Plan::default()
    }
}
