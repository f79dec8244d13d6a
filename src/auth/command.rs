//! A program that says a password. It is run without a shell, within bounds, and what it says goes into no log and no error.

use std::{
    io,
    pin::pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use crate::{clock::Clock, secrets::Secret};

/// How long a command may take to say a password.
const COMMAND_MAX: Duration = Duration::from_mins(1);
/// The most that such a command may say. Nobody's password is that long.
const OUTPUT_MAX: usize = 64 << 10;
/// How long the rest of a line may take to come from a command that has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a command says: its first line. No shell has a part in it.
pub(super) async fn said(command: &[String], clock: &Clock) -> Result<Secret, String> {
    let Some((program, args)) = command.split_first() else {
        return Err("`password_command` is empty".to_owned());
    };
    let mut command = tokio::process::Command::new(program);
    command.args(args).kill_on_drop(true);
    // Whatever it has to say beside the password might quote it.
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command.stdout(Stdio::piped());
    let (said, status) = match clock.limit(COMMAND_MAX, output(command, clock)).await {
        Some(Ok(output)) => output,
        Some(Err(error)) => {
            return Err(format!(
                "`password_command` cannot be run: {program}: {error}; give its full path, which cron needs too"
            ));
        }
        None => {
            return Err(format!(
                "`password_command` said nothing within {} seconds; does it wait for somebody?",
                COMMAND_MAX.as_secs()
            ));
        }
    };
    let Some(status) = status else {
        return Err(format!(
            "`password_command` says more than {} KiB, so it was ended; its first line must be the password, and little else \
             may follow",
            OUTPUT_MAX >> 10
        ));
    };
    if !status.success() {
        return Err(format!(
            "`password_command` failed ({status}); run it by hand to see why"
        ));
    }
    let line = said.split(|byte| *byte == b'\n').next();
    match str::from_utf8(line.unwrap_or_default()).map(str::trim_end) {
        Ok("") => Err("`password_command` said nothing; its first line must be the password".to_owned()),
        Ok(line) => Ok(Secret::new(line)),
        Err(_) => Err(
            "`password_command` says what is no text in UTF-8; its first line must be the password, in UTF-8"
                .to_owned(),
        ),
    }
}

/// What a command says until it has ended, and how it ended. One that says too much is ended, and nothing is said of how. What it
/// leaves running may hold its output open, and is not waited for.
async fn output(
    mut command: tokio::process::Command,
    clock: &Clock,
) -> io::Result<(Zeroizing<Vec<u8>>, Option<ExitStatus>)> {
    let mut child = command.spawn()?;
    let mut said = Zeroizing::new(Vec::new());
    let Some(mut stdout) = child.stdout.take() else {
        return Ok((said, Some(child.wait().await?)));
    };
    let mut chunk = Zeroizing::new(vec![0; 4 << 10]);
    let (mut is_open, mut status) = (true, None);
    while is_open && said.len() <= OUTPUT_MAX {
        if status.is_some() && said.contains(&b'\n') {
            break;
        }
        let length = match status {
            None => match select(pin!(stdout.read(&mut chunk)), pin!(child.wait())).await {
                Either::Left((length, _)) => length?,
                Either::Right((ended, _)) => {
                    status = Some(ended?);
                    continue;
                }
            },
            // What it said at the end is on its way.
            Some(_) => {
                let rest = clock.limit(LAST_WORDS, stdout.read(&mut chunk)).await;
                rest.unwrap_or(Ok(0))?
            }
        };
        said.extend_from_slice(chunk.get(..length).unwrap_or_default());
        is_open = length > 0;
    }
    if said.len() > OUTPUT_MAX {
        child.kill().await?;
        return Ok((said, None));
    }
    let status = match status {
        Some(status) => status,
        None => child.wait().await?,
    };
    Ok((said, Some(status)))
}
