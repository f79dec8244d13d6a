//! SIGTERM and SIGINT: the first asks the run to end after the operation at hand, the second ends it at once. Both are safe:
//! the next run goes on where this one stopped.

use std::{
    pin::pin,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use calsync::{clock::Clock, session::Stop};
use futures_util::future::{Either, select};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;

/// So long may work that hears nothing go on after a signal.
const DEAF_MAX: Duration = Duration::from_secs(5);

/// Hears both signals.
struct Ears {
    terminate: Signal,
    interrupt: Signal,
}

impl Ears {
    /// Nothing if the system lets nobody listen.
    fn open() -> Option<Self> {
        Some(Self {
            terminate: signal(SignalKind::terminate()).ok()?,
            interrupt: signal(SignalKind::interrupt()).ok()?,
        })
    }

    /// Waits for the next signal.
    async fn hear(&mut self) {
        select(pin!(self.terminate.recv()), pin!(self.interrupt.recv())).await;
    }

    /// Waits until somebody insists; the first signal only asks.
    async fn insisted(mut self, stop: &Stop, heard: &AtomicBool) {
        for _ in 0..2 {
            self.hear().await;
            heard.store(true, Ordering::Relaxed);
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
    let heard = Arc::new(AtomicBool::new(false));
    watch_over(Arc::clone(&heard));
    let done = unless(work, ears.insisted(stop, &heard)).await;
    // Whoever waits for signals from here on hears them.
    heard.store(true, Ordering::Relaxed);
    done
}

/// Ends the program if a signal came and nobody hears it: working out what a hostile calendar means may take long, and is done
/// in one piece. Dying there is safe, as it is anywhere.
fn watch_over(heard: Arc<AtomicBool>) {
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else {
            return;
        };
        runtime.block_on(async {
            let Some(mut ears) = Ears::open() else {
                return;
            };
            ears.hear().await;
            Clock::System.sleep(DEAF_MAX).await;
            if !heard.load(Ordering::Relaxed) {
                tracing::error!("stopped at once; the next run goes on");
                end(Exit::Partial);
            }
        });
    });
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "whoever should end the program does not hear"
)]
fn end(exit: Exit) -> ! {
    process::exit(i32::from(exit.code()))
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
