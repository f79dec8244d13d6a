//! Single events: written, read, deleted, brought back, and refused.

use serde_json::{Value, json};

use super::wire::User;
use crate::support::google::{FakeGoogle, Role};

const ME: &str = "me@example.org";
const TEAM: &str = "team#1@group.calendar.google.com";
const AT: &str = "/calendars/primary/events";
const DUPLICATE: &str = r#"{"error":{"errors":[{"domain":"global","reason":"duplicate","message":"The requested identifier already exists."}],"code":409,"message":"The requested identifier already exists."}}"#;
const DELETED: &str = r#"{"error":{"errors":[{"domain":"global","reason":"deleted","message":"Resource has been deleted"}],"code":410,"message":"Resource has been deleted"}}"#;
const NOT_FOUND: &str = r#"{"error":{"errors":[{"domain":"global","reason":"notFound","message":"Not Found"}],"code":404,"message":"Not Found"}}"#;

fn google() -> FakeGoogle {
    let fake = FakeGoogle::start_at("2026-11-21T08:00:00Z".parse().unwrap());
    fake.account(ME);
    fake.account("you@example.org");
    fake
}

fn lunch() -> Value {
    json!({
        "id": "lunch1",
        "summary": "Lunch",
        "start": {"dateTime": "2026-11-23T12:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-11-23T12:00:00Z"},
        "transparency": "opaque",
        "visibility": "private",
        "reminders": {"useDefault": false},
    })
}

fn weekly() -> Value {
    json!({
        "id": "series",
        "start": {"dateTime": "2026-03-23T09:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-03-23T10:00:00+01:00", "timeZone": "Europe/Berlin"},
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"],
    })
}

#[test]
fn an_event_is_kept_as_google_keeps_it() {
    let fake = google();
    let me = User::of(&fake, ME);
    let made = me.post(AT, &lunch()).ok();
    assert_eq!(made, me.get(&format!("{AT}/lunch1")).ok());
    assert_eq!(made["kind"], "calendar#event");
    assert_eq!(
        made["start"],
        json!({"dateTime": "2026-11-23T12:00:00+01:00", "timeZone": "Europe/Berlin"})
    );
    assert_eq!(made["end"]["dateTime"], "2026-11-23T13:00:00+01:00");
    assert_eq!(
        (&made["status"], &made["sequence"]),
        (&json!("confirmed"), &json!(0))
    );
    assert_eq!(
        (&made["eventType"], &made["iCalUID"]),
        (&json!("default"), &json!("lunch1@google.com"))
    );
    assert_eq!(
        (&made["visibility"], made.get("transparency")),
        (&json!("private"), None)
    );
    assert_eq!(made["organizer"], json!({"email": ME, "self": true}));
    assert_eq!(fake.events(ME), [made]);
    let abroad = me.get(&format!("{AT}/lunch1?timeZone=Asia/Tokyo")).ok();
    assert_eq!(abroad["start"]["dateTime"], "2026-11-23T20:00:00+09:00");
    let some = me
        .get(&format!(
            "{AT}/lunch1?fields=id,start/dateTime,start/date,organizer(self,email)"
        ))
        .ok();
    let expected = json!({"id": "lunch1", "start": {"dateTime": "2026-11-23T12:00:00+01:00"}, "organizer": {"email": ME, "self": true}});
    assert_eq!(some, expected);
    assert_eq!(
        me.get(&format!("{AT}/lunch1?fields=iCalUid")).reason(),
        (400, "invalidParameter".to_owned())
    );
    assert_eq!(me.get(&format!("{AT}/lunch1?timezone=UTC")).status, 400);
}

#[test]
fn an_event_without_id_gets_one() {
    let fake = google();
    let me = User::of(&fake, ME);
    let mut event = lunch();
    event.as_object_mut().unwrap().remove("id");
    let ids = [me.post(AT, &event).ok(), me.post(AT, &event).ok()].map(|made| made["id"].clone());
    assert_ne!(ids[0], ids[1]);
    me.get(&format!("{AT}/{}", ids[0].as_str().unwrap())).ok();
}

