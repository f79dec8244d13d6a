//! Configurations with mistakes in them.

use crate::support::program::{Home, meeting, write};

#[test]
fn all_six_mistakes_are_named_with_their_lines() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.configure(
        "timezone = \"Europe/Berln\"\n\
         stat = \"x.db\"\n\
         [window]\n\
         past_days = -4\n\
         [calendars.work]\n\
         path = \"~/cal/work\"\n\
         role = \"sauce\"\n\
         [calendars.home]\n\
         paht = \"~/cal/home\"\n\
         [[rules]]\n\
         from = [\"work\", \"wrok\"]\n\
         to = [\"home\"]\n",
    );
    for args in [
        &["sync"][..],
        &["status"],
        &["check"],
        &["reset", "--all", "--yes"],
    ] {
        let ran = home.expect(3, args);
        let place = home.config_file().display().to_string();
        for (line, words) in [
            (1, "`timezone` \"Europe/Berln\""),
            (2, "unknown key `stat`; did you mean `state`?"),
            (4, "`past_days` must be from 0 to 3650"),
            (7, "\"sauce\"; did you mean `source`?"),
            (9, "unknown key `paht`; did you mean `path`?"),
            (11, "no calendar \"wrok\"; did you mean `work`?"),
        ] {
            let told = ran
                .stderr
                .lines()
                .find(|text| text.contains(&format!("{place}:{line}: ")));
            let told = told.unwrap_or_else(|| panic!("nothing about line {line}: {ran:?}"));
            assert!(ran.stderr.contains(words), "{words}: {told}");
        }
    }
    assert_eq!(home.blocks("home").len(), 0);
    assert!(!home.key_file().exists() && !home.state_file().exists());
    let report = home.expect(3, &["sync", "--json"]).json();
    assert_eq!(report["result"], "config");
    let errors = report["errors"].as_array().unwrap();
    // A calendar without `path` is one mistake more, and no rule that names it is another.
    assert_eq!(errors.len(), 7, "{report}");
    assert!(errors[0].as_str().unwrap().contains(":1: `timezone`"));
}

#[test]
fn what_belongs_above_all_sections_is_said_to() {
    let home = Home::with(&["work", "home"]);
    home.configure_also("", "me = [\"ada@example.com\"]\n");
    let words = "unknown key `me`; it belongs above the first [section]";
    home.expect(3, &["check"]).says(&[words]);
}

#[test]
fn a_name_that_has_nothing_of_another_is_none_gone_wrong() {
    let home = Home::with(&["a", "b"]);
    home.configure_also("", "[[rules]]\nfrom = \"zz\"\nto = \"b\"\n");
    let told = home.expect(3, &["check"]).stderr;
    assert!(told.contains("no calendar \"zz\""), "{told}");
    assert!(!told.contains("did you mean"), "{told}");
}

#[test]
fn every_line_that_is_not_toml_is_named() {
    let home = Home::with(&["work", "home"]);
    home.configure("timezone = Europe/Berlin\n[calendars.work]\npath = \"~/cal/work\"\n[calendars.home\npath = \"~/cal/home\"\n");
    let ran = home.expect(3, &["sync"]);
    ran.says(&[":1: not TOML here", ":4: not TOML here"]);
    // What such a text means is a guess, and what is wrong with a guess is nobody's mistake.
    let told = ran.stderr.lines().skip(1);
    assert!(told.clone().count() >= 2, "{ran:?}");
    assert!(
        told.clone().all(|line| line.contains("not TOML here")),
        "{ran:?}"
    );
}

#[test]
fn what_is_no_address_and_what_is_one_is_said() {
    for (text, words) in [
        (
            "me = [\"mailto:ada@example.com\"]",
            "`me` must list mail addresses",
        ),
        (
            "me = [\"<ada@example.com>\"]",
            "`me` must list mail addresses",
        ),
        (
            "[calendars.a]\npath = \"https://example.org/a.ics\"",
            "is a `feed`",
        ),
    ] {
        let home = Home::with(&["work", "home"]);
        home.configure(text);
        home.expect(3, &["check"]).says(&[words]);
    }
    let home = Home::bare();
    home.expect(2, &["init", "--calendar", "b=https://example.org/a.ics"])
        .says(&["is an address", "feed = \"https://example.org/a.ics\""]);
}

