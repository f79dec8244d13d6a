//! The occurrences of a series, found the slow way: every day is asked whether it is one. An expansion of its own, so that a
//! mistake in calsync's cannot hide. Must never use calsync's `recur`.

use std::collections::BTreeSet;

use jiff::{
    Span, Timestamp, ToSpan as _,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};
use serde_json::{Map, Value, json};

/// When an event begins or ends: a day, or an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    Day(Date),
    At(Timestamp),
}

/// One occurrence of a series as the rule has it.
#[derive(Clone, Debug)]
pub(crate) struct Occurrence {
    /// When it begins by the rule; with the id of the series this is its name.
    pub(crate) original: Moment,
    pub(crate) start: Value,
    pub(crate) end: Value,
}

impl Moment {
    /// Reads `start` or `end` of an event.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match (&value["date"], &value["dateTime"]) {
            (Value::String(date), Value::Null) => Some(Self::Day(date.parse().ok()?)),
            (Value::Null, Value::String(time)) => Some(Self::At(time.parse().ok()?)),
            _ => None,
        }
    }

    /// The instant; a day begins at midnight in the calendar's zone.
    pub(crate) fn instant(self, zone: &TimeZone) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Day(date) => instant(date.at(0, 0, 0, 0), zone),
        }
    }

    /// How Google ends the id of an occurrence that begins then.
    pub(crate) fn suffix(self) -> String {
        match self {
            Self::Day(date) => date.strftime("%Y%m%d").to_string(),
            Self::At(time) => time.strftime("%Y%m%dT%H%M%SZ").to_string(),
        }
    }

    /// As `start`, `end` or `originalStartTime`.
    pub(crate) fn value(self, zone_name: &str) -> Value {
        match self {
            Self::Day(date) => json!({"date": date.to_string()}),
            Self::At(time) => json!({"dateTime": time.to_string(), "timeZone": zone_name}),
        }
    }
}

/// The instant of a wall clock's time: in a gap it moves forward, in a fold it is the earlier.
fn instant(time: DateTime, zone: &TimeZone) -> Timestamp {
    zone.to_ambiguous_timestamp(time).compatible().unwrap()
}

/// All occurrences that begin up to the horizon. Fails with what this expansion does not know.
pub(crate) fn occurrences(
    master: &Map<String, Value>,
    horizon: Date,
) -> Result<Vec<Occurrence>, String> {
    let series = Series::of(master)?;
    let mut starts: BTreeSet<DateTime> = BTreeSet::from([series.start]);
    let mut holes: BTreeSet<Moment> = BTreeSet::new();
    for line in master
        .get("recurrence")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let line = line.as_str().ok_or("a line of `recurrence` is no text")?;
        let (name, value) = line.split_once(':').ok_or("a line without colon")?;
        let name = name.split(';').next().unwrap_or_default();
        match name {
            "RRULE" => starts.extend(series.by_rule(&Rule::read(value)?, horizon)?),
            "EXDATE" => holes.extend(series.dates(line)?.into_iter().map(|at| series.moment(at))),
            "RDATE" => starts.extend(series.dates(line)?),
            other => return Err(format!("{other} is not known here")),
        }
    }
    let all = starts.into_iter().filter(|at| at.date() <= horizon);
    let all = all.map(|at| series.occurrence(at));
    Ok(all.filter(|one| !holes.contains(&one.original)).collect())
}

/// Where a series begins, and how long it lasts, on the wall clock of its zone.
struct Series {
    start: DateTime,
    lasts: Span,
    zone: TimeZone,
    zone_name: String,
    whole_days: bool,
}

impl Series {
    fn of(master: &Map<String, Value>) -> Result<Self, String> {
        let zone_name = master
            .get("start")
            .and_then(|start| start["timeZone"].as_str());
        let zone_name = zone_name.unwrap_or("UTC");
        let zone = TimeZone::get(zone_name).map_err(|e| e.to_string())?;
        let read = |name: &str| {
            master
                .get(name)
                .and_then(Moment::of)
                .ok_or(format!("no {name}"))
        };
        let wall = |moment: Moment| match moment {
            Moment::Day(date) => date.at(0, 0, 0, 0),
            Moment::At(time) => zone.to_datetime(time),
        };
        let (start, end) = (read("start")?, read("end")?);
        let lasts = wall(end) - wall(start);
        Ok(Self {
            start: wall(start),
            lasts,
            zone_name: zone_name.to_owned(),
            whole_days: matches!(start, Moment::Day(_)),
            zone,
        })
    }

