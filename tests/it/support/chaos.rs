//! A provider that fails: answers that get lost after the deed, errors of every kind, cursors that are forgotten, writes
//! that are forbidden for a while.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc, time::Duration};

use calsync::{
    clock::breathe,
    ident::BlockId,
    model::{Block, Resource},
    provider::{
        Answer, Change, Cursor, ErrorKind, Known, Place, Probe, Provider, ProviderError, Pulled,
    },
};

use super::rng::Rng;

/// What goes wrong, and how often, in all calendars of a world.
#[derive(Debug)]
pub(crate) struct Faults {
    pub(crate) rng: Rng,
    /// How many of a hundred requests go wrong.
    pub(crate) percent: u64,
    /// All writes are refused.
    pub(crate) read_only: bool,
    /// How many writes were asked for so far.
    pub(crate) writes: u64,
}

impl Faults {
    pub(crate) fn none(rng: Rng) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            rng,
            percent: 0,
            read_only: false,
            writes: 0,
        }))
    }

    fn strikes(&mut self) -> bool {
        self.percent > 0 && self.rng.chance(self.percent)
    }

    fn error(&mut self) -> ProviderError {
        let kind = *self.rng.pick(&[
            ErrorKind::Retry(None),
            ErrorKind::Retry(Some(Duration::from_secs(7))),
            ErrorKind::Retry(Some(Duration::from_hours(1))),
            ErrorKind::SignIn,
            ErrorKind::Gone,
            ErrorKind::Conflict,
            ErrorKind::Refused,
            ErrorKind::Broken,
        ]);
        ProviderError::new(kind, "made to fail")
    }
}

/// A provider and its faults.
#[derive(Debug)]
pub(crate) struct Chaos<P> {
    pub(crate) inner: P,
    pub(crate) faults: Rc<RefCell<Faults>>,
    /// What goes wrong here goes wrong elsewhere: only writes are counted.
    pub(crate) calm: bool,
}

impl<P> Chaos<P> {
    /// Waits a while, so that calendars do not go in step; then fails, perhaps.
    async fn before(&self, is_write: bool) -> Answer<()> {
        let turns = {
            let mut faults = self.faults.borrow_mut();
            faults.writes += u64::from(is_write);
            if faults.percent == 0 || self.calm {
                0
            } else {
                faults.rng.below(3)
            }
        };
        for _ in 0..turns {
            breathe().await;
        }
        if self.calm {
            return Ok(());
        }
        let mut faults = self.faults.borrow_mut();
        if is_write && faults.read_only {
            return Err(ProviderError::new(ErrorKind::Refused, "read-only for now"));
        }
        if faults.strikes() {
            return Err(faults.error());
        }
        Ok(())
    }

    /// The deed is done; its answer may be lost.
    async fn after<T>(&self, answer: Answer<T>) -> Answer<T> {
        let lost = answer.is_ok() && !self.calm && self.faults.borrow_mut().strikes();
        if lost {
            breathe().await;
            let kind = ErrorKind::Retry(None);
            return Err(ProviderError::new(kind, "the answer was lost"));
        }
        answer
    }

    /// Something in a listing cannot be read, or the listing is cut and says so.
    fn spoil(&self, pulled: Pulled) -> Answer<Pulled> {
        if self.calm {
            return Ok(pulled);
        }
        let mut faults = self.faults.borrow_mut();
        let mut pulled = pulled;
        if faults.strikes() && faults.rng.chance(50) {
            return Err(ProviderError::new(ErrorKind::Broken, "the listing was cut"));
        }
        for change in &mut pulled.changes {
            if let Change::Seen(resource) = change
                && faults.strikes()
            {
                *change = Change::Unreadable {
                    is_known: false,
                    names: BTreeSet::new(),
                    href: resource.href.clone(),
                    // No version of a resource stays unreadable of itself: the next look may be luckier.
                    version: format!("{}?", resource.version).into(),
                    why: "made unreadable".to_owned(),
                };
            }
        }
        Ok(pulled)
    }
}

impl<P: Provider> Provider for Chaos<P> {
    async fn pull(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Answer<Pulled> {
        self.before(false).await?;
        let lost = !self.calm && self.faults.borrow_mut().strikes();
        let pulled = self.inner.pull(since.filter(|_| !lost), known).await;
        self.spoil(pulled?)
    }

    async fn look(&mut self, id: &BlockId) -> Answer<Option<Resource>> {
        self.before(false).await?;
        self.inner.look(id).await
    }

    async fn create(&mut self, block: &Block) -> Answer<Place> {
        self.before(true).await?;
        let answer = self.inner.create(block).await;
        self.after(answer).await
    }

    async fn replace(&mut self, place: &Place, block: &Block) -> Answer<Place> {
        self.before(true).await?;
        let answer = self.inner.replace(place, block).await;
        self.after(answer).await
    }

    async fn remove(&mut self, place: &Place) -> Answer<()> {
        self.before(true).await?;
        let answer = self.inner.remove(place).await;
        self.after(answer).await
    }

    async fn probe(&mut self) -> Answer<Probe> {
        self.inner.probe().await
    }

    fn tidy(&mut self) {
        self.inner.tidy();
    }

    fn is_served(&self) -> bool {
        self.inner.is_served()
    }

    fn requests(&self) -> u64 {
        self.inner.requests()
    }
}
