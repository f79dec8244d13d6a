//! What a person enters at Google: an event as iCalendar has it, in the words of Google's API. The side of the world that
//! calsync does not hold.

use calsync::{
    ident,
    model::{Event, Length, Master, Override, Recurs, Shape, Span, Standing, Uid, When, Zone},
};
use jiff::{ToSpan as _, tz::TimeZone};
use serde_json::{Value, json};

use super::{desk::Desk, google::FakeGoogle, rng::Rng, shore::Ours};

/// The name that something was put under an id by, if it was.
pub(crate) fn name_of(id: &str) -> String {
    let hex = id.strip_prefix("evt").unwrap_or_default();
    let name = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok();
    let name = name.and_then(|name| String::from_utf8(name).ok());
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| id.to_owned())
}

/// Makes an event one that nobody can read.
pub(crate) fn spoil(desk: &Desk, id: &str, uid: &str, how: &str) {
    desk.google.erase(&desk.id, id);
    let odd = json!({"dateTime": how, "timeZone": "Nowhere"});
    let event = json!({"id": id, "iCalUID": uid, "status": "confirmed", "start": odd, "end": odd});
    desk.google.put_odd(&desk.id, event);
}

/// Lays hands on a block, as one can at Google: on all of it, or on one occurrence.
pub(crate) fn meddle(desk: &Desk, block: &Ours, rng: &mut Rng, home: &TimeZone) {
    let (google, calendar) = (&desk.google, desk.id.as_str());
    let id = occurrence(desk, block, rng, home).unwrap_or_else(|| block.href.to_string());
    let guest = json!({"attendees": [{"email": "guest@example.org"}]});
    match rng.below(8) {
        0..=2 => google.cancel(calendar, &id),
        3 => google.alter(calendar, &id, json!({"summary": "Dentist"})),
        4 => google.alter(calendar, &id, json!({"colorId": "7"})),
        5 => google.alter(calendar, &id, json!({"transparency": "transparent"})),
        6 => {
            let from = block
                .shape
                .as_ref()
                .map(|shape| shape.first_occurrence(home).0);
            let from = from.unwrap_or(google.now()) + 90.minutes();
            let zone = json!("Europe/Berlin");
            let at = |time: jiff::Timestamp| json!({"date": null, "dateTime": time.to_string(), "timeZone": zone});
            let changes = json!({"start": at(from), "end": at(from + 1.hour())});
            google.alter(calendar, &id, changes);
        }
        _ => google.alter(calendar, &id, guest),
    }
}

/// Lays hands on any block, whoever made it.
pub(crate) fn meddle_with_any(desk: &Desk, rng: &mut Rng) {
    let events = desk.google.events(&desk.id);
    let ids = events.iter().filter_map(|event| event["id"].as_str());
    let blocks = ids.filter(|id| ident::shaped(id) == Some(id));
    if let Some(id) = rng.one(blocks.collect()) {
        change(&desk.google, &desk.id, id, rng);
    }
}

/// Lays hands on the block that is about to be changed or removed, by a request that waits to be dealt with.
pub(crate) fn meddle_with_asked(google: &FakeGoogle, rng: &mut Rng) {
    let waits = google.requests().into_iter().rfind(|asked| {
        asked.status.is_none() && ["events.update", "events.delete"].contains(&asked.call)
    });
    let about = waits
        .map(|asked| asked.request.segments())
        .unwrap_or_default();
    if let [_, _, _, calendar, _, id] = &about[..] {
        let there = google.events(calendar);
        if there.iter().any(|event| event["id"] == id.as_str()) {
            change(google, calendar, id, rng);
        }
    }
}

fn change(google: &FakeGoogle, calendar: &str, id: &str, rng: &mut Rng) {
    let guest = json!({"attendees": [{"email": "guest@example.org"}]});
    match rng.below(3) {
        0 => google.cancel(calendar, id),
        1 => google.alter(calendar, id, json!({"summary": "Dentist"})),
        _ => google.alter(calendar, id, guest),
    }
}

