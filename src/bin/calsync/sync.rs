//! `calsync sync`.

use std::time::Duration;

use calsync::{
    clock::{Clock, random_wait},
    model::{Window, agreeing, counted},
    report::{Report, Verdict, text},
    run::{Goal, run as run_session},
    session::Request,
    state::State,
};

use crate::{
    args::{self, Args},
    context::{Context, Loaded, block_on, load, made_key},
    exit::{Exit, Failure},
    log::ONCE,
    print,
    signals::{unless_stopped, until_stopped},
};

pub(crate) fn run(args: &Args, options: &args::Sync) -> Result<Exit, Failure> {
    wait(options.jitter)?;
    let loaded = load(args)?;
    let is_unruled = loaded.config.routes.is_empty();
    if is_unruled && is_idle(&loaded, State::open_to_read(&loaded.state)?.as_ref())? {
        return Err(Failure::Idle(loaded.config.path));
    }
    let context = Context::of(args, loaded)?;
    let request = Request {
        dry_run: options.dry_run,
        full: options.full,
        only: context.named(&options.calendars)?,
        allow_mass_delete: options.allow_mass_delete,
    };
    if options.dry_run && options.full {
        tracing::warn!(
            "a dry run reads nothing anew: what `sync --full` would take away because of a damaged file is not shown here"
        );
    }
    let is_first = context.state.borrow().runs(1)?.is_empty();
    let mut session = context.session();
    let work = run_session(&mut session, Goal::InStep, request);
    let stopped = || Failure::Stopped("stopped at once; the next run goes on".to_owned());
    let report = block_on(until_stopped(&context.stop, work))?.ok_or_else(stopped)??;
    warn_of_strangers(args, &context, is_first && report.created > 0)?;
    show(args, &context, (options.json, options.full), report)
}

/// Whether there is nothing to do by the configuration, and nothing left of an earlier one to be taken away.
pub(crate) fn is_idle(loaded: &Loaded, state: Option<&State>) -> Result<bool, Failure> {
    let config = &loaded.config;
    let (Some(state), true) = (state, config.routes.is_empty()) else {
        return Ok(config.routes.is_empty());
    };
    let (back, ahead) = (config.past_days, config.future_days);
    let window = Window::around(Clock::System.now(), &config.timezone, back, ahead);
    for (name, calendar) in &config.calendars {
        if calendar.role.is_target() && state.has_blocks_ahead(name, window.from())? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Waits a random time, of so many seconds at the most, before anything is locked or read.
fn wait(most: u32) -> Result<(), Failure> {
    if most == 0 {
        return Ok(());
    }
    let wait = random_wait(Duration::from_secs(u64::from(most)));
    let wait = wait.map_err(|error| Failure::System(format!("there is no randomness: {error}")))?;
    let words = "stopped before it began; the next run does what is to be done";
    let waited = block_on(unless_stopped(Clock::System.sleep(wait)))?;
    waited.ok_or_else(|| Failure::Stopped(words.to_owned()))
}

/// Blocks that another key made, or that were made for a calendar of another name, are never touched. If the key was made in this
/// very run, it may be that the old one was lost; if the state was, a calendar may have had another name before. Whatever was made
/// then is there for good.
fn warn_of_strangers(args: &Args, context: &Context, anew: bool) -> Result<(), Failure> {
    let rows = context.state.borrow().calendar_rows()?;
    let foreign: u64 = rows.iter().map(|row| row.foreign).sum();
    if context.is_new && foreign > 0 {
        tracing::warn!(
            target: ONCE,
            "a new key was made in {}, though {} made with another one {} there already. If that was yours, bring it back: \
             run `{} reset --all`, put the old key file in place, and move the state file away (accounts then have to be signed in to \
             again). If it belongs to another \
             installation, all is well",
            context.config.key_file.display(),
            counted(foreign, "block"),
            agreeing(foreign, "is", "are"),
            args.program()
        );
    } else if anew && foreign > 0 {
        let blocks = counted(foreign, "block");
        tracing::warn!(
            target: ONCE,
            "{blocks} of another installation, or made when a calendar had another name, {} left alone. If the state file was lost and \
             a calendar renamed since, give it its former name back and run `{} sync`: that takes them over, and then it can be renamed",
            agreeing(foreign, "is", "are"),
            args.program()
        );
    }
    let copies: u64 = rows.iter().map(|row| row.copies).sum();
    if anew && copies > 0 {
        tracing::warn!(
            target: ONCE,
            "{} {} made for another calendar of the configuration than where {} now: copied there by somebody, or made when the \
             calendars had other names. If the state file was lost and names changed hands since, give the calendars their former \
             names back, run `{} reset --all`, and name them as they are to be called",
            counted(copies, "block"),
            agreeing(copies, "was", "were"),
            agreeing(copies, "it stands", "they stand"),
            args.program()
        );
    }
    Ok(())
}

/// Prints a report, and says how the program ends. `is_anew`: all was read anew for it.
pub(crate) fn show(
    args: &Args,
    context: &Context,
    (json, is_anew): (bool, bool),
    mut report: Report,
) -> Result<Exit, Failure> {
    // Whoever reads the object is to find the same files as whoever reads the log.
    for words in report.errors.iter_mut().chain(&mut report.warnings) {
        *words = args.hint(words);
    }
    for error in &report.errors {
        tracing::error!("{error}");
    }
    if report.result == Verdict::Refused {
        let program = args.program();
        // Whoever has just done that is not sent in a circle.
        let anew = match is_anew {
            true => String::new(),
            false => format!(" A listing that was wrong once is mended by {program} sync --full."),
        };
        tracing::error!(
            "what was refused stays as it is, all else is done; look at the calendars and at what changed in the rules, and is it the right account?{anew} \
             What would go: {program} sync --dry-run --allow-mass-delete. If that is right, allow it once: {program} sync --allow-mass-delete"
        );
    }
    for warning in &report.warnings {
        tracing::warn!(target: ONCE, "{warning}");
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
    let key = context.is_new.then(|| made_key(&context.config.key_file));
    if json {
        report.notes.extend(key);
        print::json(&report)?;
        return Ok(report.result.into());
    }
    if is_told && !args.quiet {
        print::out(&text::lines(&report, args.verbose > 0 || report.dry_run))?;
    }
    if let Some(words) = key {
        tracing::warn!(target: ONCE, "{words}");
    }
    Ok(report.result.into())
}
