//! A calendar as its owner and any other program see it, in memory, as a folder, at a fake Google or at a
//! real `CalDAV` server: the side of the world that calsync
//! does not hold.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
};

use calsync::{
    clock::Clock,
    fsx, ical,
    ident::{self, BlockId, Mint, Recognised},
    model::{CalendarName, Href, Part, Print, Resource, Shape, Version},
    provider::{
        AnyProvider, Change, Known, Provider as _, local::LocalCalendar, memory::MemoryCalendar,
    },
};
use jiff::{Timestamp, tz::TimeZone};
use tempfile::TempDir;

use super::{
    dav::{
        DavDesk,
        cloud::Cloud,
        place::{Feed, Place},
    },
    desk::Desk,
    google::{FakeGoogle, Gate},
    sieve,
};

thread_local! {
    /// What futures that speak to a server need around them. Others do not notice it.
    static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
}

/// Polls a future so many times at the most, and drops it wherever it is then.
pub(crate) fn poll_for<F: Future>(future: F, polls: u64) -> Option<F::Output> {
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let mut future = pin!(future);
            let mut left = polls;
            poll_fn(|context| {
                if left == 0 {
                    return Poll::Ready(None);
                }
                left -= 1;
                match future.as_mut().poll(context) {
                    Poll::Ready(done) => Poll::Ready(Some(done)),
                    // The last poll was in vain, and nobody waits for another.
                    Poll::Pending if left == 0 => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await
        })
    })
}

/// Polls a future until a request of its waits at a gate, and drops it then.
pub(crate) fn poll_to<F: Future>(future: F, gate: &Gate) -> Option<F::Output> {
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let (mut future, mut arrival) = (pin!(future), pin!(gate.arrival()));
            poll_fn(|context| {
                if let Poll::Ready(done) = future.as_mut().poll(context) {
                    return Poll::Ready(Some(done));
                }
                arrival.as_mut().poll(context).map(|()| None)
            })
            .await
        })
    })
}

/// Polls a future to its end. While a request of its waits at a gate, something else happens.
pub(crate) fn poll_past<F: Future>(future: F, gate: &Gate, act: impl FnOnce()) -> F::Output {
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let (mut future, mut arrival) = (pin!(future), pin!(gate.arrival()));
            let mut act = Some(act);
            poll_fn(|context| {
                if act.is_some() && arrival.as_mut().poll(context).is_ready() {
                    act.take().into_iter().for_each(|act| act());
                    gate.open();
                }
                future.as_mut().poll(context)
            })
            .await
        })
    })
}

/// Waits until nothing is on its way to a server any more, whoever sent it.
pub(crate) fn let_arrive(google: &FakeGoogle) {
    RUNTIME.with(|runtime| runtime.block_on(google.idle()));
}

/// The same with another kind of server.
pub(crate) fn let_clouds_arrive(cloud: &Cloud) {
    RUNTIME.with(|runtime| runtime.block_on(cloud.idle()));
}

/// Polls a future to its end.
pub(crate) fn poll_out<F: Future>(future: F) -> F::Output {
    poll_for(future, 1_000_000).expect("a future that nobody waits for comes to an end")
}

/// Where temporary files cost least.
pub(crate) fn temporary() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let made = tempfile::Builder::new()
        .prefix("calsync-test-")
        .tempdir_in(memory);
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

/// Knows nothing.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Known for Nothing {
    fn versions(&self) -> BTreeMap<Href, Version> {
        BTreeMap::new()
    }
}

/// Sets the time of a folder to a moment that it never had before. Real ones lie far enough apart; in a test all happens
/// within one tick of the file system's clock.
fn touch(folder: &TempDir) {
    static TICKS: AtomicU64 = AtomicU64::new(1_000_000);
    let tick = TICKS.fetch_add(1, Ordering::Relaxed);
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(tick);
    let folder = std::fs::File::open(folder.path()).unwrap();
    folder.set_modified(time).unwrap();
}

/// A calendar.
#[derive(Debug)]
pub(crate) enum Shore {
    Memory(MemoryCalendar),
    Folder(TempDir),
    Google(Desk),
    Dav(DavDesk),
    Cloud(Place),
    Feed(Feed),
}

/// What lies at one place of a calendar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lies {
    pub(crate) version: Version,
    pub(crate) parts: Vec<Part>,
    /// The very bytes, where there are any.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// A block of ours as it lies in a calendar.
#[derive(Clone, Debug)]
pub(crate) struct Ours {
    pub(crate) id: BlockId,
    pub(crate) href: Href,
    /// What it shows; nothing sensible if somebody damaged it.
    pub(crate) print: Print,
    pub(crate) shape: Option<Shape>,
    pub(crate) people: bool,
}

impl Shore {
    /// The same kind of calendar, empty.
    pub(crate) fn fresh(&self) -> Self {
        match self {
            Self::Memory(_) => Self::Memory(MemoryCalendar::new()),
            Self::Folder(_) => Self::Folder(temporary()),
            Self::Google(desk) => Self::Google(desk.fresh()),
            Self::Dav(desk) => Self::Dav(desk.fresh()),
            Self::Cloud(place) => Self::Cloud(place.fresh()),
            Self::Feed(feed) => Self::Feed(feed.fresh()),
        }
    }

    pub(crate) fn provider(&self, tag: &str, home: &TimeZone, clock: &Clock) -> AnyProvider {
        match self {
            Self::Memory(calendar) => AnyProvider::Memory(calendar.clone()),
            Self::Folder(folder) => {
                let folder = folder.path().to_owned();
                let folder = LocalCalendar::new(folder, tag, &[], home, clock);
                AnyProvider::Local(folder.noticing(sieve::INTEREST.clone()))
            }
            Self::Google(desk) => AnyProvider::Google(desk.calendar(&desk.id, home, clock)),
            Self::Dav(desk) => AnyProvider::Caldav(desk.calendar(home, clock)),
            Self::Cloud(place) => AnyProvider::Caldav(place.calendar(&place.account(clock), home)),
            Self::Feed(feed) => AnyProvider::Ics(feed.calendar(home, clock)),
        }
    }

