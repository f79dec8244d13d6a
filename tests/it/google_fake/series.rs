//! Series and their occurrences: by which rules they come, and what becomes of a single one.

use serde_json::{Value, json};

use super::{
    events::{AT, DELETED, ME, google},
    wire::User,
};

fn weekly() -> Value {
    json!({
        "id": "series",
        "start": {"dateTime": "2026-03-23T09:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-03-23T10:00:00+01:00", "timeZone": "Europe/Berlin"},
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"],
    })
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
