//! Files in a calendar's folder that are not what they should be.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    process::Command,
};

use crate::support::program::{
    Home, calendar, event_with, meeting, meeting_at, set_mode, utc, write,
};

/// A home with one good event, and an odd file beside it.
fn with_odd(name: &str, content: impl AsRef<[u8]>) -> Home {
    let home = Home::with(&["work", "home"]);
    home.put("work", "good.ics", meeting("good", 3));
    home.put("work", name, content);
    home
}

/// Syncs twice; both times the odd file is named, and the good one has its block.
fn is_told(home: &Home, words: &[&str]) {
    for _ in 0..2 {
        let ran = home.expect(5, &["sync"]);
        ran.says(words);
        assert_eq!(home.blocks("home").len(), 1);
    }
    home.expect(0, &["status"]);
}

#[test]
fn one_unreadable_file_among_a_thousand_stops_nothing_else() {
    let home = Home::with(&["work", "home"]);
    for number in 0..1000 {
        home.put(
            "work",
            &format!("{number}.ics"),
            meeting(&format!("u{number}"), 1 + number % 300),
        );
    }
    home.put("work", "500.ics", meeting_at("u500", 7, 20));
    home.sync();
    let before = home.blocks("home");
    assert_eq!(before.len(), 1000);
    let good = meeting_at("u500", 7, 20);
    home.put("work", "500.ics", good.replace("DTSTART:2", "DTSTART:x"));
    home.put("work", "501.ics", meeting_at("u501", 9, 22));
    home.put("work", "new.ics", meeting("new", 8));
    let ran = home.expect(5, &["sync"]);
    // The line of DTSTART.
    ran.says(&["work: 500.ics", "line 7", "DTSTART"]);
    let after = home.blocks("home");
    assert_eq!(after.len(), 1001);
    let same = before
        .iter()
        .filter(|(name, bytes)| after.get(*name) == Some(bytes));
    assert_eq!(same.count(), 999, "only the block of 501.ics has changed");
    let again = home.expect(5, &["sync"]);
    again.says(&["work: 500.ics", "line 7"]);
    assert_eq!(home.blocks("home"), after);
    let report = home.expect(5, &["sync", "--json"]).json();
    assert_eq!(report["result"], "partial");
    assert!(
        report["calendars"][1]["error"]
            .as_str()
            .unwrap()
            .contains("500.ics")
    );
    home.put("work", "500.ics", &good);
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home"), after);
    home.sync_idle();
}

#[test]
fn of_several_unreadable_files_one_is_named_and_all_of_them_on_request() {
    let home = with_odd("bad1.ics", "rubbish");
    home.put("work", "bad2.ics", "BEGIN:VCALENDAR\r\n");
    home.put("work", "bad3.ics", event_with("x", "SUMMARY:x"));
    let ran = home.expect(5, &["sync"]);
    ran.says(&["work: bad1.ics", "and 2 more, which `calsync check` names"]);
    let told = home.expect(5, &["sync", "-v"]);
    told.says(&["work: bad2.ics", "line 1", "work: bad3.ics", "line 4"]);
    let report = home.expect(5, &["sync", "--json"]).json();
    assert_eq!(report["notes"].as_array().unwrap().len(), 2, "{report}");
}

#[test]
fn a_file_cut_short_keeps_its_block() {
    let home = Home::with(&["work", "home"]);
    let text = meeting("a", 3);
    home.put("work", "a.ics", &text);
    home.sync();
    let before = home.blocks("home");
    for length in [0, 20, text.len() / 2, text.len() - 20] {
        home.put("work", "a.ics", &text[..length]);
        home.expect(5, &["sync"]).says(&["a.ics"]);
        assert_eq!(home.blocks("home"), before, "{length}");
    }
    home.put("work", "a.ics", &text);
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home"), before);
}

#[test]
fn what_is_no_calendar_is_named() {
    for (name, content) in [
        ("empty.ics", &b""[..]),
        (
            "page.ics",
            b"<!DOCTYPE html><html><body>Sign in</body></html>",
        ),
        ("binary.ics", &[0, 159, 146, 150, 255, 0, 10, 13, 58, 59]),
        ("blank.ics", b"\r\n\r\n\r\n"),
        (
            "card.ics",
            b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Bob\r\nEND:VCARD\r\n",
        ),
    ] {
        let home = with_odd(name, content);
        is_told(&home, &[&format!("work: {name}"), "not a calendar"]);
        home.delete("work", name);
        home.expect(0, &["sync"]);
    }
}

#[test]
fn a_file_that_is_too_large_is_named_and_harms_no_other() {
    let home = with_odd("huge.ics", "");
    let huge = fs::OpenOptions::new()
        .write(true)
        .open(home.folder("work").join("huge.ics"))
        .unwrap();
    huge.set_len(17 << 20).unwrap();
    is_told(&home, &["work: huge.ics", "larger than 16 MiB"]);
}

