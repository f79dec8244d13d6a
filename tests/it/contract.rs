//! What every provider does, whoever keeps the calendar: one suite, run against each of them.

use std::collections::BTreeMap;

use calsync::{
    clock::Clock,
    ident::{BlockId, Mint, Recognised},
    model::{
        Block, Face, Href, Length, Part, Print, Resource, SeenBlock, Series, Shape, Span, Version,
        When, Zone,
    },
    provider::{
        AnyProvider, Change, Cursor, ErrorKind, Known, Listing, Place, Provider as _,
        local::LocalCalendar, memory::MemoryCalendar,
    },
    recur::Rule,
};
use jiff::{
    Timestamp,
    civil::{DateTime, date},
};

use crate::support::{
    block::id,
    dav::{DavDesk, Kind as Server},
    desk::Desk,
    shore::{Shore, poll_for, poll_out, temporary},
    spec::{Kind, Lasts, Spec},
    world::home,
};

/// A calendar, and an installation that reads and writes it.
struct Bench {
    shore: Shore,
    provider: AnyProvider,
    mirror: Mirror,
}

/// What an installation knows of a calendar from what it was told.
#[derive(Default)]
struct Mirror {
    resources: BTreeMap<Href, Resource>,
    cursor: Option<Cursor>,
}

impl Known for Mirror {
    fn versions(&self) -> BTreeMap<Href, Version> {
        let resources = self.resources.iter();
        resources
            .map(|(href, resource)| (href.clone(), resource.version.clone()))
            .collect()
    }
}

/// What one listing brought.
#[derive(Debug, Default, PartialEq)]
struct News {
    seen: Vec<Href>,
    gone: Vec<Href>,
    whole: bool,
}

impl Bench {
    fn new(shore: Shore) -> Self {
        Self {
            provider: provider(&shore),
            mirror: Mirror::default(),
            shore,
        }
    }

    /// Reads on from the cursor, and believes what is said.
    fn pull(&mut self) -> News {
        let pulled = self
            .provider
            .pull(self.mirror.cursor.as_ref(), &self.mirror);
        let pulled = poll_out(pulled).unwrap();
        let mut news = News::default();
        for change in pulled.changes {
            match change {
                Change::Seen(resource) => {
                    news.seen.push(resource.href.clone());
                    self.mirror
                        .resources
                        .insert(resource.href.clone(), resource);
                }
                Change::Gone(href) => {
                    self.mirror.resources.remove(&href);
                    news.gone.push(href);
                }
                Change::Unreadable { href, why, .. } => panic!("{href}: {why}"),
            }
        }
        if let Listing::Whole(present) = pulled.listing {
            news.whole = true;
            self.mirror.resources.retain(|href, _| {
                let stays = present.contains(href);
                if !stays {
                    news.gone.push(href.clone());
                }
                stays
            });
            assert_eq!(
                present.len(),
                self.mirror.resources.len(),
                "all of it is known"
            );
        }
        self.mirror.cursor = pulled.cursor;
        news
    }

    /// The installation knows exactly what is there.
    fn agrees(&self) {
        let there: BTreeMap<Href, (Version, Vec<Part>)> = self
            .shore
            .all(&home())
            .into_iter()
            .map(|(href, lies)| (href, (lies.version, lies.parts)))
            .collect();
        let known: BTreeMap<Href, (Version, Vec<Part>)> = self
            .mirror
            .resources
            .iter()
            .map(|(href, resource)| {
                (
                    href.clone(),
                    (resource.version.clone(), resource.parts.clone()),
                )
            })
            .collect();
        assert_eq!(known, there);
    }

    fn put(&self, name: &str, hour: i8) -> Href {
        let href = self.shore.href(name);
        self.shore.put(&href, &event(name, hour).text(), &home());
        href.into()
    }

    fn create(&mut self, block: &Block) -> Place {
        poll_out(self.provider.create(block)).unwrap()
    }

    fn look(&mut self, id: &BlockId) -> Option<Resource> {
        poll_out(self.provider.look(id)).unwrap()
    }
}

