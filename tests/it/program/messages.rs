//! What people are told when something is wrong at Google: whose account, which calendar, and what to do; by the run, by
//! `status` and by `check`.

use std::fs;

use super::trip::{ACCOUNTS, ADA, Trip, WORK, client, hour};
use crate::support::google::{Fault, Role, When, errors, exchange::Reply};

/// Something that is wrong with the account at work.
struct Case {
    arrange: fn(&Trip),
    /// How a run ends, and its word for the calendar.
    sync: (i32, &'static str),
    /// How `check` ends.
    check: i32,
    /// What the run, `status` and `check` say.
    words: &'static [&'static str],
}

/// What is asked about the calendar at work is answered like this.
fn answer(trip: &Trip, reply: Reply) {
    let when = When::any().and(|request| request.path.contains("work.example"));
    trip.fake.fault(when, Fault::Answer(reply));
}

/// Whoever asks for tokens for the account at work is answered like this.
fn deny(trip: &Trip, reply: Reply) {
    trip.fake.expire_access_tokens();
    let is_work = |request: &crate::support::google::exchange::Request| {
        request.form().get("client_id") == Some(&client("work"))
    };
    trip.fake
        .fault(When::call("token").and(is_work), Fault::Answer(reply));
}

/// The calendar at work is another one, and goes by this key.
fn point(trip: &Trip, key: &str) {
    let text = fs::read_to_string(trip.home.config_file()).unwrap();
    trip.home
        .configure(&text.replace(&format!("id = \"{WORK}\""), key));
}

const CASES: [(&str, Case); 12] = [
    (
        "client of the wrong type",
        Case {
            arrange: |trip| deny(trip, errors::wrong_client_type()),
            sync: (4, "auth"),
            check: 4,
            words: &[
                "`client_secret` is wrong",
                "a sign-in made before stays good",
                "calsync auth add work",
            ],
        },
    ),
    (
        "client deleted",
        Case {
            arrange: |trip| deny(trip, errors::deleted_client()),
            sync: (4, "auth"),
            check: 4,
            words: &[
                "was deleted or disabled",
                "make a new one",
                "calsync auth add work",
            ],
        },
    ),
    (
        "sign-in withdrawn",
        Case {
            arrange: |trip| deny(trip, errors::dead_grant()),
            sync: (4, "auth"),
            check: 4,
            words: &["\"Testing\"", "seven days", "calsync auth add work"],
        },
    ),
    (
        "administrator forbids the app",
        Case {
            arrange: |trip| deny(trip, errors::admin_policy()),
            sync: (4, "auth"),
            check: 4,
            words: &["administrator of the organisation", "admin console"],
        },
    ),
    (
        "administrator forbids the calendar",
        Case {
            arrange: |trip| {
                answer(trip, errors::calendar(403, "global", "domainPolicy", "No"));
            },
            sync: (5, "partial"),
            check: 5,
            words: &["administrator", "Admin console", "use another account"],
        },
    ),
    (
        "API not enabled",
        Case {
            arrange: |trip| answer(trip, errors::api_not_enabled()),
            sync: (5, "partial"),
            check: 5,
            words: &[
                "API is not enabled",
                "enable it at https://console.developers.google.com/apis/api/calendar-json.googleapis.com/overview?project=123456789, wait",
                "run again",
            ],
        },
    ),
    (
        "scope too small",
        Case {
            arrange: |trip| answer(trip, errors::insufficient_scope()),
            sync: (4, "auth"),
            check: 4,
            words: &[
                "does not allow",
                "calsync auth add work",
                "every box ticked",
            ],
        },
    ),
    (
        "may only be read",
        Case {
            arrange: |trip| trip.fake.set_role(WORK, WORK, Some(Role::Reader)),
            sync: (5, "partial"),
            check: 5,
            words: &[
                "ask its owner for \"Make changes to events\"",
                "role = \"source\"",
            ],
        },
    ),
    (
        "not shared any more",
        Case {
            arrange: |trip| trip.fake.set_role(WORK, WORK, None),
            sync: (5, "partial"),
            check: 5,
            words: &[
                "not there for this account",
                "calsync calendars work",
                "correct `id`",
            ],
        },
    ),
    (
        "calendar gone",
        Case {
            arrange: |trip| {
                trip.fake
                    .calendar("team@work.example", "Team", "Europe/Berlin", WORK);
                point(trip, "id = \"team@work.example\"");
                trip.fake.remove_calendar("team@work.example");
            },
            sync: (5, "partial"),
            check: 5,
            words: &["team@work.example", "deleted", "calsync calendars work"],
        },
    ),
    (
        "no calendar of this name",
        Case {
            arrange: |trip| point(trip, "name = \"Team\""),
            sync: (5, "partial"),
            check: 5,
            words: &["no calendar of this name (Team)", "calsync calendars work"],
        },
    ),
    (
        "away",
        Case {
            arrange: |trip| answer(trip, errors::unavailable().with("retry-after", "3600")),
            sync: (5, "away"),
            check: 8,
            words: &["cannot answer now (503)", "next run"],
        },
    ),
];

