//! What the name of a calendar was found to mean, kept with how far the calendar has been read: so that a run in which nothing
//! changed need not look it up. Pure. No name is kept, only a print of it.

use serde::Deserialize;

use crate::{model::Print, provider::Cursor};

/// The calendar that a name was found to mean.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Its id.
    pub(super) id: String,
    /// A print of what it was called then. The account's list may have a name of its own for it, so that the name proves
    /// nothing; that the title is another one says that it is time to look again.
    title: Option<String>,
    remembered: bool,
}

/// A cursor as it is stored.
#[derive(Deserialize)]
struct Stored {
    id: String,
    title: Option<String>,
    token: String,
}

impl Found {
    /// A calendar that was looked up just now.
    pub(super) fn now(id: String) -> Self {
        Self {
            id,
            title: None,
            remembered: false,
        }
    }

    /// What an earlier run found, and the token to go on from; nothing if that cannot be read.
    pub(super) fn read(cursor: &Cursor) -> Option<(Self, String)> {
        let Stored { id, title, token } = serde_json::from_str(&cursor.0).ok()?;
        let found = Self {
            id,
            title,
            remembered: true,
        };
        Some((found, token))
    }

    /// The cursor that says both where to go on and in which calendar.
    pub(super) fn cursor(&self, token: &str) -> Cursor {
        let object = serde_json::json!({"id": self.id, "title": self.title, "token": token});
        Cursor(object.to_string())
    }

    /// Whether it is from an earlier run, rather than looked up in this one.
    pub(super) fn was_remembered(&self) -> bool {
        self.remembered
    }

    /// Whether the calendar was called something else when it was found. Its first title is noted.
    pub(super) fn is_retitled(&mut self, title: &str) -> bool {
        let print = Print::of([title.as_bytes()]).to_string();
        match &self.title {
            Some(known) => *known != print,
            None => {
                self.title = Some(print);
                false
            }
        }
    }
}
