//! Google's JSON into what it says. Pure. Each item of a page is read on its own, so that an odd one spoils nothing else; nothing
//! is believed of an answer that is not of the kind that was asked for; no title leaves this room but as a print.

use google_calendar3::api;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    model::{Block, Interest, Version, Zone},
    provider::Place,
};

mod block;
mod event;
mod item;
mod traits;

pub(super) use block::{EXACT, MARK};
pub use item::{Item, What, Why, edition, is_edition, is_touched, touched, version};

use block::people;
use event::{Reader, says, zone_of};

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
    /// The calendar's own time zone.
    pub zone: Zone,
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

/// Reads a page of `events.list`, with what is wanted of the words of its events. Dates without a zone of their own are read in
/// the calendar's, else in `home`.
pub fn page(body: &[u8], home: &TimeZone, interest: &Interest) -> Result<Page, Nonsense> {
    let page: Envelope<'_> = of_kind(body, "calendar#events")?;
    let next = match (page.next_page_token, page.next_sync_token) {
        (Some(token), _) if !token.is_empty() => Next::Page(token),
        (_, Some(token)) if !token.is_empty() => Next::Sync(token),
        _ => return Err(Nonsense::Endless),
    };
    let calendar = page.time_zone.as_deref().and_then(zone_of);
    let zone = calendar.unwrap_or(Zone::Floating);
    let reader = Reader {
        zone: zone.clone(),
        home,
        interest,
    };
    let role = page.access_role.as_deref();
    Ok(Page {
        items: page
            .items
            .iter()
            .map(|raw| reader.item(raw.get()))
            .collect(),
        next,
        zone,
        title: page.summary,
        writable: role.map(|role| writes(Some(role))),
        is_busy_only: role == Some("freeBusyReader"),
    })
}

/// Reads a page of a series' occurrences: whether somebody was invited to one of them, and what the next page goes by. What cannot
/// be read may be anybody's.
pub fn invited(body: &[u8]) -> Result<(bool, Option<String>), Nonsense> {
    let page: Envelope<'_> = of_kind(body, "calendar#events")?;
    let mut events = page.items.iter();
    let is_met = events.any(|raw| {
        let event: Result<api::Event, _> = serde_json::from_str(raw.get());
        event.map_or(true, |event| people(&event))
    });
    let next = page.next_page_token.filter(|token| !token.is_empty());
    Ok((is_met, next))
}

/// Reads the one event that `events.get` answers with, as [`page`] does; the answer does not say the calendar's zone.
pub fn single(
    body: &[u8],
    zone: Zone,
    home: &TimeZone,
    interest: &Interest,
) -> Result<Item, Nonsense> {
    let Single(raw) = of_kind(body, "calendar#event")?;
    let reader = Reader {
        zone,
        home,
        interest,
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
pub fn written(body: &[u8], block: &Block) -> Result<Place, Nonsense> {
    let event = of_kind::<api::Event>(body, "calendar#event")?;
    let id = block.id.as_str();
    match event.etag {
        Some(etag) if event.id.as_deref() == Some(id) => {
            let version = version(&etag, event.sequence.unwrap_or(0));
            Ok(Place::of(block, id.into(), version))
        }
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

/// Whoever may write but not see private events ("writerWithoutPrivateAccess") would not see whether somebody is in a block.
fn writes(role: Option<&str>) -> bool {
    matches!(role, Some("owner" | "writer"))
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
