//! Under which name each event of a feed is known. Some feeds give every event a new UID whenever they are asked; such an
//! event is known again by what it says. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::renamed;
use crate::{
    ident,
    model::{Href, Part, Version},
};

/// The names that are not in the feed any more, by what was known under them.
pub(super) struct Names {
    absent: BTreeMap<Version, BTreeSet<Href>>,
    known: BTreeSet<Href>,
}

impl Names {
    pub(super) fn new(parts: &[Part], known: &BTreeMap<Href, Version>) -> Self {
        let present: BTreeSet<&str> = parts.iter().map(|part| &**part.uid()).collect();
        let mut absent: BTreeMap<Version, BTreeSet<Href>> = BTreeMap::new();
        for (href, version) in known {
            if !present.contains(&**href) {
                let same = absent.entry(version.clone()).or_default();
                same.insert(href.clone());
            }
        }
        Self {
            absent,
            known: known.keys().cloned().collect(),
        }
    }

    /// The name of a part, and the part under that name. What is known by its UID keeps it; what is not takes the name of
    /// something that said the same and is not there any more.
    pub(super) fn give(&mut self, part: Part, version: &Version) -> (Href, Part) {
        let own: Href = (&**part.uid()).into();
        // What is shaped like a block is no event, and its id is all that it is known by.
        if self.known.contains(&own) || ident::shaped(&own).is_some() {
            return (own, part);
        }
        let same = self.absent.get_mut(version).and_then(BTreeSet::pop_first);
        match same {
            Some(href) => {
                let part = renamed(part, &href);
                (href, part)
            }
            None => (own, part),
        }
    }
}
