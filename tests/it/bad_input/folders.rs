//! Folders that are suddenly empty, gone, or something else.

use std::fs;

use crate::support::program::{Home, event_with, meeting, utc, write};

fn three() -> Home {
    let home = Home::with(&["work", "home", "club"]);
    for number in 0..5 {
        home.put(
            "work",
            &format!("{number}.ics"),
            meeting(&format!("w{number}"), 1 + number),
        );
    }
    home.put("home", "own.ics", meeting("own", 10));
    home.sync();
    home
}

#[test]
fn a_folder_that_is_suddenly_empty_takes_nothing_with_it_until_a_person_says_so() {
    let home = three();
    for number in 0..5 {
        home.delete("work", &format!("{number}.ics"));
    }
    home.put("home", "new.ics", meeting("new", 12));
    let before = home.world();
    let work = home.files("work");
    for _ in 0..2 {
        let ran = home.expect(6, &["sync"]);
        ran.says(&[
            "\"work\" is suddenly empty",
            "5 of 5 events",
            "\"home\"",
            "\"club\"",
            "--allow-mass-delete",
        ]);
        let now = home.world();
        assert!(
            before
                .iter()
                .all(|(path, bytes)| now.get(path) == Some(bytes))
        );
        assert_eq!(
            home.files("work"),
            work,
            "nothing is written to what may be an empty mount point"
        );
        assert_eq!(
            home.blocks("club").len(),
            7,
            "what is new elsewhere blocks all the same"
        );
    }
    let report = home.expect(6, &["sync", "--json"]).json();
    assert_eq!(
        (&report["result"], &report["deleted"]),
        (&"refused".into(), &0.into())
    );
    home.expect(6, &["sync", "--dry-run"]);
    home.expect(0, &["sync", "--allow-mass-delete"]);
    assert_eq!(
        (home.blocks("home").len(), home.blocks("club").len()),
        (0, 2)
    );
    // Once: the next time is refused again.
    for number in 0..5 {
        home.put(
            "work",
            &format!("{number}.ics"),
            meeting(&format!("w{number}"), 1 + number),
        );
    }
    home.sync();
    for number in 0..5 {
        home.delete("work", &format!("{number}.ics"));
    }
    home.expect(6, &["sync"]);
}

/// A calendar with one event in view and many from long ago, in step with another.
fn old_ones() -> Home {
    let home = Home::with(&["work", "home"]);
    for number in 0..30 {
        let event = meeting(&format!("w{number}"), -400 - number);
        home.put("work", &format!("{number}.ics"), event);
    }
    home.put("work", "now.ics", meeting("now", 3));
    home.sync();
    assert_eq!(home.blocks("home").len(), 1);
    home
}

#[test]
fn a_folder_that_was_refused_as_emptied_stays_so_when_one_new_event_comes() {
    let home = three();
    for number in 0..5 {
        home.delete("work", &format!("{number}.ics"));
    }
    home.expect(6, &["sync"]);
    let before = home.blocks("home").len();
    home.put("work", "new.ics", meeting("new", 12));
    for _ in 0..2 {
        home.expect(6, &["sync"])
            .says(&["of 5 events", "--allow-mass-delete"]);
        assert_eq!(home.blocks("home").len(), before + 1);
    }
    // Nor when it cannot be read at all in between.
    let folder = home.folder("work");
    fs::rename(&folder, home.path("away")).unwrap();
    home.expect(5, &["sync"]);
    fs::rename(home.path("away"), &folder).unwrap();
    home.expect(6, &["sync"]);
    home.expect(0, &["sync", "--allow-mass-delete"]);
    assert_eq!(home.blocks("home").len(), 1);
}

#[test]
fn a_folder_that_is_suddenly_empty_is_refused_however_little_of_it_showed() {
    let home = old_ones();
    for file in home.files("work").keys() {
        home.delete("work", file);
    }
    home.put("home", "new.ics", meeting("new", 12));
    for _ in 0..2 {
        let ran = home.expect(6, &["sync"]);
        ran.says(&["\"work\" is suddenly empty", "1 of 1 events"]);
        assert_eq!(home.blocks("home").len(), 1);
        assert!(home.files("work").is_empty());
    }
    home.expect(0, &["sync", "--allow-mass-delete"]);
    assert_eq!(home.blocks("home").len(), 0);
    assert_eq!(home.blocks("work").len(), 1);
}

#[test]
fn nothing_is_written_to_a_folder_that_is_suddenly_empty_also_if_nothing_of_it_showed() {
    let home = old_ones();
    home.delete("work", "now.ics");
    home.sync();
    for file in home.files("work").keys() {
        home.delete("work", file);
    }
    home.sync();
    home.put("home", "new.ics", meeting("new", 12));
    home.expect(6, &["sync"])
        .says(&["\"work\" is suddenly empty, so nothing is written to it"]);
    assert!(home.files("work").is_empty());
    home.expect(0, &["sync", "--allow-mass-delete"]);
    assert_eq!(home.blocks("work").len(), 1);
    home.sync_idle();
}

