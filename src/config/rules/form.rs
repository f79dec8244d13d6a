//! How the blocks of a rule of a configuration differ from what they show.

use jiff::{SignedDuration, tz::TimeZone};

use super::{super::table::Table, duration};
use crate::plan::filter::{Form, Grid};

/// How far a block may go beyond what it shows.
const MOST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// In which form a rule shows things; `zone` is whose clock it is.
pub(super) fn form(rule: &mut Table<'_>, zone: Option<&TimeZone>) -> Form {
    Form {
        before: buffer(rule, "before"),
        after: buffer(rule, "after"),
        travel: rule.flag("travel").unwrap_or_default(),
        round: grid(rule, zone),
    }
}

fn buffer(rule: &mut Table<'_>, key: &'static str) -> SignedDuration {
    let Some(length) = duration(rule, key) else {
        return SignedDuration::ZERO;
    };
    if !is_whole(length) || length > MOST {
        rule.mistake(
            rule.at_of(key),
            &format!("`{key}` must be whole minutes, and no more than \"7d\""),
        );
    }
    length
}

fn grid(rule: &mut Table<'_>, zone: Option<&TimeZone>) -> Option<Grid> {
    let length = duration(rule, "round")?;
    let divides = |minutes: &i64| (1..=60).contains(minutes) && 60 % minutes == 0;
    let minutes = Some(length.as_mins()).filter(|minutes| is_whole(length) && divides(minutes));
    if minutes.is_none() {
        rule.mistake(
            rule.at_of("round"),
            "`round` must divide an hour, such as \"5m\", \"15m\", \"30m\" or \"1h\"",
        );
    }
    Some(Grid {
        minutes: i8::try_from(minutes?).ok()?,
        zone: zone?.clone(),
    })
}

fn is_whole(length: SignedDuration) -> bool {
    length == SignedDuration::from_mins(length.as_mins())
}
