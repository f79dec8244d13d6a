//! The program: flags, printing, exit codes. It decides nothing about calendars; the library does.

mod args;
mod auth;
mod calendars;
mod check;
mod context;
mod exit;
mod generate;
mod init;
mod log;
mod print;
mod progress;
mod reset;
mod signals;
mod standing;
mod status;
mod sync;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    args::{Args, Command},
    exit::{Exit, Failure},
};

fn main() -> ExitCode {
    let args = Args::parse();
    log::begin(&args);
    let json = args.wants_json();
    let ended = match &args.command {
        Command::Init(options) => init::run(&args, options),
        Command::Auth(command) => auth::run(&args, command),
        Command::Calendars(options) => calendars::run(&args, options),
        Command::Sync(options) => sync::run(&args, options),
        Command::Reset(options) => reset::run(&args, options),
        Command::Status(options) => status::run(&args, options),
        Command::Check => check::run(&args),
        Command::Generate(options) => generate::run(options),
    };
    let exit = ended.unwrap_or_else(|failure| tell(&args, json, &failure));
    exit.into()
}

/// Says why nothing came of it: in words for people, and as an object for whoever asked for JSON.
fn tell(args: &Args, json: bool, failure: &Failure) -> Exit {
    tracing::error!("{failure}");
    if json && let Err(worse) = print::out(&failure.json(args.command.word())) {
        tracing::error!("{worse}");
    }
    failure.exit()
}
