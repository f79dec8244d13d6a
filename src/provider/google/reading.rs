//! Reading a calendar to its end: page by page, from the beginning or from a sync token on, and through all that may be in the
//! way. Never takes a listing for whole that is not, and never begins one anew without end.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    GoogleCalendar, Which,
    account::{Unanswered, too_much},
    answer::Doing,
    cursor::Reached,
    decode::{self, Next, What},
    gather::{Gathered, Lost, Stands},
};
use crate::{
    http::{Method, Response, StatusCode},
    model::Href,
    provider::{Answer, Cursor, ErrorKind, Known, ProviderError, Pulled, daily::spread},
    retry::patiently,
};

/// The most pages that a listing may have. Google makes short and empty ones as it likes.
pub(super) const PAGES_MAX: usize = 2_000;
/// The most events that a listing may have.
const EVENTS_MAX: usize = 500_000;
/// Above this many single looks, reading everything anew is the lesser effort.
const LOOKS_MAX: usize = 50;
/// How many events a page may have at first: as many as Google gives.
const PAGE_MAX: u32 = 2_500;
/// Pages of fewer events are not asked for, however large they are.
const PAGE_MIN: u32 = 50;

/// How far a listing has come.
#[derive(Debug)]
pub(super) struct Reading {
    /// What was asked for.
    since: Option<Cursor>,
    /// The sync token that is read on from; none if everything is read.
    token: Option<String>,
    /// When everything was last read, in seconds since 1970.
    whole: i64,
    next: Step,
    /// How many events a page may have.
    size: u32,
    pages: usize,
    /// The tokens of all pages so far: none comes twice.
    tokens: BTreeSet<String>,
    /// Whether a listing of everything was begun once more already.
    is_second: bool,
    /// Whether the account sees no more of the calendar than when somebody is busy.
    is_busy_only: bool,
    /// The token after the first listing, if what is missing was looked for in a second one: what changed between the two is
    /// told after the first.
    first: Option<String>,
    /// Whether Google was away when it was to be asked for what is missing.
    is_unasked: bool,
    gathered: Gathered,
}

/// What has to be asked next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Page(Option<String>),
    /// All pages are read; this token comes after them.
    Looks(String),
}

/// What came of asking for a page.
enum Got {
    Page(decode::Page),
    /// The listing does not go on from here.
    Lost,
    /// The page is more than is read at once.
    TooLarge,
}

/// Why a listing was not read to its end.
enum Stumble {
    Lost,
    TooLarge,
    Error(ProviderError),
}

impl From<ProviderError> for Stumble {
    fn from(error: ProviderError) -> Self {
        Self::Error(error)
    }
}

impl Reading {
    /// From what was reached on.
    fn begin(since: Option<&Cursor>, reached: Reached) -> Self {
        Self {
            token: Some(reached.token),
            whole: reached.whole,
            ..Self::anew(since)
        }
    }

    /// Everything.
    fn anew(since: Option<&Cursor>) -> Self {
        Self {
            since: since.cloned(),
            token: None,
            whole: 0,
            next: Step::Page(None),
            size: PAGE_MAX,
            pages: 0,
            tokens: BTreeSet::new(),
            is_second: false,
            is_busy_only: false,
            first: None,
            is_unasked: false,
            gathered: Gathered::default(),
        }
    }

    /// The same from the beginning, and everything; nothing if that was tried already.
    fn once_more(self) -> Option<Self> {
        let is_second = self.is_whole();
        (!self.is_second).then(|| Self {
            size: self.size,
            is_second,
            ..Self::anew(self.since.as_ref())
        })
    }

    /// The same from the beginning, in smaller pages; nothing if they are small already.
    fn in_smaller_pages(self) -> Option<Self> {
        (self.size > PAGE_MIN).then(|| Self {
            size: (self.size / 2).max(PAGE_MIN),
            is_second: self.is_second,
            token: self.token,
            whole: self.whole,
            ..Self::anew(self.since.as_ref())
        })
    }

    fn is_whole(&self) -> bool {
        self.token.is_none()
    }

