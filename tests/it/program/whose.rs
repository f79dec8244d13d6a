//! Who is who at Google: as whom somebody signed in, calendars that turn out to be one, that may only be read, or that are read
//! from another place than before.

use std::fs;

use serde_json::{Value, json};

use super::trip::{ADA, Trip, WORK, client, hour};
use crate::support::{
    google::{Fault, Role, When, errors},
    program::{Home, KEY, Ran, meeting, write},
};

const BOB: &str = "bob@example.org";
const TEAM: &str = "team@group.calendar.google.com";

/// Signs in at work as this person, whatever comes of it.
fn sign_in_at_work(trip: &Trip, person: &str, code: i32) -> Ran {
    trip.fake
        .behave(|google| person.clone_into(&mut google.person));
    trip.home.expect(code, &["auth", "add", "work"])
}

fn listed(home: &Home, account: &str) -> Value {
    let all = home.expect(0, &["auth", "list", "--json"]).json();
    let rows = all["accounts"].as_array().unwrap().clone();
    rows.into_iter()
        .find(|row| row["account"] == account)
        .unwrap()
}

/// The configuration with other calendars at Google.
fn calendars(trip: &Trip, tables: &str) {
    let text = fs::read_to_string(trip.home.config_file()).unwrap();
    let mut kept = String::new();
    let mut is_left_out = false;
    for line in text.lines() {
        if line.starts_with('[') {
            is_left_out = line.starts_with("[calendars") && line != "[calendars.home]";
        }
        if !is_left_out {
            kept.extend([line, "\n"]);
        }
    }
    trip.home.configure(&format!("{kept}{tables}"));
}

fn table(name: &str, account: &str, key: &str) -> String {
    format!("[calendars.{name}]\naccount = \"{account}\"\n{key}\n")
}

fn writes(trip: &Trip) -> usize {
    let counts = trip.fake.counts();
    let of = |call: &&str| counts.get(*call).copied().unwrap_or(0);
    ["events.insert", "events.update", "events.delete"]
        .iter()
        .map(of)
        .sum()
}

