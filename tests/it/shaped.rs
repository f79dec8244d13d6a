//! The form that rules give to blocks, where clocks are changed and rules end: each a case that chance meets too seldom.

use calsync::{
    ical::{self, Reader},
    model::{Event, Length, Part, Series, Span, When, Window, zone},
    plan::{
        Filter,
        filter::{Edge, Form, Grid, Times},
        flatten::{Flat, fit, flatten, series_spans},
    },
};
use jiff::{
    SignedDuration, Timestamp, ToSpan as _,
    civil::{Time, Weekday, date},
    tz::TimeZone,
};

use crate::support::{program::event_with, world::home};

fn event(properties: &str) -> Event {
    let text = event_with("a", properties);
    match ical::read(text.as_bytes(), Reader::new(&[], &home()))
        .unwrap()
        .pop()
    {
        Some(Part::Event { event, .. }) => event,
        other => panic!("{other:?}"),
    }
}

/// Some weeks around the last Sunday in March 2027, when the clock skips from 02:00 to 03:00.
fn spring() -> Window {
    Window {
        first: date(2027, 3, 1),
        end: date(2027, 4, 20),
        home: home(),
    }
}

fn fitted(properties: &str, filter: &Filter) -> Flat {
    let window = spring();
    let flat = flatten(&event(properties), &filter.reach(&window)).unwrap();
    fit(flat, filter, |_| 0, &window).unwrap()
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

fn earlier(by: i64) -> Filter {
    Filter {
        form: Form {
            before: minutes(by),
            ..Form::default()
        },
        ..Filter::default()
    }
}

fn begins(series: &Series) -> String {
    let When::Time(local, _) = &series.start else {
        panic!("{series:?}");
    };
    local.to_string()
}

#[test]
fn a_block_that_would_begin_where_the_clock_skips_is_no_part_of_its_rule() {
    let daily = "DTSTART;TZID=Europe/Berlin:20270301T033000\nDURATION:PT1H\nRRULE:FREQ=DAILY";
    let flat = fitted(daily, &earlier(60));
    let series = flat.series.unwrap();
    assert_eq!(begins(&series), "2027-03-01T02:30:00");
    assert_eq!(series.length, Length::Wall(7_200));
    let skipped = date(2027, 3, 28).at(2, 30, 0, 0);
    assert!(series.holes.contains(&skipped), "{:?}", series.holes);
    let span = Span::timed(
        "2027-03-28T00:30:00Z".parse().unwrap(),
        "2027-03-28T02:30:00Z".parse().unwrap(),
    );
    let singles: Vec<Span> = flat.singles.iter().map(|single| single.span).collect();
    assert_eq!(singles, [span]);
}

#[test]
fn a_rule_whose_first_block_would_begin_where_the_clock_skips_begins_with_the_next() {
    let daily =
        "DTSTART;TZID=Europe/Berlin:20270328T033000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4";
    let flat = fitted(daily, &earlier(60));
    let series = flat.series.unwrap();
    assert_eq!(begins(&series), "2027-03-29T02:30:00");
    assert_eq!(series_spans(&series, &spring()).len(), 3, "{series:?}");
    assert_eq!(flat.singles.len(), 1);
}

/// Five minutes more on both sides, but nothing outside of some hours.
fn clipped(from: Time, to: Time) -> Filter {
    let weekdays = Weekday::Monday.cycle_forward().take(7);
    let times = Times {
        days: weekdays.map(Into::into).collect(),
        hours: Some((from, to)),
        edge: Edge::Clip,
        zone: home(),
    };
    Filter {
        times: Some(times),
        ..earlier(5)
    }
}

#[test]
fn a_block_that_is_cut_to_where_the_clock_skips_is_no_part_of_its_rule() {
    let mut filter = clipped(Time::constant(1, 30, 0, 0), Time::constant(4, 0, 0, 0));
    filter.times.as_mut().unwrap().zone = TimeZone::UTC;
    let daily = "DTSTART;TZID=Europe/Berlin:20270301T010000\nDTEND;TZID=Europe/Berlin:20270301T070000\n\
                 RRULE:FREQ=DAILY;COUNT=30";
    let flat = fitted(daily, &filter);
    let series = flat.series.unwrap();
    assert_eq!(begins(&series), "2027-03-01T02:30:00");
    assert!(series.holes.contains(&date(2027, 3, 28).at(2, 30, 0, 0)));
    // It, and the two that are left when the clock was changed.
    assert_eq!(flat.singles.len(), 3);
}

#[test]
fn the_last_block_of_a_rule_shows_however_it_was_moved() {
    let later = clipped(Time::constant(9, 0, 0, 0), Time::constant(17, 0, 0, 0));
    let daily = "DTSTART;TZID=Europe/Berlin:20270301T080000\nDURATION:PT2H\nRRULE:FREQ=DAILY;UNTIL=20270305T070000Z";
    for (filter, begin) in [
        (later, "2027-03-01T09:00:00"),
        (earlier(5), "2027-03-01T07:55:00"),
    ] {
        let flat = fitted(daily, &filter);
        let series = flat.series.unwrap();
        assert_eq!(begins(&series), begin);
        assert_eq!(
            (series_spans(&series, &spring()).len(), flat.singles),
            (5, vec![])
        );
    }
}

#[test]
fn a_rule_that_would_begin_the_day_before_or_names_hours_becomes_single_blocks() {
    let hours: Vec<String> = (0..24).map(|hour| hour.to_string()).collect();
    let hourly = format!(
        "20270301T004500\nDURATION:PT10M\nRRULE:FREQ=DAILY;BYHOUR={}",
        hours.join(",")
    );
    for (rule, blocks) in [
        (
            "20270301T001000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3",
            3,
        ),
        (&hourly, 50 * 24),
    ] {
        let flat = fitted(&format!("DTSTART;TZID=Europe/Berlin:{rule}"), &earlier(30));
        assert_eq!((flat.series, flat.singles.len()), (None, blocks), "{rule}");
    }
}

/// The nearest instant at which a clock is on a grid, minute by minute.
fn on_grid(mut at: Timestamp, step: i64, lines: i8, zone: &TimeZone) -> Timestamp {
    while zone.to_datetime(at).minute() % lines != 0 {
        at += step.minutes();
    }
    at
}

#[test]
fn ends_go_out_to_the_nearest_line_of_the_grid_also_where_the_clock_is_changed() {
    for (name, days) in [
        (
            "Europe/Berlin",
            ["2027-03-27T22:00:00Z", "2027-10-30T22:00:00Z"],
        ),
        (
            "Australia/Lord_Howe",
            ["2027-04-03T12:00:00Z", "2027-10-02T12:00:00Z"],
        ),
        (
            "Asia/Kathmandu",
            ["2027-04-03T12:00:00Z", "2027-10-02T12:00:00Z"],
        ),
    ] {
        let zone = zone::iana(name).unwrap();
        for lines in [5, 15, 20, 30, 60] {
            let form = Form {
                round: Some(Grid {
                    minutes: lines,
                    zone: zone.clone(),
                }),
                ..Form::default()
            };
            let filter = Filter {
                form,
                ..Filter::default()
            };
            for day in days {
                let from: Timestamp = day.parse().unwrap();
                for minute in 0..600_i64 {
                    let (start, end) = (from + minute.minutes(), from + (minute + 7).minutes());
                    let wanted = Span::timed(
                        on_grid(start, -1, lines, &zone),
                        on_grid(end, 1, lines, &zone),
                    );
                    let found = filter.blocks(Span::timed(start, end), &home());
                    assert_eq!(found, [wanted], "{start} to {end}, {lines} in {name}");
                }
            }
        }
    }
}

#[test]
fn what_takes_no_time_and_whole_days_have_no_form() {
    let filter = earlier(30);
    let day = Span::days(date(2027, 3, 1), 2);
    assert_eq!(filter.blocks(day, &home()), [day]);
    let noon: Timestamp = "2027-03-01T12:00:00Z".parse().unwrap();
    let nothing = Span::timed(noon, noon);
    assert_eq!(filter.blocks(nothing, &home()), [nothing]);
    let flat = fitted("DTSTART;TZID=Europe/Berlin:20270301T080000", &filter);
    assert_eq!(flat, Flat::default());
}

#[test]
fn a_rule_without_form_is_as_ever() {
    let open = Filter::default();
    let marked = Filter {
        shortest: Some(minutes(1)),
        ..Filter::default()
    };
    for rule in [
        "",
        "\nRRULE:FREQ=DAILY",
        "\nRRULE:FREQ=HOURLY;INTERVAL=5;COUNT=9",
    ] {
        let text = format!("DTSTART;TZID=Europe/Berlin:20270301T023000\nDURATION:PT1H{rule}");
        let flat = flatten(&event(&text), &spring()).unwrap();
        for filter in [&open, &marked] {
            assert_eq!(filter.reach(&spring()), spring());
            assert_eq!(fitted(&text, filter), flat, "{rule}");
        }
    }
}
