//! `calsync rules` and `calsync explain`: what is said of rules is what they do.

use serde_json::json;

use crate::support::program::{Home, day, event_with, meeting, meeting_at, utc, weekly};

const RULES: &str = "[[rules]]\nfrom = [\"home\"]\nto = [\"work\", \"club\"]\ntitle = \"Away\"\nnot_titles = [\"lunch\"]\n\
    days = [\"mon-sun\"]\nhours = \"08:00-20:00\"\nedge = \"inside\"\nzone = \"UTC\"\nshortest = \"30m\"\n\
    [[rules]]\nfrom = \"work\"\nto = \"home\"\nall_day = \"skip\"\nanswers = [\"accepted\"]\n";

fn home_with_rules() -> Home {
    let home = Home::with(&["home", "work", "club"]);
    home.configure_also("me = [\"me@example.org\"]", RULES);
    home
}

#[test]
fn rules_are_shown_as_they_are_in_force() {
    let home = home_with_rules();
    let told = home.expect(0, &["rules"]).stdout;
    assert_eq!(
        told,
        "home  in work  as \"Away\"  not_titles = /lunch/, shortest = 30m, hours = 08:00-20:00, edge = inside, zone = UTC\n\
         home  in club  as \"Away\"  not_titles = /lunch/, shortest = 30m, hours = 08:00-20:00, edge = inside, zone = UTC\n\
         work  in home  as \"Busy\"  all_day = skip, answers = accepted\n"
    );
    let rules = home.expect(0, &["rules", "--json"]).json();
    assert_eq!(
        rules["rules"][2],
        json!({"from": "work", "to": "home", "show": "busy", "title": "Busy", "look": {},
               "filter": {"all_day": "skip", "answers": ["accepted"]}})
    );
    let plain = Home::with(&["a", "b"]);
    plain
        .expect(0, &["rules"])
        .shows(&["a  in b  as \"Busy\"  all that keeps busy\n", "b  in a"]);
    assert!(!plain.state_file().exists() && !plain.key_file().exists());
}

/// Puts something of every kind on the ninth day.
fn fill(home: &Home) {
    home.put("home", "weekly.ics", weekly("weekly", 2));
    let lunch = format!("DTSTART:{}\nDURATION:PT1H\nSUMMARY:Lunch", utc(9, "120000"));
    home.put("home", "lunch.ics", event_with("lunch", &lunch));
    let short = format!("DTSTART:{}\nDURATION:PT5M", utc(9, "130000"));
    home.put("home", "short.ics", event_with("short", &short));
    let late = format!("DTSTART:{}\nDURATION:PT3H", utc(9, "180000"));
    home.put("home", "late.ics", event_with("late", &late));
    let free = format!(
        "DTSTART:{}\nDURATION:PT1H\nTRANSP:TRANSPARENT",
        utc(9, "140000")
    );
    home.put("home", "free.ics", event_with("free", &free));
    home.put("home", "same.ics", meeting_at("same", 9, 15));
    home.put("work", "same.ics", meeting_at("same", 9, 15));
    home.put("home", "other-day.ics", meeting_at("other", 10, 15));
    let open = format!(
        "DTSTART:{}\nDURATION:PT1H\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:me@example.org",
        utc(9, "160000")
    );
    home.put("work", "open.ics", event_with("open", &open));
    home.put("work", "here.ics", meeting_at("here", 9, 17));
}