/// A provider of an installation; to a folder it is a time at which no file is young.
fn provider(shore: &Shore) -> AnyProvider {
    shore.provider(
        "us",
        &home(),
        &Clock::at("2090-01-01T00:00:00Z".parse().unwrap()),
    )
}

fn event(uid: &str, hour: i8) -> Spec {
    let at = date(2026, 11, 23).at(hour, 0, 0, 0);
    Spec::once(uid, Kind::In("Europe/Berlin"), at, Lasts::Wall(3600))
}

fn block(uid: &str, shape: Shape) -> Block {
    Block {
        id: id(uid, 0),
        shape,
        face: Face {
            title: "Busy; \"so\", maybe: ünknown".to_owned(),
            notes: "Made by calsync.\nChanges are lost.".to_owned(),
            ..Face::default()
        },
    }
}

/// A block for an hour of a day.
fn hour(uid: &str, hour: i8) -> Block {
    let start = Zone::UTC.instant(date(2026, 11, 24).at(hour, 0, 0, 0), &home());
    let end = start + jiff::SignedDuration::from_hours(1);
    block(uid, Shape::Once(Span::timed(start, end)))
}

/// All that a provider may be asked to write.
fn shapes() -> Vec<Shape> {
    let series = |start: When, length, rule: &str, holes: &[DateTime]| {
        Shape::Series(Series {
            start,
            length,
            rule: Rule::parse(rule).unwrap().0,
            holes: holes.iter().copied().collect(),
        })
    };
    let berlin = |day: i8| {
        When::Time(
            date(2026, 3, day).at(2, 30, 0, 0),
            Zone::iana("Europe/Berlin").unwrap(),
        )
    };
    let second = date(2026, 4, 5).at(2, 30, 0, 0);
    vec![
        Shape::Once(Span::days(date(2026, 3, 28), 1)),
        Shape::Once(Span::days(date(2026, 3, 28), 9)),
        Shape::Once(Span::timed(
            "2026-03-29T00:30:00Z".parse().unwrap(),
            "2026-03-30T00:30:00Z".parse().unwrap(),
        )),
        series(berlin(22), Length::Wall(5400), "FREQ=WEEKLY", &[second]),
        series(
            berlin(1),
            Length::Wall(90),
            "FREQ=WEEKLY;COUNT=30;INTERVAL=2;BYDAY=SU",
            &[],
        ),
        series(
            berlin(2),
            Length::Wall(86_400),
            "FREQ=WEEKLY;UNTIL=20261026T023000;BYDAY=MO,WE",
            &[],
        ),
        series(
            When::Day(date(2026, 3, 28)),
            Length::Days(2),
            "FREQ=MONTHLY;UNTIL=20271231T000000;BYMONTHDAY=-1,28",
            &[date(2026, 4, 28).at(0, 0, 0, 0)],
        ),
        series(
            When::Time(second, Zone::UTC),
            Length::Elapsed {
                days: 0,
                seconds: 60,
            },
            "FREQ=YEARLY",
            &[],
        ),
        series(
            When::Time(second, Zone::iana("Australia/Lord_Howe").unwrap()),
            Length::Wall(60),
            "FREQ=DAILY",
            &[second],
        ),
    ]
}

fn seen(resource: &Resource) -> SeenBlock {
    match &resource.parts[..] {
        [
            Part::Event {
                seen: Some(seen), ..
            },
        ] => seen.clone(),
        other => panic!("a block and nothing else, not {other:?}"),
    }
}

fn print(resource: &Resource) -> Print {
    seen(resource).print
}

fn a_whole_listing_holds_everything(mut bench: Bench) {
    assert_eq!(
        bench.pull(),
        News {
            whole: true,
            ..News::default()
        }
    );
    let mut bench = Bench::new(bench.shore);
    let mut hrefs = vec![bench.put("a", 9), bench.put("b", 10)];
    hrefs.push(bench.create(&hour("a", 8)).href);
    hrefs.sort();
    let news = bench.pull();
    assert_eq!((news.whole, news.seen), (true, hrefs));
    bench.agrees();
}

