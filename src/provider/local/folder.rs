//! What lies in a folder: its files and their stamps, without opening one, and folders in a folder. Never writes.

use std::{collections::BTreeSet, fs, io, path::Path};

use super::{
    Answer, ErrorKind, LocalCalendar, ProviderError,
    stamp::{self, Stamp},
};
use crate::{clock::breathe, fsx, ident, model::Href};

/// The most files a folder may hold.
const FILES_MAX: usize = 500_000;
/// How often a folder is listed in the hope that nothing changes in it meanwhile.
const LISTINGS_MAX: usize = 5;

impl LocalCalendar {
    /// The stamps of all files in order of their names, found without opening one.
    pub(super) async fn stamps(&mut self) -> Answer<Vec<(String, Stamp)>> {
        let folder = self.folder.clone();
        let failed = |error: io::Error| folder_error(&folder, &error);
        let staged = fsx::staged_prefix(&self.tag);
        let now = self.now();
        let mut stamps = Vec::new();
        for (i, entry) in fs::read_dir(&folder).map_err(failed)?.enumerate() {
            let entry = entry.map_err(failed)?;
            if i % 1024 == 0 {
                breathe().await;
            }
            let name = entry.file_name();
            // A name that is not UTF-8 cannot be kept; it is shown with marks in place of what cannot be read.
            let name = name.to_string_lossy();
            if let Some(block) = name.strip_prefix(&staged).and_then(staged_block) {
                self.leftovers.push((entry.path(), block.to_owned()));
            }
            if !is_calendar_file(&name) {
                continue;
            }
            let Some(meta) = file_meta(&entry).map_err(failed)? else {
                continue;
            };
            stamps.push((name.into_owned(), Stamp::of(&meta, now)));
            if stamps.len() > FILES_MAX {
                let message = format!("{} holds more than {FILES_MAX} files", folder.display());
                return Err(ProviderError::new(ErrorKind::Broken, message));
            }
        }
        stamps.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(stamps)
    }

    /// The folder as it was before a listing during which no file came or went, and that listing: reading a folder while
    /// another program moves files in it may miss some of them.
    pub(super) async fn steady_stamps(&mut self) -> Answer<(fs::Metadata, Vec<(String, Stamp)>)> {
        for _ in 0..LISTINGS_MAX {
            // The folder's own time first: what changes while it is listed is then seen, at the latest next time.
            let before = self.folder_now()?;
            let stamps = self.stamps().await?;
            let after = self.folder_now()?;
            if stamp::is_same_folder(&before, &after) {
                return Ok((before, stamps));
            }
        }
        let message = format!(
            "another program goes on changing {}; the next run looks again",
            self.folder.display()
        );
        Err(ProviderError::new(ErrorKind::Retry(None), message))
    }

    fn folder_now(&self) -> Answer<fs::Metadata> {
        fs::metadata(&self.folder).map_err(|e| folder_error(&self.folder, &e))
    }

    /// Adds files that were there before, are there now, and that a listing missed all the same.
    pub(super) fn find_missed<'k>(
        &self,
        stamps: &mut Vec<(String, Stamp)>,
        known: impl Iterator<Item = &'k Href>,
    ) -> Answer<()> {
        let listed: BTreeSet<&str> = stamps.iter().map(|(name, _)| name.as_str()).collect();
        let absent = known.filter(|href| !listed.contains(&***href));
        let mut missed = Vec::new();
        for href in absent {
            let path = self.path(href);
            match fs::metadata(&path).or_else(|_| fs::symlink_metadata(&path)) {
                // Also a folder or a pipe: whatever it is, nobody removed an event by putting it there.
                Ok(meta) => {
                    missed.push((href.to_string(), Stamp::of(&meta, self.now())));
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(folder_error(&self.folder, &error));
                }
                _ => {}
            }
        }
        if !missed.is_empty() {
            stamps.extend(missed);
            stamps.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        }
        Ok(())
    }

    pub(super) fn now(&self) -> i128 {
        self.clock.now().as_nanosecond()
    }
}

