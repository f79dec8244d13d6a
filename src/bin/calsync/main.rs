//! The program: flags, printing, exit codes. It decides nothing about calendars; the library does.

mod args;
mod auth;
mod calendars;
mod check;
mod context;
mod exit;
mod explain;
mod generate;
mod hidden;
mod init;
mod log;
mod man;
mod print;
mod progress;
mod reset;
mod rules;
mod signals;
mod standing;
mod status;
mod sync;

use std::{process::ExitCode, time::Duration};

use calsync::{clock::Clock, report::Report};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    args::{Args, Command},
    exit::{Exit, Failure},
};

fn main() -> ExitCode {
    let started = Clock::System.now();
    let args = Args::given();
    log::begin(&args);
    signals::let_large_writes_fail();
    let ended = match &args.command {
        Command::Init(options) => init::run(&args, options),
        Command::Auth(command) => auth::run(&args, command),
        Command::Calendars(options) => calendars::run(&args, options),
        Command::Sync(options) => sync::run(&args, options),
        Command::Reset(options) => reset::run(&args, options),
        Command::Status(options) => status::run(&args, options),
        Command::Check => check::run(&args),
        Command::Rules(options) => rules::run(&args, options),
        Command::Explain(options) => explain::run(&args, options),
        Command::Generate(options) => generate::run(options),
    };
    let exit = ended.unwrap_or_else(|failure| tell(&args, &failure, started));
    exit.into()
}

/// Says why nothing came of it: in words for people, and as an object for whoever asked for JSON.
fn tell(args: &Args, failure: &Failure, started: Timestamp) -> Exit {
    tracing::error!("{}", args.hint(&failure.to_string()));
    if args.wants_json()
        && let Err(worse) = print_failure(args, failure, started)
    {
        tracing::error!("{worse}");
    }
    failure.exit()
}

/// The object that the command prints when it works, with nothing in it but what is wrong.
fn print_failure(args: &Args, failure: &Failure, started: Timestamp) -> Result<(), Failure> {
    let empty: &[&str] = match &args.command {
        Command::Auth(_) => &["accounts"],
        Command::Calendars(_) => &["calendars"],
        Command::Status(_) => &["calendars", "runs"],
        Command::Rules(_) => &["rules"],
        Command::Explain(_) => &["events", "blocks"],
        _ => return print::json(&report(args, failure, started)),
    };
    let empty = empty.iter().map(|list| ((*list).to_owned(), json!([])));
    let mut object: Map<String, Value> = empty.collect();
    object.insert("version".to_owned(), json!(1));
    object.insert("error".to_owned(), json!(failure.to_string()));
    object.insert("errors".to_owned(), json!(failure.sentences()));
    print::out(&format!("{}\n", Value::from(object)))
}

fn report(args: &Args, failure: &Failure, started: Timestamp) -> Report {
    let took = Clock::System.now().duration_since(started);
    Report {
        dry_run: args.is_dry_run(),
        seconds: Duration::from_millis(took.as_millis().try_into().unwrap_or(0)).as_secs_f64(),
        errors: failure.sentences(),
        ..Report::nothing(args.command.word(), failure.verdict(), started)
    }
}
