//! Reading a calendar: what changed since a token, or everything, and then what is in it. A listing that a busy server
//! interrupts goes on where it was; one that cannot be believed is begun anew, from the beginning.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    CaldavCalendar, Which,
    account::Ask,
    address::Address,
    cursor::{Mark, Reached},
    version::{self, UNSEEN, version},
    xml::{self, Member},
};
use crate::{
    model::{Href, Version},
    provider::{Answer, Change, Cursor, ErrorKind, Known, Listing, ProviderError, Pulled},
};

/// The most resources that a calendar may hold.
const RESOURCES_MAX: usize = 500_000;
/// How many resources are read at once, as long as a server tells all of them.
const MANY: usize = 1_000;
/// How many are read at once of a server that did not.
pub(super) const BATCH: usize = 50;

/// Where whatever lies elsewhere counts as being: no name in a calendar has a slash.
pub(super) const STRAYS: &str = "//";

/// How often a server may say of something that it is not there, of which it just said that it is.
const DENIALS_MAX: usize = 10;

/// How far a listing has come.
#[derive(Debug)]
pub(super) struct Reading {
    /// What was asked for.
    since: Option<Cursor>,
    /// What is read on from; none if everything is read.
    pub(super) from: Option<Reached>,
    pub(super) step: Step,
    pub(super) pages: usize,
    /// How many of these at the end told of nothing new.
    pub(super) idle_pages: usize,
    /// A server failed once already at what is asked.
    pub(super) stumbled: bool,
    /// What is there, or changed, and in which version.
    pub(super) listed: BTreeMap<Href, Option<Version>>,
    pub(super) gone: BTreeSet<Href>,
    /// What was there before and is not listed any more, though nobody could find out that it is gone.
    pub(super) kept: BTreeSet<Href>,
    /// How much was listed that lies elsewhere.
    pub(super) strays: usize,
    /// What the server would not tell the content of, or whether it is there.
    pub(super) untold: BTreeSet<String>,
    /// How much of what it listed it did not know any more a moment later.
    denials: usize,
    /// It answered nonsense when it was asked for several: what it then does not know of what it listed may be there all the same.
    is_doubted: bool,
    /// What calsync wrote and wants to see once, though it is in the version that writing it made.
    unread: BTreeSet<Href>,
    /// What still has to be read.
    wanted: Vec<Href>,
    /// How much of it at once.
    batch: usize,
    /// What of it is read alone, because it was not told with the others.
    alone: Vec<Href>,
    changes: Vec<Change>,
    /// Whether everything was listed.
    pub(super) whole: bool,
    /// What was reached, once the listing is through.
    pub(super) mark: Option<Mark>,
}

/// What has to be asked next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// What changed since this token.
    Sync(Option<String>),
    /// Whether anything changed.
    Tag,
    /// What is there.
    List,
    /// Whether what is not listed any more, or said to be gone, is gone.
    Missing,
    /// What of that is worth reading.
    Choose,
    /// What is in it.
    Fetch,
}

/// Why a step could not be taken.
pub(super) enum Stumble {
    /// The token is no longer good; perhaps because the calendar is no longer where it was.
    Lost {
        moved: bool,
    },
    Error(ProviderError),
}

impl From<ProviderError> for Stumble {
    fn from(error: ProviderError) -> Self {
        Self::Error(error)
    }
}

impl Reading {
    fn begin(since: Option<&Cursor>, from: Option<Reached>) -> Self {
        let step = match from.as_ref().map(|reached| &reached.mark) {
            None => Step::Sync(None),
            Some(Mark::Sync(token)) => Step::Sync(Some(token.clone())),
            Some(Mark::Tag(_)) => Step::Tag,
        };
        Self {
            since: since.cloned(),
            whole: from.is_none(),
            from,
            step,
            pages: 0,
            idle_pages: 0,
            stumbled: false,
            listed: BTreeMap::new(),
            gone: BTreeSet::new(),
            kept: BTreeSet::new(),
            strays: 0,
            untold: BTreeSet::new(),
            denials: 0,
            is_doubted: false,
            unread: BTreeSet::new(),
            wanted: Vec::new(),
            batch: MANY,
            alone: Vec::new(),
            changes: Vec::new(),
            mark: None,
        }
    }

