//! A block as Google takes it. Pure. What leaves here names nobody, reminds nobody and can make nobody get mail.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use google_calendar3::api;
use jiff::{Timestamp, tz::TimeZone};

use super::decode::EXACT;
use crate::{
    ical,
    model::{Block, Length, Series, Shape, Span, When, Zone, block::zone_name},
};

/// The mark that all blocks carry, for people who look at their events with other programs. What proves a block is its id.
const MARK: &str = "calsync";

/// The body of a request that creates a block, or writes it over one whose sequence was `sequence`.
pub fn body(block: &Block, sequence: Option<i32>) -> Vec<u8> {
    let event = event(block, sequence);
    let mut json = serde_json::to_value(event).unwrap_or_default();
    // To Google, a field that is null is a field that somebody filled in.
    if let Some(fields) = json.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
        for value in fields.values_mut() {
            if let Some(fields) = value.as_object_mut() {
                fields.retain(|_, value| !value.is_null());
            }
        }
    }
    json.to_string().into_bytes()
}

fn event(block: &Block, sequence: Option<i32>) -> api::Event {
    let (start, end) = times(&block.shape);
    let mut marks = BTreeMap::from([(MARK.to_owned(), "1".to_owned())]);
    let mut recurrence = None;
    if let Shape::Series(series) = &block.shape {
        recurrence = Some(ical::write::recurrence(series));
        if matches!(series.length, Length::Elapsed { .. }) {
            marks.insert(EXACT.to_owned(), "1".to_owned());
        }
    }
    let text = |text: &str| Some(text.to_owned());
    api::Event {
        id: text(block.id.as_str()),
        summary: text(&block.face.title),
        description: text(&block.face.notes),
        start: Some(start),
        end: Some(end),
        recurrence,
        status: text("confirmed"),
        transparency: text("opaque"),
        visibility: text("private"),
        reminders: Some(api::EventReminders {
            use_default: Some(false),
            overrides: Some(Vec::new()),
        }),
        extended_properties: Some(api::EventExtendedProperties {
            private: Some(marks.into_iter().collect()),
            shared: None,
        }),
        sequence,
        ..api::Event::default()
    }
}

fn times(shape: &Shape) -> (api::EventDateTime, api::EventDateTime) {
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

fn at(instant: Timestamp, zone: Option<&TimeZone>) -> api::EventDateTime {
    api::EventDateTime {
        date: None,
        date_time: DateTime::<Utc>::from_timestamp(instant.as_second(), 0),
        time_zone: zone.map(|zone| zone_name(zone).to_owned()),
    }
}

fn on(date: jiff::civil::Date) -> api::EventDateTime {
    let small = |n: i8| u32::try_from(n).unwrap_or(1);
    let (month, day) = (small(date.month()), small(date.day()));
    api::EventDateTime {
        date: chrono::NaiveDate::from_ymd_opt(i32::from(date.year()), month, day),
        date_time: None,
        time_zone: None,
    }
}
