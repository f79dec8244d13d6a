//! One run at a time: a lock on a file beside the state, which the system lets go of when its holder dies.

use std::{
    fs::{File, TryLockError},
    path::Path,
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
        let mut path = state.as_os_str().to_owned();
        path.push(".lock");
        let path = Path::new(&path);
        let failed = |why| StateError::Lock {
            path: path.to_owned(),
            why,
        };
        if let Some(folder) = path.parent() {
            fsx::create_private_folder(folder).map_err(failed)?;
        }
        let file = fsx::open_private(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StateError::Busy),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}
