//! What goes wrong with a whole account at Google: said once, of the account, and by every command in the same way.

use std::fs;

use serde_json::json;

use super::trip::{ADA, Trip, WORK, client, hour};
use crate::support::{
    google::{Fault, When, errors},
    program::meeting,
};

const TEAM: &str = "team@group.calendar.google.com";

/// Signed in, with a second calendar at work by the name that Google has for it.
fn with_team() -> Trip {
    let trip = Trip::signed_in();
    trip.fake.calendar(TEAM, "Crew", "Europe/Berlin", WORK);
    let team = "[calendars.boss]\naccount = \"work\"\nname = \"Crew\"\n";
    trip.home.configure_also("", team);
    trip.fake.put(ADA, hour(2, 9));
    trip
}

/// The lines in which something is told of an account or its calendars.
fn told(text: &str, word: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.contains(word));
    lines.map(str::to_owned).collect()
}

#[test]
fn what_is_wrong_with_an_account_is_said_once_and_names_no_other_calendar() {
    let limited = errors::usage_limit("userRateLimitExceeded");
    for (reply, call, code, words) in [
        (limited, "events.list", 5, "limits how fast"),
        (errors::api_not_enabled(), "events.list", 5, "not enabled"),
        (errors::unavailable(), "events.list", 5, "cannot answer now"),
        (
            errors::usage_limit("quotaExceeded"),
            "events.insert",
            5,
            "used up",
        ),
    ] {
        let trip = with_team();
        trip.home.put("home", "a.ics", meeting("a", 3));
        let of_work = |path: &str| path.contains("team%40") || path.contains("work.example");
        let when = When::call(call).and(move |request| of_work(&request.path));
        trip.fake.fault(when, Fault::Answer(reply));
        let ran = trip.home.expect(code, &["sync"]);
        let told = told(&ran.stderr, words);
        assert_eq!(told.len(), 1, "{ran:?}");
        assert!(
            told[0].contains("account work (calendars boss, work): "),
            "{told:?}"
        );
        assert!(
            !told[0].contains("Crew") && !told[0].contains(WORK),
            "{told:?}"
        );
        let status = trip.home.expect(0, &["status"]).stdout;
        assert!(
            status.contains("\naccount work (calendars boss, work): "),
            "{status}"
        );
    }
}

#[test]
fn a_calendar_that_is_not_asked_any_more_is_not_given_the_words_of_another() {
    let trip = with_team();
    trip.home.sync();
    trip.home.put("home", "a.ics", meeting("a", 3));
    // A listing of this calendar alone that leads nowhere, tried again as long as it is worth it.
    let of_team = When::call("events.list").and(|request| request.path.contains("team%40"));
    trip.fake
        .fault(of_team, Fault::Answer(errors::full_sync_required()));
    let ran = trip.home.expect(5, &["sync"]);
    ran.says(&[
        "boss: account work, calendar Crew: ",
        "account work: not asked any more in this run, after boss could not be read",
    ]);
    let of_work = told(&ran.stderr, "not asked any more");
    assert!(!of_work[0].contains("Crew"), "{of_work:?}");
}

#[test]
fn check_asks_whether_the_sign_in_still_holds_while_an_older_token_does() {
    let (trip, _) = Trip::in_step();
    let config = fs::read_to_string(trip.home.config_file()).unwrap();
    let of_work = format!("client_id = \"{}\"\nclient_secret = \"", client("work"));
    trip.home
        .configure(&config.replace(&of_work, &format!("{of_work}x")));
    let ran = trip.home.expect(4, &["check"]);
    ran.shows(&[
        "!!  account work: Google does not take the OAuth client",
        "--  calendar work: not looked at, because of account work",
        "ok  account private: signed in as ada@example.org, device",
    ]);
    assert_eq!(
        trip.status("work")["sign_in"],
        "ok",
        "only the client is wrong"
    );
    trip.home.configure(&config);
    // One more request for each account, and the token that it brings is kept.
    trip.fake.forget();
    trip.home.expect(0, &["check"]);
    assert_eq!(trip.fake.counts().get("token"), Some(&2));
    trip.fake.forget();
    trip.home.sync();
    assert_eq!(trip.fake.counts().get("token"), None);
}

