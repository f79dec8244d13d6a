//! Google: its JSON in and out, its refusals, and whole conversations with a fake of it.

mod listings;
mod named;
mod pace;
mod reading;
mod refusals;
mod runs;
mod shared;
mod strangers;
mod stubborn;
mod talk;
mod trouble;
mod words;
