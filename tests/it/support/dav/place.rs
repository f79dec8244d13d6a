//! Calendars of a world at the `CalDAV` server in this process, and feeds beside them, as their owners see them.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use calsync::{
    clock::Clock,
    http::{Client, Line, Pace},
    ical::{self, Reader},
    model::Href,
    provider::{
        caldav::{CaldavAccount, CaldavCalendar, Which},
        ics::{IcsCalendar, Origin, Site},
    },
};
use jiff::tz::TimeZone;

use super::{account, cloud::Cloud};
use crate::support::{shore::Lies, sieve};

/// A calendar at the server.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) cloud: Rc<Cloud>,
    pub(crate) path: String,
}

impl Place {
    /// An empty calendar, in place of any other there.
    pub(crate) fn new(cloud: &Rc<Cloud>, path: &str) -> Self {
        cloud.calendar(path);
        Self {
            cloud: Rc::clone(cloud),
            path: path.to_owned(),
        }
    }

    /// The same of somebody else, with nothing in it.
    pub(crate) fn fresh(&self) -> Self {
        Self::new(&self.cloud, &format!("/fresh{}", self.path))
    }

    /// The account, as a new run finds it.
    pub(crate) fn account(&self, clock: &Clock) -> CaldavAccount {
        account(&self.cloud.url(), clock)
    }

    pub(crate) fn calendar(&self, account: &CaldavAccount, home: &TimeZone) -> CaldavCalendar {
        CaldavCalendar::new(account, Which::Id(self.path.clone()), &[], home)
            .noticing(sieve::INTEREST.clone())
    }

    /// What lies there, as the server keeps it.
    pub(crate) fn all(&self, home: &TimeZone) -> BTreeMap<Href, Lies> {
        let items = self.cloud.items(&self.path).into_iter();
        items
            .map(|(name, item)| {
                let version = item.version.to_string();
                (name.into(), lies(&version, &item.text, home))
            })
            .collect()
    }
}

/// A feed: what its owner publishes.
#[derive(Debug)]
pub(crate) struct Feed {
    cloud: Rc<Cloud>,
    path: String,
    texts: RefCell<BTreeMap<String, String>>,
}

impl Feed {
    /// An empty one.
    pub(crate) fn new(cloud: &Rc<Cloud>, path: &str) -> Self {
        let feed = Self {
            cloud: Rc::clone(cloud),
            path: path.to_owned(),
            texts: RefCell::default(),
        };
        feed.publish();
        feed
    }

    pub(crate) fn fresh(&self) -> Self {
        Self::new(&self.cloud, &format!("/feeds/fresh{}", self.path))
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        let (name, text) = (name.to_owned(), text.to_owned());
        self.texts.borrow_mut().insert(name, text);
        self.publish();
    }

    pub(crate) fn take(&self, name: &str) {
        self.texts.borrow_mut().remove(name);
        self.publish();
    }

    /// Publishes it once more, whether or not anything in it is new.
    pub(crate) fn publish(&self) {
        let head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tests//EN\r\nEND:VCALENDAR\r\n";
        let texts: String = self.texts.borrow().values().map(String::as_str).collect();
        self.cloud.publish(&self.path, &format!("{head}{texts}"));
    }

    pub(crate) fn calendar(&self, home: &TimeZone, clock: &Clock) -> IcsCalendar {
        let pace = Pace {
            per_minute: 1_000_000,
            burst: 1_000_000,
        };
        let line = Line::new(&Client::new(clock), pace);
        let origin =
            Origin::Web(Site::read(&format!("{}{}", self.cloud.url(), self.path)).unwrap());
        IcsCalendar::new(origin, line, &[], home).noticing(sieve::INTEREST.clone())
    }

    pub(crate) fn all(&self, home: &TimeZone) -> BTreeMap<Href, Lies> {
        let texts = self.texts.borrow();
        let all = texts.iter();
        all.map(|(name, text)| (name.as_str().into(), lies("", text, home)))
            .collect()
    }
}

fn lies(version: &str, text: &str, home: &TimeZone) -> Lies {
    let parts = ical::read_kept(text.as_bytes(), Reader::new(&[], home));
    Lies {
        version: version.into(),
        parts: parts.unwrap_or_default(),
        bytes: Some(text.as_bytes().to_vec()),
    }
}
