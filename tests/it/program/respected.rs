//! What somebody does to a block: undone, or left so, as the rule says.

use std::{fs, process::Stdio};

use jiff::tz::TimeZone;
use rustix::process::{Pid, Signal};
use serde_json::json;

use crate::support::{
    google::FakeGoogle,
    program::{Home, ME, day, event_with, meeting, meeting_at, utc, wait_until, weekly},
};

pub(super) const RULE: &str = "[[rules]]\nfrom = \"work\"\nto = \"home\"\n";

/// A calendar with a meeting and a weekly one that show in another one by this rule.
pub(super) fn in_step(rule: &str) -> Home {
    let home = Home::with(&["work", "home"]);
    home.configure_also("", &format!("{RULE}{rule}"));
    home.put("work", "one.ics", meeting("one", 3));
    home.put("work", "weekly.ics", weekly("weekly", 4));
    home.sync();
    assert_eq!(home.blocks("home").len(), 2);
    home
}

/// The block that repeats, or the one that does not.
pub(super) fn block(home: &Home, repeats: bool) -> (String, String) {
    let mut blocks = home
        .blocks("home")
        .into_iter()
        .map(|(name, bytes)| (name, String::from_utf8(bytes).unwrap()));
    blocks
        .find(|(_, text)| text.contains("RRULE") == repeats)
        .unwrap()
}

/// Whether what this does to the blocks is there after the next runs.
fn stays(home: &Home, does: impl Fn(&Home)) -> bool {
    does(home);
    let after = home.blocks("home");
    home.sync();
    home.sync_idle();
    home.blocks("home") == after
}

pub(super) fn take_away(home: &Home) {
    home.delete("home", &block(home, false).0);
}

pub(super) fn take_one_out(home: &Home) {
    let (name, text) = block(home, true);
    let line = format!("EXDATE:{}\r\nSUMMARY", utc(11, "090000"));
    home.put("home", &name, text.replacen("SUMMARY", &line, 1));
}

pub(super) fn cancel_one(home: &Home) {
    let (name, text) = block(home, true);
    let event = &text[text.find("BEGIN:VEVENT").unwrap()..text.find("END:VCALENDAR").unwrap()];
    let lines = event.split_inclusive("\r\n");
    let uid: String = lines.filter(|line| line.starts_with("UID")).collect();
    let (from, to) = (utc(11, "090000"), utc(11, "100000"));
    let change = format!(
        "BEGIN:VEVENT\r\n{uid}DTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:{from}\r\nDTSTART:{from}\r\nDTEND:{to}\r\n\
         STATUS:CANCELLED\r\nEND:VEVENT\r\nEND:VCALENDAR"
    );
    home.put("home", &name, text.replace("END:VCALENDAR", &change));
}

pub(super) fn move_it(home: &Home) {
    let (name, text) = block(home, false);
    home.put(
        "home",
        &name,
        text.replace("T090000Z", "T080000Z")
            .replace("T100000Z", "T090000Z"),
    );
}

fn cut_it_short(home: &Home) {
    let (name, text) = block(home, true);
    home.put(
        "home",
        &name,
        text.replace("FREQ=WEEKLY", "FREQ=WEEKLY;COUNT=2"),
    );
}

pub(super) fn end_it_early(home: &Home) {
    let (name, text) = block(home, true);
    let until = format!("FREQ=WEEKLY;UNTIL={}", utc(12, "090000"));
    home.put("home", &name, text.replace("FREQ=WEEKLY", &until));
}

fn make_it_weekly_no_more(home: &Home) {
    let (name, text) = block(home, true);
    let until = format!("FREQ=DAILY;UNTIL={}", utc(12, "090000"));
    home.put("home", &name, text.replace("FREQ=WEEKLY", &until));
}

fn make_it_shorter(home: &Home) {
    let (name, text) = block(home, false);
    let (from, to) = (utc(3, "100000"), utc(3, "090100"));
    home.put("home", &name, text.replace(&from, &to));
}

