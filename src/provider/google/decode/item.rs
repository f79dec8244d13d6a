//! An item of a listing: what it is, in which edition, and the resource that it stands for. Pure; reads no JSON.

use std::borrow::Cow;

use crate::model::{Event, Href, Part, Resource, SeenBlock, Uid, Version, When};

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
pub(super) const NO_ID: &str = "no-id-";

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
        /// How long it lasts, in seconds, if it is busy when the series has it.
        keeps: Option<i64>,
        /// Which one it is, if they took it out and no more.
        gone: Option<When>,
    },
    /// Gone.
    Gone,
    /// There, but beyond reading.
    Odd(Why),
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
            signs: 0,
        })
    }
}
