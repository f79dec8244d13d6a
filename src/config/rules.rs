//! The rules of a configuration: which source shows in which target, what of it, and in which words.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{
    SignedDuration,
    civil::{Time, Weekday},
    tz::TimeZone,
};

use super::{
    Calendar,
    table::{At, Table, nearest, no_zone},
};
use crate::{
    model::{CalendarName, Interest, Pattern, Shown, Telling, zone},
    plan::{
        Filter, Respect, Route, Wording,
        filter::{AllDay, Day, Edge, Times},
        wording::UNTITLED,
    },
    session::Role,
};

mod asks;
mod form;
mod hub;
mod wording;

use hub::Spoke;
use wording::Draft;

/// What the rules say.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Which source shows in which target, what of it, and in which words.
    pub(super) routes: Vec<Route>,
    /// What is wanted of the words of which source's events.
    pub(super) interests: BTreeMap<CalendarName, Interest>,
}

/// The days of the week, as they are written.
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Reads the rules and the hub; without any, every calendar blocks every other one.
pub(super) fn rules(
    root: &mut Table<'_>,
    calendars: &BTreeMap<CalendarName, At<Calendar>>,
    home: &TimeZone,
) -> Rules {
    let names = root.names_in("calendars");
    let mut found = Gathered {
        calendars: (calendars, &names),
        routes: Vec::new(),
        of_hub: usize::MAX,
        looked_for: BTreeMap::new(),
        telling: BTreeMap::new(),
    };
    if let Some((table, spokes)) = hub::hub(root, found.calendars) {
        for Spoke { from, to, draft } in spokes {
            found.add(&table, (from, to), &Arc::default(), &draft);
        }
        table.finish();
    }
    found.of_hub = found.routes.len();
    let rules = root.list("rules");
    if rules.is_empty() && !root.has("rules") && !root.has("hub") {
        found.routes = every_pair(calendars);
    }
    for rule in rules {
        found.add_rule(rule, home);
    }
    found.into_rules()
}

/// All calendars, and the names of all, whatever is wrong with them.
type Named<'a> = (
    &'a BTreeMap<CalendarName, At<Calendar>>,
    &'a BTreeSet<String>,
);

/// What the rules say, as far as they are read.
struct Gathered<'a> {
    calendars: Named<'a>,
    routes: Vec<Route>,
    /// How many of them the hub stands for; all, as long as that is being read.
    of_hub: usize,
    looked_for: BTreeMap<CalendarName, Vec<Pattern>>,
    telling: BTreeMap<CalendarName, Telling>,
}

impl Gathered<'_> {
    /// Reads one more rule.
    fn add_rule(&mut self, mut rule: Table<'_>, home: &TimeZone) {
        let from = names(&mut rule, "from", self.calendars, Role::is_source, "source");
        let to = names(&mut rule, "to", self.calendars, Role::is_target, "target");
        let draft = wording::draft(&mut rule);
        let mut patterns = Vec::new();
        let filter = Arc::new(filter(&mut rule, home, &mut patterns));
        for source in from.iter().filter(|_| !patterns.is_empty()) {
            let looked_for = self.looked_for.entry(source.clone()).or_default();
            looked_for.extend(patterns.iter().cloned());
        }
        if !from.is_empty() && !to.is_empty() && pairs(&from, &to).next().is_none() {
            rule.mistake(
                rule.at,
                "shows nothing: `from` and `to` name the same calendar",
            );
        }
        for pair in pairs(&from, &to) {
            self.add(&rule, pair, &filter, &draft);
        }
        rule.finish();
    }

    /// Adds what shows one calendar in another one.
    fn add(
        &mut self,
        rule: &Table<'_>,
        (source, target): (CalendarName, CalendarName),
        filter: &Arc<Filter>,
        draft: &Draft,
    ) {
        let mut earlier = self.routes.iter();
        let same = earlier.position(|route| route.source == source && route.target == target);
        if let Some(nth) = same {
            let who = match nth < self.of_hub {
                true => "[hub] does already",
                false => "an earlier rule does already",
            };
            let words = format!("shows \"{source}\" in \"{target}\", which {who}");
            rule.mistake(rule.at, &words);
        }
        let (calendars, _) = self.calendars;
        let (Some(from), Some(to)) = (calendars.get(&source), calendars.get(&target)) else {
            return;
        };
        if let Some(asked) = draft.telling() {
            let telling = self.telling.entry(source.clone()).or_default();
            telling.titles |= asked.titles;
            telling.details |= asked.details;
            telling.places |= asked.places;
            telling.notes |= asked.notes;
            telling.private |= asked.private;
        }
        self.routes.push(Route {
            wording: draft.wording(rule, (&source, &from.value), &to.value),
            source,
            target,
            filter: Arc::clone(filter),
            respect: draft.respect,
        });
    }

    fn into_rules(mut self) -> Rules {
        let named = self.looked_for.keys().chain(self.telling.keys());
        let named: BTreeSet<CalendarName> = named.cloned().collect();
        let interest = |source: CalendarName| {
            let patterns = self.looked_for.remove(&source).unwrap_or_default();
            let interest = Interest::new(patterns, self.telling.get(&source).copied());
            (source, interest)
        };
        Rules {
            routes: self.routes,
            interests: named.into_iter().map(interest).collect(),
        }
    }
}

