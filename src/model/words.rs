//! The words of an event: read only where a rule shows them, and cut to what a block may hold. They never show in a log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// So many characters of a title, a place or a name are read.
const LINE_MAX: usize = 300;
/// So many characters of notes.
const NOTES_MAX: usize = 4_000;
/// So many people.
const PEOPLE_MAX: usize = 50;

/// What an event says in words.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Words {
    /// Its title, on one line.
    #[serde(rename = "t", default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Where it is, on one line.
    #[serde(rename = "p", default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Its notes.
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// Who else is in it, by name or else by address.
    #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
}

/// Which words of events the rules show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// Their titles.
    pub titles: bool,
    /// More than those.
    pub details: bool,
    /// Of that, their places too.
    pub places: bool,
    /// Of that, their notes too.
    pub notes: bool,
    /// Those of private events too.
    pub private: bool,
}

impl Words {
    /// The title alone, as one line.
    pub fn titled(title: &str) -> Self {
        Self {
            title: line(title),
            ..Self::default()
        }
    }

    /// The same with all else.
    #[must_use]
    pub fn with_details(
        self,
        place: &str,
        notes: &str,
        people: impl Iterator<Item = String>,
    ) -> Self {
        let people = people
            .map(|name| line(&name))
            .filter(|name| !name.is_empty());
        Self {
            place: line(place),
            notes: text(notes, NOTES_MAX),
            people: people.take(PEOPLE_MAX).collect(),
            ..self
        }
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words(..)")
    }
}

/// A text on one line, without what no line holds.
fn line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(LINE_MAX).collect()
}

/// A text of several lines, without what no text holds.
fn text(text: &str, most: usize) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept = text.chars().filter(|c| *c == '\n' || !c.is_control());
    let cut: String = kept.take(most).collect();
    cut.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_to_size_and_never_shown() {
        let people = ["Ada\n", "", "Bob"].map(str::to_owned);
        let words = Words::titled(" Board\r\n meeting\u{7} ").with_details(
            "Room\t1",
            "a\r\nb\u{0}\n",
            people.into_iter(),
        );
        assert_eq!(words.title, "Board meeting");
        assert_eq!((&*words.place, &*words.notes), ("Room 1", "a\nb"));
        assert_eq!(words.people, ["Ada", "Bob"]);
        assert!(!format!("{words:?}").contains("Board"));
        let long = Words::titled(&"x".repeat(9_000));
        assert_eq!(long.title.len(), LINE_MAX);
    }
}
