//! The closed set of providers. A new one is one file and one variant; the compiler lists the rest.

use super::{
    Answer, Cursor, Known, Place, Probe, Provider, Pulled, google::GoogleCalendar,
    local::LocalCalendar, memory::MemoryCalendar,
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
}

impl Provider for AnyProvider {
    async fn pull(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Answer<Pulled> {
        match self {
            Self::Local(calendar) => calendar.pull(since, known).await,
            Self::Memory(calendar) => calendar.pull(since, known).await,
            Self::Google(calendar) => calendar.pull(since, known).await,
        }
    }

    async fn look(&mut self, id: &BlockId) -> Answer<Option<Resource>> {
        match self {
            Self::Local(calendar) => calendar.look(id).await,
            Self::Memory(calendar) => calendar.look(id).await,
            Self::Google(calendar) => calendar.look(id).await,
        }
    }

    async fn create(&mut self, block: &Block) -> Answer<Place> {
        match self {
            Self::Local(calendar) => calendar.create(block).await,
            Self::Memory(calendar) => calendar.create(block).await,
            Self::Google(calendar) => calendar.create(block).await,
        }
    }

    async fn replace(&mut self, place: &Place, block: &Block) -> Answer<Place> {
        match self {
            Self::Local(calendar) => calendar.replace(place, block).await,
            Self::Memory(calendar) => calendar.replace(place, block).await,
            Self::Google(calendar) => calendar.replace(place, block).await,
        }
    }

    async fn remove(&mut self, place: &Place) -> Answer<()> {
        match self {
            Self::Local(calendar) => calendar.remove(place).await,
            Self::Memory(calendar) => calendar.remove(place).await,
            Self::Google(calendar) => calendar.remove(place).await,
        }
    }

    async fn probe(&mut self) -> Answer<Probe> {
        match self {
            Self::Local(calendar) => calendar.probe().await,
            Self::Memory(calendar) => calendar.probe().await,
            Self::Google(calendar) => calendar.probe().await,
        }
    }

    fn tidy(&mut self) {
        match self {
            Self::Local(calendar) => calendar.tidy(),
            Self::Memory(calendar) => calendar.tidy(),
            Self::Google(calendar) => calendar.tidy(),
        }
    }

    fn shows_places(&self) -> bool {
        match self {
            Self::Local(calendar) => calendar.shows_places(),
            Self::Memory(calendar) => calendar.shows_places(),
            Self::Google(calendar) => calendar.shows_places(),
        }
    }

    fn requests(&self) -> u64 {
        match self {
            Self::Local(calendar) => calendar.requests(),
            Self::Memory(calendar) => calendar.requests(),
            Self::Google(calendar) => calendar.requests(),
        }
    }
}
