//! Files that lost a piece, or were cut: what they may hide is not taken for gone.

use std::fs;

use crate::support::program::{Home, KEY, calendar, day, event_with, meeting, utc, write};

/// A file cut short in its last line: nothing of it can be read, and all of its events are named.
fn cut(whole: &str) -> &str {
    whole.trim_end().strip_suffix("END:VCALENDAR").unwrap()
}

fn meetings(days: std::ops::RangeInclusive<i32>) -> String {
    days.map(|day| meeting(&format!("u{day}"), day)).collect()
}

/// A meeting with no calendar around it.
fn bare(uid: &str, day: i32) -> String {
    let whole = meeting(uid, day);
    let from = whole.find("BEGIN:VEVENT").unwrap();
    let to = whole.find("END:VCALENDAR").unwrap();
    whole[from..to].to_owned()
}

/// One calendar with these events in it.
fn in_one(days: std::ops::RangeInclusive<i32>) -> String {
    calendar(
        &days
            .map(|day| bare(&format!("u{day}"), day))
            .collect::<String>(),
    )
}

#[test]
fn events_that_stand_where_none_belong_are_not_taken_for_gone() {
    let [one, two, three] = [("one", 3), ("two", 4), ("three", 5)].map(|(uid, day)| bare(uid, day));
    let text = calendar(&one) + &calendar(&format!("{two}{three}"));
    let (head, rest) = text.split_at(text.find("END:VCALENDAR").unwrap());
    let second = |from: &str, to: &str| format!("{head}{}", rest.replacen(from, to, 1));
    let nested = two.replace("END:VEVENT\r\n", "") + &three + "END:VEVENT\r\n";
    let damaged = [
        (
            second("BEGIN:VCALENDAR\r\n", ""),
            "is not directly inside a calendar",
        ),
        (
            second("BEGIN:VCALENDAR", "BEGIN VCALENDAR"),
            "is not directly inside a calendar",
        ),
        (
            second("END:VCALENDAR\r\n", ""),
            "a calendar begins here before another one ends",
        ),
        (
            format!("{head}{}", rest.replace("VCALENDAR", "VCALENDER")).replacen(
                "VCALENDER",
                "VCALENDAR",
                1,
            ),
            "is not directly inside a calendar",
        ),
        (
            calendar(&one) + &calendar(&nested),
            "is not directly inside a calendar",
        ),
        (
            text.replacen("VEVENT", "VEVNT", 2),
            "nobody knows what this is called",
        ),
    ];
    let home = Home::with(&["work", "home"]);
    home.put("work", "all.ics", &text);
    home.sync();
    let before = home.blocks("home");
    assert_eq!(before.len(), 3);
    for (text, words) in damaged {
        home.put("work", "all.ics", &text);
        for _ in 0..2 {
            home.expect(5, &["sync"]).says(&["all.ics", words]);
            assert_eq!(home.blocks("home"), before, "{text}");
        }
    }
    // A program's own kinds of things, and an end too many, harm nothing.
    let own = "BEGIN:X-NOTE\r\nUID:n\r\nDTSTART:20260101\r\nEND:X-NOTE\r\nEND:VCALENDAR";
    home.put(
        "work",
        "all.ics",
        text.replacen("END:VCALENDAR", own, 1) + "END:VCALENDAR\r\n",
    );
    home.sync();
    assert_eq!(home.blocks("home"), before);
}

#[test]
fn an_export_that_was_cut_keeps_the_blocks_of_the_one_before_whenever_that_goes() {
    let home = Home::with(&["work", "home"]);
    let meetings = (1..=3).map(|day| meeting(&format!("u{day}"), day));
    let whole: String = meetings.collect();
    let cut = whole.trim_end().strip_suffix("END:VCALENDAR").unwrap();
    home.put("work", "old.ics", &whole);
    home.put("work", "new.ics", cut);
    home.expect(5, &["sync"]);
    let before = home.blocks("home");
    assert_eq!(before.len(), 3);
    home.delete("work", "old.ics");
    for args in [
        &["sync"][..],
        &["sync", "--full"],
        &["sync", "--allow-mass-delete"],
    ] {
        home.expect(5, args).says(&["work: new.ics"]);
        assert_eq!(home.blocks("home"), before, "{args:?}");
    }
    home.put("work", "new.ics", &whole);
    home.sync();
    assert_eq!(home.blocks("home"), before);
    home.sync_idle();
}

#[test]
fn events_that_have_run_together_or_end_before_they_start_keep_their_blocks() {
    let home = Home::with(&["work", "home"]);
    let text = meeting("one", 3) + &meeting("two", 4);
    home.put("work", "all.ics", &text);
    home.sync();
    let before = home.blocks("home");
    assert_eq!(before.len(), 2);
    // From somewhere in the first event to the same place in the second.
    let (from, to) = (
        text.find("DTSTART").unwrap(),
        text.rfind("DTSTART").unwrap(),
    );
    let (one, two) = (text.find("UID:").unwrap(), text.rfind("UID:").unwrap());
    let uids = format!("{}{}", &text[..from], &text[two..]);
    let starts = format!("{}{}", &text[..from + 26], &text[to..]);
    let negative = text.replacen(
        &text[from..text.find("SUMMARY").unwrap()],
        &format!(
            "{}DURATION:-PT1H\r\n",
            &text[from..text.find("DTEND").unwrap()]
        ),
        1,
    );
    assert!(one < from && two < to);
    for (text, words) in [
        (uids, "several events have run together here"),
        (starts, "several events have run together here"),
        (negative, "DURATION is not a duration"),
    ] {
        home.put("work", "all.ics", &text);
        for _ in 0..2 {
            home.expect(5, &["sync"]).says(&["all.ics", words]);
            assert_eq!(home.blocks("home"), before, "{text}");
        }
    }
    home.put("work", "all.ics", &text);
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home"), before);
}