fn call_it_otherwise(home: &Home) {
    let (name, text) = block(home, false);
    home.put("home", &name, text.replace("Busy", "Mine"));
}

/// What somebody does to blocks.
pub(super) type Doing = fn(&Home);

#[test]
fn what_somebody_does_to_a_block_is_undone_unless_the_rule_leaves_it_so() {
    let (deleted, moved) = ("deleted = \"respect\"", "moved = \"respect\"");
    let cases: [(&str, Doing, bool); 20] = [
        ("", take_away, false),
        ("", take_one_out, false),
        ("", move_it, false),
        (deleted, take_away, true),
        (deleted, take_one_out, true),
        (deleted, move_it, false),
        (deleted, call_it_otherwise, false),
        (moved, take_away, false),
        (moved, take_one_out, false),
        (moved, cut_it_short, false),
        (moved, end_it_early, false),
        (moved, make_it_shorter, false),
        ("", end_it_early, false),
        ("", cancel_one, false),
        (deleted, cancel_one, true),
        (deleted, end_it_early, true),
        (deleted, make_it_weekly_no_more, false),
        (moved, move_it, true),
        (moved, call_it_otherwise, false),
        (
            "deleted = \"restore\"\nmoved = \"restore\"",
            take_away,
            false,
        ),
    ];
    for (rule, does, left) in cases {
        let home = in_step(rule);
        assert_eq!(stays(&home, does), left, "{rule}");
        // Once the event changes, its block shows what it is now.
        home.put("work", "one.ics", meeting_at("one", 5, 12));
        let before = home.files("work");
        home.put("work", "weekly.ics", weekly("weekly", 5));
        home.sync();
        assert_eq!(home.blocks("home").len(), 2, "{rule}");
        assert!(block(&home, false).1.contains(&utc(5, "120000")));
        assert!(!block(&home, true).1.contains("EXDATE"));
        assert_ne!(home.files("work"), before);
    }
}

#[test]
fn a_series_that_somebody_ended_stays_so_until_its_event_is_at_other_times() {
    let home = in_step("deleted = \"respect\"");
    // Two are left, and one of these is taken out.
    cut_it_short(&home);
    home.sync();
    home.sync_idle();
    assert_eq!(
        ends(&home),
        format!("RRULE:FREQ=WEEKLY;UNTIL={}", utc(11, "090000"))
    );
    take_one_out(&home);
    let again = |home: &Home| {
        home.sync();
        home.sync_idle();
        (ends(home), shows_on(home, 11))
    };
    assert_eq!(again(&home), (ends(&home), false));
    let last = home.expect(0, &["explain", "work", &day(18).to_string(), "--json"]);
    assert_eq!(last.json()["events"][0]["targets"][0]["why"], "left_so");
    // What its owner cancels, or calls otherwise, changes nothing of that; nor does what becomes of its block.
    let cancelled =
        weekly("weekly", 4).replace("RRULE", &format!("EXDATE:{}\r\nRRULE", utc(25, "090000")));
    home.put("work", "weekly.ics", cancelled);
    assert_eq!(again(&home), (ends(&home), false));
    assert!(ends(&home).contains("UNTIL"));
    call_both_otherwise(&home);
    assert_eq!(again(&home), (ends(&home), false));
    assert!(ends(&home).contains("UNTIL"));
    // Ended later, it ends then; with no end, it has none.
    let (name, text) = block(&home, true);
    let later = text.replace(
        &ends(&home),
        &format!("RRULE:FREQ=WEEKLY;UNTIL={}", utc(33, "080000")),
    );
    home.put("home", &name, &later);
    assert_eq!(again(&home), (ends(&home), false));
    assert!(ends(&home).contains(&utc(33, "080000")));
    home.put(
        "home",
        &name,
        later.replace(&ends(&home), "RRULE:FREQ=WEEKLY"),
    );
    assert_eq!(again(&home), ("RRULE:FREQ=WEEKLY".to_owned(), false));
}

