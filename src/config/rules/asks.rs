//! What a rule of a configuration asks of events beside their times.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::table::{At, Table},
    one_of,
};
use crate::{
    model::{Answer, Kind, Mark, Pattern, Shown, marks::Field},
    plan::filter::{Asks, Wants},
};

/// What a rule asks for; `patterns` grows by what it looks for in words.
pub(super) fn asks(rule: &mut Table<'_>, patterns: &mut Vec<Pattern>) -> Asks {
    let usual = Asks::default();
    Asks {
        kinds: some_of(rule, ["kinds", "not_kinds"], &Kind::WORDS, usual.kinds),
        answers: some_of(
            rule,
            ["answers", "not_answers"],
            &Answer::WORDS,
            usual.answers,
        ),
        shown: some_of(
            rule,
            ["shown_as", "not_shown_as"],
            &Shown::WORDS,
            usual.shown,
        ),
        private: rule.flag("private"),
        mine: rule.flag("organiser_is_me"),
        guests: rule.flag("has_guests"),
        titles: wants(rule, ["titles", "not_titles"], Field::Title, patterns),
        categories: wants(
            rule,
            ["categories", "not_categories"],
            Field::Category,
            patterns,
        ),
    }
}

/// Whether a rule says outright that what is free is not to be shown.
pub(super) fn leaves_out_free(rule: &mut Table<'_>, asks: &Asks) -> bool {
    let unwanted = rule.texts("not_shown_as").unwrap_or_default();
    let is_named = unwanted.iter().any(|word| word.value == "free");
    is_named || rule.has("shown_as") && !asks.shown.contains(&Shown::Free)
}

/// Those of a few words that are asked for, without those that are not wanted.
fn some_of<T: Copy + Ord>(
    rule: &mut Table<'_>,
    [with, without]: [&'static str; 2],
    words: &[(&str, T)],
    usual: BTreeSet<T>,
) -> BTreeSet<T> {
    let asked = named(rule, with, words);
    let unwanted = named(rule, without, words).unwrap_or_default();
    let left: BTreeSet<T> = asked
        .unwrap_or(usual)
        .difference(&unwanted)
        .copied()
        .collect();
    if left.is_empty() {
        let key = if rule.has(with) { with } else { without };
        rule.mistake(
            rule.at_of(key),
            &format!("`{key}` leaves nothing to be shown"),
        );
    }
    left
}

/// The words that a key names; nothing if one of them is none of these, which is told.
fn named<T: Copy + Ord>(
    rule: &mut Table<'_>,
    key: &'static str,
    words: &[(&str, T)],
) -> Option<BTreeSet<T>> {
    let written = rule.texts(key)?;
    let found: Vec<Option<T>> = written
        .iter()
        .map(|word| one_of(rule, key, word, words))
        .collect();
    found.into_iter().collect()
}

/// Patterns, and patterns that nothing may match.
fn wants(
    rule: &mut Table<'_>,
    [with, without]: [&'static str; 2],
    field: Field,
    patterns: &mut Vec<Pattern>,
) -> Wants {
    Wants {
        any: looked_for(rule, with, field, patterns),
        none: looked_for(rule, without, field, patterns),
    }
}

fn looked_for(
    rule: &mut Table<'_>,
    key: &'static str,
    field: Field,
    patterns: &mut Vec<Pattern>,
) -> BTreeMap<Mark, String> {
    let mut marks = BTreeMap::new();
    let written = rule.texts(key);
    if written.as_ref().is_some_and(Vec::is_empty) {
        rule.mistake(
            rule.at_of(key),
            &format!("`{key}` must hold at least one pattern"),
        );
    }
    for At { value, at } in written.unwrap_or_default() {
        match Pattern::new(field, &value) {
            Ok(pattern) => {
                marks.insert(pattern.mark(), value);
                patterns.push(pattern);
            }
            Err(why) => {
                let why = why
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ");
                rule.mistake(at, &format!("`{key}`: \"{value}\" is no pattern: {why}"));
            }
        }
    }
    marks
}
