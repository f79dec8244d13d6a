//! How far a calendar has been read, and when all of it was read last. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::provider::{Cursor, daily};

/// What a cursor says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reached {
    /// The sync token to go on from.
    pub(super) token: String,
    /// When everything was last read, in seconds since 1970.
    pub(super) whole: i64,
    /// What the calendar's name was found to mean, if it goes by a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) named: Option<Named>,
}

/// What a name was found to mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    /// The calendar's id.
    pub(super) id: String,
    /// By what it was found.
    pub(super) of: String,
    /// A print of what it was called then. The account's list may have a name of its own for it, so that the name proves
    /// nothing; that the title is another one says that it is time to look again.
    pub(super) title: Option<String>,
}

impl Reached {
    /// What an earlier run reached; nothing if that cannot be read.
    pub(super) fn read(cursor: &Cursor) -> Option<Self> {
        serde_json::from_str(&cursor.0).ok()
    }

    pub(super) fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(self).expect("words and numbers are always JSON"))
    }

    /// Whether it is time to read everything again.
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        daily::is_due(self.whole, now)
    }
}
