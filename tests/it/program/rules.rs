//! What the configuration asks for is what gets written: roles, rules, windows, twins.

use std::fs;

use crate::support::program::{Files, Home, event_with, meeting, utc, weekly};

fn counts(home: &Home, calendars: &[&str]) -> Vec<usize> {
    calendars
        .iter()
        .map(|name| home.blocks(name).len())
        .collect()
}

#[test]
fn a_calendar_that_is_only_a_source_is_never_written_to() {
    let home = Home::with(&["work", "home"]);
    home.configure_also("", "role = \"source\"");
    home.put("work", "a.ics", meeting("a", 3));
    home.put("home", "b.ics", meeting("b", 4));
    let before = home.files("home");
    home.sync();
    assert_eq!(counts(&home, &["work", "home"]), [1, 0]);
    assert_eq!(home.files("home"), before);
    home.sync_idle();
}

#[test]
fn a_calendar_that_is_only_a_target_shows_nowhere() {
    let home = Home::with(&["work", "home"]);
    home.configure_also("", "role = \"target\"");
    home.put("work", "a.ics", meeting("a", 3));
    home.put("home", "b.ics", meeting("b", 4));
    home.sync();
    assert_eq!(counts(&home, &["work", "home"]), [0, 1]);
}

#[test]
fn rules_say_what_shows_where_and_as_what() {
    let home = Home::with(&["work", "home", "club"]);
    home.configure_also("", "[[rules]]\nfrom = [\"home\", \"club\"]\nto = \"work\"\ntitle = \"Private, \\\\ busy\"\nshow = \"busy\"");
    for (calendar, day) in [("work", 3), ("home", 4), ("club", 5)] {
        home.put(calendar, "a.ics", meeting(calendar, day));
    }
    home.sync();
    assert_eq!(counts(&home, &["work", "home", "club"]), [2, 0, 0]);
    for bytes in home.blocks("work").values() {
        assert!(String::from_utf8_lossy(bytes).contains("SUMMARY:Private\\, \\\\ busy\r\n"));
    }
    home.sync_idle();
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace("Private, \\\\ busy", "Away"));
    let report = home.expect(0, &["sync", "--json"]).json();
    assert_eq!(
        (&report["updated"], &report["created"]),
        (&2.into(), &0.into()),
        "{report}"
    );
    assert!(
        home.blocks("work")
            .values()
            .all(|b| String::from_utf8_lossy(b).contains("SUMMARY:Away\r\n"))
    );
}

/// So many blocks are in `home`, and these are left when the window begins a week later.
fn stay_with_less_past(home: &Home, blocks: usize) -> Files {
    home.sync();
    let before = home.blocks("home");
    assert_eq!(before.len(), blocks);
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace("past_days = 9", "past_days = 1"));
    home.sync_idle();
    assert_eq!(home.blocks("home"), before);
    before
}

#[test]
fn a_rule_that_goes_takes_its_blocks_with_it() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.put("home", "b.ics", meeting("b", 4));
    home.sync();
    assert_eq!(counts(&home, &["work", "home"]), [1, 1]);
    home.configure_also("", "[[rules]]\nfrom = \"work\"\nto = \"home\"");
    home.sync();
    assert_eq!(counts(&home, &["work", "home"]), [0, 1]);
}

#[test]
fn a_meeting_that_stands_in_both_calendars_needs_no_block_until_one_goes() {
    let home = Home::with(&["work", "home", "club"]);
    home.put("work", "a.ics", meeting("same", 3));
    home.put("home", "other-name.ics", meeting("same", 3));
    home.sync();
    assert_eq!(counts(&home, &["work", "home", "club"])[..2], [0, 0]);
    assert!(!home.blocks("club").is_empty());
    home.sync_idle();
    home.delete("home", "other-name.ics");
    home.sync();
    assert_eq!(counts(&home, &["work", "home", "club"]), [0, 1, 1]);
}

#[test]
fn only_what_touches_the_window_is_shown() {
    let home = Home::with(&["work", "home"]);
    home.configure_also("", "[window]\npast_days = 5\nfuture_days = 20");
    for (name, day) in [("old", -8), ("past", -3), ("soon", 18), ("late", 24)] {
        home.put("work", &format!("{name}.ics"), meeting(name, day));
    }
    home.sync();
    let mut shown: Vec<String> = Vec::new();
    for bytes in home.blocks("home").values() {
        let text = String::from_utf8_lossy(bytes);
        shown.extend(
            text.lines()
                .filter_map(|line| line.strip_prefix("DTSTART:"))
                .map(str::to_owned),
        );
    }
    shown.sort();
    assert_eq!(shown, [utc(-3, "090000"), utc(18, "090000")]);
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace("= 20", "= 30"));
    let report = home.expect(0, &["sync", "--json"]).json();
    assert_eq!(
        (&report["created"], &report["deleted"]),
        (&1.into(), &0.into())
    );
}

