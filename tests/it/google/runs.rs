//! Whole runs between a calendar at Google and one in memory: what they cost in requests, and what comes of what people do.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use calsync::{
    clock::Clock,
    ident::Mint,
    model::{CalendarName, Length, Series, Shape, Span, When as Start, Zone},
    plan::{Limits, Past, Route, Wording},
    provider::{AnyProvider, memory::MemoryCalendar},
    recur::Rule,
    report::Report,
    run::{Goal, run},
    session::{Nobody, Request, Role, Seat, Session, Settings, Stop},
    state::{Reading, State},
};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::shared::{NOW, all_asked, asked, clock, hour, weekly};
use crate::support::{
    desk::{Desk, ME},
    google::{self, FakeGoogle, Fault, When, errors},
    shore::poll_out,
    world::home,
};

/// A run's world: calendars at Google, each of an account of its own, and one in memory beside them.
pub(super) struct World {
    /// The one that most tests are about.
    pub(super) desk: Desk,
    others: Vec<Desk>,
    own: MemoryCalendar,
    state: RefCell<State>,
    clock: Clock,
    settings: Settings,
}

impl World {
    fn new() -> Self {
        Self::of(Desk::new(), Vec::new())
    }

    /// A world of which calsync knows nothing yet.
    pub(super) fn of(desk: Desk, others: Vec<Desk>) -> Self {
        let desks = others.iter().chain([&desk]);
        let mut names: Vec<CalendarName> = desks.map(|desk| desk.name.into()).collect();
        names.push("home".into());
        let routes = names.iter().flat_map(|source| {
            let targets = names.iter().filter(move |target| *target != source);
            targets.map(|target| Route {
                source: source.clone(),
                target: target.clone(),
                filter: Arc::default(),
                wording: Wording::busy("Busy"),
                respect: calsync::plan::Respect::default(),
            })
        });
        Self {
            own: MemoryCalendar::new(),
            state: RefCell::new(State::in_memory().unwrap()),
            clock: clock(),
            settings: Settings {
                routes: routes.collect(),
                past_days: 30,
                future_days: 365,
                past: Past::default(),
                home: home(),
                limits: Limits::default(),
                mint: Mint::new(&[7; 32]),
            },
            desk,
            others,
        }
    }

    /// One run, as a new process makes it.
    fn sync(&self) -> Report {
        let report = self.try_to_sync();
        assert!(report.is_clean(), "{:?}", report.errors);
        report
    }

    /// The same, whatever comes of it.
    pub(super) fn try_to_sync(&self) -> Report {
        let seat = |provider, account: &str| Seat {
            provider,
            reading: Reading(String::new()),
            account: account.to_owned(),
            role: Role::Both,
        };
        let desks = self.others.iter().chain([&self.desk]);
        let mut seats: BTreeMap<CalendarName, Seat<AnyProvider>> = desks
            .map(|desk| {
                let calendar = desk.calendar(&desk.id, &home(), &self.clock);
                let seat = seat(AnyProvider::Google(calendar), desk.name);
                (desk.name.into(), seat)
            })
            .collect();
        seats.insert(
            "home".into(),
            seat(AnyProvider::Memory(self.own.clone()), ""),
        );
        let mut session = Session {
            seats,
            state: &self.state,
            settings: &self.settings,
            clock: &self.clock,
            watch: &Nobody,
            stop: &Stop::default(),
        };
        self.desk.google.forget();
        let report = poll_out(run(&mut session, Goal::InStep, Request::default())).unwrap();
        assert_eq!(self.desk.google.mails(), [], "nobody gets mail");
        report
    }

    fn settles(&self) {
        self.sync();
        assert!(self.sync().is_idle());
        assert_eq!(all_asked(&self.desk), 1, "{:?}", self.desk.google.counts());
        assert_eq!(asked(&self.desk, "events.list"), 1);
    }

    fn put(&self, uid: &str, shape: &Shape) {
        self.own.put_event(uid, shape.as_event());
    }

    pub(super) fn hours(&self, count: i64) {
        for i in 0..count {
            let start: Timestamp = NOW.parse().unwrap();
            let start = start + (6 * i).hours();
            let shape = Shape::Once(Span::timed(start, start + 1.hours()));
            self.put(&format!("e{i}"), &shape);
        }
    }

