//! The port: what calsync asks of a calendar, whoever keeps it. What every provider must do is in the contract suite.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    ident::BlockId,
    model::{Block, Href, Resource, Shape, Uid, Version},
};

pub mod any;
pub mod caldav;
mod daily;
pub mod google;
pub mod ics;
pub mod local;
pub mod memory;

pub use any::AnyProvider;

/// How far a calendar has been read, in words that only its provider understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// What a provider already told about a calendar, for providers that have to find out for themselves what is new.
pub trait Known {
    /// The versions of all resources as last recorded.
    fn versions(&self) -> BTreeMap<Href, Version>;

    /// The version of one resource as last recorded.
    fn version(&self, href: &Href) -> Option<Version> {
        self.versions().remove(href)
    }

    /// Where something was when the calendar was last read from the same place, also if all of it is to be read anew.
    fn held(&self) -> BTreeSet<Href> {
        self.versions().into_keys().collect()
    }

    /// The same with the versions, none of what is to be read anew; nothing at all if a person said that what is there is right.
    fn kept(&self) -> BTreeMap<Href, Version> {
        self.versions()
    }

    /// How far the calendar was read last, also if nothing may be read on from there: for providers that note there what else
    /// they found out.
    fn last_cursor(&self) -> Option<Cursor> {
        None
    }

    /// What a resource told when it was last read; nothing if it is to be read anew, whatever it told.
    fn told(&self, _href: &Href) -> Option<Told> {
        None
    }

    /// What each event said when it was last read, in whichever way and from wherever: for providers that know events by that.
    fn bodies(&self) -> BTreeMap<Uid, String> {
        BTreeMap::new()
    }

    /// Where blocks lie that calsync wrote and nobody has read since, in the very version that writing them made.
    fn unread(&self) -> BTreeSet<Href> {
        BTreeSet::new()
    }

    /// The UID of what lies in a resource, for providers that tell of an occurrence without saying of which event.
    fn uid(&self, _href: &Href) -> Option<Uid> {
        None
    }

    /// Whether calsync wrote anything there that no listing has told of since, or found there what the last one had not told.
    fn wrote(&self) -> bool {
        false
    }

    /// The resources that hold single occurrences of the series in this one, for providers that keep each in a resource of
    /// its own. None if it holds no series.
    fn exceptions(&self, _series: &Href) -> Vec<Href> {
        Vec::new()
    }

    /// Whether the block in this resource may have occurrences, and somebody made a meeting of one of them or of all, for
    /// providers that tell of each occurrence only once.
    fn is_met(&self, _block: &Href) -> bool {
        false
    }
}

/// What a resource told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// How many places in it looked damaged.
    pub signs: u32,
    /// Its events.
    pub events: BTreeMap<Uid, ToldEvent>,
}

impl Told {
    /// Whether an event could not be read before either, for this very reason. Another one is another damage: whatever is missing
    /// beside it now may be lost.
    pub fn was_unreadable(&self, uid: &Uid, why: &str) -> bool {
        let told = self.events.get(uid);
        let trouble = told.and_then(|told| told.trouble.as_deref());
        trouble.is_some_and(|trouble| is_same_trouble(trouble, why))
    }
}

/// Whether two things cannot be read for the same reason, wherever in the text that is.
pub fn is_same_trouble(one: &str, other: &str) -> bool {
    fn reason(why: &str) -> &str {
        let place = why.split_once(": ").filter(|(place, _)| {
            let number = place.strip_prefix("line ");
            number.is_some_and(|number| number.parse::<usize>().is_ok())
        });
        place.map_or(why, |(_, reason)| reason)
    }
    reason(one) == reason(other)
}

/// An event that a resource told of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToldEvent {
    /// Why it could not be read, if so.
    pub trouble: Option<String>,
    /// What it said when it last could be, as it is kept; nothing if that was never, or read in another way than now.
    pub body: Option<String>,
}

/// What changed in a calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulled {
    /// Whether this is everything, or only what is new.
    pub listing: Listing,
    /// What was found.
    pub changes: Vec<Change>,
    /// Where to go on next time; none if the next time has to begin anew.
    pub cursor: Option<Cursor>,
}

/// How much a listing says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Everything: these resources are there, and no others.
    Whole(BTreeSet<Href>),
    /// What changed since the cursor; what is not mentioned is as it was.
    Delta,
}

/// One thing that a listing says.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A resource is new, or is different now.
    Seen(Resource),
    /// A resource is gone: a tombstone.
    Gone(Href),
    /// A resource is there but cannot be read. What was known of it stays.
    Unreadable {
        /// Where it lies.
        href: Href,
        /// Which version of it could not be read.
        version: Version,
        /// What is wrong, without any of the content.
        why: String,
        /// Whether its content was seen, and is that of no block: then whatever block was there is gone. Otherwise nobody
        /// knows, and what is there is not touched.
        is_known: bool,
        /// The UIDs that stand in it all the same: their events are not gone.
        names: BTreeSet<Uid>,
    },
}

/// A resource that exists, in the version that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it lies.
    pub href: Href,
    /// The version that may be changed, and no other.
    pub version: Version,
    /// Whether it may have occurrences, to each of which somebody may have invited people by itself.
    pub repeats: bool,
}

