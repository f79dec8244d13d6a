//! What somebody made of a block: people in it, and all that it shows beside what calsync wrote. Pure. What proves a block is its
//! id, and nothing in here.

use google_calendar3::api;

use super::event::says;
use crate::model::{Appears, Colour, Face, Visibility};

/// The mark that all blocks carry, for people who look at their events with other programs. What proves a block is its id.
pub(in super::super) const MARK: &str = "calsync";
/// The name under which a block carries that its length is exact rather than by the clock on the wall.
pub(in super::super) const EXACT: &str = "exact";

/// Whether somebody made a meeting of a block. On one's own event, Google names the calendar itself as the organiser.
pub(super) fn people(event: &api::Event) -> bool {
    let invited = event.attendees.as_ref().is_some_and(|all| !all.is_empty());
    let creator = event.creator.as_ref().and_then(|who| who.email.as_ref());
    let foreign = event.organizer.as_ref().is_some_and(|who| {
        let own = who.self_ == Some(true) || (who.email.is_some() && who.email.as_ref() == creator);
        !own && (who.email.is_some() || who.id.is_some() || who.display_name.is_some())
    });
    invited || event.attendees_omitted == Some(true) || foreign
}

/// All that a block shows beside what calsync wrote.
pub(super) fn oddities(event: &api::Event) -> Vec<&'static str> {
    let filled = |field: &Option<String>| field.as_ref().is_some_and(|text| !text.is_empty());
    let alarms = event.reminders.as_ref().is_some_and(|reminders| {
        let alarms = reminders.overrides.iter().flatten().count();
        reminders.use_default == Some(true) || alarms > usize::from(reminder(event).is_some())
    });
    let colour = event.color_id.as_deref().unwrap_or_default();
    let kind = event.event_type.as_deref().unwrap_or("default");
    let meets = event.conference_data.is_some() || filled(&event.hangout_link);
    let odd = [
        (event.recurring_event_id.is_some(), "override"),
        (is_odd_status(event), "status"),
        (
            says(event.visibility.as_ref(), "confidential"),
            "confidential",
        ),
        (alarms, "alarm"),
        (
            !colour.is_empty() && Colour::of_id(colour).is_none(),
            "colour",
        ),
        (kind != "default", "kind"),
        (event.attachments.iter().flatten().count() > 0, "attachment"),
        (meets, "conference"),
        (!is_marked(event, MARK), "mark"),
    ];
    odd.into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, word)| word)
        .collect()
}

/// A status that calsync never gives a block: free ones are confirmed.
fn is_odd_status(event: &api::Event) -> bool {
    let is_free = says(event.transparency.as_ref(), "transparent");
    match event.status.as_deref() {
        None | Some("confirmed") => false,
        Some("tentative") => is_free,
        Some(_) => true,
    }
}

/// What a block says, as far as calsync may have written it so.
pub(super) fn face(event: &api::Event) -> Face {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let is = |field: &Option<String>, word| says(field.as_ref(), word);
    let is_private = is(&event.visibility, "private") || is(&event.visibility, "confidential");
    Face {
        title: text(&event.summary),
        notes: text(&event.description),
        place: text(&event.location),
        visibility: match is_private {
            true => Visibility::Private,
            false => Visibility::Public,
        },
        appears: if is(&event.transparency, "transparent") {
            Appears::Free
        } else if is(&event.status, "tentative") {
            Appears::Tentative
        } else {
            Appears::Busy
        },
        colour: event.color_id.as_deref().and_then(Colour::of_id),
        category: String::new(),
        reminder: reminder(event),
    }
}

/// So many minutes before its owner is reminded, in the one way that calsync asks for.
fn reminder(event: &api::Event) -> Option<u32> {
    let [alarm] = event.reminders.as_ref()?.overrides.as_deref()? else {
        return None;
    };
    let minutes = alarm
        .minutes
        .filter(|_| says(alarm.method.as_ref(), "popup"))?;
    u32::try_from(minutes).ok()
}

/// Whether a block says that its length really passes, whatever the clock on the wall does.
pub(super) fn is_exact(event: &api::Event) -> bool {
    is_marked(event, EXACT)
}

/// Whether a block carries one of the marks that calsync gave it.
fn is_marked(event: &api::Event, mark: &str) -> bool {
    let marks = event.extended_properties.as_ref();
    let marks = marks.and_then(|marks| marks.private.as_ref());
    marks.is_some_and(|marks| marks.contains_key(mark))
}
