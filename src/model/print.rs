//! A fixed fingerprint of what a block shows. The layout of the bytes under it must never change without its version.

use std::fmt;

use sha2::{Digest, Sha256};

/// The first byte under every print; a change of layout needs a new one.
const LAYOUT: u8 = 1;

/// A fingerprint: equal for equal content, on every machine and in every release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Print(pub [u8; 16]);

impl Print {
    /// The print of the given fields, in this order. Each is written with its length, so no two lists run together.
    pub fn of<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        hash.update([LAYOUT]);
        for field in fields {
            hash.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(field);
        }
        let mut print = [0; 16];
        for (to, from) in print.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(print)
    }

    /// Reads a print back from storage.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}
