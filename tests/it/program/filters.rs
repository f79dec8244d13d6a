//! What rules ask for, each with its row: what is in a calendar, and what of it shows in the other one. Each row is lived through
//! with a folder as the source, with a feed, and with both calendars at a server.

use std::fs;

use calsync::{
    clock::Clock,
    ical::{self, Reader},
    model::{Part, Span, Window},
    plan::flatten,
};
use jiff::{ToSpan as _, civil::Date};
use serde_json::{Value, json};

use super::trip::{ADA, Trip, hour};

use crate::support::{
    dav::house::House,
    program::{Files, Home, calendar, day, event_with, write},
    world::home as berlin,
};

/// A rule, the events of a week, and what shows of them.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The Monday of a week to come.
pub(super) fn monday() -> Date {
    let days = (7..14).map(day);
    let mut mondays = days.filter(|day| day.weekday().to_monday_zero_offset() == 0);
    mondays.next().unwrap()
}

fn date_of(name: &str) -> Date {
    let nth = DAYS.iter().position(|day| *day == name).unwrap();
    monday() + i32::try_from(nth).unwrap().days()
}

/// "Mon 09:00-10:00", "Mon 22:00-Tue 02:00" or "Mon-Tue" as properties of an event.
fn times(words: &str) -> String {
    let stamp = |name: &str, day: &str, time: &str| {
        let (date, time) = (date_of(day).strftime("%Y%m%d"), time.replace(':', ""));
        format!("{name};TZID=Europe/Berlin:{date}T{time}00")
    };
    let date = |name: &str, date: Date| format!("{name};VALUE=DATE:{}", date.strftime("%Y%m%d"));
    let (from, to) = words.split_once('-').unwrap_or((words, words));
    match (from.split_once(' '), to.split_once(' ')) {
        (Some((day, begins)), Some((other, ends))) => {
            stamp("DTSTART", day, begins) + "\n" + &stamp("DTEND", other, ends)
        }
        (Some((day, begins)), None) => {
            stamp("DTSTART", day, begins) + "\n" + &stamp("DTEND", day, to)
        }
        _ => date("DTSTART", date_of(from)) + "\n" + &date("DTEND", date_of(to) + 1.day()),
    }
}

fn in_words(span: Span) -> String {
    let name = |date: Date| DAYS[usize::try_from(date.weekday().to_monday_zero_offset()).unwrap()];
    match span {
        Span::Days { first, end } if first + 1.day() == end => name(first).to_owned(),
        Span::Days { first, end } => format!("{}-{}", name(first), name(end - 1.day())),
        Span::Timed { start, end } => {
            let (start, end) = (berlin().to_datetime(start), berlin().to_datetime(end));
            let from = format!("{} {}", name(start.date()), start.strftime("%H:%M"));
            match start.date() == end.date() {
                true => format!("{from}-{}", end.strftime("%H:%M")),
                false => format!("{from}-{} {}", name(end.date()), end.strftime("%H:%M")),
            }
        }
    }
}

/// What the blocks in a calendar show in that week.
fn shown(home: &Home, name: &str) -> Vec<String> {
    shown_by(&home.blocks(name))
}

fn shown_by(blocks: &Files) -> Vec<String> {
    let berlin = berlin();
    let window = Window {
        first: monday(),
        end: monday() + 7.days(),
        home: berlin.clone(),
    };
    let mut spans = Vec::new();
    for text in blocks.values() {
        for part in ical::read(text, Reader::new(&[], &berlin)).unwrap() {
            let Part::Event { event, .. } = part else {
                panic!("{part:?}");
            };
            spans.extend(
                flatten::list(&event, &window)
                    .unwrap()
                    .into_iter()
                    .map(|s| s.span),
            );
        }
    }
    spans.sort_by_key(|span| (span.instants(&berlin), matches!(span, Span::Timed { .. })));
    spans.into_iter().map(in_words).collect()
}

/// The events as one calendar text; a `|` is the end of a line.
pub(super) fn text(events: &[(&str, &str)]) -> String {
    calendar(&components(events).concat())
}

fn components(events: &[(&str, &str)]) -> Vec<String> {
    let events = events.iter().enumerate();
    let component = |(nth, (when, lines)): (usize, &(&str, &str))| {
        let (when, lines) = (times(when), lines.replace('|', "\n"));
        format!(
            "BEGIN:VEVENT\nUID:event-{nth}\nDTSTAMP:20260101T000000Z\n{when}\n{lines}\nEND:VEVENT\n"
        )
    };
    events.map(component).collect()
}

fn live(feed: bool, (rule, events, wanted): Row<'_>) {
    let home = Home::with(&["home", "work"]);
    let from = if feed { "school" } else { "home" };
    let source = "[calendars.school]\nfeed = \"~/school.ics\"\n";
    home.configure_also(
        "me = [\"me@example.org\"]",
        &format!("{source}[[rules]]\nfrom = \"{from}\"\nto = \"work\"\n{rule}"),
    );
    write(&home.path("school.ics"), text(events).as_bytes());
    home.put("home", "a.ics", text(events));
    home.sync();
    assert_eq!(
        shown(&home, "work"),
        wanted,
        "{rule} of {events:?}, from {from}"
    );
    home.sync_idle();
}

/// The same with both calendars at a server, each event a resource of its own.
fn live_at_a_server((rule, events, wanted): Row<'_>) {
    let house = House::with(&[], &["home", "work"]);
    house.home.configure_also(
        "me = [\"me@example.org\"]",
        &format!("[[rules]]\nfrom = \"home\"\nto = \"work\"\n{rule}"),
    );
    for (nth, event) in components(events).iter().enumerate() {
        house.put("home", &format!("{nth}.ics"), &calendar(event));
    }
    house.home.sync();
    let shown = shown_by(&house.blocks("work"));
    assert_eq!(shown, wanted, "{rule} of {events:?}, at a server");
    house.home.sync_idle();
}

