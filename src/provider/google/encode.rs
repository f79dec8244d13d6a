//! A block as Google takes it. Pure. What leaves here invites nobody and can make nobody get mail: who is reminded, if a rule asks
//! for that, is the calendar's owner, by a window that opens.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;

use super::decode::{EXACT, MARK};
use crate::{
    ical,
    model::{
        Appears, Block, Colour, Length, Series, Shape, Span, Visibility, When, Zone,
        block::zone_name,
    },
};

/// An event as it is sent. To Google, a field that is null is a field that somebody filled in: what is not there is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    id: &'a str,
    summary: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    location: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    color_id: Option<String>,
    start: Moment,
    end: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    recurrence: Option<Vec<String>>,
    status: &'static str,
    transparency: &'static str,
    visibility: &'static str,
    reminders: Reminders,
    extended_properties: Properties,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<i32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Moment {
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reminders {
    use_default: bool,
    overrides: Vec<Reminder>,
}

#[derive(Serialize)]
struct Reminder {
    method: &'static str,
    minutes: u32,
}

#[derive(Serialize)]
struct Properties {
    private: BTreeMap<&'static str, &'static str>,
}

/// The body of a request that creates a block, or writes it over one whose sequence was `sequence`.
pub fn body(block: &Block, sequence: Option<i32>) -> Vec<u8> {
    let (start, end) = times(&block.shape);
    let mut private = BTreeMap::from([(MARK, "1")]);
    let mut recurrence = None;
    if let Shape::Series(series) = &block.shape {
        recurrence = Some(ical::write::recurrence(series));
        if matches!(series.length, Length::Elapsed { .. }) {
            private.insert(EXACT, "1");
        }
    }
    let face = &block.face;
    let event = Event {
        id: block.id.as_str(),
        summary: &face.title,
        description: &face.notes,
        location: &face.place,
        color_id: face.colour.map(Colour::id),
        start,
        end,
        recurrence,
        status: match face.appears {
            Appears::Tentative => "tentative",
            Appears::Busy | Appears::Free => "confirmed",
        },
        transparency: match face.appears {
            Appears::Free => "transparent",
            Appears::Busy | Appears::Tentative => "opaque",
        },
        visibility: match face.visibility {
            Visibility::Private => "private",
            Visibility::Public => "public",
        },
        reminders: Reminders {
            use_default: false,
            overrides: face.reminder.map(popup).into_iter().collect(),
        },
        extended_properties: Properties { private },
        sequence,
    };
    serde_json::to_vec(&event).expect("an event is always JSON")
}

fn popup(minutes: u32) -> Reminder {
    Reminder {
        method: "popup",
        minutes,
    }
}

fn times(shape: &Shape) -> (Moment, Moment) {
    match shape {
        Shape::Once(Span::Timed { start, end }) => (at(*start, None), at(*end, None)),
        Shape::Once(Span::Days { first, end }) => (on(*first), on(*end)),
        Shape::Series(Series { start, length, .. }) => {
            let zone = match start {
                When::Time(_, Zone::Named(zone)) => zone.clone(),
                _ => TimeZone::UTC,
            };
            match start.span(*length, &zone) {
                Span::Timed { start, end } => (at(start, Some(&zone)), at(end, Some(&zone))),
                Span::Days { first, end } => (on(first), on(end)),
            }
        }
    }
}

fn at(instant: Timestamp, zone: Option<&TimeZone>) -> Moment {
    Moment {
        date: None,
        // Google knows no parts of a second.
        date_time: Timestamp::from_second(instant.as_second()).ok(),
        time_zone: zone.map(|zone| zone_name(zone).to_owned()),
    }
}

fn on(date: Date) -> Moment {
    Moment {
        date: Some(date),
        date_time: None,
        time_zone: None,
    }
}