    /// The id of the block that shows first.
    fn block_id(&self) -> String {
        self.blocks()[0]["id"].as_str().unwrap().to_owned()
    }

    fn blocks(&self) -> Vec<Value> {
        let events = self.desk.google.events(ME).into_iter();
        events.filter(|event| event["summary"] == "Busy").collect()
    }
}

#[test]
fn a_run_in_which_nothing_changed_costs_one_request() {
    let world = World::new();
    world.hours(3);
    let series = world.desk.google.put(ME, weekly(23));
    world.desk.google.cancel(
        ME,
        &world.desk.google.instance_id(
            ME,
            &series,
            &json!({"dateTime": "2026-11-30T09:00:00+01:00"}),
        ),
    );
    world.settles();
    assert_eq!(world.own.blocks().len(), 1);
    assert_eq!(world.blocks().len(), 3);
}

#[test]
fn a_weekly_meeting_for_ten_years_costs_one_write() {
    let world = World::new();
    let start = Start::Time(
        jiff::civil::date(2026, 11, 23).at(9, 0, 0, 0),
        Zone::iana("Europe/Berlin").unwrap(),
    );
    world.put(
        "weekly",
        &Shape::Series(Series {
            start,
            length: Length::Wall(3600),
            rule: Rule::parse("FREQ=WEEKLY;COUNT=520").unwrap().0,
            holes: [].into(),
        }),
    );
    world.sync();
    assert_eq!(
        all_asked(&world.desk),
        2,
        "{:?}",
        world.desk.google.counts()
    );
    assert_eq!(asked(&world.desk, "events.insert"), 1);
    world.settles();
}

#[test]
fn a_thousand_new_events_cost_a_thousand_writes_and_no_read() {
    let world = World::new();
    world.hours(1000);
    let report = world.sync();
    assert_eq!(asked(&world.desk, "events.insert"), 1000);
    assert_eq!(all_asked(&world.desk), 1001);
    assert!(report.requests >= 1001);
    world.settles();
}

#[test]
fn a_lost_state_costs_no_write() {
    let mut world = World::new();
    world.hours(5);
    world.desk.google.put(ME, weekly(23));
    world.settles();
    let before = world.desk.google.events(ME);
    world.state = RefCell::new(State::in_memory().unwrap());
    assert!(world.sync().is_idle());
    assert_eq!(all_asked(&world.desk), 1);
    assert_eq!(world.desk.google.events(ME), before);
}

#[test]
fn what_happens_at_google_is_followed() {
    let world = World::new();
    let google = &world.desk.google;
    let single = google.put(ME, hour(24, 9));
    let series = google.put(ME, weekly(23));
    world.settles();
    assert_eq!(world.own.blocks().len(), 2);
    let holes = || {
        let blocks = world.own.blocks().into_values();
        let counts = blocks.map(|block| match block.shape {
            Shape::Series(series) => series.holes.len(),
            Shape::Once(_) => 0,
        });
        counts.sum::<usize>()
    };
    let at = |day: i8| json!({"dateTime": format!("2026-11-{day:02}T09:00:00+01:00")});
    // Of a cancelled occurrence, Google need not say of which meeting it is; the state knows.
    let bare = Fault::alter(|body| {
        for item in body["items"].as_array_mut().unwrap() {
            if item["status"] == "cancelled" {
                item.as_object_mut().unwrap().remove("iCalUID");
            }
        }
    });
    google.fault(When::call("events.list"), bare);
    google.cancel(ME, &google.instance_id(ME, &series, &at(30)));
    world.sync();
    assert_eq!(asked(&world.desk, "events.get"), 0);
    google.clear_faults();
    world.settles();
    assert_eq!(
        (world.own.blocks().len(), holes()),
        (2, 1),
        "an occurrence was cancelled"
    );
    google.move_occurrence(
        ME,
        &series,
        &at(23),
        &at(25),
        &json!({"dateTime": "2026-11-25T11:00:00+01:00"}),
    );
    world.settles();
    assert_eq!(
        (world.own.blocks().len(), holes()),
        (3, 2),
        "an occurrence was moved"
    );
    google.alter(ME, &single, json!({"transparency": "transparent"}));
    world.settles();
    assert_eq!(world.own.blocks().len(), 2, "an event is free now");
    // Nor need it say that with a series its occurrences are gone.
    let master = series.clone();
    let silent = Fault::alter(move |body| {
        let items = body["items"].as_array_mut().unwrap();
        items.retain(|item| item["id"] == master.as_str());
    });
    google.fault(When::call("events.list"), silent);
    google.cancel(ME, &series);
    world.settles();
    assert!(
        world.own.blocks().is_empty(),
        "the series is gone, and all that differed from it"
    );
}