#[test]
fn who_signed_in_is_said_and_remembered() {
    let trip = Trip::new();
    assert_eq!(listed(&trip.home, "work")["address"], Value::Null);
    let ran = sign_in_at_work(&trip, WORK, 0);
    let welcome = format!("Signed in to account work as {WORK} (device).");
    assert!(ran.stdout.contains(&welcome), "{ran:?}");
    assert!(ran.stdout.contains("calsync check"), "{ran:?}");
    assert!(ran.stderr.starts_with(" WARN Made the key"), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    assert_eq!(listed(&trip.home, "work")["address"], WORK);
    let text = trip.home.expect(0, &["auth", "list"]).stdout;
    assert!(text.contains(WORK), "{text}");
    // Again as the same person: nothing to say, and nothing is read anew.
    trip.sign_in("private", ADA);
    trip.home.sync();
    assert_eq!(sign_in_at_work(&trip, WORK, 0).stderr, "");
    let report = trip.home.expect(0, &["sync", "--json"]).json();
    let calendars = report["calendars"].as_array().unwrap();
    let work = calendars.iter().find(|c| c["name"] == "work").unwrap();
    assert_eq!(work["read"], "changes", "{work}");
}

#[test]
fn who_cannot_be_told_may_sign_in_all_the_same() {
    let trip = Trip::new();
    for (fault, why) in [
        (
            Fault::Answer(errors::api_not_enabled()),
            "API is not enabled",
        ),
        (
            Fault::Answer(errors::unavailable()),
            "cannot answer now (503)",
        ),
        (
            Fault::alter(|entry| entry["kind"] = json!("calendar#other")),
            "not in the form",
        ),
        (Fault::Close, "the connection broke"),
    ] {
        trip.fake.clear_faults();
        trip.fake.fault(When::call("calendarList.get"), fault);
        let ran = sign_in_at_work(&trip, WORK, 0);
        assert!(
            ran.stdout.contains("Signed in to account work (device)"),
            "{ran:?}"
        );
        ran.says(&[
            "WARN",
            "account work: it could not be learnt who signed in",
            why,
            "another account",
            "calsync auth add work",
        ]);
        assert_eq!(listed(&trip.home, "work")["address"], Value::Null);
    }
}

#[test]
fn whoever_is_signed_in_does_not_give_way_to_somebody_whom_nobody_knows() {
    let trip = Trip::signed_in();
    let away = Fault::Answer(errors::unavailable());
    trip.fake.fault(When::call("calendarList.get"), away);
    sign_in_at_work(&trip, ADA, 4).says(&[
        "account work: it could not be learnt who signed in",
        "cannot answer now (503)",
        "Nothing was changed",
        &format!("{WORK}, who stays signed in"),
    ]);
    assert_eq!(listed(&trip.home, "work")["address"], WORK);
    trip.fake.clear_faults();
    trip.home.put("home", "a.ics", meeting("a", 3));
    trip.home.sync();
    assert_eq!(trip.blocks(), [0, 1, 1]);
    // A sign-in that is no good any more is worth less than none that is known.
    trip.fake.revoke_all(WORK);
    trip.fake.expire_access_tokens();
    trip.home.expect(4, &["sync"]);
    let away = Fault::Answer(errors::unavailable());
    trip.fake.fault(When::call("calendarList.get"), away);
    sign_in_at_work(&trip, WORK, 0).says(&[&format!("who was {WORK} before")]);
}

#[test]
fn the_same_person_in_two_accounts_is_refused() {
    let trip = Trip::new();
    trip.sign_in("private", ADA);
    let ran = sign_in_at_work(&trip, ADA, 4);
    ran.says(&[
        "account work: ",
        ADA,
        "account private is signed in",
        "nothing was kept",
        "somebody else",
    ]);
    assert_eq!(listed(&trip.home, "work")["state"], "missing");
    // The one before stays good, and so does that of the other account.
    sign_in_at_work(&trip, WORK, 0);
    sign_in_at_work(&trip, ADA, 4);
    assert_eq!(listed(&trip.home, "work")["address"], WORK);
    trip.home.sync();
    // Once that account is gone from the configuration, nothing is in the way.
    let text = fs::read_to_string(trip.home.config_file()).unwrap();
    let (before, rest) = text.split_once("[accounts.private]").unwrap();
    let (_, after) = rest.split_once("[accounts.work]").unwrap();
    trip.home
        .configure(&format!("{before}[accounts.work]{after}"));
    sign_in_at_work(&trip, ADA, 0);
}

#[test]
fn somebody_else_than_before_is_told_of() {
    let trip = Trip::signed_in();
    trip.fake.account(BOB);
    let ran = sign_in_at_work(&trip, BOB, 0);
    ran.says(&[
        "WARN",
        "account work",
        &format!("as {WORK} before"),
        &format!("is {BOB} now"),
        "myaccount.google.com",
    ]);
}

#[test]
fn two_calendars_that_are_one_are_refused_by_sync_and_check() {
    let mine = format!("id = \"{ADA}\"");
    let team = format!("id = \"{TEAM}\"");
    for (one, other) in [
        (
            table("a", "private", "id = \"primary\""),
            table("b", "private", &mine),
        ),
        (
            table("a", "private", "name = \"Team\""),
            table("b", "private", &team),
        ),
        // Shared, and reached by two accounts.
        (table("a", "private", &team), table("b", "work", &team)),
        (
            table("a", "work", "name = \"Team\""),
            table("b", "private", &team),
        ),
        (
            table("a", "private", "id = \"primary\""),
            table("b", "work", &mine),
        ),
    ] {
        let trip = Trip::signed_in();
        trip.fake.calendar(TEAM, "Team", "Europe/Berlin", ADA);
        trip.fake.set_role(TEAM, WORK, Some(Role::Writer));
        trip.fake.set_role(ADA, WORK, Some(Role::Writer));
        trip.home.put("home", "a.ics", meeting("a", 3));
        trip.fake.put(ADA, hour(2, 9));
        calendars(&trip, &format!("{one}{other}"));
        // The second time nothing is looked up any more.
        for args in [&["sync"][..], &["sync", "--dry-run"], &["sync"]] {
            let ran = trip.home.expect(3, args);
            ran.says(&["b: it is the same calendar as \"a\"", "twice"]);
        }
        let checked = trip.home.expect(3, &["check"]).stdout;
        assert!(
            checked.contains("!!  calendar b: it is the same calendar as \"a\""),
            "{checked}"
        );
        assert_eq!(writes(&trip), 0, "{one}{other}");
        assert!(trip.home.blocks("home").is_empty());
        let status = trip.home.expect(0, &["status"]).stdout;
        assert!(status.contains("same calendar"), "{status}");
        // One of the two alone is fine.
        calendars(&trip, &one);
        trip.home.sync();
        trip.home.sync();
        trip.fake.forget();
        trip.home.sync().is_silent();
        assert_eq!(trip.fake.counts(), [("events.list", 1)].into());
    }
}

#[test]
fn one_person_in_two_accounts_is_found_out_also_if_it_could_not_be_told_at_once() {
    let trip = Trip::new();
    let text = fs::read_to_string(trip.home.config_file()).unwrap();
    trip.home
        .configure(&text.replace(&format!("id = \"{WORK}\""), "id = \"primary\""));
    let closed = Fault::Answer(errors::api_not_enabled());
    trip.fake.fault(When::call("calendarList.get"), closed);
    trip.sign_in("private", ADA);
    trip.sign_in("work", ADA);
    trip.fake.clear_faults();
    trip.home.put("home", "a.ics", meeting("a", 3));
    let ran = trip.home.expect(3, &["sync"]);
    ran.says(&[
        "work: it is the same calendar as \"private\"",
        ADA,
        "calsync auth add ACCOUNT",
    ]);
    assert_eq!(writes(&trip), 0);
    assert_eq!(listed(&trip.home, "work")["address"], ADA);
    // What was asked for once is remembered.
    trip.fake.forget();
    trip.home.expect(3, &["sync"]);
    trip.home.expect(3, &["sync"]);
    assert_eq!(trip.fake.counts().get("calendarList.get"), None);
    let report = trip.home.expect(3, &["sync", "--json"]).json();
    assert_eq!(report["result"], "config", "{report}");
    // Signed in to as the right person, all is well.
    sign_in_at_work(&trip, WORK, 0);
    trip.home.sync();
    assert_eq!(trip.blocks(), [0, 1, 1]);
}

#[test]
fn blocks_that_were_written_twice_can_be_taken_back() {
    let trip = Trip::signed_in();
    trip.home.put("home", "a.ics", meeting("a", 3));
    trip.home.sync();
    let text = fs::read_to_string(trip.home.config_file()).unwrap();
    trip.home
        .configure(&text.replace(&format!("id = \"{WORK}\""), &format!("id = \"{ADA}\"")));
    trip.fake.set_role(ADA, WORK, Some(Role::Writer));
    let ran = trip.home.expect(0, &["reset", "--all", "--yes"]);
    assert!(!ran.stderr.contains("copied or moved"), "{ran:?}");
    assert_eq!(trip.blocks()[1], 0);
}

#[test]
fn a_calendar_that_may_only_be_read_is_not_even_tried() {
    let trip = Trip::signed_in();
    trip.fake.set_role(WORK, WORK, Some(Role::Reader));
    trip.home.put("home", "a.ics", meeting("a", 3));
    let words = [
        "work: ",
        "may not be written by this account",
        "role = \"source\"",
    ];
    let dry = trip.home.expect(5, &["sync", "--dry-run"]);
    dry.says(&words);
    assert!(!dry.stdout.contains("work: 1 to create"), "{dry:?}");
    assert!(dry.stdout.contains("private: 1 to create"), "{dry:?}");
    trip.home.expect(5, &["sync"]).says(&words);
    assert_eq!(trip.blocks(), [0, 1, 0]);
    assert_eq!(writes(&trip), 1, "only where it is allowed");
    let report = trip.home.expect(5, &["sync", "--json"]).json();
    assert_eq!(
        (&report["result"], &report["failed"]),
        (&json!("partial"), &json!(1))
    );
    // Where nothing is due, nothing is wrong.
    trip.home.delete("home", "a.ics");
    trip.home.sync();
    trip.home.put("home", "a.ics", meeting("a", 3));
    trip.fake.set_role(WORK, WORK, Some(Role::Writer));
    trip.home.sync();
    assert_eq!(trip.blocks(), [0, 1, 1]);
}

#[test]
fn a_second_name_that_was_refused_leaves_nothing_behind() {
    let (trip, _) = Trip::in_step();
    let text = fs::read_to_string(trip.home.config_file()).unwrap();
    // Also one that comes first by its name.
    for name in ["zoe", "dup"] {
        trip.home.configure(&format!(
            "{text}{}",
            table(name, "private", &format!("id = \"{ADA}\""))
        ));
        for args in [&["sync"][..], &["sync", "--dry-run"]] {
            trip.home.expect(3, args).says(&["it is the same calendar"]);
        }
        let status = trip.home.expect(0, &["status"]).stdout;
        assert!(status.contains("same calendar"), "{status}");
        trip.home.configure(&text);
        let shown = trip.home.expect(0, &["status", "--json"]).json();
        let rows = shown["calendars"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["name"] != name), "{shown}");
        let checked = trip.home.expect(0, &["check"]).stdout;
        assert!(!checked.contains(&format!("calendar {name}")), "{checked}");
        // The first name has lost nothing.
        trip.settles();
    }
}

