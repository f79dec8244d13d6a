//! Where things stand: what `status` and `check` say of runs that went well, that did not, and that never began.

use std::{fs, process::Child};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::program::{
    Home, KEY, day, event_with, meeting, meeting_at, set_mode, wait_until, write,
};

/// Two calendars, so many meetings in one of them.
fn full(meetings: i32) -> Home {
    let home = Home::with(&["work", "home"]);
    home.give_key(KEY);
    for number in 0..meetings {
        let uid = format!("u{number}");
        home.put(
            "work",
            &format!("{uid}.ics"),
            meeting(&uid, 1 + number % 300),
        );
    }
    home
}

fn row(home: &Home, calendar: &str) -> Value {
    let status = home.expect(0, &["status", "--json"]).json();
    let rows = status["calendars"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == calendar);
    row.unwrap_or_else(|| panic!("{calendar}: {status}"))
        .clone()
}

fn signal(child: &Child, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, signal).unwrap();
}

#[test]
fn a_calendar_that_the_guard_protected_is_not_in_step() {
    let home = full(5);
    home.sync();
    for number in 0..5 {
        home.delete("work", &format!("u{number}.ics"));
    }
    let report = home.expect(6, &["sync", "--json"]).json();
    assert_eq!(report["calendars"][0]["result"], "refused", "{report}");
    let shown = row(&home, "home");
    assert_eq!(shown["result"], "refused");
    let error = shown["error"].as_str().unwrap();
    assert!(error.contains("suddenly empty"), "{error}");
    assert_eq!(row(&home, "work")["result"], "ok");
    let text = home.expect(0, &["status"]).stdout;
    assert!(text.contains("refused (last in step "), "{text}");
    assert!(text.contains("home: \"work\" is suddenly empty"), "{text}");
    let check = home.expect(6, &["check"]);
    check.shows(&["\"work\" is suddenly empty", "sync --allow-mass-delete"]);
}

#[test]
fn a_configuration_by_which_nothing_shows_anywhere_is_a_mistake() {
    let home = full(1);
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace("path =", "role = \"source\"\npath ="));
    home.expect(3, &["check"])
        .shows(&["no calendar shows in another"]);
    let ran = home.expect(3, &["sync", "--json"]);
    ran.says(&["no calendar shows in another"]);
    assert_eq!(ran.json()["result"], "config");
}

#[test]
fn check_knows_a_folder_of_calendars_from_a_calendar() {
    let home = full(1);
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace("~/cal/home", "~/cal"));
    let ran = home.expect(0, &["check"]);
    ran.shows(&["but in the folders inside it"]);
}

#[test]
fn an_unreadable_file_that_is_gone_is_not_counted_with_the_next_one() {
    let home = full(4);
    home.sync();
    let start = "DTSTART:2026-11-30 10:00";
    home.put("work", "bad.ics", event_with("bad", start));
    home.expect(5, &["sync"]);
    home.delete("work", "bad.ics");
    let half = meeting("u1", 2).split_at(60).0.to_owned();
    home.put("work", "u1.ics", half);
    let ran = home.expect(5, &["sync"]);
    ran.says(&["u1.ics could not be read"]);
    assert!(!ran.stderr.contains("more"), "{ran:?}");
}

#[test]
fn check_tells_that_the_state_file_cannot_be_made_where_it_is_to_be() {
    let home = full(1);
    write(&home.path("file"), b"");
    let ran = home.expect(3, &["--state", "file/calsync.db", "check"]);
    ran.shows(&["cannot be made there"]);
}

#[test]
fn what_the_guard_says_names_the_command_with_the_files_that_were_given() {
    let home = full(5);
    fs::rename(home.config_file(), home.path("my config.toml")).unwrap();
    let files = ["--config", "my config.toml", "--state", "my.db"];
    home.expect(0, &[&["sync"][..], &files].concat());
    for number in 0..5 {
        home.delete("work", &format!("u{number}.ics"));
    }
    let ran = home.expect(6, &[&["sync"][..], &files].concat());
    let program = "calsync --config 'my config.toml' --state my.db";
    ran.says(&[
        &format!("{program} sync --dry-run --allow-mass-delete"),
        &format!("{program} sync --allow-mass-delete"),
    ]);
}