#[test]
fn events_that_make_no_sense_are_named_with_their_lines() {
    let start = utc(5, "090000");
    let cases = [
        ("DTSTART:tomorrow", "line 7: DTSTART"),
        ("SUMMARY:x", "line 4: the event has no DTSTART"),
        (
            &*format!("DTSTART:{start}\nDTEND:99999999T999999"),
            "line 8: DTEND",
        ),
        (
            &*format!("DTSTART:{start}\nDURATION:long"),
            "line 8: DURATION",
        ),
        (
            &*format!("DTSTART:{start}\nRRULE:FREQ=SOMETIMES"),
            "line 8: ",
        ),
        (
            &*format!("DTSTART:{start}\nRECURRENCE-ID:never"),
            "line 8: RECURRENCE-ID",
        ),
        ("DTSTART", "line 7: "),
    ];
    for (properties, words) in cases {
        let home = with_odd("odd.ics", event_with("odd", properties));
        is_told(&home, &["work: odd.ics", words]);
    }
}

#[test]
fn folders_links_and_pipes_among_the_files_are_passed_over() {
    let home = with_odd("elsewhere.txt", meeting("linked", 5));
    let work = home.folder("work");
    fs::create_dir(work.join("folder.ics")).unwrap();
    symlink(work.join("elsewhere.txt"), work.join("link.ics")).unwrap();
    let made = Command::new("mkfifo").arg(work.join("pipe.ics")).status();
    assert!(made.unwrap().success());
    home.sync();
    assert_eq!(home.blocks("home").len(), 2, "a link to a file is an event");
    home.sync_idle();
}

#[test]
fn a_link_that_leads_back_to_itself_harms_no_other() {
    let home = with_odd("other.txt", "");
    let place = home.folder("work").join("loop.ics");
    symlink(&place, &place).unwrap();
    is_told(&home, &["work: loop.ics"]);
}

#[test]
fn a_file_with_a_name_that_is_not_utf8_is_told_rather_than_passed_over() {
    let home = with_odd("other.txt", "");
    let place = home.folder("work").join(OsStr::from_bytes(b"caf\xe9.ics"));
    write(&place, meeting("x", 4).as_bytes());
    is_told(&home, &["caf\u{fffd}.ics", "UTF-8", "rename"]);
    fs::remove_file(&place).unwrap();
    home.expect(0, &["sync"]);
}

#[test]
fn sloppy_text_is_read_all_the_same() {
    let text = event_with(
        "x",
        &format!(
            "SUMMARY:Caf\u{e9}\nDTSTART:{}\nDURATION:PT1H",
            utc(4, "090000")
        ),
    );
    let latin1: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let bom = [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat();
    let cases = [
        ("lf.ics", text.replace("\r\n", "\n").into_bytes()),
        ("cr.ics", text.replace("\r\n", "\r").into_bytes()),
        ("bom.ics", bom),
        ("latin1.ics", latin1),
        ("lower.ics", text.to_lowercase().into_bytes()),
        ("NAME.ICS", text.clone().into_bytes()),
        ("no-end.ics", text.trim_end().as_bytes().to_vec()),
        (
            "blank-lines.ics",
            text.replace("\r\n", "\r\n\r\n").into_bytes(),
        ),
    ];
    for (name, content) in cases {
        let home = with_odd(name, content);
        home.sync();
        assert_eq!(home.blocks("home").len(), 2, "{name}");
    }
}

#[test]
fn a_file_may_hold_a_hundred_events() {
    let one = |number: i32| {
        let start = utc(1 + number, "090000");
        format!(
            "BEGIN:VEVENT\nUID:u{number}\nDTSTAMP:20260101T000000Z\nDTSTART:{start}\nDURATION:PT1H\nEND:VEVENT\n"
        )
    };
    let many: String = (0..100).map(one).collect();
    let home = Home::with(&["work", "home"]);
    home.put("work", "all.ics", calendar(&many));
    home.sync();
    assert_eq!(home.blocks("home").len(), 100);
    let spoiled = many.replacen("DTSTART:2", "DTSTART:x", 1);
    home.put("work", "all.ics", calendar(&spoiled));
    home.expect(5, &["sync"])
        .says(&["all.ics", "line 7", "DTSTART"]);
    assert_eq!(home.blocks("home").len(), 100);
    let fewer: String = (0..90).map(one).collect();
    home.put("work", "all.ics", calendar(&fewer));
    home.sync();
    assert_eq!(home.blocks("home").len(), 90);
}

#[test]
fn nesting_without_end_is_refused() {
    let home = with_odd("deep.ics", "BEGIN:VCALENDAR\r\n".repeat(200_000));
    is_told(&home, &["work: deep.ics", "line 17", "nested too deeply"]);
}

#[test]
fn a_line_of_megabytes_harms_nobody() {
    let long = format!(
        "DTSTART:{}\nDURATION:PT1H\nDESCRIPTION:{}",
        utc(4, "090000"),
        "x".repeat(3 << 20)
    );
    let home = with_odd("long.ics", event_with("long", &long));
    home.sync();
    assert_eq!(home.blocks("home").len(), 2);
}

#[test]
fn a_removal_is_believed_although_a_file_beside_it_can_never_be_read() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "twin.ics", meeting("twin", 3));
    home.put("home", "twin.ics", meeting("twin", 3));
    home.put("home", "huge.ics", "");
    let path = home.folder("home").join("huge.ics");
    fs::OpenOptions::new()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(17 << 20)
        .unwrap();
    home.expect(5, &["sync"]);
    assert_eq!(home.blocks("home").len(), 0);
    home.delete("home", "twin.ics");
    home.expect(5, &["sync"]);
    assert_eq!(
        home.blocks("home").len(),
        1,
        "the real one is gone, so the block comes"
    );
}

