//! What blocks say: titles, details, templates and looks, and what no rule lets through.

use std::{collections::BTreeSet, fs};

use calsync::model::Colour;
use serde_json::{Value, json};

use crate::support::{
    dav::house::House,
    google::FakeGoogle,
    program::{Home, ME, day, event_with, files_in, meeting_at, utc},
};

const RULE: &str = "[[rules]]\nfrom = \"work\"\nto = \"home\"\n";

/// The board meeting on the third day, with all that an event may say.
fn board() -> String {
    let lines = format!(
        "DTSTART:{}\nDURATION:PT1H\nSUMMARY:Board\\, quarterly\nLOCATION:Room 7\\; floor 2\nDESCRIPTION:Bring figures\\nand tea\n\
         ORGANIZER:mailto:me@example.org\nATTENDEE;CN=Me:mailto:me@example.org\nATTENDEE;CN=Ada Lovelace:mailto:ada@example.org\n\
         ATTENDEE:mailto:bob@example.org\nATTENDEE;CUTYPE=ROOM:mailto:room7@example.org",
        utc(3, "090000")
    );
    event_with("board", &lines)
}

fn private() -> String {
    let lines = format!(
        "DTSTART:{}\nDURATION:PT1H\nCLASS:PRIVATE\nSUMMARY:Dentist\nLOCATION:Tooth Street\nDESCRIPTION:Root canal",
        utc(4, "090000")
    );
    event_with("dentist", &lines)
}

fn untitled() -> String {
    let lines = format!("DTSTART:{}\nDURATION:PT1H", utc(5, "090000"));
    event_with("untitled", &lines)
}

/// Two calendars, in one of which these events are, with these lines in the rule that shows it in the other one.
fn shown(rule: &str, events: &[String]) -> Home {
    let home = Home::with(&["work", "home"]);
    home.configure_also("me = [\"me@example.org\"]", &format!("{RULE}{rule}"));
    for (i, event) in events.iter().enumerate() {
        home.put("work", &format!("{i}.ics"), event);
    }
    home.sync();
    home.sync_idle();
    assert_eq!(
        at_a_server(rule, events),
        said(home.blocks("home").into_values()),
        "{rule}"
    );
    home
}

/// What the same says in a calendar at a server.
fn at_a_server(rule: &str, events: &[String]) -> BTreeSet<Vec<String>> {
    let house = House::with(&["work"], &["home"]);
    let home = &house.home;
    home.configure_also("me = [\"me@example.org\"]", &format!("{RULE}{rule}"));
    for (i, event) in events.iter().enumerate() {
        home.put("work", &format!("{i}.ics"), event);
    }
    home.sync();
    home.sync_idle();
    said(house.blocks("home").into_values())
}

/// What blocks say, whichever they are and whenever they were written.
fn said(blocks: impl Iterator<Item = Vec<u8>>) -> BTreeSet<Vec<String>> {
    let is_own = |line: &&str| line.starts_with("UID:") || line.starts_with("DTSTAMP:");
    blocks
        .map(|bytes| {
            let text = String::from_utf8(bytes).unwrap();
            let lines = text.lines().filter(|line| !is_own(line));
            lines.map(str::to_owned).collect()
        })
        .collect()
}

/// The lines of all blocks in a calendar, unfolded, in the order of their starts.
fn lines(home: &Home, calendar: &str) -> Vec<Vec<String>> {
    let blocks = home.blocks(calendar).into_values();
    let mut blocks: Vec<Vec<String>> = blocks
        .map(|bytes| {
            let text = String::from_utf8(bytes).unwrap().replace("\r\n ", "");
            text.lines().map(str::to_owned).collect()
        })
        .collect();
    blocks.sort_by_key(|lines| lines.iter().find(|l| l.starts_with("DTSTART")).cloned());
    blocks
}

/// One property of all blocks in a calendar; nothing for those without.
fn all(home: &Home, calendar: &str, name: &str) -> Vec<String> {
    let prefix = format!("{name}:");
    let of = |lines: Vec<String>| {
        let found = lines.iter().find_map(|line| line.strip_prefix(&prefix));
        found.unwrap_or_default().to_owned()
    };
    lines(home, calendar).into_iter().map(of).collect()
}

const NOTE: &str = "Made by calsync: busy in another calendar. Changes here are overwritten.";

