//! Worlds: a few calendars with related events, an installation that keeps them in step, a person who does things to them,
//! and what goes wrong.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use calsync::{
    clock::Clock,
    ident::{Mint, Stem},
    model::{CalendarName, Href, Print},
    report::Report,
    run::Goal,
    session::{Role, Settings},
    state::{State, Stated},
};
use jiff::{Timestamp, tz::TimeZone};
use tempfile::TempDir;

use super::{
    chaos::Faults,
    dav::cloud::Cloud,
    google::{FakeGoogle, Role as May},
    owner,
    rng::Rng,
    shore::{Lies, Ours, Shore, temporary},
    spec::Spec,
};

mod doings;
mod habits;
mod made;
mod runs;

pub(crate) use habits::Habits;

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
    /// What the account may do there, at Google.
    pub(crate) may: May,
    /// What its owner and other programs put there, as text.
    pub(crate) texts: BTreeMap<Href, String>,
}

impl Calendar {
    /// Whether it is the same calendar, perhaps under another name.
    fn is(&self, other: &Self) -> bool {
        match (&self.shore, &other.shore) {
            (Shore::Google(mine), Shore::Google(other)) => mine.id == other.id,
            _ => self.name == other.name,
        }
    }

    /// Whether what goes wrong there goes wrong on the wire.
    fn is_far(&self) -> bool {
        matches!(
            self.shore,
            Shore::Google(_) | Shore::Cloud(_) | Shore::Feed(_)
        )
    }

    /// The name that something is put there by.
    fn name_of(&self, href: &Href) -> String {
        match &self.shore {
            Shore::Google(_) => owner::name_of(href),
            _ => href.trim_end_matches(".ics").to_owned(),
        }
    }
}

/// A world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) calendars: Vec<Calendar>,
    pub(crate) settings: Settings,
    pub(crate) habits: Habits,
    pub(crate) clock: Clock,
    pub(crate) faults: Rc<RefCell<Faults>>,
    pub(crate) state: RefCell<State>,
    /// Where the state is, if it is a file.
    file: Option<TempDir>,
    made: u64,
    /// All calendars are of one account, so they are asked one after another.
    one_account: bool,
    /// The server that some calendars are at.
    pub(crate) google: Option<Rc<FakeGoogle>>,
    /// The server that some others are at, and feeds beside them.
    pub(crate) cloud: Option<Rc<Cloud>>,
    /// What was not ours at servers after a person did something during the last run.
    pub(crate) seen: RefCell<BTreeMap<CalendarName, BTreeMap<Href, Lies>>>,
    /// Events that nobody can read for a while.
    odd: BTreeSet<(usize, Href)>,
    /// Whether Google may have given new refresh tokens for old ones, in answers that perhaps never arrived.
    rotates: bool,
}

/// How a run of a world ended.
pub(crate) type Ran = Option<Stated<Report>>;

impl World {
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
        let any = usize::try_from(self.rng.below(count)).unwrap();
        // One that two accounts see is its owner's.
        let same = |calendar: &Calendar| calendar.is(&self.calendars[any]);
        self.calendars.iter().position(same).unwrap_or(any)
    }

    /// Puts an event there, or what comes near it and can be said there.
    fn put_spec(&mut self, calendar: usize, mut spec: Spec) {
        if let Shore::Google(_) = self.calendars[calendar].shore {
            spec = spec.for_google();
        }
        let uid = spec.uid.clone();
        self.put(calendar, &uid, spec.text());
    }

    fn put(&mut self, calendar: usize, name: &str, text: String) {
        let home = self.settings.home.clone();
        let calendar = &mut self.calendars[calendar];
        let href = calendar.shore.href(name);
        calendar.shore.put(&href, &text, &home);
        calendar.texts.insert(href.into(), text);
    }

    /// What is not ours, in all calendars.
    pub(crate) fn own(&self) -> BTreeMap<CalendarName, BTreeMap<Href, Lies>> {
        let mut own = self.own_at_servers();
        for calendar in &self.calendars {
            let Calendar { name, shore, .. } = calendar;
            let here = || shore.own(&self.settings.mint, name, self.home());
            own.entry(name.clone()).or_insert_with(here);
        }
        own
    }

    fn own_at_servers(&self) -> BTreeMap<CalendarName, BTreeMap<Href, Lies>> {
        let mut own = BTreeMap::new();
        for calendar in &self.calendars {
            if let Shore::Google(desk) = &calendar.shore {
                let same = self.calendars.iter().filter(|other| other.is(calendar));
                let names: Vec<_> = same.map(|c| &c.name).collect();
                let here = desk.own(&self.settings.mint, &names);
                own.insert(calendar.name.clone(), here);
            }
            if let Shore::Cloud(_) = calendar.shore {
                let Calendar { name, shore, .. } = calendar;
                let here = shore.own(&self.settings.mint, name, self.home());
                own.insert(name.clone(), here);
            }
        }
        own
    }

    /// Our blocks in one calendar.
    pub(crate) fn ours(&self, calendar: &Calendar) -> Vec<Ours> {
        calendar
            .shore
            .ours(&self.settings.mint, &calendar.name, self.home())
    }

    /// What our block of this stem in that calendar shows, if it is there.
    pub(crate) fn shown(&self, name: &CalendarName, stem: &Stem) -> Option<Print> {
        let mut here = self.calendars.iter();
        let here = here.find(|calendar| calendar.name == *name)?;
        let ours = self.ours(here);
        let mut blocks = ours.iter();
        let block = blocks.find(|block| block.id.stem() == *stem)?;
        Some(block.print)
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
    pub(crate) fn undisturbed(&self) -> BTreeMap<CalendarName, BTreeMap<Stem, Ours>> {
        let calendars = self.calendars.iter().map(|calendar| {
            let shore = calendar.shore.fresh();
            for (href, text) in &calendar.texts {
                shore.put(href, text, self.home());
            }
            Calendar {
                name: calendar.name.clone(),
                shore,
                role: calendar.role,
                may: calendar.may,
                texts: BTreeMap::new(),
            }
        });
        let other = Self {
            rng: Rng::new(0),
            calendars: calendars.collect(),
            settings: self.settings.clone(),
            habits: self.habits,
            clock: Clock::at(self.clock.now()),
            faults: Faults::none(Rng::new(0)),
            state: RefCell::new(open(None)),
            file: None,
            made: 0,
            one_account: self.one_account,
            google: self.google.clone(),
            cloud: self.cloud.clone(),
            seen: RefCell::default(),
            odd: BTreeSet::new(),
            rotates: false,
        };
        let report = other.run_out(Goal::InStep);
        assert!(report.is_clean(), "undisturbed, all goes well: {report:?}");
        let calendars = other.calendars.iter();
        calendars
            .map(|calendar| {
                let ours = other.ours(calendar).into_iter();
                let shown = ours.map(|block| (block.id.stem(), block));
                (calendar.name.clone(), shown.collect())
            })
            .collect()
    }
}

fn open(file: Option<&TempDir>) -> State {
    match file {
        Some(folder) => State::open(&folder.path().join("state.db")).unwrap(),
        None => State::in_memory().unwrap(),
    }
}