/// How the block that repeats does so.
fn ends(home: &Home) -> String {
    let text = block(home, true).1;
    let rule = text.lines().find(|line| line.starts_with("RRULE")).unwrap();
    rule.to_owned()
}

#[test]
fn a_series_ends_where_somebody_ended_it_or_where_its_event_does() {
    let home = in_step("deleted = \"respect\"");
    let again = |home: &Home| {
        home.sync();
        home.sync_idle();
        ends(home)
    };
    // Where the event's own end is later, it ends before that; where it is earlier, with the event.
    end_it_early(&home);
    home.sync();
    let early = ends(&home);
    for (ended, is) in [
        (60, early.clone()),
        (7, "RRULE:FREQ=WEEKLY;UNTIL=".to_owned() + &utc(7, "090000")),
    ] {
        let until = format!("RRULE:FREQ=WEEKLY;UNTIL={}", utc(ended, "090000"));
        let event = weekly("weekly", 4).replace("RRULE:FREQ=WEEKLY", &until);
        home.put("work", "weekly.ics", event);
        assert_eq!(again(&home), is);
    }
    home.put("work", "weekly.ics", weekly("weekly", 4));
    assert_eq!(again(&home), early);
    // Where the event is at other times, all of it is back. Its own end is none of somebody's, whatever else they do to its block.
    let until = format!("RRULE:FREQ=WEEKLY;UNTIL={}", utc(61, "090000"));
    home.put(
        "work",
        "weekly.ics",
        weekly("weekly", 5).replace("RRULE:FREQ=WEEKLY", &until),
    );
    assert_eq!(again(&home), until);
    let (name, text) = block(&home, true);
    let line = format!("EXDATE:{}\r\nSUMMARY", utc(12, "090000"));
    home.put("home", &name, text.replacen("SUMMARY", &line, 1));
    home.put("work", "weekly.ics", weekly("weekly", 5));
    assert_eq!(again(&home), "RRULE:FREQ=WEEKLY");
    // Taken away altogether, what is left of it stays away.
    end_it_early(&home);
    home.sync();
    home.delete("home", &block(&home, true).0);
    home.sync();
    assert_eq!(home.blocks("home").len(), 1);
    home.sync_idle();
}

#[test]
fn a_block_that_somebody_moved_stays_there_whatever_it_is_to_say() {
    let home = in_step("moved = \"respect\"\nshow = \"title\"");
    let says = |home: &Home, word: &str, time: &str| {
        home.sync();
        home.sync_idle();
        let text = block(home, false).1;
        let is = |piece: &str| text.contains(piece);
        assert!(
            is(&format!("SUMMARY:{word}\r")) && is(&utc(3, time)),
            "{text}"
        );
        assert!(!is("VALARM"), "{text}");
    };
    // Whatever else they did to it is undone.
    move_it(&home);
    let (name, text) = block(&home, false);
    let alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT";
    let text = text.replace("Meeting", "Mine").replace("END:VEVENT", alarm);
    home.put("home", &name, text);
    says(&home, "Meeting", "080000");
    // Nor do other words of the event, or of the rule, put it back.
    home.put(
        "work",
        "one.ics",
        meeting("one", 3).replace("Meeting", "Talk"),
    );
    says(&home, "Talk", "080000");
    let config = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&config.replace("show = \"title\"", "title = \"Away\""));
    says(&home, "Away", "080000");
    let told = |calendar: &str| {
        let date = day(3).to_string();
        home.expect(0, &["explain", calendar, &date, "--json"])
            .json()
    };
    let target = &told("work")["events"][0]["targets"][0];
    let piece = &target["blocks"][0];
    assert_eq!(
        (&target["result"], &piece["moved"]),
        (&json!("shows"), &json!(true))
    );
    let block_there = &told("home")["blocks"][0];
    assert_eq!(piece["start"], block_there["start"]);
    assert!(block_there["wanted"] == true && block_there["why"].is_null());
    // Moved on, it stays there; moved back, it is where it was.
    let (name, text) = block(&home, false);
    let on = text
        .replace("T090000Z", "T120000Z")
        .replace("T080000Z", "T110000Z");
    home.put("home", &name, &on);
    says(&home, "Away", "110000");
    home.put(
        "home",
        &name,
        on.replace("T110000Z", "T090000Z")
            .replace("T120000Z", "T100000Z"),
    );
    says(&home, "Away", "090000");
    // An event that moves is shown where it is then, also if its block was moved meanwhile.
    move_it(&home);
    home.put("work", "one.ics", meeting_at("one", 3, 14));
    says(&home, "Away", "140000");
}

