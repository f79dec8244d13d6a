//! Text into components and properties, with line numbers. Forgiving: a line it cannot use is passed over; what it means
//! for the event it stands in is decided by the reader.

use std::borrow::Cow;

use ical::tree::line::IcalLine;

use super::damage::{self, Signs};

/// How deep components may nest. RFC 5545 needs three levels.
const DEPTH_MAX: usize = 16;

/// The most properties that a component may have.
const PROPS_MAX: usize = 50_000;
/// So many parameters of a property are kept.
const PARAMS_MAX: usize = 200;

/// A component: `VCALENDAR`, `VEVENT`, `VTIMEZONE` and so on.
#[derive(Debug, Default)]
pub struct Component {
    /// Its name in upper case.
    pub name: String,
    /// The line its `BEGIN` stands on, counted from 1.
    pub line: usize,
    /// Its properties in order.
    pub props: Vec<Prop>,
    /// The components inside it.
    pub children: Vec<Self>,
    /// The line on which something inside it could not be read at all.
    pub broken: Option<usize>,
    /// Whether a line that could not be read seems to name somebody.
    pub lost_people: bool,
    /// Whether a line that could not be read seems to say whose business it is (`CLASS`).
    pub lost_class: bool,
}

/// What a text holds.
#[derive(Debug)]
pub struct Text {
    /// Its calendars, as written.
    pub calendars: Vec<Component>,
    /// Whether there is anything outside of them: another component, or a line.
    pub strays: bool,
    /// What looks damaged in it.
    pub signs: Signs,
    /// Whether any line in it could not be read. Notes that are folded wrongly are common, so that is no sign of damage.
    pub lost: bool,
}

impl Text {
    /// Something that stands outside of all calendars.
    fn stray(&mut self, line: usize) {
        self.strays = true;
        self.signs.note(line);
    }
}

/// A property: a name, parameters and a value.
#[derive(Debug)]
pub struct Prop {
    /// Its name in upper case, without a group.
    pub name: String,
    /// The line it begins on, counted from 1.
    pub line: usize,
    /// Its parameters: upper-case name, and values without quotes.
    pub params: Vec<(String, Vec<String>)>,
    /// Its value as written, still escaped.
    pub value: String,
}

/// Why a text is not a calendar.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TextError {
    /// It holds no `BEGIN:VCALENDAR`.
    #[error("not a calendar: there is no BEGIN:VCALENDAR")]
    NoCalendar,
    /// It is written in UTF-16.
    #[error("it is written in UTF-16; export or save it as UTF-8 (RFC 5545 3.1.4)")]
    Wide,
    /// A piece of it was overwritten.
    #[error(
        "line {line}: a piece of it was overwritten with bytes that belong in no text; restore the file, or export it anew"
    )]
    Overwritten {
        /// The first such line.
        line: usize,
    },
    /// It ends inside a component.
    #[error("line {line}: the {name} that begins here never ends; the file may be cut short")]
    Cut {
        /// The component that is open, by a name that is not the file's own words.
        name: &'static str,
        /// The line it begins on.
        line: usize,
    },
    /// An event stands where none belongs, so that nobody knows what else the file has lost.
    #[error(
        "line {line}: the event that begins here is not directly inside a calendar; the file is damaged"
    )]
    Stray {
        /// The line it begins on.
        line: usize,
    },
    /// A calendar begins inside of another component.
    #[error("line {line}: a calendar begins here before another one ends; the file is damaged")]
    Nested {
        /// The line it begins on.
        line: usize,
    },
    /// A component has properties without end.
    #[error("line {line}: more than {PROPS_MAX} properties in one component")]
    Crowded {
        /// The line of the one too many.
        line: usize,
    },
    /// Components nest without end.
    #[error("line {line}: components are nested too deeply")]
    Deep {
        /// The line of the one too many.
        line: usize,
    },
}

impl Component {
    /// The first property of this name.
    pub fn prop(&self, name: &str) -> Option<&Prop> {
        self.props.iter().find(|prop| prop.name == name)
    }

    /// All properties of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Prop> {
        self.props.iter().filter(move |prop| prop.name == name)
    }

    /// The value of the first property of this name, trimmed.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.prop(name).map(|prop| prop.value.trim())
    }
}