#[test]
fn a_file_without_permission_is_named() {
    let home = with_odd("locked.ics", meeting("locked", 4));
    set_mode(&home.folder("work").join("locked.ics"), 0o000);
    let Some(ran) = home.run_without_privileges(&["sync"]) else {
        return;
    };
    assert_eq!(ran.code, 5, "{ran:?}");
    ran.says(&["work: locked.ics", "ermission denied"]);
    assert_eq!(home.blocks("home").len(), 1);
}

#[test]
fn two_events_under_one_uid_and_edition_are_both_busy() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("same", 3));
    home.put("work", "b.ics", meeting("same", 4));
    home.put("work", "c.ics", meeting("same", 4));
    home.sync();
    assert_eq!(home.blocks("home").len(), 2);
    home.lose_state();
    home.sync_idle();
    home.delete("work", "b.ics");
    home.delete("work", "c.ics");
    home.sync();
    assert_eq!(home.blocks("home").len(), 1);
    let two = meeting("same", 5) + &meeting("same", 6);
    home.put("work", "a.ics", two);
    home.sync();
    assert_eq!(home.blocks("home").len(), 2);
}

#[test]
fn more_rules_and_dates_than_anybody_needs_are_refused_by_name() {
    let rules = "RRULE:FREQ=SECONDLY;COUNT=500000\n".repeat(2_000);
    let dates = (0..60_000).map(|i| {
        let (date, time) = (i / 86_400, i % 86_400);
        format!(
            "203001{:02}T{:02}{:02}{:02}Z",
            date + 1,
            time / 3600,
            time / 60 % 60,
            time % 60
        )
    });
    let dates = dates.collect::<Vec<_>>().join(",");
    for lines in [
        rules,
        format!("RDATE:{dates}"),
        format!("EXDATE:{dates}\nRRULE:FREQ=DAILY"),
    ] {
        let start = format!("DTSTART:{}\nDURATION:PT1H\n", utc(3, "100000"));
        let home = with_odd("many.ics", event_with("many", &(start + &lines)));
        is_told(
            &home,
            &[
                "many.ics",
                "more than 20 recurrence rules or 5000 single dates",
            ],
        );
    }
}

#[test]
fn a_file_in_utf_16_is_called_that() {
    let text = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";
    let wide = std::iter::once(0xfeff).chain(text.encode_utf16());
    let bytes: Vec<u8> = wide.flat_map(u16::to_le_bytes).collect();
    is_told(
        &with_odd("wide.ics", bytes),
        &["wide.ics", "UTF-16", "UTF-8"],
    );
}

#[test]
fn a_series_of_too_many_occurrences_is_named() {
    let event = format!(
        "DTSTART:{}\nDURATION:PT1S\nRRULE:FREQ=MINUTELY",
        utc(3, "100000")
    );
    is_told(
        &with_odd("often.ics", event_with("often", &event)),
        &["work: 1 series", "(often.ics)"],
    );
}

#[test]
fn an_end_before_its_start_is_named_and_the_block_stays() {
    let home = Home::with(&["work", "home"]);
    let event =
        |start: &str| event_with("a", &format!("DTSTART:{start}\nDTEND:{}", utc(3, "110000")));
    home.put("work", "a.ics", event(&utc(3, "100000")));
    home.sync();
    let blocks = home.blocks("home");
    home.put("work", "a.ics", event(&utc(3, "120000")));
    is_told(&home, &["a.ics", "line 8", "DTEND is before DTSTART"]);
    assert_eq!(home.blocks("home"), blocks);
}