#[test]
fn what_a_cut_export_names_stays_also_if_it_stood_in_files_of_one_event_each() {
    let home = Home::with(&["work", "home"]);
    for day in 1..=3 {
        home.put(
            "work",
            &format!("{day}.ics"),
            meeting(&format!("u{day}"), day),
        );
    }
    home.sync();
    let before = home.blocks("home");
    home.put("work", "all.ics", cut(&meetings(1..=2)));
    home.expect(5, &["sync"]);
    for day in 1..=3 {
        home.delete("work", &format!("{day}.ics"));
        home.expect(5, &["sync"]).says(&["work: all.ics"]);
    }
    // The third is not in it: somebody removed that.
    assert_eq!(home.blocks("home").len(), 2);
    home.expect(5, &["sync", "--full", "--allow-mass-delete"]);
    assert_eq!(home.blocks("home").len(), 2);
    home.put("work", "all.ics", meetings(1..=3));
    home.expect(0, &["sync"]);
    assert!(home.blocks("home").keys().eq(before.keys()));
    home.sync_idle();
}

#[test]
fn all_events_of_a_folder_that_a_cut_export_names_are_no_suddenly_empty_folder() {
    let home = Home::with(&["work", "home"]);
    for day in 1..=21 {
        home.put(
            "work",
            &format!("{day}.ics"),
            meeting(&format!("u{day}"), day),
        );
    }
    home.sync();
    let before = home.blocks("home");
    home.put("work", "all.ics", cut(&meetings(1..=21)));
    home.expect(5, &["sync"]);
    for day in 1..=21 {
        home.delete("work", &format!("{day}.ics"));
    }
    for args in [&["sync"][..], &["sync", "--allow-mass-delete"]] {
        let ran = home.expect(5, args);
        ran.says(&["work: all.ics"]);
        assert_eq!(home.blocks("home"), before);
    }
}

#[test]
fn mending_one_of_two_cut_files_loses_nothing_that_the_other_may_hold() {
    for other in [cut(&meetings(15..=16)), "rubbish"] {
        let home = Home::with(&["work", "home"]);
        home.put("work", "old.ics", meetings(1..=3));
        home.sync();
        home.put("work", "m.ics", other);
        home.expect(5, &["sync"]);
        home.put("work", "new.ics", cut(&meetings(1..=3)));
        home.expect(5, &["sync"]);
        home.delete("work", "old.ics");
        home.expect(5, &["sync"]);
        let before = home.blocks("home");
        assert_eq!(before.len(), 3);
        home.put("work", "m.ics", meetings(15..=16));
        home.expect(5, &["sync"]);
        let after = home.blocks("home");
        assert_eq!(after.len(), 5);
        assert!(before.keys().all(|name| after.contains_key(name)));
        home.put("work", "new.ics", meetings(1..=2));
        home.expect(0, &["sync"]);
        assert_eq!(home.blocks("home").len(), 4);
    }
}

#[test]
fn what_may_be_hidden_gives_way_to_what_is_told() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "old.ics", meetings(1..=3));
    home.sync();
    home.put("work", "junk.ics", "rubbish");
    home.expect(5, &["sync"]);
    home.delete("work", "old.ics");
    home.expect(5, &["sync"]);
    assert_eq!(home.blocks("home").len(), 3);
    // One has moved, one is cancelled, and of the third nothing is said.
    let cancelled = meeting("u2", 2).replace("DTSTART", "STATUS:CANCELLED\r\nDTSTART");
    home.put("work", "back.ics", meeting("u1", 14) + &cancelled);
    for _ in 0..2 {
        home.expect(5, &["sync"]);
        let blocks = home.blocks("home");
        assert_eq!(blocks.len(), 2);
        let shows = |day| {
            blocks
                .values()
                .any(|text| String::from_utf8_lossy(text).contains(&utc(day, "090000")[..8]))
        };
        assert!(shows(14) && shows(3) && !shows(1) && !shows(2));
    }
    home.delete("work", "junk.ics");
    home.sync();
    assert_eq!(home.blocks("home").len(), 1);
}

#[test]
fn a_file_that_looks_more_damaged_than_before_loses_nothing_by_that() {
    let good = in_one(1..=5);
    let nth = |what: &str, n: usize| good.match_indices(what).nth(n).unwrap().0;
    let without =
        |from: usize, to: usize, with: &str| format!("{}{with}{}", &good[..from], &good[to..]);
    let (start, fourth) = (nth("DTSTART", 0), nth("DTSTART", 3));
    let second = nth("BEGIN:VEVENT", 1)..nth("BEGIN:VEVENT", 2);
    let renamed = good[second.clone()].replace("VEVENT", "VEVNT");
    let damaged = [
        without(start, fourth, &"\0".repeat(fourth - start)),
        without(start, fourth, &" ".repeat(fourth - start)),
        without(start, nth("SUMMARY", 3), ""),
        without(nth("END:VEVENT", 0), nth("UID", 1), ""),
        without(
            second.start,
            second.end,
            &format!(
                "X-NOTE:\r\n {}\r\n",
                good[second.clone()].trim_end().replace("\r\n", "\r\n ")
            ),
        ),
        good.replacen("END:VEVENT\r\nBEGIN:VEVENT\r\n", "", 1),
        without(second.start, second.end, &renamed.replace("UID:u2\r\n", "")),
        without(
            second.start,
            second.end,
            &renamed.replace("DTSTART", "DTSTRT"),
        ),
        without(
            second.start,
            second.end,
            &good[second.start..second.end].replace(":VEVENT", " VEVENT"),
        ),
    ];
    let home = Home::with(&["work", "home"]);
    for (i, text) in damaged.iter().enumerate() {
        home.put("work", "all.ics", &good);
        home.expect(0, &["sync"]);
        let before = home.blocks("home");
        assert_eq!(before.len(), 5);
        home.put("work", "all.ics", text);
        for _ in 0..2 {
            home.expect(5, &["sync"]).says(&["work: all.ics", "line "]);
            assert_eq!(home.blocks("home"), before, "{i}: {text}");
        }
    }
    // A person says that it is as it should be.
    home.put("work", "all.ics", &damaged[1]);
    home.expect(5, &["sync"]);
    assert_eq!(home.blocks("home").len(), 5);
    home.expect(5, &["sync", "--full"]);
    assert_eq!(home.blocks("home").len(), 2);
}

