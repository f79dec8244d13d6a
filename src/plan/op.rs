//! The vocabulary of things that can be done to a target, each with its reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{Timestamp, civil::DateTime};

use super::{LeftSo, Present, desire::TooManyBySource, wording::Shows};
use crate::{
    ident::{BlockId, Stem},
    model::{CalendarName, Face, Href, OccurrenceKey, Shape, Uid},
};

/// What is to be done, in order, and what the guard needs to know to judge it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The operations: target by target, new blocks before changes before removals, so that nobody seems free for a moment.
    pub ops: Vec<Op>,
    /// Blocks that stand as they should but of which it was not remembered why: only the state learns something.
    pub adoptions: Vec<Adoption>,
    /// Links to blocks that are gone and that nothing asks for, each with the calendar that it came from: only the state forgets
    /// something.
    pub forgets: Vec<(CalendarName, Stem, Option<CalendarName>)>,
    /// What was taken out of blocks and is left so, or is not any more: only the state learns that.
    pub left_so: Vec<(CalendarName, Stem, Option<LeftSo>)>,
    /// New blocks of rules that give notice: whatever becomes of writing them, they came in time, which only the state learns.
    pub in_time: Vec<InTime>,
    /// Blocks that the guard once refused to take away, and which are wanted again, or stay for another reason: only the state forgets
    /// that.
    pub may_stay: Vec<(CalendarName, Stem)>,
    /// Those among the operations that the guard refused before.
    pub held_back: BTreeSet<(CalendarName, Stem)>,
    /// Those among the removals whose blocks say what no rule shows any more: if one may not go, its words do.
    pub telling: BTreeSet<(CalendarName, Stem)>,
    /// How many blocks stay as they are, by target.
    pub unchanged: BTreeMap<CalendarName, usize>,
    /// For each target and source, what would be lost there. The source is empty where it is not remembered.
    pub losses: BTreeMap<(CalendarName, Option<CalendarName>), Loss>,
    /// The targets that an empty calendar feeds: what nobody remembers the source of may have come from there.
    pub fed_by_empty: BTreeSet<CalendarName>,
    /// How much stood when a loss of this target and source was refused that nobody has allowed since: what came after it does
    /// not make that loss any smaller.
    pub refused_at: BTreeMap<(CalendarName, Option<CalendarName>), usize>,
    /// Operations beyond the limit, left for the next run.
    pub postponed: usize,
    /// What could not be judged, and is therefore left as it is.
    pub doubts: Vec<Doubt>,
    /// Events that need too many blocks, by source: nothing of theirs is added or removed.
    pub too_many: TooManyBySource,
}

/// How much of what a source shows in a target would go. An event counts once, however many blocks it needs, and not at all
/// if others come in their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// The events of which most blocks would go. Where it is not remembered what blocks stand for, the blocks.
    pub lost: usize,
    /// The events that blocks stand for now; or the blocks.
    pub standing: usize,
    /// Those of the lost of which something is still to come.
    pub ahead: usize,
}

impl Loss {
    /// How much of it counts: where all is over, but for so few, nobody's time is taken. A roster may hold the days to come and no
    /// others.
    pub fn counted(self, few: usize) -> usize {
        match self.ahead <= few {
            true => self.ahead,
            false => self.lost,
        }
    }
}

/// Something that is left as it is because it cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// The calendar it is about.
    pub calendar: CalendarName,
    /// What is the matter.
    pub kind: DoubtKind,
    /// How many blocks or events it is about.
    pub count: usize,
}

/// Why something is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DoubtKind {
    /// A series in this source makes more occurrences than calsync handles; what it showed so far stays.
    TooMany,
    /// Blocks in this target have attendees or an organiser now, so somebody made meetings of them.
    HandsOff,
    /// Blocks in this target may belong to events that could not be read in this run.
    Unread,
    /// Blocks in this target, of which it is not remembered what they stand for, may belong to events that a source lost which looks
    /// damaged.
    Damaged,
    /// Blocks in this target show another time than was written, or are not busy, however often they are written.
    Otherwise,
    /// The server of this target keeps blocks under another UID than they were written with.
    Renamed,
    /// Blocks in this target are copies of blocks made for another calendar.
    Copies,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// The calendar to do it in.
    pub target: CalendarName,
    /// What the block stands for.
    pub stem: Stem,
    /// What to do.
    pub action: Action,
    /// Why.
    pub why: Why,
    /// Which calendar the block comes from, where that is known.
    pub source: Option<CalendarName>,
}

