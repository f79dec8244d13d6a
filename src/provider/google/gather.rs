//! Pages into what a listing says as a whole. Pure. Google tells of a series and of each occurrence that differs one by one,
//! and of some only that they are gone: here they find each other.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::decode::{Item, What, edition, is_edition, is_touched, touched};
use crate::{
    model::{Event, Href, Print, SeenBlock, Shape, Standing, Traces, Uid, Version, When},
    provider::{Change, Cursor, Known, Listing, Pulled},
};

/// The items of a listing, the latest word on each.
#[derive(Debug, Default)]
pub struct Gathered {
    items: BTreeMap<Href, Item>,
    /// What was there before and is not listed, though nobody could find out that it is gone.
    kept: BTreeSet<Href>,
}

/// What was there and is not in a listing of everything.
#[derive(Debug, Default)]
pub struct Lost {
    /// Events and series.
    pub events: Vec<Href>,
    /// Occurrences that differ from their series, and these.
    pub occurrences: Vec<(Href, Href)>,
}

/// What a listing says of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It is there.
    Told,
    /// Nobody could find out, so it is as it was.
    Kept,
    /// It is not there.
    Gone,
}

impl Gathered {
    /// Adds the items of a page. What was on an earlier one, in another edition, changed since. Whether the page can be believed:
    /// not if it says two things of one edition, or twice something else of one event.
    pub fn add(&mut self, items: Vec<Item>) -> bool {
        let mut here = BTreeSet::new();
        for item in items {
            let is_twice = !here.insert(item.href.clone());
            let is_other = |before: &Item| {
                let is_same =
                    before.version == item.version && is_edition(edition(&item.version).1);
                *before != item && (is_twice || is_same)
            };
            if self.items.get(&item.href).is_some_and(is_other) {
                return false;
            }
            self.items.insert(item.href.clone(), item);
        }
        true
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The series that a delta speaks of without saying enough: each has to be looked at.
    pub fn missing(&self, known: &dyn Known) -> BTreeSet<Href> {
        let needs = |item: &&Item| match item.what {
            What::OfBlock { .. } => true,
            What::Gone => false,
            What::Odd(_) if !item.has_id() => false,
            What::Event(_) | What::Block(..) | What::Odd(_) => self.uid(item, known).is_none(),
        };
        let needy = self.items.values().filter(needs);
        needy
            .filter_map(|item| item.series.clone())
            .filter(|series| !self.items.contains_key(series))
            .collect()
    }

    /// What was there and is not in a listing of everything.
    pub fn lost(&self, known: &dyn Known) -> Lost {
        let mut lost = Lost::default();
        for href in known.held() {
            if self.items.contains_key(&href) {
                continue;
            }
            let series = href.rsplit_once('_').map(|(series, _)| Href::from(series));
            match series.filter(|series| known.exceptions(series).contains(&href)) {
                None => lost.events.push(href),
                Some(series) => lost.occurrences.push((href, series)),
            }
        }
        lost
    }

    /// The series of ours that somebody made a meeting of before, and in which this listing shows nobody.
    pub fn met_before(&self, known: &dyn Known) -> Vec<Href> {
        let is_met_now = |href: &Href| {
            let mut items = self.items.values();
            items.any(|item| {
                item.series.as_ref() == Some(href)
                    && matches!(item.what, What::OfBlock { people: true, .. })
            })
        };
        let blocks = self.items.values().filter(|item| match &item.what {
            What::Block(_, seen) => !seen.people && known.is_met(&item.href),
            _ => false,
        });
        let hrefs = blocks.map(|item| item.href.clone());
        hrefs.filter(|href| !is_met_now(href)).collect()
    }

    /// Notes that somebody is in a block.
    pub fn meet(&mut self, block: &Href) {
        if let Some(What::Block(_, seen)) = self.items.get_mut(block).map(|item| &mut item.what) {
            seen.people = true;
        }
    }

    /// Leaves something as it was before, though it is not listed.
    pub fn keep(&mut self, href: Href) {
        self.kept.insert(href);
    }

    /// What is known of something in this listing.
    pub fn stands(&self, href: &Href) -> Stands {
        match self.items.get(href) {
            _ if self.kept.contains(href) => Stands::Kept,
            Some(item) if item.what != What::Gone => Stands::Told,
            _ => Stands::Gone,
        }
    }

    /// Whether an occurrence is as its series has it: what once told it apart was taken back.
    pub fn is_in_line(&self, item: &Item, home: &TimeZone) -> bool {
        let What::Event(event) = &item.what else {
            return false;
        };
        let master = item
            .series
            .as_ref()
            .and_then(|series| self.items.get(series));
        let Some(What::Event(series)) = master.map(|master| &master.what) else {
            return false;
        };
        let (Some(master), [change]) = (&series.master, &event.overrides[..]) else {
            return false;
        };
        change.start.span(change.length, home) == change.at.span(master.length, home)
            && change.standing == master.standing
            && change.traits == master.traits
    }

    /// All that the listing says. One with something in it that has no id takes nothing away.
    pub fn into_pulled(mut self, whole: bool, known: &dyn Known, cursor: Cursor) -> Pulled {
        let goes_on = !self.is_oddly_new(whole, known);
        // What has no id may be anything, also what this listing seems to be without.
        let kept = self.items.values().any(|item| !item.has_id());
        self.touch_blocks();
        if !whole || kept || !self.kept.is_empty() {
            self.keep_in_mind(known);
        }
        let mut gone: BTreeSet<Href> = BTreeSet::new();
        let mut seen = Vec::new();
        for item in self.items.values() {
            if self.is_gone(item, whole) {
                gone.insert(item.href.clone());
                if !whole && item.what == What::Gone {
                    // With a series go its occurrences, whether the listing tells of them or not.
                    let left = known.exceptions(&item.href).into_iter();
                    gone.extend(left.filter(|href| !self.items.contains_key(href)));
                }
            } else {
                seen.push(change(item.clone(), self.uid(item, known)));
            }
        }
        if kept {
            gone.clear();
        }
        let listing = match whole {
            true if kept => Listing::Whole(self.items.into_keys().chain(known.held()).collect()),
            true => {
                let listed = self.items.into_keys().filter(|h| !gone.contains(h));
                Listing::Whole(listed.chain(self.kept).collect())
            }
            false => {
                seen.extend(gone.into_iter().map(Change::Gone));
                Listing::Delta
            }
        };
        Pulled {
            listing,
            changes: seen,
            cursor: goes_on.then_some(cursor),
        }
    }

    /// Whether there is something odd in it that is worth a second look: the next run then reads everything, once. Google would
    /// not speak of it again until it changes. What was seen like this before is as it is.
    fn is_oddly_new(&self, whole: bool, known: &dyn Known) -> bool {
        let odd = self.items.values();
        let mut odd = odd.filter(|item| matches!(item.what, What::Odd(_)));
        if !whole {
            return odd.next().is_some();
        }
        // Without an edition nobody could tell that it was seen before.
        let mut odd = odd
            .filter(|item| is_edition(edition(&item.version).1))
            .peekable();
        if odd.peek().is_none() {
            return false;
        }
        let seen = known.versions();
        odd.any(|item| seen.get(&item.href) != Some(&item.version))
    }

    /// The UID of an item that may not give one: that of its series, as far as anybody knows.
    fn uid(&self, item: &Item, known: &dyn Known) -> Option<Uid> {
        if !item.has_id() {
            return None;
        }
        if let Some(uid) = &item.uid {
            return Some(uid.clone());
        }
        let Some(series) = &item.series else {
            return known.uid(&item.href);
        };
        match self.items.get(series) {
            // An occurrence of an occurrence is of nothing: no memory of either may speak for the other.
            Some(master) if master.series.is_some() => Some(Uid::from(&**series)),
            Some(master) => {
                let uid = master.uid.clone().or_else(|| known.uid(series));
                Some(uid.unwrap_or_else(|| Uid::from(&**series)))
            }
            None => known.uid(series).or_else(|| known.uid(&item.href)),
        }
    }

    /// Whether an item is gone: said outright, or a hole in a series that is gone.
    fn is_gone(&self, item: &Item, whole: bool) -> bool {
        let hole = match &item.what {
            What::Gone => return true,
            What::Event(event) => is_hole(event),
            What::OfBlock { .. } => true,
            What::Block(..) | What::Odd(_) => false,
        };
        let Some(series) = item.series.as_ref().filter(|_| hole) else {
            return false;
        };
        match self.items.get(series) {
            Some(master) => master.what == What::Gone,
            // Of a series that is as it was nothing is gone.
            None => whole && !self.kept.contains(series),
        }
    }

    /// Makes a block look changed when one of its occurrences was.
    fn touch_blocks(&mut self) {
        let mut changed: BTreeMap<Href, Changed> = BTreeMap::new();
        for item in self.items.values() {
            if let (
                What::OfBlock {
                    people,
                    keeps,
                    gone,
                },
                Some(series),
            ) = (&item.what, &item.series)
            {
                let changed = changed.entry(series.clone()).or_default();
                changed.met |= people;
                changed.lasts.insert(*keeps);
                changed.more |= gone.is_none();
                changed.gone.extend(gone.clone());
            }
        }
        for (series, changed) in changed {
            let Changed {
                met,
                lasts,
                gone,
                more,
            } = changed;
            let Some(item) = self.items.get_mut(&series) else {
                continue;
            };
            if let What::Block(_, seen) = &mut item.what {
                seen.people |= met;
                seen.moved |= !lasts
                    .iter()
                    .all(|lasts| lasts.is_some_and(|s| seen.lasts(s)));
                if let Some(Shape::Series(series)) = &seen.shape {
                    // Google says of each time when it is: none is floating.
                    let home = &TimeZone::UTC;
                    let gone = gone.iter().map(|at| series.start_at(at, home));
                    seen.traces.holes.extend(gone);
                }
                touch(seen, &mut item.version, more);
            }
        }
    }

    /// Leaves a series somebody's of which somebody made a meeting before, and changed if an occurrence of it was. What is new of it
    /// says nothing of the occurrences that stayed as they were; only a listing of everything does.
    fn keep_in_mind(&mut self, known: &dyn Known) {
        let untold = self.with_untold(known);
        for item in self.items.values_mut() {
            if let What::Block(_, seen) = &mut item.what {
                seen.people = seen.people || known.is_met(&item.href);
                let was_touched = known.version(&item.href).is_some_and(|v| is_touched(&v));
                seen.moved |= untold.contains(&item.href);
                if was_touched && !is_touched(&item.version) {
                    touch(seen, &mut item.version, true);
                }
            }
        }
    }

    /// The blocks of which somebody changed occurrences that this listing does not tell of: what it told of them before is not
    /// remembered.
    fn with_untold(&self, known: &dyn Known) -> BTreeSet<Href> {
        let is_touched = |href: &&Href| known.version(href).is_some_and(|v| is_touched(&v));
        let blocks = self.items.values().filter_map(|item| match item.what {
            What::Block(..) => Some(&item.href),
            _ => None,
        });
        let touched: BTreeSet<&Href> = blocks.filter(is_touched).collect();
        if touched.is_empty() {
            return BTreeSet::new();
        }
        let held = known.held();
        let untold = held.iter().filter(|href| !self.items.contains_key(*href));
        let wholes =
            untold.filter_map(|href| href.rsplit_once('_').map(|(whole, _)| Href::from(whole)));
        wholes.filter(|whole| touched.contains(whole)).collect()
    }
}

/// What somebody did to occurrences of a block.
#[derive(Default)]
struct Changed {
    /// Made a meeting of one.
    met: bool,
    /// How long they last now, where they are busy at their time.
    lasts: BTreeSet<Option<i64>>,
    /// Took these out.
    gone: Vec<When>,
    /// Something else than to take them out.
    more: bool,
}

/// Notes of a block that somebody changed an occurrence of it: no block that is wanted has its fingerprint then.
/// `more`: something else than that they took some out.
fn touch(seen: &mut SeenBlock, version: &mut Version, more: bool) {
    seen.touched = true;
    if more {
        seen.traces = Traces::default();
    }
    seen.print = Print::of([&seen.print.0[..], b"an occurrence"]);
    *version = touched(version);
}

fn is_hole(event: &Event) -> bool {
    let mut changes = event.overrides.iter();
    event.master.is_none() && changes.all(|change| change.standing == Standing::Cancelled)
}

fn change(item: Item, uid: Option<Uid>) -> Change {
    if let What::Odd(why) = &item.what
        && !item.has_id()
    {
        // Nothing says for certain which event it is, not even by its place.
        return Change::Unreadable {
            is_known: false,
            names: BTreeSet::new(),
            why: why.clone().into_owned(),
            href: item.href,
            version: item.version,
        };
    }
    let href = item.href.clone();
    match item.into_resource(uid) {
        Some(resource) => Change::Seen(resource),
        None => Change::Gone(href),
    }
}