    fn moment(&self, at: DateTime) -> Moment {
        match self.whole_days {
            true => Moment::Day(at.date()),
            false => Moment::At(instant(at, &self.zone)),
        }
    }

    fn occurrence(&self, at: DateTime) -> Occurrence {
        let original = self.moment(at);
        let end = self.moment(at.saturating_add(self.lasts));
        Occurrence {
            original,
            start: original.value(&self.zone_name),
            end: end.value(&self.zone_name),
        }
    }

    /// The dates of a line EXDATE or RDATE, on the wall clock of the series.
    fn dates(&self, line: &str) -> Result<Vec<DateTime>, String> {
        let (name, values) = line.split_once(':').ok_or("a line without colon")?;
        let zone = name.split(';').find_map(|part| part.strip_prefix("TZID="));
        let zone = match zone {
            Some(name) => TimeZone::get(name).map_err(|e| e.to_string())?,
            None => self.zone.clone(),
        };
        let one = |value: &str| {
            let (at, utc) = read_time(value)?;
            let zone = if utc { &TimeZone::UTC } else { &zone };
            Ok(match self.whole_days || value.len() == 8 {
                true => at.date().to_datetime(self.start.time()),
                false => self.zone.to_datetime(instant(at, zone)),
            })
        };
        values.split(',').map(one).collect()
    }

    fn by_rule(&self, rule: &Rule, horizon: Date) -> Result<Vec<DateTime>, String> {
        let until = match &rule.until {
            None => None,
            // A date means the whole of that day; a time in UTC is an instant.
            Some(text) if text.len() == 8 => Some(read_time(text)?.0.date().at(23, 59, 59, 0)),
            Some(text) => match read_time(text)? {
                (at, true) if self.whole_days => Some(at),
                (at, true) => Some(self.zone.to_datetime(instant(at, &TimeZone::UTC))),
                (at, false) => Some(at),
            },
        };
        let first = self.start.date();
        let days = first
            .series(1.day())
            .skip(1)
            .take_while(|day| *day <= horizon);
        let days = days.filter(|day| rule.has(*day, first));
        let times = std::iter::once(first)
            .chain(days)
            .map(|day| day.to_datetime(self.start.time()));
        let times = times.take_while(|at| until.is_none_or(|until| *at <= until));
        Ok(times.take(rule.count.unwrap_or(usize::MAX)).collect())
    }
}

/// `20261123`, `20261123T090000` or `20261123T090000Z`; whether it is in UTC.
fn read_time(text: &str) -> Result<(DateTime, bool), String> {
    let wrong = || format!("`{text}` is no time");
    let (plain, utc) = text
        .strip_suffix('Z')
        .map_or((text, false), |plain| (plain, true));
    let (date, time) = plain.split_once('T').unwrap_or((plain, "000000"));
    let date = Date::strptime("%Y%m%d", date).map_err(|_| wrong())?;
    let time = Time::strptime("%H%M%S", time).map_err(|_| wrong())?;
    Ok((date.to_datetime(time), utc))
}

/// As much of a rule as this expansion knows.
struct Rule {
    freq: String,
    interval: i64,
    count: Option<usize>,
    until: Option<String>,
    /// Weekdays, with their number in the month or year; 0 means every one.
    days: Vec<(i8, Weekday)>,
    month_days: Vec<i8>,
    months: Vec<i8>,
    week_start: Weekday,
}

