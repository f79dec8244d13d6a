//! Worlds: a few calendars with related events, an installation that keeps them in step, a person who does things to them,
//! and what goes wrong.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
};

use calsync::{
    clock::Clock,
    ical,
    ident::{Mint, Stem, Subject},
    model::{Block, CalendarName, Face, Href, Shape, Span},
    plan::{Limits, Route},
    provider::{
        AnyProvider,
        caldav::CaldavAccount,
        google::{GoogleAccount, GoogleCalendar, Which},
        memory::MemoryCalendar,
    },
    report::Report,
    run::{Goal, run},
    session::{Nobody, Request, Role, Seat, Session, Settings, Stop},
    state::{Reading, State, Stated},
};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use tempfile::TempDir;

use super::{
    chaos::{Chaos, Faults},
    dav::{
        cloud::{self, Cloud, Manners, May as MayDo, Stores, Tells},
        place::{Feed, Place},
    },
    desk::{Desk, ME},
    google::{FakeGoogle, Fault, Gate, Role as May, When, exchange::Request as Asked},
    owner,
    rng::Rng,
    shore::{
        Lies, Ours, Shore, let_arrive, let_clouds_arrive, poll_for, poll_past, poll_to, temporary,
    },
    spec::{Spec, Taste, any},
    weather,
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
                may: May::Owner,
                texts: BTreeMap::new(),
            })
            .collect();
        let mut world = Self::of(rng, calendars, None);
        world.populate();
        world
    }

    /// A world in which one or two calendars are at this Google, which is nobody else's meanwhile.
    pub(crate) fn overseas(seed: u64, google: &Rc<FakeGoogle>) -> Self {
        let mut rng = Rng::new(seed);
        let now = any_time(&mut rng);
        google.renew(now);
        let calendars = overseas(&mut rng, google);
        let mut world = Self::of(rng, calendars, Some((google, now)));
        google.behave(|google| google.deleted_ids_can_be_revived = !seed.is_multiple_of(4));
        world.populate();
        world
    }

    /// A world of all kinds: one or two calendars at a `CalDAV` server, and most of the other kinds beside them.
    pub(crate) fn mixed(seed: u64, google: &Rc<FakeGoogle>, cloud: &Rc<Cloud>) -> Self {
        let mut rng = Rng::new(seed);
        let now = any_time(&mut rng);
        google.renew(now);
        cloud.renew(any_manners(&mut rng));
        let calendars = mixed(&mut rng, google, cloud);
        let mut world = Self::of(rng, calendars, Some((google, now)));
        world.cloud = Some(Rc::clone(cloud));
        world.populate();
        world
    }

    /// One event in memory, and a calendar at Google that shows it.
    pub(crate) fn pair(
        seed: u64,
        google: &Rc<FakeGoogle>,
        spec: impl FnOnce(&mut Self) -> Spec,
    ) -> (Self, Spec) {
        let mut rng = Rng::new(seed);
        let now = any_time(&mut rng);
        google.renew(now);
        let calendar = |name: &str, shore, role| Calendar {
            name: name.into(),
            shore,
            role,
            may: May::Owner,
            texts: BTreeMap::new(),
        };
        let calendars = vec![
            calendar("home", Shore::Memory(MemoryCalendar::new()), Role::Source),
            calendar(
                "work",
                Shore::Google(Desk::at(google, "work", ME)),
                Role::Target,
            ),
        ];
        let mut world = Self::of(rng, calendars, Some((google, now)));
        let spec = spec(&mut world);
        world.put(0, &spec.uid, spec.text());
        (world, spec)
    }

    fn of(
        mut rng: Rng,
        calendars: Vec<Calendar>,
        google: Option<(&Rc<FakeGoogle>, Timestamp)>,
    ) -> Self {
        // To a folder, the machine's time is long ago in some worlds and far ahead in others: no file is ever young, or all are.
        let now = google.map_or_else(|| any_time(&mut rng), |(_, now)| now);
        let file = rng.chance(4).then(temporary);
        Self {
            settings: settings(&calendars, &mut rng),
            calendars,
            clock: Clock::at(now),
            faults: Faults::none(rng.fork()),
            state: RefCell::new(open(file.as_ref())),
            file,
            made: 0,
            one_account: rng.chance(25),
            google: google.map(|(google, _)| Rc::clone(google)),
            cloud: None,
            seen: RefCell::default(),
            odd: BTreeSet::new(),
            rng,
        }
    }

    fn populate(&mut self) {
        for _ in 0..self.rng.below(7) {
            self.add_event();
        }
        if self.rng.chance(25) {
            self.add_foreign();
        }
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

    pub(crate) fn spec(&mut self, uid: &str) -> Spec {
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
        self.put_spec(at, spec.clone());
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
            self.put_spec(at, twin);
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
                    let name = self.calendars[at].name_of(&href);
                    if name.starts_with("event") {
                        let spec = self.spec(&name);
                        self.put_spec(at, spec);
                    }
                }
            }
            6 => {
                let at = self.any_calendar();
                match &self.calendars[at].shore {
                    Shore::Memory(calendar) => calendar.lose_cursors(),
                    Shore::Google(desk) => desk.google.expire_sync_tokens(&desk.id),
                    Shore::Cloud(place) => place.cloud.lose_tokens(&place.path),
                    Shore::Feed(feed) => feed.publish(),
                    Shore::Folder(_) | Shore::Dav(_) => {}
                }
            }
            7 if self.rng.chance(30) => self.add_foreign(),
            7 if self.google.is_some() => self.make_odd(),
            _ => self.meddle(),
        }
    }

    /// Somebody lays hands on a block.
    fn meddle(&mut self) {
        let Some((at, block)) = self.some_block() else {
            return;
        };
        let home = self.home().clone();
        if let Shore::Google(desk) = &self.calendars[at].shore
            && self.rng.chance(70)
        {
            owner::meddle(desk, &block, &mut self.rng, &home);
            return;
        }
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
                if !self.calendars[to].is(&self.calendars[at]) {
                    let target = &self.calendars[to];
                    let href = target.shore.href(block.id.as_str());
                    target.shore.put(&href, &as_it_is, &home);
                }
            }
        }
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

    /// The installation's view of the world for one run.
    pub(crate) fn session<'a>(&'a self, stop: &'a Stop) -> Session<'a, Chaos<AnyProvider>, Nobody> {
        let mut accounts: BTreeMap<&str, GoogleAccount> = BTreeMap::new();
        let mut at_cloud: Option<CaldavAccount> = None;
        let seats = self.calendars.iter().map(|calendar| {
            let provider = match &calendar.shore {
                Shore::Google(desk) => {
                    let known = accounts.entry(desk.name);
                    let account = known.or_insert_with(|| desk.account(&self.clock));
                    let which = Which::Id(desk.id.clone());
                    AnyProvider::Google(GoogleCalendar::new(account, which, self.home()))
                }
                Shore::Cloud(place) => {
                    let account = at_cloud.get_or_insert_with(|| place.account(&self.clock));
                    AnyProvider::Caldav(place.calendar(account, self.home()))
                }
                shore => shore.provider("us", self.home(), &self.clock),
            };
            let seat = Seat {
                provider: Chaos {
                    inner: provider,
                    faults: Rc::clone(&self.faults),
                    calm: calendar.is_far(),
                },
                account: match &calendar.shore {
                    Shore::Google(desk) => desk.name.to_owned(),
                    Shore::Cloud(_) => "cloud".to_owned(),
                    _ if self.one_account => String::new(),
                    _ => calendar.name.to_string(),
                },
                reading: Reading(format!("as ever {}", calendar.name)),
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
        let ran = {
            let mut session = self.session(&stop);
            poll_for(run(&mut session, goal, request), polls)
        };
        self.clear_skies();
        ran
    }

    /// A run that dies while a request of its is at the server, this many requests after the first.
    pub(crate) fn run_to_request(
        &mut self,
        goal: Goal,
        request: Request,
        nth: usize,
        done: bool,
    ) -> Ran {
        let gate = Gate::new();
        let fault = if done { Fault::HoldAnswer } else { Fault::Hold };
        self.hold(When::any().nth(nth), fault(gate.clone()));
        let stop = Stop::default();
        let mut session = self.session(&stop);
        let ran = poll_to(run(&mut session, goal, request), &gate);
        gate.open();
        if ran.is_none() && !done {
            // Nobody waits for the answer any more, but what was asked is done.
            gate.wait_until_done();
        }
        drop(session);
        self.clear_skies();
        ran
    }

    /// Something goes wrong with a request to one of the servers. Says whether it is that of the clouds.
    fn hold(&mut self, when: When, fault: Fault) -> bool {
        match (&self.google, &self.cloud) {
            (Some(google), None) => google.fault(when, fault),
            (Some(google), Some(_)) if self.rng.chance(30) => google.fault(when, fault),
            (_, Some(cloud)) => {
                cloud.fault(when, fault);
                return true;
            }
            (None, None) => panic!("a server to ask"),
        }
        false
    }

    /// A run during which a person lays hands on a block, while this request is at the server: mostly on the very block
    /// that is about to be changed.
    pub(crate) fn run_beside_a_person(
        &mut self,
        goal: Goal,
        request: Request,
        nth: usize,
    ) -> Stated<Report> {
        let google = self.google.clone().expect("a server to ask");
        let mut rng = self.rng.fork();
        let gate = Gate::new();
        let race = rng.chance(70);
        let (when, nth) = match race {
            true => (When::any().and(is_change), nth.div_ceil(4)),
            false => (When::any(), nth),
        };
        let at_cloud = self.hold(when.nth(nth), Fault::Hold(gate.clone()));
        google.forget();
        let ran = {
            let stop = Stop::default();
            let mut session = self.session(&stop);
            let act = || {
                let mut desks = self.calendars.iter().filter_map(|c| match &c.shore {
                    Shore::Google(desk) => Some(desk),
                    _ => None,
                });
                if let Some(cloud) = self.cloud.as_ref().filter(|_| at_cloud) {
                    if race {
                        cloud.meddle_with_asked(&mut rng);
                    }
                } else if race {
                    owner::meddle_with_asked(&google, &mut rng);
                } else if let Some(desk) = desks.find(|_| rng.chance(60)) {
                    owner::meddle_with_any(desk, &mut rng);
                }
                *self.seen.borrow_mut() = self.own_at_servers();
            };
            poll_past(run(&mut session, goal, request), &gate, act)
        };
        self.clear_skies();
        ran
    }

    /// From now on until the end of the next run, so many of a hundred requests to a server go wrong.
    pub(crate) fn storm(&mut self, percent: u64) {
        self.faults.borrow_mut().percent = percent;
        if let Some(google) = self.google.as_ref().filter(|_| percent > 0) {
            google.weather(weather::bad(&mut self.rng, percent));
        }
        if let Some(cloud) = self.cloud.as_ref().filter(|_| percent > 0) {
            cloud.weather(weather::bad_cloud(&mut self.rng, percent));
        }
    }

    /// Requests go well again, and none is under way any more.
    fn clear_skies(&self) {
        if let Some(cloud) = &self.cloud {
            cloud.clear_faults();
            cloud.set_pages(&[]);
            let_clouds_arrive(cloud);
        }
        for calendar in &self.calendars {
            if let Shore::Cloud(place) = &calendar.shore {
                place.cloud.set_may(&place.path, MayDo::Write);
            }
        }
        let Some(google) = &self.google else { return };
        google.clear_faults();
        google.behave(|google| google.pages.clear());
        let_arrive(google);
        for calendar in &self.calendars {
            if let Shore::Google(desk) = &calendar.shore
                && google.role(&desk.id, desk.me()) != Some(calendar.may)
            {
                google.set_role(&desk.id, desk.me(), Some(calendar.may));
            }
        }
    }

    /// Until the end of the next run, Google is as it may be at any time: pages are short, tokens are over, calendars are
    /// not shared as they should be.
    pub(crate) fn fickle(&mut self) {
        let Some(google) = &self.google else { return };
        let rng = &mut self.rng;
        if let Some(cloud) = &self.cloud {
            let pages: &[usize] = rng.pick::<&[usize]>(&[&[], &[], &[1], &[1, 2], &[3, 1, 1]]);
            cloud.set_pages(pages);
        }
        let pages: &[usize] = rng.pick::<&[usize]>(&[&[], &[], &[0, 1], &[1, 0, 2], &[2, 2, 0, 0]]);
        google.behave(|google| google.pages = pages.to_vec());
        if rng.chance(20) {
            google.expire_access_tokens();
        }
        for calendar in &self.calendars {
            if let Shore::Cloud(place) = &calendar.shore
                && rng.chance(8)
            {
                let less = *rng.pick(&[MayDo::Read, MayDo::Read, MayDo::Nothing]);
                place.cloud.set_may(&place.path, less);
            }
            let Shore::Google(desk) = &calendar.shore else {
                continue;
            };
            if rng.chance(8) {
                let less = *rng.pick(&[None, Some(May::Reader), Some(May::Reader)]);
                google.set_role(&desk.id, desk.me(), less);
            }
        }
    }

    /// All is as it should be for good.
    pub(crate) fn becalm(&mut self) {
        self.storm(0);
        for (at, href) in std::mem::take(&mut self.odd) {
            let calendar = &self.calendars[at];
            if let Some(text) = calendar.texts.get(&href) {
                calendar.shore.put(&href, text, self.home());
            }
        }
    }

    /// One of the owner's events at Google is nothing that anybody can read, for a while.
    fn make_odd(&mut self) {
        let Some((at, href)) = self.some_event() else {
            return;
        };
        let name = self.calendars[at].name_of(&href);
        if let Shore::Google(desk) = &self.calendars[at].shore
            && name.starts_with("event")
        {
            let odd = *self.rng.pick(&["no time", "no zone"]);
            owner::spoil(desk, &href, &name, odd);
            self.odd.insert((at, href));
        }
    }

    /// How many calendars at Google a run looked at.
    pub(crate) fn at_google(&self, report: &Report) -> usize {
        let mut read = report.calendars.iter().filter(|c| c.read.is_some());
        let is_there = |name: &CalendarName| {
            let mut named = self.calendars.iter().filter(|c| c.name == *name);
            named.any(|c| matches!(c.shore, Shore::Google(_)))
        };
        read.by_ref().filter(|c| is_there(&c.name)).count()
    }

    /// How many requests a run to which nothing is new may have sent to the other server, and how many it sent.
    pub(crate) fn asked_the_cloud(&self, report: &Report) -> (Option<[usize; 2]>, usize) {
        let Some(cloud) = &self.cloud else {
            return (None, 0);
        };
        let read = report.calendars.iter().filter(|c| c.read.is_some());
        let mut bounds = [0, 0];
        for named in read {
            let calendar = self.calendars.iter().find(|c| c.name == named.name);
            let (least, most) = match calendar.map(|calendar| &calendar.shore) {
                Some(Shore::Feed(_)) => (1, 1),
                // Where only a tag tells, what calsync wrote itself changed it.
                Some(Shore::Cloud(_)) if cloud.is_trusted() => (1, 1),
                Some(Shore::Cloud(_)) => (1, 2),
                _ => (0, 0),
            };
            bounds[0] += least;
            bounds[1] += most;
        }
        (Some(bounds), cloud.asked())
    }

    /// How many requests about calendars were sent to Google since it was last asked, by method.
    pub(crate) fn asked(&self) -> BTreeMap<&'static str, usize> {
        let Some(google) = &self.google else {
            return BTreeMap::new();
        };
        let mut counts = google.counts();
        assert_eq!(google.mails(), [], "nobody is ever mailed");
        google.forget();
        counts.retain(|call, _| call.contains('.'));
        counts
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

fn any_time(rng: &mut Rng) -> Timestamp {
    let times = [
        "2020-03-27T08:00:00Z",
        "2020-10-22T08:00:00Z",
        "2046-03-22T08:00:00Z",
        "2046-10-26T08:00:00Z",
    ];
    rng.pick(&times).parse().unwrap()
}

/// Calendars of which one or two are at Google: of one account, of two, or one that two accounts share.
fn overseas(rng: &mut Rng, google: &Rc<FakeGoogle>) -> Vec<Calendar> {
    let other = "other@example.org";
    let team = "team#1@group.calendar.example.org";
    let zone = *rng.pick(&["Europe/Berlin", "America/New_York", "UTC"]);
    let mine = Desk::at(google, "work", ME);
    let both = (Role::Both, May::Owner);
    let mut desks = vec![(mine.clone(), both)];
    match rng.below(6) {
        0 | 1 => {}
        2 => {
            google.calendar(team, "Team", zone, ME);
            desks.push((mine.beside(team), both));
        }
        3 => desks.push((Desk::at(google, "other", other), both)),
        4 => {
            google.set_role(ME, other, Some(May::Reader));
            let seen = Desk::at(google, "other", other).beside(ME);
            desks.push((seen, (Role::Source, May::Reader)));
        }
        _ => {
            google.calendar(team, "Team", zone, other);
            google.set_role(team, ME, Some(May::Writer));
            let theirs = Desk::at(google, "other", other).beside(team);
            desks = vec![
                (theirs, both),
                (mine.beside(team), (Role::Both, May::Writer)),
            ];
        }
    }
    let mut shores: Vec<_> = desks
        .into_iter()
        .map(|(desk, as_what)| (Shore::Google(desk), as_what))
        .collect();
    while shores.len() < 2 || (shores.len() < 3 && rng.chance(50)) {
        let shore = match rng.below(4) {
            0 => Shore::Folder(temporary()),
            1 => Shore::Memory(MemoryCalendar::keeping_ids()),
            _ => Shore::Memory(MemoryCalendar::new()),
        };
        shores.push((shore, both));
    }
    let named = ["work", "home", "club"].into_iter().zip(shores);
    let calendars = named.map(|(name, (shore, (role, may)))| Calendar {
        name: name.into(),
        shore,
        role: if role == Role::Both && rng.chance(15) {
            *rng.pick(&[Role::Source, Role::Target])
        } else {
            role
        },
        may,
        texts: BTreeMap::new(),
    });
    calendars.collect()
}

/// Calendars of all kinds.
fn mixed(rng: &mut Rng, google: &Rc<FakeGoogle>, cloud: &Rc<Cloud>) -> Vec<Calendar> {
    let mut shores = vec![Shore::Cloud(Place::new(cloud, "/alice/one/"))];
    if rng.chance(30) {
        shores.push(Shore::Cloud(Place::new(cloud, "/alice/two/")));
    }
    if rng.chance(70) {
        shores.push(Shore::Feed(Feed::new(cloud, "/feeds/one.ics")));
    }
    if rng.chance(50) {
        shores.push(Shore::Google(Desk::at(google, "work", ME)));
    }
    if rng.chance(40) {
        shores.push(Shore::Folder(temporary()));
    }
    if shores.len() < 2 || rng.chance(40) {
        shores.push(Shore::Memory(MemoryCalendar::new()));
    }
    rng.shuffle(&mut shores);
    let named = ["work", "home", "club", "kids", "team", "band"];
    let calendars = named.into_iter().zip(shores).map(|(name, shore)| Calendar {
        name: name.into(),
        role: match shore {
            Shore::Feed(_) => Role::Source,
            _ if rng.chance(15) => *rng.pick(&[Role::Source, Role::Target]),
            _ => Role::Both,
        },
        shore,
        may: May::Owner,
        texts: BTreeMap::new(),
    });
    calendars.collect()
}

/// A server as they are.
fn any_manners(rng: &mut Rng) -> Manners {
    let conditions = [
        None,
        None,
        Some((409, "c:no-uid-conflict")),
        Some((412, "c:no-uid-conflict")),
        Some((403, "c:unique-scheduling-object-resource")),
    ];
    Manners {
        tells: *rng.pick(&[
            Tells::Tokens,
            Tells::Tokens,
            Tells::Tokens,
            Tells::Digests,
            Tells::Tags,
            Tells::Nothing,
        ]),
        loses: *rng.pick(&[
            (403, true),
            (403, true),
            (412, true),
            (409, true),
            (410, false),
            (418, false),
            (500, false),
        ]),
        stores: *rng.pick(&[
            Stores::AsItIs,
            Stores::Reworded,
            Stores::RewordedSilently,
            Stores::Organised,
        ]),
        taken: *rng.pick(&conditions),
        taken_anywhere: rng.chance(50),
        forgetful: rng.chance(25),
        weak: rng.chance(25),
        pages: Vec::new(),
    }
}

/// Whether a request changes or removes what is there.
fn is_change(request: &Asked) -> bool {
    cloud::is_change(request)
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
