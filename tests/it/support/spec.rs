//! Events in a form of the tests' own, their iCalendar text, and their busy time worked out the slow way: day by day, from
//! what RFC 5545 says, without a line of calsync's own expansion.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use calsync::model::{Span, Window};
use jiff::{
    Timestamp, ToSpan, Unit,
    civil::{Date, DateTime, Weekday},
    tz::{Offset, TimeZone},
};

use super::rng::Rng;

/// The offset of the zone that only a calendar's own VTIMEZONE describes, in seconds.
const ODD_OFFSET: i32 = 12_600;

/// What kind of times an event has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Days,
    In(&'static str),
    Floating,
    /// In a zone without a name that anybody knows.
    Odd,
}

/// How long an occurrence lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    Days(i32),
    /// DTEND: on the wall clock.
    Wall(i64),
    /// DURATION: really passing.
    Exact(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Busy,
    Cancelled,
    Free,
}

/// What an event says beside its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    Plain,
    Private,
    /// Its title says so.
    Lunch,
    /// One of its categories.
    Red,
    Tentative,
    /// Somebody else invited some others, too.
    Meeting,
}

impl Flavour {
    fn lines(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Private => "CLASS:PRIVATE\r\n",
            Self::Lunch => "SUMMARY:A late lunch\r\n",
            Self::Red => "CATEGORIES:Work\\, other,Red\r\n",
            Self::Tentative => "X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE\r\n",
            Self::Meeting => {
                "ORGANIZER:mailto:boss@example.org\r\nATTENDEE:mailto:eve@example.org\r\n\
                 X-APPLE-TRAVEL-DURATION;VALUE=DURATION:PT45M\r\n"
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freq {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    Never,
    Count(usize),
    Until(DateTime),
}

/// A recurrence rule, as far as the naive expansion knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) freq: Freq,
    pub(crate) interval: i64,
    /// BYDAY: weekdays, with their number in the month if they have one (0 means every).
    pub(crate) days: Vec<(i8, Weekday)>,
    pub(crate) month_days: Vec<i8>,
    pub(crate) ends: Ends,
}

/// A changed occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) at: DateTime,
    pub(crate) to: DateTime,
    pub(crate) lasts: Lasts,
    pub(crate) status: Status,
    pub(crate) flavour: Flavour,
    pub(crate) and_after: bool,
}

/// An event of somebody's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) uid: String,
    pub(crate) kind: Kind,
    pub(crate) at: DateTime,
    pub(crate) lasts: Lasts,
    pub(crate) status: Status,
    pub(crate) flavour: Flavour,
    pub(crate) rule: Option<Rule>,
    pub(crate) holes: BTreeSet<DateTime>,
    pub(crate) day_holes: BTreeSet<Date>,
    pub(crate) extras: BTreeSet<DateTime>,
    pub(crate) changes: Vec<Change>,
    /// Write EXDATE and RECURRENCE-ID as instants.
    pub(crate) in_utc: bool,
    /// Words that must never be seen outside.
    pub(crate) words: String,
}

/// Busy time: what is taken by the clock, and what by the day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Busy {
    pub(crate) timed: Vec<(Timestamp, Timestamp)>,
    pub(crate) days: BTreeSet<Date>,
}

impl Busy {
    pub(crate) fn add(&mut self, span: Span, window: &Window) {
        match span {
            Span::Timed { start, end } => {
                let (start, end) = (start.max(window.from()), end.min(window.to()));
                if start < end {
                    self.timed.push((start, end));
                }
            }
            Span::Days { first, end } => {
                let mut day = first.max(window.first);
                while day < end.min(window.end) {
                    self.days.insert(day);
                    day = day.tomorrow().unwrap();
                }
            }
        }
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.timed.extend(other.timed);
        self.days.extend(other.days);
    }