    /// The same from the beginning, and everything.
    fn anew(self) -> Self {
        Self {
            since: self.since,
            step: Step::Sync(None),
            ..Self::begin(None, None)
        }
    }

    /// Notes what a server says of one resource, wherever it is not the calendar itself or another one inside it. `places` are
    /// those that the calendar goes by: what lies elsewhere is none of it, whatever the server says.
    pub(super) fn note(&mut self, places: &[&Address], member: &Member) -> Option<()> {
        let (folder, at) = places
            .iter()
            .find_map(|place| Some((place, place.join(&member.href)?)))?;
        let href: Href = folder.name_of(&at)?.into();
        if member.props.is_folder || at.path().ends_with('/') {
            return None;
        }
        if !places.iter().any(|place| place.holds(&at)) {
            self.strays += 1;
            return None;
        }
        match member.status {
            // It was there a moment ago, so nobody knows by now: it is asked for.
            Some(404 | 410) if self.listed.contains_key(&href) => {
                self.listed.insert(href, None);
            }
            Some(404 | 410) => {
                self.gone.insert(href);
            }
            // What the server will not say of it now says nothing about whether it is there.
            _ => {
                self.gone.remove(&href);
                let told = member.props.etag.as_deref().and_then(version);
                self.listed.insert(href, told);
            }
        }
        Some(())
    }

    /// Whether nothing ever said that this is a calendar: neither an earlier reading, nor an event in it.
    fn is_bare(&self) -> bool {
        let is_event = |change: &Change| matches!(change, Change::Seen(_));
        self.since.is_none() && !self.changes.iter().any(is_event)
    }

    fn cannot_tell(&mut self, href: &Href, why: &str) {
        self.untold.insert(href.to_string());
        self.changes.push(Change::Unreadable {
            href: href.clone(),
            // Nobody saw this version, and the next run may be luckier with it.
            version: UNSEEN.into(),
            why: why.to_owned(),
            is_known: false,
            names: BTreeSet::new(),
        });
    }

    pub(super) fn is_gone(&mut self, href: &Href) {
        self.listed.remove(href);
        self.gone.insert(href.clone());
    }
}