#[test]
fn a_calendar_that_was_there_twice_leaves_no_ghost() {
    let home = Home::with(&["home", "work"]);
    home.give_key(KEY);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let text = fs::read_to_string(home.config_file()).unwrap();
    std::os::unix::fs::symlink(home.folder("home"), home.path("link")).unwrap();
    home.configure(&format!("{text}[calendars.dup]\npath = \"~/link/.\"\n"));
    home.run(&["sync"]);
    home.configure(&text);
    home.expect(0, &["sync"]);
    let shown = home.expect(0, &["status"]).stdout;
    assert!(!shown.contains("dup"), "{shown}");
}

#[test]
fn blocks_in_a_folder_that_was_copied_elsewhere_are_told_of() {
    let home = Home::with(&["home", "work"]);
    home.give_key(KEY);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    fs::create_dir(home.folder("copy")).unwrap();
    for (name, bytes) in home.files("home") {
        home.put("copy", &name, bytes);
    }
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace("~/cal/home", "~/cal/copy"));
    home.expect(0, &["sync"])
        .says(&["home is read from another place now; 1 block"]);
    home.expect(0, &["check"]).shows(&[
        "calendar home: it is read from another place than before",
        "1 block",
    ]);
    home.sync_idle();
}

#[test]
fn blocks_in_a_folder_that_gave_way_to_a_feed_are_told_of() {
    let home = Home::with(&["home", "work"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    write(&home.path("home.ics"), meeting("b", 4).as_bytes());
    let before = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&before.replace("path = \"~/cal/home\"", "feed = \"~/home.ics\""));
    // Before it is done, after it is done, and while it is done.
    let told = [
        "calendar home: it is read from another place than before",
        "1 block",
        "put it back",
    ];
    home.expect(0, &["check"]).shows(&told);
    home.sync()
        .says(&["home is read from another place now; 1 block"]);
    home.expect(0, &["check"]).shows(&told);
    home.sync_idle();
    // Doing as it says removes it.
    home.configure(&before);
    home.expect(0, &["reset", "--calendar", "home", "--yes"]);
    assert!(home.blocks("home").is_empty());
}

#[test]
fn blocks_left_behind_in_a_former_calendar_are_told_of_once() {
    let trip = Trip::signed_in();
    trip.fake.calendar(TEAM, "Team", "Europe/Berlin", WORK);
    trip.home.put("home", "a.ics", meeting("a", 3));
    trip.home.sync();
    let before = fs::read_to_string(trip.home.config_file()).unwrap();
    let moved = before.replace(&format!("id = \"{WORK}\""), "name = \"Team\"");
    trip.home.configure(&moved);
    let words = [
        "work is read from another place now",
        "1 block that calsync made",
        WORK,
        "calsync reset --calendar work",
    ];
    trip.home.expect(0, &["sync", "--dry-run"]).says(&words);
    trip.home.sync().says(&words);
    trip.home.sync().is_silent();
    assert_eq!(trip.blocks()[2], 1, "it stays");
    // Doing as it says removes it.
    trip.home.configure(&before);
    trip.home
        .expect(0, &["reset", "--calendar", "work", "--yes"]);
    assert_eq!(trip.blocks()[2], 0);
}

#[test]
fn a_dry_run_as_somebody_else_leaves_no_false_word_behind() {
    let trip = Trip::signed_in();
    trip.fake.account(BOB);
    let text = fs::read_to_string(trip.home.config_file()).unwrap();
    trip.home
        .configure(&text.replace(&format!("id = \"{WORK}\""), "id = \"primary\""));
    trip.home.put("home", "a.ics", meeting("a", 3));
    trip.home.sync();
    let words = ["work is read from another place now", "1 block", WORK];
    sign_in_at_work(&trip, BOB, 0);
    trip.home.expect(0, &["sync", "--dry-run"]).says(&words);
    sign_in_at_work(&trip, WORK, 0);
    trip.home.sync().is_silent();
    assert_eq!(trip.blocks(), [0, 1, 1]);
    // Whoever stays somebody else is told, also after a dry run.
    sign_in_at_work(&trip, BOB, 0);
    trip.home.expect(0, &["sync", "--dry-run"]).says(&words);
    trip.home.sync().says(&words);
}

#[test]
fn a_folder_that_only_moved_leaves_nothing_behind() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    home.sync();
    let text = fs::read_to_string(home.config_file()).unwrap();
    fs::rename(home.folder("home"), home.folder("house")).unwrap();
    home.configure(&text.replace("~/cal/home", "~/cal/house"));
    home.sync().is_silent();
    // Another folder under the same name does.
    fs::create_dir(home.folder("empty")).unwrap();
    home.configure(&text.replace("~/cal/home", "~/cal/empty"));
    home.sync()
        .says(&["home is read from another place now; 1 block"]);
    home.sync_idle();
    // Two that change places are known by their former names.
    let swapped = text
        .replace("~/cal/home", "~/cal/x")
        .replace("~/cal/work", "~/cal/empty")
        .replace("~/cal/x", "~/cal/work");
    home.configure(&swapped);
    let ran = home.run(&["sync", "--allow-mass-delete"]);
    assert!(!ran.stderr.contains("another place"), "{ran:?}");
}