/// A block that stands as it should, and what for.
#[derive(Clone, Debug, PartialEq)]
pub struct Adoption {
    /// The calendar it stands in.
    pub target: CalendarName,
    /// The block.
    pub present: Present,
    /// What it stands for.
    pub wanted: Wanted,
}

/// What a block stands for that came in time.
#[derive(Clone, Debug, PartialEq)]
pub struct InTime {
    /// The calendar it is to stand in.
    pub target: CalendarName,
    /// What it stands for.
    pub stem: Stem,
    /// The calendar it comes from.
    pub source: CalendarName,
    /// The event it comes from.
    pub uid: Uid,
    /// The occurrence of that event.
    pub occurrence: OccurrenceKey,
}

/// What to do with a block.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Write it where there is none.
    Create(Wanted),
    /// Write it over what is there.
    Replace(Wanted, Present),
    /// Take it away.
    Remove(Present),
    /// Take its words away, and leave it where it is: it says what no rule shows any more, and may not go.
    Hush(Present),
}

/// A block as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// When it is.
    pub shape: Shape,
    /// What it says.
    pub face: Arc<Face>,
    /// Whether words of the event are in that.
    pub shows: Shows,
    /// The calendar it comes from.
    pub source: CalendarName,
    /// The event it comes from.
    pub uid: Uid,
    /// The occurrence of that event.
    pub occurrence: OccurrenceKey,
    /// What it shows beside that.
    pub also: Vec<Also>,
    /// Of a merged block that is too late to be made, the blocks of what begins in time.
    pub in_time: Vec<(Stem, Wanted)>,
    /// The local starts of the occurrences of a series that have a block of their own at the same time; of such a block, its own.
    pub apart: BTreeSet<DateTime>,
}

/// An occurrence that shows in the block of another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Also {
    /// The event it comes from.
    pub uid: Uid,
    /// The occurrence of that event.
    pub occurrence: OccurrenceKey,
    /// What a block of its own would stand for.
    pub stem: Stem,
}

/// The reason for an operation. The words are part of `--json` and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The event is new, or newly wanted.
    New,
    /// The block was there and is not any more, while its event still stands.
    Vanished,
    /// The event, or the configuration of its block, has changed.
    Changed,
    /// Somebody edited the block.
    Edited,
    /// The event is gone, or no longer busy.
    Gone,
    /// No rule wants the block any more.
    Unwanted,
    /// Another block stands for the same thing.
    Spare,
    /// It is over since before the window, and the past is not kept.
    Past,
    /// A person asked for it.
    Reset,
}

impl Action {
    /// Creates come before changes, changes before removals.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Create(_) => 0,
            Self::Replace(..) | Self::Hush(_) => 1,
            Self::Remove(_) => 2,
        }
    }

    /// The word for it in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Replace(..) | Self::Hush(_) => "update",
            Self::Remove(_) => "delete",
        }
    }
}

impl Op {
    /// The creation of a block.
    pub fn create(target: &CalendarName, stem: Stem, wanted: Wanted, why: Why) -> Self {
        Self {
            target: target.clone(),
            stem,
            source: Some(wanted.source.clone()),
            action: Action::Create(wanted),
            why,
        }
    }

    /// The change of a block.
    pub fn replace(
        target: &CalendarName,
        stem: Stem,
        wanted: Wanted,
        present: Present,
        why: Why,
    ) -> Self {
        Self {
            target: target.clone(),
            stem,
            source: Some(wanted.source.clone()),
            action: Action::Replace(wanted, present),
            why,
        }
    }

