//! Words that no rule shows any more go in the next run, also from blocks that may not go themselves.

use std::{collections::BTreeSet, fs};

use jiff::tz::TimeZone;

use crate::support::{
    dav::house::House,
    google::FakeGoogle,
    program::{Home, ME, day, event_with, meeting, utc, weekly},
};

const RULE: &str = "[[rules]]\nfrom = \"work\"\nto = \"home\"\n";

/// Events of all shapes, more than the guard lets go at once.
fn put_many(home: &Home) {
    for nth in 3..15 {
        home.put(
            "work",
            &format!("{nth}.ics"),
            meeting(&nth.to_string(), nth),
        );
    }
    let but_one = format!("RRULE:FREQ=WEEKLY\nEXDATE:{}", utc(11, "090000"));
    let series = weekly("weekly", 4).replace("RRULE:FREQ=WEEKLY", &but_one);
    home.put("work", "weekly.ics", series.replace("Weekly", "Meeting"));
    let date = day(5).strftime("%Y%m%d");
    let whole = format!("DTSTART;VALUE=DATE:{date}\nDURATION:P2D\nSUMMARY:Meeting");
    home.put("work", "days.ics", event_with("days", &whole));
}

/// What blocks are but for their words: when they are.
fn times(blocks: &[String]) -> BTreeSet<String> {
    let lines = blocks.iter().flat_map(|text| text.lines());
    let of_time = lines.filter(|line| line.starts_with("DT") || line.contains("RRULE"));
    of_time
        .filter(|line| !line.starts_with("DTSTAMP"))
        .map(str::to_owned)
        .collect()
}

fn texts(files: impl IntoIterator<Item = Vec<u8>>) -> Vec<String> {
    let texts = files.into_iter();
    texts.map(|text| String::from_utf8(text).unwrap()).collect()
}

/// Changes of the rules, or of what they show, after which the guard lets none of the blocks go, and none may have words.
fn changes(config: &str) -> Vec<(String, bool)> {
    let busy = config.replace("show = \"title\"", "titles = [\"nothing\"]");
    let (plain, _) = config.split_once("[[rules]]").unwrap();
    let other = format!("{plain}[[rules]]\nfrom = \"home\"\nto = \"work\"\n");
    let emptied = config.replace("show = \"title\"\n", "");
    vec![(busy, false), (other, false), (emptied, true)]
}

#[test]
fn words_go_from_what_the_guard_holds_back() {
    for served in [false, true] {
        for nth in 0..3 {
            let house = served.then(|| House::with(&["work"], &["home"]));
            let folders = (!served).then(|| Home::with(&["work", "home"]));
            let home = house
                .as_ref()
                .map_or_else(|| folders.as_ref().unwrap(), |h| &h.home);
            let blocks = || match &house {
                Some(house) => texts(house.blocks("home").into_values()),
                None => texts(home.blocks("home").into_values()),
            };
            home.configure_also("", &format!("{RULE}show = \"title\"\n"));
            put_many(home);
            home.sync();
            let before = blocks();
            assert!(before.iter().all(|text| text.contains("SUMMARY:Meeting")));
            let config = fs::read_to_string(home.config_file()).unwrap();
            let (changed, is_emptied) = changes(&config).swap_remove(nth);
            home.configure(&changed);
            let files = home.files("work");
            if is_emptied {
                for name in files.keys() {
                    home.delete("work", name);
                }
            }
            let told = home.expect(6, &["sync", "--json"]).json();
            assert_eq!(told["updated"], before.len(), "{told}");
            let hushed = blocks();
            assert!(hushed.iter().all(|text| text.contains("SUMMARY:Busy")));
            assert!(!hushed.concat().contains("Meeting"));
            assert_eq!(times(&hushed), times(&before));
            // Nothing is written twice, and nothing of it is forgotten: it goes as soon as it may, or says what it said.
            let again = home.expect(6, &["sync", "--json"]).json();
            assert_eq!(again["updated"], 0, "{again}");
            assert_eq!(blocks(), hushed);
            if is_emptied {
                for (name, text) in files {
                    home.put("work", &name, text);
                }
            }
            home.configure(&config);
            home.sync();
            home.sync_idle();
            assert_eq!(times(&blocks()), times(&before));
            assert!(blocks().iter().all(|text| text.contains("SUMMARY:Meeting")));
            home.configure(&changed);
            if !is_emptied {
                home.run(&["sync"]);
                home.expect(0, &["sync", "--allow-mass-delete"]);
                assert_eq!(blocks().len(), 0);
            }
        }
    }
}

