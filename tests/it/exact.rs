//! *Exact*: what blocks show is what an independent implementation says of the sources, occurrence by occurrence. The truth
//! is in `tests/oracle/expected.json`, which Python's recurring-ical-events made; its README says how.

use std::sync::Arc;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use calsync::{
    clock::Clock,
    ical::{self, Reader},
    ident::Mint,
    model::{CalendarName, Event, Part, Span, Uid, Window},
    plan::{Limits, Past, Route, Wording, flatten},
    provider::{AnyProvider, local::LocalCalendar},
    run::{Goal, run},
    session::{Nobody, Request, Role, Seat, Session, Settings, Stop},
    state::{Reading, State},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;

use crate::support::shore::poll_out;

/// Busy stretches in the words of the fixtures.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Busy {
    timed: BTreeSet<(String, String)>,
    all_day: BTreeSet<(String, String)>,
}

/// What the oracle says of its calendars.
pub(crate) struct Oracle {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) home: TimeZone,
    pub(crate) me: Vec<String>,
    pub(crate) calendars: BTreeMap<String, Busy>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")
}

fn pairs(value: &Value) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = value.as_array().unwrap().iter();
    list.map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

pub(crate) fn busy_of(value: &Value) -> Busy {
    Busy {
        timed: pairs(&value["timed"]),
        all_day: pairs(&value["all_day"]),
    }
}

pub(crate) fn oracle() -> Oracle {
    let text = fs::read_to_string(folder().join("expected.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let calendars = json["calendars"].as_object().unwrap().iter();
    Oracle {
        from: json["window"][0].as_str().unwrap().parse().unwrap(),
        to: json["window"][1].as_str().unwrap().parse().unwrap(),
        home: calsync::model::zone::iana(json["zone"].as_str().unwrap()).unwrap(),
        me: vec![json["me"][0].as_str().unwrap().to_owned()],
        calendars: calendars
            .map(|(name, value)| (name.clone(), busy_of(value)))
            .collect(),
    }
}

impl Oracle {
    /// A window that holds the oracle's with room to spare, so that edges are cut in one place only: [`Oracle::tell`].
    fn window(&self) -> Window {
        Window::around(self.now(), &self.home, 10, 480)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.from
    }

    fn tell(&self, spans: impl IntoIterator<Item = Span>) -> Busy {
        let utc = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let day = |at: Timestamp| -> Date { at.to_zoned(TimeZone::UTC).date() };
        let mut busy = Busy::default();
        for span in spans {
            match span {
                Span::Timed { start, end } if start < self.to && end > self.from => {
                    busy.timed.insert((utc(start), utc(end)));
                }
                Span::Days { first, end } if first < day(self.to) && end > day(self.from) => {
                    busy.all_day.insert((first.to_string(), end.to_string()));
                }
                Span::Timed { .. } | Span::Days { .. } => {}
            }
        }
        busy
    }

    fn read(&self, path: &Path) -> BTreeMap<Uid, Event> {
        let reader = Reader::new(&self.me, &self.home);
        let mut said: BTreeMap<Uid, Vec<Event>> = BTreeMap::new();
        for part in ical::read(&fs::read(path).unwrap(), reader).unwrap() {
            match part {
                Part::Event { uid, event, .. } => said.entry(uid).or_default().push(event),
                Part::Unreadable { uid, why, .. } => panic!("{}: {uid}: {why}", path.display()),
            }
        }
        said.into_iter()
            .map(|(uid, said)| (uid, Event::gather(said).0))
            .collect()
    }

    fn listed(&self, path: &Path) -> Busy {
        let window = self.window();
        let events = self.read(path);
        let singles = events
            .values()
            .flat_map(|event| flatten::list(event, &window).unwrap());
        self.tell(singles.map(|single| single.span))
    }

    /// Syncs one calendar of the oracle's into an empty folder, and gives back that folder.
    fn mirrored(&self, name: &str, world: &Path) -> PathBuf {
        let (source, target) = (
            world.join(name).join("source"),
            world.join(name).join("target"),
        );
        fs::create_dir_all(&target).unwrap();
        self.show(name, &source, self.folder(&target));
        target
    }

    fn folder(&self, folder: &Path) -> AnyProvider {
        let (me, home, clock) = (&self.me, &self.home, Clock::at(self.now()));
        AnyProvider::Local(LocalCalendar::new(folder.to_owned(), "t", me, home, &clock))
    }

    /// Syncs one calendar of the oracle's, by way of a folder that is to be, into an empty calendar.
    pub(crate) fn show(&self, name: &str, source: &Path, target: AnyProvider) {
        fs::create_dir_all(source).unwrap();
        let file = format!("{name}.ics");
        fs::copy(folder().join("calendars").join(&file), source.join(&file)).unwrap();
        let clock = Clock::at(self.now());
        let mint = Mint::new(&[1; 32]);
        let seat = |provider, role| Seat {
            provider,
            reading: Reading(String::new()),
            account: String::new(),
            role,
        };
        let names: [CalendarName; 2] = ["source".into(), "target".into()];
        let settings = Settings {
            routes: vec![Route {
                source: names[0].clone(),
                target: names[1].clone(),
                filter: Arc::default(),
                wording: Wording::busy("Busy"),
                respect: calsync::plan::Respect::default(),
            }],
            past_days: 10,
            future_days: 480,
            past: Past::default(),
            home: self.home.clone(),
            limits: Limits::default(),
            mint,
        };
        let state = RefCell::new(State::in_memory().unwrap());
        let [from, to] = names;
        let mut session = Session {
            seats: BTreeMap::from([
                (from, seat(self.folder(source), Role::Source)),
                (to, seat(target, Role::Target)),
            ]),
            state: &state,
            settings: &settings,
            clock: &clock,
            watch: &Nobody,
            stop: &Stop::default(),
        };
        let report = poll_out(run(&mut session, Goal::InStep, Request::default())).unwrap();
        assert!(report.is_clean(), "{name}: {:?}", report.errors);
        let again = poll_out(run(&mut session, Goal::InStep, Request::default())).unwrap();
        assert!(again.is_idle(), "{name}: the second run wrote");
    }
}

fn ics_files(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|e| e == "ics"))
        .collect()
}

