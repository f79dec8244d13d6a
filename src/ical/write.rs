//! Blocks into iCalendar text. Strict: what leaves here follows RFC 5545 to the letter, and has nobody to mail to: no
//! attendee, no organiser, no method, and no alarm but one that a rule asks for, which is shown and mails nobody.

use std::fmt::Write as _;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::vtimezone::vtimezone;
use crate::model::{
    Appears, Block, Face, Length, Series, Shape, Span, Visibility, When, Zone, block::zone_name,
};

/// How every text begins that is written here.
const HEAD: [&str; 3] = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//calsync//calsync//EN",
];

/// Whether bytes are the beginning of what [`write()`] writes, and no more than that.
pub fn is_cut_short(bytes: &[u8]) -> bool {
    let head: Vec<u8> = HEAD
        .iter()
        .flat_map(|line| [line.as_bytes(), b"\r\n"].concat())
        .collect();
    let is_begun = head.starts_with(bytes) || bytes.starts_with(&head);
    is_begun && !bytes.trim_ascii_end().ends_with(b"END:VCALENDAR")
}

/// The text of a calendar that holds one block. `now` is its DTSTAMP.
pub fn write(block: &Block, now: Timestamp) -> String {
    let mut text = Text::default();
    for line in HEAD {
        text.line(line);
    }
    if let Shape::Series(Series {
        start: When::Time(local, Zone::Named(zone)),
        ..
    }) = &block.shape
        && !is_utc(zone)
    {
        for line in vtimezone(zone, local.year()) {
            text.line(&line);
        }
    }
    text.line("BEGIN:VEVENT");
    text.line(&format!("UID:{}", block.id));
    text.line(&format!("DTSTAMP:{}", utc(now)));
    match &block.shape {
        Shape::Once(span) => once(&mut text, span),
        Shape::Series(series) => repeats(&mut text, series),
    }
    face(&mut text, &block.face);
    text.line("END:VEVENT");
    text.line("END:VCALENDAR");
    text.0
}

fn face(text: &mut Text, face: &Face) {
    text.line(&format!("SUMMARY:{}", escape(&face.title)));
    for (name, value) in [
        ("DESCRIPTION", &face.notes),
        ("LOCATION", &face.place),
        ("CATEGORIES", &face.category),
    ] {
        if !value.is_empty() {
            text.line(&format!("{name}:{}", escape(value)));
        }
    }
    if let Some(colour) = face.colour {
        text.line(&format!("COLOR:{}", colour.css()));
    }
    text.line(match face.visibility {
        Visibility::Private => "CLASS:PRIVATE",
        Visibility::Public => "CLASS:PUBLIC",
    });
    if face.appears == Appears::Tentative {
        text.line("STATUS:TENTATIVE");
    }
    text.line(match face.appears {
        Appears::Free => "TRANSP:TRANSPARENT",
        Appears::Busy | Appears::Tentative => "TRANSP:OPAQUE",
    });
    if let Some(minutes) = face.reminder {
        // RFC 5545 3.6.6: what is shown to whoever looks, and nobody is mailed.
        text.line("BEGIN:VALARM");
        text.line("ACTION:DISPLAY");
        text.line(&format!("DESCRIPTION:{}", escape(&face.title)));
        text.line(&format!("TRIGGER:-PT{minutes}M"));
        text.line("END:VALARM");
    }
}

fn once(text: &mut Text, span: &Span) {
    match span {
        Span::Timed { start, end } => {
            text.line(&format!("DTSTART:{}", utc(*start)));
            text.line(&format!("DTEND:{}", utc(*end)));
        }
        Span::Days { first, end } => {
            text.line(&format!("DTSTART;VALUE=DATE:{}", first.strftime("%Y%m%d")));
            text.line(&format!("DTEND;VALUE=DATE:{}", end.strftime("%Y%m%d")));
        }
    }
}

fn repeats(text: &mut Text, series: &Series) {
    let stamp = Stamp::of(&series.start);
    let start = series.start.local();
    text.line(&format!("DTSTART{}", stamp.value(start)));
    match series.length {
        Length::Days(days) => {
            let end = Span::days(start.date(), days);
            let Span::Days { end, .. } = end else {
                unreachable!("whole days are whole days")
            };
            text.line(&format!("DTEND{}", stamp.value(end.at(0, 0, 0, 0))));
        }
        Length::Wall(seconds) => {
            let end = start.saturating_add(jiff::Span::new().seconds(seconds));
            text.line(&format!("DTEND{}", stamp.value(end)));
        }
        Length::Elapsed { days, seconds } => {
            text.line(&format!("DURATION:{}", duration(days, seconds)));
        }
    }
    for line in recurrence(series) {
        text.line(&line);
    }
}

/// The lines that say how a series repeats: its `RRULE`, and an `EXDATE` for each hole.
pub fn recurrence(series: &Series) -> Vec<String> {
    let stamp = Stamp::of(&series.start);
    let until = series.rule.until().map(|until| stamp.until(until));
    let rule = format!("RRULE:{}", series.rule.to_text(until.as_deref()));
    let holes = series.holes.iter();
    let holes = holes.map(|hole| format!("EXDATE{}", stamp.value(*hole)));
    std::iter::once(rule).chain(holes).collect()
}

/// How a series writes its times.
enum Stamp<'a> {
    Day,
    Utc,
    In(&'a TimeZone),
}

impl<'a> Stamp<'a> {
    fn of(start: &'a When) -> Self {
        match start {
            When::Day(_) => Self::Day,
            When::Time(_, Zone::Named(zone)) if !is_utc(zone) => Self::In(zone),
            When::Time(..) => Self::Utc,
        }
    }

    /// Parameters and value of a property that holds this local time.
    fn value(&self, local: DateTime) -> String {
        match self {
            Self::Day => format!(";VALUE=DATE:{}", local.strftime("%Y%m%d")),
            Self::Utc => format!(":{}Z", local.strftime("%Y%m%dT%H%M%S")),
            Self::In(zone) => {
                format!(
                    ";TZID={}:{}",
                    zone_name(zone),
                    local.strftime("%Y%m%dT%H%M%S")
                )
            }
        }
    }

    /// `UNTIL` as RFC 5545 3.3.10 wants it: a date for dates, UTC for all other times.
    fn until(&self, local: DateTime) -> String {
        match self {
            Self::Day => local.strftime("%Y%m%d").to_string(),
            Self::Utc => format!("{}Z", local.strftime("%Y%m%dT%H%M%S")),
            Self::In(zone) => utc(Zone::Named((*zone).clone()).instant(local, zone)),
        }
    }
}

fn is_utc(zone: &TimeZone) -> bool {
    zone_name(zone) == "UTC"
}

fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn duration(days: i32, seconds: i64) -> String {
    match (days, seconds) {
        (days, 0) => format!("P{days}D"),
        (0, seconds) => format!("PT{seconds}S"),
        (days, seconds) => format!("P{days}DT{seconds}S"),
    }
}

/// Text as RFC 5545 3.3.11 writes it. Control characters have no form there and are left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Lines, ended and folded as RFC 5545 3.1 wants them.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        let mut width = 0;
        for c in line.chars() {
            if width + c.len_utf8() > 75 {
                self.0.push_str("\r\n ");
                width = 1;
            }
            self.0.push(c);
            width += c.len_utf8();
        }
        write!(self.0, "\r\n").expect("writing to a string never fails");
    }
}
