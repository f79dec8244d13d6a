//! The time: the only room that reads a clock or waits.

use std::{
    cell::{Cell, RefCell},
    io,
    pin::pin,
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

use jiff::Timestamp;

/// A clock: the machine's, or one that only moves when it is told to.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that stands still until somebody sets it or waits on it.
    Set(Rc<Hands>),
}

/// The hands of a clock that stands still.
#[derive(Debug)]
pub struct Hands {
    now: Cell<Timestamp>,
    /// The time that others let pass; time limits are measured against it. Waiting does not add to it: waits are over at
    /// once here, so an answer that is on its way would be late for no reason.
    passed: Cell<Duration>,
    watching: RefCell<Vec<Waker>>,
}

impl Hands {
    /// The time that they show.
    pub fn get(&self) -> Timestamp {
        self.now.get()
    }

    /// Sets them. No time limit runs out by it.
    pub fn set(&self, now: Timestamp) {
        self.now.set(now);
    }

    /// Lets time pass: what had to be done within it is too late now.
    pub fn pass(&self, time: Duration) {
        self.wait(time);
        self.passed.set(self.passed.get().saturating_add(time));
        for waker in self.watching.take() {
            waker.wake();
        }
    }

    fn wait(&self, time: Duration) {
        let later = self.now.get().saturating_add(time);
        self.now.set(later.unwrap_or(Timestamp::MAX));
    }

    /// Runs something until it is done, or until that much time was let pass.
    async fn limit<T>(&self, time: Duration, work: impl Future<Output = T>) -> Option<T> {
        let end = self.passed.get().saturating_add(time);
        let mut work = pin!(work);
        std::future::poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.passed.get() >= end => Poll::Ready(None),
            Poll::Pending => {
                self.watching.borrow_mut().push(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}

impl Clock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self::Set(Rc::new(Hands {
            now: Cell::new(now),
            passed: Cell::new(Duration::ZERO),
            watching: RefCell::default(),
        }))
    }

    /// The time now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the room that reads the clock"
    )]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Set(hands) => hands.get(),
        }
    }

    /// Waits. On a clock that stands still, the waiting is over at once and the clock moves on by that much.
    #[expect(clippy::disallowed_methods, reason = "this is the room that waits")]
    pub async fn sleep(&self, time: Duration) {
        match self {
            Self::System => tokio::time::sleep(time).await,
            Self::Set(hands) => {
                hands.wait(time);
                breathe().await;
            }
        }
    }

    /// Runs something until it is done, or until its time is over: then there is nothing.
    pub async fn limit<T>(&self, time: Duration, work: impl Future<Output = T>) -> Option<T> {
        match self {
            Self::System => tokio::time::timeout(time, work).await.ok(),
            Self::Set(hands) => hands.limit(time, work).await,
        }
    }
}

/// A random time of at most `most`, for those who should not all begin at the same moment.
pub fn random_wait(most: Duration) -> io::Result<Duration> {
    let dice = getrandom::u32().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(most.mul_f64(f64::from(dice) / f64::from(u32::MAX)))
}

/// Lets others have a turn: a signal to stop is heard here, between two pieces of work that block.
pub async fn breathe() {
    tokio::task::yield_now().await;
}