#[test]
fn a_folder_that_lost_most_of_its_events_is_refused_however_few_of_them_showed() {
    let home = old_ones();
    for file in home.files("work").keys().filter(|file| *file != "1.ics") {
        home.delete("work", file);
    }
    for _ in 0..2 {
        let ran = home.expect(6, &["sync"]);
        ran.says(&["30 of 31 events are suddenly gone from \"work\""]);
        assert_eq!(home.blocks("home").len(), 1);
    }
    home.expect(0, &["sync", "--allow-mass-delete"]);
    assert_eq!(home.blocks("home").len(), 0);
    home.sync_idle();
}

#[test]
fn a_folder_that_was_empty_for_a_while_and_is_full_again_costs_nothing() {
    let home = three();
    let before = home.world();
    let away = home.path("away");
    fs::rename(home.folder("work"), &away).unwrap();
    fs::create_dir(home.folder("work")).unwrap();
    home.expect(5, &["sync"])
        .says(&["suddenly empty, and not the folder that it was"]);
    fs::remove_dir(home.folder("work")).unwrap();
    fs::rename(&away, home.folder("work")).unwrap();
    home.sync_idle();
    assert_eq!(home.world(), before);
}

#[test]
fn nothing_is_written_to_an_empty_folder_in_place_of_one_however_little_was_in_that() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let before = home.blocks("home");
    assert_eq!(before.len(), 1);
    let away = home.path("away");
    fs::rename(home.folder("home"), &away).unwrap();
    fs::create_dir(home.folder("home")).unwrap();
    for _ in 0..2 {
        home.expect(5, &["sync"])
            .says(&["suddenly empty, and not the folder that it was"]);
        assert!(home.files("home").is_empty());
    }
    home.expect(0, &["sync", "--full"]);
    assert!(home.blocks("home").keys().eq(before.keys()));
}

#[test]
fn a_folder_that_vanished_keeps_its_blocks_and_the_others_go_on() {
    let home = three();
    let away = home.path("away");
    fs::rename(home.folder("work"), &away).unwrap();
    home.put("home", "new.ics", meeting("new", 12));
    let (at_home, in_club) = (home.blocks("home"), home.blocks("club"));
    for _ in 0..2 {
        let ran = home.expect(5, &["sync"]);
        let folder = home.folder("work").display().to_string();
        ran.says(&["work: the folder", &folder, "is not there", "mounted"]);
        assert!(!home.folder("work").exists(), "nobody makes it anew");
    }
    assert_eq!(home.blocks("home"), at_home);
    assert_eq!(home.blocks("club").len(), in_club.len() + 1);
    assert!(
        in_club
            .iter()
            .all(|(name, bytes)| home.blocks("club").get(name) == Some(bytes))
    );
    let status = home.expect(0, &["status"]);
    assert!(status.stdout.contains("work: the folder"), "{status:?}");
    fs::rename(&away, home.folder("work")).unwrap();
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("work").len(), 2);
    home.sync_idle();
}

#[test]
fn a_file_where_a_folder_should_be_is_named() {
    let home = three();
    let away = home.path("away");
    fs::rename(home.folder("work"), &away).unwrap();
    write(&home.folder("work"), b"");
    home.expect(5, &["sync"])
        .says(&["work: ", "is not a folder"]);
    assert_eq!(home.blocks("home").len(), 5);
}

#[test]
fn reset_says_which_folder_it_could_not_reach() {
    let home = three();
    fs::rename(home.folder("club"), home.path("away")).unwrap();
    let ran = home.expect(5, &["reset", "--all", "--yes"]);
    ran.says(&["club: the folder"]);
    assert_eq!(
        (home.blocks("home").len(), home.blocks("work").len()),
        (0, 0)
    );
    fs::rename(home.path("away"), home.folder("club")).unwrap();
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(home.blocks("club").len(), 0);
}

#[test]
fn another_folder_in_place_of_one_does_not_take_blocks_that_nobody_remembers() {
    let home = Home::with(&["work", "home"]);
    for number in 0..8 {
        home.put(
            "work",
            &format!("{number}.ics"),
            meeting(&format!("u{number}"), 1 + number),
        );
    }
    home.sync();
    home.lose_state();
    for number in 0..8 {
        home.delete("work", &format!("{number}.ics"));
    }
    home.put("work", "other.ics", meeting("other", 20));
    let before = home.world();
    home.expect(6, &["sync"]).says(&["8 of 8 blocks"]);
    let now = home.world();
    assert!(
        before
            .iter()
            .all(|(path, bytes)| now.get(path) == Some(bytes))
    );
    home.expect(0, &["sync", "--allow-mass-delete"]);
    assert_eq!(home.blocks("home").len(), 1);
}