#[test]
fn rules_show_as_much_of_events_as_they_say() {
    let with = |rest: &str| format!("{}{rest}", NOTE.replace(',', "\\,"));
    let with_people = with("\\n\\nWith Ada Lovelace\\, bob@example.org");
    let cases: [(&str, [&str; 3], &str, &str); 8] = [
        ("", ["Busy", "Busy", "Busy"], "", &with("")),
        ("title = \"Away\"", ["Away"; 3], "", &with("")),
        (
            "show = \"title\"",
            ["Board\\, quarterly", "Busy", "Busy"],
            "",
            &with(""),
        ),
        (
            "show = \"title\"\nshow_private = true",
            ["Board\\, quarterly", "Dentist", "Busy"],
            "",
            &with(""),
        ),
        (
            "show = \"title\"\ntitle = \"{calendar}: {title} ({status}) {{x}}\"",
            [
                "work: Board\\, quarterly (confirmed) {x}",
                "work: Busy (confirmed) {x}",
                "work: Busy (confirmed) {x}",
            ],
            "",
            &with(""),
        ),
        (
            "show = \"details\"",
            ["Board\\, quarterly", "Busy", "Busy"],
            "",
            &with_people,
        ),
        (
            "show = \"details\"\nlocation = true",
            ["Board\\, quarterly", "Busy", "Busy"],
            "Room 7\\; floor 2",
            &with_people,
        ),
        (
            "show = \"details\"\nnotes = true\ntitle = \"{calendar}\"",
            ["work"; 3],
            "",
            &with("\\n\\nWith Ada Lovelace\\, bob@example.org\\n\\nBring figures\\nand tea"),
        ),
    ];
    for (rule, titles, place, notes) in cases {
        let home = shown(rule, &[board(), private(), untitled()]);
        assert_eq!(all(&home, "home", "SUMMARY"), titles, "{rule}");
        assert_eq!(all(&home, "home", "LOCATION")[0], place, "{rule}");
        assert_eq!(all(&home, "home", "DESCRIPTION")[0], notes, "{rule}");
        for lines in lines(&home, "home") {
            let people = ["ATTENDEE", "ORGANIZER", "BEGIN:VALARM"];
            assert!(
                !lines
                    .iter()
                    .any(|line| people.iter().any(|p| line.starts_with(p)))
            );
            assert!(lines.contains(&"CLASS:PRIVATE".to_owned()), "{lines:?}");
        }
        home.expect(0, &["reset", "--all", "--yes"]);
        assert!(home.blocks("home").is_empty());
    }
}

#[test]
fn whoever_invites_is_one_of_the_people() {
    let lines = format!(
        "DTSTART:{}\nDURATION:PT1H\nSUMMARY:Review\nORGANIZER;CN=Boss:mailto:boss@example.org\n\
         ATTENDEE;PARTSTAT=ACCEPTED:mailto:me@example.org",
        utc(3, "090000")
    );
    let home = shown(
        "show = \"details\"\nhas_guests = true",
        &[event_with("review", &lines)],
    );
    assert!(all(&home, "home", "DESCRIPTION")[0].ends_with("With Boss"));
}

#[test]
fn rules_give_blocks_their_looks() {
    for (rule, wanted) in [
        ("visibility = \"public\"", "CLASS:PUBLIC"),
        ("appear_as = \"tentative\"", "STATUS:TENTATIVE"),
        ("appear_as = \"free\"", "TRANSP:TRANSPARENT"),
        ("colour = \"tomato\"", "COLOR:tomato"),
        ("category = \"Client, A\"", "CATEGORIES:Client\\, A"),
        ("remind = \"1h 30m\"", "TRIGGER:-PT90M"),
    ] {
        let home = shown(rule, &[untitled()]);
        let has = || lines(&home, "home")[0].iter().any(|line| line == wanted);
        assert!(has(), "{rule}: {:?}", lines(&home, "home"));
        // Without the key it is an ordinary block again, and the other way round: in place.
        let text = fs::read_to_string(home.config_file()).unwrap();
        for (now, is_there) in [("", false), (rule, true)] {
            home.configure(&text.replace(rule, now));
            let report = home.expect(0, &["sync", "--json"]).json();
            assert_eq!(
                (&report["updated"], &report["created"]),
                (&1.into(), &0.into())
            );
            assert_eq!(has(), is_there, "{rule}");
            home.sync_idle();
        }
    }
}

#[test]
fn an_occurrence_that_is_called_otherwise_has_its_own_block() {
    let series = event_with(
        "weekly",
        &format!(
            "DTSTART:{}\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=4\nSUMMARY:Weekly",
            utc(3, "090000")
        ),
    );
    let change = format!(
        "BEGIN:VEVENT\r\nUID:weekly\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:{at}\r\nDTSTART:{at}\r\nDURATION:PT1H\r\n\
         SUMMARY:Planning\r\nEND:VEVENT\r\nEND:VCALENDAR",
        at = utc(10, "090000")
    );
    let event = series.replace("END:VCALENDAR", &change);
    for (rule, titles) in [
        ("show = \"title\"", &["Weekly", "Planning"][..]),
        ("", &["Busy"]),
    ] {
        let home = shown(rule, std::slice::from_ref(&event));
        assert_eq!(all(&home, "home", "SUMMARY"), titles);
        let holes = all(&home, "home", "EXDATE");
        assert_eq!(!holes[0].is_empty(), titles.len() > 1, "{holes:?}");
    }
}