#[test]
fn every_message_says_whose_it_is_and_what_to_do() {
    for (what, case) in CASES {
        let (trip, _) = Trip::in_step();
        // Something is to be done everywhere.
        trip.fake.put(ADA, hour(8, 10));
        (case.arrange)(&trip);
        let (code, word) = case.sync;
        let ran = trip.home.expect(code, &["sync"]);
        let status = trip.home.expect(0, &["status"]).stdout;
        let checked = trip.home.expect(case.check, &["check"]).stdout;
        for (from, text) in [
            ("sync", &ran.stderr),
            ("status", &status),
            ("check", &checked),
        ] {
            for words in case.words.iter().chain(&["account work"]) {
                assert!(
                    text.contains(words),
                    "{what}: {from} without `{words}`: {text}"
                );
            }
            assert!(
                !text.contains("Own") && !text.contains("zqx9"),
                "{what}: {text}"
            );
        }
        for text in [&ran.stderr, &status] {
            assert!(
                text.lines().any(|line| line.contains("work: ")),
                "{what}: {text}"
            );
        }
        assert!(checked.contains("calendar work: "), "{what}: {checked}");
        assert_eq!(trip.status("work")["result"], word, "{what}");
        assert_eq!(
            trip.status("private")["result"],
            "ok",
            "{what}: the others go on"
        );
        assert_eq!(trip.blocks()[0], 4, "{what}: the others go on");
        assert_eq!(trip.blocks()[2], 3, "{what}: what stands there stays");
        assert_eq!(trip.fake.mails(), []);
    }
}

#[test]
fn usage_limits_end_the_writing_of_one_account() {
    let (trip, _) = Trip::in_step();
    for hours in 10..14 {
        trip.fake.put(ADA, hour(8, hours));
    }
    answer_writes(&trip, errors::usage_limit("quotaExceeded"));
    trip.fake.forget();
    let ran = trip.home.expect(5, &["sync"]);
    ran.says(&[
        "work: ",
        "account work",
        "usage limits",
        "a later one goes on",
    ]);
    assert_eq!(
        trip.fake.counts()["events.insert"],
        1,
        "asked once, then left alone"
    );
    assert_eq!(trip.blocks(), [7, 2, 3]);
    // What was not asked is not in doubt: the next run goes on from where this one was.
    trip.fake.clear_faults();
    let next = trip.home.expect(0, &["sync", "--json"]).json();
    let calendars = next["calendars"].as_array().unwrap();
    let work = calendars.iter().find(|c| c["name"] == "work").unwrap();
    assert_eq!(work["read"], "changes", "{work}");
    assert_eq!(trip.blocks(), [7, 2, 7]);
}

fn answer_writes(trip: &Trip, reply: Reply) {
    trip.fake
        .fault(When::call("events.insert"), Fault::Answer(reply));
}

#[test]
fn when_all_are_away_and_nothing_was_written_the_code_is_8() {
    let (trip, _) = Trip::in_step();
    let config = fs::read_to_string(trip.home.config_file()).unwrap();
    let (before, rest) = config.split_once("[calendars.home]").unwrap();
    let (_, after) = rest.split_once("[accounts").unwrap();
    trip.home.configure(&format!("{before}[accounts{after}"));
    let away = Fault::Answer(errors::too_many_requests(Some("3600")));
    trip.fake.fault(When::call("events.list"), away);
    let before = ACCOUNTS.map(|(_, person)| trip.fake.events(person));
    let ran = trip.home.expect(8, &["sync", "--json"]);
    assert_eq!(ran.json()["result"], "away");
    ran.says(&["account private", "account work", "limits how fast"]);
    assert_eq!(ACCOUNTS.map(|(_, person)| trip.fake.events(person)), before);
    // A sign-in that is missing weighs more: only a person can help.
    trip.home.expect(0, &["auth", "remove", "work"]);
    trip.home.expect(4, &["sync"]);
}

#[test]
fn what_ends_a_sign_in_is_said_with_the_account() {
    let cases = [
        (
            "device.code",
            errors::wrong_client_type(),
            4,
            "TVs and Limited Input devices",
        ),
        (
            "device.code",
            errors::invalid_scope("calendar"),
            4,
            "let anybody reach calendars with a code here (invalid_scope); a client of the type \"Desktop app\"",
        ),
        (
            "device.code",
            errors::unknown_client(),
            4,
            "knows no OAuth client of this id",
        ),
        (
            "token",
            errors::wrong_secret(),
            4,
            "`client_secret` is wrong",
        ),
        (
            "token",
            errors::access_denied(),
            4,
            "access was refused on Google's page",
        ),
        (
            "token",
            errors::expired_code(),
            4,
            "the code was not entered in time",
        ),
        (
            "token",
            errors::dead_grant(),
            4,
            "the code was not entered in time",
        ),
        (
            "token",
            errors::admin_policy(),
            4,
            "administrator of the organisation",
        ),
        (
            "token",
            errors::org_internal(),
            4,
            "for the members of its organisation",
        ),
    ];
    for (call, reply, code, words) in cases {
        let trip = Trip::new();
        trip.fake.fault(When::call(call), Fault::Answer(reply));
        let ran = trip
            .home
            .expect(code, &["auth", "add", "work", "--flow", "device"]);
        ran.says(&["account work", words]);
        assert!(trip.fake.granted_accounts().is_empty());
        assert_eq!(trip.status("work")["sign_in"], "missing");
    }
}
