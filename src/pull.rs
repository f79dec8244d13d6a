//! Reading: every calendar's changes, written down as they come. A calendar that fails stays as it was.

use std::{cell::RefCell, collections::BTreeMap};

use futures_util::future::join_all;

use crate::{
    model::{CalendarName, Href, Version},
    provider::{ErrorKind, Known, Listing, Provider, ProviderError},
    retry::patiently,
    session::{Seat, Session, Watch},
    state::{Reading, Recorded, State, StateError, Stated},
};

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

/// Reads all calendars of a session side by side, anew if `full`.
pub async fn pull_all<P: Provider, W: Watch>(
    session: &mut Session<'_, P, W>,
    full: bool,
    needed: impl Fn(&CalendarName) -> bool,
) -> Stated<BTreeMap<CalendarName, Sighted>> {
    let Session {
        seats,
        state,
        settings,
        clock,
        watch,
        ..
    } = session;
    let state: &RefCell<State> = state;
    let asks = seats.iter_mut().map(|(name, seat)| {
        let needed = needed(name);
        let (settings, clock, watch) = (*settings, *clock, *watch);
        async move {
            if !needed {
                return Ok((name.clone(), Sighted::Skipped));
            }
            watch.reading(name);
            if full {
                state.borrow().forget_cursor(name)?;
            }
            let pulled = patiently(clock, async || pull(state, name, seat).await).await;
            let pulled = match pulled {
                Ok(pulled) => pulled,
                Err(error) => {
                    tracing::info!(calendar = %name, %error, "could not be read");
                    return Ok((name.clone(), Sighted::Failed(error)));
                }
            };
            let kind = match pulled.listing {
                Listing::Whole(_) => Kind::Whole,
                Listing::Delta => Kind::Changes,
            };
            let (mint, home) = (&settings.mint, &settings.home);
            let recorded = state
                .borrow_mut()
                .record(name, &seat.reading, &pulled, mint, home)?;
            tracing::debug!(calendar = %name, ?kind, changed = recorded.changed, "read");
            Ok((name.clone(), Sighted::Read(recorded, kind)))
        }
    });
    join_all(asks)
        .await
        .into_iter()
        .collect::<Result<_, StateError>>()
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
}