/// The block file that a file with a name that ends so is to become, or was: nobody else names a file so.
fn staged_block(rest: &str) -> Option<&str> {
    let name = rest.strip_suffix(".tmp")?;
    let id = name.strip_suffix(".ics")?;
    ident::is_shaped(id).then_some(name)
}

/// Whether a file in a vdir is an event: neither hidden nor unfinished.
fn is_calendar_file(name: &str) -> bool {
    let extension = Path::new(name).extension();
    !name.starts_with('.') && extension.is_some_and(|e| e.eq_ignore_ascii_case("ics"))
}

/// The stamp of a directory entry, if it is a file or leads to one.
fn file_meta(entry: &fs::DirEntry) -> io::Result<Option<fs::Metadata>> {
    let meta = match entry.metadata() {
        Ok(link) if link.is_symlink() => match fs::metadata(entry.path()) {
            // A link that cannot be followed, or leads nowhere now, is in itself no reason not to read the folder, and none
            // to think that its event is gone: it counts as a file, and the attempt to read that tells what is wrong.
            Err(_) => return Ok(Some(link)),
            meta => meta,
        },
        meta => meta,
    };
    match meta {
        Ok(meta) => Ok(meta.is_file().then_some(meta)),
        // Gone since the folder was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn folder_error(folder: &Path, error: &io::Error) -> ProviderError {
    let folder = folder.display();
    let (kind, message) = match error.kind() {
        io::ErrorKind::NotFound => (
            ErrorKind::Gone,
            format!(
                "the folder {folder} is not there; correct its `path` or `id` (`calsync calendars` lists what there is), or bring it back (is a disk \
                 not mounted?)"
            ),
        ),
        io::ErrorKind::NotADirectory => (
            ErrorKind::Gone,
            format!(
                "{folder} is not a folder; `path` must name a folder of .ics files, and one file alone is a `feed`"
            ),
        ),
        io::ErrorKind::PermissionDenied => (
            ErrorKind::Refused,
            format!("the folder {folder} may not be read; check its permissions"),
        ),
        _ => (
            ErrorKind::Broken,
            format!("the folder {folder} cannot be read: {error}"),
        ),
    };
    ProviderError::new(kind, message)
}

/// A folder that could be a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its name.
    pub id: String,
    /// Whether blocks can be written to it.
    pub writable: bool,
    /// How many `.ics` files lie in it; nothing if it cannot be listed.
    pub files: Option<usize>,
}

/// The folders inside a folder, each of which could be a calendar, by name.
pub fn folders(path: &Path) -> io::Result<Vec<Folder>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(id) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        if entry.path().is_dir() {
            found.push(Folder {
                id: id.to_owned(),
                writable: rustix::fs::access(entry.path(), rustix::fs::Access::WRITE_OK).is_ok(),
                files: count(&entry.path()).ok(),
            });
        }
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

/// How many `.ics` files lie in a folder.
fn count(folder: &Path) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        count += usize::from(name.to_str().is_some_and(is_calendar_file));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_file_that_a_listing_missed_is_found_and_one_that_is_gone_is_not() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.ics", "c.ics"] {
            fsx::create_private(&folder.path().join(name), b"x").unwrap();
        }
        let home = TimeZone::UTC;
        let path = folder.path().to_owned();
        let calendar = LocalCalendar::new(path, "tag", &[], &home, &Clock::System);
        let meta = fs::metadata(folder.path().join("c.ics")).unwrap();
        let mut stamps = vec![("c.ics".to_owned(), Stamp::of(&meta, calendar.now()))];
        let known: [Href; 3] = ["a.ics".into(), "b.ics".into(), "c.ics".into()];
        calendar.find_missed(&mut stamps, known.iter()).unwrap();
        let names: Vec<&str> = stamps.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a.ics", "c.ics"]);
    }
}