#[test]
fn one_event_that_needs_many_blocks_counts_once() {
    let home = Home::with(&["work", "home"]);
    for number in 0..8 {
        home.put(
            "work",
            &format!("{number}.ics"),
            meeting(&format!("u{number}"), 1 + number),
        );
    }
    let days = (1..60).map(|day| utc(day, "130000"));
    let series = |hour: &str| {
        let days: Vec<String> = days.clone().map(|day| day.replace("T13", hour)).collect();
        event_with(
            "many",
            &format!(
                "DTSTART:{}\nDURATION:PT1H\nRDATE:{}",
                days[0],
                days.join(",")
            ),
        )
    };
    home.put("work", "many.ics", series("T13"));
    home.sync();
    assert!(home.blocks("home").len() > 60);
    home.put("work", "many.ics", series("T15"));
    home.sync();
    home.delete("work", "many.ics");
    home.sync();
    assert_eq!(home.blocks("home").len(), 8);
}

/// Two folders in step; then the first holds as many other events in place of its own.
fn replaced() -> Home {
    let home = Home::with(&["work", "home"]);
    for number in 0..20 {
        let event = meeting(&format!("w{number}"), 1 + number);
        home.put("work", &format!("{number}.ics"), event);
    }
    home.sync();
    for number in 0..20 {
        home.delete("work", &format!("{number}.ics"));
        let event = meeting(&format!("x{number}"), 31 + number);
        home.put("work", &format!("x{number}.ics"), event);
    }
    home
}

#[test]
fn what_was_refused_stays_refused_until_a_person_allows_it() {
    let home = replaced();
    for _ in 0..3 {
        let ran = home.expect(6, &["sync"]);
        ran.says(&["20 of "]);
        assert_eq!(
            home.blocks("home").len(),
            40,
            "old and new stand side by side"
        );
    }
    // Nothing is forgotten by reading anew, or by looking at one target alone.
    home.expect(6, &["sync", "--full"]);
    home.expect(0, &["sync", "--calendar", "work"]);
    home.expect(6, &["sync"]);
    home.expect(0, &["sync", "--allow-mass-delete"]);
    assert_eq!(home.blocks("home").len(), 20);
    home.sync_idle();
}

#[test]
fn a_refusal_is_over_when_what_was_gone_is_back() {
    let home = replaced();
    home.expect(6, &["sync"]);
    for number in 0..20 {
        let event = meeting(&format!("w{number}"), 1 + number);
        home.put("work", &format!("{number}.ics"), event);
    }
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home").len(), 40);
    // Half of them may go: nobody was refused that.
    for number in 0..20 {
        home.delete("work", &format!("x{number}.ics"));
    }
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home").len(), 20);
}

#[test]
fn how_much_is_gone_is_measured_only_by_runs_that_judged_it() {
    for way in ["another target", "a sick target"] {
        let home = Home::with(&["work", "home", "club"]);
        for number in 0..21 {
            let event = meeting(&format!("w{number}"), -400 - number);
            home.put("work", &format!("{number}.ics"), event);
        }
        for number in 0..9 {
            let event = meeting(&format!("n{number}"), 1 + number);
            home.put("work", &format!("n{number}.ics"), event);
        }
        home.sync();
        for file in home.files("work").keys() {
            home.delete("work", file);
        }
        home.put("work", "stray.ics", meeting("stray", 40));
        match way {
            "another target" => drop(home.expect(0, &["sync", "--calendar", "work"])),
            _ => {
                let folder = home.folder("club");
                fs::rename(&folder, home.path("away")).unwrap();
                home.run(&["sync"]);
                fs::rename(home.path("away"), &folder).unwrap();
            }
        }
        let ran = home.expect(6, &["sync"]);
        ran.says(&["29 of 30 events are suddenly gone"]);
        assert_eq!(home.blocks("home").len(), 10, "{way}");
    }
}

#[test]
fn a_roster_that_holds_the_days_to_come_and_no_others_takes_away_those_that_are_over() {
    // So many of the old ones are still to come: of the last shift or two, the new roster need not know any more.
    for still in [0, 1, 2, 3] {
        let home = Home::with(&["work", "home"]);
        for nth in 1..=20 {
            let ahead = if nth <= still { 5 + nth } else { -nth };
            home.put(
                "work",
                &format!("{nth}.ics"),
                meeting(&format!("old-{nth}"), ahead),
            );
        }
        home.sync();
        for nth in 1..=20 {
            home.delete("work", &format!("{nth}.ics"));
            home.put(
                "work",
                &format!("new-{nth}.ics"),
                meeting(&format!("new-{nth}"), nth),
            );
        }
        let left = match still {
            3 => {
                home.expect(6, &["sync"]).says(&["20 of 20 events"]);
                40
            }
            _ => {
                home.sync();
                20
            }
        };
        assert_eq!(home.blocks("home").len(), left);
    }
}

#[test]
fn what_is_over_counts_where_a_folder_is_suddenly_empty_or_has_lost_most_of_it() {
    for left in [0, 3] {
        let home = Home::with(&["work", "home"]);
        for nth in 1..=20 {
            home.put(
                "work",
                &format!("{nth}.ics"),
                meeting(&format!("old-{nth}"), -nth),
            );
        }
        home.sync();
        for nth in left + 1..=20 {
            home.delete("work", &format!("{nth}.ics"));
        }
        home.expect(6, &["sync"]).says(&["suddenly"]);
        assert_eq!(home.blocks("home").len(), 20, "{left} are left");
    }
}