#[test]
fn a_second_calendar_in_a_file_that_is_overwritten_loses_nothing() {
    let good = in_one(1..=2) + &in_one(3..=4);
    let at = good.find("END:VCALENDAR").unwrap() + "END:VCALENDAR\r\n".len();
    let (first, second) = good.split_at(at);
    let head = second.find("BEGIN:VEVENT").unwrap() + "BEGIN:VEVENT\r\n".len();
    let quoted = format!("> {}", second.trim_end().replace("\r\n", "\r\n> "));
    let damaged = [
        format!("{first}{}", "\0".repeat(second.len())),
        good[200..].to_owned(),
        format!("{first}{}", &second[head..]),
        format!("{first}<html>502 Bad Gateway</html>\r\n"),
        format!("{first}BEGIN:VCAL"),
        format!("{first}{quoted}"),
        format!(
            "{first}{}",
            second
                .replace("VEVENT", "VEVNT")
                .replace("VCALENDAR", "VCALENDER")
        ),
    ];
    let home = Home::with(&["work", "home"]);
    for text in damaged {
        home.put("work", "all.ics", &good);
        home.expect(0, &["sync"]);
        let before = home.blocks("home");
        assert_eq!(before.len(), 4);
        home.put("work", "all.ics", &text);
        for _ in 0..2 {
            home.expect(5, &["sync"]).says(&["work: all.ics"]);
            assert_eq!(home.blocks("home"), before, "{text}");
        }
    }
}

#[test]
fn a_file_that_is_always_sloppy_is_believed_about_what_is_gone() {
    let home = Home::with(&["work", "home"]);
    let sloppy = |text: String| {
        text.replace("SUMMARY", "a note folded wrongly\r\nSUMMARY") + "<!-- made in 0.3 s -->\r\n"
    };
    home.put("work", "all.ics", sloppy(in_one(1..=3)));
    home.sync();
    assert_eq!(home.blocks("home").len(), 3);
    home.put("work", "all.ics", sloppy(in_one(1..=2)));
    home.sync();
    assert_eq!(home.blocks("home").len(), 2);
}

#[test]
fn a_file_that_becomes_sloppy_and_loses_nothing_is_believed_from_then_on() {
    let home = Home::with(&["work", "home"]);
    let footer = "<!-- made in 0.3 s -->\r\n";
    home.put("work", "all.ics", in_one(1..=3));
    home.sync();
    home.put("work", "all.ics", in_one(1..=3) + footer);
    home.expect(0, &["sync"]);
    let moved = calendar(&(bare("u1", 9) + &bare("u2", 2)));
    home.put("work", "all.ics", in_one(1..=2) + footer);
    home.expect(0, &["sync"]);
    let before = home.blocks("home");
    assert_eq!(before.len(), 2);
    home.put("work", "all.ics", moved + footer);
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home").len(), 2);
    assert_ne!(home.blocks("home"), before);
}

#[test]
fn a_rule_of_which_a_part_is_lost_cannot_be_read() {
    let home = Home::with(&["work", "home"]);
    let series = |rule: &str| meeting("a", 3).replace("SUMMARY", &format!("{rule}\r\nSUMMARY"));
    home.put("work", "a.ics", series("RRULE:FREQ=DAILY;COUNT=4"));
    home.sync();
    let before = home.blocks("home");
    for rule in [
        "RRULE:",
        "RRULE:FREQ=DAILY;COUN",
        "RRULE:FREQ=DAILY;COUN=4",
        "RRULE:FREQ=DAILY;COUNT=0",
    ] {
        home.put("work", "a.ics", series(rule));
        home.expect(5, &["sync"]).says(&["work: a.ics", "line "]);
        assert_eq!(home.blocks("home"), before, "{rule}");
    }
}

