//! `CalDAV`: what is said to servers and what is made of what they say.

mod batches;
mod config;
mod discovery;
mod doubts;
mod eyes;
mod keeps;
mod killed;
mod odd;
mod passwords;
mod program;
mod tls;
mod words;