    /// The removal of a block.
    pub fn remove(
        target: &CalendarName,
        stem: Stem,
        present: Present,
        why: Why,
        source: Option<CalendarName>,
    ) -> Self {
        Self {
            target: target.clone(),
            stem,
            action: Action::Remove(present),
            why,
            source,
        }
    }

    /// The same block, left where it is without its words.
    #[must_use]
    pub fn hushed(self) -> Self {
        match self.action {
            Action::Remove(present) => Self {
                action: Action::Hush(present),
                why: Why::Changed,
                ..self
            },
            _ => self,
        }
    }

    /// Whether it takes a block away that nothing stands beside, and that nobody asked to be taken away.
    pub fn loses(&self) -> bool {
        matches!(self.action, Action::Remove(_)) && !matches!(self.why, Why::Reset | Why::Spare)
    }

    /// The total order of operations: equal inputs give equal plans.
    pub fn order(&self) -> (&CalendarName, u8, &Stem, Option<&BlockId>, Option<&Href>) {
        let present = match &self.action {
            Action::Create(_) => None,
            Action::Replace(_, present) | Action::Remove(present) | Action::Hush(present) => {
                Some(present)
            }
        };
        let href = present.and_then(|present| present.href.as_ref());
        let id = present.map(|present| &present.id);
        (&self.target, self.action.rank(), &self.stem, id, href)
    }

    /// When the (first) occurrence that shows begins and is over, and whether it repeats.
    pub fn when(&self, home: &jiff::tz::TimeZone) -> (Timestamp, Timestamp, bool) {
        match &self.action {
            Action::Create(wanted) | Action::Replace(wanted, _) => {
                let repeats = matches!(wanted.shape, Shape::Series(_));
                let (first, end) = wanted.shape.first_shown(home);
                (first, end, repeats)
            }
            Action::Remove(present) | Action::Hush(present) => {
                (present.first, present.first_end, present.repeats)
            }
        }
    }
}

impl Plan {
    /// Adds another target's plan.
    pub fn extend(&mut self, other: Self) {
        self.ops.extend(other.ops);
        self.adoptions.extend(other.adoptions);
        self.forgets.extend(other.forgets);
        self.left_so.extend(other.left_so);
        self.in_time.extend(other.in_time);
        self.may_stay.extend(other.may_stay);
        self.held_back.extend(other.held_back);
        self.telling.extend(other.telling);
        self.unchanged.extend(other.unchanged);
        self.losses.extend(other.losses);
        self.refused_at.extend(other.refused_at);
        self.postponed += other.postponed;
        self.fed_by_empty.extend(other.fed_by_empty);
        self.doubts.extend(other.doubts);
        for (source, uids) in other.too_many {
            self.too_many.entry(source).or_default().extend(uids);
        }
    }

    /// Whether the guard refused to do this before.
    pub fn was_held_back(&self, op: &Op) -> bool {
        let key = (op.target.clone(), op.stem.clone());
        !self.held_back.is_empty() && self.held_back.contains(&key)
    }

    /// Whether there is nothing to do, not even for the state.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
            && self.adoptions.is_empty()
            && self.forgets.is_empty()
            && self.may_stay.is_empty()
            && self.left_so.is_empty()
    }

    /// The plan without its operations.
    #[must_use]
    pub fn summary(&self) -> Self {
        Self {
            ops: Vec::new(),
            adoptions: Vec::new(),
            forgets: Vec::new(),
            left_so: Vec::new(),
            in_time: Vec::new(),
            may_stay: Vec::new(),
            held_back: BTreeSet::new(),
            telling: BTreeSet::new(),
            unchanged: self.unchanged.clone(),
            losses: self.losses.clone(),
            fed_by_empty: self.fed_by_empty.clone(),
            refused_at: self.refused_at.clone(),
            postponed: self.postponed,
            doubts: self.doubts.clone(),
            too_many: self.too_many.clone(),
        }
    }

    /// Puts everything into its one order.
    pub fn sort(&mut self) {
        self.ops.sort_by(|a, b| a.order().cmp(&b.order()));
        self.doubts.sort();
    }
}
