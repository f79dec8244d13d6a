//! What stands in a target though nothing asks for it: `explain` and `status` tell of it, and why it is there.

use std::fs;

use serde_json::{Value, json};

use crate::support::program::{Home, day, meeting, weekly};

/// More series than the guard lets go at once, in another calendar.
fn many_series() -> Home {
    let home = Home::with(&["work", "home", "other"]);
    home.configure_also("", &shows("work", "home", ""));
    for nth in 0..12 {
        home.put("work", &format!("{nth}.ics"), weekly(&nth.to_string(), 4));
    }
    home.sync();
    home
}

fn shows(from: &str, to: &str, lines: &str) -> String {
    format!("[[rules]]\nfrom = \"{from}\"\nto = \"{to}\"\n{lines}\n")
}

/// What there is to read of a day, and what stands on it of other calendars.
fn told(home: &Home, calendar: &str, days: i32) -> (String, Vec<Value>) {
    let date = day(days).to_string();
    let words = home.expect(0, &["explain", calendar, &date]).stdout;
    let json = home
        .expect(0, &["explain", calendar, &date, "--json"])
        .json();
    (words, json["blocks"].as_array().unwrap().clone())
}

fn counts(home: &Home, key: &str) -> Value {
    let told = home.expect(0, &["status", "--json"]).json();
    let lines = told["calendars"].as_array().unwrap();
    let line = lines.iter().find(|line| line["name"] == "home");
    line.unwrap()[key].clone()
}

#[test]
fn what_the_guard_holds_back_is_told_of_whatever_became_of_its_rule() {
    let home = many_series();
    let config = fs::read_to_string(home.config_file()).unwrap();
    let plain = config.split("[[rules]]").next().unwrap();
    let changes = [
        config.replace("to = \"home\"", "to = \"home\"\nlongest = \"20m\""),
        format!("{plain}{}", shows("home", "other", "")),
    ];
    for change in changes {
        home.configure(&change);
        // Until a sync has tried, and then.
        for why in ["unwanted", "held_back"] {
            for days in [4, 11] {
                let (words, blocks) = told(&home, "home", days);
                assert_eq!(blocks.len(), 12, "{words}");
                for block in &blocks {
                    assert_eq!(
                        (&block["why"], &block["stands"]),
                        (&json!(why), &json!(true))
                    );
                    assert_eq!(block["from"], "work");
                }
            }
            assert!(told(&home, "home", 5).1.is_empty());
            let (words, _) = told(&home, "work", 11);
            assert!(
                words.contains("its block stands, and nothing asks for it"),
                "{words}"
            );
            home.expect(6, &["sync"]);
        }
        assert_eq!(counts(&home, "held_back_blocks"), 12);
        assert_eq!(counts(&home, "waiting_blocks"), 0);
        home.expect(0, &["status"])
            .shows(&["12 blocks which the guard holds back"]);
        home.configure(&config);
        home.sync();
        home.sync_idle();
        assert_eq!(counts(&home, "held_back_blocks"), 0);
    }
}

#[test]
fn what_is_over_and_held_back_is_told_of_until_it_may_stay() {
    let home = Home::with(&["work", "home"]);
    home.configure_also("", &shows("work", "home", ""));
    for nth in 0..12 {
        home.put(
            "work",
            &format!("{nth}.ics"),
            meeting(&nth.to_string(), -10),
        );
    }
    home.put("work", "to-come.ics", meeting("to-come", 3));
    home.sync();
    let config = fs::read_to_string(home.config_file()).unwrap();
    let keep = config.replace("[[rules]]", "[window]\npast_days = 2\n[[rules]]");
    let delete = keep.replace("past_days", "past = \"delete\"\npast_days");
    home.configure(&delete);
    home.expect(6, &["sync"]);
    assert_eq!(counts(&home, "held_back_blocks"), 12);
    let (_, blocks) = told(&home, "home", -10);
    assert!(blocks.iter().all(|block| block["why"] == "held_back"));
    home.configure(&keep);
    home.sync();
    home.sync_idle();
    assert_eq!(counts(&home, "held_back_blocks"), 0);
    let (_, blocks) = told(&home, "home", -10);
    assert!(blocks.len() == 12 && blocks.iter().all(|block| block["why"] == "window"));
}