    /// The same time in one form: what overlaps or touches is one stretch.
    pub(crate) fn merged(mut self) -> Self {
        self.timed.sort_unstable();
        let mut merged: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (start, end) in self.timed {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        self.timed = merged;
        self
    }
}

/// The zone in which times of a kind are read.
fn zone(kind: Kind, home: &TimeZone) -> TimeZone {
    match kind {
        Kind::Days | Kind::Floating => home.clone(),
        Kind::In(name) => TimeZone::get(name).unwrap(),
        Kind::Odd => TimeZone::fixed(Offset::from_seconds(ODD_OFFSET).unwrap()),
    }
}

fn instant(local: DateTime, zone: &TimeZone) -> Timestamp {
    zone.to_ambiguous_timestamp(local).compatible().unwrap()
}

/// One occurrence's time.
pub(crate) fn span(at: DateTime, kind: Kind, lasts: Lasts, home: &TimeZone) -> Span {
    if kind == Kind::Days {
        let Lasts::Days(days) = lasts else {
            panic!("days last days")
        };
        return Span::days(at.date(), days);
    }
    span_in(at, &zone(kind, home), lasts)
}

/// One timed occurrence's time.
pub(crate) fn span_in(at: DateTime, zone: &TimeZone, lasts: Lasts) -> Span {
    let start = instant(at, zone);
    let shown = zone.to_datetime(start);
    let end = match lasts {
        Lasts::Days(days) => instant(shown.saturating_add(days.days()), zone),
        Lasts::Wall(seconds) => instant(shown.saturating_add(seconds.seconds()), zone),
        Lasts::Exact(seconds) => start + seconds.seconds(),
    };
    Span::timed(start, end)
}

impl Rule {
    /// Whether a day is one of the rule's, counted from the day it begins.
    fn fits(&self, day: Date, first: Date) -> bool {
        let days = i64::from((day - first).get_days());
        let months =
            i64::from(day.year() - first.year()) * 12 + i64::from(day.month() - first.month());
        let monday =
            |d: Date| d.saturating_sub(i32::from(d.weekday().to_monday_zero_offset()).days());
        let weeks = i64::from((monday(day) - monday(first)).get_days() / 7);
        let weekday = || {
            self.days.iter().any(|&(nth, weekday)| {
                weekday == day.weekday()
                    && (nth == 0
                        || day
                            .nth_weekday_of_month(nth, weekday)
                            .is_ok_and(|d| d == day))
            })
        };
        match self.freq {
            Freq::Daily => days % self.interval == 0 && (self.days.is_empty() || weekday()),
            Freq::Weekly if self.days.is_empty() => {
                weeks % self.interval == 0 && day.weekday() == first.weekday()
            }
            Freq::Weekly => weeks % self.interval == 0 && weekday(),
            Freq::Monthly if months % self.interval != 0 => false,
            Freq::Monthly if !self.month_days.is_empty() => self
                .month_days
                .iter()
                .any(|&n| n == day.day() || (n < 0 && day.days_in_month() + n + 1 == day.day())),
            Freq::Monthly if !self.days.is_empty() => weekday(),
            Freq::Monthly => day.day() == first.day(),
            Freq::Yearly => {
                months % (12 * self.interval) == 0
                    && (day.month(), day.day()) == (first.month(), first.day())
            }
        }
    }

    /// The rule's starts up to a day, the slow way.
    pub(crate) fn starts(&self, at: DateTime, last: Date) -> BTreeSet<DateTime> {
        let mut starts = BTreeSet::from([at]);
        let mut day = at.date();
        while day < last {
            day = day.tomorrow().unwrap();
            let start = day.to_datetime(at.time());
            let over = match self.ends {
                Ends::Never => false,
                Ends::Count(count) => starts.len() >= count,
                Ends::Until(until) => start > until,
            };
            if over {
                break;
            }
            if self.fits(day, at.date()) {
                starts.insert(start);
            }
        }
        starts
    }

