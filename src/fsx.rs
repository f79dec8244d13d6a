//! Files written so that nobody ever sees half of one: first beside their place, then moved there in one step.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

/// How many names are tried for a file whose own has been taken meanwhile.
const NAMES_MAX: usize = 100;

/// Writes content beside its final place. The name starts with a dot and ends in `.tmp`, which every reader of a vdir passes
/// over; `tag` tells whose it is.
pub fn stage(folder: &Path, tag: &str, name: &str, content: &[u8]) -> io::Result<PathBuf> {
    let path = aside(folder, tag, name);
    // What is in the way may be somebody's, moved there by a run that was cut short before it looked: it is not written over.
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).open(&path)?;
    let written = file.write_all(content);
    drop(file);
    if let Err(error) = written {
        // A full disk must not keep the half that fitted.
        discard(&path);
        return Err(error);
    }
    Ok(path)
}

/// Moves a staged file to a place that must be free. Never replaces anything.
pub fn publish_new(staged: &Path, place: &Path) -> io::Result<()> {
    match renameat_with(CWD, staged, CWD, place, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // Not every file system knows this way; a hard link never replaces anything either.
        Err(error) if is_unknown(error) => match fs::hard_link(staged, place) {
            Ok(()) => fs::remove_file(staged),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            Err(_) => publish_where_nothing_links(staged, place),
        },
        Err(error) => Err(error.into()),
    }
}

/// The same on a file system that knows no links either: an empty file, which only this run can have made, holds the place.
fn publish_where_nothing_links(staged: &Path, place: &Path) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(place)?;
    let moved = fs::rename(staged, place);
    // What another program put there meanwhile is not empty, and stays.
    if moved.is_err() && fs::symlink_metadata(place).is_ok_and(|meta| meta.len() == 0) {
        discard(place);
    }
    moved
}

/// Moves a staged file over one that is the one meant, and says whether it was: what was there is looked at once more after it
/// is out of the way, and goes back if another program has put something else there. The staged file is gone afterwards.
pub fn replace(
    staged: &Path,
    place: &Path,
    is_meant: impl Fn(&fs::Metadata) -> bool,
) -> io::Result<bool> {
    let ours = fs::symlink_metadata(staged)?.ino();
    let exchange = || renameat_with(CWD, staged, CWD, place, RenameFlags::EXCHANGE);
    let done = match exchange() {
        // From now on `staged` is what was at the place, and no file of ours unless it is the one meant.
        Ok(()) if is_meant(&fs::symlink_metadata(staged)?) => {
            return fs::remove_file(staged).map(|()| true);
        }
        // Only what this run moved there is ours; whatever else comes back is somebody's, too.
        Ok(()) if exchange().is_ok() && fs::symlink_metadata(staged)?.ino() == ours => Ok(false),
        Ok(()) => return give_back(staged, place).map(|()| false),
        Err(error) if is_unknown(error) => fs::rename(staged, place).map(|()| true),
        Err(error) => Err(error.into()),
    };
    if !matches!(done, Ok(true)) {
        discard(staged);
    }
    done
}

/// Removes a file that is the one meant, and says whether it was, in the same way. `aside` is where it is looked at.
pub fn remove(
    place: &Path,
    aside: &Path,
    is_meant: impl Fn(&fs::Metadata) -> bool,
) -> io::Result<bool> {
    match renameat_with(CWD, place, CWD, aside, RenameFlags::NOREPLACE) {
        Ok(()) if is_meant(&fs::symlink_metadata(aside)?) => fs::remove_file(aside).map(|()| true),
        Ok(()) => give_back(aside, place).map(|()| false),
        // Something of an earlier run may be in the way there.
        Err(error) if is_unknown(error) || error == Errno::EXIST => {
            match is_meant(&fs::symlink_metadata(place)?) {
                true => fs::remove_file(place).map(|()| true),
                false => Ok(false),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Puts somebody's file to a place, or beside it under a name that every program sees if another has come there since.
pub fn give_back(file: &Path, place: &Path) -> io::Result<()> {
    let stem = place.file_stem().unwrap_or_default().to_string_lossy();
    let beside = (2..=NAMES_MAX).map(|i| place.with_file_name(format!("{stem}-{i}.ics")));
    let mut last = Ok(());
    for place in std::iter::once(place.to_owned()).chain(beside) {
        last = publish_new(file, &place);
        match &last {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            _ => break,
        }
    }
    last
}

/// Whether a file system does not know a way of renaming.
fn is_unknown(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::NOTSUP)
}

/// Where a file is looked at before it goes.
pub fn aside(folder: &Path, tag: &str, name: &str) -> PathBuf {
    folder.join(format!("{}{name}.tmp", staged_prefix(tag)))
}

/// Removes an unfinished file. If that fails, the next run sweeps it up.
pub fn discard(staged: &Path) {
    if let Err(error) = fs::remove_file(staged) {
        tracing::debug!(%error, "an unfinished file stays for now");
    }
}

/// How the names of staged files begin.
pub fn staged_prefix(tag: &str) -> String {
    format!(".calsync-{tag}-")
}

/// Creates a file that only its owner can read, in one step: nobody ever finds half of it. Fails if it exists.
pub fn create_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    create_private_folder(folder)?;
    let mut staged = name.to_owned();
    // Two runs that begin at once must not write into the same file.
    staged.push(format!(".{}.tmp", std::process::id()));
    let staged = folder.join(staged);
    match fs::remove_file(&staged) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&staged)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    drop(file);
    let published = written.and_then(|()| publish_new(&staged, path));
    if published.is_err() {
        discard(&staged);
    }
    published
}

/// Creates a folder, and those above it, that only its owner can enter; leaves existing ones as they are.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

/// Whether a file can be written at a path, or be made there with the folders above it, as far as the system tells beforehand.
pub fn can_come(path: &Path) -> bool {
    let may_write = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    let folders = path.ancestors().skip(1);
    let folder = folders.map(|folder| match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    });
    let nearest = folder.into_iter().find(|folder| folder.exists());
    let is_open = nearest.is_some_and(|folder| folder.is_dir() && may_write(folder));
    is_open && (!path.exists() || may_write(path))
}

