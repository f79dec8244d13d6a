//! How an event looks to somebody: times in the zone they asked for, details hidden from those who may not see them. Must
//! never change anything.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};

use super::world::{Calendar, Role, Stored};

/// What is left of an event for those who may only know that somebody is busy.
const BUSY: [&str; 12] = [
    "created",
    "end",
    "eventType",
    "iCalUID",
    "id",
    "originalStartTime",
    "recurrence",
    "recurringEventId",
    "sequence",
    "start",
    "status",
    "updated",
];

/// How somebody looks at a calendar.
#[derive(Clone)]
pub(crate) struct Viewer {
    pub(crate) role: Role,
    pub(crate) zone: TimeZone,
}

impl Viewer {
    /// The whole of an event.
    pub(crate) fn see(&self, calendar: &Calendar, event: &Stored) -> Value {
        let mut body = event.body.clone();
        body.entry("kind")
            .or_insert_with(|| "calendar#event".into());
        body.entry("etag").or_insert_with(|| event.etag().into());
        if event.verbatim {
            return Value::Object(body);
        }
        for name in ["start", "end", "originalStartTime"] {
            if let Some(time) = body.get_mut(name) {
                self.turn(time);
            }
        }
        mark_self(&mut body, &calendar.id);
        if self.may_not_see(event) {
            body.retain(|name, _| {
                BUSY.contains(&name.as_str())
                    || name == "kind"
                    || name == "etag"
                    || name == "transparency"
            });
            body.insert("visibility".to_owned(), "private".into());
        }
        Value::Object(body)
    }

    /// An event in a list, where of one that is gone hardly anything is said.
    pub(crate) fn see_in_list(&self, calendar: &Calendar, event: &Stored) -> Value {
        if !event.is_cancelled() || event.verbatim {
            return self.see(calendar, event);
        }
        let mut stub = json!({
            "kind": "calendar#event",
            "etag": event.etag(),
            "id": event.text("id"),
            "status": "cancelled",
        });
        if event.body.contains_key("recurringEventId") && !event.orphaned {
            for name in ["recurringEventId", "originalStartTime"] {
                stub[name] = event.body.get(name).cloned().unwrap_or_default();
            }
            self.turn(&mut stub["originalStartTime"]);
        }
        stub
    }

    fn may_not_see(&self, event: &Stored) -> bool {
        let private = ["private", "confidential"].contains(&event.text("visibility"));
        match self.role {
            Role::FreeBusyReader => true,
            Role::Reader | Role::WriterWithoutPrivateAccess => private,
            Role::Writer | Role::Owner => false,
        }
    }

    /// Writes an instant with the offset of the viewer's zone, whatever the zone of the event is.
    fn turn(&self, time: &mut Value) {
        let instant = time["dateTime"]
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok());
        if let Some(instant) = instant {
            time["dateTime"] = show(instant, &self.zone).into();
        }
    }
}

/// RFC 3339, with `Z` in UTC.
pub(crate) fn show(instant: Timestamp, zone: &TimeZone) -> String {
    let local = instant.to_zoned(zone.clone());
    match local.offset().is_zero() {
        true => local.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        false => local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    }
}

/// Marks the people who are this calendar.
fn mark_self(body: &mut Map<String, Value>, calendar: &str) {
    let mark = |person: &mut Value| {
        if person["email"] == calendar {
            person["self"] = true.into();
        }
    };
    for name in ["organizer", "creator"] {
        body.get_mut(name).into_iter().for_each(mark);
    }
    let attendees = body.get_mut("attendees").and_then(Value::as_array_mut);
    attendees.into_iter().flatten().for_each(mark);
}