fn of_what_did_not_change_nothing_is_said(mut bench: Bench) {
    bench.put("a", 9);
    bench.create(&hour("a", 8));
    bench.pull();
    for _ in 0..2 {
        assert_eq!(bench.pull(), News::default());
    }
    bench.agrees();
}

fn what_is_new_changed_or_gone_is_told(mut bench: Bench) {
    let (a, b) = (bench.put("a", 9), bench.put("b", 10));
    bench.pull();
    let c = bench.put("c", 11);
    assert_eq!(bench.pull().seen, [c]);
    bench.put("a", 12);
    assert_eq!(bench.pull().seen, [a]);
    bench.shore.take(&b);
    let news = bench.pull();
    assert_eq!((news.seen, news.gone), (vec![], vec![b]));
    bench.agrees();
}

fn what_comes_and_goes_between_two_looks_is_noticed(mut bench: Bench) {
    bench.put("a", 9);
    bench.pull();
    let place = bench.create(&hour("a", 8));
    // The installation knows what it wrote, and somebody takes it away before it looks again.
    let written = bench.look(&id("a", 0)).unwrap();
    bench.mirror.resources.insert(place.href.clone(), written);
    bench.shore.take(&place.href);
    assert_eq!(bench.pull().gone, [place.href]);
    bench.agrees();
}

fn a_lost_cursor_gives_a_whole_listing(mut bench: Bench) {
    let gone = bench.put("a", 9);
    bench.put("b", 10);
    bench.pull();
    bench.shore.take(&gone);
    bench.mirror.cursor = Some(Cursor("no cursor of this calendar".to_owned()));
    let news = bench.pull();
    assert!(news.whole);
    assert_eq!(news.gone, [gone]);
    bench.agrees();
}

fn creating_twice_makes_one_block(mut bench: Bench) {
    let (first, other) = (hour("a", 8), hour("a", 9));
    bench.create(&first);
    for again in [&first, &other] {
        let error = poll_out(bench.provider.create(again)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Exists);
    }
    assert_eq!(bench.pull().seen.len(), 1);
    let stands = bench.look(&first.id).unwrap();
    assert_eq!(print(&stands), first.print(), "the first one stands");
}

fn a_block_can_be_made_anew_after_it_was_deleted(mut bench: Bench) {
    let mut block = hour("a", 8);
    let place = bench.create(&block);
    bench.shore.take(&place.href);
    match poll_out(bench.provider.create(&block)) {
        Ok(_) => {}
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::Spent);
            block.id = id("a", 1);
            bench.create(&block);
        }
    }
    assert_eq!(bench.pull().seen.len(), 1);
    assert_eq!(print(&bench.look(&block.id).unwrap()), block.print());
}