fn live_all(rows: &[Row<'_>]) {
    for row in rows {
        live(false, *row);
        live(true, *row);
        live_at_a_server(*row);
    }
}

/// A week with something outside of working hours.
const OFFICE: &[(&str, &str)] = &[
    ("Mon 08:00-10:00", ""),
    ("Mon 12:00-13:00", ""),
    ("Sat 12:00-13:00", ""),
    ("Wed", ""),
];

#[test]
fn rules_choose_by_when_it_is() {
    live_all(&[
        (
            "",
            OFFICE,
            &[
                "Mon 08:00-10:00",
                "Mon 12:00-13:00",
                "Wed",
                "Sat 12:00-13:00",
            ],
        ),
        (
            "days = [\"Mon-FRI\"]",
            OFFICE,
            &["Mon 08:00-10:00", "Mon 12:00-13:00", "Wed"],
        ),
        (
            "days = [\"sat\", \"wed\"]",
            OFFICE,
            &["Wed", "Sat 12:00-13:00"],
        ),
        (
            "hours = \"09:00-17:00\"\nedge = \"touch\"",
            OFFICE,
            &[
                "Mon 08:00-10:00",
                "Mon 12:00-13:00",
                "Wed",
                "Sat 12:00-13:00",
            ],
        ),
        (
            "hours = \"09:00-17:00\"\nedge = \"inside\"",
            OFFICE,
            &["Mon 12:00-13:00", "Wed", "Sat 12:00-13:00"],
        ),
        (
            "hours = \"09:00-17:00\"\nedge = \"clip\"\ndays = [\"mon-fri\"]",
            OFFICE,
            &["Mon 09:00-10:00", "Mon 12:00-13:00", "Wed"],
        ),
        // London is an hour behind Berlin all year.
        (
            "hours = \"09:00-12:00\"\nedge = \"clip\"\nzone = \"Europe/London\"\nall_day = \"skip\"",
            OFFICE,
            &["Mon 12:00-13:00", "Sat 12:00-13:00"],
        ),
        (
            "hours = \"22:00-06:00\"\nedge = \"clip\"",
            &[("Mon 20:00-Tue 08:00", ""), ("Tue 12:00-13:00", "")],
            &["Mon 22:00-Tue 06:00"],
        ),
        (
            "hours = \"22:00-24:00\"\nedge = \"clip\"",
            &[("Mon 20:00-Tue 08:00", "")],
            &["Mon 22:00-Tue 00:00"],
        ),
        (
            "days = [\"sat-mon\"]\nedge = \"clip\"",
            &[("Fri-Sun", ""), ("Tue 09:00-10:00", "")],
            &["Sat-Sun"],
        ),
    ]);
}

/// A week with odd times, and something of whole days.
const ODD: &[(&str, &str)] = &[
    ("Mon 08:40-09:50", ""),
    ("Wed", ""),
    ("Thu 16:40-17:00", "RRULE:FREQ=DAILY;COUNT=2"),
];

#[test]
fn rules_shape_what_they_show() {
    live_all(&[
        (
            "before = \"30m\"",
            ODD,
            &[
                "Mon 08:10-09:50",
                "Wed",
                "Thu 16:10-17:00",
                "Fri 16:10-17:00",
            ],
        ),
        (
            "after = \"1h 10m\"",
            ODD,
            &[
                "Mon 08:40-11:00",
                "Wed",
                "Thu 16:40-18:10",
                "Fri 16:40-18:10",
            ],
        ),
        (
            "round = \"15m\"",
            ODD,
            &[
                "Mon 08:30-10:00",
                "Wed",
                "Thu 16:30-17:00",
                "Fri 16:30-17:00",
            ],
        ),
        (
            "round = \"1h\"\nbefore = \"45m\"",
            ODD,
            &[
                "Mon 07:00-10:00",
                "Wed",
                "Thu 15:00-17:00",
                "Fri 15:00-17:00",
            ],
        ),
    ]);
}

#[test]
fn rules_shape_by_another_clock_and_inside_of_their_hours() {
    live_all(&[
        // Kathmandu's clock is a quarter of an hour off.
        (
            "round = \"1h\"\nzone = \"Asia/Kathmandu\"",
            &[("Mon 08:40-09:50", "")],
            &["Mon 08:15-10:15"],
        ),
        (
            "before = \"30m\"\nafter = \"30m\"\nround = \"1h\"\nhours = \"09:00-17:00\"\nedge = \"clip\"",
            ODD,
            &[
                "Mon 09:00-11:00",
                "Wed",
                "Thu 16:00-17:00",
                "Fri 16:00-17:00",
            ],
        ),
        (
            "after = \"30m\"\nhours = \"09:00-17:00\"\nedge = \"touch\"",
            ODD,
            &[
                "Mon 08:40-10:20",
                "Wed",
                "Thu 16:40-17:30",
                "Fri 16:40-17:30",
            ],
        ),
        // What is outside of the hours is not shown, though its buffer is not.
        (
            "after = \"30m\"\nhours = \"10:00-17:00\"\nedge = \"clip\"\nall_day = \"skip\"",
            &[("Mon 08:40-09:50", ""), ("Wed", "")],
            &[],
        ),
    ]);
}

#[test]
fn blocks_that_overlap_or_touch_are_one() {
    let week: &[(&str, &str)] = &[
        ("Mon 09:00-10:00", "RRULE:FREQ=DAILY;COUNT=2"),
        ("Mon 09:30-09:45", ""),
        ("Mon 10:00-11:00", ""),
        ("Mon 11:01-12:00", ""),
        ("Tue", "RRULE:FREQ=DAILY;COUNT=2"),
        ("Thu-Fri", ""),
        ("Sun", ""),
    ];
    live_all(&[
        (
            "merge = true",
            week,
            &[
                "Mon 09:00-11:00",
                "Mon 11:01-12:00",
                "Tue-Fri",
                "Tue 09:00-10:00",
                "Sun",
            ],
        ),
        (
            "merge = true\nafter = \"1m\"\nall_day = \"skip\"",
            week,
            &["Mon 09:00-12:01", "Tue 09:00-10:01"],
        ),
        // The block of a Monday, cut in two, and that of another event that touches one part.
        (
            "merge = true\nhours = \"09:00-12:00\"\nedge = \"clip\"",
            &[("Mon 11:00-Tue 10:00", ""), ("Tue 10:00-13:00", "")],
            &["Mon 11:00-12:00", "Tue 09:00-12:00"],
        ),
    ]);
}

/// So many meetings, each as long as an hour and a half, beginning with each full hour.
pub(super) fn one_after_the_other(home: &Home, count: i64) {
    for nth in 0..count {
        let start = monday().at(0, 0, 0, 0) + nth.hours();
        let text = format!(
            "DTSTART;TZID=Europe/Berlin:{}\nDURATION:PT90M",
            start.strftime("%Y%m%dT%H%M%S")
        );
        home.put(
            "home",
            &format!("{nth}.ics"),
            event_with(&format!("meeting-{nth:03}"), &text),
        );
    }
}

/// How many blocks are in `work` with these lines in the rule from `home`.
fn blocks_by_rule(home: &Home) -> impl Fn(&str) -> usize {
    let before = fs::read_to_string(home.config_file()).unwrap();
    move |lines| {
        home.configure(&format!(
            "{before}[[rules]]\nfrom = \"home\"\nto = \"work\"\n{lines}\n"
        ));
        home.sync();
        home.sync_idle();
        home.blocks("work").len()
    }
}

#[test]
fn what_a_series_shows_again_by_itself_is_not_lost() {
    let home = Home::with(&["home", "work"]);
    let rule = blocks_by_rule(&home);
    for nth in 0..12 {
        let weekly = text(&[("Mon 15:00-17:00", "RRULE:FREQ=WEEKLY")]);
        let weekly = weekly.replace("event-0", &format!("weekly-{nth}"));
        home.put("home", &format!("{nth}.ics"), weekly);
    }
    // By that clock they end later in winter, so that those of one half of the year are single blocks.
    let clip = "hours = \"00:00-15:30\"\nzone = \"UTC\"\nedge = \"clip\"";
    assert!(rule(clip) > 12 * 10);
    assert_eq!(rule("before = \"15m\""), 12);
    assert!(rule(clip) > 12 * 10);
    assert_eq!(rule(""), 12);
}

/// A meeting of an hour that begins so many minutes from now.
pub(super) fn soon(minutes: i64) -> String {
    let start = Clock::System.now() + minutes.minutes();
    let start = start.strftime("%Y%m%dT%H%M%SZ");
    format!("DTSTART:{start}\nDURATION:PT1H")
}

/// Such meetings as one calendar text.
fn all_soon(minutes: &[i64]) -> String {
    let events = minutes.iter().enumerate().map(|(nth, minutes)| {
        let times = soon(*minutes);
        format!("BEGIN:VEVENT\nUID:soon-{nth}\nDTSTAMP:20260101T000000Z\n{times}\nEND:VEVENT\n")
    });
    calendar(&events.collect::<String>())
}

#[test]
fn what_begins_too_soon_gets_no_new_block() {
    for from in ["home", "school"] {
        let home = Home::with(&["home", "work"]);
        let source = "[calendars.school]\nfeed = \"~/school.ics\"\n";
        let before = fs::read_to_string(home.config_file()).unwrap();
        let put = |minutes: &[i64]| {
            home.put("home", "a.ics", all_soon(minutes));
            write(&home.path("school.ics"), all_soon(minutes).as_bytes());
        };
        let blocks = |rule: &str| {
            home.configure(&format!(
                "{before}{source}[[rules]]\nfrom = \"{from}\"\nto = \"work\"\n{rule}\n"
            ));
            home.sync();
            home.sync_idle();
            home.blocks("work").len()
        };
        put(&[-90, 60, 180]);
        assert_eq!(blocks("notice = \"2h\""), 1, "{from}");
        assert_eq!(blocks("notice = \"50m\""), 2, "{from}");
        assert_eq!(blocks("notice = \"4h\""), 2, "what stands, stays");
        let old = home.blocks("work");
        put(&[-90, 70, 200, -15]);
        assert_eq!(blocks("notice = \"4h\""), 2, "{from}");
        let new = home.blocks("work");
        let same = new.keys().eq(old.keys());
        assert!(same && new.values().ne(old.values()), "it is kept right");
        for name in new.into_keys() {
            home.delete("work", &name);
        }
        assert_eq!(blocks("notice = \"4h\""), 2, "and comes back");
        assert_eq!(blocks(""), 4, "{from}");
    }
}

#[test]
fn blocks_begin_as_much_earlier_as_it_takes_to_get_there() {
    const WAY: &str = "X-APPLE-TRAVEL-DURATION;VALUE=DURATION:PT45M";
    let events: &[(&str, &str)] = &[
        ("Mon 09:00-10:00", WAY),
        ("Tue 09:00-10:00", ""),
        ("Wed 09:00-10:00", "X-APPLE-TRAVEL-DURATION:nonsense"),
        ("Thu", WAY),
    ];
    live_all(&[
        (
            "",
            events,
            &[
                "Mon 09:00-10:00",
                "Tue 09:00-10:00",
                "Wed 09:00-10:00",
                "Thu",
            ],
        ),
        (
            "travel = true",
            events,
            &[
                "Mon 08:15-10:00",
                "Tue 09:00-10:00",
                "Wed 09:00-10:00",
                "Thu",
            ],
        ),
        (
            "travel = true\nbefore = \"15m\"\nafter = \"5m\"",
            events,
            &[
                "Mon 08:15-10:05",
                "Tue 08:45-10:05",
                "Wed 08:45-10:05",
                "Thu",
            ],
        ),
        (
            "travel = true",
            &[(
                "Mon 09:00-10:00",
                "RRULE:FREQ=DAILY;COUNT=2\nX-APPLE-TRAVEL-DURATION;VALUE=DURATION:PT1H",
            )],
            &["Mon 08:00-10:00", "Tue 08:00-10:00"],
        ),
    ]);
}

#[test]
fn a_birthday_is_one_also_if_it_is_free() {
    const FREE: &str = "CATEGORIES:BIRTHDAY|TRANSP:TRANSPARENT";
    let days: &[(&str, &str)] = &[("Mon", FREE), ("Tue", "TRANSP:TRANSPARENT")];
    live_all(&[
        ("all_day = \"all\"", days, &["Tue"]),
        ("all_day = \"all\"\nkinds = [\"birthday\"]", days, &["Mon"]),
        (
            "shown_as = [\"free\"]\nnot_kinds = [\"birthday\"]",
            days,
            &["Tue"],
        ),
    ]);
}

#[test]
fn of_a_series_that_a_rule_leaves_out_whenever_it_is_no_block_stays() {
    let home = Home::with(&["home", "work"]);
    let rule = blocks_by_rule(&home);
    for (nth, lines) in [
        "RRULE:FREQ=WEEKLY",
        "RRULE:FREQ=YEARLY",
        "RRULE:FREQ=MONTHLY;COUNT=90",
    ]
    .iter()
    .enumerate()
    {
        let series = text(&[("Mon 18:00-19:00", lines)]);
        let series = series.replace("event-0", &format!("series-{nth}"));
        home.put("home", &format!("{nth}.ics"), series);
    }
    for left_out in [
        "hours = \"08:00-17:00\"",
        "longest = \"30m\"",
        "shortest = \"2h\"",
    ] {
        assert_eq!(rule(""), 3);
        assert_eq!(rule(left_out), 0, "{left_out}");
    }
}

#[test]
fn what_begins_too_soon_keeps_its_time_in_another_block() {
    let home = Home::with(&["home", "work"]);
    let rule = blocks_by_rule(&home);
    home.put("home", "a.ics", event_with("a", &soon(60)));
    home.put("home", "b.ics", event_with("b", &soon(119)));
    assert_eq!(rule("merge = true"), 1);
    // Of the block for both, one is left; then the other is back; then it comes apart.
    let notice = "notice = \"1d\"\nmerge = true";
    home.delete("home", "a.ics");
    assert_eq!(rule(notice), 1);
    home.put("home", "a.ics", event_with("a", &soon(65)));
    assert_eq!(rule(notice), 1);
    home.put("home", "a.ics", event_with("a", &soon(30)));
    assert_eq!(rule("notice = \"1d\"\nmerge = true\nlongest = \"1h\""), 2);
    home.put("home", "c.ics", event_with("c", &soon(300)));
    assert_eq!(rule(notice), 2, "what nothing showed is new");
    // A series goes, and the single blocks of its occurrences come.
    let daily = format!("{}\nRRULE:FREQ=DAILY;COUNT=3", soon(600));
    home.put("home", "c.ics", event_with("c", &daily));
    assert_eq!(rule("notice = \"1d\""), 3);
    assert_eq!(rule(notice), 5);
}

#[test]
fn what_came_in_time_is_written_however_late_that_is() {
    let home = Home::with(&["home", "work"]);
    home.configure_also(
        "",
        "[[rules]]\nfrom = \"home\"\nto = \"work\"\nnotice = \"1d\"\n[limits]\noperations = 1\n",
    );
    let start = soon(60);
    let daily = format!("{start}\nRRULE:FREQ=DAILY;COUNT=3");
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        home.put("home", &format!("{name}.ics"), event_with(name, &daily));
    }
    for _ in names {
        home.run(&["sync"]);
    }
    assert_eq!(home.blocks("work").len(), names.len());
    // The first of each is moved: a hole in the block, and one of its own, of which a run writes one or the other.
    for name in names {
        let at = start
            .lines()
            .next()
            .unwrap()
            .replace("DTSTART", "RECURRENCE-ID");
        let whole = event_with(name, &daily);
        let moved = event_with(name, &format!("{at}\n{}", soon(90)));
        let from = moved.find("BEGIN:VEVENT").unwrap();
        let text = whole.replace("END:VCALENDAR\r\n", "") + &moved[from..];
        home.put("home", &format!("{name}.ics"), text);
    }
    for _ in 0..2 * names.len() {
        home.run(&["sync"]);
    }
    assert_eq!(home.blocks("work").len(), 2 * names.len());
    home.sync_idle();
    for name in names {
        home.delete("home", &format!("{name}.ics"));
    }
    for _ in 0..2 * names.len() {
        home.run(&["sync", "--allow-mass-delete"]);
    }
    assert_eq!(home.blocks("work").len(), 0);
    home.run(&["sync", "--allow-mass-delete"]);
    home.sync_idle();
}

