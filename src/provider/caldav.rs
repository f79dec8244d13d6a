//! A calendar at a `CalDAV` server (RFC 4791). Reads what changed since a sync token (RFC 6578), or, where there are none, what
//! has another version; writes each block as a resource of its own, named by the block's id. Never writes over a version that
//! it did not see, never takes for gone what a server merely did not mention, and never sends anything that has people in it.

use jiff::tz::TimeZone;

use super::{Answer, Cursor, ErrorKind, Known, Place, Probe, Provider, ProviderError, Pulled};
use crate::{
    http::{Method, Response, StatusCode, header},
    ical::{self, Reader},
    ident::BlockId,
    model::{Block, Event, Interest, Part, Print, Resource, SeenBlock, Version},
};

mod account;
pub mod address;
pub mod answer;
mod bounds;
mod content;
mod cursor;
mod dress;
mod listing;
mod missing;
mod named;
mod reading;
mod version;
pub mod xml;

pub use account::{CaldavAccount, Offer};

use account::Ask;
use address::Address;
use answer::{Doing, Refusal, Whose, error};
use listing::own_failure;
use reading::Reading;
use version::{NAMELESS, UNSEEN, etags, told_version};

/// What blocks are sent as.
const CALENDAR: &str = "text/calendar; charset=utf-8";
/// Which of an account's calendars is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// That at this path, or at this whole address.
    Id(String),
    /// The one of this name.
    Name(String),
}

/// A calendar at a `CalDAV` server.
#[derive(Debug)]
pub struct CaldavCalendar {
    account: CaldavAccount,
    which: Which,
    /// Where it is, as far as that is known.
    found: Option<Address>,
    /// What an earlier run found by the name.
    former: Option<Address>,
    /// What the calendar that goes by a name is called by now, if that is something else.
    called: Option<String>,
    me: Vec<String>,
    home: TimeZone,
    interest: Interest,
    /// A listing that a busy server interrupted.
    reading: Option<Reading>,
    /// Whether anything was written since the last listing.
    wrote: bool,
    /// Whether the server was seen to give another UID to a block.
    renames: bool,
    /// Whether this account may write there, if the server said so in this run.
    writable: Option<bool>,
    /// An earlier run found out that it may not.
    is_barred: bool,
    requests: u64,
}

impl Which {
    /// The calendar as the configuration calls it.
    pub fn word(&self) -> &str {
        match self {
            Self::Id(word) | Self::Name(word) => word,
        }
    }
}

impl CaldavCalendar {
    /// A calendar of an account. `me` are the owner's addresses in lower case; floating times are in `home`.
    pub fn new(account: &CaldavAccount, which: Which, me: &[String], home: &TimeZone) -> Self {
        let found = match &which {
            Which::Id(id) => account.at(id),
            Which::Name(_) => None,
        };
        Self {
            account: account.clone(),
            which,
            found,
            former: None,
            called: None,
            me: me.to_vec(),
            home: home.clone(),
            interest: Interest::default(),
            reading: None,
            wrote: false,
            renames: false,
            writable: None,
            is_barred: false,
            requests: 0,
        }
    }

    /// The same, looking for this in the words of events.
    #[must_use]
    pub fn noticing(self, interest: Interest) -> Self {
        Self { interest, ..self }
    }

