//! Google's JSON into what it says of events. Pure. Each item of a page is read on its own, so that an odd one spoils nothing
//! else; nothing is believed of an answer that is not of the kind that was asked for; no title leaves this room but as a print.

use std::borrow::Cow;

use google_calendar3::api;
use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    ical::{self, resolve::Zones},
    ident,
    model::{
        Event, Face, Href, Length, Master, Override, Part, Print, Resource, Revision, SeenBlock,
        Standing, Uid, Version, When, Zone, block,
    },
    provider::Place,
};

/// The mark that all blocks carry, for people who look at their events with other programs. What proves a block is its id.
pub(super) const MARK: &str = "calsync";
/// The name under which a block carries that its length is exact rather than by the clock on the wall.
pub(super) const EXACT: &str = "exact";

/// What an answer is worth if it is not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Nonsense {
    /// It ends before it should.
    #[error("the answer ends in the middle")]
    Cut,
    /// It is not JSON, or not of this form.
    #[error("the answer is not in the form that Google describes")]
    Form,
    /// It is something else.
    #[error("the answer is of another kind than what was asked for")]
    Kind,
    /// It neither ends a listing nor says how to go on.
    #[error("the answer neither goes on nor ends")]
    Endless,
}

/// One page of a listing.
#[derive(Debug)]
pub struct Page {
    /// What is on it.
    pub items: Vec<Item>,
    /// Whether there are more.
    pub next: Next,
    /// What the calendar is called, if that was asked for.
    pub title: Option<String>,
    /// Whether the account may write to the calendar, if that is said.
    pub writable: Option<bool>,
    /// Whether the account may know no more than when somebody is busy: then series are listed as their occurrences.
    pub is_busy_only: bool,
}

/// What follows a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another page, by this token.
    Page(String),
    /// Nothing; next time, what changed since this token.
    Sync(String),
}

/// What an item of a listing says.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Google's id of it.
    pub href: Href,
    /// Its edition, as [`version`] writes it.
    pub version: Version,
    /// The iCalendar UID. Google need not give one where something was cancelled.
    pub uid: Option<Uid>,
    /// The series that it is an occurrence of.
    pub series: Option<Href>,
    /// What it is.
    pub what: What,
}

/// What the places of items begin with that have no id. No id has this sign in it.
const NO_ID: &str = "no-id-";

/// What is wrong with an item, in words that hold none of it but perhaps when it begins.
pub type Why = Cow<'static, str>;

/// What an item is.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// An event, a series, or an occurrence that differs.
    Event(Event),
    /// Something that is shaped like a block.
    Block(Event, SeenBlock),
    /// An occurrence of a block that somebody changed: never a source.
    OfBlock {
        /// Whether they made a meeting of it.
        people: bool,
    },
    /// Gone.
    Gone,
    /// There, but beyond reading.
    Odd(Why),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    kind: Option<String>,
    #[serde(borrow, default)]
    items: Vec<&'a RawValue>,
    next_page_token: Option<String>,
    next_sync_token: Option<String>,
    time_zone: Option<String>,
    access_role: Option<String>,
    summary: Option<String>,
}

/// Reads a page of `events.list`. Dates without a zone of their own are read in the calendar's, else in `home`.
pub fn page(body: &[u8], home: &TimeZone) -> Result<Page, Nonsense> {
    let page: Envelope<'_> = of_kind(body, "calendar#events")?;
    let next = match (page.next_page_token, page.next_sync_token) {
        (Some(token), _) if !token.is_empty() => Next::Page(token),
        (_, Some(token)) if !token.is_empty() => Next::Sync(token),
        _ => return Err(Nonsense::Endless),
    };
    let calendar = page.time_zone.as_deref().and_then(zone_of);
    let reader = Reader {
        zone: calendar.unwrap_or(Zone::Floating),
        home,
    };
    let role = page.access_role.as_deref();
    Ok(Page {
        items: page
            .items
            .iter()
            .map(|raw| reader.item(raw.get()))
            .collect(),
        next,
        title: page.summary,
        writable: role.map(|role| writes(Some(role))),
        is_busy_only: role == Some("freeBusyReader"),
    })
}

/// Reads the one event that `events.get` answers with.
pub fn single(body: &[u8], home: &TimeZone) -> Result<Item, Nonsense> {
    let Single(raw) = of_kind(body, "calendar#event")?;
    let reader = Reader {
        zone: Zone::Floating,
        home,
    };
    Ok(reader.item(raw.get()))
}

