//! Reading: every calendar's changes, written down as they come. A calendar that fails stays as it was.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::join_all;

use crate::{
    clock::Clock,
    model::{CalendarName, Href, Uid, Version},
    plan::wording::Show,
    provider::{Cursor, ErrorKind, Known, Listing, Provider, ProviderError, Told},
    retry::patiently,
    session::{Seat, Session, Settings, Watch},
    state::{Reading, Recorded, State, StateError, Stated},
};

/// How long reading one calendar may take: the others wait for it before anything is written.
const READING_MAX: Duration = Duration::from_mins(5);

/// How reading a calendar went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighted {
    /// It was read; so much was new, in a listing of this kind.
    Read(Recorded, Kind),
    /// It could not be read.
    Failed(ProviderError),
    /// This run had no need to read it.
    Skipped,
}

/// How much of what was read before is gone by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// All of it: only what is new is read.
    Full,
    /// None of it, but for what it tells of events that a damaged file may have lost.
    Losses,
    /// None: what is there now is right.
    None,
}

/// What kind of listing it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything.
    Whole,
    /// What was new.
    Changes,
}

impl Sighted {
    /// Whether the calendar was read in this run.
    pub fn is_fresh(&self) -> bool {
        matches!(self, Self::Read(..))
    }
}

/// Reads all calendars of a session: those of one account one after another, the accounts side by side.
pub async fn pull_all<P: Provider, W: Watch>(
    session: &mut Session<'_, P, W>,
    trust: Trust,
    needed: impl Fn(&CalendarName) -> bool,
) -> Stated<BTreeMap<CalendarName, Sighted>> {
    let mut sighted = BTreeMap::new();
    let names = session.seats.keys().cloned().collect();
    let mut accounts: BTreeMap<String, Vec<(&CalendarName, &mut Seat<P>)>> = BTreeMap::new();
    for (name, seat) in &mut session.seats {
        if needed(name) {
            let account = seat.account.clone();
            accounts.entry(account).or_default().push((name, seat));
        } else {
            sighted.insert(name.clone(), Sighted::Skipped);
        }
    }
    let reader = Reader {
        state: session.state,
        settings: session.settings,
        clock: session.clock,
        names: &names,
        trust,
    };
    let (reader, watch) = (&reader, session.watch);
    let asks = accounts.into_values().map(|seats| async move {
        let mut read = Vec::new();
        let mut away: Option<ProviderError> = None;
        for (name, seat) in seats {
            watch.reading(name);
            let seen = match away.clone().filter(|_| !seat.account.is_empty()) {
                // Whoever did not answer for one calendar is not waited for again and again.
                Some(error) => Sighted::Failed(error),
                None => reader.read(name, seat).await?,
            };
            if let Sighted::Failed(error) = &seen
                && matches!(error.kind, ErrorKind::Retry(_))
            {
                away.get_or_insert_with(|| not_asked(name, &seat.account, error));
            }
            read.push((name.clone(), seen));
        }
        Ok::<_, StateError>(read)
    });
    for read in join_all(asks).await {
        sighted.extend(read?);
    }
    Ok(sighted)
}

/// Reads calendars into a state.
struct Reader<'a> {
    state: &'a RefCell<State>,
    settings: &'a Settings,
    clock: &'a Clock,
    /// All calendars of the configuration.
    names: &'a BTreeSet<CalendarName>,
    trust: Trust,
}

impl Reader<'_> {
    async fn read<P: Provider>(&self, name: &CalendarName, seat: &mut Seat<P>) -> Stated<Sighted> {
        match self.trust {
            Trust::Full => {}
            Trust::Losses => self.state.borrow().forget_versions(name)?,
            Trust::None => self.state.borrow().forget_cursor(name)?,
        }
        let is_other = self.state.borrow().read_otherwise(name, &seat.reading)?;
        let mut routes = self.settings.routes.iter();
        if is_other
            && !routes.any(|route| route.source == *name && route.wording.show != Show::Busy)
        {
            self.state.borrow().forget_words(name)?;
        }
        let is_folder = seat.account.is_empty();
        let pulled = patiently(self.clock, async || pull(self.state, name, seat).await);
        let pulled = match is_folder {
            // A folder answers to nobody else, and is as fast as its disk.
            true => pulled.await,
            false => {
                let limited = self.clock.limit(READING_MAX, pulled).await;
                limited.unwrap_or_else(|| Err(too_slow()))
            }
        };
        let pulled = match pulled {
            Ok(pulled) => pulled,
            Err(error) => {
                tracing::info!(calendar = %name, %error, "could not be read");
                return Ok(Sighted::Failed(error));
            }
        };
        let kind = match pulled.listing {
            Listing::Whole(_) => Kind::Whole,
            Listing::Delta => Kind::Changes,
        };
        let reader = crate::state::Reader {
            mint: &self.settings.mint,
            others: self.names,
            home: &self.settings.home,
            served: seat.provider.is_served(),
            steady: seat.provider.is_steady(),
        };
        let mut state = self.state.borrow_mut();
        let recorded = state.record(name, &seat.reading, &pulled, reader)?;
        tracing::debug!(calendar = %name, ?kind, changed = recorded.changed, "read");
        Ok(Sighted::Read(recorded, kind))
    }
}

