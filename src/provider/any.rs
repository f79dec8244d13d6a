//! The closed set of providers. A new one is one file and one variant; the compiler lists the rest.

use super::{
    Answer, Cursor, Known, Place, Probe, Provider, ProviderError, Pulled, caldav::CaldavCalendar,
    google::GoogleCalendar, ics::IcsCalendar, local::LocalCalendar, memory::MemoryCalendar,
};
use crate::{
    ident::BlockId,
    model::{Block, Resource},
};

/// A calendar of any provider.
#[derive(Debug)]
pub enum AnyProvider {
    /// A folder of `.ics` files.
    Local(LocalCalendar),
    /// A calendar in memory.
    Memory(MemoryCalendar),
    /// A calendar at Google.
    Google(GoogleCalendar),
    /// A calendar at a `CalDAV` server.
    Caldav(CaldavCalendar),
    /// A feed.
    Ics(IcsCalendar),
}

impl Provider for AnyProvider {
    async fn pull(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Answer<Pulled> {
        match self {
            Self::Local(calendar) => calendar.pull(since, known).await,
            Self::Memory(calendar) => calendar.pull(since, known).await,
            Self::Google(calendar) => calendar.pull(since, known).await,
            Self::Caldav(calendar) => calendar.pull(since, known).await,
            Self::Ics(calendar) => calendar.pull(since, known).await,
        }
    }

    async fn look(&mut self, id: &BlockId) -> Answer<Option<Resource>> {
        match self {
            Self::Local(calendar) => calendar.look(id).await,
            Self::Memory(calendar) => calendar.look(id).await,
            Self::Google(calendar) => calendar.look(id).await,
            Self::Caldav(calendar) => calendar.look(id).await,
            Self::Ics(calendar) => calendar.look(id).await,
        }
    }

    async fn create(&mut self, block: &Block) -> Answer<Place> {
        match self {
            Self::Local(calendar) => calendar.create(block).await,
            Self::Memory(calendar) => calendar.create(block).await,
            Self::Google(calendar) => calendar.create(block).await,
            Self::Caldav(calendar) => calendar.create(block).await,
            Self::Ics(calendar) => calendar.create(block).await,
        }
    }

    async fn replace(&mut self, place: &Place, block: &Block) -> Answer<Place> {
        match self {
            Self::Local(calendar) => calendar.replace(place, block).await,
            Self::Memory(calendar) => calendar.replace(place, block).await,
            Self::Google(calendar) => calendar.replace(place, block).await,
            Self::Caldav(calendar) => calendar.replace(place, block).await,
            Self::Ics(calendar) => calendar.replace(place, block).await,
        }
    }

    async fn remove(&mut self, place: &Place) -> Answer<()> {
        match self {
            Self::Local(calendar) => calendar.remove(place).await,
            Self::Memory(calendar) => calendar.remove(place).await,
            Self::Google(calendar) => calendar.remove(place).await,
            Self::Caldav(calendar) => calendar.remove(place).await,
            Self::Ics(calendar) => calendar.remove(place).await,
        }
    }

    async fn probe(&mut self) -> Answer<Probe> {
        match self {
            Self::Local(calendar) => calendar.probe().await,
            Self::Memory(calendar) => calendar.probe().await,
            Self::Google(calendar) => calendar.probe().await,
            Self::Caldav(calendar) => calendar.probe().await,
            Self::Ics(calendar) => calendar.probe().await,
        }
    }

    async fn ask_leave(&mut self) {
        match self {
            Self::Local(calendar) => calendar.ask_leave().await,
            Self::Memory(calendar) => calendar.ask_leave().await,
            Self::Google(calendar) => calendar.ask_leave().await,
            Self::Caldav(calendar) => calendar.ask_leave().await,
            Self::Ics(calendar) => calendar.ask_leave().await,
        }
    }

    fn recall(&mut self, last: &Cursor) {
        match self {
            Self::Local(calendar) => calendar.recall(last),
            Self::Memory(calendar) => calendar.recall(last),
            Self::Google(calendar) => calendar.recall(last),
            Self::Caldav(calendar) => calendar.recall(last),
            Self::Ics(calendar) => calendar.recall(last),
        }
    }

    async fn locate(&mut self) {
        match self {
            Self::Local(calendar) => calendar.locate().await,
            Self::Memory(calendar) => calendar.locate().await,
            Self::Google(calendar) => calendar.locate().await,
            Self::Caldav(calendar) => calendar.locate().await,
            Self::Ics(calendar) => calendar.locate().await,
        }
    }

    fn advice(&self) -> Option<String> {
        match self {
            Self::Local(calendar) => calendar.advice(),
            Self::Memory(calendar) => calendar.advice(),
            Self::Google(calendar) => calendar.advice(),
            Self::Caldav(calendar) => calendar.advice(),
            Self::Ics(calendar) => calendar.advice(),
        }
    }

    fn tidy(&mut self) {
        match self {
            Self::Local(calendar) => calendar.tidy(),
            Self::Memory(calendar) => calendar.tidy(),
            Self::Google(calendar) => calendar.tidy(),
            Self::Caldav(calendar) => calendar.tidy(),
            Self::Ics(calendar) => calendar.tidy(),
        }
    }

    fn identity(&self) -> Option<String> {
        match self {
            Self::Local(calendar) => calendar.identity(),
            Self::Memory(calendar) => calendar.identity(),
            Self::Google(calendar) => calendar.identity(),
            Self::Caldav(calendar) => calendar.identity(),
            Self::Ics(calendar) => calendar.identity(),
        }
    }

    fn barred(&self) -> Option<ProviderError> {
        match self {
            Self::Local(calendar) => calendar.barred(),
            Self::Memory(calendar) => calendar.barred(),
            Self::Google(calendar) => calendar.barred(),
            Self::Caldav(calendar) => calendar.barred(),
            Self::Ics(calendar) => calendar.barred(),
        }
    }

    fn in_doubt(&self) -> Option<ProviderError> {
        match self {
            Self::Local(calendar) => calendar.in_doubt(),
            Self::Memory(calendar) => calendar.in_doubt(),
            Self::Google(calendar) => calendar.in_doubt(),
            Self::Caldav(calendar) => calendar.in_doubt(),
            Self::Ics(calendar) => calendar.in_doubt(),
        }
    }

    fn bar(&mut self) {
        match self {
            Self::Local(calendar) => calendar.bar(),
            Self::Memory(calendar) => calendar.bar(),
            Self::Google(calendar) => calendar.bar(),
            Self::Caldav(calendar) => calendar.bar(),
            Self::Ics(calendar) => calendar.bar(),
        }
    }

    fn is_steady(&self) -> bool {
        match self {
            Self::Local(calendar) => calendar.is_steady(),
            Self::Memory(calendar) => calendar.is_steady(),
            Self::Google(calendar) => calendar.is_steady(),
            Self::Caldav(calendar) => calendar.is_steady(),
            Self::Ics(calendar) => calendar.is_steady(),
        }
    }

    fn is_served(&self) -> bool {
        match self {
            Self::Local(calendar) => calendar.is_served(),
            Self::Memory(calendar) => calendar.is_served(),
            Self::Google(calendar) => calendar.is_served(),
            Self::Caldav(calendar) => calendar.is_served(),
            Self::Ics(calendar) => calendar.is_served(),
        }
    }

    fn is_still_there(&self, identity: &str) -> bool {
        match self {
            Self::Local(calendar) => calendar.is_still_there(identity),
            Self::Memory(calendar) => calendar.is_still_there(identity),
            Self::Google(calendar) => calendar.is_still_there(identity),
            Self::Caldav(calendar) => calendar.is_still_there(identity),
            Self::Ics(calendar) => calendar.is_still_there(identity),
        }
    }

    fn is_only_read(&self) -> bool {
        match self {
            Self::Local(calendar) => calendar.is_only_read(),
            Self::Memory(calendar) => calendar.is_only_read(),
            Self::Google(calendar) => calendar.is_only_read(),
            Self::Caldav(calendar) => calendar.is_only_read(),
            Self::Ics(calendar) => calendar.is_only_read(),
        }
    }

    fn shows_places(&self) -> bool {
        match self {
            Self::Local(calendar) => calendar.shows_places(),
            Self::Memory(calendar) => calendar.shows_places(),
            Self::Google(calendar) => calendar.shows_places(),
            Self::Caldav(calendar) => calendar.shows_places(),
            Self::Ics(calendar) => calendar.shows_places(),
        }
    }

    fn requests(&self) -> u64 {
        match self {
            Self::Local(calendar) => calendar.requests(),
            Self::Memory(calendar) => calendar.requests(),
            Self::Google(calendar) => calendar.requests(),
            Self::Caldav(calendar) => calendar.requests(),
            Self::Ics(calendar) => calendar.requests(),
        }
    }
}