#[test]
fn what_is_over_before_the_window_stays_or_goes_as_the_configuration_says() {
    let home = Home::with(&["work", "home"]);
    home.configure_also(
        "",
        "[window]\npast_days = 9\nfuture_days = 20\npast = \"keep\"",
    );
    for day in [-8, -7, -2, 4] {
        home.put(
            "work",
            &format!("{day}.ics"),
            meeting(&format!("u{day}"), day),
        );
    }
    home.put("work", "weekly.ics", weekly("weekly", -8));
    home.sync();
    assert_eq!(counts(&home, &["home"]), [5]);
    let text = fs::read_to_string(home.config_file()).unwrap();
    let narrow = text.replace("past_days = 9", "past_days = 3");
    home.configure(&narrow);
    home.sync_idle();
    home.configure(&narrow.replace("\"keep\"", "\"delete\""));
    let dry = home.expect(0, &["sync", "--dry-run", "--json"]).json();
    assert_eq!(dry["operations"][0]["why"], "past");
    home.sync();
    assert_eq!(counts(&home, &["home"]), [3]);
    home.sync_idle();
    // Many at once take a person's word.
    home.configure(&text);
    for nth in 0..12 {
        home.put(
            "work",
            &format!("more-{nth}.ics"),
            meeting(&format!("more{nth}"), -6),
        );
    }
    home.sync();
    assert_eq!(counts(&home, &["home"]), [17]);
    home.configure(&narrow.replace("\"keep\"", "\"delete\""));
    home.expect(6, &["sync"]);
    assert_eq!(counts(&home, &["home"]), [17]);
    home.expect(0, &["sync", "--allow-mass-delete"]);
    assert_eq!(counts(&home, &["home"]), [3]);
    home.configure(&text.replace("\"keep\"", "\"kepe\""));
    home.expect(3, &["check"]).says(&["did you mean `keep`?"]);
}

#[test]
fn a_series_that_rests_while_the_window_is_between_its_occurrences_keeps_its_block() {
    let home = Home::with(&["work", "home"]);
    home.configure_also("", "[window]\npast_days = 9\nfuture_days = 20");
    let every = |rule: &str| meeting("rare", -5).replace("DTEND", &format!("{rule}\r\nDTEND"));
    home.put("work", "rare.ics", every("RRULE:FREQ=YEARLY;INTERVAL=3"));
    let before = stay_with_less_past(&home, 1);
    // The state may be lost meanwhile; what is not there is not made before it shows.
    home.lose_state();
    home.sync_idle();
    assert_eq!(home.blocks("home"), before);
    home.put(
        "work",
        "new.ics",
        every("RRULE:FREQ=YEARLY").replace("rare", "new"),
    );
    home.sync_idle();
    // Its event goes, and so does it.
    home.delete("work", "rare.ics");
    home.sync();
    assert!(home.blocks("home").is_empty());
}

#[test]
fn a_series_that_rests_keeps_its_block_however_seldom_and_in_whatever_form_it_is_shown() {
    let home = Home::with(&["work", "private", "home"]);
    let rules = "[window]\npast_days = 9\nfuture_days = 20\n[[rules]]\nfrom = [\"work\", \"private\"]\nto = \"home\"\n";
    home.configure_also("", &format!("{rules}before = \"15m\""));
    let every = |name: &str, rule: &str| {
        meeting(name, -5).replace("DTEND", &format!("RRULE:{rule}\r\nDTEND"))
    };
    home.put("work", "ten.ics", every("ten", "FREQ=YEARLY;INTERVAL=10"));
    home.put("work", "two.ics", every("two", "FREQ=YEARLY;INTERVAL=2"));
    // The same meeting in another calendar.
    home.put("private", "two.ics", every("two", "FREQ=YEARLY;INTERVAL=2"));
    stay_with_less_past(&home, 2);
}

#[test]
fn a_series_keeps_its_past_while_its_rule_ends_long_after_the_last_that_it_shows() {
    let home = Home::with(&["work", "home"]);
    home.configure_also("", "[window]\npast_days = 9\nfuture_days = 20");
    // The second one is taken out: what is left is over before the rule is.
    let lines = format!(
        "RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL={}\r\nEXDATE:{}\r\nDTEND",
        utc(12, "090000"),
        utc(9, "090000")
    );
    home.put(
        "work",
        "course.ics",
        meeting("course", -5).replace("DTEND", &lines),
    );
    stay_with_less_past(&home, 1);
}

#[test]
fn series_that_cost_too_much_are_told_of_and_spoil_nothing_else() {
    let home = Home::with(&["work", "home"]);
    let hours: Vec<String> = (0..24).map(|hour| hour.to_string()).collect();
    let rule = format!(
        "DTSTART:19000101T090000Z\nDURATION:PT30M\n\
         RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR={}",
        hours.join(",")
    );
    for nth in 0..20 {
        let uid = format!("costly-{nth}");
        home.put("work", &format!("{uid}.ics"), event_with(&uid, &rule));
    }
    home.put("work", "z.ics", meeting("zz", 3));
    let ran = home.expect(5, &["sync"]);
    ran.says(&["20 series with more than 10000 occurrences inside the window"]);
    assert_eq!(home.blocks("home").len(), 1);
}

#[test]
fn what_is_free_cancelled_or_declined_blocks_nothing() {
    let home = Home::with(&["work", "home"]);
    home.configure_also("me = [\"Ada@Example.com\"]", "");
    let start = format!("DTSTART:{}\nDURATION:PT1H\n", utc(3, "090000"));
    let cases = [
        ("free", "TRANSP:TRANSPARENT", 0),
        ("cancelled", "STATUS:CANCELLED", 0),
        (
            "declined",
            "ATTENDEE;PARTSTAT=DECLINED:mailto:ada@example.com",
            0,
        ),
        ("tentative", "STATUS:TENTATIVE", 1),
        (
            "unanswered",
            "ATTENDEE;PARTSTAT=NEEDS-ACTION:MAILTO:ada@example.com",
            1,
        ),
        (
            "of-others",
            "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.com",
            1,
        ),
    ];
    for (name, line, shown) in cases {
        home.put("work", "a.ics", event_with(name, &format!("{start}{line}")));
        home.sync();
        assert_eq!(home.blocks("home").len(), shown, "{name}");
    }
}
