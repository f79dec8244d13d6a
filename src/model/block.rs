//! What may be written to a target: a plain stretch of time, or a rule with holes, and a face.

use std::collections::BTreeSet;

use jiff::{civil::DateTime, tz::TimeZone};

use super::{
    Event, Face, Length, Master, Print, Recurs, Revision, Span, Standing, Traits, When, Zone,
};
use crate::{
    ident::BlockId,
    recur::{Rule, WALK_MAX},
};

/// One block: what calsync writes into a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Proves that calsync made it.
    pub id: BlockId,
    /// When it is.
    pub shape: Shape,
    /// What it says.
    pub face: Face,
}

/// When a block is: the only two shapes that a provider has to write.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Once.
    Once(Span),
    /// Again and again, with holes.
    Series(Series),
}

/// A rule with holes.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The first start: a date, or a local time in a named zone (never a table).
    pub start: When,
    /// How long each occurrence lasts.
    pub length: Length,
    /// The rule; the first start fits it.
    pub rule: Rule,
    /// The local starts at which nothing is.
    pub holes: BTreeSet<DateTime>,
}

impl Series {
    /// The local start of the occurrence at this time, as the series counts it, if it is of its kind.
    pub fn start_of(&self, span: Span, home: &TimeZone) -> Option<DateTime> {
        match (span, &self.start) {
            (Span::Timed { start, .. }, When::Time(_, zone)) => Some(zone.local(start, home)),
            (Span::Days { first, .. }, When::Day(_)) => Some(first.at(0, 0, 0, 0)),
            _ => None,
        }
    }

    /// The local start of the occurrence that begins at this time, as the series counts it.
    pub fn start_at(&self, at: &When, home: &TimeZone) -> DateTime {
        match &self.start {
            When::Day(_) => at.local().date().at(0, 0, 0, 0),
            When::Time(_, zone) => zone.local(at.instant(home), home),
        }
    }
}

impl Block {
    /// The fingerprint of what the block shows.
    pub fn print(&self) -> Print {
        print(&self.shape, &self.face, &[])
    }
}

/// The fingerprint of a shape and a face, and of anything `odd` that a target shows beside what calsync wrote.
pub fn print(shape: &Shape, face: &Face, odd: &[&str]) -> Print {
    let mut fields = match shape {
        Shape::Once(span) => vec!["once".to_owned(), span_text(span)],
        Shape::Series(series) => series_fields(series),
    };
    fields.extend(face.fields());
    fields.extend(odd.iter().map(|&word| word.to_owned()));
    Print::of(fields.iter().map(String::as_bytes))
}

/// What tells one kind of edit of a block from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// What it shows but for when it begins: what it says, how long and how often it is.
    pub but_start: Print,
    /// What it shows but for the occurrences that are taken out.
    pub but_holes: Print,
    /// What it shows but for these, and for where its rule ends.
    pub but_end: Print,
    /// The local start that its rule does not go beyond; none without end.
    pub ends: Option<DateTime>,
    /// What it says in words.
    pub words: Print,
    /// The local starts of what is taken out.
    pub holes: BTreeSet<DateTime>,
}

impl Traces {
    /// Those of a block of this shape and face, and of anything `odd` beside.
    pub fn of(shape: &Shape, face: &Face, odd: &[&str]) -> Self {
        let mut fields = face.fields();
        let holes = match shape {
            Shape::Once(span) => {
                fields.push(match span {
                    Span::Timed { start, end } => end.duration_since(*start).to_string(),
                    Span::Days { first, end } => first.until(*end).unwrap_or_default().to_string(),
                });
                BTreeSet::new()
            }
            Shape::Series(series) => {
                // On which days of the week it is goes along when it is moved.
                let rule = series.rule.to_text(None);
                let often = rule.split(';').map(|part| match part.split_once('=') {
                    Some(("BYDAY", days)) => days.split(',').count().to_string(),
                    _ => part.to_owned(),
                });
                fields.extend(often);
                fields.push(series.rule.is_endless().to_string());
                fields.push(length_text(series.length));
                series.holes.clone()
            }
        };
        fields.extend(odd.iter().map(|&word| word.to_owned()));
        let with = |rule: fn(&Rule) -> Rule| match shape {
            Shape::Once(_) => print(shape, face, odd),
            Shape::Series(series) => {
                let series = Series {
                    holes: BTreeSet::new(),
                    rule: rule(&series.rule),
                    ..series.clone()
                };
                print(&Shape::Series(series), face, odd)
            }
        };
        Self {
            but_start: Print::of(fields.iter().map(String::as_bytes)),
            but_holes: with(Rule::clone),
            but_end: with(Rule::endless),
            ends: match shape {
                Shape::Once(_) => None,
                Shape::Series(series) => series.rule.last(series.start.local()),
            },
            holes,
            words: face.words(),
        }
    }
}

