//! Blocks into files: each in one step, and only where there was nothing or a block. Never follows a link.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{
    Answer, ErrorKind, LocalCalendar, Place, ProviderError,
    file::read_file,
    stamp::{self, Stamp},
};
use crate::{
    fsx, ical,
    model::{Block, Href, Part, Version},
};

impl LocalCalendar {
    /// The stamp of one file now, or nothing if it is not there.
    pub(super) fn stamp_now(&self, href: &str) -> io::Result<Option<Version>> {
        match fs::symlink_metadata(self.path(href)) {
            // What calsync wrote itself has no young stamp: whoever changes it at once only has a block put right later.
            Ok(meta) => Ok(Some(Stamp::of(&meta, i128::MAX).version())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes sure that a file is as it was when the plan was made, and a block: whatever the state says, nothing else is written over
    /// or removed.
    pub(super) fn check(&self, place: &Place) -> Answer<()> {
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

    /// Writes a block beside its place, and says which file that is.
    pub(super) fn stage(&mut self, name: &str, block: &Block) -> Answer<(PathBuf, u64)> {
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
    pub(super) fn clear_away(&self, aside: &Path, name: &str) {
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
    pub(super) fn written(&self, href: &Href, inode: u64) -> Answer<Version> {
        let failed = |error: &io::Error| self.write_error(href, error);
        let meta = fs::symlink_metadata(self.path(href)).map_err(|e| failed(&e))?;
        if meta.ino() != inode {
            return Err(self.meddled_with(href));
        }
        // What calsync wrote itself has no young stamp: whoever changes it at once only has a block put right later.
        Ok(Stamp::of(&meta, i128::MAX).version())
    }

    pub(super) fn meddled_with(&self, href: &str) -> ProviderError {
        let path = self.path(href);
        let message = format!(
            "{} changed during the run; the next run looks again",
            path.display()
        );
        ProviderError::new(ErrorKind::Conflict, message)
    }

    pub(super) fn write_error(&self, name: &str, error: &io::Error) -> ProviderError {
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

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::clock::Clock;

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