#[test]
fn a_folder_or_a_pipe_in_place_of_a_file_takes_no_block_away() {
    let home = Home::with(&["work", "home"]);
    for day in 1..=2 {
        home.put(
            "work",
            &format!("{day}.ics"),
            meeting(&format!("u{day}"), day),
        );
    }
    home.sync();
    let before = home.blocks("home");
    for day in 1..=2 {
        home.delete("work", &format!("{day}.ics"));
    }
    fs::create_dir(home.folder("work").join("1.ics")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(home.folder("work").join("2.ics"))
        .status();
    assert!(made.unwrap().success());
    for _ in 0..2 {
        home.expect(5, &["sync"])
            .says(&["work: 1.ics", "not a file"]);
        assert_eq!(home.blocks("home"), before);
    }
}

#[test]
fn what_is_misspelt_in_an_event_cannot_be_read() {
    let home = Home::with(&["work", "home"]);
    let zone =
        "DTSTART;TZID=Europe/Berlin:20261201T090000\nDTEND;TZID=Europe/Berlin:20261201T103000";
    let good = event_with(
        "a",
        &format!(
            "{zone}\nRRULE:FREQ=WEEKLY;COUNT=6\nEXDATE;TZID=Europe/Berlin:20261208T090000,20261215T090000"
        ),
    );
    home.put("work", "a.ics", &good);
    home.sync();
    let before = home.blocks("home");
    for (from, to, words) in [
        (
            "20261215T090000",
            "20261215T0900",
            "line 10: EXDATE is not a list",
        ),
        ("T090000,", "T090000;", "line 10: EXDATE is not a list"),
        (
            "DTSTART;TZID=Europe/Berlin",
            "DTSTART;TZID=Europe/Berlyn",
            "line 7: nobody knows the time zone",
        ),
        (
            "EXDATE;TZID=Europe/Berlin",
            "EXDATE;TZID=Somewhere",
            "line 10: nobody knows the time zone",
        ),
        (
            "DTEND;",
            "DTND;",
            "line 8: the property is misspelt; DTEND?",
        ),
        (
            "RRULE:",
            "RRLE:",
            "line 9: the property is misspelt; RRULE?",
        ),
        (
            "EXDATE;",
            "EXDTAE;",
            "line 10: the property is misspelt; EXDATE?",
        ),
        (
            "RRULE:FREQ",
            "RRULEF:REQ",
            "line 9: the property is misspelt; RRULE?",
        ),
        (
            "DTEND;TZID",
            "DTEND9TZID",
            "line 8: the property is misspelt; DTEND?",
        ),
        (
            "DTSTART;TZID",
            "DTSTART;TZDI",
            "line 7: the parameter is misspelt; TZID?",
        ),
        (
            "DTEND;TZID",
            "DTEND;TZ-ID",
            "line 8: the parameter is misspelt; TZID?",
        ),
    ] {
        home.put("work", "a.ics", good.replacen(from, to, 1));
        home.expect(5, &["sync"]).says(&["work: a.ics", words]);
        assert_eq!(home.blocks("home"), before, "{to}");
    }
}

#[test]
fn a_letter_with_a_wrong_bit_in_a_name_takes_no_time_away() {
    let home = Home::with(&["work", "home"]);
    let series = "DTSTART;TZID=Europe/Berlin:20261201T090000\nDTEND;TZID=Europe/Berlin:20261201T100000\n\
        RRULE:FREQ=DAILY;COUNT=20";
    let moved = "DTSTART;TZID=Europe/Berlin:20261202T120000\nDTEND;TZID=Europe/Berlin:20261202T130000\n\
        RECURRENCE-ID;TZID=Europe/Berlin:20261202T090000\nSEQUENCE:3";
    let change = event_with("a", moved);
    let from = change.find("BEGIN:VEVENT").unwrap();
    let whole = event_with("a", series).replace("END:VCALENDAR\r\n", "") + &change[from..];
    home.put("work", "a.ics", &whole);
    home.sync();
    let before = home.blocks("home");
    let flipped = |name: &str, at: usize| {
        let place = whole.find(&format!("\n{name}")).unwrap() + 1 + at;
        let mut bytes = whole.clone().into_bytes();
        bytes[place] |= 0x80;
        bytes
    };
    let mut cases: Vec<Vec<u8>> = Vec::new();
    for name in ["DTEND", "RRULE", "RECURRENCE-ID", "DTSTART"] {
        for at in [0, 2, 4] {
            cases.push(flipped(name, at));
        }
    }
    for (name, others) in [
        (
            "RECURRENCE-ID",
            &["RECCURENCE-ID", "RECURRANCE_ID", "RECURENCE-ID"][..],
        ),
        ("DTEND", &["DTE.ND", "QQQQ"]),
        ("RRULE", &["RR.ULE", "RRU", "SUMMARY:xRRULE"]),
    ] {
        for other in others {
            cases.push(whole.replace(name, other).into_bytes());
        }
    }
    for damaged in cases {
        write(&home.folder("work").join("a.ics"), &damaged);
        let told = home.run(&["sync"]);
        assert_eq!(
            home.blocks("home"),
            before,
            "{}",
            String::from_utf8_lossy(&damaged)
        );
        assert_eq!(told.code, 5, "{}", String::from_utf8_lossy(&damaged));
    }
}

#[test]
fn a_zone_of_which_a_rule_is_damaged_is_unknown() {
    let home = Home::with(&["work", "home"]);
    let zone = "BEGIN:VTIMEZONE\r\nTZID:Our Own\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\n\
        RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\n\
        BEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n\
        TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT";
    let event = event_with("a", "DTSTART;TZID=Our Own:20261201T090000\nDURATION:PT1H");
    let whole = event.replace("BEGIN:VEVENT", zone);
    home.put("work", "a.ics", &whole);
    home.sync();
    let before = home.blocks("home");
    for damaged in [
        whole.replacen(
            "RRULE:FREQ=YEARLY;BYMONTH=3",
            "RR\u{dc}LE:FREQ=YEARLY;BYMONTH=3",
            1,
        ),
        whole.replacen(
            "RRULE:FREQ=YEARLY;BYMONTH=3",
            "RRLE:FREQ=YEARLY;BYMONTH=3",
            1,
        ),
    ] {
        home.put("work", "a.ics", &damaged);
        home.expect(5, &["sync"]);
        assert_eq!(home.blocks("home"), before);
    }
}

#[test]
fn an_event_that_damage_changed_stays_as_it_was() {
    let home = Home::with(&["work", "home"]);
    let series = meeting("u1", 3).replace("DTEND", "RRULE:FREQ=DAILY;COUNT=5\r\nDTEND");
    let good = series + &meeting("u2", 20);
    home.put("work", "all.ics", &good);
    home.sync();
    let before = home.blocks("home");
    let over = |with: u8| {
        let from = good.find("RRULE").unwrap();
        let to = good.find("DTEND").unwrap() - 2;
        let mut text = good.clone().into_bytes();
        text[from..to].fill(with);
        text
    };
    let noise = || {
        let mut text = good.clone().into_bytes();
        let at = good.find("RRULE").unwrap();
        for (byte, n) in text[at..at + 150].iter_mut().zip(0_u32..) {
            *byte = n.wrapping_mul(2_654_435_761).to_be_bytes()[1];
        }
        text
    };
    let torn = |name: &str| {
        let split = name.len() - 1;
        let text = good.replacen(
            name,
            &format!("{}\r\n{}", &name[..split], &name[split..]),
            1,
        );
        text.into_bytes()
    };
    for (text, words) in [
        (noise(), "line 8: a piece of it was overwritten"),
        (torn("DTEND"), "a line that matters has no colon"),
        (torn("RRULE"), "a line that matters has no colon"),
        (over(0), "line 8: a piece of it was overwritten"),
        (over(0xff), "line 8: a piece of it was overwritten"),
    ] {
        home.put("work", "all.ics", &text);
        for _ in 0..2 {
            home.expect(5, &["sync"]).says(&["work: all.ics", words]);
            assert_eq!(home.blocks("home"), before);
        }
        home.put("work", "all.ics", &good);
        home.expect(0, &["sync"]);
        assert_eq!(home.blocks("home"), before);
    }
}

#[test]
fn a_damaged_export_under_a_new_name_loses_nothing_of_the_old_one() {
    let good = in_one(1..=4);
    let from = good.match_indices("BEGIN:VEVENT").nth(1).unwrap().0;
    let to = good.match_indices("BEGIN:VEVENT").nth(2).unwrap().0;
    let renamed = good[from..to]
        .replace("VEVENT", "VEVNT")
        .replace("UID:u2\r\n", "");
    for lost in ["\0".repeat(to - from), " ".repeat(to - from), renamed] {
        let home = Home::with(&["work", "home"]);
        home.give_key(KEY);
        home.put("work", "old.ics", &good);
        home.sync();
        let before = home.blocks("home");
        home.delete("work", "old.ics");
        let damaged = format!("{}{lost}{}", &good[..from], &good[to..]);
        home.put("work", "new.ics", &damaged);
        for _ in 0..2 {
            home.expect(5, &["sync"]).says(&["work: new.ics"]);
            assert_eq!(home.blocks("home"), before, "{damaged}");
        }
        // Written again as it is, and read in another way.
        home.put("work", "new.ics", damaged + "\r\n");
        home.expect(5, &["sync"]);
        home.configure_also("me = [\"ada@example.com\"]", "");
        home.expect(5, &["sync"]);
        assert_eq!(home.blocks("home"), before);
        home.lose_state();
        home.give_key(KEY);
        home.run(&["sync"]);
        assert_eq!(home.blocks("home"), before);
        home.put("work", "new.ics", &good);
        home.sync();
        assert_eq!(home.blocks("home"), before);
    }
}

#[test]
fn a_large_text_that_is_none_is_refused_at_once() {
    let wide = in_one(1..=2).repeat(4_000);
    let wide: Vec<u8> = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xff, 0xfe][..], &wide].concat();
    let one = "BEGIN:VEVENT\nUID:a\nDTSTART:20261201T090000Z\nDURATION:PT1H\nEND:VEVENT\n";
    let crowd = calendar(&one.repeat(20_000));
    for (text, words) in [
        (&marked[..], "UTF-16"),
        (&wide[..], "not a calendar"),
        (crowd.as_bytes(), "more than 5000 events have this UID"),
    ] {
        let home = Home::with(&["work", "home"]);
        home.put("work", "a.ics", text);
        home.expect(5, &["sync"]).says(&["work: a.ics", words]);
    }
}

