//! Single events: written, read, deleted, brought back, and refused.

use serde_json::{Value, json};

use super::wire::User;
use crate::support::google::FakeGoogle;

pub(super) const ME: &str = "me@example.org";
pub(super) const AT: &str = "/calendars/primary/events";
const DUPLICATE: &str = r#"{"error":{"errors":[{"domain":"global","reason":"duplicate","message":"The requested identifier already exists."}],"code":409,"message":"The requested identifier already exists."}}"#;
pub(super) const DELETED: &str = r#"{"error":{"errors":[{"domain":"global","reason":"deleted","message":"Resource has been deleted"}],"code":410,"message":"Resource has been deleted"}}"#;
pub(super) const NOT_FOUND: &str = r#"{"error":{"errors":[{"domain":"global","reason":"notFound","message":"Not Found"}],"code":404,"message":"Not Found"}}"#;

pub(super) fn google() -> FakeGoogle {
    let fake = FakeGoogle::start_at("2026-11-21T08:00:00Z".parse().unwrap());
    fake.account(ME);
    fake.account("you@example.org");
    fake
}

pub(super) fn lunch() -> Value {
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
