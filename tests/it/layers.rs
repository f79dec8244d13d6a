//! Who knows whom: the lines that `src/lib.rs` draws, held.

use std::{fs, path::Path};

/// A source file: its path below `src`, and its lines without comments and without its own tests.
struct Source {
    path: String,
    lines: Vec<(usize, String)>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.push(Source {
                    path: name,
                    lines: code(&fs::read_to_string(&path).unwrap()),
                });
            }
        }
    }
    assert!(found.len() > 40);
    found
}

/// The lines that are neither comments nor tests.
fn code(text: &str) -> Vec<(usize, String)> {
    let lines = text
        .lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]");
    lines
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line.to_owned()))
        .collect()
}

/// Whether a file belongs to one of these rooms: `plan` means `plan.rs` and all of `plan/`.
fn is_in(path: &str, rooms: &[&str]) -> bool {
    rooms
        .iter()
        .any(|room| path == format!("{room}.rs") || path.starts_with(&format!("{room}/")))
}

/// Where a word stands as a word, not as a part of one.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// The places outside (or, with `inside`, inside) of these rooms where one of the words stands.
fn places(words: &[&str], rooms: &[&str], inside: bool) -> Vec<String> {
    let mut found = Vec::new();
    for Source { path, lines } in sources() {
        if is_in(&path, rooms) != inside {
            continue;
        }
        for (number, line) in lines {
            found.extend(
                words
                    .iter()
                    .filter(|word| has_word(&line, word))
                    .map(|word| format!("src/{path}:{number}: {word}")),
            );
        }
    }
    found
}

const NOWHERE: [String; 0] = [];

#[test]
fn the_pure_rooms_touch_nothing() {
    let pure = ["model", "ical", "recur", "ident", "plan"];
    let impure = [
        "tokio",
        "rusqlite",
        "refinery",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "fs::read",
        "async fn",
        "async move",
        "await",
        "Timestamp::now",
        "Zoned::now",
        "SystemTime",
        "Instant::now",
        "TimeZone::system",
        "tracing",
        "getrandom",
        "println",
        "eprintln",
        "crate::state",
        "crate::provider",
        "crate::config",
        "crate::run",
        "crate::apply",
        "crate::pull",
        "crate::session",
        "crate::report",
        "crate::fsx",
        "crate::retry",
        "crate::clock",
    ];
    assert_eq!(places(&impure, &pure, true), NOWHERE);
}

#[test]
fn only_the_state_knows_sql() {
    assert_eq!(
        places(
            &[
                "rusqlite",
                "refinery",
                "SELECT",
                "INSERT INTO",
                "DELETE FROM",
                "PRAGMA"
            ],
            &["state"],
            false
        ),
        NOWHERE
    );
}

#[test]
fn only_two_rooms_know_the_crate_that_reads_calendars() {
    // Our own room has the same name; it is always called `crate::ical`, or `ical` after having been imported as that.
    for Source { path, lines } in sources() {
        if is_in(&path, &["ical", "recur"]) {
            continue;
        }
        for (number, line) in lines {
            let line = line.trim_start();
            let foreign = line.starts_with("use ical::")
                || line.starts_with("use ::ical")
                || line.contains(" ::ical::")
                || line.contains("extern crate");
            assert!(!foreign, "src/{path}:{number}");
        }
    }
}

#[test]
fn each_crate_of_its_kind_stays_in_its_room() {
    for (words, rooms) in [
        (&["backoff"][..], &["retry"][..]),
        (
            &[
                "clap",
                "clap_complete",
                "clap_mangen",
                "indicatif",
                "tracing_subscriber",
            ],
            &["bin"],
        ),
        (&["windows_timezones"], &["ical", "model"]),
        (&["use toml"], &["config"]),
        (&["hmac", "Hmac"], &["ident", "secrets"]),
        (&["getrandom"], &["clock", "config"]),
        (&["google_calendar3", "chrono"], &["provider/google"]),
        (&["roxmltree", "psl"], &["provider/caldav"]),
        (&["md5"], &["auth"]),
        (&["tokio::process", "process::Command"], &["auth"]),
        (&["rustix::termios"], &["bin"]),
        (&["ring"], &["secrets", "auth", "http"]),
        (&["yup_oauth2", "form_urlencoded"], &["auth"]),
        (
            &[
                "hyper",
                "hyper_util",
                "hyper_rustls",
                "rustls",
                "rustls_native_certs",
                "flate2",
            ],
            &["http"],
        ),
        (
            &[
                "Timestamp::now",
                "Zoned::now",
                "SystemTime::now",
                "Instant::now",
                "thread::sleep",
            ],
            &["clock"],
        ),
        (&["env::var", "env::var_os", "env::vars"], &["config"]),
        (&["fs::write", "File::create", "OpenOptions"], &["fsx"]),
    ] {
        assert_eq!(places(words, rooms, false), NOWHERE, "only src/{rooms:?}");
    }
}

/// What each room must not know.
const ABOVE: [(&str, &[&str]); 7] = [
    (
        "fsx",
        &[
            "crate::model",
            "crate::state",
            "crate::provider",
            "crate::config",
            "crate::plan",
        ],
    ),
    (
        "clock",
        &[
            "crate::model",
            "crate::state",
            "crate::provider",
            "crate::config",
            "crate::plan",
        ],
    ),
    ("model", &["crate::ical", "crate::plan", "crate::state"]),
    (
        "auth",
        &[
            "crate::run::",
            "crate::apply",
            "crate::pull",
            "crate::report",
            "crate::session",
            "crate::config",
            "crate::plan",
            "crate::model",
        ],
    ),
    (
        "http",
        &[
            "crate::model",
            "crate::state",
            "crate::config",
            "crate::run::",
            "tracing",
        ],
    ),
    (
        "state",
        &[
            "crate::run::",
            "crate::apply",
            "crate::pull",
            "crate::report",
            "crate::session",
            "crate::config",
        ],
    ),
    (
        "provider",
        &[
            "crate::run::",
            "crate::apply",
            "crate::pull",
            "crate::report",
            "crate::session",
            "crate::state",
            "crate::config",
            "crate::plan",
        ],
    ),
];

#[test]
fn the_library_never_reaches_up() {
    for (room, above) in ABOVE {
        assert_eq!(places(above, &[room], true), NOWHERE, "{room}");
    }
}

#[test]
fn every_file_says_in_its_first_line_what_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests/it")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                assert!(
                    fs::read_to_string(&path).unwrap().starts_with("//! "),
                    "{}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_eyes_of_these_tests_are_open() {
    assert!(has_word("use rusqlite::Connection;", "rusqlite"));
    assert!(!has_word("let xtoml = 1;", "toml"));
    assert!(
        is_in("plan/op.rs", &["plan"])
            && is_in("plan.rs", &["plan"])
            && !is_in("planner.rs", &["plan"])
    );
    assert!(!places(&["rusqlite"], &["state"], true).is_empty());
    assert_eq!(code("a\n// b\n#[cfg(test)]\nc"), [(1, "a".to_owned())]);
}
