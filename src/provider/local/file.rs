//! What is in one file: events, blocks, or what is left of them. Never writes.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read as _},
    path::Path,
};

use super::{Change, Known, LocalCalendar, lost::with_lost, stamp};
use crate::{
    ical, ident,
    model::{Href, Part, Resource, Uid, Version},
};

/// The largest file that is read, in bytes.
const FILE_SIZE_MAX: u64 = 16 << 20;

impl LocalCalendar {
    /// Reads one file whose stamp is known.
    pub(super) fn read(&self, href: &Href, version: &Version, known: Option<&dyn Known>) -> Change {
        let unreadable = |why: String, names: Option<BTreeSet<Uid>>| Change::Unreadable {
            href: href.clone(),
            version: version.clone(),
            why,
            is_known: names.is_some(),
            names: names.unwrap_or_default(),
        };
        let bytes = match read_file(&self.path(href)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let why = match href.contains(char::REPLACEMENT_CHARACTER) {
                    true => "its name is not UTF-8; rename the file",
                    false if fs::symlink_metadata(self.path(href)).is_ok() => {
                        "it is a link that leads nowhere; correct or remove it"
                    }
                    false => "vanished while it was being read",
                };
                return unreadable(why.to_owned(), None);
            }
            // What the disk says today need not be what it says tomorrow.
            Err(error) => {
                return Change::Unreadable {
                    href: href.clone(),
                    version: stamp::doubted(version),
                    why: error.to_string(),
                    is_known: false,
                    names: BTreeSet::new(),
                };
            }
        };
        let reader = self.reader();
        let damaged = |id: &str, why: &str| {
            Change::Seen(Resource {
                href: href.clone(),
                version: version.clone(),
                parts: vec![Part::Unreadable {
                    uid: id.into(),
                    people: false,
                    why: why.to_owned(),
                }],
                signs: 0,
            })
        };
        if is_blank(&bytes)
            && let Some(id) = href.strip_suffix(".ics").filter(|id| ident::is_shaped(id))
        {
            // A block of which nothing is left, after a power cut for instance. There is nothing of anybody's in it.
            return damaged(id, "it is empty");
        }
        match ical::read_signs(&bytes, reader) {
            Ok(found) => {
                let (parts, signs) = with_lost(found, || known?.told(href));
                Change::Seen(Resource {
                    href: href.clone(),
                    version: version.clone(),
                    parts,
                    signs,
                })
            }
            Err(error) => match href.strip_suffix(".ics").filter(|id| ident::is_shaped(id)) {
                // The beginning of this very block: a disk lost the rest of it.
                Some(id) if is_begun(&bytes, id) => damaged(id, "it is cut short"),
                _ => unreadable(error.to_string(), Some(ical::names(&bytes))),
            },
        }
    }

    /// Whether there is nothing in a file but blocks that nobody made a meeting of, or the beginning of the one that it is named for.
    pub(super) fn is_block(&self, bytes: &[u8], name: &str) -> bool {
        let id = name.strip_suffix(".ics").filter(|id| ident::is_shaped(id));
        if id.is_some_and(|id| is_begun(bytes, id) || is_blank(bytes)) {
            return true;
        }
        let parts = ical::read(bytes, self.reader()).unwrap_or_default();
        let is_ours = |part: &Part| {
            let is_theirs = match part {
                Part::Event { seen, .. } => seen.as_ref().is_none_or(|seen| seen.people),
                Part::Unreadable { people, .. } => *people,
            };
            ident::shaped(part.uid()).is_some() && !is_theirs
        };
        !parts.is_empty() && parts.iter().all(is_ours)
    }
}

/// Whether there is nothing in a file: no bytes, or what disks put in the place of those that they lost.
fn is_blank(bytes: &[u8]) -> bool {
    let is_nothing = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    bytes.iter().all(is_nothing)
}

/// Whether bytes are the beginning of what calsync writes for a block.
pub(super) fn is_begun(bytes: &[u8], id: &str) -> bool {
    const EVENT: &[u8] = b"BEGIN:VEVENT";
    let event = format!("BEGIN:VEVENT\r\nUID:{id}\r\n");
    let is_own = match bytes.windows(EVENT.len()).position(|part| part == EVENT) {
        None => is_bare(bytes),
        Some(at) => {
            let rest = bytes.get(at..).unwrap_or_default();
            rest.starts_with(event.as_bytes()) || event.as_bytes().starts_with(rest)
        }
    };
    ical::is_cut_short(bytes) && is_own
}

/// Whether there is nothing in the beginning of a calendar but what describes it and its zones: nothing of anybody's.
fn is_bare(bytes: &[u8]) -> bool {
    const NAMES: [&str; 14] = [
        "BEGIN:VCALENDAR",
        "BEGIN:VTIMEZONE",
        "BEGIN:STANDARD",
        "BEGIN:DAYLIGHT",
        "BEGIN:VEVENT",
        "END:",
        "VERSION:",
        "PRODID:",
        "TZID:",
        "TZNAME:",
        "TZOFFSETFROM:",
        "TZOFFSETTO:",
        "DTSTART:",
        "RRULE:",
    ];
    let text = String::from_utf8_lossy(bytes);
    // The last line may have lost its end.
    let is_usual = |line: &str| {
        NAMES
            .iter()
            .any(|name| line.starts_with(name) || name.starts_with(line))
    };
    text.lines().all(is_usual)
}

pub(super) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for whoever writes to it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(FILE_SIZE_MAX + 1)
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_SIZE_MAX {
        return Err(io::Error::other(format!(
            "larger than {} MiB",
            FILE_SIZE_MAX >> 20
        )));
    }
    Ok(bytes)
}
