//! The same meeting in several calendars: it shows once, but never not at all.

use serde_json::{Value, json};

use super::filters::soon;
use crate::support::program::{Home, day, event_with, meeting_at};

/// A home whose two calendars hold the same meetings, and show them in a third by these rules, in this order.
fn home_with(first: &str, second: &str, meetings: &[(&str, String)]) -> Home {
    let home = Home::with(&["first", "second", "target"]);
    home.configure_also(
        "",
        &format!(
            "[[rules]]\nfrom = \"first\"\nto = \"target\"\n{first}\n\
             [[rules]]\nfrom = \"second\"\nto = \"target\"\n{second}\n"
        ),
    );
    for (uid, text) in meetings {
        home.put("first", &format!("{uid}.ics"), text);
        home.put("second", &format!("{uid}.ics"), text);
    }
    home
}

#[test]
fn what_a_rule_shows_in_time_shows_once_and_what_is_too_late_for_it_shows_by_the_other() {
    let daily = format!("{}\nRRULE:FREQ=DAILY;COUNT=5", soon(45));
    let meetings = [
        ("late", event_with("late", &soon(60))),
        ("in-time", event_with("in-time", &soon(1000))),
        ("daily", event_with("daily", &daily)),
    ];
    let home = home_with("notice = \"2h\"", "", &meetings);
    home.sync();
    assert_eq!(home.blocks("target").len(), 3);
    home.sync_idle();
    // What stands is never too late, wherever it is moved to.
    home.put("first", "in-time.ics", event_with("in-time", &soon(30)));
    home.put("second", "in-time.ics", event_with("in-time", &soon(30)));
    home.sync();
    assert_eq!(home.blocks("target").len(), 3);
    home.sync_idle();
    // What moves on so that there is time for the first rule changes hands.
    home.put("first", "late.ics", event_with("late", &soon(1200)));
    home.put("second", "late.ics", event_with("late", &soon(1200)));
    home.sync();
    assert_eq!(home.blocks("target").len(), 3);
    home.sync_idle();
}

#[test]
fn where_several_merge_and_are_too_late_each_shows_by_the_other_rule() {
    let meetings = [
        ("one", event_with("one", &soon(60))),
        ("two", event_with("two", &soon(120))),
    ];
    let home = home_with("notice = \"5h\"\nmerge = true", "", &meetings);
    home.sync();
    assert_eq!(home.blocks("target").len(), 2);
    home.sync_idle();
}

#[test]
fn what_cannot_be_read_stands_for_its_twin_only_while_its_block_stands() {
    let meetings = [
        ("old", meeting_at("old", 8, 9)),
        ("new", meeting_at("new", 8, 12)),
    ];
    let broken = |home: &Home, uid: &str, hour| {
        let text = meeting_at(uid, 8, hour).replace("DTSTART:", "DTSTART;TZID=Nowhere/Land:");
        home.put(
            "first",
            &format!("{uid}.ics"),
            text.replace("0000Z", "0000"),
        );
    };
    let home = home_with("not_titles = [\"lunch\"]", "", &meetings[..1]);
    home.sync();
    home.put("first", "new.ics", &meetings[1].1);
    home.sync();
    assert_eq!(home.blocks("target").len(), 2);
    let idle = || {
        let before = home.world();
        home.expect(5, &["sync"]);
        assert_eq!(before, home.world());
    };
    // The block of what could be read stays, and shows the meeting for both.
    broken(&home, "old", 9);
    idle();
    let date = day(8).to_string();
    let told = home
        .expect(0, &["explain", "first", &date, "--json"])
        .json();
    assert_eq!(told["events"][0]["targets"][0]["result"], "unknown");
    assert_eq!(told["doubtful"], json!(["first"]));
    let told = home
        .expect(0, &["explain", "target", &date, "--json"])
        .json();
    let blocks = told["blocks"].as_array().unwrap();
    let is_wanted = |block: &Value| block["wanted"] == true;
    assert!(blocks.len() == 2 && blocks.iter().all(is_wanted), "{told}");
    // Where it does not stand any more, the meeting shows by the other rule.
    for name in home.blocks("target").into_keys() {
        home.delete("target", &name);
    }
    home.expect(5, &["sync"]);
    assert_eq!(home.blocks("target").len(), 2);
    idle();
}

