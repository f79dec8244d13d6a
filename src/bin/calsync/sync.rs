//! `calsync sync`.

use std::time::Duration;

use calsync::{
    clock::{Clock, random_wait},
    report::{Report, Verdict, text},
    run::{Goal, run as run_session},
    session::Request,
};

use crate::{
    args::{self, Args},
    context::{Context, block_on},
    exit::{Exit, Failure},
    print,
    signals::{unless_stopped, until_stopped},
};

pub(crate) fn run(args: &Args, options: &args::Sync) -> Result<Exit, Failure> {
    if !waited(options.jitter)? {
        return Ok(Exit::Partial);
    }
    let context = Context::open(args)?;
    let request = Request {
        dry_run: options.dry_run,
        full: options.full,
        only: context.named(&options.calendars)?,
        allow_mass_delete: options.allow_mass_delete,
    };
    let mut session = context.session();
    let work = run_session(&mut session, Goal::InStep, request);
    let Some(report) = block_on(until_stopped(&context.stop, work))? else {
        tracing::error!("stopped at once; the next run goes on");
        return Ok(Exit::Partial);
    };
    warn_of_lost_key(&context)?;
    show(args, options.json, &report?)
}

/// Waits a random time, of so many seconds at the most, before anything is locked or read. No, if somebody stopped it.
fn waited(most: u32) -> Result<bool, Failure> {
    if most == 0 {
        return Ok(true);
    }
    let wait = random_wait(Duration::from_secs(u64::from(most)));
    let wait = wait.map_err(|error| Failure::System(format!("there is no randomness: {error}")))?;
    let waited = block_on(unless_stopped(Clock::System.sleep(wait)))?;
    if waited.is_none() {
        tracing::error!("stopped before it began; the next run does what is to be done");
    }
    Ok(waited.is_some())
}

/// Blocks that another key made are never touched. If the key was made in this very run, it may be that the old one was lost,
/// and whatever it made is now there for good.
fn warn_of_lost_key(context: &Context) -> Result<(), Failure> {
    let rows = context.state.borrow().calendar_rows()?;
    let foreign: u64 = rows.iter().map(|row| row.foreign).sum();
    if context.is_new && foreign > 0 {
        tracing::warn!(
            "a new key was made in {}, and there are {foreign} blocks made with another one. If that was yours, bring it back: \
             run `calsync reset --all`, put the old key file in place, and move the state file away. If it belongs to another \
             installation, all is well",
            context.config.key_file.display()
        );
    }
    Ok(())
}

/// Prints a report, and says how the program ends.
pub(crate) fn show(args: &Args, json: bool, report: &Report) -> Result<Exit, Failure> {
    for error in &report.errors {
        tracing::error!("{error}");
    }
    if report.result == Verdict::Refused {
        tracing::error!(
            "these blocks stay, all else is done; look at the calendars, then allow it once: calsync sync --allow-mass-delete"
        );
    }
    for note in &report.notes {
        match report.command {
            // Whoever wants every block gone has to know which ones stay.
            "reset" => tracing::warn!("{note}"),
            _ => tracing::info!("{note}"),
        }
    }
    // A run that changed nothing says nothing, so that cron sends no mail; a person who looks on is told all the same.
    let is_told = !report.is_idle() || report.dry_run || args.verbose > 0 || print::to_terminal();
    if json {
        let object = serde_json::to_string(report).expect("a report is always JSON");
        print::out(&format!("{object}\n"))?;
    } else if is_told && !args.quiet {
        print::out(&text::lines(report, args.verbose > 0 || report.dry_run))?;
    }
    Ok(report.result.into())
}
