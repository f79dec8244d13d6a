//! A folder of `.ics` files: the vdir convention of vdirsyncer, khal and pimsync. Reads any client's files; writes only
//! files that hold a block and nothing else, each in one step; never follows a link when it writes.

use std::{
    collections::BTreeSet,
    fs,
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
    ical::Reader,
    ident::BlockId,
    model::{Block, Href, Interest, Resource},
};

mod file;
mod folder;
mod lost;
mod stamp;
mod writing;

pub use folder::{Folder, folders};

use folder::folder_error;

/// A calendar that is a folder.
#[derive(Debug)]
pub struct LocalCalendar {
    folder: PathBuf,
    /// Marks this installation's staged files.
    tag: String,
    me: Vec<String>,
    home: TimeZone,
    interest: Interest,
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
            interest: Interest::default(),
            clock: clock.clone(),
            leftovers: Vec::new(),
        }
    }

    /// The same, looking for this in the words of events.
    #[must_use]
    pub fn noticing(self, interest: Interest) -> Self {
        Self { interest, ..self }
    }

    fn reader(&self) -> Reader<'_> {
        Reader {
            me: &self.me,
            home: &self.home,
            interest: &self.interest,
        }
    }

    fn path(&self, href: &str) -> PathBuf {
        self.folder.join(href)
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
        let kept = known.kept();
        let last = since.cloned().or_else(|| known.last_cursor());
        if stamps.is_empty()
            && !kept.is_empty()
            && last.is_some_and(|last| stamp::has_moved(&last, &folder))
        {
            let folder = self.folder.display();
            let message = format!(
                "{folder} is suddenly empty, and not the folder that it was; is a disk not mounted? If this is right, run `calsync sync --full`"
            );
            return Err(ProviderError::new(ErrorKind::Broken, message));
        }
        self.find_missed(&mut stamps, kept.keys())?;
        let mut changes = Vec::new();
        let mut present = BTreeSet::new();
        for (i, (name, stamp)) in stamps.into_iter().enumerate() {
            let (href, version) = (Href::from(name), stamp.version());
            let same = kept.get(&href) == Some(&version) && !stamp::was_young(&version);
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
        identity(&self.folder)
    }

    fn is_still_there(&self, identity: &str) -> bool {
        is_there(identity)
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

/// Which folder a path leads to, whatever else leads there.
pub fn identity(folder: &Path) -> Option<String> {
    let real = fs::canonicalize(folder).ok()?;
    Some(format!("{FOLDER}{}", real.display()))
}

/// Whether there is still a folder of this identity.
pub fn is_there(identity: &str) -> bool {
    let folder = identity.strip_prefix(FOLDER);
    folder.is_some_and(|folder| Path::new(folder).is_dir())
}

/// What the identity of a folder begins with.
const FOLDER: &str = "the folder ";

/// The name of the file that holds a block.
pub fn file_name(id: &BlockId) -> String {
    format!("{id}.ics")
}
