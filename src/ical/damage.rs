//! Signs that a text lost a piece: none of them proves it, so they decide nothing by themselves. Which events a damaged text tells
//! of. Pure; must never keep a word of it but UIDs.

use std::{borrow::Cow, collections::BTreeSet};

use super::lines::{Component, newlines, with_newlines};
use crate::model::Uid;

/// The most UIDs that are looked for in a text that cannot be read.
const NAMES_MAX: usize = 100_000;
/// So many blanks in a row nobody writes: a piece was overwritten.
const BLANKS: usize = 32;

/// How many places of a text look damaged, and the first line that does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// How many places.
    pub count: u32,
    /// The first line of them, counted from 1.
    pub line: usize,
}

impl Signs {
    /// What is said of events that are missing in a text that looks damaged.
    pub fn words(self) -> String {
        let line = match self.count {
            0 => String::new(),
            _ => format!("line {}: ", self.line),
        };
        format!(
            "{line}it looks damaged, and events are gone from it; if that is right, run `calsync sync --full`"
        )
    }

    /// One more place.
    pub(super) fn note(&mut self, line: usize) {
        self.line = match self.count {
            0 => line,
            _ => self.line.min(line),
        };
        self.count = self.count.saturating_add(1);
    }
}

/// Pieces that were overwritten: with zeros, as a disk does that lost power, or with blanks.
pub(super) fn note_overwritten(text: &[u8], signs: &mut Signs) {
    let mut from = 0;
    let is_blank = |byte: &u8| matches!(byte, 0 | b' ');
    while let Some(start) = text
        .get(from..)
        .and_then(|rest| rest.iter().position(is_blank))
    {
        let run = text.get(from + start..).unwrap_or_default();
        let run = run.split(|byte| !is_blank(byte)).next().unwrap_or_default();
        if run.contains(&0) || run.len() >= BLANKS {
            signs.note(1 + newlines(text.get(..from + start).unwrap_or_default()));
        }
        from += start + run.len();
    }
}

/// What an event may say only once (RFC 5545 3.6.1) and says twice: two events may have run together.
pub(super) fn note_twice(event: &Component, signs: &mut Signs) {
    const ONCE: [&str; 11] = [
        "DTSTAMP",
        "CREATED",
        "LAST-MODIFIED",
        "SEQUENCE",
        "STATUS",
        "TRANSP",
        "CLASS",
        "SUMMARY",
        "DESCRIPTION",
        "DTEND",
        "DURATION",
    ];
    for name in ONCE {
        for again in event.all(name).skip(1) {
            signs.note(again.line);
        }
    }
}

/// The UIDs that stand in a text, also in one that makes no sense, each with its line: which events it may tell of.
pub fn names(bytes: &[u8]) -> BTreeSet<Uid> {
    let bytes = &*with_newlines(bytes);
    let mut names = BTreeSet::new();
    for (at, _) in bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| matches!(byte, b'U' | b'u'))
    {
        let is_first = first_of_line(bytes, at);
        if let Some(name) = bytes.get(at..).filter(|_| is_first).and_then(name_at)
            && names.len() < NAMES_MAX
        {
            names.insert(name);
        }
    }
    names
}

/// Whether nothing but marks stands before a place in its line, such as those of a quoted mail.
fn first_of_line(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    let mut before = before
        .iter()
        .rev()
        .take_while(|byte| !matches!(byte, b'\n' | b'\r'));
    before.all(|byte| byte.is_ascii_punctuation() || matches!(byte, 0 | b' ' | b'\t'))
}

/// The UID in a text that begins with that property.
fn name_at(text: &[u8]) -> Option<Uid> {
    /// RFC 7986 5.3 advises fewer.
    const LONGEST: usize = 1_000;
    let (name, rest) = text.split_at_checked(3)?;
    if !name.eq_ignore_ascii_case(b"UID") || !matches!(rest.first(), Some(b':' | b';')) {
        return None;
    }
    let line: Vec<u8> = unfolded(rest).take(LONGEST).collect();
    let colon = line.iter().position(|byte| *byte == b':')?;
    let value = String::from_utf8_lossy(line.get(colon + 1..)?);
    let value = match value.split_once('\0') {
        Some((value, _)) => Cow::Borrowed(value),
        None => value,
    };
    let value = value.trim();
    (!value.is_empty()).then(|| value.into())
}

/// The rest of a line and of what is folded into it (RFC 5545 3.1).
fn unfolded(text: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (&byte, after) = rest.split_first()?;
            let folds = [&b"\r\n "[..], b"\r\n\t", b"\n ", b"\n\t"];
            match folds.iter().find_map(|fold| rest.strip_prefix(*fold)) {
                Some(after) => rest = after,
                None if matches!(byte, b'\r' | b'\n') => return None,
                None => {
                    rest = after;
                    return Some(byte);
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_found_in_what_makes_no_sense() {
        let text = b"UID:one\r\n> uid;X=y:two\r\nSUMMARY:UID:no\r\nXUID:no\r\nDESCRIPTION:a\r\n b\r\n\0\0UID:lo\r\n ng\r\nUID:\r\nUID";
        let found = names(text);
        assert!(found.iter().map(|uid| &**uid).eq(["long", "one", "two"]));
    }

    #[test]
    fn overwritten_pieces_are_counted_with_the_first_line() {
        let mut signs = Signs::default();
        note_overwritten(b"a b\nc\0\0\0d\n    e\0", &mut signs);
        assert_eq!(signs, Signs { count: 2, line: 2 });
        let mut signs = Signs::default();
        note_overwritten(format!("a{}b", " ".repeat(BLANKS)).as_bytes(), &mut signs);
        assert_eq!(signs, Signs { count: 1, line: 1 });
    }
}
