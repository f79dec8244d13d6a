//! What a feed said about itself, to ask it next time whether anything is new.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    model::Print,
    provider::{Cursor, daily},
};

/// Marks of one version of a feed. Its text form is a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks {
    /// What the server calls this version (RFC 9110 8.8.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    /// When the server says that it last changed, in its own words (RFC 9110 8.8.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) modified: Option<String>,
    /// The fingerprint of the text.
    pub(super) text: String,
    /// When the text was last sent, in seconds since 1970.
    #[serde(default)]
    pub(super) sent: i64,
    /// How many places in the text looked damaged.
    #[serde(default)]
    pub(super) signs: u32,
}

impl Marks {
    pub(super) fn of(body: &[u8]) -> Self {
        Self {
            text: Print::of([body]).to_string(),
            ..Self::default()
        }
    }

    /// The fingerprint of the text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_same_text(&self, other: &Self) -> bool {
        self.text == other.text
    }

    /// Whether a server can be asked for anything newer than this, now: it named a mark, and not too long ago.
    pub(super) fn is_askable(&self, now: Timestamp) -> bool {
        !daily::is_due(self.sent, now) && (self.etag.is_some() || self.modified.is_some())
    }

    pub(super) fn read(cursor: &Cursor) -> Option<Self> {
        serde_json::from_str(&cursor.0).ok()
    }

    pub(super) fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(self).expect("marks are always JSON"))
    }
}