#[test]
fn words_go_from_what_google_keeps_and_the_guard_holds_back() {
    let fake = FakeGoogle::start();
    let rule = format!("{RULE}show = \"title\"\n");
    let home = Home::with_google(&fake, "work", "home", &rule);
    home.expect(0, &["auth", "add", "mine"]);
    put_many(&home);
    home.sync();
    let spans = |fake: &FakeGoogle| {
        let spans = fake.occurrences(ME).into_iter();
        let mut spans: Vec<_> = spans.map(|span| span.instants(&TimeZone::UTC)).collect();
        spans.sort();
        spans
    };
    let before = spans(&fake);
    assert!(
        serde_json::to_string(&fake.events(ME))
            .unwrap()
            .contains("Meeting")
    );
    let config = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&config.replace("show = \"title\"", "titles = [\"nothing\"]"));
    home.expect(6, &["sync"]);
    let words = serde_json::to_string(&fake.events(ME)).unwrap();
    assert!(
        !words.contains("Meeting") && words.contains("Busy"),
        "{words}"
    );
    assert_eq!(spans(&fake), before);
    let again = home.expect(6, &["sync", "--json"]).json();
    assert_eq!(again["updated"], 0, "{again}");
}

#[test]
fn words_go_from_blocks_of_what_cannot_be_read_now() {
    let home = Home::with(&["work", "home", "other"]);
    let rules = format!("{RULE}show = \"title\"\n[[rules]]\nfrom = \"other\"\nto = \"home\"\n");
    home.configure_also("", &rules);
    home.put("work", "one.ics", meeting("one", 3));
    home.sync();
    let config = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&config.replace("show = \"title\"", "not_titles = [\"meet\"]"));
    let text = meeting("one", 3).replace("DTSTART:", "DTSTART:x");
    home.put("work", "one.ics", text);
    home.expect(5, &["sync"]);
    let block = texts(home.blocks("home").into_values()).concat();
    assert!(
        block.contains("SUMMARY:Busy") && !block.contains("Meeting"),
        "{block}"
    );
    assert!(block.contains(&utc(3, "090000")));
    let again = home.expect(5, &["sync", "--json"]).json();
    assert_eq!(again["updated"], 0, "{again}");
}

#[test]
fn what_has_no_form_that_calsync_writes_keeps_its_words_and_says_so() {
    let home = Home::with(&["work", "home"]);
    home.configure_also("", &format!("{RULE}show = \"title\"\n"));
    put_many(&home);
    home.sync();
    let blocks = home.blocks("home");
    let (name, text) = blocks.iter().next().unwrap();
    let text = String::from_utf8_lossy(text);
    let more = format!("RDATE:{}\r\nSUMMARY", utc(20, "110000"));
    home.put("home", name, text.replacen("SUMMARY", &more, 1));
    let config = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&config.replace("show = \"title\"", "titles = [\"nothing\"]"));
    let told = home.expect(6, &["sync"]);
    told.says(&["take it away by hand"]);
    let left = texts(home.blocks("home").into_values());
    let said = left.iter().filter(|text| text.contains("Meeting"));
    assert_eq!(said.count(), 1);
}

#[test]
fn words_go_from_what_nobody_remembers_where_no_rule_shows_any() {
    let home = Home::with(&["work", "home", "other"]);
    let plain = fs::read_to_string(home.config_file()).unwrap();
    let other = "[[rules]]\nfrom = \"other\"\nto = \"home\"\n";
    home.configure(&format!("{plain}{RULE}show = \"title\"\n{other}"));
    put_many(&home);
    home.sync();
    home.lose_state();
    home.configure(&format!("{plain}{other}"));
    home.expect(6, &["sync"]);
    let blocks = texts(home.blocks("home").into_values());
    assert_eq!(blocks.len(), 14);
    assert!(!blocks.concat().contains("Meeting"));
    let again = home.expect(6, &["sync", "--json"]).json();
    assert_eq!(again["updated"], 0, "{again}");
}

#[test]
fn titles_that_no_template_has_are_not_kept_beside_details() {
    for (title, is_kept) in [("", true), ("title = \"Away\"\n", false)] {
        let home = Home::with(&["work", "home"]);
        home.configure_also("", &format!("{RULE}show = \"details\"\n{title}"));
        home.put(
            "work",
            "one.ics",
            meeting("one", 3).replace("Meeting", "Zephyr"),
        );
        home.sync();
        let state = fs::read(home.state_file()).unwrap();
        let is_there = String::from_utf8_lossy(&state).contains("Zephyr");
        assert_eq!(is_there, is_kept, "{title}");
    }
}