fn only_the_version_that_is_meant_is_replaced(mut bench: Bench) {
    let (first, second, third) = (hour("a", 8), hour("a", 9), hour("a", 10));
    let old = bench.create(&first);
    let new = poll_out(bench.provider.replace(&old, &second)).unwrap();
    assert_ne!(old.version, new.version);
    assert_eq!(old.href, new.href);
    let before = bench.shore.all(&home());
    let error = poll_out(bench.provider.replace(&old, &third)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(bench.shore.all(&home()), before, "nothing was written");
    assert_eq!(print(&bench.look(&first.id).unwrap()), second.print());
    bench.shore.take(&new.href);
    let error = poll_out(bench.provider.replace(&new, &third)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Gone);
    assert!(bench.look(&first.id).is_none(), "replacing never creates");
}

fn only_the_version_that_is_meant_is_removed(mut bench: Bench) {
    let old = bench.create(&hour("a", 8));
    let new = poll_out(bench.provider.replace(&old, &hour("a", 9))).unwrap();
    let before = bench.shore.all(&home());
    let error = poll_out(bench.provider.remove(&old)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(bench.shore.all(&home()), before, "nothing was removed");
    poll_out(bench.provider.remove(&new)).unwrap();
    assert!(bench.look(&id("a", 0)).is_none());
}

fn removing_twice_is_no_error(mut bench: Bench) {
    let place = bench.create(&hour("a", 8));
    for _ in 0..2 {
        poll_out(bench.provider.remove(&place)).unwrap();
    }
    assert!(bench.pull().seen.is_empty());
}

fn what_is_written_is_what_is_read(mut bench: Bench) {
    for (i, shape) in shapes().into_iter().enumerate() {
        let block = block(&i.to_string(), shape);
        let place = bench.create(&block);
        bench.pull();
        let resource = bench.mirror.resources[&place.href].clone();
        assert_eq!(
            resource.version, place.version,
            "the version told is the version listed"
        );
        assert_eq!(Some(&resource), bench.look(&block.id).as_ref());
        let seen = seen(&resource);
        assert_eq!(seen.shape.as_ref(), Some(&block.shape));
        assert_eq!(seen.print, block.print(), "{:?}", block.shape);
        assert!(!seen.people);
        let [Part::Event { uid, .. }] = &resource.parts[..] else {
            unreachable!("looked at above")
        };
        assert_eq!(
            Mint::new(&[7; 32]).recognise(uid, &"work".into()),
            Recognised::Ours(block.id)
        );
    }
}

fn a_shape_can_become_any_other(mut bench: Bench) {
    let mut place = bench.create(&hour("a", 8));
    for shape in shapes() {
        let block = block("a", shape);
        place = poll_out(bench.provider.replace(&place, &block)).unwrap();
        assert_eq!(print(&bench.look(&block.id).unwrap()), block.print());
    }
    assert_eq!(bench.pull().seen.len(), 1);
}

fn what_is_not_ours_is_never_touched(mut bench: Bench) {
    bench.put("a", 9);
    bench.put("b", 10);
    let before = bench.shore.all(&home());
    let place = bench.create(&hour("a", 8));
    let place = poll_out(bench.provider.replace(&place, &hour("a", 9))).unwrap();
    bench.pull();
    poll_out(bench.provider.remove(&place)).unwrap();
    bench.pull();
    assert_eq!(bench.shore.all(&home()), before);
}

fn looking_finds_exactly_that_block(mut bench: Bench) {
    bench.put("a", 9);
    let place = bench.create(&hour("a", 8));
    bench.create(&hour("b", 8));
    assert_eq!(bench.look(&id("a", 0)).unwrap().href, place.href);
    assert!(bench.look(&id("a", 1)).is_none(), "another generation");
    assert!(bench.look(&id("c", 0)).is_none(), "another block");
}

fn nobody_ever_sees_half_of_a_block(mut bench: Bench) {
    let (first, second) = (hour("a", 8), hour("a", 9));
    for polls in 0..bench.shore.steps() {
        let mut dying = provider(&bench.shore);
        poll_for(dying.create(&first), polls);
        whole_or_not_at_all(&bench, &[&first]);
    }
    let stands = bench
        .look(&first.id)
        .expect("so many steps are enough to create a block");
    let place = Place::once(stands.href, stands.version);
    for polls in 0..bench.shore.steps() {
        let mut dying = provider(&bench.shore);
        poll_for(dying.replace(&place, &second), polls);
        whole_or_not_at_all(&bench, &[&first, &second]);
    }
    // What was left unfinished can be cleared away, once it was seen.
    bench.pull();
    bench.provider.tidy();
    assert_eq!(bench.shore.unfinished(), Vec::<String>::new());
}

fn whole_or_not_at_all(bench: &Bench, blocks: &[&Block]) {
    for lies in bench.shore.all(&home()).into_values() {
        let [
            Part::Event {
                seen: Some(seen), ..
            },
        ] = &lies.parts[..]
        else {
            panic!("half of a block: {lies:?}");
        };
        assert!(blocks.iter().any(|block| block.print() == seen.print));
    }
}

fn versions_change_with_content_and_only_then(mut bench: Bench) {
    let href = bench.put("a", 9);
    bench.create(&hour("a", 8));
    bench.pull();
    let before = bench.mirror.versions();
    bench.mirror.cursor = None;
    bench.pull();
    assert_eq!(bench.mirror.versions(), before);
    bench.put("a", 10);
    bench.pull();
    let mut after = bench.mirror.versions();
    assert_ne!(
        after.insert(href.clone(), before[&href].clone()),
        Some(before[&href].clone())
    );
    assert_eq!(after, before, "and all others are as they were");
}

fn a_probe_changes_nothing(mut bench: Bench) {
    bench.put("a", 9);
    let before = bench.shore.all(&home());
    let probe = poll_out(bench.provider.probe()).unwrap();
    assert!(probe.writable);
    assert!(probe.resources.is_none_or(|count| count == 1));
    assert_eq!(bench.shore.all(&home()), before);
}

/// Each check, for each provider.
macro_rules! contract {
    ($($check:ident)*) => {
        mod memory {
            $(#[test] fn $check() {
                super::$check(super::Bench::new(super::Shore::Memory(super::MemoryCalendar::new())));
            })*
        }
        mod memory_that_keeps_ids {
            $(#[test] fn $check() {
                super::$check(super::Bench::new(super::Shore::Memory(super::MemoryCalendar::keeping_ids())));
            })*
        }
        mod folder {
            $(#[test] fn $check() {
                super::$check(super::Bench::new(super::Shore::Folder(super::temporary())));
            })*
        }
        mod google {
            $(#[test] fn $check() {
                super::$check(super::Bench::new(super::Shore::Google(super::Desk::new())));
            })*
        }
        mod google_that_revives_nothing {
            $(#[test] fn $check() {
                let desk = super::Desk::new();
                desk.google.behave(|google| google.deleted_ids_can_be_revived = false);
                super::$check(super::Bench::new(super::Shore::Google(desk)));
            })*
        }
        mod radicale {
            $(#[test] fn $check() {
                if let Some(desk) = super::DavDesk::new(super::Server::Radicale) {
                    super::$check(super::Bench::new(super::Shore::Dav(desk)));
                }
            })*
        }
        mod xandikos {
            $(#[test] fn $check() {
                if let Some(desk) = super::DavDesk::new(super::Server::Xandikos) {
                    super::$check(super::Bench::new(super::Shore::Dav(desk)));
                }
            })*
        }
    };
}

