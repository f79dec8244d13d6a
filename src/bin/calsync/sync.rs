//! `calsync sync`.

use calsync::{
    report::{Report, Verdict, text},
    run::{Goal, run as run_session},
    session::Request,
};

use crate::{
    args::{self, Args},
    context::{Context, block_on},
    exit::{Exit, Failure},
    print,
    signals::until_stopped,
};

pub(crate) fn run(args: &Args, options: &args::Sync) -> Result<Exit, Failure> {
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
    Ok(show(args, options.json, &report?))
}

/// Prints a report, and says how the program ends.
pub(crate) fn show(args: &Args, json: bool, report: &Report) -> Exit {
    for error in &report.errors {
        tracing::error!("{error}");
    }
    if report.result == Verdict::Refused {
        tracing::error!(
            "nothing was written; look at the calendars, then allow it once: calsync sync --allow-mass-delete"
        );
    }
    for note in &report.notes {
        tracing::info!("{note}");
    }
    // A run that changed nothing says nothing, so that cron sends no mail; a person who looks on is told all the same.
    let is_told = !report.is_idle() || report.dry_run || args.verbose > 0 || print::to_terminal();
    if json {
        let object = serde_json::to_string(report).expect("a report is always JSON");
        print::out(&format!("{object}\n"));
    } else if is_told && !args.quiet {
        print::out(&text::lines(report, args.verbose > 0 || report.dry_run));
    }
    report.result.into()
}