#[test]
fn a_zone_that_ends_its_rules_in_utc_keeps_the_last_change() {
    let home = Home::with(&["work", "home"]);
    let part = |name: &str, month: u8, from: &str, to: &str, until: &str| {
        format!(
            "BEGIN:{name}\nDTSTART:2007{month:02}25T020000\nRRULE:FREQ=YEARLY;BYMONTH={month};BYDAY=-1SU;UNTIL={until}\n\
         TZOFFSETFROM:{from}\nTZOFFSETTO:{to}\nEND:{name}\n"
        )
    };
    // The clock goes back for the last time at 03:00 on its own, which is 16:00 of the day before in UTC.
    let zone = format!(
        "BEGIN:VTIMEZONE\nTZID:East\n{}{}END:VTIMEZONE\n",
        part("DAYLIGHT", 3, "+1000", "+1100", "20260328T160000Z"),
        part("STANDARD", 10, "+1100", "+1000", "20261024T150000Z")
    );
    let event = format!(
        "BEGIN:VEVENT\nUID:a\nDTSTAMP:20260101T000000Z\nDTSTART;TZID=East:{}\nDURATION:PT1H\nEND:VEVENT\n",
        utc(30, "090000").trim_end_matches('Z')
    );
    home.put(
        "work",
        "a.ics",
        format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{zone}{event}END:VCALENDAR\n"),
    );
    home.sync();
    let block = String::from_utf8(home.blocks("home").into_values().next().unwrap()).unwrap();
    let at = format!("DTSTART:{}", utc(29, "230000"));
    assert!(block.contains(&at), "{at}: {block}");
}

#[test]
fn an_event_in_a_zone_with_endless_changes_cannot_be_read() {
    let change = "BEGIN:STANDARD\nDTSTART:19700101T000000\nRRULE:FREQ=DAILY\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:STANDARD\n";
    let zones = (0..200).map(|i| {
        format!(
            "BEGIN:VTIMEZONE\nTZID:zone {i}\n{}END:VTIMEZONE\n",
            change.repeat(350)
        )
    });
    let event = format!(
        "BEGIN:VEVENT\nUID:z\nDTSTART;TZID=zone 7:{}\nDURATION:PT1H\nEND:VEVENT",
        utc(3, "100000").trim_end_matches('Z')
    );
    let home = Home::with(&["work", "home"]);
    home.put(
        "work",
        "z.ics",
        calendar(&(zones.collect::<String>() + &event)),
    );
    home.expect(5, &["sync"])
        .says(&["work: z.ics", "nobody knows the time zone"]);
}

#[test]
fn an_event_that_cannot_be_read_keeps_no_other_from_going() {
    let home = with_odd(
        "moon.ics",
        event_with(
            "moon",
            &format!(
                "DTSTART:{}\nRRULE:RSCALE=CHINESE;FREQ=YEARLY",
                utc(5, "100000")
            ),
        ),
    );
    is_told(&home, &["moon.ics", "calendar scale"]);
    home.delete("work", "good.ics");
    home.expect(5, &["sync"]);
    assert_eq!(home.blocks("home").len(), 0);
    // Nor does a whole file, unless it may hide the other.
    home.put("work", "good.ics", meeting("good", 3));
    home.put("work", "moon.ics", "<html>sign in</html>");
    home.expect(5, &["sync"]);
    home.delete("work", "good.ics");
    home.expect(5, &["sync"]);
    assert_eq!(home.blocks("home").len(), 0);
}

#[test]
fn a_file_that_cannot_be_read_keeps_only_what_it_may_hide() {
    let home = Home::with(&["work", "home"]);
    for number in 1..=6 {
        let event = meeting(&format!("e{number}"), number);
        home.put("work", &format!("{number}.ics"), event);
    }
    home.sync();
    // What goes at the same time as something becomes unreadable may be in there.
    home.put("work", "bad.ics", "junk");
    home.delete("work", "1.ics");
    for _ in 0..2 {
        home.expect(5, &["sync"]);
        assert_eq!(home.blocks("home").len(), 6);
    }
    // What goes later is not.
    home.delete("work", "2.ics");
    home.expect(5, &["sync"]);
    assert_eq!(home.blocks("home").len(), 5);
    // One that was read before keeps what it held, and no more.
    home.put("work", "3.ics", "junk");
    home.expect(5, &["sync"]);
    home.delete("work", "4.ics");
    home.expect(5, &["sync"]);
    assert_eq!(home.blocks("home").len(), 4);
    // Once they can be read again, or are gone, all is as they say.
    home.put("work", "bad.ics", meeting("e1", 20));
    home.delete("work", "3.ics");
    home.expect(0, &["sync"]);
    assert_eq!(home.blocks("home").len(), 3);
    home.sync_idle();
}
