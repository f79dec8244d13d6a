//! What a rule's filter shows of an event, the slow way: what it says, word by word, and when it is, minute by minute.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use calsync::{
    ical::Reader,
    model::{Interest, Pattern, Shown, Span, Telling, marks::Field},
    plan::{
        Filter, Wording,
        filter::{AllDay, Asks, Day, Edge, Form, Grid, Times, Wants},
        wording::{Piece, Show},
    },
};
use jiff::{
    SignedDuration, Timestamp, ToSpan as _,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

use super::{
    rng::Rng,
    spec::{Flavour, Kind, Spec, Status},
};

const ZONES: [&str; 3] = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];

/// Some filter, more often than not one that shows less than all.
pub(crate) fn any(rng: &mut Rng) -> Arc<Filter> {
    if rng.chance(40) {
        return Arc::default();
    }
    let minutes =
        |rng: &mut Rng| SignedDuration::from_mins(*rng.pick(&[1, 30, 60, 90, 1_440, 2_880]));
    let times = rng.chance(70).then(|| times(rng));
    Arc::new(Filter {
        all_day: *rng.pick(&[AllDay::Skip, AllDay::All, AllDay::Busy, AllDay::Busy]),
        asks: asks(rng),
        shortest: rng.chance(20).then(|| minutes(rng)),
        longest: rng.chance(20).then(|| minutes(rng)),
        times,
        form: match rng.chance(40) {
            true => form(rng),
            false => Form::default(),
        },
        merge: rng.chance(25),
        notice: None,
    })
}

/// Some filter in some form.
pub(crate) fn formed(rng: &mut Rng) -> Arc<Filter> {
    let mut filter = any(rng);
    Arc::make_mut(&mut filter).form = form(rng);
    filter
}

fn form(rng: &mut Rng) -> Form {
    let minutes =
        |rng: &mut Rng| SignedDuration::from_mins(*rng.pick(&[0, 0, 5, 30, 45, 90, 1_500]));
    let zone: &'static str = rng.pick::<&str>(&ZONES);
    Form {
        before: minutes(rng),
        after: minutes(rng),
        travel: false,
        round: rng.chance(50).then(|| Grid {
            minutes: *rng.pick(&[5, 15, 30, 60]),
            zone: TimeZone::get(zone).unwrap(),
        }),
    }
}

/// What is looked for in titles and in categories.
fn patterns() -> [Pattern; 2] {
    let new = |field, text| Pattern::new(field, text).unwrap();
    [new(Field::Title, "lunch$"), new(Field::Category, "^red$")]
}

/// The same, for whoever reads events.
pub(crate) static INTEREST: LazyLock<Interest> =
    LazyLock::new(|| Interest::new(patterns(), Some(ALL)));

/// Words are read wherever they are, so that whatever a rule does not show has to be kept back.
const ALL: Telling = Telling {
    titles: true,
    details: true,
    places: true,
    notes: true,
    private: true,
};

/// What the blocks of a rule say, one time in three more than that somebody is busy.
pub(crate) fn wording(rng: &mut Rng) -> Arc<Wording> {
    let busy = Wording::busy("Busy");
    if !rng.chance(33) {
        return busy;
    }
    Arc::new(Wording {
        show: *rng.pick(&[Show::Title, Show::Details]),
        title: vec![Piece::Text("x: ".to_owned()), Piece::Title, Piece::Status],
        location: rng.chance(50),
        notes: rng.chance(50),
        private: rng.chance(50),
        ..Wording::clone(&busy)
    })
}

/// A reader that looks for them.
pub(crate) fn reader(home: &TimeZone) -> Reader<'_> {
    Reader {
        interest: &INTEREST,
        ..Reader::new(&[], home)
    }
}

fn asks(rng: &mut Rng) -> Asks {
    let mut asks = Asks::default();
    let [lunch, red]: [BTreeMap<_, _>; 2] =
        patterns().map(|pattern| BTreeMap::from([(pattern.mark(), String::new())]));
    for _ in 0..rng.below(3) {
        let flag = Some(rng.chance(50));
        match rng.below(9) {
            0 => asks.private = flag,
            1 => asks.mine = flag,
            2 => asks.guests = flag,
            3 => asks.titles.any.clone_from(&lunch),
            4 => asks.titles.none.clone_from(&lunch),
            5 => asks.categories.any.clone_from(&red),
            6 => asks.categories.none.clone_from(&red),
            7 => asks.shown = [Shown::Tentative].into(),
            _ => asks.shown = [Shown::Busy, Shown::Free].into(),
        }
    }
    asks
}

/// An event as a filter sees it: busy where it shows it, and free where it does not.
pub(crate) fn seen(filter: &Filter, spec: &Spec) -> Spec {
    let mut spec = spec.clone();
    let status = |status, flavour| match is_asked_for(filter, spec.kind, status, flavour) {
        true => Status::Busy,
        false => Status::Free,
    };
    for change in &mut spec.changes {
        change.status = status(change.status, change.flavour);
    }
    spec.status = status(spec.status, spec.flavour);
    spec
}

