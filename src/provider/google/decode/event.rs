//! One item of Google's JSON into the event that it is. Pure. What cannot be read says why, in words that hold none of it but
//! perhaps when it begins.

use google_calendar3::api;
use jiff::{Timestamp, tz::TimeZone};

use super::{
    block::{face, is_exact, oddities, people},
    item::{Item, NO_ID, What, Why, version},
    traits::traits,
};
use crate::{
    ical::{self, resolve::Zones},
    ident,
    model::{
        Event, Href, Interest, Length, Master, Override, Print, Revision, SeenBlock, Standing,
        Traces, Traits, Uid, When, Zone, block,
    },
};

/// What a calendar's items are read with.
pub(super) struct Reader<'a> {
    /// The calendar's own zone.
    pub(super) zone: Zone,
    pub(super) home: &'a TimeZone,
    pub(super) interest: &'a Interest,
}

type Read<T> = Result<T, Why>;

impl Reader<'_> {
    pub(super) fn item(&self, raw: &str) -> Item {
        let mut item = match serde_json::from_str::<api::Event>(raw) {
            Ok(event) if event.id.as_ref().is_some_and(|id| !id.is_empty()) => self.decoded(&event),
            _ => stub(raw),
        };
        if let What::Odd(why) = &mut item.what
            && let Some(begins) = begins(raw, self.home)
        {
            *why = format!("{why} ({begins})").into();
        }
        item
    }

    fn decoded(&self, event: &api::Event) -> Item {
        let id = event.id.as_deref().unwrap_or_default();
        let series = event.recurring_event_id.as_deref();
        // Also the half that Google makes of a series which somebody changed from one day on: it is named after the whole.
        let mut whole = series
            .into_iter()
            .chain([id])
            .map(|id| match id.split_once('_') {
                Some((base, _)) => (base, true),
                None => (id, Some(id) == series),
            });
        let of_block = whole.any(|(base, is_part)| is_part && ident::shaped(base) == Some(base));
        let is_block = ident::shaped(id) == Some(id);
        let what = match says(event.status.as_ref(), "cancelled") {
            _ if of_block => Ok(What::OfBlock {
                people: people(event),
                keeps: self.keeps(event),
                gone: self.taken_out(event),
            }),
            true => self.cancelled(event),
            false if is_block => self.block(event),
            false => {
                let read = self.event(event);
                read.and_then(|read| repeats_as_said(event, read))
                    .map(What::Event)
            }
        };
        let uid = match is_block {
            // Google adds a host to the UID of what was created by id alone.
            true => Some(id),
            // An occurrence that makes no sense is of its series, whatever else it says.
            false if series.is_some() && what.is_err() => None,
            false => event.i_cal_uid.as_deref().filter(|uid| !uid.is_empty()),
        };
        Item {
            href: id.into(),
            version: version(
                event.etag.as_deref().unwrap_or_default(),
                event.sequence.unwrap_or(0),
            ),
            uid: uid.map(Uid::from),
            series: series.map(Href::from),
            what: what.unwrap_or_else(What::Odd),
        }
    }

    /// How long an occurrence lasts, if it is busy when its series has it.
    fn keeps(&self, event: &api::Event) -> Option<i64> {
        let (start, end) = (event.start.as_ref()?, event.end.as_ref()?);
        let at = event.original_start_time.as_ref()?;
        let (from, to) = (self.instant(start).ok()?, self.instant(end).ok()?);
        let keeps = standing(event).is_busy() && from == self.instant(at).ok()?;
        // Days as days, whatever the clock does on them.
        keeps.then(|| to.local().duration_since(from.local()).as_secs())
    }

    /// Something cancelled: a hole in a series, or a tombstone.
    fn cancelled(&self, event: &api::Event) -> Read<What> {
        if event.recurring_event_id.is_none() {
            return Ok(What::Gone);
        }
        let at = self.instant(event.original_start_time.as_ref().ok_or(WHICH)?)?;
        Ok(What::Event(Event {
            master: None,
            overrides: vec![Override {
                start: at.clone(),
                length: unsaid(&at),
                at,
                and_after: false,
                standing: Standing::Cancelled,
                traits: Traits::default(),
                revision: revision(event),
            }],
        }))
    }

    /// Which occurrence of a block somebody took out.
    fn taken_out(&self, event: &api::Event) -> Option<When> {
        let is_cancelled = says(event.status.as_ref(), "cancelled");
        let at = event
            .original_start_time
            .as_ref()
            .filter(|_| is_cancelled)?;
        self.instant(at).ok()
    }

    fn event(&self, event: &api::Event) -> Read<Event> {
        let Some(start) = &event.start else {
            return Err("it has no start".into());
        };
        if event.recurring_event_id.is_some() {
            let at = event.original_start_time.as_ref().ok_or(WHICH)?;
            let start = self.instant(start)?;
            return Ok(Event {
                master: None,
                overrides: vec![Override {
                    at: self.instant(at)?,
                    and_after: false,
                    length: self.length(&start, event)?,
                    start,
                    standing: standing(event),
                    traits: traits(event, self.interest),
                    revision: revision(event),
                }],
            });
        }
        Ok(Event {
            master: Some(self.master(start, event)?),
            overrides: Vec::new(),
        })
    }

    fn master(&self, start: &api::EventDateTime, event: &api::Event) -> Read<Master> {
        let lines = event.recurrence.as_deref().unwrap_or_default();
        let start = match lines {
            [] => self.instant(start)?,
            _ => self.local(start)?,
        };
        let recurs = ical::read::recurrence(lines, &start, self.home);
        Ok(Master {
            length: self.length(&start, event)?,
            recurs: recurs.map_err(|why| format!("how it repeats cannot be read: {why}"))?,
            start,
            standing: standing(event),
            traits: traits(event, self.interest),
            revision: revision(event),
        })
    }

    /// A date, or an instant: exact also where a local time would be one of two.
    fn instant(&self, at: &api::EventDateTime) -> Read<When> {
        if let Some(date) = at.date {
            return Ok(When::Day(day(date)?));
        }
        let instant = instant(at)?;
        Ok(When::Time(Zone::UTC.local(instant, self.home), Zone::UTC))
    }

    /// A date, or a time on the clock that a series goes by.
    fn local(&self, at: &api::EventDateTime) -> Read<When> {
        if let Some(date) = at.date {
            return Ok(When::Day(day(date)?));
        }
        let zone = self.zone(at).ok_or(NOWHERE)?;
        Ok(When::Time(zone.local(instant(at)?, self.home), zone))
    }

    /// The zone that a time is in, which is the calendar's unless another is named; none if that is one that nobody knows.
    fn zone(&self, at: &api::EventDateTime) -> Option<Zone> {
        match at.time_zone.as_deref().map(str::trim) {
            None | Some("") => Some(self.zone.clone()),
            Some(name) => zone_of(name),
        }
    }

    fn length(&self, start: &When, event: &api::Event) -> Read<Length> {
        // Google always says one. RFC 5545 has a meaning for none, but here it is missing.
        let end = event.end.as_ref().ok_or("it has no end")?;
        match (start, end.date) {
            (When::Day(first), Some(end)) => {
                let end = day(end)?;
                if end < *first {
                    return Err(BACKWARDS.into());
                }
                let days = first.until(end).map_or(1, |span| span.get_days());
                Ok(Length::Days(days.max(1)))
            }
            (When::Time(local, zone), None) => {
                let from = zone.instant(*local, self.home);
                let to = instant(end)?;
                if to < from && !may_be_moved(event, to, from) {
                    return Err(BACKWARDS.into());
                }
                let same_zone = end.time_zone.is_none() || self.zone(end).as_ref() == Some(zone);
                let repeats = event.recurrence.is_some();
                Ok(if repeats && same_zone && !is_exact(event) {
                    Length::Wall(wall(*local, zone.local(to, self.home)))
                } else {
                    Length::Elapsed {
                        days: 0,
                        seconds: (to.as_second() - from.as_second()).max(0),
                    }
                })
            }
            _ => Err("its start and its end do not fit together".into()),
        }
    }

    fn block(&self, event: &api::Event) -> Read<What> {
        let face = face(event);
        let decoded = self.event(event)?;
        let shape = decoded
            .master
            .as_ref()
            .and_then(|master| ical::read::shape(master, self.home));
        let odd = oddities(event);
        let (print, traces) = match &shape {
            Some(shape) => (
                block::print(shape, &face, &odd),
                Traces::of(shape, &face, &odd),
            ),
            None => (Print::default(), Traces::default()),
        };
        let seen = SeenBlock {
            print,
            traces,
            shape,
            people: people(event),
            touched: false,
            moved: false,
        };
        Ok(What::Block(decoded, seen))
    }
}

