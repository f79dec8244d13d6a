//! When everything is read again, although a server only tells of what is new: once a day. Some servers take a token that they
//! have long forgotten, or go on saying that nothing changed, and what they once left out would never be told of. And of what is then
//! not listed any more, how much is asked for. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::model::Href;

const EVERY: SignedDuration = SignedDuration::from_hours(24);

/// Whether it is time to read everything that was last read so at `then`, in seconds since 1970. A clock that was set back makes
/// it so too.
pub(super) fn is_due(then: i64, now: Timestamp) -> bool {
    let then = Timestamp::from_second(then).unwrap_or(Timestamp::MIN);
    !(SignedDuration::ZERO..EVERY).contains(&now.duration_since(then))
}

/// No more than so many, from everywhere among all.
pub(super) fn spread(all: &[Href], most: usize) -> Vec<Href> {
    let step = all.len().div_ceil(most).max(1);
    all.iter().step_by(step).cloned().collect()
}
