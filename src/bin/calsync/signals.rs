//! SIGTERM and SIGINT: the first asks the run to end after the operation at hand, the second ends it at once. Both are safe:
//! the next run goes on where this one stopped.

use std::pin::pin;

use calsync::session::Stop;
use futures_util::future::{Either, select};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs something to its end, or until somebody insists on stopping: then there is no result.
pub(crate) async fn until_stopped<T>(stop: &Stop, work: impl Future<Output = T>) -> Option<T> {
    let listen = |kind| signal(kind).ok();
    let signals = (
        listen(SignalKind::terminate()),
        listen(SignalKind::interrupt()),
    );
    let (Some(terminate), Some(interrupt)) = signals else {
        return Some(work.await);
    };
    match select(pin!(work), pin!(insisted(stop, terminate, interrupt))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}

async fn insisted(stop: &Stop, mut terminate: Signal, mut interrupt: Signal) {
    for _ in 0..2 {
        select(pin!(terminate.recv()), pin!(interrupt.recv())).await;
        if !stop.is_asked() {
            tracing::warn!("stopping after the operation at hand");
        }
        stop.ask();
    }
}
