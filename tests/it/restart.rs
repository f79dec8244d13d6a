//! *Restart*, *Settles*, *Only ours* and *One sick account does not stop the others*, on whole worlds: a run is dropped at
//! any await, requests fail in every way, people do what people do, the state file goes missing. In the end all is as if
//! nothing had happened.
//!
//! `CALSYNC_WORLDS` says how many worlds are tried, `CALSYNC_SEED` tries a single one.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use calsync::{
    config::paths::variable,
    ical,
    ident::Stem,
    model::{CalendarName, Print, Shape, Window},
    plan::{Limits, flatten::series_spans},
    run::{Goal, finish, plan},
    session::{Request, Stop},
};
use jiff::ToSpan as _;

use crate::support::{
    shore::{Ours, poll_out},
    world::World,
};

/// What is to be shown in each calendar.
type Expected = BTreeMap<CalendarName, BTreeMap<Stem, Ours>>;

/// How many worlds there are by default.
const WORLDS: u64 = 10_000;

#[test]
fn whatever_happens_the_world_ends_up_as_if_nothing_had() {
    each_seed("CALSYNC_WORLDS", WORLDS, live_and_check);
}

/// How often a single world with servers in it is tried: they are asked side by side, so it need not go wrong every time.
const TIMES: usize = 10;

/// Lets everything happen in worlds with servers in them, and checks that they end up as if nothing had.
pub(crate) fn each_far_world(how_many: &str, usually: u64, world: impl Fn(u64) -> World + Sync) {
    each_seed(how_many, usually, |seed| {
        let times = match variable("CALSYNC_SEED") {
            Some(_) => TIMES,
            None => 1,
        };
        for _ in 0..times {
            let mut world = world(seed);
            for _ in 0..world.rng.within(1, 3) {
                trouble(&mut world);
            }
            ends_well(world);
        }
    });
}

/// Tries a scenario with every seed, on all processors, and names the seed that fails.
pub(crate) fn each_seed(how_many: &str, usually: u64, scenario: impl Fn(u64) + Sync) {
    let number = |name| variable(name).map(|text| text.parse::<u64>().expect("a number"));
    if let Some(seed) = number("CALSYNC_SEED") {
        return scenario(seed);
    }
    let worlds = number(how_many).unwrap_or(usually);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let scenario = &scenario;
    let lane = |first: usize| {
        (0..worlds).skip(first).step_by(threads).for_each(|seed| {
            let lived = catch_unwind(AssertUnwindSafe(|| scenario(seed)));
            assert!(
                lived.is_ok(),
                "world {seed} went wrong; see it alone with CALSYNC_SEED={seed}"
            );
        });
    };
    std::thread::scope(|scope| {
        let mut lanes = Vec::new();
        for first in 0..threads {
            lanes.push(scope.spawn(move || lane(first)));
        }
        let failed = lanes.into_iter().find_map(|lane| lane.join().err());
        if let Some(why) = failed {
            std::panic::resume_unwind(why);
        }
    });
}

fn live_and_check(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..world.rng.within(1, 4) {
        trouble(&mut world);
    }
    ends_well(world);
}

/// After all that happened, the world ends up as it should.
fn ends_well(mut world: World) {
    calm(&mut world);
    let expected = world.undisturbed();
    settles(&mut world);
    as_if_nothing_had_happened(&world, &expected);
    if world.rng.chance(30) {
        world.lose_state();
        let written = world.faults.borrow().writes;
        settles(&mut world);
        let again = world.faults.borrow().writes;
        assert_eq!(written, again, "a state that is lost costs no write");
    }
    let taken = world
        .habits
        .respects
        .then(|| leaves_alone(&mut world, &expected))
        .flatten();
    empties(&mut world);
    if world.rng.chance(15) {
        settles(&mut world);
        let again = match taken {
            // Only a state that is lost, or a block that was reset, remembers nothing of what a person took away.
            Some((name, stem, left))
                if world.shown(&name, &stem) == print_of(&left, &name, &stem) =>
            {
                left
            }
            _ => expected,
        };
        as_if_nothing_had_happened(&world, &again);
    }
}

