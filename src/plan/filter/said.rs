//! A filter in the words of the configuration.

use std::collections::BTreeSet;

use jiff::{SignedDuration, civil::Time, tz::TimeZone};

use super::{AllDay, Asks, Day, Edge, Filter, Form, Grid, Times};
use crate::model::{Answer, Kind, Shown, traits::word_of};

impl Filter {
    /// Each key that says something else than usual, and what it says.
    pub fn said(&self) -> Vec<(&'static str, String)> {
        let mut said = Vec::new();
        match self.all_day {
            AllDay::Skip => said.push(("all_day", "skip".to_owned())),
            AllDay::All => said.push(("all_day", "all".to_owned())),
            AllDay::Busy => {}
        }
        self.asks.say(&mut said);
        for (key, length) in [("shortest", self.shortest), ("longest", self.longest)] {
            said.extend(length.map(|length| (key, length_text(length))));
        }
        if let Some(times) = &self.times {
            times.say(&mut said);
        }
        self.form.say(self.times.is_none(), &mut said);
        if self.merge {
            said.push(("merge", "true".to_owned()));
        }
        said.extend(self.notice.map(|notice| ("notice", length_text(notice))));
        said
    }
}

impl Asks {
    fn say(&self, said: &mut Vec<(&'static str, String)>) {
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
            said.extend(flag.map(|flag| (key, flag.to_string())));
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
            let patterns: Vec<String> = patterns.values().map(|text| format!("/{text}/")).collect();
            said.push((key, patterns.join(" ")));
        }
    }
}

impl Times {
    fn say(&self, said: &mut Vec<(&'static str, String)>) {
        if self.days.len() < 7 {
            let days: Vec<&str> = self.days.iter().map(|day| day.word()).collect();
            said.push(("days", days.join(" ")));
        }
        if let Some((from, to)) = self.hours {
            let time = |time: Time| time.strftime("%H:%M").to_string();
            said.push(("hours", format!("{}-{}", time(from), time(to))));
        }
        let edge = match self.edge {
            Edge::Touch => "touch",
            Edge::Inside => "inside",
            Edge::Clip => "clip",
        };
        said.push(("edge", edge.to_owned()));
        said.push(("zone", zone_text(&self.zone)));
    }
}

impl Form {
    /// `alone`: no times of the rule name the zone.
    fn say(&self, alone: bool, said: &mut Vec<(&'static str, String)>) {
        for (key, length) in [("before", self.before), ("after", self.after)] {
            if length > SignedDuration::ZERO {
                said.push((key, length_text(length)));
            }
        }
        if self.travel {
            said.push(("travel", "true".to_owned()));
        }
        if let Some(Grid { minutes, zone }) = &self.round {
            let length = SignedDuration::from_mins(i64::from(*minutes));
            said.push(("round", length_text(length)));
            if alone {
                said.push(("zone", zone_text(zone)));
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

fn zone_text(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}

fn words<T: PartialEq>(all: &[(&'static str, T)], some: &BTreeSet<T>) -> String {
    let words: Vec<&str> = some.iter().map(|one| word_of(all, one)).collect();
    words.join(" ")
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
