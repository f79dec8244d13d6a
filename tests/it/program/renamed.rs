//! Calendars that get another name in the configuration: their events are the same events, and the blocks of the old name go.

use std::fs;

use crate::support::program::{Home, KEY, meeting};

/// Two calendars, so many meetings in one of them.
fn full(meetings: i32) -> Home {
    let home = Home::with(&["work", "home"]);
    home.give_key(KEY);
    for number in 0..meetings {
        let uid = format!("u{number}");
        home.put("work", &format!("{uid}.ics"), meeting(&uid, 1 + number));
    }
    home
}

/// Gives a calendar another name.
fn rename(home: &Home, from: &str, to: &str) {
    let text = fs::read_to_string(home.config_file()).unwrap();
    let (from, to) = (format!("[calendars.{from}]"), format!("[calendars.{to}]"));
    assert!(text.contains(&from));
    home.configure(&text.replace(&from, &to));
}

#[test]
fn a_calendar_is_renamed_without_anybody_having_to_allow_it() {
    let home = full(28);
    for number in 0..5 {
        let uid = format!("h{number}");
        home.put("home", &format!("{uid}.ics"), meeting(&uid, 40 + number));
    }
    home.sync();
    let before = (home.blocks("work").len(), home.blocks("home").len());
    assert_eq!(before, (5, 28));
    for (from, to) in [("work", "office"), ("home", "house"), ("office", "work")] {
        rename(&home, from, to);
        let words = format!("calendar {from} is called {to} now");
        home.expect(0, &["check"]).shows(&[&words]);
        home.expect(0, &["status"]).shows(&[&words[9..]]);
        home.expect(2, &["reset", "--calendar", from, "--forget"])
            .says(&[&words[9..]]);
        let ran = home.expect(0, &["sync", "--json"]);
        let report = ran.json();
        assert_eq!(
            (&report["created"], &report["deleted"]),
            (&33.into(), &33.into()),
            "{report}"
        );
        assert_eq!(
            (home.blocks("work").len(), home.blocks("home").len()),
            before
        );
        let shown = home.expect(0, &["status"]).stdout;
        assert!(!shown.contains(&format!("{from} ")), "{shown}");
        home.sync_idle();
    }
}

#[test]
fn names_go_round_and_in_chains_without_anybody_having_to_allow_it() {
    let names = ["a", "b", "c"];
    let home = Home::with(&names);
    home.give_key(KEY);
    for (number, name) in (0..).zip(names) {
        for day in 1..=16 {
            let uid = format!("{name}{day}");
            home.put(
                name,
                &format!("{uid}.ics"),
                meeting(&uid, day + 20 * number),
            );
        }
    }
    let before: Vec<_> = names.map(|name| home.files(name)).into();
    home.sync();
    let text = fs::read_to_string(home.config_file()).unwrap();
    // The name that each folder has, in the order of the folders.
    for order in ["bac", "abc", "acb", "bac", "cab", "dab", "dcb", "abc"] {
        let mut text = text.clone();
        for (folder, name) in names.iter().zip(order.chars()) {
            text = text.replace(
                &format!("[calendars.{folder}]"),
                &format!("[calendars.-{name}]"),
            );
        }
        home.configure(&text.replace("calendars.-", "calendars."));
        let report = home.expect(0, &["sync", "--json"]).json();
        assert_eq!(report["created"], report["deleted"], "{order}: {report}");
        for folder in names {
            assert_eq!(home.blocks(folder).len(), 32, "{order}: {folder}");
        }
        home.sync_idle();
        let shown = home.expect(0, &["status"]).stdout;
        assert!(
            !shown.contains("removed") && !shown.contains("copied"),
            "{shown}"
        );
    }
    home.expect(0, &["reset", "--all", "--yes"]);
    let after: Vec<_> = names.map(|name| home.files(name)).into();
    assert_eq!(after, before);
}

#[test]
fn what_the_limit_leaves_for_the_next_run_keeps_its_old_block_till_then() {
    let home = full(28);
    home.configure_also("", "[limits]\noperations = 5");
    while home.run(&["sync"]).code != 0 {}
    assert_eq!(home.blocks("home").len(), 28);
    rename(&home, "work", "office");
    for _ in 0..20 {
        let ran = home.run(&["sync"]);
        assert!(home.blocks("home").len() >= 28, "{ran:?}");
        assert!(!ran.stderr.contains("would lose"), "{ran:?}");
        if ran.code == 0 {
            break;
        }
    }
    assert_eq!(home.blocks("home").len(), 28);
    home.sync_idle();
}

