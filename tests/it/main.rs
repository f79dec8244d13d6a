//! The integration tests: one binary, a room for each theme.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that fails is to fail loudly"
)]

mod auth;
mod bad_input;
mod caldav;
mod contract;
mod docs;
mod exact;
mod feed;
mod google;
mod google_fake;
mod google_worlds;
mod http;
mod layers;
mod mixed_worlds;
mod planner;
mod privacy;
mod program;
mod reading;
mod restart;
mod shaped;
mod support;
