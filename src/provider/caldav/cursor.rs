//! How far a calendar has been read, and where it was found: so that a run in which nothing changed need not look for it. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::address::Address;
use crate::provider::{Cursor, daily};

/// The longest that a server may call a state of a calendar to be reminded of it.
const MARK_MAX: usize = 16 << 10;

/// What a cursor says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reached {
    /// Where the calendar is.
    url: String,
    /// What the server goes by.
    pub(super) mark: Mark,
    /// When everything was last listed, in seconds since 1970.
    whole: i64,
    /// What the server would not tell the content of, or whether it is there: no token brings it up again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) untold: BTreeSet<String>,
    /// By what it was found, if it goes by a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) of: Option<String>,
}

/// What a server tells the state of a calendar by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mark {
    /// A token, with which it says what changed since.
    Sync(String),
    /// A tag, which only says that something did; some servers do not even have that.
    Tag(Option<String>),
}

impl Reached {
    pub(super) fn new(at: &Address, mark: Mark, now: Timestamp) -> Self {
        Self {
            url: at.url(),
            mark,
            whole: now.as_second(),
            untold: BTreeSet::new(),
            of: None,
        }
    }

    /// The same, further on.
    pub(super) fn on(self, mark: Mark) -> Self {
        Self { mark, ..self }
    }

    /// The same, found by this.
    pub(super) fn by(self, of: Option<String>) -> Self {
        Self { of, ..self }
    }

    /// The same, save for what the server would not tell.
    pub(super) fn but(self, untold: BTreeSet<String>) -> Self {
        Self { untold, ..self }
    }

    /// What an earlier run reached; nothing if that cannot be read.
    pub(super) fn read(cursor: &Cursor) -> Option<Self> {
        serde_json::from_str(&cursor.0).ok()
    }

    /// The same to be kept; nothing if it is longer than anybody needs, so that everything is listed again.
    pub(super) fn cursor(&self) -> Option<Cursor> {
        if self.mark.len() > MARK_MAX {
            return None;
        }
        serde_json::to_string(self).ok().map(Cursor)
    }

    pub(super) fn address(&self) -> Option<Address> {
        Address::parse(&self.url)
    }

    /// Whether it is time to list everything.
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        daily::is_due(self.whole, now)
    }
}

impl Mark {
    fn len(&self) -> usize {
        match self {
            Self::Sync(token) | Self::Tag(Some(token)) => token.len(),
            Self::Tag(None) => 0,
        }
    }

    /// Whether the server is asked what changed since then.
    pub(super) fn is_token(&self) -> bool {
        matches!(self, Self::Sync(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_longer_than_anybody_needs_is_not_kept() {
        let at = Address::parse("https://e.org/c/").unwrap();
        for (length, is_kept) in [(300, true), (3 << 20, false)] {
            let mark = Mark::Sync("t".repeat(length));
            let reached = Reached::new(&at, mark, Timestamp::UNIX_EPOCH);
            assert_eq!(reached.cursor().is_some(), is_kept, "{length}");
        }
    }
}
