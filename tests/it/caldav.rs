//! `CalDAV`: what is said to servers and what is made of what they say.

mod batches;
mod config;
mod discovery;
mod doubts;
mod eyes;
mod glitches;
mod keeps;
mod killed;
mod odd;
mod one;
mod passwords;
mod program;
mod tls;
mod words;
