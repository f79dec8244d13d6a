//! iCalendar text (RFC 5545) in and out. Pure: bytes and values, no files, no clock.
//!
//! The only rooms that know ical-rs are this one and [`crate::recur`].

pub mod damage;
pub mod lines;
pub mod read;
pub mod resolve;
mod values;
pub mod vtimezone;
pub mod write;

pub use damage::names;
pub use read::{Found, Reader, read, read_kept, read_signs};
pub use write::{is_cut_short, write};
