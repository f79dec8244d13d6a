//! A filter in the words of the configuration.

use std::{collections::BTreeSet, fmt};

use jiff::{SignedDuration, civil::Time, tz::TimeZone};

use super::{AllDay, Asks, Day, Edge, Filter, Form, Grid, Times};
use crate::model::{Answer, Kind, Shown, traits::word_of};

/// What a key of a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Yes or no.
    Flag(bool),
    /// A word, a time or a length.
    Word(String),
    /// Several words.
    Words(Vec<String>),
    /// Several patterns.
    Patterns(Vec<String>),
}

impl Setting {
    /// One word.
    pub fn word(word: &str) -> Self {
        Self::Word(word.to_owned())
    }

    /// A length of time.
    pub fn length(length: SignedDuration) -> Self {
        Self::Word(length_text(length))
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Word(word) => word.fmt(f),
            Self::Words(words) => words.join(" ").fmt(f),
            Self::Patterns(patterns) => {
                let patterns: Vec<String> = patterns.iter().map(|p| format!("/{p}/")).collect();
                patterns.join(" ").fmt(f)
            }
        }
    }
}

/// A key of a rule, and what it says.
type Said = (&'static str, Setting);

impl Filter {
    /// Each key that says something else than usual, and what it says.
    pub fn said(&self) -> Vec<Said> {
        let mut said = Vec::new();
        match self.all_day {
            AllDay::Skip => said.push(("all_day", Setting::word("skip"))),
            AllDay::All => said.push(("all_day", Setting::word("all"))),
            AllDay::OnlyBusy => said.push(("all_day", Setting::word("busy"))),
            AllDay::Busy => {}
        }
        self.asks.say(&mut said);
        for (key, length) in [("shortest", self.shortest), ("longest", self.longest)] {
            said.extend(length.map(|length| (key, Setting::length(length))));
        }
        if let Some(times) = &self.times {
            times.say(&mut said);
        }
        self.form.say(self.times.is_none(), &mut said);
        if self.merge {
            said.push(("merge", Setting::Flag(true)));
        }
        said.extend(
            self.notice
                .map(|notice| ("notice", Setting::length(notice))),
        );
        said
    }
}

impl Asks {
    fn say(&self, said: &mut Vec<Said>) {
        let usual = Self::default();
        if self.kinds != usual.kinds {
            said.push(("kinds", words(&Kind::WORDS, &self.kinds)));
        }
        if self.answers != usual.answers {
            said.push(("answers", words(&Answer::WORDS, &self.answers)));
        }
        if self.shown != usual.shown {
            said.push(("shown_as", words(&Shown::WORDS, &self.shown)));
        }
        let flags = [
            ("private", self.private),
            ("organiser_is_me", self.mine),
            ("has_guests", self.guests),
        ];
        for (key, flag) in flags {
            said.extend(flag.map(|flag| (key, Setting::Flag(flag))));
        }
        let wants = [
            ("titles", &self.titles.any),
            ("not_titles", &self.titles.none),
            ("categories", &self.categories.any),
            ("not_categories", &self.categories.none),
        ];
        for (key, patterns) in wants
            .into_iter()
            .filter(|(_, patterns)| !patterns.is_empty())
        {
            said.push((key, Setting::Patterns(patterns.values().cloned().collect())));
        }
    }
}

impl Times {
    fn say(&self, said: &mut Vec<Said>) {
        if self.days.len() < 7 {
            let days = self.days.iter().map(|day| day.word().to_owned());
            said.push(("days", Setting::Words(days.collect())));
        }
        if let Some((from, to)) = self.hours {
            let time = |time: Time| time.strftime("%H:%M").to_string();
            let to = match to == Time::midnight() {
                true => "24:00".to_owned(),
                false => time(to),
            };
            said.push(("hours", Setting::Word(format!("{}-{to}", time(from)))));
        }
        let edge = match self.edge {
            Edge::Touch => "touch",
            Edge::Inside => "inside",
            Edge::Clip => "clip",
        };
        said.push(("edge", Setting::word(edge)));
        said.push(("zone", Setting::word(zone_text(&self.zone))));
    }
}

impl Form {
    /// `alone`: no times of the rule name the zone.
    fn say(&self, alone: bool, said: &mut Vec<Said>) {
        for (key, length) in [("before", self.before), ("after", self.after)] {
            if length > SignedDuration::ZERO {
                said.push((key, Setting::length(length)));
            }
        }
        if self.travel {
            said.push(("travel", Setting::Flag(true)));
        }
        if let Some(Grid { minutes, zone }) = &self.round {
            let length = SignedDuration::from_mins(i64::from(*minutes));
            said.push(("round", Setting::length(length)));
            if alone {
                said.push(("zone", Setting::word(zone_text(zone))));
            }
        }
    }
}

impl Day {
    fn word(self) -> &'static str {
        const WORDS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let nth = usize::try_from(self.0).unwrap_or_default();
        WORDS.get(nth).copied().unwrap_or_default()
    }
}

fn zone_text(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

fn words<T: PartialEq>(all: &[(&'static str, T)], some: &BTreeSet<T>) -> Setting {
    let words = some.iter().map(|one| word_of(all, one).to_owned());
    Setting::Words(words.collect())
}

/// A length of time as it would be written.
fn length_text(length: SignedDuration) -> String {
    const DAY: i64 = 1_440;
    let minutes = length.as_mins();
    if minutes > 0 && minutes % DAY == 0 {
        return format!("{}d", minutes / DAY);
    }
    let parts = [(minutes / 60, 'h'), (minutes % 60, 'm')];
    let mut text = String::new();
    for (count, unit) in parts.into_iter().filter(|(count, _)| *count > 0) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&format_args!("{count}{unit}").to_string());
    }
    match text.is_empty() {
        true => format!("{}s", length.as_secs()),
        false => text,
    }
}