#[test]
fn many_calendars_in_a_text_that_describe_a_zone_each_are_read() {
    let described = |n: usize| {
        let uid = format!("u{n}");
        let zone = format!(
            "BEGIN:VTIMEZONE\r\nTZID:Own/{n}\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n\
             TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
        );
        let times =
            "DTSTART;TZID=Own/ZONE:20261201T090000\r\nDTEND;TZID=Own/ZONE:20261201T100000\r\n";
        let times = times.replace("ZONE", &n.to_string());
        calendar(&format!(
            "{zone}BEGIN:VEVENT\r\nUID:{uid}\r\n{times}END:VEVENT\r\n"
        ))
    };
    let home = Home::with(&["work", "home"]);
    let text: String = (0..4_000).map(described).collect();
    home.put("work", "a.ics", &text);
    home.sync();
    assert_eq!(home.blocks("home").len(), 4_000);
}

#[test]
fn ordinary_oddities_hold_nothing_back() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "all.ics", meetings(1..=4));
    home.sync();
    let odd = [
        format!("DESCRIPTION:wide{}blanks", " ".repeat(60)),
        "DESCRIPTION:one\r\nDESCRIPTION:two".to_owned(),
        "a note that is folded wrongly".to_owned(),
        "DESCRIPTION:a\0zero".to_owned(),
        "DATE:Friday\r\nRULE:be kind\r\nTRANS:x".to_owned(),
        "RDATE:\r\nEXDATE:".to_owned(),
    ];
    for (number, line) in (0..).zip(odd) {
        // One gets that line and moves, another one goes; later it is back.
        let moved = meeting("u1", 10 + number).replace("SUMMARY", &format!("{line}\r\nSUMMARY"));
        home.put("work", "all.ics", moved.clone() + &meetings(2..=3));
        home.expect(0, &["sync"]);
        assert_eq!(home.blocks("home").len(), 3, "{line}");
        home.put("work", "all.ics", moved + &meetings(2..=4));
        home.expect(0, &["sync"]);
        assert_eq!(home.blocks("home").len(), 4, "{line}");
    }
    // The file of one event goes, and a new one comes that looks odd.
    home.put("work", "one.ics", meeting("one", 30));
    home.expect(0, &["sync"]);
    home.delete("work", "one.ics");
    home.put(
        "work",
        "two.ics",
        meeting("two", 31) + "<!-- cached -->\r\n",
    );
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home").len(), 5);
}

