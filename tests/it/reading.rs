//! What events mean, case by case: texts that are rare, and that programs have been seen to write or attackers to try.

use calsync::{
    ical::{self, Reader},
    model::{Event, Part, Span, Uid, Window, zone::iana},
    plan::flatten::{self, Flat, TooMany, flatten},
};
use jiff::{Timestamp, civil::date, tz::TimeZone};

use crate::support::program::calendar;

fn home() -> TimeZone {
    iana("Europe/Berlin").unwrap()
}

/// The year 2026, and some weeks.
fn window() -> Window {
    Window {
        first: date(2026, 1, 1),
        end: date(2027, 2, 1),
        home: home(),
    }
}

fn read(events: &[&str]) -> Vec<(Uid, Event)> {
    let events = events.iter().map(|lines| {
        let uid = if lines.contains("UID") { "" } else { "UID:u\n" };
        format!("BEGIN:VEVENT\n{uid}{}\nEND:VEVENT\n", lines.trim())
    });
    let text = calendar(&events.collect::<String>());
    let home = home();
    let reader = Reader::new(&[], &home);
    let parts = ical::read(text.as_bytes(), reader).unwrap();
    let parts = parts.into_iter().map(|part| match part {
        Part::Event { uid, event, .. } => (uid, event),
        Part::Unreadable { why, .. } => panic!("{why}"),
    });
    parts.collect()
}

fn event(events: &[&str]) -> Event {
    let mut found = read(events);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0).1
}

/// When an event is busy, as it is listed; what it is flattened to must show the same.
fn busy(event: &Event) -> Vec<String> {
    let window = window();
    let Flat {
        series, singles, ..
    } = flatten(event, &window).unwrap();
    let series = series.iter();
    let series = series.flat_map(|series| flatten::series_spans(series, &window));
    let flat = series.chain(singles.iter().map(|single| single.span));
    let listed = flatten::list(event, &window).unwrap();
    let listed = texts(listed.into_iter().map(|single| single.span));
    assert_eq!(texts(flat), listed, "{event:?}");
    listed
}

/// The starts, on a clock in Berlin.
fn texts(spans: impl IntoIterator<Item = Span>) -> Vec<String> {
    let local = |at: Timestamp| home().to_datetime(at).strftime("%m-%d %H:%M").to_string();
    let mut texts: Vec<String> = spans
        .into_iter()
        .map(|span| match span {
            Span::Timed { start, .. } => local(start),
            Span::Days { first, .. } => first.strftime("%m-%d").to_string(),
        })
        .collect();
    texts.sort();
    texts
}

#[test]
fn a_time_that_takes_out_a_whole_day_means_the_day_that_begins_then_or_the_one_it_is_on() {
    for (hole, left) in [
        ("EXDATE:20260303T230000Z", ["03-03", "03-05", "03-06"]),
        ("EXDATE:20260304T000000Z", ["03-03", "03-05", "03-06"]),
        ("EXDATE:20260304T000000", ["03-03", "03-05", "03-06"]),
        ("EXDATE:20260304T220000Z", ["03-03", "03-05", "03-06"]),
        (
            "EXDATE;TZID=America/New_York:20260304T000000",
            ["03-03", "03-05", "03-06"],
        ),
        (
            "EXDATE;TZID=Asia/Tokyo:20260305T080000",
            ["03-03", "03-04", "03-06"],
        ),
    ] {
        let series = format!("DTSTART;VALUE=DATE:20260303\nRRULE:FREQ=DAILY;COUNT=4\n{hole}");
        assert_eq!(busy(&event(&[&series])), left, "{hole}");
        let id = hole.replace("EXDATE", "RECURRENCE-ID");
        let series = "DTSTART;VALUE=DATE:20260303\nRRULE:FREQ=DAILY;COUNT=4";
        let change = format!("{id}\nDTSTART;VALUE=DATE:20260401");
        let moved: Vec<&str> = left.into_iter().chain(["04-01"]).collect();
        for pair in [[series, &change], [&change, series]] {
            assert_eq!(busy(&event(&pair)), moved, "{id}");
        }
        // In two files, what is meant is known only when both are seen.
        let apart = [series, &change].map(|text| event(&[text]));
        assert_eq!(busy(&Event::gather(apart).0), moved, "{id}");
    }
}

