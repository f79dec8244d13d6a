//! One run at a time: a lock on a file beside the state, which the system lets go of when its holder dies.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::{StateError, Stated};
use crate::fsx;

/// Held for as long as a run lasts.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock that belongs to a state file, or says that another run has it.
    pub fn take(state: &Path) -> Stated<Self> {
        let unusable = |why| StateError::Lock {
            path: state.to_owned(),
            why,
        };
        let folder = match state.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let no_folder = |why| StateError::Folder {
            path: folder.to_owned(),
            why,
        };
        fsx::create_private_folder(folder).map_err(no_folder)?;
        let mut path = real_path(state).map_err(unusable)?.into_os_string();
        path.push(".lock");
        let path = Path::new(&path);
        let failed = |why| StateError::Lock {
            path: path.to_owned(),
            why,
        };
        let is_there = path.exists();
        let file = fsx::open_private(path).map_err(|why| match is_there {
            true => failed(why),
            false => no_folder(why),
        })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StateError::Busy),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// The one path of a state file, whatever links lead to it: there must not be a lock for each of them.
fn real_path(state: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(state) {
        // There is no state yet, or a link leads to where it is going to be.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let beside = state.parent().unwrap_or(Path::new(""));
            let place = match fs::read_link(state) {
                Ok(link) => beside.join(link),
                Err(_) => state.to_owned(),
            };
            let folder = match place.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            let name = place.file_name().unwrap_or_default();
            Ok(fs::canonicalize(folder)?.join(name))
        }
        real => real,
    }
}