#[test]
fn a_run_that_was_stopped_leaves_its_target_partly_done() {
    let home = full(700);
    let child = home.spawn(&["sync"]);
    wait_until("the first block", || !home.blocks("home").is_empty());
    signal(&child, Signal::TERM);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(5));
    let shown = row(&home, "home");
    assert_eq!(
        (&shown["result"], &shown["last_success"]),
        (&json!("partial"), &Value::Null)
    );
    let error = shown["error"].as_str().unwrap();
    assert!(error.ends_with("left for the next run"), "{error}");
    home.sync();
    assert_eq!(row(&home, "home")["result"], "ok");
}

#[test]
fn what_the_limit_leaves_over_is_not_in_step_either() {
    let home = full(5);
    home.configure_also("", "[limits]\noperations = 3");
    let ran = home.expect(5, &["sync"]);
    ran.says(&["WARN", "2 changes left for the next run"]);
    assert!(!ran.stderr.contains("ERROR"), "{ran:?}");
    let text = home.expect(0, &["status"]).stdout;
    assert!(text.contains(", 2 not done; 2 changes left"), "{text}");
    assert!(!text.contains("failed"), "{text}");
    let shown = row(&home, "home");
    assert_eq!(
        (&shown["result"], &shown["error"]),
        (&json!("partial"), &json!("2 changes left for the next run"))
    );
    home.sync();
    assert_eq!(row(&home, "home")["error"], Value::Null);
}

#[test]
fn a_calendar_that_was_emptied_is_not_called_in_step_anew() {
    let home = full(1);
    home.expect(0, &["reset", "--all", "--yes"]);
    let text = home.expect(0, &["status"]).stdout;
    assert!(!text.contains("in step just now"), "{text}");
}

#[test]
fn status_says_that_no_sync_can_begin_for_want_of_the_right_key() {
    let home = full(1);
    home.sync();
    let asks = |words: &str| {
        let ran = home.expect(0, &["status"]);
        assert!(ran.stdout.contains("exit code 3"), "{ran:?}");
        assert!(ran.stdout.contains(words), "{words}: {ran:?}");
        let status = home.expect(0, &["status", "--json"]).json();
        assert!(status["error"].as_str().unwrap().contains(words));
        // The same, and only that, from `check`: one mistake is one finding.
        let check = home.expect(3, &["check"]);
        assert!(check.stdout.contains(words), "{check:?}");
        assert_eq!(check.stdout.matches("!!").count(), 1, "{check:?}");
    };
    home.give_key(&KEY.replace("00", "01"));
    asks("does not fit");
    set_mode(&home.key_file(), 0o644);
    asks("can be read by others");
    fs::remove_file(home.key_file()).unwrap();
    asks("is gone");
    home.give_key(KEY);
    let status = home.expect(0, &["status", "--json"]).json();
    assert_eq!(status["error"], Value::Null);
    let text = home.expect(0, &["status"]).stdout;
    assert!(!text.contains("exit code"), "{text}");
}

#[test]
fn blocks_that_are_left_alone_are_counted_for_all_to_see() {
    let home = full(2);
    home.put("home", "own.ics", meeting("own", 9));
    home.sync();
    let blocks = home.blocks("home");
    let (meeting, bytes) = blocks.iter().next().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let guest = "ATTENDEE:mailto:bob@example.org\r\nEND:VEVENT";
    home.put("home", meeting, text.replace("END:VEVENT", guest));
    let (moved, bytes) = home.blocks("work").into_iter().next().unwrap();
    home.put("home", &moved, bytes);
    home.sync();
    let shown = row(&home, "home");
    assert_eq!(
        (&shown["copied_blocks"], &shown["taken_blocks"]),
        (&json!(1), &json!(1)),
        "{shown}"
    );
    let text = home.expect(0, &["status"]).stdout;
    assert!(
        text.contains("1 block copied from another calendar"),
        "{text}"
    );
    assert!(text.contains("1 block somebody's own by now"), "{text}");
    home.delete("home", &moved);
    home.put("home", meeting, &blocks[meeting]);
    home.sync();
    let text = home.expect(0, &["status"]).stdout;
    assert!(
        !text.contains("copied") && !text.contains("somebody"),
        "{text}"
    );
}