#[test]
fn a_block_that_somebody_changes_comes_back_as_it_was() {
    let world = World::new();
    world.hours(1);
    world.settles();
    let before = world.blocks();
    let id = before[0]["id"].as_str().unwrap().to_owned();
    let google = &world.desk.google;
    google.alter(
        ME,
        &id,
        json!({"summary": "Mine now", "location": "Here", "reminders": {"useDefault": true}}),
    );
    world.settles();
    assert_eq!(world.blocks()[0]["location"], Value::Null);
    google.cancel(ME, &id);
    world.settles();
    assert_eq!(world.blocks().len(), 1);
    assert_eq!(world.blocks()[0]["start"], before[0]["start"]);
}

#[test]
fn an_occurrence_of_a_block_that_somebody_changes_comes_back_as_it_was() {
    for cancels in [true, false] {
        let world = World::new();
        world.put("weekly", &weekly_from(23));
        world.settles();
        let google = &world.desk.google;
        let id = world.block_id();
        let at = json!({"date": "2026-11-30"});
        match cancels {
            true => google.cancel(ME, &google.instance_id(ME, &id, &at)),
            false => google.move_occurrence(
                ME,
                &id,
                &at,
                &json!({"date": "2026-12-01"}),
                &json!({"date": "2026-12-02"}),
            ),
        }
        world.settles();
        assert!(world.own.blocks().is_empty(), "no echo");
        let blocks = world.blocks();
        assert_eq!(blocks.len(), 1, "{blocks:?}");
        assert!(!blocks[0]["recurrence"].is_null());
        assert_ne!(
            blocks[0]["id"],
            id.as_str(),
            "under a new id, nothing of what was done comes back"
        );
    }
}

#[test]
fn a_meeting_that_somebody_made_of_a_block_is_theirs() {
    let world = World::new();
    world.hours(1);
    world.settles();
    let google = &world.desk.google;
    let id = world.block_id();
    google.alter(
        ME,
        &id,
        json!({"attendees": [{"email": "a@example.org"}], "summary": "Lunch"}),
    );
    let before = google.events(ME);
    world.settles();
    world.own.take("e0");
    world.sync();
    assert_eq!(google.events(ME), before);
}

/// What somebody does to a series besides.
const ELSE: [&str; 3] = [
    "another occurrence goes",
    "another changes",
    "the series does",
];

#[test]
fn a_meeting_in_an_occurrence_of_a_block_is_theirs_whatever_else_is_told_of_the_series() {
    for what in ELSE {
        for moves in [true, false] {
            let world = World::new();
            world.put("weekly", &weekly_from(23));
            world.settles();
            let google = &world.desk.google;
            let id = world.block_id();
            let on = |date: &str| google.instance_id(ME, &id, &json!({"date": date}));
            let meeting = on("2026-11-30");
            let guest = json!({"attendees": [{"email": "a@example.org"}]});
            google.alter(ME, &meeting, guest);
            world.settles();
            match what {
                "another occurrence goes" => google.cancel(ME, &on("2026-12-07")),
                "another changes" => google.alter(ME, &on("2026-12-07"), json!({"location": "x"})),
                _ => google.alter(ME, &id, json!({"colorId": "5"})),
            }
            let theirs = || {
                let mut all = google.events(ME);
                all.retain(|event| event["id"].as_str().is_some_and(|one| one.starts_with(&id)));
                all
            };
            let before = theirs();
            world.settles();
            assert_eq!(theirs(), before, "{what}");
            match moves {
                true => world.put("weekly", &weekly_from(25)),
                false => world.own.take("weekly"),
            }
            world.settles();
            assert_eq!(theirs(), before, "{what}, and the source changes: {moves}");
        }
    }
}