/// What one of two busy times has and the other has not.
fn differences(wanted: &Busy, found: &Busy) -> Vec<String> {
    let timed = wanted.timed.symmetric_difference(&found.timed);
    let all_day = wanted.all_day.symmetric_difference(&found.all_day);
    let side = |span: &&(String, String), set: &BTreeSet<(String, String)>| {
        let missing = set.contains(*span);
        format!(
            "{} {}/{}",
            if missing { "missing" } else { "too much" },
            span.0,
            span.1
        )
    };
    timed
        .map(|span| side(&span, &wanted.timed))
        .chain(all_day.map(|span| side(&span, &wanted.all_day)))
        .collect()
}

/// Finds every difference between what the oracle says and what was found.
pub(crate) fn compare(oracle: &Oracle, found: impl Fn(&str) -> Busy) {
    let mut wrong = Vec::new();
    for (name, wanted) in &oracle.calendars {
        let differences = differences(wanted, &found(name));
        if !differences.is_empty() {
            let shown = differences
                .iter()
                .take(6)
                .cloned()
                .collect::<Vec<_>>()
                .join("\n    ");
            wrong.push(format!(
                "{name}: {} differences\n    {shown}",
                differences.len()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} calendars differ\n  {}",
        wrong.len(),
        wrong.join("\n  ")
    );
}

#[test]
fn sources_are_read_as_the_oracle_reads_them() {
    let oracle = oracle();
    assert!(oracle.calendars.len() > 60, "the fixtures are not there");
    compare(&oracle, |name| {
        oracle.listed(&folder().join(format!("calendars/{name}.ics")))
    });
}

#[test]
fn blocks_show_what_the_oracle_wants() {
    let oracle = oracle();
    let world = tempfile::tempdir().unwrap();
    compare(&oracle, |name| {
        let target = oracle.mirrored(name, world.path());
        let window = oracle.window();
        let blocks = ics_files(&target).into_iter().flat_map(|file| {
            let events = oracle.read(&file);
            events
                .into_values()
                .flat_map(|event| flatten::list(&event, &window).unwrap())
                .collect::<Vec<_>>()
        });
        oracle.tell(blocks.map(|single| single.span))
    });
}

#[test]
fn the_oracle_itself_reads_the_blocks_as_wanted() {
    let oracle = oracle();
    let Some(python) = python() else {
        return;
    };
    let world = tempfile::tempdir().unwrap();
    for name in oracle.calendars.keys() {
        oracle.mirrored(name, world.path());
    }
    let utc = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    compare(&oracle, |name| {
        let output = Command::new(&python)
            .arg(folder().join("busy.py"))
            .args(["--from", &utc(oracle.from), "--to", &utc(oracle.to)])
            .args([
                "--zone",
                oracle.home.iana_name().unwrap(),
                "--me",
                &oracle.me[0],
            ])
            .arg(world.path().join(name).join("target"))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {errors}");
        busy_of(&serde_json::from_slice(&output.stdout).unwrap())
    });
}

/// A Python that has the oracle, installed into the build folder the first time.
fn python() -> Option<PathBuf> {
    crate::support::python::python("oracle", &folder().join("requirements.txt"))
}