    /// Whether everything has to be listed once more, because something is missing and nobody may ask for it by itself. What is in
    /// neither of two listings is gone.
    fn has_to_be_sure(&self, known: &dyn Known) -> bool {
        if !self.is_whole() || !self.is_busy_only || self.first.is_some() {
            return false;
        }
        let Lost {
            events,
            occurrences,
        } = self.gathered.lost(known);
        !(events.is_empty() && occurrences.is_empty())
    }

    /// Lists everything once more, and adds it to what was listed.
    fn read_twice(&mut self, token: String) {
        self.first = Some(token);
        self.next = Step::Page(None);
        self.pages = 0;
        self.tokens.clear();
    }
}

impl GoogleCalendar {
    /// Reads what is new since a cursor, or everything.
    pub(super) async fn listing(
        &mut self,
        since: Option<&Cursor>,
        known: &dyn Known,
    ) -> Answer<Pulled> {
        let kept = self.reading.take();
        let kept = kept.filter(|reading| reading.since.as_ref() == since);
        let mut reading = kept.unwrap_or_else(|| self.begin(since, known));
        // As long as another calendar may be the same, no run may go by what the one before did not find out.
        if reading.is_whole() || self.may_be_another {
            self.learn_identity().await;
        }
        loop {
            let stumble = match self.read(&mut reading, known).await {
                Ok(token) => {
                    let is_whole = reading.is_whole();
                    let reached = Reached {
                        token,
                        whole: match is_whole {
                            // Whoever was not asked for because Google was away is asked for in the next run.
                            true if reading.is_unasked => 0,
                            true => self.now().as_second(),
                            false => reading.whole,
                        },
                        named: self.found.as_ref().map(|found| found.named.clone()),
                    };
                    let gathered = reading.gathered;
                    return Ok(gathered.into_pulled(is_whole, known, reached.cursor()));
                }
                Err(stumble) => stumble,
            };
            let again = match stumble {
                Stumble::Lost => {
                    tracing::debug!("a listing does not go on; reading everything");
                    reading.once_more().ok_or((ErrorKind::Retry(None), LOST))
                }
                Stumble::TooLarge => {
                    tracing::debug!("a page is too large; asking for smaller ones");
                    let smaller = reading.in_smaller_pages();
                    smaller.ok_or((ErrorKind::Broken, TOO_LARGE))
                }
                Stumble::Error(error) => {
                    if matches!(error.kind, ErrorKind::Retry(_)) {
                        self.reading = Some(reading);
                    }
                    return Err(error);
                }
            };
            reading = again.map_err(|(kind, words)| self.error(kind, words))?;
        }
    }