#[test]
fn an_id_is_used_once_and_for_all() {
    let fake = google();
    let me = User::of(&fake, ME);
    for odd in ["abcd", "ABCDE", "wxyz0", "with-dash", &"a".repeat(1025)] {
        let mut event = lunch();
        event["id"] = odd.into();
        assert_eq!(
            me.post(AT, &event).reason(),
            (400, "invalid".to_owned()),
            "{odd}"
        );
    }
    let mut both = lunch();
    both["iCalUID"] = "x@example.org".into();
    assert_eq!(me.post(AT, &both).status, 400);
    me.post(AT, &lunch()).ok();
    me.post(AT, &lunch()).is(409, DUPLICATE);
    let one = format!("{AT}/lunch1");
    let gone = me.delete(&one);
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    me.post(AT, &lunch()).is(409, DUPLICATE);
    me.delete(&one).is(410, DELETED);
    let found = me.get(&one).ok();
    assert_eq!(
        (&found["status"], &found["summary"]),
        (&json!("cancelled"), &json!("Lunch"))
    );
    assert_eq!(
        (fake.events(ME), fake.gone(ME)),
        (vec![], vec!["lunch1".to_owned()])
    );
    me.get(&format!("{AT}/never1")).is(404, NOT_FOUND);
    me.delete(&format!("{AT}/never1")).is(404, NOT_FOUND);
}

#[test]
fn a_deleted_id_is_brought_back_or_not() {
    let fake = google();
    let me = User::of(&fake, ME);
    let one = format!("{AT}/lunch1");
    me.post(AT, &lunch()).ok();
    me.delete(&one);
    let forbidden = r#"{"error":{"errors":[{"domain":"global","reason":"forbidden","message":"Forbidden"}],"code":403,"message":"Forbidden"}}"#;
    me.put(&one, &lunch()).is(403, forbidden);
    let mut confirmed = lunch();
    confirmed["status"] = "confirmed".into();
    fake.behave(|b| b.deleted_ids_can_be_revived = false);
    me.put(&one, &confirmed).is(403, forbidden);
    fake.behave(|b| b.deleted_ids_can_be_revived = true);
    assert_eq!(me.put(&one, &confirmed).ok()["status"], "confirmed");
    assert_eq!(fake.events(ME).len(), 1);
}

#[test]
fn every_write_makes_a_new_version_and_only_the_named_one_is_written() {
    let fake = google();
    let me = User::of(&fake, ME);
    let one = format!("{AT}/lunch1");
    let first = me.post(AT, &lunch());
    let etag = first.headers["etag"].clone();
    assert_eq!(first.ok()["etag"], etag);
    let write = |method: &str, etag: &str, body: &Value| {
        me.send(method, &one, &[("if-match", etag)], &body.to_string())
            .unwrap()
    };
    let second = write("PATCH", &etag, &json!({"summary": "Dinner"})).ok();
    assert_ne!(second["etag"], etag);
    let unmet = r#"{"error":{"errors":[{"domain":"global","reason":"conditionNotMet","message":"Precondition Failed","locationType":"header","location":"If-Match"}],"code":412,"message":"Precondition Failed"}}"#;
    for method in ["PATCH", "PUT", "DELETE"] {
        write(method, &etag, &lunch()).is(412, unmet);
    }
    assert_eq!(me.get(&one).ok(), second);
    write("PUT", second["etag"].as_str().unwrap(), &lunch()).ok();
    assert_eq!(write("DELETE", "*", &json!({})).status, 204);
}