#[test]
fn a_wrong_secret_does_not_spoil_the_sign_in() {
    let trip = Trip::signed_in();
    trip.home.sync();
    let right = fs::read_to_string(trip.home.config_file()).unwrap();
    let of_work = format!("client_id = \"{}\"\nclient_secret = \"", client("work"));
    trip.home
        .configure(&right.replace(&of_work, &format!("{of_work}x")));
    trip.fake.expire_access_tokens();
    let ran = trip.home.expect(4, &["sync"]);
    ran.says(&["account work", "`client_secret` is wrong", "stays good"]);
    assert_eq!(listed(&trip.home, "work")["state"], "ok");
    trip.home.configure(&right);
    trip.home.sync();
    assert_eq!(trip.status("work")["sign_in"], "ok");
}

#[test]
fn signing_in_again_is_not_contradicted_by_the_last_run() {
    let trip = Trip::signed_in();
    trip.home.sync();
    trip.fake.revoke_all(WORK);
    trip.fake.expire_access_tokens();
    trip.home.expect(4, &["sync"]);
    let text = trip.home.expect(0, &["status"]).stdout;
    assert!(text.contains("auth (last in step "), "{text}");
    assert!(text.contains("\naccount work: Google does"), "{text}");
    // A second later, by the clock of the state file.
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let state = rusqlite::Connection::open_with_flags(trip.home.state_file(), flags).unwrap();
    let sql = "UPDATE calendars SET last_attempt = last_attempt - 60";
    state.execute(sql, []).unwrap();
    trip.sign_in("work", WORK);
    let text = trip.home.expect(0, &["status"]).stdout;
    assert!(text.contains("account work signed in"), "{text}");
    assert!(text.contains("\nwork: somebody signed in since"), "{text}");
    assert!(!text.contains("\naccount work: "), "{text}");
}

