//! What rules want of the words of events: which patterns titles and categories match, and the words that are shown. Of the others
//! nothing is kept but which patterns match.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::{Print, Telling, Words};

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

/// What the rules want to know of the words of one calendar's events.
#[derive(Clone, Debug, Default)]
pub struct Interest {
    /// What is looked for in them.
    patterns: Vec<Pattern>,
    /// What of them is shown.
    telling: Option<Telling>,
}

/// None in any words.
pub static NOTHING: Interest = Interest {
    patterns: Vec::new(),
    telling: None,
};

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

impl Interest {
    /// In whether words match all of these, and in the words that are shown.
    pub fn new(patterns: impl IntoIterator<Item = Pattern>, telling: Option<Telling>) -> Self {
        let mut patterns: Vec<Pattern> = patterns.into_iter().collect();
        patterns.sort_by_key(Pattern::mark);
        patterns.dedup_by_key(|pattern| pattern.mark);
        Self { patterns, telling }
    }

    /// Whether nobody wants to know anything.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty() && self.telling.is_none()
    }

    /// Whether more than titles is shown.
    pub fn is_in_details(&self) -> bool {
        self.telling.is_some_and(|telling| telling.details)
    }

    /// Which patterns an event matches with its title and its categories, which are read if there are any patterns.
    pub fn marks(&self, read: impl FnOnce() -> (String, Vec<String>)) -> BTreeSet<Mark> {
        if self.patterns.is_empty() {
            return BTreeSet::new();
        }
        let (title, categories) = read();
        let matching = self.patterns.iter().filter(|pattern| match pattern.field {
            Field::Title => pattern.regex.is_match(&title),
            Field::Category => categories.iter().any(|word| pattern.regex.is_match(word)),
        });
        matching.map(Pattern::mark).collect()
    }

    /// The words of an event as far as they are shown; `read` is told whether to read more than the title.
    pub fn words(&self, private: bool, read: impl FnOnce(bool) -> Words) -> Option<Box<Words>> {
        let telling = self.telling?;
        (telling.private || !private).then(|| {
            let mut words = Box::new(read(telling.details));
            if !telling.titles {
                words.title.clear();
            }
            if !telling.places {
                words.place.clear();
            }
            if !telling.notes {
                words.notes.clear();
            }
            words
        })
    }

    /// What changes when what is wanted does.
    pub fn print(&self) -> Print {
        let mut fields: Vec<Vec<u8>> = self
            .patterns
            .iter()
            .map(|pattern| pattern.mark.0.to_be_bytes().to_vec())
            .collect();
        fields.extend(
            self.telling
                .map(|telling| format!("{telling:?}").into_bytes()),
        );
        Print::of(fields.iter().map(Vec::as_slice))
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
        let interest = Interest::new([lunch.clone(), blue, lunch], None);
        let found = |title: &str, categories: &[&str]| {
            let categories: Vec<String> = categories.iter().map(|&word| word.to_owned()).collect();
            let found = interest.marks(|| (title.to_owned(), categories));
            marks.map(|mark| found.contains(&mark))
        };
        assert_eq!(found("Lunch with Bob", &[]), [true, false]);
        assert_eq!(found("No lunch", &["Red", "Navy Blue"]), [false, true]);
        assert_eq!(found("blue", &["lunch"]), [false, false]);
        assert!(Pattern::new(Field::Title, "(").is_err());
        assert!(Pattern::new(Field::Title, "\\w{9000}{90}").is_err());
    }
}
