//! `calsync sync`: the first run, the ones after it, and what its JSON says.

use std::{fs, io::Write as _, os::unix::fs::MetadataExt as _};

use calsync::clock::Clock;
use serde_json::{Value, json};

use crate::support::program::{
    Home, KEY, PROGRAM, Ran, day, event_with, meeting, meeting_at, utc, wait_until, weekly, write,
};

/// A home in which work has a meeting and a weekly one, and home has nothing.
fn usual() -> Home {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.put("work", "b.ics", weekly("b", 1));
    home
}

/// The keys of an object, sorted.
fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(|key| &**key)
        .collect()
}

fn sorted<const N: usize>(mut names: [&str; N]) -> Vec<&str> {
    names.sort_unstable();
    names.to_vec()
}

#[test]
fn the_first_sync_writes_blocks_and_the_second_writes_and_says_nothing() {
    let home = usual();
    let first = home.sync();
    assert!(first.stdout.contains("home: 2 created"), "{first:?}");
    assert_eq!(first.stderr.lines().count(), 1, "{first:?}");
    let blocks = home.blocks("home");
    assert_eq!(blocks.len(), 2);
    for bytes in blocks.values() {
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains("SUMMARY:Busy\r\n"), "{text}");
    }
    assert_eq!(home.blocks("work").len(), 0);
    home.sync_idle();
    home.sync_idle();
}

#[test]
fn a_dry_run_writes_nothing_and_lists_every_operation() {
    let home = usual();
    let told = home.expect(0, &["sync", "--dry-run"]).stdout;
    assert!(told.contains("home: 2 to create (has 0 blocks)"), "{told}");
    assert_eq!(home.blocks("home").len(), 0);
    let report = home.expect(0, &["sync", "--dry-run", "--json"]).json();
    assert_eq!(home.blocks("home").len(), 0);
    let operations = report["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 2, "{report}");
    let starts: Vec<&str> = operations
        .iter()
        .map(|op| op["start"].as_str().unwrap())
        .collect();
    assert!(starts.is_sorted(), "{starts:?}");
    for operation in operations {
        let names = ["op", "calendar", "from", "start", "end", "recurring", "why"];
        assert_eq!(keys(operation), sorted(names));
        assert_eq!(operation["op"], "create");
        assert_eq!(operation["calendar"], "home");
        assert_eq!(operation["from"], "work");
        assert_eq!(operation["why"], "new");
        let start = operation["start"].as_str().unwrap();
        // Berlin is never on UTC.
        assert!(
            start.ends_with("+01:00") || start.ends_with("+02:00"),
            "{start}"
        );
    }
    let recurring = operations.iter().filter(|op| op["recurring"] == true);
    assert_eq!(recurring.count(), 1);
    assert_eq!(
        (&report["dry_run"], &report["created"]),
        (&json!(true), &json!(2))
    );
    // What was tried is not remembered as done.
    assert_eq!(home.sync().stdout.matches("2 created").count(), 1);
}

#[test]
fn the_json_of_a_sync_has_every_promised_key() {
    let home = usual();
    let report = home.expect(0, &["sync", "--json"]).json();
    let promised = [
        "version",
        "command",
        "result",
        "dry_run",
        "started",
        "seconds",
        "created",
        "updated",
        "deleted",
        "unchanged",
        "failed",
        "requests",
        "calendars",
        "operations",
        "errors",
        "warnings",
        "notes",
    ];
    assert_eq!(keys(&report), sorted(promised));
    assert_eq!(report["version"], 1);
    assert_eq!(report["command"], "sync");
    assert_eq!(report["result"], "ok");
    assert_eq!(report["created"], 2);
    assert_eq!(report["operations"], json!([]));
    let started: jiff::Timestamp = report["started"].as_str().unwrap().parse().unwrap();
    assert!(started.to_string().ends_with('Z'));
    let calendars = report["calendars"].as_array().unwrap();
    let names: Vec<_> = calendars
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["home", "work"]);
    for calendar in calendars {
        let promised = [
            "name", "result", "read", "events", "changed", "blocks", "error",
        ];
        assert_eq!(keys(calendar), sorted(promised));
        assert_eq!(
            keys(&calendar["blocks"]),
            sorted(["created", "updated", "deleted", "held"])
        );
        assert_eq!(calendar["error"], Value::Null);
    }
    assert_eq!(
        calendars[0]["blocks"],
        json!({"created": 2, "updated": 0, "deleted": 0, "held": 2})
    );
    assert_eq!(calendars[1]["events"], 2);
    assert_eq!(calendars[1]["read"], "whole");
    let again = home.expect(0, &["sync", "--json"]).json();
    assert_eq!(
        (&again["created"], &again["unchanged"]),
        (&json!(0), &json!(2))
    );
}

