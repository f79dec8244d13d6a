//! Two Google accounts and a folder in one configuration, from signing in to taking everything back: the program as a person
//! uses it, with a fake Google at the other end.

use std::fs;

use serde_json::{Value, json};

use super::trip::{ACCOUNTS, ADA, Trip, WORK, at, hour};
use crate::support::{
    google::ClientKind,
    program::{Home, files_in, meeting_at, write},
};

#[test]
fn from_signing_in_to_being_in_step() {
    let trip = Trip::signed_in();
    let Trip { fake, home } = &trip;
    assert_eq!(fake.granted_accounts(), [ADA, WORK]);
    let listed = home.expect(0, &["auth", "list"]).stdout;
    assert_eq!(
        listed.matches("  device  calendar  ").count(),
        2,
        "{listed}"
    );
    trip.fill();
    let offers = home.expect(0, &["calendars", "private"]).stdout;
    assert!(
        offers.contains(ADA) && offers.contains("writable"),
        "{offers}"
    );
    assert!(!offers.contains(WORK), "{offers}");
    let offers = home.expect(0, &["calendars", "private", "--json"]).json();
    let offer = &offers["calendars"][0];
    assert_eq!(
        [
            &offer["id"],
            &offer["name"],
            &offer["writable"],
            &offer["timezone"]
        ],
        [
            &json!(ADA),
            &json!("private"),
            &json!(true),
            &json!("Europe/Berlin")
        ]
    );
    let checked = home.expect(0, &["check"]).stdout;
    for calendar in ["calendar private: reachable", "calendar work: reachable"] {
        assert!(checked.contains(calendar), "{checked}");
    }
    assert!(
        checked.contains("account work: signed in as ada@work.example, device, just now"),
        "{checked}"
    );
    let before = trip.all();
    let dry = home.expect(0, &["sync", "--dry-run", "--json"]).json();
    assert_eq!((&dry["created"], &dry["result"]), (&json!(8), &json!("ok")));
    assert_eq!(trip.all(), before);
    trip.wrote_nothing();
    let told = home.sync().stdout;
    assert!(
        told.contains("private: 2 created") && told.contains("repeating  from private"),
        "{told}"
    );
    assert_eq!(trip.blocks(), [3, 2, 3]);
    trip.settles();
    assert_eq!(fake.mails(), []);
}