#[test]
fn a_series_in_another_form_is_a_series() {
    let home = Home::with(&["home", "work"]);
    home.configure_also(
        "",
        "[[rules]]\nfrom = \"home\"\nto = \"work\"\nbefore = \"10m\"\nround = \"15m\"",
    );
    let series = text(&[("Mon 09:10-10:00", "RRULE:FREQ=DAILY")]);
    home.put("home", "a.ics", series);
    home.sync();
    assert_eq!(
        shown(&home, "work"),
        DAYS.map(|day| format!("{day} 09:00-10:00"))
    );
    assert_eq!(home.blocks("work").len(), 1);
    home.sync_idle();
}

#[test]
fn a_meeting_that_two_calendars_show_is_shown_once_whatever_its_form() {
    let home = Home::with(&["home", "club", "work"]);
    let form = |from: &str, form: &str| {
        format!("[[rules]]\nfrom = \"{from}\"\nto = \"work\"\n{form} = \"30m\"\n")
    };
    home.configure_also("", &(form("home", "before") + &form("club", "after")));
    for name in ["home", "club"] {
        home.put(name, "a.ics", text(&[("Mon 09:00-10:00", "")]));
    }
    home.sync();
    assert_eq!(shown(&home, "work"), ["Mon 08:30-10:00"]);
    home.sync_idle();
}

