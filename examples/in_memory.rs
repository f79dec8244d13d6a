//! The library without files, servers or a clock of its own: two calendars in memory, one of them filled from a file, kept
//! in step at a fixed moment.
//!
//! `cargo run --example in_memory`
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::{cell::RefCell, collections::BTreeMap, error::Error, sync::Arc};

use calsync::{
    clock::Clock,
    ical::{self, Reader},
    ident::Mint,
    model::{CalendarName, Shape},
    plan::{Limits, Past, Route, Wording},
    provider::memory::MemoryCalendar,
    run::{Goal, run},
    session::{Nobody, Request, Role, Seat, Session, Settings, Stop},
    state::{Reading, State},
};
use jiff::tz::TimeZone;

const BOARD_GAMES: &str = include_str!("demo/home/E771876E-AD78-4715-AE6F-7A8F79DED9F2.ics");

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(sync_twice())
}

async fn sync_twice() -> Result<(), Box<dyn Error>> {
    let home = TimeZone::get("Europe/Berlin")?;
    let (work, family) = (MemoryCalendar::new(), MemoryCalendar::new());
    let reader = Reader::new(&[], &home);
    family.put("board games", ical::read(BOARD_GAMES.as_bytes(), reader)?);

    let calendars: BTreeMap<CalendarName, &MemoryCalendar> =
        BTreeMap::from([("work".into(), &work), ("family".into(), &family)]);
    let wording = Wording::busy("Busy");
    let route = |source: &str, target: &str| Route {
        source: source.into(),
        target: target.into(),
        filter: Arc::default(),
        wording: Arc::clone(&wording),
        respect: calsync::plan::Respect::default(),
    };
    let settings = Settings {
        routes: vec![route("work", "family"), route("family", "work")],
        past_days: 30,
        future_days: 365,
        past: Past::default(),
        home,
        limits: Limits::default(),
        // The key that proves which blocks are ours. A program keeps it in a file that only its owner can read.
        mint: Mint::new(&[7; 32]),
    };
    let seat = |calendar: &MemoryCalendar| Seat {
        provider: calendar.clone(),
        reading: Reading("memory".to_owned()),
        account: String::new(),
        role: Role::Both,
    };
    let state = RefCell::new(State::in_memory()?);
    let mut session = Session {
        seats: calendars
            .iter()
            .map(|(n, c)| (n.clone(), seat(c)))
            .collect(),
        state: &state,
        settings: &settings,
        clock: &Clock::at("2026-11-21T08:00:00Z".parse()?),
        watch: &Nobody,
        stop: &Stop::default(),
    };

    for _ in 0..2 {
        let report = run(&mut session, Goal::InStep, Request::default()).await?;
        let (made, unchanged) = (report.created, report.unchanged);
        println!("{made} blocks made, {unchanged} left as they were");
    }
    for block in work.blocks().values() {
        match &block.shape {
            Shape::Once(span) => println!("{} once: {span:?}", block.face.title),
            Shape::Series(series) => println!(
                "{} from {} on, {}, with {} holes",
                block.face.title,
                series.start.local(),
                series.rule,
                series.holes.len()
            ),
        }
    }
    Ok(())
}
