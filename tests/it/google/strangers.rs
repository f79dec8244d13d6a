//! What strangers write and what servers make up, as the program shows it: no id of an event, and nothing that a terminal would
//! obey.

use serde_json::{Value, json};

use crate::support::{
    google::{FakeGoogle, Fault, When, errors, exchange::Reply},
    program::{Home, ME, day, meeting},
};

const SECRET: &str = "zqx9secret";

/// A Google with somebody at it, and a home with an account of theirs, a folder and a calendar.
fn world() -> (FakeGoogle, Home) {
    let fake = FakeGoogle::start();
    let home = Home::with_google(&fake, "home", "work", "");
    (fake, home)
}

fn signed_in() -> (FakeGoogle, Home) {
    let (fake, home) = world();
    home.expect(0, &["auth", "add", "mine"]);
    (fake, home)
}

#[test]
fn no_id_of_an_event_is_told_also_if_it_cannot_be_read() {
    for form in ["text", "json"] {
        let (fake, home) = signed_in();
        let begin = day(3);
        for (name, start, end) in [
            ("a", json!({"dateTime": "nonsense"}), json!(7)),
            (
                "b",
                json!({"date": begin}),
                json!({"dateTime": format!("{begin}T09:00:00Z")}),
            ),
        ] {
            fake.put_odd(
                ME,
                json!({"id": format!("{SECRET}{name}"), "iCalUID": format!("{SECRET}{name}@x"), "status": "confirmed",
                    "summary": SECRET, "etag": "\"1\"", "start": start, "end": end}),
            );
        }
        let mut all = String::new();
        for args in [
            &["sync", "-vvv"][..],
            &["sync", "-vv", "--json", "--full"],
            &["status", "-vvv"],
            &["status", "--json"],
            &["check", "-vvv"],
        ] {
            let said = home.run(&[args, &["--log-format", form]].concat());
            assert!(matches!(said.code, 0 | 5), "{said:?}");
            all.push_str(&said.all());
        }
        assert!(!all.contains(SECRET), "{all}");
        assert!(all.contains("an event could not be read"), "{all}");
        assert!(all.contains(&format!("it begins on {begin}")), "{all}");
    }
}

/// Nothing in a text moves the cursor, paints, or ends a line where we did not.
fn is_fit(text: &str) -> bool {
    text.lines().all(|line| !line.contains(char::is_control)) && !text.contains('\u{202e}')
}

#[test]
fn titles_and_ids_of_calendars_cannot_steer_a_terminal() {
    let (fake, home) = signed_in();
    let before = home.expect(0, &["calendars"]).stdout.lines().count();
    fake.calendar("x\x1b[1m", "b\nprivate  both", "Europe/Berlin", ME);
    fake.calendar("y", "\x1b[2JEVIL\x07\u{202e}\u{9b}31m", "Europe/Berlin", ME);
    let said = home.expect(0, &["calendars"]).stdout;
    assert!(is_fit(&said), "{said:?}");
    assert_eq!(said.lines().count(), before + 2);
    // A program gets what is really there.
    let list = home.expect(0, &["calendars", "--json"]).json();
    let calendars = list["calendars"].as_array().unwrap();
    assert!(calendars.iter().any(|one| one["id"] == "x\x1b[1m"));
}

#[test]
fn a_code_that_nobody_could_type_in_is_not_shown() {
    for (code, address) in [
        (
            "\x1b[2J\x07CODE\nSigned in to account mine",
            "https://www.google.com/device",
        ),
        ("ABCD-EFGH", "https://www.google.com/\x1b[31m"),
        ("ABCD-EFGH", "https://www.google.com/device\nevil"),
        ("", "https://www.google.com/device"),
    ] {
        let (fake, home) = world();
        let answer = json!({"device_code": "d", "user_code": code, "verification_url": address,
            "expires_in": 1800, "interval": 5});
        let answer = Fault::Answer(Reply::json(200, &answer));
        fake.fault(When::call("device.code"), answer);
        let ran = home.run(&["auth", "add", "mine", "--flow", "device"]);
        assert_eq!(ran.code, 8, "{ran:?}");
        assert!(ran.stdout.is_empty(), "{ran:?}");
        ran.says(&["account mine", "gives no code now"]);
        assert!(is_fit(&ran.all()), "{ran:?}");
    }
}

