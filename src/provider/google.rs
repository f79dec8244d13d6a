//! A calendar at Google, by version 3 of its Calendar API. Reads series and what differs from them, and after that only what
//! is new; writes blocks under ids of calsync's own choosing. Never writes over a version that it did not see, and never
//! sends a request that could make Google mail anybody.

use jiff::tz::TimeZone;

use super::{Answer, Cursor, ErrorKind, Known, Place, Probe, Provider, ProviderError, Pulled};
use crate::{
    http::{Method, Response, StatusCode},
    ident::BlockId,
    model::{Block, Part, Resource, Shape, Version},
};

mod account;
pub mod answer;
pub mod decode;
pub mod encode;
pub mod gather;
mod named;

pub use account::{GoogleAccount, Offer};

use account::{ENTRY, encoded, error, refusal, senseless, too_much};
use answer::{Doing, Refusal, Whose};
use decode::{Item, Next, Nonsense, Taken, What, edition, is_touched};
use gather::Gathered;
use named::Found;

/// The most pages that a listing may have. Google makes short and empty ones as it likes.
const PAGES_MAX: usize = 2_000;
/// The most events that a listing may have.
const EVENTS_MAX: usize = 500_000;
/// Above this many single looks, reading everything anew is the lesser effort.
const LOOKS_MAX: usize = 50;
/// What the account's own calendar goes by, whoever signed in.
const PRIMARY: &str = "primary";
/// What is wanted of an event: nothing that calsync has no use for.
const EVENT: &str = "id,etag,status,iCalUID,sequence,updated,start,end,recurrence,recurringEventId,originalStartTime,\
                     transparency,visibility,eventType,summary,description,location,colorId,reminders,\
                     extendedProperties/private,attendees(self,responseStatus),attendeesOmitted,organizer,creator";
/// What is wanted of the answer to a write.
const WRITTEN: &str = "kind,id,etag,sequence";

/// Which of an account's calendars is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// That of this id; `primary` is the account's own.
    Id(String),
    /// The one of this name.
    Name(String),
}

/// A calendar at Google.
#[derive(Debug)]
pub struct GoogleCalendar {
    account: GoogleAccount,
    which: Which,
    /// What its name was found to mean, if it goes by a name.
    found: Option<Found>,
    home: TimeZone,
    /// Whether the account may write to it, as the last page said.
    writable: Option<bool>,
    /// A listing that a busy server interrupted.
    reading: Option<Reading>,
    requests: u64,
}

/// How far a listing has come.
#[derive(Debug)]
struct Reading {
    /// What was asked for.
    since: Option<Cursor>,
    /// The sync token that is read on from; none if everything is read.
    token: Option<String>,
    next: Step,
    pages: usize,
    gathered: Gathered,
}

/// What has to be asked next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Page(Option<String>),
    /// All pages are read; this token comes after them.
    Looks(String),
}

/// Why a page could not be had.
enum Stumble {
    /// The sync token is no longer good.
    Lost,
    Error(ProviderError),
}

impl From<ProviderError> for Stumble {
    fn from(error: ProviderError) -> Self {
        Self::Error(error)
    }
}

impl Reading {
    fn begin(since: Option<&Cursor>, token: Option<String>) -> Self {
        Self {
            since: since.cloned(),
            token,
            next: Step::Page(None),
            pages: 0,
            gathered: Gathered::default(),
        }
    }

    /// The same from the beginning, and everything.
    fn anew(self) -> Self {
        Self {
            since: self.since,
            ..Self::begin(None, None)
        }
    }

    fn is_whole(&self) -> bool {
        self.token.is_none()
    }
}

impl GoogleCalendar {
    /// A calendar of an account. Where Google names no zone, times are in `home`.
    pub fn new(account: &GoogleAccount, which: Which, home: &TimeZone) -> Self {
        Self {
            account: account.clone(),
            which,
            found: None,
            home: home.clone(),
            writable: None,
            reading: None,
            requests: 0,
        }
    }

    /// The calendar's id. A name is looked up, unless it is remembered what it means.
    async fn id(&mut self) -> Answer<String> {
        let name = match &self.which {
            Which::Id(id) => return Ok(id.clone()),
            Which::Name(name) => name.clone(),
        };
        if let Some(found) = &self.found {
            return Ok(found.id.clone());
        }
        let id = self.look_up_name(&name).await?;
        self.found = Some(Found::now(id.clone()));
        Ok(id)
    }