/// Three calendars, and a block of `club` by its name and its bytes.
fn copied() -> (Home, String, Vec<u8>) {
    let home = Home::with(&["work", "home", "club"]);
    home.give_key(KEY);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let (name, bytes) = home.blocks("club").into_iter().next().unwrap();
    (home, name, bytes)
}

#[test]
fn a_copy_of_a_block_stays_also_when_a_calendar_is_renamed() {
    let (home, name, bytes) = copied();
    home.put("home", &name, &bytes);
    home.sync();
    rename(&home, "club", "verein");
    home.expect(0, &["sync"]);
    assert_eq!(home.files("home").get(&name), Some(&bytes));
    let shown = home.expect(0, &["status"]).stdout;
    assert!(
        shown.contains("1 block copied from another calendar"),
        "{shown}"
    );
}

#[test]
fn what_was_made_of_a_copy_stays_when_its_calendar_leaves_the_configuration() {
    for is_removed in [false, true] {
        let (home, name, bytes) = copied();
        let own = String::from_utf8(bytes).unwrap();
        let own = own.replace("SUMMARY:Busy", "SUMMARY:Dentist");
        home.put("home", &name, &own);
        home.sync();
        let text = fs::read_to_string(home.config_file()).unwrap();
        let (without, _) = text.split_once("[calendars.club]").unwrap();
        home.configure(without);
        home.expect(0, &["sync"]);
        if is_removed {
            home.expect(0, &["reset", "--all", "--yes"]);
        }
        assert_eq!(home.files("home")[&name], own.as_bytes());
    }
}

#[test]
fn a_path_that_is_spelled_otherwise_leads_to_the_same_calendar() {
    let home = full(28);
    home.sync();
    rename(&home, "work", "office");
    let text = fs::read_to_string(home.config_file()).unwrap();
    std::os::unix::fs::symlink(home.folder("work"), home.path("link")).unwrap();
    home.configure(&text.replace("~/cal/work", "~/./link"));
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home").len(), 28);
    home.configure(&text);
    home.sync_idle();
}

#[test]
fn whoever_only_looks_by_a_mistaken_configuration_changes_nothing() {
    let (home, name, bytes) = copied();
    let own = String::from_utf8(bytes).unwrap();
    let own = own.replace("SUMMARY:Busy", "SUMMARY:Dentist");
    home.put("home", &name, &own);
    home.sync();
    let status = || home.expect(0, &["status", "--json"]).json()["calendars"].clone();
    let before = status();
    let text = fs::read_to_string(home.config_file()).unwrap();
    let swapped = text.replace("calendars.home", "calendars.-");
    let swapped = swapped.replace("calendars.club", "calendars.home");
    home.configure(&swapped.replace("calendars.-", "calendars.club"));
    home.run(&["sync", "--dry-run"]);
    home.run(&["reset", "--all", "--dry-run"]);
    home.configure(&text);
    home.expect(0, &["sync"]).is_silent();
    home.sync_idle();
    assert_eq!(home.files("home")[&name], own.as_bytes());
    let names = |rows: &serde_json::Value| -> Vec<String> {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| format!("{} {}", row["name"], row["blocks"]))
            .collect()
    };
    assert_eq!(names(&status()), names(&before));
}

#[test]
fn whatever_else_is_lost_with_the_name_is_judged_as_ever() {
    let home = full(28);
    home.sync();
    let blocks = home.blocks("home");
    rename(&home, "work", "office");
    for number in 0..20 {
        home.delete("work", &format!("u{number}.ics"));
    }
    home.expect(6, &["sync"])
        .says(&["20 of 28 events are suddenly gone from \"office\""]);
    let now = home.blocks("home");
    assert!(blocks.keys().all(|name| now.contains_key(name)));
    for number in 20..28 {
        home.delete("work", &format!("u{number}.ics"));
    }
    home.expect(6, &["sync"])
        .says(&["\"office\" is suddenly empty"]);
    let now = home.blocks("home");
    assert!(blocks.keys().all(|name| now.contains_key(name)));
}

#[test]
fn what_cannot_be_read_under_its_new_name_takes_nothing_away() {
    let home = full(3);
    home.sync();
    let blocks = home.blocks("home");
    rename(&home, "work", "office");
    fs::rename(home.folder("work"), home.path("away")).unwrap();
    home.expect(5, &["sync"]);
    let now = home.blocks("home");
    assert!(blocks.keys().all(|name| now.contains_key(name)));
    fs::rename(home.path("away"), home.folder("work")).unwrap();
    home.put("work", "u1.ics", "BEGIN:VCALENDAR\r\nhalf");
    home.expect(5, &["sync"]);
    assert_eq!(
        home.blocks("home").len(),
        3,
        "what it said last is remembered"
    );
}