#[test]
fn what_lies_beside_the_window_may_have_a_block_inside() {
    let home = Home::with(&["home", "work"]);
    let today = Clock::System.now().to_zoned(berlin()).date();
    let after = (today + 6.days()).strftime("%Y%m%d");
    let early = format!("DTSTART;TZID=Europe/Berlin:{after}T001000\nDURATION:PT1H");
    home.put("home", "a.ics", event_with("early", &early));
    let before = fs::read_to_string(home.config_file()).unwrap();
    for (form, blocks) in [("", 0), ("before = \"10m\"", 0), ("before = \"11m\"", 1)] {
        home.configure(&format!(
            "{before}[window]\nfuture_days = 5\n[[rules]]\nfrom = \"home\"\nto = \"work\"\n{form}\n"
        ));
        home.sync();
        assert_eq!(home.blocks("work").len(), blocks, "{form}");
        home.sync_idle();
    }
}

#[test]
fn rules_choose_by_how_long_it_lasts() {
    live_all(&[
        ("shortest = \"90m\"", OFFICE, &["Mon 08:00-10:00", "Wed"]),
        (
            "longest = \"1h\"",
            OFFICE,
            &["Mon 12:00-13:00", "Sat 12:00-13:00"],
        ),
        (
            "shortest = \"1h 30m\"\nlongest = \"23h\"",
            OFFICE,
            &["Mon 08:00-10:00"],
        ),
    ]);
}

