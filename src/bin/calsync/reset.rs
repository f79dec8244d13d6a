//! `calsync reset`: the same run with nothing desired, after asking.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    thread,
};

use calsync::{
    model::counted,
    run::{Goal, Planned, finish, give_up, plan},
    session::Request,
};
use tokio::sync::oneshot;

use crate::{
    args::{self, Args},
    context::{Context, block_on, called_now, load, renamed},
    exit::{Exit, Failure},
    print,
    signals::{unless_stopped, until_stopped},
    sync::show,
};

pub(crate) fn run(args: &Args, options: &args::Reset) -> Result<Exit, Failure> {
    if options.forget {
        return forget(args, options);
    }
    let asks = !options.yes && !options.dry_run;
    let loaded = load(args)?;
    let is_known = |name: &String| loaded.config.calendars.contains_key(name.as_str());
    // Whoever names a calendar that is none is told that first.
    if asks && !io::stdin().is_terminal() && options.calendars.iter().all(is_known) {
        let words = "`reset` asks before it removes anything, and there is nobody to ask; add --yes, or --dry-run to look first";
        return Err(Failure::Usage(words.to_owned()));
    }
    let context = Context::of(args, loaded)?;
    let request = Request {
        dry_run: options.dry_run,
        only: context.named(&options.calendars)?,
        ..Request::default()
    };
    let mut session = context.session();
    let read = plan(&mut session, Goal::Empty, request);
    let planned = block_on(until_stopped(&context.stop, read))?.ok_or_else(stopped)??;
    // Whoever stopped it while it read is not asked any more.
    if asks && !context.stop.is_asked() && !is_agreed(&planned)? {
        give_up(&session, planned)?;
        return Ok(Exit::InStep);
    }
    let write = finish(&mut session, planned);
    let report = block_on(until_stopped(&context.stop, write))?.ok_or_else(stopped)??;
    show(args, &context, (options.json, false), report)
}

/// Forgets calendars that are not configured any more. Nothing is asked of them, and nothing in them changes.
fn forget(args: &Args, options: &args::Reset) -> Result<Exit, Failure> {
    let context = Context::open(args)?;
    let mut names = options.calendars.iter();
    if let Some(name) = names.find(|name| context.config.calendars.contains_key(name.as_str())) {
        return Err(Failure::Usage(format!(
            "\"{name}\" is in the configuration, so it is not forgotten; --forget is for calendars that left it"
        )));
    }
    let renamed = renamed(&context.config, &context.state.borrow())?;
    let mut names = options.calendars.iter();
    let now = names.find_map(|name| Some((name, renamed.get(name.as_str())?)));
    if let Some((name, now)) = now {
        return Err(Failure::Usage(format!("{name} {}", called_now(now))));
    }
    for name in &options.calendars {
        let known = context
            .state
            .borrow()
            .forget_calendar(&name.as_str().into())?;
        if !known {
            return Err(Failure::Usage(format!(
                "nothing is remembered of a calendar \"{name}\"; `{} status` shows what is",
                args.program()
            )));
        }
        print::out(&format!(
            "Forgot {name}. Blocks that stand there stay there.\n"
        ))?;
    }
    Ok(Exit::InStep)
}

fn stopped() -> Failure {
    Failure::Stopped("stopped at once; run it again to go on".to_owned())
}

/// Asks a person on a terminal. Nothing to remove needs no asking.
fn is_agreed(planned: &Planned) -> Result<bool, Failure> {
    let count = planned.plan().ops.len();
    if count == 0 {
        return Ok(true);
    }
    let question = format!(
        "Remove {} that calsync made, over all time? The next sync makes what is wanted again. [y/N] ",
        counted(count, "block")
    );
    let mut stderr = io::stderr();
    let asked = stderr
        .write_all(question.as_bytes())
        .and_then(|()| stderr.flush());
    if asked.is_err() {
        return Ok(false);
    }
    let interrupted = || Failure::Stopped("stopped; nothing was removed".to_owned());
    let answer = block_on(unless_stopped(typed()))?.ok_or_else(interrupted)?;
    let is_agreed = matches!(answer.trim(), "y" | "Y" | "yes" | "Yes");
    if !is_agreed && stderr.write_all(b"Nothing was removed.\n").is_err() {
        tracing::debug!("stderr is closed");
    }
    Ok(is_agreed)
}

/// The line that somebody types; empty if nobody does. Read in a thread of its own, so that a signal still counts meanwhile:
/// the program then ends without waiting for it.
async fn typed() -> String {
    let (tell, told) = oneshot::channel();
    thread::spawn(move || {
        let mut answer = String::new();
        if io::stdin().lock().read_line(&mut answer).is_ok() && tell.send(answer).is_err() {
            tracing::debug!("nobody waits for the answer any more");
        }
    });
    told.await.unwrap_or_default()
}