#[test]
fn whole_days_that_somebody_moved_stay_there() {
    let home = in_step("moved = \"respect\"");
    let whole = |from: i32| {
        format!(
            "DTSTART;VALUE=DATE:{}\nDURATION:P2D",
            day(from).strftime("%Y%m%d")
        )
    };
    home.put("work", "one.ics", event_with("one", &whole(3)));
    home.sync();
    let (name, text) = block(&home, false);
    let date = |from: i32| day(from).strftime("%Y%m%d").to_string();
    let moved = text.replace(&date(5), &date(6)).replace(&date(3), &date(4));
    home.put("home", &name, moved);
    home.sync();
    home.sync_idle();
    assert!(block(&home, false).1.contains(&date(6)));
}

fn call_both_otherwise(home: &Home) {
    for repeats in [false, true] {
        let (name, text) = block(home, repeats);
        home.put("home", &name, text.replace("Busy", "Mine"));
    }
}

/// Whether the block that repeats shows on that day.
fn shows_on(home: &Home, of_month: i32) -> bool {
    let hole = utc(of_month, "090000");
    !block(home, true).1.contains(&format!("EXDATE:{hole}"))
}

#[test]
fn what_was_taken_out_stays_out_whatever_else_is_done_to_its_block() {
    let does: [Doing; 3] = [
        |home| {
            let (name, text) = block(home, true);
            home.put("home", &name, text.replace("Busy", "Mine"));
        },
        |home| {
            let (name, text) = block(home, true);
            let (from, to) = (utc(4, "090000"), utc(4, "080000"));
            home.put("home", &name, text.replace(&from, &to));
        },
        |home| {
            let text = fs::read_to_string(home.config_file()).unwrap();
            home.configure(&format!("{text}title = \"Away\"\n"));
        },
    ];
    for (nth, does) in does.into_iter().enumerate() {
        let home = in_step("deleted = \"respect\"\n");
        take_one_out(&home);
        home.sync();
        does(&home);
        home.sync();
        home.sync_idle();
        let (_, text) = block(&home, true);
        assert!(
            !shows_on(&home, 11) && !text.contains("Mine"),
            "{nth}: {text}"
        );
        assert!(text.contains(&utc(4, "090000")), "{nth}: {text}");
        // Another one goes too; the first is put back; and all are back once the event is at another time.
        let line = format!("EXDATE:{}\r\nSUMMARY", utc(18, "090000"));
        let (name, text) = block(&home, true);
        home.put("home", &name, text.replacen("SUMMARY", &line, 1));
        home.sync();
        home.sync_idle();
        assert!(!shows_on(&home, 11) && !shows_on(&home, 18));
        let (name, text) = block(&home, true);
        let first = format!("EXDATE:{}\r\n", utc(11, "090000"));
        home.put("home", &name, text.replace(&first, ""));
        home.sync();
        home.sync_idle();
        assert!(shows_on(&home, 11) && !shows_on(&home, 18));
        home.put("work", "weekly.ics", weekly("weekly", 5));
        home.sync();
        assert!(!block(&home, true).1.contains("EXDATE"));
        home.put("work", "weekly.ics", weekly("weekly", 4));
        home.sync();
        assert!(!block(&home, true).1.contains("EXDATE"));
    }
}