#[test]
fn blocks_that_are_merged_say_all_that_they_stand_for() {
    let titled = |uid: &str, hour| meeting_at(uid, 3, hour).replace("Meeting", uid);
    let events = [titled("Tea", 9), titled("Cake", 10), titled("Late", 15)];
    let home = shown("show = \"title\"\nmerge = true", &events);
    assert_eq!(all(&home, "home", "SUMMARY"), ["Tea\\, Cake", "Late"]);
}

#[test]
fn a_new_title_changes_the_block_in_place_and_an_edited_one_comes_back() {
    let home = shown("show = \"title\"", &[board()]);
    home.put("work", "0.ics", board().replace("quarterly", "yearly"));
    let report = home.expect(0, &["sync", "--json"]).json();
    assert_eq!(
        (&report["updated"], &report["created"]),
        (&1.into(), &0.into())
    );
    assert_eq!(all(&home, "home", "SUMMARY"), ["Board\\, yearly"]);
    let (name, bytes) = home.blocks("home").into_iter().next().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    home.put("home", &name, text.replace("yearly", "never"));
    home.sync();
    assert_eq!(all(&home, "home", "SUMMARY"), ["Board\\, yearly"]);
    // A lost state changes nothing, and no title is told anywhere.
    home.lose_state();
    home.sync_idle();
    for args in [
        &["sync", "-vvv", "--full"][..],
        &["status", "-vv"],
        &["check"],
        &["sync", "--dry-run", "--json"],
    ] {
        let told = home.run(args).all();
        assert!(
            !told.contains("Board") && !told.contains("yearly"),
            "{told}"
        );
    }
}

#[test]
fn what_one_rule_shows_no_other_one_does() {
    let home = Home::with(&["work", "home", "client"]);
    home.configure_also(
        "",
        &format!(
            "{RULE}show = \"details\"\nlocation = true\nnotes = true\nshow_private = true\n\
             [[rules]]\nfrom = [\"work\", \"home\"]\nto = \"client\"\n[[rules]]\nfrom = \"client\"\nto = [\"work\", \"home\"]\nshow = \"title\"\n"
        ),
    );
    home.put("work", "a.ics", board());
    home.put("work", "b.ics", private());
    home.sync();
    home.sync_idle();
    assert_eq!(
        all(&home, "home", "SUMMARY"),
        ["Board\\, quarterly", "Dentist"]
    );
    assert_eq!(all(&home, "client", "SUMMARY"), ["Busy", "Busy"]);
    for bytes in home.blocks("client").values() {
        let text = String::from_utf8_lossy(bytes);
        for word in [
            "Board", "Room", "figures", "Ada", "Dentist", "Tooth", "canal", "home", "work",
        ] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }
    // Once no rule shows them any more, nothing remembers them.
    let text = fs::read_to_string(home.config_file()).unwrap();
    let quiet: String = text
        .lines()
        .filter(|line| {
            !["show", "location", "notes"]
                .iter()
                .any(|key| line.starts_with(key))
        })
        .fold(String::new(), |all, line| all + line + "\n");
    home.configure(&quiet);
    home.sync();
    home.sync_idle();
    assert_eq!(all(&home, "home", "SUMMARY"), ["Busy", "Busy"]);
    let folder = home.state_file().parent().unwrap().to_owned();
    for (name, bytes) in files_in(&folder) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains("Dentist") && !text.contains("quarterly"),
            "{name}"
        );
    }
}

#[test]
fn words_that_no_rule_shows_are_forgotten_though_their_calendar_is_away() {
    let home = shown("show = \"title\"\n", &[board()]);
    let folder = home.state_file().parent().unwrap().to_owned();
    let is_known = || {
        let mut files = files_in(&folder).into_values();
        files.any(|bytes| String::from_utf8_lossy(&bytes).contains("quarterly"))
    };
    assert!(is_known());
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace("show = \"title\"", ""));
    fs::rename(home.folder("work"), home.path("elsewhere")).unwrap();
    home.expect(5, &["sync"]);
    assert_eq!(all(&home, "home", "SUMMARY"), ["Busy"]);
    assert!(!is_known());
}

#[test]
fn blocks_of_private_events_stay_when_they_leave_the_window() {
    let past = |event: String, ahead| event.replace(&utc(4, "090000"), &utc(ahead, "090000"));
    let series = past(private(), -12)
        .replace("UID:dentist", "UID:series")
        .replace("DURATION", "RRULE:FREQ=DAILY;COUNT=2\r\nDURATION");
    let override_of = event_with(
        "open",
        &format!(
            "DTSTART:{}\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2\nSUMMARY:Open",
            utc(-14, "090000")
        ),
    );
    let home = shown(
        "show = \"title\"\n",
        &[
            past(private(), -10),
            past(private().replace("dentist", "far"), 60),
            series,
            override_of,
        ],
    );
    let before = home.blocks("home");
    assert_eq!(before.len(), 4);
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&format!(
        "{text}[window]\npast_days = 3\nfuture_days = 20\n"
    ));
    home.sync_idle();
    assert_eq!(home.blocks("home"), before);
}