/// One of the first occurrences of a block that repeats, in two of three cases.
fn occurrence(desk: &Desk, block: &Ours, rng: &mut Rng, home: &TimeZone) -> Option<String> {
    let Some(Shape::Series(series)) = &block.shape else {
        return None;
    };
    let starts = series.rule.starts(series.start.local()).take(5);
    let at = rng.one(starts.collect()).filter(|_| rng.chance(67))?;
    let [original, _] = times(&series.start.at(at), series.length, home, false);
    desk.google.occurrence_id(&desk.id, &block.href, &original)
}

/// Enters an event with all that differs from it, in the place of what was there under this id. What Google has no word
/// for is left out.
pub(crate) fn enter(
    google: &FakeGoogle,
    calendar: &str,
    id: &str,
    (uid, event): (&Uid, &Event),
    home: &TimeZone,
) {
    let master = event.master.as_ref().expect("a person enters whole events");
    // What was changed in the old one is not in the new one.
    google.erase(calendar, id);
    let mut entered = json!({"id": id, "iCalUID": &**uid, "summary": "Own"});
    let [start, end] = times(&master.start, master.length, home, true);
    (entered["start"], entered["end"]) = (start, end);
    stand(&mut entered, calendar, master.standing);
    if let Some(recurs) = &master.recurs {
        entered["recurrence"] = lines(master, recurs, home).into();
    }
    google.put(calendar, entered);
    for change in &event.overrides {
        alter(google, calendar, id, change, home);
    }
}

fn alter(google: &FakeGoogle, calendar: &str, id: &str, change: &Override, home: &TimeZone) {
    let [original, _] = times(&change.at, change.length, home, false);
    // There is no changing what is not there.
    let Some(instance) = google.occurrence_id(calendar, id, &original) else {
        return;
    };
    if change.standing == Standing::Cancelled {
        google.cancel(calendar, &instance);
        return;
    }
    let [start, end] = times(&change.start, change.length, home, false);
    let mut changes = json!({"start": start, "end": end});
    stand(&mut changes, calendar, change.standing);
    google.alter(calendar, &instance, changes);
}

fn stand(event: &mut Value, calendar: &str, standing: Standing) {
    match standing {
        Standing::Busy | Standing::Note => {}
        Standing::Cancelled | Standing::Free => event["transparency"] = "transparent".into(),
        Standing::Declined => {
            event["attendees"] = json!([
                {"email": "someone@example.org"},
                {"email": calendar, "responseStatus": "declined"},
            ]);
        }
    }
}

/// Begin and end. In a series Google wants to know the zone.
fn times(start: &When, length: Length, home: &TimeZone, zoned: bool) -> [Value; 2] {
    match start.span(length, home) {
        Span::Days { first, end } => [first, end].map(|date| json!({"date": date.to_string()})),
        Span::Timed { start: from, end } => [from, end].map(|at| {
            let mut time = json!({"dateTime": at.to_string()});
            if zoned {
                time["timeZone"] = zone_of(start, home).into();
            }
            time
        }),
    }
}

fn zone_of(start: &When, home: &TimeZone) -> String {
    let zone = match start {
        When::Time(_, Zone::Named(zone)) => zone,
        _ => home,
    };
    zone.iana_name().expect("a zone with a name").to_owned()
}

/// The lines of `recurrence`.
fn lines(master: &Master, recurs: &Recurs, home: &TimeZone) -> Vec<String> {
    let mut lines = Vec::new();
    for rule in &recurs.rules {
        let until = rule.until().map(|until| match &master.start {
            When::Day(_) => until.strftime("%Y%m%d").to_string(),
            When::Time(_, zone) => instant(zone.instant(until, home)),
        });
        lines.push(format!("RRULE:{}", rule.to_text(until.as_deref())));
    }
    let extras = recurs.extras.iter().map(|extra| ("RDATE", &extra.start));
    let holes = recurs.holes.iter().map(|hole| ("EXDATE", hole));
    for (name, at) in extras.chain(holes) {
        lines.push(match at {
            When::Day(date) => format!("{name};VALUE=DATE:{}", date.strftime("%Y%m%d")),
            When::Time(..) => format!("{name}:{}", instant(at.instant(home))),
        });
    }
    lines
}

fn instant(at: jiff::Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}