/// What has the id of a block that was to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// An event that is there.
    Alive,
    /// One that was deleted, in this version: it can be called back.
    Dead(Version),
    /// One that was deleted and has more to it than a block that is once: it stays so.
    Buried,
}

/// Reads what has the id of a block.
pub fn taken(body: &[u8], id: &str) -> Result<Taken, Nonsense> {
    let event = of_kind::<api::Event>(body, "calendar#event")?;
    if event.id.as_deref() != Some(id) {
        return Err(Nonsense::Kind);
    }
    if !says(event.status.as_ref(), "cancelled") {
        return Ok(Taken::Alive);
    }
    let repeats = event
        .recurrence
        .as_ref()
        .is_some_and(|lines| !lines.is_empty());
    Ok(match event.etag {
        Some(etag) if is_edition(&etag) && !(repeats || people(&event)) => {
            Taken::Dead(version(&etag, event.sequence.unwrap_or(0)))
        }
        _ => Taken::Buried,
    })
}

/// Reads where a block stands after it was written.
pub fn written(body: &[u8], id: &str) -> Result<Place, Nonsense> {
    let event = of_kind::<api::Event>(body, "calendar#event")?;
    match event.etag {
        Some(etag) if event.id.as_deref() == Some(id) => Ok(Place {
            href: id.into(),
            version: version(&etag, event.sequence.unwrap_or(0)),
        }),
        _ => Err(Nonsense::Kind),
    }
}

/// A calendar in an account's list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: Option<String>,
    /// What it is called: by the account's owner, else by its own.
    pub name: Option<String>,
    /// Its time zone.
    pub zone: Option<String>,
    /// Whether it is the account's own.
    pub primary: bool,
    role: Option<String>,
}

impl Entry {
    /// Whether the account may write events to it.
    pub fn is_writable(&self) -> bool {
        writes(self.role.as_deref())
    }
}

impl From<api::CalendarListEntry> for Entry {
    fn from(entry: api::CalendarListEntry) -> Self {
        let name = entry.summary_override.or(entry.summary);
        Self {
            id: entry.id,
            name: name.filter(|name| !name.is_empty()),
            zone: entry.time_zone,
            primary: entry.primary == Some(true),
            role: entry.access_role,
        }
    }
}

fn writes(role: Option<&str>) -> bool {
    matches!(
        role,
        Some("owner" | "writer" | "writerWithoutPrivateAccess")
    )
}

/// Reads one calendar of an account's list.
pub fn entry(body: &[u8]) -> Result<Entry, Nonsense> {
    of_kind::<api::CalendarListEntry>(body, "calendar#calendarListEntry").map(Entry::from)
}

/// Reads a page of an account's list of calendars, and what the next one goes by. An odd calendar is passed over.
pub fn entries(body: &[u8]) -> Result<(Vec<Entry>, Option<String>), Nonsense> {
    let page: Envelope<'_> = of_kind(body, "calendar#calendarList")?;
    let entries = page.items.iter().filter_map(|raw| {
        let entry: api::CalendarListEntry = serde_json::from_str(raw.get()).ok()?;
        Some(Entry::from(entry))
    });
    let next = page.next_page_token.filter(|token| !token.is_empty());
    Ok((entries.collect(), next))
}

/// Whether the account may write to the calendar whose listing this is.
pub fn may_write(body: &[u8]) -> Result<bool, Nonsense> {
    let page: Envelope<'_> = of_kind(body, "calendar#events")?;
    Ok(writes(page.access_role.as_deref()))
}

/// An answer that may say of which kind it is.
trait OfKind {
    fn kind(&self) -> Option<String>;
}

/// Nothing but the kind of an answer, whatever it is.
#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// An event that is read as one of a listing is.
#[derive(Deserialize)]
#[serde(transparent)]
struct Single<'a>(#[serde(borrow)] &'a RawValue);

impl OfKind for Single<'_> {
    fn kind(&self) -> Option<String> {
        serde_json::from_str::<Kind>(self.0.get()).ok()?.kind
    }
}

impl OfKind for Envelope<'_> {
    fn kind(&self) -> Option<String> {
        self.kind.clone()
    }
}

impl OfKind for api::Event {
    fn kind(&self) -> Option<String> {
        self.kind.clone()
    }
}

impl OfKind for api::CalendarListEntry {
    fn kind(&self) -> Option<String> {
        self.kind.clone()
    }
}