#[test]
fn what_somebody_took_stays_away_while_its_event_cannot_be_read() {
    // By its words alone it is to be shown, and of an event that cannot be read nobody knows them.
    let home = in_step("deleted = \"respect\"\nnot_titles = [\"lunch\"]\n");
    take_away(&home);
    home.sync();
    home.sync_idle();
    let sound = home.files("work")["one.ics"].clone();
    let text = String::from_utf8(sound.clone()).unwrap();
    home.put("work", "one.ics", text.replace("DTSTART:", "DTSTART:x"));
    home.expect(5, &["sync"]);
    home.put("work", "one.ics", sound);
    home.sync();
    assert_eq!(home.blocks("home").len(), 1, "it came back");
}

/// How far ahead calsync looks, in days.
fn look_ahead(home: &Home, days: i32) {
    let text = fs::read_to_string(home.config_file()).unwrap();
    let text = text.split("[window]").next().unwrap().to_owned();
    home.configure(&format!("{text}[window]\nfuture_days = {days}\n"));
}

#[test]
fn what_somebody_took_stays_away_when_another_year_comes_into_view() {
    let weekends = "days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]\ndeleted = \"respect\"\n";
    for all in [false, true] {
        let home = Home::with(&["work", "home"]);
        home.configure_also("", &format!("{RULE}{weekends}"));
        look_ahead(&home, 30);
        let daily = weekly("daily", 4).replace("FREQ=WEEKLY", "FREQ=DAILY");
        home.put("work", "daily.ics", daily);
        home.sync();
        // A day that is none of a weekend, whatever today is.
        let taken = (11..14).find(|ahead| day(*ahead).weekday().to_monday_one_offset() < 6);
        let taken = utc(taken.unwrap(), "090000");
        let (name, text) = block(&home, true);
        match all {
            true => home.delete("home", &name),
            false => {
                let line = format!("EXDATE:{taken}\r\nSUMMARY");
                home.put("home", &name, text.replacen("SUMMARY", &line, 1));
            }
        }
        home.sync();
        home.sync_idle();
        look_ahead(&home, 400);
        home.sync();
        home.sync_idle();
        if all {
            assert_eq!(home.blocks("home").len(), 0);
            continue;
        }
        let (_, later) = block(&home, true);
        assert!(later.contains(&taken), "{later}");
        assert!(
            later.matches("EXDATE").count() > text.matches("EXDATE").count() + 50,
            "{later}"
        );
    }
}

#[test]
fn what_is_left_so_is_explained_as_it_stands() {
    let home = in_step("deleted = \"respect\"\nmoved = \"respect\"\n");
    take_one_out(&home);
    move_it(&home);
    home.sync();
    let told = |calendar: &str, of_month: i32| {
        let date = day(of_month).to_string();
        home.expect(0, &["explain", calendar, &date, "--json"])
            .json()
    };
    let result = |of_month: i32| {
        let events = told("work", of_month);
        let target = &events["events"][0]["targets"][0];
        (target["result"].clone(), target["why"].clone())
    };
    assert_eq!(result(4).0, "shows");
    assert_eq!(result(11), (json!("left_out"), json!("left_so")));
    assert_eq!(result(3).0, "shows");
    let out = &told("home", 11)["blocks"][0];
    assert!(out["stands"] == false && out["why"] == "left_so", "{out}");
    let moved = &told("home", 3)["blocks"][0];
    let start = moved["start"].as_str().unwrap();
    assert!(
        moved["stands"] == true && moved["wanted"] == true,
        "{moved}"
    );
    let at = day(3).at(8, 0, 0, 0).in_tz("UTC").unwrap().timestamp();
    assert_eq!(start.parse::<jiff::Timestamp>().unwrap(), at);
}