impl Place {
    /// The place of something that happens once.
    pub fn once(href: Href, version: Version) -> Self {
        Self {
            href,
            version,
            repeats: false,
        }
    }

    /// The place of a block.
    pub fn of(block: &Block, href: Href, version: Version) -> Self {
        Self {
            repeats: matches!(block.shape, Shape::Series(_)),
            ..Self::once(href, version)
        }
    }
}

/// Why a provider could not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProviderError {
    /// What to make of it.
    pub kind: ErrorKind,
    /// What happened and what to do now, in words; no title and no secret.
    pub message: String,
}

/// What to make of a provider's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Try again, after this time if one is given: the server is busy, away or limiting.
    Retry(Option<Duration>),
    /// A person must sign in again.
    SignIn,
    /// The calendar or the resource is not there.
    Gone,
    /// The resource is not in the version that was meant.
    Conflict,
    /// Something is already at the place where a block was to be created.
    Exists,
    /// The server used up this id for good; the next generation may do.
    Spent,
    /// The id is in use in another calendar of the server; the next generation may do, but if some are, all may be.
    Elsewhere,
    /// It is not allowed, or there is no room.
    Refused,
    /// The answer makes no sense, or exceeds a limit; nothing of it is believed.
    Broken,
}

impl ProviderError {
    /// An error with its words.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

/// What a provider answers.
pub type Answer<T> = Result<T, ProviderError>;

/// A calendar that can be read, and perhaps written.
///
/// What is asked of every implementation, and tested by the contract suite: a listing says truly whether it is whole; a lost
/// cursor gives a whole listing; creating twice makes one block; no write touches a version other than the one named; no
/// request can make a server mail anybody.
pub trait Provider {
    /// Reads what changed since `since`, or everything.
    fn pull(
        &mut self,
        since: Option<&Cursor>,
        known: &dyn Known,
    ) -> impl Future<Output = Answer<Pulled>>;

    /// Reads the one resource that a block of this id would be.
    fn look(&mut self, id: &BlockId) -> impl Future<Output = Answer<Option<Resource>>>;

    /// Creates a block. Answers [`ErrorKind::Exists`] if something is at its place.
    fn create(&mut self, block: &Block) -> impl Future<Output = Answer<Place>>;

    /// Writes a block over one in exactly this version.
    fn replace(&mut self, place: &Place, block: &Block) -> impl Future<Output = Answer<Place>>;

    /// Removes a block in exactly this version. One that is gone already is no error.
    fn remove(&mut self, place: &Place) -> impl Future<Output = Answer<()>>;

    /// Whether the calendar can be reached, and written to: one harmless request.
    fn probe(&mut self) -> impl Future<Output = Answer<Probe>>;

    /// Learns how far the calendar was read last, without reading it: for those who only probe it.
    fn recall(&mut self, _last: &Cursor) {}

    /// Finds out where it is, if that can only be found out by asking.
    fn locate(&mut self) -> impl Future<Output = ()> {
        async {}
    }

    /// What a person could do better about it, as far as a probe found out.
    fn advice(&self) -> Option<String> {
        None
    }

    /// Clears away what an earlier run left unfinished. Asked of targets only, after reading them, and not in a dry run.
    fn tidy(&mut self) {}

    /// Which calendar it is in truth, in words for people, as far as that is known: two of the same are one calendar. Asks
    /// nobody.
    fn identity(&self) -> Option<String> {
        None
    }

    /// Finds out whether anything can be written to it, where reading it does not tell. Asked before a dry run promises to.
    fn ask_leave(&mut self) -> impl Future<Output = ()> {
        async {}
    }

    /// Why nothing can be written to it, if that was found out.
    fn barred(&self) -> Option<ProviderError> {
        None
    }

    /// Why nothing should be brought in step there in this run though it can be written to: nobody knows yet which calendar it is,
    /// and another one may be the same.
    fn in_doubt(&self) -> Option<ProviderError> {
        None
    }

    /// Learns that an earlier run found out that nothing can be written to it, where reading does not tell.
    fn bar(&mut self) {}

    /// Whether somebody keeps it who may make something else of a block than was written, also a moment later: a server, and no
    /// folder.
    fn is_served(&self) -> bool {
        false
    }

    /// Whether a block stays in the version that writing it made until somebody edits it.
    fn is_steady(&self) -> bool {
        false
    }

    /// Whether something is still there that [`identity`](Provider::identity) named once. Asks no server.
    fn is_still_there(&self, _identity: &str) -> bool {
        false
    }

    /// Whether nothing is ever written to it, whatever the configuration says.
    fn is_only_read(&self) -> bool {
        false
    }

    /// Whether people may be shown where resources lie: names of files may be, ids of somebody's events may not.
    fn shows_places(&self) -> bool {
        false
    }

    /// How many requests were sent to a server so far.
    fn requests(&self) -> u64;
}

/// What a harmless request found out about a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whether blocks can be written.
    pub writable: bool,
    /// How many resources are in it, where that is cheap to say.
    pub resources: Option<usize>,
}