#[test]
fn a_calendar_that_left_with_blocks_in_it_is_shown_with_what_to_do() {
    let home = Home::with(&["work", "home", "club"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let text = fs::read_to_string(home.config_file()).unwrap();
    let (without, _) = text.split_once("[calendars.club]").unwrap();
    home.configure(without);
    home.sync();
    let shown = home.expect(0, &["status"]).stdout;
    assert!(shown.contains("not configured any more"), "{shown}");
    assert!(shown.contains("calsync reset --calendar club"), "{shown}");
    // If there is nothing left to go back to, it can be forgotten; one that is configured cannot.
    let forget = |name| ["reset", "--calendar", name, "--forget"];
    home.expect(2, &forget("home"))
        .says(&["is in the configuration"]);
    home.expect(2, &forget("nobody"))
        .says(&["nothing is remembered"]);
    let held = home.blocks("club").len();
    home.expect(0, &forget("club"));
    let shown = home.expect(0, &["status"]).stdout;
    assert!(!shown.contains("club"), "{shown}");
    assert_eq!(home.blocks("club").len(), held);
    // Doing as it says clears it.
    home.configure(&text);
    home.expect(0, &["reset", "--calendar", "club", "--yes"]);
    home.configure(without);
    home.sync();
    let shown = home.expect(0, &["status"]).stdout;
    assert!(!shown.contains("club"), "{shown}");
}

#[test]
fn check_names_what_the_last_sync_could_not_read() {
    let home = full(1);
    home.put("work", "bad.ics", "rubbish");
    let fine = home.expect(0, &["check"]);
    assert!(
        fine.stdout.contains("2 files (events and blocks alike)"),
        "{fine:?}"
    );
    home.expect(5, &["sync"]);
    let wrong = home.expect(5, &["check"]);
    assert!(wrong.stdout.contains("!!  work: bad.ics"), "{wrong:?}");
    home.delete("work", "bad.ics");
    home.sync();
    home.expect(0, &["check"]);
}

#[test]
fn a_long_error_is_told_once() {
    let home = full(1);
    fs::rename(home.folder("work"), home.path("away")).unwrap();
    home.expect(5, &["sync"]);
    home.expect(5, &["sync"]);
    let text = home.expect(0, &["status"]).stdout;
    assert_eq!(text.matches("is a disk not mounted?").count(), 1, "{text}");
}

#[test]
fn a_whole_day_that_goes_is_told_as_it_came() {
    let home = full(0);
    let (first, after) = (day(10), day(12));
    let dates = format!(
        "DTSTART;VALUE=DATE:{}\nDTEND;VALUE=DATE:{}\nSUMMARY:Away",
        first.strftime("%Y%m%d"),
        after.strftime("%Y%m%d")
    );
    home.put("work", "days.ics", event_with("days", &dates));
    home.put("work", "hours.ics", meeting_at("hours", 3, 9));
    let come = home.expect(0, &["sync", "--dry-run", "--json"]).json();
    home.sync();
    home.delete("work", "days.ics");
    home.delete("work", "hours.ics");
    let go = home.expect(0, &["sync", "--dry-run", "--json"]).json();
    let times = |report: &Value| {
        let operations = report["operations"].as_array().unwrap().iter();
        let mut times: Vec<_> = operations
            .map(|op| (op["start"].to_string(), op["end"].to_string()))
            .collect();
        times.sort();
        times
    };
    assert_eq!(times(&come).len(), 2);
    assert_eq!(times(&come), times(&go));
    let days = (format!("\"{first}\""), format!("\"{after}\""));
    assert!(times(&go).contains(&days), "{go}");
}

#[test]
fn a_dry_run_counts_for_each_calendar_what_it_would_do() {
    let home = full(3);
    home.sync();
    home.delete("work", "u0.ics");
    home.put("work", "u1.ics", meeting_at("u1", 2, 15));
    home.put("work", "u9.ics", meeting("u9", 20));
    let report = home.expect(0, &["sync", "--dry-run", "--json"]).json();
    assert_eq!(
        report["calendars"][0]["blocks"],
        json!({"created": 1, "updated": 1, "deleted": 1, "held": 3}),
        "{report}"
    );
    assert_eq!(
        (&report["created"], &report["updated"], &report["deleted"]),
        (&json!(1), &json!(1), &json!(1))
    );
}

#[test]
fn the_json_of_a_failure_has_every_promised_key() {
    let home = full(1);
    let fine = home.expect(0, &["sync", "--json"]).json();
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let lock = fs::File::open(home.path(".local/state/calsync/state.db.lock")).unwrap();
    lock.lock().unwrap();
    let busy = home.expect(7, &["sync", "--json"]).json();
    drop(lock);
    assert_eq!(
        (&busy["result"], keys(&busy)),
        (&json!("busy"), keys(&fine))
    );
    let usage = home.expect(2, &["reset", "--all", "--json"]).json();
    assert_eq!(
        (&usage["result"], &usage["command"]),
        (&json!("config"), &json!("reset"))
    );
    assert_eq!(keys(&usage), keys(&fine));
    home.configure("a = 1\nb = 2");
    let config = home.expect(3, &["sync", "--dry-run", "--json"]).json();
    assert_eq!(keys(&config), keys(&fine));
    assert_eq!(
        (&config["result"], &config["dry_run"]),
        (&json!("config"), &json!(true))
    );
    assert!(config["errors"].as_array().unwrap().len() > 2, "{config}");
    assert_eq!(
        (&config["created"], &config["calendars"]),
        (&json!(0), &json!([]))
    );
}

#[test]
fn only_what_was_brought_in_step_is_called_so() {
    let home = Home::with(&["work", "home", "club"]);
    home.give_key(KEY);
    home.put("work", "a.ics", meeting("a", 3));
    home.expect(0, &["sync", "--calendar", "home"]);
    assert_eq!(row(&home, "home")["result"], "ok");
    assert_eq!(row(&home, "club")["result"], Value::Null);
    assert_eq!(row(&home, "club")["last_success"], Value::Null);
    home.expect(0, &["sync"]);
    assert_eq!(row(&home, "club")["result"], "ok");
    home.expect(0, &["reset", "--calendar", "club", "--yes"]);
    assert_eq!(row(&home, "club")["result"], Value::Null);
    assert_eq!(row(&home, "home")["result"], "ok");
    let text = home.expect(0, &["status"]).stdout;
    assert!(text.contains("last in step"), "{text}");
}

#[test]
fn a_run_that_was_killed_is_remembered_as_such() {
    let home = full(700);
    let mut child = home.spawn(&["sync"]);
    wait_until("the first block", || !home.blocks("home").is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    let text = home.expect(0, &["status"]).stdout;
    assert!(
        text.contains("has not ended: it is under way, or was killed"),
        "{text}"
    );
    home.expect(0, &["sync"]);
    let runs = home.expect(0, &["status", "--json"]).json()["runs"].clone();
    let results: Vec<&str> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["result"].as_str().unwrap())
        .collect();
    assert_eq!(results, ["ok", "unfinished"], "{runs}");
}

#[test]
fn status_shows_the_runs_in_which_something_happened() {
    let home = full(2);
    home.sync();
    for _ in 0..5 {
        home.sync_idle();
    }
    let text = home.expect(0, &["status"]).stdout;
    assert!(
        text.contains("ok, 0 created") && text.contains("ok, 2 created"),
        "{text}"
    );
}

#[test]
fn check_tells_what_went_wrong_last_and_which_calendars_no_rule_names() {
    let home = full(2);
    home.sync();
    let folder = home.folder("work");
    fs::rename(&folder, home.path("away")).unwrap();
    home.expect(5, &["sync"]);
    fs::rename(home.path("away"), &folder).unwrap();
    home.expect(0, &["check"])
        .shows(&["??  calendar work: at the last sync: ", "is not there"]);
    let home = Home::with(&["work", "home", "club"]);
    home.configure_also("", "[[rules]]\nfrom = \"work\"\nto = \"home\"");
    home.expect(0, &["check"])
        .shows(&["??  calendar club: no rule shows it"]);
}

#[test]
fn what_only_looks_fails_in_its_own_shape_of_json() {
    let home = full(1);
    home.configure("a = 1");
    for (args, lists) in [
        (&["status", "--json"][..], &["calendars", "runs"][..]),
        (&["calendars", "--json"], &["calendars"]),
        (&["auth", "list", "--json"], &["accounts"]),
    ] {
        let failed = home.expect(3, args).json();
        let mut keys: Vec<&String> = failed.as_object().unwrap().keys().collect();
        keys.retain(|key| !lists.contains(&key.as_str()));
        assert_eq!(keys, ["error", "errors", "version"], "{failed}");
        assert!(
            lists.iter().all(|list| failed[list] == json!([])),
            "{failed}"
        );
        assert!(failed["error"].as_str().unwrap().contains("mistake"));
    }
}

#[test]
fn a_calendar_that_was_emptied_is_refused_what_is_due_in_it() {
    let home = full(5);
    home.put("home", "own.ics", meeting("own", 9));
    home.sync();
    for number in 0..5 {
        home.delete("work", &format!("u{number}.ics"));
    }
    home.put("home", "more.ics", meeting("more", 10));
    home.expect(6, &["sync"]);
    let work = row(&home, "work");
    assert_eq!(work["result"], "refused", "{work}");
    let error = work["error"].as_str().unwrap();
    assert!(
        error.contains("suddenly empty, so nothing is written"),
        "{error}"
    );
}

#[test]
fn the_first_run_tells_of_the_key_and_no_other_does() {
    let home = Home::with(&["work", "home"]);
    let first = home.sync();
    let key = home.key_file().display().to_string();
    assert!(
        first.stderr.contains(&key) && first.stderr.contains("Keep a copy"),
        "{first:?}"
    );
    assert!(!first.stdout.contains("key"), "{first:?}");
    home.sync_idle();
    let home = Home::with(&["work", "home"]);
    let report = home.expect(0, &["sync", "--json"]).json();
    let notes = report["notes"].as_array().unwrap();
    assert!(
        notes[0].as_str().unwrap().contains("Keep a copy"),
        "{report}"
    );
    let home = Home::with(&["work", "home"]);
    let quiet = home.expect(0, &["sync", "--quiet"]);
    quiet.says(&["Keep a copy"]);
    assert_eq!(quiet.stdout, "");
    home.expect(0, &["sync", "--quiet"]).is_silent();
}

#[test]
fn reset_counts_the_blocks_that_it_may_not_touch() {
    let home = full(2);
    home.sync();
    home.lose_state();
    home.give_key(&KEY.replace("00", "01"));
    home.sync();
    let ran = home.expect(0, &["reset", "--all", "--yes"]);
    ran.says(&["home: 2 blocks made by another installation"]);
    assert_eq!(home.blocks("home").len(), 2);
}

#[test]
fn status_tells_what_waits_to_be_taken_away() {
    let home = Home::with(&["work", "club", "home"]);
    let rule = |from: &str| format!("[[rules]]\nfrom = \"{from}\"\nto = \"home\"\n");
    let before = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&format!("{before}{}{}", rule("work"), rule("club")));
    home.put("work", "a.ics", meeting("a", 3));
    home.put("club", "b.ics", meeting("b", 4));
    home.sync();
    let waiting = || {
        let told = home.expect(0, &["status", "--json"]).json();
        let calendars = told["calendars"].as_array().unwrap();
        let of = calendars.iter().find(|calendar| calendar["name"] == "home");
        of.unwrap()["waiting_blocks"].clone()
    };
    assert_eq!(waiting(), 0);
    home.configure(&format!("{before}{}", rule("work")));
    assert_eq!(waiting(), 1);
    home.expect(0, &["status"]).shows(&[
        "1 block that no rule shows any more, which the next sync removes if the guard lets it",
    ]);
    home.sync();
    assert_eq!(waiting(), 0);
}

#[test]
fn a_state_that_knows_nothing_belongs_to_whichever_key_comes() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    home.lose_state();
    let before = home.world();
    let mut wrong = home.command(&["reset", "--all", "--yes"]);
    wrong.env("CALSYNC_KEY", KEY);
    assert!(wrong.output().unwrap().status.success());
    assert_eq!(home.world(), before);
    home.sync();
    assert_eq!(home.world(), before);
    home.sync_idle();
    // One that knows blocks does not.
    let mut wrong = home.command(&["sync"]);
    wrong.env("CALSYNC_KEY", KEY);
    assert_eq!(wrong.output().unwrap().status.code(), Some(3));
}