/// Things happen, and then a run that may fail or die.
fn trouble(world: &mut World) {
    for _ in 0..world.rng.below(4) {
        world.act();
    }
    if world.rng.chance(10) {
        world.lose_state();
    }
    if world.rng.chance(20) && world.habits.notice.is_none() {
        world.change_rules();
    }
    if world.rng.chance(10) {
        let later = world.clock.now() + (24 * world.rng.within(0, 3)).hours();
        if world.habits.notice.is_none() {
            world.set_now(later);
        }
    }
    world.settings.limits = Limits {
        operations: *world.rng.pick(&[3, 50_000, 50_000]),
        ..Limits::default()
    };
    world.fickle();
    let percent = *world.rng.pick(&[0, 0, 3, 10, 30]);
    world.storm(percent);
    {
        let mut faults = world.faults.borrow_mut();
        faults.read_only = percent > 0 && faults.rng.chance(15);
    }
    let goal = if world.rng.chance(6) {
        Goal::Empty
    } else {
        Goal::InStep
    };
    let request = Request {
        full: world.rng.chance(10),
        allow_mass_delete: world.rng.chance(70),
        ..Request::default()
    };
    let polls = match world.rng.below(3) {
        0 => 1_000_000,
        1 => world.rng.below(20),
        _ => world.rng.below(80),
    };
    let at_request = world.google.is_some() && world.rng.chance(50);
    let may_meddle = !world.habits.respects;
    untouched(world, |world| {
        let ran = if at_request {
            let nth = usize::try_from(world.rng.within(1, 16)).unwrap();
            match world.rng.below(3) {
                0 if may_meddle => Some(world.run_beside_a_person(goal, request, nth)),
                1 => world.run_to_request(goal, request, nth, false),
                _ => world.run_to_request(goal, request, nth, true),
            }
        } else {
            world.run(goal, request, polls)
        };
        if let Some(ran) = ran {
            ran.expect("no fault outside breaks the state");
        }
    });
    world.reopen();
}

/// The last fault is over.
fn calm(world: &mut World) {
    world.becalm();
    world.faults.borrow_mut().read_only = false;
    world.settings.limits = Limits::default();
}

/// Does something, and makes sure that nothing but our blocks is different after it.
fn untouched(world: &mut World, work: impl FnOnce(&mut World)) {
    let mut before = world.own();
    work(world);
    // What a person did meanwhile is theirs too.
    before.extend(world.seen.take());
    assert!(
        before == world.own(),
        "only our blocks may change: {before:#?} became {:#?}",
        world.own()
    );
}

/// One run puts all in step; the one after it plans nothing and writes nothing.
fn settles(world: &mut World) {
    untouched(world, |world| {
        world.run_out(Goal::InStep);
        let written = world.faults.borrow().writes;
        let stop = Stop::default();
        drop((
            world.asked(),
            world.cloud.as_ref().map(|cloud| cloud.asked()),
        ));
        let anew = world.read_anew();
        let mut session = world.session(&stop);
        let planned = poll_out(plan(&mut session, Goal::InStep, Request::default())).unwrap();
        let again = planned.plan();
        assert!(again.is_empty(), "a second run plans nothing: {again:#?}");
        let report = poll_out(finish(&mut session, planned)).unwrap();
        assert!(
            report.is_idle(),
            "a second run has nothing to say: {report:#?}"
        );
        assert_eq!(
            written,
            world.faults.borrow().writes,
            "a second run writes nothing"
        );
        let [least, most] = world.at_google(&report);
        let mut asked = world.asked();
        let listed = asked.remove("events.list").unwrap_or_default();
        assert!(
            asked.is_empty() && (least..=most).contains(&listed),
            "a second run asked {listed} times, not {least} to {most}, and beside that {asked:?}"
        );
        if let (Some([least, most]), asked) = world.asked_the_cloud(&report, &anew) {
            assert!(
                (least..=most).contains(&asked.len()),
                "a second run asked {asked:?}, not {least} to {most} times"
            );
        }
    });
}