    fn reader(&self) -> Reader<'_> {
        Reader {
            me: &self.me,
            home: &self.home,
            interest: &self.interest,
        }
    }

    /// Sends a request, and counts it as this calendar's: the line is shared by all of the account, which take turns.
    async fn ask(&mut self, ask: Ask) -> Answer<Response> {
        self.ask_around(ask).await.map(|(_, answer)| answer)
    }

    /// The same, with where it was answered in the end.
    async fn ask_around(&mut self, ask: Ask) -> Answer<(Address, Response)> {
        let sent = self.account.line.requests();
        let answer = self.account.ask_around(ask, self.whose()).await;
        self.requests += self.account.line.requests() - sent;
        answer
    }

    fn whose(&self) -> Whose<'_> {
        self.account.whose(self.which.word())
    }

    fn refused(&self, response: &Response, doing: Doing) -> ProviderError {
        self.account.refused(response, self.whose(), doing)
    }

    /// What it means that a server failed at the calendar inside of an answer that is otherwise a success.
    fn refused_inside(&self, refusal: &Refusal, response: &Response) -> ProviderError {
        self.account
            .meant(refusal, response, self.whose(), Doing::Reading)
    }

    fn error(&self, kind: ErrorKind, what: &str) -> ProviderError {
        error(self.whose(), kind, what)
    }

    /// Finds out, once, whether a refusal means that nothing may be written at all: then nothing more is tried.
    async fn learn_leave(&mut self, response: &Response, error: &ProviderError) {
        let refused = matches!(Refusal::read(response).status, 403 | 405);
        if refused && error.kind == ErrorKind::Refused && self.writable.is_none() {
            // If that fails, nobody knows, and nothing is barred.
            let _unknown = self.look_around().await;
        }
    }

    /// One resource as it is now; none if there is no such thing.
    async fn resource(&mut self, name: &str) -> Answer<Option<(Version, Vec<u8>)>> {
        let at = self.address().await?.inside(name);
        let response = self.ask(Ask::new(Method::GET, &at)).await?;
        match response.status {
            StatusCode::OK => {
                let version = told_version(&response);
                let version = version.unwrap_or_else(|| version::digest(&response.body));
                Ok(Some((version, response.body.to_vec())))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            _ => Err(self.refused(&response, Doing::Looking)),
        }
    }

    /// Whether a version is one that a server can be asked for.
    fn named<'v>(&self, version: &'v Version) -> Answer<&'v Version> {
        match version.starts_with(NAMELESS) {
            false => Ok(version),
            true => Err(self.error(ErrorKind::Refused, NO_VERSIONS)),
        }
    }

    /// Sends a block, new or over another.
    async fn write(
        &mut self,
        name: &str,
        block: &Block,
        over: Option<&Version>,
    ) -> Answer<Response> {
        self.barred().map_or(Ok(()), Err)?;
        if self.renames {
            return Err(self.error(ErrorKind::Refused, RENAMES));
        }
        let at = self.address().await?.inside(name);
        let text = ical::write(block, self.account.line.client().clock().now());
        let ask = Ask::new(Method::PUT, &at).content(CALENDAR, text.as_bytes());
        match over {
            None => {
                self.wrote = true;
                self.ask(ask.with(header::IF_NONE_MATCH, "*")).await
            }
            Some(version) => self.ask_of_version(ask, version).await,
        }
    }

    /// Sends what is to change a resource in this version and no other. A version that is dressed as none should be goes back as
    /// it came, since some servers compare it like that; and if that is refused, as it should be, since whatever packs answers on
    /// the way marks versions as weak. Both name the same version.
    async fn ask_of_version(&mut self, ask: Ask, version: &Version) -> Answer<Response> {
        let version = self.named(version)?;
        self.wrote = true;
        let (told, proper) = etags(version);
        let Some(told) = told else {
            return self.ask(ask.with(header::IF_MATCH, &proper)).await;
        };
        let response = self.ask(ask.clone().with(header::IF_MATCH, &told)).await?;
        match Refusal::read(&response).status {
            412 => self.ask(ask.with(header::IF_MATCH, &proper)).await,
            _ => Ok(response),
        }
    }

    /// Where a block lies that was just written. A server that does not say in which version has put it into words of its own,
    /// so it is read back. What then looks otherwise may be the server's way of keeping it, or somebody's edit of that moment:
    /// it is written once more, and what comes out the same way twice is the server's. Anything else is not taken for what was
    /// written.
    async fn written(&mut self, name: &str, block: &Block, answer: &Response) -> Answer<Place> {
        let place = |version| Place::of(block, name.into(), version);
        if let Some(version) = told_version(answer) {
            return Ok(place(version));
        }
        // It stands, whatever comes of looking at it.
        let Some((version, print)) = self.echo(name, block).await else {
            return Ok(place(UNSEEN.into()));
        };
        if print == block.print() {
            return Ok(place(version));
        }
        let again = self.write(name, block, Some(&version)).await;
        let again = again.ok().filter(is_done);
        let echo = match again {
            Some(again) if told_version(&again).is_none() => self.echo(name, block).await,
            _ => None,
        };
        let kept = echo.filter(|(_, twice)| *twice == print || *twice == block.print());
        Ok(place(kept.map_or(UNSEEN.into(), |(version, _)| version)))
    }

    /// How a block looks where it was just written, if it is alone there, at its time, and has no people in it.
    async fn echo(&mut self, name: &str, block: &Block) -> Option<(Version, Print)> {
        let (version, text) = self.resource(name).await.ok()??;
        let parts = self.parts(name, &text).unwrap_or_default();
        self.renames |= matches!(&parts[..], [Part::Event { uid, seen: Some(seen), .. }]
            if **uid != *block.id.as_str() && !seen.people);
        match &parts[..] {
            [
                Part::Event {
                    uid,
                    seen: Some(seen),
                    event,
                },
            ] if **uid == *block.id.as_str()
                && !seen.people
                && (seen.print == block.print() || self.keeps_time(block, event, seen)) =>
            {
                Some((version, seen.print))
            }
            _ => None,
        }
    }

    /// Whether what is there keeps the same times busy as a block.
    fn keeps_time(&self, block: &Block, event: &Event, seen: &SeenBlock) -> bool {
        let shape = seen.shape.as_ref();
        let is_then = shape.is_some_and(|s| s.times(&self.home) == block.shape.times(&self.home));
        is_then && event.is_busy_throughout()
    }

    /// What a refused change means: a resource that is gone is not in the version that was meant either. Nothing is gone because
    /// a server says so while it refuses: it is looked at.
    async fn unchanged(
        &mut self,
        name: &str,
        response: &Response,
        doing: Doing,
    ) -> Answer<ProviderError> {
        let error = self.refused(response, doing);
        self.learn_leave(response, &error).await;
        let claims_gone = error.kind == ErrorKind::Gone;
        let unclear = matches!(error.kind, ErrorKind::Conflict | ErrorKind::Refused);
        if !claims_gone && !unclear {
            return Ok(error);
        }
        Ok(match self.resource(name).await? {
            None => self.error(ErrorKind::Gone, "the event is gone"),
            Some(_) if claims_gone => self.error(ErrorKind::Conflict, STANDS),
            Some(_) => error,
        })
    }

    /// What stands in the way of a new block. Its UID may be another resource's: of one in this calendar the next listing
    /// tells; one elsewhere stays, so that this id is of no use here.
    async fn in_the_way(&mut self, response: &Response) -> Answer<ProviderError> {
        let refusal = Refusal::read(response);
        let error = self.refused(response, Doing::Creating);
        let Some(href) = refusal
            .condition
            .href
            .filter(|_| error.kind == ErrorKind::Conflict)
        else {
            return Ok(error);
        };
        let folder = self.address().await?;
        let is_here = folder.join(&href).is_none_or(|at| folder.holds(&at));
        Ok(match is_here {
            true => error,
            false => self.error(ErrorKind::Elsewhere, ELSEWHERE),
        })
    }
}