fn span_text(span: &Span) -> String {
    match span {
        Span::Timed { start, end } => format!("{}/{}", start.as_second(), end.as_second()),
        Span::Days { first, end } => format!("{first}/{end}"),
    }
}

fn series_fields(series: &Series) -> Vec<String> {
    let zone = match &series.start {
        When::Day(_) => "date".to_owned(),
        When::Time(_, Zone::Named(zone)) => zone_name(zone).to_owned(),
        When::Time(_, Zone::Floating | Zone::Table(_)) => "floating".to_owned(),
    };
    let holes: Vec<String> = series.holes.iter().map(ToString::to_string).collect();
    vec![
        "series".to_owned(),
        zone,
        series.start.local().to_string(),
        length_text(series.length),
        series.rule.to_string(),
        holes.join(" "),
    ]
}

/// A zone's IANA name, as it is written to a target.
pub fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

fn length_text(length: Length) -> String {
    match length {
        Length::Days(days) => format!("P{days}D"),
        Length::Wall(seconds) => format!("wall {seconds}"),
        Length::Elapsed { days: 0, seconds } => format!("PT{seconds}S"),
        Length::Elapsed { days, seconds } => format!("P{days}DT{seconds}S"),
    }
}

/// So many years before its end a rule is looked at for its last occurrence; in any more that hold none, none is missed.
const LOOKED_BACK: i16 = 9;
/// So many occurrences tell one series from another.
const COMPARED: usize = 500;

impl Shape {
    /// The fingerprint of when it is, occurrence by occurrence: the same however it is put.
    pub fn times(&self, home: &TimeZone) -> Print {
        let series = match self {
            Self::Once(span) => return Print::of([span_text(span).as_bytes()]),
            Self::Series(series) => series,
        };
        let starts = series.rule.starts(series.start.local()).take(COMPARED);
        let starts = starts.filter(|at| !series.holes.contains(at));
        let span = |at| series.start.at(at).span(series.length, home);
        let mut all: Vec<String> = starts.map(|at| span_text(&span(at))).collect();
        let end = series.last_end(home).map(jiff::Timestamp::as_second);
        all.extend([format!("{end:?}"), "series".to_owned()]);
        Print::of(all.iter().map(String::as_bytes))
    }

    /// The fingerprint of when it is by its rule, whatever occurrences are left out, and wherever it ends: a rule of the configuration
    /// leaves out others as years go by, and an event whose owner cancels one day, or ends it, is the same as before on all others.
    pub fn course(&self, home: &TimeZone) -> Print {
        match self {
            Self::Once(_) => self.times(home),
            Self::Series(series) => Self::Series(Series {
                holes: BTreeSet::new(),
                rule: series.rule.endless(),
                ..series.clone()
            })
            .times(home),
        }
    }

    /// The event that it would be if it were somebody's own, without any words.
    pub fn as_event(&self) -> Event {
        let (start, length, recurs) = match self {
            Self::Once(Span::Timed { start, end }) => (
                When::Time(jiff::tz::Offset::UTC.to_datetime(*start), Zone::UTC),
                Length::Elapsed {
                    days: 0,
                    seconds: end.as_second() - start.as_second(),
                },
                None,
            ),
            Self::Once(Span::Days { first, end }) => {
                let days = first.until(*end).map_or(0, |span| span.get_days());
                (When::Day(*first), Length::Days(days), None)
            }
            Self::Series(series) => {
                let recurs = Recurs {
                    rules: vec![series.rule.clone()],
                    holes: series
                        .holes
                        .iter()
                        .map(|hole| series.start.at(*hole))
                        .collect(),
                    ..Recurs::default()
                };
                (series.start.clone(), series.length, Some(Box::new(recurs)))
            }
        };
        Event {
            master: Some(Master {
                start,
                length,
                recurs,
                standing: Standing::Busy,
                traits: Traits::default(),
                revision: Revision::default(),
            }),
            overrides: Vec::new(),
        }
    }