    /// The place of what goes by this name.
    pub(crate) fn href(&self, name: &str) -> String {
        match self {
            Self::Memory(_) | Self::Feed(_) => name.to_owned(),
            Self::Folder(_) | Self::Dav(_) | Self::Cloud(_) => format!("{name}.ics"),
            Self::Google(_) if ident::shaped(name) == Some(name) => name.to_owned(),
            // Google takes few letters.
            Self::Google(_) => format!("evt{}", data_encoding::HEXLOWER.encode(name.as_bytes())),
        }
    }

    /// Puts a text there, as any other program would.
    pub(crate) fn put(&self, href: &str, text: &str, home: &TimeZone) {
        match self {
            Self::Memory(calendar) => {
                let parts = ical::read(text.as_bytes(), sieve::reader(home)).unwrap();
                calendar.put(href, parts);
            }
            Self::Folder(folder) => {
                let staged = fsx::stage(folder.path(), "owner", href, text.as_bytes()).unwrap();
                std::fs::rename(&staged, folder.path().join(href)).unwrap();
                touch(folder);
            }
            Self::Google(desk) => desk.put(href, text, home),
            Self::Dav(desk) => desk.server.put(&format!("{}{href}", desk.path), text),
            Self::Cloud(place) => place.cloud.put(&place.path, href, text),
            Self::Feed(feed) => feed.put(href, text),
        }
    }

    /// Takes away what lies there.
    pub(crate) fn take(&self, href: &str) {
        match self {
            Self::Memory(calendar) => calendar.take(href),
            Self::Folder(folder) => {
                std::fs::remove_file(folder.path().join(href)).unwrap();
                touch(folder);
            }
            Self::Google(desk) => desk.google.erase(&desk.id, href),
            Self::Dav(desk) => desk.server.delete(&format!("{}{href}", desk.path)),
            Self::Cloud(place) => place.cloud.take(&place.path, href),
            Self::Feed(feed) => feed.take(href),
        }
    }

    /// Everything that any reader of the calendar finds.
    pub(crate) fn all(&self, home: &TimeZone) -> BTreeMap<Href, Lies> {
        match self {
            Self::Cloud(place) => return place.all(home),
            Self::Feed(feed) => return feed.all(home),
            _ => {}
        }
        let clock = Clock::at(Timestamp::MAX);
        let mut provider = match self {
            Self::Google(desk) => {
                let desk = desk.onlooker();
                AnyProvider::Google(desk.calendar(&desk.id, home, &clock))
            }
            _ => self.provider("onlooker", home, &clock),
        };
        let pulled = poll_out(provider.pull(None, &Nothing)).unwrap();
        let mut found = BTreeMap::new();
        for change in pulled.changes {
            let (href, version, parts) = match change {
                Change::Seen(Resource {
                    href,
                    version,
                    parts,
                    ..
                }) => (href, version, parts),
                Change::Unreadable { href, version, .. } => (href, version, Vec::new()),
                Change::Gone(_) => continue,
            };
            let bytes = match self {
                Self::Folder(folder) => Some(std::fs::read(folder.path().join(&*href)).unwrap()),
                _ => None,
            };
            found.insert(
                href,
                Lies {
                    version,
                    parts,
                    bytes,
                },
            );
        }
        found
    }

    /// Everything but blocks of ours that nobody made a meeting of: what may never change by our hand.
    pub(crate) fn own(
        &self,
        mint: &Mint,
        name: &CalendarName,
        home: &TimeZone,
    ) -> BTreeMap<Href, Lies> {
        let all = self.all(home).into_iter();
        all.filter(|(href, lies)| ours(href, lies, mint, name).is_none_or(|block| block.people))
            .collect()
    }

    /// The blocks of ours, by place.
    pub(crate) fn ours(&self, mint: &Mint, name: &CalendarName, home: &TimeZone) -> Vec<Ours> {
        let all = self.all(home);
        all.iter()
            .filter_map(|(href, lies)| ours(href, lies, mint, name))
            .collect()
    }

    /// After how many steps at the most a write is done.
    pub(crate) fn steps(&self) -> u64 {
        match self {
            Self::Memory(_) | Self::Folder(_) => 6,
            Self::Google(_) | Self::Dav(_) | Self::Cloud(_) | Self::Feed(_) => 40,
        }
    }

    /// Files that no reader of the calendar may take for events.
    pub(crate) fn unfinished(&self) -> Vec<String> {
        let Self::Folder(folder) = self else {
            return Vec::new();
        };
        let names = std::fs::read_dir(folder.path()).unwrap();
        names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with('.'))
            .collect()
    }
}

fn ours(href: &Href, lies: &Lies, mint: &Mint, name: &CalendarName) -> Option<Ours> {
    let recognised = match &lies.parts[..] {
        [] => mint.recognise(href.trim_end_matches(".ics"), name),
        [Part::Event { uid, .. }] => mint.recognise(uid, name),
        _ => return None,
    };
    let Recognised::Ours(id) = recognised else {
        return None;
    };
    let seen = match &lies.parts[..] {
        [Part::Event { seen, .. }] => seen.clone(),
        _ => None,
    };
    Some(Ours {
        id,
        href: href.clone(),
        print: seen.as_ref().map_or(Print::default(), |s| s.print),
        people: seen.as_ref().is_some_and(|s| s.people),
        shape: seen.and_then(|s| s.shape),
    })
}
