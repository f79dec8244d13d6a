//! Keeps several calendars free of double bookings: whatever keeps a person busy in one shows as busy in all others.
//!
//! # One run
//!
//! ```text
//! pull -> record -> snapshot -> plan -> guard -> apply -> report
//! ```
//!
//! | stage | room | takes | gives | touches |
//! | --- | --- | --- | --- | --- |
//! | pull | [`pull`], [`provider`] | a cursor | [`provider::Pulled`] | calendars |
//! | record | [`state`] | what was pulled | - | the state file |
//! | snapshot | [`state`] | the window | [`plan::Sources`], [`plan::Target`] | the state file |
//! | plan | [`plan`] | the snapshot | [`plan::Plan`] | nothing |
//! | guard | [`plan::guard()`] | a plan | [`plan::Approved`], or refusals | nothing |
//! | apply | [`mod@apply`] | what was approved | [`apply::Outcome`] | calendars, the state file |
//! | report | [`report`] | the outcome | [`report::Report`] | nothing |
//!
//! [`run`] is this table in code. `reset` is the same run with nothing desired; a dry run stops after the guard; `status`
//! only reads what the state remembers.
//!
//! # The words
//!
//! An *event* is somebody's own; a *series* repeats, an *override* changes one *occurrence* of it. A *source* is a calendar
//! whose busy time is shown elsewhere, a *target* one it is shown in, a *route* one such pair with its wording. A *block* is
//! what calsync writes into a target; its id proves who made it ([`ident`]). A *cursor* says how far a calendar has been
//! read, a *version* (an `ETag`, a file's stamp) in which state a resource was seen, a *tombstone* that it is gone.
//!
//! # Who knows whom
//!
//! `bin -> run -> pull, plan, apply, report -> provider -> auth -> state -> http, ical, config -> model, recur, ident, secrets,
//! clock, fsx`. The rooms
//! `model`, `ical`, `recur`, `ident` and `plan` are pure: no files, no clock, no SQL, nothing asynchronous. SQL is in
//! `state`, the environment in `config::paths`, the time in `clock`, HTTP in `http`, writing files in `fsx`. A test holds
//! these lines.

pub mod apply;
pub mod auth;
pub mod clock;
pub mod config;
pub mod fsx;
pub mod http;
pub mod ical;
pub mod ident;
pub mod model;
pub mod plan;
pub mod provider;
pub mod pull;
pub mod recur;
pub mod report;
pub mod retry;
pub mod run;
pub mod secrets;
pub mod session;
pub mod state;
