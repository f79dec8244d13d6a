//! What somebody took away stays away, in whichever block it would show by then, and whatever came between.

use std::fs;

use serde_json::json;

use super::respected::{
    Doing, RULE, block, cancel_one, end_it_early, in_step, move_it, take_away, take_one_out,
};
use crate::support::{
    google::FakeGoogle,
    program::{Home, ME, calendar, day, meeting, utc, weekly},
};

const TITLES: &str = "show = \"title\"\ndeleted = \"respect\"\n";

/// The weekly meeting, of which one says something of its own.
fn weekly_but(ahead: i32, says: &str) -> String {
    let series = weekly("weekly", 4);
    let from = utc(ahead, "090000");
    let events = series.split_once("BEGIN:VEVENT").unwrap().1;
    let (event, _) = events.split_once("END:VCALENDAR").unwrap();
    calendar(&format!(
        "BEGIN:VEVENT{event}BEGIN:VEVENT\nUID:weekly\nDTSTAMP:20260101T000000Z\nRECURRENCE-ID:{from}\n{says}\nEND:VEVENT"
    ))
}

/// That one, at its own time, in other words.
fn called_otherwise(ahead: i32) -> String {
    let from = utc(ahead, "090000");
    weekly_but(
        ahead,
        &format!("DTSTART:{from}\nDURATION:PT1H\nSUMMARY:Retreat"),
    )
}

/// Whether a block shows the weekly meeting of that day.
fn shows_on(home: &Home, ahead: i32) -> bool {
    let from = utc(ahead, "090000");
    let blocks = home.blocks("home").into_values();
    let mut texts = blocks.map(|text| String::from_utf8(text).unwrap());
    texts.any(|text| match text.contains("RRULE") {
        true => {
            let until = text.split("UNTIL=").nth(1).and_then(|rest| rest.get(..8));
            let is_over = until.is_some_and(|until| until.as_bytes() < &from.as_bytes()[..8]);
            let is_out = |key: &str| text.contains(&format!("{key}:{from}"));
            !is_over && !is_out("EXDATE") && !is_out("RECURRENCE-ID")
        }
        false => text.contains(&format!("DTSTART:{from}")),
    })
}

/// Runs until nothing is to do.
fn settle(home: &Home) {
    home.sync();
    home.sync_idle();
}

fn take_the_series(home: &Home) {
    home.delete("home", &block(home, true).0);
}

#[test]
fn what_somebody_took_out_stays_out_when_it_is_called_otherwise() {
    let cases: [(Doing, i32, &[i32]); 4] = [
        (take_one_out, 11, &[4, 18]),
        (cancel_one, 11, &[4, 18]),
        (end_it_early, 18, &[4, 11]),
        (take_the_series, 11, &[]),
    ];
    for (does, out, others) in cases {
        let private = called_otherwise(out).replace("Retreat", "Weekly\r\nCLASS:PRIVATE");
        for words in [called_otherwise(out), private] {
            // With a run between, and without: what they did is seen together with the new words.
            for at_once in [false, true] {
                let home = in_step(TITLES);
                does(&home);
                if !at_once {
                    settle(&home);
                }
                stays_out_by_any_name(&home, out, others, &words);
            }
        }
    }
}

fn stays_out_by_any_name(home: &Home, out: i32, others: &[i32], words: &str) {
    let renamed = words.replace("Retreat", "Outing");
    for text in [words, &renamed, &weekly("weekly", 4), words] {
        home.put("work", "weekly.ics", text);
        settle(home);
        assert!(!shows_on(home, out), "{text}");
        assert!(others.iter().all(|day| shows_on(home, *day)), "{text}");
        let date = day(out).to_string();
        let told = home.expect(0, &["explain", "work", &date, "--json"]);
        let target = &told.json()["events"][0]["targets"][0];
        assert_eq!(target["why"], "left_so", "{text}: {target}");
    }
    // At another time it is another one.
    let start = |time: &str| format!("DTSTART:{}", utc(out, time));
    let later = words.replace(&start("090000"), &start("150000"));
    home.put("work", "weekly.ics", later);
    settle(home);
    let blocks = home.blocks("home").into_values();
    let mut texts = blocks.map(|text| String::from_utf8(text).unwrap());
    assert!(texts.any(|text| text.contains(&start("150000"))));
}