#[test]
fn a_calendar_that_was_renamed_and_back_leaves_no_trace_in_status() {
    let home = full(2);
    home.put("home", "own.ics", meeting("own", 9));
    home.sync();
    let before = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&before.replace("calendars.home", "calendars.club"));
    home.expect(0, &["sync"]);
    home.configure(&before);
    home.expect(0, &["sync"]);
    let text = home.expect(0, &["status"]).stdout;
    assert!(!text.contains("club"), "{text}");
    assert_eq!(
        (home.blocks("home").len(), home.blocks("work").len()),
        (2, 1)
    );
    home.sync_idle();
}

#[test]
fn blocks_of_a_name_long_gone_are_known_all_the_same() {
    let home = full(1);
    home.configure_also("", "[window]\npast_days = 3000");
    home.put("work", "old.ics", meeting("old", -900));
    home.sync();
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(
        &text
            .replace("= 3000", "= 1")
            .replace("calendars.home", "calendars.club"),
    );
    home.sync();
    home.sync();
    assert_eq!(
        home.blocks("home").len(),
        2,
        "the old one stays, as history"
    );
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(home.blocks("home").len(), 0);
}

#[test]
fn swapped_names_leave_no_block_behind() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.put("home", "b.ics", meeting("b", 4));
    let own = |home: &Home| (home.files("work"), home.files("home"));
    let before = own(&home);
    home.sync();
    let swapped = "timezone = \"Europe/Berlin\"\n[calendars.work]\npath = \"~/cal/home\"\n\
        [calendars.home]\npath = \"~/cal/work\"\n";
    home.configure(swapped);
    home.expect(0, &["sync"]);
    assert_eq!(
        home.blocks("work").len(),
        1,
        "made anew, and the old one gone"
    );
    assert_eq!(home.blocks("home").len(), 1);
    home.sync_idle();
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(own(&home), before);
}

#[test]
fn names_that_were_swapped_while_the_state_was_lost_are_told_of_with_the_way_out() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.put("home", "b.ics", meeting("b", 4));
    let own = |home: &Home| (home.files("work"), home.files("home"));
    let before = own(&home);
    home.sync();
    let former = fs::read_to_string(home.config_file()).unwrap();
    home.lose_state();
    home.configure(
        "timezone = \"Europe/Berlin\"\n[calendars.work]\npath = \"~/cal/home\"\n\
         [calendars.home]\npath = \"~/cal/work\"\n",
    );
    home.expect(0, &["sync"]).says(&[
        "2 blocks were made for another calendar of the configuration",
        "give the calendars their former names back, run `calsync reset --all`",
    ]);
    home.sync_idle();
    // Doing as it says leaves nothing behind.
    home.configure(&former);
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(own(&home), before);
}

#[test]
fn blocks_made_under_a_name_that_another_calendar_has_now_are_removed() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    let before = home.files("home");
    home.sync();
    assert_eq!(home.blocks("home").len(), 1);
    fs::create_dir_all(home.folder("new")).unwrap();
    let reused = "timezone = \"Europe/Berlin\"\n[calendars.work]\npath = \"~/cal/work\"\n\
        [calendars.house]\npath = \"~/cal/home\"\n[calendars.home]\npath = \"~/cal/new\"\n";
    home.configure(reused);
    for _ in 0..2 {
        home.expect(0, &["reset", "--all", "--yes"]);
        assert_eq!(home.files("home"), before);
        home.expect(0, &["sync"]);
        assert_eq!(home.blocks("home").len(), 1);
        assert_eq!(home.blocks("new").len(), 1);
        home.sync_idle();
    }
}

#[test]
fn a_former_name_that_is_given_back_after_the_state_was_lost_takes_the_blocks_over() {
    let home = Home::with(&["work", "home"]);
    home.give_key(KEY);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let before = home.blocks("home");
    home.lose_state();
    home.give_key(KEY);
    rename(&home, "home", "house");
    home.expect(0, &["sync"]).says(&[
        "1 block of another installation, or made when a calendar had another name",
        "give it its former name back",
    ]);
    assert_eq!(home.blocks("home").len(), 2);
    rename(&home, "house", "home");
    home.sync();
    assert_eq!(home.blocks("home").len(), before.len());
    assert!(
        !home
            .expect(0, &["status"])
            .all()
            .contains("another installation")
    );
    home.sync_idle();
}