    /// A listing from here on. What a name means is remembered with how far its calendar was read.
    fn begin(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Reading {
        let last = match since {
            Some(_) => None,
            // Nothing may be read on from it, but it says which calendar it was.
            None => known.last_cursor(),
        };
        let reached = since.or(last.as_ref()).and_then(Reached::read);
        let reached = reached.and_then(|reached| self.recall_found(reached));
        let now = self.now();
        match reached.filter(|reached| since.is_some() && !reached.is_old(now)) {
            Some(reached) => Reading::begin(since, reached),
            None => Reading::anew(since),
        }
    }

    fn now(&self) -> Timestamp {
        self.account.line.client().clock().now()
    }

    /// Reads on until a listing is complete, or something is in the way.
    async fn read(&mut self, reading: &mut Reading, known: &dyn Known) -> Result<String, Stumble> {
        if reading.is_whole() {
            self.make_sure_of_name().await?;
        }
        // Until something has come, whoever asked for the listing is patient. After that each request is given patience of its
        // own: a long listing may meet a busy server many times.
        let mut has_come = false;
        loop {
            match reading.next.clone() {
                Step::Page(token) => {
                    let sync = reading.token.clone();
                    let size = reading.size.to_string();
                    let got = self.patiently(has_come, async |calendar| {
                        calendar
                            .page(sync.as_deref(), token.as_deref(), &size)
                            .await
                    });
                    let page = match got.await? {
                        Got::Page(page) => page,
                        Got::Lost => return Err(Stumble::Lost),
                        Got::TooLarge => return Err(Stumble::TooLarge),
                    };
                    has_come = true;
                    // Of a series that is shorter now, or gone, Google does not tell all occurrences that went with that.
                    if page.is_busy_only && !reading.is_whole() && !page.items.is_empty() {
                        return Err(Stumble::Lost);
                    }
                    reading.is_busy_only |= page.is_busy_only;
                    reading.next = self.add(reading, page)?;
                }
                Step::Looks(token) if reading.has_to_be_sure(known) => reading.read_twice(token),
                Step::Looks(token) => {
                    match reading.is_whole() {
                        false => self.look_up(reading, known, has_come).await?,
                        true if reading.is_busy_only => {}
                        true => self.look_for_missing(reading, known, has_come).await?,
                    }
                    return Ok(reading.first.take().unwrap_or(token));
                }
            }
        }
    }

    /// Asks, and if need be again, unless somebody else is patient.
    async fn patiently<T>(
        &mut self,
        is_mine: bool,
        mut ask: impl AsyncFnMut(&mut Self) -> Answer<T>,
    ) -> Answer<T> {
        if !is_mine {
            return ask(self).await;
        }
        let clock = self.account.line.client().clock().clone();
        patiently(&clock, async || ask(self).await).await
    }

    async fn page(&mut self, sync: Option<&str>, page: Option<&str>, size: &str) -> Answer<Got> {
        let title = match self.which {
            Which::Id(_) => "",
            Which::Name(_) => "summary,",
        };
        let event = self.event_fields();
        let fields =
            format!("kind,{title}accessRole,timeZone,nextPageToken,nextSyncToken,items({event})");
        let mut query = vec![
            ("singleEvents", "false"),
            ("maxResults", size),
            ("fields", fields.as_str()),
        ];
        query.extend(sync.map(|token| ("syncToken", token)));
        query.extend(page.map(|token| ("pageToken", token)));
        let asked = self.ask(Method::GET, None, &query, None, Vec::new()).await;
        let response = match asked {
            Err(Unanswered::TooLarge(_)) => return Ok(Got::TooLarge),
            asked => asked?,
        };
        if response.status != StatusCode::OK {
            return self.no_page(&response, sync, page).await;
        }
        let page = decode::page(&response.body, &self.home, &self.interest)
            .map_err(|nonsense| self.senseless(nonsense, ErrorKind::Broken))?;
        self.writable = page.writable;
        self.zone = page.zone.clone();
        self.check_title(page.title.as_deref()).await?;
        Ok(Got::Page(page))
    }

    /// What it means that a page was refused.
    async fn no_page(
        &mut self,
        response: &Response,
        sync: Option<&str>,
        page: Option<&str>,
    ) -> Answer<Got> {
        // What a listing goes on by is no good any more, whatever word Google has for that: if it is something else, asking for
        // everything is refused as well. That says nothing of the calendar: one that is gone is "not found".
        let is_lost = match response.status {
            StatusCode::GONE => true,
            StatusCode::BAD_REQUEST => page.is_some() || sync.is_some(),
            _ => false,
        };
        if is_lost {
            return Ok(Got::Lost);
        }
        if response.status == StatusCode::NOT_FOUND {
            // The name may mean another calendar by now, or none.
            self.make_sure_of_name().await?;
        }
        Err(self.refused(response, Doing::Reading))
    }

    /// Adds a page to a listing, and says what comes next.
    fn add(&self, reading: &mut Reading, page: decode::Page) -> Answer<Step> {
        if !reading.gathered.add(page.items) {
            return Err(self.error(ErrorKind::Broken, TWICE));
        }
        reading.pages += 1;
        if reading.pages > PAGES_MAX {
            return Err(too_much(self.whose(), PAGES_MAX, "pages"));
        }
        if reading.gathered.len() > EVENTS_MAX {
            return Err(too_much(self.whose(), EVENTS_MAX, "events"));
        }
        match page.next {
            Next::Sync(token) => Ok(Step::Looks(token)),
            Next::Page(token) if reading.tokens.insert(token.clone()) => {
                Ok(Step::Page(Some(token)))
            }
            Next::Page(_) => {
                let words =
                    "a page leads back to one that was read already; nothing of it is believed";
                Err(self.error(ErrorKind::Broken, words))
            }
        }
    }

    /// Looks at the series that a delta speaks of without saying enough of them. That one is "not found" is no word that it was
    /// deleted: Google now and then misses what is there, and some series are not for this account to see.
    async fn look_up(
        &mut self,
        reading: &mut Reading,
        known: &dyn Known,
        mut has_come: bool,
    ) -> Result<(), Stumble> {
        let missing = reading.gathered.missing(known);
        if missing.len() > LOOKS_MAX {
            return Err(Stumble::Lost);
        }
        for href in missing {
            let told = self.patiently(has_come, async |calendar| calendar.told(&href).await);
            let found = match told.await {
                // To be refused this one says nothing of all the others.
                Err(error) if matches!(error.kind, ErrorKind::Broken | ErrorKind::Refused) => None,
                told => told?,
            };
            has_come = true;
            reading.gathered.add(vec![found.ok_or(Stumble::Lost)?]);
        }
        Ok(())
    }

    /// Looks at what was there and is not in a listing of everything: nothing told that it was deleted, and Google now and then
    /// misses what is there. What nobody could find out about is as it was.
    async fn look_for_missing(
        &mut self,
        reading: &mut Reading,
        known: &dyn Known,
        has_come: bool,
    ) -> Answer<()> {
        let Lost {
            events,
            occurrences,
        } = reading.gathered.lost(known);
        let asked = spread(&events, LOOKS_MAX);
        let found = self.look_at(reading, &asked, has_come).await?;
        // Too many to ask for each: if none of many is there, the others are not there either.
        if found > 0 && asked.len() < events.len() {
            return Err(self.error(ErrorKind::Broken, SHORT));
        }
        let (mut to_ask, mut kept) = (Vec::new(), Vec::new());
        for (occurrence, series) in occurrences {
            match reading.gathered.stands(&series) {
                Stands::Told => to_ask.push(occurrence),
                Stands::Kept => kept.push(occurrence),
                // It went with its series.
                Stands::Gone => {}
            }
        }
        let asked = spread(&to_ask, LOOKS_MAX);
        let found = self.look_at(reading, &asked, has_come).await?;
        if found > 0 && asked.len() < to_ask.len() {
            let asked: BTreeSet<Href> = asked.into_iter().collect();
            kept.extend(to_ask.into_iter().filter(|href| !asked.contains(href)));
        }
        for href in kept {
            reading.gathered.keep(href);
        }
        // An occurrence that somebody was invited to may be among what a listing lacks: nobody is taken for gone on its word.
        for (looked, block) in reading.gathered.met_before(known).iter().enumerate() {
            let is_free = looked < LOOKS_MAX && matches!(self.has_guests(block).await, Ok(false));
            if !is_free {
                reading.gathered.meet(block);
            }
        }
        Ok(())
    }

    /// Adds what is told of these to a listing. How many are there, or may be.
    async fn look_at(
        &mut self,
        reading: &mut Reading,
        hrefs: &[Href],
        has_come: bool,
    ) -> Answer<usize> {
        let mut found = 0;
        for href in hrefs {
            let told = match reading.is_unasked {
                true => Err(None),
                false => {
                    let told = self.patiently(has_come, async |calendar| calendar.told(href).await);
                    told.await.map_err(Some)
                }
            };
            match told {
                Ok(told) => {
                    let told = told.filter(|item| !reading.gathered.is_in_line(item, &self.home));
                    let is_there = told.as_ref().is_some_and(|item| item.what != What::Gone);
                    found += usize::from(is_there);
                    reading.gathered.add(told.into_iter().collect());
                }
                Err(Some(error)) if matches!(error.kind, ErrorKind::SignIn) => return Err(error),
                Err(error) => {
                    let kind = error.map(|error| error.kind);
                    reading.is_unasked |= matches!(kind, Some(ErrorKind::Retry(_)));
                    found += 1;
                    reading.gathered.keep(href.clone());
                }
            }
        }
        Ok(found)
    }
}

const SHORT: &str = "Google leaves events out of its listing that are there, and too many to ask for each; nothing of it is \
                     believed, and the next run reads it again";

const LOST: &str = "Google does not go on with its own listing; nothing of it was used, and the next run begins it anew";

const TWICE: &str = "one listing says two things of one event; nothing of it is believed, and the next run reads it again. Is \
                     `endpoint` right, and nothing in between that answers itself?";

const TOO_LARGE: &str = "50 events at once are more than 32 MiB, which is more than calsync reads; shorten the notes of \
                         events that have very long ones";
