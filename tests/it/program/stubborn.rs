//! One block that a server refuses for ever does not keep back all others.

use serde_json::Value;

use super::google::Trip;
use crate::support::{
    google::{Fault, When, errors, exchange::Reply},
    program::{day, meeting},
};

const EVENTS: i32 = 15;

/// A folder of events, of which Google refuses the blocks of the first three days.
fn refusing(answer: fn() -> Reply) -> Trip {
    let trip = Trip::signed_in();
    for number in 1..=EVENTS {
        let event = meeting(&format!("e{number}"), number);
        trip.home.put("home", &format!("{number}.ics"), event);
    }
    let refused: Vec<String> = (1..=3)
        .map(|from_today| day(from_today).to_string())
        .collect();
    let is_refused = move |body: &Value| {
        let start = body["start"]["dateTime"].as_str().unwrap_or_default();
        refused.iter().any(|day| start.starts_with(day))
    };
    let when = When::call("events.insert")
        .and(move |request| request.json().is_some_and(|body| is_refused(&body)));
    trip.fake.fault(when, Fault::Answer(answer()));
    trip
}

fn blocks_after(runs: usize, answer: fn() -> Reply) -> Vec<u64> {
    let trip = refusing(answer);
    let runs = (0..runs).map(|_| trip.home.expect(5, &["sync", "--json"]).json());
    let created = runs.map(|report| report["created"].as_u64().unwrap());
    created.collect()
}

#[test]
fn what_is_refused_for_ever_keeps_nothing_else_back() {
    assert_eq!(blocks_after(2, errors::forbidden), [24, 0]);
}

#[test]
fn what_is_never_answered_is_tried_last_the_next_time() {
    // Both calendars give up after three in a row, and begin with the others the next time.
    let created = blocks_after(6, errors::backend_error);
    assert_eq!(created.iter().sum::<u64>(), 24, "{created:?}");
}
