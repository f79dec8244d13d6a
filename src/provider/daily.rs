//! When everything is read again, although a server only tells of what is new: once a day. Some servers take a token that they
//! have long forgotten, or go on saying that nothing changed, and what they once left out would never be told of. Pure.

use jiff::{SignedDuration, Timestamp};

const EVERY: SignedDuration = SignedDuration::from_hours(24);

/// Whether it is time to read everything that was last read so at `then`, in seconds since 1970. A clock that was set back makes
/// it so too.
pub(super) fn is_due(then: i64, now: Timestamp) -> bool {
    let then = Timestamp::from_second(then).unwrap_or(Timestamp::MIN);
    !(SignedDuration::ZERO..EVERY).contains(&now.duration_since(then))
}
