//! An event as any provider tells it, reduced to what busy time needs. There is no field that a title could be in.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::{Length, Print, Traits, Uid, When};
use crate::recur::Rule;

/// What one resource says about one UID: the event itself, changes to single occurrences of it, or both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The event, or the series as it normally is. Missing where a calendar holds only an occurrence of it.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub master: Option<Master>,
    /// Occurrences that are different (RFC 5545 3.8.4.4).
    #[serde(rename = "o", default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
}

/// An event, or a series as it normally is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Master {
    /// When it (first) starts.
    #[serde(rename = "s")]
    pub start: When,
    /// How long each occurrence lasts.
    #[serde(rename = "l")]
    pub length: Length,
    /// How it repeats, if it does.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub recurs: Option<Box<Recurs>>,
    /// Whether it keeps its owner busy.
    #[serde(rename = "b")]
    pub standing: Standing,
    /// What else it says that a rule may ask for.
    #[serde(rename = "t", default, skip_serializing_if = "Traits::are_usual")]
    pub traits: Traits,
    /// Which edition of the event this is.
    #[serde(rename = "v")]
    pub revision: Revision,
}

/// How a series repeats: the parts of its recurrence set (RFC 5545 3.8.5).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recurs {
    /// `RRULE`s.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// `EXRULE`s, which RFC 2445 had and files still have.
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Rule>,
    /// `RDATE`s.
    #[serde(rename = "d", default, skip_serializing_if = "Vec::is_empty")]
    pub extras: Vec<Extra>,
    /// `EXDATE`s.
    #[serde(rename = "h", default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<Hole>,
}

/// An occurrence added by `RDATE`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extra {
    /// When it starts.
    #[serde(rename = "s")]
    pub start: When,
    /// How long it lasts, if not as long as the others (`VALUE=PERIOD`).
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub length: Option<Length>,
}

/// An occurrence taken out by `EXDATE`: by its start, or, against a timed series, by its whole local day.
pub type Hole = When;

/// One occurrence (or all from one on) that is different from the series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Override {
    /// The start that the occurrence would have had (`RECURRENCE-ID`).
    #[serde(rename = "a")]
    pub at: When,
    /// Whether it stands for all later occurrences too (`RANGE=THISANDFUTURE`).
    #[serde(rename = "f", default, skip_serializing_if = "std::ops::Not::not")]
    pub and_after: bool,
    /// When it starts now.
    #[serde(rename = "s")]
    pub start: When,
    /// How long it lasts now.
    #[serde(rename = "l")]
    pub length: Length,
    /// Whether it keeps its owner busy.
    #[serde(rename = "b")]
    pub standing: Standing,
    /// What else it says that a rule may ask for.
    #[serde(rename = "t", default, skip_serializing_if = "Traits::are_usual")]
    pub traits: Traits,
    /// Which edition of the occurrence this is.
    #[serde(rename = "v")]
    pub revision: Revision,
}

/// What one piece of a resource says.
#[derive(Clone, Debug)]
pub enum Said {
    /// How an event or a series is, and by what its revision is dated.
    Master(Master, Dated),
    /// How an occurrence of it is different.
    Change(Override),
}

/// By what a revision is dated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dated {
    /// When somebody changed it (`LAST-MODIFIED`).
    Changed,
    /// When it was written down, or nothing (`DTSTAMP`).
    Stamped,
}

/// Whether something keeps its owner busy, and if not, why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It does. Tentative and unanswered count.
    #[serde(rename = "b")]
    Busy,
    /// It was cancelled.
    #[serde(rename = "c")]
    Cancelled,
    /// It is shown as free (`TRANSP:TRANSPARENT`).
    #[serde(rename = "f")]
    Free,
    /// The owner declined it.
    #[serde(rename = "d")]
    Declined,
    /// It says something about a day rather than taking time of it: a birthday, a working location.
    #[serde(rename = "n")]
    Note,
}

/// Which edition of an event or occurrence something is; the greater one is the later one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revision {
    /// `SEQUENCE` (RFC 5545 3.8.7.4); one that is missing is before all others.
    #[serde(rename = "n", default)]
    pub sequence: i64,
    /// `LAST-MODIFIED`, else `DTSTAMP`, in seconds since 1970; 0 if neither is given.
    #[serde(rename = "m", default)]
    pub modified: i64,
}

impl Standing {
    /// Whether it keeps its owner busy.
    pub fn is_busy(self) -> bool {
        matches!(self, Self::Busy)
    }
}

impl Master {
    fn text(&self) -> String {
        serde_json::to_string(self).expect("a master is always JSON")
    }

    /// Whether this is what counts where both claim to be the same event: the later edition, and of equal editions always
    /// the same one, in whatever order they are met.
    pub fn outranks(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.revision, other.revision);
        mine > theirs || (mine == theirs && self != other && self.text() < other.text())
    }
}

impl Override {
    /// Whether this is what counts where both claim to be the same occurrence, as for [`Master::outranks`].
    pub fn outranks(&self, other: &Self) -> bool {
        let text = |change| serde_json::to_string(change).expect("a change is always JSON");
        let (mine, theirs) = (self.revision, other.revision);
        mine > theirs || (mine == theirs && self != other && text(self) < text(other))
    }
}