/// A signed-in home in whose folder six events at Google show.
fn six_blocks() -> (FakeGoogle, Home) {
    let (fake, home) = signed_in();
    for i in 1..=6 {
        let at = |hour| json!({"dateTime": format!("{}T{hour}:00:00Z", day(i))});
        fake.put(ME, json!({"start": at("09"), "end": at("10")}));
    }
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home").len(), 6);
    (fake, home)
}

/// From now on, four events of each listing of everything are told like this.
fn tell_four(fake: &FakeGoogle, change: impl Fn(&mut Value) + Send + Sync + 'static) {
    let change = Fault::alter(move |body| {
        let items = body["items"].as_array_mut().into_iter().flatten();
        items.take(4).for_each(&change);
    });
    fake.expire_sync_tokens(ME);
    fake.fault(When::call("events.list"), change);
}

#[test]
fn events_that_come_without_an_id_keep_their_blocks_in_all_later_runs() {
    for uid in [true, false] {
        for full in [true, false] {
            let (fake, home) = six_blocks();
            tell_four(&fake, move |item| {
                let item = item.as_object_mut().unwrap();
                item.remove("id");
                if !uid {
                    item.remove("iCalUID");
                }
            });
            for _ in 0..3 {
                let args: &[&str] = if full { &["sync", "--full"] } else { &["sync"] };
                home.expect(5, args).says(&["it has no id"]);
                assert_eq!(home.blocks("home").len(), 6);
            }
            fake.clear_faults();
            home.expect(0, &["sync"]);
            assert_eq!(home.blocks("home").len(), 6);
        }
    }
}

#[test]
fn events_that_end_before_they_start_or_do_not_end_keep_their_blocks() {
    for (end, words) in [
        (
            json!({"dateTime": "2026-01-01T09:00:00Z"}),
            "it ends before it starts",
        ),
        (Value::Null, "it has no end"),
    ] {
        let (fake, home) = six_blocks();
        tell_four(&fake, move |item| item["end"] = end.clone());
        for _ in 0..2 {
            home.expect(5, &["sync"]).says(&[words, "it begins on"]);
            assert_eq!(home.blocks("home").len(), 6);
        }
    }
}

#[test]
fn an_occurrence_that_does_not_say_which_keeps_the_blocks_of_its_series() {
    for status in ["confirmed", "cancelled"] {
        let (fake, home) = signed_in();
        let at = |hour| json!({"dateTime": format!("{}T{hour}:00:00Z", day(1)), "timeZone": "UTC"});
        let series =
            json!({"start": at("09"), "end": at("10"), "recurrence": ["RRULE:FREQ=WEEKLY"]});
        let id = fake.put(ME, series);
        home.expect(0, &["sync"]);
        let blocks = home.blocks("home");
        assert_eq!(blocks.len(), 1);
        let odd = json!({"id": format!("{id}_x"), "status": status, "recurringEventId": id, "etag": "\"7\"",
            "start": at("11"), "end": at("12")});
        let also = Fault::alter(move |body| {
            if let Some(items) = body["items"].as_array_mut() {
                items.push(odd.clone());
            }
        });
        fake.fault(When::call("events.list"), also);
        for args in [&["sync"][..], &["sync"], &["sync", "--full"]] {
            home.expect(5, args).says(&["does not say which"]);
            assert_eq!(home.blocks("home"), blocks, "{status}");
        }
        fake.clear_faults();
        home.expect(0, &["sync"]);
        assert_eq!(home.blocks("home"), blocks);
    }
}

