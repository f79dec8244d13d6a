//! Signing in to Google, staying signed in, and signing out, against the fake one.

mod access;
mod check;
mod config;
mod desk;
mod device;
mod flows;
mod program;
mod terminal;