#[test]
fn what_nobody_wished_for_is_not_left_so() {
    let rule = "deleted = \"respect\"\nmoved = \"respect\"\n";
    let home = Home::with(&["work", "home"]);
    home.configure_also("", &format!("{RULE}{rule}"));
    for i in 0..12 {
        home.put(
            "work",
            &format!("{i}.ics"),
            meeting(&format!("u{i}"), 3 + i),
        );
    }
    home.sync();
    let all = || home.blocks("home");
    assert_eq!(all().len(), 12);
    // Some that are taken away are; all at once are not.
    let some: Vec<String> = all().into_keys().take(5).collect();
    for name in &some {
        home.delete("home", name);
    }
    home.sync();
    assert_eq!(all().len(), 7);
    home.configure(
        &fs::read_to_string(home.config_file())
            .unwrap()
            .replace("respect", "restore"),
    );
    home.sync();
    home.configure(
        &fs::read_to_string(home.config_file())
            .unwrap()
            .replace("restore", "respect"),
    );
    home.sync();
    for name in all().into_keys() {
        home.delete("home", &name);
    }
    home.put("home", "own.ics", meeting("own", 3));
    home.sync();
    assert_eq!(all().len(), 12);
    // Nor are those that are not in another place of the calendar.
    fs::create_dir(home.path("cal/new")).unwrap();
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace("~/cal/home", "~/cal/new"));
    home.run(&["sync"]);
    assert_eq!(home.blocks("new").len(), 12);
}

#[test]
fn a_hole_of_the_event_is_nobodys_even_if_it_closes_meanwhile() {
    let home = in_step("deleted = \"respect\"\n");
    let whole = weekly("weekly", 4);
    let hole = format!("EXDATE:{}\nSUMMARY", utc(18, "090000"));
    home.put("work", "weekly.ics", whole.replace("SUMMARY", &hole));
    home.sync();
    assert!(shows_on(&home, 11) && !shows_on(&home, 18));
    take_one_out(&home);
    home.put("work", "weekly.ics", &whole);
    home.sync();
    home.sync_idle();
    assert!(!shows_on(&home, 11) && shows_on(&home, 18));
}

#[test]
fn all_blocks_at_once_are_nobodys_wish() {
    let home = in_step("deleted = \"respect\"\n");
    home.put("work", "two.ics", meeting("two", 5));
    home.sync();
    for name in home.blocks("home").into_keys() {
        home.delete("home", &name);
    }
    home.put("home", "own.ics", meeting("own", 3));
    home.sync();
    assert_eq!(home.blocks("home").len(), 3);
}

#[test]
fn a_long_series_that_ends_early_is_not_one_that_moved() {
    let home = Home::with(&["work", "home"]);
    home.configure_also("", &format!("{RULE}moved = \"respect\"\n"));
    let series = format!(
        "DTSTART:20240101T090000Z\nDTEND:20240101T100000Z\nRRULE:FREQ=DAILY;UNTIL={}",
        utc(60, "090000")
    );
    home.put("work", "daily.ics", event_with("daily", &series));
    home.sync();
    let (name, right) = block(&home, true);
    for (from, to, is_left) in [
        (utc(60, "090000"), utc(20, "090000"), false),
        ("T090000Z".to_owned(), "T083000Z".to_owned(), true),
    ] {
        let edited = right.replace(&from, &to).replace("T100000Z", "T093000Z");
        let edited = if is_left {
            edited
        } else {
            right.replace(&from, &to)
        };
        home.put("home", &name, &edited);
        home.sync();
        let is = block(&home, true).1;
        let is_as = |text: &str| is.replace(&stamp(&is), "") == text.replace(&stamp(text), "");
        assert!(is_as(if is_left { &edited } else { &right }), "{is}");
    }
}

/// The line that says when a block was written.
fn stamp(text: &str) -> String {
    let mut lines = text.lines();
    lines
        .find(|line| line.starts_with("DTSTAMP"))
        .unwrap()
        .to_owned()
}

