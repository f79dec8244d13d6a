//! SIGTERM, SIGINT, and SIGHUP of a terminal that was closed: the first asks the run to end after the operation at hand, the second ends it at once. Both are safe:
//! the next run goes on where this one stopped.

use std::{
    io,
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use calsync::session::Stop;
use futures_util::future::{Either, select};
use signal_hook::{consts, flag};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;

/// Whether a signal came that nobody has heard yet: the program is at work that it does not wait in.
static UNHEARD: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Lets a write beyond the largest file that the system allows fail like one to a full disk, rather than end the program.
pub(crate) fn let_large_writes_fail() {
    if let Err(error) = flag::register(consts::SIGXFSZ, Arc::default()) {
        tracing::debug!("a limit on the size of files will end the program: {error}");
    }
}

/// Lets a second signal end the program at once also while nobody hears the first.
fn end_unheard() -> io::Result<()> {
    if UNHEARD.get().is_some() {
        return Ok(());
    }
    let unheard = Arc::clone(UNHEARD.get_or_init(Arc::default));
    for signal in [consts::SIGTERM, consts::SIGINT, consts::SIGHUP] {
        flag::register_conditional_shutdown(
            signal,
            Exit::Partial.code().into(),
            Arc::clone(&unheard),
        )?;
        flag::register(signal, Arc::clone(&unheard))?;
    }
    Ok(())
}

/// Hears these signals.
struct Ears {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Ears {
    /// Nothing if the system lets nobody listen.
    fn open() -> Option<Self> {
        end_unheard().ok()?;
        Some(Self {
            terminate: signal(SignalKind::terminate()).ok()?,
            interrupt: signal(SignalKind::interrupt()).ok()?,
            hangup: signal(SignalKind::hangup()).ok()?,
        })
    }

    /// Waits for the next signal.
    async fn hear(&mut self) {
        let [terminate, interrupt, hangup] =
            [&mut self.terminate, &mut self.interrupt, &mut self.hangup];
        let (terminate, interrupt) = (pin!(terminate.recv()), pin!(interrupt.recv()));
        select(select(terminate, interrupt), pin!(hangup.recv())).await;
        if let Some(unheard) = UNHEARD.get() {
            unheard.store(false, Ordering::SeqCst);
        }
    }

    /// Waits until somebody insists; the first signal only asks.
    async fn insisted(mut self, stop: &Stop) {
        for _ in 0..2 {
            self.hear().await;
            if !stop.is_asked() {
                tracing::warn!("stopping after the operation at hand");
            }
            stop.ask();
        }
    }
}

/// Runs something to its end, or until somebody insists on stopping: then there is no result.
pub(crate) async fn until_stopped<T>(stop: &Stop, work: impl Future<Output = T>) -> Option<T> {
    let Some(ears) = Ears::open() else {
        return Some(work.await);
    };
    unless(work, ears.insisted(stop)).await
}

/// Waits for something, or for the first signal: then there is no result.
pub(crate) async fn unless_stopped<T>(work: impl Future<Output = T>) -> Option<T> {
    let Some(mut ears) = Ears::open() else {
        return Some(work.await);
    };
    unless(work, ears.hear()).await
}

async fn unless<T>(work: impl Future<Output = T>, stopped: impl Future<Output = ()>) -> Option<T> {
    match select(pin!(work), pin!(stopped)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}
