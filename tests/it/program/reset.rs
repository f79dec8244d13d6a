//! `calsync reset`: every block goes, over all time, and nothing else does.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::{Child, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::program::{Files, Home, is_block, meeting, wait_until, weekly};

/// Two calendars with events of their own, blocks long before and long after today's window, and a window that is narrow now.
fn wide_then_narrow() -> (Home, Files) {
    let home = Home::with(&["work", "home"]);
    home.put("work", "now.ics", meeting("now", 3));
    home.put("work", "weekly.ics", weekly("weekly", -2000));
    home.put("work", "past.ics", meeting("past", -2000));
    home.put("work", "future.ics", meeting("future", 2000));
    home.put("home", "own.ics", meeting("own", 5));
    home.put("home", "old.ics", meeting("old", -900));
    home.put("home", "notes.txt", "mine");
    let before = home.world();
    home.configure_also("", "[window]\npast_days = 3000\nfuture_days = 3000");
    home.sync();
    assert_eq!(
        (home.blocks("home").len(), home.blocks("work").len()),
        (4, 2)
    );
    home.configure_also("", "");
    let text = std::fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace("= 3000", "= 1"));
    (home, before)
}

#[test]
fn reset_takes_back_everything_over_all_time_and_nothing_else() {
    for with_state in [true, false] {
        let (home, before) = wide_then_narrow();
        if !with_state {
            home.lose_state();
        }
        let report = home
            .expect(0, &["reset", "--all", "--yes", "--json"])
            .json();
        assert_eq!(report["command"], "reset");
        assert_eq!(report["result"], "ok");
        assert_eq!(report["deleted"], 6, "{report}");
        assert_eq!(home.world(), before, "with state: {with_state}");
        let again = home
            .expect(0, &["reset", "--all", "--yes", "--json"])
            .json();
        assert_eq!(again["deleted"], 0);
    }
}

#[test]
fn the_json_of_a_reset_has_the_keys_of_a_sync() {
    let (home, _) = wide_then_narrow();
    let reset = home
        .expect(0, &["reset", "--all", "--dry-run", "--json"])
        .json();
    assert_eq!(reset["operations"].as_array().unwrap().len(), 6);
    for operation in reset["operations"].as_array().unwrap() {
        assert_eq!(
            (&operation["op"], &operation["why"]),
            (&"delete".into(), &"reset".into())
        );
    }
    let sync = home.expect(0, &["sync", "--dry-run", "--json"]).json();
    let keys = |value: &serde_json::Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&reset), keys(&sync));
    assert_eq!(
        (home.blocks("home").len(), home.blocks("work").len()),
        (4, 2)
    );
}

#[test]
fn a_calendar_that_is_none_is_told_before_anybody_is_asked() {
    let home = Home::with(&["home", "work"]);
    let ran = home.expect(2, &["reset", "--calendar", "wrok"]);
    ran.says(&["there is no calendar \"wrok\""]);
}

#[test]
fn reset_with_nobody_to_ask_needs_to_be_told_yes() {
    let (home, _) = wide_then_narrow();
    let before = home.world();
    for args in [&["reset", "--all"][..], &["reset", "--calendar", "home"]] {
        home.expect(2, args).says(&["--yes", "--dry-run"]);
    }
    home.expect(2, &["reset", "--yes"])
        .says(&["--all", "--calendar"]);
    assert_eq!(home.world(), before);
}

#[test]
fn reset_of_one_calendar_touches_no_other() {
    let (home, before) = wide_then_narrow();
    home.expect(0, &["reset", "--calendar", "work", "--yes"]);
    assert_eq!(
        (home.blocks("home").len(), home.blocks("work").len()),
        (4, 0)
    );
    let own = home
        .world()
        .into_iter()
        .filter(|(name, _)| !is_block(name.rsplit('/').next().unwrap()));
    assert_eq!(own.collect::<Files>(), before);
}

#[test]
fn what_reset_took_the_next_sync_makes_again() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let names: Vec<_> = home.files("home").into_keys().collect();
    home.expect(0, &["reset", "--all", "--yes"]);
    home.sync();
    assert_eq!(home.files("home").into_keys().collect::<Vec<_>>(), names);
    home.sync_idle();
}

