//! Calendars that go by their name at Google: looked up once, remembered, and looked up again when there is reason to.

use calsync::{
    clock::Clock,
    provider::{
        Change, Cursor, ErrorKind, Listing, Provider as _, ProviderError, Pulled,
        google::{GoogleCalendar, Which},
    },
};
use serde_json::json;

use crate::support::{
    desk::{Desk, ME},
    google::{Fault, When, errors},
    shore::{Nothing, poll_out},
    world::home,
};

const TEAM: &str = "team@group.calendar.google.com";
const OTHER: &str = "other@group.calendar.google.com";

/// An account with a calendar called Team, and one event in it.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.google.calendar(TEAM, "Team", "Europe/Berlin", ME);
    desk.google.put(TEAM, event("first"));
    desk
}

fn event(id: &str) -> serde_json::Value {
    json!({"id": format!("evt{}", data_encoding::HEXLOWER.encode(id.as_bytes())),
        "start": {"dateTime": "2026-11-24T09:00:00Z"}, "end": {"dateTime": "2026-11-24T10:00:00Z"}})
}

/// What a new run reads.
fn pull(desk: &Desk, since: Option<&Cursor>) -> Result<Pulled, ProviderError> {
    desk.google.forget();
    let clock = Clock::at("2026-11-21T08:00:00Z".parse().unwrap());
    let which = Which::Name("Team".to_owned());
    let mut calendar = GoogleCalendar::new(&desk.account(&clock), which, &home());
    poll_out(calendar.pull(since, &Nothing))
}

fn seen(pulled: &Pulled) -> usize {
    let is_seen = |change: &&Change| matches!(change, Change::Seen(_));
    pulled.changes.iter().filter(is_seen).count()
}

fn asked(desk: &Desk, call: &str) -> usize {
    desk.google.counts().get(call).copied().unwrap_or_default()
}

#[test]
fn an_unchanged_run_costs_one_request() {
    let desk = desk();
    let first = pull(&desk, None).unwrap();
    assert_eq!((asked(&desk, "calendarList.list"), seen(&first)), (1, 1));
    let mut cursor = first.cursor.unwrap();
    for _ in 0..3 {
        let next = pull(&desk, Some(&cursor)).unwrap();
        assert_eq!(
            desk.google.requests().len(),
            1,
            "{:?}",
            desk.google.counts()
        );
        assert_eq!((next.listing, next.changes), (Listing::Delta, vec![]));
        cursor = next.cursor.unwrap();
    }
    assert!(!cursor.0.contains("Team"), "{cursor:?}");
    desk.google.put(TEAM, event("second"));
    let next = pull(&desk, Some(&cursor)).unwrap();
    assert_eq!((asked(&desk, "calendarList.list"), seen(&next)), (0, 1));
}

#[test]
fn a_calendar_that_is_called_something_else_now_is_missed() {
    let desk = desk();
    let cursor = pull(&desk, None).unwrap().cursor.unwrap();
    desk.google.rename_calendar(TEAM, "Crew");
    for since in [Some(&cursor), None] {
        let error = pull(&desk, since).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Gone);
        for words in [
            "account work",
            "no calendar of this name (Team)",
            "calsync calendars work",
        ] {
            assert!(error.message.contains(words), "{error}");
        }
    }
    desk.google.rename_calendar(TEAM, "Team");
    assert_eq!(pull(&desk, Some(&cursor)).unwrap().listing, Listing::Delta);
}

#[test]
fn a_name_that_means_two_calendars_means_none() {
    let desk = desk();
    let cursor = pull(&desk, None).unwrap().cursor.unwrap();
    desk.google.calendar(OTHER, "Team", "Europe/Berlin", ME);
    // The one that was found goes on being meant, as long as it is called so.
    assert_eq!(pull(&desk, Some(&cursor)).unwrap().changes, []);
    let error = pull(&desk, None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Gone);
    assert!(
        error
            .message
            .contains("more than one calendar of this name; give its `id`"),
        "{error}"
    );
}

#[test]
fn a_name_that_passed_to_another_calendar_means_that_one() {
    for is_deleted in [true, false] {
        let desk = desk();
        let cursor = pull(&desk, None).unwrap().cursor.unwrap();
        match is_deleted {
            true => desk.google.remove_calendar(TEAM),
            false => desk.google.rename_calendar(TEAM, "Crew"),
        }
        desk.google.calendar(OTHER, "Team", "Europe/Berlin", ME);
        desk.google.put(OTHER, event("one"));
        desk.google.put(OTHER, event("two"));
        let pulled = pull(&desk, Some(&cursor)).unwrap();
        let Listing::Whole(there) = &pulled.listing else {
            panic!("another calendar is read from the beginning: {pulled:?}");
        };
        assert_eq!((there.len(), seen(&pulled)), (2, 2));
        pull(&desk, Some(&pulled.cursor.unwrap())).unwrap();
        assert_eq!(desk.google.requests().len(), 1);
    }
}

#[test]
fn a_calendar_that_is_gone_is_said_by_its_name() {
    let desk = desk();
    let cursor = pull(&desk, None).unwrap().cursor.unwrap();
    desk.google.remove_calendar(TEAM);
    let error = pull(&desk, Some(&cursor)).unwrap_err();
    assert!(
        error.message.contains("no calendar of this name (Team)"),
        "{error}"
    );
}

#[test]
fn a_list_that_cannot_be_had_now_is_for_another_try() {
    let desk = desk();
    let cursor = pull(&desk, None).unwrap().cursor.unwrap();
    desk.google.rename_calendar(TEAM, "Crew");
    let busy = Fault::Answer(errors::backend_error());
    desk.google.fault(When::call("calendarList.list"), busy);
    let error = pull(&desk, Some(&cursor)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry(None), "{error}");
}

#[test]
fn a_cursor_that_cannot_be_read_is_none() {
    let desk = desk();
    let pulled = pull(
        &desk,
        Some(&Cursor("CPDAlvWDx70CEPDAlvWDx70CGAU=".to_owned())),
    )
    .unwrap();
    assert!(matches!(pulled.listing, Listing::Whole(_)));
}
