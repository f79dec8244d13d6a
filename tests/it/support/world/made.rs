//! How worlds are made: which calendars there are, at which servers, and what lies in them at first.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
};

use calsync::{
    clock::Clock,
    ident::Mint,
    model::{Appears, Colour, Face, Visibility},
    plan::{Limits, Past, Route, Wording},
    provider::memory::MemoryCalendar,
    session::{Role, Settings},
};
use jiff::Timestamp;

use super::{Calendar, World, habits::Habits, home, open};
use crate::support::{
    chaos::Faults,
    dav::{
        cloud::{Cloud, Manners, Stores, Tells},
        place::{Feed, Place},
    },
    desk::{Desk, ME},
    google::{FakeGoogle, Role as May},
    rng::Rng,
    shore::{Shore, temporary},
    sieve,
    spec::Spec,
};

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
        world.habits = Habits::default();
        world
            .habits
            .form(&mut world.settings.routes, &world.calendars, None);
        let spec = spec(&mut world);
        world.put(0, &spec.uid, spec.text());
        (world, spec)
    }

    pub(super) fn of(
        mut rng: Rng,
        calendars: Vec<Calendar>,
        google: Option<(&Rc<FakeGoogle>, Timestamp)>,
    ) -> Self {
        // To a folder, the machine's time is long ago in some worlds and far ahead in others: no file is ever young, or all are.
        let now = google.map_or_else(|| any_time(&mut rng), |(_, now)| now);
        let file = rng.chance(4).then(temporary);
        let habits = Habits::any(rng.clone());
        Self {
            settings: settings(&calendars, habits, &mut rng),
            habits,
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
            rotates: false,
            rng,
        }
    }

    pub(super) fn populate(&mut self) {
        for _ in 0..self.rng.below(7) {
            self.add_event();
        }
        if self.rng.chance(25) {
            self.add_foreign();
        }
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
            let may = *rng.pick(&[May::Reader, May::FreeBusyReader]);
            google.set_role(ME, other, Some(may));
            let seen = Desk::at(google, "other", other).beside(ME);
            desks.push((seen, (Role::Source, may)));
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

/// Which calendars show in which others, and how.
pub(super) fn rules(calendars: &[Calendar], rng: &mut Rng) -> Vec<Route> {
    let mut routes = Vec::new();
    for source in calendars.iter().filter(|c| c.role.is_source()) {
        for target in calendars.iter().filter(|c| c.role.is_target()) {
            if source.name != target.name && !rng.chance(8) {
                routes.push(Route {
                    source: source.name.clone(),
                    target: target.name.clone(),
                    filter: sieve::any(rng),
                    wording: wording(rng),
                    respect: calsync::plan::Respect::default(),
                });
            }
        }
    }
    routes
}

/// What blocks say.
fn wording(rng: &mut Rng) -> Arc<Wording> {
    let title = *rng.pick(&["Busy", "Busy", "Away; or \"so\", maybe"]);
    let mut wording = Wording::clone(&Wording::busy(title));
    if rng.chance(40) {
        wording.face = Arc::new(Face {
            title: title.to_owned(),
            notes: "Made by calsync.\nChanges are lost.".to_owned(),
            visibility: *rng.pick(&[Visibility::Private, Visibility::Public]),
            appears: *rng.pick(&[Appears::Busy, Appears::Tentative]),
            colour: [Colour::named("tomato"), Colour::named("sage"), None]
                [usize::try_from(rng.below(3)).unwrap()],
            reminder: rng.chance(30).then_some(10),
            ..Face::default()
        });
    }
    // And sometimes words of the events, whatever else happens in the world.
    let told = sieve::wording(&mut rng.clone());
    Arc::new(Wording {
        face: wording.face,
        ..Wording::clone(&told)
    })
}

fn settings(calendars: &[Calendar], habits: Habits, rng: &mut Rng) -> Settings {
    let mut routes = rules(calendars, rng);
    habits.form(&mut routes, calendars, Some(rng.clone()));
    Settings {
        routes,
        past_days: 5,
        future_days: 30,
        past: *rng.clone().pick(&[Past::Keep, Past::Keep, Past::Delete]),
        home: home(),
        limits: Limits::default(),
        mint: Mint::new(&[7; 32]),
    }
}
