//! Under which name each event of a feed is known. Some feeds give every event a new UID whenever they are asked; such an
//! event is known again by what it says. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{UNREAD, held};
use crate::{
    ident,
    model::{Event, Href, Part, Standing, Traits, Uid, Version},
};

/// How an event is looked at that is to be known again, the closer look first: all that it says, and when it is. What else it says
/// may depend on whose calendar it is and on what the rules ask for.
const LOOKS: [fn(&Event) -> Event; 2] = [Event::unrevised, times];

/// So many events may go from a feed, if they are no more than half of it, without its UIDs being in doubt.
const FEW: usize = 2;

/// The names of the parts of a text. What is known by its UID keeps it; what is not takes the name of something that said the
/// same and is not there any more. `known`: the versions that are known; `told`: what each event last said, which is asked for
/// only if the versions alone leave an event without a known name.
pub(super) fn names(
    parts: &[(Version, Part)],
    known: &BTreeMap<Href, Version>,
    told: impl FnOnce() -> BTreeMap<Uid, String>,
) -> Vec<Href> {
    let present: BTreeSet<&str> = parts.iter().map(|(_, part)| &**part.uid()).collect();
    let absent = known.iter().filter(|(href, _)| !present.contains(&***href));
    let own = |part: &Part| (&**part.uid()).into();
    // One or two of many, somebody took away or made anew. Where UIDs change by themselves, most do.
    let gone = absent.clone().count();
    if !known.is_empty() && gone <= FEW && gone * 2 <= known.len() {
        return parts.iter().map(|(_, part)| own(part)).collect();
    }
    let mut new: Vec<New<'_>> = parts.iter().enumerate().filter_map(new).collect();
    new.retain(|new| !known.contains_key(&**new.uid));
    let mut given = Given::default();
    given.pass_on(new.iter().map(|new| (new.part, new.version)), absent);
    new.retain(|new| !given.0.contains_key(&new.part));
    if !new.is_empty() {
        let told = told();
        new.retain(|new| !told.contains_key(new.uid));
        given.know_again(new, &former(told, known, &present));
    }
    let name = |(i, part)| given.0.remove(&i).unwrap_or_else(|| own(part));
    let all = parts.iter().map(|(_, part)| part);
    all.enumerate().map(name).collect()
}

/// An event that may have had another name before.
struct New<'a> {
    /// Which part of the text it is.
    part: usize,
    uid: &'a Uid,
    version: &'a Version,
    event: &'a Event,
}

/// A part of a text as such an event. What is shaped like a block is none: its id is all that it is known by.
fn new((part, (version, said)): (usize, &(Version, Part))) -> Option<New<'_>> {
    match said {
        Part::Event { uid, event, .. } if ident::shaped(uid).is_none() => Some(New {
            part,
            uid,
            version,
            event,
        }),
        Part::Event { .. } | Part::Unreadable { .. } => None,
    }
}

/// What the events last said whose versions say nothing: they were forgotten, or are those of something else. Everything that a
/// text does not name.
fn former(
    told: BTreeMap<Uid, String>,
    known: &BTreeMap<Href, Version>,
    present: &BTreeSet<&str>,
) -> Vec<(Href, Event)> {
    let is_unsaid = |version: &Version| {
        version.is_empty() || version.starts_with(UNREAD) || held::is_held(version)
    };
    let is_former = |uid: &str| {
        let is_free = !present.contains(uid) && ident::shaped(uid).is_none();
        is_free && known.get(uid).is_none_or(is_unsaid)
    };
    let told = told.into_iter().filter(|(uid, _)| is_former(uid));
    let read =
        |(uid, body): (Uid, String)| Some(((&*uid).into(), serde_json::from_str(&body).ok()?));
    told.filter_map(read).collect()
}

/// Which part has which name of something that is not there any more.
#[derive(Default)]
struct Given(BTreeMap<usize, Href>);

impl Given {
    /// Gives what is new the names of what was there before, as far as it looks the same; the closer the look, the sooner.
    fn know_again(&mut self, mut new: Vec<New<'_>>, former: &[(Href, Event)]) {
        let mut former: Vec<&(Href, Event)> = former.iter().collect();
        // Of what looks the same, the same gets the same, in whatever order a text has it.
        let all = |event: &Event| event.unrevised().body();
        new.sort_by_cached_key(|new| all(new.event));
        former.sort_by_cached_key(|(_, event)| all(event));
        for look in LOOKS {
            let now = new.iter().map(|new| (new.part, look(new.event).body()));
            let before = former
                .iter()
                .map(|(href, event)| (href, look(event).body()));
            self.pass_on(now, before);
            let taken: BTreeSet<&Href> = self.0.values().collect();
            new.retain(|new| !self.0.contains_key(&new.part));
            former.retain(|(href, _)| !taken.contains(href));
        }
    }

    /// Gives each part a name that goes with its mark, the first the first.
    fn pass_on<'a, M: Ord>(
        &mut self,
        parts: impl Iterator<Item = (usize, M)>,
        names: impl Iterator<Item = (&'a Href, M)>,
    ) {
        let mut alike: BTreeMap<M, VecDeque<&Href>> = BTreeMap::new();
        for (name, mark) in names {
            alike.entry(mark).or_default().push_back(name);
        }
        for (part, mark) in parts {
            let name = alike.get_mut(&mark).and_then(VecDeque::pop_front);
            self.0.extend(name.map(|name| (part, name.clone())));
        }
    }
}

/// An event with nothing but when it is.
fn times(event: &Event) -> Event {
    let mut event = event.unrevised();
    if let Some(master) = &mut event.master {
        master.traits = Traits::default();
        master.standing = Standing::Busy;
    }
    for change in &mut event.overrides {
        change.traits = Traits::default();
        change.standing = Standing::Busy;
    }
    event
}
