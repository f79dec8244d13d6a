//! Cost follows change: a run in which nothing changed, with 1,000 and with 100,000 stored events.
//!
//! `cargo bench --bench idle`
#![expect(
    clippy::print_stdout,
    clippy::panic,
    reason = "a bench prints, and ends where it cannot go on"
)]
#![allow(dead_code, reason = "the benches share a room and not all of it")]
#![allow(clippy::allow_attributes, reason = "see above")]

mod made;
mod measure;

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use calsync::{
    clock::Clock,
    ident::Mint,
    model::CalendarName,
    plan::{Limits, Past, Route, Wording},
    provider::memory::MemoryCalendar,
    report::Report,
    run::{Goal, run},
    session::{Nobody, Request, Role, Seat, Session, Settings, Stop},
    state::{Reading, State},
};
use jiff::tz::TimeZone;

/// How many idle runs make one figure.
const RUNS: u32 = 200;

fn main() {
    if !measure::is_wanted() {
        return;
    }
    measure::head("cargo bench --bench idle");
    let costs = [1_000, 100_000].map(|events| {
        let world = World::new(events);
        let (_, cost) = measure::in_process(|| world.run());
        measure::row(&format!("{events} events: first run"), cost);
        world.run();
        let ((), cost) = measure::in_process(|| {
            for _ in 0..RUNS {
                assert!(world.run().is_idle(), "nothing is left to do");
            }
        });
        measure::row(&format!("{events} events: {RUNS} unchanged runs"), cost);
        cost.cpu.as_secs_f64()
    });
    println!(
        "\nCPU of an unchanged run, 100,000 against 1,000 events: {:.2} times",
        costs[1] / costs[0]
    );
}

/// Two calendars in memory and a state that remembers them.
struct World {
    calendars: BTreeMap<CalendarName, MemoryCalendar>,
    state: RefCell<State>,
    settings: Settings,
    clock: Clock,
}

impl World {
    fn new(events: u32) -> Self {
        let (full, empty) = (MemoryCalendar::new(), MemoryCalendar::new());
        for n in 0..events {
            full.put_event(&made::uid("full", n), made::event(n));
        }
        let wording = Wording::busy("Busy");
        let route = |source: &str, target: &str| Route {
            source: source.into(),
            target: target.into(),
            filter: Arc::default(),
            wording: Arc::clone(&wording),
            respect: calsync::plan::Respect::default(),
        };
        Self {
            calendars: BTreeMap::from([("full".into(), full), ("empty".into(), empty)]),
            state: RefCell::new(State::in_memory().expect("memory is there")),
            settings: Settings {
                routes: vec![route("full", "empty"), route("empty", "full")],
                past_days: 30,
                future_days: 365,
                past: Past::default(),
                home: TimeZone::get("Europe/Berlin").expect("the database is bundled"),
                limits: Limits {
                    operations: 1_000_000,
                    ..Limits::default()
                },
                mint: Mint::new(&[7; 32]),
            },
            clock: Clock::at(made::noon()),
        }
    }

    fn run(&self) -> Report {
        let seat = |calendar: &MemoryCalendar| Seat {
            provider: calendar.clone(),
            reading: Reading("memory".to_owned()),
            account: String::new(),
            role: Role::Both,
        };
        let calendars = self.calendars.iter();
        let mut session = Session {
            seats: calendars.map(|(n, c)| (n.clone(), seat(c))).collect(),
            state: &self.state,
            settings: &self.settings,
            clock: &self.clock,
            watch: &Nobody,
            stop: &Stop::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime starts");
        runtime
            .block_on(run(&mut session, Goal::InStep, Request::default()))
            .expect("the state is in memory")
    }
}