#[test]
fn nobody_is_told_to_take_blocks_out_of_a_feed() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let blocks = home.blocks("home");
    write(&home.path("feed.ics"), blocks.values().next().unwrap());
    home.configure_also("", "[calendars.feed]\nfeed = \"~/feed.ics\"\n");
    for _ in 0..2 {
        let told = home.sync().stderr;
        assert!(!told.contains("still holds"), "{told}");
    }
}

#[test]
fn what_a_killed_run_wrote_is_counted_by_the_next() {
    let home = Home::with(&["work", "club", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    // As a run leaves it that is killed after it wrote, and before it counted.
    let state = rusqlite::Connection::open_with_flags(
        home.state_file(),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE,
    )
    .unwrap();
    state
        .execute_batch(
            "UPDATE calendars SET blocks = 0; INSERT INTO runs (started, seconds, command, result, created, updated, deleted, failed)
             VALUES (1, 0, 'sync', 'unfinished', 0, 0, 0, 0);",
        )
        .unwrap();
    drop(state);
    home.sync();
    let told = home.expect(0, &["status", "--json"]).json();
    let calendars = told["calendars"].as_array().unwrap();
    let held: Vec<_> = calendars
        .iter()
        .map(|calendar| calendar["blocks"].as_u64().unwrap())
        .collect();
    assert_eq!(held.iter().sum::<u64>(), 2, "{told}");
}

#[test]
fn blocks_of_a_rule_that_is_gone_go_but_for_those_that_are_over() {
    for past in ["keep", "delete"] {
        let home = Home::with(&["work", "home"]);
        let before = fs::read_to_string(home.config_file()).unwrap();
        let rule = "[[rules]]\nfrom = \"work\"\nto = \"home\"\n";
        let window = format!("[window]\npast_days = 5\nfuture_days = 50\npast = \"{past}\"\n");
        home.configure(&format!("{before}{rule}"));
        for (uid, days) in [("past", -20), ("soon", 9), ("far", 90)] {
            home.put("work", &format!("{uid}.ics"), meeting(uid, days));
        }
        home.sync();
        assert_eq!(home.blocks("home").len(), 3);
        let other = "[[rules]]\nfrom = \"home\"\nto = \"work\"\n";
        home.configure(&format!("{before}{window}{other}"));
        let counts = |words: &str| {
            let told = home.expect(0, &["status", "--json"]).json();
            let of = told["calendars"].as_array().unwrap().iter();
            let mut of = of.filter(|calendar| calendar["name"] == "home");
            of.next().unwrap()[words].as_u64().unwrap()
        };
        let kept = u64::from(past == "keep");
        assert_eq!(
            (counts("waiting_blocks"), counts("kept_blocks")),
            (3 - kept, kept)
        );
        home.sync();
        assert_eq!((counts("waiting_blocks"), counts("kept_blocks")), (0, kept));
        assert_eq!(home.blocks("home").len(), usize::from(past == "keep"));
        home.sync_idle();
        if past == "keep" {
            home.expect(0, &["status"])
                .shows(&["1 block that no rule shows any more, kept because they are over"]);
        }
    }
}

/// A state file that a kill left half written, with the journal that takes that back.
fn leave_half_written(home: &Home) {
    let place = home.state_file();
    let folder = place.parent().unwrap();
    fs::create_dir_all(folder).unwrap();
    set_mode(folder, 0o700);
    let made = folder.join("made.db");
    let flags =
        rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_CREATE;
    let db = rusqlite::Connection::open_with_flags(&made, flags).unwrap();
    // What does not fit into memory goes to the file before it is meant to stay there.
    db.execute_batch("PRAGMA cache_size = 10; BEGIN; CREATE TABLE halves (half BLOB);")
        .unwrap();
    for _ in 0..100 {
        db.execute("INSERT INTO halves VALUES (zeroblob(4000))", [])
            .unwrap();
    }
    for ending in ["", "-journal"] {
        let name = |base: &str| folder.join(format!("{base}{ending}"));
        fs::copy(name("made.db"), name("state.db")).unwrap();
        set_mode(&name("state.db"), 0o600);
    }
    drop(db);
    fs::remove_file(made).unwrap();
}

#[test]
fn a_state_file_that_a_kill_left_half_written_is_taken_back_by_whoever_comes_first() {
    for first in [
        &["status"][..],
        &["check"],
        &["sync"],
        &["explain", "work", "today"],
    ] {
        let home = full(3);
        leave_half_written(&home);
        home.expect(0, first);
        home.sync();
        assert_eq!(home.blocks("home").len(), 3);
        home.expect(0, &["status"]);
    }
}
