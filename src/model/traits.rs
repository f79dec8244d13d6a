//! What an event says beside its times that a rule may ask for: which of a few words it is, and which patterns of the
//! configuration its own words match. Of its words themselves only what a rule shows.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Mark, Words};

/// What an event, or one occurrence of it, says beside its times. By default, all that a plain event without guests says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// What kind of event it is.
    #[serde(rename = "k", default, skip_serializing_if = "is_usual")]
    pub kind: Kind,
    /// What its owner answered.
    #[serde(rename = "a", default, skip_serializing_if = "is_usual")]
    pub answer: Answer,
    /// As what it is shown.
    #[serde(rename = "s", default, skip_serializing_if = "is_usual")]
    pub shown: Shown,
    /// It is nobody else's business (`CLASS:PRIVATE`).
    #[serde(rename = "p", default, skip_serializing_if = "is_usual")]
    pub private: bool,
    /// Somebody else organises it.
    #[serde(rename = "o", default, skip_serializing_if = "is_usual")]
    pub invited: bool,
    /// Others are invited too.
    #[serde(rename = "g", default, skip_serializing_if = "is_usual")]
    pub guests: bool,
    /// The patterns that its words match.
    #[serde(rename = "m", default, skip_serializing_if = "is_usual")]
    pub marks: BTreeSet<Mark>,
    /// How many minutes it takes to get there.
    #[serde(rename = "j", default, skip_serializing_if = "is_usual")]
    pub travel: u32,
    /// Its words, as far as a rule shows them.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub words: Option<Box<Words>>,
}

/// What kind of event something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// An event like most.
    #[default]
    #[serde(rename = "d")]
    Usual,
    /// Its owner is out of office.
    #[serde(rename = "o")]
    OutOfOffice,
    /// Its owner wants to be left alone.
    #[serde(rename = "f")]
    FocusTime,
    /// It says where its owner works.
    #[serde(rename = "w")]
    WorkingLocation,
    /// A birthday.
    #[serde(rename = "b")]
    Birthday,
}

/// What the owner answered to an invitation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Answer {
    /// They come; or nobody asked them, because it is their own event.
    #[default]
    #[serde(rename = "y")]
    Accepted,
    /// They may come.
    #[serde(rename = "t")]
    Tentative,
    /// They have not answered yet.
    #[serde(rename = "u")]
    Unanswered,
    /// They do not come.
    #[serde(rename = "n")]
    Declined,
}

/// As what an event is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Shown {
    /// As busy.
    #[default]
    #[serde(rename = "b")]
    Busy,
    /// As perhaps busy.
    #[serde(rename = "t")]
    Tentative,
    /// As free.
    #[serde(rename = "f")]
    Free,
    /// As away.
    #[serde(rename = "a")]
    Away,
}

impl Kind {
    /// All of them, in the words of the configuration.
    pub const WORDS: [(&str, Self); 5] = [
        ("default", Self::Usual),
        ("out-of-office", Self::OutOfOffice),
        ("focus-time", Self::FocusTime),
        ("working-location", Self::WorkingLocation),
        ("birthday", Self::Birthday),
    ];
}

impl Answer {
    /// All of them, in the words of the configuration.
    pub const WORDS: [(&str, Self); 4] = [
        ("accepted", Self::Accepted),
        ("tentative", Self::Tentative),
        ("unanswered", Self::Unanswered),
        ("declined", Self::Declined),
    ];
}

impl Shown {
    /// All of them, in the words of the configuration.
    pub const WORDS: [(&str, Self); 4] = [
        ("busy", Self::Busy),
        ("tentative", Self::Tentative),
        ("free", Self::Free),
        ("away", Self::Away),
    ];
}

/// The word for one of these.
pub fn word_of<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    let found = words.iter().find(|(_, of)| of == value);
    found.map_or("", |(word, _)| word)
}

impl Traits {
    /// Whether they say nothing but what most events say.
    pub fn are_usual(&self) -> bool {
        is_usual(self)
    }
}

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
