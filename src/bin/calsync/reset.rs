//! `calsync reset`: the same run with nothing desired, after asking.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use calsync::{
    run::{Goal, Planned, finish, plan},
    session::Request,
};

use crate::{
    args::{self, Args},
    context::{Context, block_on},
    exit::{Exit, Failure},
    signals::until_stopped,
    sync::show,
};

pub(crate) fn run(args: &Args, options: &args::Reset) -> Result<Exit, Failure> {
    let asks = !options.yes && !options.dry_run;
    if asks && !io::stdin().is_terminal() {
        let words = "`reset` asks before it removes anything, and there is nobody to ask; add --yes, or --dry-run to look first";
        return Err(Failure::Usage(words.to_owned()));
    }
    let context = Context::open(args)?;
    let request = Request {
        dry_run: options.dry_run,
        only: context.named(&options.calendars)?,
        ..Request::default()
    };
    let mut session = context.session();
    let work = async {
        let planned = plan(&mut session, Goal::Empty, request).await?;
        if asks && !is_agreed(&planned) {
            return Ok(None);
        }
        finish(&mut session, planned).await.map(Some)
    };
    let Some(ended) = block_on(until_stopped(&context.stop, work))? else {
        tracing::error!("stopped at once; run it again to go on");
        return Ok(Exit::Partial);
    };
    match ended? {
        Some(report) => show(args, options.json, &report),
        None => Ok(Exit::InStep),
    }
}

/// Asks a person on a terminal. Nothing to remove needs no asking.
fn is_agreed(planned: &Planned) -> bool {
    let count = planned.plan().ops.len();
    if count == 0 {
        return true;
    }
    let mut stderr = io::stderr();
    let question = format!(
        "Remove {count} blocks that calsync made, over all time? The next sync makes them again. [y/N] "
    );
    if stderr
        .write_all(question.as_bytes())
        .and_then(|()| stderr.flush())
        .is_err()
    {
        return false;
    }
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes")
}
