//! What a provider found in one resource of a calendar.

use super::{Event, Href, Length, Print, Shape, Traces, Uid, Version};

/// One resource of a calendar: a file, a `CalDAV` object, a Google event.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Where it lies.
    pub href: Href,
    /// Which version of it was seen.
    pub version: Version,
    /// What is in it.
    pub parts: Vec<Part>,
    /// How many places in it look damaged, where it holds more than one event.
    pub signs: u32,
}

/// What a resource says about one UID.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// An event that could be read.
    Event {
        /// Its UID; made from its content if it has none.
        uid: Uid,
        /// The event.
        event: Event,
        /// How it looks if it is shaped like a block; whether it is one of ours, only the bearer of the key can tell.
        seen: Option<SeenBlock>,
    },
    /// An event that could not be read.
    Unreadable {
        /// Its UID; made from its content if it has none.
        uid: Uid,
        /// Whether it has attendees or an organiser.
        people: bool,
        /// What is wrong and where, without any of the content.
        why: String,
    },
}

impl Part {
    /// What an event says, as it is kept; nothing of one that could not be read.
    pub fn body(&self) -> Option<String> {
        match self {
            Self::Event { event, .. } => Some(event.body()),
            Self::Unreadable { .. } => None,
        }
    }

    /// Whether it could not be read.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }

    /// The UID that it is about.
    pub fn uid(&self) -> &Uid {
        match self {
            Self::Event { uid, .. } | Self::Unreadable { uid, .. } => uid,
        }
    }
}

impl SeenBlock {
    /// Whether each occurrence lasts so many seconds, whatever the clock does.
    pub fn lasts(&self, seconds: i64) -> bool {
        let Some(Shape::Series(series)) = &self.shape else {
            return false;
        };
        match series.length {
            Length::Days(days) => i64::from(days) * 86_400 == seconds,
            Length::Wall(usual) => usual == seconds,
            Length::Elapsed {
                days,
                seconds: more,
            } => i64::from(days) * 86_400 + more == seconds,
        }
    }
}

/// How something shaped like a block looks in a target.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenBlock {
    /// The fingerprint of all that it shows.
    pub print: Print,
    /// What tells one kind of edit from another.
    pub traces: Traces,
    /// When it is; missing if it is not in a shape that calsync writes.
    pub shape: Option<Shape>,
    /// Whether it has attendees or an organiser: somebody made a meeting of it, and a server may mail them.
    pub people: bool,
    /// Whether somebody changed an occurrence of it, and not the block itself: no target keeps a block so by itself.
    pub touched: bool,
    /// Whether an occurrence of it that somebody changed is at another time now, or free, or gone; or nobody knows.
    pub moved: bool,
}
