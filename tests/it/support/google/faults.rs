//! The switchboard: which request goes wrong, and how. Must never change what is in a calendar.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::sync::watch;

use super::exchange::{Reply, Request};

/// How long a test waits for a request that has to come.
const PATIENCE: Duration = Duration::from_mins(1);

/// Which requests are meant.
pub(crate) struct When {
    call: Option<&'static str>,
    test: Option<Test>,
    turns: Turns,
}

type Test = Box<dyn Fn(&Request) -> bool + Send + Sync>;
type Change = Arc<dyn Fn(&mut Value) + Send + Sync>;

enum Turns {
    Every,
    /// The nth, counted from one.
    Nth(usize),
    First(usize),
}

/// What goes wrong.
#[derive(Clone)]
pub(crate) enum Fault {
    /// Nothing is done; this is the answer.
    Answer(Reply),
    /// Nothing is done; the connection is closed without an answer.
    Close,
    /// All is done; the connection is closed without an answer.
    LoseAnswer,
    /// All is done; the body ends after so many bytes, with the length of all of it announced.
    Cut(usize),
    /// All is done; the body is sent in chunks and ends after so many bytes, without the last chunk.
    CutChunked(usize),
    /// Nothing is done until the test opens the gate.
    Hold(Gate),
    /// All is done, but the answer waits until the test opens the gate.
    HoldAnswer(Gate),
    /// All is done; the answer's JSON is changed.
    Alter(Change),
    /// All is done; the answer has this header.
    Header(String, String),
}

impl When {
    /// Every request there is.
    pub(crate) fn any() -> Self {
        Self {
            call: None,
            test: None,
            turns: Turns::Every,
        }
    }

    /// Every request of this method, such as `events.insert` or `token`.
    pub(crate) fn call(name: &'static str) -> Self {
        Self {
            call: Some(name),
            ..Self::any()
        }
    }

    /// Only those that this is true of.
    pub(crate) fn and(self, test: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        Self {
            test: Some(Box::new(test)),
            ..self
        }
    }

    /// Only the nth of them, counted from one, from now on.
    pub(crate) fn nth(self, nth: usize) -> Self {
        Self {
            turns: Turns::Nth(nth),
            ..self
        }
    }

    /// Only the first so many of them, from now on.
    pub(crate) fn first(self, many: usize) -> Self {
        Self {
            turns: Turns::First(many),
            ..self
        }
    }

    fn fits(&self, call: &str, request: &Request) -> bool {
        self.call.is_none_or(|name| name == call)
            && self.test.as_ref().is_none_or(|test| test(request))
    }
}

impl Fault {
    /// Changes the answer's JSON.
    pub(crate) fn alter(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self::Alter(Arc::new(change))
    }
}

/// What goes wrong with a request of this method, if anything does.
pub(crate) type Weather = Box<dyn FnMut(&str, &Request) -> Option<Fault> + Send>;

/// All rules; of those that fit a request, the one that was set first wins. Where none strikes, the weather may.
#[derive(Default)]
pub(crate) struct Faults {
    rules: Vec<(When, Fault, usize)>,
    weather: Option<Weather>,
}

impl Faults {
    pub(crate) fn set(&mut self, when: When, fault: Fault) {
        self.rules.push((when, fault, 0));
    }

    pub(crate) fn set_weather(&mut self, weather: Weather) {
        self.weather = Some(weather);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What goes wrong with this request. Every rule counts every request that fits it.
    pub(crate) fn strike(&mut self, call: &str, request: &Request) -> Option<Fault> {
        let mut struck = None;
        for (when, fault, seen) in &mut self.rules {
            if !when.fits(call, request) {
                continue;
            }
            *seen += 1;
            let turn = match when.turns {
                Turns::Every => true,
                Turns::Nth(nth) => *seen == nth,
                Turns::First(many) => *seen <= many,
            };
            if turn && struck.is_none() {
                struck = Some(fault.clone());
            }
        }
        let weather = self.weather.as_mut();
        struck.or_else(|| weather.and_then(|weather| weather(call, request)))
    }
}

/// A gate that requests wait at until the test opens it, once and for all.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Shared>);

struct Shared {
    open: watch::Sender<bool>,
    waiting: Mutex<usize>,
    arrived: Condvar,
    /// How many have come, for those who wait without blocking.
    come: watch::Sender<usize>,
    /// How many passed, and were done after it.
    done: Mutex<usize>,
    finished: Condvar,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            open: watch::channel(false).0,
            waiting: Mutex::new(0),
            arrived: Condvar::new(),
            come: watch::channel(0).0,
            done: Mutex::new(0),
            finished: Condvar::new(),
        }))
    }

    /// Lets everybody pass, also those who come later.
    pub(crate) fn open(&self) {
        self.0.open.send_replace(true);
    }

    /// Blocks the test until so many requests have come to the gate; not for ever.
    pub(crate) fn wait_for(&self, many: usize) {
        let waiting = self.0.waiting.lock().unwrap();
        let few = |waiting: &mut usize| *waiting < many;
        let waited = self.0.arrived.wait_timeout_while(waiting, PATIENCE, few);
        let (waiting, out_of_time) = waited.unwrap();
        assert!(
            !out_of_time.timed_out(),
            "only {waiting} of {many} requests came to the gate"
        );
    }

    /// Waits until a request has come to the gate.
    pub(crate) async fn arrival(&self) {
        let mut come = self.0.come.subscribe();
        come.wait_for(|come| *come > 0).await.map(drop).unwrap();
    }

    /// Blocks the test until what a request wanted was done, after it passed the gate; not for ever.
    pub(crate) fn wait_until_done(&self) {
        let done = self.0.done.lock().unwrap();
        let waited = self
            .0
            .finished
            .wait_timeout_while(done, PATIENCE, |done| *done == 0);
        assert!(!waited.unwrap().1.timed_out(), "no request passed the gate");
    }

    /// What a request that passed wanted is done.
    pub(crate) fn note_done(&self) {
        *self.0.done.lock().unwrap() += 1;
        self.0.finished.notify_all();
    }

    /// Waits at the gate.
    pub(crate) async fn pass(&self) {
        *self.0.waiting.lock().unwrap() += 1;
        self.0.arrived.notify_all();
        self.0.come.send_modify(|come| *come += 1);
        let mut open = self.0.open.subscribe();
        // The sender lives in the gate itself, so it cannot be gone.
        open.wait_for(|open| *open).await.map(drop).unwrap();
    }
}