#[test]
fn a_zone_is_found_under_the_name_it_is_described_by() {
    let zone = |name: &str| {
        format!(
            "BEGIN:VTIMEZONE\r\nTZID:{name}\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0500\r\nTZOFFSETTO:+0500\r\n\
             END:STANDARD\r\nEND:VTIMEZONE\r\n"
        )
    };
    let event = |uid: &str, name: &str| {
        format!(
            "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID={name}:20261201T090000\r\nDURATION:PT1H\r\nEND:VEVENT\r\n"
        )
    };
    let home = Home::with(&["work", "home"]);
    let first = zone("(UTC+01:00) Bonn\\, Koeln") + &zone("Our Zone");
    let first = first + &event("a", "\"(UTC+01:00) Bonn, Koeln\"") + &event("b", "OUR ZONE");
    home.put(
        "work",
        "all.ics",
        calendar(&first) + &calendar(&event("c", "Our Zone")),
    );
    home.expect(0, &["sync"]);
    let blocks = home.blocks("home");
    assert_eq!(blocks.len(), 3);
    for text in blocks.values() {
        let text = String::from_utf8_lossy(text);
        assert!(text.contains("DTSTART:20261201T040000Z"), "{text}");
    }
}

/// An export of these events without some, and one of them cannot be read.
fn spoilt(days: std::ops::Range<i32>, without: std::ops::Range<i32>, broken: i32) -> String {
    let kept = days.filter(|day| !without.contains(day));
    let text: String = kept.map(|day| bare(&format!("u{day}"), day)).collect();
    let (before, after) = text.split_at(text.find(&format!("UID:u{broken}\r\n")).unwrap());
    calendar(&format!(
        "{before}{}",
        after.replacen("DTSTART:", "DTSTART:x", 1)
    ))
}

