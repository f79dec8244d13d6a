//! A TOML table that is read key by key and remembers every mistake with its line, not only the first.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::model::zone;

/// Keys of the whole file: TOML gives whatever stands below a `[section]` to that.
const ABOVE: [&str; 4] = ["timezone", "me", "key_file", "state"];

/// A mistake in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The line it is on, counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub words: String,
}

/// Collects mistakes, and knows which line a place in the text is on.
#[derive(Clone, Debug)]
pub(super) struct Mistakes {
    line_starts: Rc<Vec<usize>>,
    found: Rc<RefCell<Vec<Mistake>>>,
}

impl Mistakes {
    pub(super) fn in_text(text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        Self {
            line_starts: Rc::new(newlines.map(|(i, _)| i + 1).collect()),
            found: Rc::default(),
        }
    }

    pub(super) fn add(&self, at: usize, words: impl Into<String>) {
        let line = self.line_starts.partition_point(|start| *start <= at) + 1;
        let words = words.into();
        self.found.borrow_mut().push(Mistake { line, words });
    }

    pub(super) fn count(&self) -> usize {
        self.found.borrow().len()
    }

    /// Forgets all that came after the first so many.
    pub(super) fn forget_after(&self, count: usize) {
        self.found.borrow_mut().truncate(count);
    }

    pub(super) fn into_sorted(self) -> Vec<Mistake> {
        let mut found = self.found.borrow().clone();
        found.sort();
        found.dedup();
        found
    }
}

/// A table, the keys of which are taken out one by one; what is left over at the end is a mistake.
#[derive(Debug)]
pub(super) struct Table<'a> {
    table: &'a DeTable<'a>,
    /// How the table is called in messages, such as `[calendars.work]`; empty for the whole file.
    pub(super) name: String,
    /// Where it begins in the text.
    pub(super) at: usize,
    asked: BTreeSet<&'static str>,
    mistakes: Mistakes,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) at: usize,
}

impl<'a> Table<'a> {
    pub(super) fn new(table: &'a DeTable<'a>, name: &str, at: usize, mistakes: &Mistakes) -> Self {
        Self {
            table,
            name: name.to_owned(),
            at,
            asked: BTreeSet::new(),
            mistakes: mistakes.clone(),
        }
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.insert(key);
        self.table.get(key)
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let found = value.get_ref().type_str();
        let prefix = self.prefix();
        self.mistakes.add(
            value.span().start,
            format!("{prefix}`{key}` must be {wanted}, not {found}"),
        );
    }

    fn prefix(&self) -> String {
        if self.name.is_empty() {
            String::new()
        } else {
            format!("{} ", self.name)
        }
    }

    /// A mistake about this table.
    pub(super) fn mistake(&self, at: usize, words: &str) {
        self.mistakes.add(at, format!("{}{words}", self.prefix()));
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str) -> Option<At<String>> {
        let value = self.get(key)?;
        let at = value.span().start;
        match value.get_ref() {
            DeValue::String(text) => Some(At {
                value: text.to_string(),
                at,
            }),
            _ => {
                self.wrong(key, value, "a text in quotes");
                None
            }
        }
    }