#[test]
fn an_occurrence_is_named_on_the_clock_of_its_series() {
    let change = "RECURRENCE-ID:20260310T090000\nDTSTART;TZID=America/New_York:20260310T160000\nDURATION:PT1H";
    let left = ["03-03 09:00", "03-10 21:00", "03-17 09:00"];
    for start in [
        "DTSTART:20260303T090000",
        "DTSTART;TZID=Europe/Berlin:20260303T090000",
    ] {
        let series = format!("{start}\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3");
        for pair in [[&*series, change], [change, &series]] {
            assert_eq!(busy(&event(&pair)), left, "{pair:?}");
        }
    }
    let series = "DTSTART:20260303T080000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3";
    let change = change.replace("T090000", "T080000");
    assert_eq!(busy(&event(&[series, &change])), left);
}

#[test]
fn what_holds_from_one_occurrence_on_is_shown_also_after_the_end_of_the_rule() {
    let series = "DTSTART:20260303T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=2";
    let fork =
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260317T090000\nDTSTART:20260317T120000\nDURATION:PT2H";
    let usual = ["03-03 09:00", "03-10 09:00"];
    let both: Vec<&str> = usual.into_iter().chain(["03-17 12:00"]).collect();
    assert_eq!(busy(&event(&[series, fork])), both);
    let none = format!("{fork}\nSTATUS:CANCELLED");
    assert_eq!(busy(&event(&[series, &none])), usual);
    let out = format!("{series}\nEXDATE:20260317T090000");
    assert_eq!(busy(&event(&[&out, fork])), usual);
    // A change to that occurrence alone goes before one that holds from there on.
    let single = "RECURRENCE-ID:20260317T090000\nDTSTART:20260317T150000\nDURATION:PT1H";
    let free = format!("{single}\nTRANSP:TRANSPARENT");
    assert_eq!(busy(&event(&[series, fork, &free])), usual);
    let moved: Vec<&str> = usual.into_iter().chain(["03-17 15:00"]).collect();
    assert_eq!(busy(&event(&[series, fork, single])), moved);
    // Something that does not repeat is not in two places either.
    let once = "DTSTART:20260317T090000\nDURATION:PT1H";
    assert_eq!(busy(&event(&[once, fork])), ["03-17 12:00"]);
}

#[test]
fn a_moved_series_is_out_of_a_gap_only_where_it_falls_into_one() {
    let series =
        "DTSTART;TZID=Europe/Berlin:20260326T020000\nDURATION:PT30M\nRRULE:FREQ=DAILY;COUNT=6";
    let at = "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin";
    let fork =
        format!("{at}:20260327T020000\nDTSTART;TZID=Europe/Berlin:20260327T030000\nDURATION:PT30M");
    let shown = [
        "03-26 02:00",
        "03-27 03:00",
        "03-28 03:00",
        "03-29 03:00",
        "03-30 03:00",
        "03-31 03:00",
    ];
    assert_eq!(busy(&event(&[series, &fork])), shown);
    let floating = fork.replace(";TZID=Europe/Berlin:2026", ":2026");
    assert_eq!(busy(&event(&[series, &floating])), shown);
    let from_the_gap_on =
        format!("{at}:20260329T020000\nDTSTART;TZID=Europe/Berlin:20260329T050000\nDURATION:PT30M");
    assert_eq!(
        busy(&event(&[series, &from_the_gap_on])),
        [
            "03-26 02:00",
            "03-27 02:00",
            "03-28 02:00",
            "03-29 05:00",
            "03-30 05:00",
            "03-31 05:00",
        ]
    );
}

