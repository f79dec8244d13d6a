//! Google: its JSON in and out, its refusals, and whole conversations with a fake of it.

mod listings;
mod named;
mod pace;
mod refusals;
mod strangers;
mod talk;
mod trouble;
mod words;