/// What of its sources a rule shows.
fn filter(rule: &mut Table<'_>, home: &TimeZone, patterns: &mut Vec<Pattern>) -> Filter {
    let all_days = [
        ("skip", AllDay::Skip),
        ("busy", AllDay::Busy),
        ("all", AllDay::All),
    ];
    let zone = zone(rule, home);
    let shortest = duration(rule, "shortest");
    let longest = duration(rule, "longest");
    if shortest
        .zip(longest)
        .is_some_and(|(shortest, longest)| shortest > longest)
    {
        rule.mistake(
            rule.at_of("shortest"),
            "`shortest` is longer than `longest`, so nothing is shown",
        );
    }
    let mut all_day = choice(rule, "all_day", &all_days).unwrap_or_default();
    let asks = asks::asks(rule, patterns);
    if all_day == AllDay::Busy && rule.has("all_day") && asks.shown.contains(&Shown::Free) {
        all_day = AllDay::OnlyBusy;
    }
    if all_day == AllDay::All && asks::leaves_out_free(rule, &asks) {
        rule.mistake(
            rule.at_of("all_day"),
            "`all_day = \"all\"` shows whole days that are free, which `shown_as` or `not_shown_as` leaves out",
        );
    }
    Filter {
        all_day,
        asks,
        shortest,
        longest,
        times: times(rule, zone.as_ref()),
        form: form::form(rule, zone.as_ref()),
        merge: rule.flag("merge").unwrap_or_default(),
        notice: duration(rule, "notice"),
    }
}

/// Whose clock it is: nothing if that cannot be read.
fn zone(rule: &mut Table<'_>, home: &TimeZone) -> Option<TimeZone> {
    let Some(named) = rule.text("zone") else {
        return Some(home.clone());
    };
    let found = zone::iana(&named.value);
    let is_needed = ["days", "hours", "round"].iter().any(|key| rule.has(key));
    if !is_needed {
        rule.mistake(
            rule.at_of("zone"),
            "`zone` goes with `days`, `hours` or `round`",
        );
    } else if found.is_none() {
        rule.mistake(named.at, &no_zone("zone", &named.value));
    }
    found
}

/// At which times.
fn times(rule: &mut Table<'_>, zone: Option<&TimeZone>) -> Option<Times> {
    let days = days(rule);
    let hours = hours(rule);
    let edges = [
        ("touch", Edge::Touch),
        ("inside", Edge::Inside),
        ("clip", Edge::Clip),
    ];
    let edge = choice(rule, "edge", &edges);
    if !rule.has("days") && !rule.has("hours") {
        if rule.has("edge") {
            rule.mistake(rule.at_of("edge"), "`edge` goes with `days` or `hours`");
        }
        return None;
    }
    Some(Times {
        days: days.unwrap_or_else(|| DAYS.iter().map(|(_, day)| (*day).into()).collect()),
        hours,
        edge: edge.unwrap_or_default(),
        zone: zone?.clone(),
    })
}