    /// Reads the text of a rule; panics on what the naive expansion does not know.
    pub(crate) fn parse(text: &str) -> Self {
        let parts: BTreeMap<&str, &str> = text
            .split(';')
            .map(|part| part.split_once('=').unwrap())
            .collect();
        let freq = match parts["FREQ"] {
            "DAILY" => Freq::Daily,
            "WEEKLY" => Freq::Weekly,
            "MONTHLY" => Freq::Monthly,
            "YEARLY" => Freq::Yearly,
            other => panic!("{other}"),
        };
        let list = |name: &str| {
            parts
                .get(name)
                .map_or(Vec::new(), |v| v.split(',').collect())
        };
        let ends = match (parts.get("COUNT"), parts.get("UNTIL")) {
            (Some(count), _) => Ends::Count(count.parse().unwrap()),
            (_, Some(until)) => Ends::Until(DateTime::strptime("%Y%m%dT%H%M%S", until).unwrap()),
            _ => Ends::Never,
        };
        let known = ["FREQ", "COUNT", "UNTIL", "INTERVAL", "BYDAY", "BYMONTHDAY"];
        assert!(parts.keys().all(|name| known.contains(name)), "{text}");
        Self {
            freq,
            interval: parts.get("INTERVAL").map_or(1, |n| n.parse().unwrap()),
            days: list("BYDAY").into_iter().map(weekday_of).collect(),
            month_days: list("BYMONTHDAY")
                .iter()
                .map(|n| n.parse().unwrap())
                .collect(),
            ends,
        }
    }

    fn text(&self, until: Option<String>) -> String {
        let mut text = format!("FREQ={}", format!("{:?}", self.freq).to_uppercase());
        if self.interval != 1 {
            write!(text, ";INTERVAL={}", self.interval).unwrap();
        }
        if !self.days.is_empty() {
            let days: Vec<String> = self.days.iter().map(weekday_text).collect();
            write!(text, ";BYDAY={}", days.join(",")).unwrap();
        }
        if !self.month_days.is_empty() {
            let days: Vec<String> = self.month_days.iter().map(i8::to_string).collect();
            write!(text, ";BYMONTHDAY={}", days.join(",")).unwrap();
        }
        match (self.ends, until) {
            (Ends::Count(count), _) => write!(text, ";COUNT={count}").unwrap(),
            (Ends::Until(_), Some(until)) => write!(text, ";UNTIL={until}").unwrap(),
            _ => {}
        }
        text
    }
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];

fn weekday_of(text: &str) -> (i8, Weekday) {
    let (nth, name) = text.split_at(text.len() - 2);
    let weekday = WEEKDAYS.iter().find(|(short, _)| *short == name).unwrap().1;
    (nth.parse().unwrap_or(0), weekday)
}

fn weekday_text(&(nth, weekday): &(i8, Weekday)) -> String {
    let name = WEEKDAYS.iter().find(|(_, day)| *day == weekday).unwrap().0;
    match nth {
        0 => name.to_owned(),
        nth => format!("{nth}{name}"),
    }
}

impl Spec {
    /// An event at a time, once.
    pub(crate) fn once(uid: &str, kind: Kind, at: DateTime, lasts: Lasts) -> Self {
        Self {
            uid: uid.to_owned(),
            kind,
            at,
            lasts,
            status: Status::Busy,
            flavour: Flavour::Plain,
            rule: None,
            holes: BTreeSet::new(),
            day_holes: BTreeSet::new(),
            extras: BTreeSet::new(),
            changes: Vec::new(),
            in_utc: false,
            words: String::new(),
        }
    }

    /// What comes near it and can be entered at Google, which knows no zone without a name, no change to all that follow,
    /// and takes no day out of a series by its date alone.
    pub(crate) fn for_google(mut self) -> Self {
        if self.kind == Kind::Odd {
            self.kind = Kind::In("Europe/Berlin");
        }
        self.day_holes.clear();
        self.changes.retain(|change| !change.and_after);
        self
    }

    /// The starts of the series before any change to single ones.
    pub(crate) fn starts(&self, last: Date) -> BTreeSet<DateTime> {
        let mut starts = match &self.rule {
            Some(rule) => rule.starts(self.at, last),
            None => BTreeSet::from([self.at]),
        };
        starts.extend(&self.extras);
        starts
    }

