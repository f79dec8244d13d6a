//! The same as in `restart`, with calendars at Google in the world: of one account, of two, or one that two accounts share. What
//! goes wrong goes wrong on the wire: connections break before or after the deed, answers are cut, limits are hit, tokens
//! are over, rights come and go, and a run dies while a request of its is at the server.
//!
//! `CALSYNC_GOOGLE_WORLDS` says how many worlds are tried, `CALSYNC_SEED` tries a single one. Two accounts are asked side by
//! side, so a world need not go wrong every time: a single one is tried several times.

use std::rc::Rc;

use calsync::{model::Window, run::Goal};

use crate::{
    restart::{each_far_world, each_seed},
    support::{
        google::FakeGoogle,
        sieve,
        spec::{Busy, Ends, Freq, Kind, Lasts, Rule, Spec},
        world::World,
    },
};

/// How many worlds there are by default.
const WORLDS: u64 = 2_000;

thread_local! {
    /// One server for all worlds of a thread, one after another.
    static GOOGLE: Rc<FakeGoogle> = Rc::new(FakeGoogle::start());
}

#[test]
fn whatever_happens_between_here_and_google_the_world_ends_up_as_if_nothing_had() {
    each_far_world("CALSYNC_GOOGLE_WORLDS", WORLDS, |seed| {
        World::overseas(seed, &GOOGLE.with(Rc::clone))
    });
}

/// What Google itself shows of blocks, by an expansion that calsync has no hand in.
fn shown(google: &FakeGoogle, calendar: &str, window: &Window) -> Busy {
    let mut busy = Busy::default();
    for span in google.occurrences(calendar) {
        busy.add(span, window);
    }
    busy.merged()
}

/// One event in memory shows at Google as what it is, to the minute.
fn is_shown_exactly(seed: u64, spec: impl FnOnce(&mut World) -> Spec) {
    let google = GOOGLE.with(Rc::clone);
    let (world, spec) = World::pair(seed, &google, spec);
    let report = world.run_out(Goal::InStep);
    assert!(report.is_clean(), "{report:#?}");
    if world.settings.routes.is_empty() {
        return;
    }
    let window = world.settings.window(&world.clock);
    let there = shown(&google, crate::support::desk::ME, &window);
    let filter = &world.settings.routes[0].filter;
    let mut wanted = Busy::default();
    for span in sieve::seen(filter, &spec)
        .occurrences(&window)
        .into_values()
    {
        for block in sieve::shown(filter, span) {
            wanted.add(block, &window);
        }
    }
    let text = spec.text();
    assert_eq!(there, wanted.merged(), "of {text} by {filter:#?}");
}

#[test]
fn what_google_shows_is_exact() {
    each_seed("CALSYNC_GOOGLE_WORLDS", 500, |seed| {
        is_shown_exactly(seed, |world| world.spec("event@example.org"));
    });
}

#[test]
fn a_series_that_begins_or_ends_where_the_clock_skips_is_not_late_ever_after() {
    // On 29 March 2020, two o'clock in the morning was three o'clock.
    for (hour, minute, lasts) in [(2, 30, 3600), (1, 45, 2700), (2, 0, 1800), (1, 0, 5400)] {
        is_shown_exactly(0, |world| {
            let then = jiff::civil::date(2020, 3, 29).at(hour, minute, 0, 0);
            world.set_now("2020-03-27T08:00:00Z".parse().unwrap());
            let kind = Kind::In("Europe/Berlin");
            let mut spec = Spec::once("event@example.org", kind, then, Lasts::Wall(lasts));
            spec.rule = Some(Rule {
                freq: Freq::Daily,
                interval: 2,
                days: Vec::new(),
                month_days: Vec::new(),
                ends: Ends::Count(9),
            });
            spec
        });
    }
}