#[test]
fn what_is_there_twice_and_a_backslash_are_each_told_once() {
    let home = Home::with(&["work", "home"]);
    let table = "[calendars.work]\npath = \"~/cal/work\"\n";
    let slash = "[calendars.\"a]b\"]\npath = \"C:\\Users\\me\"\n";
    home.configure(&format!(
        "{table}{table}[calendars.home]\npath = \"a\"\npath = \"b\"\n{slash}"
    ));
    let told = home.expect(3, &["sync"]).stderr;
    assert!(told.contains("3 mistakes"), "{told}");
    for words in [
        ":3: not TOML here: it is there already",
        ":7: not TOML here: it is there",
        ":9: not TOML here: a backslash",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn a_calendar_that_one_rule_names_twice_is_told_as_that() {
    let home = Home::with(&["work", "home"]);
    home.configure_also(
        "",
        "[[rules]]\nfrom = [\"work\", \"work\"]\nto = [\"home\", \"home\"]",
    );
    let ran = home.expect(3, &["sync"]);
    ran.says(&["`from` names \"work\" twice", "`to` names \"home\" twice"]);
    assert!(!ran.all().contains("earlier rule"), "{ran:?}");
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let home = Home::bare();
    home.expect(3, &["sync"])
        .says(&["there is no configuration at", "calsync init"]);
    std::fs::create_dir_all(home.config_file()).unwrap();
    let place = home.config_file().display().to_string();
    home.expect(3, &["sync"]).says(&["cannot be read", &place]);
    let home = Home::with(&["work"]);
    let path = home.config_file();
    write(&path, b"timezone = \"\xff\"");
    home.expect(3, &["sync"]).says(&["cannot be read", "UTF-8"]);
    std::fs::remove_file(&path).unwrap();
    home.configure("");
    home.expect(3, &["sync"])
        .says(&["there are no calendars", "[calendars.home]"]);
}

#[test]
fn two_calendars_in_one_folder_are_refused() {
    let home = Home::with(&["work", "home"]);
    std::os::unix::fs::symlink(home.folder("work"), home.path("cal/alias")).unwrap();
    home.configure_also("", "[calendars.alias]\npath = \"../../cal/alias\"");
    home.expect(3, &["sync"])
        .says(&["is the same calendar as [calendars.work]"]);
    home.configure(
        "[calendars.a]\npath = \"~/cal/work\"\n[calendars.b]\npath = \"~/cal/./work/\"\n",
    );
    home.expect(3, &["sync"])
        .says(&[":3: [calendars.b] is the same calendar as [calendars.a]"]);
}

#[test]
fn init_never_writes_over_a_configuration() {
    let home = Home::with(&["work"]);
    let before = std::fs::read(home.config_file()).unwrap();
    let ran = home.expect(2, &["init", "--calendar", "a=cal/work"]);
    ran.says(&["is there already"]);
    assert_eq!(std::fs::read(home.config_file()).unwrap(), before);
    std::fs::remove_file(home.config_file()).unwrap();
    home.expect(2, &["init", "--calendar", "cal/work"])
        .says(&["NAME=FOLDER"]);
    home.expect(2, &["init", "--timezone", "Mars", "--calendar", "a=b"])
        .says(&["\"Mars\""]);
    assert!(!home.config_file().exists());
    let both = [
        "init",
        "--timezone",
        "Europe/Berlin",
        "--calendar",
        "work=cal/work",
        "--calendar",
        "home=cal/home",
    ];
    home.expect(0, &both);
    std::fs::create_dir_all(home.folder("home")).unwrap();
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    assert_eq!(home.blocks("home").len(), 1);
}
