//! A Google that is busy, forgetful or mad in the middle of a listing or of a write: all of it comes to an end, and none of it
//! costs a calendar.

use calsync::{
    model::{Href, marks::NOTHING},
    provider::{
        Change, ErrorKind, Listing, Place, Provider as _,
        google::decode::{self, What},
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::shared::{asked, calendar, clock};
use crate::support::{
    block::an_hour,
    desk::{Desk, ME},
    google::{
        Fault, When, errors,
        exchange::{Reply, Request},
    },
    shore::{Nothing, poll_out},
    world::home,
};

const RETRY: ErrorKind = ErrorKind::Retry(None);

fn hour(hour: i8) -> Value {
    json!({"start": {"dateTime": format!("2026-11-23T{hour:02}:00:00Z")},
        "end": {"dateTime": format!("2026-11-23T{hour:02}:30:00Z")}})
}

/// A desk with so many events, listed one to a page.
fn pages(count: i8) -> Desk {
    let desk = Desk::new();
    (0..count).for_each(|i| drop(desk.google.put(ME, hour(i))));
    let all = usize::try_from(count).unwrap();
    desk.google.behave(|google| google.pages = vec![1; all]);
    desk
}

fn goes_on(request: &Request) -> bool {
    request.param("pageToken").is_some()
}

fn number(request: &Request, name: &str) -> usize {
    request.param(name).map_or(0, |n| n.parse().unwrap())
}

/// An answer that is more than is read at once.
fn flood() -> Fault {
    Fault::Answer(Reply::html(200, &" ".repeat((32 << 20) + 1)))
}

#[test]
fn a_listing_meets_a_busy_server_as_often_as_it_likes() {
    let desk = pages(12);
    // Every other request fails, which is more often than one request may be asked again.
    for nth in 1..12 {
        let busy = Fault::Answer(errors::unavailable());
        desk.google
            .fault(When::call("events.list").nth(2 * nth), busy);
    }
    let pulled = poll_out(calendar(&desk).pull(None, &Nothing)).unwrap();
    assert_eq!(pulled.changes.len(), 12);
    assert_eq!(asked(&desk, "events.list"), 23);
}

#[test]
fn a_page_that_never_comes_is_not_asked_for_without_end() {
    let desk = pages(3);
    let busy = Fault::Answer(errors::unavailable());
    desk.google
        .fault(When::call("events.list").and(goes_on), busy);
    let mut calendar = calendar(&desk);
    let error = poll_out(calendar.pull(None, &Nothing)).unwrap_err();
    assert_eq!((error.kind, asked(&desk, "events.list")), (RETRY, 6));
    // From here on, whoever asks is patient.
    poll_out(calendar.pull(None, &Nothing)).unwrap_err();
    assert_eq!(asked(&desk, "events.list"), 7);
    desk.google.clear_faults();
    let pulled = poll_out(calendar.pull(None, &Nothing)).unwrap();
    assert_eq!(pulled.changes.len(), 3);
}

#[test]
fn a_page_token_that_is_no_good_begins_the_listing_once_more() {
    for refusal in [
        errors::invalid("Invalid page token value."),
        errors::full_sync_required(),
    ] {
        let desk = pages(3);
        let once = When::call("events.list").and(goes_on).first(1);
        desk.google.fault(once, Fault::Answer(refusal.clone()));
        let pulled = poll_out(calendar(&desk).pull(None, &Nothing)).unwrap();
        assert!(matches!(&pulled.listing, Listing::Whole(all) if all.len() == 3));
        assert_eq!(asked(&desk, "events.list"), 5);
        desk.google.forget();
        desk.google.fault(
            When::call("events.list").and(goes_on),
            Fault::Answer(refusal),
        );
        let error = poll_out(calendar(&desk).pull(None, &Nothing)).unwrap_err();
        assert_eq!((error.kind, asked(&desk, "events.list")), (RETRY, 4));
        for wrong in ["configuration", "`endpoint`", "not there"] {
            assert!(!error.message.contains(wrong), "{error}");
        }
    }
}

#[test]
fn a_sync_token_that_is_refused_in_whatever_words_means_reading_everything_once() {
    let desk = pages(1);
    let mut calendar = calendar(&desk);
    let cursor = poll_out(calendar.pull(None, &Nothing)).unwrap().cursor;
    let refusal = Fault::Answer(errors::invalid("Invalid Value"));
    let goes_on = |request: &Request| request.param("syncToken").is_some();
    let delta = When::call("events.list").and(goes_on);
    desk.google.fault(delta, refusal.clone());
    desk.google.forget();
    let pulled = poll_out(calendar.pull(cursor.as_ref(), &Nothing)).unwrap();
    assert!(matches!(&pulled.listing, Listing::Whole(all) if all.len() == 1));
    assert_eq!(asked(&desk, "events.list"), 2);
    // Refused without a token as well, it is about something else.
    desk.google.fault(When::call("events.list"), refusal);
    desk.google.forget();
    let error = poll_out(calendar.pull(cursor.as_ref(), &Nothing)).unwrap_err();
    let asked = asked(&desk, "events.list");
    assert_eq!((error.kind, asked), (ErrorKind::Broken, 2));
}

#[test]
fn a_listing_of_everything_that_wants_everything_listed_is_for_another_run() {
    let desk = pages(1);
    let refusal = Fault::Answer(errors::full_sync_required());
    desk.google.fault(When::call("events.list"), refusal);
    let error = poll_out(calendar(&desk).pull(None, &Nothing)).unwrap_err();
    assert_eq!((error.kind, asked(&desk, "events.list")), (RETRY, 2));
    assert!(!error.message.contains("configuration"), "{error}");
}

#[test]
fn pages_that_are_too_large_are_asked_for_smaller() {
    let desk = Desk::new();
    (0..3).for_each(|i| drop(desk.google.put(ME, hour(i))));
    let mut calendar = calendar(&desk);
    let too_many = |request: &Request| number(request, "maxResults") > 400;
    desk.google
        .fault(When::call("events.list").and(too_many), flood());
    let pulled = poll_out(calendar.pull(None, &Nothing)).unwrap();
    assert!(matches!(&pulled.listing, Listing::Whole(all) if all.len() == 3));
    assert_eq!(asked(&desk, "events.list"), 4, "2500, 1250, 625, 312");
    // So it goes with what is new, too.
    desk.google.put(ME, hour(9));
    let pulled = poll_out(calendar.pull(pulled.cursor.as_ref(), &Nothing)).unwrap();
    assert_eq!((pulled.listing, pulled.changes.len()), (Listing::Delta, 1));
    desk.google.clear_faults();
    desk.google.forget();
    desk.google.fault(When::call("events.list"), flood());
    let error = poll_out(calendar.pull(None, &Nothing)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Broken);
    assert!(
        error.message.contains("account work") && error.message.contains("32 MiB"),
        "{error}"
    );
    assert_eq!(asked(&desk, "events.list"), 7, "down to 50");
}

#[test]
fn a_large_page_in_the_middle_begins_the_listing_anew() {
    let desk = pages(4);
    let at_once = |request: &Request| goes_on(request) && number(request, "maxResults") > 2_000;
    desk.google
        .fault(When::call("events.list").and(at_once), flood());
    let pulled = poll_out(calendar(&desk).pull(None, &Nothing)).unwrap();
    assert!(matches!(&pulled.listing, Listing::Whole(all) if all.len() == 4));
}

#[test]
fn pages_that_go_round_in_a_ring_are_an_error() {
    let desk = Desk::new();
    for (call, kind) in [
        ("events.list", "calendar#events"),
        ("calendarList.list", "calendar#calendarList"),
    ] {
        let page = |token: &str| json!({"kind": kind, "items": [], "nextPageToken": token});
        for (nth, token) in ["a", "b", "a", "b", "c"].into_iter().enumerate() {
            let page = Fault::Answer(Reply::json(200, &page(token)));
            desk.google.fault(When::call(call).nth(nth + 1), page);
        }
        let account = desk.account(&clock());
        let error = match call {
            "events.list" => poll_out(calendar(&desk).pull(None, &Nothing)).unwrap_err(),
            _ => poll_out(account.calendars()).unwrap_err(),
        };
        assert_eq!((error.kind, asked(&desk, call)), (ErrorKind::Broken, 3));
        assert!(error.message.contains("account work"), "{error}");
    }
}

#[test]
fn a_block_whose_ids_are_all_taken_by_nothing_is_left_out() {
    let desk = Desk::new();
    desk.google.fault(
        When::call("events.insert"),
        Fault::Answer(errors::duplicate()),
    );
    desk.google
        .fault(When::call("events.get"), Fault::Answer(errors::not_found()));
    let mut calendar = calendar(&desk);
    // Another run of tries has three tries again.
    for _ in 0..2 {
        let kinds: Vec<ErrorKind> = (0..3)
            .map(|n| {
                poll_out(calendar.create(&an_hour("a", n)))
                    .unwrap_err()
                    .kind
            })
            .collect();
        let [spent, given_up] = [ErrorKind::Spent, ErrorKind::Conflict];
        assert_eq!(kinds, [spent, spent, given_up]);
    }
    // What is said to be deleted is no riddle, however often.
    desk.google.clear_faults();
    desk.google.fault(
        When::call("events.insert"),
        Fault::Answer(errors::duplicate()),
    );
    desk.google
        .fault(When::call("events.get"), Fault::Answer(errors::deleted()));
    for n in 0..5 {
        let error = poll_out(calendar.create(&an_hour("a", n))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Spent);
    }
}

#[test]
fn nothing_is_written_over_without_a_version() {
    for etag in [json!(""), json!("*"), Value::Null] {
        let desk = Desk::new();
        let mut calendar = calendar(&desk);
        poll_out(calendar.create(&an_hour("a", 0))).unwrap();
        let bare = Fault::alter(move |body| {
            for item in body["items"].as_array_mut().unwrap() {
                item["etag"] = etag.clone();
            }
        });
        desk.google.fault(When::call("events.list"), bare);
        let pulled = poll_out(calendar.pull(None, &Nothing)).unwrap();
        let [Change::Seen(resource)] = &pulled.changes[..] else {
            panic!("{pulled:?}");
        };
        let place = Place::once(resource.href.clone(), resource.version.clone());
        let before = desk.google.events(ME);
        desk.google.forget();
        for error in [
            poll_out(calendar.replace(&place, &an_hour("a", 0))).unwrap_err(),
            poll_out(calendar.remove(&place)).unwrap_err(),
        ] {
            assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
        }
        assert!(desk.google.requests().is_empty());
        assert_eq!(desk.google.events(ME), before);
    }
}

fn why(event: &Value) -> String {
    let body = json!({"kind": "calendar#events", "items": [event], "nextSyncToken": "t"});
    let mut page = decode::page(body.to_string().as_bytes(), &home(), &NOTHING).unwrap();
    match page.items.remove(0).what {
        What::Odd(why) => why.into_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_read_is_told_by_its_limit_and_by_when_it_begins() {
    let mut event = hour(9);
    event["id"] = json!("zqx9secret");
    let date = |n: i64| {
        let first: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        let at = first + SignedDuration::from_hours(24 * n);
        at.strftime("%Y%m%dT%H%M%SZ").to_string()
    };
    let dates: Vec<String> = (0..20_000).map(date).collect();
    event["recurrence"] = json!(["RRULE:FREQ=DAILY", format!("EXDATE:{}", dates.join(","))]);
    let words = why(&event);
    assert!(words.contains("5000 single dates"), "{words}");
    assert!(
        words.contains("it begins on 2026-11-23 at 10:00"),
        "{words}"
    );
    event["recurrence"] = json!(["RRULE:FREQ=ZQX9SECRET"]);
    event["start"] = json!({"date": "2026-12-03"});
    let words = why(&event);
    assert!(words.contains("it begins on 2026-12-03"), "{words}");
    assert!(!words.to_lowercase().contains("zqx9"), "{words}");
    event["start"] = json!({"dateTime": "zqx9secret"});
    let words = why(&event);
    assert!(!words.contains("begins"), "{words}");
}

#[test]
fn occurrences_of_each_other_stay_what_they_are() {
    struct Other;
    impl calsync::provider::Known for Other {
        fn versions(&self) -> std::collections::BTreeMap<Href, calsync::model::Version> {
            [].into()
        }
        fn uid(&self, href: &Href) -> Option<calsync::model::Uid> {
            // What was recorded the first time.
            Some(match &**href {
                "m1" => "m2".into(),
                _ => "m1".into(),
            })
        }
    }
    let desk = Desk::new();
    for (id, series) in [("m1", "m2"), ("m2", "m1")] {
        let mut event = hour(9);
        event["id"] = json!(id);
        event["recurringEventId"] = json!(series);
        event["originalStartTime"] = event["start"].clone();
        desk.google.put_odd(ME, event);
    }
    let mut calendar = calendar(&desk);
    let first = poll_out(calendar.pull(None, &Nothing)).unwrap();
    let second = poll_out(calendar.pull(None, &Other)).unwrap();
    assert_eq!(first.changes, second.changes);
    assert_eq!(first.changes.len(), 2);
}

#[test]
fn a_block_is_not_gone_because_a_stranger_says_so() {
    let delete = || When::call("events.delete");
    for status in [200, 202] {
        let desk = Desk::new();
        let mut calendar = calendar(&desk);
        let place = poll_out(calendar.create(&an_hour("a", 0))).unwrap();
        let page = Reply::html(status, "<html>Sign in to the hotel</html>");
        desk.google.fault(delete(), Fault::Answer(page.clone()));
        desk.google.forget();
        let error = poll_out(calendar.remove(&place)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
        assert!(error.message.contains("calendar me@"), "{error}");
        assert!(!error.message.contains("hotel"), "{error}");
        assert_eq!(asked(&desk, "events.get"), 1);
        desk.google.clear_faults();
        poll_out(calendar.remove(&place)).unwrap();
        assert_eq!(asked(&desk, "events.get"), 1, "Google's own word is enough");
        // Whatever was said: what is gone is gone.
        desk.google.fault(delete(), Fault::Answer(page));
        poll_out(calendar.remove(&place)).unwrap();
        assert_eq!(asked(&desk, "events.get"), 2);
    }
}