#[test]
fn whatever_may_mean_private_keeps_its_words() {
    for class in [
        "CLASS:X-PERSONAL",
        "CLASS:CONFIDENTIAL",
        "CLASS:private",
        "CLASS:\"PRIVATE\"",
        "CLASS:PRIVATE;",
        "CLASS:\nPRIVATE",
        "CLASS PRIVATE",
        "CLSAS:PRIVATE",
        "CLARW:PRIVATE",
        "CLASS+X-A=b:PRIVATE",
        "CLASS:PUBLIC\nCLASS:PRIVATE",
    ] {
        let event = private().replace("CLASS:PRIVATE", &class.replace('\n', "\r\n"));
        let home = shown(
            "show = \"details\"\nlocation = true\nnotes = true",
            &[event],
        );
        assert_eq!(all(&home, "home", "SUMMARY"), ["Busy"], "{class}");
        assert_eq!(all(&home, "home", "LOCATION"), [""], "{class}");
    }
    let words = "CLASS:PRIVATE\r\nSUMMARY:Dentist";
    for spoilt in [
        "SUMMARY:Dentist\r\n CLASS:PRIVATE",
        "SUMMARY:Dentist\r\nCLASSGPRIVATE",
    ] {
        let home = shown("show = \"title\"", &[private().replace(words, spoilt)]);
        assert_eq!(all(&home, "home", "SUMMARY"), ["Busy"], "{spoilt}");
    }
    let event = private().replace("CLASS:PRIVATE", "CLASS:public");
    let home = shown("show = \"title\"", &[event]);
    assert_eq!(all(&home, "home", "SUMMARY"), ["Dentist"]);
}

#[test]
fn an_occurrence_of_a_private_series_is_private() {
    let lines = format!(
        "DTSTART:{}\nDURATION:PT1H\nCLASS:PRIVATE\nRRULE:FREQ=WEEKLY;COUNT=3\nSUMMARY:Therapy",
        utc(3, "090000")
    );
    let change = format!(
        "BEGIN:VEVENT\r\nUID:weekly\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:{}\r\nDTSTART:{}\r\nDURATION:PT1H\r\n\
         SUMMARY:Therapy moved\r\nEND:VEVENT\r\nEND:VCALENDAR",
        utc(10, "090000"),
        utc(11, "090000")
    );
    let event = event_with("weekly", &lines).replace("END:VCALENDAR", &change);
    let home = shown("show = \"title\"", &[event]);
    assert_eq!(all(&home, "home", "SUMMARY"), ["Busy", "Busy"]);
}

#[test]
fn words_that_no_rule_shows_any_more_go_also_outside_of_the_window() {
    let home = Home::with(&["work", "home"]);
    let window = "[window]\npast_days = 9\nfuture_days = 20\n";
    home.configure_also("", &format!("{window}{RULE}show = \"title\""));
    for (day, uid) in [(-6, "past"), (3, "now"), (15, "later")] {
        home.put(
            "work",
            &format!("{uid}.ics"),
            meeting_at(uid, day, 9).replace("Meeting", uid),
        );
    }
    home.sync();
    assert_eq!(all(&home, "home", "SUMMARY"), ["past", "now", "later"]);
    let text = fs::read_to_string(home.config_file()).unwrap();
    let narrow = text.replace(
        "past_days = 9\nfuture_days = 20",
        "past_days = 2\nfuture_days = 5",
    );
    home.configure(&narrow);
    home.sync_idle();
    home.configure(&narrow.replace("\"title\"", "\"busy\""));
    home.sync();
    assert_eq!(all(&home, "home", "SUMMARY"), ["Busy"]);
    home.sync_idle();
    // Without words of anybody's, what is over stays.
    home.configure(&text.replace("\"title\"", "\"busy\""));
    home.sync();
    home.configure(&narrow.replace("\"title\"", "\"busy\"\ntitle = \"Away\""));
    home.sync();
    assert_eq!(all(&home, "home", "SUMMARY"), ["Busy", "Away", "Busy"]);
}