    /// The id of the one calendar of this name.
    async fn look_up_name(&mut self, name: &str) -> Answer<String> {
        let sent = self.account.line.requests();
        let offers = self.account.calendars().await;
        self.requests += self.account.line.requests() - sent;
        let account = &self.account.name;
        let offers = offers?;
        let like = offers.iter().find(|offer| is_like(&offer.name, name));
        let near = like.map_or_else(String::new, |offer| {
            format!("; did you mean name = \"{}\"?", offer.name)
        });
        let mut named = offers.into_iter().filter(|offer| offer.name == name);
        let (found, other) = (named.next(), named.next());
        let (Some(Offer { id, .. }), None) = (found, &other) else {
            let (what, near) = match other {
                Some(_) => (
                    "more than one calendar of this name; give its `id` instead",
                    "",
                ),
                None => ("no calendar of this name", near.as_str()),
            };
            let message = format!(
                "Google account {account} has {what} ({name}){near}; `calsync calendars {account}` lists what there is"
            );
            return Err(ProviderError::new(ErrorKind::Gone, message));
        };
        Ok(id)
    }

    /// A calendar that goes by a name has another title than when the name was looked up: does the name still mean it?
    async fn check_name(&mut self, title: Option<&str>) -> Result<(), Stumble> {
        let (Which::Name(name), Some(found), Some(title)) = (&self.which, &mut self.found, title)
        else {
            return Ok(());
        };
        if !found.is_retitled(title) {
            return Ok(());
        }
        let (name, known) = (name.clone(), found.id.clone());
        let id = self.look_up_name(&name).await?;
        let is_same = id == known;
        let mut found = Found::now(id);
        if is_same {
            found.is_retitled(title);
        }
        self.found = Some(found);
        match is_same {
            true => Ok(()),
            false => Err(Stumble::Lost),
        }
    }

    /// Sends a request about this calendar, or about one event of it.
    async fn ask(
        &mut self,
        method: Method,
        event: Option<&str>,
        query: &[(&str, &str)],
        etag: Option<&str>,
        body: Vec<u8>,
    ) -> Answer<Response> {
        let mut path = format!("calendars/{}/events", encoded(&self.id().await?));
        if let Some(event) = event {
            path = format!("{path}/{}", encoded(event));
        }
        let url = self.account.url(&path, query);
        self.count(method, &url, etag, body).await
    }

    async fn count(
        &mut self,
        method: Method,
        url: &str,
        etag: Option<&str>,
        body: Vec<u8>,
    ) -> Answer<Response> {
        // The line is shared by all calendars of the account, which take turns.
        let sent = self.account.line.requests();
        let answer = self.account.ask(method, url, etag, body).await;
        self.requests += self.account.line.requests() - sent;
        answer
    }

    /// A listing from here on. What a name means is remembered with how far its calendar was read.
    fn begin(&mut self, since: Option<&Cursor>) -> Reading {
        let token = match (&self.which, since) {
            (Which::Id(_), since) => since.map(|cursor| cursor.0.clone()),
            (Which::Name(_), since) => since.and_then(Found::read).map(|(found, token)| {
                self.found = Some(found);
                token
            }),
        };
        Reading::begin(since, token)
    }

    /// Finds out which calendar `primary` is, unless that is known.
    async fn learn_identity(&mut self) {
        if self.which == Which::Id(PRIMARY.to_owned()) {
            let sent = self.account.line.requests();
            self.account.access.learn_address().await;
            self.requests += self.account.line.requests() - sent;
        }
    }

    fn was_remembered(&self) -> bool {
        self.found.as_ref().is_some_and(Found::was_remembered)
    }

