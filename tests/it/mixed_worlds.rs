//! The same as in `restart`, with calendars of all kinds in one world: at a `CalDAV` server, as feeds, at Google, in folders
//! and in memory. The `CalDAV` server is another one in each world, with manners of its own: how it tells what changed and
//! that it forgot, what it makes of what it is to store, what it makes of an UID that it knows. What goes wrong goes wrong on
//! the wire.
//!
//! `CALSYNC_MIXED_WORLDS` says how many worlds are tried, `CALSYNC_SEED` tries a single one. Accounts are asked side by side,
//! so a world need not go wrong every time: a single one is tried several times.

use std::rc::Rc;

use calsync::config::paths::variable;

use crate::{
    restart::{each_seed, ends_well, trouble},
    support::{dav::cloud::Cloud, google::FakeGoogle, world::World},
};

/// How many worlds there are by default.
const WORLDS: u64 = 1_000;
/// How often a single one is tried.
const TIMES: usize = 10;

thread_local! {
    /// The servers for all worlds of a thread, one after another.
    static SERVERS: (Rc<FakeGoogle>, Rc<Cloud>) = (Rc::new(FakeGoogle::start()), Rc::new(Cloud::start()));
}

#[test]
fn whatever_happens_among_all_kinds_of_calendars_the_world_ends_up_as_if_nothing_had() {
    each_seed("CALSYNC_MIXED_WORLDS", WORLDS, |seed| {
        let times = if variable("CALSYNC_SEED").is_some() {
            TIMES
        } else {
            1
        };
        for _ in 0..times {
            live_and_check(seed);
        }
    });
}

fn live_and_check(seed: u64) {
    let (google, cloud) = SERVERS.with(Clone::clone);
    let mut world = World::mixed(seed, &google, &cloud);
    for _ in 0..world.rng.within(1, 3) {
        trouble(&mut world);
    }
    ends_well(world);
}