#[test]
fn what_a_rule_shows_no_more_goes_also_outside_of_the_window() {
    let home = Home::with(&["work", "home"]);
    let window = "[window]\npast_days = 9\nfuture_days = 20\n";
    let rule = "show = \"details\"\nlocation = true\nnotes = true\nshow_private = true";
    home.configure_also("", &format!("{window}{RULE}{rule}"));
    for (uid, day, line) in [
        ("plain", -8, ""),
        ("place", -7, "LOCATION:Room 5\r\n"),
        ("notes", -6, "DESCRIPTION:Bring cake\r\n"),
        ("secret", -5, "CLASS:PRIVATE\r\n"),
    ] {
        let text = meeting_at(uid, day, 9).replace("Meeting", uid);
        let text = text.replace("SUMMARY", &format!("{line}SUMMARY"));
        home.put("work", &format!("{uid}.ics"), text);
    }
    home.sync();
    let text = fs::read_to_string(home.config_file()).unwrap();
    let narrow = text.replace("past_days = 9", "past_days = 2");
    home.configure(&narrow);
    home.sync_idle();
    let mut all_of = vec!["plain", "place", "notes", "secret"];
    for (less, goes) in [
        ("location = true\n", "place"),
        ("show_private = true", "secret"),
        ("notes = true\n", "notes"),
    ] {
        let text = fs::read_to_string(home.config_file()).unwrap();
        home.configure(&text.replace(less, ""));
        home.sync();
        home.sync_idle();
        all_of.retain(|uid| *uid != goes);
        assert_eq!(all(&home, "home", "SUMMARY"), all_of);
    }
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace("\"details\"", "\"title\""));
    home.sync_idle();
    assert_eq!(all(&home, "home", "SUMMARY"), ["plain"]);
}

#[test]
fn words_of_what_becomes_private_go_also_outside_of_the_window() {
    let home = Home::with(&["work", "home"]);
    let window = "[window]\npast_days = 9\nfuture_days = 20\n";
    home.configure_also("", &format!("{window}{RULE}show = \"title\""));
    let put = |uid: &str, day, lines: &str| {
        let text = meeting_at(uid, day, 9).replace("Meeting", uid);
        let text = text.replace("SUMMARY", &format!("{lines}SUMMARY"));
        home.put("work", &format!("{uid}.ics"), text);
    };
    for (uid, day) in [("past", -6), ("over", -5), ("now", 3)] {
        put(uid, day, "");
    }
    home.sync();
    let text = fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace("past_days = 9", "past_days = 2"));
    home.sync_idle();
    put("past", -6, "CLASS:PRIVATE\r\n");
    put("now", 3, "CLASS:PRIVATE\r\n");
    home.sync();
    assert_eq!(all(&home, "home", "SUMMARY"), ["over", "Busy"]);
    home.sync_idle();
    let rule = "show = \"title\"\nshow_private = true";
    let text = text.replace("show = \"title\"", rule);
    home.configure(&text);
    home.sync();
    home.configure(&text.replace("past_days = 9", "past_days = 2"));
    home.sync_idle();
    assert_eq!(all(&home, "home", "SUMMARY"), ["past", "over", "now"]);
}

#[test]
fn the_same_meeting_blocks_by_the_rule_that_shows_it_as_busy() {
    let rules = |first: &str| {
        format!(
            "[[rules]]\nfrom = \"work\"\nto = \"home\"\n{first}\n[[rules]]\nfrom = \"club\"\nto = \"home\"\n"
        )
    };
    for (first, busy) in [
        ("", 1),
        ("appear_as = \"free\"", 1),
        ("notice = \"30d\"", 1),
    ] {
        let home = Home::with(&["work", "club", "home"]);
        home.configure_also("", &rules(first));
        for calendar in ["work", "club"] {
            home.put(calendar, "a.ics", board());
        }
        home.sync();
        home.sync_idle();
        let blocks = lines(&home, "home").into_iter();
        let opaque = blocks.filter(|lines| lines.contains(&"TRANSP:OPAQUE".to_owned()));
        assert_eq!(opaque.count(), busy, "{first}");
    }
}

#[test]
fn names_that_change_hands_with_all_rules_leave_nothing_behind() {
    let home = Home::with(&["work", "home"]);
    let both = "[[rules]]\nfrom = \"work\"\nto = \"home\"\nshow = \"title\"\n[[rules]]\nfrom = \"home\"\nto = \"work\"\nshow = \"title\"\n";
    home.configure_also("", both);
    home.put("work", "a.ics", board());
    home.put("work", "b.ics", meeting_at("b", 4, 9));
    home.put("home", "c.ics", meeting_at("c", 5, 9));
    home.sync();
    let text = fs::read_to_string(home.config_file()).unwrap();
    let swapped = text
        .replace("[calendars.work]", "[calendars.-]")
        .replace("[calendars.home]", "[calendars.work]")
        .replace("[calendars.-]", "[calendars.home]");
    home.configure(&swapped.replace("\"title\"", "\"busy\""));
    home.sync();
    home.sync_idle();
    assert_eq!(all(&home, "home", "SUMMARY"), ["Busy", "Busy"]);
    assert_eq!(all(&home, "work", "SUMMARY"), ["Busy"]);
}

