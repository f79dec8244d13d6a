//! iCalendar text into events. Forgiving where files in the wild are sloppy; where the meaning is lost, it says so for that
//! one event instead of guessing. No title, place or note ever leaves this room, save those of our own blocks and those that a rule shows.

use jiff::tz::TimeZone;

use super::{
    damage::{self, Signs},
    lines::{self, Component, Prop, TextError, tells_of_people},
    resolve::Zones,
    values::{days_between, duration, local_time, seconds_between},
};
use crate::model::{
    Dated, Interest, Length, Master, Override, Part, Revision, Said, When, Zone, marks,
};

mod contents;
mod face;
mod recurs;
mod traits;

pub use recurs::{recurrence, shape};

use contents::{Contents, Series, is_mixed};

/// How to read: what depends on whose calendar it is.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The owner's mail addresses in lower case: what they declined does not keep them busy.
    pub me: &'a [String],
    /// The zone of floating times.
    pub home: &'a TimeZone,
    /// What the rules want of the words of events.
    pub interest: &'a Interest,
}

impl<'a> Reader<'a> {
    /// One that looks for nothing in the words of events.
    pub fn new(me: &'a [String], home: &'a TimeZone) -> Self {
        let interest = &marks::NOTHING;
        Self { me, home, interest }
    }
}

/// What is wrong with an event, and where.
struct Fault {
    line: usize,
    why: String,
}

type Read<T> = Result<T, Fault>;

/// What a text holds.
#[derive(Debug)]
pub struct Found {
    /// Its events, as far as they can be read, and the others.
    pub parts: Vec<Part>,
    /// What looks damaged in it beside events that cannot be read. It may have lost others without a trace.
    pub signs: Signs,
}

/// Reads all events in a text.
pub fn read(bytes: &[u8], reader: Reader<'_>) -> Result<Vec<Part>, TextError> {
    read_signs(bytes, reader).map(|found| found.parts)
}

/// The same, and says what looks damaged.
pub fn read_signs(bytes: &[u8], reader: Reader<'_>) -> Result<Found, TextError> {
    read_all(bytes, reader, tells_of_people)
}

/// The same of what a server keeps. Some servers name the owner of the calendar as the organiser of whatever is stored there,
/// also of a block, which has none. That alone makes no meeting: nobody is mailed but whoever is invited (RFC 6638 3.2), so
/// that changing or removing such a block is silent, and a person who makes a meeting of it invites somebody. Counting it
/// as theirs would disown every block at such a server. In a folder nobody adds it on their own: there it stays a sign of people.
pub fn read_kept(bytes: &[u8], reader: Reader<'_>) -> Result<Vec<Part>, TextError> {
    let invites = |name: &str| name != "ORGANIZER" && tells_of_people(name);
    read_all(bytes, reader, invites).map(|found| found.parts)
}

fn read_all(
    bytes: &[u8],
    reader: Reader<'_>,
    names_people: fn(&str) -> bool,
) -> Result<Found, TextError> {
    let text = lines::read(bytes)?;
    let calendars = Zones::of_all(&text.calendars).into_iter();
    let calendars: Vec<(Zones, &Component)> = calendars.zip(&text.calendars).collect();
    let is_mixed = text.strays || text.calendars.iter().any(is_mixed);
    let mut contents = Contents::new(is_mixed, text.signs);
    // Series first: what names an occurrence of one is read on its clock, wherever in the text it stands.
    for changes in [false, true] {
        for (zones, calendar) in &calendars {
            let context = Context {
                zones,
                reader,
                names_people,
                private: traits::is_kept_back(calendar),
            };
            let events = calendar.children.iter().filter(|c| c.name == "VEVENT");
            for event in events.filter(|event| event.prop("RECURRENCE-ID").is_some() == changes) {
                contents.add(event, &context);
            }
        }
    }
    for (_, calendar) in &calendars {
        contents.add_unknown(calendar);
    }
    if contents.signs.count > 0 || text.lost {
        contents.add_lost(bytes, &text.calendars);
    }
    Ok(contents.into_found())
}

/// A calendar's zones and its owner.
struct Context<'a> {
    zones: &'a Zones,
    reader: Reader<'a>,
    /// Whether a property of this name shows that somebody made a meeting of an event.
    names_people: fn(&str) -> bool,
    /// Whether all of it is nobody else's business.
    private: bool,
}