#[test]
fn an_occurrence_that_somebody_took_out_of_a_block_is_not_forgotten_over_a_later_edit_of_it() {
    let world = World::new();
    world.put("weekly", &weekly_from(23));
    world.settles();
    let google = &world.desk.google;
    let shown = google.occurrences(ME);
    let id = world.block_id();
    google.cancel(
        ME,
        &google.instance_id(ME, &id, &json!({"date": "2026-12-07"})),
    );
    assert_ne!(google.occurrences(ME), shown);
    // The block cannot be taken away in this run; before the next one somebody edits it.
    google.fault(
        When::call("events.delete"),
        Fault::Answer(errors::condition_not_met()),
    );
    world.try_to_sync();
    google.clear_faults();
    google.alter(ME, &id, json!({"summary": "Dentist"}));
    world.settles();
    assert_eq!(google.occurrences(ME), shown);
}

#[test]
fn occurrences_that_somebody_takes_out_again_and_again_come_back_each_time() {
    let world = World::new();
    world.put("weekly", &weekly_from(23));
    world.sync();
    let google = &world.desk.google;
    let shown = google.occurrences(ME);
    for date in ["2026-12-07", "2026-12-14", "2026-12-07", "2026-12-21"] {
        // Before the first run after the one that wrote it.
        let id = world.block_id();
        google.cancel(ME, &google.instance_id(ME, &id, &json!({"date": date})));
        assert_ne!(google.occurrences(ME), shown, "{date}");
        world.sync();
        assert_eq!(google.occurrences(ME), shown, "{date}");
    }
    world.settles();
    assert_eq!(google.occurrences(ME), shown);
}

/// What somebody does to a weekly block of whole days, besides inviting somebody to it or to an occurrence of it.
fn done_to(google: &FakeGoogle, id: &str, what: &str) {
    let on = |date: &str| google.instance_id(ME, id, &json!({"date": date}));
    let guest = json!([{"email": "a@example.org"}]);
    let mine = |answer: &str| json!([{"email": ME, "self": true, "responseStatus": answer}, {"email": "a@example.org"}]);
    let (next, after) = (on("2026-11-30"), on("2026-12-07"));
    match what {
        "nothing else" => google.alter(ME, &next, json!({"attendees": guest})),
        "moved" => {
            let (start, end) = (json!({"date": "2026-12-01"}), json!({"date": "2026-12-02"}));
            let body = json!({"attendees": guest, "start": start, "end": end});
            google.alter(ME, &next, body);
        }
        "longer" => {
            let body = json!({"attendees": guest, "end": {"date": "2026-12-02"}});
            google.alter(ME, &next, body);
        }
        "declined" => google.alter(ME, &next, json!({"attendees": mine("declined")})),
        "another goes" => {
            google.alter(ME, &next, json!({"attendees": guest}));
            google.cancel(ME, &after);
        }
        "all free" => {
            let body = json!({"attendees": guest, "transparency": "transparent"});
            google.alter(ME, id, body);
        }
        "trimmed" => {
            let body = json!({"attendees": guest, "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"]});
            google.alter(ME, id, body);
        }
        _ => panic!("{what}"),
    }
}

#[test]
fn where_a_block_that_became_a_meeting_is_not_busy_any_more_another_one_is_beside_it() {
    for (what, is_beside) in [
        ("nothing else", false),
        ("moved", true),
        ("longer", true),
        ("declined", true),
        ("another goes", true),
        ("all free", true),
        ("trimmed", true),
    ] {
        let world = World::new();
        world.put("weekly", &weekly_from(23));
        world.settles();
        let google = &world.desk.google;
        let id = world.block_id();
        done_to(google, &id, what);
        world.settles();
        let own = |event: &&Value| event["recurrence"].is_array() && event["id"] != *id;
        let beside = || google.events(ME).iter().filter(own).count();
        assert_eq!(beside(), usize::from(is_beside), "{what}");
        // The same after everything was read anew.
        google.expire_sync_tokens(ME);
        world.settles();
        assert_eq!(beside(), usize::from(is_beside), "{what}");
        assert_eq!(asked(&world.desk, "events.delete"), 0, "{what}");
    }
}

#[test]
fn a_meeting_made_of_a_block_gets_no_other_one_beside_it_while_its_time_is_right() {
    let mut world = World::new();
    world.put("weekly", &weekly_from(23));
    world.settles();
    let id = world.block_id();
    let guest = json!({"attendees": [{"email": "a@example.org"}]});
    world.desk.google.alter(ME, &id, guest);
    world.settles();
    for route in &mut world.settings.routes {
        route.wording = Wording::busy("Away");
    }
    world.settles();
    assert_eq!(world.desk.google.events(ME).len(), 1);
    world.put("weekly", &weekly_from(24));
    world.settles();
    assert_eq!(world.desk.google.events(ME).len(), 2);
}

