//! Whether a text lost a piece: what proves it, and signs that alone prove nothing. Which events a damaged text tells of. Pure; must
//! never keep a word of it but UIDs.

use std::{
    borrow::Cow,
    collections::{BTreeSet, VecDeque},
};

use super::lines::{Component, Prop, newlines, with_newlines};
use crate::model::Uid;

/// The most UIDs that are looked for in a text that cannot be read.
const NAMES_MAX: usize = 100_000;
/// So many zeros or ones in a row no program writes by a slip: a piece was overwritten.
const RUN: usize = 8;
/// So many kinds of control characters close together are no text.
const KINDS: usize = 5;

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
            "{line}it looks damaged, and events are gone from it, or say something else than before; if that is right, run `calsync sync --full`"
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

/// The line on which a piece of a text was overwritten: with zeros, as a disk does that lost power, with ones, or with what stood
/// elsewhere. No text holds those, unless something behind its end was left over.
pub(super) fn overwritten(text: &[u8]) -> Option<usize> {
    let (inside, _) = apart(text);
    let is_run = |part: &[u8]| {
        matches!(part, [0 | 0xff, ..]) && part.iter().all(|byte| part.first() == Some(byte))
    };
    let run = inside.windows(RUN).position(is_run);
    let first = run.into_iter().chain(scrambled(inside)).min()?;
    Some(line_of(inside, first))
}

/// Where bytes stand that are no text: several kinds of control characters close together. A program may leave one in a note, and
/// some ways of writing shift by two or three.
fn scrambled(text: &[u8]) -> Option<usize> {
    const CLOSE: usize = 64;
    let is_control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r');
    let mut near: VecDeque<(usize, u8)> = VecDeque::new();
    for (at, &byte) in text.iter().enumerate().filter(|(_, byte)| is_control(byte)) {
        near.retain(|(before, other)| at - before < CLOSE && *other != byte);
        near.push_back((at, byte));
        if near.len() >= KINDS {
            return near.front().map(|(at, _)| *at);
        }
    }
    None
}

/// Zeros behind the end of a text: a calendar may have stood there.
pub(super) fn note_zeros(text: &[u8], signs: &mut Signs) {
    let (inside, behind) = apart(text);
    if let Some(at) = behind.windows(RUN).position(|run| run == [0; RUN]) {
        signs.note(line_of(text, inside.len() + at));
    }
}

/// A text up to the end of its last calendar, and what is behind that.
fn apart(text: &[u8]) -> (&[u8], &[u8]) {
    const END: &[u8] = b"END:VCALENDAR";
    let mut parts = text.windows(END.len());
    let last = parts.rposition(|part| part.eq_ignore_ascii_case(END));
    text.split_at(last.unwrap_or(text.len()))
}

/// The line that a place is on, counted from 1.
fn line_of(text: &[u8], at: usize) -> usize {
    1 + newlines(text.get(..at).unwrap_or_default())
}

/// What an event may say only once (RFC 5545 3.6.1) and says twice: two events may have run together.
pub(super) fn note_twice(event: &Component, signs: &mut Signs) {
    const ONCE: [&str; 9] = [
        "DTSTAMP",
        "CREATED",
        "LAST-MODIFIED",
        "SEQUENCE",
        "STATUS",
        "TRANSP",
        "CLASS",
        "DTEND",
        "DURATION",
    ];
    for name in ONCE {
        for again in event.all(name).skip(1) {
            signs.note(again.line);
        }
    }
}

/// The properties that decide when something is.
const DECIDE: [&str; 7] = [
    "DTSTART",
    "DTEND",
    "RDATE",
    "EXDATE",
    "RECURRENCE-ID",
    "RRULE",
    "DURATION",
];

/// A property that is a letter or so away from one that decides when something is, with such a value, and which: nobody else has
/// such a name.
pub(super) fn misspelt(event: &Component) -> Option<(usize, &'static str)> {
    event.props.iter().find_map(|prop| {
        let (name, value) = (prop.name.as_str(), prop.value.trim());
        let meant = meant(name, value).or_else(|| tells(prop, value))?;
        Some((prop.line, meant))
    })
}

/// Which of the properties that decide when something is another one tells of, whatever it is called.
fn tells(prop: &Prop, value: &str) -> Option<&'static str> {
    let name = prop.name.as_str();
    // The line before it lost its end.
    if matches!(name, "SUMMARY" | "LOCATION") {
        return value.contains("RRULE:FREQ=").then_some("RRULE");
    }
    let is_other = !DECIDE.contains(&name) && !KNOWN.contains(&name) && !name.starts_with("X-");
    let is_rule = is_other && value.starts_with("FREQ=");
    let is_time = is_other && prop.param("TZID").is_some() && begins_as_date(value);
    match is_rule {
        true => Some("RRULE"),
        false => is_time.then_some("DTEND"),
    }
}