    /// A whole number within bounds.
    pub(super) fn number(&mut self, key: &'static str, min: u32, max: u32) -> Option<u32> {
        let value = self.get(key)?;
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong(key, value, "a whole number");
            return None;
        };
        let parsed = i64::from_str_radix(number.as_str(), number.radix()).ok();
        let fits = parsed
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| (min..=max).contains(n));
        if fits.is_none() {
            self.mistake(
                value.span().start,
                &format!("`{key}` must be from {min} to {max}"),
            );
        }
        fits
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let DeValue::Boolean(flag) = value.get_ref() else {
            self.wrong(key, value, "true or false");
            return None;
        };
        Some(*flag)
    }

    /// A list of texts; a single text counts as a list of one.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<At<String>>> {
        let value = self.get(key)?;
        let items = match value.get_ref() {
            DeValue::String(_) => std::slice::from_ref(value),
            DeValue::Array(items) => &items[..],
            _ => {
                self.wrong(key, value, "a list of texts in quotes");
                return None;
            }
        };
        let mut texts = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => texts.push(At {
                    value: text.to_string(),
                    at: item.span().start,
                }),
                _ => self.wrong(key, item, "a list of texts in quotes"),
            }
        }
        Some(texts)
    }

    /// Whether a key's value is a list.
    pub(super) fn is_list(&self, key: &str) -> bool {
        let value = self.table.get(key).map(Spanned::get_ref);
        matches!(value, Some(DeValue::Array(_)))
    }

    /// A table inside this one.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Table<'a>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Table::new(
                table,
                &format!("[{key}]"),
                value.span().start,
                &self.mistakes,
            )),
            _ => {
                self.wrong(key, value, &format!("a table: [{key}]"));
                None
            }
        }
    }

    /// The named tables inside a table of this one, such as `[calendars.work]`.
    pub(super) fn named(&mut self, key: &'static str) -> Vec<(At<String>, Table<'a>)> {
        let Some(tables) = self.table(key) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (name, value) in tables.table {
            let at = name.span().start;
            let title = format!("[{key}.{}]", name.get_ref());
            match value.get_ref() {
                DeValue::Table(table) => {
                    let name = At {
                        value: name.get_ref().to_string(),
                        at,
                    };
                    found.push((name, Table::new(table, &title, at, &self.mistakes)));
                }
                _ => self.mistakes.add(
                    at,
                    format!("`{key}.{}` must be a table: {title}", name.get_ref()),
                ),
            }
        }
        // In the order of the file, so that what is first there is first everywhere.
        found.sort_by_key(|(name, _)| name.at);
        found
    }

    /// The texts of a table inside this one, each with its name, such as `{ work = "tomato" }`.
    pub(super) fn texts_by_name(&mut self, key: &'static str) -> Vec<(At<String>, At<String>)> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong(key, value, "a table of texts in quotes");
            return Vec::new();
        };
        let mut found = Vec::new();
        for (name, value) in table {
            let DeValue::String(text) = value.get_ref() else {
                self.wrong(key, value, "a table of texts in quotes");
                continue;
            };
            let (at, value) = (name.span().start, value.span().start);
            let name = name.get_ref().to_string();
            found.push((
                At { value: name, at },
                At {
                    value: text.to_string(),
                    at: value,
                },
            ));
        }
        found.sort_by_key(|(name, _)| name.at);
        found
    }

    /// The tables of a list, such as `[[rules]]`.
    pub(super) fn list(&mut self, key: &'static str) -> Vec<Table<'a>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, value, &format!("a list of tables: [[{key}]]"));
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => {
                    found.push(Table::new(
                        table,
                        &format!("[[{key}]]"),
                        item.span().start,
                        &self.mistakes,
                    ));
                }
                _ => self.wrong(key, item, "a table"),
            }
        }
        found
    }

    /// Where a key's value stands; the table itself if it is not there.
    pub(super) fn at_of(&self, key: &str) -> usize {
        self.table
            .get(key)
            .map_or(self.at, |value| value.span().start)
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// Marks keys as ones that belong here, whether or not they are asked for.
    pub(super) fn knows(&mut self, keys: &[&'static str]) {
        self.asked.extend(keys);
    }

    /// The names of the tables inside a table of this one, whatever is wrong with them.
    pub(super) fn names_in(&self, key: &str) -> BTreeSet<String> {
        let tables = self.table.get(key).map(Spanned::get_ref);
        let Some(DeValue::Table(tables)) = tables else {
            return BTreeSet::new();
        };
        tables
            .keys()
            .map(|name| name.get_ref().to_string())
            .collect()
    }

    /// Which key may be meant by one that nobody knows, and if that cannot be told, where all are.
    fn meant(&self, name: &str) -> String {
        let known = CALLED.iter().find(|(called, _)| *called == name);
        let known = known.filter(|(_, key)| self.asked.contains(key));
        let near = match known {
            Some((_, key)) => format!("; did you mean `{key}`?"),
            None => nearest(name, self.asked.iter().copied()),
        };
        match near.is_empty() {
            true => "; `calsync generate config` prints every key".to_owned(),
            false => near,
        }
    }

    /// Names every key that nobody asked for.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !self.asked.contains(name) {
                let near = match ABOVE.contains(&name) && !self.name.is_empty() {
                    true => "; it belongs above the first [section] of the file".to_owned(),
                    false => self.meant(name),
                };
                self.mistake(key.span().start, &format!("unknown key `{name}`{near}"));
            }
        }
    }
}

/// What keys are called elsewhere.
const CALLED: [(&str, &str); 12] = [
    ("has_attendees", "has_guests"),
    ("attendees", "has_guests"),
    ("organizer", "organiser_is_me"),
    ("organiser", "organiser_is_me"),
    ("buffer", "before"),
    ("buffer_before", "before"),
    ("buffer_after", "after"),
    ("reminder", "remind"),
    ("timezone", "zone"),
    ("min_duration", "shortest"),
    ("max_duration", "longest"),
    ("source", "from"),
];

/// What is wrong with a time zone that nobody knows.
pub(super) fn no_zone(key: &str, name: &str) -> String {
    let known: Vec<String> = zone::names().collect();
    let city = |zone: &&String| {
        let city = zone.rsplit('/').next().unwrap_or_default();
        city.eq_ignore_ascii_case(&name.replace(' ', "_"))
    };
    let near = match known.iter().find(city) {
        Some(zone) => format!("; did you mean `{zone}`?"),
        None => nearest(name, known.iter().map(String::as_str)),
    };
    format!(
        "`{key}` \"{name}\" is not a zone of the IANA database, such as \"Europe/Berlin\"{near}"
    )
}

/// `; did you mean "..."?`, if one of the candidates is close.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    let closest = candidates
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min();
    match closest {
        // Something of it has to be as it is.
        Some((distance, candidate))
            if distance <= 2.max(word.len() / 3)
                && distance < word.chars().count().max(candidate.chars().count()) =>
        {
            format!("; did you mean `{candidate}`?")
        }
        _ => String::new(),
    }
}