#[test]
fn a_hub_shows_clients_on_main_and_only_busy_time_on_clients() {
    const HUB: &str = "[hub]\nmain = \"main\"\nclients = [\"acme\", \"globex\"]\ncolours = { acme = \"sage\" }\n\
                       title = \"Unavailable\"";
    let names = ["main", "acme", "globex"];
    let home = Home::with(&names);
    home.configure_also("", HUB);
    let yoga = untitled().replace("DURATION", "SUMMARY:Yoga\r\nDURATION");
    home.put("acme", "a.ics", board());
    home.put("main", "b.ics", &yoga);
    home.sync();
    home.sync_idle();
    // And the same where all of them are at a server.
    let house = House::with(&[], &names);
    house.home.configure_also("", HUB);
    house.put("acme", "a.ics", &board());
    house.put("main", "b.ics", &yoga);
    house.home.sync();
    house.home.sync_idle();
    for name in names {
        let served = said(house.blocks(name).into_values());
        assert_eq!(said(home.blocks(name).into_values()), served, "{name}");
    }
    assert_eq!(all(&home, "main", "SUMMARY"), ["Board\\, quarterly"]);
    assert_eq!(all(&home, "main", "LOCATION"), ["Room 7\\; floor 2"]);
    assert_eq!(all(&home, "main", "COLOR"), ["mediumaquamarine"]);
    assert_eq!(
        all(&home, "globex", "SUMMARY"),
        ["Unavailable", "Unavailable"]
    );
    assert_eq!(all(&home, "acme", "SUMMARY"), ["Unavailable"]);
    home.expect(0, &["rules"]).shows(&[
        "acme    in main    as \"{title}\" with details  all that keeps busy, location = true, notes = true, colour = sage\n",
        "main    in acme    as \"Unavailable\"           all that keeps busy\n",
        "acme    in globex  as \"Unavailable\"",
    ]);
    let rules = home.expect(0, &["rules", "--json"]).json();
    assert_eq!(rules["rules"].as_array().unwrap().len(), 6);
    assert_eq!(rules["rules"][0]["look"]["colour"], "sage");
    // Private events keep their words from main as well, if it does not say otherwise.
    home.put("acme", "c.ics", private());
    let config = fs::read_to_string(home.config_file()).unwrap();
    let titles = |home: &Home| {
        home.sync();
        all(home, "main", "SUMMARY")
    };
    assert_eq!(titles(&home), ["Board\\, quarterly", "Busy"]);
    home.configure(&format!("{config}\nshow_private = true\n"));
    assert_eq!(titles(&home), ["Board\\, quarterly", "Dentist"]);
    assert_eq!(all(&home, "globex", "SUMMARY"), ["Unavailable"; 3]);
}

