//! A feed: a calendar that somebody publishes at an address, or one `.ics` file. Only ever read, and believed only if it is a
//! whole calendar: a web page, an error or half a calendar says nothing about what is there. The address is a secret, since
//! whoever has it can read the calendar: no message holds more of it than the host.

use std::{collections::BTreeSet, fmt, path::PathBuf};

use jiff::tz::TimeZone;

use super::{
    Answer, Change, Cursor, ErrorKind, Known, Listing, Place, Probe, Provider, ProviderError,
    Pulled,
};
use crate::{
    clock::breathe,
    http::{Line, Roots},
    ical::{self, Found, lines::TextError},
    ident::BlockId,
    model::{Block, Href, Interest, Part, Print, Resource, Version},
    secrets::Secret,
};

mod fetch;
mod held;
mod marks;
mod names;

use fetch::Fetched;
use fetch::web_address;
use marks::Marks;
use names::names;

/// Where a feed is.
#[derive(Clone, PartialEq, Eq)]
pub enum Origin {
    /// At an address.
    Web(Site),
    /// In a file.
    File(PathBuf),
}

/// An address that a feed is published at, and what it takes to be let in.
#[derive(Clone, PartialEq, Eq)]
pub struct Site {
    /// The address, without anybody's name in it: `https`, or `http` on this very machine.
    pub url: String,
    /// The user and the password that stood in the address, with a colon between. For this very server alone.
    pub login: Option<Secret>,
    /// Certificates to trust beside the machine's.
    pub roots: Option<Roots>,
}

/// A feed.
#[derive(Debug)]
pub struct IcsCalendar {
    origin: Origin,
    line: Line,
    me: Vec<String>,
    home: TimeZone,
    interest: Interest,
}

impl IcsCalendar {
    /// A feed that is read over this line. `me`: the owner's mail addresses in lower case; `home`: the zone of floating times.
    pub fn new(origin: Origin, line: Line, me: &[String], home: &TimeZone) -> Self {
        Self {
            origin,
            line,
            me: me.to_owned(),
            home: home.clone(),
            interest: Interest::default(),
        }
    }

    /// The same, looking for this in the words of events.
    #[must_use]
    pub fn noticing(self, interest: Interest) -> Self {
        Self { interest, ..self }
    }

    async fn fetch(&self, marks: Option<&Marks>) -> Answer<Fetched> {
        match &self.origin {
            Origin::Web(site) => fetch::from_web(&self.line, site, marks).await,
            Origin::File(path) => fetch::from_file(path),
        }
    }

    /// What is in a feed, or why nothing of it is believed.
    fn found(&self, body: &[u8]) -> Answer<Found> {
        let reader = ical::Reader {
            me: &self.me,
            home: &self.home,
            interest: &self.interest,
        };
        ical::read_signs(body, reader).map_err(|error| self.nonsense(body, &error))
    }

    fn nonsense(&self, body: &[u8], error: &TextError) -> ProviderError {
        let origin = &self.origin;
        let words = match error {
            TextError::NoCalendar if body.trim_ascii_start().starts_with(b"<") => {
                "answers with a web page and not with a calendar; is it the address of the .ics feed, and open without \
                 signing in?"
                    .to_owned()
            }
            TextError::NoCalendar => "holds no calendar".to_owned(),
            error => format!("does not hold a whole calendar ({error}); nothing of it was used"),
        };
        ProviderError::new(ErrorKind::Broken, format!("{origin} {words}"))
    }
}

/// The host alone: the address is a secret too.
impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Site({})", fetch::feed_at(&self.url))
    }
}

impl Site {
    /// The address that people are given, and who is let in there if it says so. Nothing if it is no address of the web.
    pub fn read(written: &str) -> Option<Self> {
        let (url, login) = fetch::apart(&web_address(written)?);
        Some(Self {
            url,
            login,
            roots: None,
        })
    }

    /// What is wrong with how the user and the password stand in such an address, if anything; nothing of it is in these words.
    pub fn mistake(written: &str) -> Option<&'static str> {
        fetch::misspelt(&web_address(written)?)
    }
}

impl Origin {
    /// What tells it apart from others, without telling what it is. A password is no part of it.
    pub fn print(&self) -> Print {
        match self {
            Self::Web(site) => Print::of([b"web".as_slice(), site.url.as_bytes()]),
            Self::File(path) => {
                Print::of([b"file".as_slice(), path.as_os_str().as_encoded_bytes()])
            }
        }
    }
}

/// The origin in messages: a file's path, or the host alone.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(site) => f.write_str(&fetch::feed_at(&site.url)),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