#[test]
fn of_a_series_those_days_show_that_are_asked_for() {
    live_all(&[(
        "days = [\"mon\", \"wed\", \"fri\"]",
        &[("Mon 09:00-10:00", "RRULE:FREQ=DAILY;COUNT=7")],
        &["Mon 09:00-10:00", "Wed 09:00-10:00", "Fri 09:00-10:00"],
    )]);
}

#[test]
fn rules_choose_by_whole_days() {
    let days: &[(&str, &str)] = &[
        ("Mon", "TRANSP:TRANSPARENT"),
        ("Tue", ""),
        ("Wed", "STATUS:CANCELLED"),
        ("Thu 09:00-10:00", ""),
        ("Fri 09:00-10:00", "TRANSP:TRANSPARENT"),
    ];
    live_all(&[
        (
            "all_day = \"busy\"\nshown_as = [\"busy\", \"free\"]",
            days,
            &["Tue", "Thu 09:00-10:00", "Fri 09:00-10:00"],
        ),
        ("all_day = \"busy\"", days, &["Tue", "Thu 09:00-10:00"]),
        ("all_day = \"skip\"", days, &["Thu 09:00-10:00"]),
        (
            "all_day = \"all\"\nshown_as = [\"free\"]",
            days,
            &["Mon", "Fri 09:00-10:00"],
        ),
        (
            "all_day = \"all\"",
            days,
            &["Mon", "Tue", "Thu 09:00-10:00"],
        ),
    ]);
}

const AT_NINE: [&str; 5] = [
    "Mon 09:00-10:00",
    "Tue 09:00-10:00",
    "Wed 09:00-10:00",
    "Thu 09:00-10:00",
    "Fri 09:00-10:00",
];

#[test]
fn rules_choose_by_what_was_answered() {
    const MINE: &str = "ATTENDEE;PARTSTAT=";
    let answer = |answer: &str| format!("{MINE}{answer}:mailto:me@example.org");
    let [yes, maybe, open, no] = ["ACCEPTED", "TENTATIVE", "NEEDS-ACTION", "DECLINED"].map(answer);
    let invitations: &[(&str, &str)] = &[
        ("Mon 09:00-10:00", &yes),
        ("Tue 09:00-10:00", &maybe),
        ("Wed 09:00-10:00", &open),
        ("Thu 09:00-10:00", &no),
        ("Fri 09:00-10:00", ""),
    ];
    let [mon, tue, wed, thu, fri] = AT_NINE;
    live_all(&[
        ("", invitations, &[mon, tue, wed, fri]),
        ("answers = [\"accepted\"]", invitations, &[mon, fri]),
        (
            "answers = [\"declined\", \"tentative\"]",
            invitations,
            &[tue, thu],
        ),
        (
            "not_answers = [\"unanswered\"]",
            invitations,
            &[mon, tue, fri],
        ),
    ]);
}