    /// When the last occurrence that it shows is over, or a later moment; `None` for one without end.
    pub fn last_end(&self, home: &TimeZone) -> Option<jiff::Timestamp> {
        match self {
            Self::Once(span) => Some(span.instants(home).1),
            Self::Series(series) => series.last_shown_end(home),
        }
    }

    /// When the first occurrence that has no hole in its place begins and when it is over.
    pub fn first_shown(&self, home: &TimeZone) -> (jiff::Timestamp, jiff::Timestamp) {
        let Self::Series(series) = self else {
            return self.first_occurrence(home);
        };
        let starts = series.rule.starts(series.start.local()).take(COMPARED);
        let mut shown = starts.filter(|at| !series.holes.contains(at));
        match shown.next() {
            Some(at) => series.start.at(at).span(series.length, home).instants(home),
            None => self.first_occurrence(home),
        }
    }

    /// When the first occurrence begins and when it is over.
    pub fn first_occurrence(&self, home: &TimeZone) -> (jiff::Timestamp, jiff::Timestamp) {
        match self {
            Self::Once(span) => span.instants(home),
            Self::Series(series) => series.start.span(series.length, home).instants(home),
        }
    }
}

impl Series {
    /// When the last occurrence is over, as far as the rule says without walking it; `None` for a rule without end.
    fn last_end(&self, home: &TimeZone) -> Option<jiff::Timestamp> {
        let last = self.rule.last(self.start.local())?;
        Some(self.end_of(last, home))
    }

    /// When the last occurrence is over that has no hole in its place. A rule may end long after the last that it makes.
    fn last_shown_end(&self, home: &TimeZone) -> Option<jiff::Timestamp> {
        let start = self.start.local();
        let bound = self.rule.last(start)?;
        let from = bound.saturating_sub(jiff::Span::new().years(LOOKED_BACK));
        let from = from.max(start);
        if self.rule.walk(start, from, bound) > WALK_MAX {
            return Some(self.end_of(bound, home));
        }
        let starts = self.rule.starts_near(start, from, bound);
        let shown = starts.filter(|at| !self.holes.contains(at)).last();
        Some(self.end_of(shown.unwrap_or(from), home))
    }

    /// When what starts then on the clock of the series is over.
    fn end_of(&self, start: DateTime, home: &TimeZone) -> jiff::Timestamp {
        self.start
            .at(start)
            .span(self.length, home)
            .instants(home)
            .1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daily(rule: &str, zone: &str, holes: &[&str]) -> Print {
        let (rule, _) = Rule::parse(rule).unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let start = "2026-11-23T09:00:00".parse().unwrap();
        let series = Series {
            start: When::Time(start, Zone::Named(zone)),
            length: Length::Wall(3600),
            rule,
            holes: holes.iter().map(|hole| hole.parse().unwrap()).collect(),
        };
        Shape::Series(series).times(&TimeZone::UTC)
    }

    #[test]
    fn the_same_times_are_the_same_however_they_are_put() {
        let berlin = |rule: &str| daily(rule, "Europe/Berlin", &[]);
        let one = berlin("FREQ=DAILY");
        assert_eq!(one, berlin("FREQ=DAILY;INTERVAL=1;WKST=SU"));
        assert_eq!(one, daily("FREQ=DAILY", "Europe/Paris", &[]));
        assert_eq!(
            berlin("FREQ=DAILY;COUNT=2"),
            berlin("FREQ=DAILY;UNTIL=20261124T090000")
        );
        let others = [
            // The same until spring.
            daily("FREQ=DAILY", "Africa/Algiers", &[]),
            daily("FREQ=DAILY", "Europe/Berlin", &["2027-01-11T09:00:00"]),
            berlin("FREQ=DAILY;COUNT=400"),
            // An end that lies far off is an end.
            berlin("FREQ=DAILY;COUNT=4000"),
            berlin("FREQ=DAILY;COUNT=4001"),
        ];
        for (i, other) in others.iter().enumerate() {
            assert!(!others[i + 1..].contains(other) && *other != one, "{i}");
        }
    }
}
