//! The key that proves which blocks are ours and seals what is secret: a file that only its owner can read, made on first use and never overwritten.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::paths;
use crate::{fsx, ident::Mint, secrets::Sealer};

/// What comes of the key. It is read once, and not kept.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Makes and recognises the ids of blocks.
    pub mint: Mint,
    /// Seals secrets.
    pub sealer: Sealer,
}

impl Keys {
    fn of(key: &[u8; 32]) -> Self {
        Self {
            mint: Mint::new(key),
            sealer: Sealer::new(key),
        }
    }
}

/// Why there is no key to work with. No message shows any of it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Others can read the file.
    #[error("the key file {} can be read by others; run: chmod 600 {}", .0.display(), .0.display())]
    Open(PathBuf),
    /// It holds something else.
    #[error(
        "{0} does not hold a key: 64 hexadecimal digits are expected. Bring the right key back; nothing was changed"
    )]
    Malformed(String),
    /// It is gone while there are blocks made with it.
    #[error(
        "the key file {} is gone, and the state file knows blocks made with it; bring it back. Without it calsync cannot \
         tell its blocks from anybody's events, so it changed nothing", .0.display()
    )]
    Gone(PathBuf),
    /// The system does not let us at it.
    #[error("the key file {} cannot be used: {why}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
}

/// The key at hand: from the environment, from systemd, or from the key file; none if there is no file yet.
pub fn find(key_file: &Path) -> Result<Option<Keys>, KeyError> {
    if let Some(text) = paths::variable(paths::KEY_VARIABLE) {
        return parse(&text, paths::KEY_VARIABLE).map(Some);
    }
    if let Some(path) = paths::credential() {
        // systemd keeps these for the service alone, whatever the mode says.
        let text = fs::read_to_string(&path).map_err(|why| KeyError::Unusable {
            path: path.clone(),
            why,
        })?;
        return parse(&text, &path.display().to_string()).map(Some);
    }
    read(key_file)
}

/// Whether the key comes from elsewhere than a file of its own: from the environment, or from systemd.
pub fn is_given() -> bool {
    paths::variable(paths::KEY_VARIABLE).is_some() || paths::credential().is_some()
}

/// The key in a file, and nowhere else; none if there is no such file.
pub fn read(key_file: &Path) -> Result<Option<Keys>, KeyError> {
    let unusable = |why| KeyError::Unusable {
        path: key_file.to_owned(),
        why,
    };
    let meta = match fs::metadata(key_file) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(error)),
    };
    if !meta.is_file() {
        return Err(unusable(io::Error::other("it is not a file")));
    }
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(KeyError::Open(key_file.to_owned()));
    }
    let text = fs::read_to_string(key_file).map_err(unusable)?;
    parse(&text, &key_file.display().to_string()).map(Some)
}

/// The key at hand, made if there is none and none is missed. `claimed`: the state knows blocks made with some key.
pub fn find_or_make(key_file: &Path, claimed: bool) -> Result<Keys, KeyError> {
    if let Some(keys) = find(key_file)? {
        return Ok(keys);
    }
    if claimed {
        return Err(KeyError::Gone(key_file.to_owned()));
    }
    let unusable = |why| KeyError::Unusable {
        path: key_file.to_owned(),
        why,
    };
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| unusable(io::Error::other(error.to_string())))?;
    let text = format!("{}\n", data_encoding::HEXLOWER.encode(&key));
    match fsx::create_private(key_file, text.as_bytes()) {
        Ok(()) => Ok(Keys::of(&key)),
        // Somebody else made one in this moment: theirs is the key.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            find(key_file)?.ok_or_else(|| KeyError::Gone(key_file.to_owned()))
        }
        Err(error) => Err(unusable(error)),
    }
}

fn parse(text: &str, place: &str) -> Result<Keys, KeyError> {
    let malformed = || KeyError::Malformed(place.to_owned());
    let text = text.trim().to_ascii_lowercase();
    let bytes = data_encoding::HEXLOWER
        .decode(text.as_bytes())
        .map_err(|_| malformed())?;
    let key: [u8; 32] = bytes.try_into().map_err(|_| malformed())?;
    Ok(Keys::of(&key))
}
