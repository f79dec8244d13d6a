//! What a rule asks of an event beside its times. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Answer, Kind, Mark, Shown, Traits};

/// What a rule asks of an event, or of one occurrence. By default, what keeps its owner busy.
#[derive(Clone, Debug, PartialEq)]
pub struct Asks {
    /// Of which kinds it may be.
    pub kinds: BTreeSet<Kind>,
    /// What its owner may have answered.
    pub answers: BTreeSet<Answer>,
    /// As what it may be shown.
    pub shown: BTreeSet<Shown>,
    /// Whether it must be private, or must not.
    pub private: Option<bool>,
    /// Whether its owner must be the one who organises it, or must not.
    pub mine: Option<bool>,
    /// Whether others must be invited, or must not.
    pub guests: Option<bool>,
    /// What its title must match.
    pub titles: Wants,
    /// What one of its categories, or its colour, must match.
    pub categories: Wants,
}

/// Patterns of which one must match, and patterns of which none may.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wants {
    /// One of these must match, if there are any; each with its text.
    pub any: BTreeMap<Mark, String>,
    /// None of these may match.
    pub none: BTreeMap<Mark, String>,
}

impl Default for Asks {
    fn default() -> Self {
        Self {
            kinds: [Kind::Usual, Kind::OutOfOffice, Kind::FocusTime].into(),
            answers: [Answer::Accepted, Answer::Tentative, Answer::Unanswered].into(),
            shown: [Shown::Busy, Shown::Tentative, Shown::Away].into(),
            private: None,
            mine: None,
            guests: None,
            titles: Wants::default(),
            categories: Wants::default(),
        }
    }
}

/// What an event fails at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fails {
    /// Its kind.
    Kind(Kind),
    /// What its owner answered.
    Answer(Answer),
    /// As what it is shown.
    Shown(Shown),
    /// That it is private, or that it is not.
    Private(bool),
    /// That its owner organises it, or does not.
    Organiser(bool),
    /// That others are invited, or that nobody is.
    Guests(bool),
    /// Its title, which matches what it must not, or nothing that it must.
    Title(bool),
    /// Its categories, likewise.
    Category(bool),
}

impl Asks {
    /// Whether words of the event decide.
    pub fn look_at_words(&self) -> bool {
        self.titles != Wants::default() || self.categories != Wants::default()
    }

    /// The first thing at which an event fails, if it does.
    pub fn fails(&self, traits: &Traits) -> Option<Fails> {
        let is_other = |asked: Option<bool>, is: bool| asked.is_some_and(|asked| asked != is);
        let checks = [
            (!self.kinds.contains(&traits.kind), Fails::Kind(traits.kind)),
            (
                !self.answers.contains(&traits.answer),
                Fails::Answer(traits.answer),
            ),
            (
                !self.shown.contains(&traits.shown),
                Fails::Shown(traits.shown),
            ),
            (
                is_other(self.private, traits.private),
                Fails::Private(traits.private),
            ),
            (
                is_other(self.mine, !traits.invited),
                Fails::Organiser(!traits.invited),
            ),
            (
                is_other(self.guests, traits.guests),
                Fails::Guests(traits.guests),
            ),
            (
                !self.titles.fit(&traits.marks),
                Fails::Title(self.titles.bar(&traits.marks)),
            ),
            (
                !self.categories.fit(&traits.marks),
                Fails::Category(self.categories.bar(&traits.marks)),
            ),
        ];
        let mut failed = checks.into_iter().filter(|(fails, _)| *fails);
        failed.next().map(|(_, what)| what)
    }
}

impl Wants {
    fn fit(&self, marks: &BTreeSet<Mark>) -> bool {
        let is_any = || self.any.keys().any(|mark| marks.contains(mark));
        (self.any.is_empty() || is_any()) && !self.bar(marks)
    }

    /// Whether one matches of which none may.
    fn bar(&self, marks: &BTreeSet<Mark>) -> bool {
        self.none.keys().any(|mark| marks.contains(mark))
    }
}
