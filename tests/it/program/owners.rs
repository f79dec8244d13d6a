//! Whose an account at Google is, while Google does not say: two that may be one are written to by nobody.

use std::fs;

use super::trip::{ADA, Trip, WORK};
use crate::support::{
    google::{Fault, When, errors},
    program::meeting,
};

const TEAM: &str = "team@group.calendar.google.com";

/// Two accounts of which each names its own calendar as people do, and an event in the folder.
fn both_primary() -> Trip {
    let trip = Trip::new();
    let text = fs::read_to_string(trip.home.config_file()).unwrap();
    trip.home
        .configure(&text.replace(&format!("id = \"{WORK}\""), "id = \"primary\""));
    trip.home.put("home", "a.ics", meeting("a", 3));
    trip
}

/// Google does not say whose an account is.
fn says_nothing(trip: &Trip) {
    let fault = Fault::Answer(errors::unavailable());
    trip.fake.fault(When::call("calendarList.get"), fault);
}

fn table(name: &str, id: &str) -> String {
    format!("[calendars.{name}]\naccount = \"private\"\nid = \"{id}\"\n")
}

#[test]
fn while_two_accounts_may_be_one_nothing_is_written_to_them() {
    let trip = both_primary();
    says_nothing(&trip);
    trip.sign_in("private", ADA);
    trip.sign_in("work", ADA);
    for args in [&["sync", "--dry-run"][..], &["sync"], &["sync"]] {
        let ran = trip.home.expect(5, args);
        for name in ["private", "work"] {
            ran.says(&[
                &format!("{name}: account {name}, calendar primary: "),
                "does not say whose account it is",
            ]);
        }
        trip.wrote_nothing();
    }
    let checked = trip.home.run(&["check"]).stdout;
    assert!(checked.contains("!!  calendar work: "), "{checked}");
    // It is asked in every run, and the first answer counts.
    trip.fake.clear_faults();
    let ran = trip.home.expect(3, &["sync"]);
    ran.says(&["work: it is the same calendar as \"private\""]);
    trip.wrote_nothing();
}

#[test]
fn a_run_that_finds_nothing_new_asks_all_the_same_whose_an_account_is() {
    let trip = both_primary();
    trip.sign_in("private", ADA);
    trip.sign_in("work", WORK);
    trip.home.sync();
    trip.settles();
    // As an older calsync may have left it.
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let state = rusqlite::Connection::open_with_flags(trip.home.state_file(), flags).unwrap();
    let sql = "UPDATE sign_ins SET address = NULL";
    state.execute(sql, []).unwrap();
    says_nothing(&trip);
    trip.home.sync();
    trip.fake.clear_faults();
    trip.fake.forget();
    trip.home.sync();
    assert_eq!(trip.fake.counts().get("calendarList.get"), Some(&2));
    let listed = trip.home.expect(0, &["auth", "list"]).stdout;
    assert!(listed.contains(WORK), "{listed}");
}

#[test]
fn an_owner_whom_nobody_else_could_be_need_not_be_known() {
    let trip = Trip::new();
    let text = fs::read_to_string(trip.home.config_file()).unwrap();
    let (text, _) = text.split_once("[accounts.work]").unwrap();
    trip.fake.calendar(TEAM, "Team", "Europe/Berlin", ADA);
    trip.home
        .configure(&format!("{text}{}", table("team", TEAM)));
    says_nothing(&trip);
    trip.sign_in("private", ADA);
    trip.home.put("home", "a.ics", meeting("a", 3));
    trip.home.sync();
    assert_eq!(trip.fake.counts().get("events.insert"), Some(&2));
    trip.fake.forget();
    trip.home.sync();
    assert_eq!(trip.fake.counts(), [("events.list", 2)].into());
}
