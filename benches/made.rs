//! Made-up events: nine single ones, then a weekly series with a cancelled and a moved occurrence.

use calsync::{
    model::{
        Event, Length, Master, Override, Recurs, Revision, Standing, Traits, When,
        zone::{Zone, iana},
    },
    recur::Rule,
};
use jiff::{Timestamp, ToSpan as _, civil::DateTime};

/// When the benches take place, where no real calendar is asked.
pub(crate) fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("that is a time")
}

/// The UID of the nth event of a calendar.
pub(crate) fn uid(calendar: &str, n: u32) -> String {
    format!("{n:08x}-5cbe-4f50-bdbc-da989672be1a-{calendar}@example.org")
}

/// Whether the nth event repeats.
pub(crate) fn repeats(n: u32) -> bool {
    n % 10 == 9
}

/// When the nth event starts: somewhere in the `days` after `first`, on a quarter of an hour of a working day.
pub(crate) fn start(first: DateTime, days: u32, n: u32) -> DateTime {
    let day = i32::try_from(n % days).expect("a few thousand days");
    let quarter = i32::try_from(n / days % 40).expect("ten hours");
    first
        .checked_add(day.days().hours(8).minutes(quarter * 15))
        .expect("no end of time is near")
}

/// The nth event, inside the window around [`noon`].
pub(crate) fn event(n: u32) -> Event {
    let zone = Zone::Named(iana("Europe/Berlin").expect("the database is bundled"));
    let first = jiff::civil::date(2026, 11, 23).at(0, 0, 0, 0);
    let local = start(first, 300, n);
    let length = Length::Wall(2700);
    let at = |weeks: i32, minutes: i32| {
        let there = local.checked_add(weeks.weeks().minutes(minutes));
        When::Time(there.expect("no end of time is near"), zone.clone())
    };
    let mut event = Event {
        master: Some(Master {
            start: at(0, 0),
            length,
            recurs: None,
            standing: Standing::Busy,
            traits: Traits::default(),
            revision: Revision::default(),
        }),
        overrides: Vec::new(),
    };
    if repeats(n) {
        let (rule, _) = Rule::parse("FREQ=WEEKLY;COUNT=30").expect("that is a rule");
        let recurs = Recurs {
            rules: vec![rule],
            holes: vec![at(2, 0)],
            ..Recurs::default()
        };
        if let Some(master) = &mut event.master {
            master.recurs = Some(Box::new(recurs));
        }
        event.overrides.push(Override {
            at: at(1, 0),
            and_after: false,
            start: at(1, 60),
            length,
            standing: Standing::Busy,
            traits: Traits::default(),
            revision: Revision::default(),
        });
    }
    event
}