/// Reads an answer of the kind that was asked for, and no other. Listings are long: those that are in order are gone through
/// once.
fn of_kind<'a, T: Deserialize<'a> + OfKind>(body: &'a [u8], wanted: &str) -> Result<T, Nonsense> {
    let read: Result<T, _> = serde_json::from_slice(body);
    let kind = match &read {
        Ok(answer) => answer.kind(),
        Err(_) => {
            let Kind { kind } = serde_json::from_slice(body).map_err(|error| nonsense(&error))?;
            kind
        }
    };
    if kind.as_deref() != Some(wanted) {
        return Err(Nonsense::Kind);
    }
    read.map_err(|error| nonsense(&error))
}

fn nonsense(error: &serde_json::Error) -> Nonsense {
    match error.is_eof() {
        true => Nonsense::Cut,
        false => Nonsense::Form,
    }
}

/// A version: the `ETag`, which `If-Match` takes, and the sequence, below which no write may go.
pub fn version(etag: &str, sequence: i32) -> Version {
    format!("{sequence} {etag}").into()
}

/// Whether an `ETag` names one edition, and not none or any.
pub fn is_edition(etag: &str) -> bool {
    !matches!(etag.trim(), "" | "*")
}

/// Marks the version of a block of which somebody changed an occurrence: the block itself is as it was.
const TOUCHED: &str = " touched";

/// The version of a block of which somebody changed an occurrence.
pub fn touched(version: &Version) -> Version {
    format!("{version}{TOUCHED}").into()
}

/// Whether somebody changed an occurrence of the block that this is a version of.
pub fn is_touched(version: &Version) -> bool {
    version.ends_with(TOUCHED)
}

/// The sequence and the `ETag` of a version.
pub fn edition(version: &str) -> (i32, &str) {
    let version = version.strip_suffix(TOUCHED).unwrap_or(version);
    let (sequence, etag) = version.split_once(' ').unwrap_or(("0", version));
    (sequence.parse().unwrap_or(0), etag)
}

impl Item {
    /// Whether it has an id of Google's.
    pub fn has_id(&self) -> bool {
        !self.href.starts_with(NO_ID)
    }

    /// The item as the one resource that it is; none if it is gone. `uid` is for items that give none themselves.
    pub fn into_resource(self, uid: Option<Uid>) -> Option<Resource> {
        // Where nobody knows a UID, the id is as good a name: it stays the same.
        let name = self.series.as_ref().unwrap_or(&self.href);
        let uid = self.uid.or(uid).unwrap_or_else(|| Uid::from(&**name));
        let parts = match self.what {
            What::Gone => return None,
            What::OfBlock { .. } => Vec::new(),
            What::Event(event) => vec![Part::Event {
                uid,
                event,
                seen: None,
            }],
            What::Block(event, seen) => vec![Part::Event {
                uid,
                event,
                seen: Some(seen),
            }],
            What::Odd(why) => vec![Part::Unreadable {
                people: false,
                uid,
                why: why.into_owned(),
            }],
        };
        Some(Resource {
            href: self.href,
            version: self.version,
            parts,
        })
    }
}

/// What a calendar's items are read with.
struct Reader<'a> {
    /// The calendar's own zone.
    zone: Zone,
    home: &'a TimeZone,
}

type Read<T> = Result<T, Why>;