/// Opens a file for locking, created if need be, for its owner only.
pub fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::disallowed_methods,
        reason = "these are what other programs write"
    )]
    fn written(folder: &Path, name: &str, content: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// What lies in a folder, by name.
    fn content(folder: &Path) -> Vec<(String, String)> {
        let mut found: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        found.sort();
        found
    }

    fn named(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let files = files.iter();
        files
            .map(|&(name, text)| (name.to_owned(), text.to_owned()))
            .collect()
    }

    #[test]
    fn where_nothing_links_a_taken_place_is_not_written_over_either() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (staged, free) = (written(folder, ".a.tmp", "ours"), folder.join("b.ics"));
        let place = written(folder, "a.ics", "theirs");
        let refused = publish_where_nothing_links(&staged, &place).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        publish_where_nothing_links(&staged, &free).unwrap();
        assert_eq!(
            content(folder),
            named(&[("a.ics", "theirs"), ("b.ics", "ours")])
        );
        // What cannot be moved leaves nothing at its place.
        assert!(publish_where_nothing_links(&staged, &folder.join("c.ics")).is_err());
        assert_eq!(content(folder).len(), 2);
    }

    #[test]
    fn a_file_that_is_not_the_one_meant_is_neither_replaced_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let place = written(folder, "a.ics", "theirs");
        let staged = written(folder, ".a.tmp", "ours");
        assert!(!replace(&staged, &place, |_| false).unwrap());
        assert_eq!(content(folder), named(&[("a.ics", "theirs")]));
        assert!(!remove(&place, &folder.join(".b.tmp"), |_| false).unwrap());
        assert_eq!(content(folder), named(&[("a.ics", "theirs")]));
        let staged = written(folder, ".a.tmp", "ours");
        assert!(replace(&staged, &place, |_| true).unwrap());
        assert_eq!(content(folder), named(&[("a.ics", "ours")]));
        assert!(remove(&place, &folder.join(".b.tmp"), |_| true).unwrap());
        assert_eq!(content(folder), []);
    }

    #[test]
    fn somebodys_file_survives_when_its_place_changes_while_it_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let place = written(folder, "a.ics", "theirs");
        let staged = written(folder, ".a.tmp", "ours");
        let taken_away = |_: &fs::Metadata| fs::remove_file(&place).is_err();
        assert!(!replace(&staged, &place, taken_away).unwrap());
        assert_eq!(content(folder), named(&[("a.ics", "theirs")]));

        let staged = written(folder, ".a.tmp", "ours");
        let once_more = |_: &fs::Metadata| {
            let newer = written(folder, "newer", "newer");
            fs::rename(newer, &place).is_err()
        };
        assert!(!replace(&staged, &place, once_more).unwrap());
        let both = [("a-2.ics", "newer"), ("a.ics", "theirs")];
        assert_eq!(content(folder), named(&both));

        let occupied = |_: &fs::Metadata| !written(folder, "a.ics", "newest").exists();
        assert!(!remove(&place, &folder.join(".b.tmp"), occupied).unwrap());
        let all = [
            ("a-2.ics", "newer"),
            ("a-3.ics", "theirs"),
            ("a.ics", "newest"),
        ];
        assert_eq!(content(folder), named(&all));
    }
}
