//! A folder of `.ics` files: the vdir convention of vdirsyncer, khal and pimsync. Reads any client's files; writes only
//! files that hold a block and nothing else, each in one step; never follows a link when it writes.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use jiff::tz::TimeZone;

use super::{
    Answer, Change, Cursor, ErrorKind, Known, Listing, Place, Probe, Provider, ProviderError,
    Pulled,
};
use crate::{
    clock::{Clock, breathe},
    fsx,
    ical::{self, Reader},
    ident::{self, BlockId},
    model::{Block, Href, Part, Patterns, Resource, Uid, Version},
};

mod lost;
mod stamp;

use lost::with_lost;
use stamp::Stamp;

/// The most files a folder may hold.
const FILES_MAX: usize = 500_000;
/// How often a folder is listed in the hope that nothing changes in it meanwhile.
const LISTINGS_MAX: usize = 5;
/// The largest file that is read, in bytes.
const FILE_SIZE_MAX: u64 = 16 << 20;
/// A calendar that is a folder.
#[derive(Debug)]
pub struct LocalCalendar {
    folder: PathBuf,
    /// Marks this installation's staged files.
    tag: String,
    me: Vec<String>,
    home: TimeZone,
    patterns: Patterns,
    clock: Clock,
    /// What an earlier run, cut short, left unfinished.
    leftovers: Vec<(PathBuf, String)>,
}

impl LocalCalendar {
    /// A calendar in `folder`. `tag` tells this installation's unfinished files from others'; `me` are the owner's
    /// addresses in lower case; floating times are in `home`.
    pub fn new(folder: PathBuf, tag: &str, me: &[String], home: &TimeZone, clock: &Clock) -> Self {
        Self {
            folder,
            tag: tag.to_owned(),
            me: me.to_vec(),
            home: home.clone(),
            patterns: Patterns::default(),
            clock: clock.clone(),
            leftovers: Vec::new(),
        }
    }

    /// The same, looking for this in the words of events.
    #[must_use]
    pub fn noticing(self, patterns: Patterns) -> Self {
        Self { patterns, ..self }
    }