#[test]
fn a_lost_state_file_costs_neither_a_write_nor_a_duplicate() {
    let home = usual();
    home.put("home", "c.ics", meeting("c", 5));
    home.sync();
    home.lose_state();
    home.sync_idle();
    home.sync_idle();
    // And what is remembered again is enough to follow a change.
    home.delete("work", "a.ics");
    home.sync();
    assert_eq!(home.blocks("home").len(), 1);
}

#[test]
fn an_event_that_is_deleted_takes_its_block_with_it() {
    let home = usual();
    home.sync();
    home.delete("work", "b.ics");
    let ran = home.expect(0, &["sync", "--json"]).json();
    assert_eq!((&ran["deleted"], &ran["created"]), (&json!(1), &json!(0)));
    assert_eq!(home.blocks("home").len(), 1);
    home.sync_idle();
}

#[test]
fn an_event_edited_in_place_with_the_same_size_and_time_stamp_is_noticed() {
    let home = usual();
    home.sync();
    // Until all stamps are old enough to be believed, the folder is read again in any case, and this would show nothing.
    wait_until("a cursor for work", || {
        home.sync();
        let status = home.expect(0, &["status", "--json"]).json();
        status["calendars"]
            .as_array()
            .unwrap()
            .iter()
            .all(|c| c["cursor"] == true)
    });
    let path = home.folder("work").join("a.ics");
    let meta = fs::metadata(&path).unwrap();
    let text = meeting_at("a", 3, 11);
    assert_eq!(meta.len(), u64::try_from(text.len()).unwrap());
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.set_modified(meta.modified().unwrap()).unwrap();
    drop(file);
    assert_eq!(
        fs::metadata(&path).unwrap().modified().unwrap(),
        meta.modified().unwrap()
    );
    // A file this young would be read again whatever its stamps say; that is not what is asked here.
    let changed = i128::from(fs::metadata(&path).unwrap().ctime()) * 1_000_000_000
        + i128::from(fs::metadata(&path).unwrap().ctime_nsec());
    wait_until("the change to be old", || {
        Clock::System.now().as_nanosecond() - changed > 100_000_000
    });
    let report = home.expect(0, &["sync", "--json"]).json();
    assert_eq!(report["updated"], 1, "{report}");
    let blocks = home.blocks("home");
    let shown = |start: &str| {
        let line = format!("DTSTART:{start}\r\n");
        blocks
            .values()
            .any(|b| String::from_utf8_lossy(b).contains(&line))
    };
    assert!(shown(&utc(3, "110000")));
    assert!(!shown(&utc(3, "090000")));
}

