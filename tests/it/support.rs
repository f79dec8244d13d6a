//! What the rooms of this binary share: seeded chance, events as text, calendars that a test can reach into, and faults.

pub(crate) mod block;
pub(crate) mod chaos;
pub(crate) mod dav;
pub(crate) mod desk;
pub(crate) mod feed;
pub(crate) mod google;
pub(crate) mod owner;
pub(crate) mod program;
pub(crate) mod python;
pub(crate) mod rng;
pub(crate) mod shore;
pub(crate) mod sieve;
pub(crate) mod spec;
pub(crate) mod weather;
pub(crate) mod world;