#[test]
fn every_event_of_a_day_is_explained() {
    let home = home_with_rules();
    let date = day(9).to_string();
    fill(&home);
    let explained = |calendar: &str| {
        home.expect(0, &["explain", calendar, &date, "--json"])
            .json()
    };
    let results = |calendar: &str| -> Vec<String> {
        let explained = explained(calendar);
        let events = explained["events"].as_array().unwrap();
        let said = events.iter().map(|event| {
            let target = &event["targets"][0];
            let why = target["why"].as_str().unwrap_or("-");
            format!(
                "{} {} {why}",
                event["uid"].as_str().unwrap(),
                target["result"].as_str().unwrap()
            )
        });
        said.collect()
    };
    assert_eq!(
        explained("home")["events"],
        json!([]),
        "nothing was read yet"
    );
    home.sync();
    assert_eq!(
        results("home"),
        [
            "weekly shows -",
            "lunch left_out not_titles",
            "short left_out shortest",
            "free left_out shown_as",
            "same elsewhere -",
            "late left_out times",
        ]
    );
    assert_eq!(
        results("work"),
        ["same elsewhere -", "open left_out answers", "here shows -"]
    );
    let weekly = &explained("home")["events"][0];
    assert_eq!(
        (&weekly["recurring"], &weekly["busy"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(weekly["targets"][0]["blocks"][0]["stands"], true);
    let shown = &explained("home")["blocks"];
    assert_eq!(
        (shown.as_array().unwrap().len(), &shown[0]["from"]),
        (1, &json!("work"))
    );
    // A block that somebody takes away is not there until the next sync brings it back, which sees it first.
    for name in home.blocks("work").into_keys() {
        home.delete("work", &name);
    }
    home.expect(0, &["sync", "--dry-run"]);
    assert_eq!(
        explained("home")["events"][0]["targets"][0]["blocks"][0]["stands"],
        false
    );
    home.sync();
}

#[test]
fn a_day_is_explained_in_words() {
    let home = home_with_rules();
    fill(&home);
    home.sync();
    let date = day(9).to_string();
    home.expect(0, &["explain", "home", &date]).shows(&[
        "Its own events:\n",
        "repeats\n      in work: shows ",
        "; its block stands\n      in club: shows ",
        "left out: its title matches one of `not_titles`\n",
        "left out: it is shorter than `shortest`\n",
        "left out: it is shown as free (`shown_as`)\n",
        "not needed: the same meeting stands there",
        "Shown here from other calendars:\n",
        "from work; its block stands\n",
    ]);
}

#[test]
fn the_form_of_blocks_is_told() {
    let home = Home::with(&["home", "work"]);
    home.configure_also(
        "",
        "[[rules]]\nfrom = \"home\"\nto = \"work\"\nbefore = \"1h 30m\"\nafter = \"5m\"\nround = \"30m\"\nzone = \"UTC\"",
    );
    home.expect(0, &["rules"]).shows(&[
        "home  in work  as \"Busy\"  before = 1h 30m, after = 5m, round = 30m, zone = UTC\n",
    ]);
    let rules = home.expect(0, &["rules", "--json"]).json();
    assert_eq!(
        rules["rules"][0]["filter"],
        json!({"before": "1h 30m", "after": "5m", "round": "30m", "zone": "UTC"})
    );
    let at = |time: &str| {
        format!(
            "DTSTART;TZID=Europe/Berlin:{}T{time}\nDURATION:PT1H",
            day(9).strftime("%Y%m%d")
        )
    };
    home.put("home", "a.ics", event_with("a", &at("001000")));
    home.put("home", "b.ics", event_with("b", &at("120000")));
    home.sync();
    let explained = |calendar: &str, nth: i32| {
        let date = day(nth).to_string();
        home.expect(0, &["explain", calendar, &date]).stdout
    };
    let before = day(8);
    let told = explained("home", 9);
    let night = format!("in work: shows {before} 22:30-01:30; its block stands\n");
    assert!(told.contains(&night), "{told}");
    assert!(
        told.contains("12:00-13:00  once\n      in work: shows 10:30-13:30; its block stands\n"),
        "{told}"
    );
    let told = explained("work", 8);
    let night = format!("22:30-{} 01:30  from home; its block stands\n", day(9));
    assert!(
        told.contains(&night),
        "what is of the next day shows on this one: {told}"
    );
    assert!(!told.contains("10:30"), "{told}");
}

#[test]
fn a_block_of_several_events_is_told_as_what_it_is() {
    let home = Home::with(&["home", "work"]);
    home.configure_also(
        "",
        "[[rules]]\nfrom = \"home\"\nto = \"work\"\nmerge = true",
    );
    home.expect(0, &["rules"])
        .shows(&["home  in work  as \"Busy\"  merge = true\n"]);
    let at = |time: &str| {
        format!(
            "DTSTART;TZID=Europe/Berlin:{}T{time}\nDURATION:PT1H",
            day(9).strftime("%Y%m%d")
        )
    };
    for (uid, time) in [
        ("a", "090000"),
        ("b", "094500"),
        ("c", "104500"),
        ("d", "120000"),
    ] {
        home.put("home", &format!("{uid}.ics"), event_with(uid, &at(time)));
    }
    home.sync();
    let date = day(9).to_string();
    let told = home.expect(0, &["explain", "home", &date]).stdout;
    assert_eq!(
        told.matches("in work: shows 09:00-11:45; its block stands\n")
            .count(),
        3,
        "{told}"
    );
    assert_eq!(
        told.matches("in work: shows 12:00-13:00; its block stands\n")
            .count(),
        1,
        "{told}"
    );
    let told = home.expect(0, &["explain", "work", &date]).stdout;
    assert_eq!(
        told.matches("from home; its block stands\n").count(),
        2,
        "{told}"
    );
}

#[test]
fn what_came_too_late_for_a_block_is_told() {
    let home = Home::with(&["home", "work"]);
    home.configure_also(
        "",
        "[[rules]]\nfrom = \"home\"\nto = \"work\"\nnotice = \"20d\"",
    );
    home.expect(0, &["rules"])
        .shows(&["home  in work  as \"Busy\"  notice = 20d\n"]);
    home.put("home", "a.ics", meeting_at("a", 9, 15));
    home.put("home", "b.ics", meeting_at("b", 25, 15));
    home.sync();
    let explained = |nth: i32| home.expect(0, &["explain", "home", &day(nth).to_string()]);
    explained(9).shows(&[
        "in work: left out: it began, or begins, sooner than `notice`, and has no block yet\n",
    ]);
    explained(25).shows(&["; its block stands\n"]);
    let json = home
        .expect(0, &["explain", "home", &day(9).to_string(), "--json"])
        .json();
    let told = &json["events"][0]["targets"][0];
    assert_eq!(
        (&told["result"], &told["why"]),
        (&json!("left_out"), &json!("notice"))
    );
}

#[test]
fn what_cannot_be_explained_is_said() {
    let home = home_with_rules();
    home.expect(2, &["explain", "hom", "today"])
        .says(&["there is no calendar \"hom\" in the configuration; there are: club, home, work"]);
    home.expect(2, &["explain", "home", "someday"])
        .says(&["\"someday\" is no date; write it like "]);
    home.expect(0, &["explain", "home"]).shows(&[
        "home, ",
        "home has not been read yet; run: calsync sync",
        "Nothing is known of its own events.",
    ]);
    assert!(!home.key_file().exists(), "to look makes no key");
    home.put("home", "far.ics", meeting_at("far", 5_000, 15));
    home.sync();
    home.expect(0, &["explain", "home", "2001-01-01"])
        .shows(&["The day is outside of the window", "No event of its own."]);
    let far = day(5_000).to_string();
    let told = home.expect(0, &["explain", "home", &far]);
    told.shows(&["in work: left out: it is outside of the window"]);
    assert!(!told.stdout.contains("has not been read yet"), "{told:?}");
    let told = home.expect(0, &["explain", "home", &far, "--json"]).json();
    assert_eq!(told["events"][0]["targets"][0]["why"], "window");
}

#[test]
fn a_block_that_the_guard_holds_back_is_told_of() {
    let home = Home::with(&["home", "work"]);
    for nth in 0..12 {
        home.put("work", &format!("{nth}.ics"), meeting(&nth.to_string(), 3));
    }
    home.sync();
    for nth in 0..12 {
        home.delete("work", &format!("{nth}.ics"));
    }
    home.expect(6, &["sync"]);
    let date = day(3).to_string();
    home.expect(0, &["explain", "home", &date]).shows(&[
        "from work; its block stands, and nothing asks for it any more; the guard holds it back",
    ]);
    let told = home.expect(0, &["explain", "home", &date, "--json"]).json();
    let blocks = told["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 12);
    assert_eq!(
        (&blocks[0]["stands"], &blocks[0]["wanted"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn a_block_that_stands_for_what_was_wanted_before_does_not_count_as_standing() {
    let home = Home::with(&["home", "work"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let date = day(3).to_string();
    home.expect(0, &["explain", "home", &date])
        .shows(&["from work; its block stands\n"]);
    home.configure_also(
        "",
        "[[rules]]\nfrom = \"work\"\nto = \"home\"\nbefore = \"30m\"",
    );
    home.expect(0, &["explain", "home", &date])
        .shows(&["from work; its block does not stand like this yet\n"]);
}

#[test]
fn what_is_changed_from_one_occurrence_on_is_explained_as_it_is_then() {
    let home = Home::with(&["home", "work"]);
    home.configure_also(
        "",
        "[[rules]]\nfrom = \"home\"\nto = \"work\"\nnot_titles = [\"lunch\"]\n",
    );
    let change = format!(
        "BEGIN:VEVENT\r\nUID:weekly\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;RANGE=THISANDFUTURE:{at}\r\nDTSTART:{at}\r\n\
         DURATION:PT1H\r\nSUMMARY:Lunch\r\nEND:VEVENT\r\nEND:VCALENDAR",
        at = utc(9, "090000")
    );
    let series = weekly("weekly", 2).replace("END:VCALENDAR", &change);
    home.put("home", "weekly.ics", series);
    home.sync();
    let on = |from_today: i32| {
        let date = day(from_today).to_string();
        home.expect(0, &["explain", "home", &date])
    };
    on(2).shows(&["in work: shows", "its block stands"]);
    on(16).shows(&["left out: its title matches one of"]);
}

#[test]
fn what_stands_unasked_is_told_at_its_event_too() {
    let home = Home::with(&["work", "home"]);
    let before = std::fs::read_to_string(home.config_file()).unwrap();
    let rule = |lines: &str| {
        let rule = format!("[[rules]]\nfrom = \"work\"\nto = \"home\"\n{lines}\n");
        home.configure(&format!("{before}{rule}"));
    };
    for nth in 0..12 {
        home.put("work", &format!("{nth}.ics"), meeting(&nth.to_string(), 3));
    }
    home.put("work", "old.ics", meeting("old", -20));
    rule("");
    home.sync();
    let told = |days: i32| {
        let date = day(days).to_string();
        let told = home.expect(0, &["explain", "work", &date]).stdout;
        let json = home.expect(0, &["explain", "work", &date, "--json"]).json();
        let left = json["events"][0]["targets"][0]["left"].clone();
        (told, left[0]["why"].clone())
    };
    assert_eq!(told(3).1, json!(null));
    // Until the next sync, then the guard holds them back.
    rule("titles = [\"nothing\"]");
    home.expect(0, &["sync", "--dry-run", "--allow-mass-delete"]);
    let (words, why) = told(3);
    assert!(
        words.contains("its title matches none of `titles`") && why == "unwanted",
        "{words}"
    );
    home.expect(6, &["sync"]);
    let (words, why) = told(3);
    assert!(
        words.contains("the guard holds it back") && why == "held_back",
        "{words}"
    );
    home.expect(0, &["status"]).shows(&[
        "13 blocks which the guard holds back; if they may go: calsync sync --allow-mass-delete",
    ]);
    // Which of several it is, its name tells.
    assert!(words.contains("once  11\n"), "{words}");
    // What is over stays.
    home.configure(&format!(
        "{before}[window]\npast_days = 5\n[[rules]]\nfrom = \"work\"\nto = \"home\"\n"
    ));
    home.sync();
    let (words, why) = told(-20);
    assert!(
        words.contains("stays because it is outside of the window") && why == "window",
        "{words}"
    );
    // And where no rule shows it any more.
    home.configure(&format!(
        "{before}[[rules]]\nfrom = \"home\"\nto = \"work\"\n"
    ));
    let (words, why) = told(3);
    assert!(
        !words.contains("no rule shows this calendar") && why == "unwanted",
        "{words}"
    );
}

#[test]
fn whole_days_are_told_by_their_dates() {
    let home = Home::with(&["home", "work"]);
    home.configure_also(
        "",
        "[[rules]]\nfrom = \"home\"\nto = \"work\"\ndays = [\"mon-fri\"]\nedge = \"clip\"",
    );
    let mut friday = day(9);
    while friday.weekday() != jiff::civil::Weekday::Friday {
        friday = friday.tomorrow().unwrap();
    }
    let lines = format!(
        "DTSTART;VALUE=DATE:{}\nDURATION:P4D",
        friday.strftime("%Y%m%d")
    );
    home.put("home", "trip.ics", event_with("trip", &lines));
    home.sync();
    let (saturday, monday) = (
        friday.tomorrow().unwrap(),
        friday.checked_add(jiff::Span::new().days(3)).unwrap(),
    );
    let told = home
        .expect(0, &["explain", "home", &saturday.to_string()])
        .stdout;
    let words = format!(
        "all day, {friday} to {monday}  once\n      in work: shows all day, {friday}; its block stands, shows all day, {monday}; its"
    );
    assert!(told.contains(&words), "{told}");
}

#[test]
fn a_long_rule_is_told_line_by_line_and_what_it_cannot_know_by_check() {
    let home = Home::with(&["home", "work"]);
    let rule = "[[rules]]\nfrom = \"home\"\nto = \"work\"\nhours = \"08:00-24:00\"\ndays = [\"mon-fri\"]\nedge = \"clip\"\n\
        titles = [\"a b\", \"c\"]\norganiser_is_me = true\nshortest = \"10m\"\nlongest = \"2d\"\nremind = \"2h\"\nmerge = true";
    home.configure_also("", rule);
    home.expect(0, &["rules"]).shows(&[
        "home  in work  as \"Busy\"\n      organiser_is_me = true\n      titles = /a b/ /c/\n      shortest = 10m\n",
        "\n      hours = 08:00-24:00\n",
        "\n      remind = 2h\n",
    ]);
    let rules = home.expect(0, &["rules", "--json"]).json();
    let filter = &rules["rules"][0]["filter"];
    assert_eq!(filter["titles"], json!(["a b", "c"]));
    assert_eq!(filter["merge"], json!(true));
    home.sync();
    let words = "calendar home: a rule asks for your answers, or what you organise, which takes your mail addresses";
    home.expect(0, &["check"]).shows(&[words]);
}
