//! Blocks that overlap or touch, as one: what of them counts as lost, and what becomes of one that is partly over.

use std::fs;

use jiff::ToSpan as _;

use super::filters::{monday, one_after_the_other, soon, text};
use crate::support::program::{Home, day, event_with};

#[test]
fn what_merges_or_comes_apart_has_lost_nothing() {
    let home = Home::with(&["home", "work"]);
    let before = fs::read_to_string(home.config_file()).unwrap();
    let merge = |merge: bool| {
        home.configure(&format!(
            "{before}[[rules]]\nfrom = \"home\"\nto = \"work\"\nmerge = {merge}\n"
        ));
        home.sync();
        home.sync_idle();
        home.blocks("work").len()
    };
    one_after_the_other(&home, 40);
    for hour in 0..24 {
        let times = format!("Wed {hour:02}:00-{hour:02}:30");
        let daily = text(&[(&times, "RRULE:FREQ=DAILY;COUNT=4")]);
        let daily = daily.replace("event-0", &format!("daily-{hour}"));
        home.put("home", &format!("daily-{hour}.ics"), daily);
    }
    assert_eq!(merge(false), 64);
    assert_eq!(merge(true), 97);
    // One that begins before all others is the one whose block it is now.
    let early = monday().at(0, 0, 0, 0) - 1.hours();
    let early = format!(
        "DTSTART;TZID=Europe/Berlin:{}\nDURATION:PT2H",
        early.strftime("%Y%m%dT%H%M%S")
    );
    home.put("home", "early.ics", event_with("early", &early));
    assert_eq!(merge(true), 97);
    home.delete("home", "early.ics");
    assert_eq!(merge(true), 97);
    assert_eq!(merge(false), 64, "and so it is when it is switched off");
}

/// Puts a meeting of an hour into a calendar, so many hours after the week begins.
fn put_meeting(home: &Home, nth: i32, hour: i32) {
    let start = (monday().at(0, 0, 0, 0) + hour.hours()).strftime("%Y%m%dT%H%M%S");
    let times = format!("DTSTART;TZID=Europe/Berlin:{start}\nDURATION:PT1H");
    let text = event_with(&format!("meeting-{nth:03}"), &times);
    home.put("home", &format!("{nth}.ics"), text);
}

#[test]
fn what_merges_in_several_runs_has_lost_nothing() {
    let home = Home::with(&["home", "work"]);
    for nth in 0..60 {
        put_meeting(&home, nth, nth / 3 * 4 + nth % 3);
    }
    home.sync();
    home.configure_also(
        "",
        "[limits]\noperations = 2\n[[rules]]\nfrom = \"home\"\nto = \"work\"\nmerge = true",
    );
    for _ in 0..40 {
        let ran = home.run(&["sync"]);
        assert!(!ran.stderr.contains("would lose"), "{ran:?}");
        if ran.code == 0 {
            break;
        }
    }
    assert_eq!(home.blocks("work").len(), 20);
    home.sync_idle();
}

#[test]
fn what_shows_in_the_block_of_another_counts_as_standing() {
    let home = Home::with(&["home", "work"]);
    home.configure_also(
        "",
        "[[rules]]\nfrom = \"home\"\nto = \"work\"\nmerge = true",
    );
    // Twelve times three that touch, and thirteen that stand alone.
    for nth in 0..36 {
        put_meeting(&home, nth, nth / 3 * 4 + nth % 3);
    }
    for nth in 36..49 {
        put_meeting(&home, nth, 2 * nth);
    }
    home.sync();
    assert_eq!(home.blocks("work").len(), 25);
    // More than half of the blocks, but no half of the events.
    for nth in 36..49 {
        home.delete("home", &format!("{nth}.ics"));
    }
    home.sync();
    assert_eq!(home.blocks("work").len(), 12);
}

