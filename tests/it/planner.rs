//! What the planner promises (design, section 3), each promise on two thousand random cases and more: calendars with related
//! events, blocks that stand for them or did, and sources, targets and memory each disturbed on its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use calsync::{
    clock::Clock,
    config::paths::variable,
    ical::{self, Reader},
    ident::{Mint, Recognised, Stem},
    model::{
        Block, CalendarName, Event, Face, Href, Length, Part, Series, Shape, Span, Uid, When,
        Window, Zone, block,
    },
    plan::{
        Action, Approved, Filter, Held, Limits, Link, Plan, Present, Question, Route, Sight,
        Source, Sources, Target,
        flatten::{self, flatten},
        guard,
        op::Wanted,
        plan_target,
        wording::{Show, Shows, Wording},
    },
    provider::{AnyProvider, memory::MemoryCalendar},
    report::text,
    run::{Goal, run},
    session::{Nobody, Request, Role, Seat, Session, Settings, Stop},
    state::{Reading, State},
};
use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::DateTime, tz::TimeZone};
use proptest::{prelude::*, test_runner::RngSeed};

use crate::support::{
    rng::Rng,
    shore::poll_out,
    sieve,
    spec::{self, Busy, Kind, Lasts, Rule, Spec, Taste},
    world::home,
};

/// Words that a source holds and that nobody else may ever see.
const SECRET: &str = "xyzzy-secret";

/// Titles and notes that are not easily written.
const TITLES: [&str; 7] = [
    "Busy",
    "Beschäftigt 🗓️",
    "a,b;c\\d \"e\" f:g",
    "",
    "日本語の予定が入っていますので予約できません、また今度お願いします",
    "two\nlines",
    " spaces  ",
];