/// One of a few words.
pub(super) fn choice<T: Copy>(
    rule: &mut Table<'_>,
    key: &'static str,
    words: &[(&str, T)],
) -> Option<T> {
    let written = rule.text(key)?;
    one_of(rule, key, &written, words)
}

/// What a word stands for, if it is one of these.
fn one_of<T: Copy>(
    rule: &Table<'_>,
    key: &str,
    written: &At<String>,
    words: &[(&str, T)],
) -> Option<T> {
    let found = words.iter().find(|(word, _)| *word == written.value);
    if found.is_none() {
        let near = nearest(&written.value, words.iter().map(|(word, _)| *word));
        let all: Vec<String> = words
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect();
        let words = format!(
            "`{key}` takes {}, not \"{}\"{near}",
            all.join(", "),
            written.value
        );
        rule.mistake(written.at, &words);
    }
    found.map(|(_, value)| *value)
}

/// A length of time, such as "90m" or "1h 30m".
fn duration(rule: &mut Table<'_>, key: &'static str) -> Option<SignedDuration> {
    let written = rule.text(key)?;
    let days = written
        .value
        .trim()
        .strip_suffix('d')
        .and_then(|days| days.trim().parse::<i64>().ok());
    let found = match days {
        Some(days) => days
            .checked_mul(24)
            .filter(|hours| *hours <= 24 * 3660)
            .map(SignedDuration::from_hours),
        None => written.value.parse().ok(),
    };
    if found == Some(SignedDuration::ZERO) {
        let words =
            format!("`{key}` must be a length of time longer than nothing; for none, leave it out");
        rule.mistake(written.at, &words);
        return None;
    }
    let found = found.filter(|found| *found > SignedDuration::ZERO);
    if found.is_none() {
        let words = format!(
            "`{key}` must be a length of time, such as \"15m\", \"1h 30m\" or \"2d\", not \"{}\"",
            written.value
        );
        rule.mistake(written.at, &words);
    }
    found
}

/// The beginning of a day's whole name, or else the word as it is.
fn as_day(word: &str) -> String {
    let lower = word.to_lowercase();
    let mut days = DAYS.iter().map(|(day, _)| *day);
    let day = days.find(|day| lower.starts_with(*day) && lower.ends_with("day"));
    day.map_or(lower.clone(), str::to_owned)
}

/// What was meant by days that nobody knows, or by the first and the last one of some.
fn near_days(written: &str) -> String {
    let words = DAYS.map(|(word, _)| word);
    let Some((from, to)) = written.split_once('-') else {
        return nearest(&as_day(written), words.into_iter());
    };
    let all = words
        .iter()
        .flat_map(|from| words.map(|to| format!("{from}-{to}")));
    let all: Vec<String> = all.collect();
    let meant = format!("{}-{}", as_day(from.trim()), as_day(to.trim()));
    nearest(&meant, all.iter().map(String::as_str))
}

/// Days of the week: "mon", or "mon-fri".
fn days(rule: &mut Table<'_>) -> Option<BTreeSet<Day>> {
    let mut found = BTreeSet::new();
    let written = rule.texts("days")?;
    if written.is_empty() {
        rule.mistake(rule.at_of("days"), "`days` must name at least one day");
    }
    for At { value, at } in written {
        let (from, to) = value.split_once('-').unwrap_or((&value, &value));
        let place = |name: &str| {
            let name = name.trim().to_lowercase();
            DAYS.iter().position(|(word, _)| *word == name)
        };
        let (Some(from), Some(to)) = (place(from), place(to)) else {
            let near = near_days(&value);
            let words = format!(
                "`days` takes \"mon\", \"tue\" and so on, or \"mon-fri\", not \"{value}\"{near}"
            );
            rule.mistake(at, &words);
            continue;
        };
        // A week may be gone through over its end: "fri-mon".
        let count = (to + DAYS.len() - from) % DAYS.len() + 1;
        let days = DAYS.iter().cycle().skip(from).take(count);
        found.extend(days.map(|(_, day)| Day::from(*day)));
    }
    Some(found)
}

