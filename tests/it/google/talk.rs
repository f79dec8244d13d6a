//! Whole conversations with a fake Google: what is asked and how often, and what comes of faults.

use std::collections::BTreeSet;

use calsync::{
    ident::{BlockId, Mint, Subject},
    model::{Block, Event, Face, Href, Part, Shape, Span},
    provider::{
        Change, Cursor, ErrorKind, Listing, Place, Provider as _, Pulled,
        google::{GoogleCalendar, Offer, Which},
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::shared::{asked, calendar, clock, hour, weekly};
use crate::support::{
    desk::{Desk, ME},
    google::{self, Fault, When, errors, exchange::Reply},
    shore::{Nothing, poll_out},
    world::home,
};

fn block(uid: &str, generation: u16) -> Block {
    let mint = Mint::new(&[7; 32]);
    let stem = mint.stem(Subject {
        source: &"home".into(),
        uid: &uid.into(),
        occurrence: &"".into(),
        target: &"work".into(),
    });
    let start: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
    Block {
        id: mint.id(&"work".into(), &stem, generation),
        shape: Shape::Once(Span::timed(start, start + SignedDuration::from_hours(1))),
        face: Face {
            title: "Busy".to_owned(),
            notes: "Made by calsync.".to_owned(),
        },
    }
}

fn whole(calendar: &mut GoogleCalendar) -> Pulled {
    poll_out(calendar.pull(None, &Nothing)).unwrap()
}

fn hrefs(pulled: &Pulled) -> BTreeSet<&str> {
    let seen = pulled.changes.iter().map(|change| match change {
        Change::Seen(resource) => &*resource.href,
        Change::Gone(href) | Change::Unreadable { href, .. } => &**href,
    });
    seen.collect()
}

#[test]
fn pages_short_and_empty_make_one_listing() {
    let desk = Desk::new();
    let ids: BTreeSet<String> = (0..7)
        .map(|i| desk.google.put(ME, hour(23, 9 + i)))
        .collect();
    desk.google.behave(|google| google.pages = vec![2, 0, 1, 0]);
    let pulled = whole(&mut calendar(&desk));
    assert_eq!(hrefs(&pulled), ids.iter().map(String::as_str).collect());
    assert_eq!(asked(&desk, "events.list"), 5);
    let Listing::Whole(present) = &pulled.listing else {
        panic!("everything was asked for");
    };
    assert_eq!(present.len(), 7);
}

#[test]
fn a_listing_that_was_interrupted_goes_on_where_it_was() {
    let desk = Desk::new();
    (0..6).for_each(|i| drop(desk.google.put(ME, hour(23, 9 + i))));
    desk.google.behave(|google| google.pages = vec![2, 2, 2]);
    let busy = Fault::Answer(errors::too_many_requests(Some("30")));
    let calls = || When::call("events.list").and(|request| request.param("pageToken").is_some());
    // The second page comes; the third does not, however often it is asked for.
    for nth in 2..7 {
        desk.google.fault(calls().nth(nth), busy.clone());
    }
    let mut calendar = calendar(&desk);
    let error = poll_out(calendar.pull(None, &Nothing)).unwrap_err();
    assert_eq!(
        error.kind,
        ErrorKind::Retry(Some(std::time::Duration::from_secs(30)))
    );
    desk.google.forget();
    let pulled = whole(&mut calendar);
    assert_eq!(hrefs(&pulled).len(), 6);
    assert_eq!(asked(&desk, "events.list"), 1, "no page is asked for again");
    desk.google.forget();
    whole(&mut calendar);
    assert_eq!(asked(&desk, "events.list"), 3, "and what is over is over");
}

#[test]
fn a_lost_sync_token_means_reading_everything_and_deletes_nothing() {
    let desk = Desk::new();
    let kept = desk.google.put(ME, hour(23, 9));
    let mut calendar = calendar(&desk);
    let cursor = whole(&mut calendar).cursor.unwrap();
    desk.google.expire_sync_tokens(ME);
    desk.google.forget();
    let pulled = poll_out(calendar.pull(Some(&cursor), &Nothing)).unwrap();
    assert_eq!(pulled.listing, Listing::Whole([Href::from(kept)].into()));
    assert!(
        !pulled
            .changes
            .iter()
            .any(|change| matches!(change, Change::Gone(_)))
    );
    assert_eq!(asked(&desk, "events.list"), 2);
    assert_ne!(pulled.cursor, Some(cursor));
}

#[test]
fn nothing_is_believed_of_a_listing_that_makes_no_sense() {
    let list = || When::call("events.list");
    let other =
        |name: &'static str, value: Value| Fault::alter(move |body| body[name] = value.clone());
    let empty = Fault::alter(|body| {
        body.as_object_mut().unwrap().remove("nextSyncToken");
    });
    for (fault, kind) in [
        (other("kind", json!("calendar#calendar")), ErrorKind::Broken),
        (other("kind", Value::Null), ErrorKind::Broken),
        (other("items", json!("none")), ErrorKind::Broken),
        (empty, ErrorKind::Broken),
        (Fault::Cut(60), ErrorKind::Retry(None)),
        (Fault::CutChunked(60), ErrorKind::Retry(None)),
        (Fault::Close, ErrorKind::Retry(None)),
        (Fault::Answer(errors::unavailable()), ErrorKind::Retry(None)),
        (Fault::Answer(errors::not_found()), ErrorKind::Gone),
    ] {
        let desk = Desk::new();
        desk.google.put(ME, hour(23, 9));
        desk.google.fault(list(), fault);
        let error = poll_out(calendar(&desk).pull(None, &Nothing)).unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        // A connection that broke knows only where it led.
        assert!(
            kind == ErrorKind::Retry(None) || error.message.contains("account work"),
            "{error}"
        );
    }
}

#[test]
fn a_page_that_leads_to_itself_ends() {
    let desk = Desk::new();
    let page = json!({"kind": "calendar#events", "items": [], "nextPageToken": "again"});
    let endless = Fault::Answer(Reply::json(200, &page));
    desk.google.fault(When::call("events.list"), endless);
    let error = poll_out(calendar(&desk).pull(None, &Nothing)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Broken, "{error}");
    assert!(error.message.contains("leads back"), "{error}");
    assert_eq!(asked(&desk, "events.list"), 2);
}

#[test]
fn an_odd_event_spoils_nothing_else() {
    let desk = Desk::new();
    let good = desk.google.put(ME, hour(23, 9));
    desk.google.put_odd(
        ME,
        json!({"id": "odd12", "iCalUID": "odd@example.org", "status": "confirmed",
        "summary": "xyzzy-secret", "start": {"dateTime": "xyzzy-secret"}, "end": 7}),
    );
    let pulled = whole(&mut calendar(&desk));
    assert_eq!(hrefs(&pulled), [good.as_str(), "odd12"].into());
    let odd = pulled.changes.iter().find_map(|change| match change {
        Change::Seen(resource) if &*resource.href == "odd12" => resource.parts.first(),
        _ => None,
    });
    assert!(matches!(odd, Some(Part::Unreadable { uid, why, .. })
        if &**uid == "odd@example.org" && !why.contains("xyzzy")));
}

#[test]
fn after_something_odd_all_is_read_once_and_no_more() {
    let desk = Desk::new();
    let first = whole(&mut calendar(&desk));
    let odd = json!({"id": "odd12", "iCalUID": "odd@example.org", "status": "confirmed",
        "start": {"dateTime": "xyzzy-secret"}, "end": 7});
    desk.google.put_odd(ME, odd);
    let next = poll_out(calendar(&desk).pull(first.cursor.as_ref(), &Nothing)).unwrap();
    assert_eq!(next.listing, Listing::Delta);
    assert_eq!((next.changes.len(), next.cursor), (1, None));
    let again = whole(&mut calendar(&desk));
    assert_eq!(again.changes.len(), 1);
    let last = poll_out(calendar(&desk).pull(again.cursor.as_ref(), &Nothing)).unwrap();
    assert_eq!((last.listing, last.changes), (Listing::Delta, vec![]));
    assert!(last.cursor.is_some());
}

#[test]
fn a_block_that_is_said_to_be_gone_is_looked_for_before_that_is_believed() {
    let desk = Desk::new();
    let mut calendar = calendar(&desk);
    let place = poll_out(calendar.create(&block("a", 0))).unwrap();
    let missed = Fault::Answer(errors::not_found());
    desk.google
        .fault(When::call("events.delete").nth(1), missed);
    let error = poll_out(calendar.remove(&place)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    poll_out(calendar.remove(&place)).unwrap();
    assert!(desk.google.events(ME).is_empty());
    poll_out(calendar.remove(&place)).unwrap();
}

#[test]
fn ids_with_signs_in_them_reach_the_calendar_they_mean() {
    for id in [
        "en.usa#holiday@group.v.calendar.google.com",
        "a/b?c=d&e f%20ü@x",
    ] {
        let desk = Desk::new();
        desk.google.calendar(id, "Odd", "Europe/Berlin", ME);
        desk.google.put(id, hour(23, 9));
        let mut calendar = desk.calendar(id, &home(), &clock());
        assert_eq!(hrefs(&whole(&mut calendar)).len(), 1);
        let place = poll_out(calendar.create(&block("a", 0))).unwrap();
        assert!(
            poll_out(calendar.look(&block("a", 0).id))
                .unwrap()
                .is_some()
        );
        poll_out(calendar.remove(&place)).unwrap();
        assert!(poll_out(calendar.probe()).unwrap().writable);
        assert!(desk.google.events(ME).is_empty());
        assert_eq!(asked(&desk, "unknown"), 0);
    }
}

#[test]
fn a_write_whose_answer_was_lost_is_found_again() {
    for fault in [
        Fault::LoseAnswer,
        Fault::Cut(20),
        Fault::alter(|body| body["kind"] = json!("x")),
    ] {
        let desk = Desk::new();
        let mut calendar = calendar(&desk);
        desk.google.fault(When::call("events.insert").nth(1), fault);
        let block = block("a", 0);
        let lost = poll_out(calendar.create(&block)).unwrap_err();
        assert!(matches!(lost.kind, ErrorKind::Retry(_)), "{lost}");
        let again = poll_out(calendar.create(&block)).unwrap_err();
        assert_eq!(again.kind, ErrorKind::Exists);
        assert_eq!(desk.google.events(ME).len(), 1);
    }
}

#[test]
fn a_deleted_id_is_called_back_or_spent() {
    for revives in [true, false] {
        let desk = Desk::new();
        desk.google
            .behave(|google| google.deleted_ids_can_be_revived = revives);
        let mut calendar = calendar(&desk);
        let place = poll_out(calendar.create(&block("a", 0))).unwrap();
        poll_out(calendar.remove(&place)).unwrap();
        let again = poll_out(calendar.create(&block("a", 0)));
        match revives {
            true => assert_ne!(again.unwrap().version, place.version),
            false => {
                assert_eq!(again.unwrap_err().kind, ErrorKind::Spent);
                poll_out(calendar.create(&block("a", 1))).unwrap();
            }
        }
        assert_eq!(desk.google.events(ME).len(), 1);
    }
}

#[test]
fn an_edit_in_between_is_not_written_over() {
    let desk = Desk::new();
    let mut calendar = calendar(&desk);
    let place = poll_out(calendar.create(&block("a", 0))).unwrap();
    desk.google
        .alter(ME, &place.href, json!({"location": "Here"}));
    let before = desk.google.events(ME);
    for error in [
        poll_out(calendar.replace(&place, &block("a", 0))).unwrap_err(),
        poll_out(calendar.remove(&place)).unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    }
    assert_eq!(desk.google.events(ME), before);
}

#[test]
fn a_refused_token_is_renewed_once() {
    let desk = Desk::new();
    let mut calendar = calendar(&desk);
    whole(&mut calendar);
    desk.google.expire_access_tokens();
    whole(&mut calendar);
    desk.google.fault(
        When::call("events.list"),
        Fault::Answer(errors::invalid_credentials()),
    );
    desk.google.forget();
    // A new run, in which nothing was refused yet.
    let mut calendar = self::calendar(&desk);
    let error = poll_out(calendar.pull(None, &Nothing)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::SignIn);
    assert_eq!(asked(&desk, "events.list"), 2);
}

#[test]
fn when_the_quota_is_used_up_the_account_is_left_alone() {
    let desk = Desk::new();
    desk.google
        .calendar("other@example.org", "Other", "Europe/Berlin", ME);
    let quota = Fault::Answer(errors::usage_limit("quotaExceeded"));
    desk.google.fault(When::call("events.insert"), quota);
    let account = desk.account(&clock());
    let on = |id: &str| GoogleCalendar::new(&account, Which::Id(id.to_owned()), &home());
    for id in [ME, "other@example.org"] {
        let error = poll_out(on(id).create(&block("a", 0))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
    }
    assert_eq!(asked(&desk, "events.insert"), 1);
    assert!(
        poll_out(on(ME).pull(None, &Nothing)).is_ok(),
        "reading goes on"
    );
}

#[test]
fn a_calendar_that_may_only_be_read_says_so() {
    let desk = Desk::new();
    desk.google.calendar(
        "boss@example.org",
        "Boss",
        "Europe/Berlin",
        "boss@example.org",
    );
    for (role, writable) in [
        (google::Role::FreeBusyReader, false),
        (google::Role::Reader, false),
        (google::Role::WriterWithoutPrivateAccess, true),
        (google::Role::Writer, true),
        (google::Role::Owner, true),
    ] {
        desk.google.set_role("boss@example.org", ME, Some(role));
        let mut calendar = desk.calendar("boss@example.org", &home(), &clock());
        assert_eq!(poll_out(calendar.probe()).unwrap().writable, writable);
        if !writable {
            let error = poll_out(calendar.create(&block("a", 0))).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Refused);
            assert!(error.message.contains("role = \"source\""), "{error}");
        }
    }
    desk.google.remove_calendar("boss@example.org");
    let mut calendar = desk.calendar("boss@example.org", &home(), &clock());
    for error in [
        poll_out(calendar.probe()).unwrap_err(),
        poll_out(calendar.pull(None, &Nothing)).unwrap_err(),
        poll_out(calendar.create(&block("a", 0))).unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Gone);
        assert!(error.message.contains("calsync calendars work"), "{error}");
    }
}

#[test]
fn free_and_busy_alone_are_busy() {
    let desk = Desk::new();
    desk.google.calendar(
        "boss@example.org",
        "Boss",
        "Europe/Berlin",
        "boss@example.org",
    );
    desk.google.put("boss@example.org", hour(23, 9));
    desk.google
        .set_role("boss@example.org", ME, Some(google::Role::FreeBusyReader));
    let pulled = whole(&mut desk.calendar("boss@example.org", &home(), &clock()));
    let [Change::Seen(resource)] = &pulled.changes[..] else {
        panic!("{pulled:?}");
    };
    assert!(
        matches!(&resource.parts[..], [Part::Event { event: Event { master: Some(master), .. }, .. }]
        if master.standing.is_busy())
    );
}

#[test]
fn the_calendars_of_an_account_are_listed() {
    let desk = Desk::new();
    desk.google.calendar(
        "team@example.org",
        "Team",
        "America/New_York",
        "boss@example.org",
    );
    desk.google
        .set_role("team@example.org", ME, Some(google::Role::Reader));
    let offers = poll_out(desk.account(&clock()).calendars()).unwrap();
    let team = Offer {
        id: "team@example.org".to_owned(),
        name: "Team".to_owned(),
        writable: false,
        zone: Some("America/New_York".to_owned()),
        primary: false,
    };
    assert_eq!(offers.len(), 2);
    assert!(offers.contains(&team), "{offers:?}");
    assert!(
        offers
            .iter()
            .any(|offer| offer.id == ME && offer.primary && offer.writable)
    );
    // And one can be meant by its name.
    desk.google.put("team@example.org", hour(23, 9));
    let named = |name: &str| {
        GoogleCalendar::new(
            &desk.account(&clock()),
            Which::Name(name.to_owned()),
            &home(),
        )
    };
    assert_eq!(hrefs(&whole(&mut named("Team"))).len(), 1);
    let error = poll_out(named("Tea").pull(None, &Nothing)).unwrap_err();
    assert!(error.kind == ErrorKind::Gone && error.message.contains("calsync calendars work"));
}

#[test]
fn a_series_that_nobody_remembers_is_looked_at() {
    let desk = Desk::new();
    let series = desk.google.put(ME, weekly(23));
    let mut calendar = calendar(&desk);
    let cursor: Cursor = whole(&mut calendar).cursor.unwrap();
    let gone = desk.google.instance_id(
        ME,
        &series,
        &json!({"dateTime": "2026-11-30T09:00:00+01:00"}),
    );
    desk.google.cancel(ME, &gone);
    // Nobody remembers the series, and of a cancelled occurrence Google need not say whose it is.
    let bare = Fault::alter(|body| {
        for item in body["items"].as_array_mut().unwrap() {
            item.as_object_mut().unwrap().remove("iCalUID");
        }
    });
    desk.google.fault(When::call("events.list"), bare);
    desk.google.forget();
    let pulled = poll_out(calendar.pull(Some(&cursor), &Nothing)).unwrap();
    assert_eq!(asked(&desk, "events.get"), 1);
    let uids: BTreeSet<&str> = pulled
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Seen(resource) => resource.parts.iter().find_map(|part| match part {
                Part::Event { uid, .. } => Some(&**uid),
                Part::Unreadable { .. } => None,
            }),
            _ => None,
        })
        .collect();
    assert_eq!(uids.len(), 1, "both are of the same series: {uids:?}");
}

#[test]
fn what_is_gone_is_gone_and_never_made_by_a_change() {
    let desk = Desk::new();
    let mut calendar = calendar(&desk);
    let place: Place = poll_out(calendar.create(&block("a", 0))).unwrap();
    let id: BlockId = block("a", 0).id;
    desk.google.cancel(ME, &place.href);
    let error = poll_out(calendar.replace(&place, &block("a", 0))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Gone);
    poll_out(calendar.remove(&place)).unwrap();
    assert!(poll_out(calendar.look(&id)).unwrap().is_none());
    assert_eq!(desk.google.events(ME), Vec::<Value>::new());
}
