//! What the text of a resource holds, and whether that can be believed. A text that makes no sense may be the server's slip of
//! this once, so it counts as a version that nobody saw, and is asked for again. Asks no server.

use std::collections::BTreeSet;

use super::{CaldavCalendar, dress, version::UNSEEN};
use crate::{
    ical::{self, Reader, lines},
    ident,
    model::{Href, Part, Resource, SeenBlock, Version},
    provider::{Change, Known},
};

impl CaldavCalendar {
    /// What became of a resource of which this text was told.
    pub(super) fn change(
        &self,
        href: &Href,
        version: Version,
        text: &[u8],
        known: &dyn Known,
    ) -> Change {
        let (why, is_known) = match self.parts(href, text) {
            // No server may keep nothing as an event (RFC 4791 4.1), and no event becomes a to-do in the same place.
            Ok(parts) if parts.is_empty() && held_event(href, known) => {
                ("it holds no event any more".to_owned(), false)
            }
            Ok(parts) => {
                let is_odd = parts.iter().any(is_garbled) || parts.is_empty() && is_bare(text);
                return Change::Seen(Resource {
                    href: href.clone(),
                    version: if is_odd { UNSEEN.into() } else { version },
                    parts,
                    signs: 0,
                });
            }
            Err(why) => (why, true),
        };
        Change::Unreadable {
            href: href.clone(),
            version: UNSEEN.into(),
            why,
            is_known,
            names: BTreeSet::new(),
        }
    }

    /// What is in a resource of this name, or what is wrong with it.
    pub(super) fn parts(&self, name: &str, text: &[u8]) -> Result<Vec<Part>, String> {
        if let Some(part) = damaged_block(name, text) {
            return Ok(vec![part]);
        }
        let mut parts = parts(text, self.reader())?;
        if let [Part::Event { uid, seen, .. }] = &mut parts[..]
            && let Some(look) = self.undressed(name, uid, seen.as_ref(), text)
        {
            *seen = Some(look);
        }
        Ok(parts)
    }

    /// How a block looks without what servers put on it, where that tells more than the text as it is.
    fn undressed(
        &self,
        name: &str,
        uid: &str,
        seen: Option<&SeenBlock>,
        text: &[u8],
    ) -> Option<SeenBlock> {
        let is_named = ident::shaped(uid).is_some();
        let id = block_name(name).filter(|_| !is_named);
        // Nearly always there is nothing to take off.
        if !(id.is_some() || seen.is_some_and(|seen| seen.people)) {
            return None;
        }
        let text = dress::unfolded(text);
        if id.is_some() && !dress::is_marked(&text) {
            return None;
        }
        let text = id.map_or(text.clone(), |id| dress::with_uid(&text, id));
        let look = look_of(ical::read_kept(text.as_bytes(), self.reader()))?;
        if !look.people {
            return Some(look);
        }
        // In the strict way: whoever else is named may be mailed, be it as the organiser.
        let alone = dress::without(&text, &self.me);
        let alone = look_of(ical::read(alone.as_bytes(), self.reader()));
        Some(alone.filter(|alone| !alone.people).unwrap_or(look))
    }
}

/// How the one block in a text looks.
fn look_of<E>(parts: Result<Vec<Part>, E>) -> Option<SeenBlock> {
    match parts.ok()?.pop() {
        Some(Part::Event { seen, .. }) => seen,
        _ => None,
    }
}

/// What a text holds, or what is wrong with it.
pub(super) fn parts(text: &[u8], reader: Reader<'_>) -> Result<Vec<Part>, String> {
    ical::read_kept(text, reader).map_err(|error| error.to_string())
}

/// Whether there was an event in a resource, or by its name a block.
fn held_event(href: &Href, known: &dyn Known) -> bool {
    block_name(href).is_some() || known.uid(href).is_some()
}

/// The id in the name of a resource that is called like a block.
pub(super) fn block_name(name: &str) -> Option<&str> {
    let id = name.strip_suffix(".ics")?;
    ident::is_shaped(id).then_some(id)
}

/// Whether something is an event that makes no sense. A block that makes none is written anew, in the version that was told.
fn is_garbled(part: &Part) -> bool {
    matches!(part, Part::Unreadable { uid, .. } if ident::shaped(uid).is_none())
}

/// Whether there is nothing in a text, not even a to-do.
fn is_bare(text: &[u8]) -> bool {
    let calendars = lines::calendars(text).unwrap_or_default();
    let mut inside = calendars.iter().flat_map(|calendar| &calendar.children);
    inside.all(|child| child.name == "VTIMEZONE")
}

/// A block of which nothing is left, or no more than the beginning of what calsync wrote. There is nothing of anybody's in it.
fn damaged_block(name: &str, text: &[u8]) -> Option<Part> {
    let id = block_name(name)?;
    // In XML the ends of lines are others.
    let text = String::from_utf8_lossy(text).replace('\r', "");
    let text = text.trim().replace('\n', "\r\n");
    let why = match text.is_empty() {
        true => "it is empty",
        false if ical::is_cut_short(text.as_bytes()) && !names_people(&text) => "it is cut short",
        false => return None,
    };
    Some(Part::Unreadable {
        uid: id.into(),
        people: false,
        why: why.to_owned(),
    })
}

/// Whether any line of a text that is no whole calendar tells of people.
fn names_people(text: &str) -> bool {
    let lines = text.replace("\r\n ", "").replace("\r\n\t", "");
    let mut names = lines
        .lines()
        .filter_map(|line| line.split([':', ';']).next());
    names.any(|name| lines::tells_of_people(&name.trim().to_ascii_uppercase()))
}