#[test]
fn rules_choose_by_what_it_is_shown_as() {
    let [mon, tue, wed, thu, fri] = AT_NINE;
    let shown_as: &[(&str, &str)] = &[
        ("Mon 09:00-10:00", ""),
        ("Tue 09:00-10:00", "STATUS:TENTATIVE"),
        ("Wed 09:00-10:00", "X-MICROSOFT-CDO-BUSYSTATUS:OOF"),
        ("Thu 09:00-10:00", "TRANSP:TRANSPARENT"),
        (
            "Fri 09:00-10:00",
            "X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE|TRANSP:OPAQUE",
        ),
    ];
    live_all(&[
        ("", shown_as, &[mon, tue, wed, fri]),
        ("shown_as = [\"busy\"]", shown_as, &[mon]),
        ("shown_as = [\"away\", \"free\"]", shown_as, &[wed, thu]),
        ("not_shown_as = [\"tentative\"]", shown_as, &[mon, wed]),
    ]);
}

#[test]
fn rules_choose_by_words_and_people() {
    let [mon, tue, wed, thu, fri] = AT_NINE;
    let said: &[(&str, &str)] = &[
        ("Mon 09:00-10:00", "SUMMARY:Lunch with Eve|CLASS:PRIVATE"),
        (
            "Tue 09:00-10:00",
            "SUMMARY:Review|CATEGORIES:Work,Red\\, dark",
        ),
        (
            "Wed 09:00-10:00",
            "ORGANIZER:mailto:eve@example.org|ATTENDEE:mailto:me@example.org|COLOR:red",
        ),
        (
            "Thu 09:00-10:00",
            "ORGANIZER:mailto:me@example.org|ATTENDEE:mailto:eve@example.org",
        ),
        (
            "Fri 09:00-10:00",
            "ATTENDEE;CUTYPE=ROOM:mailto:room@example.org|CLASS:CONFIDENTIAL",
        ),
    ];
    live_all(&[
        ("private = true", said, &[mon, fri]),
        ("private = false", said, &[tue, wed, thu]),
        ("organiser_is_me = true", said, &[mon, tue, thu, fri]),
        ("organiser_is_me = false", said, &[wed]),
        ("has_guests = true", said, &[wed, thu]),
        ("has_guests = false", said, &[mon, tue, fri]),
        ("titles = [\"^LUNCH\", \"review$\"]", said, &[mon, tue]),
        ("not_titles = [\"lunch\"]", said, &[tue, wed, thu, fri]),
        ("titles = [\"e\"]\nnot_titles = [\"eve\"]", said, &[tue]),
        ("categories = [\"red\"]", said, &[tue, wed]),
        ("categories = [\"^red, dark$\"]", said, &[tue]),
        ("not_categories = [\"^work$\"]", said, &[mon, wed, thu, fri]),
    ]);
}

#[test]
fn rules_choose_by_kind() {
    let kinds: &[(&str, &str)] = &[("Mon", "CATEGORIES:Birthday"), ("Tue", "")];
    live_all(&[
        ("", kinds, &["Tue"]),
        ("kinds = [\"birthday\"]", kinds, &["Mon"]),
        (
            "kinds = [\"default\", \"birthday\"]",
            kinds,
            &["Mon", "Tue"],
        ),
        (
            "kinds = [\"default\", \"birthday\"]\nnot_kinds = [\"default\"]",
            kinds,
            &["Mon"],
        ),
    ]);
}

#[test]
fn of_a_series_those_occurrences_show_that_pass() {
    let home = Home::with(&["home", "work"]);
    home.configure_also(
        "",
        "[[rules]]\nfrom = \"home\"\nto = \"work\"\nnot_titles = [\"private\"]",
    );
    let series = text(&[(
        "Mon 09:00-10:00",
        "SUMMARY:Meeting|RRULE:FREQ=DAILY;COUNT=5",
    )]);
    let changed = "BEGIN:VEVENT\nUID:event-0\nDTSTAMP:20260101T000000Z\nRECURRENCE-ID;";
    let (id, times) = (times("Tue 09:00-10:00"), times("Tue 09:00-10:00"));
    let id = id
        .lines()
        .next()
        .unwrap()
        .trim_start_matches("DTSTART;")
        .to_owned();
    let change = format!("{changed}{id}\n{times}\nSUMMARY:Private\nEND:VEVENT\nEND:VCALENDAR");
    home.put(
        "home",
        "a.ics",
        series.replace("END:VCALENDAR", &change.replace('\n', "\r\n")),
    );
    home.sync();
    let [mon, wed, thu, fri] = ["Mon", "Wed", "Thu", "Fri"].map(|day| format!("{day} 09:00-10:00"));
    assert_eq!(shown(&home, "work"), [mon, wed, thu, fri]);
    assert_eq!(home.blocks("work").len(), 1, "a rule with a hole");
    home.sync_idle();
}

