//! Names for things, each a type of its own so that an id can never be passed where a calendar is meant.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }
    };
}

name!(
    /// A calendar's name in the configuration: the one used in rules, flags, reports and block ids.
    CalendarName
);
name!(
    /// Where a resource lies inside its calendar: a file name, a `CalDAV` href, a Google event id.
    Href
);
name!(
    /// What a series calls itself in every calendar it appears in (RFC 5545 3.8.4.7).
    Uid
);
name!(
    /// What a provider says about the state of one resource (an `ETag`, a file's stamp). Equal versions mean equal content.
    Version
);
name!(
    /// Which occurrence of a series is meant: empty for the series or plain event itself, else its original start, as UTC
    /// (`20261123T080000Z`) or as a date (`20261123`).
    OccurrenceKey
);
