//! Google's JSON into events, and blocks into Google's JSON and back.

use calsync::{
    config::paths::variable,
    ical::{self, Reader},
    model::{
        Block, Event, Face, Length, Master, Override, Part, Series, Shape, Span, Standing, When,
        Window, Zone, marks::NOTHING,
    },
    plan::flatten::flatten,
    provider::google::{
        decode::{self, Item, Next, Nonsense, What},
        encode,
    },
};
use jiff::{Timestamp, civil::date, tz::TimeZone};
use proptest::{prelude::*, test_runner::RngSeed};
use serde_json::{Value, json};

use crate::support::{
    block::id,
    rng::Rng,
    spec::{self, Taste},
    world::home,
};

const HIDDEN: &str = "xyzzy-secret";

fn page(items: &[Value]) -> Vec<Item> {
    let body = json!({
        "kind": "calendar#events", "timeZone": "Europe/Berlin", "items": items, "nextSyncToken": "t",
    });
    let page = decode::page(body.to_string().as_bytes(), &home(), &NOTHING).unwrap();
    assert_eq!(page.next, Next::Sync("t".to_owned()));
    page.items
}

/// The event that an hour at nine in Berlin is with these fields changed.
fn hour(changes: &Value) -> Value {
    let mut event = json!({
        "kind": "calendar#event", "id": "e1", "etag": "\"1\"", "status": "confirmed", "iCalUID": "e1@google.com",
        "summary": HIDDEN, "sequence": 3, "updated": "2026-11-01T10:00:00.000Z",
        "start": {"dateTime": "2026-11-23T09:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-11-23T10:00:00+01:00", "timeZone": "Europe/Berlin"},
    });
    for (name, value) in changes.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn only(item: &Value) -> Item {
    page(std::slice::from_ref(item)).pop().unwrap()
}

fn event(item: &Value) -> Event {
    match only(item).what {
        What::Event(event) => event,
        other => panic!("an event, not {other:?}"),
    }
}

fn master(item: &Value) -> Master {
    event(item).master.unwrap()
}

fn changed(item: &Value) -> Override {
    event(item).overrides.pop().unwrap()
}

#[test]
fn a_plain_event_is_read_to_the_instant() {
    let item = only(&hour(&json!({})));
    assert_eq!(&*item.href, "e1");
    assert_eq!(&*item.version, "3 \"1\"");
    assert_eq!(item.uid.as_deref(), Some("e1@google.com"));
    let master = master(&hour(&json!({})));
    let span = Span::timed(
        "2026-11-23T08:00:00Z".parse().unwrap(),
        "2026-11-23T09:00:00Z".parse().unwrap(),
    );
    assert_eq!(master.start.span(master.length, &home()), span);
    assert_eq!(master.standing, Standing::Busy);
    assert_eq!(master.revision.sequence, 3);
    // The second half past two of the night in which clocks are put back.
    let item = hour(&json!({
        "start": {"dateTime": "2026-10-25T02:30:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-10-25T03:00:00+01:00", "timeZone": "Europe/Berlin"},
    }));
    let at: Timestamp = "2026-10-25T01:30:00Z".parse().unwrap();
    assert_eq!(self::master(&item).start.instant(&home()), at);
}

#[test]
fn days_are_read_as_days() {
    let item = hour(&json!({"start": {"date": "2026-11-23"}, "end": {"date": "2026-11-26"}}));
    let master = master(&item);
    assert_eq!(master.start, When::Day(date(2026, 11, 23)));
    assert_eq!(master.length, Length::Days(3));
}

#[test]
fn a_series_goes_by_the_clock_of_its_zone() {
    let item = hour(&json!({
        "start": {"dateTime": "2026-11-23T08:00:00Z", "timeZone": "America/New_York"},
        "end": {"dateTime": "2026-11-23T09:00:00Z", "timeZone": "America/New_York"},
        "recurrence": [
            "EXDATE;TZID=America/New_York:20261130T030000,20261207T030000",
            "RRULE:FREQ=WEEKLY;UNTIL=20270301T080000Z",
            "RDATE;TZID=Europe/Berlin:20261224T090000",
        ],
    }));
    let master = master(&item);
    let new_york = Zone::iana("America/New_York").unwrap();
    let at = |month, day| When::Time(date(2026, month, day).at(3, 0, 0, 0), new_york.clone());
    assert_eq!(master.start, at(11, 23));
    assert_eq!(master.length, Length::Wall(3600));
    let recurs = master.recurs.unwrap();
    assert_eq!(recurs.holes, [at(11, 30), at(12, 7)]);
    assert_eq!(
        recurs.rules[0].to_string(),
        "FREQ=WEEKLY;UNTIL=20270301T030000"
    );
    assert_eq!(recurs.extras.len(), 1);
}

#[test]
fn a_series_without_a_zone_goes_by_that_of_the_calendar() {
    let item = hour(&json!({
        "start": {"dateTime": "2026-11-23T08:00:00Z"},
        "end": {"dateTime": "2026-11-23T09:00:00Z"},
        "recurrence": ["RRULE:FREQ=DAILY"],
    }));
    let berlin = Zone::iana("Europe/Berlin").unwrap();
    let at = date(2026, 11, 23).at(9, 0, 0, 0);
    assert_eq!(master(&item).start, When::Time(at, berlin));
}

#[test]
fn what_counts_as_busy() {
    let me = |answer: &str| {
        json!({"attendees": [
            {"email": "a@example.org", "responseStatus": "declined"},
            {"email": "b@example.org", "self": true, "responseStatus": answer},
        ]})
    };
    for (changes, standing) in [
        (json!({}), Standing::Busy),
        (json!({"status": "tentative"}), Standing::Busy),
        (json!({"transparency": "opaque"}), Standing::Busy),
        (json!({"transparency": "transparent"}), Standing::Free),
        (me("declined"), Standing::Declined),
        (me("tentative"), Standing::Busy),
        (me("needsAction"), Standing::Busy),
        (
            json!({"attendees": [{"responseStatus": "declined"}]}),
            Standing::Busy,
        ),
        (json!({"eventType": "workingLocation"}), Standing::Note),
        (json!({"eventType": "birthday"}), Standing::Note),
        (json!({"eventType": "outOfOffice"}), Standing::Busy),
        (json!({"eventType": "focusTime"}), Standing::Busy),
        (json!({"eventType": "fromGmail"}), Standing::Busy),
        (json!({"eventType": "neverHeardOfIt"}), Standing::Busy),
        (
            json!({"eventType": "focusTime", "transparency": "transparent"}),
            Standing::Free,
        ),
        (
            json!({"summary": null, "visibility": "private"}),
            Standing::Busy,
        ),
    ] {
        assert_eq!(master(&hour(&changes)).standing, standing, "{changes}");
    }
}

#[test]
fn a_changed_occurrence_names_its_series_and_its_start() {
    let item = hour(&json!({
        "id": "e1_20261123T080000Z", "recurringEventId": "e1",
        "originalStartTime": {"dateTime": "2026-11-23T09:00:00+01:00", "timeZone": "Europe/Berlin"},
        "start": {"dateTime": "2026-11-24T09:00:00+01:00"}, "end": {"dateTime": "2026-11-24T09:30:00+01:00"},
    }));
    assert_eq!(only(&item).series.as_deref(), Some("e1"));
    let change = changed(&item);
    assert_eq!(
        change.at.instant(&home()),
        "2026-11-23T08:00:00Z".parse().unwrap()
    );
    assert_eq!(
        change.start.instant(&home()),
        "2026-11-24T08:00:00Z".parse().unwrap()
    );
    assert_eq!(
        change.length,
        Length::Elapsed {
            days: 0,
            seconds: 1800
        }
    );
    assert_eq!(change.standing, Standing::Busy);
}

#[test]
fn of_a_cancelled_occurrence_three_fields_are_enough() {
    let item = json!({
        "id": "e1_20261123", "recurringEventId": "e1", "originalStartTime": {"date": "2026-11-23"},
        "status": "cancelled",
    });
    assert_eq!(only(&item).uid, None);
    let change = changed(&item);
    assert_eq!(change.at, When::Day(date(2026, 11, 23)));
    assert_eq!(change.standing, Standing::Cancelled);
}

#[test]
fn of_a_tombstone_the_id_is_enough() {
    let item = only(&json!({"id": "e1", "status": "cancelled"}));
    assert_eq!((item.what, &*item.href), (What::Gone, "e1"));
    // Even when the rest of it makes no sense.
    let item = only(&json!({"id": "e1", "status": "cancelled", "start": 7}));
    assert_eq!(item.what, What::Gone);
}

/// Each of these comes out as an event that cannot be read, and spoils nothing beside it.
fn none_can_be_read(odd: &[Value]) {
    for odd in odd {
        let items = page(&[
            hour(&json!({"id": "a"})),
            odd.clone(),
            hour(&json!({"id": "b"})),
        ]);
        let hrefs: Vec<&str> = items.iter().map(|item| &*item.href).collect();
        assert_eq!(hrefs, ["a", "odd", "b"]);
        assert!(matches!(items[0].what, What::Event(_)) && matches!(items[2].what, What::Event(_)));
        let resource = items[1].clone().into_resource(None).unwrap();
        let [Part::Unreadable { uid, why, .. }] = &resource.parts[..] else {
            panic!("{odd}: {resource:?}");
        };
        assert_eq!(&**uid, "e1@google.com");
        assert!(
            !why.contains("xyzzy") && !why.contains("half past"),
            "{why}"
        );
    }
}

#[test]
fn what_says_that_it_repeats_and_not_how_cannot_be_read() {
    let lines = [
        json!(["JUNK"]),
        json!([""]),
        json!(["RRULE:"]),
        json!(["RRULE :FREQ=WEEKLY"]),
        json!(["X-RRULE:FREQ=WEEKLY;COUNT=10"]),
        json!(["EXDATE:junk"]),
        json!(["EXRULE:FREQ=WEEKLY;COUNT=2"]),
    ];
    let odd: Vec<Value> = lines
        .iter()
        .map(|lines| hour(&json!({"id": "odd", "recurrence": lines})))
        .collect();
    none_can_be_read(&odd);
    for good in [
        json!(["RRULE:FREQ=WEEKLY;COUNT=10", "X-FOO:bar"]),
        json!(["RDATE:20261201T090000Z"]),
        json!(["EXDATE:20261201T090000Z"]),
        json!([]),
    ] {
        let items = page(&[hour(&json!({"id": "a", "recurrence": good}))]);
        assert!(matches!(items[0].what, What::Event(_)), "{good}");
    }
}

#[test]
fn an_odd_item_spoils_nothing_else() {
    let odd = [
        hour(&json!({"id": "odd", "start": {"dateTime": "half past nine"}})),
        hour(&json!({"id": "odd", "start": null})),
        hour(&json!({"id": "odd", "start": {}})),
        hour(&json!({"id": "odd", "start": {"date": "2026-11-23"}})),
        hour(&json!({"id": "odd", "sequence": "three"})),
        hour(&json!({"id": "odd", "recurrence": ["RRULE:FREQ=FORTNIGHTLY;SUMMARY=xyzzy-secret"]})),
        hour(&json!({"id": "odd", "recurrence": "RRULE:FREQ=DAILY"})),
    ];
    none_can_be_read(&odd);
    for odd in [
        json!(7),
        json!({}),
        json!({"id": 7}),
        json!({"id": ""}),
        json!({"recurringEventId": id("a", 0).as_str()}),
        json!(null),
    ] {
        let item = only(&odd);
        assert!(matches!(item.what, What::Odd(_)), "{odd}");
        assert!(item.href.starts_with("no-id-"));
    }
}

#[test]
fn only_what_was_asked_for_is_believed() {
    let read =
        |body: &str| decode::page(body.as_bytes(), &home(), &NOTHING).map(|page| page.items.len());
    let good = r#"{"kind":"calendar#events","items":[],"nextSyncToken":"t"}"#;
    assert_eq!(read(good), Ok(0));
    for (body, nonsense) in [
        // What a calendar's own address answers, if an id with a `#` is cut short on the way.
        (
            r#"{"kind":"calendar#calendar","id":"en.usa","nextSyncToken":"t"}"#,
            Nonsense::Kind,
        ),
        (r#"{"items":[],"nextSyncToken":"t"}"#, Nonsense::Kind),
        (
            r#"{"kind":"calendar#events","items":[]}"#,
            Nonsense::Endless,
        ),
        (
            r#"{"kind":"calendar#events","items":[],"nextSyncToken":""}"#,
            Nonsense::Endless,
        ),
        (
            r#"{"kind":"calendar#events","items":7,"nextSyncToken":"t"}"#,
            Nonsense::Form,
        ),
        ("<html>Sign in to this network</html>", Nonsense::Form),
        ("[]", Nonsense::Form),
        (&good[..30], Nonsense::Cut),
        ("", Nonsense::Cut),
    ] {
        assert_eq!(read(body), Err(nonsense), "{body}");
    }
}

fn block(shape: Shape) -> Block {
    Block {
        id: id("a", 0),
        shape,
        face: Face {
            title: "Busy; \"so\", maybe: ünknown".to_owned(),
            notes: "Made by calsync.\nChanges are lost.".to_owned(),
            ..Face::default()
        },
    }
}

fn an_hour() -> Block {
    let start: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
    block(Shape::Once(Span::timed(
        start,
        start + jiff::SignedDuration::from_hours(1),
    )))
}

fn written(block: &Block) -> Value {
    serde_json::from_slice(&encode::body(block, None)).unwrap()
}

/// A block as Google gives it back.
fn given_back(block: &Block) -> Value {
    let mut event = written(block);
    event["kind"] = json!("calendar#event");
    event["etag"] = json!("\"7\"");
    event["iCalUID"] = json!(format!("{}@google.com", block.id));
    event["organizer"] = json!({"email": "me@example.org", "self": true});
    event["creator"] = json!({"email": "me@example.org", "self": true});
    // Google says nothing of what is as usual.
    event.as_object_mut().unwrap().remove("transparency");
    event
}

fn seen(item: &Value) -> calsync::model::SeenBlock {
    match only(item).what {
        What::Block(_, seen) => seen,
        other => panic!("a block, not {other:?}"),
    }
}

#[test]
fn a_block_names_nobody_and_reminds_nobody() {
    let body = written(&an_hour());
    assert_eq!(
        body,
        json!({
            "id": id("a", 0).as_str(),
            "summary": "Busy; \"so\", maybe: ünknown",
            "description": "Made by calsync.\nChanges are lost.",
            "start": {"dateTime": "2026-11-24T08:00:00Z"},
            "end": {"dateTime": "2026-11-24T09:00:00Z"},
            "status": "confirmed",
            "transparency": "opaque",
            "visibility": "private",
            "reminders": {"useDefault": false, "overrides": []},
            "extendedProperties": {"private": {"calsync": "1"}},
        })
    );
    let again: Value = serde_json::from_slice(&encode::body(&an_hour(), Some(4))).unwrap();
    assert_eq!(again["sequence"], 4);
}

#[test]
fn a_block_is_known_by_its_id_alone() {
    let item = only(&given_back(&an_hour()));
    assert_eq!(item.uid.as_deref(), Some(id("a", 0).as_str()));
    assert!(matches!(item.what, What::Block(..)));
    // Somebody's copy has an id of the server's, whatever its UID.
    let mut copy = given_back(&an_hour());
    copy["id"] = json!("copy1");
    assert!(matches!(only(&copy).what, What::Event(_)));
}

#[test]
fn what_somebody_did_to_a_block_is_seen() {
    let block = an_hour();
    assert_eq!(seen(&given_back(&block)).print, block.print());
    for (name, value) in [
        ("summary", json!("Lunch")),
        ("description", json!("")),
        ("transparency", json!("transparent")),
        ("visibility", json!("public")),
        ("visibility", json!(null)),
        ("location", json!("Here")),
        ("colorId", json!("4")),
        ("status", json!("tentative")),
        ("reminders", json!({"useDefault": true})),
        (
            "reminders",
            json!({"useDefault": false, "overrides": [{"method": "email", "minutes": 10}]}),
        ),
        ("start", json!({"dateTime": "2026-11-24T08:30:00Z"})),
        ("recurrence", json!(["RRULE:FREQ=DAILY"])),
        (
            "attachments",
            json!([{"fileUrl": "https://drive.example/1"}]),
        ),
        ("attachments", json!([{}])),
        ("conferenceData", json!({"conferenceId": "abc"})),
        ("hangoutLink", json!("https://meet.example/abc")),
        ("extendedProperties", json!(null)),
    ] {
        let mut event = given_back(&block);
        event[name] = value.clone();
        let seen = seen(&event);
        assert_ne!(seen.print, block.print(), "{name}: {value}");
        assert!(!seen.people);
    }
}

#[test]
fn a_meeting_made_of_a_block_is_seen() {
    for (name, value, people) in [
        ("attendees", json!([{"email": "a@example.org"}]), true),
        ("attendees", json!([]), false),
        ("attendeesOmitted", json!(true), true),
        ("organizer", json!({"email": "boss@example.org"}), true),
        (
            "organizer",
            json!({"email": "team@group.calendar.google.com", "self": true}),
            false,
        ),
        ("organizer", json!({"email": "me@example.org"}), false),
    ] {
        let mut event = given_back(&an_hour());
        event[name] = value.clone();
        assert_eq!(seen(&event).people, people, "{name}: {value}");
    }
}

#[test]
fn a_changed_occurrence_of_a_block_is_no_event() {
    let id = id("a", 0);
    for status in ["confirmed", "cancelled"] {
        let item = only(&hour(&json!({
            "id": format!("{id}_20261123T080000Z"), "recurringEventId": id.as_str(), "status": status,
            "iCalUID": format!("{id}@google.com"),
            "originalStartTime": {"dateTime": "2026-11-23T08:00:00Z"},
        })));
        assert!(matches!(item.what, What::OfBlock { people: false, .. }));
        assert_eq!(item.into_resource(None).unwrap().parts, []);
    }
}

/// Whether the clock does nothing odd during the first occurrence, which then says all there is to say of the length.
fn is_smooth(series: &Series) -> bool {
    let (When::Time(local, Zone::Named(zone)), Length::Wall(seconds)) =
        (&series.start, series.length)
    else {
        return true;
    };
    let end = local.saturating_add(jiff::Span::new().seconds(seconds));
    let clear = |local| !zone.to_ambiguous_timestamp(local).is_ambiguous();
    clear(*local) && clear(end)
}

fn cases() -> ProptestConfig {
    let number = |name| variable(name).map(|text| text.parse::<u64>().expect("a number"));
    ProptestConfig {
        cases: u32::try_from(number("CALSYNC_CASES").unwrap_or(2_000)).expect("not so many"),
        rng_seed: RngSeed::Fixed(number("CALSYNC_SEED").unwrap_or(0)),
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// All blocks that anything at all would have.
fn shapes(seed: u64) -> Vec<Shape> {
    let mut rng = Rng::new(seed);
    let window = Window::around("2026-03-20T09:00:00Z".parse().unwrap(), &home(), 10, 60);
    let taste = Taste {
        around: window.first.saturating_add(jiff::Span::new().days(25)),
        reach: 40,
        recurring: 70,
    };
    let text = spec::any(&mut rng, "a", taste).text();
    let home = home();
    let reader = Reader::new(&[], &home);
    let parts = ical::read(text.as_bytes(), reader).unwrap();
    let [Part::Event { event, .. }] = &parts[..] else {
        panic!("{parts:?}");
    };
    let flat = flatten(event, &window).unwrap();
    let singles = flat
        .singles
        .into_iter()
        .map(|single| Shape::Once(single.span));
    let series = flat.series.filter(is_smooth).map(Shape::Series);
    singles.chain(series).collect()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_is_written_is_what_is_read(seed in any::<u64>()) {
        for shape in shapes(seed) {
            let block = block(shape);
            let seen = seen(&given_back(&block));
            prop_assert_eq!(seen.shape.as_ref(), Some(&block.shape), "seed {}", seed);
            prop_assert_eq!(seen.print, block.print(), "seed {}", seed);
        }
    }
}

#[test]
fn an_exact_length_is_told_beside_the_times() {
    let start = When::Time(date(2026, 4, 5).at(2, 30, 0, 0), Zone::Named(TimeZone::UTC));
    let length = Length::Elapsed {
        days: 0,
        seconds: 60,
    };
    let block = block(Shape::Series(Series {
        start,
        length,
        rule: calsync::recur::Rule::parse("FREQ=YEARLY").unwrap().0,
        holes: [].into(),
    }));
    assert_eq!(seen(&given_back(&block)).print, block.print());
}

#[test]
fn what_ends_before_it_starts_or_nowhere_cannot_be_read() {
    let early = json!({"dateTime": "2026-11-23T08:59:59+01:00", "timeZone": "Europe/Berlin"});
    let earlier = json!({"dateTime": "2026-11-23T05:00:00+01:00", "timeZone": "Europe/Berlin"});
    let day = |day: i8| json!({"date": format!("2026-11-{day:02}")});
    let nowhere = "it has no end";
    let before = "it ends before it starts";
    let series = json!(["RRULE:FREQ=DAILY"]);
    for (changes, words) in [
        (json!({"end": null}), nowhere),
        (json!({"end": null, "start": day(23)}), nowhere),
        (json!({"end": early}), before),
        (json!({"end": early, "recurrence": series}), before),
        (
            json!({"end": earlier, "recurringEventId": "s", "originalStartTime": early}),
            before,
        ),
        (json!({"start": day(23), "end": day(22)}), before),
        (
            json!({"start": day(23), "end": day(22), "recurrence": series}),
            before,
        ),
    ] {
        match only(&hour(&changes)).what {
            What::Odd(why) => assert!(why.starts_with(words), "{changes}: {why}"),
            other => panic!("{changes}: {other:?}"),
        }
    }
    let same = master(&hour(&json!({"start": day(23), "end": day(23)})));
    assert_eq!(same.length, Length::Days(1), "that day");
    let start = hour(&json!({}))["start"].clone();
    let moment = master(&hour(&json!({ "end": start })));
    let none = Length::Elapsed {
        days: 0,
        seconds: 0,
    };
    assert_eq!(moment.length, none);
}

#[test]
fn a_zone_that_is_an_offset_is_one_and_none_is_made_up() {
    for (name, utc) in [
        ("GMT+01:00", 8),
        ("UTC+02:00", 8),
        ("GMT-0300", 8),
        ("GMT", 8),
    ] {
        let item = hour(&json!({
            "start": {"dateTime": "2026-10-20T08:00:00Z", "timeZone": name},
            "end": {"dateTime": "2026-10-20T09:00:00Z", "timeZone": name},
            "recurrence": ["RRULE:FREQ=WEEKLY"],
        }));
        let master = master(&item);
        // A week later, Berlin's clocks were put back.
        let next = master
            .start
            .local()
            .saturating_add(jiff::Span::new().days(7));
        let next = master.start.at(next).instant(&home());
        assert_eq!(
            next.to_string(),
            format!("2026-10-27T{utc:02}:00:00Z"),
            "{name}"
        );
        assert_eq!(master.length, Length::Wall(3600));
    }
    let nowhere = json!({
        "start": {"dateTime": "2026-11-23T08:00:00Z", "timeZone": "Nowhere/Atlantis"},
        "end": {"dateTime": "2026-11-23T09:00:00Z"},
        "recurrence": ["RRULE:FREQ=DAILY"],
    });
    match only(&hour(&nowhere)).what {
        What::Odd(why) => assert!(
            why.contains("a time zone that calsync does not know"),
            "{why}"
        ),
        other => panic!("{other:?}"),
    }
    // What happens once is where it is, wherever that is called so.
    let mut once = nowhere;
    once["recurrence"] = Value::Null;
    let at: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
    assert_eq!(master(&hour(&once)).start.instant(&home()), at);
}