/// Two thousand seeds, the same in every run unless `CALSYNC_SEED` says otherwise; `CALSYNC_CASES` asks for more. A seed
/// cannot be made simpler, so there is nothing to shrink.
fn cases() -> ProptestConfig {
    let number = |name| variable(name).map(|text| text.parse::<u64>().expect("a number"));
    let cases = number("CALSYNC_CASES").unwrap_or(2_000);
    ProptestConfig {
        cases: u32::try_from(cases).expect("not so many"),
        rng_seed: RngSeed::Fixed(number("CALSYNC_SEED").unwrap_or(0)),
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A calendar's blocks, with the shapes that a server would show.
#[derive(Clone, Debug, Default)]
struct Board {
    target: Target,
    shapes: BTreeMap<Href, Shape>,
}

/// Some calendars, what is in them, and what is remembered.
#[derive(Clone, Debug)]
struct Case {
    rng: Rng,
    now: Timestamp,
    window: Window,
    mint: Mint,
    names: Vec<CalendarName>,
    specs: BTreeMap<CalendarName, Vec<Spec>>,
    sights: BTreeMap<CalendarName, Sight>,
    routes: Vec<Route>,
    boards: BTreeMap<CalendarName, Board>,
}

const SEEN: Sight = Sight {
    signs: false,
    fresh: true,
    whole: true,
    gaps: false,
    nameless: false,
};

impl Case {
    /// A world in which all is in step: every block stands, and is remembered.
    fn in_step(seed: u64) -> Self {
        let mut case = Self::bare(seed);
        case.follow_all();
        case
    }

    /// Calendars with events, and no block yet.
    fn bare(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let now: Timestamp = rng
            .pick(&[
                "2026-03-20T09:00:00Z",
                "2026-10-10T09:00:00Z",
                "2027-01-05T23:30:00Z",
            ])
            .parse()
            .unwrap();
        let count = usize::try_from(rng.within(2, 4)).unwrap();
        let names: Vec<CalendarName> = ["work", "home", "club", "kids"]
            .into_iter()
            .take(count)
            .map(CalendarName::from)
            .collect();
        let mut routes = Vec::new();
        for target in &names {
            for source in names.iter().filter(|source| *source != target) {
                routes.push(Route {
                    source: source.clone(),
                    target: target.clone(),
                    filter: sieve::any(&mut rng),
                    wording: sieve::wording(&mut rng),
                    respect: calsync::plan::Respect::default(),
                });
            }
        }
        routes.retain(|_| !rng.chance(10));
        let mut case = Self {
            now,
            window: Window::around(now, &home(), 10, 45),
            mint: Mint::new(&[7; 32]),
            specs: names
                .iter()
                .map(|name| (name.clone(), Vec::new()))
                .collect(),
            sights: names.iter().map(|name| (name.clone(), SEEN)).collect(),
            boards: names
                .iter()
                .map(|name| (name.clone(), Board::fresh()))
                .collect(),
            names,
            routes,
            rng,
        };
        for i in 0..case.rng.below(8) {
            case.add_event(&format!("{SECRET}-{i}@example.org"));
        }
        case
    }

    fn any_name(&mut self) -> CalendarName {
        self.rng.pick(&self.names).clone()
    }

    fn add_event(&mut self, uid: &str) {
        let taste = Taste {
            around: self.window.first.saturating_add(25.days()),
            reach: 40,
            recurring: 60,
        };
        let mut spec = spec::any(&mut self.rng, uid, taste);
        spec.words = format!("{SECRET} words");
        let at = self.any_name();
        // The same meeting elsewhere, as it is or a little different.
        if self.rng.chance(30) {
            let mut twin = spec.clone();
            match self.rng.below(4) {
                0 => twin.changes.clear(),
                1 => twin.holes.clear(),
                2 => twin.at = twin.at.saturating_add(24.hours()),
                _ => {}
            }
            let beside = self.any_name();
            if beside != at {
                self.specs.get_mut(&beside).unwrap().push(twin);
            }
        }
        self.specs.get_mut(&at).unwrap().push(spec);
    }

    fn sources(&self) -> Sources {
        let specs = self.specs.iter();
        specs
            .map(|(name, specs)| {
                let events: BTreeMap<Uid, Event> = specs
                    .iter()
                    .map(|spec| (spec.uid.as_str().into(), event(spec)))
                    .collect();
                let source = Source {
                    private: BTreeSet::new(),
                    troubled: BTreeSet::new(),
                    sight: self.sights[name],
                    otherwise: false,
                    total: events.len(),
                    stood: events.len(),
                    events,
                };
                (name.clone(), source)
            })
            .collect()
    }

    /// The plan for all calendars.
    fn plan(&self) -> Plan {
        self.plan_at_most(usize::MAX)
    }

    fn plan_at_most(&self, operations: usize) -> Plan {
        let sources = self.sources();
        let question = Question {
            routes: &self.routes,
            sources: &sources,
            window: &self.window,
            now: self.now,
            mint: &self.mint,
            operations,
            past: calsync::plan::Past::default(),
        };
        let mut plan = Plan::default();
        for (name, board) in &self.boards {
            plan.extend(plan_target(question, name, board.target.clone()));
        }
        plan
    }

    fn approved(&self, limits: &Limits) -> Approved {
        guard(
            self.plan_at_most(limits.operations),
            &self.sources(),
            limits,
            true,
        )
    }

    fn follow_all(&mut self) {
        let plan = self.approved(&Limits::default()).into_plan();
        self.follow(plan);
    }

    /// Does what a plan says.
    fn follow(&mut self, plan: Plan) {
        for op in plan.ops {
            let board = self.boards.get_mut(&op.target).unwrap();
            match op.action {
                Action::Create(wanted) => board.write(&self.mint, &op.stem, 0, &wanted),
                Action::Replace(wanted, present) => {
                    board.write(&self.mint, &op.stem, present.id.generation(), &wanted);
                }
                Action::Remove(present) => board.remove(&op.stem, &present),
                Action::Hush(present) => board.hush(&op.stem, &present),
            }
        }
        for adoption in plan.adoptions {
            let board = self.boards.get_mut(&adoption.target).unwrap();
            let held = board
                .target
                .held
                .get_mut(&adoption.present.id.stem())
                .unwrap();
            held.link = Some(link(&adoption.wanted));
        }
        for (target, stem, _) in plan.forgets {
            self.boards
                .get_mut(&target)
                .unwrap()
                .target
                .held
                .remove(&stem);
        }
    }

    /// Disturbs sources, targets, memory and sight, each on its own.
    fn disturb(&mut self) {
        for i in 0..self.rng.below(4) {
            self.add_event(&format!("{SECRET}-new-{i}@example.org"));
        }
        let rng = &mut self.rng;
        for specs in self.specs.values_mut() {
            specs.retain(|_| !rng.chance(20));
            for spec in specs.iter_mut().filter(|_| rng.chance(20)) {
                spec.at = spec.at.saturating_add(24.hours());
            }
        }
        for board in self.boards.values_mut() {
            board.target.fresh = !rng.chance(8);
            let stems: Vec<Stem> = board.target.held.keys().cloned().collect();
            for stem in stems {
                board.meddle(rng, &self.mint, &stem);
            }
        }
        for sight in self.sights.values_mut() {
            sight.fresh = !rng.chance(10);
            sight.whole = !rng.chance(10);
            sight.gaps = rng.chance(10);
            sight.nameless = sight.gaps && rng.chance(50);
        }
    }
}

/// The name that all blocks are made for here: the planner takes nothing to be ours but what it is told.
fn board() -> CalendarName {
    "board".into()
}

impl Board {
    fn fresh() -> Self {
        Self {
            target: Target {
                fresh: true,
                ..Target::default()
            },
            ..Self::default()
        }
    }

    fn write(&mut self, mint: &Mint, stem: &Stem, generation: u16, wanted: &Wanted) {
        let id = mint.id(&board(), stem, generation);
        let href: Href = id.as_str().into();
        let (first, first_end) = wanted.shape.first_occurrence(&home());
        let present = Present {
            href: None,
            print: block::print(&wanted.shape, &wanted.face, &[]),
            hands_off: false,
            busy: calsync::plan::Busy::Unread,
            traces: None,
            words: None,
            first,
            first_end,
            repeats: matches!(wanted.shape, Shape::Series(_)),
            last: wanted.shape.last_end(&home()),
            id,
        };
        self.shapes.insert(href, wanted.shape.clone());
        let held = Held {
            present: Some(present),
            link: Some(link(wanted)),
        };
        self.target.held.insert(stem.clone(), held);
    }

    fn hush(&mut self, stem: &Stem, present: &Present) {
        let print = block::print(
            &self.shapes[present.id.as_str()],
            &Wording::busy("Busy").face,
            &[],
        );
        let held = self.target.held.get_mut(stem).unwrap();
        held.present.as_mut().unwrap().print = print;
        let link = held.link.as_mut().unwrap();
        (link.print, link.shows) = (print, Shows::default());
    }

    fn remove(&mut self, stem: &Stem, present: &Present) {
        let main = self
            .target
            .held
            .get(stem)
            .and_then(|held| held.present.as_ref());
        if main.is_none_or(|main| main == present || main.id != present.id) {
            // Of copies, one still shows it.
            self.shapes.remove(present.id.as_str());
        }
        let extras = self.target.extras.len();
        self.target.extras.retain(|extra| extra != present);
        if self.target.extras.len() == extras {
            let held = self.target.held.remove(stem).unwrap();
            assert_eq!(
                held.present.as_ref(),
                Some(present),
                "what goes is what stands"
            );
        }
    }

    /// What people and lost memory do to one block.
    fn meddle(&mut self, rng: &mut Rng, mint: &Mint, stem: &Stem) {
        let held = self.target.held.get_mut(stem).unwrap();
        let Some(present) = &mut held.present else {
            return;
        };
        match rng.below(16) {
            0 => held.present = None,
            1 => present.print = calsync::model::Print([9; 16]),
            2 => present.hands_off = true,
            3 => held.link = None,
            4 => held.link.as_mut().unwrap().print = calsync::model::Print([8; 16]),
            5 => {
                // The target keeps it in other words, and that is known.
                present.print = calsync::model::Print([6; 16]);
                held.link.as_mut().unwrap().echo = Some(present.print);
            }
            6 => {
                let older = present.clone();
                present.id = mint.id(&board(), stem, 1);
                self.target.extras.push(older);
            }
            8 => {
                present.href = Some("here".into());
                let mut copy = present.clone();
                copy.href = Some("there".into());
                copy.print = calsync::model::Print([5; 16]);
                self.target.extras.push(copy);
            }
            _ => {}
        }
    }
}

fn link(wanted: &Wanted) -> Link {
    Link {
        held_back: false,
        left_so: None,
        holes: BTreeSet::new(),
        disowned: false,
        source: wanted.source.clone(),
        uid: wanted.uid.clone(),
        print: block::print(&wanted.shape, &wanted.face, &[]),
        echo: None,
        otherwise: None,
        shows: Shows::default(),
        times: None,
        course: None,
        written: None,
    }
}

fn event(spec: &Spec) -> Event {
    let home = home();
    let mut parts = ical::read(spec.text().as_bytes(), sieve::reader(&home)).unwrap();
    match parts.pop() {
        Some(Part::Event { event, .. }) if parts.is_empty() => event,
        other => panic!("{other:?} from {}", spec.text()),
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn settles(seed: u64) {
        let mut case = Case::in_step(seed);
        prop_assert!(case.plan().is_empty(), "in step from the start: {:#?}", case.plan());
        case.disturb();
        case.follow_all();
        prop_assert!(case.plan().is_empty(), "one plan is enough: {:#?}", case.plan());
    }

    #[test]
    fn a_lost_memory_costs_no_write(seed: u64) {
        let mut case = Case::in_step(seed);
        let held = case.boards.values_mut().flat_map(|board| board.target.held.values_mut());
        held.for_each(|held| held.link = None);
        prop_assert_eq!(&case.plan().ops, &[]);
        case.follow_all();
        prop_assert!(case.plan().is_empty(), "all is remembered again: {:#?}", case.plan());
    }

    #[test]
    fn same(seed: u64) {
        let mut case = Case::in_step(seed);
        case.disturb();
        let mut other = case.clone();
        for specs in other.specs.values_mut() {
            other.rng.shuffle(specs);
            for spec in specs {
                other.rng.shuffle(&mut spec.changes);
            }
        }
        for board in other.boards.values_mut() {
            other.rng.shuffle(&mut board.target.extras);
            let mut held: Vec<_> = std::mem::take(&mut board.target.held).into_iter().collect();
            other.rng.shuffle(&mut held);
            board.target.held = held.into_iter().collect();
        }
        let limits = Limits::default();
        let (mine, theirs) = (case.approved(&limits), other.approved(&limits));
        prop_assert_eq!(format!("{:?}", mine), format!("{:?}", theirs));
        prop_assert_eq!(mine, theirs);
    }

    #[test]
    fn only_ours(seed: u64) {
        let mut case = Case::in_step(seed);
        case.disturb();
        for op in case.plan().ops {
            let (Action::Replace(_, present) | Action::Remove(present)) = &op.action else {
                continue;
            };
            let recognised = case.mint.recognise(present.id.as_str(), &board());
            prop_assert_eq!(recognised, Recognised::Ours(present.id.clone()));
            prop_assert_eq!(&op.stem, &present.id.stem());
            prop_assert!(!present.hands_off, "somebody made a meeting of it: {:?}", op);
            let target = &case.boards[&op.target].target;
            let held = target.held.get(&op.stem).and_then(|held| held.present.as_ref());
            prop_assert!(held == Some(present) || target.extras.contains(present), "{:?}", op);
            prop_assert!(target.fresh, "nothing is written to what was not read: {:?}", op);
        }
    }

    #[test]
    fn exact(seed: u64) {
        let case = Case::in_step(seed);
        for target in &case.names {
            let shown = case.shown(target);
            let wanted = case.wanted(target);
            prop_assert_eq!(shown, wanted, "{} of {:#?}", target, case.specs);
        }
    }

    #[test]
    fn blind_is_safe(seed: u64) {
        let mut case = Case::in_step(seed);
        let hidden = case.go_blind();
        for op in case.plan().ops.iter().filter(|op| matches!(op.action, Action::Remove(_))) {
            let of = &hidden.made_for[&(op.target.clone(), op.stem.clone())];
            prop_assert!(!hidden.events.contains(of), "{:?} goes, but its event may be there", op);
        }
    }

    #[test]
    fn bounded(seed: u64) {
        let mut case = Case::in_step(seed);
        case.disturb();
        let mut free = case.clone();
        free.follow_all();
        let operations = usize::try_from(case.rng.within(1, 9)).unwrap();
        let limits = Limits { operations, ..Limits::default() };
        let rounds = case.plan().ops.len().div_ceil(operations) + 1;
        for _ in 0..rounds {
            let approved = case.approved(&limits);
            prop_assert!(approved.plan().ops.len() <= operations);
            let total = approved.plan().ops.len() + approved.postponed;
            prop_assert_eq!(total, case.plan().ops.len(), "what waits is counted");
            case.follow(approved.into_plan());
        }
        prop_assert!(case.plan().is_empty(), "in the end all is done");
        for (name, board) in &case.boards {
            prop_assert_eq!(&board.shapes, &free.boards[name].shapes);
        }
    }

    #[test]
    fn what_is_flattened_is_what_is_listed(seed: u64) {
        let case = Case::bare(seed);
        for spec in case.specs.values().flatten() {
            let event = event(spec);
            let flat = flatten(&event, &case.window).unwrap();
            let series = flat.series.iter().flat_map(|s| flatten::series_spans(s, &case.window));
            let mut flat: Vec<Span> =
                series.chain(flat.singles.iter().map(|single| single.span)).collect();
            let listed = flatten::list(&event, &case.window).unwrap();
            let mut listed: Vec<Span> = listed.into_iter().map(|single| single.span).collect();
            let mut naive: Vec<Span> = spec.occurrences(&case.window).into_values().collect();
            naive.retain(|span| case.window.touches(span));
            for spans in [&mut flat, &mut listed, &mut naive] {
                spans.sort_unstable();
                // Two starts may come to the same instant where the clock is put forward.
                spans.dedup();
            }
            prop_assert_eq!(&listed, &naive, "{:#?}", spec);
            prop_assert_eq!(&flat, &listed, "{:#?}", spec);
        }
    }

    #[test]
    fn each_occurrence_has_its_blocks_in_the_form_of_the_rule(seed: u64) {
        let mut case = Case::bare(seed);
        for spec in case.specs.values().flatten() {
            let filter = sieve::formed(&mut case.rng);
            let event = event(spec);
            let event = filter.seen(&event);
            let flat = flatten(&event, &filter.reach(&case.window)).unwrap();
            let flat = flatten::fit(flat, &filter, |_| 0, &case.window).unwrap();
            let skipped = flat.series.as_ref().and_then(|series| skipped(series, &case.window));
            let series = flat.series.iter().flat_map(|s| flatten::series_spans(s, &case.window));
            let mut flat: Vec<Span> =
                series.chain(flat.singles.iter().map(|single| single.span)).collect();
            let seen = sieve::seen(&filter, spec).occurrences(&case.window).into_values();
            let mut slow: Vec<Span> = seen.flat_map(|span| sieve::shown(&filter, span)).collect();
            slow.retain(|span| case.window.touches(span));
            for spans in [&mut flat, &mut slow] {
                spans.sort_unstable();
                // Two starts may come to the same instant where the clock is put forward.
                spans.dedup();
            }
            prop_assert_eq!(flat, slow, "{:#?} by {:#?}", spec, filter);
            prop_assert_eq!(skipped, None, "some readers drop it, of {:#?} by {:#?}", spec, filter);
        }
    }

    #[test]
    fn no_form_makes_a_block_smaller(seed: u64) {
        let mut case = Case::bare(seed);
        for spec in case.specs.values().flatten() {
            let filter = sieve::formed(&mut case.rng);
            for span in spec.occurrences(&case.window).into_values() {
                let blocks = filter.blocks(span, &case.window.home);
                for piece in filter.pieces(span, &case.window.home).into_iter().filter(|p| !p.is_empty()) {
                    let holds = |block: &Span| match (piece, *block) {
                        (Span::Timed { start, end }, Span::Timed { start: from, end: to }) => from <= start && end <= to,
                        (piece, block) => piece == block,
                    };
                    prop_assert_eq!(blocks.iter().filter(|b| holds(b)).count(), 1, "{:?} of {:?} by {:#?}", piece, span, filter);
                }
            }
        }
    }

    #[test]
    fn merging_changes_no_time(seed: u64) {
        let with = |merge: bool| {
            let mut case = Case::bare(seed);
            for route in &mut case.routes {
                Arc::make_mut(&mut route.filter).merge = merge;
            }
            case
        };
        let (mut apart, mut merged) = (with(false), with(true));
        apart.follow_all();
        merged.follow_all();
        for name in &apart.names {
            prop_assert_eq!(merged.shown(name), apart.shown(name));
            merged.blocks_are_merged(name)?;
        }
        // The same when it is switched on, and off again.
        for other in [&with(true), &with(false)] {
            merged.routes.clone_from(&other.routes);
            apart.routes.clone_from(&other.routes);
            for case in [&mut merged, &mut apart] {
                // Of a merged block that comes apart, nothing is written anew that is over before the window.
                let losses = case.plan().losses;
                prop_assert!(losses.values().all(|loss| loss.ahead == 0), "{:#?}", losses);
                case.follow_all();
                prop_assert!(case.plan().is_empty());
            }
            prop_assert_eq!(boards(&merged), boards(&apart));
        }
    }

    #[test]
    fn what_begins_too_soon_gets_no_new_block_and_keeps_the_one_it_has(seed: u64) {
        let mut case = Case::bare(seed);
        let mut stands = Case::in_step(seed);
        let notice = SignedDuration::from_hours(*case.rng.pick(&[1, 2, 24, 240]));
        for case in [&mut case, &mut stands] {
            for route in &mut case.routes {
                Arc::make_mut(&mut route.filter).merge = false;
            }
        }
        stands.follow_all();
        for case in [&mut case, &mut stands] {
            for route in &mut case.routes {
                Arc::make_mut(&mut route.filter).notice = Some(notice);
            }
        }
        prop_assert!(stands.plan().is_empty(), "what stands, stays: {:#?}", stands.plan());
        let soon = case.now + notice;
        let begins = |shape: &Shape| shape.first_occurrence(&home()).0;
        let is_late = |shape: &Shape| matches!(shape, Shape::Once(_)) && begins(shape) < soon;
        case.follow_all();
        for (name, board) in &case.boards {
            let mut wanted = stands.boards[name].shapes.clone();
            wanted.retain(|_, shape| !is_late(shape));
            prop_assert_eq!(&board.shapes, &wanted);
        }
        prop_assert!(case.plan().is_empty(), "{:#?}", case.plan());
        for case in [&mut case, &mut stands] {
            case.disturb();
            case.follow_all();
            prop_assert!(case.plan().is_empty(), "{:#?}", case.plan());
        }
    }

    #[test]
    fn what_begins_in_time_shows_whatever_it_touches(seed: u64) {
        let (mut case, apart) = (Case::bare(seed), Case::in_step(seed));
        let notice = SignedDuration::from_hours(*case.rng.pick(&[1, 2, 24, 240]));
        for route in &mut case.routes {
            let filter = Arc::make_mut(&mut route.filter);
            (filter.notice, filter.merge) = (Some(notice), true);
        }
        case.follow_all();
        prop_assert!(case.plan().is_empty(), "{:#?}", case.plan());
        let soon = case.now + notice;
        let spans = |shape: &Shape| match shape {
            Shape::Once(span) => vec![*span],
            Shape::Series(series) => flatten::series_spans(series, &case.window),
        };
        for (name, board) in &apart.boards {
            let shown = || case.boards[name].shapes.values().flat_map(spans);
            let wanted = board.shapes.values().flat_map(spans);
            for span in wanted.filter(|span| soon <= span.instants(&home()).0) {
                prop_assert!(shown().any(|shown| shown.contains(span)), "{:?} in {}", span, name);
            }
        }
        case.disturb();
        case.follow_all();
        prop_assert!(case.plan().is_empty(), "{:#?}", case.plan());
    }

    #[test]
    fn a_block_is_read_as_it_was_written(seed: u64) {
        let mut case = Case::in_step(seed);
        let home = home();
        let shapes = case.boards.values().flat_map(|board| board.shapes.values().cloned());
        for shape in shapes {
            let block = Block {
                id: case.mint.id(&board(), case.boards.values().find_map(|b| b.target.held.keys().next()).unwrap(), 3),
                face: Face {
                    title: (*case.rng.pick(&TITLES)).to_owned(),
                    notes: (*case.rng.pick(&TITLES)).to_owned(),
                    ..Face::default()
                },
                shape,
            };
            let text = ical::write(&block, case.window.from());
            let parts = ical::read(text.as_bytes(), Reader::new(&[], &home)).unwrap();
            let [Part::Event { uid, seen: Some(seen), .. }] = &parts[..] else {
                panic!("{parts:?} from {text}");
            };
            prop_assert_eq!(&**uid, block.id.as_str());
            prop_assert_eq!(seen.shape.as_ref(), Some(&block.shape), "{}", text);
            prop_assert_eq!(seen.print, block.print(), "{}", text);
            prop_assert!(!seen.people);
        }
    }

    #[test]
    fn no_echo(seed: u64) {
        let mut case = Case::bare(seed);
        case.routes.retain(|route| route.source != route.target);
        let shared = case.in_memory();
        let mut installations = [Installation::new(&case, 7), Installation::new(&case, 8)];
        let mut counts = Vec::new();
        for _ in 0..3 {
            for installation in &mut installations {
                installation.sync(&shared);
                counts.push(shared.values().map(|calendar| calendar.blocks().len()).sum::<usize>());
            }
        }
        prop_assert!(counts[1..].windows(2).all(|pair| pair[0] == pair[1]), "it grows: {:?}", counts);
        prop_assert_eq!(counts[1], 2 * counts[0], "both show the same, and neither shows the other");
        for (name, calendar) in &shared {
            let mint = &installations[0].settings.mint;
            let blocks = calendar.blocks();
            let ours = |href: &&Href| matches!(mint.recognise(href, name), Recognised::Ours(_));
            prop_assert_eq!(blocks.len(), 2 * blocks.keys().filter(ours).count());
        }
    }

    #[test]
    fn quiet(seed: u64) {
        let case = Case::bare(seed);
        let shared = case.in_memory();
        let mut installation = Installation::new(&case, 7);
        let planned = installation.report(&shared, true);
        let done = installation.report(&shared, false);
        for report in [&planned, &done] {
            let json = serde_json::to_string(report).unwrap();
            let words = [&report.errors[..], &report.notes[..]].concat().concat();
            for told in [json, text::lines(report, true), words] {
                prop_assert!(!told.contains(SECRET), "{}", told);
            }
        }
        let is_quiet = |source: &str, target: &str| {
            let mut routes = case.routes.iter();
            let route = routes.find(|route| &*route.source == source && &*route.target == target);
            route.is_none_or(|route| route.wording.show == Show::Busy)
        };
        for (name, calendar) in &shared {
            if !case.names.iter().all(|source| is_quiet(source, name)) {
                continue;
            }
            for block in calendar.blocks().into_values() {
                let told = format!("{block:?}");
                prop_assert!(!told.contains(SECRET), "{}", told);
                prop_assert!(!ical::write(&block, case.window.from()).contains(SECRET));
            }
        }
        let planned = case.plan();
        for op in planned.ops {
            if let Action::Create(wanted) | Action::Replace(wanted, _) = op.action {
                let told = format!("{:?} {:?}", wanted.face, wanted.shape);
                let is_told = told.contains(SECRET);
                prop_assert!(!is_told || !is_quiet(&wanted.source, &op.target), "{}", told);
            }
        }
    }
}

/// What is hidden from a run that cannot see well.
struct Hidden {
    /// Events that are there but were not seen.
    events: BTreeSet<(CalendarName, Uid)>,
    /// What each block was made for.
    made_for: BTreeMap<(CalendarName, Stem), (CalendarName, Uid)>,
}

impl Case {
    /// Spoils the sight of sources, and hides events of those that are not seen well; some blocks lose their links.
    fn go_blind(&mut self) -> Hidden {
        let mut hidden = Hidden {
            events: BTreeSet::new(),
            made_for: BTreeMap::new(),
        };
        for (target, board) in &mut self.boards {
            for (stem, held) in &mut board.target.held {
                let link = held.link.as_ref().unwrap();
                let made_for = (link.source.clone(), link.uid.clone());
                hidden
                    .made_for
                    .insert((target.clone(), stem.clone()), made_for);
                if self.rng.chance(30) {
                    held.link = None;
                }
            }
        }
        for (name, sight) in &mut self.sights {
            match self.rng.below(5) {
                0 => sight.fresh = false,
                1 => sight.whole = false,
                2 => (sight.gaps, sight.nameless) = (true, true),
                3 => *sight = Sight::default(),
                _ => continue,
            }
            let rng = &mut self.rng;
            self.specs.get_mut(name).unwrap().retain(|spec| {
                let stays = rng.chance(50);
                if !stays {
                    hidden
                        .events
                        .insert((name.clone(), spec.uid.as_str().into()));
                }
                stays
            });
        }
        hidden
    }

    /// The busy time that a target shows: that of its blocks, and that of its own part of meetings that stand elsewhere too.
    fn shown(&self, target: &CalendarName) -> Busy {
        let mut busy = self.twins(target);
        for shape in self.boards[target].shapes.values() {
            for span in expand(shape, &self.window) {
                busy.add(span, &self.window);
            }
        }
        busy.merged()
    }

    /// The busy time that it should show: that of all sources, but of meetings that stand there, or show there already, once.
    fn wanted(&self, target: &CalendarName) -> Busy {
        let mut busy = self.twins(target);
        let mut before: Vec<(&CalendarName, Arc<Filter>)> = vec![(target, Arc::default())];
        for route in self.routes.iter().filter(|route| route.target == *target) {
            for spec in &self.specs[&route.source] {
                let covered: BTreeSet<(DateTime, Span)> = before
                    .iter()
                    .flat_map(|(name, filter)| self.shown_whole(name, filter, &spec.uid))
                    .collect();
                let seen = sieve::seen(&route.filter, spec);
                for (at, span) in seen.occurrences(&self.window) {
                    if covered.contains(&(at, span)) {
                        continue;
                    }
                    for part in sieve::shown(&route.filter, span) {
                        busy.add(part, &self.window);
                    }
                }
            }
            before.push((&route.source, Arc::clone(&route.filter)));
        }
        busy.merged()
    }

    /// Whether no two blocks of one calendar overlap or touch in this one.
    fn blocks_are_merged(&self, target: &CalendarName) -> Result<(), TestCaseError> {
        let mut by_source: BTreeMap<&CalendarName, Vec<Span>> = BTreeMap::new();
        let board = &self.boards[target];
        for held in board.target.held.values() {
            let shape = &board.shapes[held.present.as_ref().unwrap().id.as_str()];
            let Shape::Once(span) = shape else {
                return Err(TestCaseError::fail(format!("{shape:?}")));
            };
            let spans = by_source.entry(&held.link.as_ref().unwrap().source);
            spans.or_default().push(*span);
        }
        for spans in by_source.values_mut() {
            spans.sort_unstable();
            prop_assert_eq!(&sieve::joined(spans.clone()), spans);
        }
        Ok(())
    }

    /// The occurrences of a meeting in a calendar of which a filter shows all.
    fn shown_whole(
        &self,
        name: &CalendarName,
        filter: &Filter,
        uid: &str,
    ) -> Vec<(DateTime, Span)> {
        let twins = self.specs[name].iter().filter(|spec| spec.uid == uid);
        let seen = twins.map(|spec| sieve::seen(filter, spec).occurrences(&self.window));
        let whole = |(_, span): &(DateTime, Span)| sieve::pieces(filter, *span) == [*span];
        seen.flatten().filter(whole).collect()
    }

    fn twins(&self, target: &CalendarName) -> Busy {
        let feeding = self.routes.iter().filter(|route| route.target == *target);
        let elsewhere: BTreeSet<&str> = feeding
            .flat_map(|route| &self.specs[&route.source])
            .map(|spec| spec.uid.as_str())
            .collect();
        let mut busy = Busy::default();
        for spec in self.specs[target]
            .iter()
            .filter(|spec| elsewhere.contains(&*spec.uid))
        {
            busy.join(spec.busy(&self.window));
        }
        busy
    }

    /// The case as calendars in memory.
    fn in_memory(&self) -> BTreeMap<CalendarName, MemoryCalendar> {
        let specs = self.specs.iter();
        specs
            .map(|(name, specs)| {
                let calendar = MemoryCalendar::new();
                for spec in specs {
                    calendar.put_event(&spec.uid, event(spec));
                }
                (name.clone(), calendar)
            })
            .collect()
    }
}

/// What stands where.
fn boards(case: &Case) -> BTreeMap<&CalendarName, &BTreeMap<Href, Shape>> {
    let boards = case.boards.iter();
    boards.map(|(name, board)| (name, &board.shapes)).collect()
}

/// A start of a rule that its clock skips, inside the window.
fn skipped(series: &Series, window: &Window) -> Option<DateTime> {
    let When::Time(first, Zone::Named(zone)) = &series.start else {
        return None;
    };
    let end = window.end.at(0, 0, 0, 0);
    let starts = series.rule.starts(*first).take_while(|at| *at < end);
    let mut starts =
        starts.filter(|at| *at >= window.first.at(0, 0, 0, 0) && !series.holes.contains(at));
    starts
        .find(|at| zone.to_datetime(zone.to_ambiguous_timestamp(*at).compatible().unwrap()) != *at)
}

/// The occurrences of a block inside the window, the slow way.
fn expand(shape: &Shape, window: &Window) -> Vec<Span> {
    let series = match shape {
        Shape::Once(span) => return vec![*span],
        Shape::Series(series) => series,
    };
    let rule = Rule::parse(&series.rule.to_string());
    let starts = rule.starts(series.start.local(), window.end.saturating_add(2.days()));
    let starts = starts
        .into_iter()
        .filter(|start| !series.holes.contains(start));
    let zone: TimeZone = match &series.start {
        When::Time(_, Zone::Named(zone)) => zone.clone(),
        When::Day(_) => window.home.clone(),
        other @ When::Time(..) => panic!("no target can be told of {other:?}"),
    };
    starts
        .map(|at| match (&series.start, series.length) {
            (When::Day(_), Length::Days(days)) => {
                spec::span(at, Kind::Days, Lasts::Days(days), &zone)
            }
            (_, Length::Days(days)) => spec::span_in(at, &zone, Lasts::Days(days)),
            (_, Length::Wall(seconds)) => spec::span_in(at, &zone, Lasts::Wall(seconds)),
            (_, Length::Elapsed { days: 0, seconds }) => {
                spec::span_in(at, &zone, Lasts::Exact(seconds))
            }
            (_, other) => panic!("the tests make no {other:?}"),
        })
        .collect()
}

/// An installation of calsync on calendars that others may share.
struct Installation {
    settings: Settings,
    clock: Clock,
    state: std::cell::RefCell<State>,
}

impl Installation {
    fn new(case: &Case, key: u8) -> Self {
        Self {
            settings: Settings {
                routes: case.routes.clone(),
                past_days: 10,
                future_days: 45,
                past: calsync::plan::Past::default(),
                home: home(),
                limits: Limits::default(),
                mint: Mint::new(&[key; 32]),
            },
            clock: Clock::at(case.window.from() + 240.hours()),
            state: std::cell::RefCell::new(State::in_memory().unwrap()),
        }
    }

    fn sync(&mut self, calendars: &BTreeMap<CalendarName, MemoryCalendar>) {
        let report = self.report(calendars, false);
        assert!(report.is_clean(), "{report:#?}");
    }

    fn report(
        &mut self,
        calendars: &BTreeMap<CalendarName, MemoryCalendar>,
        dry_run: bool,
    ) -> calsync::report::Report {
        let seats = calendars.iter().map(|(name, calendar)| {
            let seat = Seat {
                provider: AnyProvider::Memory(calendar.clone()),
                account: name.to_string(),
                reading: Reading("as ever".to_owned()),
                role: Role::Both,
            };
            (name.clone(), seat)
        });
        let stop = Stop::default();
        let mut session = Session {
            seats: seats.collect(),
            state: &self.state,
            settings: &self.settings,
            clock: &self.clock,
            watch: &Nobody,
            stop: &stop,
        };
        let request = Request {
            dry_run,
            ..Request::default()
        };
        poll_out(run(&mut session, Goal::InStep, request)).unwrap()
    }
}
