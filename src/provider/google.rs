//! A calendar at Google, by version 3 of its Calendar API. Reads series and what differs from them, and after that only what
//! is new; writes blocks under ids of calsync's own choosing. Never writes over a version that it did not see, and never
//! sends a request that could make Google mail anybody.

use jiff::tz::TimeZone;

use super::{Answer, Cursor, ErrorKind, Known, Place, Probe, Provider, ProviderError, Pulled};
use crate::{
    http::{Method, Response, StatusCode},
    ident::{self, BlockId, Stem},
    model::{Block, Interest, Part, Resource, Shape, Version, Zone},
};

mod account;
pub mod answer;
mod cursor;
pub mod decode;
pub mod encode;
pub mod gather;
mod named;
mod reading;

pub use account::{GoogleAccount, Offer};

use account::{ENTRY, Unanswered, encoded, error, refusal, senseless, too_much};
use answer::{Doing, Refusal, Whose};
use decode::{Item, Nonsense, Taken, What, edition, is_edition, is_touched};
use named::Found;
use reading::Reading;

/// What the account's own calendar goes by, whoever signed in.
const PRIMARY: &str = "primary";
/// What is wanted of an event: nothing that calsync has no use for.
const EVENT: &str = "id,etag,status,iCalUID,sequence,updated,start,end,recurrence,recurringEventId,originalStartTime,\
                     transparency,visibility,eventType,summary,description,location,colorId,reminders,\
                     extendedProperties/private,attachments/fileUrl,conferenceData/conferenceId,hangoutLink,\
                     attendeesOmitted,organizer,creator";
/// What is wanted of those who are invited.
const GUEST: &str = "self,responseStatus,resource";
/// What is wanted of the answer to a write.
const WRITTEN: &str = "kind,id,etag,sequence";

/// What is wanted of an occurrence to know whether somebody was invited to it.
const GUESTS: &str = "kind,nextPageToken,items(id,attendees(self,responseStatus),attendeesOmitted,organizer,creator)";

/// The most pages that the occurrences of a block may have: Google tells of decades.
const INSTANCES_MAX: usize = 20;

/// How many ids in a row may be taken by something that is not there, before a block is left out of a run.
const HIDDEN_MAX: u32 = 3;

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
    interest: Interest,
    /// Whether another calendar of the configuration may turn out to be the same.
    may_be_another: bool,
    /// Whether the account may write to it, as the last page said.
    writable: Option<bool>,
    /// Its own time zone, as the last page said.
    zone: Zone,
    /// A listing that a busy server interrupted.
    reading: Option<Reading>,
    /// A block of which this many ids in a row were taken by something that is not there.
    hidden: Option<(Stem, u32)>,
    requests: u64,
}

impl GoogleCalendar {
    /// A calendar of an account. Where Google names no zone, times are in `home`.
    pub fn new(account: &GoogleAccount, which: Which, home: &TimeZone) -> Self {
        Self {
            account: account.clone(),
            which,
            found: None,
            home: home.clone(),
            interest: Interest::default(),
            may_be_another: false,
            writable: None,
            zone: Zone::Floating,
            reading: None,
            hidden: None,
            requests: 0,
        }
    }

    /// The same, looking for this in the words of events.
    #[must_use]
    pub fn noticing(self, interest: Interest) -> Self {
        Self { interest, ..self }
    }

