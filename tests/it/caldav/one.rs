//! Which calendar it is: one under two addresses, one that has another name here or there, one that cannot be written to.

use std::fs;

use super::glitches::home_with;
use crate::support::{
    dav::{script::Says, shelf::Shelf},
    program::{Home, is_block, meeting},
};

const WRITES: [&str; 2] = ["PUT", "DELETE"];

/// Puts something else for a piece of the configuration.
fn rewrite(home: &Home, from: &str, to: &str) {
    let text = fs::read_to_string(home.config_file()).unwrap();
    assert!(text.contains(from), "{text}");
    home.configure(&text.replace(from, to));
}

fn blocks(shelf: &Shelf, folder: &str) -> usize {
    let texts = shelf.texts(folder);
    texts.keys().filter(|name| is_block(name)).count()
}

#[test]
fn one_calendar_by_two_addresses_is_found_out_by_what_stands_in_it() {
    let shelf = Shelf::start();
    shelf.call("/alice/also/", "work", "Also");
    let home = home_with(&shelf, "id = \"/alice/work/\"");
    let also = "\n[calendars.xtra]\naccount = \"cloud\"\nid = \"/alice/also/\"";
    home.configure_also("", also);
    home.put("home", "a.ics", meeting("a", 3));
    home.put("home", "b.ics", meeting("b", 4));
    // Nothing shows before something was written.
    home.sync();
    assert_eq!(blocks(&shelf, "work"), 4);
    shelf.asked(&WRITES);
    home.put("home", "c.ics", meeting("c", 5));
    for args in [&["sync"][..], &["sync", "--dry-run"], &["sync"]] {
        let ran = home.expect(3, args);
        ran.says(&[
            "xtra: it is the same calendar as \"work\"",
            "calsync reset --calendar xtra",
        ]);
        assert!(!ran.all().contains("copied"), "{ran:?}");
    }
    home.expect(3, &["check"]).shows(&["the same calendar as"]);
    assert_eq!(shelf.asked(&WRITES), 0);
    // What stands there twice goes, as the words say.
    let ran = home.expect(0, &["reset", "--calendar", "xtra", "--yes"]);
    assert!(!ran.all().contains("by hand"), "{ran:?}");
    assert_eq!(blocks(&shelf, "work"), 2);
    rewrite(&home, also, "");
    home.sync();
    assert_eq!(blocks(&shelf, "work"), 3);
    home.sync_idle();
}

#[test]
fn a_copy_of_a_calendar_is_another_calendar() {
    let shelf = Shelf::start();
    shelf.call("/alice/also/", "also", "Also");
    let home = home_with(&shelf, "id = \"/alice/work/\"");
    home.put("home", "a.ics", meeting("a", 3));
    home.sync();
    // The very same texts in the very same versions, as a server may copy them.
    let copy = |from: &str, to: &str| {
        shelf.books(|books| {
            let items = books.items.clone().into_iter();
            for ((_, name), item) in items.filter(|((folder, _), _)| folder == from) {
                let at = (to.to_owned(), name);
                books.log.push(at.clone());
                books.items.insert(at, item);
            }
        });
    };
    copy("work", "also");
    home.configure_also(
        "",
        "[calendars.xtra]\naccount = \"cloud\"\nid = \"/alice/also/\"",
    );
    for _ in 0..3 {
        home.sync();
    }
    assert_eq!((blocks(&shelf, "work"), blocks(&shelf, "also")), (1, 2));
}

#[test]
fn a_calendar_with_another_name_that_is_spelled_otherwise_too_is_the_same() {
    for (one, other) in [
        ("id = \"/alice/work/\"", "id = \"/alice/work\""),
        ("id = \"/alice/work/\"", "name = \"Work\""),
        ("name = \"Work\"", "id = \"/alice/work/\""),
    ] {
        let shelf = Shelf::start();
        let home = home_with(&shelf, one);
        for day in 1..13 {
            let name = format!("a{day}.ics");
            home.put("home", &name, meeting(&name, day));
            let name = format!("b{day}.ics");
            shelf.books(|books| books.put("work", &name, meeting(&name, 20 + day)));
        }
        home.sync();
        rewrite(&home, "[calendars.work]", "[calendars.office]");
        rewrite(&home, one, other);
        home.expect(0, &["sync"]);
        assert_eq!(
            (blocks(&shelf, "work"), home.blocks("home").len()),
            (12, 12)
        );
        home.sync_idle();
        let shown = home.expect(0, &["status"]).stdout;
        assert!(!shown.contains("work "), "{shown}");
    }
}