#[test]
fn a_block_that_somebody_took_away_stays_so_when_its_series_takes_it_in() {
    let home = in_step(TITLES);
    home.put("work", "weekly.ics", called_otherwise(11));
    home.sync();
    let is_it = |text: &[u8]| String::from_utf8_lossy(text).contains("Retreat");
    let blocks = home.blocks("home");
    let (name, _) = blocks.iter().find(|(_, text)| is_it(text)).unwrap();
    home.delete("home", name);
    settle(&home);
    let config = fs::read_to_string(home.config_file()).unwrap();
    // The rule shows no words any more, and then again; the event has none of its own, and then again.
    home.configure(&config.replace("\"title\"", "\"busy\""));
    settle(&home);
    assert!(!shows_on(&home, 11) && shows_on(&home, 18));
    home.configure(&config);
    settle(&home);
    assert!(!shows_on(&home, 11) && shows_on(&home, 18));
    home.put("work", "weekly.ics", weekly("weekly", 4));
    settle(&home);
    assert!(!shows_on(&home, 11) && shows_on(&home, 18));
    // Whoever puts it back has it back.
    let (name, text) = block(&home, true);
    let line = format!("EXDATE:{}\r\n", utc(11, "090000"));
    home.put("home", &name, text.replace(&line, ""));
    settle(&home);
    assert!(shows_on(&home, 11));
    home.put("work", "weekly.ics", called_otherwise(11));
    settle(&home);
    assert!(shows_on(&home, 11));
}

#[test]
fn what_was_moved_onto_another_occurrence_stays_away_by_itself() {
    let home = in_step(TITLES);
    let onto = format!(
        "DTSTART:{}\nDURATION:PT1H\nSUMMARY:Retreat",
        utc(18, "090000")
    );
    home.put("work", "weekly.ics", weekly_but(11, &onto));
    home.sync();
    let blocks = home.blocks("home");
    let is_it = |text: &[u8]| String::from_utf8_lossy(text).contains("Retreat");
    let (name, _) = blocks.iter().find(|(_, text)| is_it(text)).unwrap();
    home.delete("home", name);
    settle(&home);
    assert_eq!(home.blocks("home").len(), blocks.len() - 1);
    assert!(shows_on(&home, 18) && !shows_on(&home, 11));
}

#[test]
fn what_somebody_took_out_at_google_stays_out_when_it_is_called_otherwise() {
    let fake = FakeGoogle::start();
    let home = Home::with_google(&fake, "work", "home", &format!("{RULE}{TITLES}"));
    home.expect(0, &["auth", "add", "mine"]);
    home.put("work", "weekly.ics", weekly("weekly", 4));
    home.sync();
    let series = fake.events(ME)[0]["id"].as_str().unwrap().to_owned();
    let at = format!("{}T09:00:00Z", day(11));
    let gone = fake.instance_id(ME, &series, &json!({"dateTime": at}));
    fake.cancel(ME, &gone);
    settle(&home);
    for file in [
        called_otherwise(11),
        weekly("weekly", 4),
        called_otherwise(11),
    ] {
        home.put("work", "weekly.ics", file);
        settle(&home);
        home.expect(0, &["sync", "--full"]);
        let at = day(11).at(9, 0, 0, 0).in_tz("UTC").unwrap().timestamp();
        let spans = fake.occurrences(ME);
        let mut starts = spans
            .iter()
            .map(|span| span.instants(&jiff::tz::TimeZone::UTC).0);
        assert!(!starts.any(|start| start == at));
        assert!(spans.len() > 2);
    }
}