#[test]
fn what_a_run_that_was_cut_off_took_away_comes_back() {
    let rule = "deleted = \"respect\"\nmoved = \"respect\"\n";
    for signal in [Signal::HUP, Signal::KILL] {
        for nth in 0..5 {
            let home = Home::with(&["work", "home"]);
            home.configure_also("", &format!("{RULE}{rule}"));
            for i in 0..60 {
                home.put(
                    "work",
                    &format!("{i}.ics"),
                    meeting(&format!("u{i}"), 3 + i % 20),
                );
            }
            home.sync();
            let before = home.blocks("home");
            let mut reset = home.command(&["reset", "--all", "--yes", "--quiet"]);
            let mut reset = reset.stderr(Stdio::null()).spawn().unwrap();
            wait_until("some are gone", || {
                home.blocks("home").len() < 55 - 10 * nth
            });
            let pid = Pid::from_child(&reset);
            rustix::process::kill_process(pid, signal).unwrap();
            reset.wait().unwrap();
            home.run(&["sync"]);
            let after = home.blocks("home");
            assert!(after.keys().eq(before.keys()), "{signal:?} {nth}");
        }
    }
}

#[test]
fn a_hole_that_somebody_fills_is_dug_again() {
    let home = in_step("deleted = \"respect\"");
    let hole = format!("EXDATE:{}\nSUMMARY", utc(11, "090000"));
    home.put(
        "work",
        "weekly.ics",
        weekly("weekly", 4).replace("SUMMARY", &hole),
    );
    home.sync();
    let (name, text) = block(&home, true);
    assert!(text.contains("EXDATE"));
    let filled: String = text
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("EXDATE"))
        .collect();
    home.put("home", &name, filled);
    home.sync();
    assert!(block(&home, true).1.contains("EXDATE"));
}

#[test]
fn what_is_left_so_is_told_and_ends_with_the_rule_or_the_state() {
    let home = in_step("deleted = \"respect\"");
    assert!(stays(&home, take_away));
    let date = day(3).to_string();
    home.expect(0, &["explain", "work", &date])
        .shows(&["leaves that so (`deleted`)"]);
    let told = home.expect(0, &["explain", "work", &date, "--json"]).json();
    assert!(told.to_string().contains("left_so"), "{told}");
    home.expect(0, &["rules"]).shows(&["deleted = respect"]);
    let text = fs::read_to_string(home.config_file()).unwrap();
    // What the rule says of blocks brings none back.
    home.configure(&format!("{text}colour = \"sage\"\n"));
    home.sync();
    assert_eq!(home.blocks("home").len(), 1);
    home.configure(&text.replace("\"respect\"", "\"restore\""));
    home.sync();
    assert_eq!(home.blocks("home").len(), 2);
    home.configure(&text);
    assert!(stays(&home, take_away));
    home.lose_state();
    home.sync();
    assert_eq!(home.blocks("home").len(), 2);
    home.configure(&text.replace("\"respect\"", "\"respekt\""));
    home.expect(3, &["check"])
        .says(&["did you mean `respect`?"]);
}