const ELSEWHERE: &str = "the server says that the id of a block is in use in another calendar. Is there a copy of this one, or \
                         the same one under another path? Remove the blocks there";

const NO_VERSIONS: &str = "the server names no versions of events (ETag), so that nothing there can be changed or removed without \
                           the danger of doing that to somebody's edit; set role = \"source\", and remove the blocks there \
                           by hand";

const RENAMES: &str = "the server gives another UID to what calsync writes, so that the next run would not know it again; nothing more \
                       is written there. Set role = \"source\"; `calsync reset --calendar` with its name takes away what was written";

const LOOKS_AGAIN: &str =
    "Whether that is still so is looked at once a day, or now: calsync sync --full";

const STANDS: &str =
    "the server says that an event is gone, and still has it; the next run looks again";

/// Whether a write was done: these say so, and nothing else does.
fn is_done(response: &Response) -> bool {
    matches!(response.status.as_u16(), 200 | 201 | 204)
}

/// The name of the resource that holds a block.
fn file_name(id: &BlockId) -> String {
    format!("{id}.ics")
}

impl Provider for CaldavCalendar {
    async fn pull(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Answer<Pulled> {
        self.read(since, known).await
    }

    async fn look(&mut self, id: &BlockId) -> Answer<Option<Resource>> {
        let name = file_name(id);
        let Some((version, text)) = self.resource(&name).await? else {
            return Ok(None);
        };
        // Whatever it is, if it cannot be read it is there and is no block.
        let parts = self.parts(&name, &text).unwrap_or_default();
        Ok(Some(Resource {
            href: name.into(),
            version,
            parts,
            signs: 0,
        }))
    }

    async fn create(&mut self, block: &Block) -> Answer<Place> {
        let name = file_name(&block.id);
        let response = self.write(&name, block, None).await?;
        if is_done(&response) {
            return self.written(&name, block, &response).await;
        }
        let error = self.in_the_way(&response).await?;
        self.learn_leave(&response, &error).await;
        Err(error)
    }

    async fn replace(&mut self, place: &Place, block: &Block) -> Answer<Place> {
        let response = self.write(&place.href, block, Some(&place.version)).await?;
        match is_done(&response) {
            true => self.written(&place.href, block, &response).await,
            false => Err(self
                .unchanged(&place.href, &response, Doing::Changing)
                .await?),
        }
    }

    async fn remove(&mut self, place: &Place) -> Answer<()> {
        self.barred().map_or(Ok(()), Err)?;
        let at = self.address().await?.inside(&place.href);
        let ask = Ask::new(Method::DELETE, &at);
        let response = self.ask_of_version(ask, &place.version).await?;
        if is_done(&response) {
            return Ok(());
        }
        let error = self
            .unchanged(&place.href, &response, Doing::Removing)
            .await?;
        match error.kind {
            ErrorKind::Gone => Ok(()),
            _ => Err(error),
        }
    }

    async fn probe(&mut self) -> Answer<Probe> {
        self.look_around().await
    }

    async fn ask_leave(&mut self) {
        if self.writable.is_none() {
            // If that fails, nobody knows, and nothing is barred.
            let _unknown = self.look_around().await;
        }
    }

    fn barred(&self) -> Option<ProviderError> {
        let refused = || Refusal::inside(403).error(self.whose(), Doing::Creating, None);
        let remembered = || {
            let ProviderError { kind, message } = refused();
            ProviderError::new(kind, format!("{message}. {LOOKS_AGAIN}"))
        };
        match self.writable {
            Some(true) => None,
            Some(false) => Some(refused()),
            None => self.is_barred.then(remembered),
        }
    }

    fn bar(&mut self) {
        self.is_barred = true;
    }

    fn recall(&mut self, last: &Cursor) {
        self.recall_name(last);
    }

    async fn locate(&mut self) {
        // Whoever reads it is told what is wrong.
        let _unknown = self.address().await;
    }

    fn advice(&self) -> Option<String> {
        self.renamed()
    }

    fn identity(&self) -> Option<String> {
        // Whoever signs in, and whatever it is called, it is one calendar.
        self.found.as_ref().map(Address::to_string)
    }

    fn is_served(&self) -> bool {
        true
    }

    fn requests(&self) -> u64 {
        self.requests
    }
}

impl CaldavCalendar {
    /// Makes sure that there is a calendar, and finds out what may be done with it.
    async fn look_around(&mut self) -> Answer<Probe> {
        let at = self.address().await?;
        let props = ["d:resourcetype", "d:current-user-privilege-set"];
        let ask = Ask::xml("PROPFIND", &at, "0", &xml::propfind(&props));
        let response = self.ask(ask).await?;
        let found = self.listing(&response)?;
        if let Some(refusal) = own_failure(&found, &at) {
            return Err(self.refused_inside(&refusal, &response));
        }
        match found.members.first() {
            Some(member) if member.props.is_calendar => {
                let writable = member.props.is_writable();
                self.writable = Some(writable);
                Ok(Probe {
                    writable,
                    resources: None,
                })
            }
            _ => {
                let words = format!(
                    "there is something at this address, but no calendar; `calsync calendars {}` lists what there is",
                    self.account.name
                );
                Err(self.error(ErrorKind::Gone, &words))
            }
        }
    }
}