#[test]
fn the_same_edit_of_a_new_block_comes_back_each_time() {
    for edit in [
        json!({"visibility": "public"}),
        json!({"summary": "Mine"}),
        json!({"transparency": "transparent"}),
    ] {
        let world = World::new();
        world.put("weekly", &weekly_from(23));
        world.sync();
        let google = &world.desk.google;
        let shown = |name: &str| google.events(ME)[0][name].clone();
        let fields = ["visibility", "summary", "transparency"];
        let before = fields.map(shown);
        for _ in 0..3 {
            google.alter(ME, &world.block_id(), edit.clone());
            world.sync();
            assert_eq!(fields.map(shown), before, "{edit}");
        }
        world.settles();
        assert_eq!(fields.map(shown), before, "{edit}");
    }
}

#[test]
fn the_half_that_somebody_splits_off_a_block_is_nobodys_busy_time() {
    let world = World::new();
    world.put("weekly", &weekly_from(23));
    world.settles();
    let google = &world.desk.google;
    let id = world.block_id();
    google.alter(
        ME,
        &id,
        json!({"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"]}),
    );
    let half = json!({"id": format!("{id}_R20261208"), "iCalUID": format!("{id}_R20261208@google.com"),
        "status": "confirmed", "summary": "Busy", "visibility": "private", "etag": "\"7\"",
        "start": {"date": "2026-12-08"}, "end": {"date": "2026-12-09"}, "recurrence": ["RRULE:FREQ=WEEKLY"]});
    google.put_odd(ME, half);
    // And an occurrence of the half that somebody moved.
    let moved = json!({"id": format!("{id}_R20261208_20261215"), "recurringEventId": format!("{id}_R20261208"),
        "iCalUID": format!("{id}_R20261208@google.com"), "status": "confirmed", "summary": "Busy", "etag": "\"8\"",
        "originalStartTime": {"date": "2026-12-15"}, "start": {"date": "2026-12-16"}, "end": {"date": "2026-12-17"}});
    google.put_odd(ME, moved);
    world.sync();
    world.settles();
    assert_eq!(world.own.blocks().len(), 0, "{:?}", world.own.blocks());
}

#[test]
fn an_answer_that_there_is_no_such_series_takes_no_meeting_away() {
    let world = World::new();
    world.put("weekly", &weekly_from(23));
    world.settles();
    let google = &world.desk.google;
    let gone = Fault::Answer(errors::not_found());
    google.fault(When::call("events.instances"), gone);
    world.own.take("weekly");
    google.forget();
    let report = world.try_to_sync();
    assert!(!report.is_clean(), "{report:?}");
    assert_eq!(asked(&world.desk, "events.delete"), 0);
    google.clear_faults();
    world.sync();
    assert!(world.blocks().is_empty());
}

#[test]
fn who_may_not_see_private_events_may_not_write_blocks() {
    let world = World::new();
    world.put("weekly", &weekly_from(23));
    world.settles();
    let fake = &world.desk.google;
    let role = google::Role::WriterWithoutPrivateAccess;
    fake.set_role(ME, ME, Some(role));
    world.put("weekly", &weekly_from(24));
    fake.expire_sync_tokens(ME);
    fake.forget();
    let report = world.try_to_sync();
    assert!(
        report.errors[0].contains("its private events not be seen"),
        "{report:?}"
    );
    assert_eq!(
        asked(&world.desk, "events.update") + asked(&world.desk, "events.delete"),
        0
    );
}

#[test]
fn a_block_is_taken_back_once_everything_was_read_and_nobody_is_in_it() {
    let world = World::new();
    world.put("weekly", &weekly_from(23));
    world.settles();
    let google = &world.desk.google;
    let id = world.block_id();
    let meeting = google.instance_id(ME, &id, &json!({"date": "2026-11-30"}));
    let with = |guests: Value| google.alter(ME, &meeting, json!({"attendees": guests}));
    with(json!([{"email": "a@example.org"}]));
    world.settles();
    with(json!([]));
    let before = google.events(ME);
    world.settles();
    assert_eq!(google.events(ME), before, "there may be others");
    google.expire_sync_tokens(ME);
    world.sync();
    world.settles();
    let blocks = world.blocks();
    assert_eq!(blocks.len(), 1, "{blocks:?}");
    assert_ne!(blocks[0]["id"], id.as_str());
}