#[test]
fn another_damage_in_the_next_export_takes_nothing_away_either() {
    let days = 1..13;
    let whole = in_one(1..=12);
    let half = whole.find("UID:u6\r\n").unwrap() + 30;
    let cut = &whole[..half];
    let closed = format!("{cut}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
    let (one, other) = (spoilt(days.clone(), 3..5, 2), spoilt(days, 8..11, 3));
    for (first, second, is_renamed) in [
        (cut, &*closed, false),
        (cut, &*closed, true),
        (&*one, &*other, false),
    ] {
        let home = Home::with(&["work", "home"]);
        home.put("work", "all.ics", &whole);
        home.sync();
        let before = home.blocks("home");
        assert_eq!(before.len(), 12);
        home.put("work", "all.ics", first);
        home.expect(5, &["sync"]);
        assert_eq!(home.blocks("home"), before, "{first}");
        let name = if is_renamed { "new.ics" } else { "all.ics" };
        home.delete("work", "all.ics");
        home.put("work", name, second);
        for _ in 0..2 {
            home.expect(5, &["sync"]);
            assert_eq!(home.blocks("home"), before, "{second}");
        }
        home.put("work", name, &whole);
        home.sync();
        assert_eq!(home.blocks("home"), before);
    }
    // Beside an event that stays as broken as it was, others may go.
    let home = Home::with(&["work", "home"]);
    home.put("work", "all.ics", spoilt(1..13, 0..0, 12));
    home.expect(5, &["sync"]);
    home.put("work", "all.ics", spoilt(1..13, 5..6, 12));
    home.expect(5, &["sync"]);
    assert_eq!(home.blocks("home").len(), 10);
}

#[test]
fn a_line_that_decides_and_lost_the_rest_of_itself_is_not_believed() {
    let start = utc(2, "090000");
    for lines in [
        "DURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=MO,\n TU,WE,TH,FR".to_owned(),
        "DURATION:PT1H\nRRULE:FREQ=WEEKLY;\n COUNT=3".to_owned(),
        "DURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=1\n 0".to_owned(),
        format!(
            "DURATION:PT1H\nRDATE:{},\n {}",
            utc(3, "090000"),
            utc(4, "090000")
        ),
        format!(
            "DURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=5\nEXDATE:{},\n {}",
            utc(3, "090000"),
            utc(4, "090000")
        ),
        "DURATION:P1D\n T12H".to_owned(),
    ] {
        let home = Home::with(&["work", "home"]);
        let good = event_with("a", &format!("DTSTART:{start}\n{lines}"));
        home.put("work", "a.ics", &good);
        home.sync();
        let before = home.blocks("home");
        for gap in ["\r\n", "\r\n\r\n"] {
            home.put("work", "a.ics", good.replace("\r\n ", gap));
            home.expect(5, &["sync"])
                .says(&["work: a.ics", "a line that matters has no colon"]);
            assert_eq!(home.blocks("home"), before, "{lines}");
        }
    }
}

#[test]
fn what_cannot_be_read_when_a_rule_begins_to_ask_for_words_keeps_its_blocks() {
    let home = Home::with(&["work", "home"]);
    let whole = in_one(1..=4);
    home.put("work", "all.ics", &whole);
    home.sync();
    let before = home.blocks("home");
    for damaged in [
        cut(&whole).to_owned(),
        whole.replacen("DTSTART:", "DTSTART:x", 2),
    ] {
        home.put("work", "all.ics", damaged);
        home.expect(5, &["sync"]);
        let text = fs::read_to_string(home.config_file()).unwrap();
        let rule = "[[rules]]\nfrom = \"work\"\nto = \"home\"\ntitles = [\"meet\"]\n";
        home.configure(&format!("{text}{rule}"));
        for _ in 0..2 {
            home.expect(5, &["sync"]);
            assert_eq!(home.blocks("home"), before);
        }
        home.put("work", "all.ics", &whole);
        home.sync();
        assert_eq!(
            home.blocks("home").len(),
            if whole.contains("SUMMARY:Meeting") {
                4
            } else {
                0
            }
        );
        home.configure(&text);
        home.sync();
        assert_eq!(home.blocks("home").len(), 4);
    }
}

/// The first four of eight, with what a server said in place of the others.
fn half_of_eight() -> String {
    let stray = "stray: <!-- 500 -->\r\nBEGIN:VEVENT";
    in_one(1..=4).replace("BEGIN:VEVENT", stray) + "<html>\r\n"
}

#[test]
fn whoever_only_looks_forgets_nothing_of_what_a_damaged_file_may_hide() {
    let whole = in_one(1..=8);
    let damaged = half_of_eight();
    for args in [
        &["sync", "--dry-run", "--full"][..],
        &["reset", "--all", "--dry-run"],
        &["reset", "--calendar", "work", "--dry-run"],
    ] {
        for damaged in [damaged.clone(), spoilt(1..9, 4..7, 2)] {
            let home = Home::with(&["work", "home"]);
            home.put("work", "all.ics", &whole);
            home.sync();
            let before = home.blocks("home");
            home.put("work", "all.ics", damaged);
            home.expect(5, &["sync"]);
            assert_eq!(home.blocks("home"), before);
            home.run(args);
            home.expect(5, &["sync"]);
            assert_eq!(home.blocks("home"), before, "{args:?}");
        }
    }
}

#[test]
fn a_reset_does_not_take_what_a_damaged_file_may_hide_for_gone() {
    let whole = in_one(1..=8);
    let damaged = half_of_eight();
    for damaged in [damaged, spoilt(1..9, 4..7, 2)] {
        let home = Home::with(&["work", "home"]);
        home.put("work", "all.ics", &whole);
        home.sync();
        let before = home.blocks("home");
        home.put("work", "all.ics", damaged);
        home.expect(5, &["sync"]);
        assert_eq!(home.blocks("home"), before);
        home.run(&["reset", "--calendar", "work", "--yes"]);
        home.expect(5, &["sync"]);
        assert_eq!(home.blocks("home"), before);
    }
}

#[test]
fn what_was_refused_to_go_stays_while_what_came_back_is_damaged() {
    let whole = in_one(1..=20);
    let twice = "BEGIN:VEVENT\r\nSTATUS:CONFIRMED\r\nSTATUS:CONFIRMED";
    for damaged in [
        spoilt(1..21, 9..17, 3),
        in_one(1..=12) + "<html>\r\n",
        in_one(1..=12).replacen("BEGIN:VEVENT", twice, 1),
    ] {
        let home = Home::with(&["work", "home"]);
        home.put("work", "all.ics", &whole);
        home.sync();
        let before = home.blocks("home");
        home.delete("work", "all.ics");
        home.expect(6, &["sync"]);
        home.put("work", "all.ics", &damaged);
        for _ in 0..2 {
            home.run(&["sync"]);
            assert_eq!(home.blocks("home"), before);
        }
        // What else goes is another matter, while whatever is back is held back no more.
        home.put("work", "other.ics", meeting("other", 9));
        home.run(&["sync"]);
        assert_eq!(home.blocks("home").len(), before.len() + 1);
        home.delete("work", "other.ics");
        home.run(&["sync"]);
        assert_eq!(home.blocks("home"), before);
        home.put("work", "all.ics", &whole);
        home.sync();
        assert_eq!(home.blocks("home"), before);
        home.sync_idle();
        home.put("work", "all.ics", &damaged);
        home.run(&["sync"]);
        assert_eq!(home.blocks("home"), before);
    }
}

#[test]
fn blocks_that_nobody_remembers_stay_beside_what_looks_damaged_and_that_is_said() {
    let twice = "BEGIN:VEVENT\r\nSTATUS:CONFIRMED\r\nSTATUS:CONFIRMED";
    let odd = |days| in_one(days).replacen("BEGIN:VEVENT", twice, 1);
    let home = Home::with(&["work", "home"]);
    home.put("work", "all.ics", odd(1..=20));
    home.sync();
    home.lose_state();
    home.put("work", "all.ics", odd(1..=17));
    for _ in 0..2 {
        let words = ["3 blocks are left standing", "--allow-mass-delete"];
        home.expect(5, &["sync"]).says(&words);
        assert_eq!(home.blocks("home").len(), 20);
    }
    home.expect(0, &["sync", "--allow-mass-delete"]);
    assert_eq!(home.blocks("home").len(), 17);
    home.sync_idle();
}

#[test]
fn what_was_refused_to_go_goes_when_a_person_says_so_or_all_can_be_read() {
    let less = in_one(1..=12);
    let odd = meeting("odd", 9).replace("DTSTART:", "DTSTART:x");
    for is_allowed in [true, false] {
        let home = Home::with(&["work", "home"]);
        home.put("work", "all.ics", in_one(1..=20));
        home.sync();
        home.delete("work", "all.ics");
        home.expect(6, &["sync"]);
        home.put("work", "all.ics", &less);
        home.put("work", "odd.ics", &odd);
        home.expect(6, &["sync"])
            .says(&["8 blocks", "cannot be read"]);
        assert_eq!(home.blocks("home").len(), 20);
        if is_allowed {
            home.expect(5, &["sync", "--allow-mass-delete"]);
        } else {
            home.delete("work", "odd.ics");
            home.sync();
        }
        assert_eq!(home.blocks("home").len(), 12);
    }
}

#[test]
fn a_name_that_lost_what_divides_it_from_its_parameters_is_not_passed_over() {
    let day = day(3).strftime("%Y%m%d");
    let good = event_with(
        "a",
        &format!(
            "DTSTART;TZID=Europe/Berlin:{day}T090000\nDTEND;TZID=Europe/Berlin:{day}T100000\nRRULE:FREQ=DAILY;COUNT=5\n\
             EXDATE;TZID=Europe/Berlin:{}T090000",
            self::day(4).strftime("%Y%m%d")
        ),
    );
    for (from, to) in [
        ("DTEND;TZID=", "DTEND TZID="),
        ("DTEND;TZID=", "DTEND,TZID="),
        ("DTEND;TZID=", "DTENDTZID="),
        ("DTEND;TZID=", "DTEND=TZID="),
        ("DTEND;", "> DTEND;"),
        ("DTEND;", "- DTEND;"),
        ("EXDATE;TZID=", "EXDATE TZID="),
    ] {
        let home = Home::with(&["work", "home"]);
        home.put("work", "a.ics", &good);
        home.sync();
        let before = home.blocks("home");
        home.put("work", "a.ics", good.replace(from, to));
        home.expect(5, &["sync"]).says(&["work: a.ics"]);
        assert_eq!(home.blocks("home"), before, "{to}");
    }
}

#[test]
fn what_a_note_seems_to_say_hides_no_event() {
    for (stray, own) in [
        ("Status: cancelled", "STATUS:CONFIRMED"),
        ("Transp:transparent", "TRANSP:OPAQUE"),
    ] {
        let home = Home::with(&["work", "home"]);
        let lines = format!(
            "DTSTART:{}\nDURATION:PT1H\nDESCRIPTION:Booking\n{stray}\n{own}",
            utc(2, "090000")
        );
        home.put("work", "a.ics", event_with("a", &lines));
        home.sync();
        assert_eq!(home.blocks("home").len(), 1, "{stray}");
    }
}

#[test]
fn times_that_nobody_can_know_are_not_guessed() {
    let zone = |tzid: &str, rdate: &str| {
        format!(
            "BEGIN:VTIMEZONE\nTZID:{tzid}\nBEGIN:STANDARD\nDTSTART:19700101T000000\n{rdate}TZOFFSETFROM:+0100\nTZOFFSETTO:+0100\n\
             END:STANDARD\nEND:VTIMEZONE\n"
        )
    };
    let event = |tzid: &str, more: &str| {
        format!(
            "BEGIN:VEVENT\nUID:a\nDTSTAMP:20260101T000000Z\nDTSTART;TZID={tzid}:{}T090000\nDURATION:PT1H\n{more}END:VEVENT",
            day(2).strftime("%Y%m%d")
        )
    };
    let nowhere = "nobody knows the time zone";
    for (text, words) in [
        (event("Etc/Unknown", ""), nowhere),
        (event("Factory", ""), nowhere),
        (
            zone("Mine", "RDATE:2026-10-25T03:00:00\n") + &event("Mine", ""),
            nowhere,
        ),
        (
            event(
                "Europe/Berlin",
                &format!("RDATE;VALUE=DATE:{}\n", day(4).strftime("%Y%m%d")),
            ),
            "RDATE is a day",
        ),
    ] {
        let home = Home::with(&["work", "home"]);
        home.put("work", "a.ics", calendar(&text));
        home.expect(5, &["sync"]).says(&["work: a.ics", words]);
    }
    // What the file describes is known, whatever it is called.
    let home = Home::with(&["work", "home"]);
    home.put(
        "work",
        "a.ics",
        calendar(&(zone("Factory", "") + &event("Factory", ""))),
    );
    home.sync();
    let block = home.blocks("home").into_values().next().unwrap();
    let start = format!("DTSTART:{}", utc(2, "080000"));
    assert!(String::from_utf8_lossy(&block).contains(&start));
}

#[test]
fn another_way_of_reading_lets_nothing_of_a_damaged_file_go() {
    let whole = in_one(1..=20);
    let twice = "BEGIN:VEVENT\r\nSTATUS:CONFIRMED\r\nSTATUS:CONFIRMED";
    let damaged = [
        in_one(1..=14) + "<html>502</html>\r\n",
        in_one(1..=14).replacen("BEGIN:VEVENT", twice, 1),
        spoilt(1..21, 9..17, 3),
    ];
    for is_feed in [false, true] {
        for damaged in &damaged {
            for edit in [
                "me = [\"ada@example.org\"]\n",
                "timezone = \"Europe/Lisbon\"\n",
            ] {
                for at_once in [false, true] {
                    let home = Home::with(&["work", "home"]);
                    let feed = home.path("feed.ics");
                    if is_feed {
                        home.configure_also("", "[calendars.feed]\nfeed = \"~/feed.ics\"\n");
                    }
                    let put = |text: &str| match is_feed {
                        true => write(&feed, text.as_bytes()),
                        false => home.put("work", "all.ics", text),
                    };
                    put(&whole);
                    home.sync();
                    let before = home.blocks("home");
                    assert_eq!(before.len(), 20);
                    put(damaged);
                    if !at_once {
                        home.expect(5, &["sync"]);
                    }
                    let text = fs::read_to_string(home.config_file()).unwrap();
                    let text = text.replace("timezone = \"Europe/Berlin\"\n", "");
                    let zone = "timezone = \"Europe/Berlin\"\n";
                    let rest = if edit.starts_with("me") { zone } else { "" };
                    home.configure(&format!("{edit}{rest}{text}"));
                    for _ in 0..2 {
                        let ran = home.run(&["sync"]);
                        assert_eq!(ran.code, 5, "{is_feed} {edit} {at_once}: {ran:?}");
                        assert!(home.blocks("home").keys().eq(before.keys()), "{edit}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_feed_that_looks_damaged_takes_nothing_away_when_the_state_is_lost() {
    let home = Home::with(&["home"]);
    home.configure_also("", "[calendars.feed]\nfeed = \"~/feed.ics\"\n");
    write(&home.path("feed.ics"), in_one(1..=20).as_bytes());
    home.sync();
    home.lose_state();
    let damaged = in_one(1..=14) + "<html>502</html>\r\n";
    write(&home.path("feed.ics"), damaged.as_bytes());
    home.expect(5, &["sync"])
        .says(&["6 blocks are left standing"]);
    assert_eq!(home.blocks("home").len(), 20);
}