impl Provider for IcsCalendar {
    async fn pull(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Answer<Pulled> {
        let before = since.and_then(Marks::read);
        let unchanged = |marks: &Marks| Pulled {
            listing: Listing::Delta,
            changes: Vec::new(),
            cursor: Some(marks.cursor()),
        };
        // What nobody asked about, no answer is believed about.
        let now = self.line.client().clock().now();
        let asked = before.as_ref().filter(|before| before.is_askable(now));
        let (body, marks) = match (self.fetch(asked).await?, asked) {
            (Fetched::Unchanged, Some(before)) => return Ok(unchanged(before)),
            (Fetched::Unchanged, None) => {
                let origin = &self.origin;
                let words = format!("{origin} says that nothing changed, which was not asked");
                return Err(ProviderError::new(ErrorKind::Broken, words));
            }
            (Fetched::Body(body, marks), _) => (body, marks),
        };
        if let Some(before) = before.as_ref().filter(|before| before.is_same_text(&marks)) {
            let signs = before.signs;
            return Ok(unchanged(&Marks { signs, ..marks }));
        }
        breathe().await;
        let last = before.or_else(|| known.last_cursor().as_ref().and_then(Marks::read));
        let usual = last.map(|last| last.signs);
        Ok(listing(self.found(&body)?, usual, marks, known).await)
    }

    async fn look(&mut self, _id: &BlockId) -> Answer<Option<Resource>> {
        Ok(None)
    }

    async fn create(&mut self, _block: &Block) -> Answer<Place> {
        Err(only_read())
    }

    async fn replace(&mut self, _place: &Place, _block: &Block) -> Answer<Place> {
        Err(only_read())
    }

    async fn remove(&mut self, _place: &Place) -> Answer<()> {
        Err(only_read())
    }

    async fn probe(&mut self) -> Answer<Probe> {
        if let Fetched::Body(body, _) = self.fetch(None).await? {
            self.found(&body)?;
        }
        Ok(Probe {
            writable: false,
            resources: None,
        })
    }

    fn is_only_read(&self) -> bool {
        true
    }

    fn requests(&self) -> u64 {
        self.line.requests()
    }
}

/// What a text tells, beside what was known of it. `usual`: how many places in it always look damaged, if that is known.
async fn listing(found: Found, usual: Option<u32>, marks: Marks, memory: &dyn Known) -> Pulled {
    let Found { parts, signs } = found;
    let known = &memory.kept();
    let held = held::signs_before(known);
    let at_first = usual.or(held).map_or(signs.count, |_| 0);
    let usual = usual.or(held).unwrap_or(signs.count);
    let is_damaged = signs.count > usual;
    let (mut is_spoiled, mut newly) = (is_damaged, is_damaged);
    let parts = parts.into_iter().map(|part| (version(&part, &marks), part));
    let parts: Vec<(Version, Part)> = parts.collect();
    let names = names(&parts, known, || memory.bodies());
    let named: BTreeSet<Href> = names.iter().cloned().collect();
    let is_missing = known.keys().any(|href| !named.contains(href));
    let (mut changes, mut present) = (Vec::new(), BTreeSet::new());
    for (i, (href, (version, part))) in names.into_iter().zip(parts).enumerate() {
        if part.is_unreadable() {
            is_spoiled = true;
            let was = known.get(&href);
            newly |= !was.is_some_and(|known| known.starts_with(UNREAD));
        }
        let is_other = known.get(&href) != Some(&version);
        if is_damaged && is_missing && is_other && known.contains_key(&href) {
            // Beside what is missing, an event that damage has changed shows in nothing but that it tells something else.
            continue;
        }
        if is_other {
            changes.push(Change::Seen(Resource {
                href: href.clone(),
                version,
                parts: vec![renamed(part, &href)],
                signs: if i == 0 { at_first } else { 0 },
            }));
        }
        present.insert(href);
        if i % 256 == 0 {
            breathe().await;
        }
    }
    // What was held before stays so until all of it makes sense. What looks damaged and lost nothing is as it always will be.
    let mut always = signs.count;
    if is_missing && (newly || held.is_some() && is_spoiled) {
        changes.extend(held::hold(known.keys(), &mut present, signs, usual));
        always = usual.min(signs.count);
    }
    Pulled {
        listing: Listing::Whole(present),
        changes,
        cursor: Some(
            Marks {
                signs: always,
                ..marks
            }
            .cursor(),
        ),
    }
}

fn only_read() -> ProviderError {
    ProviderError::new(ErrorKind::Refused, "a feed can only be read")
}

/// What the version of an event begins with that cannot be read.
const UNREAD: &str = "unread";

/// Which version of an event this is: the same as long as it says the same about when somebody is busy. What could not be
/// read is looked at again with every new text.
fn version(part: &Part, marks: &Marks) -> Version {
    match part {
        Part::Event { event, .. } => {
            let said = serde_json::to_vec(&event.unrevised()).expect("an event is always JSON");
            Print::of([said.as_slice()]).to_string().into()
        }
        Part::Unreadable { .. } => format!("{UNREAD} {}", marks.text()).into(),
    }
}

/// The same under another UID.
fn renamed(part: Part, href: &Href) -> Part {
    let uid = (&**href).into();
    match part {
        Part::Event { event, seen, .. } => Part::Event { uid, event, seen },
        Part::Unreadable { people, why, .. } => Part::Unreadable { uid, people, why },
    }
}
