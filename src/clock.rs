//! The time: the only room that reads a clock or waits.

use std::{cell::Cell, rc::Rc, time::Duration};

use jiff::Timestamp;

/// A clock: the machine's, or one that only moves when it is told to.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that stands still until somebody sets it or waits on it.
    Set(Rc<Cell<Timestamp>>),
}

impl Clock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self::Set(Rc::new(Cell::new(now)))
    }

    /// The time now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the room that reads the clock"
    )]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Set(cell) => cell.get(),
        }
    }

    /// Waits. On a clock that stands still, the waiting is over at once and the clock moves on by that much.
    #[expect(clippy::disallowed_methods, reason = "this is the room that waits")]
    pub async fn sleep(&self, time: Duration) {
        match self {
            Self::System => tokio::time::sleep(time).await,
            Self::Set(cell) => {
                cell.set(cell.get().saturating_add(time).unwrap_or(Timestamp::MAX));
                breathe().await;
            }
        }
    }
}

/// Lets others have a turn: a signal to stop is heard here, between two pieces of work that block.
pub async fn breathe() {
    tokio::task::yield_now().await;
}