impl Event {
    /// One event from all that is said about its UID, and what cannot be part of it. Of several masters, and of several
    /// overrides of one occurrence, the latest edition counts (RFC 5545 3.8.7.4); what was said beside a master that does not
    /// count is part of its edition, unless it is later than the one that does. Masters of one edition that say different
    /// things are different events, whatever their UID: which of them is meant, nobody knows, so all of them are. The order
    /// makes no difference.
    pub fn gather(said: impl IntoIterator<Item = Self>) -> (Self, Vec<Self>) {
        let said: Vec<Self> = said.into_iter().collect();
        let revisions = said.iter().filter_map(|one| one.master.as_ref());
        let newest = revisions.map(|master| master.revision).max();
        let mut masters: Vec<Master> = Vec::new();
        let mut changes = Changes::default();
        for Self { master, overrides } in said {
            let is_old = master
                .as_ref()
                .is_some_and(|master| Some(master.revision) < newest);
            for change in overrides {
                if !(is_old && Some(change.revision) < newest) {
                    changes.add(change);
                }
            }
            masters.extend(master.filter(|_| !is_old));
        }
        Self::with_twins(masters, changes)
    }

    /// The same of what one resource says. When something was stamped may be no more than when that resource was made, or the
    /// second of that: by that alone, no master is an edition of one that starts at another time.
    pub fn gather_one(said: Vec<Said>) -> (Self, Vec<Self>) {
        let mut changes = Changes::default();
        let mut masters = Vec::new();
        for said in said {
            match said {
                Said::Change(change) => changes.add(change),
                Said::Master(master, dated) => masters.push((master, dated)),
            }
        }
        let is_old = |master: &Master, dated: Dated| {
            let mut others = masters.iter();
            others.any(|(other, theirs)| {
                let (mine, later) = (master.revision, other.revision);
                let is_told = mine.sequence < later.sequence
                    || (dated, *theirs) == (Dated::Changed, Dated::Changed)
                    || master.start == other.start;
                mine < later && is_told
            })
        };
        let is_old: Vec<bool> = masters.iter().map(|(m, dated)| is_old(m, *dated)).collect();
        let counting = masters
            .into_iter()
            .zip(is_old)
            .filter(|(_, is_old)| !is_old);
        Self::with_twins(counting.map(|((master, _), _)| master).collect(), changes)
    }

    /// An event and its twins, from all masters that count.
    fn with_twins(all: Vec<Master>, changes: Changes) -> (Self, Vec<Self>) {
        let mut masters: Vec<Master> = Vec::with_capacity(all.len());
        for master in all {
            if !masters.contains(&master) {
                masters.push(master);
            }
        }
        if masters.len() > 1 {
            masters.sort_by_cached_key(Master::text);
        }
        let mut masters = masters.into_iter();
        let mut event = Self {
            master: masters.next(),
            overrides: changes.all,
        };
        // What a private series says of one of its occurrences is private too, whatever that says.
        let is_private = event.master.as_ref().is_some_and(|m| m.traits.private);
        for change in event.overrides.iter_mut().filter(|_| is_private) {
            change.traits.private = true;
        }
        let twins = masters.map(|master| Self {
            master: Some(master),
            overrides: Vec::new(),
        });
        (event, twins.collect())
    }

    /// What it says, as it is kept in the state.
    pub fn body(&self) -> String {
        serde_json::to_string(self).expect("an event is always JSON")
    }

    /// Forgets its words. Whether there were any.
    pub fn forget_words(&mut self) -> bool {
        let masters = self.master.iter_mut().map(|master| &mut master.traits);
        let changes = self.overrides.iter_mut().map(|change| &mut change.traits);
        let words = masters
            .chain(changes)
            .filter_map(|traits| traits.words.take());
        words.count() > 0
    }

    /// Whether any of it is nobody else's business.
    pub fn is_private(&self) -> bool {
        let mut masters = self.master.iter();
        let mut changes = self.overrides.iter();
        masters.any(|master| master.traits.private) || changes.any(|c| c.traits.private)
    }

    /// Whether it keeps its owner busy whenever it takes place, in the way its first form says.
    pub fn is_busy_throughout(&self) -> bool {
        let master = self.master.as_ref();
        self.overrides.is_empty() && master.is_some_and(|master| master.standing.is_busy())
    }

    /// The same without its editions: what it says of when somebody is busy, and no more.
    #[must_use]
    pub fn unrevised(&self) -> Self {
        let mut event = self.clone();
        let masters = event.master.iter_mut().map(|master| &mut master.revision);
        let changes = event
            .overrides
            .iter_mut()
            .map(|change| &mut change.revision);
        for revision in masters.chain(changes) {
            *revision = Revision::default();
        }
        event
    }

    /// The UID of an event that shares its own with another one: the same in every edition that says the same.
    pub fn twin_uid(&self, uid: &Uid) -> Uid {
        let plain = self.unrevised().master;
        let text = plain.as_ref().map(Master::text).unwrap_or_default();
        format!("{uid} {}", Print::of([text.as_bytes()])).into()
    }
}

/// The changes to occurrences of one event.
#[derive(Default)]
struct Changes {
    all: Vec<Override>,
    /// Where those of one local time are, so that thousands need not be compared each with each.
    places: BTreeMap<(DateTime, bool), Vec<usize>>,
}

impl Changes {
    /// Adds a change to one occurrence, unless one that counts for more is there already.
    fn add(&mut self, change: Override) {
        let key = (change.at.local(), change.and_after);
        let places = self.places.entry(key).or_default();
        for &place in &*places {
            if let Some(mine) = self.all.get_mut(place)
                && mine.at == change.at
            {
                if change.outranks(mine) {
                    *mine = change;
                }
                return;
            }
        }
        places.push(self.all.len());
        self.all.push(change);
    }
}