    /// All busy occurrences, by original start.
    pub(crate) fn occurrences(&self, window: &Window) -> BTreeMap<DateTime, Span> {
        let home = &window.home;
        // Something long may reach into the window from before, and a change may move far.
        let last = window.end.saturating_add(40.days());
        let out = |at: &DateTime| {
            self.holes.contains(at)
                || (self.kind != Kind::Days && self.day_holes.contains(&at.date()))
        };
        let mut found = BTreeMap::new();
        for at in self.starts(last).into_iter().filter(|at| !out(at)) {
            let fork = self
                .changes
                .iter()
                .filter(|c| c.and_after && c.at <= at)
                .max_by_key(|c| c.at);
            let (to, lasts, status) = match fork {
                Some(fork) => {
                    let shift = fork.at.until((Unit::Hour, fork.to)).unwrap();
                    (at.checked_add(shift).unwrap(), fork.lasts, fork.status)
                }
                None => (at, self.lasts, self.status),
            };
            if status == Status::Busy {
                found.insert(at, span(to, self.kind, lasts, home));
            }
        }
        // What holds from one occurrence on holds there, whether the rule has it or not; a change to that one alone goes first.
        let (forks, single): (Vec<&Change>, _) = self.changes.iter().partition(|c| c.and_after);
        for change in forks.into_iter().chain(single).filter(|c| !out(&c.at)) {
            found.remove(&change.at);
            if change.status == Status::Busy {
                found.insert(change.at, span(change.to, self.kind, change.lasts, home));
            }
        }
        found
    }

    /// Its busy time inside the window.
    pub(crate) fn busy(&self, window: &Window) -> Busy {
        let mut busy = Busy::default();
        for span in self.occurrences(window).into_values() {
            busy.add(span, window);
        }
        busy
    }

    /// A property that holds a time, in the way the event writes its own.
    fn stamp(&self, name: &str, at: DateTime, in_utc: bool) -> String {
        let local = at.strftime("%Y%m%dT%H%M%S");
        match self.kind {
            Kind::Days => format!("{name};VALUE=DATE:{}", at.strftime("%Y%m%d")),
            Kind::Floating => format!("{name}:{local}"),
            Kind::In("UTC") => format!("{name}:{local}Z"),
            Kind::In(_) | Kind::Odd if in_utc => {
                let instant = instant(at, &zone(self.kind, &TimeZone::UTC));
                format!("{name}:{}", instant.strftime("%Y%m%dT%H%M%SZ"))
            }
            Kind::In(zone) => format!("{name};TZID={zone}:{local}"),
            Kind::Odd => format!("{name};TZID=Our Own Zone:{local}"),
        }
    }

    fn times(
        &self,
        text: &mut String,
        at: DateTime,
        lasts: Lasts,
        (status, flavour): (Status, Flavour),
    ) {
        let line = |text: &mut String, line: &str| write!(text, "{line}\r\n").unwrap();
        line(text, &self.stamp("DTSTART", at, false));
        match lasts {
            Lasts::Days(days) => line(text, &self.stamp("DTEND", at + days.days(), false)),
            Lasts::Wall(seconds) => line(text, &self.stamp("DTEND", at + seconds.seconds(), false)),
            Lasts::Exact(seconds) => line(text, &format!("DURATION:PT{seconds}S")),
        }
        match status {
            Status::Busy => {}
            Status::Cancelled => line(text, "STATUS:CANCELLED"),
            Status::Free => line(text, "TRANSP:TRANSPARENT"),
        }
        text.push_str(flavour.lines());
        for name in ["SUMMARY", "LOCATION", "DESCRIPTION"] {
            if !self.words.is_empty() {
                line(text, &format!("{name}:{}", self.words));
            }
        }
    }