#[test]
fn what_no_sync_has_looked_for_yet_is_unknown() {
    let home = Home::with(&["work", "home"]);
    home.configure_also("", &shows("work", "home", ""));
    home.put("work", "one.ics", meeting("one", 3));
    home.put("work", "weekly.ics", weekly("weekly", 3));
    home.sync();
    let config = fs::read_to_string(home.config_file()).unwrap();
    let about = |line: &str| config.replace("to = \"home\"", &format!("to = \"home\"\n{line}"));
    let is_unknown = |is: bool| {
        let date = day(3).to_string();
        let told_of = home.expect(0, &["explain", "work", &date, "--json"]).json();
        for event in told_of["events"].as_array().unwrap() {
            let target = &event["targets"][0];
            let found = (&target["result"], &target["why"]);
            assert_eq!(
                found == (&json!("unknown"), &json!("unasked")),
                is,
                "{target}"
            );
        }
        let (words, blocks) = told(&home, "home", 3);
        let unasked = blocks
            .iter()
            .filter(|block| block["why"] == "unasked")
            .count();
        assert_eq!(unasked, if is { blocks.len() } else { 0 }, "{words}");
    };
    is_unknown(false);
    for line in [
        "not_titles = [\"week\"]",
        "not_titles = [\"meet\"]",
        "categories = [\"x\"]",
    ] {
        home.configure(&about(line));
        is_unknown(true);
        home.sync();
        is_unknown(false);
    }
    // Of what a rule asks that is always known, it tells at once.
    home.configure(&about("longest = \"20m\""));
    is_unknown(false);
}

#[test]
fn the_blocks_of_the_last_rule_go_before_nothing_is_left_to_do() {
    for many in [false, true] {
        let home = Home::with(&["work", "home"]);
        home.put("work", "one.ics", meeting("one", 3));
        for nth in 4..if many { 20 } else { 4 } {
            home.put(
                "work",
                &format!("{nth}.ics"),
                meeting(&nth.to_string(), nth),
            );
        }
        home.sync();
        let config = fs::read_to_string(home.config_file()).unwrap();
        let (first, second) = config.split_once("[calendars.work]").unwrap();
        let kept = match second.split_once("[calendars.home]") {
            Some((_, own)) => format!("{first}[calendars.home]{own}"),
            None => first.to_owned(),
        };
        home.configure(&kept);
        let idle = home.expect(0, &["status"]).stdout;
        assert!(!idle.contains("exit code 3"), "{idle}");
        if many {
            home.expect(6, &["sync"]);
            home.expect(0, &["sync", "--allow-mass-delete"]);
        } else {
            home.expect(0, &["sync"]);
        }
        assert!(home.blocks("home").is_empty());
        home.expect(3, &["sync"])
            .says(&["no calendar shows in another"]);
        home.expect(0, &["status"]).shows(&["exit code 3"]);
    }
}

#[test]
fn days_beyond_the_window_are_told_of_as_they_are() {
    let home = many_series();
    let (words, blocks) = told(&home, "home", 4 + 7 * 100);
    assert_eq!(blocks.len(), 12, "{words}");
    assert!(words.contains("but for series"), "{words}");
}

#[test]
fn what_stands_in_a_source_is_told_of_as_nobody_s() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "one.ics", meeting("one", 3));
    home.put("work", "weekly.ics", weekly("weekly", 3));
    home.sync();
    let config = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&config.replace("[calendars.home]", "[calendars.home]\nrole = \"source\""));
    home.expect(0, &["sync"]);
    let (words, blocks) = told(&home, "home", 3);
    assert!(words.contains("is only a source now"), "{words}");
    assert!(blocks.len() == 2 && blocks.iter().all(|block| block["why"] == "stranded"));
}
