//! The same as in `restart`, with calendars of all kinds in one world: at a `CalDAV` server, as feeds, at Google, in folders
//! and in memory. The `CalDAV` server is another one in each world, with manners of its own: how it tells what changed and
//! that it forgot, what it makes of what it is to store, what it makes of an UID that it knows. What goes wrong goes wrong on
//! the wire.
//!
//! `CALSYNC_MIXED_WORLDS` says how many worlds are tried, `CALSYNC_SEED` tries a single one. Accounts are asked side by side,
//! so a world need not go wrong every time: a single one is tried several times.

use std::rc::Rc;

use crate::{
    restart::each_far_world,
    support::{dav::cloud::Cloud, google::FakeGoogle, world::World},
};

/// How many worlds there are by default.
const WORLDS: u64 = 1_000;

thread_local! {
    /// The servers for all worlds of a thread, one after another.
    static SERVERS: (Rc<FakeGoogle>, Rc<Cloud>) = (Rc::new(FakeGoogle::start()), Rc::new(Cloud::start()));
}

#[test]
fn whatever_happens_among_all_kinds_of_calendars_the_world_ends_up_as_if_nothing_had() {
    each_far_world("CALSYNC_MIXED_WORLDS", WORLDS, |seed| {
        let (google, cloud) = SERVERS.with(Clone::clone);
        World::mixed(seed, &google, &cloud)
    });
}