    fn reader(&self) -> Reader<'_> {
        Reader {
            me: &self.me,
            home: &self.home,
            patterns: &self.patterns,
        }
    }

    fn path(&self, href: &str) -> PathBuf {
        self.folder.join(href)
    }

    /// The stamps of all files in order of their names, found without opening one.
    async fn stamps(&mut self) -> Answer<Vec<(String, Stamp)>> {
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
    async fn steady_stamps(&mut self) -> Answer<(fs::Metadata, Vec<(String, Stamp)>)> {
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
    fn find_missed<'k>(
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

    fn now(&self) -> i128 {
        self.clock.now().as_nanosecond()
    }

    /// Reads one file whose stamp is known.
    fn read(&self, href: &Href, version: &Version, known: Option<&dyn Known>) -> Change {
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
        if bytes.trim_ascii().is_empty()
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

    /// The stamp of one file now, or nothing if it is not there.
    fn stamp_now(&self, href: &str) -> io::Result<Option<Version>> {
        match fs::symlink_metadata(self.path(href)) {
            // What calsync wrote itself has no young stamp: whoever changes it at once only has a block put right later.
            Ok(meta) => Ok(Some(Stamp::of(&meta, i128::MAX).version())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes sure that a file is as it was when the plan was made, and a block: whatever the state says, nothing else is written over
    /// or removed.
    fn check(&self, place: &Place) -> Answer<()> {
        match self
            .stamp_now(&place.href)
            .map_err(|e| self.write_error(&place.href, &e))?
        {
            None => Err(ProviderError::new(
                ErrorKind::Gone,
                format!("{} is gone", self.path(&place.href).display()),
            )),
            Some(now) if stamp::is_same(&now, &place.version) => {
                let path = self.path(&place.href);
                let bytes = read_file(&path).map_err(|e| self.write_error(&place.href, &e))?;
                match self.is_block(&bytes, &place.href) {
                    true => Ok(()),
                    false => {
                        let message = format!(
                            "{} is no block, and stays as it is, though the state file calls it one; move the state file away",
                            path.display()
                        );
                        Err(ProviderError::new(ErrorKind::Refused, message))
                    }
                }
            }
            Some(_) => {
                let link = fs::symlink_metadata(self.path(&place.href));
                let what = match link.is_ok_and(|meta| meta.is_symlink()) {
                    true => "is a link, and calsync writes through none; put a file in its place",
                    false => "changed during the run; the next run looks again",
                };
                let message = format!("{} {what}", self.path(&place.href).display());
                Err(ProviderError::new(ErrorKind::Conflict, message))
            }
        }
    }

    /// Whether there is nothing in a file but blocks that nobody made a meeting of, or the beginning of the one that it is named for.
    fn is_block(&self, bytes: &[u8], name: &str) -> bool {
        let id = name.strip_suffix(".ics").filter(|id| ident::is_shaped(id));
        if id.is_some_and(|id| is_begun(bytes, id)) {
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

    /// Writes a block beside its place, and says which file that is.
    fn stage(&mut self, name: &str, block: &Block) -> Answer<(PathBuf, u64)> {
        let aside = fsx::aside(&self.folder, &self.tag, name);
        if aside.symlink_metadata().is_ok() {
            self.clear_away(&aside, name);
        }
        let text = ical::write(block, self.clock.now());
        let staged = fsx::stage(&self.folder, &self.tag, name, text.as_bytes());
        let known = staged.and_then(|path| Ok((fs::symlink_metadata(&path)?.ino(), path)));
        let (inode, path) = known.map_err(|e| self.write_error(name, &e))?;
        Ok((path, inode))
    }

    /// Whether what a run that was cut short left aside is a block, or the beginning of one. Whatever was at a block's place in
    /// the moment of writing lies there too, and that may be somebody's event.
    fn is_unfinished_block(&self, path: &Path, name: &str) -> bool {
        let is_file = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
        let Some(bytes) = read_file(path).ok().filter(|_| is_file) else {
            return false;
        };
        if ical::is_cut_short(&bytes) {
            return true;
        }
        let reader = self.reader();
        let parts = ical::read(&bytes, reader).unwrap_or_default();
        let is_block = |part: &Part| match part {
            Part::Event { uid, seen, .. } => {
                name.strip_suffix(".ics") == Some(&**uid)
                    && seen.as_ref().is_some_and(|seen| !seen.people)
            }
            Part::Unreadable { .. } => false,
        };
        !parts.is_empty() && parts.iter().all(is_block)
    }

    /// Removes what a run that was cut short left aside of a file, or puts it back if it is somebody's.
    fn clear_away(&self, aside: &Path, name: &str) {
        if self.is_unfinished_block(aside, name) {
            fsx::discard(aside);
        } else if let Err(error) = fsx::give_back(aside, &self.path(name)) {
            tracing::warn!(
                "{} was moved aside by a run that was cut short, and cannot be put back: {error}",
                aside.display()
            );
        }
    }

    /// The version of a block whose file was moved to its place; `inode` is that file's. What another program put there since then
    /// must not be taken for the block.
    fn written(&self, href: &Href, inode: u64) -> Answer<Version> {
        let failed = |error: &io::Error| self.write_error(href, error);
        let meta = fs::symlink_metadata(self.path(href)).map_err(|e| failed(&e))?;
        if meta.ino() != inode {
            return Err(self.meddled_with(href));
        }
        // What calsync wrote itself has no young stamp: whoever changes it at once only has a block put right later.
        Ok(Stamp::of(&meta, i128::MAX).version())
    }

    fn meddled_with(&self, href: &str) -> ProviderError {
        let path = self.path(href);
        let message = format!(
            "{} changed during the run; the next run looks again",
            path.display()
        );
        ProviderError::new(ErrorKind::Conflict, message)
    }

    fn write_error(&self, name: &str, error: &io::Error) -> ProviderError {
        let path = self.path(name);
        let (kind, advice) = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
                ErrorKind::Refused,
                "; make the folder writable, or set role = \"source\"",
            ),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                (ErrorKind::Refused, "; make room, the next run goes on")
            }
            io::ErrorKind::AlreadyExists => (ErrorKind::Exists, ""),
            io::ErrorKind::NotFound => (ErrorKind::Gone, "; is the folder still there?"),
            io::ErrorKind::Interrupted | io::ErrorKind::ResourceBusy => {
                (ErrorKind::Retry(None), "")
            }
            _ => (ErrorKind::Refused, ""),
        };
        ProviderError::new(
            kind,
            format!("cannot write {}: {error}{advice}", path.display()),
        )
    }
}

impl Provider for LocalCalendar {
    async fn pull(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Answer<Pulled> {
        let (folder, mut stamps) = self.steady_stamps().await?;
        let files = stamps.iter().map(|(name, stamp)| (name.as_str(), stamp));
        let cursor = stamp::cursor(&folder, files, self.now());
        if since.is_some_and(|since| *since == cursor && stamp::is_settled(since)) {
            return Ok(Pulled {
                listing: Listing::Delta,
                changes: Vec::new(),
                cursor: Some(cursor),
            });
        }
        let versions = known.versions();
        if stamps.is_empty()
            && !versions.is_empty()
            && since.is_some_and(|since| stamp::has_moved(since, &folder))
        {
            let folder = self.folder.display();
            let message = format!(
                "{folder} is suddenly empty, and not the folder that it was; is a disk not mounted? If this is right, run `calsync sync --full`"
            );
            return Err(ProviderError::new(ErrorKind::Broken, message));
        }
        self.find_missed(&mut stamps, versions.keys())?;
        let mut changes = Vec::new();
        let mut present = BTreeSet::new();
        for (i, (name, stamp)) in stamps.into_iter().enumerate() {
            let (href, version) = (Href::from(name), stamp.version());
            let same = versions.get(&href) == Some(&version) && !stamp::was_young(&version);
            if !same {
                changes.push(self.read(&href, &version, Some(known)));
            }
            present.insert(href);
            if i % 256 == 0 {
                breathe().await;
            }
        }
        Ok(Pulled {
            listing: Listing::Whole(present),
            changes,
            cursor: Some(cursor),
        })
    }

    async fn look(&mut self, id: &BlockId) -> Answer<Option<Resource>> {
        let href: Href = file_name(id).into();
        let stamp = self
            .stamp_now(&href)
            .map_err(|e| folder_error(&self.folder, &e))?;
        let Some(version) = stamp else {
            return Ok(None);
        };
        match self.read(&href, &version, None) {
            Change::Seen(resource) => Ok(Some(resource)),
            Change::Gone(_) => Ok(None),
            // Whatever it is, it is there and is no block.
            Change::Unreadable { href, version, .. } => Ok(Some(Resource {
                href,
                version,
                parts: Vec::new(),
                signs: 0,
            })),
        }
    }

    async fn create(&mut self, block: &Block) -> Answer<Place> {
        let name = file_name(&block.id);
        let (staged, inode) = self.stage(&name, block)?;
        breathe().await;
        if let Err(error) = fsx::publish_new(&staged, &self.path(&name)) {
            fsx::discard(&staged);
            return Err(self.write_error(&name, &error));
        }
        breathe().await;
        let href = Href::from(name.as_str());
        let version = self.written(&href, inode)?;
        Ok(Place::of(block, href, version))
    }

    async fn replace(&mut self, place: &Place, block: &Block) -> Answer<Place> {
        self.check(place)?;
        let (staged, inode) = self.stage(&place.href, block)?;
        breathe().await;
        if let Err(error) = self.check(place) {
            fsx::discard(&staged);
            return Err(error);
        }
        let is_meant = |meta: &fs::Metadata| stamp::is_still(&place.version, meta);
        let published = fsx::replace(&staged, &self.path(&place.href), is_meant)
            .map_err(|e| self.write_error(&place.href, &e));
        if !published? {
            return Err(self.meddled_with(&place.href));
        }
        breathe().await;
        let version = self.written(&place.href, inode)?;
        Ok(Place::of(block, place.href.clone(), version))
    }

    async fn remove(&mut self, place: &Place) -> Answer<()> {
        match self.check(place) {
            Err(error) if error.kind == ErrorKind::Gone => return Ok(()),
            checked => checked?,
        }
        let is_meant = |meta: &fs::Metadata| stamp::is_still(&place.version, meta);
        let aside = fsx::aside(&self.folder, &self.tag, &place.href);
        let removed = fsx::remove(&self.path(&place.href), &aside, is_meant);
        breathe().await;
        match removed.map_err(|e| self.write_error(&place.href, &e))? {
            true => Ok(()),
            false => Err(self.meddled_with(&place.href)),
        }
    }

    async fn probe(&mut self) -> Answer<Probe> {
        let stamps = self.stamps().await?;
        let access = rustix::fs::access(&self.folder, rustix::fs::Access::WRITE_OK);
        Ok(Probe {
            writable: access.is_ok(),
            resources: Some(stamps.len()),
        })
    }

    fn tidy(&mut self) {
        for (path, name) in std::mem::take(&mut self.leftovers) {
            self.clear_away(&path, &name);
        }
    }

    fn identity(&self) -> Option<String> {
        let real = fs::canonicalize(&self.folder).ok()?;
        Some(format!("{FOLDER}{}", real.display()))
    }

    fn is_still_there(&self, identity: &str) -> bool {
        let folder = identity.strip_prefix(FOLDER);
        folder.is_some_and(|folder| Path::new(folder).is_dir())
    }

    fn barred(&self) -> Option<ProviderError> {
        let refused = rustix::fs::access(&self.folder, rustix::fs::Access::WRITE_OK).err()?;
        let folder = self.folder.display();
        let message = format!(
            "the folder {folder} may not be written ({refused}); make it writable, or set role = \"source\""
        );
        Some(ProviderError::new(ErrorKind::Refused, message))
    }

    fn shows_places(&self) -> bool {
        true
    }

    fn requests(&self) -> u64 {
        0
    }
}

/// What the identity of a folder begins with.
const FOLDER: &str = "the folder ";

/// The name of the file that holds a block.
pub fn file_name(id: &BlockId) -> String {
    format!("{id}.ics")
}

/// Whether bytes are the beginning of what calsync writes for a block.
fn is_begun(bytes: &[u8], id: &str) -> bool {
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

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
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

fn folder_error(folder: &Path, error: &io::Error) -> ProviderError {
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
            format!("{folder} is not a folder; `path` must name a folder of .ics files"),
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
    use super::*;

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

    #[test]
    fn whatever_the_state_says_nothing_but_a_block_may_be_written_over_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let calendar = LocalCalendar::new(path, "tag", &[], &TimeZone::UTC, &Clock::System);
        let id = "cs1".to_owned() + &"0".repeat(41);
        let event = |uid: &str| {
            format!(
                "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART:20261201T090000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\n"
            )
        };
        let (own, block) = (event("own"), event(&id));
        let task = "BEGIN:VTODO\r\nUID:task\r\nEND:VTODO\r\n";
        for (name, text, is_ours) in [
            ("own", own.clone(), false),
            ("other", block.clone(), true),
            ("both", block.clone() + &own, false),
            ("task", block + task, false),
            (&*id, own, false),
        ] {
            let name = format!("{name}.ics");
            let text = format!("BEGIN:VCALENDAR\r\n{text}END:VCALENDAR\r\n");
            fsx::create_private(&folder.path().join(&name), text.as_bytes()).unwrap();
            let href = Href::from(name);
            let version = calendar.stamp_now(&href).unwrap().unwrap();
            let checked = calendar.check(&Place::once(href, version));
            assert_eq!(checked.is_ok(), is_ours, "{text}");
        }
    }

    #[test]
    fn what_another_program_put_at_a_blocks_place_is_not_taken_for_the_block() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a.ics");
        fsx::create_private(&place, b"ours").unwrap();
        let ours = fs::metadata(&place).unwrap().ino();
        let path = folder.path().to_owned();
        let calendar = LocalCalendar::new(path, "tag", &[], &TimeZone::UTC, &Clock::System);
        assert!(calendar.written(&"a.ics".into(), ours).is_ok());
        let theirs = folder.path().join("theirs.tmp");
        fsx::create_private(&theirs, b"theirs").unwrap();
        fs::rename(&theirs, &place).unwrap();
        let error = calendar.written(&"a.ics".into(), ours).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict);
    }
}
