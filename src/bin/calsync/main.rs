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
mod man;
mod print;
mod progress;
mod reset;
mod signals;
mod standing;
mod status;
mod sync;

use std::{process::ExitCode, time::Duration};

use calsync::{clock::Clock, report::Report};
use jiff::Timestamp;

use crate::{
    args::{Args, AuthCommand, Command},
    exit::{Exit, Failure},
};

fn main() -> ExitCode {
    let started = Clock::System.now();
    let args = Args::given();
    log::begin(&args);
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
    let exit = ended.unwrap_or_else(|failure| tell(&args, &failure, started));
    exit.into()
}

/// Says why nothing came of it: in words for people, and as an object for whoever asked for JSON.
fn tell(args: &Args, failure: &Failure, started: Timestamp) -> Exit {
    tracing::error!("{}", args.hint(&failure.to_string()));
    if let Command::Auth(AuthCommand::List { json: true }) = &args.command {
        if let Err(worse) = auth::no_list(failure) {
            tracing::error!("{worse}");
        }
    } else if args.wants_json() {
        let took = Clock::System.now().duration_since(started);
        let report = Report {
            dry_run: args.is_dry_run(),
            seconds: Duration::from_millis(took.as_millis().try_into().unwrap_or(0)).as_secs_f64(),
            errors: failure.sentences(),
            ..Report::nothing(args.command.word(), failure.verdict(), started)
        };
        if let Err(worse) = print::json(&report) {
            tracing::error!("{worse}");
        }
    }
    failure.exit()
}