    /// The event as iCalendar text.
    pub(crate) fn text(&self) -> String {
        let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tests//EN\r\n".to_owned();
        let line = |text: &mut String, line: &str| write!(text, "{line}\r\n").unwrap();
        if self.kind == Kind::Odd {
            line(
                &mut text,
                "BEGIN:VTIMEZONE\r\nTZID:Our Own Zone\r\nBEGIN:STANDARD",
            );
            line(
                &mut text,
                "DTSTART:19700101T000000\r\nTZOFFSETFROM:+0330\r\nTZOFFSETTO:+0330",
            );
            line(&mut text, "END:STANDARD\r\nEND:VTIMEZONE");
        }
        line(&mut text, "BEGIN:VEVENT");
        line(&mut text, &format!("UID:{}", self.uid));
        self.times(&mut text, self.at, self.lasts, (self.status, self.flavour));
        if let Some(rule) = &self.rule {
            let until = match rule.ends {
                Ends::Until(until) => {
                    let stamp = self.stamp("X", until, true);
                    Some(stamp.rsplit_once(':').unwrap().1.to_owned())
                }
                _ => None,
            };
            line(&mut text, &format!("RRULE:{}", rule.text(until)));
        }
        for hole in &self.holes {
            line(&mut text, &self.stamp("EXDATE", *hole, self.in_utc));
        }
        for day in &self.day_holes {
            line(
                &mut text,
                &format!("EXDATE;VALUE=DATE:{}", day.strftime("%Y%m%d")),
            );
        }
        for extra in &self.extras {
            line(&mut text, &self.stamp("RDATE", *extra, false));
        }
        line(&mut text, "END:VEVENT");
        for change in &self.changes {
            line(&mut text, "BEGIN:VEVENT");
            line(&mut text, &format!("UID:{}", self.uid));
            let range = if change.and_after {
                ";RANGE=THISANDFUTURE"
            } else {
                ""
            };
            let id = format!("RECURRENCE-ID{range}");
            line(&mut text, &self.stamp(&id, change.at, self.in_utc));
            let says = (change.status, change.flavour);
            self.times(&mut text, change.to, change.lasts, says);
            line(&mut text, "END:VEVENT");
        }
        line(&mut text, "END:VCALENDAR");
        text
    }
}

/// How wild events are to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taste {
    /// The day around which events are.
    pub(crate) around: Date,
    /// How many days to both sides.
    pub(crate) reach: i64,
    /// How many of a hundred repeat.
    pub(crate) recurring: u64,
}

const ZONES: [Kind; 12] = [
    Kind::Days,
    Kind::Days,
    Kind::In("Europe/Berlin"),
    Kind::In("Europe/Berlin"),
    Kind::In("Europe/Berlin"),
    Kind::In("America/New_York"),
    Kind::In("Australia/Lord_Howe"),
    Kind::In("Asia/Kolkata"),
    Kind::In("UTC"),
    Kind::In("Pacific/Apia"),
    Kind::Floating,
    Kind::Odd,
];

/// Any event at all.
pub(crate) fn any(rng: &mut Rng, uid: &str, taste: Taste) -> Spec {
    let kind = *rng.pick(&ZONES);
    let day = taste
        .around
        .saturating_add(rng.within(-taste.reach, taste.reach).days());
    // Half past two is where clocks are put forward and back.
    let (hour, minute) = *rng.pick(&[(2, 30), (1, 45), (0, 0), (9, 0), (9, 0), (14, 15), (23, 30)]);
    let at = match kind {
        Kind::Days => day.at(0, 0, 0, 0),
        _ => day.at(hour, minute, 0, 0),
    };
    let mut spec = Spec::once(uid, kind, at, lasts(rng, kind));
    if rng.chance(8) {
        spec.status = *rng.pick(&[Status::Cancelled, Status::Free]);
    }
    spec.flavour = flavour(rng);
    spec.in_utc = rng.chance(30);
    if rng.chance(taste.recurring) {
        repeat(rng, &mut spec);
    }
    spec
}

fn flavour(rng: &mut Rng) -> Flavour {
    const ALL: [Flavour; 5] = [
        Flavour::Private,
        Flavour::Lunch,
        Flavour::Red,
        Flavour::Tentative,
        Flavour::Meeting,
    ];
    match rng.chance(35) {
        true => *rng.pick(&ALL),
        false => Flavour::Plain,
    }
}

fn lasts(rng: &mut Rng, kind: Kind) -> Lasts {
    match kind {
        Kind::Days => Lasts::Days(i32::try_from(rng.within(1, 3)).unwrap()),
        _ => match rng.below(10) {
            0 => Lasts::Wall(0),
            1 => Lasts::Exact(86_400),
            2 => Lasts::Wall(30 * 3600),
            3 | 4 => Lasts::Exact(3600),
            _ => Lasts::Wall(900 * rng.within(1, 10)),
        },
    }
}