    fn whose(&self) -> Whose<'_> {
        let (Which::Id(calendar) | Which::Name(calendar)) = &self.which;
        self.account.whose(calendar)
    }

    fn refused(&self, response: &Response, doing: Doing) -> ProviderError {
        self.account.refused(response, self.whose(), doing)
    }

    fn error(&self, kind: ErrorKind, what: &str) -> ProviderError {
        error(self.whose(), kind, what)
    }

    /// Reads on until a listing is complete, or something is in the way.
    async fn read(&mut self, reading: &mut Reading, known: &dyn Known) -> Result<String, Stumble> {
        loop {
            match reading.next.clone() {
                Step::Page(token) => {
                    let page = self
                        .page(reading.token.as_deref(), token.as_deref())
                        .await?;
                    reading.gathered.add(page.items);
                    reading.pages += 1;
                    self.check_limits(reading)?;
                    reading.next = match page.next {
                        Next::Page(next) if Some(&next) == token.as_ref() => {
                            return Err(self
                                .error(ErrorKind::Broken, "a page leads to itself")
                                .into());
                        }
                        Next::Page(next) => Step::Page(Some(next)),
                        Next::Sync(token) => Step::Looks(token),
                    };
                }
                Step::Looks(token) => {
                    if !reading.is_whole() {
                        self.look_up(reading, known).await?;
                    }
                    return Ok(token);
                }
            }
        }
    }

    async fn page(
        &mut self,
        sync: Option<&str>,
        page: Option<&str>,
    ) -> Result<decode::Page, Stumble> {
        let title = match self.which {
            Which::Id(_) => "",
            Which::Name(_) => "summary,",
        };
        let fields =
            format!("kind,{title}accessRole,timeZone,nextPageToken,nextSyncToken,items({EVENT})");
        let mut query = vec![
            ("singleEvents", "false"),
            ("maxResults", "2500"),
            ("fields", fields.as_str()),
        ];
        query.extend(sync.map(|token| ("syncToken", token)));
        query.extend(page.map(|token| ("pageToken", token)));
        let response = self
            .ask(Method::GET, None, &query, None, Vec::new())
            .await?;
        if response.status != StatusCode::OK {
            let refusal = refusal(&response);
            if sync.is_some() && refusal.wants_full_sync() {
                return Err(Stumble::Lost);
            }
            if refusal.status == StatusCode::NOT_FOUND && self.was_remembered() {
                // The name may mean another calendar by now, or none.
                self.found = None;
                return Err(Stumble::Lost);
            }
            return Err(self.refused(&response, Doing::Reading).into());
        }
        let page = decode::page(&response.body, &self.home)
            .map_err(|nonsense| self.senseless(nonsense, ErrorKind::Broken))?;
        self.writable = page.writable;
        self.check_name(page.title.as_deref()).await?;
        Ok(page)
    }

    fn check_limits(&self, reading: &Reading) -> Answer<()> {
        if reading.pages > PAGES_MAX {
            return Err(too_much(self.whose(), PAGES_MAX, "pages"));
        }
        if reading.gathered.len() > EVENTS_MAX {
            return Err(too_much(self.whose(), EVENTS_MAX, "events"));
        }
        Ok(())
    }

    /// Looks at the series that a delta speaks of without saying enough of them.
    async fn look_up(&mut self, reading: &mut Reading, known: &dyn Known) -> Result<(), Stumble> {
        let missing = reading.gathered.missing(known);
        if missing.len() > LOOKS_MAX {
            return Err(Stumble::Lost);
        }
        for href in missing {
            let item = self.item(&href).await?.unwrap_or(Item {
                href,
                version: Version::default(),
                uid: None,
                series: None,
                what: What::Gone,
            });
            reading.gathered.add(vec![item]);
        }
        Ok(())
    }

    /// One event as it is now; none if there is no such thing.
    async fn item(&mut self, href: &str) -> Answer<Option<Item>> {
        let fields = format!("kind,{EVENT}");
        let query = [("fields", fields.as_str())];
        let response = self
            .ask(Method::GET, Some(href), &query, None, Vec::new())
            .await?;
        match response.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            _ => return Err(self.refused(&response, Doing::Looking)),
        }
        let item = decode::single(&response.body, &self.home)
            .map_err(|nonsense| self.senseless(nonsense, ErrorKind::Broken))?;
        if *item.href != *href {
            return Err(self.senseless(Nonsense::Kind, ErrorKind::Broken));
        }
        Ok(Some(item).filter(|item| item.what != What::Gone))
    }

    /// Sends a block, new or over another.
    async fn write(
        &mut self,
        block: &Block,
        over: Option<&Version>,
    ) -> Answer<Result<Place, Response>> {
        if let Some(error) = &*self.account.spent.borrow() {
            return Err(error.clone());
        }
        let query = [("sendUpdates", "none"), ("fields", WRITTEN)];
        let response = match over.map(|version| edition(version)) {
            None => {
                let body = encode::body(block, None);
                self.ask(Method::POST, None, &query, None, body).await?
            }
            Some((sequence, etag)) => {
                let body = encode::body(block, Some(sequence));
                let id = Some(block.id.as_str());
                self.ask(Method::PUT, id, &query, Some(etag), body).await?
            }
        };
        if response.status != StatusCode::OK {
            return Ok(Err(response));
        }
        // It was done, whatever the answer looks like: asking again finds what stands there.
        let place = decode::written(&response.body, block.id.as_str())
            .map_err(|nonsense| self.senseless(nonsense, ErrorKind::Retry(None)))?;
        Ok(Ok(place))
    }

    /// Something has the id of a block that was to be created: a living event, or one that was deleted.
    async fn taken(&mut self, block: &Block) -> Answer<Place> {
        let query = [(
            "fields",
            "kind,id,etag,status,sequence,recurrence,attendees(self),organizer,creator",
        )];
        let id = block.id.as_str();
        let response = self
            .ask(Method::GET, Some(id), &query, None, Vec::new())
            .await?;
        let spent = self.error(ErrorKind::Spent, "the id of a block was used before");
        match response.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(spent),
            _ => return Err(self.refused(&response, Doing::Looking)),
        }
        let taken = decode::taken(&response.body, id)
            .map_err(|nonsense| self.senseless(nonsense, ErrorKind::Broken))?;
        let version = match taken {
            Taken::Alive => {
                return Err(self.error(ErrorKind::Exists, "the id of a block is taken already"));
            }
            // Of a series, what was done to its occurrences might come back with it.
            Taken::Dead(version) if matches!(block.shape, Shape::Once(_)) => version,
            Taken::Dead(_) | Taken::Buried => return Err(spent),
        };
        match self.write(block, Some(&version)).await? {
            Ok(place) => Ok(place),
            // Some calendars let nothing come back.
            Err(response) if refusal(&response).is_about_event() => Err(spent),
            Err(response) => Err(self.refused(&response, Doing::Writing)),
        }
    }

    /// What a refused change means: an event that is gone says so in many ways.
    async fn unchanged(&mut self, href: &str, response: &Response) -> Answer<ProviderError> {
        let refusal = refusal(response);
        let unclear = response.status == StatusCode::PRECONDITION_FAILED
            || (response.status == StatusCode::FORBIDDEN && refusal.is_about_event());
        if unclear && self.item(href).await?.is_none() {
            return Ok(self.error(ErrorKind::Gone, "the event is gone"));
        }
        Ok(self.refused(response, Doing::Writing))
    }

    fn senseless(&self, nonsense: Nonsense, kind: ErrorKind) -> ProviderError {
        senseless(self.whose(), nonsense, kind)
    }
}