/// What a person takes away, or ends early, stays so, and nothing else is different for that, also when a run fails or dies. Says
/// of which block that was, and what is to be shown then.
fn leaves_alone(world: &mut World, expected: &Expected) -> Option<(CalendarName, Stem, Expected)> {
    let (at, block) = world.some_block()?;
    let ended = world.ended_early(at, &block);
    let calendar = &world.calendars[at];
    let (name, stem) = (calendar.name.clone(), block.id.stem());
    let mut left = expected.clone();
    let here = left.get_mut(&name).expect("a calendar");
    match (ended, here.get_mut(&stem)) {
        (Some(ended), Some(should)) => {
            let text = ical::write(&ended, world.clock.now());
            calendar.shore.put(&block.href, &text, &world.settings.home);
            should.print = ended.print();
            should.shape = Some(ended.shape);
        }
        _ => {
            calendar.shore.take(&block.href);
            here.remove(&stem);
        }
    }
    world.storm(10);
    let polls = world.rng.below(40);
    untouched(world, |world| {
        world.run(Goal::InStep, Request::default(), polls);
    });
    world.reopen();
    calm(world);
    settles(world);
    as_if_nothing_had_happened(world, &left);
    Some((name, stem, left))
}

/// What a block is to show, if it is to be there.
fn print_of(expected: &Expected, name: &CalendarName, stem: &Stem) -> Option<Print> {
    let block = expected.get(name)?.get(stem)?;
    Some(block.print)
}

/// Every calendar shows what an installation shows that nothing ever happened to, once each.
fn as_if_nothing_had_happened(world: &World, expected: &Expected) {
    let home = &world.settings.home;
    let window: Window = world.settings.window(&world.clock);
    for calendar in &world.calendars {
        let name = &calendar.name;
        let mut missing = expected[name].clone();
        // What somebody made a meeting of is left alone; it stands for a block as long as it shows that time.
        let (theirs, ours): (Vec<Ours>, Vec<Ours>) = world
            .ours(calendar)
            .into_iter()
            .partition(|block| block.people);
        let mut stems = BTreeSet::new();
        for block in ours {
            let stem = block.id.stem();
            assert!(
                stems.insert(stem.clone()),
                "{name}: two blocks for one thing: {block:?}"
            );
            let over = || {
                let last = block.shape.as_ref().and_then(|shape| shape.last_end(home));
                last.is_some_and(|last| last <= window.from())
            };
            // Or somebody moved it behind the window, where it stays until the window gets there.
            let ahead = || {
                let first = block
                    .shape
                    .as_ref()
                    .map(|shape| shape.first_occurrence(home).0);
                first.is_some_and(|first| first >= window.to())
            };
            // Or it is a series that rests outside the window.
            let rests = || match &block.shape {
                Some(Shape::Series(series)) => series_spans(series, &window).is_empty(),
                _ => false,
            };
            match missing.remove(&stem) {
                Some(should) => assert_eq!(
                    block.print, should.print,
                    "{name}: {block:?} shows something else than {should:?}"
                ),
                None => assert!(
                    over() || ahead() || rests(),
                    "{name}: nothing asks for {block:?}"
                ),
            }
        }
        for block in theirs {
            let shown = block
                .shape
                .as_ref()
                .map(|shape| shape.first_occurrence(home));
            missing.retain(|stem, should| {
                let shape = should.shape.as_ref().expect("a block that nobody touched");
                let (first, end) = shape.first_occurrence(home);
                let shows = shown.is_some_and(|(from, to)| from <= first && end <= to);
                *stem != block.id.stem() || !shows
            });
        }
        assert!(missing.is_empty(), "{name}: missing {missing:?}");
    }
}

/// `reset` leaves no block behind and nothing else touched, also when it dies on the way and when the state is lost.
fn empties(world: &mut World) {
    if world.rng.chance(40) {
        world.lose_state();
    }
    if world.rng.chance(40) {
        world.storm(20);
        let polls = world.rng.below(60);
        untouched(world, |world| {
            world.run(Goal::Empty, Request::default(), polls);
        });
        world.reopen();
        calm(world);
    }
    untouched(world, |world| {
        let report = world.run_out(Goal::Empty);
        assert!(report.is_clean(), "{report:#?}");
    });
    for calendar in &world.calendars {
        let unfinished = calendar.shore.unfinished();
        assert!(
            unfinished.is_empty(),
            "{unfinished:?} should be cleared away"
        );
        let left: Vec<_> = world
            .ours(calendar)
            .into_iter()
            .filter(|b| !b.people)
            .collect();
        assert!(left.is_empty(), "{}: {left:?} is left", calendar.name);
    }
}
