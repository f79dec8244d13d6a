//! Asks on the terminal without showing what is typed. Leaves the terminal as it found it, whatever ends the asking or stops it
//! for a while; never reads from a pipe, and never shows what it read.

use std::{
    fs::File,
    future::poll_fn,
    io::{self, BufRead as _, BufReader, Write as _},
    pin::pin,
    task::Poll,
    thread,
};

use calsync::secrets::Secret;
use futures_util::future::{Either, select};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::{consts, low_level::emulate_default_handler};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};
use zeroize::Zeroizing;

use crate::context::block_on;

/// What ends or stops a program that is asking.
const SIGNALS: [i32; 5] = [
    consts::SIGINT,
    consts::SIGTERM,
    consts::SIGHUP,
    consts::SIGQUIT,
    consts::SIGTSTP,
];

/// Asks for a line; nothing if the person gives none (Ctrl-D). An error if there is no terminal to ask on.
pub(crate) fn ask(prompt: &str) -> io::Result<Option<Secret>> {
    let terminal = Terminal::open()?;
    let asked = block_on(terminal.ask(prompt));
    asked.unwrap_or_else(|failure| Err(io::Error::other(failure.to_string())))
}

/// The terminal, and how it was.
struct Terminal {
    file: File,
    before: Termios,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.set(&self.before);
    }
}

impl Terminal {
    fn open() -> io::Result<Self> {
        let file = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&file)?;
        Ok(Self { file, before })
    }

    /// A terminal that is gone needs no setting.
    fn set(&self, modes: &Termios) {
        if let Err(error) = tcsetattr(&self.file, OptionalActions::Now, modes) {
            tracing::debug!("the terminal cannot be set: {error}");
        }
    }

    /// Asks, and from now on shows nothing but the end of the line.
    fn begin(&self, prompt: &str) -> io::Result<()> {
        let mut hidden = self.before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        self.set(&hidden);
        (&self.file).write_all(prompt.as_bytes())
    }

    /// Shows again what is typed, on a line of its own.
    fn end(&self) {
        self.set(&self.before);
        if let Err(error) = (&self.file).write_all(b"\n") {
            tracing::debug!("the terminal is gone: {error}");
        }
    }

    async fn ask(&self, prompt: &str) -> io::Result<Option<Secret>> {
        let mut ears = ears()?;
        self.begin(prompt)?;
        let mut line = pin!(typed(self.file.try_clone()?));
        loop {
            let signal = match select(line.as_mut(), pin!(next(&mut ears))).await {
                Either::Left((line, _)) => {
                    let line = line?;
                    if line.is_none() {
                        self.end();
                    }
                    return Ok(line);
                }
                Either::Right((signal, _)) => signal,
            };
            self.end();
            // It ends the program, or stops it until somebody brings it back.
            emulate_default_handler(signal)?;
            self.begin(prompt)?;
        }
    }
}

fn ears() -> io::Result<Vec<(i32, Signal)>> {
    let ear = |number| Ok((number, signal(SignalKind::from_raw(number))?));
    SIGNALS.into_iter().map(ear).collect()
}

/// The next signal that comes.
async fn next(ears: &mut [(i32, Signal)]) -> i32 {
    poll_fn(|context| {
        let mut ears = ears.iter_mut();
        let heard = ears.find_map(|(number, ear)| {
            let is_it = ear.poll_recv(context).is_ready();
            is_it.then_some(*number)
        });
        heard.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

/// The line that somebody types. Read in a thread of its own, so that signals count meanwhile.
async fn typed(terminal: File) -> io::Result<Option<Secret>> {
    let (tell, told) = oneshot::channel();
    thread::spawn(move || {
        if tell.send(read(terminal)).is_err() {
            tracing::debug!("nobody waits for the password any more");
        }
    });
    told.await.unwrap_or(Ok(None))
}

fn read(terminal: File) -> io::Result<Option<Secret>> {
    let mut line = Zeroizing::new(String::new());
    BufReader::new(terminal).read_line(&mut line)?;
    let is_whole = line.ends_with('\n');
    Ok(is_whole.then(|| Secret::new(line.trim_end_matches(['\r', '\n']))))
}