#[test]
fn what_people_do_at_google_is_followed() {
    let (trip, filled) = Trip::in_step();
    let Trip { fake, home } = &trip;
    let original = |weeks: i32| json!({"dateTime": at(1 + 7 * weeks, 9)});
    // An occurrence that is cancelled is a hole; one that is moved is a hole and a block of its own.
    fake.cancel(ADA, &fake.instance_id(ADA, &filled.series, &original(1)));
    let to = |hour| json!({"dateTime": at(16, hour)});
    fake.move_occurrence(ADA, &filled.series, &original(2), &to(15), &to(16));
    trip.settles();
    assert_eq!(trip.blocks(), [4, 2, 4]);
    let busy = trip.busy(WORK);
    let rules = |event: &Value| event["recurrence"].to_string();
    let series = busy
        .iter()
        .find(|event| !event["recurrence"].is_null())
        .unwrap();
    assert_eq!(rules(series).matches("T0").count(), 2, "{series}");
    assert!(
        busy.iter().any(|event| event["start"]["dateTime"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
            == at(16, 15).parse().unwrap()),
        "{busy:?}"
    );
    // An event that is deleted, and an invitation that is declined.
    fake.cancel(ADA, &filled.single);
    fake.alter(
        WORK,
        &filled.invited,
        json!({"attendees": [
            {"email": WORK, "responseStatus": "declined"},
        ]}),
    );
    trip.settles();
    assert_eq!(trip.blocks(), [2, 1, 3]);
    // Blocks that people touch come back as they were.
    let block = trip.busy(ADA).remove(0);
    fake.alter(
        ADA,
        block["id"].as_str().unwrap(),
        json!({"summary": "Mine", "start": to(3), "end": to(4)}),
    );
    let gone = trip.busy(WORK).remove(0);
    fake.cancel(WORK, gone["id"].as_str().unwrap());
    trip.settles();
    assert_eq!(trip.blocks(), [2, 1, 3]);
    let back = trip.busy(ADA).remove(0);
    for field in [
        "summary",
        "start",
        "end",
        "visibility",
        "transparency",
        "reminders",
    ] {
        assert_eq!(back[field], block[field], "{field}");
    }
    let row = trip.status("private");
    assert_eq!(
        (&row["result"], &row["blocks"], &row["cursor"]),
        (&json!("ok"), &json!(1), &json!(true))
    );
    assert!(row["error"].is_null());
    assert_eq!(fake.mails(), []);
    home.expect(0, &["status"]);
}

#[test]
fn whoever_loses_the_state_signs_in_again_and_nothing_is_written() {
    let (trip, _) = Trip::in_step();
    trip.home.lose_state();
    trip.home
        .expect(4, &["sync"])
        .says(&["calsync auth add private", "calsync auth add work"]);
    for (name, person) in ACCOUNTS {
        trip.sign_in(name, person);
    }
    let before = trip.all();
    trip.fake.forget();
    trip.home.sync().is_silent();
    trip.wrote_nothing();
    assert_eq!(trip.all(), before);
    trip.settles();
}

#[test]
fn an_account_that_is_signed_out_keeps_its_blocks_and_the_others_go_on() {
    let (trip, _) = Trip::in_step();
    let Trip { fake, home } = &trip;
    fake.revoke_all(WORK);
    fake.put(ADA, hour(8, 10));
    home.put("home", "walk.ics", meeting_at("walk", 9, 16));
    let at_work = fake.events(WORK);
    let ran = home.expect(4, &["sync"]);
    ran.says(&[
        "work: ",
        "account work",
        "calsync auth add work",
        "seven days",
    ]);
    assert!(!ran.stderr.contains("auth add private"), "{ran:?}");
    assert_eq!(trip.blocks(), [4, 3, 3]);
    assert_eq!(fake.events(WORK), at_work);
    assert!(fake.user_codes().is_empty(), "nobody is asked during a run");
    let row = trip.status("work");
    assert_eq!(
        (&row["result"], &row["blocks"]),
        (&json!("auth"), &json!(3))
    );
    assert!(
        row["error"]
            .as_str()
            .unwrap()
            .contains("calsync auth add work"),
        "{row}"
    );
    assert_eq!(row["sign_in"], "refused");
    let fine = trip.status("private");
    assert_eq!(
        (&fine["result"], &fine["sign_in"]),
        (&json!("ok"), &json!("ok"))
    );
    let text = home.expect(0, &["status"]).stdout;
    assert!(
        text.contains("account work refused by the server; run: calsync auth add work"),
        "{text}"
    );
    assert!(text.contains("account private signed in"), "{text}");
    assert_eq!(trip.status("home")["sign_in"], Value::Null);
    // Again, as cron does, and nothing changes; then somebody signs in.
    home.expect(4, &["sync"]);
    assert_eq!(trip.blocks(), [4, 3, 3]);
    trip.sign_in("work", WORK);
    trip.home.sync();
    assert_eq!(trip.blocks(), [4, 3, 5]);
    trip.settles();
    assert_eq!(fake.mails(), []);
}

#[test]
fn a_reset_leaves_what_people_made_and_nothing_else() {
    for with_state in [true, false] {
        let (trip, _) = Trip::in_step();
        let Trip { fake, home } = &trip;
        let before = trip.theirs();
        if !with_state {
            home.lose_state();
            for (name, person) in ACCOUNTS {
                trip.sign_in(name, person);
            }
        }
        let dry = home
            .expect(0, &["reset", "--all", "--dry-run", "--json"])
            .json();
        assert_eq!(dry["deleted"], 8);
        assert_eq!(trip.blocks(), [3, 2, 3]);
        home.expect(0, &["reset", "--all", "--yes"]);
        assert_eq!(trip.all(), before);
        assert_eq!(trip.blocks(), [0; 3]);
        assert_eq!(fake.mails(), []);
        // And back again: ids that were deleted are called back.
        home.sync();
        assert_eq!(trip.blocks(), [3, 2, 3]);
        trip.settles();
        assert_eq!(fake.mails(), []);
    }
}

#[test]
fn status_knows_who_is_signed_in_and_asks_nobody() {
    let trip = Trip::new();
    let text = trip.home.expect(0, &["status"]).stdout;
    assert!(
        text.contains("never synced")
            && text.contains("account work nobody is signed in; run: calsync auth add work"),
        "{text}"
    );
    assert_eq!(trip.status("work")["sign_in"], "missing");
    trip.sign_in("work", WORK);
    assert_eq!(trip.status("work")["sign_in"], "ok");
    let config = fs::read_to_string(trip.home.config_file()).unwrap();
    trip.home.configure(&config.replace("tv-work", "tv-other"));
    trip.fake.forget();
    assert_eq!(trip.status("work")["sign_in"], "other_client");
    assert_eq!(trip.status("private")["sign_in"], "missing");
    assert!(trip.fake.requests().is_empty());
}

#[test]
fn an_account_without_calendars_is_checked_too() {
    let trip = Trip::signed_in();
    let Trip { fake, home } = &trip;
    let config = fs::read_to_string(home.config_file()).unwrap();
    let (config, _) = config.split_once("[calendars.work]").unwrap();
    home.configure(config);
    let fine = home.expect(0, &["check"]).stdout;
    assert!(
        fine.contains("account work: signed in as ada@work.example, device, just now"),
        "{fine}"
    );
    fake.revoke_all(WORK);
    fake.expire_access_tokens();
    let ran = home.expect(4, &["check"]);
    assert!(
        ran.stdout.contains("account work: ") && ran.stdout.contains("calsync auth add work"),
        "{ran:?}"
    );
    home.expect(0, &["auth", "remove", "work"]);
    let ran = home.expect(4, &["check"]);
    assert!(ran.stdout.contains("nobody is signed in"), "{ran:?}");
}

#[test]
fn a_sign_in_that_died_after_a_week_is_explained() {
    for (days, is_told) in [(6, false), (7, true), (30, true)] {
        let trip = Trip::signed_in();
        let Trip { fake, home } = &trip;
        make_older(home, days);
        fake.revoke_all(WORK);
        fake.expire_access_tokens();
        let told = format!("refused {days} days after it was made");
        for (code, command) in [(4, &["check"][..]), (0, &["auth", "list"])] {
            let text = home.expect(code, command).stdout;
            assert_eq!(text.contains(&told), is_told, "{days}: {text}");
            assert_eq!(
                text.contains("\"In production\""),
                is_told || command == ["check"],
                "{text}"
            );
            assert!(!text.contains("account private: the sign-in"), "{text}");
        }
    }
}

/// Makes every sign-in so many days older than it is.
fn make_older(home: &Home, days: i64) {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let state = rusqlite::Connection::open_with_flags(home.state_file(), flags).unwrap();
    let sql = "UPDATE sign_ins SET since = since - ?1 * 86400";
    assert_eq!(state.execute(sql, [days]).unwrap(), 2);
}

/// The first block of code of this kind behind a heading of the README.
fn from_the_readme(heading: &str, kind: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once(&format!("\n{heading}\n")).unwrap();
    let (_, code) = section.split_once(&format!("```{kind}\n")).unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    lines.join("\n")
}

#[test]
fn the_readme_leads_to_calendars_in_step() {
    let trip = Trip::new();
    let Trip { fake, home } = &trip;
    fake.client(ClientKind::Tv, "tv", "GOCSPX-zqx9secret");
    let client = br#"{"installed":{"client_id":"tv","client_secret":"GOCSPX-zqx9secret"}}"#;
    write(&home.path(".config/calsync/google-client.json"), client);
    fs::create_dir_all(home.path("calendars/home")).unwrap();
    let google = "provider = \"google\"";
    let here = format!("{google}\nendpoint = \"{}\"", fake.endpoint());
    home.configure(&from_the_readme("## Google", "toml").replace(google, &here));
    fake.put(ADA, hour(2, 12));
    fake.put(WORK, hour(3, 14));
    let before = ACCOUNTS.map(|(_, person)| fake.events(person));
    let mut commands = 0;
    for line in from_the_readme("## Google", "sh").lines() {
        let command = line.split(" #").next().unwrap();
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        for (name, person) in ACCOUNTS {
            if words == ["auth", "add", name] {
                fake.behave(|google| person.clone_into(&mut google.person));
            }
        }
        home.expect(0, &words);
        commands += 1;
    }
    assert_eq!(commands, 6);
    assert_eq!([ADA, WORK].map(|person| trip.busy(person).len()), [1, 1]);
    assert_eq!(files_in(&home.path("calendars/home")).len(), 2);
    home.sync();
    fake.forget();
    home.sync().is_silent();
    assert_eq!(fake.counts(), [("events.list", 2)].into());
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(ACCOUNTS.map(|(_, person)| fake.events(person)), before);
    assert!(files_in(&home.path("calendars/home")).is_empty());
    assert_eq!(fake.mails(), []);
}
