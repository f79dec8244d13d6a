//! Worlds: a few calendars with related events, an installation that keeps them in step, a person who does things to them,
//! and what goes wrong.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

use calsync::{
    clock::Clock,
    ical,
    ident::{Mint, Stem, Subject},
    model::{Block, CalendarName, Face, Href, Print, Shape, Span},
    plan::{Limits, Route},
    provider::{AnyProvider, memory::MemoryCalendar},
    report::Report,
    run::{Goal, run},
    session::{Nobody, Request, Role, Seat, Session, Settings, Stop},
    state::{Reading, State, Stated},
};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use tempfile::TempDir;

use super::{
    chaos::{Chaos, Faults},
    rng::Rng,
    shore::{Lies, Ours, Shore, poll_for, temporary},
    spec::{Spec, Taste, any},
};

/// The zone at home in all worlds.
pub(crate) fn home() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

/// One calendar of a world.
#[derive(Debug)]
pub(crate) struct Calendar {
    pub(crate) name: CalendarName,
    pub(crate) shore: Shore,
    pub(crate) role: Role,
    /// What its owner and other programs put there, as text.
    pub(crate) texts: BTreeMap<Href, String>,
}

/// A world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) calendars: Vec<Calendar>,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) faults: Rc<RefCell<Faults>>,
    pub(crate) state: RefCell<State>,
    /// Where the state is, if it is a file.
    file: Option<TempDir>,
    made: u64,
    /// All calendars are of one account, so they are asked one after another.
    one_account: bool,
}

/// How a run of a world ended.
pub(crate) type Ran = Option<Stated<Report>>;