impl Context<'_> {
    /// What an event says. `series` is the one that it changes an occurrence of, where that is known.
    fn piece(&self, event: &Component, series: Option<&Series>) -> Read<Said> {
        if let Some(line) = event.broken {
            return Err(fault(line, "a line that matters has no colon"));
        }
        if let Some((line, meant)) = damage::misspelt(event) {
            return Err(fault(line, &format!("the property is misspelt; {meant}?")));
        }
        if let Some(line) = damage::misspelt_zone(event) {
            return Err(fault(line, "the parameter is misspelt; TZID?"));
        }
        if let Some(prop) = event.props.iter().find(|prop| self.is_nowhere(prop)) {
            let why = "nobody knows the time zone, and the file does not describe it; correct TZID";
            return Err(fault(prop.line, why));
        }
        let Some(prop) = event.prop("DTSTART") else {
            return Err(fault(event.line, "the event has no DTSTART"));
        };
        let start = self.when(prop, None)?;
        let length = self.length(event, &start)?;
        let standing = self.standing(event, &start);
        let (revision, dated) = self.revision(event);
        let private = self.private || series.is_some_and(|series| series.private);
        let traits = self.traits(event, &start, private);
        if let Some(id) = event.prop("RECURRENCE-ID") {
            let range = id.param("RANGE");
            return Ok(Said::Change(Override {
                at: self.named(id, series.map(|series| &series.start), &start)?,
                and_after: range.is_some_and(|r| r.eq_ignore_ascii_case("THISANDFUTURE")),
                start,
                length,
                traits,
                standing,
                revision,
            }));
        }
        let master = Master {
            recurs: self.recurs(event, &start)?,
            start,
            length,
            traits,
            standing,
            revision,
        };
        Ok(Said::Master(master, dated))
    }

    /// A date or a time. One that names no zone is read in that of `like`, where the event itself has one.
    fn when(&self, prop: &Prop, like: Option<&When>) -> Read<When> {
        self.when_text(prop, prop.value.trim(), like)
            .ok_or_else(|| fault(prop.line, &format!("{} is not a date or time", prop.name)))
    }

    /// Whether a property tells of a time on a clock that nobody knows. To guess would be to show the wrong hours.
    fn is_nowhere(&self, prop: &Prop) -> bool {
        const TIMES: [&str; 5] = ["DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE"];
        let is_local = |text: &str| text.trim().len() > 8 && !text.trim().ends_with(['Z', 'z']);
        TIMES.contains(&prop.name.as_str())
            && !self.zones.is_known(prop.param("TZID"))
            && prop.value.split([',', '/']).any(is_local)
    }

    /// The occurrence that a RECURRENCE-ID names: on the clock of its series, if that is known.
    fn named(&self, id: &Prop, series: Option<&When>, start: &When) -> Read<When> {
        let at = self.when(id, series.or(Some(start)))?;
        Ok(match series {
            Some(series) => at.within(series, self.reader.home),
            None => at,
        })
    }

    fn when_text(&self, prop: &Prop, text: &str, like: Option<&When>) -> Option<When> {
        let local = local_time(text)?;
        if text.len() == 8 {
            return Some(When::Day(local.date()));
        }
        if text.ends_with(['Z', 'z']) {
            return Some(When::Time(local, Zone::UTC));
        }
        let zone = match (prop.param("TZID"), like) {
            (None, Some(When::Time(_, zone))) => zone.clone(),
            (id, _) => self.zones.get(id),
        };
        Some(When::Time(local, zone))
    }

    /// How long each occurrence lasts. RFC 5545 3.6.1: neither DTEND nor DURATION means a day for a date, no time for a time.
    fn length(&self, event: &Component, start: &When) -> Read<Length> {
        if let Some(prop) = event.prop("DTEND") {
            let end = self.when(prop, None)?;
            if self.is_before(&end, start) {
                // Which of the two is meant, nobody knows.
                return Err(fault(prop.line, "DTEND is before DTSTART"));
            }
            return Ok(self.between(start, &end));
        }
        if let Some(prop) = event.prop("DURATION") {
            let length = duration(&prop.value)
                .ok_or_else(|| fault(prop.line, "DURATION is not a duration"))?;
            return Ok(match (start, length) {
                (When::Day(_), Length::Elapsed { days, seconds }) => {
                    let more = i32::try_from(seconds.div_euclid(86_400)).unwrap_or(0);
                    Length::Days((days + more).max(1))
                }
                _ => length,
            });
        }
        Ok(match start {
            When::Day(_) => Length::Days(1),
            When::Time(..) => Length::Wall(0),
        })
    }

    /// Whether an end is before its start; on one clock, as that clock shows it.
    fn is_before(&self, end: &When, start: &When) -> bool {
        match (start, end) {
            (When::Time(from, zone), When::Time(to, other)) if zone == other => to < from,
            (When::Day(first), _) => end.local().date() < *first,
            _ => end.instant(self.reader.home) < start.instant(self.reader.home),
        }
    }

    fn between(&self, start: &When, end: &When) -> Length {
        match (start, end) {
            (When::Day(first), end) => {
                let last = end.local();
                let more =
                    i32::from(matches!(end, When::Time(..)) && last != last.date().at(0, 0, 0, 0));
                // Some clients end a day on itself, which RFC 5545 3.6.1 does not allow; they mean that day.
                Length::Days((days_between(*first, last.date()) + more).max(1))
            }
            (When::Time(from, zone), When::Time(to, other)) if zone == other => {
                Length::Wall(seconds_between(*from, *to).max(0))
            }
            (When::Time(from, _), When::Day(last)) => {
                Length::Wall(seconds_between(*from, last.at(0, 0, 0, 0)).max(0))
            }
            (When::Time(..), When::Time(..)) => {
                let home = self.reader.home;
                let seconds = end.instant(home).as_second() - start.instant(home).as_second();
                Length::Elapsed {
                    days: 0,
                    seconds: seconds.max(0),
                }
            }
        }
    }

    /// Which edition it is, and by what that is dated.
    fn revision(&self, event: &Component) -> (Revision, Dated) {
        let at = |name| self.when(event.prop(name)?, None).ok();
        let (instant, dated) = match at("LAST-MODIFIED") {
            Some(changed) => (Some(changed), Dated::Changed),
            None => (at("DTSTAMP"), Dated::Stamped),
        };
        let revision = Revision {
            sequence: event
                .value("SEQUENCE")
                .and_then(|n| n.parse().ok())
                .unwrap_or(-1),
            modified: instant.map_or(0, |w| w.instant(self.reader.home).as_second()),
        };
        (revision, dated)
    }
}

fn fault(line: usize, why: &str) -> Fault {
    Fault {
        line,
        why: why.to_owned(),
    }
}