fn is_asked_for(filter: &Filter, kind: Kind, status: Status, flavour: Flavour) -> bool {
    let Asks { shown, .. } = &filter.asks;
    let is_free = status == Status::Free && !(kind == Kind::Days && filter.all_day == AllDay::All);
    let shown_as = match flavour {
        _ if is_free => Shown::Free,
        Flavour::Tentative if status == Status::Busy => Shown::Tentative,
        _ => Shown::Busy,
    };
    let is = |wanted: Flavour| flavour == wanted;
    let fits = |asked: Option<bool>, is: bool| asked.is_none() || asked == Some(is);
    let has = |wants: &Wants, is: bool| match (wants.any.is_empty(), wants.none.is_empty()) {
        (true, true) => true,
        (false, true) => is,
        (true, false) => !is,
        (false, false) => false,
    };
    status != Status::Cancelled
        && shown.contains(&shown_as)
        && fits(filter.asks.private, is(Flavour::Private))
        && fits(filter.asks.mine, !is(Flavour::Meeting))
        && fits(filter.asks.guests, is(Flavour::Meeting))
        && has(&filter.asks.titles, is(Flavour::Lunch))
        && has(&filter.asks.categories, is(Flavour::Red))
}

fn times(rng: &mut Rng) -> Times {
    let days = Weekday::Monday.cycle_forward().take(7);
    let days: Vec<Day> = days.map(Day::from).filter(|_| rng.chance(70)).collect();
    let hours = rng.chance(70).then(|| {
        let mut time = || Time::new(*rng.pick(&[0, 2, 3, 9, 12, 17, 22]), 0, 0, 0).unwrap();
        (time(), time())
    });
    let zone: &'static str = rng.pick::<&str>(&ZONES);
    Times {
        days: days.into_iter().collect(),
        hours,
        edge: *rng.pick(&[Edge::Touch, Edge::Inside, Edge::Clip]),
        zone: TimeZone::get(zone).unwrap(),
    }
}

/// What a filter shows of an occurrence, before any form.
pub(crate) fn pieces(filter: &Filter, span: Span) -> Vec<Span> {
    let lasts = match span {
        Span::Timed { start, end } => end.duration_since(start),
        Span::Days { first, end } => {
            SignedDuration::from_hours(24 * i64::from((end - first).get_days()))
        }
    };
    let is_skipped = filter.all_day == AllDay::Skip && matches!(span, Span::Days { .. });
    let is_short = filter.shortest.is_some_and(|shortest| lasts < shortest);
    let is_long = filter.longest.is_some_and(|longest| longest < lasts);
    if is_skipped || is_short || is_long {
        return Vec::new();
    }
    let Some(times) = &filter.times else {
        return vec![span];
    };
    let all = units(span);
    let inside: Vec<Span> = all
        .iter()
        .copied()
        .filter(|unit| is_open(times, *unit))
        .collect();
    match times.edge {
        Edge::Touch if inside.is_empty() => Vec::new(),
        Edge::Inside if inside.len() < all.len() => Vec::new(),
        Edge::Touch | Edge::Inside => vec![span],
        Edge::Clip => joined(inside),
    }
}

/// The blocks that a filter makes of an occurrence.
pub(crate) fn shown(filter: &Filter, span: Span) -> Vec<Span> {
    let Form {
        before,
        after,
        round,
        ..
    } = &filter.form;
    let wide = pieces(filter, span).into_iter().map(|piece| match piece {
        Span::Timed { start, end } if start < end => {
            let (mut start, mut end) = (start - *before, end + *after);
            if let Some(grid) = round {
                let is_on = |at: Timestamp| {
                    let time = grid.zone.to_datetime(at).time();
                    time.minute() % grid.minutes == 0 && time.second() == 0
                };
                while !is_on(start) {
                    start -= 1.minutes();
                }
                while !is_on(end) {
                    end += 1.minutes();
                }
            }
            Span::timed(start, end)
        }
        piece => piece,
    });
    let wide = joined(wide.collect());
    match &filter.times {
        Some(times) if times.edge == Edge::Clip => {
            let all = wide.into_iter().flat_map(units);
            joined(all.filter(|unit| is_open(times, *unit)).collect())
        }
        _ => wide,
    }
}

/// The same time in as few spans as can be. They begin one after the other.
pub(crate) fn joined(spans: Vec<Span>) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match (joined.last_mut(), span) {
            (Some(Span::Timed { end: last, .. }), Span::Timed { start, end }) if start <= *last => {
                *last = end.max(*last);
            }
            (Some(Span::Days { end: last, .. }), Span::Days { first, end }) if first <= *last => {
                *last = end.max(*last);
            }
            _ => joined.push(span),
        }
    }
    joined
}

/// The minutes or days of a span.
fn units(span: Span) -> Vec<Span> {
    match span {
        Span::Timed { start, end } => {
            let mut units = Vec::new();
            let mut at = start;
            while at < end {
                let next = (at + 1.minutes()).min(end);
                units.push(Span::timed(at, next));
                at = next;
            }
            units
        }
        Span::Days { first, end } => {
            let days = first.series(1.days()).take_while(|day| *day < end);
            days.map(|day| Span::days(day, 1)).collect()
        }
    }
}

fn is_open(times: &Times, unit: Span) -> bool {
    let is_day = |date: Date| times.days.contains(&date.weekday().into());
    let at: Timestamp = match unit {
        Span::Days { first, .. } => return is_day(first),
        Span::Timed { start, .. } => start,
    };
    let local = times.zone.to_datetime(at);
    let (today, yesterday) = (local.date(), local.date().yesterday().unwrap());
    let instant = |date: Date, time: Time| {
        times
            .zone
            .to_ambiguous_timestamp(date.to_datetime(time))
            .compatible()
            .unwrap()
    };
    let is_in = |date: Date, from: Time, days: i32, to: Time| {
        is_day(date) && (instant(date, from)..instant(date + days.days(), to)).contains(&at)
    };
    match times.hours {
        None => is_day(today),
        Some((from, to)) if from < to => is_in(today, from, 0, to),
        Some((from, to)) => is_in(today, from, 1, to) || is_in(yesterday, from, 1, to),
    }
}