    /// The same, where another calendar of the configuration may turn out to be this one.
    #[must_use]
    pub fn that_may_be_another(self, may_be_another: bool) -> Self {
        Self {
            may_be_another,
            ..self
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
    ) -> Result<Response, Unanswered> {
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
    ) -> Result<Response, Unanswered> {
        // The line is shared by all calendars of the account, which take turns.
        let sent = self.account.line.requests();
        let answer = self.account.ask(method, url, etag, body).await;
        self.requests += self.account.line.requests() - sent;
        answer
    }

    fn is_primary(&self) -> bool {
        self.which == Which::Id(PRIMARY.to_owned())
    }

    /// Finds out which calendar `primary` is, unless that is known.
    async fn learn_identity(&mut self) {
        if self.is_primary() {
            let sent = self.account.line.requests();
            self.account.access.learn_address().await;
            self.requests += self.account.line.requests() - sent;
        }
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

    /// One event as it is now; none if there is no such thing.
    async fn item(&mut self, href: &str) -> Answer<Option<Item>> {
        let told = self.told(href).await?;
        Ok(told.filter(|item| item.what != What::Gone))
    }

    /// What Google has to say of one event, be it that it was deleted; none if it knows no such thing.
    async fn told(&mut self, href: &str) -> Answer<Option<Item>> {
        let fields = format!("kind,{}", self.event_fields());
        let query = [("fields", fields.as_str())];
        let response = self
            .ask(Method::GET, Some(href), &query, None, Vec::new())
            .await?;
        match response.status {
            StatusCode::OK => {}
            _ if refusal(&response).is_missing() => return Ok(None),
            _ => return Err(self.refused(&response, Doing::Looking)),
        }
        let item = decode::single(
            &response.body,
            self.zone.clone(),
            &self.home,
            &self.interest,
        )
        .map_err(|nonsense| self.senseless(nonsense, ErrorKind::Broken))?;
        if *item.href != *href {
            return Err(self.senseless(Nonsense::Kind, ErrorKind::Broken));
        }
        Ok(Some(item))
    }

    /// What is wanted of an event here. Who is invited matters only where that is shown.
    fn event_fields(&self) -> String {
        let names = match self.interest.is_in_details() {
            true => ",displayName,email",
            false => "",
        };
        format!("{EVENT},attendees({GUEST}{names})")
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
        // Without these, what somebody attached to a block, or where they want to meet, outlives being written over.
        let query = [
            ("sendUpdates", "none"),
            ("conferenceDataVersion", "1"),
            ("supportsAttachments", "true"),
            ("fields", WRITTEN),
        ];
        let response = match over.map(|version| edition(version)) {
            None => {
                let body = encode::body(block, None);
                self.ask(Method::POST, None, &query, None, body).await?
            }
            Some((_, etag)) if !is_edition(etag) => return Err(self.unversioned()),
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
        let place = decode::written(&response.body, block)
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
            _ if !refusal(&response).is_missing() => {
                return Err(self.refused(&response, Doing::Looking));
            }
            StatusCode::NOT_FOUND if self.hides_again(&block.id) => {
                return Err(self.error(ErrorKind::Conflict, HIDDEN));
            }
            _ => return Err(spent),
        }
        self.hidden = None;
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

    /// Whether too many ids of a block in a row were said to be taken, by something that is then said not to be there.
    fn hides_again(&mut self, id: &BlockId) -> bool {
        let stem = id.stem();
        let before = self.hidden.take();
        let before = before.filter(|(of, _)| *of == stem && id.generation() > 0);
        let count = before.map_or(1, |(_, count)| count + 1);
        self.hidden = Some((stem, count));
        count >= HIDDEN_MAX
    }

    /// Whether somebody was invited to an occurrence of a series since that was listed: an invitation changes the occurrence, and not
    /// the version of the series, which is all that a change can name.
    async fn has_guests(&mut self, series: &str) -> Answer<bool> {
        let path = format!(
            "calendars/{}/events/{}/instances",
            encoded(&self.id().await?),
            encoded(series)
        );
        let mut token = String::new();
        for _ in 0..INSTANCES_MAX {
            let mut query = vec![("maxResults", "2500"), ("fields", GUESTS)];
            if !token.is_empty() {
                query.push(("pageToken", &token));
            }
            let url = self.account.url(&path, &query);
            let response = self.count(Method::GET, &url, None, Vec::new()).await?;
            match response.status {
                StatusCode::OK => {}
                // It may have gone meanwhile with all of them; but Google now and then misses what is there.
                _ if refusal(&response).is_missing() => return Ok(true),
                _ => return Err(self.refused(&response, Doing::Looking)),
            }
            let (is_met, next) = decode::invited(&response.body)
                .map_err(|nonsense| self.senseless(nonsense, ErrorKind::Broken))?;
            match next {
                _ if is_met => return Ok(true),
                None => return Ok(false),
                Some(next) => token = next,
            }
        }
        Err(too_much(
            self.whose(),
            INSTANCES_MAX,
            "pages of occurrences of a block",
        ))
    }

    /// Makes sure that something has the id of a block, whatever the state says of it.
    fn make_sure_of_block(&self, href: &str) -> Answer<()> {
        match ident::is_shaped(href) {
            true => Ok(()),
            false => Err(self.error(ErrorKind::Refused, NO_BLOCK)),
        }
    }

    /// Without a version, a write would go over whatever is there.
    fn unversioned(&self) -> ProviderError {
        self.error(ErrorKind::Conflict, UNVERSIONED)
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
        self.listing(since, known).await
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
        self.make_sure_of_block(&place.href)?;
        if place.repeats && self.has_guests(&place.href).await? {
            return Err(self.error(ErrorKind::Conflict, INVITED));
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
        if !is_edition(etag) {
            return Err(self.unversioned());
        }
        self.make_sure_of_block(&place.href)?;
        let may_have = place.repeats || is_touched(&place.version);
        if may_have && self.has_guests(&place.href).await? {
            return Err(self.error(ErrorKind::Conflict, INVITED));
        }
        let query = [("sendUpdates", "none")];
        let href = Some(&*place.href);
        let response = self
            .ask(Method::DELETE, href, &query, Some(etag), Vec::new())
            .await?;
        if is_deleted(&response) {
            return Ok(());
        }
        // Somebody else may have answered in Google's place.
        if response.status.is_success() {
            return match self.item(&place.href).await? {
                None => Ok(()),
                Some(_) => Err(self.error(ErrorKind::Conflict, STANDS)),
            };
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
        self.make_sure_of_name().await?;
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
            Which::Name(_) => self.found.as_ref()?.named.id.clone(),
        };
        let id = id.to_lowercase();
        Some(match access.server() {
            "google" => format!("{id} at Google"),
            server => format!("{id} at {server}"),
        })
    }

    fn recall(&mut self, last: &Cursor) {
        self.recall_name(last);
    }

    fn advice(&self) -> Option<String> {
        self.renamed()
    }

    fn barred(&self) -> Option<ProviderError> {
        (self.writable == Some(false)).then(|| Refusal::read_only(self.whose()))
    }

    fn in_doubt(&self) -> Option<ProviderError> {
        let is_known = !self.is_primary() || self.account.access.address().is_some();
        let is_in_doubt = self.may_be_another && !is_known;
        is_in_doubt.then(|| self.error(ErrorKind::Broken, NOBODYS))
    }

    // Google answers a write with the version that it keeps.
    fn is_steady(&self) -> bool {
        true
    }

    fn is_served(&self) -> bool {
        true
    }

    fn requests(&self) -> u64 {
        self.requests
    }
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

/// Whether this is what Google answers when an event was deleted.
fn is_deleted(response: &Response) -> bool {
    match response.status {
        StatusCode::NO_CONTENT => true,
        StatusCode::OK => response.body.is_empty(),
        _ => false,
    }
}

const NOBODYS: &str = "Google does not say whose account it is, and another calendar of the configuration may be the same one; \
                       until it does, nothing is written to it, and each run asks again";

const STANDS: &str = "a block was said to be deleted in words that are not Google's, and is there; the next run tries again. Is \
                      `endpoint` right, and nothing in between that answers itself?";

const NO_BLOCK: &str = "what the state file calls a block has no id of one, and stays as it is; move the state file away";

const INVITED: &str =
    "somebody was invited to an occurrence of a block during the run; the next run looks again";

const HIDDEN: &str = "Google says of one id of a block after the other that it is taken, and then that nothing is there; the block \
                      is left out of this run, and the next one tries again";

const UNVERSIONED: &str = "Google does not say in which version a block is, and calsync writes over nothing that may have changed; \
                           the next run looks again";