impl Provider for GoogleCalendar {
    async fn pull(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Answer<Pulled> {
        let kept = self.reading.take();
        let mut reading = kept
            .filter(|reading| reading.since.as_ref() == since)
            .unwrap_or_else(|| self.begin(since));
        if reading.is_whole() {
            self.learn_identity().await;
        }
        loop {
            match self.read(&mut reading, known).await {
                Ok(token) => {
                    let whole = reading.is_whole();
                    let cursor = match &self.found {
                        Some(found) => found.cursor(&token),
                        None => Cursor(token),
                    };
                    return Ok(reading.gathered.into_pulled(whole, known, cursor));
                }
                Err(Stumble::Lost) => {
                    tracing::debug!("the sync token is no longer good; reading everything");
                    reading = reading.anew();
                }
                Err(Stumble::Error(error)) => {
                    if matches!(error.kind, ErrorKind::Retry(_)) {
                        self.reading = Some(reading);
                    }
                    return Err(error);
                }
            }
        }
    }

    async fn look(&mut self, id: &BlockId) -> Answer<Option<Resource>> {
        let Some(item) = self.item(id.as_str()).await? else {
            return Ok(None);
        };
        let resource = item.into_resource(None);
        let unreadable =
            |resource: &Resource| matches!(resource.parts[..], [Part::Unreadable { .. }]);
        if resource.as_ref().is_some_and(unreadable) {
            return Err(self.error(ErrorKind::Broken, "a block cannot be read"));
        }
        Ok(resource)
    }

    async fn create(&mut self, block: &Block) -> Answer<Place> {
        match self.write(block, None).await? {
            Ok(place) => Ok(place),
            Err(response) => {
                let error = self.refused(&response, Doing::Writing);
                match error.kind {
                    ErrorKind::Exists => self.taken(block).await,
                    ErrorKind::Gone => Err(self.refused(&response, Doing::Reading)),
                    _ => Err(error),
                }
            }
        }
    }

    async fn replace(&mut self, place: &Place, block: &Block) -> Answer<Place> {
        if is_touched(&place.version) {
            // Writing over a series leaves alone what somebody did to its occurrences. So it goes, and a new one comes.
            self.remove(place).await?;
            return Err(self.error(ErrorKind::Gone, "a block was taken away to be made anew"));
        }
        match self.write(block, Some(&place.version)).await? {
            Ok(place) => Ok(place),
            Err(response) => Err(self.unchanged(&place.href, &response).await?),
        }
    }

    async fn remove(&mut self, place: &Place) -> Answer<()> {
        if let Some(error) = &*self.account.spent.borrow() {
            return Err(error.clone());
        }
        let (_, etag) = edition(&place.version);
        let query = [("sendUpdates", "none")];
        let href = Some(&*place.href);
        let response = self
            .ask(Method::DELETE, href, &query, Some(etag), Vec::new())
            .await?;
        if response.status.is_success() {
            return Ok(());
        }
        // Google now and then misses what is there: believed the second time.
        if response.status == StatusCode::NOT_FOUND && self.item(&place.href).await?.is_some() {
            let what = "a block was said to be gone, and is there; the next run looks again";
            return Err(self.error(ErrorKind::Conflict, what));
        }
        let error = self.unchanged(&place.href, &response).await?;
        match error.kind {
            ErrorKind::Gone => Ok(()),
            _ => Err(error),
        }
    }

    async fn probe(&mut self) -> Answer<Probe> {
        self.learn_identity().await;
        let id = self.id().await?;
        let path = format!("users/me/calendarList/{}", encoded(&id));
        let url = self.account.url(&path, &[("fields", ENTRY)]);
        let response = self.count(Method::GET, &url, None, Vec::new()).await?;
        if response.status == StatusCode::NOT_FOUND {
            return self.probe_unlisted().await;
        }
        if response.status != StatusCode::OK {
            return Err(self.refused(&response, Doing::Reading));
        }
        let entry = decode::entry(&response.body)
            .map_err(|nonsense| self.senseless(nonsense, ErrorKind::Broken))?;
        Ok(Probe {
            writable: entry.is_writable(),
            resources: None,
        })
    }

    fn identity(&self) -> Option<String> {
        let access = &self.account.access;
        let id = match &self.which {
            Which::Id(id) if id == PRIMARY => access.address()?,
            Which::Id(id) => id.clone(),
            Which::Name(_) => self.found.as_ref()?.id.clone(),
        };
        let id = id.to_lowercase();
        Some(match access.server() {
            "google" => format!("{id} at Google"),
            server => format!("{id} at {server}"),
        })
    }

    fn barred(&self) -> Option<ProviderError> {
        (self.writable == Some(false)).then(|| Refusal::read_only(self.whose()))
    }

    fn requests(&self) -> u64 {
        self.requests
    }
}

/// Whether two names differ in nothing but capitals and spaces.
fn is_like(one: &str, other: &str) -> bool {
    let plain = |name: &str| {
        let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
        words.join(" ")
    };
    one != other && plain(one) == plain(other)
}

impl GoogleCalendar {
    /// A calendar can be within reach without being in the account's list.
    async fn probe_unlisted(&mut self) -> Answer<Probe> {
        let query = [("maxResults", "1"), ("fields", "kind,accessRole")];
        let response = self
            .ask(Method::GET, None, &query, None, Vec::new())
            .await?;
        if response.status != StatusCode::OK {
            return Err(self.refused(&response, Doing::Reading));
        }
        let writable = decode::may_write(&response.body)
            .map_err(|nonsense| self.senseless(nonsense, ErrorKind::Broken))?;
        Ok(Probe {
            writable,
            resources: None,
        })
    }
}
