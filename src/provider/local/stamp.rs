//! What tells one state of a file or a folder from another without opening it. Nothing here opens or writes a file.

use std::{fs, os::unix::fs::MetadataExt as _};

use sha2::{Digest, Sha256};

use crate::{model::Version, provider::Cursor};

/// A file changed less long ago than this may change again without its stamp showing it, in nanoseconds.
const SETTLED: i128 = 50_000_000;
/// The same where the file system counts in whole seconds.
const SETTLED_COARSE: i128 = 2_000_000_000;
/// Stands in a cursor for the digest of files of which one may change again without showing it.
const UNSETTLED: &str = "young";
/// Ends the version of a file that was young when it was seen, so that it is read again next time.
const YOUNG: char = '?';

/// The stamp of one file. Its content cannot change without its change time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    inode: u64,
    size: u64,
    modified: i128,
    changed: i128,
    young: bool,
}

impl Stamp {
    /// The stamp of a file as it is at `now`, in nanoseconds since 1970.
    pub(super) fn of(meta: &fs::Metadata, now: i128) -> Self {
        let changed = nanoseconds(meta.ctime(), meta.ctime_nsec());
        Self {
            inode: meta.ino(),
            size: meta.size(),
            modified: nanoseconds(meta.mtime(), meta.mtime_nsec()),
            changed,
            young: is_young(changed, meta.ctime_nsec(), now),
        }
    }

    /// The stamp as a version. That of a young file is like no other.
    pub(super) fn version(&self) -> Version {
        let young = if self.young { "?" } else { "" };
        let Self {
            inode,
            size,
            modified,
            changed,
            ..
        } = self;
        format!("{inode:x}.{size:x}.{modified:x}.{changed:x}{young}").into()
    }
}

/// Whether two versions are of the same state, young or not.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    a.trim_end_matches(YOUNG) == b.trim_end_matches(YOUNG)
}

/// Whether a file that was renamed since is still the one of this version: renaming moves its change time, and nothing else.
pub(super) fn is_still(version: &str, meta: &fs::Metadata) -> bool {
    let now = Stamp::of(meta, i128::MAX).version();
    let unmoved = |version: &str| version.rsplit_once('.').map(|(rest, _)| rest.to_owned());
    unmoved(version) == unmoved(&now)
}

/// Whether the file was young when it had this version.
pub(super) fn was_young(version: &str) -> bool {
    version.ends_with(YOUNG)
}

/// A version that will not be taken for the same next time.
pub(super) fn doubted(version: &Version) -> Version {
    format!("{version}{YOUNG}").into()
}

/// Whether no file came or went between two looks at a folder, as far as its time tells.
pub(super) fn is_same_folder(before: &fs::Metadata, after: &fs::Metadata) -> bool {
    let stamp = |meta: &fs::Metadata| (meta.ino(), nanoseconds(meta.mtime(), meta.mtime_nsec()));
    stamp(before) == stamp(after)
}

fn nanoseconds(seconds: i64, rest: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(rest)
}

fn is_young(changed: i128, rest: i64, now: i128) -> bool {
    let settled = if rest == 0 { SETTLED_COARSE } else { SETTLED };
    now.saturating_sub(changed) < settled
}

/// A digest of a folder and of all files in it, which must come in order: if it is the same next time, nothing has changed,
/// unless one of them [is young](is_settled). Beside it stands which folder it is.
///
/// The folder's own time is part of it: it moves whenever a file comes or goes. A block that calsync wrote and somebody
/// deleted leaves the very stamps that were there when calsync last looked.
pub(super) fn cursor<'a>(
    folder: &fs::Metadata,
    files: impl Iterator<Item = (&'a str, &'a Stamp)>,
    now: i128,
) -> Cursor {
    let changed = nanoseconds(folder.mtime(), folder.mtime_nsec());
    let mut young = is_young(changed, folder.mtime_nsec(), now);
    let mut hash = Sha256::new();
    hash.update(folder.ino().to_le_bytes());
    hash.update(changed.to_le_bytes());
    for (name, stamp) in files {
        young |= stamp.young;
        hash.update(name.as_bytes());
        // A name has no such byte in it, so no two lists run together.
        hash.update([0]);
        hash.update(stamp.inode.to_le_bytes());
        hash.update(stamp.size.to_le_bytes());
        hash.update(stamp.modified.to_le_bytes());
        hash.update(stamp.changed.to_le_bytes());
    }
    let digest = match young {
        true => UNSETTLED.to_owned(),
        false => data_encoding::HEXLOWER.encode(&hash.finalize()),
    };
    Cursor(format!("{digest} {}", which(folder)))
}

/// Whether no file was young when this cursor was made.
pub(super) fn is_settled(cursor: &Cursor) -> bool {
    !cursor.0.starts_with(UNSETTLED)
}

/// Whether there is another folder now than when this cursor was made: on another disk, or a new one.
pub(super) fn has_moved(cursor: &Cursor, folder: &fs::Metadata) -> bool {
    let before = cursor.0.split_once(' ').map(|(_, which)| which);
    before.is_some_and(|before| before.contains('-') && before != which(folder))
}

/// Which folder on which disk it is.
fn which(folder: &fs::Metadata) -> String {
    format!("{:x}-{:x}", folder.dev(), folder.ino())
}