fn repeat(rng: &mut Rng, spec: &mut Spec) {
    if rng.chance(92) {
        spec.rule = Some(rule(rng, spec.at));
    }
    let far = spec.at.date().saturating_add(70.days());
    let mut starts: Vec<DateTime> = spec.starts(far).into_iter().collect();
    rng.shuffle(&mut starts);
    let mut starts = starts.into_iter();
    for start in starts.by_ref().take(usize::try_from(rng.below(3)).unwrap()) {
        match spec.kind {
            Kind::Days => spec.holes.insert(start),
            _ if rng.chance(25) => spec.day_holes.insert(start.date()),
            _ => spec.holes.insert(start),
        };
    }
    for _ in 0..rng.below(3) {
        let day = spec.at.date().saturating_add(rng.within(1, 40).days());
        let time = if spec.kind == Kind::Days || rng.chance(50) {
            spec.at.time()
        } else {
            jiff::civil::time(17, 0, 0, 0)
        };
        spec.extras.insert(day.to_datetime(time));
    }
    for at in starts.take(usize::try_from(rng.below(4)).unwrap()) {
        let change = change(rng, spec, at);
        spec.changes.push(change);
    }
}

fn change(rng: &mut Rng, spec: &Spec, at: DateTime) -> Change {
    let hours = match (spec.kind, rng.below(4)) {
        (_, 0) => 0,
        (Kind::Days, _) => 24 * rng.within(-4, 4),
        (_, 1) => 24 * rng.within(-30, 30),
        _ => rng.within(-9, 9),
    };
    let same = rng.chance(40);
    Change {
        at,
        to: at.saturating_add(hours.hours()),
        lasts: if same {
            spec.lasts
        } else {
            lasts(rng, spec.kind)
        },
        status: *rng.pick(&[
            Status::Busy,
            Status::Busy,
            Status::Busy,
            Status::Cancelled,
            Status::Free,
        ]),
        flavour: match rng.chance(70) {
            true => spec.flavour,
            false => flavour(rng),
        },
        and_after: rng.chance(12) && may_fork(spec, at),
    }
}

/// Whether it is clear what a change to an occurrence and all that follow means: there are such, and the occurrence is not
/// at a time that the clock skips, of which nobody can say how far it was moved.
fn may_fork(spec: &Spec, at: DateTime) -> bool {
    let repeats = spec.rule.is_some() || !spec.extras.is_empty();
    let zone = zone(spec.kind, &super::world::home());
    repeats && zone.to_datetime(instant(at, &zone)) == at
}

fn rule(rng: &mut Rng, at: DateTime) -> Rule {
    let freq = *rng.pick(&[
        Freq::Daily,
        Freq::Weekly,
        Freq::Weekly,
        Freq::Weekly,
        Freq::Monthly,
        Freq::Yearly,
    ]);
    let mut rule = Rule {
        freq,
        interval: *rng.pick(&[1, 1, 1, 2, 3]),
        days: Vec::new(),
        month_days: Vec::new(),
        ends: match rng.below(4) {
            0 => Ends::Never,
            1 => Ends::Count(usize::try_from(rng.within(1, 20)).unwrap()),
            _ => Ends::Until(at.saturating_add(rng.within(0, 90).days())),
        },
    };
    let weekday = at.weekday();
    match freq {
        Freq::Weekly if rng.chance(60) => {
            rule.days.push((0, weekday));
            let other = rng.pick(&WEEKDAYS).1;
            if other != weekday {
                rule.days.push((0, other));
            }
            if rng.chance(10) {
                // DTSTART itself does not fit the rule.
                rule.days.remove(0);
            }
        }
        Freq::Monthly => match rng.below(4) {
            0 => rule
                .days
                .push((at.day() / 7 + i8::from(at.day() % 7 > 0), weekday)),
            1 => rule.month_days.push(at.day()),
            2 => rule.month_days.extend([at.day(), -1]),
            _ => {}
        },
        _ => {}
    }
    rule
}