#[test]
fn a_calendar_that_is_called_otherwise_at_its_server_is_still_known() {
    let shelf = Shelf::start();
    let home = home_with(&shelf, "name = \"Work\"");
    home.put("home", "a.ics", meeting("a", 3));
    home.sync();
    shelf.call("/alice/work/", "work", "Crew");
    for args in [&["sync"][..], &["sync", "--full"], &["sync"]] {
        home.expect(0, args);
        home.expect(0, &["check"]).shows(&[
            "it is called \"Crew\" at the server by now",
            "id = \"/alice/work/\"",
        ]);
        let listed = home.expect(0, &["calendars"]).stdout;
        let line = listed.lines().find(|line| line.contains("Crew")).unwrap();
        assert!(line.starts_with("work "), "{listed}");
    }
    // Another name in the configuration means another calendar, and none if there is none.
    rewrite(&home, "name = \"Work\"", "name = \"Team\"");
    home.expect(5, &["sync", "--full"])
        .says(&["none of this name"]);
    let listed = home.expect(0, &["calendars"]).stdout;
    assert!(
        !listed.lines().any(|line| line.starts_with("work ")),
        "{listed}"
    );
    rewrite(&home, "name = \"Team\"", "name = \"Crew\"");
    home.sync();
    let shown = home.expect(0, &["check"]).stdout;
    assert!(!shown.contains("by now"), "{shown}");
    assert_eq!(blocks(&shelf, "work"), 1);
}

#[test]
fn a_calendar_that_may_only_be_read_is_not_written_to_in_each_run() {
    let shelf = Shelf::start();
    shelf.books(|books| {
        books.is_read_only = true;
        books.put("work", "own.ics", meeting("own", 1));
    });
    let home = home_with(&shelf, "id = \"/alice/work/\"");
    for day in 1..13 {
        let name = format!("a{day}.ics");
        home.put("home", &name, meeting(&name, 3 + day));
    }
    home.expect(5, &["sync"]).says(&["may not be written"]);
    assert_eq!(shelf.asked(&WRITES), 1, "the first refusal tells");
    for _ in 0..2 {
        let report = home.expect(5, &["sync", "--json"]).json();
        assert_eq!(report["requests"], 1, "{report}");
        let ran = home.expect(5, &["sync"]);
        ran.says(&["may not be written", "role = \"source\"", "sync --full"]);
        assert_eq!(shelf.asked(&WRITES), 0);
    }
    shelf.books(|books| books.is_read_only = false);
    home.expect(0, &["sync", "--full"]);
    assert_eq!(blocks(&shelf, "work"), 12);
    home.sync_idle();
}

#[test]
fn a_calendar_that_lies_elsewhere_now_is_told_by_what_has_to_be_changed() {
    let shelf = Shelf::saying(|asked, answer| match &*asked.method {
        "PUT" => Says::status(301).with("Location", "/alice/new/x.ics"),
        _ => answer,
    });
    let home = home_with(&shelf, "id = \"/alice/work/\"");
    home.put("home", "a.ics", meeting("a", 3));
    let ran = home.expect(5, &["sync"]);
    ran.says(&["keeps the calendar elsewhere", "`id`"]);
    assert!(!ran.stderr.contains("correct `url`"), "{ran:?}");
}

#[test]
fn a_slash_too_many_in_an_id_means_nothing() {
    let shelf = Shelf::start();
    shelf.books(|books| books.put("work", "a.ics", meeting("a", 3)));
    let home = home_with(&shelf, "id = \"/alice//work\"");
    home.sync();
    assert_eq!(home.blocks("home").len(), 1);
    let listed = home.expect(0, &["calendars"]).stdout;
    assert!(!listed.contains("not configured"), "{listed}");
}

#[test]
fn what_a_calendar_held_that_is_not_meant_any_more_shows_nowhere_new() {
    let shelf = Shelf::start();
    shelf.books(|books| books.put("work", "a.ics", meeting("a", 3)));
    let home = home_with(&shelf, "id = \"/alice/work/\"");
    home.expect(0, &["sync", "--dry-run"]);
    rewrite(&home, "/alice/work/", "/alice/nosuch/");
    home.expect(5, &["sync"]);
    assert!(home.blocks("home").is_empty());
    // What stands already stays: the new place was not read.
    rewrite(&home, "/alice/nosuch/", "/alice/work/");
    home.sync();
    assert_eq!(home.blocks("home").len(), 1);
    rewrite(&home, "/alice/work/", "/alice/nosuch/");
    home.expect(5, &["sync"]);
    assert_eq!(home.blocks("home").len(), 1);
}
