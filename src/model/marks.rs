//! The patterns that rules look for in titles and categories, and which of them the words of an event match. What is kept of an
//! event is which patterns match: its words are not.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::Print;

/// The most memory that one pattern may take, in bytes.
const PATTERN_MAX: usize = 1 << 20;

/// A pattern, by a number that follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(u32);

/// Where a pattern is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// In the title.
    Title,
    /// In each category, and in the name of the colour.
    Category,
}

/// Something to look for.
#[derive(Clone, Debug)]
pub struct Pattern {
    field: Field,
    mark: Mark,
    regex: Regex,
}

/// What the rules look for in one calendar.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Vec<Pattern>);

/// Nothing to look for.
pub static NOTHING: Patterns = Patterns(Vec::new());

impl Pattern {
    /// A pattern in the syntax of the `regex` crate. Upper and lower case are the same to it. The error says what is wrong with it.
    pub fn new(field: Field, text: &str) -> Result<Self, String> {
        let mut builder = RegexBuilder::new(text);
        let builder = builder.case_insensitive(true).size_limit(PATTERN_MAX);
        let regex = builder.build().map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            error => error.to_string(),
        })?;
        let place: &[u8] = match field {
            Field::Title => b"title",
            Field::Category => b"category",
        };
        let Print([a, b, c, d, ..]) = Print::of([place, text.as_bytes()]);
        let mark = Mark(u32::from_be_bytes([a, b, c, d]));
        Ok(Self { field, mark, regex })
    }

    /// Its number.
    pub fn mark(&self) -> Mark {
        self.mark
    }
}

impl Patterns {
    /// All of these.
    pub fn new(patterns: impl IntoIterator<Item = Pattern>) -> Self {
        let mut all: Vec<Pattern> = patterns.into_iter().collect();
        all.sort_by_key(Pattern::mark);
        all.dedup_by_key(|pattern| pattern.mark);
        Self(all)
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which of them an event matches with its title and its categories.
    pub fn marks(&self, title: &str, categories: &[String]) -> BTreeSet<Mark> {
        let matching = self.0.iter().filter(|pattern| match pattern.field {
            Field::Title => pattern.regex.is_match(title),
            Field::Category => categories.iter().any(|word| pattern.regex.is_match(word)),
        });
        matching.map(Pattern::mark).collect()
    }

    /// What changes when what is looked for does.
    pub fn print(&self) -> Print {
        let marks: Vec<[u8; 4]> = self.0.iter().map(|p| p.mark.0.to_be_bytes()).collect();
        Print::of(marks.iter().map(<[u8; 4]>::as_slice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_looked_at_and_not_kept() {
        let new = |field, text| Pattern::new(field, text).unwrap();
        let (lunch, blue) = (new(Field::Title, "^lunch"), new(Field::Category, "blue"));
        let marks = [lunch.mark(), blue.mark()];
        let patterns = Patterns::new([lunch.clone(), blue, lunch]);
        let found = |title: &str, categories: &[&str]| {
            let categories: Vec<String> = categories.iter().map(|&word| word.to_owned()).collect();
            let found = patterns.marks(title, &categories);
            marks.map(|mark| found.contains(&mark))
        };
        assert_eq!(found("Lunch with Bob", &[]), [true, false]);
        assert_eq!(found("No lunch", &["Red", "Navy Blue"]), [false, true]);
        assert_eq!(found("blue", &["lunch"]), [false, false]);
        assert!(Pattern::new(Field::Title, "(").is_err());
        assert!(Pattern::new(Field::Title, "\\w{9000}{90}").is_err());
    }
}