#[test]
fn put_replaces_and_patch_merges() {
    let fake = google();
    let me = User::of(&fake, ME);
    let one = format!("{AT}/lunch1");
    let mut event = lunch();
    event["location"] = "Canteen".into();
    event["extendedProperties"] = json!({"private": {"a": "1", "b": "2"}});
    me.post(AT, &event).ok();
    let patched = me
        .patch(
            &one,
            &json!({"location": null, "extendedProperties": {"private": {"b": null, "c": "3"}}}),
        )
        .ok();
    assert_eq!(patched.get("location"), None);
    assert_eq!(
        patched["extendedProperties"],
        json!({"private": {"a": "1", "c": "3"}})
    );
    assert_eq!(
        (&patched["summary"], &patched["sequence"]),
        (&json!("Lunch"), &json!(0))
    );
    let mut moved = lunch();
    moved["end"] = json!({"dateTime": "2026-11-23T14:00:00+01:00"});
    moved.as_object_mut().unwrap().remove("summary");
    let put = me.put(&one, &moved).ok();
    assert_eq!(
        (put.get("summary"), put.get("extendedProperties")),
        (None, None)
    );
    assert_eq!(
        (&put["sequence"], &put["iCalUID"]),
        (&json!(1), &json!("lunch1@google.com"))
    );
    moved["sequence"] = 0.into();
    let stale = me.put(&one, &moved);
    assert_eq!(stale.reason(), (400, "invalid".to_owned()));
    assert!(
        stale.json()["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("Invalid sequence value. The specified sequence number is below")
    );
    moved["sequence"] = 1.into();
    me.put(&one, &moved).ok();
    me.patch(&one, &json!({"sequence": 0})).ok();
}

#[test]
fn senseless_events_are_refused() {
    let fake = google();
    let me = User::of(&fake, ME);
    let changes = [
        (json!({"start": null}), "required"),
        (json!({"start": {"dateTime": "soon"}}), "invalid"),
        (
            json!({"start": {"dateTime": "2026-11-23T12:00:00"}}),
            "invalid",
        ),
        (json!({"start": {"date": "2026-11-23"}}), "invalid"),
        (
            json!({"start": {"date": "2026-11-23", "dateTime": "2026-11-23T12:00:00Z"}}),
            "invalid",
        ),
        (
            json!({"start": {"dateTime": "2026-11-23T12:00:00Z", "timeZone": "Mars/Base"}}),
            "invalid",
        ),
        (
            json!({"end": {"dateTime": "2026-11-23T10:59:59Z"}}),
            "timeRangeEmpty",
        ),
        (json!({"recurrence": ["RRULE:FREQ=DAILY"]}), "required"),
        (
            json!({"recurrence": ["DTSTART:20261123T120000Z"], "end": lunch()["start"]}),
            "invalid",
        ),
        (
            json!({"recurrence": ["RRULE:FREQ=DAILY;COUNT=x"], "end": lunch()["start"]}),
            "invalid",
        ),
        (json!({"status": "cancelled"}), "invalid"),
        (
            json!({"extendedProperties": {"private": {"a": 1}}}),
            "invalid",
        ),
    ];
    for (change, reason) in changes {
        let mut event = lunch();
        event
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().cloned().unwrap());
        assert_eq!(
            me.post(AT, &event).reason(),
            (400, reason.to_owned()),
            "{change}"
        );
    }
    assert_eq!(
        me.ask("POST", AT, "{").reason(),
        (400, "parseError".to_owned())
    );
    assert_eq!(fake.events(ME), Vec::<Value>::new());
}

#[test]
fn extended_properties_are_dropped_and_cut_without_a_word() {
    let fake = google();
    let me = User::of(&fake, ME);
    let (fits, long) = ("k".repeat(44), "k".repeat(45));
    let mut event = lunch();
    event["extendedProperties"] =
        json!({"private": {fits.clone(): "v".repeat(1025), long: "v"}, "public": {}});
    let made = me.post(AT, &event).ok();
    assert_eq!(
        made["extendedProperties"],
        json!({"private": {fits: "v".repeat(1024)}})
    );
}

#[test]
fn whoever_is_invited_is_mailed_unless_told_not_to() {
    let fake = google();
    let me = User::of(&fake, ME);
    me.post(AT, &lunch()).ok();
    assert_eq!(fake.mails(), []);
    let invite =
        json!({"attendees": [{"email": "you@example.org"}, {"email": "they@example.org"}]});
    me.patch(&format!("{AT}/lunch1?sendUpdates=none"), &invite)
        .ok();
    assert_eq!(fake.mails(), []);
    me.patch(
        &format!("{AT}/lunch1?sendUpdates=externalOnly"),
        &json!({"summary": "Brunch"}),
    )
    .ok();
    me.put(&format!("{AT}/lunch1"), &lunch()).ok();
    me.patch(&format!("{AT}/lunch1"), &invite).ok();
    me.delete(&format!("{AT}/lunch1"));
    let mails = fake.mails();
    let mails: Vec<_> = mails
        .iter()
        .map(|mail| (mail.call, &*mail.to, mail.send_updates.as_deref()))
        .collect();
    let both = |call, how| {
        [
            (call, "they@example.org", how),
            (call, "you@example.org", how),
        ]
    };
    let expected = [
        both("events.patch", Some("externalOnly")),
        both("events.update", None),
        both("events.patch", None),
        both("events.delete", None),
    ];
    assert_eq!(mails, expected.concat());
    assert_eq!(
        (&*fake.mails()[0].calendar, &*fake.mails()[0].event),
        (ME, "lunch1")
    );
}

