//! Keys that are wrong, lost, open to others or no keys at all: nothing is changed anywhere.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::support::program::{Home, KEY, Ran, meeting, set_mode, write};

/// A home in step with this key, and one change waiting.
fn waiting() -> Home {
    let home = Home::with(&["work", "home"]);
    home.give_key(KEY);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    home.put("work", "b.ics", meeting("b", 4));
    home
}

/// Every command that writes refuses, with these words, and changes nothing.
fn is_refused(home: &Home, words: &[&str]) {
    let (before, state) = (home.world(), fs::read(home.state_file()).ok());
    for args in [
        &["sync"][..],
        &["reset", "--all", "--yes"],
        &["sync", "--dry-run"],
        &["sync", "--full", "--allow-mass-delete"],
    ] {
        let ran = home.expect(3, args);
        ran.says(words);
        assert!(
            !ran.all().contains(&KEY[..16]),
            "no message shows a key: {ran:?}"
        );
        assert_eq!(home.world(), before);
        assert_eq!(fs::read(home.state_file()).ok(), state);
    }
    home.expect(3, &["check"]);
}

#[test]
fn a_key_that_does_not_fit_the_state_is_refused() {
    let home = waiting();
    home.give_key(&KEY.replace("00", "01"));
    is_refused(
        &home,
        &[
            "key does not fit the state file",
            "Bring the old key file back",
        ],
    );
    home.give_key(KEY);
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home").len(), 2);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let home = waiting();
    for mode in [0o644, 0o640, 0o604, 0o660] {
        set_mode(&home.key_file(), mode);
        is_refused(&home, &["can be read by others", "chmod 600"]);
    }
    set_mode(&home.key_file(), 0o400);
    home.expect(0, &["sync"]);
}

#[test]
fn a_key_that_is_gone_is_not_made_anew_while_its_blocks_stand() {
    let home = waiting();
    fs::remove_file(home.key_file()).unwrap();
    is_refused(&home, &["is gone", "bring it back"]);
    assert!(!home.key_file().exists());
}

#[test]
fn what_is_no_key_is_refused() {
    for text in [
        "",
        "secret",
        &KEY[..62],
        &format!("{KEY}00"),
        &KEY.replace('0', "g"),
    ] {
        let home = Home::with(&["work", "home"]);
        home.put("work", "a.ics", meeting("a", 3));
        home.give_key(text);
        is_refused(&home, &["does not hold a key", ".config/calsync/key"]);
        assert!(
            !home.state_file().exists(),
            "no state is made for a key that cannot be used"
        );
        assert_eq!(
            fs::read_to_string(home.key_file()).unwrap(),
            format!("{text}\n")
        );
    }
}

#[test]
fn a_variable_that_holds_no_key_is_refused_and_not_shown() {
    let home = waiting();
    let ran = Ran::of(
        home.command(&["sync"])
            .env("CALSYNC_KEY", "hunter2")
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, 3);
    ran.says(&["CALSYNC_KEY does not hold a key"]);
    assert!(!ran.all().contains("hunter2"));
}

#[test]
fn a_key_file_that_is_not_text_is_refused() {
    let home = waiting();
    write(&home.key_file(), b"\xff\xfe\x00");
    is_refused(&home, &["key"]);
}

#[test]
fn key_and_state_are_made_for_their_owner_alone() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.key_file()), 0o600);
    assert_eq!(mode(&home.state_file()), 0o600);
    assert_eq!(mode(home.state_file().parent().unwrap()), 0o700);
    let key = fs::read_to_string(home.key_file()).unwrap();
    assert_eq!(key.trim().len(), 64);
    home.sync();
    assert_eq!(fs::read_to_string(home.key_file()).unwrap(), key);
}

#[test]
fn a_new_key_beside_blocks_of_another_one_is_told() {
    let home = waiting();
    home.lose_state();
    fs::remove_file(home.key_file()).unwrap();
    let told = home.expect(0, &["sync"]);
    told.says(&["a new key was made", "1 block made with another one"]);
    home.expect(0, &["sync"]).is_silent();
}