#[test]
fn the_first_of_those_that_merge_may_go_where_the_others_go_on() {
    let home = Home::with(&["home", "work"]);
    home.configure_also(
        "",
        "[[rules]]\nfrom = \"home\"\nto = \"work\"\nmerge = true",
    );
    // Twenty times three that touch.
    for nth in 0..60 {
        put_meeting(&home, nth, nth / 3 * 4 + nth % 3);
    }
    home.sync();
    // Of each block goes a third, and the rest is the block of another event.
    for nth in 0..20 {
        home.delete("home", &format!("{}.ics", 3 * nth));
    }
    home.sync();
    assert_eq!(home.blocks("work").len(), 20);
    home.sync_idle();
    // The same again, and then nothing is left of them.
    for nth in 0..20 {
        home.delete("home", &format!("{}.ics", 3 * nth + 1));
    }
    home.sync();
    for nth in 0..19 {
        home.delete("home", &format!("{}.ics", 3 * nth + 2));
    }
    let refused = home.run(&["sync"]);
    assert_eq!(refused.code, 6, "{refused:?}");
}

#[test]
fn a_merged_block_that_the_window_leaves_bit_by_bit_stays_whole() {
    for show in ["busy", "title"] {
        let home = Home::with(&["home", "work"]);
        let at = |from_today: i32, time: &str| {
            format!(
                "TZID=Europe/Berlin:{}T{time}00",
                day(from_today).strftime("%Y%m%d")
            )
        };
        let date = |from_today: i32| format!("VALUE=DATE:{}", day(from_today).strftime("%Y%m%d"));
        for (uid, from, to) in [
            ("late", at(-21, "2200"), at(-20, "0000")),
            ("early", at(-20, "0000"), at(-20, "0200")),
            ("fair", date(-23), date(-20)),
            ("fete", date(-20), date(-18)),
            ("later", at(9, "1000"), at(9, "1100")),
        ] {
            let lines = format!("DTSTART;{from}\nDTEND;{to}\nSUMMARY:{uid}");
            home.put("home", &format!("{uid}.ics"), event_with(uid, &lines));
        }
        let before = fs::read_to_string(home.config_file()).unwrap();
        let days = |days: usize| {
            home.configure(&format!(
                "{before}[window]\npast_days = {days}\n[[rules]]\nfrom = \"home\"\nto = \"work\"\nmerge = true\nshow = \"{show}\"\n"
            ));
        };
        days(26);
        home.sync();
        assert_eq!(home.blocks("work").len(), 3);
        for past in (14..26).rev() {
            days(past);
            home.sync_idle();
        }
    }
}

#[test]
fn what_begins_in_time_shows_though_it_touches_what_does_not() {
    let home = Home::with(&["home", "work"]);
    let rule = "[[rules]]\nfrom = \"home\"\nto = \"work\"\nnotice = \"1h\"\nmerge = true\n";
    home.configure_also("", rule);
    home.put("home", "soon.ics", event_with("soon", &soon(30)));
    home.sync();
    assert!(home.blocks("work").is_empty());
    // They overlap, so that they would be one block, which would begin too soon.
    let later = soon(80);
    home.put("home", "later.ics", event_with("later", &later));
    home.put("home", "last.ics", event_with("last", &soon(130)));
    home.sync();
    home.sync_idle();
    let blocks = home.blocks("work").into_values();
    let blocks: Vec<String> = blocks
        .map(|text| String::from_utf8(text).unwrap())
        .collect();
    let start = later.lines().next().unwrap();
    assert!(blocks.len() == 1 && blocks[0].contains(start), "{blocks:?}");
    let today = day(0).to_string();
    let told = home
        .expect(0, &["explain", "home", &today, "--json"])
        .json();
    for event in told["events"].as_array().unwrap() {
        let result = &event["targets"][0]["result"];
        let is_late = event["uid"] == "soon";
        assert_eq!(result == "left_out", is_late, "{event}");
    }
}