impl Prop {
    /// The first value of a parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        let (_, values) = self.params.iter().find(|(n, _)| n == name)?;
        values.first().map(String::as_str)
    }

    /// Whether the value is said to be a date.
    pub fn is_date(&self) -> bool {
        self.param("VALUE")
            .is_some_and(|v| v.eq_ignore_ascii_case("DATE"))
    }

    /// The value as text, unescaped (RFC 5545 3.3.11).
    pub fn text(&self) -> String {
        let mut texts = unescaped(&self.value, None);
        texts.pop().unwrap_or_default()
    }

    /// The value as a list of texts, each unescaped.
    pub fn texts(&self) -> Vec<String> {
        unescaped(&self.value, Some(','))
    }
}

/// A value in parts, without the backslashes that keep signs from meaning anything.
fn unescaped(value: &str, between: Option<char>) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => part.push('\n'),
                Some(other) => part.push(other),
                None => {}
            },
            _ if Some(c) == between => parts.push(std::mem::take(&mut part)),
            _ => part.push(c),
        }
    }
    parts.push(part);
    parts
}

/// Whether a property of this name tells of people: whoever is invited or invites, or where they meet from afar. Programs
/// that put theirs aside keep them under names of their own.
pub fn tells_of_people(name: &str) -> bool {
    const KINDS: [&str; 3] = ["ATTENDEE", "ORGANIZER", "CONFERENCE"];
    let own = name
        .strip_prefix("X-")
        .and_then(|own| own.rsplit('-').next());
    KINDS.contains(&own.unwrap_or(name))
}

/// Reads all calendars in a text.
pub fn calendars(bytes: &[u8]) -> Result<Vec<Component>, TextError> {
    read(bytes).map(|text| text.calendars)
}

/// Reads all calendars in a text, and whether there is anything else in it.
pub fn read(bytes: &[u8]) -> Result<Text, TextError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if is_wide(bytes) {
        return Err(TextError::Wide);
    }
    let bytes = &*with_newlines(bytes);
    let mut open: Vec<Component> = Vec::new();
    let mut done = Text {
        calendars: Vec::new(),
        strays: false,
        signs: Signs::default(),
        lost: false,
    };
    if let Some(line) = damage::overwritten(bytes) {
        return Err(TextError::Overwritten { line });
    }
    damage::note_zeros(bytes, &mut done.signs);
    let mut rest = bytes;
    let mut line_number = 1;
    while !rest.trim_ascii().is_empty() {
        let blank = rest.iter().position(|b| !matches!(b, b'\r' | b'\n'));
        let (skipped, from) = rest.split_at(blank.unwrap_or(0));
        line_number += newlines(skipped);
        let (line, tail) = match IcalLine::take(from) {
            Ok((line, tail)) => (Some(line), tail),
            Err(_) => (None, after_folds(IcalLine::take_physical(from).1)),
        };
        let consumed = from.get(..from.len() - tail.len()).unwrap_or_default();
        match line {
            Some(line) => step(&line, line_number, &mut open, &mut done)?,
            None => lose(consumed, line_number, &mut open, &mut done),
        }
        line_number += newlines(consumed);
        // A tokeniser that consumed nothing would never end.
        rest = if consumed.is_empty() { &[] } else { tail };
    }
    if let Some(component) = open.last() {
        return Err(cut(component));
    }
    match done.calendars.is_empty() {
        true => Err(TextError::NoCalendar),
        false => Ok(done),
    }
}

/// A text whose lines end as the tokeniser expects: some old programs end them with a carriage return alone.
pub(super) fn with_newlines(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.contains(&b'\n') {
        return Cow::Borrowed(bytes);
    }
    let newline = |b: &u8| if *b == b'\r' { b'\n' } else { *b };
    bytes.iter().map(newline).collect()
}