#[test]
fn a_rule_that_looks_for_other_words_is_followed_at_once() {
    let home = Home::with(&["home", "work"]);
    let events: &[(&str, &str)] = &[
        ("Mon 09:00-10:00", "SUMMARY:Lunch"),
        ("Tue 09:00-10:00", "SUMMARY:Review"),
    ];
    home.put("home", "a.ics", text(events));
    let before = fs::read_to_string(home.config_file()).unwrap();
    for (words, day) in [("lunch", "Mon"), ("review", "Tue")] {
        home.configure(&format!(
            "{before}[[rules]]\nfrom = \"home\"\nto = \"work\"\ntitles = [\"{words}\"]\n"
        ));
        home.sync();
        assert_eq!(shown(&home, "work"), [format!("{day} 09:00-10:00")]);
        home.sync_idle();
    }
    let state = fs::read(home.state_file()).unwrap();
    let state = String::from_utf8_lossy(&state);
    assert!(
        !state.contains("Lunch") && !state.contains("Review"),
        "titles are not kept"
    );
}

#[test]
fn every_mistake_in_a_rule_is_named() {
    let cases = [
        (
            "days = [\"mno\"]",
            "`days` takes \"mon\", \"tue\" and so on, or \"mon-fri\", not \"mno\"; did you mean `mon`?",
        ),
        ("days = []", "`days` must name at least one day"),
        ("hours = \"9-17\"", "`hours` must be two times of day"),
        (
            "hours = \"09:00-17:00\"\nedge = \"cilp\"",
            "did you mean `clip`?",
        ),
        ("edge = \"clip\"", "`edge` goes with `days` or `hours`"),
        (
            "zone = \"UTC\"",
            "`zone` goes with `days`, `hours` or `round`",
        ),
        (
            "days = [\"mon\"]\nzone = \"Europe/Berln\"",
            "is not a zone of the IANA database, such as \"Europe/Berlin\"; did you mean `Europe/Berlin`?",
        ),
        (
            "days = [\"mon\"]\nzone = \"new york\"",
            "did you mean `America/New_York`?",
        ),
        ("days = [\"Monday\"]", "did you mean `mon`?"),
        ("days = [\"wednsday\"]", "did you mean `wed`?"),
        ("days = [\"mon-fry\"]", "did you mean `mon-fri`?"),
        ("days = [\"mo-fr\"]", "did you mean `mon-fri`?"),
        ("has_attendees = true", "did you mean `has_guests`?"),
        ("hours = \"08:00-08:00\"", "`hours` ends when it begins"),
        (
            "weather = \"sunny\"",
            "unknown key `weather`; `calsync generate config` prints every key",
        ),
        ("shortest = \"soon\"", "`shortest` must be a length of time"),
        ("longest = \"-1h\"", "`longest` must be a length of time"),
        (
            "shortest = \"2h\"\nlongest = \"1h\"",
            "`shortest` is longer than `longest`",
        ),
        (
            "all_day = \"al\"",
            "`all_day` takes \"skip\", \"busy\", \"all\", not \"al\"; did you mean `all`?",
        ),
        ("kinds = [\"brithday\"]", "did you mean `birthday`?"),
        ("kinds = []", "`kinds` leaves nothing to be shown"),
        (
            "not_shown_as = [\"busy\", \"tentative\", \"away\"]",
            "`not_shown_as` leaves nothing to be shown",
        ),
        ("answers = [\"acepted\"]", "did you mean `accepted`?"),
        (
            "titles = [\"(\"]",
            "`titles`: \"(\" is no pattern: unclosed group",
        ),
        ("titles = []", "`titles` must hold at least one pattern"),
        ("private = \"yes\"", "`private` must be true or false"),
        (
            "titel = \"x\"",
            "unknown key `titel`; did you mean `title`?",
        ),
        ("not_title = [\"x\"]", "did you mean `not_titles`?"),
    ];
    each_is_named(&cases);
}

/// Configures a rule with each of these lines, and looks for the words.
fn each_is_named(cases: &[(&str, &str)]) {
    let home = Home::with(&["home", "work"]);
    let before = fs::read_to_string(home.config_file()).unwrap();
    for (lines, words) in cases {
        home.configure(&format!(
            "{before}[[rules]]\nfrom = \"home\"\nto = \"work\"\n{lines}\n"
        ));
        let told = home.expect(3, &["sync"]).stderr;
        assert!(told.contains(words), "{lines}: {told}");
        // Nothing follows from a word that nobody knows.
        let follows = told.contains("did you mean") && told.contains("leaves nothing");
        assert!(!follows, "{lines}: {told}");
    }
}

#[test]
fn every_mistake_in_the_form_of_blocks_is_named_with_its_line() {
    each_is_named(&[
        ("before = \"0m\"", "`before` must be a length of time"),
        ("after = \"-5m\"", "`after` must be a length of time"),
        ("after = \"90s\"", "`after` must be whole minutes"),
        (
            "before = \"8d\"",
            "`before` must be whole minutes, and no more than \"7d\"",
        ),
        ("round = \"0m\"", "`round` must be a length of time"),
        ("round = \"7m\"", "`round` must divide an hour"),
        ("merge = \"yes\"", "`merge` must be true or false"),
        (
            "all_day = \"all\"\nnot_shown_as = [\"free\"]",
            "`all_day = \"all\"` shows whole days that are free, which",
        ),
        (
            "all_day = \"all\"\nshown_as = [\"busy\"]",
            "`all_day = \"all\"` shows whole days that are free, which",
        ),
        ("notice = \"0h\"", "`notice` must be a length of time"),
        ("round = \"2h\"", "`round` must divide an hour"),
        (
            "befor = \"5m\"",
            "unknown key `befor`; did you mean `before`?",
        ),
        (
            "after = \"5m\"\nround = \"7m\"",
            "config.toml:10: [[rules]] `round`",
        ),
    ]);
}

