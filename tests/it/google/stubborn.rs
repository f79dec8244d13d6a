//! Blocks that Google refuses for ever, or never answers for, do not keep back all others.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Mutex,
};

use calsync::report::Verdict;

use super::runs::World;
use crate::support::{
    desk::{Desk, ME},
    google::{
        FakeGoogle, Fault, When, errors,
        exchange::{Reply, Request},
    },
};

/// How many events there are.
const EVENTS: i64 = 15;
/// How many blocks of each calendar Google never takes: those that it is asked first.
const STUBBORN: usize = 3;

/// Whether a request is for one of the blocks that each calendar was asked for first.
fn is_stubborn() -> impl Fn(&Request) -> bool + Send + Sync {
    let asked: Mutex<BTreeMap<String, BTreeSet<String>>> = Mutex::default();
    move |request| {
        let id = request.json().unwrap()["id"].to_string();
        let mut asked = asked.lock().unwrap();
        let first = asked.entry(request.path.clone()).or_default();
        if first.len() < STUBBORN {
            first.insert(id.clone());
        }
        first.contains(&id)
    }
}

/// Two accounts at a Google that answers like this for its stubborn blocks, and runs: how many blocks each of them wrote.
fn blocks_after(runs: usize, answer: fn() -> Reply) -> Vec<u64> {
    let google = Rc::new(FakeGoogle::start());
    let other = Desk::at(&google, "other", "other@example.org");
    let world = World::of(Desk::at(&google, "work", ME), vec![other]);
    world.hours(EVENTS);
    let when = When::call("events.insert").and(is_stubborn());
    google.fault(when, Fault::Answer(answer()));
    let created = (0..runs).map(|_| {
        let report = world.try_to_sync();
        let is_told = matches!(report.result, Verdict::Partial | Verdict::Away);
        assert!(is_told, "{:?}", report.errors);
        report.created
    });
    created.collect()
}

#[test]
fn what_is_refused_for_ever_keeps_nothing_else_back() {
    assert_eq!(blocks_after(2, errors::forbidden), [24, 0]);
}

#[test]
fn what_is_never_answered_is_tried_last_the_next_time() {
    // Both calendars give up after three in a row, and begin with the others the next time.
    assert_eq!(blocks_after(3, errors::backend_error), [0, 24, 0]);
}