#[test]
fn a_copy_in_a_source_is_nothing_that_reset_would_remove() {
    let home = Home::with(&["home", "work"]);
    let text = std::fs::read_to_string(home.config_file()).unwrap();
    home.configure(&format!("{text}role = \"source\"\n"));
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let (name, copy) = home.blocks("home").pop_first().unwrap();
    home.put("work", &name, copy);
    let told = home.expect(0, &["sync"]);
    assert!(!told.all().contains("only a source now"), "{}", told.all());
    home.expect(0, &["reset", "--calendar", "work", "--yes"]);
    assert_eq!(home.files("work").len(), 2);
}

#[test]
fn reset_reaches_a_calendar_that_is_only_a_source_by_now() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let text = std::fs::read_to_string(home.config_file()).unwrap();
    home.configure(&format!("{text}role = \"source\"\n"));
    home.expect(0, &["sync"])
        .says(&["home is only a source now and still holds 1 block of calsync's"]);
    home.sync_idle();
    assert_eq!(
        home.blocks("home").len(),
        1,
        "a source is never written to by sync"
    );
    home.expect(0, &["status"])
        .shows(&["1 block kept in step by nobody, since it is only a source now"]);
    let told = home.expect(0, &["check"]);
    told.shows(&[
        "it still holds 1 block from when it was a target",
        "reset --calendar home",
    ]);
    home.expect(0, &["reset", "--calendar", "home", "--yes"]);
    assert_eq!(home.blocks("home").len(), 0);
    assert!(!home.expect(0, &["check"]).all().contains("was a target"));
    let again = home.expect(0, &["reset", "--calendar", "home", "--yes", "-v"]);
    assert!(again.stdout.contains("Nothing to remove."), "{again:?}");
}

#[test]
fn a_block_that_was_copied_into_a_source_is_for_a_person_to_remove() {
    let home = Home::with(&["work", "home", "club"]);
    home.configure_also("", "role = \"source\"");
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let blocks = home.blocks("home");
    for (name, bytes) in &blocks {
        home.put("club", name, bytes);
    }
    home.sync();
    let by_hand = "1 block copied or moved here from another calendar";
    let told = home.expect(0, &["check"]);
    told.shows(&[by_hand, "to be removed by hand"]);
    assert!(!told.all().contains("was a target"), "{told:?}");
    home.expect(0, &["reset", "--calendar", "club", "--yes"]);
    assert_eq!(home.blocks("club").len(), 1);
    home.expect(0, &["check"]).shows(&[by_hand]);
    for name in blocks.keys() {
        home.delete("club", name);
    }
    home.sync();
    assert!(!home.expect(0, &["check"]).all().contains(by_hand));
    let status = home.expect(0, &["status"]);
    assert!(!status.all().contains("copied"), "{status:?}");
}

/// A `reset` that has asked its question on a terminal, and the terminal's other end.
fn asked(home: &Home) -> (Child, File) {
    let terminal = nix::pty::openpty(None, None).unwrap();
    let mut command = home.command(&["reset", "--all"]);
    command
        .stdin(Stdio::from(terminal.slave))
        .stdout(Stdio::null());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let (mut said, mut byte) = (Vec::new(), [0]);
    let stderr = child.stderr.as_mut().unwrap();
    while !said.ends_with(b"[y/N] ") && stderr.read(&mut byte).unwrap() == 1 {
        said.extend(byte);
    }
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("Remove 1 block "), "{said}");
    (child, File::from(terminal.master))
}

/// A home with one block.
fn one_block() -> Home {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    home
}

#[test]
fn on_a_terminal_reset_asks_and_does_what_is_answered() {
    for (answer, left) in [("n\n", 1), ("\n", 1), ("y\n", 0)] {
        let home = one_block();
        let (child, mut terminal) = asked(&home);
        terminal.write_all(answer.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0));
        assert_eq!(home.blocks("home").len(), left, "{answer:?}");
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(said.contains("Nothing was removed"), left == 1, "{said}");
    }
}

#[test]
fn a_signal_at_the_question_ends_reset_at_once_with_nothing_removed() {
    for signal in [Signal::INT, Signal::TERM] {
        let home = one_block();
        let (mut child, mut terminal) = asked(&home);
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
        wait_until("reset to end", || child.try_wait().unwrap().is_some());
        let ended = child.wait_with_output().unwrap();
        // What is typed afterwards is no answer.
        terminal.write_all(b"y\n").unwrap();
        assert_eq!(ended.status.code(), Some(5), "{ended:?}");
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.contains("nothing was removed"), "{said}");
        assert_eq!(home.blocks("home").len(), 1);
    }
}