#[test]
fn what_somebody_takes_away_at_google_stays_away_if_the_rule_leaves_it_so() {
    for (rule, left) in [("", false), ("deleted = \"respect\"", true)] {
        let fake = FakeGoogle::start();
        let home = Home::with_google(&fake, "work", "home", &format!("{RULE}{rule}"));
        home.expect(0, &["auth", "add", "mine"]);
        home.put("work", "one.ics", meeting("one", 3));
        home.put("work", "weekly.ics", weekly("weekly", 4));
        home.sync();
        let ids = |repeats: bool| {
            let events = fake.events(ME);
            let of = events.iter().filter(|event| {
                event["recurrence"].is_array() == repeats && event["recurringEventId"].is_null()
            });
            of.map(|event| event["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let (single, series) = (ids(false), ids(true));
        fake.cancel(ME, &single[0]);
        let at = format!("{}T09:00:00Z", day(11));
        let gone = fake.instance_id(ME, &series[0], &json!({"dateTime": at}));
        fake.cancel(ME, &gone);
        for _ in 0..2 {
            home.sync();
            home.sync_idle();
            assert_eq!(ids(false).is_empty(), left, "{rule}");
            assert_eq!(ids(true) == series, left, "{rule}");
            // The same by a listing of everything.
            home.expect(0, &["sync", "--full"]);
        }
        // Nor does it come back when the block is to say something else.
        let text = fs::read_to_string(home.config_file()).unwrap();
        home.configure(&text.replace("deleted =", "title = \"Away\"\ndeleted ="));
        home.sync();
        home.sync_idle();
        let spans = fake.occurrences(ME);
        let starts = spans.iter().map(|span| span.instants(&TimeZone::UTC).0);
        let at = day(11).at(9, 0, 0, 0).in_tz("UTC").unwrap().timestamp();
        assert!(spans.len() > 1 && starts.clone().any(|start| start > at));
        assert_eq!(!starts.clone().any(|start| start == at), left);
        if left {
            let words = serde_json::to_string(&fake.events(ME)).unwrap();
            assert!(words.contains("Away"));
        }
        // Nor do "this and all following" events.
        let id = ids(true).remove(0);
        let until = format!("RRULE:FREQ=WEEKLY;UNTIL={}", utc(24, "235959"));
        let ended = json!({"recurrence": [until]});
        fake.alter(ME, &id, ended);
        home.sync();
        home.sync_idle();
        home.expect(0, &["sync", "--full"]);
        let late = day(25).at(0, 0, 0, 0).in_tz("UTC").unwrap().timestamp();
        let spans = fake.occurrences(ME);
        let mut starts = spans.iter().map(|span| span.instants(&TimeZone::UTC).0);
        assert_eq!(!starts.any(|start| start > late), left);
    }
}

#[test]
fn a_series_that_somebody_moved_over_midnight_is_told_of_on_both_days() {
    let home = in_step("moved = \"respect\"");
    let (name, text) = block(&home, true);
    // Home is an hour ahead at least.
    let moved = text.replace(&utc(4, "090000"), &utc(4, "223000"));
    home.put(
        "home",
        &name,
        moved.replace(&utc(4, "100000"), &utc(4, "233000")),
    );
    home.sync();
    home.sync_idle();
    let on = |days: i32| {
        let date = day(days).to_string();
        let told = home.expect(0, &["explain", "home", &date, "--json"]).json();
        told["blocks"].as_array().unwrap().len()
    };
    let (first, second) = (on(4) + on(11), on(5) + on(12));
    // In winter the whole of it lies behind midnight.
    assert!(second == 2 && [0, 2].contains(&first), "{first} {second}");
}

#[test]
fn a_series_that_somebody_moved_is_explained_where_it_stands() {
    let home = in_step("moved = \"respect\"");
    let (name, text) = block(&home, true);
    let moved = text
        .replace("T090000", "T063000")
        .replace("T100000", "T073000");
    home.put("home", &name, &moved);
    home.sync();
    home.sync_idle();
    for days in [4, 11] {
        let told = |calendar: &str| {
            let date = day(days).to_string();
            home.expect(0, &["explain", calendar, &date, "--json"])
                .json()
        };
        let target = &told("work")["events"][0]["targets"][0];
        let piece = &target["blocks"][0];
        assert_eq!(target["result"], "shows");
        assert_eq!(
            (&piece["stands"], &piece["moved"]),
            (&json!(true), &json!(true))
        );
        let at = day(days).at(6, 30, 0, 0).in_tz("UTC").unwrap().timestamp();
        let there = &told("home")["blocks"][0];
        assert_eq!(
            (&there["stands"], &there["wanted"]),
            (&json!(true), &json!(true))
        );
        for block in [piece, there] {
            let start: jiff::Timestamp = block["start"].as_str().unwrap().parse().unwrap();
            assert_eq!(start, at);
        }
    }
}