contract! {
    a_whole_listing_holds_everything
    of_what_did_not_change_nothing_is_said
    what_is_new_changed_or_gone_is_told
    what_comes_and_goes_between_two_looks_is_noticed
    a_lost_cursor_gives_a_whole_listing
    creating_twice_makes_one_block
    a_block_can_be_made_anew_after_it_was_deleted
    only_the_version_that_is_meant_is_replaced
    only_the_version_that_is_meant_is_removed
    removing_twice_is_no_error
    what_is_written_is_what_is_read
    a_shape_can_become_any_other
    what_is_not_ours_is_never_touched
    looking_finds_exactly_that_block
    nobody_ever_sees_half_of_a_block
    versions_change_with_content_and_only_then
    a_probe_changes_nothing
}

#[test]
fn a_calendar_in_memory_that_may_not_be_written_says_so() {
    let calendar = MemoryCalendar::new();
    let mut bench = Bench::new(Shore::Memory(calendar.clone()));
    let place = bench.create(&hour("a", 8));
    calendar.set_read_only(true);
    let before = bench.shore.all(&home());
    let refused = [
        poll_out(bench.provider.create(&hour("b", 8))).unwrap_err(),
        poll_out(bench.provider.replace(&place, &hour("a", 9))).unwrap_err(),
        poll_out(bench.provider.remove(&place)).unwrap_err(),
    ];
    assert!(refused.iter().all(|error| error.kind == ErrorKind::Refused));
    assert_eq!(bench.shore.all(&home()), before);
    assert!(!poll_out(bench.provider.probe()).unwrap().writable);
}

/// Permissions do not bind root, who may well run these tests; the kernel's own folder binds everybody.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_may_not_be_written_says_so() {
    let clock = Clock::at(Timestamp::UNIX_EPOCH);
    let mut calendar = LocalCalendar::new("/sys/kernel".into(), "us", &[], &home(), &clock);
    let error = poll_out(calendar.create(&hour("a", 8))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
}
