//! Events in their calendars: finding them and their occurrences, and changing them so that everybody who syncs hears of it.
//! Must never judge whether somebody may.

use jiff::{ToSpan as _, civil::Date, tz::TimeZone};
use serde_json::Value;

use super::{
    series::{Moment, Occurrence, occurrences},
    world::{Calendar, Stored, World},
};

/// How many years from now a series goes on, at the most, when nobody says where to stop.
const HORIZON_YEARS: i32 = 14;

impl Calendar {
    /// The live series that an occurrence's id belongs to, and the occurrence in it.
    pub(crate) fn occurrence(&self, id: &str, horizon: Date) -> Option<(&Stored, Occurrence)> {
        let (master, suffix) = id.rsplit_once('_')?;
        let master = self
            .events
            .get(master)
            .filter(|event| event.is_series() && !event.is_cancelled())?;
        let all = occurrences(&master.body, horizon).ok()?;
        let found = all
            .into_iter()
            .find(|one| one.original.suffix() == suffix)?;
        Some((master, found))
    }

    /// An event, or an occurrence of a series.
    pub(crate) fn find(&self, id: &str, horizon: Date) -> Option<Stored> {
        match self.events.get(id).filter(|event| !event.orphaned) {
            Some(event) => Some(event.clone()),
            None => {
                let (master, occurrence) = self.occurrence(id, horizon)?;
                Some(instance(master, &occurrence))
            }
        }
    }

    /// The changed occurrences of a series.
    pub(crate) fn exceptions(&self, master: &str) -> Vec<&Stored> {
        let prefix = format!("{master}_");
        let events = self.events.range(prefix.clone()..);
        let events = events.take_while(|(id, _)| id.starts_with(&prefix));
        let is_of_it =
            |event: &&Stored| !event.orphaned && event.text("recurringEventId") == master;
        events.map(|(_, event)| event).filter(is_of_it).collect()
    }

    /// Every occurrence of a series, as it is now; those that were changed in their place in the order of the rule.
    pub(crate) fn instances(&self, master: &Stored, horizon: Date) -> Result<Vec<Stored>, String> {
        let all = occurrences(&master.body, horizon)?;
        Ok(all
            .iter()
            .map(|occurrence| {
                let plain = instance(master, occurrence);
                let changed = self.events.get(plain.text("id"));
                changed
                    .filter(|event| !event.orphaned)
                    .cloned()
                    .unwrap_or(plain)
            })
            .collect())
    }
}

/// An occurrence that nobody changed.
fn instance(master: &Stored, occurrence: &Occurrence) -> Stored {
    let mut one = Stored {
        body: master.body.clone(),
        ..master.clone()
    };
    let id = format!("{}_{}", master.text("id"), occurrence.original.suffix());
    one.body.remove("recurrence");
    one.body
        .insert("recurringEventId".to_owned(), master.text("id").into());
    one.body
        .insert("originalStartTime".to_owned(), occurrence.start.clone());
    one.body
        .insert("start".to_owned(), occurrence.start.clone());
    one.body.insert("end".to_owned(), occurrence.end.clone());
    one.body.insert("id".to_owned(), id.into());
    one
}

impl World {
    /// The last day that a series is followed to.
    pub(crate) fn horizon(&self) -> Date {
        let today = self.now.to_zoned(TimeZone::UTC).date();
        today.saturating_add(HORIZON_YEARS.years())
    }

    /// The number of a new write.
    pub(crate) fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// Stores an event in its newest form; everything that depends on it follows.
    pub(crate) fn store(&mut self, calendar: &str, mut event: Stored) {
        let id = event.text("id").to_owned();
        if !event.verbatim {
            event.body.insert(
                "updated".to_owned(),
                self.now
                    .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
                    .to_string()
                    .into(),
            );
        }
        event.revision = self.next_revision();
        let revision = event.revision;
        self.calendars
            .get_mut(calendar)
            .unwrap()
            .events
            .insert(id.clone(), event);
        self.calendars.get_mut(calendar).unwrap().revision = revision;
        self.orphan(calendar, &id);
    }

    /// Changed occurrences go with their series, or with the part of it that goes.
    fn orphan(&mut self, calendar: &str, master: &str) {
        let horizon = self.horizon();
        let known = &self.calendars[calendar];
        let exceptions = known.exceptions(master);
        if exceptions.is_empty() {
            return;
        }
        let series = &known.events[master];
        let still: Option<Vec<Moment>> = match series.is_series() && !series.is_cancelled() {
            true => occurrences(&series.body, horizon)
                .ok()
                .map(|all| all.iter().map(|one| one.original).collect()),
            false => Some(Vec::new()),
        };
        // A rule that this server cannot follow keeps all of its changed occurrences.
        let Some(still) = still else { return };
        let lost: Vec<String> = exceptions
            .into_iter()
            .filter(|event| {
                !event
                    .moment("originalStartTime")
                    .is_some_and(|at| still.contains(&at))
            })
            .map(|event| event.text("id").to_owned())
            .collect();
        for id in lost {
            let revision = self.next_revision();
            let known = self.calendars.get_mut(calendar).unwrap();
            known.revision = revision;
            let event = known.events.get_mut(&id).unwrap();
            event.revision = revision;
            event.orphaned = true;
            event
                .body
                .insert("status".to_owned(), Value::from("cancelled"));
        }
    }
}
