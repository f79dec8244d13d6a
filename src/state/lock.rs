//! One run at a time: a lock on a file beside the state, which the system lets go of when its holder dies. In the file stands how
//! the last run left the state, so that one which somebody copied, restored or damaged is looked through before it is believed.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use super::{State, StateError, Stated};
use crate::fsx;

/// More than is ever noted.
const NOTE_MAX: usize = 200;

/// Held for as long as a run lasts. Whoever holds it lets go of the state first.
#[derive(Debug)]
pub struct Lock {
    file: File,
    state: PathBuf,
    /// Whether the state is as the last run left it, or was looked through since.
    is_sound: bool,
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
        let real = real_path(state).map_err(unusable)?;
        let mut path = real.clone().into_os_string();
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
            Ok(()) => Ok(Self {
                is_sound: is_as_left(&file, &real),
                state: real,
                file,
            }),
            Err(TryLockError::WouldBlock) => Err(StateError::Busy),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

impl Lock {
    /// Looks through the state unless it is as the last run left it.
    pub fn make_sure(&mut self, state: &State) -> Stated<()> {
        if !self.is_sound {
            tracing::debug!("the state file is not as the last run left it; it is looked through");
            state.look_through(&self.state)?;
            self.is_sound = true;
        }
        Ok(())
    }
}

impl Drop for Lock {
    /// Notes how the state was left. If that fails, the next run looks through it once more.
    fn drop(&mut self) {
        let Some(stamp) = stamp(&self.state).filter(|_| self.is_sound) else {
            return;
        };
        if is_as_left(&self.file, &self.state) {
            return;
        }
        let noted = self.file.set_len(0);
        if let Err(error) = noted.and_then(|()| self.file.write_all_at(stamp.as_bytes(), 0)) {
            tracing::debug!("the lock file cannot be written: {error}");
        }
    }
}

/// Whether the state is as the note in the lock file says, or there is none yet.
fn is_as_left(lock: &File, state: &Path) -> bool {
    let Some(stamp) = stamp(state) else {
        return true;
    };
    let mut note = [0; NOTE_MAX];
    let length = lock.read_at(&mut note, 0).unwrap_or(0);
    note.get(..length) == Some(stamp.as_bytes())
}

/// What tells a file that nobody wrote to or put in its place; nothing if there is no such file, or nothing in it.
fn stamp(state: &Path) -> Option<String> {
    let meta = fs::metadata(state).ok().filter(|meta| meta.len() > 0)?;
    let (seconds, nanos) = (meta.mtime(), meta.mtime_nsec());
    Some(format!(
        "{} {} {} {seconds}.{nanos:09}\n",
        meta.dev(),
        meta.ino(),
        meta.len()
    ))
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