/// Whether something that says how it repeats does so as far as it was understood. What it means by anything else is not that it
/// happens once. Not asked of a block, which is put right, unless somebody was invited to it: that must be seen.
fn repeats_as_said(event: &api::Event, read: Event) -> Read<Event> {
    let lines = event.recurrence.as_deref().unwrap_or_default();
    let mut master = read.master.iter();
    let is_lost = master.any(|master| master.recurs.is_none());
    match is_lost && !lines.is_empty() {
        true => Err("how it repeats cannot be read: no line of it is a rule or a date".into()),
        false => Ok(read),
    }
}

/// What can still be said of an item that is not an event as Google describes them.
fn stub(raw: &str) -> Item {
    let value: serde_json::Value = serde_json::from_str(raw).unwrap_or_default();
    let text = |name| value.get(name).and_then(serde_json::Value::as_str);
    let id = text("id").filter(|id| !id.is_empty());
    let is_block = id.is_some_and(|id| ident::shaped(id) == Some(id));
    let of_block = text("recurringEventId").is_some_and(|id| ident::shaped(id) == Some(id));
    // One without an id gets a name that is the same as long as it says the same.
    let href = match id {
        Some(id) => id.to_owned(),
        None => format!("{NO_ID}{}", Print::of([raw.as_bytes()])),
    };
    let uid = if is_block { id } else { text("iCalUID") };
    let what = match (id, text("status")) {
        (None, _) => What::Odd("it has no id".into()),
        _ if of_block => What::OfBlock {
            people: true,
            keeps: None,
            gone: None,
        },
        // A tombstone need not say anything else.
        (Some(_), Some("cancelled")) if text("recurringEventId").is_none() => What::Gone,
        (Some(_), _) => What::Odd("one of its fields is not what Google describes".into()),
    };
    Item {
        href: href.as_str().into(),
        version: version(text("etag").unwrap_or_default(), 0),
        uid: uid.map(Uid::from),
        series: text("recurringEventId").map(Href::from),
        what,
    }
}

