//! What an event at Google says beside its times that a rule may ask for. Never keeps a word of it.

use std::collections::BTreeSet;

use google_calendar3::api;

use crate::model::{Answer, Kind, Patterns, Shown, Traits};

/// The names that Google's own pages give to the colours of events (`colorId`, reference: `colors.get`).
const COLOURS: [(&str, &str); 11] = [
    ("1", "Lavender"),
    ("2", "Sage"),
    ("3", "Grape"),
    ("4", "Flamingo"),
    ("5", "Banana"),
    ("6", "Tangerine"),
    ("7", "Peacock"),
    ("8", "Graphite"),
    ("9", "Blueberry"),
    ("10", "Basil"),
    ("11", "Tomato"),
];

/// What an event says beside its times.
pub(super) fn traits(event: &api::Event, patterns: &Patterns) -> Traits {
    let kind = match event.event_type.as_deref() {
        Some("outOfOffice") => Kind::OutOfOffice,
        Some("focusTime") => Kind::FocusTime,
        Some("workingLocation") => Kind::WorkingLocation,
        Some("birthday") => Kind::Birthday,
        _ => Kind::Usual,
    };
    let guests = event.attendees.as_deref().unwrap_or_default();
    let own = guests.iter().find(|guest| guest.self_ == Some(true));
    let answer = match own.and_then(|own| own.response_status.as_deref()) {
        Some("declined") => Answer::Declined,
        Some("tentative") => Answer::Tentative,
        Some("needsAction") => Answer::Unanswered,
        _ => Answer::Accepted,
    };
    let says = |field: &Option<String>, word| field.as_deref() == Some(word);
    let shown = if says(&event.transparency, "transparent") {
        Shown::Free
    } else if kind == Kind::OutOfOffice {
        Shown::Away
    } else if says(&event.status, "tentative") {
        Shown::Tentative
    } else {
        Shown::Busy
    };
    let organiser = event.organizer.as_ref();
    Traits {
        kind,
        answer,
        shown,
        private: says(&event.visibility, "private") || says(&event.visibility, "confidential"),
        invited: organiser.is_some_and(|organiser| organiser.self_ != Some(true)),
        guests: guests
            .iter()
            .any(|guest| guest.self_ != Some(true) && guest.resource != Some(true)),
        marks: match patterns.is_empty() {
            true => BTreeSet::new(),
            false => patterns.marks(event.summary.as_deref().unwrap_or_default(), &colour(event)),
        },
    }
}

fn colour(event: &api::Event) -> Vec<String> {
    let id = event.color_id.as_deref();
    let named = COLOURS.iter().find(|(number, _)| Some(*number) == id);
    named
        .map(|(_, name)| (*name).to_owned())
        .into_iter()
        .collect()
}