#[test]
fn a_sign_in_that_was_refused_is_refused_to_every_command_alike() {
    let (trip, _) = Trip::in_step();
    let dead = When::call("token").and(|request| {
        let form = request.form();
        form.get("client_id") == Some(&client("work"))
    });
    trip.fake.fault(dead, Fault::Answer(errors::dead_grant()));
    trip.home.expect(4, &["check"]);
    // The older token would still do for a while.
    let before = trip.all();
    for _ in 0..2 {
        let ran = trip.home.expect(4, &["sync"]);
        ran.says(&["account work: ", "calsync auth add work"]);
        assert_eq!(trip.all(), before);
        assert_eq!(trip.status("work")["sign_in"], "refused");
        let listed = trip.home.expect(0, &["auth", "list"]).stdout;
        assert!(
            listed.contains("work     refused by the server: sign in again"),
            "{listed}"
        );
        let ran = trip.home.expect(4, &["check"]);
        assert_eq!(told(&ran.stdout, "account work").len(), 2, "{ran:?}");
    }
    // If it was Google's mistake, nobody has to do anything.
    trip.fake.clear_faults();
    trip.home.sync();
    assert_eq!(trip.status("work")["sign_in"], "ok");
}

#[test]
fn a_sign_in_that_is_refused_is_told_once_for_all_its_calendars() {
    let trip = with_team();
    trip.home.sync();
    trip.fake.revoke_all(WORK);
    trip.fake.expire_access_tokens();
    let ran = trip.home.expect(4, &["sync"]);
    assert_eq!(told(&ran.stderr, "auth add work").len(), 1, "{ran:?}");
    ran.says(&["account work (calendars boss, work): "]);
    let report = trip.home.expect(4, &["sync", "--json"]).json();
    assert_eq!(report["errors"].as_array().unwrap().len(), 1, "{report}");
    for calendar in report["calendars"].as_array().unwrap() {
        let is_of_work = calendar["name"] == "boss" || calendar["name"] == "work";
        assert_eq!(calendar["error"].is_string(), is_of_work, "{calendar}");
    }
}

#[test]
fn what_somebody_added_to_a_block_goes_again() {
    let (trip, _) = Trip::in_step();
    for changes in [
        json!({"attachments": [{"fileUrl": "https://drive.example/1"}]}),
        json!({"conferenceData": {"conferenceId": "abc"}, "hangoutLink": "https://meet.example/abc"}),
        json!({"extendedProperties": null}),
    ] {
        let bare = |mut block: serde_json::Value| {
            for field in ["etag", "updated", "sequence"] {
                block.as_object_mut().unwrap().remove(field);
            }
            block
        };
        let block = trip.busy(ADA).remove(0);
        let id = block["id"].as_str().unwrap().to_owned();
        trip.fake.alter(ADA, &id, changes.clone());
        trip.home.sync();
        let now = trip.busy(ADA);
        let now = now.iter().find(|event| event["id"] == id).unwrap().clone();
        assert_eq!(bare(now), bare(block), "{changes}");
        trip.settles();
    }
}

#[test]
fn a_name_of_a_calendar_is_told_from_that_of_an_account() {
    let trip = Trip::new();
    for args in [&["auth", "add", "home"][..], &["calendars", "home"]] {
        trip.home
            .expect(2, args)
            .says(&["there is no account \"home\"", "\"home\" is a calendar"]);
    }
}

#[test]
fn a_calendar_that_was_renamed_at_google_is_listed_by_the_name_that_it_has_here() {
    let trip = with_team();
    trip.home.expect(0, &["sync"]);
    trip.fake.rename_calendar(TEAM, "The crew");
    let offers = trip.home.expect(0, &["calendars", "work", "--json"]);
    let offers = offers.json();
    let offers = offers["calendars"].as_array().unwrap();
    let offer = offers.iter().find(|offer| offer["id"] == TEAM).unwrap();
    assert_eq!(
        (&offer["name"], &offer["title"]),
        (&"boss".into(), &"The crew".into())
    );
}

#[test]
fn accounts_that_cannot_be_listed_are_named_in_the_json_too() {
    let trip = Trip::new();
    let listed = trip.home.expect(4, &["calendars", "--json"]).json();
    let errors = listed["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2, "{listed}");
    assert_eq!(listed["error"], errors[0]);
    assert!(
        errors[0]
            .as_str()
            .unwrap()
            .contains("account private: nobody is signed in")
    );
    assert_eq!(listed["calendars"][0]["name"], "home");
}

#[test]
fn the_word_for_the_own_calendar_is_written_as_google_takes_it() {
    let trip = Trip::new();
    let text = fs::read_to_string(trip.home.config_file()).unwrap();
    trip.home
        .configure(&text.replace("\"primary\"", "\"Primary\""));
    trip.home
        .expect(3, &["sync"])
        .says(&["did you mean `primary`?"]);
}