/// When something begins that cannot be read otherwise: that is how people find it. Nothing is repeated as it stands there.
fn begins(raw: &str, home: &TimeZone) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(raw).ok()?;
    let mut told = [
        ("start", "begins"),
        ("originalStartTime", "begins"),
        ("end", "ends"),
    ]
    .into_iter();
    told.find_map(|(name, word)| {
        let at = moment(value.get(name)?, home)?;
        Some(format!("it {word} on {at}"))
    })
}

/// The day, and the time if there is one, of a place in time as Google writes it.
fn moment(at: &serde_json::Value, home: &TimeZone) -> Option<String> {
    let text = |name| at.get(name).and_then(serde_json::Value::as_str);
    let date = text("date").and_then(|date| date.parse::<jiff::civil::Date>().ok());
    let time = text("dateTime").and_then(|time| time.parse::<Timestamp>().ok());
    let time = || {
        Some(
            time?
                .to_zoned(home.clone())
                .strftime("%Y-%m-%d at %H:%M")
                .to_string(),
        )
    };
    date.map(|date| date.to_string()).or_else(time)
}

pub(super) fn says(field: Option<&String>, word: &str) -> bool {
    field.is_some_and(|text| text == word)
}

/// Nobody knows at which time nothing is any more, or something else.
const WHICH: &str = "it is an occurrence, and does not say which";

const NOWHERE: &str = "it repeats in a time zone that calsync does not know";

/// The zone of this name, as it is read in a calendar file that describes none.
pub(super) fn zone_of(name: &str) -> Option<Zone> {
    let zone = Zones::default().get(Some(name));
    (zone != Zone::Floating).then_some(zone)
}

/// Whether the start of an occurrence may have been moved past its end: by as much as a clock skips, where it does.
fn may_be_moved(event: &api::Event, end: Timestamp, start: Timestamp) -> bool {
    const SKIPPED_MAX: i64 = 7_200;
    event.recurring_event_id.is_some() && start.as_second() - end.as_second() <= SKIPPED_MAX
}

/// Which of the two is meant, nobody knows.
const BACKWARDS: &str = "it ends before it starts";

/// The length of something that has none given (RFC 5545 3.6.1).
fn unsaid(start: &When) -> Length {
    match start {
        When::Day(_) => Length::Days(1),
        When::Time(..) => Length::Wall(0),
    }
}

fn wall(from: jiff::civil::DateTime, to: jiff::civil::DateTime) -> i64 {
    let span = from.duration_until(to);
    span.as_secs().max(0)
}

fn day(date: chrono::NaiveDate) -> Read<jiff::civil::Date> {
    use chrono::Datelike as _;
    let small = |n: u32| i8::try_from(n).unwrap_or(0);
    let year = i16::try_from(date.year()).unwrap_or(i16::MIN);
    jiff::civil::Date::new(year, small(date.month()), small(date.day()))
        .map_err(|_| "a date is out of range".into())
}

fn instant(at: &api::EventDateTime) -> Read<Timestamp> {
    let time = at.date_time.ok_or("it has neither a date nor a time")?;
    Timestamp::from_second(time.timestamp()).map_err(|_| "a time is out of range".into())
}

fn revision(event: &api::Event) -> Revision {
    Revision {
        sequence: event.sequence.map_or(-1, i64::from),
        modified: event.updated.map_or(0, |updated| updated.timestamp()),
    }
}

/// Whether an event keeps its owner busy. Kinds that nobody has heard of yet count as plain events.
fn standing(event: &api::Event) -> Standing {
    if says(event.status.as_ref(), "cancelled") {
        Standing::Cancelled
    } else if says(event.event_type.as_ref(), "workingLocation")
        || says(event.event_type.as_ref(), "birthday")
    {
        Standing::Note
    } else if says(event.transparency.as_ref(), "transparent") {
        Standing::Free
    } else if declined(event) {
        Standing::Declined
    } else {
        Standing::Busy
    }
}

fn declined(event: &api::Event) -> bool {
    let attendees = event.attendees.iter().flatten();
    let mut me = attendees.filter(|who| who.self_ == Some(true)).peekable();
    me.peek().is_some() && me.all(|who| says(who.response_status.as_ref(), "declined"))
}
