//! `calsync init` with answers that calsync would refuse: said at once, and nothing is written.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    process::Stdio,
};

use crate::support::program::{Home, Ran};

/// A home with two folders and no configuration.
fn fresh() -> Home {
    let home = Home::bare();
    for name in ["work", "home"] {
        fs::create_dir_all(home.folder(name)).unwrap();
    }
    home
}

#[test]
fn mistakes_in_the_flags_are_named_and_nothing_is_written() {
    let home = fresh();
    let zone = ["--timezone", "Europe/Berlin"];
    for (flags, words) in [
        (
            &["--calendar", "a=cal/work", "--calendar", "a=cal/home"][..],
            "two calendars by the name \"a\"",
        ),
        (
            &[
                "--calendar",
                "a=cal/work",
                "--calendar",
                "b=cal/../cal/work",
            ],
            "[calendars.b] is the same calendar as [calendars.a]",
        ),
        (&["--calendar=-a=cal/work"], "a calendar's name has"),
        (&["--calendar", "a\"b=cal/work"], "no quotes"),
        (
            &["--calendar", "a=cal/work", "--me", "ada"],
            "\"ada\" is not a mail address",
        ),
        (
            &["--calendar", "a=cal/work", "--me", "@"],
            "\"@\" is not a mail address",
        ),
        (
            &["--calendar", "a=cal/work", "--timezone", "Mars"],
            "\"Mars\" is not a zone",
        ),
        (&["--calendar", "cal/work"], "NAME=FOLDER"),
    ] {
        let zone = if flags.contains(&"Mars") {
            &[][..]
        } else {
            &zone
        };
        let ran = home.expect(2, &[&["init"], zone, flags].concat());
        ran.says(&[words]);
        assert!(!home.config_file().exists(), "{flags:?}");
    }
}

#[test]
fn what_init_writes_is_what_calsync_takes() {
    let home = fresh();
    let flags = [
        "--timezone",
        "Europe/Berlin",
        "--me",
        "ada@example.com",
        "--calendar",
        "my work=cal/work",
        "--calendar",
        "home=cal/home",
    ];
    let ran = home.expect(0, &[&["init"][..], &flags].concat());
    assert_eq!(ran.stderr, "");
    assert!(!ran.stdout.contains("second calendar"), "{ran:?}");
    ran.shows(&["Time zone: Europe/Berlin"]);
    home.expect(0, &["check"]);
}

#[test]
fn a_file_is_no_folder_and_the_place_of_the_state_is_kept() {
    let home = fresh();
    crate::support::program::write(&home.path("one.ics"), b"");
    let flags = ["init", "--timezone", "UTC", "--state", "my.db"];
    let ran = home.expect(2, &[&flags[..], &["--calendar", "a=one.ics"]].concat());
    ran.says(&["one.ics is not a folder"]);
    assert!(!home.config_file().exists());
    home.expect(0, &[&flags[..], &["--calendar", "a=cal/nowhere"]].concat());
    let text = fs::read_to_string(home.config_file()).unwrap();
    let state = home.path("my.db").display().to_string();
    assert!(text.contains(&format!("state = \"{state}\"")), "{text}");
}

#[test]
fn a_folder_that_is_not_there_and_a_single_calendar_are_told() {
    let home = fresh();
    let ran = home.expect(
        0,
        &["init", "--timezone", "UTC", "--calendar", "a=cal/nowhere"],
    );
    ran.says(&["cal/nowhere is not there yet"]);
    assert!(
        ran.stdout.contains("A second calendar is needed"),
        "{ran:?}"
    );
    assert!(home.config_file().exists());
    let ran = Ran::of(piped(
        &home,
        "UTC\n\na\ncal/nowhere\nb\ncal/home\n",
        "two.toml",
    ));
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.says(&["cal/nowhere is not there yet"]);
    assert!(!ran.stdout.contains("second"), "{ran:?}");
    assert!(
        ran.stdout.contains("calsync --config two.toml check"),
        "{ran:?}"
    );
}

fn piped(home: &Home, answers: &str, file: &str) -> std::process::Output {
    let mut command = home.command(&["init", "--config", file]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(answers.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn off_a_terminal_a_mistake_ends_it_and_no_answer_names_the_flag() {
    let home = fresh();
    home.expect(2, &["init"]).says(&["--calendar NAME=FOLDER"]);
    for (answers, words) in [
        ("Mars\n", "\"Mars\" is not a zone"),
        ("UTC\nada\n", "\"ada\" is not a mail address"),
        ("UTC\n\n-a\n", "a calendar's name has"),
        ("UTC\n\na\n\n", "\"a\" needs a folder"),
        (
            "UTC\n\na\ncal/work\na\ncal/home\n",
            "two calendars by the name",
        ),
        (
            "UTC\n\na\ncal/work\nb\ncal/work\n",
            "is the same calendar as",
        ),
    ] {
        let ran = Ran::of(piped(&home, answers, "x.toml"));
        assert_eq!(ran.code, 2, "{answers:?}: {ran:?}");
        ran.says(&[words]);
        assert!(!home.path("x.toml").exists());
    }
}

#[test]
fn on_a_terminal_whoever_made_a_mistake_is_asked_again() {
    let home = fresh();
    let terminal = nix::pty::openpty(None, None).unwrap();
    let mut command = home.command(&["init"]);
    command.stdin(Stdio::from(terminal.slave));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut keyboard = File::from(terminal.master);
    let mut stderr = child.stderr.take().unwrap();
    let mut said = String::new();
    for (question, answer) in [
        ("time zone", "Mars"),
        ("time zone", "Europe/Berlin"),
        ("mail addresses", "ada"),
        ("mail addresses", "ada@example.com"),
        ("calendar 1", "work"),
        ("Folder", "cal/work"),
        ("calendar 2", "work"),
        ("Folder", "cal/home"),
        ("calendar 2", "home"),
        ("Folder", "cal/work"),
        ("calendar 2", "home"),
        ("Folder", "cal/home"),
        ("calendar 3", ""),
    ] {
        said.clear();
        let mut byte = [0];
        while !said.ends_with(": ") || !said.contains(question) {
            assert_eq!(stderr.read(&mut byte).unwrap(), 1, "{question}: {said}");
            said.push(char::from(byte[0]));
        }
        keyboard
            .write_all(format!("{answer}\n").as_bytes())
            .unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let text = fs::read_to_string(home.config_file()).unwrap();
    assert_eq!(text.matches("[calendars.").count(), 2, "{text}");
    home.expect(0, &["check"]);
}
