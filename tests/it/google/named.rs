//! Calendars that go by their name at Google: looked up once, remembered, and looked up again when there is reason to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
};

use calsync::{
    clock::Clock,
    ident::Mint,
    model::{Href, Version},
    provider::{
        Change, Cursor, ErrorKind, Known, Listing, Provider as _, ProviderError, Pulled,
        google::{GoogleCalendar, Which},
    },
    state::{Reader, Reading, State},
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

/// Knows how far was read, though nothing may be read on from there.
#[derive(Debug)]
struct Last(Cursor);

impl Known for Last {
    fn versions(&self) -> BTreeMap<Href, Version> {
        BTreeMap::new()
    }

    fn last_cursor(&self) -> Option<Cursor> {
        Some(self.0.clone())
    }
}

/// What a new run reads.
fn pull(desk: &Desk, since: Option<&Cursor>) -> Result<Pulled, ProviderError> {
    pull_knowing(desk, since, &Nothing)
}

fn pull_knowing(
    desk: &Desk,
    since: Option<&Cursor>,
    known: &dyn Known,
) -> Result<Pulled, ProviderError> {
    desk.google.forget();
    let clock = Clock::at("2026-11-21T08:00:00Z".parse().unwrap());
    let which = Which::Name("Team".to_owned());
    let mut calendar = GoogleCalendar::new(&desk.account(&clock), which, &home());
    poll_out(calendar.pull(since, known))
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
fn a_calendar_that_was_found_is_known_whatever_it_is_called_now() {
    let desk = desk();
    let mut cursor = pull(&desk, None).unwrap().cursor.unwrap();
    desk.google.rename_calendar(TEAM, "Crew");
    for lists in [1, 0] {
        let next = pull(&desk, Some(&cursor)).unwrap();
        assert_eq!(
            (next.listing, asked(&desk, "calendarList.list")),
            (Listing::Delta, lists)
        );
        cursor = next.cursor.unwrap();
    }
    let error = pull(&desk, None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Gone);
    for words in [
        "account work",
        "no calendar of this name (Team)",
        "calsync calendars work",
    ] {
        assert!(error.message.contains(words), "{error}");
    }
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
fn a_name_that_passed_to_another_calendar_is_told_and_not_followed() {
    for is_deleted in [true, false] {
        let desk = desk();
        let cursor = pull(&desk, None).unwrap().cursor.unwrap();
        match is_deleted {
            true => desk.google.remove_calendar(TEAM),
            false => desk.google.rename_calendar(TEAM, "Other"),
        }
        desk.google.calendar(OTHER, "Team", "Europe/Berlin", ME);
        for since in [Some(&cursor), None] {
            let error = pull_knowing(&desk, since, &Last(cursor.clone())).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Broken, "{error}");
            for words in [
                "account work",
                "another calendar by the name Team than before",
                &format!("id = \"{TEAM}\""),
                &format!("id = \"{OTHER}\""),
            ] {
                assert!(error.message.contains(words), "{error}");
            }
            let page = format!("/calendars/{}/events", OTHER.replace('@', "%40"));
            let requests = desk.google.requests();
            assert!(!requests.iter().any(|r| r.request.path.ends_with(&page)));
        }
    }
}

#[test]
fn names_that_the_account_itself_gives_may_be_swapped() {
    let desk = desk();
    desk.google.calendar(OTHER, "Other", "Europe/Berlin", ME);
    let cursor = pull(&desk, None).unwrap().cursor.unwrap();
    // Only the list knows of these names, and it is not asked every time.
    let swap = Fault::alter(|body| {
        for item in body["items"].as_array_mut().unwrap() {
            let is_team = item["summary"] == "Team";
            item["summaryOverride"] = if is_team { "Other" } else { "Team" }.into();
        }
    });
    desk.google.fault(When::call("calendarList.list"), swap);
    let next = pull(&desk, Some(&cursor)).unwrap();
    assert_eq!(next.listing, Listing::Delta);
    let error = pull_knowing(&desk, None, &Last(cursor)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Broken, "{error}");
}

#[test]
fn titles_and_lists_that_change_all_the_time_come_to_an_end() {
    let desk = desk();
    let cursor = pull(&desk, None).unwrap().cursor.unwrap();
    desk.google.behave(|google| google.pages = vec![0; 20]);
    desk.google.put(TEAM, event("second"));
    let count = AtomicUsize::new(0);
    let flip = Fault::alter(move |body| {
        let nth = count.fetch_add(1, Ordering::Relaxed);
        body["summary"] = format!("Title {nth}").into();
    });
    desk.google.fault(When::call("events.list"), flip);
    let next = pull(&desk, Some(&cursor)).unwrap();
    // The list comes in as many pages: it was looked at once.
    assert_eq!((seen(&next), asked(&desk, "calendarList.list")), (1, 21));
    assert_eq!(asked(&desk, "events.list"), 21);
}

#[test]
fn what_a_name_means_is_remembered_when_all_is_read_anew() {
    let mut state = State::in_memory().unwrap();
    let (name, reading) = ("work".into(), Reading("as ever".to_owned()));
    assert_eq!(state.last_cursor(&name).unwrap(), None);
    let mint = Mint::new(&[7; 32]);
    let reader = Reader {
        mint: &mint,
        others: &BTreeSet::new(),
        home: &home(),
        served: true,
        steady: false,
    };
    let pulled = |changes: Vec<Change>| Pulled {
        listing: Listing::Delta,
        cursor: Some(Cursor(format!("so far {}", changes.len()))),
        changes,
    };
    let odd = Change::Unreadable {
        href: "a".into(),
        version: "1".into(),
        why: "odd".to_owned(),
        is_known: false,
        names: BTreeSet::new(),
    };
    for changes in [vec![], vec![odd.clone()]] {
        let pulled = pulled(changes);
        state.record(&name, &reading, &pulled, reader).unwrap();
        assert_eq!(state.last_cursor(&name).unwrap(), pulled.cursor);
        state.forget_cursor(&name).unwrap();
        assert_eq!(state.cursor(&name, &reading).unwrap(), None);
        assert_eq!(state.last_cursor(&name).unwrap(), pulled.cursor);
    }
    // A listing from which nothing goes on knows no better.
    let after = |changes| Pulled {
        cursor: None,
        ..pulled(changes)
    };
    let before = state.last_cursor(&name).unwrap();
    for changes in [vec![odd], vec![]] {
        state
            .record(&name, &reading, &after(changes), reader)
            .unwrap();
        assert_eq!(state.cursor(&name, &reading).unwrap(), None);
        assert_eq!(state.last_cursor(&name).unwrap(), before);
    }
    let plain = pulled(vec![]);
    state.record(&name, &reading, &plain, reader).unwrap();
    state
        .record(&name, &reading, &after(vec![]), reader)
        .unwrap();
    assert_eq!(state.last_cursor(&name).unwrap(), plain.cursor);
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