/// Why the other calendars of an account are not asked, in words that say nothing of one of them that is true of another.
fn not_asked(name: &CalendarName, account: &str, error: &ProviderError) -> ProviderError {
    let label = format!("account {account}: ");
    if error.message.starts_with(&label) {
        return error.clone();
    }
    let words = format!("{label}not asked any more in this run, after {name} could not be read");
    ProviderError::new(error.kind, words)
}

fn too_slow() -> ProviderError {
    let minutes = READING_MAX.as_secs() / 60;
    let words = format!("reading it took longer than {minutes} minutes; the next run begins anew");
    ProviderError::new(ErrorKind::Retry(None), words)
}

async fn pull<P: Provider>(
    state: &RefCell<State>,
    name: &CalendarName,
    seat: &mut Seat<P>,
) -> crate::provider::Answer<crate::provider::Pulled> {
    let failed = |error: StateError| ProviderError::new(ErrorKind::Broken, error.to_string());
    let cursor = state.borrow().cursor(name, &seat.reading).map_err(failed)?;
    let known = Remembered {
        state,
        name,
        reading: &seat.reading,
    };
    seat.provider.pull(cursor.as_ref(), &known).await
}

/// What the state remembers of a calendar, looked up only if the provider asks.
struct Remembered<'a> {
    state: &'a RefCell<State>,
    name: &'a CalendarName,
    reading: &'a Reading,
}

impl Known for Remembered<'_> {
    fn versions(&self) -> BTreeMap<Href, Version> {
        // Not to know a version costs reading a resource again, and nothing else.
        self.state
            .borrow()
            .versions(self.name, self.reading)
            .unwrap_or_default()
    }

    fn version(&self, href: &Href) -> Option<Version> {
        let state = self.state.borrow();
        state.version(self.name, self.reading, href).ok()?
    }

    fn held(&self) -> BTreeSet<Href> {
        let state = self.state.borrow();
        state.held(self.name, self.reading).unwrap_or_default()
    }

    fn kept(&self) -> BTreeMap<Href, Version> {
        let held = self.state.borrow().kept(self.name, self.reading);
        let held = held.unwrap_or_default().into_iter();
        let mut kept: BTreeMap<Href, Version> = held.map(|href| (href, "".into())).collect();
        kept.extend(self.versions());
        kept
    }

    fn last_cursor(&self) -> Option<Cursor> {
        self.state.borrow().last_cursor(self.name).ok()?
    }

    fn uid(&self, href: &Href) -> Option<Uid> {
        self.state.borrow().uid_at(self.name, href).ok()?
    }

    fn told(&self, href: &Href) -> Option<Told> {
        let state = self.state.borrow();
        state.told(self.name, self.reading, href).ok()?
    }

    fn bodies(&self) -> BTreeMap<Uid, String> {
        self.state.borrow().bodies(self.name).unwrap_or_default()
    }

    fn wrote(&self) -> bool {
        // In doubt it costs listing everything.
        self.state.borrow().wrote(self.name).unwrap_or(true)
    }

    fn unread(&self) -> BTreeSet<Href> {
        let state = self.state.borrow();
        state.unread(self.name).unwrap_or_default()
    }

    fn exceptions(&self, series: &Href) -> Vec<Href> {
        let state = self.state.borrow();
        state.exceptions(self.name, series).unwrap_or_default()
    }

    fn is_met(&self, block: &Href) -> bool {
        // In doubt it is somebody's.
        self.state.borrow().is_met(self.name, block).unwrap_or(true)
    }
}