impl Reader<'_> {
    fn item(&self, raw: &str) -> Item {
        let mut item = match serde_json::from_str::<api::Event>(raw) {
            Ok(event) if event.id.as_ref().is_some_and(|id| !id.is_empty()) => self.decoded(&event),
            _ => stub(raw),
        };
        if let What::Odd(why) = &mut item.what
            && let Some(begins) = begins(raw, self.home)
        {
            *why = format!("{why} (it begins on {begins})").into();
        }
        item
    }

    fn decoded(&self, event: &api::Event) -> Item {
        let id = event.id.as_deref().unwrap_or_default();
        let series = event.recurring_event_id.as_deref();
        let of_block = series.is_some_and(|series| ident::shaped(series) == Some(series));
        let is_block = ident::shaped(id) == Some(id);
        let what = match says(event.status.as_ref(), "cancelled") {
            _ if of_block => Ok(What::OfBlock {
                people: people(event),
            }),
            true => self.cancelled(event),
            false if is_block => self.block(event),
            false => self.event(event).map(What::Event),
        };
        let uid = match is_block {
            // Google adds a host to the UID of what was created by id alone.
            true => Some(id),
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

    /// Something cancelled: a hole in a series, or a tombstone.
    fn cancelled(&self, event: &api::Event) -> Read<What> {
        let (Some(_), Some(at)) = (&event.recurring_event_id, &event.original_start_time) else {
            return Ok(What::Gone);
        };
        let at = self.instant(at)?;
        Ok(What::Event(Event {
            master: None,
            overrides: vec![Override {
                start: at.clone(),
                length: unsaid(&at),
                at,
                and_after: false,
                standing: Standing::Cancelled,
                revision: revision(event),
            }],
        }))
    }

    fn event(&self, event: &api::Event) -> Read<Event> {
        let Some(start) = &event.start else {
            return Err("it has no start".into());
        };
        if let (Some(_), Some(at)) = (&event.recurring_event_id, &event.original_start_time) {
            let start = self.instant(start)?;
            return Ok(Event {
                master: None,
                overrides: vec![Override {
                    at: self.instant(at)?,
                    and_after: false,
                    length: self.length(&start, event)?,
                    start,
                    standing: standing(event),
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
        let face = Face {
            title: event.summary.clone().unwrap_or_default(),
            notes: event.description.clone().unwrap_or_default(),
        };
        let decoded = self.event(event)?;
        let shape = decoded
            .master
            .as_ref()
            .and_then(|master| ical::read::shape(master, self.home));
        let print = match &shape {
            Some(shape) => block::print(shape, &face, &oddities(event)),
            None => Print::default(),
        };
        let seen = SeenBlock {
            print,
            shape,
            people: people(event),
        };
        Ok(What::Block(decoded, seen))
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
        _ if of_block => What::OfBlock { people: true },
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
    let start = value
        .get("start")
        .or_else(|| value.get("originalStartTime"))?;
    let text = |name| start.get(name).and_then(serde_json::Value::as_str);
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

fn says(field: Option<&String>, word: &str) -> bool {
    field.is_some_and(|text| text == word)
}

const NOWHERE: &str = "it repeats in a time zone that calsync does not know";

/// The zone of this name, as it is read in a calendar file that describes none.
fn zone_of(name: &str) -> Option<Zone> {
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

/// Whether somebody made a meeting of a block. On one's own event, Google names the calendar itself as the organiser.
fn people(event: &api::Event) -> bool {
    let invited = event.attendees.as_ref().is_some_and(|all| !all.is_empty());
    let creator = event.creator.as_ref().and_then(|who| who.email.as_ref());
    let foreign = event.organizer.as_ref().is_some_and(|who| {
        let own = who.self_ == Some(true) || (who.email.is_some() && who.email.as_ref() == creator);
        !own && (who.email.is_some() || who.id.is_some() || who.display_name.is_some())
    });
    invited || event.attendees_omitted == Some(true) || foreign
}

/// All that a block shows beside what calsync wrote.
fn oddities(event: &api::Event) -> Vec<&'static str> {
    let filled = |field: &Option<String>| field.as_ref().is_some_and(|text| !text.is_empty());
    let alarm = event.reminders.as_ref().is_some_and(|reminders| {
        reminders.use_default == Some(true) || reminders.overrides.iter().flatten().count() > 0
    });
    let status = event.status.as_deref().unwrap_or("confirmed");
    let kind = event.event_type.as_deref().unwrap_or("default");
    let meets = event.conference_data.is_some() || filled(&event.hangout_link);
    let odd = [
        (event.recurring_event_id.is_some(), "override"),
        (says(event.transparency.as_ref(), "transparent"), "free"),
        (status != "confirmed", "status"),
        (!says(event.visibility.as_ref(), "private"), "public"),
        (alarm, "alarm"),
        (filled(&event.location), "place"),
        (filled(&event.color_id), "colour"),
        (kind != "default", "kind"),
        (event.attachments.iter().flatten().count() > 0, "attachment"),
        (meets, "conference"),
        (!is_marked(event, MARK), "mark"),
    ];
    odd.into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, word)| word)
        .collect()
}

/// Whether a block says that its length really passes, whatever the clock on the wall does.
fn is_exact(event: &api::Event) -> bool {
    is_marked(event, EXACT)
}

/// Whether a block carries one of the marks that calsync gave it.
fn is_marked(event: &api::Event, mark: &str) -> bool {
    let marks = event.extended_properties.as_ref();
    let marks = marks.and_then(|marks| marks.private.as_ref());
    marks.is_some_and(|marks| marks.contains_key(mark))
}