/// From when to when, such as "09:00-17:30".
fn hours(rule: &mut Table<'_>) -> Option<(Time, Time)> {
    let written = rule.text("hours")?;
    let time = |text: &str| match text.trim() {
        "24:00" => Some(Time::midnight()),
        text => Time::strptime("%H:%M", text).ok(),
    };
    let parts = written.value.split_once('-');
    let found = parts.and_then(|(from, to)| Some((time(from)?, time(to)?)));
    if found.is_some_and(|(from, to)| from == to && from != Time::midnight()) {
        let words = "`hours` ends when it begins; for all day long, leave it out";
        rule.mistake(written.at, words);
    }
    if found.is_none() {
        let words = format!(
            "`hours` must be two times of day, such as \"09:00-17:30\", not \"{}\"",
            written.value
        );
        rule.mistake(written.at, &words);
    }
    found
}

fn names(
    rule: &mut Table<'_>,
    key: &'static str,
    (calendars, named): Named<'_>,
    fits: fn(Role) -> bool,
    word: &str,
) -> Vec<CalendarName> {
    let Some(written) = rule.texts(key) else {
        if !rule.has(key) {
            let what = match key {
                "main" => "the name of a calendar",
                _ => "a list of calendars",
            };
            rule.mistake(rule.at, &format!("needs `{key}`: {what}"));
        }
        return Vec::new();
    };
    if written.is_empty() {
        rule.mistake(rule.at, &format!("`{key}` must name at least one calendar"));
    }
    let mut found = Vec::new();
    for At { value, at } in written {
        match calendars.get(value.as_str()) {
            Some(calendar) if !fits(calendar.value.role) => {
                let role = calendar.value.role.word();
                rule.mistake(
                    at,
                    &format!(
                        "`{key}`: \"{value}\" has role = \"{role}\", so it cannot be a {word}"
                    ),
                );
            }
            Some(_) if found.contains(&CalendarName::from(value.as_str())) => {
                rule.mistake(at, &format!("`{key}` names \"{value}\" twice"));
            }
            Some(_) => found.push(value.as_str().into()),
            None if named.contains(&value) => {}
            None => {
                let near = nearest(&value, named.iter().map(String::as_str));
                rule.mistake(
                    at,
                    &format!("`{key}`: there is no calendar \"{value}\"{near}"),
                );
            }
        }
    }
    found
}

/// Without rules, every calendar blocks every other one.
fn every_pair(calendars: &BTreeMap<CalendarName, At<Calendar>>) -> Vec<Route> {
    let wording = Wording::busy(UNTITLED);
    let names = |fits: fn(Role) -> bool| {
        // In the order of the file.
        let mut fitting: Vec<_> = calendars
            .iter()
            .filter(|(_, c)| fits(c.value.role))
            .collect();
        fitting.sort_by_key(|(_, calendar)| calendar.at);
        fitting
            .into_iter()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>()
    };
    pairs(&names(Role::is_source), &names(Role::is_target))
        .map(|(source, target)| Route {
            source,
            target,
            filter: Arc::default(),
            wording: Arc::clone(&wording),
            respect: Respect::default(),
        })
        .collect()
}

fn pairs(
    from: &[CalendarName],
    to: &[CalendarName],
) -> impl Iterator<Item = (CalendarName, CalendarName)> {
    from.iter()
        .flat_map(move |source| {
            to.iter()
                .map(move |target| (source.clone(), target.clone()))
        })
        .filter(|(source, target)| source != target)
}