/// Remembers of a line that could not be read what it seems to have been.
fn lose(line: &[u8], number: usize, open: &mut [Component], done: &mut Text) {
    let name = lost_name(line);
    done.lost = true;
    match open.last_mut() {
        Some(component) => {
            component.lost_people |= tells_of_people(&name);
            component.lost_class |= name == "CLASS" || tells_of_class(line);
            let before = component.props.last();
            let goes_on = before.is_some_and(|p| matters(&p.name)) && is_of_a_value(line);
            if goes_on || matters(&name) || is_torn(line) || tells_a_time(line, &name) {
                component.broken.get_or_insert(number);
            }
        }
        None => done.stray(number),
    }
}

/// Whether a line that could not be read seems to end as one does that says that an event is private.
fn tells_of_class(line: &[u8]) -> bool {
    let line = line.trim_ascii().to_ascii_uppercase();
    line.ends_with(b"PRIVATE") || line.ends_with(b"CONFIDENTIAL")
}

/// What a line that could not be read begins with that could be the name of a property, in upper case.
fn lost_name(line: &[u8]) -> String {
    const LONGEST: usize = 100;
    let mut name = String::new();
    let mut folded = false;
    for &byte in line {
        match byte {
            b'\r' | b'\n' => folded = true,
            b' ' | b'\t' if folded => folded = false,
            _ if folded || name.len() > LONGEST => break,
            b'-' | b'.' | b'_' => name.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => name.push(char::from(byte)),
            // A letter of which one bit is wrong.
            _ if !byte.is_ascii() => name.push(char::from(byte & 0x7f)),
            // An indented line that goes on with nothing.
            b' ' | b'\t' if name.is_empty() => {}
            _ => break,
        }
    }
    upper(&name)
}

/// Whether a line that could not be read seems to be one that decides when an event is. Stray text, such as a note folded
/// wrongly, is common in the wild and harms nothing.
fn matters(name: &str) -> bool {
    DECIDING.iter().any(|known| name.starts_with(known))
}

/// Whether a line that could not be read has a value of one that decides when an event is, under a name like that of one.
fn tells_a_time(line: &[u8], name: &str) -> bool {
    let colon = line.iter().position(|byte| *byte == b':');
    let value = colon.and_then(|colon| line.get(colon + 1..));
    let value = String::from_utf8_lossy(value.unwrap_or_default());
    damage::meant(name, value.trim()).is_some()
}

/// Whether a line may be the rest of a rule, of a length, or of a list of times, which lost its indentation.
fn is_of_a_value(line: &[u8]) -> bool {
    let is_of_it = |byte: &u8| {
        let is_sign = b"=,;+-/".contains(byte);
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || is_sign
    };
    line.trim_ascii().iter().all(is_of_it)
}

/// Whether a line is nothing but the beginning of the name of such a property: the line broke in the middle of it.
fn is_torn(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.len() >= 2
        && DECIDING
            .iter()
            .any(|known| known.as_bytes().starts_with(line))
}

/// The properties that decide when an event is, and whose.
const DECIDING: [&str; 10] = [
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "RDATE",
    "EXDATE",
    "EXRULE",
    "RECURRENCE-ID",
    "UID",
    "TRANSP",
];

fn step(
    line: &IcalLine<'_>,
    number: usize,
    open: &mut Vec<Component>,
    done: &mut Text,
) -> Result<(), TextError> {
    let name = upper(line.name.get());
    match name.as_str() {
        "BEGIN" => {
            if open.len() >= DEPTH_MAX {
                return Err(TextError::Deep { line: number });
            }
            open.push(Component {
                name: upper(line.raw_value_str().trim()),
                line: number,
                ..Component::default()
            });
        }
        "END" => {
            let Some(component) = open.pop() else {
                done.signs.note(number);
                return Ok(());
            };
            let ended = upper(line.raw_value_str().trim());
            if ended != component.name {
                return Err(cut(&component));
            }
            let around = open.last().map(|parent| parent.name.as_str());
            is_in_place(&component, around)?;
            match open.last_mut() {
                Some(parent) => parent.children.push(component),
                None if component.name == "VCALENDAR" => done.calendars.push(component),
                None => done.stray(number),
            }
        }
        _ => match open.last_mut() {
            Some(component) if component.props.len() >= PROPS_MAX => {
                return Err(TextError::Crowded { line: number });
            }
            Some(component) => {
                let prop = prop(line, name, number);
                // An event that the line before has swallowed.
                if prop.value.contains("BEGIN:VEVENT") {
                    done.signs.note(number);
                }
                component.props.push(prop);
            }
            None => done.stray(number),
        },
    }
    Ok(())
}