#[test]
fn of_two_changes_of_one_edition_the_same_one_counts_in_any_order() {
    let series =
        "DTSTART;TZID=Europe/Berlin:20260303T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=2";
    let in_zone =
        "RECURRENCE-ID;TZID=Europe/Berlin:20260310T090000\nDTSTART:20260310T120000Z\nDURATION:PT1H";
    let again = in_zone.replace("T120000Z", "T180000Z");
    let in_utc = "RECURRENCE-ID:20260310T080000Z\nDTSTART:20260310T150000Z\nDURATION:PT1H";
    let newest = format!("{in_utc}\nSEQUENCE:3").replace("T150000Z", "T200000Z");
    let mut all = [series, in_zone, &again, in_utc];
    let usual = busy(&event(&all));
    assert_eq!(usual.len(), 2, "{usual:?}");
    for i in 0..24 {
        all.swap(i % 3, 3);
        assert_eq!(busy(&event(&all)), usual, "{all:?}");
        let apart = Event::gather(all.map(|text| event(&[text]))).0;
        assert_eq!(busy(&apart), usual, "{all:?}");
        let with_newest: Vec<&str> = all.iter().copied().chain([&*newest]).collect();
        assert_eq!(busy(&event(&with_newest)), ["03-03 09:00", "03-10 21:00"]);
    }
}

#[test]
fn an_end_inside_a_gap_is_read_as_the_instant_it_is() {
    let until = |until: &str| {
        event(&[&format!(
            "DTSTART;TZID=Europe/Berlin:20260326T013000\nDURATION:PT30M\nRRULE:FREQ=DAILY;UNTIL={until}"
        )])
    };
    assert_eq!(until("20260329T023000"), until("20260329T013000Z"));
    assert_eq!(until("20260330T023000"), until("20260330T003000Z"));
}

#[test]
fn a_name_made_for_an_event_without_one_says_nothing_of_its_words() {
    let text = |more: &str| {
        format!("X-NO-UID:1\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n{more}")
    };
    let uid = |more: &str| read(&[&text(more)]).remove(0).0;
    let plain = uid("SUMMARY:Secret\nLOCATION:There");
    assert!(plain.starts_with("no-uid-"), "{plain}");
    assert_eq!(plain, uid("SUMMARY:Other"));
    assert_ne!(plain, uid("TRANSP:TRANSPARENT"));
    let (free, taken) = (
        text("TRANSP:TRANSPARENT\nDTSTAMP:20260303T000000Z"),
        text(""),
    );
    assert_eq!(read(&[&free, &taken]).len(), 2, "one of them is busy");
}

#[test]
fn when_an_event_was_stamped_tells_editions_of_one_time_apart_and_no_others() {
    let at = |day: u32, more: &str| {
        format!("UID:u\nDTSTART:202603{day:02}T090000Z\nDURATION:PT1H\n{more}")
    };
    let starts = |events: &[String]| {
        let mut events: Vec<&str> = events.iter().map(String::as_str).collect();
        let found = |events: &[&str]| {
            let found = read(events).into_iter();
            let mut starts: Vec<String> = found.flat_map(|(_, event)| busy(&event)).collect();
            starts.sort();
            starts
        };
        let starts = found(&events);
        events.reverse();
        assert_eq!(found(&events), starts, "in another order: {events:?}");
        starts
    };
    let stamp = |hour: u32| format!("DTSTAMP:20260101T{hour:02}0000Z");
    let changed = |hour: u32| format!("{}\nLAST-MODIFIED:20260101T{hour:02}0000Z", stamp(9));
    let longer = |event: String| event.replace("PT1H", "PT2H");
    for (events, shown) in [
        // The stamp alone.
        ([at(3, &stamp(1)), at(4, &stamp(2))], 2),
        ([at(3, &stamp(1)), longer(at(3, &stamp(2)))], 1),
        // Somebody changed both.
        ([at(3, &changed(1)), at(4, &changed(2))], 1),
        // Nobody knows when one of them was changed.
        ([at(3, &changed(1)), at(4, &stamp(2))], 2),
        ([at(3, &changed(2)), at(4, &stamp(1))], 2),
        ([at(3, &changed(1)), longer(at(3, &stamp(2)))], 1),
        // One of them says that it is later.
        (
            [
                at(3, &stamp(2)),
                at(4, &format!("SEQUENCE:1\n{}", stamp(1))),
            ],
            1,
        ),
    ] {
        assert_eq!(starts(&events).len(), shown, "{events:?}");
    }
    let twice = read(&[&at(3, &stamp(1)), &at(3, &stamp(2)), &at(4, &stamp(3))]);
    assert_eq!(twice.len(), 2, "{twice:?}");
}

