//! Planning alone: 100,000 events over four calendars that all block each other, no input and no output. Everything lies
//! inside the window, which is the worst case: 300,000 blocks.
//!
//! `cargo bench --bench plan`
#![expect(
    clippy::print_stdout,
    clippy::panic,
    reason = "a bench prints, and ends where it cannot go on"
)]
#![allow(dead_code, reason = "the benches share a room and not all of it")]
#![allow(clippy::allow_attributes, reason = "see above")]

mod made;
mod measure;

use std::{collections::BTreeMap, sync::Arc};

use calsync::{
    ident::{Mint, Stem},
    model::{CalendarName, Window},
    plan::{
        Action, Held, Link, Plan, Present, Question, Route, Sight, Source, Sources, Target,
        Wording, plan_target,
    },
};
use jiff::tz::TimeZone;

const CALENDARS: [&str; 4] = ["work", "client", "home", "family"];
const EVENTS: u32 = 25_000;

fn main() {
    if !measure::is_wanted() {
        return;
    }
    let home = TimeZone::get("Europe/Berlin").expect("the database is bundled");
    let window = Window::around(made::noon(), &home, 30, 365);
    let mint = Mint::new(&[7; 32]);
    let (sources, made) = measure::in_process(sources);
    let routes = routes();
    let question = Question {
        routes: &routes,
        sources: &sources,
        window: &window,
        now: made::noon(),
        mint: &mint,
        operations: 1_000_000,
        past: calsync::plan::Past::default(),
    };
    measure::head("cargo bench --bench plan");
    measure::row("making 100,000 events", made);
    for name in CALENDARS.map(CalendarName::from) {
        let empty = Target {
            fresh: true,
            ..Target::default()
        };
        let (plan, cost) = measure::in_process(|| plan_target(question, &name, empty));
        measure::row(&format!("{name}: {} blocks, first", plan.ops.len()), cost);
        let target = settled(&plan, &mint, &home);
        drop(plan);
        let (plan, cost) = measure::in_process(|| plan_target(question, &name, target));
        assert!(plan.ops.is_empty(), "a second plan has nothing to do");
        measure::row(&format!("{name}: unchanged"), cost);
    }
}

fn sources() -> Sources {
    let mut sources = Sources::new();
    for (i, name) in (0_u32..).zip(CALENDARS) {
        let mut source = Source {
            sight: Sight {
                signs: false,
                fresh: true,
                whole: true,
                gaps: false,
                nameless: false,
            },
            ..Source::default()
        };
        for n in 0..EVENTS {
            let uid = made::uid(name, n);
            source
                .events
                .insert(uid.as_str().into(), made::event(i * EVENTS + n));
        }
        source.total = source.events.len();
        sources.insert(name.into(), source);
    }
    sources
}

fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    for source in CALENDARS {
        for target in CALENDARS.into_iter().filter(|target| *target != source) {
            routes.push(Route {
                source: source.into(),
                target: target.into(),
                filter: Arc::default(),
                wording: Wording::busy("Busy"),
                respect: calsync::plan::Respect::default(),
            });
        }
    }
    routes
}

/// The target as it is after the plan was carried out.
fn settled(plan: &Plan, mint: &Mint, home: &TimeZone) -> Target {
    let mut held: BTreeMap<Stem, Held> = BTreeMap::new();
    for op in &plan.ops {
        let Action::Create(wanted) = &op.action else {
            panic!("a first plan only creates")
        };
        let print = calsync::model::block::print(&wanted.shape, &wanted.face, &[]);
        let id = mint.id(&op.target, &op.stem, 0);
        let present = Present {
            href: None,
            id,
            print,
            hands_off: false,
            busy: calsync::plan::Busy::Unread,
            traces: None,
            words: None,
            first: wanted.shape.first_occurrence(home).0,
            first_end: wanted.shape.first_occurrence(home).1,
            repeats: matches!(wanted.shape, calsync::model::Shape::Series(_)),
            last: wanted.shape.last_end(home),
        };
        let link = Link {
            held_back: false,
            left_so: None,
            holes: std::collections::BTreeSet::new(),
            disowned: false,
            source: wanted.source.clone(),
            uid: wanted.uid.clone(),
            print,
            echo: None,
            otherwise: None,
            shows: calsync::plan::Shows::default(),
            times: None,
            course: None,
            written: None,
        };
        let both = Held {
            present: Some(present),
            link: Some(link),
        };
        held.insert(op.stem.clone(), both);
    }
    Target {
        fresh: true,
        held,
        ..Target::default()
    }
}