/// Whether a component is where it may be (RFC 5545 3.4, 3.6): an event in a calendar, and a calendar in nothing. To leave out
/// what is elsewhere would be to take it for gone.
fn is_in_place(component: &Component, around: Option<&str>) -> Result<(), TextError> {
    let line = component.line;
    match (component.name.as_str(), around) {
        ("VEVENT", Some("VCALENDAR")) | ("VCALENDAR", None) => Ok(()),
        ("VEVENT", _) => Err(TextError::Stray { line }),
        ("VCALENDAR", Some(_)) => Err(TextError::Nested { line }),
        _ => Ok(()),
    }
}

/// Whether a text is written in UTF-16, as some programs call "Unicode".
fn is_wide(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")
}

/// A component that never ends. What a damaged file calls it may be anything, a title for instance, so only known names are
/// repeated.
fn cut(component: &Component) -> TextError {
    const NAMES: [&str; 9] = [
        "VCALENDAR",
        "VEVENT",
        "VTODO",
        "VJOURNAL",
        "VFREEBUSY",
        "VTIMEZONE",
        "VALARM",
        "STANDARD",
        "DAYLIGHT",
    ];
    let known = NAMES.into_iter().find(|name| *name == component.name);
    TextError::Cut {
        name: known.unwrap_or("component"),
        line: component.line,
    }
}

fn prop(line: &IcalLine<'_>, name: String, number: usize) -> Prop {
    let params = line.params.iter().take(PARAMS_MAX).map(|param| {
        let values = param
            .values
            .iter()
            .map(|v| v.get().trim_matches('"').to_owned());
        (param.name.get().to_ascii_uppercase(), values.collect())
    });
    Prop {
        name,
        line: number,
        params: params.collect(),
        value: line.raw_value_str().into_owned(),
    }
}

/// The name in upper case, without the group that vCalendar allows before it.
fn upper(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).to_ascii_uppercase()
}

/// What follows a line that could not be read and all that is folded into it. One by one its folds would each be read with
/// all that come after them.
fn after_folds(mut rest: &[u8]) -> &[u8] {
    while rest.starts_with(b" ") || rest.starts_with(b"\t") {
        rest = IcalLine::take_physical(rest).1;
    }
    rest
}

pub(super) fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_through_folds_and_blanks() {
        let text = b"BEGIN:VCALENDAR\r\n\r\nBEGIN:VEVENT\r\nSUMMARY:a\r\n b\r\nUID;X=\"q;r\":u\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let found = calendars(text).unwrap();
        let event = &found[0].children[0];
        assert_eq!(event.line, 3);
        assert_eq!(event.prop("SUMMARY").unwrap().line, 4);
        assert_eq!(event.prop("SUMMARY").unwrap().value, "ab");
        let uid = event.prop("UID").unwrap();
        assert_eq!((uid.line, uid.param("X")), (6, Some("q;r")));
    }

    #[test]
    fn half_a_file_is_not_a_calendar() {
        let text = b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\n";
        let cut = TextError::Cut {
            name: "VEVENT",
            line: 2,
        };
        assert_eq!(calendars(text).unwrap_err(), cut);
        assert_eq!(
            calendars(b"<html></html>").unwrap_err(),
            TextError::NoCalendar
        );
        assert_eq!(calendars(b"").unwrap_err(), TextError::NoCalendar);
    }

    #[test]
    fn endless_nesting_is_refused() {
        let text = "BEGIN:X\n".repeat(1_000_000);
        assert!(matches!(
            calendars(text.as_bytes()),
            Err(TextError::Deep { .. })
        ));
    }

    #[test]
    fn text_is_unescaped() {
        let text = b"BEGIN:VCALENDAR\nX:a\\, b\\nc\\\\\nEND:VCALENDAR\n";
        assert_eq!(
            calendars(text).unwrap()[0].prop("X").unwrap().text(),
            "a, b\nc\\"
        );
    }
}