#[test]
fn only_the_named_calendar_is_written_to() {
    let home = Home::with(&["work", "home", "club"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.expect(0, &["sync", "--calendar", "club"]);
    assert_eq!(
        (home.blocks("club").len(), home.blocks("home").len()),
        (1, 0)
    );
    home.sync();
    assert_eq!(
        (home.blocks("club").len(), home.blocks("home").len()),
        (1, 1)
    );
}

#[test]
fn an_unknown_calendar_is_named_with_those_that_exist() {
    let home = usual();
    for command in [&["sync"][..], &["reset", "--yes"]] {
        let ran = home.expect(2, &[command, &["--calendar", "wrok"]].concat());
        ran.says(&["\"wrok\"", "home, work"]);
    }
    assert_eq!(home.blocks("home").len(), 0);
    let ran = home.expect(2, &["sync", "--json", "--calendar", "wrok"]);
    assert_eq!(ran.json()["result"], "config");
}

#[test]
fn a_full_read_of_an_unchanged_world_writes_nothing() {
    let home = usual();
    home.sync();
    let before = home.world();
    home.expect(0, &["sync", "--full"]).is_silent();
    assert_eq!(before, home.world());
}

#[test]
fn state_and_configuration_lie_where_flags_and_variables_say() {
    let home = usual();
    let other = home.path("elsewhere/config.toml");
    let text = fs::read_to_string(home.config_file()).unwrap();
    write(&other, text.as_bytes());
    fs::remove_file(home.config_file()).unwrap();
    home.expect(3, &["sync"])
        .says(&["calsync init", ".config/calsync/config.toml"]);
    let mut command = home.command(&["sync"]);
    command
        .env("CALSYNC_CONFIG", &other)
        .env("CALSYNC_STATE", home.path("s/state.db"));
    let ran = Ran::of(command.env("CALSYNC_KEY", KEY).output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(home.path("s/state.db").is_file());
    assert!(!home.state_file().exists() && !home.key_file().exists());
    assert_eq!(home.blocks("home").len(), 2);
    let flags = ["--config", "elsewhere/config.toml", "--state", "t/state.db"];
    let mut command = home.command(&[&["sync"][..], &flags].concat());
    let ran = Ran::of(command.env("CALSYNC_KEY", KEY).output().unwrap());
    ran.is_silent();
    assert!(home.path("t/state.db").is_file());
}

#[test]
fn a_tool_that_writes_a_temporary_file_beside_an_event_disturbs_nothing() {
    let home = usual();
    home.put("work", ".a.ics.swp", "half");
    home.put("work", "a.ics.tmp", "half");
    home.put("work", "notes.txt", "mine");
    home.put("work", "displayname", "Work");
    home.sync();
    home.sync_idle();
    assert_eq!(home.blocks("home").len(), 2);
}

#[test]
fn what_ends_at_the_end_of_all_calendars_keeps_its_time_busy() {
    for end in ["99991231T000000Z", "99991231T235959", "99991230T120000Z"] {
        let home = Home::with(&["work", "home"]);
        let start = utc(3, "090000");
        let times = format!("DTSTART:{start}\nDTEND:{end}");
        home.put("work", "a.ics", event_with("a", &times));
        home.sync();
        let blocks = home.blocks("home");
        assert_eq!(blocks.len(), 1, "{end}");
        let text = String::from_utf8(blocks.into_values().next().unwrap()).unwrap();
        assert!(text.contains("DTEND:99991230T"), "{end}: {text}");
        home.sync_idle();
        home.expect(0, &["sync", "--full"]).is_silent();
    }
}

#[test]
fn whole_days_stay_whole_days() {
    let home = Home::with(&["work", "home"]);
    let (first, after) = (
        day(10).strftime("%Y%m%d").to_string(),
        day(12).strftime("%Y%m%d"),
    );
    let dates = format!("DTSTART;VALUE=DATE:{first}\nDTEND;VALUE=DATE:{after}\nSUMMARY:Away");
    home.put("work", "a.ics", event_with("a", &dates));
    let ran = home.sync();
    assert!(ran.stdout.contains(&day(10).to_string()), "{ran:?}");
    let block = home.blocks("home").into_values().next().unwrap();
    let text = String::from_utf8(block).unwrap();
    assert!(text.contains(&format!(
        "DTSTART;VALUE=DATE:{first}\r\nDTEND;VALUE=DATE:{after}\r\n"
    )));
}

#[test]
fn the_program_is_found_where_the_tests_think() {
    assert!(fs::metadata(PROGRAM).unwrap().is_file());
}