fn begins_as_date(value: &str) -> bool {
    value.len() >= 8 && value.bytes().take(8).all(|byte| byte.is_ascii_digit())
}

/// Others whose values are times or rules as well.
const KNOWN: [&str; 9] = [
    "DTSTAMP",
    "CREATED",
    "LAST-MODIFIED",
    "COMPLETED",
    "DUE",
    "EXRULE",
    "ACKNOWLEDGED",
    "DCREATED",
    "UID",
];

/// Which of the properties that decide when something is a name means that is none of them.
pub(super) fn meant(name: &str, value: &str) -> Option<&'static str> {
    let has_such_a_value = |meant: &str| match meant {
        // Also of one whose colon went astray.
        "RRULE" => value.to_ascii_uppercase().contains("REQ="),
        "DURATION" => value.starts_with(['P', 'p']),
        _ => begins_as_date(value),
    };
    let is_near = |meant: &&&str| {
        let most = if meant.len() > 10 { 3 } else { 1 };
        has_such_a_value(meant) && strsim::osa_distance(meant, name) <= most
    };
    let mut all = DECIDE.iter();
    if let Some(meant) = all.find(|meant| is_run_on(name, meant)) {
        return Some(*meant);
    }
    let is_other = !DECIDE.contains(&name) && !KNOWN.contains(&name);
    DECIDE.iter().filter(|_| is_other).find(is_near).copied()
}

/// Whether a name is another one with something before it or behind it that belongs in no name: what divides it from its parameters
/// was lost.
fn is_run_on(name: &str, meant: &str) -> bool {
    const NEXT: [&str; 2] = ["TZID", "VALUE"];
    let bare = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let Some(rest) = bare.strip_prefix(meant).filter(|_| name != meant) else {
        return false;
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    rest.is_empty()
        || rest.starts_with(|c: char| !is_name(c))
        || NEXT.iter().any(|next| rest.contains(next))
}

/// A property that tells a time with a parameter whose name is nearly that of the time zone.
pub(super) fn misspelt_zone(event: &Component) -> Option<usize> {
    const KNOWN: [&str; 4] = ["TZID", "VALUE", "RANGE", "PERIOD"];
    let is_zone = |name: &str| {
        let is_other = !KNOWN.contains(&name) && !name.starts_with("X-");
        is_other && strsim::osa_distance(name, "TZID") <= 2
    };
    let mut times = event
        .props
        .iter()
        .filter(|prop| DECIDE.contains(&prop.name.as_str()));
    let found = times.find(|prop| prop.params.iter().any(|(name, _)| is_zone(name)));
    found.map(|prop| prop.line)
}

/// The UIDs that stand in a text, also in one that makes no sense: which events it may tell of.
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
    fn overwritten_pieces_are_found_with_their_line() {
        let end = "END:VCALENDAR\n";
        let zeros = "\0".repeat(RUN);
        let line = |text: &str| overwritten(text.as_bytes());
        assert_eq!(line(&format!("a b\nc{zeros}d\n{end}")), Some(2));
        assert_eq!(line(&format!("a b\nc\0d\n{end}")), None, "a slip");
        assert_eq!(line(&format!("a b\n{end}{zeros}")), None, "behind the end");
        assert_eq!(line(&format!("a\n{zeros}")), Some(2), "no end is left");
        let ones = [&b"a\nb"[..], &[0xff; RUN], end.as_bytes()].concat();
        assert_eq!(overwritten(&ones), Some(2));
        let noise = "a\nb\u{1}x\u{7f}y\u{3}z\u{1c}\u{5}";
        assert_eq!(line(&format!("{noise}\n{end}")), Some(2), "noise");
        assert_eq!(line(&format!("{end}{noise}")), None, "behind the end");
        let shifts = "\u{1b}$B\u{e}\u{f}\u{b}a\n".repeat(50);
        assert_eq!(line(&format!("{shifts}{end}")), None, "some way of writing");
        let far = (1..32).map(|n| format!("{}{}", char::from(n), "x".repeat(20)));
        assert_eq!(line(&format!("{}\n{end}", far.collect::<String>())), None);
        let mut signs = Signs::default();
        note_zeros(format!("a\n{end}{zeros}").as_bytes(), &mut signs);
        assert_eq!(signs, Signs { count: 1, line: 3 });
    }
}
