//! What an event says of each of its occurrences. Pure.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::model::{Event, Length, OccurrenceKey, Standing, Traits, When};

/// What is said of a series, or of one occurrence of it.
#[derive(Clone, Copy, Debug)]
pub struct Saying<'a> {
    /// Whether it keeps its owner busy.
    pub standing: Standing,
    /// What else.
    pub traits: &'a Traits,
    /// When it (first) starts.
    pub start: &'a When,
    /// How long it lasts.
    pub length: Length,
}

/// Something that an event says, occurrence by occurrence.
#[derive(Clone, Debug, Default)]
pub struct ByOccurrence<T> {
    usual: T,
    changed: BTreeMap<OccurrenceKey, T>,
    /// From these on, all that follow.
    forks: BTreeMap<OccurrenceKey, T>,
}

impl<T: Default> ByOccurrence<T> {
    /// What `read` makes of what is said.
    pub fn new(event: &Event, home: &TimeZone, read: impl Fn(Saying<'_>) -> T) -> Self {
        let master = event.master.as_ref();
        let key = |at: &When| match master {
            Some(master) => at.clone().within(&master.start, home).key(home),
            None => at.key(home),
        };
        let mut all = Self {
            usual: master
                .map(|master| {
                    read(Saying {
                        standing: master.standing,
                        traits: &master.traits,
                        start: &master.start,
                        length: master.length,
                    })
                })
                .unwrap_or_default(),
            ..Self::default()
        };
        for change in &event.overrides {
            let of = match change.and_after {
                true => &mut all.forks,
                false => &mut all.changed,
            };
            let saying = Saying {
                standing: change.standing,
                traits: &change.traits,
                start: &change.start,
                length: change.length,
            };
            of.insert(key(&change.at), read(saying));
        }
        all
    }

    /// Of one occurrence, or of a part of one; of the series for the empty key.
    pub fn of(&self, occurrence: &OccurrenceKey) -> &T {
        let whole = occurrence
            .split_once('+')
            .map(|(whole, _)| OccurrenceKey::from(whole));
        let key = whole.as_ref().unwrap_or(occurrence);
        let fork = || self.forks.range::<OccurrenceKey, _>(..=key).next_back();
        match self.changed.get(key) {
            Some(said) => said,
            None => fork().map_or(&self.usual, |(_, said)| said),
        }
    }
}
