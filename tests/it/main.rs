//! The integration tests: one binary, a room for each theme.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails is to fail loudly"
)]

mod contract;
mod exact;
mod planner;
mod restart;
mod support;
