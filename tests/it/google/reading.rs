//! Listings that a fake Google gives: pages, what is new, what is odd, and what is not to be believed.

use std::collections::{BTreeMap, BTreeSet};

use calsync::{
    clock::Clock,
    model::{Event, Href, Part, Version},
    provider::{
        Change, Cursor, ErrorKind, Known, Listing, Provider as _, Pulled,
        google::{GoogleCalendar, Offer, Which},
    },
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::shared::{asked, calendar, clock, hour, hrefs, weekly, whole};
use crate::support::{
    desk::{Desk, ME},
    google::{self, Fault, When, errors, exchange::Reply},
    shore::{Nothing, poll_out},
    world::home,
};

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

/// Remembers what the last listing brought.
#[derive(Default)]
struct Memory(BTreeMap<Href, Version>);

impl Memory {
    fn of(pulled: &Pulled) -> Self {
        let seen = pulled.changes.iter().filter_map(|change| match change {
            Change::Seen(resource) => Some((resource.href.clone(), resource.version.clone())),
            _ => None,
        });
        Self(seen.collect())
    }
}

impl Known for Memory {
    fn versions(&self) -> BTreeMap<Href, Version> {
        self.0.clone()
    }

    fn exceptions(&self, series: &Href) -> Vec<Href> {
        let of_it = format!("{series}_");
        let all = self.0.keys().filter(|href| href.starts_with(&of_it));
        all.cloned().collect()
    }
}

/// An event that nobody can read, perhaps without its UID.
fn put_odd(desk: &Desk, uid: Option<&str>) {
    let mut odd = json!({"id": "odd12", "status": "confirmed",
        "start": {"dateTime": "xyzzy-secret"}, "end": 7});
    if let Some(uid) = uid {
        odd["iCalUID"] = json!(uid);
    }
    desk.google.put_odd(ME, odd);
}

#[test]
fn after_something_odd_all_is_read_once_and_no_more() {
    for uid in [Some("odd@example.org"), None] {
        let desk = Desk::new();
        let first = whole(&mut calendar(&desk));
        put_odd(&desk, uid);
        let next = poll_out(calendar(&desk).pull(first.cursor.as_ref(), &Nothing)).unwrap();
        assert_eq!(next.listing, Listing::Delta);
        assert_eq!((next.changes.len(), next.cursor.as_ref()), (1, None));
        let again = poll_out(calendar(&desk).pull(None, &Memory::of(&next))).unwrap();
        assert_eq!(again.changes, next.changes);
        let last = poll_out(calendar(&desk).pull(again.cursor.as_ref(), &Nothing)).unwrap();
        assert_eq!((last.listing, last.changes), (Listing::Delta, vec![]));
        assert!(last.cursor.is_some());
    }
}

#[test]
fn something_odd_in_a_listing_of_everything_is_looked_at_once_more() {
    let desk = Desk::new();
    desk.google.put(ME, hour(23, 9));
    let garbled = Fault::alter(|body| body["items"][0]["start"] = json!({"dateTime": "xyzzy"}));
    desk.google.fault(When::call("events.list").nth(1), garbled);
    let first = whole(&mut calendar(&desk));
    assert_eq!(first.cursor, None);
    let second = poll_out(calendar(&desk).pull(None, &Memory::of(&first))).unwrap();
    assert!(second.cursor.is_some());
    assert_ne!(first.changes, second.changes);
    // What stays odd is not looked at for ever, but when it changes.
    put_odd(&desk, None);
    let odd = whole(&mut calendar(&desk));
    let memory = Memory::of(&odd);
    assert_eq!(odd.cursor, None);
    for _ in 0..2 {
        let again = poll_out(calendar(&desk).pull(None, &memory)).unwrap();
        assert!(again.cursor.is_some());
    }
}

#[test]
fn a_series_that_is_said_to_be_unknown_is_not_held_for_gone() {
    let desk = Desk::new();
    let series = desk.google.put(ME, weekly(23));
    let mut calendar = calendar(&desk);
    let cursor = whole(&mut calendar).cursor.unwrap();
    let at = json!({"dateTime": "2026-11-30T09:00:00+01:00"});
    desk.google
        .cancel(ME, &desk.google.instance_id(ME, &series, &at));
    let missed = Fault::Answer(errors::not_found());
    desk.google.fault(When::call("events.get"), missed);
    desk.google.forget();
    let pulled = poll_out(calendar.pull(Some(&cursor), &Nothing)).unwrap();
    let Listing::Whole(present) = &pulled.listing else {
        panic!("only a listing of everything tells what is gone: {pulled:?}");
    };
    assert!(present.contains(series.as_str()), "{present:?}");
    assert_eq!(
        (asked(&desk, "events.list"), asked(&desk, "events.get")),
        (2, 1)
    );
    assert!(pulled.cursor.is_some());
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
fn where_only_free_and_busy_are_told_all_is_read_when_anything_changed() {
    let desk = Desk::new();
    let boss = "boss@example.org";
    desk.google.calendar(boss, "Boss", "Europe/Berlin", boss);
    let mut few = weekly(23);
    few["recurrence"] = json!(["RRULE:FREQ=WEEKLY;COUNT=40"]);
    let series = desk.google.put(boss, few);
    desk.google
        .set_role(boss, ME, Some(google::Role::FreeBusyReader));
    let mut calendar = desk.calendar(boss, &home(), &clock());
    let first = whole(&mut calendar);
    assert_eq!(first.changes.len(), 40, "one by one");
    let pull = |calendar: &mut GoogleCalendar, last: &Pulled| {
        poll_out(calendar.pull(last.cursor.as_ref(), &Nothing)).unwrap()
    };
    desk.google.forget();
    let second = pull(&mut calendar, &first);
    assert_eq!(
        (&second.listing, asked(&desk, "events.list")),
        (&Listing::Delta, 1)
    );
    // Of the occurrences that are no more, Google says nothing, or not of all.
    let shorter = json!({"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"]});
    desk.google.alter(boss, &series, shorter);
    let third = pull(&mut calendar, &second);
    assert!(
        matches!(&third.listing, Listing::Whole(all) if all.len() == 3),
        "{third:?}"
    );
    desk.google.cancel(boss, &series);
    let fourth = pull(&mut calendar, &third);
    assert!(
        matches!(&fourth.listing, Listing::Whole(all) if all.is_empty()),
        "{fourth:?}"
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
fn once_a_day_everything_is_read_and_what_is_missing_is_looked_at() {
    let desk = Desk::new();
    let [kept, left_out, cancelled] = [9, 10, 11].map(|at| desk.google.put(ME, hour(23, at)));
    let first = whole(&mut calendar(&desk));
    let known = Memory::of(&first);
    desk.google.cancel(ME, &cancelled);
    let hidden = left_out.clone();
    // Google leaves one out that is there; of the other one it told nothing.
    desk.google.fault(
        When::call("events.list"),
        Fault::alter(move |body| {
            let items = body["items"].as_array_mut().unwrap();
            items.retain(|item| item["id"] != *hidden && item["status"] != "cancelled");
        }),
    );
    let there: BTreeSet<Href> = [kept, left_out].map(Href::from).into();
    for (hours, is_whole) in [(23, false), (25, true), (-1, true)] {
        let later = clock().now() + SignedDuration::from_hours(hours);
        let mut calendar = desk.calendar(ME, &home(), &Clock::at(later));
        desk.google.forget();
        let pulled = poll_out(calendar.pull(first.cursor.as_ref(), &known)).unwrap();
        let is_listed = pulled.listing == Listing::Whole(there.clone());
        assert_eq!(is_listed, is_whole, "{hours}: {:?}", pulled.listing);
        assert_eq!(pulled.listing == Listing::Delta, !is_whole, "{hours}");
        let looks = if is_whole { 2 } else { 0 };
        assert_eq!(asked(&desk, "events.list"), 1);
        assert_eq!(asked(&desk, "events.get"), looks, "{hours}");
        // A day later is counted from now on.
        let next = poll_out(calendar.pull(pulled.cursor.as_ref(), &known)).unwrap();
        assert_eq!(next.listing, Listing::Delta, "{hours}");
    }
}

/// Leaves these out of all listings.
fn hide(desk: &Desk, hidden: &[String]) {
    let hidden = hidden.to_vec();
    let without = Fault::alter(move |body| {
        let items = body["items"].as_array_mut().unwrap();
        items.retain(|item| !hidden.iter().any(|id| item["id"] == **id));
    });
    desk.google.fault(When::call("events.list"), without);
}

/// The listing of everything that comes after another one.
fn read_again(desk: &Desk, first: &Pulled) -> Result<BTreeSet<Href>, ErrorKind> {
    // Also where nothing is read on from: after something odd, or because somebody asked for it.
    let pulled = poll_out(calendar(desk).pull(None, &Memory::of(first)));
    match pulled.map_err(|error| error.kind)?.listing {
        Listing::Whole(present) => Ok(present),
        Listing::Delta => panic!("it was to read everything"),
    }
}

#[test]
fn what_is_looked_at_by_itself_is_read_in_the_zone_of_its_calendar_too() {
    let desk = Desk::new();
    let team = "team@example.org";
    desk.google.calendar(team, "Team", "America/New_York", ME);
    desk.google.put_odd(
        team,
        json!({"id": "bare1", "iCalUID": "bare@example.org", "status": "confirmed",
            "recurrence": ["RRULE:FREQ=WEEKLY"],
            "start": {"dateTime": "2026-03-02T09:00:00-05:00"},
            "end": {"dateTime": "2026-03-02T10:00:00-05:00"}}),
    );
    let team = || desk.calendar(team, &home(), &clock());
    let first = whole(&mut team());
    hide(&desk, &["bare1".to_owned()]);
    let again = poll_out(team().pull(None, &Memory::of(&first))).unwrap();
    assert_eq!(asked(&desk, "events.get"), 1);
    assert_eq!(again.changes, first.changes);
}

#[test]
fn what_a_listing_lacks_is_gone_only_if_nothing_of_it_is_there() {
    let desk = Desk::new();
    let all: Vec<String> = (0..120).map(|_| desk.google.put(ME, hour(23, 9))).collect();
    let first = whole(&mut calendar(&desk));
    // More than anybody asks for one by one.
    hide(&desk, &all[..60]);
    assert_eq!(read_again(&desk, &first), Err(ErrorKind::Broken));
    for id in &all[..60] {
        desk.google.erase(ME, id);
    }
    let left: BTreeSet<Href> = all[60..].iter().map(|id| Href::from(&**id)).collect();
    assert_eq!(read_again(&desk, &first), Ok(left));
}

#[test]
fn what_google_refuses_to_tell_of_stays_and_holds_up_nothing_else() {
    let cases = [
        (errors::forbidden(), 2),
        (Reply::json(400, &json!({"error": {"code": 400}})), 2),
        // Of a server that has trouble nobody goes on asking.
        (errors::backend_error(), 4),
    ];
    for (refusal, stay) in cases {
        let desk = Desk::new();
        let all = [9, 10, 11, 12].map(|at| desk.google.put(ME, hour(23, at)));
        let first = whole(&mut calendar(&desk));
        for id in &all[..3] {
            desk.google.erase(ME, id);
        }
        let mut erased = all[..3].to_vec();
        erased.sort();
        let refused = erased[0].clone();
        let this = When::call("events.get").and(move |request| request.path.ends_with(&refused));
        desk.google.fault(this, Fault::Answer(refusal));
        let present = read_again(&desk, &first).unwrap();
        assert!(present.contains(&*erased[0]) && present.contains(&*all[3]));
        assert_eq!(present.len(), stay, "{present:?}");
    }
}

#[test]
fn whatever_nobody_was_asked_for_since_google_was_away_is_asked_for_in_the_next_run() {
    for (is_away, refusal) in [
        (true, errors::backend_error()),
        (false, errors::forbidden()),
    ] {
        let (desk, clock) = (Desk::new(), clock());
        let calendar = || desk.calendar(ME, &home(), &clock);
        let erased = desk.google.put(ME, hour(23, 9));
        let first = whole(&mut calendar());
        let memory = Memory::of(&first);
        desk.google.erase(ME, &erased);
        desk.google
            .fault(When::call("events.get"), Fault::Answer(refusal));
        let second = poll_out(calendar().pull(None, &memory)).unwrap();
        assert_eq!(second.listing, Listing::Whole([Href::from(erased)].into()));
        desk.google.clear_faults();
        let third = poll_out(calendar().pull(second.cursor.as_ref(), &memory)).unwrap();
        // What Google will not tell of can wait until everything is read once more.
        let is_gone = third.listing == Listing::Whole([].into());
        assert_eq!(is_gone, is_away, "{third:?}");
    }
}

#[test]
fn a_moved_occurrence_that_a_listing_lacks_is_looked_at() {
    let desk = Desk::new();
    let series = desk.google.put(ME, weekly(23));
    let at = json!({"dateTime": "2026-11-30T09:00:00+01:00"});
    let to = json!({"dateTime": "2026-11-30T15:00:00+01:00"});
    let end = json!({"dateTime": "2026-11-30T16:00:00+01:00"});
    desk.google.move_occurrence(ME, &series, &at, &to, &end);
    let first = whole(&mut calendar(&desk));
    let moved = desk.google.instance_id(ME, &series, &at);
    hide(&desk, std::slice::from_ref(&moved));
    assert!(read_again(&desk, &first).unwrap().contains(&*moved));
}

#[test]
fn moved_occurrences_of_a_series_that_a_listing_lacks_stay_with_it() {
    for refused in [false, true] {
        let desk = Desk::new();
        let series = desk.google.put(ME, weekly(23));
        let at = json!({"dateTime": "2026-11-30T09:00:00+01:00"});
        let to = json!({"dateTime": "2026-11-30T15:00:00+01:00"});
        let end = json!({"dateTime": "2026-11-30T16:00:00+01:00"});
        desk.google.move_occurrence(ME, &series, &at, &to, &end);
        let first = whole(&mut calendar(&desk));
        let moved = desk.google.instance_id(ME, &series, &at);
        hide(&desk, &[moved.clone(), series.clone()]);
        if refused {
            let refusal = Fault::Answer(errors::forbidden());
            desk.google.fault(When::call("events.get"), refusal);
        }
        let present = read_again(&desk, &first).unwrap();
        assert!(
            present.contains(&*moved) && present.contains(&*series),
            "{present:?}"
        );
    }
}

#[test]
fn holes_that_are_listed_stay_while_nobody_knows_of_their_series() {
    let desk = Desk::new();
    let series = desk.google.put(ME, weekly(23));
    let at = json!({"dateTime": "2026-11-30T09:00:00+01:00"});
    let hole = desk.google.instance_id(ME, &series, &at);
    desk.google.cancel(ME, &hole);
    let first = whole(&mut calendar(&desk));
    hide(&desk, std::slice::from_ref(&series));
    let refusal = Fault::Answer(errors::forbidden());
    desk.google.fault(When::call("events.get"), refusal);
    let present = read_again(&desk, &first).unwrap();
    assert!(
        present.contains(&*hole) && present.contains(&*series),
        "{present:?}"
    );
}

#[test]
fn of_many_occurrences_that_a_listing_lacks_none_is_given_up_while_some_are_there() {
    let desk = Desk::new();
    let series = desk.google.put(ME, {
        let mut daily = hour(1, 9);
        daily["recurrence"] = json!(["RRULE:FREQ=DAILY;COUNT=100"]);
        daily
    });
    let mut moved = Vec::new();
    for day in 1..=60 {
        let date = jiff::civil::date(2026, 11, 1) + jiff::ToSpan::days(day);
        let time = |hour: u8| json!({"dateTime": format!("{date}T{hour:02}:00:00+01:00")});
        desk.google
            .move_occurrence(ME, &series, &time(9), &time(15), &time(16));
        moved.push(desk.google.instance_id(ME, &series, &time(9)));
    }
    let first = whole(&mut calendar(&desk));
    hide(&desk, &moved);
    let present = read_again(&desk, &first).unwrap();
    assert!(
        moved.iter().all(|id| present.contains(&**id)),
        "{present:?}"
    );
}

#[test]
fn an_occurrence_that_fell_back_into_line_is_none_that_differs() {
    let desk = Desk::new();
    let series = desk.google.put(ME, weekly(23));
    let at = json!({"dateTime": "2026-11-30T09:00:00+01:00"});
    let end = json!({"dateTime": "2026-11-30T10:00:00+01:00"});
    desk.google.move_occurrence(ME, &series, &at, &at, &end);
    let first = whole(&mut calendar(&desk));
    let back = desk.google.instance_id(ME, &series, &at);
    hide(&desk, std::slice::from_ref(&back));
    assert_eq!(read_again(&desk, &first), Ok([Href::from(&*series)].into()));
}

#[test]
fn where_only_free_and_busy_are_told_nothing_is_gone_that_one_of_two_listings_has() {
    let desk = Desk::new();
    let boss = "boss@example.org";
    desk.google.calendar(boss, "Boss", "Europe/Berlin", boss);
    let all: Vec<String> = (9..14)
        .map(|at| desk.google.put(boss, hour(23, at)))
        .collect();
    desk.google
        .set_role(boss, ME, Some(google::Role::FreeBusyReader));
    let first = whole(&mut desk.calendar(boss, &home(), &clock()));
    let known = Memory::of(&first);
    assert_eq!(known.0.len(), 5);
    let left = || {
        let pulled = poll_out(desk.calendar(boss, &home(), &clock()).pull(None, &known)).unwrap();
        match pulled.listing {
            Listing::Whole(present) => present.len(),
            Listing::Delta => panic!("it was to read everything"),
        }
    };
    desk.google.forget();
    let hidden = all[..2].to_vec();
    desk.google.fault(
        When::call("events.list").first(1),
        Fault::alter(move |body| {
            let items = body["items"].as_array_mut().unwrap();
            items.retain(|item| !hidden.iter().any(|id| item["id"] == **id));
        }),
    );
    assert_eq!((left(), asked(&desk, "events.list")), (5, 2));
    desk.google.erase(boss, &all[0]);
    assert_eq!(left(), 4);
}

#[test]
fn what_changes_between_two_listings_of_free_and_busy_is_told_the_next_time() {
    let desk = Desk::new();
    let boss = "boss@example.org";
    desk.google.calendar(boss, "Boss", "Europe/Berlin", boss);
    let [gone, late] = [9, 10].map(|at| desk.google.put(boss, hour(23, at)));
    desk.google
        .set_role(boss, ME, Some(google::Role::FreeBusyReader));
    let known = Memory::of(&whole(&mut desk.calendar(boss, &home(), &clock())));
    desk.google.erase(boss, &gone);
    // The first of the two listings has the other one, and it goes before the second is made.
    let busy = Fault::Answer(errors::too_many_requests(Some("30")));
    for nth in 2..7 {
        desk.google
            .fault(When::call("events.list").nth(nth), busy.clone());
    }
    let mut calendar = desk.calendar(boss, &home(), &clock());
    poll_out(calendar.pull(None, &known)).unwrap_err();
    desk.google.cancel(boss, &late);
    let pulled = poll_out(calendar.pull(None, &known)).unwrap();
    assert_eq!(pulled.listing, Listing::Whole([Href::from(late)].into()));
    let next = poll_out(calendar.pull(pulled.cursor.as_ref(), &known)).unwrap();
    assert_eq!(next.listing, Listing::Whole([].into()), "{next:?}");
}