#[test]
fn a_rule_of_seconds_is_too_much_at_once_and_a_long_past_costs_nothing() {
    let rule = |start: &str, rule: &str| {
        event(&[&format!("DTSTART:{start}\nDURATION:PT10M\nRRULE:{rule}")])
    };
    let window = window();
    // Walked through, these would take minutes.
    for _ in 0..200 {
        let event = rule("19700101T000000Z", "FREQ=SECONDLY");
        assert_eq!(flatten(&event, &window), Err(TooMany));
        assert_eq!(flatten::list(&event, &window), Err(TooMany));
    }
    let often = rule("20251201T000000Z", "FREQ=MINUTELY;INTERVAL=20");
    assert_eq!(flatten(&often, &window), Err(TooMany));
    // Walked through, this one would be given up.
    let old = rule("19000101T000000Z", "FREQ=HOURLY;INTERVAL=1");
    assert_eq!(flatten::list(&old, &window).unwrap().len(), 396 * 24);
    let over = rule("19700101T000000Z", "FREQ=SECONDLY;UNTIL=20260101T000000Z");
    assert_eq!(flatten::list(&over, &window).unwrap().len(), 70 * 60);
}

#[test]
fn a_rule_that_takes_many_steps_and_shows_little_is_too_much() {
    let event = |lines: &str| {
        event(&[&format!(
            "DTSTART:20260101T000000Z\nDURATION:PT10M\n{lines}"
        )])
    };
    let old_one = |lines: &str| {
        super::reading::event(&[&format!(
            "DTSTART:19000101T000000Z\nDURATION:PT10M\n{lines}"
        )])
    };
    let window = window();
    // Walked through, each of these would take seconds; reading it takes none either.
    let costly = [
        "RRULE:FREQ=SECONDLY;COUNT=900000;BYMINUTE=1;BYSECOND=1",
        "RRULE:FREQ=SECONDLY;COUNT=5;BYMONTH=2;BYMONTHDAY=31",
        "RRULE:FREQ=DAILY\nEXRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=31",
    ];
    for lines in costly {
        let event = event(lines);
        assert_eq!(flatten(&event, &window), Err(TooMany), "{lines}");
        assert_eq!(flatten::list(&event, &window), Err(TooMany), "{lines}");
    }
    let old = old_one(
        "RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
    );
    assert_eq!(flatten(&old, &window), Err(TooMany));
    // What people have costs nothing, however long they have had it.
    for usual in [
        "FREQ=YEARLY",
        "FREQ=YEARLY;BYMONTHDAY=1;BYMONTH=1",
        "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
        "FREQ=MONTHLY;BYDAY=2TU",
        "FREQ=MONTHLY;BYMONTHDAY=1,15,-1",
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        "FREQ=DAILY",
    ] {
        let usual = old_one(&format!("RRULE:{usual}"));
        assert_eq!(flatten::walk(&usual, &window), 0, "{usual:?}");
    }
    let cheap = event("RRULE:FREQ=MINUTELY;BYHOUR=9;BYMINUTE=0;BYDAY=MO");
    assert!(!flatten::list(&cheap, &window).unwrap().is_empty());
}

#[test]
fn a_rule_of_exceptions_may_take_out_the_first_occurrence_too() {
    let event = event(&[
        "DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4\nEXRULE:FREQ=DAILY;INTERVAL=2;COUNT=2",
    ]);
    let shown = flatten::list(&event, &window()).unwrap();
    assert_eq!(
        texts(shown.into_iter().map(|single| single.span)),
        ["03-03 10:00", "03-05 10:00"]
    );
}

#[test]
fn a_rule_of_hours_says_nothing_of_a_time_that_a_clock_skips() {
    let event = event(&[
        "DTSTART;TZID=Europe/Berlin:20260101T000000\nDTEND;TZID=Europe/Berlin:20260101T010000\nRRULE:FREQ=HOURLY;INTERVAL=2",
    ]);
    let flat = flatten(&event, &window()).unwrap();
    let series = flat.series.unwrap();
    let skipped = date(2026, 3, 29).at(2, 0, 0, 0);
    assert!(series.holes.contains(&skipped), "{:?}", series.holes);
    assert_eq!(
        texts(flat.singles.iter().map(|single| single.span)),
        ["03-29 03:00"]
    );
    busy(&event);
}
