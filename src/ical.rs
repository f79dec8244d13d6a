//! iCalendar text (RFC 5545) in and out. Pure: bytes and values, no files, no clock.
//!
//! The only rooms that know ical-rs are this one and [`crate::recur`].

pub mod lines;
pub mod read;
pub mod resolve;
pub mod vtimezone;
pub mod write;

pub use read::{Reader, read, read_kept};
pub use write::{is_cut_short, write};