#[test]
fn what_takes_no_time_is_explained() {
    let home = Home::with(&["home", "work"]);
    let moment = format!("DTSTART:{}T090000Z", day(4).strftime("%Y%m%d"));
    home.put("home", "moment.ics", event_with("moment", &moment));
    home.put(
        "home",
        "daily.ics",
        event_with("daily", &format!("{moment}\nRRULE:FREQ=DAILY")),
    );
    home.sync();
    let told = home
        .expect(0, &["explain", "home", &day(4).to_string(), "--json"])
        .json();
    let events = told["events"].as_array().unwrap();
    assert_eq!(events.len(), 2);
    for event in events {
        assert_eq!(event["start"], event["end"]);
        let target = &event["targets"][0];
        assert_eq!(
            (&target["result"], &target["why"]),
            (&json!("left_out"), &json!("no_time"))
        );
    }
    home.expect(0, &["explain", "home", &day(4).to_string()])
        .shows(&["left out: it takes no time"]);
}

#[test]
fn what_two_rules_cut_alike_shows_once() {
    let at = |days: i32, from: &str, to: &str, end: i32| {
        let date = |days: i32| day(days).strftime("%Y%m%d").to_string();
        format!(
            "DTSTART;TZID=Europe/Berlin:{}T{from}\nDTEND;TZID=Europe/Berlin:{}T{to}",
            date(days),
            date(end)
        )
    };
    let weekly = at(9, "173000", "183000", 9) + "\nRRULE:FREQ=WEEKLY;COUNT=5";
    let whole = format!(
        "DTSTART;VALUE=DATE:{}\nDURATION:P9D",
        day(20).strftime("%Y%m%d")
    );
    let meetings = [
        ("weekly", event_with("weekly", &weekly)),
        ("long", event_with("long", &at(4, "170000", "193000", 4))),
        ("night", event_with("night", &at(6, "170000", "100000", 7))),
        ("whole", event_with("whole", &whole)),
    ];
    let cut = "hours = \"08:00-18:00\"\nedge = \"clip\"";
    let home = home_with(cut, cut, &meetings);
    home.sync();
    // One series, one that is cut, one in two pieces, and one of whole days.
    assert_eq!(home.blocks("target").len(), 1 + 1 + 2 + 1);
    home.sync_idle();
    let days = "days = [\"mon-fri\"]\nedge = \"clip\"";
    let home = home_with(days, days, &meetings[3..]);
    home.sync();
    let pieces = home.blocks("target").len();
    let alone = home_with(
        days,
        "days = [\"mon-fri\"]\nall_day = \"skip\"",
        &meetings[3..],
    );
    alone.sync();
    assert_eq!(alone.blocks("target").len(), pieces);
    // What the second rule shows more of shows by it.
    let home = home_with(cut, "", &meetings[1..2]);
    home.sync();
    assert_eq!(home.blocks("target").len(), 2);
}

#[test]
fn what_only_a_part_of_shows_by_one_rule_is_a_series_by_the_next() {
    let daily = format!(
        "DTSTART;TZID=Europe/Berlin:{}T160000\nDURATION:PT4H\nRRULE:FREQ=DAILY",
        day(3).strftime("%Y%m%d")
    );
    let cut = "hours = \"09:00-17:00\"\nedge = \"clip\"";
    for (first, second, blocks) in [(cut, "", 2), ("", cut, 1)] {
        let home = home_with(first, second, &[("daily", event_with("daily", &daily))]);
        home.sync();
        assert_eq!(home.blocks("target").len(), blocks);
        home.sync_idle();
    }
}

#[test]
fn another_title_takes_up_nothing_that_is_too_late() {
    let home = home_with("notice = \"4h\"", "", &[]);
    home.put("first", "a.ics", event_with("a", &soon(300)));
    home.sync();
    home.put(
        "first",
        "b.ics",
        event_with("b", &soon(180).replace("PT1H", "PT3H")),
    );
    home.sync_idle();
    let text = std::fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace("notice = \"4h\"", "notice = \"4h\"\ntitle = \"Away\""));
    home.sync();
    assert_eq!(home.blocks("target").len(), 1);
    home.sync_idle();
}