#[test]
fn one_occurrence_is_read_changed_deleted_and_brought_back() {
    let fake = google();
    let me = User::of(&fake, ME);
    let master = me.post(AT, &weekly()).ok();
    // The clocks go forward between the first and the second.
    let second = format!("{AT}/series_20260330T070000Z");
    let plain = me.get(&second).ok();
    assert_eq!(plain["start"]["dateTime"], "2026-03-30T09:00:00+02:00");
    assert_eq!(plain["originalStartTime"], plain["start"]);
    assert_eq!(
        (&plain["recurringEventId"], plain.get("recurrence")),
        (&json!("series"), None)
    );
    assert_eq!(plain["etag"], master["etag"]);
    assert_eq!(me.get(&format!("{AT}/series_20260330T080000Z")).status, 404);
    let later = json!({"start": {"dateTime": "2026-03-30T15:00:00+02:00"}, "end": {"dateTime": "2026-03-30T16:00:00+02:00"}});
    let changed = me.patch(&second, &later).ok();
    assert_eq!(changed["originalStartTime"], plain["start"]);
    assert_ne!(changed["etag"], master["etag"]);
    let starts = || {
        let all = me.get(&format!("{AT}/series/instances")).ok();
        let items = all["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["start"]["dateTime"].as_str().unwrap()[5..16].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(starts(), ["03-23T09:00", "03-30T15:00", "04-06T09:00"]);
    assert_eq!(me.delete(&second).status, 204);
    me.delete(&second).is(410, DELETED);
    assert_eq!(me.get(&second).ok()["status"], "cancelled");
    assert_eq!(starts(), ["03-23T09:00", "04-06T09:00"]);
    let all = me
        .get(&format!(
            "{AT}/series/instances?showDeleted=true&maxResults=2"
        ))
        .ok();
    assert_eq!(
        (&all["items"][1]["status"], all["nextPageToken"].is_string()),
        (&json!("cancelled"), true)
    );
    let by_start = me
        .get(&format!(
            "{AT}/series/instances?originalStart=2026-04-06T07:00:00Z"
        ))
        .ok();
    assert_eq!(by_start["items"][0]["id"], "series_20260406T070000Z");
    let window = me
        .get(&format!(
            "{AT}/series/instances?timeMin=2026-03-23T09:00:00Z&timeMax=2026-04-06T07:00:00Z"
        ))
        .ok();
    assert_eq!(window["items"], json!([]));
    let mut back = plain;
    back["status"] = "confirmed".into();
    // Moving it made it count on.
    back["sequence"] = 1.into();
    me.put(&second, &back).ok();
    assert_eq!(starts().len(), 3);
    me.delete(&format!("{AT}/series"));
    assert_eq!(me.get(&second).ok()["status"], "cancelled");
    me.patch(&second, &later).is(403, r#"{"error":{"errors":[{"domain":"global","reason":"forbidden","message":"Forbidden"}],"code":403,"message":"Forbidden"}}"#);
    assert_eq!(me.get(&format!("{AT}/lunch1/instances")).status, 404);
}

#[test]
fn rules_are_followed() {
    let fake = google();
    let me = User::of(&fake, ME);
    let days = |start: &str, lines: &[&str]| {
        let day = |date: &str| json!({"dateTime": format!("{date}T09:00:00"), "timeZone": "Europe/Berlin"});
        let mut event = json!({"id": "rules", "start": day(start), "end": day(start)});
        event["recurrence"] = lines.into();
        fake.put(ME, event);
        let all = me.get(&format!("{AT}/rules/instances?maxResults=8")).ok();
        let items = all["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["start"]["dateTime"].as_str().unwrap()[2..10].to_owned())
            .collect::<Vec<_>>()
    };
    let rules: [(&[&str], &str); 9] = [
        (
            &["RRULE:FREQ=DAILY;INTERVAL=2;UNTIL=20261206"],
            "26-12-01 26-12-03 26-12-05",
        ),
        (
            &["RRULE:FREQ=DAILY;UNTIL=20261202T080000Z"],
            "26-12-01 26-12-02",
        ),
        (&["RRULE:FREQ=DAILY;UNTIL=20261202T075959Z"], "26-12-01"),
        (
            &["RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;COUNT=4"],
            "26-12-01 26-12-06 26-12-15 26-12-20",
        ),
        (
            &["RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU;COUNT=4"],
            "26-12-01 26-12-13 26-12-15 26-12-27",
        ),
        (
            &["RRULE:FREQ=MONTHLY;BYDAY=1TU,-1FR;COUNT=4"],
            "26-12-01 26-12-25 27-01-05 27-01-29",
        ),
        (
            &["RRULE:FREQ=MONTHLY;BYMONTHDAY=1,-1;COUNT=3"],
            "26-12-01 26-12-31 27-01-01",
        ),
        (
            &[
                "RRULE:FREQ=YEARLY;COUNT=2",
                "RDATE;TZID=Europe/Berlin:20261224T090000",
            ],
            "26-12-01 26-12-24 27-12-01",
        ),
        (
            &[
                "RRULE:FREQ=DAILY;COUNT=4",
                "EXDATE:20261202T080000Z",
                "EXDATE;TZID=Europe/Berlin:20261203T090000",
            ],
            "26-12-01 26-12-04",
        ),
    ];
    for (lines, expected) in rules {
        assert_eq!(days("2026-12-01", lines).join(" "), expected, "{lines:?}");
    }
    assert_eq!(
        days("2026-12-01", &["RRULE:FREQ=YEARLY;BYMONTH=12,1;BYDAY=TU"])[..2],
        ["26-12-01", "26-12-08"]
    );
}

#[test]
fn what_a_role_may_do_and_see() {
    let fake = google();
    fake.calendar(TEAM, "Team", "America/New_York", ME);
    let mut secret = lunch();
    secret["extendedProperties"] = json!({"private": {"a": "1"}});
    fake.put(TEAM, secret);
    fake.put(TEAM, json!({"id": "open1", "summary": "Open", "start": {"date": "2026-11-24"}, "end": {"date": "2026-11-25"}}));
    let you = User::of(&fake, "you@example.org");
    let team = "/calendars/team%231%40group.calendar.google.com";
    you.get(team).is(404, NOT_FOUND);
    let read_only = (403, "requiredAccessLevel".to_owned());
    let roles = [
        (Role::FreeBusyReader, false, [false, false]),
        (Role::Reader, false, [false, true]),
        (Role::WriterWithoutPrivateAccess, true, [false, true]),
        (Role::Writer, true, [true, true]),
        (Role::Owner, true, [true, true]),
    ];
    for (role, writes, sees) in roles {
        fake.set_role(TEAM, "you@example.org", Some(role));
        let seen = ["lunch1", "open1"].map(|id| you.get(&format!("{team}/events/{id}")).ok());
        assert_eq!(
            seen.clone().map(|event| event.get("summary").is_some()),
            sees,
            "{role:?}"
        );
        assert_eq!(seen[0].get("extendedProperties").is_some(), sees[0]);
        assert_eq!(
            (&seen[0]["visibility"], seen[0]["start"].is_object()),
            (&json!("private"), true)
        );
        let answer = you.patch(
            &format!("{team}/events/lunch1"),
            &json!({"location": "Here"}),
        );
        match writes {
            true => drop(answer.ok()),
            false => assert_eq!(answer.reason(), read_only),
        }
        let entry = you
            .get(&format!("/users/me/calendarList/{}", &team[11..]))
            .ok();
        assert_eq!(
            (&entry["accessRole"], entry.get("primary")),
            (&json!(role.name()), None)
        );
    }
    assert_eq!(
        you.get("/calendars/team#1@group.calendar.google.com")
            .status,
        404
    );
    fake.set_role(TEAM, "you@example.org", None);
    you.get(&format!("{team}/events")).is(404, NOT_FOUND);
    fake.remove_calendar(TEAM);
    User::of(&fake, ME).get(team).is(404, NOT_FOUND);
}

#[test]
fn a_token_opens_what_its_scope_allows() {
    let fake = google();
    fake.put(ME, lunch());
    let credentials = r#"{"error":{"errors":[{"domain":"global","reason":"authError","message":"Invalid Credentials","locationType":"header","location":"Authorization"}],"code":401,"message":"Invalid Credentials"}}"#;
    let bearer = "Bearer nonsense".to_owned();
    User {
        fake: &fake,
        bearer,
    }
    .get(AT)
    .is(401, credentials);
    let scopes = [
        ("calendar.readonly", [200, 200, 403]),
        ("calendar.events", [403, 200, 204]),
        ("calendar.calendarlist.readonly", [200, 403, 403]),
        ("drive.file", [403, 403, 403]),
    ];
    for (scope, expected) in scopes {
        let me = User::with_scope(
            &fake,
            ME,
            &format!("https://www.googleapis.com/auth/{scope}"),
        );
        let answers = [
            me.get("/users/me/calendarList"),
            me.get(AT),
            me.delete(&format!("{AT}/lunch1")),
        ];
        assert_eq!(
            answers.each_ref().map(|answer| answer.status),
            expected,
            "{scope}"
        );
        if expected[2] == 403 {
            assert_eq!(
                answers[2].reason(),
                (403, "insufficientPermissions".to_owned())
            );
            assert_eq!(answers[2].json()["error"]["status"], "PERMISSION_DENIED");
        }
    }
}