/// What events say, by the hour that each begins at.
fn said_at_google() -> [(u8, Value); 10] {
    let answered = |answer: &str| {
        json!({"organizer": {"email": "boss@work.example"}, "attendees": [
            {"email": "boss@work.example", "responseStatus": "accepted"},
            {"email": ADA, "responseStatus": answer},
        ]})
    };
    [
        (1, json!({"summary": "Lunch with Eve", "colorId": "11"})),
        (2, json!({"eventType": "outOfOffice", "summary": "Away"})),
        (3, json!({"eventType": "focusTime", "summary": "Quiet"})),
        (
            4,
            json!({"eventType": "workingLocation", "summary": "Home"}),
        ),
        (5, json!({"transparency": "transparent", "summary": "Free"})),
        (
            6,
            json!({"visibility": "private", "status": "tentative", "summary": "Perhaps"}),
        ),
        (7, answered("declined")),
        (8, answered("needsAction")),
        (9, answered("tentative")),
        (
            10,
            json!({"attendees": [
                {"email": "room@resource.example", "resource": true, "responseStatus": "accepted"},
            ]}),
        ),
    ]
}

#[test]
fn what_events_at_google_say_is_chosen_by_too() {
    let trip = Trip::signed_in();
    let Trip { fake, home } = &trip;
    for (at, more) in said_at_google() {
        let mut event = hour(5, at);
        for (name, value) in more.as_object().unwrap() {
            event[name] = value.clone();
        }
        fake.put(ADA, event);
    }
    let rows: [(&str, &[u8]); 14] = [
        ("", &[1, 2, 3, 6, 8, 9, 10]),
        ("kinds = [\"out-of-office\", \"working-location\"]", &[2, 4]),
        ("not_kinds = [\"focus-time\"]", &[1, 2, 6, 8, 9, 10]),
        ("answers = [\"declined\"]", &[7]),
        ("answers = [\"accepted\"]", &[1, 2, 3, 6, 10]),
        ("not_answers = [\"tentative\"]", &[1, 2, 3, 6, 8, 10]),
        ("shown_as = [\"away\"]", &[2]),
        ("shown_as = [\"free\", \"tentative\"]", &[5, 6]),
        ("private = true", &[6]),
        ("organiser_is_me = false", &[8, 9]),
        ("has_guests = true", &[8, 9]),
        ("titles = [\"lunch\", \"quiet\"]", &[1, 3]),
        ("not_titles = [\"a\"]", &[1, 3, 8, 9, 10]),
        ("categories = [\"tomato\"]", &[1]),
    ];
    let before = fs::read_to_string(home.config_file()).unwrap();
    for (rule, wanted) in rows {
        home.configure(&format!(
            "{before}[[rules]]\nfrom = \"private\"\nto = \"home\"\n{rule}\n"
        ));
        home.expect(0, &["sync", "--allow-mass-delete"]);
        let mut shown: Vec<u8> = Vec::new();
        for text in home.blocks("home").values() {
            let text = String::from_utf8_lossy(text).into_owned();
            let start = text.lines().find_map(|line| line.strip_prefix("DTSTART:"));
            let (_, time) = start.unwrap().split_once('T').unwrap();
            shown.push(time[..2].parse().unwrap());
        }
        shown.sort_unstable();
        assert_eq!(shown, wanted, "{rule}");
        home.sync_idle();
    }
}

#[test]
fn a_repeating_block_is_told_of_by_the_first_day_that_it_shows() {
    let home = Home::with(&["home", "work"]);
    let rule = "[[rules]]\nfrom = \"home\"\nto = \"work\"\ndays = [\"sat\"]\n";
    home.configure_also("", rule);
    let monday = (0..7)
        .map(day)
        .find(|day| day.weekday() == jiff::civil::Weekday::Monday)
        .unwrap();
    let text = event_with(
        "daily",
        &format!(
            "DTSTART:{0}T090000Z\nDTEND:{0}T100000Z\nRRULE:FREQ=DAILY",
            monday.strftime("%Y%m%d")
        ),
    );
    home.put("home", "daily.ics", text);
    let report = home.expect(0, &["sync", "--dry-run", "--json"]).json();
    let saturday = monday.checked_add(5.days()).unwrap();
    let start = report["operations"][0]["start"].as_str().unwrap();
    assert!(start.starts_with(&saturday.to_string()), "{report}");
}

#[test]
fn a_series_that_is_cut_alike_each_time_is_a_series() {
    let home = Home::with(&["home", "work"]);
    let rule = blocks_by_rule(&home);
    for (nth, times) in ["Mon 16:00-20:00", "Tue 05:00-10:00", "Wed 05:00-23:00"]
        .iter()
        .enumerate()
    {
        let weekly = text(&[(times, "RRULE:FREQ=WEEKLY")]);
        let weekly = weekly.replace("event-0", &format!("weekly-{nth}"));
        home.put("home", &format!("{nth}.ics"), weekly);
    }
    assert_eq!(rule(""), 3);
    let clip = "hours = \"08:00-18:00\"\nedge = \"clip\"";
    assert_eq!(rule(clip), 3);
    assert_eq!(
        shown(&home, "work"),
        ["Mon 16:00-18:00", "Tue 08:00-10:00", "Wed 08:00-18:00"]
    );
    // In two pieces each, they are no series, and none is left that is nothing but holes.
    assert!(rule("hours = \"17:00-09:00\"\nedge = \"clip\"") > 50);
    assert_eq!(shown(&home, "work").len(), 4);
    for text in home.blocks("work").into_values() {
        let text = String::from_utf8(text).unwrap();
        assert!(text.matches("EXDATE").count() < 40, "{text}");
    }
    assert_eq!(rule(clip), 3);
}
