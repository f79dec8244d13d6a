//! The program on folders of files: first run, unchanged runs, one change, and `status`. Peak memory is the program's own.
//!
//! `cargo bench --bench folder`; `cargo bench --bench folder -- small` leaves out the runs on 100,000 files.
#![expect(
    clippy::print_stdout,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench prints, and ends where it cannot go on"
)]
#![allow(dead_code, reason = "the benches share a room and not all of it")]
#![allow(clippy::allow_attributes, reason = "see above")]

mod made;
mod measure;

use std::{fmt::Write as _, time::Duration};

use calsync::clock::Clock;
use jiff::{ToSpan as _, civil::DateTime, tz::TimeZone};

const PROGRAM: &str = env!("CARGO_BIN_EXE_calsync");

/// Where the events of a bench lie in time.
#[derive(Clone, Copy)]
struct Spread {
    /// The first day, counted from today.
    from: i32,
    /// How many days there are events on.
    days: u32,
}

/// All of them in the coming year: each makes a block in every other calendar.
const AHEAD: Spread = Spread { from: 1, days: 300 };
/// Ten years of them, as an old calendar has: most are history and make no block.
const DECADE: Spread = Spread {
    from: -3_285,
    days: 3_650,
};

fn main() {
    if measure::is_wrapper() || !measure::is_wanted() {
        return;
    }
    measure::head("cargo bench --bench folder");
    let world = World::new("10,000 files, one empty folder", AHEAD, &[10_000, 0]);
    world.bench();
    let world = World::new(
        "10,000 files in three folders",
        AHEAD,
        &[3_334, 3_333, 3_333],
    );
    world.bench();
    if !std::env::args().any(|argument| argument == "small") {
        let name = "100,000 files in four folders, ten years";
        World::new(name, DECADE, &[25_000; 4]).bench();
        let name = "100,000 files in four folders, one year";
        World::new(name, AHEAD, &[25_000; 4]).bench();
    }
}

/// Folders full of files, in a place of their own.
struct World {
    name: &'static str,
    place: tempfile::TempDir,
    config: String,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "nobody reads half a file here")]
    fn new(name: &'static str, spread: Spread, counts: &[u32]) -> Self {
        let place = tempfile::tempdir().expect("there is a place for temporary files");
        let mut config = String::from(
            "timezone = \"Europe/Berlin\"\nstate = \"state.db\"\nkey_file = \"key\"\n[limits]\noperations = 1000000\n",
        );
        let today = Clock::System.now().to_zoned(TimeZone::UTC).date();
        let first = today.saturating_add(spread.from.days()).at(0, 0, 0, 0);
        let mut made = 0;
        for (i, count) in counts.iter().enumerate() {
            let calendar = format!("calendar{i}");
            let folder = place.path().join(&calendar);
            std::fs::create_dir(&folder).expect("there is room");
            writeln!(config, "[calendars.{calendar}]\npath = \"{calendar}\"")
                .expect("writing to a string never fails");
            for n in 0..*count {
                let uid = made::uid(&calendar, n);
                let text = file(&uid, made::start(first, spread.days, made), made);
                let file = folder.join(format!("{uid}.ics"));
                std::fs::write(file, text).expect("there is room");
                made += 1;
            }
        }
        let file = place.path().join("config.toml");
        std::fs::write(&file, config).expect("there is room");
        // What was written a moment ago is read twice; a real calendar was not.
        std::thread::sleep(Duration::from_millis(100));
        let config = file.to_str().expect("the path is text").to_owned();
        Self {
            name,
            place,
            config,
        }
    }

    fn bench(&self) {
        self.run("first sync", "sync");
        self.run("second sync, reads its own blocks", "sync");
        self.run("third sync, unchanged", "sync");
        self.run("fourth sync, unchanged", "sync");
        self.change();
        self.run("sync after one file changed", "sync");
        self.run("status", "status");
    }

    fn run(&self, what: &str, command: &str) {
        let cost = measure::of_command(PROGRAM, &["--config", &self.config, command]);
        measure::row(&format!("{}: {what}", self.name), cost);
    }

    #[expect(clippy::disallowed_methods, reason = "nobody reads half a file here")]
    fn change(&self) {
        let uid = made::uid("calendar0", 0);
        let file = self.place.path().join(format!("calendar0/{uid}.ics"));
        let tomorrow = Clock::System.now().to_zoned(TimeZone::UTC).date();
        let start = tomorrow.saturating_add(1.day()).at(19, 0, 0, 0);
        std::fs::write(file, text_of(&uid, start)).expect("there is room");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A file as a client writes it, without its `VTIMEZONE`.
fn file(uid: &str, start: DateTime, n: u32) -> String {
    let text = text_of(uid, start);
    if !made::repeats(n) {
        return text;
    }
    let day = |weeks: i32| {
        start
            .saturating_add(weeks.weeks())
            .strftime("%Y%m%dT%H%M%S")
    };
    let rule = format!(
        "RRULE:FREQ=WEEKLY;COUNT=30\r\nEXDATE;TZID=Europe/Berlin:{}\r\nEND:VEVENT\r\n",
        day(2)
    );
    text.replace("END:VEVENT\r\n", &rule)
}

fn text_of(uid: &str, start: DateTime) -> String {
    let end = start.saturating_add(45.minutes());
    let (start, end) = (
        start.strftime("%Y%m%dT%H%M%S"),
        end.strftime("%Y%m%dT%H%M%S"),
    );
    let lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Example//Example//EN",
        "BEGIN:VEVENT",
        &format!("UID:{uid}"),
        "DTSTAMP:20261101T080000Z",
        "LAST-MODIFIED:20261101T080000Z",
        &format!("DTSTART;TZID=Europe/Berlin:{start}"),
        &format!("DTEND;TZID=Europe/Berlin:{end}"),
        "SUMMARY:A meeting about something or other",
        "LOCATION:The small room on the second floor",
        "DESCRIPTION:What everybody should have read before: the notes of last time\\n",
        " and the draft that was sent round.",
        "ORGANIZER;CN=Ada:mailto:ada@example.com",
        "ATTENDEE;CN=Ben;PARTSTAT=ACCEPTED:mailto:ben@example.com",
        "ATTENDEE;CN=Cleo;PARTSTAT=NEEDS-ACTION:mailto:cleo@example.com",
        "STATUS:CONFIRMED",
        "SEQUENCE:1",
        "TRANSP:OPAQUE",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ];
    lines.join("\r\n")
}
