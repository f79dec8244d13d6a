//! Listings: pages, sync tokens, tombstones, windows, and what people do to a calendar meanwhile.

use serde_json::{Value, json};

use super::wire::{Answer, User};
use crate::support::google::{FakeGoogle, Role, exchange::encode};

const ME: &str = "me@example.org";
const AT: &str = "/calendars/primary/events";
const FULL_SYNC: &str = r#"{"error":{"errors":[{"domain":"calendar","reason":"fullSyncRequired","message":"Sync token is no longer valid, a full sync is required.","locationType":"parameter","location":"syncToken"}],"code":410,"message":"Sync token is no longer valid, a full sync is required."}}"#;

fn google() -> FakeGoogle {
    let fake = FakeGoogle::start_at("2026-11-21T08:00:00Z".parse().unwrap());
    fake.account(ME);
    fake
}

fn at(time: &str) -> Value {
    json!({"dateTime": format!("2026-{time}:00Z"), "timeZone": "UTC"})
}

fn event(id: &str, day: &str) -> Value {
    json!({"id": id, "summary": id, "start": at(&format!("{day}T10:00")), "end": at(&format!("{day}T11:00"))})
}

/// Weekly, from the 2nd of November on, three times.
fn weekly(id: &str) -> Value {
    let mut series = event(id, "11-02");
    series["recurrence"] = json!(["RRULE:FREQ=WEEKLY;COUNT=3"]);
    series
}