/// A change of the event or of the configuration, and the way back.
type Change = (&'static str, fn(&Home, bool));

fn event_says(home: &Home, from: &str, to: &str, is_on: bool) {
    let text = weekly("weekly", 4);
    let text = if is_on { text.replace(from, to) } else { text };
    home.put("work", "weekly.ics", text);
}

fn config_says(home: &Home, from: &str, to: &str, is_on: bool) {
    let text = fs::read_to_string(home.config_file()).unwrap();
    let (from, to) = if is_on { (from, to) } else { (to, from) };
    assert!(text.contains(from), "{text}");
    home.configure(&text.replace(from, to));
}

const CHANGES: [Change; 9] = [
    ("title", |home, is_on| {
        event_says(home, "Weekly", "Retreat", is_on);
    }),
    ("private", |home, is_on| {
        event_says(home, "SUMMARY", "CLASS:PRIVATE\r\nSUMMARY", is_on);
    }),
    ("count", |home, is_on| {
        event_says(home, "FREQ=WEEKLY", "FREQ=WEEKLY;COUNT=9", is_on);
    }),
    ("cancelled day", |home, is_on| {
        let line = format!("EXDATE:{}\r\nSUMMARY", utc(25, "090000"));
        event_says(home, "SUMMARY", &line, is_on);
    }),
    ("free", |home, is_on| {
        event_says(home, "SUMMARY", "TRANSP:TRANSPARENT\r\nSUMMARY", is_on);
    }),
    ("filter", |home, is_on| {
        config_says(
            home,
            "deleted =",
            "not_titles = [\"week\"]\ndeleted =",
            is_on,
        );
    }),
    ("rule", |home, is_on| {
        config_says(
            home,
            "from = \"work\"\nto = \"home\"",
            "from = \"home\"\nto = \"work\"",
            is_on,
        );
    }),
    ("words", |home, is_on| {
        config_says(home, "\"title\"", "\"busy\"", is_on);
    }),
    ("category", |home, is_on| {
        config_says(home, "deleted =", "category = \"Work\"\ndeleted =", is_on);
    }),
];

#[test]
fn what_somebody_took_out_is_told_from_what_changed_in_the_same_minutes() {
    let cases: [(Doing, i32); 3] = [(take_one_out, 11), (cancel_one, 11), (end_it_early, 18)];
    for (does, out) in cases {
        for (what, change) in CHANGES {
            let home = in_step(TITLES);
            does(&home);
            for is_on in [true, false, true, false] {
                change(&home, is_on);
                settle(&home);
                assert!(!shows_on(&home, out), "{what} {is_on}");
            }
            assert!(
                shows_on(&home, 4) && shows_on(&home, if out == 11 { 18 } else { 11 }),
                "{what}"
            );
        }
    }
}

#[test]
fn what_somebody_puts_back_just_as_it_was_is_back() {
    let cases: [(Doing, i32); 3] = [(take_one_out, 11), (cancel_one, 11), (end_it_early, 18)];
    for (does, out) in cases {
        let home = in_step(TITLES);
        let (name, text) = block(&home, true);
        does(&home);
        settle(&home);
        assert!(!shows_on(&home, out));
        home.put("home", &name, &text);
        settle(&home);
        assert!(shows_on(&home, out) && block(&home, true).1 == text);
    }
}

#[test]
fn whoever_takes_a_block_away_says_nothing_of_what_it_did_not_show() {
    // Of a daily meeting, nothing but one day of the week shows.
    let weekday = |ahead: i32| {
        let name = day(ahead).strftime("%a").to_string().to_lowercase();
        format!("days = [\"{name}\"]\n")
    };
    let home = Home::with(&["work", "home"]);
    home.configure_also("", &format!("{RULE}{}{TITLES}", weekday(11)));
    let daily = weekly("daily", 4).replace("WEEKLY", "DAILY");
    home.put("work", "daily.ics", daily);
    home.sync();
    take_the_series(&home);
    settle(&home);
    assert!(home.blocks("home").is_empty());
    // Another reason to leave out more of it changes nothing; but what shows then for the first time, nobody took away.
    config_says(&home, "deleted =", "longest = \"2h\"\ndeleted =", true);
    settle(&home);
    assert!(home.blocks("home").is_empty());
    config_says(&home, &weekday(11), "", true);
    settle(&home);
    assert!(shows_on(&home, 12));
}

#[test]
fn what_was_refused_forgets_nothing() {
    for left in [0, 1] {
        let home = in_step(TITLES);
        for nth in 5..20 {
            home.put(
                "work",
                &format!("{nth}.ics"),
                meeting(&nth.to_string(), nth),
            );
        }
        home.sync();
        let blocks = home.blocks("home");
        let of = utc(7, "090000");
        let is_it = |text: &[u8]| String::from_utf8_lossy(text).contains(&format!("DTSTART:{of}"));
        let (name, _) = blocks.iter().find(|(_, text)| is_it(text)).unwrap();
        home.delete("home", name);
        settle(&home);
        let files = home.files("work");
        for name in files.keys().skip(left) {
            home.delete("work", name);
        }
        home.expect(6, &["sync"]);
        for (name, text) in files {
            home.put("work", &name, text);
        }
        settle(&home);
        assert_eq!(home.blocks("home").len(), blocks.len() - 1);
    }
}

#[test]
fn a_meeting_that_somebody_took_away_stays_so_by_whichever_calendar() {
    let home = Home::with(&["work", "club", "home"]);
    let rule =
        |from: &str| format!("[[rules]]\nfrom = [{from}]\nto = \"home\"\ndeleted = \"respect\"\n");
    home.configure_also("", &rule("\"work\", \"club\""));
    for calendar in ["work", "club"] {
        home.put(calendar, "one.ics", meeting("one", 3));
        home.put(calendar, "weekly.ics", weekly("weekly", 4));
    }
    home.sync();
    for name in home.blocks("home").into_keys() {
        home.delete("home", &name);
    }
    let are_told = || {
        for (calendar, ahead) in [("work", 3), ("club", 3), ("work", 4), ("club", 11)] {
            let date = day(ahead).to_string();
            let told = home.expect(0, &["explain", calendar, &date, "--json"]);
            let target = &told.json()["events"][0]["targets"][0];
            assert_eq!(target["why"], "left_so", "{calendar}: {target}");
        }
    };
    settle(&home);
    are_told();
    config_says(&home, "\"work\", \"club\"", "\"club\", \"work\"", true);
    settle(&home);
    assert!(home.blocks("home").is_empty());
    are_told();
    // At another time it is another one.
    home.put("club", "one.ics", meeting("one", 5));
    settle(&home);
    assert_eq!(home.blocks("home").len(), 1);
}

#[test]
fn what_somebody_takes_out_of_a_series_that_they_moved_stays_out() {
    let ways: [Doing; 2] = [
        |home| {
            let (name, text) = block(home, true);
            let line = format!("EXDATE:{}\r\nSUMMARY", utc(11, "063000"));
            home.put("home", &name, text.replacen("SUMMARY", &line, 1));
        },
        |home| {
            cancel_one(home);
            let (name, text) = block(home, true);
            let (old, new) = (utc(11, "090000"), utc(11, "063000"));
            let (old_end, new_end) = (utc(11, "100000"), utc(11, "073000"));
            home.put(
                "home",
                &name,
                text.replace(&old, &new).replace(&old_end, &new_end),
            );
        },
    ];
    for does in ways {
        for at_once in [false, true] {
            let home = in_step(&format!("{TITLES}moved = \"respect\"\n"));
            let (name, text) = block(&home, true);
            let text = text
                .replace("T090000", "T063000")
                .replace("T100000", "T073000");
            home.put("home", &name, text);
            if !at_once {
                settle(&home);
            }
            does(&home);
            settle(&home);
            let (_, text) = block(&home, true);
            assert!(text.contains(&utc(4, "063000")), "{at_once} {text}");
            for calendar in ["work", "home"] {
                let date = day(11).to_string();
                let told = home.expect(0, &["explain", calendar, &date]).stdout;
                assert!(told.contains("somebody took its block away"), "{told}");
                let date = day(18).to_string();
                let told = home
                    .expect(0, &["explain", calendar, &date, "--json"])
                    .json();
                let block = match calendar {
                    "work" => &told["events"][0]["targets"][0]["blocks"][0],
                    _ => &told["blocks"][0],
                };
                let start: jiff::Timestamp = block["start"].as_str().unwrap().parse().unwrap();
                let at = day(18).at(6, 30, 0, 0).in_tz("UTC").unwrap().timestamp();
                assert!(start == at && block["stands"] == true, "{told}");
            }
            // It goes back to where it was when it is to say something else, but for that.
            home.put(
                "work",
                "weekly.ics",
                weekly("weekly", 4).replace("Weekly", "Retreat"),
            );
            settle(&home);
            assert!(shows_on(&home, 4) && !shows_on(&home, 11) && shows_on(&home, 18));
        }
    }
}

/// Takes the blocks away by other means than anybody's hand, or gives them back.
type Way<'a> = &'a dyn Fn(&Home, bool);

/// Where a meeting stands that somebody moved, and whether the weekly one has its hole.
fn is_as_left(home: &Home) -> bool {
    let moved = block(home, false).1.contains(&utc(3, "080000"));
    moved && !shows_on(home, 11) && shows_on(home, 18)
}

#[test]
fn what_somebody_did_outlasts_the_block() {
    let both = "deleted = \"respect\"\nmoved = \"respect\"\n";
    let free = |home: &Home, is_free: bool| {
        for (name, text) in [
            ("one.ics", meeting("one", 3)),
            ("weekly.ics", weekly("weekly", 4)),
        ] {
            let line = if is_free {
                "TRANSP:TRANSPARENT\r\nSUMMARY"
            } else {
                "SUMMARY"
            };
            home.put("work", name, text.replace("SUMMARY", line));
        }
    };
    let filter = |home: &Home, is_on: bool| {
        let text = fs::read_to_string(home.config_file()).unwrap();
        let line = "titles = [\"nothing\"]\ndeleted =";
        home.configure(&match is_on {
            true => text.replace("deleted =", line),
            false => text.replace(line, "deleted ="),
        });
    };
    let same = |home: &Home, is_there: bool| {
        for (name, text) in [
            ("one.ics", meeting("one", 3)),
            ("weekly.ics", weekly("weekly", 4)),
        ] {
            match is_there {
                true => home.put("home", name, text),
                false => home.delete("home", name),
            }
        }
    };
    let ways: [Way<'_>; 3] = [&free, &filter, &same];
    for (nth, way) in ways.into_iter().enumerate() {
        let home = in_step(both);
        move_it(&home);
        take_one_out(&home);
        settle(&home);
        assert!(is_as_left(&home));
        for _ in 0..2 {
            way(&home, true);
            home.expect(0, &["sync", "--allow-mass-delete"]);
            assert_eq!(home.blocks("home").len(), 0, "{nth}");
            home.sync_idle();
            way(&home, false);
            settle(&home);
            assert!(is_as_left(&home), "{nth}");
        }
        // Not a reset, which begins anew.
        take_away(&home);
        settle(&home);
        home.expect(0, &["reset", "--calendar", "home", "--yes"]);
        settle(&home);
        assert!(block(&home, false).1.contains(&utc(3, "090000")) && shows_on(&home, 11));
    }
}

#[test]
fn a_rule_that_leaves_nothing_so_forgets_what_was_left_so() {
    let home = in_step("deleted = \"respect\"\nmoved = \"respect\"\n");
    move_it(&home);
    take_one_out(&home);
    settle(&home);
    let config = fs::read_to_string(home.config_file()).unwrap();
    let nothing = config.replace("deleted =", "titles = [\"nothing\"]\ndeleted =");
    for text in [
        &nothing,
        &nothing.replace("\"respect\"", "\"restore\""),
        &config,
    ] {
        home.configure(text);
        home.expect(0, &["sync", "--allow-mass-delete"]);
    }
    assert!(block(&home, false).1.contains(&utc(3, "090000")) && shows_on(&home, 11));
}

#[test]
fn what_somebody_took_away_stays_away_when_rules_come_and_go() {
    let home = in_step("deleted = \"respect\"");
    take_away(&home);
    take_one_out(&home);
    home.sync();
    let config = fs::read_to_string(home.config_file()).unwrap();
    let before = home.blocks("home");
    let (plain, _) = config.split_once("[[rules]]").unwrap();
    let other = format!("{plain}[[rules]]\nfrom = \"home\"\nto = \"work\"\n");
    for without in [
        config.replace("deleted =", "titles = [\"weekly\"]\ndeleted ="),
        other,
    ] {
        home.configure(&without);
        home.run(&["sync"]);
        home.configure(&config);
        home.sync();
        home.sync_idle();
        let singles = home.blocks("home").into_values();
        let mut singles = singles.filter(|text| !String::from_utf8_lossy(text).contains("RRULE"));
        assert!(singles.next().is_none());
    }
    assert_eq!(home.blocks("home").len(), before.len());
    // An event that was gone is another one when it comes back.
    home.delete("work", "one.ics");
    home.sync();
    home.put("work", "one.ics", meeting("one", 3));
    home.sync();
    assert_eq!(home.blocks("home").len(), 2);
}
