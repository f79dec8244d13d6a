//! Files written so that nobody ever sees half of one: first beside their place, then moved there in one step.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

/// Writes content beside its final place. The name starts with a dot and ends in `.tmp`, which every reader of a vdir passes
/// over; `tag` tells whose it is.
pub fn stage(folder: &Path, tag: &str, name: &str, content: &[u8]) -> io::Result<PathBuf> {
    let path = aside(folder, tag, name);
    // What is in the way was left by a run cut short, or put there by somebody; it is never written through.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
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
        Err(error) if is_unknown(error) => {
            fs::hard_link(staged, place)?;
            fs::remove_file(staged)
        }
        Err(error) => Err(error.into()),
    }
}

/// Moves a staged file over what is at its place.
pub fn publish_over(staged: &Path, place: &Path) -> io::Result<()> {
    fs::rename(staged, place)
}

/// Moves a staged file over one that is the one meant, and says whether it was: what was there is looked at once more after it
/// is out of the way, and goes back if another program has put something else there.
pub fn replace(
    staged: &Path,
    place: &Path,
    is_meant: impl FnOnce(&fs::Metadata) -> bool,
) -> io::Result<bool> {
    let exchange = || renameat_with(CWD, staged, CWD, place, RenameFlags::EXCHANGE);
    match exchange() {
        Ok(()) if is_meant(&fs::symlink_metadata(staged)?) => {
            fs::remove_file(staged).map(|()| true)
        }
        Ok(()) => Ok(exchange().map(|()| false)?),
        Err(error) if is_unknown(error) => publish_over(staged, place).map(|()| true),
        Err(error) => Err(error.into()),
    }
}

/// Removes a file that is the one meant, and says whether it was, in the same way. `aside` is where it is looked at.
pub fn remove(
    place: &Path,
    aside: &Path,
    is_meant: impl FnOnce(&fs::Metadata) -> bool,
) -> io::Result<bool> {
    let rename = |from, to| renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE);
    match rename(place, aside) {
        Ok(()) if is_meant(&fs::symlink_metadata(aside)?) => fs::remove_file(aside).map(|()| true),
        Ok(()) => Ok(rename(aside, place).map(|()| false)?),
        // Something of an earlier run may be in the way there.
        Err(error) if is_unknown(error) || error == Errno::EXIST => {
            fs::remove_file(place).map(|()| true)
        }
        Err(error) => Err(error.into()),
    }
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
