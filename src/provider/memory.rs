//! A calendar in memory: the reference behaviour of a server that keeps deltas, versions and tombstones. For examples and
//! tests, and for whoever builds on the library.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    rc::Rc,
};

use super::{
    Answer, Change, Cursor, ErrorKind, Known, Listing, Place, Probe, Provider, ProviderError,
    Pulled,
};
use crate::{
    clock::breathe,
    ident::BlockId,
    model::{Block, Event, Href, Part, Resource, SeenBlock, Traces, Uid, Version},
};

/// A handle on a calendar in memory. Clones share the calendar, as two programs share one on a server.
#[derive(Clone, Debug, Default)]
pub struct MemoryCalendar {
    shelf: Rc<RefCell<Shelf>>,
}

/// What the server holds.
#[derive(Clone, Debug, Default)]
struct Shelf {
    items: BTreeMap<Href, Item>,
    /// When each resource last changed or went, in steps of the calendar's own counter.
    steps: BTreeMap<Href, u64>,
    /// The same the other way round: what changed after a step is found without looking at anything else.
    log: BTreeMap<u64, Href>,
    step: u64,
    /// Cursors from before this step are lost.
    forgotten: u64,
    /// Ids that can never be used again, as Google keeps those of deleted events.
    spent: BTreeSet<Href>,
    keeps_ids: bool,
    read_only: bool,
    requests: u64,
}

#[derive(Clone, Debug)]
struct Item {
    version: Version,
    parts: Vec<Part>,
    /// The block as it was written, for whoever looks at the calendar.
    block: Option<Block>,
}

impl MemoryCalendar {
    /// An empty calendar.
    pub fn new() -> Self {
        Self::default()
    }

    /// A calendar that, like Google's, never gives out the id of a deleted event again.
    pub fn keeping_ids() -> Self {
        let calendar = Self::default();
        calendar.shelf.borrow_mut().keeps_ids = true;
        calendar
    }

    /// Puts a resource into the calendar, or replaces it, as its owner would.
    pub fn put(&self, href: &str, parts: Vec<Part>) {
        let mut shelf = self.shelf.borrow_mut();
        shelf.put(href.into(), parts, None);
    }

    /// Puts an event into the calendar, as its owner would; its place is its UID.
    pub fn put_event(&self, uid: &str, event: Event) {
        let part = Part::Event {
            uid: uid.into(),
            event,
            seen: None,
        };
        self.put(uid, vec![part]);
    }

    /// Takes a resource away, as its owner would.
    pub fn take(&self, href: &str) {
        self.shelf.borrow_mut().take(href);
    }

    /// Forgets all cursors given out so far.
    pub fn lose_cursors(&self) {
        let mut shelf = self.shelf.borrow_mut();
        shelf.step += 1;
        shelf.forgotten = shelf.step;
    }

    /// Refuses all writes from now on, or no longer.
    pub fn set_read_only(&self, read_only: bool) {
        self.shelf.borrow_mut().read_only = read_only;
    }

    /// The blocks in the calendar, by place.
    pub fn blocks(&self) -> BTreeMap<Href, Block> {
        let shelf = self.shelf.borrow();
        let items = shelf.items.iter();
        items
            .filter_map(|(href, item)| Some((href.clone(), item.block.clone()?)))
            .collect()
    }

    /// Everything in the calendar but blocks, with its version: what nobody but its owner may ever change.
    pub fn own(&self) -> BTreeMap<Href, (Version, Vec<Part>)> {
        let shelf = self.shelf.borrow();
        let items = shelf.items.iter().filter(|(_, item)| item.block.is_none());
        items
            .map(|(href, item)| (href.clone(), (item.version.clone(), item.parts.clone())))
            .collect()
    }

    fn ask(&self) {
        self.shelf.borrow_mut().requests += 1;
    }
}

impl Shelf {
    fn put(&mut self, href: Href, parts: Vec<Part>, block: Option<Block>) -> Place {
        self.note(&href);
        let version: Version = self.step.to_string().into();
        let place = match &block {
            Some(block) => Place::of(block, href.clone(), version.clone()),
            None => Place::once(href.clone(), version.clone()),
        };
        let item = Item {
            version,
            parts,
            block,
        };
        self.items.insert(href, item);
        place
    }

    fn take(&mut self, href: &str) {
        if let Some((href, _)) = self.items.remove_entry(href) {
            self.note(&href);
            self.spent.insert(href);
        }
    }

    /// Notes that a resource has just changed or gone.
    fn note(&mut self, href: &Href) {
        self.step += 1;
        if let Some(earlier) = self.steps.insert(href.clone(), self.step) {
            self.log.remove(&earlier);
        }
        self.log.insert(self.step, href.clone());
    }