#[test]
fn a_moved_occurrence_that_goes_without_saying_which_stays_where_it_was() {
    let (fake, home) = signed_in();
    let on = |days: i32, hour| json!({"dateTime": format!("{}T{hour}:00:00Z", day(days)), "timeZone": "UTC"});
    let series =
        json!({"start": on(1, "09"), "end": on(1, "10"), "recurrence": ["RRULE:FREQ=WEEKLY"]});
    let id = fake.put(ME, series);
    fake.move_occurrence(ME, &id, &on(8, "09"), &on(9, "11"), &on(9, "12"));
    home.expect(0, &["sync"]);
    let blocks = home.blocks("home");
    assert_eq!(blocks.len(), 2);
    // Whatever it says of itself beside that.
    let master = id;
    let gone = Fault::alter(move |body| {
        for item in body["items"].as_array_mut().into_iter().flatten() {
            if item["recurringEventId"] == master.as_str() {
                *item = json!({"id": item["id"], "etag": "\"7\"", "status": "cancelled",
                    "recurringEventId": master, "iCalUID": "other@example.org"});
            }
        }
    });
    fake.fault(When::call("events.list"), gone);
    for _ in 0..2 {
        home.expect(5, &["sync", "--full"])
            .says(&["does not say which"]);
        assert_eq!(home.blocks("home"), blocks);
    }
}

#[test]
fn a_listing_that_says_two_things_of_one_event_is_not_believed() {
    let (fake, home) = six_blocks();
    tell_four(&fake, |item| item["id"] = json!("0the0same0"));
    for _ in 0..2 {
        home.expect(5, &["sync"]).says(&["two things of one event"]);
        assert_eq!(home.blocks("home").len(), 6);
    }
    fake.clear_faults();
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home").len(), 6);
}

#[test]
fn a_page_in_googles_place_says_of_nothing_that_it_is_gone() {
    let (fake, home) = signed_in();
    home.put("home", "a.ics", meeting("a", 3));
    home.expect(0, &["sync"]);
    let standing = fake.events(ME);
    assert_eq!(standing.len(), 1);
    let portal = || Fault::Answer(Reply::html(404, "<html>Welcome to the hotel</html>"));
    // Reading, and then writing and looking.
    fake.fault(When::call("events.list"), portal());
    home.expect(5, &["sync"])
        .says(&["words that are not Google's"]);
    fake.clear_faults();
    home.delete("home", "a.ics");
    fake.fault(When::call("events.delete"), portal());
    fake.fault(When::call("events.get"), portal());
    home.expect(5, &["sync"])
        .says(&["words that are not Google's"]);
    assert_eq!(fake.events(ME), standing);
    fake.clear_faults();
    home.expect(0, &["sync"]);
    assert!(fake.events(ME).is_empty(), "it was not forgotten");
}

#[test]
fn a_sign_in_that_no_token_is_good_for_is_told_so_everywhere() {
    let (fake, home) = six_blocks();
    let refused = Fault::Answer(errors::invalid_credentials());
    fake.fault(When::call("events.list"), refused);
    for _ in 0..2 {
        home.expect(4, &["sync"]).says(&["calsync auth add mine"]);
        let list = home.run(&["auth", "list", "--json"]).json();
        let account = &list["accounts"][0];
        assert_eq!(account["state"], "refused", "{account}");
        assert!(account["refused_since"].is_string(), "{account}");
        let status = home.run(&["status", "--json"]).json();
        let mut calendars = status["calendars"].as_array().unwrap().iter();
        let work = calendars.find(|one| one["name"] == "work").unwrap();
        assert_eq!(work["sign_in"], "refused", "{work}");
    }
    fake.clear_faults();
    home.expect(0, &["auth", "add", "mine"]);
    home.expect(0, &["sync"]);
    let list = home.expect(0, &["auth", "list", "--json"]).json();
    assert_eq!(list["accounts"][0]["state"], "ok");
}