impl World {
    /// A world, all of which follows from its seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let folders = rng.chance(12);
        let count = if folders {
            rng.within(2, 3)
        } else {
            rng.within(2, 4)
        };
        let calendars: Vec<Calendar> = ["work", "home", "club", "kids"]
            .into_iter()
            .take(usize::try_from(count).unwrap())
            .map(|name| Calendar {
                name: name.into(),
                shore: match rng.below(3) {
                    _ if folders => Shore::Folder(temporary()),
                    0 => Shore::Memory(MemoryCalendar::keeping_ids()),
                    _ => Shore::Memory(MemoryCalendar::new()),
                },
                role: *rng.pick(&[
                    Role::Both,
                    Role::Both,
                    Role::Both,
                    Role::Both,
                    Role::Both,
                    Role::Source,
                    Role::Target,
                ]),
                texts: BTreeMap::new(),
            })
            .collect();
        // To a folder, the machine's time is long ago in some worlds and far ahead in others: no file is ever young, or all are.
        let now: Timestamp = rng
            .pick(&[
                "2020-03-27T08:00:00Z",
                "2020-10-22T08:00:00Z",
                "2046-03-22T08:00:00Z",
                "2046-10-26T08:00:00Z",
            ])
            .parse()
            .unwrap();
        let file = rng.chance(4).then(temporary);
        let mut world = Self {
            settings: settings(&calendars, &mut rng),
            calendars,
            clock: Clock::at(now),
            faults: Faults::none(rng.fork()),
            state: RefCell::new(open(file.as_ref())),
            file,
            made: 0,
            one_account: rng.chance(25),
            rng,
        };
        for _ in 0..world.rng.below(7) {
            world.add_event();
        }
        if world.rng.chance(25) {
            world.add_foreign();
        }
        world
    }

    /// The mint of another installation.
    pub(crate) fn foreign_mint() -> Mint {
        Mint::new(&[99; 32])
    }

    pub(crate) fn set_now(&self, now: Timestamp) {
        let Clock::Set(cell) = &self.clock else {
            panic!("the clock of a world is set")
        };
        cell.set(now);
    }

    fn home(&self) -> &TimeZone {
        &self.settings.home
    }

    fn any_calendar(&mut self) -> usize {
        let count = u64::try_from(self.calendars.len()).unwrap();
        usize::try_from(self.rng.below(count)).unwrap()
    }

    fn put(&mut self, calendar: usize, name: &str, text: String) {
        let home = self.settings.home.clone();
        let calendar = &mut self.calendars[calendar];
        let href = calendar.shore.href(name);
        calendar.shore.put(&href, &text, &home);
        calendar.texts.insert(href.into(), text);
    }

    fn spec(&mut self, uid: &str) -> Spec {
        let around = self.home().to_datetime(self.clock.now()).date();
        let taste = Taste {
            around: around.saturating_add(7.days()),
            reach: 20,
            recurring: 35,
        };
        any(&mut self.rng, uid, taste)
    }

    fn add_event(&mut self) {
        self.made += 1;
        let uid = format!("event-{}@example.org", self.made);
        let spec = self.spec(&uid);
        let at = self.any_calendar();
        self.put(at, &uid, spec.text());
        // The same meeting elsewhere, mostly as it is, sometimes a little different.
        if self.rng.chance(25) {
            let mut twin = spec;
            match self.rng.below(4) {
                0 => twin.at = twin.at.saturating_add(24.hours()),
                1 => twin.changes.clear(),
                2 => twin.rule = None,
                _ => {}
            }
            let at = self.any_calendar();
            self.put(at, &uid, twin.text());
        }
    }

    fn add_foreign(&mut self) {
        self.made += 1;
        let mint = Self::foreign_mint();
        let stem = mint.stem(Subject {
            source: &"theirs".into(),
            uid: &format!("{}", self.made).into(),
            occurrence: &"".into(),
            target: &"ours".into(),
        });
        let id = mint.id(&"ours".into(), &stem, 0);
        let block = Block {
            shape: Shape::Once(Span::timed(
                self.clock.now() + 26.hours(),
                self.clock.now() + 27.hours(),
            )),
            face: Face {
                title: "Busy".to_owned(),
                notes: String::new(),
            },
            id: id.clone(),
        };
        let at = self.any_calendar();
        let text = ical::write(&block, self.clock.now());
        self.put(at, id.as_str(), text);
    }

    /// One of the owner's events, by the calendar it is in.
    fn some_event(&mut self) -> Option<(usize, Href)> {
        let calendars = self.calendars.iter().enumerate();
        let all = calendars.flat_map(|(i, c)| c.texts.keys().map(move |href| (i, href.clone())));
        let all = all.collect();
        self.rng.one(all)
    }

    /// One of our blocks, by the calendar it is in.
    fn some_block(&mut self) -> Option<(usize, Ours)> {
        let mut all = Vec::new();
        for (i, calendar) in self.calendars.iter().enumerate() {
            let ours = calendar
                .shore
                .ours(&self.settings.mint, &calendar.name, self.home());
            all.extend(ours.into_iter().map(|block| (i, block)));
        }
        self.rng.one(all)
    }

    /// A person, or another program, does something.
    pub(crate) fn act(&mut self) {
        match self.rng.below(12) {
            0..=2 => self.add_event(),
            3 => {
                if let Some((at, href)) = self.some_event() {
                    self.calendars[at].shore.take(&href);
                    self.calendars[at].texts.remove(&href);
                }
            }
            4 | 5 => {
                // The same event, quite different.
                if let Some((at, href)) = self.some_event() {
                    let name = href.trim_end_matches(".ics").to_owned();
                    if name.starts_with("event") {
                        let spec = self.spec(&name);
                        self.put(at, &name, spec.text());
                    }
                }
            }
            6 => {
                let at = self.any_calendar();
                if let Shore::Memory(calendar) = &self.calendars[at].shore {
                    calendar.lose_cursors();
                }
            }
            7 if self.rng.chance(30) => self.add_foreign(),
            _ => self.meddle(),
        }
    }

    /// Somebody lays hands on a block.
    fn meddle(&mut self) {
        let Some((at, block)) = self.some_block() else {
            return;
        };
        let home = self.home().clone();
        let shore = &self.calendars[at].shore;
        let Some(shape) = block.shape else {
            return;
        };
        let Shape::Once(span) = shape else {
            shore.take(&block.href);
            return;
        };
        let mut edited = Block {
            id: block.id.clone(),
            shape: Shape::Once(span),
            face: self
                .settings
                .routes
                .first()
                .map_or_else(no_face, |route| Face::clone(&route.face)),
        };
        let as_it_is = ical::write(&edited, self.clock.now());
        match self.rng.below(7) {
            0 | 1 => shore.take(&block.href),
            2 => {
                "Dentist".clone_into(&mut edited.face.title);
                shore.put(&block.href, &ical::write(&edited, self.clock.now()), &home);
            }
            3 => {
                let moved = span.instants(&home).0 + 90.minutes();
                edited.shape = Shape::Once(Span::timed(moved, moved + 1.hour()));
                shore.put(&block.href, &ical::write(&edited, self.clock.now()), &home);
            }
            4 => {
                let people = "CLASS:PRIVATE\r\nATTENDEE:mailto:guest@example.org\r\n";
                let text = as_it_is.replace("CLASS:PRIVATE\r\n", people);
                shore.put(&block.href, &text, &home);
            }
            5 => {
                // A copy to another day in the same or another calendar: the server gives it an id of its own.
                self.made += 1;
                let name = format!("copy-{}", self.made);
                let text = as_it_is.replace(block.id.as_str(), &name);
                let to = self.any_calendar();
                self.put(to, &name, text);
            }
            _ => {
                // The file, or the object, moved as it is to where it does not belong.
                let to = self.any_calendar();
                if to != at {
                    let target = &self.calendars[to];
                    let href = target.shore.href(block.id.as_str());
                    target.shore.put(&href, &as_it_is, &home);
                }
            }
        }
    }

    /// What is not ours, in all calendars.
    pub(crate) fn own(&self) -> BTreeMap<CalendarName, BTreeMap<Href, Lies>> {
        let calendars = self.calendars.iter();
        calendars
            .map(|c| {
                (
                    c.name.clone(),
                    c.shore.own(&self.settings.mint, &c.name, self.home()),
                )
            })
            .collect()
    }

    /// Our blocks in one calendar.
    pub(crate) fn ours(&self, calendar: &Calendar) -> Vec<Ours> {
        calendar
            .shore
            .ours(&self.settings.mint, &calendar.name, self.home())
    }

    /// The installation's view of the world for one run.
    pub(crate) fn session<'a>(&'a self, stop: &'a Stop) -> Session<'a, Chaos<AnyProvider>, Nobody> {
        let seats = self.calendars.iter().map(|calendar| {
            let provider = calendar.shore.provider("us", self.home(), &self.clock);
            let seat = Seat {
                provider: Chaos {
                    inner: provider,
                    faults: Rc::clone(&self.faults),
                },
                account: if self.one_account {
                    String::new()
                } else {
                    calendar.name.to_string()
                },
                reading: Reading("as ever".to_owned()),
                role: calendar.role,
            };
            (calendar.name.clone(), seat)
        });
        Session {
            seats: seats.collect(),
            state: &self.state,
            settings: &self.settings,
            clock: &self.clock,
            watch: &Nobody,
            stop,
        }
    }

    /// A run that dies after so many steps, if it is not done before.
    pub(crate) fn run(&self, goal: Goal, request: Request, polls: u64) -> Ran {
        let stop = Stop::default();
        let mut session = self.session(&stop);
        poll_for(run(&mut session, goal, request), polls)
    }

    /// A run that nothing disturbs.
    pub(crate) fn run_out(&self, goal: Goal) -> Report {
        let request = Request {
            allow_mass_delete: true,
            ..Request::default()
        };
        self.run(goal, request, 1_000_000)
            .expect("a run ends")
            .expect("the state is sound")
    }

    /// The process is gone; what it committed is not.
    pub(crate) fn reopen(&mut self) {
        if self.file.is_some() {
            self.state = RefCell::new(open(self.file.as_ref()));
        }
    }

    /// The state file is gone.
    pub(crate) fn lose_state(&mut self) {
        if self.file.is_some() {
            self.file = Some(temporary());
        }
        self.state = RefCell::new(open(self.file.as_ref()));
        // Nobody remembers any more for which calendar a copied block was made.
    }

    /// What an installation with the same key makes of the owner's events alone, undisturbed.
    pub(crate) fn undisturbed(&self) -> BTreeMap<CalendarName, BTreeMap<Stem, Print>> {
        let calendars = self.calendars.iter().map(|calendar| {
            let shore = calendar.shore.fresh();
            for (href, text) in &calendar.texts {
                shore.put(href, text, self.home());
            }
            Calendar {
                name: calendar.name.clone(),
                shore,
                role: calendar.role,
                texts: BTreeMap::new(),
            }
        });
        let other = Self {
            rng: Rng::new(0),
            calendars: calendars.collect(),
            settings: self.settings.clone(),
            clock: Clock::at(self.clock.now()),
            faults: Faults::none(Rng::new(0)),
            state: RefCell::new(open(None)),
            file: None,
            made: 0,
            one_account: self.one_account,
        };
        let report = other.run_out(Goal::InStep);
        assert!(report.is_clean(), "undisturbed, all goes well: {report:?}");
        let calendars = other.calendars.iter();
        calendars
            .map(|calendar| {
                let ours = other.ours(calendar).into_iter();
                let shown = ours.map(|block| (block.id.stem(), block.print));
                (calendar.name.clone(), shown.collect())
            })
            .collect()
    }
}

fn no_face() -> Face {
    Face {
        title: "Busy".to_owned(),
        notes: String::new(),
    }
}

fn open(file: Option<&TempDir>) -> State {
    match file {
        Some(folder) => State::open(&folder.path().join("state.db")).unwrap(),
        None => State::in_memory().unwrap(),
    }
}

fn settings(calendars: &[Calendar], rng: &mut Rng) -> Settings {
    let mut routes = Vec::new();
    for source in calendars.iter().filter(|c| c.role.is_source()) {
        for target in calendars.iter().filter(|c| c.role.is_target()) {
            if source.name != target.name && !rng.chance(8) {
                routes.push(Route {
                    source: source.name.clone(),
                    target: target.name.clone(),
                    face: Arc::new(Face {
                        title: (*rng.pick(&["Busy", "Busy", "Away; or \"so\", maybe"])).to_owned(),
                        notes: "Made by calsync.\nChanges are lost.".to_owned(),
                    }),
                });
            }
        }
    }
    Settings {
        routes,
        past_days: 5,
        future_days: 30,
        home: home(),
        limits: Limits::default(),
        mint: Mint::new(&[7; 32]),
    }
}