    /// Everything that is there.
    fn whole(&self) -> (Listing, Vec<Change>) {
        let items = self.items.iter();
        let changes = items.map(|(href, item)| Change::Seen(resource(href, item)));
        let present = self.items.keys().cloned().collect();
        (Listing::Whole(present), changes.collect())
    }

    /// What changed or went after a step.
    fn after(&self, step: u64) -> (Listing, Vec<Change>) {
        let log = self.log.range((Bound::Excluded(step), Bound::Unbounded));
        let touched: BTreeSet<&Href> = log.map(|(_, href)| href).collect();
        let change = |href: &Href| match self.items.get(href) {
            Some(item) => Change::Seen(resource(href, item)),
            None => Change::Gone(href.clone()),
        };
        (Listing::Delta, touched.into_iter().map(change).collect())
    }

    fn may_write(&self) -> Answer<()> {
        if self.read_only {
            return Err(ProviderError::new(
                ErrorKind::Refused,
                "the calendar is read-only",
            ));
        }
        Ok(())
    }

    fn check(&self, place: &Place) -> Answer<()> {
        match self.items.get(&place.href) {
            None => Err(ProviderError::new(ErrorKind::Gone, "the event is gone")),
            Some(item) if item.version != place.version => Err(ProviderError::new(
                ErrorKind::Conflict,
                "the event has changed",
            )),
            Some(_) => Ok(()),
        }
    }
}

fn resource(href: &Href, item: &Item) -> Resource {
    Resource {
        href: href.clone(),
        version: item.version.clone(),
        parts: item.parts.clone(),
        signs: 0,
    }
}

impl Provider for MemoryCalendar {
    async fn pull(&mut self, since: Option<&Cursor>, _known: &dyn Known) -> Answer<Pulled> {
        self.ask();
        breathe().await;
        let pulled = {
            let shelf = self.shelf.borrow();
            let since = since
                .and_then(|cursor| cursor.0.parse::<u64>().ok())
                .filter(|&step| step >= shelf.forgotten);
            let (listing, changes) = match since {
                None => shelf.whole(),
                Some(step) => shelf.after(step),
            };
            Pulled {
                listing,
                changes,
                cursor: Some(Cursor(shelf.step.to_string())),
            }
        };
        breathe().await;
        Ok(pulled)
    }

    async fn look(&mut self, id: &BlockId) -> Answer<Option<Resource>> {
        self.ask();
        breathe().await;
        let shelf = self.shelf.borrow();
        let found = shelf.items.get_key_value(id.as_str());
        Ok(found.map(|(href, item)| resource(href, item)))
    }

    async fn create(&mut self, block: &Block) -> Answer<Place> {
        self.ask();
        breathe().await;
        let place = {
            let mut shelf = self.shelf.borrow_mut();
            shelf.may_write()?;
            let href: Href = block.id.as_str().into();
            if shelf.items.contains_key(&href) {
                return Err(ProviderError::new(ErrorKind::Exists, "the id is taken"));
            }
            if shelf.keeps_ids && shelf.spent.contains(&href) {
                return Err(ProviderError::new(
                    ErrorKind::Spent,
                    "the id was used before",
                ));
            }
            shelf.put(href, vec![as_part(block)], Some(block.clone()))
        };
        breathe().await;
        Ok(place)
    }

    async fn replace(&mut self, place: &Place, block: &Block) -> Answer<Place> {
        self.ask();
        breathe().await;
        let place = {
            let mut shelf = self.shelf.borrow_mut();
            shelf.may_write()?;
            shelf.check(place)?;
            shelf.put(
                place.href.clone(),
                vec![as_part(block)],
                Some(block.clone()),
            )
        };
        breathe().await;
        Ok(place)
    }

    async fn remove(&mut self, place: &Place) -> Answer<()> {
        self.ask();
        breathe().await;
        {
            let mut shelf = self.shelf.borrow_mut();
            shelf.may_write()?;
            match shelf.check(place) {
                Err(error) if error.kind == ErrorKind::Gone => {}
                checked => {
                    checked?;
                    shelf.take(&place.href);
                }
            }
        }
        breathe().await;
        Ok(())
    }

    async fn probe(&mut self) -> Answer<Probe> {
        self.ask();
        let shelf = self.shelf.borrow();
        Ok(Probe {
            writable: !shelf.read_only,
            resources: Some(shelf.items.len()),
        })
    }

    fn requests(&self) -> u64 {
        self.shelf.borrow().requests
    }
}

/// A block as a reader of the calendar finds it.
pub fn as_part(block: &Block) -> Part {
    Part::Event {
        uid: Uid::from(block.id.as_str()),
        event: block.shape.as_event(),
        seen: Some(SeenBlock {
            print: block.print(),
            traces: Traces::of(&block.shape, &block.face, &[]),
            shape: Some(block.shape.clone()),
            people: false,
            touched: false,
            moved: false,
        }),
    }
}