#[test]
fn a_client_s_colour_is_nobody_else_s_matter() {
    let names: Vec<String> = (0..13).map(|nth| format!("c{nth}")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let home = Home::with(&[&["main"], &all[..]].concat());
    let plain = fs::read_to_string(home.config_file()).unwrap();
    let colours = |count: usize, chosen: &str| {
        let clients = &all[..count];
        let hub =
            format!("[hub]\nmain = \"main\"\nclients = {clients:?}\ncolours = {{ {chosen} }}\n");
        home.configure(&format!("{plain}{hub}"));
        let told = home.expect(0, &["rules", "--json"]).json();
        let rules = told["rules"].as_array().unwrap().clone();
        let of = |client: &str| {
            let mut rules = rules.iter();
            let rule = rules.find(|rule| rule["from"] == client && rule["to"] == "main");
            rule.unwrap()["look"]["colour"].as_str().unwrap().to_owned()
        };
        clients
            .iter()
            .map(|client| of(client))
            .collect::<Vec<String>>()
    };
    let usual = colours(4, "");
    let distinct: BTreeSet<&String> = usual.iter().collect();
    assert_eq!(distinct.len(), 4);
    // Whatever one has, the others keep theirs, unless it is just that one.
    for colour in Colour::all() {
        let name = colour.name();
        let now = colours(4, &format!("c1 = \"{name}\""));
        assert_eq!(now[1], name);
        for nth in [0, 2, 3] {
            assert_eq!(
                now[nth] == usual[nth],
                usual[nth] != name,
                "{name}: {now:?}"
            );
            assert!(nth == 1 || now[nth] != name);
        }
        let distinct: BTreeSet<&String> = now.iter().collect();
        assert_eq!(distinct.len(), 4, "{now:?}");
    }
    // With more clients than colours, all have one.
    assert_eq!(colours(13, "c5 = \"sage\"").len(), 13);
}

#[test]
fn mistakes_in_what_blocks_say_are_named() {
    let home = Home::with(&["work", "home"]);
    let before = fs::read_to_string(home.config_file()).unwrap();
    for (rule, said) in [
        ("show = \"titel\"", "did you mean `title`?"),
        (
            "title = \"{title}\"",
            "{title} goes with show = \"title\" or \"details\"",
        ),
        ("title = \"{status}\"", "{status} goes with"),
        (
            "show = \"title\"\ntitle = \"{calender}\"",
            "there is no field {calender}; did you mean `calendar`?",
        ),
        (
            "show = \"title\"\ntitle = \"{account}\"",
            "\"work\" is of no account",
        ),
        ("title = \"a { b\"", "write {{ or }}"),
        ("title = \"a } b\"", "write {{ or }}"),
        ("location = true", "`location` goes with show = \"details\""),
        (
            "show = \"title\"\nnotes = true",
            "`notes` goes with show = \"details\"",
        ),
        ("show_private = true", "`show_private` goes with"),
        ("visibility = \"publik\"", "did you mean `public`?"),
        ("appear_as = \"bussy\"", "did you mean `busy`?"),
        ("colour = \"tomatoe\"", "did you mean `tomato`?"),
        ("color = \"tomato\"", "did you mean `colour`?"),
        ("remind = \"40d\"", "from \"1m\" to \"28d\""),
        ("category = \"\"", "1 to 200 characters"),
    ] {
        home.configure(&format!("{before}{RULE}{rule}\n"));
        home.expect(3, &["check"]).says(&[said]);
    }
    for (hub, said) in [
        ("main = \"work\"", "needs `clients`: a list of calendars"),
        (
            "clients = [\"work\"]",
            "needs `main`: the name of a calendar",
        ),
        (
            "main = \"wrok\"\nclients = [\"home\"]",
            "did you mean `work`?",
        ),
        ("main = \"work\"\nclients = [\"work\"]", "which is `main`"),
        (
            "main = \"work\"\nclients = [\"home\"]\ncolours = { hom = \"sage\" }",
            "did you mean `home`?",
        ),
        (
            "main = \"work\"\nclients = [\"home\"]\ncolours = { home = \"sag\" }",
            "did you mean `sage`?",
        ),
        (
            "main = \"work\"\nclients = [\"home\"]\n[[rules]]\nfrom = \"home\"\nto = \"work\"",
            "which [hub] does already",
        ),
    ] {
        home.configure(&format!("{before}[hub]\n{hub}\n"));
        home.expect(3, &["check"]).says(&[said]);
    }
}

#[test]
fn details_go_to_google_and_come_from_there() {
    let fake = FakeGoogle::start();
    let whole = "show = \"details\"\nlocation = true\nnotes = true\n";
    let rules = format!(
        "[[rules]]\nfrom = \"work\"\nto = \"home\"\ntitle = \"{{account}}: {{title}}\"\n{whole}\
         [[rules]]\nfrom = \"home\"\nto = \"work\"\ncolour = \"tomato\"\nremind = \"10m\"\nvisibility = \"public\"\n\
         category = \"x\"\nappear_as = \"tentative\"\n{whole}"
    );
    let home = Home::with_google(&fake, "home", "work", &rules);
    home.expect(0, &["auth", "add", "mine"]);
    let at = |hour: &str| json!({"dateTime": format!("{}T{hour}:00:00Z", day(5))});
    fake.put(ME, json!({
        "summary": "Review", "location": "Berlin", "description": "Slides", "start": at("09"), "end": at("10"),
        "attendees": [{"email": ME, "self": true, "responseStatus": "accepted"},
                      {"email": "ada@example.org", "displayName": "Ada"}],
    }));
    home.put("home", "a.ics", board());
    home.sync();
    home.sync_idle();
    assert_eq!(all(&home, "home", "SUMMARY"), ["mine: Review"]);
    assert_eq!(all(&home, "home", "LOCATION"), ["Berlin"]);
    assert!(all(&home, "home", "DESCRIPTION")[0].ends_with("\\n\\nWith Ada\\n\\nSlides"));
    let events = fake.events(ME);
    let block = events
        .iter()
        .find(|event| event["summary"] == "Board, quarterly")
        .unwrap();
    assert_eq!(block["location"], "Room 7; floor 2");
    assert_eq!(block["colorId"], "11");
    assert_eq!(
        (&block["visibility"], &block["status"]),
        (&json!("public"), &json!("tentative"))
    );
    assert_eq!(
        block["reminders"],
        json!({"useDefault": false, "overrides": [{"method": "popup", "minutes": 10}]})
    );
    assert_eq!(block["attendees"], Value::Null);
    assert!(
        block["description"]
            .as_str()
            .unwrap()
            .contains("With Me, Ada Lovelace, bob@example.org")
    );
    home.lose_state();
    home.expect(0, &["auth", "add", "mine"]);
    home.sync_idle();
}

#[test]
fn what_a_private_series_says_of_one_occurrence_is_private() {
    let weekly = format!(
        "DTSTART:{}\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=4",
        utc(3, "090000")
    );
    let moved = format!(
        "RECURRENCE-ID:{}\nDTSTART:{}\nDURATION:PT1H\nSUMMARY:Surgeon",
        utc(10, "090000"),
        utc(10, "150000")
    );
    let series = event_with(
        "tooth",
        &format!("{weekly}\nCLASS:PRIVATE\nSUMMARY:Dentist"),
    );
    let change = event_with("tooth", &moved);
    let change = &change[change.find("BEGIN:VEVENT").unwrap()..];
    let whole = series.replace("END:VCALENDAR\r\n", change);
    for files in [vec![whole], vec![series, event_with("tooth", &moved)]] {
        let home = shown("show = \"title\"", &files);
        assert_eq!(all(&home, "home", "SUMMARY"), ["Busy", "Busy"]);
        let rule = format!("{RULE}show = \"title\"\nprivate = false\n");
        let home = Home::with(&["work", "home"]);
        home.configure_also("", &rule);
        for (i, event) in files.iter().enumerate() {
            home.put("work", &format!("{i}.ics"), event);
        }
        home.sync();
        assert_eq!(home.blocks("home").len(), 0);
        // In a file of its own, it tells nobody that its series is private.
        for bytes in files_in(home.state_file().parent().unwrap()).values() {
            let has = |word: &[u8]| bytes.windows(word.len()).any(|piece| piece == word);
            assert!(!has(b"Dentist") && (files.len() > 1 || !has(b"Surgeon")));
        }
    }
}

#[test]
fn the_state_keeps_no_more_words_than_rules_show() {
    let home = Home::with(&["work", "home", "club"]);
    let before = fs::read_to_string(home.config_file()).unwrap();
    let rules = |lines: &str| home.configure(&format!("{before}{lines}"));
    let has = |word: &str| {
        let files = files_in(home.state_file().parent().unwrap()).into_values();
        let mut pieces = files.filter(|bytes| {
            let mut windows = bytes.windows(word.len());
            windows.any(|piece| piece == word.as_bytes())
        });
        pieces.next().is_some()
    };
    home.put("work", "board.ics", board());
    home.put("home", "own.ics", meeting_at("own", 6, 9));
    let shown = format!("{RULE}show = \"details\"\n");
    let back = "[[rules]]\nfrom = \"home\"\nto = [\"work\", \"club\"]\n";
    rules(&format!("{shown}notes = true\n{back}"));
    home.sync();
    assert!(has("Board") && has("Bring figures") && !has("floor 2"));
    rules(&format!("{shown}{back}"));
    home.sync();
    assert!(has("Board") && !has("Bring figures"));
    // A calendar that leaves the configuration takes its words along, though blocks stand in it.
    let left = before.replace("[calendars.work]", "[calendars.none]");
    assert!(has("Board") && left != before);
    let at = before.find("[calendars.work]").unwrap();
    let end = before[at + 1..]
        .find("[calendars")
        .map_or(before.len(), |next| at + 1 + next);
    let without = format!("{}{}", &before[..at], &before[end..]);
    home.configure(&format!(
        "{without}[[rules]]\nfrom = \"home\"\nto = \"club\"\n"
    ));
    home.sync();
    assert!(!has("Board"));
    // Should it come back, so do they.
    rules(&format!("{shown}{back}"));
    home.sync();
    assert_eq!(all(&home, "home", "SUMMARY"), ["Board\\, quarterly"]);
    home.sync_idle();
}

#[test]
fn words_that_no_rule_shows_go_though_nobody_remembers_whose_they_are() {
    let at = |lines: &str, days: u32, to: &str| {
        format!(
            "[window]\npast_days = {days}\nfuture_days = 50\n[[rules]]\nfrom = \"work\"\nto = \"home\"\n{lines}\n{to}"
        )
    };
    let titled = |uid: &str, days| meeting_at(uid, days, 9).replace("Meeting", uid);
    let events = [("Past", -20), ("Soon", 9), ("Far", 80)];
    for narrower in ["", "title = \"Away\""] {
        let home = Home::with(&["work", "home"]);
        let before = fs::read_to_string(home.config_file()).unwrap();
        let rule = |text: String| home.configure(&format!("{before}{text}"));
        for (uid, days) in events {
            home.put("work", &format!("{uid}.ics"), titled(uid, days));
        }
        rule(at("show = \"title\"", 30, "").replace("future_days = 50", "future_days = 100"));
        home.sync();
        let titles: BTreeSet<String> = all(&home, "home", "SUMMARY").into_iter().collect();
        assert_eq!(titles, ["Far", "Past", "Soon"].map(str::to_owned).into());
        rule(at("show = \"title\"", 5, ""));
        home.sync_idle();
        home.lose_state();
        home.sync_idle();
        rule(at(narrower, 5, ""));
        home.sync();
        let plain = if narrower.is_empty() { "Busy" } else { "Away" };
        assert_eq!(all(&home, "home", "SUMMARY"), [plain]);
        home.sync_idle();
    }
    // What says nothing of an event stays, also under a title that the rule had before.
    let home = Home::with(&["work", "home"]);
    let before = fs::read_to_string(home.config_file()).unwrap();
    home.put("work", "a.ics", titled("Past", -20));
    home.sync();
    home.lose_state();
    home.configure(&format!("{before}{}", at("title = \"Away\"", 5, "")));
    home.sync_idle();
    assert_eq!(all(&home, "home", "SUMMARY"), ["Busy"]);
}
