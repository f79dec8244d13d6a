//! What the conversations with a fake Google share: a time, a calendar, events as Google has them, and how often what was asked.

use std::collections::BTreeSet;

use calsync::{
    clock::Clock,
    provider::{Change, Provider as _, Pulled, google::GoogleCalendar},
};
use serde_json::{Value, json};

use crate::support::{
    desk::{Desk, ME},
    shore::{Nothing, poll_out},
    world::home,
};

pub(super) const NOW: &str = "2026-11-21T08:00:00Z";

pub(super) fn clock() -> Clock {
    Clock::at(NOW.parse().unwrap())
}

pub(super) fn calendar(desk: &Desk) -> GoogleCalendar {
    desk.calendar(ME, &home(), &clock())
}

pub(super) fn hour(day: i8, hour: i8) -> Value {
    json!({
        "summary": "Own",
        "start": {"dateTime": format!("2026-11-{day:02}T{hour:02}:00:00+01:00"), "timeZone": "Europe/Berlin"},
        "end": {"dateTime": format!("2026-11-{day:02}T{:02}:00:00+01:00", hour + 1), "timeZone": "Europe/Berlin"},
    })
}

pub(super) fn weekly(day: i8) -> Value {
    let mut event = hour(day, 9);
    event["recurrence"] = json!(["RRULE:FREQ=WEEKLY;COUNT=520"]);
    event
}

pub(super) fn asked(desk: &Desk, call: &str) -> usize {
    desk.google.counts().get(call).copied().unwrap_or_default()
}

/// Requests that have to do with calendars rather than with signing in.
pub(super) fn all_asked(desk: &Desk) -> usize {
    let counts = desk.google.counts().into_iter();
    counts
        .filter(|(call, _)| *call != "token")
        .map(|(_, count)| count)
        .sum()
}

/// A listing of everything.
pub(super) fn whole(calendar: &mut GoogleCalendar) -> Pulled {
    poll_out(calendar.pull(None, &Nothing)).unwrap()
}

pub(super) fn hrefs(pulled: &Pulled) -> BTreeSet<&str> {
    let seen = pulled.changes.iter().map(|change| match change {
        Change::Seen(resource) => &*resource.href,
        Change::Gone(href) | Change::Unreadable { href, .. } => &**href,
    });
    seen.collect()
}
