//! What an event at Google says beside its times that a rule may ask for. Of its words, no more than a rule shows.

use google_calendar3::api;

use crate::model::{Answer, Colour, Interest, Kind, Shown, Traits, Words};

/// What an event says beside its times.
pub(super) fn traits(event: &api::Event, interest: &Interest) -> Traits {
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
    let private = says(&event.visibility, "private") || says(&event.visibility, "confidential");
    let organiser = event.organizer.as_ref();
    let invited = organiser.is_some_and(|organiser| organiser.self_ != Some(true));
    Traits {
        kind,
        answer,
        shown,
        private,
        invited,
        guests: invited || guests.iter().any(is_somebody_else),
        travel: 0,
        marks: interest.marks(|| (text(event.summary.as_ref()), colour(event))),
        words: interest.words(private, |details| words(event, details)),
    }
}

/// The words of an event that a rule shows.
fn words(event: &api::Event, details: bool) -> Words {
    let titled = Words::titled(&text(event.summary.as_ref()));
    if !details {
        return titled;
    }
    let guests = event.attendees.iter().flatten();
    let others = guests.filter(|guest| is_somebody_else(guest));
    let name = |guest: &api::EventAttendee| {
        let name = guest.display_name.as_ref().filter(|name| !name.is_empty());
        text(name.or(guest.email.as_ref()))
    };
    titled.with_details(
        &text(event.location.as_ref()),
        &text(event.description.as_ref()),
        others.map(name),
    )
}

fn is_somebody_else(guest: &api::EventAttendee) -> bool {
    guest.self_ != Some(true) && guest.resource != Some(true)
}

fn text(field: Option<&String>) -> String {
    field.cloned().unwrap_or_default()
}

fn colour(event: &api::Event) -> Vec<String> {
    let colour = event.color_id.as_deref().and_then(Colour::of_id);
    colour
        .map(|colour| colour.name().to_owned())
        .into_iter()
        .collect()
}
