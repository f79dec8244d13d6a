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
