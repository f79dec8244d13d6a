//! What is missing in a text that looks more damaged than the one before: it may be lost rather than gone, so it stays as it was.
//! Pure; must never hold anything longer than until the text is as good as before, or a person asks for everything anew.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ical::damage::Signs,
    model::{Href, Version},
    provider::Change,
};

/// What the version of something held begins with. The number of signs in the last good text follows.
const HELD: &str = "held ";

/// How damaged the text looked before something had to be held; nothing if nothing is.
pub(super) fn signs_before(known: &BTreeMap<Href, Version>) -> Option<u32> {
    let mut versions = known.values();
    versions.find_map(|version| version.strip_prefix(HELD)?.parse().ok())
}

/// Whether this is the version of something held.
pub(super) fn is_held(version: &Version) -> bool {
    version.starts_with(HELD)
}

/// Keeps everything known that is not in a text. `usual`: how damaged the text always looks.
pub(super) fn hold<'a>(
    known: impl Iterator<Item = &'a Href>,
    present: &mut BTreeSet<Href>,
    signs: Signs,
    usual: u32,
) -> Vec<Change> {
    let absent: Vec<&Href> = known.filter(|href| !present.contains(*href)).collect();
    let changes = absent.iter().map(|href| Change::Unreadable {
        href: (*href).clone(),
        version: format!("{HELD}{usual}").into(),
        why: signs.words(),
        is_known: false,
        names: BTreeSet::new(),
    });
    let changes = changes.collect();
    present.extend(absent.into_iter().cloned());
    changes
}