fn ids(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

fn list(me: &User<'_>, query: &str) -> Value {
    me.get(&format!("{AT}?{query}")).ok()
}

fn token(answer: &Value) -> String {
    encode(answer["nextSyncToken"].as_str().unwrap())
}

fn since(me: &User<'_>, token: &str) -> Answer {
    me.get(&format!("{AT}?syncToken={token}"))
}

#[test]
fn a_listing_comes_in_pages_and_only_the_last_has_a_sync_token() {
    let fake = google();
    let me = User::of(&fake, ME);
    for id in ["event1", "event2", "event3", "event4", "event5"] {
        fake.put(ME, event(id, "11-23"));
    }
    fake.behave(|b| b.pages = vec![2, 0, 1]);
    let mut found = Vec::new();
    let mut page = list(&me, "maxResults=4");
    assert_eq!(
        (&page["kind"], &page["accessRole"], &page["timeZone"]),
        (
            &json!("calendar#events"),
            &json!("owner"),
            &json!("Europe/Berlin")
        )
    );
    while let Some(next) = page["nextPageToken"].as_str() {
        assert_eq!(page.get("nextSyncToken"), None);
        found.push(ids(&page).len());
        // What happens while somebody pages comes with the sync token.
        fake.cancel(ME, "event5");
        fake.put(ME, event("event0", "11-23"));
        page = list(&me, &format!("maxResults=4&pageToken={}", encode(next)));
    }
    found.push(ids(&page).len());
    assert_eq!(found, [2, 0, 1, 2]);
    fake.behave(|b| b.pages = Vec::new());
    assert_eq!(ids(&since(&me, &token(&page)).ok()), ["event0", "event5"]);
    assert_eq!(me.get(&format!("{AT}?pageToken=nonsense")).status, 400);
    assert_eq!(ids(&list(&me, "maxResults=1")).len(), 1);
}

#[test]
fn a_page_token_is_good_for_its_own_listing_only() {
    let fake = google();
    let me = User::of(&fake, ME);
    fake.put(ME, event("event1", "11-23"));
    fake.put(ME, event("event2", "11-23"));
    let next = list(&me, "maxResults=1&q=event")["nextPageToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let next = encode(&next);
    assert_eq!(
        me.get(&format!("{AT}?maxResults=1&pageToken={next}"))
            .status,
        400
    );
    // A page may be asked for again.
    for _ in 0..2 {
        assert_eq!(
            ids(&list(
                &me,
                &format!("maxResults=1&q=event&pageToken={next}")
            )),
            ["event2"]
        );
    }
}

#[test]
fn a_delta_tells_what_is_new_and_what_is_gone_and_nothing_else() {
    let fake = google();
    let me = User::of(&fake, ME);
    for id in ["event1", "event2", "event3"] {
        fake.put(ME, event(id, "11-23"));
    }
    let first = token(&list(&me, ""));
    let quiet = since(&me, &first).ok();
    assert_eq!(quiet["items"], json!([]));
    fake.alter(ME, "event2", json!({"summary": "Changed"}));
    fake.cancel(ME, "event1");
    let news = since(&me, &token(&quiet)).ok();
    let [gone, changed] = news["items"].as_array().unwrap().as_slice() else {
        panic!("{news}");
    };
    let etag = gone["etag"].clone();
    assert_eq!(
        *gone,
        json!({"kind": "calendar#event", "etag": etag, "id": "event1", "status": "cancelled"})
    );
    assert_eq!(changed["summary"], "Changed");
    // An old token goes on working.
    assert_eq!(ids(&since(&me, &first).ok()), ["event1", "event2"]);
    assert_eq!(ids(&list(&me, "")), ["event2", "event3"]);
    assert_eq!(
        ids(&list(&me, "showDeleted=true")),
        ["event1", "event2", "event3"]
    );
}

#[test]
fn a_sync_token_bears_no_company_and_does_not_last_for_ever() {
    let fake = google();
    let me = User::of(&fake, ME);
    let first = token(&list(&me, ""));
    let forbidden = [
        "iCalUID=x",
        "orderBy=updated",
        "privateExtendedProperty=a%3Db",
        "q=x",
        "sharedExtendedProperty=a%3Db",
        "timeMin=2026-11-21T00:00:00Z",
        "timeMax=2026-11-21T00:00:00Z",
        "updatedMin=2026-11-21T00:00:00Z",
        "showDeleted=false",
        "singleEvents=true",
    ];
    for other in forbidden {
        let answer = me.get(&format!("{AT}?syncToken={first}&{other}"));
        assert_eq!(answer.reason(), (400, "invalid".to_owned()), "{other}");
    }
    me.get(&format!(
        "{AT}?syncToken={first}&showDeleted=true&maxResults=9"
    ))
    .ok();
    since(&me, "nonsense").is(410, FULL_SYNC);
    fake.expire_sync_tokens(ME);
    since(&me, &first).is(410, FULL_SYNC);
    let second = token(&list(&me, ""));
    since(&me, &second).ok();
    fake.account("you@example.org");
    fake.set_role(ME, "you@example.org", Some(Role::Reader));
    since(&me, &second).is(410, FULL_SYNC);
    // And it belongs to whoever got it.
    let third = token(&list(&me, ""));
    let you = User::of(&fake, "you@example.org");
    let of_mine = format!("/calendars/{}/events", encode(ME));
    you.get(&format!("{of_mine}?syncToken={third}"))
        .is(410, FULL_SYNC);
    since(&me, &third).ok();
}

#[test]
fn the_window_is_for_whole_listings_only() {
    let fake = google();
    let me = User::of(&fake, ME);
    fake.put(ME, event("before", "11-20"));
    fake.put(ME, event("within", "11-23"));
    fake.put(ME, event("after1", "11-30"));
    fake.put(ME, weekly("weekly"));
    let window = |from: &str, to: &str| format!("timeMin=2026-{from}:00Z&timeMax=2026-{to}:00Z");
    let seen = list(&me, &window("11-20T11:00", "11-30T10:00"));
    assert_eq!(ids(&seen), ["within"]);
    assert_eq!(
        ids(&list(&me, &window("11-20T10:59", "11-30T10:01"))),
        ["after1", "before", "within"]
    );
    // The third occurrence of the series.
    assert_eq!(
        ids(&list(&me, &window("11-16T00:00", "11-17T00:00"))),
        ["weekly"]
    );
    let empty = r#"{"error":{"errors":[{"domain":"calendar","reason":"timeRangeEmpty","message":"The specified time range is empty.","locationType":"parameter","location":"timeMax"}],"code":400,"message":"The specified time range is empty."}}"#;
    me.get(&format!("{AT}?{}", window("11-20T11:00", "11-20T11:00")))
        .is(400, empty);
    fake.alter(ME, "before", json!({"summary": "Changed"}));
    assert_eq!(ids(&since(&me, &token(&seen)).ok()), ["before"]);
}

#[test]
fn a_moved_occurrence_is_where_it_is_now_or_also_where_it_was() {
    let fake = google();
    let me = User::of(&fake, ME);
    fake.put(ME, weekly("weekly"));
    fake.move_occurrence(
        ME,
        "weekly",
        &at("11-09T10:00"),
        &at("12-09T10:00"),
        &at("12-09T11:00"),
    );
    let november = "timeMin=2026-11-01T00:00:00Z&timeMax=2026-12-01T00:00:00Z";
    assert_eq!(ids(&list(&me, november)), ["weekly"]);
    fake.behave(|b| b.window_follows_original_start = true);
    assert_eq!(
        ids(&list(&me, november)),
        ["weekly", "weekly_20261109T100000Z"]
    );
    fake.cancel(ME, "weekly_20261109T100000Z");
    fake.behave(|b| b.window_follows_original_start = false);
    assert_eq!(
        ids(&list(&me, november)),
        ["weekly", "weekly_20261109T100000Z"]
    );
}

#[test]
fn series_come_whole_with_their_exceptions() {
    let fake = google();
    let me = User::of(&fake, ME);
    fake.put(ME, weekly("weekly"));
    let before = token(&list(&me, ""));
    let moved = fake.instance_id(ME, "weekly", &at("11-09T10:00"));
    fake.move_occurrence(
        ME,
        "weekly",
        &at("11-09T10:00"),
        &json!({"date": "2026-11-10"}),
        &json!({"date": "2026-11-11"}),
    );
    fake.cancel(ME, "weekly_20261116T100000Z");
    let news = since(&me, &before).ok();
    let [changed, gone] = news["items"].as_array().unwrap().as_slice() else {
        panic!("{news}");
    };
    assert_eq!(
        (&changed["id"], &changed["start"]),
        (&json!(moved), &json!({"date": "2026-11-10"}))
    );
    assert_eq!(
        changed["originalStartTime"],
        json!({"dateTime": "2026-11-09T11:00:00+01:00", "timeZone": "UTC"})
    );
    let stub = json!({
        "kind": "calendar#event",
        "etag": gone["etag"],
        "id": "weekly_20261116T100000Z",
        "status": "cancelled",
        "recurringEventId": "weekly",
        "originalStartTime": {"dateTime": "2026-11-16T11:00:00+01:00", "timeZone": "UTC"},
    });
    assert_eq!(*gone, stub);
    // In whole listings too, deleted events or not.
    assert_eq!(
        ids(&list(&me, "")),
        [
            "weekly",
            "weekly_20261109T100000Z",
            "weekly_20261116T100000Z"
        ]
    );
    // Two of three are cut off: their exceptions are gone, and nothing but the id is said of them.
    fake.alter(
        ME,
        "weekly",
        json!({"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"]}),
    );
    let cut = since(&me, &token(&news)).ok();
    assert_eq!(ids(&cut), ["weekly", "weekly_20261116T100000Z"]);
    assert_eq!(cut["items"][1].get("recurringEventId"), None);
    fake.cancel(ME, "weekly");
    let all = since(&me, &token(&cut)).ok();
    assert_eq!(ids(&all), ["weekly", "weekly_20261109T100000Z"]);
    assert!(
        all["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item.as_object().unwrap().len() == 4)
    );
    assert_eq!(list(&me, "")["items"], json!([]));
}

#[test]
fn series_come_taken_apart() {
    let fake = google();
    let me = User::of(&fake, ME);
    let mut endless = event("daily", "11-20");
    endless["recurrence"] = json!(["RRULE:FREQ=WEEKLY"]);
    fake.put(ME, endless);
    fake.put(ME, event("early1", "11-23"));
    fake.cancel(ME, "daily_20261127T100000Z");
    fake.move_occurrence(
        ME,
        "daily",
        &at("12-04T10:00"),
        &at("11-22T10:00"),
        &at("11-22T11:00"),
    );
    let window = "singleEvents=true&timeMin=2026-11-21T00:00:00Z&timeMax=2026-12-12T00:00:00Z";
    let expected = ["daily_20261204T100000Z", "early1", "daily_20261211T100000Z"];
    assert_eq!(
        ids(&list(&me, &format!("{window}&orderBy=startTime"))),
        expected
    );
    assert_eq!(me.get(&format!("{AT}?orderBy=startTime")).status, 400);
    let first = list(&me, window);
    fake.alter(ME, "daily", json!({"summary": "Changed"}));
    let news = me
        .get(&format!(
            "{AT}?singleEvents=true&maxResults=2500&syncToken={}",
            token(&first)
        ))
        .ok();
    // The delta knows no window.
    assert!(ids(&news).len() > 700 && ids(&news).iter().any(|id| id.starts_with("daily_2040")));
    fake.cancel(ME, "daily");
    let gone = me
        .get(&format!(
            "{AT}?singleEvents=true&maxResults=2500&syncToken={}",
            token(&news)
        ))
        .ok();
    assert!((24..28).contains(&ids(&gone).len()), "{}", ids(&gone).len());
    assert!(
        gone["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["status"] == "cancelled")
    );
}

#[test]
fn who_sees_only_busy_times_sees_no_series() {
    let fake = google();
    fake.put(ME, weekly("weekly"));
    fake.account("you@example.org");
    fake.set_role(ME, "you@example.org", Some(Role::FreeBusyReader));
    let you = User::of(&fake, "you@example.org");
    let seen = you.get(&format!("/calendars/{}/events", encode(ME))).ok();
    assert_eq!(
        (ids(&seen).len(), &seen["accessRole"]),
        (3, &json!("freeBusyReader"))
    );
    let one = &seen["items"][0];
    assert_eq!(
        (one.get("summary"), &one["visibility"]),
        (None, &json!("private"))
    );
}

#[test]
fn a_listing_can_be_narrowed() {
    let fake = google();
    let me = User::of(&fake, ME);
    let mut marked = event("marked", "11-23");
    marked["extendedProperties"] = json!({"private": {"calsync": "1"}, "shared": {"x": "y"}});
    marked["eventType"] = "outOfOffice".into();
    fake.put(ME, marked);
    fake.put(ME, event("plain1", "11-23"));
    let narrow = [
        "privateExtendedProperty=calsync%3D1",
        "sharedExtendedProperty=x%3Dy",
        "eventTypes=outOfOffice&eventTypes=focusTime",
        "iCalUID=marked%40google.com",
        "q=MARK",
    ];
    for query in narrow {
        assert_eq!(ids(&list(&me, query)), ["marked"], "{query}");
    }
    assert_eq!(list(&me, "q=mark").get("nextSyncToken"), None);
    let slim = list(
        &me,
        "fields=kind,items(id,extendedProperties/private),nextSyncToken",
    );
    assert_eq!(slim.as_object().unwrap().len(), 3);
    assert_eq!(
        slim["items"],
        json!([{"id": "marked", "extendedProperties": {"private": {"calsync": "1"}}}, {"id": "plain1"}])
    );
    assert_eq!(
        me.get(&format!("{AT}?fields=items(idd)")).reason(),
        (400, "invalidParameter".to_owned())
    );
    assert_eq!(ids(&list(&me, "orderBy=updated")), ["marked", "plain1"]);
    fake.alter(ME, "marked", json!({"summary": "x"}));
    assert_eq!(ids(&list(&me, "orderBy=updated")), ["plain1", "marked"]);
    assert_eq!(ids(&list(&me, "updatedMin=2026-11-21T08:00:00Z")).len(), 2);
    assert_eq!(ids(&list(&me, "updatedMin=2026-11-21T08:00:01Z")).len(), 0);
}

#[test]
fn odd_items_come_as_they_are() {
    let fake = google();
    let me = User::of(&fake, ME);
    let odd = [
        json!({"id": "odd1", "start": {"dateTime": "soon"}, "end": {"date": "2026-13-01"}}),
        json!({"id": "odd2", "start": "now", "sequence": "many"}),
        json!({"id": "odd3", "eventType": "siesta", "kind": "calendar#nap"}),
        // Gone, but with all that it ever had.
        json!({"id": "odd4", "start": {"dateTime": "2026-11-23T09:00:00Z"}, "status": "cancelled"}),
    ];
    for item in &odd {
        fake.put_odd(ME, item.clone());
    }
    let seen = list(&me, "");
    for (seen, put) in seen["items"].as_array().unwrap().iter().zip(&odd) {
        assert!(
            put.as_object()
                .unwrap()
                .iter()
                .all(|(name, value)| seen[name] == *value)
        );
        assert!(seen["etag"].is_string() && seen["kind"].is_string());
    }
    assert_eq!(ids(&seen), ["odd1", "odd2", "odd3"]);
    let all = list(&me, "showDeleted=true");
    assert_eq!(all["items"][3]["start"], odd[3]["start"]);
}

#[test]
fn all_calendars_of_an_account_are_listed_in_pages() {
    let fake = google();
    fake.account("you@example.org");
    for id in ["a@group.calendar.google.com", "b@group.calendar.google.com"] {
        fake.calendar(id, "Shared", "Asia/Tokyo", "you@example.org");
        fake.set_role(id, ME, Some(Role::Reader));
    }
    let me = User::of(&fake, ME);
    let first = me.get("/users/me/calendarList?maxResults=2").ok();
    assert_eq!(
        (&first["kind"], ids(&first).len()),
        (&json!("calendar#calendarList"), 2)
    );
    let next = encode(first["nextPageToken"].as_str().unwrap());
    let second = me
        .get(&format!(
            "/users/me/calendarList?maxResults=2&pageToken={next}"
        ))
        .ok();
    assert_eq!(ids(&second), [ME]);
    assert_eq!(
        (&second["items"][0]["primary"], &second["items"][0]["kind"]),
        (&json!(true), &json!("calendar#calendarListEntry"))
    );
    assert_eq!(
        ids(&me.get("/users/me/calendarList?minAccessRole=writer").ok()),
        [ME]
    );
    assert_eq!(me.get("/calendars/primary").ok()["id"], ME);
    assert_eq!(
        me.get("/calendars/primary").ok()["kind"],
        "calendar#calendar"
    );
}