#[test]
fn hints_call_calsync_with_the_files_that_were_given() {
    let trip = Trip::new();
    fs::rename(trip.home.config_file(), trip.home.path("my.toml")).unwrap();
    let files = ["--config", "my.toml"];
    let hint = "calsync --config my.toml auth add work";
    let with = |args: &[&'static str]| [args, &files].concat();
    trip.home.expect(4, &with(&["sync"])).says(&[hint]);
    for args in [&["check"][..], &["status"]] {
        let ran = trip.home.run(&with(args));
        assert!(ran.stdout.contains(hint), "{ran:?}");
    }
    trip.home
        .expect(4, &with(&["calendars", "work"]))
        .says(&[hint]);
}

#[test]
fn a_name_that_is_nearly_right_is_suggested() {
    let trip = Trip::signed_in();
    trip.fake.calendar(TEAM, "Team", "Europe/Berlin", WORK);
    let text = fs::read_to_string(trip.home.config_file()).unwrap();
    trip.home
        .configure(&text.replace(&format!("id = \"{WORK}\""), "name = \"team\""));
    trip.home
        .expect(5, &["sync"])
        .says(&["no calendar of this name (team); did you mean name = \"Team\"?"]);
    let offers = trip.home.expect(0, &["calendars", "work"]).stdout;
    assert!(
        offers.starts_with("CALENDAR ") && offers.contains(" NAME "),
        "{offers}"
    );
}

#[test]
fn the_same_mistake_in_two_accounts_makes_no_calendar_of_them() {
    let trip = Trip::signed_in();
    let text = fs::read_to_string(trip.home.config_file()).unwrap();
    let nowhere = "id = \"nowhere@group.calendar.google.com\"";
    let text = text.replace("id = \"primary\"", nowhere);
    trip.home
        .configure(&text.replace(&format!("id = \"{WORK}\""), nowhere));
    let ran = trip.home.expect(5, &["sync"]);
    ran.says(&[
        "account private, calendar nowhere@",
        "account work, calendar nowhere@",
    ]);
    assert!(!ran.stderr.contains("the same calendar"), "{ran:?}");
}