impl CaldavCalendar {
    /// Reads what changed, or everything.
    pub(super) async fn read(
        &mut self,
        since: Option<&Cursor>,
        known: &dyn Known,
    ) -> Answer<Pulled> {
        let kept = self.reading.take();
        let mut reading = match kept.filter(|reading| reading.since.as_ref() == since) {
            Some(reading) => reading,
            None => {
                let wrote = self.wrote || known.wrote();
                // What calsync wrote and somebody took away since has come and gone after the token, and of that many a server
                // has nothing to say. To list everything is one request as well.
                let from = self
                    .begin(since, known)
                    .filter(|from| !(wrote && from.mark.is_token()));
                Reading::begin(since, from)
            }
        };
        loop {
            match self.read_on(&mut reading, known).await {
                Ok(()) => return self.pulled(reading).await,
                Err(Stumble::Lost { moved }) => {
                    tracing::debug!("how far the calendar was read is lost; reading everything");
                    if moved && matches!(self.which, Which::Name(_)) {
                        self.found = None;
                    }
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

    async fn read_on(&mut self, reading: &mut Reading, known: &dyn Known) -> Result<(), Stumble> {
        let folder = self.address().await?;
        loop {
            match reading.step.clone() {
                Step::Sync(token) => {
                    self.sync_page(reading, &folder, token.as_deref()).await?;
                }
                Step::Tag => self.tag(reading, &folder, known).await?,
                Step::List => self.list(reading, &folder).await?,
                Step::Missing => {
                    match reading.whole {
                        true => self.look_for_missing(reading, &folder, known).await?,
                        false => self.look_for_gone(reading, &folder, known).await?,
                    }
                    reading.step = Step::Choose;
                }
                Step::Choose => {
                    choose(reading, known);
                    reading.step = Step::Fetch;
                }
                Step::Fetch => {
                    self.fetch_all(reading, &folder, known).await?;
                    // What is no calendar may look like an empty one, and would take a block as well: a folder of calendars, an
                    // address book, a box for invitations. A name was looked up among calendars.
                    if reading.is_bare() && matches!(self.which, Which::Id(_)) {
                        self.look_around().await?;
                    }
                    return Ok(());
                }
            }
            if reading.listed.len() > RESOURCES_MAX {
                let words = format!(
                    "it holds more than {RESOURCES_MAX} resources, which is more than calsync reads"
                );
                return Err(self.error(ErrorKind::Broken, &words).into());
            }
        }
    }

    /// Reads what is in the resources that are wanted.
    async fn fetch_all(
        &mut self,
        reading: &mut Reading,
        folder: &Address,
        known: &dyn Known,
    ) -> Answer<()> {
        loop {
            // What an error interrupts goes on here, so nothing is forgotten before it is read.
            while let Some(href) = reading.alone.last().cloned() {
                self.fetch_one(reading, &href, known).await?;
                reading.alone.pop();
            }
            if reading.wanted.is_empty() {
                return Ok(());
            }
            let start = reading.wanted.len().saturating_sub(reading.batch);
            let batch = reading.wanted.get(start..).unwrap_or_default().to_vec();
            let is_large = batch.len() > BATCH;
            let left = match self.fetch(reading, folder, &batch, known).await {
                Err(error) if is_large && !matches!(error.kind, ErrorKind::SignIn) => {
                    tracing::debug!("so many resources at once were too much; reading fewer");
                    reading.batch = BATCH;
                    continue;
                }
                left => left?,
            };
            reading.wanted.truncate(start);
            match is_large && !left.is_empty() {
                // Perhaps it tells no more than so many at once.
                true => {
                    reading.batch = BATCH;
                    reading.wanted.extend(left);
                }
                // Nobody asks for each thing that calsync wrote itself.
                false => {
                    let unread = &reading.unread;
                    let left = left.into_iter().filter(|href| !unread.contains(href));
                    reading.alone.extend(left);
                }
            }
        }
    }

    /// Reads several resources at once. Those that the server did not tell are left.
    async fn fetch(
        &mut self,
        reading: &mut Reading,
        folder: &Address,
        batch: &[Href],
        known: &dyn Known,
    ) -> Answer<Vec<Href>> {
        let paths: Vec<String> = batch.iter().map(|href| folder.inside(href).uri()).collect();
        let ask = Ask::xml(
            "REPORT",
            folder,
            "1",
            &xml::multiget(&paths, &["d:getetag", "c:calendar-data"]),
        );
        let found = match self.ask(ask).await {
            Ok(response) => self.listing(&response),
            Err(error) => Err(error),
        };
        let found = match found {
            Ok(found) => found,
            Err(error) if matches!(error.kind, ErrorKind::Broken) => {
                // One of them may be what the answer broke at: one by one, only that one is lost.
                tracing::debug!("several resources could not be read at once; reading one by one");
                reading.is_doubted |= batch.len() <= BATCH;
                return Ok(batch.to_vec());
            }
            Err(error) => return Err(error),
        };
        let mut left: BTreeSet<Href> = batch.iter().cloned().collect();
        for member in found.members {
            let at = folder.join(&member.href);
            let Some(href) = at.and_then(|at| folder.name_of(&at)).map(Href::from) else {
                continue;
            };
            let data = member.props.data;
            if matches!(member.status, Some(404 | 410)) {
                // The listing has it. Whoever asks for it alone learns which of the two is right.
                let is_denied = left.contains(&href) && reading.listed.contains_key(&href);
                reading.denials += usize::from(is_denied);
            } else if let Some(data) = data.filter(|_| left.remove(&href)) {
                let told = member.props.etag.as_deref().and_then(version);
                let told = told.or_else(|| reading.listed.get(&href).cloned().flatten());
                let told = told.unwrap_or_else(|| version::digest(data.as_bytes()));
                let change = self.change(&href, told, data.as_bytes(), known);
                reading.changes.push(change);
            }
        }
        if reading.denials > DENIALS_MAX {
            return Err(self.error(ErrorKind::Broken, CONTRADICTS));
        }
        Ok(left.into_iter().collect())
    }

    /// Reads one resource that was not told with the others. Not to be told is not to be gone.
    async fn fetch_one(
        &mut self,
        reading: &mut Reading,
        href: &Href,
        known: &dyn Known,
    ) -> Answer<()> {
        match self.resource(href).await {
            Ok(Some((version, text))) => {
                let change = self.change(href, version, &text, known);
                reading.changes.push(change);
            }
            Ok(None) if reading.is_doubted && reading.listed.contains_key(href) => {
                reading.cannot_tell(href, "the server lists it, and then does not know it");
            }
            Ok(None) => reading.is_gone(href),
            Err(error) if matches!(error.kind, ErrorKind::Broken | ErrorKind::Refused) => {
                reading.cannot_tell(href, "the server does not tell what is in it");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// All that a listing says.
    async fn pulled(&mut self, reading: Reading) -> Answer<Pulled> {
        let at = self.address().await?;
        let now: Timestamp = self.account.line.client().clock().now();
        let is_sure = reading.strays == 0;
        let mark = reading.mark.filter(|_| is_sure);
        let cursor = mark.and_then(|mark| {
            let listed_now = || Reached::new(&at, mark.clone(), now);
            let reached = match reading.from {
                Some(from) if !reading.whole => from.on(mark),
                _ => listed_now(),
            };
            reached.but(reading.untold).by(self.found_by()).cursor()
        });
        self.wrote = false;
        // Servers tell in whatever order they like.
        let mut changes = reading.changes;
        changes.sort_by(|one, other| href_of(one).cmp(href_of(other)));
        // Of a listing that holds what does not belong there nobody knows what else is wrong with it: it takes nothing away, the
        // next one begins anew, and the calendar is not whole until then.
        if !is_sure {
            changes.push(Change::Unreadable {
                href: STRAYS.into(),
                version: UNSEEN.into(),
                why: ELSEWHERE.to_owned(),
                is_known: true,
                names: BTreeSet::new(),
            });
        }
        let listing = match reading.whole {
            true if is_sure => {
                Listing::Whole(reading.listed.into_keys().chain(reading.kept).collect())
            }
            _ if !is_sure => Listing::Delta,
            _ => {
                changes.extend(reading.gone.into_iter().map(Change::Gone));
                Listing::Delta
            }
        };
        Ok(Pulled {
            listing,
            changes,
            cursor,
        })
    }
}

const ELSEWHERE: &str = "the server lists events that do not lie in the calendar; they are left out, and nothing is taken away \
                         on the word of that listing. Is `id` the path that `calsync calendars` shows?";

const CONTRADICTS: &str = "the server says of events that they are there, and then that they are not; nothing of it is believed, \
                           and the next run reads them again";

fn href_of(change: &Change) -> &Href {
    match change {
        Change::Seen(resource) => &resource.href,
        Change::Gone(href) | Change::Unreadable { href, .. } => href,
    }
}

/// Leaves out what is known in the very version that is listed. What could not be read the last time is tried again, since it
/// is known in no version. What calsync wrote itself is read once: no server keeps it as it is because it says so.
fn choose(reading: &mut Reading, known: &dyn Known) {
    let before = reading.from.as_ref().filter(|_| !reading.whole);
    let untold = before.into_iter().flat_map(|from| &from.untold);
    let untold = untold.map(|href| Href::from(href.as_str()));
    let told = |href: &Href| reading.listed.contains_key(href) || reading.gone.contains(href);
    reading.wanted = untold.filter(|href| !told(href)).collect();
    if reading.listed.is_empty() {
        return;
    }
    let unread = known.unread();
    let known = known.versions();
    for (href, version) in &reading.listed {
        let is_same = version.is_some() && known.get(href) == version.as_ref();
        if is_same && unread.contains(href) {
            reading.unread.insert(href.clone());
        }
        if !is_same || unread.contains(href) {
            reading.wanted.push(href.clone());
        }
    }
}