impl Rule {
    fn read(text: &str) -> Result<Self, String> {
        let mut rule = Self {
            freq: String::new(),
            interval: 1,
            count: None,
            until: None,
            days: Vec::new(),
            month_days: Vec::new(),
            months: Vec::new(),
            week_start: Weekday::Monday,
        };
        for part in text.split(';') {
            let (name, value) = part.split_once('=').ok_or(format!("`{part}`"))?;
            let number = || value.parse::<i64>().map_err(|e| e.to_string());
            match name {
                "FREQ" if ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"].contains(&value) => {
                    value.clone_into(&mut rule.freq);
                }
                "INTERVAL" => rule.interval = number()?.max(1),
                "COUNT" => rule.count = usize::try_from(number()?).ok(),
                "UNTIL" => rule.until = Some(value.to_owned()),
                "BYDAY" => rule.days = value.split(',').map(read_day).collect::<Result<_, _>>()?,
                "BYMONTHDAY" => rule.month_days = numbers(value)?,
                "BYMONTH" => rule.months = numbers(value)?,
                "WKST" => rule.week_start = read_day(value)?.1,
                _ => return Err(format!("`{part}` is not known here")),
            }
        }
        match rule.freq.is_empty() {
            true => Err("a rule without FREQ".to_owned()),
            false => Ok(rule),
        }
    }

    /// Whether a day is one of the rule's, for a series that begins on `first`.
    fn has(&self, day: Date, first: Date) -> bool {
        let months = |d: Date| i64::from(d.year()) * 12 + i64::from(d.month());
        let week = |d: Date| d.saturating_sub(i64::from(d.weekday().since(self.week_start)).days());
        let passed = match &*self.freq {
            "DAILY" => days_between(first, day),
            "WEEKLY" => days_between(week(first), week(day)) / 7,
            "MONTHLY" => months(day) - months(first),
            _ => i64::from(day.year()) - i64::from(first.year()),
        };
        passed % self.interval == 0 && self.is_month(day, first) && self.is_day(day, first)
    }

    fn is_month(&self, day: Date, first: Date) -> bool {
        if !self.months.is_empty() {
            return self.months.contains(&day.month());
        }
        let by_day_of_year = self.days.is_empty() && self.month_days.is_empty();
        self.freq != "YEARLY" || !by_day_of_year || day.month() == first.month()
    }

    fn is_day(&self, day: Date, first: Date) -> bool {
        let by_weekday = self.days.is_empty()
            || self
                .days
                .iter()
                .any(|(nth, weekday)| *weekday == day.weekday() && self.is_nth(*nth, day));
        let from_end = day.day() - day.days_in_month() - 1;
        let by_month_day = self.month_days.is_empty()
            || self
                .month_days
                .iter()
                .any(|n| *n == day.day() || *n == from_end);
        let plain = self.days.is_empty() && self.month_days.is_empty();
        match &*self.freq {
            "WEEKLY" if plain => day.weekday() == first.weekday(),
            "MONTHLY" | "YEARLY" if plain => day.day() == first.day(),
            _ => by_weekday && by_month_day,
        }
    }

    /// Whether a day is the nth of its weekday: in its month, or in its year if the rule speaks of years only.
    fn is_nth(&self, nth: i8, day: Date) -> bool {
        let of_year = self.freq == "YEARLY" && self.months.is_empty();
        let (from_start, from_end) = match of_year {
            true => (
                day.day_of_year() - 1,
                day.days_in_year() - day.day_of_year(),
            ),
            false => (
                i16::from(day.day()) - 1,
                i16::from(day.days_in_month() - day.day()),
            ),
        };
        let nth = i16::from(nth);
        nth == 0 || nth == from_start / 7 + 1 || nth == -(from_end / 7 + 1)
    }
}

fn numbers(text: &str) -> Result<Vec<i8>, String> {
    let one = |part: &str| part.parse().map_err(|_| format!("`{part}` is no number"));
    text.split(',').map(one).collect()
}

fn days_between(from: Date, to: Date) -> i64 {
    (to - from).get_days().into()
}

/// `MO`, `2TU`, `-1FR`.
fn read_day(text: &str) -> Result<(i8, Weekday), String> {
    let wrong = || format!("`{text}` is no weekday");
    let (nth, name) = text
        .split_at_checked(text.len().saturating_sub(2))
        .ok_or_else(wrong)?;
    let names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let at = names
        .iter()
        .position(|known| *known == name)
        .ok_or_else(wrong)?;
    let at = i8::try_from(at).unwrap();
    let weekday = Weekday::from_monday_zero_offset(at).map_err(|_| wrong())?;
    let nth = if nth.is_empty() {
        0
    } else {
        nth.parse().map_err(|_| wrong())?
    };
    Ok((nth, weekday))
}