#[test]
fn a_guest_who_is_invited_between_the_listing_and_the_removal_of_a_series_stays_invited() {
    for (is_touched, is_wanted) in [(true, true), (true, false), (false, false)] {
        let world = World::new();
        world.put("weekly", &weekly_from(23));
        world.settles();
        let google = &world.desk.google;
        let id = world.block_id();
        let on = |date: &str| google.instance_id(ME, &id, &json!({"date": date}));
        // An occurrence is changed, so that the series has to go and come anew; or its event is gone.
        if is_touched {
            google.alter(ME, &on("2026-12-07"), json!({"location": "x"}));
        }
        if !is_wanted {
            world.own.take("weekly");
        }
        let guest = json!({"attendees": [{"email": "a@example.org"}]});
        google.alter(ME, &on("2026-11-30"), guest);
        // The listing does not tell of that yet.
        let meeting = on("2026-11-30");
        let before = Fault::alter(move |body| {
            let items = body["items"].as_array_mut().unwrap();
            items.retain(|item| item["id"] != meeting.as_str());
        });
        google.fault(When::call("events.list"), before);
        let report = world.try_to_sync();
        assert!(
            report.errors[0].contains("somebody was invited"),
            "{report:?}"
        );
        assert_eq!(asked(&world.desk, "events.delete"), 0);
        // No reading will tell of it by itself any more.
        google.clear_faults();
        world.sync();
        let mut events = google.events(ME).into_iter();
        assert!(events.any(|event| event["attendees"][0]["email"] == "a@example.org"));
        assert_eq!(asked(&world.desk, "events.delete"), 0);
    }
}

#[test]
fn no_series_is_written_over_while_somebody_is_invited_to_an_occurrence_of_it() {
    let world = World::new();
    world.put("weekly", &weekly_from(23));
    world.settles();
    let google = &world.desk.google;
    let id = world.block_id();
    let meeting = google.instance_id(ME, &id, &json!({"date": "2026-11-30"}));
    let guest = json!({"attendees": [{"email": "a@example.org"}]});
    google.alter(ME, &meeting, guest);
    let hidden = meeting;
    // The listing does not tell of that yet, and the series changes.
    let before = Fault::alter(move |body| {
        let items = body["items"].as_array_mut().unwrap();
        items.retain(|item| item["id"] != hidden.as_str());
    });
    google.fault(When::call("events.list"), before);
    world.put("weekly", &weekly_from(24));
    google.forget();
    let report = world.try_to_sync();
    assert!(
        report.errors[0].contains("somebody was invited"),
        "{report:?}"
    );
    assert_eq!(asked(&world.desk, "events.update"), 0);
    // No reading will tell of it by itself any more, and yet the next run makes another block beside it.
    google.clear_faults();
    let theirs = google.events(ME);
    world.sync();
    world.settles();
    let all = google.events(ME);
    assert!(theirs.iter().all(|event| all.contains(event)), "{all:?}");
    let dates: Vec<&Value> = all
        .iter()
        .filter(|event| event["recurrence"].is_array())
        .map(|event| &event["start"]["date"])
        .collect();
    assert_eq!(dates, ["2026-11-23", "2026-11-24"]);
}

#[test]
fn a_series_that_somebody_takes_away_again_and_again_comes_back_at_the_same_cost() {
    let world = World::new();
    world.put("weekly", &weekly_from(23));
    world.settles();
    let mut costs = Vec::new();
    for _ in 0..6 {
        let id = world.block_id();
        world.desk.google.cancel(ME, &id);
        world.desk.google.forget();
        world.sync();
        costs.push(all_asked(&world.desk));
        world.settles();
        assert_eq!(world.blocks().len(), 1);
    }
    // The listing, the last id that was used, a look at what has it, and the next one.
    assert_eq!(costs, [4; 6]);
}

/// Whole days, each week from this day in November on.
fn weekly_from(day: i8) -> Shape {
    Shape::Series(Series {
        start: Start::Day(jiff::civil::date(2026, 11, day)),
        length: Length::Days(1),
        rule: Rule::parse("FREQ=WEEKLY").unwrap().0,
        holes: [].into(),
    })
}
